/* Quantised networks: scales are the largest absolute value, which level 127 stands for. */
#include <math.h>
#include <string.h>

#include "format/paddle/paddle.h"

#define MOST_CHANNELS 65536

/* The level of the largest number: 127 of 8 bits. */
static double top_level(struct paddle_node *o)
{
    int64_t bits = paddle_int(o, "bit_length|quant_bits", 8);
    if (bits != 8)
        build_fail(o->b, "quantised to %lld bits, want 8", (long long)bits);
    return 127;
}

/* The step between levels: a scalar, or a list of several. */
static struct value *step_of(struct paddle_node *o, struct value *largest)
{
    double top = top_level(o);
    const struct tensor *t = largest && !largest->is_input ? largest->constant : NULL;
    if (!t || o->b->failed) {
        struct value *v = paddle_with(o, "Div", largest, top);
        return v && build_type(o->b, v) && v->type.rank == 1 && v->type.dims[0] == 1 ? build_reshape(o->b, v, 0, NULL)
                                                                                     : v;
    }
    struct tensor *steps = tensor_new(DTYPE_F32, t->count > 1, &t->count, o->b->err);
    for (int64_t i = 0; steps && i < t->count; i++) {
        double step = tensor_get_f64(t, i) / top;
        tensor_set_f64(steps, i, step > 0 ? step : 1);
    }
    return build_constant(o->b, NULL, steps);
}

static struct value *with_axis(struct paddle_node *o, struct value *v, struct value *step, int64_t axis)
{
    const struct type *type = step ? build_type(o->b, step) : NULL;
    return type && type->rank == 1 ? build_int(o->b, v, "axis", axis < 0 ? 1 : axis) : v;
}

static struct value *zero_point(struct paddle_node *o, struct value *step)
{
    const struct type *type = step ? build_type(o->b, step) : NULL;
    bool is_list = type && type->rank == 1;
    if (is_list && (type->dims[0] < 0 || type->dims[0] > MOST_CHANNELS))
        build_fail(o->b, "scales whose number is not known, or above %d", MOST_CHANNELS);
    return o->b->failed ? NULL : build_constant(o->b, NULL, tensor_new(DTYPE_I8, is_list, type->dims, o->b->err));
}

/* Level -128 is not used: what is below -127 steps is cut off before, where there can be such. */
static struct value *quantize(struct paddle_node *o, struct value *x, struct value *step, int64_t axis)
{
    bool positive = x && x->producer && op_trait(x->producer, "nonnegative");
    const struct type *type = step ? build_type(o->b, step) : NULL;
    if (!positive && type && type->rank == 0)
        x = BUILD(o->b, "Max", x, paddle_with(o, "Mul", step, -top_level(o)));
    return with_axis(o, BUILD(o->b, "QuantizeLinear", x, step, zero_point(o, step)), step, axis);
}

static struct value *dequantize(struct paddle_node *o, struct value *x, struct value *step, int64_t axis)
{
    return with_axis(o, BUILD(o->b, "DequantizeLinear", x, step, zero_point(o, step)), step, axis);
}

/* Weights that are whole numbers but stored as floats become bytes. */
static struct value *as_bytes(struct paddle_node *o, struct value *v)
{
    const struct tensor *t = v && !v->is_input ? v->constant : NULL;
    if (!t || t->dtype == DTYPE_I8 || o->b->failed)
        return v;
    for (int64_t i = 0; i < t->count; i++) {
        double f = tensor_get_f64(t, i);
        if (f != rint(f) || fabs(f) > 128)
            return v;
    }
    return build_constant(o->b, v->name, tensor_cast(t, DTYPE_I8, true, o->b->err));
}

void paddle_read_quantize_linear(struct paddle_node *o)
{
    struct value *x = paddle_in(o, 0), *step = step_of(o, paddle_in(o, 1));
    int64_t axis = paddle_int(o, "quant_axis", -1);
    if (*o->kind->arg == 'Q') {
        paddle_give(o, 0, quantize(o, x, step, axis));
        return;
    }
    x = as_bytes(o, x);
    if (paddle_type(o, x) == DTYPE_F32)
        x = build_cast(o->b, x, DTYPE_I8);
    paddle_give(o, 0, dequantize(o, x, step, axis));
}

/* Levels, or the numbers that these stand for again, with a scale that the file has. */
void paddle_read_fake_quantize(struct paddle_node *o)
{
    struct value *step = step_of(o, paddle_in(o, 1)), *v = quantize(o, paddle_in(o, 0), step, -1);
    v = strcmp(o->kind->arg, "QD") == 0 ? dequantize(o, v, step, -1) : build_cast(o->b, v, DTYPE_F32);
    paddle_give(o, 0, v);
    paddle_give(o, 1, paddle_in(o, 1));
}

/* The largest absolute values of a constant, in all or along an axis. */
static struct tensor *largest(struct paddle_node *o, const struct tensor *t, int axis)
{
    int64_t inner = 1, count = axis < 0 ? 1 : t->dims[axis];
    for (int i = axis + 1; i < t->rank && axis >= 0; i++)
        inner *= t->dims[i];
    struct tensor *to = tensor_new(DTYPE_F32, axis >= 0, &count, o->b->err);
    for (int64_t i = 0; to && i < t->count; i++) {
        int64_t at = axis < 0 ? 0 : i / inner % count;
        double f = fabs(tensor_get_f64(t, i));
        if (f > tensor_get_f64(to, at))
            tensor_set_f64(to, at, f);
    }
    return to;
}

/* Weights, or a tensor, with the scale of its own numbers. */
void paddle_read_fake_weights(struct paddle_node *o)
{
    struct value *x = paddle_in(o, 0), *most;
    int rank = paddle_rank(o, x), axis = o->kind->arg ? paddle_axis(o, paddle_int(o, "quant_axis", 0), rank) : -1;
    const struct tensor *t = x && !x->is_input ? x->constant : NULL;
    if (!t && axis >= 0)
        build_fail(o->b, "scales for each channel of what is no constant");
    if (o->b->failed)
        return;
    most = t ? build_constant(o->b, NULL, largest(o, t, axis))
             : BUILD(o->b, "ReduceMax/keepdims=0", BUILD(o->b, "Abs", x));
    struct value *step = step_of(o, most);
    paddle_give(o, 0, dequantize(o, quantize(o, x, step, axis), step, axis));
    paddle_give(o, 1, most);
}

/* Sums of levels as numbers: times the scales of weights (for each channel) and of the input, over their top levels. */
void paddle_read_fake_dequantize(struct paddle_node *o)
{
    struct value **scales, *v = paddle_in(o, 0);
    int64_t bits[2] = {8, 8};
    int count = paddle_all(o, 1, &scales), rank = paddle_rank(o, v);
    paddle_list(o, "quant_bits", bits, 2);
    for (int i = 0; i < count && !o->b->failed; i++) {
        double top =
            o->kind->arg ? pow(2, (double)bits[i < 2 ? i : 1] - 1) - 1 : (double)paddle_float(o, "max_range", 127);
        const struct type *type = build_type(o->b, scales[i]);
        struct value *scale = paddle_with(o, "Div", scales[i], top);
        bool many = type && type->rank == 1 && type->dims[0] > 1;
        v = BUILD(o->b, "Mul", v, many ? paddle_along_channels(o, scale, rank) : scale);
    }
    paddle_give(o, 0, v);
}
