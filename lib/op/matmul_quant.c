/* MatMulInteger and QLinearMatMul: products of quantised matrices, exact in doubles. */
#include <math.h>
#include <stdlib.h>

#include "op/matmul.h"
#include "op/permuted.h"
#include "op/quant.h"
#include "op/real.h"
#include "op/rows.h"
#include "op/util.h"

/* Steps with which a scale or zero point goes along a matrix (or stack of them): a scalar, one for each row (a vector,
 * `by_row`), one for each column (a vector), or any tensor that broadcasts. */
static int parameter_steps(const struct op_eval *c, const char *name, const struct tensor *t, bool by_row, int rank,
                           const int64_t *dims, int64_t *steps, struct error *err)
{
    int64_t shape[TENSOR_MAX_RANK], fitted[TENSOR_MAX_RANK];
    int shape_rank = t->rank, fitted_rank = rank;
    for (int i = 0; i < t->rank; i++)
        shape[i] = t->dims[i];
    if (t->count == 1)
        shape_rank = 0;
    else if (t->rank == 1 && by_row && rank >= 2)
        shape[shape_rank++] = 1;
    for (int i = 0; i < rank; i++)
        fitted[i] = dims[i];
    bool fits = shape_rank <= rank && op_broadcast(fitted, &fitted_rank, shape, shape_rank) == 0;
    for (int i = 0; fits && i < rank; i++)
        fits = fitted[i] == dims[i];
    if (!fits)
        return eval_error(c, err, "input %s (%lld elements) does not fit its matrix", name, (long long)t->count);
    op_broadcast_steps(shape_rank, shape, rank, dims, steps);
    return 0;
}

/* x[i] = (x[i] - zero) * scale, or / scale when `divide`, element by element of a tensor with these dims; zero and
 * scale may be NULL. */
static int adjust(const struct op_eval *c, double *x, int rank, const int64_t *dims, const struct tensor *zero,
                  const struct tensor *scale, bool by_row, bool divide, struct error *err)
{
    int64_t zero_steps[TENSOR_MAX_RANK] = {0}, scale_steps[TENSOR_MAX_RANK] = {0};
    if ((zero && parameter_steps(c, "zero point", zero, by_row, rank, dims, zero_steps, err) < 0) ||
        (scale && parameter_steps(c, "scale", scale, by_row, rank, dims, scale_steps, err) < 0))
        return -1;
    struct op_walk w;
    op_walk_init(&w, rank, dims, 2, (const int64_t *const[]){zero_steps, scale_steps});
    while (op_walk(&w))
        for (int64_t i = 0; i < w.run; i++) {
            double *at = &x[w.done + i];
            double s = scale ? tensor_get_f64(scale, w.at[1] + i * w.run_step[1]) : 1;
            *at -= zero ? tensor_get_f64(zero, w.at[0] + i * w.run_step[0]) : 0;
            *at = divide ? *at / s : *at * s;
        }
    return 0;
}

static double *load_adjusted(const struct op_eval *c, const struct tensor *t, const struct tensor *zero,
                             const struct tensor *scale, bool by_row, struct error *err)
{
    double *x = real_load(t, err);
    if (x && adjust(c, x, t->rank, t->dims, zero, scale, by_row, false, err) < 0) {
        free(x);
        return NULL;
    }
    return x;
}

int eval_matmul_integer(struct op_eval *c, struct error *err)
{
    struct product p;
    if (product_init(&p, eval_in(c, 0), eval_in(c, 1), err) < 0)
        return real_eval_fail(c, err);
    p.y = eval_out(c, 0, DTYPE_I32, p.rank, p.dims, err);
    double *a = p.y ? load_adjusted(c, p.a, eval_in(c, 2), NULL, true, err) : NULL;
    double *b = a ? load_adjusted(c, p.b, eval_in(c, 3), NULL, false, err) : NULL;
    p.a_values = a;
    p.b_values = b;
    int result = b ? product_run(&p, err) : -1;
    free(a);
    free(b);
    return result;
}

int infer_matmul_integer(struct op_infer *c, struct error *err)
{
    return product_infer(c, 0, 1, DTYPE_I32, err);
}

