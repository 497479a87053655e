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

/* Four numbers of a box as corners, by one of the forms that need no grid. */
static void corners_of(int form, const float *v, float *out)
{
    float w = v[2] / 2, h = v[3] / 2;
    const float all[][4] = {[TASK_FORM_CORNERS] = {v[0], v[1], v[2], v[3]},
                            [TASK_FORM_CENTRES] = {v[0] - w, v[1] - h, v[0] + w, v[1] + h},
                            [TASK_FORM_YX] = {v[1], v[0], v[3], v[2]}};
    memcpy(out, all[form], sizeof all[form]);
}

/* The last six of a row: label, score, corners. */
int task_decode_ssd(struct task_candidates *c, struct error *err)
{
    struct task_rows m;
    const bool ncnn = c->task->id == TASK_ID_DETECT_NCNN;
    if (task_matrix(c->q->outputs, &m, err) < 0)
        return -1;
    if (m.rows && m.columns != 6 && (ncnn || m.columns != 7))
        return error_set(err, "task: %zu values for a box: want 6%s", m.columns, ncnn ? "" : " or 7");
    for (size_t r = 0; r < m.rows; r++) {
        const float *v = task_cell(&m, r, m.columns - 6);
        if (add_corners(c, v[0] - (float)ncnn, v[1], v + 2, task_word(c->task, TASK_UNIT) == TASK_UNIT_PART, NULL,
                        err) < 0)
            return -1;
    }
    return 0;
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

/* The places of boxes, labels, scores and their number among the outputs: as the operator has them, as newer converters
 * list them, and by the numbers in their names. */
static const unsigned char tflite_orders[][4] = {{0, 1, 2, 3}, {1, 3, 0, 2}, {3, 2, 1, 0}};
#define TFLITE_ORDERS (sizeof tflite_orders / sizeof *tflite_orders)

static bool is_in_order(const struct task_output *outputs, const unsigned char *order)
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
    while (k < TFLITE_ORDERS && c->q->count >= 4 && !is_in_order(outputs, tflite_orders[k]))
        k++;
    if (k == TFLITE_ORDERS || c->q->count < 4)
        return error_set(err, "task: %zu outputs: want four, n boxes of 4 values, n labels, n scores and their number",
                         c->q->count);
    const unsigned char *order = tflite_orders[k];
    if (task_matrix(&outputs[order[0]], &m, err) < 0)
        return -1;
    for (size_t r = 0; r < m.rows && (float)r < outputs[order[3]].values[0]; r++) {
        float corners[4];
        corners_of(TASK_FORM_YX, task_cell(&m, r, 0), corners);
        if (add_corners(c, outputs[order[1]].values[r], outputs[order[2]].values[r], corners, true, NULL, err) < 0)
            return -1;
    }
    return 0;
}

/* ---- lists: what stands at the same place of each belongs together ---- */

struct lists {
    struct task_rows boxes, points; /* boxes: perhaps with a score behind */
    const float *labels, *scores, *point_scores, *masks;
    bool told; /* labels, by their type or name */
    size_t mask_width, mask_height, point_count, point_size;
};

static size_t last_dim(const struct task_output *o, int back)
{
    return o->rank > back ? (size_t)o->dims[o->rank - 1 - back] : 1;
}

#define MOST_MASKS ((size_t)1 << 24) /* a candidate's is told by a float */

/* What is said of n boxes beside their corners. */
static void take_list(struct lists *l, const struct task_output *o, size_t n)
{
    size_t a = last_dim(o, 1), b = last_dim(o, 0), all = task_elements(o);
    bool each = o->rank >= 3 && all > 0 && all == n * a * b; /* a and b belong to a box */
    if (all == n && (o->whole || task_is_named(o, "label class"))) {
        l->labels = o->values;
        l->told = true;
    } else if (all == n && !task_is_named(o, "num")) {
        l->labels = l->told ? l->labels : l->scores; /* else those are what stands before the scores */
        l->scores = o->values;
    } else if (each && (b == 2 || b == 3)) {
        l->points = (struct task_rows){o->values, n, a * b, 1, a * b, 0, 1};
        l->point_count = a, l->point_size = b;
    } else if (each && a > 3 && b > 3 && n <= MOST_MASKS) {
        l->masks = o->values;
        l->mask_height = a, l->mask_width = b;
    } else if (o->rank >= 2 && all == n * b && b == l->point_count)
        l->point_scores = o->values;
}

static bool find_lists(const struct task_query *q, struct lists *l)
{
    struct error ignored;
    for (size_t k = 0; k < q->count; k++) {
        const struct task_output *o = &q->outputs[k];
        *l = (struct lists){0};
        if (o->whole || task_matrix(o, &l->boxes, &ignored) < 0 || (l->boxes.columns != 4 && l->boxes.columns != 5))
            continue;
        for (size_t i = 0; i < q->count; i++)
            if (i != k)
                take_list(l, &q->outputs[i], l->boxes.rows);
        if (l->boxes.columns == 5 || l->scores)
            return true;
    }
    return false;
}

