/* Private to lib/task: the decoders of each kind, and what they share. */
#ifndef TASK_ANSWER_H
#define TASK_ANSWER_H

#include "task/task.h"

typedef int task_answer_fn(const struct task_query *q, struct task_answers *out, struct error *err);

task_answer_fn task_classify; /* the labels, best first */
task_answer_fn task_detect;   /* boxes and polygons: detect.h */
task_answer_fn task_mask;     /* a label for each pixel of the photo, and their shares */
task_answer_fn task_ctc;      /* one answer with a text */
task_answer_fn task_embed;    /* a vector */
task_answer_fn task_paint;    /* a picture */

/* Appends an answer, which is taken over, also on failure. */
int task_answers_add(struct task_answers *a, struct task_answer answer, struct error *err);

/* Whether one of these words, between blanks, begins in an output's name, not behind a letter; in letters of any case.
 */
bool task_is_named(const struct task_output *o, const char *words);

/* The first output for which fits() holds, else the first. */
const struct task_output *task_choose(const struct task_query *q,
                                      bool (*fits)(const struct task_query *q, const struct task_output *o));

/* How many values an output has. */
size_t task_elements(const struct task_output *o);

/* The output's dims without those of 1 before the last `keep`; false when more than `keep` are left. Missing ones are
 * 1. */
bool task_last_dims(const struct task_output *o, int keep, size_t *dims);

/* An output as planes: value (c, y, x) is values[c * step + (y * width + x) * next]. */
struct task_planes {
    const float *values;
    size_t channels, height, width, step, next;
};

/* [1, C, H, W] or [1, H, W, C], with or without the 1; two dims are one channel. */
int task_planes(const struct task_output *o, bool channels_last, struct task_planes *out, struct error *err);

/* The index of the largest of n values `step` apart, the first of equals; nan never wins. */
size_t task_argmax(const float *values, size_t n, size_t step);

float task_sigmoid(float x);

/* Whether a value, or all of n, but for rounding and nan, lie in 0..1. */
static inline bool task_is_score(float v)
{
    return !(v < -1e-6f || v > 1 + 1e-3f);
}
bool task_are_scores(const float *values, size_t n);

/* Whether n values, `step` apart, are shares of a whole: none below 0, and together about 1 (classify.c). */
bool task_are_shares(const float *values, size_t n, size_t step);

/* What makes scores of n values `step` apart, for option scores=auto: what the graph tells, else nothing when all lie
 * in 0..1, else `otherwise`. */
int task_activation(const struct task *task, enum task_end end, bool in_unit, int otherwise);

#endif
