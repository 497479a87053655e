#include "quant/place.h"

#include <stdlib.h>
#include <string.h>

#include "op/fused.h"
#include "pass/qdq.h"

/* ---- what a node is ---- */

static bool is_float_tensor(const struct value *v)
{
    return v && v->type.kind == TYPE_TENSOR && v->type.dtype == DTYPE_F32 && v->type.rank >= 0;
}

static const struct tensor *weights_of(const struct node *n)
{
    const struct tensor *w = pass_constant(node_in(n, 1));
    return w && w->dtype == DTYPE_F32 && w->count > 0 ? w : NULL;
}

static bool is_conv(const struct node *n)
{
    return node_is(n, "Conv") || node_is(n, "ConvTranspose");
}

int quant_weight_axis(const struct node *n)
{
    if (node_is(n, "Conv"))
        return 0;
    if (node_is(n, "ConvTranspose"))
        return op_int(n, "group") == 1 ? 1 : -1;
    return node_is(n, "Gemm") && op_int(n, "transB") ? 0 : 1;
}

int64_t quant_channels(const struct node *n, int *axis)
{
    const int64_t *dims = n->in[1]->constant->dims;
    *axis = is_conv(n) ? 1 : n->out[0]->type.rank - 1;
    return node_is(n, "ConvTranspose") ? dims[1] * op_int(n, "group") : dims[quant_weight_axis(n)];
}

/* Whether a value can be a bias of so many channels: absent, or a constant list of them. */
static bool is_bias(const struct value *v, int64_t channels)
{
    const struct tensor *t = pass_constant(v);
    return !v || (t && t->dtype == DTYPE_F32 && t->count == channels &&
                  (t->rank == 1 || (t->rank > 1 && t->dims[t->rank - 1] == channels)));
}

static bool is_product(const struct node *n)
{
    const struct tensor *w = weights_of(n);
    int axis;
    if (!w || !node_in(n, 0) || pass_constant(n->in[0]))
        return false;
    if (is_conv(n))
        return w->rank >= 3 && is_bias(node_in(n, 2), quant_channels(n, &axis));
    if (node_is(n, "MatMul"))
        return w->rank == 2;
    return node_is(n, "Gemm") && w->rank == 2 && !op_int(n, "transA") && op_float(n, "alpha") == 1 &&
           is_bias(node_in(n, 2), quant_channels(n, &axis)) && (!node_in(n, 2) || op_float(n, "beta") == 1);
}

/* The MatMul whose bias an Add is; else NULL. */
static struct node *biased(const struct node *n)
{
    int axis;
    for (int i = 0; i < 2 && node_is(n, "Add") && n->in_count == 2; i++) {
        struct node *product = pass_sole_producer(n->in[i], "", "MatMul");
        if (product && is_product(product) && pass_constant(n->in[1 - i]) && n->in[1 - i]->constant->rank == 1 &&
            is_bias(n->in[1 - i], quant_channels(product, &axis)))
            return product;
    }
    return NULL;
}

struct node *quant_bias_node(const struct node *product)
{
    struct node *next = pass_is_single(product->out[0]) ? product->out[0]->uses[0].node : NULL;
    return next && biased(next) == product ? next : NULL;
}

static bool is_bound(const struct node *n)
{
    float alpha, beta;
    const struct fused_activation *a = fused_activation_of(n, &alpha, &beta);
    return a && (strcmp(a->name, "Relu") == 0 || strcmp(a->name, "Clip") == 0);
}

/* A function of the elements of one value and numbers; PRelu has a number for each channel. */
static bool is_table(const struct node *n)
{
    const bool by_channel = node_is(n, "PRelu");
    const struct value *x = NULL;
    if (!op_trait(n, "axes=each") || n->domain[0] || !pass_is_deterministic(n))
        return false;
    for (int i = 0; i < n->in_count; i++) {
        const struct tensor *t = pass_constant(n->in[i]);
        if (n->in[i] && !t && x && n->in[i] != x)
            return false;
        if (t && ((t->count != 1 && !by_channel) || t->rank > n->out[0]->type.rank))
            return false;
        x = t ? x : n->in[i] ? n->in[i] : x;
    }
    return is_float_tensor(x);
}

static bool is_move(const struct node *n)
{
    bool linear = node_is(n, "Resize") && strcmp(op_string(n, "mode"), "linear") == 0;
    const struct qdq_operands moved = qdq_moved(n);
    int operands = linear && node_in(n, 0) ? 1 : moved.first == 0 ? moved.end : 0;
    for (int i = 0; i < operands; i++)
        if (pass_constant(n->in[i]) || !is_float_tensor(n->in[i]))
            return false;
    return operands > 0 && operands <= QUANT_OPERANDS;
}

