#include "exec/buffer.h"

#include <stdlib.h>
#include <string.h>

#include "base/pages.h"
#include "exec/exec_private.h"

#define BUFFER_ALIGN 64
/* Vectors may be loaded beyond the last element of a value. */
#define BUFFER_SLACK 64

struct placed {
    struct buffer *buffer;
    size_t offset, size;
    int first, last; /* the buffer's, here as all pairs are looked at */
};

static size_t aligned(size_t bytes)
{
    return (bytes + BUFFER_ALIGN - 1) / BUFFER_ALIGN * BUFFER_ALIGN;
}

static int by_size(const void *a, const void *b)
{
    const struct placed *x = a, *y = b;
    if (x->size != y->size)
        return x->size < y->size ? 1 : -1;
    return x->first - y->first;
}

/* The lowest gap for all[i] between those before it that live at the same time; sorted: all before it, by offset. */
static int place_one(struct placed *all, size_t i, struct placed **sorted, struct error *err)
{
    size_t end = 0, at = i;
    for (size_t j = 0; j < i; j++) {
        const struct placed *other = sorted[j];
        if (other->first > all[i].last || all[i].first > other->last)
            continue;
        if (other->offset >= end && other->offset - end >= all[i].size)
            break;
        if (other->offset + other->size > end)
            end = other->offset + other->size;
    }
    all[i].offset = end;
    for (; at > 0 && sorted[at - 1]->offset > end; at--)
        sorted[at] = sorted[at - 1];
    sorted[at] = &all[i];
    if (!mem_add(end, all[i].size, &end))
        return error_set(err, "the activations do not fit the address space");
    return 0;
}

static size_t collect(struct plan *p, struct placed *all)
{
    size_t n = 0;
    for (struct buffer *b = p->buffers; b; b = b->next) {
        if (b->external || b->first < 0)
            continue;
        if (all)
            all[n] = (struct placed){b, 0, aligned(b->size + BUFFER_SLACK), b->first, b->last};
        n++;
    }
    return n;
}

static int measure(struct plan *p, const struct placed *all, size_t n, struct error *err)
{
    size_t end = 0;
    for (size_t i = 0; i < n; i++) {
        all[i].buffer->offset = all[i].offset;
        if (all[i].offset + all[i].size > end)
            end = all[i].offset + all[i].size;
    }
    if (p->scratch_bytes > 0)
        p->scratch_bytes = aligned(p->scratch_bytes + BUFFER_SLACK);
    if (mem_mul(p->scratch_bytes, (size_t)plan_threads(p), &p->memory_size) &&
        mem_add(p->memory_size, end, &p->memory_size))
        return 0;
    return error_set(err, "the activations do not fit the address space");
}

int buffer_allocate(struct plan *p, struct error *err)
{
    p->memory = pages_new(p->memory_size, err);
    if (!p->memory)
        return -1;
    pages_populate(p->memory, p->memory_size);
    p->scratch = p->memory + p->memory_size - p->scratch_bytes * (size_t)plan_threads(p);
    for (struct buffer *b = p->buffers; b; b = b->next)
        if (!b->external && b->first >= 0)
            b->base = p->memory + b->offset;
    return 0;
}

int buffer_place_all(struct plan *p, struct error *err)
{
    size_t n = collect(p, NULL);
    struct placed *all = mem_calloc(n, sizeof *all, err);
    struct placed **sorted = all ? mem_calloc(n, sizeof *sorted, err) : NULL;
    int status = sorted ? 0 : -1;
    if (status == 0) {
        collect(p, all);
        if (n > 0)
            qsort(all, n, sizeof *all, by_size);
    }
    for (size_t i = 0; status == 0 && i < n; i++)
        status = place_one(all, i, sorted, err);
    if (status == 0)
        status = measure(p, all, n, err);
    free(sorted);
    free(all);
    return status;
}
