#include "image/decode.h"

#include <string.h>

/* A format: how it begins, and how many pixels a byte of it can hold at most, which bounds what a header may claim. */
struct format {
    const char *name;
    const char *magic;
    int magic_size;
    int pixels_per_byte;                                                    /* 0: not one of ours */
    int (*check)(const uint8_t *bytes, size_t n, struct error *err);        /* NULL: none */
    int (*decode)(struct image *, const uint8_t *, size_t, struct error *); /* NULL: stb's */
};

#define PNM(digit)                                                                                                     \
    {                                                                                                                  \
        "PNM", "P" digit, 2, 8, NULL, image_pnm_decode                                                                 \
    }

static const struct format formats[] = {
    {"JPEG", "\xff\xd8\xff", 3, 512, image_jpeg_check, NULL},         /* a bit for each 8x8 block of a scan */
    {"PNG", "\x89PNG\r\n\x1a\n", 8, 8 * 1032, image_png_check, NULL}, /* 1 bit a pixel, deflate's 1032:1 */
    {"GIF", "GIF87a", 6, 4096, image_gif_check, NULL},                /* LZW strings grow by a pixel a code */
    {"GIF", "GIF89a", 6, 4096, image_gif_check, NULL},
    {"BMP", "BM", 2, 8, image_bmp_check, NULL},
    PNM("1"),
    PNM("2"),
    PNM("3"),
    PNM("4"),
    PNM("5"),
    PNM("6"),
    PNM("7"),
    {"WebP", "RIFF", 4, 0, NULL, NULL},
    {"TIFF", "II*\0", 4, 0, NULL, NULL},
    {"TIFF", "MM\0*", 4, 0, NULL, NULL},
    {"PDF", "%PDF", 4, 0, NULL, NULL},
    {"PSD", "8BPS", 4, 0, NULL, NULL},
    {"NumPy", "\x93NUMPY", 6, 0, NULL, NULL},
    {"JPEG XL", "\xff\x0a", 2, 0, NULL, NULL},
    {"HEIF or AVIF", "\0\0\0", 3, 0, NULL, NULL},
};

/* Tried last: it has no magic, only a header that must make sense. */
static const struct format tga = {"TGA", "", 0, 64, image_tga_check, NULL};

static const struct format *recognise(const uint8_t *bytes, size_t n)
{
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        const struct format *f = &formats[i];
        if (n >= (size_t)f->magic_size && memcmp(bytes, f->magic, f->magic_size) == 0)
            return f;
    }
    return &tga;
}

static int check_size(const struct format *f, size_t n, int64_t width, int64_t height, struct error *err)
{
    if (width < 1 || height < 1 || width > IMAGE_MAX_SIDE || height > IMAGE_MAX_SIDE ||
        width * height > IMAGE_MAX_PIXELS)
        return error_set(err, "%s: %lldx%lld pixels: want sides of 1 to %d and at most %d pixels", f->name,
                         (long long)width, (long long)height, IMAGE_MAX_SIDE, IMAGE_MAX_PIXELS);
    if ((uint64_t)(width * height) / f->pixels_per_byte > n)
        return error_set(err, "%s: truncated or damaged: %zu bytes are too few for %lldx%lld pixels", f->name, n,
                         (long long)width, (long long)height);
    return 0;
}

static int decode_by_stb(struct image *out, const struct format *f, const uint8_t *bytes, size_t n, struct error *err)
{
    int width, height;
    if (f->check && f->check(bytes, n, err))
        return -1;
    if (image_stb_size(bytes, n, &width, &height))
        return error_set(err, "%s: the header cannot be read: damaged, too large, or of a kind that is not supported",
                         f->name);
    if (check_size(f, n, width, height, err))
        return -1;
    bool is_jpeg = f->check == image_jpeg_check;
    if ((is_jpeg ? image_jpeg_open : image_stb_decode)(out, bytes, n, width, height))
        return error_set(err, "%s: cannot be decoded: damaged, or of a kind that is not supported", f->name);
    return 0;
}

int image_decode_lazily(struct image *out, const void *bytes, size_t n, struct error *err)
{
    const struct format *f = recognise(bytes, n);
    if (n == 0)
        return error_set(err, "is empty: want JPEG, PNG, GIF, BMP, PNM or TGA");
    if (!f->pixels_per_byte)
        return error_set(err, "looks like %s: want JPEG, PNG, GIF, BMP, PNM or TGA", f->name);
    if (f->decode)
        return f->decode(out, bytes, n, err);
    return decode_by_stb(out, f, bytes, n, err);
}

int image_decode(struct image *out, const void *bytes, size_t n, struct error *err)
{
    if (image_decode_lazily(out, bytes, n, err))
        return -1;
    int failed = image_want_all(out, err);
    if (failed)
        image_release(out);
    return failed;
}
