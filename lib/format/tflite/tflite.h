/* What the parts of the TFLite reader share.
 *
 * A subgraph's operators are read one after the other, each by a function of the table in operators.def, which builds
 * nodes for it. Tensors are channels-last; functions for spatial operators put Transposes around ONNX's.
 *
 * A quantised tensor is two values: the stored integers, and real numbers made of them by a DequantizeLinear. An
 * operator computes on real ones, and its result goes through a QuantizeLinear; one that only moves elements, without
 * a change of scale, works on the stored ones. */
#ifndef FORMAT_TFLITE_H
#define FORMAT_TFLITE_H

#include "op/build.h"
#include "parse/flatbuf.h"

/* Operators read in all, subgraphs that are read several times counted each time; and how deep subgraphs nest. */
#define TFLITE_OPERATORS_MOST 65536
#define TFLITE_DEPTH_MOST     16
/* Steps of a recurrent operator that is written step by step. */
#define TFLITE_STEPS_MOST 1024

struct tflite_variable;

struct tflite_file {
    struct flatbuf buf;
    struct blob *blob;
    struct flatbuf_table model;
    struct flatbuf_vector codes, graphs, buffers;
    struct graph *root;
    struct error *err;
    int depth, operators;              /* so far */
    size_t tensors, operands;          /* likewise */
    struct tflite_variable *variables; /* resources, a list in root's arena */
    bool is_init;                      /* inside a CALL_ONCE */
};

struct tflite_tensor {
    struct flatbuf_table table;
    struct tensor *constant; /* as stored, sparse ones made dense; NULL: not a constant, or not read yet. Owned */
    bool is_read;            /* the constant */
    struct value *raw;       /* as stored; NULL: not there yet */
    struct value *real;      /* real numbers; raw where the tensor is not quantised */
    struct tflite_variable *variable; /* whose value this tensor is, or whose handle; NULL: none */
    int decoded;                      /* the constant tensor that a DEQUANTIZE or DENSIFY made this one of; -1: none */
};

/* A subgraph being read: its nodes go to b. */
struct tflite_graph {
    struct tflite_file *file;
    struct build *b;
    struct flatbuf_table table;
    struct tflite_tensor *tensors; /* [tensor_count] */
    size_t tensor_count;
};

/* What a subgraph gives. */
struct tflite_results {
    struct value **values; /* [count], in stored form */
    const char **names;
    size_t count;
};

struct tflite_op;

struct tflite_row {
    const char *name;
    const char *onnx; /* for functions that serve several operators; or NULL */
    void (*read)(struct tflite_op *o);
    int16_t code;
    int8_t act; /* the option's slot that holds the activation; -1: none */
    bool moves; /* only moves elements */
};

/* An operator being read. */
struct tflite_op {
    struct tflite_graph *g;
    struct build *b;
    const struct tflite_row *row;
    struct flatbuf_table table, options;
    struct flatbuf_vector inputs, outputs;
    bool is_raw; /* works on stored numbers */
};

/* ---- tensors ---- */

extern const enum dtype tflite_dtypes[];
extern const size_t tflite_dtype_count;

/* Tensor i of a subgraph; NULL with a failure when there is none. */
struct tflite_tensor *tflite_tensor(struct tflite_graph *g, int64_t i);
/* Its type as the file states it; sizes that it leaves open are DIM_UNKNOWN. */
int tflite_tensor_type(struct tflite_graph *g, const struct tflite_tensor *t, struct type *type);
/* Its name, in the root's arena; NULL with a failure when memory is short. */
const char *tflite_tensor_name(struct tflite_graph *g, const struct tflite_tensor *t);
/* Whether the file names it otherwise than by its number. */
bool tflite_has_name(const struct tflite_graph *g, const struct tflite_tensor *t);
/* The data of a constant, borrowed; NULL when it is none. */
const struct tensor *tflite_tensor_data(struct tflite_graph *g, struct tflite_tensor *t);
struct value *tflite_tensor_raw(struct tflite_graph *g, struct tflite_tensor *t);
struct value *tflite_tensor_real(struct tflite_graph *g, struct tflite_tensor *t);

/* The bytes of a buffer of the file: its number of them, 0 when it has none. */
size_t tflite_buffer(struct tflite_file *f, uint64_t index, const uint8_t **data);
/* A sparse constant made dense; a new tensor. */
struct tensor *tflite_densify(struct tflite_file *f, struct flatbuf_table sparsity, const struct tensor *values,
                              int rank, const int64_t *dims);

/* ---- quantisation ---- */

struct tflite_scale {
    struct flatbuf_vector scale, zero;
    int axis;
};

/* Whether a tensor is quantised, and how. */
bool tflite_is_quantised(const struct tflite_tensor *t, struct tflite_scale *scale);
bool tflite_same_scale(const struct tflite_tensor *a, const struct tflite_tensor *b);
/* Real numbers of stored ones and back, by the scale of t. The axis of scales is put to perm's place for it, when a
 * constant was permuted (perm NULL: it was not). */
struct value *tflite_dequantise(struct tflite_graph *g, const struct tflite_tensor *t, struct value *raw,
                                const int64_t *perm);
