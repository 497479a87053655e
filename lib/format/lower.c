/* Activations, reductions and norms as arithmetic. */
#include "format/lower.h"

#include <math.h>
#include <string.h>

#include "op/build.h"
#include "op/check.h"
#include "op/op.h"

/* Output o becomes y, under its name. */
static void give(struct build *b, int o, struct value *y)
{
    struct value *out = node_out(b->node, o);
    bool moves = out && y && !out->is_output && !y->is_input && !y->constant && out != y && out->graph == y->graph;
    build_check(b, y != NULL);
    build_give(b, o, y);
    if (!b->failed && moves)
        build_check(b, graph_hand_over_name(out, y, b->err) == 0);
}

int format_lowered(struct build *b, struct value *y)
{
    give(b, 0, y);
    return build_end(b) < 0 ? -1 : 1;
}

/* ---- types of elements ---- */

/* Types, and those that have all their numbers (of f64: that writers have instead), the better one first. */
static const enum dtype wider[][2] = {
    {DTYPE_BOOL, DTYPE_I32}, {DTYPE_I8, DTYPE_I32},  {DTYPE_I8, DTYPE_F32},  {DTYPE_U8, DTYPE_I32},
    {DTYPE_U8, DTYPE_F32},   {DTYPE_I16, DTYPE_I32}, {DTYPE_I16, DTYPE_F32}, {DTYPE_U16, DTYPE_I32},
    {DTYPE_U16, DTYPE_F32},  {DTYPE_I32, DTYPE_I64}, {DTYPE_U32, DTYPE_I64}, {DTYPE_F16, DTYPE_F32},
    {DTYPE_BF16, DTYPE_F32}, {DTYPE_F64, DTYPE_F32},
};

enum dtype format_dtype(const struct node *n)
{
    const struct value *v = node_in(n, node_is(n, "OneHot") ? 2 : node_is(n, "Where"));
    return v && v->type.kind == TYPE_TENSOR ? v->type.dtype : DTYPE_NONE;
}

/* The exponents of a power may be of a type of their own, but not for writers. */
static bool is_mixed(const struct node *n)
{
    return node_is(n, "Pow") && n->in[0]->type.dtype != n->in[1]->type.dtype;
}

bool format_takes(const struct node *n, const char *types)
{
    return op_dtype_in(types, format_dtype(n)) && !is_mixed(n);
}

#define MOST_OPERANDS 16

int format_widen(struct node *n, const char *types, struct error *err)
{
    struct build b = {.node = n, .err = err};
    struct value *in[MOST_OPERANDS] = {NULL};
    enum dtype narrow = format_dtype(n), wide = op_dtype_in(types, narrow) ? narrow : DTYPE_NONE;
    for (size_t i = 0; !wide && i < sizeof wider / sizeof *wider; i++)
        if (wider[i][0] == narrow && op_dtype_in(types, wider[i][1]))
            wide = wider[i][1];
    if (!wide || n->in_count > MOST_OPERANDS)
        return 0;
    for (int i = 0; i < n->in_count; i++) {
        enum dtype dtype = n->in[i] ? n->in[i]->type.dtype : wide;
        in[i] = dtype != wide && (dtype == narrow || is_mixed(n)) ? build_cast(&b, n->in[i], wide) : n->in[i];
    }
    struct value *first = build_attrs(&b, build_node(&b, n->op, n->in_count, in));
    for (int o = n->out_count - 1; o >= 0 && !b.failed; o--) {
        struct value *y = build_output(&b, first, o);
        if (n->out[o])
            give(&b, o, n->out[o]->type.dtype == narrow && wide != narrow ? build_cast(&b, y, narrow) : y);
    }
    return build_end(&b) < 0 ? -1 : 1;
}

static struct value *number(struct build *b, double v)
{
    return build_number(b, build_dtype(b, 0), v);
}

/* ---- elementwise ---- */

static struct value *exp_below(struct build *b, struct value *x, double divisor)
{
    struct value *low = BUILD(b, "Min", x, number(b, 0));
    low = divisor != 1 ? BUILD(b, "Div", low, number(b, divisor)) : low;
    return BUILD(b, "Sub", BUILD(b, "Exp", low), number(b, 1));
}

