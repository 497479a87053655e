/* Operators that are others put together, in the language of the archives: they are read and run as a file's own
 * functions are. "onnx.Op(x, y, axis=0)" makes a node. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/packed.h"
#include "format/torch/torch.h"

#define MODULE "prelude"

static const uint8_t source[] = {
#include "format/torch/prelude.inc"
};

enum { SOURCE_SIZE = PACKED_SIZE };

#include "format/torch/prelude_names.inc"
PACKED_TEXT(names);

const char *torch_prelude_name(const char *operation, char *name, size_t size)
{
    snprintf(name, size, MODULE ".%.200s", operation);
    char *dot = strchr(name + strlen(MODULE "."), '.');
    if (dot)
        *dot = '_'; /* "quantized.add" */
    return name;
}

const char *torch_prelude_at(size_t index)
{
    for (const char *name = packed_text(&names); *name; name += strlen(name) + 1)
        if (strncmp(name, "nn_", 3) != 0 && index-- == 0)
            return name;
    return NULL;
}

int torch_prelude_read(struct torch_reader *t, struct error *err)
{
    char *text = mem_calloc(SOURCE_SIZE, 1, err);
    if (!text)
        return -1;
    size_t size = packed_read(source, sizeof(source), text, SOURCE_SIZE) ? SOURCE_SIZE - 1 : 0; /* without the NUL */
    int result = torch_source_read(t, MODULE, text, size, err);
    free(text);
    return result;
}

/* ---- nodes ---- */

#define MOST_OUTPUTS 8

/* "outputs" is how many there are: more than one come as a tuple. A file's own functions may name nodes too. */
static int outputs_of(struct torch_reader *t, const struct torch_args *args)
{
    for (int i = 0; i < args->count; i++) {
        const struct torch_value *v = &args->values[i];
        if (!args->names[i] || strcmp(args->names[i], "outputs") != 0)
            continue;
        if (v->kind == TORCH_INT && v->i >= 1 && v->i <= MOST_OUTPUTS)
            return (int)v->i;
        build_fail(t->b, "outputs must be a number from 1 to %d", MOST_OUTPUTS);
    }
    return 1;
}

static void set_attribute(struct torch_reader *t, struct value *v, const char *name, struct torch_value a)
{
    struct str text = {a.text, a.kind == TORCH_STRING ? strlen(a.text) : 0};
    if (a.kind == TORCH_STRING && strcmp(name, "activations") == 0)
        build_check(t->b, v && node_set_strings(v->producer, name, &text, 1, t->b->err) == 0);
    else if (a.kind == TORCH_STRING)
        build_string(t->b, v, name, a.text);
    else if (a.kind == TORCH_FLOAT)
        build_float(t->b, v, name, (float)a.f);
    else if (torch_is_number(a))
        build_int(t->b, v, name, a.i);
    else
        build_fail(t->b, "attribute '%.60s' must be a number or a text", name);
}

struct torch_value torch_onnx(struct torch_reader *t, const char *op, const struct torch_args *args)
{
    struct value *in[8] = {NULL};
    int count = 0;
    for (int i = 0; i < args->count && count < 8 && !t->b->failed; i++)
        if (!args->names[i])
            in[count++] = torch_is_list(args->values[i]) ? torch_graph_list(t, args->values[i])
                                                         : torch_graph_value(t, args->values[i]);
    struct value *v = build_node(t->b, op, count, in);
    for (int i = 0; i < args->count && !t->b->failed; i++)
        if (args->names[i] && strcmp(args->names[i], "outputs") != 0)
            set_attribute(t, v, args->names[i], args->values[i]);
    int outs = outputs_of(t, args);
    if (outs == 1)
        return torch_tensor(t, v);
    struct torch_value all = torch_list(t, TORCH_TUPLE);
    for (int o = 1; o < outs; o++)
        build_output(t->b, v, o); /* all, before the node is looked at */
    for (int o = 0; o < outs && !t->b->failed; o++)
        torch_append(t, all, torch_tensor(t, build_output(t->b, v, o)));
    return all;
}
