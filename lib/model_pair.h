/* Shared by lib/model_pair*.c. */
#ifndef MODEL_PAIR_H
#define MODEL_PAIR_H

#include "model_private.h"
#include "pair/pair.h"

struct model_pairing {
    struct pair pair;
    struct model *first, *second; /* copies, with their sizes bound */
};

/* The tensor of the second's input number `input` from those of the first; NULL with a message. */
struct model_tensor *model_pair_input(const struct model_pairing *p, size_t input, struct model_tensor *const *first,
                                      struct error *err);

/* Compares results of a layer of the first, a, and of its partner, b; sets all of *e but names. */
void model_pair_difference(const struct pair *p, size_t layer, const struct tensor *a, const struct tensor *b,
                           struct model_layer_error *e);

#endif
