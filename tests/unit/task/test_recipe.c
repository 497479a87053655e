#include <stdlib.h>

#include "base/hash.h"
#include "recipe_test.h"

static struct image counted(int width, int height)
{
    struct image im;
    struct error err;
    CHECK(image_init(&im, width, height, 3, &err) == 0);
    for (int i = 0; i < width * height * 3; i++)
        im.data[i] = i * 5 % 251;
    return im;
}

/* A photo's size, a recipe, an input's dims; then the resized size, window corner, input's size. */
static const struct plan_case {
    const char *recipe;
    int w, h, rank;
    int64_t dims[4];
    int scaled[2], window[2], size[2];
} plan_cases[] = {
    {"resize=256,crop=224", 500, 375, 4, {1, 3, 224, 224}, {341, 256}, {58, 16}, {224, 224}},
    {"resize=256,crop=224", 375, 500, 4, {1, 224, 224, 3}, {256, 341}, {16, 58}, {224, 224}},
    {"resize=256", 375, 500, 4, {1, 3, 224, 224}, {256, 341}, {16, 58}, {224, 224}},
    {"resize=256", 375, 500, 4, {-1, 3, -1, -1}, {256, 341}, {0, 0}, {256, 341}},
    {"", 375, 500, 4, {1, 3, 100, 200}, {200, 100}, {0, 0}, {200, 100}},
    {"", 375, 500, 0, {0}, {375, 500}, {0, 0}, {375, 500}},
    {"", 320, 32, 4, {1, 3, 48, -1}, {480, 48}, {0, 0}, {480, 48}},
    {"", 30, 300, 4, {-1, 3, -1, 60}, {60, 600}, {0, 0}, {60, 600}},
    {"crop=99x51", 100, 52, 4, {1, 3, 51, 99}, {100, 52}, {0, 0}, {99, 51}},
    {"resize=20x30", 7, 9, 3, {30, 20, 3}, {20, 30}, {0, 0}, {20, 30}},
    {"gray", 7, 9, 2, {28, 29}, {29, 28}, {0, 0}, {29, 28}},
    {"letterbox=320x320", 768, 576, 4, {1, 3, 320, 320}, {320, 240}, {0, 0}, {320, 320}},
    {"resize=cover:448x896:near", 640, 480, 0, {0}, {1195, 896}, {0, 0}, {1195, 896}},
    {"resize=cover:448x896:near", 200, 480, 0, {0}, {448, 1075}, {0, 0}, {448, 1075}},
    {"resize=closest:518x518x14", 640, 480, 0, {0}, {686, 518}, {0, 0}, {686, 518}}, /* covers: 480 grows less */
    {"resize=closest:518x518x14", 300, 200, 0, {0}, {518, 350}, {0, 0}, {518, 350}},
    {"resize=closest:518x518", 2000, 1000, 0, {0}, {1036, 518}, {0, 0}, {1036, 518}},
    {"resize=edges:80x100", 300, 100, 0, {0}, {100, 33}, {0, 0}, {100, 33}},
    {"resize=edges:80x1000", 100, 300, 0, {0}, {80, 240}, {0, 0}, {80, 240}},
    {"resize=edges:100x300", 100, 301, 0, {0}, {100, 301}, {0, 0}, {100, 301}},
    {"opencv,resize=edges:80x100", 300, 101, 0, {0}, {100, 34}, {0, 0}, {100, 34}},
    {"opencv,letterbox=64x64:shrink", 50, 40, 0, {0}, {50, 40}, {0, 0}, {64, 64}},
    {"opencv,letterbox=416x416:down:corner", 416, 300, 0, {0}, {416, 300}, {0, 0}, {416, 416}},
    {"opencv,letterbox=416x416:down:corner", 375, 500, 0, {0}, {312, 416}, {0, 0}, {416, 416}},
    {"tensorflow,letterbox=145x119:0", 60, 328, 0, {0}, {21, 119}, {0, 0}, {145, 119}},
    {"torch,resize=30", 50, 71, 0, {0}, {30, 42}, {0, 0}, {30, 42}},
    {"crop=part:7x8,resize=20x20", 50, 70, 0, {0}, {20, 20}, {0, 0}, {20, 20}},
    {"crop=part:7x8", 50, 70, 0, {0}, {50, 70}, {3, 13}, {43, 43}},
    {"opencv,resize=within:2000x32", 4000, 3000, 0, {0}, {1984, 1504}, {0, 0}, {1984, 1504}},
    {"opencv,resize=within:2000x32", 2000, 10, 0, {0}, {2000, 10}, {0, 0}, {2000, 10}},
    {"pad=over:8:corner:mirror", 16, 15, 0, {0}, {16, 15}, {0, 0}, {24, 16}},
    {"pad=root:3:reflect", 50, 70, 0, {0}, {50, 70}, {0, 0}, {80, 104}},
    {"crop=30,resize=20", 50, 70, 0, {0}, {20, 20}, {0, 0}, {20, 20}},
    {"crop=30x20+5+7", 50, 70, 0, {0}, {50, 70}, {5, 7}, {30, 20}},
    {"crop=40,crop=30x20+5+7", 50, 70, 0, {0}, {50, 70}, {10, 22}, {30, 20}},
    {"letterbox=64x64,crop=32x60", 50, 100, 0, {0}, {64, 64}, {16, 2}, {32, 60}},
    {"resize=max:96,resize=multiple:32", 190, 100, 0, {0}, {96, 64}, {0, 0}, {96, 64}},
    {"resize=max:96,resize=min:40", 90, 10, 0, {0}, {360, 40}, {0, 0}, {360, 40}},
    {"opencv,resize=max:112:down,resize=multiple:32", 185, 332, 0, {0}, {64, 96}, {0, 0}, {64, 96}}, /* 111 of 112 */
    {"opencv,resize=min:112:down", 332, 31, 0, {0}, {1199, 112}, {0, 0}, {1199, 112}},
    {"resize=long:99:down", 100, 56, 0, {0}, {99, 55}, {0, 0}, {99, 55}},
    {"resize=height:48:up,resize=clamp:320x48,mean=1,pad=320x48:corner",
     100,
     31,
     4,
     {1, 3, 48, 320},
     {155, 48},
     {0, 0},
     {320, 48}},
    {"resize=height:48:up,resize=clamp:320x48,mean=1,pad=320x48:corner",
     999,
     31,
     4,
     {1, 3, 48, 320},
     {320, 48},
     {0, 0},
     {320, 48}},
    {"pad=multiple:32", 33, 64, 0, {0}, {33, 64}, {0, 0}, {64, 64}},
    {"pad=wide:8x30", 400, 49, 0, {0}, {400, 49}, {0, 0}, {400, 99}},
    {"pad=wide:8x30", 392, 49, 0, {0}, {392, 49}, {0, 0}, {392, 49}},
    {"pad=wide:8x30", 20, 30, 0, {0}, {20, 30}, {0, 0}, {20, 60}},
    {"pad=aspect:1x1", 20, 33, 0, {0}, {20, 33}, {0, 0}, {33, 33}},
    {"pad=aspect:3x2", 20, 33, 0, {0}, {20, 33}, {0, 0}, {50, 33}},
    {"pad=aspect:3x2", 61, 33, 0, {0}, {61, 33}, {0, 0}, {61, 41}},
    {"resize=fit:40x40:up", 100, 33, 0, {0}, {40, 14}, {0, 0}, {40, 14}},
    {"resize=cover:51x298:near", 294, 24, 0, {0}, {3651, 298}, {0, 0}, {3651, 298}}, /* 3650.5, by 24 / 298 */
    {"resize=edges:1024x1024:near", 2048, 1365, 0, {0}, {1024, 683}, {0, 0}, {1024, 683}},
    {"resize=edges:384x639:near,resize=multiple:32:down", 831, 768, 0, {0}, {416, 384}, {0, 0}, {416, 384}},
    /* of torchvision's Resize(256) and CenterCrop: the long side truncated, halves of the place to even */
    {"torchvision,resize=256,crop=224", 500, 334, 0, {0}, {383, 256}, {80, 16}, {224, 224}},
    {"resize=256,crop=224", 500, 334, 0, {0}, {383, 256}, {79, 16}, {224, 224}},
    {"torchvision,resize=256,crop=224", 357, 500, 0, {0}, {256, 358}, {16, 67}, {224, 224}},
    {"resize=256,crop=224", 357, 500, 0, {0}, {256, 359}, {16, 67}, {224, 224}},
    {"resize=1", 1, 65535, 4, {-1, 3, -1, -1}, {1, 65535}, {0, 0}, {1, 65535}},
};

