#include "format/torch/state.h"

#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "format/torch/torch.h"

#define MOST_DEPTH 32
#define MOST_NODES (1 << 20) /* visited: a pickle may name one again and again */
#define MAGIC_SIZE 15

static bool is_old(const struct blob *blob)
{
    return blob->size > MAGIC_SIZE && memcmp(blob->data, "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20", 10) == 0;
}

static bool has_source(const struct zip *zip)
{
    for (size_t i = 0; i < zip_count(zip); i++)
        if (strstr(zip_name(zip, i), "/code/") || strstr(zip_name(zip, i), "models/model.json"))
            return true;
    return false;
}

bool torch_is_state(struct blob *blob)
{
    struct arena arena = {0};
    struct zip *zip = zip_is(blob) ? zip_open(blob, NULL) : NULL;
    bool found = zip && torch_prefix(zip, "data.pkl", &arena, NULL) && !has_source(zip);
    zip_close(zip);
    arena_release(&arena);
    return found || is_old(blob);
}

/* ---- the tree ---- */

struct walk {
    struct torch_reader *t;
    int nodes;
};

/* What a call makes, where that is a tensor. */
static bool makes_tensor(const struct pickle *p)
{
    const char *function = p->items[0]->kind == PICKLE_GLOBAL ? p->items[0]->text : "";
    return strncmp(function, "torch._utils _rebuild_", 22) == 0;
}

static void add_tensor(struct walk *w, struct pickle *p, const char *name)
{
    struct torch_value v = torch_unpickle(w->t, p, name);
    struct value *x = v.kind == TORCH_TENSOR ? torch_graph_value(w->t, v) : NULL;
    if (x && x->constant && *name && strcmp(x->name, name) != 0) /* shared: once under each name */
        build_constant(w->t->b, name, tensor_ref(x->constant));
}

static void walk(struct walk *w, struct pickle *p, const char *name, int depth);

static void walk_item(struct walk *w, struct pickle *p, const char *name, const char *key, int depth)
{
    static const char *const parts[] = {"_parameters", "_buffers", "_modules"}; /* of a pickled module */
    char path[600];
    for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
        if (strcmp(parts[i], key) == 0) {
            walk(w, p, name, depth + 1);
            return;
        }
    snprintf(path, sizeof(path), "%.400s%s%.190s", name, *name ? "." : "", key);
    walk(w, p, path, depth + 1);
}

/* What is neither a tensor nor holds any is passed over: settings, states of a training. */
static void walk(struct walk *w, struct pickle *p, const char *name, int depth)
{
    char number[24];
    if (depth > MOST_DEPTH || ++w->nodes > MOST_NODES)
        build_fail(w->t->b, "it is more than %d deep, or of more than %d parts", MOST_DEPTH, MOST_NODES);
    if (w->t->b->failed)
        return;
    if (p->kind == PICKLE_DICT)
        for (size_t i = 0; i + 1 < p->size; i += 2) {
            snprintf(number, sizeof(number), "%lld", (long long)p->items[i]->i);
            walk_item(w, p->items[i + 1], name, p->items[i]->kind == PICKLE_STRING ? p->items[i]->text : number, depth);
        }
    else if (p->kind == PICKLE_LIST || p->kind == PICKLE_TUPLE)
        for (size_t i = 0; i < p->size; i++) {
            snprintf(number, sizeof(number), "%zu", i);
            walk_item(w, p->items[i], name, number, depth);
        }
    else if (p->kind == PICKLE_CALL && p->size > 1 && makes_tensor(p))
        add_tensor(w, p, name);
    else if ((p->kind == PICKLE_OBJECT || p->kind == PICKLE_CALL) && p->size > 2)
        walk(w, p->items[2], name, depth + 1);
}

/* ---- the old form ---- */

struct torch_storage {
    size_t at, size, width; /* bytes in the file; of an element */
};

struct blob *torch_old_storage(struct torch_reader *t, const char *key)
{
    const struct torch_storage *s = lookup_find(&t->storages, key);
    struct blob *blob = s ? blob_part(t->old, s->at, s->size, t->b->err) : NULL;
    if (!s)
        build_fail(t->b, "the file has no storage '%.100s'", key);
    build_check(t->b, blob != NULL);
    return blob;
}

