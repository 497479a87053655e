/* Reductions. The input is read once, in order, and each element folded into the accumulator of the output it belongs
 * to: doubles, or for integers, where that is exact, 64-bit integers that wrap. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "op/axes.h"
#include "op/order.h"
#include "op/quant.h"
#include "op/real.h"
#include "op/rows.h"
#include "op/util.h"

/* ---- dims ---- */

/* Marks which axes go; *count < 0: all, unless noop_with_empty_axes. */
static void reduce_mark(const struct node *n, int rank, const int *axes, int count, bool *gone)
{
    bool all = count < 0 && !op_int(n, "noop_with_empty_axes");
    for (int i = 0; i < rank; i++)
        gone[i] = all;
    for (int i = 0; i < count; i++)
        gone[axes[i]] = true;
}

static int reduce_dims(int rank, const int64_t *in, const bool *gone, bool keep, int64_t *out)
{
    int n = 0;
    for (int i = 0; i < rank; i++)
        if (!gone[i] || keep)
            out[n++] = gone[i] ? 1 : in[i];
    return n;
}

int infer_reduce(struct op_infer *c, struct error *err)
{
    const struct type *in = axes_ranked(c, 0), *list = axes_ranked(c, 1);
    int64_t out[TENSOR_MAX_RANK];
    int axes[TENSOR_MAX_RANK], n, rank = -1;
    bool gone[TENSOR_MAX_RANK], known = false, keep = op_int(c->node, "keepdims") != 0;
    if (in && axes_infer(c, 1, "axes", in->rank, axes, &n, &known, err))
        return -1;
    if (known) {
        reduce_mark(c->node, in->rank, axes, n, gone);
        rank = reduce_dims(in->rank, in->dims, gone, keep, out);
    } else if (in && (keep || (list && list->rank == 1 && list->dims[0] > 0))) {
        rank = keep ? in->rank : in->rank - (int)list->dims[0];
        for (int i = 0; i < rank; i++)
            out[i] = DIM_UNKNOWN;
    }
    return infer_set(c, 0, infer_dtype(c, 0), rank, out, err);
}

/* ---- Reduce… ---- */

enum fold { FOLD_SUM, FOLD_ABS, FOLD_SQUARE, FOLD_PRODUCT, FOLD_MAX, FOLD_MIN, FOLD_EXP };
enum finish { FINISH_NONE, FINISH_MEAN, FINISH_ROOT, FINISH_LOG };

struct reduction {
    const char *name;
    enum fold fold;
    enum finish finish;
};

static const struct reduction *reduction_of(const struct node *n)
{
    static const struct reduction all[] = {
        {"ReduceSum", FOLD_SUM, FINISH_NONE},      {"ReduceMean", FOLD_SUM, FINISH_MEAN},
        {"ReduceMax", FOLD_MAX, FINISH_NONE},      {"ReduceMin", FOLD_MIN, FINISH_NONE},
        {"ReduceProd", FOLD_PRODUCT, FINISH_NONE}, {"ReduceL1", FOLD_ABS, FINISH_NONE},
        {"ReduceL2", FOLD_SQUARE, FINISH_ROOT},    {"ReduceSumSquare", FOLD_SQUARE, FINISH_NONE},
        {"ReduceLogSum", FOLD_SUM, FINISH_LOG},    {"ReduceLogSumExp", FOLD_EXP, FINISH_LOG},
    };
    size_t i = 0;
    while (i < sizeof all / sizeof *all - 1 && strcmp(all[i].name, n->op))
        i++;
    return &all[i];
}

struct reduce {
    const struct tensor *in;
    int64_t steps[TENSOR_MAX_RANK]; /* of the output's accumulators, along the input's axes */
    int64_t out_count;
    double *real;
    const double *shift; /* what FOLD_EXP subtracts before it raises */
    int64_t *whole;
};

#define FOLD(acc, expression) \
    for (int64_t i = 0; i < n; i++, a += step) { \
        acc = expression; \
    } \
    break;

