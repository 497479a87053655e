/* Reductions: down rows of channels, and along a contiguous run. */
#include <math.h>

#include "kernel/isa/isa.h"
#include "kernel/isa/part.h"

#define REDUCE_LIST(X) X(SUM) X(SUM_SQUARE) X(SUM_ABS) X(REDUCE_MAX) X(REDUCE_MIN) X(PROD)

V_FN float identity(enum kernel_reduce op)
{
    if (op == KERNEL_REDUCE_MAX)
        return -INFINITY;
    if (op == KERNEL_REDUCE_MIN)
        return INFINITY;
    return op == KERNEL_PROD;
}

V_FN bool is_sum(enum kernel_reduce op)
{
    return op == KERNEL_SUM || op == KERNEL_SUM_SQUARE || op == KERNEL_SUM_ABS;
}

V_FN v_f32 reduce_step(enum kernel_reduce op, v_f32 sum, v_f32 x)
{
    switch (op) {
    case KERNEL_SUM:
        return v_add(sum, x);
    case KERNEL_SUM_SQUARE:
        return v_fma(x, x, sum);
    case KERNEL_SUM_ABS:
        return v_add(sum, v_abs(x));
    case KERNEL_REDUCE_MAX:
        return v_max_nan(x, sum); /* whether x is NaN is known before the sum is */
    case KERNEL_REDUCE_MIN:
        return v_min_nan(x, sum);
    default:
        return v_mul(sum, x);
    }
}

/* Partial results of a kind are put together by the plain operation. */
V_FN v_f32 join(enum kernel_reduce op, v_f32 a, v_f32 b)
{
    return reduce_step(is_sum(op) ? KERNEL_SUM : op, a, b);
}

/* So many steps make a partial sum: a single chain over an image's pixels would lose two digits on the way. */
#define REDUCE_CHAIN 128

/* ---- down the rows ---- */

/* Rows by a table of pointers, each from `at` on, or evenly spaced from `in` when there is none. */
struct rows {
    const void *const *row;
    const float *in;
    ptrdiff_t at, step;
    size_t n;
};

V_FN const float *row_at(const struct rows *rows, size_t r)
{
    return rows->row ? (const float *)rows->row[r] + rows->at : rows->in + (ptrdiff_t)r * rows->step;
}

/* Columns c to c + vectors * VL, the last vector of `count` columns. What REDUCE_CHAIN rows make is added to `out`. */
V_FN void reduce_block(enum kernel_reduce op, float *out, const struct rows *rows, size_t c, int vectors, int count,
                       bool go_on, float scale)
{
    v_f32 sum[4];
    for (size_t r = 0;; go_on = true) {
        size_t end = rows->n - r > REDUCE_CHAIN ? r + REDUCE_CHAIN : rows->n;
        V_UNROLL(4)
        for (int v = 0; v < vectors; v++)
            sum[v] = v_set1(identity(op));
        for (; r < end; r++) {
            const float *in = row_at(rows, r) + c;
            V_UNROLL(4)
            for (int v = 0; v < vectors; v++)
                sum[v] = reduce_step(op, sum[v], part_load(in + v * VL, count));
        }
        V_UNROLL(4)
        for (int v = 0; v < vectors && go_on; v++)
            sum[v] = join(op, part_load(out + c + v * VL, count), sum[v]);
        if (r == rows->n)
            break;
        V_UNROLL(4)
        for (int v = 0; v < vectors; v++)
            part_store(out + c + v * VL, sum[v], count);
    }
    V_UNROLL(4)
    for (int v = 0; v < vectors; v++)
        part_store(out + c + v * VL, is_sum(op) ? v_mul(sum[v], v_set1(scale)) : sum[v], count);
}

/* Those that pools and normalisations of networks consist of have several sums side by side. */
V_FN bool is_frequent(enum kernel_reduce op)
{
    return !V_SMALL && (op == KERNEL_SUM || op == KERNEL_SUM_SQUARE || op == KERNEL_REDUCE_MAX);
}

V_FN void reduce_down(enum kernel_reduce op, float *out, const struct rows *rows, size_t channels, bool go_on,
                      float scale)
{
    size_t c = 0;
    for (; is_frequent(op) && channels - c >= 4 * VL; c += 4 * VL)
        reduce_block(op, out, rows, c, 4, VL, go_on, scale);
    for (; c < channels; c += VL)
        reduce_block(op, out, rows, c, 1, channels - c < VL ? (int)(channels - c) : VL, go_on, scale);
}

