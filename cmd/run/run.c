/* nnrun: photos or tensors in, answers out. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../common/files.h"
#include "../common/program.h"
#include "../common/record.h"
#include "lines.h"
#include "run.h"

enum {
    OPTION_EXPECT = OPTION_FIRST,
    OPTION_COMPARE,
    OPTION_RTOL,
    OPTION_ATOL,
    OPTION_STREAM,
    OPTION_STATE,
    OPTION_CROP,
    OPTION_TURN,
    OPTION_GROUP,
    OPTION_DRAW
};

static const struct option_row options[] = {
    OPTION_ROW_FORMAT,
    {'j', "threads", "N", "threads; as many as the process may use processors when not given"},
    {'P', "precision", "PRECISION", "f32 (the default), bf16, f16, or fast: the fastest that this CPU has"},
    OPTION_ROW_SHAPE,
    {'k', "best", "N", "how many labels (5), boxes or values to print"},
    {'o', "output", "DIR", "write outputs to DIR/out_0.npy, ...; for several runs to DIR/INPUT/out_0.npy, ..."},
    {OPTION_DRAW, "draw", "DIR", "draw the answers on their photos, DIR/INPUT.png"},
    {OPTION_EXPECT, "expect", "DIR", "compare outputs with such files, and exit 1 when one differs"},
    {OPTION_COMPARE, "compare", "OTHER", "run OTHER too, and print the difference layer by layer"},
    {OPTION_RTOL, "rtol", "R", "tolerance of these two: R times the largest expected value (1e-4)"},
    {OPTION_ATOL, "atol", "A", "and A more (0)"},
    {'p', "recipe", "RECIPE", "the preprocessing of photos, instead of the model's"},
    {'T', "task", "TASK", "the task, instead of the model's: classify, detect=yolov8, ..."},
    {'l', "labels", "FILE", "the names of the classes, one a line, instead of the model's"},
    {OPTION_CROP, "crop", "[=HOW]",
     "inputs are records of another network: run on their boxes and polygons"},
    {OPTION_TURN, "turn", "[=SCORE]", "turn each back by the degrees in its last label, if that has such a score"},
    {OPTION_GROUP, "group", "N",
     "pad the inputs for N parts of a photo at a time to the width of the widest"},
    {OPTION_STREAM, "stream", NULL, "runs follow each other in time: carry states over, and keep inputs given by name"},
    {OPTION_STATE, "state", "IN=OUT", "the output OUT is the next value of the input IN; implies --stream"},
    {OPTION_FRAME, "frame", "LENGTH[:HOP]", "samples in a frame of sound, and from one frame to the next"},
    {'0', "null", NULL, "paths on standard input end with NUL, not newline"},
    OPTION_ROW_JSON,
    OPTION_ROWS_COMMON,
};

static const struct program program = {
    .name = PROGPREFIX "run",
    .what =
        "Runs a model on each INPUT, a photo or a .npy or .npz file (NAME=FILE for the input NAME), and prints the\n"
        "answers. The INPUT - reads paths from standard input and answers each as it comes.",
    .operands = "MODEL [INPUT ...]",
    .options = options,
    .example = PROGPREFIX "run -k 3 net.nn cat.png",
};

static void take_option(struct request *r, int key, const char *value)
{
    if (session_option(&r->session, key, value) || inputs_option(&r->inputs, key, value) ||
        properties_option(&r->properties, key, value))
        return;
    switch (key) {
    case 'f':
        r->from = value;
        break;
    case 'k':
        r->best = program_number("-k", value, 1, 1000000000);
        break;
    case 'o':
        r->output = value;
        break;
    case OPTION_EXPECT:
        r->expect = value;
        break;
    case OPTION_COMPARE:
        r->compare = value;
        break;
    case OPTION_RTOL:
        r->rtol = program_real("--rtol", value, true);
        break;
    case OPTION_ATOL:
        r->atol = program_real("--atol", value, true);
        break;
    case '0':
        r->nul = true;
        break;
    case OPTION_DRAW:
        r->draw = value;
        break;
    case OPTION_CROP:
        crop_option(r, value);
        break;
    case OPTION_TURN:
        turn_option(r, value);
        break;
    case OPTION_GROUP:
        r->group = program_number("--group", value, 1, 1000);
        break;
    case OPTION_STREAM:
        r->stream = true;
        break;
    case OPTION_STATE:
        if (!strchr(value, '='))
            exit_usage("--state %s: want IN=OUT", value);
        r->states[r->state_count++] = value;
        break;
    }
}

/* ---- inputs ---- */

