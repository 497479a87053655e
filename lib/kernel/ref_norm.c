/* The oracle's normalisations. */
#include <math.h>

#include "kernel/ref.h"

void softmax_f32_ref(float *out, const float *in, size_t n, bool logarithm)
{
    double max = reduce_f32_ref(KERNEL_REDUCE_MAX, in, n), sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += exp(in[i] - max);
    for (size_t i = 0; i < n; i++)
        out[i] = logarithm ? in[i] - max - log(sum) : exp(in[i] - max) / sum;
}

static void softmax_bytes(uint8_t *out, const uint8_t *x, size_t n, const struct kernel_softmax_q8 *s)
{
    int largest = 0;
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        largest = (x[i] ^ s->turn) > largest ? x[i] ^ s->turn : largest;
    const uint32_t *weight = s->weight + 255 - largest;
    for (size_t i = 0; i < n; i++)
        sum += weight[x[i] ^ s->turn];
    for (size_t i = 0; i < n; i++) {
        float y = (float)weight[x[i] ^ s->turn] * (float)(1 / (sum * s->scale));
        quantize_8_ref(out + i, &y, 1, 1, &s->rounding);
    }
}

void softmax_q8_ref(const struct kernel_strips_q8 *r, const struct kernel_softmax_q8 *s)
{
    for (size_t i = 0; i < r->rows; i++)
        softmax_bytes(r->out + (ptrdiff_t)i * r->out_step, r->in + (ptrdiff_t)i * r->in_step, r->n, s);
}

static void norm_bytes(uint8_t *out, const uint8_t *x, size_t count, const struct kernel_norm_q8 *l)
{
    double n = (double)count, sum = 0, square = 0;
    for (size_t i = 0; i < count; i++) {
        sum += x[i] ^ l->turn;
        square += (x[i] ^ l->turn) * (x[i] ^ l->turn);
    }
    double centre = l->mean ? sum / n : l->zero;
    double spread = l->mean ? (n * square - sum * sum) / (n * n) : (square - 2 * centre * sum) / n + centre * centre;
    double factor = 1 / sqrt(spread + l->epsilon);
    for (size_t i = 0; i < count; i++) {
        float y = fmaf((float)(x[i] ^ l->turn), (float)factor, (float)(-centre * factor));
        y = fmaf(y, l->factor[i], l->shift[i]);
        quantize_8_ref(out + i, &y, 1, 1, &l->rounding);
    }
}

void norm_q8_ref(const struct kernel_strips_q8 *r, const struct kernel_norm_q8 *l)
{
    for (size_t i = 0; i < r->rows; i++)
        norm_bytes(r->out + (ptrdiff_t)i * r->out_step, r->in + (ptrdiff_t)i * r->in_step, r->n, l);
}

static void norm_row(const struct kernel_norm_f32 *d, float *out, const float *in)
{
    double average = 0, variance = 0;
    for (size_t i = 0; d->mean && i < d->n; i++)
        average += in[i] / (double)d->n;
    for (size_t i = 0; i < d->n; i++)
        variance += (in[i] - average) * (in[i] - average) / (double)d->n;
    double factor = 1 / sqrt(variance + d->epsilon);
    for (size_t i = 0; i < d->n; i++)
        out[i] = (in[i] - average) * factor * (d->scale ? d->scale[i] : 1) + (d->shift ? d->shift[i] : 0);
}

void layer_norm_f32_ref(const struct kernel_norm_f32 *d)
{
    for (int64_t i = 0; i < d->rows; i++)
        norm_row(d, d->out + i * d->out_step, d->in + i * d->in_step);
}
