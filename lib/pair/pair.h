/* Pairing the layers of two networks by what they do, not by what they are called, and saying where they differ.
 *
 * Both graphs are first brought to one canonical form: fused forms are written out, and the safe passes that do not
 * fuse are run, so that it does not matter in which opset, how far optimised, or in which layout of weights a file
 * stores a network. A *layer* is then a node that computes, an input or an output; nodes that only move elements
 * (Transpose, Reshape, …) or change their precision are part of the *edge* between two layers. Layers stand in an order
 * that follows from the structure alone, the two orders are aligned as two sequences are, and each pair is then
 * checked: operator, attributes, constants, where the operands come from and in which order their elements lie. The
 * alignment decides only how well a difference is told; that there is none follows from the checks. */
#ifndef PAIR_PAIR_H
#define PAIR_PAIR_H

#include "base/text.h"
#include "graph/graph.h"

#define PAIR_NONE SIZE_MAX
/* Converters fold normalisation with an epsilon of their own (Keras has 1.001e-5 for 1e-5), which scales a channel of
 * small variance by up to so much. */
#define PAIR_EPSILON  1e-3
#define PAIR_MAX_AXES 4 /* axes longer than 1 up to which other layouts are tried */

/* ---- one network ---- */

/* An operand of a layer. */
struct pair_edge {
    size_t layer;         /* what makes the elements; PAIR_NONE for a constant or an absent operand */
    int output;           /* which result of it */
    struct value *value;  /* as the layer sees it, behind all views; NULL: absent */
    struct value *source; /* as it was made, before them */
};

struct pair_layer {
    struct node *node;   /* NULL: an input or output of a graph */
    struct value *value; /* its first result; of an output, what it gives */
    const char *op;      /* "Conv", "com.microsoft.Gelu", "input", "output" */
    struct pair_edge *edges;
    int edge_count;
    int port;       /* which input or output of its graph */
    size_t partner; /* in the other network, or PAIR_NONE */
    /* What alignment and order go by. Shapes count without axes of length 1, in any order. */
    size_t depth;
    uint64_t op_key, shape_key, weight_key, cone;
    double weight; /* sum of the magnitudes of all constants */
};

struct pair_net {
    struct graph *graph; /* in canonical form; owned */
    struct pair_layer *layers;
    struct pair_edge *edges; /* of all layers */
    size_t count;
    double precision; /* what storing the weights may have cost, relative to a tensor's largest element */
};

/* The canonical form of a graph, whose sizes had best be bound. */
struct graph *pair_canonical(const struct graph *of, struct error *err);

/* Takes a graph apart. *net is to be released also on failure. */
int pair_net_init(struct pair_net *net, const struct graph *of, struct error *err);
/* The same for the graph that net has, as it is, without weights to align by; all else in net is 0. */
int pair_net_list(struct pair_net *net, struct error *err);
void pair_net_release(struct pair_net *net);

/* Brings layers into the order that their structure gives, beginning at the deepest output, or by the position given to
 * each output of the graph. */
int pair_order(struct pair_net *net, const size_t *position, struct error *err);
/* Positions for the outputs of b, [outputs of b], such that those come together that are made from the same weights. */
int pair_match_outputs(const struct pair_net *a, const struct pair_net *b, size_t *position, struct error *err);

/* Sets layers[].partner of both, after pair_net_init(); may order them anew. */
int pair_align(struct pair_net *a, struct pair_net *b, struct error *err);

/* Whether the node is part of an edge; its input 0 is then where that goes on. */
bool pair_is_view(const struct node *n);
/* Whether it is rounding to fewer bits, or back from them, by constants: a view too. */
bool pair_is_rounding(const struct node *n);
/* Whether it is an output of the graph. */
bool pair_is_output(const struct pair_layer *l);
/* Whether operands may change places. */
bool pair_is_commutative(const struct pair_layer *l);
/* "conv1": the node's name, else that of its result. */
const char *pair_name(const struct pair_layer *l);

/* ---- layouts ---- */

