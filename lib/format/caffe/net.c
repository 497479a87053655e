/* A net as a list of layers in the newest form. The older two are raised to it: the second (V1) has an enum for types,
 * the first (V0) also keeps the parameters of all types in one message. */
#include <stdlib.h>
#include <string.h>

#include "base/packed.h"
#include "format/caffe/caffe.h"

/* ---- types ---- */

static const int64_t old_numbers[] = {
#define OLD(number, word, v0, type) number,
#include "format/caffe/old_types.def"
#undef OLD
};

struct old_type {
    const char *type, *word, *v0;
    int64_t number; /* of V1's enum; -1: none */
};

#include "format/caffe/old_types.inc"
PACKED_TABLE(old_types, struct old_type, 3, old_numbers);

/* V1's type, a number or a word; NULL: unknown. */
static const char *v1_type(const struct protobuf *layer)
{
    const struct protobuf *p = protobuf_find(layer, "type");
    const char *word = protobuf_as_text(p, NULL);
    const struct old_type *old;
    for (size_t i = 0; p && (old = packed_row(&old_types, i)); i++)
        if (word ? old->word && strcmp(old->word, word) == 0
                 : old->number >= 0 && protobuf_as_int(p, -1) == old->number)
            return old->type;
    return word;
}

static const char *v0_type(const struct protobuf *layer)
{
    const char *word = protobuf_text(layer, "type", "");
    const struct old_type *old;
    for (size_t i = 0; (old = packed_row(&old_types, i)); i++)
        if (old->v0 && strcmp(old->v0, word) == 0)
            return old->type;
    return word;
}

/* ---- V0 ---- */

/* Where its parameters went: rows of a type, a field, the message that this is in now, and its name there. */
#include "format/caffe/moved.inc"
PACKED_TEXT(moved);

struct lister {
    struct caffe_net *net;
    struct arena *arena;
    size_t nodes;
    struct lookup paddings; /* the top of a Padding layer → that layer */
    struct error *err;
};

static struct protobuf *add(struct lister *s, struct protobuf *to, const char *name, enum protobuf_kind kind)
{
    return protobuf_add(to, name, kind, s->arena, &s->nodes, s->err);
}

/* A copy of a number or text under another name. */
static int add_copy(struct lister *s, struct protobuf *to, const char *name, const struct protobuf *from)
{
    struct protobuf *p = add(s, to, name, from->kind);
    if (!p)
        return -1;
    struct protobuf *next = p->next;
    *p = *from;
    p->name = name;
    p->next = next;
    return 0;
}

/* The message within another, made where it is missing. */
static struct protobuf *part(struct lister *s, struct protobuf *to, const char *name)
{
    struct protobuf *p = to->last && strcmp(to->last->name, name) == 0 ? to->last : NULL;
    return p ? p : add(s, to, name, PROTOBUF_MESSAGE);
}

static int move_parameters(struct lister *s, struct protobuf *to, const struct protobuf *v0, const char *type)
{
    for (const char *at = packed_text(&moved); *at;) {
        const char *row[4];
        for (int i = 0; i < 4; i++, at += strlen(at) + 1)
            row[i] = at;
        const struct protobuf *from = strcmp(row[0], type) == 0 ? protobuf_find(v0, row[1]) : NULL;
        struct protobuf *param = from ? part(s, to, row[2]) : NULL;
        if (from && (!param || add_copy(s, param, row[3], from) != 0))
            return -1;
    }
    return 0;
}

/* V0 had layers that only pad: what they would have added is the padding of the convolution behind. */
static int move_padding(struct lister *s, struct protobuf *to, const char **bottom)
{
    const struct caffe_layer *padding = lookup_find(&s->paddings, *bottom);
    const struct protobuf *pad = padding ? protobuf_find(padding->owner, "pad") : NULL;
    struct protobuf *param = pad ? part(s, to, "convolution_param") : NULL;
    if (padding)
        *bottom = protobuf_text(padding->message, "bottom", "");
    return pad && (!param || add_copy(s, param, "pad", pad) != 0) ? -1 : 0;
}

static int add_bottoms(struct lister *s, struct protobuf *to, const struct protobuf *v1, const char *type)
{
    bool convolution = strcmp(type, "Convolution") == 0;
    for (const struct protobuf *p = protobuf_first(v1, "bottom"); p; p = protobuf_more(p)) {
        const char *name = protobuf_as_text(p, "");
        if (convolution && move_padding(s, to, &name) != 0)
            return -1;
        struct protobuf *bottom = add(s, to, "bottom", PROTOBUF_STRING);
        if (!bottom)
            return -1;
        bottom->text = name;
        bottom->size = strlen(name);
    }
    return 0;
}

