/* The dtype attribute of operators that make tensors. */
#ifndef OP_CREATE_H
#define OP_CREATE_H

#include "op/op.h"

/* The output's dtype: the attribute, where the node has it (or `like` is DTYPE_NONE), else `like`. Fails for what is no
 * number or bool of at least eight bits. */
int create_dtype(const struct op_eval *c, enum dtype like, enum dtype *result, struct error *err);

#endif
