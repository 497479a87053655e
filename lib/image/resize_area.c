/* OpenCV's INTER_AREA where both sides shrink: modules/imgproc/src/resize.cpp. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "image/resize.h"
#include "image/vector.h"

/* ---- the mean of what a pixel covers, in whole pixels ---- */

/* Sums over `height` rows, a column at a time. */
__attribute__((always_inline)) static inline void sum_rows(uint32_t *restrict sum, const uint8_t *in, size_t stride,
                                                           int height, size_t n)
{
    for (size_t i = 0; i < n; i++)
        sum[i] = in[i];
    for (int j = 1; j < height; j++)
        for (size_t i = 0; i < n; i++)
            sum[i] += in[j * stride + i];
}

static void sum_plain(uint32_t *sum, const uint8_t *in, size_t stride, int height, size_t n)
{
    sum_rows(sum, in, stride, height, n);
}

#ifdef IMAGE_AVX2
IMAGE_AVX2 static void sum_avx2(uint32_t *sum, const uint8_t *in, size_t stride, int height, size_t n)
{
    sum_rows(sum, in, stride, height, n);
}
#else
#define sum_avx2 sum_plain
#endif

/* One row of means; sum has `width` pixels for each. */
static void mean_row(uint8_t *out, const uint32_t *sum, int n, int channels, int width, int height)
{
    float share = 1.f / (width * height);
    for (int x = 0; x < n; x++, sum += width * channels)
        for (int c = 0; c < channels; c++) {
            uint64_t all = 0;
            for (int i = 0; i < width; i++)
                all += sum[i * channels + c];
            *out++ = (uint8_t)rintf((float)all * share);
        }
}

#ifdef IMAGE_AVX2
/* Sums of two neighbouring pixels of 3 channels each, of four in a row. */
IMAGE_AVX2 static inline __m256i add_pairs(const uint8_t *in)
{
    const __m256i order = _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 3, 1, 4, 2, 5, 6, 9, 7, 10, 8, 11, 0, 0, 0, 0));
    __m256i v = _mm256_setr_m128i(_mm_loadu_si128((const __m128i *)in), _mm_loadu_si128((const __m128i *)(in + 12)));
    return _mm256_maddubs_epi16(_mm256_shuffle_epi8(v, order), _mm256_set1_epi8(1));
}

/* Means of two by two pixels of 3 channels, as many as can be read by 28 and written by 14 bytes; how many. */
IMAGE_AVX2 static int halve_inner(uint8_t *out, const uint8_t *a, const uint8_t *b, int n)
{
    int x = 0;
    for (; x + 6 <= n; x += 4) {
        __m256i v = _mm256_add_epi16(add_pairs(a + 6 * x), add_pairs(b + 6 * x));
        v = _mm256_srli_epi16(_mm256_add_epi16(v, _mm256_set1_epi16(2)), 2);
        v = _mm256_packus_epi16(v, v);
        _mm_storel_epi64((__m128i *)(out + 3 * x), _mm256_castsi256_si128(v));
        _mm_storel_epi64((__m128i *)(out + 3 * x + 6), _mm256_extracti128_si256(v, 1));
    }
    return x;
}
#endif

/* Means of two by two pixels. */
static void halve_rows(uint8_t *out, const uint8_t *a, const uint8_t *b, int n, int channels)
{
    int x = 0;
#ifdef IMAGE_AVX2
    if (channels == 3 && image_has_avx2())
        x = halve_inner(out, a, b, n);
#endif
    for (; x < n; x++)
        for (int c = 0; c < channels; c++) {
            int left = 2 * x * channels + c, right = left + channels;
            out[x * channels + c] = (uint8_t)((a[left] + a[right] + b[left] + b[right] + 2) >> 2);
        }
}

int image_resize_blocks(struct image *out, const struct image *in, const struct resize_axis *x,
                        const struct resize_axis *y, struct error *err)
{
    int channels = in->channels, width = x->in / x->out, height = y->in / y->out;
    size_t stride = (size_t)in->width * channels, n = (size_t)x->n * width * channels;
    uint32_t *sum = mem_calloc(n, sizeof *sum, err);
    for (int j = 0; sum && j < y->n; j++) {
        const uint8_t *from = in->data + (size_t)(y->from + j) * height * stride + (size_t)x->from * width * channels;
        uint8_t *to = out->data + (size_t)j * x->n * channels;
        if (width == 2 && height == 2) {
            halve_rows(to, from, from + stride, x->n, channels);
            continue;
        }
        (image_has_avx2() ? sum_avx2 : sum_plain)(sum, from, stride, height, n);
        mean_row(to, sum, x->n, channels, width, height);
    }
    free(sum);
    return sum ? 0 : -1;
}

/* ---- the same with parts of pixels, in float32 ---- */

/* What an output covers: `n` samples from `first` on, the first and the last perhaps in part. */
struct cover {
    int first, n;
    float left, middle, right; /* the shares of the first, of those between, of the last */
};

