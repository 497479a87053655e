/* Functions of one element. */
#include <string.h>

#include "format/paddle/paddle.h"

void paddle_read_unary(struct paddle_node *o)
{
    paddle_give(o, 0, BUILD(o->b, o->kind->arg, paddle_in(o, 0)));
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

void paddle_read_gelu(struct paddle_node *o)
{
    struct value *v = BUILD(o->b, "Gelu", paddle_in(o, 0));
    paddle_give(o, 0, paddle_bool(o, "approximate", false) ? build_string(o->b, v, "approximate", "tanh") : v);
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

/* log(1 + exp(beta x)) / beta, and x itself where beta x is above the threshold, where from 16 on that is the same. */
void paddle_read_softplus(struct paddle_node *o)
{
    bool plain = paddle_float(o, "beta", 1) == 1 && paddle_float(o, "threshold", 20) >= 16;
    paddle_formula(o, plain ? "$0 Softplus"
                            : "$0 %beta=1 Mul:2 >y y %threshold=20 Greater:2 $0 y Softplus %beta=1 Div:2 Where:3");
}

/* Without a limit what is outside of 0 to 1 has none. */
void paddle_read_logit(struct paddle_node *o)
{
    paddle_formula(o, paddle_float(o, "eps", 0) > 0 ? "$0 %eps =1 %eps Sub:2 Clip:3 >x x =1 x Sub:2 Div:2 Log"
                                                    : "$0 =1 $0 Sub:2 Div:2 Log");
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