/* max(x, 0) + factor * (exp(min(x, 0) / divisor) - 1) */
static struct value *elu(struct build *b, struct value *x, double factor, double divisor)
{
    return BUILD(b, "Add", BUILD(b, "Relu", x), BUILD(b, "Mul", exp_below(b, x, divisor), number(b, factor)));
}

static struct value *lower_elu(struct build *b, struct value *x)
{
    return elu(b, x, (double)op_float(b->node, "alpha"), 1);
}

static struct value *lower_celu(struct build *b, struct value *x)
{
    double alpha = (double)op_float(b->node, "alpha");
    return elu(b, x, alpha, alpha);
}

static struct value *lower_selu(struct build *b, struct value *x)
{
    return BUILD(b, "Mul", lower_elu(b, x), number(b, (double)op_float(b->node, "gamma")));
}

static struct value *lower_hard_sigmoid(struct build *b, struct value *x)
{
    struct value *y = BUILD(b, "Mul", x, number(b, (double)op_float(b->node, "alpha")));
    y = BUILD(b, "Add", y, number(b, (double)op_float(b->node, "beta")));
    return BUILD(b, "Min", BUILD(b, "Max", y, number(b, 0)), number(b, 1));
}

/* max(x, 0) + log(1 + exp(-|x|)) does not overflow. */
static struct value *lower_softplus(struct build *b, struct value *x)
{
    struct value *small = BUILD(b, "Exp", BUILD(b, "Neg", BUILD(b, "Abs", x)));
    return BUILD(b, "Add", BUILD(b, "Relu", x), BUILD(b, "Log", BUILD(b, "Add", small, number(b, 1))));
}

static struct value *lower_mish(struct build *b, struct value *x)
{
    return BUILD(b, "Mul", x, BUILD(b, "Tanh", lower_softplus(b, x)));
}

/* The largest whole part of a power that is products. */
#define MOST_POWER 64

bool format_is_product(const struct node *n)
{
    const struct tensor *t = node_is(n, "Pow") ? n->in[1]->constant : NULL;
    double power = t && t->count == 1 && t->rank <= n->in[0]->type.rank ? tensor_get_f64(t, 0) : 0;
    return power > 2 && power <= MOST_POWER && power == floor(power);
}

static struct value *lower_power(struct build *b, struct value *x)
{
    if (!format_is_product(b->node))
        return NULL;
    struct value *square = BUILD(b, "Mul", x, x), *y = square;
    int power = (int)tensor_get_f64(b->node->in[1]->constant, 0);
    for (int i = 2; i <= power - 2; i += 2)
        y = BUILD(b, "Mul", y, square);
    return power % 2 ? BUILD(b, "Mul", y, x) : y;
}

static struct value *lower_softsign(struct build *b, struct value *x)
{
    return BUILD(b, "Div", x, BUILD(b, "Add", BUILD(b, "Abs", x), number(b, 1)));
}

static struct value *lower_swish(struct build *b, struct value *x)
{
    float alpha = op_float(b->node, "alpha");
    struct value *y = alpha != 1 ? BUILD(b, "Mul", x, number(b, (double)alpha)) : x;
    return BUILD(b, "Mul", x, BUILD(b, "Sigmoid", y));
}

static struct value *lower_thresholded(struct build *b, struct value *x)
{
    struct value *above = BUILD(b, "Greater", x, number(b, (double)op_float(b->node, "alpha")));
    return BUILD(b, "Where", above, x, number(b, 0));
}

static struct value *lower_shrink(struct build *b, struct value *x)
{
    if (!op_dtype_in("float,sint", format_dtype(b->node)))
        return NULL; /* there is nothing below -lambd */
    struct value *most = number(b, (double)op_float(b->node, "lambd"));
    struct value *bias = number(b, (double)op_float(b->node, "bias")), *zero = number(b, 0);
    struct value *low = BUILD(b, "Where", BUILD(b, "Less", x, BUILD(b, "Neg", most)), BUILD(b, "Add", x, bias), zero);
    return BUILD(b, "Where", BUILD(b, "Greater", x, most), BUILD(b, "Sub", x, bias), low);
}

