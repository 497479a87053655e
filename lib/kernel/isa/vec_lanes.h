/* What the levels whose masks are vectors of 0 and -1 have in common. */
#ifndef KERNEL_ISA_VEC_LANES_H
#define KERNEL_ISA_VEC_LANES_H

typedef v_i32 v_mask;

V_FN v_mask m_first(int n)
{
    return V_IOTA < n;
}

V_FN v_mask m_and(v_mask a, v_mask b)
{
    return a & b;
}

V_FN v_mask m_or(v_mask a, v_mask b)
{
    return a | b;
}

V_FN v_mask m_not(v_mask a)
{
    return ~a;
}

V_FN v_mask v_lt(v_f32 a, v_f32 b)
{
    return a < b;
}

V_FN v_mask v_le(v_f32 a, v_f32 b)
{
    return a <= b;
}

V_FN v_mask v_eq(v_f32 a, v_f32 b)
{
    return a == b;
}

V_FN v_mask v_isnan(v_f32 x)
{
    return x != x;
}

V_FN v_mask v_lt_i32(v_i32 a, v_i32 b)
{
    return a < b;
}

V_FN v_mask v_eq_i32(v_i32 a, v_i32 b)
{
    return a == b;
}

V_FN v_i32 v_select_i32(v_mask mask, v_i32 a, v_i32 b)
{
    return (mask & a) | (~mask & b);
}

#if VL == 4
V_LONG v_f32 v_load_n(const float *p, int n)
{
    v_f32 x = {n > 0 ? p[0] : 0, n > 1 ? p[1] : 0, n > 2 ? p[2] : 0, n > 3 ? p[3] : 0};
    return x;
}

V_LONG void v_store_n(float *p, v_f32 x, int n)
{
    if (n > 0)
        p[0] = x[0];
    if (n > 1)
        p[1] = x[1];
    if (n > 2)
        p[2] = x[2];
    if (n > 3)
        p[3] = x[3];
}
#endif

#endif
