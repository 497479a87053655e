#include "draw/draw.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* ---- colours ---- */

/* Far from each other in lightness or hue, none near black, white or grey. */
static const struct draw_colour colours[] = {
    {{230, 60, 50}},  {{40, 150, 235}},  {{60, 190, 80}},   {{255, 170, 0}},   {{170, 80, 230}},
    {{0, 200, 200}},  {{245, 90, 180}},  {{160, 210, 30}},  {{150, 90, 40}},   {{70, 80, 210}},
    {{255, 225, 70}}, {{0, 125, 105}},   {{255, 130, 105}}, {{115, 20, 90}},   {{125, 205, 255}},
    {{90, 120, 20}},  {{215, 160, 255}}, {{175, 10, 45}},   {{140, 245, 175}}, {{205, 120, 10}},
};

#define COLOURS (sizeof colours / sizeof *colours)

/* Each further turn through the table is a third darker, then lighter. */
struct draw_colour draw_colour_of(size_t index)
{
    struct draw_colour c = colours[index % COLOURS];
    size_t round = index / COLOURS % 3;
    for (int i = 0; i < 3; i++)
        c.rgb[i] = (uint8_t)(round == 0 ? c.rgb[i] : round == 1 ? c.rgb[i] * 2 / 3 : 255 - (255 - c.rgb[i]) * 2 / 3);
    return c;
}

struct draw_colour draw_ink_on(struct draw_colour c)
{
    static const struct draw_colour black = {{0, 0, 0}}, white = {{255, 255, 255}};
    return 299 * c.rgb[0] + 587 * c.rgb[1] + 114 * c.rgb[2] > 140000 ? black : white;
}

/* ---- pixels ---- */

static inline void blend(uint8_t *p, int share, struct draw_colour c)
{
    for (int i = 0; i < 3; i++)
        p[i] = (uint8_t)((p[i] * (255 - share) + c.rgb[i] * share + 127) / 255);
}

/* The part of the rectangle that lies in the picture; false when there is none. */
static bool cut(const struct image *image, const struct image_rect *r, struct image_rect *part)
{
    int x0 = image_truncate(r->x, image->width), x1 = image_truncate((double)r->x + r->width, image->width);
    int y0 = image_truncate(r->y, image->height), y1 = image_truncate((double)r->y + r->height, image->height);
    *part = (struct image_rect){x0, y0, x1 - x0, y1 - y0};
    return x1 > x0 && y1 > y0;
}

static uint8_t *pixel(const struct image *image, int x, int y)
{
    return image->data + ((size_t)y * image->width + x) * 3;
}

void draw_area(struct image *image, const struct image_rect *rect, int share, struct draw_colour colour)
{
    struct image_rect r;
    if (!cut(image, rect, &r))
        return;
    for (int y = r.y; y < r.y + r.height; y++)
        for (int x = r.x; x < r.x + r.width; x++)
            blend(pixel(image, x, y), share, colour);
}

void draw_labels(struct image *image, const struct image_rect *rect, const uint8_t *labels, int first, int share,
                 const struct draw_colour palette[256])
{
    struct image_rect r;
    if (!cut(image, rect, &r))
        return;
    for (int y = r.y; y < r.y + r.height; y++) {
        const uint8_t *row = labels + (size_t)(y - rect->y) * rect->width - rect->x;
        for (int x = r.x; x < r.x + r.width; x++)
            if (row[x] >= first)
                blend(pixel(image, x, y), share, palette[row[x]]);
    }
}

/* ---- lines ---- */

/* The rectangle of pixels that a line may touch. */
static bool touched(const struct image *image, const struct draw_segment *s, float width, struct image_rect *r)
{
    double reach = width / 2 + 1;
    if (!isfinite(s->from.x + s->from.y + s->to.x + s->to.y))
        return false;
    int x0 = image_truncate(fmin(s->from.x, s->to.x) - reach, image->width);
    int x1 = image_truncate(fmax(s->from.x, s->to.x) + reach + 1, image->width);
    int y0 = image_truncate(fmin(s->from.y, s->to.y) - reach, image->height);
    int y1 = image_truncate(fmax(s->from.y, s->to.y) + reach + 1, image->height);
    *r = (struct image_rect){x0, y0, x1 - x0, y1 - y0};
    return x1 > x0 && y1 > y0;
}

/* How far a line covers the pixel whose centre is at x, y, 0 ... 255: what is within half its width, the rim one pixel
 * wide. */
