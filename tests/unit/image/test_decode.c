#include <stdlib.h>

#include "../../test.h"
#include "base/hash.h"
#include "image/decode.h"
#include "image/image.h"
#include "image/vector.h"
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
        {TEXT("P7\nWIDTH 2\n#\nHEIGHT 1\nDEPTH 3\nMAXVAL 255\nTUPLTYPE RGB\nENDHDR\n\x01\x02\x03\x04\x05\x06"),
         {1, 2, 3, 4, 5, 6}},
        {TEXT("P7\nDEPTH 4\nMAXVAL 255\nHEIGHT 1\nWIDTH 2\nENDHDR\n\x01\x02\x03\xff\x04\x05\x06\xff"),
         {1, 2, 3, 4, 5, 6}},
        {TEXT("P7\nWIDTH 2\nHEIGHT 1\nDEPTH 2\nMAXVAL 1\nTUPLTYPE BLACKANDWHITE_ALPHA\nENDHDR\n\0\1\1\1"),
         {0, 0, 0, 255, 255, 255}},
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
                                      "P7\nWIDTH 2\nHEIGHT 1\nDEPTH 5\nMAXVAL 255\nENDHDR\nabcdefghij",
                                      "P7\nWIDTH 2\nHEIGHT 1\nMAXVAL 255\nENDHDR",
                                      "P7\nWIDTH 2\nHEIGHT 1\nDEPTH 1\nMAXVAL 255\nENDHDR\na",
                                      "P8 2 1 255 ab",
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

