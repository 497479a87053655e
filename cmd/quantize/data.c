#include "data.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../common/files.h"
#include "../common/frames.h"
#include "../common/program.h"

static void drop_inputs(struct walk *w)
{
    for (size_t i = 0; i < model_input_count(w->m); i++) {
        model_tensor_free(w->in[i]);
        w->in[i] = NULL;
    }
}

/* Hands the inputs on when all are there, and drops them. */
static int use_inputs(struct walk *w, const char *name)
{
    struct model_port port;
    int status = 0;
    for (size_t i = 0; status == 0 && model_input(w->m, i, &port); i++)
        if (!w->in[i] && !port.optional)
            status = say_failed("%s: nothing for input '%s': want a .npz file with an array for each input", name,
                                port.name);
    if (status == 0)
        status = w->use(w->arg, w->in, name);
    drop_inputs(w);
    w->done += status == 0;
    return status;
}

/* ---- arrays ---- */

/* The first input that must be given. */
static size_t first_input(const struct model *m)
{
    struct model_port port;
    for (size_t i = 0; model_input(m, i, &port); i++)
        if (!port.optional)
            return i;
    return 0;
}

/* Whether the array holds many samples: the input takes one, or any number of pictures. */
static bool is_batch(const struct model *m, size_t input, const struct model_tensor *t)
{
    struct model_port port;
    return model_input(m, input, &port) && port.rank > 0 && port.rank == model_tensor_rank(t) &&
           (port.dims[0] == 1 || (port.dims[0] < 0 && port.rank > 3)) && model_tensor_dims(t)[0] > 1;
}

static int walk_rows(struct walk *w, size_t input, const struct model_tensor *t, const char *name)
{
    struct model_error err;
    for (int64_t i = 0; i < model_tensor_dims(t)[0]; i++) {
        w->in[input] = model_tensor_row(t, i, &err);
        int status = w->in[input] ? use_inputs(w, name) : say_failed("%s: %s", name, err.text);
        if (status)
            return status;
    }
    return 0;
}

/* One array: a sample, or as many as it has rows. Takes the reference over. */
static int walk_array(struct walk *w, struct model_tensor *t, const char *name)
{
    size_t input = first_input(w->m);
    if (model_input_count(w->m) == 0) {
        model_tensor_free(t);
        return say_failed("%s: the model has no inputs", name);
    }
    if (!is_batch(w->m, input, t)) {
        w->in[input] = t;
        return use_inputs(w, name);
    }
    int status = walk_rows(w, input, t, name);
    model_tensor_free(t);
    return status;
}

static int walk_npy(struct walk *w, const char *path)
{
    struct model_error err;
    struct model_tensor *t = model_tensor_read(path, &err);
    return t ? walk_array(w, t, path) : say_failed("%s", err.text);
}

/* The member that is named as an input is; -1 when there is none. */
static ptrdiff_t find_member(const struct model_archive *a, const char *name)
{
    for (size_t i = 0; i < model_archive_count(a); i++)
        if (strcmp(model_archive_name(a, i), name) == 0)
            return (ptrdiff_t)i;
    return -1;
}

static int walk_members(struct walk *w, const struct model_archive *a, const char *path)
{
    struct model_error err;
    struct model_port port;
    size_t found = 0;
    for (size_t i = 0; model_input(w->m, i, &port); i++) {
        ptrdiff_t at = find_member(a, port.name);
        if (at < 0)
            continue;
        found++;
        if (!(w->in[i] = model_archive_tensor(a, (size_t)at, &err)))
            return say_failed("%s", err.text);
    }
    if (found > 1 || (found && model_input_count(w->m) > 1))
        return use_inputs(w, path);
    drop_inputs(w);
    for (size_t i = 0; i < model_archive_count(a); i++) {
        struct model_tensor *t = model_archive_tensor(a, i, &err);
        int status = t ? walk_array(w, t, path) : say_failed("%s", err.text);
        if (status)
            return status;
    }
    return 0;
}

static int walk_npz(struct walk *w, const char *path)
{
    struct model_error err;
    struct model_archive *a = model_archive_open(path, &err);
    int status = a ? walk_members(w, a, path) : say_failed("%s", err.text);
    drop_inputs(w);
    model_archive_close(a);
    return status;
}

/* ---- photos, and files by kind ---- */

static int walk_photo(struct walk *w, const char *path)
{
    struct model_error err;
    struct model_photo photo;
    struct model_tensor *t;
    struct frames f;
    int status = 0;
    ptrdiff_t input = model_session_photo_input(w->s, &err);
    frames_open(&f, path);
    while (status == 0 && input >= 0 && (t = frames_photo(&f, w->s, &photo, &err))) {
        tell_assumed(w->m, path, &photo);
        w->in[input] = t;
        status = use_inputs(w, path);
    }
    frames_close(&f);
    return status || !*err.text ? status : say_failed("%s: %s", path, err.text);
}

static int walk_file(struct walk *w, const char *path)
{
    return has_suffix(path, ".npy")   ? walk_npy(w, path)
           : has_suffix(path, ".npz") ? walk_npz(w, path)
                                      : walk_photo(w, path);
}

static int is_visible(const struct dirent *e)
{
    return e->d_name[0] != '.';
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int walk_folder(struct walk *w, const char *path)
{
    struct dirent **entries;
    int n = scandir(path, &entries, is_visible, by_name), status = 0;
    if (n < 0)
        return say_failed("%s: %s", path, strerror(errno));
    for (int i = 0; i < n; i++) {
        char *file = get_memory(strlen(path) + strlen(entries[i]->d_name) + 2, 1);
        struct stat st;
        sprintf(file, "%s/%s", path, entries[i]->d_name);
        if (stat(file, &st) == 0 && S_ISREG(st.st_mode)) {
            say_progress(w->what, (size_t)i, (size_t)n);
            status |= walk_file(w, file);
        }
        free(file);
        free(entries[i]);
    }
    free(entries);
    say_progress(w->what, 1, 1);
    return status;
}

static size_t count_lines(const char *text)
{
    size_t n = 1;
    while ((text = strchr(text, '\n')))
        n++, text++;
    return n;
}

static int walk_list(struct walk *w, const char *path)
{
    char *text = read_text(path), *rest = text;
    const char *label;
    int status = text ? 0 : 1;
    size_t done = 0, lines = text ? count_lines(text) : 0;
    for (char *line; text && (line = strsep(&rest, "\n")); done++) {
        list_trim(line);
        char *file = *line ? list_file(path, line, &label) : NULL;
        say_progress(w->what, done, lines);
        if (file && access(file, F_OK) < 0)
            status = say_failed("%s: line %zu: %s: %s", path_name(path), done + 1, file, strerror(errno));
        else if (file)
            status |= walk_file(w, file);
        free(file);
    }
    free(text);
    say_progress(w->what, 1, 1);
    return status;
}

static bool is_list(const char *path)
{
    static const char *const suffixes[] = {".txt", ".lst", ".list"};
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++)
        if (has_suffix(path, suffixes[i]))
            return true;
    return strcmp(path, "-") == 0;
}

int data_walk(struct walk *w, const char *path)
{
    struct stat st;
    if (strcmp(path, "-") != 0 && stat(path, &st) < 0)
        return say_failed("%s: %s", path, strerror(errno));
    if (strcmp(path, "-") != 0 && S_ISDIR(st.st_mode))
        return walk_folder(w, path);
    return is_list(path) ? walk_list(w, path) : walk_file(w, path);
}
