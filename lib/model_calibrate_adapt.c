/* The public API: rounding weights by what layers give on the data. */
#include <stdlib.h>

#include "model_calibrate.h"

#define CHUNK ((size_t)6 << 20) /* bytes of operands held at once */

/* Of those kept: a fifth, or those beyond the effort, are held back. */
static size_t used_samples(const struct model_calibration *c)
{
    size_t most = c->kept_count - c->kept_count / 5, effort = (size_t)c->options.effort;
    return effort < most ? effort : most;
}

struct adapting {
    struct model_calibration *c;
    size_t first, last, count;      /* layers at hand; those of them that are products */
    struct quant_moments *moments;  /* [count] */
    struct quant_weights **weights; /* [count] */
};

static size_t operand_bytes(const struct quant_layer *l)
{
    const struct type *t = &l->node->in[0]->type;
    int64_t count = tensor_count(t->rank, t->dims);
    return count > 0 ? (size_t)count * sizeof(float) : CHUNK;
}

/* The next layers whose operands may be held at once, one product at least. */
static void next_layers(struct adapting *a)
{
    const struct quant_places *p = &a->c->quant.places;
    size_t bytes = 0;
    a->first = a->last;
    a->count = 0;
    for (; a->last < p->layer_count; a->last++) {
        const struct quant_layer *l = &p->layers[a->last];
        if (l->kind != QUANT_PRODUCT)
            continue;
        if (a->count && bytes + operand_bytes(l) > CHUNK)
            return;
        bytes += operand_bytes(l);
        a->count++;
    }
}

static int start(struct adapting *a, struct error *err)
{
    const struct quant_places *p = &a->c->quant.places;
    size_t k = 0;
    a->moments = mem_calloc(a->count, sizeof *a->moments, err);
    a->weights = a->moments ? mem_calloc(a->count, sizeof *a->weights, err) : NULL;
    for (size_t i = a->first; a->weights && i < a->last; i++) {
        if (p->layers[i].kind != QUANT_PRODUCT)
            continue;
        a->weights[k] = &a->c->quant.weights[i];
        if (quant_moments_init(&a->moments[k++], &p->layers[i], err))
            return -1;
    }
    return a->weights ? 0 : -1;
}

static int sum(struct adapting *a, struct model_error *error)
{
    struct model_calibration *c = a->c;
    struct error *err = model_inner(error);
    struct graph *g = quant_watch_operands(&c->quant, a->first, a->last, err);
    struct model_session *s = calibrate_session(c, g, false, error);
    int status = s ? 0 : -1;
    for (size_t k = 0; status == 0 && k < used_samples(c); k++) {
        struct model_tensor **out = mem_calloc(a->count, sizeof *out, err);
        calibrate_tell(c, "rounding weights", a->first, c->quant.places.layer_count);
        status = out ? model_session_run(s, c->kept + k * c->inputs, out, error) : -1;
        for (size_t i = 0; status == 0 && i < a->count; i++)
            quant_moments_add(&a->moments[i], model_inner_tensor(out[i]));
        calibrate_free_tensors(out, a->count);
    }
    model_session_free(s);
    return status;
}

static int adapt_layers(struct adapting *a, struct model_error *error)
{
    int status = start(a, model_inner(error));
    if (status == 0)
        status = sum(a, error);
    for (size_t i = 0; i < a->count; i++) {
        if (status == 0)
            status = quant_moments_round(&a->moments[i], a->weights[i], model_inner(error));
        if (a->moments)
            quant_moments_release(&a->moments[i]);
    }
    free(a->moments);
    free(a->weights);
    return status;
}

static int adapt_all(struct model_calibration *c, struct model_error *error)
{
    struct adapting a = {.c = c};
    int status = 0;
    for (next_layers(&a); status == 0 && a.count; next_layers(&a))
        status = adapt_layers(&a, error);
    calibrate_tell(c, "rounding weights", 1, 1);
    return status == 0 ? calibrate_correct(c, error) : -1;
}

int calibrate_adapt(struct model_calibration *c, struct model_error *error)
{
    double before = 0, after = 0;
    if (c->options.effort <= 0)
        return 0;
    size_t used = used_samples(c);
    struct calibrate_samples held = {used < c->kept_count ? used : 0, c->kept_count, 1};
    struct quant_weights *nearest = c->quant.weights;
    int status = calibrate_find_loss(c, NULL, held, &before, error);
    if (status == 0)
        status = quant_round_weights(&c->quant, model_inner(error));
    if (status == 0)
        status = adapt_all(c, error);
    if (status == 0)
        status = calibrate_find_loss(c, NULL, held, &after, error);
    if (nearest != c->quant.weights) {
        struct quant_weights *worse = after < before ? nearest : c->quant.weights;
        c->quant.weights = after < before ? c->quant.weights : nearest;
        quant_weights_free(&c->quant, worse);
    }
    return status;
}
