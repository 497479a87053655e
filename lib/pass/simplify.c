/* Nodes replaced by cheaper or commoner ones that mean the same. */
#include <string.h>

#include "op/util.h"
#include "pass/match.h"

/* ---- Gather of evenly spaced indices → Slice ---- */

#define MAX_INDICES 4096

static bool is_even(const int64_t *index, int n, int64_t size, int64_t *step)
{
    *step = n > 1 ? index[1] - index[0] : 1;
    for (int i = 0; i < n; i++)
        if (index[i] < 0 || index[i] >= size || (i && index[i] - index[i - 1] != *step))
            return false;
    return n > 0 && *step > 0;
}

static int slice_gather(struct node *n, struct error *err)
{
    const struct tensor *t = pass_constant(n->in[1]);
    const struct type *data = pass_type(n->in[0]);
    int64_t index[MAX_INDICES], axis = op_int(n, "axis"), step;
    if (!t || !data || t->rank != 1 || t->count > MAX_INDICES)
        return 0;
    axis += axis < 0 ? data->rank : 0;
    if (axis < 0 || axis >= data->rank || data->dims[axis] < 0)
        return 0;
    tensor_load_i64(t, 0, t->count, index);
    for (int i = 0; i < t->count; i++)
        index[i] += index[i] < 0 ? data->dims[axis] : 0;
    if (!is_even(index, (int)t->count, data->dims[axis], &step))
        return 0;
    struct value *in[5] = {n->in[0], pass_add_ints(n->graph, 1, &index[0], err),
                           pass_add_ints(n->graph, 1, &(int64_t){index[t->count - 1] + 1}, err),
                           pass_add_ints(n->graph, 1, &axis, err), pass_add_ints(n->graph, 1, &step, err)};
    if (!in[1] || !in[2] || !in[3] || !in[4])
        return -1;
    return pass_replace(n, pass_node(n, "", "Slice", 5, in, err), err);
}

/* ---- Sum of several → Adds ---- */

static int add_sum(struct node *n, struct error *err)
{
    struct value *sum = node_in(n, 0);
    if (n->in_count < 2)
        return 0;
    for (int i = 1; i < n->in_count; i++)
        if (!n->in[i])
            return 0;
    for (int i = 1; sum && i + 1 < n->in_count; i++)
        sum = pass_output(pass_node(n, "", "Add", 2, (struct value *[]){sum, n->in[i]}, err), err);
    struct value *in[2] = {sum, n->in[n->in_count - 1]};
    return sum ? pass_replace(n, pass_node(n, "", "Add", 2, in, err), err) : -1;
}

/* ---- pooling over all of space ---- */

/* With at least two axes: one alone is as likely to be a sequence or features. */
static bool covers_space(const struct node *n, int rank)
{
    int64_t axes[TENSOR_MAX_RANK];
    int count = pass_ints(node_in(n, 1), axes, TENSOR_MAX_RANK), seen = 0;
    for (int i = 0; i < count; i++) {
        int64_t axis = axes[i] < 0 ? axes[i] + rank : axes[i];
        if (axis < 2 || axis >= rank)
            return false;
        seen |= 1 << axis;
    }
    return rank > 3 && seen == (1 << rank) - 4;
}

/* Gives node n's result by `pooled`, whose dims are n's but for axes of one element. */
static int reshape_pooled(struct node *n, struct node *pooled, struct error *err)
{
    struct value *in[2] = {pass_output(pooled, err), NULL};
    in[1] = in[0] ? pass_add_ints(n->graph, n->out[0]->type.rank, n->out[0]->type.dims, err) : NULL;
    return in[1] ? pass_replace(n, pass_node(n, "", "Reshape", 2, in, err), err) : -1;
}

static int pool_reduction(struct node *n, struct error *err)
{
    const struct type *x = pass_type(n->in[0]);
    bool keep = op_int(n, "keepdims") != 0;
    const char *op = strcmp(n->op, "ReduceMean") == 0 ? "GlobalAveragePool" : "GlobalMaxPool";
    if (!x || !pass_is_float(n->in[0]) || !covers_space(n, x->rank) || (!keep && !pass_is_static(n->out[0])) ||
        (!keep && tensor_count(n->out[0]->type.rank, n->out[0]->type.dims) == 0))
        return 0;
    struct node *pooled = pass_node(n, "", op, 1, n->in, err);
    if (keep || !pooled)
        return pass_replace(n, pooled, err);
    return reshape_pooled(n, pooled, err);
}

static bool all_are(const struct node *n, const char *attr, int64_t number)
{
    int count;
    const int64_t *list = op_ints(n, attr, &count);
    for (int i = 0; i < count; i++)
        if (list[i] != number)
            return false;
    return true;
}

/* A window as large as the input, which is in one place alone. */
static int pool_globally(struct node *n, struct error *err)
{
    const struct type *x = pass_type(n->in[0]);
    int count;
    const int64_t *kernel = op_ints(n, "kernel_shape", &count);
    if (!x || count < 1 || count != x->rank - 2 || !pass_is_float(n->in[0]) || !all_are(n, "pads", 0) ||
        !all_are(n, "dilations", 1) || op_int(n, "ceil_mode") || strncmp(op_string(n, "auto_pad"), "SAME", 4) == 0 ||
        (node_out(n, 1) && value_is_used(n->out[1])))
        return 0;
    for (int i = 0; i < count; i++)
        if (kernel[i] != x->dims[2 + i])
            return 0;
    const char *op = strcmp(n->op, "MaxPool") == 0 ? "GlobalMaxPool" : "GlobalAveragePool";
    return pass_replace(n, pass_node(n, "", op, 1, n->in, err), err);
}

