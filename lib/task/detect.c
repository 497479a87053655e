/* From a detector's outputs to boxes, their key points and masks. */
#include "task/detect.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static task_decode_fn *const decoders[] = {
#define TASK(id, name, kind, decode, options, what) decode,
#include "task/task.def"
#undef TASK
};

/* Outputs tell how many boxes there are, and each row of them may give one for every label. */
#define MAX_BOXES ((size_t)1 << 23)
#define MAX_EXTRA ((size_t)1 << 26)

static void bound(float *x0, float *y0, float *x1, float *y1, float low, float width, float height)
{
    *x0 = fmaxf(low, fminf(*x0, width)), *y0 = fmaxf(low, fminf(*y0, height));
    *x1 = fmaxf(low, fminf(*x1, width)), *y1 = fmaxf(low, fminf(*y1, height));
}

int task_candidate(struct task_candidates *c, struct task_box box, float **extra, struct error *err)
{
    size_t more = c->points ? 3 * c->points : c->coefficients;
    const struct task_query *q = c->q;
    if (extra)
        *extra = NULL;
    if (!(box.score >= task_number(c->task, TASK_SCORE)) || !isfinite(box.score) ||
        !isfinite(box.x0 + box.y0 + box.x1 + box.y1))
        return 0;
    if (task_word(c->task, TASK_CLIP) == 1)
        bound(&box.x0, &box.y0, &box.x1, &box.y1, 0, (float)q->width, (float)q->height);
    if (c->count == MAX_BOXES || c->extra_count + more >= MAX_EXTRA)
        return error_set(err, "task: more than %zu boxes, or %zu numbers behind them: want a higher score", MAX_BOXES,
                         MAX_EXTRA);
    if (mem_grow(&c->box, &c->cap, c->count + 1, sizeof *c->box, err) < 0 ||
        mem_grow(&c->extra, &c->extra_cap, c->extra_count + more + 1, sizeof *c->extra, err) < 0)
        return -1;
    box.extra = c->extra_count;
    c->box[c->count++] = box;
    for (size_t i = 0; i < more; i++)
        c->extra[box.extra + i] = 0;
    c->extra_count += more ? more : 1;
    if (extra)
        *extra = c->extra + box.extra;
    return 0;
}

int task_polygon(struct task_candidates *c, size_t label, float score, const float corner[4][2], struct error *err)
{
    struct task_box box = {label, score, INFINITY, INFINITY, -INFINITY, -INFINITY, 0};
    float *extra;
    for (int i = 0; i < 4; i++) {
        box.x0 = fminf(box.x0, corner[i][0]), box.y0 = fminf(box.y0, corner[i][1]);
        box.x1 = fmaxf(box.x1, corner[i][0]), box.y1 = fmaxf(box.y1, corner[i][1]);
    }
    if (task_candidate(c, box, &extra, err) < 0)
        return -1;
    for (int i = 0; extra && i < 4; i++)
        extra[3 * i] = corner[i][0], extra[3 * i + 1] = corner[i][1], extra[3 * i + 2] = 1;
    return 0;
}

int task_decode_nothing(struct task_candidates *c, struct error *err)
{
    (void)c;
    return error_set(err, "the outputs do not tell which detector it is: want a task such as detect=yolov8");
}

int task_check_labels(const struct task_query *q, struct error *err)
{
    struct task_query one = *q;
    struct task_candidates c = {.task = q->task, .q = &one, .checks = true};
    struct error why;
    task_decode_fn *decode = decoders[q->task->id];
    if (task_use_output(&one, err) < 0)
        return -1;
    if ((decode == task_decode_dense || decode == task_decode_yolo) && decode(&c, &why) < 0 && c.misnamed)
        *err = why;
    free(c.box);
    free(c.extra);
    return c.misnamed ? -1 : 0;
}

/* ---- outputs as rows ---- */

int task_matrix(const struct task_output *o, struct task_rows *out, struct error *err)
{
    size_t d[2];
    if (o->rank < 2)
        return error_set(err, "task: the output has %d dimensions: want rows and columns", o->rank);
    if (!task_last_dims(o, 2, d))
        return error_set(err, "task: %d dimensions: want 1 before the last two", o->rank);
    *out = (struct task_rows){o->values, d[0], d[1], 1, d[1], 0, 1};
    return 0;
}

