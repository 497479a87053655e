/* The public API: rounding weights by what layers give on the data. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model_calibrate.h"

#define HELD  4    /* every fifth sample is held back, to judge by */
#define GAIN  0.5  /* dB that the outputs must come nearer by: few samples do not tell less */
#define LEAST 1e-6 /* of an output: losses below count alike */

static bool is_held(size_t sample)
{
    return sample % (HELD + 1) == HELD;
}

/* So many of those kept that as many as the effort says are not held back. */
static size_t samples_of(const struct model_calibration *c)
{
    size_t effort = (size_t)c->options.effort, all = effort + effort / HELD;
    return all < c->kept_count ? all : c->kept_count;
}

/* They are every first, second or third of those kept, so that they are spread over the data. */
static size_t step_of(const struct model_calibration *c)
{
    return c->kept_count / samples_of(c);
}

/* What runs for a layer: the quantised network, and that in float, both up to its operand, and the sums of that. */
enum { QUANTISED, FLOAT, SUMS, SESSIONS };

static int add_rows(struct quant_moments *m, struct model_session *sums, struct tensor *const *rows, bool held,
                    struct model_error *error)
{
    struct model_tensor **out = mem_calloc(QUANT_MOMENTS(m), sizeof *out, model_inner(error));
    int status = out ? model_session_run(sums, (struct model_tensor *const *)rows, out, error) : -1;
    if (status == 0)
        quant_moments_take(m, (struct tensor *const *)out, rows[0]->dims[1], held);
    calibrate_free_tensors(out, QUANT_MOMENTS(m));
    return status;
}

static int add_sample(struct quant_moments *m, struct model_session *const *s, struct model_tensor *const *in,
                      bool held, struct model_error *error)
{
    struct model_tensor *out[2] = {NULL, NULL};
    struct tensor *rows[2] = {NULL, NULL};
    int status = 0;
    for (int i = 0; status == 0 && i < 2; i++)
        status = model_session_run(s[i], in, &out[i], error);
    if (status == 0)
        status = quant_moments_rows(m, model_inner_tensor(out[QUANTISED]), model_inner_tensor(out[FLOAT]), rows,
                                    model_inner(error));
    if (status == 0 && rows[0])
        status = add_rows(m, s[SUMS], rows, held, error);
    for (int i = 0; i < 2; i++) {
        model_tensor_free(out[i]);
        tensor_unref(rows[i]);
    }
    return status;
}

static int add_samples(const struct model_calibration *c, size_t layer, struct quant_moments *m,
                       struct model_error *error)
{
    struct model_session *s[SESSIONS] = {NULL};
    struct error *err = model_inner(error);
    int status = 0;
    for (int i = 0; status == 0 && i < SESSIONS; i++) {
        struct graph *g =
            i == SUMS ? quant_moments_graph(m, err) : quant_watch_operand(&c->quant, layer, i == QUANTISED, err);
        s[i] = calibrate_session(c, g, false, error);
        status = s[i] ? 0 : -1;
    }
    for (size_t k = 0; status == 0 && k < samples_of(c); k++)
        status = add_sample(m, s, c->kept + k * step_of(c) * c->inputs, is_held(k), error);
    for (int i = 0; i < SESSIONS; i++)
        model_session_free(s[i]);
    return status;
}

static int adapt_layer(struct model_calibration *c, size_t layer, struct model_error *error)
{
    struct quant_moments m;
    if (c->quant.kept[layer])
        return 0;
    int status = quant_moments_init(&m, &c->quant.places.layers[layer], model_inner(error));
    if (status == 0 && m.n)
        status = add_samples(c, layer, &m, error);
    if (status == 0)
        status = quant_moments_round(&m, &c->quant.weights[layer], model_inner(error));
    quant_moments_release(&m);
    return status;
}

/* Weights as they were, with their shifts, of which those of layers that are not adapted stay. */
static int begin(struct model_calibration *c, struct error *err)
{
    const struct quant_weights *from = c->quant.weights;
    int status = quant_round_weights(&c->quant, err), axis;
    for (size_t i = 0; status == 0 && i < c->quant.places.layer_count; i++) {
        size_t n = from[i].shift ? (size_t)quant_channels(c->quant.places.layers[i].node, &axis) : 0;
        double *shift = n ? mem_calloc(n, sizeof *shift, err) : NULL;
        if (n && !shift)
            return -1;
        if (n)
            memcpy(shift, from[i].shift, n * sizeof *shift);
        c->quant.weights[i].shift = shift;
    }
    return status;
}

/* Layer after layer, since each makes up for what those before it do. */
static int adapt_all(struct model_calibration *c, struct model_error *error)
{
    size_t count = c->quant.places.layer_count;
    int status = begin(c, model_inner(error));
    for (size_t i = 0; status == 0 && i < count; i++) {
        calibrate_tell(c, "rounding weights", i, count);
        status = adapt_layer(c, i, error);
    }
    calibrate_tell(c, "rounding weights", 1, 1);
    return status;
}

/* Samples to judge the whole by: those that had no part in it, if these are no fewer than those held back; all, where
 * none is held back either. */
static struct calibrate_samples judges(const struct model_calibration *c)
{
    size_t all = samples_of(c), held = c->kept_count / (HELD + 1);
    if (step_of(c) > 1)
        return (struct calibrate_samples){1, SIZE_MAX, step_of(c)};
    if (c->kept_count - all >= held && all < c->kept_count)
        return (struct calibrate_samples){all, SIZE_MAX, 1};
    return held ? (struct calibrate_samples){HELD, SIZE_MAX, HELD + 1} : calibrate_all;
}

/* In dB, of all samples together, in which those that are farthest off weigh most. */
static double gain_of(const struct calibrate_noise *before, const struct calibrate_noise *after)
{
    return 10 * log10(fmax(calibrate_loss(before), LEAST) / fmax(calibrate_loss(after), LEAST));
}

bool calibrate_is_nearer(const struct calibrate_noise *before, const struct calibrate_noise *after, size_t outputs)
{
    double gain = 0, mean = 0;
    for (size_t i = 0; i < outputs; i++) {
        double one = gain_of(&before[i], &after[i]);
        if (one < 0)
            return false;
        gain += one;
        mean += after[i].decibels - before[i].decibels;
    }
    return gain >= GAIN * (double)outputs && mean >= 0;
}

int calibrate_adapt(struct model_calibration *c, struct model_error *error)
{
    size_t outputs = c->quant.g->output_count;
    if (c->options.effort <= 0)
        return 0;
    struct quant_weights *nearest = c->quant.weights;
    struct calibrate_noise *noise = mem_calloc(2 * outputs, sizeof *noise, model_inner(error));
    int status = noise ? calibrate_find_noise(c, NULL, judges(c), noise, error) : -1;
    if (status == 0)
        status = adapt_all(c, error);
    if (status == 0)
        status = calibrate_find_noise(c, NULL, judges(c), noise + outputs, error);
    if (nearest != c->quant.weights) {
        bool nearer = status == 0 && calibrate_is_nearer(noise, noise + outputs, outputs);
        struct quant_weights *unused = nearer ? nearest : c->quant.weights;
        c->quant.weights = nearer ? c->quant.weights : nearest;
        quant_weights_free(&c->quant, unused);
    }
    free(noise);
    return status;
}
