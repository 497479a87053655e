#include <math.h>
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
    {50, 40, 181, 123, IMAGE_CV_CUBIC, 0xb02623b7}, /* where the order of sums decides three samples */
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
    /* of PyTorch 2.15, and of Pillow 13 */
    {97, 61, 32, 20, IMAGE_TORCH_BILINEAR, 0xe62ea266},
    {97, 61, 32, 20, IMAGE_TORCH_BICUBIC, 0x65ab19b6},
    {31, 17, 100, 50, IMAGE_TORCH_BILINEAR, 0xf02b8261},
    {31, 17, 100, 50, IMAGE_TORCH_BICUBIC, 0xeefd7d43},
    {64, 48, 64, 13, IMAGE_TORCH_BILINEAR, 0xf05c0c78},
    {64, 48, 64, 13, IMAGE_TORCH_BICUBIC, 0x4cd83f00},
    {31, 90, 20, 33, IMAGE_TORCH_BILINEAR, 0x964d9bfb},
    {31, 90, 20, 33, IMAGE_TORCH_BICUBIC, 0x2bb8d72a},
    {97, 61, 32, 20, IMAGE_HAMMING, 0x1c1a844c},
    {31, 17, 100, 50, IMAGE_HAMMING, 0x3d2da1de},
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

/* What Pillow makes of a row where its factors, 0.54 and 0.46 in single precision, decide. */
static void hamming_of_pillow(void)
{
    static uint8_t row[] = {140, 207, 184, 112, 19, 244, 89, 183, 244, 57, 216, 60, 13, 129, 70};
    static const uint8_t want[] = {176, 129, 153, 175, 133, 62, 95};
    struct image in = {sizeof row, 1, 1, row, NULL}, out;
    struct error err;
    CHECK(image_resize(&out, &in, sizeof want, 1, IMAGE_HAMMING, NULL, &err) == 0);
    CHECK(memcmp(out.data, want, sizeof want) == 0);
    image_release(&out);
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

/* What TensorFlow 2.21 makes of the red of 7x5 pixels in 3x2. */
static const struct known_tensorflow {
    enum image_tensorflow_filter filter;
    enum image_grid grid;
    bool antialias;
    float value[6];
} known_tensorflow[] = {
    {IMAGE_TF_BILINEAR, IMAGE_GRID_HALF, false, {106.1667f, 109.2500f, 50.0833f, 101.2500f, 204.2500f, 183.0000f}},
    {IMAGE_TF_BILINEAR, IMAGE_GRID_HALF, true, {98.4448f, 123.6578f, 101.3085f, 109.5357f, 132.2112f, 143.6688f}},
    {IMAGE_TF_BICUBIC, IMAGE_GRID_HALF, false, {110.0117f, 98.7099f, 32.1171f, 101.8087f, 209.2137f, 196.9521f}},
    {IMAGE_TF_BICUBIC, IMAGE_GRID_HALF, true, {95.4695f, 126.5852f, 100.4440f, 112.8615f, 127.4003f, 147.7468f}},
    {IMAGE_TF_NEAREST, IMAGE_GRID_HALF, false, {73.0000f, 79.0000f, 3.0000f, 91.0000f, 223.0000f, 208.0000f}},
    {IMAGE_TF_AREA, IMAGE_GRID_HALF, false, {100.9714f, 132.1143f, 97.0857f, 116.6857f, 130.7429f, 155.0857f}},
    {IMAGE_TF_LANCZOS3, IMAGE_GRID_HALF, false, {114.9985f, 101.0637f, 31.3454f, 110.3951f, 204.8995f, 201.5366f}},
    {IMAGE_TF_LANCZOS3, IMAGE_GRID_HALF, true, {90.9167f, 127.7475f, 102.7033f, 115.5720f, 122.4630f, 146.9917f}},
    {IMAGE_TF_LANCZOS5, IMAGE_GRID_HALF, false, {113.3811f, 103.7014f, 34.1635f, 119.6106f, 200.0464f, 206.6924f}},
    {IMAGE_TF_LANCZOS5, IMAGE_GRID_HALF, true, {88.3189f, 128.4148f, 103.8312f, 117.7491f, 120.0216f, 146.8598f}},
    {IMAGE_TF_GAUSSIAN, IMAGE_GRID_HALF, false, {104.7076f, 109.3881f, 56.8045f, 101.8815f, 174.3239f, 178.1002f}},
    {IMAGE_TF_GAUSSIAN, IMAGE_GRID_HALF, true, {101.5093f, 122.6413f, 108.5515f, 114.1689f, 127.5682f, 141.3099f}},
    {IMAGE_TF_MITCHELL, IMAGE_GRID_HALF, false, {108.0027f, 105.0222f, 44.9692f, 102.5371f, 189.7663f, 187.8388f}},
    {IMAGE_TF_MITCHELL, IMAGE_GRID_HALF, true, {97.8839f, 124.4843f, 105.2819f, 113.6989f, 126.7968f, 143.8648f}},
    {IMAGE_TF_BILINEAR, IMAGE_GRID_LEGACY, false, {5.0000f, 150.6667f, 160.3333f, 103.0000f, 121.5000f, 155.6667f}},
    {IMAGE_TF_BILINEAR, IMAGE_GRID_CORNERS, false, {5.0000f, 200.0000f, 103.0000f, 161.0000f, 148.0000f, 225.0000f}},
    {IMAGE_TF_BICUBIC, IMAGE_GRID_LEGACY, false, {5.0000f, 142.6629f, 162.0429f, 91.3750f, 132.0872f, 178.3056f}},
    {IMAGE_TF_BICUBIC, IMAGE_GRID_CORNERS, false, {5.0000f, 200.0000f, 103.0000f, 161.0000f, 148.0000f, 225.0000f}},
    {IMAGE_TF_NEAREST, IMAGE_GRID_LEGACY, false, {5.0000f, 126.0000f, 247.0000f, 170.0000f, 117.0000f, 113.0000f}},
    {IMAGE_TF_NEAREST, IMAGE_GRID_CORNERS, false, {5.0000f, 200.0000f, 103.0000f, 161.0000f, 148.0000f, 225.0000f}},
};

static void equals_tensorflow(void)
{
    struct image in = noise(7, 5, 3), red;
    struct error err;
    CHECK(image_init(&red, 7, 5, 1, &err) == 0);
    for (int i = 0; i < 35; i++)
        red.data[i] = in.data[3 * i];
    for (size_t i = 0; i < sizeof known_tensorflow / sizeof *known_tensorflow; i++) {
        const struct known_tensorflow *k = &known_tensorflow[i];
        struct image_sampling how = {k->filter, k->grid, k->antialias};
        struct image_rect all = {0, 0, 3, 2}, one = {2, 1, 1, 1};
        struct image_floats out, part;
        CHECK(image_resize_tensorflow(&out, NULL, &red, 3, 2, &how, &all, &err) == 0);
        for (int j = 0; j < 6; j++)
            CHECK_MSG(fabsf(out.data[j] - k->value[j]) < 1e-3f, "%zu: %g, want %g", i, out.data[j], k->value[j]);
        CHECK(image_resize_tensorflow(&part, NULL, &red, 3, 2, &how, &one, &err) == 0);
        CHECK(part.data[0] == out.data[5]);
        image_floats_release(&part);
        image_floats_release(&out);
    }
    image_release(&red);
    image_release(&in);
}

static bool equal(const struct image *a, const struct image *b)
{
    return memcmp(a->data, b->data, (size_t)a->width * a->height * a->channels) == 0;
}

static void vectors_change_no_grey(void)
{
    static int (*const greys[])(struct image * out, const struct image *in, struct error *err) = {image_grey,
                                                                                                  image_grey_opencv};
    for (int i = 0; i < 80; i++) {
        struct image in = noise(1 + i, 1 + i % 3, 3), out[2];
        struct error err;
        if (i % 5 == 0)
            memset(in.data, 255, (size_t)in.width * in.height * 3);
        for (int k = 0; k < 2; k++) {
            image_use_avx2(k);
            CHECK(greys[i / 3 % 2](&out[k], &in, &err) == 0);
        }
        CHECK(equal(&out[0], &out[1]));
        for (int k = 0; k < 2; k++)
            image_release(&out[k]);
        image_release(&in);
    }
}

/* All sizes around those of a vector, with and without AVX2. */
static void vectors_change_nothing(void)
{
    for (int i = 0; i < 400; i++) {
        struct image in = noise(1 + i * 7 % 61, 1 + i * 5 % 37, i / IMAGE_FILTERS % 2 ? 1 : 3), out[2];
        struct error err;
        for (int k = 0; k < 2; k++) {
            image_use_avx2(k);
            CHECK(image_resize(&out[k], &in, 1 + i * 11 % 67, 1 + i * 3 % 29, i % IMAGE_FILTERS, NULL, &err) == 0);
        }
        CHECK(equal(&out[0], &out[1]));
        for (int k = 0; k < 2; k++)
            image_release(&out[k]);
        image_release(&in);
    }
}

int main(void)
{
    RUN(vectors_change_nothing);
    RUN(vectors_change_no_grey);
    RUN(equals_others);
    RUN(equals_tensorflow);
    RUN(plain_bilinear);
    RUN(hamming_of_pillow);
    RUN(grey_of_opencv);
    RUN(extremes);
    RUN(window_and_grey_are_parts);
    RUN(constant_stays);
    RUN(bad_sizes);
    return TEST_END();
}
