/* Comparisons, and choosing by a condition. */
#include <string.h>

#include "op/binary.h"
#include "op/util.h"

int infer_comparison(struct op_infer *c, struct error *err)
{
    return op_infer_broadcast(c, 0, DTYPE_BOOL, 0, 2, err);
}

#define COMPARE(name, op)                                                                                              \
    static union cell name##_real(const union cell *x, const void *arg)                                                \
    {                                                                                                                  \
        (void)arg;                                                                                                     \
        return (union cell){.i = x[0].r op x[1].r};                                                                    \
    }                                                                                                                  \
    static union cell name##_sint(const union cell *x, const void *arg)                                                \
    {                                                                                                                  \
        (void)arg;                                                                                                     \
        return (union cell){.i = x[0].i op x[1].i};                                                                    \
    }                                                                                                                  \
    static union cell name##_uint(const union cell *x, const void *arg)                                                \
    {                                                                                                                  \
        (void)arg;                                                                                                     \
        return (union cell){.i = x[0].u op x[1].u};                                                                    \
    }

COMPARE(less, <)
COMPARE(less_equal, <=)
COMPARE(greater, >)
COMPARE(greater_equal, >=)
COMPARE(equal, ==)

static const struct binary comparisons[] = {
    {"Less", less_real, less_sint, less_uint, NULL},
    {"LessOrEqual", less_equal_real, less_equal_sint, less_equal_uint, NULL},
    {"Greater", greater_real, greater_sint, greater_uint, NULL},
    {"GreaterOrEqual", greater_equal_real, greater_equal_sint, greater_equal_uint, NULL},
    {"Equal", equal_real, equal_sint, equal_uint, equal_uint},
};

int eval_comparison(struct op_eval *c, struct error *err)
{
    cell_fn *f = binary_find(c, comparisons, sizeof(comparisons) / sizeof(comparisons[0]), eval_in(c, 0)->dtype, err);
    return f ? elementwise(c, 0, 2, DTYPE_BOOL, f, NULL, err) : -1;
}

static int equal_strings(struct op_eval *c, struct error *err)
{
    const struct tensor *a = eval_in(c, 0), *b = eval_in(c, 1);
    int64_t dims[TENSOR_MAX_RANK], a_steps[TENSOR_MAX_RANK], b_steps[TENSOR_MAX_RANK];
    int rank;
    if (elementwise_dims(c, 0, 2, dims, &rank, err))
        return -1;
    struct tensor *y = eval_out(c, 0, DTYPE_BOOL, rank, dims, err);
    if (!y)
        return -1;
    op_broadcast_steps(a->rank, a->dims, rank, dims, a_steps);
    op_broadcast_steps(b->rank, b->dims, rank, dims, b_steps);
    struct op_walk w;
    op_walk_init(&w, rank, dims, 2, (const int64_t *const[]){a_steps, b_steps});
    while (op_walk(&w))
        for (int64_t i = 0; i < w.run; i++) {
            const struct str *s = (const struct str *)a->data + w.at[0] + i * w.run_step[0];
            const struct str *t = (const struct str *)b->data + w.at[1] + i * w.run_step[1];
            ((uint8_t *)y->data)[w.done + i] =
                s->size == t->size && (s->size == 0 || memcmp(s->data, t->data, s->size) == 0);
        }
    return 0;
}

int eval_equal(struct op_eval *c, struct error *err)
{
    return eval_in(c, 0)->dtype == DTYPE_STRING ? equal_strings(c, err) : eval_comparison(c, err);
}

/* ---- Where ---- */

int infer_where(struct op_infer *c, struct error *err)
{
    enum dtype dtype = infer_dtype(c, 1);
    return op_infer_broadcast(c, 0, dtype == DTYPE_NONE ? infer_dtype(c, 2) : dtype, 0, 3, err);
}

/* One run: stretches of equal condition are moved at once. */
static void choose(struct tensor *y, const struct op_walk *w, const uint8_t *condition,
                   const struct tensor *const *from)
{
    for (int64_t i = 0, end; i < w->run; i = end) {
        bool first = condition[w->at[0] + i * w->run_step[0]] != 0;
        for (end = i + 1; end < w->run && (condition[w->at[0] + end * w->run_step[0]] != 0) == first; end++)
            ;
        int k = first ? 1 : 2;
        op_move(y, w->done + i, 1, from[k - 1], w->at[k] + i * w->run_step[k], w->run_step[k], end - i);
    }
}

int eval_where(struct op_eval *c, struct error *err)
{
    const struct tensor *from[] = {eval_in(c, 1), eval_in(c, 2)};
    int64_t dims[TENSOR_MAX_RANK], steps[3][TENSOR_MAX_RANK];
    int rank;
    if (elementwise_dims(c, 0, 3, dims, &rank, err))
        return -1;
    struct tensor *y = eval_out(c, 0, from[0]->dtype, rank, dims, err);
    if (!y)
        return -1;
    for (int k = 0; k < 3; k++)
        op_broadcast_steps(eval_in(c, k)->rank, eval_in(c, k)->dims, rank, dims, steps[k]);
    struct op_walk w;
    op_walk_init(&w, rank, dims, 3, (const int64_t *const[]){steps[0], steps[1], steps[2]});
    while (op_walk(&w))
        choose(y, &w, eval_in(c, 0)->data, from);
    return 0;
}
