/* Operators that move, cut and join: shapes, axes, indexes. */
#include <limits.h>
#include <string.h>

#include "format/mnn/handlers.h"

/* ---- sources ---- */

void mnn_read_input(struct mnn_op *o)
{
    int64_t dims[TENSOR_MAX_RANK], type = mnn_int(&o->param, "dtype");
    int rank = mnn_ints(o, &o->param, "dims", dims, TENSOR_MAX_RANK);
    if (o->scope->outer && o->out.count && o->scope->values[flatbuf_vector_int(o->out, 0)].value)
        return; /* of a subgraph, and given from outside */
    enum dtype dtype = type == MNN_INT32 || type == MNN_BOOL ? DTYPE_I32 : mnn_graph_type((int)type);
    if (rank == 0 && mnn_int(&o->param, "dformat") != MNN_NCHW) /* an image of any size */
        rank = 4;
    for (int i = 0; i < rank; i++)
        dims[i] = mnn_vector(&o->param, "dims").count && dims[i] > 0 ? dims[i] : DIM_UNKNOWN;
    if (dtype == DTYPE_NONE || o->out.count != 1)
        build_fail(o->b, "an input of data type %lld with %u outputs", (long long)type, o->out.count);
    if (o->b->failed)
        return;
    const char *name = mnn_tensor_name(o->scope, (size_t)flatbuf_vector_int(o->out, 0));
    struct value *v = build_input(o->b, name && *name ? name : o->name, dtype, rank, dims);
    mnn_give_as(o, 0, dtype == DTYPE_I32 ? build_cast(o->b, v, DTYPE_I64) : v,
                (enum mnn_layout)mnn_int(&o->param, "dformat"));
}

void mnn_read_const(struct mnn_op *o)
{
    struct tensor *t = mnn_blob(o, &o->param);
    const char *name = o->out.count ? mnn_tensor_name(o->scope, (size_t)flatbuf_vector_int(o->out, 0)) : NULL;
    if (o->b->failed)
        tensor_unref(t);
    else
        mnn_give_as(o, 0, build_constant(o->b, name ? name : o->name, t),
                    (enum mnn_layout)mnn_int(&o->param, "dataFormat"));
}

/* NC4HW4 is a way to store NCHW: only between these and NHWC axes move. */
void mnn_read_convert(struct mnn_op *o)
{
    enum mnn_layout from = mnn_layout_in(o, 0), to = (enum mnn_layout)mnn_int(&o->param, "dest");
    struct value *v = mnn_in_any(o, 0);
    if ((from == MNN_NHWC) != (to == MNN_NHWC))
        v = to == MNN_NHWC ? mnn_channels_last(o->b, v) : mnn_channels_first(o->b, v);
    mnn_give_as(o, 0, v, to);
}

/* ---- shapes ---- */

/* TensorFlow's Shape of what is stored in NC4HW4 is that of NHWC. */
void mnn_read_shape(struct mnn_op *o)
{
    struct value *x = mnn_in_any(o, 0);
    bool last = mnn_layout_in(o, 0) == MNN_NC4HW4 && mnn_int(&o->table, "defaultDimentionFormat") == MNN_NHWC;
    struct value *y = BUILD(o->b, "Shape", last ? mnn_channels_last(o->b, x) : x);
    if (mnn_int(&o->param, "hasStart"))
        build_int(o->b, y, "start", mnn_int(&o->param, "start"));
    if (mnn_int(&o->param, "hasEnd"))
        build_int(o->b, y, "end", mnn_int(&o->param, "end"));
    mnn_give_as(o, 0, y, MNN_NCHW);
}

void mnn_read_rank(struct mnn_op *o)
{
    mnn_give_as(o, 0, build_number(o->b, DTYPE_I64, mnn_in_rank(o, 0)), MNN_NCHW);
}

void mnn_read_size(struct mnn_op *o)
{
    mnn_give_as(o, 0, BUILD(o->b, "Size", mnn_in_any(o, 0)), MNN_NCHW);
}

