/* Resampling as TensorFlow does it: core/kernels/image of its release 2.21, image_resizer_state.h,
 * resize_bilinear_op.cc, resize_bicubic_op.cc, resize_area_op.cc, scale_and_translate_op.cc. */
#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "image/resize.h"

/* Which input samples each output sample is made of, along one axis. */
struct mix {
    int most;   /* per output */
    int *count; /* per output */
    int *at;    /* `most` per output: which sample */
    float *weight;
};

/* One axis. */
struct span {
    int in, out;
    const struct image_sampling *how;
    float scale; /* inputs per output */
};

static void mix_release(struct mix *m)
{
    free(m->count);
    free(m->at);
    free(m->weight);
}

static int mix_alloc(struct mix *m, int outputs, int most, struct error *err)
{
    size_t n;
    if (!mem_mul(outputs, most, &n))
        return error_memory(err);
    *m = (struct mix){.most = most};
    m->count = mem_calloc(outputs, sizeof *m->count, err);
    m->at = m->count ? mem_calloc(n, sizeof *m->at, err) : NULL;
    m->weight = m->at ? mem_calloc(n, sizeof *m->weight, err) : NULL;
    if (m->weight)
        return 0;
    mix_release(m);
    return -1;
}

/* ---- the operators of their own: each fills the samples and weights of output x, and gives their number ---- */

static float place(const struct span *s, int x)
{
    return s->how->grid == IMAGE_GRID_HALF ? ((float)x + 0.5f) * s->scale - 0.5f : (float)x * s->scale;
}

static int mix_bilinear(const struct span *s, int x, int *at, float *w)
{
    float from = place(s, x), whole = floorf(from);
    at[0] = image_clamp((int)whole, s->in);
    at[1] = image_clamp((int)ceilf(from), s->in);
    w[1] = from - whole;
    w[0] = 1 - w[1];
    return 2;
}

static int mix_nearest(const struct span *s, int x, int *at, float *w)
{
    float from = s->how->grid == IMAGE_GRID_HALF ? ((float)x + 0.5f) * s->scale : (float)x * s->scale;
    at[0] = image_clamp((int)(s->how->grid == IMAGE_GRID_CORNERS ? roundf(from) : floorf(from)), s->in);
    w[0] = 1;
    return 1;
}

/* Keys' kernel at multiples of 1/1024, which is all that the operator has. */
static float cubic(int at, float a)
{
    float x = (float)at / 1024;
    return x <= 1 ? ((a + 2) * x - (a + 3)) * x * x + 1 : ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
}

/* With half-pixel centres, samples outside count for nothing; else the border is repeated, and a = -3/4. */
static int mix_bicubic(const struct span *s, int x, int *at, float *w)
{
    bool half = s->how->grid == IMAGE_GRID_HALF;
    float from = place(s, x), whole = floorf(from), sum = 0;
    int offset = (int)lrintf((from - whole) * 1024);
    for (int i = 0; i < 4; i++) {
        int k = (int)whole + i - 1;
        at[i] = image_clamp(k, s->in);
        w[i] = half && at[i] != k ? 0 : cubic(abs(offset - (i - 1) * 1024), half ? -0.5f : -0.75f);
        sum += w[i];
    }
    for (int i = 0; i < 4 && half && fabsf(sum) >= 1000 * FLT_MIN; i++)
        w[i] /= sum;
    return 4;
}

/* The mean of what an output covers. */
static int mix_area(const struct span *s, int x, int *at, float *w)
{
    float from = (float)x * s->scale, to = (float)(x + 1) * s->scale;
    int n = 0;
    for (int i = (int)floorf(from); i < (int)ceilf(to); i++, n++) {
        float begin = (float)i < from ? from : (float)i, end = (float)(i + 1) > to ? to : (float)(i + 1);
        at[n] = image_clamp(i, s->in);
        w[n] = ((float)i < from && (float)(i + 1) > to ? s->scale : end - begin) / s->scale;
    }
    return n;
}

/* ---- ScaleAndTranslate ---- */

static float triangle(float x)
{
    return x < 1 ? 1 - x : 0;
}

static float keys(float x)
{
    if (x >= 2)
        return 0;
    return x >= 1 ? ((-0.5f * x + 2.5f) * x - 4) * x + 2 : (1.5f * x - 2.5f) * x * x + 1;
}

static float lanczos(float x, float radius)
{
    const float pi = (float)M_PI;
    if (x > radius)
        return 0;
    return x <= 1e-3f ? 1 : radius * sinf(pi * x) * sinf(pi * x / radius) / (pi * pi * x * x);
}

static float lanczos3(float x)
{
    return lanczos(x, 3);
}

static float lanczos5(float x)
{
    return lanczos(x, 5);
}

static float gaussian(float x)
{
    return x >= 1.5f ? 0 : expf(-x * x / (2 * 0.5f * 0.5f));
}

static float mitchell(float x)
{
    if (x >= 2)
        return 0;
    return x >= 1 ? ((-7.0f / 18 * x + 2) * x - 10.0f / 3) * x + 16.0f / 9 : (7.0f / 6 * x - 2) * x * x + 8.0f / 9;
}

