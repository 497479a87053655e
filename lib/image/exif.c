/* The orientation that a camera notes beside the pixels: Exif 2.32, 4.6.4.A, tag 274. */
#include <string.h>

#include "base/bytes.h"
#include "image/decode.h"

enum { SOS = 0xda, EOI = 0xd9, APP1 = 0xe1, TAG_ORIENTATION = 0x112, TYPE_SHORT = 3 };

/* The TIFF data of a JPEG, in the first segment that holds some before the pixels. */
static struct bytes find_in_jpeg(const uint8_t *bytes, size_t n)
{
    struct bytes b = bytes_of(bytes, n);
    int marker;
    while ((marker = image_jpeg_marker(&b)) >= 0 && marker != SOS && marker != EOI) {
        if (image_jpeg_is_bare(marker))
            continue;
        struct bytes body = image_jpeg_body(&b);
        if (body.bad)
            break;
        const uint8_t *head = marker == APP1 ? bytes_take(&body, 6) : NULL;
        if (head && memcmp(head, "Exif\0", 6) == 0)
            return body;
    }
    return bytes_of(NULL, 0);
}

static struct bytes find_in_png(const uint8_t *bytes, size_t n)
{
    struct bytes b = bytes_of(bytes, n);
    bytes_take(&b, 8);
    for (;;) {
        size_t length = __builtin_bswap32(bytes_u32(&b)); /* big-endian */
        const uint8_t *type = bytes_take(&b, 4), *data = bytes_take(&b, length);
        if (!type || !data)
            return bytes_of(NULL, 0);
        if (memcmp(type, "eXIf", 4) == 0)
            return bytes_of(data, length);
        bytes_take(&b, 4);
    }
}

static unsigned read_u16(struct bytes *b, bool big)
{
    uint16_t v = bytes_u16(b);
    return big ? __builtin_bswap16(v) : v;
}

static uint32_t read_u32(struct bytes *b, bool big)
{
    uint32_t v = bytes_u32(b);
    return big ? __builtin_bswap32(v) : v;
}

/* Only the first directory counts, so that no chain of directories is followed. */
static int find_tag(struct bytes tiff)
{
    const uint8_t *start = tiff.at, *order = bytes_take(&tiff, 2);
    size_t size = bytes_left(&tiff) + 2;
    bool big = order && memcmp(order, "MM", 2) == 0;
    if (!order || (!big && memcmp(order, "II", 2) != 0) || read_u16(&tiff, big) != 42)
        return 1;
    uint32_t offset = read_u32(&tiff, big);
    struct bytes b = offset < size ? bytes_of(start + offset, size - offset) : bytes_of(NULL, 0);
    for (unsigned i = read_u16(&b, big); i && !b.bad; i--) {
        unsigned tag = read_u16(&b, big), type = read_u16(&b, big);
        uint32_t count = read_u32(&b, big);
        unsigned value = read_u16(&b, big);
        bytes_take(&b, 2);
        if (tag == TAG_ORIENTATION)
            return !b.bad && type == TYPE_SHORT && count == 1 && value >= 1 && value <= 8 ? (int)value : 1;
    }
    return 1;
}

int image_exif_orientation(const uint8_t *bytes, size_t n)
{
    if (n >= 3 && memcmp(bytes, "\xff\xd8\xff", 3) == 0)
        return find_tag(find_in_jpeg(bytes, n));
    if (n >= 8 && memcmp(bytes, "\x89PNG\r\n\x1a\n", 8) == 0)
        return find_tag(find_in_png(bytes, n));
    return 1;
}

/* Where the pixels of the upright picture come from: its x runs down the stored picture when swapped; then whether the
 * stored column and row count from the end. */
static const struct turn {
    bool swapped, from_right, from_bottom;
} turns[9] = {
    [2] = {0, 1, 0}, [3] = {0, 1, 1}, [4] = {0, 0, 1}, [5] = {1, 0, 0},
    [6] = {1, 0, 1}, [7] = {1, 1, 1}, [8] = {1, 1, 0},
};

/* Copies the square of at most TILE pixels at x0, y0: columns of a large picture would miss the cache each time. */
enum { TILE = 32 };
static void turn_tile(struct image *out, const uint8_t *first, ptrdiff_t step_x, ptrdiff_t step_y, int x0, int y0)
{
    int x1 = x0 + TILE < out->width ? x0 + TILE : out->width, y1 = y0 + TILE < out->height ? y0 + TILE : out->height;
    for (int y = y0; y < y1; y++) {
        uint8_t *to = out->data + ((size_t)y * out->width + x0) * out->channels;
        for (int x = x0; x < x1; x++, to += out->channels)
            memcpy(to, first + x * step_x + y * step_y, out->channels);
    }
}

int image_turn(struct image *image, int orientation, struct error *err)
{
    struct turn t = turns[orientation];
    struct image out;
    if (orientation == 1)
        return 0;
    if (image_want_all(image, err) || image_init(&out, t.swapped ? image->height : image->width,
                                                 t.swapped ? image->width : image->height, image->channels, err))
        return -1;
    ptrdiff_t across = image->channels, down = across * image->width;
    const uint8_t *first = image->data + (t.from_right ? across * (image->width - 1) : 0) +
                           (t.from_bottom ? down * (image->height - 1) : 0);
    across = t.from_right ? -across : across;
    down = t.from_bottom ? -down : down;
    for (int y = 0; y < out.height; y += TILE)
        for (int x = 0; x < out.width; x += TILE)
            turn_tile(&out, first, t.swapped ? down : across, t.swapped ? across : down, x, y);
    image_release(image);
    *image = out;
    return 0;
}
