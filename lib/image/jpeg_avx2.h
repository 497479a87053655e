/* The inverse DCT and the colours of jpeg_exact.h in vectors of 16-bit samples, with the same results. */
#ifndef IMAGE_JPEG_AVX2_H
#define IMAGE_JPEG_AVX2_H

#include <stdint.h>
#include <string.h>

#include "base/unroll.h"
#include "image/vector.h"

#ifdef IMAGE_AVX2

/* ---- the inverse DCT ---- */

/* a * x + b * y of 8 pairs, in 32 bits. */
IMAGE_AVX2 static inline __m256i dct_pairs(__m256i pairs, int x, int y)
{
    return _mm256_madd_epi16(pairs, _mm256_set1_epi32((int)((uint32_t)y << 16 | (uint16_t)x)));
}

IMAGE_AVX2 static inline __m256i dct_interleave(__m128i a, __m128i b)
{
    return _mm256_set_m128i(_mm_unpackhi_epi16(a, b), _mm_unpacklo_epi16(a, b));
}

/* Sums and differences, rounded off by `shift` bits, to 16 bits. */
IMAGE_AVX2 static inline void dct_butterfly(__m128i *sum, __m128i *difference, __m256i even, __m256i odd, int shift)
{
    __m256i rounded = _mm256_add_epi32(even, _mm256_set1_epi32(1 << (shift - 1)));
    __m256i a = _mm256_srai_epi32(_mm256_add_epi32(rounded, odd), shift);
    __m256i b = _mm256_srai_epi32(_mm256_sub_epi32(rounded, odd), shift);
    __m256i packed = _mm256_permute4x64_epi64(_mm256_packs_epi32(a, b), 0xd8);
    *sum = _mm256_castsi256_si128(packed);
    *difference = _mm256_extracti128_si256(packed, 1);
}

/* dct_1d() of eight columns at once: its sums of products multiplied out, so that each coefficient has one factor. */
IMAGE_AVX2 static inline void dct_pass(__m128i v[8], int shift)
{
    __m256i in04 = dct_interleave(v[0], v[4]), in26 = dct_interleave(v[2], v[6]);
    __m256i in13 = dct_interleave(v[1], v[3]), in57 = dct_interleave(v[5], v[7]);
    __m256i plus = dct_pairs(in04, 8192, 8192), minus = dct_pairs(in04, 8192, -8192);
    __m256i outer = dct_pairs(in26, 10703, 4433), inner = dct_pairs(in26, 4433, -10704);
    dct_butterfly(&v[0], &v[7], _mm256_add_epi32(plus, outer),
                  _mm256_add_epi32(dct_pairs(in13, 11363, 9633), dct_pairs(in57, 6437, 2260)), shift);
    dct_butterfly(&v[1], &v[6], _mm256_add_epi32(minus, inner),
                  _mm256_add_epi32(dct_pairs(in13, 9633, -2259), dct_pairs(in57, -11362, -6436)), shift);
    dct_butterfly(&v[2], &v[5], _mm256_sub_epi32(minus, inner),
                  _mm256_add_epi32(dct_pairs(in13, 6437, -11362), dct_pairs(in57, 2261, 9633)), shift);
    dct_butterfly(&v[3], &v[4], _mm256_sub_epi32(plus, outer),
                  _mm256_add_epi32(dct_pairs(in13, 2260, -6436), dct_pairs(in57, 9633, -11363)), shift);
}

IMAGE_AVX2 static inline void dct_transpose(__m128i v[8])
{
    __m128i a[8], b[8];
    V_UNROLL(4)
    for (int i = 0; i < 4; i++) {
        a[2 * i] = _mm_unpacklo_epi16(v[2 * i], v[2 * i + 1]);
        a[2 * i + 1] = _mm_unpackhi_epi16(v[2 * i], v[2 * i + 1]);
    }
    V_UNROLL(2)
    for (int i = 0; i < 2; i++) {
        V_UNROLL(2)
        for (int j = 0; j < 2; j++) {
            b[4 * i + 2 * j] = _mm_unpacklo_epi32(a[4 * i + j], a[4 * i + j + 2]);
            b[4 * i + 2 * j + 1] = _mm_unpackhi_epi32(a[4 * i + j], a[4 * i + j + 2]);
        }
    }
    V_UNROLL(4)
    for (int i = 0; i < 4; i++) {
        v[2 * i] = _mm_unpacklo_epi64(b[i], b[i + 4]);
        v[2 * i + 1] = _mm_unpackhi_epi64(b[i], b[i + 4]);
    }
}

