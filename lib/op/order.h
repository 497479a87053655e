/* The order of elements: numbers by value, NaN behind all and equal to NaN, complex by real, then imaginary part,
 * strings by bytes. */
#ifndef OP_ORDER_H
#define OP_ORDER_H

#include "op/op.h"

struct order {
    const struct tensor *t;
    int (*compare)(const struct tensor *t, int64_t a, int64_t b);
};

void order_init(struct order *order, const struct tensor *t);

/* Element a is before (< 0), equal to or behind (> 0) element b. */
static inline int order_compare(const struct order *order, int64_t a, int64_t b)
{
    return order->compare(order->t, a, b);
}

#endif
