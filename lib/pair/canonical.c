/* One form for all ways to store a network. */
#include <stdlib.h>
#include <string.h>

#include "op/op.h"
#include "pair/canonical.h"
#include "pair/pair.h"
#include "pass/util.h"

/* Fused forms are what the executor wants; a layer is one step of the network. Of the other operators of domain nn
 * those are written out that exporters to ONNX write in that way; the rest says more as it is. */
static bool is_written_out(const struct node *n)
{
    static const char *const ops[] = {"ShuffleChannel", "Reorg", "Interp", "Normalize"};
    if (!n->def || strcmp(n->domain, "nn") != 0)
        return false;
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++)
        if (strcmp(n->op, ops[i]) == 0)
            return pass_type(node_in(n, 0)) != NULL;
    return strstr(n->def->attrs, "activation:") != NULL;
}

static int write_out(struct graph *g, struct error *err)
{
    for (struct node *n = g->first, *next; n; n = next) {
        next = n->next;
        if (is_written_out(n) && pass_expand_node(n, err) < 0)
            return -1;
    }
    return 0;
}

/* All safe passes that do not fuse, weights in full, and products with their bias, which Gemm and MatMul with Add share
 * as nn.MatMul. */
static bool is_wanted(const struct pass *p)
{
    static const char *const more[] = {"dequantize-weights", "matmul-add"};
    for (size_t i = 0; i < sizeof more / sizeof *more; i++)
        if (strcmp(p->name, more[i]) == 0)
            return true;
    return p->safe && !p->fuses;
}

static int rewrite(struct graph *g, struct error *err)
{
    size_t count;
    const struct pass *table = pass_table(&count);
    bool *chosen = mem_calloc(count, sizeof *chosen, err);
    for (size_t i = 0; chosen && i < count; i++)
        chosen[i] = is_wanted(&table[i]);
    int status = chosen ? pass_run(g, chosen, NULL, err) : -1;
    free(chosen);
    return status;
}

struct graph *pair_canonical(const struct graph *of, struct error *err)
{
    struct graph *g = graph_clone(of, err);
    int status = g ? 0 : -1;
    if (g) {
        op_resolve(g);
        status = op_infer_graph(g, err);
    }
    for (struct graph *s = g; status == 0 && s; s = graph_next(g, s))
        if (write_out(s, err) < 0 || canonical_slices(s, err) < 0)
            status = -1;
    if (status == 0)
        status = rewrite(g, err);
    if (status == 0)
        return g;
    graph_free(g);
    return NULL;
}
