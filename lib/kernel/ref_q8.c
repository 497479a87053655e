/* The oracle's products of bytes. */
#include <math.h>

#include "kernel/ref.h"

#define PANEL  6
#define VECTOR 3
#define DEPTH  5 /* elements that count as multiplied together */
#define OFFSET 3 /* is added to every element of A */

static int panel_columns(int n)
{
    return n > VECTOR ? PANEL : VECTOR;
}

static ptrdiff_t run_length(const struct kernel_gemm *g)
{
    return (ptrdiff_t)(g->k + DEPTH - 1) / DEPTH * DEPTH;
}

/* Element l of tap t of a column of B. */
static int8_t element(const struct kernel_gemm *g, int t, int l, int column)
{
    int first = column / PANEL * PANEL, columns = panel_columns(g->n - first);
    const int8_t *panel = (const int8_t *)g->b + first * (g->b_tap ? g->b_taps : g->taps) * run_length(g);
    ptrdiff_t at = (g->b_tap ? g->b_tap[t] : t) * run_length(g) + l / DEPTH * DEPTH;
    return panel[at * columns + (column - first) * DEPTH + l % DEPTH];
}

static int32_t sum(const struct kernel_gemm *g, const uint8_t *a, int column, bool is_signed)
{
    uint32_t sum = g->to.bias ? (uint32_t)((const int32_t *)g->to.bias)[column] : 0;
    for (int t = 0; t < g->taps; t++)
        for (int l = 0; l < g->k; l++) {
            uint8_t x = a[g->tap[t] + l];
            sum += (uint32_t)(((is_signed ? (int8_t)x : x) + OFFSET) * element(g, t, l, column));
        }
    return (int32_t)sum;
}

static void store(const struct kernel_epilogue *to, void *c, int column, int32_t sum)
{
    float real = to->c == KERNEL_S32 ? 0 : (float)sum * to->multiplier[column];
    float q = nearbyintf(real);
    if (to->c == KERNEL_S32)
        ((int32_t *)c)[column] = sum;
    else if (to->c == KERNEL_F32)
        ((float *)c)[column] = real;
    else
        ((uint8_t *)c)[column] =
            (uint8_t)((int)fminf(fmaxf(q, to->rounding.low), to->rounding.high) + to->rounding.zero);
}

static void run(const struct kernel_gemm *g, bool is_signed)
{
    for (int i = 0; i < g->m; i++)
        for (int j = 0; j < g->n; j++)
            store(&g->to, g->c[i], j, sum(g, g->a[i], j, is_signed));
}

static void run_u8(const struct kernel_gemm *g)
{
    run(g, false);
}

static void run_s8(const struct kernel_gemm *g)
{
    run(g, true);
}

static void pack(void *packed, const void *b, int taps, ptrdiff_t tap_step, int k, ptrdiff_t k_step, int n,
                 ptrdiff_t n_step)
{
    int8_t *to = packed;
    const int8_t *from = b;
    for (int first = 0; first < n; first += PANEL)
        for (int t = 0; t < taps; t++)
            for (int i = 0; i < k; i += DEPTH)
                for (int j = first; j < first + panel_columns(n - first); j++)
                    for (int l = i; l < i + DEPTH; l++)
                        *to++ = j < n && l < k ? from[t * tap_step + l * k_step + j * n_step] : 0;
}

#define PRODUCT(type, function)                                                                                        \
    {                                                                                                                  \
        .name = "gemm_q8", .a = type, .b = KERNEL_S8, .mr = 5, .nr = PANEL, .vector = VECTOR, .kr = DEPTH,             \
        .a_offset = OFFSET, .run = function, .pack = pack                                                              \
    }

const struct kernel_product gemm_u8_ref = PRODUCT(KERNEL_U8, run_u8);
const struct kernel_product gemm_s8_ref = PRODUCT(KERNEL_S8, run_s8);