/* How the axes of a value of one network lie in its partner's: axis k of the latter is axis perm[k] of the former,
 * counting only axes longer than 1. */
struct pair_layout {
    int rank;
    int perm[PAIR_MAX_AXES];
    bool moved; /* not the identity */
};

/* The dims that are not 1; their number, or -1 where one is open. */
int pair_squeeze(const struct type *t, int64_t *dims);
/* Layout number `index` of those that make dims `a` dims `b`, the likelier ones first; false beyond the last. */
bool pair_layout_at(int index, int rank, const int64_t *a, const int64_t *b, struct pair_layout *layout);
/* Element i of a tensor of dims `a` (not 1) is element pair_layout_map() of its partner. */
int64_t pair_layout_map(const struct pair_layout *layout, const int64_t *a, int64_t i);

/* How the operands of two layers correspond. */
struct pair_match {
    bool same;                 /* in one of the layouts that the layer allows */
    struct pair_layout layout; /* that one */
    int64_t row_count;
    int32_t *rows; /* or NULL: row k of a constant matrix that it is multiplied by is row rows[k] of the other;
                      to be freed */
};

/* Follows both edges. layout: that of the values that the edges begin at. is_free: the layer takes any layout; else it
 * must see all elements in the same order, apart from rows of a matrix. *budget: elements that may still be looked at;
 * when it is used up, edges that move elements are taken to be right. */
int pair_follow(const struct pair_edge *a, const struct pair_edge *b, const struct pair_layout *layout, bool is_free,
                bool is_product, int64_t *budget, struct pair_match *match, struct error *err);
/* Elements that all edges of a pair of networks may have together. */
#define PAIR_BUDGET ((int64_t)1 << 27)

/* ---- constants and attributes ---- */

struct pair_change {
    bool same;             /* up to rounding */
    bool alike;            /* of the same shape, apart from axes of length 1 */
    double largest, range; /* max |a - b|, and max |a| and |b| */
    int64_t differing, count; /* by more than rounding; elements */
    struct pair_layout other; /* when `moved`: they are the same with the axes in this order */
    double scaled; /* largest |factor - 1|, when they are the same but for a factor for each channel; else 0 */
};

/* rows: as in struct pair_match; layout: of the values that the constants meet, or NULL; precision: difference to be
 * taken for rounding, relative to the range; channel: the axis of the channels, or -1. Integers differ by any
 * difference. */
void pair_compare_constants(const struct tensor *a, const struct tensor *b, const int32_t *rows,
                            const struct pair_layout *layout, double precision, int channel,
                            struct pair_change *change);

/* Appends what a layer was set to, a line each: "strides\t2,2\n": attributes with their defaults, and what constant
 * operands say of axes; only as far as it makes a difference (a stride along an axis of one result does not). layout:
 * axes are numbered as the partner's would be. */
void pair_settings(const struct pair_layer *l, const struct pair_layout *layout, struct text *text);
/* Whether operand i is one that pair_settings() tells of. */
bool pair_is_setting(const struct pair_layer *l, int i);
/* Whether operand i, with that value, does nothing: a bias of zeros is none. */
bool pair_may_be_absent(const struct pair_layer *l, int i, const struct value *v);

/* ---- two networks ---- */

/* A difference. */
struct pair_finding {
    const char *what; /* "only", "operator", "attribute", "weights", "input", "order", "shape" */
    size_t a, b;      /* the layers; PAIR_NONE where there is none */
    char *text;       /* for people: "strides: 1,1 and 2,2" */
};

struct pair {
    struct pair_net a, b;
    struct pair_layout *layouts; /* [a.count]: of each layer's result, where it has a partner */
    struct pair_finding *findings;
    size_t finding_count, finding_cap;
    int64_t budget; /* elements of edges that may still be looked at */
    double
        rounding; /* the largest difference of weights that are taken to be the same, relative to the tensor's range */
};

/* Pairs two graphs and lists what differs. To be released also on failure. */
int pair_init(struct pair *p, const struct graph *a, const struct graph *b, struct error *err);
void pair_release(struct pair *p);

#endif