/* gelu(z) + gelu(-z) is z erf(z / sqrt(2)). */
static struct value *lower_erf(struct build *b, struct value *x)
{
    struct value *z = BUILD(b, "Mul", x, number(b, M_SQRT2)), *zero = number(b, 0);
    struct value *sum = BUILD(b, "Add", BUILD(b, "Gelu", z), BUILD(b, "Gelu", BUILD(b, "Neg", z)));
    return BUILD(b, "Div", sum, BUILD(b, "Where", BUILD(b, "Equal", z, zero), number(b, 1), z));
}

static struct value *lower_reciprocal(struct build *b, struct value *x)
{
    return BUILD(b, "Div", number(b, 1), x);
}

static struct value *lower_tan(struct build *b, struct value *x)
{
    return BUILD(b, "Div", BUILD(b, "Sin", x), BUILD(b, "Cos", x));
}

static struct value *half_of(struct build *b, struct value *x, const char *op)
{
    struct value *sum = BUILD(b, op, BUILD(b, "Exp", x), BUILD(b, "Exp", BUILD(b, "Neg", x)));
    return BUILD(b, "Mul", sum, number(b, 0.5));
}

static struct value *lower_sinh(struct build *b, struct value *x)
{
    return half_of(b, x, "Sub");
}

static struct value *lower_cosh(struct build *b, struct value *x)
{
    return half_of(b, x, "Add");
}

static struct value *lower_is_nan(struct build *b, struct value *x)
{
    return BUILD(b, "Not", BUILD(b, "Equal", x, x));
}

static struct value *lower_is_inf(struct build *b, struct value *x)
{
    bool up = op_int(b->node, "detect_positive") != 0, down = op_int(b->node, "detect_negative") != 0;
    struct value *y = up && down ? BUILD(b, "Abs", x) : down ? BUILD(b, "Neg", x) : x;
    return BUILD(b, "Equal", y, number(b, (double)INFINITY));
}

/* To even halves: between 2^23 and 2^24 floats are whole numbers, to which sums are rounded. */
static struct value *lower_round(struct build *b, struct value *x)
{
    struct value *size = BUILD(b, "Abs", x), *whole = number(b, 1 << 23);
    struct value *y = BUILD(b, "Sub", BUILD(b, "Add", size, whole), whole);
    return BUILD(b, "Where", BUILD(b, "Less", size, whole), BUILD(b, "Mul", y, BUILD(b, "Sign", x)), x);
}

static struct value *lower_xor(struct build *b, struct value *x)
{
    return BUILD(b, "Not", BUILD(b, "Equal", x, node_in(b->node, 1)));
}

/* Of any number of operands: two at a time. */
static struct value *lower_chain(struct build *b, struct value *x)
{
    const struct node *n = b->node;
    const char *op = node_is(n, "Sum") || node_is(n, "Mean") ? "Add" : n->op;
    struct value *y = x;
    for (int i = 1; i < n->in_count; i++)
        y = BUILD(b, op, y, node_in(n, i));
    if (node_is(n, "Mean") && n->in_count > 1)
        y = BUILD(b, "Mul", y, number(b, 1.0 / n->in_count));
    return y == x ? BUILD(b, "Identity", y) : y;
}

/* ---- reductions ---- */

static struct value *reduced(struct build *b, const char *op, struct value *x, bool keep)
{
    bool may_stay = op_int(b->node, "noop_with_empty_axes") != 0;
    if (may_stay && !node_in(b->node, 1))
        return x;
    struct value *y = BUILD(b, op, x, node_in(b->node, 1));
    y = may_stay ? build_int(b, y, "noop_with_empty_axes", 1) : y;
    return keep ? y : build_int(b, y, "keepdims", 0);
}

