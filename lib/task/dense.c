/* Detectors that say something at each cell of one or more grids, or in each row: scores, and candidates of them. */
#include "task/dense.h"

#include <math.h>

/* ---- scores ---- */

/* The classes that are labels: all but the background. */
static void label_range(const struct dense *d, size_t *first, size_t *end)
{
    int background = task_word(d->task, TASK_BACKGROUND);
    *first = background == TASK_BACKGROUND_FIRST && d->classes > 1;
    *end = d->classes - (background == TASK_BACKGROUND_LAST && d->classes > 1);
}

/* What makes a softmax of a row's numbers: the largest, and the sum of the exponentials of all less that. */
struct softmax {
    float top;
    double sum;
};

static struct softmax softmax_of(const struct dense *d, const struct task_rows *m, size_t row)
{
    struct softmax s = {*task_cell(m, row, 0), 0};
    if (d->activation != TASK_SCORES_SOFTMAX)
        return s;
    for (size_t i = 1; i < m->columns; i++)
        s.top = fmaxf(s.top, *task_cell(m, row, i));
    for (size_t i = 0; i < m->columns; i++)
        s.sum += exp((double)*task_cell(m, row, i) - s.top);
    return s;
}

static float class_score(const struct dense *d, float v, const struct softmax *s)
{
    if (d->activation == TASK_SCORES_SOFTMAX)
        return (float)(exp((double)v - s->top) / s->sum);
    return d->activation == TASK_SCORES_SIGMOID ? task_sigmoid(v) : v;
}

static float power(const struct dense *d, float v, int which)
{
    const struct task_numbers *weigh = &d->task->option[TASK_WEIGH];
    return which < weigh->count && weigh->at[which] != 1 ? powf(v > 0 ? v : 0, weigh->at[which]) : v;
}

static int check_labels(const struct dense *d, struct error *err)
{
    const struct task_labels *labels = d->c->q->labels;
    size_t first, end;
    label_range(d, &first, &end);
    if (labels->count && labels->count == d->classes && labels->count > end - first)
        return error_set(err, "%zu labels for %zu classes: want none for the background", labels->count, end - first);
    return d->task->kind == TASK_DETECT ? task_labels_check(labels, end - first, err) : 0;
}

/* Objectness and the class's score together. */
static float joint_score(const struct dense *d, const struct dense_level *l, size_t row, size_t class,
                         const struct softmax *s)
{
    float score = class_score(d, *task_cell(&l->scores, row, class), s);
    if (!l->object.columns)
        return score;
    float object = *task_cell(&l->object, row, 0);
    if (d->activation != TASK_SCORES_RAW)
        object = task_sigmoid(object);
    return power(d, object, 0) * power(d, score, 1);
}

static bool are_in_unit(const struct task_rows *m)
{
    for (size_t r = 0; r < m->rows; r++)
        for (size_t i = 0; i < m->columns; i++)
            if (!task_is_score(*task_cell(m, r, i)))
                return false;
    return true;
}

static void set_activation(struct dense *d)
{
    bool in_unit = true;
    int otherwise =
        task_word(d->task, TASK_BACKGROUND) == TASK_BACKGROUND_NONE ? TASK_SCORES_SIGMOID : TASK_SCORES_SOFTMAX;
    for (size_t i = 0; i < d->levels && in_unit; i++)
        in_unit = are_in_unit(&d->level[i].scores) && are_in_unit(&d->level[i].object);
    d->activation = task_activation(d->task, TASK_END_UNKNOWN, in_unit, otherwise);
}

/* ---- candidates ---- */

static int add(struct dense *d, const struct dense_level *l, size_t row, struct task_box box, struct error *err)
{
    float *extra;
    dense_box(d, l, row, &box);
    if (task_candidate(d->c, box, &extra, err) < 0)
        return -1;
    if (extra && d->c->points)
        dense_points(d, l, row, extra);
    for (size_t i = 0; extra && i < d->c->coefficients; i++)
        extra[i] = *task_cell(&l->coefficients, row, i);
    return 0;
}

static size_t best_class(const struct task_rows *m, size_t row, size_t first, size_t end)
{
    return first + task_argmax(task_cell(m, row, first), end - first, m->step);
}

