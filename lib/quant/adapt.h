/* Adaptive rounding: weights are rounded so that the layer's result on the data is nearest to that of the network in
 * float, not each to the nearest. What an operand is off, by its own rounding and all before it, is made up for as far
 * as the operand tells (least squares), and what rounding one weight costs by those not rounded yet (Frantar et al.,
 * GPTQ, 2022; with errors of operands: Li et al., GPTAQ, 2025). */
#ifndef QUANT_ADAPT_H
#define QUANT_ADAPT_H

#include "op/window.h"
#include "quant/place.h"
#include "quant/round.h"

/* Sums over places of what a layer multiplies its weights by. */
struct quant_sums {
    int64_t seen;  /* places that were summed */
    float *means;  /* [groups][depth] */
    float *errors; /* [groups][results] what the operand's being off takes from a result */
    float *cross;  /* [groups][results][depth] the same times the operand */
    float *square; /* [groups][blocks][side * side] the operand times itself, the upper triangle */
};

/* Moments of the operand of each group of channels, in blocks along the weights of one result, which are rounded
 * together. */
struct quant_moments {
    const struct node *n;                /* NULL: the layer is not adapted */
    bool centred;                        /* about the mean, for which the bias makes up */
    int64_t groups, depth, blocks, side; /* side: of a block */
    int64_t results;                     /* of a group */
    struct window window;                /* of a convolution, for the last operand */
    struct quant_sums used, held;        /* held: to judge by */
};

#define QUANT_BLOCK 256

/* Of a layer of convolutions or products; others are left alone. */
int quant_moments_init(struct quant_moments *m, const struct quant_layer *l, struct error *err);
void quant_moments_release(struct quant_moments *m);

/* What the weights meet at some places of an operand, spread over it, f32 [groups][places][depth], and what that falls
 * short of the operand in float; both NULL where it is none of the layer's. */
int quant_moments_rows(struct quant_moments *m, const struct tensor *x, const struct tensor *real,
                       struct tensor *rows[2], struct error *err);

/* A network that makes sums of these two; to be freed. Its outputs are taken, how many places they were of; `held`: to
 * judge by. */
struct graph *quant_moments_graph(const struct quant_moments *m, struct error *err);
#define QUANT_MOMENTS(m) (3 + (size_t)(m)->blocks) /* outputs */
void quant_moments_take(struct quant_moments *m, struct tensor *const *sums, int64_t places, bool held);

/* Rounds the weights anew, with the scales that they have, each result's where what was held back, if anything was,
 * says that it is better; not by so few places that they say nothing of most directions, in which weights would be off
 * all the more. What that moves in the mean goes into w->shift. */
int quant_moments_round(const struct quant_moments *m, struct quant_weights *w, struct error *err);

#endif
