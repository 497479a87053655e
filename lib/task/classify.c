/* A score for each label. */
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "task/answer.h"

struct ranked {
    size_t index;
    float score;
};

static int compare(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

bool task_are_shares(const float *values, size_t n, size_t step)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        if (!(values[i * step] >= 0))
            return false;
        sum += values[i * step];
    }
    return fabs(sum - 1) <= 0.05; /* bytes are rounded */
}

/* `all` is sorted: its first score is the largest. */
static void softmax(struct ranked *all, size_t n)
{
    double top = all[0].score, sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += exp(all[i].score - top);
    for (size_t i = 0; i < n; i++)
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

/* How many scores an answer has: all, or those of a frame, of which the mean is wanted. */
static size_t score_count(const struct task_query *q, const struct task_output *o)
{
    bool mean = task_word(q->task, TASK_POOL) == TASK_POOL_MEAN && o->rank > 1;
    return mean ? (size_t)o->dims[o->rank - 1] : task_elements(o);
}

/* Where a network gives more than its scores, such as features, labels tell which are scores. */
static bool fits_labels(const struct task_query *q, const struct task_output *o)
{
    return !q->labels->count || score_count(q, o) == q->labels->count;
}

#define MANY 8 /* numbers of a network that are no scores do not all lie in 0..1 */

/* A single score is taken as it is. */
static void activate(const struct task_query *q, const struct task_output *o, struct ranked *all, size_t n)
{
    bool is_done = n == 1 || task_are_shares(o->values, n, 1) || (n >= MANY && task_are_scores(o->values, n));
    int activation = task_activation(q->task, o->end, is_done, TASK_SCORES_SOFTMAX);
    if (activation == TASK_SCORES_SOFTMAX)
        softmax(all, n);
    for (size_t i = 0; activation == TASK_SCORES_SIGMOID && i < n; i++)
        all[i].score = task_sigmoid(all[i].score);
}

static int rank_all(const struct task_query *q, const struct task_output *o, struct ranked *all, size_t n,
                    struct task_answers *out, struct error *err)
{
    float least = task_number(q->task, TASK_SCORE);
    for (size_t i = 0; i < n; i++)
        all[i] = (struct ranked){i, o->values[i]};
    qsort(all, n, sizeof *all, compare);
    activate(q, o, all, n);
    size_t most = q->most && q->most < n ? q->most : n;
    for (size_t i = 0; i < most && (least <= 0 || all[i].score >= least); i++)
        if (task_answers_add(out, (struct task_answer){.label = all[i].index, .score = all[i].score}, err) < 0)
            return -1;
    return 0;
}

/* One row of n scores, the mean of all; for free(). */
static float *mean_row(const struct task_output *o, size_t rows, size_t n, struct error *err)
{
    float *mean = mem_calloc(n, sizeof *mean, err);
    for (size_t i = 0; mean && i < n; i++) {
        double sum = 0;
        for (size_t r = 0; r < rows; r++)
            sum += o->values[r * n + i];
        mean[i] = (float)(sum / (double)rows);
    }
    return mean;
}

static int classify_mean(const struct task_query *q, const struct task_output *o, size_t rows, struct task_answers *out,
                         struct error *err)
{
    struct task_query one = *q;
    int64_t n = o->dims[o->rank - 1];
    float *mean = mean_row(o, rows, (size_t)n, err);
    struct task_output row = {.name = o->name, .values = mean, .dims = &n, .rank = 1, .end = o->end};
    one.outputs = &row, one.count = 1;
    int status = mean ? task_classify(&one, out, err) : -1;
    free(mean);
    return status;
}

int task_classify(const struct task_query *q, struct task_answers *out, struct error *err)
{
    const struct task_output *o = task_choose(q, fits_labels);
    size_t n = task_elements(o), each = score_count(q, o);
    if (each && each < n)
        return classify_mean(q, o, n / each, out, err);
    if (o->rank > 1 && o->dims[0] > 1)
        return error_set(err, "a batch of %lld answers: want one at a time, or pool=mean", (long long)o->dims[0]);
    if (task_labels_check(q->labels, n, err) < 0 || check_scores(o->values, n, err) < 0)
        return -1;
    struct ranked *all = mem_calloc(n, sizeof *all, err);
    int status = all ? rank_all(q, o, all, n, out, err) : -1;
    free(all);
    return status;
}
