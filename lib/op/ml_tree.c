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
    const struct tensor *splits, *members, *weights;
    const uint8_t *mode;
    int64_t *member; /* [nodes]: where a node's members begin */
    int64_t features, targets, aggregate, post;
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
    const struct tensor *modes = op_tensor(n, "nodes_modes");
    e->mode = modes->data;
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
    if (modes->count != e->nodes || e->splits->count != e->nodes || e->weights->count != e->leafs)
        return error_set(err,
                         "attributes nodes_modes, nodes_splits and leaf_weights have %lld, %lld and %lld entries, "
                         "want %d, %d and %d",
                         (long long)modes->count, (long long)e->splits->count, (long long)e->weights->count, e->nodes,
                         e->nodes, e->leafs);
    if (modes->dtype != DTYPE_U8 || !op_is_float(e->splits->dtype) || !op_is_float(e->weights->dtype) ||
        (e->members && !op_is_float(e->members->dtype)))
        return error_set(
            err,
            "attributes nodes_modes, nodes_splits, leaf_weights and membership_values want u8 and three times floats");
    return 0;
}

/* The members of all set nodes stand one behind the other, each set ended by a NaN. */
static int ensemble_members(struct ensemble *e, struct error *err)
{
    int64_t at = 0, count = e->members ? e->members->count : 0;
    if (!memchr(e->mode, MODE_MEMBER, (size_t)e->nodes))
        return 0;
    if (!(e->member = mem_calloc((size_t)e->nodes, sizeof *e->member, err)))
        return -1;
    for (int i = 0; i < e->nodes; i++) {
        if (e->mode[i] != MODE_MEMBER)
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

static double number(const struct tensor *t, int64_t i)
{
    return t->dtype == DTYPE_F32 ? (double)((const float *)t->data)[i] : tensor_get_f64(t, i);
}

static bool branch(const struct ensemble *e, int64_t node, double x)
{
    double split = number(e->splits, node);
    if (isnan(x) && e->missing_true && e->missing_true[node])
        return true;
    switch (e->mode[node]) {
    case MODE_LEQ: return x <= split;
    case MODE_LT: return x < split;
    case MODE_GTE: return x >= split;
    case MODE_GT: return x > split;
    case MODE_EQ: return x == split;
    case MODE_NEQ: return x != split;
    default: return is_member(e, node, x);
    }
}

#define FAILED INT64_MIN
static int64_t bad_entry(const char *name, int64_t i, int64_t value, int64_t limit, struct error *err)
{
    error_set(err, "attribute %s: entry %lld is %lld, want 0 to %lld", name, (long long)i, (long long)value,
              (long long)limit - 1);
    return FAILED;
}

/* The node after this one, or ~leaf; FAILED on error. Entries are checked where they are met: a row meets few. */
static int64_t next(const struct ensemble *e, int64_t node, const double *x, struct error *err)
{
    int64_t feature = e->feature[node];
    if (feature < 0 || feature >= e->features)
        return bad_entry("nodes_featureids", node, feature, e->features, err);
    if (e->mode[node] >= MODES)
        return bad_entry("nodes_modes", node, e->mode[node], MODES, err);
    bool side = branch(e, node, x[feature]);
    bool leaf = e->is_leaf[side][node] != 0;
    int64_t limit = leaf ? e->leafs : e->nodes, to = e->child[side][node];
    if (to < 0 || to >= limit)
        return bad_entry(side ? "nodes_truenodeids" : "nodes_falsenodeids", node, to, limit, err);
    if (leaf && (e->target[to] < 0 || e->target[to] >= e->targets))
        return bad_entry("leaf_targetids", to, e->target[to], e->targets, err);
    return leaf ? ~to : to;
}

/* Walks abreast, so that each need not wait for the others' memory: that of row i through tree t is number
 * t * rows + i. leaf[k] is where walk first + k ends. */
#define WALKS 8
static int find_leaves(const struct ensemble *e, const double *x, int64_t rows, int64_t first, int count, int64_t *leaf,
                       struct error *err)
{
    const double *row[WALKS];
    int64_t node[WALKS];
    for (int k = 0; k < count; k++) {
        int64_t root = (first + k) / rows;
        node[k] = e->root[root];
        row[k] = x + (first + k) % rows * e->features;
        if (node[k] < 0 || node[k] >= e->nodes)
            node[k] = bad_entry("tree_roots", root, node[k], e->nodes, err);
        if (node[k] == FAILED)
            return -1;
    }
    int left = count;
    for (int steps = 0; left && steps < e->nodes; steps++)
        for (int k = 0; k < count; k++) {
            if (node[k] < 0)
                continue;
            node[k] = next(e, node[k], row[k], err);
            if (node[k] == FAILED)
                return -1;
            left -= node[k] < 0;
        }
    for (int k = 0; k < count; k++) {
        if (node[k] >= 0)
            return error_set(err, "attribute tree_roots: the nodes of tree %lld go in a circle",
                             (long long)((first + k) / rows));
        leaf[k] = ~node[k];
    }
    return 0;
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

/* Some rows, of which each tree in turn is asked, so that it stays in the cache. */
#define ROWS 64
struct rows {
    double *x, *y; /* [ROWS][features], [ROWS][targets] */
    bool *hit;     /* as y: which targets have a value already */
};

static void add_leaf(const struct ensemble *e, int64_t leaf, double *y, bool *hit)
{
    int64_t t = e->target[leaf];
    double weight = number(e->weights, leaf);
    if (e->aggregate == AGGREGATE_MIN || e->aggregate == AGGREGATE_MAX)
        y[t] = hit[t] && (e->aggregate == AGGREGATE_MIN ? y[t] < weight : y[t] > weight) ? y[t] : weight;
    else
        y[t] += e->aggregate == AGGREGATE_AVERAGE ? weight / e->roots : weight;
    hit[t] = true;
}

static int predict(const struct ensemble *e, const struct rows *r, int64_t count, struct error *err)
{
    memset(r->y, 0, (size_t)(count * e->targets) * sizeof *r->y);
    memset(r->hit, 0, (size_t)(count * e->targets));
    for (int64_t all = e->roots * count, first = 0; first < all; first += WALKS) {
        int64_t leaf[WALKS];
        int walks = all - first < WALKS ? (int)(all - first) : WALKS;
        if (find_leaves(e, r->x, count, first, walks, leaf, err))
            return -1;
        for (int k = 0; k < walks; k++) {
            int64_t at = (first + k) % count * e->targets;
            add_leaf(e, leaf[k], r->y + at, r->hit + at);
        }
    }
    for (int64_t i = 0; i < count; i++)
        post_transform(e, r->y + i * e->targets);
    return 0;
}

static int predict_all(struct op_eval *c, const struct ensemble *e, struct error *err)
{
    const struct tensor *x = eval_in(c, 0);
    int64_t dims[2] = {x->dims[0], e->targets}, most = dims[0] < ROWS ? dims[0] : ROWS;
    struct tensor *out = eval_out(c, 0, x->dtype, 2, dims, err);
    struct rows r = {.x = out ? real_new(e->features, most, err) : NULL};
    r.y = r.x ? real_new(e->targets, most, err) : NULL;
    r.hit = r.y ? mem_calloc((size_t)(e->targets * most), 1, err) : NULL;
    int status = r.hit ? 0 : -1;
    for (int64_t i = 0; i < dims[0] && status == 0; i += most) {
        int64_t count = dims[0] - i < most ? dims[0] - i : most;
        real_read(x, i * e->features, count * e->features, r.x);
        if (predict(e, &r, count, err))
            status = real_eval_fail(c, err);
        else
            real_write(out, i * e->targets, count * e->targets, r.y);
    }
    free(r.hit);
    free(r.y);
    free(r.x);
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
    e.features = x->dims[1];
    if (e.targets < 1 || (uint64_t)e.targets > c->memory)
        return eval_error(c, err, "attribute n_targets is %lld, want at least 1", (long long)e.targets);
    if (e.aggregate < 0 || e.aggregate >= AGGREGATES || e.post < 0 || e.post >= POSTS)
        return eval_error(
            c, err, "attributes aggregate_function and post_transform are %lld and %lld, want 0 to %d and 0 to %d",
            (long long)e.aggregate, (long long)e.post, AGGREGATES - 1, POSTS - 1);
    int status = -1;
    if (ensemble_lists(&e, n, err) || ensemble_members(&e, err))
        real_eval_fail(c, err);
    else
        status = predict_all(c, &e, err);
    free(e.member);
    return status;
}
