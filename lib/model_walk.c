/* The public API: what a model consists of, item by item. */
#include "model_private.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "op/op.h"

/* ---- values ---- */

static int tell_value(const struct value *v, const char *role, const char *where, const struct model_walk *w)
{
    struct model_value item = {.graph = where, .role = role};
    model_fill_port(v, &item.port);
    item.bytes = v->constant ? v->constant->size : 0;
    return w->value(w->arg, &item);
}

static int tell_ports(struct value *const *values, size_t n, const char *role, const char *where,
                      const struct model_walk *w)
{
    for (size_t i = 0; i < n; i++)
        if (tell_value(values[i], role, where, w))
            return -1;
    return 0;
}

/* Inputs and outputs in the order in which they are given and answered, which is not that of the values. */
static int tell_values(const struct graph *g, const char *where, const struct model_walk *w)
{
    if (!w->value)
        return 0;
    if (tell_ports(g->inputs, g->input_count, "input", where, w) ||
        tell_ports(g->outputs, g->output_count, "output", where, w))
        return -1;
    for (size_t i = 0; i < g->value_count; i++) {
        const struct value *v = g->values[i];
        bool is_inner = v && !v->is_input && !v->is_output && v->producer;
        if (v && (v->constant || is_inner) && tell_value(v, v->constant ? "constant" : "value", where, w))
            return -1;
    }
    return 0;
}

/* ---- attributes ---- */

static void add_list(struct text *t, const struct attr *a)
{
    for (size_t i = 0; i < a->n; i++) {
        text_puts(t, i ? " " : "");
        if (a->kind == ATTR_INTS)
            text_printf(t, "%lld", (long long)a->ints[i]);
        else if (a->kind == ATTR_FLOATS)
            text_f32(t, a->floats[i]);
        else
            text_escape(t, a->strings[i].data, a->strings[i].size, "");
    }
}

/* Of a tensor its type, and its elements when they are few. */
static void add_tensor(struct text *t, const struct tensor *tensor)
{
    char dims[200];
    text_printf(t, "%s %s", dtype_info(tensor->dtype)->name,
                model_dims_text(tensor->rank, tensor->dims, dims, sizeof dims));
    for (int64_t i = 0; tensor->count <= 16 && i < tensor->count; i++) {
        text_puts(t, i ? " " : " = ");
        tensor_element_text(tensor, i, t);
    }
}

static void add_attribute(struct text *t, const struct graph *g, const struct attr *a)
{
    char type[200];
    switch (a->kind) {
    case ATTR_INT:
        text_printf(t, "%lld", (long long)a->i);
        break;
    case ATTR_FLOAT:
        text_f32(t, a->f);
        break;
    case ATTR_STRING:
        text_add(t, a->s.data, a->s.size);
        break;
    case ATTR_TENSOR:
        add_tensor(t, a->tensor);
        break;
    case ATTR_GRAPH:
        text_puts(t, a->graph->name ? a->graph->name : "");
        break;
    case ATTR_TYPE:
        text_puts(t, type_text(g, a->type, type, sizeof type));
        break;
    default:
        add_list(t, a);
    }
}

struct node_parts {
    const char **in, **out;
    struct model_attribute *attributes;
    struct text text; /* of all attributes, NUL-separated */
    size_t in_cap, out_cap, attribute_cap;
};

static int list_names(const char ***list, size_t *cap, struct value *const *values, int n, struct error *err)
{
    if (mem_grow(list, cap, (size_t)n + 1, sizeof **list, err) < 0)
        return -1;
    for (int i = 0; i < n; i++)
        (*list)[i] = values[i] ? values[i]->name : "";
    return 0;
}

static const char *const kinds[] = {[ATTR_INT] = "int",       [ATTR_FLOAT] = "float",     [ATTR_STRING] = "string",
                                    [ATTR_TENSOR] = "tensor", [ATTR_GRAPH] = "graph",     [ATTR_INTS] = "ints",
                                    [ATTR_FLOATS] = "floats", [ATTR_STRINGS] = "strings", [ATTR_TYPE] = "type"};

/* The texts move while they grow: their places are kept as offsets until all are there. */
static int list_attributes(struct node_parts *p, const struct node *n, size_t *count, struct error *err)
{
    size_t at = 0;
    p->text.size = *count = 0;
    for (const struct attr *a = n->attrs; a; a = a->next) {
        if (mem_grow(&p->attributes, &p->attribute_cap, *count + 1, sizeof *p->attributes, err) < 0)
            return -1;
        p->attributes[(*count)++] = (struct model_attribute){.name = a->name, .kind = kinds[a->kind]};
        add_attribute(&p->text, n->graph, a);
        text_add(&p->text, "", 1);
    }
    if (p->text.failed)
        return error_memory(err);
    for (size_t i = 0; i < *count; i++) {
        p->attributes[i].text = p->text.data + at;
        at += strlen(p->text.data + at) + 1;
    }
    return 0;
}

static int tell_node(struct node_parts *p, const struct node *n, const char *where, const struct model_walk *w,
                     struct error *err)
{
    struct model_node item = {.graph = where, .name = n->name, .domain = n->domain, .op = n->op};
    if (list_names(&p->in, &p->in_cap, n->in, n->in_count, err) < 0 ||
        list_names(&p->out, &p->out_cap, n->out, n->out_count, err) < 0 ||
        list_attributes(p, n, &item.attribute_count, err) < 0)
        return -1;
    item.inputs = p->in;
    item.outputs = p->out;
    item.input_count = (size_t)n->in_count;
    item.output_count = (size_t)n->out_count;
    item.attributes = p->attributes;
    return w->node && w->node(w->arg, &item) ? error_set(err, "stopped") : 0;
}

static int tell_nodes(const struct graph *g, const char *where, const struct model_walk *w, struct error *err)
{
    struct node_parts p = {0};
    int status = 0;
    text_init(&p.text);
    for (const struct node *n = g->first; status == 0 && n; n = n->next)
        status = tell_node(&p, n, where, w, err);
    free(p.in);
    free(p.out);
    free(p.attributes);
    text_release(&p.text);
    return status;
}

int model_walk(const struct model *m, const struct model_walk *w, struct model_error *error)
{
    struct error *err = model_inner(error);
    char where[200];
    for (const struct property *p = m->graph->properties; p; p = p->next)
        if (w->property && w->property(w->arg, p->key, p->value.data))
            return error_set(err, "stopped");
    for (const struct graph *g = m->graph; g; g = graph_next(m->graph, g)) {
        const char *name = g->holder ? node_label(g->holder, where, sizeof where) : "";
        if (tell_values(g, name, w) < 0)
            return error_set(err, "stopped");
        if (tell_nodes(g, name, w, err) < 0)
            return -1;
    }
    return 0;
}
