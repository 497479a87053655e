/* Activations: the table that ONNX's operators and the fused nodes share. */
#include <math.h>
#include <string.h>

#include "op/elementwise.h"
#include "op/fused.h"
#include "op/real.h"
#include "op/util.h"

#define UNUSED __attribute__((unused))

static double relu(double x, UNUSED double a, UNUSED double b)
{
    return x < 0 ? 0 : x; /* a NaN stays */
}

static double clip(double x, double low, double high)
{
    x = x < low ? low : x;
    return x > high ? high : x;
}

static double leaky_relu(double x, double alpha, UNUSED double b)
{
    return x < 0 ? alpha * x : x;
}

static double elu(double x, double alpha, UNUSED double b)
{
    return x < 0 ? alpha * expm1(x) : x;
}

static double selu(double x, double alpha, double gamma)
{
    return gamma * (x < 0 ? alpha * expm1(x) : x);
}

static double celu(double x, double alpha, UNUSED double b)
{
    double low = alpha * expm1(x / alpha);
    return (x < 0 ? 0 : x) + (low > 0 ? 0 : low);
}

static double thresholded_relu(double x, double alpha, UNUSED double b)
{
    return x <= alpha ? 0 : x;
}

static double hard_sigmoid(double x, double alpha, double beta)
{
    return clip(alpha * x + beta, 0, 1);
}

static double hard_swish(double x, UNUSED double a, UNUSED double b)
{
    return x * clip(x / 6 + 0.5, 0, 1);
}

static double sigmoid(double x, UNUSED double a, UNUSED double b)
{
    return 1 / (1 + exp(-x));
}

static double hyperbolic_tangent(double x, UNUSED double a, UNUSED double b)
{
    return tanh(x);
}

static double softplus(double x, UNUSED double a, UNUSED double b)
{
    return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x));
}

static double softsign(double x, UNUSED double a, UNUSED double b)
{
    return x / (1 + fabs(x));
}

static double swish(double x, double alpha, UNUSED double b)
{
    return x / (1 + exp(-alpha * x));
}

static double gelu(double x, UNUSED double a, UNUSED double b)
{
    return 0.5 * x * (1 + erf(x * M_SQRT1_2));
}

static double gelu_tanh(double x, UNUSED double a, UNUSED double b)
{
    return 0.5 * x * (1 + tanh(M_SQRT2 * M_2_SQRTPI / 2 * (x + 0.044715 * x * x * x)));
}

static double mish(double x, double a, double b)
{
    return x * tanh(softplus(x, a, b));
}

static double shrink(double x, double lambd, double bias)
{
    return x < -lambd ? x + bias : x > lambd ? x - bias : isnan(x) ? x : 0;
}

static const struct fused_activation table[] = {
    {"Relu", "Relu", NULL, NULL, relu},
    {"Clip", "Clip", NULL, NULL, clip},
    {"LeakyRelu", "LeakyRelu", "alpha", NULL, leaky_relu},
    {"Elu", "Elu", "alpha", NULL, elu},
    {"Selu", "Selu", "alpha", "gamma", selu},
    {"Celu", "Celu", "alpha", NULL, celu},
    {"ThresholdedRelu", "ThresholdedRelu", "alpha", NULL, thresholded_relu},
    {"HardSigmoid", "HardSigmoid", "alpha", "beta", hard_sigmoid},
    {"HardSwish", "HardSwish", NULL, NULL, hard_swish},
    {"Sigmoid", "Sigmoid", NULL, NULL, sigmoid},
    {"Tanh", "Tanh", NULL, NULL, hyperbolic_tangent},
    {"Softplus", "Softplus", NULL, NULL, softplus},
    {"Softsign", "Softsign", NULL, NULL, softsign},
    {"Swish", "Swish", "alpha", NULL, swish},
    {"Gelu", "Gelu", NULL, NULL, gelu},
    {"GeluTanh", "Gelu", NULL, NULL, gelu_tanh},
    {"Mish", "Mish", NULL, NULL, mish},
    {"Shrink", "Shrink", "lambd", "bias", shrink},
};
#define TABLE_COUNT (sizeof(table) / sizeof(table[0]))

