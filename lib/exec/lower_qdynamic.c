/* DynamicQuantizeLinear: the range of all elements, then bytes by it. */
#include <math.h>

#include "exec/lower_quant.h"
#include "op/quant.h"

struct dynamic_args {
    struct view x, y, scale, zero;
    const struct kernels *kernels;
    int64_t count;
};

/* What is no number does not count. */
static void plain_range(const float *x, int64_t n, float *low, float *high)
{
    *low = *high = 0;
    for (int64_t i = 0; i < n; i++) {
        *low = x[i] < *low ? x[i] : *low;
        *high = x[i] > *high ? x[i] : *high;
    }
}

static void run_range(const struct step *s, struct tile tile)
{
    const struct dynamic_args *a = s->args;
    const float *x = view_data(&a->x);
    float low = a->kernels->reduce_f32(KERNEL_REDUCE_MIN, x, (size_t)a->count);
    float high = a->kernels->reduce_f32(KERNEL_REDUCE_MAX, x, (size_t)a->count);
    double zero;
    (void)tile;
    if (isnan(low) || isnan(high))
        plain_range(x, a->count, &low, &high);
    *(float *)view_data(&a->scale) = quant_dynamic(low < 0 ? low : 0, high > 0 ? high : 0, &zero);
    *(uint8_t *)view_data(&a->zero) = (uint8_t)zero;
}

static void run_bytes(const struct step *s, struct tile tile)
{
    const struct dynamic_args *a = s->args;
    int zero = *(const uint8_t *)view_data(&a->zero);
    const struct kernel_rounding rounding = {(float)-zero, (float)(255 - zero), zero};
    a->kernels->quantize_8((uint8_t *)view_data(&a->y) + tile.first, (const float *)view_data(&a->x) + tile.first,
                           (size_t)(tile.last - tile.first), *(const float *)view_data(&a->scale), &rounding);
}

int exec_lower_dynamic_quantize(struct plan *p, struct node *n, struct error *err)
{
    struct dynamic_args *a = plan_alloc(p, sizeof *a, err);
    if (!a || !exec_lower_is_f32(n, 0) || !node_out(n, 0) || !node_out(n, 1) || !node_out(n, 2) ||
        view_count(plan_in(n, 0)) == 0)
        return a ? 1 : -1;
    if (plan_in_dense(p, n, 0, ORDER_ROWS, &a->x, err) < 0 || plan_out_dense(p, n, 0, &a->y, err) < 0 ||
        plan_out_dense(p, n, 1, &a->scale, err) < 0 || plan_out_dense(p, n, 2, &a->zero, err) < 0)
        return -1;
    a->kernels = p->kernels;
    a->count = view_count(&a->x);
    if (plan_step(p, &(struct step){.node = n, .kernel = "range_f32", .run = run_range, .args = a, .units = 1}, err,
                  PLAN_VIEWS(&a->scale, &a->zero, &a->x)) < 0)
        return -1;
    return plan_step(p,
                     &(struct step){.node = n,
                                    .kernel = "quantize_8",
                                    .run = run_bytes,
                                    .args = a,
                                    .units = a->count,
                                    .tiles = plan_tiles(a->count, 32768, a->count)},
                     err, PLAN_WRITES(&a->y, &a->x, &a->scale, &a->zero));
}
