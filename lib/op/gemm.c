/* Matrix products in doubles, blocked for the caches: two rows of C by four of B at a time. */
#include "op/gemm.h"

#include <stdlib.h>
#include <string.h>

enum { BLOCK_M = 512, PANEL_M = 64, BLOCK_K = 128 };

/* gcc's vector extension splits this into what the machine has. */
typedef double vec __attribute__((vector_size(32), aligned(8)));

/* c0[0..n) += a0[0..4) x b and the same for c1. */
static void add_four(double *c0, double *c1, const double *a0, const double *a1, const double *b, int n)
{
    for (int j = 0; j < n; j += 4) {
        vec b0 = *(const vec *)(b + j), b1 = *(const vec *)(b + GEMM_N + j);
        vec b2 = *(const vec *)(b + 2 * GEMM_N + j), b3 = *(const vec *)(b + 3 * GEMM_N + j);
        *(vec *)(c0 + j) += a0[0] * b0 + a0[1] * b1 + a0[2] * b2 + a0[3] * b3;
        *(vec *)(c1 + j) += a1[0] * b0 + a1[1] * b1 + a1[2] * b2 + a1[3] * b3;
    }
}

static void add_one(double *c0, double *c1, double a0, double a1, const double *b, int n)
{
    for (int j = 0; j < n; j++) {
        c0[j] += a0 * b[j];
        c1[j] += a1 * b[j];
    }
}

/* c has room for one row more than m: the partner of an odd last row. */
static void multiply_panel(const double *a, const double *b, double *c, int m, int n, int k)
{
    for (int i = 0; i < m; i += 2) {
        double *c0 = c + i * GEMM_N, *c1 = c0 + GEMM_N;
        const double *a0 = a + i * k, *a1 = i + 1 < m ? a0 + k : a0;
        int p = 0;
        for (; p + 4 <= k; p += 4)
            add_four(c0, c1, a0 + p, a1 + p, b + p * GEMM_N, n);
        for (; p < k; p++)
            add_one(c0, c1, a0[p], a1[p], b + p * GEMM_N, n);
    }
}

static int min_block(int64_t left, int most)
{
    return left < most ? (int)left : most;
}

/* All of k for a block of C. */
static void run_block(const struct gemm *g, int64_t row, int64_t column, int m, int n, double *a, double *b, double *c)
{
    memset(c, 0, (size_t)m * GEMM_N * sizeof(double));
    for (int64_t depth = 0; depth < g->k; depth += BLOCK_K) {
        int k = min_block(g->k - depth, BLOCK_K);
        g->load_b(g, depth, column, k, n, b);
        for (int i = 0; i < m; i += PANEL_M) {
            int rows = min_block(m - i, PANEL_M);
            g->load_a(g, row + i, depth, rows, k, a);
            multiply_panel(a, b, c + i * GEMM_N, rows, n, k);
        }
    }
    g->store(g, row, column, m, n, c);
}

int gemm_run(const struct gemm *g, struct error *err)
{
    /* An empty sum is a sum, too: run_block stores its zeros. */
    size_t rows = (size_t)min_block(g->m, BLOCK_M) + 1, depth = (size_t)min_block(g->k, BLOCK_K);
    double *a = mem_calloc(PANEL_M * depth, sizeof(double), err);
    double *b = a ? mem_calloc(depth * GEMM_N, sizeof(double), err) : NULL;
    double *c = b ? mem_calloc(rows * GEMM_N, sizeof(double), err) : NULL;
    for (int64_t column = 0; c && column < g->n; column += GEMM_N)
        for (int64_t row = 0; row < g->m; row += BLOCK_M)
            run_block(g, row, column, min_block(g->m - row, BLOCK_M), min_block(g->n - column, GEMM_N), a, b, c);
    int result = c ? 0 : -1;
    free(a);
    free(b);
    free(c);
    return result;
}

static void load_array_a(const struct gemm *g, int64_t row, int64_t depth, int m, int k, double *a)
{
    const struct gemm_arrays *s = g->user;
    for (int i = 0; i < m; i++)
        for (int p = 0; p < k; p++)
            a[i * k + p] = s->a[(row + i) * s->a_row + (depth + p) * s->a_step];
}

static void load_array_b(const struct gemm *g, int64_t depth, int64_t column, int k, int n, double *b)
{
    const struct gemm_arrays *s = g->user;
    for (int p = 0; p < k; p++)
        for (int j = 0; j < n; j++)
            b[p * GEMM_N + j] = s->b[(depth + p) * s->b_row + (column + j) * s->b_step];
}

static void store_array(const struct gemm *g, int64_t row, int64_t column, int m, int n, const double *c)
{
    const struct gemm_arrays *s = g->user;
    for (int i = 0; i < m; i++)
        memcpy(s->c + (row + i) * g->n + column, c + i * GEMM_N, (size_t)n * sizeof(double));
}

int gemm_arrays(const struct gemm_arrays *arrays, int64_t m, int64_t n, int64_t k, struct error *err)
{
    struct gemm g = {
        .m = m, .n = n, .k = k, .load_a = load_array_a, .load_b = load_array_b, .store = store_array, .user = arrays};
    return gemm_run(&g, err);
}