static void fold_real(struct reduce *r, enum fold fold, const double *x, int64_t n, int64_t a, int64_t step)
{
    double *acc = r->real;
    switch (fold) {
    case FOLD_SUM: FOLD(acc[a], acc[a] + x[i])
    case FOLD_ABS: FOLD(acc[a], acc[a] + fabs(x[i]))
    case FOLD_SQUARE: FOLD(acc[a], acc[a] + x[i] * x[i])
    case FOLD_PRODUCT: FOLD(acc[a], acc[a] * x[i])
    case FOLD_MAX: FOLD(acc[a], acc[a] >= x[i] || isnan(acc[a]) ? acc[a] : x[i])
    case FOLD_MIN: FOLD(acc[a], acc[a] <= x[i] || isnan(acc[a]) ? acc[a] : x[i])
    case FOLD_EXP: FOLD(acc[a], acc[a] + exp(x[i] - r->shift[a]))
    }
}

static bool is_less(bool is_unsigned, int64_t a, int64_t b)
{
    return is_unsigned ? (uint64_t)a < (uint64_t)b : a < b;
}

static void fold_whole(struct reduce *r, enum fold fold, const int64_t *x, int64_t n, int64_t a, int64_t step)
{
    uint64_t *acc = (uint64_t *)r->whole;
    bool u = op_is_uint(r->in->dtype);
    switch (fold) {
    case FOLD_ABS: FOLD(acc[a], acc[a] + (!u && x[i] < 0 ? -(uint64_t)x[i] : (uint64_t)x[i]))
    case FOLD_SQUARE: FOLD(acc[a], acc[a] + (uint64_t)x[i] * (uint64_t)x[i])
    case FOLD_PRODUCT: FOLD(acc[a], acc[a] * (uint64_t)x[i])
    case FOLD_MAX: FOLD(acc[a], is_less(u, (int64_t)acc[a], x[i]) ? (uint64_t)x[i] : acc[a])
    case FOLD_MIN: FOLD(acc[a], is_less(u, x[i], (int64_t)acc[a]) ? (uint64_t)x[i] : acc[a])
    default: FOLD(acc[a], acc[a] + (uint64_t)x[i])
    }
}

enum { BLOCK = 512 };

static void fold_all(struct reduce *r, enum fold fold)
{
    union {
        double real[BLOCK];
        int64_t whole[BLOCK];
    } x;
    struct op_walk w;
    op_walk_init(&w, r->in->rank, r->in->dims, 1, (const int64_t *const[]){r->steps});
    while (op_walk(&w))
        for (int64_t i = 0; i < w.run; i += BLOCK) {
            int64_t n = w.run - i < BLOCK ? w.run - i : BLOCK, at = w.at[0] + i * w.run_step[0];
            if (r->real) {
                real_read(r->in, w.done + i, n, x.real);
                fold_real(r, fold, x.real, n, at, w.run_step[0]);
            } else {
                op_load_ints(r->in, w.done + i, n, x.whole);
                fold_whole(r, fold, x.whole, n, at, w.run_step[0]);
            }
        }
}

static void start_real(struct reduce *r, enum fold fold)
{
    double start = fold == FOLD_PRODUCT ? 1 : fold == FOLD_MAX ? -INFINITY : fold == FOLD_MIN ? INFINITY : 0;
    for (int64_t i = 0; i < r->out_count; i++)
        r->real[i] = start;
}

/* Lowest or highest value of an integer dtype or bool. */
static int64_t extreme(enum dtype dtype, bool high)
{
    const struct dtype_info *info = dtype_info(dtype);
    if (info->class == DTYPE_CLASS_BOOL)
        return high;
    if (info->class == DTYPE_CLASS_UINT)
        return high ? (int64_t)(UINT64_MAX >> (64 - info->bits)) : 0;
    return high ? INT64_MAX >> (64 - info->bits) : INT64_MIN >> (64 - info->bits);
}

static int reduce_whole(struct reduce *r, enum fold fold, struct tensor *out, struct error *err)
{
    if (!(r->whole = mem_calloc((size_t)r->out_count, sizeof(int64_t), err)))
        return -1;
    int64_t start = fold == FOLD_PRODUCT                   ? 1
                    : fold == FOLD_MAX || fold == FOLD_MIN ? extreme(r->in->dtype, fold == FOLD_MIN)
                                                           : 0;
    for (int64_t i = 0; i < r->out_count; i++)
        r->whole[i] = start;
    fold_all(r, fold);
    op_store_ints(out, 0, r->out_count, r->whole);
    free(r->whole);
    return 0;
}

