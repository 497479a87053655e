/* Resampling as OpenCV does it for 8-bit pictures: modules/imgproc/src/resize.cpp of its releases 4 and 5. */
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "image/resize.h"
#include "image/vector.h"

#define MOST_TAPS   8
#define PIXELS_READ 3 /* by 8 bytes */

/* Which input samples each output sample is made of, along one axis. */
struct taps {
    int n;           /* per output */
    int *at;         /* n per output: which sample; the border is repeated */
    int32_t *weight; /* n per output */
    int from, to;    /* see resize_inner() */
};

static struct resize_axis axis_of(int in, int out, int from, int n)
{
    return (struct resize_axis){in, out, from, n, 1 / ((double)out / in)};
}

/* ---- weights: of the samples around one that lies `x` behind the middle left one ---- */

void resize_weigh_linear(float x, float *w)
{
    w[0] = 1 - x;
    w[1] = x;
}

void image_weigh_cubic(float x, float *w)
{
    const float a = -0.75f;
    float far = x + 1, near = 1 - x;
    w[0] = ((a * far - 5 * a) * far + 8 * a) * far - 4 * a;
    w[1] = ((a + 2) * x - (a + 3)) * x * x + 1;
    w[2] = ((a + 2) * near - (a + 3)) * near * near + 1;
    w[3] = 1 - w[0] - w[1] - w[2];
}

/* sinc(t) sinc(t / 4) of eight samples, up to a factor that the sum takes out. Each sine is five eighths of a turn from
 * the one before. */
static void weigh_lanczos(float x, float *w)
{
    static const double half = 0.70710678118654752440;
    static const double turn[8][2] = {{1, 0},  {-half, -half}, {0, 1},  {half, -half},
                                      {-1, 0}, {half, half},   {0, -1}, {-half, half}};
    double first = -(x + 3) * M_PI * 0.25, sine = sin(first), cosine = cos(first);
    float sum = 0;
    for (int i = 0; i < 8; i++) {
        float t = x + 3 - i;
        double y = -t * M_PI * 0.25;
        w[i] = fabsf(t) < 1e-6f ? 1e30f : (float)((turn[i][0] * sine + turn[i][1] * cosine) / (y * y));
        sum += w[i];
    }
    sum = 1 / sum;
    for (int i = 0; i < 8; i++)
        w[i] *= sum;
}

#define BITS 11

static const struct kernel {
    int taps;
    void (*weigh)(float x, float *w);
} kernels[IMAGE_FILTERS] = {
    [IMAGE_CV_LINEAR] = {2, resize_weigh_linear},
    [IMAGE_CV_CUBIC] = {4, image_weigh_cubic},
    [IMAGE_CV_LANCZOS] = {8, weigh_lanczos},
    [IMAGE_CV_AREA] = {2, resize_weigh_linear}, /* where a side grows */
};

static void taps_release(struct taps *t)
{
    free(t->at);
    free(t->weight);
}

void resize_inner(const int *at, int taps, int n, int in, int room, int *from, int *to)
{
    for (*from = 0; *from < n && at[taps * *from + taps - 1] - at[taps * *from] != taps - 1; ++*from)
        continue;
    for (*to = n; *to > *from && at[taps * (*to - 1)] + room > in; --*to)
        continue;
}

static int taps_alloc(struct taps *t, int outputs, const struct kernel *k, struct error *err)
{
    t->n = k->taps;
    t->at = mem_calloc(outputs, t->n * sizeof *t->at, err);
    t->weight = mem_calloc(outputs, t->n * sizeof *t->weight, err);
    if (t->at && t->weight)
        return 0;
    taps_release(t);
    return -1;
}

/* The sample at or left of an output's place, and how far behind it that lies. */
static int place(const struct resize_axis *a, int output, bool area, float *x)
{
    if (area) {
        int at = (int)floor(output * a->scale);
        *x = (float)(output + 1 - (at + 1) * ((double)a->out / a->in));
        *x = *x <= 0 ? 0 : *x - floorf(*x);
        return at;
    }
    float v = (float)((output + 0.5) * a->scale - 0.5), whole = floorf(v);
    *x = v - whole;
    return (int)whole;
}

