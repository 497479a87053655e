/* Half-precision graphs in single precision: the kernels' type, and no less exact. */
#ifndef EXEC_WIDEN_H
#define EXEC_WIDEN_H

#include "graph/graph.h"

/* A graph that computes in f32 what g computes in f16 or bf16, between Casts at its inputs and outputs. What g casts to
 * them from a wider type is still rounded. Takes g over, which it gives back when there is nothing to widen, or when an
 * operator insists on the narrow type. NULL when memory is short. g is resolved and inferred, and so is the result. */
BASE_COLD struct graph *widen_halves(struct graph *g, struct error *err);

#endif