static const struct tensorflow_filter {
    int (*mix)(const struct span *s, int x, int *at, float *w); /* not antialiased; NULL: by the kernel */
    float (*kernel)(float x);                                   /* NULL: none */
    float radius;
} filters[IMAGE_TF_FILTERS] = {
    [IMAGE_TF_BILINEAR] = {mix_bilinear, triangle, 1}, [IMAGE_TF_BICUBIC] = {mix_bicubic, keys, 2},
    [IMAGE_TF_NEAREST] = {mix_nearest, NULL, 0},       [IMAGE_TF_AREA] = {mix_area, NULL, 0},
    [IMAGE_TF_LANCZOS3] = {NULL, lanczos3, 3},         [IMAGE_TF_LANCZOS5] = {NULL, lanczos5, 5},
    [IMAGE_TF_GAUSSIAN] = {NULL, gaussian, 1.5f},      [IMAGE_TF_MITCHELL] = {NULL, mitchell, 2},
};

/* How far the kernel is stretched. */
static float stretch(const struct span *s)
{
    float scale = 1 / ((float)s->out / (float)s->in);
    return s->how->antialias && scale > 1 ? scale : 1;
}

static int mix_kernel(const struct span *s, int x, int *at, float *w)
{
    const struct tensorflow_filter *f = &filters[s->how->filter];
    float wide = stretch(s), centre = ((float)x + 0.5f) * (1 / ((float)s->out / (float)s->in)), sum = 0;
    int first = image_clamp((int)ceilf(centre - f->radius * wide - 0.5f), s->in), n = 0;
    int end = image_clamp((int)floorf(centre + f->radius * wide - 0.5f), s->in);
    for (int i = first; i <= end; i++, n++) {
        at[n] = i;
        w[n] = f->kernel(fabsf((float)i + 0.5f - centre) * (1 / wide));
        sum += w[n];
    }
    for (int i = 0; i < n && fabsf(sum) >= 1000 * FLT_MIN; i++)
        w[i] *= 1 / sum;
    return n;
}

/* ---- both axes ---- */

static int mix_init(struct mix *m, const struct span *s, int from, int n, struct error *err)
{
    const struct tensorflow_filter *f = &filters[s->how->filter];
    bool by_kernel = f->kernel && (s->how->antialias || !f->mix);
    int most = by_kernel                         ? 2 * (int)ceilf(f->radius * stretch(s)) + 2
               : s->how->filter == IMAGE_TF_AREA ? (int)ceilf(s->scale) + 2
                                                 : 4;
    if (mix_alloc(m, n, most, err))
        return -1;
    for (int i = 0; i < n; i++)
        m->count[i] =
            (by_kernel ? mix_kernel : f->mix)(s, from + i, m->at + (size_t)i * most, m->weight + (size_t)i * most);
    return 0;
}

static struct span span_of(int in, int out, const struct image_sampling *how)
{
    bool corners = how->grid == IMAGE_GRID_CORNERS && out > 1;
    float scale = corners ? (float)(in - 1) / (float)(out - 1) : (float)in / (float)out;
    return (struct span){in, out, how, scale};
}

/* What is resized: the first that is not NULL. */
struct samples {
    const float *floats;
    const uint8_t *bytes;
};

/* row[] += a row of the input times w. */
static void add_row(float *restrict row, const struct samples *in, size_t at, size_t n, float w)
{
    if (in->floats)
        for (size_t i = 0; i < n; i++)
            row[i] += in->floats[at + i] * w;
    else
        for (size_t i = 0; i < n; i++)
            row[i] += (float)in->bytes[at + i] * w;
}

static void mix_row(float *out, const float *row, const struct mix *across, int n, int channels)
{
    for (int x = 0; x < n; x++, out += channels) {
        const float *w = across->weight + (size_t)x * across->most;
        const int *at = across->at + (size_t)x * across->most;
        for (int k = 0; k < across->count[x]; k++)
            for (int c = 0; c < channels; c++)
                out[c] += row[(size_t)at[k] * channels + c] * w[k];
    }
}

static int mix_picture(struct image_floats *out, const struct samples *in, size_t width, const struct mix *across,
                       const struct mix *down, struct error *err)
{
    size_t n = width * out->channels;
    float *row = mem_calloc(n, sizeof *row, err);
    for (int y = 0; row && y < out->height; y++) {
        for (size_t i = 0; i < n; i++)
            row[i] = 0;
        for (int k = 0; k < down->count[y]; k++)
            add_row(row, in, down->at[(size_t)y * down->most + k] * n, n, down->weight[(size_t)y * down->most + k]);
        mix_row(out->data + (size_t)y * out->width * out->channels, row, across, out->width, out->channels);
    }
    free(row);
    return row ? 0 : -1;
}

int image_resize_tensorflow(struct image_floats *out, const struct image_floats *in, const struct image *bytes,
                            int width, int height, const struct image_sampling *how, const struct image_rect *window,
                            struct error *err)
{
    int in_width = in ? in->width : bytes->width, in_height = in ? in->height : bytes->height;
    struct span x = span_of(in_width, width, how), y = span_of(in_height, height, how);
    struct samples from = {in ? in->data : NULL, in ? NULL : bytes->data};
    struct image_floats result;
    struct mix across, down;
    if (image_floats_init(&result, window->width, window->height, in ? in->channels : bytes->channels, err))
        return -1;
    int failed = mix_init(&across, &x, window->x, window->width, err);
    if (!failed) {
        failed = mix_init(&down, &y, window->y, window->height, err);
        if (!failed) {
            failed = mix_picture(&result, &from, in_width, &across, &down, err);
            mix_release(&down);
        }
        mix_release(&across);
    }
    if (failed)
        image_floats_release(&result);
    else
        *out = result;
    return failed;
}
