/* Computing a node before it runs, within limits: its operands are constants. */
#include <string.h>

#include "op/op.h"

/* Bytes that a result may take though no operand is so large; and all results of a graph together, beside 32 times its
 * constants: a file of a few bytes may ask for much, and again and again. */
#define RESULT_LEAST ((size_t)16 << 20)
#define TOTAL_LEAST  ((size_t)128 << 20)

/* As many as the largest operand (not all together: doublings would go on for ever), or a widening of it. */
static size_t result_max(const struct node *n, struct item *const *in)
{
    bool widens = node_is(n, "Cast") || node_is(n, "DequantizeLinear");
    size_t most = 0;
    for (int i = 0; i < n->in_count; i++)
        if (in[i] && in[i]->kind == ITEM_TENSOR && in[i]->tensor->size > most)
            most = in[i]->tensor->size;
    if (widens && most < TENSOR_MAX_BYTES / 8)
        most *= 8;
    return most > RESULT_LEAST ? most : RESULT_LEAST;
}

static size_t total_max(struct graph *root)
{
    size_t bytes = 0;
    for (const struct graph *g = root; g; g = graph_next(root, g))
        for (size_t i = 0; i < g->value_count; i++)
            bytes += g->values[i] && g->values[i]->constant ? g->values[i]->constant->size : 0;
    bytes -= bytes < root->computed ? bytes : root->computed; /* those that a reader computed count once */
    return TOTAL_LEAST + (bytes < TENSOR_MAX_BYTES / 32 ? 32 * bytes : TENSOR_MAX_BYTES);
}

int op_compute(const struct node *n, struct item *const *in, struct item **out, int out_count, struct error *err)
{
    struct graph *root = n->graph->root;
    if (!root->computed_most)
        root->computed_most = total_max(root);
    if (root->computed >= root->computed_most)
        return error_set(err, "constants that were computed take %zu bytes already", root->computed);
    struct op_eval e = {
        .node = n, .in = in, .in_count = n->in_count, .out = out, .out_count = out_count, .memory = result_max(n, in)};
    if (op_eval_node(&e, err) != 0)
        return -1;
    for (int o = 0; o < out_count; o++)
        if (out[o] && out[o]->kind == ITEM_TENSOR)
            root->computed += out[o]->tensor->size;
    return 0;
}
