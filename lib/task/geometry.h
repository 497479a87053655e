/* Private to lib/task: polygons in the plane. */
#ifndef TASK_GEOMETRY_H
#define TASK_GEOMETRY_H

#include <stddef.h>

#include "base/error.h"

/* Unlike fmin() and fmax() an instruction each, not a call; not for NaN. */
static inline double geometry_lower(double a, double b)
{
    return a < b ? a : b;
}

static inline double geometry_higher(double a, double b)
{
    return a > b ? a : b;
}

struct geometry_point {
    double x, y;
};

/* The convex hull of n points, which are sorted for it, by the monotone chain (Andrew 1979); hull has room for n + 1
 * points. Returns how many it has: without those on its sides. */
size_t geometry_hull(struct geometry_point *points, size_t n, struct geometry_point *hull);

/* The corners of the rectangle of least area around a convex hull, which has a side on one of the hull's (Freeman and
 * Shapira 1975), and the shorter of its sides; 0 for fewer than three points. */
double geometry_rectangle(const struct geometry_point *hull, size_t n, struct geometry_point corners[4]);

/* Area (positive) and perimeter. */
double geometry_area(const struct geometry_point *p, size_t n);
double geometry_perimeter(const struct geometry_point *p, size_t n);

/* A convex polygon widened by `distance` on all sides, with round corners: points on whole numbers, arcs at most a
 * quarter from the true ones. *out is to be freed; how many, or -1. */
ptrdiff_t geometry_widen(const struct geometry_point *p, size_t n, double distance, struct geometry_point **out,
                         struct error *err);

#endif