static void plans(void)
{
    for (size_t i = 0; i < sizeof plan_cases / sizeof *plan_cases; i++) {
        struct recipe r = parse(plan_cases[i].recipe);
        struct recipe_plan p;
        struct error err;
        int failed =
            recipe_plan(&r, plan_cases[i].w, plan_cases[i].h, plan_cases[i].dims, plan_cases[i].rank, &p, &err);
        CHECK_MSG(!failed, "case %zu: %s", i, failed ? err.text : "");
        if (failed)
            continue;
        const struct recipe_stage *last = &p.stage[p.stages - 1];
        CHECK_MSG(last->scaled_width == plan_cases[i].scaled[0] && last->scaled_height == plan_cases[i].scaled[1],
                  "case %zu: %dx%d", i, last->scaled_width, last->scaled_height);
        CHECK_MSG(last->window.x == plan_cases[i].window[0] && last->window.y == plan_cases[i].window[1],
                  "case %zu: %d,%d", i, last->window.x, last->window.y);
        CHECK_MSG(p.width == plan_cases[i].size[0] && p.height == plan_cases[i].size[1], "case %zu: %dx%d", i, p.width,
                  p.height);
        CHECK(p.bytes == sizeof(float) * p.width * p.height * p.channels);
        for (int d = 0; d < plan_cases[i].rank; d++)
            CHECK_MSG(plan_cases[i].dims[d] <= 0 || p.dims[d] == plan_cases[i].dims[d], "case %zu, dim %d: %d", i, d,
                      (int)p.dims[d]);
    }
}

