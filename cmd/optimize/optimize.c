/* nnoptimize: rewrites a model so that it does the same with less. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../common/files.h"
#include "../common/inputs.h"
#include "../common/program.h"
#include "../common/record.h"
#include "model.h"

enum { OPTION_LIST = OPTION_FIRST, OPTION_CHECK, OPTION_RTOL };

#define CHECK_RUNS      3
#define CHECK_TOLERANCE 1e-4

static const struct option_row options[] = {
    {'p', "passes", "PASS,...", "run these alone"},
    {'x', "except", "PASS,...", "do not run these"},
    {OPTION_CHECK, "check", "[=N]", "run original and result on N random inputs (3), and fail when they differ"},
    OPTION_ROWS_INPUTS,
    {OPTION_RTOL, "rtol", "R", "for --check: allow R times the largest value of an output (1e-4)"},
    {OPTION_LIST, "list", NULL, "list the passes"},
    OPTION_ROW_FORMAT,
    OPTION_ROWS_OUTPUT,
    OPTION_ROW_JSON,
    OPTION_ROWS_COMMON,
};

static const struct program program = {
    .name = PROGPREFIX "optimize",
    .what = "Folds constants, fuses layers and removes what does nothing; -v tells how often each pass applied.",
    .operands = "[MODEL]",
    .options = options,
    .example = PROGPREFIX "optimize --check -o small.nn net.onnx",
};

struct request {
    const char *from;
    struct output out;
    bool *chosen; /* one entry a pass */
    int *counts;
    size_t passes;
    long runs; /* of the check; 0: none */
    double rtol;
    struct inputs inputs; /* for it */
    bool list, narrowed;  /* narrowed: by -p */
};

static int list(void)
{
    struct model_pass p;
    record_table();
    for (size_t i = 0; model_pass_at(i, &p); i++) {
        record_begin();
        record_text("name", p.name);
        record_text("default", p.safe ? "yes" : "no");
        record_text("what", p.what);
        record_end();
    }
    record_table_end();
    return 0;
}

/* The pass that [name, name + n) names; exits when there is none. */
static size_t find_pass(const char *name, size_t n)
{
    struct model_pass p;
    for (size_t i = 0; model_pass_at(i, &p); i++)
        if (strlen(p.name) == n && memcmp(p.name, name, n) == 0)
            return i;
    exit_usage("pass '%.*s' is not known; %s --list names them", (int)n, name, program_name);
}

/* Sets the passes of a list of names to `value`. */
static void choose(struct request *r, const char *names, bool value)
{
    while (*names) {
        size_t n = strcspn(names, ",");
        r->chosen[find_pass(names, n)] = value;
        names += n + (names[n] == ',');
    }
}

static void choose_safe(struct request *r)
{
    struct model_pass p;
    while (model_pass_at(r->passes, &p))
        r->passes++;
    r->chosen = get_memory(r->passes, sizeof *r->chosen);
    r->counts = get_memory(r->passes, sizeof *r->counts);
    for (size_t i = 0; model_pass_at(i, &p); i++)
        r->chosen[i] = p.safe;
}

static void tell_counts(const struct request *r)
{
    struct model_pass p;
    for (size_t i = 0; model_pass_at(i, &p); i++)
        if (r->chosen[i])
            fprintf(stderr, "%s\t%d\n", p.name, r->counts[i]);
}

static int check_on(const struct request *r, const struct model *m, const struct model *original,
                    struct model_tensor *const *in, const char *path)
{
    struct model_agreement a;
    struct model_error err;
    struct model_port port = {.name = ""};
    if (model_compare(m, original, (int)r->runs, r->rtol, in, &a, &err) < 0)
        return say_failed("%s: check: %s", path_name(path), err.text);
    if (a.agrees) {
        say_note("%s: check: %d runs agree, to %.2g of the largest value", path_name(path), a.runs, a.worst);
        return 0;
    }
    model_output(original, a.output, &port);
    return say_failed("%s: check: output '%s' differs in run %d by %.2g of its largest value, more than %g",
                      path_name(path), port.name, a.runs, a.worst, r->rtol);
}

static int check(const struct request *r, const struct model *m, const struct model *original, const char *path)
{
    struct model_error err;
    const struct inputs shapes = {.shapes = r->inputs.shapes, .shape_count = r->inputs.shape_count};
    struct model *copy = model_copy(original, &err), *result = copy ? model_copy(m, &err) : NULL;
    size_t n = model_input_count(original);
    struct model_tensor **in = get_memory(n, sizeof *in);
    int status = !result ? say_failed("%s", err.text) : inputs_apply(&r->inputs, copy, path_name(path), in);
    status = status ? status : inputs_apply(&shapes, result, path_name(path), NULL);
    status = status ? status : inputs_bind_rest(copy, path_name(path));
    if (status == 0)
        status = check_on(r, result, copy, in, path);
    for (size_t i = 0; i < n; i++)
        model_tensor_free(in[i]);
    free(in);
    model_free(copy);
    model_free(result);
    return status;
}

static int optimize(const struct request *r, struct model *m, const char *path)
{
    struct model_error err;
    struct model *original = r->runs ? model_copy(m, &err) : NULL;
    int status = 0;
    if ((r->runs && !original) || model_optimize(m, r->chosen, r->counts, &err) < 0)
        status = say_failed("%s: %s", path_name(path), err.text);
    if (status == 0 && program_loudness > 0)
        tell_counts(r);
    if (status == 0 && r->runs)
        status = check(r, m, original, path);
    model_free(original);
    return status ? status : output_write(&r->out, m);
}

static void take_option(struct request *r, int key, const char *value)
{
    if (inputs_option(&r->inputs, key, value))
        return;
    switch (key) {
    case 'p':
        if (!r->narrowed)
            memset(r->chosen, 0, r->passes * sizeof *r->chosen);
        r->narrowed = true;
        choose(r, value, true);
        break;
    case 'x':
        choose(r, value, false);
        break;
    case OPTION_CHECK:
        r->runs = value ? program_number("--check", value, 1, 1000000) : CHECK_RUNS;
        break;
    case OPTION_RTOL:
        r->rtol = program_real("--rtol", value, true);
        break;
    case OPTION_LIST:
        r->list = true;
        break;
    case 'f':
        r->from = value;
        break;
    default:
        output_option(&r->out, key, value);
    }
}

static int run(const struct request *r, const char *path)
{
    output_check(&r->out);
    if (!r->runs && r->inputs.shape_count + r->inputs.tensor_count > 0)
        return say_usage("-s and -i are for --check alone: %sconvert -s sets open sizes", PROGPREFIX);
    struct model *m = inputs_read(&r->inputs, path, r->from, NULL, 0);
    int status = m ? optimize(r, m, path) : 1;
    model_free(m);
    return status;
}

int optimize_main(int argc, char **argv)
{
    struct request r = {.rtol = CHECK_TOLERANCE};
    const char *value;
    program_start(&program, argc, argv);
    choose_safe(&r);
    inputs_init(&r.inputs, argc);
    for (int key; (key = program_option(&value)) != -1;)
        take_option(&r, key, value);
    const char *path = only_operand(argc, argv, "-o FILE to write to a file");
    int status = r.list ? list() : run(&r, path);
    free(r.chosen);
    free(r.counts);
    inputs_release(&r.inputs);
    return program_end(status);
}
