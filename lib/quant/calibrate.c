#include "quant/calibrate.h"

#include <stdlib.h>
#include <string.h>

#include "pass/qdq.h"
#include "quant/prepare.h"

/* ---- weights ---- */

int quant_round_weights(struct quant_calibration *c, struct error *err)
{
    c->weights = mem_calloc(c->places.layer_count, sizeof *c->weights, err);
    for (size_t i = 0; c->weights && i < c->places.layer_count; i++) {
        const struct quant_layer *l = &c->places.layers[i];
        if (l->kind == QUANT_PRODUCT &&
            quant_weights_init(&c->weights[i], l->node->in[1]->constant, quant_weight_axis(l->node), err))
            return -1;
    }
    return c->weights ? 0 : -1;
}

void quant_weights_free(const struct quant_calibration *c, struct quant_weights *weights)
{
    for (size_t i = 0; weights && i < c->places.layer_count; i++)
        quant_weights_release(&weights[i]);
    free(weights);
}

static int make_histograms(struct quant_calibration *c, struct error *err)
{
    c->seen = mem_calloc(c->places.site_count, sizeof *c->seen, err);
    for (size_t i = 0; c->seen && i < c->places.site_count; i++)
        if (!c->places.sites[i].is_moved && !(c->seen[i] = mem_calloc(QUANT_FOLDS, sizeof **c->seen, err)))
            return -1;
    c->ranges = c->seen ? mem_calloc(c->places.site_count, sizeof *c->ranges, err) : NULL;
    c->clipped = c->ranges ? mem_calloc(c->places.site_count, sizeof *c->clipped, err) : NULL;
    return c->clipped ? 0 : -1;
}

int quant_calibration_init(struct quant_calibration *c, const struct graph *g, const struct quant_settings *settings,
                           struct error *err)
{
    *c = (struct quant_calibration){.settings = *settings, .g = graph_clone(g, err)};
    if (c->g && quant_prepare(c->g, err) == 0 &&
        quant_check_kept(g, c->g, settings->keep, settings->keep_count, err) == 0)
        c->channelled = quant_find_channelled(c->g, &c->channelled_count, err);
    if (c->channelled)
        return 0;
    quant_calibration_release(c);
    return -1;
}

/* ---- what stays in float ---- */

/* Settings with more names of what stays in float; *keep is for free(). */
static int keep_more(const struct quant_calibration *c, const bool *floats, struct quant_settings *s,
                     const char ***keep, struct error *err)
{
    const char **list = mem_calloc(c->settings.keep_count + c->places.layer_count, sizeof *list, err);
    *s = c->settings;
    *keep = list;
    if (!list)
        return -1;
    if (s->keep_count)
        memcpy(list, s->keep, s->keep_count * sizeof *list);
    for (size_t i = 0; floats && i < c->places.layer_count; i++)
        if (floats[i])
            list[s->keep_count++] = c->places.layers[i].node->name;
    s->keep = list;
    return 0;
}

int quant_mark_floats(const struct quant_calibration *c, bool *floats, struct error *err)
{
    struct quant_places p = {0};
    struct quant_settings s;
    const char **keep = NULL;
    int status = keep_more(c, floats, &s, &keep, err);
    if (status == 0)
        status = quant_place(c->g, s.keep, s.keep_count, &p, err);
    for (size_t i = 0, k = 0; status == 0 && i < c->places.layer_count; i++) {
        floats[i] = k == p.layer_count || p.layers[k].node != c->places.layers[i].node;
        k += !floats[i];
    }
    quant_places_release(&p);
    free(keep);
    return status;
}

/* Layers that are kept are placed, too: who asks what each does is told of them. */
static int place(struct quant_calibration *c, struct error *err)
{
    if (quant_place(c->g, NULL, 0, &c->places, err))
        return -1;
    c->kept = mem_calloc(c->places.layer_count, sizeof *c->kept, err);
    return c->kept ? quant_mark_floats(c, c->kept, err) : -1;
}

