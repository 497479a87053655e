#include <string.h>

#include "graph/impl.h"

bool graph_sees(const struct graph *from, const struct graph *of)
{
    while (from && from != of)
        from = from->parent;
    return from != NULL;
}

/* ---- making and removing ---- */

static struct value *new_value(struct graph *g, const char *name, struct error *err)
{
    struct value *v = graph_alloc(g, 1, sizeof *v, err);

    if (!v)
        return NULL;
    v->graph = g;
    v->type.rank = -1;
    v->name = name && *name ? arena_strdup(&g->root->arena, name, err) : graph_fresh_name(g, "", err);
    return v->name ? v : NULL;
}

struct value *graph_add_value(struct graph *g, const char *name, struct error *err)
{
    struct value *v = new_value(g, name, err);

    if (!v || graph_grow(g, &g->values, &g->value_cap, g->value_count + 1, sizeof *g->values, err) != 0 ||
        names_add(v, err) != 0)
        return NULL;
    v->index = g->value_count;
    g->values[g->value_count++] = v;
    return v;
}

struct value *graph_add_constant(struct graph *g, const char *name, struct tensor *constant, struct error *err)
{
    struct value *v = constant ? graph_add_value(g, name, err) : NULL;

    if (!v) {
        tensor_unref(constant);
        return NULL;
    }
    v->constant = constant;
    value_set_constant_type(v);
    return v;
}

void value_release(struct value *v)
{
    tensor_unref(v->constant);
    v->constant = NULL;
}

void graph_remove_value(struct value *v)
{
    struct graph *g = v->graph;

    if (!g || v->producer || v->use_count || v->is_input || v->is_output)
        return;
    value_release(v);
    names_remove(v);
    g->values[v->index] = NULL;
    while (g->value_count && !g->values[g->value_count - 1])
        g->value_count--;
    v->graph = NULL;
}

/* ---- uses ---- */

int value_reserve_uses(struct value *v, size_t more, struct error *err)
{
    return graph_grow(v->graph, &v->uses, &v->use_cap, v->use_count + more, sizeof *v->uses, err);
}

void value_push_use(struct value *v, struct node *n, int index)
{
    n->in[index] = v;
    n->use_at[index] = v->use_count;
    v->uses[v->use_count++] = (struct use){n, index};
}

void value_drop_use(struct node *n, int index)
{
    struct value *v = n->in[index];
    struct use last;

    if (!v)
        return;
    last = v->uses[--v->use_count];
    v->uses[n->use_at[index]] = last;
    last.node->use_at[last.index] = n->use_at[index];
    n->in[index] = NULL;
}

bool value_is_known(const struct value *v)
{
    if (!v->known || v->type.kind != TYPE_TENSOR || (v->type.rank == 0 && v->known_count != 1) || v->type.rank > 1 ||
        v->type.rank < 0 || v->type.dtype == DTYPE_NONE)
        return false;
    for (int i = 0; i < v->known_count; i++)
        if (v->known[i].kind != KNOWN_NUMBER)
            return false;
    return true;
}

struct tensor *value_known(const struct value *v, struct error *err)
{
    struct tensor *t = tensor_new(v->type.dtype, v->type.rank, (int64_t[]){v->known_count}, err);
    for (int i = 0; t && i < v->known_count; i++)
        tensor_set_i64(t, i, v->known[i].value);
    return t;
}

/* ---- types and what is known ---- */

void value_set_constant_type(struct value *v)
{
    const struct tensor *t = v->constant;

    v->type.kind = TYPE_TENSOR;
    v->type.dtype = t->dtype;
    v->type.rank = t->rank;
    v->type.element = NULL;
    memcpy(v->type.dims, t->dims, sizeof t->dims);
}

int graph_copy_type(struct graph *g, struct type *to, const struct type *from, struct error *err)
{
    struct type copy = *from, *at = &copy;

    for (int depth = 0; at->element; depth++) {
        struct type *element = graph_alloc(g, 1, sizeof *element, err);

        if (!element)
            return -1;
        if (depth == GRAPH_MAX_DEPTH)
            return error_set(err, "a type nested more than %d deep", GRAPH_MAX_DEPTH);
        *element = *at->element;
        at->element = element;
        at = element;
    }
    *to = copy;
    return 0;
}

int value_set_known(struct value *v, int count, const struct known *known, struct error *err)
{
    struct known *copy = NULL;

    if (count < 0)
        return error_set(err, "value '%s': %d known elements", v->name, count);
    if (count > 0) {
        copy = graph_alloc(v->graph, (size_t)count, sizeof *copy, err);
        if (!copy)
            return -1;
        memcpy(copy, known, (size_t)count * sizeof *copy);
    }
    v->known = copy;
    v->known_count = count;
    return 0;
}

int graph_make_constant(struct value *v, struct tensor *constant, struct error *err)
{
    (void)err;
    if (!constant)
        return -1;
    if (v->producer) {
        v->producer->out[v->producer_index] = NULL;
        v->producer = NULL;
    }
    tensor_unref(v->constant);
    v->constant = constant;
    value_set_constant_type(v);
    return 0;
}

/* ---- replacing ---- */

/* Both slots of the table are free in between, so that only making the name can fail. */
int graph_hand_over_name(struct value *from, struct value *to, struct error *err)
{
    const char *name = from->name, *fresh = graph_fresh_name(from->graph, "", err);

    if (!fresh)
        return -1;
    names_remove(from);
    names_remove(to);
    from->name = fresh;
    to->name = name;
    return names_add(from, err) | names_add(to, err);
}

static int can_replace(const struct value *from, const struct value *to, struct error *err)
{
    if (from->is_output && from->graph != to->graph)
        return error_set(err, "graph output '%s' cannot become '%s' of another graph", from->name, to->name);
    if (from->is_output && to->is_input && !to->is_output)
        return error_set(err, "graph output '%s' cannot become the graph input '%s'", from->name, to->name);
    for (size_t i = 0; from->graph != to->graph && i < from->use_count; i++)
        if (!graph_sees(from->uses[i].node->graph, to->graph))
            return error_set(err, "'%s' is used where '%s' cannot be seen", from->name, to->name);
    return 0;
}

int graph_replace_value(struct value *from, struct value *to, struct error *err)
{
    if (from == to)
        return 0;
    if (can_replace(from, to, err) != 0 || value_reserve_uses(to, from->use_count, err) != 0)
        return -1;
    if (from->is_output && !to->is_output && graph_hand_over_name(from, to, err) != 0)
        return -1;
    for (size_t i = 0; i < from->use_count; i++)
        value_push_use(to, from->uses[i].node, from->uses[i].index);
    from->use_count = 0;
    for (size_t i = 0; from->is_output && i < from->graph->output_count; i++)
        if (from->graph->outputs[i] == from)
            from->graph->outputs[i] = to;
    to->is_output |= from->is_output;
    from->is_output = false;
    return 0;
}
