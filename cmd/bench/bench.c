/* nnbench: how long a run takes. */
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../common/files.h"
#include "../common/program.h"
#include "../common/record.h"
#include "bench.h"
#include "score.h"

enum { OPTION_LAYERS = OPTION_FIRST, OPTION_SCORE };

static const struct option_row options[] = {
    OPTION_ROW_FORMAT,
    {'j', "threads", "N", "threads; as many as the process may use processors when not given"},
    {'P', "precision", "PRECISION", "f32 (the default), bf16, f16, or fast: the fastest that this CPU has"},
    {'n', "runs", "RUNS", "how often to run; else until the median is known to 1 %, at most 5 seconds"},
    OPTION_ROWS_INPUTS,
    {OPTION_LAYERS, "layers", NULL, "a line a layer: name, op, kernel, shape, ms, %, GMAC/s, % of the CPU's peak"},
    {OPTION_SCORE, "score", "LIST", "top-1 and top-5 accuracy on a list of lines \"path label\" instead"},
    OPTION_ROW_JSON,
    OPTION_ROWS_COMMON,
};

static const struct program program = {
    .name = PROGPREFIX "bench",
    .what = "Prints a line a model: name, min, median, p90 and p99 in ms, GMAC/s, ms to load, peak MiB of memory.\n"
            "With -q: the median in ms alone.",
    .operands = "MODEL ...",
    .options = options,
    .example = PROGPREFIX "bench -j 1 net.nn",
};

/* ---- memory ---- */

/* The kernel's mark of the most memory used starts again from what is used now. */
static void reset_peak_memory(void)
{
    int fd = open("/proc/self/clear_refs", O_WRONLY);
    if (fd < 0)
        return;
    if (write(fd, "5", 1) < 0)
        say_note("the peak of memory includes earlier models");
    close(fd);
}

/* MiB; 0 when it cannot be told. */
static double peak_memory(void)
{
    char line[128];
    long kib = 0;
    FILE *f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof line, f))
        if (strncmp(line, "VmHWM:", 6) == 0)
            kib = strtol(line + 6, NULL, 10);
    if (f)
        fclose(f);
    return (double)kib / 1024;
}

/* ---- one model ---- */

/* Multiply-adds of the layers that run. */
static double macs_of(const struct bench *b)
{
    struct model_error err;
    size_t count;
    struct model_layer *layers = model_session_layers(b->s, &count, &err);
    double macs = 0;
    for (size_t i = 0; layers && i < count; i++)
        macs += layers[i].macs;
    free(layers);
    return macs;
}

static void print_result(const struct bench *b, const struct times *t)
{
    double median = quantile(t, 0.5);
    if (program_loudness < 0 && !program_json) {
        printf("%.6f\n", median * 1e3);
        return;
    }
    record_begin();
    record_text("name", b->path);
    record_number("min_ms", "%.4f", quantile(t, 0) * 1e3);
    record_number("median_ms", "%.4f", median * 1e3);
    record_number("p90_ms", "%.4f", quantile(t, 0.9) * 1e3);
    record_number("p99_ms", "%.4f", quantile(t, 0.99) * 1e3);
    record_number("gmacs", "%.2f", macs_of(b) / median * 1e-9);
    record_number("load_ms", "%.2f", (b->load > median ? b->load - median : 0) * 1e3);
    record_number("peak_mib", "%.1f", peak_memory());
    record_end();
    record_flush();
}

static int bench_ready(struct bench *b, const struct request *r)
{
    struct times t = {0};
    if (r->layers)
        return print_layers(b, r);
    int status = measure(b, r, &t);
    if (status == 0)
        print_result(b, &t);
    free(t.seconds);
    return status;
}

/* Makes the session and its plan. */
static int load(struct bench *b, const struct request *r, double read_seconds)
{
    struct model_error err;
    struct model_session_options o = r->session;
    double start = now();
    o.profile = r->layers;
    b->s = model_session_new(b->m, &o, &err);
    if (!b->s)
        return say_failed("%s: %s", b->path, err.text);
    model_drop_weights(b->m);
    if (time_run(b) < 0)
        return 1;
    b->load = read_seconds + now() - start;
    return 0;
}

static int bench_one(const char *path, const struct request *r)
{
    struct bench b = {.path = path_name(path)};
    reset_peak_memory();
    double start = now();
    b.m = inputs_read(&r->inputs, path, r->from, NULL, 0);
    double read_seconds = now() - start;
    if (!b.m)
        return 1;
    b.input_count = model_input_count(b.m);
    b.output_count = model_output_count(b.m);
    b.in = get_memory(b.input_count, sizeof *b.in);
    b.out = get_memory(b.output_count, sizeof *b.out);
    int status = prepare_inputs(&b, r);
    if (status == 0)
        status = load(&b, r, read_seconds);
    if (status == 0)
        status = bench_ready(&b, r);
    for (size_t i = 0; i < b.input_count; i++)
        model_tensor_free(b.in[i]);
    free(b.in);
    free(b.out);
    model_session_free(b.s);
    model_free(b.m);
    return status;
}

static void take_option(struct request *r, int key, const char *value)
{
    if (session_option(&r->session, key, value) || inputs_option(&r->inputs, key, value))
        return;
    switch (key) {
    case 'f':
        format_check(value);
        r->from = value;
        break;
    case 'n':
        r->runs = program_number("-n", value, 1, 1000000);
        break;
    case OPTION_LAYERS:
        r->layers = true;
        break;
    case OPTION_SCORE:
        r->score = value;
        break;
    }
}

static int score_all(const struct request *r, char **paths, size_t count)
{
    size_t n;
    struct example *examples = examples_read(r->score, &n);
    int status = examples ? 0 : 1;
    if (program_loudness >= 0)
        record_table();
    for (size_t i = 0; examples && i < count; i++)
        status |= score_model(paths[i], r, examples, n);
    record_table_end();
    return status;
}

static int bench_all(const struct request *r, char **paths, size_t count)
{
    int status = 0;
    if (r->score)
        return score_all(r, paths, count);
    if (!r->layers && program_loudness >= 0)
        record_table();
    for (size_t i = 0; i < count; i++)
        status |= bench_one(paths[i], r);
    record_table_end();
    return status;
}

int bench_main(int argc, char **argv)
{
    struct request r = {0};
    const char *value;
    program_start(&program, argc, argv);
    inputs_init(&r.inputs, argc);
    for (int key; (key = program_option(&value)) != -1;)
        take_option(&r, key, value);
    if (optind == argc)
        exit_usage("no model; %s -h tells how it is used", program.name);
    session_tell(&r.session);
    int status = bench_all(&r, argv + optind, (size_t)(argc - optind));
    inputs_release(&r.inputs);
    return program_end(status);
}
