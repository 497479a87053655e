/* The one loop of all elementwise operators. */
#ifndef OP_ELEMENTWISE_H
#define OP_ELEMENTWISE_H

#include "op/op.h"

/* An element in computing form: floats as doubles, so that f32 results are right to rounding; integers and bools as 64
 * bits, wrapping when stored. */
union cell {
    double r;
    int64_t i;
    uint64_t u;
};

/* One output element of the operands' elements x[]. arg is the caller's. */
typedef union cell cell_fn(const union cell *x, const void *arg);

/* Output 0, of dtype `out`: f over inputs first..first+count-1 (at most four, all there), broadcast together. The
 * message names shapes that disagree. */
int elementwise(struct op_eval *c, int first, int count, enum dtype out, cell_fn *f, const void *arg,
                struct error *err);

/* Output 0, of the first input's dtype: the inputs (any number), broadcast together, folded from the left by f; then
 * `last`, if not NULL. */
int elementwise_fold(struct op_eval *c, cell_fn *f, cell_fn *last, const void *arg, struct error *err);

/* The dims of inputs first..first+count-1 broadcast together. */
int elementwise_dims(const struct op_eval *c, int first, int count, int64_t *dims, int *rank, struct error *err);

#endif
