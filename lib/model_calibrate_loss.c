/* The public API: leaving layers in float32 until the outputs are near enough. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model_calibrate.h"

/* Samples to find how sensitive a layer is. */
static const struct calibrate_samples some = {0, 4, 1};

struct candidate {
    size_t layer;
    double loss; /* when it alone is quantised */
};

struct limiting {
    struct model_calibration *c;
    struct candidate *list; /* the most sensitive first */
    size_t count;
};

int calibrate_find_noise(const struct model_calibration *c, const bool *floats, struct calibrate_samples samples,
                         struct calibrate_noise *noise, struct model_error *error)
{
    struct error *err = model_inner(error);
    struct graph *right = graph_clone(c->quant.g, err);
    struct graph *other = right ? quant_quantized(&c->quant, floats, err) : NULL;
    if (!other)
        graph_free(right);
    return other ? calibrate_compare(c, right, other, samples, noise, error) : -1;
}

int calibrate_find_loss(const struct model_calibration *c, const bool *floats, struct calibrate_samples samples,
                        double *loss, struct model_error *error)
{
    size_t outputs = c->quant.g->output_count;
    struct calibrate_noise *noise = mem_calloc(outputs, sizeof *noise, model_inner(error));
    int status = noise ? calibrate_find_noise(c, floats, samples, noise, error) : -1;
    *loss = 0;
    for (size_t i = 0; status == 0 && i < outputs; i++)
        *loss = fmax(*loss, sqrt(calibrate_loss(&noise[i])));
    free(noise);
    return status;
}

static int by_loss(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    return x->loss != y->loss ? (x->loss < y->loss) - (x->loss > y->loss)
                              : (x->layer > y->layer) - (x->layer < y->layer);
}

static int list_candidates(struct limiting *l, struct error *err)
{
    const struct quant_places *p = &l->c->quant.places;
    l->list = mem_calloc(p->layer_count, sizeof *l->list, err);
    for (size_t i = 0; l->list && i < p->layer_count; i++)
        if (p->layers[i].kind == QUANT_PRODUCT && !l->c->floats[i])
            l->list[l->count++].layer = i;
    return l->list ? 0 : -1;
}

static int measure_candidates(struct limiting *l, struct model_error *error)
{
    bool *floats = l->c->floats;
    int status = 0;
    for (size_t i = 0; i < l->count; i++)
        floats[l->list[i].layer] = true;
    for (size_t i = 0; status == 0 && i < l->count; i++) {
        calibrate_tell(l->c, "finding sensitive layers", i, l->count);
        floats[l->list[i].layer] = false;
        status = calibrate_find_loss(l->c, floats, some, &l->list[i].loss, error);
        floats[l->list[i].layer] = true;
    }
    calibrate_tell(l->c, "finding sensitive layers", 1, 1);
    qsort(l->list, l->count, sizeof *l->list, by_loss);
    return status;
}

/* The least number of them, the most sensitive, that meets the bound, by halving. */
static int choose_floats(struct limiting *l, struct model_error *error)
{
    size_t least = 1, most = l->count;
    while (least < most) {
        size_t middle = least + (most - least) / 2;
        double loss;
        for (size_t i = 0; i < l->count; i++)
            l->c->floats[l->list[i].layer] = i < middle;
        if (calibrate_find_loss(l->c, l->c->floats, calibrate_all, &loss, error))
            return -1;
        if (loss <= l->c->options.max_loss)
            most = middle;
        else
            least = middle + 1;
    }
    for (size_t i = 0; i < l->count; i++)
        l->c->floats[l->list[i].layer] = i < most;
    return 0;
}

int calibrate_limit_loss(struct model_calibration *c, struct model_error *error)
{
    struct limiting l = {.c = c};
    double loss;
    if (!(c->options.max_loss > 0))
        return 0;
    int status = calibrate_find_loss(c, c->floats, calibrate_all, &loss, error);
    if (status || loss <= c->options.max_loss)
        return status;
    if (list_candidates(&l, model_inner(error)) || measure_candidates(&l, error) || choose_floats(&l, error) ||
        quant_mark_floats(&c->quant, c->floats, model_inner(error)))
        status = -1;
    free(l.list);
    return status;
}
