#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "task/task.h"

static int compare(const void *a, const void *b)
{
    const struct task_top *x = a, *y = b;
    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

static bool is_distribution(const float *scores, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        if (scores[i] < 0)
            return false;
        sum += scores[i];
    }
    return fabs(sum - 1) <= 0.05;
}

/* `all` is sorted: its first score is the largest. */
static void softmax(struct task_top *all, size_t n, size_t k)
{
    double top = all[0].score, sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += exp(all[i].score - top);
    for (size_t i = 0; i < k; i++)
        all[i].score = (float)(exp(all[i].score - top) / sum);
}

static int check_scores(const float *scores, size_t n, struct error *err)
{
    bool any = false;
    for (size_t i = 0; i < n; i++) {
        if (isnan(scores[i]) || scores[i] == INFINITY)
            return error_set(err, "score %zu of %zu is %s: want a finite number", i, n,
                             isnan(scores[i]) ? "nan" : "inf");
        any |= scores[i] != -INFINITY;
    }
    return any ? 0 : error_set(err, "no score of %zu is finite: want at least one", n);
}

ptrdiff_t task_top(const float *scores, size_t n, size_t k, struct task_top *out, struct error *err)
{
    if (check_scores(scores, n, err))
        return -1;
    struct task_top *all = mem_calloc(n, sizeof *all, err);
    if (!all)
        return -1;
    for (size_t i = 0; i < n; i++)
        all[i] = (struct task_top){i, scores[i]};
    qsort(all, n, sizeof *all, compare);
    k = k < n ? k : n;
    if (n > 1 && !is_distribution(scores, n))
        softmax(all, n, k);
    if (k)
        memcpy(out, all, k * sizeof *all);
    free(all);
    return (ptrdiff_t)k;
}
