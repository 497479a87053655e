/* The binary form of a .param file: the same in 32-bit words, layer types and blobs by number, names left off. */
#include <stdio.h>
#include <string.h>

#include "base/packed.h"
#include "base/text.h"
#include "format/ncnn/net.h"

#define CUSTOM_BIT 0x100    /* of a type: the program's own layer */
#define CUSTOM     "custom" /* and what it is called here, with its number */

#include "format/ncnn/layer.inc"
PACKED_TEXT(names);

const char *ncnn_type_name(int index)
{
    const char *name = index < 0 ? "" : packed_text(&names);
    while (*name && index-- > 0)
        name += strlen(name) + 1;
    return *name ? name : NULL;
}

int ncnn_type_index(const char *name)
{
    int index = 0;
    int64_t number;
    for (const char *at = packed_text(&names); *at; at += strlen(at) + 1, index++)
        if (strcmp(at, name) == 0)
            return index;
    if (strncmp(name, CUSTOM, strlen(CUSTOM)) == 0 &&
        text_to_i64(name + strlen(CUSTOM), strlen(name + strlen(CUSTOM)), &number) && number >= 0 &&
        number < CUSTOM_BIT)
        return (int)number | CUSTOM_BIT;
    return -1;
}

struct words {
    struct bytes b;
    struct ncnn_net *net;
    struct error *err;
};

static int32_t word(struct words *w)
{
    return (int32_t)bytes_u32(&w->b);
}

static const char *numbered(struct words *w, const char *prefix, int number)
{
    char text[32];
    snprintf(text, sizeof(text), "%s%d", prefix, number);
    return arena_strdup(&w->net->arena, text, w->err);
}

static int blobs(struct words *w, int count, int *out_count, const char ***out)
{
    if (count < 0 || (size_t)count > bytes_left(&w->b) / 4)
        return error_set(w->err, "a layer of %d blobs on one side", count);
    *out = arena_alloc(&w->net->arena, (size_t)count * sizeof(**out), w->err);
    if (!*out)
        return -1;
    for (; *out_count < count; ++*out_count)
        if (!((*out)[*out_count] = numbered(w, "", word(w))))
            return -1;
    return 0;
}

static int value(struct words *w, int id, struct ncnn_param *p)
{
    bool is_string = id <= NCNN_STRING_BASE;
    int32_t n = id <= NCNN_ARRAY_BASE ? word(w) : 1;
    if (n < 0 || (is_string && n > 255))
        return error_set(w->err, "parameter %d has %d elements", p->id, n);
    size_t size = is_string ? ((size_t)n + 3) / 4 * 4 : (size_t)n * 4;
    const uint8_t *from = bytes_take(&w->b, size);
    if (!from)
        return error_set(w->err, "ends within parameter %d", p->id);
    p->is_array = id <= NCNN_ARRAY_BASE && !is_string;
    p->kind = is_string ? NCNN_STRING : NCNN_RAW;
    if (is_string)
        return (p->string = arena_strndup(&w->net->arena, (const char *)from, (size_t)n, w->err)) ? 0 : -1;
    uint32_t *words = arena_alloc(&w->net->arena, size, w->err);
    if (!words)
        return -1;
    memcpy(words, from, size);
    p->words = words;
    p->count = (size_t)n;
    return 0;
}

static int parameters(struct words *w, struct ncnn_layer *l)
{
    for (int32_t id = word(w); id != NCNN_END_OF_PARAMS; id = word(w)) {
        if (w->b.bad)
            return error_set(w->err, "ends within a layer's parameters");
        struct ncnn_param *p = arena_alloc(&w->net->arena, sizeof(*p), w->err);
        if (!p)
            return -1;
        p->id = id <= NCNN_STRING_BASE ? NCNN_STRING_BASE - id : id <= NCNN_ARRAY_BASE ? NCNN_ARRAY_BASE - id : id;
        if (p->id < 0 || p->id > 31)
            return error_set(w->err, "parameter %d; 0 to 31 were expected", p->id);
        if (value(w, id, p) != 0)
            return -1;
        p->next = l->params;
        l->params = p;
    }
    return 0;
}

static int layer(struct words *w, int number)
{
    struct ncnn_layer *l = ncnn_add_layer(w->net, w->err);
    int type = word(w), ins = word(w), outs = word(w);
    if (!l)
        return -1;
    if (w->b.bad)
        return error_set(w->err, "ends before the layer");
    const char *known = ncnn_type_name(type);
    l->type = known ? known : (type & CUSTOM_BIT) ? numbered(w, CUSTOM, type & ~CUSTOM_BIT) : numbered(w, "type", type);
    l->name = numbered(w, "layer", number);
    if (!l->type || !l->name)
        return -1;
    if (blobs(w, ins, &l->in_count, &l->in) != 0 || blobs(w, outs, &l->out_count, &l->out) != 0)
        return -1;
    return parameters(w, l);
}

bool ncnn_is_binary(const void *data, size_t size)
{
    struct bytes b = bytes_of(data, size);
    return bytes_u32(&b) == NCNN_MAGIC && !b.bad;
}

int ncnn_read_binary(struct ncnn_net *net, const void *data, size_t size, struct error *err)
{
    struct words w = {.b = bytes_of(data, size), .net = net, .err = err};
    word(&w);
    int layers = word(&w), blob_count = word(&w);
    if (w.b.bad || layers < 0 || blob_count < 0)
        return error_set(err, "the numbers of layers and blobs are missing or negative");
    for (int i = 0; i < layers; i++)
        if (layer(&w, i) != 0)
            return error_prefix(err, "layer %d of %d", i + 1, layers);
    return bytes_left(&w.b) ? error_set(err, "%zu bytes too many", bytes_left(&w.b)) : 0;
}
