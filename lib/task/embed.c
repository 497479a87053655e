/* A vector that stands for the input. */
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "task/answer.h"

/* Rows of n numbers that become one: value i of row r is values[r * row_step + i * step]. */
struct tokens {
    const float *values;
    size_t rows, n, row_step, step;
    const float *mask; /* of rows that count, not 0; NULL: all */
};

static bool is_whole(const struct task_query *q, const struct task_output *o)
{
    (void)q;
    return task_is_named(o, "sentence pooled");
}

static bool is_embedding(const struct task_query *q, const struct task_output *o)
{
    (void)q;
    return task_is_named(o, "embed");
}

static int as_tokens(const struct task_query *q, const struct task_output *o, struct tokens *t, struct error *err)
{
    struct task_planes p;
    size_t d[2], all = task_elements(o);
    if (task_word(q->task, TASK_POOL) == TASK_POOL_NONE) {
        *t = (struct tokens){o->values, 1, all, 0, 1, NULL};
    } else if (o->rank >= 4 || (o->rank == 3 && o->dims[0] != 1)) { /* features of places */
        if (task_planes(o, q->channels_last, &p, err) < 0)
            return -1;
        *t = (struct tokens){p.values, p.width * p.height, p.channels, p.next, p.step, NULL};
    } else if (task_last_dims(o, 2, d)) {
        *t = (struct tokens){o->values, d[0], d[1], d[1], 1, q->mask_count == d[0] ? q->mask : NULL};
    } else {
        return error_set(err, "task embedding: %d dimensions: want one vector, or a row of them", o->rank);
    }
    return t->rows && t->n ? 0 : error_set(err, "task embedding: the output is empty");
}

static double pooled(const struct tokens *t, int pool, size_t i)
{
    double sum = 0, count = 0, last = 0;
    for (size_t r = 0; r < (pool == TASK_POOL_CLS ? 1 : t->rows); r++) {
        double weight = t->mask ? t->mask[r] != 0 : 1, v = t->values[r * t->row_step + i * t->step];
        last = weight > 0 ? v : last;
        sum += weight * v, count += weight;
    }
    return pool == TASK_POOL_LAST ? last : count > 0 ? sum / count : 0;
}

int task_embed(const struct task_query *q, struct task_answers *out, struct error *err)
{
    const struct task_output *o = task_choose(q, is_whole);
    struct tokens t = {0};
    double square = 0;
    if (!is_whole(q, o))
        o = task_choose(q, is_embedding);
    if (as_tokens(q, o, &t, err) < 0 || !(out->vector = mem_calloc(t.n, sizeof *out->vector, err)))
        return -1;
    out->vector_count = t.n;
    for (size_t i = 0; i < t.n; i++) {
        double v = pooled(&t, task_word(q->task, TASK_POOL), i);
        if (!isfinite(v))
            return error_set(err, "task embedding: number %zu is not finite", i);
        out->vector[i] = (float)v;
        square += v * v;
    }
    for (size_t i = 0; task_word(q->task, TASK_NORM) == 0 && square > 0 && i < t.n; i++)
        out->vector[i] = (float)(out->vector[i] / sqrt(square));
    return 0;
}
