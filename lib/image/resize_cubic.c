/* OpenCV's INTER_CUBIC, which its usual builds hand to a library that computes in float32. Its weights and the order of
 * its sums, those for processors with AVX2 (with AVX-512 some samples in 100,000 are rounded otherwise), were found by
 * what comes of random floats, bit by bit: where all 16 samples lie inside the picture, pairs of products are added,
 * which are fused but along rows of one channel; elsewhere sums are fused along rows alone. */
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
    int inner_from, inner_to; /* outputs without a repeated sample */
};

static void cubic_release(struct cubic *c)
{
    free(c->at);
    free(c->weight);
}

/* Keys' kernel with a = -3/4, in float64, of a place that lost the bits which float32 has not between 1 and 2. */
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
        weigh((double)(1 + (float)(from - whole)) - 1, c->weight + i * TAPS);
        for (int k = 0; k < TAPS; k++)
            c->at[i * TAPS + k] = image_clamp((int)whole + k - 1, a->in);
    }
    resize_inner(c->at, TAPS, a->n, a->in, PIXELS_READ, &c->from, &c->to);
    resize_inner(c->at, TAPS, a->n, a->in, TAPS, &c->inner_from, &c->inner_to);
    return 0;
}

/* a * b + c, rounded once; in float64 the product is exact, and rounding twice all but never shows. */
__attribute__((always_inline)) static inline float fused(float a, float b, float c, bool fast)
{
    return fast ? __builtin_fmaf(a, b, c) : (float)((double)a * b + c);
}

/* The sum of four products, as along a row, or down a column, of pixels at the edge or inside. */
__attribute__((always_inline)) static inline float add_across(const float *v, const float *w, int channels,
                                                               bool edge, bool fast)
{
    if (edge)
        return fused(v[3], w[3], fused(v[2], w[2], fused(v[0], w[0], v[1] * w[1], fast), fast), fast);
    return channels == 3 ? fused(v[1], w[1], v[2] * w[2], fast) + fused(v[0], w[0], v[3] * w[3], fast)
                         : (v[0] * w[0] + v[1] * w[1]) + (v[2] * w[2] + v[3] * w[3]);
}

__attribute__((always_inline)) static inline float add_down(const float *v, const float *w, bool edge, bool fast)
{
    return edge ? (v[0] * w[0] + v[2] * w[2]) + (v[1] * w[1] + v[3] * w[3])
                : fused(v[0], w[0], v[1] * w[1], fast) + fused(v[2], w[2], v[3] * w[3], fast);
}

/* Part of a row; `channels`, `edge` and `fast` are constants where this is inlined. */
__attribute__((always_inline)) static inline void along_row(float *out, const uint8_t *in, const struct cubic *c,
                                                            int from, int to, int channels, bool edge, bool fast)
{
    out += (size_t)from * channels;
    for (int x = from; x < to; x++, out += channels) {
        const int *at = c->at + x * TAPS;
        for (int i = 0; i < channels; i++) {
            const float v[TAPS] = {in[at[0] * channels + i], in[at[1] * channels + i], in[at[2] * channels + i],
                                   in[at[3] * channels + i]};
            out[i] = add_across(v, c->weight + x * TAPS, channels, edge, fast);
        }
    }
}

/* A row of which `done` outputs from the first inner one on stand already, or, at the edge, none. */
__attribute__((always_inline)) static inline void rest_of_row(float *out, const uint8_t *in, const struct cubic *c,
                                                              int done, int n, int channels, bool edge, bool fast)
{
    int from = edge ? n : c->inner_from, to = edge ? n : c->inner_to;
    along_row(out, in, c, 0, from, channels, true, fast);
    along_row(out, in, c, from + done, to, channels, false, fast);
    along_row(out, in, c, to, n, channels, true, fast);
}

__attribute__((always_inline)) static inline void mix_rows(uint8_t *restrict out, float *const *row, const float *w,
                                                           size_t from, size_t to, bool edge, bool fast)
{
    const float *a = row[0], *b = row[1], *c = row[2], *d = row[3];
    for (size_t i = from; i < to; i++) {
        const float samples[TAPS] = {a[i], b[i], c[i], d[i]};
        float v = add_down(samples, w, edge, fast);
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
        __m256 middle = _mm256_mul_ps(spread_tap(v, 2), _mm256_permute_ps(w, 0xaa));
        __m256 outer = _mm256_mul_ps(spread_tap(v, 3), _mm256_permute_ps(w, 0xff));
        middle = _mm256_fmadd_ps(spread_tap(v, 1), _mm256_permute_ps(w, 0x55), middle);
        outer = _mm256_fmadd_ps(spread_tap(v, 0), _mm256_permute_ps(w, 0x00), outer);
        __m256 sum = _mm256_add_ps(middle, outer);
        _mm_storeu_ps(out + 3 * x, _mm256_castps256_ps128(sum));
        _mm_storeu_ps(out + 3 * x + 3, _mm256_extractf128_ps(sum, 1));
    }
    return x;
}

