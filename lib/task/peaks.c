/* Detectors that answer by maxima of maps: CenterNet's centres, and heat maps of key points. */
#include <math.h>

#include "task/detect.h"
#include "task/guess.h"

/* ---- CenterNet (Zhou et al. 2019) ---- */

struct centres {
    struct task_planes heat, size, offset; /* offset: without channels when there is none */
    bool is_score;
};

static int find_centres(const struct task_query *q, struct centres *s, struct error *err)
{
    struct task_planes p, pair[2];
    size_t pairs = 0, offset = 1;
    struct error ignored;
    *s = (struct centres){0};
    for (size_t i = 0; i < q->count; i++) {
        const struct task_output *o = &q->outputs[i];
        if (task_planes(o, q->channels_last, &p, &ignored) < 0)
            continue;
        if (pairs < 2 && p.channels == 2 && (s->heat.channels || task_is_named(o, "wh reg off"))) {
            if (task_is_named(o, "reg off"))
                offset = pairs;
            pair[pairs++] = p;
        } else if (!s->heat.channels) {
            s->heat = p;
        }
    }
    if (!s->heat.channels || !pairs)
        return error_set(err, "task: want an output of maps, and one of sizes, 2 channels");
    s->size = pair[pairs == 2 && offset == 0];
    if (pairs == 2)
        s->offset = pair[offset];
    for (size_t i = 0; i < pairs; i++)
        if (pair[i].width != s->heat.width || pair[i].height != s->heat.height)
            return error_set(err, "task: maps of %zux%zu and sizes of %zux%zu: want as many cells", s->heat.width,
                             s->heat.height, pair[i].width, pair[i].height);
    return 0;
}

static const float *at(const struct task_planes *p, size_t channel, size_t x, size_t y)
{
    return p->values + channel * p->step + (y * p->width + x) * p->next;
}

/* Whether none of the eight neighbours is larger. */
static bool is_peak(const struct task_planes *p, size_t channel, size_t x, size_t y)
{
    float v = *at(p, channel, x, y);
    for (size_t j = y ? y - 1 : 0; j <= y + 1 && j < p->height; j++)
        for (size_t i = x ? x - 1 : 0; i <= x + 1 && i < p->width; i++)
            if (*at(p, channel, i, j) > v)
                return false;
    return true;
}

static int add_peak(struct task_candidates *c, const struct centres *s, size_t channel, size_t x, size_t y,
                    struct error *err)
{
    float score = *at(&s->heat, channel, x, y);
    score = s->is_score ? score : task_sigmoid(score);
    if (!(score >= task_number(c->task, TASK_SCORE)) || !is_peak(&s->heat, channel, x, y))
        return 0;
    float stride_x = (float)c->q->width / (float)s->heat.width, stride_y = (float)c->q->height / (float)s->heat.height;
    float cx = (float)x + (s->offset.channels ? *at(&s->offset, 0, x, y) : 0.5f);
    float cy = (float)y + (s->offset.channels ? *at(&s->offset, 1, x, y) : 0.5f);
    float w = *at(&s->size, 0, x, y) / 2, h = *at(&s->size, 1, x, y) / 2;
    struct task_box box = {
        channel, score, (cx - w) * stride_x, (cy - h) * stride_y, (cx + w) * stride_x, (cy + h) * stride_y, 0};
    return task_candidate(c, box, NULL, err);
}

int task_decode_centernet(struct task_candidates *c, struct error *err)
{
    struct centres s;
    if (find_centres(c->q, &s, err) < 0)
        return -1;
    s.is_score = task_activation(c->task, TASK_END_UNKNOWN,
                                 task_are_scores(s.heat.values, s.heat.channels * s.heat.width * s.heat.height),
                                 TASK_SCORES_SIGMOID) == TASK_SCORES_RAW;
    for (size_t channel = 0; channel < s.heat.channels; channel++)
        for (size_t y = 0; y < s.heat.height; y++)
            for (size_t x = 0; x < s.heat.width; x++)
                if (add_peak(c, &s, channel, x, y, err) < 0)
                    return -1;
    return 0;
}

/* ---- CenterFace (Xu et al. 2019): of two numbers, that of y comes first ---- */

struct faces {
    struct task_planes heat, size, offset, points;
};