int quant_calibration_begin(struct quant_calibration *c, struct error *err)
{
    if (quant_equalize(c->g, c->channelled, c->channelled_count, err) || place(c, err))
        return -1;
    quant_channelled_free(c->channelled, c->channelled_count);
    c->channelled = NULL;
    c->channelled_count = 0;
    c->importance = quant_importance_find(c->g, err);
    return !c->importance || quant_round_weights(c, err) || make_histograms(c, err) ? -1 : 0;
}

void quant_calibration_release(struct quant_calibration *c)
{
    quant_weights_free(c, c->weights);
    for (size_t i = 0; c->seen && i < c->places.site_count; i++)
        free(c->seen[i]);
    free(c->seen);
    free(c->ranges);
    free(c->clipped);
    free(c->kept);
    quant_channelled_free(c->channelled, c->channelled_count);
    quant_places_release(&c->places);
    if (c->g)
        quant_importance_free(c->importance, c->g);
    graph_free(c->g);
    *c = (struct quant_calibration){0};
}

/* ---- graphs to run ---- */

/* A copy without outputs. */
static struct graph *copy_without_outputs(const struct graph *g, struct error *err)
{
    struct graph *copy = graph_clone(g, err);
    while (copy && copy->output_count)
        graph_remove_output(copy->outputs[copy->output_count - 1]);
    return copy;
}

static int watch_range(struct graph *g, struct value *v, struct error *err)
{
    struct node *n = v ? graph_add_node(g, "nn", "Histogram", NULL, err) : NULL;
    if (!n || node_add_input(n, v, err) || node_set_int(n, "bins", QUANT_BINS, err))
        return -1;
    for (int o = 0; o < 2; o++) {
        struct value *out = node_new_output(n, NULL, err);
        if (!out || graph_add_output(g, out, err))
            return -1;
    }
    return 0;
}

/* The channels of a site by class, for free(); what each class weighs. */
static uint8_t *classes_of(const struct quant_calibration *c, const struct quant_site *site, double *weights,
                           struct error *err)
{
    const struct quant_importance *m = &c->importance[site->value->index];
    uint8_t *classes = mem_calloc((size_t)m->channels + 1, 1, err);
    if (classes)
        quant_importance_classes(m, classes, weights);
    return classes;
}

static int watch_site(const struct quant_calibration *c, struct graph *g, const struct quant_site *site,
                      struct error *err)
{
    double weights[QUANT_CLASSES];
    const struct quant_importance *m = &c->importance[site->value->index];
    struct value *v = graph_find_local(g, site->value->name);
    uint8_t *classes = classes_of(c, site, weights, err);
    int status = classes ? 0 : -1;
    for (int k = 0; status == 0 && k < QUANT_CLASSES; k++)
        if (weights[k] > 0)
            status = watch_range(g, quant_importance_channels(v, m, classes, k, err), err);
    free(classes);
    return status;
}

struct graph *quant_watch_ranges(const struct quant_calibration *c, struct error *err)
{
    struct graph *g = copy_without_outputs(c->g, err);
    struct node *last = g ? g->last : NULL;
    int status = g ? 0 : -1;
    for (size_t i = 0; status == 0 && i < c->places.site_count; i++)
        if (c->seen[i])
            status = watch_site(c, g, &c->places.sites[i], err);
    if (status == 0) {
        quant_settle(g, last);
        op_resolve(g);
        return g;
    }
    graph_free(g);
    return NULL;
}

int quant_take_ranges(struct quant_calibration *c, struct tensor *const *out, size_t fold, struct error *err)
{
    for (size_t i = 0; i < c->places.site_count; i++) {
        double weights[QUANT_CLASSES];
        uint8_t *classes = c->seen[i] ? classes_of(c, &c->places.sites[i], weights, err) : NULL;
        if (c->seen[i] && !classes)
            return -1;
        for (int k = 0; classes && k < QUANT_CLASSES; k++)
            if (weights[k] > 0) {
                quant_observe(&c->seen[i][fold], out[0], out[1], weights[k]);
                out += 2;
            }
        free(classes);
    }
    return 0;
}

