/* One form for all ways to store a network. */
#include <stdlib.h>
#include <string.h>

#include "op/build.h"
#include "op/op.h"
#include "pair/canonical.h"
#include "pair/pair.h"
#include "pass/util.h"

/* Fused forms are what the executor wants; a layer is one step of the network. Of the other operators of domain nn
 * those are written out that exporters to ONNX write in that way; the rest says more as it is. */
static bool is_written_out(const struct node *n)
{
    static const char *const ops[] = {"ShuffleChannel", "Reorg", "Interp", "Normalize", "Attention"};
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

/* ---- products written as convolutions ---- */

static bool all_are(const struct node *n, const char *attribute, int64_t number)
{
    int count;
    const int64_t *list = op_ints(n, attribute, &count);
    for (int i = 0; i < count; i++)
        if (list[i] != number)
            return false;
    return true;
}

/* A convolution of single pixels: what MNN makes of Gemm and MatMul, and TFLite's fully connected layer of what a pool
 * left. */
static bool is_product(const struct node *n)
{
    const struct type *x = pass_type(node_in(n, 0)), *w = pass_type(node_in(n, 1));
    return node_is(n, "Conv") && x && w && x->rank == 4 && w->rank == 4 && x->dims[1] > 0 && x->dims[2] == 1 &&
           x->dims[3] == 1 && w->dims[0] > 0 && w->dims[1] == x->dims[1] && w->dims[2] == 1 && w->dims[3] == 1 &&
           all_are(n, "pads", 0);
}

static int make_product(struct node *n, struct error *err)
{
    struct build b = {.node = n, .err = err};
    int64_t inputs = n->in[0]->type.dims[1], outputs = n->in[1]->type.dims[0];
    struct value *rows = build_reshape(&b, n->in[0], 2, (int64_t[]){-1, inputs});
    struct value *weight = build_reshape(&b, n->in[1], 2, (int64_t[]){outputs, inputs});
    struct value *y = BUILD(&b, "Gemm", rows, BUILD(&b, "Transpose", weight), node_in(n, 2));
    build_give(&b, 0, build_reshape(&b, y, 4, (int64_t[]){-1, outputs, 1, 1}));
    if (build_end(&b) != 0)
        return -1;
    graph_remove_node(n);
    return 0;
}

/* The matrix of a Gemm as that of MatMul, also where running it would leave it as it lies. */
static int turn_matrix(struct node *n, struct error *err)
{
    struct node *turn = pass_node(n, "", "Transpose", 1, &n->in[1], err);
    struct value *matrix = turn ? pass_output(turn, err) : NULL;
    return matrix && node_set_input(n, 1, matrix, err) == 0 ? node_set_int(n, "transB", 0, err) : -1;
}

static int make_products(struct graph *g, struct error *err)
{
    for (struct node *n = g->first, *next; n; n = next) {
        next = n->next;
        if ((is_product(n) && make_product(n, err) < 0) ||
            (node_is(n, "Gemm") && node_in(n, 1) && op_int(n, "transB") && turn_matrix(n, err) < 0))
            return -1;
    }
    return 0;
}

/* ---- passes ---- */

/* All safe passes that do not fuse, weights in full, quantisation as such, and products with their bias, which Gemm and
 * MatMul with Add share as nn.MatMul. */
static bool is_wanted(const struct pass *p)
{
    static const char *const more[] = {"dequantize-weights", "recognise-quantize", "matmul-add"};
    for (size_t i = 0; i < sizeof more / sizeof *more; i++)
        if (strcmp(p->name, more[i]) == 0)
            return true;
    return p->safe && !p->fuses;
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
        if (pass_join_groups(s, err) < 0 || write_out(s, err) < 0 || make_products(s, err) < 0 ||
            canonical_slices(s, err) < 0)
            status = -1;
    if (status == 0)
        status = pass_run_those(g, is_wanted, err);
    if (status == 0)
        return g;
    graph_free(g);
    return NULL;
}
