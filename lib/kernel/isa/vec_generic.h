/* vec.h in what gcc offers for any processor: 16-byte vectors and scalar code. */
#ifndef KERNEL_ISA_VEC_GENERIC_H
#define KERNEL_ISA_VEC_GENERIC_H

#include "base/half.h"

#include "kernel/isa/vec_lanes.h"

V_FN bool m_any(v_mask a)
{
    return (a[0] | a[1] | a[2] | a[3]) != 0;
}

V_FN v_f32 v_set1(float x)
{
    return (v_f32){x, x, x, x};
}

V_FN v_i32 v_set1_i32(int32_t x)
{
    return (v_i32){x, x, x, x};
}

V_FN v_f32 v_fma(v_f32 a, v_f32 b, v_f32 c)
{
    return a * b + c;
}

V_FN void v_fma_to(v_f32 *c, v_f32 a, v_f32 b)
{
    *c = v_fma(a, b, *c);
}

V_FN v_f32 v_permute(v_f32 x, v_i32 lanes)
{
    v_i32 at = lanes & 3; /* as the other levels take them: any stay inside */
    return (v_f32){x[at[0]], x[at[1]], x[at[2]], x[at[3]]};
}

V_FN v_f32 v_fnma(v_f32 a, v_f32 b, v_f32 c)
{
    return c - a * b;
}

V_FN v_f32 v_select(v_mask mask, v_f32 a, v_f32 b)
{
    return (v_f32)((mask & (v_i32)a) | (~mask & (v_i32)b));
}

V_FN v_f32 v_max(v_f32 a, v_f32 b)
{
    return v_select(a > b, a, b);
}

V_FN v_f32 v_min(v_f32 a, v_f32 b)
{
    return v_select(a < b, a, b);
}

V_FN v_f32 v_sqrt(v_f32 x)
{
    return (v_f32){__builtin_sqrtf(x[0]), __builtin_sqrtf(x[1]), __builtin_sqrtf(x[2]), __builtin_sqrtf(x[3])};
}

/* Half to even, by the sum with 2^23, whose last digit is worth one. From 2^23 on every float is whole. */
V_FN v_f32 v_round(v_f32 x)
{
    v_i32 sign = (v_i32)x & INT32_MIN;
    v_f32 size = (v_f32)((v_i32)x & INT32_MAX);
    v_f32 whole = (v_f32)((v_i32)((size + 0x1p23f) - 0x1p23f) | sign);
    return v_select(size < 0x1p23f, whole, x);
}

V_FN v_f32 v_floor(v_f32 x)
{
    v_i32 sign = (v_i32)x & INT32_MIN;
    v_f32 whole = v_round(x);
    v_f32 below = whole - (v_f32)((whole > x) & (v_i32)v_set1(1));
    return v_select(x == x, (v_f32)((v_i32)below | sign), x);
}

V_FN v_f32 v_ceil(v_f32 x)
{
    return -v_floor(-x);
}

V_FN v_f32 v_from_f16(const uint16_t *p)
{
    return (v_f32){half_f16_to_f32(p[0]), half_f16_to_f32(p[1]), half_f16_to_f32(p[2]), half_f16_to_f32(p[3])};
}

V_FN void v_to_f16(uint16_t *p, v_f32 x)
{
    for (int i = 0; i < VL; i++)
        p[i] = half_f32_to_f16(x[i]);
}

#endif