/* Divides by the scale, rounds, adds the zero point and clamps. */
static int requantise(struct op_eval *c, const struct product *p, struct error *err)
{
    const struct tensor *scale = eval_in(c, 6), *zero = eval_in(c, 7);
    int64_t count = tensor_count(p->rank, p->dims), steps[TENSOR_MAX_RANK];
    if (adjust(c, p->sums, p->rank, p->dims, NULL, scale, true, true, err) < 0 ||
        parameter_steps(c, "y_zero_point", zero, true, p->rank, p->dims, steps, err) < 0)
        return -1;
    double low, high;
    bool ints = real_int_range(zero->dtype, &low, &high);
    struct op_walk w;
    op_walk_init(&w, p->rank, p->dims, 1, (const int64_t *const[]){steps});
    while (ints && op_walk(&w))
        for (int64_t i = 0; i < w.run; i++) {
            double *at = &p->sums[w.done + i];
            *at = nearbyint(*at) + tensor_get_f64(zero, w.at[0] + i * w.run_step[0]);
            *at = *at > high ? high : *at > low ? *at : low;
        }
    real_write(p->y, 0, count, p->sums);
    return 0;
}

int eval_qlinear_matmul(struct op_eval *c, struct error *err)
{
    struct product p;
    if (product_init(&p, eval_in(c, 0), eval_in(c, 3), err) < 0)
        return real_eval_fail(c, err);
    p.y = eval_out(c, 0, eval_in(c, 7)->dtype, p.rank, p.dims, err);
    double *a = p.y ? load_adjusted(c, p.a, eval_in(c, 2), eval_in(c, 1), true, err) : NULL;
    double *b = a ? load_adjusted(c, p.b, eval_in(c, 5), eval_in(c, 4), false, err) : NULL;
    p.sums = b ? real_new(p.y->count, 1, err) : NULL;
    p.a_values = a;
    p.b_values = b;
    int result = p.sums && product_run(&p, err) == 0 ? requantise(c, &p, err) : -1;
    free(a);
    free(b);
    free(p.sums);
    return result;
}

int infer_qlinear_matmul(struct op_infer *c, struct error *err)
{
    return product_infer(c, 0, 3, infer_dtype(c, 7), err);
}

/* ---- nn.QMatMul ---- */

static int requantise_columns(const struct op_eval *c, const struct product *p, struct error *err)
{
    const struct tensor *bias = eval_in(c, 8);
    if (quant_check(c, 1, 2, 1, err) || quant_check(c, 4, 5, p->n, err) || quant_check(c, 6, 7, 1, err))
        return -1;
    if (bias && (bias->rank != 1 || bias->count != p->n))
        return eval_error(c, err, "input C has %lld elements, want %lld", (long long)bias->count, (long long)p->n);
    for (int64_t i = 0; i < p->y->count; i++) {
        const struct quant_column column = quant_column(c, i % p->n, i % p->n);
        p->sums[i] = quant_requantize(p->y->dtype, p->sums[i], &column);
    }
    real_write(p->y, 0, p->y->count, p->sums);
    return 0;
}

static int multiply_columns(struct op_eval *c, const struct tensor *matrix, struct error *err)
{
    struct product p;
    if (product_init(&p, eval_in(c, 0), matrix, err) < 0)
        return real_eval_fail(c, err);
    p.y = eval_out(c, 0, quant_result(c), p.rank, p.dims, err);
    double *a = p.y ? load_adjusted(c, p.a, eval_in(c, 2), NULL, true, err) : NULL;
    double *b = a ? load_adjusted(c, p.b, eval_in(c, 5), NULL, false, err) : NULL;
    p.sums = b ? real_new(p.y->count, 1, err) : NULL;
    p.a_values = a;
    p.b_values = b;
    int result = p.sums && product_run(&p, err) == 0 ? requantise_columns(c, &p, err) : -1;
    free(a);
    free(b);
    free(p.sums);
    return result;
}

int matmul_requantized(struct op_eval *c, struct error *err)
{
    static const int64_t sides[] = {1, 0};
    const struct tensor *b = eval_in(c, 3);
    if (!op_int(c->node, "transB"))
        return multiply_columns(c, b, err);
    if (b->rank != 2)
        return eval_error(c, err, "input b has rank %d, want 2 with transB", b->rank);
    struct tensor *turned = op_permuted(b, sides, err);
    int status = turned ? multiply_columns(c, turned, err) : -1;
    tensor_unref(turned);
    return status;
}
