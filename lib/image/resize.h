/* Private to lib/image: what image_resize() is made of. */
#ifndef IMAGE_RESIZE_H
#define IMAGE_RESIZE_H

#include "image/image.h"

/* For the filters from IMAGE_CV_LINEAR on; the window lies inside, the sizes differ. */
int image_resize_opencv(struct image *out, const struct image *in, int width, int height, enum image_filter filter,
                        const struct image_rect *window, struct error *err);

/* Whether a picture of at most so many pixels may have these sides; -1 and a message when not. */
int image_check_size(int width, int height, int most, struct error *err);

/* Whether a picture of in_width x in_height at x, y lies inside one of width x height; -1 and a message when not. */
int image_check_place(int in_width, int in_height, int width, int height, int x, int y, struct error *err);

/* Each pixel of `out`, of the wanted size, from column x[] and row y[] of `in`. */
int image_pick(struct image *out, const struct image *in, const int *x, const int *y, struct error *err);

/* Of one axis; `from` and `n` of the outputs that are wanted. */
struct resize_axis {
    int in, out, from, n;
    double scale; /* inputs per output, as OpenCV rounds it */
};

/* The nearest of 0 to count - 1. */
static inline int image_clamp(int v, int count)
{
    return v < 0 ? 0 : v >= count ? count - 1 : v;
}

/* Outputs from ... to - 1 of n, whose `taps` samples at[taps * i] ... lie side by side, and behind the first of which
 * there are `room` samples of the row, itself counted. */
void resize_inner(const int *at, int taps, int n, int in, int room, int *from, int *to);

/* OpenCV's INTER_CUBIC into `out`, of the wanted size, for sides of 4 pixels and more. */
int image_resize_cubic(struct image *out, const struct image *in, const struct resize_axis *x,
                       const struct resize_axis *y, struct error *err);

/* OpenCV's INTER_AREA into `out`, of the wanted size: where both sides shrink by whole numbers, and otherwise. */
int image_resize_blocks(struct image *out, const struct image *in, const struct resize_axis *x,
                        const struct resize_axis *y, struct error *err);
int image_resize_covers(struct image *out, const struct image *in, const struct resize_axis *x,
                        const struct resize_axis *y, struct error *err);

/* As image_weigh_cubic(), of the two samples around a place. */
void resize_weigh_linear(float x, float *w);

#endif
