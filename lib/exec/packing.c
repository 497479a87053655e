#include "exec/packing.h"

#include <stdlib.h>
#include <string.h>

#include "exec/exec_private.h"

static void unref_packed(struct exec *e, struct packed *k)
{
    if (--k->refs > 0)
        return;
    struct packed **at = &e->packed;
    while (*at != k)
        at = &(*at)->next;
    *at = k->next;
    e->packed_bytes -= k->bytes;
    free(k->data);
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
    if (k->bytes == 0 || posix_memalign((void **)&k->data, 64, k->bytes) != 0) {
        free(k);
        error_memory(err);
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
