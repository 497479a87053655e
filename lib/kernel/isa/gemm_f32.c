/* The product of up to GEMM_MR rows with one packed panel. Each accumulator is one chain of fma over taps, then k, so
 * that an element has the same bits in whatever tile it is computed. There is one instance for each number of rows and
 * vectors, so that all accumulators are registers. */
#include "kernel/isa/gemm_f32.h"
#include "kernel/isa/epilogue.h"
#include "kernel/isa/isa.h"
#include "kernel/isa/vec.h"

/* Steps of k at a time; the rows' pointers are only touched once in so many. */
#define GEMM_UNROLL 4

/* Bytes of B fetched ahead: the panels follow each other, so that the next one's beginning comes too. */
#ifndef GEMM_AHEAD
#define GEMM_AHEAD 2048
#endif

/* acc[i][v] += row[i][at + j] * b[j][v] for 0 <= j < steps. */
V_FN void gemm_steps(v_f32 *acc, const float *const *row, ptrdiff_t at, const float *b, int m, int vectors, int steps)
{
#ifdef ISA_neon
    v_f32 four[GEMM_MR];
#pragma GCC unroll 16
    for (int i = 0; i < m && steps == 4; i++)
        four[i] = v_load(row[i] + at);
#endif
#pragma GCC unroll 8
    for (int j = 0; j < steps; j++) {
        v_f32 bv[2];
#pragma GCC unroll 2
        for (int v = 0; v < vectors; v++) {
            int at_b = (j * vectors + v) * VL;
            bv[v] = v_load(b + at_b);
            if (at_b * 4 % 64 == 0)
                __builtin_prefetch(b + at_b + GEMM_AHEAD / 4);
        }
#pragma GCC unroll 32
        for (int i = 0; i < m * vectors; i++) {
#ifdef ISA_neon
            if (steps == 4) {
                acc[i] = v_fma_lane(bv[i % vectors], four[i / vectors], j, acc[i]);
                continue;
            }
#endif
            acc[i] = v_fma(v_set1(row[i / vectors][at + j]), bv[i % vectors], acc[i]);
        }
    }
}

/* A step towards g->fetch_bytes, two cache lines. */
V_FN void gemm_fetch(const char **at, const char *end)
{
    if (*at >= end)
        return;
    __builtin_prefetch(*at, 0, 2);
    __builtin_prefetch(*at + 64, 0, 2);
    *at += 128;
}

V_FN void gemm_sums(v_f32 *acc, const struct kernel_gemm_f32 *g, int m, int vectors)
{
    const float *b = g->b;
    const char *fetch = g->fetch, *fetch_end = fetch ? fetch + g->fetch_bytes : NULL;
    int k = g->k;
    for (int t = 0; t < g->taps; t++) {
        const float *row[GEMM_MR];
#pragma GCC unroll 16
        for (int i = 0; i < m; i++)
            row[i] = g->a[i] + g->tap[t];
        ptrdiff_t at = 0;
        for (; at + GEMM_UNROLL <= k; at += GEMM_UNROLL, b += GEMM_UNROLL * vectors * VL) {
            gemm_fetch(&fetch, fetch_end);
            gemm_steps(acc, row, at, b, m, vectors, GEMM_UNROLL);
        }
#pragma GCC unroll 1
        for (; at < k; at++, b += vectors * VL)
            gemm_steps(acc, row, at, b, m, vectors, 1);
    }
}

/* acc[i][v] += bias[v]. Only now: sums that begin at a large bias lose digits at every step, three times as many over
 * a hundred steps. */
V_FN void gemm_bias(v_f32 *acc, const float *bias, int m, int vectors, int last)
{
    v_f32 b[2];
    if (vectors == 2)
        b[0] = v_load(bias);
    b[vectors - 1] = v_load_n(bias + (vectors - 1) * VL, last);
#pragma GCC unroll 32
    for (int i = 0; i < m * vectors; i++)
        acc[i] = v_add(acc[i], b[i % vectors]);
}

/* acc[i][v] += add[i][v], of which the last vector has `last` lanes. */
V_FN void gemm_add(v_f32 *acc, const float *const *add, int m, int vectors, int last)
{
#pragma GCC unroll 16
    for (int i = 0; i < m; i++) {
        if (vectors == 2)
            acc[i * 2] = v_add(acc[i * 2], v_load(add[i]));
        v_f32 *tail = &acc[i * vectors + vectors - 1];
        const float *from = add[i] + (vectors - 1) * VL;
        *tail = v_add(*tail, last == VL ? v_load(from) : v_load_n(from, last));
    }
}