/* Paths, or with --crop records. */
static void feed_lines(struct runner *r, int fd, const char *name)
{
    struct lines lines = {.fd = fd, .end = r->request->nul ? 0 : '\n'};
    char where[400], *line;
    size_t n, done = 0;
    while ((line = lines_read(&lines, &n))) {
        snprintf(where, sizeof where, "%.300s: line %zu", name, ++done);
        if (done == 1 && !r->request->crop && model_picture_size(lines.text, lines.size)) {
            lines.begin = 0;
            feed_pictures(r, &lines, "stdin", true);
            break;
        }
        if (done == 1 && lines.end && memchr(lines.text, 0, lines.size)) { /* a photo, or what find -print0 prints */
            r->status = say_failed(
                "%s: is binary: want a line for each input, -0 if NUL ends them, PNM pictures, "
                "or /dev/stdin for one photo",
                name);
            break;
        }
        r->next = r->request->crop ? NULL : lines_next(&lines);
        if (n > LINES_LONGEST)
            r->status = say_failed("%s: %zu bytes: want at most %zu", where, n, LINES_LONGEST);
        else if (*line && r->request->crop)
            (model_property(r->m, "frame") ? feed_vector
             : r->request->group           ? group_record
                                           : feed_record)(r, line, n, where);
        else if (*line)
            feed(r, line);
        say_progress("running", done, 0);
    }
    group_end(r);
    r->next = NULL;
    if (lines.failed)
        r->status = say_failed("%s: %s", name, strerror(lines.failed));
    lines_release(&lines);
}

static void feed_records(struct runner *r, const char *path)
{
    struct model_error err;
    struct stat st;
    bool is_file = stat(path, &st) == 0 && S_ISREG(st.st_mode); /* a pipe is read once */
    struct model_picture *photo = is_file ? model_session_picture(r->s, path, &err) : NULL;
    int fd = photo ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    if (photo)
        r->status =
            say_failed("%s: is a photo: with --crop want records, as another " PROGPREFIX "run prints them", path);
    else if (fd >= 0)
        feed_lines(r, fd, path);
    else
        r->status = say_failed("%s: %s", path, strerror(errno));
    model_picture_free(photo);
    if (fd >= 0)
        close(fd);
}

static void feed_all(struct runner *r, char **inputs, size_t count)
{
    if (count == 0 && r->request->crop)
        feed_lines(r, 0, path_name("-"));
    for (size_t i = 0; i < count; i++) {
        if (strcmp(inputs[i], "-") == 0)
            feed_lines(r, 0, path_name("-"));
        else if (r->request->crop && !strchr(inputs[i], '='))
            feed_records(r, inputs[i]);
        else {
            r->next = i + 1 < count ? inputs[i + 1] : NULL;
            feed(r, inputs[i]);
        }
        say_progress("running", i + 1, count);
    }
    feed_end(r);
}

/* Whether there is to be more than one run, which tells where -o writes. */
static bool is_many(const struct runner *runner, char **inputs, size_t count)
{
    const struct request *r = runner->request;
    size_t needed = r->stream || r->state_count ? 1 : feed_needed(runner->m), plain = 0, archives = 0;
    bool list = false;
    for (size_t i = 0; i < runner->input_count && needed > 1; i++)
        needed -= runner->sizes[i];
    for (size_t i = 0; i < count; i++) {
        list |= strcmp(inputs[i], "-") == 0;
        archives += has_suffix(inputs[i], ".npz");
        plain += !has_suffix(inputs[i], ".npz");
    }
    return r->crop || list || plain > (needed ? needed : 1) || archives + (plain > 0) > 1;
}

/* Inputs that are told of the size of a photo, unless arrays are given that may be for them, by name or in turn. */
static void find_sizes(struct runner *r, char **inputs, size_t count)
{
    const char *path;
    bool arrays = false;
    for (size_t i = 0; i < count; i++)
        arrays |=
            input_named(r->m, inputs[i], &path) < 0 && (has_suffix(inputs[i], ".npy") || has_suffix(inputs[i], ".npz"));
    for (size_t i = 0; i < r->input_count; i++)
        r->sizes[i] = !arrays && model_is_size_input(r->m, i);
    for (size_t i = 0; i < count; i++) {
        ptrdiff_t at = input_named(r->m, inputs[i], &path);
        if (at >= 0)
            r->sizes[at] = false;
    }
}

/* What photos cost, beside the network. */
static void tell_spent(const struct spent *s)
{
    double all = s->preparing + s->running;
    if (program_loudness > 0 && s->photos && s->runs && all > 0)
        say_note("%zu photos or parts decoded and prepared: %.2f ms each, %.0f %% of the time; %zu runs: %.2f ms each",
                 s->photos, 1e3 * s->preparing / (double)s->photos, 100 * s->preparing / all, s->runs,
                 1e3 * s->running / (double)s->runs);
}

