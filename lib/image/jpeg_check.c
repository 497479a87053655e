#include <string.h>

#include "base/bytes.h"
#include "image/decode.h"

/* Some bytes of a progressive one go through the whole picture: usual files have ten. */
#define MOST_SCANS  250
#define MOST_PIXELS ((int64_t)1 << 31) /* of all scans together: a second's work */

enum { SOF0 = 0xc0, SOF2 = 0xc2, DHT = 0xc4, RST0 = 0xd0, RST7 = 0xd7, SOI = 0xd8, EOI = 0xd9, SOS = 0xda, TEM = 0x01 };

int image_jpeg_marker(struct bytes *b)
{
    while (bytes_left(b) > 1) {
        const uint8_t *ff = memchr(b->at, 0xff, bytes_left(b));
        if (!ff)
            return -1;
        bytes_take(b, (size_t)(ff + 1 - b->at));
        while (bytes_left(b) && *b->at == 0xff)
            bytes_take(b, 1);
        if (bytes_left(b) && *b->at != 0)
            return bytes_u8(b);
    }
    return -1;
}

/* One table: a class and number, how many codes of 1 to 16 bits, their symbols. */
static int check_table(struct bytes *b)
{
    bytes_u8(b);
    const uint8_t *counts = bytes_take(b, 16);
    if (!counts)
        return -1;
    unsigned symbols = 0, free_codes = 1;
    for (int i = 0; i < 16; i++) {
        free_codes *= 2;
        if (counts[i] > free_codes)
            return -1;
        free_codes -= counts[i];
        symbols += counts[i];
    }
    return symbols <= 256 && bytes_take(b, symbols) ? 0 : -1;
}

static int check_tables(struct bytes b, struct error *err)
{
    while (bytes_left(&b))
        if (check_table(&b))
            return error_set(err, "JPEG: a Huffman table is not a prefix code of at most 256 symbols");
    return 0;
}

bool image_jpeg_is_bare(int marker)
{
    return (marker >= RST0 && marker <= RST7) || marker == SOI || marker == TEM;
}

struct bytes image_jpeg_body(struct bytes *b)
{
    const uint8_t *head = bytes_take(b, 2);
    unsigned length = head ? head[0] << 8 | head[1] : 0;
    const uint8_t *body = length >= 2 ? bytes_take(b, length - 2) : NULL;
    return body ? bytes_of(body, length - 2) : (struct bytes){.bad = true};
}

/* Of a frame's header, or 0. */
static int64_t pixels_of(struct bytes b)
{
    const uint8_t *head = bytes_take(&b, 5); /* a precision, the height, the width */
    return head ? (int64_t)(head[1] << 8 | head[2]) * (head[3] << 8 | head[4]) : 0;
}

static int check_segment(struct bytes *b, int marker, int64_t *pixels, struct error *err)
{
    struct bytes body = image_jpeg_body(b);
    if (body.bad)
        return error_set(err, "JPEG: truncated or damaged: segment 0x%02x ends beyond the file", marker);
    if (marker >= SOF0 && marker <= SOF2 && *pixels < pixels_of(body))
        *pixels = pixels_of(body);
    return marker == DHT ? check_tables(body, err) : 0;
}

int image_jpeg_check(const uint8_t *bytes, size_t n, struct error *err)
{
    struct bytes b = bytes_of(bytes, n);
    int64_t pixels = 0;
    int marker, scans = 0;
    while ((marker = image_jpeg_marker(&b)) != EOI) {
        if (marker < 0)
            return error_set(err, "JPEG: truncated: ends before the end-of-image marker");
        if (marker == SOS && (++scans > MOST_SCANS || scans * pixels > MOST_PIXELS))
            return error_set(err, "JPEG: more than %d scans of %lld pixels: want fewer", scans - 1, (long long)pixels);
        if (!image_jpeg_is_bare(marker) && check_segment(&b, marker, &pixels, err))
            return -1;
    }
    return scans ? 0 : error_set(err, "JPEG: holds no scan: want at least one");
}