/* ---- ranges ---- */

/* The only user of a value, when that is a function of its elements; else NULL. */
static const struct node *function_of(const struct quant_places *p, const struct quant_site *site)
{
    const struct node *n = pass_is_single(site->value) ? site->value->uses[0].node : NULL;
    for (size_t i = 0; n && i < p->layer_count; i++)
        if (p->layers[i].node == n)
            return p->layers[i].kind == QUANT_TABLE ? n : NULL;
    return NULL;
}

/* What it makes of the ends of the bins: f[2 * QUANT_BINS + 1]. False where it cannot be evaluated, or gives no number.
 */
static bool tabulate(const struct node *n, const struct quant_histogram *h, double *f)
{
    struct error ignored;
    struct item *in[QUANT_OPERANDS] = {NULL}, *out[1] = {NULL};
    struct tensor *x = tensor_new(DTYPE_F32, 1, (int64_t[]){2 * QUANT_BINS + 1}, &ignored);
    bool made = x && n->in_count <= QUANT_OPERANDS, finite = true;
    for (int i = 0; made && i < x->count; i++)
        ((float *)x->data)[i] = (float)(i - QUANT_BINS) * h->width;
    for (int i = 0; made && i < n->in_count; i++)
        if (n->in[i])
            made = (in[i] = item_of_tensor(tensor_ref(n->in[i]->constant ? n->in[i]->constant : x), &ignored)) != NULL;
    struct op_eval e = {.node = n, .in = in, .in_count = n->in_count, .out = out, .out_count = 1, .memory = 1 << 20};
    made = made && op_eval_node(&e, &ignored) == 0 && out[0]->tensor->count == x->count;
    for (int i = 0; made && i < x->count; i++) {
        f[i] = tensor_get_f64(out[0]->tensor, i);
        finite = finite && f[i] - f[i] == 0;
    }
    for (int i = 0; i < QUANT_OPERANDS; i++)
        item_unref(in[i]);
    item_unref(out[0]);
    tensor_unref(x);
    return made && finite;
}

/* Histograms of groups, at the number of each. */
struct grouping {
    struct quant_calibration *c;
    struct quant_histogram **sums; /* [site_count] */
};

static void choose_range(const struct grouping *k, size_t group)
{
    double f[2 * QUANT_BINS + 1];
    struct quant_calibration *c = k->c;
    const struct quant_histogram *h = k->sums[group];
    size_t members = 0;
    for (size_t i = 0; i < c->places.site_count; i++)
        members += c->places.sites[i].group == group;
    const struct node *n = members == 1 && h->total > 0 ? function_of(&c->places, &c->places.sites[group]) : NULL;
    const double *function = n && tabulate(n, h, f) ? f : NULL;
    quant_range_choose(h, c->settings.method, function, c->settings.dtype, &c->ranges[group]);
    c->clipped[group] = quant_range_clipped(h, &c->ranges[group]);
}

static void join(const struct grouping *k, size_t from, size_t to)
{
    struct quant_places *p = &k->c->places;
    for (size_t i = 0; i < p->site_count; i++)
        if (p->sites[i].group == from)
            p->sites[i].group = to;
}

/* Whether a group is one value that nothing but the Concat takes: a scale of its own would gain nothing. */
static bool is_for_one(const struct grouping *k, size_t group)
{
    const struct quant_places *p = &k->c->places;
    for (size_t i = 0; i < p->site_count; i++)
        if (p->sites[i].group == group && (i != group || !pass_is_single(p->sites[i].value)))
            return false;
    return true;
}

/* What is concatenated has one scale, unless others would lose a bit or more by it: to bring an operand to another
 * scale is a look into a table. */
