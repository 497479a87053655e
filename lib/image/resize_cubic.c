/* OpenCV's INTER_CUBIC, which its usual builds hand to a library that computes in float32, multiplications and
 * additions fused. */
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/mem.h"
#include "image/resize.h"
#include "image/vector.h"

#define TAPS 4

#ifdef __FP_FAST_FMAF
#define FUSED true
#else
#define FUSED false
#endif

/* Which input samples each output sample is made of, along one axis. */
struct cubic {
    int *at;       /* TAPS per output; the border is repeated */
    float *weight; /* TAPS per output */
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
    return 0;
}

/* a * b + c, rounded once; in float64 the product is exact, and rounding twice all but never shows. */
__attribute__((always_inline)) static inline float fused(float a, float b, float c, bool fast)
{
    return fast ? __builtin_fmaf(a, b, c) : (float)((double)a * b + c);
}

/* One row; `channels` and `fast` are constants where this is inlined. */
__attribute__((always_inline)) static inline void along_row(float *out, const uint8_t *in, const struct cubic *c, int n,
                                                            int channels, bool fast)
{
    const int *at = c->at;
    const float *w = c->weight;
    for (int x = 0; x < n; x++, out += channels, at += TAPS, w += TAPS)
        for (int i = 0; i < channels; i++) {
            float v = in[at[0] * channels + i] * w[0];
            for (int k = 1; k < TAPS; k++)
                v = fused(in[at[k] * channels + i], w[k], v, fast);
            out[i] = v;
        }
}

__attribute__((always_inline)) static inline void resize_row(float *out, const uint8_t *in, const struct cubic *c,
                                                             int n, int channels, bool fast)
{
    if (channels == 3)
        along_row(out, in, c, n, 3, fast);
    else
        along_row(out, in, c, n, 1, fast);
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
IMAGE_FMA static void resize_row_fma(float *out, const uint8_t *in, const struct cubic *c, int n, int channels)
{
    resize_row(out, in, c, n, channels, true);
}

IMAGE_FMA static void mix_rows_fma(uint8_t *out, float *const *row, const float *w, size_t n)
{
    mix_rows(out, row, w, n, true);
}
#endif

static void resize_row_plain(float *out, const uint8_t *in, const struct cubic *c, int n, int channels)
{
    resize_row(out, in, c, n, channels, FUSED);
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
    float *data = mem_calloc(n, TAPS * sizeof *data, err);
    const struct loops *loop = choose_loops();
    int held[TAPS] = {-1, -1, -1, -1};
    for (int y = 0; data && y < out->height; y++) {
        float *row[TAPS];
        for (int k = 0; k < TAPS; k++) {
            int at = down->at[y * TAPS + k], slot = at % TAPS;
            row[k] = data + slot * n;
            if (held[slot] != at)
                loop->resize_row(row[k], in->data + at * in_row, across, out->width, out->channels);
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
