/* Lines and areas to the pixel, letters that are there and stay in their place, and places far outside. */
#include <math.h>
#include <stdlib.h>

#include "../../test.h"
#include "draw/draw.h"
#include "draw/font.h"
#include "draw/skeleton.h"

static const struct draw_colour white = {{255, 255, 255}};

static struct image canvas(int width, int height)
{
    struct image image;
    CHECK(image_init(&image, width, height, 3, NULL) == 0);
    return image;
}

/* What a white drawing on black covers, in pixels. */
static double covered(const struct image *image)
{
    double sum = 0;
    for (int i = 0; i < image->width * image->height; i++)
        sum += image->data[3 * i] / 255.0;
    return sum;
}

static void a_line_covers_its_area(void)
{
    for (int turn = 0; turn < 16; turn++) {
        struct image image = canvas(100, 100);
        float x = 30 * cosf((float)turn * 0.37f), y = 30 * sinf((float)turn * 0.37f);
        draw_line(&image, (struct draw_point){50.3f - x, 50.1f - y}, (struct draw_point){50.3f + x, 50.1f + y}, 5,
                  white);
        CHECK_MSG(fabs(covered(&image) - (60 * 5 + M_PI * 2.5 * 2.5)) < 4, "turn %d: %g", turn, covered(&image));
        image_release(&image);
    }
}

static void straight_lines_on_pixels_are_sharp(void)
{
    struct image image = canvas(20, 9);
    draw_line(&image, (struct draw_point){4, 4}, (struct draw_point){16, 4}, 2, white);
    for (int x = 6; x < 14; x++)
        for (int y = 0; y < 9; y++)
            CHECK(image.data[(y * 20 + x) * 3] == (y == 3 || y == 4 ? 255 : 0));
    image_release(&image);
}

static void an_area_is_blended(void)
{
    struct image image = canvas(6, 5);
    draw_area(&image, &(struct image_rect){1, 1, 4, 3}, 51, white);
    draw_area(&image, &(struct image_rect){-5, -5, 7, 7}, 255, white);
    CHECK(image.data[0] == 255 && image.data[3 * 7] == 255 && image.data[3 * 8] == 51 && image.data[3 * 29] == 0);
    const uint8_t labels[] = {0, 2, 0, 1};
    struct draw_colour palette[256] = {[1] = {{1, 2, 3}}, [2] = {{4, 5, 6}}};
    draw_labels(&image, &(struct image_rect){4, 3, 2, 2}, labels, 1, 255, palette);
    CHECK(image.data[3 * 23 + 2] == 6 && image.data[3 * 29 + 1] == 2 && image.data[3 * 28] == 0);
    image_release(&image);
}

static void far_outside_and_no_numbers(void)
{
    struct image image = canvas(8, 8);
    const float far[] = {-1e9f, 1e9f, 3e38f, -3e38f, INFINITY, NAN};
    for (int i = 0; i < 6; i++) {
        draw_line(&image, (struct draw_point){far[i], far[i]}, (struct draw_point){far[i], 4}, 3, white);
        CHECK(draw_text(&image, far[i], 3, 10, "x", white, NULL) == 0);
    }
    draw_area(&image, &(struct image_rect){INT32_MAX, INT32_MIN, INT32_MAX, INT32_MAX}, 255, white);
    draw_area(&image, &(struct image_rect){0, 0, INT32_MIN, 5}, 255, white);
    CHECK(covered(&image) == 0);
    draw_line(&image, (struct draw_point){-1e6f, 4}, (struct draw_point){1e6f, 4}, 2, white);
    CHECK(fabs(covered(&image) - 16) < 2);
    static const struct draw_segment slanting[] = {
        {{0, 0}, {1e15f, 100}}, {{0, 0}, {-1e15f, 100}}, {{0, 0}, {1e30f, 100}}, {{-3e38f, 0}, {3e38f, 8}}};
    for (size_t i = 0; i < sizeof slanting / sizeof *slanting; i++)
        CHECK(draw_segments(&image, &slanting[i], 1, 2, white, NULL) == 0);
    image_release(&image);
}

