/* The oracle's attention. */
#include <math.h>

#include "kernel/ref.h"

static double counted(const struct kernel_attend_f32 *a, int row, size_t i)
{
    double x = a->scores[row * a->step + (ptrdiff_t)i];
    return x * a->scale + (a->mask ? a->mask[row][a->mask_step ? i : 0] : 0);
}

static void attend_row(const struct kernel_attend_f32 *a, int row)
{
    float *scores = a->scores + row * a->step;
    size_t n = a->seen ? (size_t)a->seen[row] : a->n;
    double before = a->largest[row], most = before, sum = 0;
    for (size_t i = 0; i < n; i++)
        most = fmax(most, counted(a, row, i));
    double base = most == -INFINITY ? 0 : most, factor = exp(before - base);
    for (size_t i = 0; i < a->n; i++) {
        double weight = i < n ? exp(counted(a, row, i) - base) : 0;
        sum += weight;
        scores[i] = (float)weight;
    }
    a->sum[row] = (float)(a->sum[row] * factor + sum);
    a->largest[row] = (float)most;
    for (size_t i = 0; i < a->columns; i++)
        a->out[row][i] = (float)(a->out[row][i] * factor);
}

void attend_f32_ref(const struct kernel_attend_f32 *a)
{
    for (int i = 0; i < a->rows; i++)
        attend_row(a, i);
}
