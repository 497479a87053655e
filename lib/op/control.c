/* If and SequenceMap, and what the operators with subgraphs share. */
#include "op/control.h"

#include <stdlib.h>
#include <string.h>

#include "op/util.h"

/* ---- stacks ---- */

int control_push(struct op_eval *c, struct control_stack *s, const struct item *item, const char *what,
                 struct error *err)
{
    char a[200], b[200];
    if (item->kind != ITEM_TENSOR)
        return eval_error(c, err, "%s is no tensor", what);
    struct tensor *t = item->tensor;
    const struct tensor *first = s->n ? s->at[0] : t;
    if (t->dtype != first->dtype || t->rank != first->rank ||
        memcmp(t->dims, first->dims, (size_t)t->rank * sizeof(t->dims[0])))
        return eval_error(c, err, "%s is %s %s in one iteration and %s %s in another", what,
                          dtype_info(first->dtype)->name, op_dims_text(first->rank, first->dims, a, sizeof(a)),
                          dtype_info(t->dtype)->name, op_dims_text(t->rank, t->dims, b, sizeof(b)));
    /* A tensor takes room even when it has no elements. */
    s->bytes += t->size + sizeof(*t);
    if (s->bytes > c->memory)
        return eval_error(c, err, "%s takes more than %zu bytes over %zu iterations", what, c->memory, s->n + 1);
    if (mem_grow(&s->at, &s->cap, s->n + 1, sizeof(struct tensor *), err))
        return -1;
    s->at[s->n++] = tensor_ref(t);
    return 0;
}

void control_release(struct control_stack *s)
{
    for (size_t i = 0; i < s->n; i++)
        tensor_unref(s->at[i]);
    free(s->at);
}

/* The element's dtype and dims: of the first tensor, or from the type, with 0 for what is not known. */
static void element_dims(const struct control_stack *s, const struct type *type, enum dtype *dtype, int *rank,
                         int64_t *dims)
{
    bool tensor = type->kind == TYPE_TENSOR;
    *dtype = s->n ? s->at[0]->dtype : tensor && type->dtype != DTYPE_NONE ? type->dtype : DTYPE_F32;
    *rank = s->n ? s->at[0]->rank : tensor && type->rank > 0 ? type->rank : 0;
    for (int i = 0; i < *rank; i++)
        dims[i] = s->n ? s->at[0]->dims[i] : type->dims[i] < 0 ? 0 : type->dims[i];
}

int control_give(struct op_eval *c, int o, const struct control_stack *s, int64_t axis, bool reverse,
                 const struct type *element, struct error *err)
{
    int64_t dims[TENSOR_MAX_RANK + 1], outer = 1, inner = 1;
    enum dtype dtype;
    int rank, at;
    element_dims(s, element, &dtype, &rank, dims);
    if (eval_axis(c, "axis of a stacked output", axis, rank + 1, &at, err))
        return -1;
    for (int i = 0; i < rank; i++)
        *(i < at ? &outer : &inner) *= dims[i];
    memmove(dims + at + 1, dims + at, (size_t)(rank - at) * sizeof(*dims));
    dims[at] = (int64_t)s->n;
    struct tensor *y = eval_out(c, o, dtype, rank + 1, dims, err);
    if (!y)
        return -1;
    for (size_t i = 0; i < s->n; i++) {
        int64_t place = (int64_t)(reverse ? s->n - 1 - i : i);
        for (int64_t k = 0; k < outer; k++)
            op_move(y, (k * (int64_t)s->n + place) * inner, 1, s->at[i], k * inner, 1, inner);
    }
    return 0;
}

/* ---- running ---- */

int control_run(struct op_eval *c, const struct graph *body, struct item *const *in, struct item **out,
                struct error *err)
{
    if (!c->run_graph)
        return eval_error(c, err, "cannot run a subgraph here");
    if (c->body_nodes) {
        *c->body_nodes -= body->node_count > OP_BODY_NODES ? (int64_t)body->node_count : OP_BODY_NODES;
        if (*c->body_nodes < 0)
            return eval_error(c, err, "more than %lld iterations of up to %d nodes in one run",
                              (long long)(OP_MAX_BODY_NODES / OP_BODY_NODES), OP_BODY_NODES);
    }
    return c->run_graph(c, body, in, out, err);
}

int control_condition(struct op_eval *c, const struct item *item, const char *what, bool *result, struct error *err)
{
    if (item->kind != ITEM_TENSOR || item->tensor->dtype != DTYPE_BOOL || item->tensor->count != 1)
        return eval_error(c, err, "%s is not one bool", what);
    *result = tensor_get_i64(item->tensor, 0) != 0;
    return 0;
}

