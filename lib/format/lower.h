/* Operators as arithmetic, for formats that have none for them. */
#ifndef FORMAT_LOWER_H
#define FORMAT_LOWER_H

#include "graph/graph.h"
#include "op/build.h"

/* Output 0 of b's node becomes y and keeps its name, when all went well: 1, else -1. */
int format_lowered(struct build *b, struct value *y);
/* Puts nodes that compute the same before an activation, reduction or norm: 1, or 0 when it stays, or -1. The node
 * itself is left, to be removed. */
int format_lower(struct node *n, struct error *err);
/* The same of all nodes of one graph, of known ranks, that the writer has not and that have no expansion: how many
 * there were, which are removed; -1 after an error. */
int format_lower_all(struct graph *g, bool (*has)(const struct node *n), struct error *err);

#endif
