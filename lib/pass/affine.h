/* Constant scales and shifts, y = scale · x + shift, that are one number or vary along one axis. */
#ifndef PASS_AFFINE_H
#define PASS_AFFINE_H

#include "pass/util.h"

struct affine {
    int axis;              /* of x; -1 when count is 1 */
    int64_t count;         /* 1, or that axis's size */
    double *scale, *shift; /* [count], owned */
    bool scales, shifts;   /* whether scale is not all ones, and shift not all zeros */
};

/* Reads a node that does this to a value of known rank, which becomes *x: BatchNormalization, Mul, Div, Add, Sub with a
 * constant, nn.ScaleShift without an activation. 1, 0 when the node is another, -1 with a message. To be released
 * when 1. */
int affine_read(const struct node *n, struct value **x, struct affine *a, struct error *err);
void affine_release(struct affine *a);
int affine_copy(struct affine *to, const struct affine *a, struct error *err); /* 1, -1 */

/* Makes `a` be of the input of node n, which only moves or splits axes, instead of its output o. 1, 0 when it cannot,
 * -1. */
int affine_through(const struct node *n, int o, struct affine *a, struct error *err);

/* *a = b after a, of the same x. 1, 0 when they vary along different axes, -1. */
int affine_compose(struct affine *a, const struct affine *b, struct error *err);

static inline double affine_scale(const struct affine *a, int64_t i)
{
    return a->scale[a->count == 1 ? 0 : i];
}

static inline double affine_shift(const struct affine *a, int64_t i)
{
    return a->shift[a->count == 1 ? 0 : i];
}

#endif
