#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "exec/plan.h"

struct region {
    struct plan *plan;
    struct pool *pool;
    bool profile;
};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Takes tiles of a step while there are any. */
static void run_tiles(struct plan *p, size_t index, int thread)
{
    const struct step *s = &p->steps[index];
    struct tile tile = {.scratch = p->scratch + p->scratch_bytes * (size_t)thread};
    if (s->enter)
        s->enter();
    while (!atomic_load_explicit(&p->failed, memory_order_relaxed)) {
        long long i = atomic_fetch_add_explicit(&p->next_tile[index], 1, memory_order_relaxed);
        if (i >= s->tiles)
            break;
        tile.first = plan_tile_first(s->units, s->tiles, i);
        tile.last = plan_tile_first(s->units, s->tiles, i + 1);
        s->run(s, tile);
    }
    if (s->leave)
        s->leave();
}

/* One parallel region is the whole run: every thread walks the steps, takes tiles while there are any, and waits for
 * the others. After a failure all still meet at every barrier, so that none is left waiting. */
static void region_run(void *arg, int thread)
{
    struct region *r = arg;
    struct plan *p = r->plan;
    double begun = r->profile ? now() : 0;
    for (size_t i = 0; i < p->step_count; i++) {
        run_tiles(p, i, thread);
        pool_barrier(r->pool);
        if (r->profile && thread == 0) {
            double ended = now();
            p->steps[i].seconds += ended - begun;
            p->steps[i].runs++;
            begun = ended;
        }
    }
}

void plan_fail(struct plan *p, const struct node *n, const char *format, ...)
{
    char label[128], text[512];
    va_list args;
    if (atomic_exchange(&p->failing, true))
        return;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    error_set(p->error, "%s%s%s", n ? node_label(n, label, sizeof label) : "", n ? ": " : "", text);
    atomic_store(&p->failed, true);
}

int plan_execute(struct plan *p, struct pool *pool, bool profile, struct error *err)
{
    struct region region = {p, pool, profile};
    for (size_t i = 0; i < p->step_count; i++)
        atomic_store_explicit(&p->next_tile[i], 0, memory_order_relaxed);
    atomic_store(&p->failed, false);
    atomic_store(&p->failing, false);
    p->error = err;
    pool_run(pool, region_run, &region);
    return atomic_load_explicit(&p->failed, memory_order_relaxed) ? -1 : 0;
}
