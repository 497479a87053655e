/* The public API: what quantisation costs, by layer and as a whole. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model_calibrate.h"
#include "op/op.h"
#include "task/answer.h"

#define CHUNK    ((size_t)6 << 20) /* bytes of results of either network held at once */
#define PROFILED 3                 /* samples to take times on */
#define NEAR     1e-6              /* of the signal: noise below counts alike */

/* ---- two graphs on the same samples ---- */

/* Rows that say how likely each of some classes is: of logits only a matrix is taken as such. */
static bool has_classes(const struct tensor *t)
{
    int64_t n = t->rank > 1 && t->count ? t->dims[t->rank - 1] : 0;
    return n > 1 && t->dtype == DTYPE_F32 && (t->rank == 2 || task_are_shares(t->data, (size_t)n, 1));
}

static int64_t find_best(const struct tensor *t, int64_t first, int64_t n)
{
    int64_t best = 0;
    for (int64_t i = 1; i < n; i++)
        best = tensor_get_f64(t, first + i) > tensor_get_f64(t, first + best) ? i : best;
    return best;
}

static bool is_other_class(const struct tensor *right, const struct tensor *other)
{
    int64_t n = right->dims[right->rank - 1], i = 0;
    while (i < right->count && find_best(right, i, n) == find_best(other, i, n))
        i += n;
    return i < right->count;
}

static void add_noise(struct calibrate_noise *n, const struct tensor *right, const struct tensor *other)
{
    if (right->count == other->count && has_classes(right)) {
        n->classed++;
        n->moved += is_other_class(right, other);
    }
    struct calibrate_noise before = *n;
    for (int64_t i = 0; i < right->count && i < other->count; i++) {
        double a = tensor_get_f64(right, i), d = a - tensor_get_f64(other, i);
        if (isfinite(a)) {
            n->signal += a * a;
            n->noise += isfinite(d) ? d * d : a * a;
            n->finite = true;
        }
    }
    double signal = n->signal - before.signal, noise = fmax(n->noise - before.noise, NEAR * signal);
    if (signal > 0)
        n->decibels -= 10 * log10(noise / signal);
}

static int compare_sample(struct model_session *const *s, struct model_tensor *const *in, size_t outputs,
                          struct calibrate_noise *noise, struct model_error *error)
{
    struct error *err = model_inner(error);
    struct model_tensor **out[2] = {mem_calloc(outputs, sizeof **out, err), mem_calloc(outputs, sizeof **out, err)};
    int status = out[0] && out[1] ? 0 : -1;
    for (int i = 0; status == 0 && i < 2; i++)
        status = model_session_run(s[i], in, out[i], error);
    for (size_t i = 0; status == 0 && i < outputs; i++)
        add_noise(&noise[i], model_inner_tensor(out[0][i]), model_inner_tensor(out[1][i]));
    calibrate_free_tensors(out[0], outputs);
    calibrate_free_tensors(out[1], outputs);
    return status;
}

int calibrate_compare(const struct model_calibration *c, struct graph *right, struct graph *other,
                      struct calibrate_samples samples, struct calibrate_noise *noise, struct model_error *err)
{
    size_t outputs = right ? right->output_count : 0;
    struct model_session *s[2] = {calibrate_session(c, right, false, err), NULL};
    int status = 0;
    if (s[0])
        s[1] = calibrate_session(c, other, false, err);
    else
        graph_free(other);
    status = s[1] ? 0 : -1;
    for (size_t k = samples.first; status == 0 && k < samples.last && k < c->kept_count; k += samples.step)
        status = compare_sample(s, c->kept + k * c->inputs, outputs, noise, err);
    model_session_free(s[0]);
    model_session_free(s[1]);
    return status;
}

/* ---- layers ---- */

struct reporting {
    struct model_calibration *c;
    struct graph *result;
    struct model_calibrated *rows;
    size_t *layer; /* of a row */
    size_t count;
};

static bool has_row(const struct quant_layer *l)
{
    return l->kind != QUANT_BIAS && l->kind != QUANT_BOUND && l->kind != QUANT_MOVE;
}