/* By their channels: 1, then 2 of sizes and 2 of offsets, then two for each point. */
static bool find_faces(const struct task_query *q, struct faces *f)
{
    struct task_planes p;
    struct error ignored;
    *f = (struct faces){0};
    for (size_t i = 0; i < q->count; i++) {
        if (task_planes(&q->outputs[i], q->channels_last, &p, &ignored) < 0)
            continue;
        struct task_planes *to = p.channels == 1    ? &f->heat
                                 : p.channels > 2   ? &f->points
                                 : f->size.channels ? &f->offset
                                                    : &f->size;
        *to = p;
    }
    bool alike = f->heat.channels && f->offset.channels && f->points.channels % 2 == 0;
    const struct task_planes *all[] = {&f->size, &f->offset, &f->points};
    for (size_t i = 0; i < 3 && all[i]->channels; i++)
        alike &= all[i]->width == f->heat.width && all[i]->height == f->heat.height;
    return alike;
}

static int add_face(struct task_candidates *c, const struct faces *f, size_t x, size_t y, struct error *err)
{
    float step_x = (float)c->q->width / (float)f->heat.width, step_y = (float)c->q->height / (float)f->heat.height;
    float h = expf(*at(&f->size, 0, x, y)) * step_y, w = expf(*at(&f->size, 1, x, y)) * step_x, *extra;
    float left = ((float)x + *at(&f->offset, 1, x, y) + 0.5f) * step_x - w / 2,
          top = ((float)y + *at(&f->offset, 0, x, y) + 0.5f) * step_y - h / 2;
    left = left > 0 ? left : 0, top = top > 0 ? top : 0;
    struct task_box box = {0, *at(&f->heat, 0, x, y), left, top, left + w, top + h, 0};
    if (task_candidate(c, box, &extra, err) < 0)
        return -1;
    for (size_t i = 0; extra && i < c->points; i++) {
        extra[3 * i] = *at(&f->points, 2 * i + 1, x, y) * w + left;
        extra[3 * i + 1] = *at(&f->points, 2 * i, x, y) * h + top;
        extra[3 * i + 2] = 1;
    }
    return 0;
}

int task_decode_centerface(struct task_candidates *c, struct error *err)
{
    struct faces f;
    if (!find_faces(c->q, &f))
        return error_set(err, "task: want maps of as many cells: scores [1, 1, height, width], sizes and offsets, 2 "
                              "channels, and perhaps points, 2 each");
    c->points = f.points.channels / 2;
    for (size_t y = 0; y < f.heat.height; y++)
        for (size_t x = 0; x < f.heat.width; x++)
            if (add_face(c, &f, x, y, err) < 0)
                return -1;
    return 0;
}

/* ---- key points ---- */

#define MOST_POINTS 10000

int task_points(struct task_candidates *c, float score, size_t count,
                struct task_point (*point)(const void *arg, size_t i), const void *arg, struct error *err)
{
    struct task_box box = {.x0 = INFINITY, .y0 = INFINITY, .x1 = -INFINITY, .y1 = -INFINITY};
    double sum = 0;
    float *extra;
    if (count > MOST_POINTS)
        return error_set(err, "task: %zu points: want at most %d", count, MOST_POINTS);
    for (size_t i = 0; i < count; i++) {
        struct task_point p = point(arg, i);
        box.x0 = fminf(box.x0, p.x), box.y0 = fminf(box.y0, p.y);
        box.x1 = fmaxf(box.x1, p.x), box.y1 = fmaxf(box.y1, p.y);
        sum += p.score;
    }
    box.score = isnan(score) ? (float)(sum / (double)count) : score;
    c->points = count;
    if (task_candidate(c, box, &extra, err) < 0)
        return -1;
    for (size_t i = 0; extra && i < count; i++) {
        struct task_point p = point(arg, i);
        extra[3 * i] = p.x, extra[3 * i + 1] = p.y, extra[3 * i + 2] = p.score;
    }
    return 0;
}

struct heatmaps {
    const struct task_query *q;
    struct task_planes maps;
    int refine; /* TASK_REFINE_ */
};

static float quarter(float before, float after)
{
    return after > before ? 0.25f : after < before ? -0.25f : 0;
}

#define BLUR 5 /* cells on each side of one */

/* A cell beyond the border is that which lies as far inside. */
static size_t reflected(ptrdiff_t i, size_t n)
{
    i = i < 0 ? -1 - i : i >= (ptrdiff_t)n ? 2 * (ptrdiff_t)n - 1 - i : i;
    return i < 0 ? 0 : i < (ptrdiff_t)n ? (size_t)i : n - 1;
}

