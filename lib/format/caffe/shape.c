/* Layers that give their bottom another shape or size. */
#include "format/caffe/caffe.h"

/* `count` axes from `axis` on become `n` others. Sizes before stay as they are, those behind must be known where they
 * come to stand elsewhere. */
static struct value *reshaped(struct caffe_read *l, int axis, int count, int n, const int64_t *others, int rank)
{
    int64_t dims[TENSOR_MAX_RANK] = {0};
    int result = rank - count + n;
    if (!l->b->failed && result > TENSOR_MAX_RANK)
        build_fail(l->b, "its top has %d axes, want at most %d", result, TENSOR_MAX_RANK);
    for (int i = 0; i < n && !l->b->failed; i++)
        dims[axis + i] = others[i];
    for (int i = axis + count; i < rank && n != count && !l->b->failed; i++)
        dims[i - count + n] = caffe_dim(l, 0, i);
    return l->b->failed ? NULL : build_reshape(l->b, l->in[0], result, dims);
}

void caffe_read_flatten(struct caffe_read *l)
{
    int rank = caffe_rank(l, 0), axis = rank ? caffe_axis(l, "axis", 1, rank) : 0;
    int end = rank ? caffe_axis(l, "end_axis", -1, rank) : 0;
    if (!l->b->failed && end < axis)
        build_fail(l->b, "end_axis %d lies before axis %d", end, axis);
    if (axis == 1 && end == rank - 1 && !l->b->failed)
        l->out[0] = BUILD(l->b, "Flatten/axis=1", l->in[0]);
    else
        l->out[0] = reshaped(l, axis, end - axis + 1, 1, (int64_t[]){-1}, rank);
}

void caffe_read_reshape(struct caffe_read *l)
{
    int rank = caffe_rank(l, 0), n = 0;
    const struct protobuf *shape = protobuf_message(l->param, "shape");
    int64_t axis = caffe_int_in(l, "axis", 0, -rank - 1, rank), count = caffe_int(l, "num_axes", -1);
    int64_t others[TENSOR_MAX_RANK];
    if (axis < 0)
        axis += rank + 1;
    if (count == -1)
        count = rank - axis;
    if (!l->b->failed && (axis < 0 || axis > rank || count < 0 || count > rank - axis))
        build_fail(l->b, "its axis and num_axes name axes that its bottom, with %d, does not have", rank);
    for (const struct protobuf *p = protobuf_first(shape, "dim"); p && !l->b->failed; p = protobuf_more(p)) {
        int64_t dim = protobuf_as_int(p, -2);
        if (n == TENSOR_MAX_RANK || dim < -1 || (dim == 0 && axis + n >= rank))
            build_fail(l->b, "dim %d of its shape is %lld, which is no size", n, (long long)dim);
        else
            others[n++] = dim;
    }
    l->out[0] = reshaped(l, (int)axis, (int)count, n, others, rank);
}

/* The axes that are not named keep their order, behind the others. Source: permute_layer.cpp of Caffe-SSD. */
void caffe_read_permute(struct caffe_read *l)
{
    int rank = caffe_rank(l, 0), n = 0;
    int64_t order[TENSOR_MAX_RANK];
    bool seen[TENSOR_MAX_RANK] = {false};
    for (const struct protobuf *p = protobuf_first(l->param, "order"); p && !l->b->failed; p = protobuf_more(p)) {
        int64_t axis = protobuf_as_int(p, -1);
        if (axis < 0 || axis >= rank || seen[axis]) {
            build_fail(l->b, "order has %lld, want each axis of its bottom at most once", (long long)axis);
            return;
        }
        seen[axis] = true;
        order[n++] = axis;
    }
    for (int i = 0; i < rank; i++)
        if (!seen[i])
            order[n++] = i;
    l->out[0] = l->b->failed ? NULL : build_transpose(l->b, l->in[0], rank, order);
}

/* An axis from its end to its start. */
void caffe_read_reverse(struct caffe_read *l)
{
    int rank = caffe_rank(l, 0), axis = rank ? caffe_axis(l, "axis", 0, rank) : 0;
    if (!l->b->failed)
        l->out[0] = BUILD(l->b, "Slice", l->in[0], BUILD_LIST(l->b, -1), BUILD_LIST(l->b, INT64_MIN),
                          BUILD_LIST(l->b, axis), BUILD_LIST(l->b, -1));
}

