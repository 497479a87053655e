/* Layers with weights. Source: convolutional_layer.c, connected_layer.c, local_layer.c and batchnorm_layer.c. */
#include <stdio.h>

#include "format/darknet/darknet.h"
#include "op/build_filled.h"

#define MOST_FILTERS (1 << 24)
/* Beside the variance, under the root. J. Redmon's program has this number behind the root, A. Bochkovskiy's 1e-5 under
 * it, as have the same networks converted for Caffe and ncnn, so that folded weights differ by up to 0.6 %. The file
 * does not say for which it is; OpenCV, the only other program that runs both kinds, takes this. */
#define EPSILON 1e-6f

/* Scales, means and variances, in this order; the biases come from elsewhere. */
static struct value *normalized(struct darknet_read *l, struct value *v, struct value *scale, struct value *bias,
                                struct value *mean, struct value *variance)
{
    v = l->b->failed ? NULL : BUILD(l->b, "BatchNormalization", v, scale, bias, mean, variance);
    return build_float(l->b, v, "epsilon", EPSILON);
}

/* ---- convolutions ---- */

struct window {
    int64_t filters, size, stride[2], pad, dilation, groups;
};

/* A flag "pad" stands for half the size; without it "padding" counts. */
static void read_window(struct darknet_read *l, struct window *w, int64_t channels, int64_t usual_size)
{
    int64_t stride = darknet_in(l, "stride", 1, 1, 65535);
    w->size = darknet_in(l, "size", usual_size, 1, 65535);
    w->stride[0] = darknet_in(l, "stride_y", stride, 1, 65535);
    w->stride[1] = darknet_in(l, "stride_x", stride, 1, 65535);
    w->dilation = w->size > 1 ? darknet_in(l, "dilation", 1, 1, 65535) : 1;
    w->groups = darknet_in(l, "groups", 1, 1, MOST_FILTERS);
    w->pad = darknet_int(l->section, "pad", 0) ? w->size / 2 : darknet_in(l, "padding", 0, 0, 65535);
    if (!l->b->failed && (channels % w->groups || w->filters % w->groups))
        build_fail(l->b, "%lld channels and %lld filters are no multiples of groups=%lld", (long long)channels,
                   (long long)w->filters, (long long)w->groups);
    if (darknet_int(l->section, "antialiasing", 0) || darknet_int(l->section, "share_index", 0) ||
        darknet_int(l->section, "flipped", 0) || darknet_int(l->section, "xnor", 0) ||
        darknet_int(l->section, "binary", 0))
        build_fail(l->b, "antialiasing, share_index, flipped, binary and xnor are not read, want 0");
}

static struct value *add_window(struct darknet_read *l, const char *op, struct value *x, struct value *weight,
                                struct value *bias, const struct window *w)
{
    int64_t pad = w->pad * w->dilation;
    struct value *v = l->b->failed ? NULL : BUILD(l->b, op, x, weight, bias);
    build_ints(l->b, v, "kernel_shape", 2, (int64_t[]){w->size, w->size});
    build_ints(l->b, v, "strides", 2, w->stride);
    build_ints(l->b, v, "pads", 4, (int64_t[]){pad, pad, pad, pad});
    build_ints(l->b, v, "dilations", 2, (int64_t[]){w->dilation, w->dilation});
    return build_int(l->b, v, "group", w->groups);
}

/* "input_weight", or "weight" without the layer's part. */
static struct value *part_weight(struct darknet_read *l, const char *part, const char *what, int rank,
                                 const int64_t *dims)
{
    char name[60];
    snprintf(name, sizeof(name), "%s%s%s", part, *part ? "_" : "", what);
    return darknet_weight(l, name, rank, dims);
}

/* Biases, perhaps three arrays of normalisation, then the weights. */
static struct value *convolve(struct darknet_read *l, struct value *x, const char *op, const struct window *w,
                              const int64_t *dims, const char *part)
{
    struct value *norm[3] = {NULL};
    static const char *const names[] = {"scale", "mean", "variance"};
    bool normal = darknet_int(l->section, "batch_normalize", 0) != 0;
    struct value *bias = part_weight(l, part, "bias", 1, &w->filters);
    for (int i = 0; i < 3 && normal; i++)
        norm[i] = part_weight(l, part, names[i], 1, &w->filters);
    struct value *weight = part_weight(l, part, "weight", 4, dims);
    struct value *v = add_window(l, op, x, weight, normal ? NULL : bias, w);
    return normal ? normalized(l, v, norm[0], bias, norm[1], norm[2]) : v;
}

struct value *darknet_convolve(struct darknet_read *l, struct value *x, int64_t channels, int64_t filters,
                               int64_t usual_size, const char *part)
{
    struct window w = {.filters = filters};
    read_window(l, &w, channels, usual_size);
    if (l->b->failed)
        return NULL;
    return convolve(l, x, "Conv", &w, (int64_t[]){filters, channels / w.groups, w.size, w.size}, part);
}

void darknet_read_convolutional(struct darknet_read *l)
{
    struct darknet_map in = darknet_map_of(l, &l->in);
    int64_t filters = darknet_in(l, "filters", 1, 1, MOST_FILTERS);
    l->out = darknet_activate(l, darknet_convolve(l, l->in, in.channels, filters, 1, ""), "logistic");
}

