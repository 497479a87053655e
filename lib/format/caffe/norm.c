/* Normalising layers, and those that scale and shift. */
#include <stdio.h>

#include "format/caffe/caffe.h"
#include "op/build_filled.h"

/* Within a channel: x / (1 + alpha * mean(x²)) ^ beta, the mean over a window that counts its padding.
 * Source: lrn_layer.cpp. */
static struct value *lrn_within(struct caffe_read *l, int64_t size, float alpha, float beta)
{
    int64_t pad = (size - 1) / 2;
    struct build *b = l->b;
    struct value *mean = BUILD(b, "AveragePool", BUILD(b, "Mul", l->in[0], l->in[0]));
    build_ints(b, mean, "kernel_shape", 2, (int64_t[]){size, size});
    build_ints(b, mean, "pads", 4, (int64_t[]){pad, pad, pad, pad});
    build_int(b, mean, "count_include_pad", 1);
    struct value *sum =
        BUILD(b, "Add", BUILD(b, "Mul", mean, build_number(b, DTYPE_F32, alpha)), build_number(b, DTYPE_F32, 1));
    return BUILD(b, "Mul", l->in[0], BUILD(b, "Pow", sum, build_number(b, DTYPE_F32, -beta)));
}

void caffe_read_lrn(struct caffe_read *l)
{
    static const char *const regions[] = {"ACROSS_CHANNELS", "WITHIN_CHANNEL"};
    int64_t size = caffe_int_in(l, "local_size", 5, 1, 65535);
    float alpha = caffe_float(l, "alpha", 1), beta = caffe_float(l, "beta", 0.75f);
    if (size % 2 == 0)
        build_fail(l->b, "local_size is %lld, want an odd number", (long long)size);
    caffe_rank(l, 0);
    if (l->b->failed)
        return;
    if (protobuf_enum(l->param, "norm_region", regions, 2, 0) == 1) {
        l->out[0] = lrn_within(l, size, alpha, beta);
        return;
    }
    struct value *v = build_int(l->b, BUILD(l->b, "LRN", l->in[0]), "size", size);
    build_float(l->b, build_float(l->b, v, "alpha", alpha), "beta", beta);
    l->out[0] = build_float(l->b, v, "bias", caffe_float(l, "k", 1));
}

/* ---- batch normalisation ---- */

/* The batch's own mean and variance: what "use_global_stats: false" asks for. */
static struct value *by_batch(struct caffe_read *l, int rank, float epsilon)
{
    int64_t axes[TENSOR_MAX_RANK] = {0};
    struct build *b = l->b;
    for (int i = 1; i < rank - 1; i++)
        axes[i] = i + 1;
    struct value *over = build_list(b, rank - 1, axes);
    struct value *centred = BUILD(b, "Sub", l->in[0], BUILD(b, "ReduceMean", l->in[0], over));
    struct value *variance = BUILD(b, "ReduceMean", BUILD(b, "Mul", centred, centred), over);
    return BUILD(b, "Div", centred, BUILD(b, "Sqrt", caffe_shifted(l, variance, epsilon)));
}

/* Mean and variance are sums, weighted as the third array says. */
static struct value *moving(struct caffe_read *l, int i, const char *what, int64_t channels)
{
    struct tensor *t = caffe_blob_copy(l, i, 1, &channels), *weight = caffe_blob_copy(l, 2, 1, (int64_t[]){1});
    char name[300];
    if (t && weight) {
        float factor = *(float *)weight->data;
        for (int64_t k = 0; k < channels; k++)
            ((float *)t->data)[k] *= factor == 0 ? 0 : 1 / factor;
    }
    tensor_unref(weight);
    snprintf(name, sizeof(name), "%.250s/%s", l->layer->name, what);
    return build_constant(l->b, name, t);
}

void caffe_read_batch_norm(struct caffe_read *l)
{
    int rank = caffe_rank(l, 0);
    float epsilon = caffe_float(l, "eps", 1e-5f);
    if (!l->b->failed && rank < 2)
        build_fail(l->b, "its bottom has %d axes, want 2 or more", rank);
    if (!l->b->failed && !caffe_int(l, "use_global_stats", 1)) {
        l->out[0] = by_batch(l, rank, epsilon);
        return;
    }
    int64_t channels = caffe_dim(l, 0, 1);
    bool affine = l->blob_count >= 5; /* a fork has scale and bias in the same layer */
    struct value *mean = moving(l, 0, "mean", channels), *variance = moving(l, 1, "variance", channels);
    struct value *scale = affine ? caffe_weight(l, 3, "scale", 1, &channels) : build_filled(l->b, 1, &channels, 1);
    struct value *bias = affine ? caffe_weight(l, 4, "bias", 1, &channels) : build_filled(l->b, 1, &channels, 0);
    l->out[0] =
        build_float(l->b, BUILD(l->b, "BatchNormalization", l->in[0], scale, bias, mean, variance), "epsilon", epsilon);
}

