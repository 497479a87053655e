/* Small floating-point formats. Narrowing rounds to nearest even; widening is exact. A NaN stays a NaN with its sign,
 * where the format has one. Sources: IEEE 754 (f16), the ONNX pages on float 8, 4 and e8m0 and the table of its Cast
 * operator. */
#ifndef BASE_HALF_H
#define BASE_HALF_H

#include <stdbool.h>
#include <stdint.h>

float half_f16_to_f32(uint16_t bits);
uint16_t half_f32_to_f16(float value);
float half_bf16_to_f32(uint16_t bits);
uint16_t half_f32_to_bf16(float value);

/* The OCP and Graphcore 8-bit formats. */
enum half_f8 { HALF_F8E4M3FN, HALF_F8E4M3FNUZ, HALF_F8E5M2, HALF_F8E5M2FNUZ };

float half_f8_to_f32(uint8_t bits, enum half_f8 format);

/* `saturate`: what rounds out of range, infinity too, gives the largest finite value, else infinity or, in formats
 * without one, NaN. */
uint8_t half_f32_to_f8(float value, enum half_f8 format, bool saturate);

/* Powers of two, 2^-127 to 2^127, and NaN. */
float half_e8m0_to_f32(uint8_t bits);

/* How a number between two powers of two goes: to the upper, the lower, or the nearer (from 1.5 times the lower, the
 * upper). */
enum half_round { HALF_UP, HALF_DOWN, HALF_NEAREST };

/* Of the magnitude. Out of range (and 0, infinity) gives the nearest end of the range with `saturate`, else NaN. */
uint8_t half_f32_to_e8m0(float value, enum half_round round, bool saturate);

/* 0, 0.5, 1, 1.5, 2, 3, 4, 6 and their negatives, in the low 4 bits. Out of range gives 6; NaN too, having no place. */
float half_e2m1_to_f32(uint8_t bits);
uint8_t half_f32_to_e2m1(float value);

#endif
