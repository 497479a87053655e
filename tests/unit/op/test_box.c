/* Sorting and suppression of boxes against their definitions: few and many, equal scores, zeros of both signs, boxes
 * without area, more kept ones than stand in blocks. */
#include <math.h>
#include <stdlib.h>

#include "../../test.h"
#include "base/hash.h"
#include "op/box.h"

#define MOST 3000

static struct box boxes[MOST];
static struct box_candidate list[MOST], want[MOST];
static uint64_t seed = 3;

static float number(double low, double high)
{
    return (float)(low + (high - low) * hash_uniform(&seed));
}

/* Scores from `levels` values, so that many are equal; in any order. */
static void make(int count, int levels, double span)
{
    static const float odd[] = {INFINITY, -INFINITY, 0.0f, -0.0f};
    for (int i = 0; i < count; i++) {
        float x = number(0, span), y = number(0, span), side = number(-0.2, 2);
        boxes[i] = (struct box){x, y, x + side, y + (i % 7 ? side : 0)};
        float score = (float)((double)(hash_random(&seed) % (unsigned)levels) - levels / 2) / 8;
        list[i] = (struct box_candidate){i % 50 == 0 ? odd[i / 50 % 4] : score, count - 1 - i, i};
    }
}

static bool comes_before(const struct box_candidate *a, const struct box_candidate *b)
{
    return a->score > b->score || (a->score == b->score && a->box < b->box);
}

static void sorting(void)
{
    static const int counts[] = {0, 1, 2, 63, 64, 65, 500, MOST};
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++)
        for (int levels = 1; levels < 3000; levels *= 14) {
            make(counts[c], levels, 10);
            double sum = 0;
            box_sort(list, counts[c]);
            for (int i = 0; i < counts[c]; i++)
                sum += (double)list[i].box;
            CHECK(sum == (double)counts[c] * (counts[c] - 1) / 2);
            for (int i = 1; i < counts[c]; i++)
                CHECK_MSG(comes_before(&list[i - 1], &list[i]), "%d of %d: %g %d, %g %d", i, counts[c],
                          (double)list[i - 1].score, (int)list[i - 1].box, (double)list[i].score, (int)list[i].box);
        }
}

static int64_t suppress(struct box_candidate *l, int64_t count, int64_t most, float threshold, float eta)
{
    int64_t kept = 0;
    for (int64_t i = 0; i < count && kept < most; i++) {
        bool clear = true;
        for (int64_t k = 0; clear && k < kept; k++)
            clear = !(box_overlap(&boxes[l[i].box], &boxes[l[k].box]) > threshold);
        if (!clear)
            continue;
        l[kept++] = l[i];
        threshold *= threshold > 0.5f ? eta : 1;
    }
    return kept;
}

static void suppression(void)
{
    for (int round = 0; round < 40; round++) {
        static const float thresholds[] = {-0.5f, 0, 0.3f, 0.7f, NAN}, etas[] = {0.9f, 1, -1, 1};
        int count = round < 30 ? round * 5 : MOST, most = round % 3 ? INT32_MAX : 17;
        float threshold = thresholds[round % 5], eta = etas[round % 4];
        make(count, 200, round % 4 == 3 ? 400 : 6);
        if (count > 10)
            boxes[5].x2 = NAN;
        box_sort(list, count);
        memcpy(want, list, sizeof want);
        int64_t n = suppress(want, count, most, threshold, eta),
                got = box_suppress(boxes, list, count, most, threshold, eta);
        CHECK_MSG(n == got, "round %d: kept %d, want %d", round, (int)got, (int)n);
        for (int64_t i = 0; i < n && i < got; i++)
            CHECK(list[i].box == want[i].box);
    }
}

int main(void)
{
    RUN(sorting);
    RUN(suppression);
    return TEST_END();
}
