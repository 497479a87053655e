/* The public API: static quantisation by data. */
#include "model_calibrate.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "op/op.h"

#define CHANNEL_SAMPLES 8 /* are enough to equalise by */

bool model_range_at(size_t index, struct model_row *range)
{
    size_t count;
    const struct quant_range_method *table = quant_range_methods(&count);
    if (index < count)
        *range = (struct model_row){.name = table[index].name, .what = table[index].what};
    return index < count;
}

/* ---- making ---- */

static int unknown_range(const char *name, struct error *err)
{
    struct text known;
    size_t count;
    const struct quant_range_method *table = quant_range_methods(&count);
    text_init(&known);
    for (size_t i = 0; i < count; i++)
        text_printf(&known, "%s%s", i == 0 ? "" : i + 1 == count ? " or " : ", ", table[i].name);
    error_set(err, "'%s' is no way to choose ranges: want %s", name, known.failed ? "another" : known.data);
    text_release(&known);
    return -1;
}

static int read_settings(const struct model_calibration_options *o, struct quant_settings *s, struct error *err)
{
    const char *type = o->activations ? o->activations : "u8";
    bool is_signed = strcmp(type, "s8") == 0;
    *s =
        (struct quant_settings){.dtype = is_signed ? DTYPE_I8 : DTYPE_U8, .keep = o->keep, .keep_count = o->keep_count};
    if (!is_signed && strcmp(type, "u8") != 0)
        return error_set(err, "type '%s' of activations: want u8 or s8", type);
    s->method = o->range ? quant_range_find(o->range) : quant_range_methods(&(size_t){0});
    return s->method ? 0 : unknown_range(o->range, err);
}

struct model_session *calibrate_session(const struct model_calibration *c, struct graph *g, bool profile,
                                        struct model_error *error)
{
    /* what a sample needed when it was added says what it may need later */
    struct model_session_options o = {
        .threads = c->options.threads, .profile = profile, .roomy = c->seen > 0, .frugal = true};
    struct model *m = g ? model_of_graph(g, model_inner(error)) : NULL;
    struct model_session *s = m ? model_session_new(m, &o, error) : NULL;
    model_free(m);
    return s;
}

/* From now on samples go through this graph, which is freed. */
static int watch(struct model_calibration *c, struct graph *g, struct model_error *err)
{
    model_session_free(c->watch);
    c->watched = g ? g->output_count : 0;
    c->watch = calibrate_session(c, g, false, err);
    return c->watch ? 0 : -1;
}

static int watch_ranges(struct model_calibration *c, struct model_error *error)
{
    struct error *err = model_inner(error);
    if (quant_calibration_begin(&c->quant, err))
        return -1;
    if (c->quant.places.layer_count == 0)
        return error_set(err, "there is nothing to quantise: want convolutions, or products by constants, in float32");
    c->floats = mem_calloc(c->quant.places.layer_count, sizeof *c->floats, err);
    c->by_channels = false;
    if (c->floats)
        memcpy(c->floats, c->quant.kept, c->quant.places.layer_count * sizeof *c->floats);
    return c->floats ? watch(c, quant_watch_ranges(&c->quant, err), error) : -1;
}

static int start(struct model_calibration *c, const struct model *m, const struct model_calibration_options *o,
                 struct model_error *error)
{
    struct error *err = model_inner(error);
    struct quant_settings settings;
    c->options = *o;
    c->inputs = m->graph->input_count;
    c->stride = 1;
    if (read_settings(o, &settings, err) || quant_calibration_init(&c->quant, m->graph, &settings, err))
        return -1;
    c->room = o->effort > 0 ? CALIBRATE_KEPT_TO_JUDGE : CALIBRATE_KEPT;
    c->kept = mem_calloc(c->room * c->inputs, sizeof *c->kept, err);
    c->by_channels = c->quant.channelled_count > 0;
    if (!c->kept)
        return -1;
    return c->by_channels
               ? watch(c, quant_watch_channels(c->quant.g, c->quant.channelled, c->quant.channelled_count, err), error)
               : watch_ranges(c, error);
}

struct model_calibration *model_calibration_new(const struct model *m, const struct model_calibration_options *options,
                                                struct model_error *error)
{
    struct model_calibration *c = mem_calloc(1, sizeof *c, model_inner(error));
    if (c && start(c, m, options, error) == 0)
        return c;
    model_calibration_free(c);
    return NULL;
}

void model_calibration_free(struct model_calibration *c)
{
    if (!c)
        return;
    for (size_t i = 0; c->kept && i < c->room * c->inputs; i++)
        model_tensor_free(c->kept[i]);
    free(c->kept);
    free(c->floats);
    model_session_free(c->watch);
    quant_calibration_release(&c->quant);
    free(c);
}

