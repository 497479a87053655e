/* MatMul, Gemm and the batched product under them. */
#include "op/matmul.h"

#include <stdlib.h>
#include <string.h>

#include "op/gemm.h"
#include "op/real.h"
#include "op/rows.h"
#include "op/util.h"

/* ---- shapes ---- */

/* Steps of the batch axes of an operand, which are all but its last two. */
static void batch_steps(const struct product *p, const struct tensor *t, int64_t matrix, int64_t *steps)
{
    int rank = t->rank > 2 ? t->rank - 2 : 0;
    op_broadcast_steps(rank, t->dims, p->batch_rank, p->batch_dims, steps);
    for (int i = 0; i < p->batch_rank; i++)
        steps[i] *= matrix;
}

int product_init(struct product *p, const struct tensor *a, const struct tensor *b, struct error *err)
{
    *p = (struct product){.a = a, .b = b, .alpha = 1};
    if (a->rank < 1 || b->rank < 1)
        return error_set(err, "input %s is a scalar, want rank 1 or more", a->rank < 1 ? "A" : "B");
    p->m = a->rank > 1 ? a->dims[a->rank - 2] : 1;
    p->k = a->dims[a->rank - 1];
    p->n = b->rank > 1 ? b->dims[b->rank - 1] : 1;
    int64_t b_k = b->rank > 1 ? b->dims[b->rank - 2] : b->dims[0];
    if (b_k != p->k)
        return error_set(err, "A has %lld columns, but B has %lld rows", (long long)p->k, (long long)b_k);
    p->a_row = p->k;
    p->b_row = p->n;
    p->a_step = p->b_step = 1;
    p->batch_rank = a->rank > 2 ? a->rank - 2 : 0;
    memcpy(p->batch_dims, a->dims, (size_t)p->batch_rank * sizeof(int64_t));
    if (op_broadcast(p->batch_dims, &p->batch_rank, b->dims, b->rank > 2 ? b->rank - 2 : 0) < 0)
        return error_set(err, "the batch axes of A and B do not broadcast");
    batch_steps(p, a, p->m * p->k, p->a_batch);
    batch_steps(p, b, p->k * p->n, p->b_batch);
    p->rank = p->batch_rank;
    memcpy(p->dims, p->batch_dims, sizeof p->dims);
    if (a->rank > 1)
        p->dims[p->rank++] = p->m;
    if (b->rank > 1)
        p->dims[p->rank++] = p->n;
    return tensor_count(p->rank, p->dims) < 0 ? error_set(err, "the output is too large") : 0;
}

/* ---- products of doubles ---- */

struct matrix_job {
    const struct product *p;
    int64_t a_base, b_base, c_base;
};

/* to[i * ld + j] = element base + i * row + j * step of t; one of the steps is usually 1. */
static void read_tile(const struct tensor *t, const double *values, int64_t base, int64_t row, int64_t step, int rows,
                      int columns, double *to, int ld)
{
    double line[GEMM_N];
    bool across = step != 1 && row == 1 && rows <= GEMM_N && !values;
    for (int j = 0; across && j < columns; j++) {
        real_read(t, base + j * step, rows, line);
        for (int i = 0; i < rows; i++)
            to[i * ld + j] = line[i];
    }
    for (int i = 0; !across && i < rows; i++) {
        int64_t at = base + i * row;
        if (values)
            for (int j = 0; j < columns; j++)
                to[i * ld + j] = values[at + j * step];
        else if (step == 1)
            real_read(t, at, columns, to + i * ld);
        else
            for (int j = 0; j < columns; j++)
                real_read(t, at + j * step, 1, to + i * ld + j);
    }
}

static void load_left(const struct gemm *g, int64_t row, int64_t depth, int m, int k, double *a)
{
    const struct matrix_job *job = g->user;
    const struct product *p = job->p;
    read_tile(p->a, p->a_values, job->a_base + row * p->a_row + depth * p->a_step, p->a_row, p->a_step, m, k, a, k);
}

static void load_right(const struct gemm *g, int64_t depth, int64_t column, int k, int n, double *b)
{
    const struct matrix_job *job = g->user;
    const struct product *p = job->p;
    read_tile(p->b, p->b_values, job->b_base + depth * p->b_row + column * p->b_step, p->b_row, p->b_step, k, n, b,
              GEMM_N);
}

static void store_result(const struct gemm *g, int64_t row, int64_t column, int m, int n, const double *c)
{
    const struct matrix_job *job = g->user;
    const struct product *p = job->p;
    double line[GEMM_N];
    for (int i = 0; i < m; i++) {
        int64_t at = job->c_base + (row + i) * p->n + column;
        if (p->sums) {
            memcpy(p->sums + at, c + i * GEMM_N, (size_t)n * sizeof(double));
            continue;
        }
        for (int j = 0; j < n; j++) {
            line[j] = p->alpha * c[i * GEMM_N + j];
            if (p->c)
                line[j] += p->beta * tensor_get_f64(p->c, (row + i) * p->c_row + (column + j) * p->c_step);
        }
        real_write(p->y, at, n, line);
    }
}