static void plan_errors(void)
{
    static const struct {
        const char *recipe;
        int w, h, rank;
        int64_t dims[5];
        const char *word;
    } cases[] = {
        {"opencv,crop=224", 200, 300, 4, {1, 3, 224, 224}, "200x300"},
        {"resize=100x100", 10, 10, 4, {1, 3, 224, 224}, "100x100"},
        {"resize=256,crop=224", 500, 500, 4, {1, 3, 256, 256}, "224x224 pixels, the input wants 256x256"},
        {"letterbox=320x320", 500, 500, 4, {1, 3, 256, 256}, "256x256"},
        {"opencv,letterbox=320x320,crop=321", 500, 500, 0, {0}, "smaller crop"},
        {"crop=30x20+21+7", 50, 70, 0, {0}, "want it inside"},
        {"pad=65535x65535", 50, 70, 0, {0}, "65535x65535"},
        {"mean=1,pad=65535x65535", 50, 70, 0, {0}, "65535x65535"},
        {"resize=65535x65535", 50, 70, 0, {0}, "65535x65535"},
        {"letterbox=8x8:1:2:3", 5, 5, 4, {1, 1, 8, 8}, "three values"},
        {"rgb", 5, 5, 4, {1, 1, 5, 5}, "3 channels"},
        {"gray", 5, 5, 4, {1, 3, 5, 5}, "1 channels"},
        {"", 5, 5, 4, {1, 4, 5, 5}, "wants 4"},
        {"mean=1:2:3", 5, 5, 4, {1, 1, 5, 5}, "three values"},
        {"", 5, 5, 4, {2, 3, 5, 5}, "batch"},
        {"", 5, 5, 5, {1, 1, 3, 5, 5}, "5 dimensions"},
        {"", 5, 5, 1, {5}, "1 dimensions"},
        {"", 5, 5, 4, {1, 3, 70000, 5}, "70000"},
        {"resize=65535", 1, 2, 0, {0}, "131070"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct recipe r = parse(cases[i].recipe);
        struct recipe_plan p;
        struct error err;
        CHECK_MSG(recipe_plan(&r, cases[i].w, cases[i].h, cases[i].dims, cases[i].rank, &p, &err) == -1, "case %zu", i);
        CHECK_MSG(strstr(err.text, cases[i].word), "case %zu: %s", i, err.text);
    }
}

static void *apply(const char *text, const struct image *photo, const int64_t *dims, int rank, struct recipe_plan *p)
{
    struct recipe r = parse(text);
    struct error err;
    void *out = NULL;
    int failed = recipe_plan(&r, photo->width, photo->height, dims, rank, p, &err);
    CHECK_MSG(!failed, "%s: %s", text, failed ? err.text : "");
    if (!failed) {
        out = malloc(p->bytes); /* exactly, so that a sanitizer sees more */
        CHECK(recipe_apply(&r, p, photo, out, &err) == 0);
    }
    return out;
}

static void values_and_layouts(void)
{
    static const int64_t nchw[] = {1, 3, 4, 6}, nhwc[] = {1, 4, 6, 3};
    static const float mean[] = {1.5f, 20, 300}, std[] = {3, 0.7f, -11};
    struct image photo = counted(6, 4);
    struct recipe_plan p;
    float *planar = apply("rgb,mean=1.5:20:300,std=3:0.7:-11", &photo, nchw, 4, &p);
    float *packed = apply("bgr,mean=1.5:20:300,std=3:0.7:-11,scale=1/255", &photo, nhwc, 4, &p);
    for (int i = 0; i < 24; i++)
        for (int c = 0; c < 3; c++) {
            CHECK(planar[c * 24 + i] == ((float)photo.data[i * 3 + c] - mean[c]) / std[c]);
            CHECK(packed[i * 3 + c] == ((float)photo.data[i * 3 + 2 - c] - mean[c]) / std[c] * (1.0f / 255));
        }
    free(planar);
    free(packed);
    image_release(&photo);
}

static void integers(void)
{
    static const int64_t dims[] = {1, 3, 4, 6};
    struct image photo = counted(6, 4);
    struct recipe_plan p;
    uint8_t *same = apply("dtype=u8", &photo, dims, 4, &p);
    CHECK(p.bytes == 72);
    int8_t *shifted = apply("mean=128,dtype=i8", &photo, dims, 4, &p);
    uint8_t *halved = apply("std=2,dtype=u8", &photo, dims, 4, &p);
    int8_t *clamped = apply("dtype=i8", &photo, dims, 4, &p);
    for (int i = 0; i < 72; i++) {
        int v = photo.data[i % 24 * 3 + i / 24];
        CHECK(same[i] == v && shifted[i] == v - 128);
        CHECK(halved[i] == v / 2 + (v % 4 == 3)); /* ties to even */
        CHECK(clamped[i] == (v > 127 ? 127 : v));
    }
    free(same);
    free(shifted);
    free(halved);
    free(clamped);
    image_release(&photo);
}

static void gray_and_letterbox(void)
{
    static const int64_t one[] = {1, 1, 4, 6}, box[] = {1, 3, 8, 6};
    struct image photo = counted(6, 4), grey;
    struct recipe_plan p;
    struct error err;
    float *g = apply("", &photo, one, 4, &p), *b = apply("letterbox=6x8:7,mean=1", &photo, box, 4, &p);
    CHECK(image_grey(&grey, &photo, &err) == 0);
    for (int i = 0; i < 24; i++)
        CHECK(g[i] == grey.data[i]);
    for (int i = 0; i < 12; i++)
        CHECK(b[i] == 6 && b[36 + i] == 6 && b[48 + i] == 6 && b[12 + i] == photo.data[i * 3] - 1.0f);
    free(g);
    free(b);
    image_release(&grey);
    image_release(&photo);
}

/* Of the resized photo, rounded as the library rounds a picture of three channels. */
static void gray_behind_resizing(void)
{
    static const struct {
        const char *grey, *rgb;
        int (*weigh)(struct image *out, const struct image *in, struct error *err);
    } cases[] = {
        {"resize=5x3,gray-resized,dtype=u8", "resize=5x3,dtype=u8,layout=nhwc", image_grey},
        {"opencv,resize=4x3,gray-resized,dtype=u8", "opencv,resize=4x3,dtype=u8,layout=nhwc", image_grey_opencv},
        {"torch,pad=9x7:3,gray-resized,dtype=u8", "torch,pad=9x7:3,dtype=u8,layout=nhwc", image_grey_torch},
    };
    struct image photo = counted(6, 4), grey;
    struct recipe_plan p;
    struct error err;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t *g = apply(cases[i].grey, &photo, NULL, 0, &p), *rgb = apply(cases[i].rgb, &photo, NULL, 0, &p);
        struct image resized = {p.width, p.height, 3, rgb, NULL};
        CHECK(cases[i].weigh(&grey, &resized, &err) == 0);
        CHECK(memcmp(g, grey.data, (size_t)p.width * p.height) == 0);
        image_release(&grey);
        free(g);
        free(rgb);
    }
    float *real = apply("tensorflow,resize=3x2,gray-resized", &photo, NULL, 0, &p);
    float *rgb = apply("tensorflow,resize=3x2", &photo, NULL, 0, &p);
    for (int i = 0; i < 6; i++)
        CHECK(fabsf(real[i] - (rgb[i] * 0.2989f + rgb[6 + i] * 0.587f + rgb[12 + i] * 0.114f)) < 1e-4f);
    free(real);
    free(rgb);
    image_release(&photo);
}