void control_unref(struct item **items, size_t n)
{
    for (size_t i = 0; items && i < n; i++) {
        item_unref(items[i]);
        items[i] = NULL;
    }
}

/* ---- types ---- */

struct type control_type_of(const struct op_infer *c, int i)
{
    const struct type *type = infer_type(c, i);
    return type ? *type : (struct type){.kind = TYPE_UNKNOWN, .rank = -1};
}

/* An optional of the other kind: a body may take the optional and give what is in it, as the operators on optionals
 * take both. */
static bool holds(const struct type *optional, const struct type *some)
{
    return optional->kind == TYPE_OPTIONAL && optional->element && optional->element->kind == some->kind;
}

bool control_merge(struct type *type, const struct type *other)
{
    if (type->kind == TYPE_UNKNOWN || other->kind == TYPE_UNKNOWN) {
        *type = (struct type){.kind = TYPE_UNKNOWN, .rank = -1};
        return true;
    }
    if (holds(type, other) || holds(other, type)) {
        *type = (struct type){.kind = TYPE_UNKNOWN, .rank = -1};
        return true;
    }
    if (type->kind != other->kind)
        return false;
    if (type->kind != TYPE_TENSOR) {
        if (!type->element || !other->element || !op_same_type(type->element, other->element))
            type->element = NULL;
        return true;
    }
    if (type->dtype != other->dtype && type->dtype != DTYPE_NONE && other->dtype != DTYPE_NONE)
        return false;
    type->dtype = type->dtype == DTYPE_NONE ? other->dtype : type->dtype;
    if (type->rank != other->rank)
        type->rank = -1;
    for (int i = 0; i < type->rank; i++)
        if (type->dims[i] != other->dims[i])
            type->dims[i] = DIM_UNKNOWN;
    return true;
}

static void forget_types(struct graph *g, int depth)
{
    for (struct node *n = g->first; n; n = n->next) {
        for (int o = 0; o < n->out_count; o++)
            if (n->out[o])
                n->out[o]->type = (struct type){.kind = TYPE_UNKNOWN, .rank = -1};
        for (const struct attr *a = n->attrs; a && depth < 64; a = a->next)
            if (a->kind == ATTR_GRAPH)
                forget_types(a->graph, depth + 1);
    }
}

int control_infer_body(struct graph *body, const struct type *types, bool afresh, struct error *err)
{
    if (afresh)
        forget_types(body, 0);
    for (size_t i = 0; i < body->input_count; i++)
        if (types[i].kind != TYPE_UNKNOWN || afresh)
            body->inputs[i]->type = types[i];
    return op_infer_graph(body, err);
}

int control_stacked_type(struct op_infer *c, const struct type *element, const char *attr, int64_t axis, int64_t size,
                         struct type *result, struct error *err)
{
    int at;
    *result = (struct type){.kind = TYPE_TENSOR, .rank = -1};
    if (element->kind != TYPE_TENSOR)
        return 0;
    result->dtype = element->dtype;
    if (element->rank < 0)
        return 0;
    if (element->rank + 1 > TENSOR_MAX_RANK)
        return infer_error(c, err, "a stacked output would have rank %d, the most is %d", element->rank + 1,
                           TENSOR_MAX_RANK);
    if (infer_axis(c, attr, axis, element->rank + 1, &at, err))
        return -1;
    result->rank = element->rank + 1;
    for (int i = 0; i < result->rank; i++)
        result->dims[i] = i < at ? element->dims[i] : i == at ? size : element->dims[i - 1];
    return 0;
}

/* ---- If ---- */

static struct graph *branch(const struct node *n, bool which)
{
    return op_graph(n, which ? "then_branch" : "else_branch");
}

static int check_branch(const struct node *n, const struct graph *g, const char **fault)
{
    *fault = !g                                        ? "is missing"
             : g->input_count != 0                     ? "has inputs, want none"
             : g->output_count != (size_t)n->out_count ? "has another number of outputs than the node"
                                                       : NULL;
    return *fault ? -1 : 0;
}

