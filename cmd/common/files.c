#include "files.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "program.h"

bool has_suffix(const char *path, const char *suffix)
{
    size_t n = strlen(path), s = strlen(suffix);
    return n >= s && strcasecmp(path + n - s, suffix) == 0;
}

/* ---- lists of files ---- */

void list_trim(char *line)
{
    size_t n = strlen(line);
    while (n > 0 && isspace((unsigned char)line[n - 1]))
        line[--n] = '\0';
}

/* Beside the list, unless it is there as it is. */
static char *find_file(const char *list, const char *path)
{
    const char *slash = strrchr(list, '/');
    if (access(path, F_OK) == 0 || *path == '/' || !slash)
        return get_copy(path);
    size_t folder = (size_t)(slash - list) + 1;
    char *text = get_memory(folder + strlen(path) + 1, 1);
    memcpy(text, list, folder);
    strcpy(text + folder, path);
    return text;
}

char *list_file(const char *list, char *line, const char **label)
{
    char *path = find_file(list, line), *end = strchr(line, '\t');
    end = end ? end : strchr(line, ' ');
    *label = NULL;
    if (!end || access(path, F_OK) == 0)
        return path;
    free(path);
    *end++ = '\0';
    *label = end + strspn(end, " \t");
    return find_file(list, line);
}

const char *only_operand(int argc, char **argv, const char *hint)
{
    if (argc - optind > 1)
        exit_usage("'%s': a second model: want one, and %s", argv[optind + 1], hint);
    return optind < argc ? argv[optind] : NULL;
}

void format_check(const char *name)
{
    struct model_format f;
    char known[256] = "";
    size_t n = name ? strcspn(name, ":") : 0; /* behind it the function that is wanted */
    for (size_t i = 0; name && model_format_at(i, &f); i++) {
        if ((strncmp(f.name, name, n) == 0 && !f.name[n]) || (n == 0 && *name))
            return;
        size_t end = strlen(known);
        snprintf(known + end, sizeof known - end, i ? ", %s" : "%s", f.name);
    }
    if (name)
        exit_usage("format '%s' is not known: want one of %s", name, known);
}

void row_check(const char *option, const char *name, bool (*at)(size_t i, struct model_row *row))
{
    struct model_row row;
    char known[128] = "";
    for (size_t i = 0; at(i, &row); i++) {
        if (strcmp(row.name, name) == 0)
            return;
        size_t n = strlen(known);
        snprintf(known + n, sizeof known - n, i ? ", %s" : "%s", row.name);
    }
    exit_usage("%s %s: want one of %s", option, name, known);
}

/* ---- properties ---- */

static const struct {
    int key;
    const char *option, *name;
} property_rows[PROPERTIES] = {
    [PROPERTY_RECIPE] = {'p', "-p", "recipe"},
    [PROPERTY_TASK] = {'T', "-T", "task"},
    [PROPERTY_LABELS] = {'l', "-l", "labels"},
    [PROPERTY_FRAME] = {OPTION_FRAME, "--frame", "frame"},
};

/* What the file behind -p @FILE asks for, which is kept until the next call; other options go before its task and
 * labels. */
static void import_settings(struct properties *p, const char *value)
{
    static char *recipe, *task, *labels;
    struct model_error err;
    free(recipe);
    free(task);
    free(labels);
    recipe = model_recipe_import(value + 1, &task, &labels, &err);
    if (!recipe || (task && model_check_property("task", task, &err) < 0))
        exit_usage("-p %s: %s", value, err.text);
    p->text[PROPERTY_RECIPE] = recipe;
    if (!p->given[PROPERTY_TASK])
        p->text[PROPERTY_TASK] = task;
    if (!p->given[PROPERTY_LABELS])
        p->text[PROPERTY_LABELS] = labels;
}

bool properties_option(struct properties *p, int key, const char *value)
{
    for (int i = 0; i < PROPERTIES; i++)
        if (property_rows[i].key == key) {
            p->given[i] = value;
            p->text[i] = value;
            if (i == PROPERTY_RECIPE && value[0] == '@')
                import_settings(p, value);
            return true;
        }
    return false;
}

