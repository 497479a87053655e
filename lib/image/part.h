/* Cutting a part that was found in a picture out of it, upright. */
#ifndef IMAGE_PART_H
#define IMAGE_PART_H

#include "image/warp.h"

/* Where it is, in pixels of the picture. */
struct image_place {
    int corners; /* 0: the whole picture; 2: a box, by its top left and bottom right corner; 4: a quadrilateral, its
                  * corners clockwise as they are to lie, from the top left one; 5: a face, by its eyes, nose and
                  * corners of the mouth, in a square of how->width; 6: a box, as 2, and behind it two points, of which
                  * how->aim tells how they are to lie */
    double x[5], y[5];
};

/* A square around a box, turned, as MediaPipe lays it (RectTransformationCalculator). */
struct image_aim {
    double degrees; /* to which the line between the points is turned, anticlockwise from the right */
    double grow;    /* by which the longer side of the box is multiplied */
    double up;      /* first it moves upwards, as seen by what is turned, by this share of its height */
    bool around;    /* the box is that of a circle around the first point through the second */
};

struct image_part_how {
    struct image_aim aim;
    double pad;  /* a box grows by this share of its side on each side */
    bool square; /* then its shorter side grows to the longer */
    double tall; /* a quadrilateral at least so many times as high as wide is turned left by 90 degrees; 0: never */
    bool linear; /* warped by the bilinear filter, not the cubic one */
    int width, height; /* not 0: a box then grows to the proportion of these sides, and is warped by the bilinear filter
                        * to that size, black where it lies outside the picture */
    bool udp;          /* then the box' sides are those of its outermost pixels, not of their edges */
    int turn; /* degrees by which the part itself is turned, 0, 90, 180 or 270 clockwise: they are taken back */
};

/* What is to be cut out. */
struct image_part {
    int width, height;     /* of the result */
    struct image_map back; /* from its pixels to those of the picture */
    struct image_rect box; /* cut as it is, */
    bool warped;           /* or warped, to the size of the box, */
    struct image_map warp;
    bool linear, black;
    int orientation; /* and then turned: of EXIF */
};

/* A box is cut to whole pixels, its corners truncated, and to the picture. A quadrilateral is as wide as the longer of
 * its horizontal sides, and as high as the longer of the others, truncated. Fails where nothing is left, and for one
 * that is larger than the picture by far. */
int image_part_plan(struct image_part *out, const struct image *in, const struct image_place *place,
                    const struct image_part_how *how, struct error *err);

int image_part_cut(struct image *out, const struct image *in, const struct image_part *part, struct error *err);

#endif
