/* The product of up to GEMM_MR rows of bytes with packed panels of s8, in sums of s32 that are exact. Rows that do not
 * lie as the sums want them are gathered first, once a tile: all taps in a row, rounded up to DOT_KR. There is an
 * instance for some numbers of rows; where there are fewer, the last one is summed again and again. */
#include <math.h>

#include "kernel/isa/bytes.h"
#include "kernel/isa/dot.h"
#include "kernel/isa/tile.h"

/* ---- rows ---- */

static ptrdiff_t run_length(const struct kernel_gemm *g)
{
    return (ptrdiff_t)(g->k + DOT_KR - 1) / DOT_KR * DOT_KR;
}

V_FN void gather_run(dot_element *restrict to, const uint8_t *restrict from, int k, bool is_signed)
{
    for (int i = 0; i < k; i++) {
        int32_t x = is_signed ? (int8_t)from[i] : from[i];
        to[i] = (dot_element)(x + DOT_OFFSET(is_signed));
    }
    for (int i = k; i % DOT_KR; i++)
        to[i] = 0;
}

V_FN void find_rows(const dot_element **row, const struct kernel_gemm *g, bool is_signed)
{
    dot_element *to = g->scratch;
    if (sizeof(dot_element) == 1 && DOT_OFFSET(is_signed) == 0 && g->taps == 1 && g->k % DOT_KR == 0) {
        for (int i = 0; i < g->m; i++)
            row[i] = (const dot_element *)g->a[i] + g->tap[0];
        return;
    }
    for (int i = 0; i < g->m; i++) {
        row[i] = to;
        for (int t = 0; t < g->taps; t++, to += run_length(g))
            gather_run(to, (const uint8_t *)g->a[i] + g->tap[t], g->k, is_signed);
    }
}

/* ---- sums ---- */

/* acc[i][v] += products of steps at, at + 1, … */
V_FN void add_steps(v_i32 *acc, const dot_element *const *row, ptrdiff_t at, const int8_t *b, int m, int vectors,
                    int steps)
{
#pragma GCC unroll 8
    for (int j = 0; j < steps; j++) {
        v_i32 bv[2];
#pragma GCC unroll 2
        for (int v = 0; v < vectors; v++) {
            int at_b = (j * vectors + v) * VL * DOT_KR;
            bv[v] = dot_columns(b + at_b);
            if (at_b % 64 == 0)
                __builtin_prefetch(b + at_b + GEMM_AHEAD);
        }
#pragma GCC unroll 32
        for (int i = 0; i < m; i++) {
            v_i32 a = dot_row(row[i] + (at + j) * DOT_KR);
#pragma GCC unroll 2
            for (int v = 0; v < vectors; v++)
                dot_to(&acc[i * vectors + v], a, bv[v]);
        }
    }
}

/* Over `steps` steps of the rows from `at` on, and the panel's from b on. */
V_FN void add_run(v_i32 *acc, const dot_element *const *row, ptrdiff_t at, const int8_t *b, ptrdiff_t steps,
                  struct fetch *f, int m, int vectors)
{
    ptrdiff_t end = at + steps, whole = at + steps / GEMM_UNROLL * GEMM_UNROLL;
    for (; at < whole; at += GEMM_UNROLL, b += GEMM_UNROLL * vectors * VL * DOT_KR) {
        fetch_next(f);
        add_steps(acc, row, at, b, m, vectors, GEMM_UNROLL);
    }
#pragma GCC unroll 1
    for (; at < end; at++, b += vectors * VL * DOT_KR)
        add_steps(acc, row, at, b, m, vectors, 1);
}

V_FN void sum_panel(v_i32 *acc, const struct kernel_gemm *g, const dot_element *const *row, const int8_t *panel,
                    struct fetch *f, int m, int vectors)
{
    ptrdiff_t steps = run_length(g) / DOT_KR;
    if (!g->b_tap) {
        add_run(acc, row, 0, panel, steps * g->taps, f, m, vectors);
        return;
    }
    for (int t = 0; t < g->taps; t++)
        add_run(acc, row, t * steps, panel + g->b_tap[t] * steps * vectors * VL * DOT_KR, steps, f, m, vectors);
}

