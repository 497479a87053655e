/* Before lowering: which values are written straight into a Concat's result, and which want a border. */
#ifndef EXEC_HOME_H
#define EXEC_HOME_H

#include "exec/plan.h"

/* Gives the inputs of every Concat a home in its result where nothing stands against it. A Concat whose inputs stand
 * side by side in a later, larger one has its own home there, which makes the growing Concats of a DenseNet free. */
int home_assign(struct plan *p, struct error *err);

/* Notes the border that each convolution wants around its input, on the input's place and on its home's. */
void home_borders(struct plan *p);

#endif
