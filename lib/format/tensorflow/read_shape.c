/* Shapes, parts and joins. */
#include <string.h>

#include "format/tensorflow/tensorflow.h"

void tensorflow_read_reshape(struct tensorflow_op *o)
{
    int64_t dims[TENSOR_MAX_RANK];
    int count = tensorflow_ints(o, 1, dims, TENSOR_MAX_RANK);
    bool zero = false;
    for (int i = 0; i < count; i++)
        zero = zero || dims[i] == 0;
    struct value *v = BUILD(o->b, "Reshape", tensorflow_in(o, 0), tensorflow_i64_list(o, 1));
    tensorflow_give(o, 0, zero ? build_int(o->b, v, "allowzero", 1) : v);
}

void tensorflow_read_squeeze(struct tensorflow_op *o)
{
    int64_t axes[TENSOR_MAX_RANK];
    int count = tensorflow_list(o, "squeeze_dims", axes, TENSOR_MAX_RANK);
    tensorflow_give(o, 0,
                    BUILD(o->b, "Squeeze", tensorflow_in(o, 0), count > 0 ? build_list(o->b, count, axes) : NULL));
}

void tensorflow_read_expand_dims(struct tensorflow_op *o)
{
    tensorflow_give(o, 0, BUILD(o->b, "Unsqueeze", tensorflow_in(o, 0), tensorflow_i64_list(o, 1)));
}

void tensorflow_read_transpose(struct tensorflow_op *o)
{
    int64_t perm[TENSOR_MAX_RANK];
    int count = tensorflow_want_ints(o, 1, perm, TENSOR_MAX_RANK);
    tensorflow_give(o, 0, build_transpose(o->b, tensorflow_in(o, 0), count, perm));
}

static struct value *as_type(struct tensorflow_op *o, struct value *v, const char *attr)
{
    enum dtype dtype = tensorflow_type(o, attr, DTYPE_I32);
    return dtype == DTYPE_I64 ? v : build_cast(o->b, v, dtype);
}

void tensorflow_read_shape(struct tensorflow_op *o)
{
    tensorflow_give(o, 0, as_type(o, BUILD(o->b, "Shape", tensorflow_in(o, 0)), "out_type"));
}

void tensorflow_read_size(struct tensorflow_op *o)
{
    tensorflow_give(o, 0, as_type(o, BUILD(o->b, "Size", tensorflow_in(o, 0)), "out_type"));
}

void tensorflow_read_rank(struct tensorflow_op *o)
{
    tensorflow_give(o, 0, build_number(o->b, DTYPE_I32, tensorflow_rank(o, 0)));
}

void tensorflow_read_cast(struct tensorflow_op *o)
{
    enum dtype dtype = tensorflow_type(o, *o->kind->onnx == 'B' ? "type" : "DstT", DTYPE_NONE);
    if (dtype == DTYPE_NONE)
        build_fail(o->b, "it converts to a type that is not read");
    tensorflow_give(o, 0, build_int(o->b, BUILD(o->b, o->kind->onnx, tensorflow_in(o, 0)), "to", dtype));
}

void tensorflow_read_fill(struct tensorflow_op *o)
{
    tensorflow_give(o, 0, BUILD(o->b, "Expand", tensorflow_in(o, 1), tensorflow_i64_list(o, 0)));
}

void tensorflow_read_broadcast_to(struct tensorflow_op *o)
{
    tensorflow_give(o, 0, BUILD(o->b, "Expand", tensorflow_in(o, 0), tensorflow_i64_list(o, 1)));
}

void tensorflow_read_tile(struct tensorflow_op *o)
{
    tensorflow_give(o, 0, BUILD(o->b, "Tile", tensorflow_in(o, 0), tensorflow_i64_list(o, 1)));
}

void tensorflow_read_range(struct tensorflow_op *o)
{
    tensorflow_give(o, 0, BUILD(o->b, "Range", tensorflow_in(o, 0), tensorflow_in(o, 1), tensorflow_in(o, 2)));
}

