/* Nodes and their attributes as messages. */
#include <stdio.h>
#include <string.h>

#include "format/onnx/write.h"
#include "op/check.h"

/* Sets the content; the numbers are AttributeProto.AttributeType's. */
static int set_content(struct onnx_writer *w, struct onnx_attribute *p, const struct attr *a, int depth)
{
    switch (a->kind) {
    case ATTR_FLOAT:
        p->type = 1;
        p->has_f = 1;
        p->f = a->f;
        return 0;
    case ATTR_INT:
        p->type = 2;
        p->has_i = 1;
        p->i = a->i;
        return 0;
    case ATTR_STRING:
        p->type = 3;
        p->has_s = 1;
        p->s = a->s;
        return 0;
    case ATTR_TENSOR:
        p->type = 4;
        return (p->t = onnx_make_tensor(w, a->tensor, NULL)) ? 0 : -1;
    case ATTR_GRAPH:
        p->type = 5;
        return (p->g = onnx_make_graph(w, a->graph, depth + 1)) ? 0 : -1;
    case ATTR_FLOATS:
        p->type = 6;
        p->n_floats = a->n;
        p->floats = a->floats;
        return 0;
    case ATTR_INTS:
        p->type = 7;
        p->n_ints = a->n;
        p->ints = a->ints;
        return 0;
    case ATTR_STRINGS:
        p->type = 8;
        p->n_strings = a->n;
        p->strings = a->strings;
        return 0;
    case ATTR_TYPE:
        p->type = 13;
        return (p->tp = onnx_make_type(w, a->type)) ? 0 : -1;
    }
    return error_set(w->err, "attribute %s is of no known kind", a->name);
}

static int set_attributes(struct onnx_writer *w, struct onnx_node *p, const struct node *n, int depth)
{
    size_t count = 0;
    for (const struct attr *a = n->attrs; a; a = a->next)
        count++;
    p->attribute = onnx_make_list(w, count);
    for (const struct attr *a = n->attrs; p->attribute && a; a = a->next) {
        struct onnx_attribute *to = arena_alloc(&w->arena, sizeof(*to), w->err);
        if (!to)
            return -1;
        to->name = a->name;
        to->has_type = 1;
        if (set_content(w, to, a, depth) != 0)
            return -1;
        p->attribute[p->n_attribute++] = to;
    }
    return p->attribute ? 0 : -1;
}

static const char **make_names(struct onnx_writer *w, struct value *const *values, int count, int room)
{
    const char **names = onnx_make_list(w, (size_t)room);
    for (int i = 0; names && i < room; i++)
        names[i] = i < count && values[i] ? values[i]->name : "";
    return names;
}

/* Outputs that the row does not mark must be there, wanted or not: TopK's second one. */
static int make_outputs(struct onnx_writer *w, struct onnx_node *p, const struct node *n)
{
    const char *text = n->def ? n->def->outputs : "";
    struct operand_spec spec;
    const char *stem = n->name;
    char name[300];
    int required = 0;
    for (int i = n->out_count - 1; i >= 0; i--) /* nodes may lack a name, or share it */
        stem = n->out[i] ? n->out[i]->name : stem;
    while (operand_spec_next(&text, &spec) && !spec.mark)
        required++;
    p->n_output = (size_t)(required > n->out_count ? required : n->out_count);
    p->output = make_names(w, n->out, n->out_count, (int)p->n_output);
    for (int i = 0; p->output && i < required; i++) {
        if (*p->output[i])
            continue;
        snprintf(name, sizeof(name), "%.200s/unused_%d", stem, i);
        p->output[i] = arena_strdup(&w->arena, name, w->err);
        if (!p->output[i])
            return -1;
    }
    return p->output ? 0 : -1;
}

struct onnx_node *onnx_make_node(struct onnx_writer *w, const struct node *n, int depth)
{
    struct onnx_node *p = arena_alloc(&w->arena, sizeof(*p), w->err);
    if (!p)
        return NULL;
    p->input = make_names(w, n->in, n->in_count, n->in_count);
    if (!p->input || make_outputs(w, p, n) != 0)
        return NULL;
    p->n_input = (size_t)n->in_count;
    p->name = *n->name ? n->name : NULL;
    p->op_type = n->op;
    p->domain = *n->domain ? n->domain : NULL;
    return set_attributes(w, p, n, depth) == 0 ? p : NULL;
}
