#include "exec/packing.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/pages.h"
#include "exec/exec_private.h"

/* ---- memory ---- */

/* Packings lie side by side, in regions that grow with what there is, up to this: large enough for huge pages, without
 * which the prefetchers stop every 4 KiB (a third of the time of products that wait for weights). Those of one large
 * packing get them later (packing_make_huge): the kernel may have to make room for so many. */
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
    if (r->size <= REGION_MOST)
        pages_prefer_huge(r->base, r->size);
    r->next = e->regions;
    e->regions = r;
    return r;
}

static int place_packed(struct exec *e, struct packed *k, struct error *err)
{
    size_t bytes;
    if (k->how.bytes == 0 || !mem_add(k->how.bytes, 63, &bytes))
        return error_memory(err);
    bytes -= bytes % 64;
    struct packed_region *r = e->regions;
    if ((!r || r->size - r->used < bytes) && !(r = add_region(e, bytes, err)))
        return -1;
    k->data = r->base + r->used;
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

static bool make_huge(void *base, size_t size, size_t *done, double until)
{
    while (*done < size) {
        if (run_now() >= until)
            return false;
        *done += pages_make_huge((char *)base + *done, size - *done);
    }
    return true;
}

void packing_make_huge(struct exec *e, double seconds)
{
    double until = run_now() + seconds;
    for (struct plan *p = e->plans; p; p = p->next)
        if (p->memory && !make_huge(p->memory, p->memory_size, &p->huge, until))
            return;
    for (struct packed_region *r = e->regions; r; r = r->next)
        if (!make_huge(r->base, r->used, &r->huge, until))
            return;
}

/* ---- packings ---- */

static void unref_packed(struct exec *e, struct packed *k)
{
    if (--k->refs > 0)
        return;
    struct packed **at = &e->packed;
    while (*at != k)
        at = &(*at)->next;
    *at = k->next;
    e->packed_bytes -= k->how.bytes;
    e->grown_bytes -= k->how.growth;
    leave_region(e, k->region);
    free(k);
}

void packing_release(struct plan *p)
{
    for (struct pack_job *j = p->jobs; j; j = j->next)
        tensor_unref(j->tensor);
    for (struct packed_use *u = p->packed; u; u = u->next)
        unref_packed(exec_whole(p->exec), u->packed);
}

static bool same_way(const struct packing *a, const struct packing *b)
{
    return a->bytes == b->bytes && a->as_stored == b->as_stored && strcmp(a->name, b->name) == 0 &&
           memcmp(a->params, b->params, sizeof a->params) == 0;
}

/* Whether the tensor, whose sample is the same, gives what k holds, or will: packs it in order to know, when k's own is
 * gone. 1, 0, or -1 with a message. */
static int gives(const struct tensor *t, const struct packing *how, const struct packed *k,
                 const struct kernels *kernels, struct error *err)
{
    if (k->tensor)
        return k->tensor->dtype == t->dtype && k->tensor->size == t->size &&
               memcmp(k->tensor->data, t->data, t->size) == 0;
    struct tensor *wide = how->as_stored ? NULL : tensor_cast(t, DTYPE_F32, true, err);
    char *packed = how->as_stored || wide ? pages_new(how->bytes, err) : NULL;
    int same = -1;
    if (packed && how->pack(packed, wide ? wide->data : t->data, how->args, 0, how->units, kernels) == 0)
        same = memcmp(packed, k->data, how->bytes) == 0;
    pages_free(packed, how->bytes);
    tensor_unref(wide);
    return same;
}

/* Tensors that look the same and are not must not be compared all with all. */
#define TRIES_MOST 8

/* One that holds the same: *found NULL when there is none. */
static int find_packed(struct exec *e, const struct tensor *t, const struct packing *how, uint64_t sample,
                       struct packed **found, struct error *err)
{
    for (struct packed *k = e->packed; k; k = k->next)
        if (k->tensor_id == t->id && same_way(&k->how, how)) {
            *found = k;
            return 0;
        }
    int tries = 0;
    for (struct packed *k = e->packed; k && tries < TRIES_MOST; k = k->next) {
        bool may_be = k->sample == sample && same_way(&k->how, how);
        int same = may_be ? gives(t, how, k, e->kernels, err) : 0;
        tries += may_be;
        if (same < 0)
            return -1;
        if (same) {
            *found = k;
            return 0;
        }
    }
    *found = NULL;
    return 0;
}

/* Packing makes weights larger, by Winograd's transformation four times, by filled up panels more where these are few.
 * What goes beyond that counts with the activations. */
#define PACKED_GROWTH 5

/* A sixth, or what nobody misses. */
#define ROOM_PART  6
#define ROOM_LEAST ((size_t)2 << 20)

bool packing_has_room(const struct plan *p, size_t growth)
{
    const struct exec *e = exec_whole(p->exec);
    size_t room = e->weight_bytes / ROOM_PART;
    room = room < ROOM_LEAST ? ROOM_LEAST : room;
    return e->grown_bytes <= room && growth <= room - e->grown_bytes;
}

size_t packing_excess(const struct exec *e, size_t more)
{
    size_t usual = e->weight_bytes < SIZE_MAX / PACKED_GROWTH / 2 ? e->weight_bytes * PACKED_GROWTH : SIZE_MAX / 2;
    return e->packed_bytes + more > usual ? e->packed_bytes + more - usual : 0;
}

static struct packed *add_packed(struct exec *e, const struct tensor *t, const struct packing *how, uint64_t sample,
                                 struct error *err)
{
    if (how->bytes > SIZE_MAX / 4 || packing_excess(e, how->bytes) > e->memory - e->held) {
        error_set(err, "the packed weights take %zu MiB, too much beside %zu MiB of weights and %zu MiB of activations",
                  (e->packed_bytes + how->bytes) >> 20, e->weight_bytes >> 20, e->held >> 20);
        return NULL;
    }
    struct packed *k = mem_calloc(1, sizeof *k, err);
    if (!k)
        return NULL;
    *k = (struct packed){.tensor_id = t->id, .sample = sample, .how = *how, .tensor = t};
    k->how.args = NULL;
    if (place_packed(e, k, err) < 0) {
        free(k);
        return NULL;
    }
    k->next = e->packed;
    e->packed = k;
    e->packed_bytes += how->bytes;
    e->grown_bytes += how->growth;
    return k;
}

/* ---- filling them ---- */

/* What is worth a thread's trouble, and what is worth waking them all. */
#define PACK_GRAIN ((size_t)256 << 10)
#define PACK_BATCH ((size_t)32 << 20)

static int add_job(struct plan *p, struct tensor *t, struct packed *k, const struct packing *how, struct error *err)
{
    struct pack_job *j = plan_alloc(p, sizeof *j, err);
    void *args = plan_alloc(p, how->args_size, err);
    if (!j || !args)
        return -1;
    memcpy(args, how->args, how->args_size);
    *j = (struct pack_job){.how = *how, .packed = k, .tensor = tensor_ref(t), .next = p->jobs};
    j->how.args = args;
    j->tiles = plan_tiles((int64_t)how->bytes, (int64_t)PACK_GRAIN, how->units);
    p->jobs = j;
    p->job_bytes += how->bytes;
    return 0;
}

const void *plan_packed(struct plan *p, const struct node *n, int i, const struct packing *how, struct error *err)
{
    struct exec *e = exec_whole(p->exec);
    struct tensor *t = n->in[i]->constant;
    struct packed_use *use = plan_alloc(p, sizeof *use, err);
    uint64_t sample = hash_sample(t->data, t->size);
    struct packed *k;
    if (!use || find_packed(e, t, how, sample, &k, err) < 0)
        return NULL;
    bool found = k != NULL;
    if (!found && !(k = add_packed(e, t, how, sample, err)))
        return NULL;
    k->refs++;
    *use = (struct packed_use){k, p->packed};
    p->packed = use;
    plan_place(n->in[i])->is_packed = true;
    return found || add_job(p, t, k, how, err) == 0 ? k->data : NULL;
}

struct filling {
    struct plan *plan;
    atomic_llong next;
    atomic_bool failed;
};

/* Tiles of all jobs, one job after the other. */
static void fill_region(void *arg, int thread)
{
    struct filling *f = arg;
    const struct pack_job *j = f->plan->jobs;
    int64_t before = 0;
    (void)thread;
    for (;;) {
        int64_t at = atomic_fetch_add_explicit(&f->next, 1, memory_order_relaxed);
        while (j && at - before >= j->tiles) {
            before += j->tiles;
            j = j->next;
        }
        if (!j)
            return;
        at -= before;
        int64_t first = plan_tile_first(j->how.units, j->tiles, at);
        int64_t end = plan_tile_first(j->how.units, j->tiles, at + 1);
        size_t unit = j->how.bytes / (size_t)j->how.units;
        pages_populate((char *)j->packed->data + (size_t)first * unit, (size_t)(end - first) * unit);
        if (j->how.pack(j->packed->data, j->tensor->data, j->how.args, first, end, f->plan->kernels) < 0)
            atomic_store(&f->failed, true);
    }
}

/* Weights in the type that packing wants. */
static int widen_jobs(struct plan *p, struct error *err)
{
    for (struct pack_job *j = p->jobs; j; j = j->next) {
        if (j->how.as_stored || j->tensor->dtype == DTYPE_F32)
            continue;
        struct tensor *wide = tensor_cast(j->tensor, DTYPE_F32, true, err);
        if (!wide)
            return -1;
        tensor_unref(j->tensor);
        j->tensor = wide;
    }
    return 0;
}

static int fill(struct plan *p, struct error *err)
{
    struct filling f = {.plan = p};
    if (widen_jobs(p, err) < 0)
        return -1;
    pool_run(p->job_bytes > PACK_GRAIN ? p->exec->pool : NULL, fill_region, &f);
    for (struct pack_job *j = p->jobs; j; j = j->next) {
        j->packed->tensor = NULL;
        blob_drop_pages(j->tensor->blob, j->tensor->data, j->tensor->size);
        tensor_unref(j->tensor);
    }
    p->jobs = NULL;
    p->job_bytes = 0;
    return atomic_load(&f.failed) ? error_memory(err) : 0;
}

/* A constant that was only packed, by all who use it, is let go. */
static void release_constants(struct plan *p)
{
    for (size_t i = 0; i < p->graph->value_count; i++) {
        struct value *v = p->graph->values[i];
        struct place *place = v && v->constant ? plan_place(v) : NULL;
        if (!place || !place->is_packed || place->is_kept || v->is_output || place->uses_lowered < v->use_count ||
            (place->view.buffer && place->view.buffer->is_touched))
            continue;
        tensor_unref(v->constant);
        v->constant = NULL;
    }
}

int packing_fill(struct plan *p, struct error *err)
{
    if (p->is_lowered || p->job_bytes >= PACK_BATCH) {
        if (p->jobs && fill(p, err) < 0)
            return -1;
        release_constants(p);
    }
    return 0;
}
