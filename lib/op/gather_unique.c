/* Unique: the slices (or elements) are sorted by content, equal ones by position, and each run of equals is one. */
#define _GNU_SOURCE /* qsort_r */
#include <stdlib.h>
#include <string.h>

#include "op/axes.h"
#include "op/order.h"
#include "op/real.h"
#include "op/rows.h"
#include "op/util.h"

int infer_unique(struct op_infer *c, struct error *err)
{
    int64_t one = DIM_UNKNOWN;
    if (axes_infer_fewer(c, err))
        return -1;
    for (int o = 1; o < 4; o++)
        if (infer_set(c, o, DTYPE_I64, 1, &one, err))
            return -1;
    return 0;
}

/* The tensor as outer x size x inner; slice i is [*, i, *]. */
struct slices {
    struct order order;
    int64_t outer, size, inner;
};

static int compare_slices(const struct slices *s, int64_t a, int64_t b)
{
    for (int64_t o = 0; o < s->outer; o++)
        for (int64_t i = 0; i < s->inner; i++) {
            int sign = order_compare(&s->order, (o * s->size + a) * s->inner + i, (o * s->size + b) * s->inner + i);
            if (sign)
                return sign;
        }
    return 0;
}

static int compare_stable(const void *a, const void *b, void *arg)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    int sign = compare_slices(arg, x, y);
    return sign ? sign : (x > y) - (x < y);
}

/* Where a group of equals starts in the sorted slices, and what it is of the results. */
struct group {
    int64_t first; /* position in the input of its first member */
    int64_t start, count, rank;
};

static int compare_first(const void *a, const void *b)
{
    int64_t x = ((const struct group *)a)->first, y = ((const struct group *)b)->first;
    return (x > y) - (x < y);
}

static int64_t make_groups(const struct slices *s, const int64_t *sorted, struct group *groups)
{
    int64_t n = 0;
    for (int64_t i = 0; i < s->size; i++) {
        if (i == 0 || compare_slices(s, sorted[i - 1], sorted[i]))
            groups[n++] = (struct group){.first = sorted[i], .start = i};
        groups[n - 1].count++;
    }
    return n;
}

static int give_positions(struct op_eval *c, const struct slices *s, const int64_t *sorted, const struct group *groups,
                          int64_t n, struct error *err)
{
    const int64_t sizes[3] = {n, s->size, n};
    int64_t *to[3] = {NULL, NULL, NULL};
    for (int o = 0; o < 3; o++) {
        struct tensor *t = eval_wants(c, o + 1) ? eval_out(c, o + 1, DTYPE_I64, 1, &sizes[o], err) : NULL;
        if (!t && eval_wants(c, o + 1))
            return -1;
        to[o] = t ? t->data : NULL;
    }
    for (int64_t g = 0; g < n; g++) {
        if (to[0])
            to[0][g] = groups[g].first;
        if (to[2])
            to[2][g] = groups[g].count;
        for (int64_t i = 0; to[1] && i < groups[g].count; i++)
            to[1][sorted[groups[g].start + i]] = g;
    }
    return 0;
}

static int unique(struct op_eval *c, struct slices *s, int axis, int rank, int64_t *sorted, struct group *groups,
                  struct error *err)
{
    const struct tensor *t = eval_in(c, 0);
    int64_t dims[TENSOR_MAX_RANK];
    for (int64_t i = 0; i < s->size; i++)
        sorted[i] = i;
    qsort_r(sorted, (size_t)s->size, sizeof *sorted, compare_stable, s);
    int64_t n = make_groups(s, sorted, groups);
    if (!op_int(c->node, "sorted"))
        qsort(groups, (size_t)n, sizeof *groups, compare_first);
    memcpy(dims, t->dims, sizeof dims);
    dims[axis] = n;
    struct tensor *out = eval_out(c, 0, t->dtype, rank, dims, err);
    if (!out)
        return -1;
    for (int64_t o = 0; out->count && o < s->outer; o++)
        for (int64_t g = 0; g < n; g++)
            op_move(out, (o * n + g) * s->inner, 1, t, (o * s->size + groups[g].first) * s->inner, 1, s->inner);
    return give_positions(c, s, sorted, groups, n, err);
}

int eval_unique(struct op_eval *c, struct error *err)
{
    const struct tensor *t = eval_in(c, 0);
    struct slices s = {.outer = 1, .size = t->count, .inner = 1};
    int axis = 0, rank = 1;
    if (op_has(c->node, "axis")) {
        if (eval_axis(c, "axis", op_int(c->node, "axis"), t->rank, &axis, err))
            return -1;
        rank = t->rank;
        s.outer = real_product(t->dims, 0, axis);
        s.inner = real_product(t->dims, axis + 1, t->rank);
        s.size = t->dims[axis];
    }
    order_init(&s.order, t);
    int64_t *sorted = mem_calloc((size_t)s.size, sizeof *sorted, err);
    struct group *groups = sorted ? mem_calloc((size_t)s.size, sizeof *groups, err) : NULL;
    int status = groups ? unique(c, &s, axis, rank, sorted, groups, err) : -1;
    free(sorted);
    free(groups);
    return status;
}
