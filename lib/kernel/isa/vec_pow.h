/* pow() of a vector, in double precision by halves: error 0.5 ulp but for rare cases, with C's rules for signs, zeros
 * and infinities. */
#ifndef KERNEL_ISA_VEC_POW_H
#define KERNEL_ISA_VEC_POW_H

#include <math.h>

#include "kernel/isa/vec.h"

typedef float v_half __attribute__((vector_size(VL * 2)));
typedef double v_f64 __attribute__((vector_size(VL * 4)));
typedef int64_t v_i64 __attribute__((vector_size(VL * 4)));

V_FN v_f64 v_select_f64(v_i64 mask, v_f64 a, v_f64 b)
{
    return (v_f64)((mask & (v_i64)a) | (~mask & (v_i64)b));
}

V_FN v_f64 v_polynomial_f64(v_f64 x, const double *c, int n)
{
    v_f64 sum = (v_f64){0} + c[n - 1];
    V_UNROLL(16)
    for (int i = n - 2; i >= 0; i--)
        sum = sum * x + c[i];
    return sum;
}

/* Between a double and a small integer, by adding a number whose last digit is worth one. */
#define V_ROUNDER_F64 0x1.8p52

/* log2 x for x > 0, normal or infinite: x = 2^e m with m between sqrt(1/2) and sqrt 2, log m = 2 atanh((m - 1) /
 * (m + 1)). Error: 2^-45. */
V_FN v_f64 v_log2_f64(v_f64 x)
{
    static const double c[] = {2.8853900817778504,  0.9617966941123434, 0.5770779426353535,
                               0.41220922677643546, 0.3199066851093234, 0.2828868167240877};
    const int64_t middle = 0x3fe6a09e667f3bcd; /* sqrt(1/2) */
    v_i64 bits = (v_i64)x - middle;
    v_f64 m = (v_f64)((bits & 0xfffffffffffff) + middle);
    v_f64 e = (v_f64)((bits >> 52) + 0x4338000000000000) - V_ROUNDER_F64;
    v_f64 s = (m - 1) / (m + 1);
    v_f64 y = e + s * v_polynomial_f64(s * s, c, 6);
    return v_select_f64(x == (double)INFINITY, x, y);
}

/* 2^x; what does not fit a float by far becomes 2^±1000. Error: 2^-34. */
V_FN v_f64 v_exp2_f64(v_f64 x)
{
    static const double c[] = {0.9999999999595618,   0.6931471805568324,   0.24022651213498092,
                               0.055504109063258665, 0.009618025613318034, 0.0013333478473685416,
                               0.00015469729214118296, 1.5303700711365693e-05};
    const v_f64 most = (v_f64){0} + 1000;
    x = v_select_f64(x > most, most, x);
    x = v_select_f64(x < -most, -most, x);
    v_f64 shifted = x + V_ROUNDER_F64;
    v_f64 y = v_polynomial_f64(x - (shifted - V_ROUNDER_F64), c, 8);
    return (v_f64)((v_i64)y + ((v_i64)shifted << 52));
}

V_FN v_half v_pow_half(v_half x, v_half y)
{
    v_f64 log = v_log2_f64(__builtin_convertvector(x, v_f64));
    return __builtin_convertvector(v_exp2_f64(log * __builtin_convertvector(y, v_f64)), v_half);
}

/* x^y for x > 0 or infinite. */
V_FN v_f32 v_pow_positive(v_f32 x, v_f32 y)
{
    union {
        v_f32 whole;
        v_half half[2];
    } a = {x}, b = {y}, z;
    z.half[0] = v_pow_half(a.half[0], b.half[0]);
    z.half[1] = v_pow_half(a.half[1], b.half[1]);
    return z.whole;
}

V_FN v_f32 v_pow(v_f32 x, v_f32 y)
{
    v_f32 one = v_set1(1), inf = v_set1(INFINITY), size = v_abs(x);
    v_f32 half = v_mul(y, v_set1(0.5f));
    v_mask whole = v_eq(v_floor(y), y), odd = m_and(whole, m_not(v_eq(v_floor(half), half)));
    v_f32 z = v_pow_positive(v_max(v_set1(0x1p-149f), size), y);
    v_f32 at_zero = v_select(v_lt(y, v_zero()), inf, v_zero());
    z = v_select(v_eq(x, v_zero()), at_zero, z);
    z = v_select(v_eq(size, one), one, z); /* to any power, infinite ones too */
    z = v_select(odd, v_copysign(z, x), z);
    z = v_select(m_and(v_lt(x, v_zero()), m_not(m_or(whole, v_eq(size, inf)))), v_set1(NAN), z);
    z = v_select(m_or(v_isnan(x), v_isnan(y)), v_add(x, y), z);
    return v_select(m_or(v_eq(x, one), v_eq(y, v_zero())), one, z);
}

#endif
