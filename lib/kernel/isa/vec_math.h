/* Elementary functions of a vector. The stated errors, in units in the last place, are the largest seen against double
 * precision over every 97th float, with and without a fused multiply-add; test_act_accuracy.c holds nearly the same
 * limits. NaN gives NaN; results too small for a normal number may become zero.
 *
 * Methods: arguments are reduced in two or more steps with a constant split so that the first products are exact
 * (Cody and Waite, "Software manual for the elementary functions", 1980); polynomials are minimax fits (Lawson's
 * iteration), their coefficients rounded to float one after the other with the rest fitted anew. */
#ifndef KERNEL_ISA_VEC_MATH_H
#define KERNEL_ISA_VEC_MATH_H

#include <math.h>

#include "kernel/isa/vec.h"

/* c[0] + c[1] x + … + c[n-1] x^(n-1), by Horner's rule. */
V_FN v_f32 v_polynomial(v_f32 x, const float *c, int n)
{
    v_f32 sum = v_set1(c[n - 1]);
    V_UNROLL(16)
    for (int i = n - 2; i >= 0; i--)
        sum = v_fma(sum, x, v_set1(c[i]));
    return sum;
}

/* Adding this to a small number rounds it to an integer, which stands in the low bits of the sum. */
#define V_ROUNDER 0x1.8p23f

/* x = n ln 2 + r with |r| <= ln 2 / 2, for |x| < 2^21: gives exp(r) - 1, and n + V_ROUNDER. */
V_FN v_f32 v_expm1_reduced(v_f32 x, v_f32 *shifted)
{
    static const float c[] = {0.49999997f, 0.16666545f, 0.0416674651f, 0.00836642366f, 0.00138683163f};
    *shifted = v_fma(x, v_set1(1.44269504f), v_set1(V_ROUNDER));
    v_f32 n = v_sub(*shifted, v_set1(V_ROUNDER));
    v_f32 r = v_fnma(n, v_set1(0x1.62e4p-1f), x);
    r = v_fnma(n, v_set1(1.42860682e-6f), r);
    return v_fma(v_mul(r, r), v_polynomial(r, c, 5), r);
}

/* Of n + V_ROUNDER, what is to be added to a float's bits to multiply it by 2^n. */
V_FN v_i32 v_exponent(v_f32 shifted)
{
    return v_shl_i32(v_as_i32(shifted), 23);
}

#define V_EXP_MAX 0x1.62e42ep6f  /* the largest float whose exp() is finite */
#define V_EXP_MIN -0x1.5d589ep6f /* the smallest one whose exp() is a normal number */

/* Error: 1.1 ulp. Below V_EXP_MIN: 0. The same bits on all levels that have a fused multiply-add. */
V_LONG v_f32 v_exp_same(v_f32 x)
{
    v_f32 shifted, y = v_add(v_set1(1), v_expm1_reduced(x, &shifted));
    y = v_as_f32(v_add_i32(v_as_i32(y), v_exponent(shifted)));
    y = v_select(v_le(x, v_set1(V_EXP_MAX)), y, v_add(x, v_set1(INFINITY))); /* infinity, or NaN */
    return v_select(v_lt(x, v_set1(V_EXP_MIN)), v_zero(), y);
}

#ifdef V_SCALE
/* x = (k + j/16) ln 2 + r with |r| <= ln 2 / 32: 2^k times the j-th root times exp(r), of which three terms are enough.
 * (Tang, "Table-driven implementation of the exponential function in IEEE floating-point arithmetic", 1989.) Error: 1.1
 * ulp. Below V_EXP_MIN: 0. Only of less than infinity, which makes r NaN. */
V_LONG v_f32 v_exp_less(v_f32 x)
{
    static const float roots[] = {1,           1.04427378f, 1.09050773f, 1.13878863f, 1.18920712f, 1.24185781f,
                                  1.29683955f, 1.35425555f, 1.41421356f, 1.47682615f, 1.54221083f, 1.61049033f,
                                  1.68179283f, 1.75625216f, 1.83400809f, 1.91520656f};
    const v_f32 rounder = v_set1(0x1.8p19f); /* to sixteenths */
    v_f32 shifted = v_fma(x, v_set1(1.44269504f), rounder), n = v_sub(shifted, rounder);
    v_f32 r = v_fnma(n, v_set1(0x1.62e4p-1f), x);
    r = v_fnma(n, v_set1(1.42860682e-6f), r);
    v_f32 p = v_fma(v_mul(r, r), v_fma(r, v_set1(0.166666672f), v_set1(0.5f)), r);
    v_f32 root = v_permute(v_load(roots), v_as_i32(shifted));
    return V_SCALE(v_fma(root, p, root), n, V_NOT_LESS(x, v_set1(V_EXP_MIN))); /* by the whole part of n */
}