void caffe_read_tile(struct caffe_read *l)
{
    int rank = caffe_rank(l, 0), axis = rank ? caffe_axis(l, "axis", 1, rank) : 0;
    int64_t repeats[TENSOR_MAX_RANK];
    for (int i = 0; i < rank; i++)
        repeats[i] = 1;
    repeats[axis] = caffe_int_in(l, "tiles", 0, 1, INT32_MAX);
    if (!l->b->failed)
        l->out[0] = BUILD(l->b, "Tile", l->in[0], build_list(l->b, rank, repeats));
}

void caffe_read_shuffle_channel(struct caffe_read *l)
{
    int64_t group = caffe_int_in(l, "group", 1, 1, INT32_MAX);
    caffe_rank(l, 0);
    if (!l->b->failed)
        l->out[0] = build_int(l->b, BUILD(l->b, "nn.ShuffleChannel", l->in[0]), "group", group);
}

void caffe_read_reorg(struct caffe_read *l)
{
    caffe_rank(l, 0);
    struct value *v = l->b->failed ? NULL : BUILD(l->b, "nn.Reorg", l->in[0]);
    l->out[0] = build_int(l->b, v, "stride", caffe_int_in(l, "stride", 2, 1, 65535));
}

/* ---- resizing ---- */

/* Bilinear, corner to corner; "pads" are negative: they cut. Source: interp_layer.cpp of DeepLab. */
void caffe_read_interp(struct caffe_read *l)
{
    int64_t size[2] = {caffe_int(l, "height", 0), caffe_int(l, "width", 0)};
    caffe_rank(l, l->in_count > 1);
    struct value *v = l->b->failed ? NULL : BUILD(l->b, "nn.Interp", l->in[0], l->in_count > 1 ? l->in[1] : NULL);
    build_string(l->b, v, "coordinates", "align_corners");
    if (l->in_count < 2 && size[0] > 0 && size[1] > 0)
        build_ints(l->b, v, "size", 2, size);
    build_int(l->b, v, "zoom_factor", caffe_int_in(l, "zoom_factor", 1, 1, 65535));
    build_int(l->b, v, "shrink_factor", caffe_int_in(l, "shrink_factor", 1, 1, 65535));
    build_int(l->b, v, "pad_begin", caffe_int_in(l, "pad_beg", 0, -65535, 0));
    l->out[0] = build_int(l->b, v, "pad_end", caffe_int_in(l, "pad_end", 0, -65535, 0));
}

/* The size of the top where the file gives it; else NULL: the scale tells. */
static struct value *upsample_size(struct caffe_read *l)
{
    int64_t size[2] = {caffe_int(l, "upsample_h", 0), caffe_int(l, "upsample_w", 0)};
    if (size[0] <= 0 || size[1] <= 0)
        return NULL;
    return BUILD_LIST(l->b, caffe_dim(l, 0, 0), caffe_dim(l, 0, 1), size[0], size[1]);
}

/* By a mask of where the maxima were (SegNet), or each pixel repeated. */
void caffe_read_upsample(struct caffe_read *l)
{
    int64_t scale = caffe_int_in(l, "scale", 2, 1, 65535);
    struct value *size = upsample_size(l);
    if (caffe_rank(l, 0) != 4)
        build_fail(l->b, "its bottom has %d axes, want 4", caffe_rank(l, 0));
    if (l->b->failed)
        return;
    if (l->in_count > 1) {
        struct value *v = BUILD(l->b, "MaxUnpool", l->in[0], l->in[1], size);
        build_ints(l->b, v, "kernel_shape", 2, (int64_t[]){scale, scale});
        l->out[0] = build_ints(l->b, v, "strides", 2, (int64_t[]){scale, scale});
        return;
    }
    struct value *scales = size ? NULL : build_f32s(l->b, 4, (float[]){1, 1, (float)scale, (float)scale});
    struct value *v = BUILD(l->b, "Resize/nearest_mode=floor", l->in[0], NULL, scales, size);
    l->out[0] = build_string(l->b, v, "coordinate_transformation_mode", "asymmetric");
}
