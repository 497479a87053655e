/* Evaluating one node: what `eval` functions use, and calling them. */
#include "op/util.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "op/check.h"

const struct tensor *eval_in(const struct op_eval *c, int i)
{
    return i < c->in_count && c->in[i] && c->in[i]->kind == ITEM_TENSOR ? c->in[i]->tensor : NULL;
}

bool eval_wants(const struct op_eval *c, int o)
{
    return node_out(c->node, o) != NULL;
}

int eval_error(const struct op_eval *c, struct error *err, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int status = check_error(c->node, err, format, args);
    va_end(args);
    return status;
}

int op_out_count(const struct node *n)
{
    int named = n->def ? operand_count(n->def->outputs) : 0;
    return n->out_count > named ? n->out_count : named;
}

int eval_give_item(struct op_eval *c, int o, struct item *item, struct error *err)
{
    if (!item)
        return -1;
    if (o < 0 || o >= c->out_count) {
        item_unref(item);
        return eval_error(c, err, "output %d does not exist", o);
    }
    item_unref(c->out[o]);
    c->out[o] = item;
    return 0;
}

int eval_give(struct op_eval *c, int o, struct tensor *t, struct error *err)
{
    if (t && t->size > c->memory) {
        eval_error(c, err, "output %d takes %zu bytes, beyond the limit of %zu", o, t->size, c->memory);
        tensor_unref(t);
        return -1;
    }
    return eval_give_item(c, o, item_of_tensor(t, err), err);
}

int op_check_room(const struct op_eval *c, int o, enum dtype dtype, int rank, const int64_t *dims, struct error *err)
{
    char text[300];
    size_t size = 0;
    int64_t count = rank >= 0 && rank <= TENSOR_MAX_RANK ? tensor_count(rank, dims) : -1;
    if (rank < 0 || rank > TENSOR_MAX_RANK)
        return eval_error(c, err, "output %d would have rank %d, the most is %d", o, rank, TENSOR_MAX_RANK);
    op_dims_text(rank, dims, text, sizeof(text));
    if (count < 0 || !tensor_bytes(dtype, count, &size))
        return eval_error(c, err, "output %d would be %s %s, which is no possible size", o, dtype_info(dtype)->name,
                          text);
    if (size > c->memory)
        return eval_error(c, err, "output %d would be %s %s, %zu bytes, beyond the limit of %zu", o,
                          dtype_info(dtype)->name, text, size, c->memory);
    return 0;
}

struct tensor *eval_out(struct op_eval *c, int o, enum dtype dtype, int rank, const int64_t *dims, struct error *err)
{
    if (op_check_room(c, o, dtype, rank, dims, err))
        return NULL;
    struct tensor *t = tensor_new(dtype, rank, dims, err);
    return eval_give(c, o, t, err) ? NULL : t;
}

int eval_ints(const struct op_eval *c, int i, int64_t *values, int max, struct error *err)
{
    const struct tensor *t = eval_in(c, i);
    if (!t)
        return 0;
    if (!op_is_int(t->dtype))
        return eval_error(c, err, "input %d is %s, want integers", i, dtype_info(t->dtype)->name);
    if (t->count > max)
        return eval_error(c, err, "input %d has %lld elements, want at most %d", i, (long long)t->count, max);
    for (int64_t k = 0; k < t->count; k++)
        values[k] = tensor_get_i64(t, k);
    return (int)t->count;
}

int eval_axis(const struct op_eval *c, const char *attr, int64_t axis, int rank, int *result, struct error *err)
{
    if (axis < -rank || axis >= rank)
        return eval_error(c, err, "%s: %lld is not in [%d, %d)", attr, (long long)axis, -rank, rank);
    *result = (int)(axis < 0 ? axis + rank : axis);
    return 0;
}

/* ---- one node ---- */

/* The type of a run-time value: the item itself, then what it holds. */
#define TYPE_LEVELS 4
struct item_types {
    struct type level[TYPE_LEVELS];
};

static void type_of_item(const struct item *item, struct item_types *types)
{
    for (int i = 0; i < TYPE_LEVELS; i++) {
        struct type *type = &types->level[i];
        memset(type, 0, sizeof(*type));
        if (!item)
            return;
        type->kind = item->kind == ITEM_TENSOR     ? TYPE_TENSOR
                     : item->kind == ITEM_SEQUENCE ? TYPE_SEQUENCE
                                                   : TYPE_OPTIONAL;
        type->dtype = item->dtype;
        type->rank = -1;
        if (item->kind == ITEM_TENSOR) {
            type->rank = item->tensor->rank;
            memcpy(type->dims, item->tensor->dims, sizeof(type->dims));
            return;
        }
        type->element = i + 1 < TYPE_LEVELS ? type + 1 : NULL;
        item = item->n ? item->at[0] : NULL;
    }
}

static int check_inputs(const struct op_eval *c, struct error *err)
{
    size_t n = (size_t)c->in_count;
    struct item_types *types = mem_calloc(n, sizeof(*types), err);
    const struct type **in = mem_calloc(n, sizeof(*in), err);
    int result = types && in ? 0 : -1;
    for (size_t i = 0; i < n && result == 0; i++)
        if (c->in[i]) {
            type_of_item(c->in[i], &types[i]);
            in[i] = types[i].level;
        }
    for (size_t i = 0; i < n && result == 0; i++)
        if (c->node->in[i] && !c->in[i])
            result = eval_error(c, err, "input %zu has no value", i);
    if (result == 0)
        result = check_types(c->node, in, c->in_count, NULL, 0, err);
    free(in);
    free(types);
    return result;
}

