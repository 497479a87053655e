/* Partial evaluation of integer shape arithmetic. */
#ifndef OP_KNOWN_H
#define OP_KNOWN_H

#include "op/op.h"

/* The most elements that are followed. */
#define KNOWN_MAX 64

/* Sets what is known of the elements of the node's first output, whose type has been inferred. */
int known_infer(struct op_infer *c, struct error *err);

#endif
