#include "op/box.h"

#include <stdlib.h>

float box_overlap(const struct box *a, const struct box *b)
{
    float x1 = a->x1 > b->x1 ? a->x1 : b->x1, x2 = a->x2 < b->x2 ? a->x2 : b->x2;
    float y1 = a->y1 > b->y1 ? a->y1 : b->y1, y2 = a->y2 < b->y2 ? a->y2 : b->y2;
    if (!(x2 > x1 && y2 > y1))
        return 0;
    float shared = (x2 - x1) * (y2 - y1);
    float area_a = (a->x2 - a->x1) * (a->y2 - a->y1), area_b = (b->x2 - b->x1) * (b->y2 - b->y1);
    float all = area_a + area_b - shared;
    return shared > 0 && area_a > 0 && area_b > 0 && all > 0 ? shared / all : 0;
}

static int compare(const void *pa, const void *pb)
{
    const struct box_candidate *a = pa, *b = pb;
    if (a->score != b->score)
        return a->score > b->score ? -1 : 1;
    return a->box < b->box ? -1 : a->box > b->box;
}

void box_sort(struct box_candidate *list, int64_t count)
{
    if (count > 0) /* without any, there may be no list */
        qsort(list, (size_t)count, sizeof *list, compare);
}

int64_t box_collect(const float *scores, int64_t count, int64_t step, float threshold, bool inclusive,
                    struct box_candidate *to)
{
    int64_t n = 0;
    for (int64_t i = 0; i < count; i++) {
        float score = scores[i * step];
        if (score > threshold || (inclusive && score == threshold))
            to[n++] = (struct box_candidate){score, i, 0};
    }
    box_sort(to, n);
    return n;
}

int64_t box_suppress(const struct box *boxes, struct box_candidate *list, int64_t count, int64_t most, float threshold,
                     float eta)
{
    int64_t kept = 0;
    for (int64_t i = 0; i < count && kept < most; i++) {
        bool clear = true;
        for (int64_t k = 0; clear && k < kept; k++)
            clear = !(box_overlap(&boxes[list[i].box], &boxes[list[k].box]) > threshold);
        if (!clear)
            continue;
        list[kept++] = list[i];
        if (threshold > 0.5f)
            threshold *= eta;
    }
    return kept;
}
