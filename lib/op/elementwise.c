/* Elementwise loops: a chunk of every operand in computing form, the function, a chunk of the result. */
#include "op/elementwise.h"

#include <stdlib.h>
#include <string.h>

#include "op/real.h"
#include "op/util.h"

#define CHUNK 512

static void read_cells(const struct tensor *t, int64_t at, int64_t n, union cell *to)
{
    if (op_is_float(t->dtype))
        real_read(t, at, n, &to->r);
    else
        op_load_ints(t, at, n, &to->i);
}

static void write_cells(struct tensor *t, int64_t at, int64_t n, const union cell *from)
{
    if (op_is_float(t->dtype))
        real_write(t, at, n, &from->r);
    else
        op_store_ints(t, at, n, &from->i);
}

static void read_strided(const struct tensor *t, int64_t at, int64_t step, int64_t n, union cell *to)
{
    if (step == 1 || n == 1) {
        read_cells(t, at, n, to);
    } else if (step == 0) {
        read_cells(t, at, 1, to);
        for (int64_t i = 1; i < n; i++)
            to[i] = to[0];
    } else {
        for (int64_t i = 0; i < n; i++)
            read_cells(t, at + i * step, 1, to + i);
    }
}

int elementwise_dims(const struct op_eval *c, int first, int count, int64_t *dims, int *rank, struct error *err)
{
    char a[200], b[200];
    *rank = 0;
    for (int i = first; i < first + count; i++) {
        const struct tensor *t = eval_in(c, i), *t0 = eval_in(c, first);
        if (op_broadcast(dims, rank, t->dims, t->rank))
            return eval_error(c, err, "inputs %d (%s) and %d (%s) cannot be broadcast together", first,
                              op_dims_text(t0->rank, t0->dims, a, sizeof(a)), i,
                              op_dims_text(t->rank, t->dims, b, sizeof(b)));
    }
    return 0;
}

/* The function over one chunk, operands' cells in rows. */
static void apply(union cell (*rows)[CHUNK], int count, int64_t n, cell_fn *f, const void *arg, union cell *result)
{
    for (int64_t i = 0; i < n; i++) {
        union cell x[OP_WALK_MAX];
        for (int k = 0; k < count; k++)
            x[k] = rows[k][i];
        result[i] = f(x, arg);
    }
}

int elementwise(struct op_eval *c, int first, int count, enum dtype out, cell_fn *f, const void *arg, struct error *err)
{
    int64_t dims[TENSOR_MAX_RANK], steps[OP_WALK_MAX][TENSOR_MAX_RANK];
    const int64_t *step_rows[OP_WALK_MAX];
    union cell rows[OP_WALK_MAX][CHUNK], result[CHUNK];
    int rank;
    if (elementwise_dims(c, first, count, dims, &rank, err))
        return -1;
    for (int k = 0; k < count; k++) {
        const struct tensor *t = eval_in(c, first + k);
        op_broadcast_steps(t->rank, t->dims, rank, dims, steps[k]);
        step_rows[k] = steps[k];
    }
    struct tensor *y = eval_out(c, 0, out, rank, dims, err);
    if (!y)
        return -1;
    struct op_walk w;
    op_walk_init(&w, rank, dims, count, step_rows);
    while (op_walk(&w))
        for (int64_t at = 0; at < w.run; at += CHUNK) {
            int64_t n = w.run - at < CHUNK ? w.run - at : CHUNK;
            for (int k = 0; k < count; k++)
                read_strided(eval_in(c, first + k), w.at[k] + at * w.run_step[k], w.run_step[k], n, rows[k]);
            apply(rows, count, n, f, arg, result);
            write_cells(y, w.done + at, n, result);
        }
    return 0;
}

/* Folds one operand into the accumulator, which is dense. */
static void fold_in(const struct tensor *t, int rank, const int64_t *dims, bool start, cell_fn *f, const void *arg,
                    union cell *sum)
{
    int64_t steps[TENSOR_MAX_RANK];
    const int64_t *step_rows[1] = {steps};
    union cell row[CHUNK];
    struct op_walk w;
    op_broadcast_steps(t->rank, t->dims, rank, dims, steps);
    op_walk_init(&w, rank, dims, 1, step_rows);
    while (op_walk(&w))
        for (int64_t at = 0; at < w.run; at += CHUNK) {
            int64_t n = w.run - at < CHUNK ? w.run - at : CHUNK;
            read_strided(t, w.at[0] + at * w.run_step[0], w.run_step[0], n, row);
            union cell *to = sum + w.done + at;
            for (int64_t i = 0; i < n; i++)
                to[i] = start ? row[i] : f((union cell[]){to[i], row[i]}, arg);
        }
}

int elementwise_fold(struct op_eval *c, cell_fn *f, cell_fn *last, const void *arg, struct error *err)
{
    int64_t dims[TENSOR_MAX_RANK];
    int rank;
    if (elementwise_dims(c, 0, c->in_count, dims, &rank, err))
        return -1;
    struct tensor *y = eval_out(c, 0, eval_in(c, 0)->dtype, rank, dims, err);
    union cell *sum = y ? mem_calloc((size_t)y->count, sizeof(*sum), err) : NULL;
    if (!sum)
        return -1;
    for (int i = 0; i < c->in_count; i++)
        fold_in(eval_in(c, i), rank, dims, i == 0, f, arg, sum);
    for (int64_t i = 0; last && i < y->count; i++)
        sum[i] = last(&sum[i], arg);
    write_cells(y, 0, y->count, sum);
    free(sum);
    return 0;
}