static bool is_mean(const struct node *n)
{
    return node_is(n, "GlobalAveragePool") || node_is(n, "AveragePool") ||
           (node_is(n, "ReduceMean") && (!node_in(n, 1) || pass_constant(n->in[1])));
}

static bool is_sum(const struct node *n)
{
    return (node_is(n, "Add") || node_is(n, "Mul")) && !pass_constant(n->in[0]) && !pass_constant(n->in[1]);
}

static bool is_kept(const struct node *n, const char *const *keep, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(keep[i], n->op) == 0 || strcmp(keep[i], n->name) == 0)
            return true;
    return false;
}

int quant_check_kept(const struct graph *g, const struct graph *prepared, const char *const *keep, size_t count,
                     struct error *err)
{
    const struct node *const starts[] = {g->first, prepared->first};
    for (size_t i = 0; i < count; i++) {
        bool found = op_find("", keep[i]);
        for (int k = 0; k < 2; k++)
            for (const struct node *n = starts[k]; n && !found; n = n->next)
                found = is_kept(n, &keep[i], 1);
        if (!found)
            return error_set(err, "no layer '%s', which was to stay in float32, nor an operator of that name", keep[i]);
    }
    return 0;
}

static enum quant_kind kind_of(const struct node *n)
{
    static const struct {
        bool (*is)(const struct node *n);
        enum quant_kind kind;
    } kinds[] = {{is_product, QUANT_PRODUCT}, {is_bound, QUANT_BOUND}, {is_table, QUANT_TABLE},
                 {is_sum, QUANT_SUM},         {is_move, QUANT_MOVE},   {is_mean, QUANT_MEAN}};
    if (!n->def || n->out_count != 1 || !is_float_tensor(n->out[0]))
        return QUANT_FLOAT;
    if (biased(n))
        return QUANT_BIAS;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (kinds[i].is(n))
            return kinds[i].kind;
    return QUANT_FLOAT;
}

int quant_operands(const struct quant_layer *l, int *inputs, int most)
{
    const struct node *n = l->node;
    int count = 0, last = l->kind == QUANT_PRODUCT || l->kind == QUANT_MEAN ? 1 : n->in_count;
    if (l->kind == QUANT_MOVE && !node_is(n, "Concat"))
        last = 1;
    for (int i = 0; i < last && count < most; i++)
        if (n->in[i] && !pass_constant(n->in[i]))
            inputs[count++] = i;
    return count;
}

/* ---- all of them ---- */

/* By value->index, and by the number of a node. */
struct placing {
    struct graph *g;
    const char *const *keep;
    size_t keep_count;
    bool *wanted, *inside;     /* a value that bytes are wanted of; one between a layer and its bias or bound */
    struct quant_layer *nodes; /* every node, QUANT_FLOAT those that stay */
    bool *real;                /* [count] nodes that stay, for what comes before them does */
    size_t count;
    size_t *site; /* of values, plus one */
};

/* Whether what makes a bound's operand applies it. */
static bool applies_bound(const struct placing *p, const struct value *v)
{
    const struct node *n = v->producer;
    if (!n || !n->def || !pass_is_single(v) || is_kept(n, p->keep, p->keep_count))
        return false;
    enum quant_kind kind = kind_of(n);
    return kind == QUANT_PRODUCT || kind == QUANT_BIAS || kind == QUANT_SUM;
}

static bool is_kept_with_product(const struct placing *p, const struct node *n)
{
    const struct node *product = biased(n);
    return is_kept(n, p->keep, p->keep_count) || (product && is_kept(product, p->keep, p->keep_count));
}

static void decide(struct placing *p, struct quant_layer *l)
{
    const struct node *n = l->node;
    int inputs[QUANT_OPERANDS];
    enum quant_kind kind = kind_of(n);
    if (kind == QUANT_FLOAT || is_kept_with_product(p, n))
        return;
    const struct node *bias = quant_bias_node(n);
    if (bias && is_kept(bias, p->keep, p->keep_count))
        return;
    if (kind != QUANT_PRODUCT && kind != QUANT_BIAS && !p->wanted[n->out[0]->index])
        return;
    bool fused = kind == QUANT_BIAS || (kind == QUANT_BOUND && applies_bound(p, n->in[0]));
    l->kind = kind == QUANT_BOUND && !fused ? QUANT_TABLE : kind;
    int count = quant_operands(l, inputs, QUANT_OPERANDS);
    for (int i = 0; i < count; i++) {
        p->wanted[n->in[inputs[i]]->index] = true;
        p->inside[n->in[inputs[i]]->index] |= fused;
    }
}