static void join_concat(const struct grouping *k, const struct quant_layer *l)
{
    const struct quant_places *p = &k->c->places;
    const struct quant_site *out = quant_site_of(p, l->node->out[0]), *in;
    int inputs[QUANT_OPERANDS], count = out ? quant_operands(l, inputs, QUANT_OPERANDS) : 0;
    size_t to = count ? out->group : 0, seen = 0, groups[QUANT_OPERANDS];
    for (int i = 0; i < count; i++) {
        size_t at = 0;
        if (!(in = quant_site_of(p, l->node->in[inputs[i]])) || in->group == to)
            continue;
        while (at < seen && groups[at] != in->group)
            at++;
        if (at == seen)
            quant_histogram_add(k->sums[to], k->sums[groups[seen++] = in->group]);
    }
    if (seen)
        choose_range(k, to);
    for (size_t i = 0; i < seen; i++) {
        choose_range(k, groups[i]);
        if (is_for_one(k, groups[i]) || 2 * k->c->ranges[groups[i]].scale > k->c->ranges[to].scale)
            join(k, groups[i], to);
    }
}

static int sum_groups(const struct grouping *k, size_t without, struct error *err)
{
    struct quant_places *p = &k->c->places;
    for (size_t i = 0; i < p->site_count; i++)
        p->sites[i].group = p->sites[i].placed;
    for (size_t i = 0; i < p->site_count; i++)
        if (p->sites[i].group == i && !(k->sums[i] = mem_calloc(1, sizeof *k->sums[i], err)))
            return -1;
    for (size_t i = 0; i < p->site_count; i++)
        for (size_t fold = 0; k->c->seen[i] && fold < QUANT_FOLDS; fold++)
            if (fold != without)
                quant_histogram_add(k->sums[p->sites[i].group], &k->c->seen[i][fold]);
    return 0;
}

int quant_choose_ranges(struct quant_calibration *c, size_t without, struct error *err)
{
    const struct quant_places *p = &c->places;
    struct grouping k = {.c = c, .sums = mem_calloc(p->site_count, sizeof *k.sums, err)};
    int status = k.sums ? sum_groups(&k, without, err) : -1;
    for (size_t i = 0; status == 0 && i < p->layer_count; i++)
        if (!c->kept[i] && node_is(p->layers[i].node, "Concat"))
            join_concat(&k, &p->layers[i]);
    for (size_t i = 0; status == 0 && i < p->site_count; i++)
        if (p->sites[i].group == i)
            choose_range(&k, i);
    for (size_t i = 0; status == 0 && i < p->site_count; i++) {
        c->ranges[i] = c->ranges[p->sites[i].group];
        c->clipped[i] = c->clipped[p->sites[i].group];
    }
    for (size_t i = 0; k.sums && i < p->site_count; i++)
        free(k.sums[i]);
    free(k.sums);
    return status;
}

/* ---- the result ---- */

/* Copies of values have those of c->g at scratch, where these had their copies after graph_clone(). */
static void link_copies(const struct quant_calibration *c)
{
    for (size_t i = 0; i < c->g->value_count; i++)
        if (c->g->values[i])
            ((struct value *)c->g->values[i]->scratch)->scratch = c->g->values[i];
}

/* What was decided of the original of a layer, or of a value; NULL when it was not quantised. */
static const struct quant_weights *weights_of(const struct quant_calibration *c, const struct quant_layer *copy)
{
    const struct value *v = copy->node->out[0]->scratch;
    for (size_t i = 0; i < c->places.layer_count; i++)
        if (c->places.layers[i].node == v->producer)
            return &c->weights[i];
    return NULL;
}

static const struct quant_range *range_of(const struct quant_calibration *c, const struct quant_site *copy)
{
    const struct quant_site *site = quant_site_of(&c->places, copy->value->scratch);
    return site ? &c->ranges[site - c->places.sites] : NULL;
}

