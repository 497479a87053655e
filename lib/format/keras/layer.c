/* What the functions of layers see of them: configuration, inputs, layout. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/packed.h"
#include "format/keras/keras.h"

/* ---- configuration ---- */

/* What Keras 1 called it. */
static const struct {
    const char *name, *before;
} renamed[] = {
    {"units", "output_dim"},
    {"filters", "nb_filter"},
    {"padding", "border_mode"},
    {"strides", "subsample"},
    {"strides", "subsample_length"},
    {"strides", "stride"},
    {"data_format", "dim_ordering"},
    {"use_bias", "bias"},
    {"dilation_rate", "atrous_rate"},
    {"pool_size", "pool_length"},
    {"recurrent_activation", "inner_activation"},
    {"size", "length"},
    {"axis", "concat_axis"},
};

static const struct json_node *present(const struct json_node *n)
{
    return n && n->kind != JSON_NULL ? n : NULL;
}

const struct json_node *keras_member(const struct keras_call *l, const char *name)
{
    const struct json *j = &l->r->json;
    const struct json_node *n = present(json_member(j, l->config, name));
    if (!n && l->cell)
        n = present(json_member(j, l->cell, name));
    for (size_t i = 0; i < sizeof(renamed) / sizeof(*renamed) && !n && l->r->major == 1; i++)
        if (strcmp(renamed[i].name, name) == 0)
            n = present(json_member(j, l->config, renamed[i].before));
    return n;
}

static void refuse(struct keras_call *l, const char *name, const char *want)
{
    build_fail(l->b, "its %s is not read: want %s", name, want);
}

int64_t keras_number(struct keras_call *l, const struct json_node *node, const char *name)
{
    if (node->kind == JSON_NUMBER && fabs(node->number) < 9e15 && floor(node->number) == node->number)
        return (int64_t)node->number;
    refuse(l, name, "whole numbers");
    return 1;
}

int64_t keras_int(struct keras_call *l, const char *name, int64_t otherwise)
{
    const struct json_node *n = keras_member(l, name);
    return n ? keras_number(l, n, name) : otherwise;
}

float keras_float(struct keras_call *l, const char *name, float otherwise)
{
    const struct json_node *n = keras_member(l, name);
    if (n && n->kind != JSON_NUMBER)
        refuse(l, name, "a number");
    return n ? (float)n->number : otherwise;
}

bool keras_bool(struct keras_call *l, const char *name, bool otherwise)
{
    const struct json_node *n = keras_member(l, name);
    bool is_number = n && n->kind == JSON_NUMBER; /* Python takes 1 for True, and writes what it was given */
    if (n && n->kind != JSON_TRUE && n->kind != JSON_FALSE && !is_number)
        refuse(l, name, "true or false");
    return is_number ? n->number != 0 : n ? n->kind == JSON_TRUE : otherwise;
}

const char *keras_text(struct keras_call *l, const char *name, const char *otherwise)
{
    const struct json_node *n = keras_member(l, name);
    if (n && n->kind != JSON_STRING)
        refuse(l, name, "a word");
    return n && n->kind == JSON_STRING ? n->string : otherwise;
}

int keras_list_of(struct keras_call *l, const struct json_node *node, const char *name, int64_t *values, int max)
{
    int count = 0;
    if (node->kind != JSON_ARRAY) {
        values[0] = keras_number(l, node, name);
        return 1;
    }
    for (const struct json_node *e = json_first(&l->r->json, node); e && !l->b->failed; e = json_next(&l->r->json, e)) {
        if (count == max)
            refuse(l, name, "fewer numbers");
        else
            values[count++] = e->kind == JSON_NULL ? -1 : keras_number(l, e, name);
    }
    return count;
}

int keras_list(struct keras_call *l, const char *name, int64_t *values, int max)
{
    const struct json_node *n = keras_member(l, name);
    return n ? keras_list_of(l, n, name, values, max) : -1;
}

void keras_ints(struct keras_call *l, const char *name, int n, int64_t otherwise, int64_t *values)
{
    int count = keras_list(l, name, values, n);
    if (count > 1 && count != n) {
        refuse(l, name, "a number for each axis");
        count = 0;
    }
    for (int i = 0; i < n; i++) {
        values[i] = count <= 0 ? otherwise : count == 1 ? values[0] : values[i];
        if (values[i] < 0 || values[i] > INT32_MAX)
            refuse(l, name, "numbers of 31 bits");
    }
}

