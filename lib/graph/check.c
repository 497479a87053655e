/* The rules that a graph keeps. */
#include <string.h>

#include "graph/impl.h"
#include "graph/symbol.h"

static size_t number(const struct node *n)
{
    return (size_t)(uintptr_t)n->scratch;
}

static int node_fault(const struct node *n, const char *what, const char *name, struct error *err)
{
    char label[200];

    return error_set(err, "%s: %s%s%s%s", node_label(n, label, sizeof label), what, *name ? " '" : "", name,
                     *name ? "'" : "");
}

static int value_fault(const struct value *v, const char *what, struct error *err)
{
    return error_set(err, "value '%s' %s", v->name ? v->name : "", what);
}

/* ---- types ---- */

static bool dims_ok(const struct graph *g, const struct type *type)
{
    if (type->rank < -1 || type->rank > TENSOR_MAX_RANK)
        return false;
    for (int i = 0; i < type->rank; i++)
        if (type->dims[i] < 0 && type->dims[i] != DIM_UNKNOWN && !symbol_of(g, type->dims[i]))
            return false;
    return true;
}

static bool type_ok(const struct graph *g, const struct type *type)
{
    for (int depth = 0; type; type = type->element, depth++) {
        bool has_element = type->kind == TYPE_SEQUENCE || type->kind == TYPE_OPTIONAL;

        if (depth > GRAPH_MAX_DEPTH || (unsigned)type->kind > TYPE_OPTIONAL || (unsigned)type->dtype >= DTYPE_COUNT ||
            (type->element && !has_element) || (type->kind == TYPE_TENSOR && !dims_ok(g, type)))
            return false;
    }
    return true;
}

/* A known size must be the constant's. */
static bool constant_ok(const struct value *v)
{
    const struct tensor *t = v->constant;

    if (v->type.kind != TYPE_TENSOR || v->type.dtype != t->dtype || v->type.rank != t->rank)
        return false;
    for (int i = 0; i < t->rank; i++)
        if (v->type.dims[i] >= 0 && v->type.dims[i] != t->dims[i])
            return false;
    return true;
}

static bool known_ok(const struct value *v)
{
    if (v->known_count < 0 || (v->known_count > 0 && !v->known))
        return false;
    for (int i = 0; i < v->known_count; i++)
        if (v->known[i].kind == KNOWN_DIM && !symbol_of(v->graph, v->known[i].value))
            return false;
    return true;
}

/* ---- values ---- */

static int check_uses(const struct value *v, struct error *err)
{
    for (size_t i = 0; i < v->use_count; i++) {
        const struct node *n = v->uses[i].node;
        int k = v->uses[i].index;

        if (!n || k < 0 || k >= n->in_count || n->in[k] != v || n->use_at[k] != i)
            return value_fault(v, "is said to be used where it is not", err);
    }
    return 0;
}

static int check_value(const struct graph *g, const struct value *v, size_t index, struct error *err)
{
    const struct node *p = v->producer;

    if (v->graph != g || v->index != index)
        return value_fault(v, "is listed in the wrong place", err);
    if (!v->name || !*v->name || names_find(g, v->name) != v)
        return value_fault(v, "cannot be found by its name", err);
    if (p && (p->graph != g || v->producer_index < 0 || v->producer_index >= p->out_count ||
              p->out[v->producer_index] != v))
        return value_fault(v, "names a node that does not make it", err);
    if (p && (v->is_input || v->constant))
        return value_fault(v, v->constant ? "is a constant, and made by a node" : "is an input, and made by a node",
                           err);
    if (!type_ok(g, &v->type))
        return value_fault(v, "has an impossible type", err);
    if (v->constant && !constant_ok(v))
        return value_fault(v, "is a constant of another type than it says", err);
    if (!known_ok(v))
        return value_fault(v, "has known elements or a quantisation that are not there", err);
    return check_uses(v, err);
}

static bool has_source(const struct value *v)
{
    return v->producer || v->constant || v->is_input;
}

/* Inputs and outputs; marks in scratch say who was met. */
static int check_interface(const struct graph *g, struct error *err)
{
    static const char input, output;
    size_t inputs = 0;

    for (size_t i = 0; i < g->output_count; i++) {
        struct value *v = g->outputs[i];

        if (v->graph != g || !v->is_output)
            return value_fault(v, "is a graph output that does not know it", err);
        if (!has_source(v))
            return value_fault(v, "is a graph output that nothing makes", err);
        v->scratch = (void *)&output;
    }
    for (size_t i = 0; i < g->value_count; i++) {
        struct value *v = g->values[i];

        if (v && v->is_output && v->scratch != &output)
            return value_fault(v, "is no graph output, though it says so", err);
        inputs += v && v->is_input;
    }
    for (size_t i = 0; i < g->input_count; i++) {
        struct value *v = g->inputs[i];

        if (v->graph != g || !v->is_input || v->scratch == &input)
            return value_fault(v, "is a graph input twice, or does not know it", err);
        v->scratch = (void *)&input;
    }
    return inputs == g->input_count ? 0 : error_set(err, "a value says it is a graph input and is not");
}