/* The largest of what each output sums the exponentials of, so that these do not overflow; 0 when that is infinite. */
static double *exp_shift(struct reduce *r, struct error *err)
{
    double *shift = r->real = real_new(r->out_count, 1, err);
    if (!shift)
        return NULL;
    start_real(r, FOLD_MAX);
    fold_all(r, FOLD_MAX);
    for (int64_t i = 0; i < r->out_count; i++)
        if (isinf(shift[i]))
            shift[i] = 0;
    return shift;
}

static int reduce_real(struct reduce *r, const struct reduction *op, struct tensor *out, struct error *err)
{
    double *shift = NULL, terms = r->out_count ? (double)(r->in->count / r->out_count) : 0;
    if (op->fold == FOLD_EXP && !(r->shift = shift = exp_shift(r, err)))
        return -1;
    r->real = real_new(r->out_count, 1, err);
    if (!r->real) {
        free(shift);
        return -1;
    }
    start_real(r, op->fold);
    fold_all(r, op->fold);
    for (int64_t i = 0; i < r->out_count; i++) {
        double *x = &r->real[i];
        *x = op->finish == FINISH_MEAN   ? *x / terms
             : op->finish == FINISH_ROOT ? sqrt(*x)
             : op->finish == FINISH_LOG  ? log(*x)
                                         : *x;
        *x += shift ? shift[i] : 0;
    }
    real_write(out, 0, r->out_count, r->real);
    free(r->real);
    free(shift);
    return 0;
}

/* The output, zeroed, and which of its elements each of the input's belongs to; NULL with a message. */
static struct tensor *start_reduce(struct op_eval *c, struct reduce *r, struct error *err)
{
    int64_t dims[TENSOR_MAX_RANK];
    int axes[TENSOR_MAX_RANK], n, rank = r->in->rank;
    bool gone[TENSOR_MAX_RANK];
    if (axes_eval(c, 1, "axes", rank, axes, &n, err))
        return NULL;
    reduce_mark(c->node, rank, axes, n, gone);
    int out_rank = reduce_dims(rank, r->in->dims, gone, op_int(c->node, "keepdims") != 0, dims);
    struct tensor *out = eval_out(c, 0, r->in->dtype, out_rank, dims, err);
    if (!out)
        return NULL;
    r->out_count = out->count;
    for (int64_t i = rank - 1, step = 1; i >= 0; i--) {
        r->steps[i] = gone[i] ? 0 : step;
        step *= gone[i] ? 1 : r->in->dims[i];
    }
    return out;
}

int eval_reduce(struct op_eval *c, struct error *err)
{
    struct reduce r = {.in = eval_in(c, 0)};
    const struct reduction *op = reduction_of(c->node);
    struct tensor *out = start_reduce(c, &r, err);
    if (!out)
        return -1;
    bool whole = !op_is_float(r.in->dtype) && op->finish == FINISH_NONE;
    return whole ? reduce_whole(&r, op->fold, out, err) : reduce_real(&r, op, out, err);
}

int eval_q_reduce_mean(struct op_eval *c, struct error *err)
{
    struct reduce r = {.in = eval_in(c, 0)};
    struct tensor *out = quant_check(c, 2, 3, 1, err) || quant_check(c, 4, 5, 1, err) ? NULL : start_reduce(c, &r, err);
    r.real = out ? real_new(r.out_count, 1, err) : NULL;
    if (!r.real)
        return -1;
    double terms = r.out_count ? (double)(r.in->count / r.out_count) : 0, zero = quant_param(c, 3, 0);
    start_real(&r, FOLD_SUM);
    fold_all(&r, FOLD_SUM);
    for (int64_t i = 0; i < r.out_count; i++)
        r.real[i] = quant_average(c, 2, r.real[i] - terms * zero, terms);
    real_write(out, 0, r.out_count, r.real);
    free(r.real);
    return 0;
}

/* ---- ArgMax, ArgMin ---- */

int infer_arg(struct op_infer *c, struct error *err)
{
    const struct type *in = axes_ranked(c, 0);
    int64_t out[TENSOR_MAX_RANK];
    bool gone[TENSOR_MAX_RANK] = {false};
    int axis, rank = -1;
    if (in) {
        if (infer_axis(c, "axis", op_int(c->node, "axis"), in->rank, &axis, err))
            return -1;
        gone[axis] = true;
        rank = reduce_dims(in->rank, in->dims, gone, op_int(c->node, "keepdims") != 0, out);
    }
    return infer_set(c, 0, DTYPE_I64, rank, out, err);
}

