/* Detectors whose rows are boxes already. */
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "task/detect.h"

/* Corners in the order x0, y0, x1, y1, in pixels or, with `part`, as fractions of the input; a label that is not a
 * number, or negative, makes the row none. *extra is that of task_candidate(). */
static int add_corners(struct task_candidates *c, float label, float score, const float *corner, bool part,
                       float **extra, struct error *err)
{
    const float width = part ? (float)c->q->width : 1, height = part ? (float)c->q->height : 1;
    if (extra)
        *extra = NULL;
    if (!(label >= 0 && label < 65536))
        return 0;
    struct task_box box = {(size_t)label,      score, corner[0] * width, corner[1] * height, corner[2] * width,
                           corner[3] * height, 0};
    return task_candidate(c, box, extra, err);
}

static int decode_corners(struct task_candidates *c, const struct task_rows *m, float first, struct error *err)
{
    for (size_t r = 0; r < m->rows; r++) {
        const float *v = task_cell(m, r, m->columns - 6);
        if (add_corners(c, v[0] - first, v[1], v + 2, true, NULL, err) < 0)
            return -1;
    }
    return 0;
}

int task_decode_ssd(struct task_candidates *c, struct error *err)
{
    struct task_rows m;
    if (task_matrix(c->q->outputs, &m, err) < 0)
        return -1;
    if (m.rows && m.columns != 6 && m.columns != 7)
        return error_set(err, "task: %zu values for a box: want 6 or 7", m.columns);
    return decode_corners(c, &m, 0, err);
}

int task_decode_ncnn(struct task_candidates *c, struct error *err)
{
    struct task_rows m;
    if (task_matrix(c->q->outputs, &m, err) < 0)
        return -1;
    if (m.rows && m.columns != 6)
        return error_set(err, "task: %zu values for a box: want 6", m.columns);
    return decode_corners(c, &m, 1, err);
}

/* Scores have been multiplied by the objectness. */
static int decode_cells(struct task_candidates *c, const struct task_rows *m, struct error *err)
{
    const float width = (float)c->q->width, height = (float)c->q->height;
    for (size_t r = 0; r < m->rows; r++) {
        const float *v = task_cell(m, r, 0);
        size_t label = task_argmax(v + 5, m->columns - 5, 1);
        float x = v[0] * width, y = v[1] * height, w = v[2] * width / 2, h = v[3] * height / 2;
        struct task_box box = {label, v[5 + label], x - w, y - h, x + w, y + h, 0};
        if (task_candidate(c, box, NULL, err) < 0)
            return -1;
    }
    return 0;
}

/* A grid an output; what is no grid of the first one's labels is something else that the network tells. */
int task_decode_yolov3(struct task_candidates *c, struct error *err)
{
    const struct task_query *q = c->q;
    struct task_rows first, m;
    struct error ignored;
    if (task_matrix(q->outputs, &first, err) < 0)
        return -1;
    if (first.columns < 6)
        return error_set(err, "task: %zu values for a box: want 5 and one for each label", first.columns);
    for (size_t i = 0; i < q->count; i++)
        if (task_matrix(&q->outputs[i], &m, &ignored) == 0 && m.columns == first.columns &&
            decode_cells(c, &m, err) < 0)
            return -1;
    return 0;
}

/* ---- TensorFlow Lite's four outputs ---- */

/* The places of boxes, labels, scores and their number among the outputs: as the operator has them, and as newer
 * converters list them. */
static const size_t tflite_orders[][4] = {{0, 1, 2, 3}, {1, 3, 0, 2}};

static bool is_in_order(const struct task_output *outputs, const size_t *order)
{
    const struct task_output *boxes = &outputs[order[0]];
    size_t n = task_elements(&outputs[order[1]]);
    return boxes->rank >= 2 && boxes->dims[boxes->rank - 1] == 4 && task_elements(boxes) == 4 * n &&
           task_elements(&outputs[order[2]]) == n && task_elements(&outputs[order[3]]) == 1;
}

