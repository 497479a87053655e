/* The manifest: groups of weights, which lie one behind the other in the group's shards. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/pages.h"
#include "format/tfjs/tfjs.h"
#include "graph/tensor.h"

#define MOST_SHARDS 4096 /* of a group */

struct group {
    struct tfjs_weights *w;
    const struct json *j;
    struct blob **shards; /* [count] */
    size_t count;
    size_t shard, at; /* where the next weight begins */
    struct error *err;
};

static size_t count_of(const struct json *j, const struct json_node *list)
{
    size_t count = 0;
    for (const struct json_node *n = json_first(j, list); n; n = json_next(j, n))
        count++;
    return count;
}

static const char *text_of(const struct json_node *n, const char *otherwise)
{
    return n && n->kind == JSON_STRING ? n->string : otherwise;
}

/* ---- bytes ---- */

/* The next n bytes of the shards: where they lie in a blob, which the caller unrefs; NULL with a message. */
static struct blob *take(struct group *g, size_t n, size_t *offset)
{
    size_t left = 0, done = 0;
    while (g->shard + 1 < g->count && g->at == g->shards[g->shard]->size)
        g->shard++, g->at = 0;
    for (size_t i = g->shard; i < g->count; i++)
        left += g->shards[i]->size - (i == g->shard ? g->at : 0);
    *offset = 0;
    if (n > left) {
        error_set(g->err, "%zu bytes are missing in the files of weights", n - left);
        return NULL;
    }
    if (n && n <= g->shards[g->shard]->size - g->at) {
        *offset = g->at;
        g->at += n;
        return blob_ref(g->shards[g->shard]);
    }
    struct blob *joined = blob_new(n, g->err);
    if (joined)
        pages_populate(joined->data, n);
    while (joined && done < n) {
        size_t here = g->shards[g->shard]->size - g->at, part = here < n - done ? here : n - done;
        memcpy((char *)joined->data + done, (const char *)g->shards[g->shard]->data + g->at, part);
        done += part;
        g->at += part;
        if (done < n)
            g->shard++, g->at = 0;
    }
    return joined;
}

static struct tensor *take_numbers(struct group *g, enum dtype dtype, int rank, const int64_t *dims)
{
    size_t size, offset;
    int64_t count = tensor_count(rank, dims);
    if (count < 0 || !tensor_bytes(dtype, count, &size)) {
        error_set(g->err, "its shape is none");
        return NULL;
    }
    struct blob *blob = take(g, size, &offset);
    struct tensor *t = blob ? tensor_of_blob(dtype, rank, dims, blob, offset, g->err) : NULL;
    blob_unref(blob);
    return t;
}

/* The size of a text, four bytes, comes before it. */
static int take_text(struct group *g, struct str *to)
{
    size_t at;
    uint32_t size = 0;
    struct blob *head = take(g, sizeof(size), &at);
    if (head)
        memcpy(&size, (const char *)head->data + at, sizeof(size));
    struct blob *blob = head ? take(g, size, &at) : NULL;
    char *copy = blob ? arena_strndup(&g->w->arena, (const char *)blob->data + at, size, g->err) : NULL;
    *to = (struct str){copy, size};
    blob_unref(head);
    blob_unref(blob);
    return copy ? 0 : -1;
}

static struct tensor *take_texts(struct group *g, int rank, const int64_t *dims)
{
    int64_t count = tensor_count(rank, dims);
    size_t most = 0;
    for (size_t i = 0; i < g->count; i++)
        most += g->shards[i]->size / sizeof(uint32_t);
    if (count < 0 || (uint64_t)count > most) {
        error_set(g->err, "the files of weights have no room for its texts");
        return NULL;
    }
    struct str *list = mem_calloc((size_t)count, sizeof(*list), g->err);
    int failed = list ? 0 : -1;
    for (int64_t i = 0; i < count && !failed; i++)
        failed = take_text(g, &list[i]);
    struct tensor *t = failed ? NULL : tensor_of_strings(rank, dims, list, g->err);
    free(list);
    return t;
}

/* ---- weights ---- */

static enum dtype named_type(const char *name)
{
    static const struct {
        const char *name;
        enum dtype dtype;
    } types[] = {{"float32", DTYPE_F32}, {"int32", DTYPE_I32},   {"bool", DTYPE_BOOL},   {"string", DTYPE_STRING},
                 {"uint8", DTYPE_U8},    {"uint16", DTYPE_U16},  {"float16", DTYPE_F16}, {"complex64", DTYPE_C64}};
    for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++)
        if (strcmp(types[i].name, name) == 0)
            return types[i].dtype;
    return DTYPE_NONE;
}

static int read_dims(const struct json *j, const struct json_node *list, int64_t *dims)
{
    int rank = 0;
    for (const struct json_node *n = json_first(j, list); n; n = json_next(j, n)) {
        if (rank == TENSOR_MAX_RANK || n->kind != JSON_NUMBER || !(n->number >= 0 && n->number < 0x1p40))
            return -1;
        dims[rank++] = (int64_t)n->number;
    }
    return rank;
}

