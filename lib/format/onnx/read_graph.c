/* Graphs: constants, inputs, nodes, what is said of types, outputs. */
#include <stdio.h>
#include <string.h>

#include "format/onnx/onnx.h"

static int set_type(struct onnx_scope *s, struct value *v, const struct onnx_type *p, const char *input,
                    struct error *err)
{
    struct type type;
    if (v->constant || !p)
        return 0;
    if (onnx_read_type(s->reader, p, input, &type, err) != 0)
        return -1;
    if (type.kind != TYPE_UNKNOWN)
        v->type = type;
    return 0;
}

/* ---- constants ---- */

static int add_constant(struct onnx_scope *s, const char *name, struct tensor *t, struct error *err)
{
    if (!t)
        return -1;
    if (!*name || lookup_find(&s->names, name)) {
        tensor_unref(t);
        return *name ? error_set(err, "two values are named '%.200s'", name)
                     : error_set(err, "an initializer has no name");
    }
    struct value *v = graph_add_constant(s->graph, onnx_free_name(s, name), t, err);
    return v ? lookup_add(&s->names, name, v, err) : -1;
}

static int read_constants(struct onnx_scope *s, const struct onnx_graph *p, struct error *err)
{
    for (size_t i = 0; i < p->n_initializer; i++) {
        const struct onnx_tensor *t = p->initializer[i];
        if (add_constant(s, onnx_text(t->name), onnx_read_tensor(s->reader, t, err), err) != 0)
            return -1;
    }
    for (size_t i = 0; i < p->n_sparse_initializer; i++) {
        const struct onnx_sparse_tensor *t = p->sparse_initializer[i];
        const char *name = t->values ? onnx_text(t->values->name) : "";
        if (add_constant(s, name, onnx_read_sparse(s->reader, t, err), err) != 0)
            return -1;
    }
    return 0;
}

/* ---- interface ---- */

/* An input that is also a constant is one for the sake of old IR versions, or one with a default: a constant. */
static int read_input(struct onnx_scope *s, const struct onnx_value_info *p, struct error *err)
{
    const char *name = onnx_text(p->name);
    struct value *known = lookup_find(&s->names, name);
    if (known && known->constant)
        return 0;
    if (known || !*name)
        return error_set(err, known ? "two values are named so" : "it has no name");
    struct value *v = graph_add_value(s->graph, onnx_free_name(s, name), err);
    if (!v || graph_add_input(s->graph, v, err) != 0 || lookup_add(&s->names, name, v, err) != 0)
        return -1;
    return set_type(s, v, p->type, s->graph->parent ? NULL : name, err);
}

/* An output must be of the graph: a value of one around it goes through a node. */
static struct value *own_value(struct onnx_scope *s, const char *name, struct error *err)
{
    struct value *v = *name ? onnx_find(s, name) : NULL;
    if (!v) {
        error_set(err, "nothing makes a value of that name");
        return NULL;
    }
    if (v->graph == s->graph)
        return v;
    struct node *n = graph_add_node(s->graph, "", "Identity", NULL, err);
    if (!n || node_add_input(n, v, err) != 0)
        return NULL;
    n->since = OP_OPSET;
    return node_new_output(n, NULL, err);
}

static int read_output(struct onnx_scope *s, const struct onnx_value_info *p, struct error *err)
{
    struct value *v = own_value(s, onnx_text(p->name), err);
    if (!v || (!v->is_input && set_type(s, v, p->type, NULL, err) != 0))
        return -1;
    return graph_add_output(s->graph, v, err);
}

static int read_infos(struct onnx_scope *s, struct onnx_value_info *const *infos, size_t count, const char *what,
                      int (*read)(struct onnx_scope *, const struct onnx_value_info *, struct error *),
                      struct error *err)
{
    for (size_t i = 0; i < count; i++)
        if (read(s, infos[i], err) != 0)
            return error_prefix(err, "%s '%.200s'", what, onnx_text(infos[i]->name));
    return 0;
}

static int read_info(struct onnx_scope *s, const struct onnx_value_info *p, struct error *err)
{
    struct value *v = lookup_find(&s->names, onnx_text(p->name));
    return v && v->graph == s->graph && !v->is_input ? set_type(s, v, p->type, NULL, err) : 0;
}

/* ---- states ---- */

/* The constant "h" that an output "h_out" follows; NULL. */
static struct value *state_before(const struct onnx_scope *s, const char *out)
{
    char stem[256];
    size_t n = strlen(out);
    if (n < 5 || n >= sizeof stem || strcmp(out + n - 4, "_out") != 0)
        return NULL;
    snprintf(stem, sizeof stem, "%.*s", (int)n - 4, out);
    struct value *v = lookup_find(&s->names, stem);
    return v && v->constant && v->graph == s->graph && !v->is_input ? v : NULL;
}

/* Inputs with a default that an output follows are what a network keeps from run to run: they stay inputs. */
static int read_states(struct onnx_scope *s, const struct onnx_graph *p, struct error *err)
{
    struct lookup followed = {0};
    int status = 0, count = 0;
    for (size_t i = 0; i < p->n_output && status == 0; i++) {
        struct value *v = state_before(s, onnx_text(p->output[i]->name));
        if (v && !lookup_find(&followed, v->name)) {
            status = lookup_add(&followed, v->name, v, err);
            count++;
        }
    }
    for (size_t i = 0; i < p->n_input && status == 0 && count; i++) {
        struct value *v = lookup_find(&followed, onnx_text(p->input[i]->name));
        if (v && !v->is_input)
            status = graph_add_input(s->graph, v, err);
    }
    lookup_release(&followed);
    return status;
}

/* ---- the whole ---- */

int onnx_read_graph(struct onnx_scope *s, const struct onnx_graph *p, struct error *err)
{
    s->graph->name = arena_strdup(&s->reader->root->arena, onnx_text(p->name), err);
    if (!s->graph->name || read_constants(s, p, err) != 0 ||
        read_infos(s, p->input, p->n_input, "input", read_input, err) != 0 ||
        onnx_read_nodes(s, p->node, p->n_node, err) != 0 ||
        read_infos(s, p->value_info, p->n_value_info, "value", read_info, err) != 0)
        return -1;
    if (read_infos(s, p->output, p->n_output, "output", read_output, err) != 0)
        return -1;
    return s->graph->parent ? 0 : read_states(s, p, err);
}
