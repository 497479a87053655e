/* Computing what depends on constants, or on shapes that are known, alone. */
#include <stdlib.h>
#include <string.h>

#include "pass/util.h"

/* Quantised weights stay so: the quantised operators behind want them, and they are smaller. */
static bool may_fold(const struct node *n)
{
    return strcmp(n->op, "DequantizeLinear") != 0 && strcmp(n->op, "Dequantize") != 0 && pass_is_deterministic(n);
}

/* Constants that take long to multiply are no oversight of the exporter's, and may be an attack. */
#define HEAVY_MAX ((size_t)1 << 20)

static bool all_constant(const struct node *n, size_t *bytes)
{
    *bytes = 0;
    for (int i = 0; i < n->in_count; i++) {
        const struct tensor *t = pass_constant(n->in[i]);
        if (n->in[i] && !t)
            return false;
        if (t && !mem_add(*bytes, t->size, bytes))
            return false;
    }
    return true;
}

/* Puts a constant in the place of an output; a graph output keeps a node, that of the same operator as everywhere: an
 * Identity. */
static int give_constant(struct node *n, int o, struct tensor *t, struct error *err)
{
    struct value *from = n->out[o], *v;
    if (!t)
        return -1;
    if (!from->is_output)
        return graph_make_constant(from, t, err) ? -1 : 1;
    v = pass_add_constant(n->graph, t, err);
    struct node *identity = v ? pass_node(n, "", "Identity", 1, &v, err) : NULL;
    return identity && node_move_output(n, o, identity, err) == 0 ? 1 : -1;
}

static int take_results(struct node *n, struct item *const *out, struct error *err)
{
    for (int o = 0; o < n->out_count; o++)
        if (n->out[o] && out[o]->kind != ITEM_TENSOR)
            return 0;
    for (int o = 0; o < n->out_count; o++)
        if (n->out[o] && give_constant(n, o, tensor_ref(out[o]->tensor), err) < 0)
            return -1;
    pass_remove(n);
    return 1;
}

#define FOLD_OPERANDS 64

/* A node that cannot be computed, or whose result would be too large, stays: when it runs it says what is wrong. */
static int compute(struct node *n, struct error *err)
{
    struct item *in[FOLD_OPERANDS] = {NULL}, *out[FOLD_OPERANDS] = {NULL};
    struct error ignored;
    int changed = 0;
    bool made = n->in_count <= FOLD_OPERANDS && n->out_count <= FOLD_OPERANDS;
    for (int i = 0; made && i < n->in_count; i++)
        if (n->in[i])
            made = (in[i] = item_of_tensor(tensor_ref(n->in[i]->constant), &ignored)) != NULL;
    if (made && op_compute(n, in, out, FOLD_OPERANDS, &ignored) == 0)
        changed = take_results(n, out, err);
    for (int i = 0; i < FOLD_OPERANDS; i++) {
        item_unref(in[i]);
        item_unref(out[i]);
    }
    return changed;
}

/* Outputs that inference has worked out. */
static int fold_known(struct node *n, struct error *err)
{
    int changes = 0;
    for (int o = 0; o < n->out_count; o++) {
        if (!n->out[o] || !value_is_known(n->out[o]))
            continue;
        if (give_constant(n, o, value_known(n->out[o], err), err) < 0)
            return -1;
        changes = 1;
    }
    if (changes && node_is_dead(n))
        pass_remove(n);
    return changes;
}

/* An If whose condition is constant is replaced by the branch that it takes. */
static int fold_if(struct node *n, struct error *err)
{
    int64_t known;
    double cond;
    if (pass_scalar(n->in[0], &cond))
        known = cond != 0;
    else if (pass_is_static(n->in[0]) && n->in[0]->known && value_is_known(n->in[0]))
        known = n->in[0]->known[0].value;
    else
        return 0;
    struct graph *branch = op_graph(n, known ? "then_branch" : "else_branch");
    return branch ? pass_inline(n, branch, err) : 0;
}

static bool is_constant_already(const struct node *n)
{
    return node_is(n, "Identity") && n->out[0] && n->out[0]->is_output;
}

static int rewrite(struct node *n, struct error *err)
{
    size_t bytes;
    if (node_is(n, "If"))
        return n->in_count == 1 && n->in[0] ? fold_if(n, err) : 0;
    if (!may_fold(n) || n->out_count < 1)
        return 0;
    if (all_constant(n, &bytes))
        return is_constant_already(n) || (op_trait(n, "heavy") && bytes > HEAVY_MAX) ? 0 : compute(n, err);
    return fold_known(n, err);
}

int pass_fold_constants(struct graph *g, struct error *err)
{
    return pass_each(g, rewrite, err);
}

int pass_compute(struct node *n, struct error *err)
{
    size_t bytes;
    return n->out_count > 0 && all_constant(n, &bytes) ? compute(n, err) : 0;
}

static int fold_move(struct node *n, struct error *err)
{
    return op_trait(n, "view") || node_is(n, "Transpose") || node_is(n, "Gather") ? pass_compute(n, err) : 0;
}

int pass_fold_moves(struct graph *g, struct error *err)
{
    return pass_each(g, fold_move, err);
}

static int dequantize(struct node *n, struct error *err)
{
    return node_is(n, "DequantizeLinear") ? pass_compute(n, err) : 0;
}

int pass_dequantize_weights(struct graph *g, struct error *err)
{
    return pass_each(g, dequantize, err);
}
