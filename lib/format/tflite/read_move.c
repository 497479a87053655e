/* Operators that give tensors other shapes, join them, cut them and pad them. */
#include "format/tflite/operators.h"
#include "format/tflite/schema.h"

#define LIST_MOST 4096 /* operands of a Pack or Concat, parts of a Split */

enum split_slots { UNPACK_NUM, UNPACK_AXIS };

static int32_t option(const struct tflite_op *o, int slot)
{
    return (int32_t)flatbuf_int(o->options, slot, 4, 0);
}

/* ---- shapes ---- */

/* Complex numbers have an axis more, of real and imaginary part: a view is by what the file states. Sizes before
 * `axis`, a negative one of a rank that is larger by `gone` than the result's, are the operand's. */
static bool is_complex_view(struct tflite_op *o, int64_t axis, int64_t gone)
{
    struct tflite_tensor *t = tflite_output(o, 0);
    struct type type;
    if (!t || tflite_tensor_type(o->g, t, &type) < 0 || type.dtype != DTYPE_C64)
        return false;
    int64_t dims[TENSOR_MAX_RANK + 1];
    int open = 0;
    axis += axis < 0 ? type.rank + gone : 0;
    for (int i = 0; i < type.rank; i++) {
        dims[i] = type.dims[i] >= 0 ? type.dims[i] : i < axis ? 0 : -1;
        open += dims[i] < 0;
    }
    dims[type.rank] = 2;
    if (open > 1 || type.rank == TENSOR_MAX_RANK)
        tflite_fail(o, "a view of complex numbers with %d open sizes", open);
    tflite_give(o, 0, build_reshape(o->b, tflite_in(o, 0), type.rank + 1, dims));
    return true;
}

/* The shape is input 1, or else an option. A 0 in it is a size, not a copy. */
void tflite_read_reshape(struct tflite_op *o)
{
    if (is_complex_view(o, 0, 0))
        return;
    int64_t dims[TENSOR_MAX_RANK];
    struct flatbuf_vector shape = flatbuf_vector(o->options, 0, 4);
    int count = tflite_has(o, 1) ? tflite_ints(o, 1, dims, TENSOR_MAX_RANK) : (int)shape.count;
    if (count > TENSOR_MAX_RANK)
        tflite_fail(o, "a shape of %d axes: want at most %d", count, TENSOR_MAX_RANK);
    bool has_zero = count < 0;
    for (int i = 0; i < count && !o->b->failed; i++) {
        if (!tflite_has(o, 1))
            dims[i] = flatbuf_vector_int(shape, (size_t)i);
        has_zero = has_zero || dims[i] == 0;
    }
    struct value *to = count < 0 ? tflite_i64(o, 1) : o->b->failed ? NULL : build_list(o->b, count, dims);
    struct value *y = BUILD(o->b, "Reshape", tflite_in(o, 0), to);
    tflite_give(o, 0, has_zero ? build_int(o->b, y, "allowzero", 1) : y);
}

void tflite_read_squeeze(struct tflite_op *o)
{
    struct flatbuf_vector axes = flatbuf_vector(o->options, 0, 4);
    if (is_complex_view(o, axes.count == 1 ? flatbuf_vector_int(axes, 0) : 0, axes.count))
        return;
    int64_t list[TENSOR_MAX_RANK];
    if (axes.count > TENSOR_MAX_RANK)
        tflite_fail(o, "%u axes", axes.count);
    for (size_t i = 0; i < axes.count && !o->b->failed; i++)
        list[i] = flatbuf_vector_int(axes, i);
    tflite_give(o, 0,
                BUILD(o->b, "Squeeze", tflite_in(o, 0),
                      axes.count && !o->b->failed ? build_list(o->b, (int)axes.count, list) : NULL));
}

void tflite_read_expand_dims(struct tflite_op *o)
{
    int64_t axis = 0;
    tflite_ints(o, 1, &axis, 1);
    if (is_complex_view(o, axis, 0))
        return;
    tflite_give(o, 0, BUILD(o->b, "Unsqueeze", tflite_in(o, 0), tflite_i64(o, 1)));
}

void tflite_read_transpose(struct tflite_op *o)
{
    int64_t perm[TENSOR_MAX_RANK];
    int rank = tflite_want_rank(o, 0);
    if (tflite_want_ints(o, 1, perm, TENSOR_MAX_RANK) != rank) {
        tflite_fail(o, "a permutation of other than %d axes", rank);
        return;
    }
    tflite_give(o, 0, build_transpose(o->b, tflite_in(o, 0), rank, perm));
}

/* Input 1 says the shape (or how often, for Tile): Expand, Tile. */
void tflite_read_with_list(struct tflite_op *o)
{
    tflite_give(o, 0, BUILD(o->b, o->row->onnx, tflite_in(o, 0), tflite_i64(o, 1)));
}

/* Input 0 is the shape, input 1 the element. */
void tflite_read_fill(struct tflite_op *o)
{
    tflite_give(o, 0, BUILD(o->b, "Expand", tflite_in(o, 1), tflite_i64(o, 0)));
}

void tflite_read_zeros_like(struct tflite_op *o)
{
    struct value *x = tflite_real(o, 0);
    const struct type *type = tflite_type(o->b, x);
    struct value *zero = type ? build_number(o->b, type->dtype, 0) : NULL;
    tflite_give(o, 0, BUILD(o->b, "Expand", zero, BUILD(o->b, "Shape", x)));
}

/* ---- joining and cutting ---- */

static int operand_count(struct tflite_op *o)
{
    if (o->inputs.count > LIST_MOST)
        tflite_fail(o, "%u inputs: want at most %d", o->inputs.count, LIST_MOST);
    return o->b->failed ? 0 : (int)o->inputs.count;
}