const char *keras_class_of(const struct json *j, const struct json_node *node)
{
    const struct json_node *class = node && node->kind == JSON_OBJECT ? json_member(j, node, "class_name") : node;
    return class && class->kind == JSON_STRING ? class->string : "";
}

/* ---- inputs ---- */

struct value *keras_in(struct keras_call *l, int k)
{
    if (k >= l->in_count || !l->in[k])
        build_fail(l->b, "its input %d is missing", k);
    return l->b->failed ? NULL : l->in[k];
}

static const struct type *type_of(struct keras_call *l, struct value *v)
{
    const struct type *type = v ? build_type(l->b, v) : NULL;
    return type && type->kind == TYPE_TENSOR ? type : NULL;
}

int keras_rank(struct keras_call *l, struct value *v)
{
    const struct type *type = type_of(l, v);
    if (type && type->rank >= 0)
        return type->rank;
    while (v && v->producer && v->producer->def && v->producer->in_count)
        v = v->producer->in[0];
    if (v && v->producer && !v->producer->def)
        build_fail(l->b, "the rank of its input is not known, nor is the operator %s before it", v->producer->op);
    build_fail(l->b, "the rank of its input must be known");
    return 0;
}

int64_t keras_dim(struct keras_call *l, struct value *v, int axis)
{
    const struct type *type = type_of(l, v);
    return type && axis >= 0 && axis < type->rank && type->dims[axis] >= 0 ? type->dims[axis] : -1;
}

int keras_axis(struct keras_call *l, int64_t axis, int rank)
{
    if (axis >= -rank && axis < rank)
        return (int)(axis < 0 ? axis + rank : axis);
    build_fail(l->b, "it has axis %lld of %d", (long long)axis, rank);
    return 0;
}

void keras_give(struct keras_call *l, struct value *v)
{
    if (l->out_count < KERAS_OUTPUTS && !l->b->failed)
        l->out[l->out_count++] = v;
}

/* ---- layout ---- */

bool keras_is_nchw(struct keras_call *l)
{
    const char *format = keras_text(l, "data_format", "channels_last");
    return strcmp(format, "channels_first") == 0 || strcmp(format, "th") == 0;
}

struct value *keras_to_nchw(struct keras_call *l, struct value *v, int rank)
{
    return keras_is_nchw(l) ? v : build_channels_first(l->b, v, rank);
}

struct value *keras_from_nchw(struct keras_call *l, struct value *v, int rank)
{
    return keras_is_nchw(l) ? v : build_channels_last(l->b, v, rank);
}

/* ---- masks ---- */

#define MASK_KEY(key, v)                                                                                               \
    char key[40];                                                                                                      \
    snprintf(key, sizeof(key), "mask %p", (const void *)(v))

struct value *keras_mask_of(const struct keras_reader *r, const struct value *v)
{
    MASK_KEY(key, v);
    return lookup_find(&r->kept, key);
}

void keras_set_mask(struct keras_call *l, const struct value *v, struct value *mask)
{
    MASK_KEY(key, v);
    if (!mask || l->b->failed || lookup_find(&l->r->kept, key))
        return;
    const char *own = arena_strdup(&l->r->arena, key, l->b->err);
    build_check(l->b, own && lookup_add(&l->r->kept, own, mask, l->b->err) == 0);
}

/* ---- calling ---- */

static keras_layer_fn *const rest[] = {
#define LAYER(class, function, onnx, mask) keras_read_##function,
#include "format/keras/layer.def"
#undef LAYER
};

#include "format/keras/layer.inc"
PACKED_TABLE(kinds, struct keras_kind, 2, rest);

const struct keras_kind *keras_find_kind(const char *class)
{
    return packed_find(&kinds, class);
}

const char *keras_operator_at(size_t index)
{
    const struct keras_kind *kind = packed_row(&kinds, index);
    return kind ? kind->class : NULL;
}

