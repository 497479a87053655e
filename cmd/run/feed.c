/* Inputs, until there are enough for a run. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../common/files.h"
#include "../common/inputs.h"
#include "../common/program.h"
#include "run.h"

size_t feed_needed(const struct model *m)
{
    struct model_port port;
    size_t needed = 0;
    for (size_t i = 0; model_input(m, i, &port); i++)
        needed += !port.optional;
    return needed;
}

/* Whether the photo tells it. */
static bool is_told(const struct runner *r, size_t input)
{
    return r->has_photo && r->sizes[input];
}

static size_t lacking(const struct runner *r)
{
    struct model_port port;
    size_t n = 0;
    for (size_t i = 0; model_input(r->m, i, &port); i++)
        n += !port.optional && !r->given[i] && stream_wants(r, i) && !is_told(r, i);
    return n;
}

/* The first input that is not given yet, those that must be given first; -1 when all are. */
static ptrdiff_t next_input(const struct runner *r)
{
    struct model_port port;
    for (int optional = 0; optional < 2; optional++)
        for (size_t i = 0; model_input(r->m, i, &port); i++)
            if (!r->given[i] && port.optional == (optional == 1) && stream_wants(r, i) && !is_told(r, i))
                return (ptrdiff_t)i;
    return -1;
}

/* ---- running ---- */

static void clear(struct runner *r)
{
    stream_carry(r);
    for (size_t i = 0; i < r->input_count; i++) {
        if (r->kept[i])
            continue;
        model_tensor_free(r->in[i]);
        r->in[i] = NULL;
        r->given[i] = false;
    }
    for (size_t i = 0; i < r->output_count; i++) {
        model_tensor_free(r->out[i]);
        r->out[i] = NULL;
    }
    free(r->first);
    free(r->photo_path);
    model_record_free(r->record);
    r->record = NULL;
    r->first = r->photo_path = NULL;
    r->failed = r->has_photo = r->has_time = r->is_ready = false;
}

/* Whether some input may be of any size, so that a photo without a recipe keeps its own. */
static bool is_open(const struct runner *r)
{
    struct model_port port;
    bool open = false;
    for (size_t i = 0; model_input(r->m, i, &port); i++)
        open |= port_is_open(&port, 1);
    return open;
}

static int fill_sizes(struct runner *r)
{
    struct model_error err;
    for (size_t i = 0; i < r->input_count; i++)
        if (is_told(r, i)) {
            r->in[i] = model_size_tensor(r->m, i, &r->photo, &err);
            if (!r->in[i])
                return say_failed("%s: %s", names_to_tell(r), err.text);
            r->given[i] = true;
        }
    return 0;
}

static int run(struct runner *r)
{
    struct model_error err;
    r->ran = r->other != NULL;
    if (r->other)
        return compare_layers(r);
    if (stream_fill(r) || fill_sizes(r))
        return 1;
    double start = now();
    int status = model_session_run(r->s, r->in, r->out, &err);
    r->spent.runs++;
    r->spent.running += now() - start;
    r->ran = status == 0;
    if (status < 0 && r->assumed && is_open(r))
        return say_failed("%s: %s; where a network halves its input often, -p resize=multiple:32 helps",
                          names_to_tell(r), err.text);
    if (status < 0)
        return say_failed("%s: %s", names_to_tell(r), err.text);
    if (r->has_photo)
        model_session_guess(r->s, r->out, &r->photo);
    int failed = r->request->output ? write_outputs(r) : 0;
    return (r->request->expect ? compare_outputs(r) : answer(r)) | failed;
}

void feed_run(struct runner *r)
{
    r->ran = false;
    r->tried = true;
    r->status |= r->failed ? 1 : run(r);
    clear(r);
}

/* ---- taking one input ---- */

static void fail(struct runner *r)
{
    r->status = 1;
    r->failed = true;
}

