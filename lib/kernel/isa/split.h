/* Floats as sums of three bfloat16, each rounded to nearest: 8 of 24 bits each. In a block of 32 elements each of the
 * first 16 has the one 16 behind it beside itself. */
#ifndef KERNEL_ISA_SPLIT_H
#define KERNEL_ISA_SPLIT_H

#include "kernel/isa/vec.h"

#if defined(ISA_avx512)

#define SPLIT_PARTS 3
#define SPLIT_BLOCK 32

#define SPLIT_HIGH  (-65536)   /* the bits of a bfloat16 in a float */
#define SPLIT_LARGE 0x7f7f8000 /* magnitudes from here on are rounded to infinity */

/* The float's highest part. `whole`: rounded down where it would be infinite, and a NaN stays one. */
V_FN __m512i split_part(v_f32 x, bool whole)
{
    const __m512i size = _mm512_and_si512((__m512i)x, _mm512_set1_epi32(INT32_MAX)), half = _mm512_set1_epi32(0x8000);
    const __mmask16 fits = whole ? _mm512_cmplt_epi32_mask(size, _mm512_set1_epi32(SPLIT_LARGE)) : 0xffff;
    __m512i bits = _mm512_mask_add_epi32((__m512i)x, fits, (__m512i)x, half);
    if (whole)
        bits = _mm512_mask_or_epi32(bits, _mm512_cmp_ps_mask((__m512)x, (__m512)x, _CMP_UNORD_Q), bits,
                                    _mm512_set1_epi32(0x400000));
    return _mm512_and_si512(bits, _mm512_set1_epi32(SPLIT_HIGH));
}

/* The parts of 32 elements, the highest one at `to`, others `step` further each. */
V_FN void split_pairs(uint16_t *to, ptrdiff_t step, v_f32 first, v_f32 second, bool whole)
{
    V_UNROLL(3)
    for (int i = 0; i < SPLIT_PARTS; i++, to += step) {
        const __m512i one = split_part(first, whole), two = split_part(second, whole);
        _mm512_storeu_si512(to, _mm512_or_si512(_mm512_srli_epi32(one, 16), two));
        first = v_sub(first, (v_f32)one);
        second = v_sub(second, (v_f32)two);
    }
}

/* The first or second floats of pairs. */
V_FN v_f32 split_join(const uint16_t *from, ptrdiff_t step, bool second)
{
    v_f32 part[SPLIT_PARTS];
    for (int i = 0; i < SPLIT_PARTS; i++, from += step) {
        __m512i pair = _mm512_loadu_si512(from);
        part[i] = (v_f32)(second ? _mm512_and_si512(pair, _mm512_set1_epi32(SPLIT_HIGH)) : _mm512_slli_epi32(pair, 16));
    }
    const __m512 high = (__m512)part[0];
    const __mmask16 none = _mm512_cmp_ps_mask(_mm512_mul_ps(high, _mm512_setzero_ps()), high, _CMP_UNORD_Q);
    return (v_f32)_mm512_mask_mov_ps((__m512)v_add(v_add(part[0], part[1]), part[2]), none, high);
}

#endif

#endif
