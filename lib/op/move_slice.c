/* Slice. */
#include <string.h>

#include "op/axes.h"
#include "op/real.h"
#include "op/rows.h"
#include "op/util.h"

/* One axis cut: elements start, start + step, …, count of them. */
struct cut {
    int64_t start, step, count;
};

static int cut_axis(int64_t size, int64_t start, int64_t end, int64_t step, struct cut *cut, struct error *err)
{
    if (step == 0)
        return error_set(err, "input steps: 0 is no step");
    bool back = step < 0;
    start = op_clamp(start < 0 ? start + size : start, 0, back ? size - 1 : size);
    end = op_clamp(end < 0 ? (end < -size - 1 ? -1 : end + size) : end, back ? -1 : 0, back ? size - 1 : size);
    if (size == 0)
        start = end = 0;
    uint64_t span = back ? start > end ? (uint64_t)(start - end) : 0 : end > start ? (uint64_t)(end - start) : 0;
    uint64_t stride = back ? -(uint64_t)step : (uint64_t)step;
    *cut = (struct cut){start, step, (int64_t)(span / stride + (span % stride != 0))};
    return 0;
}

/* ---- inference ---- */

/* Start or end of an axis whose size is a symbol, as a dim: counted from the front, from the back, or clamped to the
 * size. */
static int64_t cut_bound(struct graph *g, int64_t size, const struct known *at)
{
    if (at->kind == KNOWN_DIM)
        return at->value == size ? size : DIM_UNKNOWN;
    if (at->kind != KNOWN_NUMBER)
        return DIM_UNKNOWN;
    if (at->value >= INT32_MAX)
        return size;
    if (at->value <= -INT32_MAX)
        return 0;
    return at->value < 0 ? graph_dim_sub(g, size, -at->value) : at->value;
}

/* Length of a slice of an axis. Sizes that are symbols are taken to be large enough that a constant front or back part
 * exists. */
static int cut_infer(struct graph *g, int64_t size, const struct known *start, const struct known *end,
                     const struct known *step, int64_t *result, struct error *err)
{
    struct cut cut;
    *result = DIM_UNKNOWN;
    bool numbers = start->kind == KNOWN_NUMBER && end->kind == KNOWN_NUMBER && step->kind == KNOWN_NUMBER;
    if (numbers && size >= 0) {
        if (cut_axis(size, start->value, end->value, step->value, &cut, err))
            return -1;
        *result = cut.count;
        return 0;
    }
    if (step->kind != KNOWN_NUMBER)
        return 0;
    if (step->value == 0)
        return error_set(err, "input steps: 0 is no step");
    if (step->value == -1 && start->kind == KNOWN_NUMBER && start->value == -1 && end->kind == KNOWN_NUMBER &&
        end->value <= -INT32_MAX)
        *result = size;
    if (step->value < 0)
        return 0;
    int64_t from = cut_bound(g, size, start), to = cut_bound(g, size, end);
    if (end->kind == KNOWN_NUMBER && end->value >= 0 && end->value < INT32_MAX)
        return 0; /* the smaller of it and the size */
    if (start->kind == KNOWN_NUMBER && start->value < 0 && to == size)
        return 0; /* likewise */
    int64_t span = graph_dim_sub(g, to, from);
    *result = step->value == 1 ? span : graph_dim_div(g, graph_dim_add(g, span, step->value - 1), step->value);
    return 0;
}

/* A list of n numbers, or n times `otherwise` when it is absent; entries not known are KNOWN_NOT. -1 when the length is
 * wrong. */
static int slice_list(struct op_infer *c, int i, const char *name, int n, int64_t otherwise, struct known *list,
                      struct error *err)
{
    for (int k = 0; k < n; k++)
        list[k] = (struct known){node_in(c->node, i) ? KNOWN_NOT : KNOWN_NUMBER, otherwise};
    if (!node_in(c->node, i))
        return 0;
    int got = infer_known(c, i, list, n);
    const struct type *type = axes_ranked(c, i);
    if ((got >= 0 && got != n) || (type && type->rank == 1 && type->dims[0] >= 0 && type->dims[0] != n))
        return infer_error(c, err, "input %s is not as long as input starts, which has %d entries", name, n);
    if (got < 0)
        for (int k = 0; k < n; k++)
            list[k].kind = KNOWN_NOT;
    return 0;
}