void darknet_read_deconvolutional(struct darknet_read *l)
{
    struct darknet_map in = darknet_map_of(l, &l->in);
    struct window w = {.filters = darknet_in(l, "filters", 1, 1, MOST_FILTERS)};
    read_window(l, &w, in.channels, 1);
    w.groups = 1;
    if (!l->b->failed)
        l->out = convolve(l, l->in, "ConvTranspose", &w, (int64_t[]){in.channels, w.filters, w.size, w.size}, "");
    l->out = darknet_activate(l, l->out, "logistic");
}

/* ---- matrix products ---- */

struct value *darknet_connect(struct darknet_read *l, struct value *x, int64_t inputs, int64_t outputs,
                              const char *what)
{
    bool transposed = l->reader->transposed, normal = darknet_int(l->section, "batch_normalize", 0) != 0;
    static const char *const names[] = {"bias", "weight", "scale", "mean", "variance"};
    struct value *part[5] = {NULL};
    for (int i = 0; i < (normal ? 5 : 2); i++) {
        int64_t dims[2] = {i == 1 && transposed ? inputs : outputs, transposed ? outputs : inputs};
        part[i] = part_weight(l, what, names[i], i == 1 ? 2 : 1, dims);
    }
    struct value *v = l->b->failed ? NULL : BUILD(l->b, "Gemm", x, part[1], normal ? NULL : part[0]);
    build_int(l->b, v, "transB", !transposed);
    return normal ? normalized(l, v, part[2], part[0], part[3], part[4]) : v;
}

struct value *darknet_flat(struct darknet_read *l, int64_t *inputs)
{
    struct darknet_map in = darknet_map_of(l, &l->in);
    *inputs = in.channels * in.height * in.width;
    return l->b->failed ? NULL : BUILD(l->b, "Flatten", l->in);
}

void darknet_read_connected(struct darknet_read *l)
{
    int64_t inputs, outputs = darknet_in(l, "output", 1, 1, MOST_FILTERS);
    struct value *x = darknet_flat(l, &inputs);
    l->out = darknet_activate(l, darknet_connect(l, x, inputs, outputs, ""), "logistic");
}

/* A convolution that only gathers: to each place the inputs of its window, [N, channels * size * size, …]. Its kernel
 * is larger than the weights by size * size. */
static struct value *patches(struct darknet_read *l, const struct darknet_map *in, const struct window *w)
{
    int64_t taps = w->size * w->size, dims[4] = {in->channels * taps, 1, w->size, w->size};
    struct tensor *gather = build_zeros(l->b, DTYPE_F32, 4, dims);
    for (int64_t i = 0; gather && i < dims[0]; i++)
        ((float *)gather->data)[i * taps + i % taps] = 1;
    return add_window(l, "Conv", l->in, build_constant(l->b, NULL, gather), NULL, w);
}

/* A kernel of its own for each place. */
void darknet_read_local(struct darknet_read *l)
{
    struct darknet_map in = darknet_map_of(l, &l->in);
    int64_t filters = darknet_in(l, "filters", 1, 1, 65535), stride = darknet_in(l, "stride", 1, 1, 65535);
    struct window w = {.size = darknet_in(l, "size", 1, 1, 255), .stride = {stride, stride}, .dilation = 1};
    w.pad = darknet_in(l, "pad", 0, 0, 1);
    w.groups = in.channels;
    int64_t less = w.pad ? 1 : w.size, rows = (in.height - less) / stride + 1, columns = (in.width - less) / stride + 1;
    int64_t taps = in.channels * w.size * w.size, places = rows * columns;
    if (!l->b->failed && (in.height < less || in.width < less))
        build_fail(l->b, "its window of %lld is larger than its input", (long long)w.size);
    struct value *bias = darknet_weight(l, "bias", 3, (int64_t[]){filters, rows, columns});
    struct value *weight = darknet_weight(l, "weight", 3, (int64_t[]){places, filters, taps});
    struct value *x = build_reshape(l->b, patches(l, &in, &w), 3, (int64_t[]){0, taps, places});
    x = build_unsqueeze(l->b, BUILD(l->b, "Transpose/perm=0,2,1", x), 3);
    struct value *v = l->b->failed ? NULL : BUILD(l->b, "MatMul", weight, x); /* [N, places, filters, 1] */
    v = build_reshape(l->b, BUILD(l->b, "Transpose/perm=0,2,1,3", v), 4, (int64_t[]){0, filters, rows, columns});
    l->out = darknet_activate(l, build_add(l->b, v, bias), "logistic");
}

void darknet_read_batchnorm(struct darknet_read *l)
{
    struct darknet_map in = darknet_map_of(l, &l->in);
    struct value *bias = darknet_weight(l, "bias", 1, &in.channels);
    struct value *scale = darknet_weight(l, "scale", 1, &in.channels);
    struct value *mean = darknet_weight(l, "mean", 1, &in.channels);
    struct value *variance = darknet_weight(l, "variance", 1, &in.channels);
    l->out = normalized(l, l->in, scale, bias, mean, variance);
}
