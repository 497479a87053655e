/* Hashing with linear probing. */
#include "base/lookup.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"

static struct lookup_slot *probe(struct lookup_slot *slots, size_t cap, const char *name)
{
    uint64_t hash = hash_bytes(name, strlen(name));
    /* FNV's low bits alone are easily made to agree (finalizer of MurmurHash3). */
    hash = (hash ^ hash >> 33) * 0xff51afd7ed558ccdu;
    size_t i = (size_t)(hash ^ hash >> 33) & (cap - 1);
    while (slots[i].name && strcmp(slots[i].name, name) != 0)
        i = (i + 1) & (cap - 1);
    return &slots[i];
}

void *lookup_find(const struct lookup *names, const char *name)
{
    return names->cap ? probe(names->slots, names->cap, name)->what : NULL;
}

static int grow(struct lookup *names, struct error *err)
{
    size_t cap = names->cap ? 2 * names->cap : 16;
    struct lookup_slot *slots = mem_calloc(cap, sizeof(*slots), err);
    if (!slots)
        return -1;
    for (size_t i = 0; i < names->cap; i++)
        if (names->slots[i].name)
            *probe(slots, cap, names->slots[i].name) = names->slots[i];
    free(names->slots);
    names->slots = slots;
    names->cap = cap;
    return 0;
}

int lookup_add(struct lookup *names, const char *name, void *what, struct error *err)
{
    if (2 * (names->count + 1) > names->cap && grow(names, err) != 0)
        return -1;
    struct lookup_slot *slot = probe(names->slots, names->cap, name);
    if (slot->name)
        return error_set(err, "'%.200s' is there twice", name);
    *slot = (struct lookup_slot){name, what};
    names->count++;
    return 0;
}

static int kept_of(const char *base)
{
    return strnlen(base, 300) < 300 ? 300 : 200;
}

static bool is_there(const struct lookup *names, const char *base, long number, char *text)
{
    snprintf(text, LOOKUP_FRESH, "%.*s_%ld", kept_of(base), base, number);
    return lookup_find(names, text) != NULL;
}

/* Steps that double, then halve: thousands of nodes may have one name. */
void lookup_fresh(const struct lookup *names, const char *base, int from, char text[LOOKUP_FRESH])
{
    long there = from - 1L, step = 1;
    snprintf(text, LOOKUP_FRESH, "%.*s", kept_of(base), base);
    if (!lookup_find(names, text))
        return;
    for (; is_there(names, base, there + step, text); step *= 2)
        there += step;
    while (step > 1) { /* there + step is free */
        long half = step / 2;
        bool taken = is_there(names, base, there + half, text);
        there += taken ? half : 0;
        step = taken ? step - half : half;
    }
    is_there(names, base, there + 1, text);
}

void lookup_release(struct lookup *names)
{
    free(names->slots);
    *names = (struct lookup){NULL, 0, 0};
}
