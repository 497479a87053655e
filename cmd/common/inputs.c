#include "inputs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "files.h"
#include "program.h"

void inputs_init(struct inputs *inputs, int most)
{
    *inputs = (struct inputs){.shapes = get_memory((size_t)most, sizeof *inputs->shapes),
                              .tensors = get_memory((size_t)most, sizeof *inputs->tensors)};
}

void inputs_release(struct inputs *inputs)
{
    free(inputs->shapes);
    free(inputs->tensors);
}

bool inputs_option(struct inputs *inputs, int key, const char *value)
{
    if (key == 's')
        inputs->shapes[inputs->shape_count++] = value;
    else if (key == 'i')
        inputs->tensors[inputs->tensor_count++] = value;
    return key == 's' || key == 'i';
}

/* ---- names ---- */

ptrdiff_t input_named(const struct model *m, const char *given, const char **value)
{
    struct model_port port;
    for (size_t i = 0; model_input(m, i, &port); i++) {
        size_t n = strlen(port.name);
        if (strncmp(given, port.name, n) == 0 && given[n] == '=') {
            *value = given + n + 1;
            return (ptrdiff_t)i;
        }
    }
    return -1;
}

const char *input_names(const struct model *m, char *text, size_t size)
{
    struct model_port port;
    size_t used = 0;
    snprintf(text, size, "none");
    for (size_t i = 0; used + 1 < size && model_input(m, i, &port); i++)
        used += (size_t)snprintf(text + used, size - used, i ? ", '%s'" : "'%s'", port.name);
    return text;
}

/* ---- tensors ---- */

bool input_is_number(const char *value)
{
    char *end;
    strtod(value, &end);
    return *value && !*end && access(value, F_OK) != 0;
}

struct model_tensor *input_value(const struct model *m, size_t input, const char *value, struct model_error *err)
{
    return input_is_number(value) ? model_tensor_filled(m, input, strtod(value, NULL), err)
                                  : model_tensor_read(value, err);
}

static int take_tensor(struct model *m, const char *given, const char *path, struct model_tensor **in)
{
    struct model_error err;
    struct model_port port;
    char names[300];
    const char *value = given;
    ptrdiff_t i = input_named(m, given, &value);
    if (i < 0 && !strchr(given, '=') && model_input_count(m) > 0)
        i = 0;
    if (i < 0)
        return say_failed("%s: -i %s: no such input: want one of %s", path, given, input_names(m, names, sizeof names));
    if (input_is_number(value) && inputs_bind_rest(m, path)) /* it fills what is there */
        return 1;
    model_tensor_free(in[i]);
    in[i] = input_value(m, (size_t)i, value, &err);
    if (!in[i])
        return say_failed("%s", err.text);
    model_input(m, (size_t)i, &port);
    if (model_bind(m, port.name, model_tensor_rank(in[i]), model_tensor_dims(in[i]), &err) < 0)
        return say_failed("%s: %s", path, err.text);
    return 0;
}

#define MOST_FILES 64 /* of a run that are looked at before the model is read */

/* The shape and type of a file; one without it gets a name that no input has. */
static void shape_of_file(const char *file, struct model_shape *shape, int64_t *dims, char **name)
{
    struct model_error err;
    const char *equals = strchr(file, '=');
    struct model_tensor *t = has_suffix(file, ".npy") ? model_tensor_read(equals ? equals + 1 : file, &err) : NULL;
    *name = t && !equals ? NULL : get_copy(t ? file : "");
    if (*name)
        (*name)[t ? equals - file : 0] = 0;
    *shape = (struct model_shape){*name, t ? model_tensor_rank(t) : 0, dims, t ? model_tensor_dtype(t) : NULL};
    for (int i = 0; i < shape->rank; i++)
        dims[i] = model_tensor_dims(t)[i];
    model_tensor_free(t);
}

struct model *inputs_read(const struct inputs *inputs, const char *path, const char *format, char **files, size_t count)
{
    count = count < MOST_FILES ? count : MOST_FILES;
    size_t all = count + inputs->shape_count;
    struct model_shape *shapes = get_memory(all, sizeof *shapes);
    int64_t(*dims)[MODEL_MAX_RANK] = get_memory(all, sizeof *dims);
    char **names = get_memory(all, sizeof *names);
    for (size_t i = 0; i < count; i++)
        shape_of_file(files[i], &shapes[i], dims[i], &names[i]);
    for (size_t i = count; i < all; i++) {
        int rank;
        names[i] = parse_shape(inputs->shapes[i - count], &rank, dims[i]);
        shapes[i] = (struct model_shape){names[i], rank, dims[i], NULL};
    }
    struct model *m = input_read_for(path, format, shapes, all);
    for (size_t i = 0; i < all; i++)
        free(names[i]);
    free(names);
    free(dims);
    free(shapes);
    return m;
}

int inputs_apply(const struct inputs *inputs, struct model *m, const char *path, struct model_tensor **in)
{
    for (size_t i = 0; i < inputs->shape_count; i++)
        if (bind_shape(m, inputs->shapes[i], path))
            return 1;
    for (size_t i = 0; i < inputs->tensor_count; i++)
        if (take_tensor(m, inputs->tensors[i], path, in))
            return 1;
    return 0;
}

bool port_is_open(const struct model_port *port, int from)
{
    for (int i = from; i < port->rank; i++)
        if (port->dims[i] < 0)
            return true;
    return false;
}

int inputs_bind_rest(struct model *m, const char *path)
{
    struct model_error err;
    struct model_port port;
    bool *open = get_memory(model_input_count(m), sizeof *open);
    for (size_t i = 0; model_input(m, i, &port); i++)
        open[i] = port_is_open(&port, 0);
    int bound = model_bind_rest(m, &err);
    for (size_t i = 0; model_input(m, i, &port); i++)
        if (open[i] && !port_is_open(&port, 0))
            say_note("%s: open sizes of input '%s' are tried as %s; -s sets others", path, port.name, port.text);
    free(open);
    return bound < 0 ? say_failed("%s: %s", path, err.text) : 0;
}

int inputs_fill(const struct model *m, const char *path, uint64_t seed, struct model_tensor **in)
{
    struct model_error err;
    struct model_port port;
    for (size_t i = 0; model_input(m, i, &port); i++)
        if (!in[i] && !port.optional && !(in[i] = model_tensor_random(m, i, seed, &err)))
            return say_failed("%s: %s", path, err.text);
    return 0;
}
