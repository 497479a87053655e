/* What operators on quantised tensors share: real = scale * (q - zero point). */
#ifndef OP_QUANT_H
#define OP_QUANT_H

#include "op/build.h"

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

/* Output 0 of nn.QMatMul before its activation. */
int matmul_requantized(struct op_eval *c, struct error *err);

/* In expansions: the numbers that input x stands for, with its scale and zero point (absent: NULL); along `axis` where
 * these are lists. */
struct value *quant_build_real(struct build *b, int x, int scale, int zero, int64_t axis);
/* Output 0 from numbers; without a zero point of the type of input `like`. */
void quant_build_give(struct build *b, struct value *v, int scale, int zero, int like);

#endif
