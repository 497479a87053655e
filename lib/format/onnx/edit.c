#include "format/onnx/edit.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- nodes ---- */

static int add_inputs(struct node *n, int count, struct value *const *in, struct error *err)
{
    for (int i = 0; i < count; i++)
        if (node_add_input(n, in[i], err) != 0)
            return -1;
    return 0;
}

static struct node *copy_before(struct node *n, struct error *err)
{
    struct node *copy = graph_add_node(n->graph, n->domain, n->op, n, err);
    if (!copy || add_inputs(copy, n->in_count, n->in, err) != 0 || node_take_attrs(copy, n, err) != 0 ||
        node_set_name(copy, n->name, err) != 0)
        return NULL;
    copy->def = n->def;
    copy->since = n->since;
    return copy;
}

struct value *onnx_edit_split(struct node *n, struct error *err)
{
    struct node *copy = copy_before(n, err);
    return copy && node_set_name(n, "", err) == 0 ? node_new_output(copy, NULL, err) : NULL;
}

struct node *onnx_edit_drop_outputs(struct node *n, int outputs, struct error *err)
{
    for (int i = outputs; i < n->out_count; i++)
        if (n->out[i] && value_is_used(n->out[i])) {
            onnx_edit_error(n, err, "its output %d, '%.200s', is used, and has no meaning here", i, n->out[i]->name);
            return NULL;
        }
    struct node *copy = copy_before(n, err);
    for (int i = 0; copy && i < outputs && i < n->out_count; i++)
        if (node_move_output(n, i, copy, err) != 0)
            return NULL;
    if (copy)
        graph_remove_node(n);
    return copy;
}

/* ---- constants ---- */

const struct tensor *onnx_edit_constant(const struct node *n, int i)
{
    const struct value *v = node_in(n, i);
    return v ? v->constant : NULL;
}

int onnx_edit_constant_ints(const struct node *n, int i, int64_t *values, int max)
{
    const struct tensor *t = onnx_edit_constant(n, i);
    if (!t || t->rank > 1 || t->count > max || (t->dtype != DTYPE_I64 && t->dtype != DTYPE_I32))
        return -1;
    tensor_load_i64(t, 0, t->count, values);
    return (int)t->count;
}

/* ---- inputs and attributes ---- */

int onnx_edit_set_input(struct node *n, int index, struct value *v, struct error *err)
{
    while (n->in_count < index)
        if (node_add_input(n, NULL, err) != 0)
            return -1;
    return node_set_input(n, index, v, err);
}

int onnx_edit_attr_to_input(struct node *n, const char *attr, int index, struct error *err)
{
    const struct attr *a = node_attr(n, attr);
    if (!a)
        return 0;
    if (a->kind != ATTR_INTS)
        return onnx_edit_error(n, err, "attribute %s is no list of ints", attr);
    if (node_in(n, index))
        return onnx_edit_error(n, err, "it has %s as attribute and as input", attr);
    struct build b = {.node = n, .err = err};
    struct value *v = build_list(&b, (int)a->n, a->ints);
    if (!v || onnx_edit_set_input(n, index, v, err) != 0)
        return -1;
    node_remove_attr(n, attr);
    return 0;
}

int onnx_edit_input_to_attr(struct node *n, int index, const char *attr, int since, struct error *err)
{
    int64_t values[64];
    if (!node_in(n, index))
        return 0;
    int count = onnx_edit_constant_ints(n, index, values, 64);
    if (count < 0)
        return onnx_edit_error(n, err, "input %d (%s), being computed, needs opset %d", index, attr, since);
    if (node_set_ints(n, attr, values, (size_t)count, err) != 0)
        return -1;
    if (index == n->in_count - 1)
        node_truncate_inputs(n, index);
    else
        return node_set_input(n, index, NULL, err);
    return 0;
}

int64_t onnx_edit_get_int(const struct node *n, const char *name, int64_t other)
{
    const struct attr *a = node_attr(n, name);
    return a && a->kind == ATTR_INT ? a->i : other;
}

float onnx_edit_get_float(const struct node *n, const char *name, float other)
{
    const struct attr *a = node_attr(n, name);
    return a && a->kind == ATTR_FLOAT ? a->f : other;
}

bool onnx_edit_attr_is(const struct node *n, const char *name, const char *text)
{
    const struct attr *a = node_attr(n, name);
    return a && a->kind == ATTR_STRING && a->s.size == strlen(text) && memcmp(a->s.data, text, a->s.size) == 0;
}

int onnx_edit_error(const struct node *n, struct error *err, const char *format, ...)
{
    char label[200], text[600];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (*n->name)
        return error_set(err, "node '%.100s' (%.60s): %s", n->name, n->op, text);
    return error_set(err, "%s: %s", node_label(n, label, sizeof(label)), text);
}
