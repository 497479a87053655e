/* FakeQuantize: values rounded to levels of a range, as QuantizeLinear and DequantizeLinear where these say the same.
 */
#include <math.h>
#include <string.h>

#include "format/openvino/openvino.h"

#define MOST_CHANNELS (1 << 20)

/* The range of the input, for all or for each index of an axis. */
struct levels {
    const struct tensor *low, *high;
    int64_t count;
    int axis; /* of the input */
    int64_t levels;
};

static bool same(const struct tensor *a, const struct tensor *b)
{
    bool equal = a && b && a->count == b->count;
    for (int64_t i = 0; equal && i < a->count; i++)
        equal = tensor_get_f64(a, i) == tensor_get_f64(b, i);
    return equal;
}

/* The one axis of a constant that is longer than 1, as an axis of the input. */
static bool find_axis(struct openvino_read *l, struct levels *q)
{
    int rank = openvino_rank(l, 0);
    q->axis = 0;
    for (int i = 0; i < q->low->rank; i++) {
        if (q->low->dims[i] == 1)
            continue;
        if (q->low->dims[i] != q->count)
            return false;
        q->axis = rank - q->low->rank + i;
    }
    return q->axis >= 0;
}

/* q = x / scale + zero, where zero must be a whole number. */
static bool affine(const struct levels *q, int64_t i, float *scale, int64_t *zero)
{
    double low = tensor_get_f64(q->low, i), high = tensor_get_f64(q->high, i);
    double step = (high - low) / (double)(q->levels - 1), at = -low / step;
    if (!(step > 0) || !isfinite(step) || !(at >= -0.01 && at <= 255.01) || fabs(at - rint(at)) > 0.01)
        return false;
    *scale = (float)step;
    *zero = (int64_t)rint(at);
    return true;
}

static bool find_levels(struct openvino_read *l, struct levels *q)
{
    q->low = openvino_constant(l, 1);
    q->high = openvino_constant(l, 2);
    q->levels = openvino_int(l, "levels", 256);
    if (q->levels < 255 || q->levels > 256 || !same(q->low, openvino_constant(l, 3)) ||
        !same(q->high, openvino_constant(l, 4)))
        return false;
    q->count = q->low->count;
    return q->count > 0 && q->count <= MOST_CHANNELS && q->high->count == q->count && find_axis(l, q);
}

/* Scales and zero points. A range around 0 is that of signed numbers. */
static bool fill(const struct levels *q, struct tensor *scales, struct tensor *zeros, bool *is_signed)
{
    int64_t zero;
    *is_signed = true;
    for (int64_t i = 0; i < q->count; i++) {
        if (!affine(q, i, &((float *)scales->data)[i], &zero))
            return false;
        tensor_set_i64(zeros, i, zero);
        *is_signed = *is_signed && zero == q->levels / 2;
    }
    return true;
}

static void linear(struct openvino_read *l, const struct levels *q, struct value *scale, struct tensor *zeros,
                   bool is_signed)
{
    int64_t shift = is_signed ? q->levels / 2 : 0;
    struct tensor *t = tensor_new(is_signed ? DTYPE_I8 : DTYPE_U8, zeros->rank, zeros->dims, l->b->err);
    struct value *x = openvino_in(l, 0), *v;
    for (int64_t i = 0; t && i < q->count; i++)
        tensor_set_i64(t, i, tensor_get_i64(zeros, i) - shift);
    struct value *zero = build_constant(l->b, NULL, t);
    if (q->levels == 255) /* one end of the bytes is not used */
        x = BUILD(l->b, "Max", x, openvino_in(l, 1));
    v = BUILD(l->b, "QuantizeLinear", x, scale, zero);
    if (q->count > 1)
        build_int(l->b, v, "axis", q->axis);
    l->out[0] = BUILD(l->b, "DequantizeLinear", v, scale, zero);
    if (q->count > 1)
        build_int(l->b, l->out[0], "axis", q->axis);
}

/* The whole formula: the step of the input, and that of the result. */
static void formula(struct openvino_read *l)
{
    struct value *low = openvino_in(l, 1), *high = openvino_in(l, 2), *to = openvino_in(l, 3), *end = openvino_in(l, 4);
    struct value *steps = build_number(l->b, openvino_dtype(l, 0), (double)(openvino_int(l, "levels", 256) - 1));
    struct value *x = BUILD(l->b, "Min", BUILD(l->b, "Max", openvino_in(l, 0), low), high);
    struct value *from = BUILD(l->b, "Div", BUILD(l->b, "Sub", high, low), steps);
    struct value *into = BUILD(l->b, "Div", BUILD(l->b, "Sub", end, to), steps);
    struct value *level = BUILD(l->b, "Round", BUILD(l->b, "Div", BUILD(l->b, "Sub", x, low), from));
    l->out[0] = BUILD(l->b, "Add", BUILD(l->b, "Mul", level, into), to);
}