/* A V0 layer as one of the newest form. */
static int raise_v0(struct lister *s, struct caffe_layer *layer, const struct protobuf *v1, const struct protobuf *v0)
{
    struct protobuf *to = arena_alloc(s->arena, sizeof(*to), s->err);
    if (!to)
        return -1;
    to->kind = PROTOBUF_MESSAGE;
    to->name = "layer";
    to->line = v1->line;
    *layer = (struct caffe_layer){protobuf_text(v0, "name", ""), v0_type(v0), to, v0};
    if (move_parameters(s, to, v0, layer->type) != 0 || add_bottoms(s, to, v1, layer->type) != 0)
        return -1;
    for (const struct protobuf *p = protobuf_first(v1, "top"); p; p = protobuf_more(p))
        if (add_copy(s, to, "top", p) != 0)
            return -1;
    if (strcmp(layer->type, "Padding") == 0)
        return lookup_add(&s->paddings, protobuf_text(to, "top", ""), layer, s->err);
    return 0;
}

/* ---- the list ---- */

static int list_layer(struct lister *s, struct caffe_layer *layer, const struct protobuf *p)
{
    const struct protobuf *v0 = protobuf_message(p, "layer");
    const char *type = protobuf_text(p, "type", NULL);
    if (strcmp(p->name, "layers") == 0) {
        if (v0)
            return raise_v0(s, layer, p, v0);
        type = v1_type(p);
    }
    *layer = (struct caffe_layer){protobuf_text(p, "name", ""), type, p, p};
    if (type && *type)
        return 0;
    return error_set(s->err, "the layer '%.200s' has no type that is known", layer->name);
}

static int list_layers(struct lister *s, const char *field)
{
    struct caffe_net *net = s->net;
    for (const struct protobuf *p = protobuf_first(net->message, field); p; p = protobuf_more(p))
        if (p->kind == PROTOBUF_MESSAGE && list_layer(s, &net->layers[net->count++], p) != 0)
            return -1;
    return 0;
}

int caffe_net_list(struct caffe_net *net, const struct protobuf *message, struct arena *arena, struct error *err)
{
    struct lister s = {.net = net, .arena = arena, .err = err};
    size_t count = protobuf_count(message, "layers") + protobuf_count(message, "layer");
    *net = (struct caffe_net){.message = message, .state = protobuf_message(message, "state")};
    net->layers = arena_alloc(arena, (count + 1) * sizeof(*net->layers), err);
    if (!net->layers)
        return -1;
    int failed = list_layers(&s, "layers") != 0 || list_layers(&s, "layer") != 0;
    lookup_release(&s.paddings);
    return failed ? -1 : 0;
}

/* ---- phases ---- */

static const char *const phases[] = {"TRAIN", "TEST"};

static bool has_stage(const struct protobuf *state, const char *stage)
{
    for (const struct protobuf *p = protobuf_first(state, "stage"); p; p = protobuf_more(p))
        if (strcmp(protobuf_as_text(p, ""), stage) == 0)
            return true;
    return false;
}

/* Whether a rule fits the net in use: its phase is TEST, whatever was trained. */
static bool rule_fits(const struct protobuf *state, const struct protobuf *rule)
{
    int64_t level = protobuf_int(state, "level", 0);
    if (protobuf_enum(rule, "phase", phases, 2, 1) != 1 || level < protobuf_int(rule, "min_level", INT64_MIN) ||
        level > protobuf_int(rule, "max_level", INT64_MAX))
        return false;
    for (const struct protobuf *p = protobuf_first(rule, "stage"); p; p = protobuf_more(p))
        if (!has_stage(state, protobuf_as_text(p, "")))
            return false;
    for (const struct protobuf *p = protobuf_first(rule, "not_stage"); p; p = protobuf_more(p))
        if (has_stage(state, protobuf_as_text(p, "")))
            return false;
    return true;
}

static bool any_fits(const struct protobuf *state, const struct protobuf *rule)
{
    for (; rule; rule = protobuf_more(rule))
        if (rule_fits(state, rule))
            return true;
    return false;
}

bool caffe_layer_is_used(const struct caffe_net *net, const struct caffe_layer *layer)
{
    const struct protobuf *include = protobuf_first(layer->message, "include");
    return include ? any_fits(net->state, include) : !any_fits(net->state, protobuf_first(layer->message, "exclude"));
}