/* Logarithm of the map at a cell, or the nearest one, blurred by a normal distribution. */
static double logarithm_at(const struct task_planes *m, size_t channel, ptrdiff_t x, ptrdiff_t y)
{
    double sum = 0, all = 0;
    x = x < 0 ? 0 : x < (ptrdiff_t)m->width ? x : (ptrdiff_t)m->width - 1;
    y = y < 0 ? 0 : y < (ptrdiff_t)m->height ? y : (ptrdiff_t)m->height - 1;
    for (ptrdiff_t j = -BLUR; j <= BLUR; j++)
        for (ptrdiff_t i = -BLUR; i <= BLUR; i++) {
            double w = exp(-(double)(i * i + j * j) / (2 * 0.8 * 0.8));
            sum += w * (double)*at(m, channel, reflected(x + i, m->width), reflected(y + j, m->height));
            all += w;
        }
    return log(fmin(fmax(sum / all, 0.001), 50));
}

/* The maximum of a normal distribution through the cells around (x, y) (Zhang et al. 2020, DARK, as Huang et al. 2020
 * have it: UDP). */
static void distribution_peak(const struct task_planes *m, size_t channel, float *x, float *y)
{
    double v[3][3];
    for (int j = 0; j < 3; j++)
        for (int i = 0; i < 3; i++)
            v[j][i] = logarithm_at(m, channel, (ptrdiff_t)*x + i - 1, (ptrdiff_t)*y + j - 1);
    double dx = (v[1][2] - v[1][0]) / 2, dy = (v[2][1] - v[0][1]) / 2, least = 0x1p-23;
    double xx = v[1][2] - 2 * v[1][1] + v[1][0] + least, yy = v[2][1] - 2 * v[1][1] + v[0][1] + least;
    double xy = (v[2][2] - v[1][2] - v[2][1] + 2 * v[1][1] - v[1][0] - v[0][1] + v[0][0]) / 2, all = xx * yy - xy * xy;
    if (all != 0) {
        *x -= (float)((yy * dx - xy * dy) / all);
        *y -= (float)((xx * dy - xy * dx) / all);
    }
}

/* Pixels of the input to a cell; of UDP, the outermost pixels lie on the outermost cells. */
static float step_of(const struct heatmaps *h, int side, size_t cells)
{
    bool udp = h->refine == TASK_REFINE_UDP && cells > 1;
    return udp ? (float)(side - 1) / (float)(cells - 1) : (float)side / (float)cells;
}

/* The maximum, moved by a quarter of a cell to its larger neighbour (Newell et al. 2016), or by a distribution. */
static struct task_point heatmap_point(const void *arg, size_t channel)
{
    const struct heatmaps *h = arg;
    const struct task_planes *m = &h->maps;
    const float *v = m->values + channel * m->step;
    size_t best = task_argmax(v, m->width * m->height, m->next), x = best % m->width, y = best / m->width;
    float fx = (float)x, fy = (float)y;
    if (h->refine == TASK_REFINE_UDP)
        distribution_peak(m, channel, &fx, &fy);
    else if (h->refine == TASK_REFINE_QUARTER && x > 0 && x + 1 < m->width && y > 0 && y + 1 < m->height) {
        fx += quarter(*at(m, channel, x - 1, y), *at(m, channel, x + 1, y));
        fy += quarter(*at(m, channel, x, y - 1), *at(m, channel, x, y + 1));
    }
    return (struct task_point){fx * step_of(h, h->q->width, m->width), fy * step_of(h, h->q->height, m->height),
                               v[best * m->next]};
}

int task_decode_heatmaps(struct task_candidates *c, struct error *err)
{
    struct heatmaps h = {.q = c->q, .refine = task_word(c->task, TASK_REFINE)};
    if (task_planes(c->q->outputs, c->q->channels_last, &h.maps, err) < 0)
        return -1;
    return task_points(c, NAN, h.maps.channels, heatmap_point, &h, err);
}

/* A classifier for each axis (Li et al. 2022, SimCC): rows of one number for each step of the axis. */
struct axes {
    struct task_rows x, y;
    float scale_x, scale_y;
};

static struct task_point axes_point(const void *arg, size_t i)
{
    const struct axes *a = arg;
    size_t x = task_argmax(task_cell(&a->x, i, 0), a->x.columns, 1),
           y = task_argmax(task_cell(&a->y, i, 0), a->y.columns, 1);
    return (struct task_point){(float)x * a->scale_x, (float)y * a->scale_y,
                               (*task_cell(&a->x, i, x) + *task_cell(&a->y, i, y)) / 2};
}

