/* Declares the functions that the rows of op.def name. */
#ifndef OP_ROWS_H
#define OP_ROWS_H

#include "op/op.h"

#define OP(domain, name, versions, inputs, outputs, types, attributes, infer, eval, expand, ...)                       \
    int infer(struct op_infer *c, struct error *err);
#define none op_no_infer
#include "op/op.def"
#undef OP
#undef none

#define OP(domain, name, versions, inputs, outputs, types, attributes, infer, eval, expand, ...)                       \
    int eval(struct op_eval *c, struct error *err);
#define none op_no_eval
#include "op/op.def"
#undef OP
#undef none

#define OP(domain, name, versions, inputs, outputs, types, attributes, infer, eval, expand, ...)                       \
    int expand(struct node *n, struct error *err);
#define none op_no_expand
#include "op/op.def"
#undef OP
#undef none

#endif
