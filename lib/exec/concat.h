/* Before lowering: which values are written straight into a Concat's result, and which want a border. */
#ifndef EXEC_CONCAT_H
#define EXEC_CONCAT_H

#include "exec/plan.h"

/* Gives the inputs of every Concat, and what Slice or Split makes them of, their places in its result where nothing
 * stands against it. A Concat whose inputs stand side by side in a later, larger one lies inside that one, which makes
 * the growing Concats of a DenseNet free. */
int concat_assign(struct plan *p, struct error *err);

/* Notes the border that each convolution wants around its input, on the input's place, on that of which the input is a
 * part, and on its Concat's. */
void concat_borders(struct plan *p);

#endif
