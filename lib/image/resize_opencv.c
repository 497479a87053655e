/* Resampling as OpenCV does it for 8-bit pictures: modules/imgproc/src/resize.cpp of its releases 4 and 5. */
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "image/resize.h"

#define MOST_TAPS 8

/* Which input samples each output sample is made of, along one axis. */
struct taps {
    int n;           /* per output */
    int *at;         /* n per output: which sample; the border is repeated */
    int32_t *weight; /* n per output */
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

void resize_weigh_cubic(float x, float *w)
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
    [IMAGE_CV_CUBIC] = {4, resize_weigh_cubic},
    [IMAGE_CV_LANCZOS] = {8, weigh_lanczos},
    [IMAGE_CV_AREA] = {2, resize_weigh_linear}, /* where a side grows */
};

static void taps_release(struct taps *t)
{
    free(t->at);
    free(t->weight);
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
    if (channels == 3 && t->n == 2)
        along_row(out, in, t, n, 3, 2);
    else if (channels == 3 && t->n == 8)
        along_row(out, in, t, n, 3, 8);
    else
        along_row(out, in, t, n, channels, t->n);
}

static uint8_t to_byte(int64_t v)
{
    return v < 0 ? 0 : v > 255 ? 255 : (uint8_t)v;
}

/* Of two rows, OpenCV drops 4 bits before and 16 after multiplying, so that 16-bit lanes do. */
static void mix_two(uint8_t *restrict out, int32_t *const *row, const int32_t *w, size_t n)
{
    const int32_t *a = row[0], *b = row[1];
    for (size_t i = 0; i < n; i++)
        out[i] = to_byte(((w[0] * (a[i] >> 4) >> 16) + (w[1] * (b[i] >> 4) >> 16) + 2) >> 2);
}

static void mix_rows(uint8_t *restrict out, int32_t *const *row, const int32_t *w, const struct taps *t, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        int64_t sum = 1 << (2 * BITS - 1);
        for (int k = 0; k < t->n; k++)
            sum += (int64_t)row[k][i] * w[k];
        out[i] = to_byte(sum >> (2 * BITS));
    }
}

/* Input rows brought to their final width: at most as many as a column takes, each in the slot of its number. */
struct rows {
    int32_t *data;
    int held[MOST_TAPS]; /* which row a slot has; -1 for none */
};

static int32_t *find_row(struct rows *rows, const struct image *in, int y, const struct taps *across,
                         const struct image *out)
{
    int slot = y % across->n;
    int32_t *row = rows->data + (size_t)slot * out->width * out->channels;
    if (rows->held[slot] != y)
        resize_row(row, in->data + (size_t)y * in->width * in->channels, across, out->width, out->channels);
    rows->held[slot] = y;
    return row;
}

static int by_weights(struct image *out, const struct image *in, const struct taps *across, const struct taps *down,
                      struct error *err)
{
    size_t n = (size_t)out->width * out->channels;
    struct rows rows = {.data = mem_calloc(n * across->n, sizeof *rows.data, err)};
    if (!rows.data)
        return -1;
    memset(rows.held, -1, sizeof rows.held);
    for (int y = 0; y < out->height; y++) {
        int32_t *row[MOST_TAPS];
        const int32_t *w = down->weight + y * down->n;
        for (int k = 0; k < down->n; k++)
            row[k] = find_row(&rows, in, down->at[y * down->n + k], across, out);
        if (down->n == 2)
            mix_two(out->data + y * n, row, w, n);
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

void image_pick(struct image *out, const struct image *in, const int *x, const int *y)
{
    int channels = in->channels;
    uint8_t *to = out->data;
    for (int j = 0; j < out->height; j++) {
        const uint8_t *row = in->data + (size_t)y[j] * in->width * channels;
        for (int i = 0; i < out->width; i++, to += channels)
            memcpy(to, row + (size_t)x[i] * channels, channels);
    }
}

static int resize_nearest(struct image *out, const struct image *in, const struct resize_axis *x,
                          const struct resize_axis *y, struct error *err)
{
    int *across = nearest_places(x, err), *down = across ? nearest_places(y, err) : NULL;
    if (down)
        image_pick(out, in, across, down);
    free(across);
    free(down);
    return down ? 0 : -1;
}

/* ---- which of these ---- */

static int resize_area(struct image *out, const struct image *in, const struct resize_axis *x,
                       const struct resize_axis *y, struct error *err)
{
    if (x->out > x->in || y->out > y->in)
        return resize_by_weights(out, in, x, y, IMAGE_CV_AREA, err);
    if (x->in % x->out || y->in % y->out)
        return image_resize_covers(out, in, x, y, err);
    image_resize_blocks(out, in, x, y);
    return 0;
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
