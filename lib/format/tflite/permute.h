/* Constants in another order of axes. */
#ifndef FORMAT_TFLITE_PERMUTE_H
#define FORMAT_TFLITE_PERMUTE_H

#include "graph/tensor.h"

/* Axis i of the result is axis perm[i]. A new tensor; NULL with a message when memory is short, or for strings. */
struct tensor *tflite_permuted(const struct tensor *from, const int64_t *perm, struct error *err);

#endif
