/* The form of a network that is quantised. */
#ifndef QUANT_PREPARE_H
#define QUANT_PREPARE_H

#include "graph/graph.h"

/* Folds normalisation into weights, makes standard operators of fused ones and of those without a quantised form, and
 * names nodes, by which copies of them are found again. */
int quant_prepare(struct graph *g, struct error *err);

#endif
