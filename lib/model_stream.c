/* The public API: sound, and the states that a network hands on from one frame to the next. */
#include "model_private.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "data/wav.h"

/* ---- states ---- */

/* How the next value of an input is called: what stands before and behind a common stem in either name. */
static const struct {
    char in_before[6], in_behind[6], out_before[6], out_behind[6];
} pairs[] = {
    {"", "", "", "_out"},       {"", "", "", "N"},          {"", "", "", "_n"},   {"", "", "", "_next"},
    {"", "", "next_", ""},      {"", "", "new_", ""},       {"", "", "", "_new"}, {"", "", "out_", ""},
    {"", "_in", "", "_out"},    {"in_", "", "out_", ""},    {"", "0", "", "n"},   {"", "_0", "", "_n"},
    {"prev_", "", "next_", ""}, {"", "_prev", "", "_next"}, {"", "", "", "n"},    {"", "0", "", "N"},
    {"", "i", "", "o"},
};

/* The stem between what stands before and behind; its length, or -1. */
static ptrdiff_t stem_of(const char *name, const char *before, const char *behind, const char **stem)
{
    size_t n = strlen(name), head = strlen(before), tail = strlen(behind);
    if (n <= head + tail || strncmp(name, before, head) != 0 || strcmp(name + n - tail, behind) != 0)
        return -1;
    *stem = name + head;
    return (ptrdiff_t)(n - head - tail);
}

static bool may_follow(const struct type *in, const struct type *out)
{
    if (in->kind != TYPE_TENSOR || out->kind != TYPE_TENSOR)
        return in->kind == TYPE_UNKNOWN || out->kind == TYPE_UNKNOWN;
    if (in->dtype != out->dtype || (in->rank >= 0 && out->rank >= 0 && in->rank != out->rank))
        return false;
    for (int i = 0; i < in->rank && i < out->rank; i++)
        if (in->dims[i] >= 0 && out->dims[i] >= 0 && in->dims[i] != out->dims[i])
            return false;
    return true;
}

static ptrdiff_t output_number(const struct graph *g, const struct value *v)
{
    for (size_t i = 0; v && v->is_output && i < g->output_count; i++)
        if (g->outputs[i] == v)
            return (ptrdiff_t)i;
    return -1;
}

/* The output that a pair of names gives, if it can be the input's next value; -1. */
static ptrdiff_t output_of_pair(const struct graph *g, const struct value *in, size_t pair)
{
    const char *stem;
    ptrdiff_t found = -1, n = stem_of(in->name, pairs[pair].in_before, pairs[pair].in_behind, &stem);
    struct text name;
    if (n <= 0)
        return -1;
    text_init(&name);
    text_puts(&name, pairs[pair].out_before);
    text_add(&name, stem, (size_t)n);
    text_puts(&name, pairs[pair].out_behind);
    const struct value *v = name.failed ? NULL : graph_find_local(g, name.data);
    if (v && may_follow(&in->type, &v->type))
        found = output_number(g, v);
    text_release(&name);
    return found;
}

/* By its name, not by a search of all outputs: there may be as many of both as a file likes. */
ptrdiff_t model_state(const struct model *m, size_t input)
{
    const struct graph *g = m->graph;
    ptrdiff_t first = -1;
    for (size_t i = 0; input < g->input_count && i < sizeof pairs / sizeof *pairs; i++) {
        ptrdiff_t found = output_of_pair(g, g->inputs[input], i);
        if (found >= 0 && (first < 0 || found < first))
            first = found;
    }
    return first;
}

struct model_tensor *model_state_start(const struct model *m, size_t input, struct model_error *error)
{
    struct error *err = model_inner(error);
    const struct value *v = m->graph->inputs[input];
    const struct type *t = &v->type;
    int64_t dims[TENSOR_MAX_RANK];
    if (t->kind != TYPE_TENSOR || t->rank < 0 || t->dtype == DTYPE_NONE || t->dtype == DTYPE_STRING) {
        error_set(err, "input '%s': its shape or type is not known: want its first value", v->name);
        return NULL;
    }
    for (int i = 0; i < t->rank; i++)
        dims[i] = t->dims[i] < 0 ? 1 : t->dims[i];
    return model_outer_tensor(tensor_new(t->dtype, t->rank, dims, err));
}

/* ---- sound ---- */

#define MOST_FRAME 100000000

int model_frame_parse(const char *text, int64_t *length, int64_t *hop, struct model_error *error)
{
    const char *colon = strchr(text, ':');
    size_t n = colon ? (size_t)(colon - text) : strlen(text);
    bool good = text_to_i64(text, n, length) && *length >= 1 && *length <= MOST_FRAME;
    *hop = good ? *length : 0;
    if (good && colon)
        good = text_to_i64(colon + 1, strlen(colon + 1), hop) && *hop >= 1 && *hop <= *length;
    return good ? 0
                : error_set(model_inner(error),
                            "frame %.80s: want LENGTH or LENGTH:HOP, in samples, HOP being at most LENGTH", text);
}