/* [[before, behind], …] as ONNX has it: all before, then all behind. */
static struct value *pads(struct tensorflow_op *o)
{
    struct value *v = build_transpose(o->b, tensorflow_i64(o, 1), 2, (int64_t[]){1, 0});
    int64_t pairs[2 * TENSOR_MAX_RANK], list[2 * TENSOR_MAX_RANK];
    int count = tensorflow_ints(o, 1, pairs, 2 * TENSOR_MAX_RANK);
    for (int i = 0; i < count; i++)
        list[i / 2 + (i % 2) * (count / 2)] = pairs[i];
    return count > 0 ? build_list(o->b, count, list) : build_reshape(o->b, v, 1, (int64_t[]){-1});
}

void tensorflow_read_pad(struct tensorflow_op *o)
{
    struct value *with = o->in_count > 2 ? tensorflow_in(o, 2) : NULL;
    tensorflow_give(o, 0, BUILD(o->b, "Pad", tensorflow_in(o, 0), pads(o), with));
}

void tensorflow_read_mirror_pad(struct tensorflow_op *o)
{
    int64_t pairs[2 * TENSOR_MAX_RANK];
    struct value *x = tensorflow_in(o, 0);
    if (strcmp(tensorflow_text(o, "mode", "REFLECT"), "REFLECT") == 0) {
        tensorflow_give(o, 0, BUILD(o->b, "Pad/mode=reflect", x, pads(o)));
        return;
    }
    int count = tensorflow_want_ints(o, 1, pairs, 2 * TENSOR_MAX_RANK);
    for (int i = 0; 2 * i + 1 < count && !o->b->failed; i++)
        x = build_pad_symmetric(o->b, x, i, pairs[2 * i], pairs[2 * i + 1]);
    tensorflow_give(o, 0, x);
}

/* ---- joins and parts ---- */

/* The axis stands behind the parts, or, in the old operator, before. */
void tensorflow_read_concat(struct tensorflow_op *o)
{
    bool first = strcmp(o->kind->onnx, "first") == 0;
    int64_t axis = 0;
    int count = o->in_count - 1;
    if (count < 1 || tensorflow_want_ints(o, first ? 0 : count, &axis, 1) != 1)
        build_fail(o->b, "the axis must be one known number");
    struct value *v = o->b->failed ? NULL
                      : count == 1 ? o->in[first]
                                   : build_node(o->b, "Concat", count, o->in + first);
    tensorflow_give(o, 0, count == 1 ? v : build_int(o->b, v, "axis", axis));
}

void tensorflow_read_pack(struct tensorflow_op *o)
{
    int64_t axis = tensorflow_int(o, "axis", 0);
    struct value **parts = arena_alloc(&o->scope->r->arena, ((size_t)o->in_count + 1) * sizeof(*parts), o->b->err);
    build_check(o->b, parts != NULL);
    tensorflow_in(o, 0);
    for (int i = 0; i < o->in_count && !o->b->failed; i++)
        parts[i] = build_unsqueeze(o->b, o->in[i], axis);
    tensorflow_give(
        o, 0, o->b->failed ? NULL : build_int(o->b, build_node(o->b, "Concat", o->in_count, parts), "axis", axis));
}

void tensorflow_read_unpack(struct tensorflow_op *o)
{
    int axis = tensorflow_axis(o, tensorflow_int(o, "axis", 0), tensorflow_rank(o, 0));
    int64_t count = tensorflow_int(o, "num", tensorflow_dim(o, 0, axis));
    if (count < 0 || count > TENSORFLOW_OUTPUTS)
        build_fail(o->b, "%lld parts, want at most %d", (long long)count, TENSORFLOW_OUTPUTS);
    for (int i = 0; i < count && !o->b->failed; i++)
        tensorflow_give(o, i,
                        build_int(o->b, BUILD(o->b, "Gather", tensorflow_in(o, 0), build_number(o->b, DTYPE_I64, i)),
                                  "axis", axis));
}

