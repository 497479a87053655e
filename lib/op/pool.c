/* Max, average and Lp pools over sliding windows, and over whole planes. */
#include <math.h>
#include <stdlib.h>

#include "op/quant.h"
#include "op/real.h"
#include "op/rows.h"
#include "op/window.h"

enum pool_kind { POOL_MAX, POOL_AVERAGE, POOL_LP };

struct pool {
    enum pool_kind kind;
    bool include_pad, column_major;
    double p; /* of Lp */
    struct window window;
    const struct op_eval *quantised; /* nn.QAveragePool, whose sums are of integers less `zero`; else NULL */
    double zero;
};

/* What a window has come to. */
struct pooled {
    double value;
    int64_t at; /* of the maximum, in the plane; -1 while there is none */
};

static void add_value(const struct pool *pool, struct pooled *sum, double value, int64_t at)
{
    if (pool->kind == POOL_LP)
        sum->value += pool->p == 1 ? fabs(value) : pool->p == 2 ? value * value : pow(fabs(value), pool->p);
    else if (pool->kind == POOL_AVERAGE)
        sum->value += value;
    else if (sum->at < 0 || value > sum->value || (isnan(value) && !isnan(sum->value)))
        *sum = (struct pooled){value, at};
}

static double finish(const struct pool *pool, const struct pooled *sum, double count)
{
    if (pool->quantised)
        return quant_average(pool->quantised, 1, sum->value, count);
    if (pool->kind == POOL_AVERAGE)
        return sum->value / count;
    return pool->kind == POOL_LP ? pow(sum->value, 1 / pool->p) : sum->value;
}

/* How many taps from `start` on lie before `end`. */
static int64_t taps_before(const struct window *w, int i, int64_t start, int64_t end)
{
    int64_t n = end > start ? (end - start + w->dilation[i] - 1) / w->dilation[i] : 0;
    return n < w->kernel[i] ? n : w->kernel[i];
}

/* The window at output place `at`: only taps inside the input are visited, whatever the kernel's size. */
static double pool_place(const struct pool *pool, const double *plane, const int64_t *at, struct pooled *sum)
{
    const struct window *w = &pool->window;
    int last = w->rank - 1;
    int64_t low[WINDOW_MAX], start[WINDOW_MAX], inside[WINDOW_MAX], tap[WINDOW_MAX] = {0};
    double padded = 1, count = 1;
    for (int i = 0; i < w->rank; i++) {
        start[i] = at[i] * w->stride[i] - w->begin[i];
        low[i] = start[i] < 0 ? (w->dilation[i] - 1 - start[i]) / w->dilation[i] : 0;
        inside[i] = taps_before(w, i, start[i], w->in[i]) - low[i];
        padded *= (double)taps_before(w, i, start[i], w->in[i] + w->end[i]);
        count *= inside[i] > 0 ? (double)inside[i] : 0;
    }
    *sum = (struct pooled){pool->kind == POOL_MAX ? -INFINITY : 0, -1};
    do {
        int64_t base = 0;
        for (int i = 0; i < last; i++)
            base = base * w->in[i] + start[i] + (low[i] + tap[i]) * w->dilation[i];
        base = base * w->in[last] + start[last] + low[last] * w->dilation[last];
        for (int64_t t = 0; count > 0 && t < inside[last]; t++)
            add_value(pool, sum, plane[base + t * w->dilation[last]], base + t * w->dilation[last]);
    } while (count > 0 && window_next(last, inside, tap));
    return finish(pool, sum, pool->include_pad ? padded : count);
}

/* Place `at` of a plane, counted with the first axis fastest. */
static int64_t column_major(int rank, const int64_t *dims, int64_t at)
{
    int64_t result = 0, step = real_product(dims, 0, rank);
    for (int i = rank - 1; i >= 0; i--) {
        step /= dims[i];
        result += at % dims[i] * step;
        at /= dims[i];
    }
    return result;
}

