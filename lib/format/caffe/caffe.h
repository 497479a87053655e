/* Inside lib/format/caffe: what the reader's files share.
 *
 * A net is a list of layers in the newest of the three forms (net.c), whether it was text or binary. Each layer's type
 * is a row of layer.def, which names the function that adds its nodes. */
#ifndef FORMAT_CAFFE_CAFFE_H
#define FORMAT_CAFFE_CAFFE_H

#include "base/lookup.h"
#include "format/caffe/proto.h"
#include "format/format.h"
#include "op/build.h"

/* ---- nets (net.c) ---- */

struct caffe_layer {
    const char *name, *type;        /* the type's name in the newest form: "Convolution" */
    const struct protobuf *message; /* holds "bottom", "top" and the parameters */
    const struct protobuf *owner;   /* holds "blobs" */
};

struct caffe_net {
    const struct protobuf *message, *state; /* state: the field of that name; NULL: none */
    struct caffe_layer *layers;
    size_t count;
};

/* Lists the layers, all phases. The net lives in the arena. */
int caffe_net_list(struct caffe_net *net, const struct protobuf *message, struct arena *arena, struct error *err);
/* Whether the layer is one of the net as it is used, not trained: the rules of its "include" and "exclude". */
bool caffe_layer_is_used(const struct caffe_net *net, const struct caffe_layer *layer);

/* ---- the reader (read.c) ---- */

struct caffe_reader {
    struct build build;
    struct arena arena;
    struct blob *file;        /* that the weights lie in; NULL: none */
    struct caffe_net net;     /* what is read */
    struct caffe_net trained; /* what the file with weights holds, if there is one */
    bool slides;              /* inputs are of any height and width */
    struct lookup weights;    /* a layer's name → struct caffe_layer of the file with weights */
    struct lookup tops;       /* a top's name → struct caffe_top */
    struct caffe_top *first_top, *last_top;
    int adopted;    /* inputs that layers of training made */
    int64_t copied; /* elements of weights that could not stay in the file */
};

/* What a name of the file stands for at this point: layers that work in place give it a new value. */
struct caffe_top {
    const char *name;
    struct value *value; /* NULL: it is not part of the graph, as labels are */
    bool is_used;        /* since the value was given */
    bool is_made;        /* by a layer, also where the value is still an input */
    struct caffe_top *next;
};

/* From here on the name stands for this value. -1 after a failure of the build, as all of these. */
int caffe_set_top(struct caffe_reader *r, const char *name, struct value *value);
int caffe_read_layer(struct caffe_reader *r, const struct caffe_layer *layer);
/* Inputs that are fields of the net, not layers (input.c). */
void caffe_add_inputs(struct caffe_reader *r);

/* ---- one layer being read ---- */

#define CAFFE_MAX_BLOBS 64 /* of one layer */

struct caffe_read {
    struct caffe_reader *reader;
    struct build *b; /* the reader's: a failure there is one of the layer */
    const struct caffe_layer *layer;
    const struct protobuf *param; /* of the row's name; NULL when it is not there */
    struct value **in;
    int in_count;
    struct value **out; /* to be set; [out_count]: its tops */
    int out_count;
    const struct protobuf *blobs[CAFFE_MAX_BLOBS];
    int blob_count;
};

typedef void caffe_layer_fn(struct caffe_read *l);

#define LAYER(type, param, function) caffe_layer_fn caffe_read_##function;
#define IGNORED(type)
#include "format/caffe/layer.def"
#undef LAYER
#undef IGNORED

struct caffe_kind {
    const char *type;     /* "Convolution" */
    const char *param;    /* "convolution_param" */
    caffe_layer_fn *read; /* NULL: the layer has no part in using the net */
};

const struct caffe_kind *caffe_kind_find(const char *type); /* NULL: unknown */
/* A layer that the table does not have, kept as it is (opaque.c). */
void caffe_read_opaque(struct caffe_read *l);

/* Parameters of the layer. */
int64_t caffe_int(const struct caffe_read *l, const char *name, int64_t otherwise);
float caffe_float(const struct caffe_read *l, const char *name, float otherwise);
/* A parameter that must lie within [low, high]; a failure otherwise. */
int64_t caffe_int_in(struct caffe_read *l, const char *name, int64_t otherwise, int64_t low, int64_t high);

/* The rank and sizes of bottom i, as far as they are known: a failure, with 0, where a layer's meaning needs more. */
int caffe_rank(struct caffe_read *l, int i);
int64_t caffe_dim(struct caffe_read *l, int i, int axis);
/* A parameter that counts axes from the front, or, when negative, from the end. */
int caffe_axis(struct caffe_read *l, const char *name, int otherwise, int rank);

/* Blob i of the layer as a constant called "layer/what", with these dims, one of which may be -1; a failure when its
 * elements are not so many (weights.c). */
struct value *caffe_weight(struct caffe_read *l, int i, const char *what, int rank, const int64_t *dims);
/* The same, as a tensor that may still be changed; and one whose dims are those of the file. NULL after a failure. */
struct tensor *caffe_blob_copy(struct caffe_read *l, int i, int rank, const int64_t *dims);
struct tensor *caffe_blob(struct caffe_read *l, int i);

/* Shorthands: v with a number, which is left out where it changes nothing. */
struct value *caffe_scaled(struct caffe_read *l, struct value *v, float by);
struct value *caffe_shifted(struct caffe_read *l, struct value *v, float by);

#endif
