/* Private to lib/task: how outputs of detectors become candidates, of which suppression chooses. */
#ifndef TASK_DETECT_H
#define TASK_DETECT_H

#include "task/answer.h"

struct task_box {
    size_t label;
    float score;
    float x0, y0, x1, y1; /* corners, in pixels of the input */
    size_t extra;         /* where this one's extra values begin; the later the candidate, the farther behind */
};

/* What decoders gather. Each candidate has the same number of extra values: key points, three values (x, y, score)
 * each, or coefficients of a mask. */
struct task_candidates {
    const struct task *task; /* that of the question, or `chosen` */
    struct task chosen;
    const struct task_query *q;
    size_t points, coefficients;          /* to a candidate; one of them is 0 */
    const struct task_output *prototypes; /* of masks */
    struct task_planes masks;             /* of their own; the number of a candidate's is its only coefficient, or 0 */
    struct task_box *box;
    size_t count, cap;
    float *extra;
    size_t extra_count, extra_cap;
    size_t mask_pixels, mask_sums; /* of all masks so far */
    bool checks, misnamed;         /* checks: only whether labels are as many as classes; misnamed: they are not */
};

/* Appends the box unless its score is too low or anything about it is not finite; then *extra, which may be NULL, gets
 * room for the extra values, else NULL. */
int task_candidate(struct task_candidates *c, struct task_box box, float **extra, struct error *err);

/* A quadrilateral as a candidate of four points, the box being around it; c->points is 4. */
int task_polygon(struct task_candidates *c, size_t label, float score, const float corner[4][2], struct error *err);

/* Suppresses by options nms, iou, by and most: best first then. */
int task_suppress(struct task_candidates *c, struct error *err);

/* The pixels of each box's mask, from coefficients and prototypes [1, m, height, width] over the whole input, or from
 * its own, over the input or over the box. */
int task_instance_mask(struct task_candidates *c, const struct task_box *box, struct task_answer *answer,
                       struct error *err);

/* An output as rows and columns: element (r, c) is values[r / each * cell_step + r % each * each_step + c * step]. */
struct task_rows {
    const float *values;
    size_t rows, columns;
    size_t each, cell_step, each_step, step; /* each: rows to a cell */
};

static inline const float *task_cell(const struct task_rows *m, size_t row, size_t column)
{
    return m->values + row / m->each * m->cell_step + row % m->each * m->each_step + column * m->step;
}

/* The last two dims as rows and columns, the others being 1. */
int task_matrix(const struct task_output *o, struct task_rows *out, struct error *err);

/* The same with rows and columns exchanged. */
struct task_rows task_turned(const struct task_rows *m);

/* Some columns of it. */
struct task_rows task_columns(const struct task_rows *m, size_t first, size_t count);

/* Whether a column holds labels or numbers of images: whole, from 0 on, or -1 where there is none. */
bool task_are_whole(const struct task_rows *m, size_t column);

/* Whether coordinates are parts of the input's sides: said, or none of `columns` columns is above 2. */
bool task_is_part(const struct task *task, const struct task_rows *m, size_t columns);

/* The width of a point's numbers, and reading it by option order; `rows` may have a score behind each. */
size_t task_point_size(const struct task *task, size_t numbers, size_t points);
struct task_point task_point(const struct task *task, const struct task_rows *m, size_t row, size_t point, size_t size,
                             size_t points);

/* One candidate for `count` points, each of which point(arg, i) gives: the box around them, with that score, or the
 * mean of theirs for nan. */
int task_points(struct task_candidates *c, float score, size_t count,
                struct task_point (*point)(const void *arg, size_t i), const void *arg, struct error *err);

/* There is one output or more. */
typedef int task_decode_fn(struct task_candidates *c, struct error *err);

task_decode_fn task_decode_dense, task_decode_yolo, task_decode_nothing, task_decode_end, task_decode_yolov3,
    task_decode_ssd, task_decode_tflite, task_decode_lists, task_decode_centernet, task_decode_centerface,
    task_decode_points, task_decode_heatmaps, task_decode_simcc, task_decode_parts, task_decode_db, task_decode_turned,
    task_decode_east, task_decode_craft, task_decode_pipnet;

#endif