/* What numbers of 8 or 16 bits stand for; takes q. Halves have no scale. */
static struct tensor *widened(struct group *g, struct tensor *q, const struct json_node *how, enum dtype dtype)
{
    const struct json_node *scale = json_member(g->j, how, "scale"), *min = json_member(g->j, how, "min");
    bool is_scaled = q && q->dtype != DTYPE_F16;
    struct tensor *t = !q          ? NULL
                       : is_scaled ? tensor_new(dtype, q->rank, q->dims, g->err)
                                   : tensor_cast(q, dtype, true, g->err);
    for (int64_t i = 0; is_scaled && t && i < t->count; i++) {
        double value = tensor_get_f64(q, i) * (scale ? scale->number : 1) + (min ? min->number : 0);
        tensor_set_f64(t, i, dtype == DTYPE_I32 ? floor(value + 0.5) : value);
    }
    tensor_unref(q);
    return t;
}

static struct tensor *read_weight(struct group *g, const struct json_node *weight)
{
    int64_t dims[TENSOR_MAX_RANK];
    const struct json_node *how = json_member(g->j, weight, "quantization");
    enum dtype dtype = named_type(text_of(json_member(g->j, weight, "dtype"), "")),
               stored = how ? named_type(text_of(json_member(g->j, how, "dtype"), "")) : dtype;
    int rank = read_dims(g->j, json_member(g->j, weight, "shape"), dims);
    if (dtype == DTYPE_C64 && rank >= 0 && rank < TENSOR_MAX_RANK) { /* pairs, along an axis of their own */
        dims[rank++] = 2;
        dtype = stored = DTYPE_F32;
    }
    bool is_text = dtype == DTYPE_STRING || stored == DTYPE_STRING;
    if (rank < 0 || dtype == DTYPE_NONE || stored == DTYPE_NONE || (how && is_text)) {
        error_set(g->err, "an element type or a shape that is not read");
        return NULL;
    }
    if (dtype == DTYPE_STRING)
        return take_texts(g, rank, dims);
    struct tensor *t = take_numbers(g, stored, rank, dims);
    return how ? widened(g, t, how, dtype) : t;
}

static int add_weight(struct group *g, const struct json_node *weight)
{
    const char *name = text_of(json_member(g->j, weight, "name"), "");
    struct tensor *t = read_weight(g, weight);
    if (!t)
        return error_prefix(g->err, "weight '%.200s'", name);
    struct tfjs_weights *w = g->w;
    w->names[w->count] = name;
    w->all[w->count++] = t;
    return lookup_find(&w->named, name) ? 0 : lookup_add(&w->named, name, t, g->err);
}

/* ---- groups ---- */

static int read_group(struct group *g, const struct source *s, const struct json_node *group)
{
    const struct json_node *paths = json_member(g->j, group, "paths"), *weights = json_member(g->j, group, "weights");
    size_t count = count_of(g->j, paths);
    if (count == 0 || count > MOST_SHARDS)
        return error_set(g->err, "a group of weights in %zu files, want 1 to %d", count, MOST_SHARDS);
    g->shards = arena_alloc(&g->w->arena, count * sizeof(struct blob *), g->err);
    for (const struct json_node *n = json_first(g->j, paths); n && g->shards; n = json_next(g->j, n)) {
        bool is_given = count == 1 && s->second;
        g->shards[g->count] = is_given ? source_twin(s, ".bin", g->err) : source_member(s, text_of(n, ""), g->err);
        if (!g->shards[g->count])
            return -1;
        g->count++;
    }
    int failed = g->shards ? 0 : -1;
    for (const struct json_node *n = json_first(g->j, weights); n && !failed; n = json_next(g->j, n))
        failed = add_weight(g, n);
    return failed;
}

int tfjs_read_weights(struct tfjs_weights *w, const struct source *s, const struct json *j,
                      const struct json_node *manifest, struct error *err)
{
    size_t count = 0;
    for (const struct json_node *n = json_first(j, manifest); n; n = json_next(j, n))
        count += count_of(j, json_member(j, n, "weights"));
    w->names = arena_alloc(&w->arena, (count + 1) * sizeof(*w->names), err);
    w->all = w->names ? arena_alloc(&w->arena, (count + 1) * sizeof(struct tensor *), err) : NULL;
    int failed = w->all ? 0 : -1;
    for (const struct json_node *n = json_first(j, manifest); n && !failed; n = json_next(j, n)) {
        struct group g = {.w = w, .j = j, .err = err};
        failed = read_group(&g, s, n);
        for (size_t i = 0; i < g.count; i++)
            blob_unref(g.shards[i]);
    }
    return failed;
}

void tfjs_release_weights(struct tfjs_weights *w)
{
    for (size_t i = 0; i < w->count; i++)
        tensor_unref(w->all[i]);
    lookup_release(&w->named);
    arena_release(&w->arena);
}
