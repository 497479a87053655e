/* Operators that are written as formulas of others. */
#include <string.h>

#include "format/openvino/write.h"

static const struct {
    const char *onnx, *formula;
} rows[] = {
#define WRITER(onnx, write, type, set)
#define LOWER(onnx, formula) {onnx, formula},
#include "format/openvino/write.def"
#undef WRITER
#undef LOWER
};

static struct value *operand(void *data, const char *name, bool want)
{
    (void)want; /* op_check() told that it is there */
    return node_in(data, *name - '0');
}

static int attribute(void *data, const char *name, double *numbers, int max)
{
    const struct attr *a = node_attr(data, name);
    if (!a || max < 1 || (a->kind != ATTR_INT && a->kind != ATTR_FLOAT))
        return -1;
    *numbers = a->kind == ATTR_INT ? (double)a->i : (double)a->f;
    return 1;
}

static int lower(struct node *n, const char *formula, struct error *err)
{
    struct build b = {.node = n, .err = err};
    const struct build_terms terms = {.op = n, .in = operand, .numbers = attribute};
    struct value *v = NULL;
    build_formulas(&b, formula, &terms, &v, 1);
    build_give(&b, 0, v);
    if (build_end(&b) != 0)
        return -1;
    graph_remove_node(n);
    return 0;
}

/* The mean is of the last axis alone. */
static bool fits(const struct node *n)
{
    return !node_is(n, "RMSNormalization") || op_int(n, "axis") == -1 || op_int(n, "axis") == n->in[0]->type.rank - 1;
}

int openvino_lower(struct graph *root, struct error *err)
{
    for (struct graph *g = root; g; g = (struct graph *)graph_next(root, g))
        for (struct node *n = g->first, *next; n; n = next) {
            next = n->next;
            for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
                if (node_is(n, rows[i].onnx) && n->def && fits(n)) {
                    if (lower(n, rows[i].formula, err) != 0)
                        return -1;
                    break;
                }
        }
    return 0;
}
