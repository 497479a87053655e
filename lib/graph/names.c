/* Values by name: a hash table with linear probing, and names that are new. */
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "graph/impl.h"

struct slot {
    uint64_t hash;
    struct value *value; /* NULL: empty */
};

struct graph_names {
    struct slot *slots;
    size_t count, cap; /* cap: a power of two, at least twice count */
    uint64_t fresh;    /* of the root: numbers from here on are in no name */
};

/* FNV's low bits alone are easily made to agree; the table takes them from all (finalizer of MurmurHash3). */
static uint64_t hash_name(const char *name)
{
    uint64_t h = hash_bytes(name, strlen(name));

    h ^= h >> 33;
    h *= 0xff51afd7ed558ccdu;
    return h ^ h >> 33;
}

static struct graph_names *names_of(struct graph *g, struct error *err)
{
    if (!g->names)
        g->names = graph_alloc(g, 1, sizeof *g->names, err);
    return g->names;
}

/* The slot that holds the name, or the empty one where it belongs. The table is never full. */
static struct slot *probe(const struct graph_names *t, uint64_t hash, const char *name)
{
    size_t i = (size_t)hash & (t->cap - 1);

    while (t->slots[i].value && (t->slots[i].hash != hash || strcmp(t->slots[i].value->name, name) != 0))
        i = (i + 1) & (t->cap - 1);
    return &t->slots[i];
}

static int enlarge(struct graph *g, struct graph_names *t, struct error *err)
{
    struct graph_names old = *t;

    if (2 * (t->count + 1) <= t->cap)
        return 0;
    t->cap = old.cap ? 2 * old.cap : 16;
    t->slots = graph_alloc(g, t->cap, sizeof *t->slots, err);
    if (!t->slots) {
        *t = old;
        return -1;
    }
    for (size_t i = 0; i < old.cap; i++) {
        size_t at = (size_t)old.slots[i].hash & (t->cap - 1);

        if (!old.slots[i].value)
            continue;
        while (t->slots[at].value)
            at = (at + 1) & (t->cap - 1);
        t->slots[at] = old.slots[i];
    }
    return 0;
}

/* Number that a name ends with, behind its last '_'; 0 when it does not. */
static uint64_t number_of(const char *name)
{
    const char *digits = strrchr(name, '_');
    uint64_t number = 0;
    size_t n = digits ? strlen(++digits) : 0;

    if (n == 0 || n > 18 || strspn(digits, "0123456789") != n)
        return 0;
    for (; *digits; digits++)
        number = 10 * number + (uint64_t)(*digits - '0');
    return number;
}

int names_add(struct value *v, struct error *err)
{
    struct graph_names *t = names_of(v->graph, err), *root = names_of(v->graph->root, err);
    uint64_t hash = hash_name(v->name), number = number_of(v->name);
    struct slot *slot;

    if (!t || !root || enlarge(v->graph, t, err) != 0)
        return -1;
    slot = probe(t, hash, v->name);
    if (slot->value)
        return error_set(err, "two values are named '%s'", v->name);
    *slot = (struct slot){hash, v};
    t->count++;
    if (number >= root->fresh)
        root->fresh = number + 1;
    return 0;
}

/* Slots behind the freed one move up where they are not yet at their best (Knuth, vol. 3, 6.4, algorithm R). */
void names_remove(struct value *v)
{
    struct graph_names *t = v->graph->names;
    size_t mask = t->cap - 1, hole = (size_t)(probe(t, hash_name(v->name), v->name) - t->slots);

    for (size_t i = (hole + 1) & mask; t->slots[i].value; i = (i + 1) & mask) {
        size_t best = (size_t)t->slots[i].hash & mask;

        if (((i - best) & mask) >= ((i - hole) & mask)) {
            t->slots[hole] = t->slots[i];
            hole = i;
        }
    }
    t->slots[hole].value = NULL;
    t->count--;
}

struct value *names_find(const struct graph *g, const char *name)
{
    return g->names && g->names->cap ? probe(g->names, hash_name(name), name)->value : NULL;
}

struct value *graph_find_local(const struct graph *g, const char *name)
{
    return names_find(g, name);
}

struct value *graph_find_value(const struct graph *g, const char *name)
{
    struct value *v = NULL;

    for (; g && !v; g = g->parent)
        v = names_find(g, name);
    return v;
}

const char *graph_fresh_name(struct graph *g, const char *stem, struct error *err)
{
    struct graph_names *root = names_of(g->root, err);
    size_t size = strlen(stem) + 24;
    char *name = graph_alloc(g, size, 1, err);

    if (!root || !name)
        return NULL;
    snprintf(name, size, "%s_%llu", stem, (unsigned long long)root->fresh++);
    return name;
}

int graph_rename_value(struct value *v, const char *name, struct error *err)
{
    const char *copy;

    if (strcmp(v->name, name) == 0)
        return 0;
    if (!*name)
        return error_set(err, "value '%s' cannot be given an empty name", v->name);
    if (names_find(v->graph, name))
        return error_set(err, "value '%s' cannot be named '%s': another is", v->name, name);
    copy = arena_strdup(&v->graph->root->arena, name, err);
    if (!copy)
        return -1;
    names_remove(v);
    v->name = copy;
    return names_add(v, err); /* its slot has just become free: cannot fail */
}
