/* Whether PNG, BMP, GIF and TGA files are complete. */
#include <string.h>

#include "base/bytes.h"
#include "image/decode.h"

int image_png_check(const uint8_t *bytes, size_t n, struct error *err)
{
    struct bytes b = bytes_of(bytes, n);
    bytes_take(&b, 8);
    for (;;) {
        size_t length = __builtin_bswap32(bytes_u32(&b)); /* big-endian */
        const uint8_t *type = bytes_take(&b, 4);
        if (type && memcmp(type, "IEND", 4) == 0)
            return 0;
        if (!type || !bytes_take(&b, length) || !bytes_take(&b, 4)) /* the last: the check sum */
            return error_set(err, "PNG: truncated or damaged: a chunk ends beyond the file's %zu bytes", n);
    }
}

int image_bmp_check(const uint8_t *bytes, size_t n, struct error *err)
{
    struct bytes b = bytes_of(bytes, n);
    bytes_take(&b, 10);
    uint32_t offset = bytes_u32(&b), header = bytes_u32(&b);
    int64_t width = header == 12 ? bytes_u16(&b) : (int32_t)bytes_u32(&b);
    int64_t height = header == 12 ? bytes_u16(&b) : (int32_t)bytes_u32(&b);
    bytes_u16(&b);
    int64_t bits = bytes_u16(&b);
    if (b.bad || width < 1 || width > IMAGE_MAX_SIDE || height < -IMAGE_MAX_SIDE || height > IMAGE_MAX_SIDE)
        return error_set(err, "BMP: damaged header: want a width and height of 1 to %d", IMAGE_MAX_SIDE);
    int64_t want = (width * bits + 31) / 32 * 4 * (height < 0 ? -height : height);
    if (offset > n || want > (int64_t)(n - offset))
        return error_set(err, "BMP: truncated: %zu bytes in all, want %lld behind the first %u", n, (long long)want,
                         offset);
    return 0;
}

/* Blocks of up to 255 bytes, each behind its length, up to one of length 0. */
static void skip_blocks(struct bytes *b)
{
    int length;
    while ((length = bytes_u8(b)) != 0)
        bytes_take(b, length);
}

static void skip_colours(struct bytes *b, int flags)
{
    if (flags & 0x80)
        bytes_take(b, (size_t)6 << (flags & 7));
}

int image_gif_check(const uint8_t *bytes, size_t n, struct error *err)
{
    struct bytes b = bytes_of(bytes, n);
    bytes_take(&b, 10);
    int flags = bytes_u8(&b), tag;
    bytes_u16(&b);
    skip_colours(&b, flags);
    while ((tag = bytes_u8(&b)) == '!') { /* extensions before the first frame */
        bytes_u8(&b);
        skip_blocks(&b);
    }
    if (!b.bad && tag != ',')
        return error_set(err, "GIF: damaged: byte 0x%02x where a frame should begin", tag);
    bytes_take(&b, 8);
    skip_colours(&b, bytes_u8(&b));
    bytes_u8(&b);
    skip_blocks(&b);
    return b.bad ? error_set(err, "GIF: truncated: ends within the first frame") : 0;
}

struct tga {
    int id_size, mapped, type;
    size_t map_bytes, width, height, pixel_bytes;
};

enum { TGA_MAPPED = 1, TGA_RGB = 2, TGA_GREY = 3, TGA_RLE = 8 };

/* 0 when it is a header that makes sense. */
static int read_tga(struct tga *t, struct bytes *b)
{
    t->id_size = bytes_u8(b);
    t->mapped = bytes_u8(b);
    t->type = bytes_u8(b);
    bytes_u16(b);
    size_t colours = bytes_u16(b), colour_bits = bytes_u8(b);
    t->map_bytes = t->mapped ? colours * ((colour_bits + 7) / 8) : 0;
    bytes_u32(b);
    t->width = bytes_u16(b);
    t->height = bytes_u16(b);
    int bits = bytes_u8(b), kind = t->type & ~TGA_RLE;
    t->pixel_bytes = (bits + 7) / 8;
    bytes_u8(b);
    return b->bad || kind < TGA_MAPPED || kind > TGA_GREY || t->mapped != (kind == TGA_MAPPED) || !t->width ||
           !t->height || bits < 8 || bits > 32;
}

/* Packets of up to 128 pixels, alike or not, until all pixels are there. */
static void skip_packets(struct bytes *b, const struct tga *t)
{
    size_t pixels = t->width * t->height;
    while (pixels && !b->bad) {
        int head = bytes_u8(b);
        size_t n = (head & 127) + 1;
        bytes_take(b, head & 128 ? t->pixel_bytes : n * t->pixel_bytes);
        pixels -= n < pixels ? n : pixels;
    }
}

int image_tga_check(const uint8_t *bytes, size_t n, struct error *err)
{
    struct bytes b = bytes_of(bytes, n);
    struct tga t;
    if (read_tga(&t, &b))
        return error_set(err, "not a picture: want JPEG, PNG, GIF, BMP, PNM or TGA");
    bytes_take(&b, t.id_size + t.map_bytes);
    if (t.type & TGA_RLE)
        skip_packets(&b, &t);
    else
        bytes_take(&b, t.width * t.height * t.pixel_bytes);
    return b.bad ? error_set(err, "TGA: truncated: %zu bytes are too few for %zux%zu pixels", n, t.width, t.height) : 0;
}