/* Calls run() for each matrix of the batch. */
static int each_matrix(const struct product *p, int (*run)(const struct matrix_job *job, void *user, struct error *err),
                       void *user, struct error *err)
{
    int64_t done = 0;
    struct op_walk w;
    if (tensor_count(p->rank, p->dims) == 0)
        return 0;
    op_walk_init(&w, p->batch_rank, p->batch_dims, 2, (const int64_t *const[]){p->a_batch, p->b_batch});
    while (op_walk(&w))
        for (int64_t i = 0; i < w.run; i++, done++) {
            struct matrix_job job = {p, w.at[0] + i * w.run_step[0], w.at[1] + i * w.run_step[1], done * p->m * p->n};
            if (run(&job, user, err) < 0)
                return -1;
        }
    return 0;
}

static int run_matrix(const struct matrix_job *job, void *user, struct error *err)
{
    (void)user;
    struct gemm g = {.m = job->p->m, .n = job->p->n, .k = job->p->k, .load_a = load_left, .load_b = load_right,
                     .store = store_result, .user = job};
    return gemm_run(&g, err);
}

int product_run(const struct product *p, struct error *err)
{
    return each_matrix(p, run_matrix, NULL, err);
}

/* ---- products of integers ---- */

struct int_operands {
    uint64_t *a, *b, *row; /* all of A and B; one row of the result */
};

static int run_int_matrix(const struct matrix_job *job, void *user, struct error *err)
{
    const struct product *p = job->p;
    struct int_operands *ops = user;
    (void)err;
    for (int64_t i = 0; i < p->m; i++) {
        memset(ops->row, 0, (size_t)p->n * sizeof(uint64_t));
        for (int64_t q = 0; q < p->k; q++) {
            uint64_t factor = ops->a[job->a_base + i * p->a_row + q * p->a_step];
            const uint64_t *b = ops->b + job->b_base + q * p->b_row;
            for (int64_t j = 0; j < p->n; j++)
                ops->row[j] += factor * b[j * p->b_step];
        }
        op_store_ints(p->y, job->c_base + i * p->n, p->n, (const int64_t *)ops->row);
    }
    return 0;
}

int product_run_ints(const struct product *p, struct error *err)
{
    struct int_operands ops = {.a = mem_calloc((size_t)p->a->count, sizeof(uint64_t), err)};
    ops.b = ops.a ? mem_calloc((size_t)p->b->count, sizeof(uint64_t), err) : NULL;
    ops.row = ops.b ? mem_calloc((size_t)p->n, sizeof(uint64_t), err) : NULL;
    int result = -1;
    if (ops.row) {
        op_load_ints(p->a, 0, p->a->count, (int64_t *)ops.a);
        op_load_ints(p->b, 0, p->b->count, (int64_t *)ops.b);
        result = each_matrix(p, run_int_matrix, &ops, err);
    }
    free(ops.a);
    free(ops.b);
    free(ops.row);
    return result;
}

/* ---- MatMul ---- */

int eval_matmul(struct op_eval *c, struct error *err)
{
    const struct tensor *a = eval_in(c, 0);
    struct product p;
    if (product_init(&p, a, eval_in(c, 1), err) < 0)
        return real_eval_fail(c, err);
    p.y = eval_out(c, 0, a->dtype, p.rank, p.dims, err);
    if (!p.y)
        return -1;
    return op_is_float(a->dtype) ? product_run(&p, err) : product_run_ints(&p, err);
}

int product_infer_types(struct op_infer *c, const struct type *a, const struct type *b, enum dtype dtype,
                        struct error *err)
{
    if (a->rank < 0 || b->rank < 0)
        return infer_set(c, 0, dtype, -1, NULL, err);
    if (a->rank < 1 || b->rank < 1)
        return infer_error(c, err, "input %s is a scalar, want rank 1 or more", a->rank < 1 ? "A" : "B");
    int64_t a_k = a->dims[a->rank - 1], b_k = b->dims[b->rank > 1 ? b->rank - 2 : 0];
    if (a_k >= 0 && b_k >= 0 && a_k != b_k)
        return infer_error(c, err, "A has %lld columns, but B has %lld rows", (long long)a_k, (long long)b_k);
    int rank = a->rank > 2 ? a->rank - 2 : 0;
    int64_t dims[TENSOR_MAX_RANK];
    memcpy(dims, a->dims, (size_t)rank * sizeof(int64_t));
    if (op_broadcast(dims, &rank, b->dims, b->rank > 2 ? b->rank - 2 : 0) < 0)
        return infer_error(c, err, "the batch axes of A and B do not broadcast");
    if (a->rank > 1)
        dims[rank++] = a->dims[a->rank - 2];
    if (b->rank > 1)
        dims[rank++] = b->dims[b->rank - 1];
    return infer_set(c, 0, dtype, rank, dims, err);
}

int product_infer(struct op_infer *c, int a, int b, enum dtype dtype, struct error *err)
{
    return product_infer_types(c, real_type(c, a), real_type(c, b), dtype, err);
}

int infer_matmul(struct op_infer *c, struct error *err)
{
    return product_infer(c, 0, 1, infer_dtype(c, 0), err);
}

