/* Constants whose size is a file's word alone. */
#ifndef OP_BUILD_FILLED_H
#define OP_BUILD_FILLED_H

#include "op/build.h"

/* Zeros, for build_constant(); NULL is a failure. What is made for a graph without data of its own has 256 MiB at most
 * together, so that a small file cannot ask for much memory again and again. */
struct tensor *build_zeros(struct build *b, enum dtype dtype, int rank, const int64_t *dims);

/* Such a constant of f32 that is `number` in each place. */
struct value *build_filled(struct build *b, int rank, const int64_t *dims, float number);

#endif
