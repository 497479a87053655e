/* How a node may work on operands whose axes stand in another order.
 *
 * A value v is looked at as the transposition of another, v', which has the same elements in another order of axes:
 * v = Transpose[perm](v'), so that axis i of v is axis perm.at[i] of v'. This permutation is called v's label. */
#ifndef PASS_LAYOUT_H
#define PASS_LAYOUT_H

#include "pass/perm.h"

/* The labels of a node's operands and of its results: all those that are laid out alike have the same. One of the two
 * may be the identity, as the results of a reduction to vectors. */
struct layout {
    struct perm in, out;
};

/* What labels the node has when operand `index` (-1: its results) has this one; false when it cannot work so. */
bool layout_find(const struct node *n, int index, const struct perm *label, struct layout *l);
/* Whether operand i has the label l->in; if not it is taken as it is. */
bool layout_labels(const struct node *n, int i, const struct layout *l);
/* Changes attributes and further operands, so that the node can take v' for every operand v that has the label, and
 * gives results v'. Operands and results themselves are left to the caller, as is inference. */
int layout_apply(struct node *n, const struct layout *l, struct error *err);

/* ---- other files ---- */

/* Operators with lists of numbers for each axis (layout_lists.c). */
bool layout_follow_lists(const struct node *n, bool forward, const struct perm *from, struct perm *to);
int layout_apply_lists(struct node *n, const struct layout *l, struct error *err);

/* Reshape and Flatten (layout_view.c). */
bool layout_follow_view(const struct node *n, bool forward, const struct perm *from, struct perm *to);
int layout_apply_view(struct node *n, const struct layout *l, struct error *err);

/* Whether all that a Reshape's result is used for is multiplied, along its last axis, by constant weights, whose rows
 * could follow the label of its operand (layout_weights.c). */
bool layout_weights_follow(const struct node *reshape, const struct perm *in);
int layout_permute_weights(struct node *reshape, const struct perm *in, struct error *err);

#endif
