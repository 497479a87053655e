/* Shared by lib/model_pair*.c. */
#ifndef MODEL_PAIR_H
#define MODEL_PAIR_H

#include "model_private.h"
#include "pair/pair.h"

struct model_pairing {
    struct pair pair;
};

#endif
