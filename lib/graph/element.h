/* Elements as the casts want them: for lib/graph, and who casts as it does. */
#ifndef GRAPH_ELEMENT_H
#define GRAPH_ELEMENT_H

#include "graph/tensor.h"

/* tensor_store_f64() with a choice of rounding. */
void element_store(struct tensor *t, int64_t first, int64_t n, const double *values, bool saturate,
                   enum half_round round);

/* tensor_load_f64() for numbers to be rounded to less than a double: 64-bit integers come rounded to odd. */
void element_load_odd(const struct tensor *t, int64_t first, int64_t n, double *values);

/* What a cast to an integer makes of a real: truncated, modulo 2^64; 0 when it is not finite. */
int64_t element_wrap(double value);

#endif
