/* The activations and other functions of one argument that kernel.h lists, on a vector. `kind` should be known at
 * compile time: a caller with many elements has one loop per kind, made with KERNEL_ACT_LIST or KERNEL_UNARY_LIST. */
#ifndef KERNEL_ISA_ACT_H
#define KERNEL_ISA_ACT_H

#include "kernel/isa/vec_math.h"
#include "kernel/kernel.h"

/* Those that may stand behind another layer. */
#define KERNEL_ACT_LIST(X)                                                                                             \
    X(NONE) X(RELU) X(CLIP) X(LEAKY_RELU) X(HARD_SIGMOID) X(HARD_SWISH) X(SIGMOID) X(TANH) X(SILU) X(GELU)             \
    X(GELU_TANH) X(ELU) X(SELU) X(CELU) X(SOFTPLUS) X(SOFTSIGN) X(MISH) X(THRESHOLDED_RELU)

/* All. */
#define KERNEL_UNARY_LIST(X)                                                                                           \
    KERNEL_ACT_LIST(X)                                                                                                 \
    X(ERF) X(EXP) X(LOG) X(SQRT) X(RECIPROCAL) X(ABS) X(NEG) X(FLOOR) X(CEIL) X(ROUND) X(SIGN) X(SIN) X(COS) X(AFFINE)

/* NaN stays NaN because v_max() and v_min() have x behind the constant. */
V_FN v_f32 v_clip(v_f32 x, v_f32 low, v_f32 high)
{
    return v_min(high, v_max(low, x));
}

/* max(x, 0) - |x| 2^s / 2, where s = log2(1 - erf(|x|/sqrt 2)), over |x|, is nearly a line. From 5.6 on what is taken
 * off is nothing beside x. */
V_FN v_f32 v_gelu(v_f32 x)
{
    static const float c[] = {-1.15110884f,     -0.459164324f,    -0.052666606f,  0.00736312415f,
                              -0.000406979718f, -5.76971500e-05f, 8.85841667e-06f};
    static const float half_exp2[] = {0.5f, 0.34657349f, 0.12011121f, 0.02775367f, 0.004835755f, 0.000663235f};
    v_f32 size = v_min(v_set1(5.6f), v_abs(x)), s = v_mul(size, v_polynomial(size, c, 7));
    v_f32 shifted = v_add(s, v_set1(V_ROUNDER));
    v_f32 y = v_polynomial(v_sub(s, v_sub(shifted, v_set1(V_ROUNDER))), half_exp2, 6);
    y = v_as_f32(v_add_i32(v_as_i32(y), v_exponent(shifted)));
    return v_fnma(size, y, v_max(v_zero(), x));
}

/* x/2 (1 + tanh t) = x / (1 + exp(-2 t)), t = sqrt(2/pi) (x + 0.044715 x³). */
V_FN v_f32 v_gelu_tanh(v_f32 x)
{
    v_f32 factor = v_fma(v_mul(x, x), v_set1(-0.0713548163f), v_set1(-1.59576912f));
    return v_div(x, v_add(v_set1(1), v_exp(v_mul(x, factor))));
}

V_FN v_f32 v_celu(v_f32 x, v_f32 a)
{
    v_f32 below = v_mul(a, v_expm1(v_div(v_min(v_zero(), x), a)));
    return v_add(v_max(v_zero(), x), v_min(v_zero(), below));
}

V_FN v_f32 v_act(v_f32 x, enum kernel_act_kind kind, v_f32 a, v_f32 b)
{
    switch (kind) {
    case KERNEL_RELU:
        return v_max(v_zero(), x);
    case KERNEL_CLIP:
        return v_clip(x, a, b);
    case KERNEL_LEAKY_RELU:
        return v_select(v_lt(x, v_zero()), v_mul(a, x), x);
    case KERNEL_HARD_SIGMOID:
        return v_clip(v_fma(a, x, b), v_zero(), v_set1(1));
    case KERNEL_HARD_SWISH:
        return v_mul(x, v_clip(v_fma(x, v_set1(1 / 6.0f), v_set1(0.5f)), v_zero(), v_set1(1)));
    case KERNEL_SIGMOID:
        return v_sigmoid(x);
    case KERNEL_TANH:
        return v_tanh(x);
    case KERNEL_SILU:
        return v_div(x, v_add(v_set1(1), v_exp(v_mul(v_neg(a), x))));
    case KERNEL_GELU:
        return v_gelu(x);
    case KERNEL_GELU_TANH:
        return v_gelu_tanh(x);
    case KERNEL_ELU:
        return v_select(v_lt(x, v_zero()), v_mul(a, v_expm1(x)), x);
    case KERNEL_SELU:
        return v_mul(b, v_select(v_le(x, v_zero()), v_mul(a, v_expm1(x)), x));
    case KERNEL_CELU:
        return v_celu(x, a);
    case KERNEL_SOFTPLUS:
        return v_softplus(x);
    case KERNEL_SOFTSIGN:
        return v_div(x, v_add(v_set1(1), v_abs(x)));
    case KERNEL_MISH:
        return v_mish(x);
    case KERNEL_THRESHOLDED_RELU:
        return v_select(v_le(x, a), v_zero(), x);
    default:
        return x;
    }
}

V_FN v_f32 v_sign(v_f32 x)
{
    v_f32 y = v_select(v_lt(v_zero(), x), v_set1(1), x);
    return v_select(v_lt(x, v_zero()), v_set1(-1), y);
}

/* v_act() and the rest. */
V_FN v_f32 v_unary(v_f32 x, enum kernel_act_kind kind, v_f32 a, v_f32 b)
{
    switch (kind) {
    case KERNEL_ERF:
        return v_erf(x);
    case KERNEL_EXP:
        return v_exp(x);
    case KERNEL_LOG:
        return v_log(x);
    case KERNEL_SQRT:
        return v_sqrt(x);
    case KERNEL_RECIPROCAL:
        return v_div(v_set1(1), x);
    case KERNEL_ABS:
        return v_abs(x);
    case KERNEL_NEG:
        return v_neg(x);
    case KERNEL_FLOOR:
        return v_floor(x);
    case KERNEL_CEIL:
        return v_ceil(x);
    case KERNEL_ROUND:
        return v_round(x);
    case KERNEL_SIGN:
        return v_sign(x);
    case KERNEL_SIN:
        return v_sin(x);
    case KERNEL_COS:
        return v_cos(x);
    case KERNEL_AFFINE:
        return v_fma(a, x, b);
    default:
        return v_act(x, kind, a, b);
    }
}

#endif
