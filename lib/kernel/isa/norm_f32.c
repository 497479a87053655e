/* Softmax of one row, layer normalisation of several. */
#include "kernel/isa/isa.h"
#include "kernel/isa/part.h"
#include "kernel/isa/vec_math.h"

/* ---- softmax ---- */

V_FN void exp_body(size_t i, int count, float *out, const float *in, v_f32 max, bool store, v_f32 *sum)
{
    v_f32 y = v_exp_less(v_sub(part_load(in + i, count), max));
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

/* Rows that go together: what one row's sums and root are waited for, others' are under way. */
#define NORM_ROWS 8

/* What each row is shifted and scaled by. */
struct moments {
    float mean[NORM_ROWS], correction[NORM_ROWS]; /* the mean is their sum */
    float factor[NORM_ROWS];                      /* 1 / sqrt(variance + epsilon) */
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

/* The sum of x - mean, and of its squares. */
static void deviations(const float *in, size_t n, float mean, float *sum, float *square)
{
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
    *sum = v_hsum(v_add(d.sum[0], d.sum[1]));
    *square = v_hsum(v_add(d.square[0], d.square[1]));
}

/* The corrected two-pass algorithm (Chan, Golub, LeVeque, "Algorithms for computing the sample variance", 1983): the
 * sum of x - mean, which would be zero but for rounding, improves both mean and variance. */
static void find_moments(struct moments *m, const struct kernel_norm_f32 *d, const float *in, int rows)
{
    const double share = 1 / (double)d->n; /* a division of what was just summed would be waited for */
    float sum[NORM_ROWS], square[NORM_ROWS];
    for (int i = 0; i < rows; i++)
        m->mean[i] = d->mean ? K(reduce_f32)(KERNEL_SUM, in + i * d->in_step, d->n) * (float)share : 0;
    for (int i = 0; i < rows; i++)
        if (d->mean)
            deviations(in + i * d->in_step, d->n, m->mean[i], &sum[i], &square[i]);
        else
            sum[i] = 0, square[i] = K(reduce_f32)(KERNEL_SUM_SQUARE, in + i * d->in_step, d->n);
    for (int i = 0; i < rows; i++) {
        double variance = ((double)square[i] - (double)sum[i] * (double)sum[i] * share) * share;
        variance = variance < 0 ? 0 : variance;
        m->correction[i] = (float)((double)sum[i] * share);
        m->factor[i] = (float)(1 / sqrt(variance + (double)d->epsilon));
    }
}

V_FN void normalise_body(size_t i, int count, float *out, const float *in, const float *scale, const float *shift,
                         const v_f32 *moments)
{
    v_f32 x = v_sub(v_sub(part_load(in + i, count), moments[0]), moments[1]);
    part_store(out + i, part_scale_shift(v_mul(x, moments[2]), i, count, scale, shift), count);
}

static void normalise(const struct kernel_norm_f32 *d, float *out, const float *in, const v_f32 *moments)
{
    if (d->scale && d->shift)
        PART_LOOP(d->n, normalise_body, out, in, d->scale, d->shift, moments);
    else if (d->scale)
        PART_LOOP(d->n, normalise_body, out, in, d->scale, NULL, moments);
    else
        PART_LOOP_LONG(d->n, normalise_body, out, in, NULL, d->shift, moments);
}

void K(layer_norm_f32)(const struct kernel_norm_f32 *d)
{
    struct moments m;
    const float *in = d->in;
    float *out = d->out;
    for (int64_t left = d->rows; left > 0; left -= NORM_ROWS) {
        int rows = left < NORM_ROWS ? (int)left : NORM_ROWS;
        find_moments(&m, d, in, rows);
        for (int i = 0; i < rows; i++, in += d->in_step, out += d->out_step)
            normalise(d, out, in, (v_f32[]){v_set1(m.mean[i]), v_set1(m.correction[i]), v_set1(m.factor[i])});
    }
}
