#include "image/part.h"

#include <math.h>

#include "base/mem.h"

#define MOST_GROWTH 4 /* of a quadrilateral's area over the picture's */

/* ---- boxes ---- */

static int plan_box(struct image_part *p, const struct image *in, const struct image_place *at,
                    const struct image_part_how *how, struct error *err)
{
    double x0 = fmin(at->x[0], at->x[1]), x1 = fmax(at->x[0], at->x[1]);
    double y0 = fmin(at->y[0], at->y[1]), y1 = fmax(at->y[0], at->y[1]);
    double grow_x = (x1 - x0) * how->pad, grow_y = (y1 - y0) * how->pad;
    if (how->square) {
        double lacks = (x1 - x0 + 2 * grow_x) - (y1 - y0 + 2 * grow_y);
        *(lacks < 0 ? &grow_x : &grow_y) += fabs(lacks) / 2;
    }
    if (how->width) {
        double w = x1 - x0 + 2 * grow_x, h = y1 - y0 + 2 * grow_y, aspect = (double)how->width / how->height;
        double side = w > h * aspect ? w : h * aspect, step = side / how->width, step_y = step;
        if (how->udp && how->width > 1 && how->height > 1)
            step = side / (how->width - 1), step_y = side / aspect / (how->height - 1);
        p->box = (struct image_rect){0, 0, how->width, how->height};
        p->warped = p->linear = p->black = true;
        p->warp = p->back =
            (struct image_map){{step, 0, (x0 + x1 - side) / 2, 0, step_y, (y0 + y1 - side / aspect) / 2, 0, 0, 1}};
        return 0;
    }
    int left = image_truncate(x0 - grow_x, in->width), right = image_truncate(x1 + grow_x, in->width);
    int top = image_truncate(y0 - grow_y, in->height), bottom = image_truncate(y1 + grow_y, in->height);
    p->box = (struct image_rect){left, top, right - left, bottom - top};
    p->back = (struct image_map){{1, 0, left, 0, 1, top, 0, 0, 1}};
    return right > left && bottom > top
               ? 0
               : error_set(err, "box %g %g %g %g: nothing of it lies in the photo of %dx%d pixels", at->x[0], at->y[0],
                           at->x[1], at->y[1], in->width, in->height);
}

/* ---- quadrilaterals ---- */

static double side(const struct image_place *at, int a, int b)
{
    return hypot(at->x[a] - at->x[b], at->y[a] - at->y[b]);
}

static int plan_quad(struct image_part *p, const struct image *in, const struct image_place *at,
                     const struct image_part_how *how, struct error *err)
{
    double width = floor(fmax(side(at, 0, 1), side(at, 2, 3)));
    double height = floor(fmax(side(at, 0, 3), side(at, 1, 2)));
    double most = (double)MOST_GROWTH * in->width * in->height + 4096;
    if (!(width >= 1 && height >= 1 && width <= IMAGE_MAX_SIDE && height <= IMAGE_MAX_SIDE && width * height <= most))
        return error_set(err, "a polygon with sides of %g and %g pixels in a photo of %dx%d", width, height, in->width,
                         in->height);
    p->box = (struct image_rect){0, 0, (int)width, (int)height};
    p->warped = true;
    p->linear = how->linear;
    if (how->tall > 0 && height >= how->tall * width)
        p->orientation = 8;
    if (image_map_of_corners(&p->warp, width, height, at->x, at->y, err) < 0)
        return -1;
    p->back = p->warp;
    return 0;
}

/* ---- faces ---- */

/* Where the key points lie in a picture of 112 pixels (Deng et al. 2019, ArcFace). */
static const double face[5][2] = {
    {38.2946, 51.6963}, {73.5318, 51.5014}, {56.0252, 71.7366}, {41.5493, 92.3655}, {70.7299, 92.2041}};

/* The similarity that brings the points there with the least sum of squares, and back (Umeyama 1991). An input of no
 * multiple of 112 has a border, as one of 128. */