static inline int cover(const struct draw_segment *s, float dx, float dy, float inverse, float reach, float x, float y)
{
    float px = x - s->from.x, py = y - s->from.y, along = (px * dx + py * dy) * inverse;
    along = along < 0 ? 0 : along > 1 ? 1 : along;
    px -= along * dx;
    py -= along * dy;
    float inside = reach - sqrtf(px * px + py * py);
    return inside >= 1 ? 255 : inside > 0 ? (int)(inside * 255 + 0.5f) : 0; /* nan: 0 */
}

/* The columns of a row of pixels that a line may touch, so that a long slanting one does not cost its whole rectangle.
 */
static void row_span(const struct draw_segment *s, float reach, int y, const struct image_rect *r, int *from, int *to)
{
    float dx = s->to.x - s->from.x, dy = s->to.y - s->from.y;
    *from = r->x;
    *to = r->x + r->width;
    if (fabsf(dy) < 1)
        return;
    float wide = reach * hypotf(dx, dy) / fabsf(dy) + 2, at = s->from.x + dx * ((float)y + 0.5f - s->from.y) / dy;
    float low = fminf(s->from.x, s->to.x), high = fmaxf(s->from.x, s->to.x);
    at = at < low ? low : at > high ? high : at;
    *from += image_truncate((double)at - wide - r->x, r->width);
    *to = r->x + image_truncate((double)at + wide + 1 - r->x, r->width);
}

/* Calls for each pixel that the line covers: into a mask, whose rectangle is `mask_rect`, or onto the picture. */
static void cover_pixels(struct image *image, const struct draw_segment *s, float width, struct draw_colour colour,
                         uint8_t *mask, const struct image_rect *mask_rect)
{
    struct image_rect r;
    float dx = s->to.x - s->from.x, dy = s->to.y - s->from.y, reach = width / 2 + 0.5f;
    float inverse = dx != 0 || dy != 0 ? 1 / (dx * dx + dy * dy) : 0;
    if (!touched(image, s, width, &r))
        return;
    for (int y = r.y; y < r.y + r.height; y++) {
        int from, to;
        row_span(s, reach, y, &r, &from, &to);
        for (int x = from; x < to; x++) {
            int share = cover(s, dx, dy, inverse, reach, (float)x + 0.5f, (float)y + 0.5f);
            uint8_t *m = mask ? &mask[(size_t)(y - mask_rect->y) * mask_rect->width + (x - mask_rect->x)] : NULL;
            if (m)
                *m = share > *m ? (uint8_t)share : *m;
            else if (share)
                blend(pixel(image, x, y), share, colour);
        }
    }
}

void draw_line(struct image *image, struct draw_point from, struct draw_point to, float width,
               struct draw_colour colour)
{
    struct draw_segment s = {from, to};
    cover_pixels(image, &s, width, colour, NULL, NULL);
}

void draw_outline(struct image *image, const struct draw_point *points, size_t count, float width,
                  struct draw_colour colour)
{
    for (size_t i = 0; i < count; i++)
        draw_line(image, points[i], points[(i + 1) % count], width, colour);
}

int draw_segments(struct image *image, const struct draw_segment *segments, size_t count, float width,
                  struct draw_colour colour, struct error *err)
{
    struct image_rect all = {0}, r;
    for (size_t i = 0; i < count; i++) {
        if (!touched(image, &segments[i], width, &r))
            continue;
        int x1 = all.width ? all.x + all.width : 0, y1 = all.width ? all.y + all.height : 0;
        all.x = !all.width || r.x < all.x ? r.x : all.x;
        all.y = !all.width || r.y < all.y ? r.y : all.y;
        x1 = r.x + r.width > x1 ? r.x + r.width : x1;
        y1 = r.y + r.height > y1 ? r.y + r.height : y1;
        all.width = x1 - all.x;
        all.height = y1 - all.y;
    }
    uint8_t *mask = all.width ? mem_calloc((size_t)all.width, (size_t)all.height, err) : NULL;
    if (!mask)
        return all.width ? -1 : 0;
    for (size_t i = 0; i < count; i++)
        cover_pixels(image, &segments[i], width, colour, mask, &all);
    for (size_t i = 0; i < (size_t)all.width * all.height; i++)
        if (mask[i])
            blend(pixel(image, all.x + (int)(i % all.width), all.y + (int)(i / all.width)), mask[i], colour);
    free(mask);
    return 0;
}
