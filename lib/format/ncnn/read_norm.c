/* Normalisation. */
#include <string.h>

#include "format/ncnn/read.h"
#include "op/build_filled.h"

struct value *ncnn_batch_norm(struct reader *r)
{
    int64_t n = ncnn_int(r->l, 0, 0);
    struct value *x = ncnn_in(r, 0);
    ncnn_dims(r, x);
    struct value *slope = ncnn_raw(r, "slope", 1, &n), *mean = ncnn_raw(r, "mean", 1, &n);
    struct value *var = ncnn_raw(r, "var", 1, &n), *bias = ncnn_raw(r, "bias", 1, &n);
    struct value *v = BUILD(&r->b, "BatchNormalization", x, slope, bias, mean, var);
    return build_float(&r->b, v, "epsilon", ncnn_float(r->l, 1, 0));
}

/* A factor and a shift of n elements, from the file or, where the layer has none, 1 and 0. */
static void affine(struct reader *r, bool has, int64_t n, struct value **gamma, struct value **beta)
{
    if (has) {
        *gamma = ncnn_raw(r, "gamma", 1, &n);
        *beta = ncnn_raw(r, "beta", 1, &n);
        return;
    }
    if (n <= 0)
        build_fail(&r->b, "normalises %lld channels", (long long)n);
    *gamma = build_filled(&r->b, 1, &n, 1);
    *beta = build_filled(&r->b, 1, &n, 0);
}

struct value *ncnn_instance_norm(struct reader *r)
{
    struct value *x = ncnn_in(r, 0), *gamma, *beta;
    bool has = ncnn_int(r->l, 2, 1) != 0;
    int64_t n = ncnn_int(r->l, 0, 0);
    ncnn_dims(r, x);
    affine(r, has, has || n > 0 ? n : ncnn_size(r, x, 0), &gamma, &beta);
    struct value *v = BUILD(&r->b, "InstanceNormalization", x, gamma, beta);
    return build_float(&r->b, v, "epsilon", ncnn_float(r->l, 1, 0.001f));
}

struct value *ncnn_group_norm(struct reader *r)
{
    struct value *gamma, *beta;
    ncnn_dims(r, ncnn_in(r, 0));
    affine(r, ncnn_int(r->l, 3, 1) != 0, ncnn_int(r->l, 1, 0), &gamma, &beta);
    struct value *v = BUILD(&r->b, "GroupNormalization", ncnn_in(r, 0), gamma, beta);
    build_int(&r->b, v, "num_groups", ncnn_int(r->l, 0, 1));
    return build_float(&r->b, v, "epsilon", ncnn_float(r->l, 2, 0.001f));
}

/* How many of the last axes have `size` elements together; 0 where their sizes are not known. Their dims in dims. */
static int normalised_axes(struct reader *r, struct value *x, int64_t size, int64_t *dims)
{
    const struct type *t = build_type(&r->b, x);
    int64_t product = 1;
    for (int count = 1; t && count < t->rank; count++) {
        int64_t last = t->dims[t->rank - count];
        if (last < 0 || __builtin_mul_overflow(product, last, &product))
            return 0;
        memmove(dims + 1, dims, (size_t)(count - 1) * sizeof(*dims));
        dims[0] = last;
        if (product == size)
            return count;
    }
    return 0;
}

/* Where it is not known how many axes are meant, rows of `size` elements are, whatever they are made of. */
static struct value *layer_norm(struct reader *r, const char *op, bool shifts)
{
    struct build *b = &r->b;
    struct value *x = ncnn_in(r, 0), *rows = x, *gamma, *beta = NULL;
    int64_t dims[TENSOR_MAX_RANK] = {0}, size = ncnn_int(r->l, 0, 0);
    int axes = normalised_axes(r, x, size, dims);
    if (!axes) {
        rows = build_reshape(b, x, 2, (int64_t[]){-1, size});
        dims[0] = size;
    }
    int n = axes ? axes : 1;
    if (ncnn_int(r->l, 2, 1)) {
        gamma = ncnn_raw(r, "gamma", n, dims);
        beta = shifts ? ncnn_raw(r, "beta", n, dims) : NULL;
    } else {
        affine(r, false, size, &gamma, &beta);
        gamma = build_reshape(b, gamma, n, dims);
        beta = NULL;
    }
    struct value *v = build_int(b, BUILD(b, op, rows, gamma, beta), "axis", -n);
    build_float(b, v, "epsilon", ncnn_float(r->l, 1, 0.001f));
    return axes ? v : BUILD(b, "Reshape", v, BUILD(b, "Shape", x));
}