static void decide_all(struct placing *p)
{
    memset(p->wanted, 0, p->g->value_count * sizeof *p->wanted);
    memset(p->inside, 0, p->g->value_count * sizeof *p->inside);
    for (size_t i = p->count; i-- > 0;) {
        p->nodes[i].kind = QUANT_FLOAT;
        if (!p->real[i])
            decide(p, &p->nodes[i]);
        p->nodes[i].node->scratch = p->nodes[i].kind == QUANT_FLOAT ? NULL : &p->nodes[i];
    }
}

/* Functions of what is not made of bytes: to round it before them would be once more than need be. */
static bool find_real(struct placing *p)
{
    bool found = false;
    for (size_t i = 0; i < p->count; i++) {
        const struct quant_layer *l = &p->nodes[i];
        int input;
        if (l->kind != QUANT_TABLE || quant_operands(l, &input, 1) != 1)
            continue;
        const struct node *producer = l->node->in[input]->producer;
        if (producer && producer->scratch)
            continue;
        p->real[i] = found = true;
        l->node->scratch = NULL;
    }
    return found;
}

static void add_site(struct placing *p, struct quant_places *places, struct value *v, const struct quant_layer *by)
{
    if (!v || !p->wanted[v->index] || p->inside[v->index] || !is_float_tensor(v) || v->constant)
        return;
    p->site[v->index] = places->site_count + 1;
    places->sites[places->site_count] = (struct quant_site){.value = v,
                                                            .group = places->site_count,
                                                            .is_rounded = by && by->kind != QUANT_FLOAT,
                                                            .is_moved = by && by->kind == QUANT_MOVE};
    places->site_count++;
}

static size_t root_of(const struct quant_places *p, size_t site)
{
    while (p->sites[site].group != site)
        site = p->sites[site].group;
    return site;
}

static void share(const struct placing *p, struct quant_places *places, const struct quant_layer *l)
{
    int inputs[QUANT_OPERANDS], count = quant_operands(l, inputs, QUANT_OPERANDS);
    size_t out = p->site[l->node->out[0]->index];
    for (int i = 0; out && i < count; i++) {
        size_t in = p->site[l->node->in[inputs[i]]->index];
        if (in)
            places->sites[root_of(places, in - 1)].group = root_of(places, out - 1);
    }
}

static int fill(struct placing *p, struct quant_places *places, struct error *err)
{
    places->sites = mem_calloc(p->g->value_count, sizeof *places->sites, err);
    places->layers = mem_calloc(p->count, sizeof *places->layers, err);
    if (!places->sites || !places->layers)
        return -1;
    for (size_t i = 0; i < p->g->input_count; i++)
        add_site(p, places, p->g->inputs[i], NULL);
    for (size_t i = 0; i < p->count; i++) {
        add_site(p, places, node_out(p->nodes[i].node, 0), &p->nodes[i]);
        if (p->nodes[i].kind != QUANT_FLOAT)
            places->layers[places->layer_count++] = p->nodes[i];
    }
    for (size_t i = 0; i < places->layer_count; i++)
        if (places->layers[i].kind == QUANT_MOVE && !node_is(places->layers[i].node, "Concat"))
            share(p, places, &places->layers[i]);
    for (size_t i = 0; i < places->site_count; i++)
        places->sites[i].placed = places->sites[i].group = root_of(places, i);
    return 0;
}

int quant_place(struct graph *g, const char *const *keep, size_t keep_count, struct quant_places *places,
                struct error *err)
{
    struct placing p = {.g = g, .keep = keep, .keep_count = keep_count};
    *places = (struct quant_places){0};
    p.wanted = mem_calloc(g->value_count, sizeof *p.wanted, err);
    p.inside = mem_calloc(g->value_count, sizeof *p.inside, err);
    p.site = mem_calloc(g->value_count, sizeof *p.site, err);
    p.nodes = mem_calloc(g->node_count, sizeof *p.nodes, err);
    p.real = mem_calloc(g->node_count, sizeof *p.real, err);
    int status = p.wanted && p.inside && p.site && p.nodes && p.real ? 0 : -1;
    for (struct node *n = g->first; status == 0 && n; n = n->next)
        p.nodes[p.count++] = (struct quant_layer){n, QUANT_FLOAT};
    if (status == 0) {
        decide_all(&p);
        if (find_real(&p))
            decide_all(&p);
        status = fill(&p, places, err);
    }
    free(p.wanted);
    free(p.inside);
    free(p.site);
    free(p.nodes);
    free(p.real);
    if (status)
        quant_places_release(places);
    return status;
}

void quant_places_release(struct quant_places *p)
{
    free(p->layers);
    free(p->sites);
    *p = (struct quant_places){0};
}

const struct quant_site *quant_site_of(const struct quant_places *p, const struct value *v)
{
    for (size_t i = 0; i < p->site_count; i++)
        if (p->sites[i].value == v)
            return &p->sites[i];
    return NULL;
}