static int plan_face(struct image_part *p, const struct image_place *at, const struct image_part_how *how,
                     struct error *err)
{
    double scale = how->width % 112 ? how->width / 128.0 : how->width / 112.0,
           border = how->width % 112 ? 8 * scale : 0;
    double mx = 0, my = 0, nx = 0, ny = 0, spread = 0, a = 0, b = 0;
    for (int i = 0; i < 5; i++) {
        mx += at->x[i] / 5, my += at->y[i] / 5;
        nx += (face[i][0] * scale + border) / 5, ny += face[i][1] * scale / 5;
    }
    for (int i = 0; i < 5; i++) {
        double x = at->x[i] - mx, y = at->y[i] - my, u = face[i][0] * scale + border - nx, v = face[i][1] * scale - ny;
        spread += x * x + y * y, a += x * u + y * v, b += x * v - y * u;
    }
    a /= spread, b /= spread;
    double all = a * a + b * b;
    if (!(all > 1e-6 && all < 1e6))
        return error_set(err, "five points that are no face: %g,%g %g,%g ...", at->x[0], at->y[0], at->x[1], at->y[1]);
    a /= all, b /= all;
    p->box = (struct image_rect){0, 0, how->width, how->height};
    p->warped = p->linear = p->black = true;
    p->warp = p->back = (struct image_map){{a, b, mx - a * nx - b * ny, -b, a, my + b * nx - a * ny, 0, 0, 1}};
    return 0;
}

/* ---- boxes that are turned ---- */

static int plan_aimed(struct image_part *p, const struct image_place *at, const struct image_part_how *how,
                      struct error *err)
{
    const struct image_aim *aim = &how->aim;
    double dx = at->x[3] - at->x[2], dy = at->y[3] - at->y[2], turn = aim->degrees * M_PI / 180 - atan2(-dy, dx);
    double c = cos(turn), s = sin(turn), w = fabs(at->x[1] - at->x[0]), h = fabs(at->y[1] - at->y[0]);
    double x = (at->x[0] + at->x[1]) / 2, y = (at->y[0] + at->y[1]) / 2;
    if (aim->around)
        x = at->x[2], y = at->y[2], w = h = 2 * hypot(dx, dy);
    x += aim->up * h * s, y -= aim->up * h * c;
    double all = fmax(w, h) * aim->grow, across = all / how->width, down = all / how->height;
    if (!(all >= 1 && all < 1e6) || (dx == 0 && dy == 0))
        return error_set(err, "key points %g,%g and %g,%g that tell of no direction, or a box of no size", at->x[2],
                         at->y[2], at->x[3], at->y[3]);
    p->box = (struct image_rect){0, 0, how->width, how->height};
    p->warped = p->linear = true;
    p->warp = p->back = (struct image_map){
        {c * across, -s * down, x - (c - s) * all / 2, s * across, c * down, y - (s + c) * all / 2, 0, 0, 1}};
    return 0;
}

/* ---- all ---- */

/* By how many quarters to the left an orientation of EXIF turns, and back. */
static const int quarters[9] = {[3] = 2, [6] = 3, [8] = 1}, orientations[4] = {1, 8, 3, 6};

static void plan_turn(struct image_part *p, int turn)
{
    int width = p->box.width, height = p->box.height, left = (quarters[p->orientation] + turn / 90) % 4;
    const struct image_map back[4] = {{{1, 0, 0, 0, 1, 0, 0, 0, 1}},
                                      {{0, -1, width, 1, 0, 0, 0, 0, 1}},
                                      {{-1, 0, width, 0, -1, height, 0, 0, 1}},
                                      {{0, 1, 0, -1, 0, height, 0, 0, 1}}};
    p->orientation = orientations[left];
    p->width = left % 2 ? height : width;
    p->height = left % 2 ? width : height;
    image_map_chain(&p->back, &back[left], &p->back);
}

int image_part_plan(struct image_part *out, const struct image *in, const struct image_place *place,
                    const struct image_part_how *how, struct error *err)
{
    struct image_part p = {.orientation = 1};
    struct image_place whole = {.corners = 2, .x = {0, in->width}, .y = {0, in->height}};
    static const struct image_part_how plain = {0};
    int status = place->corners == 6   ? plan_aimed(&p, place, how, err)
                 : place->corners == 5 ? plan_face(&p, place, how, err)
                 : place->corners == 4 ? plan_quad(&p, in, place, how, err)
                 : place->corners == 2 ? plan_box(&p, in, place, how, err)
                                       : plan_box(&p, in, &whole, &plain, err);
    if (status == 0) {
        plan_turn(&p, how->turn);
        *out = p;
    }
    return status;
}

int image_part_cut(struct image *out, const struct image *in, const struct image_part *p, struct error *err)
{
    struct image cut;
    int status = p->warped ? image_warp(&cut, in, p->box.width, p->box.height, &p->warp,
                                          (p->linear ? 0 : IMAGE_WARP_CUBIC) |
                                              (p->black ? IMAGE_WARP_BLACK | IMAGE_WARP_AFFINE : 0),
                                          err)
                           : image_crop(&cut, in, &p->box, err);
    if (status == 0 && (status = image_turn(&cut, p->orientation, err)) < 0)
        image_release(&cut);
    if (status == 0)
        *out = cut;
    return status;
}
