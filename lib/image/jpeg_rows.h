/* The rows of a JPEG, each made from the samples of its components when it is wanted, in place of stb_image's function
 * that makes all of them; and of the samples those that are wanted. Included behind its code. */
#ifndef IMAGE_JPEG_ROWS_H
#define IMAGE_JPEG_ROWS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/pages.h"
#include "image/decode.h"

#ifdef STBI_INCLUDE_STB_IMAGE_H /* whose types these are */

static resample_row_func resampling(int across, int down)
{
    if (across == 1 && down == 1)
        return resample_row_1;
    if (across == 1 && down == 2)
        return stbi__resample_row_v_2;
    if (across == 2 && down == 1)
        return stbi__resample_row_h_2;
    return across == 2 && down == 2 ? stbi__resample_row_hv_2 : stbi__resample_row_generic;
}

static uint8_t *component_row(stbi__jpeg *j, int k, int y)
{
    int across = pixels_per_sample(j, k, 0), down = pixels_per_sample(j, k, 1);
    int at = y + down / 2, last = j->img_comp[k].y - 1, below = at / down, above = below > 0 ? below - 1 : 0;
    uint8_t *data = j->img_comp[k].data;
    uint8_t *under = data + (size_t)(below < last ? below : last) * (size_t)j->img_comp[k].w2;
    uint8_t *over = data + (size_t)(above < last ? above : last) * (size_t)j->img_comp[k].w2;
    bool is_upper = at % down >= down / 2;
    int n = ((int)j->s->img_x + across - 1) / across;
    return resampling(across, down)(j->img_comp[k].linebuf, is_upper ? under : over, is_upper ? over : under, n,
                                    across);
}

/* Four components are inks, Adobe's way: inverted, the first three perhaps as luma and chroma. */
static void join_components(const stbi__jpeg *j, uint8_t *out, uint8_t *const in[4])
{
    int n = j->s->img_n, width = (int)j->s->img_x, transform = j->app14_color_transform;
    bool is_rgb = n == 3 && (j->rgb == 3 || (transform == 0 && !j->jfif));
    if (n >= 3 && !is_rgb && !(n == 4 && transform == 0))
        j->YCbCr_to_RGB_kernel(out, in[0], in[1], in[2], width, 3);
    else
        for (int i = 0; i < width; i++)
            for (int c = 0; c < 3; c++)
                out[3 * i + c] = in[n >= 3 ? c : 0][i];
    if (n == 4 && (transform == 0 || transform == 2))
        for (int i = 0; i < 3 * width; i++)
            out[i] = stbi__blinn_8x8(transform == 2 ? 255 - out[i] : out[i], in[3][i / 3]);
}

static void join_row(struct image_source *s, uint8_t *out, int y)
{
    uint8_t *in[4];
    for (int k = 0; k < s->file.img_n; k++)
        in[k] = component_row(&s->jpeg, k, y);
    join_components(&s->jpeg, out, in);
}

/* Until all are made, the first row has room for any. */
const uint8_t *image_make_row(const struct image *image, int y)
{
    struct image_source *s = image->source;
    if (s->made)
        return image->data + (size_t)y * (size_t)image->width * 3;
    if (s->row != y)
        join_row(s, image->data, y);
    s->row = y;
    return image->data;
}

void image_source_free(struct image_source *s)
{
    if (s)
        stbi__cleanup_jpeg(&s->jpeg);
    free(s);
}

/* Coefficients of progressive files are not needed any more. */
static bool prepare_component(stbi__jpeg *j, int k)
{
    free(j->img_comp[k].raw_coeff);
    j->img_comp[k].raw_coeff = NULL;
    j->img_comp[k].linebuf = stbi__malloc(j->s->img_x + 3); /* doubled samples of an odd width */
    return j->img_comp[k].linebuf;
}

/* From the file's beginning on, also for the second time. */
static bool decode_components(struct image_source *s)
{
    stbi__jpeg *j = &s->jpeg;
    stbi__cleanup_jpeg(j);
    stbi__rewind(&s->file);
    *j = (stbi__jpeg){.s = &s->file};
    stbi__setup_jpeg(j);
    bool done = stbi__decode_jpeg_image(j);
    for (int k = 0; done && k < s->file.img_n; k++)
        done = prepare_component(j, k);
    return done;
}

int image_want(const struct image *image, const int *x, int columns, const int *y, int rows, struct error *err)
{
    struct image_source *s = image->source;
    if (!s || s->scanned)
        return 0;
    s->place[0] = x;
    s->place[1] = y;
    s->count[0] = columns;
    s->count[1] = rows;
    s->row = -1;
    if (!decode_components(s) || (int)s->file.img_x != image->width || (int)s->file.img_y != image->height)
        return error_set(err, "JPEG: cannot be decoded: damaged, or of a kind that is not supported");
    s->scanned = !x;
    return 0;
}

int image_make_rows(const struct image *image, struct error *err)
{
    struct image_source *s = image->source;
    size_t row = (size_t)image->width * 3;
    if (s->made)
        return 0;
    if (image_want(image, NULL, 0, NULL, 0, err))
        return -1;
    pages_prefer_huge(image->data, row * (size_t)image->height);
    for (int y = 0; y < image->height; y++)
        join_row(s, image->data + (size_t)y * row, y);
    s->made = true;
    stbi__cleanup_jpeg(&s->jpeg);
    return 0;
}

int image_jpeg_open(struct image *out, const uint8_t *bytes, size_t n, int width, int height)
{
    struct image_source *s = calloc(1, sizeof *s);
    uint8_t *data = s ? calloc((size_t)width * (size_t)height, 3) : NULL;
    if (!data) {
        free(s);
        return -1;
    }
    stbi__start_mem(&s->file, bytes, (int)n);
    s->jpeg.s = &s->file;
    *out = (struct image){width, height, 3, data, s};
    return 0;
}

#endif
#endif
