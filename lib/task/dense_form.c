/* How a box is told: from a row's numbers to corners in pixels of the input. */
#include <math.h>

#include "task/dense.h"

static float sigmoid_unless_raw(const struct dense *d, float v)
{
    return d->activation == TASK_SCORES_RAW ? v : task_sigmoid(v);
}

static float number_or(const struct task *task, enum task_option option, int i, float otherwise)
{
    return i < task->option[option].count ? task->option[option].at[i] : otherwise;
}

static struct dense_anchor anchor_at(const struct dense *d, const struct dense_level *l, size_t row)
{
    size_t cell = row / l->each;
    int number = (int)(l->anchor + row % l->each);
    float centre = number_or(d->task, TASK_CENTRE, 0, 0);
    struct dense_anchor a = {.cell_x = (float)(cell % l->width), .cell_y = (float)(cell / l->width)};
    a.x = (a.cell_x + centre) * l->stride_x;
    a.y = (a.cell_y + centre) * l->stride_y;
    if (dense_in_cells(d)) {
        const float *size = &d->task->option[TASK_ANCHORS].at[2 * (row % l->each)];
        a.width = size[0] * l->stride_x, a.height = size[1] * l->stride_y;
        return a;
    }
    a.width = number_or(d->task, TASK_SIZES, number, number_or(d->task, TASK_ANCHORS, 2 * number, l->stride_x));
    a.height = number_or(d->task, TASK_SIZES, number, number_or(d->task, TASK_ANCHORS, 2 * number + 1, l->stride_y));
    if (task_word(d->task, TASK_CELLS) == 1)
        a.width = fminf(a.width, (float)d->c->q->width), a.height = fminf(a.height, (float)d->c->q->height);
    return a;
}

struct form_context {
    const struct dense *d;
    const struct dense_level *level;
    struct dense_anchor anchor;
    float v[4];
};

static void set_centre(struct task_box *b, float x, float y, float width, float height)
{
    b->x0 = x - width / 2, b->y0 = y - height / 2;
    b->x1 = x + width / 2, b->y1 = y + height / 2;
}

static void form_corners(const struct form_context *f, struct task_box *b)
{
    b->x0 = f->v[0], b->y0 = f->v[1], b->x1 = f->v[2], b->y1 = f->v[3];
}

static void form_centres(const struct form_context *f, struct task_box *b)
{
    set_centre(b, f->v[0], f->v[1], f->v[2], f->v[3]);
}

static void form_yx(const struct form_context *f, struct task_box *b)
{
    b->x0 = f->v[1], b->y0 = f->v[0], b->x1 = f->v[3], b->y1 = f->v[2];
}

/* Of SSD (Liu et al. 2016). */
static void form_offsets(const struct form_context *f, struct task_box *b)
{
    float v0 = number_or(f->d->task, TASK_VARIANCE, 0, 1), v1 = number_or(f->d->task, TASK_VARIANCE, 1, 1);
    float w = f->anchor.width, h = f->anchor.height;
    set_centre(b, f->anchor.x + f->v[0] * v0 * w, f->anchor.y + f->v[1] * v0 * h, w * expf(f->v[2] * v1),
               h * expf(f->v[3] * v1));
}

/* Of EfficientDet (Tan et al. 2020). */
static void form_offsets_yx(const struct form_context *f, struct task_box *b)
{
    struct form_context turned = *f;
    for (int i = 0; i < 4; i++)
        turned.v[i] = f->v[i ^ 1];
    form_offsets(&turned, b);
}

static void form_edges(const struct form_context *f, struct task_box *b)
{
    const struct dense_anchor *a = &f->anchor;
    set_centre(b, a->x, a->y, a->width, a->height);
    b->x0 += f->v[0] * a->width, b->y0 += f->v[1] * a->height;
    b->x1 += f->v[2] * a->width, b->y1 += f->v[3] * a->height;
}

static void form_linear(const struct form_context *f, struct task_box *b)
{
    set_centre(b, f->anchor.x + f->v[0], f->anchor.y + f->v[1], f->v[2], f->v[3]);
}

