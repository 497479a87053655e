/* Private to lib/task: what tells tasks by the outputs of a photo. */
#ifndef TASK_GUESS_H
#define TASK_GUESS_H

#include "task/detect.h"

/* Writes the task's text to out[TASK_GUESS] when the outputs are those of a detector. */
bool guess_boxes(const struct task_query *q, char *out);

/* true, with the task. */
bool guess_say(char *out, const char *task);

/* Whether all numbers of some columns lie in low..high; nan does not. */
bool guess_lie_in(const struct task_rows *m, size_t first, size_t count, float low, float high);

/* The output as rows, if it has any, of other than whole numbers. */
bool guess_matrix(const struct task_output *o, struct task_rows *m);

/* Channels of the first output but one that is planes of at least two cells a side; 0: there is none. */
size_t guess_planes(const struct task_query *q, const struct task_output *but, struct task_planes *p);

/* Whether a map of scores has lines of text, as detectors of differentiable binarization give them: polygons.c. */
bool task_are_lines(const struct task_planes *p);

#endif
