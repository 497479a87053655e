/* TopK: a heap of the k best so far, the worst on top, then sorted. */
#include <stdlib.h>
#include <string.h>

#include "op/axes.h"
#include "op/order.h"
#include "op/real.h"
#include "op/rows.h"
#include "op/util.h"

int infer_topk(struct op_infer *c, struct error *err)
{
    const struct type *in = axes_ranked(c, 0);
    struct known known = {KNOWN_NOT, 0};
    int64_t out[TENSOR_MAX_RANK], k;
    int axis, rank = in ? in->rank : -1;
    bool number;
    if (axes_scalar_infer(c, 1, "K", 0, &k, &number, err))
        return -1;
    if (number && k < 0)
        return infer_error(c, err, "input K is %lld", (long long)k);
    if (in) {
        if (infer_axis(c, "axis", op_int(c->node, "axis"), rank, &axis, err))
            return -1;
        if (number && in->dims[axis] >= 0 && k > in->dims[axis])
            return infer_error(c, err, "input K is %lld, axis %d has %lld", (long long)k, axis,
                               (long long)in->dims[axis]);
        infer_known(c, 1, &known, 1);
        memcpy(out, in->dims, sizeof out);
        out[axis] = number ? k : known.kind == KNOWN_DIM ? known.value : DIM_UNKNOWN;
    }
    if (infer_set(c, 0, infer_dtype(c, 0), rank, out, err))
        return -1;
    return infer_set(c, 1, DTYPE_I64, rank, out, err);
}

/* One line of the tensor: elements base + i * step. */
struct line {
    struct order order;
    int64_t base, step;
    bool largest;
};

/* Whether element a comes out before element b; of equals the one with the lower index does. */
static bool is_better(const struct line *l, int64_t a, int64_t b)
{
    int sign = order_compare(&l->order, l->base + a * l->step, l->base + b * l->step);
    return sign ? (sign > 0) == l->largest : a < b;
}

/* Lets heap[i] sink: no element is better than the one above it. */
static void sink(const struct line *l, int64_t *heap, int64_t n, int64_t i)
{
    for (int64_t child; (child = 2 * i + 1) < n; i = child) {
        if (child + 1 < n && is_better(l, heap[child], heap[child + 1]))
            child++;
        if (!is_better(l, heap[i], heap[child]))
            return;
        int64_t other = heap[i];
        heap[i] = heap[child];
        heap[child] = other;
    }
}

/* The indices of the k best of n, best first. */
static void select_best(const struct line *l, int64_t n, int64_t k, int64_t *best)
{
    for (int64_t i = 0; i < k; i++)
        best[i] = i;
    for (int64_t i = k / 2 - 1; i >= 0; i--)
        sink(l, best, k, i);
    for (int64_t i = k; k && i < n; i++)
        if (is_better(l, i, best[0])) {
            best[0] = i;
            sink(l, best, k, 0);
        }
    for (int64_t left = k - 1; left > 0; left--) {
        int64_t worst = best[0];
        best[0] = best[left];
        best[left] = worst;
        sink(l, best, left, 0);
    }
}

int eval_topk(struct op_eval *c, struct error *err)
{
    const struct tensor *t = eval_in(c, 0);
    struct line l = {.largest = op_int(c->node, "largest") != 0};
    int64_t dims[TENSOR_MAX_RANK], k;
    int axis;
    if (axes_scalar(c, 1, "K", 0, &k, err) || eval_axis(c, "axis", op_int(c->node, "axis"), t->rank, &axis, err))
        return -1;
    if (k < 0 || k > t->dims[axis])
        return eval_error(c, err, "input K is %lld, want 0 to %lld", (long long)k, (long long)t->dims[axis]);
    memcpy(dims, t->dims, sizeof dims);
    dims[axis] = k;
    struct tensor *values = eval_out(c, 0, t->dtype, t->rank, dims, err);
    struct tensor *indices = values ? eval_out(c, 1, DTYPE_I64, t->rank, dims, err) : NULL;
    int64_t *best = indices ? mem_calloc((size_t)k, sizeof *best, err) : NULL;
    if (!best)
        return -1;
    order_init(&l.order, t);
    int64_t size = t->dims[axis], lines = values->count && k ? values->count / k : 0;
    l.step = real_product(t->dims, axis + 1, t->rank);
    for (int64_t i = 0; i < lines; i++) {
        int64_t outer = i / l.step, inner = i % l.step;
        l.base = outer * size * l.step + inner;
        select_best(&l, size, k, best);
        for (int64_t j = 0; j < k; j++) {
            int64_t to = (outer * k + j) * l.step + inner;
            op_move(values, to, 1, t, l.base + best[j] * l.step, 1, 1);
            ((int64_t *)indices->data)[to] = best[j];
        }
    }
    free(best);
    return 0;
}
