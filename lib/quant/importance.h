/* How much an error of each channel of a value counts in the end: products multiply it by their weights, channel by
 * channel, so that a range that suits the largest channel may spoil those that weigh most. */
#ifndef QUANT_IMPORTANCE_H
#define QUANT_IMPORTANCE_H

#include "graph/graph.h"

#define QUANT_CLASSES 6 /* of channels that count about alike */

struct quant_importance {
    int axis;         /* of the channels; -1: all elements count alike */
    int64_t channels; /* 1 if so */
    double *energy;   /* [channels] what the square of an error is multiplied by */
};

/* By value->index, for quant_importance_free(); of a graph that is resolved and inferred. Errors are taken to be
 * independent, and slopes of functions to be 1. */
struct quant_importance *quant_importance_find(struct graph *g, struct error *err);
void quant_importance_free(struct quant_importance *list, const struct graph *g);

/* Sorts channels into classes of about equal energy: classes[channels] says the class of each, energy[QUANT_CLASSES]
 * the mean of each class; those of no energy count a little. */
void quant_importance_classes(const struct quant_importance *m, uint8_t *classes, double *energy);

/* The channels of v, or of a copy of it (NULL gives NULL), that are of one class: v itself when all are. */
struct value *quant_importance_channels(struct value *v, const struct quant_importance *m, const uint8_t *classes,
                                        int class, struct error *err);

#endif
