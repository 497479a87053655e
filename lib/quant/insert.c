#include "quant/insert.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "op/op.h"

struct inserting {
    struct graph *g;
    const struct quant_places *places;
    const struct quant_range *ranges;
    enum dtype dtype;
};

static struct value *add_constant(struct graph *g, const char *stem, const char *suffix, struct tensor *t,
                                  struct error *err)
{
    char name[512];
    snprintf(name, sizeof name, "%.400s.%s", stem, suffix);
    return t ? graph_add_constant(g, graph_find_value(g, name) ? NULL : name, t, err) : NULL;
}

static struct value *add_scalar(struct graph *g, const char *stem, const char *suffix, enum dtype dtype, double number,
                                struct error *err)
{
    struct tensor *t = tensor_new(dtype, 0, NULL, err);
    if (t)
        tensor_set_f64(t, 0, number);
    return add_constant(g, stem, suffix, t, err);
}

/* A node of up to three operands and one result before another. */
static struct value *add_node(struct graph *g, const char *op, const char *stem, struct node *before,
                              struct value *const *in, int count, struct error *err)
{
    char name[512];
    struct node *n = graph_add_node(g, "", op, before, err);
    snprintf(name, sizeof name, "%.400s/%s", stem, op);
    if (!n || node_set_name(n, name, err))
        return NULL;
    for (int i = 0; i < count; i++)
        if (!in[i] || node_add_input(n, in[i], err))
            return NULL;
    return node_new_output(n, name, err);
}

/* ---- activations ---- */

static bool sees_rounded(const struct quant_site *site, const struct use *use)
{
    int inputs[QUANT_OPERANDS];
    const struct quant_layer *l = use->node->scratch;
    int count = l ? quant_operands(l, inputs, QUANT_OPERANDS) : 0;
    for (int i = 0; i < count; i++)
        if (inputs[i] == use->index)
            return true;
    return site->is_rounded;
}

/* Uses that follow are moved up when one goes. */
static int redirect(const struct quant_site *site, struct value *to, const struct node *rounding, struct error *err)
{
    struct value *v = site->value;
    for (size_t i = 0; i < v->use_count;) {
        struct use use = v->uses[i];
        if (use.node == rounding || !sees_rounded(site, &use))
            i++;
        else if (node_set_input(use.node, use.index, to, err))
            return -1;
    }
    return 0;
}

static int insert_site(const struct inserting *k, size_t at, struct error *err)
{
    const struct quant_site *site = &k->places->sites[at];
    const struct quant_range *r = &k->ranges[at];
    struct value *v = site->value;
    struct node *before = v->producer ? v->producer->next : k->g->first;
    struct value *in[3] = {v, add_scalar(k->g, v->name, "scale", DTYPE_F32, (double)r->scale, err),
                           add_scalar(k->g, v->name, "zero_point", k->dtype, r->zero, err)};
    struct value *bytes = in[1] && in[2] ? add_node(k->g, "QuantizeLinear", v->name, before, in, 3, err) : NULL;
    in[0] = bytes;
    struct value *real = bytes ? add_node(k->g, "DequantizeLinear", v->name, before, in, 3, err) : NULL;
    return real ? redirect(site, real, bytes->producer, err) : -1;
}

/* ---- weights ---- */

#define BIAS_MAX 1073741824.0 /* leaves sums of products as much room again */

/* The steps in which a bias counts: x_scale * w_scale. A channel whose weights are so small that its bias would not fit
 * gets a larger scale. */
static void fit_scales(struct quant_weights *w, const struct tensor *real, int axis, const double *bias,
                       int64_t channels, float x_scale)
{
    struct quant_shape shape = quant_shape_of(real, axis);
    float *scale = w->scale->data;
    for (int64_t c = 0; bias && c < channels; c++) {
        size_t at = w->scale->count == 1 ? 0 : (size_t)c;
        double least = fabs(bias[c]) / BIAS_MAX / (double)x_scale;
        if (!(least > (double)scale[at]))
            continue;
        scale[at] = (float)least;
        quant_channel_round(real->data, &shape, at, scale[at], w->rounded->data);
    }
}

