/* Activations. Source: activations.h and activation_layer.c of Darknet. */
#include <math.h>
#include <string.h>

#include "format/darknet/darknet.h"

typedef struct value *activate_fn(struct build *b, struct value *v);

static struct value *number(struct build *b, double x)
{
    return build_number(b, DTYPE_F32, x);
}

static struct value *clip(struct build *b, struct value *v, double low, double high)
{
    return BUILD(b, "Clip", v, number(b, low), number(b, high));
}

static struct value *leaky(struct build *b, struct value *v)
{
    return BUILD(b, "LeakyRelu/alpha=0.1", v);
}

static struct value *relie(struct build *b, struct value *v)
{
    return BUILD(b, "LeakyRelu/alpha=0.01", v);
}

static struct value *relu6(struct build *b, struct value *v)
{
    return clip(b, v, 0, 6);
}

static struct value *hardtan(struct build *b, struct value *v)
{
    return clip(b, v, -1, 1);
}

static struct value *gelu(struct build *b, struct value *v)
{
    return BUILD(b, "Gelu/approximate=tanh", v);
}

/* 2 / (1 + e^-x) - 1 */
static struct value *loggy(struct build *b, struct value *v)
{
    return BUILD(b, "Sub", BUILD(b, "Mul", BUILD(b, "Sigmoid", v), number(b, 2)), number(b, 1));
}

/* x * (x > 0) + 0.1 x */
static struct value *ramp(struct build *b, struct value *v)
{
    return BUILD(b, "Add", BUILD(b, "Relu", v), BUILD(b, "Mul", v, number(b, 0.1)));
}

/* c + slope * (x - c), with c = x within [low, high]. */
static struct value *bent(struct build *b, struct value *v, double low, double high, double slope)
{
    struct value *inside = clip(b, v, low, high);
    return BUILD(b, "Add", inside, BUILD(b, "Mul", BUILD(b, "Sub", v, inside), number(b, slope)));
}

static struct value *lhtan(struct build *b, struct value *v)
{
    return bent(b, v, 0, 1, 0.001);
}

/* x / 8 + 1/2 in [-4, 4], beyond with the slope 0.01. */
static struct value *plse(struct build *b, struct value *v)
{
    struct value *bow = bent(b, v, -4, 4, 0.08);
    return BUILD(b, "Add", BUILD(b, "Mul", bow, number(b, 0.125)), number(b, 0.5));
}

/* floor(x / 2), and between an odd floor and the next integer a slope of 1 from there. */
static struct value *stair(struct build *b, struct value *v)
{
    struct value *floor = BUILD(b, "Floor", v), *half = BUILD(b, "Floor", BUILD(b, "Mul", v, number(b, 0.5)));
    struct value *odd = BUILD(b, "Sub", floor,
                              BUILD(b, "Mul", BUILD(b, "Floor", BUILD(b, "Mul", floor, number(b, 0.5))), number(b, 2)));
    return BUILD(b, "Add", half, BUILD(b, "Mul", odd, BUILD(b, "Sub", v, floor)));
}

/* x above 0, x²/2 + x down to -2, else 0: max(x, 0) + c²/2 + c with c = x within [-2, 0]. */
static struct value *hard_mish(struct build *b, struct value *v)
{
    struct value *low = clip(b, v, -2, 0);
    struct value *bow = BUILD(b, "Add", BUILD(b, "Mul", BUILD(b, "Mul", low, low), number(b, 0.5)), low);
    return BUILD(b, "Add", BUILD(b, "Relu", v), bow);
}

/* v over its sum along the channels, and a little. */
static struct value *over_channels(struct build *b, struct value *v)
{
    struct value *sum = BUILD(b, "ReduceSum", v, BUILD_LIST(b, 1));
    return BUILD(b, "Div", v, BUILD(b, "Add", sum, number(b, 0.0001)));
}

static struct value *normalize(struct build *b, struct value *v)
{
    return over_channels(b, BUILD(b, "Relu", v));
}

static struct value *normalize_softmax(struct build *b, struct value *v)
{
    return over_channels(b, BUILD(b, "Exp", v));
}

static struct value *normalize_softmax_maxval(struct build *b, struct value *v)
{
    return over_channels(b, BUILD(b, "Exp", BUILD(b, "Sub", v, BUILD(b, "ReduceMax", v, BUILD_LIST(b, 1)))));
}

/* What one operator says, or a function does; neither: nothing is to be done. */
static const struct activation {
    const char *name, *op;
    activate_fn *activate;
} activations[] = {
    {"linear", NULL, NULL},
    {"logistic", "Sigmoid", NULL},
    {"relu", "Relu", NULL},
    {"relu6", NULL, relu6},
    {"leaky", NULL, leaky},
    {"revleaky", NULL, leaky},
    {"mish", "Mish", NULL},
    {"hard_mish", NULL, hard_mish},
    {"swish", "Swish", NULL},
    {"elu", "Elu", NULL},
    {"selu", "Selu", NULL},
    {"gelu", NULL, gelu},
    {"tanh", "Tanh", NULL},
    {"loggy", NULL, loggy},
    {"ramp", NULL, ramp},
    {"relie", NULL, relie},
    {"plse", NULL, plse},
    {"hardtan", NULL, hardtan},
    {"lhtan", NULL, lhtan},
    {"stair", NULL, stair},
    {"normalize_channels", NULL, normalize},
    {"normch", NULL, normalize},
    {"normalize_channels_softmax", NULL, normalize_softmax},
    {"normalize_channels_softmax_maxval", NULL, normalize_softmax_maxval},
};

struct value *darknet_activate_by(struct darknet_read *l, struct value *v, const char *name)
{
    if (l->b->failed)
        return NULL;
    for (const struct activation *a = activations; a < activations + sizeof(activations) / sizeof(*activations); a++)
        if (strcmp(a->name, name) == 0)
            return a->op ? BUILD(l->b, a->op, v) : a->activate ? a->activate(l->b, v) : v;
    build_fail(l->b, "its activation '%.60s' is not known", name);
    return NULL;
}

struct value *darknet_activate(struct darknet_read *l, struct value *v, const char *otherwise)
{
    const char *name = darknet_text(l->section, "activation");
    return darknet_activate_by(l, v, name ? name : otherwise);
}
