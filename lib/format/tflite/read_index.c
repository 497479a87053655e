/* Operators that take or put elements by index. */
#include <float.h>
#include <string.h>

#include "format/tflite/operators.h"

enum gather_slots { GATHER_AXIS, GATHER_BATCH };

static enum dtype dtype_of(struct tflite_op *o, struct value *v)
{
    const struct type *type = tflite_type(o->b, v);
    return type ? type->dtype : DTYPE_NONE;
}

/* Output k in the integer type that the file states. */
static void give_as_stated(struct tflite_op *o, int k, struct value *v)
{
    struct tflite_tensor *t = tflite_output(o, k);
    struct type type;
    if (t && tflite_tensor_type(o->g, t, &type) == 0)
        tflite_give_raw(o, k, build_cast(o->b, v, type.dtype));
}

/* ---- gathering ---- */

void tflite_read_gather(struct tflite_op *o)
{
    int axis = tflite_axis(o, (int32_t)flatbuf_int(o->options, GATHER_AXIS, 4, 0), tflite_want_rank(o, 0));
    int64_t batch = flatbuf_int(o->options, GATHER_BATCH, 4, 0), index_rank = tflite_want_rank(o, 1);
    if (batch < 0)
        batch += index_rank;
    tflite_give(o, 0,
                build_gather(o->b, tflite_in(o, 0), tflite_want_rank(o, 0),
                             batch ? tflite_i64_as_is(o, 1) : tflite_raw(o, 1), (int)index_rank, axis,
                             tflite_axis(o, batch, TENSOR_MAX_RANK)));
}

void tflite_read_gather_nd(struct tflite_op *o)
{
    tflite_give(o, 0, BUILD(o->b, "GatherND", tflite_in(o, 0), tflite_i64_as_is(o, 1)));
}

/* Rows of input 1. */
void tflite_read_embedding(struct tflite_op *o)
{
    tflite_give(o, 0, BUILD(o->b, "Gather", tflite_real(o, 1), tflite_raw(o, 0)));
}

/* ---- scattering ---- */

/* `shape` (i64 [n]) filled with one number of this type. */
static struct value *filled(struct tflite_op *o, struct value *shape, enum dtype dtype, double number)
{
    return BUILD(o->b, "Expand", build_number(o->b, dtype, number), shape);
}

void tflite_read_scatter_nd(struct tflite_op *o)
{
    struct value *updates = tflite_real(o, 1), *zeros = filled(o, tflite_i64(o, 2), dtype_of(o, updates), 0);
    struct value *y = BUILD(o->b, "ScatterND", zeros, tflite_i64_as_is(o, 0), updates);
    tflite_give(o, 0, build_string(o->b, y, "reduction", "add"));
}

/* Indices [count, rank], or less of them for one axis or one element. */
void tflite_read_sparse_to_dense(struct tflite_op *o)
{
    int rank = tflite_want_rank(o, 0);
    struct value *at = tflite_i64_as_is(o, 0), *values = tflite_raw(o, 2);
    struct value *all = BUILD(o->b, "Expand", tflite_scalar(o->b, tflite_raw(o, 3)), tflite_i64(o, 1));
    if (rank < 2)
        at = build_reshape(o->b, at, 2, (int64_t[]){-1, 1});
    if (tflite_want_rank(o, 2) == 0)
        values = BUILD(o->b, "Expand", values, build_shape(o->b, at, 0, 1));
    tflite_give_raw(o, 0, BUILD(o->b, "ScatterND", all, at, values));
}

/* Input 1 names the row of the result that a row of input 0 belongs to. */
static void segments(struct tflite_op *o, struct value *count, const char *how, double start)
{
    struct value *x = tflite_real(o, 0), *at = tflite_i64_as_is(o, 1);
    int rank = tflite_want_rank(o, 0), index_rank = tflite_want_rank(o, 1);
    struct value *parts[] = {count, build_shape(o->b, x, index_rank, rank)};
    struct value *shape = rank > index_rank ? build_int(o->b, build_node(o->b, "Concat", 2, parts), "axis", 0) : count;
    struct value *y =
        BUILD(o->b, "ScatterND", filled(o, shape, dtype_of(o, x), start), build_unsqueeze(o->b, at, -1), x);
    tflite_give(o, 0, build_string(o->b, y, "reduction", how));
}