int infer_if(struct op_infer *c, struct error *err)
{
    int64_t known;
    bool sure = infer_ints(c, 0, &known, 1) == 1, fits[2] = {false, false};
    const char *fault;
    for (int which = 1; which >= 0; which--) {
        struct graph *g = branch(c->node, which);
        if (check_branch(c->node, g, &fault))
            return infer_error(c, err, "%s %s", which ? "then_branch" : "else_branch", fault);
        /* A branch that is never taken may well not fit, and one that does not fit gives no result. */
        fits[which] = (!sure || (known != 0) == which) && op_infer_graph(g, err) == 0;
    }
    if (!fits[0] && !fits[1])
        return -1;
    for (int o = 0; o < c->node->out_count; o++) {
        struct type type = branch(c->node, fits[1])->outputs[o]->type;
        if (fits[0] && fits[1] && !control_merge(&type, &branch(c->node, false)->outputs[o]->type))
            return infer_error(c, err, "output %d has different types in then_branch and else_branch", o);
        if (infer_set_type(c, o, &type, err))
            return -1;
    }
    return 0;
}

int eval_if(struct op_eval *c, struct error *err)
{
    bool cond = false;
    const char *fault;
    if (control_condition(c, c->in[0], "input cond", &cond, err))
        return -1;
    const struct graph *g = branch(c->node, cond);
    if (check_branch(c->node, g, &fault))
        return eval_error(c, err, "%s %s", cond ? "then_branch" : "else_branch", fault);
    return control_run(c, g, NULL, c->out, err);
}

/* ---- SequenceMap ---- */

int infer_sequence_map(struct op_infer *c, struct error *err)
{
    struct graph *body = op_graph(c->node, "body");
    if (!body || body->input_count != (size_t)c->node->in_count || body->output_count != (size_t)c->node->out_count)
        return infer_error(c, err, "body has other numbers of inputs and outputs than the node");
    struct type *types = mem_calloc(body->input_count, sizeof(*types), err);
    if (!types)
        return -1;
    for (int i = 0; i < c->node->in_count; i++) {
        const struct type *type = infer_type(c, i);
        types[i].rank = -1;
        if (type && type->kind == TYPE_SEQUENCE && type->element)
            types[i] = *type->element;
        else if (type && type->kind == TYPE_TENSOR)
            types[i] = *type;
    }
    int result = control_infer_body(body, types, false, err);
    for (int o = 0; o < c->node->out_count && result == 0; o++) {
        struct type type = {.kind = TYPE_SEQUENCE, .element = &body->outputs[o]->type};
        result = infer_set_type(c, o, &type, err);
    }
    free(types);
    return result;
}

/* Element i of every sequence, and the tensors as they are. */
static int pick_elements(struct op_eval *c, size_t i, size_t n, struct item **in, struct error *err)
{
    for (int k = 0; k < c->in_count; k++) {
        struct item *item = c->in[k];
        if (item->kind == ITEM_SEQUENCE && item->n != n)
            return eval_error(c, err, "input %d has %zu elements, the first input %zu", k, item->n, n);
        in[k] = item->kind == ITEM_SEQUENCE ? item->at[i] : item;
    }
    return 0;
}

/* out[o * n + i]: output o of element i. */
static int map_all(struct op_eval *c, const struct graph *body, size_t n, struct item **in, struct item **row,
                   struct item **out, struct error *err)
{
    for (size_t i = 0; i < n; i++) {
        if (pick_elements(c, i, n, in, err) || control_run(c, body, in, row, err))
            return -1;
        for (size_t o = 0; o < body->output_count; o++) {
            out[o * n + i] = row[o];
            row[o] = NULL;
        }
    }
    for (size_t o = 0; o < body->output_count; o++) {
        enum dtype dtype = n ? out[o * n]->dtype : body->outputs[o]->type.dtype;
        if (eval_give_item(c, (int)o, item_sequence(dtype, out + o * n, n, err), err))
            return -1;
    }
    return 0;
}

int eval_sequence_map(struct op_eval *c, struct error *err)
{
    const struct graph *body = op_graph(c->node, "body");
    size_t n = c->in[0]->n, total;
    if (body->input_count != (size_t)c->in_count || body->output_count != (size_t)c->node->out_count)
        return eval_error(c, err, "body has other numbers of inputs and outputs than the node");
    if (!mem_mul(n, body->output_count, &total))
        return eval_error(c, err, "%zu elements are too many", n);
    struct item **in = mem_calloc((size_t)c->in_count, sizeof(*in), err);
    struct item **row = mem_calloc(body->output_count, sizeof(*row), err);
    struct item **out = mem_calloc(total, sizeof(*out), err);
    int result = in && row && out ? map_all(c, body, n, in, row, out, err) : -1;
    control_unref(out, total);
    free(out);
    free(row);
    free(in);
    return result;
}
