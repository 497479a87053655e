/* Life of graphs, their inputs, outputs and properties. */
#include <stdlib.h>
#include <string.h>

#include "graph/impl.h"

/* Looking a property up is a walk of the list. */
#define MAX_PROPERTIES 10000

void *graph_alloc(struct graph *g, size_t n, size_t size, struct error *err)
{
    size_t total;

    if (!mem_mul(n, size, &total)) {
        error_memory(err);
        return NULL;
    }
    return arena_alloc(&g->root->arena, total, err);
}

int graph_grow(struct graph *g, void *array, size_t *cap, size_t want, size_t size, struct error *err)
{
    size_t next = *cap < 2 ? 2 : *cap;
    void *old, *p;

    if (want <= *cap)
        return 0;
    if (*cap && !mem_mul(*cap, 2, &next))
        next = want;
    if (next < want)
        next = want;
    p = graph_alloc(g, next, size, err);
    if (!p)
        return -1;
    memcpy(&old, array, sizeof old); /* the caller's pointer has a type of its own */
    if (*cap)
        memcpy(p, old, *cap * size);
    memcpy(array, &p, sizeof p);
    *cap = next;
    return 0;
}

struct str *graph_copy_strings(struct graph *g, const struct str *strings, size_t n, struct error *err)
{
    struct str *copy = graph_alloc(g, n, sizeof *copy, err);

    for (size_t i = 0; copy && i < n; i++) {
        copy[i].size = strings[i].size;
        copy[i].data = arena_strndup(&g->root->arena, strings[i].data, strings[i].size, err);
        if (!copy[i].data)
            return NULL;
    }
    return copy;
}

struct graph *graph_new(struct error *err)
{
    struct graph *g = mem_calloc(1, sizeof *g, err);

    if (!g)
        return NULL;
    arena_init(&g->arena);
    g->root = g;
    g->name = "";
    return g;
}

struct graph *graph_new_subgraph(struct graph *parent, struct error *err)
{
    struct graph *g;
    int depth = 1;

    for (g = parent; g->parent; g = g->parent)
        depth++;
    if (depth > GRAPH_MAX_DEPTH) {
        error_set(err, "subgraphs nested more than %d deep", GRAPH_MAX_DEPTH);
        return NULL;
    }
    g = graph_alloc(parent, 1, sizeof *g, err);
    if (!g)
        return NULL;
    g->parent = parent;
    g->root = parent->root;
    g->name = "";
    g->next_owned = g->root->owned;
    g->root->owned = g;
    return g;
}

/* The tensors that a graph's values and nodes hold. */
static void release_tensors(struct graph *g)
{
    for (size_t i = 0; i < g->value_count; i++)
        if (g->values[i])
            value_release(g->values[i]);
    for (struct node *n = g->first; n; n = n->next)
        for (struct attr *a = n->attrs; a; a = a->next)
            if (a->kind == ATTR_TENSOR)
                attr_release(a);
}

static void drop_constants(struct graph *g)
{
    for (size_t i = 0; i < g->value_count; i++) {
        struct value *v = g->values[i];
        if (!v || v->is_input || v->is_output)
            continue;
        tensor_unref(v->constant);
        v->constant = NULL;
    }
}

void graph_drop_constants(struct graph *root)
{
    drop_constants(root);
    for (struct graph *g = root->owned; g; g = g->next_owned)
        drop_constants(g);
}

void graph_free(struct graph *root)
{
    if (!root)
        return;
    release_tensors(root);
    for (struct graph *g = root->owned; g; g = g->next_owned)
        release_tensors(g);
    arena_release(&root->arena);
    free(root);
}

struct graph *graph_if(bool good, struct graph *root)
{
    if (good)
        return root;
    graph_free(root);
    return NULL;
}

/* ---- walking subgraphs ---- */

static struct graph *subgraph_of_attrs(const struct attr *a)
{
    for (; a; a = a->next)
        if (a->kind == ATTR_GRAPH && a->graph)
            return a->graph;
    return NULL;
}

