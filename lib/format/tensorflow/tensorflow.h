/* Inside lib/format/tensorflow: frozen graphs (.pb) and SavedModels.
 *
 * A graph, or a function of the library, is a list of nodes that name their inputs (scope.c). What is wanted is read
 * from the outputs back; each node's operator is a row of ops.def, which names the function that adds ONNX's nodes.
 * Calls of functions are read into the same graph. Tensors are channels-last: spatial operators stand between
 * Transposes, which model_read() cancels. Variables are constants, from the checkpoint beside a SavedModel. */
#ifndef FORMAT_TENSORFLOW_TENSORFLOW_H
#define FORMAT_TENSORFLOW_TENSORFLOW_H

#include "base/lookup.h"
#include "format/source.h"
#include "op/build.h"
#include "parse/protobuf.h"

#define TENSORFLOW_DEPTH 64        /* of functions within each other */
#define TENSORFLOW_NODES (1 << 20) /* read in all */

/* ---- messages (proto.c) ---- */

extern const struct protobuf_type *const tensorflow_graph_type,
    *const tensorflow_saved_type, *const tensorflow_entry_type, *const tensorflow_objects_type;

/* The value of an attribute, an AttrValue; NULL: not set. */
const struct protobuf *tensorflow_attr(const struct protobuf *node, const char *name);

/* ---- checkpoints (bundle.c) ---- */

struct tensorflow_bundle;

/* The variables of a SavedModel's folder; NULL with a message. */
struct tensorflow_bundle *tensorflow_bundle_open(const struct source *s, struct error *err);
void tensorflow_bundle_close(struct tensorflow_bundle *b); /* NULL is allowed */
/* The value of the variable of that name; NULL with a message. */
struct tensor *tensorflow_bundle_read(struct tensorflow_bundle *b, const char *name, struct error *err);

/* ---- the reader (read.c) ---- */

struct tensorflow_reader {
    const struct source *source;
    struct blob *blob; /* the graph's file */
    struct build b;
    struct arena arena;
    const struct protobuf *library;
    struct lookup functions; /* a name → the FunctionDef */
    struct tensorflow_bundle *bundle;
    struct lookup variables; /* a name → struct value */
    struct lookup keys;      /* a variable's name → its key in the checkpoint */
    int depth;
    long nodes;
};

#define TENSORFLOW_OUTPUTS 64 /* of one node */

struct tensorflow_node {
    const struct protobuf *message;
    const char *name, *op;
    struct value **out; /* [TENSORFLOW_OUTPUTS], once it is read */
    int state;          /* 0: not met, 1: being read, 2: read */
};

/* A graph, or a function at work. */
struct tensorflow_scope {
    struct tensorflow_reader *r;
    struct build *b;
    struct tensorflow_node *nodes;
    size_t count;
    struct lookup names; /* → struct tensorflow_node */
    struct lookup args;  /* of a function: → struct value */
};

/* Lists the nodes: field `nodes` of the message. */
int tensorflow_scope_open(struct tensorflow_scope *s, struct tensorflow_reader *r, const struct protobuf *message,
                          const char *nodes);
void tensorflow_scope_close(struct tensorflow_scope *s);
/* The tensor "node:1", or, in a function, "node:output:1"; NULL after a failure. */
struct value *tensorflow_scope_value(struct tensorflow_scope *s, const char *name);

/* A node being read. */
struct tensorflow_op {
    struct tensorflow_scope *scope;
    struct build *b;
    struct tensorflow_node *node;
    const struct tensorflow_kind *kind;
    struct value **in; /* [in_count] */
    int in_count;
};

typedef void tensorflow_op_fn(struct tensorflow_op *o);

struct tensorflow_kind {
    const char *op;
    tensorflow_op_fn *read;
    const char *onnx; /* for functions that serve several; or NULL */
};

#define OP(op, read, onnx) tensorflow_op_fn tensorflow_read_##read;
#include "format/tensorflow/ops.def"
#undef OP

extern const struct tensorflow_kind tensorflow_kinds[];
extern const size_t tensorflow_kind_count;

/* Finds the keys of a SavedModel's variables from the function that restores them (restore.c). */
void tensorflow_trace_restore(struct tensorflow_scope *graph);

/* Reads the function `name` with these arguments; its results to out[most]: their number, or -1. */
int tensorflow_call(struct tensorflow_reader *r, const char *name, struct value *const *in, int count,
                    struct value **out, int most);

/* ---- what an operator's function sees (op.c) ---- */

int64_t tensorflow_int(const struct tensorflow_op *o, const char *attr, int64_t otherwise);
float tensorflow_float(const struct tensorflow_op *o, const char *attr, float otherwise);
bool tensorflow_bool(const struct tensorflow_op *o, const char *attr, bool otherwise);
const char *tensorflow_text(const struct tensorflow_op *o, const char *attr, const char *otherwise);
enum dtype tensorflow_type(const struct tensorflow_op *o, const char *attr, enum dtype otherwise);
/* Bytes of a field as text, in the reader's arena. */
const char *tensorflow_span(struct tensorflow_reader *r, const struct protobuf *p, const char *otherwise);
/* The integers of a list: their count, at most max; -1: not set. */
int tensorflow_list(const struct tensorflow_op *o, const char *attr, int64_t *values, int max);
/* TensorFlow's number of an element type. */
enum dtype tensorflow_dtype(int64_t number);
/* A TensorProto; a new tensor, or NULL with a failure. */
struct tensor *tensorflow_tensor(struct tensorflow_reader *r, const struct protobuf *message);

/* Input k; a failure where it is missing. */
struct value *tensorflow_in(struct tensorflow_op *o, int k);
/* The elements of input k, known integers: their count; -1. want: a failure then. */
int tensorflow_ints(struct tensorflow_op *o, int k, int64_t *values, int max);
int tensorflow_want_ints(struct tensorflow_op *o, int k, int64_t *values, int max);
/* The same, where some may only be known at a run: these are -1. */
int tensorflow_open_ints(struct tensorflow_op *o, int k, int64_t *values, int max);
/* As a list of i64; as i64 of the shape that it has. */
struct value *tensorflow_i64_list(struct tensorflow_op *o, int k);
struct value *tensorflow_i64(struct tensorflow_op *o, int k);
/* Its rank: a failure, and 0, when unknown; a dim: -1. */
int tensorflow_rank(struct tensorflow_op *o, int k);
int64_t tensorflow_dim(struct tensorflow_op *o, int k, int axis);
enum dtype tensorflow_dtype_of(struct tensorflow_op *o, int k);
int tensorflow_axis(struct tensorflow_op *o, int64_t axis, int rank);
/* Output k is v. */
void tensorflow_give(struct tensorflow_op *o, int k, struct value *v);

/* Input k, where its rank is not known, has this one, and so many channels (0: not known). */
void tensorflow_expect(struct tensorflow_op *o, int k, int rank, int64_t channels);
/* Whether channels stand second: the attribute data_format. */
bool tensorflow_is_nchw(const struct tensorflow_op *o);
/* Input k with channels second, and back, of 3 to 5 axes, where they stand last. */
struct value *tensorflow_to_nchw(struct tensorflow_op *o, int k);
struct value *tensorflow_from_nchw(struct tensorflow_op *o, struct value *v, int rank);
/* The constant of input k with its axes permuted, in the graph; a Transpose of what is none. */
struct value *tensorflow_permuted(struct tensorflow_op *o, int k, int rank, const int64_t *perm);

#endif
