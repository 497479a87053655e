/* The grids that rows of a detector lie on. */
#include <math.h>

#include "task/dense.h"

bool dense_has_grid(const struct dense *d)
{
    return task_word(d->task, TASK_FORM) > TASK_FORM_YX; /* option.def has those that say all by themselves first */
}

static size_t cells(float side, float stride)
{
    return (size_t)ceilf(side / stride);
}

size_t dense_each(const struct dense *d, size_t level)
{
    const struct task_numbers *each = &d->task->option[TASK_EACH];
    return each->count == 0 ? 0 : (size_t)each->at[level < (size_t)each->count ? (int)level : 0];
}

bool dense_in_cells(const struct dense *d)
{
    size_t anchors = (size_t)d->task->option[TASK_ANCHORS].count, i = 0;
    while (i < d->levels && 2 * d->level[i].each == anchors)
        i++;
    return d->levels > 1 && i == d->levels;
}

static struct task_rows part_of(const struct task_rows *m, size_t first, size_t rows)
{
    struct task_rows part = *m;
    part.values += first * m->cell_step;
    part.rows = m->columns ? rows : 0;
    return part;
}

/* One list of rows for all grids becomes a level for each stride. */
static int split(struct dense *d, const struct task_numbers *strides, struct error *err)
{
    const struct dense_level all = d->level[0];
    size_t first = 0;
    d->levels = 0;
    for (int i = 0; i < strides->count; i++) {
        size_t each = dense_each(d, (size_t)i);
        size_t n = cells((float)d->c->q->width, strides->at[i]) * cells((float)d->c->q->height, strides->at[i]) *
                   (each ? each : 1);
        if (n > all.boxes.rows - first)
            n = all.boxes.rows - first;
        d->level[d->levels++] = (struct dense_level){.boxes = part_of(&all.boxes, first, n),
                                                     .object = part_of(&all.object, first, n),
                                                     .scores = part_of(&all.scores, first, n),
                                                     .points = part_of(&all.points, first, n),
                                                     .coefficients = part_of(&all.coefficients, first, n)};
        first += n;
    }
    if (first != all.boxes.rows)
        return error_set(err, "%zu boxes for an input of %dx%d: want %zu for its strides", all.boxes.rows,
                         d->c->q->width, d->c->q->height, first);
    return 0;
}

static int set_grid(struct dense *d, struct dense_level *l, size_t i, struct error *err)
{
    const struct task_numbers *strides = &d->task->option[TASK_STRIDES];
    const struct task_query *q = d->c->q;
    float stride = i < (size_t)strides->count ? strides->at[i] : 0;
    size_t rows = l->boxes.rows;
    if (!l->width) {
        l->width = stride > 0 ? cells((float)q->width, stride) : 1;
        l->height = stride > 0 ? cells((float)q->height, stride) : 1;
    }
    bool even = stride <= 0 || task_word(d->task, TASK_CELLS) == 1;
    l->stride_x = even ? (float)q->width / (float)l->width : stride;
    l->stride_y = even ? (float)q->height / (float)l->height : stride;
    size_t grid = l->width * l->height, want = dense_each(d, i);
    l->each = rows / grid;
    if (rows % grid || l->each < 1 || (want && l->each != want))
        return error_set(err, "%zu boxes on a grid of %zux%zu: want %zu for each cell", rows, l->width, l->height,
                         want ? want : 1);
    return 0;
}

static int check_anchors(const struct dense *d, size_t count, struct error *err)
{
    const struct task_numbers *sizes = &d->task->option[TASK_SIZES], *anchors = &d->task->option[TASK_ANCHORS];
    if (sizes->count && (size_t)sizes->count != count)
        return error_set(err, "%d sizes for %zu boxes at the cells of all grids: want as many", sizes->count, count);
    if (anchors->count && (size_t)anchors->count != 2 * count && !dense_in_cells(d))
        return error_set(err, "%d numbers of anchors for %zu boxes at the cells of all grids: want two each",
                         anchors->count, count);
    return 0;
}

int dense_grids(struct dense *d, struct error *err)
{
    const struct task_numbers *strides = &d->task->option[TASK_STRIDES];
    size_t anchors = 0;
    if (!dense_has_grid(d))
        return 0;
    if (d->levels == 1 && !d->level[0].width && strides->count > 1 && split(d, strides, err) < 0)
        return -1;
    for (size_t i = 0; i < d->levels; i++) {
        if (set_grid(d, &d->level[i], i, err) < 0)
            return -1;
        d->level[i].anchor = anchors;
        anchors += d->level[i].each;
    }
    return check_anchors(d, anchors, err);
}
