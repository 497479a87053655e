/* Operators that move elements. */
#include <stdlib.h>
#include <string.h>

#include "format/caffe2/caffe2.h"

void caffe2_read_identity(struct netdef_op *o)
{
    netdef_give(o, 0, netdef_in(o, 0));
}

/* The axis of the channels, where the argument "axis" does not say another. */
static int channel_axis(struct netdef_op *o, int rank)
{
    return build_axis(o->b, netdef_int(o, "axis", caffe2_is_nhwc(o) ? rank - 1 : 1), rank);
}

/* add_axis: a new axis for the inputs to stand along. */
void caffe2_read_concat(struct netdef_op *o)
{
    bool stacks = netdef_int(o, "add_axis", 0) != 0;
    int rank = netdef_rank(o, 0), axis = channel_axis(o, rank + stacks);
    for (int k = 0; k < o->in_count && stacks; k++)
        o->in[k] = build_unsqueeze(o->b, o->in[k], axis);
    netdef_give(o, 0, build_int(o->b, build_node(o->b, "Concat", o->in_count, o->in), "axis", axis));
}

/* Parts as a list says, or equal ones. */
void caffe2_read_split(struct netdef_op *o)
{
    int axis = channel_axis(o, netdef_rank(o, 0)), count = netdef_ints(o, "split", NULL, 0);
    int64_t *parts = count > 0 ? mem_calloc((size_t)count, sizeof(*parts), o->b->err) : NULL;
    struct value *sizes = o->in_count > 1 ? build_cast(o->b, netdef_in(o, 1), DTYPE_I64) : NULL;
    if (count > 0 && count != o->out_count)
        build_fail(o->b, "split has %d numbers, want %d, one for each output", count, o->out_count);
    build_check(o->b, count <= 0 || parts);
    if (parts && !o->b->failed) {
        netdef_ints(o, "split", parts, count);
        sizes = build_list(o->b, count, parts);
    }
    struct value *v = BUILD(o->b, "Split", netdef_in(o, 0), sizes);
    build_int(o->b, v, "axis", axis);
    if (!sizes)
        build_int(o->b, v, "num_outputs", o->out_count);
    for (int k = 0; k < o->out_count && !o->b->failed; k++)
        netdef_give(o, k, build_output(o->b, v, k));
    free(parts);
}

/* Ends are as if the axis had one element more: -1 is the end. */
void caffe2_read_slice(struct netdef_op *o)
{
    int64_t from[TENSOR_MAX_RANK], to[TENSOR_MAX_RANK];
    int rank = netdef_rank(o, 0), count = netdef_ints(o, "starts", from, TENSOR_MAX_RANK);
    if (count != netdef_ints(o, "ends", to, TENSOR_MAX_RANK) || count < 1 || count > rank)
        build_fail(o->b, "starts and ends must be lists of the same 1 to %d numbers", rank);
    struct build_slice_entries e = {.count = count};
    for (int i = 0; i < count && !o->b->failed; i++) {
        e.begin[i] = from[i] < -1 ? from[i] + 1 : from[i];
        e.end[i] = to[i] < -1 ? to[i] + 1 : to[i];
        e.step[i] = 1;
        e.no_end |= to[i] == -1 ? 1u << i : 0;
    }
    netdef_give(o, 0, o->b->failed ? NULL : build_slice_all(o->b, netdef_in(o, 0), rank, &e));
}

/* The sizes as an argument, or as a second input. */
void caffe2_read_reshape(struct netdef_op *o)
{
    int64_t dims[TENSOR_MAX_RANK];
    struct value *x = netdef_in(o, 0), *shape;
    int count = netdef_ints(o, "shape", dims, TENSOR_MAX_RANK);
    if (count > TENSOR_MAX_RANK)
        build_fail(o->b, "it reshapes to %d axes, want at most %d", count, TENSOR_MAX_RANK);
    if (count >= 0)
        shape = build_list(o->b, o->b->failed ? 0 : count, dims);
    else
        shape = build_cast(o->b, netdef_in(o, 1), DTYPE_I64);
    netdef_give(o, 1, o->out_count > 1 ? BUILD(o->b, "Shape", x) : NULL);
    netdef_give(o, 0, BUILD(o->b, "Reshape", x, shape));
}

