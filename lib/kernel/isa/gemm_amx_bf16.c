/* The product of rows with packed panels of bfloat16 by AMX: up to two tiles, of half of the rows each, by two of 16
 * columns at a time, each step 32 elements deep. The panels, which are gemm_bf16's, have a tile's rows of B side by
 * side. Of an odd number of rows both tiles have the middle one: its sums come out twice, and alike.
 *
 * Rows of f32 are rounded to where a tile reads them. Of a run's last block that is not full, the elements are moved to
 * its end, behind zeros: they meet the last rows of the panel, and nothing is read behind that. Rows that are halves
 * are read where they lie. */
#include "kernel/isa/isa.h"

#if defined(ISA_avx512)

#include "kernel/isa/amx.h"
#include "kernel/isa/gemm_half.h"

#define COLUMNS (2 * VL)

/* Rows of the tiles. */
static int tile_rows(const struct kernel_gemm *g)
{
    return g->m > AMX_ROWS ? (g->m + 1) / 2 : g->m;
}

/* A run's blocks, of rows from `at` on, times the panel's at b. step: bytes from a row to the next; second: elements
 * from the first tile of rows to the second. */
V_FN void add_run(const uint16_t *at, ptrdiff_t step, ptrdiff_t second, ptrdiff_t length, const uint16_t *b,
                  struct fetch *f, int tiles)
{
    const ptrdiff_t panel = COLUMNS * 4, last = length - HALF_BLOCK;
    for (ptrdiff_t i = 0; i < length; i += HALF_BLOCK, at += HALF_BLOCK) {
        const uint16_t *from = b + (i > last && i > 0 ? last : i) * COLUMNS;
        fetch_next(f, 4);
        AMX_LOAD(4, at, step);
        AMX_LOAD(6, from, panel);
        AMX_LOAD(7, from + COLUMNS, panel);
        AMX_MULTIPLY(tdpbf16ps, 0, 4, 6);
        AMX_MULTIPLY(tdpbf16ps, 1, 4, 7);
        if (tiles == 2) {
            AMX_LOAD(5, at + second, step);
            AMX_MULTIPLY(tdpbf16ps, 2, 5, 6);
            AMX_MULTIPLY(tdpbf16ps, 3, 5, 7);
        }
    }
}

/* A panel's sums. */
V_FN void sum_panel(const struct kernel_gemm *g, const struct half_rows *rows, const uint16_t *b, struct fetch *f,
                    int tiles)
{
    const uint16_t *at = rows->at ? rows->at : g->a[0], *middle = g->a[g->m - tile_rows(g)];
    const ptrdiff_t run = half_blocks(rows->length) * rows->block,
                    step = rows->at  ? rows->row * (ptrdiff_t)sizeof *at
                           : g->m > 1 ? (const char *)g->a[1] - (const char *)g->a[0]
                                      : AMX_BYTES,
                    second = rows->at ? (g->m - tile_rows(g)) * rows->row : middle - at;
    for (int t = 0; t < rows->runs; t++)
        add_run(at + (rows->at ? t * run : g->tap[t]), step, second, rows->length,
                b + (g->b_tap ? g->b_tap[t] : t) * rows->length * COLUMNS, f, tiles);
}

V_FN void do_panels(const struct kernel_gemm *g, const struct half_rows *rows, int tiles)
{
    const ptrdiff_t step = COLUMNS * (ptrdiff_t)sizeof(float), rest = g->m - tile_rows(g);
    const uint16_t *b = g->b;
    struct fetch fetch = fetch_begin(g, 0);
    for (int column = 0; column < g->n; column += COLUMNS, b += half_depth(g, rows) * COLUMNS) {
        float sum[2 * AMX_ROWS * COLUMNS];
        AMX_ZERO(0);
        AMX_ZERO(1);
        if (tiles == 2) {
            AMX_ZERO(2);
            AMX_ZERO(3);
        }
        sum_panel(g, rows, b, &fetch, tiles);
        AMX_STORE(0, sum, step);
        AMX_STORE(1, sum + VL, step);
        if (tiles == 2) {
            AMX_STORE(2, sum + rest * COLUMNS, step);
            AMX_STORE(3, sum + rest * COLUMNS + VL, step);
        }
        gemm_half_finish(sum, g, rows, NULL, column);
    }
}

static void panels_1(const struct kernel_gemm *g, const struct half_rows *rows)
{
    do_panels(g, rows, 1);
}

static void panels_2(const struct kernel_gemm *g, const struct half_rows *rows)
{
    do_panels(g, rows, 2);
}

static void run_as(const struct kernel_product *p, const struct kernel_gemm *g)
{
    static const struct half_tile tiles[] = {{AMX_ROWS, panels_1}, {2 * AMX_ROWS, panels_2}};
    const ptrdiff_t run = (g->k + 1) / 2 * 2, length = g->b_tap ? run : run * g->taps;
    amx_shape(tile_rows(g), length > 0 && length < HALF_BLOCK ? (int)length * (int)sizeof(uint16_t) : AMX_BYTES);
    gemm_half_run(p, g, tiles);
}

static void run(const struct kernel_gemm *g)
{
    run_as(&gemm_bf16_amx, g);
}

static void run_rounded(const struct kernel_gemm *g)
{
    run_as(&gemm_bf16_rounded_amx, g);
}

static void leave(void)
{
    amx_leave();
}

static void pack(void *panels, const void *matrix, int taps, ptrdiff_t tap_step, int k, ptrdiff_t k_step, int n,
                 ptrdiff_t n_step)
{
    gemm_half_pack(&gemm_bf16_amx, panels, matrix, taps, tap_step, k, k_step, n, n_step);
}

#define PRODUCT(type, function, ...)                                                                                   \
    {                                                                                                                  \
        .name = "gemm_bf16", .a = type, .b = KERNEL_BF16, .mr = 2 * AMX_ROWS, .nr = COLUMNS, .vector = COLUMNS,        \
        .kr = 2, .run = function, .leave = leave, .pack = pack, __VA_ARGS__                                            \
    }
const struct kernel_product gemm_bf16_amx = PRODUCT(KERNEL_F32, run, .scratch = sizeof(uint16_t), .scratch_rows = 1,
                                                    .scratch_k = HALF_BLOCK, .rounded = &gemm_bf16_rounded_amx,
                                                    .round = gemm_half_round, .round_k = HALF_BLOCK),
                            gemm_bf16_rounded_amx = PRODUCT(KERNEL_BF16, run_rounded, .together = AMX_ROWS);

#endif