struct task_rows task_turned(const struct task_rows *m)
{
    return (struct task_rows){m->values, m->columns, m->rows, 1, m->step, 0, m->cell_step};
}

struct task_rows task_columns(const struct task_rows *m, size_t first, size_t count)
{
    struct task_rows part = *m;
    part.values += first * m->step;
    part.columns = count;
    return part;
}

bool task_are_whole(const struct task_rows *m, size_t column)
{
    for (size_t r = 0; r < m->rows; r++) {
        float v = *task_cell(m, r, column);
        if (!(v >= -1 && v <= 65535) || v != floorf(v))
            return false;
    }
    return true;
}

bool task_is_part(const struct task *task, const struct task_rows *m, size_t columns)
{
    if (task_word(task, TASK_UNIT) != TASK_UNIT_AUTO)
        return task_word(task, TASK_UNIT) == TASK_UNIT_PART;
    for (size_t r = 0; r < m->rows; r++)
        for (size_t i = 0; i < columns; i++)
            if (*task_cell(m, r, i) > 2)
                return false;
    return true;
}

size_t task_point_size(const struct task *task, size_t numbers, size_t points)
{
    static const size_t sizes[] = {[TASK_ORDER_XY] = 2,   [TASK_ORDER_XYZ] = 3, [TASK_ORDER_YXV] = 3,
                                   [TASK_ORDER_XXYY] = 2, [TASK_ORDER_XYV] = 3, [TASK_ORDER_XYZVP] = 5};
    int order = task_word(task, TASK_ORDER);
    return order ? sizes[order] : points && numbers == 2 * points ? 2 : 3;
}

struct task_point task_point(const struct task *task, const struct task_rows *m, size_t row, size_t point, size_t size,
                             size_t points)
{
    int order = task_word(task, TASK_ORDER);
    size_t x = point * size, y = x + 1;
    if (order == TASK_ORDER_YXV)
        x++, y--;
    if (order == TASK_ORDER_XXYY)
        x = point, y = points + point;
    float score = 1;
    if (size == 3 && order != TASK_ORDER_XYZ)
        score = *task_cell(m, row, point * size + 2);
    if (order == TASK_ORDER_XYZVP)
        score = task_sigmoid(*task_cell(m, row, point * size + 3));
    return (struct task_point){*task_cell(m, row, x), *task_cell(m, row, y), score};
}

/* ---- answers ---- */

static float clip(float v, int high)
{
    return v < 0 ? 0 : v > (float)high ? (float)high : v;
}

/* By option undo: both sides by the height's factor, or by that of the side that fills the input, where the other one
 * differs by rounding alone. */
static struct recipe_map map_of(const struct task_candidates *c)
{
    const struct task_query *q = c->q;
    struct recipe_map m = *q->map;
    int undo = task_word(c->task, TASK_UNDO);
    float width = m.scale_x * (float)q->photo_width, height = m.scale_y * (float)q->photo_height;
    bool is_wide = fabsf(width - (float)q->width) < 0.5f, is_tall = fabsf(height - (float)q->height) < 0.5f;
    float rounded = fabsf(1 - m.scale_x / m.scale_y) * (is_wide ? height : width);
    if (undo == TASK_UNDO_SIDES || m.stretched || !(is_wide || is_tall) || rounded >= 1)
        return m;
    if (undo == TASK_UNDO_RATIO && is_wide)
        m.scale_y = m.scale_x;
    else
        m.scale_x = m.scale_y;
    return m;
}

#define MOST_PLACE 1e6f /* that a record may tell of */

/* From the input's pixels to those of the photo, clipped to it but for MediaPipe's, from whose whole sides squares for
 * the next network are laid. */
static void unmap_box(const struct task_candidates *c, struct task_answer *a)
{
    const struct task_query *q = c->q;
    if (!q->map)
        return;
    struct recipe_map map = map_of(c);
    recipe_unmap(&map, &a->x0, &a->y0);
    recipe_unmap(&map, &a->x1, &a->y1);
    bool whole = task_word(c->task, TASK_FORM) == TASK_FORM_LINEAR;
    bound(&a->x0, &a->y0, &a->x1, &a->y1, whole ? -MOST_PLACE : 0, whole ? MOST_PLACE : (float)q->photo_width,
          whole ? MOST_PLACE : (float)q->photo_height);
}

