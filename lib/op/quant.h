/* What operators on quantised tensors share: real = scale * (q - zero point). */
#ifndef OP_QUANT_H
#define OP_QUANT_H

#include "op/build.h"

/* A value rounded to what a float dtype can hold; others leave it as it is. */
double quant_round(enum dtype dtype, double value);

/* What becomes of sums of products in an output channel. */
struct quant_column {
    double bias; /* whole units */
    float multiplier, shift;
    double zero;
};
/* The quantised value of an exact sum: round((sum + bias) * multiplier + shift) + zero, in f32, both operations
 * rounded, ties to even, clamped to an integer dtype. For DTYPE_F32 the number itself. */
double quant_requantize(enum dtype dtype, double sum, const struct quant_column *column);

/* Fails unless inputs scale and zero point (absent: 0) have either one element or `channels`. */
int quant_check(const struct op_eval *c, int scale, int zero, int64_t channels, struct error *err);
/* Element i of an input that has one for all, or one each; absent: 0. */
double quant_param(const struct op_eval *c, int input, int64_t i);

/* Of an operator with operands x, x_scale, x_zero_point, w, w_scale, w_zero_point, y_scale, y_zero_point and a
 * bias of integers or floats: what becomes of a sum of output channel i, the multiplier being x_scale * w_scale /
 * y_scale in f32, the shift bias / y_scale, without the last where there is no y_scale (element `channel` of w_scale,
 * `bias` of the bias); and the type of its result, that of y_zero_point, else f32. */
struct quant_column quant_column(const struct op_eval *c, int64_t channel, int64_t bias);
enum dtype quant_result(const struct op_eval *c);

/* The quantised mean of `count` elements with an exact sum, of the type of input 0; inputs at, at + 1, … are x_scale,
 * x_zero_point, y_scale, y_zero_point. */
double quant_average(const struct op_eval *c, int at, double sum, double count);

/* DynamicQuantizeLinear's scale and zero point for numbers in [low, high], which holds 0. */
float quant_dynamic(float low, float high, double *zero);

/* Output 0 of nn.QMatMul and nn.QConvTranspose before the activation. */
int matmul_requantized(struct op_eval *c, struct error *err);
int conv_transpose_requantized(struct op_eval *c, struct error *err);

/* Elements of nn.QTable's table: one for each byte, in the order of the numbers that these stand for. */
#define QUANT_TABLE 256

/* What QuantizeLinear makes and only DequantizeLinear, and what moves bytes, takes becomes `to`, u8 or s8, where it is
 * the other and its zero point is below a number: the same numbers, to the bit. */
int op_turn_bytes(struct graph *g, enum dtype to, int below, struct error *err);
#define QUANT_ANY 256

/* In expansions: the numbers that input x stands for, with its scale and zero point (absent: NULL); along `axis` where
 * these are lists. */
struct value *quant_build_real(struct build *b, int x, int scale, int zero, int64_t axis);
/* Output 0 from numbers; without a zero point of the type of input `like`. */
void quant_build_give(struct build *b, struct value *v, int scale, int zero, int like);

#endif
