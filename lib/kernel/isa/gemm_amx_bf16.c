/* The product of rows with packed panels of bfloat16 by AMX: up to two tiles of 16 rows by two of 16 columns at a time,
 * each step 32 elements deep. A block of rows is two tiles of A as they are read, and the panels, which are
 * gemm_bf16's, have a tile's rows of B side by side. The second tile of rows ends with the last row, and so shares some
 * with the first one: sums of these come out twice, and alike. Of a run's last block that is not full, the elements
 * were moved to its end, behind zeros: they meet the last rows of the panel, and nothing is read behind that. */
#include "kernel/isa/isa.h"

#if defined(ISA_avx512)

#include "kernel/isa/amx.h"
#include "kernel/isa/gemm_half.h"

#define COLUMNS (2 * VL)

/* A run's blocks, of rows from `at` on, times the panel's at b. `second`: from the first tile of rows to the second. */
V_FN void add_run(const uint16_t *at, const struct half_rows *rows, ptrdiff_t second, const uint16_t *b,
                  struct fetch *f, int tiles)
{
    const ptrdiff_t step = COLUMNS * 4, row = rows->row * (ptrdiff_t)sizeof *at, last = rows->length - HALF_BLOCK;
    for (ptrdiff_t i = 0; i < rows->length; i += HALF_BLOCK, at += HALF_BLOCK) {
        const uint16_t *from = b + (i > last && i > 0 ? last : i) * COLUMNS;
        fetch_next(f, 4);
        AMX_LOAD(4, at, row);
        AMX_LOAD(6, from, step);
        AMX_LOAD(7, from + COLUMNS, step);
        AMX_MULTIPLY(tdpbf16ps, 0, 4, 6);
        AMX_MULTIPLY(tdpbf16ps, 1, 4, 7);
        if (tiles == 2) {
            AMX_LOAD(5, at + second, row);
            AMX_MULTIPLY(tdpbf16ps, 2, 5, 6);
            AMX_MULTIPLY(tdpbf16ps, 3, 5, 7);
        }
    }
}

V_FN void do_panels(const struct kernel_gemm *g, const struct half_rows *rows, int tiles)
{
    const ptrdiff_t step = COLUMNS * (ptrdiff_t)sizeof(float), rest = g->m - AMX_ROWS,
                    run = half_blocks(rows->length) * rows->block;
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
        for (int t = 0; t < rows->runs; t++)
            add_run(rows->at + t * run, rows, rest * rows->row,
                    b + (g->b_tap ? g->b_tap[t] * rows->length * COLUMNS : 0), &fetch, tiles);
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

static void run(const struct kernel_gemm *g)
{
    static const struct half_tile tiles[] = {{AMX_ROWS, panels_1}, {2 * AMX_ROWS, panels_2}};
    const ptrdiff_t run = (g->k + 1) / 2 * 2, length = g->b_tap ? run : run * g->taps;
    amx_shape(g->m < AMX_ROWS ? g->m : AMX_ROWS,
              length > 0 && length < HALF_BLOCK ? (int)length * (int)sizeof(uint16_t) : AMX_BYTES);
    gemm_half_run(&gemm_bf16_amx, g, tiles);
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

const struct kernel_product gemm_bf16_amx = {.name = "gemm_bf16",
                                             .a = KERNEL_F32,
                                             .b = KERNEL_BF16,
                                             .mr = 2 * AMX_ROWS,
                                             .nr = COLUMNS,
                                             .vector = COLUMNS,
                                             .kr = 2,
                                             .scratch = sizeof(uint16_t),
                                             .scratch_rows = 1,
                                             .scratch_k = HALF_BLOCK,
                                             .run = run,
                                             .leave = leave,
                                             .pack = pack};

#endif
