/* OpenCV's INTER_AREA where both sides shrink: modules/imgproc/src/resize.cpp. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "image/resize.h"

/* ---- the mean of what a pixel covers, in whole pixels ---- */

static uint8_t block_mean(const uint8_t *in, size_t row, int channels, int width, int height)
{
    uint64_t sum = 0;
    for (int j = 0; j < height; j++)
        for (int i = 0; i < width; i++)
            sum += in[j * row + (size_t)i * channels];
    if (width == 2 && height == 2)
        return (uint8_t)((sum + 2) >> 2);
    return (uint8_t)rintf((float)sum * (1.f / (width * height)));
}

void image_resize_blocks(struct image *out, const struct image *in, const struct resize_axis *x,
                         const struct resize_axis *y)
{
    int channels = in->channels, width = x->in / x->out, height = y->in / y->out;
    size_t row = (size_t)in->width * channels;
    uint8_t *to = out->data;
    for (int j = 0; j < y->n; j++)
        for (int i = 0; i < x->n; i++)
            for (int c = 0; c < channels; c++)
                *to++ = block_mean(in->data + (size_t)(y->from + j) * height * row +
                                       (size_t)(x->from + i) * width * channels + c,
                                   row, channels, width, height);
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

static void cover_row(float *sum, const uint8_t *in, const struct cover *covers, int n, int channels)
{
    if (channels == 3)
        cover_pixels(sum, in, covers, n, 3);
    else
        cover_pixels(sum, in, covers, n, 1);
}

static uint8_t float_to_byte(float v)
{
    return v >= 255 ? 255 : v <= 0 ? 0 : (uint8_t)rintf(v);
}

static void cover_rows(struct image *out, const struct image *in, const struct cover *across,
                       const struct resize_axis *y, float *row, float *sum)
{
    size_t n = (size_t)out->width * out->channels, in_row = (size_t)in->width * in->channels;
    for (int j = 0; j < y->n; j++) {
        struct cover c = cover_of(y, j);
        memset(sum, 0, n * sizeof *sum);
        for (int k = 0; k < c.n; k++) {
            float w = share(&c, k);
            cover_row(row, in->data + (c.first + k) * in_row, across, out->width, out->channels);
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
    float *row = across ? mem_calloc(2 * n, sizeof *row, err) : NULL;
    for (int i = 0; row && i < x->n; i++)
        across[i] = cover_of(x, i);
    if (row)
        cover_rows(out, in, across, y, row, row + n);
    int failed = row ? 0 : -1;
    free(row);
    free(across);
    return failed;
}
