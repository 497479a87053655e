/* Functions of each element, products, reductions. */
#include <string.h>

#include "format/tengine/tengine.h"

static struct value *number(struct tengine_op *o, double value)
{
    return build_number(o->b, DTYPE_F32, value);
}

void tengine_read_plain(struct tengine_op *o)
{
    tengine_give(o, 0, BUILD(o->b, o->kind->onnx, tengine_in(o, 0)));
}

static void clip(struct tengine_op *o, double low, double high)
{
    tengine_give(o, 0, BUILD(o->b, "Clip", tengine_in(o, 0), number(o, low), number(o, high)));
}

void tengine_read_clip6(struct tengine_op *o)
{
    clip(o, 0, 6);
}

void tengine_read_clip1(struct tengine_op *o)
{
    clip(o, -1, 1);
}

void tengine_read_clip(struct tengine_op *o)
{
    clip(o, (double)tengine_float(o, 1), (double)tengine_float(o, 0));
}

void tengine_read_relu(struct tengine_op *o)
{
    float slope = tengine_float(o, 0);
    struct value *v = BUILD(o->b, slope == 0 ? "Relu" : "LeakyRelu", tengine_in(o, 0));
    tengine_give(o, 0, slope == 0 ? v : build_float(o->b, v, "alpha", slope));
}

void tengine_read_elu(struct tengine_op *o)
{
    tengine_give(o, 0, build_float(o->b, BUILD(o->b, "Elu", tengine_in(o, 0)), "alpha", tengine_float(o, 0)));
}

void tengine_read_selu(struct tengine_op *o)
{
    struct value *v = build_float(o->b, BUILD(o->b, "Selu", tengine_in(o, 0)), "alpha", tengine_float(o, 0));
    tengine_give(o, 0, build_float(o->b, v, "gamma", tengine_float(o, 1)));
}

static struct value *hard_sigmoid(struct tengine_op *o)
{
    struct value *v = build_float(o->b, BUILD(o->b, "HardSigmoid", tengine_in(o, 0)), "alpha", tengine_float(o, 0));
    return build_float(o->b, v, "beta", tengine_float(o, 1));
}

void tengine_read_hard_sigmoid(struct tengine_op *o)
{
    tengine_give(o, 0, hard_sigmoid(o));
}

void tengine_read_hard_swish(struct tengine_op *o)
{
    tengine_give(o, 0, BUILD(o->b, "Mul", tengine_in(o, 0), hard_sigmoid(o)));
}

void tengine_read_threshold(struct tengine_op *o)
{
    struct value *v = BUILD(o->b, "Greater", tengine_in(o, 0), number(o, (double)tengine_float(o, 0)));
    tengine_give(o, 0, build_cast(o->b, v, DTYPE_F32));
}

/* ---- one of several ---- */

static struct value *square(struct tengine_op *o, struct value *v)
{
    return BUILD(o->b, "Mul", v, v);
}

static struct value *inverse_root(struct tengine_op *o, struct value *v)
{
    return BUILD(o->b, "Reciprocal", BUILD(o->b, "Sqrt", v));
}

void tengine_read_unary(struct tengine_op *o)
{
    static const char *const names[] = {"Abs", "Neg", "Floor", "Ceil", "square", "Sqrt", "rsqrt",      "Exp", "Log",
                                        "Sin", "Cos", "Tan",   "Asin", "Acos",   "Atan", "Reciprocal", "Tanh"};
    uint32_t type = (uint32_t)tengine_int(o, 0);
    struct value *x = tengine_in(o, 0);
    if (type >= sizeof(names) / sizeof(*names))
        build_fail(o->b, "its type is %u, want 0 to 16", type);
    if (!o->b->failed)
        tengine_give(o, 0, type == 4 ? square(o, x) : type == 6 ? inverse_root(o, x) : BUILD(o->b, names[type], x));
}

/* (shift + scale * x) ^ power */
static struct value *power(struct tengine_op *o, struct value *x)
{
    struct value *v = BUILD(o->b, "Mul", x, number(o, (double)tengine_float(o, 4)));
    v = BUILD(o->b, "Add", v, number(o, (double)tengine_float(o, 2)));
    return BUILD(o->b, "Pow", v, number(o, (double)tengine_float(o, 3)));
}

/* Types by number; "" is one of the functions above. */
void tengine_read_eltwise(struct tengine_op *o)
{
    static const char *const names[] = {"Mul", "Mul", "Add", "Add", "Sub",  "Sub",   "Max", "",    "Min",
                                        "",    "Div", "Log", "Exp", "Sqrt", "Floor", "",    "Pow", ""};
    uint32_t type = (uint32_t)tengine_int(o, 0);
    struct value *x = tengine_in(o, 0);
    if (type >= sizeof(names) / sizeof(*names) || type == 9)
        build_fail(o->b, "its type is %u, want 0 to 17", type);
    if (o->b->failed)
        return;
    if (type == 7)
        tengine_give(o, 0, inverse_root(o, x));
    else if (type == 15)
        tengine_give(o, 0, square(o, x));
    else if (type == 17)
        tengine_give(o, 0, power(o, x));
    else if (type >= 11 && type <= 14)
        tengine_give(o, 0, BUILD(o->b, names[type], x));
    else
        tengine_give(o, 0, BUILD(o->b, names[type], x, tengine_by_channel(o, 1)));
}

