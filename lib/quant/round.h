/* Weights as 8-bit integers. */
#ifndef QUANT_ROUND_H
#define QUANT_ROUND_H

#include "graph/tensor.h"

/* w[outer][channels][inner] of a tensor, its channels lying along one axis; axis -1: one channel has all. */
struct quant_shape {
    size_t outer, channels, inner;
};
struct quant_shape quant_shape_of(const struct tensor *t, int axis);

/* max |w| / 127 of a channel, so that it fits into -127 to 127; 1 for a channel of zeros. */
float quant_channel_scale(const float *w, const struct quant_shape *shape, size_t channel);
void quant_channel_round(const float *w, const struct quant_shape *shape, size_t channel, float scale, int8_t *rounded);

/* Weights of one layer, and what is added to its bias to make up for what rounding them moves. */
struct quant_weights {
    struct tensor *rounded; /* i8, dims of the weights */
    struct tensor *scale;   /* f32 [channels], or a scalar when there is one for all */
    double *shift;          /* [output channels]; NULL: none */
};

/* Rounds each weight to the nearest. 0, or -1 with a message. */
int quant_weights_init(struct quant_weights *w, const struct tensor *real, int axis, struct error *err);
void quant_weights_release(struct quant_weights *w);

#endif
