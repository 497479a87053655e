#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "exec/exec_private.h"
#include "exec/rounds.h"

struct region {
    struct plan *plan;
    struct pool *pool;
    bool profile;
};

/* Which of a thread's tiles of a step is next, counted from its first; as many as it has, or more: none. Other threads
 * move it on too: who sees that a step has begun sees so of all behind it, since those are set back before. */
struct cursor {
    atomic_llong next;
};

int run_prepare(struct plan *p, struct error *err)
{
    p->cursors = plan_alloc(p, sizeof *p->cursors * (size_t)plan_threads(p) * p->step_count, err);
    p->was_left = true;
    return p->cursors ? 0 : -1;
}

static struct cursor *cursors_of(const struct plan *p, int thread)
{
    return p->cursors + (size_t)thread * p->step_count;
}

double run_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static bool has_failed(struct plan *p)
{
    return atomic_load_explicit(&p->failed, memory_order_relaxed);
}

static void run_tile(struct plan *p, const struct step *s, int64_t index, int64_t count, int thread, const void **kept)
{
    struct tile tile = {.first = plan_tile_first(s->units, s->tiles, index),
                        .last = plan_tile_first(s->units, s->tiles, index + count),
                        .scratch = p->scratch + p->scratch_bytes * (size_t)thread,
                        .kept = kept};
    s->run(s, tile);
}

/* Takes what is left of the tiles that are `owner`'s: neighbours, so that what they share stays in one cache. A thread
 * alone takes all as one, since some steps prepare something for each. */
static bool run_share(struct plan *p, size_t index, int threads, int owner, int thread, const void **kept)
{
    const struct step *s = &p->steps[index];
    int64_t first = plan_tile_first(s->tiles, threads, owner), end = plan_tile_first(s->tiles, threads, owner + 1);
    struct cursor *c = &cursors_of(p, owner)[index];
    const int64_t together = threads == 1 ? s->tiles : 1;
    bool ran = false;
    if (owner != thread && atomic_load_explicit(&c->next, memory_order_relaxed) >= end - first)
        return false;
    while (!has_failed(p)) {
        int64_t at = first + atomic_fetch_add_explicit(&c->next, together, memory_order_acquire);
        if (at >= end)
            break;
        run_tile(p, s, at, together, thread, kept);
        ran = true;
    }
    return ran;
}

/* A thread alone does whole rounds; several share each, by the first one's cursor. */
static bool run_rounds(struct plan *p, size_t index, int threads, int thread)
{
    const struct step *s = &p->steps[index];
    rounds_state *state = &cursors_of(p, 0)[index].next;
    int units = (int)s->units;
    struct tile tile = {.last = units, .scratch = p->scratch + p->scratch_bytes * (size_t)thread};
    struct rounds_unit unit;
    bool ran = threads == 1;
    for (; threads == 1 && tile.round < s->rounds && !has_failed(p); tile.round++)
        s->run(s, tile);
    while (threads > 1 && rounds_take(state, s->rounds, units, thread, &unit)) {
        tile.round = unit.round;
        tile.first = unit.unit;
        tile.last = unit.unit + 1;
        if (!has_failed(p))
            s->run(s, tile);
        rounds_finish(state, units);
        ran = true;
    }
    return ran;
}

/* Takes the thread's own tiles of a step, then others'. True when it did some. */
static bool run_tiles(struct plan *p, size_t index, int threads, int thread)
{
    const struct step *s = &p->steps[index];
    const void *kept = NULL;
    bool ran = false;
    if (s->enter)
        s->enter();
    if (s->rounds)
        ran = run_rounds(p, index, threads, thread);
    for (int i = 0; i < threads && !s->rounds; i++)
        ran |= run_share(p, index, threads, (thread + i) % threads, thread, &kept);
    if (s->leave)
        s->leave();
    return ran;
}

/* A step's followers in its chain are of one tile, as it is: who did that one goes on with them. */
static void run_chain(struct plan *p, size_t index, int threads, int thread)
{
    if (!run_tiles(p, index, threads, thread))
        return;
    for (size_t i = index + 1; i < p->step_count && p->steps[i].is_chained; i++)
        run_tiles(p, i, threads, thread);
}

static void run_steps(struct plan *p, struct pool *pool, int threads, int thread)
{
    for (size_t i = 0; i < p->step_count; i++) {
        if (p->steps[i].waits && i > 0)
            pool_barrier(pool, thread);
        if (!p->steps[i].is_chained)
            run_chain(p, i, threads, thread);
    }
}

/* Each step on its own, so that its time can be told. */
static void profile_steps(struct plan *p, struct pool *pool, int threads, int thread)
{
    double begun = run_now();
    for (size_t i = 0; i < p->step_count; i++) {
        run_tiles(p, i, threads, thread);
        pool_barrier(pool, thread);
        if (thread > 0)
            continue;
        double ended = run_now();
        p->steps[i].seconds += ended - begun;
        p->steps[i].runs++;
        begun = ended;
    }
}

/* One parallel region is the whole run: every thread walks the steps, takes tiles while there are any, and waits for
 * the others before each phase. After a failure all still meet at every barrier, so that none is left waiting. A thread
 * sets back its own cursors: those who come to its tiles before find them done, which they are, since the last run. The
 * last step's comes first: who takes the tile of a chain from another thread must find what follows in it undone. */
static void region_run(void *arg, int thread)
{
    struct region *r = arg;
    struct plan *p = r->plan;
    struct cursor *own = cursors_of(p, thread);
    for (size_t i = p->step_count; i-- > 0;)
        atomic_store_explicit(&own[i].next, 0, memory_order_release);
    (r->profile ? profile_steps : run_steps)(p, r->pool, plan_threads(p), thread);
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
    if (p->was_left) /* with tiles that were not done */
        for (size_t i = 0; i < p->step_count * (size_t)plan_threads(p); i++)
            atomic_store_explicit(&p->cursors[i].next, LLONG_MAX, memory_order_relaxed);
    atomic_store(&p->failed, false);
    atomic_store(&p->failing, false);
    p->error = err;
    pool_run(pool, region_run, &region);
    p->was_left = has_failed(p);
    return p->was_left ? -1 : 0;
}