static int insert(const struct quant_calibration *c, struct graph *g, const struct quant_places *p, struct error *err)
{
    struct quant_range *ranges = mem_calloc(p->site_count, sizeof *ranges, err);
    struct quant_weights *weights = ranges ? mem_calloc(p->layer_count, sizeof *weights, err) : NULL;
    int status = weights ? 0 : -1;
    for (size_t i = 0; status == 0 && i < p->site_count; i++) {
        const struct quant_range *r = range_of(c, &p->sites[i]);
        status = r ? 0 : error_set(err, "value '%s' was not observed", p->sites[i].value->name);
        ranges[i] = r ? *r : ranges[i];
    }
    for (size_t i = 0; status == 0 && i < p->layer_count; i++) {
        const struct quant_weights *w = weights_of(c, &p->layers[i]);
        status = w ? 0 : error_set(err, "layer '%s' was not observed", p->layers[i].node->name);
        weights[i] = w ? *w : weights[i];
    }
    if (status == 0)
        status = quant_insert(g, p, ranges, weights, c->settings.dtype, err);
    free(ranges);
    free(weights);
    return status;
}

struct graph *quant_quantized(const struct quant_calibration *c, const bool *floats, struct error *err)
{
    struct quant_places p = {0};
    struct quant_settings s;
    const char **keep = NULL;
    struct graph *g = graph_clone(c->g, err);
    int status = g && keep_more(c, floats, &s, &keep, err) == 0 ? 0 : -1;
    if (status == 0) {
        link_copies(c);
        op_resolve(g);
        status = quant_place(g, s.keep, s.keep_count, &p, err);
    }
    if (status == 0)
        status = insert(c, g, &p, err);
    if (status == 0 && pass_dead_code(g, err) < 0) /* the weights in float */
        status = -1;
    quant_places_release(&p);
    free(keep);
    if (status == 0)
        return g;
    graph_free(g);
    return NULL;
}

/* ---- looking at it ---- */

/* Behind bias and bound. */
static const struct value *result_of(const struct quant_calibration *c, size_t layer)
{
    const struct quant_places *p = &c->places;
    const struct value *v = p->layers[layer].node->out[0];
    for (size_t i = layer + 1; i < p->layer_count && pass_is_single(v); i++) {
        const struct quant_layer *l = &p->layers[i];
        if (l->node == v->uses[0].node && (l->kind == QUANT_BIAS || l->kind == QUANT_BOUND))
            v = l->node->out[0];
    }
    return v;
}

struct value *quant_seen(const struct quant_calibration *c, size_t layer, const struct graph *in)
{
    const struct value *real = result_of(c, layer);
    struct value *v = graph_find_local(in, real->name);
    const struct quant_site *site = in == c->g ? NULL : quant_site_of(&c->places, real);
    for (size_t i = 0; v && site && i < v->use_count; i++) {
        const struct node *q = v->uses[i].node;
        if (node_is(q, "QuantizeLinear") && q->out[0]->use_count == 1 &&
            node_is(q->out[0]->uses[0].node, "DequantizeLinear"))
            return q->out[0]->uses[0].node->out[0];
    }
    return v;
}

const struct quant_range *quant_range_of(const struct quant_calibration *c, size_t layer)
{
    const struct quant_site *site = quant_site_of(&c->places, result_of(c, layer));
    return site ? &c->ranges[site - c->places.sites] : NULL;
}

/* ---- what rounding moves ---- */

bool quant_has_bias(const struct quant_layer *l)
{
    return l->kind == QUANT_PRODUCT && (!node_is(l->node, "MatMul") || quant_bias_node(l->node));
}

/* What was rounded, or a value that was not. */
static struct value *before_rounding(struct value *v)
{
    const struct node *back = v->producer;
    const struct node *q = back && node_is(back, "DequantizeLinear") ? back->in[0]->producer : NULL;
    return q && node_is(q, "QuantizeLinear") ? q->in[0] : v;
}

