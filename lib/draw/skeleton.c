#include "draw/skeleton.h"

static const unsigned char person[][2] = {{0, 1},  {0, 2},  {1, 3},  {2, 4},   {5, 6},   {5, 7},   {7, 9},   {6, 8},
                                          {8, 10}, {5, 11}, {6, 12}, {11, 12}, {11, 13}, {13, 15}, {12, 14}, {14, 16}};

static const unsigned char hand[][2] = {{0, 1},   {1, 2},   {2, 3},   {3, 4},   {0, 5},   {5, 6},   {6, 7},
                                        {7, 8},   {5, 9},   {9, 10},  {10, 11}, {11, 12}, {9, 13},  {13, 14},
                                        {14, 15}, {15, 16}, {13, 17}, {0, 17},  {17, 18}, {18, 19}, {19, 20}};

static const unsigned char blaze[][2] = {{0, 2},   {2, 7},   {0, 5},   {5, 8},   {9, 10},  {11, 12}, {11, 13}, {13, 15},
                                         {15, 17}, {15, 19}, {15, 21}, {17, 19}, {12, 14}, {14, 16}, {16, 18}, {16, 20},
                                         {16, 22}, {18, 20}, {11, 23}, {12, 24}, {23, 24}, {23, 25}, {25, 27}, {27, 29},
                                         {29, 31}, {27, 31}, {24, 26}, {26, 28}, {28, 30}, {30, 32}, {28, 32}};

static const unsigned char coco18[][2] = {{1, 0},   {1, 2},  {2, 3},   {3, 4},  {1, 5},  {5, 6},
                                          {6, 7},   {1, 8},  {8, 9},   {9, 10}, {1, 11}, {11, 12},
                                          {12, 13}, {0, 14}, {14, 16}, {0, 15}, {15, 17}};

static const unsigned char body25[][2] = {{1, 0},   {1, 2},   {2, 3},   {3, 4},   {1, 5},   {5, 6},
                                          {6, 7},   {1, 8},   {8, 9},   {9, 10},  {10, 11}, {8, 12},
                                          {12, 13}, {13, 14}, {0, 15},  {15, 17}, {0, 16},  {16, 18},
                                          {14, 19}, {19, 20}, {14, 21}, {11, 22}, {22, 23}, {11, 24}};

/* A box in space: its centre, then its corners. */
static const unsigned char box[][2] = {{1, 2}, {3, 4}, {5, 6}, {7, 8}, {1, 3}, {2, 4},
                                       {5, 7}, {6, 8}, {1, 5}, {2, 6}, {3, 7}, {4, 8}};

/* Parts of an object of so many points, the first of a part's own being `first`. */
static const struct {
    unsigned char points, first, count;
    const unsigned char (*bones)[2];
} skeletons[] = {{17, 0, sizeof person / sizeof *person, person},
                 {26, 0, sizeof person / sizeof *person, person},
                 {133, 0, sizeof person / sizeof *person, person},
                 {133, 91, sizeof hand / sizeof *hand, hand},
                 {133, 112, sizeof hand / sizeof *hand, hand},
                 {21, 0, sizeof hand / sizeof *hand, hand},
                 {18, 0, sizeof coco18 / sizeof *coco18, coco18},
                 {25, 0, sizeof body25 / sizeof *body25, body25},
                 {33, 0, sizeof blaze / sizeof *blaze, blaze},
                 {39, 0, sizeof blaze / sizeof *blaze, blaze},
                 {9, 0, sizeof box / sizeof *box, box}};

bool draw_bone(size_t points, size_t number, size_t *from, size_t *to)
{
    for (size_t i = 0; i < sizeof skeletons / sizeof *skeletons; i++) {
        size_t count = skeletons[i].points == points ? skeletons[i].count : 0;
        if (number < count) {
            *from = skeletons[i].first + skeletons[i].bones[number][0];
            *to = skeletons[i].first + skeletons[i].bones[number][1];
            return true;
        }
        number -= count;
    }
    return false;
}
