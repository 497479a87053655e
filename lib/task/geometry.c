#include "task/geometry.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static double cross(struct geometry_point o, struct geometry_point a, struct geometry_point b)
{
    return (a.x - o.x) * (b.y - o.y) - (a.y - o.y) * (b.x - o.x);
}

static int compare(const void *a, const void *b)
{
    const struct geometry_point *p = a, *q = b;
    if (p->x != q->x)
        return p->x < q->x ? -1 : 1;
    return (p->y > q->y) - (p->y < q->y);
}

size_t geometry_hull(struct geometry_point *points, size_t n, struct geometry_point *hull)
{
    size_t m = 0;
    qsort(points, n, sizeof *points, compare);
    if (n < 3) {
        memcpy(hull, points, n * sizeof *points);
        return n;
    }
    for (size_t i = 0; i < n; i++) {
        while (m >= 2 && cross(hull[m - 2], hull[m - 1], points[i]) <= 0)
            m--;
        hull[m++] = points[i];
    }
    for (size_t i = n - 1, lower = m + 1; i-- > 0;) {
        while (m >= lower && cross(hull[m - 2], hull[m - 1], points[i]) <= 0)
            m--;
        hull[m++] = points[i];
    }
    return m - 1;
}

double geometry_area(const struct geometry_point *p, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += p[i].x * p[(i + 1) % n].y - p[i].y * p[(i + 1) % n].x;
    return fabs(sum) / 2;
}

double geometry_perimeter(const struct geometry_point *p, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += hypot(p[(i + 1) % n].x - p[i].x, p[(i + 1) % n].y - p[i].y);
    return sum;
}

/* ---- the rectangle: rotating calipers (Toussaint 1983). What follows it cuts places off to whole numbers, so that the
 * last bit counts: numbers are rounded to floats where OpenCV's minAreaRect() and boxPoints() round them. ---- */

enum { BOTTOM, RIGHT, TOP, LEFT, SIDES };

struct calipers {
    const struct geometry_point *hull; /* y rises towards the top; corners go round with rising angles */
    size_t n, at[SIDES];               /* the corner that each side touches */
    float x, y;                        /* the bottom's direction */
};

/* The corner that is farthest in a direction, the first of those behind corner `last`. */
static size_t corner_of(const struct geometry_point *p, size_t n, size_t last, float x, float y)
{
    size_t best = (last + 1) % n;
    for (size_t i = 1; i < n; i++) {
        size_t at = (last + 1 + i) % n;
        if (p[at].x * x + p[at].y * y > p[best].x * x + p[best].y * y)
            best = at;
    }
    return best;
}

static void edge(const struct calipers *c, size_t i, float v[2])
{
    const struct geometry_point *p = &c->hull[i], *q = &c->hull[(i + 1) % c->n];
    v[0] = (float)q->x - (float)p->x;
    v[1] = (float)q->y - (float)p->y;
}

/* A side's direction, turned to the bottom's. */
static void turn_back(int side, const float v[2], float out[2])
{
    const float ways[SIDES][2] = {{v[0], v[1]}, {v[1], -v[0]}, {-v[0], -v[1]}, {-v[1], v[0]}};
    out[0] = ways[side][0];
    out[1] = ways[side][1];
}

/* Turns all sides until one lies on the hull's next edge. */
static void rotate(struct calipers *c)
{
    float best[2], v[2], turned[2];
    int side = BOTTOM;
    edge(c, c->at[BOTTOM], best);
    for (int i = RIGHT; i < SIDES; i++) {
        edge(c, c->at[i], v);
        turn_back(i, v, turned);
        if (turned[1] * best[0] - turned[0] * best[1] < 0) {
            side = i;
            best[0] = turned[0], best[1] = turned[1];
        }
    }
    edge(c, c->at[side], v);
    float inverse = (float)(1 / sqrt((double)v[0] * v[0] + (double)v[1] * v[1]));
    float unit[] = {v[0] * inverse, v[1] * inverse};
    turn_back(side, unit, turned);
    c->x = turned[0];
    c->y = turned[1];
    c->at[side] = (c->at[side] + 1) % c->n;
}

struct rectangle {
    float x, y, width, height, direction[2]; /* x, y: the corner at the left of the bottom */
};

static float measure(const struct calipers *c, struct rectangle *r)
{
    const struct geometry_point *left = &c->hull[c->at[LEFT]], *right = &c->hull[c->at[RIGHT]];
    const struct geometry_point *bottom = &c->hull[c->at[BOTTOM]], *top = &c->hull[c->at[TOP]];
    float dx = (float)(right->x - left->x), dy = (float)(right->y - left->y);
    r->width = dx * c->x + dy * c->y;
    dx = (float)(top->x - bottom->x), dy = (float)(top->y - bottom->y);
    r->height = -dx * c->y + dy * c->x;
    float along = c->x * (float)left->x + (float)left->y * c->y;
    float across = -c->y * (float)bottom->x + (float)bottom->y * c->x;
    float scale = 1 / (c->x * c->x + c->y * c->y);
    r->x = (along * c->x - across * c->y) * scale;
    r->y = (c->x * across + c->y * along) * scale;
    r->direction[0] = c->x;
    r->direction[1] = c->y;
    return r->width * r->height;
}

