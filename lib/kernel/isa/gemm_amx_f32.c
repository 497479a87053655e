/* The product of f32 by AMX: a number is the sum of three bfloat16, each of which has 8 of its 24 bits, rounded to
 * nearest. Of the nine products of two numbers' parts the six largest are summed, in tiles of f32; the others are below
 * 2^-23 of the product. Within a block of 32 elements the large ones come last, so that the small ones are rounded as
 * small ones. A part below 2^-126, of a number below 2^-110, counts as zero.
 *
 * Infinities have no such parts, and parts of the largest numbers are infinite: a sum that is not finite is done again
 * as gemm_f32 does it.
 *
 * Panels are gemm_f32's. The first of many calls takes them apart, each block just before it is multiplied, while the
 * products of the block before are under way; each call does so with its rows, at its first panel. A panel's sums are
 * finished during the products of the next one. */
#include "kernel/isa/isa.h"

#if defined(ISA_avx512)

#include "kernel/isa/amx.h"
#include "kernel/isa/gemm_half.h"
#include "kernel/isa/split.h"

#define ROWS    (2 * AMX_ROWS)
#define COLUMNS (2 * VL)
/* With fewer rows taking panels apart takes what the product saves. */
#define LEAST_ROWS 160
/* Halves of a row in a tile, of a tile, of a block's rows of one part, and of the whole block; of panels likewise. */
#define LINE  (AMX_BYTES / 2)
#define TILE  (AMX_ROWS * LINE)
#define PART  (2 * TILE)
#define BLOCK (SPLIT_PARTS * PART)

/* What is summed: the rows' scratch memory and their tiles' size, and blocks of each of the taps. */
struct walk {
    uint16_t *rows, *panels;
    ptrdiff_t second; /* from the first tile's rows to the second's, 0: there is none */
    ptrdiff_t blocks;
};

/* Elements [at, at + 32) of a tap's rows. */
V_APART void split_rows(const struct kernel_gemm *g, uint16_t *to, ptrdiff_t at, int tap)
{
    const ptrdiff_t left = g->k - at, offset = g->tap[tap] + at;
    const int first = left < VL ? (int)left : VL, second = left < VL ? 0 : left < 2 * VL ? (int)left - VL : VL;
    for (int i = 0; i < g->m; i++, to += LINE) {
        const float *a = (const float *)g->a[i] + offset;
        split_pairs(to, PART, v_load_n(a, first), v_load_n(a + VL, second));
    }
}

/* The six products' parts, numbered from the highest: of rows, and of columns. Each keeps a part of the one before. */
static const uint8_t order[][2] = {{0, 2}, {0, 1}, {1, 1}, {1, 0}, {2, 0}, {0, 0}};

V_FN void add_block(const uint16_t *a, const uint16_t *b, struct fetch *f, ptrdiff_t second, bool wide)
{
    int row = -1, column = -1;
    V_NO_UNROLL
    for (int i = 0; i < 6; i++) {
        fetch_next(f, 4);
        if (row != order[i][0]) {
            row = order[i][0];
            AMX_LOAD(4, a + row * PART, AMX_BYTES);
            AMX_LOAD(5, a + row * PART + second, AMX_BYTES);
        }
        if (column != order[i][1]) {
            column = order[i][1];
            AMX_LOAD(6, b + column * PART, AMX_BYTES);
            AMX_LOAD(7, b + column * PART + TILE, AMX_BYTES);
        }
        AMX_MULTIPLY(tdpbf16ps, 0, 4, 6);
        if (wide)
            AMX_MULTIPLY(tdpbf16ps, 1, 4, 7);
        if (second)
            AMX_MULTIPLY(tdpbf16ps, 2, 5, 6);
        if (second && wide)
            AMX_MULTIPLY(tdpbf16ps, 3, 5, 7);
    }
}

/* ---- panels that are taken apart ---- */

/* Those of gemm_f32 from `column` on. */
V_FN const float *panel_at(const struct kernel_gemm *g, int column)
{
    return (const float *)g->panels + (ptrdiff_t)column * g->k * (g->b_tap ? g->b_taps : g->taps);
}

/* `rows` rows of a panel; zeros behind them. */
V_APART void widen_rows(uint16_t *to, const float *from, int rows, int columns)
{
    for (int v = 0; v < columns; v += VL)
        for (int r = 0; r < VL; r++) {
            v_f32 first = r < rows ? v_load(from + r * columns + v) : v_zero(),
                  second = r + VL < rows ? v_load(from + (r + VL) * columns + v) : v_zero();
            split_pairs(to + v / VL * TILE + r * LINE, PART, first, second);
        }
}

/* Block i of tap t of the panel from `column` on. */
static void widen_block(const struct kernel_gemm *g, const struct walk *w, int column, int t, ptrdiff_t i)
{
    const int columns = g->n - column > VL ? COLUMNS : VL;
    const ptrdiff_t tap = g->b_tap ? g->b_tap[t] : t, at = i * SPLIT_BLOCK, left = g->k - at,
                    panel = (g->b_tap ? g->b_taps : g->taps) * w->blocks * BLOCK;
    widen_rows(w->panels + column / COLUMNS * panel + (tap * w->blocks + i) * BLOCK,
               panel_at(g, column) + (tap * g->k + at) * columns, left < SPLIT_BLOCK ? (int)left : SPLIT_BLOCK,
               columns);
}

/* ---- what is not finite ---- */

/* Zeros times numbers are added up: they are 0 unless one of these is not finite. */
V_FN bool are_finite(const float *sum, int vectors)
{
    v_f32 zero[4] = {v_zero(), v_zero(), v_zero(), v_zero()};
    for (int i = 0; i < vectors; i += 4)
        V_UNROLL(4)
    for (int j = 0; j < 4; j++)
        zero[j] = v_fma(v_load(sum + (i + j) * VL), v_zero(), zero[j]);
    v_f32 all = v_add(v_add(zero[0], zero[1]), v_add(zero[2], zero[3]));
    return _mm512_cmp_ps_mask((__m512)all, (__m512)all, _CMP_UNORD_Q) == 0;
}

