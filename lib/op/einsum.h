/* Einsum's equation, read. */
#ifndef OP_EINSUM_H
#define OP_EINSUM_H

#include "op/op.h"

enum {
    EINSUM_MAX_INPUTS = 16,
    EINSUM_LETTERS = 52,
    EINSUM_AXES = EINSUM_LETTERS + TENSOR_MAX_RANK, /* letters, then the axes of the ellipsis */
};

struct einsum {
    int inputs;
    int term_rank[EINSUM_MAX_INPUTS], out_rank;
    int term[EINSUM_MAX_INPUTS][TENSOR_MAX_RANK], out[TENSOR_MAX_RANK]; /* which axis each dim is */
    int ellipsis; /* axes that it stands for; aligned at the right */
    bool seen[EINSUM_AXES];
    int64_t dims[EINSUM_AXES]; /* number, symbol or DIM_UNKNOWN */
};

/* Reads the equation for inputs of these ranks and dims; -1 when it does not fit them. */
int einsum_read(struct einsum *e, const char *text, int inputs, const int *ranks, const int64_t *const *dims,
                struct error *err);

#endif