static int add_row(struct dense *d, const struct dense_level *l, size_t row, struct error *err)
{
    float least = task_number(d->task, TASK_SCORE);
    size_t first, end;
    struct softmax s = softmax_of(d, &l->scores, row);
    label_range(d, &first, &end);
    size_t from = first, to = end;
    if (task_word(d->task, TASK_LABELS) == 0) {
        from = best_class(&l->scores, row, first, end);
        to = from + 1;
    }
    for (size_t i = from; i < to; i++) {
        struct task_box box = {.label = i - first, .score = joint_score(d, l, row, i, &s)};
        if (box.score >= least && add(d, l, row, box, err) < 0)
            return -1;
    }
    return 0;
}

/* What a candidate carries beside its box. */
static int set_extra(struct dense *d, struct error *err)
{
    const struct dense_level *l = &d->level[0];
    size_t points = (size_t)task_number(d->task, TASK_POINTS);
    d->c->coefficients = l->coefficients.columns;
    d->c->points = l->points.columns ? points : 0;
    if (!d->c->coefficients)
        d->c->prototypes = NULL;
    for (size_t i = 0; i < d->levels; i++)
        if (d->level[i].coefficients.columns != d->c->coefficients)
            return error_set(err, "%zu coefficients in one list of boxes and %zu in another", d->c->coefficients,
                             d->level[i].coefficients.columns);
    for (size_t i = 0; i < d->levels && d->c->points; i++) {
        size_t have = d->level[i].points.columns;
        if (have != points * task_point_size(d->task, have, points))
            return error_set(err, "%zu numbers for %zu points: want two or three each", have, points);
    }
    return 0;
}

/* Of a network that suppresses boxes itself: rows of the picture's, the class's and the box's number. */
static bool find_selection(const struct task_query *q, struct task_rows *m)
{
    struct error ignored;
    bool found = false;
    for (size_t i = 0; i < q->count && !found; i++)
        found = q->outputs[i].whole && task_matrix(&q->outputs[i], m, &ignored) == 0 && m->columns == 3;
    return found;
}

#define MAX_CHOSEN_SCORES ((size_t)1 << 27) /* that softmaxes are made of: a row's again whenever it is chosen */

static int add_selection(struct dense *d, const struct task_rows *m, struct error *err)
{
    const struct dense_level *l = &d->level[0];
    if (d->activation == TASK_SCORES_SOFTMAX && m->rows * d->classes > MAX_CHOSEN_SCORES)
        return error_set(err, "task: %zu boxes chosen of %zu classes: want fewer", m->rows, d->classes);
    d->c->chosen = *d->c->task;
    d->c->chosen.option[TASK_NMS].at[0] = TASK_NMS_NONE;
    d->c->task = &d->c->chosen;
    for (size_t r = 0; r < m->rows; r++) {
        float class = *task_cell(m, r, 1), row = *task_cell(m, r, 2);
        if (!(class >= 0 && class < (float)d->classes && row >= 0 && row < (float)l->boxes.rows))
            continue;
        struct softmax s = softmax_of(d, &l->scores, (size_t)row);
        struct task_box box = {.label = (size_t) class, .score = joint_score(d, l, (size_t)row, (size_t) class, &s)};
        if (add(d, l, (size_t)row, box, err) < 0)
            return -1;
    }
    return 0;
}

int task_decode_dense(struct task_candidates *c, struct error *err)
{
    struct dense d = {.c = c, .task = c->task};
    struct task_rows selection;
    if (dense_find(&d, err) < 0)
        return -1;
    c->misnamed = check_labels(&d, err) < 0;
    if (c->misnamed || c->checks)
        return c->misnamed ? -1 : 0;
    if (set_extra(&d, err) < 0)
        return -1;
    set_activation(&d);
    if (!dense_has_grid(&d))
        d.part = task_is_part(c->task, &d.level[0].boxes, 4);
    if (find_selection(c->q, &selection) && d.levels == 1)
        return add_selection(&d, &selection, err);
    for (size_t i = 0; i < d.levels; i++)
        for (size_t row = 0; row < d.level[i].boxes.rows; row++)
            if (add_row(&d, &d.level[i], row, err) < 0)
                return -1;
    return 0;
}
