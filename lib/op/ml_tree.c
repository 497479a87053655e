/* TreeEnsemble. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "op/axes.h"
#include "op/real.h"
#include "op/rows.h"
#include "op/util.h"

int infer_tree_ensemble(struct op_infer *c, struct error *err)
{
    const struct type *x = axes_ranked(c, 0);
    int64_t targets = op_int(c->node, "n_targets");
    int64_t out[2] = {x && x->rank == 2 ? x->dims[0] : DIM_UNKNOWN, targets > 0 ? targets : DIM_UNKNOWN};
    if (x && x->rank != 2)
        return infer_error(c, err, "input X has %d dims, want 2", x->rank);
    return infer_set(c, 0, infer_dtype(c, 0), 2, out, err);
}

enum { MODE_LEQ, MODE_LT, MODE_GTE, MODE_GT, MODE_EQ, MODE_NEQ, MODE_MEMBER, MODES };
enum { AGGREGATE_AVERAGE, AGGREGATE_SUM, AGGREGATE_MIN, AGGREGATE_MAX, AGGREGATES };
enum { POST_NONE, POST_SOFTMAX, POST_LOGISTIC, POST_SOFTMAX_ZERO, POST_PROBIT, POSTS };

struct ensemble {
    int nodes, leafs, roots;
    const int64_t *child[2],
        *is_leaf[2]; /* [nodes]: where to go when false and when true, and whether that is a leaf */
    const int64_t *feature, *missing_true, *target, *root;
    const struct tensor *modes, *splits, *members, *weights;
    int64_t *member; /* [nodes]: where a node's members begin */
    int64_t targets, aggregate, post;
};

static int ints_of_length(const struct node *n, const char *name, int count, const int64_t **values, struct error *err)
{
    int got;
    *values = op_ints(n, name, &got);
    if (got != count)
        return error_set(err, "attribute %s has %d entries, want %d", name, got, count);
    return 0;
}

static int ensemble_lists(struct ensemble *e, const struct node *n, struct error *err)
{
    e->feature = op_ints(n, "nodes_featureids", &e->nodes);
    e->target = op_ints(n, "leaf_targetids", &e->leafs);
    e->root = op_ints(n, "tree_roots", &e->roots);
    e->modes = op_tensor(n, "nodes_modes");
    e->splits = op_tensor(n, "nodes_splits");
    e->weights = op_tensor(n, "leaf_weights");
    e->members = op_tensor(n, "membership_values");
    if (ints_of_length(n, "nodes_falsenodeids", e->nodes, &e->child[0], err) ||
        ints_of_length(n, "nodes_truenodeids", e->nodes, &e->child[1], err) ||
        ints_of_length(n, "nodes_falseleafs", e->nodes, &e->is_leaf[0], err) ||
        ints_of_length(n, "nodes_trueleafs", e->nodes, &e->is_leaf[1], err))
        return -1;
    int missing;
    e->missing_true = op_ints(n, "nodes_missing_value_tracks_true", &missing);
    if (missing && missing != e->nodes)
        return error_set(err, "attribute nodes_missing_value_tracks_true has %d entries, want %d", missing, e->nodes);
    if (!missing)
        e->missing_true = NULL;
    if (e->modes->count != e->nodes || e->splits->count != e->nodes || e->weights->count != e->leafs)
        return error_set(
            err,
            "attributes nodes_modes, nodes_splits and leaf_weights have %lld, %lld and %lld entries, "
            "want %d, %d and %d",
            (long long)e->modes->count, (long long)e->splits->count, (long long)e->weights->count, e->nodes, e->nodes,
            e->leafs);
    if (e->modes->dtype != DTYPE_U8 || !op_is_float(e->splits->dtype) || !op_is_float(e->weights->dtype) ||
        (e->members && !op_is_float(e->members->dtype)))
        return error_set(
            err,
            "attributes nodes_modes, nodes_splits, leaf_weights and membership_values want u8 and three times floats");
    return 0;
}

