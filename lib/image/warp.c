#include "image/warp.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "image/resize.h"

#define PLACE_BITS  5  /* of the fraction of a place in the picture */
#define AFFINE_BITS 10 /* of that of each of its sums, where the map is affine */
#define PLACES      (1 << PLACE_BITS)
#define WEIGHT_BITS 15
#define MOST_TAPS   4

/* ---- maps ---- */

bool image_map_point(const struct image_map *map, double *x, double *y)
{
    const double *m = map->m;
    double w = m[6] * *x + m[7] * *y + m[8];
    double to_x = (m[0] * *x + m[1] * *y + m[2]) / w, to_y = (m[3] * *x + m[4] * *y + m[5]) / w;
    if (!isfinite(to_x) || !isfinite(to_y))
        return false;
    *x = to_x;
    *y = to_y;
    return true;
}

void image_map_chain(struct image_map *out, const struct image_map *first, const struct image_map *second)
{
    struct image_map product = {{0}};
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++)
            for (int k = 0; k < 3; k++)
                product.m[3 * i + j] += second->m[3 * i + k] * first->m[3 * k + j];
    *out = product;
}

/* The unit square's corners go to the points: P. Heckbert, Fundamentals of Texture Mapping and Image Warping, 1989,
 * section 2.2.3. */
int image_map_of_corners(struct image_map *out, double width, double height, const double x[4], const double y[4],
                         struct error *err)
{
    double dx1 = x[1] - x[2], dx2 = x[3] - x[2], sx = x[0] - x[1] + x[2] - x[3];
    double dy1 = y[1] - y[2], dy2 = y[3] - y[2], sy = y[0] - y[1] + y[2] - y[3];
    double det = dx1 * dy2 - dx2 * dy1, g = (sx * dy2 - dx2 * sy) / det, h = (dx1 * sy - sx * dy1) / det;
    if (!isfinite(g) || !isfinite(h))
        return error_set(err, "a polygon of four corners: three of them lie on a line");
    struct image_map unit = {{x[1] - x[0] + g * x[1], x[3] - x[0] + h * x[3], x[0], y[1] - y[0] + g * y[1],
                              y[3] - y[0] + h * y[3], y[0], g, h, 1}};
    struct image_map scale = {{1 / width, 0, 0, 0, 1 / height, 0, 0, 0, 1}};
    image_map_chain(out, &scale, &unit);
    return 0;
}

/* ---- weights ---- */

/* Makes rounded weights add up to 1: the largest of the middle four takes what is lacking, the smallest gives up what
 * there is too much. */
static void balance(int16_t *w, int taps, int excess)
{
    int middle = taps / 2, largest = middle * taps + middle, smallest = largest;
    for (int i = middle; i < middle + 2 && i < taps; i++)
        for (int j = middle; j < middle + 2 && j < taps; j++) {
            int at = i * taps + j;
            if (w[at] < w[smallest])
                smallest = at;
            else if (w[at] > w[largest])
                largest = at;
        }
    w[excess < 0 ? largest : smallest] -= (int16_t)excess;
}

static int16_t to_weight(float v)
{
    float scaled = rintf(v * (1 << WEIGHT_BITS));
    return (int16_t)(scaled > INT16_MAX ? INT16_MAX : scaled);
}

/* For each place between pixels taps * taps weights, those of a row together; to be freed. */
static int16_t *make_weights(int taps, struct error *err)
{
    float along[PLACES][MOST_TAPS];
    int16_t *weights = mem_calloc((size_t)PLACES * PLACES * taps * taps, sizeof *weights, err), *w = weights;
    for (int i = 0; i < PLACES; i++)
        (taps == 2 ? resize_weigh_linear : image_weigh_cubic)((float)i / PLACES, along[i]);
    for (int at = 0; weights && at < PLACES * PLACES; at++, w += taps * taps) {
        int sum = 0;
        for (int k = 0; k < taps * taps; k++)
            sum += w[k] = to_weight(along[at / PLACES][k / taps] * along[at % PLACES][k % taps]);
        if (sum != 1 << WEIGHT_BITS)
            balance(w, taps, sum - (1 << WEIGHT_BITS));
    }
    return weights;
}

/* ---- sampling ---- */

/* A place in 1/32 of a pixel; far outside it does not matter where. */
static int to_place(double v)
{
    const double most = 1 << 28;
    return isnan(v) ? 0 : (int)rint(v < -most ? -most : v > most ? most : v);
}

/* The same of a place in 1/1024, as warpAffine() rounds it. */
static int to_affine_place(double v)
{
    return to_place(floor((v + (1 << (AFFINE_BITS - PLACE_BITS - 1))) / (1 << (AFFINE_BITS - PLACE_BITS))));
}

static void sample(uint8_t *to, const struct image *in, int px, int py, const int16_t *weights, int taps, bool black)
{
    const int16_t *w = weights + (size_t)((py & (PLACES - 1)) * PLACES + (px & (PLACES - 1))) * taps * taps;
    int x = (px >> PLACE_BITS) - (taps / 2 - 1), y = (py >> PLACE_BITS) - (taps / 2 - 1);
    int32_t sum[3] = {0};
    for (int i = 0; i < taps; i++) {
        const uint8_t *row = in->data + (size_t)image_clamp(y + i, in->height) * in->width * in->channels;
        for (int j = 0; j < taps; j++, w++)
            for (int c = black && (y + i < 0 || y + i >= in->height || x + j < 0 || x + j >= in->width) ? 3 : 0;
                 c < in->channels; c++)
                sum[c] += row[(size_t)image_clamp(x + j, in->width) * in->channels + c] * *w;
    }
    for (int c = 0; c < in->channels; c++) {
        int32_t v = (sum[c] + (1 << (WEIGHT_BITS - 1))) >> WEIGHT_BITS;
        to[c] = (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
    }
}

static void warp_row(uint8_t *to, const struct image *in, int y, int width, const double *m, const int16_t *weights,
                     int taps, unsigned how)
{
    const double fine = 1 << AFFINE_BITS;
    bool black = how & IMAGE_WARP_BLACK, affine = how & IMAGE_WARP_AFFINE;
    for (int x = 0; x < width && affine; x++, to += in->channels)
        sample(to, in, to_affine_place(rint(m[0] * x * fine) + rint((m[1] * y + m[2]) * fine)),
               to_affine_place(rint(m[3] * x * fine) + rint((m[4] * y + m[5]) * fine)), weights, taps, black);
    for (int x = 0; x < width && !affine; x++, to += in->channels) {
        double w = m[6] * x + m[7] * y + m[8], scale = w != 0 ? PLACES / w : 0;
        sample(to, in, to_place((m[0] * x + m[1] * y + m[2]) * scale), to_place((m[3] * x + m[4] * y + m[5]) * scale),
               weights, taps, black);
    }
}

int image_warp(struct image *out, const struct image *in, int width, int height, const struct image_map *map,
               unsigned how, struct error *err)
{
    int taps = how & IMAGE_WARP_CUBIC ? 4 : 2;
    struct image result;
    int16_t *weights = make_weights(taps, err);
    int status = weights ? image_init(&result, width, height, in->channels, err) : -1;
    for (int y = 0; status == 0 && y < height; y++)
        warp_row(result.data + (size_t)y * width * in->channels, in, y, width, map->m, weights, taps, how);
    free(weights);
    if (status == 0)
        *out = result;
    return status;
}
