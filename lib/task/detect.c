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
static int as_matrix(const struct task_output *o, struct task_rows *out, struct error *err)
{
    const int64_t *dims = o->dims;
    int rank = o->rank;
    size_t n;
    for (int i = 0; i < rank; i++)
        if (dims[i] < 0 || (i < rank - 2 && dims[i] != 1))
            return error_set(err, "task: dimension %d of the output is %lld: want 1 before the last two", i,
                             (long long)dims[i]);
    if (rank < 2 || !mem_mul(dims[rank - 2], dims[rank - 1], &n))
        return error_set(err, "task: the output has %d dimensions: want rows and columns", rank);
    *out = (struct task_rows){o->values, dims[rank - 2], dims[rank - 1], dims[rank - 1], 1};
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

int task_decode_yolov8(struct task_candidates *c, const struct task_output *outputs, size_t count, struct error *err)
{
    struct task_rows m;
    (void)count;
    if (as_matrix(outputs, &m, err))
        return -1;
    struct task_rows turned = {m.values, m.columns, m.rows, m.column_step, m.row_step};
    return decode_centres(c, &turned, false, err);
}

int task_decode_yolov5(struct task_candidates *c, const struct task_output *outputs, size_t count, struct error *err)
{
    struct task_rows m;
    (void)count;
    return as_matrix(outputs, &m, err) ? -1 : decode_centres(c, &m, true, err);
}

/* Corners in the order x0, y0, x1, y1, as fractions of the input; the label less `first`, which is not a number or
 * negative where the row is none. */
static int add_fractions(struct task_candidates *c, float label, float first, float score, const float *corner,
                         struct error *err)
{
    if (!(label >= first && label < 65536))
        return 0;
    struct task_box box = {(size_t)(label - first), score,
                           corner[0] * c->width,    corner[1] * c->height,
                           corner[2] * c->width,    corner[3] * c->height};
    return task_candidate(c, box, err);
}

static int decode_corners(struct task_candidates *c, const struct task_rows *m, float first, struct error *err)
{
    for (size_t r = 0; r < m->rows; r++) {
        const float *v = cell(m, r, m->columns - 6);
        if (add_fractions(c, v[0], first, v[1], v + 2, err))
            return -1;
    }
    return 0;
}

int task_decode_ssd(struct task_candidates *c, const struct task_output *outputs, size_t count, struct error *err)
{
    struct task_rows m;
    (void)count;
    if (as_matrix(outputs, &m, err))
        return -1;
    if (m.rows && m.columns != 6 && m.columns != 7)
        return error_set(err, "task: %zu values for a box: want 6 or 7", m.columns);
    return decode_corners(c, &m, 0, err);
}

int task_decode_ncnn(struct task_candidates *c, const struct task_output *outputs, size_t count, struct error *err)
{
    struct task_rows m;
    (void)count;
    if (as_matrix(outputs, &m, err))
        return -1;
    if (m.rows && m.columns != 6)
        return error_set(err, "task: %zu values for a box: want 6", m.columns);
    return decode_corners(c, &m, 1, err);
}

/* Scores have been multiplied by the objectness. */
static int decode_grid(struct task_candidates *c, const struct task_rows *m, struct error *err)
{
    for (size_t r = 0; r < m->rows; r++) {
        const float *v = cell(m, r, 0);
        struct task_box box = best_class(m, r, 5);
        float x = v[0] * c->width, y = v[1] * c->height, w = v[2] * c->width / 2, h = v[3] * c->height / 2;
        box.x0 = x - w, box.y0 = y - h, box.x1 = x + w, box.y1 = y + h;
        if (task_candidate(c, box, err))
            return -1;
    }
    return 0;
}

/* A grid an output; what is no grid of the first one's labels is something else that the network tells. */
int task_decode_yolov3(struct task_candidates *c, const struct task_output *outputs, size_t count, struct error *err)
{
    struct task_rows first, m;
    struct error ignored;
    if (as_matrix(outputs, &first, err))
        return -1;
    if (first.columns < 6)
        return error_set(err, "task: %zu values for a box: want 5 and one for each label", first.columns);
    for (size_t i = 0; i < count; i++)
        if (as_matrix(&outputs[i], &m, &ignored) == 0 && m.columns == first.columns && decode_grid(c, &m, err))
            return -1;
    return 0;
}

static size_t elements(const struct task_output *o)
{
    size_t n = 1;
    for (int i = 0; i < o->rank; i++)
        if (o->dims[i] < 0 || !mem_mul(n, (size_t)o->dims[i], &n))
            return 0;
    return n;
}

/* The places of boxes, labels, scores and their number among the outputs: as the operator has them, and as newer
 * converters list them. */
static const size_t tflite_orders[][4] = {{0, 1, 2, 3}, {1, 3, 0, 2}};

static bool is_in_order(const struct task_output *outputs, const size_t *order)
{
    const struct task_output *boxes = &outputs[order[0]];
    size_t n = elements(&outputs[order[1]]);
    return boxes->rank >= 2 && boxes->dims[boxes->rank - 1] == 4 && elements(boxes) == 4 * n &&
           elements(&outputs[order[2]]) == n && elements(&outputs[order[3]]) == 1;
}

int task_decode_tflite(struct task_candidates *c, const struct task_output *outputs, size_t count, struct error *err)
{
    struct task_rows m;
    size_t k = 0;
    while (k < 2 && count >= 4 && !is_in_order(outputs, tflite_orders[k]))
        k++;
    if (k == 2 || count < 4)
        return error_set(err, "task: %zu outputs: want four, n boxes of 4 values, n labels, n scores and their number",
                         count);
    const size_t *order = tflite_orders[k];
    if (as_matrix(&outputs[order[0]], &m, err))
        return -1;
    for (size_t r = 0; r < m.rows && (float)r < outputs[order[3]].values[0]; r++) {
        const float *v = cell(&m, r, 0), corners[] = {v[1], v[0], v[3], v[2]};
        if (add_fractions(c, outputs[order[1]].values[r], 0, outputs[order[2]].values[r], corners, err))
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

int task_detect(const struct task *task, const struct task_output *outputs, size_t count, int width, int height,
                struct task_boxes *out, struct error *err)
{
    struct task_candidates c = {.task = task, .width = width, .height = height};
    if (!decoders[task->id])
        return error_set(err, "task %s: gives no boxes: want one of detect=", task_name(task->id));
    if (decoders[task->id](&c, outputs, count, err)) {
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