/* The dims wanted, as an input or as the operator's own. */
static struct value *wanted_dims(struct mnn_op *o, bool as_last)
{
    int64_t dims[TENSOR_MAX_RANK];
    if (mnn_has_in(o, 1))
        return mnn_int_vector(o, mnn_in(o, 1));
    int count = mnn_ints(o, &o->param, "dims", dims, TENSOR_MAX_RANK);
    int64_t channels = dims[1];
    if (as_last && count > 2) {
        memmove(dims + 1, dims + 2, (size_t)(count - 2) * sizeof(*dims));
        dims[count - 1] = channels;
    }
    return count < 0 ? NULL : build_list(o->b, count, dims);
}

/* What is stored in NC4HW4 and reshaped as NHWC goes there and back. */
void mnn_read_reshape(struct mnn_op *o)
{
    bool last = mnn_layout_in(o, 0) == MNN_NC4HW4 && mnn_int(&o->param, "dimType") == MNN_NHWC;
    struct value *x = mnn_in_any(o, 0);
    struct value *y = BUILD(o->b, "Reshape", last ? mnn_channels_last(o->b, x) : x, wanted_dims(o, last));
    mnn_give(o, 0, last ? mnn_channels_first(o->b, y) : y);
}

/* endAxis 0: to two dims; else axes axis … endAxis become one. */
void mnn_read_flatten(struct mnn_op *o)
{
    int64_t axis = mnn_int(&o->param, "axis"), end = mnn_int(&o->param, "endAxis");
    struct value *x = mnn_in_any(o, 0);
    int rank = end == 0 ? 0 : mnn_in_rank(o, 0);
    end += end < 0 ? rank : 0;
    axis += axis < 0 && end != 0 ? rank : 0;
    if (o->b->failed)
        return;
    if (end == 0) {
        mnn_give(o, 0, build_int(o->b, BUILD(o->b, "Flatten", x), "axis", axis));
        return;
    }
    if (axis < 0 || end < axis || end >= rank) {
        build_fail(o->b, "axes %lld to %lld of %d become one", (long long)axis, (long long)end, rank);
        return;
    }
    struct value *parts[3];
    int count = 0;
    if (axis > 0)
        parts[count++] = build_shape(o->b, x, 0, axis);
    parts[count++] = BUILD_LIST(o->b, -1);
    if (end + 1 < rank)
        parts[count++] = build_shape(o->b, x, end + 1, rank);
    struct value *dims = build_int(o->b, build_node(o->b, "Concat", count, parts), "axis", 0);
    mnn_give(o, 0, BUILD(o->b, "Reshape", x, dims));
}

/* Axes of Squeeze and Unsqueeze: the operator's own, or an input. */
static struct value *wanted_axes(struct mnn_op *o)
{
    int64_t axes[TENSOR_MAX_RANK];
    int count = mnn_ints(o, &o->param, "squeezeDims", axes, TENSOR_MAX_RANK);
    if (count > 0)
        return build_list(o->b, count, axes);
    return mnn_has_in(o, 1) ? mnn_int_vector(o, mnn_in(o, 1)) : NULL;
}

void mnn_read_squeeze(struct mnn_op *o)
{
    mnn_give(o, 0, BUILD(o->b, o->kind->onnx, mnn_in_any(o, 0), wanted_axes(o)));
}

void mnn_read_expand_dims(struct mnn_op *o)
{
    struct value *axis =
        mnn_has_in(o, 1) ? mnn_int_vector(o, mnn_in(o, 1)) : BUILD_LIST(o->b, mnn_int(&o->param, "axis"));
    mnn_give(o, 0, BUILD(o->b, "Unsqueeze", mnn_in_any(o, 0), axis));
}

/* ---- axes ---- */

