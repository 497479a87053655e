/* TreeEnsembleRegressor and TreeEnsembleClassifier, which TreeEnsemble took the place of. Facts: the operators' pages,
 * and for the scores of two classes from one column what onnxruntime does. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "format/onnx/raise_ml.h"

#define MOST_NODES (1 << 22)

struct place {
    int64_t tree, id;
    int index;
};

/* A leaf of the older form has any number of targets, one of TreeEnsemble has one: a tree stands there as often as its
 * leaves have targets, each time with the next of them. */
struct forest {
    const struct node *n;
    const char *prefix; /* "target" or "class" */
    int count, entries, slots, inner, leaves, roots;
    const int64_t *tree, *id, *feature, *yes, *no, *missing;
    const int64_t *leaf_tree, *leaf_id, *target;
    const float *value, *weight;
    const struct str *mode;
    struct place *places;                     /* [count], sorted */
    int *number, *taken, *slot, *leaf, *root; /* of a node among its kind, its targets; of an entry: slot, node */
    bool *child;
};

static const int64_t *ints(struct build *b, const char *name, int count)
{
    const struct attr *a = onnx_ml_list(b->node, name, ATTR_INTS);
    if (!a || a->n != (size_t)count)
        build_fail(b, "attribute %s has %zu entries, want %d", name, a ? a->n : 0, count);
    return a ? a->ints : NULL;
}

static int by_place(const void *a, const void *b)
{
    const struct place *p = a, *q = b;
    return p->tree != q->tree ? (p->tree < q->tree ? -1 : 1) : p->id != q->id ? (p->id < q->id ? -1 : 1) : 0;
}

static int node_at(const struct forest *f, struct build *b, int64_t tree, int64_t id)
{
    struct place key = {tree, id, 0};
    const struct place *p = bsearch(&key, f->places, (size_t)f->count, sizeof(key), by_place);
    if (!p)
        build_fail(b, "tree %lld has no node %lld", (long long)tree, (long long)id);
    return p ? p->index : 0;
}

static bool is_leaf(const struct forest *f, int i)
{
    return f->mode[i].size == 4 && memcmp(f->mode[i].data, "LEAF", 4) == 0;
}

static void read_lists(struct forest *f, struct build *b)
{
    char name[32];
    const struct attr *modes = onnx_ml_list(f->n, "nodes_modes", ATTR_STRINGS);
    const struct attr *values = onnx_ml_list(f->n, "nodes_values", ATTR_FLOATS);
    snprintf(name, sizeof(name), "%s_weights", f->prefix);
    const struct attr *weights = onnx_ml_list(f->n, name, ATTR_FLOATS);
    if (!modes || !values || values->n != modes->n || modes->n > MOST_NODES || !weights || weights->n > MOST_NODES) {
        build_fail(b, "want nodes_modes, nodes_values and %s, of at most %d entries", name, MOST_NODES);
        return;
    }
    f->count = (int)modes->n, f->entries = (int)weights->n;
    f->mode = modes->strings, f->value = values->floats, f->weight = weights->floats;
    f->tree = ints(b, "nodes_treeids", f->count), f->id = ints(b, "nodes_nodeids", f->count);
    f->feature = ints(b, "nodes_featureids", f->count), f->yes = ints(b, "nodes_truenodeids", f->count);
    f->no = ints(b, "nodes_falsenodeids", f->count);
    const struct attr *missing = onnx_ml_list(f->n, "nodes_missing_value_tracks_true", ATTR_INTS);
    f->missing = missing && missing->n == modes->n ? missing->ints : NULL;
    snprintf(name, sizeof(name), "%s_treeids", f->prefix);
    f->leaf_tree = ints(b, name, f->entries);
    snprintf(name, sizeof(name), "%s_nodeids", f->prefix);
    f->leaf_id = ints(b, name, f->entries);
    snprintf(name, sizeof(name), "%s_ids", f->prefix);
    f->target = ints(b, name, f->entries);
}

/* Which nodes are leaves, which begin a tree, and which of a leaf's targets each entry is. */
static void sort_nodes(struct forest *f, struct build *b)
{
    for (int i = 0; i < f->count; i++)
        f->places[i] = (struct place){f->tree[i], f->id[i], i};
    qsort(f->places, (size_t)f->count, sizeof(*f->places), by_place);
    for (int i = 0; i < f->count && !b->failed; i++) {
        f->number[i] = is_leaf(f, i) ? f->leaves++ : f->inner++;
        if (is_leaf(f, i))
            continue;
        f->child[node_at(f, b, f->tree[i], f->yes[i])] = true;
        f->child[node_at(f, b, f->tree[i], f->no[i])] = true;
    }
    for (int i = 0; i < f->count; i++)
        if (!f->child[i])
            f->root[f->roots++] = i;
    f->slots = 1;
    for (int i = 0; i < f->entries && !b->failed; i++) {
        f->leaf[i] = node_at(f, b, f->leaf_tree[i], f->leaf_id[i]);
        f->slot[i] = f->taken[f->leaf[i]]++;
        f->slots = f->slot[i] >= f->slots ? f->slot[i] + 1 : f->slots;
        if (!is_leaf(f, f->leaf[i]))
            build_fail(b, "a node that is no leaf has a weight");
    }
    if ((int64_t)f->slots * (f->count + f->roots) > MOST_NODES)
        build_fail(b, "more than %d nodes", MOST_NODES);
}