struct value *tflite_quantise(struct tflite_graph *g, const struct tflite_tensor *t, struct value *real);

/* ---- what an operator's function reads ---- */

/* Input k as the operator works on it, as stored, and as real numbers; NULL: absent. */
struct value *tflite_in(struct tflite_op *o, int k);
struct value *tflite_raw(struct tflite_op *o, int k);
struct value *tflite_real(struct tflite_op *o, int k);
bool tflite_has(const struct tflite_op *o, int k);
/* The tensor of input or output k; NULL: absent. */
struct tflite_tensor *tflite_input(struct tflite_op *o, int k);
struct tflite_tensor *tflite_output(struct tflite_op *o, int k);
/* Input k as integers of i64: as a list, and of the rank that it has. */
struct value *tflite_i64(struct tflite_op *o, int k);
struct value *tflite_i64_as_is(struct tflite_op *o, int k);
/* The elements of input k, a constant of integers: their number, at most max; -1 when it is no constant or larger. */
int tflite_ints(struct tflite_op *o, int k, int64_t *values, int max);
/* The same, where nothing but constants can be read: a failure otherwise. */
int tflite_want_ints(struct tflite_op *o, int k, int64_t *values, int max);
/* Rank and dims of input k, as far as they are known: inferred, or else as the file states them. -1: unknown, and a
 * failure for tflite_want_rank(). */
int tflite_dims(struct tflite_op *o, int k, int64_t *dims);
int tflite_want_rank(struct tflite_op *o, int k);
/* Input k with its axes permuted (NULL: as they are), as real numbers; the data of a constant are permuted, so that
 * weights are in ONNX's order in the graph. */
struct value *tflite_weights(struct tflite_op *o, int k, int rank, const int64_t *perm);
/* The axis in input k, a constant, or in an option; counted from 0. -1 with a failure when it is out of range. */
int tflite_axis(struct tflite_op *o, int64_t axis, int rank);

/* Output k is v: what the operator computes, with its activation and quantisation; and one that is in stored form
 * already. */
void tflite_give(struct tflite_op *o, int k, struct value *v);
void tflite_give_raw(struct tflite_op *o, int k, struct value *v);

/* build_type(), and NULL for what is absent. */
const struct type *tflite_type(struct build *b, struct value *v);
/* v, of one element, as a scalar. */
struct value *tflite_scalar(struct build *b, struct value *v);
/* v with a fused activation (enum tflite_act). */
struct value *tflite_activate(struct build *b, struct value *v, int64_t act);
/* Channels from last to second and back, of rank 3, 4 or 5. */
struct value *tflite_to_nchw(struct build *b, struct value *v, int rank);
struct value *tflite_to_nhwc(struct build *b, struct value *v, int rank);

/* A failure that begins with the operator and its output. */
void tflite_fail(struct tflite_op *o, const char *format, ...) BASE_PRINTF(2, 3);
/* The operator as a node of the domain "tflite", with its options as they are. */
void tflite_read_opaque(struct tflite_op *o);

/* ---- subgraphs ---- */

/* Reads subgraph `index` into b. in[count]: what its inputs are (stored form), or NULL: they become inputs of b's
 * graph. The results are to be released, also after a failure (-1). */
int tflite_read_graph(struct tflite_file *f, int64_t index, struct build *b, struct value *const *in, size_t count,
                      struct tflite_results *out);
void tflite_results_release(struct tflite_results *r);

/* A tensor that keeps its value from run to run: an input, with zeros as its default, whose new value is an output. */
struct value *tflite_read_state(struct tflite_graph *g, struct tflite_tensor *t);
/* The new value of such a tensor, input k of the operator. */
void tflite_write_state(struct tflite_op *o, int k, struct value *v);
/* The outputs for all that keep their value. */
void tflite_give_variables(struct tflite_file *f, struct build *b);

/* What the file says of its input and output, as properties: recipe, labels, task. */
int tflite_read_metadata(struct tflite_file *f);

/* ---- the table ---- */

int tflite_code(struct flatbuf_table code);    /* the operator's number, of a table OperatorCode */
const struct tflite_row *tflite_row(int code); /* NULL: not in the table */
const struct tflite_row *tflite_custom_row(const char *name);
const char *tflite_operator_at(size_t index); /* NULL beyond the end */

/* A builtin operator that is kept as it is: its options are attributes, named after their slots, of numbers that take
 * as many bytes as the digits of `widths` say. */
struct tflite_opaque {
    int code;
    const char *name;
    int options; /* the number of their table in the union */
    const char *widths;
};
const struct tflite_opaque *tflite_opaque(int code); /* NULL: not in the table */
const struct tflite_opaque *tflite_opaque_by_name(const char *name);
const char *tflite_slot_name(int slot, char *text, size_t size); /* returns text */
void tflite_read_detection(struct tflite_op *o);
/* Operators of MediaPipe. */
void tflite_read_transpose_bias(struct tflite_op *o);
void tflite_read_pool_places(struct tflite_op *o);
void tflite_read_unpool(struct tflite_op *o);

#endif