/* Whether y comes first: by names, else by numbers of steps that fit the input's sides the other way round only. */
static bool is_y_first(const struct task_query *q, const struct task_rows *first, const struct task_rows *second)
{
    size_t w = (size_t)q->width, h = (size_t)q->height, a = first->columns, b = second->columns;
    if (task_is_named(&q->outputs[0], "y") && task_is_named(&q->outputs[1], "x"))
        return true;
    bool named = task_is_named(&q->outputs[0], "x") && task_is_named(&q->outputs[1], "y");
    return !named && a * h != b * w && b * h == a * w;
}

int task_decode_simcc(struct task_candidates *c, struct error *err)
{
    struct axes a;
    if (c->q->count < 2)
        return error_set(err, "task: %zu outputs: want two, [1, points, steps] of x and of y", c->q->count);
    if (task_matrix(&c->q->outputs[0], &a.x, err) < 0 || task_matrix(&c->q->outputs[1], &a.y, err) < 0)
        return -1;
    if (is_y_first(c->q, &a.x, &a.y)) {
        struct task_rows t = a.x;
        a.x = a.y, a.y = t;
    }
    if (a.x.rows != a.y.rows || !a.x.columns || !a.y.columns)
        return error_set(err, "task: %zu points of x and %zu of y: want as many", a.x.rows, a.y.rows);
    a.scale_x = (float)c->q->width / (float)a.x.columns, a.scale_y = (float)c->q->height / (float)a.y.columns;
    return task_points(c, NAN, a.x.rows, axes_point, &a, err);
}

struct regressed {
    const struct task_candidates *c;
    struct task_rows rows;
    size_t row, points, size;
    float scale_x, scale_y, more; /* more: added before */
    bool deep;                    /* the third number of each is a depth, no score, though nobody says so */
    struct task_planes maps;      /* heat maps of the points, over the input; without channels: none */
};

#define REFINE_REACH 4

/* The mean of the cells around the point, weighted by their scores, where one of these is at least a half (MediaPipe's
 * RefineLandmarksFromHeatmapCalculator). */
static void refine_point(const struct regressed *r, size_t i, struct task_point *p)
{
    const struct task_planes *m = &r->maps;
    float scale_x = (float)m->width / (float)r->c->q->width, scale_y = (float)m->height / (float)r->c->q->height;
    float u = p->x * scale_x, v = p->y * scale_y, top = 0, all = 0, x = 0, y = 0;
    if (i >= m->channels || !(u > -1 && v > -1 && u < (float)m->width && v < (float)m->height))
        return;
    size_t column = (size_t)fmaxf(u, 0), row = (size_t)fmaxf(v, 0);
    for (size_t k = row > REFINE_REACH ? row - REFINE_REACH : 0; k <= row + REFINE_REACH && k < m->height; k++)
        for (size_t j = column > REFINE_REACH ? column - REFINE_REACH : 0; j <= column + REFINE_REACH && j < m->width;
             j++) {
            float score = task_sigmoid(*at(m, i, j, k));
            top = fmaxf(top, score);
            all += score, x += score * (float)j, y += score * (float)k;
        }
    if (top >= 0.5f)
        p->x = x / all / scale_x, p->y = y / all / scale_y;
}

static struct task_point regressed_point(const void *arg, size_t i)
{
    const struct regressed *r = arg;
    struct task_point p = task_point(r->c->task, &r->rows, r->row, i, r->size, r->points);
    p.x = (p.x + r->more) * r->scale_x, p.y = (p.y + r->more) * r->scale_y;
    refine_point(r, i, &p);
    p.score = r->deep ? 1 : p.score;
    return p;
}

/* MediaPipe's network of poses has heat maps as another output than that of the points, and a mask of the person. */
static void find_maps(struct task_candidates *c, struct regressed *r, size_t points_at)
{
    const struct task_query *q = c->q;
    struct task_planes p;
    struct error ignored;
    for (size_t i = 0; task_word(c->task, TASK_ORDER) == TASK_ORDER_XYZVP && i < q->count; i++) {
        if (i == points_at || q->outputs[i].rank < 3 ||
            task_planes(&q->outputs[i], q->channels_last, &p, &ignored) < 0)
            continue;
        if (p.channels == r->points && p.width > 1)
            r->maps = p;
        else if (p.channels == 1 && p.width == (size_t)q->width && p.height == (size_t)q->height)
            c->masks = p;
    }
}