/* ---- powers ---- */

static int multiply_power(struct node *n, struct error *err)
{
    double power;
    struct value *x = n->in[0];
    if (!pass_scalar(n->in[1], &power) || !pass_same_dims(x, n->out[0]) || !pass_is_float(x))
        return 0;
    if (power == 2)
        return pass_replace(n, pass_node(n, "", "Mul", 2, (struct value *[]){x, x}, err), err);
    if (power == 0.5)
        return pass_replace(n, pass_node(n, "", "Sqrt", 1, &x, err), err);
    return 0;
}

/* A reduction over axes of one element, which go: a Reshape. (Where they stay it is removed elsewhere.) */
static int reshape_reduction(struct node *n, struct error *err)
{
    const struct type *x = pass_type(n->in[0]), *y = pass_type(n->out[0]);
    if (!x || !y || x->rank == y->rank || tensor_count(y->rank, y->dims) < 1 ||
        tensor_count(x->rank, x->dims) != tensor_count(y->rank, y->dims))
        return 0;
    struct value *in[2] = {n->in[0], pass_add_ints(n->graph, y->rank, y->dims, err)};
    return in[1] ? pass_replace(n, pass_node(n, "", "Reshape", 2, in, err), err) : -1;
}

static int reduce(struct node *n, struct error *err)
{
    bool pools = node_is(n, "ReduceMean") || node_is(n, "ReduceMax");
    int done = reshape_reduction(n, err);
    return done || !pools ? done : pool_reduction(n, err);
}

/* What a recurrent operator does without being told: sequences of the whole length, states that begin at 0. */
static int drop_defaults(struct node *n, struct error *err)
{
    const struct type *x = pass_type(n->in[0]);
    double number, whole = x && x->rank == 3 ? (double)x->dims[op_int(n, "layout") ? 1 : 0] : -1;
    int changes = 0;
    for (int i = 4; i <= 6 && changes >= 0; i++)
        if (pass_scalar(node_in(n, i), &number) && number == (i == 4 ? whole : 0))
            changes = pass_set_input(n, i, NULL, err);
    return changes;
}

/* Indices that count from the end when they are negative, which they do anyway. */
static int drop_wrap(struct node *n, struct error *err)
{
    struct match m;
    double number;
    const struct type *x = pass_type(n->in[0]);
    int64_t axis = x ? op_int(n, "axis") : 0;
    struct node *where = n->in[1] ? n->in[1]->producer : NULL;
    if (!x || !where || !node_is(where, "Where") || !match_node(&m, "Where(Less(i,#0),Add(i,$n),i)", where) ||
        !pass_scalar(*match_at(&m, 'n'), &number) || number != (double)x->dims[axis < 0 ? axis + x->rank : axis])
        return slice_gather(n, err);
    return pass_set_input(n, 1, *match_at(&m, 'i'), err);
}

static const struct {
    const char *op;
    int inputs; /* that it must have at least */
    int (*rewrite)(struct node *n, struct error *err);
} table[] = {
    {"Gather", 2, drop_wrap},      {"Sum", 2, add_sum},
    {"ReduceMean", 1, reduce},     {"ReduceMax", 1, reduce},
    {"ReduceSum", 1, reduce},      {"ReduceMin", 1, reduce},
    {"ReduceProd", 1, reduce},     {"AveragePool", 1, pool_globally},
    {"MaxPool", 1, pool_globally}, {"Pow", 2, multiply_power},
    {"LSTM", 5, drop_defaults},    {"GRU", 5, drop_defaults},
    {"RNN", 5, drop_defaults},
};

static int rewrite(struct node *n, struct error *err)
{
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        if (node_is(n, table[i].op) && n->in_count >= table[i].inputs && n->in[0] &&
            (node_out(n, 0) || table[i].rewrite == drop_defaults)) /* of a recurrent one the last states may do */
            return table[i].rewrite(n, err);
    return 0;
}

/* ---- 1 - x as scripts of PyTorch have it; x + x s → x (s + 1), where s is one number for each channel or so ---- */

static int is_gate(struct match *m, struct error *err)
{
    const struct type *x = pass_type(*match_at(m, 'x')), *s = pass_type(*match_at(m, 's'));
    (void)err;
    if (!x || !s || !pass_is_float(m->root->out[0]) || s->rank > x->rank || x->rank < 3)
        return 0;
    int ones = x->rank - s->rank;
    for (int i = 0; i < s->rank; i++)
        ones += s->dims[i] == 1 && x->dims[x->rank - s->rank + i] != 1;
    return ones >= x->rank - 2;
}

static const struct rule rules[] = {{"Add(y,Neg(x))", "Sub(y,x)", NULL},
                                    {"Add(x,Mul(x,s))", "Mul(x,Add(s,#1))", is_gate}};

int pass_simplify(struct graph *g, struct error *err)
{
    int changes = pass_each(g, rewrite, err);
    int more = changes < 0 ? -1 : rules_run(g, rules, sizeof(rules) / sizeof(rules[0]), err);
    return more < 0 ? -1 : changes + more;
}
