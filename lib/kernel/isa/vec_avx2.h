/* vec.h for AVX2 with FMA and F16C. */
#ifndef KERNEL_ISA_VEC_AVX2_H
#define KERNEL_ISA_VEC_AVX2_H

#include <immintrin.h>

#include "kernel/isa/vec_lanes.h"

V_FN bool m_any(v_mask a)
{
    return _mm256_movemask_ps((__m256)a) != 0;
}

V_FN v_f32 v_load_n(const float *p, int n)
{
    return _mm256_maskload_ps(p, (__m256i)m_first(n));
}

V_FN void v_store_n(float *p, v_f32 x, int n)
{
    _mm256_maskstore_ps(p, (__m256i)m_first(n), x);
}

V_FN v_f32 v_set1(float x)
{
    return _mm256_set1_ps(x);
}

V_FN v_i32 v_set1_i32(int32_t x)
{
    return (v_i32)_mm256_set1_epi32(x);
}

V_FN v_f32 v_fma(v_f32 a, v_f32 b, v_f32 c)
{
    return _mm256_fmadd_ps(a, b, c);
}

V_FN void v_fma_to(v_f32 *c, v_f32 a, v_f32 b)
{
    __asm__("vfmadd231ps %2, %1, %0" : "+x"(*c) : "x"(a), "x"(b));
}

V_FN v_f32 v_fnma(v_f32 a, v_f32 b, v_f32 c)
{
    return _mm256_fnmadd_ps(a, b, c);
}

V_FN v_f32 v_max(v_f32 a, v_f32 b)
{
    return _mm256_max_ps(a, b);
}

V_FN v_f32 v_min(v_f32 a, v_f32 b)
{
    return _mm256_min_ps(a, b);
}

V_FN v_f32 v_sqrt(v_f32 x)
{
    return _mm256_sqrt_ps(x);
}

V_FN v_f32 v_floor(v_f32 x)
{
    return _mm256_floor_ps(x);
}

V_FN v_f32 v_ceil(v_f32 x)
{
    return _mm256_ceil_ps(x);
}

V_FN v_f32 v_round(v_f32 x)
{
    return _mm256_round_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

V_FN v_f32 v_select(v_mask mask, v_f32 a, v_f32 b)
{
    return _mm256_blendv_ps(b, a, (__m256)mask);
}

V_FN v_f32 v_permute(v_f32 x, v_i32 lanes)
{
    return _mm256_permutevar8x32_ps(x, (__m256i)lanes);
}

V_FN v_f32 v_from_f16(const uint16_t *p)
{
    return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)p));
}

V_FN void v_to_f16(uint16_t *p, v_f32 x)
{
    _mm_storeu_si128((__m128i *)p, _mm256_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}

#endif