void tflite_read_unsorted_segments(struct tflite_op *o)
{
    static const struct {
        const char *how;
        double start;
    } ways[] = {{"add", 0}, {"mul", 1}, {"max", -(double)FLT_MAX}, {"min", (double)FLT_MAX}};
    const char *how = o->row->onnx;
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
        if (strcmp(ways[i].how, how) == 0)
            segments(o, tflite_i64(o, 2), how, ways[i].start);
}

/* The numbers of segments rise: the last tells how many there are. */
void tflite_read_segment_sum(struct tflite_op *o)
{
    struct value *last = build_slice(o->b, tflite_i64_as_is(o, 1), 0, -1, INT64_MAX);
    segments(o, BUILD(o->b, "Add", last, BUILD_LIST(o->b, 1)), "add", 0);
}

/* ---- indices as results ---- */

/* An index out of range gives a row that is all off, which ONNX's OneHot would wrap around. */
void tflite_read_one_hot(struct tflite_op *o)
{
    int64_t dims[TENSOR_MAX_RANK];
    int rank = tflite_want_rank(o, 0) + 1;
    int axis = tflite_axis(o, (int32_t)flatbuf_int(o->options, 0, 4, 0), rank);
    if (rank > TENSOR_MAX_RANK || o->b->failed)
        return;
    struct value *at = build_unsqueeze(o->b, build_cast(o->b, tflite_raw(o, 0), DTYPE_I64), axis);
    struct value *depth = tflite_scalar(o->b, tflite_i64(o, 1));
    struct value *each =
        BUILD(o->b, "Range", build_number(o->b, DTYPE_I64, 0), depth, build_number(o->b, DTYPE_I64, 1));
    for (int i = axis; i < rank; i++)
        dims[i - axis] = i == axis ? -1 : 1;
    struct value *is_on = BUILD(o->b, "Equal", at, build_reshape(o->b, each, rank - axis, dims));
    tflite_give(
        o, 0,
        BUILD(o->b, "Where", is_on, tflite_scalar(o->b, tflite_real(o, 2)), tflite_scalar(o->b, tflite_real(o, 3))));
}

void tflite_read_where(struct tflite_op *o)
{
    struct value *x = tflite_raw(o, 0);
    give_as_stated(o, 0, BUILD(o->b, "Transpose/perm=1,0", BUILD(o->b, "NonZero", x)));
}

void tflite_read_unique(struct tflite_op *o)
{
    struct value *y = BUILD(o->b, "Unique/sorted=0", tflite_raw(o, 0));
    struct value *back = o->b->failed ? NULL : build_output(o->b, y, 2);
    tflite_give_raw(o, 0, y);
    give_as_stated(o, 1, back);
}

/* How many of the boundaries are not above an element. */
void tflite_read_bucketize(struct tflite_op *o)
{
    struct flatbuf_vector list = flatbuf_vector(o->options, 0, 4);
    int64_t count = (int64_t)list.count;
    struct tensor *t = tensor_new(DTYPE_F32, 1, &count, o->b->err);
    for (int64_t i = 0; t && i < count; i++)
        ((float *)t->data)[i] = flatbuf_vector_float(list, (size_t)i);
    struct value *x = build_unsqueeze(o->b, build_cast(o->b, tflite_real(o, 0), DTYPE_F32), -1);
    struct value *above = BUILD(o->b, "GreaterOrEqual", x, build_constant(o->b, NULL, t));
    struct value *sum = BUILD(o->b, "ReduceSum", build_cast(o->b, above, DTYPE_I32), BUILD_LIST(o->b, -1));
    tflite_give_raw(o, 0, build_int(o->b, sum, "keepdims", 0));
}

/* ---- diagonals ---- */