/* SegNet's (scale and shift) and PSPNet's (mean and variance too). */
void caffe_read_bn(struct caffe_read *l)
{
    int64_t channels = caffe_dim(l, 0, 1);
    bool whole = l->blob_count >= 4;
    struct value *scale = caffe_weight(l, 0, "scale", 1, &channels), *bias = caffe_weight(l, 1, "bias", 1, &channels);
    struct value *mean = whole ? caffe_weight(l, 2, "mean", 1, &channels) : build_filled(l->b, 1, &channels, 0);
    struct value *variance = whole ? caffe_weight(l, 3, "variance", 1, &channels) : build_filled(l->b, 1, &channels, 1);
    struct value *v = l->b->failed ? NULL : BUILD(l->b, "BatchNormalization", l->in[0], scale, bias, mean, variance);
    l->out[0] = build_float(l->b, v, "epsilon", whole ? caffe_float(l, "eps", 1e-5f) : 0);
}

/* ---- scale and bias ---- */

/* Blob i with the bottom's axes from `axis` on, num_axes of them, and ones behind, so that it broadcasts. */
static struct value *along_axes(struct caffe_read *l, int i, const char *what, int rank)
{
    int axis = rank ? caffe_axis(l, "axis", 1, rank) : 0, n = 0;
    int64_t axes = caffe_int(l, "num_axes", 1), dims[TENSOR_MAX_RANK];
    if (axes < -1 || axes > rank - axis)
        build_fail(l->b, "num_axes is %lld, but its bottom has %d axes", (long long)axes, rank);
    if (axes < 0)
        axes = rank - axis;
    for (int k = axis; k < rank && axes > 0 && !l->b->failed; k++)
        dims[n++] = k < axis + axes ? caffe_dim(l, 0, k) : 1;
    return caffe_weight(l, i, what, n, dims);
}

/* The second bottom, whose axes are those of the first from `axis` on. */
static struct value *second_bottom(struct caffe_read *l, int rank)
{
    int own = caffe_rank(l, 1), axis = rank ? caffe_axis(l, "axis", 1, rank) : 0;
    int64_t dims[TENSOR_MAX_RANK] = {0};
    int n = rank - axis;
    if (!l->b->failed && own > n)
        build_fail(l->b, "its second bottom has %d axes, want %d or fewer", own, n);
    if (l->b->failed || own == n)
        return l->b->failed ? NULL : l->in[1];
    for (int i = own; i < n; i++)
        dims[i] = 1;
    return build_reshape(l->b, l->in[1], n, dims);
}

void caffe_read_scale(struct caffe_read *l)
{
    int rank = caffe_rank(l, 0);
    bool two = l->in_count > 1;
    struct value *scale = two ? second_bottom(l, rank) : along_axes(l, 0, "scale", rank);
    struct value *bias = caffe_int(l, "bias_term", 0) ? along_axes(l, !two, "bias", rank) : NULL;
    if (!l->b->failed)
        l->out[0] = build_add(l->b, BUILD(l->b, "Mul", l->in[0], scale), bias);
}

void caffe_read_bias(struct caffe_read *l)
{
    int rank = caffe_rank(l, 0);
    struct value *bias = l->in_count > 1 ? second_bottom(l, rank) : along_axes(l, 0, "bias", rank);
    if (!l->b->failed)
        l->out[0] = BUILD(l->b, "Add", l->in[0], bias);
}

/* ---- mean and variance, norms ---- */

/* (x - mean) / (deviation + eps), over the axes behind the channels or from them on. Source: mvn_layer.cpp. */
void caffe_read_mvn(struct caffe_read *l)
{
    struct build *b = l->b;
    int rank = caffe_rank(l, 0), first = caffe_int(l, "across_channels", 0) ? 1 : 2;
    int64_t axes[TENSOR_MAX_RANK];
    if (rank <= first)
        build_fail(b, "its bottom has %d axes, want more than %d", rank, first);
    if (b->failed)
        return;
    for (int i = first; i < rank; i++)
        axes[i - first] = i;
    struct value *over = build_list(b, rank - first, axes);
    struct value *centred = BUILD(b, "Sub", l->in[0], BUILD(b, "ReduceMean", l->in[0], over));
    l->out[0] = centred;
    if (!caffe_int(l, "normalize_variance", 1))
        return;
    struct value *deviation = BUILD(b, "Sqrt", BUILD(b, "ReduceMean", BUILD(b, "Mul", centred, centred), over));
    l->out[0] = BUILD(b, "Div", centred, caffe_shifted(l, deviation, caffe_float(l, "eps", 1e-9f)));
}

/* x / sqrt(sum(x²) + eps) * scale: over the channels, or over everything. Source: normalize_layer.cpp of Caffe-SSD.
 * That of other forks has no scale. */
void caffe_read_normalize(struct caffe_read *l)
{
    int64_t channels = caffe_int(l, "channel_shared", 1) ? 1 : caffe_dim(l, 0, 1);
    bool alone = l->reader->file && l->blob_count == 0;
    struct value *scale = alone ? NULL : caffe_weight(l, 0, "scale", 1, &channels);
    caffe_rank(l, 0);
    struct value *v = l->b->failed ? NULL : BUILD(l->b, "nn.Normalize", l->in[0], scale);
    build_int(l->b, v, "across_spatial", caffe_int(l, "across_spatial", 1) != 0);
    l->out[0] = build_float(l->b, v, "epsilon", caffe_float(l, "eps", 1e-10f));
}
