/* Inputs: from files, or random, always the same. */
#include <stdio.h>
#include <string.h>

#include "../common/files.h"
#include "../common/program.h"
#include "bench.h"

#define SEED 1

/* "NAME=FILE", or FILE for the first input; -1 with a message when the model has no such input. */
static ptrdiff_t find_input(const struct bench *b, const char *given, const char **path)
{
    struct model_port port;
    const char *equals = strchr(given, '=');
    *path = given;
    for (size_t i = 0; model_input(b->m, i, &port); i++) {
        size_t n = strlen(port.name);
        if (strncmp(given, port.name, n) == 0 && given[n] == '=') {
            *path = given + n + 1;
            return (ptrdiff_t)i;
        }
    }
    if (!equals && b->input_count)
        return 0;
    say_failed("%s: -i %s: the model has no such input", b->path, given);
    return -1;
}

static int read_input(struct bench *b, const char *given)
{
    struct model_error err;
    struct model_port port;
    const char *path;
    ptrdiff_t i = find_input(b, given, &path);
    if (i < 0)
        return 1;
    model_tensor_free(b->in[i]);
    b->in[i] = model_tensor_read(path, &err);
    if (!b->in[i])
        return say_failed("%s", err.text);
    model_input(b->m, (size_t)i, &port);
    if (model_bind(b->m, port.name, model_tensor_rank(b->in[i]), model_tensor_dims(b->in[i]), &err) < 0)
        return say_failed("%s: %s", b->path, err.text);
    return 0;
}

static void tell_bound(const struct bench *b)
{
    struct model_port port;
    for (size_t i = 0; model_input(b->m, i, &port); i++)
        if (!b->in[i])
            say_note("%s: open sizes of input '%s' set, which -s can do too: %s", b->path, port.name, port.text);
}

int prepare_inputs(struct bench *b, const struct request *r)
{
    struct model_error err;
    struct model_port port;
    for (size_t i = 0; i < r->shape_count; i++)
        if (bind_shape(b->m, r->shapes[i], b->path))
            return 1;
    for (size_t i = 0; i < r->input_count; i++)
        if (read_input(b, r->inputs[i]))
            return 1;
    int bound = model_bind_rest(b->m, &err);
    if (bound < 0)
        return say_failed("%s: %s", b->path, err.text);
    if (bound > 0)
        tell_bound(b);
    for (size_t i = 0; model_input(b->m, i, &port); i++)
        if (!b->in[i] && !port.optional && !(b->in[i] = model_tensor_random(b->m, i, SEED, &err)))
            return say_failed("%s: %s", b->path, err.text);
    return 0;
}
