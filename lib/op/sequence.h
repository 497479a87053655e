/* What the files of the sequence family share. */
#ifndef OP_SEQUENCE_H
#define OP_SEQUENCE_H

#include "op/op.h"

/* The type of the tensors of input i, a sequence; NULL when not known. */
const struct type *sequence_element(const struct op_infer *c, int i);
/* Output o: a sequence of such tensors. */
int sequence_set(struct op_infer *c, int o, struct type *element, struct error *err);

#endif
