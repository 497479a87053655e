/* The public API: what a model consists of, in numbers. */
#include "model_private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pair/pair.h"
#include "pass/util.h"

/* ---- operators by count ---- */

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct model_op_count *)a)->name, ((const struct model_op_count *)b)->name);
}

static int by_count(const void *a, const void *b)
{
    const struct model_op_count *x = a, *y = b;
    return x->count != y->count ? (x->count < y->count ? 1 : -1) : strcmp(x->name, y->name);
}

/* One entry each, which merging then sums. */
static int count_op(const char *op, struct model_summary *s, struct error *err)
{
    char *name = mem_calloc(strlen(op) + 1, 1, err);
    if (!name)
        return -1;
    s->ops[s->layers++] = (struct model_op_count){strcpy(name, op), 1};
    s->op_count = s->layers;
    return 0;
}

static void merge_ops(struct model_summary *s)
{
    struct model_op_count *ops = s->ops;
    qsort(ops, s->layers, sizeof *ops, by_name);
    s->op_count = 0;
    for (size_t i = 0; i < s->layers; i++)
        if (s->op_count && strcmp(ops[s->op_count - 1].name, ops[i].name) == 0) {
            ops[s->op_count - 1].count++;
            free((char *)(uintptr_t)ops[i].name);
        } else {
            ops[s->op_count++] = ops[i];
        }
    qsort(ops, s->op_count, sizeof *ops, by_count);
}

/* ---- multiply-adds ---- */

/* The product of dims [first, rank) as a number; nan when one is open. */
static double product(const struct type *t, int first)
{
    double p = t ? 1 : NAN;
    for (int i = first; t && i < t->rank; i++)
        p *= t->dims[i] >= 0 ? (double)t->dims[i] : NAN;
    return p;
}

static double dim_from_end(const struct type *t, int back)
{
    int64_t dim = t && t->rank >= back ? t->dims[t->rank - back] : -1;
    return dim >= 0 ? (double)dim : NAN;
}

static const struct {
    char op[16], kind;
    unsigned char weight; /* which operand */
} counted[] = {
    {"Conv", 'c', 1},          {"ConvInteger", 'c', 1}, {"QLinearConv", 'c', 3},   {"DeformConv", 'c', 1},
    {"ConvTranspose", 't', 1}, {"MatMul", 'm', 1},      {"MatMulInteger", 'm', 1}, {"QLinearMatMul", 'm', 3},
    {"Gemm", 'm', 1},          {"LSTM", 'r', 1},        {"GRU", 'r', 1},           {"RNN", 'r', 1},
};

static double macs_of(const struct node *n, char kind, int weight)
{
    const struct attr *turned = node_attr(n, "transA");
    const struct type *x = pass_type(node_in(n, 0));
    double results = product(pass_type(node_out(n, 0)), 0);
    double weights = product(pass_type(node_in(n, weight)), kind != 'r');
    if (kind == 'c')
        return results * weights;
    if (kind == 't')
        return product(x, 0) * weights;
    if (kind == 'm')
        return results * dim_from_end(x, turned && turned->kind == ATTR_INT && turned->i ? 2 : 1);
    /* Steps times batch, times all gates' weights. */
    return product(x, 0) / dim_from_end(x, 1) * (weights + product(pass_type(node_in(n, weight + 1)), 0));
}

static void count_macs(const struct node *n, struct model_summary *s)
{
    for (size_t i = 0; i < sizeof counted / sizeof *counted; i++) {
        if (strcmp(n->op, counted[i].op) != 0 || (*n->domain && strcmp(n->domain, "nn") != 0))
            continue;
        double macs = macs_of(n, counted[i].kind, counted[i].weight);
        if (isnan(macs))
            s->macs_open++;
        else
            s->macs += macs;
    }
}

/* ---- parameters ---- */

/* Constants are taken once. */
static void count_parameters(const struct pair_layer *l, struct model_summary *s)
{
    for (int k = 0; k < l->edge_count; k++) {
        struct value *v = l->edges[k].source;
        const struct dtype_info *info = dtype_info(v && v->constant ? v->constant->dtype : DTYPE_NONE);
        if (!v || !v->constant || v->scratch || pair_is_setting(l, k) || pair_may_be_absent(l, k, v))
            continue;
        v->scratch = v;
        if (info->class == DTYPE_CLASS_FLOAT || (info->bits <= 8 && info->class != DTYPE_CLASS_BOOL))
            s->parameters += (uint64_t)v->constant->count;
    }
}

