/* Taking over the nodes of a subgraph into the graph that holds it. Scratch of the subgraph's values points to their
 * copies meanwhile. */
#include "pass/util.h"

static int copy_nodes(struct graph *to, struct node *before, struct graph *from, struct error *err);

static struct value *copy_value(struct graph *to, struct value *v, struct error *err)
{
    const char *name = graph_find_value(to, v->name) ? NULL : v->name;
    struct value *copy = v->constant && !v->is_input ? graph_add_constant(to, name, tensor_ref(v->constant), err)
                                                     : graph_add_value(to, name, err);
    if (!copy || graph_copy_type(to, &copy->type, &v->type, err) ||
        value_set_known(copy, v->known_count, v->known, err))
        return NULL;
    if (v->is_input)
        copy->constant = tensor_ref(v->constant);
    return copy;
}

static int copy_values(struct graph *to, struct graph *from, struct error *err)
{
    for (size_t i = 0; i < from->value_count; i++)
        if (from->values[i] && !(from->values[i]->scratch = copy_value(to, from->values[i], err)))
            return -1;
    return 0;
}

/* A value that has a copy gives it; one of an enclosing graph is used as it is. */
static struct value *mapped(struct value *v)
{
    return v && v->scratch ? v->scratch : v;
}

static int copy_subgraph(struct node *to, const char *name, struct graph *from, struct error *err)
{
    struct graph *sub = graph_new_subgraph(to->graph, err);
    if (!sub || node_set_graph(to, name, sub, err) || copy_values(sub, from, err))
        return -1;
    for (size_t i = 0; i < from->input_count; i++)
        if (graph_add_input(sub, from->inputs[i]->scratch, err))
            return -1;
    if (copy_nodes(sub, NULL, from, err))
        return -1;
    for (size_t i = 0; i < from->output_count; i++)
        if (graph_add_output(sub, from->outputs[i]->scratch, err))
            return -1;
    return 0;
}

/* The original is about to be thrown away, so its subgraphs go as they are copied, and the rest is taken. */
static int copy_attrs(struct node *to, struct node *n, struct error *err)
{
    for (const struct attr *a = n->attrs, *next; a; a = next) {
        next = a->next;
        if (a->kind != ATTR_GRAPH)
            continue;
        if (copy_subgraph(to, a->name, a->graph, err))
            return -1;
        node_remove_attr(n, a->name);
    }
    return node_take_attrs(to, n, err);
}

static int copy_nodes(struct graph *to, struct node *before, struct graph *from, struct error *err)
{
    for (struct node *n = from->first; n; n = n->next) {
        struct node *copy = graph_add_node(to, n->domain, n->op, before, err);
        if (!copy || node_set_name(copy, n->name, err) || copy_attrs(copy, n, err))
            return -1;
        copy->def = n->def;
        copy->since = n->since;
        for (int i = 0; i < n->in_count; i++)
            if (node_add_input(copy, mapped(n->in[i]), err))
                return -1;
        for (int o = 0; o < n->out_count; o++)
            if (node_add_output(copy, n->out[o] ? n->out[o]->scratch : NULL, err))
                return -1;
    }
    return 0;
}

/* What scratch says of values outside the branch must not be taken for a copy. */
static void clear_scratch(struct graph *g)
{
    for (; g; g = g->parent)
        for (size_t i = 0; i < g->value_count; i++)
            if (g->values[i])
                g->values[i]->scratch = NULL;
}

/* An output keeps its name and, where the branch's value cannot take its place, gets an Identity. */
static int hand_output(struct node *n, int o, struct value *v, struct error *err)
{
    if (!n->out[o]->is_output)
        return graph_replace_value(n->out[o], v, err);
    struct node *identity = pass_node(n, "", "Identity", 1, &v, err);
    return identity && node_move_output(n, o, identity, err) == 0 ? op_infer_node(identity, err) : -1;
}

int pass_inline(struct node *n, struct graph *branch, struct error *err)
{
    if (branch->input_count || branch->output_count != (size_t)n->out_count)
        return 0;
    clear_scratch(branch);
    if (copy_values(n->graph, branch, err) || copy_nodes(n->graph, n, branch, err))
        return -1;
    for (int o = 0; o < n->out_count; o++)
        if (n->out[o] && hand_output(n, o, branch->outputs[o]->scratch, err))
            return -1;
    pass_remove(n);
    return 1;
}
