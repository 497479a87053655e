/* Nodes that only move or rename axes: chains of them become one. */
#include <string.h>

#include "pass/util.h"

/* Transpose of a Transpose, which stays for others that use it. */
static int merge_transposes(struct node *n, struct error *err)
{
    struct node *before = n->in[0]->producer;
    int64_t first[TENSOR_MAX_RANK], second[TENSOR_MAX_RANK], both[TENSOR_MAX_RANK];
    if (!before || !before->def || !node_is(before, "Transpose") || !pass_perm(before, first) || !pass_perm(n, second))
        return 0;
    int rank = n->in[0]->type.rank;
    for (int i = 0; i < rank; i++)
        both[i] = first[second[i]];
    struct node *merged = pass_node(n, "", "Transpose", 1, before->in, err);
    if (!merged || node_set_ints(merged, "perm", both, (size_t)rank, err))
        return -1;
    return pass_replace(n, merged, err);
}

/* The dims of a tensor as Reshape takes them: at most one is not known, and is told from the others. */
static bool shape_of(const struct value *v, int64_t *shape)
{
    const struct type *t = pass_type(v);
    int open = 0;
    for (int i = 0; t && i < t->rank; i++) {
        if (t->dims[i] == 0)
            return false;
        shape[i] = t->dims[i] < 0 ? -1 : t->dims[i];
        open += t->dims[i] < 0;
    }
    return t && open < 2;
}

static int make_reshape(struct node *n, struct value *from, const int64_t *shape, struct error *err)
{
    struct value *in[2] = {from, pass_add_ints(n->graph, n->out[0]->type.rank, shape, err)};
    return in[1] ? pass_replace(n, pass_node(n, "", "Reshape", 2, in, err), err) : -1;
}

/* Whether a Transpose leaves the axes of more than one element in their order. */
static bool moves_ones(const struct node *n)
{
    int64_t perm[TENSOR_MAX_RANK], last = -1;
    if (!pass_is_static(n->in[0]) || !pass_perm(n, perm))
        return false;
    for (int i = 0; i < n->in[0]->type.rank; i++) {
        if (n->in[0]->type.dims[perm[i]] == 1)
            continue;
        if (perm[i] < last)
            return false;
        last = perm[i];
    }
    return true;
}

static bool has_constant_shape(const struct node *n)
{
    return node_is(n, "Reshape") && pass_constant(n->in[1]) && op_int(n, "allowzero") == 0;
}

/* As a Reshape to a constant shape, of what the chain before it began with. */
static int merge_reshapes(struct node *n, struct error *err)
{
    int64_t shape[TENSOR_MAX_RANK];
    struct value *from = n->in[0];
    if (!shape_of(n->out[0], shape))
        return 0;
    while (from->producer && op_trait(from->producer, "view") && node_in(from->producer, 0))
        from = from->producer->in[0];
    if (from == n->in[0] && (has_constant_shape(n) || (!node_is(n, "Reshape") && !pass_is_static(n->out[0]))))
        return 0;
    return make_reshape(n, from, shape, err);
}

static int rewrite(struct node *n, struct error *err)
{
    int64_t shape[TENSOR_MAX_RANK];
    if (!node_in(n, 0) || !node_out(n, 0))
        return 0;
    if (op_trait(n, "view"))
        return merge_reshapes(n, err);
    if (!node_is(n, "Transpose"))
        return 0;
    if (moves_ones(n) && shape_of(n->out[0], shape))
        return make_reshape(n, n->in[0], shape, err);
    return merge_transposes(n, err);
}

int pass_fold_shapes(struct graph *g, struct error *err)
{
    return pass_each(g, rewrite, err);
}
