/* nnconvert: a model of any known format in, one of any known format out. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../common/files.h"
#include "../common/inputs.h"
#include "../common/program.h"
#include "../common/record.h"
#include "model.h"

enum { OPTION_WEIGHTS = OPTION_FIRST, OPTION_WEIGHTS_FROM, OPTION_INPUTS, OPTION_OUTPUTS, OPTION_LIST };

static const struct option_row options[] = {
    OPTION_ROW_FORMAT,
    OPTION_ROWS_OUTPUT,
    OPTION_ROW_SHAPE,
    {'p', "recipe", "RECIPE", "the preprocessing of photos: resize=256,crop=224,rgb,mean=127,std=128"},
    {'l', "labels", "FILE", "the names of the classes, one a line"},
    {'T', "task", "TASK", "the task: classify, detect=yolov8, ...; --list names them"},
    {OPTION_FRAME, "frame", "LENGTH[:HOP]", "samples in a frame of sound, and from one frame to the next"},
    {OPTION_WEIGHTS, "weights", "TYPE", "store weights as f32, f16 or bf16"},
    {OPTION_WEIGHTS_FROM, "weights-from", "FILE", "put the weights of FILE into the model, by name, else by order"},
    {OPTION_INPUTS, "inputs", "NAME=NEW,...", "make these values the inputs; =NEW, if given, renames one"},
    {OPTION_OUTPUTS, "outputs", "NAME=NEW,...", "make these values the outputs; likewise"},
    {OPTION_LIST, "list", NULL, "list formats, their options, and tasks"},
    OPTION_ROW_JSON,
    OPTION_ROWS_COMMON,
};

static const struct program program = {
    .name = PROGPREFIX "convert",
    .what = "Reads a model of any known format and writes it in another, by default as .nn.",
    .operands = "[MODEL]",
    .options = options,
    .example = PROGPREFIX "convert -p resize=256,crop=224,rgb,mean=127,std=128 -T classify -o net.nn net.onnx",
};

struct request {
    const char *from, *weights, *weights_from, *input_names, *output_names;
    struct properties properties;
    struct inputs inputs;
    bool list;
    struct output out;
};

static void list_row(const char *kind, const char *name, const char *use, const char *suffixes, const char *what)
{
    record_begin();
    record_text("kind", kind);
    record_text("name", name);
    record_text("use", use);
    record_text("suffixes", suffixes);
    record_text("what", what);
    record_end();
}

static int list(void)
{
    struct model_format f;
    struct model_row task, option;
    record_table();
    for (size_t i = 0; model_format_at(i, &f); i++) {
        list_row("format", f.name, f.reads && f.writes ? "read,write" : f.reads ? "read" : "write", f.suffixes, f.what);
        for (size_t o = 0; model_format_option_at(i, o, &option); o++)
            list_row("option", option.name, f.name, "", option.what);
    }
    for (size_t i = 0; model_task_at(i, &task); i++)
        list_row("task", task.name, "", "", task.what);
    record_table_end();
    return 0;
}

static void take_option(struct request *r, int key, const char *value)
{
    if (properties_option(&r->properties, key, value) || inputs_option(&r->inputs, key, value))
        return;
    switch (key) {
    case 'f':
        r->from = value;
        break;
    case OPTION_WEIGHTS:
        r->weights = value;
        break;
    case OPTION_WEIGHTS_FROM:
        r->weights_from = value;
        break;
    case OPTION_INPUTS:
        r->input_names = value;
        break;
    case OPTION_OUTPUTS:
        r->output_names = value;
        break;
    case OPTION_LIST:
        r->list = true;
        break;
    default:
        output_option(&r->out, key, value);
    }
}

static int say_misfit(const struct model_misfit *f, const char *from, const char *path)
{
    char dims[200] = "";
    size_t n = 0;
    for (int i = 0; i < f->rank && n < sizeof dims - 24; i++)
        n += (size_t)snprintf(dims + n, sizeof dims - n, "%s%lld", i ? "x" : " ", (long long)f->dims[i]);
    return say_failed("%s: '%.300s' %s%s: %s", f->given ? from : path_name(path), f->name, f->dtype, dims, f->why);
}

/* All that does not fit is told, and then nothing is written. */
static int take_weights(struct model *m, const char *from, const char *path)
{
    struct model_error err;
    size_t count = 0;
    struct model *weights = from ? weights_read(from) : NULL;
    if (!weights)
        return from != NULL;
    struct model_misfit *misfits = model_take_weights(m, weights, &count, &err);
    int status = misfits ? 0 : say_failed("%s: %s", from, err.text);
    for (size_t i = 0; misfits && i < count; i++)
        status = say_misfit(&misfits[i], from, path);
    free(misfits);
    model_free(weights);
    return status;
}

static int change(const struct request *r, struct model *m, const char *path)
{
    struct model_error err;
    if (take_weights(m, r->weights_from, path))
        return 1;
    int dropped = r->input_names || r->output_names ? model_cut(m, r->input_names, r->output_names, &err) : 0;
    if (dropped < 0)
        return say_failed("%s: %s", path_name(path), err.text);
    if (dropped)
        say_note("%s: recipe, task or labels are of other inputs and outputs, and left out; -p, -T, -l give others",
                 path_name(path));
    if (inputs_apply(&r->inputs, m, path, NULL))
        return 1;
    if (model_infer(m, &err) < 0)
        return say_failed("%s: %s", path_name(path), err.text);
    if (properties_set(&r->properties, m))
        return 1;
    if (r->weights && model_quantize(m, r->weights, NULL, NULL, &err) < 0)
        return say_failed("%s", err.text);
    return 0;
}

static int convert(const struct request *r, const char *path)
{
    char unknown[600];
    struct model *m = inputs_read(&r->inputs, path, r->from, NULL, 0);
    int status = m ? change(r, m, path) : 1;
    if (status == 0 && model_unknown(m, unknown, sizeof unknown) > 0)
        say_note("%s: operators that are not known, kept as they are: %s", path_name(path), unknown);
    if (status == 0)
        status = output_write(&r->out, m);
    model_free(m);
    return status;
}

/* "int8" needs nnquantize, which says what it costs. */
static void check(const struct request *r)
{
    static const char *const types[] = {"f32", "f16", "bf16"};
    bool known = !r->weights;
    for (size_t i = 0; r->weights && i < sizeof types / sizeof *types; i++)
        known |= strcmp(r->weights, types[i]) == 0;
    if (!known)
        exit_usage("--weights %s: want f32, f16 or bf16", r->weights);
    properties_check(&r->properties);
    format_check(r->from);
    output_check(&r->out);
}

int convert_main(int argc, char **argv)
{
    struct request r = {0};
    const char *value;
    program_start(&program, argc, argv);
    inputs_init(&r.inputs, argc);
    for (int key; (key = program_option(&value)) != -1;)
        take_option(&r, key, value);
    const char *path = only_operand(argc, argv, "-o FILE to write to a file");
    if (!r.list)
        check(&r);
    int status = r.list ? list() : convert(&r, path);
    inputs_release(&r.inputs);
    return program_end(status);
}
