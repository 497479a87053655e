#include "format/onnx/read_scan.h"

#include <string.h>

bool onnx_is_scan8(const struct onnx_scope *s, const struct onnx_node *p)
{
    return strcmp(onnx_text(p->op_type), "Scan") == 0 && !*onnx_domain(p->domain) && onnx_opset(s, "") == 8;
}

/* The outer node: all operands, states too, are scanned along the batch. */
static struct node *make_outer(struct onnx_scope *s, const struct onnx_node *p, struct error *err)
{
    struct node *n = graph_add_node(s->graph, "", "Scan", NULL, err);
    if (!n || node_set_name(n, onnx_text(p->name), err) != 0 ||
        node_set_int(n, "num_scan_inputs", (int64_t)p->n_input - 1, err) != 0)
        return NULL;
    n->since = OP_OPSET;
    for (size_t i = 1; i < p->n_input; i++) {
        struct value *v = onnx_find(s, p->input[i]);
        if (!v) {
            error_set(err, "input %zu, '%.200s': nothing makes a value of that name", i, p->input[i]);
            return NULL;
        }
        if (node_add_input(n, v, err) != 0)
            return NULL;
    }
    for (size_t i = 0; i < p->n_output; i++)
        if (node_add_output(n, lookup_find(&s->names, p->output[i]), err) != 0)
            return NULL;
    return n;
}

/* The inner node, in a body whose inputs are its inputs and whose outputs its outputs. */
static struct node *make_inner(struct node *outer, struct error *err)
{
    struct graph *body = graph_new_subgraph(outer->graph, err);
    if (!body || node_set_graph(outer, "body", body, err) != 0)
        return NULL;
    struct node *n = graph_add_node(body, "", "Scan", NULL, err);
    if (!n)
        return NULL;
    n->since = OP_OPSET;
    for (int i = 0; i < outer->in_count; i++) {
        struct value *v = graph_add_value(body, NULL, err);
        if (!v || graph_add_input(body, v, err) != 0 || node_add_input(n, v, err) != 0)
            return NULL;
    }
    for (int i = 0; i < outer->out_count; i++) {
        struct value *v = node_new_output(n, NULL, err);
        if (!v || graph_add_output(body, v, err) != 0)
            return NULL;
    }
    return n;
}

static int read_attrs(struct onnx_scope *s, struct node *n, const struct onnx_node *p, struct error *err)
{
    for (size_t i = 0; i < p->n_attribute; i++)
        if (onnx_read_attr(s, n, p->attribute[i], err) != 0)
            return -1;
    const struct attr *directions = node_attr(n, "directions");
    if (!directions)
        return 0;
    if (directions->kind != ATTR_INTS)
        return error_set(err, "attribute directions is no list of ints");
    if (node_set_ints(n, "scan_input_directions", directions->ints, directions->n, err) != 0)
        return -1;
    node_remove_attr(n, "directions");
    return 0;
}

int onnx_read_scan8(struct onnx_scope *s, const struct onnx_node *p, struct error *err)
{
    if (p->n_input < 2 || *p->input[0])
        return error_set(err, "a Scan of opset 8 with sequence_lens, or without operands, cannot be read");
    struct node *outer = make_outer(s, p, err);
    struct node *inner = outer ? make_inner(outer, err) : NULL;
    return inner ? read_attrs(s, inner, p, err) : -1;
}
