/* Scales of 8-bit layers. */
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

/* Behind a rounding that no layer takes in, values go on unrounded: ncnn's layers of floats have no such thing. */
void ncnn_write_quantize(struct writer *w)
{
    const struct value *q = w->n->out[0];
    for (size_t i = 0; i < q->use_count; i++)
        if (!node_is(q->uses[i].node, "DequantizeLinear"))
            ncnn_miss(w, "to integers that something else than DequantizeLinear takes");
    if (!quantiser(q, "QuantizeLinear"))
        ncnn_miss(w, "with a zero point, or scales that are no constant");
    ncnn_alias(w, q, w->n->in[0]);
}

void ncnn_write_dequantize(struct writer *w)
{
    const struct value *x = w->n->in[0];
    if (x->constant) /* a weight: whoever takes it asks for it */
        return;
    const struct node *round = x->producer && node_is(x->producer, "QuantizeLinear") ? x->producer : NULL;
    const struct value *scale = node_in(w->n, 1);
    if (!round || !scale->constant || !round->in[1]->constant || !tensor_equal(scale->constant, round->in[1]->constant))
        ncnn_miss(w, "of integers that are not those of a QuantizeLinear of the same scale");
    ncnn_alias(w, w->n->out[0], x);
}
