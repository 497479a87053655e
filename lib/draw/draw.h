/* Drawing on pictures, anti-aliased: lines, areas, text. Places are in pixels, (0, 0) being the top left corner of the
 * picture, not the centre of its first pixel; what lies outside is cut off. Pictures are RGB. */
#ifndef DRAW_DRAW_H
#define DRAW_DRAW_H

#include <stdbool.h>

#include "image/image.h"

struct draw_colour {
    uint8_t rgb[3];
};

/* Of object or label number `index`: neighbours can be told apart, the first twenty all from each other. */
struct draw_colour draw_colour_of(size_t index);

/* Black or white, whichever reads better on that colour. */
struct draw_colour draw_ink_on(struct draw_colour colour);

struct draw_point {
    float x, y;
};

/* A line with round ends; a disc when both are one point. */
void draw_line(struct image *image, struct draw_point from, struct draw_point to, float width,
               struct draw_colour colour);

/* Lines from each point to the next, and from the last to the first. */
void draw_outline(struct image *image, const struct draw_point *points, size_t count, float width,
                  struct draw_colour colour);

/* Blends the colour over a rectangle, 0 ... 255 of it. */
void draw_area(struct image *image, const struct image_rect *rect, int share, struct draw_colour colour);

/* Blends each label's colour over its pixels of the rectangle, rows of rect->width labels, from label `first` on. */
void draw_labels(struct image *image, const struct image_rect *rect, const uint8_t *labels, int first, int share,
                 const struct draw_colour palette[256]);

/* ---- text: capitals, small letters, digits and signs of Latin scripts ---- */

/* Whether all characters of the UTF-8 text can be drawn. */
bool draw_can_text(const char *text);

/* How wide it is where a line is `height` high. */
float draw_text_width(const char *text, float height);

/* Draws one line, whose top left corner is at x, y; characters that cannot be drawn are left out. */
int draw_text(struct image *image, float x, float y, float height, const char *text, struct draw_colour colour,
              struct error *err);

/* Text on a ground of the colour, whose top left corner is at x, y. */
int draw_tag(struct image *image, float x, float y, float height, const char *text, struct draw_colour colour,
             struct error *err);

/* ---- for what is made of lines ---- */

struct draw_segment {
    struct draw_point from, to;
};

/* Lines of one width as one shape, so that they do not darken each other. */
int draw_segments(struct image *image, const struct draw_segment *segments, size_t count, float width,
                  struct draw_colour colour, struct error *err);

#endif
