#include "op/box.h"

#include <stdlib.h>
#include <string.h>

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

/* Larger for a higher score, zeros alike. */
static uint32_t key_of(float score)
{
    uint32_t bits;
    score += 0.0f;
    memcpy(&bits, &score, sizeof bits);
    return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}

/* From `from` to `to` by one byte of the keys, highest first, else in the order in which they are. */
static void sort_by_byte(struct box_candidate *to, const struct box_candidate *from, int64_t count, int shift)
{
    int64_t at[256] = {0};
    for (int64_t i = 0; i < count; i++)
        at[key_of(from[i].score) >> shift & 255]++;
    for (int64_t k = 255, before = 0; k >= 0; k--) {
        int64_t n = at[k];
        at[k] = before;
        before += n;
    }
    for (int64_t i = 0; i < count; i++)
        to[at[key_of(from[i].score) >> shift & 255]++] = from[i];
}

/* Fewer are not worth four passes. */
#define BYTES_LEAST 64

void box_sort(struct box_candidate *list, int64_t count)
{
    struct box_candidate *other =
        count < BYTES_LEAST || count > INT64_MAX / 64 ? NULL : malloc((size_t)count * sizeof *other);
    for (int shift = 0; other && shift < 32; shift += 16) {
        sort_by_byte(other, list, count, shift);
        sort_by_byte(list, other, count, shift + 8);
    }
    bool sorted = other || count < 1; /* without any, there may be no list */
    for (int64_t i = 1; sorted && i < count; i++)
        sorted = compare(&list[i - 1], &list[i]) <= 0;
    if (!sorted)
        qsort(list, (size_t)count, sizeof *list, compare);
    free(other);
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

/* Kept boxes side by side, so that a candidate meets several at once; empty ones have no area. */
#define LANES  16
#define BLOCKS 64
struct block {
    float x1[LANES], y1[LANES], x2[LANES], y2[LANES], area[LANES];
};

static float area_of(const struct box *b)
{
    return (b->x2 - b->x1) * (b->y2 - b->y1);
}

/* Whether box_overlap() with one of the block is above the threshold. */
static bool meets(const struct block *b, const struct box *a, float area, float threshold)
{
    int hits = 0;
    for (int i = 0; i < LANES; i++) {
        float x1 = a->x1 > b->x1[i] ? a->x1 : b->x1[i], x2 = a->x2 < b->x2[i] ? a->x2 : b->x2[i];
        float y1 = a->y1 > b->y1[i] ? a->y1 : b->y1[i], y2 = a->y2 < b->y2[i] ? a->y2 : b->y2[i];
        float shared = (x2 - x1) * (y2 - y1), all = area + b->area[i] - shared;
        hits |= (x2 > x1) & (y2 > y1) & (shared > 0) & (area > 0) & (b->area[i] > 0) & (all > 0) &
                (shared / all > threshold);
    }
    return hits;
}

static void keep(struct block *b, int at, const struct box *a)
{
    if (at == 0)
        memset(b, 0, sizeof *b);
    b->x1[at] = a->x1;
    b->y1[at] = a->y1;
    b->x2[at] = a->x2;
    b->y2[at] = a->y2;
    b->area[at] = area_of(a);
}

/* Whether a overlaps one of the kept boxes, of which the first stand in blocks. */
static bool is_hidden(const struct block *blocks, const struct box *boxes, const struct box_candidate *kept,
                      int64_t count, const struct box *a, float threshold)
{
    int64_t first = count < LANES * BLOCKS ? count : LANES * BLOCKS;
    bool hidden = false;
    for (int64_t k = 0; !hidden && k < first; k += LANES)
        hidden = meets(&blocks[k / LANES], a, area_of(a), threshold);
    for (int64_t k = first; !hidden && k < count; k++)
        hidden = box_overlap(a, &boxes[kept[k].box]) > threshold;
    return hidden;
}

int64_t box_suppress(const struct box *boxes, struct box_candidate *list, int64_t count, int64_t most, float threshold,
                     float eta)
{
    struct block blocks[BLOCKS];
    int64_t kept = 0;
    for (int64_t i = 0; i < count && kept < most; i++) {
        const struct box *a = &boxes[list[i].box];
        /* Below 0 boxes without a common part hide each other too. */
        if (threshold < 0 ? kept > 0 : is_hidden(blocks, boxes, list, kept, a, threshold))
            continue;
        if (kept < LANES * BLOCKS)
            keep(&blocks[kept / LANES], (int)(kept % LANES), a);
        list[kept++] = list[i];
        if (threshold > 0.5f)
            threshold *= eta;
    }
    return kept;
}
