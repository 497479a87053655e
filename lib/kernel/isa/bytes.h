/* Bytes as lanes of vec.h's vectors of 32-bit integers, and rounding floats to bytes. */
#ifndef KERNEL_ISA_BYTES_H
#define KERNEL_ISA_BYTES_H

#include <string.h>

#include "kernel/isa/vec.h"
#include "kernel/product.h"

typedef uint8_t v_u8 __attribute__((vector_size(VL)));
typedef int8_t v_s8 __attribute__((vector_size(VL)));

/* VL bytes, widened. */
V_FN v_i32 v_load_bytes(const void *p, bool is_signed)
{
    if (is_signed) {
        v_s8 x;
        memcpy(&x, p, sizeof x);
        return __builtin_convertvector(x, v_i32);
    }
    v_u8 x;
    memcpy(&x, p, sizeof x);
    return __builtin_convertvector(x, v_i32);
}

/* The first n of them, 0 <= n < VL; the other lanes are 0. Nothing else is touched. */
V_FN v_i32 v_load_bytes_n(const void *p, bool is_signed, int n)
{
    uint8_t all[VL] = {0};
    const uint8_t *from = p;
    for (int i = 0; i < n; i++)
        all[i] = from[i];
    return v_load_bytes(all, is_signed);
}

/* The lowest byte of each lane. */
V_FN void v_store_bytes(void *p, v_i32 x)
{
#if defined(ISA_avx512)
    _mm_storeu_si128(p, _mm512_cvtepi32_epi8((__m512i)x));
#elif defined(ISA_avx2)
    const __m256i lowest = _mm256_set1_epi32(0x0c080400), pick = _mm256_setr_epi32(0, 4, 0, 0, 0, 0, 0, 0);
    __m256i lanes = _mm256_permutevar8x32_epi32(_mm256_shuffle_epi8((__m256i)x, lowest), pick);
    _mm_storel_epi64(p, _mm256_castsi256_si128(lanes));
#else
    v_u8 lowest = __builtin_convertvector((v_u32)x, v_u8);
    memcpy(p, &lowest, sizeof lowest);
#endif
}

/* Those of the first n lanes, 0 <= n <= VL. */
V_FN void v_store_bytes_n(void *p, v_i32 x, int n)
{
#if defined(ISA_avx512)
    _mm_mask_storeu_epi8(p, m_first(n), _mm512_cvtepi32_epi8((__m512i)x));
#else
    uint8_t all[VL], *to = p;
    v_store_bytes(all, x);
    for (int i = 0; i < n; i++)
        to[i] = all[i];
#endif
}

struct v_rounding {
    v_f32 low, high;
    v_i32 zero;
};

V_FN struct v_rounding v_rounding_of(const struct kernel_rounding *r)
{
    return (struct v_rounding){v_set1(r->low), v_set1(r->high), v_set1_i32(r->zero)};
}

/* Adding 1.5 * 2^23 rounds what is smaller than 2^22 to a whole number, ties to even, and leaves it in the lowest bits;
 * those of the constant are 0. Bounds first: they are whole numbers, so that rounding does not leave them. */
V_FN v_i32 v_round_lowest(v_f32 x, const struct v_rounding *r)
{
    x = v_min(r->high, v_max(r->low, x));
    return v_add_i32(v_as_i32(v_add(x, v_set1(12582912.0f))), r->zero);
}

#endif