V_FN v_f32 v_exp(v_f32 x)
{
    return v_exp_less(v_min(v_set1(128), x)); /* which is far enough away */
}
#else
V_FN v_f32 v_exp_less(v_f32 x)
{
    return v_exp_same(x);
}

V_FN v_f32 v_exp(v_f32 x)
{
    return v_exp_same(x);
}
#endif

/* exp(x) - 1 for x <= 88. Error: 1 ulp. */
V_LONG v_f32 v_expm1(v_f32 x)
{
    v_f32 shifted, p = v_expm1_reduced(v_max(v_set1(-30), x), &shifted);
    v_f32 scale = v_as_f32(v_add_i32(v_exponent(shifted), v_set1_i32(127 << 23)));
    return v_fma(scale, p, v_sub(scale, v_set1(1)));
}

/* 1 / (1 + exp(-x)): quantised networks with recurrent layers too give the same bits everywhere. Error: 2.3 ulp. */
V_LONG v_f32 v_sigmoid(v_f32 x)
{
    return v_div(v_set1(1), v_add(v_set1(1), v_exp_same(v_neg(x))));
}

/* tanh |x| = t / (t + 2) with t = exp(2 |x|) - 1; it is 1 from 9.02 on. Error: 2.5 ulp. */
V_LONG v_f32 v_tanh(v_f32 x)
{
    v_f32 size = v_min(v_set1(9.5f), v_abs(x));
    v_f32 t = v_expm1(v_add(size, size));
    return v_copysign(v_div(t, v_add(t, v_set1(2))), x);
}

/* erf |x| = 1 - exp(-|x| g), where the smooth g(x) = -log(1 - erf x) / x is a polynomial; it is 1 from 3.92 on.
 * Error: 1.9 ulp. */
V_FN v_f32 v_erf(v_f32 x)
{
    /* g - 1: the sum with 1 costs nothing and keeps the digits of the first coefficient. */
    static const float c[] = {0.128379166f,   0.636619568f,     0.102776304f,    -0.0191478226f,  -0.000169504696f,
                              0.00167567784f, -0.000637365039f, 0.000118862066f, -9.38808535e-06f};
    v_f32 size = v_min(v_set1(3.92f), v_abs(x));
    v_f32 t = v_fma(size, v_polynomial(size, c, 9), size);
    return v_copysign(v_expm1(v_neg(t)), x);
}

/* f - log(1 + f), for -0.3 <= f <= 1, from log(1 + f) = 2 atanh(s) = 2 s + s R(s²) with s = f / (2 + f), where
 * 2 s = f - f²/2 + s f²/2. */
V_LONG v_f32 v_log1p_rest(v_f32 f)
{
    static const float c[] = {0.666666746f, 0.399989486f, 0.286152184f, 0.214437172f, 0.242463604f};
    v_f32 s = v_div(f, v_add(f, v_set1(2)));
    v_f32 z = v_mul(s, s), half_square = v_mul(v_mul(f, f), v_set1(0.5f));
    return v_fnma(s, v_fma(z, v_polynomial(z, c, 5), half_square), half_square);
}

