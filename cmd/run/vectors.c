/* Records of another network that carry vectors: rows of a stream, cut into frames as sound is. */
#include <stdlib.h>
#include <string.h>

#include "../common/program.h"
#include "run.h"

#define MOST_NUMBERS ((size_t)1 << 26) /* of a frame */

/* The frame that is being filled: what is kept of those before, or zeros, and then the new rows. */
struct vectors {
    char *path; /* that the stream is about */
    size_t input, row, length, hop;
    float *values; /* [length * row]; NULL: the model takes no such frames, which was told */
    size_t filled;
    bool is_lost; /* the network failed, and with it the states */
};

/* ---- frames ---- */

/* Behind the first of their sizes, that of the batch, frames have rows, and rows numbers. */
static int size_rows(struct runner *r, const char *where, struct vectors *v)
{
    struct model_port port;
    int64_t length, hop, row = 1;
    ptrdiff_t input = stream_input(r);
    if (input < 0)
        return say_failed("%s: the model has no input for vectors", where);
    model_input(r->m, (size_t)input, &port);
    for (int i = 2; i < port.rank && row > 0; i++)
        row = port.dims[i] > (int64_t)MOST_NUMBERS / row ? -1 : row * port.dims[i];
    if (port.rank < 2 || row < 1)
        return say_failed("%s: input '%s' is %s: want frames of rows of a known size", where, port.name, port.text);
    if (frame_size(r, where, &port, 1, &length, &hop))
        return 1;
    if ((size_t)length > MOST_NUMBERS / (size_t)row)
        return say_failed("%s: frames of %lld rows: want less", where, (long long)length);
    v->input = (size_t)input, v->row = (size_t)row, v->length = (size_t)length, v->hop = (size_t)hop;
    v->values = get_memory(v->length * v->row, sizeof *v->values);
    return 0;
}

/* Another stream: zeros come before its beginning. */
static int start(struct runner *r, const char *path, const char *where)
{
    struct vectors *v = r->vectors;
    stream_start(r);
    if (!v) {
        v = r->vectors = get_memory(1, sizeof *v);
        if (size_rows(r, where, v))
            return 1;
    }
    stream_restart(r);
    free(v->path);
    v->path = get_copy(path);
    memset(v->values, 0, v->length * v->row * sizeof *v->values);
    v->filled = (v->length - v->hop) * v->row;
    v->is_lost = false;
    r->frame = 0;
    return 0;
}

static void run_frame(struct runner *r, const char *where)
{
    struct vectors *v = r->vectors;
    struct model_error err;
    size_t kept = (v->length - v->hop) * v->row;
    free(r->first);
    r->first = get_copy(v->path);
    model_tensor_free(r->in[v->input]); /* given by name */
    r->in[v->input] = model_vector_frame(r->m, v->input, v->values, (int64_t)v->length, &err);
    r->given[v->input] = true;
    r->failed = !r->in[v->input];
    if (r->failed)
        say_failed("%s: %s", where, err.text);
    double time = r->time;
    bool has_time = r->has_time;
    feed_run(r);
    r->has_time = has_time, r->time = time;
    r->frame++;
    v->is_lost = !r->ran;
    memmove(v->values, v->values + v->hop * v->row, kept * sizeof *v->values);
    v->filled = kept;
}

/* ---- records ---- */

/* The last field of numbers, and the time, if there is one before it; NULL: there are none. */
static const char *find_vector(struct runner *r, const struct model_record *record)
{
    struct model_field field;
    const char *vector = NULL;
    char *end;
    r->has_time = false;
    for (size_t i = 1; model_record_field(record, i, &field); i++) {
        bool is_time = i == 1 && *field.text && (r->time = strtod(field.text, &end), !*end);
        r->has_time |= is_time;
        if (strpbrk(field.text, " ,") && strspn(field.text, "[], +-.0123456789eE") == strlen(field.text))
            vector = field.text;
    }
    return vector;
}

static const char *next_number(const char *text, float *value)
{
    char *end;
    text += strspn(text, "[], ");
    *value = strtof(text, &end);
    return end > text ? end : NULL;
}

void feed_vector(struct runner *r, const char *line, size_t n, const char *where)
{
    struct model_error err;
    if (r->vectors && !r->vectors->values)
        return;
    struct model_record *record = model_record_read(line, n, &err);
    const char *path = record ? model_record_path(record) : NULL, *vector = record ? find_vector(r, record) : NULL;
    float value;
    size_t numbers = 0;
    for (const char *at = vector; at && (at = next_number(at, &value));)
        numbers++;
    if (!record)
        r->status = say_failed("%s: %s", where, err.text);
    else if (!vector)
        r->status = say_failed("%s: %s: no vector: want records of a network with -T embedding", where, path);
    else if ((!r->vectors || strcmp(r->vectors->path, path) != 0) && start(r, path, where))
        r->status = 1;
    else if (numbers % r->vectors->row)
        r->status = say_failed("%s: %s: a vector of %zu numbers: want rows of %zu", where, path, numbers,
                               r->vectors->row);
    else
        for (struct vectors *v = r->vectors; numbers && !v->is_lost; numbers--) {
            vector = next_number(vector, &v->values[v->filled++]);
            if (v->filled == v->length * v->row)
                run_frame(r, where);
        }
    model_record_free(record);
}

void vectors_free(struct runner *r)
{
    if (r->vectors) {
        free(r->vectors->path);
        free(r->vectors->values);
    }
    free(r->vectors);
}