int infer_slice(struct op_infer *c, struct error *err)
{
    const struct type *in = axes_ranked(c, 0);
    struct known starts[TENSOR_MAX_RANK], ends[TENSOR_MAX_RANK], steps[TENSOR_MAX_RANK];
    int64_t out[TENSOR_MAX_RANK];
    int axes[TENSOR_MAX_RANK], n_axes = -1, rank = in ? in->rank : -1;
    bool axes_known = true;
    int n = infer_known(c, 1, starts, TENSOR_MAX_RANK);
    if (!in)
        return infer_set(c, 0, infer_dtype(c, 0), -1, NULL, err);
    if (axes_infer(c, 3, "axes", rank, axes, &n_axes, &axes_known, err))
        return -1;
    for (int i = 0; i < rank; i++)
        out[i] = DIM_UNKNOWN;
    if (n > rank)
        return infer_error(c, err, "input starts has %d entries, input data %d dims", n, rank);
    if (axes_known && (n >= 0 || n_axes >= 0))
        memcpy(out, in->dims, sizeof out);
    for (int i = 0; axes_known && n < 0 && i < n_axes; i++)
        out[axes[i]] = DIM_UNKNOWN;
    if (!axes_known || n < 0)
        return infer_set(c, 0, infer_dtype(c, 0), rank, out, err);
    if (node_in(c->node, 3) && (n_axes < 0 ? 0 : n_axes) != n)
        return infer_error(c, err, "input axes has %d entries, input starts %d", n_axes < 0 ? 0 : n_axes, n);
    if (slice_list(c, 2, "ends", n, 0, ends, err) || slice_list(c, 4, "steps", n, 1, steps, err))
        return -1;
    for (int i = 0; i < n; i++) {
        int axis = n_axes < 0 ? i : axes[i];
        if (cut_infer(c->graph, in->dims[axis], &starts[i], &ends[i], &steps[i], &out[axis], err))
            return real_infer_fail(c, err);
    }
    return infer_set(c, 0, infer_dtype(c, 0), rank, out, err);
}

/* ---- evaluation ---- */

int eval_slice(struct op_eval *c, struct error *err)
{
    const struct tensor *t = eval_in(c, 0);
    int64_t starts[TENSOR_MAX_RANK], ends[TENSOR_MAX_RANK], by[TENSOR_MAX_RANK], dims[TENSOR_MAX_RANK],
        steps[TENSOR_MAX_RANK], base = 0;
    int axes[TENSOR_MAX_RANK], n_axes;
    int n = eval_ints(c, 1, starts, TENSOR_MAX_RANK, err),
        n_ends = n < 0 ? -1 : eval_ints(c, 2, ends, TENSOR_MAX_RANK, err);
    int n_steps = n_ends < 0 ? -1 : eval_ints(c, 4, by, TENSOR_MAX_RANK, err);
    if (n_steps < 0 || axes_eval(c, 3, "axes", t->rank, axes, &n_axes, err))
        return -1;
    if (n != n_ends || n > t->rank || (eval_in(c, 4) && n_steps != n) ||
        (eval_in(c, 3) && (n_axes < 0 ? 0 : n_axes) != n))
        return eval_error(c, err, "inputs starts, ends, axes and steps are not equally long lists of at most %d",
                          t->rank);
    op_steps(t->rank, t->dims, steps);
    memcpy(dims, t->dims, sizeof dims);
    for (int i = 0; i < n; i++) {
        struct cut cut;
        int axis = eval_in(c, 3) ? axes[i] : i;
        if (cut_axis(t->dims[axis], starts[i], ends[i], eval_in(c, 4) ? by[i] : 1, &cut, err))
            return real_eval_fail(c, err);
        dims[axis] = cut.count;
        base += cut.count ? cut.start * steps[axis] : 0;
        steps[axis] = cut.count > 1 ? cut.step * steps[axis] : 0;
    }
    return op_give_view(c, 0, t, base, t->rank, dims, steps, err);
}
