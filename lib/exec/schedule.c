#include "exec/schedule.h"

#include <stdlib.h>

#include "base/cpu.h"

/* More steps than this in one phase gain nothing, and each is compared with all before it. */
#define PHASE_STEPS 64

/* The phase that is being filled. An item of it is a chain of steps, mostly of one alone. */
struct schedule {
    struct plan *plan;
    int *next;                                /* [step_count] the step behind it in its chain; -1: none */
    int head[PHASE_STEPS], tail[PHASE_STEPS]; /* the first step of each item, and the last */
    int items, steps;
    struct step *sorted; /* those of finished phases, in the order in which they run */
    int done;
};

/* Whether both touch the same bytes in another way than two readers do. */
static bool conflicts(const struct access *a, const struct access *b)
{
    if (a->buffer != b->buffer || (a->kind == ACCESS_READ && b->kind == ACCESS_READ))
        return false;
    if ((a->kind == ACCESS_BORDER && b->kind == ACCESS_WRITE) || (a->kind == ACCESS_WRITE && b->kind == ACCESS_BORDER))
        return false;
    /* parts of a Concat: runs of channels side by side */
    bool apart =
        a->pitch > 0 && a->pitch == b->pitch && (a->first + a->run <= b->first || b->first + b->run <= a->first);
    return !apart;
}

static bool depends(const struct step *s, const struct step *on)
{
    if (s->is_reference && on->is_reference) /* they draw from one sequence of random numbers */
        return true;
    for (int i = 0; i < s->access_count; i++)
        for (int k = 0; k < on->access_count; k++)
            if (conflicts(&s->access[i], &on->access[k]))
                return true;
    return false;
}

static bool depends_on_item(const struct schedule *s, int step, int item)
{
    const struct step *steps = s->plan->steps;
    for (int on = s->head[item]; on >= 0; on = s->next[on])
        if (depends(&steps[step], &steps[on]))
            return true;
    return false;
}

/* Memory that chained steps may hold longer than they would have to. */
#define CHAIN_BYTES ((size_t)64 << 10)

static bool may_chain(const struct step *s)
{
    if (s->tiles != 1 || s->is_reference)
        return false;
    for (int i = 0; i < s->access_count; i++)
        if (!s->access[i].buffer->external && s->access[i].buffer->size > CHAIN_BYTES)
            return false;
    return true;
}

/* Puts the phase's steps, chain by chain, behind those of the phases before. */
static void end_phase(struct schedule *s)
{
    for (int i = 0; i < s->items; i++)
        for (int at = s->head[i]; at >= 0; at = s->next[at]) {
            struct step *to = &s->sorted[s->done++];
            *to = s->plan->steps[at];
            to->waits = i == 0 && at == s->head[i];
            to->is_chained = at != s->head[i];
        }
    s->items = s->steps = 0;
}

static void add_item(struct schedule *s, int step)
{
    s->head[s->items] = s->tail[s->items] = step;
    s->items++;
    s->steps++;
}

static void add_step(struct schedule *s, int step)
{
    const struct step *steps = s->plan->steps;
    int on = -1, times = 0;
    if (s->steps == PHASE_STEPS)
        end_phase(s);
    for (int i = 0; i < s->items; i++)
        if (depends_on_item(s, step, i)) {
            on = i;
            times++;
        }
    if (times == 1 && may_chain(&steps[step]) && may_chain(&steps[s->tail[on]])) {
        s->next[s->tail[on]] = step;
        s->tail[on] = step;
        s->steps++;
        return;
    }
    if (times > 0)
        end_phase(s);
    add_item(s, step);
}

/* first and last of buffers, from places of steps to numbers of phases. */
static void count_lives(struct plan *p)
{
    for (struct buffer *b = p->buffers; b; b = b->next)
        b->first = b->last = -1;
    int phase = -1;
    for (size_t i = 0; i < p->step_count; i++) {
        const struct step *s = &p->steps[i];
        phase += s->waits;
        for (int k = 0; k < s->access_count; k++) {
            struct buffer *b = s->access[k].buffer;
            b->first = b->first < 0 ? phase : b->first;
            b->last = phase;
        }
    }
}

/* What each step may fetch of the weights behind it: as much as a group of a product's panels (gemm.c). */
static void look_ahead(struct plan *p)
{
    struct weights next = {NULL, 0};
    size_t most = (size_t)cpu_l2_bytes() / 3;
    for (size_t i = p->step_count; i-- > 0;) {
        struct step *s = &p->steps[i];
        s->ahead = next;
        if (s->weights.at)
            next = s->weights;
        next.bytes = next.bytes < most ? next.bytes : most;
    }
}

int schedule_make(struct plan *p, struct error *err)
{
    struct schedule s = {.plan = p};
    size_t n = p->step_count;
    s.next = mem_calloc(n, sizeof *s.next, err);
    s.sorted = mem_calloc(n, sizeof *s.sorted, err);
    if (!s.next || !s.sorted) {
        free(s.next);
        free(s.sorted);
        return -1;
    }
    for (size_t i = 0; i < n; i++) {
        s.next[i] = -1;
        add_step(&s, (int)i);
    }
    end_phase(&s);
    free(s.next);
    free(p->steps);
    p->steps = s.sorted;
    p->step_cap = n;
    count_lives(p);
    look_ahead(p);
    return 0;
}