/* ---- activations ---- */

/* Elements that others take of a layer's results. */
static double elements_of(const struct pair_layer *l, struct model_summary *s)
{
    double sum = 0;
    for (int o = 0; o < (l->node ? l->node->out_count : 1); o++) {
        const struct value *v = l->node ? l->node->out[o] : l->value;
        double elements = product(pass_type(v), 0);
        if (!v || (!v->use_count && !v->is_output))
            continue;
        if (isnan(elements))
            s->activations_open++;
        else
            sum += elements;
    }
    return sum;
}

#define OF_SIZES (-2) /* a layer's port, for what mark_sizes() finds */

static bool is_result(const struct pair_layer *l)
{
    return !pair_is_output(l) && l->port != OF_SIZES;
}

/* A layer's partner is the last that takes its results, PAIR_NONE: it ends with the run; its weight, the elements that
 * die with it. */
static void count_activations(const struct pair_net *net, struct model_summary *s)
{
    struct pair_layer *layers = net->layers;
    double live = 0;
    for (size_t i = 0; i < net->count; i++) {
        layers[i].partner = i;
        for (int k = 0; k < layers[i].edge_count; k++) {
            size_t from = layers[i].edges[k].layer;
            if (from != PAIR_NONE && layers[from].partner != PAIR_NONE)
                layers[from].partner = pair_is_output(&layers[i]) ? PAIR_NONE : i;
        }
    }
    for (size_t i = 0; i < net->count; i++) {
        double elements = is_result(&layers[i]) ? elements_of(&layers[i], s) : 0;
        live += elements;
        s->activations = live > s->activations ? live : s->activations;
        if (layers[i].partner != PAIR_NONE)
            layers[layers[i].partner].weight += elements;
        live -= layers[i].weight;
    }
}

/* ---- all of it ---- */

static void count_stored(const struct graph *top, struct model_summary *s)
{
    for (const struct graph *g = top; g; g = graph_next(top, g)) {
        s->nodes += g->node_count;
        for (size_t i = 0; i < g->value_count; i++)
            s->constant_bytes += g->values[i] && g->values[i]->constant ? g->values[i]->constant->size : 0;
    }
}

/* Marks what computes with sizes alone: some exporters write that out, and it is gone once the sizes are known. */
static void mark_sizes(const struct pair_net *net)
{
    for (size_t i = 0; i < net->count; i++) {
        struct pair_layer *l = &net->layers[i];
        bool sizes = false, data = false;
        for (int k = 0; k < l->edge_count; k++)
            if (l->edges[k].layer != PAIR_NONE)
                *(net->layers[l->edges[k].layer].port == OF_SIZES ? &sizes : &data) = true;
        if (l->node && ((sizes && !data) || node_is(l->node, "Shape") || node_is(l->node, "Size")))
            l->port = OF_SIZES;
    }
}

static int count_layers(const struct pair_net *net, struct model_summary *s, struct error *err)
{
    mark_sizes(net);
    s->ops = mem_calloc(net->count + 1, sizeof *s->ops, err);
    if (!s->ops)
        return -1;
    for (size_t i = 0; i < net->count; i++) {
        const struct pair_layer *l = &net->layers[i];
        if (!l->node || l->port == OF_SIZES)
            continue;
        if (count_op(l->op, s, err) < 0)
            return -1;
        count_macs(l->node, s);
        count_parameters(l, s);
    }
    merge_ops(s);
    count_activations(net, s);
    return 0;
}

int model_summarize(const struct model *m, struct model_summary *summary, struct model_error *error)
{
    struct error *err = model_inner(error);
    struct pair_net net = {.graph = pair_canonical(m->graph, NULL)};
    *summary = (struct model_summary){0};
    int status = 0;
    count_stored(m->graph, summary);
    if (!net.graph) /* what does not fit together is not this function's business */
        net.graph = graph_clone(m->graph, err);
    if (!net.graph || pair_net_list(&net, err) < 0 || count_layers(&net, summary, err) < 0)
        status = -1;
    pair_net_release(&net);
    if (status < 0)
        model_summary_release(summary);
    return status;
}

void model_summary_release(struct model_summary *s)
{
    for (size_t i = 0; i < s->op_count; i++)
        free((char *)(uintptr_t)s->ops[i].name);
    free(s->ops);
    *s = (struct model_summary){0};
}
