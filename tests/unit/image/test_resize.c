#include <stdlib.h>

#include "../../test.h"
#include "base/hash.h"
#include "image/image.h"
#include "image/vector.h"

static struct image noise(int width, int height, int channels)
{
    struct image im;
    struct error err;
    CHECK(image_init(&im, width, height, channels, &err) == 0);
    uint32_t state = 12345;
    for (int i = 0; i < width * height * channels; i++) {
        state = state * 1664525u + 1013904223u;
        im.data[i] = state >> 24;
    }
    return im;
}

/* Checksums of what PIL 11.3 gives for the same noise. */
static const struct known {
    int w, h, width, height;
    enum image_filter filter;
    uint32_t crc;
} known[] = {
    {97, 61, 32, 20, IMAGE_BILINEAR, 0x499f18f0},
    {97, 61, 32, 20, IMAGE_BICUBIC, 0x4cb37fbc},
    {97, 61, 32, 20, IMAGE_NEAREST, 0x9679badf},
    {31, 17, 100, 50, IMAGE_BILINEAR, 0x04e82039},
    {31, 17, 100, 50, IMAGE_BICUBIC, 0xc8646007},
    {31, 17, 100, 50, IMAGE_NEAREST, 0x03cdd769},
    {64, 48, 64, 13, IMAGE_BILINEAR, 0xc006964c},
    {64, 48, 64, 13, IMAGE_BICUBIC, 0xe1151aea},
    {64, 48, 64, 13, IMAGE_NEAREST, 0xcd0871d4},
    {1, 9, 5, 3, IMAGE_BILINEAR, 0xbf22dc77},
    {1, 9, 5, 3, IMAGE_BICUBIC, 0x47d49d3d},
    {1, 9, 5, 3, IMAGE_NEAREST, 0x02ff4b97},
    {300, 2, 7, 2, IMAGE_BILINEAR, 0x6955b624},
    {300, 2, 7, 2, IMAGE_BICUBIC, 0x01c23ede},
    {300, 2, 7, 2, IMAGE_NEAREST, 0x6c5b03d7},
    {50, 40, 33, 80, IMAGE_BILINEAR, 0xc6a34666},
    {50, 40, 33, 80, IMAGE_BICUBIC, 0x01147149},
    {50, 40, 33, 80, IMAGE_NEAREST, 0xa4eb0247},
    {97, 61, 32, 20, IMAGE_LANCZOS, 0x36e19a84},
    {97, 61, 32, 20, IMAGE_BOX, 0x7017e984},
    {31, 17, 100, 50, IMAGE_LANCZOS, 0x62ddd4fd},
    {31, 17, 100, 50, IMAGE_BOX, 0x03cdd769},
    {64, 48, 64, 13, IMAGE_LANCZOS, 0xb1159dd9},
    {64, 48, 64, 13, IMAGE_BOX, 0x8b08170b},
    {1, 9, 5, 3, IMAGE_LANCZOS, 0x681626fa},
    {1, 9, 5, 3, IMAGE_BOX, 0x372ebd64},
    {300, 2, 7, 2, IMAGE_LANCZOS, 0xeb412e3c},
    {300, 2, 7, 2, IMAGE_BOX, 0x72e184bf},
    {50, 40, 33, 80, IMAGE_LANCZOS, 0xa40423ac},
    {50, 40, 33, 80, IMAGE_BOX, 0xc1f4b045},
    /* tall ones, and the limits between both orders, of Pillow 13 */
    {31, 90, 20, 33, IMAGE_BILINEAR, 0x22001547},
    {31, 90, 20, 33, IMAGE_BICUBIC, 0x04c0c383},
    {31, 90, 20, 33, IMAGE_LANCZOS, 0x082c696b},
    {31, 90, 20, 33, IMAGE_BOX, 0x88c38d85},
    {40, 60, 39, 58, IMAGE_BILINEAR, 0x207e449f},
    {40, 60, 39, 58, IMAGE_BICUBIC, 0xddd46b74},
    {40, 60, 39, 58, IMAGE_LANCZOS, 0xc1b1ca57},
    {40, 60, 39, 58, IMAGE_BOX, 0x139a5e73},
    {40, 60, 39, 57, IMAGE_BILINEAR, 0xa06d277f},
    {40, 60, 39, 57, IMAGE_BICUBIC, 0x5a0a950d},
    {40, 60, 39, 57, IMAGE_LANCZOS, 0xb7f0e81f},
    {40, 60, 39, 57, IMAGE_BOX, 0x22e4f3d9},
    {40, 30, 77, 29, IMAGE_BILINEAR, 0x59328a60},
    {40, 30, 77, 29, IMAGE_BICUBIC, 0xd13e467e},
    {40, 30, 77, 29, IMAGE_LANCZOS, 0xdd5a05a4},
    {40, 30, 77, 29, IMAGE_BOX, 0x2a636864},
    {9, 200, 30, 7, IMAGE_BILINEAR, 0x036bd690},
    {9, 200, 30, 7, IMAGE_BICUBIC, 0xb0486798},
    {9, 200, 30, 7, IMAGE_LANCZOS, 0xa03869da},
    {9, 200, 30, 7, IMAGE_BOX, 0x322c090c},
    /* of OpenCV 4.14 */
    {64, 48, 32, 24, IMAGE_CV_CUBIC, 0x09d91e23},
    {64, 48, 16, 16, IMAGE_CV_CUBIC, 0xd3d75055},
    {300, 2, 7, 2, IMAGE_CV_CUBIC, 0x7bbcff85},
    {3, 191, 147, 110, IMAGE_CV_CUBIC, 0x75e572d5},
    {97, 61, 32, 20, IMAGE_CV_LINEAR, 0x8e8960ae},
    {97, 61, 32, 20, IMAGE_CV_CUBIC, 0xbe4c2db0},
    {97, 61, 32, 20, IMAGE_CV_NEAREST, 0x407dbec2},
    {97, 61, 32, 20, IMAGE_CV_LANCZOS, 0x2c7ad62a},
    {97, 61, 32, 20, IMAGE_CV_AREA, 0xeeb1730b},
    {31, 17, 100, 50, IMAGE_CV_LINEAR, 0xeb140f58},
    {31, 17, 100, 50, IMAGE_CV_CUBIC, 0xfc2bf1b3},
    {31, 17, 100, 50, IMAGE_CV_NEAREST, 0xab278cca},
    {31, 17, 100, 50, IMAGE_CV_LANCZOS, 0xb69836c5},
    {31, 17, 100, 50, IMAGE_CV_AREA, 0x8a46045c},
    {64, 48, 32, 24, IMAGE_CV_LINEAR, 0x40d32be9},
    {64, 48, 32, 24, IMAGE_CV_NEAREST, 0xc1aa9a97},
    {64, 48, 32, 24, IMAGE_CV_LANCZOS, 0xdd01c502},
    {64, 48, 32, 24, IMAGE_CV_AREA, 0x40d32be9},
    {64, 48, 16, 16, IMAGE_CV_LINEAR, 0x252b1677},
    {64, 48, 16, 16, IMAGE_CV_NEAREST, 0x03b42686},
    {64, 48, 16, 16, IMAGE_CV_LANCZOS, 0x537aa4b9},
    {64, 48, 16, 16, IMAGE_CV_AREA, 0xe49587db},
    {1, 9, 5, 3, IMAGE_CV_LINEAR, 0x02ff4b97},
    {1, 9, 5, 3, IMAGE_CV_CUBIC, 0x02ff4b97},
    {1, 9, 5, 3, IMAGE_CV_NEAREST, 0xeb57db4c},
    {1, 9, 5, 3, IMAGE_CV_LANCZOS, 0x02ff4b97},
    {1, 9, 5, 3, IMAGE_CV_AREA, 0xd5e3d783},
    {300, 2, 7, 2, IMAGE_CV_LINEAR, 0x9b77a7d7},
    {300, 2, 7, 2, IMAGE_CV_NEAREST, 0x93d6b69a},
    {300, 2, 7, 2, IMAGE_CV_LANCZOS, 0x6f274132},
    {300, 2, 7, 2, IMAGE_CV_AREA, 0xb5ee6c2d},
    {3, 191, 147, 110, IMAGE_CV_LINEAR, 0x6fd49627},
    {3, 191, 147, 110, IMAGE_CV_NEAREST, 0xc3684f78},
    {3, 191, 147, 110, IMAGE_CV_LANCZOS, 0x5cf7a342},
    {3, 191, 147, 110, IMAGE_CV_AREA, 0x217f4ba3},
    {50, 40, 33, 80, IMAGE_CV_LINEAR, 0x4440fade},
    {50, 40, 33, 80, IMAGE_CV_CUBIC, 0x7addda65},
    {50, 40, 33, 80, IMAGE_CV_NEAREST, 0xb8460b21},
    {50, 40, 33, 80, IMAGE_CV_LANCZOS, 0x8e1a5898},
    {50, 40, 33, 80, IMAGE_CV_AREA, 0xf3126a16},
};

