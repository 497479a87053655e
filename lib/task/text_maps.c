/* Text as quadrilaterals from other maps than those of polygons.c: EAST and CRAFT. */
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "task/detect.h"
#include "task/geometry.h"

/* ---- EAST (Zhou et al. 2017): each cell tells a box ---- */

/* One output of scores, and one of distances from the cell to the top, right, bottom and left and of the angle, counter
 * clockwise. */
static bool find_geometry(const struct task_query *q, struct task_planes *score, struct task_planes *geometry)
{
    struct task_planes p;
    struct error ignored;
    *score = *geometry = (struct task_planes){0};
    for (size_t i = 0; i < q->count; i++)
        if (task_planes(&q->outputs[i], q->channels_last, &p, &ignored) == 0)
            *(p.channels == 1 ? score : geometry) = p;
    return score->channels && geometry->channels == 5 && score->width == geometry->width &&
           score->height == geometry->height;
}

int task_decode_east(struct task_candidates *c, struct error *err)
{
    struct task_planes score, geometry;
    if (!find_geometry(c->q, &score, &geometry))
        return error_set(err, "task: want scores [1, 1, height, width] and [1, 5, height, width]");
    float step_x = (float)c->q->width / (float)score.width, step_y = (float)c->q->height / (float)score.height;
    c->points = 4;
    for (size_t i = 0; i < score.width * score.height; i++) {
        const float *v = geometry.values + i * geometry.next;
        size_t step = geometry.step;
        float p = score.values[i * score.next], cosine = cosf(v[4 * step]), sine = sinf(v[4 * step]);
        float w = v[step] + v[3 * step], h = v[0] + v[2 * step];
        float x = (float)(i % score.width) * step_x + cosine * v[step] + sine * v[2 * step]; /* bottom right */
        float y = (float)(i / score.width) * step_y - sine * v[step] + cosine * v[2 * step];
        const float corner[4][2] = {{x - sine * h - cosine * w, y - cosine * h + sine * w},
                                    {x - sine * h, y - cosine * h},
                                    {x, y},
                                    {x - cosine * w, y + sine * w}};
        if (task_polygon(c, 0, p, corner, err) < 0)
            return -1;
    }
    return 0;
}

/* ---- CRAFT (Baek et al. 2019): how likely a pixel is a character's, and between two of a word ---- */

#define LEAST_PIXELS 10 /* of a word */

struct words {
    struct task_candidates *c;
    struct task_planes map; /* two channels */
    float level, link;
    uint8_t *seen;
    size_t *pixels, count;        /* of the word at hand */
    struct geometry_point *edges; /* of it: four for each of its characters' pixels */
};

static bool is_text(const struct words *w, size_t i)
{
    return w->map.values[i * w->map.next] > w->level;
}

static void push(struct words *w, size_t i)
{
    if (w->seen[i] || !(is_text(w, i) || w->map.values[i * w->map.next + w->map.step] > w->link))
        return;
    w->seen[i] = 1;
    w->pixels[w->count++] = i;
}

/* All pixels that hang together by their sides. */
static void gather(struct words *w, size_t from)
{
    size_t width = w->map.width, n = width * w->map.height;
    w->count = 0;
    push(w, from);
    for (size_t k = 0; k < w->count; k++) {
        size_t i = w->pixels[k], x = i % width;
        if (x > 0)
            push(w, i - 1);
        if (x + 1 < width)
            push(w, i + 1);
        if (i >= width)
            push(w, i - width);
        if (i + width < n)
            push(w, i + width);
    }
}

static double limited(double v, double low, double high)
{
    return geometry_lower(geometry_higher(v, low), high);
}

/* The pixels of the word's characters, each with what it grows by to all sides; how many points, which have a hull. */
static size_t grow(struct words *w, double x0, double y0, double x1, double y1)
{
    double wide = x1 - x0 + 1, high = y1 - y0 + 1, size = (double)w->count;
    double by = floor(sqrt(size * geometry_lower(wide, high) / (wide * high)) * 2), more = floor((by + 1) / 2);
    double less = by - more, left = geometry_higher(x0 - by, 0), top = geometry_higher(y0 - by, 0);
    double right = geometry_lower(x1 + by, (double)w->map.width - 1);
    double bottom = geometry_lower(y1 + by, (double)w->map.height - 1);
    size_t n = 0;
    for (size_t k = 0; k < w->count; k++) {
        size_t i = w->pixels[k];
        if (!is_text(w, i))
            continue;
        double x = (double)(i % w->map.width), y = (double)(i / w->map.width);
        for (int corner = 0; corner < 4; corner++)
            w->edges[n++] = (struct geometry_point){limited(corner % 2 ? x + more : x - less, left, right),
                                                    limited(corner / 2 ? y + more : y - less, top, bottom)};
    }
    return n;
}