static struct value *concat(struct tflite_op *o, int count, struct value *const *in, int64_t axis)
{
    return build_int(o->b, build_node(o->b, "Concat", count, in), "axis", axis);
}

void tflite_read_concat(struct tflite_op *o)
{
    int count = operand_count(o);
    struct value **in = arena_alloc(&o->g->file->root->arena, (size_t)count * sizeof *in, o->b->err);
    build_check(o->b, in != NULL);
    for (int i = 0; i < count && !o->b->failed; i++)
        in[i] = tflite_in(o, i);
    if (!o->b->failed)
        tflite_give(o, 0, concat(o, count, in, option(o, 0)));
}

void tflite_read_pack(struct tflite_op *o)
{
    int count = operand_count(o), rank = tflite_want_rank(o, 0) + 1;
    struct value **in = arena_alloc(&o->g->file->root->arena, (size_t)count * sizeof *in, o->b->err);
    build_check(o->b, in != NULL);
    int axis = tflite_axis(o, option(o, 1), rank);
    for (int i = 0; i < count && !o->b->failed; i++)
        in[i] = build_unsqueeze(o->b, tflite_in(o, i), axis);
    if (!o->b->failed)
        tflite_give(o, 0, concat(o, count, in, axis));
}

/* x in `parts` equal parts, or in those of the list `sizes`, as outputs; with the axis gone for Unpack. */
static void split(struct tflite_op *o, struct value *x, int64_t axis, struct value *sizes, bool squeeze)
{
    size_t parts = o->outputs.count;
    if (parts < 1 || parts > LIST_MOST) {
        tflite_fail(o, "%zu outputs: want 1 to %d", parts, LIST_MOST);
        return;
    }
    struct value *y = build_int(o->b, BUILD(o->b, "Split", x, sizes), "axis", axis);
    if (!sizes)
        y = build_int(o->b, y, "num_outputs", (int64_t)parts);
    if (!o->b->failed)
        build_output(o->b, y, (int)parts - 1);
    for (int i = 0; i < (int)parts && !o->b->failed; i++) {
        struct value *part = build_output(o->b, y, i);
        tflite_give(o, i, squeeze ? BUILD(o->b, "Squeeze", part, BUILD_LIST(o->b, axis)) : part);
    }
}

void tflite_read_unpack(struct tflite_op *o)
{
    split(o, tflite_in(o, 0), option(o, UNPACK_AXIS), NULL, true);
}

void tflite_read_split(struct tflite_op *o)
{
    int64_t axis = 0;
    if (tflite_want_ints(o, 0, &axis, 1) == 1)
        split(o, tflite_in(o, 1), axis, NULL, false);
}

/* One of the sizes may be -1: what is left. */
void tflite_read_split_sizes(struct tflite_op *o)
{
    int64_t axis = 0, sizes[LIST_MOST / 8], dims[TENSOR_MAX_RANK], sum = 0;
    int count = tflite_want_ints(o, 1, sizes, LIST_MOST / 8), rank = tflite_dims(o, 0, dims), open = -1;
    if (tflite_want_ints(o, 2, &axis, 1) != 1 || (axis = tflite_axis(o, axis, rank)) < 0)
        return;
    for (int i = 0; i < count; i++)
        if (sizes[i] < 0)
            open = i;
        else if (__builtin_add_overflow(sum, sizes[i], &sum))
            tflite_fail(o, "sizes that are too large");
    if (open >= 0 && dims[axis] >= sum)
        sizes[open] = dims[axis] - sum;
    else if (open >= 0)
        tflite_fail(o, "a size that follows from one that is not known");
    if (!o->b->failed)
        split(o, tflite_in(o, 0), axis, build_list(o->b, count, sizes), false);
}

/* ---- padding ---- */

/* Pairs (before, behind) for each axis to ONNX's order: all before, all behind. */
static struct value *pads(struct tflite_op *o)
{
    int64_t pairs[2 * TENSOR_MAX_RANK], list[2 * TENSOR_MAX_RANK];
    int count = tflite_ints(o, 1, pairs, 2 * TENSOR_MAX_RANK);
    for (int i = 0; i < count; i++)
        list[i / 2 + (i % 2) * (count / 2)] = pairs[i];
    if (count >= 0)
        return build_list(o->b, count, list);
    struct value *v = build_cast(o->b, tflite_raw(o, 1), DTYPE_I64);
    return build_reshape(o->b, BUILD(o->b, "Transpose/perm=1,0", v), 1, (int64_t[]){-1});
}

void tflite_read_pad(struct tflite_op *o)
{
    struct value *x = tflite_real(o, 0), *with = NULL;
    if (tflite_has(o, 2))
        with = tflite_scalar(o->b, tflite_real(o, 2));
    tflite_give(o, 0, BUILD(o->b, "Pad", x, pads(o), with));
}

void tflite_read_mirror_pad(struct tflite_op *o)
{
    int64_t pairs[2 * TENSOR_MAX_RANK];
    struct value *x = tflite_in(o, 0);
    if (flatbuf_int(o->options, 0, 1, 0) == 0) {
        tflite_give(o, 0, BUILD(o->b, "Pad/mode=reflect", x, pads(o)));
        return;
    }
    int count = tflite_want_ints(o, 1, pairs, 2 * TENSOR_MAX_RANK);
    for (int axis = 0; 2 * axis + 1 < count; axis++)
        x = build_pad_symmetric(o->b, x, axis, pairs[2 * axis], pairs[2 * axis + 1]);
    tflite_give(o, 0, x);
}