/* All planes; indices is NULL or of the output's size. */
static void run_planes(const struct pool *pool, const struct tensor *x, double *plane, struct tensor *y,
                       int64_t *indices)
{
    const struct window *w = &pool->window;
    int64_t in_size = tensor_count(w->rank, w->in), out_size = tensor_count(w->rank, w->out);
    double low, high;
    bool clamp = real_int_range(x->dtype, &low, &high);
    for (int64_t n = 0; n < x->dims[0] * x->dims[1]; n++) {
        int64_t at[WINDOW_MAX] = {0};
        real_read(x, n * in_size, in_size, plane);
        for (int64_t i = 0; pool->quantised && i < in_size; i++)
            plane[i] -= pool->zero;
        for (int64_t o = n * out_size; o < (n + 1) * out_size; o++, window_next(w->rank, w->out, at)) {
            struct pooled sum;
            double value = pool_place(pool, plane, at, &sum);
            if (clamp && value < low)
                value = low;
            real_write(y, o, 1, &value);
            if (indices && sum.at >= 0)
                indices[o] = n * in_size + (pool->column_major ? column_major(w->rank, w->in, sum.at) : sum.at);
            else if (indices)
                indices[o] = -1;
        }
    }
}

static int run_pool(struct op_eval *c, struct pool *pool, struct error *err)
{
    const struct tensor *x = eval_in(c, 0);
    if (x->rank < 3)
        return eval_error(c, err, "X has rank %d, want at least 3", x->rank);
    if (window_read(&pool->window, c->node, x->rank - 2, NULL, err) < 0 ||
        window_resolve(&pool->window, x->dims + 2, err) < 0)
        return real_eval_fail(c, err);
    int64_t dims[TENSOR_MAX_RANK] = {x->dims[0], x->dims[1]};
    for (int i = 2; i < x->rank; i++)
        dims[i] = pool->window.out[i - 2];
    struct tensor *y = eval_out(c, 0, x->dtype, x->rank, dims, err);
    bool indexed = pool->kind == POOL_MAX && eval_wants(c, 1);
    struct tensor *indices = y && indexed ? eval_out(c, 1, DTYPE_I64, x->rank, dims, err) : NULL;
    if (!y || (indexed && !indices))
        return -1;
    if (y->count == 0)
        return 0;
    double *plane = real_new(tensor_count(x->rank - 2, x->dims + 2), 1, err);
    if (!plane)
        return -1;
    run_planes(pool, x, plane, y, indices ? indices->data : NULL);
    free(plane);
    return 0;
}

int eval_max_pool(struct op_eval *c, struct error *err)
{
    int64_t order = op_int(c->node, "storage_order");
    if (order != 0 && order != 1)
        return eval_error(c, err, "attribute storage_order: %lld, want 0 or 1", (long long)order);
    struct pool pool = {.kind = POOL_MAX, .column_major = order == 1};
    return run_pool(c, &pool, err);
}

int eval_average_pool(struct op_eval *c, struct error *err)
{
    struct pool pool = {.kind = POOL_AVERAGE, .include_pad = op_int(c->node, "count_include_pad") != 0};
    return run_pool(c, &pool, err);
}

static int read_power(struct op_eval *c, struct pool *pool, struct error *err)
{
    int64_t p = op_int(c->node, "p");
    if (p < 1)
        return eval_error(c, err, "attribute p: %lld, want at least 1", (long long)p);
    pool->p = (double)p;
    return 0;
}

int eval_q_average_pool(struct op_eval *c, struct error *err)
{
    struct pool pool = {.kind = POOL_AVERAGE,
                        .include_pad = op_int(c->node, "count_include_pad") != 0,
                        .quantised = c,
                        .zero = quant_param(c, 2, 0)};
    return quant_check(c, 1, 2, 1, err) || quant_check(c, 3, 4, 1, err) ? -1 : run_pool(c, &pool, err);
}

int eval_lp_pool(struct op_eval *c, struct error *err)
{
    struct pool pool = {.kind = POOL_LP};
    return read_power(c, &pool, err) < 0 ? -1 : run_pool(c, &pool, err);
}

/* ---- whole planes ---- */