struct value *ncnn_layer_norm(struct reader *r)
{
    return layer_norm(r, "LayerNormalization", true);
}

struct value *ncnn_rms_norm(struct reader *r)
{
    return layer_norm(r, "RMSNormalization", false);
}

/* Within a channel: the mean of squares over a square of the map, zeros beyond its edge counted. */
static struct value *lrn_within(struct reader *r, struct value *x, int64_t size)
{
    struct build *b = &r->b;
    int64_t before = size / 2, after = size - before - 1;
    struct value *v = BUILD(b, "AveragePool", BUILD(b, "Mul", x, x));
    build_ints(b, v, "kernel_shape", 2, (int64_t[]){size, size});
    build_ints(b, v, "pads", 4, (int64_t[]){before, before, after, after});
    build_int(b, v, "count_include_pad", 1);
    v = ncnn_by(r, "Add", ncnn_by(r, "Mul", v, ncnn_float(r->l, 2, 1)), ncnn_float(r->l, 4, 1));
    return BUILD(b, "Div", x, ncnn_by(r, "Pow", v, ncnn_float(r->l, 3, 0.75f)));
}

struct value *ncnn_lrn(struct reader *r)
{
    struct build *b = &r->b;
    int64_t size = ncnn_int(r->l, 1, 5);
    struct value *x = ncnn_in(r, 0);
    if (size < 1 || size > 1 << 16)
        build_fail(b, "has a window of %lld", (long long)size);
    if (ncnn_int(r->l, 0, 0) == 1)
        return lrn_within(r, x, size);
    if (size % 2 == 0)
        build_fail(b, "has an even window of %lld channels, the longer half of which lies before", (long long)size);
    struct value *v = build_int(b, BUILD(b, "LRN", x), "size", size);
    build_float(b, v, "alpha", ncnn_float(r->l, 2, 1));
    build_float(b, v, "beta", ncnn_float(r->l, 3, 0.75f));
    return build_float(b, v, "bias", ncnn_float(r->l, 4, 1));
}

/* All axes behind the batch, or those behind the first of the blob too. */
static struct value *reduced(struct reader *r, const char *op, struct value *x, bool across_channels)
{
    int64_t axes[TENSOR_MAX_RANK];
    int n = 0, rank = ncnn_dims(r, x) + 1;
    for (int i = across_channels ? 1 : 2; i < rank; i++)
        axes[n++] = i;
    return BUILD(&r->b, op, x, build_list(&r->b, n, axes));
}

struct value *ncnn_mvn(struct reader *r)
{
    struct build *b = &r->b;
    bool across = ncnn_int(r->l, 1, 0) != 0;
    struct value *x = ncnn_in(r, 0);
    struct value *v = BUILD(b, "Sub", x, reduced(r, "ReduceMean", x, across));
    if (!ncnn_int(r->l, 0, 0))
        return v;
    struct value *deviation = BUILD(b, "Sqrt", reduced(r, "ReduceMean", BUILD(b, "Mul", v, v), across));
    return BUILD(b, "Div", v, ncnn_by(r, "Add", deviation, ncnn_float(r->l, 2, 0.0001f)));
}

struct value *ncnn_normalize(struct reader *r)
{
    static const char *const modes[] = {"inside", "max_outside", "max_inside"};
    struct build *b = &r->b;
    int mode = ncnn_int(r->l, 9, 0);
    int64_t n = ncnn_int(r->l, 3, 0);
    struct value *v = BUILD(b, "nn.Normalize", ncnn_in(r, 0), ncnn_raw(r, "scale", 1, &n));
    build_int(b, v, "across_spatial", ncnn_int(r->l, 0, 0) != 0);
    build_int(b, v, "across_channel", ncnn_int(r->l, 4, 1) != 0);
    build_string(b, v, "epsilon_mode", modes[mode == 0 || mode == 1 ? mode : 2]);
    return build_float(b, v, "epsilon", ncnn_float(r->l, 2, 0.0001f));
}

struct value *ncnn_softmax(struct reader *r)
{
    struct value *x = ncnn_in(r, 0);
    int axis = ncnn_int(r->l, 0, 0);
    return build_int(&r->b, BUILD(&r->b, "Softmax", x), "axis", ncnn_axis(r, x, axis));
}
