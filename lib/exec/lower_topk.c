/* TopK of f32: a heap of the k best so far, the worst on top, then sorted; and CumSum. */
#include <math.h>

#include "exec/lower.h"

struct topk_args {
    struct view x, values, indices;
    struct nest nest; /* of lines: x, then values, indices */
    int64_t n, k;
    ptrdiff_t step[3]; /* of x, values, indices along the axis */
    bool largest;
};

struct candidate {
    float value;
    int32_t index;
};

/* NaN is above all numbers; of equals the lower index is better. */
static bool is_better(bool largest, struct candidate a, struct candidate b)
{
    if (a.value == b.value || (isnan(a.value) && isnan(b.value)))
        return a.index < b.index;
    return (a.value > b.value || isnan(a.value)) == largest;
}

/* Lets heap[i] sink: no candidate is better than the one above it. */
static void sink(bool largest, struct candidate *heap, int64_t n, int64_t i)
{
    struct candidate moving = heap[i];
    for (int64_t child; (child = 2 * i + 1) < n; i = child) {
        if (child + 1 < n && is_better(largest, heap[child], heap[child + 1]))
            child++;
        if (!is_better(largest, moving, heap[child]))
            break;
        heap[i] = heap[child];
    }
    heap[i] = moving;
}

static void select_best(const struct topk_args *a, const float *x, struct candidate *heap)
{
    for (int64_t i = 0; i < a->k; i++)
        heap[i] = (struct candidate){x[i * a->step[0]], (int32_t)i};
    for (int64_t i = a->k / 2 - 1; i >= 0; i--)
        sink(a->largest, heap, a->k, i);
    for (int64_t i = a->k; i < a->n; i++) {
        struct candidate next = {x[i * a->step[0]], (int32_t)i};
        if (is_better(a->largest, next, heap[0])) {
            heap[0] = next;
            sink(a->largest, heap, a->k, 0);
        }
    }
    for (int64_t left = a->k - 1; left > 0; left--) {
        struct candidate worst = heap[0];
        heap[0] = heap[left];
        heap[left] = worst;
        sink(a->largest, heap, left, 0);
    }
}

static void run_topk(const struct step *s, struct tile tile)
{
    const struct topk_args *a = s->args;
    struct candidate *heap = tile.scratch;
    for (int64_t i = tile.first; i < tile.last; i++) {
        ptrdiff_t offset[3];
        nest_at(&a->nest, 3, i, offset);
        select_best(a, (const float *)view_data(&a->x) + offset[0], heap);
        for (int64_t k = 0; k < a->k; k++) {
            if (a->values.buffer)
                ((float *)view_data(&a->values))[offset[1] + k * a->step[1]] = heap[k].value;
            if (a->indices.buffer)
                ((int64_t *)view_data(&a->indices))[offset[2] + k * a->step[2]] = heap[k].index;
        }
    }
}

/* A nest over the lines along an axis; its innermost axis is one element. */
static void nest_lines(struct nest *nest, const struct view *const *views, int count, int axis)
{
    struct view lines[NEST_MAX];
    const struct view *each[NEST_MAX];
    for (int i = 0; i < count; i++) {
        lines[i] = *views[i];
        lines[i].dims[axis] = 1;
        each[i] = &lines[i];
    }
    nest_make(nest, each, count);
    nest->dims[nest->rank] = 1;
    for (int i = 0; i < count; i++)
        nest->stride[i][nest->rank] = 0;
    nest->rank++;
}