void caffe2_read_reshape_like(struct netdef_op *o)
{
    netdef_give(o, 0, BUILD(o->b, "Reshape", netdef_in(o, 0), BUILD(o->b, "Shape", netdef_in(o, 1))));
}

void caffe2_read_flatten(struct netdef_op *o)
{
    struct value *v = BUILD(o->b, "Flatten", netdef_in(o, 0));
    netdef_give(o, 0, build_int(o->b, v, "axis", netdef_int(o, "axis", 1)));
}

void caffe2_read_flatten_all(struct netdef_op *o)
{
    netdef_give(o, 0, build_reshape(o->b, netdef_in(o, 0), 1, (int64_t[]){-1}));
}

void caffe2_read_transpose(struct netdef_op *o)
{
    int64_t axes[TENSOR_MAX_RANK];
    int rank = netdef_rank(o, 0), count = netdef_ints(o, "axes", axes, TENSOR_MAX_RANK);
    for (int i = 0; i < rank && count <= 0; i++)
        axes[i] = rank - 1 - i;
    if (count > 0 && count != rank)
        build_fail(o->b, "axes has %d numbers, want %d", count, rank);
    netdef_give(o, 0, o->b->failed ? NULL : build_transpose(o->b, netdef_in(o, 0), rank, axes));
}

void caffe2_read_channels_last(struct netdef_op *o)
{
    build_expect(o->b, netdef_in(o, 0), 4, 1, 0, DTYPE_NONE);
    netdef_give(o, 0, build_channels_last(o->b, netdef_in(o, 0), netdef_rank(o, 0)));
}

void caffe2_read_channels_first(struct netdef_op *o)
{
    build_expect(o->b, netdef_in(o, 0), 4, 3, 0, DTYPE_NONE);
    netdef_give(o, 0, build_channels_first(o->b, netdef_in(o, 0), netdef_rank(o, 0)));
}

void caffe2_read_squeeze(struct netdef_op *o)
{
    int64_t axes[TENSOR_MAX_RANK];
    int count = netdef_ints(o, "dims", axes, TENSOR_MAX_RANK);
    if (count < 1 || count > TENSOR_MAX_RANK)
        build_fail(o->b, "dims has %d numbers, want 1 to %d", count, TENSOR_MAX_RANK);
    else
        netdef_give(o, 0, BUILD(o->b, o->kind->onnx, netdef_in(o, 0), build_list(o->b, count, axes)));
}

void caffe2_read_shape(struct netdef_op *o)
{
    int64_t axes[TENSOR_MAX_RANK];
    int count = netdef_ints(o, "axes", axes, TENSOR_MAX_RANK);
    struct value *v = BUILD(o->b, "Shape", netdef_in(o, 0));
    if (count > 0 && count <= TENSOR_MAX_RANK)
        v = BUILD(o->b, "Gather", v, build_list(o->b, count, axes));
    netdef_give(o, 0, v);
}

void caffe2_read_tile(struct netdef_op *o)
{
    int64_t times[TENSOR_MAX_RANK];
    int rank = netdef_rank(o, 0), axis = build_axis(o->b, netdef_int(o, "axis", 0), rank);
    for (int i = 0; i < rank; i++)
        times[i] = i == axis ? netdef_int(o, "tiles", 1) : 1;
    netdef_give(o, 0, o->b->failed ? NULL : BUILD(o->b, "Tile", netdef_in(o, 0), build_list(o->b, rank, times)));
}

void caffe2_read_gather(struct netdef_op *o)
{
    struct value *v = BUILD(o->b, "Gather", netdef_in(o, 0), build_cast(o->b, netdef_in(o, 1), DTYPE_I64));
    netdef_give(o, 0, build_int(o->b, v, "axis", netdef_int(o, "axis", 0)));
}

void caffe2_read_where(struct netdef_op *o)
{
    netdef_give(o, 0, BUILD(o->b, "Where", netdef_in(o, 0), netdef_in(o, 1), netdef_in(o, 2)));
}