static void give_parts(struct tensorflow_op *o, struct value *v, int64_t axis, int count)
{
    build_int(o->b, v, "axis", axis);
    for (int i = 0; i < count; i++)
        build_output(o->b, v, i);
    for (int i = 0; i < count && !o->b->failed; i++)
        tensorflow_give(o, i, build_output(o->b, v, i));
}

void tensorflow_read_split(struct tensorflow_op *o)
{
    int64_t axis = 0, count = tensorflow_int(o, "num_split", 1);
    if (tensorflow_want_ints(o, 0, &axis, 1) != 1 || count < 1 || count > TENSORFLOW_OUTPUTS)
        build_fail(o->b, "%lld parts along an axis that must be known", (long long)count);
    struct value *v = build_int(o->b, BUILD(o->b, "Split", tensorflow_in(o, 1)), "num_outputs", count);
    give_parts(o, v, axis, o->b->failed ? 0 : (int)count);
}

void tensorflow_read_split_v(struct tensorflow_op *o)
{
    int64_t axis = 0, lengths[TENSORFLOW_OUTPUTS], rest;
    int count = tensorflow_want_ints(o, 1, lengths, TENSORFLOW_OUTPUTS);
    if (tensorflow_want_ints(o, 2, &axis, 1) != 1)
        build_fail(o->b, "the axis must be known");
    rest = o->b->failed ? 0 : tensorflow_dim(o, 0, tensorflow_axis(o, axis, tensorflow_rank(o, 0)));
    for (int i = 0; i < count; i++)
        rest -= lengths[i] < 0 ? 0 : lengths[i];
    for (int i = 0; i < count; i++)
        if (lengths[i] < 0)
            lengths[i] = rest;
    give_parts(o, BUILD(o->b, "Split", tensorflow_in(o, 0), build_list(o->b, count, lengths)), axis, count);
}

/* Sizes of -1 reach to the end. */
void tensorflow_read_slice(struct tensorflow_op *o)
{
    int64_t begin[TENSOR_MAX_RANK], end[TENSOR_MAX_RANK];
    int count = tensorflow_ints(o, 1, begin, TENSOR_MAX_RANK);
    struct value *to;
    if (count >= 0 && tensorflow_ints(o, 2, end, TENSOR_MAX_RANK) == count) {
        for (int i = 0; i < count; i++)
            if (end[i] < 0 || __builtin_add_overflow(begin[i], end[i], &end[i]))
                end[i] = INT64_MAX;
        to = build_list(o->b, count, end);
    } else {
        struct value *size = tensorflow_i64_list(o, 2),
                     *rest = BUILD(o->b, "Less", size, build_number(o->b, DTYPE_I64, 0));
        to = BUILD(o->b, "Where", rest, BUILD_LIST(o->b, INT64_MAX),
                   BUILD(o->b, "Add", tensorflow_i64_list(o, 1), size));
    }
    tensorflow_give(o, 0, BUILD(o->b, "Slice", tensorflow_in(o, 0), tensorflow_i64_list(o, 1), to));
}

void tensorflow_read_strided_slice(struct tensorflow_op *o)
{
    struct build_slice_entries e = {0};
    int rank = tensorflow_rank(o, 0);
    e.count = tensorflow_want_ints(o, 3, e.step, TENSOR_MAX_RANK);
    e.no_begin = (uint32_t)tensorflow_int(o, "begin_mask", 0);
    e.no_end = (uint32_t)tensorflow_int(o, "end_mask", 0);
    e.ellipsis = (uint32_t)tensorflow_int(o, "ellipsis_mask", 0);
    e.new_axis = (uint32_t)tensorflow_int(o, "new_axis_mask", 0);
    e.shrink = (uint32_t)tensorflow_int(o, "shrink_axis_mask", 0);
    if (tensorflow_ints(o, 1, e.begin, TENSOR_MAX_RANK) != e.count)
        e.begins = tensorflow_i64_list(o, 1);
    if (tensorflow_ints(o, 2, e.end, TENSOR_MAX_RANK) != e.count)
        e.ends = tensorflow_i64_list(o, 2);
    tensorflow_give(o, 0, build_slice_all(o->b, tensorflow_in(o, 0), rank, &e));
}