/* A photo of the wanted size is smoothed all the same: the first pixel of tf.image.resize(). */
static void same_size_of_tensorflow(void)
{
    static const struct {
        const char *recipe;
        float first;
    } cases[] = {{"tensorflow,resize=6x4,filter=gaussian", 12.516304f},
                 {"tensorflow,resize=6x4,filter=mitchell", 6.1764855f},
                 {"tensorflow,letterbox=6x5:0,filter=gaussian", 12.516304f},
                 {"tensorflow,resize=6x4,filter=lanczos", 0},
                 {"tensorflow,crop=6x4,filter=gaussian", 0}};
    struct image photo = counted(6, 4);
    struct recipe_plan p;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        float *v = apply(cases[i].recipe, &photo, NULL, 0, &p);
        CHECK_MSG(fabsf(v[0] - cases[i].first) < 1e-4f, "%s: %g", cases[i].recipe, (double)v[0]);
        free(v);
    }
    image_release(&photo);
}

/* Where a photo's point comes to, worked out by hand, and back. */
static void maps_back(void)
{
    static const struct {
        const char *recipe;
        float x, y; /* of the photo's 200, 100 */
    } cases[] = {
        {"resize=256,crop=224", 200 * 341.0f / 768 - 58, 100 * 256.0f / 576 - 16},
        {"letterbox=320x320", 200 * 320.0f / 768, 100 * 240.0f / 576 + 40},
        {"letterbox=320x320:corner", 200 * 320.0f / 768, 100 * 240.0f / 576},
        {"resize=10x90:warp", 200 * 10.0f / 768, 100 * 90.0f / 576},
        {"crop=500x500+10+20,resize=250,pad=300x400", 95 + 25, 40 + 75},
        {"pad=1000x600,resize=500x300,crop=400x200+9+8,letterbox=800x800,crop=500", (158 - 9) * 2 - 150,
         (56 - 8) * 2 + 200 - 150},
        {"mean=1,pad=800x600", 216, 112},
        {"crop=768x576,mean=1,pad=800x600:corner", 200, 100},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct recipe r = parse(cases[i].recipe);
        struct recipe_plan p;
        struct error err;
        CHECK(recipe_plan(&r, 768, 576, NULL, 0, &p, &err) == 0);
        float x = 200 * p.map.scale_x + p.map.offset_x, y = 100 * p.map.scale_y + p.map.offset_y;
        CHECK_MSG(fabsf(x - cases[i].x) < 1e-3f && fabsf(y - cases[i].y) < 1e-3f, "%s: %g, %g", cases[i].recipe, x, y);
        recipe_unmap(&p.map, &x, &y);
        CHECK_MSG(fabsf(x - 200) < 1e-3f && fabsf(y - 100) < 1e-3f, "%s: %g, %g", cases[i].recipe, x, y);
    }
}

