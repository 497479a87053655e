/* Where a network is quantised: which nodes work on bytes, which values are rounded for them, and which of these share
 * a scale.
 *
 * Convolutions and products by constants are what pays; others that have a form for bytes are quantised where their
 * result goes to one of these, by way of others of the kind or not. So what only leads to an output, or lies between
 * operators that have none (the sums between layer normalisations), keeps its precision. Products of two results stay
 * in float: that attention is exact costs little time and saves much. */
#ifndef QUANT_PLACE_H
#define QUANT_PLACE_H

#include "graph/graph.h"

enum quant_kind {
    QUANT_FLOAT,   /* has no form for bytes, or is kept */
    QUANT_PRODUCT, /* by constant weights, input 1, with a constant bias, input 2 */
    QUANT_BIAS,    /* Add of a constant to a MatMul, whose bias it is */
    QUANT_SUM,     /* of, or product of, two results */
    QUANT_MOVE,    /* elements keep their numbers: one scale for all */
    QUANT_MEAN,
    QUANT_TABLE, /* a function of each element of one value */
    QUANT_BOUND, /* Relu or Clip, applied by what is before it */
};

struct quant_layer {
    struct node *node;
    enum quant_kind kind;
};

/* A value that is rounded to bytes for its users. */
struct quant_site {
    struct value *value;
    size_t group;    /* those of equal group have one scale; the number of one of them. Concat joins none yet */
    size_t placed;   /* the group before Concat joined any */
    bool is_rounded; /* what makes it works on bytes: all nodes see it rounded; else those of these layers alone */
    bool is_moved;   /* its elements are those of others of the group */
};

struct quant_places {
    struct quant_layer *layers; /* those that work on bytes, in order */
    struct quant_site *sites;   /* graph inputs, then results in order */
    size_t layer_count, site_count;
};

/* -1 and a message when one of these is neither a node of the graph, before or after preparing it, nor an operator. */
int quant_check_kept(const struct graph *g, const struct graph *prepared, const char *const *keep, size_t count,
                     struct error *err);

/* `keep`: names of nodes, or operators, that stay in float. The graph is resolved and inferred; scratch of its nodes is
 * used. */
int quant_place(struct graph *g, const char *const *keep, size_t keep_count, struct quant_places *p, struct error *err);
void quant_places_release(struct quant_places *p);

/* The Add behind a MatMul that is its bias; else NULL. */
struct node *quant_bias_node(const struct node *product);

/* The operands of a layer that are results, not constants: at most `most`; how many. */
int quant_operands(const struct quant_layer *l, int *inputs, int most);
#define QUANT_OPERANDS 256

/* The site of a value, or NULL. */
const struct quant_site *quant_site_of(const struct quant_places *p, const struct value *v);

/* The axis of the constant weights of a QUANT_PRODUCT along which each output channel has a scale; -1: one for all. */
int quant_weight_axis(const struct node *n);
/* The number of its output channels, and the axis of its result along which they lie. */
int64_t quant_channels(const struct node *n, int *axis);

#endif
