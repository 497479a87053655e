/* Shared with the families that say more with the operators of this one. */
#ifndef OP_MOVE_H
#define OP_MOVE_H

#include "op/op.h"

/* Concat's output 0 from inputs first, first + step, …, by the attribute axis. */
int concat_infer(struct op_infer *c, int first, int step, struct error *err);

#endif
