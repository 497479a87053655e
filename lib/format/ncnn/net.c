/* Layers of a net and the values of their parameters. */
#include "format/ncnn/net.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void ncnn_net_init(struct ncnn_net *net)
{
    *net = (struct ncnn_net){0};
    arena_init(&net->arena);
}

void ncnn_net_release(struct ncnn_net *net)
{
    free(net->layers);
    arena_release(&net->arena);
}

struct ncnn_layer *ncnn_add_layer(struct ncnn_net *net, struct error *err)
{
    if (mem_grow(&net->layers, &net->layer_cap, net->layer_count + 1, sizeof(*net->layers), err) != 0)
        return NULL;
    struct ncnn_layer *l = &net->layers[net->layer_count++];
    *l = (struct ncnn_layer){.type = "", .name = ""};
    return l;
}

const struct ncnn_param *ncnn_find(const struct ncnn_layer *l, int id)
{
    for (const struct ncnn_param *p = l->params; p; p = p->next)
        if (p->id == id)
            return p;
    return NULL;
}

static float word_to_float(uint32_t word)
{
    float f;
    memcpy(&f, &word, sizeof(f));
    return f;
}

/* ncnn takes the bits as they are, so that arrays of floats may stand in a file as integers ("1077936128" for 3.0). A
 * small integer would be a denormal or a NaN that way: somebody wrote "1" and means it. */
static float word_as_float(uint32_t word)
{
    int32_t i = (int32_t)word;
    return i > -(1 << 23) && i < 1 << 23 ? (float)i : word_to_float(word);
}

static int word_as_int(const struct ncnn_param *p, uint32_t word)
{
    if (p->kind != NCNN_FLOAT)
        return (int32_t)word;
    float f = word_as_float(word);
    return fabsf(f) < 2147483648.0f ? (int)f : 0;
}

int ncnn_int_at(const struct ncnn_layer *l, int id, size_t i)
{
    const struct ncnn_param *p = ncnn_find(l, id);
    return p && p->kind != NCNN_STRING && i < p->count ? word_as_int(p, p->words[i]) : 0;
}

float ncnn_float_at(const struct ncnn_layer *l, int id, size_t i)
{
    const struct ncnn_param *p = ncnn_find(l, id);
    return p && p->kind != NCNN_STRING && i < p->count ? word_as_float(p->words[i]) : 0;
}

size_t ncnn_count(const struct ncnn_layer *l, int id)
{
    const struct ncnn_param *p = ncnn_find(l, id);
    return p && p->kind != NCNN_STRING ? p->count : 0;
}

int ncnn_int(const struct ncnn_layer *l, int id, int fallback)
{
    return ncnn_count(l, id) ? ncnn_int_at(l, id, 0) : fallback;
}

float ncnn_float(const struct ncnn_layer *l, int id, float fallback)
{
    return ncnn_count(l, id) ? ncnn_float_at(l, id, 0) : fallback;
}

const char *ncnn_string(const struct ncnn_layer *l, int id)
{
    const struct ncnn_param *p = ncnn_find(l, id);
    return p && p->kind == NCNN_STRING ? p->string : "";
}
