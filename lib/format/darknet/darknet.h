/* Inside lib/format/darknet: what the reader's files share.
 *
 * The .cfg lists layers, each a section; the first is the net's own, [net]. A section's type is a row of layer.def,
 * which names the function that adds its nodes and takes its weights, which stand in the .weights file in the order of
 * the layers. Source of all layers: the programs Darknet of J. Redmon and of A. Bochkovskiy, whose names are used. */
#ifndef FORMAT_DARKNET_DARKNET_H
#define FORMAT_DARKNET_DARKNET_H

#include "format/darknet/cfg.h"
#include "format/format.h"
#include "op/build.h"

/* What a recurrent layer carries from one run to the next. */
struct darknet_state {
    char name[64];     /* of the input; of the output with "_out" */
    struct value *now; /* as it is after the run */
    struct darknet_state *next;
};

struct darknet_reader {
    struct build build;
    const struct darknet_cfg *cfg;
    struct blob *file;      /* the weights; NULL: none */
    size_t at;              /* in the file */
    bool transposed;        /* connected layers' weights are [in, out]: so says the header */
    struct value **results; /* of each layer so far; NULL: it has none */
    int count;              /* of them: the number of the layer being read */
    int64_t width, height;  /* of the net's input */
    int64_t classes;        /* of a head; 0: there is none */
    struct value *input;
    struct arena *arena;
    struct darknet_state *first_state, *last_state;
};

/* One layer being read. */
struct darknet_read {
    struct darknet_reader *reader;
    struct build *b;
    const struct darknet_section *section;
    int index;
    struct value *in;  /* the result of the layer before */
    struct value *out; /* to be set; NULL: the layer has no part in using the net */
    bool is_head;      /* out is a result of the whole net (yolo, region) */
};

typedef void darknet_layer_fn(struct darknet_read *l);

#define LAYER(type, function) darknet_layer_fn darknet_read_##function;
#include "format/darknet/layer.def"
#undef LAYER

/* Values of the section (read.c); _in: one that must lie within [low, high], a failure otherwise. */
int64_t darknet_in(struct darknet_read *l, const char *key, int64_t otherwise, int64_t low, int64_t high);

/* The sizes of a map [N, C, H, W]: a failure, with zeros, when v is none. A row [N, C] is one of 1 x 1 (*v changes). */
struct darknet_map {
    int64_t channels, height, width;
};
struct darknet_map darknet_map_of(struct darknet_read *l, struct value **v);
/* The result of a layer by its number, counted from this one when negative. NULL after a failure. */
struct value *darknet_result(struct darknet_read *l, int64_t number);

/* The next numbers of the file with weights, as a constant "convolutional_3/what"; NULL after a failure (weights.c). */
struct value *darknet_weight(struct darknet_read *l, const char *what, int rank, const int64_t *dims);
struct tensor *darknet_numbers(struct darknet_read *l, int rank, const int64_t *dims);
/* Reads the header. */
int darknet_begin_weights(struct darknet_reader *r, struct error *err);
/* Fails when numbers are left. */
void darknet_end_weights(struct darknet_reader *r);

/* All inputs to each output: biases, weights, and, with the key "batch_normalize", its three arrays (conv.c). Constants
 * are named "what_bias", … */
struct value *darknet_connect(struct darknet_read *l, struct value *x, int64_t inputs, int64_t outputs,
                              const char *what);
/* A convolution of x, likewise; its window is that of the section's keys, of usual_size where they do not say. */
struct value *darknet_convolve(struct darknet_read *l, struct value *x, int64_t channels, int64_t filters,
                               int64_t usual_size, const char *part);
/* What comes in as [N, *inputs]. */
struct value *darknet_flat(struct darknet_read *l, int64_t *inputs);

/* v through the function that the key "activation" names (activation.c). */
struct value *darknet_activate(struct darknet_read *l, struct value *v, const char *otherwise);
struct value *darknet_activate_by(struct darknet_read *l, struct value *v, const char *name);

#endif
