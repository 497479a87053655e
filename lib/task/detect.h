/* Private to lib/task: how outputs of detectors become boxes. */
#ifndef TASK_DETECT_H
#define TASK_DETECT_H

#include "task/task.h"

/* An output as rows and columns: element (r, c) is values[r * row_step + c * column_step]. */
struct task_rows {
    const float *values;
    size_t rows, columns;
    size_t row_step, column_step;
};

struct task_candidates {
    const struct task *task;
    int width, height; /* of the input */
    struct task_boxes boxes;
};

/* Appends the box unless its score is too low or anything about it is not finite. */
int task_candidate(struct task_candidates *c, struct task_box box, struct error *err);

/* There is one output or more. */
typedef int task_decode_fn(struct task_candidates *c, const struct task_output *outputs, size_t count,
                           struct error *err);

task_decode_fn task_decode_yolov8, task_decode_yolov5, task_decode_ssd, task_decode_ncnn, task_decode_yolov3,
    task_decode_tflite;

#endif