int model_check_frame(const struct graph *g, const char *text, struct text *out, struct error *err)
{
    int64_t length, hop;
    (void)g;
    if (model_frame_parse(text, &length, &hop, (struct model_error *)err) < 0)
        return -1;
    text_printf(out, hop == length ? "%lld" : "%lld:%lld", (long long)length, (long long)hop);
    return 0;
}

struct model_sound {
    struct data_wav wav;
};

struct model_sound *model_sound_read(const char *path, struct model_error *error)
{
    struct error *err = model_inner(error);
    struct model_sound *sound = mem_calloc(1, sizeof *sound, err);
    if (sound && data_wav_open(&sound->wav, path, err) == 0)
        return sound;
    error_prefix(err, "%s", path);
    free(sound);
    return NULL;
}

void model_sound_free(struct model_sound *sound)
{
    if (sound)
        data_wav_close(&sound->wav);
    free(sound);
}

bool model_is_rate_input(const struct model *m, size_t input)
{
    static const char *const names[] = {"sr", "rate", "sample_rate", "sampling_rate"};
    bool is_rate = false;
    for (size_t k = 0; k < sizeof names / sizeof *names; k++)
        is_rate |= strcmp(m->graph->inputs[input]->name, names[k]) == 0;
    return is_rate;
}

int model_sound_rate(const struct model_sound *sound)
{
    return sound->wav.rate;
}

int64_t model_sound_length(const struct model_sound *sound)
{
    return sound->wav.length;
}

bool model_sound_reaches(struct model_sound *sound, int64_t at)
{
    return data_wav_reaches(&sound->wav, at);
}

/* Samples as 16-bit integers, for networks that take those. */
static struct tensor *as_integers(const struct tensor *t, struct error *err)
{
    struct tensor *out = tensor_new(DTYPE_I16, t->rank, t->dims, err);
    for (int64_t i = 0; out && i < t->count; i++) {
        float x = ((const float *)t->data)[i] * 32768;
        ((int16_t *)out->data)[i] = (int16_t)(x >= 32767 ? 32767 : x > -32768 ? x : -32768);
    }
    return out;
}

/* The recipe's steps on values: scale=32768 for networks that want samples as 16 bits have them. */
static int apply_recipe(const struct model *m, struct tensor *t, struct error *err)
{
    const struct str *text = graph_property(m->graph, "recipe");
    struct recipe r;
    if (text && recipe_parse(text->data, text->size, &r, err) < 0)
        return -1;
    for (int64_t i = 0; text && i < t->count; i++)
        ((float *)t->data)[i] = recipe_value(&r, 0, ((const float *)t->data)[i]);
    return 0;
}

struct model_tensor *model_sound_frame(struct model_sound *sound, const struct model *m, size_t input, int64_t from,
                                       int64_t n, struct model_error *error)
{
    struct error *err = model_inner(error);
    const struct type *type = &m->graph->inputs[input]->type;
    int rank = type->kind == TYPE_TENSOR && type->rank > 0 ? type->rank : 2;
    int64_t dims[TENSOR_MAX_RANK];
    for (int i = 0; i < rank; i++)
        dims[i] = i == rank - 1 ? n : 1;
    struct tensor *t = tensor_new(DTYPE_F32, rank, dims, err);
    if (!t)
        return NULL;
    data_wav_mono(&sound->wav, from, n, t->data);
    struct tensor *integers = NULL;
    if (type->kind != TYPE_TENSOR || type->dtype == DTYPE_NONE || dtype_info(type->dtype)->class == DTYPE_CLASS_FLOAT) {
        if (apply_recipe(m, t, err) == 0)
            return model_outer_tensor(t);
    } else {
        integers = as_integers(t, err);
    }
    tensor_unref(t);
    return model_outer_tensor(integers);
}

struct model_tensor *model_vector_frame(const struct model *m, size_t input, const float *values, int64_t n,
                                        struct model_error *error)
{
    struct error *err = model_inner(error);
    const struct type *type = &m->graph->inputs[input]->type;
    int64_t dims[TENSOR_MAX_RANK] = {1, n};
    for (int i = 2; i < type->rank; i++)
        dims[i] = type->dims[i];
    struct tensor *t = tensor_new(DTYPE_F32, type->rank, dims, err);
    if (!t)
        return NULL;
    memcpy(t->data, values, (size_t)t->count * sizeof *values);
    if (apply_recipe(m, t, err) == 0)
        return model_outer_tensor(t);
    tensor_unref(t);
    return NULL;
}
