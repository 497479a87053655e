/* Text lines as polygons, from a map of how likely each pixel belongs to one: differentiable binarization (Liao et al.
 * 2020), with the steps and roundings of PaddleOCR's and RapidOCR's programs. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "task/guess.h"
#include "task/regions.h"

#define MIN_SIDE 3 /* of a line, before it is widened */

struct lines {
    struct task_candidates *c;
    struct task_planes map;
    double *sums; /* for each row of the map the sums of its first 0, 1, 2, ... values */
    double unclip;
};

static int by_x(const void *a, const void *b)
{
    const struct geometry_point *p = a, *q = b;
    return (p->x > q->x) - (p->x < q->x);
}

static void exchange_if(bool wrong, struct geometry_point *a, struct geometry_point *b)
{
    struct geometry_point t = *a;
    if (wrong)
        *a = *b, *b = t;
}

/* Corners clockwise from the top left. */
static void order(struct geometry_point corner[4])
{
    qsort(corner, 4, sizeof *corner, by_x);
    exchange_if(corner[1].y < corner[0].y, &corner[0], &corner[1]); /* left: upper, lower */
    exchange_if(corner[3].y < corner[2].y, &corner[2], &corner[3]); /* right: the same */
    const struct geometry_point o[] = {corner[0], corner[2], corner[3], corner[1]};
    for (int i = 0; i < 4; i++)
        corner[i] = o[i];
}

/* ---- the mean of the map inside a polygon ---- */

/* For each row of a polygon its leftmost and rightmost pixel. */
struct spans {
    long top, rows;
    long *left, *right;
};

static void reach(struct spans *s, long x, long y)
{
    if (y < s->top || y >= s->top + s->rows)
        return;
    s->left[y - s->top] = x < s->left[y - s->top] ? x : s->left[y - s->top];
    s->right[y - s->top] = x > s->right[y - s->top] ? x : s->right[y - s->top];
}

/* The pixels of a line, one to each step along its longer side, from left to right; what lies between two pixels goes
 * to the one nearer to where the line begins (Bresenham 1965). */
static void trace(struct spans *s, long ax, long ay, long bx, long by)
{
    if (bx < ax) {
        trace(s, bx, by, ax, ay);
        return;
    }
    long dx = bx - ax, dy = labs(by - ay), down = by < ay ? -1 : 1;
    for (long i = 0; dx >= dy && i <= dx; i++)
        reach(s, ax + i, ay + down * (dx ? (2 * i * dy + dx - 1) / (2 * dx) : 0));
    for (long i = 0; dy > dx && i <= dy; i++)
        reach(s, ax + (2 * i * dx + dy - 1) / (2 * dy), ay + down * i);
}

static long clamp(double v, long high)
{
    return v > 0 ? v < (double)high ? (long)v : high : 0;
}

static double mean_of(const struct lines *l, const struct spans *s)
{
    double sum = 0, n = 0;
    for (long i = 0; i < s->rows; i++) {
        const double *row = l->sums + (size_t)(s->top + i) * (l->map.width + 1);
        long left = s->left[i] < 0 ? 0 : s->left[i];
        long end = s->right[i] < (long)l->map.width ? s->right[i] + 1 : (long)l->map.width;
        if (left < end)
            sum += row[end] - row[left], n += (double)(end - left);
    }
    return n > 0 ? sum / n : 0;
}

/* With them a mean takes as long as the polygon is high. */
static double *sum_rows(const struct task_planes *p, struct error *err)
{
    double *sums = mem_calloc(p->height * (p->width + 1), sizeof *sums, err), *row = sums;
    for (size_t y = 0; sums && y < p->height; y++, row += p->width + 1)
        for (size_t x = 0; x < p->width; x++) {
            float v = p->values[(y * p->width + x) * p->next];
            row[x + 1] = row[x] + (isfinite(v) ? (double)v : 0);
        }
    return sums;
}

