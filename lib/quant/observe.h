/* What calibration sees of an activation: a histogram that grows with the numbers, so that one pass over any amount of
 * data takes the same memory. */
#ifndef QUANT_OBSERVE_H
#define QUANT_OBSERVE_H

#include "graph/tensor.h"

#define QUANT_BINS 2048 /* on either side of 0 */

/* counts[i]: numbers in [(i - QUANT_BINS) * width, (i + 1 - QUANT_BINS) * width); width is a power of two. */
struct quant_histogram {
    double counts[2 * QUANT_BINS];
    double total;
    float width; /* 0: nothing seen yet */
    float least, greatest;
};

/* Adds what nn.Histogram gave, each number as so many: counts [2 * QUANT_BINS], range {width, least, greatest}. */
void quant_observe(struct quant_histogram *h, const struct tensor *counts, const struct tensor *range, double weight);
void quant_histogram_add(struct quant_histogram *h, const struct quant_histogram *other);

/* The middle of bin i. */
static inline double quant_bin(const struct quant_histogram *h, int i)
{
    return (i - QUANT_BINS + 0.5) * (double)h->width;
}

#endif