/* From its centre, sides and angle in degrees. */
static void corners_of(const struct rectangle *r, struct geometry_point corners[4])
{
    float ax = r->direction[0] * r->width, ay = r->direction[1] * r->width;
    float bx = -r->direction[1] * r->height, by = r->direction[0] * r->height;
    float cx = r->x + (ax + bx) * 0.5f, cy = r->y + (ay + by) * 0.5f;
    float width = (float)sqrt((double)ax * ax + (double)ay * ay);
    float height = (float)sqrt((double)bx * bx + (double)by * by);
    float degrees = (float)((float)atan2((double)ay, (double)ax) * 180 / acos(-1));
    double angle = degrees * acos(-1) / 180;
    float b = (float)cos(angle) * 0.5f, a = (float)sin(angle) * 0.5f;
    const float x0 = cx - a * height - b * width, y0 = cy + b * height - a * width;
    const float x1 = cx + a * height - b * width, y1 = cy - b * height - a * width;
    corners[0] = (struct geometry_point){x0, y0};
    corners[1] = (struct geometry_point){x1, y1};
    corners[2] = (struct geometry_point){2 * cx - x0, 2 * cy - y0};
    corners[3] = (struct geometry_point){2 * cx - x1, 2 * cy - y1};
}

double geometry_rectangle(const struct geometry_point *hull, size_t n, struct geometry_point corners[4])
{
    struct rectangle best = {0};
    float least = INFINITY;
    for (int i = 0; i < 4; i++)
        corners[i] = n ? hull[0] : (struct geometry_point){0, 0};
    if (n < 3)
        return 0;
    size_t last = 0; /* the leftmost of the lowest: there contours begin, and go round the other way */
    for (size_t i = 1; i < n; i++)
        if (hull[i].y < hull[last].y || (hull[i].y <= hull[last].y && hull[i].x < hull[last].x))
            last = i;
    struct calipers c = {hull,
                         n,
                         {[BOTTOM] = corner_of(hull, n, last, 0, -1),
                          [RIGHT] = corner_of(hull, n, last, 1, 0),
                          [TOP] = corner_of(hull, n, last, 0, 1),
                          [LEFT] = corner_of(hull, n, last, -1, 0)},
                         1,
                         0};
    for (size_t i = 0; i < n; i++) {
        struct rectangle r;
        rotate(&c);
        float area = measure(&c, &r);
        if (area <= least) {
            least = area;
            best = r;
        }
    }
    corners_of(&best, corners);
    return fminf(best.width, best.height);
}

/* ---- widening ---- */

struct outline {
    struct geometry_point *at;
    size_t count, cap;
    double distance, per_radian; /* steps of an arc */
};

static int add(struct outline *o, struct geometry_point p, double nx, double ny, struct error *err)
{
    if (mem_grow(&o->at, &o->cap, o->count + 1, sizeof *o->at, err) < 0)
        return -1;
    o->at[o->count++] = (struct geometry_point){round(p.x + nx * o->distance), round(p.y + ny * o->distance)};
    return 0;
}

/* The arc around a corner, from one side's normal to the next one's. */
static int add_arc(struct outline *o, struct geometry_point corner, const double from[2], const double to[2],
                   struct error *err)
{
    double angle = atan2(from[0] * to[1] - from[1] * to[0], from[0] * to[0] + from[1] * to[1]);
    double steps = fmax(round(o->per_radian * fabs(angle)), 1);
    for (int i = 0; i < (int)steps; i++) {
        double turn = copysign(i / o->per_radian, angle), c = cos(turn), s = sin(turn);
        if (add(o, corner, c * from[0] - s * from[1], s * from[0] + c * from[1], err) < 0)
            return -1;
    }
    return add(o, corner, to[0], to[1], err);
}

/* The normal of the side from a to b that points outward when the corners go round with rising angles. */
static void normal(struct geometry_point a, struct geometry_point b, double n[2])
{
    double length = hypot(b.x - a.x, b.y - a.y);
    n[0] = (b.y - a.y) / length;
    n[1] = (a.x - b.x) / length;
}

ptrdiff_t geometry_widen(const struct geometry_point *p, size_t n, double distance, struct geometry_point **out,
                         struct error *err)
{
    struct outline o = {.distance = distance};
    double steps = fmin(acos(-1) / acos(1 - fmin(0.25, distance * 0.25) / distance), distance * acos(-1));
    o.per_radian = steps / (2 * acos(-1));
    int status = distance > 0 && distance < 1e6 ? 0 : error_set(err, "a polygon cannot be widened by %g", distance);
    for (size_t i = 0; status == 0 && i < n; i++) {
        double before[2], behind[2];
        normal(p[(i + n - 1) % n], p[i], before);
        normal(p[i], p[(i + 1) % n], behind);
        status = add_arc(&o, p[i], before, behind, err);
    }
    if (status < 0) {
        free(o.at);
        return -1;
    }
    *out = o.at;
    return (ptrdiff_t)o.count;
}
