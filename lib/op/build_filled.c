#include "op/build_filled.h"

#define FILLED_MOST ((size_t)1 << 28) /* bytes, beside other constants that were computed */

struct tensor *build_zeros(struct build *b, enum dtype dtype, int rank, const int64_t *dims)
{
    int64_t count = tensor_count(rank, dims);
    if (b->failed)
        return NULL;
    struct graph *root = build_place(b)->root;
    size_t size = 0, most = FILLED_MOST + root->computed_most; /* what passes may compute is known once they run */
    if (count < 0 || !tensor_bytes(dtype, count, &size) || root->computed > most || size > most - root->computed)
        build_fail(b, "it needs numbers that no file holds: want at most %zu MiB of them", FILLED_MOST >> 20);
    struct tensor *t = b->failed ? NULL : tensor_new(dtype, rank, dims, b->err);
    build_check(b, t != NULL);
    root->computed += t ? size : 0;
    return t;
}

struct value *build_filled(struct build *b, int rank, const int64_t *dims, float number)
{
    struct tensor *t = build_zeros(b, DTYPE_F32, rank, dims);
    for (int64_t i = 0; t && i < t->count; i++)
        ((float *)t->data)[i] = number;
    return t ? build_constant(b, NULL, t) : NULL;
}
