/* Nodes: first all values that they make, then what they use, since a file need not be sorted. */
#include <stdio.h>
#include <string.h>

#include "format/onnx/onnx.h"
#include "format/onnx/read_scan.h"

struct value *onnx_find(const struct onnx_scope *s, const char *name)
{
    struct value *v = NULL;
    for (; s && !v; s = s->parent)
        v = lookup_find(&s->names, name);
    return v;
}

static int node_error(const struct onnx_node *p, struct error *err)
{
    const char *name = onnx_text(p->name), *output = p->n_output ? p->output[0] : "";
    if (*name || !*output)
        return error_prefix(err, "node '%.100s' (%.60s)", name, onnx_text(p->op_type));
    return error_prefix(err, "node (%.60s) that makes '%.100s'", onnx_text(p->op_type), output);
}

static bool is_constant(const struct onnx_node *p)
{
    return strcmp(onnx_text(p->op_type), "Constant") == 0 && !*onnx_domain(p->domain) && p->n_output == 1 &&
           p->n_input == 0;
}

/* ---- what they make ---- */

const char *onnx_free_name(const struct onnx_scope *s, const char *name)
{
    return s->call && graph_find_value(s->graph, name) ? NULL : name;
}

/* The value of an output. A function's own outputs are the caller's values. */
static struct value *make_value(struct onnx_scope *s, const char *name, struct error *err)
{
    struct value *v = s->call && !s->parent ? lookup_find(&s->call->outputs, name) : NULL;
    return v ? v : graph_add_value(s->graph, onnx_free_name(s, name), err);
}

static int declare(struct onnx_scope *s, const char *name, struct tensor *constant, struct error *err)
{
    if (lookup_find(&s->names, name)) {
        tensor_unref(constant);
        return error_set(err, "two values are named '%.200s'", name);
    }
    struct value *v = make_value(s, name, err);
    if (!v) {
        tensor_unref(constant);
        return -1;
    }
    if (constant && graph_make_constant(v, constant, err) != 0)
        return -1;
    return lookup_add(&s->names, name, v, err);
}

static int declare_outputs(struct onnx_scope *s, const struct onnx_node *p, struct error *err)
{
    if (is_constant(p) && *p->output[0]) {
        struct tensor *t = onnx_read_constant(s, p, err);
        return t ? declare(s, p->output[0], t, err) : -1;
    }
    for (size_t i = 0; i < p->n_output; i++)
        if (*p->output[i] && declare(s, p->output[i], NULL, err) != 0)
            return -1;
    return 0;
}

/* ---- what they are ---- */

static int connect(struct onnx_scope *s, struct node *n, const struct onnx_node *p, struct error *err)
{
    for (size_t i = 0; i < p->n_input; i++) {
        struct value *v = *p->input[i] ? onnx_find(s, p->input[i]) : NULL;
        if (*p->input[i] && !v && !onnx_is_absent(s, p->input[i]))
            return error_set(err, "input %zu, '%.200s': nothing makes a value of that name", i, p->input[i]);
        if (node_add_input(n, v, err) != 0)
            return -1;
    }
    for (size_t i = 0; i < p->n_output; i++)
        if (node_add_output(n, *p->output[i] ? lookup_find(&s->names, p->output[i]) : NULL, err) != 0)
            return -1;
    return 0;
}

/* Trailing operands without a name say nothing. */
static void trim(struct node *n)
{
    int count = n->in_count;
    while (count > 0 && !n->in[count - 1])
        count--;
    node_truncate_inputs(n, count);
}

static int make_node(struct onnx_scope *s, const struct onnx_node *p, struct error *err)
{
    const char *domain = onnx_domain(p->domain);
    struct node *n = graph_add_node(s->graph, domain, onnx_text(p->op_type), NULL, err);
    if (!n || node_set_name(n, onnx_text(p->name), err) != 0 || connect(s, n, p, err) != 0)
        return -1;
    trim(n);
    n->since = onnx_opset(s, domain);
    if (!*domain && n->since < 1)
        return error_set(err, "the file does not say of which opset it is");
    for (size_t i = 0; i < p->n_attribute; i++)
        if (onnx_read_attr(s, n, p->attribute[i], err) != 0)
            return -1;
    return 0;
}

static int read_node(struct onnx_scope *s, const struct onnx_node *p, struct error *err)
{
    const struct onnx_function *f = onnx_function_of(s->reader, p, err);
    if (f)
        return onnx_inline(s, p, f, err);
    if (is_constant(p))
        return 0;
    if (!*onnx_text(p->op_type))
        return error_set(err, "it has no operator");
    if (onnx_is_scan8(s, p))
        return onnx_read_scan8(s, p, err);
    return make_node(s, p, err);
}

int onnx_read_nodes(struct onnx_scope *s, struct onnx_node *const *nodes, size_t count, struct error *err)
{
    for (size_t i = 0; i < count; i++)
        if (declare_outputs(s, nodes[i], err) != 0)
            return node_error(nodes[i], err);
    for (size_t i = 0; i < count; i++)
        if (read_node(s, nodes[i], err) != 0)
            return node_error(nodes[i], err);
    return 0;
}