static void form_distances(const struct form_context *f, struct task_box *b)
{
    float x = f->level->stride_x, y = f->level->stride_y;
    b->x0 = f->anchor.x - f->v[0] * x, b->y0 = f->anchor.y - f->v[1] * y;
    b->x1 = f->anchor.x + f->v[2] * x, b->y1 = f->anchor.y + f->v[3] * y;
}

/* Where in its cell a centre lies, whose range may reach beyond it (Bochkovskiy et al. 2020, YOLOv4). */
static float place_in_cell(const struct form_context *f, float v)
{
    const struct task_numbers *all = &f->d->task->option[TASK_STRETCH];
    int level = (int)(f->level - f->d->level);
    float stretch = number_or(f->d->task, TASK_STRETCH, level < all->count ? level : 0, 1);
    return stretch * sigmoid_unless_raw(f->d, v) - (stretch - 1) / 2;
}

/* YOLO9000 (Redmon and Farhadi 2017) and YOLOv3. */
static void form_logarithms(const struct form_context *f, struct task_box *b, float width, float height)
{
    const struct dense_anchor *a = &f->anchor;
    set_centre(b, (place_in_cell(f, f->v[0]) + a->cell_x) * f->level->stride_x,
               (place_in_cell(f, f->v[1]) + a->cell_y) * f->level->stride_y, expf(f->v[2]) * width,
               expf(f->v[3]) * height);
}

static void form_yolo2(const struct form_context *f, struct task_box *b)
{
    form_logarithms(f, b, f->anchor.width * f->level->stride_x, f->anchor.height * f->level->stride_y);
}

static void form_yolo3(const struct form_context *f, struct task_box *b)
{
    form_logarithms(f, b, f->anchor.width, f->anchor.height);
}

static void form_yolo5(const struct form_context *f, struct task_box *b)
{
    const struct dense_anchor *a = &f->anchor;
    float v[4];
    for (int i = 0; i < 4; i++)
        v[i] = 2 * sigmoid_unless_raw(f->d, f->v[i]);
    set_centre(b, (v[0] - 0.5f + a->cell_x) * f->level->stride_x, (v[1] - 0.5f + a->cell_y) * f->level->stride_y,
               v[2] * v[2] * a->width, v[3] * v[3] * a->height);
}

static void form_yolox(const struct form_context *f, struct task_box *b)
{
    float x = f->level->stride_x, y = f->level->stride_y;
    set_centre(b, (f->v[0] + f->anchor.cell_x) * x, (f->v[1] + f->anchor.cell_y) * y, expf(f->v[2]) * x,
               expf(f->v[3]) * y);
}

static void form_fastest(const struct form_context *f, struct task_box *b)
{
    const struct task_query *q = f->d->c->q;
    set_centre(b, (tanhf(f->v[0]) + f->anchor.cell_x) * f->level->stride_x,
               (tanhf(f->v[1]) + f->anchor.cell_y) * f->level->stride_y, task_sigmoid(f->v[2]) * (float)q->width,
               task_sigmoid(f->v[3]) * (float)q->height);
}

/* The mean of 0, 1, 2, ... weighted by the softmax of the row's numbers from `first` on (Li et al. 2020, generalized
 * focal loss). */
static float expectation(const struct task_rows *m, size_t row, size_t first, size_t bins)
{
    float top = *task_cell(m, row, first);
    double sum = 0, all = 0;
    for (size_t i = 1; i < bins; i++)
        top = fmaxf(top, *task_cell(m, row, first + i));
    for (size_t i = 0; i < bins; i++) {
        double e = exp((double)*task_cell(m, row, first + i) - top);
        all += e;
        sum += e * (double)i;
    }
    return (float)(sum / all);
}

static struct form_context context_of(const struct dense *d, const struct dense_level *l, size_t row)
{
    struct form_context f = {.d = d, .level = l};
    float scale_x = d->part ? (float)d->c->q->width : 1, scale_y = d->part ? (float)d->c->q->height : 1;
    if (dense_has_grid(d))
        f.anchor = anchor_at(d, l, row);
    for (size_t i = 0; i < 4; i++) {
        f.v[i] = d->bins > 1 ? expectation(&l->boxes, row, i * d->bins, d->bins) : *task_cell(&l->boxes, row, i);
        f.v[i] *= i % 2 == (task_word(d->task, TASK_FORM) != TASK_FORM_YX) ? scale_y : scale_x;
    }
    return f;
}

