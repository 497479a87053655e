/* From exact sums of s32 to a product's results: what all kernels for bytes end with. */
#ifndef KERNEL_ISA_SUMS_Q8_H
#define KERNEL_ISA_SUMS_Q8_H

#include "kernel/isa/bytes.h"
#include "kernel/isa/tile.h"

/* Sums that lie in memory, to numbers or as they are. */
V_APART void finish_words(const int32_t *sums, const struct kernel_gemm *g, int column, int lanes, int n)
{
    const struct kernel_epilogue *to = &g->to;
    const v_f32 low = v_set1(to->rounding.low), high = v_set1(to->rounding.high);
    for (int i = 0; i < g->m; i++)
        for (int j = 0; j < n; j += VL) {
            int last = n - j < VL ? n - j : VL;
            v_i32 sum = v_load_i32(sums + i * lanes + j);
            v_f32 x = v_as_f32(sum);
            if (to->c == KERNEL_F32) {
                x = v_mul(v_from_i32(sum), v_load_n(to->multiplier + column + j, last));
                if (to->shift)
                    x = v_add(x, v_load_n(to->shift + column + j, last));
                x = v_min(high, v_max(low, x));
            }
            v_store_n((float *)g->c[i] + column + j, x, last);
        }
}

/* Adds the rows' biases, if there are any, to m rows of sums, the last of the call's again where it has fewer. */
V_APART void add_to_rows(v_i32 *sums, const struct kernel_gemm *g, int m, int vectors)
{
    for (int i = 0; g->to.row_bias && i < m; i++)
        for (int v = 0; v < vectors; v++, sums++)
            *sums = v_add_i32(*sums, v_set1_i32(g->to.row_bias[i < g->m ? i : g->m - 1]));
}

/* Vectors i to i + 3 of sums: two rows of two, or four rows. Those beyond m rows are not stored. `factor` has what a
 * column's sum is multiplied by, two vectors, then, if it `shifts`, what is added to that, two more. */
V_FN void finish_four(const v_i32 *acc, void *const *c, int column, const v_f32 *factor, const struct v_narrowing *n,
                      int row, int m, int vectors, int last, bool shifts)
{
    const int left = m - row;
    v_f32 x[4];
    V_UNROLL(4)
    for (int j = 0; j < 4; j++) {
        int at = j < left * vectors ? row * vectors + j : j % vectors;
        x[j] = v_mul(v_from_i32(acc[at]), factor[j % vectors]);
        x[j] = shifts ? v_add(x[j], factor[2 + j % vectors]) : x[j];
    }
    v_bytes bytes = v_round_bytes(x, n, !shifts);
    V_UNROLL(4)
    for (int j = 0; j < 4 / vectors; j++)
        if (j < left)
            v_store_some((uint8_t *)c[row + j] + column, bytes, j * vectors, vectors, (vectors - 1) * VL + last);
}

/* Where the last vector is not full: a loop, and code that all tiles share. */
#define PARTLY(vectors)                                                                                                \
    V_APART void finish_partly_##vectors(const v_i32 *acc, void *const *c, int column, const v_f32 *factor,            \
                                         const struct v_narrowing *n, int m, int last)                                 \
    {                                                                                                                  \
        for (int i = 0; i < m; i += 4 / (vectors))                                                                     \
            finish_four(acc, c, column, factor, n, i, m, vectors, last, true);                                         \
    }
PARTLY(1)
PARTLY(2)

/* The multipliers of two vectors of columns, then their shifts. */
V_FN void load_factors(v_f32 *factor, const struct kernel_epilogue *to, int column, int vectors, int last)
{
    const float *from[2] = {to->multiplier, to->shift};
    V_UNROLL(2)
    for (int i = 0; i < 2; i++) {
        factor[2 * i] = from[i] ? v_load_n(from[i] + column, vectors == 2 ? VL : last) : v_zero();
        factor[2 * i + 1] = from[i] && vectors == 2 ? v_load_n(from[i] + column + VL, last) : v_zero();
    }
}

/* Sums that lie in memory, to bytes. */
V_FN void finish_stored(const v_i32 *sums, void *const *c, int column, const struct kernel_epilogue *to,
                        const struct v_narrowing *n, int m, int vectors, int last)
{
    v_f32 factor[4];
    load_factors(factor, to, column, vectors, last);
    (vectors == 2 ? finish_partly_2 : finish_partly_1)(sums, c, column, factor, n, m, last);
}

#endif
