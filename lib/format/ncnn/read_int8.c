/* Scales of 8-bit layers, and the layers that convert. */
#include "format/ncnn/read_int8.h"

#include <math.h>

/* The reciprocals; a channel of scale 0 is dead. */
static struct tensor *inverted(struct reader *r, const struct tensor *t)
{
    struct tensor *to =
        t->count == 1 ? tensor_new(DTYPE_F32, 0, NULL, r->b.err) : tensor_new(DTYPE_F32, 1, &t->count, r->b.err);
    for (int64_t i = 0; to && i < t->count; i++) {
        float scale = ((const float *)t->data)[i];
        ((float *)to->data)[i] = scale == 0 ? 0 : 1 / scale;
    }
    return to;
}

static struct value *scale_record(struct reader *r, const char *name, int64_t count)
{
    struct tensor *t = ncnn_raw_tensor(r, count);
    struct value *v = t ? ncnn_constant(r, name, inverted(r, t)) : NULL;
    tensor_unref(t);
    return v;
}

void ncnn_int8_read(struct reader *r, struct int8_scales *s, int id, int64_t channels)
{
    int term = ncnn_int(r->l, id, 0);
    *s = (struct int8_scales){.wanted = term != 0};
    if (!term || r->b.failed)
        return;
    bool is_depthwise = ncnn_type_index(r->l->type) == ncnn_type_index("ConvolutionDepthWise");
    s->factors = ncnn_raw_tensor(r, is_depthwise && term % 100 == 2 ? 1 : channels);
    s->weight = s->factors ? ncnn_constant(r, "weight_scale", inverted(r, s->factors)) : NULL;
    s->input = scale_record(r, "input_scale", 1);
    if (term > 100)
        s->output = scale_record(r, "output_scale", 1);
}

static struct value *rounded(struct reader *r, struct value *x, struct value *scale)
{
    struct build *b = &r->b;
    struct value *zero = build_number(b, DTYPE_I8, 0);
    return BUILD(b, "DequantizeLinear", BUILD(b, "QuantizeLinear", x, scale, zero), scale, zero);
}

/* What came out of an 8-bit layer as integers goes in as they are. */
struct value *ncnn_int8_input(struct reader *r, const struct int8_scales *s, struct value *x)
{
    if (!s->wanted || r->b.failed)
        return x;
    return x->producer && node_is(x->producer, "DequantizeLinear") ? x : rounded(r, x, s->input);
}

struct value *ncnn_int8_output(struct reader *r, const struct int8_scales *s, struct value *v)
{
    return s->output ? rounded(r, v, s->output) : v;
}

/* round(x * scale) of a float weight, `run` elements to a scale. */
static struct tensor *quantized(struct reader *r, const struct tensor *t, const struct tensor *scales, int64_t run)
{
    struct tensor *to = tensor_new(DTYPE_I8, t->rank, t->dims, r->b.err);
    for (int64_t i = 0; to && i < t->count; i++) {
        float q = roundf((float)tensor_get_f64(t, i) * ((const float *)scales->data)[i / run]);
        ((int8_t *)to->data)[i] = q > 127 ? 127 : q > -127 ? (int8_t)q : -127; /* NaN too */
    }
    build_check(&r->b, to != NULL);
    return to;
}

/* Scales of groups, each of several outputs, are repeated. */
static struct value *by_output(struct reader *r, struct value *scale, int64_t scales, int64_t outputs)
{
    struct build *b = &r->b;
    if (scales == outputs || scales == 1)
        return scale;
    struct value *column = build_reshape(b, scale, 2, (int64_t[]){-1, 1});
    return build_reshape(b, BUILD(b, "Expand", column, BUILD_LIST(b, scales, outputs / scales)), 1, (int64_t[]){-1});
}

struct value *ncnn_int8_weight(struct reader *r, struct int8_scales *s, struct tensor *weight, int64_t outputs)
{
    struct build *b = &r->b;
    if (!s->wanted || b->failed) {
        if (!b->failed)
            return ncnn_constant(r, "weight", weight);
        tensor_unref(s->factors);
        tensor_unref(weight);
        return NULL;
    }
    int64_t scales = s->factors->count;
    if (weight->dtype != DTYPE_I8) {
        struct tensor *q = quantized(r, weight, s->factors, weight->count / scales);
        tensor_unref(weight);
        weight = q;
    }
    tensor_unref(s->factors);
    s->factors = NULL;
    struct value *q = weight ? build_constant(b, NULL, weight) : NULL;
    if (q)
        build_name(b, q, "weight");
    struct value *v = BUILD(b, "DequantizeLinear", q, by_output(r, s->weight, scales, outputs));
    return scales > 1 ? build_int(b, v, "axis", 0) : v;
}

/* ---- layers that convert ---- */

/* A scale for each channel lies along the blob's first axis. */
static struct value *along(struct reader *r, struct value *v, int64_t scales)
{
    return scales > 1 ? build_int(&r->b, v, "axis", 1) : v;
}

static struct value *quantized_along(struct reader *r, struct value *x, struct value *scale, int64_t n)
{
    struct build *b = &r->b;
    struct value *zero = NULL;
    if (n > 1)
        zero = build_constant(b, NULL, tensor_new(DTYPE_I8, 1, &n, b->err));
    else
        zero = build_number(b, DTYPE_I8, 0);
    struct value *q = along(r, BUILD(b, "QuantizeLinear", x, scale, zero), n);
    return along(r, BUILD(b, "DequantizeLinear", q, scale, zero), n);
}

struct value *ncnn_quantize(struct reader *r)
{
    int64_t n = ncnn_int(r->l, 0, 1);
    struct value *x = ncnn_in(r, 0);
    return quantized_along(r, x, scale_record(r, "scale", n), n);
}

/* A record of n numbers, one for all or along the blob's first axis. */
static struct value *record(struct reader *r, const char *name, int64_t n, struct value *x)
{
    return n > 1 ? ncnn_channels(r, name, n, x) : ncnn_raw(r, name, 1, &n);
}

static struct value *dequantized(struct reader *r, struct value *x, struct value *scale, struct value *bias)
{
    return build_add(&r->b, BUILD(&r->b, "Mul", build_cast(&r->b, x, DTYPE_F32), scale), bias);
}

struct value *ncnn_dequantize(struct reader *r)
{
    int64_t biases = ncnn_int(r->l, 1, 0);
    struct value *x = ncnn_in(r, 0), *scale = record(r, "scale", ncnn_int(r->l, 0, 1), x);
    return dequantized(r, x, scale, biases > 0 ? record(r, "bias", biases, x) : NULL);
}

/* Sums of products to the integers of the next layer, which count as the numbers that they mean. */
struct value *ncnn_requantize(struct reader *r)
{
    int64_t outputs = ncnn_int(r->l, 1, 1), biases = ncnn_int(r->l, 2, 0);
    struct value *x = ncnn_in(r, 0), *scale = record(r, "scale_in", ncnn_int(r->l, 0, 1), x);
    struct value *to = scale_record(r, "scale_out", outputs), *bias = biases > 0 ? record(r, "bias", biases, x) : NULL;
    struct value *v = ncnn_activation(r, dequantized(r, x, scale, bias), 3);
    return quantized_along(r, v, to, outputs);
}
