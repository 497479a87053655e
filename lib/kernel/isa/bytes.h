/* Bytes as lanes of vec.h's vectors of 32-bit integers, and rounding floats to bytes. */
#ifndef KERNEL_ISA_BYTES_H
#define KERNEL_ISA_BYTES_H

#include <string.h>

#include "kernel/isa/vec.h"
#include "kernel/product.h"

/* VL bytes, widened. (The compiler's conversion of vectors takes them apart element by element.) */
V_FN v_i32 v_load_bytes(const void *p, bool is_signed)
{
#if defined(ISA_avx512)
    __m128i x = _mm_loadu_si128(p);
    return (v_i32)(is_signed ? _mm512_cvtepi8_epi32(x) : _mm512_cvtepu8_epi32(x));
#elif defined(ISA_avx2)
    __m128i x = _mm_loadl_epi64(p);
    return (v_i32)(is_signed ? _mm256_cvtepi8_epi32(x) : _mm256_cvtepu8_epi32(x));
#elif defined(ISA_neon)
    uint32_t four;
    memcpy(&four, p, sizeof four);
    uint8x8_t x = vreinterpret_u8_u32(vdup_n_u32(four));
    int16x8_t wide = is_signed ? vmovl_s8(vreinterpret_s8_u8(x)) : vreinterpretq_s16_u16(vmovl_u8(x));
    return (v_i32)vmovl_s16(vget_low_s16(wide));
#else
    const int8_t *s = p;
    const uint8_t *u = p;
    return is_signed ? (v_i32){s[0], s[1], s[2], s[3]} : (v_i32){u[0], u[1], u[2], u[3]};
#endif
}