void properties_check(const struct properties *p)
{
    struct model_error err;
    for (int i = 0; i < PROPERTIES; i++)
        if (p->given[i] && i != PROPERTY_LABELS && model_check_property(property_rows[i].name, p->text[i], &err) < 0)
            exit_usage("%s %s: %s", property_rows[i].option, p->given[i], err.text);
}

int properties_set(const struct properties *p, struct model *m)
{
    struct model_error err;
    for (int i = 0; i < PROPERTIES; i++) {
        char *labels = p->given[i] && i == PROPERTY_LABELS ? read_text(p->given[i]) : NULL;
        const char *text = labels ? labels : p->text[i];
        int status = p->given[i] && i == PROPERTY_LABELS && !labels ? 1 : 0;
        if (labels && !*labels)
            status = say_failed("-l %.200s: is empty: want the names of the classes, one a line", p->given[i]);
        if (text && status == 0 && model_set_property(m, property_rows[i].name, text, &err) < 0)
            status = say_failed("%s %.200s: %s", p->given[i] ? property_rows[i].option : "-p",
                                p->given[i] ? p->given[i] : p->given[PROPERTY_RECIPE], err.text);
        free(labels);
        if (status)
            return status;
    }
    return 0;
}

bool tell_assumed(const struct model *m, const char *path, const struct model_photo *photo)
{
    static bool told;
    if (model_property(m, "recipe"))
        return false;
    if (!told)
        say_note("%s: the model has no recipe: photos are scaled to %dx%d, values 0 to 255, in layout %s; "
                 "-p sets another: answers are wrong if it was trained on others",
                 path, photo->input_width, photo->input_height, photo->channels_last ? "nhwc" : "nchw");
    return told = true;
}

bool session_option(struct model_session_options *session, int key, const char *value)
{
    if (key == 'j') {
        session->threads = (int)program_number("-j", value, 1, 1024);
    } else if (key == 'P') {
        row_check("-P", value, model_precision_at);
        session->precision = value;
    } else {
        return false;
    }
    return true;
}

void session_tell(const struct model_session_options *session)
{
    const char *chosen = model_precision_chosen(session->precision);
    if (chosen != session->precision)
        say_note("precision %s: %s", session->precision, chosen);
}

/* ---- out ---- */

/* Puts "NAME=VALUE" behind what was asked so far. */
static void add_options(struct output *out, const char *name, const char *value)
{
    size_t had = strlen(out->options), room = sizeof out->options - had;
    if ((size_t)snprintf(out->options + had, room, "%s%s%s", had ? "," : "", name, value) >= room)
        exit_usage("-O %s: more than %zu bytes of options", value, sizeof out->options);
}

bool output_option(struct output *out, int key, const char *value)
{
    switch (key) {
    case 'o':
        out->path = value;
        return true;
    case 't':
        out->format = value;
        return true;
    case 'O':
        add_options(out, "", value);
        return true;
    case OPTION_OPSET:
        program_number("--opset", value, 1, 1000);
        add_options(out, "opset=", value);
        return true;
    default:
        return false;
    }
}

static bool is_standard(const char *path)
{
    return !path || strcmp(path, "-") == 0;
}

bool output_is_standard(const struct output *out)
{
    return is_standard(out->path) || strcmp(out->path, "/dev/stdout") == 0;
}

void output_check(const struct output *out)
{
    struct model_error err;
    format_check(out->format);
    if (model_check_target(out->path, out->format, out->options, NULL, &err) < 0)
        exit_usage("%s", err.text);
    if (output_is_standard(out) && isatty(1))
        exit_usage("a model is not written to a terminal: want -o FILE, or a pipe");
}

int place_check(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = get_memory(strlen(path) + 2, 1);
    memcpy(folder, slash ? path : ".", slash ? (size_t)(slash - path) + 1 : 1);
    const char *want = access(path, F_OK) == 0 ? path : folder;
    int status = access(want, W_OK) == 0 ? 0 : say_failed("%s: cannot be written to: %s", want, strerror(errno));
    free(folder);
    return status;
}

