/* Operators that move elements. */
#include <stdlib.h>

#include "format/mace/mace.h"

void mace_read_identity(struct netdef_op *o)
{
    netdef_give(o, 0, netdef_in(o, 0));
}

void mace_read_concat(struct netdef_op *o)
{
    int axis = mace_axis(o, netdef_int(o, "axis", 3), netdef_rank(o, 0));
    netdef_give(o, 0, build_int(o->b, build_node(o->b, "Concat", o->in_count, o->in), "axis", axis));
}

void mace_read_split(struct netdef_op *o)
{
    int axis = mace_axis(o, netdef_int(o, "axis", 3), netdef_rank(o, 0));
    struct value *sizes = o->in_count > 1 ? build_cast(o->b, netdef_in(o, 1), DTYPE_I64) : NULL;
    struct value *v = build_int(o->b, BUILD(o->b, "Split", netdef_in(o, 0), sizes), "axis", axis);
    if (!sizes)
        build_int(o->b, v, "num_outputs", o->out_count);
    for (int k = 0; k < o->out_count && !o->b->failed; k++)
        netdef_give(o, k, build_output(o->b, v, k));
}

void mace_read_stack(struct netdef_op *o)
{
    int axis = build_axis(o->b, netdef_int(o, "axis", 0), netdef_rank(o, 0) + 1);
    for (int k = 0; k < o->in_count; k++)
        o->in[k] = build_unsqueeze(o->b, o->in[k], axis);
    netdef_give(o, 0, build_int(o->b, build_node(o->b, "Concat", o->in_count, o->in), "axis", axis));
}

void mace_read_unstack(struct netdef_op *o)
{
    int axis = build_axis(o->b, netdef_int(o, "axis", 0), netdef_rank(o, 0));
    struct value *v = build_int(o->b, BUILD(o->b, "Split", netdef_in(o, 0)), "axis", axis);
    build_int(o->b, v, "num_outputs", o->out_count);
    for (int k = 0; k < o->out_count && !o->b->failed; k++)
        netdef_give(o, k, BUILD(o->b, "Squeeze", build_output(o->b, v, k), BUILD_LIST(o->b, axis)));
}

/* The sizes as an argument, or as a second input. */
void mace_read_reshape(struct netdef_op *o)
{
    int64_t dims[TENSOR_MAX_RANK];
    int count = netdef_ints(o, "dim", dims, TENSOR_MAX_RANK);
    if (count <= 0 && o->in_count > 1)
        count = build_known(o->b, netdef_in(o, 1), dims, TENSOR_MAX_RANK, NULL);
    if (count > TENSOR_MAX_RANK)
        build_fail(o->b, "it reshapes to %d axes, want at most %d", count, TENSOR_MAX_RANK);
    if (count > 0 && !o->b->failed) {
        mace_move(o, dims, count, 1);
        netdef_give(o, 0, build_reshape(o->b, netdef_in(o, 0), count, dims));
    } else {
        netdef_give(o, 0, BUILD(o->b, "Reshape", netdef_in(o, 0), build_cast(o->b, netdef_in(o, 1), DTYPE_I64)));
    }
}

void mace_read_transpose(struct netdef_op *o)
{
    int64_t dims[TENSOR_MAX_RANK];
    int rank = netdef_rank(o, 0), count = netdef_ints(o, "dims", dims, TENSOR_MAX_RANK);
    if (count != rank)
        build_fail(o->b, "dims has %d numbers, want %d", count, rank);
    netdef_give(o, 0, o->b->failed ? NULL : build_transpose(o->b, netdef_in(o, 0), rank, dims));
}

/* Axes to take out, all of one element by default, or to put in. */
void mace_read_squeeze(struct netdef_op *o)
{
    int64_t axes[TENSOR_MAX_RANK] = {netdef_int(o, "axis", 0)};
    int count = netdef_ints(o, "axis", axes, TENSOR_MAX_RANK);
    bool removes = o->kind->onnx[0] == 'S';
    if (count == 0 && !removes)
        count = 1;
    if (count > TENSOR_MAX_RANK)
        build_fail(o->b, "it has %d axes, want at most %d", count, TENSOR_MAX_RANK);
    for (int i = 0; i < count && removes && !o->b->failed; i++)
        axes[i] = mace_axis(o, axes[i], netdef_rank(o, 0));
    struct value *over = count > 0 && !o->b->failed ? build_list(o->b, count, axes) : NULL;
    netdef_give(o, 0, BUILD(o->b, o->kind->onnx, netdef_in(o, 0), over));
}

/* Pads of each axis, before and behind. */
void mace_read_pad(struct netdef_op *o)
{
    static const char *const modes[] = {"constant", "reflect", "symmetric"};
    int64_t pads[2 * TENSOR_MAX_RANK], onnx[2 * TENSOR_MAX_RANK], mode = netdef_int(o, "pad_type", 0);
    int rank = netdef_rank(o, 0), count = netdef_ints(o, "paddings", pads, 2 * TENSOR_MAX_RANK);
    if (count != 2 * rank || mode < 0 || mode > 2)
        build_fail(o->b, "paddings has %d numbers, of pad_type %lld, want %d, and 0 to 2", count, (long long)mode,
                   2 * rank);
    if (o->b->failed)
        return;
    mace_move(o, pads, rank, 2);
    struct value *v = netdef_in(o, 0);
    for (int i = 0; i < rank; i++) {
        onnx[i] = pads[2 * i];
        onnx[rank + i] = pads[2 * i + 1];
        if (mode == 2 && (onnx[i] || onnx[rank + i]))
            v = build_pad_symmetric(o->b, v, i, onnx[i], onnx[rank + i]);
    }
    if (mode != 2)
        v = build_string(o->b,
                         BUILD(o->b, "Pad", v, build_list(o->b, 2 * rank, onnx),
                               build_number(o->b, DTYPE_F32, netdef_float(o, "constant_value", 0))),
                         "mode", modes[mode]);
    netdef_give(o, 0, v);
}