/* What the result is stored as. */
static const char *type_of(const struct reporting *r, size_t layer)
{
    if (r->c->floats[layer] || !quant_range_of(&r->c->quant, layer))
        return r->c->floats[layer] ? "" : "f32";
    return r->c->quant.settings.dtype == DTYPE_U8 ? "u8" : "s8";
}

static void fill_bytes(const struct reporting *r, size_t layer, struct model_calibrated *row)
{
    const struct node *n = r->c->quant.places.layers[layer].node;
    const struct quant_weights *w = &r->c->quant.weights[layer];
    for (int i = 1; i < n->in_count; i++)
        row->before += n->in[i] && n->in[i]->constant ? n->in[i]->constant->size : 0;
    if (r->c->quant.places.layers[layer].kind != QUANT_PRODUCT || r->c->floats[layer])
        row->after = row->before;
    else
        row->after = row->before - n->in[1]->constant->size + w->rounded->size + w->scale->size;
}

static void fill_row(const struct reporting *r, size_t layer, struct model_calibrated *row)
{
    const struct quant_calibration *q = &r->c->quant;
    const struct quant_layer *l = &q->places.layers[layer];
    const struct quant_range *range = r->c->floats[layer] ? NULL : quant_range_of(q, layer);
    *row = (struct model_calibrated){.name = l->node->name,
                                     .op = l->node->op,
                                     .type = type_of(r, layer),
                                     .low = range ? (double)range->low : NAN,
                                     .high = range ? (double)range->high : NAN,
                                     .clipped = range ? q->clipped[range - q->ranges] : 0,
                                     .snr = NAN,
                                     .moved = NAN,
                                     .seconds_before = NAN,
                                     .seconds_after = NAN};
    fill_bytes(r, layer, row);
}

static int list_rows(struct reporting *r, struct error *err)
{
    const struct quant_places *p = &r->c->quant.places;
    size_t most = p->layer_count + r->c->quant.g->output_count;
    r->rows = mem_calloc(most, sizeof *r->rows, err);
    r->layer = mem_calloc(most, sizeof *r->layer, err);
    if (!r->rows || !r->layer)
        return -1;
    for (size_t i = 0; i < p->layer_count; i++)
        if (has_row(&p->layers[i])) {
            r->layer[r->count] = i;
            fill_row(r, i, &r->rows[r->count++]);
        }
    return 0;
}

/* ---- noise ---- */

/* A copy with the results of rows [first, last) as outputs. */
static struct graph *watch_rows(const struct reporting *r, const struct graph *g, size_t first, size_t last,
                                struct error *err)
{
    struct graph *copy = graph_clone(g, err);
    int status = copy ? 0 : -1;
    while (status == 0 && copy->output_count)
        graph_remove_output(copy->outputs[copy->output_count - 1]);
    for (size_t i = first; status == 0 && i < last; i++) {
        const struct value *v = quant_seen(&r->c->quant, r->layer[i], g);
        struct value *out = v ? graph_find_local(copy, v->name) : NULL;
        status = out ? graph_add_output(copy, out, err) : error_set(err, "layer '%s' has gone", r->rows[i].name);
    }
    if (status == 0)
        return copy;
    graph_free(copy);
    return NULL;
}

/* As many results as may be held at once, one at least. */
static size_t next_chunk(const struct reporting *r, size_t from)
{
    size_t bytes = 0, n = 0;
    while (from + n < r->count) {
        const struct type *t = &r->c->quant.places.layers[r->layer[from + n]].node->out[0]->type;
        int64_t count = tensor_count(t->rank, t->dims);
        size_t size = count > 0 ? (size_t)count * sizeof(float) : CHUNK / 4;
        if (n && bytes + size > CHUNK)
            break;
        bytes += size;
        n++;
    }
    return n;
}

static double decibels(const struct calibrate_noise *n)
{
    return n->finite ? -10 * log10(calibrate_loss(n)) : NAN;
}