/* x = 2^e (1 + f) with 1 + f between sqrt(1/2) and sqrt 2; log x = e ln 2 + log(1 + f). Error: 0.8 ulp. */
V_FN v_f32 v_log(v_f32 x)
{
    const v_i32 middle = v_set1_i32(0x3f3504f3); /* sqrt(1/2) */
    v_mask tiny = v_lt(x, v_set1(0x1p-126f));
    v_i32 bits = v_sub_i32(v_as_i32(v_select(tiny, v_mul(x, v_set1(0x1p23f)), x)), middle);
    v_f32 f = v_sub(v_as_f32(v_add_i32(v_and_i32(bits, v_set1_i32(0x7fffff)), middle)), v_set1(1));
    v_f32 e = v_add(v_from_i32(v_sar_i32(bits, 23)), v_select(tiny, v_set1(-23), v_zero()));
    v_f32 low = v_fnma(e, v_set1(1.42860682e-6f), v_log1p_rest(f));
    v_f32 y = v_fma(e, v_set1(0x1.62e4p-1f), v_sub(f, low));
    y = v_select(v_lt(x, v_set1(INFINITY)), y, x); /* inf and NaN */
    y = v_select(v_lt(x, v_zero()), v_set1(NAN), y);
    return v_select(v_eq(x, v_zero()), v_set1(-INFINITY), y);
}

/* log(1 + exp x). Error: 2.1 ulp. */
V_FN v_f32 v_softplus(v_f32 x)
{
    v_f32 y = v_exp(v_neg(v_abs(x)));
    return v_add(v_max(v_zero(), x), v_sub(y, v_log1p_rest(y)));
}

/* x tanh(softplus x) = x u / (u + 2) with u = e (e + 2), e = exp(x); the fraction is 1 from 20 on. Error: 4.4 ulp. */
V_FN v_f32 v_mish(v_f32 x)
{
    v_f32 e = v_exp(v_min(v_set1(20), x));
    v_f32 u = v_mul(e, v_add(e, v_set1(2)));
    return v_mul(x, v_div(u, v_add(u, v_set1(2))));
}

/* Beyond this the reduction below would lose digits. */
#define V_SINE_MAX 8192.0f

/* sin(x + quarters pi/2) for |x| <= V_SINE_MAX. Error: 1e-7. */
V_LONG v_f32 v_sine(v_f32 x, int quarters)
{
    static const float sine[] = {-0.166666672f, 0.0083333794f, -0.000198530659f, 2.83253962e-06f};
    static const float cosine[] = {0.0416666679f, -0.00138889789f, 2.48215074e-05f, -2.88262925e-07f};
    v_f32 shifted = v_fma(x, v_set1(0.636619772f), v_set1(V_ROUNDER));
    v_f32 n = v_sub(shifted, v_set1(V_ROUNDER));
    v_f32 r = v_fnma(n, v_set1(0x1.92p+0f), x); /* pi/2 in parts of 11 bits, so that products with n are exact */
    r = v_fnma(n, v_set1(0x1.fb4p-12f), r);
    r = v_fnma(n, v_set1(0x1.444p-24f), r);
    r = v_fnma(n, v_set1(0x1.68c234p-39f), r);
    v_i32 quadrant = v_add_i32(v_as_i32(shifted), v_set1_i32(quarters));
    v_f32 z = v_mul(r, r);
    v_f32 s = v_fma(v_mul(r, z), v_polynomial(z, sine, 4), r);
    v_f32 c = v_fma(v_mul(z, z), v_polynomial(z, cosine, 4), v_fnma(v_set1(0.5f), z, v_set1(1)));
    v_mask even = v_eq_i32(v_and_i32(quadrant, v_set1_i32(1)), v_set1_i32(0));
    v_i32 sign = v_shl_i32(v_and_i32(quadrant, v_set1_i32(2)), 30);
    return v_as_f32(v_xor_i32(v_as_i32(v_select(even, s, c)), sign));
}

/* The rare lanes of large size go through libm one by one. */
V_FN v_f32 v_sin(v_f32 x)
{
    v_f32 y = v_sine(x, 0);
    if (m_any(m_not(v_le(v_abs(x), v_set1(V_SINE_MAX)))))
        for (int i = 0; i < VL; i++)
            y[i] = fabsf(x[i]) <= V_SINE_MAX ? y[i] : sinf(x[i]);
    return y;
}

V_FN v_f32 v_cos(v_f32 x)
{
    v_f32 y = v_sine(x, 1);
    if (m_any(m_not(v_le(v_abs(x), v_set1(V_SINE_MAX)))))
        for (int i = 0; i < VL; i++)
            y[i] = fabsf(x[i]) <= V_SINE_MAX ? y[i] : cosf(x[i]);
    return y;
}

#endif
