#include <stdlib.h>

#include "../../test.h"
#include "base/hash.h"
#include "image/image.h"
#include "samples.h"

enum { SAMPLES = sizeof samples / sizeof *samples, BYTES = SAMPLE_WIDTH * SAMPLE_HEIGHT * 3 };

static void every_format(void)
{
    for (int i = 0; i < SAMPLES; i++) {
        const struct sample *s = &samples[i];
        struct image im;
        struct error err;
        int failed = image_decode(&im, s->bytes, s->n, &err);
        CHECK_MSG(!failed, "%s: %s", s->name, failed ? err.text : "");
        if (failed)
            continue;
        CHECK(im.width == SAMPLE_WIDTH && im.height == SAMPLE_HEIGHT && im.channels == 3);
        int most = 0;
        for (int j = 0; j < BYTES; j++)
            if (abs(im.data[j] - s->rgb[j]) > most)
                most = abs(im.data[j] - s->rgb[j]);
        CHECK_MSG(most == 0, "%s: differs by %d", s->name, most);
        image_release(&im);
    }
}

/* Colour at half resolution that is too narrow to be interpolated: 4x2 pixels, and what PIL reads. */
static void narrow_jpeg(void)
{
    static const uint8_t file[] = {
        255, 216, 255, 224, 0,   16,  74,  70,  73,  70,  0,   1,   1,   0,   0,   1,   0,   1,   0,   0,   255, 219,
        0,   67,  0,   3,   2,   2,   3,   2,   2,   3,   3,   3,   3,   4,   3,   3,   4,   5,   8,   5,   5,   4,
        4,   5,   10,  7,   7,   6,   8,   12,  10,  12,  12,  11,  10,  11,  11,  13,  14,  18,  16,  13,  14,  17,
        14,  11,  11,  16,  22,  16,  17,  19,  20,  21,  21,  21,  12,  15,  23,  24,  22,  20,  24,  18,  20,  21,
        20,  255, 219, 0,   67,  1,   3,   4,   4,   5,   4,   5,   9,   5,   5,   9,   20,  13,  11,  13,  20,  20,
        20,  20,  20,  20,  20,  20,  20,  20,  20,  20,  20,  20,  20,  20,  20,  20,  20,  20,  20,  20,  20,  20,
        20,  20,  20,  20,  20,  20,  20,  20,  20,  20,  20,  20,  20,  20,  20,  20,  20,  20,  20,  20,  20,  20,
        20,  20,  20,  20,  255, 192, 0,   17,  8,   0,   2,   0,   4,   3,   1,   34,  0,   2,   17,  1,   3,   17,
        1,   255, 196, 0,   21,  0,   1,   1,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,
        0,   7,   255, 196, 0,   31,  16,  0,   2,   2,   2,   1,   5,   0,   0,   0,   0,   0,   0,   0,   0,   0,
        0,   1,   2,   3,   4,   0,   5,   17,  6,   7,   33,  65,  97,  255, 196, 0,   20,  1,   1,   0,   0,   0,
        0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   7,   255, 196, 0,   30,  17,  0,   1,   2,   7,
        1,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   1,   0,   2,   4,   6,   50,  53,  113, 114, 178,
        193, 255, 218, 0,   12,  3,   1,   0,   2,   17,  3,   17,  0,   63,  0,   168, 246, 134, 237, 141, 231, 78,
        189, 173, 148, 242, 236, 44,  180, 116, 11,  77,  105, 204, 174, 75,  107, 41,  179, 114, 205, 201, 242, 204,
        196, 253, 98,  125, 227, 24,  192, 73,  146, 237, 17,  159, 2,   33,  53,  191, 103, 116, 87,  255, 217};
    static const uint8_t rgb[] = {185, 216, 221, 188, 219, 224, 79, 201, 126, 89,  211, 136,
                                  47,  78,  83,  160, 191, 196, 2,  124, 49,  109, 231, 156};
    struct image im;
    struct error err;
    CHECK(image_decode(&im, file, sizeof file, &err) == 0);
    CHECK(im.width == 4 && im.height == 2 && memcmp(im.data, rgb, sizeof rgb) == 0);
    image_release(&im);
}