const struct fused_activation *fused_activations(size_t *count)
{
    *count = TABLE_COUNT;
    return table;
}

const struct fused_activation *fused_activation_find(const char *name)
{
    for (size_t i = 0; i < TABLE_COUNT; i++)
        if (strcmp(table[i].name, name) == 0)
            return &table[i];
    return NULL;
}

/* One bound of Clip: true when it is a known number, or absent. */
static bool clip_bound(const struct node *n, int i, float absent, float *bound)
{
    const struct value *v = node_in(n, i);
    *bound = absent;
    if (!v)
        return true;
    if (!v->constant || v->is_input || v->constant->count != 1 || !op_is_float(v->constant->dtype))
        return false;
    *bound = (float)tensor_get_f64(v->constant, 0);
    return true;
}

const struct fused_activation *fused_activation_of(const struct node *n, float *alpha, float *beta)
{
    *alpha = *beta = 0;
    if (n->domain[0] || !n->def)
        return NULL;
    bool approximate = strcmp(n->op, "Gelu") == 0 && strcmp(op_string(n, "approximate"), "tanh") == 0;
    const struct fused_activation *a = fused_activation_find(approximate ? "GeluTanh" : n->op);
    if (!a)
        return NULL;
    if (strcmp(a->op, "Clip") == 0)
        return clip_bound(n, 1, -INFINITY, alpha) && clip_bound(n, 2, INFINITY, beta) ? a : NULL;
    if (a->alpha)
        *alpha = op_float(n, a->alpha);
    if (a->beta)
        *beta = op_float(n, a->beta);
    return a;
}

static int add_bound(struct node *n, int i, float bound, enum dtype dtype, struct error *err)
{
    struct tensor *scalar = isinf(bound) ? NULL : tensor_scalar_f32(bound, err), *cast = NULL;
    struct value *v = NULL;
    if (!isinf(bound)) {
        cast = scalar ? tensor_cast(scalar, dtype, true, err) : NULL;
        tensor_unref(scalar);
        v = cast ? graph_add_constant(n->graph, NULL, cast, err) : NULL;
        if (!v)
            return -1;
    }
    return node_set_input(n, i, v, err);
}

struct node *fused_activation_node(const struct fused_activation *a, float alpha, float beta, struct value *x,
                                   struct node *before, struct error *err)
{
    struct node *n = graph_add_node(before->graph, "", a->op, before, err);
    enum dtype dtype = x->type.kind == TYPE_TENSOR && x->type.dtype != DTYPE_NONE ? x->type.dtype : DTYPE_F32;
    if (!n || node_add_input(n, x, err))
        return NULL;
    n->def = op_find("", a->op);
    if (strcmp(a->op, "Clip") == 0 && (add_bound(n, 1, alpha, dtype, err) || add_bound(n, 2, beta, dtype, err)))
        return NULL;
    if ((a->alpha && node_set_float(n, a->alpha, alpha, err)) || (a->beta && node_set_float(n, a->beta, beta, err)) ||
        (strcmp(a->name, "GeluTanh") == 0 && node_set_string(n, "approximate", "tanh", 4, err)))
        return NULL;
    return n;
}

int fused_set_activation(struct node *n, const struct fused_activation *a, float alpha, float beta, struct error *err)
{
    if (node_set_string(n, "activation", a->name, strlen(a->name), err) ||
        node_set_float(n, "activation_alpha", alpha, err))
        return -1;
    return node_set_float(n, "activation_beta", beta, err);
}

/* ---- ONNX's operators ---- */

struct parameters {
    double (*apply)(double x, double alpha, double beta);
    double alpha, beta;
};

static union cell apply_real(const union cell *x, const void *arg)
{
    const struct parameters *p = arg;
    return (union cell){.r = p->apply(x->r, p->alpha, p->beta)};
}

static union cell relu_int(const union cell *x, const void *arg)
{
    (void)arg;
    return (union cell){.i = x->i < 0 ? 0 : x->i};
}