/* ---- data ---- */

void calibrate_free_tensors(struct model_tensor **t, size_t n)
{
    for (size_t i = 0; t && i < n; i++)
        model_tensor_free(t[i]);
    free(t);
}

/* When there is no more room every second is dropped, and half as many are kept from then on. */
static void keep(struct model_calibration *c, struct model_tensor *const *in)
{
    if (c->seen++ % c->stride)
        return;
    if (c->kept_count == c->room) {
        for (size_t i = 0; i < c->room; i++)
            for (size_t j = 0; j < c->inputs; j++) {
                struct model_tensor **t = &c->kept[i * c->inputs + j];
                if (i % 2)
                    model_tensor_free(*t);
                else
                    c->kept[i / 2 * c->inputs + j] = *t;
                if (i > 0)
                    *t = NULL;
            }
        c->kept_count /= 2;
        c->stride *= 2;
        if ((c->seen - 1) % c->stride)
            return;
    }
    for (size_t j = 0; j < c->inputs; j++)
        c->kept[c->kept_count * c->inputs + j] = in[j] ? model_tensor_ref(in[j]) : NULL;
    c->kept_count++;
}

/* A sample, the index-th, through what is watched. */
static int look(struct model_calibration *c, struct model_tensor *const *in, size_t index, struct model_error *error)
{
    struct model_tensor **out = mem_calloc(c->watched, sizeof *out, model_inner(error));
    int status = out ? model_session_run(c->watch, in, out, error) : -1;
    if (status == 0 && c->by_channels)
        quant_take_channels(c->quant.channelled, c->quant.channelled_count, (struct tensor *const *)out);
    else if (status == 0)
        status = quant_take_ranges(&c->quant, (struct tensor *const *)out, index % QUANT_FOLDS, model_inner(error));
    calibrate_free_tensors(out, c->watched);
    return status;
}

/* Ends the look at channels: the samples so far, which were all kept, go through once more. */
static int end_channels(struct model_calibration *c, struct model_error *error)
{
    if (watch_ranges(c, error))
        return -1;
    for (size_t i = 0; i < c->kept_count; i++)
        if (look(c, c->kept + i * c->inputs, i, error))
            return -1;
    return 0;
}

int model_calibration_add(struct model_calibration *c, struct model_tensor *const *in, struct model_error *error)
{
    if (look(c, in, c->seen, error))
        return -1;
    keep(c, in);
    return c->by_channels && c->seen == CHANNEL_SAMPLES ? end_channels(c, error) : 0;
}

/* ---- biases ---- */

int calibrate_correct(struct model_calibration *c, struct model_error *error)
{
    struct error *err = model_inner(error);
    struct graph *g = quant_watch_shifts(&c->quant, err);
    size_t outputs = g ? g->output_count : 0, apart = calibrate_apart(c);
    double share = 1 / (double)((c->kept_count - 1) / apart + 1);
    struct model_session *s = calibrate_session(c, g, false, error);
    int status = s ? 0 : -1;
    for (size_t k = 0; status == 0 && outputs && k < c->kept_count; k += apart) {
        calibrate_tell(c, "correcting biases", k, c->kept_count);
        struct model_tensor **out = mem_calloc(outputs, sizeof *out, err);
        status = out ? model_session_run(s, c->kept + k * c->inputs, out, error) : -1;
        if (status == 0)
            status = quant_take_shifts(&c->quant, (struct tensor *const *)out, share, err);
        calibrate_free_tensors(out, outputs);
    }
    calibrate_tell(c, "correcting biases", 1, 1);
    model_session_free(s);
    return status;
}

/* ---- the result ---- */

void calibrate_tell(const struct model_calibration *c, const char *what, size_t done, size_t total)
{
    if (c->options.progress)
        c->options.progress(c->options.progress_arg, what, done, total);
}

struct model *model_calibration_finish(struct model_calibration *c, struct model_error *error)
{
    struct error *err = model_inner(error);
    if (c->seen == 0) {
        error_set(err, "no sample was given");
        return NULL;
    }
    if (c->by_channels && end_channels(c, error))
        return NULL;
    model_session_free(c->watch);
    c->watch = NULL;
    if (calibrate_choose_ranges(c, error) || calibrate_correct(c, error) || calibrate_adapt(c, error) ||
        calibrate_limit_loss(c, error))
        return NULL;
    return model_of_graph(quant_quantized(&c->quant, c->floats, err), err);
}