/* Lists the storages that the object names, which alone tells their element types. */
static void list_storages(struct walk *w, const struct pickle *p, int depth)
{
    struct torch_reader *t = w->t;
    enum dtype dtype;
    const char *key;
    if (depth > MOST_DEPTH || ++w->nodes > MOST_NODES)
        build_fail(t->b, "it is more than %d deep, or of more than %d parts", MOST_DEPTH, MOST_NODES);
    if (!t->b->failed && torch_storage_of(p, &dtype, &key) && !lookup_find(&t->storages, key)) {
        struct torch_storage *s = arena_alloc(&t->arena, sizeof(*s), t->b->err);
        build_check(t->b, s && lookup_add(&t->storages, key, s, t->b->err) == 0);
        if (s)
            s->width = dtype_info(dtype)->bits / 8;
        return;
    }
    for (size_t i = 0; i < p->size && p->items && !t->b->failed; i++)
        list_storages(w, p->items[i], depth + 1);
}

/* Counts of elements and bytes, in the order of the keys. */
static void place_storages(struct torch_reader *t, const struct pickle *keys, size_t at)
{
    for (size_t i = 0; i < keys->size && !t->b->failed; i++) {
        struct bytes in = bytes_of((const char *)t->old->data + at, t->old->size - at);
        const char *key = keys->items[i]->kind == PICKLE_STRING ? keys->items[i]->text : "";
        struct torch_storage *s = lookup_find(&t->storages, key);
        uint64_t count = bytes_u64(&in);
        if (!s || in.bad || count > bytes_left(&in) / s->width) {
            build_fail(t->b, "storage '%.100s' is of no type that is read, or cut off", key);
            return;
        }
        s->at = at + 8;
        s->size = (size_t)count * s->width;
        at = s->at + s->size;
    }
}

/* Pickles of a magic number, a version, facts of the machine, the object, and the keys of its storages, which follow.
 */
static struct pickle *read_old(struct torch_reader *t, struct blob *blob)
{
    size_t at = 0, used = 0;
    struct pickle *p[5] = {NULL};
    struct walk w = {.t = t};
    t->old = blob;
    for (int i = 0; i < 5 && !t->b->failed; i++, at += used) {
        size_t left = blob->size - at;
        p[i] = pickle_read((const char *)blob->data + at, left < PICKLE_MAX_BYTES ? left : PICKLE_MAX_BYTES, &used,
                           &t->arena, t->b->err);
        build_check(t->b, p[i] != NULL);
    }
    if (!t->b->failed && p[4]->kind != PICKLE_LIST)
        build_fail(t->b, "the keys of its storages are no list");
    if (t->b->failed)
        return NULL;
    list_storages(&w, p[3], 0);
    place_storages(t, p[4], at);
    return t->b->failed ? NULL : p[3];
}

static struct pickle *read_new(struct torch_reader *t, struct blob *blob)
{
    t->zip = zip_open(blob, t->b->err);
    t->prefix = t->zip ? torch_prefix(t->zip, "data.pkl", &t->arena, t->b->err) : NULL;
    build_check(t->b, t->prefix != NULL);
    struct blob *member = t->b->failed ? NULL : torch_member(t, "data.pkl", PICKLE_MAX_BYTES);
    struct pickle *p = member ? pickle_read(member->data, member->size, NULL, &t->arena, t->b->err) : NULL;
    build_check(t->b, p != NULL);
    blob_unref(member);
    return p;
}

void torch_read_state(struct build *b, struct blob *blob)
{
    struct torch_reader t = {.ops = {.b = *b}, .path = "", .data = "data/", .size = blob->size};
    struct walk w = {.t = &t};
    t.b = &t.ops.b;
    struct pickle *p = is_old(blob) ? read_old(&t, blob) : read_new(&t, blob);
    if (p)
        walk(&w, p, "", 0);
    build_check(b, !t.b->failed);
    torch_release(&t);
}
