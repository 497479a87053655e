/* Batched matrix products with numpy's rules, for the files of the family. */
#ifndef OP_MATMUL_H
#define OP_MATMUL_H

#include "op/op.h"

struct product {
    /* Operands: tensors read as they lie, or, where not NULL, their elements as doubles. */
    const struct tensor *a, *b;
    const double *a_values, *b_values;
    int64_t m, n, k;
    int64_t a_row, a_step, b_row,
        b_step; /* in elements: A(i, p) at i * a_row + p * a_step, B(p, j) at p * b_row + j * b_step */
    int batch_rank;
    int64_t batch_dims[TENSOR_MAX_RANK], a_batch[TENSOR_MAX_RANK],
        b_batch[TENSOR_MAX_RANK]; /* sizes, and steps in elements */
    int rank; /* of the result */
    int64_t dims[TENSOR_MAX_RANK];
    /* Where results go: y = alpha A B + beta C, with C broadcast by its steps; or, if not NULL, plain sums into `sums`.
     */
    struct tensor *y;
    double alpha, beta;
    const struct tensor *c;
    int64_t c_row, c_step;
    double *sums;
};

/* numpy.matmul's shapes; plain message. */
int product_init(struct product *p, const struct tensor *a, const struct tensor *b, struct error *err);
int product_run(const struct product *p, struct error *err);
/* The same in integers that wrap, for y of an integer type; alpha, beta and C are not looked at. */
int product_run_ints(const struct product *p, struct error *err);
/* numpy.matmul's shape of output 0 from inputs a and b. */
int product_infer(struct op_infer *c, int a, int b, enum dtype dtype, struct error *err);
/* The same from types. */
int product_infer_types(struct op_infer *c, const struct type *a, const struct type *b, enum dtype dtype,
                        struct error *err);
/* Gemm's shape of output 0 from inputs a, b and c, by the attributes transA and transB. */
int gemm_infer(struct op_infer *c, int ai, int bi, int ci, enum dtype dtype, struct error *err);

#endif
