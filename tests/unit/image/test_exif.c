#include <stdlib.h>

#include "../../test.h"
#include "base/hash.h"
#include "image/image.h"

/* A file of nothing but what comes before the pixels. */
struct file {
    uint8_t at[200];
    size_t n;
};

static void put(struct file *f, const void *bytes, size_t n)
{
    memcpy(f->at + f->n, bytes, n);
    f->n += n;
}

static void put_number(struct file *f, unsigned value, int bytes, bool big)
{
    for (int i = 0; i < bytes; i++)
        f->at[f->n++] = value >> 8 * (big ? bytes - 1 - i : i);
}

/* A directory of two entries, the second the orientation. */
static void put_tiff(struct file *f, bool big, unsigned type, unsigned count, unsigned orientation)
{
    put(f, big ? "MM" : "II", 2);
    put_number(f, 42, 2, big);
    put_number(f, 10, 4, big); /* two bytes further than usual */
    put(f, "xx", 2);
    put_number(f, 2, 2, big);
    put_number(f, 0x10f, 2, big);
    put_number(f, 2, 2, big);
    put_number(f, 4, 4, big);
    put(f, "Cam", 4);
    put_number(f, 0x112, 2, big);
    put_number(f, type, 2, big);
    put_number(f, count, 4, big);
    put_number(f, orientation, 2, big);
    put_number(f, 0, 2, big);
}

enum { TIFF_SIZE = 36 };

static struct file jpeg(bool big, unsigned type, unsigned count, unsigned orientation)
{
    struct file f = {.n = 0};
    put(&f, "\xff\xd8\xff\xe0\0\4ab", 8); /* another segment first */
    put(&f, "\xff\xe1\0\x0bhttp://ns", 13);
    put(&f, "\xff\xe1", 2);
    put_number(&f, 2 + 6 + TIFF_SIZE, 2, true);
    put(&f, "Exif\0", 6);
    put_tiff(&f, big, type, count, orientation);
    return f;
}

static struct file png(bool big, unsigned orientation)
{
    struct file f = {.n = 0};
    put(&f, "\x89PNG\r\n\x1a\n\0\0\0\2abcd12sum.", 22);
    put_number(&f, TIFF_SIZE, 4, true);
    put(&f, "eXIf", 4);
    put_tiff(&f, big, 3, 1, orientation);
    put(&f, "sum.", 4);
    return f;
}

static int orientation_of(const struct file *f, size_t n)
{
    uint8_t *copy = malloc(n ? n : 1); /* so that a sanitizer sees reads beyond */
    memcpy(copy, f->at, n);
    int found = image_exif_orientation(copy, n);
    free(copy);
    return found;
}

static void found_in_both_formats(void)
{
    for (int big = 0; big < 2; big++)
        for (int o = 1; o <= 8; o++) {
            struct file a = jpeg(big, 3, 1, o), b = png(big, o);
            CHECK(orientation_of(&a, a.n) == o && orientation_of(&b, b.n) == o);
        }
}

static void nonsense_is_upright(void)
{
    static const unsigned cases[][3] = {{3, 1, 0}, {3, 1, 9}, {3, 1, 65535}, {4, 1, 6}, {3, 2, 6}, {3, 0xffffffff, 6}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct file f = jpeg(i % 2, cases[i][0], cases[i][1], cases[i][2]);
        CHECK_MSG(orientation_of(&f, f.n) == 1, "case %zu", i);
    }
    struct file f = jpeg(false, 3, 1, 6);
    uint8_t *offset = f.at + f.n - TIFF_SIZE + 4, *count = offset + 6;
    memset(count, 0xff, 2); /* more entries than there are bytes: the one asked for is still there */
    CHECK(orientation_of(&f, f.n) == 6);
    memset(offset, 0xff, 4);
    CHECK(orientation_of(&f, f.n) == 1);
    memset(offset, 0, 4); /* the directory lies in the header */
    CHECK(orientation_of(&f, f.n) == 1);
}

static void cut_and_mutated(void)
{
    uint64_t state = 7;
    for (int kind = 0; kind < 2; kind++) {
        struct file f = kind ? png(true, 6) : jpeg(true, 3, 1, 6);
        for (size_t n = 0; n + 6 < f.n; n++)
            CHECK(orientation_of(&f, n) == 1);
        for (int round = 0; round < 3000; round++) {
            struct file g = f;
            for (int k = hash_random(&state) % 4; k >= 0; k--)
                g.at[hash_random(&state) % g.n] = hash_random(&state);
            int o = orientation_of(&g, g.n);
            CHECK(o >= 1 && o <= 8);
        }
    }
}

/* The stored picture is  1 2 3 / 4 5 6 ; what PIL's ImageOps.exif_transpose() makes of it. */
static void turned(void)
{
    static const uint8_t stored[] = {1, 2, 3, 4, 5, 6};
    static const uint8_t upright[9][6] = {
        [1] = {1, 2, 3, 4, 5, 6}, [2] = {3, 2, 1, 6, 5, 4}, [3] = {6, 5, 4, 3, 2, 1}, [4] = {4, 5, 6, 1, 2, 3},
        [5] = {1, 4, 2, 5, 3, 6}, [6] = {4, 1, 5, 2, 6, 3}, [7] = {6, 3, 5, 2, 4, 1}, [8] = {3, 6, 2, 5, 1, 4},
    };
    for (int o = 1; o <= 8; o++) {
        struct image im;
        struct error err;
        CHECK(image_init(&im, 3, 2, 3, &err) == 0);
        for (int i = 0; i < 18; i++)
            im.data[i] = stored[i / 3] * 10 + i % 3;
        CHECK(image_turn(&im, o, &err) == 0 && im.width == (o < 5 ? 3 : 2) && im.height == (o < 5 ? 2 : 3));
        for (int i = 0; i < 18; i++)
            CHECK_MSG(im.data[i] == upright[o][i / 3] * 10 + i % 3, "orientation %d, sample %d", o, i);
        image_release(&im);
    }
}

/* Larger than a tile, and twice is once more. */
static void turned_twice(void)
{
    static const int back[9] = {[2] = 2, [3] = 3, [4] = 4, [5] = 5, [6] = 8, [7] = 7, [8] = 6};
    for (int o = 2; o <= 8; o++) {
        struct image im;
        struct error err;
        CHECK(image_init(&im, 71, 45, 1, &err) == 0);
        for (int i = 0; i < 71 * 45; i++)
            im.data[i] = i * 7 % 251;
        CHECK(image_turn(&im, o, &err) == 0 && image_turn(&im, back[o], &err) == 0 && im.width == 71);
        int differ = 0;
        for (int i = 0; i < 71 * 45; i++)
            differ += im.data[i] != i * 7 % 251;
        CHECK_MSG(differ == 0, "orientation %d: %d differ", o, differ);
        image_release(&im);
    }
}

int main(void)
{
    RUN(found_in_both_formats);
    RUN(nonsense_is_upright);
    RUN(cut_and_mutated);
    RUN(turned);
    RUN(turned_twice);
    return TEST_END();
}
