/* Normalisations. */
#include <string.h>

#include "format/pnnx/read.h"
#include "op/build_filled.h"

/* A weight, or as many ones or zeros. */
static struct value *weight_or(struct reader *r, const char *name, int i, int rank, const int64_t *dims, float number)
{
    struct value *v = pnnx_parameter(r, name, i);
    return v || r->b.failed ? v : build_filled(&r->b, rank, dims, number);
}

/* Channels, which are axis 1, or the first of a map without a batch. */
static int64_t channels_of(struct reader *r, struct value *x, const char *key)
{
    int64_t n = pnnx_int(r, key, 0);
    if (n < 1)
        n = pnnx_size(r, x, 1);
    if (n < 1 || n > 1 << 24)
        build_fail(&r->b, "has %lld channels", (long long)n);
    return n;
}

struct value *pnnx_batch_norm(struct reader *r)
{
    struct value *x = pnnx_in(r, "input", 0), *mean = pnnx_parameter(r, "running_mean", 1);
    struct value *variance = pnnx_parameter(r, "running_var", 2);
    int64_t n = channels_of(r, x, "num_features");
    if (!mean || !variance)
        build_fail(&r->b, "has no mean and variance of its own");
    struct value *scale = weight_or(r, "weight", -1, 1, &n, 1), *bias = weight_or(r, "bias", -1, 1, &n, 0);
    struct value *v = BUILD(&r->b, "BatchNormalization", x, scale, bias, mean, variance);
    return build_float(&r->b, v, "epsilon", (float)pnnx_float(r, "eps", 1e-5));
}

struct value *pnnx_instance_norm(struct reader *r)
{
    bool bare;
    int axes = pnnx_axes(r);
    if (pnnx_bool(r, "track_running_stats", false) && pnnx_param(r->op, "@running_mean"))
        return pnnx_batch_norm(r);
    struct value *x = pnnx_in(r, "input", 0);
    x = axes ? pnnx_batched(r, x, axes, &bare) : x;
    bare = axes && bare;
    int64_t n = channels_of(r, x, "num_features");
    struct value *scale = weight_or(r, "weight", -1, 1, &n, 1), *bias = weight_or(r, "bias", -1, 1, &n, 0);
    struct value *v = BUILD(&r->b, "InstanceNormalization", x, scale, bias);
    return pnnx_unbatched(r, build_float(&r->b, v, "epsilon", (float)pnnx_float(r, "eps", 1e-5)), bare);
}

struct value *pnnx_group_norm(struct reader *r)
{
    struct value *x = pnnx_in(r, "input", 0);
    int64_t n = channels_of(r, x, "num_channels");
    struct value *scale = weight_or(r, "weight", -1, 1, &n, 1), *bias = weight_or(r, "bias", -1, 1, &n, 0);
    struct value *v = BUILD(&r->b, "GroupNormalization", x, scale, bias);
    build_float(&r->b, v, "epsilon", (float)pnnx_float(r, "eps", 1e-5));
    return build_int(&r->b, v, "num_groups", pnnx_int(r, "num_groups", 1));
}

static int shape_of(struct reader *r, int64_t *dims)
{
    int n = pnnx_ints(r, "normalized_shape", TENSOR_MAX_RANK, dims);
    for (int i = 0; i < n; i++)
        if (dims[i] < 1 || dims[i] > 1 << 24)
            build_fail(&r->b, "normalises %lld elements", (long long)dims[i]);
    if (!n)
        build_fail(&r->b, "has no normalized_shape");
    return n;
}

struct value *pnnx_layer_norm(struct reader *r)
{
    int64_t dims[TENSOR_MAX_RANK];
    struct value *x = pnnx_in(r, "input", 0);
    int n = shape_of(r, dims);
    struct value *scale = weight_or(r, "weight", -1, n, dims, 1), *bias = pnnx_parameter(r, "bias", -1);
    struct value *v = BUILD(&r->b, "LayerNormalization", x, scale, bias);
    build_float(&r->b, v, "epsilon", (float)pnnx_float(r, "eps", 1e-5));
    return build_int(&r->b, v, "axis", -n);
}

/* Without an epsilon it is that of the type. */
struct value *pnnx_rms_norm(struct reader *r)
{
    int64_t dims[TENSOR_MAX_RANK];
    struct value *x = pnnx_in(r, "input", 0);
    int n = shape_of(r, dims);
    struct value *v = BUILD(&r->b, "RMSNormalization", x, weight_or(r, "weight", -1, n, dims, 1));
    build_float(&r->b, v, "epsilon", (float)pnnx_float(r, "eps", 1.1920929e-7));
    return build_int(&r->b, v, "axis", -n);
}

struct value *pnnx_lrn(struct reader *r)
{
    int64_t size = pnnx_int(r, "size", 5);
    if (size % 2 == 0) /* PyTorch's window reaches further to the front, ONNX's to the back */
        build_fail(&r->b, "has a window of %lld; an odd number was expected", (long long)size);
    struct value *v = build_int(&r->b, BUILD(&r->b, "LRN", pnnx_in(r, "input", 0)), "size", size);
    build_float(&r->b, v, "alpha", (float)pnnx_float(r, "alpha", 1e-4));
    build_float(&r->b, v, "beta", (float)pnnx_float(r, "beta", 0.75));
    return build_float(&r->b, v, "bias", (float)pnnx_float(r, "k", 1));
}

/* x / max(norm, eps). */
struct value *pnnx_normalize(struct reader *r)
{
    struct build *b = &r->b;
    struct value *x = pnnx_in(r, "input", 0);
    double p = pnnx_float(r, "p", 2), eps = pnnx_float(r, "eps", 1e-12);
    int axis = pnnx_axis(r, pnnx_int(r, "dim", 1), pnnx_rank(r, x));
    if (p != 1 && p != 2)
        build_fail(b, "has the norm %g; 1 and 2 are known", p);
    if (axis == 1 && p == 2) {
        struct value *v = build_float(b, BUILD(b, "nn.Normalize", x), "epsilon", (float)eps);
        return build_string(b, build_int(b, v, "across_spatial", 0), "epsilon_mode", "max_outside");
    }
    struct value *norm = BUILD(b, p == 1 ? "ReduceL1" : "ReduceL2", x, BUILD_LIST(b, axis));
    return BUILD(b, "Div", x, pnnx_by(r, "Max", norm, eps));
}
