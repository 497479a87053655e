/* Writing what was decided into the graph: QuantizeLinear and DequantizeLinear. */
#ifndef QUANT_INSERT_H
#define QUANT_INSERT_H

#include "quant/place.h"
#include "quant/range.h"
#include "quant/round.h"

/* ranges[site_count]: those of equal group are equal. weights[layer_count]: of QUANT_PRODUCT; may be changed where a
 * bias would not fit 32 bits otherwise. dtype: DTYPE_U8 or DTYPE_I8. The graph is resolved and inferred after. */
int quant_insert(struct graph *g, const struct quant_places *p, const struct quant_range *ranges,
                 struct quant_weights *weights, enum dtype dtype, struct error *err);

/* Moves the nodes behind `last` (NULL: all) to where the latest of their operands is made, so that what is watched
 * lives no longer for it. */
void quant_settle(struct graph *g, struct node *last);

#endif
