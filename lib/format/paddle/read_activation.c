/* Functions of one element. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "format/paddle/paddle.h"

void paddle_read_unary(struct paddle_node *o)
{
    paddle_give(o, 0, BUILD(o->b, o->kind->arg, paddle_in(o, 0)));
}

/* The operators that the row lists, one behind the other. */
void paddle_read_chain(struct paddle_node *o)
{
    struct value *v = paddle_in(o, 0);
    char op[40];
    for (const char *at = o->kind->arg; *at; at += strspn(at, " ")) {
        size_t n = strcspn(at, " ");
        snprintf(op, sizeof(op), "%.*s", (int)n, at);
        v = BUILD(o->b, op, v);
        at += n;
    }
    paddle_give(o, 0, v);
}

/* What a fused layer has behind it. */
struct value *paddle_activate(struct paddle_node *o, struct value *x, const char *name)
{
    static const char *const names[][2] = {
        {"relu", "Relu"},   {"sigmoid", "Sigmoid"}, {"tanh", "Tanh"}, {"hard_swish", "HardSwish"},
        {"swish", "Swish"}, {"mish", "Mish"},       {"gelu", "Gelu"}};
    if (!*name || strcmp(name, "identity") == 0)
        return x;
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (strcmp(name, names[i][0]) == 0)
            return BUILD(o->b, names[i][1], x);
    if (strcmp(name, "relu6") == 0)
        return BUILD(o->b, "Clip", x, paddle_number(o, x, 0), paddle_number(o, x, 6));
    build_fail(o->b, "fused with %.60s, which is not read", name);
    return NULL;
}

void paddle_read_swish(struct paddle_node *o)
{
    float beta = paddle_float(o, "beta", 1);
    struct value *v = BUILD(o->b, "Swish", paddle_in(o, 0));
    paddle_give(o, 0, beta == 1 ? v : build_float(o->b, v, "alpha", beta));
}

void paddle_read_square(struct paddle_node *o)
{
    paddle_give(o, 0, BUILD(o->b, "Mul", paddle_in(o, 0), paddle_in(o, 0)));
}

void paddle_read_logarithm(struct paddle_node *o)
{
    double base = 10;
    text_to_f64(o->kind->arg, strlen(o->kind->arg), &base);
    paddle_give(o, 0, paddle_with(o, "Mul", BUILD(o->b, "Log", paddle_in(o, 0)), 1 / log(base)));
}

void paddle_read_log1p(struct paddle_node *o)
{
    paddle_give(o, 0, BUILD(o->b, "Log", paddle_with(o, "Add", paddle_in(o, 0), 1)));
}

void paddle_read_expm1(struct paddle_node *o)
{
    paddle_give(o, 0, paddle_with(o, "Sub", BUILD(o->b, "Exp", paddle_in(o, 0)), 1));
}

void paddle_read_trunc(struct paddle_node *o)
{
    struct value *x = paddle_in(o, 0);
    paddle_give(o, 0, BUILD(o->b, "Mul", BUILD(o->b, "Sign", x), BUILD(o->b, "Floor", BUILD(o->b, "Abs", x))));
}

/* Halves go away from 0. */
void paddle_read_round(struct paddle_node *o)
{
    struct value *x = paddle_in(o, 0), *up = paddle_with(o, "Add", BUILD(o->b, "Abs", x), 0.5);
    paddle_give(o, 0, BUILD(o->b, "Mul", BUILD(o->b, "Sign", x), BUILD(o->b, "Floor", up)));
}

void paddle_read_is_finite(struct paddle_node *o)
{
    struct value *x = paddle_in(o, 0), *none = BUILD(o->b, "Or", BUILD(o->b, "IsNaN", x), BUILD(o->b, "IsInf", x));
    paddle_give(o, 0, BUILD(o->b, "Not", none));
}

/* Between two numbers: those of the row, or t_min and t_max. */
void paddle_read_limit(struct paddle_node *o)
{
    struct value *x = paddle_in(o, 0);
    double low = o->kind->arg ? 0 : (double)paddle_float(o, "t_min|min", 0);
    double high = o->kind->arg ? (double)paddle_float(o, "threshold", 6) : (double)paddle_float(o, "t_max|max", 24);
    paddle_give(o, 0, BUILD(o->b, "Clip", x, paddle_number(o, x, low), paddle_number(o, x, high)));
}

void paddle_read_with_alpha(struct paddle_node *o)
{
    bool leaky = strcmp(o->kind->arg, "LeakyRelu") == 0;
    struct value *v = BUILD(o->b, o->kind->arg, paddle_in(o, 0));
    paddle_give(o, 0,
                build_float(o->b, v, "alpha", paddle_float(o, "alpha|negative_slope|threshold", leaky ? 0.02f : 1)));
}

