/* Activations. */
#include <string.h>

#include "format/pnnx/read.h"

/* The row names the operator: "Relu". */
struct value *pnnx_plain(struct reader *r)
{
    return BUILD(&r->b, r->arg, pnnx_in(r, "input", 0));
}

static struct value *with(struct reader *r, const char *op, const char *attribute, const char *key, double fallback)
{
    struct value *v = BUILD(&r->b, op, pnnx_in(r, "input", 0));
    return build_float(&r->b, v, attribute, (float)pnnx_float(r, key, fallback));
}

struct value *pnnx_elu(struct reader *r)
{
    return with(r, r->arg, "alpha", "alpha", 1);
}

struct value *pnnx_leaky_relu(struct reader *r)
{
    return with(r, "LeakyRelu", "alpha", "negative_slope", 0.01);
}

/* Outside of training: the mean of the slopes. */
struct value *pnnx_rrelu(struct reader *r)
{
    double slope = (pnnx_float(r, "lower", 0.125) + pnnx_float(r, "upper", 1.0 / 3)) / 2;
    return build_float(&r->b, BUILD(&r->b, "LeakyRelu", pnnx_in(r, "input", 0)), "alpha", (float)slope);
}

struct value *pnnx_hardshrink(struct reader *r)
{
    return with(r, "Shrink", "lambd", "lambd", 0.5);
}

struct value *pnnx_softshrink(struct reader *r)
{
    return build_float(&r->b, with(r, "Shrink", "lambd", "lambd", 0.5), "bias", (float)pnnx_float(r, "lambd", 0.5));
}

struct value *pnnx_hardsigmoid(struct reader *r)
{
    struct value *v = BUILD(&r->b, "HardSigmoid", pnnx_in(r, "input", 0));
    return build_float(&r->b, build_float(&r->b, v, "alpha", 1 / 6.0f), "beta", 0.5f);
}

struct value *pnnx_gelu(struct reader *r)
{
    struct value *v = BUILD(&r->b, "Gelu", pnnx_in(r, "input", 0));
    return pnnx_is(r, "approximate", "tanh") ? build_string(&r->b, v, "approximate", "tanh") : v;
}

/* Bounds of which either may be None. */
static struct value *clipped(struct reader *r, const char *min_key, const double *min, const char *max_key,
                             const double *max)
{
    struct build *b = &r->b;
    struct value *x = pnnx_in(r, "input", 0);
    enum dtype dtype = build_known_dtype(&r->b, x);
    bool has_min = min || pnnx_text(r, min_key), has_max = max || pnnx_text(r, max_key);
    struct value *low = has_min ? build_number(b, dtype, pnnx_float(r, min_key, min ? *min : 0)) : NULL;
    struct value *high = has_max ? build_number(b, dtype, pnnx_float(r, max_key, max ? *max : 0)) : NULL;
    return BUILD(b, "Clip", x, low, high);
}

struct value *pnnx_relu6(struct reader *r)
{
    return clipped(r, "min_val", &(double){0}, "max_val", &(double){6});
}

struct value *pnnx_hardtanh(struct reader *r)
{
    return clipped(r, "min_val", &(double){-1}, "max_val", &(double){1});
}

struct value *pnnx_clamp(struct reader *r)
{
    return clipped(r, "min", NULL, "max", NULL);
}

/* A slope for each channel, or one for all. */
struct value *pnnx_prelu(struct reader *r)
{
    struct build *b = &r->b;
    struct value *x = pnnx_in(r, "input", 0), *slope = pnnx_parameter(r, "weight", 1);
    int64_t dims[TENSOR_MAX_RANK] = {-1};
    int rank = pnnx_rank(r, x);
    if (!slope)
        build_fail(b, "has no weight");
    for (int i = 1; i < rank - 1; i++)
        dims[i] = 1;
    if (!b->failed && rank > 2 && pnnx_size(r, slope, 0) != 1)
        slope = build_reshape(b, slope, rank - 1, dims);
    return BUILD(b, "PRelu", x, slope);
}

#define SOFTPLUS_IS_LINE 15 /* from here on a float cannot tell it from x */

/* log(1 + e^(beta x)) / beta; x where beta x is beyond the threshold. */
struct value *pnnx_softplus(struct reader *r)
{
    double beta = pnnx_float(r, "beta", 1), threshold = pnnx_float(r, "threshold", 20);
    struct value *x = pnnx_in(r, "input", 0);
    if (beta == 0)
        build_fail(&r->b, "has a beta of 0");
    struct value *scaled = beta == 1 ? x : pnnx_by(r, "Mul", x, beta), *v = BUILD(&r->b, "Softplus", scaled);
    v = beta == 1 ? v : pnnx_by(r, "Mul", v, 1 / beta);
    if (threshold >= SOFTPLUS_IS_LINE)
        return v;
    return BUILD(&r->b, "Where", pnnx_by(r, "Greater", scaled, threshold), x, v);
}

/* log(sigmoid(x)) = -softplus(-x). */
struct value *pnnx_log_sigmoid(struct reader *r)
{
    struct build *b = &r->b;
    return BUILD(b, "Neg", BUILD(b, "Softplus", BUILD(b, "Neg", pnnx_in(r, "input", 0))));
}

struct value *pnnx_tanhshrink(struct reader *r)
{
    struct value *x = pnnx_in(r, "input", 0);
    return BUILD(&r->b, "Sub", x, BUILD(&r->b, "Tanh", x));
}

struct value *pnnx_threshold(struct reader *r)
{
    struct build *b = &r->b;
    struct value *x = pnnx_in(r, "input", 0);
    struct value *above = pnnx_by(r, "Greater", x, pnnx_float(r, "threshold", 0));
    return BUILD(b, "Where", above, x, build_number(b, build_known_dtype(&r->b, x), pnnx_float(r, "value", 0)));
}

/* The first half of an axis, times the sigmoid of the second. */
struct value *pnnx_glu(struct reader *r)
{
    struct build *b = &r->b;
    struct value *x = pnnx_in(r, "input", 0);
    int64_t axis = pnnx_axis(r, pnnx_int(r, "dim", -1), pnnx_rank(r, x));
    struct value *half = build_int(b, build_int(b, BUILD(b, "Split", x), "axis", axis), "num_outputs", 2);
    struct value *second = build_output(b, half, 1);
    return BUILD(b, "Mul", half, BUILD(b, "Sigmoid", second));
}

/* The row's operator along an axis, which Softmax2d need not name. */
struct value *pnnx_along(struct reader *r)
{
    struct value *x = pnnx_in(r, "input", 0);
    enum dtype dtype = pnnx_dtype(pnnx_text(r, "dtype"));
    int axis = pnnx_axis(r, pnnx_int(r, "dim", pnnx_axes(r) ? -3 : -1), pnnx_rank(r, x));
    if (dtype != DTYPE_NONE && dtype != build_known_dtype(&r->b, x))
        x = build_cast(&r->b, x, dtype);
    return build_int(&r->b, BUILD(&r->b, r->arg, x), "axis", axis);
}

struct value *pnnx_softmin(struct reader *r)
{
    struct value *x = pnnx_in(r, "input", 0);
    int axis = pnnx_axis(r, pnnx_int(r, "dim", -1), pnnx_rank(r, x));
    return build_int(&r->b, BUILD(&r->b, "Softmax", BUILD(&r->b, "Neg", x)), "axis", axis);
}
