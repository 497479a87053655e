/* Floats as sums of three bfloat16, each rounded to nearest: 8 of 24 bits each. In a block of 32 elements each of the
 * first 16 has the one 16 behind it beside itself. */
#ifndef KERNEL_ISA_SPLIT_H
#define KERNEL_ISA_SPLIT_H

#include "kernel/isa/vec.h"

#if defined(ISA_avx512)

#define SPLIT_PARTS 3
#define SPLIT_BLOCK 32

/* The parts of 32 elements, the highest one at `to`, others `step` further each. */
V_FN void split_pairs(uint16_t *to, ptrdiff_t step, v_f32 first, v_f32 second)
{
    const __m512i half = _mm512_set1_epi32(0x8000), high = _mm512_set1_epi32(-65536);
    V_UNROLL(3)
    for (int i = 0; i < SPLIT_PARTS; i++, to += step) {
        const __m512i one = _mm512_and_si512(_mm512_add_epi32((__m512i)first, half), high),
                      two = _mm512_and_si512(_mm512_add_epi32((__m512i)second, half), high);
        _mm512_storeu_si512(to, _mm512_or_si512(_mm512_srli_epi32(one, 16), two));
        first = v_sub(first, (v_f32)one);
        second = v_sub(second, (v_f32)two);
    }
}

#endif

#endif
