/* The table of formats; opening, recognising and replacing model files. */
#include "format/format.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "format/sniff.h"

#define FORMAT(name, samples) extern const struct format format_##name;
#include "format/format.def"
#undef FORMAT

#define FORMAT(name, samples) &format_##name,
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

const struct format *format_by_suffix(const char *path)
{
    for (size_t i = 0; i < TABLE_COUNT; i++)
        if (source_suffix(path, table[i]->suffixes))
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

/* The format whose second file goes by the suffix, where files of that kind tell nothing themselves; NULL. */
static const struct format *second_of(const struct source *source)
{
    for (size_t i = 0; i < TABLE_COUNT && source->path && !source->is_folder; i++)
        if (table[i]->twins && source_suffix(source->path, table[i]->twins))
            return table[i];
    return NULL;
}

static int unknown_error(const struct source *source, struct error *err)
{
    const char *what = source->is_folder ? "a directory" : sniff_foreign(source->blob);
    const struct format *of = second_of(source);
    struct text names;

    list_names(&names, false);
    if (!what && of)
        error_set(err,
                  "not a model file that I know, unless the second of two (%s): want its first one, of suffix %.*s, "
                  "beside it, or both given, FIRST,SECOND",
                  of->name, (int)strcspn(of->suffixes, " "), of->suffixes);
    else if (what)
        error_set(err, "is %s, which is not read (reads: %s)", what, names.data ? names.data : "");
    else
        error_set(err, "not a model file that I know (reads: %s)", names.data ? names.data : "");
    text_release(&names);
    return -1;
}

/* The format that is surest of the content; among equals the one that the suffix says. NULL: none is. */
static const struct format *by_content(const struct source *source)
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

/* ---- the second file given in place of the first ---- */

/* Opens `first` with `second` as its other file, if some format takes it for a model. */
static const struct format *open_swapped(struct source *other, const char *first, const char *second)
{
    if (source_open_both(other, first, second, NULL) != 0)
        return NULL;
    const struct format *format = by_content(other);
    if (!format)
        source_release(other);
    return format;
}

/* Opens the first file that goes with `second`: of its name, or the only one of the folder that has such a suffix. */
static const struct format *open_first(struct source *other, const struct format *of, const char *suffix,
                                       const char *second)
{
    char *first = source_renamed(second, of->twins, suffix, NULL), *only = NULL;
    const struct format *format = NULL;
    if (first && strcmp(first, second) != 0)
        format = open_swapped(other, first, second);
    if (!format && (only = source_only(second, suffix, NULL)) && strcmp(only, second) != 0)
        format = open_swapped(other, only, second);
    free(first);
    free(only);
    return format;
}

/* Where the path may be a format's second file: looks for the first beside it. */
static const struct format *find_first(struct source *other, const struct source *source)
{
    const struct format *format = NULL;
    for (size_t i = 0; i < TABLE_COUNT && !format; i++) {
        if (!table[i]->twins || !source_suffix(source->path, table[i]->twins))
            continue;
        char copy[256], *rest = NULL;
        snprintf(copy, sizeof(copy), "%s", table[i]->suffixes);
        for (char *suffix = strtok_r(copy, " ", &rest); suffix && !format; suffix = strtok_r(NULL, " ", &rest))
            format = open_first(other, table[i], suffix, source->path);
    }
    return format;
}

/* Lets the source be the model's first file, when the second was given first or alone. */
static const struct format *by_other(struct source *source)
{
    struct source other;
    const struct format *format = NULL;
    if (!source->path || source->is_folder)
        return NULL;
    format = source->second ? open_swapped(&other, source->second, source->path) : find_first(&other, source);
    if (format) {
        source_release(source);
        *source = other;
    }
    return format;
}

/* A file whose content tells nothing goes by its suffix, so that the reader may say what is wrong with it; but not one
 * that is plainly something else. */
static const struct format *recognise(struct source *source, struct error *err)
{
    const struct format *format = by_content(source);

    if (!format)
        format = by_other(source);
    if (!format && !source->is_folder && !sniff_foreign(source->blob) && source->path)
        format = format_by_suffix(source->path);
    if (!format)
        unknown_error(source, err);
    return format;
}

/* ---- reading ---- */

static struct graph *read_source(struct source *source, const struct format **format, struct error *err)
{
    const char *no_model = source->is_folder ? NULL : sniff_no_model(source->blob);

    if (no_model) {
        error_set(err, "%s", no_model);
        return NULL;
    }
    if (*format && (*format)->sniff && !(*format)->sniff(source))
        by_other(source);
    if (!*format && !(*format = recognise(source, err)))
        return NULL;
    source->suffixes = (*format)->suffixes;
    if (source->entry && !(*format)->has_entries) {
        error_set(err, "files of the format %s hold one function: want no ':%.100s'", (*format)->name, source->entry);
        return NULL;
    }
    if ((*format)->read)
        return (*format)->read(source, err);
    error_set(err, "is %s: the format %s can be written, not read", (*format)->what, (*format)->name);
    return NULL;
}

struct graph *format_read_any(const char *path, const struct format **format, const char *entry,
                              const struct source_shape *shapes, size_t shape_count, struct error *err)
{
    struct source source;
    struct graph *g = NULL;
    if (source_open(&source, path, err) == 0) {
        source.entry = entry;
        source.shapes = shapes;
        source.shape_count = shape_count;
        g = read_source(&source, format, err);
        if (g)
            g->computed_most = 0; /* 32 times its constants: a reader that computes some does so before it has all */
        else
            error_prefix(err, "%s", source.path ? source.path : "standard input");
        source_release(&source);
    }
    return g;
}

struct graph *format_read(const char *path, const struct format *format, struct error *err)
{
    return format_read_any(path, &format, NULL, NULL, 0, err);
}

/* ---- writing ---- */

static int no_writer(const struct format *format, struct error *err)
{
    struct text names;

    list_names(&names, true);
    if (format)
        error_set(err, "the format %s cannot be written (writes: %s)", format->name, names.data ? names.data : "");
    else
        error_set(err, "its suffix names no format: want one that does, or -t FORMAT (writes: %s)",
                  names.data ? names.data : "");
    text_release(&names);
    return -1;
}

static bool is_standard_output(const char *path)
{
    return !path || strcmp(path, "-") == 0 || strcmp(path, "/dev/stdout") == 0;
}

/* Chooses the format and makes the target ready. */
static const struct format *start(struct target *target, const char *path, const struct format *format,
                                  const char *options, struct error *err)
{
    if (!format)
        format = is_standard_output(path) ? NULL : format_by_suffix(path);
    if (!format && (is_standard_output(path) || strncmp(path, "/dev/", 5) == 0)) /* /dev/null, /dev/fd/3 */
        format = format_by_name("nn");
    if (!format || !format->write) {
        no_writer(format, err);
        return NULL;
    }
    return target_init(target, path, format->suffixes, options, format->options, err) == 0 ? format : NULL;
}

static int prefix_path(const char *path, struct error *err)
{
    return error_prefix(err, "%s", is_standard_output(path) ? "standard output" : path);
}

const struct format *format_for_writing(const char *path, const struct format *format, const char *options,
                                        struct error *err)
{
    struct target target;
    const struct format *chosen = start(&target, path, format, options, err);

    if (chosen)
        target_abandon(&target);
    else
        prefix_path(path, err);
    return chosen;
}

int format_write(const struct graph *g, const char *path, const struct format *format, const char *options,
                 struct error *err)
{
    struct target target;
    const struct format *chosen = start(&target, path, format, options, err);

    if (!chosen)
        return prefix_path(path, err);
    if (chosen->write(g, &target, err) == 0)
        return target_commit(&target, err) == 0 ? 0 : prefix_path(path, err);
    target_abandon(&target);
    return prefix_path(path, err);
}
