/* Elementwise functions by the class of their operands. */
#ifndef OP_BINARY_H
#define OP_BINARY_H

#include "op/elementwise.h"

/* An operator's function for floats, signed integers, unsigned integers and bools; NULL where it has no meaning. */
struct binary {
    const char *op;
    cell_fn *real, *sint, *uint, *boolean;
};

/* The function of the node's operator for operands of this dtype; NULL with a message. */
cell_fn *binary_find(const struct op_eval *c, const struct binary *table, size_t count, enum dtype dtype,
                     struct error *err);

#endif
