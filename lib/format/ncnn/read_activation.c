/* Layers that change each element by itself. */
#include <float.h>
#include <math.h>

#include "format/ncnn/read.h"

/* Layers that are an operator as it is. */
#define PLAIN(name, op)                                                                                                \
    struct value *ncnn_##name(struct reader *r)                                                                        \
    {                                                                                                                  \
        return BUILD(&r->b, op, ncnn_in(r, 0));                                                                        \
    }

PLAIN(abs, "Abs")
PLAIN(sigmoid, "Sigmoid")
PLAIN(tanh, "Tanh")
PLAIN(mish, "Mish")
PLAIN(swish, "Swish")
PLAIN(softplus, "Softplus")
PLAIN(erf, "Erf")

/* The next ones have one or two parameters, which are attributes of the operator. */
static struct value *with(struct reader *r, const char *op, const char *first, float first_default, const char *second,
                          float second_default)
{
    struct value *v = BUILD(&r->b, op, ncnn_in(r, 0));
    build_float(&r->b, v, first, ncnn_float(r->l, 0, first_default));
    return second ? build_float(&r->b, v, second, ncnn_float(r->l, 1, second_default)) : v;
}

struct value *ncnn_elu(struct reader *r)
{
    return with(r, "Elu", "alpha", 0.1f, NULL, 0);
}

struct value *ncnn_celu(struct reader *r)
{
    return with(r, "Celu", "alpha", 1, NULL, 0);
}

struct value *ncnn_selu(struct reader *r)
{
    return with(r, "Selu", "alpha", 1.67326324f, "gamma", 1.050700987f);
}

struct value *ncnn_shrink(struct reader *r)
{
    return with(r, "Shrink", "bias", 0, "lambd", 0.5f);
}

struct value *ncnn_hard_sigmoid(struct reader *r)
{
    return with(r, "HardSigmoid", "alpha", 0.2f, "beta", 0.5f);
}

struct value *ncnn_relu(struct reader *r)
{
    float slope = ncnn_float(r->l, 0, 0);
    struct value *x = ncnn_in(r, 0);
    return slope == 0 ? BUILD(&r->b, "Relu", x) : build_float(&r->b, BUILD(&r->b, "LeakyRelu", x), "alpha", slope);
}

/* x * clip(x * alpha + beta, 0, 1); ONNX has the one with a sixth and a half. */
struct value *ncnn_hard_swish_of(struct reader *r, struct value *x, float alpha, float beta)
{
    struct build *b = &r->b;
    if (fabsf(alpha - 1 / 6.0f) < 1e-6f && beta == 0.5f)
        return BUILD(b, "HardSwish", x);
    struct value *gate = build_float(b, BUILD(b, "HardSigmoid", x), "alpha", alpha);
    return BUILD(b, "Mul", x, build_float(b, gate, "beta", beta));
}

struct value *ncnn_hard_swish(struct reader *r)
{
    return ncnn_hard_swish_of(r, ncnn_in(r, 0), ncnn_float(r->l, 0, 0.2f), ncnn_float(r->l, 1, 0.5f));
}

struct value *ncnn_gelu(struct reader *r)
{
    struct value *v = BUILD(&r->b, "Gelu", ncnn_in(r, 0));
    return ncnn_int(r->l, 0, 0) ? build_string(&r->b, v, "approximate", "tanh") : v;
}

struct value *ncnn_clip(struct reader *r)
{
    struct build *b = &r->b;
    float min = ncnn_float(r->l, 0, -FLT_MAX), max = ncnn_float(r->l, 1, FLT_MAX);
    struct value *low = min == -FLT_MAX ? NULL : build_number(b, DTYPE_F32, min);
    return BUILD(b, "Clip", ncnn_in(r, 0), low, max == FLT_MAX ? NULL : build_number(b, DTYPE_F32, max));
}

