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
