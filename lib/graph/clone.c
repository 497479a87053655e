/* Deep copies. While one is made, scratch of each value, node and graph of the original points to its copy. */
#include <stdlib.h>

#include "graph/impl.h"
#include "graph/symbol.h"

/* `name` NULL: a fresh one. */
static int clone_value(struct graph *to, struct value *v, const char *name, struct error *err)
{
    struct value *copy = graph_add_value(to, name, err);

    if (!copy || graph_copy_type(to, &copy->type, &v->type, err) != 0 ||
        value_set_known(copy, v->known_count, v->known, err) != 0)
        return -1;
    copy->constant = tensor_ref(v->constant);
    v->scratch = copy;
    return 0;
}

/* An empty copy for now: the walk comes to it later. */
static int clone_subgraph(struct node *to, const struct attr *a, struct error *err)
{
    struct graph *sub = graph_new_subgraph(to->graph, err);

    if (!sub || node_set_graph(to, a->name, sub, err) != 0)
        return -1;
    a->graph->scratch = sub;
    return 0;
}

static int clone_operands(struct node *to, const struct node *n, struct error *err)
{
    for (int i = 0; i < n->in_count; i++)
        if (node_add_input(to, n->in[i] ? n->in[i]->scratch : NULL, err) != 0)
            return -1;
    for (int i = 0; i < n->out_count; i++)
        if (node_add_output(to, n->out[i] ? n->out[i]->scratch : NULL, err) != 0)
            return -1;
    return 0;
}

static int clone_node(struct graph *to, struct node *n, struct error *err)
{
    struct node *copy = graph_add_node(to, n->domain, n->op, NULL, err);

    if (!copy || node_set_name(copy, n->name, err) != 0 || clone_operands(copy, n, err) != 0)
        return -1;
    copy->def = n->def;
    copy->since = n->since;
    for (const struct attr *a = n->attrs; a; a = a->next)
        if ((a->kind == ATTR_GRAPH ? clone_subgraph : attr_copy)(copy, a, err) != 0)
            return -1;
    return 0;
}

static int clone_values(struct graph *to, const struct graph *g, struct error *err)
{
    to->name = arena_strdup(&to->root->arena, g->name, err);
    if (!to->name)
        return -1;
    for (size_t i = 0; i < g->value_count; i++)
        if (g->values[i] && clone_value(to, g->values[i], g->values[i]->name, err) != 0)
            return -1;
    for (size_t i = 0; i < g->input_count; i++)
        if (graph_add_input(to, g->inputs[i]->scratch, err) != 0)
            return -1;
    return 0;
}

static int clone_nodes(struct graph *to, const struct graph *g, struct error *err)
{
    for (struct node *n = g->first; n; n = n->next)
        if (clone_node(to, n, err) != 0)
            return -1;
    for (size_t i = 0; i < g->output_count; i++)
        if (graph_add_output(to, g->outputs[i]->scratch, err) != 0)
            return -1;
    return 0;
}

/* What is in the nodes' subgraphs. Values of enclosing graphs have been copied before: a walk comes to a graph before
 * its subgraphs. */
static int clone_subgraphs(const struct graph *top, struct error *err)
{
    for (struct graph *g = graph_next(top, top); g; g = graph_next(top, g))
        if (clone_values(g->scratch, g, err) != 0 || clone_nodes(g->scratch, g, err) != 0)
            return -1;
    return 0;
}

static int clone_all(struct graph *to, const struct graph *root, struct error *err)
{
    for (const struct property *p = root->properties; p; p = p->next)
        if (graph_set_property(to, p->key, p->value.data, p->value.size, err) != 0)
            return -1;
    if (symbol_copy_all(to, root, err) != 0 || clone_values(to, root, err) != 0 || clone_nodes(to, root, err) != 0)
        return -1;
    return clone_subgraphs(root, err);
}

struct graph *graph_clone(const struct graph *root, struct error *err)
{
    struct graph *copy;

    if (root->parent) {
        error_set(err, "a subgraph cannot be copied on its own");
        return NULL;
    }
    copy = graph_new(err);
    if (copy && clone_all(copy, root, err) != 0) {
        graph_free(copy);
        return NULL;
    }
    if (copy) {
        copy->computed = root->computed;
        copy->computed_most = root->computed_most;
    }
    return copy;
}

/* ---- a subgraph on its own ---- */

struct extraction {
    struct graph *to;
    const struct graph *from;
    struct value **captured;
    size_t count, cap;
};

static int add_captured(struct extraction *x, struct value *v, struct error *err)
{
    bool is_constant = v->constant && !v->is_input;

    if (clone_value(x->to, v, names_find(x->to, v->name) ? NULL : v->name, err) != 0)
        return -1;
    if (is_constant)
        return 0;
    if (mem_grow(&x->captured, &x->cap, x->count + 1, sizeof(struct value *), err) != 0)
        return -1;
    x->captured[x->count++] = v;
    return graph_add_input(x->to, v->scratch, err);
}

/* Over all inputs that are values of enclosing graphs, twice: to clear their scratch, and to copy what is new. */
static int each_captured(struct extraction *x, bool copy, struct error *err)
{
    for (const struct graph *g = x->from; g; g = graph_next(x->from, g))
        for (const struct node *n = g->first; n; n = n->next)
            for (int i = 0; i < n->in_count; i++) {
                struct value *v = n->in[i];

                if (!v || !graph_sees(x->from->parent, v->graph))
                    continue;
                if (!copy)
                    v->scratch = NULL;
                else if (!v->scratch && add_captured(x, v, err) != 0)
                    return -1;
            }
    return 0;
}

static int extract(struct extraction *x, struct error *err)
{
    each_captured(x, false, NULL);
    if (symbol_copy_all(x->to, x->from, err) != 0 || clone_values(x->to, x->from, err) != 0 ||
        each_captured(x, true, err) != 0 || clone_nodes(x->to, x->from, err) != 0)
        return -1;
    return clone_subgraphs(x->from, err);
}

struct graph *graph_extract(const struct graph *subgraph, struct value ***captured, size_t *count, struct error *err)
{
    struct extraction x = {.to = graph_new(err), .from = subgraph};

    *captured = NULL;
    *count = 0;
    if (x.to && extract(&x, err) != 0) {
        free(x.captured);
        graph_free(x.to);
        return NULL;
    }
    *captured = x.captured;
    *count = x.count;
    return x.to;
}