void mnn_read_permute(struct mnn_op *o)
{
    int64_t perm[TENSOR_MAX_RANK];
    int count = strcmp(o->kind->name, "Transpose") == 0 ? mnn_in_ints(o, 1, perm, TENSOR_MAX_RANK)
                                                        : mnn_ints(o, &o->param, "dims", perm, TENSOR_MAX_RANK);
    struct value *x = mnn_in_any(o, 0);
    if (count < 0)
        build_fail(o->b, "the order of its axes must be known");
    mnn_give(o, 0, count > 0 ? build_transpose(o->b, x, count, perm) : BUILD(o->b, "Transpose", x));
}

void mnn_read_depth_space(struct mnn_op *o)
{
    struct value *y = BUILD(o->b, o->kind->onnx, mnn_in_image(o));
    build_int(o->b, y, "blocksize", mnn_int(&o->param, "blockSize"));
    if (mnn_int(&o->param, "mode") == 1 && strcmp(o->kind->onnx, "DepthToSpace") == 0)
        build_string(o->b, y, "mode", "CRD");
    mnn_give_image(o, 0, y);
}

/* ---- joining ---- */

/* Numbers of a shape may come as vectors and, between these, as one element with more axes. */
void mnn_read_concat(struct mnn_op *o)
{
    struct value *parts[1024];
    size_t count = o->in.count;
    if (count < 1 || count > sizeof(parts) / sizeof(*parts)) {
        build_fail(o->b, "%zu inputs, want 1 to 1024", count);
        return;
    }
    int64_t axis = mnn_int(&o->param, "axis");
    bool mixed = false;
    for (size_t i = 0; i < count; i++) {
        parts[i] = mnn_in(o, i);
        mixed = mixed || mnn_value_rank(o, parts[i]) != mnn_value_rank(o, parts[0]);
    }
    for (size_t i = 0; i < count && mixed && axis == 0; i++)
        parts[i] = mnn_int_vector(o, parts[i]);
    struct value *y = build_node(o->b, "Concat", (int)count, parts);
    mnn_give(o, 0, build_int(o->b, y, "axis", axis));
}

void mnn_read_pack(struct mnn_op *o)
{
    struct value *parts[1024];
    size_t count = o->in.count;
    int64_t axis = mnn_int(&o->param, "axis");
    if (count < 1 || count > sizeof(parts) / sizeof(*parts)) {
        build_fail(o->b, "%zu inputs, want 1 to 1024", count);
        return;
    }
    for (size_t i = 0; i < count; i++)
        parts[i] = build_unsqueeze(o->b, mnn_in(o, i), axis);
    mnn_give(o, 0, build_int(o->b, build_node(o->b, "Concat", (int)count, parts), "axis", axis));
}

void mnn_read_expand(struct mnn_op *o)
{
    mnn_give(o, 0, BUILD(o->b, "Expand", mnn_in_any(o, 0), mnn_int_vector(o, mnn_in(o, 1))));
}

void mnn_read_fill(struct mnn_op *o)
{
    struct value *dims = mnn_int_vector(o, mnn_in(o, 0));
    mnn_give_as(o, 0, BUILD(o->b, "Expand", mnn_in_any(o, 1), dims), MNN_NCHW);
}

/* The sorted values; with two outputs the places of all among these, with more also where each comes first, before
 * those places, and how often. */
void mnn_read_unique(struct mnn_op *o)
{
    struct value *y = BUILD(o->b, "Unique", mnn_in(o, 0));
    build_output(o->b, y, 3);
    for (size_t i = 0; i < o->out.count && i < 4; i++)
        mnn_give_as(o, i, build_output(o->b, y, i == 1 && o->out.count == 2 ? 2 : (int)i), MNN_NCHW);
}

/* Ones on a diagonal, which the second input tells. */
void mnn_read_eye(struct mnn_op *o)
{
    int64_t k = 0;
    if (mnn_has_in(o, 1) && mnn_in_ints(o, 1, &k, 1) != 1)
        build_fail(o->b, "its diagonal must be known");
    mnn_give(o, 0, build_int(o->b, BUILD(o->b, "EyeLike", mnn_in(o, 0)), "k", k));
}

