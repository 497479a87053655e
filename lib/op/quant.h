/* What operators on quantised tensors share: real = scale * (q - zero point). */
#ifndef OP_QUANT_H
#define OP_QUANT_H

#include "op/op.h"

/* A value rounded to what a float dtype can hold; others leave it as it is. */
double quant_round(enum dtype dtype, double value);

/* The quantised value of an exact sum: round(sum * multiplier) + zero, in f32, ties to even, clamped to an integer
 * dtype. */
double quant_requantize(enum dtype dtype, double sum, float multiplier, double zero);

/* Fails unless inputs scale and zero point (absent: 0) have either one element or `channels`. */
int quant_check(const struct op_eval *c, int scale, int zero, int64_t channels, struct error *err);
/* Element i of an input that has one for all, or one each; absent: 0. */
double quant_param(const struct op_eval *c, int input, int64_t i);

/* DynamicQuantizeLinear's scale and zero point for numbers in [low, high], which holds 0. */
float quant_dynamic(float low, float high, double *zero);

#endif
