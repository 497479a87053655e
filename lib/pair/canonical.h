/* Inside lib/pair: rewrites that serve comparing alone. */
#ifndef PAIR_CANONICAL_H
#define PAIR_CANONICAL_H

#include "graph/graph.h"

/* The number of changes, or -1; as a pass. */
int canonical_slices(struct graph *g, struct error *err);

#endif
