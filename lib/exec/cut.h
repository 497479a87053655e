/* Cutting a graph in two where the shapes of what follows are known only at run time. */
#ifndef EXEC_CUT_H
#define EXEC_CUT_H

#include "graph/graph.h"

/* Splits g before its node `at` (NULL: behind the last): into the graph of what comes before, whose outputs are what
 * the rest (or the caller) needs of it, and of the rest, whose inputs are found in from[] as struct plan's then_from
 * says; from is for free(). g is left as it was. */
int cut_graph(const struct graph *g, const struct node *at, struct graph **before, struct graph **after, int **from,
              struct error *err);

/* Where a plan of g must end: at the first node that is not static; or, when the first node is not, behind a run of
 * those, up to one that is worth planning anew. NULL: at the end; *dynamic tells which kind it is. */
const struct node *cut_point(const struct graph *g, bool *dynamic);
/* False when an output is an input, or a constant, of a kind that a static plan cannot hold: it has to be handed on. */
bool cut_has_static_outputs(const struct graph *g);

#endif