static int ensemble_ranges(const struct ensemble *e, int64_t features, struct error *err)
{
    for (int i = 0; i < e->nodes; i++) {
        if (e->feature[i] < 0 || e->feature[i] >= features)
            return error_set(err, "attribute nodes_featureids: entry %d is %lld, want 0 to %lld", i,
                             (long long)e->feature[i], (long long)features - 1);
        if (((const uint8_t *)e->modes->data)[i] >= MODES)
            return error_set(err, "attribute nodes_modes: entry %d is %d", i, ((const uint8_t *)e->modes->data)[i]);
        for (int side = 0; side < 2; side++) {
            int64_t limit = e->is_leaf[side][i] ? e->leafs : e->nodes, to = e->child[side][i];
            if (to < 0 || to >= limit)
                return error_set(err, "attribute %s: entry %d is %lld, want 0 to %lld",
                                 side ? "nodes_truenodeids" : "nodes_falsenodeids", i, (long long)to,
                                 (long long)limit - 1);
        }
    }
    for (int i = 0; i < e->leafs; i++)
        if (e->target[i] < 0 || e->target[i] >= e->targets)
            return error_set(err, "attribute leaf_targetids: entry %d is %lld, want 0 to %lld", i,
                             (long long)e->target[i], (long long)e->targets - 1);
    for (int i = 0; i < e->roots; i++)
        if (e->root[i] < 0 || e->root[i] >= e->nodes)
            return error_set(err, "attribute tree_roots: entry %d is %lld, want 0 to %d", i, (long long)e->root[i],
                             e->nodes - 1);
    return 0;
}

/* The members of all set nodes stand one behind the other, each set ended by a NaN. */
static int ensemble_members(struct ensemble *e, struct error *err)
{
    int64_t at = 0, count = e->members ? e->members->count : 0;
    if (!(e->member = mem_calloc((size_t)e->nodes, sizeof *e->member, err)))
        return -1;
    for (int i = 0; i < e->nodes; i++) {
        if (((const uint8_t *)e->modes->data)[i] != MODE_MEMBER)
            continue;
        e->member[i] = at;
        while (at < count && !isnan(tensor_get_f64(e->members, at)))
            at++;
        if (at++ >= count)
            return error_set(err, "attribute membership_values has fewer sets than nodes of that mode");
    }
    return 0;
}

static bool is_member(const struct ensemble *e, int64_t node, double x)
{
    for (int64_t i = e->member[node];; i++) {
        double member = tensor_get_f64(e->members, i);
        if (isnan(member) || member == x)
            return member == x;
    }
}

static bool branch(const struct ensemble *e, int64_t node, double x)
{
    double split = tensor_get_f64(e->splits, node);
    if (isnan(x) && e->missing_true && e->missing_true[node])
        return true;
    switch (((const uint8_t *)e->modes->data)[node]) {
    case MODE_LEQ: return x <= split;
    case MODE_LT: return x < split;
    case MODE_GTE: return x >= split;
    case MODE_GT: return x > split;
    case MODE_EQ: return x == split;
    case MODE_NEQ: return x != split;
    default: return is_member(e, node, x);
    }
}

/* The leaf that a row of features leads to; -1 when the nodes go in a circle. */
static int64_t find_leaf(const struct ensemble *e, int64_t node, const double *x)
{
    for (int steps = 0; steps < e->nodes; steps++) {
        bool side = branch(e, node, x[e->feature[node]]);
        bool leaf = e->is_leaf[side][node] != 0;
        node = e->child[side][node];
        if (leaf)
            return node;
    }
    return -1;
}

static double normal_quantile(double p)
{
    if (!(p > 0 && p < 1))
        return p <= 0 ? -INFINITY : p >= 1 ? INFINITY : NAN;
    /* Bisection where the cumulative distribution is worked out precisely. */
    double low = -40, high = 40;
    for (int i = 0; i < 80; i++) {
        double middle = (low + high) / 2;
        if (0.5 * erfc(-middle / sqrt(2)) < p)
            low = middle;
        else
            high = middle;
    }
    return (low + high) / 2;
}

