/* A network of 8-bit integers, by data. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../common/program.h"
#include "../common/record.h"
#include "data.h"
#include "quantize.h"

#define POOR   15  /* dB */
#define GOOD   30  /* dB, at which another class is first only where two are alike */
#define OTHERS 0.2 /* of the samples with another class first are poor */

static void tell_progress(void *arg, const char *what, size_t done, size_t total)
{
    (void)arg;
    say_progress(what, done, total);
}

static int add_sample(void *arg, struct model_tensor *const *in, const char *name)
{
    struct model_error err;
    return model_calibration_add(arg, in, &err) < 0 ? say_failed("%s: %s", name, err.text) : 0;
}

/* Files that cannot be used are told; those that can be do. *samples: how many there were. */
static int add_data(const struct request *r, struct model_calibration *c, const struct model *original, size_t *samples)
{
    struct model_error err;
    struct model_session_options o = {.threads = r->calibration.threads};
    struct model_session *s = model_session_new(original, &o, &err);
    struct walk w = {.what = "calibrating", .m = original, .s = s, .use = add_sample, .arg = c};
    int status = s ? 0 : say_failed("%s", err.text);
    w.in = get_memory(model_input_count(original), sizeof *w.in);
    for (size_t i = 0; s && i < r->data_count; i++)
        status |= data_walk(&w, r->data[i]);
    if (status == 0 && w.done == 0)
        status = say_failed("%s: no photo or array in it, folders in it aside", r->data[0]);
    *samples = w.done;
    free(w.in);
    model_session_free(s);
    return status;
}

/* ---- the report ---- */

static void write_row(const struct model_calibrated *row)
{
    record_begin();
    record_text("name", row->name);
    record_text("operator", row->op);
    record_text("type", *row->type ? row->type : "float");
    record_number("snr", "%.2f", row->snr);
    record_number("low", "%.6g", row->low);
    record_number("high", "%.6g", row->high);
    record_number("clipped", "%.3g", row->clipped);
    record_integer("before", (int64_t)row->before);
    record_integer("after", (int64_t)row->after);
    record_number("ms before", "%.4f", row->seconds_before * 1e3);
    record_number("ms after", "%.4f", row->seconds_after * 1e3);
    record_end();
}

/* What the user can do about it: half the error. */
static void tell_output(const struct model_calibrated *row)
{
    char others[64] = "", advice[96] = "";
    if (row->moved > 0)
        snprintf(others, sizeof others, ", another class first in %.0f %% of the samples", row->moved * 100);
    if (row->snr < POOR || (row->moved >= OTHERS && row->snr < GOOD))
        snprintf(advice, sizeof advice, ", which is poor: --max-loss %.2g leaves layers in float32",
                 fmin(50, 50 * pow(10, -row->snr / 20)));
    say_note("output '%s': signal-to-noise ratio %.1f dB%s%s", row->name, row->snr, others, advice);
}

static void tell_rows(const char *path, const struct model_calibrated *rows, size_t n, size_t samples)
{
    size_t layers = 0, floats = 0;
    double before = 0, after = 0;
    for (size_t i = 0; i < n; i++) {
        bool output = strcmp(rows[i].op, "output") == 0;
        layers += !output;
        floats += !*rows[i].type;
        before += (double)rows[i].before;
        after += (double)rows[i].after;
    }
    say_note("%s: %zu layer%s by %zu sample%s, %zu of them left in float32; weights %.0f bytes, before %.0f",
             path_name(path), layers, layers == 1 ? "" : "s", samples, samples == 1 ? "" : "s", floats, after, before);
    for (size_t i = 0; i < n; i++)
        if (strcmp(rows[i].op, "output") == 0)
            tell_output(&rows[i]);
}

static void tell_tried(const char *path, const struct model_calibration *c)
{
    struct model_tried t;
    for (size_t i = 0; model_calibration_tried_at(c, i, &t); i++)
        say_note("%s: ranges by '%s': %.1f dB on samples held back%s", path_name(path), t.range, t.snr,
                 t.is_chosen ? ", chosen" : "");
}

static int report(const struct request *r, const char *path, struct model_calibration *c, size_t samples)
{
    struct model_error err;
    size_t n;
    struct model_calibrated *rows = model_calibration_report(c, r->report, &n, &err);
    int status = rows ? 0 : say_failed("%s: %s", path_name(path), err.text);
    if (rows && r->report) {
        status = report_open(r);
        for (size_t i = 0; status == 0 && i < n; i++)
            write_row(&rows[i]);
        status = status ? status : report_close(r);
    }
    tell_tried(path, c);
    if (rows)
        tell_rows(path, rows, n, samples);
    free(rows);
    return status;
}

/* ---- all of it ---- */

static int finish(const struct request *r, const char *path, struct model_calibration *c, size_t samples)
{
    struct model_error err;
    struct model *result = model_calibration_finish(c, &err);
    int status = result ? 0 : say_failed("%s: %s", path_name(path), err.text);
    if (result && (r->report || program_loudness >= 0))
        status = report(r, path, c, samples);
    if (result)
        status |= output_write(&r->out, result);
    model_free(result);
    return status;
}

int quantize_all(const struct request *r, const char *path, const struct model *original)
{
    struct model_error err;
    struct model_calibration_options o = r->calibration;
    size_t samples;
    o.progress = tell_progress;
    struct model_calibration *c = model_calibration_new(original, &o, &err);
    if (!c)
        return say_failed("%s: %s", path_name(path), err.text);
    int status = add_data(r, c, original, &samples);
    if (samples)
        status |= finish(r, path, c, samples);
    model_calibration_free(c);
    return status;
}
