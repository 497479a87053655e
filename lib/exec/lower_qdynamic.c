/* DynamicQuantizeLinear: the range of all elements, then bytes by it. */
#include <math.h>

#include "exec/lower_quant.h"
#include "op/quant.h"

struct dynamic_args {
    struct view x, scale, zero;
    const struct kernels *kernels;
    struct nest nest;
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

static void add_range(const struct kernels *k, const float *x, int64_t n, float *low, float *high)
{
    float least = k->reduce_f32(KERNEL_REDUCE_MIN, x, (size_t)n);
    float most = k->reduce_f32(KERNEL_REDUCE_MAX, x, (size_t)n);
    if (isnan(least) || isnan(most))
        plain_range(x, n, &least, &most);
    *low = least < *low ? least : *low;
    *high = most > *high ? most : *high;
}

static struct kernel_byte byte_of_range(float low, float high)
{
    double zero;
    float scale = quant_dynamic(low, high, &zero);
    return (struct kernel_byte){.zero = (float)zero, .scale = scale};
}

struct kernel_byte exec_quant_range(const struct kernels *k, const float *x, int64_t n)
{
    float low = 0, high = 0;
    add_range(k, x, n, &low, &high);
    return byte_of_range(low, high);
}

/* Of x in its order: rows that lie apart where their pitch would else be unlucky. */
static void run_range(const struct step *s, struct tile tile)
{
    const struct dynamic_args *a = s->args;
    float low = 0, high = 0;
    ptrdiff_t offset[1];
    (void)tile;
    for (int64_t i = 0; i < nest_outer(&a->nest); i++) {
        nest_at(&a->nest, 1, i, offset);
        add_range(a->kernels, (const float *)view_data(&a->x) + offset[0], a->nest.dims[a->nest.rank - 1], &low, &high);
    }
    struct kernel_byte of = byte_of_range(low, high);
    *(float *)view_data(&a->scale) = of.scale;
    *(uint8_t *)view_data(&a->zero) = (uint8_t)of.zero;
}

static bool make_nest(struct dynamic_args *a)
{
    const struct view *views[] = {&a->x};
    nest_make(&a->nest, views, 1);
    return a->nest.dims[a->nest.rank - 1] == 1 || a->nest.stride[0][a->nest.rank - 1] == 1;
}

int exec_lower_dynamic_quantize(struct plan *p, struct node *n, struct error *err)
{
    struct dynamic_args *a = plan_alloc(p, sizeof *a, err);
    if (!a || !exec_lower_is_f32(n, 0) || !node_out(n, 0) || !node_out(n, 1) || !node_out(n, 2) ||
        view_count(plan_in(n, 0)) == 0)
        return a ? 1 : -1;
    a->kernels = p->kernels;
    a->x = *plan_in(n, 0);
    if (!make_nest(a) && (plan_in_dense(p, n, 0, ORDER_ROWS, &a->x, err) < 0 || !make_nest(a)))
        return -1;
    if (plan_out_dense(p, n, 1, &a->scale, err) < 0 || plan_out_dense(p, n, 2, &a->zero, err) < 0)
        return -1;
    if (plan_step(p, &(struct step){.node = n, .kernel = "range_f32", .run = run_range, .args = a, .units = 1}, err,
                  PLAN_VIEWS(&a->scale, &a->zero, &a->x)) < 0)
        return -1;
    return exec_quantize_by_run(p, n, &a->scale, &a->zero, err);
}
