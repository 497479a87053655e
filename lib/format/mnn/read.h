/* Reading MNN: what the handlers of operators share. */
#ifndef FORMAT_MNN_READ_H
#define FORMAT_MNN_READ_H

#include "format/mnn/schema.h"
#include "format/source.h"
#include "op/build.h"

/* The file's numbers. */
enum mnn_layout { MNN_NCHW, MNN_NHWC, MNN_NC4HW4, MNN_NHWC4 };
enum mnn_source { MNN_CAFFE, MNN_TENSORFLOW, MNN_TFLITE, MNN_ONNX, MNN_TORCH };
enum mnn_pad { MNN_PAD_EXPLICIT, MNN_PAD_VALID, MNN_PAD_SAME };
enum mnn_type {
    MNN_FLOAT = 1,
    MNN_DOUBLE = 2,
    MNN_INT32 = 3,
    MNN_UINT8 = 4,
    MNN_INT16 = 5,
    MNN_INT8 = 6,
    MNN_STRING = 7,
    MNN_INT64 = 9,
    MNN_BOOL = 10,
    MNN_HALF = 19
};

/* A tensor of the file. Its dims stand in the graph as they do in the file; where the file holds NC4HW4, which is a way
 * of storing NCHW, that is NCHW. All integers but int8 and uint8 are i64 in the graph, since MNN's int32 serves as
 * shape, index and truth value alike; what compares gives bool. */
struct mnn_value {
    struct value *value; /* NULL: not made yet */
    enum mnn_layout layout;
    bool used;         /* by an operator */
    float scale, zero; /* of 8-bit integers that it is rounded to; scale 0: it is not */
};

/* A net or subgraph being read. */
struct mnn_scope {
    struct mnn_reader *reader;
    struct mnn_scope *outer; /* NULL: none */
    struct build b;
    struct mnn_table table;   /* Net or SubGraphProto */
    struct mnn_value *values; /* [count], by the file's index */
    size_t count;
};

struct mnn_reader {
    const struct source *source;
    struct flatbuf file;
    struct mnn_table net;
    struct blob *weights; /* the second file; NULL while nothing was asked of it */
    struct error *err;
    int depth, subgraphs; /* how deep they nest, how many were read */
    size_t taken;         /* bytes of operators and their operands, as if none were shared */
    uint64_t unpacked;    /* weights that were stored in fewer bits, or left out as zeros, as if none were shared */
};

/* A row of ops.def. */
struct mnn_op;
struct mnn_kind {
    const char *name;
    const char *param; /* the table of its parameters where the file has none; "" for none */
    const char *onnx;  /* for mnn_read_same(), mnn_read_arg(), …: the ONNX operator; or NULL */
    void (*read)(struct mnn_op *o);
    int number;
};

/* The operator at hand. Handlers fail by build_fail(). */
struct mnn_op {
    struct mnn_scope *scope;
    struct build *b; /* the scope's */
    const struct mnn_kind *kind;
    struct mnn_table table, param;
    struct flatbuf_vector in, out; /* indexes of tensors */
    const char *name;
    struct node *before; /* the last node when its turn came; or NULL */
};

/* NULL when unknown. */
const struct mnn_kind *mnn_kind_at(int number);
const struct mnn_kind *mnn_kind_named(const char *name);

/* ---- operands ---- */

/* Input i as a number: truth values become 0 and 1. NULL when absent. */
struct value *mnn_in(struct mnn_op *o, size_t i);
/* Input i of any type; as a truth value; as f32. */
struct value *mnn_in_any(struct mnn_op *o, size_t i);
struct value *mnn_in_bool(struct mnn_op *o, size_t i);
struct value *mnn_in_float(struct mnn_op *o, size_t i);
bool mnn_has_in(const struct mnn_op *o, size_t i);
/* An integer input that is constant: its elements into values[max]; the count, or -1 when it is no such thing. */
int mnn_in_ints(struct mnn_op *o, size_t i, int64_t *values, int max);
/* Rank of input i; fails where it is not known. */
int mnn_in_rank(struct mnn_op *o, size_t i);
/* Of a value: -1 where it is not known. */
int mnn_value_rank(struct mnn_op *o, struct value *v);
enum dtype mnn_dtype(struct mnn_op *o, struct value *v);
bool mnn_is_int(struct mnn_op *o, struct value *v);
enum mnn_layout mnn_layout_in(const struct mnn_op *o, size_t i); /* MNN_NCHW when absent */

