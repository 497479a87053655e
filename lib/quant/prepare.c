#include "quant/prepare.h"

#include <string.h>

#include "op/op.h"
#include "pass/qdq.h"
#include "quant/weights.h"

/* Scales and shifts of channels as the convolution of each by one number, which has a quantised form. */
static int as_convolution(struct node *n, struct error *err)
{
    const struct type *x = pass_type(node_in(n, 0));
    const struct tensor *scale = pass_constant(node_in(n, 1)), *shift = pass_constant(node_in(n, 2));
    if (strcmp(n->domain, "nn") != 0 || strcmp(n->op, "ScaleShift") != 0 || op_string(n, "activation")[0] || !x ||
        x->rank < 3 || x->dims[1] < 1 || !scale || !shift || scale->count != x->dims[1] || shift->count != x->dims[1])
        return 0;
    int64_t dims[TENSOR_MAX_RANK] = {x->dims[1]};
    for (int i = 1; i < x->rank; i++)
        dims[i] = 1;
    struct value *w = pass_add_constant(n->graph, tensor_reshaped(scale, x->rank, dims, err), err);
    struct value *b = w ? pass_add_constant(n->graph, tensor_reshaped(shift, 1, dims, err), err) : NULL;
    struct node *conv = b ? pass_node(n, "", "Conv", 3, (struct value *[]){n->in[0], w, b}, err) : NULL;
    return conv && node_set_int(conv, "group", dims[0], err) == 0 ? pass_replace(n, conv, err) : -1;
}

/* Split as Slices, which move bytes. */
static int as_slices(struct node *n, struct error *err)
{
    const struct type *x = pass_type(node_in(n, 0));
    int64_t from = 0, axis = x && node_is(n, "Split") ? op_int(n, "axis") : 0;
    if (!x || !node_is(n, "Split") || axis < -x->rank || axis >= x->rank)
        return 0;
    axis = axis < 0 ? axis + x->rank : axis;
    for (int o = 0; o < n->out_count; o++)
        if (!n->out[o] || !pass_type(n->out[o]) || n->out[o]->type.dims[axis] < 0)
            return 0;
    struct value *axes = pass_add_ints(n->graph, 1, &axis, err);
    for (int o = 0; axes && o < n->out_count; o++) {
        int64_t to = from + n->out[o]->type.dims[axis];
        struct value *in[4] = {n->in[0], pass_add_ints(n->graph, 1, &from, err), NULL, axes};
        in[2] = in[1] ? pass_add_ints(n->graph, 1, &to, err) : NULL;
        struct node *slice = in[2] ? pass_node(n, "", "Slice", 4, in, err) : NULL;
        if (!slice || node_move_output(n, o, slice, err))
            return -1;
        from = to;
    }
    if (!axes)
        return -1;
    pass_remove(n);
    return 1;
}

/* Values and nodes are found again by their names. */
static int name_nodes(struct graph *g, struct error *err)
{
    for (struct node *n = g->first; n; n = n->next)
        if (!*n->name && n->out_count && n->out[0] && node_set_name(n, n->out[0]->name, err))
            return -1;
    return 0;
}

/* A network that was optimised, or is of another runtime: an operator and its activation are one node there. */
static int as_standard(struct node *n, struct error *err)
{
    return strcmp(n->domain, "nn") == 0 && !n->def->eval ? pass_expand_node(n, err) : 0;
}

int quant_prepare(struct graph *g, struct error *err)
{
    op_resolve(g);
    if (op_infer_graph(g, err) || pass_each(g, as_standard, err) < 0 || quant_restore_weights(g, true, err) < 0 ||
        pass_run_unfused(g, err) || pass_each(g, as_convolution, err) < 0 || pass_each(g, as_slices, err) < 0)
        return -1;
    return name_nodes(g, err) ? -1 : op_infer_graph(g, err);
}
