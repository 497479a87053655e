/* Parts of pictures: maps of the plane, warping as OpenCV does it, boxes, turns. */
#include <math.h>

#include "../../test.h"
#include "image/part.h"

/* Grey, 8x8. */
static struct image sample(void)
{
    struct image image;
    CHECK(image_init(&image, 8, 8, 1, NULL) == 0);
    for (int i = 0; i < 64; i++) {
        int x = i % 8, y = i / 8;
        image.data[i] = (uint8_t)(37 * x * x + 91 * y + 13 * x * y);
    }
    return image;
}

static void near(double a, double b)
{
    CHECK_MSG(fabs(a - b) < 1e-9, "%g, want %g", a, b);
}

static void a_map_brings_corners_to_corners(void)
{
    const double x[] = {1.5, 6.5, 7, 0.5}, y[] = {0.25, 1, 5.5, 6.75};
    const double corner_x[] = {0, 6, 6, 0}, corner_y[] = {0, 0, 5, 5};
    struct image_map map;
    CHECK(image_map_of_corners(&map, 6, 5, x, y, NULL) == 0);
    for (int i = 0; i < 4; i++) {
        double px = corner_x[i], py = corner_y[i];
        CHECK(image_map_point(&map, &px, &py));
        near(px, x[i]);
        near(py, y[i]);
    }
    const double line_x[] = {5, 1, 2, 3}, line_y[] = {0, 1, 2, 3};
    struct error err;
    CHECK(image_map_of_corners(&map, 6, 5, line_x, line_y, &err) < 0);
    CHECK_STR(err.text, "a polygon of four corners: three of them lie on a line");
}

/* getPerspectiveTransform() and warpPerspective() of OpenCV 4.14 on these points. */
static void warped_as_opencv_does_it(void)
{
    static const uint8_t linear[] = {88,  113, 156, 142, 93,  188, 102, 107, 178, 154, 143, 170,
                                     219, 115, 112, 160, 174, 115, 102, 232, 229, 196, 97,  47,
                                     173, 107, 106, 95,  73,  186, 99,  194, 149, 85,  142, 161},
                         cubic[] = {88,  115, 187, 137, 66,  196, 96,  86,  213, 152, 143, 191,
                                    229, 102, 87,  171, 199, 102, 104, 247, 237, 207, 83,  46,
                                    187, 91,  111, 88,  44,  206, 68,  219, 145, 62,  164, 180};
    const struct image_place place = {4, {1.5, 6.5, 7, 0.5}, {0.25, 1, 5.5, 6.75}};
    for (int k = 0; k < 2; k++) {
        struct image in = sample(), out;
        struct image_part part;
        CHECK(image_part_plan(&part, &in, &place, &(struct image_part_how){.linear = k == 0}, NULL) == 0);
        CHECK(part.width == 6 && part.height == 6);
        CHECK(image_part_cut(&out, &in, &part, NULL) == 0);
        CHECK(memcmp(out.data, k == 0 ? linear : cubic, sizeof linear) == 0);
        image_release(&in);
        image_release(&out);
    }
}

/* warpPerspective() and warpAffine() of OpenCV 4.10: they round halves of 1/32 differently. */
static void halves(void)
{
    static const uint8_t perspective[] = {0,   0,   20,  72,  39,  42,  0,   51,  95,  75,  151, 157,
                                          0,   145, 199, 82,  134, 156, 0,   79,  152, 197, 165, 196,
                                          0,   80,  164, 146, 128, 167, 0,   176, 86,  191, 175, 60},
                         affine[] = {0,   1,   20,  72,  39,  44,  0,   53,  95,  75,  151, 155,
                                     0,   147, 199, 82,  134, 155, 0,   76,  147, 201, 169, 199,
                                     0,   82,  164, 146, 128, 163, 0,   173, 86,  191, 175, 62};
    const struct image_map map = {{1 + 1 / 64.0, 0, -1, 0, 1 + 3 / 64.0, -0.5, 0, 0, 1}};
    for (unsigned k = 0; k < 2; k++) {
        struct image in = sample(), out;
        CHECK(image_warp(&out, &in, 6, 6, &map, IMAGE_WARP_BLACK | (k ? IMAGE_WARP_AFFINE : 0), NULL) == 0);
        CHECK(memcmp(out.data, k ? affine : perspective, sizeof affine) == 0);
        image_release(&in);
        image_release(&out);
    }
}

/* Pixel (x, y) of a part is the one that the map back leads to. */
static void check_pixels(const struct image_place *place, const struct image_part_how *how, int width, int height)
{
    struct image in = sample(), out;
    struct image_part part;
    CHECK(image_part_plan(&part, &in, place, how, NULL) == 0);
    CHECK(image_part_cut(&out, &in, &part, NULL) == 0);
    CHECK(part.width == width && part.height == height && out.width == width && out.height == height);
    for (int i = 0; i < width * height; i++) {
        double x = i % width + 0.5, y = i / width + 0.5;
        CHECK(image_map_point(&part.back, &x, &y));
        CHECK(out.data[i] == in.data[(int)y * 8 + (int)x]);
    }
    image_release(&in);
    image_release(&out);
}