void openvino_read_fake_quantize(struct openvino_read *l)
{
    struct levels q = {0};
    bool is_signed;
    if (!find_levels(l, &q)) {
        formula(l);
        return;
    }
    struct tensor *scales = tensor_new(DTYPE_F32, q.count > 1, &q.count, l->b->err);
    struct tensor *zeros = tensor_new(DTYPE_I64, q.count > 1, &q.count, l->b->err);
    build_check(l->b, scales && zeros);
    if (!l->b->failed && fill(&q, scales, zeros, &is_signed))
        linear(l, &q, build_constant(l->b, NULL, tensor_ref(scales)), zeros, is_signed);
    else if (!l->b->failed)
        formula(l);
    tensor_unref(scales);
    tensor_unref(zeros);
}

/* ---- weights ---- */

/* The constant of whole numbers under a Convert; NULL: v is none. */
static struct value *whole_numbers(const struct value *v)
{
    struct value *from = v && v->producer && node_is(v->producer, "Cast") ? node_in(v->producer, 0) : NULL;
    enum dtype_class class = from && from->constant ? dtype_info(from->constant->dtype)->class : DTYPE_CLASS_NONE;
    bool is_whole = class == DTYPE_CLASS_INT || class == DTYPE_CLASS_UINT;
    return is_whole && dtype_info(from->constant->dtype)->bits <= 8 && v->type.dtype == DTYPE_F32 ? from : NULL;
}

static const struct tensor *constant_of(const struct value *v)
{
    if (v && v->producer && node_is(v->producer, "Cast"))
        v = node_in(v->producer, 0);
    return v && !v->is_input ? v->constant : NULL;
}

/* t, of one element or along one axis of `of`, as a scalar or a list; NULL when it is neither, or numbers change. */
static struct tensor *along_axis(const struct tensor *t, enum dtype dtype, const struct tensor *of, int *axis,
                                 struct error *err)
{
    for (int i = 0; i < t->rank; i++) {
        int at = of->rank - t->rank + i;
        if (t->dims[i] == 1)
            continue;
        if (t->dims[i] != t->count || at < 0 || of->dims[at] != t->count || (*axis >= 0 && *axis != at))
            return NULL;
        *axis = at;
    }
    struct tensor *list = tensor_new(dtype, t->count > 1, &t->count, err);
    for (int64_t i = 0; list && i < t->count; i++)
        tensor_set_f64(list, i, tensor_get_f64(t, i));
    for (int64_t i = 0; list && i < t->count; i++)
        if (tensor_get_f64(list, i) != tensor_get_f64(t, i)) {
            tensor_unref(list);
            return NULL;
        }
    return list;
}

static struct value *scaled_weights(struct openvino_read *l)
{
    struct error none;
    const struct tensor *scale = openvino_constant(l, 1), *shift = NULL;
    struct value *x = openvino_has(l, 0) ? l->in[0] : NULL;
    int axis = -1;
    if (x && x->producer && node_is(x->producer, "Sub")) {
        shift = constant_of(node_in(x->producer, 1));
        x = shift ? node_in(x->producer, 0) : NULL;
    }
    struct value *weights = whole_numbers(x);
    if (!weights || !scale || l->b->failed)
        return NULL;
    struct tensor *list = along_axis(scale, DTYPE_F32, weights->constant, &axis, &none), *zero = NULL;
    if (list && shift && (shift->count == 1 || shift->count == scale->count))
        zero = along_axis(shift, weights->constant->dtype, weights->constant, &axis, &none);
    if (!list || (shift && (!zero || zero->count != list->count))) {
        tensor_unref(list);
        tensor_unref(zero);
        return NULL;
    }
    struct value *zero_value = zero ? build_constant(l->b, NULL, zero) : NULL;
    struct value *v = BUILD(l->b, "DequantizeLinear", weights, build_constant(l->b, NULL, list), zero_value);
    return axis >= 0 ? build_int(l->b, v, "axis", axis) : v;
}

void openvino_read_multiply(struct openvino_read *l)
{
    l->out[0] = scaled_weights(l);
    if (!l->out[0])
        openvino_read_binary(l);
}