/* Whether the mask of a layer's input is that of its output; operations are in another table, and have none. */
static bool is_transparent(const struct keras_kind *kind)
{
    static const bool masks[] = {
#define LAYER(class, function, onnx, mask) mask,
#include "format/keras/layer.def"
#undef LAYER
    };
    size_t at = ((uintptr_t)kind - (uintptr_t)kinds_rows) / sizeof(*kinds_rows);
    return at < sizeof(masks) && masks[at];
}

const char *keras_keep(struct keras_reader *r, const char *text)
{
    const char *kept = arena_strdup(&r->b.graph->root->arena, text, r->b.err);
    build_check(&r->b, kept != NULL);
    return kept;
}

/* A layer that is not known, with the numbers and words of its configuration. */
static void read_opaque(struct keras_call *l)
{
    char op[200];
    snprintf(op, sizeof(op), "keras.%.150s", l->class);
    if (strchr(l->class, '.') || !*l->class)
        build_fail(l->b, "a class of layers whose name is empty or has a dot in it");
    struct value *v = l->b->failed ? NULL : build_node(l->b, op, l->in_count, l->in);
    for (const struct json_node *m = json_first(&l->r->json, l->config); m && !l->b->failed;
         m = json_next(&l->r->json, m)) {
        if (m->kind == JSON_NUMBER)
            build_float(l->b, v, m->key, (float)m->number);
        else if (m->kind == JSON_STRING && strcmp(m->key, "name") != 0)
            build_string(l->b, v, m->key, m->string);
        else if (m->kind == JSON_TRUE || m->kind == JSON_FALSE)
            build_int(l->b, v, m->key, m->kind == JSON_TRUE);
    }
    keras_give(l, v);
}

bool keras_is_operation(const struct keras_reader *r, const struct json_node *layer)
{
    const struct json_node *module = json_member(&r->json, layer, "module"),
                           *config = json_member(&r->json, layer, "config");
    if (module)
        return module->kind == JSON_STRING && strstr(module->string, ".ops.");
    return r->major >= 3 && config && !json_member(&r->json, config, "trainable") &&
           keras_find_operation(keras_class_of(&r->json, layer));
}

void keras_read_call(struct keras_call *l)
{
    if (++l->r->calls > KERAS_CALLS)
        build_fail(l->b, "more than %d layers are called", KERAS_CALLS);
    l->kind = keras_is_operation(l->r, l->layer) ? keras_find_operation(l->class) : keras_find_kind(l->class);
    const char *name = l->b->failed ? NULL : keras_keep(l->r, l->name);
    if (l->b->failed)
        return;
    const struct json *j = &l->r->json;
    const struct json_node *mode = json_member(j, json_member(j, keras_member(l, "dtype"), "config"), "mode");
    l->in_bytes = mode && mode->kind == JSON_STRING && strcmp(mode->string, "int8") == 0;
    if (mode && !l->in_bytes)
        build_fail(l->b, "it is quantised in another way than int8, which is not read");
    build_layer(l->b, name);
    (l->kind ? l->kind->read : read_opaque)(l);
    build_infer(l->b);
    if (is_transparent(l->kind) && l->in_count && l->out_count && !keras_mask_of(l->r, l->out[0]))
        keras_set_mask(l, l->out[0], keras_mask_of(l->r, l->in[0]));
    if (l->b->failed && !strstr(l->b->err->text, "layer '"))
        error_prefix(l->b->err, "layer '%.200s' (%.100s)", l->name, l->class);
}

void keras_call_part(struct keras_call *l, const struct json_node *part, const struct keras_place *place,
                     struct keras_call *inner)
{
    const struct json *j = &l->r->json;
    inner->r = l->r;
    inner->b = l->b;
    inner->layer = part;
    inner->place = *place;
    inner->class = keras_class_of(j, part);
    inner->config = json_member(j, part, "config");
    const struct json_node *name = json_member(j, inner->config, "name");
    inner->name = name && name->kind == JSON_STRING ? name->string : l->name;
    if (++l->r->depth > KERAS_DEPTH)
        build_fail(l->b, "layers within layers more than %d deep", KERAS_DEPTH);
    if (!l->b->failed)
        keras_read_call(inner);
    l->r->depth--;
    if (!l->b->failed && inner->out_count == 0)
        build_fail(l->b, "the layer within it has no output");
}
