#include "exec/packing.h"

#include <stdlib.h>
#include <string.h>

#include "base/pages.h"
#include "exec/exec_private.h"

/* Packings lie side by side, in regions that grow with what there is, up to this: large enough for huge pages, without
 * which the prefetchers stop every 4 KiB (a third of the time of products that wait for weights). */
#define REGION_LEAST ((size_t)64 << 10)
#define REGION_MOST  ((size_t)8 << 20)

static struct packed_region *add_region(struct exec *e, size_t bytes, struct error *err)
{
    struct packed_region *r = mem_calloc(1, sizeof *r, err);
    if (!r)
        return NULL;
    size_t usual = e->packed_bytes < REGION_LEAST ? REGION_LEAST : e->packed_bytes;
    r->size = usual < REGION_MOST ? usual : REGION_MOST;
    if (r->size < bytes || pages_watched())
        r->size = bytes;
    r->base = pages_new(r->size, err);
    if (!r->base) {
        free(r);
        return NULL;
    }
    r->next = e->regions;
    e->regions = r;
    return r;
}

/* Gives k its place. */
static int place_packed(struct exec *e, struct packed *k, struct error *err)
{
    size_t bytes;
    if (k->bytes == 0 || !mem_add(k->bytes, 63, &bytes))
        return error_memory(err);
    bytes -= bytes % 64;
    struct packed_region *r = e->regions;
    if ((!r || r->size - r->used < bytes) && !(r = add_region(e, bytes, err)))
        return -1;
    k->data = (float *)(r->base + r->used);
    k->region = r;
    r->used += bytes;
    r->packings++;
    return 0;
}

static void leave_region(struct exec *e, struct packed_region *r)
{
    if (--r->packings > 0)
        return;
    struct packed_region **at = &e->regions;
    while (*at != r)
        at = &(*at)->next;
    *at = r->next;
    pages_free(r->base, r->size);
    free(r);
}

static void unref_packed(struct exec *e, struct packed *k)
{
    if (--k->refs > 0)
        return;
    struct packed **at = &e->packed;
    while (*at != k)
        at = &(*at)->next;
    *at = k->next;
    e->packed_bytes -= k->bytes;
    leave_region(e, k->region);
    free(k);
}

void plan_release_packed(struct plan *p)
{
    for (struct packed_use *u = p->packed; u; u = u->next)
        unref_packed(exec_whole(p->exec), u->packed);
}

static bool same_packing(const struct packed *a, const struct packed *b)
{
    return a->content.size == b->content.size && a->content.low == b->content.low &&
           a->content.high == b->content.high && a->bytes == b->bytes && strcmp(a->packing, b->packing) == 0 &&
           memcmp(a->params, b->params, sizeof a->params) == 0;
}

/* Adds an empty one like `wanted` to the exec. */
static struct packed *add_packed(struct exec *e, const struct packed *wanted, struct error *err)
{
    struct packed *k = mem_calloc(1, sizeof *k, err);
    if (!k)
        return NULL;
    *k = *wanted;
    if (place_packed(e, k, err) < 0) {
        free(k);
        return NULL;
    }
    k->next = e->packed;
    e->packed = k;
    e->packed_bytes += k->bytes;
    return k;
}

const void *plan_packed(struct plan *p, const struct tensor *t, const char *packing, const int64_t *params, int count,
                        size_t bytes, pack_fn *make, const void *args, struct error *err)
{
    struct exec *e = exec_whole(p->exec);
    struct packed_use *use = plan_alloc(p, sizeof *use, err);
    struct packed wanted = {.content = hash_content(t->data, t->size), .packing = packing, .bytes = bytes};
    if (!use)
        return NULL;
    memcpy(wanted.params, params, sizeof *params * (size_t)count);
    struct packed *k = e->packed;
    while (k && !same_packing(k, &wanted))
        k = k->next;
    bool found = k != NULL;
    if (!found && !(k = add_packed(e, &wanted, err)))
        return NULL;
    k->refs++;
    if (!found && make(k->data, args, e->kernels, err) < 0) {
        unref_packed(e, k);
        return NULL;
    }
    *use = (struct packed_use){k, p->packed};
    p->packed = use;
    return k->data;
}