static int taps_init(struct taps *t, const struct resize_axis *a, const struct kernel *k, bool area, struct error *err)
{
    if (taps_alloc(t, a->n, k, err))
        return -1;
    for (int i = 0; i < a->n; i++) {
        float x, w[MOST_TAPS];
        int at = place(a, a->from + i, area, &x);
        k->weigh(x, w);
        for (int j = 0; j < k->taps; j++) {
            t->at[i * k->taps + j] = image_clamp(at + j - (k->taps / 2 - 1), a->in);
            t->weight[i * k->taps + j] = (int32_t)rintf(w[j] * (1 << BITS));
        }
    }
    resize_inner(t->at, t->n, a->n, a->in, PIXELS_READ, &t->from, &t->to);
    return 0;
}

/* ---- by weights: rows first, which keep the fraction, then columns ---- */

/* One row; `channels` and `taps` are constants where this is inlined. */
__attribute__((always_inline)) static inline void along_row(int32_t *out, const uint8_t *in, const struct taps *t,
                                                            int n, int channels, int taps)
{
    const int *at = t->at;
    const int32_t *w = t->weight;
    for (int x = 0; x < n; x++, out += channels, at += taps, w += taps)
        for (int c = 0; c < channels; c++) {
            int32_t sum = 0;
            for (int i = 0; i < taps; i++)
                sum += in[at[i] * channels + c] * w[i];
            out[c] = sum;
        }
}

static void resize_row(int32_t *out, const uint8_t *in, const struct taps *t, int n, int channels)
{
    if (channels == 3 && t->n == 8)
        along_row(out, in, t, n, 3, 8);
    else
        along_row(out, in, t, n, channels, t->n);
}

static uint8_t to_byte(int64_t v)
{
    return v < 0 ? 0 : v > 255 ? 255 : (uint8_t)v;
}

/* ---- of two samples: OpenCV drops 4 bits before and 16 after multiplying with the weights of rows, so that 16-bit
 * lanes do ---- */

static void pair_pixels(int16_t *out, const uint8_t *in, const struct taps *t, int from, int to, int channels)
{
    for (int x = from; x < to; x++)
        for (int c = 0; c < channels; c++)
            out[x * channels + c] = (int16_t)((in[t->at[2 * x] * channels + c] * t->weight[2 * x] +
                                               in[t->at[2 * x + 1] * channels + c] * t->weight[2 * x + 1]) >>
                                              4);
}

#ifdef IMAGE_AVX2
/* Writes one element too many. */
IMAGE_AVX2 static void pair_inner(int16_t *out, const uint8_t *in, const struct taps *t)
{
    const __m128i order = _mm_setr_epi8(0, -1, 3, -1, 1, -1, 4, -1, 2, -1, 5, -1, -1, -1, -1, -1);
    for (int x = t->from; x < t->to; x++) {
        __m128i v = _mm_loadl_epi64((const __m128i *)(in + 3 * t->at[2 * x]));
        __m128i w = _mm_loadl_epi64((const __m128i *)(t->weight + 2 * x));
        w = _mm_broadcastd_epi32(_mm_packs_epi32(w, w));
        v = _mm_srai_epi32(_mm_madd_epi16(_mm_shuffle_epi8(v, order), w), 4);
        _mm_storel_epi64((__m128i *)(out + 3 * x), _mm_packs_epi32(v, v));
    }
}

IMAGE_AVX2 static __m256i mix_16(const int16_t *a, const int16_t *b, __m256i w0, __m256i w1)
{
    __m256i v = _mm256_mulhi_epi16(_mm256_loadu_si256((const __m256i *)a), w0);
    v = _mm256_add_epi16(v, _mm256_mulhi_epi16(_mm256_loadu_si256((const __m256i *)b), w1));
    return _mm256_srai_epi16(_mm256_add_epi16(v, _mm256_set1_epi16(2)), 2);
}

/* As many of the n as vectors hold; how many. */
IMAGE_AVX2 static size_t mix_inner(uint8_t *out, const int16_t *a, const int16_t *b, const int32_t *w, size_t n)
{
    const __m256i w0 = _mm256_set1_epi16((int16_t)w[0]), w1 = _mm256_set1_epi16((int16_t)w[1]);
    size_t i = 0;
    for (; i + 32 <= n; i += 32) {
        __m256i v = _mm256_packus_epi16(mix_16(a + i, b + i, w0, w1), mix_16(a + i + 16, b + i + 16, w0, w1));
        _mm256_storeu_si256((__m256i *)(out + i), _mm256_permute4x64_epi64(v, 0xd8));
    }
    return i;
}
#endif