void tengine_read_comparison(struct tengine_op *o)
{
    static const char *const names[] = {"Equal", "Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual"};
    uint32_t type = (uint32_t)tengine_int(o, 0);
    if (type >= sizeof(names) / sizeof(*names))
        build_fail(o->b, "its type is %u, want 0 to 5", type);
    struct value *v = o->b->failed ? NULL : BUILD(o->b, names[type], tengine_in(o, 0), tengine_in(o, 1));
    tengine_give(o, 0, type == 1 ? BUILD(o->b, "Not", v) : v);
}

/* ---- several inputs ---- */

void tengine_read_binary(struct tengine_op *o)
{
    tengine_give(o, 0, BUILD(o->b, o->kind->onnx, tengine_in(o, 0), tengine_in(o, 1)));
}

#define MOST_INPUTS 1024

void tengine_read_many(struct tengine_op *o)
{
    struct value *in[MOST_INPUTS];
    if (o->in.count < 1 || o->in.count > MOST_INPUTS)
        build_fail(o->b, "it has %u inputs, want 1 to %d", o->in.count, MOST_INPUTS);
    for (uint32_t k = 0; k < o->in.count && !o->b->failed; k++)
        in[k] = tengine_in(o, k);
    tengine_give(o, 0, o->b->failed ? NULL : build_node(o->b, o->kind->onnx, (int)o->in.count, in));
}

void tengine_read_squared_difference(struct tengine_op *o)
{
    tengine_give(o, 0, square(o, BUILD(o->b, "Sub", tengine_in(o, 0), tengine_in(o, 1))));
}

void tengine_read_where(struct tengine_op *o)
{
    struct value *condition = build_cast(o->b, tengine_in(o, 0), DTYPE_BOOL);
    tengine_give(o, 0, BUILD(o->b, "Where", condition, tengine_in(o, 1), tengine_in(o, 2)));
}

void tengine_read_gemm(struct tengine_op *o)
{
    struct value *v = BUILD(o->b, "Gemm", tengine_in(o, 0), tengine_in(o, 1), tengine_bias(o, 2));
    build_float(o->b, build_float(o->b, v, "alpha", tengine_float(o, 0)), "beta", tengine_float(o, 1));
    build_int(o->b, v, "transA", tengine_int(o, 2) != 0);
    tengine_give(o, 0, build_int(o->b, v, "transB", tengine_int(o, 3) != 0));
}

/* ---- along axes ---- */

/* What came from NHWC has the channels at 3. */
void tengine_read_softmax(struct tengine_op *o)
{
    int rank = tengine_rank(o, 0), axis = build_axis(o->b, tengine_int(o, 0), rank);
    if (o->r->from_nhwc && rank == 4 && axis == 3)
        axis = 1;
    tengine_give(o, 0, build_int(o->b, BUILD(o->b, o->kind->onnx, tengine_in(o, 0)), "axis", axis));
}

void tengine_read_arg_extreme(struct tengine_op *o)
{
    struct value *v = BUILD(o->b, o->kind->onnx, tengine_in(o, 0));
    build_int(o->b, v, "axis", build_axis(o->b, tengine_int(o, 0), tengine_rank(o, 0)));
    tengine_give(o, 0, build_int(o->b, v, "keepdims", tengine_int(o, 1) != 0));
}

static struct value *reduced(struct tengine_op *o, const char *op, struct value *x, int count, const int64_t *axes,
                             bool keeps)
{
    struct value *v = BUILD(o->b, op, x, count ? build_list(o->b, count, axes) : NULL);
    return build_int(o->b, v, "keepdims", keeps);
}

void tengine_read_reduce_l2(struct tengine_op *o)
{
    int64_t axis = build_axis(o->b, tengine_int(o, 0), tengine_rank(o, 0));
    tengine_give(o, 0, reduced(o, "ReduceL2", tengine_in(o, 0), 1, &axis, tengine_int(o, 1) != 0));
}

/* Axes that are not given are -2. */
void tengine_read_reduction(struct tengine_op *o)
{
    static const char *const names[] = {"ReduceSum", "ReduceMean", "ReduceL1", "ReduceSumSquare", "ReduceMax",
                                        "ReduceMin", "ReduceProd", "ReduceL2", "ReduceLogSum",    "ReduceLogSumExp"};
    uint32_t type = (uint32_t)tengine_int(o, 4);
    int64_t axes[4];
    int rank = tengine_rank(o, 0), count = 0;
    for (uint32_t i = 0; i < 4; i++)
        if (tengine_int(o, i) != -2)
            axes[count++] = build_axis(o->b, tengine_int(o, i), rank);
    if (type >= sizeof(names) / sizeof(*names))
        build_fail(o->b, "its type is %u, want 0 to 9", type);
    if (o->r->from_nhwc && count == 2 && axes[0] == 1 && axes[1] == 2) {
        axes[0] = 2;
        axes[1] = 3;
    }
    if (!o->b->failed)
        tengine_give(o, 0, reduced(o, names[type], tengine_in(o, 0), count, axes, tengine_int(o, 5) != 0));
}
