/* One vector of floats, as wide as the level's registers: what plain C can say in gcc's vector arithmetic, the rest in
 * the included file of the level. The level is chosen by -DISA_generic, -DISA_avx2, … Everything here is inlined.
 *
 *   VL                  floats in a vector
 *   v_f32, v_i32        gcc vectors: + - * / & | ^ work on them as well as the functions below
 *   v_mask              what a comparison gives; only for v_select and the m_ functions
 *   v_load_n, v_store_n the first n lanes, 0 <= n <= VL; nothing else is touched, the other lanes are read as zero
 *   m_first(n)          the mask of the first n lanes
 *   v_fma(a, b, c)      a b + c, v_fnma c - a b; fused where the level has it, two roundings in `generic`
 *   v_fma_to(&c, a, b)  c = v_fma(a, b, c), in c's register: left to itself, gcc exchanges accumulators with operands
 *                       until it runs out of registers
 *   v_max, v_min        of the two: NaN when b is NaN; when only a is NaN, either NaN or b. So put the constant first.
 *   v_max_nan, v_min_nan NaN when either is
 *   v_permute(x, lanes) lane i is lane lanes[i] of x; from VL to 2 VL - 1 any value
 *   v_to_i32            towards zero; out of range any value
 *   v_hsum, v_hmax, …   over the lanes, in the order of a tree: lanes i and i + VL/2 first
 */
#ifndef KERNEL_ISA_VEC_H
#define KERNEL_ISA_VEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/unroll.h"

#define V_FN static inline __attribute__((always_inline, unused))

/* What hot loops call rarely, and must not be made part of: one copy for all callers. */
#ifdef __clang__
#define V_APART static __attribute__((noinline, unused))
#else
#define V_APART static __attribute__((noinline, noclone, unused))
#endif

/* Where there is a better level, small is enough: less is unrolled, and functions of many instructions are called. */
#if defined(ISA_generic) && (defined(__x86_64__) || defined(__aarch64__))
#define V_SMALL 1
#define V_LONG  V_APART
#else
#define V_SMALL 0
#define V_LONG  V_FN
#endif

#if defined(ISA_avx512)
#define VL     16
#define V_IOTA ((v_i32){0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15})
#elif defined(ISA_avx2)
#define VL     8
#define V_IOTA ((v_i32){0, 1, 2, 3, 4, 5, 6, 7})
#else
#define VL     4
#define V_IOTA ((v_i32){0, 1, 2, 3})
#endif

/* Whether v_fma rounds once. */
#if defined(ISA_avx512) || defined(ISA_avx2) || defined(ISA_neon)
#define V_FUSES 1
#else
#define V_FUSES 0
#endif

typedef float v_f32 __attribute__((vector_size(VL * 4)));
typedef int32_t v_i32 __attribute__((vector_size(VL * 4)));
typedef uint32_t v_u32 __attribute__((vector_size(VL * 4)));
typedef v_f32 v_f32_memory __attribute__((aligned(4), may_alias));
typedef v_i32 v_i32_memory __attribute__((aligned(4), may_alias));

V_FN v_i32 v_as_i32(v_f32 x)
{
    return (v_i32)x;
}

V_FN v_f32 v_as_f32(v_i32 x)
{
    return (v_f32)x;
}

#if defined(ISA_avx512)
#include "kernel/isa/vec_avx512.h"
#elif defined(ISA_avx2)
#include "kernel/isa/vec_avx2.h"
#elif defined(ISA_neon)
#include "kernel/isa/vec_neon.h"
#else
#include "kernel/isa/vec_generic.h"
#endif

/* ---- memory ---- */

V_FN v_f32 v_load(const float *p)
{
    return *(const v_f32_memory *)p;
}

V_FN void v_store(float *p, v_f32 x)
{
    *(v_f32_memory *)p = x;
}

V_FN v_i32 v_load_i32(const int32_t *p)
{
    return *(const v_i32_memory *)p;
}

V_FN void v_store_i32(int32_t *p, v_i32 x)
{
    *(v_i32_memory *)p = x;
}

V_FN v_f32 v_zero(void)
{
    return (v_f32){0};
}

/* ---- arithmetic ---- */

V_FN v_f32 v_add(v_f32 a, v_f32 b)
{
    return a + b;
}

V_FN v_f32 v_sub(v_f32 a, v_f32 b)
{
    return a - b;
}

V_FN v_f32 v_mul(v_f32 a, v_f32 b)
{
    return a * b;
}

V_FN v_f32 v_div(v_f32 a, v_f32 b)
{
    return a / b;
}

V_FN v_f32 v_neg(v_f32 x)
{
    return -x;
}

V_FN v_f32 v_abs(v_f32 x)
{
    return (v_f32)((v_i32)x & INT32_MAX);
}

