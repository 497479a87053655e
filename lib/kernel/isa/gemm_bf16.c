/* The product of up to GEMM_MR rows with packed panels of bfloat16, by AVX512-BF16: each step multiplies two elements
 * of a row by two of each column, twice what gemm_f32 does, and adds to sums of f32. Rows are rounded to bfloat16 (to
 * nearest, ties to even) once a tile. There is an instance for some numbers of rows; where there are fewer, the last
 * one is summed again. What follows the sums is one copy for all tiles. */
#include <string.h>

#include "kernel/isa/epilogue.h"
#include "kernel/isa/isa.h"

#if defined(ISA_avx512)

#include "kernel/isa/tile.h"

#define KR     2
#define UNROLL 2 /* steps */

/* Two elements are moved as one float. */
V_FN ptrdiff_t steps_of(int k)
{
    return (k + KR - 1) / KR;
}

/* Floats [0, n) and those after them as bfloat16, in order; from n on zeros. */
V_FN v_f32 round_two(const float *from, int n)
{
    v_f32 first = v_load_n(from, n < VL ? n : VL),
          second = n > VL ? v_load_n(from + VL, n < 2 * VL ? n - VL : VL) : v_zero(), both;
    __asm__("vcvtne2ps2bf16 %2, %1, %0" : "=v"(both) : "v"(second), "v"(first));
    return both;
}

/* ---- sums ---- */

V_FN void dot_to(v_f32 *c, v_f32 a, v_f32 b)
{
    __asm__("vdpbf16ps %2, %1, %0" : "+v"(*c) : "v"(a), "v"(b));
}

V_FN void add_steps(v_f32 *acc, const float *const *row, ptrdiff_t at, const float *b, int m, int vectors, int steps)
{
#pragma GCC unroll 4
    for (int j = 0; j < steps; j++) {
        v_f32 bv[2];
#pragma GCC unroll 2
        for (int v = 0; v < vectors; v++) {
            bv[v] = v_load(b + (j * vectors + v) * VL);
            __builtin_prefetch(b + (j * vectors + v) * VL + GEMM_AHEAD / 4);
        }
#pragma GCC unroll 16
        for (int i = 0; i < m; i++) {
            v_f32 a = v_set1(row[i][at + j]);
#pragma GCC unroll 2
            for (int v = 0; v < vectors; v++)
                dot_to(&acc[i * vectors + v], a, bv[v]);
        }
    }
}

/* `steps` steps of the rows from `at` on. */
V_FN void add_run(v_f32 *acc, const float *const *row, ptrdiff_t at, const float *b, ptrdiff_t steps, struct fetch *f,
                  int m, int vectors)
{
    const ptrdiff_t end = at + steps, step = vectors * VL;
    for (; end - at >= UNROLL; at += UNROLL, b += UNROLL * step) {
        fetch_next(f, 4);
        add_steps(acc, row, at, b, m, vectors, UNROLL);
    }
    if (at < end)
        add_steps(acc, row, at, b, m, vectors, 1);
}

/* ---- results ---- */

/* Columns from `column` on, whose last vector has `last` lanes, of sums [rows][vectors]. */
V_APART void finish(float *sum, const struct kernel_gemm *g, int column, int vectors, int last)
{
    const struct kernel_epilogue *to = &g->to;
    const float *from = to->bias;
    const bool is_simple = epilogue_is_simple(to->act) && !(to->add && to->add_last && to->act.kind != KERNEL_NONE);
    v_f32 bias[2] = {v_zero(), v_zero()};
    for (int v = 0; from && v < vectors; v++)
        bias[v] = v_load_n(from + column + v * VL, v == vectors - 1 ? last : VL);
    for (int i = 0; i < g->m; i++)
        for (int v = 0; v < vectors; v++) {
            int lanes = v == vectors - 1 ? last : VL;
            v_f32 x = v_add(v_load(sum + (i * vectors + v) * VL), bias[v]);
            if (!is_simple) {
                v_store(sum + (i * vectors + v) * VL, x);
                continue;
            }
            if (to->add)
                x = v_add(x, v_load_n((const float *)to->add[i] + column + v * VL, lanes));
            epilogue_simple(&x, 1, to->act);
            v_store_n((float *)g->c[i] + column + v * VL, x, lanes);
        }
    if (!is_simple)
        K(epilogue_rows)(sum, g->m, vectors * VL, (vectors - 1) * VL + last, g->c, column, to);
}

/* ---- tiles ---- */

/* The panels of columns `column` to `end`, which b points to; the rows lie gathered in the call's scratch memory. */
V_FN void do_panels(const struct kernel_gemm *g, const float *b, int column, int end, int m, int vectors)
{
    const ptrdiff_t run = steps_of(g->k);
    struct fetch fetch = fetch_begin(g, column);
    const float *row[GEMM_MR];
    for (int i = 0; i < m; i++)
        row[i] = (const float *)g->scratch + (i < g->m ? i : g->m - 1) * run * g->taps;
    for (; column < end; column += vectors * VL, b += run * (g->b_tap ? g->b_taps : g->taps) * vectors * VL) {
        int left = end - column - (vectors - 1) * VL;
        v_f32 acc[GEMM_MR * 2];
#pragma GCC unroll 32
        for (int i = 0; i < m * vectors; i++)
            acc[i] = v_zero();
        for (int t = 0; t < (g->b_tap ? g->taps : 1); t++)
            add_run(acc, row, t * run, b + (g->b_tap ? g->b_tap[t] * run * vectors * VL : 0),
                    g->b_tap ? run : run * g->taps, &fetch, m, vectors);
        float sum[GEMM_MR * 2 * VL];
#pragma GCC unroll 32
        for (int i = 0; i < m * vectors; i++)
            v_store(sum + i * VL, acc[i]);
        finish(sum, g, column, vectors, left < VL ? left : VL);
    }
}