void tensorflow_read_reverse(struct tensorflow_op *o)
{
    int64_t axes[TENSOR_MAX_RANK], from[TENSOR_MAX_RANK], to[TENSOR_MAX_RANK], steps[TENSOR_MAX_RANK];
    int count = tensorflow_want_ints(o, 1, axes, TENSOR_MAX_RANK);
    for (int i = 0; i < count; i++) {
        from[i] = INT64_MAX;
        to[i] = INT64_MIN;
        steps[i] = -1;
    }
    tensorflow_give(o, 0,
                    BUILD(o->b, "Slice", tensorflow_in(o, 0), build_list(o->b, count, from),
                          build_list(o->b, count, to), build_list(o->b, count, axes), build_list(o->b, count, steps)));
}

void tensorflow_read_gather(struct tensorflow_op *o)
{
    int64_t axis = 0, batch = tensorflow_int(o, "batch_dims", 0);
    int rank = tensorflow_rank(o, 0), index_rank = tensorflow_rank(o, 1);
    if (o->in_count > 2 && tensorflow_want_ints(o, 2, &axis, 1) != 1)
        build_fail(o->b, "the axis must be known");
    if (batch < 0)
        batch += index_rank;
    tensorflow_give(o, 0,
                    build_gather(o->b, tensorflow_in(o, 0), rank, batch ? tensorflow_i64(o, 1) : tensorflow_in(o, 1),
                                 index_rank, tensorflow_axis(o, axis, rank), (int)batch));
}

void tensorflow_read_gather_nd(struct tensorflow_op *o)
{
    tensorflow_give(o, 0, BUILD(o->b, "GatherND", tensorflow_in(o, 0), tensorflow_i64(o, 1)));
}

void tensorflow_read_one_hot(struct tensorflow_op *o)
{
    struct value *on = build_reshape(o->b, tensorflow_in(o, 2), 1, (int64_t[]){1});
    struct value *off = build_reshape(o->b, tensorflow_in(o, 3), 1, (int64_t[]){1});
    struct value *both = BUILD(o->b, "Concat/axis=0", off, on);
    int64_t axis = tensorflow_int(o, "axis", -1);
    tensorflow_give(o, 0, build_one_hot(o->b, tensorflow_in(o, 0), tensorflow_i64(o, 1), both, axis));
}

/* The old operator has a condition along the first axis. */
void tensorflow_read_select(struct tensorflow_op *o)
{
    struct value *condition = tensorflow_in(o, 0);
    int64_t dims[TENSOR_MAX_RANK];
    bool old = strcmp(o->node->op, "Select") == 0;
    int rank = old ? tensorflow_rank(o, 1) : 0;
    if (old && tensorflow_rank(o, 0) == 1 && rank > 1) {
        for (int i = 0; i < rank; i++)
            dims[i] = i ? 1 : -1;
        condition = build_reshape(o->b, condition, rank, dims);
    }
    tensorflow_give(o, 0, BUILD(o->b, "Where", condition, tensorflow_in(o, 1), tensorflow_in(o, 2)));
}

/* Places of what is not zero, a row each. */
void tensorflow_read_where(struct tensorflow_op *o)
{
    tensorflow_give(o, 0, build_transpose(o->b, BUILD(o->b, "NonZero", tensorflow_in(o, 0)), 2, (int64_t[]){1, 0}));
}