/* |x| with the sign of `sign`. */
V_FN v_f32 v_copysign(v_f32 x, v_f32 sign)
{
    return (v_f32)(((v_i32)x & INT32_MAX) | ((v_i32)sign & INT32_MIN));
}

V_FN v_f32 v_max_nan(v_f32 a, v_f32 b)
{
    return v_select(v_isnan(a), a, v_max(a, b));
}

V_FN v_f32 v_min_nan(v_f32 a, v_f32 b)
{
    return v_select(v_isnan(a), a, v_min(a, b));
}

V_FN v_i32 v_to_i32(v_f32 x)
{
    return __builtin_convertvector(x, v_i32);
}

V_FN v_f32 v_from_i32(v_i32 x)
{
    return __builtin_convertvector(x, v_f32);
}

/* ---- integers; sums wrap ---- */

V_FN v_i32 v_add_i32(v_i32 a, v_i32 b)
{
    return (v_i32)((v_u32)a + (v_u32)b);
}

V_FN v_i32 v_sub_i32(v_i32 a, v_i32 b)
{
    return (v_i32)((v_u32)a - (v_u32)b);
}

V_FN v_i32 v_and_i32(v_i32 a, v_i32 b)
{
    return a & b;
}

V_FN v_i32 v_or_i32(v_i32 a, v_i32 b)
{
    return a | b;
}

V_FN v_i32 v_xor_i32(v_i32 a, v_i32 b)
{
    return a ^ b;
}

V_FN v_i32 v_shl_i32(v_i32 x, int count)
{
    return (v_i32)((v_u32)x << count);
}

/* Copies of the sign come in from the left. */
V_FN v_i32 v_sar_i32(v_i32 x, int count)
{
    return x >> count;
}

/* Zeros come in from the left. */
V_FN v_i32 v_shr_i32(v_i32 x, int count)
{
    return (v_i32)((v_u32)x >> count);
}

/* ---- bfloat16, the upper half of a float ---- */

typedef uint16_t v_u16 __attribute__((vector_size(VL * 2)));
typedef v_u16 v_u16_memory __attribute__((aligned(2), may_alias));

/* gcc 12 widens on x86 by halves, which it puts together. */
V_FN v_f32 v_from_bf16(const uint16_t *p)
{
#if defined(ISA_avx512)
    v_i32 x = (v_i32)_mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)p));
#elif defined(ISA_avx2)
    v_i32 x = (v_i32)_mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)p));
#else
    v_i32 x = __builtin_convertvector(*(const v_u16_memory *)p, v_i32);
#endif
    return v_as_f32(v_shl_i32(x, 16));
}

/* ---- across the lanes ---- */

/* f(0, a), f(1, a), … for as many lanes as there are: shuffles want their lanes as constants. */
#define LANES_2(f, a)  f(0, a), f(1, a)
#define LANES_4(f, a)  LANES_2(f, a), f(2, a), f(3, a)
#define LANES_8(f, a)  LANES_4(f, a), f(4, a), f(5, a), f(6, a), f(7, a)
#define LANES_16(f, a) LANES_8(f, a), f(8, a), f(9, a), f(10, a), f(11, a), f(12, a), f(13, a), f(14, a), f(15, a)
#if VL == 16
#define LANES      LANES_16
#define LANE_PAIRS LANES_8
#elif VL == 8
#define LANES      LANES_8
#define LANE_PAIRS LANES_4
#else
#define LANES      LANES_4
#define LANE_PAIRS LANES_2
#endif

/* Lane i gets lane i ^ distance, a power of two below VL (beyond: x itself). */
#define V_SWAPPED(i, distance) ((i) ^ (distance) % VL)
#define V_SWAP(x, distance)    __builtin_shufflevector(x, x, LANES(V_SWAPPED, distance))

/* op() over all lanes, in halves; the result in each of them. */
#define V_FOLD(op, x)                                                                                                  \
    do {                                                                                                               \
        if (VL > 8)                                                                                                    \
            (x) = op((x), V_SWAP((x), 8));                                                                             \
        if (VL > 4)                                                                                                    \
            (x) = op((x), V_SWAP((x), 4));                                                                             \
        (x) = op((x), V_SWAP((x), 2));                                                                                 \
        (x) = op((x), V_SWAP((x), 1));                                                                                 \
    } while (0)

V_FN float v_hsum(v_f32 x)
{
    V_FOLD(v_add, x);
    return x[0];
}

V_FN float v_hprod(v_f32 x)
{
    V_FOLD(v_mul, x);
    return x[0];
}

/* NaN when a lane is. */
V_FN float v_hmax(v_f32 x)
{
    V_FOLD(v_max_nan, x);
    return x[0];
}

V_FN float v_hmin(v_f32 x)
{
    V_FOLD(v_min_nan, x);
    return x[0];
}

#endif