/* The plan's coordinates agree with the pixels: a white square is found where they say. */
static void pixels_lie_where_mapped(void)
{
    static const char *const recipes[] = {
        "resize=80x60,crop=50x40,letterbox=100x100:0",
        "pad=90x90,resize=180x180,crop=120x120+31+33",
        "letterbox=40x51:0:warp,crop=40x50+0+0",
        "letterbox=64x64:0:corner,crop=64x40+0+0,mean=0,pad=80x80",
        "crop=36x28+2+2,resize=height:56,pad=multiple:64:corner",
    };
    struct image photo;
    struct error err;
    CHECK(image_init(&photo, 40, 32, 3, &err) == 0);
    for (int y = 14; y < 20; y++)
        memset(photo.data + (y * 40 + 16) * 3, 255, 8 * 3); /* centre 20, 17 */
    for (size_t i = 0; i < sizeof recipes / sizeof *recipes; i++) {
        struct recipe_plan p;
        float *v = apply(recipes[i], &photo, NULL, 0, &p);
        double sum = 0, x = 0, y = 0;
        for (int k = 0; k < p.width * p.height; k++) {
            sum += v[k];
            x += v[k] * (k % p.width + 0.5);
            y += v[k] * (k / p.width + 0.5);
        }
        float cx = x / sum, cy = y / sum;
        recipe_unmap(&p.map, &cx, &cy);
        CHECK_MSG(fabsf(cx - 20) < 0.1f && fabsf(cy - 17) < 0.1f, "%s: %g, %g", recipes[i], cx, cy);
        free(v);
    }
    image_release(&photo);
}