static void pair_row(int16_t *out, const uint8_t *in, const struct taps *t, int n, int channels)
{
    int from = n, to = n;
#ifdef IMAGE_AVX2
    if (channels == 3 && image_has_avx2()) {
        from = t->from;
        to = t->to;
        pair_inner(out, in, t);
    }
#endif
    pair_pixels(out, in, t, 0, from, channels);
    pair_pixels(out, in, t, to, n, channels);
}

static void mix_two(uint8_t *restrict out, const int16_t *a, const int16_t *b, const int32_t *w, size_t n)
{
    size_t i = 0;
#ifdef IMAGE_AVX2
    if (image_has_avx2())
        i = mix_inner(out, a, b, w, n);
#endif
    for (; i < n; i++)
        out[i] = to_byte(((w[0] * a[i] >> 16) + (w[1] * b[i] >> 16) + 2) >> 2);
}

/* ---- of more ---- */

#ifdef IMAGE_AVX2
/* Of eight samples, as many as there are by eight. */
IMAGE_AVX2 static size_t mix_eight(uint8_t *out, void *const *row, const int32_t *w, size_t n)
{
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        __m256i v = _mm256_set1_epi32(1 << (2 * BITS - 1));
        for (int k = 0; k < 8; k++) {
            __m256i sample = _mm256_loadu_si256((const __m256i *)((const int32_t *)row[k] + i));
            v = _mm256_add_epi32(v, _mm256_mullo_epi32(sample, _mm256_set1_epi32(w[k])));
        }
        v = _mm256_packs_epi32(_mm256_srai_epi32(v, 2 * BITS), v);
        v = _mm256_packus_epi16(_mm256_permute4x64_epi64(v, 0xd8), v);
        _mm_storel_epi64((__m128i *)(out + i), _mm256_castsi256_si128(v));
    }
    return i;
}
#endif

/* Sums are modulo 2^32, as OpenCV has them. */
static void mix_rows(uint8_t *restrict out, void *const *row, const int32_t *w, const struct taps *t, size_t n)
{
    size_t i = 0;
#ifdef IMAGE_AVX2
    if (t->n == 8 && image_has_avx2())
        i = mix_eight(out, row, w, n);
#endif
    for (; i < n; i++) {
        int64_t sum = 1 << (2 * BITS - 1);
        for (int k = 0; k < t->n; k++)
            sum += (int64_t)((const int32_t *)row[k])[i] * w[k];
        out[i] = to_byte((int32_t)sum >> (2 * BITS));
    }
}

/* Input rows brought to their final width: at most as many as a column takes, each in the slot of its number: of two
 * samples int16_t, else int32_t. */
struct rows {
    int32_t *data;
    int held[MOST_TAPS]; /* which row a slot has; -1 for none */
};

static void *find_row(struct rows *rows, const struct image *in, int y, const struct taps *across,
                      const struct image *out)
{
    int slot = y % across->n;
    int32_t *row = rows->data + (size_t)slot * out->width * out->channels;
    if (rows->held[slot] == y)
        return row;
    const uint8_t *from = image_row(in, y);
    if (across->n == 2)
        pair_row((int16_t *)row, from, across, out->width, out->channels);
    else
        resize_row(row, from, across, out->width, out->channels);
    rows->held[slot] = y;
    return row;
}

static int by_weights(struct image *out, const struct image *in, const struct taps *across, const struct taps *down,
                      struct error *err)
{
    size_t n = (size_t)out->width * out->channels;
    struct rows rows = {.data = mem_calloc(n * across->n, sizeof *rows.data, err)};
    if (!rows.data || image_want(in, across->at, across->n * out->width, down->at, down->n * out->height, err)) {
        free(rows.data);
        return -1;
    }
    memset(rows.held, -1, sizeof rows.held);
    for (int y = 0; y < out->height; y++) {
        void *row[MOST_TAPS];
        const int32_t *w = down->weight + y * down->n;
        for (int k = 0; k < down->n; k++)
            row[k] = find_row(&rows, in, down->at[y * down->n + k], across, out);
        if (down->n == 2)
            mix_two(out->data + y * n, row[0], row[1], w, n);
        else
            mix_rows(out->data + y * n, row, w, down, n);
    }
    free(rows.data);
    return 0;
}

