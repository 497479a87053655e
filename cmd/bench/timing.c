/* Running until the median is known well enough. */
#include <math.h>
#include <stdlib.h>
#include <time.h>

#include "../common/program.h"
#include "bench.h"

#define LEAST_RUNS    10
#define LEAST_SECONDS 0.5
#define MOST_SECONDS  5.0
#define MOST_RUNS     1000000
#define WARM_SECONDS  0.1  /* and at least one run, which made the plan */
#define STEADY        0.01 /* half the width of the median's 95 % interval, relative to it */

double time_run(struct bench *b)
{
    struct model_error err;
    double start = now();
    if (model_session_run(b->s, b->in, b->out, &err) < 0) {
        say_failed("%s: %s", b->path, err.text);
        return -1;
    }
    double took = now() - start;
    for (size_t i = 0; i < b->output_count; i++) {
        model_tensor_free(b->out[i]);
        b->out[i] = NULL;
    }
    return took;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double quantile(const struct times *t, double share)
{
    double at = share * (double)(t->count - 1);
    size_t i = (size_t)at;
    double rest = at - (double)i, next = t->seconds[i + 1 < t->count ? i + 1 : i];
    return t->seconds[i] + rest * (next - t->seconds[i]);
}

/* The 95 % interval of the median by order statistics: ranks n/2 -+ 0.98 sqrt(n) (binomial distribution). */
static bool is_steady(const struct times *t)
{
    struct times sorted = {.count = t->count, .seconds = get_memory(t->count, sizeof *t->seconds)};
    for (size_t i = 0; i < t->count; i++)
        sorted.seconds[i] = t->seconds[i];
    qsort(sorted.seconds, sorted.count, sizeof *sorted.seconds, by_size);
    double half = 0.98 / sqrt((double)t->count);
    double low = quantile(&sorted, fmax(0, 0.5 - half)), high = quantile(&sorted, fmin(1, 0.5 + half));
    bool steady = high - low < 2 * STEADY * quantile(&sorted, 0.5);
    free(sorted.seconds);
    return steady;
}

static void add_time(struct times *t, double seconds)
{
    if (t->count == t->cap) {
        t->cap = t->cap ? t->cap * 2 : 64;
        double *more = realloc(t->seconds, t->cap * sizeof *more);
        if (!more)
            exit(say_failed("out of memory"));
        t->seconds = more;
    }
    t->seconds[t->count++] = seconds;
}

/* Whether to stop; asked for again once *next runs are done, so that sorting takes no time to speak of. */
static bool is_enough(const struct times *t, const struct request *r, double total, size_t *next)
{
    if (r->runs)
        return t->count >= (size_t)r->runs;
    if (total >= MOST_SECONDS || t->count >= MOST_RUNS)
        return t->count >= 2;
    if (t->count < LEAST_RUNS || total < LEAST_SECONDS || t->count < *next)
        return false;
    *next = t->count + t->count / 8 + 1;
    return is_steady(t);
}

int measure(struct bench *b, const struct request *r, struct times *t)
{
    size_t next = 0;
    double total = 0;
    *t = (struct times){0};
    for (double start = now(); now() - start < WARM_SECONDS;)
        if (time_run(b) < 0)
            return 1;
    while (!is_enough(t, r, total, &next)) {
        double took = time_run(b);
        if (took < 0)
            return 1;
        add_time(t, took);
        total += took;
        say_progress("running", t->count, (size_t)r->runs);
    }
    if (r->runs == 0)
        say_progress("running", 1, 1);
    qsort(t->seconds, t->count, sizeof *t->seconds, by_size);
    return 0;
}