static int measure_rows(struct reporting *r, struct model_error *error)
{
    struct error *err = model_inner(error);
    struct calibrate_noise *noise = mem_calloc(r->count + 1, sizeof *noise, err);
    int status = noise ? 0 : -1;
    for (size_t from = 0, n; status == 0 && from < r->count; from += n) {
        n = next_chunk(r, from);
        calibrate_tell(r->c, "comparing layers", from, r->count);
        struct graph *right = watch_rows(r, r->c->quant.g, from, from + n, err);
        struct graph *other = right ? watch_rows(r, r->result, from, from + n, err) : NULL;
        if (!other)
            graph_free(right);
        status = other ? calibrate_compare(r->c, right, other, calibrate_all, noise + from, error) : -1;
        for (size_t i = from; status == 0 && i < from + n; i++)
            r->rows[i].snr = decibels(&noise[i]);
    }
    calibrate_tell(r->c, "comparing layers", 1, 1);
    free(noise);
    return status;
}

/* The outputs get rows of their own. */
static int measure_outputs(struct reporting *r, struct model_error *error)
{
    struct error *err = model_inner(error);
    const struct graph *g = r->c->quant.g;
    struct calibrate_noise *noise = mem_calloc(g->output_count, sizeof *noise, err);
    struct graph *right = noise ? graph_clone(g, err) : NULL, *other = right ? graph_clone(r->result, err) : NULL;
    if (!other)
        graph_free(right);
    int status = other ? calibrate_compare(r->c, right, other, calibrate_all, noise, error) : -1;
    for (size_t i = 0; status == 0 && i < g->output_count; i++)
        r->rows[r->count++] = (struct model_calibrated){.name = g->outputs[i]->name,
                                                        .op = "output",
                                                        .type = "f32",
                                                        .snr = decibels(&noise[i]),
                                                        .moved = (double)noise[i].moved / (double)noise[i].classed,
                                                        .low = NAN,
                                                        .high = NAN,
                                                        .seconds_before = NAN,
                                                        .seconds_after = NAN};
    free(noise);
    return status;
}

/* ---- time ---- */

static void take_times(struct reporting *r, const struct model_layer *layers, size_t n, bool after)
{
    for (size_t i = 0; i < r->count; i++) {
        double *to = after ? &r->rows[i].seconds_after : &r->rows[i].seconds_before;
        for (size_t k = 0; k < n; k++)
            if (layers[k].runs && strcmp(layers[k].node, r->rows[i].name) == 0)
                *to = (isnan(*to) ? 0 : *to) + layers[k].seconds / (double)layers[k].runs;
    }
}

/* The first run is for warming up. */
static int time_rows(struct reporting *r, const struct graph *g, bool after, struct model_error *error)
{
    struct error *err = model_inner(error);
    struct model_session *s = calibrate_session(r->c, graph_clone(g, err), true, error);
    int status = s ? 0 : -1;
    for (size_t k = 0; status == 0 && k <= PROFILED; k++) {
        struct model_tensor **out = mem_calloc(g->output_count, sizeof *out, err);
        status = out ? model_session_run(s, r->c->kept + k % r->c->kept_count * r->c->inputs, out, error) : -1;
        calibrate_free_tensors(out, g->output_count);
        if (k == 0)
            model_session_reset(s);
    }
    size_t n = 0;
    struct model_layer *layers = status == 0 ? model_session_layers(s, &n, error) : NULL;
    if (layers)
        take_times(r, layers, n, after);
    else
        status = -1;
    free(layers);
    model_session_free(s);
    return status;
}

static int measure_layers(struct reporting *r, struct model_error *error)
{
    if (measure_rows(r, error) || time_rows(r, r->c->quant.g, false, error))
        return -1;
    return time_rows(r, r->result, true, error);
}

struct model_calibrated *model_calibration_report(struct model_calibration *c, bool by_layers, size_t *count,
                                                  struct model_error *error)
{
    struct error *err = model_inner(error);
    struct reporting r = {.c = c, .result = quant_quantized(&c->quant, c->floats, err)};
    int status = r.result && list_rows(&r, err) == 0 ? 0 : -1;
    if (status == 0 && by_layers)
        status = measure_layers(&r, error);
    if (status == 0)
        status = measure_outputs(&r, error);
    graph_free(r.result);
    free(r.layer);
    *count = r.count;
    if (status == 0)
        return r.rows;
    free(r.rows);
    return NULL;
}
