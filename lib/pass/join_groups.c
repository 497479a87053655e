/* A grouped convolution, where a format has none: Split, a convolution of each part, perhaps an activation, Concat. */
#include <string.h>

#include "pass/util.h"

struct groups {
    struct node *split, *first, *act; /* the first convolution, and what is behind it; act NULL: nothing */
};

/* Does the same to each element: further operands are numbers. */
static bool is_activation(const struct node *n)
{
    if (!n || !n->def || n->in_count < 1 || n->in_count > 3 || n->out_count != 1 || !op_trait(n, "axes=each"))
        return false;
    for (int i = 1; i < n->in_count; i++)
        if (n->in[i] && (!pass_is_static(n->in[i]) || n->in[i]->type.rank != 0))
            return false;
    return n->in[0] != NULL;
}

static bool same_activation(const struct node *a, const struct node *b)
{
    return a == b || (a && b && pass_same_operator(a, b) &&
                      memcmp(a->in + 1, b->in + 1, (size_t)(a->in_count - 1) * sizeof *a->in) == 0);
}

/* Whether operand i of the Concat is the i-th part, convolved as the first one is. */
static bool is_group(const struct node *concat, int i, struct groups *g)
{
    struct node *n = concat->in[i] ? concat->in[i]->producer : NULL, *act = NULL;
    if (is_activation(n) && pass_is_single(concat->in[i])) {
        act = n;
        n = n->in[0]->producer;
    }
    const struct tensor *w = n && node_is(n, "Conv") && pass_is_single(n->out[0]) ? pass_constant(node_in(n, 1)) : NULL;
    const struct tensor *b = w ? pass_constant(node_in(n, 2)) : NULL;
    if (!w || w->rank < 3 || op_int(n, "group") < 1 || n->in_count != 2 + (b != NULL) || !n->in[0] ||
        !pass_is_single(n->in[0]))
        return false;
    if (i == 0)
        *g = (struct groups){n->in[0]->producer, n, act};
    const struct tensor *usual = pass_constant(g->first->in[1]);
    const struct type *x = pass_type(n->in[0]);
    return g->split && node_out(g->split, i) == n->in[0] && x && x->dims[1] == w->dims[1] * op_int(n, "group") &&
           w->dtype == usual->dtype && w->rank == usual->rank &&
           memcmp(w->dims, usual->dims, (size_t)w->rank * sizeof *w->dims) == 0 && pass_same_operator(n, g->first) &&
           same_activation(act, g->act);
}

static bool is_along_channels(const struct node *n, int rank)
{
    int64_t axis = op_int(n, "axis");
    return (axis < 0 ? axis + rank : axis) == 1;
}

/* The groups' weights, or biases, one behind the other. */
static struct value *join(struct node *concat, const struct groups *g, int index, struct error *err)
{
    struct node *n = pass_node(concat, "", "Concat", 0, NULL, err);
    if (!n || node_set_int(n, "axis", 0, err))
        return NULL;
    for (int i = 0; i < concat->in_count; i++) {
        const struct node *at = concat->in[i]->producer;
        if (node_add_input(n, (g->act ? at->in[0]->producer : at)->in[index], err))
            return NULL;
    }
    return pass_output(n, err);
}

static int rewrite(struct node *n, struct error *err)
{
    struct groups g;
    const struct type *y = node_is(n, "Concat") && node_out(n, 0) ? pass_type(n->out[0]) : NULL;
    if (!y || n->in_count < 2 || !is_along_channels(n, y->rank))
        return 0;
    for (int i = 0; i < n->in_count; i++)
        if (!is_group(n, i, &g))
            return 0;
    if (!node_is(g.split, "Split") || !node_in(g.split, 0) || g.split->out_count != n->in_count ||
        !is_along_channels(g.split, y->rank))
        return 0;
    int inputs = g.first->in_count;
    int64_t groups = op_int(g.first, "group") * n->in_count;
    struct value *in[3] = {g.split->in[0], join(n, &g, 1, err), inputs > 2 ? join(n, &g, 2, err) : NULL};
    struct node *conv = in[1] && (in[2] || inputs == 2) ? pass_node(n, "", "Conv", inputs, in, err) : NULL;
    if (!conv || node_take_attrs(conv, g.first, err) || node_set_int(conv, "group", groups, err))
        return -1;
    struct node *act = NULL;
    for (int i = 0; g.act && i < g.act->in_count; i++)
        in[i] = i ? g.act->in[i] : pass_output(conv, err);
    if (g.act && in[0])
        act = pass_node(n, g.act->domain, g.act->op, g.act->in_count, in, err);
    if (g.act && (!act || node_take_attrs(act, g.act, err)))
        return -1;
    return pass_replace(n, act ? act : conv, err);
}

int pass_join_groups(struct graph *g, struct error *err)
{
    return pass_each(g, rewrite, err);
}