void mnn_read_zeros_like(struct mnn_op *o)
{
    struct value *x = mnn_in_any(o, 0);
    struct value *zero = build_number(o->b, mnn_dtype(o, x) == DTYPE_F32 ? DTYPE_F32 : DTYPE_I64, 0);
    mnn_give(o, 0, BUILD(o->b, "Expand", zero, BUILD(o->b, "Shape", x)));
}

void mnn_read_tile(struct mnn_op *o)
{
    mnn_give(o, 0, BUILD(o->b, "Tile", mnn_in_any(o, 0), mnn_int_vector(o, mnn_in(o, 1))));
}

/* Pads come in pairs, (before, after) of each axis. */
static struct value *read_pads(struct mnn_op *o)
{
    int64_t pairs[2 * TENSOR_MAX_RANK], pads[2 * TENSOR_MAX_RANK];
    int count = mnn_in_ints(o, 1, pairs, 2 * TENSOR_MAX_RANK);
    struct value *given = mnn_in(o, 1);
    if (count < 0) {
        given = build_reshape(o->b, given, 2, (int64_t[]){-1, 2});
        return mnn_int_vector(o, BUILD(o->b, "Transpose/perm=1,0", given));
    }
    for (int i = 0; i < count / 2; i++) {
        pads[i] = pairs[2 * i];
        pads[i + count / 2] = pairs[2 * i + 1];
    }
    return build_list(o->b, count / 2 * 2, pads);
}

void mnn_read_padding(struct mnn_op *o)
{
    static const char *const modes[] = {"constant", "reflect", "symmetric", "edge"};
    int64_t mode = mnn_int(&o->param, "mode"), pairs[2 * TENSOR_MAX_RANK];
    int count = mode == 2 ? mnn_in_ints(o, 1, pairs, 2 * TENSOR_MAX_RANK) : 0;
    if (mode < 0 || mode > 3 || count < 0) {
        mnn_read_opaque(o);
        return;
    }
    if (mode == 2) {
        struct value *x = mnn_in(o, 0);
        for (int i = 0; i < count / 2; i++)
            x = build_pad_symmetric(o->b, x, i, pairs[2 * i], pairs[2 * i + 1]);
        mnn_give(o, 0, x);
        return;
    }
    struct value *pads = read_pads(o);
    struct value *fill = mode == 0 && mnn_has_in(o, 2) ? mnn_int_scalar(o, mnn_in(o, 2)) : NULL;
    struct value *y = BUILD(o->b, "Pad", mnn_in(o, 0), pads, fill);
    mnn_give(o, 0, build_string(o->b, y, "mode", modes[mode]));
}

/* ---- indexes ---- */

void mnn_read_gather(struct mnn_op *o)
{
    int64_t axis = mnn_int(&o->param, "axis");
    if (mnn_has_in(o, 2) && mnn_in_ints(o, 2, &axis, 1) != 1)
        build_fail(o->b, "its axis must be known");
    struct value *index = mnn_in(o, 1);
    if (!mnn_is_int(o, index))
        index = build_cast(o->b, index, DTYPE_I64);
    mnn_give(o, 0, build_int(o->b, BUILD(o->b, "Gather", mnn_in_any(o, 0), index), "axis", axis));
}

/* Indices of one axis count through those of the batches before it, as mnnconvert makes them of ONNX's. */
void mnn_read_gather_nd(struct mnn_op *o)
{
    int64_t batch = mnn_int(&o->param, "axis");
    struct value *data = mnn_in_any(o, 0), *index = mnn_in(o, 1);
    if (batch != 0) {
        int rank = mnn_value_rank(o, index);
        struct value *size = BUILD(o->b, "Shape", data);
        if (rank < 1 || index->type.dims[rank - 1] != 1)
            build_fail(o->b, "indices of several axes behind those of batches are not known");
        size = build_int(o->b, build_int(o->b, size, "start", batch), "end", batch + 1);
        index = BUILD(o->b, "Mod", index, size);
    }
    mnn_give(o, 0, build_int(o->b, BUILD(o->b, "GatherND", data, index), "batch_dims", batch));
}

