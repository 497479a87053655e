#include <stdlib.h>

#include "../../test.h"
#include "image/image.h"

static struct image counted(int width, int height, int channels)
{
    struct image im;
    struct error err;
    CHECK(image_init(&im, width, height, channels, &err) == 0);
    for (int i = 0; i < width * height * channels; i++)
        im.data[i] = i * 7;
    return im;
}

static void init_limits(void)
{
    struct image im;
    struct error err;
    static const int bad[][3] = {{0, 1, 3},       {1, 0, 3}, {-1, 1, 3}, {65536, 1, 3},
                                 {8193, 8192, 3}, {1, 1, 2}, {1, 1, 4}};
    for (int i = 0; i < 7; i++)
        CHECK(image_init(&im, bad[i][0], bad[i][1], bad[i][2], &err) == -1 && err.text[0]);
}

static void crop(void)
{
    struct image in = counted(5, 4, 3), out;
    struct error err;
    static const struct image_rect bad[] = {{0, 0, 6, 4},  {1, 0, 5, 4}, {0, 3, 1, 2},
                                            {-1, 0, 2, 2}, {0, 0, 0, 1}, {2147483647, 0, 1, 1}};
    struct image_rect r = {2, 1, 3, 2};
    CHECK(image_crop(&out, &in, &r, &err) == 0);
    for (int y = 0; y < 2; y++)
        for (int i = 0; i < 9; i++)
            CHECK(out.data[y * 9 + i] == (uint8_t)((((y + 1) * 5 + 2) * 3 + i) * 7));
    image_release(&out);
    for (int i = 0; i < 6; i++)
        CHECK(image_crop(&out, &in, &bad[i], &err) == -1);
    image_release(&in);
}

static void place(void)
{
    struct image in = counted(2, 2, 1), out;
    struct error err;
    static const uint8_t fill[] = {9}, want[] = {9, 9, 9, 9, 9, 9, 0, 7, 9, 9, 14, 21};
    CHECK(image_place(&out, &in, 4, 3, 2, 1, fill, &err) == 0);
    CHECK(memcmp(out.data, want, 12) == 0);
    image_release(&out);
    CHECK(image_place(&out, &in, 4, 3, 3, 1, fill, &err) == -1);
    CHECK(image_place(&out, &in, 4, 3, 0, -1, fill, &err) == -1);
    image_release(&in);
}

static void mirror(void)
{
    uint8_t row[] = {0, 0, 0, 1, 2, 3, 0, 0, 0, 0}, column[] = {0, 0, 1, 2, 0, 0}, one[] = {0, 7, 0};
    static const uint8_t twice[] = {3, 2, 1, 1, 2, 3, 3, 2, 1, 1}, once[] = {2, 3, 2, 1, 2, 3, 2, 1, 2, 3};
    static const uint8_t down[] = {1, 2, 1, 2, 1, 2}, all[] = {7, 7, 7};
    image_mirror(row, 1, 10, 1, &(struct image_rect){3, 0, 3, 1}, false);
    CHECK(memcmp(row, twice, 10) == 0);
    image_mirror(row, 1, 10, 1, &(struct image_rect){3, 0, 3, 1}, true);
    CHECK(memcmp(row, once, 10) == 0);
    image_mirror(column, 2, 1, 3, &(struct image_rect){0, 1, 1, 1}, true);
    CHECK(memcmp(column, down, 6) == 0);
    image_mirror(one, 1, 3, 1, &(struct image_rect){1, 0, 1, 1}, true);
    CHECK(memcmp(one, all, 3) == 0);
}

static void rounding(void)
{
    CHECK(image_scaled(681, 256, 512) == 340 && image_scaled(683, 256, 512) == 342);
    CHECK(image_scaled(500, 256, 375) == 341 && image_scaled(1, 1, 65535) == 1);
    CHECK(image_scaled(65535, 65535, 1) == INT32_MAX);
}

static void grey(void)
{
    struct image in, out, again;
    struct error err;
    static const uint8_t rgb[] = {255, 255, 255, 255, 0, 0, 0, 255, 0, 0, 0, 255, 12, 34, 56, 20, 152, 7};
    static const uint8_t want[] = {255, 76, 150, 29, 30, 96};
    static const uint8_t of_torch[] = {254, 76, 149, 29, 29, 96}; /* the last: 95 if products are rounded first */
    CHECK(image_init(&in, 6, 1, 3, &err) == 0);
    memcpy(in.data, rgb, sizeof rgb);
    CHECK(image_grey(&out, &in, &err) == 0 && memcmp(out.data, want, 6) == 0);
    CHECK(image_grey(&again, &out, &err) == 0 && memcmp(again.data, want, 6) == 0);
    image_release(&again);
    CHECK(image_grey_torch(&again, &in, &err) == 0 && memcmp(again.data, of_torch, 6) == 0);
    image_release(&in);
    image_release(&out);
    image_release(&again);
}

/* What is written reads back the same. */
static void write_and_read(void)
{
    for (int channels = 1; channels <= 3; channels += 2)
        for (int size = 1; size < 40; size += 6) {
            struct image in = counted(size, 41 - size, channels), back;
            struct error err;
            for (int png = 0; png < 2; png++) {
                struct text t;
                text_init(&t);
                CHECK((png ? image_write_png : image_write_pnm)(&in, &t, &err) == 0);
                CHECK(image_decode(&back, t.data, t.size, &err) == 0);
                CHECK(back.width == in.width && back.height == in.height);
                int differ = 0;
                for (int i = 0; i < in.width * in.height * 3; i++)
                    differ += back.data[i] != in.data[channels == 3 ? i : i / 3];
                CHECK_MSG(differ == 0, "png %d, %d channels, %d wide", png, channels, size);
                image_release(&back);
                text_release(&t);
            }
            image_release(&in);
        }
}

/* Numbers of colours read back as colours. */
static void a_palette(void)
{
    uint8_t colours[256][3];
    struct image in, back;
    struct error err;
    struct text t;
    text_init(&t);
    for (int i = 0; i < 256; i++)
        memcpy(colours[i], (const uint8_t[]){(uint8_t)i, (uint8_t)(255 - i), (uint8_t)(i * 7)}, 3);
    CHECK(image_init(&in, 37, 20, 1, &err) == 0);
    for (int i = 0; i < 37 * 20; i++)
        in.data[i] = (uint8_t)(i * 5);
    CHECK(image_write_palette(&in, (const uint8_t(*)[3])colours, &t, &err) == 0);
    CHECK(image_decode(&back, t.data, t.size, &err) == 0);
    for (int i = 0; i < 37 * 20; i++)
        CHECK(memcmp(back.data + 3 * i, colours[in.data[i]], 3) == 0);
    image_release(&in);
    image_release(&back);
    text_release(&t);
}

int main(void)
{
    RUN(init_limits);
    RUN(crop);
    RUN(place);
    RUN(mirror);
    RUN(rounding);
    RUN(grey);
    RUN(a_palette);
    RUN(write_and_read);
    return TEST_END();
}
