#include "quant/observe.h"

#include <math.h>
#include <string.h>

/* Makes the bins wider: those that come to lie in one are added. */
static void widen(struct quant_histogram *h, float width)
{
    double counts[2 * QUANT_BINS] = {0};
    double ratio = (double)width / (double)h->width;
    if (ratio <= 1)
        return;
    for (int i = 0; i < 2 * QUANT_BINS; i++) {
        int to = (int)floor((i - QUANT_BINS) / ratio) + QUANT_BINS;
        counts[to] += h->counts[i];
    }
    memcpy(h->counts, counts, sizeof counts);
    h->width = width;
}

void quant_histogram_add(struct quant_histogram *h, const struct quant_histogram *other)
{
    struct quant_histogram wide = *other;
    if (other->total == 0)
        return;
    if (h->total == 0) {
        *h = wide;
        return;
    }
    widen(h, wide.width);
    widen(&wide, h->width);
    for (int i = 0; i < 2 * QUANT_BINS; i++)
        h->counts[i] += wide.counts[i];
    h->total += wide.total;
    h->least = fminf(h->least, wide.least);
    h->greatest = fmaxf(h->greatest, wide.greatest);
}

void quant_observe(struct quant_histogram *h, const struct tensor *counts, const struct tensor *range, double weight)
{
    const int32_t *n = counts->data;
    const float *r = range->data;
    struct quant_histogram seen = {.width = r[0], .least = r[1], .greatest = r[2]};
    for (int i = 0; i < 2 * QUANT_BINS; i++) {
        seen.counts[i] = weight * n[i];
        seen.total += seen.counts[i];
    }
    quant_histogram_add(h, &seen);
}
