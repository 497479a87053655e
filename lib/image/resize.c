/* Resampling by separable convolution, as PIL does it for 8-bit pictures. */
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "image/convolve.h"
#include "image/resize.h"

static double triangle(double x)
{
    x = fabs(x);
    return x < 1 ? 1 - x : 0;
}

/* R. Keys, Cubic Convolution Interpolation for Digital Image Processing, 1981, equation 15. */
static double keys(double x)
{
    const double a = -0.5;
    x = fabs(x);
    if (x < 1)
        return ((a + 2) * x - (a + 3)) * x * x + 1;
    return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
}

/* C. E. Duchon, Lanczos Filtering in One and Two Dimensions, 1979: sinc(x) sinc(x / 3). */
static double lanczos(double x)
{
    double a = x * M_PI, b = x / 3 * M_PI;
    return x == 0 ? 1 : fabs(x) < 3 ? sin(a) / a * (sin(b) / b) : 0;
}

static double box(double x)
{
    return x > -0.5 && x <= 0.5;
}

/* PIL's factors are single. */
static double hamming(double x)
{
    double a = x * M_PI;
    return x == 0 ? 1 : fabs(x) < 1 ? sin(a) / a * (0.54f + 0.46f * cos(a)) : 0;
}

static const struct filter {
    double (*kernel)(double x);
    double support;
    int widens; /* with the reduction */
    int bits;   /* that a weight may take, its sign not counted; 0: CONVOLVE_BITS of fraction */
} filters[] = {
    [IMAGE_BILINEAR] = {triangle, 1, 1, 0},
    [IMAGE_BICUBIC] = {keys, 2, 1, 0},
    [IMAGE_BILINEAR_PLAIN] = {triangle, 1, 0, 0},
    [IMAGE_LANCZOS] = {lanczos, 3, 1, 0},
    [IMAGE_BOX] = {box, 0.5, 1, 0},
    [IMAGE_HAMMING] = {hamming, 1, 1, 0},
    [IMAGE_TORCH_BILINEAR] = {triangle, 1, 1, 15},
    [IMAGE_TORCH_BICUBIC] = {keys, 2, 1, 15},
};

static void taps_release(struct taps *t)
{
    free(t->first);
    free(t->weight);
}

static int taps_alloc(struct taps *t, int outputs, int most, struct error *err)
{
    size_t weights;
    most = (most + CONVOLVE_STEP - 1) / CONVOLVE_STEP * CONVOLVE_STEP;
    t->most = most;
    t->first = mem_calloc(outputs, 2 * sizeof *t->first, err);
    t->weight = mem_mul(outputs, most, &weights) ? mem_calloc(weights, sizeof *t->weight, err) : NULL;
    t->count = t->first + outputs;
    if (t->first && t->weight)
        return 0;
    taps_release(t);
    return error_memory(err);
}

/* One axis that goes from `in` samples to `out`. */
struct line {
    const struct filter *filter;
    int in;
    double scale, stretch;
    double *w; /* scratch: the weights of one output */
};

/* The weights of an output, whose sum is 1, for samples from *first on; how many. */
static int weigh(const struct line *l, int output, int *first)
{
    double centre = (output + 0.5) * l->scale, support = l->filter->support * l->stretch;
    double sum = 0, inverse = 1 / l->stretch;
    *first = (int)fmax(centre - support + 0.5, 0);
    int n = (int)fmin(centre + support + 0.5, l->in) - *first;
    for (int i = 0; i < n; i++) {
        l->w[i] = l->filter->kernel((i + *first - centre + 0.5) * inverse);
        sum += l->w[i];
    }
    for (int i = 0; i < n && sum != 0; i++)
        l->w[i] /= sum;
    return n;
}

/* How many bits of fraction the weights of all outputs have room for. */
static int fraction_bits(const struct line *l, int out)
{
    double largest = 0;
    int bits = 0, first;
    if (!l->filter->bits)
        return CONVOLVE_BITS;
    for (int i = 0; i < out; i++)
        for (int k = 0, n = weigh(l, i, &first); k < n; k++)
            largest = fmax(largest, l->w[k]);
    while (bits < CONVOLVE_BITS && (int)(0.5 + largest * (1 << (bits + 1))) < 1 << l->filter->bits)
        bits++;
    return bits;
}

static void fill_taps(struct taps *t, const struct line *l, int from, int n, int bits)
{
    for (int i = 0; i < n; i++) {
        int32_t *fixed = t->weight + (size_t)i * t->most;
        t->count[i] = weigh(l, from + i, &t->first[i]);
        for (int k = 0; k < t->count[i]; k++) {
            double v = l->w[k] * (1 << bits);
            fixed[k] = (int32_t)(v < 0 ? v - 0.5 : v + 0.5) * (1 << (CONVOLVE_BITS - bits));
        }
    }
}

/* For outputs from … from + n of an axis that goes from `in` samples to `out`. */
static int taps_init(struct taps *t, int in, int out, int from, int n, enum image_filter filter, struct error *err)
{
    struct line l = {.filter = &filters[filter], .in = in, .scale = (double)in / out};
    l.stretch = l.filter->widens && l.scale > 1 ? l.scale : 1;
    if (taps_alloc(t, n, (int)ceil(l.filter->support * l.stretch) * 2 + 1, err))
        return -1;
    l.w = mem_calloc(t->most, sizeof *l.w, err);
    if (!l.w) {
        taps_release(t);
        return -1;
    }
    fill_taps(t, &l, from, n, fraction_bits(&l, out));
    free(l.w);
    return 0;
}

