/* Inside the ncnn writer: what the operators' functions share.
 *
 * A value of the graph becomes a blob: its axes but the batch's, of which there may be only one of size 1, anywhere.
 * Axes of the graph and of the blob are told apart in what follows. */
#ifndef FORMAT_NCNN_WRITE_H
#define FORMAT_NCNN_WRITE_H

#include "base/lookup.h"
#include "base/text.h"
#include "format/faults.h"
#include "format/ncnn/net.h"
#include "op/op.h"

#define BLOB_AXES 4

/* The shape of a blob; a size that is not known is negative. */
struct blob_shape {
    int n;
    int64_t dims[TENSOR_MAX_RANK];
};

/* What is known of a value. */
struct ncnn_slot {
    const char *blob;       /* what holds it; NULL: nothing yet */
    struct blob_shape held; /* of that blob: another view of the same elements, until somebody needs its own */
    signed char batch;      /* its axis of the batch; -1: none */
    bool done;              /* its node was written as part of another layer */
};

struct ncnn_record {
    const struct tensor *tensor; /* f32, or i8 with a tag */
    bool tagged;                 /* what stands before it says how it is stored */
};

struct ncnn_miss; /* what cannot be written */

struct writer {
    struct node *n;            /* the node being written; NULL: the inputs */
    const struct value *input; /* which of them */
    struct error *err;
    bool failed;
    struct faults_origins origins;
    struct graph *g;         /* a copy, with constants computed, of operators that the table has */
    struct lookup names;     /* of blobs */
    bool half;               /* tagged records as f16 */
    struct ncnn_slot *slots; /* by a value's index */
    struct tensor **made;    /* tensors made for records: owned */
    size_t made_count, made_cap;
    struct ncnn_record *records;
    size_t record_count, record_cap;
    struct ncnn_miss *misses;
    size_t miss_count, miss_cap;
    struct ncnn_net net;
};

typedef void (*ncnn_write_fn)(struct writer *w);

struct ncnn_write_row {
    const char *domain, *op, *types; /* types of elements: see format/lower.h */
    ncnn_write_fn write;
};

/* NULL when the operator is not in the table. */
const struct ncnn_write_row *ncnn_write_row(const struct node *n);

#define OP(domain, op, types, function) void ncnn_write_##function(struct writer *w);
#include "format/ncnn/write.def"
#undef OP
/* Whether a Pad puts an image's number before a region, for layers alone that have none in ncnn. */
bool ncnn_is_region(const struct node *n);
/* A node of the domain ncnn, as it was read. */
void ncnn_write_opaque(struct writer *w);

/* A copy of the graph, every size of a batch 1, constants computed, operators that the table has not expanded. */
struct graph *ncnn_write_prepare(const struct graph *g, struct error *err);
/* The result of a node of constants. */
struct tensor *ncnn_write_evaluate(struct node *n, struct error *err);

/* ---- failing ---- */

/* The node cannot be carried: listed with all others at the end. */
void ncnn_miss(struct writer *w, const char *why);
/* All of these as one message; -1. */
int ncnn_tell_misses(const struct writer *w);
/* A failure unless it is fine; the message is set. */
void ncnn_write_check(struct writer *w, bool fine);

/* ---- values ---- */

/* The shape of a value's blob. A miss when its axes are not known, or more than four. */
struct blob_shape ncnn_shape(struct writer *w, const struct value *v);
/* The blob's axis for an axis of the graph (may be negative); -1 for the batch's. */
int ncnn_blob_axis(struct writer *w, const struct value *v, int64_t axis);
int ncnn_batch(const struct writer *w, const struct value *v);
void ncnn_set_batch(struct writer *w, const struct value *v, int axis);
/* Whether a blob holds a value as 32-bit integers: those of 8 bits are written as floats. */
bool ncnn_holds_integers(const struct value *v);
/* An operand's constant as float32, NULL when it is none. The writer keeps it. */
const struct tensor *ncnn_constant_of(struct writer *w, const struct value *v);
/* Keeps a tensor until the end; takes it over. */
const struct tensor *ncnn_keep(struct writer *w, struct tensor *t);

/* ---- layers ---- */

/* The blob of a value: of a constant, a MemoryData with all its axes. */
const char *ncnn_blob(struct writer *w, const struct value *v);
/* Whatever holds it, of the shape that its slot says. */
const char *ncnn_blob_held(struct writer *w, const struct value *v);
/* The same with another shape of as many elements, through a Reshape where it differs. */
const char *ncnn_blob_as(struct writer *w, const struct value *v, const struct blob_shape *shape);
/* The same as an operand of numpy's broadcasting to `out`: with as many axes as that has. */
const char *ncnn_blob_aligned(struct writer *w, const struct value *v, const struct value *out);
/* The same as [C, spatial…], for layers whose first axis is that of channels. A miss unless the batch is 1. */
const char *ncnn_image(struct writer *w, const struct value *x);
/* A new name. */
const char *ncnn_fresh(struct writer *w, const char *like);
/* The name of the blob that the next layer makes for a value, of the value's own shape or another. */
const char *ncnn_result(struct writer *w, const struct value *v);
const char *ncnn_result_as(struct writer *w, const struct value *v, const struct blob_shape *held);
/* The value has the same elements as another, in the same order: its blob serves for both. */
void ncnn_alias(struct writer *w, const struct value *v, const struct value *of);

/* A new layer; what follows belongs to it. */
void ncnn_layer_of(struct writer *w, const char *type, int ins, const char *const *in, int outs,
                   const char *const *out);
/* The usual one: input 0's blob to output 0's. */
void ncnn_simple_layer(struct writer *w, const char *type);
/* The same of an image. */
void ncnn_image_layer(struct writer *w, const char *type);
void ncnn_put_int(struct writer *w, int id, int64_t value);
void ncnn_put_float(struct writer *w, int id, float value);
void ncnn_put_ints(struct writer *w, int id, size_t count, const int64_t *values);
void ncnn_put_floats(struct writer *w, int id, size_t count, const float *values);
void ncnn_put_string(struct writer *w, int id, const char *text);
void ncnn_put_record(struct writer *w, const struct tensor *t, bool tagged);
/* A Reshape of a blob; one size may be negative: what is left. */
const char *ncnn_put_reshape(struct writer *w, const char *from, const struct blob_shape *shape, const char *to);

/* The one that the layer computes: v, or the result of an activation behind it, which the layer takes in. */
struct ncnn_fused {
    const struct value *out;
    int type; /* of ncnn's activation, 0: none */
    int count;
    float numbers[2];
};
struct ncnn_fused ncnn_fuse(struct writer *w, const struct value *v);
void ncnn_put_fused(struct writer *w, const struct ncnn_fused *f, int id);

#endif
