/* Graphs as messages. */
#include <string.h>

#include "base/lookup.h"
#include "format/onnx/write.h"

/* Whether a type says all that a file must say of it. */
static bool is_complete(const struct type *type)
{
    while (type && (type->kind == TYPE_SEQUENCE || type->kind == TYPE_OPTIONAL))
        type = type->element;
    return type && type->kind == TYPE_TENSOR && type->dtype != DTYPE_NONE;
}

static struct onnx_value_info *make_info(struct onnx_writer *w, const struct value *v)
{
    struct onnx_value_info *p = arena_alloc(&w->arena, sizeof(*p), w->err);
    if (!p)
        return NULL;
    p->name = v->name;
    if (is_complete(&v->type) && !(p->type = onnx_make_type(w, &v->type)))
        return NULL;
    return p;
}

static int make_infos(struct onnx_writer *w, struct value *const *values, size_t count, struct onnx_value_info ***infos,
                      size_t *n)
{
    *infos = onnx_make_list(w, count);
    for (*n = 0; *infos && *n < count; ++*n)
        if (!((*infos)[*n] = make_info(w, values[*n])))
            return -1;
    return *infos ? 0 : -1;
}

/* ---- constants ---- */

static int add_constant(struct onnx_writer *w, struct onnx_graph *p, const char *name, const struct tensor *t)
{
    struct onnx_tensor *message = onnx_make_tensor(w, t, name);
    if (!message || mem_grow(&w->weights, &w->weight_cap, w->weight_count + 1, sizeof(*w->weights), w->err) != 0)
        return -1;
    w->weights[w->weight_count++] = (struct onnx_weight){message, t};
    p->initializer[p->n_initializer++] = message;
    return 0;
}

/* ---- values ---- */

static bool wants_info(const struct value *v)
{
    return !v->constant && !v->is_input && !v->is_output && is_complete(&v->type);
}

static int add_values(struct onnx_writer *w, struct onnx_graph *p, const struct graph *g)
{
    p->initializer = onnx_make_list(w, g->value_count);
    p->value_info = onnx_make_list(w, g->value_count);
    if (!p->initializer || !p->value_info)
        return -1;
    for (size_t i = 0; i < g->value_count; i++) {
        const struct value *v = g->values[i];
        if (!v)
            continue;
        if (v->constant && value_is_used(v) && add_constant(w, p, v->name, v->constant) != 0)
            return -1;
        if (wants_info(v) && !(p->value_info[p->n_value_info++] = make_info(w, v)))
            return -1;
    }
    return 0;
}

/* onnxruntime takes no two nodes of one name, which a module that is called twice leaves: all but the first of them get
 * a number. */
static int part_names(struct onnx_writer *w, struct onnx_graph *p)
{
    struct lookup names = {0};
    int status = 0;
    for (size_t i = 0; status == 0 && i < p->n_node; i++)
        if (p->node[i]->name && !lookup_find(&names, p->node[i]->name))
            status = lookup_add(&names, p->node[i]->name, p->node[i], w->err);
    for (size_t i = 0; status == 0 && i < p->n_node; i++) {
        struct onnx_node *n = p->node[i];
        char text[LOOKUP_FRESH];
        if (!n->name || lookup_find(&names, n->name) == n)
            continue;
        lookup_fresh(&names, n->name, 1, text);
        n->name = arena_strdup(&w->arena, text, w->err);
        status = n->name ? lookup_add(&names, n->name, n, w->err) : -1;
    }
    lookup_release(&names);
    return status;
}

struct onnx_graph *onnx_make_graph(struct onnx_writer *w, const struct graph *g, int depth)
{
    struct onnx_graph *p = arena_alloc(&w->arena, sizeof(*p), w->err);
    if (!p)
        return NULL;
    if (depth > ONNX_WRITE_DEPTH) {
        error_set(w->err, "subgraphs nested more than %d deep cannot be read from an ONNX file", ONNX_WRITE_DEPTH);
        return NULL;
    }
    p->name = *g->name ? g->name : "graph";
    if (make_infos(w, g->inputs, g->input_count, &p->input, &p->n_input) != 0 ||
        make_infos(w, g->outputs, g->output_count, &p->output, &p->n_output) != 0 || add_values(w, p, g) != 0)
        return NULL;
    p->node = onnx_make_list(w, g->node_count);
    for (const struct node *n = g->first; p->node && n; n = n->next)
        if (!(p->node[p->n_node++] = onnx_make_node(w, n, depth)))
            return NULL;
    return p->node && part_names(w, p) == 0 ? p : NULL;
}