/* ---- Gemm ---- */

static int init_gemm(struct product *p, const struct node *n, const struct tensor *a, const struct tensor *b,
                     struct error *err)
{
    bool ta = op_int(n, "transA") != 0, tb = op_int(n, "transB") != 0;
    if (a->rank != 2 || b->rank != 2)
        return error_set(err, "input %s has rank %d, want 2", a->rank != 2 ? "A" : "B",
                         a->rank != 2 ? a->rank : b->rank);
    *p = (struct product){.a = a, .b = b, .m = a->dims[ta], .k = a->dims[!ta], .n = b->dims[!tb], .rank = 2,
                          .alpha = op_float(n, "alpha"), .beta = op_float(n, "beta")};
    if (b->dims[tb] != p->k)
        return error_set(err, "A has %lld columns, but B has %lld rows", (long long)p->k, (long long)b->dims[tb]);
    p->a_row = ta ? 1 : p->k;
    p->a_step = ta ? p->m : 1;
    p->b_row = tb ? 1 : p->n;
    p->b_step = tb ? p->k : 1;
    p->dims[0] = p->m;
    p->dims[1] = p->n;
    return tensor_count(2, p->dims) < 0 ? error_set(err, "the output is too large") : 0;
}

static int add_gemm_c(struct product *p, const struct tensor *c, struct error *err)
{
    int64_t dims[TENSOR_MAX_RANK] = {p->m, p->n}, steps[TENSOR_MAX_RANK];
    int rank = 2;
    if (c->rank > 2 || op_broadcast(dims, &rank, c->dims, c->rank) < 0 || dims[0] != p->m || dims[1] != p->n)
        return error_set(err, "input C does not broadcast to %lldx%lld", (long long)p->m, (long long)p->n);
    op_broadcast_steps(c->rank, c->dims, 2, p->dims, steps);
    p->c = c;
    p->c_row = steps[0];
    p->c_step = steps[1];
    return 0;
}

/* Integers wrap when nothing is scaled; with scales they go through doubles. */
static int run_gemm_ints(const struct product *p, struct error *err)
{
    if (p->alpha != 1 || (p->c && p->beta != 1))
        return product_run(p, err);
    if (product_run_ints(p, err) < 0)
        return -1;
    for (int64_t i = 0; p->c && i < p->m; i++)
        for (int64_t j = 0; j < p->n; j++) {
            int64_t at = i * p->n + j, sum, more;
            op_load_ints(p->y, at, 1, &sum);
            op_load_ints(p->c, i * p->c_row + j * p->c_step, 1, &more);
            sum = (int64_t)((uint64_t)sum + (uint64_t)more);
            op_store_ints(p->y, at, 1, &sum);
        }
    return 0;
}

int eval_gemm(struct op_eval *c, struct error *err)
{
    const struct tensor *a = eval_in(c, 0), *bias = eval_in(c, 2);
    struct product p;
    if (init_gemm(&p, c->node, a, eval_in(c, 1), err) < 0 || (bias && add_gemm_c(&p, bias, err) < 0))
        return real_eval_fail(c, err);
    p.y = eval_out(c, 0, a->dtype, 2, p.dims, err);
    if (!p.y)
        return -1;
    return op_is_float(a->dtype) ? product_run(&p, err) : run_gemm_ints(&p, err);
}

int gemm_infer(struct op_infer *c, int ai, int bi, int ci, enum dtype dtype, struct error *err)
{
    const struct type *a = real_type(c, ai), *b = real_type(c, bi), *bias = infer_type(c, ci);
    bool ta = op_int(c->node, "transA") != 0, tb = op_int(c->node, "transB") != 0;
    if ((a->rank >= 0 && a->rank != 2) || (b->rank >= 0 && b->rank != 2))
        return infer_error(c, err, "input %s has rank %d, want 2", a->rank >= 0 && a->rank != 2 ? "A" : "B",
                           a->rank >= 0 && a->rank != 2 ? a->rank : b->rank);
    int64_t dims[2] = {a->rank == 2 ? a->dims[ta] : DIM_UNKNOWN, b->rank == 2 ? b->dims[!tb] : DIM_UNKNOWN};
    if (a->rank == 2 && b->rank == 2 && a->dims[!ta] >= 0 && b->dims[tb] >= 0 && a->dims[!ta] != b->dims[tb])
        return infer_error(c, err, "A has %lld columns, but B has %lld rows", (long long)a->dims[!ta],
                           (long long)b->dims[tb]);
    if (bias && bias->rank > 2)
        return infer_error(c, err, "input C has rank %d, want at most 2", bias->rank);
    for (int i = 0; bias && i < bias->rank; i++) {
        int64_t have = bias->dims[i], want = dims[i + 2 - bias->rank];
        if (have > 1 && want >= 0 && have != want)
            return infer_error(c, err, "input C: dim %d is %lld, want %lld or 1", i, (long long)have, (long long)want);
    }
    return infer_set(c, 0, dtype, 2, dims, err);
}

int infer_gemm(struct op_infer *c, struct error *err)
{
    return gemm_infer(c, 0, 1, 2, infer_dtype(c, 0), err);
}
