#include "base/half.h"

#include <string.h>

static uint32_t bits_of(float value)
{
    uint32_t bits;

    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static float float_of(uint32_t bits)
{
    float value;

    memcpy(&value, &bits, sizeof value);
    return value;
}

/* x / 2^n, rounded to nearest even; n up to 31. */
static inline uint32_t shift_even(uint32_t x, int n)
{
    uint32_t odd = x >> n & 1;

    return n == 0 ? x : (uint32_t)(((uint64_t)x + (1u << (n - 1)) - 1 + odd) >> n);
}

/* The code of a finite positive float (by its bits) in a format of `mant` mantissa bits. Codes of a format without
 * upper end rise with the value, so that what is out of range shows as a code beyond the format's largest. */
static inline uint32_t narrow(uint32_t bits, int mant, int bias)
{
    int exponent = (int)(bits >> 23) - 127 + bias, drop = 23 - mant;
    uint32_t fraction = (bits & 0x7fffff) | (bits >> 23 ? 0x800000u : 0);

    if (bits >> 23 == 0)
        exponent++;
    if (exponent > 0) /* the hidden bit adds one to the exponent */
        return shift_even(((uint32_t)(exponent - 1) << 23) + fraction, drop);
    drop += 1 - exponent;
    return drop > 25 ? 0 : shift_even(fraction, drop);
}

/* The bits of the float that a code stands for: the inverse of narrow(). */
static inline uint32_t widen(uint32_t code, int mant, int bias)
{
    int exponent = (int)(code >> mant) - bias + 127, top;
    uint32_t fraction = code & ((1u << mant) - 1);

    if (code >> mant)
        return (uint32_t)exponent << 23 | fraction << (23 - mant);
    if (fraction == 0)
        return 0;
    top = 31 - __builtin_clz(fraction); /* a denormal: its top bit becomes the hidden one */
    return (uint32_t)(exponent + 1 - mant + top) << 23 | ((fraction << (23 - top)) & 0x7fffff);
}

float half_f16_to_f32(uint16_t bits)
{
    uint32_t sign = (uint32_t)(bits & 0x8000) << 16, code = bits & 0x7fff;

    if (code >= 0x7c00)
        return float_of(sign | 0x7f800000 | (code & 0x3ff) << 13);
    return float_of(sign | widen(code, 10, 15));
}

uint16_t half_f32_to_f16(float value)
{
    uint32_t bits = bits_of(value), sign = bits >> 16 & 0x8000, code;

    bits &= 0x7fffffff;
    if (bits > 0x7f800000)
        return (uint16_t)(sign | 0x7e00 | (bits >> 13 & 0x3ff));
    code = narrow(bits, 10, 15);
    return (uint16_t)(sign | (code < 0x7c00 ? code : 0x7c00));
}

float half_bf16_to_f32(uint16_t bits)
{
    return float_of((uint32_t)bits << 16);
}

uint16_t half_f32_to_bf16(float value)
{
    uint32_t bits = bits_of(value);

    if ((bits & 0x7fffffff) > 0x7f800000)
        return (uint16_t)(bits >> 16 | 0x40);
    return (uint16_t)shift_even(bits, 16);
}

/* Mantissa bits, bias, largest finite code, codes of infinity (0: none) and NaN. Of the formats whose only NaN is the
 * code of -0, which they lack, `nan` is that code. */
struct f8 {
    uint8_t mant, bias, largest, infinity, nan;
};

static const struct f8 f8_formats[] = {
    [HALF_F8E4M3FN] = {3, 7, 0x7e, 0, 0x7f},
    [HALF_F8E4M3FNUZ] = {3, 8, 0x7f, 0, 0x80},
    [HALF_F8E5M2] = {2, 15, 0x7b, 0x7c, 0x7f},
    [HALF_F8E5M2FNUZ] = {2, 16, 0x7f, 0, 0x80},
};

float half_f8_to_f32(uint8_t bits, enum half_f8 format)
{
    const struct f8 *f = &f8_formats[format];
    uint32_t sign = (uint32_t)(bits & 0x80) << 24, code = bits & 0x7f;

    if (f->nan == 0x80 && bits == 0x80)
        return float_of(0x7fc00000);
    if (code <= f->largest)
        return float_of(sign | widen(code, f->mant, f->bias));
    return float_of(sign | (code == f->infinity ? 0x7f800000 : 0x7fc00000));
}

uint8_t half_f32_to_f8(float value, enum half_f8 format, bool saturate)
{
    const struct f8 *f = &f8_formats[format];
    uint32_t bits = bits_of(value), sign = bits >> 24 & 0x80, code;

    bits &= 0x7fffffff;
    if (bits > 0x7f800000)
        return (uint8_t)(sign | f->nan);
    code = bits == 0x7f800000 ? 0xff : narrow(bits, f->mant, f->bias);
    if (code > f->largest)
        code = saturate ? f->largest : f->infinity ? f->infinity : f->nan;
    if (code == 0 && f->nan == 0x80)
        return 0; /* no -0 */
    return (uint8_t)(sign | code);
}

float half_e8m0_to_f32(uint8_t bits)
{
    return float_of(bits == 0xff ? 0x7fc00000 : bits == 0 ? 0x400000 : (uint32_t)bits << 23);
}

uint8_t half_f32_to_e8m0(float value, enum half_round round, bool saturate)
{
    uint32_t bits = bits_of(value) & 0x7fffffff, code = bits >> 23, rest = bits & 0x7fffff;

    if (bits > 0x7f800000)
        return 0xff;
    if (code == 0) { /* a denormal: 2^-127 is the bit 22 of it, 2^-126 the next code */
        if (bits < 0x400000)
            return saturate ? 0 : 0xff;
        rest = (rest - 0x400000) << 1;
    }
    if (rest && round != HALF_DOWN && (round == HALF_UP || rest >= 0x400000))
        code++;
    return (uint8_t)(code < 0xff ? code : saturate ? 0xfe : 0xff);
}

float half_e2m1_to_f32(uint8_t bits)
{
    return float_of((uint32_t)(bits & 8) << 28 | widen(bits & 7, 1, 1));
}

uint8_t half_f32_to_e2m1(float value)
{
    uint32_t bits = bits_of(value), sign = bits >> 28 & 8, code;

    bits &= 0x7fffffff;
    code = bits >= 0x7f800000 ? 7 : narrow(bits, 1, 1);
    return (uint8_t)(sign | (code < 7 ? code : 7));
}