/* A square on its corner is taken for one that lies straight; corners begin with the top left one. */
static void straighten(struct geometry_point p[4], const struct geometry_point *hull, size_t n)
{
    double a = hypot(p[0].x - p[1].x, p[0].y - p[1].y), b = hypot(p[1].x - p[2].x, p[1].y - p[2].y);
    struct geometry_point low = hull[0], high = hull[0], all[4];
    int first = 0;
    for (size_t i = 1; i < n; i++) {
        low = (struct geometry_point){geometry_lower(low.x, hull[i].x), geometry_lower(low.y, hull[i].y)};
        high = (struct geometry_point){geometry_higher(high.x, hull[i].x), geometry_higher(high.y, hull[i].y)};
    }
    if (fabs(1 - geometry_higher(a, b) / (geometry_lower(a, b) + 1e-5)) <= 0.1)
        p[0] = low, p[1] = (struct geometry_point){high.x, low.y}, p[2] = high,
        p[3] = (struct geometry_point){low.x, high.y};
    for (int i = 1; i < 4; i++)
        first = p[i].x + p[i].y < p[first].x + p[first].y ? i : first;
    for (int i = 0; i < 4; i++)
        all[i] = p[(first + i) % 4];
    for (int i = 0; i < 4; i++)
        p[i] = all[i];
}

static int add_word(struct words *w, struct error *err)
{
    float best = 0, step_x = (float)w->c->q->width / (float)w->map.width,
          step_y = (float)w->c->q->height / (float)w->map.height, corner[4][2];
    double x0 = INFINITY, y0 = INFINITY, x1 = 0, y1 = 0;
    struct geometry_point p[4];
    for (size_t k = 0; k < w->count; k++) {
        double x = (double)(w->pixels[k] % w->map.width), y = (double)(w->pixels[k] / w->map.width);
        x0 = geometry_lower(x0, x), y0 = geometry_lower(y0, y);
        x1 = geometry_higher(x1, x), y1 = geometry_higher(y1, y);
        best = fmaxf(best, w->map.values[w->pixels[k] * w->map.next]);
    }
    if (w->count < LEAST_PIXELS || !(best >= task_number(w->c->task, TASK_SCORE)))
        return 0;
    size_t n = grow(w, x0, y0, x1, y1);
    struct geometry_point *hull = mem_calloc(n + 1, sizeof *hull, err);
    size_t m = hull && n ? geometry_hull(w->edges, n, hull) : 0;
    if (m) {
        geometry_rectangle(hull, m, p);
        straighten(p, hull, m);
    }
    for (int i = 0; m && i < 4; i++)
        corner[i][0] = (float)p[i].x * step_x, corner[i][1] = (float)p[i].y * step_y;
    free(hull);
    return !hull ? -1 : m ? task_polygon(w->c, 0, best, corner, err) : 0;
}

int task_decode_craft(struct task_candidates *c, struct error *err)
{
    struct words w = {.c = c, .level = task_number(c->task, TASK_LEVEL), .link = task_number(c->task, TASK_LINK)};
    size_t d[3], n;
    bool last = task_last_dims(c->q->outputs, 3, d) && d[2] == 2 && d[0] != 2;
    if (task_planes(c->q->outputs, last, &w.map, err) < 0)
        return -1;
    n = w.map.width * w.map.height;
    if (w.map.channels != 2)
        return error_set(err, "task: %zu channels: want two, of characters and of what links them", w.map.channels);
    c->points = 4;
    w.seen = mem_calloc(n, 1, err);
    w.pixels = mem_calloc(n, sizeof *w.pixels, err);
    w.edges = mem_calloc(4 * n, sizeof *w.edges, err);
    int status = w.seen && w.pixels && w.edges ? 0 : -1;
    for (size_t i = 0; status == 0 && i < n; i++) {
        gather(&w, i);
        status = w.count ? add_word(&w, err) : 0;
    }
    free(w.seen);
    free(w.pixels);
    free(w.edges);
    return status;
}
