/* Choosing the range of numbers that 256 steps are spread over. */
#ifndef QUANT_RANGE_H
#define QUANT_RANGE_H

#include "quant/observe.h"

struct quant_range {
    float low, high; /* low <= 0 <= high */
    float scale;
    int zero; /* what 0 is stored as */
};

/* How the ends are chosen from what was seen; what lies outside becomes the nearest end. */
struct quant_range_method {
    const char *name, *what;
    void (*choose)(const struct quant_histogram *h, const double *function, double *low, double *high);
};

const struct quant_range_method *quant_range_methods(size_t *count);
const struct quant_range_method *quant_range_find(const char *name); /* NULL when unknown */

/* Scale and zero point for DTYPE_U8 or DTYPE_I8. Nothing seen gives a scale of 1. function: NULL, or what is made of
 * the numbers and nothing else, for the end of each bin [2 * QUANT_BINS + 1]: then errors of that count, where the
 * method counts errors. */
void quant_range_choose(const struct quant_histogram *h, const struct quant_range_method *method,
                        const double *function, enum dtype dtype, struct quant_range *range);
/* For bounds that are known. */
void quant_range_set(double low, double high, enum dtype dtype, struct quant_range *range);

/* The share of what was seen that lies outside. */
double quant_range_clipped(const struct quant_histogram *h, const struct quant_range *range);

#endif
