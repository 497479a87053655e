#include "image/convolve.h"

#include <string.h>

#include "base/unroll.h"
#include "image/vector.h"

#define HALF (1 << (CONVOLVE_BITS - 1))

static inline uint8_t to_byte(int32_t sum)
{
    sum >>= CONVOLVE_BITS;
    return sum < 0 ? 0 : sum > 255 ? 255 : sum;
}

/* ---- along rows ---- */

/* `channels` is a constant where this is inlined, so that its loops unroll. */
__attribute__((always_inline)) static inline void along_row(uint8_t *out, const uint8_t *in, const struct taps *t,
                                                            int n, int channels)
{
    for (int x = 0; x < n; x++, out += channels) {
        const uint8_t *p = in + (size_t)t->first[x] * channels;
        const int32_t *w = t->weight + (size_t)x * t->most;
        int32_t sum[3] = {HALF, HALF, HALF};
        for (int i = 0, count = t->count[x]; i < count; i++, p += channels) {
            V_UNROLL(3)
            for (int c = 0; c < channels; c++)
                sum[c] += p[c] * w[i];
        }
        V_UNROLL(3)
        for (int c = 0; c < channels; c++)
            out[c] = to_byte(sum[c]);
    }
}

static void plain_row(uint8_t *out, const uint8_t *in, const struct taps *t, int n, int channels)
{
    if (channels == 3)
        along_row(out, in, t, n, 3);
    else
        along_row(out, in, t, n, 1);
}

#ifdef IMAGE_AVX2

/* How far behind the last sample with a weight the vectors below read: 7 samples of grey, or one pixel and 2 bytes. */
enum { ROWS = 4, OVERREAD = CONVOLVE_STEP };

/* Two pixels: their red, green, blue and nothing, in 32 bits. */
IMAGE_AVX2 static inline __m256i two_pixels(const uint8_t *p)
{
    const __m128i order = _mm_setr_epi8(0, 1, 2, -1, 3, 4, 5, -1, -1, -1, -1, -1, -1, -1, -1, -1);
    return _mm256_cvtepu8_epi32(_mm_shuffle_epi8(_mm_loadl_epi64((const __m128i *)p), order));
}

IMAGE_AVX2 static inline void put_pixel(uint8_t *out, __m256i sum)
{
    __m128i v = _mm_add_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1));
    v = _mm_srai_epi32(_mm_add_epi32(v, _mm_set1_epi32(HALF)), CONVOLVE_BITS);
    v = _mm_packs_epi32(v, v);
    uint32_t bytes = (uint32_t)_mm_cvtsi128_si32(_mm_packus_epi16(v, v));
    memcpy(out, &bytes, 3);
}

/* ROWS rows at once, which share the spreading of the weights: two taps a step. */
IMAGE_AVX2 static void colour_rows(uint8_t *out, size_t out_stride, const uint8_t *in, size_t in_stride,
                                   const struct taps *t, int n)
{
    const __m256i spread = _mm256_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1);
    for (int x = 0; x < n; x++, out += 3) {
        const uint8_t *p = in + (size_t)t->first[x] * 3;
        const int32_t *w = t->weight + (size_t)x * t->most;
        __m256i sum[ROWS] = {_mm256_setzero_si256(), _mm256_setzero_si256(), _mm256_setzero_si256(),
                             _mm256_setzero_si256()};
        for (int i = 0, count = t->count[x]; i < count; i += 2, p += 6) {
            __m256i weight = _mm256_castsi128_si256(_mm_loadl_epi64((const __m128i *)(w + i)));
            weight = _mm256_permutevar8x32_epi32(weight, spread);
            V_UNROLL(4)
            for (int r = 0; r < ROWS; r++)
                sum[r] = _mm256_add_epi32(sum[r], _mm256_mullo_epi32(two_pixels(p + r * in_stride), weight));
        }
        V_UNROLL(4)
        for (int r = 0; r < ROWS; r++)
            put_pixel(out + r * out_stride, sum[r]);
    }
}

IMAGE_AVX2 static void grey_row(uint8_t *out, const uint8_t *in, const struct taps *t, int n)
{
    for (int x = 0; x < n; x++) {
        const uint8_t *p = in + t->first[x];
        const int32_t *w = t->weight + (size_t)x * t->most;
        __m256i sum = _mm256_setzero_si256();
        for (int i = 0, count = t->count[x]; i < count; i += 8) {
            __m256i samples = _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(p + i)));
            sum = _mm256_add_epi32(sum, _mm256_mullo_epi32(samples, _mm256_loadu_si256((const __m256i *)(w + i))));
        }
        __m128i v = _mm_add_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1));
        v = _mm_add_epi32(v, _mm_unpackhi_epi64(v, v));
        out[x] = to_byte(_mm_cvtsi128_si32(v) + _mm_extract_epi32(v, 1) + HALF);
    }
}

/* As many of the rows as can be read beyond their ends; how many. */
static int vector_rows(uint8_t *out, size_t out_stride, const uint8_t *in, size_t in_stride, int rows,
                       const struct taps *t, int n, int channels)
{
    int step = channels == 3 ? ROWS : 1, y = 0;
    int behind = in_stride ? (OVERREAD + (int)in_stride - 1) / (int)in_stride : rows;
    for (; y + step <= rows - behind; y += step)
        if (channels == 3)
            colour_rows(out + y * out_stride, out_stride, in + y * in_stride, in_stride, t, n);
        else
            grey_row(out + y * out_stride, in + y * in_stride, t, n);
    return y;
}

#endif

void image_convolve_rows(uint8_t *out, size_t out_stride, const uint8_t *in, size_t in_stride, int rows,
                         const struct taps *t, int n, int channels)
{
    int y = 0;
#ifdef IMAGE_AVX2
    if (image_has_avx2())
        y = vector_rows(out, out_stride, in, in_stride, rows, t, n, channels);
#endif
    for (; y < rows; y++)
        plain_row(out + y * out_stride, in + y * in_stride, t, n, channels);
}

/* ---- along columns ---- */

__attribute__((always_inline)) static inline void along_column(uint8_t *restrict out, const uint8_t *in, size_t stride,
                                                               const int32_t *w, int count, size_t n)
{
    enum { BLOCK = 32 };
    for (size_t x = 0; x < n; x += BLOCK) {
        int32_t sum[BLOCK];
        size_t m = n - x < BLOCK ? n - x : BLOCK;
        for (int j = 0; j < BLOCK; j++)
            sum[j] = HALF;
        for (int i = 0; i < count; i++) {
            const uint8_t *p = in + i * stride + x;
            if (m == BLOCK)
                for (int j = 0; j < BLOCK; j++)
                    sum[j] += p[j] * w[i];
            else
                for (size_t j = 0; j < m; j++)
                    sum[j] += p[j] * w[i];
        }
        for (size_t j = 0; j < m; j++)
            out[x + j] = to_byte(sum[j]);
    }
}

#ifdef IMAGE_AVX2
IMAGE_AVX2 static void vector_column(uint8_t *out, const uint8_t *in, size_t stride, const int32_t *w, int count,
                                     size_t n)
{
    along_column(out, in, stride, w, count, n);
}
#endif

void image_convolve_column(uint8_t *out, const uint8_t *in, size_t stride, const int32_t *w, int count, size_t n)
{
#ifdef IMAGE_AVX2
    if (image_has_avx2()) {
        vector_column(out, in, stride, w, count, n);
        return;
    }
#endif
    along_column(out, in, stride, w, count, n);
}