/* The input rows that the result needs, brought to their final width, then the result's rows out of those. */
static int rows_first(struct image *out, const struct image *in, const struct taps *across, const struct taps *down,
                      struct error *err)
{
    int top = down->first[0], end = down->first[out->height - 1] + down->count[out->height - 1];
    struct image rows;
    if (image_init(&rows, out->width, end - top, in->channels, err))
        return -1;
    size_t in_row = (size_t)in->width * in->channels, row = (size_t)out->width * out->channels;
    image_convolve_rows(rows.data, row, in->data + top * in_row, in_row, end - top, across, out->width, in->channels);
    for (int y = 0; y < out->height; y++)
        image_convolve_column(out->data + y * row, rows.data + (down->first[y] - top) * row, row,
                              down->weight + (size_t)y * down->most, down->count[y], row);
    image_release(&rows);
    return 0;
}

/* The input columns that the result needs, brought to their final height, then each row to its width. */
static int columns_first(struct image *out, const struct image *in, struct taps *across, const struct taps *down,
                         struct error *err)
{
    int left = across->first[0], end = across->first[out->width - 1] + across->count[out->width - 1];
    struct image part;
    if (image_init(&part, end - left, out->height, in->channels, err))
        return -1;
    size_t in_row = (size_t)in->width * in->channels, row = (size_t)part.width * part.channels;
    for (int x = 0; x < out->width; x++)
        across->first[x] -= left;
    for (int y = 0; y < out->height; y++) {
        const uint8_t *from = in->data + down->first[y] * in_row + (size_t)left * in->channels;
        image_convolve_column(part.data + y * row, from, in_row, down->weight + (size_t)y * down->most, down->count[y],
                              row);
    }
    image_convolve_rows(out->data, (size_t)out->width * out->channels, part.data, row, out->height, across, out->width,
                        out->channels);
    image_release(&part);
    return 0;
}

/* The axis that PIL takes first since its release 13, found out by trying: it rounds to 8 bits after each, so that the
 * order shows. Before, the rows always came first, as they do in PyTorch. */
static bool takes_columns_first(const struct image *in, int width, int height, enum image_filter filter)
{
    return !filters[filter].bits && height < in->height && in->height - height > 2 * (in->width - width);
}

static int resize_window(struct image *out, const struct image *in, struct taps *across, const struct taps *down,
                         const struct image_rect *r, bool columns, struct error *err)
{
    struct image result;
    if (image_init(&result, r->width, r->height, in->channels, err))
        return -1;
    if (columns ? columns_first(&result, in, across, down, err) : rows_first(&result, in, across, down, err)) {
        image_release(&result);
        return -1;
    }
    *out = result;
    return 0;
}

/* Where the samples of one axis come from. Positions are summed up, not multiplied out, since that is where PIL's
 * roundings come from. */
static int *nearest_places(int in, int out, int from, int n, struct error *err)
{
    int *place = mem_calloc(n, sizeof *place, err);
    double scale = (double)in / out, at = scale * 0.5;
    for (int i = 0; place && i < from + n; i++, at += scale)
        if (i >= from)
            place[i - from] = at < in ? (int)at : in - 1;
    return place;
}

static int resize_nearest(struct image *out, const struct image *in, int width, int height, const struct image_rect *r,
                          struct error *err)
{
    int *x = nearest_places(in->width, width, r->x, r->width, err);
    int *y = x ? nearest_places(in->height, height, r->y, r->height, err) : NULL;
    int failed = y ? image_init(out, r->width, r->height, in->channels, err) : -1;
    if (!failed && (failed = image_pick(out, in, x, y, err)))
        image_release(out);
    free(x);
    free(y);
    return failed;
}

static int convolve(struct image *out, const struct image *in, int width, int height, enum image_filter filter,
                    const struct image_rect *r, struct error *err)
{
    struct taps across, down;
    if (taps_init(&across, in->width, width, r->x, r->width, filter, err))
        return -1;
    if (taps_init(&down, in->height, height, r->y, r->height, filter, err)) {
        taps_release(&across);
        return -1;
    }
    int failed = resize_window(out, in, &across, &down, r, takes_columns_first(in, width, height, filter), err);
    taps_release(&across);
    taps_release(&down);
    return failed;
}

int image_resize(struct image *out, const struct image *in, int width, int height, enum image_filter filter,
                 const struct image_rect *window, struct error *err)
{
    struct image_rect r = window ? *window : (struct image_rect){0, 0, width, height};
    if (width < 1 || height < 1 || width > IMAGE_MAX_SIDE || height > IMAGE_MAX_SIDE)
        return error_set(err, "resize to %dx%d: want sides of 1 to %d", width, height, IMAGE_MAX_SIDE);
    if (r.x < 0 || r.y < 0 || r.width < 1 || r.height < 1 || r.width > width - r.x || r.height > height - r.y)
        return error_set(err, "window of %dx%d at %d,%d: want it inside %dx%d", r.width, r.height, r.x, r.y, width,
                         height);
    bool is_same = width == in->width && height == in->height;
    if (!is_same && filter >= IMAGE_CV_LINEAR)
        return image_resize_opencv(out, in, width, height, filter, &r, err);
    if (!is_same && filter == IMAGE_NEAREST)
        return resize_nearest(out, in, width, height, &r, err);
    if (image_want_all(in, err))
        return -1;
    if (is_same)
        return image_crop(out, in, &r, err);
    return convolve(out, in, width, height, filter, &r, err);
}