/* The lists of TreeEnsemble, [rows] each. */
struct flat {
    int64_t *feature, *child[2], *leaf[2], *missing, *target, *root;
    struct tensor *modes, *splits, *weights;
};

static int mode_of(struct build *b, const struct str *mode)
{
    static const char *const modes[] = {"BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE",
                                        "BRANCH_GT",  "BRANCH_EQ", "BRANCH_NEQ"};
    for (int i = 0; i < 6; i++)
        if (mode->size == strlen(modes[i]) && memcmp(mode->data, modes[i], mode->size) == 0)
            return i;
    build_fail(b, "a node of the mode '%.*s'", (int)(mode->size < 40 ? mode->size : 40), mode->data);
    return 0;
}

static void flatten(const struct forest *f, struct build *b, const struct flat *to, int slot)
{
    int first = slot * (f->inner + f->roots), leaf = slot * f->leaves;
    for (int i = 0; i < f->count && !b->failed; i++) {
        if (is_leaf(f, i))
            continue;
        int at = first + f->number[i];
        to->feature[at] = f->feature[i];
        to->missing[at] = f->missing ? f->missing[i] : 0;
        ((uint8_t *)to->modes->data)[at] = (uint8_t)mode_of(b, &f->mode[i]);
        ((float *)to->splits->data)[at] = f->value[i];
        for (int side = 0; side < 2; side++) {
            int next = node_at(f, b, f->tree[i], side ? f->yes[i] : f->no[i]);
            to->leaf[side][at] = is_leaf(f, next);
            to->child[side][at] = f->number[next] + (is_leaf(f, next) ? leaf : first);
        }
    }
    for (int r = 0; r < f->roots; r++) { /* a tree that is one leaf gets a node before it */
        int at = first + f->inner + r, root = f->root[r];
        bool alone = is_leaf(f, root);
        to->leaf[0][at] = to->leaf[1][at] = alone;
        to->child[0][at] = to->child[1][at] = alone ? leaf + f->number[root] : first + f->number[root];
        to->root[slot * f->roots + r] = alone ? at : first + f->number[root];
    }
}

/* All slots at once: there may be as many of them as entries. */
static void place_weights(const struct forest *f, const struct flat *to)
{
    for (int i = 0; i < f->entries; i++) {
        int at = f->slot[i] * f->leaves + f->number[f->leaf[i]];
        to->target[at] = f->target[i];
        ((float *)to->weights->data)[at] = f->weight[i];
    }
}

static struct value *ensemble(const struct forest *f, struct build *b, int64_t targets, int aggregate)
{
    static const char *const names[] = {"nodes_featureids", "nodes_falsenodeids", "nodes_truenodeids",
                                        "nodes_falseleafs", "nodes_trueleafs",    "nodes_missing_value_tracks_true"};
    int64_t rows = (int64_t)f->slots * (f->inner + f->roots), leaves = (int64_t)f->slots * f->leaves;
    int64_t roots = (int64_t)f->slots * f->roots;
    int64_t *all = mem_calloc((size_t)(6 * rows + leaves + roots + 1), sizeof(*all), b->err);
    struct flat to = {all,
                      {all + rows, all + 2 * rows},
                      {all + 3 * rows, all + 4 * rows},
                      all + 5 * rows,
                      all + 6 * rows,
                      all + 6 * rows + leaves,
                      tensor_new(DTYPE_U8, 1, &rows, b->err),
                      tensor_new(DTYPE_F32, 1, &rows, b->err),
                      tensor_new(DTYPE_F32, 1, &leaves, b->err)};
    struct value *y = NULL;
    build_check(b, all && to.modes && to.splits && to.weights);
    for (int slot = 0; slot < f->slots && !b->failed; slot++)
        flatten(f, b, &to, slot);
    if (!b->failed)
        place_weights(f, &to);
    if (!b->failed)
        y = BUILD(b, "ai.onnx.ml.TreeEnsemble", build_cast(b, node_in(b->node, 0), DTYPE_F32));
    for (int i = 0; i < 6; i++)
        build_ints(b, y, names[i], (int)rows, all + i * rows);
    build_ints(b, y, "leaf_targetids", (int)leaves, to.target);
    build_ints(b, y, "tree_roots", (int)roots, to.root);
    build_int(b, y, "n_targets", targets);
    build_int(b, y, "aggregate_function", aggregate);
    if (!b->failed) {
        struct node *made = y->producer;
        build_check(b, node_set_tensor(made, "nodes_modes", tensor_ref(to.modes), b->err) == 0 &&
                           node_set_tensor(made, "nodes_splits", tensor_ref(to.splits), b->err) == 0 &&
                           node_set_tensor(made, "leaf_weights", tensor_ref(to.weights), b->err) == 0);
    }
    tensor_unref(to.modes);
    tensor_unref(to.splits);
    tensor_unref(to.weights);
    free(all);
    return y;
}

