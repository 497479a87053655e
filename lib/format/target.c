#include "format/target.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "format/source.h"

/* ---- options ---- */

static const struct target_option *find_option(const struct target_option *known, const char *name)
{
    for (; known && known->name; known++)
        if (strcmp(known->name, name) == 0)
            return known;
    return NULL;
}

static int unknown_option(const struct target_option *known, const char *name, struct error *err)
{
    struct text list;
    text_init(&list);
    for (const struct target_option *o = known; o && o->name; o++)
        text_printf(&list, "%s%s%s%s", o == known ? "" : ", ", o->name, o->value ? "=" : "", o->value ? o->value : "");
    if (list.data)
        error_set(err, "option '%s' is not one of the format's: want %s", name, list.data);
    else
        error_set(err, "option '%s': the format has none", name);
    text_release(&list);
    return -1;
}

static int check_range(const struct target_option *o, const char *value, struct error *err)
{
    int64_t number;
    int least, most;
    if (sscanf(o->value, "%d..%d", &least, &most) != 2 ||
        (text_to_i64(value, strlen(value), &number) && number >= least && number <= most))
        return 0;
    return error_set(err, "option %s=%s: want a number from %d to %d", o->name, value, least, most);
}

/* Cuts "name=value" and keeps it. */
static int take_option(struct target *t, char *text, const struct target_option *known, struct error *err)
{
    char *equals = strchr(text, '=');
    if (equals)
        *equals = '\0';
    const struct target_option *o = find_option(known, text);
    if (!o)
        return unknown_option(known, text, err);
    if (!o->value != !equals)
        return error_set(err, "option '%s' takes %s", text, o->value ? "a value" : "no value");
    if (o->value && check_range(o, equals + 1, err) < 0)
        return -1;
    if (t->option_count == TARGET_OPTIONS)
        return error_set(err, "more than %d options", TARGET_OPTIONS);
    t->names[t->option_count] = text;
    t->values[t->option_count++] = equals ? equals + 1 : "";
    return 0;
}

static int take_options(struct target *t, const char *options, const struct target_option *known, struct error *err)
{
    size_t size = strlen(options) + 1;
    t->text = mem_calloc(size, 1, err);
    if (!t->text)
        return -1;
    memcpy(t->text, options, size);
    char *rest = NULL;
    for (char *at = strtok_r(t->text, ",", &rest); at; at = strtok_r(NULL, ",", &rest))
        if (take_option(t, at, known, err) != 0)
            return -1;
    return 0;
}

int target_init(struct target *t, const char *path, const char *suffixes, const char *options,
                const struct target_option *known, struct error *err)
{
    *t = (struct target){.path = path && strcmp(path, "-") != 0 ? path : NULL, .suffixes = suffixes};
    if (!options || take_options(t, options, known, err) == 0)
        return 0;
    target_abandon(t);
    return -1;
}

const char *target_option(const struct target *t, const char *name)
{
    for (int i = t->option_count; i-- > 0;) /* the last one counts */
        if (strcmp(t->names[i], name) == 0)
            return t->values[i];
    return NULL;
}

int target_number(const struct target *t, const char *name, struct error *err)
{
    const char *text = target_option(t, name);
    int64_t number;
    if (!text)
        return 0;
    if (!text_to_i64(text, strlen(text), &number) || number < 0 || number > INT32_MAX)
        return error_set(err, "option %s=%s: want a number", name, text);
    return (int)number;
}

/* ---- files ---- */

/* path NULL: standard output. */
static struct file_out *create(struct target *t, const char *path, struct error *err)
{
    if (t->file_count == TARGET_FILES)
        error_set(err, "more than %d files", TARGET_FILES);
    else if (file_create(&t->files[t->file_count], path, err) == 0)
        return &t->files[t->file_count++];
    return NULL;
}

struct file_out *target_file(struct target *t, const char *suffix, struct error *err)
{
    if (!suffix)
        return create(t, t->path, err);
    if (!t->path) {
        error_set(err, "the model has a second file (%s): want a file's name to write to, not standard output", suffix);
        return NULL;
    }
    char *path = source_renamed(t->path, t->suffixes, suffix, err);
    struct file_out *out = path ? create(t, path, err) : NULL;
    if (path && !out)
        error_prefix(err, "%s", path);
    free(path);
    return out;
}

int target_commit(struct target *t, struct error *err)
{
    int status = file_commit_all(t->files, t->file_count, err);
    free(t->text);
    *t = (struct target){0};
    return status;
}

void target_abandon(struct target *t)
{
    for (int i = 0; i < t->file_count; i++)
        file_abandon(&t->files[i]);
    free(t->text);
    *t = (struct target){0};
}
