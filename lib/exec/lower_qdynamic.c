/* DynamicQuantizeLinear: the range of all elements, then bytes by it. */
#include <math.h>

#include "exec/lower_quant.h"
#include "op/quant.h"

struct dynamic_args {
    struct view x, scale, zero;
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

struct kernel_byte exec_quant_range(const struct kernels *k, const float *x, int64_t n)
{
    float low = k->reduce_f32(KERNEL_REDUCE_MIN, x, (size_t)n);
    float high = k->reduce_f32(KERNEL_REDUCE_MAX, x, (size_t)n);
    double zero;
    if (isnan(low) || isnan(high))
        plain_range(x, n, &low, &high);
    float scale = quant_dynamic(low < 0 ? low : 0, high > 0 ? high : 0, &zero);
    return (struct kernel_byte){.zero = (float)zero, .scale = scale};
}

static void run_range(const struct step *s, struct tile tile)
{
    const struct dynamic_args *a = s->args;
    struct kernel_byte of = exec_quant_range(a->kernels, view_data(&a->x), a->count);
    (void)tile;
    *(float *)view_data(&a->scale) = of.scale;
    *(uint8_t *)view_data(&a->zero) = (uint8_t)of.zero;
}

int exec_lower_dynamic_quantize(struct plan *p, struct node *n, struct error *err)
{
    struct dynamic_args *a = plan_alloc(p, sizeof *a, err);
    if (!a || !exec_lower_is_f32(n, 0) || !node_out(n, 0) || !node_out(n, 1) || !node_out(n, 2) ||
        view_count(plan_in(n, 0)) == 0)
        return a ? 1 : -1;
    if (plan_in_dense(p, n, 0, exec_lower_order(n), &a->x, err) < 0 || plan_out_dense(p, n, 1, &a->scale, err) < 0 ||
        plan_out_dense(p, n, 2, &a->zero, err) < 0)
        return -1;
    a->kernels = p->kernels;
    a->count = view_count(&a->x);
    if (plan_step(p, &(struct step){.node = n, .kernel = "range_f32", .run = run_range, .args = a, .units = 1}, err,
                  PLAN_VIEWS(&a->scale, &a->zero, &a->x)) < 0)
        return -1;
    return exec_quantize_by_run(p, n, &a->scale, &a->zero, err);
}