static int run_global(struct op_eval *c, const struct pool *pool, struct error *err)
{
    const struct tensor *x = eval_in(c, 0);
    if (x->rank < 2)
        return eval_error(c, err, "X has rank %d, want at least 2", x->rank);
    int64_t dims[TENSOR_MAX_RANK] = {x->dims[0], x->dims[1]}, size = tensor_count(x->rank - 2, x->dims + 2);
    for (int i = 2; i < x->rank; i++)
        dims[i] = 1;
    struct tensor *y = eval_out(c, 0, x->dtype, x->rank, dims, err);
    double *plane = y ? real_new(size, 1, err) : NULL;
    for (int64_t n = 0; plane && n < y->count; n++) {
        struct pooled sum = {pool->kind == POOL_MAX ? -INFINITY : 0, -1};
        real_read(x, n * size, size, plane);
        for (int64_t i = 0; i < size; i++)
            add_value(pool, &sum, plane[i], i);
        double value = finish(pool, &sum, (double)size);
        real_write(y, n, 1, &value);
    }
    int result = plane ? 0 : -1;
    free(plane);
    return result;
}

int eval_global_max_pool(struct op_eval *c, struct error *err)
{
    return run_global(c, &(struct pool){.kind = POOL_MAX}, err);
}

int eval_global_average_pool(struct op_eval *c, struct error *err)
{
    return run_global(c, &(struct pool){.kind = POOL_AVERAGE}, err);
}

int eval_global_lp_pool(struct op_eval *c, struct error *err)
{
    struct pool pool = {.kind = POOL_LP};
    return read_power(c, &pool, err) < 0 ? -1 : run_global(c, &pool, err);
}

/* ---- inference ---- */

static int pool_dims(const struct op_infer *c, int *rank, int64_t *dims, struct error *err)
{
    const struct type *x = real_type(c, 0);
    int axes = window_rank(c->node);
    *rank = x->rank >= 0 ? x->rank : axes > 0 && axes <= WINDOW_MAX ? axes + 2 : -1;
    if (*rank < 0)
        return 0;
    if (*rank < 3)
        return error_set(err, "X has rank %d, want at least 3", *rank);
    struct window w;
    if (window_read(&w, c->node, *rank - 2, NULL, err) < 0)
        return -1;
    for (int i = 0; i < *rank; i++) {
        dims[i] = x->rank >= 0 ? x->dims[i] : DIM_UNKNOWN;
        if (i >= 2 && window_infer_dim(c->graph, &w, i - 2, dims[i], &dims[i], err) < 0)
            return -1;
    }
    return 0;
}

int infer_pool(struct op_infer *c, struct error *err)
{
    int rank;
    int64_t dims[TENSOR_MAX_RANK];
    if (pool_dims(c, &rank, dims, err) < 0)
        return real_infer_fail(c, err);
    return infer_set(c, 0, infer_dtype(c, 0), rank, rank < 0 ? NULL : dims, err);
}

int infer_max_pool(struct op_infer *c, struct error *err)
{
    int rank;
    int64_t dims[TENSOR_MAX_RANK];
    if (pool_dims(c, &rank, dims, err) < 0)
        return real_infer_fail(c, err);
    if (infer_set(c, 0, infer_dtype(c, 0), rank, rank < 0 ? NULL : dims, err) < 0)
        return -1;
    return infer_set(c, 1, DTYPE_I64, rank, rank < 0 ? NULL : dims, err);
}

int infer_global_pool(struct op_infer *c, struct error *err)
{
    const struct type *x = real_type(c, 0);
    if (x->rank < 0)
        return infer_set(c, 0, x->dtype, -1, NULL, err);
    if (x->rank < 2)
        return infer_error(c, err, "X has rank %d, want at least 2", x->rank);
    int64_t dims[TENSOR_MAX_RANK];
    for (int i = 0; i < x->rank; i++)
        dims[i] = i < 2 ? x->dims[i] : 1;
    return infer_set(c, 0, x->dtype, x->rank, dims, err);
}
