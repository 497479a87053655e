/* Convolutions and matrix products. Filters are permuted to ONNX's order: out, in, then space. */
#include "format/tflite/operators.h"
#include "format/tflite/schema.h"

enum conv_slots { CONV_PADDING, CONV_STRIDE_W, CONV_STRIDE_H, CONV_ACT, CONV_DILATION_W, CONV_DILATION_H };
enum depthwise_slots { DEPTHWISE_ACT = 4, DEPTHWISE_DILATION_W, DEPTHWISE_DILATION_H };
enum conv3d_slots { CONV3D_PADDING, CONV3D_STRIDE_D, CONV3D_ACT = 4, CONV3D_DILATION_D };
enum dense_slots { DENSE_ACT, DENSE_FORMAT, DENSE_KEEP_RANK };
enum matmul_slots { MATMUL_ADJ_X, MATMUL_ADJ_Y };

struct window {
    int rank; /* of space */
    int64_t stride[3], dilation[3];
    bool is_same;
};

static int64_t option(const struct tflite_op *o, int slot, int64_t otherwise)
{
    return flatbuf_int(o->options, slot, 4, otherwise);
}

static struct value *set_window(struct tflite_op *o, struct value *v, const struct window *w)
{
    v = build_ints(o->b, v, "strides", w->rank, w->stride);
    v = build_ints(o->b, v, "dilations", w->rank, w->dilation);
    return build_string(o->b, v, "auto_pad", w->is_same ? "SAME_UPPER" : "VALID");
}

static bool check_window(struct tflite_op *o, const struct window *w)
{
    for (int i = 0; i < w->rank; i++)
        if (w->stride[i] < 1 || w->dilation[i] < 1)
            tflite_fail(o, "a stride of %lld and a dilation of %lld: want at least 1", (long long)w->stride[i],
                        (long long)w->dilation[i]);
    return !o->b->failed;
}

/* The dims of a filter, which must be known; false with a failure. */
static bool filter_dims(struct tflite_op *o, int k, int rank, int64_t *dims)
{
    int got = tflite_dims(o, k, dims);
    for (int i = 0; i < rank && got == rank; i++)
        if (dims[i] < 1)
            got = -1;
    if (got != rank)
        tflite_fail(o, "the filter must have %d known dimensions", rank);
    return !o->b->failed;
}

/* Input k, which may be absent. */
static struct value *bias(struct tflite_op *o, int k)
{
    return tflite_has(o, k) ? tflite_real(o, k) : NULL;
}

static struct value *conv(struct tflite_op *o, const struct window *w, int64_t group, const int64_t *perm)
{
    int rank = w->rank + 2;
    struct value *x = tflite_to_nchw(o->b, tflite_real(o, 0), rank);
    struct value *y = BUILD(o->b, "Conv", x, tflite_weights(o, 1, rank, perm), bias(o, 2));
    y = set_window(o, y, w);
    if (group != 1)
        y = build_int(o->b, y, "group", group);
    return tflite_to_nhwc(o->b, y, rank);
}

void tflite_read_conv(struct tflite_op *o)
{
    static const int64_t perm[] = {0, 3, 1, 2}; /* OHWI to OIHW */
    struct window w = {
        .rank = 2,
        .stride = {option(o, CONV_STRIDE_H, 0), option(o, CONV_STRIDE_W, 0)},
        .dilation = {option(o, CONV_DILATION_H, 1), option(o, CONV_DILATION_W, 1)},
        .is_same = flatbuf_int(o->options, CONV_PADDING, 1, 0) == PADDING_SAME,
    };
    int64_t x[TENSOR_MAX_RANK], filter[TENSOR_MAX_RANK];
    if (!check_window(o, &w) || !filter_dims(o, 1, 4, filter))
        return;
    if (tflite_dims(o, 0, x) != 4 || x[3] < 1 || x[3] % filter[3] != 0) {
        tflite_fail(o, "the input must be of rank 4, with a multiple of %lld channels", (long long)filter[3]);
        return;
    }
    tflite_give(o, 0, conv(o, &w, x[3] / filter[3], perm));
}

