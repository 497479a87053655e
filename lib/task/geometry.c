#include "task/geometry.h"

#include <float.h>
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

/* How far the hull reaches along a direction and across it. */
struct extent {
    double low, high, left, right;
};

static struct extent extent_along(const struct geometry_point *hull, size_t n, double ux, double uy)
{
    struct extent e = {INFINITY, -INFINITY, INFINITY, -INFINITY};
    for (size_t i = 0; i < n; i++) {
        double along = hull[i].x * ux + hull[i].y * uy, across = hull[i].y * ux - hull[i].x * uy;
        e.low = fmin(e.low, along), e.high = fmax(e.high, along);
        e.left = fmin(e.left, across), e.right = fmax(e.right, across);
    }
    return e;
}

double geometry_rectangle(const struct geometry_point *hull, size_t n, struct geometry_point corners[4])
{
    double least = INFINITY, shorter = 0;
    for (int i = 0; i < 4; i++)
        corners[i] = n ? hull[0] : (struct geometry_point){0, 0};
    for (size_t i = 0; i < n; i++) {
        double dx = hull[(i + 1) % n].x - hull[i].x, dy = hull[(i + 1) % n].y - hull[i].y, length = hypot(dx, dy);
        if (!(length > 0))
            continue;
        double ux = dx / length, uy = dy / length;
        struct extent e = extent_along(hull, n, ux, uy);
        double area = (e.high - e.low) * (e.right - e.left);
        if (!(area < least))
            continue;
        const double a[] = {e.low, e.high, e.high, e.low}, b[] = {e.left, e.left, e.right, e.right};
        for (int k = 0; k < 4; k++)
            corners[k] = (struct geometry_point){a[k] * ux - b[k] * uy, a[k] * uy + b[k] * ux};
        least = area;
        shorter = fmin(e.high - e.low, e.right - e.left);
    }
    return shorter;
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