/* A slope for each element of the blob's first axis, or one for all. */
struct value *ncnn_prelu(struct reader *r)
{
    int n = ncnn_int(r->l, 0, 0);
    struct value *x = ncnn_in(r, 0);
    struct value *slope = n > 1 ? ncnn_channels(r, "slope", n, x) : ncnn_raw(r, "slope", 1, (int64_t[]){n});
    return BUILD(&r->b, "PRelu", x, slope);
}

struct value *ncnn_threshold(struct reader *r)
{
    struct build *b = &r->b;
    struct value *above = ncnn_by(r, "Greater", ncnn_in(r, 0), ncnn_float(r->l, 0, 0));
    return build_cast(b, above, DTYPE_F32);
}

struct value *ncnn_dropout(struct reader *r)
{
    float scale = ncnn_float(r->l, 0, 1);
    return scale == 1 ? ncnn_in(r, 0) : ncnn_by(r, "Mul", ncnn_in(r, 0), scale);
}

/* x * scale + shift, without what changes nothing. */
static struct value *affine(struct reader *r, struct value *x, float scale, float shift)
{
    if (scale != 1)
        x = ncnn_by(r, "Mul", x, scale);
    return shift != 0 ? ncnn_by(r, "Add", x, shift) : x;
}

struct value *ncnn_power(struct reader *r)
{
    float power = ncnn_float(r->l, 0, 1);
    struct value *x = affine(r, ncnn_in(r, 0), ncnn_float(r->l, 1, 1), ncnn_float(r->l, 2, 0));
    return power == 1 ? x : ncnn_by(r, "Pow", x, power);
}

/* base -1 is e. */
struct value *ncnn_exp(struct reader *r)
{
    float base = ncnn_float(r->l, 0, -1);
    struct value *x = affine(r, ncnn_in(r, 0), ncnn_float(r->l, 1, 1), ncnn_float(r->l, 2, 0));
    return BUILD(&r->b, "Exp", base == -1 ? x : ncnn_by(r, "Mul", x, log(base)));
}

struct value *ncnn_log(struct reader *r)
{
    float base = ncnn_float(r->l, 0, -1);
    struct value *x = affine(r, ncnn_in(r, 0), ncnn_float(r->l, 1, 1), ncnn_float(r->l, 2, 0));
    struct value *v = BUILD(&r->b, "Log", x);
    return base == -1 ? v : ncnn_by(r, "Mul", v, 1 / log(base));
}

/* ---- UnaryOp ---- */

/* By the layer's type; towards zero is the floor of the magnitude, with the sign. expm1 and log1p lose digits near 0 as
 * ncnn's do not: their error is below 1e-7 of 1. */
static const char *const unaries[] = {
    "$0 Abs",
    "$0 Neg",
    "$0 Floor",
    "$0 Ceil",
    "$0 =2 Pow:2",
    "$0 Sqrt",
    "$0 Sqrt Reciprocal",
    "$0 Exp",
    "$0 Log",
    "$0 Sin",
    "$0 Cos",
    "$0 Tan",
    "$0 Asin",
    "$0 Acos",
    "$0 Atan",
    "$0 Reciprocal",
    "$0 Tanh",
    "$0 Log =0.43429448190325182765 Mul:2",
    "$0 Round",
    "$0 Sign $0 Abs Floor Mul:2",
    "$0 Sign",
    "$0 Exp =1 Sub:2",
    "$0 Sinh",
    "$0 Asinh",
    "$0 Cosh",
    "$0 Acosh",
    "$0 Atanh",
    "$0 =1 Add:2 Log",
};

struct value *ncnn_unary_op(struct reader *r)
{
    struct build *b = &r->b;
    int type = ncnn_int(r->l, 0, 0);
    struct value *x = ncnn_in(r, 0);
    if (type >= 0 && type < (int)(sizeof(unaries) / sizeof(unaries[0])))
        return build_formula(b, unaries[type], 1, &x);
    build_fail(b, "has the unknown type %d", type);
    return NULL;
}
