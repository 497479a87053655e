/* nnquantize: 8-bit networks by data, or weights in fewer bits, and what that costs. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../common/program.h"
#include "../common/record.h"
#include "quantize.h"

enum { OPTION_LIST = OPTION_FIRST, OPTION_MAX_LOSS };

static const struct option_row options[] = {
    {'c', "data", "DATA", "calibrate with a folder or list of photos, .npy or .npz files; repeatable"},
    {'p', "recipe", "RECIPE", "the preprocessing of photos, instead of the model's"},
    {'m', "range", "METHOD", "how ranges are chosen: mse, percentile (default: the better), minmax or entropy"},
    {'a', "activations", "TYPE", "u8 (the default) or s8"},
    {'k', "keep", "NAME", "leave the layer, or all of the operator, of that name in float32; repeatable"},
    {'e', "effort", "N", "round weights for the least error of layers on N samples, at most 16"},
    {OPTION_MAX_LOSS, "max-loss", "PERCENT", "leave as few layers in float32 as keep the outputs' error below"},
    {'w', "weights", "TYPE", "store weights alone, as int8 (without -c the default), int4, f16 or bf16"},
    {'r', "report", "FILE",
     "write a line for each layer: signal to noise, range, bytes, times; with -w for each weight"},
    {'j', "threads", "N", "threads to use"},
    {OPTION_LIST, "list", NULL, "list the ways to store weights, and to choose ranges"},
    OPTION_ROW_FORMAT,
    OPTION_ROWS_OUTPUT,
    OPTION_ROW_JSON,
    OPTION_ROWS_COMMON,
};

static const struct program program = {
    .name = PROGPREFIX "quantize",
    .what = "Quantises a network to 8-bit integers by calibration, or stores weights alone in 4, 8 or 16 bits.",
    .operands = "[MODEL]",
    .options = options,
    .example = PROGPREFIX "quantize -c photos -o net8.onnx net.onnx",
};

static bool lists;

static void list_rows(const char *kind, bool (*at)(size_t i, struct model_row *row))
{
    struct model_row row;
    for (size_t i = 0; at(i, &row); i++) {
        record_begin();
        record_text("kind", kind);
        record_text("name", row.name);
        record_text("what", row.what);
        record_end();
    }
}

static int list(void)
{
    record_table();
    list_rows("weights", model_scheme_at);
    list_rows("range", model_range_at);
    record_table_end();
    return 0;
}

/* ---- the report ---- */

static FILE *report_file;

int report_open(const struct request *r)
{
    if (strcmp(r->report, "-") == 0) {
        record_table();
        return 0;
    }
    report_file = fopen(r->report, "w");
    if (!report_file)
        return say_failed("%s: %s", r->report, strerror(errno));
    record_to(report_file);
    return 0;
}

int report_close(const struct request *r)
{
    record_table_end();
    record_to(NULL);
    return !report_file || fclose(report_file) == 0 ? 0 : say_failed("%s: %s", r->report, strerror(errno));
}

/* ---- all of it ---- */

static int run(const struct request *r, const char *path)
{
    properties_check(&r->properties);
    output_check(&r->out);
    if (r->report && strcmp(r->report, "-") == 0 && output_is_standard(&r->out))
        exit_usage("-r -: the model goes to standard output: want -o FILE");
    if ((!output_is_standard(&r->out) && place_check(r->out.path)) ||
        (r->report && strcmp(r->report, "-") != 0 && place_check(r->report)))
        return 1;
    struct model *original = input_read(path, r->from);
    int status = original ? properties_set(&r->properties, original) : 1;
    if (status == 0)
        status = r->data_count && !r->weights ? quantize_all(r, path, original) : quantize_weights(r, path, original);
    model_free(original);
    return status;
}

static void take_type(struct request *r, const char *value)
{
    if (strcmp(value, "u8") != 0 && strcmp(value, "s8") != 0)
        exit_usage("-a %s: want u8 or s8", value);
    r->calibration.activations = value;
}

static void take_option(struct request *r, int key, const char *value)
{
    switch (key) {
    case 'w':
        row_check("-w", value, model_scheme_at);
        r->weights = value;
        break;
    case 'c':
        r->data[r->data_count++] = value;
        break;
    case 'm':
        row_check("-m", value, model_range_at);
        r->calibration.range = value;
        break;
    case 'a':
        take_type(r, value);
        break;
    case 'k':
        r->keep[r->calibration.keep_count++] = value;
        break;
    case 'e':
        r->calibration.effort = (int)program_number("-e", value, 0, 16);
        break;
    case OPTION_MAX_LOSS:
        r->calibration.max_loss = program_real("--max-loss", value, false) / 100;
        break;
    case 'r':
        r->report = value;
        break;
    case 'j':
        r->calibration.threads = (int)program_number("-j", value, 1, 1024);
        break;
    case OPTION_LIST:
        lists = true;
        break;
    case 'f':
        r->from = value;
        break;
    default:
        if (!properties_option(&r->properties, key, value))
            output_option(&r->out, key, value);
    }
}

/* What -c alone is for. */
static void check_request(const struct request *r)
{
    const struct model_calibration_options *o = &r->calibration;
    if ((o->range || o->activations || o->keep_count || o->effort || o->max_loss > 0) && (!r->data_count || r->weights))
        exit_usage("-m, -a, -k, -e and --max-loss: want data to calibrate with, -c, and not -w");
}

int quantize_main(int argc, char **argv)
{
    struct request r = {.weights = NULL};
    const char *value;
    program_start(&program, argc, argv);
    r.data = get_memory((size_t)argc, sizeof *r.data);
    r.keep = get_memory((size_t)argc, sizeof *r.keep);
    for (int key; (key = program_option(&value)) != -1;)
        take_option(&r, key, value);
    r.calibration.keep = r.keep;
    const char *path = only_operand(argc, argv, "-o FILE to write to a file");
    check_request(&r);
    int status = lists ? list() : run(&r, path);
    free(r.data);
    free(r.keep);
    return program_end(status);
}