int task_decode_tflite(struct task_candidates *c, struct error *err)
{
    const struct task_output *outputs = c->q->outputs;
    struct task_rows m;
    size_t k = 0;
    while (k < 2 && c->q->count >= 4 && !is_in_order(outputs, tflite_orders[k]))
        k++;
    if (k == 2 || c->q->count < 4)
        return error_set(err, "task: %zu outputs: want four, n boxes of 4 values, n labels, n scores and their number",
                         c->q->count);
    const size_t *order = tflite_orders[k];
    if (task_matrix(&outputs[order[0]], &m, err) < 0)
        return -1;
    for (size_t r = 0; r < m.rows && (float)r < outputs[order[3]].values[0]; r++) {
        const float *v = task_cell(&m, r, 0), corners[] = {v[1], v[0], v[3], v[2]};
        if (add_corners(c, outputs[order[1]].values[r], outputs[order[2]].values[r], corners, true, NULL, err) < 0)
            return -1;
    }
    return 0;
}

/* ---- three lists ---- */

/* Boxes [n, 4], labels [n], which are whole numbers or called so, scores [n]. */
static bool find_lists(const struct task_query *q, struct task_rows *boxes, const float **labels, const float **scores)
{
    size_t n = 0;
    struct error ignored;
    *labels = *scores = NULL;
    for (size_t i = 0; i < q->count && !n; i++)
        if (!q->outputs[i].whole && task_matrix(&q->outputs[i], boxes, &ignored) == 0 && boxes->columns == 4)
            n = boxes->rows;
    for (size_t i = 0; i < q->count; i++) {
        const struct task_output *o = &q->outputs[i];
        bool label = o->whole || task_is_named(o, "label class");
        if (n && task_elements(o) == n)
            *(label ? labels : scores) = o->values;
    }
    return *labels && *scores;
}

int task_decode_lists(struct task_candidates *c, struct error *err)
{
    struct task_rows boxes;
    const float *labels, *scores;
    if (c->q->count >= 3 && task_elements(c->q->outputs) == 0)
        return 0; /* nothing was found */
    if (!find_lists(c->q, &boxes, &labels, &scores))
        return error_set(err, "task: want outputs of n boxes, 4 numbers each, n labels and n scores");
    bool part = task_is_part(c->task, &boxes, 4);
    for (size_t r = 0; r < boxes.rows; r++)
        if (add_corners(c, labels[r], scores[r], task_cell(&boxes, r, 0), part, NULL, err) < 0)
            return -1;
    return 0;
}

/* ---- YOLO without suppression ---- */

/* Behind six values points, or coefficients of the prototypes that are another output. */
static int set_extra(struct task_candidates *c, size_t left, struct error *err)
{
    size_t points = (size_t)task_number(c->task, TASK_POINTS);
    struct task_planes p;
    struct error ignored;
    for (size_t i = 1; points == 0 && left && i < c->q->count; i++)
        if (task_planes(&c->q->outputs[i], c->q->channels_last, &p, &ignored) == 0 && p.channels == left) {
            c->prototypes = &c->q->outputs[i];
            c->coefficients = left;
            return 0;
        }
    if (points && left != points * task_point_size(c->task, left, points))
        return error_set(err, "task: %zu values behind a box for %zu points: want two or three each", left, points);
    c->points = points;
    return 0;
}

int task_decode_end(struct task_candidates *c, struct error *err)
{
    struct task_rows m;
    if (task_matrix(c->q->outputs, &m, err) < 0)
        return -1;
    if (m.columns < 6)
        return error_set(err, "task: %zu values for a box: want 6 or more", m.columns);
    if (set_extra(c, m.columns - 6, err) < 0)
        return -1;
    bool part = task_is_part(c->task, &m, 4);
    float width = part ? (float)c->q->width : 1, height = part ? (float)c->q->height : 1;
    size_t size = c->points ? (m.columns - 6) / c->points : 0;
    for (size_t r = 0; r < m.rows; r++) {
        const float *v = task_cell(&m, r, 0);
        struct task_rows behind = task_columns(&m, 6, m.columns - 6);
        float *extra;
        if (add_corners(c, v[5], v[4], v, part, &extra, err) < 0)
            return -1;
        for (size_t i = 0; extra && i < c->points; i++) {
            struct task_point p = task_point(c->task, &behind, r, i, size, c->points);
            extra[3 * i] = p.x * width, extra[3 * i + 1] = p.y * height, extra[3 * i + 2] = p.score;
        }
        for (size_t i = 0; extra && i < c->coefficients; i++)
            extra[i] = v[6 + i];
    }
    return 0;
}

