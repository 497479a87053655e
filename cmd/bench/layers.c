/* Where the time goes, layer by layer. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../common/program.h"
#include "../common/record.h"
#include "bench.h"

#define PROFILE_SECONDS 1.0
#define PROFILE_RUNS    5

/* Runs a few times, and then for a while with the clock on each layer. */
static int profile(struct bench *b, const struct request *r)
{
    for (int i = 0; i < 2; i++)
        if (time_run(b) < 0)
            return 1;
    model_session_reset(b->s);
    double start = now();
    for (long i = 0; r->runs ? i < r->runs : i < PROFILE_RUNS || now() - start < PROFILE_SECONDS; i++)
        if (time_run(b) < 0)
            return 1;
    return 0;
}

static double seconds_of(const struct model_layer *l)
{
    return l->runs ? l->seconds / (double)l->runs : 0;
}

/* "f32 1x64x56x56": one field, or two in JSON. */
static void print_type(const char *text)
{
    char dtype[16];
    size_t n = strcspn(text, " ");
    if (!program_json) {
        record_text("shape", text);
        return;
    }
    snprintf(dtype, sizeof dtype, "%.*s", (int)n, text);
    record_text("dtype", dtype);
    record_shape_text("shape", text[n] ? text + n + 1 : "?");
}

static void print_layer(const struct bench *b, const struct model_layer *l, double total, double peak)
{
    double seconds = seconds_of(l), speed = seconds > 0 ? l->macs / seconds * 1e-9 : 0;
    record_begin();
    record_json_text("model", b->path);
    record_text("name", l->node);
    record_text("op", l->op);
    record_text("kernel", l->kernel);
    print_type(l->shape);
    record_number("ms", "%.4f", seconds * 1e3);
    record_number("percent", "%.1f", total > 0 ? 100 * seconds / total : 0);
    record_number("gmacs", "%.2f", speed);
    record_number("peak_percent", "%.1f", peak > 0 ? 100 * speed / peak : 0);
    record_end();
}

int print_layers(struct bench *b, const struct request *r)
{
    struct model_error err;
    size_t count;
    double total = 0, peak = model_peak(&err);
    if (peak == 0)
        return say_failed("%s", err.text);
    if (profile(b, r))
        return 1;
    struct model_layer *layers = model_session_layers(b->s, &count, &err);
    if (!layers)
        return say_failed("%s: %s", b->path, err.text);
    peak *= r->session.threads ? r->session.threads : model_processors();
    for (size_t i = 0; i < count; i++)
        total += seconds_of(&layers[i]);
    record_table();
    for (size_t i = 0; i < count; i++)
        print_layer(b, &layers[i], total, peak);
    record_table_end();
    free(layers);
    return 0;
}
