/* When the values of a graph are needed for the last time. */
#ifndef OP_LIFETIMES_H
#define OP_LIFETIMES_H

#include "graph/graph.h"

/* For each value, the place (0, 1, … in the order of nodes) of the last node that makes or uses it, itself or in a
 * subgraph, and for each place a chain of the values that end there: i = ends[place], then i = after[i], up to -1.
 * Outputs of the graph do not end. */
struct lifetimes {
    const struct graph *graph;
    int64_t *last, *after; /* [graph->value_count] */
    int64_t *ends;         /* [graph->node_count] */
};

/* To be released also when it fails. */
int lifetimes_init(struct lifetimes *l, const struct graph *g, struct error *err);
void lifetimes_release(struct lifetimes *l);

#endif