/* ---- results ---- */

/* Integers add up alike in any order, so that sums may begin at their bias. */
V_FN void begin_at_bias(v_i32 *acc, const int32_t *bias, int m, int vectors, int last)
{
    v_i32 b[2] = {v_set1_i32(0), v_set1_i32(0)};
    if (bias && vectors == 2)
        b[0] = v_load_i32(bias);
    if (bias)
        b[vectors - 1] = v_as_i32(v_load_n((const float *)(const void *)bias + (vectors - 1) * VL, last));
#pragma GCC unroll 32
    for (int i = 0; i < m * vectors; i++)
        acc[i] = b[i % vectors];
}

V_FN void store_bytes(void *const *c, int column, const v_i32 *x, int i, int vectors, int last)
{
    uint8_t *to = (uint8_t *)c[i] + column;
    if (vectors == 2)
        v_store_bytes(to, x[0]);
    if (last == VL)
        v_store_bytes(to + (vectors - 1) * VL, x[vectors - 1]);
    else
        v_store_bytes_n(to + (vectors - 1) * VL, x[vectors - 1], last);
}

/* Words, which are rare: from memory. */
static void finish_words(const int32_t *sums, const struct kernel_gemm *g, int column, int lanes, int n)
{
    const struct kernel_epilogue *to = &g->to;
    for (int i = 0; i < g->m; i++)
        for (int j = 0; j < n; j++)
            if (to->c == KERNEL_S32)
                ((int32_t *)g->c[i])[column + j] = sums[i * lanes + j];
            else
                ((float *)g->c[i])[column + j] =
                    fminf(fmaxf((float)sums[i * lanes + j] * to->multiplier[column + j], to->rounding.low),
                          to->rounding.high);
}

V_FN void finish_bytes(const v_i32 *acc, const struct kernel_gemm *g, int column, int m, int vectors, int last)
{
    const struct v_rounding rounding = v_rounding_of(&g->to.rounding);
    const float *multiplier = g->to.multiplier + column;
    v_f32 factor[2] = {v_load_n(multiplier, vectors == 2 ? VL : last), v_zero()};
    if (vectors == 2)
        factor[1] = v_load_n(multiplier + VL, last);
#pragma GCC unroll 16
    for (int i = 0; i < m; i++) {
        v_i32 x[2];
        if (i >= g->m)
            return;
#pragma GCC unroll 2
        for (int v = 0; v < vectors; v++)
            x[v] = v_round_lowest(v_mul(v_from_i32(acc[i * vectors + v]), factor[v]), &rounding);
        store_bytes(g->c, column, x, i, vectors, last);
    }
}

V_FN void finish(const v_i32 *acc, const struct kernel_gemm *g, int column, int m, int vectors, int last)
{
    int32_t sums[GEMM_MR * 2 * VL];
    if (g->to.c == KERNEL_U8) {
        finish_bytes(acc, g, column, m, vectors, last);
        return;
    }
#pragma GCC unroll 32
    for (int i = 0; i < m * vectors; i++)
        v_store_i32(sums + i * VL, acc[i]);
    finish_words(sums, g, column, vectors * VL, (vectors - 1) * VL + last);
}

/* ---- tiles ---- */

/* The panels of columns `column` to `end`, which b points to. */
V_FN void do_panels(const struct kernel_gemm *g, const dot_element *const *row, const int8_t *b, int column, int end,
                    int m, int vectors)
{
    struct fetch fetch = fetch_begin(g, column);
    const int32_t *bias = g->to.bias;
    const dot_element *rows[GEMM_MR];
    for (int i = 0; i < m; i++)
        rows[i] = row[i < g->m ? i : g->m - 1];
    ptrdiff_t depth = (g->b_tap ? g->b_taps : g->taps) * run_length(g);
    for (; column < end; column += vectors * VL, b += depth * vectors * VL) {
        int left = end - column - (vectors - 1) * VL, last = left < VL ? left : VL;
        v_i32 acc[GEMM_MR * 2];
        begin_at_bias(acc, bias ? bias + column : NULL, m, vectors, last);
        sum_panel(acc, g, rows, b, &fetch, m, vectors);
        finish(acc, g, column, m, vectors, last);
    }
}

