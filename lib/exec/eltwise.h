/* What elementwise steps run: one operand or two, of any layout, row by row or in pieces of a long row. */
#ifndef EXEC_ELTWISE_H
#define EXEC_ELTWISE_H

#include "exec/plan.h"

/* Places of the result and the operands among the views. */
enum { OUT, A, B };

struct eltwise_args {
    struct view view[3]; /* OUT, A, B; those not used have no buffer */
    int operands;        /* views used */
    struct nest nest;
    const struct kernels *kernels;
    enum kernel_binary op;
    struct kernel_act act;
    int64_t pieces;            /* that the innermost axis is cut into */
    struct eltwise_args *next; /* of a chain, done piece by piece too: what one leaves is still in the cache */
};

/* A step's run: `tile` counts positions of the outer axes, each `pieces` times. */
void exec_eltwise_run(const struct step *s, struct tile tile);

#endif
