/* What the passes share: looking at values, making nodes, putting one in the place of another. */
#ifndef PASS_UTIL_H
#define PASS_UTIL_H

#include "op/op.h"
#include "pass/pass.h"

#define PASS(name, safe, fuses, function, what) int function(struct graph *g, struct error *err);
#include "pass/pass.def"
#undef PASS

/* ---- looking ---- */

/* Its data when it is a constant that no caller may replace; else NULL. v may be NULL, here and
 * below. */
const struct tensor *pass_constant(const struct value *v);
/* Whether all elements of a constant (one at least) are the same number. */
bool pass_scalar(const struct value *v, double *number);
/* The elements of an integer tensor of rank 0 or 1 that is constant or known; their count, -1 when not so or more than
 * max. */
int pass_ints(const struct value *v, int64_t *values, int max);

/* The type of a tensor of known rank; else NULL. */
const struct type *pass_type(const struct value *v);
bool pass_is_static(const struct value *v); /* a tensor of known dims */
bool pass_is_float(const struct value *v);
bool pass_same_dims(const struct value *a, const struct value *b); /* surely */
/* The permutation of a Transpose: perm[TENSOR_MAX_RANK]; false when it, or the rank, cannot be told. */
bool pass_perm(const struct node *n, int64_t *perm);
/* One use, by a node of its own graph, and no graph output. */
bool pass_is_single(const struct value *v);
/* The node of that domain and operator that makes v for one use alone, as its first output; else NULL. */
struct node *pass_sole_producer(const struct value *v, const char *domain, const char *op);

/* ---- making ---- */

/* A resolved node before another one, with these inputs (trailing NULLs are left off) and no outputs yet. */
struct node *pass_node(struct node *before, const char *domain, const char *op, int count, struct value *const *in,
                       struct error *err);
/* Adds the next output to such a node, and infers its type (unknown, if that fails). */
struct value *pass_output(struct node *n, struct error *err);
/* A constant with a fresh name; takes over the tensor, NULL (an error already set) gives NULL. */
struct value *pass_add_constant(struct graph *g, struct tensor *t, struct error *err);
struct value *pass_add_ints(struct graph *g, int64_t n, const int64_t *values, struct error *err);
/* Elements i to i + n of `to` become those of `from`, of the same type, times scale[0], or (step 1) each times the
 * next. */
void pass_times(struct tensor *to, const struct tensor *from, int64_t i, int64_t n, const double *scale, int step);
/* A scalar of a dtype. */
struct value *pass_add_scalar(struct graph *g, enum dtype dtype, double number, struct error *err);

/* ---- replacing: these return 1, 0 when it cannot be, -1 with a message ---- */

/* Gives the one output of `old` to `new`, and its name if that has none; removes `old` and what was needed for it
 * alone. */
int pass_replace(struct node *old, struct node *new, struct error *err);
/* Lets all that used output o of n use `to` instead; removes n when nothing uses it any more. */
int pass_bypass(struct node *n, int o, struct value *to, struct error *err);
/* Sets an input of a node; removes what made the former one when nothing else uses it. */
int pass_set_input(struct node *n, int index, struct value *v, struct error *err);
/* Removes a node without used outputs, and then what was needed for it alone. */
void pass_remove(struct node *n);

/* ---- walking ---- */

/* Calls rewrite() for every node of known operator of g, in order; the sum of what it returns (0 or 1), or -1 when it
 * did. It may add nodes before n and remove n and nodes before it. */
int pass_each(struct graph *g, int (*rewrite)(struct node *n, struct error *err), struct error *err);

/* Whether the operator's results depend on its inputs and attributes alone. */
bool pass_is_deterministic(const struct node *n);
bool pass_has_subgraph(const struct node *n);

/* ---- other files ---- */

/* Writes a node as others, if its row says how; it is removed. 1, 0 when that cannot be: when the node runs it says
 * what is wrong; or -1 (expand.c). */
int pass_expand_node(struct node *n, struct error *err);
/* Puts constants in the place of the outputs of a node whose inputs are all constant (fold_constants.c); 1, 0 when that
 * cannot be, -1. */
int pass_compute(struct node *n, struct error *err);
/* The same operator with the same attributes, as many inputs and outputs (common.c). */
bool pass_same_operator(const struct node *a, const struct node *b);
/* Computes what only moves elements of constants (fold_constants.c). */
int pass_fold_moves(struct graph *g, struct error *err);

/* Copies the nodes of a subgraph of the If node n before it, and lets n's outputs be theirs; removes n (inline.c). */
int pass_inline(struct node *n, struct graph *branch, struct error *err);

#endif
