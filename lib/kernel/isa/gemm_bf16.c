/* The product of up to GEMM_MR rows with packed panels of bfloat16, by AVX512-BF16: each step multiplies two elements
 * of a row by two of each column, twice what gemm_f32 does, and adds to sums of f32. There is an instance for some
 * numbers of rows; where there are fewer, what lies behind them is summed too. */
#include "kernel/isa/isa.h"

#if defined(ISA_avx512)

#include "kernel/isa/gemm_half.h"

#define UNROLL 2 /* steps */

typedef float v_f32_element __attribute__((may_alias));

V_FN void dot_to(v_f32 *c, v_f32 a, v_f32 b)
{
    __asm__("vdpbf16ps %2, %1, %0" : "+v"(*c) : "v"(a), "v"(b));
}

/* Two elements are moved as one float. */
V_FN void add_steps(v_f32 *acc, const uint16_t *rows, const float *b, int m, int steps)
{
    V_UNROLL(4)
    for (int j = 0; j < steps; j++) {
        v_f32 bv[2];
        V_UNROLL(2)
        for (int v = 0; v < 2; v++) {
            bv[v] = v_load(b + (j * 2 + v) * VL);
            __builtin_prefetch(b + (j * 2 + v) * VL + GEMM_AHEAD / 4);
        }
        V_UNROLL(16)
        for (int i = 0; i < m; i++) {
            v_f32 a = v_set1(*(const v_f32_element *)(rows + i * HALF_BLOCK + j * 2));
            V_UNROLL(2)
            for (int v = 0; v < 2; v++)
                dot_to(&acc[i * 2 + v], a, bv[v]);
        }
    }
}

/* A run of the rows from the block at `at` on. */
V_FN void add_run(v_f32 *acc, const struct half_rows *rows, const uint16_t *at, const float *b, struct fetch *f, int m)
{
    for (ptrdiff_t left = rows->length; left > 0; left -= HALF_BLOCK, at += rows->block) {
        const uint16_t *a = at, *end = at + (left < HALF_BLOCK ? left : HALF_BLOCK);
        for (; end - a >= 2 * UNROLL; a += 2 * UNROLL, b += UNROLL * 2 * VL) {
            fetch_next(f, 4);
            add_steps(acc, a, b, m, UNROLL);
        }
        if (a < end) {
            add_steps(acc, a, b, m, 1);
            b += 2 * VL;
        }
    }
}

V_FN void do_panels(const struct kernel_gemm *g, const struct half_rows *rows, int m)
{
    const ptrdiff_t run = half_blocks(rows->length) * rows->block;
    const ptrdiff_t step = VL; /* an element of all columns, in floats */
    struct fetch fetch = fetch_begin(g, 0);
    const float *b = g->b;
    for (int column = 0; column < g->n; column += 2 * VL, b += half_depth(g, rows) * step) {
        v_f32 acc[GEMM_MR * 2];
        V_UNROLL(32)
        for (int i = 0; i < m * 2; i++)
            acc[i] = v_zero();
        for (int t = 0; t < rows->runs; t++)
            add_run(acc, rows, rows->at + t * run, b + (g->b_tap ? g->b_tap[t] * rows->length * step : 0), &fetch, m);
        float sum[GEMM_MR * 2 * VL];
        V_UNROLL(32)
        for (int i = 0; i < m * 2; i++)
            v_store(sum + i * VL, acc[i]);
        gemm_half_finish(sum, g, rows, NULL, column);
    }
}

HALF_PRODUCT(gemm_bf16_avx512)

const struct kernel_product gemm_bf16_avx512 = {.name = "gemm_bf16",
                                                .a = KERNEL_F32,
                                                .b = KERNEL_BF16,
                                                .mr = GEMM_MR,
                                                .nr = 2 * VL,
                                                .vector = 2 * VL,
                                                .kr = 2,
                                                .least = 32,
                                                .scratch = sizeof(uint16_t),
                                                .scratch_rows = HALF_ROWS,
                                                .scratch_k = HALF_BLOCK,
                                                .run = run,
                                                .pack = pack};

#endif