/* gemm_f32's chain for row `row` and a vector of a panel's columns. */
static v_f32 sum_again(const struct kernel_gemm *g, const float *panel, int columns, int row)
{
    v_f32 sum = v_zero();
    for (int t = 0; t < g->taps; t++) {
        const float *a = (const float *)g->a[row] + g->tap[t],
                    *b = panel + (ptrdiff_t)(g->b_tap ? g->b_tap[t] : t) * g->k * columns;
        for (int i = 0; i < g->k; i++, b += columns)
            sum = v_fma(v_set1(a[i]), v_load(b), sum);
    }
    return sum;
}

static __attribute__((noinline)) void redo(float *sum, const struct kernel_gemm *g, int column)
{
    const int columns = g->n - column > VL ? COLUMNS : VL;
    const float *panel = panel_at(g, column);
    for (int i = 0; i < g->m; i++)
        for (int v = 0; v < columns; v += VL) {
            __m512 old = (__m512)v_load(sum + i * COLUMNS + v);
            __mmask16 bad = _mm512_cmp_ps_mask(_mm512_mul_ps(old, _mm512_setzero_ps()), old, _CMP_UNORD_Q);
            if (bad)
                _mm512_mask_storeu_ps(sum + i * COLUMNS + v, bad, (__m512)sum_again(g, panel + v, columns, i));
        }
}

/* ---- panels ---- */

static void finish(float *sum, const struct kernel_gemm *g, int column)
{
    static const struct half_rows none;
    if (!are_finite(sum, 2 * ROWS))
        redo(sum, g, column);
    gemm_half_finish(sum, g, &none, NULL, column);
}

static void run_panels(const struct kernel_gemm *g, const struct half_rows *rows, const struct walk *w)
{
    const ptrdiff_t step = COLUMNS * (ptrdiff_t)sizeof(float),
                    panel = (g->b_tap ? g->b_taps : g->taps) * w->blocks * BLOCK;
    float sum[ROWS * COLUMNS] __attribute__((aligned(64)));
    const uint16_t *b = w->panels;
    struct fetch fetch = fetch_begin(g, 0);
    (void)rows;
    for (int i = 0; i < ROWS * COLUMNS; i += VL)
        v_store(sum + i, v_zero());
    for (int column = 0; column < g->n; column += COLUMNS, b += panel) {
        const bool wide = g->n - column > VL;
        uint16_t *a = w->rows;
        bool waits = column > 0;
        AMX_ZERO(0);
        AMX_ZERO(1);
        AMX_ZERO(2);
        AMX_ZERO(3);
        for (int t = 0; t < g->taps; t++) {
            const uint16_t *at = b + (g->b_tap ? g->b_tap[t] : t) * w->blocks * BLOCK;
            for (ptrdiff_t i = 0; i < w->blocks; i++, a += BLOCK, at += BLOCK) {
                if (column == 0)
                    split_rows(g, a, i * SPLIT_BLOCK, t);
                if (g->fresh)
                    widen_block(g, w, column, t, i);
                add_block(a, at, &fetch, w->second, wide);
                if (waits)
                    finish(sum, g, column - COLUMNS);
                waits = false;
            }
        }
        if (waits) /* nothing is summed */
            finish(sum, g, column - COLUMNS);
        AMX_STORE(0, sum, step);
        AMX_STORE(1, sum + VL, step);
        if (w->second) {
            AMX_STORE(2, sum + w->second / LINE * COLUMNS, step);
            AMX_STORE(3, sum + w->second / LINE * COLUMNS + VL, step);
        }
    }
    finish(sum, g, (g->n - 1) / COLUMNS * COLUMNS);
}

static void panels(const struct kernel_gemm *g, const struct half_rows *rows)
{
    const int tile = g->m > AMX_ROWS ? (g->m + 1) / 2 : g->m;
    const struct walk w = {.rows = g->scratch,
                           .panels = (uint16_t *)(uintptr_t)g->b,
                           .second = (ptrdiff_t)(g->m - tile) * LINE,
                           .blocks = (g->k + SPLIT_BLOCK - 1) / SPLIT_BLOCK};
    amx_shape(tile, AMX_BYTES);
    run_panels(g, rows, &w);
}

static void run(const struct kernel_gemm *g)
{
    static const struct half_tile tiles[] = {{ROWS, panels}};
    gemm_half_run(&gemm_split_amx, g, tiles);
}

static void leave(void)
{
    amx_leave();
}

static void pack(void *panels, const void *matrix, int taps, ptrdiff_t tap_step, int k, ptrdiff_t k_step, int n,
                 ptrdiff_t n_step)
{
    gemm_f32_avx512.pack(panels, matrix, taps, tap_step, k, k_step, n, n_step);
}

const struct kernel_product gemm_split_amx = {.name = "gemm_amx_f32",
                                              .a = KERNEL_F32,
                                              .b = KERNEL_F32,
                                              .mr = ROWS,
                                              .nr = COLUMNS,
                                              .vector = VL,
                                              .kr = 1,
                                              .least = 32,
                                              .least_rows = LEAST_ROWS,
                                              .scratch = SPLIT_PARTS * sizeof(uint16_t),
                                              .scratch_rows = ROWS,
                                              .scratch_k = SPLIT_BLOCK,
                                              .run = run,
                                              .leave = leave,
                                              .pack = pack,
                                              .widened = SPLIT_PARTS * sizeof(uint16_t)};

#endif
