/* Activations and residual additions into the node before. Both look through nodes that only move axes. */
#include <string.h>

#include "op/attr.h"
#include "op/fused.h"
#include "pass/moves.h"

/* ---- activations ---- */

/* The row of the node's operator in domain nn; NULL when there is none. */
static const struct op *fused_form(const struct node *n)
{
    return n->domain[0] && strcmp(n->domain, "nn") != 0 ? NULL : op_find("nn", n->op);
}

/* Operators of whole numbers, whose results may be numbers, have bounds alone. */
static bool is_taken(const struct op *fused, const struct fused_activation *a)
{
    return fused->name[0] != 'Q' || strcmp(a->name, "Relu") == 0 || strcmp(a->name, "Clip") == 0;
}

/* Whether the node, or its fused form, can apply an activation to its result. */
static bool takes_activation(const struct node *n, const struct fused_activation *a)
{
    const struct op *fused = fused_form(n);
    struct attr_spec spec;
    return fused && is_taken(fused, a) && attr_spec_find(fused, "activation", &spec) && pass_is_float(node_out(n, 0)) &&
           (n->def != fused || !op_string(n, "activation")[0]);
}

/* Makes a node the fused form of what it is. */
static int become_fused(struct node *n, struct error *err)
{
    if (!n->domain[0] && node_set_op(n, "nn", n->op, err))
        return -1;
    n->def = op_find("nn", n->op);
    return 0;
}

static int rewrite_activation(struct node *n, struct error *err)
{
    float alpha, beta;
    struct moves moves;
    const struct fused_activation *a = fused_activation_of(n, &alpha, &beta);
    if (!a || strcmp(a->op, "Shrink") == 0 || !node_out(n, 0) || !node_in(n, 0) || !moves_find(n->in[0], &moves) ||
        !takes_activation(moves.base, a))
        return 0;
    if (become_fused(moves.base, err) || fused_set_activation(moves.base, a, alpha, beta, err))
        return -1;
    return pass_bypass(n, 0, n->in[0], err);
}

int pass_fuse_activation(struct graph *g, struct error *err)
{
    return pass_each(g, rewrite_activation, err);
}

/* ---- residuals ---- */

static bool takes_residual(const struct node *n)
{
    const struct op *fused = fused_form(n);
    struct attr_spec spec;
    return fused && attr_spec_find(fused, "residual_last", &spec) && !node_in(n, 3) && node_out(n, 0);
}

/* Lets the base of operand i of an Add do the addition, after its activation if it has one. */
static int take_residual(struct node *n, const struct moves *moves, struct value *r, struct error *err)
{
    struct node *base = moves->base;
    struct value *v = moves->count ? moves->at[0]->out[0] : base->out[0];
    int done = moves_undo(moves, r, n, &r, err);
    if (done <= 0)
        return done;
    moves_put_before(moves, n);
    if (become_fused(base, err))
        return -1;
    while (base->in_count < 3)
        if (node_add_input(base, NULL, err))
            return -1;
    bool last = op_string(base, "activation")[0] != '\0';
    if (node_set_input(base, 3, r, err) || node_set_int(base, "residual_last", last, err))
        return -1;
    return pass_bypass(n, 0, v, err);
}

#define SEARCH_MAX 64

/* Which of two nodes before n is the nearer, as far as can be told soon. */
static bool is_nearer(const struct node *n, const struct node *a, const struct node *b)
{
    for (int i = 0; i < SEARCH_MAX && n; i++, n = n->prev)
        if (n == a || n == b)
            return n == a;
    return true;
}

/* The other operand is at hand by the time of the addition, so that the base can do it then. */
static int rewrite_residual(struct node *n, struct error *err)
{
    struct moves moves[2];
    bool takes[2];
    if (!node_is(n, "Add") || n->in_count != 2 || !node_out(n, 0) || !pass_is_float(n->out[0]) ||
        pass_constant(n->in[0]) || pass_constant(n->in[1]) || !pass_same_dims(n->in[0], n->in[1]))
        return 0;
    for (int i = 0; i < 2; i++)
        takes[i] = moves_find(n->in[i], &moves[i]) && takes_residual(moves[i].base);
    int first = takes[0] && takes[1] ? !is_nearer(n, moves[0].base, moves[1].base) : takes[1];
    int done = takes[first] ? take_residual(n, &moves[first], n->in[1 - first], err) : 0;
    return done == 0 && takes[1 - first] ? take_residual(n, &moves[1 - first], n->in[first], err) : done;
}

int pass_fuse_residual(struct graph *g, struct error *err)
{
    return pass_each(g, rewrite_residual, err);
}