static struct graph *subgraph_of_nodes(const struct node *n)
{
    struct graph *sub = NULL;

    for (; n && !sub; n = n->next)
        sub = subgraph_of_attrs(n->attrs);
    return sub;
}

static const struct attr *attr_after(const struct node *n, const struct graph *sub)
{
    for (const struct attr *a = n->attrs; a; a = a->next)
        if (a->kind == ATTR_GRAPH && a->graph == sub)
            return a->next;
    return NULL;
}

struct graph *graph_next(const struct graph *top, const struct graph *g)
{
    struct graph *sub = g->root->owned ? subgraph_of_nodes(g->first) : NULL; /* most have none: no need to look */

    for (; !sub && g != top; g = g->holder->graph) {
        sub = subgraph_of_attrs(attr_after(g->holder, g));
        if (!sub)
            sub = subgraph_of_nodes(g->holder->next);
    }
    return sub;
}

struct node *graph_holder_in(const struct graph *g, const struct node *n)
{
    struct node *holder = (struct node *)n;

    while (holder && holder->graph != g)
        holder = holder->graph->holder;
    return holder;
}

/* ---- inputs and outputs ---- */

static int put(struct graph *g, struct value ***list, size_t *count, size_t *cap, struct value *v, struct error *err)
{
    if (graph_grow(g, list, cap, *count + 1, sizeof **list, err) != 0)
        return -1;
    (*list)[(*count)++] = v;
    return 0;
}

static void take(struct value **list, size_t *count, const struct value *v)
{
    size_t kept = 0;

    for (size_t i = 0; i < *count; i++)
        if (list[i] != v)
            list[kept++] = list[i];
    *count = kept;
}

int graph_add_input(struct graph *g, struct value *v, struct error *err)
{
    if (v->graph != g || v->producer || v->is_input)
        return error_set(err, "value '%s' cannot be a graph input: it %s", v->name,
                         v->graph != g ? "is of another graph" : v->producer ? "is made by a node" : "is one already");
    if (put(g, &g->inputs, &g->input_count, &g->input_cap, v, err) != 0)
        return -1;
    v->is_input = true;
    return 0;
}

int graph_add_output(struct graph *g, struct value *v, struct error *err)
{
    if (v->graph != g)
        return error_set(err, "value '%s' cannot be a graph output: it is of another graph", v->name);
    if (put(g, &g->outputs, &g->output_count, &g->output_cap, v, err) != 0)
        return -1;
    v->is_output = true;
    return 0;
}

void graph_remove_input(struct value *v)
{
    take(v->graph->inputs, &v->graph->input_count, v);
    v->is_input = false;
}

void graph_remove_output(struct value *v)
{
    take(v->graph->outputs, &v->graph->output_count, v);
    v->is_output = false;
}

/* ---- properties ---- */

const struct str *graph_property(const struct graph *g, const char *key)
{
    for (const struct property *p = g->root->properties; p; p = p->next)
        if (strcmp(p->key, key) == 0)
            return &p->value;
    return NULL;
}

int graph_set_property(struct graph *g, const char *key, const char *bytes, size_t size, struct error *err)
{
    struct property **at = &g->root->properties, *p;
    struct arena *arena = &g->root->arena;
    const char *copy = arena_strndup(arena, bytes, size, err);
    size_t count = 0;

    if (!copy)
        return -1;
    for (; *at && strcmp((*at)->key, key) != 0; at = &(*at)->next)
        count++;
    if (!*at) {
        if (count >= MAX_PROPERTIES)
            return error_set(err, "more than %d properties", MAX_PROPERTIES);
        p = arena_alloc(arena, sizeof *p, err);
        if (!p || !(p->key = arena_strdup(arena, key, err)))
            return -1;
        *at = p;
    }
    (*at)->value = (struct str){copy, size};
    return 0;
}
