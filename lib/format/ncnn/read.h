/* Inside the ncnn reader: what the layers' functions share.
 *
 * ncnn's blobs have no batch axis; the graph's values have one of 1 before the blob's own axes, so that ncnn's axis i
 * is the graph's i + 1. */
#ifndef FORMAT_NCNN_READ_H
#define FORMAT_NCNN_READ_H

#include "base/lookup.h"
#include "format/ncnn/bin.h"
#include "format/ncnn/net.h"
#include "op/build.h"

struct ncnn_blob;

struct reader {
    struct build b;
    const struct ncnn_net *net;
    const struct ncnn_layer *l; /* the one being read */
    struct ncnn_bin bin;
    struct lookup names;     /* of the blobs */
    struct ncnn_blob *blobs; /* in the order in which they are made */
    size_t blob_count;
    int inputs;   /* Input layers so far */
    int guess;    /* axes of an input of which the file tells nothing; 0: left open */
    bool guessed; /* whether there was one */
    enum ncnn_sizes { NCNN_SIZES, NCNN_SIZES_TURNED, NCNN_SIZES_OPEN } sizes; /* which an input has of those it says */
    bool sized;                                                               /* whether one says some */
};

/* Reads the layer: its first output; further ones go to ncnn_give(). NULL after a failure. */
typedef struct value *(*ncnn_read_fn)(struct reader *r);

#define LAYER(name, read) struct value *ncnn_##read(struct reader *r);
#include "format/ncnn/layer.def"
#undef LAYER
/* A layer of a type that ncnn has not: a node of the domain ncnn, which nothing runs. */
struct value *ncnn_opaque(struct reader *r);

/* x * clip(x * alpha + beta, 0, 1), which is also a fused activation. */
struct value *ncnn_hard_swish_of(struct reader *r, struct value *x, float alpha, float beta);

/* The first layer that takes a blob, NULL when none does. */
const struct ncnn_layer *ncnn_consumer(const struct reader *r, const char *blob);

/* Input i of the layer; a failure when it has not so many. */
struct value *ncnn_in(struct reader *r, int i);
/* Output o of the layer is v. */
void ncnn_give(struct reader *r, int o, struct value *v);

/* Axes of the blob, without the batch; fails when unknown. A size that is not known is negative. */
int ncnn_dims(struct reader *r, struct value *v);
int64_t ncnn_size(struct reader *r, struct value *v, int blob_axis);
/* ncnn's axis (may be negative) of a blob to the graph's; 0 with a failure when the blob has not so many. */
int ncnn_axis(struct reader *r, struct value *v, int blob_axis);

/* The next record of the weight file as a constant "layer.name". A tagged one comes as float32: through a Cast from
 * f16, through DequantizeLinear from int8 with a scale of 1. */
struct value *ncnn_raw(struct reader *r, const char *name, int rank, const int64_t *dims);
struct value *ncnn_weight(struct reader *r, const char *name, int rank, const int64_t *dims);
struct tensor *ncnn_weight_tensor(struct reader *r, int rank, const int64_t *dims);
struct tensor *ncnn_raw_tensor(struct reader *r, int64_t count);
/* A constant "layer.name" of a tensor, taken over; f16 through a Cast. */
struct value *ncnn_constant(struct reader *r, const char *name, struct tensor *t);
/* A raw record of n elements that lies along axis 0 of v's blob. */
struct value *ncnn_channels(struct reader *r, const char *name, int64_t n, struct value *v);

/* Two values joined by an operator, the second a number. */
struct value *ncnn_by(struct reader *r, const char *op, struct value *v, double number);
/* 1-D v along axis 0 of like's blob. */
struct value *ncnn_along(struct reader *r, struct value *v, struct value *like);
/* The layer's fused activation: the type is parameter `type_id`, its numbers parameter `type_id` + 1. */
struct value *ncnn_activation(struct reader *r, struct value *v, int type_id);
/* The constant's elements in another order, t's dims being groups × a × b × rest: groups × b × a × rest. Takes t over.
 */
struct tensor *ncnn_swapped(struct reader *r, struct tensor *t, int64_t groups, int64_t a, int64_t b);

/* y = x W^T + bias over the last axis; W is [n][k], bias may be NULL. */
struct value *ncnn_linear(struct reader *r, struct value *x, struct value *weight, struct value *bias);

#endif