static struct value *lower_norm(struct build *b, struct value *x)
{
    const struct node *n = b->node;
    struct value *y;
    bool keep = op_int(n, "keepdims") != 0, is_square = node_is(n, "ReduceL2") || node_is(n, "ReduceSumSquare");
    if (node_is(n, "ReduceLogSumExp")) {
        struct value *most = reduced(b, "ReduceMax", x, true);
        y = reduced(b, "ReduceSum", BUILD(b, "Exp", BUILD(b, "Sub", x, most)), keep);
        return BUILD(b, "Add", BUILD(b, "Log", y), reduced(b, "ReduceMax", x, keep));
    }
    x = is_square ? BUILD(b, "Mul", x, x) : node_is(n, "ReduceL1") ? BUILD(b, "Abs", x) : x;
    y = reduced(b, "ReduceSum", x, keep);
    y = node_is(n, "ReduceL2") ? BUILD(b, "Sqrt", y) : node_is(n, "ReduceLogSum") ? BUILD(b, "Log", y) : y;
    return y;
}

/* ---- norms ---- */

static struct value *mean(struct build *b, struct value *x, int count, const int64_t *axes)
{
    return BUILD(b, "ReduceMean", x, build_list(b, count, axes));
}

/* x - mean, and the variance. */
static struct value *centred(struct build *b, struct value *x, int count, const int64_t *axes, struct value **variance)
{
    struct value *rest = BUILD(b, "Sub", x, mean(b, x, count, axes));
    *variance = mean(b, BUILD(b, "Mul", rest, rest), count, axes);
    return rest;
}

/* (x - mean) / sqrt(variance + epsilon) */
static struct value *normalised(struct build *b, struct value *x, int count, const int64_t *axes, double epsilon)
{
    struct value *variance, *rest = centred(b, x, count, axes, &variance);
    return BUILD(b, "Div", rest, BUILD(b, "Sqrt", BUILD(b, "Add", variance, number(b, epsilon))));
}

/* y * scale + bias, which are of one axis, that of channels in a value of `rank` axes. */
static struct value *scaled(struct build *b, struct value *y, int scale, int bias, int rank)
{
    int64_t dims[TENSOR_MAX_RANK];
    for (int i = 0; i < rank - 1; i++)
        dims[i] = i ? 1 : -1;
    y = BUILD(b, "Mul", y, build_reshape(b, node_in(b->node, scale), rank - 1, dims));
    return BUILD(b, "Add", y, build_reshape(b, node_in(b->node, bias), rank - 1, dims));
}

static int axes_from(int first, int rank, int64_t *axes)
{
    for (int i = first; i < rank; i++)
        axes[i - first] = i;
    return rank - first;
}

/* x * a + (bias - mean * a), a = scale / sqrt(variance + epsilon), which are constants where their parts are. */
static struct value *lower_batch_norm(struct build *b, struct value *x)
{
    const struct node *n = b->node;
    const struct tensor *t[5] = {NULL};
    int rank = x->type.rank;
    for (int i = 1; i < 5; i++)
        t[i] = node_in(n, i) ? n->in[i]->constant : NULL;
    if (rank < 2 || op_int(n, "training_mode") || !t[1] || !t[2] || !t[3] || !t[4])
        return NULL;
    int64_t dims[TENSOR_MAX_RANK] = {t[1]->count};
    for (int i = 1; i < rank - 1; i++)
        dims[i] = 1;
    struct tensor *factor = tensor_new(DTYPE_F32, rank - 1, dims, b->err),
                  *shift = tensor_new(DTYPE_F32, rank - 1, dims, b->err);
    for (int64_t i = 0; factor && shift && i < t[1]->count; i++) {
        double a = tensor_get_f64(t[1], i) / sqrt(tensor_get_f64(t[4], i) + (double)op_float(n, "epsilon"));
        tensor_set_f64(factor, i, a);
        tensor_set_f64(shift, i, tensor_get_f64(t[2], i) - tensor_get_f64(t[3], i) * a);
    }
    struct value *y = BUILD(b, "Mul", x, build_constant(b, NULL, factor));
    return BUILD(b, "Add", y, build_constant(b, NULL, shift));
}

static struct value *lower_instance_norm(struct build *b, struct value *x)
{
    const struct node *n = b->node;
    int64_t axes[TENSOR_MAX_RANK];
    int rank = build_rank(b, 0), count = axes_from(2, rank, axes);
    struct value *y = normalised(b, x, count, axes, (double)op_float(n, "epsilon"));
    return scaled(b, y, 1, 2, rank);
}