static void take(struct runner *r, ptrdiff_t input, struct model_tensor *t)
{
    if (r->given[input] && !r->kept[input]) {
        struct model_port port;
        model_input(r->m, (size_t)input, &port);
        say_failed("input '%s' is given twice in one run", port.name);
        fail(r);
        model_tensor_free(t);
        return;
    }
    if (r->kept[input])
        model_tensor_free(r->in[input]);
    r->given[input] = true;
    r->in[input] = t;
}

/* An archive: members by the inputs' names; else, in their order, the inputs not yet given. */
static ptrdiff_t member_input(const struct runner *r, const char *name)
{
    struct model_port port;
    for (size_t i = 0; model_input(r->m, i, &port); i++)
        if (strcmp(port.name, name) == 0)
            return (ptrdiff_t)i;
    return -1;
}

static void feed_archive(struct runner *r, const char *path)
{
    struct model_error err = {""};
    struct model_archive *a = model_archive_open(path, &err);
    size_t named = 0;
    for (size_t i = 0; a && i < model_archive_count(a); i++)
        named += member_input(r, model_archive_name(a, i)) >= 0;
    for (size_t i = 0; a && !r->failed && i < model_archive_count(a); i++) {
        ptrdiff_t input = named ? member_input(r, model_archive_name(a, i)) : next_input(r);
        struct model_tensor *t = input < 0 ? NULL : model_archive_tensor(a, i, &err);
        if (t)
            take(r, input, t);
        else if (input >= 0)
            fail(r);
    }
    if (!a || *err.text) {
        say_failed("%s", err.text);
        fail(r);
    }
    model_archive_close(a);
}

static struct model_tensor *read_photo(struct runner *r, const char *path, ptrdiff_t *input)
{
    static const struct model_place all = {0};
    struct model_error err;
    struct model_tensor *t = NULL;
    ptrdiff_t at = *input >= 0 ? *input : model_session_photo_input(r->s, &err);
    if (at >= 0 && !r->given[at])
        *input = at;
    if (at < 0) {
        say_failed("%s: %s", path, err.text);
        return NULL;
    }
    double start = now();
    bool told = false;
    if (!ahead_take(r, path, &t, &err)) {
        const struct model_picture *picture = picture_of(r, path);
        told = !picture;
        t = picture ? model_session_part(r->s, picture, &all, NULL, &r->photo, &err) : NULL;
        r->spent.preparing += now() - start;
    }
    r->spent.photos++;
    ahead_start(r);
    if (!t && !told)
        say_failed("%s: %s", path, err.text);
    if (!t)
        return NULL;
    r->assumed = tell_assumed(r->m, path, &r->photo);
    r->has_photo = true;
    free(r->photo_path);
    r->photo_path = get_copy(path);
    return t;
}

/* Of a file, or, for a named input, a number. */
static struct model_tensor *read_array(const struct runner *r, const char *path, ptrdiff_t input)
{
    struct model_error err;
    struct model_tensor *t = input < 0 ? model_tensor_read(path, &err) : input_value(r->m, (size_t)input, path, &err);
    if (!t)
        say_failed("%s", err.text);
    return t;
}

/* A run is called by its first input, by a number only when there is nothing else. */
static void name_run(struct runner *r, const char *path)
{
    if (r->first && !input_is_number(r->first))
        return;
    free(r->first);
    r->first = get_copy(path);
}

/* Frames alone: the next one lies where a state would be wanted, and is none. */
static ptrdiff_t start_stream(struct runner *r, const char *path)
{
    stream_start(r);
    if (lacking(r) == 0)
        feed_run(r);
    name_run(r, path);
    return next_input(r);
}