/* ---- turned boxes ---- */

/* Corners clockwise from what is the top left one before the box is turned by the angle, clockwise too. */
static int add_turned(struct task_candidates *c, float label, float score, const float v[4], float angle,
                      struct error *err)
{
    float *extra, wx = v[2] / 2 * cosf(angle), wy = v[2] / 2 * sinf(angle), hx = -v[3] / 2 * sinf(angle),
                  hy = v[3] / 2 * cosf(angle), w = fabsf(wx) + fabsf(hx), h = fabsf(wy) + fabsf(hy);
    static const float signs[4][2] = {{-1, -1}, {1, -1}, {1, 1}, {-1, 1}};
    const float corner[] = {v[0] - w, v[1] - h, v[0] + w, v[1] + h};
    if (add_corners(c, label, score, corner, false, &extra, err) < 0)
        return -1;
    for (int i = 0; extra && i < 4; i++) {
        extra[3 * i] = v[0] + signs[i][0] * wx + signs[i][1] * hx;
        extra[3 * i + 1] = v[1] + signs[i][0] * wy + signs[i][1] * hy;
        extra[3 * i + 2] = 1;
    }
    return 0;
}

int task_decode_turned(struct task_candidates *c, struct error *err)
{
    struct task_rows m;
    size_t labels = c->q->labels->count;
    if (task_matrix(c->q->outputs, &m, err) < 0)
        return -1;
    bool ended = m.columns == 7 && (labels != 2 || m.rows != 7);
    if (!ended && !(labels && m.columns == labels + 5))
        m = task_turned(&m);
    if (!ended && (m.columns < 6 || (labels && m.columns != labels + 5)))
        return error_set(err, "task: %zu values for a turned box: want 5 and one for each label", m.columns);
    bool part = !ended && task_is_part(c->task, &m, 4);
    c->points = 4;
    if (ended)
        c->chosen = *c->task, c->chosen.option[TASK_NMS].at[0] = TASK_NMS_NONE, c->task = &c->chosen;
    for (size_t r = 0; r < m.rows; r++) {
        size_t best = ended ? 0 : task_argmax(task_cell(&m, r, 4), m.columns - 5, m.step);
        float v[4];
        for (size_t i = 0; i < 4; i++)
            v[i] = *task_cell(&m, r, i) * (part ? (float)(i % 2 ? c->q->height : c->q->width) : 1);
        float label = ended ? *task_cell(&m, r, 5) : (float)best;
        if (add_turned(c, label, *task_cell(&m, r, 4 + best), v, *task_cell(&m, r, m.columns - 1), err) < 0)
            return -1;
    }
    return 0;
}

/* ---- whichever of YOLO's ---- */

/* A row of six: told already; fewer columns than rows and labels or objectness behind the box: yolov5's. */
static enum task_id yolo_of(const struct task_candidates *c, const struct task_rows *m)
{
    size_t labels = c->q->labels->count, points = (size_t)task_number(c->task, TASK_POINTS);
    if (m->columns >= 6 && m->rows <= 300 && m->columns < 6 + 3 * points + 1 + (c->q->count > 1 ? 64 : 0) &&
        m->columns <= m->rows)
        return TASK_ID_DETECT_YOLOV10;
    if (m->columns < m->rows && (!labels || m->columns >= 5 + labels))
        return TASK_ID_DETECT_YOLOV5;
    return TASK_ID_DETECT_YOLOV8;
}

int task_decode_yolo(struct task_candidates *c, struct error *err)
{
    static task_decode_fn *const decode[] = {[TASK_ID_DETECT_YOLOV8] = task_decode_dense,
                                             [TASK_ID_DETECT_YOLOV5] = task_decode_dense,
                                             [TASK_ID_DETECT_YOLOV10] = task_decode_end};
    const struct task *said = c->task;
    struct task_rows m;
    if (task_matrix(c->q->outputs, &m, err) < 0)
        return -1;
    enum task_id id = yolo_of(c, &m);
    if (task_parse(task_name(id), strlen(task_name(id)), &c->chosen, err) < 0)
        return -1;
    for (int i = 0; i < TASK_OPTIONS; i++)
        if (said->option[i].count && i != TASK_NMS)
            c->chosen.option[i] = said->option[i];
    c->task = &c->chosen;
    return decode[id](c, err);
}
