/* vec.h for AVX-512 (F, BW, DQ, VL): masks live in mask registers. */
#ifndef KERNEL_ISA_VEC_AVX512_H
#define KERNEL_ISA_VEC_AVX512_H

#include <immintrin.h>

typedef __mmask16 v_mask;

V_FN v_mask m_first(int n)
{
    return (v_mask)((1u << n) - 1);
}

V_FN v_mask m_and(v_mask a, v_mask b)
{
    return (v_mask)(a & b);
}

V_FN v_mask m_or(v_mask a, v_mask b)
{
    return (v_mask)(a | b);
}

V_FN v_mask m_not(v_mask a)
{
    return (v_mask)~a;
}

V_FN bool m_any(v_mask a)
{
    return a != 0;
}

V_FN v_f32 v_load_n(const float *p, int n)
{
    return _mm512_maskz_loadu_ps(m_first(n), p);
}

V_FN void v_store_n(float *p, v_f32 x, int n)
{
    _mm512_mask_storeu_ps(p, m_first(n), x);
}

V_FN v_f32 v_set1(float x)
{
    return _mm512_set1_ps(x);
}

V_FN v_i32 v_set1_i32(int32_t x)
{
    return (v_i32)_mm512_set1_epi32(x);
}

/* The half of a vector at p, in both halves. */
V_FN v_f32 v_load_twice(const float *p)
{
    return _mm512_broadcast_f32x8(_mm256_loadu_ps(p));
}

/* The lower half of a, the upper one of b. */
V_FN v_f32 v_join_halves(v_f32 a, v_f32 b)
{
    return _mm512_mask_blend_ps(0xff00, a, b);
}

/* In the lower lanes. */
V_FN v_f32 v_upper_half(v_f32 x)
{
    return _mm512_castps256_ps512(_mm512_extractf32x8_ps(x, 1));
}

V_FN v_f32 v_fma(v_f32 a, v_f32 b, v_f32 c)
{
    return _mm512_fmadd_ps(a, b, c);
}

V_FN void v_fma_to(v_f32 *c, v_f32 a, v_f32 b)
{
    __asm__("vfmadd231ps %2, %1, %0" : "+v"(*c) : "v"(a), "v"(b));
}

V_FN v_f32 v_fnma(v_f32 a, v_f32 b, v_f32 c)
{
    return _mm512_fnmadd_ps(a, b, c);
}

/* x times 2 to the power of n rounded down, infinity where that is too large; 0 where m is not set. */
#define V_SCALE(x, n, m) _mm512_maskz_scalef_ps(m, x, n)
#define V_NOT_LESS(a, b) _mm512_cmp_ps_mask(a, b, _CMP_NLT_UQ)

V_FN v_f32 v_max(v_f32 a, v_f32 b)
{
    return _mm512_max_ps(a, b);
}

V_FN v_f32 v_min(v_f32 a, v_f32 b)
{
    return _mm512_min_ps(a, b);
}

V_FN v_f32 v_sqrt(v_f32 x)
{
    return _mm512_sqrt_ps(x);
}

V_FN v_f32 v_floor(v_f32 x)
{
    return _mm512_roundscale_ps(x, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
}

V_FN v_f32 v_ceil(v_f32 x)
{
    return _mm512_roundscale_ps(x, _MM_FROUND_TO_POS_INF | _MM_FROUND_NO_EXC);
}

V_FN v_f32 v_round(v_f32 x)
{
    return _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

V_FN v_mask v_lt(v_f32 a, v_f32 b)
{
    return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ);
}

V_FN v_mask v_le(v_f32 a, v_f32 b)
{
    return _mm512_cmp_ps_mask(a, b, _CMP_LE_OQ);
}

V_FN v_mask v_eq(v_f32 a, v_f32 b)
{
    return _mm512_cmp_ps_mask(a, b, _CMP_EQ_OQ);
}

V_FN v_mask v_isnan(v_f32 x)
{
    return _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q);
}

V_FN v_mask v_lt_i32(v_i32 a, v_i32 b)
{
    return _mm512_cmplt_epi32_mask((__m512i)a, (__m512i)b);
}

V_FN v_mask v_eq_i32(v_i32 a, v_i32 b)
{
    return _mm512_cmpeq_epi32_mask((__m512i)a, (__m512i)b);
}

V_FN v_f32 v_select(v_mask mask, v_f32 a, v_f32 b)
{
    return _mm512_mask_blend_ps(mask, b, a);
}

V_FN v_i32 v_select_i32(v_mask mask, v_i32 a, v_i32 b)
{
    return (v_i32)_mm512_mask_blend_epi32(mask, (__m512i)b, (__m512i)a);
}

V_FN v_f32 v_permute(v_f32 x, v_i32 lanes)
{
    return _mm512_permutexvar_ps((__m512i)lanes, x);
}

V_FN v_f32 v_from_f16(const uint16_t *p)
{
    return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)p));
}

V_FN void v_to_f16(uint16_t *p, v_f32 x)
{
    _mm256_storeu_si256((__m256i *)p, _mm512_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}

#endif
