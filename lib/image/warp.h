/* Parts of a picture that do not lie upright in it. */
#ifndef IMAGE_WARP_H
#define IMAGE_WARP_H

#include <stdbool.h>

#include "image/image.h"

/* A projective map of the plane, row-major: (x, y) goes to (m[0] x + m[1] y + m[2], m[3] x + m[4] y + m[5]) divided by
 * m[6] x + m[7] y + m[8]. */
struct image_map {
    double m[9];
};

/* The point's image; false, with the point as it was, where it lies at infinity. */
bool image_map_point(const struct image_map *map, double *x, double *y);

/* The map that brings the corners of a width x height rectangle, from the top left one clockwise, to these points. -1
 * when three of them lie on a line. */
int image_map_of_corners(struct image_map *out, double width, double height, const double x[4], const double y[4],
                         struct error *err);

/* out = first, then second. */
void image_map_chain(struct image_map *out, const struct image_map *first, const struct image_map *second);

enum {
    IMAGE_WARP_CUBIC = 1, /* by Keys' cubic with a = -3/4, not bilinear */
    IMAGE_WARP_BLACK = 2, /* what is outside is black; else the border is repeated there */
    IMAGE_WARP_AFFINE = 4 /* places, of an affine map, are rounded as warpAffine() does it */
};

/* A width x height picture whose pixel at (x, y) is that of `in` at map(x, y). Places are rounded to 1/32 of a pixel
 * and weights to 15 bits, as warpPerspective() of OpenCV 4 does it, or warpAffine(), to the bit; OpenCV 5 no longer
 * rounds places. */
int image_warp(struct image *out, const struct image *in, int width, int height, const struct image_map *map,
               unsigned how, struct error *err);

#endif