static void letters(void)
{
    for (unsigned c = 0x21; c < 0x180; c++) {
        char text[8] = {(char)c};
        if (c >= 0x80)
            text[text_utf8(text, c)] = 0;
        if (!draw_can_text(text) || c == 0xa0)
            continue;
        struct image image = canvas(64, 48);
        CHECK(draw_text(&image, 8, 4, 40, text, white, NULL) == 0);
        CHECK_MSG(covered(&image) > 4, "code %x", c);
        float wide = draw_text_width(text, 40);
        for (int i = 0; i < 64 * 48; i++)
            CHECK_MSG(!image.data[3 * i] || (i % 64 >= 6 && (float)(i % 64) <= 9 + wide), "code %x", c);
        image_release(&image);
    }
}

/* No two letters of a list look the same. */
static void letters_differ(void)
{
    static const char *const list[] = {"0",      "O",      "o", "1",      "l", "I", "i", "8", "B",      "5",      "S",
                                       "s",      "2",      "Z", "z",      "u", "v", "n", "h", "\u00e9", "\u00e8", "e",
                                       "\u00fc", "\u016f", "c", "\u00e7", "q", "g", "9", "6", "b"};
    enum { COUNT = sizeof list / sizeof *list };
    struct image image[COUNT];
    for (int i = 0; i < COUNT; i++) {
        image[i] = canvas(24, 32);
        CHECK(draw_can_text(list[i]) && draw_text(&image[i], 2, 2, 28, list[i], white, NULL) == 0);
    }
    for (int i = 0; i < COUNT; i++)
        for (int k = 0; k < i; k++)
            CHECK_MSG(memcmp(image[i].data, image[k].data, 24 * 32 * 3) != 0, "%s %s", list[i], list[k]);
    for (int i = 0; i < COUNT; i++)
        image_release(&image[i]);
}

static void what_can_be_drawn(void)
{
    CHECK(draw_can_text(
        "Gr\u00f6\u00dfe 12 % \u2013 \u0141\u00f3d\u017a, \u010ce\u0161tina, T\u00fcrk\u00e7e \u011f\u0131"));
    CHECK(!draw_can_text("\u65e5\u672c") && !draw_can_text("\u043f") && !draw_can_text("a\xff") &&
          !draw_can_text("\xe2\x80"));
    CHECK(draw_text_width("ii", 14) < draw_text_width("mm", 14) && draw_text_width("", 14) == 0);
}

static void colours_differ(void)
{
    for (size_t i = 0; i < 60; i++)
        for (size_t k = 0; k < i; k++) {
            struct draw_colour a = draw_colour_of(i), b = draw_colour_of(k);
            int apart = 0;
            for (int c = 0; c < 3; c++)
                apart += abs(a.rgb[c] - b.rgb[c]);
            CHECK_MSG(apart >= (i < 20 ? 60 : 10), "%zu and %zu: %d", i, k, apart);
        }
}

static void bones_are_of_points(void)
{
    size_t from, to, n;
    for (size_t points = 0; points < 200; points++)
        for (n = 0; draw_bone(points, n, &from, &to); n++)
            CHECK(from < points && to < points && from != to);
    for (n = 0; draw_bone(17, n, &from, &to); n++)
        ;
    CHECK(n == 16);
    CHECK(draw_bone(133, 16 + 21, &from, &to) && from == 112 && to == 113);
}

int main(void)
{
    RUN(a_line_covers_its_area);
    RUN(straight_lines_on_pixels_are_sharp);
    RUN(an_area_is_blended);
    RUN(far_outside_and_no_numbers);
    RUN(letters);
    RUN(letters_differ);
    RUN(what_can_be_drawn);
    RUN(colours_differ);
    RUN(bones_are_of_points);
    return TEST_END();
}
