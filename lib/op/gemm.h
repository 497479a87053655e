/* C[m][n] = sum over k of A[m][k] B[k][n] in doubles, by tiles that callbacks fill and take: what convolutions, matrix
 * products and attention share. Convolutions fill the tiles of B from the image, so that no whole im2col matrix ever
 * exists. */
#ifndef OP_GEMM_H
#define OP_GEMM_H

#include "op/op.h"

enum { GEMM_N = 256 }; /* row length of the tiles of B and C */

struct gemm {
    int64_t m, n, k;
    /* Fills a[i * k + j] with A(row + i, depth + j), i < m, j < k. */
    void (*load_a)(const struct gemm *g, int64_t row, int64_t depth, int m, int k, double *a);
    /* Fills b[i * GEMM_N + j] with B(depth + i, column + j), i < k, j < n; what lies beyond n is never stored. */
    void (*load_b)(const struct gemm *g, int64_t depth, int64_t column, int k, int n, double *b);
    /* Takes C(row + i, column + j) = c[i * GEMM_N + j], i < m, j < n. */
    void (*store)(const struct gemm *g, int64_t row, int64_t column, int m, int n, const double *c);
    const void *user;
};

/* Fails only when memory is short. k = 0 stores zeros. */
int gemm_run(const struct gemm *g, struct error *err);

/* A plain product of arrays: c[i * n + j] = sum a[i * a_row + p * a_step] b[p * b_row + j * b_step]. */
struct gemm_arrays {
    const double *a, *b;
    int64_t a_row, a_step, b_row, b_step;
    double *c;
};
int gemm_arrays(const struct gemm_arrays *arrays, int64_t m, int64_t n, int64_t k, struct error *err);

#endif