static int add_listed(struct task_candidates *c, const struct lists *l, size_t r, bool part, struct error *err)
{
    const float *v = task_cell(&l->boxes, r, 0);
    float score = l->boxes.columns == 5 ? v[4] : l->scores[r], corners[4], *extra;
    corners_of(task_word(c->task, TASK_FORM), v, corners);
    if (add_corners(c, l->labels ? l->labels[r] : 0, score, corners, part, &extra, err) < 0)
        return -1;
    for (size_t i = 0; extra && i < c->points; i++) {
        struct task_point p = task_point(c->task, &l->points, r, i, l->point_size, l->point_count);
        extra[3 * i] = p.x * (part ? (float)c->q->width : 1), extra[3 * i + 1] = p.y * (part ? (float)c->q->height : 1);
        extra[3 * i + 2] = l->point_scores ? l->point_scores[r * c->points + i] : p.score;
    }
    if (extra && c->coefficients)
        *extra = (float)r;
    return 0;
}

int task_decode_lists(struct task_candidates *c, struct error *err)
{
    struct lists l;
    if (task_word(c->task, TASK_FORM) > TASK_FORM_YX)
        return error_set(err, "task detect=lists: want form=corners, centres or yx");
    if (task_elements(c->q->outputs) == 0)
        return 0; /* nothing was found */
    if (!find_lists(c->q, &l))
        return error_set(err, "task: want outputs of n boxes, 4 numbers each, and n scores, or 5 numbers each");
    if (l.point_size != (l.point_count ? task_point_size(c->task, l.points.columns, l.point_count) : 0))
        return error_set(err, "task: points of %zu numbers: want as many as option order says", l.point_size);
    bool part = task_is_part(c->task, &l.boxes, 4);
    c->points = l.point_count;
    if (!c->points && l.masks) {
        c->coefficients = 1; /* the number of the mask */
        c->masks =
            (struct task_planes){l.masks, l.boxes.rows, l.mask_height, l.mask_width, l.mask_height * l.mask_width, 1};
    }
    for (size_t r = 0; r < l.boxes.rows; r++)
        if (add_listed(c, &l, r, part, err) < 0)
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

/* Where a row's box, score and label begin: with seven values, that of the image before them, the label is before the
 * score (YOLOv7) unless only the last are whole numbers (super-gradients). */
static void find_end(const struct task_candidates *c, struct task_rows *m, size_t *score, size_t *label)
{
    *score = 4, *label = 5;
    if (m->columns != 7 || c->points || c->coefficients)
        return;
    *m = task_columns(m, 1, 6);
    if (task_are_whole(m, 4) || !task_are_whole(m, 5))
        *score = 5, *label = 4;
}

/* Of parts of the input, whether corners of those above the least score are none: centre and size (RT-DETR of
 * Ultralytics). */
static bool are_centres(const struct task_candidates *c, const struct task_rows *m, size_t score)
{
    for (size_t r = 0; r < m->rows; r++) {
        const float *v = task_cell(m, r, 0);
        if (v[score] >= task_number(c->task, TASK_SCORE) && (v[2] < v[0] || v[3] < v[1]))
            return true;
    }
    return false;
}

int task_decode_end(struct task_candidates *c, struct error *err)
{
    struct task_rows m;
    size_t score, label;
    if (task_matrix(c->q->outputs, &m, err) < 0)
        return -1;
    if (m.rows && m.columns < 6)
        return error_set(err, "task: %zu values for a box: want 6 or more", m.columns);
    if (m.columns != 7 && m.rows && set_extra(c, m.columns - 6, err) < 0)
        return -1;
    find_end(c, &m, &score, &label);
    bool part = task_is_part(c->task, &m, 4);
    bool centres = part && are_centres(c, &m, score);
    float width = part ? (float)c->q->width : 1, height = part ? (float)c->q->height : 1;
    size_t size = c->points ? (m.columns - 6) / c->points : 0;
    for (size_t r = 0; r < m.rows; r++) {
        const float *v = task_cell(&m, r, 0);
        struct task_rows behind = task_columns(&m, 6, m.columns - 6);
        float corners[4], *extra;
        corners_of(centres ? TASK_FORM_CENTRES : TASK_FORM_CORNERS, v, corners);
        if (add_corners(c, v[label], v[score], corners, part, &extra, err) < 0)
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
    float wx = v[2] / 2 * cosf(angle), wy = v[2] / 2 * sinf(angle), hx = -v[3] / 2 * sinf(angle),
          hy = v[3] / 2 * cosf(angle);
    const float corner[4][2] = {{v[0] - wx - hx, v[1] - wy - hy},
                                {v[0] + wx - hx, v[1] + wy - hy},
                                {v[0] + wx + hx, v[1] + wy + hy},
                                {v[0] - wx + hx, v[1] - wy + hy}};
    if (!(label >= 0 && label < 65536))
        return 0;
    return task_polygon(c, (size_t)label, score, corner, err);
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

/* A row of six, or a list of rows without a batch: told already; fewer columns than rows and labels or objectness
 * behind the box: yolov5's. */
static enum task_id yolo_of(const struct task_candidates *c, const struct task_rows *m)
{
    size_t labels = c->q->labels->count, points = (size_t)task_number(c->task, TASK_POINTS);
    if (c->q->outputs->rank == 2 && (m->columns == 6 || m->columns == 7))
        return TASK_ID_DETECT_YOLOV10;
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
    if (id == TASK_ID_DETECT_YOLOV8 && m.columns == 4 + c->q->labels->count && m.rows <= 300) /* RT-DETR */
        c->chosen.option[TASK_NMS].at[0] = TASK_NMS_NONE;
    c->task = &c->chosen;
    return decode[id](c, err);
}