/* Cut anywhere, a file is refused, or (where only a trailer was lost) still gives the picture's size. */
static void truncated(void)
{
    for (int i = 0; i < SAMPLES; i++) {
        const struct sample *s = &samples[i];
        for (size_t n = 0; n < s->n; n++) {
            uint8_t *copy = malloc(n ? n : 1); /* so that a sanitizer sees reads beyond */
            struct image im;
            struct error err;
            memcpy(copy, s->bytes, n);
            if (image_decode(&im, copy, n, &err) == 0) {
                CHECK_MSG(n + 30 > s->n && strncmp(s->name, "jpeg", 4), "%s of %zu bytes", s->name, n);
                CHECK(im.width == SAMPLE_WIDTH && im.height == SAMPLE_HEIGHT);
                image_release(&im);
            } else
                CHECK(err.text[0] && !strchr(err.text, '\n'));
            free(copy);
        }
    }
}

static void mutated(void)
{
    uint64_t state = 1;
    uint8_t bytes[1024];
    for (int round = 0; round < 4000; round++) {
        const struct sample *s = &samples[hash_random(&state) % SAMPLES];
        struct image im;
        struct error err;
        memcpy(bytes, s->bytes, s->n);
        for (int k = hash_random(&state) % 4; k >= 0; k--)
            bytes[hash_random(&state) % s->n] = hash_random(&state);
        if (image_decode(&im, bytes, s->n, &err) == 0) {
            CHECK(im.width >= 1 && im.height >= 1 && (int64_t)im.width * im.height <= IMAGE_MAX_PIXELS);
            image_release(&im);
        }
    }
}

static int decode_text(struct image *im, const char *text, size_t n)
{
    struct error err;
    return image_decode(im, text, n, &err);
}

#define TEXT(s) s, sizeof s - 1

static void netpbm(void)
{
    static const struct {
        const char *bytes;
        size_t n;
        uint8_t rgb[6]; /* of two pixels */
    } good[] = {
        {TEXT("P1\n2 1\n10"), {0, 0, 0, 255, 255, 255}},
        {TEXT("P1 # comment\n#another\n2\t1\n1 0\n"), {0, 0, 0, 255, 255, 255}},
        {TEXT("P2 2 1 15 0 15"), {0, 0, 0, 255, 255, 255}},
        {TEXT("P3 2 1 255 1 2 3 #x\n 4 5 6\n"), {1, 2, 3, 4, 5, 6}},
        {TEXT("P4\n2 1\n\x80"), {0, 0, 0, 255, 255, 255}},
        {TEXT("P5\n2 1\n255\n\x07\x08"), {7, 7, 7, 8, 8, 8}},
        {TEXT("P5\n2 1\n65535\n\xff\xff\x80\x00"), {255, 255, 255, 128, 128, 128}},
        {TEXT("P6\n2 1\n255\n\x01\x02\x03\x04\x05\x06"), {1, 2, 3, 4, 5, 6}},
    };
    static const char *const bad[] = {"P5",
                                      "P5 2 1",
                                      "P5 2 1 255 ",
                                      "P5 0 1 255 ",
                                      "P5 2 1 0 ab",
                                      "P5 2 1 70000 abcd",
                                      "P2 2 1 15 0 16",
                                      "P2 2 1 15 0",
                                      "P2 2 1 15 0 x",
                                      "P6 2 1 255 abcde",
                                      "P1 2 1 12",
                                      "P3 60000 60000 255 1 2 3",
                                      "P6 99999999999999999999 1 255 abc",
                                      "P4 9 1 a",
                                      "P5 -2 1 255 ab",
                                      "P7 2 1 255 ab",
                                      "P5 2 1 10 \x0b\x0c"};
    struct image im;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        int failed = decode_text(&im, good[i].bytes, good[i].n);
        CHECK_MSG(!failed, "case %zu", i);
        if (failed)
            continue;
        CHECK(im.width == 2 && im.height == 1);
        CHECK_MSG(memcmp(im.data, good[i].rgb, 6) == 0, "case %zu: %d %d %d %d", i, im.data[0], im.data[1], im.data[2],
                  im.data[3]);
        image_release(&im);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK_MSG(decode_text(&im, bad[i], strlen(bad[i])) == -1, "%s", bad[i]);
}