/* Whether only the mean of the block is not 0. */
IMAGE_AVX2 static inline bool dct_is_flat(const __m128i v[8])
{
    __m128i all = _mm_and_si128(v[0], _mm_set_epi16(-1, -1, -1, -1, -1, -1, -1, 0));
    V_UNROLL(8)
    for (int i = 1; i < 8; i++)
        all = _mm_or_si128(all, v[i]);
    return _mm_testz_si128(all, all);
}

IMAGE_AVX2 static void idct_avx2(uint8_t *out, int out_stride, const short data[64])
{
    __m128i v[8], middle = _mm_set1_epi8(-128);
    V_UNROLL(8)
    for (int i = 0; i < 8; i++)
        v[i] = _mm_loadu_si128((const __m128i *)(data + 8 * i));
    if (dct_is_flat(v)) {
        int quarter = data[0] > 8191 ? INT16_MAX : data[0] < -8192 ? INT16_MIN : data[0] * 4; /* saturated, as below */
        int mean = ((quarter + 16) >> 5) + 128;
        mean = mean < 0 ? 0 : mean > 255 ? 255 : mean;
        for (int y = 0; y < 8; y++)
            memset(out + y * out_stride, mean, 8);
        return;
    }
    dct_pass(v, 11);
    dct_transpose(v);
    dct_pass(v, 18);
    dct_transpose(v);
    V_UNROLL(4)
    for (int y = 0; y < 8; y += 2) {
        __m128i rows = _mm_add_epi8(_mm_packs_epi16(v[y], v[y + 1]), middle);
        _mm_storel_epi64((__m128i *)(out + y * out_stride), rows);
        _mm_storeh_pd((double *)(out + (y + 1) * out_stride), _mm_castsi128_pd(rows));
    }
}

/* ---- chroma doubled: see jpeg_exact.h ---- */

/* 3 times the nearer sample and the farther one from the i-th on, as many as vectors hold before the n-th; where they
 * end. `far` NULL: the nearer ones. */
IMAGE_AVX2 static int sums_avx2(uint16_t *sum, const uint8_t *near, const uint8_t *far, int i, int n)
{
    for (; i + 16 <= n; i += 16) {
        __m256i v = _mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *)(near + i)));
        if (far) {
            __m256i w = _mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *)(far + i)));
            v = _mm256_add_epi16(_mm256_add_epi16(v, w), _mm256_slli_epi16(v, 1));
        }
        _mm256_storeu_si256((__m256i *)(sum + i), v);
    }
    return i;
}

/* put_pairs() of as many as vectors hold; how many. */
IMAGE_AVX2 static int pairs_avx2(uint8_t *out, const uint16_t *sum, int n, int bits, int even, int odd)
{
    const __m256i even_half = _mm256_set1_epi16((short)even), odd_half = _mm256_set1_epi16((short)odd);
    const __m128i shift = _mm_cvtsi32_si128(bits);
    int i = 0;
    for (; i + 16 <= n; i += 16) {
        __m256i near = _mm256_loadu_si256((const __m256i *)(sum + i));
        near = _mm256_add_epi16(near, _mm256_slli_epi16(near, 1));
        __m256i left = _mm256_add_epi16(_mm256_loadu_si256((const __m256i *)(sum + i - 1)), even_half);
        __m256i right = _mm256_add_epi16(_mm256_loadu_si256((const __m256i *)(sum + i + 1)), odd_half);
        left = _mm256_srl_epi16(_mm256_add_epi16(left, near), shift);
        right = _mm256_srl_epi16(_mm256_add_epi16(right, near), shift);
        _mm256_storeu_si256((__m256i *)(out + 2 * i), _mm256_or_si256(left, _mm256_slli_epi16(right, 8)));
    }
    return i;
}

