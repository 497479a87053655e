/* Boxes with scores, and suppression of those that overlap a better one: what all detection operators share. */
#ifndef OP_BOX_H
#define OP_BOX_H

#include "op/op.h"

struct box {
    float x1, y1, x2, y2; /* left, top, right, bottom */
};

struct box_candidate {
    float score;
    int64_t box; /* place in an array of boxes */
    int64_t label;
};

/* Intersection over union in single precision; 0 where a box has no area, or a coordinate is NaN. */
float box_overlap(const struct box *a, const struct box *b);

/* Highest score first, equal scores by box. No score may be NaN. */
void box_sort(struct box_candidate *list, int64_t count);

/* Of the scores[count] that lie `step` elements apart, those > threshold (>= with `inclusive`) as candidates, boxes 0
 * to count - 1, sorted; NaN is none. Returns their number. */
int64_t box_collect(const float *scores, int64_t count, int64_t step, float threshold, bool inclusive,
                    struct box_candidate *to);

/* Greedy suppression of a sorted list: keeps at its front, in order, each candidate that overlaps no kept one by more
 * than the threshold, at most `most` of them, and returns their number. While the threshold is above 0.5, each kept one
 * multiplies it by eta (1: constant), as in Caffe-SSD. */
int64_t box_suppress(const struct box *boxes, struct box_candidate *list, int64_t count, int64_t most, float threshold,
                     float eta);

#endif