/* Whether all bytes of a string tensor lie in its own blob. */
static bool owns_strings(const struct tensor *t)
{
    const struct str *s = t->data;
    const char *from = t->blob ? t->blob->data : NULL;
    for (int64_t i = 0; i < t->count; i++)
        if (s[i].size && (!from || s[i].data < from || s[i].data + s[i].size > from + t->blob->size))
            return false;
    return true;
}

static int own_strings(struct op_eval *c, struct error *err)
{
    for (int o = 0; o < c->out_count; o++) {
        const struct tensor *t = c->out[o] && c->out[o]->kind == ITEM_TENSOR ? c->out[o]->tensor : NULL;
        if (t && t->dtype == DTYPE_STRING && !owns_strings(t) &&
            eval_give(c, o, tensor_of_strings(t->rank, t->dims, t->data, err), err))
            return -1;
    }
    return 0;
}

static int check_outputs(const struct op_eval *c, struct error *err)
{
    for (int o = 0; o < c->node->out_count; o++)
        if (c->node->out[o] && !c->out[o])
            return eval_error(c, err, "output %d was not computed", o);
    return 0;
}

static int copy_attrs(struct node *to, const struct node *from, struct error *err)
{
    int failed = 0;
    for (const struct attr *a = from->attrs; a && !failed; a = a->next)
        switch (a->kind) {
        case ATTR_INT:
            failed = node_set_int(to, a->name, a->i, err);
            break;
        case ATTR_FLOAT:
            failed = node_set_float(to, a->name, a->f, err);
            break;
        case ATTR_STRING:
            failed = node_set_string(to, a->name, a->s.data, a->s.size, err);
            break;
        case ATTR_TENSOR:
            failed = node_set_tensor(to, a->name, tensor_ref(a->tensor), err);
            break;
        case ATTR_INTS:
            failed = node_set_ints(to, a->name, a->ints, a->n, err);
            break;
        case ATTR_FLOATS:
            failed = node_set_floats(to, a->name, a->floats, a->n, err);
            break;
        case ATTR_STRINGS:
            failed = node_set_strings(to, a->name, a->strings, a->n, err);
            break;
        case ATTR_TYPE:
            failed = node_set_type(to, a->name, a->type, err);
            break;
        case ATTR_GRAPH:
            failed = error_set(err, "operator %s with a subgraph cannot be expanded here", from->op);
            break;
        }
    return failed;
}

/* A graph that holds just a copy of the node; its inputs are those of the node that are there, typed by the items. */
static struct node *alone(const struct op_eval *c, struct graph *g, struct error *err)
{
    struct node *n = graph_add_node(g, c->node->domain, c->node->op, NULL, err);
    if (!n || copy_attrs(n, c->node, err))
        return NULL;
    n->def = c->node->def;
    for (int i = 0; i < c->in_count; i++) {
        struct value *v = NULL;
        if (c->in[i]) {
            struct item_types types;
            v = graph_add_value(g, NULL, err);
            if (!v || graph_add_input(g, v, err))
                return NULL;
            type_of_item(c->in[i], &types);
            if (types.level[0].kind == TYPE_TENSOR)
                v->type = types.level[0];
        }
        if (node_add_input(n, v, err))
            return NULL;
    }
    for (int o = 0; o < c->node->out_count; o++) {
        struct value *v = c->node->out[o] ? graph_add_value(g, NULL, err) : NULL;
        if ((c->node->out[o] && (!v || graph_add_output(g, v, err))) || node_add_output(n, v, err))
            return NULL;
    }
    return n;
}

static int run_expanded(struct op_eval *c, const struct graph *g, struct error *err)
{
    struct item **in = mem_calloc((size_t)c->in_count, sizeof(*in), err);
    struct item **out = mem_calloc(g->output_count, sizeof(*out), err);
    int n = 0, result = in && out ? 0 : -1;
    for (int i = 0; i < c->in_count && result == 0; i++)
        if (c->in[i])
            in[n++] = c->in[i];
    if (result == 0)
        result = op_run(g, in, out, c->memory, c->seed ? *c->seed : 0, err);
    n = 0;
    for (int o = 0; o < c->node->out_count && result == 0; o++)
        if (c->node->out[o])
            c->out[o] = out[n++];
    free(out);
    free(in);
    return result;
}

static int eval_expanded(struct op_eval *c, struct error *err)
{
    struct graph *g = graph_new(err);
    struct node *n = g ? alone(c, g, err) : NULL;
    int result = n ? n->def->expand(n, err) : -1;
    if (result == 0) {
        graph_remove_node(n);
        op_resolve(g);
        result = run_expanded(c, g, err);
    }
    graph_free(g);
    return result;
}

int op_eval_node(struct op_eval *c, struct error *err)
{
    const struct op *op = c->node->def;
    struct error unseen;
    char name[200];
    err = err ? err : &unseen;
    if (!op)
        return eval_error(c, err, "operator %s%s%s is unknown", c->node->domain, c->node->domain[0] ? "." : "",
                          c->node->op);
    if (!op->eval && !op->expand)
        return eval_error(c, err, "operator %s cannot be evaluated", op->name);
    int result = check_form(c->node, err) || check_inputs(c, err);
    if (!result) {
        err->text[0] = '\0';
        result = op->eval ? op->eval(c, err) : eval_expanded(c, err);
        if (result && strncmp(err->text, "node ", 5) != 0)
            error_prefix(err, "%s", check_label(c->node, name, sizeof(name)));
    }
    if (result || own_strings(c, err) || check_outputs(c, err)) {
        for (int o = 0; o < c->out_count; o++) {
            item_unref(c->out[o]);
            c->out[o] = NULL;
        }
        return -1;
    }
    return 0;
}