static struct cover cover_of(const struct resize_axis *a, int i)
{
    double start = (a->from + i) * a->scale, end = start + a->scale;
    double size = fmin(a->scale, a->in - start);
    int whole = (int)ceil(start), stop = (int)floor(end) < a->in - 1 ? (int)floor(end) : a->in - 1;
    if (whole > stop)
        whole = stop;
    struct cover c = {whole, stop - whole, (float)(1 / size), (float)(1 / size), (float)(1 / size)};
    if (whole - start > 1e-3) {
        c.first--;
        c.n++;
        c.left = (float)((whole - start) / size);
    }
    if (end - stop > 1e-3) {
        c.n++;
        c.right = (float)(fmin(fmin(end - stop, 1), size) / size);
        c.left = c.n == 1 ? c.right : c.left;
    }
    return c;
}

static float share(const struct cover *c, int k)
{
    return k == 0 ? c->left : k == c->n - 1 ? c->right : c->middle;
}

/* One input row: the weighted sum of each output's samples. `channels` is a constant where this is inlined. */
__attribute__((always_inline)) static inline void cover_pixels(float *sum, const uint8_t *in,
                                                               const struct cover *covers, int n, int channels)
{
    for (int x = 0; x < n; x++, sum += channels) {
        const struct cover *c = &covers[x];
        const uint8_t *p = in + (size_t)c->first * channels;
        float v[3];
        for (int i = 0; i < channels; i++)
            v[i] = p[i] * c->left;
        for (int k = 1; k < c->n - 1; k++)
            for (int i = 0; i < channels; i++)
                v[i] += p[k * channels + i] * c->middle;
        for (int i = 0; i < channels; i++)
            sum[i] = c->n > 1 ? v[i] + p[(c->n - 1) * channels + i] * c->right : v[i];
    }
}

#ifdef IMAGE_AVX2
IMAGE_AVX2 static inline __m128 load_pixel(const uint8_t *p)
{
    int32_t bytes;
    memcpy(&bytes, p, sizeof bytes);
    return _mm_cvtepi32_ps(_mm_cvtepu8_epi32(_mm_cvtsi32_si128(bytes)));
}

/* Of 3 channels, by vectors that read and write one sample too many. */
IMAGE_AVX2 static void cover_inner(float *sum, const uint8_t *in, const struct cover *covers, int n)
{
    for (int x = 0; x < n; x++) {
        const struct cover *c = &covers[x];
        const uint8_t *p = in + (size_t)c->first * 3, *end = p + 3 * (c->n - 1);
        const __m128 middle = _mm_set1_ps(c->middle);
        __m128 v = _mm_mul_ps(load_pixel(p), _mm_set1_ps(c->left));
        for (p += 3; p < end; p += 3)
            v = _mm_add_ps(v, _mm_mul_ps(load_pixel(p), middle));
        if (c->n > 1)
            v = _mm_add_ps(v, _mm_mul_ps(load_pixel(end), _mm_set1_ps(c->right)));
        _mm_storeu_ps(sum + 3 * x, v);
    }
}
#endif

/* `inner` outputs from the first on do not reach the row's last pixel. */
static void cover_row(float *sum, const uint8_t *in, const struct cover *covers, int n, int channels, int inner)
{
    if (channels == 1) {
        cover_pixels(sum, in, covers, n, 1);
        return;
    }
#ifdef IMAGE_AVX2
    if (image_has_avx2())
        cover_inner(sum, in, covers, inner);
    else
#endif
        inner = 0;
    cover_pixels(sum + 3 * inner, in, covers + inner, n - inner, 3);
}

static uint8_t float_to_byte(float v)
{
    return v >= 255 ? 255 : v <= 0 ? 0 : (uint8_t)rintf(v);
}

static void cover_rows(struct image *out, const struct image *in, const struct cover *across,
                       const struct resize_axis *y, float *row, float *sum)
{
    size_t n = (size_t)out->width * out->channels, in_row = (size_t)in->width * in->channels;
    int inner = out->width;
    while (inner > 0 && across[inner - 1].first + across[inner - 1].n >= in->width)
        inner--;
    for (int j = 0; j < y->n; j++) {
        struct cover c = cover_of(y, j);
        memset(sum, 0, n * sizeof *sum);
        for (int k = 0; k < c.n; k++) {
            float w = share(&c, k);
            cover_row(row, in->data + (c.first + k) * in_row, across, out->width, out->channels, inner);
            for (size_t i = 0; i < n; i++)
                sum[i] += row[i] * w;
        }
        for (size_t i = 0; i < n; i++)
            out->data[j * n + i] = float_to_byte(sum[i]);
    }
}

int image_resize_covers(struct image *out, const struct image *in, const struct resize_axis *x,
                        const struct resize_axis *y, struct error *err)
{
    size_t n = (size_t)out->width * out->channels;
    struct cover *across = mem_calloc(out->width, sizeof *across, err);
    float *row = across ? mem_calloc(2 * n + 1, sizeof *row, err) : NULL;
    for (int i = 0; row && i < x->n; i++)
        across[i] = cover_of(x, i);
    if (row)
        cover_rows(out, in, across, y, row, row + n + 1);
    int failed = row ? 0 : -1;
    free(row);
    free(across);
    return failed;
}