/* Which of the n elements base + i * step is the largest (sign 1) or smallest (-1); a NaN is taken as such before any
 * number. */
static int64_t arg_best(const struct order *order, int64_t base, int64_t step, int64_t n, int sign, bool last)
{
    bool real = op_is_float(order->t->dtype);
    int64_t best = 0;
    for (int64_t i = 1; i < n; i++) {
        int64_t a = base + i * step, b = base + best * step;
        int better = sign * order_compare(order, a, b);
        if (better && real && sign < 0 && (isnan(tensor_get_f64(order->t, a)) || isnan(tensor_get_f64(order->t, b))))
            better = -better;
        if (better > 0 || (better == 0 && last))
            best = i;
    }
    return best;
}

int eval_arg(struct op_eval *c, struct error *err)
{
    const struct tensor *t = eval_in(c, 0);
    int64_t dims[TENSOR_MAX_RANK];
    bool gone[TENSOR_MAX_RANK] = {false}, last = op_int(c->node, "select_last_index") != 0;
    struct order order;
    int axis, sign = strcmp(c->node->op, "ArgMax") == 0 ? 1 : -1;
    if (eval_axis(c, "axis", op_int(c->node, "axis"), t->rank, &axis, err))
        return -1;
    gone[axis] = true;
    int rank = reduce_dims(t->rank, t->dims, gone, op_int(c->node, "keepdims") != 0, dims);
    struct tensor *out = eval_out(c, 0, DTYPE_I64, rank, dims, err);
    if (!out)
        return -1;
    if (out->count && t->dims[axis] == 0)
        return eval_error(c, err, "axis %d of input data is empty", axis);
    order_init(&order, t);
    int64_t inner = real_product(t->dims, axis + 1, t->rank), size = t->dims[axis];
    for (int64_t i = 0; i < out->count; i++)
        ((int64_t *)out->data)[i] = arg_best(&order, i / inner * size * inner + i % inner, inner, size, sign, last);
    return 0;
}

/* ---- CumSum, CumProd ---- */

int infer_cumulate(struct op_infer *c, struct error *err)
{
    const struct type *in = axes_ranked(c, 0);
    int64_t axis;
    int at;
    bool known;
    if (axes_scalar_infer(c, 1, "axis", 0, &axis, &known, err))
        return -1;
    if (in && known && axes_one("input axis", axis, in->rank, &at, err))
        return real_infer_fail(c, err);
    return real_infer_same(c, 0, 0, err);
}

struct running {
    bool product, exclusive;
};

/* Running sums or products of n elements first + i * step. */
static void cumulate(const struct tensor *t, struct tensor *out, int64_t first, int64_t step, int64_t n,
                     struct running how)
{
    double real = how.product, x;
    uint64_t whole = how.product;
    int64_t k;
    for (int64_t i = 0, at = first; i < n; i++, at += step) {
        if (op_is_float(t->dtype)) {
            real_read(t, at, 1, &x);
            double before = real;
            real = how.product ? real * x : real + x;
            real_write(out, at, 1, how.exclusive ? &before : &real);
        } else {
            op_load_ints(t, at, 1, &k);
            uint64_t before = whole;
            whole = how.product ? whole * (uint64_t)k : whole + (uint64_t)k;
            k = (int64_t)(how.exclusive ? before : whole);
            op_store_ints(out, at, 1, &k);
        }
    }
}

int eval_cumulate(struct op_eval *c, struct error *err)
{
    const struct tensor *t = eval_in(c, 0);
    struct running how = {node_is(c->node, "CumProd"), op_int(c->node, "exclusive") != 0};
    bool reverse = op_int(c->node, "reverse") != 0;
    int64_t value;
    int axis = 0;
    if (axes_scalar(c, 1, "axis", 0, &value, err))
        return -1;
    if (axes_one("input axis", value, t->rank, &axis, err))
        return real_eval_fail(c, err);
    struct tensor *out = eval_out(c, 0, t->dtype, t->rank, t->dims, err);
    if (!out)
        return -1;
    int64_t size = t->dims[axis], inner = real_product(t->dims, axis + 1, t->rank);
    for (int64_t i = 0; out->count && i < out->count / size; i++) {
        int64_t first = i / inner * size * inner + i % inner;
        cumulate(t, out, reverse ? first + (size - 1) * inner : first, reverse ? -inner : inner, size, how);
    }
    return 0;
}
