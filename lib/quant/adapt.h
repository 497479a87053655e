/* Adaptive rounding: weights are rounded so that the layer's result on the data changes least, not each to the nearest.
 * What rounding one weight costs is made up for by those not rounded yet, as the second moments of the operand say
 * (Frantar et al., GPTQ, 2022: the solution of least squares, column by column). */
#ifndef QUANT_ADAPT_H
#define QUANT_ADAPT_H

#include "op/window.h"
#include "quant/place.h"
#include "quant/round.h"

/* The second moments of what a layer multiplies its weights by: of each group of channels, in blocks along the weights
 * of one result, which are rounded together. */
struct quant_moments {
    const struct node *n;                /* NULL: the layer is not adapted */
    int64_t groups, depth, blocks, side; /* side: of a block */
    int64_t seen;                        /* places that were summed */
    struct window window;                /* of a convolution, for the last operand */
    float *sums;                         /* [groups][blocks][side * side], the upper triangle */
    float *row;                          /* [depth] */
};

#define QUANT_BLOCK 256

/* Of a layer of convolutions or products; others are left alone. */
int quant_moments_init(struct quant_moments *m, const struct quant_layer *l, struct error *err);
void quant_moments_release(struct quant_moments *m);

/* Takes an operand, f32, at some places spread over it. */
void quant_moments_add(struct quant_moments *m, const struct tensor *x);

/* Rounds the weights anew, with the scales that they have; not by so few places that they say nothing of most
 * directions, in which weights would be off all the more. */
int quant_moments_round(const struct quant_moments *m, struct quant_weights *w, struct error *err);

#endif
