/* Layers that work on each element, and Softmax. */
#include <math.h>

#include "format/caffe/caffe.h"

static struct value *plain(struct caffe_read *l, const char *op)
{
    caffe_rank(l, 0);
    return l->b->failed ? NULL : BUILD(l->b, op, l->in[0]);
}

#define PLAIN(function, op)                                                                                            \
    void caffe_read_##function(struct caffe_read *l)                                                                   \
    {                                                                                                                  \
        l->out[0] = plain(l, op);                                                                                      \
    }

PLAIN(sigmoid, "Sigmoid")
PLAIN(tanh, "Tanh")
PLAIN(bnll, "Softplus")
PLAIN(abs, "Abs")
PLAIN(mish, "Mish")
PLAIN(hard_swish, "HardSwish")

void caffe_read_relu(struct caffe_read *l)
{
    float slope = caffe_float(l, "negative_slope", 0);
    l->out[0] = plain(l, slope == 0 ? "Relu" : "LeakyRelu");
    if (slope != 0)
        build_float(l->b, l->out[0], "alpha", slope);
}

static void clip(struct caffe_read *l, float low, float high)
{
    caffe_rank(l, 0);
    if (!l->b->failed)
        l->out[0] =
            BUILD(l->b, "Clip", l->in[0], build_number(l->b, DTYPE_F32, low), build_number(l->b, DTYPE_F32, high));
}

void caffe_read_relu6(struct caffe_read *l)
{
    clip(l, 0, 6);
}

void caffe_read_clip(struct caffe_read *l)
{
    clip(l, caffe_float(l, "min", -INFINITY), caffe_float(l, "max", INFINITY));
}

/* A slope for each channel, or one for all. */
void caffe_read_prelu(struct caffe_read *l)
{
    int rank = caffe_rank(l, 0);
    int64_t dims[TENSOR_MAX_RANK] = {1};
    for (int i = 1; i < rank; i++)
        dims[i - 1] = 1;
    if (!caffe_int(l, "channel_shared", 0))
        dims[0] = caffe_dim(l, 0, 1);
    struct value *slope = caffe_weight(l, 0, "slope", rank > 1 ? rank - 1 : 1, dims);
    l->out[0] = l->b->failed ? NULL : BUILD(l->b, "PRelu", l->in[0], slope);
}

void caffe_read_elu(struct caffe_read *l)
{
    l->out[0] = build_float(l->b, plain(l, "Elu"), "alpha", caffe_float(l, "alpha", 1));
}

void caffe_read_swish(struct caffe_read *l)
{
    l->out[0] = build_float(l->b, plain(l, "Swish"), "alpha", caffe_float(l, "beta", 1));
}

void caffe_read_hard_sigmoid(struct caffe_read *l)
{
    struct value *v = build_float(l->b, plain(l, "HardSigmoid"), "alpha", caffe_float(l, "alpha", 0.2f));
    l->out[0] = build_float(l->b, v, "beta", caffe_float(l, "beta", 0.5f));
}

/* shift + scale * x */
static struct value *affine(struct caffe_read *l, float scale)
{
    caffe_rank(l, 0);
    return l->b->failed ? NULL : caffe_shifted(l, caffe_scaled(l, l->in[0], scale), caffe_float(l, "shift", 0));
}

void caffe_read_power(struct caffe_read *l)
{
    float power = caffe_float(l, "power", 1);
    struct value *v = affine(l, caffe_float(l, "scale", 1));
    if (!l->b->failed)
        l->out[0] = power == 1 ? v : BUILD(l->b, "Pow", v, build_number(l->b, DTYPE_F32, power));
}

/* The logarithm of a base; -1 stands for e. */
static float log_base(struct caffe_read *l)
{
    float base = caffe_float(l, "base", -1);
    if (base == -1)
        return 1;
    if (!(base > 0))
        build_fail(l->b, "base is %g, want a number above 0, or -1 for e", (double)base);
    return logf(base);
}

/* base ^ (shift + scale * x) */
void caffe_read_exp(struct caffe_read *l)
{
    struct value *v = affine(l, caffe_float(l, "scale", 1));
    float factor = log_base(l);
    if (!l->b->failed)
        l->out[0] = BUILD(l->b, "Exp", caffe_scaled(l, v, factor));
}

/* log(shift + scale * x) to a base */
void caffe_read_log(struct caffe_read *l)
{
    struct value *v = affine(l, caffe_float(l, "scale", 1));
    float factor = log_base(l);
    if (!l->b->failed)
        l->out[0] = caffe_scaled(l, BUILD(l->b, "Log", v), 1 / factor);
}

void caffe_read_threshold(struct caffe_read *l)
{
    caffe_rank(l, 0);
    if (l->b->failed)
        return;
    struct value *above = build_number(l->b, DTYPE_F32, caffe_float(l, "threshold", 0));
    l->out[0] = build_cast(l->b, BUILD(l->b, "Greater", l->in[0], above), DTYPE_F32);
}

/* SoftmaxWithLoss is this when the net is used. */
void caffe_read_softmax(struct caffe_read *l)
{
    int rank = caffe_rank(l, 0), axis = rank ? caffe_axis(l, "axis", 1, rank) : 0;
    l->out[0] = build_int(l->b, plain(l, "Softmax"), "axis", axis);
}
