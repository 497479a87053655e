/* OpenCV's INTER_CUBIC, which its usual builds hand to a library that computes in float32, multiplications and
 * additions fused. */
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/mem.h"
#include "image/resize.h"
#include "image/vector.h"

#define TAPS        4
#define PIXELS_READ 6 /* by 16 bytes */

#ifdef __FP_FAST_FMAF
#define FUSED true
#else
#define FUSED false
#endif

/* Which input samples each output sample is made of, along one axis. */
struct cubic {
    int *at;       /* TAPS per output; the border is repeated */
    float *weight; /* TAPS per output */
    int from, to;  /* see resize_inner() */
};

static void cubic_release(struct cubic *c)
{
    free(c->at);
    free(c->weight);
}

/* Keys' kernel with a = -3/4, in float64. */
static void weigh(double x, float *w)
{
    const double a = -0.75, x2 = x * x, x3 = x2 * x;
    w[0] = (float)(a * (x3 - 2 * x2 + x));
    w[1] = (float)((a + 2) * x3 - (a + 3) * x2 + 1);
    w[2] = (float)(-(a + 2) * x3 + (2 * a + 3) * x2 - a * x);
    w[3] = (float)(a * (x2 - x3));
}

static int cubic_init(struct cubic *c, const struct resize_axis *a, struct error *err)
{
    c->at = mem_calloc(a->n, TAPS * sizeof *c->at, err);
    c->weight = mem_calloc(a->n, TAPS * sizeof *c->weight, err);
    if (!c->at || !c->weight) {
        cubic_release(c);
        return -1;
    }
    for (int i = 0; i < a->n; i++) {
        double from = (a->from + i + 0.5) * a->scale - 0.5, whole = floor(from);
        weigh(from - whole, c->weight + i * TAPS);
        for (int k = 0; k < TAPS; k++)
            c->at[i * TAPS + k] = image_clamp((int)whole + k - 1, a->in);
    }
    resize_inner(c->at, TAPS, a->n, a->in, PIXELS_READ, &c->from, &c->to);
    return 0;
}

/* a * b + c, rounded once; in float64 the product is exact, and rounding twice all but never shows. */
__attribute__((always_inline)) static inline float fused(float a, float b, float c, bool fast)
{
    return fast ? __builtin_fmaf(a, b, c) : (float)((double)a * b + c);
}

/* Part of a row; `channels` and `fast` are constants where this is inlined. */
__attribute__((always_inline)) static inline void along_row(float *out, const uint8_t *in, const struct cubic *c,
                                                            int from, int to, int channels, bool fast)
{
    out += (size_t)from * channels;
    for (int x = from; x < to; x++, out += channels) {
        const int *at = c->at + x * TAPS;
        const float *w = c->weight + x * TAPS;
        for (int i = 0; i < channels; i++) {
            float v = in[at[0] * channels + i] * w[0];
            for (int k = 1; k < TAPS; k++)
                v = fused(in[at[k] * channels + i], w[k], v, fast);
            out[i] = v;
        }
    }
}

__attribute__((always_inline)) static inline void mix_rows(uint8_t *restrict out, float *const *row, const float *w,
                                                           size_t n, bool fast)
{
    const float *a = row[0], *b = row[1], *c = row[2], *d = row[3];
    for (size_t i = 0; i < n; i++) {
        float v = fused(d[i], w[3], fused(c[i], w[2], fused(b[i], w[1], a[i] * w[0], fast), fast), fast);
        v = v < 0 ? 0 : v > 255 ? 255 : v;
        out[i] = (uint8_t)(int)(v + 12582912.f - 12582912.f); /* to nearest even: 1.5 * 2^23 has no bits of fraction */
    }
}

#ifdef IMAGE_AVX2
#define IMAGE_FMA __attribute__((target("avx2,fma")))

#define TAP(byte) (int)(0x80808000u + (byte)) /* the byte, as 32 bits */

/* Tap k of two pixels of which a half of `v` has the samples. */
IMAGE_FMA static inline __m256 spread_tap(__m256i v, int k)
{
    const __m256i order = _mm256_setr_epi32(TAP(0), TAP(1), TAP(2), TAP(128), TAP(0), TAP(1), TAP(2), TAP(128));
    return _mm256_cvtepi32_ps(_mm256_shuffle_epi8(v, _mm256_add_epi32(order, _mm256_set1_epi32(3 * k))));
}