V_FN void gemm_store(v_f32 *acc, float *const *c, int m, int vectors, int last)
{
#pragma GCC unroll 16
    for (int i = 0; i < m; i++) {
        if (vectors == 2)
            v_store(c[i], acc[i * 2]);
        if (last == VL)
            v_store(c[i] + (vectors - 1) * VL, acc[i * vectors + vectors - 1]);
        else
            v_store_n(c[i] + (vectors - 1) * VL, acc[i * vectors + vectors - 1], last);
    }
}

V_FN void gemm_tile(const struct kernel_gemm_f32 *g, int m, int vectors)
{
    int last = g->n - (vectors - 1) * VL;
    v_f32 acc[GEMM_MR * 2];
#pragma GCC unroll 32
    for (int i = 0; i < m * vectors; i++)
        acc[i] = v_zero();
    gemm_sums(acc, g, m, vectors);
    if (g->bias)
        gemm_bias(acc, g->bias, m, vectors, last);
    if (!epilogue_is_simple(g->act)) {
        float sum[GEMM_MR * 2 * VL];
#pragma GCC unroll 32
        for (int i = 0; i < m * vectors; i++)
            v_store(sum + i * VL, acc[i]);
        K(epilogue_rows)(sum, m, vectors * VL, g->n, g->add, g->add_last, g->c, g->act);
        return;
    }
    if (g->add && !g->add_last)
        gemm_add(acc, g->add, m, vectors, last);
    epilogue_simple(acc, m * vectors, g->act);
    if (g->add && g->add_last)
        gemm_add(acc, g->add, m, vectors, last);
    gemm_store(acc, g->c, m, vectors, last);
}

#define TILES(m)                                                                                                       \
    static void gemm_##m##x1(const struct kernel_gemm_f32 *g)                                                          \
    {                                                                                                                  \
        gemm_tile(g, m, 1);                                                                                            \
    }                                                                                                                  \
    static void gemm_##m##x2(const struct kernel_gemm_f32 *g)                                                          \
    {                                                                                                                  \
        gemm_tile(g, m, 2);                                                                                            \
    }
#define ENTRY(m) {gemm_##m##x1, gemm_##m##x2},

#if GEMM_MR == 4
#define EACH(do) do(1) do(2) do(3) do(4)
#elif GEMM_MR == 6
#define EACH(do) do(1) do(2) do(3) do(4) do(5) do(6)
#elif GEMM_MR == 8
#define EACH(do) do(1) do(2) do(3) do(4) do(5) do(6) do(7) do(8)
#else
#define EACH(do) do(1) do(2) do(3) do(4) do(5) do(6) do(7) do(8) do(9) do(10) do(11) do(12) do(13) do(14)
#endif

EACH(TILES)

static void (*const tiles[GEMM_MR][2])(const struct kernel_gemm_f32 *) = {EACH(ENTRY)};

void K(gemm_f32)(const struct kernel_gemm_f32 *g)
{
    tiles[g->m - 1][g->n > VL](g);
}

/* One panel, whose first column is at b. */
static float *pack_panel(float *packed, const float *b, int taps, ptrdiff_t tap_step, int k, ptrdiff_t k_step, int n,
                         ptrdiff_t n_step, int columns)
{
    for (int t = 0; t < taps; t++) {
        for (int i = 0; i < k; i++, packed += columns) {
            const float *from = b + t * tap_step + i * k_step;
            for (int j = 0; j < n; j++)
                packed[j] = from[j * n_step];
            for (int j = n; j < columns; j++)
                packed[j] = 0;
        }
    }
    return packed;
}

void K(gemm_pack_f32)(float *packed, const float *b, int taps, ptrdiff_t tap_step, int k, ptrdiff_t k_step, int n,
                      ptrdiff_t n_step)
{
    for (int j = 0; j < n; j += 2 * VL) {
        int left = n - j < 2 * VL ? n - j : 2 * VL;
        packed = pack_panel(packed, b + j * n_step, taps, tap_step, k, k_step, left, n_step, left > VL ? 2 * VL : VL);
    }
}
