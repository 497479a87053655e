/* Taking a graph apart into layers and edges. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/hash.h"
#include "op/op.h"
#include "pair/pair.h"

/* ---- what is part of an edge ---- */

static bool is_float(const struct value *v)
{
    return v && v->type.kind == TYPE_TENSOR && dtype_info(v->type.dtype)->class == DTYPE_CLASS_FLOAT;
}

bool pair_is_rounding(const struct node *n)
{
    return (node_is(n, "QuantizeLinear") || node_is(n, "DequantizeLinear")) && node_in(n, 1) && n->in[1]->constant;
}

/* Whether all operands but the first are constants. */
static bool has_constants(const struct node *n)
{
    for (int i = 1; i < n->in_count; i++)
        if (n->in[i] && !n->in[i]->constant)
            return false;
    return true;
}

bool pair_is_view(const struct node *n)
{
    if (!node_in(n, 0) || n->in[0]->graph != n->graph)
        return false;
    if (!n->domain[0] && text_has_word("Identity Transpose Reshape Squeeze Unsqueeze Flatten", n->op))
        return true;
    if (node_is(n, "Slice"))
        return has_constants(n);
    return pair_is_rounding(n) || (node_is(n, "Cast") && is_float(n->in[0]) && is_float(node_out(n, 0)));
}

bool pair_is_commutative(const struct pair_layer *l)
{
    return text_has_word("Add Mul Max Min Sum Mean And Or Xor Equal", l->op);
}

const char *pair_name(const struct pair_layer *l)
{
    return l->node && l->node->name[0] ? l->node->name : l->value ? l->value->name : l->op;
}

/* ---- layers ---- */

static const char *op_name(struct graph *g, const struct node *n, struct error *err)
{
    size_t domain = strlen(n->domain), op = strlen(n->op);
    if (!domain || strcmp(n->domain, "nn") == 0)
        return n->op;
    char *name = arena_alloc(&g->root->arena, domain + op + 2, err);
    if (!name)
        return NULL;
    memcpy(name, n->domain, domain);
    name[domain] = '.';
    memcpy(name + domain + 1, n->op, op);
    return name;
}

static int operands_of(const struct node *n)
{
    int count = n->in_count;
    for (const struct attr *a = n->attrs; a; a = a->next)
        count += a->kind == ATTR_GRAPH ? (int)a->graph->output_count : 0;
    return count;
}

/* Room for everything: layers, and edges (the results of subgraphs are operands of their node). */
static int reserve(struct pair_net *net, struct error *err)
{
    size_t layers = net->graph->output_count, edges = net->graph->output_count;
    for (struct graph *g = net->graph; g; g = graph_next(net->graph, g)) {
        layers += g->node_count + g->input_count;
        for (struct node *n = g->first; n; n = n->next)
            edges += (size_t)operands_of(n);
    }
    net->layers = mem_calloc(layers, sizeof *net->layers, err);
    net->edges = mem_calloc(edges, sizeof *net->edges, err);
    return net->layers && net->edges ? 0 : -1;
}

static struct pair_layer *add_layer(struct pair_net *net, struct node *n, struct value *v, const char *op, int port)
{
    struct pair_layer *l = &net->layers[net->count++];
    *l = (struct pair_layer){.node = n, .value = v, .op = op, .port = port, .partner = PAIR_NONE};
    return l;
}

/* scratch of a node, or of an input's value: its layer's number, plus 1. */
static int list_layers(struct pair_net *net, struct error *err)
{
    struct graph *top = net->graph;
    for (struct graph *g = top; g; g = graph_next(top, g)) {
        for (size_t i = 0; i < g->value_count; i++)
            if (g->values[i])
                g->values[i]->scratch = NULL;
        for (size_t i = 0; i < g->input_count; i++)
            if (!g->inputs[i]->constant) {
                add_layer(net, NULL, g->inputs[i], "input", (int)i);
                g->inputs[i]->scratch = (void *)(uintptr_t)net->count;
            }
        for (struct node *n = g->first; n; n = n->next) {
            n->scratch = NULL;
            if (pair_is_view(n))
                continue;
            const char *op = op_name(top, n, err);
            if (!op)
                return -1;
            add_layer(net, n, node_out(n, 0), op, -1);
            n->scratch = (void *)(uintptr_t)net->count;
        }
    }
    for (size_t i = 0; i < top->output_count; i++)
        add_layer(net, NULL, top->outputs[i], "output", (int)i);
    return 0;
}

/* ---- edges ---- */

