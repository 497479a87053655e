/* Operators as arithmetic, for formats that have none for them. */
#ifndef FORMAT_LOWER_H
#define FORMAT_LOWER_H

#include "graph/graph.h"
#include "op/build.h"

/* Output 0 of b's node becomes y and keeps its name, when all went well: 1, else -1. */
int format_lowered(struct build *b, struct value *y);
/* The type of elements by which a writer's row is asked: that of the operand that is computed on. */
enum dtype format_dtype(const struct node *n);
/* Whether it is among those that a row names for its operator, as op_dtype_in() takes them. */
bool format_takes(const struct node *n, const char *types);
/* Puts casts to a type among them that has all numbers of the node's, and back, around a copy of the node: 1, or 0 when
 * there is none, or -1. The node itself is left, to be removed. */
int format_widen(struct node *n, const char *types, struct error *err);
/* A power of a whole number that products make: for formats that take the logarithm of the base. */
bool format_is_product(const struct node *n);
/* Puts nodes that compute the same before an activation, reduction or norm: 1, or 0 when it stays, or -1. The node
 * itself is left, to be removed. */
int format_lower(struct node *n, struct error *err);
/* Attention, of the node being built before, as products and a Softmax; NULL without a failure where it has a past,
 * lengths, a window or several outputs, or heads whose size is not known. */
struct value *format_lower_attention(struct build *b, struct value *q);
/* A convolution or pool of signals, [N, C, L], as one of images, [N, C, 1, L]: 1, or 0 when it has several outputs, or
 * -1. The node itself is left, to be removed. */
int format_lower_signal(struct node *n, struct error *err);
/* One or the other for a node whose row has these types, NULL where the writer has none: 1, 0 or -1, as they give it.
 * What has no row is lowered if its rank is known and it has no expansion. */
int format_lower_unless(struct node *n, const char *types, struct error *err);
/* Asks `lower` of all nodes of one graph, and removes those for which it gives 1: how many there were; -1 after an
 * error, which is its -1. */
int format_lower_all(struct graph *g, int (*lower)(struct node *n, struct error *err), struct error *err);

#endif
