/* Scales of 8-bit layers, and rounding that no such layer takes in, as arithmetic. */
#include "format/ncnn/write_int8.h"

#include <string.h>

/* Whether a zero point is absent, or all zeros. */
static bool is_symmetric(const struct value *zero)
{
    if (!zero)
        return true;
    for (int64_t i = 0; zero->constant && i < zero->constant->count; i++)
        if (tensor_get_i64(zero->constant, i) != 0)
            return false;
    return zero->constant && zero->constant->dtype == DTYPE_I8;
}

static const struct node *quantiser(const struct value *v, const char *op)
{
    const struct node *n = v ? v->producer : NULL;
    bool is = n && node_is(n, op) && node_in(n, 1) && n->in[1]->constant && n->in[1]->constant->dtype == DTYPE_F32 &&
              op_int(n, "block_size") == 0;
    return is && is_symmetric(node_in(n, 2)) ? n : NULL;
}

bool ncnn_int8_find(struct writer *w, struct int8_layer *q, const struct value *input, const struct value *weight)
{
    const struct node *dequantise = quantiser(weight, "DequantizeLinear"),
                      *restore = quantiser(input, "DequantizeLinear");
    const struct node *round = restore ? quantiser(restore->in[0], "QuantizeLinear") : NULL;
    (void)w;
    if (!dequantise || !round || !dequantise->in[0]->constant || dequantise->in[0]->constant->dtype != DTYPE_I8)
        return false;
    const struct tensor *scale = round->in[1]->constant;
    *q = (struct int8_layer){round->in[0], dequantise->in[0]->constant, dequantise->in[1]->constant, 0};
    if (scale->count != 1 || !tensor_equal(scale, restore->in[1]->constant))
        return false;
    q->input_scale = ((const float *)scale->data)[0];
    bool by_output = q->scales->count == q->weight->dims[0] && op_int(dequantise, "axis") == 0;
    return q->weight->rank >= 2 && q->input_scale > 0 && (q->scales->count == 1 || by_output);
}

/* The scales of a group's outputs are one: those of a depthwise convolution are. */
void ncnn_int8_put(struct writer *w, const struct int8_layer *q, int64_t count)
{
    struct tensor *scales = tensor_new(DTYPE_F32, 1, &count, w->err);
    struct tensor *input = scales ? tensor_scalar_f32(1 / q->input_scale, w->err) : NULL;
    int64_t outputs = q->weight->dims[0];
    for (int64_t i = 0; scales && i < count; i++) {
        int64_t at = q->scales->count == 1 ? 0 : i * outputs / count;
        float scale = ((const float *)q->scales->data)[at];
        ((float *)scales->data)[i] = scale == 0 ? 0 : 1 / scale;
        for (int64_t k = at; q->scales->count > 1 && k < (i + 1) * outputs / count; k++)
            if (((const float *)q->scales->data)[k] != scale)
                ncnn_miss(w, "in groups with a scale for each output");
    }
    ncnn_put_record(w, ncnn_keep(w, scales), false);
    ncnn_put_record(w, ncnn_keep(w, input), false);
}

/* ---- by themselves ---- */

/* Whether a layer of 8 bits takes the numbers behind a DequantizeLinear, rounding them itself. */
static bool takes_rounded(struct writer *w, const struct value *v, const struct use *use)
{
    struct int8_layer q;
    const struct node *n = use->node;
    bool gemm = node_is(n, "Gemm") && op_int(n, "transB") && op_float(n, "alpha") == 1;
    return (gemm || node_is(n, "Conv")) && use->index == 0 && ncnn_int8_find(w, &q, v, n->in[1]);
}

/* Whether layers of 8 bits alone take what a QuantizeLinear makes. */
static bool is_taken_in(struct writer *w, const struct value *codes)
{
    for (size_t i = 0; i < codes->use_count; i++) {
        const struct node *n = codes->uses[i].node;
        const struct value *v = node_is(n, "DequantizeLinear") && codes->uses[i].index == 0 ? n->out[0] : NULL;
        if (!v || v->is_output)
            return false;
        for (size_t k = 0; k < v->use_count; k++)
            if (!takes_rounded(w, v, &v->uses[k]))
                return false;
    }
    return !codes->is_output;
}

/* One number, of a scale or zero point; false, a miss, when it is none. 0 for one that is absent. */
static bool number_of(struct writer *w, const struct value *v, float *number)
{
    const struct tensor *t = v ? v->constant : NULL;
    *number = t && t->count == 1 ? (float)tensor_get_f64(t, 0) : 0;
    if (v && (!t || t->count != 1))
        ncnn_miss(w, "with other than one constant scale and zero point");
    return !v || (t && t->count == 1);
}

enum { ADD = 0, SUB = 1, MUL = 2, DIVIDE = 3, ROUND = 18 };

static const char *by_number(struct writer *w, int type, const char *from, float number, const char *to)
{
    ncnn_layer_of(w, "BinaryOp", 1, &from, 1, &to);
    ncnn_put_int(w, 0, type);
    ncnn_put_int(w, 1, 1);
    ncnn_put_float(w, 2, number);
    return to;
}

/* The integers as floats: divided, rounded, moved by the zero point, kept within their type. */
static void write_codes(struct writer *w)
{
    const struct node *n = w->n;
    enum dtype dtype = n->out[0]->type.dtype;
    float scale, zero, low = dtype == DTYPE_I8 ? -128 : 0, high = dtype == DTYPE_I8 ? 127 : 255;
    if (!number_of(w, n->in[1], &scale) || !number_of(w, node_in(n, 2), &zero))
        return;
    if (dtype != DTYPE_I8 && dtype != DTYPE_U8) {
        ncnn_miss(w, "to integers of other than 8 bits");
        return;
    }
    const char *v = ncnn_blob(w, n->in[0]);
    v = by_number(w, DIVIDE, v, scale, ncnn_fresh(w, v));
    const char *rounded = ncnn_fresh(w, v), *out;
    ncnn_layer_of(w, "UnaryOp", 1, &v, 1, &rounded);
    ncnn_put_int(w, 0, ROUND);
    if (zero != 0)
        rounded = by_number(w, ADD, rounded, zero, ncnn_fresh(w, rounded));
    out = ncnn_result(w, n->out[0]);
    ncnn_layer_of(w, "Clip", 1, &rounded, 1, &out);
    ncnn_put_float(w, 0, low);
    ncnn_put_float(w, 1, high);
}

void ncnn_write_quantize(struct writer *w)
{
    if (is_taken_in(w, w->n->out[0]))
        ncnn_alias(w, w->n->out[0], w->n->in[0]);
    else
        write_codes(w);
}

void ncnn_write_dequantize(struct writer *w)
{
    const struct node *n = w->n;
    const struct value *x = n->in[0];
    const struct node *from = x->producer && node_is(x->producer, "QuantizeLinear") ? x->producer : NULL;
    float scale, zero;
    if (x->constant) /* a weight: whoever takes it asks for it */
        return;
    if (from && is_taken_in(w, x)) {
        ncnn_alias(w, n->out[0], x);
        return;
    }
    if (!number_of(w, n->in[1], &scale) || !number_of(w, node_in(n, 2), &zero))
        return;
    if (ncnn_holds_integers(x))
        ncnn_miss(w, "of integers of other than 8 bits");
    const char *v = ncnn_blob(w, x);
    if (zero != 0)
        v = by_number(w, SUB, v, zero, ncnn_fresh(w, v));
    by_number(w, MUL, v, scale, ncnn_result(w, n->out[0]));
}