static void equals_others(void)
{
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        const struct known *k = &known[i];
        struct image in = noise(k->w, k->h, 3), out;
        struct error err;
        CHECK(image_resize(&out, &in, k->width, k->height, k->filter, NULL, &err) == 0);
        uint32_t crc = hash_crc32(out.data, (size_t)out.width * out.height * 3);
        CHECK_MSG(crc == k->crc, "%dx%d to %dx%d, filter %d", k->w, k->h, k->width, k->height, k->filter);
        image_release(&in);
        image_release(&out);
    }
}

/* The checksum of OpenCV's cvtColor() with COLOR_RGB2GRAY. */
static void grey_of_opencv(void)
{
    struct image in = noise(97, 61, 3), grey;
    struct error err;
    CHECK(image_grey_opencv(&grey, &in, &err) == 0);
    CHECK(hash_crc32(grey.data, 97 * 61) == 0xc75ec798);
    image_release(&in);
    image_release(&grey);
}

/* Places in the picture's corners, and a reduction to one pixel, whose sums are large. */
static void extremes(void)
{
    static const int sizes[][4] = {
        {4096, 4096, 1, 1}, {4099, 4099, 1, 1}, {1, 1, 50, 70}, {65535, 1, 1, 3}, {2, 9, 65535, 1}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (int f = 0; f < IMAGE_FILTERS; f++) {
            const int *z = sizes[i];
            struct image in, out;
            struct error err;
            CHECK(image_init(&in, z[0], z[1], 1, &err) == 0);
            memset(in.data, 255, (size_t)z[0] * z[1]);
            CHECK(image_resize(&out, &in, z[2], z[3], f, NULL, &err) == 0);
            CHECK_MSG(out.data[0] == 255 && out.data[z[2] * z[3] - 1] == 255, "size %zu, filter %d: %d", i, f,
                      out.data[0]);
            image_release(&in);
            image_release(&out);
        }
}

/* Bilinear without antialiasing, straight from its definition. */
static double plain(const struct image *in, double x, double y, int c)
{
    double value = 0, weight = 0;
    for (int j = 0; j < in->height; j++)
        for (int i = 0; i < in->width; i++) {
            double wx = 1 - fabs(i + 0.5 - x), wy = 1 - fabs(j + 0.5 - y);
            if (wx <= 0 || wy <= 0)
                continue;
            value += wx * wy * in->data[(j * in->width + i) * in->channels + c];
            weight += wx * wy;
        }
    return value / weight;
}

static void plain_bilinear(void)
{
    static const int sizes[][4] = {{7, 5, 3, 2}, {5, 7, 13, 9}, {1, 1, 4, 4}, {20, 3, 3, 11}};
    for (int s = 0; s < 4; s++) {
        const int *z = sizes[s];
        struct image in = noise(z[0], z[1], 3), out;
        struct error err;
        CHECK(image_resize(&out, &in, z[2], z[3], IMAGE_BILINEAR_PLAIN, NULL, &err) == 0);
        for (int i = 0; i < z[2] * z[3] * 3; i++) {
            int x = i / 3 % z[2], y = i / 3 / z[2];
            double want = plain(&in, (x + 0.5) * z[0] / z[2], (y + 0.5) * z[1] / z[3], i % 3);
            CHECK_MSG(fabs(out.data[i] - want) <= 1.01, "at %d: %d, want %g", i, out.data[i], want);
        }
        image_release(&in);
        image_release(&out);
    }
}

static void window_and_grey_are_parts(void)
{
    struct image in = noise(83, 59, 3), grey, whole, part, one;
    struct error err;
    struct image_rect r = {5, 9, 20, 11};
    CHECK(image_init(&grey, 83, 59, 1, &err) == 0);
    for (int i = 0; i < 83 * 59; i++)
        grey.data[i] = in.data[i * 3];
    for (int i = 0; i < 2 * IMAGE_FILTERS; i++) {
        int f = i / 2, width = i % 2 ? 80 : 41; /* of 80, columns come first */
        CHECK(image_resize(&whole, &in, width, 33, f, NULL, &err) == 0);
        CHECK(image_resize(&part, &in, width, 33, f, &r, &err) == 0);
        CHECK(image_resize(&one, &grey, width, 33, f, NULL, &err) == 0);
        int differ = 0;
        for (int y = 0; y < r.height; y++)
            differ += memcmp(part.data + y * 60, whole.data + ((y + r.y) * width + r.x) * 3, 60) != 0;
        for (int k = 0; k < width * 33; k++)
            differ += one.data[k] != whole.data[k * 3];
        CHECK(differ == 0);
        image_release(&whole);
        image_release(&part);
        image_release(&one);
    }
    image_release(&in);
    image_release(&grey);
}

static void constant_stays(void)
{
    struct image in, out;
    struct error err;
    CHECK(image_init(&in, 37, 23, 3, &err) == 0);
    memset(in.data, 255, 37 * 23 * 3);
    for (int size = 1; size < 70; size += 3)
        for (int f = IMAGE_BILINEAR; f < IMAGE_FILTERS; f++) {
            CHECK(image_resize(&out, &in, size, 71 - size, f, NULL, &err) == 0);
            for (int i = 0; i < out.width * out.height * 3; i++)
                CHECK(out.data[i] == 255);
            image_release(&out);
        }
    image_release(&in);
}

static void bad_sizes(void)
{
    struct image in = noise(4, 4, 3), out;
    struct error err;
    struct image_rect outside = {1, 1, 8, 8}, empty = {0, 0, 0, 1}, negative = {-1, 0, 2, 2};
    CHECK(image_resize(&out, &in, 0, 5, IMAGE_BILINEAR, NULL, &err) == -1);
    CHECK(image_resize(&out, &in, 5, -5, IMAGE_BILINEAR, NULL, &err) == -1);
    CHECK(image_resize(&out, &in, 65536, 5, IMAGE_BILINEAR, NULL, &err) == -1);
    CHECK(image_resize(&out, &in, 65535, 65535, IMAGE_BILINEAR, NULL, &err) == -1);
    CHECK(image_resize(&out, &in, 8, 8, IMAGE_BILINEAR, &outside, &err) == -1);
    CHECK(image_resize(&out, &in, 8, 8, IMAGE_BILINEAR, &empty, &err) == -1);
    CHECK(image_resize(&out, &in, 8, 8, IMAGE_BILINEAR, &negative, &err) == -1);
    CHECK(image_resize(&out, &in, 65535, 1, IMAGE_BICUBIC, NULL, &err) == 0);
    image_release(&out);
    image_release(&in);
}

/* All sizes around those of a vector, with and without AVX2. */
static void vectors_change_nothing(void)
{
    for (int i = 0; i < 400; i++) {
        struct image in = noise(1 + i * 7 % 61, 1 + i * 5 % 37, i % 2 ? 1 : 3), out[2];
        struct error err;
        for (int k = 0; k < 2; k++) {
            image_use_avx2(k);
            CHECK(image_resize(&out[k], &in, 1 + i * 11 % 67, 1 + i * 3 % 29, i % IMAGE_FILTERS, NULL, &err) == 0);
        }
        CHECK(memcmp(out[0].data, out[1].data, (size_t)out[0].width * out[0].height * out[0].channels) == 0);
        for (int k = 0; k < 2; k++)
            image_release(&out[k]);
        image_release(&in);
    }
}

int main(void)
{
    RUN(vectors_change_nothing);
    RUN(equals_others);
    RUN(plain_bilinear);
    RUN(grey_of_opencv);
    RUN(extremes);
    RUN(window_and_grey_are_parts);
    RUN(constant_stays);
    RUN(bad_sizes);
    return TEST_END();
}
