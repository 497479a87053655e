/* The table of formats; opening, recognising and replacing model files. */
#include "format/format.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/text.h"
#include "format/sniff.h"

#define FORMAT(name) extern const struct format format_##name;
#include "format/format.def"
#undef FORMAT

#define FORMAT(name) &format_##name,
static const struct format *const table[] = {
#include "format/format.def"
};
#undef FORMAT

#define TABLE_COUNT (sizeof table / sizeof *table)

const struct format *const *format_table(size_t *count)
{
    *count = TABLE_COUNT;
    return table;
}

const struct format *format_by_name(const char *name)
{
    for (size_t i = 0; i < TABLE_COUNT; i++)
        if (strcmp(table[i]->name, name) == 0)
            return table[i];
    return NULL;
}

/* Whether the path ends with one of the space-separated suffixes, in any case, and has something before it. */
static bool ends_with(const char *path, const char *suffixes)
{
    size_t path_size = strlen(path), size;

    for (const char *at = suffixes + strspn(suffixes, " "); *at; at += size + strspn(at + size, " ")) {
        size = strcspn(at, " ");
        if (size < path_size && strncasecmp(path + path_size - size, at, size) == 0)
            return true;
    }
    return false;
}

const struct format *format_by_suffix(const char *path)
{
    for (size_t i = 0; i < TABLE_COUNT; i++)
        if (ends_with(path, table[i]->suffixes))
            return table[i];
    return NULL;
}

/* ---- recognising ---- */

/* "nn, onnx": those that can be read, or written. */
static void list_names(struct text *names, bool writers)
{
    text_init(names);
    for (size_t i = 0; i < TABLE_COUNT; i++) {
        if (writers ? !table[i]->write : !table[i]->read)
            continue;
        text_puts(names, names->size ? ", " : "");
        text_puts(names, table[i]->name);
    }
}

static int unknown_error(const struct format_source *source, struct error *err)
{
    const char *what = sniff_foreign(source->blob);
    struct text names;

    list_names(&names, false);
    if (what)
        error_set(err, "is %s, which is not read (reads: %s)", what, names.data ? names.data : "");
    else
        error_set(err, "not a model file that I know (reads: %s)", names.data ? names.data : "");
    text_release(&names);
    return -1;
}

/* The format that is surest of the content; among equals the one that the suffix says. NULL: none is. */
static const struct format *by_content(const struct format_source *source)
{
    const struct format *best = NULL, *said = source->path ? format_by_suffix(source->path) : NULL;
    int most = 0;

    for (size_t i = 0; i < TABLE_COUNT; i++) {
        int sure = table[i]->sniff ? table[i]->sniff(source) : 0;

        if (sure > most || (sure == most && sure > 0 && table[i] == said)) {
            most = sure;
            best = table[i];
        }
    }
    return best;
}

/* A file whose content tells nothing goes by its suffix, so that the reader may say what is wrong with it; but not one
 * that is plainly something else. */
static const struct format *recognise(const struct format_source *source, struct error *err)
{
    const struct format *format = by_content(source);

    if (!format && !sniff_foreign(source->blob) && source->path)
        format = format_by_suffix(source->path);
    if (!format)
        unknown_error(source, err);
    return format;
}

/* ---- reading ---- */

/* The comma behind which the first of two paths is a file; else the first comma; NULL when there is none. */
static char *find_split(char *path)
{
    for (char *comma = strchr(path, ','); comma; comma = strchr(comma + 1, ',')) {
        *comma = '\0';
        bool is_file = access(path, F_OK) == 0;
        *comma = ',';
        if (is_file)
            return comma;
    }
    return strchr(path, ',');
}

/* Makes two paths of "first,second", both in *copy; *twin stays NULL when `path` is a file's as it is, or holds no
 * comma. */
static int split_twins(const char *path, char **copy, const char **twin, struct error *err)
{
    size_t size = strlen(path) + 1;
    char *comma;

    *copy = mem_calloc(size, 1, err);
    if (!*copy)
        return -1;
    memcpy(*copy, path, size);
    comma = access(path, F_OK) == 0 ? NULL : find_split(*copy);
    if (comma) {
        *comma = '\0';
        *twin = comma + 1;
    }
    return 0;
}

static struct graph *read_source(const struct format_source *source, const struct format *format, struct error *err)
{
    const char *no_model = sniff_no_model(source->blob);

    if (no_model) {
        error_set(err, "%s", no_model);
        return NULL;
    }
    if (!format && !(format = recognise(source, err)))
        return NULL;
    if (format->read)
        return format->read(source, err);
    error_set(err, "is %s: the format %s can be written, not read", format->what, format->name);
    return NULL;
}

static struct graph *read_path(const char *path, const char *twin, const struct format *format, struct error *err)
{
    struct format_source source = {.path = path, .twin = twin, .blob = file_read(path ? path : "-", err)};
    struct graph *g = source.blob ? read_source(&source, format, err) : NULL;

    blob_unref(source.blob);
    if (!g)
        error_prefix(err, "%s", path ? path : "standard input");
    return g;
}

struct graph *format_read(const char *path, const struct format *format, struct error *err)
{
    const char *twin = NULL;
    struct graph *g;
    char *copy;

    if (!path || strcmp(path, "-") == 0)
        return read_path(NULL, NULL, format, err);
    if (split_twins(path, &copy, &twin, err) != 0)
        return NULL;
    g = read_path(copy, twin, format, err);
    free(copy);
    return g;
}

/* ---- writing ---- */

static int write_target(const struct graph *g, const struct format *format, struct format_target *target,
                        struct error *err)
{
    struct file_out out;

    target->out = &out;
    if (file_create(&out, target->path, err) != 0)
        return -1;
    if (format->write(g, target, err) == 0 && file_commit(&out, err) == 0)
        return 0;
    file_abandon(&out);
    return -1;
}

static int no_writer(const struct format *format, struct error *err)
{
    struct text names;

    list_names(&names, true);
    error_set(err, "the format %s cannot be written (writes: %s)", format->name, names.data ? names.data : "");
    text_release(&names);
    return -1;
}

int format_write(const struct graph *g, const char *path, const struct format *format, int opset, struct error *err)
{
    struct format_target target = {.path = path && strcmp(path, "-") != 0 ? path : NULL, .opset = opset};

    if (!format && target.path)
        format = format_by_suffix(target.path);
    if (!format)
        format = format_by_name("nn");
    if ((format->write ? write_target(g, format, &target, err) : no_writer(format, err)) == 0)
        return 0;
    return error_prefix(err, "%s", target.path ? target.path : "standard output");
}