static void (*const forms[])(const struct form_context *, struct task_box *) = {
    [TASK_FORM_YX] = form_yx,
    [TASK_FORM_CORNERS] = form_corners,
    [TASK_FORM_CENTRES] = form_centres,
    [TASK_FORM_OFFSETS] = form_offsets,
    [TASK_FORM_EDGES] = form_edges,
    [TASK_FORM_LINEAR] = form_linear,
    [TASK_FORM_DISTANCES] = form_distances,
    [TASK_FORM_YOLO2] = form_yolo2,
    [TASK_FORM_YOLO3] = form_yolo3,
    [TASK_FORM_YOLO5] = form_yolo5,
    [TASK_FORM_YOLOX] = form_yolox,
    [TASK_FORM_FASTEST] = form_fastest,
    [TASK_FORM_OFFSETS_YX] = form_offsets_yx,
};

void dense_box(const struct dense *d, const struct dense_level *l, size_t row, struct task_box *box)
{
    struct form_context f = context_of(d, l, row);
    forms[task_word(d->task, TASK_FORM)](&f, box);
}

/* Where points are counted from, and in what: as the boxes of that form are. */
static void point_frame(const struct dense *d, const struct form_context *f, struct dense_anchor *frame)
{
    const struct dense_anchor *a = &f->anchor;
    float v0 = number_or(d->task, TASK_VARIANCE, 0, 1);
    switch (task_word(d->task, TASK_FORM)) {
    case TASK_FORM_OFFSETS:
        *frame = (struct dense_anchor){a->x, a->y, a->width * v0, a->height * v0, 0, 0};
        break;
    case TASK_FORM_EDGES:
        *frame = (struct dense_anchor){a->x - a->width / 2, a->y - a->height / 2, a->width, a->height, 0, 0};
        break;
    case TASK_FORM_LINEAR:
        *frame = (struct dense_anchor){a->x, a->y, 1, 1, 0, 0};
        break;
    case TASK_FORM_YOLOX:
        *frame = (struct dense_anchor){a->cell_x * f->level->stride_x,
                                       a->cell_y * f->level->stride_y,
                                       f->level->stride_x,
                                       f->level->stride_y,
                                       0,
                                       0};
        break;
    case TASK_FORM_DISTANCES:
        *frame = (struct dense_anchor){a->x, a->y, f->level->stride_x, f->level->stride_y, 0, 0};
        if (task_word(d->task, TASK_COLUMNS) == TASK_COLUMNS_BOX_CLASSES) /* YOLO's: two cells, from their corner */
            *frame = (struct dense_anchor){
                a->cell_x * frame->width, a->cell_y * frame->height, 2 * frame->width, 2 * frame->height, 0, 0};
        break;
    default:
        *frame = (struct dense_anchor){0, 0, d->part ? (float)d->c->q->width : 1, d->part ? (float)d->c->q->height : 1,
                                       0, 0};
    }
}

void dense_points(const struct dense *d, const struct dense_level *l, size_t row, float *out)
{
    struct form_context f = context_of(d, l, row);
    struct dense_anchor frame;
    size_t points = d->c->points, size = task_point_size(d->task, l->points.columns, points);
    bool scored = size == 3 && task_word(d->task, TASK_ORDER) != TASK_ORDER_XYZ;
    point_frame(d, &f, &frame);
    for (size_t i = 0; i < points; i++) {
        struct task_point p = task_point(d->task, &l->points, row, i, size, points);
        out[3 * i] = frame.x + p.x * frame.width;
        out[3 * i + 1] = frame.y + p.y * frame.height;
        out[3 * i + 2] = scored && dense_has_grid(d) ? sigmoid_unless_raw(d, p.score) : p.score;
    }
}
