/* Private to lib/image: what image_resize() is made of. */
#ifndef IMAGE_RESIZE_H
#define IMAGE_RESIZE_H

#include "image/image.h"

/* For the filters from IMAGE_CV_LINEAR on; the window lies inside, the sizes differ. */
int image_resize_opencv(struct image *out, const struct image *in, int width, int height, enum image_filter filter,
                        const struct image_rect *window, struct error *err);

/* Each pixel of `out`, of the wanted size, from column x[] and row y[] of `in`. */
void image_pick(struct image *out, const struct image *in, const int *x, const int *y);

/* Of one axis; `from` and `n` of the outputs that are wanted. */
struct resize_axis {
    int in, out, from, n;
    double scale; /* inputs per output, as OpenCV rounds it */
};

/* OpenCV's INTER_AREA into `out`, of the wanted size: where both sides shrink by whole numbers, and otherwise. */
void image_resize_blocks(struct image *out, const struct image *in, const struct resize_axis *x,
                         const struct resize_axis *y);
int image_resize_covers(struct image *out, const struct image *in, const struct resize_axis *x,
                        const struct resize_axis *y, struct error *err);

#endif