/* ONNX's own slice, of one axis. */
void mace_read_slice(struct netdef_op *o)
{
    int64_t starts, ends, axis;
    if (o->in_count > 1) {
        struct value *in[5] = {netdef_in(o, 0)};
        for (int k = 1; k < o->in_count && k < 5; k++)
            in[k] = build_cast(o->b, o->in[k], DTYPE_I64);
        netdef_give(o, 0, build_node(o->b, "Slice", o->in_count < 5 ? o->in_count : 5, in));
        return;
    }
    if (netdef_ints(o, "starts", &starts, 1) != 1 || netdef_ints(o, "ends", &ends, 1) != 1 ||
        netdef_ints(o, "axes", &axis, 1) != 1)
        build_fail(o->b, "want one number each of starts, ends and axes");
    netdef_give(o, 0, o->b->failed ? NULL : build_slice(o->b, netdef_in(o, 0), axis, starts, ends));
}

static uint32_t moved_mask(struct netdef_op *o, const char *name, int rank)
{
    int64_t bits[4], mask = netdef_int(o, name, 0);
    if (!mace_is_moved(o, rank))
        return (uint32_t)mask;
    for (int i = 0; i < 4; i++)
        bits[i] = mask >> i & 1;
    mace_move(o, bits, rank, 1);
    return (uint32_t)(bits[0] | bits[1] << 1 | bits[2] << 2 | bits[3] << 3);
}

/* As TensorFlow's. */
void mace_read_strided_slice(struct netdef_op *o)
{
    struct build_slice_entries e = {0};
    int rank = netdef_rank(o, 0);
    e.count = build_known(o->b, netdef_in(o, 1), e.begin, TENSOR_MAX_RANK, NULL);
    if (e.count < 0 || build_known(o->b, netdef_in(o, 2), e.end, TENSOR_MAX_RANK, NULL) != e.count ||
        (o->in_count > 3 && build_known(o->b, netdef_in(o, 3), e.step, TENSOR_MAX_RANK, NULL) != e.count))
        build_fail(o->b, "its beginnings, ends and steps must be constants of the same number");
    for (int i = 0; i < e.count && o->in_count <= 3; i++)
        e.step[i] = 1;
    if (o->b->failed)
        return;
    if (e.count == rank) {
        mace_move(o, e.begin, rank, 1);
        mace_move(o, e.end, rank, 1);
        mace_move(o, e.step, rank, 1);
    } else if (mace_is_moved(o, rank)) {
        build_fail(o->b, "it slices %d of 4 axes, want all", e.count);
    }
    e.no_begin = moved_mask(o, "begin_mask", rank);
    e.no_end = moved_mask(o, "end_mask", rank);
    e.shrink = moved_mask(o, "shrink_axis_mask", rank);
    netdef_give(o, 0, o->b->failed ? NULL : build_slice_all(o->b, netdef_in(o, 0), rank, &e));
}

/* x from `offset` on, an axis of -1 as it is, to the size of the second input. */
void mace_read_crop(struct netdef_op *o)
{
    int64_t offset[4];
    int rank = netdef_rank(o, 0);
    if (rank != 4 || netdef_rank(o, 1) != 4 || netdef_ints(o, "offset", offset, 4) != 4)
        build_fail(o->b, "want inputs of 4 axes, and as many offsets");
    if (o->b->failed)
        return;
    mace_move(o, offset, 4, 1);
    struct value *v = netdef_in(o, 0);
    for (int i = 0; i < 4 && !o->b->failed; i++) {
        int64_t size = netdef_dim(o, 1, i), end;
        if (offset[i] < 0)
            continue;
        if (size < 0 || __builtin_add_overflow(offset[i], size, &end))
            build_fail(o->b, "the size of its second input must be known");
        else
            v = build_slice(o->b, v, i, offset[i], end);
    }
    netdef_give(o, 0, v);
}

void mace_read_tile(struct netdef_op *o)
{
    int64_t times[TENSOR_MAX_RANK];
    int rank = netdef_rank(o, 0);
    if (build_known(o->b, netdef_in(o, 1), times, TENSOR_MAX_RANK, NULL) != rank)
        build_fail(o->b, "its second input must be a constant of %d numbers", rank);
    mace_move(o, times, rank, 1);
    netdef_give(o, 0, o->b->failed ? NULL : BUILD(o->b, "Tile", netdef_in(o, 0), build_list(o->b, rank, times)));
}

void mace_read_gather(struct netdef_op *o)
{
    struct value *v = BUILD(o->b, "Gather", netdef_in(o, 0), build_cast(o->b, netdef_in(o, 1), DTYPE_I64));
    netdef_give(o, 0, build_int(o->b, v, "axis", netdef_int(o, "axis", 0)));
}

void mace_read_shape(struct netdef_op *o)
{
    netdef_give(o, 0, BUILD(o->b, "Shape", netdef_in(o, 0)));
}

void mace_read_one_hot(struct netdef_op *o)
{
    struct value *depth = build_number(o->b, DTYPE_I64, (double)netdef_int(o, "depth", 0));
    float values[] = {netdef_float(o, "off_value", 0), netdef_float(o, "on_value", 1)};
    struct value *both = build_f32s(o->b, 2, values);
    netdef_give(o, 0, build_one_hot(o->b, netdef_in(o, 0), depth, both, netdef_int(o, "axis", -1)));
}
