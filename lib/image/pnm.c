#include <math.h>
#include <string.h>

#include "base/bytes.h"
#include "image/decode.h"
#include "image/resize.h"

struct pnm {
    int kind; /* 1 to 7, as in the magic */
    int width, height, maxval, depth;
};

static int is_space(int c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* The next character that is neither white nor in a comment; 0 at the end. */
static int next_char(struct bytes *b)
{
    int c = bytes_u8(b);
    while (!b->bad && (is_space(c) || c == '#')) {
        if (c == '#')
            while (!b->bad && c != '\n' && c != '\r')
                c = bytes_u8(b);
        c = bytes_u8(b);
    }
    return c;
}

/* A decimal number of at most 65535, and the one character behind it; -1 when there is none. */
static int number(struct bytes *b)
{
    int c = next_char(b), value = 0;
    if (c < '0' || c > '9')
        return -1;
    while (c >= '0' && c <= '9') {
        value = value * 10 + (c - '0');
        if (value > 65535)
            return -1;
        c = bytes_left(b) ? bytes_u8(b) : ' ';
    }
    return value;
}

/* PAM: a line for each, "WIDTH 640", in any order. */
static void read_words(struct pnm *h, struct bytes *b)
{
    static const char names[] = "WHMD";
    int *const values[] = {&h->width, &h->height, &h->maxval, &h->depth}, c;
    do {
        c = next_char(b);
        const char *name = memchr(names, c, sizeof names - 1);
        while (!b->bad && !is_space(bytes_u8(b)))
            continue;
        if (name)
            *values[name - names] = number(b);
        while (!name && c != 'E' && !b->bad && bytes_u8(b) != '\n') /* the value of TUPLTYPE */
            continue;
    } while (c != 'E' && !b->bad);
}

static int read_header(struct pnm *h, struct bytes *b, struct error *err)
{
    const uint8_t *magic = bytes_take(b, 2);
    *h = (struct pnm){.kind = magic ? magic[1] - '0' : 0};
    h->depth = h->kind % 3 ? 1 : 3;
    if (h->kind == 7)
        read_words(h, b);
    else {
        h->width = number(b);
        h->height = number(b);
        h->maxval = h->kind == 1 || h->kind == 4 ? 1 : number(b);
    }
    if (b->bad || h->width < 1 || h->height < 1 || h->maxval < 1 || h->depth < 1 || h->depth > 4)
        return error_set(err, "PNM: damaged header: want width, height, largest value: 1 to 65535, depth: 1 to 4");
    return image_check_size(h->width, h->height, IMAGE_MAX_PIXELS, err);
}

/* The fewest bytes that samples of this file take. */
static size_t least_bytes(const struct pnm *h)
{
    size_t samples = (size_t)h->width * h->height * h->depth;
    if (h->kind < 4)
        return h->kind == 1 ? samples : 2 * samples - 1;
    if (h->kind == 4)
        return (size_t)(h->width + 7) / 8 * h->height;
    return samples << (h->maxval > 255);
}

static int plain_sample(struct bytes *b, int kind)
{
    if (kind > 1)
        return number(b);
    int c = next_char(b);
    return c == '0' || c == '1' ? '1' - c : -1; /* 1 is black */
}

static int raw_sample(struct bytes *b, const struct pnm *h)
{
    int high = h->maxval > 255 ? bytes_u8(b) << 8 : 0;
    return high | bytes_u8(b);
}

static void read_bitmap(uint8_t *out, const struct pnm *h, struct bytes *b)
{
    for (int y = 0; y < h->height; y++) {
        unsigned bits = 0;
        for (int x = 0; x < h->width; x++, bits <<= 1) {
            if (x % 8 == 0)
                bits = bytes_u8(b);
            *out++ = bits & 0x80 ? 0 : 255;
        }
    }
}

/* All but alpha, which is the last of two or four. */
static int read_samples(struct image *to, const struct pnm *h, struct bytes *b)
{
    size_t n = (size_t)h->width * h->height * h->depth;
    bool same = h->kind > 4 && h->maxval == 255 && h->depth == to->channels;
    const uint8_t *as_they_are = same ? bytes_take(b, n) : NULL;
    uint8_t *out = to->data;
    if (as_they_are) {
        memcpy(out, as_they_are, n);
        return 0;
    }
    for (size_t i = 0; i < n; i++) {
        int v = h->kind < 4 ? plain_sample(b, h->kind) : raw_sample(b, h);
        if (v < 0 || v > h->maxval)
            return -1;
        if ((int)(i % h->depth) < to->channels)
            *out++ = (uint8_t)rint((double)v / h->maxval * 255); /* as Pillow */
    }
    return b->bad ? -1 : 0;
}

static int decode_grey_or_rgb(struct image *out, const struct pnm *h, struct bytes *b, struct error *err)
{
    if (image_init(out, h->width, h->height, h->depth < 3 ? 1 : 3, err))
        return -1;
    if (h->kind == 4)
        read_bitmap(out->data, h, b);
    else if (read_samples(out, h, b)) {
        image_release(out);
        return error_set(err, "PNM: a sample is missing or above the largest value, %d", h->maxval);
    }
    return 0;
}

static int repeat_grey(struct image *out, struct image *grey, struct error *err)
{
    int failed = image_init(out, grey->width, grey->height, 3, err);
    if (!failed)
        for (size_t i = 0, n = (size_t)grey->width * grey->height; i < n; i++)
            memset(out->data + 3 * i, grey->data[i], 3);
    image_release(grey);
    return failed;
}

size_t image_pnm_size(const uint8_t *bytes, size_t n)
{
    struct bytes b = bytes_of(bytes, n);
    struct pnm h;
    struct error err;
    if (n < 2 || bytes[0] != 'P' || bytes[1] < '1' || bytes[1] > '7' || read_header(&h, &b, &err))
        return 0;
    return h.kind < 4 ? SIZE_MAX : n - bytes_left(&b) + least_bytes(&h);
}

int image_pnm_decode(struct image *out, const uint8_t *bytes, size_t n, struct error *err)
{
    struct bytes b = bytes_of(bytes, n);
    struct pnm h;
    if (read_header(&h, &b, err))
        return -1;
    if (least_bytes(&h) > bytes_left(&b))
        return error_set(err, "PNM: truncated: %zu bytes of samples, want %zu", bytes_left(&b), least_bytes(&h));
    struct image decoded;
    if (decode_grey_or_rgb(&decoded, &h, &b, err))
        return -1;
    if (decoded.channels == 1)
        return repeat_grey(out, &decoded, err);
    *out = decoded;
    return 0;
}