typedef void panels_fn(const struct kernel_gemm *g, const float *b, int column, int end);

#define TILE(m, vectors)                                                                                               \
    static void gemm_##m##x##vectors(const struct kernel_gemm *g, const float *b, int column, int end)                 \
    {                                                                                                                  \
        do_panels(g, b, column, end, m, vectors);                                                                      \
    }
#define TILES(m)      TILE(m, 1) TILE(m, 2)
#define WIDE_TILE(m)  TILE(m, 2)
#define ENTRY(m)      {m, {gemm_##m##x1, gemm_##m##x2}},
#define WIDE_ENTRY(m) {m, {NULL, gemm_##m##x2}},

/* WIDE: of two vectors alone; a panel of one vector is then met by the largest smaller tile, twice. */
#define HALF          8
#define EACH(X, WIDE) X(1) X(4) X(8) WIDE(14)

EACH(TILES, WIDE_TILE)

static const struct {
    int rows;
    panels_fn *panels[2]; /* of one vector, of two */
} tiles[] = {EACH(ENTRY, WIDE_ENTRY)};

static void gather(const struct kernel_gemm *g)
{
    float *to = g->scratch;
    for (int i = 0; i < g->m; i++)
        for (int t = 0; t < g->taps; t++, to += steps_of(g->k)) {
            const float *from = (const float *)g->a[i] + g->tap[t];
            for (int at = 0; at < g->k; at += 2 * VL) {
                ptrdiff_t left = steps_of(g->k - at);
                v_store_n(to + at / KR, round_two(from + at, g->k - at), left < VL ? (int)left : VL);
            }
        }
}

/* Columns `column` to `end` of all rows, which lie gathered. */
static void run_columns(const struct kernel_gemm *g, int column, int end, bool wide)
{
    const ptrdiff_t run = steps_of(g->k);
    const float *b = (const float *)g->b + run * (g->b_tap ? g->b_taps : g->taps) * column;
    int size = 0;
    if (column >= end)
        return;
    while (tiles[size].rows < g->m)
        size++;
    if (tiles[size].panels[wide]) {
        tiles[size].panels[wide](g, b, column, end);
        return;
    }
    struct kernel_gemm half = *g;
    half.m = HALF;
    run_columns(&half, column, end, wide);
    half.m = g->m - HALF;
    half.c += HALF;
    half.to.add = g->to.add ? g->to.add + HALF : NULL;
    half.scratch = (float *)g->scratch + HALF * run * g->taps;
    run_columns(&half, column, end, wide);
}

/* A costly activation goes over whole rows, but where a residual comes after it. */
static void run(const struct kernel_gemm *given)
{
    struct kernel_gemm g = *given;
    bool later = !epilogue_is_simple(g.to.act) && !(g.to.add && g.to.add_last);
    int wide = gemm_wide_columns(g.n);
    if (later)
        g.to.act.kind = KERNEL_NONE;
    gather(&g);
    run_columns(&g, 0, wide, true);
    run_columns(&g, wide, g.n, false);
    for (int i = 0; later && i < g.m; i++)
        K(unary_f32)(g.c[i], g.c[i], (size_t)g.n, given->to.act);
}

/* ---- packing ---- */

/* Two rows of a panel as one step's. */
static void pack_step(uint16_t *to, const float *two, int columns)
{
    for (int j = 0; j < columns; j += VL) {
        float pair[2 * VL];
        uint16_t halves[2 * VL];
        for (int i = 0; i < VL; i++) {
            pair[i] = two[j + i];
            pair[VL + i] = two[columns + j + i];
        }
        v_store((float *)(void *)halves, round_two(pair, 2 * VL));
        for (int i = 0; i < VL; i++) {
            to[(j + i) * KR] = halves[i];
            to[(j + i) * KR + 1] = halves[VL + i];
        }
    }
}

/* As many steps at a time as fit a small array, through gemm_f32's panels. */
static void pack(void *panels, const void *matrix, int taps, ptrdiff_t tap_step, int k, ptrdiff_t k_step, int n,
                 ptrdiff_t n_step)
{
    enum { ROWS = 32 };
    float rows[(ROWS + 1) * 2 * VL];
    uint16_t *packed = panels;
    for (int j = 0; j < n; j += 2 * VL)
        for (int t = 0; t < taps; t++)
            for (int i = 0; i < k; i += ROWS) {
                const float *from = (const float *)matrix + j * n_step + t * tap_step + i * k_step;
                int left = n - j < 2 * VL ? n - j : 2 * VL, columns = left > VL ? 2 * VL : VL,
                    some = k - i < ROWS ? k - i : ROWS;
                K(gemm_f32).pack(rows, from, 1, 0, some, k_step, left, n_step);
                memset(rows + some * columns, 0, sizeof(float) * (size_t)columns);
                for (int r = 0; r < some; r += KR, packed += KR * columns)
                    pack_step(packed, rows + r * columns, columns);
            }
}

const struct kernel_product gemm_bf16_avx512 = {.name = "gemm_bf16",
                                                .a = KERNEL_F32,
                                                .b = KERNEL_BF16,
                                                .mr = GEMM_MR,
                                                .nr = 2 * VL,
                                                .vector = VL,
                                                .kr = KR,
                                                .scratch = sizeof(uint16_t),
                                                .run = run,
                                                .pack = pack};

#endif
