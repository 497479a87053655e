/* The rows of a JPEG, each made from the samples of its components when it is wanted, in place of stb_image's function
 * that makes all of them. Included behind its code. */
#ifndef IMAGE_JPEG_ROWS_H
#define IMAGE_JPEG_ROWS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/pages.h"
#include "image/decode.h"

#ifdef STBI_INCLUDE_STB_IMAGE_H /* whose types these are */

struct image_source {
    stbi__context file;
    stbi__jpeg jpeg;
    bool done[]; /* for each row */
};

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
    int across = j->img_h_max / j->img_comp[k].h, down = j->img_v_max / j->img_comp[k].v;
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

void image_make_row(const struct image *image, int y)
{
    struct image_source *s = image->source;
    uint8_t *in[4];
    if (s->done[y])
        return;
    for (int k = 0; k < s->file.img_n; k++)
        in[k] = component_row(&s->jpeg, k, y);
    join_components(&s->jpeg, image->data + (size_t)y * (size_t)image->width * 3, in);
    s->done[y] = true;
}

void image_make_rows(const struct image *image)
{
    pages_prefer_huge(image->data, (size_t)image->width * (size_t)image->height * 3);
    for (int y = 0; y < image->height; y++)
        image_make_row(image, y);
    stbi__cleanup_jpeg(&image->source->jpeg);
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

static bool decode_components(stbi__jpeg *j)
{
    bool done = stbi__decode_jpeg_image(j);
    for (int k = 0; done && k < j->s->img_n; k++)
        done = prepare_component(j, k);
    return done;
}

int image_jpeg_open(struct image *out, const uint8_t *bytes, size_t n, int width, int height)
{
    struct image_source *s = calloc(1, sizeof *s + (size_t)height);
    uint8_t *data = s ? calloc((size_t)width * (size_t)height, 3) : NULL;
    if (data) {
        stbi__start_mem(&s->file, bytes, (int)n);
        s->jpeg.s = &s->file;
        stbi__setup_jpeg(&s->jpeg);
    }
    if (!data || !decode_components(&s->jpeg) || (int)s->file.img_x != width || (int)s->file.img_y != height) {
        free(data);
        if (data)
            image_source_free(s);
        else
            free(s);
        return -1;
    }
    *out = (struct image){width, height, 3, data, s};
    return 0;
}

#endif
#endif
