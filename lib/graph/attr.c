#include <string.h>

#include "graph/impl.h"

/* Looking an attribute up is a walk of the list. */
#define MAX_ATTRS 1024

/* ---- letting go ---- */

/* Of a subgraph to be forgotten: its uses of outer values, and its tensors. */
static void drop_contents(struct graph *sub)
{
    for (struct graph *g = sub; g; g = graph_next(sub, g)) {
        for (struct node *n = g->first; n; n = n->next) {
            node_truncate_inputs(n, 0);
            for (struct attr *a = n->attrs; a; a = a->next)
                if (a->kind == ATTR_TENSOR)
                    attr_release(a);
        }
        for (size_t i = 0; i < g->value_count; i++)
            if (g->values[i])
                value_release(g->values[i]);
    }
    sub->holder = NULL;
}

void attr_release(struct attr *a)
{
    if (a->kind == ATTR_TENSOR) {
        tensor_unref(a->tensor);
        a->tensor = NULL;
    } else if (a->kind == ATTR_GRAPH && a->graph) {
        drop_contents(a->graph);
        a->graph = NULL;
    }
}

/* ---- finding and making ---- */

const struct attr *node_attr(const struct node *n, const char *name)
{
    for (const struct attr *a = n->attrs; a; a = a->next)
        if (strcmp(a->name, name) == 0)
            return a;
    return NULL;
}

/* The attribute of that name, appended when there is none; its old content is let go. */
static struct attr *place(struct node *n, const char *name, struct error *err)
{
    struct attr **at = &n->attrs, *a;
    int count = 0;

    for (; *at; at = &(*at)->next, count++)
        if (strcmp((*at)->name, name) == 0) {
            attr_release(*at);
            return *at;
        }
    if (count >= MAX_ATTRS) {
        error_set(err, "a %s node with more than %d attributes", n->op, MAX_ATTRS);
        return NULL;
    }
    a = graph_alloc(n->graph, 1, sizeof *a, err);
    if (!a || !(a->name = arena_strdup(&n->graph->root->arena, name, err)))
        return NULL;
    *at = a;
    return a;
}

void node_remove_attr(struct node *n, const char *name)
{
    for (struct attr **at = &n->attrs; *at; at = &(*at)->next)
        if (strcmp((*at)->name, name) == 0) {
            attr_release(*at);
            *at = (*at)->next;
            return;
        }
}

/* ---- setting ---- */

/* Sets an attribute to what `content` has of kind, n and value, which must be in the arena by now. */
static int set(struct node *n, const char *name, struct attr content, struct error *err)
{
    struct attr *a = place(n, name, err);

    if (!a)
        return -1;
    content.name = a->name;
    content.next = a->next;
    *a = content;
    return 0;
}

static void *copy_list(struct node *n, const void *values, size_t count, size_t size, struct error *err)
{
    void *copy = graph_alloc(n->graph, count, size, err);

    if (copy && count)
        memcpy(copy, values, count * size);
    return copy;
}

int node_set_int(struct node *n, const char *name, int64_t value, struct error *err)
{
    return set(n, name, (struct attr){.kind = ATTR_INT, .n = 1, .i = value}, err);
}

int node_set_float(struct node *n, const char *name, float value, struct error *err)
{
    return set(n, name, (struct attr){.kind = ATTR_FLOAT, .n = 1, .f = value}, err);
}

int node_set_string(struct node *n, const char *name, const char *bytes, size_t size, struct error *err)
{
    const char *copy = arena_strndup(&n->graph->root->arena, bytes, size, err);

    return copy ? set(n, name, (struct attr){.kind = ATTR_STRING, .n = 1, .s = {copy, size}}, err) : -1;
}

int node_set_tensor(struct node *n, const char *name, struct tensor *tensor, struct error *err)
{
    if (tensor && set(n, name, (struct attr){.kind = ATTR_TENSOR, .n = 1, .tensor = tensor}, err) == 0)
        return 0;
    tensor_unref(tensor);
    return -1;
}

int node_set_graph(struct node *n, const char *name, struct graph *subgraph, struct error *err)
{
    if (subgraph->parent != n->graph || subgraph->holder)
        return error_set(err, "attribute %s: the subgraph %s", name,
                         subgraph->holder ? "is another node's" : "was made for another graph");
    if (set(n, name, (struct attr){.kind = ATTR_GRAPH, .n = 1, .graph = subgraph}, err) != 0)
        return -1;
    subgraph->holder = n;
    return 0;
}

int node_set_ints(struct node *n, const char *name, const int64_t *values, size_t count, struct error *err)
{
    int64_t *copy = copy_list(n, values, count, sizeof *copy, err);

    return copy ? set(n, name, (struct attr){.kind = ATTR_INTS, .n = count, .ints = copy}, err) : -1;
}

int node_set_floats(struct node *n, const char *name, const float *values, size_t count, struct error *err)
{
    float *copy = copy_list(n, values, count, sizeof *copy, err);

    return copy ? set(n, name, (struct attr){.kind = ATTR_FLOATS, .n = count, .floats = copy}, err) : -1;
}

int node_set_strings(struct node *n, const char *name, const struct str *values, size_t count, struct error *err)
{
    struct str *copy = graph_copy_strings(n->graph, values, count, err);

    return copy ? set(n, name, (struct attr){.kind = ATTR_STRINGS, .n = count, .strings = copy}, err) : -1;
}

int node_set_type(struct node *n, const char *name, const struct type *type, struct error *err)
{
    struct type *copy = graph_alloc(n->graph, 1, sizeof *copy, err);

    if (!copy || graph_copy_type(n->graph, copy, type, err) != 0)
        return -1;
    return set(n, name, (struct attr){.kind = ATTR_TYPE, .n = 1, .type = copy}, err);
}

/* ---- another node's ---- */

int attr_copy(struct node *to, const struct attr *a, struct error *err)
{
    switch (a->kind) {
    case ATTR_INT:
    case ATTR_FLOAT:
        return set(to, a->name, *a, err);
    case ATTR_STRING:
        return node_set_string(to, a->name, a->s.data, a->s.size, err);
    case ATTR_TENSOR:
        return node_set_tensor(to, a->name, tensor_ref(a->tensor), err);
    case ATTR_INTS:
        return node_set_ints(to, a->name, a->ints, a->n, err);
    case ATTR_FLOATS:
        return node_set_floats(to, a->name, a->floats, a->n, err);
    case ATTR_STRINGS:
        return node_set_strings(to, a->name, a->strings, a->n, err);
    case ATTR_TYPE:
        return node_set_type(to, a->name, a->type, err);
    case ATTR_GRAPH:
        break;
    }
    return error_set(err, "attribute %s: a subgraph cannot be copied to another node", a->name);
}

/* Takes the attribute at *at out of its node. */
static int move_subgraph(struct node *to, struct attr **at, struct error *err)
{
    struct attr *a = *at;
    struct graph *sub = a->graph;
    struct node *holder = sub->holder;

    sub->holder = NULL;
    if (node_set_graph(to, a->name, sub, err) != 0) {
        sub->holder = holder;
        return -1;
    }
    *at = a->next;
    return 0;
}

int node_take_attrs(struct node *to, struct node *from, struct error *err)
{
    struct attr **at = &from->attrs;

    if (to == from)
        return 0;
    while (*at) {
        if ((*at)->kind == ATTR_GRAPH) {
            if (move_subgraph(to, at, err) != 0)
                return -1;
        } else {
            if (attr_copy(to, *at, err) != 0)
                return -1;
            at = &(*at)->next;
        }
    }
    return 0;
}
