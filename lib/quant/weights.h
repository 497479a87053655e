/* Weight-only quantisation: constants in a smaller type, followed by the node that brings them back to float32. */
#ifndef QUANT_WEIGHTS_H
#define QUANT_WEIGHTS_H

#include "graph/graph.h"

struct quant_job;

struct quant_scheme {
    const char *name, *what;
    enum dtype dtype;
    int (*store)(struct quant_job *job, struct error *err);
};

const struct quant_scheme *quant_schemes(size_t *count);
const struct quant_scheme *quant_scheme_find(const char *name); /* NULL when unknown */

/* One weight that was stored anew. */
struct quant_change {
    struct value *value;            /* holds the restored weight from now on */
    double largest, rms;            /* of the differences from what it was */
    size_t elements, before, after; /* the latter in bytes, scales included */
};

/* Weights of fewer elements are not worth it. */
#define QUANT_LEAST 256

/* Stores the float32 constants that convolutions, products and recurrent layers multiply by, and the tables of Gather,
 * by a scheme. Constants with inf or nan, and those that overflow the type, stay. The list, one entry for each, is for
 * free(). The graph must be resolved; it is after. */
int quant_store_weights(struct graph *g, const struct quant_scheme *scheme, struct quant_change **changes,
                        size_t *count, struct error *err);

/* The scheme by which the graph has constants that are only cast to float32, f16 or bf16; NULL: none. */
const struct quant_scheme *quant_stored_by(struct graph *g);

/* Stores by such a scheme every float32 constant that comes back bit for bit: what had been stored so before passes
 * computed it in full. The graph must be resolved; it is after. */
int quant_store_exact(struct graph *g, const struct quant_scheme *scheme, struct error *err);

/* Makes float32 constants of the results of Cast (from f16 and bf16) and, with `scaled`, of DequantizeLinear that have
 * only constant operands, and drops constants without a use when there are any; returns how many. The graph must be
 * resolved. */
int quant_restore_weights(struct graph *g, bool scaled, struct error *err);

#endif