int exec_lower_topk(struct plan *p, struct node *n, struct error *err)
{
    const struct type *x = &n->in[0]->type;
    const struct value *any = node_out(n, 0) ? n->out[0] : node_out(n, 1);
    if (!exec_lower_is_f32(n, 0) || x->rank < 1 || !any)
        return 1;
    int axis = exec_lower_axis(op_int(n, "axis"), x->rank);
    if (tensor_count(any->type.rank, any->type.dims) <= 0 || any->type.dims[axis] > x->dims[axis] ||
        x->dims[axis] > INT32_MAX)
        return 1;
    struct topk_args *a = plan_alloc(p, sizeof *a, err);
    if (!a)
        return -1;
    *a = (struct topk_args){
        .x = *plan_in(n, 0), .n = x->dims[axis], .k = any->type.dims[axis], .largest = op_int(n, "largest") != 0};
    struct view *const out[] = {&a->values, &a->indices};
    a->values = a->indices = a->x;
    for (int o = 0; o < 2; o++)
        if (!node_out(n, o))
            out[o]->buffer = NULL;
        else if (plan_out(p, n, o, ORDER_ROWS, out[o], err) < 0)
            return -1;
    nest_lines(&a->nest, (const struct view *const[]){&a->x, &a->values, &a->indices}, 3, axis);
    for (int i = 0; i < 3; i++)
        a->step[i] = (i == 0 ? &a->x : out[i - 1])->stride[axis];
    int64_t lines = nest_outer(&a->nest);
    return plan_step(p,
                     &(struct step){.node = n,
                                    .kernel = "topk_f32",
                                    .run = run_topk,
                                    .args = a,
                                    .units = lines,
                                    .tiles = plan_tiles(lines * a->n, 16384, lines),
                                    .scratch = (size_t)a->k * sizeof(struct candidate)},
                     err, PLAN_VIEWS(&a->values, &a->indices, &a->x));
}

/* ---- CumSum ---- */

struct cumsum_args {
    struct view x, out;
    struct nest nest; /* of lines: out, then x */
    int64_t n;
    ptrdiff_t step[2];
    bool exclusive;
};

static void run_cumsum(const struct step *s, struct tile tile)
{
    const struct cumsum_args *a = s->args;
    for (int64_t i = tile.first; i < tile.last; i++) {
        ptrdiff_t offset[2];
        double sum = 0;
        nest_at(&a->nest, 2, i, offset);
        float *out = (float *)view_data(&a->out) + offset[0];
        const float *x = (const float *)view_data(&a->x) + offset[1];
        for (int64_t k = 0; k < a->n; k++) {
            double next = sum + (double)x[k * a->step[1]];
            out[k * a->step[0]] = (float)(a->exclusive ? sum : next);
            sum = next;
        }
    }
}

int exec_lower_cumsum(struct plan *p, struct node *n, struct error *err)
{
    int rank = n->in[0]->type.rank;
    if (!exec_lower_is_f32(n, 0) || rank < 1 || !plan_is_constant(n, 1) || n->in[1]->constant->count != 1 ||
        view_count(plan_in(n, 0)) == 0)
        return 1;
    int64_t axis = tensor_get_i64(n->in[1]->constant, 0);
    if (axis < -rank || axis >= rank)
        return 1;
    axis = exec_lower_axis(axis, rank);
    struct cumsum_args *a = plan_alloc(p, sizeof *a, err);
    if (!a)
        return -1;
    *a = (struct cumsum_args){.exclusive = op_int(n, "exclusive") != 0, .x = *plan_in(n, 0)};
    enum order order = view_order(&a->x);
    if (plan_out_over(p, n, 0, 0, order, &a->out, err) < 0)
        return -1;
    struct view *const ports[] = {&a->out, &a->x};
    a->n = a->x.dims[axis];
    for (int i = 0; i < 2; i++) {
        a->step[i] = ports[i]->stride[axis];
        if (op_int(n, "reverse")) {
            ports[i]->offset += (a->n - 1) * a->step[i];
            a->step[i] = -a->step[i];
        }
    }
    nest_lines(&a->nest, (const struct view *const[]){&a->out, &a->x}, 2, (int)axis);
    int64_t lines = nest_outer(&a->nest);
    return plan_step(p,
                     &(struct step){.node = n,
                                    .kernel = "cumsum_f32",
                                    .run = run_cumsum,
                                    .args = a,
                                    .units = lines,
                                    .tiles = plan_tiles(lines * a->n, 16384, lines)},
                     err, PLAN_VIEWS(&a->out, &a->x));
}