typedef void panels_fn(const struct kernel_gemm *g, const dot_element *const *row, const int8_t *b, int column,
                       int end);

#define TILES(m)                                                                                                       \
    static void gemm_##m##x1(const struct kernel_gemm *g, const dot_element *const *row, const int8_t *b, int column,  \
                             int end)                                                                                  \
    {                                                                                                                  \
        do_panels(g, row, b, column, end, m, 1);                                                                       \
    }                                                                                                                  \
    static void gemm_##m##x2(const struct kernel_gemm *g, const dot_element *const *row, const int8_t *b, int column,  \
                             int end)                                                                                  \
    {                                                                                                                  \
        do_panels(g, row, b, column, end, m, 2);                                                                       \
    }
#define ENTRY(m) {m, {gemm_##m##x1, gemm_##m##x2}},

#if GEMM_MR == 14
#define EACH(X) X(1) X(2) X(4) X(8) X(14)
#elif GEMM_MR == 8
#define EACH(X) X(1) X(2) X(4) X(8)
#elif GEMM_MR == 6
#define EACH(X) X(1) X(2) X(4) X(6)
#else
#define EACH(X) X(1) X(2) X(4)
#endif

EACH(TILES)

static const struct {
    int rows;
    panels_fn *panels[2]; /* of one vector, of two */
} tiles[] = {EACH(ENTRY)};

V_FN void run(const struct kernel_gemm *g, bool is_signed)
{
    const dot_element *row[GEMM_MR];
    int wide = gemm_wide_columns(g->n), size = 0;
    ptrdiff_t depth = (g->b_tap ? g->b_taps : g->taps) * run_length(g);
    while (tiles[size].rows < g->m)
        size++;
    find_rows(row, g, is_signed);
    if (wide > 0)
        tiles[size].panels[1](g, row, g->b, 0, wide);
    if (wide < g->n)
        tiles[size].panels[0](g, row, (const int8_t *)g->b + depth * wide, wide, g->n);
}

static void run_u8(const struct kernel_gemm *g)
{
    run(g, false);
}

static void run_s8(const struct kernel_gemm *g)
{
    run(g, true);
}

/* ---- packing ---- */

/* DOT_KR elements of each column, of which `left` are there, and n columns. */
static int8_t *pack_step(int8_t *packed, const int8_t *b, int left, ptrdiff_t k_step, int n, ptrdiff_t n_step,
                         int columns)
{
    for (int j = 0; j < columns; j++)
        for (int i = 0; i < DOT_KR; i++)
            *packed++ = i < left && j < n ? b[i * k_step + j * n_step] : 0;
    return packed;
}

static void pack(void *panels, const void *matrix, int taps, ptrdiff_t tap_step, int k, ptrdiff_t k_step, int n,
                 ptrdiff_t n_step)
{
    int8_t *packed = panels;
    const int8_t *b = matrix;
    for (int j = 0; j < n; j += 2 * VL) {
        int left = n - j < 2 * VL ? n - j : 2 * VL, columns = left > VL ? 2 * VL : VL;
        for (int t = 0; t < taps; t++)
            for (int i = 0; i < k; i += DOT_KR)
                packed =
                    pack_step(packed, b + t * tap_step + i * k_step + j * n_step, k - i, k_step, left, n_step, columns);
    }
}

#define PRODUCT(type, sign, function)                                                                                  \
    {                                                                                                                  \
        .name = "gemm_q8", .a = type, .b = KERNEL_S8, .mr = GEMM_MR, .nr = 2 * VL, .vector = VL, .kr = DOT_KR,         \
        .a_offset = DOT_OFFSET(sign), .scratch = sizeof(dot_element), .run = function, .pack = pack                    \
    }

const struct kernel_product K(gemm_u8) = PRODUCT(KERNEL_U8, false, run_u8);
const struct kernel_product K(gemm_s8) = PRODUCT(KERNEL_S8, true, run_s8);
