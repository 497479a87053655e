/* Weights in fewer bits, and what that costs. */
#include <math.h>
#include <stdlib.h>

#include "../common/program.h"
#include "../common/record.h"
#include "data.h"
#include "quantize.h"

static const char *scheme_of(const struct request *r)
{
    return r->weights ? r->weights : "int8";
}

/* ---- the report on weights ---- */

static void write_rows(const struct request *r, const struct model_quantized *q, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        record_begin();
        record_text("name", q[i].name);
        record_text("type", scheme_of(r));
        record_number("largest", "%.6g", q[i].largest);
        record_number("rms", "%.6g", q[i].rms);
        record_integer("before", (int64_t)q[i].before);
        record_integer("after", (int64_t)q[i].after);
        record_end();
    }
}

static int write_report(const struct request *r, const struct model_quantized *q, size_t n)
{
    if (report_open(r))
        return 1;
    write_rows(r, q, n);
    return report_close(r);
}

static void tell_totals(const struct request *r, const char *path, const struct model_quantized *q, size_t n)
{
    double squares = 0, largest = 0, before = 0, after = 0, elements = 0;
    for (size_t i = 0; i < n; i++) {
        squares += q[i].rms * q[i].rms * (double)q[i].elements;
        elements += (double)q[i].elements;
        largest = q[i].largest > largest ? q[i].largest : largest;
        before += (double)q[i].before;
        after += (double)q[i].after;
    }
    say_note("%s: %zu weights as %s: %.0f bytes, before %.0f; largest error %.4g, rms %.4g", path_name(path), n,
             scheme_of(r), after, before, largest, elements > 0 ? sqrt(squares / elements) : 0);
}

/* ---- measuring on data ---- */

/* What one output comes to over all samples. */
struct measure {
    double largest, reference, squares, elements;
};

struct measuring {
    struct model_session *original, *result;
    const struct model *m;
    struct model_tensor **out[2];
    struct measure *outputs;
    size_t samples; /* that were measured */
};

static void free_outputs(struct measuring *k)
{
    for (size_t i = 0; i < model_output_count(k->m); i++)
        for (int j = 0; j < 2; j++) {
            model_tensor_free(k->out[j][i]);
            k->out[j][i] = NULL;
        }
}

static int add_difference(struct measure *o, const struct model_tensor *a, const struct model_tensor *b,
                          struct model_error *err)
{
    struct model_difference d;
    if (model_tensor_compare(a, b, &d, err) < 0)
        return -1;
    double n = (double)model_tensor_count(a);
    o->largest = d.largest > o->largest ? d.largest : o->largest;
    o->reference = d.reference > o->reference ? d.reference : o->reference;
    o->squares += d.rms * d.rms * n;
    o->elements += n;
    return 0;
}

static int measure_sample(void *arg, struct model_tensor *const *in, const char *name)
{
    struct measuring *k = arg;
    struct model_error err;
    int status = model_session_run(k->original, in, k->out[0], &err);
    if (status == 0)
        status = model_session_run(k->result, in, k->out[1], &err);
    for (size_t i = 0; status == 0 && i < model_output_count(k->m); i++)
        status = add_difference(&k->outputs[i], k->out[1][i], k->out[0][i], &err);
    free_outputs(k);
    return status < 0 ? say_failed("%s: %s", name, err.text) : 0;
}

static void tell_outputs(const struct measuring *k, size_t samples)
{
    struct model_port port;
    for (size_t i = 0; model_output(k->m, i, &port); i++) {
        const struct measure *o = &k->outputs[i];
        say_note("output '%s' over %zu samples: largest difference %.4g, rms %.4g; its largest value %.4g", port.name,
                 samples, o->largest, o->elements > 0 ? sqrt(o->squares / o->elements) : 0, o->reference);
    }
}

static int walk_all(const struct request *r, struct measuring *k)
{
    struct walk w = {.what = "measuring", .m = k->m, .s = k->original, .use = measure_sample, .arg = k};
    int status = 0;
    w.in = get_memory(model_input_count(k->m), sizeof *w.in);
    for (size_t i = 0; i < r->data_count; i++)
        status |= data_walk(&w, r->data[i]);
    free(w.in);
    k->samples = w.done;
    if (status == 0 && w.done == 0)
        status = say_failed("%s: no photo or array in it", r->data[0]);
    if (w.done)
        tell_outputs(k, w.done);
    return status;
}

/* 0, or 1 when something failed; *samples: on how many it did not. */
static int measure(const struct request *r, const struct model *original, const struct model *result, size_t *samples)
{
    struct model_error err;
    struct model_session_options o = {.threads = r->calibration.threads};
    size_t n = model_output_count(original);
    struct measuring k = {.m = original, .original = model_session_new(original, &o, &err)};
    k.result = k.original ? model_session_new(result, &o, &err) : NULL;
    k.out[0] = get_memory(n, sizeof **k.out);
    k.out[1] = get_memory(n, sizeof **k.out);
    k.outputs = get_memory(n, sizeof *k.outputs);
    int status = k.result ? walk_all(r, &k) : say_failed("%s", err.text);
    model_session_free(k.original);
    model_session_free(k.result);
    free(k.out[0]);
    free(k.out[1]);
    free(k.outputs);
    *samples = k.samples;
    return status;
}

/* ---- all of it ---- */

static int store(const struct request *r, const char *path, const struct model *original, struct model *m)
{
    struct model_quantized *report = NULL;
    struct model_error err;
    size_t n = 0;
    if (model_quantize(m, scheme_of(r), &report, &n, &err) < 0)
        return say_failed("%s: %s", path_name(path), err.text);
    tell_totals(r, path, report, n);
    int status = r->report ? write_report(r, report, n) : 0;
    free(report);
    size_t samples = 1;
    bool ready = status == 0;
    if (ready && r->data_count)
        status = measure(r, original, m, &samples); /* data that cannot be read leave the model as good as it is */
    return ready && samples ? status | output_write(&r->out, m) : status;
}

int quantize_weights(const struct request *r, const char *path, const struct model *original)
{
    struct model_error err;
    struct model *m = model_copy(original, &err);
    int status = m ? store(r, path, original, m) : say_failed("%s", err.text);
    model_free(m);
    return status;
}