/* Two pixels a step, as many as there are; where it ends. Writes one element too many. */
IMAGE_FMA static int along_inner(float *out, const uint8_t *in, const struct cubic *c)
{
    int x = c->from;
    for (; x + 2 <= c->to; x += 2) {
        const uint8_t *a = in + 3 * c->at[x * TAPS], *b = in + 3 * c->at[x * TAPS + TAPS];
        __m256i v = _mm256_setr_m128i(_mm_loadu_si128((const __m128i *)a), _mm_loadu_si128((const __m128i *)b));
        __m256 w = _mm256_loadu_ps(c->weight + x * TAPS);
        __m256 sum = _mm256_mul_ps(spread_tap(v, 0), _mm256_permute_ps(w, 0x00));
        sum = _mm256_fmadd_ps(spread_tap(v, 1), _mm256_permute_ps(w, 0x55), sum);
        sum = _mm256_fmadd_ps(spread_tap(v, 2), _mm256_permute_ps(w, 0xaa), sum);
        sum = _mm256_fmadd_ps(spread_tap(v, 3), _mm256_permute_ps(w, 0xff), sum);
        _mm_storeu_ps(out + 3 * x, _mm256_castps256_ps128(sum));
        _mm_storeu_ps(out + 3 * x + 3, _mm256_extractf128_ps(sum, 1));
    }
    return x;
}

IMAGE_FMA static void resize_row_fma(float *out, const uint8_t *in, const struct cubic *c, int n, int channels)
{
    if (channels == 3) {
        int done = along_inner(out, in, c);
        along_row(out, in, c, 0, c->from, 3, true);
        along_row(out, in, c, done, n, 3, true);
    } else {
        along_row(out, in, c, 0, n, 1, true);
    }
}

/* Eight samples from the i-th of each row on, as 32-bit integers. */
IMAGE_FMA static inline __m256i mix_8(float *const *row, const float *w, size_t i)
{
    __m256 v = _mm256_mul_ps(_mm256_loadu_ps(row[0] + i), _mm256_set1_ps(w[0]));
    for (int k = 1; k < TAPS; k++)
        v = _mm256_fmadd_ps(_mm256_loadu_ps(row[k] + i), _mm256_set1_ps(w[k]), v);
    return _mm256_cvtps_epi32(v);
}

IMAGE_FMA static void mix_rows_fma(uint8_t *out, float *const *row, const float *w, size_t n)
{
    size_t i = 0;
    for (; i + 16 <= n; i += 16) {
        __m256i v = _mm256_permute4x64_epi64(_mm256_packs_epi32(mix_8(row, w, i), mix_8(row, w, i + 8)), 0xd8);
        _mm_storeu_si128((__m128i *)(out + i),
                         _mm_packus_epi16(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1)));
    }
    float *const rest[] = {row[0] + i, row[1] + i, row[2] + i, row[3] + i};
    mix_rows(out + i, rest, w, n - i, true);
}
#endif

static void resize_row_plain(float *out, const uint8_t *in, const struct cubic *c, int n, int channels)
{
    if (channels == 3)
        along_row(out, in, c, 0, n, 3, FUSED);
    else
        along_row(out, in, c, 0, n, 1, FUSED);
}

static void mix_rows_plain(uint8_t *out, float *const *row, const float *w, size_t n)
{
    mix_rows(out, row, w, n, FUSED);
}

static const struct loops {
    void (*resize_row)(float *out, const uint8_t *in, const struct cubic *c, int n, int channels);
    void (*mix_rows)(uint8_t *out, float *const *row, const float *w, size_t n);
} loops[] = {
    {resize_row_plain, mix_rows_plain},
#ifdef IMAGE_AVX2
    {resize_row_fma, mix_rows_fma},
#endif
};

static const struct loops *choose_loops(void)
{
    return &loops[sizeof loops > sizeof *loops && image_has_avx2()];
}

/* Each input row brought to its final width waits in the slot of its number for the others of its column. */
static int mix_picture(struct image *out, const struct image *in, const struct cubic *across, const struct cubic *down,
                       struct error *err)
{
    size_t n = (size_t)out->width * out->channels, in_row = (size_t)in->width * in->channels;
    float *data = mem_calloc(n + 1, TAPS * sizeof *data, err);
    const struct loops *loop = choose_loops();
    int held[TAPS] = {-1, -1, -1, -1};
    for (int y = 0; data && y < out->height; y++) {
        float *row[TAPS];
        for (int k = 0; k < TAPS; k++) {
            int at = down->at[y * TAPS + k], slot = at % TAPS;
            row[k] = data + slot * (n + 1);
            if (held[slot] != at) {
                image_want_row(in, at);
                loop->resize_row(row[k], in->data + at * in_row, across, out->width, out->channels);
            }
            held[slot] = at;
        }
        loop->mix_rows(out->data + y * n, row, down->weight + y * TAPS, n);
    }
    free(data);
    return data ? 0 : -1;
}

int image_resize_cubic(struct image *out, const struct image *in, const struct resize_axis *x,
                       const struct resize_axis *y, struct error *err)
{
    struct cubic across, down;
    if (cubic_init(&across, x, err))
        return -1;
    int failed = cubic_init(&down, y, err);
    if (!failed) {
        failed = mix_picture(out, in, &across, &down, err);
        cubic_release(&down);
    }
    cubic_release(&across);
    return failed;
}