/* A file for one input, the next when `input` is -1. */
static void feed_file(struct runner *r, const char *path, ptrdiff_t input)
{
    bool named = input >= 0;
    bool array = has_suffix(path, ".npy") || (named && input_is_number(path));
    struct model_tensor *t = array ? read_array(r, path, input) : read_photo(r, path, &input);
    if (input < 0 || (!named && r->given[input]))
        input = next_input(r);
    if (t && !named && input >= 0 && !r->stream && r->state[input] >= 0 && !stream_fits(r, (size_t)input, t))
        input = start_stream(r, path);
    if (!t)
        fail(r);
    if (input >= 0) {
        take(r, input, t); /* without a tensor, too: the run is complete, and fails, all the same */
        r->kept[input] = r->stream && named && input != stream_input(r);
    } else
        model_tensor_free(t);
}

/* "NAME=FILE" where neither the model has such an input, nor is that a file's name. */
static bool is_misnamed(const struct runner *r, const char *input)
{
    char names[300];
    const char *equals = strchr(input, '=');
    if (!equals || memchr(input, '/', (size_t)(equals - input)) || access(input, F_OK) == 0)
        return false;
    say_failed("%s: no input '%.*s': want one of %s", input, (int)(equals - input), input,
               input_names(r->m, names, sizeof names));
    return true;
}

static bool is_folder(const char *path)
{
    struct stat st;
    if (stat(path, &st) < 0 || !S_ISDIR(st.st_mode))
        return false;
    say_failed("%s: is a folder: want its files, as by find %s -type f | " PROGPREFIX "run MODEL -", path, path);
    return true;
}

/* By its suffix; with --frame, what has none, too: a pipe. */
static bool is_sound(const struct runner *r, const char *path)
{
    const char *name = strrchr(path, '/');
    return has_suffix(path, ".wav") ||
           (r->request->properties.text[PROPERTY_FRAME] && !strchr(name ? name : path, '.') && !input_is_number(path));
}

void feed(struct runner *r, const char *input)
{
    const char *path = input;
    ptrdiff_t at = input_named(r->m, input, &path);
    if (r->is_ready && (at < 0 || r->given[at]))
        feed_run(r);
    if (r->input_count == 0) {
        r->status = say_failed("%s: the model has no inputs", path);
        return;
    }
    if (at < 0 && (is_misnamed(r, input) || is_folder(input))) {
        r->status = 1;
        r->misnamed = true;
        return;
    }
    if (is_sound(r, path)) {
        feed_sound(r, path, at);
        return;
    }
    if (!r->bytes && !has_suffix(path, ".npy") && !has_suffix(path, ".npz") && feed_if_pictures(r, input, path))
        return;
    name_run(r, path);
    if (at < 0 && has_suffix(path, ".npz"))
        feed_archive(r, path);
    else
        feed_file(r, path, at);
    r->is_ready = at >= 0 && lacking(r) == 0 && !r->stream && next_input(r) >= 0;
    if (!r->is_ready && (lacking(r) == 0 || (r->failed && has_suffix(path, ".npz"))))
        feed_run(r);
}

void feed_end(struct runner *r)
{
    struct model_port port = {.name = ""};
    ptrdiff_t frame = stream_input(r);
    if (r->is_ready)
        feed_run(r);
    if (r->first && !r->failed && !r->stream && !r->other && frame >= 0 && r->given[frame])
        stream_start(r);
    if (r->first && r->stream && frame >= 0 && r->given[frame] && lacking(r) == 0)
        feed_run(r);
    bool wants_none = !r->tried && !r->first && feed_needed(r->m) == 0;
    if (wants_none || (r->first && r->other && !r->misnamed)) /* the rest is random */
        feed_run(r);
    else if (r->first && !r->misnamed) {
        ptrdiff_t input = next_input(r);
        if (input >= 0)
            model_input(r->m, (size_t)input, &port);
        r->status = say_failed("%s: input '%s' is not given: a run wants %zu", r->first, port.name, feed_needed(r->m));
    }
    r->stream = false;
    memset(r->kept, 0, r->input_count * sizeof *r->kept);
    clear(r);
}
