/* From a detector's output to boxes. */
#include "task/detect.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"

#define MAX_CANDIDATES 100000 /* of the decoded boxes, the best go into the suppression */

static task_decode_fn *const decoders[] = {
#define TASK(id, name, kind, decode, what) decode,
#include "task/task.def"
#undef TASK
};

int task_candidate(struct task_candidates *c, struct task_box box, struct error *err)
{
    struct task_boxes *b = &c->boxes;
    if (!(box.score >= c->task->score) || !isfinite(box.score) || !isfinite(box.x0 + box.y0 + box.x1 + box.y1))
        return 0;
    if (mem_grow(&b->box, &b->cap, b->count + 1, sizeof *b->box, err))
        return -1;
    b->box[b->count++] = box;
    return 0;
}

/* The last two dims as rows and columns, the others being 1. */
static int as_matrix(const float *values, const int64_t *dims, int rank, struct task_rows *out, struct error *err)
{
    size_t n;
    for (int i = 0; i < rank; i++)
        if (dims[i] < 0 || (i < rank - 2 && dims[i] != 1))
            return error_set(err, "task: dimension %d of the output is %lld: want 1 before the last two", i,
                             (long long)dims[i]);
    if (rank < 2 || !mem_mul(dims[rank - 2], dims[rank - 1], &n))
        return error_set(err, "task: the output has %d dimensions: want rows and columns", rank);
    *out = (struct task_rows){values, dims[rank - 2], dims[rank - 1], dims[rank - 1], 1};
    return 0;
}

static const float *cell(const struct task_rows *m, size_t row, size_t column)
{
    return m->values + row * m->row_step + column * m->column_step;
}

/* The best of the columns from `first` on. */
static struct task_box best_class(const struct task_rows *m, size_t row, size_t first)
{
    struct task_box box = {0, -INFINITY, 0, 0, 0, 0};
    for (size_t i = first; i < m->columns; i++) {
        float score = *cell(m, row, i);
        if (score > box.score) {
            box.score = score;
            box.label = i - first;
        }
    }
    return box;
}

/* Rows of centre x, y, width, height; perhaps objectness, which multiplies; classes. */
static int decode_centres(struct task_candidates *c, const struct task_rows *m, bool objectness, struct error *err)
{
    size_t first = objectness ? 5 : 4;
    if (m->columns <= first)
        return error_set(err, "task: %zu values for a box: want %zu and one for each label", m->columns, first);
    for (size_t r = 0; r < m->rows; r++) {
        struct task_box box = best_class(m, r, first);
        if (objectness)
            box.score *= *cell(m, r, 4);
        float x = *cell(m, r, 0), y = *cell(m, r, 1), w = *cell(m, r, 2) / 2, h = *cell(m, r, 3) / 2;
        box.x0 = x - w, box.y0 = y - h, box.x1 = x + w, box.y1 = y + h;
        if (task_candidate(c, box, err))
            return -1;
    }
    return 0;
}

int task_decode_yolov8(struct task_candidates *c, const float *values, const int64_t *dims, int rank, struct error *err)
{
    struct task_rows m;
    if (as_matrix(values, dims, rank, &m, err))
        return -1;
    struct task_rows turned = {values, m.columns, m.rows, m.column_step, m.row_step};
    return decode_centres(c, &turned, false, err);
}

int task_decode_yolov5(struct task_candidates *c, const float *values, const int64_t *dims, int rank, struct error *err)
{
    struct task_rows m;
    return as_matrix(values, dims, rank, &m, err) ? -1 : decode_centres(c, &m, true, err);
}

int task_decode_ssd(struct task_candidates *c, const float *values, const int64_t *dims, int rank, struct error *err)
{
    struct task_rows m;
    if (as_matrix(values, dims, rank, &m, err))
        return -1;
    if (m.rows && m.columns != 6 && m.columns != 7)
        return error_set(err, "task: %zu values for a box: want 6 or 7", m.columns);
    for (size_t r = 0; r < m.rows; r++) {
        const float *v = cell(&m, r, m.columns - 6);
        if (!(v[0] >= 0 && v[0] < 65536))
            continue;
        struct task_box box = {(size_t)v[0],       v[1], v[2] * c->width, v[3] * c->height, v[4] * c->width,
                               v[5] * c->height};
        if (task_candidate(c, box, err))
            return -1;
    }
    return 0;
}

static int by_score(const void *a, const void *b)
{
    const struct task_box *x = a, *y = b;
    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    if (x->label != y->label)
        return x->label < y->label ? -1 : 1;
    if (x->x0 != y->x0)
        return x->x0 < y->x0 ? -1 : 1;
    return x->y0 < y->y0 ? -1 : x->y0 > y->y0;
}

static double area(double x0, double y0, double x1, double y1)
{
    return x1 > x0 && y1 > y0 ? (x1 - x0) * (y1 - y0) : 0;
}

static double overlap(const struct task_box *a, const struct task_box *b)
{
    double both = area(fmax(a->x0, b->x0), fmax(a->y0, b->y0), fmin(a->x1, b->x1), fmin(a->y1, b->y1));
    double either = area(a->x0, a->y0, a->x1, a->y1) + area(b->x0, b->y0, b->x1, b->y1) - both;
    return either > 0 ? both / either : 0;
}

/* Greedy suppression, best first, against the boxes already kept. */
static void suppress(struct task_boxes *b, float iou)
{
    size_t kept = 0, candidates = b->count < MAX_CANDIDATES ? b->count : MAX_CANDIDATES;
    for (size_t i = 0; i < candidates && kept < TASK_MAX_BOXES; i++) {
        size_t j = 0;
        while (j < kept && !(b->box[j].label == b->box[i].label && overlap(&b->box[j], &b->box[i]) > iou))
            j++;
        if (j == kept)
            b->box[kept++] = b->box[i];
    }
    b->count = kept;
}

int task_detect(const struct task *task, const float *values, const int64_t *dims, int rank, int width, int height,
                struct task_boxes *out, struct error *err)
{
    struct task_candidates c = {.task = task, .width = width, .height = height};
    if (!decoders[task->id])
        return error_set(err, "task %s: gives no boxes: want one of detect=", task_name(task->id));
    if (decoders[task->id](&c, values, dims, rank, err)) {
        free(c.boxes.box);
        return -1;
    }
    if (c.boxes.count)
        qsort(c.boxes.box, c.boxes.count, sizeof *c.boxes.box, by_score);
    suppress(&c.boxes, task->iou);
    *out = c.boxes;
    return 0;
}

static float clip(float v, int high)
{
    return v < 0 ? 0 : v > high ? high : v;
}

void task_boxes_unmap(struct task_boxes *boxes, const struct recipe_map *map, int width, int height)
{
    for (size_t i = 0; i < boxes->count; i++) {
        struct task_box *b = &boxes->box[i];
        recipe_unmap(map, &b->x0, &b->y0);
        recipe_unmap(map, &b->x1, &b->y1);
        b->x0 = clip(b->x0, width), b->x1 = clip(b->x1, width);
        b->y0 = clip(b->y0, height), b->y1 = clip(b->y1, height);
    }
}
