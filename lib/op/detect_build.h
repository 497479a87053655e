/* Pieces of the expansions of detection operators into ONNX's. */
#ifndef OP_DETECT_BUILD_H
#define OP_DETECT_BUILD_H

#include "op/build.h"

/* op(v, number), the number of type f32. */
struct value *detect_with(struct build *b, const char *op, struct value *v, double number);

/* a next to b, … along an axis. */
struct value *detect_join(struct build *b, int64_t axis, int count, struct value *const *in);
#define DETECT_JOIN(b, axis, ...)                                                                                      \
    detect_join(b, axis, (int)(sizeof((struct value *[]){__VA_ARGS__}) / sizeof(struct value *)),                      \
                (struct value *[]){__VA_ARGS__})

/* Rows `index` (i64, one-dimensional) of v along an axis. */
struct value *detect_gather(struct build *b, struct value *v, struct value *index, int64_t axis);

/* NonMaxSuppression of boxes f32 [N, priors, 4] (corners) and scores f32 [N, classes, priors] above `threshold`, or
 * from it on: the places kept, i64 [M, 3] of image, class and box, by image and class, best first. */
struct value *detect_nms(struct build *b, struct value *boxes, struct value *scores, int64_t most, float overlap,
                         float threshold, bool inclusive);
/* Column `column` of those, i64 [M]. */
struct value *detect_column(struct build *b, struct value *kept, int64_t column);

/* Places of the `most` largest of v [M], i64, largest first; all for INT64_MAX. */
struct value *detect_best(struct build *b, struct value *v, int64_t most);

/* The first `count` rows of v [M, row] and then rows of zeros: [count, row]. */
struct value *detect_fill(struct build *b, struct value *v, int64_t count, int64_t row);

/* Which boxes stay (detect_select.c). best: of each class before, keep: of the image; -1: all. */
struct detect_rule {
    bool normalized; /* else sizes count whole pixels, and a box of equal ends is one wide */
    bool gaussian;   /* decay: by exp(-sigma * iou^2) */
    int64_t best, keep, background;
    float overlap, score, sigma;
    float post; /* decayed scores are above; of proposals: the least size */
};
/* Of boxes [1, M, 4] and scores [1, C, M]: rows i64 [n, 3] of image, class and box, and their scores, [n]. By class,
 * best first; of decay by score. */
struct value *detect_multiclass(struct build *b, struct value *boxes, struct value *scores, const struct detect_rule *r,
                                struct value **of);
struct value *detect_matrix(struct build *b, struct value *boxes, struct value *scores, const struct detect_rule *r,
                            struct value **of);
/* Boxes [n, 4] of anchors moved by deltas (centre, log of size), cut to size, f32 [4] of width, height, both again.
 * pixel: 1 where sizes count whole pixels, else 0. */
struct value *detect_decode(struct build *b, struct value *anchors, struct value *deltas, struct value *size,
                            float pixel);
/* Of boxes [n, 4] and scores [n], without classes: the places of those kept, best first, and their scores. */
struct value *detect_proposals(struct build *b, struct value *boxes, struct value *scores, const struct detect_rule *r,
                               struct value **of);

/* TensorFlow's CropAndResize of x [N, C, H, W]: boxes [n, 4] of y1 x1 y2 x2 as parts of it, index i64 [n], to size
 * (height, width); `outside` of the map. */
struct value *detect_crop(struct build *b, struct value *x, struct value *boxes, struct value *index,
                          const int64_t *size, double outside);

#endif