static struct value *lower_mean_variance(struct build *b, struct value *x)
{
    const struct node *n = b->node;
    static const int64_t usual[] = {0, 2, 3};
    int count;
    const int64_t *axes = op_ints(n, "axes", &count);
    struct value *variance, *rest = centred(b, x, axes ? count : 3, axes ? axes : usual, &variance);
    struct value *deviation = BUILD(b, "Add", BUILD(b, "Sqrt", variance), number(b, 1e-9));
    return BUILD(b, "Div", rest, deviation);
}

static struct value *lower_group_norm(struct build *b, struct value *x)
{
    const struct node *n = b->node;
    int64_t groups = op_int(n, "num_groups"), axes[] = {2};
    int rank = build_rank(b, 0);
    struct value *y = build_reshape(b, x, 3, (int64_t[]){0, groups, -1});
    y = normalised(b, y, 1, axes, (double)op_float(n, "epsilon"));
    y = BUILD(b, "Reshape", y, BUILD(b, "Shape", x));
    return scaled(b, y, 1, 2, rank);
}

static int from_axis(const struct node *n, int rank, int64_t *axes)
{
    int64_t axis = op_int(n, "axis");
    return axes_from((int)(axis < 0 ? axis + rank : axis), rank, axes);
}

static struct value *lower_layer_norm(struct build *b, struct value *x)
{
    const struct node *n = b->node;
    int64_t axes[TENSOR_MAX_RANK];
    int rank = build_rank(b, 0);
    if (n->out_count > 1)
        return NULL;
    struct value *y = normalised(b, x, from_axis(n, rank, axes), axes, (double)op_float(n, "epsilon"));
    y = BUILD(b, "Mul", y, node_in(n, 1));
    return build_add(b, y, node_in(n, 2));
}

static struct value *lower_rms_norm(struct build *b, struct value *x)
{
    const struct node *n = b->node;
    int64_t axes[TENSOR_MAX_RANK];
    int rank = build_rank(b, 0), count = from_axis(n, rank, axes);
    struct value *square = mean(b, BUILD(b, "Mul", x, x), count, axes);
    square = BUILD(b, "Add", square, number(b, (double)op_float(n, "epsilon")));
    struct value *y = BUILD(b, "Div", x, BUILD(b, "Sqrt", square));
    return BUILD(b, "Mul", y, node_in(n, 1));
}

static struct value *lower_lp_norm(struct build *b, struct value *x)
{
    const struct node *n = b->node;
    struct value *axes = BUILD_LIST(b, op_int(n, "axis"));
    bool is_square = op_int(n, "p") == 2;
    struct value *sum = BUILD(b, "ReduceSum", is_square ? BUILD(b, "Mul", x, x) : BUILD(b, "Abs", x), axes);
    return BUILD(b, "Div", x, is_square ? BUILD(b, "Sqrt", sum) : sum);
}

/* ---- elements by their indices ---- */

/* Offsets that become a constant. */
#define MOST_OFFSETS (1 << 22)

/* Where the elements of a row-major value of dims x begin that stand at the same places of the other axes: i64 of dims
 * `at`; NULL where these are not known, or too many. */
static struct tensor *row_offsets(struct build *b, const struct type *x, const struct type *at, int axis)
{
    int64_t count = 1;
    for (int i = 0; i < at->rank; i++)
        if (at->dims[i] < 1 || x->dims[i] < 1 || (count *= at->dims[i]) > MOST_OFFSETS)
            return NULL;
    struct tensor *t = tensor_new(DTYPE_I64, at->rank, at->dims, b->err);
    build_check(b, t != NULL);
    for (int64_t e = 0; t && e < count; e++) {
        int64_t rest = e, step = 1, offset = 0;
        for (int i = at->rank - 1; i >= 0; i--) {
            offset += i == axis ? 0 : rest % at->dims[i] * step;
            rest /= at->dims[i];
            step *= x->dims[i];
        }
        tensor_set_i64(t, e, offset);
    }
    return t;
}

