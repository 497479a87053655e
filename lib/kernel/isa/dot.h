/* Sums of products of bytes, exact: each lane of a vector of B holds DOT_KR elements of a column, and gets as many of a
 * row's.
 *
 *   DOT_KR            elements that are multiplied together
 *   dot_element       the type that a row's elements have while they are summed
 *   DOT_OFFSET(sign)  what is added to a u8 (false) or s8 (true) to become one
 *   DOT_DIRECT        rows need not be gathered: bytes are elements, or become ones, if a row `turns`, when `turn`, of
 *                     each lane, is taken from them by xor
 *   dot_row(p, turn, turns)
 *                     DOT_KR elements of a row, in every lane
 *   dot_columns(p)    elements of B for one vector of sums
 *   dot_to(&c, a, b)  c += the products; dot_to_both(c, a, b) does it for two vectors of columns
 *   DOT_PAIRS         if defined, a vector of sums is of two rows by two columns while it is summed: dot_rows(p, q) is
 *                     for dot_row, dot_turn for the sums before and after
 *   DOT_OCTETS        if defined, octets_q8.h has a better way for rows of small elements
 */
#ifndef KERNEL_ISA_DOT_H
#define KERNEL_ISA_DOT_H

#include <string.h>

#include "kernel/isa/bytes.h"

#if defined(ISA_avx512vnni) || defined(ISA_avxvnni)

/* vpdpbusd multiplies u8 by s8, and does not saturate. */
#define DOT_KR           4
#define DOT_OFFSET(sign) ((sign) ? 128 : 0)
#define DOT_DIRECT       1
typedef uint8_t dot_element;

V_FN v_i32 dot_columns(const int8_t *p)
{
    return v_load_i32((const int32_t *)(const void *)p);
}

V_FN void dot_to(v_i32 *c, v_i32 a, v_i32 b)
{
#if defined(ISA_avx512vnni)
    __asm__("vpdpbusd %2, %1, %0" : "+v"(*c) : "v"(a), "v"(b));
#else
    __asm__("%{vex%} vpdpbusd %2, %1, %0" : "+x"(*c) : "x"(a), "x"(b));
#endif
}

#elif defined(ISA_dotprod)

#define DOT_KR           4
#define DOT_OFFSET(sign) ((sign) ? 0 : -128)
typedef int8_t dot_element;

V_FN v_i32 dot_columns(const int8_t *p)
{
    return (v_i32)vld1q_s8(p);
}

V_FN void dot_to(v_i32 *c, v_i32 a, v_i32 b)
{
    __asm__("sdot %0.4s, %1.16b, %2.16b" : "+w"(*c) : "w"(b), "w"(a));
}

#elif defined(ISA_i8mm)

/* smmla multiplies two rows by two columns, of eight elements each. */
#define DOT_KR           8
#define DOT_OFFSET(sign) ((sign) ? 0 : -128)
#define DOT_PAIRS        1
typedef int8_t dot_element;

V_FN v_i32 dot_columns(const int8_t *p)
{
    return (v_i32)vld1q_s8(p);
}

V_FN v_i32 dot_rows(const dot_element *one, const dot_element *two)
{
    return (v_i32)vcombine_s8(vld1_s8(one), vld1_s8(two));
}

V_FN void dot_to(v_i32 *c, v_i32 a, v_i32 b)
{
    __asm__("smmla %0.4s, %1.16b, %2.16b" : "+w"(*c) : "w"(a), "w"(b));
}

#elif defined(ISA_neon)

/* A product of two s8 fits 16 bits, and pairs of them are added to 32. */
#define DOT_KR           2
#define DOT_OFFSET(sign) ((sign) ? 0 : -128)
typedef int8_t dot_element;

V_FN v_i32 dot_columns(const int8_t *p)
{
    int8x8_t pairs = vld1_s8(p);
    return (v_i32)vcombine_s8(pairs, pairs);
}

V_FN void dot_to(v_i32 *c, v_i32 a, v_i32 b)
{
    *c = (v_i32)vpadalq_s16((int32x4_t)*c, vmull_s8(vget_low_s8((int8x16_t)a), vget_low_s8((int8x16_t)b)));
}

#else

/* Products of 16 bits, added in pairs: the only exact way before VNNI, since vpmaddubsw saturates. */
#define DOT_KR           2
#define DOT_OFFSET(sign) 0
#ifdef ISA_avx2
#define DOT_OCTETS 1
#endif
typedef int16_t dot_element;

V_FN v_i32 dot_columns(const int8_t *p)
{
#if defined(ISA_avx512)
    return (v_i32)_mm512_cvtepi8_epi16(_mm256_loadu_si256((const __m256i *)(const void *)p));
#elif defined(ISA_avx2)
    return (v_i32)_mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(const void *)p));
#else
    v_pairs x = {0};
    for (int i = 0; i < 2 * VL; i++)
        x[i] = p[i];
    return (v_i32)x;
#endif
}

V_FN void dot_to(v_i32 *c, v_i32 a, v_i32 b)
{
    v_madd_pairs(c, a, b);
}

#endif

#ifndef DOT_DIRECT
#define DOT_DIRECT 0
#endif

#ifdef DOT_PAIRS

/* Sums of two rows' four columns become those of the two rows by two columns, and back. */
V_FN void dot_turn(v_i32 *one, v_i32 *two)
{
    int64x2_t x = (int64x2_t)*one, y = (int64x2_t)*two;
    *one = (v_i32)vzip1q_s64(x, y);
    *two = (v_i32)vzip2q_s64(x, y);
}

#else

V_FN void dot_to_both(v_i32 *c, v_i32 a, const v_i32 *b)
{
#if DOT_KR == 2 && !defined(ISA_neon)
    v_madd_pairs_both(c, a, b);
#else
    dot_to(&c[0], a, b[0]);
    dot_to(&c[1], a, b[1]);
#endif
}

V_FN v_i32 dot_row(const dot_element *p, v_i32 turn, bool turns)
{
#if defined(ISA_neon) && DOT_KR == 2
    (void)turn, (void)turns;
    int16_t x;
    memcpy(&x, p, sizeof x);
    return (v_i32)vdupq_n_s16(x);
#else
    int32_t x;
    memcpy(&x, p, sizeof x);
    return turns ? v_xor_i32(v_set1_i32(x), turn) : v_set1_i32(x);
#endif
}

#endif

#endif