/* What the first `columns` numbers of r->rows are told in. */
static void set_unit(struct regressed *r, size_t columns)
{
    const struct task_query *q = r->c->q;
    bool middle = task_word(r->c->task, TASK_UNIT) == TASK_UNIT_MIDDLE,
         part = middle || task_is_part(r->c->task, &r->rows, columns);
    r->more = middle;
    r->scale_x = (part ? (float)q->width : 1) / (middle ? 2 : 1);
    r->scale_y = (part ? (float)q->height : 1) / (middle ? 2 : 1);
}

/* A row of numbers for each set of points: [..., points, 2 or 3], or all in one row. */
static int regressed_rows(const struct task_output *o, struct regressed *r, struct error *err)
{
    const struct task *task = r->c->task;
    size_t said = (size_t)task_number(task, TASK_POINTS), all = task_elements(o), last, d[2];
    if (!task_last_dims(o, 2, d))
        return error_set(err, "task: %d dimensions: want points of one picture", o->rank);
    last = d[1];
    bool by_itself = task_word(task, TASK_ORDER) == TASK_ORDER_AUTO;
    r->points = said ? said : last == 2 || last == 3 ? d[0] : 0;
    r->size = by_itself && r->points ? all / r->points : task_point_size(task, 0, 0);
    if (by_itself && !r->points)
        r->size = all % 2 ? 3 : 2;
    if (!r->points)
        r->points = all / r->size;
    if (r->points < 1 || r->size < 2 || (by_itself && r->size > 3) || r->points * r->size != all ||
        r->points > MOST_POINTS)
        return error_set(err, "task: %zu numbers for %zu points: want %s each", all, r->points,
                         by_itself ? "two or three" : "as many as option order says");
    r->rows = (struct task_rows){o->values, 1, all, 1, all, 0, 1};
    set_unit(r, all);
    const struct task_rows thirds = {o->values + r->size - 1, r->points, 1, 1, r->size, 0, 1};
    r->deep = by_itself && r->size == 3 && !guess_lie_in(&thirds, 0, 1, 0, 1);
    return 0;
}

/* A score of all points is another output of one number; its logit where that is above 1, or a network as MediaPipe's
 * of faces ends with it. */
static float whole_score(const struct task_query *q, size_t points_at)
{
    for (size_t i = 0; i < q->count; i++)
        if (i != points_at && task_elements(&q->outputs[i]) == 1) {
            float v = q->outputs[i].values[0];
            return v >= 0 && v <= 1 && q->outputs[i].end != TASK_END_LINEAR ? v : task_sigmoid(v);
        }
    return NAN;
}

/* Rows of points for several people, each with a box, y0, x0, y1, x1, and a score behind (MoveNet MultiPose). */
static int people(struct task_candidates *c, const struct task_output *o, struct error *err)
{
    size_t points = (size_t)task_number(c->task, TASK_POINTS), size = task_point_size(c->task, 0, points);
    struct regressed r = {.c = c, .points = points, .size = size};
    if (task_matrix(o, &r.rows, err) < 0)
        return -1;
    set_unit(&r, points * size);
    for (; r.row < r.rows.rows; r.row++)
        if (task_points(c, *task_cell(&r.rows, r.row, r.rows.columns - 1), points, regressed_point, &r, err) < 0)
            return -1;
    return 0;
}

/* The output of as many numbers as options say, wherever it stands, else the first of more than a score's. */
static size_t points_output(const struct task_candidates *c, size_t points)
{
    const struct task_query *q = c->q;
    size_t i = 0, all = points * task_point_size(c->task, 0, points);
    bool told = points && task_word(c->task, TASK_ORDER) != TASK_ORDER_AUTO;
    while (told && i < q->count && task_elements(&q->outputs[i]) != all)
        i++;
    if (told && i < q->count)
        return i;
    for (i = 0; i + 1 < q->count && task_elements(&q->outputs[i]) < 4;)
        i++;
    return i;
}

int task_decode_points(struct task_candidates *c, struct error *err)
{
    struct regressed r = {.c = c};
    size_t d[2], points = (size_t)task_number(c->task, TASK_POINTS);
    const struct task_output *first = c->q->outputs;
    if (points && task_last_dims(first, 2, d) && d[0] > 1 && d[1] == points * task_point_size(c->task, 0, points) + 5)
        return people(c, first, err);
    size_t i = points_output(c, points);
    if (regressed_rows(&c->q->outputs[i], &r, err) < 0)
        return -1;
    find_maps(c, &r, i);
    return task_points(c, whole_score(c->q, i), r.points, regressed_point, &r, err);
}