/* Shrink of integers: as of floats, then towards zero. */
static union cell apply_to_int(const union cell *x, const void *arg)
{
    const struct parameters *p = arg;
    double y = p->apply((double)x->i, p->alpha, p->beta);
    return (union cell){.i = y >= 0x1p63 ? INT64_MAX : y < -0x1p63 || isnan(y) ? INT64_MIN : (int64_t)y};
}

static union cell apply_to_uint(const union cell *x, const void *arg)
{
    const struct parameters *p = arg;
    double y = p->apply((double)x->u, p->alpha, p->beta);
    return (union cell){.u = y >= 0x1p64 ? UINT64_MAX
                             : y > 0     ? (uint64_t)y
                                         : (uint64_t)(y < -0x1p63 || isnan(y) ? INT64_MIN : (int64_t)y)};
}

static int check_words(const struct op_eval *c, struct error *err)
{
    if (strcmp(c->node->op, "Gelu") != 0)
        return 0;
    const char *word = op_string(c->node, "approximate");
    if (strcmp(word, "none") != 0 && strcmp(word, "tanh") != 0)
        return eval_error(c, err, "attribute approximate: '%.40s', want none or tanh", word);
    return 0;
}

int eval_activation(struct op_eval *c, struct error *err)
{
    enum dtype dtype = eval_in(c, 0)->dtype;
    float alpha, beta;
    if (check_words(c, err))
        return -1;
    const struct fused_activation *a = fused_activation_of(c->node, &alpha, &beta);
    if (!a)
        return eval_error(c, err, "operator %s is no activation", c->node->op);
    struct parameters p = {a->apply, (double)alpha, (double)beta};
    cell_fn *f = op_is_float(dtype)  ? apply_real
                 : a->apply == relu  ? relu_int
                 : op_is_uint(dtype) ? apply_to_uint
                                     : apply_to_int;
    return elementwise(c, 0, 1, dtype, f, &p, err);
}

static union cell prelu_real(const union cell *x, const void *arg)
{
    (void)arg;
    return (union cell){.r = x[0].r < 0 ? x[0].r * x[1].r : x[0].r};
}

static union cell prelu_int(const union cell *x, const void *arg)
{
    (void)arg;
    return (union cell){.u = x[0].i < 0 ? x[0].u * x[1].u : x[0].u};
}

static union cell prelu_uint(const union cell *x, const void *arg)
{
    (void)arg;
    return x[0];
}

/* The slope must broadcast to X, not the other way about; sizes below 0 are not known. */
static bool fits_into(int rank, const int64_t *dims, int into_rank, const int64_t *into)
{
    for (int i = 1; i <= rank && i <= into_rank; i++) {
        int64_t a = dims[rank - i], b = into[into_rank - i];
        if (a != 1 && a != b && a >= 0 && b >= 0)
            return false;
    }
    return rank <= into_rank;
}

int infer_prelu(struct op_infer *c, struct error *err)
{
    const struct type *x = real_type(c, 0), *slope = real_type(c, 1);
    if (x->rank >= 0 && slope->rank >= 0 && !fits_into(slope->rank, slope->dims, x->rank, x->dims))
        return infer_error(c, err, "input slope cannot be broadcast to X");
    return real_infer_same(c, 0, 0, err);
}

int eval_prelu(struct op_eval *c, struct error *err)
{
    const struct tensor *x = eval_in(c, 0), *slope = eval_in(c, 1);
    char a[200], b[200];
    if (!fits_into(slope->rank, slope->dims, x->rank, x->dims))
        return eval_error(c, err, "input slope (%s) cannot be broadcast to X (%s)",
                          op_dims_text(slope->rank, slope->dims, a, sizeof(a)),
                          op_dims_text(x->rank, x->dims, b, sizeof(b)));
    cell_fn *f = op_is_float(x->dtype) ? prelu_real : op_is_uint(x->dtype) ? prelu_uint : prelu_int;
    return elementwise(c, 0, 2, x->dtype, f, NULL, err);
}