/* Raw scores [N, targets], with the base values. *positive: no weight is below 0; *single: the only class that has
 * weights, or -1. */
static struct value *scores_of(struct build *b, const char *prefix, int64_t targets, bool *positive, int64_t *single)
{
    static const char *const functions[] = {"AVERAGE", "SUM", "MIN", "MAX"};
    struct forest f = {.n = b->node, .prefix = prefix};
    struct value *y = NULL;
    int aggregate = 1;
    for (int i = 0; i < 4; i++)
        if (onnx_edit_attr_is(b->node, "aggregate_function", functions[i]))
            aggregate = i;
    read_lists(&f, b);
    size_t n = (size_t)f.count + 1, m = (size_t)f.entries + 1;
    f.places = mem_calloc(n, sizeof(*f.places), b->err);
    f.child = mem_calloc(n, sizeof(*f.child), b->err);
    f.number = mem_calloc(3 * n + 2 * m, sizeof(*f.number), b->err);
    build_check(b, f.places && f.child && f.number);
    if (!b->failed) {
        f.taken = f.number + n, f.root = f.number + 2 * n, f.slot = f.number + 3 * n, f.leaf = f.slot + m;
        sort_nodes(&f, b);
    }
    *positive = true, *single = b->failed ? -1 : f.target[0];
    for (int i = 0; i < f.entries && !b->failed; i++) {
        *positive = *positive && f.weight[i] >= 0;
        *single = f.target[i] == *single ? *single : -1;
    }
    if (!b->failed && f.slots > 1 && aggregate != 1)
        build_fail(b, "leaves of several targets are summed up alone");
    if (!b->failed)
        y = ensemble(&f, b, targets, aggregate);
    if (onnx_ml_list(b->node, "base_values", ATTR_FLOATS))
        y = BUILD(b, "Add", y, onnx_ml_floats(b, "base_values", 1, &targets));
    free(f.places);
    free(f.child);
    free(f.number);
    return y;
}

int onnx_raise_tree_regressor(struct onnx_raising *c, struct node **n, const struct onnx_raise_row *row,
                              struct error *err)
{
    struct build b = {.node = *n, .err = err};
    bool positive;
    int64_t single;
    (void)c;
    (void)row;
    struct value *y = scores_of(&b, "target", onnx_edit_get_int(*n, "n_targets", 1), &positive, &single);
    y = onnx_ml_transform(&b, y);
    return onnx_raise_replaced(n, &b, 1, &y);
}

/* Of two classes one alone may have weights. The first: its score s stands for both, as 1 - s and s where no weight is
 * negative, else as -s and s. It also says which class it is: by half, or by the sign. */
int onnx_raise_tree_classifier(struct onnx_raising *c, struct node **n, const struct onnx_raise_row *row,
                               struct error *err)
{
    struct build b = {.node = *n, .err = err};
    bool positive, logistic = onnx_edit_attr_is(*n, "post_transform", "LOGISTIC");
    int64_t count = 0, single;
    (void)c;
    (void)row;
    struct value *labels = onnx_ml_labels(&b, &count), *s, *best;
    const struct attr *base = onnx_ml_list(*n, "base_values", ATTR_FLOATS);
    bool one = base && base->n == 1 && count == 2;
    struct value *y = scores_of(&b, "class", one ? 1 : count, &positive, &single);
    if (count == 2 && single >= 0) {
        const char *formula =
            positive ? "$0 =0.5 Greater:2 Cast/to=7 [-1] Reshape:2" : "$0 =0 Greater:2 Cast/to=7 [-1] Reshape:2";
        s = one ? y : build_slice(&b, y, 1, single, single + 1);
        best = build_formula(&b, formula, 1, &s);
    } else {
        best = BUILD(&b, "ArgMax/axis=1/keepdims=0", y);
    }
    if (count == 2 && single == 0)
        y = build_formula(&b,
                          positive   ? "=1 $0 Sub:2 $0 Concat:2/axis=1"
                          : logistic ? "$0 Neg Sigmoid $0 Sigmoid Concat:2/axis=1"
                                     : "$0 Neg $0 Concat:2/axis=1",
                          1, &s);
    else
        y = onnx_ml_transform(&b, y);
    return onnx_raise_replaced(n, &b, 2, (struct value *[]){BUILD(&b, "Gather", labels, best), y});
}