void paddle_read_selu(struct paddle_node *o)
{
    struct value *v = BUILD(o->b, "Selu", paddle_in(o, 0));
    build_float(o->b, v, "alpha", paddle_float(o, "alpha", 1.67326324f));
    paddle_give(o, 0, build_float(o->b, v, "gamma", paddle_float(o, "scale", 1.05070098f)));
}

void paddle_read_gelu(struct paddle_node *o)
{
    struct value *v = BUILD(o->b, "Gelu", paddle_in(o, 0));
    paddle_give(o, 0, paddle_bool(o, "approximate", false) ? build_string(o->b, v, "approximate", "tanh") : v);
}

static struct value *hard_sigmoid(struct paddle_node *o, float slope, float offset)
{
    struct value *v = BUILD(o->b, "HardSigmoid", paddle_in(o, 0));
    build_float(o->b, v, "alpha", slope);
    return build_float(o->b, v, "beta", offset);
}

void paddle_read_hard_sigmoid(struct paddle_node *o)
{
    paddle_give(o, 0, hard_sigmoid(o, paddle_float(o, "slope", 0.2f), paddle_float(o, "offset", 0.5f)));
}

/* x * min(max(x + offset, 0), threshold) / scale. */
void paddle_read_hard_swish(struct paddle_node *o)
{
    float threshold = paddle_float(o, "threshold", 6), scale = paddle_float(o, "scale", 6),
          offset = paddle_float(o, "offset", 3);
    struct value *x = paddle_in(o, 0);
    if (threshold == 6 && scale == 6 && offset == 3) {
        paddle_give(o, 0, BUILD(o->b, "HardSwish", x));
        return;
    }
    struct value *v = BUILD(o->b, "Clip", paddle_with(o, "Add", x, (double)offset), paddle_number(o, x, 0),
                            paddle_number(o, x, (double)threshold));
    paddle_give(o, 0, paddle_with(o, "Div", BUILD(o->b, "Mul", x, v), (double)scale));
}

/* log(1 + exp(beta x)) / beta, and x itself where beta x is above the threshold, where that is the same. */
void paddle_read_softplus(struct paddle_node *o)
{
    double beta = (double)paddle_float(o, "beta", 1);
    struct value *x = paddle_in(o, 0);
    if (beta == 1)
        paddle_give(o, 0, BUILD(o->b, "Softplus", x));
    else
        paddle_give(o, 0, paddle_with(o, "Div", BUILD(o->b, "Softplus", paddle_with(o, "Mul", x, beta)), beta));
}

void paddle_read_shrink(struct paddle_node *o)
{
    float lambda = paddle_float(o, "lambda|threshold", 0.5f);
    struct value *v = build_float(o->b, BUILD(o->b, "Shrink", paddle_in(o, 0)), "lambd", lambda);
    paddle_give(o, 0, strcmp(o->kind->arg, "soft") == 0 ? build_float(o->b, v, "bias", lambda) : v);
}

void paddle_read_tanh_shrink(struct paddle_node *o)
{
    paddle_give(o, 0, BUILD(o->b, "Sub", paddle_in(o, 0), BUILD(o->b, "Tanh", paddle_in(o, 0))));
}

void paddle_read_stanh(struct paddle_node *o)
{
    struct value *v = paddle_with(o, "Mul", paddle_in(o, 0), (double)paddle_float(o, "scale_a", 0.67f));
    paddle_give(o, 0, paddle_with(o, "Mul", BUILD(o->b, "Tanh", v), (double)paddle_float(o, "scale_b", 1.7159f)));
}

/* The slope is one number, one for each channel, or one for each element of an image. */
void paddle_read_prelu(struct paddle_node *o)
{
    struct value *x = paddle_in(o, 0), *slope = paddle_in(o, 1);
    if (paddle_is(o, "mode", "channel"))
        slope = paddle_along_channels(o, slope, paddle_rank(o, x));
    paddle_give(o, 0, BUILD(o->b, "PRelu", x, slope));
}

/* The largest of each `groups` channels that stand side by side. */
void paddle_read_maxout(struct paddle_node *o)
{
    struct value *x = paddle_in(o, 0);
    int rank = paddle_rank(o, x), axis = paddle_axis(o, paddle_int(o, "axis", 1), rank);
    int64_t groups = paddle_int(o, "groups", 1), size = paddle_dim(o, x, axis), dims[TENSOR_MAX_RANK + 1];
    if (rank >= TENSOR_MAX_RANK || groups < 1 || size < 1 || size % groups)
        build_fail(o->b, "%lld groups of %lld channels", (long long)groups, (long long)size);
    for (int i = 0; i <= rank && !o->b->failed; i++)
        dims[i] = i < axis ? 0 : i == axis ? size / groups : i == axis + 1 ? groups : paddle_dim(o, x, i - 1);
    struct value *v = BUILD(o->b, "ReduceMax", build_reshape(o->b, x, rank + 1, dims), BUILD_LIST(o->b, axis + 1));
    paddle_give(o, 0, build_int(o->b, v, "keepdims", 0));
}
