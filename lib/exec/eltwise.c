/* Runs elementwise steps. */
#include "exec/eltwise.h"

#include <string.h>

/* The address of operand k for position `index` of the outer axes. */
static float *operand(const struct eltwise_args *e, const ptrdiff_t *offset, int k, int64_t first)
{
    return (float *)view_data(&e->view[k]) + offset[k] + first * e->nest.stride[k][e->nest.rank - 1];
}

/* n elements from at[] on; step: of A and B, 0 or 1. */
static void run_row(const struct eltwise_args *e, float *const *at, const int *step, int64_t n)
{
    if (e->operands == 2)
        e->kernels->unary_f32(at[OUT], at[A], (size_t)n, e->act);
    else
        e->kernels->binary_f32(e->op, at[OUT], at[A], step[A], at[B], step[B], (size_t)n, e->act);
}

static void run_piece(const struct eltwise_args *e, int64_t index, int64_t first, int64_t last)
{
    ptrdiff_t offset[3];
    float *at[3];
    int step[3];
    nest_at(&e->nest, e->operands, index, offset);
    for (int k = 0; k < e->operands; k++) {
        at[k] = operand(e, offset, k, first);
        step[k] = (int)e->nest.stride[k][e->nest.rank - 1];
    }
    run_row(e, at, step, last - first);
}

/* Elements of short rows that are done together: a call for each row would cost more than its elements. */
#define TOGETHER 512

/* Whether operand k steps along the innermost two axes as along one, or not at all. */
static bool follows(const struct eltwise_args *e, int k)
{
    int inner = e->nest.rank - 1;
    ptrdiff_t step = e->nest.stride[k][inner];
    return e->nest.stride[k][inner - 1] == step * e->nest.dims[inner];
}

/* Whether collecting the operands of short rows costs less than it saves. */
static bool collects(const struct eltwise_args *e)
{
    int inner = e->nest.rank - 1, apart = 0;
    for (int k = 0; k < e->operands; k++)
        apart += follows(e, k) ? 0 : e->nest.stride[k][inner] ? 1 : 2;
    return apart < 2 || e->nest.dims[inner] <= TOGETHER / 8;
}

/* Rows of n elements that are `step` apart, to rows without gaps; to_next, next: from a row to the next. */
static void copy_rows(float *to, ptrdiff_t to_next, const float *from, ptrdiff_t next, ptrdiff_t step, int64_t n,
                      int64_t rows)
{
    for (int64_t i = 0; i < rows; i++, to += to_next, from += next) {
        if (step == 1 && n > 8)
            memcpy(to, from, (size_t)n * sizeof *to);
        else
            for (int64_t j = 0; j < n; j++)
                to[j] = from[j * step];
    }
}

/* So many rows from `index` on. */
static void run_rows(const struct eltwise_args *e, int64_t index, int64_t rows)
{
    const int inner = e->nest.rank - 1;
    const int64_t n = e->nest.dims[inner];
    if (rows == 1 || !collects(e)) {
        for (int64_t i = 0; i < rows; i++)
            run_piece(e, index + i, 0, n);
        return;
    }
    ptrdiff_t offset[3];
    float row[3][TOGETHER], *at[3];
    int step[3];
    nest_at(&e->nest, e->operands, index, offset);
    for (int k = 0; k < e->operands; k++) {
        float *from = operand(e, offset, k, 0);
        bool is_apart = !follows(e, k);
        at[k] = is_apart ? row[k] : from;
        step[k] = is_apart ? 1 : (int)e->nest.stride[k][inner];
        if (is_apart && k != OUT)
            copy_rows(row[k], n, from, e->nest.stride[k][inner - 1], e->nest.stride[k][inner], n, rows);
    }
    run_row(e, at, step, n * rows);
    if (at[OUT] == row[OUT])
        copy_rows(operand(e, offset, OUT, 0), e->nest.stride[OUT][inner - 1], row[OUT], n, 1, n, rows);
}

static void run_all_rows(const struct eltwise_args *e, int64_t first, int64_t last)
{
    int inner = e->nest.rank - 1;
    int64_t n = e->nest.dims[inner], axis = inner > 0 ? e->nest.dims[inner - 1] : 1;
    int64_t most = n > 0 && n <= TOGETHER / 2 ? TOGETHER / n : 1;
    for (int64_t i = first, rows; i < last; i += rows) {
        rows = last - i < axis - i % axis ? last - i : axis - i % axis;
        rows = rows < most ? rows : most;
        for (const struct eltwise_args *link = e; link; link = link->next)
            run_rows(link, i, rows);
    }
}

void exec_eltwise_run(const struct step *s, struct tile tile)
{
    const struct eltwise_args *e = s->args;
    int64_t n = e->nest.dims[e->nest.rank - 1];
    if (e->pieces == 1) {
        run_all_rows(e, tile.first, tile.last);
        return;
    }
    for (int64_t i = tile.first; i < tile.last; i++)
        for (const struct eltwise_args *link = e; link; link = link->next)
            run_piece(link, i / e->pieces, plan_tile_first(n, e->pieces, i % e->pieces),
                      plan_tile_first(n, e->pieces, i % e->pieces + 1));
}
