/* DynamicQuantizeLinear: the range of all elements, then bytes by it. What makes numbers of the sums of their products
 * is done with these: Cast, Mul by one number, which is known in a run only, Add of a constant bias. */
#include <math.h>
#include <string.h>

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

/* ---- sums as numbers ---- */

struct factor_args {
    struct view of[2], all; /* the number is of[0], or the product of both; `all` gets it so many times */
    int64_t columns;
};

static void run_factor(const struct step *s, struct tile tile)
{
    const struct factor_args *a = s->args;
    float factor = *(const float *)view_data(&a->of[0]), *to = view_data(&a->all);
    (void)tile;
    if (a->of[1].buffer)
        factor *= *(const float *)view_data(&a->of[1]);
    for (int64_t i = 0; i < a->columns; i++)
        to[i] = factor;
}

static bool is_number(const struct node *n, int i)
{
    const struct value *v = node_in(n, i);
    return v && exec_lower_is_f32(n, i) && tensor_count(v->type.rank, v->type.dims) == 1 && plan_place(v)->placed;
}

/* Input i of n, where it lies already, or is the product of two that do. */
static bool find_factor(const struct node *n, int i, struct factor_args *a)
{
    const struct node *product = n->in[i]->producer;
    bool is_product = !is_number(n, i) && product && node_is(product, "Mul") && is_number(product, 0) &&
                      is_number(product, 1) && tensor_count(n->in[i]->type.rank, n->in[i]->type.dims) == 1;
    if (!is_product && !is_number(n, i))
        return false;
    a->of[0] = *plan_in(is_product ? product : n, is_product ? 0 : i);
    if (is_product)
        a->of[1] = *plan_in(product, 1);
    return true;
}

/* The node of two operands that alone uses v, of v's dims; *other: its other operand. */
static struct node *pair_user(const struct node *n, const char *op, int *other)
{
    const struct type *v = &n->out[0]->type;
    struct node *user = exec_quant_user(n);
    if (!user || !node_is(user, op) || user->out[0]->type.rank != v->rank ||
        memcmp(user->out[0]->type.dims, v->dims, sizeof *v->dims * (size_t)v->rank) != 0)
        return NULL;
    *other = user->in[0] == n->out[0];
    return user->in[*other] != n->out[0] ? user : NULL;
}

static struct node *join_factor(struct plan *p, struct node *n, struct gemm_job *job, int64_t columns,
                                struct error *err)
{
    int other;
    struct node *product = pair_user(n, "Mul", &other);
    struct factor_args *a = plan_alloc(p, sizeof *a, err);
    if (!a || !product || !find_factor(product, other, a))
        return a ? n : NULL;
    a->columns = columns;
    if (plan_scratch(p, sizeof(float) * (size_t)columns, &a->all, err) < 0)
        return NULL;
    job->multiplier_view = a->all;
    plan_place(n->out[0])->is_inside = true;
    struct step step = {.node = product, .kernel = "factor_f32", .run = run_factor, .args = a, .units = 1};
    return plan_step(p, &step, err, PLAN_WRITES(&a->all, &a->of[0], &a->of[1])) < 0 ? NULL : product;
}

/* A constant of one number for each column, which are along `axis`. */
static struct node *join_bias(struct plan *p, struct node *n, int axis, struct gemm_job *job, int64_t columns,
                              struct error *err)
{
    int other;
    bool failed = false;
    struct node *sum = pair_user(n, "Add", &other);
    const struct type *bias = sum ? &sum->in[other]->type : NULL;
    int at = bias ? axis - (n->out[0]->type.rank - bias->rank) : -1;
    if (at < 0 || bias->dims[at] != columns || tensor_count(bias->rank, bias->dims) != columns)
        return n;
    const float *shift = plan_constant_f32(p, sum, other, &failed, err);
    if (!shift)
        return failed ? NULL : n;
    job->to.shift = shift;
    plan_place(n->out[0])->is_inside = true;
    return sum;
}

struct node *exec_quant_join_numbers(struct plan *p, struct node *n, int axis, int64_t columns, struct gemm_job *job,
                                     struct error *err)
{
    struct node *cast = exec_quant_user(n);
    if (!cast || !node_is(cast, "Cast") || cast->out[0]->type.dtype != DTYPE_F32)
        return n;
    float *multiplier = plan_alloc(p, sizeof *multiplier * 2 * (size_t)columns, err);
    if (!multiplier)
        return NULL;
    float *shift = multiplier + columns;
    for (int64_t i = 0; i < columns; i++) {
        multiplier[i] = 1;
        shift[i] = -0.0f; /* changes nothing */
    }
    job->to = (struct kernel_epilogue){
        .c = KERNEL_F32, .multiplier = multiplier, .shift = shift, .rounding = {.low = -INFINITY, .high = INFINITY}};
    plan_place(n->out[0])->is_inside = true;
    struct node *product = join_factor(p, cast, job, columns, err);
    return product && product != cast ? join_bias(p, product, axis, job, columns, err) : product;
}