static struct pair_edge edge_to(struct value *v)
{
    struct pair_edge e = {.layer = PAIR_NONE, .value = v, .source = v};
    if (!v)
        return e;
    while (e.source->producer && pair_is_view(e.source->producer))
        e.source = e.source->producer->in[0];
    const struct node *n = e.source->producer;
    void *number = n ? n->scratch : e.source->scratch;
    e.output = e.source->producer_index;
    e.layer = number ? (size_t)(uintptr_t)number - 1 : PAIR_NONE;
    return e;
}

static void list_edges(struct pair_net *net)
{
    struct pair_edge *at = net->edges;
    for (size_t i = 0; i < net->count; i++) {
        struct pair_layer *l = &net->layers[i];
        l->edges = at;
        for (int k = 0; l->node && k < l->node->in_count; k++)
            *at++ = edge_to(l->node->in[k]);
        for (const struct attr *a = l->node ? l->node->attrs : NULL; a; a = a->next)
            for (size_t k = 0; a->kind == ATTR_GRAPH && k < a->graph->output_count; k++)
                *at++ = edge_to(a->graph->outputs[k]);
        if (pair_is_output(l))
            *at++ = edge_to(l->value);
        l->edge_count = (int)(at - l->edges);
    }
}

/* ---- what layers are found by ---- */

#define CHUNK 512

static double magnitudes(const struct tensor *t)
{
    double x[CHUNK], sum = 0;
    if (t->dtype == DTYPE_STRING)
        return (double)t->size;
    for (int64_t first = 0; first < t->count; first += CHUNK) {
        int64_t n = t->count - first < CHUNK ? t->count - first : CHUNK;
        tensor_load_f64(t, first, n, x);
        for (int64_t i = 0; i < n; i++)
            sum += isfinite(x[i]) ? fabs(x[i]) : 0;
    }
    return sum;
}

/* Of the dims that are not 1, in any order. */
static uint64_t shape_key(const struct value *v)
{
    uint64_t key = 0;
    if (!v || v->type.kind != TYPE_TENSOR || v->type.rank < 0)
        return 1;
    for (int i = 0; i < v->type.rank; i++)
        if (v->type.dims[i] != 1) {
            uint64_t dim = (uint64_t)(v->type.dims[i] < 0 ? -1 : v->type.dims[i]);
            key += hash_random(&dim);
        }
    return key;
}

static void set_keys(struct pair_net *net)
{
    for (size_t i = 0; i < net->count; i++) {
        struct pair_layer *l = &net->layers[i];
        l->op_key = hash_bytes(l->op, strlen(l->op));
        l->shape_key = shape_key(l->value);
        for (int k = 0; k < l->edge_count; k++) {
            const struct value *v = l->edges[k].value;
            if (v && v->constant && !pair_is_setting(l, k))
                l->weight_key += shape_key(v);
        }
    }
}

static void set_weights(struct pair_net *net)
{
    for (size_t i = 0; i < net->count; i++) {
        struct pair_layer *l = &net->layers[i];
        for (int k = 0; k < l->edge_count; k++)
            if (l->edges[k].value && l->edges[k].value->constant && !pair_is_setting(l, k))
                l->weight += magnitudes(l->edges[k].value->constant);
    }
}

/* ---- precision ---- */

/* Half a step of the coarsest way in which weights are stored (some programs truncate to half precision: a whole one),
 * and what folding scales into them costs. */
static double stored_precision(const struct graph *top)
{
    static const struct {
        enum dtype dtype;
        double step;
    } types[] = {{DTYPE_F16, 0x1p-10}, {DTYPE_BF16, 0x1p-8}, {DTYPE_I8, 0.5 / 127}, {DTYPE_U8, 1.0 / 255}};
    double step = 4e-6;
    for (const struct graph *g = top; g; g = graph_next(top, g))
        for (size_t i = 0; i < g->value_count; i++)
            for (size_t k = 0; k < sizeof types / sizeof *types; k++) {
                const struct tensor *t = g->values[i] ? g->values[i]->constant : NULL;
                if (t && t->dtype == types[k].dtype && t->count >= 16 && step < types[k].step * 1.05)
                    step = types[k].step * 1.05;
            }
    return step;
}

int pair_net_list(struct pair_net *net, struct error *err)
{
    if (reserve(net, err) < 0 || list_layers(net, err) < 0)
        return -1;
    list_edges(net);
    set_keys(net);
    return pair_order(net, NULL, err);
}

int pair_net_init(struct pair_net *net, const struct graph *of, struct error *err)
{
    *net = (struct pair_net){.precision = stored_precision(of)};
    net->graph = pair_canonical(of, err);
    if (!net->graph || pair_net_list(net, err) < 0)
        return -1;
    set_weights(net);
    return 0;
}

void pair_net_release(struct pair_net *net)
{
    free(net->layers);
    free(net->edges);
    graph_free(net->graph);
    *net = (struct pair_net){0};
}
