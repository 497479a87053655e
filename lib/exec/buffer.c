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

static int by_offset(const void *a, const void *b)
{
    const struct placed *x = *(const struct placed *const *)a, *y = *(const struct placed *const *)b;
    return x->offset < y->offset ? -1 : x->offset > y->offset;
}

/* The lowest gap for all[i] between those before it that live at the same time. */
static int place_one(struct placed *all, size_t i, struct placed **alive, struct error *err)
{
    int first = all[i].first, last = all[i].last;
    size_t n = 0, end = 0;
    for (size_t j = 0; j < i; j++)
        if (all[j].first <= last && first <= all[j].last)
            alive[n++] = &all[j];
    if (n > 0)
        qsort(alive, n, sizeof *alive, by_offset);
    for (size_t j = 0; j < n; j++) {
        if (alive[j]->offset >= end && alive[j]->offset - end >= all[i].size)
            break;
        if (alive[j]->offset + alive[j]->size > end)
            end = alive[j]->offset + alive[j]->size;
    }
    all[i].offset = end;
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

static int allocate(struct plan *p, const struct placed *all, size_t n, size_t limit, struct error *err)
{
    size_t scratch = 0, total = 0;
    for (size_t i = 0; i < n; i++)
        if (all[i].offset + all[i].size > scratch)
            scratch = all[i].offset + all[i].size;
    if (p->scratch_bytes > 0)
        p->scratch_bytes = aligned(p->scratch_bytes + BUFFER_SLACK);
    if (!mem_mul(p->scratch_bytes, (size_t)plan_threads(p), &total) || !mem_add(total, scratch, &total))
        return error_set(err, "the activations do not fit the address space");
    if (total > limit)
        return error_set(err, "the activations take %zu MiB, and the limit is %zu MiB", total >> 20, limit >> 20);
    p->memory_size = total;
    p->memory = pages_new(total, err);
    if (!p->memory)
        return -1;
    pages_populate(p->memory, total);
    p->scratch = p->memory + scratch;
    for (size_t i = 0; i < n; i++)
        all[i].buffer->base = p->memory + all[i].offset;
    return 0;
}

int buffer_place_all(struct plan *p, size_t limit, struct error *err)
{
    size_t n = collect(p, NULL);
    struct placed *all = mem_calloc(n, sizeof *all, err);
    struct placed **alive = all ? mem_calloc(n, sizeof *alive, err) : NULL;
    int status = alive ? 0 : -1;
    if (status == 0) {
        collect(p, all);
        if (n > 0)
            qsort(all, n, sizeof *all, by_size);
    }
    for (size_t i = 0; status == 0 && i < n; i++)
        status = place_one(all, i, alive, err);
    if (status == 0)
        status = allocate(p, all, n, limit, err);
    free(alive);
    free(all);
    return status;
}
