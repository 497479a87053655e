/* nninspect: what is in a model. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../common/files.h"
#include "../common/inputs.h"
#include "../common/program.h"
#include "../common/record.h"
#include "inspect.h"

enum { OPTION_SUMMARY = OPTION_FIRST, OPTION_WEIGHTS, OPTION_DOT, OPTION_SVG };

static const struct option_row options[] = {
    {OPTION_SUMMARY, "summary", NULL, "inputs, outputs, recipe, operators by count, parameters, MACs, activations"},
    {OPTION_WEIGHTS, "weights", NULL, "a line a constant: name, type, shape, bytes, min, max, mean, std, zeros, inf"},
    {OPTION_DOT, "dot", NULL, "a drawing for Graphviz"},
    {OPTION_SVG, "svg", NULL, "a drawing, for a browser"},
    {'d', "diff", "OTHER", "whether OTHER is the same network, or where they differ; exit 1 when they do"},
    OPTION_ROW_SHAPE,
    OPTION_ROW_FORMAT,
    OPTION_ROW_JSON,
    OPTION_ROWS_COMMON,
};

static const struct program program = {
    .name = PROGPREFIX "inspect",
    .what = "Prints a model's graph as the header of a .nn file: a line a declaration, nodes in the order they run.",
    .operands = "[MODEL]",
    .options = options,
    .example = PROGPREFIX "inspect --summary net.onnx",
};

/* ---- texts ---- */

/* Prints a text and frees it; with -J a record for each line. */
static int print_text(char *text, const char *path, const struct model_error *err)
{
    if (!text)
        return say_failed("%s: %s", path_name(path), err->text);
    if (!program_json) {
        fputs(text, stdout);
    } else {
        char *rest = text;
        for (char *line; (line = strsep(&rest, "\n"));) {
            if (!*line)
                continue;
            record_begin();
            record_text("line", line);
            record_end();
        }
    }
    free(text);
    return 0;
}

/* ---- summary ---- */

static void print_fact(const char *what, const char *name, const char *text)
{
    record_begin();
    record_text("what", what);
    record_text("name", name);
    record_text("value", text);
    record_end();
}

static void print_count(const char *what, const char *name, double value)
{
    record_begin();
    record_text("what", what);
    record_text("name", name);
    record_number("value", "%.0f", value);
    record_end();
}

static void print_ports(const struct model *m)
{
    struct model_port port;
    for (size_t i = 0; model_input(m, i, &port); i++)
        print_port("input", &port);
    for (size_t i = 0; model_output(m, i, &port); i++)
        print_port("output", &port);
}

static void print_property(const char *what, const struct model *m, const char *key)
{
    const char *value = model_property(m, key);
    if (value)
        print_fact(what, key, value);
}

/* The labels themselves would fill the page. */
static void print_labels(const struct model *m)
{
    const char *labels = model_property(m, "labels");
    double count = labels && *labels;
    for (; labels && *labels; labels++)
        count += *labels == '\n' && labels[1];
    if (count > 0)
        print_count("property", "labels", count);
}

static void print_open(const char *what, size_t open)
{
    if (open)
        print_count("open", what, (double)open);
}

/* First the network, then what depends on how this file stores it. */
static int summarize(const struct model *m, const char *path)
{
    struct model_summary s;
    struct model_error err;
    char unknown[600];
    if (model_summarize(m, &s, &err) < 0)
        return say_failed("%s: %s", path_name(path), err.text);
    record_table();
    print_ports(m);
    print_property("property", m, "recipe");
    print_property("property", m, "task");
    print_labels(m);
    for (size_t i = 0; i < s.op_count; i++)
        print_count("op", s.ops[i].name, (double)s.ops[i].count);
    if (model_unknown(m, unknown, sizeof unknown) > 0)
        print_fact("unknown", "ops", unknown);
    print_count("total", "layers", (double)s.layers);
    print_count("total", "parameters", (double)s.parameters);
    print_count("total", "macs", s.macs);
    print_open("macs", s.macs_open);
    print_count("total", "activations", s.activations);
    print_open("activations", s.activations_open);
    print_property("file", m, "producer");
    print_property("file", m, "producer_version");
    print_property("file", m, "opset");
    print_count("file", "nodes", (double)s.nodes);
    print_count("file", "constant bytes", (double)s.constant_bytes);
    record_table_end();
    model_summary_release(&s);
    return 0;
}

/* ---- weights ---- */

static void print_statistic(const struct model_statistic *s)
{
    record_begin();
    record_text("name", s->name);
    record_text("dtype", s->dtype);
    record_shape("shape", s->rank, s->dims);
    record_integer("bytes", (int64_t)s->bytes);
    record_number("min", "%.6g", s->least);
    record_number("max", "%.6g", s->greatest);
    record_number("mean", "%.6g", s->mean);
    record_number("std", "%.6g", s->deviation);
    record_integer("zeros", s->zeros);
    record_integer("inf", s->infinite);
    record_end();
}

static int print_weights(const struct model *m, const char *path)
{
    struct model_error err;
    size_t count;
    struct model_statistic *list = model_statistics(m, &count, &err);
    if (!list)
        return say_failed("%s: %s", path_name(path), err.text);
    record_table();
    for (size_t i = 0; i < count; i++)
        print_statistic(&list[i]);
    record_table_end();
    free(list);
    return 0;
}

/* ---- all of it ---- */

struct request {
    struct inputs inputs; /* -s */
    const char *from, *other;
    int what; /* an option's key; 0: the graph */
};

static int inspect(const struct request *r, const struct model *m, const char *path)
{
    struct model_error err;
    switch (r->what) {
    case OPTION_SUMMARY:
        return summarize(m, path);
    case OPTION_WEIGHTS:
        return print_weights(m, path);
    case OPTION_DOT:
        return print_text(model_dot(m, &err), path, &err);
    case OPTION_SVG:
        return print_text(model_svg(m, &err), path, &err);
    case 'd':
        return print_difference(&r->inputs, m, path, r->other, r->from);
    default:
        return program_json ? print_objects(m, path) : print_text(model_text(m, &err), path, &err);
    }
}

static void take_option(struct request *r, int key, const char *value)
{
    if (key == 'f')
        r->from = value;
    if (key == 'f' || inputs_option(&r->inputs, key, value))
        return;
    if (r->what && r->what != key)
        exit_usage("want one of --summary, --weights, --dot, --svg and -d at a time");
    r->what = key;
    r->other = value;
}

int inspect_main(int argc, char **argv)
{
    struct request r = {0};
    const char *value;
    program_start(&program, argc, argv);
    inputs_init(&r.inputs, argc);
    for (int key; (key = program_option(&value)) != -1;)
        take_option(&r, key, value);
    const char *path = only_operand(argc, argv, "-d OTHER to compare it with another");
    bool weights = r.what == OPTION_WEIGHTS && !r.from;
    struct model *m = weights ? weights_read(path) : inputs_read(&r.inputs, path, r.from, NULL, 0);
    int status = m ? inputs_apply(&r.inputs, m, path_name(path), NULL) : 1;
    status = status ? status : inspect(&r, m, path);
    model_free(m);
    inputs_release(&r.inputs);
    return program_end(status);
}
