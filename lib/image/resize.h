/* Private to lib/image: what image_resize() is made of. */
#ifndef IMAGE_RESIZE_H
#define IMAGE_RESIZE_H

#include "image/image.h"

/* For the filters from IMAGE_CV_LINEAR on; the window lies inside, the sizes differ. */
int image_resize_opencv(struct image *out, const struct image *in, int width, int height, enum image_filter filter,
                        const struct image_rect *window, struct error *err);

#endif
