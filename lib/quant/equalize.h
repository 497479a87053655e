/* Cross-layer equalisation: channels of an activation, which all have one scale when it is rounded, are brought to like
 * size by factors that go into the weights before it and, inverted, into those behind it (Nagel et al., Data-free
 * quantization, 2019; from normalisation to products as Xiao et al., SmoothQuant, 2022). The network in float stays
 * the same to rounding. */
#ifndef QUANT_EQUALIZE_H
#define QUANT_EQUALIZE_H

#include "graph/graph.h"

/* An activation that can be equalised. */
struct quant_channelled {
    struct node *producer; /* has the weights before, unless: */
    bool is_apart;         /* factors do not go through it: they have a node of their own behind */
    struct value *value;   /* behind the activation */
    int axis;              /* of the channels */
    int64_t channels;
    float *most; /* [channels] the greatest magnitude seen */
};

/* All of a graph that is resolved and inferred; the list and its lists are for quant_channelled_free(). */
struct quant_channelled *quant_find_channelled(struct graph *g, size_t *count, struct error *err);
void quant_channelled_free(struct quant_channelled *list, size_t count);

/* A copy of the graph whose outputs are the greatest magnitudes by channel, in order; to be freed. */
struct graph *quant_watch_channels(const struct graph *g, const struct quant_channelled *list, size_t count,
                                   struct error *err);
/* Takes such outputs of one run. */
void quant_take_channels(struct quant_channelled *list, size_t count, struct tensor *const *out);

/* Changes the weights of the graph. */
int quant_equalize(struct graph *g, const struct quant_channelled *list, size_t count, struct error *err);

#endif
