/* Weights of one file put into the graph of another. */
#ifndef PAIR_WEIGHTS_H
#define PAIR_WEIGHTS_H

#include "graph/graph.h"

struct pair_misfit {
    const struct value *value; /* a constant */
    bool given;                /* one of those given, which found no place; else one of the graph, which got nothing */
    const char *why;
};

/* Puts the constants of `from` in the place of the graph's weights: by name, also where one of the two names ends with
 * the other; else by the order in which the graph uses them, if all that are left have the same shapes in the same
 * order and what belongs together by name belongs to one node; else by a shape that only one has. A matrix may be
 * transposed, and a filter be [h, w, in, out], where shapes say so; a square one where all others of its kind say so.
 * What else there might be is a misfit, not a guess; and so is a weight of the graph that gets nothing. With any the
 * graph stays as it was. *list, for free(), has *count of them. */
int pair_take_weights(struct graph *g, const struct graph *from, struct pair_misfit **list, size_t *count,
                      struct error *err);

#endif
