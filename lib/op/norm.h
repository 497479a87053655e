/* Shared by the files of the normalisation family. */
#ifndef OP_NORM_H
#define OP_NORM_H

#include <stdint.h>

/* Mean and (population) variance of n numbers. */
void norm_moments(const double *x, int64_t n, double *mean, double *variance);

#endif