/* Of all elements in one row. Indices from the end count from the beginning first. */
static struct value *lower_gather_elements(struct build *b, struct value *x)
{
    const struct type *type = &x->type;
    struct value *at = node_in(b->node, 1);
    int axis = build_axis(b, op_int(b->node, "axis"), type->rank);
    struct tensor *offsets = at->type.rank == type->rank ? row_offsets(b, type, &at->type, axis) : NULL;
    if (!offsets)
        return NULL;
    int64_t step = 1;
    for (int i = axis + 1; i < type->rank; i++)
        step *= type->dims[i];
    at = build_cast(b, at, DTYPE_I64);
    struct value *from_end = BUILD(b, "Less", at, build_number(b, DTYPE_I64, 0));
    struct value *turned = BUILD(b, "Add", at, build_number(b, DTYPE_I64, (double)type->dims[axis]));
    at = BUILD(b, "Mul", BUILD(b, "Where", from_end, turned, at), build_number(b, DTYPE_I64, (double)step));
    at = BUILD(b, "Add", at, build_constant(b, NULL, offsets));
    return BUILD(b, "Gather", build_reshape(b, x, 1, (int64_t[]){-1}), at);
}

/* ---- the whole ---- */

/* What is made of the node that is built before, of its operand x; NULL without a failure: it stays. */
static const struct {
    const char *op;
    struct value *(*lower)(struct build *b, struct value *x);
} rows[] = {
    {"Attention", format_lower_attention},
    {"BatchNormalization", lower_batch_norm},
    {"Celu", lower_celu},
    {"Cosh", lower_cosh},
    {"Elu", lower_elu},
    {"Erf", lower_erf},
    {"GatherElements", lower_gather_elements},
    {"GroupNormalization", lower_group_norm},
    {"HardSigmoid", lower_hard_sigmoid},
    {"InstanceNormalization", lower_instance_norm},
    {"IsInf", lower_is_inf},
    {"IsNaN", lower_is_nan},
    {"LayerNormalization", lower_layer_norm},
    {"LpNormalization", lower_lp_norm},
    {"Max", lower_chain},
    {"Mean", lower_chain},
    {"MeanVarianceNormalization", lower_mean_variance},
    {"Min", lower_chain},
    {"Mish", lower_mish},
    {"Pow", lower_power},
    {"RMSNormalization", lower_rms_norm},
    {"Reciprocal", lower_reciprocal},
    {"ReduceL1", lower_norm},
    {"ReduceL2", lower_norm},
    {"ReduceLogSum", lower_norm},
    {"ReduceLogSumExp", lower_norm},
    {"ReduceSumSquare", lower_norm},
    {"Round", lower_round},
    {"Selu", lower_selu},
    {"Shrink", lower_shrink},
    {"Sinh", lower_sinh},
    {"Softplus", lower_softplus},
    {"Softsign", lower_softsign},
    {"Sum", lower_chain},
    {"Swish", lower_swish},
    {"Tan", lower_tan},
    {"ThresholdedRelu", lower_thresholded},
    {"Xor", lower_xor},
};

int format_lower(struct node *n, struct error *err)
{
    struct build b = {.node = n, .err = err};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (node_is(n, rows[i].op)) {
            struct value *y = rows[i].lower(&b, node_in(n, 0));
            return y || b.failed ? format_lowered(&b, y) : 0;
        }
    return 0;
}

int format_lower_unless(struct node *n, const char *types, struct error *err)
{
    bool is_chain = (node_is(n, "Max") || node_is(n, "Min")) && n->in_count != 2;
    if (types && !is_chain)
        return format_takes(n, types) ? 0 : format_widen(n, types, err);
    return n->def && !n->def->expand && node_in(n, 0) && n->in[0]->type.rank >= 0 ? format_lower(n, err) : 0;
}

int format_lower_all(struct graph *g, int (*lower)(struct node *n, struct error *err), struct error *err)
{
    int made = 0;
    for (struct node *n = g->first, *next; n; n = next) {
        next = n->next;
        int status = lower(n, err);
        if (status < 0)
            return -1;
        if (status > 0)
            graph_remove_node(n);
        made += status;
    }
    return made;
}