IMAGE_FMA static void resize_row_fma(float *out, const uint8_t *in, const struct cubic *c, int n, int channels,
                                     bool edge)
{
    if (edge && channels == 3)
        along_row(out, in, c, 0, n, 3, true, true);
    else if (channels == 3)
        rest_of_row(out, in, c, along_inner(out, in, c) - c->from, n, 3, false, true);
    else
        rest_of_row(out, in, c, 0, n, 1, edge, true);
}

/* Eight samples from the i-th of each row on, as 32-bit integers. */
IMAGE_FMA static inline __m256i mix_8(float *const *row, const float *w, size_t i)
{
    __m256 v[TAPS], f[TAPS];
    for (int k = 0; k < TAPS; k++)
        v[k] = _mm256_loadu_ps(row[k] + i), f[k] = _mm256_set1_ps(w[k]);
    __m256 above = _mm256_fmadd_ps(v[0], f[0], _mm256_mul_ps(v[1], f[1]));
    __m256 below = _mm256_fmadd_ps(v[2], f[2], _mm256_mul_ps(v[3], f[3]));
    return _mm256_cvtps_epi32(_mm256_add_ps(above, below));
}

/* Elements `from` to `to` are inside. */
IMAGE_FMA static void mix_rows_fma(uint8_t *out, float *const *row, const float *w, size_t from, size_t to, size_t n)
{
    size_t i = from;
    for (; i + 16 <= to; i += 16) {
        __m256i v = _mm256_permute4x64_epi64(_mm256_packs_epi32(mix_8(row, w, i), mix_8(row, w, i + 8)), 0xd8);
        _mm_storeu_si128((__m128i *)(out + i),
                         _mm_packus_epi16(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1)));
    }
    mix_rows(out, row, w, i, to, false, true);
    mix_rows(out, row, w, 0, from, true, true);
    mix_rows(out, row, w, to, n, true, true);
}
#endif

static void resize_row_plain(float *out, const uint8_t *in, const struct cubic *c, int n, int channels, bool edge)
{
    if (channels == 3)
        rest_of_row(out, in, c, 0, n, 3, edge, FUSED);
    else
        rest_of_row(out, in, c, 0, n, 1, edge, FUSED);
}

static void mix_rows_plain(uint8_t *out, float *const *row, const float *w, size_t from, size_t to, size_t n)
{
    mix_rows(out, row, w, 0, from, true, FUSED);
    mix_rows(out, row, w, from, to, false, FUSED);
    mix_rows(out, row, w, to, n, true, FUSED);
}

static const struct loops {
    void (*resize_row)(float *out, const uint8_t *in, const struct cubic *c, int n, int channels, bool edge);
    void (*mix_rows)(uint8_t *out, float *const *row, const float *w, size_t from, size_t to, size_t n);
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
    size_t n = (size_t)out->width * out->channels;
    float *data = mem_calloc(n + 1, TAPS * sizeof *data, err);
    const struct loops *loop = choose_loops();
    int held[TAPS] = {-1, -1, -1, -1}; /* 2 * row, and 1 at the edge */
    for (int y = 0; data && y < out->height; y++) {
        float *row[TAPS];
        bool edge = y < down->inner_from || y >= down->inner_to;
        size_t from = edge ? n : (size_t)across->inner_from * out->channels;
        size_t to = edge ? n : (size_t)across->inner_to * out->channels;
        for (int k = 0; k < TAPS; k++) {
            int at = down->at[y * TAPS + k], slot = at % TAPS;
            row[k] = data + slot * (n + 1);
            if (held[slot] != 2 * at + edge)
                loop->resize_row(row[k], image_row(in, at), across, out->width, out->channels, edge);
            held[slot] = 2 * at + edge;
        }
        loop->mix_rows(out->data + y * n, row, down->weight + y * TAPS, from, to, n);
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
        failed = image_want(in, across.at, TAPS * x->n, down.at, TAPS * y->n, err) ||
                 mix_picture(out, in, &across, &down, err);
        cubic_release(&down);
    }
    cubic_release(&across);
    return failed;
}