/* Where no data are given they are zeros of the dims wanted. */
void mnn_read_scatter_nd(struct mnn_op *o)
{
    struct value *index = mnn_in(o, 0), *updates = mnn_in(o, 1), *data = NULL;
    if (mnn_has_in(o, 3))
        data = mnn_in(o, 3);
    else
        data = BUILD(o->b, "Expand", build_number(o->b, mnn_is_int(o, updates) ? DTYPE_I64 : DTYPE_F32, 0),
                     mnn_int_vector(o, mnn_in(o, 2)));
    mnn_give_as(o, 0, BUILD(o->b, "ScatterND", data, index, updates), MNN_NCHW);
}

static int64_t elements_axis(struct mnn_op *o, size_t input)
{
    int64_t axis = mnn_int(&o->param, "axis");
    if (mnn_has_in(o, input) && mnn_in_ints(o, input, &axis, 1) != 1)
        build_fail(o->b, "its axis must be known");
    return axis;
}

void mnn_read_gather_elements(struct mnn_op *o)
{
    struct value *y = BUILD(o->b, "GatherElements", mnn_in(o, 0), mnn_in(o, 1));
    mnn_give(o, 0, build_int(o->b, y, "axis", elements_axis(o, 2)));
}

void mnn_read_scatter_elements(struct mnn_op *o)
{
    struct value *y = BUILD(o->b, "ScatterElements", mnn_in(o, 0), mnn_in(o, 1), mnn_in(o, 2));
    mnn_give(o, 0, build_int(o->b, y, "axis", elements_axis(o, 3)));
}

void mnn_read_where(struct mnn_op *o)
{
    mnn_give_as(o, 0, BUILD(o->b, "Transpose", BUILD(o->b, "NonZero", mnn_in_any(o, 0))), MNN_NCHW);
}

void mnn_read_one_hot(struct mnn_op *o)
{
    struct value *ends[2] = {mnn_int_vector(o, mnn_in(o, 3)), mnn_int_vector(o, mnn_in(o, 2))};
    struct value *values = build_int(o->b, build_node(o->b, "Concat", 2, ends), "axis", 0);
    struct value *y = BUILD(o->b, "OneHot", mnn_in(o, 0), mnn_int_scalar(o, mnn_in(o, 1)), values);
    mnn_give(o, 0, build_int(o->b, y, "axis", mnn_int(&o->param, "axis")));
}

void mnn_read_range(struct mnn_op *o)
{
    struct value *in[3];
    for (int i = 0; i < 3; i++)
        in[i] = mnn_int_scalar(o, mnn_in(o, (size_t)i));
    mnn_give_as(o, 0, build_node(o->b, "Range", 3, in), MNN_NCHW);
}

void mnn_read_reverse_sequence(struct mnn_op *o)
{
    int rank = mnn_in_rank(o, 0), batch = build_axis(o->b, mnn_int(&o->param, "batchDim"), rank),
        time = build_axis(o->b, mnn_int(&o->param, "seqDim"), rank);
    mnn_give(o, 0, build_reverse_sequence(o->b, mnn_in(o, 0), rank, mnn_in(o, 1), batch, time));
}

void mnn_read_grid_sample(struct mnn_op *o)
{
    static const char *const borders[] = {"zeros", "border", "reflection"};
    int64_t border = mnn_int(&o->param, "paddingMode");
    if (border < 0 || border > 2 || mnn_int(&o->param, "backward")) {
        mnn_read_opaque(o);
        return;
    }
    struct value *y = BUILD(o->b, "GridSample", mnn_in_image(o), mnn_in(o, 1));
    build_string(o->b, y, "mode", mnn_int(&o->param, "mode") ? "nearest" : "linear");
    build_string(o->b, y, "padding_mode", borders[border]);
    mnn_give_image(o, 0, build_int(o->b, y, "align_corners", mnn_int(&o->param, "alignCorners")));
}
