/* Permutations of axes: those of a Transpose, whose axis i comes from axis at[i]. */
#ifndef PASS_PERM_H
#define PASS_PERM_H

#include "pass/util.h"

struct perm {
    int rank, at[TENSOR_MAX_RANK];
};

bool perm_is_identity(const struct perm *p);
bool perm_equal(const struct perm *a, const struct perm *b);
struct perm perm_inverse(const struct perm *p);
/* Transpose[second](Transpose[first](x)) = Transpose[result](x). */
struct perm perm_chain(const struct perm *first, const struct perm *second);
/* The permutation of a Transpose; false when it cannot be told. */
bool perm_of(const struct node *n, struct perm *p);
/* A Transpose before another node: without output yet, or its output. */
struct node *perm_node(struct node *before, struct value *v, const struct perm *p, struct error *err);
struct value *perm_transpose(struct node *before, struct value *v, const struct perm *p, struct error *err);
/* The type of x when `type` is that of Transpose[p](x). */
struct type perm_type(const struct type *type, const struct perm *p);

#endif
