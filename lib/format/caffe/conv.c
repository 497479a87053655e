/* Convolutions, and layers that are matrix products. */
#include <string.h>

#include "format/caffe/caffe.h"

/* A parameter given once for all axes, or once for each, or by the names of the last two. */
static void read_sizes(struct caffe_read *l, const char *name, const char *const by_axis[2], int64_t otherwise,
                       int rank, int64_t *sizes)
{
    size_t given = protobuf_count(l->param, name);
    const struct protobuf *p = protobuf_first(l->param, name);
    if (given > 1 && given != (size_t)rank)
        build_fail(l->b, "%s is given %zu times, want 1 or %d", name, given, rank);
    for (int i = 0; i < rank && !l->b->failed; i++) {
        sizes[i] = protobuf_as_int(p, otherwise);
        if (given > 1)
            p = protobuf_more(p);
        if (by_axis && rank == 2)
            sizes[i] = caffe_int(l, by_axis[i], sizes[i]);
        if (sizes[i] < (otherwise > 0) || sizes[i] > INT32_MAX)
            build_fail(l->b, "%s is %lld, want %d or more", name, (long long)sizes[i], otherwise > 0);
    }
}

static void read_window(struct caffe_read *l, struct build_window *w)
{
    static const char *const kernel[] = {"kernel_h", "kernel_w"}, *const stride[] = {"stride_h", "stride_w"};
    static const char *const pad[] = {"pad_h", "pad_w"};
    int rank = caffe_rank(l, 0), axis = rank ? caffe_axis(l, "axis", 1, rank) : 1;
    w->rank = rank - 2;
    if (!l->b->failed && (axis != 1 || w->rank < 1 || w->rank > BUILD_MAX_SPATIAL))
        build_fail(l->b, "its bottom has %d axes and its channels are axis %d, want 3 to 8 axes and axis 1", rank,
                   axis);
    if (l->b->failed)
        return;
    read_sizes(l, "kernel_size", kernel, 0, w->rank, w->kernel);
    read_sizes(l, "stride", stride, 1, w->rank, w->stride);
    read_sizes(l, "pad", pad, 0, w->rank, w->pads);
    read_sizes(l, "dilation", NULL, 1, w->rank, w->dilation);
    for (int i = 0; i < w->rank; i++) {
        w->pads[w->rank + i] = w->pads[i];
        if (w->kernel[i] < 1)
            build_fail(l->b, "it has no kernel_size, want 1 or more");
    }
}

static struct value *read_bias(struct caffe_read *l, int64_t count)
{
    return caffe_int(l, "bias_term", 1) ? caffe_weight(l, 1, "bias", 1, &count) : NULL;
}

/* The weights' layout is ONNX's for both directions: [out, in / group, …], transposed [in, out / group, …]. */
static void convolve(struct caffe_read *l, const char *op, int64_t group)
{
    struct build_window w = {0};
    bool transposed = strcmp(op, "ConvTranspose") == 0;
    int64_t outputs = caffe_int_in(l, "num_output", 0, 1, INT32_MAX), dims[2 + BUILD_MAX_SPATIAL];
    read_window(l, &w);
    if (l->b->failed)
        return;
    if (group < 1 || outputs % group) {
        build_fail(l->b, "num_output %lld is no multiple of group %lld", (long long)outputs, (long long)group);
        return;
    }
    dims[0] = transposed ? -1 : outputs;
    dims[1] = transposed ? outputs / group : -1;
    memcpy(dims + 2, w.kernel, (size_t)w.rank * sizeof(*dims));
    struct value *weight = caffe_weight(l, 0, "weight", 2 + w.rank, dims);
    struct value *v = build_set_window(l->b, BUILD(l->b, op, l->in[0], weight, read_bias(l, outputs)), &w);
    l->out[0] = build_int(l->b, v, "group", group);
}

void caffe_read_convolution(struct caffe_read *l)
{
    convolve(l, "Conv", caffe_int(l, "group", 1));
}

void caffe_read_depthwise(struct caffe_read *l)
{
    convolve(l, "Conv", caffe_dim(l, 0, 1));
}

void caffe_read_deconvolution(struct caffe_read *l)
{
    convolve(l, "ConvTranspose", caffe_int(l, "group", 1));
}

/* ---- matrix products ---- */

/* The bottom with all axes from `axis` on as one. */
static struct value *flattened(struct caffe_read *l, int axis, int rank)
{
    int64_t dims[TENSOR_MAX_RANK] = {0};
    if (axis == rank - 1)
        return l->in[0];
    if (axis == 1)
        return BUILD(l->b, "Flatten/axis=1", l->in[0]);
    dims[axis] = -1;
    return build_reshape(l->b, l->in[0], axis + 1, dims);
}

void caffe_read_inner_product(struct caffe_read *l)
{
    int rank = caffe_rank(l, 0), axis = rank ? caffe_axis(l, "axis", 1, rank) : 0;
    int64_t outputs = caffe_int_in(l, "num_output", 0, 1, INT32_MAX);
    bool transposed = caffe_int(l, "transpose", 0) != 0; /* [in, out] */
    struct value *weight =
        caffe_weight(l, 0, "weight", 2, (int64_t[]){transposed ? -1 : outputs, transposed ? outputs : -1});
    struct value *bias = read_bias(l, outputs), *x = l->b->failed ? NULL : flattened(l, axis, rank);
    if (axis == 1) {
        l->out[0] = build_int(l->b, BUILD(l->b, "Gemm", x, weight, bias), "transB", !transposed);
        return;
    }
    if (!transposed)
        weight = BUILD(l->b, "Transpose/perm=1,0", weight);
    l->out[0] = build_add(l->b, BUILD(l->b, "MatMul", x, weight), bias);
}

/* Rows of a table, by indices that are kept as floats. */
void caffe_read_embed(struct caffe_read *l)
{
    int64_t outputs = caffe_int_in(l, "num_output", 0, 1, INT32_MAX);
    struct value *table = caffe_weight(l, 0, "weight", 2, (int64_t[]){caffe_int(l, "input_dim", -1), outputs});
    struct value *bias = read_bias(l, outputs);
    caffe_rank(l, 0);
    if (!l->b->failed)
        l->out[0] = build_add(l->b, BUILD(l->b, "Gather", table, build_cast(l->b, l->in[0], DTYPE_I64)), bias);
}