/* The filter is 1HWO; output channel c takes input channel c / multiplier, as a group of ONNX's does. */
void tflite_read_depthwise(struct tflite_op *o)
{
    static const int64_t perm[] = {3, 0, 1, 2};
    struct window w = {
        .rank = 2,
        .stride = {option(o, CONV_STRIDE_H, 0), option(o, CONV_STRIDE_W, 0)},
        .dilation = {option(o, DEPTHWISE_DILATION_H, 1), option(o, DEPTHWISE_DILATION_W, 1)},
        .is_same = flatbuf_int(o->options, CONV_PADDING, 1, 0) == PADDING_SAME,
    };
    int64_t x[TENSOR_MAX_RANK], filter[TENSOR_MAX_RANK];
    if (!check_window(o, &w) || !filter_dims(o, 1, 4, filter))
        return;
    if (tflite_dims(o, 0, x) != 4 || x[3] < 1 || filter[3] % x[3] != 0 || filter[0] != 1) {
        tflite_fail(o, "the input must be of rank 4, with channels of which %lld is a multiple", (long long)filter[3]);
        return;
    }
    tflite_give(o, 0, conv(o, &w, x[3], perm));
}

static struct window window_of_volume(const struct tflite_op *o)
{
    static const int order[] = {0, 2, 1}; /* options stand in the order D, W, H */
    struct window w = {.rank = 3, .is_same = flatbuf_int(o->options, CONV3D_PADDING, 1, 0) == PADDING_SAME};
    for (int i = 0; i < 3; i++) {
        w.stride[i] = option(o, CONV3D_STRIDE_D + order[i], 0);
        w.dilation[i] = option(o, CONV3D_DILATION_D + order[i], 1);
    }
    return w;
}

void tflite_read_conv3d(struct tflite_op *o)
{
    static const int64_t perm[] = {4, 3, 0, 1, 2}; /* DHWIO to OIDHW */
    struct window w = window_of_volume(o);
    int64_t filter[TENSOR_MAX_RANK], x[TENSOR_MAX_RANK];
    if (!check_window(o, &w) || !filter_dims(o, 1, 5, filter))
        return;
    if (tflite_dims(o, 0, x) != 5 || x[4] < 1 || x[4] % filter[3] != 0) {
        tflite_fail(o, "the input must be of rank 5, with a multiple of %lld channels", (long long)filter[3]);
        return;
    }
    tflite_give(o, 0, conv(o, &w, x[4] / filter[3], perm));
}

/* The elements of input 0, the output's shape, as dims: numbers, or symbols where they follow from open ones. */
static bool wanted_dims(struct tflite_op *o, int rank, int64_t *want)
{
    if (tflite_ints(o, 0, want, rank) == rank)
        return true;
    struct value *v = tflite_raw(o, 0);
    bool is_known = tflite_type(o->b, v) && v->known_count == rank;
    for (int i = 0; i < rank && is_known; i++) {
        is_known = v->known[i].kind != KNOWN_NOT;
        want[i] = v->known[i].value;
    }
    if (!is_known)
        tflite_fail(o, "input 0 must be a shape of %d sizes that follow from those of the input", rank);
    return is_known;
}

/* The rows that a transposed convolution gives beyond what is wanted: (x - 1) stride + filter - want. */
static int64_t surplus(struct graph *root, int64_t x, int64_t stride, int64_t filter, int64_t want)
{
    int64_t all = graph_dim_mul(root, x, stride);
    if (filter >= stride)
        return graph_dim_sub(root, graph_dim_add(root, all, filter - stride), want);
    return graph_dim_sub(root, all, graph_dim_add(root, want, stride - filter));
}

/* The padding is that of the convolution which this one is the gradient of, half of it before; rows that no tap reaches
 * are added behind. */
static struct value *transpose_pads(struct tflite_op *o, struct value *y, const struct window *w, const int64_t *filter,
                                    const int64_t *want)
{
    struct graph *root = o->g->file->root;
    int64_t x[TENSOR_MAX_RANK], pads[6] = {0}, more[3] = {0};
    if (tflite_dims(o, 2, x) != w->rank + 2)
        return NULL;
    for (int i = 0; i < w->rank; i++) {
        int64_t total = x[i + 1] != 0 && want[i + 1] != 0
                            ? surplus(root, x[i + 1], w->stride[i], filter[i + 1], want[i + 1])
                            : DIM_UNKNOWN;
        if (total < 0 && x[i + 1] > 0 && want[i + 1] > 0 && w->stride[i] <= INT32_MAX && x[i + 1] <= INT32_MAX)
            total = (x[i + 1] - 1) * w->stride[i] + filter[i + 1] - want[i + 1];
        else if (total < 0) {
            tflite_fail(o, "the output's size must follow from the input's");
            return NULL;
        }
        pads[i] = w->is_same && total > 0 ? total / 2 : 0;
        pads[i + w->rank] = total > 0 ? total - pads[i] : 0;
        more[i] = total < 0 ? -total : 0;
    }
    y = build_ints(o->b, build_ints(o->b, y, "strides", w->rank, w->stride), "pads", 2 * w->rank, pads);
    y = build_ints(o->b, y, "dilations", w->rank, w->dilation);
    return more[0] || more[1] || more[2] ? build_ints(o->b, y, "output_padding", w->rank, more) : y;
}