/* Points of text lines, and those of YOLO, as its authors have it. */
static bool are_clipped(const struct task *task)
{
    bool is_yolo =
        task->kind == TASK_DETECT && task->option[TASK_UNDO].count && task_word(task, TASK_UNDO) != TASK_UNDO_HEIGHT;
    return task->id == TASK_ID_POLYGONS_DB || (is_yolo && task_word(task, TASK_FORM) <= TASK_FORM_YX);
}

static int give_points(const struct task_candidates *c, const float *extra, struct task_answer *a, struct error *err)
{
    struct recipe_map map = c->q->map ? map_of(c) : (struct recipe_map){1, 1, 0, 0, false};
    if (c->points && !(a->points = mem_calloc(c->points, sizeof *a->points, err)))
        return -1;
    for (size_t i = 0; i < c->points; i++) {
        struct task_point p = {extra[3 * i], extra[3 * i + 1], extra[3 * i + 2]};
        recipe_unmap(&map, &p.x, &p.y);
        if (c->task->id == TASK_ID_POLYGONS_DB && task_word(c->task, TASK_SHAPE) == 0)
            p.x = rintf(p.x), p.y = rintf(p.y);
        if (c->q->map && are_clipped(c->task))
            p.x = clip(p.x, c->q->photo_width), p.y = clip(p.y, c->q->photo_height);
        if (isfinite(p.x + p.y + p.score)) /* others stay 0, with a score of 0 */
            a->points[i] = p;
    }
    a->point_count = c->points;
    return 0;
}

static bool is_empty(const struct task_answer *a)
{
    size_t n = (size_t)a->place.width * (size_t)a->place.height;
    return n == 0 || !memchr(a->mask, 1, n);
}

/* A box whose mask has no pixel is none. */
static int give_answer(struct task_candidates *c, const struct task_box *b, struct task_answers *out, struct error *err)
{
    struct task_answer a = {.label = b->label, .score = b->score, .x0 = b->x0, .y0 = b->y0, .x1 = b->x1, .y1 = b->y1};
    unmap_box(c, &a);
    if (give_points(c, c->extra + b->extra, &a, err) < 0)
        return -1;
    if ((c->coefficients || c->masks.values) && task_instance_mask(c, b, &a, err) < 0) {
        free(a.points);
        return -1;
    }
    if (c->prototypes && is_empty(&a)) {
        free(a.points);
        free(a.mask);
        return 0;
    }
    return task_answers_add(out, a, err);
}

/* Lines of text as they are read: from top to bottom, those that begin within 10 pixels of each other from left to
 * right (as PaddleOCR has it). */
static int from_the_top(const void *a, const void *b)
{
    const struct task_point *p = ((const struct task_answer *)a)->points, *q = ((const struct task_answer *)b)->points;
    if (p->y != q->y)
        return p->y < q->y ? -1 : 1;
    return (p->x > q->x) - (p->x < q->x);
}

static void order_lines(struct task_answers *a)
{
    qsort(a->at, a->count, sizeof *a->at, from_the_top);
    for (size_t i = 1; i < a->count; i++)
        for (size_t j = i; j > 0; j--) {
            struct task_answer *before = &a->at[j - 1], line = a->at[j];
            if (line.points->y - before->points->y >= 10 || line.points->x >= before->points->x)
                break;
            a->at[j] = *before;
            *before = line;
        }
}

int task_detect(const struct task_query *q, struct task_answers *out, struct error *err)
{
    struct task_candidates c = {.task = q->task, .q = q};
    if (q->width < 1 || q->height < 1)
        return error_set(err, "boxes need a photo as the input, to know its size");
    int status = decoders[q->task->id](&c, err);
    if (status == 0)
        status = task_suppress(&c, err);
    for (size_t i = 0; status == 0 && i < c.count && (!q->most || i < q->most); i++)
        status = give_answer(&c, &c.box[i], out, err);
    if (q->task->kind == TASK_POLYGONS && q->task->id != TASK_ID_POLYGONS_OBB && out->count)
        order_lines(out);
    free(c.box);
    free(c.extra);
    return status;
}
