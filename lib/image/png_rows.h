/* The rows of a PNG, whose filters are undone and whose samples become bytes or 16-bit numbers, in place of
 * stb_image's function. Included behind its code. */
#ifndef IMAGE_PNG_ROWS_H
#define IMAGE_PNG_ROWS_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#ifdef STBI_INCLUDE_STB_IMAGE_H /* whose types these are */

/* Of left, up and the corner between them the one that is nearest to left + up - corner, the corner last of equals
 * (PNG specification, 9.4). That is the smaller of left and up when the larger is at most 3 * corner - left - up, and
 * the larger one when that is at most the smaller: without branches, which noise would mispredict. */
static inline int png_nearest(int left, int up, int corner)
{
    int low = left < up ? left : up, high = left < up ? up : left, limit = 3 * corner - left - up;
    int other = high <= limit ? low : corner;
    return limit <= low ? high : other;
}

typedef uint8_t png_bytes __attribute__((vector_size(16), aligned(1), may_alias));

/* Undoes a row's filter, perhaps in place; `up` is the row above, `step` bytes are a pixel. */
static void png_unfilter(uint8_t *to, const uint8_t *from, const uint8_t *up, size_t n, size_t step, int filter)
{
    enum { NONE, SUB, UP, AVERAGE, PAETH };
    size_t i = 0;
    if (filter == NONE)
        memmove(to, from, n);
    for (; filter == UP && i + sizeof(png_bytes) <= n; i += sizeof(png_bytes))
        *(png_bytes *)(to + i) = *(const png_bytes *)(from + i) + *(const png_bytes *)(up + i);
    for (; filter == UP && i < n; i++)
        to[i] = (uint8_t)(from[i] + up[i]);
    for (; filter != NONE && i < step && i < n; i++)
        to[i] = (uint8_t)(from[i] + (filter == AVERAGE ? up[i] >> 1 : filter == PAETH ? up[i] : 0));
    for (; filter == SUB && i < n; i++)
        to[i] = (uint8_t)(from[i] + to[i - step]);
    for (; filter == AVERAGE && i < n; i++)
        to[i] = (uint8_t)(from[i] + (to[i - step] + up[i]) / 2);
    for (; filter == PAETH && i < n; i++)
        to[i] = (uint8_t)(from[i] + png_nearest(to[i - step], up[i], up[i - step]));
}

/* n pixels of `have` samples become such of `want`, of which one more is opaque; what has less than 8 bits is
 * multiplied by `scale`. */
static void png_samples(uint8_t *out, const uint8_t *row, size_t n, size_t have, size_t want, size_t depth, int scale)
{
    size_t bytes = depth == 16 ? 2 : 1;
    for (size_t at = 0; n > 0; n--, out += want * bytes) {
        memset(out, 255, want * bytes);
        for (size_t k = 0; k < have; k++, at += depth) {
            const uint8_t *from = row + at / 8;
            uint16_t wide = (uint16_t)(from[0] << 8 | from[bytes - 1]);
            if (bytes == 2)
                memcpy(out + 2 * k, &wide, 2);
            else
                out[k] = (uint8_t)((uint8_t)(*from << at % 8) >> (8 - depth)) * (uint8_t)scale;
        }
    }
}

/* As stbi__create_png_image_raw(): 1 when all rows are there. */
static int png_rows(void *png, uint8_t *raw, uint32_t size, int want, uint32_t width, uint32_t height, int depth,
                    int colour)
{
    stbi__png *p = png;
    int have = p->s->img_n, scale = colour || depth > 8 ? 1 : 255 / ((1 << depth) - 1);
    size_t n = ((size_t)(have * depth) * width + 7) / 8, step = (size_t)(have * depth + 7) / 8, y = 0;
    size_t stride = (size_t)want * width * (depth == 16 ? 2 : 1);
    uint8_t *above = limited_alloc(n), *const first = above;
    p->out = limited_alloc(stride * height);
    bool is_whole = above && p->out && size >= (n + 1) * height && (depth >= 8 || n <= width);
    for (; is_whole && y < height && *raw <= 4; y++, raw += n + 1) {
        uint8_t *out = p->out + y * stride, *row = depth == 8 && have == want ? out : raw + 1;
        png_unfilter(row, raw + 1, above, n, step, *raw);
        if (row != out)
            png_samples(out, row, width, (size_t)have, (size_t)want, (size_t)depth, scale);
        above = row;
    }
    free(first);
    return is_whole && y == height;
}

#endif

#endif
