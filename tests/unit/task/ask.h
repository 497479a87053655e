/* Questions to decoders, for their tests. */
#ifndef UNIT_TASK_ASK_H
#define UNIT_TASK_ASK_H

#include <math.h>

#include "../../test.h"
#include "task/task.h"

static char message[1100]; /* of the last question */

/* Answers from outputs of a network whose input is width x height; `map` NULL: no photo, else one of that size. */
static inline int ask_with(const char *text, const struct task_labels *labels, const struct task_output *outputs,
                           size_t count, int width, int height, const struct recipe_map *map, struct task_answers *out)
{
    static const struct task_labels none;
    *out = (struct task_answers){0};
    struct task t;
    struct error err = {""};
    CHECK_MSG(task_parse(text, strlen(text), &t, &err) == 0, "%s: %s", text, err.text);
    struct task_query q = {.task = &t,
                           .labels = labels ? labels : &none,
                           .outputs = outputs,
                           .count = count,
                           .width = width,
                           .height = height,
                           .map = map,
                           .photo_width = width,
                           .photo_height = height};
    int status = task_answer(&q, out, &err);
    CHECK_MSG(status == 0 || err.text[0], "%s: fails without a message", text);
    snprintf(message, sizeof message, "%s", err.text);
    return status;
}

static inline int ask(const char *text, const struct task_labels *labels, const struct task_output *outputs,
                      size_t count, int width, int height, struct task_answers *out)
{
    return ask_with(text, labels, outputs, count, width, height, NULL, out);
}

/* One output. */
static inline int ask_one(const char *text, const float *values, int rank, const int64_t *dims,
                          struct task_answers *out)
{
    return ask(text, NULL, &(struct task_output){.values = values, .dims = dims, .rank = rank}, 1, 100, 100, out);
}

static inline void near(float have, double want, const char *what)
{
    CHECK_MSG(fabs(have - want) < 1e-3, "%s: %g, want %g", what, (double)have, want);
}

static inline double logistic(double x)
{
    return 1 / (1 + exp(-x));
}

/* The answer, which it releases, is one box. */
static inline void check_one(const char *task, int status, struct task_answers *out, double x0, double y0, double x1,
                             double y1, double score)
{
    CHECK_MSG(status == 0 && out->count == 1, "%s: %s", task, message);
    if (status)
        return;
    if (out->count) {
        near(out->at[0].x0, x0, task), near(out->at[0].y0, y0, task);
        near(out->at[0].x1, x1, task), near(out->at[0].y1, y1, task);
        near(out->at[0].score, score, task);
    }
    task_answers_release(out);
}

#endif