static int run_all(struct request *r, struct model *m, const struct model *other, char **inputs, size_t count)
{
    struct model_error err;
    struct runner runner = {.request = r,
                            .m = m,
                            .other = other,
                            .input_count = model_input_count(m),
                            .output_count = model_output_count(m)};
    runner.s = model_session_new(m, &r->session, &err);
    if (!runner.s)
        return say_failed("%s: %s", path_name(r->model), err.text);
    session_tell(&r->session);
    if (!other)
        model_drop_weights(m);
    runner.kept = get_memory(runner.input_count, sizeof *runner.kept);
    runner.state = get_memory(runner.input_count, sizeof *runner.state);
    runner.in = get_memory(runner.input_count, sizeof *runner.in);
    runner.given = get_memory(runner.input_count, sizeof *runner.given);
    runner.out = get_memory(runner.output_count, sizeof *runner.out);
    runner.sizes = get_memory(runner.input_count, sizeof *runner.sizes);
    find_sizes(&runner, inputs, count);
    runner.many = is_many(&runner, inputs, count);
    runner.common = r->crop ? 0 : names_common(inputs, count);
    runner.status = stream_init(&runner);
    if (runner.status == 0 && other && count == 0)
        runner.status = compare_layers(&runner);
    else if (runner.status == 0) {
        record_table();
        feed_all(&runner, inputs, count);
        record_table_end();
    }
    ahead_take(&runner, NULL, NULL, NULL);
    tell_spent(&runner.spent);
    runner.status |= draw_end(&runner);
    names_forget(&runner);
    vectors_free(&runner);
    model_picture_free(runner.picture);
    free(runner.picture_path);
    crop_close_film(&runner);
    free(runner.names);
    model_session_free(runner.s);
    free(runner.in);
    free(runner.given);
    free(runner.kept);
    free(runner.sizes);
    free(runner.state);
    free(runner.out);
    return runner.status;
}

/* A model without a recipe takes the other's, so that both see the same photo. */
static void share_recipe(struct model *m, struct model *other)
{
    const char *recipe = model_property(m, "recipe"), *others = model_property(other, "recipe");
    if (!recipe && others)
        model_set_property(m, "recipe", others, NULL);
}

static int run_with(struct request *r, struct model *m, char **inputs, size_t count)
{
    struct model *other = inputs_read(&r->inputs, r->compare, r->from, inputs, count);
    if (!other)
        return 1;
    share_recipe(m, other);
    int status = run_all(r, m, other, inputs, count);
    model_free(other);
    return status;
}

static int run(struct request *r, char **inputs, size_t count)
{
    struct model *m = inputs_read(&r->inputs, r->model, r->from, inputs, count);
    int status = m ? inputs_apply(&r->inputs, m, path_name(r->model), NULL) : 1;
    if (status == 0)
        status = properties_set(&r->properties, m);
    if (status == 0 && count == 0 && feed_needed(m) > 0 && !r->compare && !r->crop)
        status =
            say_usage("%s wants an input: a photo, sound, a .npy file, or - for a list of them", path_name(r->model));
    if (status == 0)
        status = r->compare ? run_with(r, m, inputs, count) : run_all(r, m, NULL, inputs, count);
    model_free(m);
    return status;
}

int run_main(int argc, char **argv)
{
    struct request r = {.rtol = 1e-4};
    const char *value;
    program_start(&program, argc, argv);
    inputs_init(&r.inputs, argc);
    r.states = get_memory((size_t)argc, sizeof *r.states);
    for (int key; (key = program_option(&value)) != -1;)
        take_option(&r, key, value);
    if (optind == argc)
        exit_usage("no model; %s -h tells how it is used", program.name);
    properties_check(&r.properties);
    if (r.turn && !r.crop)
        exit_usage("--turn is about parts of photos: want --crop, too");
    if (r.group && !r.crop)
        exit_usage("--group is about parts of photos: want --crop, too");
    r.model = argv[optind++];
    bool reads = r.crop && optind == argc;
    for (int i = optind; i < argc; i++)
        reads |= strcmp(argv[i], "-") == 0;
    if (reads && strcmp(r.model, "-") == 0)
        exit_usage("standard input cannot be the model and a list of inputs at once");
    int status = run(&r, argv + optind, (size_t)(argc - optind));
    inputs_release(&r.inputs);
    free(r.states);
    return program_end(status);
}