static void conv_transpose(struct tflite_op *o, const struct window *w, const int64_t *perm)
{
    int rank = w->rank + 2;
    int64_t want[5], dims[TENSOR_MAX_RANK], filter[4];
    if (!check_window(o, w) || !filter_dims(o, 1, rank, dims) || !wanted_dims(o, rank, want))
        return;
    for (int i = 1; i <= w->rank; i++)
        filter[i] = (dims[perm[i + 1]] - 1) * w->dilation[i - 1] + 1;
    struct value *x = tflite_to_nchw(o->b, tflite_real(o, 2), rank);
    struct value *y = BUILD(o->b, "ConvTranspose", x, tflite_weights(o, 1, rank, perm), bias(o, 3));
    tflite_give(o, 0, tflite_to_nhwc(o->b, transpose_pads(o, y, w, filter, want), rank));
}

void tflite_read_conv_transpose(struct tflite_op *o)
{
    const struct window w = {
        .rank = 2,
        .stride = {option(o, CONV_STRIDE_H, 0), option(o, CONV_STRIDE_W, 0)},
        .dilation = {1, 1},
        .is_same = flatbuf_int(o->options, CONV_PADDING, 1, 0) == PADDING_SAME,
    };
    conv_transpose(o, &w, (const int64_t[]){3, 0, 1, 2}); /* OHWI to IOHW */
}

void tflite_read_conv3d_transpose(struct tflite_op *o)
{
    struct window w = window_of_volume(o);
    conv_transpose(o, &w, (const int64_t[]){4, 3, 0, 1, 2}); /* DHWOI to IODHW */
}

/* ---- matrix products ---- */

/* x of [rows, in], w of [out, in]. All axes of x but the last are rows; unless they are kept, so is the result. */
void tflite_read_dense(struct tflite_op *o)
{
    static const int64_t perm[] = {1, 0};
    int64_t x[TENSOR_MAX_RANK], filter[TENSOR_MAX_RANK];
    int rank = tflite_dims(o, 0, x);
    bool keep = flatbuf_int(o->options, DENSE_KEEP_RANK, 1, 0) != 0;
    if (flatbuf_int(o->options, DENSE_FORMAT, 1, 0) != 0) {
        tflite_fail(o, "weights in the shuffled order of an old accelerator, which is not read");
        return;
    }
    if (!filter_dims(o, 1, 2, filter))
        return;
    struct value *in = tflite_real(o, 0), *y;
    if (rank > 2 && keep) {
        y = BUILD(o->b, "MatMul", in, tflite_weights(o, 1, 2, perm));
        y = build_add(o->b, y, bias(o, 2));
    } else {
        if (rank != 2 || x[1] != filter[1])
            in = build_reshape(o->b, in, 2, (int64_t[]){-1, filter[1]});
        y = BUILD(o->b, "Gemm", in, tflite_weights(o, 1, 2, NULL), bias(o, 2));
        y = build_int(o->b, y, "transB", 1);
    }
    tflite_give(o, 0, y);
}

static struct value *factor(struct tflite_op *o, int k, bool is_adjoint)
{
    int64_t perm[TENSOR_MAX_RANK];
    int rank = tflite_want_rank(o, k);
    if (rank < 2)
        tflite_fail(o, "a factor of rank %d: want at least 2", rank);
    for (int i = 0; i < rank; i++)
        perm[i] = i < rank - 2 ? i : 2 * rank - 3 - i;
    return is_adjoint && !o->b->failed ? tflite_weights(o, k, rank, perm) : tflite_real(o, k);
}

void tflite_read_matmul(struct tflite_op *o)
{
    struct value *x = factor(o, 0, flatbuf_int(o->options, MATMUL_ADJ_X, 1, 0) != 0);
    struct value *y = factor(o, 1, flatbuf_int(o->options, MATMUL_ADJ_Y, 1, 0) != 0);
    tflite_give(o, 0, BUILD(o->b, "MatMul", x, y));
}
