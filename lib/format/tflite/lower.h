/* The functions of the rows in lowers.def. */
#ifndef FORMAT_TFLITE_LOWER_H
#define FORMAT_TFLITE_LOWER_H

#include "format/lower.h"
#include "format/tflite/write.h"
#include "op/build.h"

#define LOWERS(op, function, when) int tflite_lower_##function(struct node *n, struct error *err);
#include "format/tflite/lowers.def"
#undef LOWERS

/* Whether a Reshape only moves channels of size 1, or of a single pixel, between the last axis and the second: what
 * Transpose that is. */
bool tflite_turn(const struct node *n, int64_t *perm);

#endif
