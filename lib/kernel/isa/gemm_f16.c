/* The product of up to GEMM_MR rows with packed panels of half precision, by AVX512-FP16: each step multiplies an
 * element of a row by 32 columns, twice what gemm_f32 does. Sums of f16 are of so few products that their rounding does
 * not add up (HALF_STRETCH), even and odd ones apart, and are added to sums of f32. */
#include <string.h>

#include "kernel/isa/isa.h"

#if defined(ISA_avx512)

#include "kernel/isa/gemm_half.h"

#define UNROLL  4 /* steps */
#define COLUMNS (2 * VL)

/* c += *a * b in all lanes. */
V_FN void fma_to(v_f32 *c, const uint16_t *a, v_f32 b)
{
    __asm__("vfmadd231ph %2%{1to32%}, %1, %0" : "+v"(*c) : "v"(b), "m"(*a));
}

V_FN v_f32 add_f16(v_f32 a, v_f32 b)
{
    v_f32 sum;
    __asm__("vaddph %2, %1, %0" : "=v"(sum) : "v"(a), "v"(b));
    return sum;
}

V_FN void add_steps(v_f32 *acc, const uint16_t *rows, const uint16_t *b, int m, int steps)
{
    V_UNROLL(4)
    for (int j = 0; j < steps; j++) {
        v_f32 columns = v_load((const float *)(const void *)(b + j * COLUMNS));
        __builtin_prefetch(b + j * COLUMNS + GEMM_AHEAD / 2);
        V_UNROLL(16)
        for (int i = 0; i < m; i++)
            fma_to(&acc[i * 2 + j % 2], rows + i * HALF_BLOCK + j, columns);
    }
}

/* Sums of f16 [m][COLUMNS] are added to those of f32, or are the first of them. */
V_APART void flush(float *sum, const uint16_t *halves, int m, bool is_first)
{
    for (int i = 0; i < m * COLUMNS; i += VL) {
        v_f32 x = v_from_f16(halves + i);
        v_store(sum + i, is_first ? x : v_add(v_load(sum + i), x));
    }
}

/* Up to a stretch of the rows from the block at `at` on. */
V_FN void add_stretch(float *sum, const struct half_rows *rows, const uint16_t *at, ptrdiff_t left, const uint16_t *b,
                      struct fetch *f, int m, bool is_first)
{
    v_f32 acc[GEMM_MR * 2];
    uint16_t halves[GEMM_MR * COLUMNS];
    V_UNROLL(32)
    for (int i = 0; i < m * 2; i++)
        acc[i] = v_zero();
    for (const uint16_t *last = at + HALF_STRETCH / HALF_BLOCK * rows->block; left > 0 && at < last;
         left -= HALF_BLOCK, at += rows->block) {
        const uint16_t *a = at, *end = at + (left < HALF_BLOCK ? left : HALF_BLOCK);
        for (; end - a >= UNROLL; a += UNROLL, b += UNROLL * COLUMNS) {
            fetch_next(f, 4);
            add_steps(acc, a, b, m, UNROLL);
        }
        V_NO_UNROLL
        for (; a < end; a++, b += COLUMNS)
            add_steps(acc, a, b, m, 1);
    }
    V_UNROLL(16)
    for (int i = 0; i < m; i++)
        v_store((float *)(void *)(halves + i * COLUMNS), add_f16(acc[i * 2], acc[i * 2 + 1]));
    flush(sum, halves, m, is_first);
}

V_FN void do_panels(const struct kernel_gemm *g, const struct half_rows *rows, int m)
{
    const ptrdiff_t step = rows->length * COLUMNS, run = half_blocks(rows->length) * rows->block;
    const uint16_t *b = g->b;
    struct fetch fetch = fetch_begin(g, 0);
    for (int column = 0; column < g->n; column += COLUMNS) {
        const float *back = (const float *)(const void *)b;
        float sum[GEMM_MR * COLUMNS];
        bool is_first = true;
        b += 2 * COLUMNS;
        for (int t = 0; t < rows->runs; t++)
            for (ptrdiff_t at = 0; at < rows->length; at += HALF_STRETCH, is_first = false)
                add_stretch(sum, rows, rows->at + t * run + at / HALF_BLOCK * rows->block, rows->length - at,
                            b + (g->b_tap ? g->b_tap[t] * step : 0) + at * COLUMNS, &fetch, m, is_first);
        if (is_first)
            memset(sum, 0, sizeof *sum * (size_t)(m * COLUMNS));
        gemm_half_finish(sum, g, rows, back, column);
        b += half_depth(g, rows) * COLUMNS;
    }
}

HALF_PRODUCT(gemm_f16_avx512)

const struct kernel_product gemm_f16_avx512 = {.name = "gemm_f16",
                                               .a = KERNEL_F32,
                                               .b = KERNEL_F16,
                                               .mr = GEMM_MR,
                                               .nr = COLUMNS,
                                               .vector = COLUMNS,
                                               .kr = 1,
                                               .head = sizeof(float),
                                               .least = 64,
                                               .scratch = sizeof(uint16_t),
                                               .scratch_rows = HALF_ROWS,
                                               .scratch_k = HALF_BLOCK,
                                               .run = run,
                                               .pack = pack};

#endif
