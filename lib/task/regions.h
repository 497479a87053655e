/* Private to lib/task: connected regions of a picture of 0 and 1. */
#ifndef TASK_REGIONS_H
#define TASK_REGIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "task/geometry.h"

/* Called for the border of each region of ones (neighbours in eight directions), with `holes` also of each hole in one
 * (in four), with the hull of the border's pixels, whose centres are at whole numbers. What is not 0 ends the search.
 */
typedef int regions_fn(void *arg, const struct geometry_point *hull, size_t n, struct error *err);

int regions_each(const uint8_t *pixels, size_t width, size_t height, bool holes, regions_fn *tell, void *arg,
                 struct error *err);

#endif
