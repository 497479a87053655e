/* The public API: the values of a model's constants, in numbers. */
#include "model_private.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK 512

static void add_moments(const struct tensor *t, struct model_statistic *s)
{
    double v[CHUNK], sum = 0, squares = 0;
    int64_t finite = 0;
    s->least = INFINITY;
    s->greatest = -INFINITY;
    for (int64_t first = 0; first < t->count; first += CHUNK) {
        int64_t n = t->count - first < CHUNK ? t->count - first : CHUNK;
        tensor_load_f64(t, first, n, v);
        for (int64_t i = 0; i < n; i++) {
            s->zeros += v[i] == 0;
            s->infinite += !isfinite(v[i]);
            if (!isfinite(v[i]))
                continue;
            s->least = fmin(s->least, v[i]);
            s->greatest = fmax(s->greatest, v[i]);
            sum += v[i];
            squares += v[i] * v[i];
            finite++;
        }
    }
    if (finite == 0)
        return;
    s->mean = sum / (double)finite;
    s->deviation = sqrt(fmax(0, squares / (double)finite - s->mean * s->mean));
}

static struct model_statistic describe(const struct value *v)
{
    const struct tensor *t = v->constant;
    struct model_statistic s = {.name = v->name,
                                .dtype = dtype_info(t->dtype)->name,
                                .rank = t->rank,
                                .elements = t->count,
                                .bytes = t->size,
                                .mean = NAN,
                                .deviation = NAN};
    memcpy(s.dims, t->dims, sizeof s.dims);
    if (t->dtype != DTYPE_STRING)
        add_moments(t, &s);
    if (isnan(s.mean))
        s.least = s.greatest = NAN;
    return s;
}

struct model_statistic *model_statistics(const struct model *m, size_t *count, struct model_error *error)
{
    struct error *err = model_inner(error);
    struct model_statistic *list = mem_calloc(1, sizeof *list, err);
    size_t n = 0, cap = 1;
    for (const struct graph *g = list ? m->graph : NULL; g; g = graph_next(m->graph, g))
        for (size_t i = 0; i < g->value_count; i++) {
            if (!g->values[i] || !g->values[i]->constant)
                continue;
            if (mem_grow(&list, &cap, n + 1, sizeof *list, err) < 0) {
                free(list);
                return NULL;
            }
            list[n++] = describe(g->values[i]);
        }
    *count = n;
    return list;
}