static int check_values(const struct graph *g, size_t *uses, struct error *err)
{
    for (size_t i = 0; i < g->value_count; i++) {
        if (!g->values[i])
            continue;
        if (check_value(g, g->values[i], i, err) != 0)
            return -1;
        g->values[i]->scratch = NULL;
        *uses += g->values[i]->use_count;
    }
    return check_interface(g, err);
}

/* ---- nodes ---- */

static int check_input(const struct node *n, int i, struct error *err)
{
    const struct value *v = n->in[i];
    const struct node *holder;

    if (!v->graph || !graph_sees(n->graph, v->graph))
        return node_fault(n, "uses a value of another graph,", v->name, err);
    if (n->use_at[i] >= v->use_count || v->uses[n->use_at[i]].node != n || v->uses[n->use_at[i]].index != i)
        return node_fault(n, "uses a value that does not know it,", v->name, err);
    if (!has_source(v))
        return node_fault(n, "uses a value that nothing makes,", v->name, err);
    if (v->graph != n->graph && graph_find_value(n->graph, v->name) != v)
        return node_fault(n, "uses an outer value hidden by an inner one of the same name,", v->name, err);
    holder = graph_holder_in(v->graph, n);
    if (v->producer && (!holder || number(v->producer) >= number(holder)))
        return node_fault(n, "comes before the node that makes its input", v->name, err);
    return 0;
}

static int check_attrs(const struct node *n, struct error *err)
{
    for (const struct attr *a = n->attrs; a; a = a->next) {
        const struct graph *sub = a->kind == ATTR_GRAPH ? a->graph : NULL;

        if (!a->name || !*a->name)
            return node_fault(n, "has an attribute without a name", "", err);
        if (a->kind == ATTR_GRAPH &&
            (!sub || sub->holder != n || sub->parent != n->graph || sub->root != n->graph->root))
            return node_fault(n, "has a subgraph that does not know it,", a->name, err);
        if (a->kind == ATTR_TENSOR && !a->tensor)
            return node_fault(n, "has a tensor that is not there,", a->name, err);
        if (a->kind == ATTR_TYPE && !type_ok(n->graph, a->type))
            return node_fault(n, "has an impossible type,", a->name, err);
    }
    return 0;
}

static int check_node(const struct node *n, size_t *uses, struct error *err)
{
    for (int i = 0; i < n->out_count; i++)
        if (n->out[i] && (n->out[i]->graph != n->graph || n->out[i]->producer != n || n->out[i]->producer_index != i))
            return node_fault(n, "has an output that is another node's,", n->out[i]->name, err);
    for (int i = 0; i < n->in_count; i++) {
        if (!n->in[i])
            continue;
        if (check_input(n, i, err) != 0)
            return -1;
        ++*uses;
    }
    return 0;
}

/* ---- graphs ---- */

/* The list of nodes, which are numbered, and what a walk over subgraphs relies on. */
static int check_list(const struct graph *g, struct error *err)
{
    const struct node *before = NULL;
    size_t count = 0;

    for (struct node *n = g->first; n; before = n, n = n->next) {
        if (n->graph != g || n->prev != before || ++count > g->node_count)
            return error_set(err, "the list of nodes is broken at number %zu", count);
        n->scratch = (void *)(uintptr_t)count;
        if (check_attrs(n, err) != 0)
            return -1;
    }
    if (g->last != before || count != g->node_count)
        return error_set(err, "%zu nodes are listed, %zu were counted", count, g->node_count);
    return 0;
}

static int check_depth(const struct graph *g, struct error *err)
{
    int depth = 0;

    for (; g->parent && depth <= GRAPH_MAX_DEPTH; g = g->parent)
        depth++;
    return depth <= GRAPH_MAX_DEPTH ? 0 : error_set(err, "subgraphs nested more than %d deep", GRAPH_MAX_DEPTH);
}

int graph_check(const struct graph *g, struct error *err)
{
    size_t said = 0, seen = 0;

    for (const struct graph *s = g; s; s = graph_next(g, s))
        if (check_depth(s, err) != 0 || check_list(s, err) != 0)
            return -1;
    for (const struct graph *s = g; s; s = graph_next(g, s)) {
        if (check_values(s, &said, err) != 0)
            return -1;
        for (const struct node *n = s->first; n; n = n->next)
            if (check_node(n, &seen, err) != 0)
                return -1;
    }
    /* Each use of a root's value is one of its nodes' inputs when the numbers agree, since each input was found. */
    if (!g->parent && said != seen)
        return error_set(err, "%zu uses of values are noted, %zu are there", said, seen);
    return 0;
}
