/* Private to lib/task: planes of an output, sampled at the pixels of the photo. */
#ifndef TASK_SAMPLE_H
#define TASK_SAMPLE_H

#include "task/answer.h"

/* The pixels wanted, and where they lie in the planes: pixel i at i * scale + offset, in cells, whose centres are at
 * whole numbers. Without a photo they are the cells. */
struct task_sampling {
    int width, height; /* of all that is wanted */
    float scale_x, scale_y, offset_x, offset_y;
};

struct task_sampling task_sampling(const struct task_query *q, const struct task_planes *p);

/* Whether pixel (x, y) lies in the input: what a crop cut off does not. */
bool task_sampled(const struct task_sampling *s, const struct task_planes *p, int x, int y);

/* Row y of the wanted pixels x0 to x1 - 1, blended from two by two cells of each plane, those beyond the border being
 * like it: row[channel * (x1 - x0) + i]. `line` has room for a row of the planes. */
void task_sample_row(const struct task_sampling *s, const struct task_planes *p, int y, int x0, int x1, float *line,
                     float *row);

/* The first of the two cells, of n, that a place lies between, and the share of the second: 0 where there is none. */
size_t task_blend(float at, size_t n, float *second);

/* The rows of cells that row y is blended from, blended: lines[channel * p->width + i]. */
void task_sample_lines(const struct task_sampling *s, const struct task_planes *p, int y, float *lines);

/* For each of n places the number of the line, of `count` lines of n behind each other, that is the largest there, the
 * first of equals; nan never wins. Both have room for TASK_MORE more at their ends. */
#define TASK_MORE 3
void task_label_lines(const float *lines, size_t count, size_t n, int32_t *label);

/* The sum of `count` lines of n behind each other, each times its weight: weights are `step` apart. */
void task_weigh_lines(float *restrict sum, const float *lines, size_t n, const float *weight, size_t step,
                      size_t count);

/* The cell under a pixel. */
size_t task_nearest(const struct task_sampling *s, const struct task_planes *p, int x, int y);

#endif