/* The first n of them, 0 <= n < VL; the other lanes are 0. Nothing else is touched. */
V_FN v_i32 v_load_bytes_n(const void *p, bool is_signed, int n)
{
#if defined(ISA_avx512)
    __m128i x = _mm_maskz_loadu_epi8(m_first(n), p);
    return (v_i32)(is_signed ? _mm512_cvtepi8_epi32(x) : _mm512_cvtepu8_epi32(x));
#else
    uint8_t all[VL] = {0};
    const uint8_t *from = p;
    for (int i = 0; i < n; i++)
        all[i] = from[i];
    return v_load_bytes(all, is_signed);
#endif
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
#elif defined(ISA_neon)
    uint16x4_t half = vmovn_u32((uint32x4_t)x);
    uint8x8_t lowest = vmovn_u16(vcombine_u16(half, half));
    memcpy(p, &lowest, VL);
#else
    uint8_t *to = p;
    for (int i = 0; i < VL; i++)
        to[i] = (uint8_t)x[i];
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

typedef int16_t v_pairs __attribute__((vector_size(VL * 4)));
typedef uint8_t v_bytes __attribute__((vector_size(VL * 4)));

/* Each lane of c gets the sum of the products of two 16-bit integers. */
V_FN void v_madd_pairs(v_i32 *c, v_i32 a, v_i32 b)
{
#if defined(ISA_avx512)
    *c = v_add_i32(*c, (v_i32)_mm512_madd_epi16((__m512i)a, (__m512i)b));
#elif defined(ISA_avx2)
    /* Left to itself, gcc keeps the products, and sums in memory. */
    v_i32 product;
    __asm__("vpmaddwd %3, %2, %1\n\tvpaddd %1, %0, %0" : "+x"(*c), "=&x"(product) : "x"(a), "x"(b));
#elif defined(ISA_neon)
    int32x4_t low = vmull_s16(vget_low_s16((int16x8_t)a), vget_low_s16((int16x8_t)b));
    int32x4_t high = vmull_high_s16((int16x8_t)a, (int16x8_t)b);
    *c = v_add_i32(*c, (v_i32)vpaddq_s32(low, high));
#elif defined(__SSE2__)
    *c = v_add_i32(*c, (v_i32)__builtin_ia32_pmaddwd128((v_pairs)a, (v_pairs)b));
#else
    v_i32 low = v_sar_i32(v_shl_i32(a, 16), 16) * v_sar_i32(v_shl_i32(b, 16), 16);
    *c = v_add_i32(*c, v_add_i32(low, v_sar_i32(a, 16) * v_sar_i32(b, 16)));
#endif
}

/* It for two vectors of b. */
V_FN void v_madd_pairs_both(v_i32 *c, v_i32 a, const v_i32 *b)
{
#if defined(ISA_avx2) && !defined(__clang__)
    /* Products first: Zen hands each operation to a pipe as it comes, and sums would take those that multiply. Clang 14
     * moves the sums about for it. */
    v_i32 product;
    __asm__("vpmaddwd %4, %2, %3\n\tvpmaddwd %5, %2, %2\n\tvpaddd %3, %0, %0\n\tvpaddd %2, %1, %1"
            : "+x"(c[0]), "+x"(c[1]), "+x"(a), "=&x"(product)
            : "x"(b[0]), "x"(b[1]));
#else
    v_madd_pairs(&c[0], a, b[0]);
    v_madd_pairs(&c[1], a, b[1]);
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

/* ---- four vectors at a time ---- */

/* Words that are added to what was rounded, bytes that bound the sum as u8, and the sign that makes s8 of these. */
struct v_narrowing {
    v_f32 high;
    v_pairs zero;
    v_bytes low, most, turn;
    bool shifts, bounds; /* zero is not 0; saturation to u8 is not all that is wanted */
};

V_FN struct v_narrowing v_narrowing_of(const struct kernel_rounding *r)
{
    int turn = (int)r->low + r->zero < 0 ? 0x80 : 0;
    v_bytes bytes = {0};
    return (struct v_narrowing){.high = v_set1(r->high),
                                .zero = (v_pairs)v_set1_i32((r->zero + turn) * 0x10001),
                                .low = bytes + (uint8_t)((int)r->low + r->zero + turn),
                                .most = bytes + (uint8_t)((int)r->high + r->zero + turn),
                                .turn = bytes + (uint8_t)turn,
                                .shifts = r->zero + turn != 0,
                                .bounds = turn || (int)r->low + r->zero != 0 || (int)r->high + r->zero != UINT8_MAX};
}

#if defined(ISA_avx2)
/* Of halves of 128 bits: the low ones of the four vectors follow each other, then the high ones. */
V_FN v_bytes v_round_lanes(const v_f32 *x, const struct v_narrowing *n, bool near)
{
    __m256i q[4], zero = (__m256i)n->zero;
    V_UNROLL(4)
    for (int i = 0; i < 4; i++)
        q[i] = _mm256_cvtps_epi32(near ? x[i] : v_min(n->high, x[i]));
    __m256i one = _mm256_adds_epi16(_mm256_packs_epi32(q[0], q[1]), zero);
    __m256i two = _mm256_adds_epi16(_mm256_packs_epi32(q[2], q[3]), zero);
    __m256i low = _mm256_max_epu8(_mm256_packus_epi16(one, two), (__m256i)n->low);
    low = near ? _mm256_min_epu8(low, (__m256i)n->most) : low;
    return (v_bytes)low ^ n->turn;
}
#endif

/* v_round_lowest of four vectors, whose bytes follow each other. Beyond the upper bound nothing is rounded, since what
 * is above 2^31 would come out below it, unless it is known to be `near`; far below the lower one anything is as good,
 * since narrowing saturates. */
V_FN v_bytes v_round_bytes(const v_f32 *x, const struct v_narrowing *n, bool near)
{
    v_bytes all;
#if defined(ISA_avx512)
    const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    __m512i q[4], zero = (__m512i)n->zero;
    V_UNROLL(4)
    for (int i = 0; i < 4; i++)
        q[i] = _mm512_cvtps_epi32(near ? x[i] : v_min(n->high, x[i]));
    __m512i one = _mm512_packs_epi32(q[0], q[1]), two = _mm512_packs_epi32(q[2], q[3]);
    if (!near || n->shifts) {
        one = _mm512_adds_epi16(one, zero);
        two = _mm512_adds_epi16(two, zero);
    }
    __m512i low = _mm512_packus_epi16(one, two);
    if (!near || n->bounds) {
        low = _mm512_max_epu8(low, (__m512i)n->low);
        low = near ? _mm512_min_epu8(low, (__m512i)n->most) : low;
        low = _mm512_xor_si512(low, (__m512i)n->turn);
    }
    return (v_bytes)_mm512_permutexvar_epi32(order, low);
#elif defined(ISA_avx2)
    const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    return (v_bytes)_mm256_permutevar8x32_epi32((__m256i)v_round_lanes(x, n, near), order);
#elif defined(ISA_neon)
    int16x4_t q[4];
    for (int i = 0; i < 4; i++)
        q[i] = vqmovn_s32(vcvtnq_s32_f32(near ? x[i] : v_min(n->high, x[i])));
    int16x8_t zero = (int16x8_t)n->zero;
    uint8x8_t one = vqmovun_s16(vqaddq_s16(vcombine_s16(q[0], q[1]), zero));
    uint8x8_t two = vqmovun_s16(vqaddq_s16(vcombine_s16(q[2], q[3]), zero));
    all = (v_bytes)vmaxq_u8(vcombine_u8(one, two), (uint8x16_t)n->low);
    all = near ? (v_bytes)vminq_u8((uint8x16_t)all, (uint8x16_t)n->most) : all;
#else
    int zero = n->zero[0];
    (void)near;
    const struct v_rounding r = {v_set1((float)(n->low[0] - zero)), n->high, v_set1_i32(zero)};
    for (int i = 0; i < 4; i++) {
        v_i32 q = v_round_lowest(x[i], &r);
        for (int j = 0; j < VL; j++)
            all[i * VL + j] = (uint8_t)q[j];
    }
#endif
    return all ^ n->turn;
}

#if !defined(ISA_avx512)
/* The bytes of vectors `first` to first + vectors. */
V_FN void v_store_whole(void *p, v_bytes x, int first, int vectors)
{
#if defined(ISA_avx2)
    __m128i half = first < 2 ? _mm256_castsi256_si128((__m256i)x) : _mm256_extracti128_si256((__m256i)x, 1);
    if (vectors == 2)
        _mm_storeu_si128(p, half);
    else
        _mm_storel_epi64(p, first % 2 ? _mm_unpackhi_epi64(half, half) : half);
#else
    memcpy(p, (const uint8_t *)&x + first * VL, (size_t)vectors * VL);
#endif
}
#endif

/* The first n of the bytes of vectors `first` to first + vectors; 2 vectors begin at an even one. */
V_FN void v_store_some(void *p, v_bytes x, int first, int vectors, int n)
{
#if defined(ISA_avx512)
    __m256i half = first < 2 ? _mm512_castsi512_si256((__m512i)x) : _mm512_extracti64x4_epi64((__m512i)x, 1);
    __m128i quarter = first % 2 ? _mm256_extracti128_si256(half, 1) : _mm256_castsi256_si128(half);
    if (vectors == 1)
        _mm_mask_storeu_epi8(p, m_first(n), quarter);
    else
        _mm256_mask_storeu_epi8(p, (__mmask32)(((uint64_t)1 << n) - 1), half);
#else
    if (n == vectors * VL) {
        v_store_whole(p, x, first, vectors);
        return;
    }
    uint8_t all[VL * 4], *to = p;
    memcpy(all, &x, sizeof all);
    for (int i = 0; i < n; i++)
        to[i] = all[first * VL + i];
#endif
}

#endif