/* The bias and what is added to it; NULL, *failed set on an error, when there is none. */
static double *sum_bias(const struct value *bias, const double *shift, int64_t channels, bool *failed,
                        struct error *err)
{
    if (!bias && !shift)
        return NULL;
    double *sum = mem_calloc((size_t)channels, sizeof *sum, err);
    *failed = !sum;
    for (int64_t c = 0; sum && c < channels; c++)
        sum[c] = (bias ? tensor_get_f64(bias->constant, c) : 0) + (shift ? shift[c] : 0);
    return sum;
}

static struct value *insert_bias(struct node *before, const char *stem, const double *bias, int64_t channels,
                                 const struct quant_weights *w, float x_scale, struct error *err)
{
    struct graph *g = before->graph;
    struct tensor *q = tensor_new(DTYPE_I32, 1, &channels, err), *scale = tensor_new(DTYPE_F32, 1, &channels, err);
    for (int64_t c = 0; q && scale && c < channels; c++) {
        float s = x_scale * ((const float *)w->scale->data)[w->scale->count == 1 ? 0 : c];
        ((float *)scale->data)[c] = s;
        tensor_set_f64(q, c, nearbyint(fmin(2147483647, fmax(-2147483647, bias[c] / (double)s))));
    }
    struct value *in[2] = {add_constant(g, stem, "bias", q, err), add_constant(g, stem, "bias_scale", scale, err)};
    struct value *real = in[0] && in[1] ? add_node(g, "DequantizeLinear", in[0]->name, before, in, 2, err) : NULL;
    return real && node_set_int(real->producer, "axis", 0, err) == 0 ? real : NULL;
}

static int insert_weights(const struct inserting *k, struct node *n, struct quant_weights *w, float x_scale,
                          struct error *err)
{
    int axis, along = quant_weight_axis(n), at = 2;
    int64_t channels = quant_channels(n, &axis);
    const struct tensor *real = n->in[1]->constant;
    struct node *to = node_is(n, "MatMul") ? quant_bias_node(n) : n;
    if (to && to != n)
        at = to->in[0] == n->out[0];
    bool failed = false;
    double *bias = to ? sum_bias(node_in(to, at), w->shift, channels, &failed, err) : NULL;
    if (failed)
        return -1;
    fit_scales(w, real, along, bias, channels, x_scale);
    struct value *q = bias ? insert_bias(to, n->out[0]->name, bias, channels, w, x_scale, err) : NULL;
    failed = bias && (!q || node_set_input(to, at, q, err));
    free(bias);
    if (failed)
        return -1;
    struct value *in[2] = {add_constant(k->g, n->in[1]->name, "int8", tensor_ref(w->rounded), err),
                           add_constant(k->g, n->in[1]->name, "scale", tensor_ref(w->scale), err)};
    struct value *v = in[0] && in[1] ? add_node(k->g, "DequantizeLinear", n->in[1]->name, n, in, 2, err) : NULL;
    if (!v || (along >= 0 && node_set_int(v->producer, "axis", along, err)))
        return -1;
    return node_set_input(n, 1, v, err);
}

/* ---- all ---- */

int quant_insert(struct graph *g, const struct quant_places *p, const struct quant_range *ranges,
                 struct quant_weights *weights, enum dtype dtype, struct error *err)
{
    struct inserting k = {g, p, ranges, dtype};
    for (struct node *n = g->first; n; n = n->next)
        n->scratch = NULL;
    for (size_t i = 0; i < p->layer_count; i++)
        p->layers[i].node->scratch = &p->layers[i];
    for (size_t i = 0; i < p->layer_count; i++) {
        struct node *n = p->layers[i].node;
        const struct quant_site *x = p->layers[i].kind == QUANT_PRODUCT ? quant_site_of(p, n->in[0]) : NULL;
        if (x && insert_weights(&k, n, &weights[i], ranges[x - p->sites].scale, err))
            return -1;
    }
    for (size_t i = 0; i < p->site_count; i++)
        if (insert_site(&k, i, err))
            return -1;
    op_resolve(g);
    return op_infer_graph(g, err);
}

/* ---- what is watched ---- */

static bool gives(const struct node *n, const struct node *to)
{
    bool found = false;
    for (int i = 0; i < to->in_count; i++)
        found = found || (to->in[i] && to->in[i]->producer == n);
    return found;
}

void quant_settle(struct graph *g, struct node *last)
{
    for (struct node *n = last ? last->next : g->first, *next; n; n = next) {
        next = n->next;
        struct node *at = n->prev;
        while (at && !gives(at, n))
            at = at->prev;
        if (at && at->next != n)
            graph_move_node(n, at->next);
    }
}