/* What a user attached, and the format has no place for. */
static void tell_left_out(const struct output *out, const struct model *m)
{
    static const char *const keys[] = {"recipe", "task", "labels", "frame"};
    struct model_format f;
    char list[48] = "";
    if (model_check_target(out->path, out->format, out->options, &f, NULL) < 0 || f.has_properties)
        return;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (model_property(m, keys[i])) {
            size_t n = strlen(list);
            snprintf(list + n, sizeof list - n, "%s%s", n ? ", " : "", keys[i]);
        }
    if (*list)
        say_note("%s: the format %s has no place for the model's %s, which are left out", path_name(out->path), f.name,
                 list);
}

int output_write(const struct output *out, const struct model *m)
{
    struct model_error err;
    if (model_write(m, out->path, out->format, out->options, &err) < 0)
        return say_failed("%s", err.text);
    tell_left_out(out, m);
    return 0;
}

/* ---- in ---- */

struct model *input_read(const char *path, const char *format)
{
    return input_read_for(path, format, NULL, 0);
}

/* `m`, or NULL when it is that, and why is told. */
static struct model *told(struct model *m, const char *path, const struct model_error *err)
{
    static bool has_read;
    if (!m && has_read && is_standard(path))
        say_failed("standard input: nothing is left of it for a second file");
    else if (!m)
        say_failed("%s", err->text);
    has_read |= is_standard(path);
    return m;
}

struct model *weights_read(const char *path)
{
    struct model_error err;
    if (is_standard(path) && isatty(0))
        exit_usage("no weights: want a file, or a model on standard input");
    return told(model_read_weights(path, &err), path, &err);
}

struct model *input_read_for(const char *path, const char *format, const struct model_shape *shapes, size_t count)
{
    struct model_error err;
    format_check(format);
    if (is_standard(path) && isatty(0))
        exit_usage("no model: want a file, or one on standard input");
    return told(model_read_for(path, format, shapes, count, &err), path, &err);
}

/* "1x3x224x224", or "" for a scalar; the number of sizes, -1 when malformed. */
static int parse_dims(const char *text, int64_t *dims)
{
    int rank = 0;
    while (*text) {
        char *end;
        errno = 0;
        long long n = strtoll(text, &end, 10);
        if (end == text || errno || n < 0 || rank == MODEL_MAX_RANK || (*end && *end != 'x' && *end != ',') ||
            (*end && !end[1]))
            return -1;
        dims[rank++] = n;
        text = end + (*end != 0);
    }
    return rank;
}

char *parse_shape(const char *text, int *rank, int64_t *dims)
{
    const char *equals = strrchr(text, '=');
    *rank = equals ? parse_dims(equals + 1, dims) : -1;
    if (*rank < 0 || equals == text)
        exit_usage("-s %s: want NAME=DIMS, for instance x=1x3x224x224", text);
    char *name = get_copy(text);
    name[equals - text] = 0;
    return name;
}

int bind_shape(struct model *m, const char *text, const char *path)
{
    struct model_error err;
    int64_t dims[MODEL_MAX_RANK];
    int rank;
    char *name = parse_shape(text, &rank, dims);
    int status = model_reshape(m, name, rank, dims, &err);
    free(name);
    return status < 0 ? say_failed("%s: %s", path_name(path), err.text) : 0;
}

char *read_text(const char *path)
{
    FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "r");
    size_t cap = 1 << 16, n = 0, got;
    if (!f) {
        say_failed("%s: %s", path, strerror(errno));
        return NULL;
    }
    char *text = get_memory(cap, 1);
    while ((got = fread(text + n, 1, cap - n - 1, f)) > 0) {
        n += got;
        if (cap - n > 1)
            continue;
        char *more = realloc(text, cap *= 2);
        if (!more)
            exit(say_failed("out of memory"));
        text = more;
    }
    text[n] = 0;
    int failed = ferror(f) ? errno : 0;
    if (f != stdin)
        fclose(f);
    if (failed == 0 && memchr(text, 0, n) == NULL)
        return text;
    say_failed("%s: %s", path, failed ? strerror(failed) : "not a text file");
    free(text);
    return NULL;
}
