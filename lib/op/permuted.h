/* Constants in another order of axes. */
#ifndef OP_PERMUTED_H
#define OP_PERMUTED_H

#include "graph/tensor.h"

/* Axis i of the result is axis perm[i]. A new tensor; NULL with a message when memory is short, or for strings. */
struct tensor *op_permuted(const struct tensor *from, const int64_t *perm, struct error *err);

#endif