/* Whether row and column of the last two axes are the same, bool [n, m] of x. */
static struct value *diagonal(struct tflite_op *o, struct value *rows, struct value *columns)
{
    struct value *zero = build_number(o->b, DTYPE_I64, 0), *one = build_number(o->b, DTYPE_I64, 1);
    struct value *i = BUILD(o->b, "Range", zero, tflite_scalar(o->b, rows), one);
    struct value *k = BUILD(o->b, "Range", zero, tflite_scalar(o->b, columns), one);
    return BUILD(o->b, "Equal", build_unsqueeze(o->b, i, 1), k);
}

void tflite_read_matrix_diag(struct tflite_op *o)
{
    struct value *x = tflite_real(o, 0), *n = build_shape(o->b, x, -1, INT64_MAX);
    struct value *zero = build_number(o->b, dtype_of(o, x), 0);
    tflite_give(o, 0, BUILD(o->b, "Where", diagonal(o, n, n), build_unsqueeze(o->b, x, -1), zero));
}

/* The diagonal is as long as the shorter side, so that it is repeated along the longer one, or the only one. */
void tflite_read_matrix_set_diag(struct tflite_op *o)
{
    int64_t dims[TENSOR_MAX_RANK];
    int rank = tflite_dims(o, 0, dims);
    if (rank < 2 || dims[rank - 1] < 0 || dims[rank - 2] < 0) {
        tflite_fail(o, "the sizes of the matrices must be known");
        return;
    }
    struct value *x = tflite_real(o, 0), *line = tflite_real(o, 1);
    struct value *is_on = diagonal(o, build_shape(o->b, x, -2, -1), build_shape(o->b, x, -1, INT64_MAX));
    line = build_unsqueeze(o->b, line, dims[rank - 2] <= dims[rank - 1] ? -1 : -2);
    tflite_give(o, 0, BUILD(o->b, "Where", is_on, line, x));
}

struct update {
    int rank;
    int64_t whole[TENSOR_MAX_RANK], part[TENSOR_MAX_RANK];
};

/* x, which has the update's size along the axes before `axis`, with the update in its place. */
static struct value *updated(struct tflite_op *o, const struct update *u, struct value *x, int axis)
{
    while (axis < u->rank && u->whole[axis] == u->part[axis])
        axis++;
    if (axis >= u->rank)
        return tflite_in(o, 1);
    struct value *axes = BUILD_LIST(o->b, axis), *at = build_slice(o->b, tflite_i64(o, 2), 0, axis, axis + 1);
    at = BUILD(o->b, "Clip", at, build_number(o->b, DTYPE_I64, 0),
               build_number(o->b, DTYPE_I64, (double)(u->whole[axis] - u->part[axis])));
    struct value *behind = BUILD(o->b, "Add", at, BUILD_LIST(o->b, u->part[axis]));
    int next = axis + 1;
    while (next < u->rank && u->whole[next] == u->part[next])
        next++;
    struct value *inside = next < u->rank ? BUILD(o->b, "Slice", x, at, behind, axes) : NULL;
    struct value *parts[] = {BUILD(o->b, "Slice", x, BUILD_LIST(o->b, 0), at, axes), updated(o, u, inside, next),
                             BUILD(o->b, "Slice", x, behind, BUILD_LIST(o->b, INT64_MAX), axes)};
    return build_int(o->b, build_node(o->b, "Concat", 3, parts), "axis", axis);
}

/* Input 2 says where in input 0 the smaller input 1 goes; it is moved so that it lies inside. */
void tflite_read_update_slice(struct tflite_op *o)
{
    struct update u;
    u.rank = tflite_dims(o, 0, u.whole);
    bool fits = tflite_dims(o, 1, u.part) == u.rank, same = true;
    for (int i = 0; fits && i < u.rank; i++) {
        fits = u.whole[i] == u.part[i] || (u.part[i] >= 0 && u.part[i] <= u.whole[i]);
        same &= u.whole[i] == u.part[i];
    }
    if (!fits)
        tflite_read_opaque(o);
    else
        tflite_give(o, 0, same ? BUILD(o->b, "Identity", tflite_in(o, 1)) : updated(o, &u, tflite_in(o, 0), 0));
}
