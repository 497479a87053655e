/* The oracle's reductions. */
#include <math.h>

#include "kernel/ref.h"

static double identity(enum kernel_reduce op)
{
    switch (op) {
    case KERNEL_REDUCE_MAX:
        return -INFINITY;
    case KERNEL_REDUCE_MIN:
        return INFINITY;
    default:
        return op == KERNEL_PROD;
    }
}

static double step(enum kernel_reduce op, double sum, double x)
{
    switch (op) {
    case KERNEL_SUM:
        return sum + x;
    case KERNEL_SUM_SQUARE:
        return sum + x * x;
    case KERNEL_SUM_ABS:
        return sum + fabs(x);
    case KERNEL_REDUCE_MAX:
        return isnan(sum) || sum > x ? sum : x;
    case KERNEL_REDUCE_MIN:
        return isnan(sum) || sum < x ? sum : x;
    default:
        return sum * x;
    }
}

static bool is_sum(enum kernel_reduce op)
{
    return op == KERNEL_SUM || op == KERNEL_SUM_SQUARE || op == KERNEL_SUM_ABS;
}

void reduce_rows_f32_ref(const struct kernel_reduce_f32 *d)
{
    for (int x = 0; x < d->width; x++)
        for (size_t c = 0; c < d->channels; c++) {
            double sum = identity(d->op);
            for (int r = 0; r < d->rows; r++)
                sum = step(d->op, sum, ((const float *)d->row[r])[x * d->step + (ptrdiff_t)c]);
            d->out[x * d->out_step + (ptrdiff_t)c] = is_sum(d->op) ? sum * d->scale : sum;
        }
}

void reduce_columns_f32_ref(enum kernel_reduce op, float *out, const float *in, ptrdiff_t in_step, size_t rows,
                            size_t channels, bool go_on)
{
    for (size_t c = 0; c < channels; c++) {
        double sum = go_on ? out[c] : identity(op);
        for (size_t r = 0; r < rows; r++)
            sum = step(op, sum, in[(ptrdiff_t)r * in_step + (ptrdiff_t)c]);
        out[c] = sum;
    }
}

float reduce_f32_ref(enum kernel_reduce op, const float *in, size_t n)
{
    double sum = identity(op);
    for (size_t i = 0; i < n; i++)
        sum = step(op, sum, in[i]);
    return sum;
}

void blend_f32_ref(float *out, const float *const *row, const float *weight, int rows, size_t channels)
{
    for (size_t c = 0; c < channels; c++) {
        float sum = 0;
        for (int r = 0; r < rows; r++)
            sum = fmaf(weight[r], row[r][c], sum);
        out[c] = sum;
    }
}
