/* The public API: the way to choose ranges that proves best. */
#include <math.h>

#include "model_calibrate.h"

#define ENOUGH 8 /* samples to compare ways by */
#define TIE    1 /* dB that a way must be better by than those before it: few samples do not tell less */

static const char *const ways[CALIBRATE_TRIED] = {"mse", "percentile"};

bool model_calibration_tried_at(const struct model_calibration *c, size_t index, struct model_tried *tried)
{
    bool is_there = index < CALIBRATE_TRIED && c->tried[index].range;
    if (is_there)
        *tried = c->tried[index];
    return is_there;
}

size_t calibrate_apart(const struct model_calibration *c)
{
    size_t apart = 1;
    while ((c->kept_count - 1) / apart >= CALIBRATE_KEPT)
        apart *= 2;
    return apart;
}

/* Those kept are every stride-th of all; a stride is a power of two, and its own inverse modulo 3. */
static struct calibrate_samples of_fold(const struct model_calibration *c, size_t fold)
{
    size_t apart = calibrate_apart(c), first = fold * c->stride * apart % QUANT_FOLDS;
    return (struct calibrate_samples){first * apart, SIZE_MAX, QUANT_FOLDS * apart};
}

/* Weights as they were: a trial's ranges may have made scales larger, so that biases fit. */
static int round_again(struct model_calibration *c, struct error *err)
{
    struct quant_weights *used = c->quant.weights;
    int status = quant_round_weights(&c->quant, err);
    quant_weights_free(&c->quant, used);
    return status;
}

static int try_way(struct model_calibration *c, const char *range, struct model_tried *tried, struct model_error *error)
{
    double loss, decibels = 0;
    c->quant.settings.method = quant_range_find(range);
    for (size_t fold = 0; fold < QUANT_FOLDS; fold++) {
        if (quant_choose_ranges(&c->quant, fold, model_inner(error)) ||
            calibrate_find_loss(c, NULL, of_fold(c, fold), &loss, error) || round_again(c, model_inner(error)))
            return -1;
        decibels -= 20 * log10(loss);
    }
    *tried = (struct model_tried){.range = range, .snr = decibels / QUANT_FOLDS};
    return 0;
}

static int try_all(struct model_calibration *c, struct model_error *error)
{
    size_t best = 0;
    for (size_t i = 0; i < CALIBRATE_TRIED; i++) {
        calibrate_tell(c, "choosing ranges", i, CALIBRATE_TRIED);
        if (try_way(c, ways[i], &c->tried[i], error))
            return -1;
        if (c->tried[i].snr > c->tried[best].snr + TIE)
            best = i;
    }
    calibrate_tell(c, "choosing ranges", 1, 1);
    c->tried[best].is_chosen = true;
    c->quant.settings.method = quant_range_find(ways[best]);
    return 0;
}

int calibrate_choose_ranges(struct model_calibration *c, struct model_error *error)
{
    if (!c->options.range && c->seen >= ENOUGH && try_all(c, error))
        return -1;
    return quant_choose_ranges(&c->quant, QUANT_FOLDS, model_inner(error));
}