/* Corners lie on whole pixels, counted from the bounding box's. */
static int score_of(const struct lines *l, const struct geometry_point p[4], double *score, struct error *err)
{
    long width = (long)l->map.width - 1, height = (long)l->map.height - 1;
    double x0 = INFINITY, y0 = INFINITY, y1 = -INFINITY;
    for (int i = 0; i < 4; i++)
        x0 = geometry_lower(x0, p[i].x), y0 = geometry_lower(y0, p[i].y), y1 = geometry_higher(y1, p[i].y);
    long left = clamp(floor(x0), width), top = clamp(floor(y0), height), bottom = clamp(ceil(y1), height);
    struct spans s = {.top = top, .rows = bottom - top + 1};
    s.left = mem_calloc((size_t)s.rows, sizeof *s.left, err);
    s.right = mem_calloc((size_t)s.rows, sizeof *s.right, err);
    if (s.left && s.right) {
        for (long i = 0; i < s.rows; i++)
            s.left[i] = width + 1, s.right[i] = -1;
        for (int i = 0; i < 4; i++) {
            const struct geometry_point *a = &p[i], *b = &p[(i + 1) % 4];
            trace(&s, left + (long)(a->x - (double)left), top + (long)(a->y - (double)top),
                  left + (long)(b->x - (double)left), top + (long)(b->y - (double)top));
        }
        *score = mean_of(l, &s);
    }
    int status = s.left && s.right ? 0 : -1;
    free(s.left);
    free(s.right);
    return status;
}

/* ---- one line ---- */

/* The rectangle around the widened one. False when it is too small. */
static int widen(const struct lines *l, struct geometry_point corner[4], bool *good, struct error *err)
{
    struct geometry_point whole[4], *wide = NULL;
    double distance = geometry_area(corner, 4) * l->unclip / geometry_perimeter(corner, 4);
    *good = false;
    for (int i = 0; i < 4; i++)
        whole[i] = (struct geometry_point){trunc(corner[i].x), trunc(corner[i].y)};
    if (!(distance > 0) || !(geometry_area(whole, 4) > 0))
        return 0;
    ptrdiff_t n = geometry_widen(whole, 4, distance, &wide, err);
    struct geometry_point *hull = n < 0 ? NULL : mem_calloc((size_t)n + 1, sizeof *hull, err);
    if (hull) {
        size_t m = geometry_hull(wide, (size_t)n, hull);
        *good = geometry_rectangle(hull, m, corner) >= MIN_SIDE + 2;
        order(corner);
    }
    free(wide);
    free(hull);
    return hull ? 0 : -1;
}

static int add_line(const struct lines *l, const struct geometry_point corner[4], double score, struct error *err)
{
    const struct task_query *q = l->c->q;
    float scale_x = (float)q->width / (float)l->map.width, scale_y = (float)q->height / (float)l->map.height;
    float at[4][2];
    for (int i = 0; i < 4; i++) {
        float x = (float)corner[i].x * scale_x, y = (float)corner[i].y * scale_y;
        at[i][0] = fminf(fmaxf(x, 0), (float)q->width), at[i][1] = fminf(fmaxf(y, 0), (float)q->height);
    }
    return task_polygon(l->c, 0, (float)score, at, err);
}

/* A rectangle that lies straight, counted to the end of its last pixels, and widened. */
static int take_box(const struct lines *l, const struct geometry_point *hull, size_t n, struct error *err)
{
    double x0 = INFINITY, y0 = INFINITY, x1 = 0, y1 = 0, sum = 0;
    for (size_t i = 0; i < n; i++) {
        x0 = geometry_lower(x0, hull[i].x), y0 = geometry_lower(y0, hull[i].y);
        x1 = geometry_higher(x1, hull[i].x), y1 = geometry_higher(y1, hull[i].y);
    }
    if (x1 - x0 < MIN_SIDE - 1 || y1 - y0 < MIN_SIDE - 1)
        return 0;
    size_t left = (size_t)x0, top = (size_t)y0, end = (size_t)clamp(x1 + 2, (long)l->map.width),
           bottom = (size_t)clamp(y1 + 2, (long)l->map.height);
    for (size_t y = top; y < bottom; y++) {
        const double *row = l->sums + y * (l->map.width + 1);
        sum += row[end] - row[left];
    }
    double score = sum / (double)((end - left) * (bottom - top)), w = x1 - x0 + 1, h = y1 - y0 + 1,
           by = w * h * l->unclip / (2 * (w + h));
    x0 = round(x0 - by), y0 = round(y0 - by), x1 = round(x1 + 1 + by) + 1, y1 = round(y1 + 1 + by) + 1;
    const struct geometry_point corner[4] = {{x0, y0}, {x1, y0}, {x1, y1}, {x0, y1}};
    return add_line(l, corner, score, err);
}

