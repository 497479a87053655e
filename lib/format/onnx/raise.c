#include "format/onnx/raise.h"

#include <string.h>

#include "base/packed.h"
#include "format/onnx/onnx.h"

#define ANY_OPSET 1000 /* of operators that have been superseded */

static const struct {
    onnx_raise_function *raise;
    int below, index;
} rest[] = {
#define RAISE(domain, op, below, raise, attr, index) {raise, below, index},
#include "format/onnx/raise.def"
#undef RAISE
};

#include "format/onnx/raise.inc"
PACKED_TABLE(rows, struct onnx_raise_row, 3, rest);

/* ---- inference, for the few rows that need it ---- */

/* What cannot be inferred is left unknown: whoever needs it says so, and what is wrong is found after reading. */
static void infer_to(struct onnx_raising *c, const struct node *n)
{
    struct error ignored;
    struct node *at = c->inferred ? c->inferred->next : c->graph->first;
    for (; at && at != n; at = at->next) {
        if (at->def)
            op_infer_node(at, &ignored);
        c->inferred = at;
    }
}

static const struct type *type_of(struct onnx_raising *c, struct node *n, int i)
{
    struct value *v = node_in(n, i);
    if (v && (v->type.kind != TYPE_TENSOR || v->type.rank < 0 || v->type.dtype == DTYPE_NONE))
        for (const struct onnx_raising *at = c; at; at = at->outer)
            if (at->graph == v->graph)
                infer_to((struct onnx_raising *)at, graph_holder_in(v->graph, n));
    return v && v->type.kind == TYPE_TENSOR ? &v->type : NULL;
}

int onnx_raise_rank(struct onnx_raising *c, struct node *n, int i)
{
    const struct type *type = type_of(c, n, i);
    return type ? type->rank : -1;
}

enum dtype onnx_raise_dtype(struct onnx_raising *c, struct node *n, int i)
{
    const struct type *type = type_of(c, n, i);
    return type ? type->dtype : DTYPE_NONE;
}

/* ---- nodes ---- */

static int raise_node(struct onnx_raising *c, struct node **n, struct error *err)
{
    int since = (*n)->since;
    if (since < 6 && !*(*n)->domain)
        node_remove_attr(*n, "consumed_inputs");
    const struct onnx_raise_row *row;
    for (size_t i = 0; (row = packed_row(&rows, i)); i++)
        if (since < row->below && strcmp((*n)->op, row->op) == 0 && strcmp((*n)->domain, row->domain) == 0 &&
            row->raise(c, n, row, err) != 0)
            return -1;
    (*n)->def = op_find((*n)->domain, (*n)->op);
    if ((*n)->def)
        (*n)->since = 0;
    return 0;
}

static int raise_graph(struct graph *g, const struct onnx_raising *outer, struct error *err)
{
    struct onnx_raising c = {g, NULL, outer};
    for (struct node *n = g->first, *next; n; n = next) {
        next = n->next;
        for (const struct attr *a = n->attrs; a; a = a->next)
            if (a->kind == ATTR_GRAPH && raise_graph(a->graph, &c, err) != 0)
                return -1;
        if (raise_node(&c, &n, err) != 0)
            return -1;
    }
    return 0;
}

int onnx_raise(struct graph *root, struct error *err)
{
    if (raise_graph(root, NULL, err) != 0)
        return -1;
    for (struct graph *g = root; g; g = graph_next(root, g))
        for (struct node *n = g->first; n; n = n->next)
            if (op_check(n, err) != 0)
                return -1;
    return 0;
}