static void every_turn_has_its_way_back(void)
{
    const struct image_place box = {2, {1.2, 7.9}, {2.5, 5.1}}, all = {.corners = 0};
    const struct image_place flat = {4, {1, 7, 7, 1}, {2, 2, 5, 5}}, high = {4, {1, 3, 3, 1}, {1, 1, 7, 7}};
    for (int turn = 0; turn < 360; turn += 90) {
        bool side = turn % 180;
        struct image_part_how how = {.turn = turn, .tall = 1.5};
        check_pixels(&box, &how, side ? 3 : 6, side ? 6 : 3);
        check_pixels(&all, &how, 8, 8);
        check_pixels(&flat, &how, side ? 3 : 6, side ? 6 : 3);
        check_pixels(&high, &how, side ? 2 : 6, side ? 6 : 2);
    }
}

/* The box around (2, 3) grows to the proportion of 4 x 2, twice the size, and is black beyond the picture. */
static void a_box_warped_to_a_size(void)
{
    struct image in = sample(), out;
    struct image_part part;
    const struct image_part_how how = {.width = 4, .height = 2};
    const struct image_place box = {2, {-1, 1}, {2, 6}};
    CHECK(image_part_plan(&part, &in, &box, &how, NULL) == 0 && image_part_cut(&out, &in, &part, NULL) == 0);
    CHECK(out.width == 4 && out.height == 2);
    for (int i = 0; i < 8; i++) {
        int x = -4 + i % 4 * 2, y = 2 + i / 4 * 2;
        CHECK_MSG(out.data[i] == (x < 0 ? 0 : in.data[y * 8 + x]), "%d: %d", i, out.data[i]);
    }
    image_release(&in);
    image_release(&out);
}

/* Points that are ArcFace's turned by a quarter, doubled and moved go back to where it has them. */
static void a_face_is_aligned(void)
{
    static const double at[5][2] = {
        {38.2946, 51.6963}, {73.5318, 51.5014}, {56.0252, 71.7366}, {41.5493, 92.3655}, {70.7299, 92.2041}};
    struct image_place face = {.corners = 5}, point = face;
    const struct image_part_how how = {.width = 112, .height = 112};
    struct image in = sample();
    struct image_part part;
    struct error err;
    for (int i = 0; i < 5; i++)
        face.x[i] = 300 - 2 * at[i][1], face.y[i] = 2 * at[i][0] + 7;
    CHECK(image_part_plan(&part, &in, &face, &how, &err) == 0 && part.width == 112 && part.height == 112);
    for (int i = 0; i < 5; i++) {
        double x = at[i][0], y = at[i][1];
        CHECK(image_map_point(&part.back, &x, &y) && fabs(x - face.x[i]) < 1e-6 && fabs(y - face.y[i]) < 1e-6);
    }
    CHECK(image_part_plan(&part, &in, &point, &how, &err) < 0);
    image_release(&in);
}

/* A hand that points to the right: its wrist is below the middle of the square, and the square to the right of the box.
 */
static void a_hand_is_turned(void)
{
    const struct image_part_how how = {.aim = {90, 2, 0.5, false}, .width = 100, .height = 100};
    struct image_place hand = {6, {40, 60, 40, 60}, {40, 60, 50, 50}}, none = {6, {40, 60, 50, 50}, {40, 60, 50, 50}};
    struct image in = sample();
    struct image_part part;
    struct error err;
    CHECK(image_part_plan(&part, &in, &hand, &how, &err) == 0 && part.width == 100 && part.height == 100);
    static const double want[][4] = {{50, 50, 60, 50}, {50, 100, 40, 50}, {0, 0, 80, 30}, {100, 0, 80, 70}};
    for (size_t i = 0; i < 4; i++) {
        double x = want[i][0], y = want[i][1];
        CHECK(image_map_point(&part.back, &x, &y));
        CHECK_MSG(fabs(x - want[i][2]) < 1e-6 && fabs(y - want[i][3]) < 1e-6, "%zu: %g,%g", i, x, y);
    }
    CHECK(image_part_plan(&part, &in, &none, &how, &err) < 0);
    image_release(&in);
}

static void what_is_not_in_the_picture(void)
{
    struct image in = sample();
    struct image_part part;
    struct error err;
    const struct image_part_how how = {0};
    static const struct image_place bad[] = {
        {2, {8, 12}, {0, 4}},
        {2, {NAN, NAN}, {0, 4}},
        {2, {-5, 0.5}, {0, 4}},
        {4, {0, 1e6, 1e6, 0}, {0, 0, 1e6, 1e6}},
        {4, {0, 0, 0, 0}, {0, 0, 5, 5}},
        {4, {0, NAN, 3, 0}, {0, 0, 3, 3}},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK_MSG(image_part_plan(&part, &in, &bad[i], &how, &err) < 0, "place %zu", i);
    image_release(&in);
}

int main(void)
{
    RUN(a_map_brings_corners_to_corners);
    RUN(warped_as_opencv_does_it);
    RUN(halves);
    RUN(every_turn_has_its_way_back);
    RUN(a_box_warped_to_a_size);
    RUN(a_face_is_aligned);
    RUN(a_hand_is_turned);
    RUN(what_is_not_in_the_picture);
    return TEST_END();
}