static int take_region(void *arg, const struct geometry_point *hull, size_t n, struct error *err)
{
    const struct lines *l = arg;
    struct geometry_point corner[4];
    double score = 0;
    bool good;
    if (task_word(l->c->task, TASK_SHAPE) == 1)
        return take_box(l, hull, n, err);
    if (geometry_rectangle(hull, n, corner) < MIN_SIDE)
        return 0;
    order(corner);
    if (score_of(l, corner, &score, err) < 0)
        return -1;
    if (!(score >= task_number(l->c->task, TASK_SCORE)))
        return 0;
    if (widen(l, corner, &good, err) < 0)
        return -1;
    return good ? add_line(l, corner, score, err) : 0;
}

/* Keeps ones whose eight neighbours are ones, those outside counting as ones, then zeros in the same way. */
static int open_pixels(uint8_t *bits, size_t width, size_t height, struct error *err)
{
    uint8_t *before = mem_calloc(width * height, 1, err);
    for (int keep = 1; before && keep >= 0; keep--) {
        memcpy(before, bits, width * height);
        for (size_t i = 0; i < width * height; i++) {
            size_t x = i % width, y = i / width;
            for (size_t v = y ? y - 1 : 0; v <= y + 1 && v < height; v++)
                for (size_t u = x ? x - 1 : 0; u <= x + 1 && u < width; u++)
                    if (before[v * width + u] != keep)
                        bits[i] = (uint8_t)!keep;
        }
    }
    int status = before ? 0 : -1;
    free(before);
    return status;
}

/* What is above option level; grown by one to the right and down when asked. */
static uint8_t *binary(const struct task_planes *p, float level, bool dilate, struct error *err)
{
    size_t width = p->width, n = width * p->height;
    uint8_t *bits = mem_calloc(n, 1, err);
    for (size_t i = 0; bits && i < n; i++) {
        if (!(p->values[i * p->next] > level))
            continue;
        bits[i] = 1;
        bool right = dilate && i % width + 1 < width, down = dilate && i + width < n;
        if (right)
            bits[i + 1] = 1;
        if (down)
            bits[i + width] = 1;
        if (right && down)
            bits[i + width + 1] = 1;
    }
    return bits;
}

int task_decode_db(struct task_candidates *c, struct error *err)
{
    struct lines l = {.c = c, .unclip = task_number(c->task, TASK_UNCLIP)};
    if (task_planes(c->q->outputs, c->q->channels_last, &l.map, err) < 0)
        return -1;
    uint8_t *bits = binary(&l.map, task_number(c->task, TASK_LEVEL), task_word(c->task, TASK_DILATE) == 1, err);
    bool straight = task_word(c->task, TASK_SHAPE) == 1, opens = bits && task_word(c->task, TASK_DILATE) == 2;
    if (!opens || open_pixels(bits, l.map.width, l.map.height, err) == 0)
        l.sums = bits ? sum_rows(&l.map, err) : NULL;
    c->points = 4;
    int status = l.sums ? regions_each(bits, l.map.width, l.map.height, !straight, take_region, &l, err) : -1;
    free(l.sums);
    free(bits);
    return status;
}

/* ---- whether a map is one ---- */

struct shapes {
    size_t bars; /* each twice as long as high */
    double area; /* of the rectangles around all regions, twice if they are no bars */
};

static int note_shape(void *arg, const struct geometry_point *hull, size_t n, struct error *err)
{
    struct shapes *s = arg;
    struct geometry_point corner[4];
    double side = geometry_rectangle(hull, n, corner);
    if (side < MIN_SIDE)
        return 0;
    double other = geometry_area(corner, 4) / side, area = (side + 1) * (other + 1);
    (void)err;
    size_t bars = (size_t)(other / (2 * side));
    s->area += bars ? area : 2 * area;
    s->bars += bars;
    return 0;
}

/* Several bars, or one that is as long as several, with most of what is above the usual level. */
bool task_are_lines(const struct task_planes *p)
{
    struct shapes s = {0};
    struct error ignored;
    double pixels = 0;
    uint8_t *bits = binary(p, 0.3f, false, &ignored);
    bool told = bits && regions_each(bits, p->width, p->height, false, note_shape, &s, &ignored) == 0;
    for (size_t i = 0; told && i < p->width * p->height; i++)
        pixels += bits[i];
    free(bits);
    return told && s.bars >= 3 && pixels > 0.7 * s.area;
}
