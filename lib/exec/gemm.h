/* The matrix product under convolutions and matmuls. */
#ifndef EXEC_GEMM_H
#define EXEC_GEMM_H

#include "exec/plan.h"

#define GEMM_AXES 4
/* C[pixel][n] = act(sum over taps, k of A[pixel + tap][k] B[tap, k][n] + bias[n] + add[pixel][n]), for each of
 * `batches`. A pixel is an index over up to GEMM_AXES axes, each with strides in A, C and add. */
struct gemm_job {
    struct view a, c, add; /* only buffer and offset are used; add.buffer NULL: none */
    int64_t dims[GEMM_AXES];
    ptrdiff_t a_stride[GEMM_AXES], c_stride[GEMM_AXES], add_stride[GEMM_AXES];
    const ptrdiff_t *tap; /* [taps] */
    int taps, k, n;
    const int *b_tap; /* [taps] which of the b_taps taps of B each is; NULL: B has the same, in order */
    int b_taps;
    int batches;
    const ptrdiff_t *a_batch, *c_batch, *add_batch,
        *b_batch;            /* [batches], in floats; NULL: all 0. b_batch counts from packed */
    const float *packed;     /* panels of constant B; or NULL, then */
    struct view packed_view; /* where a step before put them */
    const float *bias;       /* or NULL */
    struct view bias_view;   /* a bias computed at run time; buffer NULL: none */
    int bias_batch;          /* floats from one batch's bias to the next */
    struct kernel_act act;
    bool add_last;
};
int gemm_emit(struct plan *p, const struct node *n, const char *kernel, const struct gemm_job *job, struct error *err);

#endif