/* The node with its weights and bias in float, on its operand before that was rounded. */
static struct value *add_twin(struct node *rounded, const struct node *real, struct error *err)
{
    struct graph *g = rounded->graph;
    struct node *twin = graph_add_node(g, real->domain, real->op, NULL, err);
    if (!twin || node_take_attrs(twin, rounded, err) || node_add_input(twin, before_rounding(rounded->in[0]), err))
        return NULL;
    for (int i = 1; i < real->in_count; i++) {
        struct value *v = real->in[i] ? graph_add_constant(g, NULL, tensor_ref(real->in[i]->constant), err) : NULL;
        if ((real->in[i] && !v) || node_add_input(twin, v, err))
            return NULL;
    }
    return node_new_output(twin, NULL, err);
}

static struct value *add_operator(struct graph *g, const char *op, struct value *a, struct value *b, struct error *err)
{
    struct node *n = graph_add_node(g, "", op, NULL, err);
    if (!n || node_add_input(n, a, err) || node_add_input(n, b, err))
        return NULL;
    return node_new_output(n, NULL, err);
}

static int watch_shift(struct graph *g, const struct node *real, struct error *err)
{
    int64_t axes[TENSOR_MAX_RANK];
    int axis, count = 0, rank = real->out[0]->type.rank;
    quant_channels(real, &axis);
    for (int i = 0; i < rank; i++)
        if (i != axis)
            axes[count++] = i;
    struct value *rounded = graph_find_local(g, real->out[0]->name), *list = pass_add_ints(g, count, axes, err);
    struct value *twin = rounded && list ? add_twin(rounded->producer, real, err) : NULL;
    struct value *off = twin ? add_operator(g, "Sub", twin, rounded, err) : NULL;
    struct value *mean = off ? add_operator(g, "ReduceMean", off, list, err) : NULL;
    return mean && node_set_int(mean->producer, "keepdims", 0, err) == 0 ? graph_add_output(g, mean, err) : -1;
}

struct graph *quant_watch_shifts(const struct quant_calibration *c, struct error *err)
{
    struct graph *g = quant_quantized(c, NULL, err);
    while (g && g->output_count)
        graph_remove_output(g->outputs[g->output_count - 1]);
    struct node *last = g ? g->last : NULL;
    int status = g ? 0 : -1;
    for (size_t i = 0; status == 0 && i < c->places.layer_count; i++)
        if (quant_has_bias(&c->places.layers[i]))
            status = watch_shift(g, c->places.layers[i].node, err);
    if (status == 0) {
        quant_settle(g, last);
        op_resolve(g);
        return g;
    }
    graph_free(g);
    return NULL;
}

int quant_take_shifts(struct quant_calibration *c, struct tensor *const *out, double share, struct error *err)
{
    for (size_t i = 0; i < c->places.layer_count; i++) {
        struct quant_weights *w = &c->weights[i];
        if (!quant_has_bias(&c->places.layers[i]))
            continue;
        const struct tensor *t = *out++;
        if (!w->shift && !(w->shift = mem_calloc((size_t)t->count, sizeof *w->shift, err)))
            return -1;
        for (int64_t k = 0; k < t->count; k++)
            w->shift[k] += share * tensor_get_f64(t, k);
    }
    return 0;
}

/* ---- operands ---- */

struct graph *quant_watch_operand(const struct quant_calibration *c, size_t layer, bool quantised, struct error *err)
{
    struct graph *g = quantised ? quant_quantized(c, NULL, err) : graph_clone(c->g, err);
    while (g && g->output_count)
        graph_remove_output(g->outputs[g->output_count - 1]);
    const struct value *v = g ? graph_find_local(g, c->places.layers[layer].node->out[0]->name) : NULL;
    int status = v ? graph_add_output(g, v->producer->in[0], err) : -1;
    if (status == 0) {
        op_resolve(g);
        return g;
    }
    if (g && !v)
        error_set(err, "layer '%s' has gone", c->places.layers[layer].node->name);
    graph_free(g);
    return NULL;
}
