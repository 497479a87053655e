/* Softmax and layer normalisation of one row. */
#include "kernel/isa/isa.h"
#include "kernel/isa/part.h"
#include "kernel/isa/vec_math.h"

/* ---- softmax ---- */

V_FN void exp_body(size_t i, int count, float *out, const float *in, v_f32 max, bool store, v_f32 *sum)
{
    v_f32 y = v_exp(v_sub(part_load(in + i, count), max));
    *sum = v_add(*sum, part_fill(y, count, v_zero()));
    if (store)
        part_store(out + i, y, count);
}

V_FN void scale_body(size_t i, int count, float *out, v_f32 factor)
{
    part_store(out + i, v_mul(part_load(out + i, count), factor), count);
}

V_FN void log_body(size_t i, int count, float *out, const float *in, v_f32 max, v_f32 log_sum)
{
    part_store(out + i, v_sub(v_sub(part_load(in + i, count), max), log_sum), count);
}

/* A row whose largest element is infinite gives NaN, as the definition does. */
void K(softmax_f32)(float *out, const float *in, size_t n, bool log)
{
    v_f32 max = v_set1(K(reduce_f32)(KERNEL_REDUCE_MAX, in, n)), sum = v_zero();
    if (log) {
        PART_LOOP_LONG(n, exp_body, NULL, in, max, false, &sum);
        v_f32 log_sum = v_log(v_set1(v_hsum(sum)));
        PART_LOOP_LONG(n, log_body, out, in, max, log_sum);
    } else {
        PART_LOOP(n, exp_body, out, in, max, true, &sum);
        v_f32 factor = v_set1(1 / v_hsum(sum));
        PART_LOOP(n, scale_body, out, factor);
    }
}

/* ---- layer normalisation ---- */

/* What the row is shifted and scaled by. */
struct moments {
    float mean, correction; /* the mean is their sum */
    float factor;           /* 1 / sqrt(variance + epsilon) */
};

/* Sums of x - mean and of its square, two chains of each. */
struct deviation {
    v_f32 sum[2], square[2];
};

V_FN void deviation_step(struct deviation *d, int chain, v_f32 x)
{
    d->sum[chain] = v_add(d->sum[chain], x);
    d->square[chain] = v_fma(x, x, d->square[chain]);
}

/* The corrected two-pass algorithm (Chan, Golub, LeVeque, "Algorithms for computing the sample variance", 1983): the
 * sum of x - mean, which would be zero but for rounding, improves both mean and variance. */
static struct moments centred_moments(const float *in, size_t n, float epsilon)
{
    const double share = 1 / (double)n; /* a division of what was just summed would be waited for */
    float mean = K(reduce_f32)(KERNEL_SUM, in, n) * (float)share;
    v_f32 m = v_set1(mean);
    struct deviation d = {{v_zero(), v_zero()}, {v_zero(), v_zero()}};
    size_t i = 0;
    for (; n - i >= 2 * VL; i += 2 * VL) {
        deviation_step(&d, 0, v_sub(v_load(in + i), m));
        deviation_step(&d, 1, v_sub(v_load(in + i + VL), m));
    }
    for (int count; i < n; i += (size_t)count) {
        count = n - i < VL ? (int)(n - i) : VL;
        deviation_step(&d, 0, part_fill(v_sub(v_load_n(in + i, count), m), count, v_zero()));
    }
    double sum = v_hsum(v_add(d.sum[0], d.sum[1])), square = v_hsum(v_add(d.square[0], d.square[1]));
    double variance = (square - sum * sum * share) * share;
    variance = variance < 0 ? 0 : variance;
    return (struct moments){mean, (float)(sum * share), (float)(1 / sqrt(variance + (double)epsilon))};
}

V_FN void normalise_body(size_t i, int count, float *out, const float *in, const float *scale, const float *shift,
                         const v_f32 *moments)
{
    v_f32 x = v_sub(v_sub(part_load(in + i, count), moments[0]), moments[1]);
    part_store(out + i, part_scale_shift(v_mul(x, moments[2]), i, count, scale, shift), count);
}

void K(layer_norm_f32)(float *out, const float *in, const float *scale, const float *shift, size_t n, float epsilon,
                       bool mean)
{
    struct moments m = {0, 0, 0};
    if (mean)
        m = centred_moments(in, n, epsilon);
    else
        m.factor = (float)(1 / sqrt((double)K(reduce_f32)(KERNEL_SUM_SQUARE, in, n) / (double)n + (double)epsilon));
    const v_f32 v[] = {v_set1(m.mean), v_set1(m.correction), v_set1(m.factor)};
    if (scale && shift)
        PART_LOOP(n, normalise_body, out, in, scale, shift, v);
    else if (scale)
        PART_LOOP(n, normalise_body, out, in, scale, NULL, v);
    else
        PART_LOOP_LONG(n, normalise_body, out, in, NULL, shift, v);
}
