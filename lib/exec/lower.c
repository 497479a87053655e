#include "exec/lower.h"

#include <string.h>

#include "base/packed.h"
#include "op/fused.h"

static const struct exec_way *const ways[] = {
#define LOWER(domain, op, fn)   &(const struct exec_way){.lower = fn},
#define CHOICE(domain, op, way) &exec_way_##way,
#include "exec/lower.def"
#undef CHOICE
#undef LOWER
};

struct lowering {
    const char *domain, *op;
    const struct exec_way *way;
};
#include "exec/lower.inc"
PACKED_TABLE(lowerings, struct lowering, 2, ways);

const struct exec_way *exec_lower_find(const struct kernels *k, const struct node *n)
{
    const struct exec_way *best = NULL;
    double least = 0;
    const struct lowering *l = packed_row(&lowerings, 0);
    for (const struct lowering *end = l + lowerings.count; l < end; l++) {
        if (strcmp(l->op, n->op) != 0 || strcmp(l->domain, n->domain) != 0)
            continue;
        double cost = l->way->cost ? l->way->cost(k, n) : 0;
        if (cost >= 0 && (!best || cost < least)) {
            best = l->way;
            least = cost;
        }
    }
    return best;
}

bool exec_lower_is_f32(const struct node *n, int i)
{
    return node_in(n, i) && n->in[i]->type.dtype == DTYPE_F32;
}

bool exec_lower_is_weight(const struct node *n, int i)
{
    enum dtype dtype = plan_is_constant(n, i) ? n->in[i]->constant->dtype : DTYPE_NONE;
    return dtype == DTYPE_F32 || dtype == DTYPE_F16 || dtype == DTYPE_BF16;
}

int exec_lower_window(const struct node *n, const int64_t *kernel, struct window *w, struct error *err)
{
    int spatial = n->in[0]->type.rank - 2;
    if (spatial < 1 || spatial > VIEW_SPATIAL)
        return 1;
    if (window_read(w, n, spatial, kernel, err) < 0 || window_resolve(w, n->in[0]->type.dims + 2, err) < 0)
        return -1;
    return exec_lower_window_is_near(w) ? 0 : 1;
}

/* Far beyond every window in use; its product with an offset inside the largest tensor fits an int64_t. */
#define WINDOW_NEAR ((int64_t)1 << 24)

bool exec_lower_window_is_near(const struct window *w)
{
    for (int i = 0; i < w->rank; i++)
        if (w->stride[i] > WINDOW_NEAR || w->dilation[i] > WINDOW_NEAR || window_extent(w, i) > WINDOW_NEAR ||
            w->begin[i] > WINDOW_NEAR || w->end[i] > WINDOW_NEAR || w->in[i] > INT32_MAX || w->out[i] > INT32_MAX)
            return false;
    return true;
}

/* A border may make a small value large, or a large one so many times larger. */
#define BORDER_SMALL  ((int64_t)1 << 20)
#define BORDER_GROWTH 16

bool exec_lower_border(const struct type *x, const int64_t (*reach)[2], int (*border)[2])
{
    int64_t dims[TENSOR_MAX_RANK];
    memcpy(dims, x->dims, sizeof dims);
    memset(border, 0, sizeof(int) * VIEW_SPATIAL * 2);
    for (int i = 0; i < x->rank - 2; i++)
        for (int j = 0; j < 2; j++) {
            if (reach[i][j] > WINDOW_NEAR)
                return false;
            border[i][j] = reach[i][j] > 0 ? (int)reach[i][j] : 0;
            dims[2 + i] += border[i][j];
        }
    int64_t with = tensor_count(x->rank, dims), without = tensor_count(x->rank, x->dims);
    return with >= 0 && (with <= BORDER_SMALL || with / BORDER_GROWTH <= without);
}

int exec_lower_bias(struct plan *p, struct node *n, int i, struct gemm_job *job, struct error *err)
{
    bool failed = false;
    if (!node_in(n, i))
        return 0;
    job->to.bias = plan_constant_f32(p, n, i, &failed, err);
    if (failed || job->to.bias)
        return failed ? -1 : 0;
    return plan_in_dense(p, n, i, ORDER_ROWS, &job->bias_view, err);
}

/* ---- activations ---- */

/* What the kernels have: activations by the name that fused nodes use (lib/op/fused.h), and operators that are only
 * ever nodes of their own. */
static const struct {
    const char *name;
    enum kernel_act_kind kind;
} activations[] = {
    {"Relu", KERNEL_RELU},
    {"Clip", KERNEL_CLIP},
    {"LeakyRelu", KERNEL_LEAKY_RELU},
    {"HardSigmoid", KERNEL_HARD_SIGMOID},
    {"HardSwish", KERNEL_HARD_SWISH},
    {"Sigmoid", KERNEL_SIGMOID},
    {"Tanh", KERNEL_TANH},
    {"Swish", KERNEL_SILU},
    {"Gelu", KERNEL_GELU},
    {"GeluTanh", KERNEL_GELU_TANH},
    {"Elu", KERNEL_ELU},
    {"Selu", KERNEL_SELU},
    {"Celu", KERNEL_CELU},
    {"Softplus", KERNEL_SOFTPLUS},
    {"Softsign", KERNEL_SOFTSIGN},
    {"Mish", KERNEL_MISH},
    {"ThresholdedRelu", KERNEL_THRESHOLDED_RELU},
    {"Erf", KERNEL_ERF},
    {"Exp", KERNEL_EXP},
    {"Log", KERNEL_LOG},
    {"Sqrt", KERNEL_SQRT},
    {"Reciprocal", KERNEL_RECIPROCAL},
    {"Abs", KERNEL_ABS},
    {"Neg", KERNEL_NEG},
    {"Floor", KERNEL_FLOOR},
    {"Ceil", KERNEL_CEIL},
    {"Round", KERNEL_ROUND},
    {"Sign", KERNEL_SIGN},
    {"Sin", KERNEL_SIN},
    {"Cos", KERNEL_COS},
};

static bool find_activation(const char *name, enum kernel_act_kind *kind)
{
    for (size_t i = 0; i != sizeof activations / sizeof *activations; i++)
        if (strcmp(activations[i].name, name) == 0) {
            *kind = activations[i].kind;
            return true;
        }
    return false;
}

bool plan_unary(const struct node *n, struct kernel_act *act)
{
    *act = (struct kernel_act){KERNEL_NONE, 0, 0};
    const struct fused_activation *fused = fused_activation_of(n, &act->a, &act->b);
    if (fused)
        return find_activation(fused->name, &act->kind);
    return n->in_count == 1 && find_activation(n->op, &act->kind);
}

bool plan_activation(const struct node *n, struct kernel_act *act)
{
    *act = (struct kernel_act){KERNEL_NONE, 0, 0};
    if (strcmp(n->domain, "nn") != 0)
        return true;
    const char *name = op_string(n, "activation");
    act->a = op_float(n, "activation_alpha");
    act->b = op_float(n, "activation_beta");
    return !*name || find_activation(name, &act->kind);
}

enum order exec_lower_order(const struct node *n)
{
    const struct type *out = &n->out[0]->type;
    for (int i = 0; i < n->in_count; i++) {
        const struct value *in = n->in[i]; /* NULL: absent */
        if (in && !in->constant && in->type.rank == out->rank &&
            memcmp(in->type.dims, out->dims, sizeof *out->dims * (size_t)out->rank) == 0)
            return view_order(plan_in(n, i));
    }
    return ORDER_ROWS;
}