static void sixteen_bits(void)
{
    /* 2x1, 16-bit RGB: stored, not compressed. */
    static const char png[] = "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\2\0\0\0\1\x10\2\0\0\0...."
                              "\0\0\0\x18IDAT\x78\1\1\x0d\0\xf2\xff\0\x01\xff\x80\0\xff\xff\0\0\x10\x80\x20\x20"
                              "........\0\0\0\0IEND....";
    static const uint8_t want[] = {1, 128, 255, 0, 16, 32};
    struct image im;
    int failed = decode_text(&im, png, sizeof png - 1);
    CHECK(!failed);
    if (!failed) {
        CHECK(memcmp(im.data, want, 6) == 0);
        image_release(&im);
    }
}

/* Headers that claim much and hold little are refused before anything of that size is allocated. */
static void claims(void)
{
    struct image im;
    struct error err;
    static const char png[] = "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x1f\xff\0\0\x1f\xff\x08\2\0\0\0....\0\0\0\0IEND....";
    static const char gif[] = "GIF89a\xff\x1f\xff\x1f\0\0\0,";
    static const char tga[] = "\0\0\2\0\0\0\0\0\0\0\0\0\xff\x1f\xff\x1f\x18\0 123";
    CHECK(image_decode(&im, TEXT(png), &err) == -1);
    static const char chunk[] = "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\x08\2\0\0\0....\x3f\0\0\0IDATabc";
    CHECK(image_decode(&im, TEXT(chunk), &err) == -1 && strstr(err.text, "beyond"));
    CHECK(image_decode(&im, TEXT(gif), &err) == -1);
    CHECK(image_decode(&im, TEXT(tga), &err) == -1);
    static const char bmp[] = "BM\0\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\xff\x1f\0\0\xff\x1f\0\0\1\0\x18\0";
    CHECK(image_decode(&im, TEXT(bmp), &err) == -1);
    CHECK_MSG(strstr(err.text, "truncated"), "%s", err.text);
}

static void huffman_tables(void)
{
    /* 4080 codes of one table, more codes than a length has room for, a segment beyond the end. */
    static uint8_t many[8192] = {0xff, 0xd8, 0xff, 0xc4, 0x10, 0x03, 0};
    static uint8_t over[64] = {0xff, 0xd8, 0xff, 0xc4, 0, 22, 0, 3};
    struct image im;
    struct error err;
    memset(many + 7, 255, 16);
    CHECK(image_decode(&im, many, sizeof many, &err) == -1 && strstr(err.text, "Huffman"));
    CHECK(image_decode(&im, over, sizeof over, &err) == -1 && strstr(err.text, "Huffman"));
    CHECK(image_decode(&im, many, 100, &err) == -1 && strstr(err.text, "beyond"));
}

static void what_it_is_not(void)
{
    static const struct {
        const char *bytes;
        size_t n;
        const char *name;
    } other[] = {{TEXT("RIFF1234WEBPVP8 "), "WebP"},
                 {TEXT("II*\0........"), "TIFF"},
                 {TEXT("\0\0\0\x20"
                       "ftypavif"),
                  "AVIF"},
                 {TEXT("\x93NUMPY\1\0"), "NumPy"},
                 {TEXT(""), "not a picture"},
                 {TEXT("hello, world, this is text, not a picture"), "not a picture"}};
    struct image im;
    struct error err;
    for (size_t i = 0; i < sizeof other / sizeof *other; i++) {
        CHECK(image_decode(&im, other[i].bytes, other[i].n, &err) == -1);
        CHECK_MSG(strstr(err.text, other[i].name), "%s", err.text);
    }
}

int main(void)
{
    RUN(every_format);
    RUN(narrow_jpeg);
    RUN(truncated);
    RUN(mutated);
    RUN(netpbm);
    RUN(sixteen_bits);
    RUN(claims);
    RUN(huffman_tables);
    RUN(what_it_is_not);
    return TEST_END();
}
