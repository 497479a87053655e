/* Filters of PNG's rows, undone as the specification says it. */
#include <stdlib.h>
#include <string.h>

#include "../../test.h"
#include "image/image.h"

enum { MOST_WIDTH = 40, HEIGHT = 30, MOST_ROW = 1 + 8 * MOST_WIDTH };

static uint8_t filtered[HEIGHT][MOST_ROW];
static uint8_t wanted[HEIGHT + 1][8 * MOST_WIDTH]; /* below a row of zeros */

static unsigned next_random(void)
{
    static uint32_t state = 1;
    return (state = state * 1664525 + 1013904223) >> 24;
}

static int paeth(int a, int b, int c)
{
    int p = a + b - c, pa = abs(p - a), pb = abs(p - b), pc = abs(p - c);
    return pa <= pb && pa <= pc ? a : pb <= pc ? b : c;
}

static void make_rows(int n, int step)
{
    for (int y = 0; y < HEIGHT; y++) {
        filtered[y][0] = (uint8_t)(next_random() % 5);
        for (int i = 0; i < n; i++) {
            int a = i < step ? 0 : wanted[y + 1][i - step], b = wanted[y][i], c = i < step ? 0 : wanted[y][i - step];
            const int from[] = {0, a, b, (a + b) / 2, paeth(a, b, c)};
            filtered[y][1 + i] = (uint8_t)(next_random() >> next_random() % 8);
            wanted[y + 1][i] = (uint8_t)(filtered[y][1 + i] + from[filtered[y][0]]);
        }
    }
}

static uint8_t *put(uint8_t *at, const void *bytes, size_t n)
{
    memcpy(at, bytes, n);
    return at + n;
}

/* Pixels in one block that is stored, without sums, which nobody asks for. */
static size_t make_file(uint8_t *file, int width, int depth, int colour, int n)
{
    const uint8_t head[] = {
        0, 0, 0, 13, 'I', 'H', 'D', 'R', 0, 0, 0, (uint8_t)width, 0, 0, 0, HEIGHT, (uint8_t)depth, (uint8_t)colour,
        0, 0, 0};
    int all = HEIGHT * (n + 1), size = all + 11;
    const uint8_t block[] = {0,
                             0,
                             (uint8_t)(size >> 8),
                             (uint8_t)size,
                             'I',
                             'D',
                             'A',
                             'T',
                             0x78,
                             1,
                             1,
                             (uint8_t)all,
                             (uint8_t)(all >> 8),
                             (uint8_t)~all,
                             (uint8_t)(~all >> 8)};
    uint8_t *at = put(file, "\x89PNG\r\n\x1a\n", 8);
    at = put(put(put(at, head, sizeof head), "....", 4), block, sizeof block);
    for (int y = 0; y < HEIGHT; y++)
        at = put(at, filtered[y], (size_t)n + 1);
    at = put(at, "........\0\0\0\0IEND....", 20);
    return (size_t)(at - file);
}

/* The high byte of each red, green and blue; of grey, thrice. */
static uint8_t sample(const uint8_t *row, int x, int k, int channels, int depth, int colour)
{
    if (depth < 8)
        return (uint8_t)((row[x * depth / 8] >> (8 - depth - x * depth % 8) & ((1 << depth) - 1)) * 255 /
                         ((1 << depth) - 1));
    return row[(x * channels + (colour & 2 ? k : 0)) * (depth / 8)];
}

static void filters(void)
{
    static const int kinds[][3] = {
        {1, 0, 1},  {2, 0, 1}, {4, 0, 1},  {8, 0, 1}, {16, 0, 1}, {8, 2, 3},
        {16, 2, 3}, {8, 4, 2}, {16, 4, 2}, {8, 6, 4}, {16, 6, 4}}; /* depth, colour, channels */
    static uint8_t file[HEIGHT * MOST_ROW + 100];
    for (int k = 0; k < (int)(sizeof kinds / sizeof *kinds); k++)
        for (int width = 1; width <= MOST_WIDTH; width++) {
            int depth = kinds[k][0], colour = kinds[k][1], channels = kinds[k][2], wrong = 0;
            int n = (depth * channels * width + 7) / 8, step = (depth * channels + 7) / 8;
            struct image im;
            struct error err = {""};
            make_rows(n, step);
            int status = image_decode(&im, file, make_file(file, width, depth, colour, n), &err);
            CHECK_MSG(status == 0, "depth %d, colour %d: %s", depth, colour, err.text);
            for (int i = 0; status == 0 && i < 3 * width * HEIGHT; i++) {
                int x = i / 3 % width, y = i / 3 / width;
                wrong += im.data[i] != sample(wanted[y + 1], x, i % 3, channels, depth, colour);
            }
            CHECK_MSG(wrong == 0, "depth %d, colour %d, %d wide: %d samples", depth, colour, width, wrong);
            if (status == 0)
                image_release(&im);
        }
}

int main(void)
{
    RUN(filters);
    return TEST_END();
}
