/* One form for all ways to store a network. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
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

/* The Add behind a convolution that is its bias, which behind a Reshape would be a layer; or NULL. */
static struct node *bias_behind(const struct node *n, int64_t outputs)
{
    struct node *add = pass_is_single(n->out[0]) ? n->out[0]->uses[0].node : NULL;
    const struct tensor *c = add && node_is(add, "Add") ? pass_constant(node_in(add, 1)) : NULL;
    return !node_in(n, 2) && c && c->rank <= 4 && c->rank > 2 && c->count == outputs && c->dims[c->rank - 3] == outputs
               ? add
               : NULL;
}

static int make_product(struct node *n, struct error *err)
{
    int64_t inputs = n->in[0]->type.dims[1], outputs = n->in[1]->type.dims[0];
    struct node *add = bias_behind(n, outputs);
    struct build b = {.node = add ? add : n, .err = err};
    struct value *rows = build_reshape(&b, n->in[0], 2, (int64_t[]){-1, inputs});
    struct value *weight = build_reshape(&b, n->in[1], 2, (int64_t[]){outputs, inputs});
    struct value *bias = add ? build_reshape(&b, add->in[1], 1, &outputs) : node_in(n, 2);
    struct value *y = BUILD(&b, "Gemm", rows, BUILD(&b, "Transpose", weight), bias);
    build_give(&b, 0, build_reshape(&b, y, 4, (int64_t[]){-1, outputs, 1, 1}));
    if (build_end(&b) != 0)
        return -1;
    if (add)
        graph_remove_node(add);
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
    for (struct node *n = g->last, *prev; n; n = prev) {
        prev = n->prev;
        if ((is_product(n) && make_product(n, err) < 0) ||
            (node_is(n, "Gemm") && node_in(n, 1) && op_int(n, "transB") && turn_matrix(n, err) < 0))
            return -1;
    }
    return 0;
}

/* ---- constants ---- */

/* Division by constants, for which formats without it have a factor. */
static int make_factor(struct node *n, struct error *err)
{
    const struct tensor *by = node_is(n, "Div") && pass_is_float(node_in(n, 1)) ? pass_constant(n->in[1]) : NULL;
    struct tensor *t = by ? tensor_new(by->dtype, by->rank, by->dims, err) : NULL;
    for (int64_t i = 0; t && i < t->count; i++)
        tensor_set_f64(t, i, 1 / tensor_get_f64(by, i));
    if (!by)
        return 0;
    struct value *factor = pass_add_constant(n->graph, t, err);
    struct node *mul = factor ? pass_node(n, "", "Mul", 2, (struct value *[]){n->in[0], factor}, err) : NULL;
    return mul ? pass_replace(n, mul, err) : -1;
}

/* The two biases of a recurrent operator, which only ever meet as a sum; of a GRU that resets the product, those of the
 * candidate stay apart. Other formats have the sum. */
static int join_biases(struct node *n, struct error *err)
{
    int gates = node_is(n, "LSTM") ? 4 : node_is(n, "GRU") ? 3 : node_is(n, "RNN") ? 1 : 0;
    const struct tensor *pair = gates ? pass_constant(node_in(n, 3)) : NULL;
    if (!pair || pair->rank != 2 || pair->dims[1] % (2 * gates))
        return 0;
    int64_t half = pair->dims[1] / 2, joined = gates == 3 && op_int(n, "linear_before_reset") ? half / 3 * 2 : half;
    struct tensor *t = tensor_new(pair->dtype, 2, pair->dims, err);
    for (int64_t i = 0; t && i < t->count; i++) {
        double x = tensor_get_f64(pair, i);
        bool is_second = i % pair->dims[1] >= half, is_joined = i % half < joined;
        tensor_set_f64(t, i, !is_joined ? x : is_second ? 0 : x + tensor_get_f64(pair, i + half));
    }
    struct value *v = t ? pass_add_constant(n->graph, t, err) : NULL;
    return v ? pass_set_input(n, 3, v, err) : -1;
}

static int settle_constants(struct node *n, struct error *err)
{
    int changed = make_factor(n, err);
    return changed ? changed : join_biases(n, err);
}

/* ---- passes ---- */

/* All safe passes that do not fuse, weights in full, quantisation as such, and products with their bias, which Gemm and
 * MatMul with Add share as nn.MatMul. */
static bool is_wanted(const struct pass *p)
{
    return (p->safe && !p->fuses) || text_has_word("dequantize-weights recognise-quantize matmul-add", p->name);
}

/* Sizes that were known only when branches that are never taken had gone. */
static int slice_again(struct graph *g, struct error *err)
{
    int changed = 0, all = 0;
    for (struct graph *s = g; changed >= 0 && s; s = graph_next(g, s))
        all += changed = canonical_slices(s, err);
    return changed < 0 ? -1 : all > 0 ? pass_run_those(g, is_wanted, err) : 0;
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
    status = status == 0 ? slice_again(g, err) : status;
    for (struct graph *s = g; status == 0 && s; s = graph_next(g, s))
        status = pass_each(s, settle_constants, err) < 0 ? -1 : 0;
    if (status == 0)
        return g;
    graph_free(g);
    return NULL;
}