/* Output i is v, laid out as input 0; and with its own layout. */
void mnn_give(struct mnn_op *o, size_t i, struct value *v);
void mnn_give_as(struct mnn_op *o, size_t i, struct value *v, enum mnn_layout layout);

/* For operators on images: input 0 with its channels at axis 1, and the way back. */
struct value *mnn_in_image(struct mnn_op *o);
void mnn_give_image(struct mnn_op *o, size_t i, struct value *v);
/* v of a known rank with its last axis at place 1, or its axis 1 at the end. */
struct value *mnn_channels_first(struct build *b, struct value *v);
struct value *mnn_channels_last(struct build *b, struct value *v);

/* ---- constants ---- */

/* A vector of int32 as ints; fails beyond max. The count, or -1. */
int mnn_ints(struct mnn_op *o, const struct mnn_table *t, const char *field, int64_t *values, int max);
/* A vector of floats as a constant f32 [count] named after the operator; NULL when it is absent or empty. */
struct value *mnn_floats(struct mnn_op *o, const struct mnn_table *t, const char *field, const char *name);
/* The field `external` lists where the second file holds the data: an offset, then the bytes of each part. Those of
 * part `part` (1, 2, …), 0 when there is none; and it as a tensor. */
int64_t mnn_external_bytes(const struct mnn_table *t, size_t part);
struct tensor *mnn_external(struct mnn_op *o, const struct mnn_table *t, size_t part, enum dtype dtype, int rank,
                            const int64_t *dims);
/* A vector's bytes as a tensor; fails unless the sizes agree. Little-endian, as the file. */
struct tensor *mnn_tensor(struct mnn_op *o, struct flatbuf_vector v, enum dtype dtype, int rank, const int64_t *dims);
/* A table Blob: integers widened to i64 (bytes stay), halves as f32. */
struct tensor *mnn_blob(struct mnn_op *o, const struct mnn_table *blob);
/* Named "NAME/what" after the operator. Takes over t; NULL is a failure. */
struct value *mnn_constant(struct mnn_op *o, const char *what, struct tensor *t);

/* The weights of a convolution or inner product as f32 of these dims (the file's order); in graphs with quantised
 * weights a DequantizeLinear behind the stored numbers. weights.c */
struct value *mnn_weights(struct mnn_op *o, const struct mnn_table *param, int rank, const int64_t *dims);
/* Its codes alone. */
struct tensor *mnn_codes(struct mnn_op *o, const struct mnn_table *param, int rank, const int64_t *dims);
/* Its bias, f32 [count]. */
struct value *mnn_bias(struct mnn_op *o, const struct mnn_table *param, int64_t count);

/* ---- convolutions of integers (read_int8.c), whose parameters are a QuantizedFloatParam ---- */

/* Input 0 as real numbers; weights, bias; and the result as integers again, if it is to be. */
struct value *mnn_int8_image(struct mnn_op *o, int64_t zero);
struct value *mnn_int8_weight(struct mnn_op *o, const struct mnn_table *quan, int rank, const int64_t *dims);
struct value *mnn_int8_bias(struct mnn_op *o, const struct mnn_table *quan, int64_t count);
struct value *mnn_int8_result(struct mnn_op *o, const struct mnn_table *quan, struct value *y);

/* ---- pieces that several handlers share ---- */

/* relu and relu6 flags of a Convolution2DCommon or Convolution3DCommon. */
struct value *mnn_activate(struct mnn_op *o, const struct mnn_table *common, struct value *v);
struct value *mnn_clip(struct mnn_op *o, struct value *v, double low, double high);
/* The graph's name for a number of the file's DataType; DTYPE_NONE for one that is not read. */
enum dtype mnn_graph_type(int type);
/* v of rank 0 or 1 and one element, as i64 of the other rank. */
struct value *mnn_int_vector(struct mnn_op *o, struct value *v);
struct value *mnn_int_scalar(struct mnn_op *o, struct value *v);

/* Makes room for the tensors of a scope whose table and build are set; the caller frees s->values. */
int mnn_scope_open(struct mnn_scope *s, struct error *err);
/* All operators of a scope. opaque.c: one that is not known. */
int mnn_read_nodes(struct mnn_scope *s, const char *field);
/* The name of tensor i, in the graph's arena; NULL when the file has none. */
const char *mnn_tensor_name(struct mnn_scope *s, size_t i);
void mnn_read_opaque(struct mnn_op *o);

#endif
