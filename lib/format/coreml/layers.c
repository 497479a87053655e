/* Neural networks: a list of layers, each of which is a row of layers.def. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "format/coreml/coreml.h"

#include "format/coreml/layers.inc"
PACKED_TEXT(rows);

enum {
    LAYER_NAME = 1,
    LAYER_INPUT,
    LAYER_OUTPUT,
    LAYER_FIRST_KIND = 100,
    LAYER_ACTIVATION = 130,
    LAYER_LAST_KIND = 1999
};

/* The words behind the number of a row; NULL: there is none. */
static const char *row_of(uint64_t number)
{
    for (const char *row = packed_text(&rows); *row; row += strlen(row) + 1) {
        char *rest;
        if (strtoull(row, &rest, 10) == number)
            return rest + 1;
    }
    return NULL;
}

/* ---- operands ---- */

/* Inputs have the roles of "x,y" in their order; "values" is all of them. */
static void set_inputs(struct coreml_op *o, struct bytes layer, const char *roles)
{
    struct protobuf_field f;
    size_t count = coreml_count(layer, LAYER_INPUT), role = strcspn(roles, " ");
    bool list = role == 6 && memcmp(roles, "values", 6) == 0;
    coreml_count_parts(o->r, count);
    struct coreml_arg *args = o->b->failed ? NULL : coreml_alloc(o->r, count + 1, sizeof(*args));
    struct coreml_value **all = args ? coreml_alloc(o->r, count + 1, sizeof(*all)) : NULL;
    o->args = args;
    for (size_t i = 0; all && i < count && coreml_next(&layer, LAYER_INPUT, &f) && !o->b->failed; i++) {
        const char *name = coreml_text(o->r, bytes_of(f.data, f.size));
        size_t size = strcspn(roles, ", ");
        all[i] = coreml_find(o->r, name);
        if (!all[i])
            build_fail(o->b, "it takes '%.200s', which no layer before it makes", name);
        if (list && i) {
            args[0].count++;
            continue;
        }
        args[i] = (struct coreml_arg){coreml_text(o->r, bytes_of(roles, size)), &all[i], 1};
        o->arg_count++;
        roles += size + (roles[size] == ',');
    }
}

static void set_outputs(struct coreml_op *o, struct bytes layer)
{
    struct protobuf_field f;
    size_t count = coreml_count(layer, LAYER_OUTPUT);
    coreml_count_parts(o->r, count);
    const char **names = coreml_alloc(o->r, count, sizeof(*names));
    o->out_names = names;
    while (names && coreml_next(&layer, LAYER_OUTPUT, &f))
        names[o->out_count++] = coreml_text(o->r, bytes_of(f.data, f.size));
}

/* The field that says what a layer is: the last one. */
static uint64_t kind_of(struct bytes layer, struct bytes *params)
{
    struct protobuf_field f;
    uint64_t number = 0;
    while (bytes_left(&layer) && protobuf_take(&layer, &f))
        if (f.number >= LAYER_FIRST_KIND && f.number <= LAYER_LAST_KIND && f.wire == PROTOBUF_WIRE_BYTES) {
            number = f.number;
            *params = bytes_of(f.data, f.size);
        }
    return number;
}

/* An activation is an operator of its own. */
static void set_activation(struct coreml_op *o)
{
    static const struct {
        uint16_t number;
        const char *type;
    } kinds[] = {{5, "linear_activation"},
                 {10, "relu"},
                 {15, "leaky_relu"},
                 {20, "thresholded_relu"},
                 {25, "prelu"},
                 {30, "tanh"},
                 {31, "scaled_tanh"},
                 {40, "sigmoid"},
                 {41, "sigmoid_hard"},
                 {50, "elu"},
                 {60, "softsign"},
                 {70, "softplus"},
                 {71, "softplus_parametric"}};
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
        if (coreml_has(o->params, kinds[i].number)) {
            o->params = coreml_part(o->params, kinds[i].number);
            o->type = kinds[i].type;
            o->fields = kinds[i].number == 25 || kinds[i].number == 71 ? "alpha1! beta2!" : "alpha1 beta2";
            return;
        }
}

static void read_layer(struct coreml_reader *r, struct bytes layer)
{
    struct coreml_op o = {.r = r, .b = &r->b, .params = bytes_of("", 0), .fields = ""};
    uint64_t number = kind_of(layer, &o.params);
    const char *row = number == LAYER_ACTIVATION ? "activation x" : row_of(number);
    char type[40];
    snprintf(type, sizeof(type), "layer%d", (int)number);
    o.name = coreml_text(r, coreml_part(layer, LAYER_NAME));
    o.type = row ? coreml_text(r, bytes_of(row, strcspn(row, " "))) : type;
    row = row ? row + strcspn(row, " ") + 1 : "values";
    if (number == LAYER_ACTIVATION)
        set_activation(&o);
    else
        o.fields = row + strcspn(row, " ");
    o.fields += strspn(o.fields, " ");
    set_inputs(&o, layer, row);
    if (!r->b.failed)
        set_outputs(&o, layer);
    if (r->b.failed)
        error_prefix(r->b.err, "'%.200s' (%.100s)", o.name, o.type);
    coreml_read_op(&o);
}

void coreml_read_network(struct coreml_reader *r, struct bytes network)
{
    struct protobuf_field f;
    while (!r->b.failed && coreml_next(&network, 1, &f))
        read_layer(r, bytes_of(f.data, f.size));
}
