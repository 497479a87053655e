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

#endif