/* How far it is to the next picture. */
static void netpbm_sizes(void)
{
    static const struct {
        const char *bytes;
        size_t n, size;
    } cases[] = {
        {TEXT("P6\n2 1\n255\nabcdefP6"), 17},
        {TEXT("P6\n2 1\n255\n"), 17},
        {TEXT("P5 2 1 65535 "), 17},
        {TEXT("P4 9 2 "), 11},
        {TEXT("P7\nWIDTH 2\nHEIGHT 3\nDEPTH 4\nMAXVAL 255\nENDHDR\n"), 70},
        {TEXT("P3 2 1 255 1 2 3 "), SIZE_MAX},
        {TEXT("P6\n2 1\n"), 0},
        {TEXT("P6\n60000 60000 255 "), 0},
        {TEXT("P6.ppm\n"), 0},
        {TEXT("P"), 0},
        {TEXT("\x89PNG"), 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        CHECK_MSG(image_pnm_size((const uint8_t *)cases[i].bytes, cases[i].n) == cases[i].size, "case %zu", i);
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
                 {TEXT(""), "is empty"},
                 {TEXT("hello, world, this is text, not a picture"), "not a picture"}};
    struct image im;
    struct error err;
    for (size_t i = 0; i < sizeof other / sizeof *other; i++) {
        CHECK(image_decode(&im, other[i].bytes, other[i].n, &err) == -1);
        CHECK_MSG(strstr(err.text, other[i].name), "%s", err.text);
    }
}

/* JPEG files of 45x21 pixels, wider than a vector, and the checksums of what PIL 13 reads. */
static const uint8_t wide_420[] = {
    255, 216, 255, 224, 0,   16,  74,  70,  73,  70,  0,   1,   1,   0,   0,   1,   0,   1,   0,   0,   255, 219, 0,
    67,  0,   16,  11,  12,  14,  12,  10,  16,  14,  13,  14,  18,  17,  16,  19,  24,  40,  26,  24,  22,  22,  24,
    49,  35,  37,  29,  40,  58,  51,  61,  60,  57,  51,  56,  55,  64,  72,  92,  78,  64,  68,  87,  69,  55,  56,
    80,  109, 81,  87,  95,  98,  103, 104, 103, 62,  77,  113, 121, 112, 100, 120, 92,  101, 103, 99,  255, 219, 0,
    67,  1,   17,  18,  18,  24,  21,  24,  47,  26,  26,  47,  99,  66,  56,  66,  99,  99,  99,  99,  99,  99,  99,
    99,  99,  99,  99,  99,  99,  99,  99,  99,  99,  99,  99,  99,  99,  99,  99,  99,  99,  99,  99,  99,  99,  99,
    99,  99,  99,  99,  99,  99,  99,  99,  99,  99,  99,  99,  99,  99,  99,  99,  99,  99,  99,  99,  255, 192, 0,
    17,  8,   0,   21,  0,   45,  3,   1,   34,  0,   2,   17,  1,   3,   17,  1,   255, 196, 0,   23,  0,   1,   1,
    1,   1,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   5,   0,   4,   6,   255, 196, 0,   32,  16,
    0,   2,   2,   1,   5,   1,   1,   1,   0,   0,   0,   0,   0,   0,   0,   0,   1,   3,   0,   2,   4,   5,   17,
    18,  19,  33,  49,  65,  34,  255, 196, 0,   24,  1,   1,   1,   0,   3,   0,   0,   0,   0,   0,   0,   0,   0,
    0,   0,   0,   0,   3,   4,   0,   1,   2,   255, 196, 0,   33,  17,  0,   1,   4,   1,   3,   5,   0,   0,   0,
    0,   0,   0,   0,   0,   0,   0,   1,   0,   2,   3,   4,   17,  5,   18,  33,  19,  34,  35,  49,  65,  255, 218,
    0,   12,  3,   1,   0,   2,   17,  3,   17,  0,   63,  0,   231, 213, 146, 50,  45,  198, 163, 236, 91,  19,  76,
    101, 54,  105, 30,  77,  203, 209, 49,  113, 173, 200, 17,  228, 219, 92,  148, 138, 245, 242, 27,  9,   185, 103,
    21,  252, 81,  140, 130, 138, 222, 161, 43,  136, 113, 70,  229, 188, 116, 240, 152, 112, 112, 236, 247, 121, 18,
    212, 146, 174, 163, 106, 16,  76,  59,  74,  123, 215, 147, 224, 59,  111, 18,  58,  241, 69,  25,  13,  250, 177,
    182, 163, 157, 157, 87,  112, 66,  97,  216, 86,  196, 95,  43,  76,  39,  62,  149, 59,  68,  181, 23,  181, 168,
    2,   195, 242, 115, 151, 73,  54,  51,  186, 225, 177, 140, 20,  76,  137, 183, 187, 201, 194, 103, 49,  150, 11,
    62,  206, 122, 217, 12,  239, 63,  209, 148, 162, 82,  104, 116, 78,  37,  69,  83,  151, 140, 164, 22,  203, 94,
    160, 88,  239, 21,  210, 213, 66,  192, 118, 148, 164, 213, 185, 5,   83,  168, 141, 175, 0,   36,  245, 5,   212,
    39,  231, 228, 2,   245, 28,  165, 40,  202, 50,  75,  125, 47,  255, 217};
static const uint8_t wide_422[] = {
    255, 216, 255, 224, 0,   16,  74,  70,  73,  70,  0,   1,   1,   0,   0,   1,   0,   1,   0,   0,   255, 219, 0,
    67,  0,   16,  11,  12,  14,  12,  10,  16,  14,  13,  14,  18,  17,  16,  19,  24,  40,  26,  24,  22,  22,  24,
    49,  35,  37,  29,  40,  58,  51,  61,  60,  57,  51,  56,  55,  64,  72,  92,  78,  64,  68,  87,  69,  55,  56,
    80,  109, 81,  87,  95,  98,  103, 104, 103, 62,  77,  113, 121, 112, 100, 120, 92,  101, 103, 99,  255, 219, 0,
    67,  1,   17,  18,  18,  24,  21,  24,  47,  26,  26,  47,  99,  66,  56,  66,  99,  99,  99,  99,  99,  99,  99,
    99,  99,  99,  99,  99,  99,  99,  99,  99,  99,  99,  99,  99,  99,  99,  99,  99,  99,  99,  99,  99,  99,  99,
    99,  99,  99,  99,  99,  99,  99,  99,  99,  99,  99,  99,  99,  99,  99,  99,  99,  99,  99,  99,  255, 192, 0,
    17,  8,   0,   21,  0,   45,  3,   1,   33,  0,   2,   17,  1,   3,   17,  1,   255, 196, 0,   22,  0,   1,   1,
    1,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   5,   4,   6,   255, 196, 0,   32,  16,  0,
    2,   2,   1,   5,   1,   1,   1,   0,   0,   0,   0,   0,   0,   0,   0,   1,   3,   0,   2,   4,   5,   17,  18,
    19,  33,  49,  65,  34,  255, 196, 0,   23,  1,   1,   1,   1,   1,   0,   0,   0,   0,   0,   0,   0,   0,   0,
    0,   0,   0,   4,   3,   5,   2,   255, 196, 0,   32,  17,  0,   2,   2,   2,   1,   5,   1,   0,   0,   0,   0,
    0,   0,   0,   0,   0,   1,   2,   0,   3,   4,   17,  65,  5,   18,  19,  34,  49,  33,  255, 218, 0,   12,  3,
    1,   0,   2,   17,  3,   17,  0,   63,  0,   207, 171, 36,  100, 91,  141, 71,  216, 182, 38,  152, 202, 108, 210,
    60,  137, 172, 248, 43,  100, 60,  197, 102, 230, 173, 142, 53,  41,  203, 120, 233, 225, 33,  193, 195, 179, 221,
    228, 30,  54,  43,  87,  91,  19,  204, 149, 171, 228, 96,  227, 136, 203, 176, 173, 136, 190, 86,  144, 156, 250,
    84,  237, 21,  136, 158, 179, 43,  50,  179, 115, 236, 74,  23,  162, 98,  227, 91,  144, 35,  201, 109, 114, 82,
    43,  215, 200, 108, 32,  179, 157, 218, 213, 237, 249, 39,  148, 121, 89,  14,  164, 149, 117, 27,  80,  130, 97,
    218, 83,  222, 188, 159, 1,   219, 121, 164, 214, 109, 52,  37,  177, 114, 92,  99,  183, 127, 216, 230, 162, 246,
    181, 0,   88,  126, 76,  229, 210, 77,  140, 157, 108, 80,  104, 68,  244, 210, 182, 38,  236, 140, 230, 50,  193,
    103, 217, 158, 182, 67,  59,  207, 244, 103, 120, 104, 30,  166, 38,  103, 98,  251, 176, 220, 65,  108, 181, 234,
    5,   142, 241, 93,  45,  84,  44,  7,   105, 12,  115, 176, 119, 17,  212, 0,   71,  0,   68,  245, 5,   212, 39,
    231, 228, 2,   245, 28,  165, 97,  59,  138, 126, 9,   255, 217};
static const uint8_t wide_progressive[] = {
    255, 216, 255, 224, 0,   16,  74,  70,  73,  70,  0,   1,   1,   0,   0,   1,   0,   1,   0,   0,   255, 219, 0,
    67,  0,   16,  11,  12,  14,  12,  10,  16,  14,  13,  14,  18,  17,  16,  19,  24,  40,  26,  24,  22,  22,  24,
    49,  35,  37,  29,  40,  58,  51,  61,  60,  57,  51,  56,  55,  64,  72,  92,  78,  64,  68,  87,  69,  55,  56,
    80,  109, 81,  87,  95,  98,  103, 104, 103, 62,  77,  113, 121, 112, 100, 120, 92,  101, 103, 99,  255, 219, 0,
    67,  1,   17,  18,  18,  24,  21,  24,  47,  26,  26,  47,  99,  66,  56,  66,  99,  99,  99,  99,  99,  99,  99,
    99,  99,  99,  99,  99,  99,  99,  99,  99,  99,  99,  99,  99,  99,  99,  99,  99,  99,  99,  99,  99,  99,  99,
    99,  99,  99,  99,  99,  99,  99,  99,  99,  99,  99,  99,  99,  99,  99,  99,  99,  99,  99,  99,  255, 194, 0,
    17,  8,   0,   21,  0,   45,  3,   1,   34,  0,   2,   17,  1,   3,   17,  1,   255, 196, 0,   23,  0,   1,   1,
    1,   1,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   4,   0,   3,   5,   255, 196, 0,   22,  1,
    1,   1,   1,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   2,   3,   0,   255, 218, 0,   12,
    3,   1,   0,   2,   16,  3,   16,  0,   0,   1,   231, 175, 125, 176, 54,  9,   58,  204, 193, 60,  212, 91,  206,
    165, 4,   46,  165, 84,  130, 156, 127, 255, 196, 0,   26,  16,  1,   0,   2,   3,   1,   0,   0,   0,   0,   0,
    0,   0,   0,   0,   0,   0,   1,   0,   2,   3,   17,  18,  33,  255, 218, 0,   8,   1,   1,   0,   1,   5,   2,
    45,  212, 174, 54,  89,  242, 148, 218, 211, 147, 184, 97,  173, 103, 68,  200, 26,  196, 165, 178, 42,  106, 93,
    243, 167, 99,  49,  30,  228, 60,  159, 255, 196, 0,   27,  17,  0,   2,   2,   3,   1,   0,   0,   0,   0,   0,
    0,   0,   0,   0,   0,   0,   0,   1,   2,   3,   4,   33,  49,  18,  255, 218, 0,   8,   1,   3,   1,   1,   63,
    1,   183, 34,  79,  98,  182, 51,  94,  152, 162, 175, 217, 87,  76,  141, 51,  135, 255, 196, 0,   28,  17,  0,
    2,   2,   2,   3,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   2,   1,   3,   16,  17,  19,  33,
    34,  255, 218, 0,   8,   1,   2,   1,   1,   63,  1,   103, 227, 242, 162, 214, 170, 189, 21,  233, 74,  99,  107,
    37,  120, 255, 196, 0,   23,  16,  1,   0,   3,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,
    17,  0,   32,  48,  255, 218, 0,   8,   1,   1,   0,   6,   63,  2,   141, 140, 255, 0,   255, 196, 0,   26,  16,
    1,   1,   1,   1,   0,   3,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   1,   0,   17,  33,  16,  49,  65,
    255, 218, 0,   8,   1,   1,   0,   1,   63,  33,  209, 132, 105, 235, 205, 109, 179, 100, 150, 216, 199, 171, 184,
    120, 103, 83,  61,  201, 31,  166, 68,  236, 16,  42,  118, 255, 218, 0,   12,  3,   1,   0,   2,   0,   3,   0,
    0,   0,   16,  31,  177, 29,  138, 47,  255, 196, 0,   24,  17,  1,   1,   1,   1,   1,   0,   0,   0,   0,   0,
    0,   0,   0,   0,   0,   0,   1,   0,   17,  33,  49,  255, 218, 0,   8,   1,   3,   1,   1,   63,  16,  104, 87,
    131, 146, 238, 92,  187, 59,  28,  66,  87,  197, 255, 196, 0,   25,  17,  1,   1,   0,   3,   1,   0,   0,   0,
    0,   0,   0,   0,   0,   0,   0,   0,   1,   0,   16,  17,  33,  65,  255, 218, 0,   8,   1,   2,   1,   1,   63,
    16,  62,  45,  140, 152, 245, 0,   211, 18,  155, 177, 199, 255, 196, 0,   26,  16,  1,   1,   1,   1,   1,   1,
    1,   0,   0,   0,   0,   0,   0,   0,   0,   0,   1,   0,   17,  33,  49,  65,  16,  255, 218, 0,   8,   1,   1,
    0,   1,   63,  16,  60,  15,  108, 214, 114, 57,  224, 191, 20,  46,  203, 20,  78,  66,  224, 194, 211, 81,  110,
    116, 115, 99,  224, 249, 50,  160, 46,  218, 61,  64,  133, 178, 195, 144, 60,  124, 138, 127, 255, 217};
static const uint8_t wide_restarts[] = {
    255, 216, 255, 224, 0,   16,  74,  70,  73,  70,  0,   1,   1,   0,   0,   1,   0,   1,   0,   0,   255, 219, 0,
    67,  0,   16,  11,  12,  14,  12,  10,  16,  14,  13,  14,  18,  17,  16,  19,  24,  40,  26,  24,  22,  22,  24,
    49,  35,  37,  29,  40,  58,  51,  61,  60,  57,  51,  56,  55,  64,  72,  92,  78,  64,  68,  87,  69,  55,  56,
    80,  109, 81,  87,  95,  98,  103, 104, 103, 62,  77,  113, 121, 112, 100, 120, 92,  101, 103, 99,  255, 219, 0,
    67,  1,   17,  18,  18,  24,  21,  24,  47,  26,  26,  47,  99,  66,  56,  66,  99,  99,  99,  99,  99,  99,  99,
    99,  99,  99,  99,  99,  99,  99,  99,  99,  99,  99,  99,  99,  99,  99,  99,  99,  99,  99,  99,  99,  99,  99,
    99,  99,  99,  99,  99,  99,  99,  99,  99,  99,  99,  99,  99,  99,  99,  99,  99,  99,  99,  99,  255, 192, 0,
    17,  8,   0,   21,  0,   45,  3,   1,   34,  0,   2,   17,  1,   3,   17,  1,   255, 196, 0,   25,  0,   0,   3,
    1,   1,   1,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   0,   4,   5,   6,   1,   3,   255, 196, 0,
    32,  16,  0,   2,   2,   1,   5,   1,   1,   1,   0,   0,   0,   0,   0,   0,   0,   0,   1,   3,   0,   2,   4,
    5,   17,  18,  19,  33,  49,  65,  34,  255, 196, 0,   24,  1,   1,   0,   3,   1,   0,   0,   0,   0,   0,   0,
    0,   0,   0,   0,   0,   0,   4,   1,   3,   5,   2,   255, 196, 0,   33,  17,  0,   1,   4,   1,   3,   5,   0,
    0,   0,   0,   0,   0,   0,   0,   0,   0,   1,   0,   2,   3,   4,   17,  5,   18,  33,  19,  34,  35,  49,  65,
    255, 221, 0,   4,   0,   1,   255, 218, 0,   12,  3,   1,   0,   2,   17,  3,   17,  0,   63,  0,   207, 171, 36,
    100, 91,  141, 71,  217, 91,  19,  76,  101, 54,  105, 30,  71,  151, 162, 98,  227, 91,  144, 35,  200, 237, 114,
    82,  43,  215, 200, 108, 36,  203, 56,  175, 226, 140, 100, 21,  85,  189, 66,  87,  16,  226, 191, 255, 208, 230,
    91,  199, 79,  8,   142, 14,  29,  158, 239, 37,  45,  73,  42,  234, 54,  161, 4,   201, 218, 83,  222, 188, 159,
    1,   219, 121, 108, 117, 226, 138, 50,  27,  245, 84,  219, 81,  206, 206, 171, 184, 33,  127, 255, 209, 105, 216,
    86,  196, 95,  43,  68,  78,  125, 42,  118, 148, 181, 23,  181, 168, 2,   195, 242, 103, 46,  146, 108, 98,  43,
    134, 198, 48,  81,  89,  19,  111, 119, 147, 133, 255, 210, 244, 204, 101, 130, 207, 179, 61,  108, 134, 119, 159,
    232, 194, 17,  148, 154, 29,  19,  137, 89,  21,  57,  120, 202, 255, 211, 73,  108, 181, 234, 5,   142, 242, 174,
    150, 170, 22,  3,   180, 33,  59,  173, 200, 40,  58,  136, 218, 240, 2,   255, 212, 183, 168, 46,  161, 63,  63,
    36,  11,  212, 114, 132, 34,  86,  41,  37,  190, 151, 255, 217};
static const struct wide {
    const char *name;
    const uint8_t *bytes;
    size_t n;
    uint32_t crc;
} wide[] = {{"restarts", wide_restarts, sizeof wide_restarts, 0x4cefde75},
            {"420", wide_420, sizeof wide_420, 0x4cefde75},
            {"422", wide_422, sizeof wide_422, 0x46f1a4f6},
            {"progressive", wide_progressive, sizeof wide_progressive, 0x4cefde75}};

static void wide_jpeg(void)
{
    for (size_t i = 0; i < sizeof wide / sizeof *wide; i++) {
        struct image im;
        struct error err;
        CHECK(image_decode(&im, wide[i].bytes, wide[i].n, &err) == 0);
        CHECK_MSG(hash_crc32(im.data, (size_t)im.width * im.height * 3) == wide[i].crc, "%s", wide[i].name);
        image_release(&im);
    }
}

/* Fills the stack below. */
__attribute__((noinline)) static void dirty_stack(void)
{
    volatile uint8_t bytes[40000];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = 0xa5;
}

/* Pixels 0, 7 and 255 with a palette of one colour. */
static void short_palette(void)
{
    static const uint8_t png[] = {137, 80,  78, 71,  13, 10,  26,  10, 0,  0,  0,   13, 73,  72, 68,  82,  0,
                                  0,   0,   3,  0,   0,  0,   1,   8,  3,  0,  0,   0,  44,  62, 228, 134, 0,
                                  0,   0,   3,  80,  76, 84,  69,  10, 20, 30, 126, 76, 82,  58, 0,   0,   0,
                                  12,  73,  68, 65,  84, 120, 156, 99, 96, 96, 255, 15, 0,   1,  17,  1,   7,
                                  76,  232, 30, 223, 0,  0,   0,   0,  73, 69, 78,  68, 174, 66, 96,  130};
    static const uint8_t want[9] = {10, 20, 30};
    struct image im;
    struct error err;
    dirty_stack();
    CHECK(image_decode(&im, png, sizeof png, &err) == 0);
    CHECK_MSG(memcmp(im.data, want, sizeof want) == 0, "%d and %d", im.data[3], im.data[6]);
    image_release(&im);
}

static bool same_pixels(const struct image *a, const struct image *b)
{
    return a->width == b->width && a->height == b->height &&
           memcmp(a->data, b->data, (size_t)a->width * (size_t)a->height * 3) == 0;
}

/* Made smaller and larger, what is made when it is wanted gives what the whole picture gives; so do all rows. */
static void rows_when_wanted(void)
{
    static const struct image_rect window = {3, 2, 4, 3};
    for (int filter = 0; filter < IMAGE_FILTERS; filter++)
        for (size_t i = 0; i < 3 * sizeof wide / sizeof *wide; i++) {
            const struct wide *w = &wide[i / 3];
            struct image whole, rows, out[2];
            struct error err;
            int side = (const int[]){150, 9, 2}[i % 3];
            CHECK(image_decode(&whole, w->bytes, w->n, &err) == 0);
            CHECK(image_decode_lazily(&rows, w->bytes, w->n, &err) == 0);
            CHECK(image_resize(&out[0], &whole, side, side, filter, i % 3 ? NULL : &window, &err) == 0);
            CHECK(image_resize(&out[1], &rows, side, side, filter, i % 3 ? NULL : &window, &err) == 0);
            CHECK_MSG(same_pixels(&out[0], &out[1]), "%s, filter %d", w->name, filter);
            CHECK(image_want_all(&rows, &err) == 0);
            CHECK_MSG(same_pixels(&whole, &rows), "%s, behind filter %d", w->name, filter);
            for (int k = 0; k < 2; k++)
                image_release(&out[k]);
            image_release(&whole);
            image_release(&rows);
        }
}

/* Of a picture that becomes small only the blocks are made samples that count: of two by two pixels these are four. */
static void few_blocks(void)
{
    for (size_t i = 0; i < sizeof wide / sizeof *wide; i++) {
        struct image whole, rows, out;
        struct error err;
        int same = 0;
        CHECK(image_decode(&whole, wide[i].bytes, wide[i].n, &err) == 0);
        CHECK(image_decode_lazily(&rows, wide[i].bytes, wide[i].n, &err) == 0);
        CHECK(image_resize(&out, &rows, 2, 2, IMAGE_CV_NEAREST, NULL, &err) == 0);
        for (int y = 0; y < rows.height; y++) {
            const uint8_t *row = image_row(&rows, y), *want = image_row(&whole, y);
            for (int x = 0; x < rows.width; x++)
                same += memcmp(row + 3 * x, want + 3 * x, 3) == 0;
        }
        CHECK_MSG(same >= 4 && same < rows.width * rows.height / 3, "%s: %d of %dx%d pixels", wide[i].name, same,
                  rows.width, rows.height);
        image_release(&out);
        image_release(&whole);
        image_release(&rows);
    }
}

/* What is damaged behind the header is told by what reads it, and the next one that asks is told again. */
static void damaged_late(void)
{
    size_t n = wide[1].n - 60;
    uint8_t *bytes = malloc(n + 2);
    struct image rows, out;
    struct error err = {""};
    memcpy(bytes, wide[1].bytes, n);
    memcpy(bytes + n, "\xff\xd9", 2); /* the end comes early */
    CHECK(image_decode_lazily(&rows, bytes, n + 2, &err) == 0);
    for (int round = 0; round < 2; round++)
        CHECK(image_resize(&out, &rows, 9, 9, IMAGE_CV_LINEAR, NULL, &err) == -1 && strstr(err.text, "damaged"));
    CHECK(image_want_all(&rows, &err) == -1);
    CHECK(image_decode(&out, bytes, n + 2, &err) == -1 && strstr(err.text, "damaged"));
    image_release(&rows);
    free(bytes);
}

/* A turned picture is made whole first. */
static void turned_rows(void)
{
    for (int to = 1; to <= 8; to++) {
        struct image whole, rows;
        struct error err;
        CHECK(image_decode(&whole, wide[1].bytes, wide[1].n, &err) == 0 && image_turn(&whole, to, &err) == 0);
        CHECK(image_decode_lazily(&rows, wide[1].bytes, wide[1].n, &err) == 0 && image_turn(&rows, to, &err) == 0);
        CHECK(image_want_all(&rows, &err) == 0);
        CHECK_MSG(same_pixels(&whole, &rows), "%d", to);
        image_release(&whole);
        image_release(&rows);
    }
}

/* The same samples without AVX2, and of damaged data too. */
static void vectors_change_nothing(void)
{
    for (int i = 0; i < SAMPLES; i++) {
        const struct sample *s = &samples[i];
        uint8_t *bytes = malloc(s->n);
        for (size_t at = s->n / 2; at < s->n; at++) {
            struct image im[2];
            struct error err;
            int failed[2];
            memcpy(bytes, s->bytes, s->n);
            bytes[at] ^= (uint8_t)(1 << at % 8);
            for (int k = 0; k < 2; k++) {
                image_use_avx2(k);
                failed[k] = image_decode(&im[k], bytes, s->n, &err);
            }
            CHECK(failed[0] == failed[1]);
            if (!failed[0] && !failed[1])
                CHECK_MSG(memcmp(im[0].data, im[1].data, (size_t)im[0].width * im[0].height * 3) == 0, "%s, byte %zu",
                          s->name, at);
            for (int k = 0; k < 2; k++)
                if (!failed[k])
                    image_release(&im[k]);
        }
        free(bytes);
    }
}

/* The frame is 8192 x 8192. */
static int check_scans(int scans, struct error *err)
{
    static const uint8_t head[] = {0xff, 0xd8, 0xff, 0xc2, 0, 11, 8, 0x20, 0, 0x20, 0, 1, 1, 0x11, 0};
    uint8_t bytes[sizeof head + 4 * 251 + 2];
    memcpy(bytes, head, sizeof head);
    for (int i = 0; i < scans; i++)
        memcpy(bytes + sizeof head + 4 * i, "\xff\xda\x00\x02", 4);
    memcpy(bytes + sizeof head + 4 * scans, "\xff\xd9", 2);
    return image_jpeg_check(bytes, sizeof head + 4 * (size_t)scans + 2, err);
}

/* Few bytes of a scan may go through the whole picture. */
static void too_many_scans(void)
{
    struct error err = {""};
    CHECK(check_scans(32, &err) == 0);
    CHECK(check_scans(33, &err) < 0 && strstr(err.text, "32 scans of 67108864 pixels"));
    uint8_t bytes[2 + 4 * 251 + 2] = {0xff, 0xd8};
    for (int i = 0; i < 251; i++)
        memcpy(bytes + 2 + 4 * i, "\xff\xda\x00\x02", 4);
    memcpy(bytes + sizeof bytes - 2, "\xff\xd9", 2);
    CHECK(image_jpeg_check(bytes, sizeof bytes, &err) < 0 && strstr(err.text, "250 scans"));
}

int main(void)
{
    RUN(vectors_change_nothing);
    RUN(every_format);
    image_use_avx2(false);
    RUN(every_format);
    RUN(narrow_jpeg);
    RUN(wide_jpeg);
    image_use_avx2(true);
    RUN(narrow_jpeg);
    RUN(wide_jpeg);
    RUN(short_palette);
    RUN(rows_when_wanted);
    RUN(few_blocks);
    RUN(damaged_late);
    RUN(turned_rows);
    RUN(truncated);
    RUN(mutated);
    RUN(netpbm);
    RUN(netpbm_sizes);
    RUN(sixteen_bits);
    RUN(claims);
    RUN(huffman_tables);
    RUN(what_it_is_not);
    RUN(too_many_scans);
    return TEST_END();
}
