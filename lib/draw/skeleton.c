#include "draw/skeleton.h"

static const unsigned char person[][2] = {{0, 1},  {0, 2},  {1, 3},  {2, 4},   {5, 6},   {5, 7},   {7, 9},   {6, 8},
                                          {8, 10}, {5, 11}, {6, 12}, {11, 12}, {11, 13}, {13, 15}, {12, 14}, {14, 16}};

static const unsigned char hand[][2] = {{0, 1},   {1, 2},   {2, 3},   {3, 4},   {0, 5},   {5, 6},   {6, 7},
                                        {7, 8},   {5, 9},   {9, 10},  {10, 11}, {11, 12}, {9, 13},  {13, 14},
                                        {14, 15}, {15, 16}, {13, 17}, {0, 17},  {17, 18}, {18, 19}, {19, 20}};

static const struct {
    size_t points, count;
    const unsigned char (*bones)[2];
} skeletons[] = {{17, sizeof person / sizeof *person, person}, {21, sizeof hand / sizeof *hand, hand}};

size_t draw_skeleton(size_t points, const unsigned char (**bones)[2])
{
    for (size_t i = 0; i < sizeof skeletons / sizeof *skeletons; i++)
        if (skeletons[i].points == points) {
            *bones = skeletons[i].bones;
            return skeletons[i].count;
        }
    return 0;
}
