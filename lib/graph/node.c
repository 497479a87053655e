#include <limits.h>
#include <string.h>

#include "graph/impl.h"

/* ---- the list of nodes ---- */

static void link_before(struct graph *g, struct node *n, struct node *before)
{
    n->next = before;
    n->prev = before ? before->prev : g->last;
    *(n->prev ? &n->prev->next : &g->first) = n;
    *(before ? &before->prev : &g->last) = n;
}

static void unlink_node(struct node *n)
{
    struct graph *g = n->graph;

    *(n->prev ? &n->prev->next : &g->first) = n->next;
    *(n->next ? &n->next->prev : &g->last) = n->prev;
    n->prev = n->next = NULL;
}

/* "" needs no copy. */
static const char *copy_name(struct graph *g, const char *name, struct error *err)
{
    return *name ? arena_strdup(&g->root->arena, name, err) : "";
}

int node_set_op(struct node *n, const char *domain, const char *op, struct error *err)
{
    const char *d = copy_name(n->graph, domain, err), *o = copy_name(n->graph, op, err);

    if (!d || !o)
        return -1;
    if (!*op)
        return error_set(err, "a node without an operator");
    n->domain = d;
    n->op = o;
    n->def = NULL;
    return 0;
}

int node_set_name(struct node *n, const char *name, struct error *err)
{
    const char *copy = copy_name(n->graph, name, err);

    if (!copy)
        return -1;
    n->name = copy;
    return 0;
}

struct node *graph_add_node(struct graph *g, const char *domain, const char *op, struct node *before,
                            struct error *err)
{
    struct node *n = graph_alloc(g, 1, sizeof *n, err);

    if (!n)
        return NULL;
    n->graph = g;
    n->name = "";
    if (before && before->graph != g) {
        error_set(err, "a new node (%s) cannot go before one of another graph", op);
        return NULL;
    }
    if (node_set_op(n, domain, op, err) != 0)
        return NULL;
    link_before(g, n, before);
    g->node_count++;
    return n;
}

void graph_move_node(struct node *n, struct node *before)
{
    if (n == before || (before && before->graph != n->graph))
        return;
    unlink_node(n);
    link_before(n->graph, n, before);
}

void graph_remove_node(struct node *n)
{
    node_truncate_inputs(n, 0);
    for (struct attr *a = n->attrs; a; a = a->next)
        attr_release(a);
    for (int i = 0; i < n->out_count; i++) {
        struct value *v = n->out[i];

        if (!v)
            continue;
        v->producer = NULL;
        graph_remove_value(v);
    }
    n->out_count = 0;
    n->attrs = NULL;
    unlink_node(n);
    n->graph->node_count--;
}

bool node_is_dead(const struct node *n)
{
    for (int o = 0; o < n->out_count; o++)
        if (n->out[o] && value_is_used(n->out[o]))
            return false;
    return true;
}

void graph_sweep(struct graph *g)
{
    for (struct node *n = g->last, *before; n; n = before) {
        before = n->prev;
        if (node_is_dead(n))
            graph_remove_node(n);
    }
}

void graph_sweep_constants(struct graph *g)
{
    for (size_t i = g->value_count; i-- > 0;)
        if (i < g->value_count && g->values[i] && g->values[i]->constant)
            graph_remove_value(g->values[i]);
}

bool node_is(const struct node *n, const char *op)
{
    return *n->domain == '\0' && strcmp(n->op, op) == 0;
}

/* ---- inputs ---- */

static int visible(const struct node *n, const struct value *v, struct error *err)
{
    if (v && (!v->graph || !graph_sees(n->graph, v->graph)))
        return error_set(err, "value '%s' cannot be an input of a %s node of another graph", v->name, n->op);
    return 0;
}

/* Room for one more of both lists. */
static int grow_inputs(struct node *n, struct error *err)
{
    size_t cap = (size_t)n->in_cap, want = (size_t)n->in_count + 1, twin = cap;

    if (n->in_count == INT_MAX / 2)
        return error_set(err, "a %s node with more than %d inputs", n->op, n->in_count);
    if (graph_grow(n->graph, &n->in, &cap, want, sizeof(struct value *), err) != 0 ||
        graph_grow(n->graph, &n->use_at, &twin, want, sizeof *n->use_at, err) != 0)
        return -1;
    n->in_cap = (int)cap;
    return 0;
}

int node_set_input(struct node *n, int index, struct value *v, struct error *err)
{
    if (index < 0 || index > n->in_count)
        return error_set(err, "input %d of a %s node that has %d", index, n->op, n->in_count);
    if (visible(n, v, err) != 0 || (v && value_reserve_uses(v, 1, err) != 0))
        return -1;
    if (index == n->in_count) {
        if (grow_inputs(n, err) != 0)
            return -1;
        n->in[n->in_count++] = NULL;
    }
    value_drop_use(n, index);
    if (v)
        value_push_use(v, n, index);
    return 0;
}

int node_add_input(struct node *n, struct value *v, struct error *err)
{
    return node_set_input(n, n->in_count, v, err);
}

void node_truncate_inputs(struct node *n, int count)
{
    while (n->in_count > count && n->in_count > 0)
        value_drop_use(n, --n->in_count);
}

/* ---- outputs ---- */

static int push_output(struct node *n, struct value *v, struct error *err)
{
    size_t cap = (size_t)n->out_cap;

    if (n->out_count == INT_MAX / 2)
        return error_set(err, "a %s node with more than %d outputs", n->op, n->out_count);
    if (graph_grow(n->graph, &n->out, &cap, (size_t)n->out_count + 1, sizeof *n->out, err) != 0)
        return -1;
    n->out_cap = (int)cap;
    if (v) {
        v->producer = n;
        v->producer_index = n->out_count;
    }
    n->out[n->out_count++] = v;
    return 0;
}

int node_add_output(struct node *n, struct value *v, struct error *err)
{
    if (v && (v->graph != n->graph || v->producer || v->is_input || v->constant))
        return error_set(err, "value '%s' cannot be an output of a %s node: it is %s", v->name, n->op,
                         v->graph != n->graph ? "of another graph"
                         : v->producer        ? "made by another node"
                         : v->is_input        ? "a graph input"
                                              : "a constant");
    return push_output(n, v, err);
}

struct value *node_new_output(struct node *n, const char *name, struct error *err)
{
    struct value *v;

    if (name && *name && graph_find_value(n->graph, name)) {
        name = graph_fresh_name(n->graph, name, err);
        if (!name)
            return NULL;
    }
    v = graph_add_value(n->graph, name, err);
    if (!v)
        return NULL;
    if (node_add_output(n, v, err) == 0)
        return v;
    graph_remove_value(v);
    return NULL;
}

int node_move_output(struct node *from, int index, struct node *to, struct error *err)
{
    if (index < 0 || index >= from->out_count)
        return error_set(err, "output %d of a %s node that has %d", index, from->op, from->out_count);
    if (from->graph != to->graph)
        return error_set(err, "an output of a %s node cannot move to a %s node of another graph", from->op, to->op);
    if (push_output(to, from->out[index], err) != 0)
        return -1;
    from->out[index] = NULL;
    return 0;
}
