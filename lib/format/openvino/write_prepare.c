/* What comes before writing: operators that are formulas of others, and names. */
#include <stdio.h>
#include <string.h>

#include "format/lower.h"
#include "format/openvino/write.h"

#define MOST_COUNTERS 256 /* operators whose values are counted apart */

static const struct {
    const char *onnx, *formula;
} rows[] = {
#define WRITER(onnx, write, type, set)
#define LOWER(onnx, formula) {onnx, formula},
#include "format/openvino/write.def"
#undef WRITER
#undef LOWER
};

/* The mean is of the last axis alone, and triangles have their diagonal given. */
static bool fits(const struct node *n)
{
    if (node_is(n, "Trilu"))
        return node_in(n, 1) != NULL;
    return !node_is(n, "RMSNormalization") || op_int(n, "axis") == -1 || op_int(n, "axis") == n->in[0]->type.rank - 1;
}

static int lower(struct node *n, struct error *err)
{
    if (n->def && node_is(n, "Attention") && !openvino_takes_attention(n)) {
        int made = format_lower(n, err);
        if (made > 0)
            graph_remove_node(n);
        return made < 0 ? -1 : 0;
    }
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        if (node_is(n, rows[i].onnx) && n->def && fits(n))
            return build_replace(n, rows[i].formula, err);
    return 0;
}

static int lower_all(struct graph *root, struct error *err)
{
    for (struct graph *g = root; g; g = (struct graph *)graph_next(root, g))
        for (struct node *n = g->first, *next; n; n = next) {
            next = n->next;
            if (lower(n, err) != 0)
                return -1;
        }
    return 0;
}

/* ---- names ---- */

bool openvino_is_named(const char *name)
{
    return *name != '_' || name[1 + strspn(name + 1, "0123456789_")] != 0;
}

/* How many values of operators of a name have got names. */
struct counter {
    const char *op;
    int number;
};

static struct counter *counter_of(struct counter *list, int *count, const char *op)
{
    for (int i = 0; i < *count; i++)
        if (strcmp(list[i].op, op) == 0)
            return &list[i];
    if (*count < MOST_COUNTERS)
        list[(*count)++] = (struct counter){op, 0};
    return &list[*count - 1];
}

/* Values that have no names of their own are called by operator and number. */
static int name_values(struct graph *g, struct error *err)
{
    struct counter list[MOST_COUNTERS];
    char name[100];
    int count = 0;
    for (size_t i = 0; g->parent && i < g->input_count; i++) {
        snprintf(name, sizeof(name), "input_%zu", i);
        if (!openvino_is_named(g->inputs[i]->name) && !graph_find_value(g, name) &&
            graph_rename_value(g->inputs[i], name, err) != 0)
            return -1;
    }
    for (struct node *n = g->first; n; n = n->next)
        for (int o = 0; o < n->out_count; o++) {
            struct counter *c = counter_of(list, &count, n->op);
            if (!n->out[o] || openvino_is_named(n->out[o]->name))
                continue;
            do
                snprintf(name, sizeof(name), "%.60s_%d", n->op, ++c->number);
            while (graph_find_value(g, name));
            if (graph_rename_value(n->out[o], name, err) != 0)
                return -1;
        }
    return 0;
}

static bool has_row(const struct node *n)
{
    return openvino_row_of(n) != NULL;
}

int openvino_prepare(struct graph *root, struct error *err)
{
    if (lower_all(root, err) != 0 || build_expand_all(root, has_row, err) != 0 || op_infer_graph(root, err) != 0)
        return -1;
    for (struct graph *g = root; g; g = (struct graph *)graph_next(root, g))
        if (name_values(g, err) != 0)
            return -1;
    return 0;
}