/* SOFTMAX_ZERO leaves scores of 0 out. */
static void softmax(double *y, int64_t n, bool skip_zero)
{
    double top = -INFINITY, sum = 0;
    for (int64_t i = 0; i < n; i++)
        top = fmax(top, y[i]);
    for (int64_t i = 0; i < n; i++) {
        bool zero = skip_zero && fabs(y[i]) <= 1e-7;
        y[i] = zero ? y[i] * exp(-top) : exp(y[i] - top);
        sum += y[i];
    }
    for (int64_t i = 0; i < n; i++)
        y[i] = sum == 0 ? 0.5 : y[i] / sum;
}

static void post_transform(const struct ensemble *e, double *y)
{
    if (e->post == POST_SOFTMAX || e->post == POST_SOFTMAX_ZERO)
        softmax(y, e->targets, e->post == POST_SOFTMAX_ZERO);
    for (int64_t i = 0; i < e->targets; i++) {
        if (e->post == POST_LOGISTIC)
            y[i] = 1 / (1 + exp(-y[i]));
        else if (e->post == POST_PROBIT)
            y[i] = normal_quantile(y[i]);
    }
}

/* One row; `hit` is scratch: which targets have a value already. */
static int predict(const struct ensemble *e, const double *x, double *y, bool *hit, struct error *err)
{
    memset(y, 0, (size_t)e->targets * sizeof *y);
    memset(hit, 0, (size_t)e->targets);
    for (int r = 0; r < e->roots; r++) {
        int64_t leaf = find_leaf(e, e->root[r], x);
        if (leaf < 0)
            return error_set(err, "attribute tree_roots: the nodes of tree %d go in a circle", r);
        int64_t t = e->target[leaf];
        double weight = tensor_get_f64(e->weights, leaf);
        if (e->aggregate == AGGREGATE_MIN || e->aggregate == AGGREGATE_MAX)
            y[t] = hit[t] && (e->aggregate == AGGREGATE_MIN ? y[t] < weight : y[t] > weight) ? y[t] : weight;
        else
            y[t] += e->aggregate == AGGREGATE_AVERAGE ? weight / e->roots : weight;
        hit[t] = true;
    }
    post_transform(e, y);
    return 0;
}

static int predict_all(struct op_eval *c, const struct ensemble *e, struct error *err)
{
    const struct tensor *x = eval_in(c, 0);
    int64_t features = x->dims[1], dims[2] = {x->dims[0], e->targets};
    struct tensor *out = eval_out(c, 0, x->dtype, 2, dims, err);
    double *row = out ? real_new(features, 1, err) : NULL, *y = row ? real_new(e->targets, 1, err) : NULL;
    bool *hit = y ? mem_calloc((size_t)e->targets, 1, err) : NULL;
    int status = hit ? 0 : -1;
    for (int64_t i = 0; i < dims[0] && status == 0; i++) {
        real_read(x, i * features, features, row);
        if (predict(e, row, y, hit, err))
            status = real_eval_fail(c, err);
        else
            real_write(out, i * e->targets, e->targets, y);
    }
    free(hit);
    free(y);
    free(row);
    return status;
}

int eval_tree_ensemble(struct op_eval *c, struct error *err)
{
    const struct node *n = c->node;
    struct ensemble e = {.targets = op_int(n, "n_targets"),
                         .aggregate = op_int(n, "aggregate_function"),
                         .post = op_int(n, "post_transform")};
    const struct tensor *x = eval_in(c, 0);
    if (x->rank != 2)
        return eval_error(c, err, "input X has %d dims, want 2", x->rank);
    if (e.targets < 1 || (uint64_t)e.targets > c->memory)
        return eval_error(c, err, "attribute n_targets is %lld, want at least 1", (long long)e.targets);
    if (e.aggregate < 0 || e.aggregate >= AGGREGATES || e.post < 0 || e.post >= POSTS)
        return eval_error(
            c, err, "attributes aggregate_function and post_transform are %lld and %lld, want 0 to %d and 0 to %d",
            (long long)e.aggregate, (long long)e.post, AGGREGATES - 1, POSTS - 1);
    int status = -1;
    if (ensemble_lists(&e, n, err) || ensemble_ranges(&e, x->dims[1], err) || ensemble_members(&e, err))
        real_eval_fail(c, err);
    else
        status = predict_all(c, &e, err);
    free(e.member);
    return status;
}