#define ROWS_LOOP(op)                                                                                                  \
    static void rows_##op(float *out, const struct rows *rows, size_t channels, bool go_on, float scale)               \
    {                                                                                                                  \
        struct rows copy = *rows; /* which the stores cannot change */                                                 \
        reduce_down(KERNEL_##op, out, &copy, channels, go_on, scale);                                                  \
    }
REDUCE_LIST(ROWS_LOOP)

#define ROWS_ENTRY(op) [KERNEL_##op] = rows_##op,
static void (*const rows_loops[KERNEL_REDUCES])(float *out, const struct rows *rows, size_t channels, bool go_on,
                                                float scale) = {REDUCE_LIST(ROWS_ENTRY)};

void K(reduce_rows_f32)(const struct kernel_reduce_f32 *d)
{
    struct rows rows = {.row = d->row, .n = (size_t)d->rows};
    for (int x = 0; x < d->width; x++, rows.at += d->step)
        rows_loops[d->op](d->out + x * d->out_step, &rows, d->channels, false, d->scale);
}

void K(reduce_columns_f32)(enum kernel_reduce op, float *out, const float *in, ptrdiff_t step, size_t rows,
                           size_t channels, bool go_on)
{
    rows_loops[op](out, &(struct rows){.in = in, .step = step, .n = rows}, channels, go_on, 1);
}

/* ---- along a run ---- */

V_FN float across(enum kernel_reduce op, v_f32 x)
{
    if (op == KERNEL_REDUCE_MAX)
        return v_hmax(x);
    if (op == KERNEL_REDUCE_MIN)
        return v_hmin(x);
    return op == KERNEL_PROD ? v_hprod(x) : v_hsum(x);
}

/* At most REDUCE_CHAIN times four vectors. Vector i goes into sum i mod 4: four chains hide the latency. */
V_FN v_f32 reduce_chain(enum kernel_reduce op, const float *in, size_t n)
{
    v_f32 start = v_set1(identity(op)), sum[4] = {start, start, start, start};
    size_t i = 0;
    for (; n - i >= 4 * VL; i += 4 * VL) {
        V_UNROLL(4)
        for (int v = 0; v < 4; v++)
            sum[v] = reduce_step(op, sum[v], v_load(in + i + v * VL));
    }
    for (; n - i >= VL; i += VL)
        sum[0] = reduce_step(op, sum[0], v_load(in + i));
    if (i < n)
        sum[1] = reduce_step(op, sum[1], part_fill(v_load_n(in + i, (int)(n - i)), (int)(n - i), start));
    return join(op, join(op, sum[0], sum[1]), join(op, sum[2], sum[3]));
}

V_FN float reduce_run(enum kernel_reduce op, const float *in, size_t n)
{
    const size_t most = REDUCE_CHAIN * 4 * VL;
    v_f32 total = v_set1(identity(op));
    for (; n > most; in += most, n -= most)
        total = join(op, total, reduce_chain(op, in, most));
    return across(op, join(op, total, reduce_chain(op, in, n)));
}

#define RUN_LOOP(op)                                                                                                   \
    static float run_##op(const float *in, size_t n)                                                                   \
    {                                                                                                                  \
        return reduce_run(KERNEL_##op, in, n);                                                                         \
    }
REDUCE_LIST(RUN_LOOP)

#define RUN_ENTRY(op) [KERNEL_##op] = run_##op,
static float (*const run_loops[KERNEL_REDUCES])(const float *in, size_t n) = {REDUCE_LIST(RUN_ENTRY)};

float K(reduce_f32)(enum kernel_reduce op, const float *in, size_t n)
{
    return run_loops[op](in, n);
}

/* ---- weighted sum of rows ---- */

#if V_FUSES
V_FN void blend_block(float *out, const float *const *row, const float *weight, int rows, size_t c, int vectors,
                      int count)
{
    v_f32 sum[4];
    V_UNROLL(4)
    for (int v = 0; v < vectors; v++)
        sum[v] = v_zero();
    for (int r = 0; r < rows; r++) {
        v_f32 w = v_set1(weight[r]);
        V_UNROLL(4)
        for (int v = 0; v < vectors; v++)
            sum[v] = v_fma(w, part_load(row[r] + c + v * VL, count), sum[v]);
    }
    V_UNROLL(4)
    for (int v = 0; v < vectors; v++)
        part_store(out + c + v * VL, sum[v], count);
}

void K(blend_f32)(float *out, const float *const *row, const float *weight, int rows, size_t channels)
{
    size_t c = 0;
    for (; channels - c >= 4 * VL; c += 4 * VL)
        blend_block(out, row, weight, rows, c, 4, VL);
    for (; c < channels; c += VL)
        blend_block(out, row, weight, rows, c, 1, channels - c < VL ? (int)(channels - c) : VL);
}
#else
/* Rounded as the levels that fuse do it: bytes are made of these sums, and are to be the same everywhere. */
void K(blend_f32)(float *out, const float *const *row, const float *weight, int rows, size_t channels)
{
    for (size_t c = 0; c < channels; c++) {
        float sum = 0;
        for (int r = 0; r < rows; r++)
            sum = fmaf(weight[r], row[r][c], sum);
        out[c] = sum;
    }
}
#endif
