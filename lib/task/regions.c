/* Regions are filled from a stack of pixels, so that time and memory are linear in the picture. */
#include "task/regions.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct regions {
    const uint8_t *pixels;
    uint8_t *seen;
    size_t width, height;
    size_t *stack, count;          /* every pixel is pushed once at most */
    struct geometry_point *border; /* of the region at hand, for each row the ends, grown as needed */
    size_t border_count, border_cap;
    struct geometry_point *hull;
    size_t hull_cap;
    bool open; /* the region touches the picture's border */
};

static int note(struct regions *r, size_t x, size_t y, struct error *err)
{
    if (mem_grow(&r->border, &r->border_cap, r->border_count + 1, sizeof *r->border, err) < 0)
        return -1;
    r->border[r->border_count++] = (struct geometry_point){(double)x, (double)y};
    return 0;
}

/* The neighbour in direction d (0 to 3 the sides, 4 to 7 the corners); false beyond the picture. */
static bool neighbour(const struct regions *r, size_t x, size_t y, int d, size_t *nx, size_t *ny)
{
    static const int dx[] = {1, 0, -1, 0, 1, -1, -1, 1}, dy[] = {0, 1, 0, -1, 1, 1, -1, -1};
    *nx = x + (size_t)dx[d];
    *ny = y + (size_t)dy[d];
    return *nx < r->width && *ny < r->height;
}

/* One pixel of a region: pushes its neighbours, and notes border pixels: of ones those beside a zero or the edge, of
 * zeros the ones beside, unless it is no hole. */
static int visit(struct regions *r, size_t x, size_t y, uint8_t kind, struct error *err)
{
    bool at_border = false;
    for (int d = 0; d < (kind ? 8 : 4); d++) {
        size_t nx, ny;
        bool inside = neighbour(r, x, y, d, &nx, &ny);
        size_t at = ny * r->width + nx;
        bool same = inside && (r->pixels[at] != 0) == kind;
        r->open |= !inside;
        at_border |= !same && d < 4;
        if (inside && !same && !kind && !r->open && note(r, nx, ny, err) < 0)
            return -1;
        if (same && !r->seen[at]) {
            r->seen[at] = 1;
            r->stack[r->count++] = at;
        }
    }
    return kind && at_border ? note(r, x, y, err) : 0;
}

static int fill(struct regions *r, size_t from, struct error *err)
{
    uint8_t kind = r->pixels[from] != 0;
    r->border_count = r->count = 0;
    r->open = false;
    r->seen[from] = 1;
    r->stack[r->count++] = from;
    while (r->count) {
        size_t at = r->stack[--r->count];
        if (visit(r, at % r->width, at / r->width, kind, err) < 0)
            return -1;
    }
    return 0;
}

static int tell_one(struct regions *r, regions_fn *tell, void *arg, struct error *err)
{
    if (mem_grow(&r->hull, &r->hull_cap, r->border_count + 1, sizeof *r->hull, err) < 0)
        return -1;
    return tell(arg, r->hull, geometry_hull(r->border, r->border_count, r->hull), err);
}

int regions_each(const uint8_t *pixels, size_t width, size_t height, bool holes, regions_fn *tell, void *arg,
                 struct error *err)
{
    size_t n = width * height;
    struct regions r = {.pixels = pixels, .width = width, .height = height};
    r.seen = mem_calloc(n, 1, err);
    r.stack = mem_calloc(n, sizeof *r.stack, err);
    int status = r.seen && r.stack ? 0 : -1;
    for (size_t i = 0; status == 0 && i < n; i++) {
        if (r.seen[i])
            continue;
        status = fill(&r, i, err);
        if (status == 0 && r.border_count && (pixels[i] || (holes && !r.open)))
            status = tell_one(&r, tell, arg, err);
    }
    free(r.seen);
    free(r.stack);
    free(r.border);
    free(r.hull);
    return status;
}