/* A pad before mean is normalised, one behind is not. */
static void pads(void)
{
    struct image photo = counted(2, 1);
    struct recipe_plan p;
    float *before = apply("pad=4x1:10:20:30:corner,bgr,mean=1,std=2", &photo, NULL, 0, &p);
    float *behind = apply("crop=2x1,mean=1,std=2,pad=5x3:-0.5,layout=nhwc", &photo, NULL, 0, &p);
    int8_t *bytes = apply("mean=1,pad=4x1:-300:corner,dtype=i8", &photo, NULL, 0, &p);
    for (int c = 0; c < 3; c++) {
        CHECK(before[c * 4] == (photo.data[2 - c] - 1) / 2.0f && before[c * 4 + 3] == ((3 - c) * 10 - 1) / 2.0f);
        CHECK(behind[c] == -0.5f && behind[(5 + 1) * 3 + c] == (photo.data[c] - 1) / 2.0f && behind[44] == -0.5f);
        CHECK(bytes[c * 4 + 1] == photo.data[3 + c] - 1 && bytes[c * 4 + 2] == -128);
    }
    free(before);
    free(behind);
    free(bytes);
    image_release(&photo);
}

/* torchvision's CenterCrop of more than there is: black around, the odd pixel of it right and below. */
static void crops_beyond(void)
{
    struct image photo = counted(4, 3);
    struct recipe_plan p;
    float *v = apply("torchvision,crop=7x2", &photo, NULL, 0, &p);
    CHECK(p.width == 7 && p.height == 2 && p.map.offset_x == 1 && p.map.offset_y == 0);
    for (int x = 0; x < 7; x++)
        CHECK(v[x] == (x < 1 || x > 4 ? 0 : photo.data[(x - 1) * 3]));
    free(v);
    image_release(&photo);
}

/* Random recipes of random pieces: refused or done within bounds, and printed text reads back. */
static void random_recipes(void)
{
    static const char *const pieces[] = {
        "resize=7",
        "resize=9x5",
        "resize=fit:8x8:up",
        "resize=multiple:4",
        "resize=min:12",
        "resize=max:6:down",
        "resize=clamp:5x6",
        "resize=cover:5x6:again",
        "resize=closest:5x6x4",
        "resize=width:13",
        "resize=height:11",
        "crop=4",
        "crop=5x3",
        "crop=3x2+1+2",
        "letterbox=12x9",
        "pad=11x7:5",
        "letterbox=6x10:1:corner",
        "pad=multiple:8",
        "pad=20x20:1:2:3",
        "mean=3",
        "std=1:2:3",
        "scale=1/255",
        "gray",
        "gray-resized",
        "bgr",
        "torchvision",
        "layout=nhwc",
        "dtype=i8",
        "filter=lanczos",
        "filter=nearest",
        "opencv",
    };
    uint64_t state = 5;
    int done = 0;
    for (int round = 0; round < 3000; round++) {
        struct image photo = counted(1 + hash_random(&state) % 30, 1 + hash_random(&state) % 30);
        char text[400] = "exif=yes";
        struct recipe r;
        struct recipe_plan p;
        struct error err;
        for (int n = hash_random(&state) % 6; n; n--) {
            strcat(text, ",");
            strcat(text, pieces[hash_random(&state) % (sizeof pieces / sizeof *pieces)]);
        }
        if (recipe_parse(text, strlen(text), &r, &err) == 0 &&
            recipe_plan(&r, photo.width, photo.height, NULL, 0, &p, &err) == 0) {
            void *out = malloc(p.bytes);
            CHECK_MSG(recipe_apply(&r, &p, &photo, out, &err) == 0, "%s", text);
            free(out);
            done++;
        } else
            CHECK(err.text[0]);
        image_release(&photo);
    }
    CHECK_MSG(done > 1000, "%d of 3000", done);
}

int main(void)
{
    RUN(plans);
    RUN(plan_errors);
    RUN(values_and_layouts);
    RUN(integers);
    RUN(gray_and_letterbox);
    RUN(gray_behind_resizing);
    RUN(same_size_of_tensorflow);
    RUN(maps_back);
    RUN(pixels_lie_where_mapped);
    RUN(pads);
    RUN(crops_beyond);
    RUN(random_recipes);
    return TEST_END();
}
