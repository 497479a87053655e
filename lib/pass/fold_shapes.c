/* Nodes that only move or rename axes: chains of them become one. */
#include <string.h>

#include "pass/util.h"

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

/* Whether a Transpose moves axes, and leaves those of more than one element in their order. */
static bool moves_ones(const struct node *n)
{
    int64_t perm[TENSOR_MAX_RANK], last = -1;
    bool moves = false;
    if (!pass_type(n->in[0]) || !pass_perm(n, perm))
        return false;
    for (int i = 0; i < n->in[0]->type.rank; i++) {
        moves |= perm[i] != i;
        if (n->in[0]->type.dims[perm[i]] == 1)
            continue;
        if (perm[i] < last)
            return false;
        last = perm[i];
    }
    return moves;
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

/* A Squeeze or Unsqueeze of all axes of 1 in a type. */
static struct node *make_ones(struct node *n, const char *op, struct value *v, const struct type *t, struct error *err)
{
    int64_t ones[TENSOR_MAX_RANK], count = 0;
    for (int i = 0; i < t->rank; i++)
        if (t->dims[i] == 1)
            ones[count++] = i;
    struct value *in[2] = {v, pass_add_ints(n->graph, count, ones, err)};
    return v && in[1] ? pass_node(n, "", op, 2, in, err) : NULL;
}

/* Where dims that are not known cannot be told to a Reshape. */
static int replace_ones(struct node *n, struct error *err)
{
    struct node *squeeze = make_ones(n, "Squeeze", n->in[0], &n->in[0]->type, err);
    struct value *rest = squeeze ? pass_output(squeeze, err) : NULL;
    return pass_replace(n, make_ones(n, "Unsqueeze", rest, &n->out[0]->type, err), err);
}

static int rewrite(struct node *n, struct error *err)
{
    int64_t shape[TENSOR_MAX_RANK];
    if (!node_in(n, 0) || !node_out(n, 0))
        return 0;
    if (op_trait(n, "view"))
        return merge_reshapes(n, err);
    if (!node_is(n, "Transpose") || !moves_ones(n))
        return 0;
    return shape_of(n->out[0], shape) ? make_reshape(n, n->in[0], shape, err) : replace_ones(n, err);
}

int pass_fold_shapes(struct graph *g, struct error *err)
{
    return pass_each(g, rewrite, err);
}
