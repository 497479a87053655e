/* The oracle's normalisations and recurrent cells. */
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

void layer_norm_f32_ref(float *out, const float *in, const float *scale, const float *shift, size_t n, float epsilon,
                        bool mean)
{
    double average = 0, variance = 0;
    for (size_t i = 0; mean && i < n; i++)
        average += in[i] / (double)n;
    for (size_t i = 0; i < n; i++)
        variance += (in[i] - average) * (in[i] - average) / (double)n;
    double factor = 1 / sqrt(variance + epsilon);
    for (size_t i = 0; i < n; i++)
        out[i] = (in[i] - average) * factor * (scale ? scale[i] : 1) + (shift ? shift[i] : 0);
}

static double gate(double x, double peephole, double c, double clip)
{
    x += peephole * c;
    return clip > 0 && !isnan(x) ? fmax(-clip, fmin(clip, x)) : x;
}

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

void lstm_cell_f32_ref(float *h, float *c, const float *gates, const float *peephole, float clip, size_t n)
{
    const float *p = peephole;
    for (size_t i = 0; i < n; i++) {
        double input = sigmoid(gate(gates[i], p ? p[i] : 0, c[i], clip));
        double forget = sigmoid(gate(gates[2 * n + i], p ? p[2 * n + i] : 0, c[i], clip));
        double cell = forget * c[i] + input * tanh(gate(gates[3 * n + i], 0, 0, clip));
        h[i] = sigmoid(gate(gates[n + i], p ? p[n + i] : 0, cell, clip)) * tanh(cell);
        c[i] = cell;
    }
}

void gru_cell_f32_ref(float *out, const float *h, const float *zr, const float *hx, const float *hr, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        double z = sigmoid(zr[i]), r = sigmoid(zr[n + i]);
        out[i] = (1 - z) * tanh(hx[i] + r * hr[i]) + z * h[i];
    }
}
