/* All that the programs do with a model. */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "model.h"

#define MAX_INPUTS         16
#define MAX_INPUT_ELEMENTS ((int64_t)1 << 20) /* so that what is measured is the library's memory, not the test's */

static char fault[2048];

static struct model_error error;

/* A function that failed must have said why, on one line. True when it has. */
static int explained(const char *what)
{
    if (*error.text && !strchr(error.text, '\n') && strlen(error.text) < sizeof error.text)
        return 1;
    snprintf(fault, sizeof fault, "%s failed with the message '%.1000s'", what, error.text);
    return 0;
}

static void run(struct model_session *s, const struct model *m)
{
    struct model_tensor *in[MAX_INPUTS] = {0}, **out = calloc(model_output_count(m) + 1, sizeof *out);
    size_t n = model_input_count(m), made = 0;

    for (; out && made < n && n <= MAX_INPUTS; made++) {
        struct model_port port;
        int64_t count = 1;

        model_input(m, made, &port);
        for (int i = 0; i < port.rank; i++)
            count = port.dims[i] < 0 || (port.dims[i] && count > MAX_INPUT_ELEMENTS / port.dims[i])
                        ? INT64_MAX
                        : count * port.dims[i];
        if (port.rank < 0 || count > MAX_INPUT_ELEMENTS)
            break;
        in[made] = model_tensor_random(m, made, 1, &error);
        if (!in[made] && !port.optional)
            break;
    }
    if (out && made == n) {
        memset(&error, 0, sizeof error);
        if (model_session_run(s, in, out, &error) != 0)
            explained("running");
        else
            for (size_t i = 0; i < model_output_count(m); i++)
                model_tensor_free(out[i]);
    }
    for (size_t i = 0; i < made; i++)
        model_tensor_free(in[i]);
    free(out);
}

static void bind_and_run(const struct model *original)
{
    struct model_session_options options = {.threads = 1};
    struct model *m = model_copy(original, &error);
    struct model_session *s = NULL;

    if (!m) {
        explained("copying");
        return;
    }
    if (model_bind_rest(m, &error) < 0)
        explained("binding sizes");
    else if (!(s = model_session_new(m, &options, &error)))
        explained("making a session");
    else
        run(s, m);
    model_session_free(s);
    model_free(m);
}

static void describe(const struct model *m)
{
    struct model_summary summary;
    struct model_statistic *statistics;
    size_t count;
    char *text;

    if (model_summarize(m, &summary, &error) == 0)
        model_summary_release(&summary);
    else
        explained("summing up");
    text = model_text(m, &error);
    if (!text)
        explained("the text");
    free(text);
    text = model_dot(m, &error);
    if (!text)
        explained("the drawing");
    free(text);
    statistics = model_statistics(m, &count, &error);
    if (!statistics && *error.text)
        explained("the statistics");
    free(statistics);
}

/* What was written as .nn must be readable again; ONNX may be unable to say it. */
static void write_and_read(const struct model *m, const char *scratch)
{
    struct model *back;

    if (model_write(m, scratch, "nn", NULL, &error) != 0) {
        explained("writing .nn");
    } else if (!(back = model_read(scratch, "nn", &error))) {
        snprintf(fault, sizeof fault, "cannot be read back: %.1000s", error.text);
    } else {
        model_free(back);
    }
    if (model_write(m, scratch, "onnx", NULL, &error) != 0)
        explained("writing ONNX");
}

/* Formats that carry less than the model may have: they write it, or say why not. */
static void write_others(const struct model *m, const char *scratch)
{
    static const char *const formats[] = {"ncnn", "tflite", "mnn"};
    char second[100]; /* ncnn's, beside the first */

    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (model_write(m, scratch, formats[i], NULL, &error) != 0)
            explained(formats[i]);
    snprintf(second, sizeof second, "%.*s.bin", (int)(strrchr(scratch, '.') - scratch), scratch);
    unlink(second);
}

static void pair(const struct model *a, const struct model *b)
{
    struct model_pairing *p = model_pairing_new(a, b, &error);
    struct model_finding f;
    size_t n = 0;

    while (p && model_pairing_finding(p, n, &f))
        n++;
    if (!p)
        explained("pairing");
    model_pairing_free(p);
}

static void rewrite(const struct model *original, const char *scratch)
{
    struct model *m = model_copy(original, &error);
    size_t count;

    if (!m)
        return;
    if (model_optimize(m, NULL, NULL, &error) != 0) {
        explained("optimising");
    } else {
        bind_and_run(m);
        pair(original, m);
        if (model_quantize(m, "int8", NULL, &count, &error) != 0)
            explained("quantising");
        write_and_read(m, scratch);
    }
    model_free(m);
}

/* What is no network may be weights. */
static int weights(const char *path)
{
    memset(&error, 0, sizeof error);
    struct model *m = model_read_weights(path, &error);
    if (!m)
        return explained("reading weights");
    describe(m);
    model_free(m);
    return 1;
}

const char *attempt(const char *path, const char *scratch)
{
    struct model *m;

    *fault = '\0';
    memset(&error, 0, sizeof error);
    m = model_read(path, NULL, &error);
    if (!m)
        return explained("reading") && weights(path) ? NULL : fault;
    memset(&error, 0, sizeof error);
    describe(m);
    write_and_read(m, scratch);
    memset(&error, 0, sizeof error);
    if (model_infer(m, &error) != 0)
        explained("inferring");
    else {
        write_others(m, scratch);
        bind_and_run(m);
        rewrite(m, scratch);
    }
    model_free(m);
    return *fault ? fault : NULL;
}
