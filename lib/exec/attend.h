/* Attention in one pass over the keys. */
#ifndef EXEC_ATTEND_H
#define EXEC_ATTEND_H

#include "exec/plan.h"

/* out[b] = softmax(q[b] k[b] scale + mask[b]) v[b] for each matrix b of out. All views have the same rank; q and out
 * the same axes before the last two, mask too (a stride may be 0), k and v the same or 1 there. */
struct attend_job {
    struct view q, k, v; /* [queries][size], [size][keys], [keys][columns] */
    struct view mask;    /* [queries][keys]; buffer NULL: none */
    struct view out;     /* [queries][columns] */
    float scale;
    bool causal;        /* query i sees the keys up to i */
    bool empty_is_zero; /* what a query that sees nothing gets; else NaN */
};
/* The last axes of q and out are contiguous, that of the mask too, or of stride 0. */
int attend_emit(struct plan *p, const struct node *n, const struct attend_job *job, struct error *err);

#endif
