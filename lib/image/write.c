/* Writing pictures: PNM, and PNG as its specification has it (ISO/IEC 15948). */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/hash.h"
#include "base/mem.h"
#include "image/image.h"

/* Of zlib's deflate: higher ones take several times as long for photos and gain little. (stb's makes files a third
 * larger, in twice the time.) */
#define LEVEL 4
#define CHUNK (1 << 16)

enum colour_type { GREY = 0, RGB = 2, PALETTE = 3 };

/* ---- chunks ---- */

static void add_number(struct text *out, uint32_t v)
{
    const char bytes[4] = {(char)(v >> 24), (char)(v >> 16), (char)(v >> 8), (char)v};
    text_add(out, bytes, sizeof bytes);
}

static void add_chunk(struct text *out, const char *type, const void *data, size_t n)
{
    add_number(out, (uint32_t)n);
    size_t from = out->size;
    text_add(out, type, 4);
    text_add(out, data, n);
    if (!out->failed)
        add_number(out, hash_crc32(out->data + from, out->size - from));
}

/* ---- rows ---- */

static inline uint8_t paeth(int left, int up, int corner)
{
    int to_left = abs(up - corner), to_up = abs(left - corner), to_corner = abs(left + up - 2 * corner);
    return (uint8_t)(to_left <= to_up && to_left <= to_corner ? left : to_up <= to_corner ? up : corner);
}

enum filter { NONE, SUB, UP, PAETH = 4 };

/* Writes the row by a filter, which is a constant where this is inlined, its number first; the sum of what is left, as
 * signed bytes. Before both rows there are `step` zeros. */
__attribute__((always_inline)) static inline size_t filter_row(uint8_t *restrict to, enum filter filter,
                                                               const uint8_t *restrict row, const uint8_t *restrict up,
                                                               size_t n, size_t step)
{
    size_t sum = 0;
    *to++ = (uint8_t)filter;
    for (size_t i = 0; i < n; i++) {
        uint8_t left = row[i - step], guess = filter == NONE  ? 0
                                              : filter == SUB ? left
                                              : filter == UP  ? up[i]
                                                              : paeth(left, up[i], up[i - step]);
        to[i] = (uint8_t)(row[i] - guess);
        sum += (size_t)abs((int8_t)to[i]);
    }
    return sum;
}

#define STEP 3 /* of bytes a pixel, at most */

/* Rows of n bytes: this one and the one above, with zeros before them, and the filtered ones. */
struct rows {
    size_t n;
    uint8_t *row, *up, *filtered[3];
};

/* The filter that leaves the least, as the specification advises; none for a palette, whose numbers mean nothing. */
static const uint8_t *best_row(struct rows *r, const uint8_t *data, size_t step, bool palette)
{
    uint8_t *above = r->row;
    r->row = r->up;
    r->up = above;
    memcpy(r->row, data, r->n);
    if (palette) {
        filter_row(r->filtered[0], NONE, r->row, r->up, r->n, step);
        return r->filtered[0];
    }
    size_t sum[] = {filter_row(r->filtered[0], SUB, r->row, r->up, r->n, step),
                    filter_row(r->filtered[1], UP, r->row, r->up, r->n, step),
                    filter_row(r->filtered[2], PAETH, r->row, r->up, r->n, step)};
    int best = sum[1] < sum[0] ? 1 : 0;
    return r->filtered[sum[2] < sum[best] ? 2 : best];
}

/* Hands over what deflate() has, until it wants more. */
static void drain(z_stream *z, struct text *out, uint8_t *buffer, int flush)
{
    do {
        z->next_out = buffer;
        z->avail_out = CHUNK;
        deflate(z, flush);
        if (z->avail_out < CHUNK)
            add_chunk(out, "IDAT", buffer, CHUNK - z->avail_out);
    } while (z->avail_out == 0 && !out->failed);
}

static int add_rows(struct text *out, const struct image *image, bool palette, struct error *err)
{
    size_t n = (size_t)image->width * image->channels, room = n + STEP + 1;
    z_stream z = {0};
    uint8_t *scratch = mem_calloc(5 * room + CHUNK, 1, err), *at = scratch;
    if (!scratch || deflateInit(&z, LEVEL) != Z_OK) {
        free(scratch);
        return error_memory(err);
    }
    struct rows rows = {n, at + STEP, at + room + STEP, {at + 2 * room, at + 3 * room, at + 4 * room}};
    for (int y = 0; y < image->height && !out->failed; y++) {
        z.next_in = (uint8_t *)(uintptr_t)best_row(&rows, image->data + y * n, (size_t)image->channels, palette);
        z.avail_in = (unsigned)n + 1;
        drain(&z, out, scratch + 5 * room, y == image->height - 1 ? Z_FINISH : Z_NO_FLUSH);
    }
    deflateEnd(&z);
    free(scratch);
    return 0;
}

static int write_png(const struct image *image, enum colour_type type, const uint8_t *palette, struct text *out,
                     struct error *err)
{
    struct text header;
    text_add(out, "\x89PNG\r\n\x1a\n", 8);
    text_init(&header);
    add_number(&header, (uint32_t)image->width);
    add_number(&header, (uint32_t)image->height);
    text_add(&header, (const char[]){8, (char)type, 0, 0, 0}, 5);
    if (!header.failed)
        add_chunk(out, "IHDR", header.data, header.size);
    out->failed |= header.failed;
    text_release(&header);
    if (palette)
        add_chunk(out, "PLTE", palette, 3 * 256);
    if (add_rows(out, image, palette, err) < 0)
        return -1;
    add_chunk(out, "IEND", "", 0);
    return out->failed ? error_memory(err) : 0;
}

int image_write_png(const struct image *image, struct text *out, struct error *err)
{
    return write_png(image, image->channels == 1 ? GREY : RGB, NULL, out, err);
}

int image_write_palette(const struct image *image, const uint8_t palette[256][3], struct text *out, struct error *err)
{
    return write_png(image, PALETTE, palette[0], out, err);
}

/* ---- PNM ---- */

int image_write_pnm(const struct image *image, struct text *out, struct error *err)
{
    text_printf(out, "P%c\n%d %d\n255\n", image->channels == 1 ? '5' : '6', image->width, image->height);
    text_add(out, (const char *)image->data, (size_t)image->width * image->height * image->channels);
    return out->failed ? error_memory(err) : 0;
}