static int resize_by_weights(struct image *out, const struct image *in, const struct resize_axis *x,
                             const struct resize_axis *y, enum image_filter filter, struct error *err)
{
    struct taps across, down;
    const struct kernel *k = &kernels[filter];
    bool area = filter == IMAGE_CV_AREA;
    if (taps_init(&across, x, k, area, err))
        return -1;
    if (taps_init(&down, y, k, area, err)) {
        taps_release(&across);
        return -1;
    }
    int failed = by_weights(out, in, &across, &down, err);
    taps_release(&across);
    taps_release(&down);
    return failed;
}

/* ---- the nearest: of the place of a pixel's corner, not of its centre ---- */

static int *nearest_places(const struct resize_axis *a, struct error *err)
{
    int *place = mem_calloc(a->n, sizeof *place, err);
    for (int i = 0; place && i < a->n; i++)
        place[i] = image_clamp((int)floor((a->from + i) * a->scale), a->in);
    return place;
}

/* Pixels of 3 bytes are copied by 4, but for the last of a row. */
static void pick_row(uint8_t *to, const uint8_t *row, const int *x, int n, int width, int channels)
{
    int i = 0;
    for (; channels == 3 && i < n - 1 && x[i] < width - 1; i++, to += 3)
        memcpy(to, row + (size_t)x[i] * 3, 4);
    for (; i < n; i++, to += channels)
        memcpy(to, row + (size_t)x[i] * channels, channels);
}

int image_pick(struct image *out, const struct image *in, const int *x, const int *y, struct error *err)
{
    size_t n = (size_t)out->width * out->channels;
    if (image_want(in, x, out->width, y, out->height, err))
        return -1;
    for (int j = 0; j < out->height; j++)
        pick_row(out->data + j * n, image_row(in, y[j]), x, out->width, in->width, in->channels);
    return 0;
}

static int resize_nearest(struct image *out, const struct image *in, const struct resize_axis *x,
                          const struct resize_axis *y, struct error *err)
{
    int *across = nearest_places(x, err), *down = across ? nearest_places(y, err) : NULL;
    int failed = down ? image_pick(out, in, across, down, err) : -1;
    free(across);
    free(down);
    return failed;
}

/* ---- which of these ---- */

static int resize_area(struct image *out, const struct image *in, const struct resize_axis *x,
                       const struct resize_axis *y, struct error *err)
{
    if (x->out > x->in || y->out > y->in)
        return resize_by_weights(out, in, x, y, IMAGE_CV_AREA, err);
    if (image_want_all(in, err))
        return -1;
    if (x->in % x->out || y->in % y->out)
        return image_resize_covers(out, in, x, y, err);
    return image_resize_blocks(out, in, x, y, err);
}

static int resize_any(struct image *out, const struct image *in, const struct resize_axis *x,
                      const struct resize_axis *y, enum image_filter filter, struct error *err)
{
    bool halved = x->in == 2 * x->out && y->in == 2 * y->out;
    if (filter == IMAGE_CV_AREA || (filter == IMAGE_CV_LINEAR && halved))
        return resize_area(out, in, x, y, err);
    if (filter == IMAGE_CV_CUBIC && in->width >= 4 && in->height >= 4)
        return image_resize_cubic(out, in, x, y, err);
    if (filter != IMAGE_CV_NEAREST)
        return resize_by_weights(out, in, x, y, filter, err);
    return resize_nearest(out, in, x, y, err);
}

int image_resize_opencv(struct image *out, const struct image *in, int width, int height, enum image_filter filter,
                        const struct image_rect *r, struct error *err)
{
    struct image result;
    struct resize_axis x = axis_of(in->width, width, r->x, r->width), y = axis_of(in->height, height, r->y, r->height);
    if (image_init(&result, r->width, r->height, in->channels, err))
        return -1;
    if (resize_any(&result, in, &x, &y, filter, err)) {
        image_release(&result);
        return -1;
    }
    *out = result;
    return 0;
}
