#include "exec/cut.h"

#include <stdlib.h>
#include <string.h>

#include "op/op.h"

static bool type_is_static(const struct type *t)
{
    if (t->kind != TYPE_TENSOR || t->rank < 0 || t->dtype == DTYPE_STRING || dtype_info(t->dtype)->bits < 8)
        return false;
    for (int i = 0; i < t->rank; i++)
        if (t->dims[i] < 0)
            return false;
    return true;
}

static bool has_subgraph(const struct node *n)
{
    for (const struct attr *a = n->attrs; a; a = a->next)
        if (a->kind == ATTR_GRAPH)
            return true;
    return false;
}

/* The plan can hold the node: known shapes, plain element types, no control flow. */
static bool is_static(const struct node *n)
{
    for (int i = 0; i < n->out_count; i++)
        if (n->out[i] && !type_is_static(&n->out[i]->type))
            return false;
    for (int i = 0; i < n->in_count; i++)
        if (n->in[i] && !n->in[i]->constant && !type_is_static(&n->in[i]->type))
            return false;
    return !has_subgraph(n);
}

bool cut_has_static_outputs(const struct graph *g)
{
    for (size_t i = 0; i < g->output_count; i++)
        if (!type_is_static(&g->outputs[i]->type))
            return false;
    return true;
}

/* Worth a plan of its own once shapes are known, rather than being evaluated in passing. */
static bool is_heavy(const struct node *n)
{
    return op_trait(n, "heavy") || has_subgraph(n);
}

const struct node *cut_point(const struct graph *g, bool *dynamic)
{
    struct node *n = g->first;
    *dynamic = n && !is_static(n);
    if (*dynamic)
        n = n->next;
    while (n && (*dynamic ? !is_static(n) && !is_heavy(n) : is_static(n)))
        n = n->next;
    return n;
}

/* Marks nodes (at scratch) and the values they make: 1 before the cut, 2 behind it. */
static void mark_sides(const struct graph *g, const struct node *at)
{
    intptr_t side = 1;
    for (size_t i = 0; i < g->value_count; i++)
        if (g->values[i])
            g->values[i]->scratch = NULL;
    for (struct node *n = g->first; n; n = n->next) {
        side = n == at ? 2 : side;
        n->scratch = (void *)side;
        for (int i = 0; i < n->out_count; i++)
            if (n->out[i])
                n->out[i]->scratch = (void *)side;
    }
}

static intptr_t side_of(const void *scratch)
{
    return (intptr_t)scratch;
}

/* The side of the node of graph `root` in which a use lies, however deep. */
static intptr_t use_side(const struct use *use, const struct graph *root)
{
    const struct graph *g = use->node->graph;
    if (g == root)
        return side_of(use->node->scratch);
    for (const struct node *n = root->last; n; n = n->prev)
        for (const struct attr *a = n->attrs; a; a = a->next)
            for (const struct graph *up = g; a->kind == ATTR_GRAPH && up != root; up = up->parent)
                if (a->graph == up)
                    return side_of(n->scratch);
    return 2;
}

/* Is the value made before the cut (or given to the graph) and needed behind it? */
static bool crosses(const struct value *v)
{
    if (v->constant || side_of(v->scratch) == 2)
        return false;
    for (size_t i = 0; i < v->use_count; i++)
        if (use_side(&v->uses[i], v->graph) == 2)
            return true;
    return v->is_output;
}

static void remove_side(struct graph *g, intptr_t side)
{
    for (struct node *n = g->last, *prev; n; n = prev) {
        prev = n->prev;
        if (side_of(n->scratch) == side)
            graph_remove_node(n);
    }
}

static void drop_outputs(struct graph *g)
{
    while (g->output_count > 0)
        graph_remove_output(g->outputs[g->output_count - 1]);
}

/* A copy of g whose scratch marks are those of g. */
static struct graph *clone_marked(const struct graph *g, const struct node *at, struct error *err)
{
    struct graph *copy = graph_clone(g, err);
    if (!copy)
        return NULL;
    struct node *c = copy->first;
    for (struct node *n = g->first; n && n != at; n = n->next)
        c = c->next;
    mark_sides(copy, c);
    return copy;
}

static struct graph *make_before(const struct graph *g, const struct node *at, struct value **cross, size_t n,
                                 struct error *err)
{
    struct graph *b = clone_marked(g, at, err);
    if (!b)
        return NULL;
    drop_outputs(b);
    remove_side(b, 2);
    for (size_t i = 0; i < n; i++) {
        struct value *v = cross[i]->is_input ? NULL : graph_find_local(b, cross[i]->name);
        if (v && graph_add_output(b, v, err) < 0) {
            graph_free(b);
            return NULL;
        }
    }
    return b;
}

/* Puts a fresh graph input in the place of a value that the removed side made. */
static int make_input(struct graph *g, const struct value *cross, struct error *err)
{
    struct value *old = graph_find_local(g, cross->name);
    if (old->is_input)
        return 0;
    struct value *input = graph_add_value(g, NULL, err);
    if (!input)
        return -1;
    input->type = old->type;
    if (graph_replace_value(old, input, err) < 0)
        return -1;
    return graph_add_input(g, input, err);
}

static struct graph *make_after(const struct graph *g, const struct node *at, struct value **cross, size_t n,
                                struct error *err)
{
    struct graph *a = clone_marked(g, at, err);
    if (!a)
        return NULL;
    for (size_t i = 0; i < n; i++)
        if (make_input(a, cross[i], err) < 0) {
            graph_free(a);
            return NULL;
        }
    remove_side(a, 1);
    return a;
}

/* Inputs of `after` are g's inputs, all of them, then the crossing values that g's nodes made, which are the outputs of
 * `before`. */
static int *map_inputs(const struct graph *g, const struct graph *after, struct error *err)
{
    int *from = mem_calloc(after->input_count, sizeof *from, err);
    for (size_t i = 0; from && i < after->input_count; i++)
        from[i] = i < g->input_count ? (int)i : -1 - (int)(i - g->input_count);
    return from;
}

int cut_graph(const struct graph *g, const struct node *at, struct graph **before, struct graph **after, int **from,
              struct error *err)
{
    struct value **cross = mem_calloc(g->value_count, sizeof *cross, err);
    size_t n = 0;
    *before = *after = NULL;
    *from = NULL;
    if (!cross)
        return -1;
    mark_sides(g, at);
    for (size_t i = 0; i < g->value_count; i++)
        if (g->values[i] && crosses(g->values[i]) && !(g->values[i]->is_input))
            cross[n++] = g->values[i];
    *before = make_before(g, at, cross, n, err);
    *after = *before ? make_after(g, at, cross, n, err) : NULL;
    *from = *after ? map_inputs(g, *after, err) : NULL;
    free(cross);
    if (*from)
        return 0;
    graph_free(*before);
    graph_free(*after);
    return -1;
}
