/* vec.h for the Advanced SIMD that every 64-bit ARM has. */
#ifndef KERNEL_ISA_VEC_NEON_H
#define KERNEL_ISA_VEC_NEON_H

#include <arm_neon.h>

#include "kernel/isa/vec_lanes.h"

V_FN bool m_any(v_mask a)
{
    return vmaxvq_u32((uint32x4_t)a) != 0;
}

V_FN v_f32 v_set1(float x)
{
    return vdupq_n_f32(x);
}

V_FN v_i32 v_set1_i32(int32_t x)
{
    return vdupq_n_s32(x);
}

V_FN v_f32 v_fma(v_f32 a, v_f32 b, v_f32 c)
{
    return vfmaq_f32(c, a, b);
}

/* a b[lane] + c */
V_FN v_f32 v_fma_lane(v_f32 a, v_f32 b, int lane, v_f32 c)
{
    switch (lane) {
    case 0:
        return vfmaq_laneq_f32(c, a, b, 0);
    case 1:
        return vfmaq_laneq_f32(c, a, b, 1);
    case 2:
        return vfmaq_laneq_f32(c, a, b, 2);
    default:
        return vfmaq_laneq_f32(c, a, b, 3);
    }
}

V_FN void v_fma_to(v_f32 *c, v_f32 a, v_f32 b)
{
    *c = v_fma(a, b, *c);
}

V_FN v_f32 v_permute(v_f32 x, v_i32 lanes)
{
    uint32x4_t bytes = (uint32x4_t)lanes * 0x04040404 + 0x03020100;
    return (v_f32)vqtbl1q_u8((uint8x16_t)x, (uint8x16_t)bytes);
}

V_FN v_f32 v_fnma(v_f32 a, v_f32 b, v_f32 c)
{
    return vfmsq_f32(c, a, b);
}

V_FN v_f32 v_max(v_f32 a, v_f32 b)
{
    return vmaxq_f32(a, b);
}

V_FN v_f32 v_min(v_f32 a, v_f32 b)
{
    return vminq_f32(a, b);
}

V_FN v_f32 v_sqrt(v_f32 x)
{
    return vsqrtq_f32(x);
}

V_FN v_f32 v_floor(v_f32 x)
{
    return vrndmq_f32(x);
}

V_FN v_f32 v_ceil(v_f32 x)
{
    return vrndpq_f32(x);
}

V_FN v_f32 v_round(v_f32 x)
{
    return vrndnq_f32(x);
}

V_FN v_f32 v_select(v_mask mask, v_f32 a, v_f32 b)
{
    return vbslq_f32((uint32x4_t)mask, a, b);
}

V_FN v_f32 v_from_f16(const uint16_t *p)
{
    return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(p)));
}

V_FN void v_to_f16(uint16_t *p, v_f32 x)
{
    vst1_u16(p, vreinterpret_u16_f16(vcvt_f16_f32(x)));
}

#endif