/* ---- colour ---- */

/* (a * x + b * y + 1/2) / 65536 of 16 pairs; the halves of a and b interleaved go through 32 bits. */
IMAGE_AVX2 static inline __m256i colour_pairs(__m256i a, __m256i b, int x, int y)
{
    __m256i by = _mm256_set1_epi32((int)((uint32_t)y << 16 | (uint16_t)x)), half = _mm256_set1_epi32(1 << 15);
    __m256i low = _mm256_madd_epi16(_mm256_unpacklo_epi16(a, b), by);
    __m256i high = _mm256_madd_epi16(_mm256_unpackhi_epi16(a, b), by);
    low = _mm256_srai_epi32(_mm256_add_epi32(low, half), 16);
    high = _mm256_srai_epi32(_mm256_add_epi32(high, half), 16);
    return _mm256_packs_epi32(low, high);
}

IMAGE_AVX2 static inline __m128i colour_bytes(__m256i v)
{
    return _mm256_castsi256_si128(_mm256_permute4x64_epi64(_mm256_packus_epi16(v, v), 0xd8));
}

/* Which byte of one channel goes where in the `part`th 16 of 48 bytes; others become 0. */
#define SPREAD(c, i)   ((i) % 3 == (c) ? (i) / 3 : 0x80)
#define SPREAD_4(c, i) SPREAD(c, i), SPREAD(c, (i) + 1), SPREAD(c, (i) + 2), SPREAD(c, (i) + 3)
#define SPREAD_16(c, i)                                                                                                \
    {                                                                                                                  \
        SPREAD_4(c, i), SPREAD_4(c, (i) + 4), SPREAD_4(c, (i) + 8), SPREAD_4(c, (i) + 12)                              \
    }
#define SPREAD_PARTS(c)                                                                                                \
    {                                                                                                                  \
        SPREAD_16(c, 0), SPREAD_16(c, 16), SPREAD_16(c, 32)                                                            \
    }
IMAGE_AVX2 static inline __m128i colour_spread(__m128i v, int channel, int part)
{
    static const uint8_t from[3][3][16] = {SPREAD_PARTS(0), SPREAD_PARTS(1), SPREAD_PARTS(2)};
    return _mm_shuffle_epi8(v, _mm_loadu_si128((const __m128i *)from[channel][part]));
}

/* As many groups of 16 pixels as `count` holds; how many pixels that are. Factors beyond 16 bits are taken apart: 1.402
 * = 1 + 0.402, 0.71414 = 1 - 0.28586, 1.772 = 2 - 0.228. */
IMAGE_AVX2 static int colours_avx2(uint8_t *out, const uint8_t *luma, const uint8_t *cb, const uint8_t *cr, int count)
{
    const __m256i middle = _mm256_set1_epi16(128), zero = _mm256_setzero_si256();
    int i = 0;
    for (; i + 16 <= count; i += 16, out += 48) {
        __m256i y = _mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *)(luma + i)));
        __m256i blue = _mm256_sub_epi16(_mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *)(cb + i))), middle);
        __m256i red = _mm256_sub_epi16(_mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *)(cr + i))), middle);
        __m256i r = _mm256_add_epi16(_mm256_add_epi16(y, red), colour_pairs(red, zero, 26345, 0));
        __m256i g = _mm256_add_epi16(_mm256_sub_epi16(y, red), colour_pairs(red, blue, 18734, -22554));
        __m256i b =
            _mm256_add_epi16(_mm256_add_epi16(y, _mm256_slli_epi16(blue, 1)), colour_pairs(blue, zero, -14942, 0));
        __m128i channel[3] = {colour_bytes(r), colour_bytes(g), colour_bytes(b)};
        for (int part = 0; part < 3; part++) {
            __m128i v = _mm_or_si128(colour_spread(channel[0], 0, part), colour_spread(channel[1], 1, part));
            v = _mm_or_si128(v, colour_spread(channel[2], 2, part));
            _mm_storeu_si128((__m128i *)(out + 16 * part), v);
        }
    }
    return i;
}

#endif
#endif
