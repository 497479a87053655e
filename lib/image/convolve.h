/* Private to lib/image: sums of weighted samples along rows and columns. */
#ifndef IMAGE_CONVOLVE_H
#define IMAGE_CONVOLVE_H

#include <stddef.h>
#include <stdint.h>

#define CONVOLVE_BITS 22 /* of a weight's fraction: 8 bits of sample and 2 of overshoot still fit 32 */
#define CONVOLVE_STEP 8  /* weights of an output are followed by zeros up to a multiple of this */

/* Which input samples each output sample is made of, along one axis. */
struct taps {
    int *first, *count; /* per output */
    int32_t *weight;    /* `most` per output */
    int most;           /* a multiple of CONVOLVE_STEP */
};

/* `rows` rows of n pixels of 1 or 3 channels; strides in bytes. */
void image_convolve_rows(uint8_t *out, size_t out_stride, const uint8_t *in, size_t in_stride, int rows,
                         const struct taps *t, int n, int channels);

/* One row of `n` bytes out of `count` rows that lie `stride` bytes apart. */
void image_convolve_column(uint8_t *out, const uint8_t *in, size_t stride, const int32_t *w, int count, size_t n);

#endif
