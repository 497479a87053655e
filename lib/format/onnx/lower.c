#include "format/onnx/lower.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/packed.h"
#include "format/lower.h"
#include "format/onnx/onnx.h"

static const struct {
    onnx_lower_function *lower;
    int since, index;
} rest[] = {
#define LOWER(op, since, lower, attr, index) {lower, since, index},
#include "format/onnx/lower.def"
#undef LOWER
};

#include "format/onnx/lower.inc"
PACKED_TABLE(rows, struct onnx_lower_row, 2, rest);

int onnx_lower_rank(const struct node *n, int i)
{
    const struct value *v = node_in(n, i);
    return v && v->type.kind == TYPE_TENSOR ? v->type.rank : -1;
}

enum dtype onnx_lower_dtype(const struct node *n, int i)
{
    const struct value *v = node_in(n, i);
    return v && v->type.kind == TYPE_TENSOR ? v->type.dtype : DTYPE_NONE;
}

int onnx_lower_needs(const struct node *n, int since, const char *what, struct error *err)
{
    return onnx_edit_error(n, err, "%s needs opset %d", what, since);
}

/* ---- the domain "nn" ---- */

static int decompose(struct node *n, struct error *err)
{
    struct error why;
    if (!n->def || !n->def->expand)
        return onnx_edit_error(n, err, "this operator of the toolkit's own has no meaning in ONNX");
    if (n->def->expand(n, &why) != 0)
        return onnx_edit_error(n, err, "%s", why.text);
    graph_remove_node(n);
    return 0;
}

static int decompose_all(struct graph *root, struct error *err)
{
    for (struct graph *g = root; g; g = graph_next(root, g))
        for (struct node *n = g->first, *next; n; n = next) {
            next = n->next;
            if (strcmp(n->domain, "nn") == 0 && decompose(n, err) != 0)
                return -1;
        }
    return 0;
}

/* ---- ONNX's own ---- */

static int first_version(const struct node *n)
{
    return atoi(n->def->versions);
}

/* A node that is done says so in `since`, which only unknown operators use otherwise. */
static int lower_node(struct node *n, int opset, struct error *err)
{
    if (onnx_lower_check_types(n, opset, err) != 0)
        return -1;
    const struct onnx_lower_row *row;
    for (size_t i = 0; (row = packed_row(&rows, i)); i++)
        if (opset < row->since && strcmp(n->op, row->op) == 0 && row->lower(n, row, opset, err) != 0)
            return -1;
    n->def = op_find(n->domain, n->op);
    n->since = opset;
    if (n->def && first_version(n) > opset)
        return onnx_edit_error(n, err, "this operator needs opset %d, and %d is to be written", first_version(n),
                               opset);
    return 0;
}

/* Outputs that an older form has not, or of another type, and nobody uses, go first. */
static struct node *without_extras(struct node *n, int opset, struct error *err)
{
    bool extra = (node_is(n, "LayerNormalization") && opset < 17) || (node_is(n, "Dropout") && opset < 10);
    return extra && n->out_count > 1 ? onnx_edit_drop_outputs(n, 1, err) : n;
}

/* 1 where it is others now, which were made of it; 0 where it stays; -1 after a failure. */
static int as_arithmetic(struct node *n, int opset, struct error *err)
{
    int made = node_is(n, "Attention") && opset < first_version(n) ? format_lower(n, err) : 0;
    if (made > 0)
        graph_remove_node(n);
    return made;
}

static int lower_new(struct graph *root, int opset, bool *any, struct error *err)
{
    struct error ignored;
    *any = false;
    op_infer_graph(root, &ignored); /* what it cannot tell, the rows ask for when they need it */
    for (struct graph *g = root; g; g = graph_next(root, g))
        for (struct node *n = g->first, *next; n; n = next) {
            next = n->next;
            if (*n->domain || n->since || !n->def)
                continue;
            *any = true;
            int made = as_arithmetic(n, opset, err);
            if (made < 0 || (!made && (!(n = without_extras(n, opset, err)) || lower_node(n, opset, err) != 0)))
                return -1;
        }
    return 0;
}

int onnx_lower(struct graph *root, int opset, struct error *err)
{
    bool any = true;
    if (decompose_all(root, err) != 0)
        return -1;
    while (any)
        if (lower_new(root, opset, &any, err) != 0)
            return -1;
    return 0;
}
