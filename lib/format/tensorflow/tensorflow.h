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
#include "format/torch/function.h"
#include "op/build.h"
#include "parse/protobuf.h"

#define TENSORFLOW_DEPTH 64        /* of functions within each other */
#define TENSORFLOW_NODES (1 << 17) /* read in all: a quarter of a second */

/* ---- messages (proto.c) ---- */

/* A message by the name that TensorFlow has for it: one of proto.text. */
const struct protobuf_type *tensorflow_message(const char *name);

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
    const struct protobuf *library, *meta; /* meta: of a SavedModel */
    const struct protobuf *signature;      /* the only one of a graph at hand; or NULL */
    const struct lookup *constants;        /* of a graph at hand: a node's name → struct tensor; or NULL */
    struct tensorflow_scope *root;         /* the graph */
    struct lookup functions;               /* a name → the FunctionDef */
    struct tensorflow_bundle *bundle;
    struct lookup variables;          /* a name → struct value */
    struct lookup keys;               /* a variable's name → its key in the checkpoint */
    struct tensorflow_blocks *blocks; /* that became batches: a list (read_block.c) */
    void *formulas;                   /* their functions */
    int depth;
    int writing;  /* loops at work whose lists are written */
    int channels; /* of pictures that the graph decodes; 0: it decodes none */
    long nodes;
};

/* Reads a graph that is at hand as a tree, as TensorFlow.js has it: its constants are elsewhere, by the names of their
 * nodes. signature NULL: what nothing takes are the outputs. blob: the file, for its size. NULL with a message. */
struct graph *tensorflow_read_tree(const struct source *s, struct blob *blob, const struct protobuf *graph,
                                   const struct protobuf *signature, const struct lookup *constants, struct error *err);

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
    struct lookup names;            /* → struct tensorflow_node */
    struct lookup args;             /* of a function: → struct value */
    struct tensorflow_scope *outer; /* of a part of a graph, a branch or the body of a loop: the whole */
    const char *boundary;           /* and the operator that brings its values in: "Switch", "Enter" */
};

/* Lists the nodes: field `nodes` of the message. */
int tensorflow_scope_open(struct tensorflow_scope *s, struct tensorflow_reader *r, const struct protobuf *message,
                          const char *nodes);
void tensorflow_scope_close(struct tensorflow_scope *s);
/* The tensor "node:1", or, in a function, "node:output:1"; NULL after a failure. */
struct value *tensorflow_scope_value(struct tensorflow_scope *s, const char *name);

/* The same nodes once more, none of them read, for a part of the graph that is a subgraph of ours. */
int tensorflow_scope_again(struct tensorflow_scope *s, struct tensorflow_scope *outer, const char *boundary);
/* Counts nodes that are copied or looked at, or elements that are made, each of which is less work than reading one. */
void tensorflow_count_looks(struct tensorflow_scope *s, size_t nodes);
/* The node that makes a tensor, and which output of it that is; NULL. */
struct tensorflow_node *tensorflow_scope_find(struct tensorflow_scope *s, const char *name, int *output);
/* Input i of a node, without those that only come before it; "". */
const char *tensorflow_input(const struct protobuf *node, size_t i);
bool tensorflow_is_op(const struct protobuf *node, const char *op);

/* Whether the node is an edge of a part of the graph, whose inputs it does not take as others do: of the control flow
 * of TensorFlow 1 (read_frame.c). Calls `need` for each tensor that must be read before it. */
bool tensorflow_is_edge(const struct tensorflow_scope *s, const struct tensorflow_node *n);
void tensorflow_edge_needs(struct tensorflow_scope *s, struct tensorflow_node *n,
                           void (*need)(struct tensorflow_scope *s, const char *name, void *data), void *data);

/* A node being read. */
struct tensorflow_op {
    struct tensorflow_scope *scope;
    struct build *b;
    struct tensorflow_node *node;
    const struct tensorflow_kind *kind;
    struct value **in; /* [in_count] */
    int in_count;
};

/* An input of the graph, called as the node is: a picture. */
struct value *tensorflow_add_picture(struct tensorflow_op *o);

typedef void tensorflow_op_fn(struct tensorflow_op *o);

struct tensorflow_kind {
    const char *op;
    const char *onnx; /* for functions that serve several; or NULL */
    tensorflow_op_fn *read;
};

/* Reads an operator of complex numbers; false: it is none, or needs no help (read_complex.c). */
bool tensorflow_read_complex(struct tensorflow_op *o);

#define OP(op, read, onnx) tensorflow_op_fn tensorflow_read_##read;
#include "format/tensorflow/ops.def"
#undef OP

const struct tensorflow_kind *tensorflow_find_kind(const char *op); /* NULL: there is none */

/* The node of a function that makes a tensor, and which of its arguments one is; NULL, -1: none (restore.c). */
const struct protobuf *tensorflow_function_node(const struct protobuf *function, const char *tensor);
int64_t tensorflow_argument(const struct protobuf *function, const char *tensor);
/* Finds the keys of a SavedModel's variables from the function that restores them (restore.c). */
void tensorflow_trace_restore(struct tensorflow_scope *graph);

/* Reads the function `name` with these arguments; its results to out[most]: their number, or -1. */
int tensorflow_call(struct tensorflow_reader *r, const char *name, struct value *const *in, int count,
                    struct value **out, int most);

/* ---- branches and loops (read_loop.c) ---- */

/* A loop, of functions or of a frame of TensorFlow 1. */
struct tensorflow_loop {
    struct tensorflow_op *o;
    struct tensorflow_scope *look; /* where the body's nodes are found */
    int count;
    struct value *in[TENSORFLOW_OUTPUTS]; /* what its variables begin with */
    const char *arg[TENSORFLOW_OUTPUTS];  /* how the body calls them, and what they become there */
    const char *becomes[TENSORFLOW_OUTPUTS];
    void *data;
    /* Reads the body, and the condition, for these values of the variables. */
    int (*body)(struct tensorflow_loop *l, struct value *const *in, struct value **out);
    struct value *(*condition)(struct tensorflow_loop *l, struct value *const *in);
};

enum tensorflow_fate {
    TENSORFLOW_CARRIED,
    TENSORFLOW_KEPT,    /* it stays as it is */
    TENSORFLOW_WRITTEN, /* a list of which each round writes one element */
    TENSORFLOW_LATEST   /* a list of one element, which each round writes */
};

/* What becomes of variable k; a failure for a list that is written otherwise. What is written of it. Whether it counts
 * the rounds from 0. */
enum tensorflow_fate tensorflow_fate(struct tensorflow_loop *l, int k);
const char *tensorflow_written(struct tensorflow_loop *l, int k);
bool tensorflow_is_counter(const struct tensorflow_loop *l, int k);
/* Whether a tensor of the body is a constant whole number of that value. */
bool tensorflow_is_number(const struct tensorflow_loop *l, const char *name, int64_t number);
/* The tensor that one is, but for Identities. */
const char *tensorflow_through(struct tensorflow_scope *s, const char *name);
/* Makes it an operator for recurrent layers, where it is one (recurrent.c). */
bool tensorflow_build_recurrent(struct tensorflow_loop *l, struct value **out);

/* Adds it; out: what its variables are at its end, as far as these can be had. 0, or -1 after a failure. */
int tensorflow_build_loop(struct tensorflow_loop *l, struct value **out);

/* If of two subgraphs that have `count` outputs: outputs of it. */
void tensorflow_build_if(struct tensorflow_op *o, struct value *condition, struct graph *yes, struct graph *no,
                         int count);
/* The name of the function that an attribute holds. */
const char *tensorflow_function(const struct tensorflow_op *o, const char *attr);
/* What the function returns under that name. */
const char *tensorflow_returned(const struct protobuf *function, const char *name);

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
/* What a Const holds; NULL with a failure. */
struct tensor *tensorflow_constant(struct tensorflow_reader *r, const struct protobuf *node);

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
/* The outputs are the results of a formula (build_formulas()) of the inputs; parameters are attributes. */
void tensorflow_formula(struct tensorflow_op *o, const char *text);
/* Output k is v. */
void tensorflow_give(struct tensorflow_op *o, int k, struct value *v);

/* Input k, where its rank is not known, has this one, and so many channels (0: not known). */
void tensorflow_expect(struct tensorflow_op *o, int k, int rank, int64_t channels);
/* Whether channels stand second: the attribute data_format. */
bool tensorflow_is_nchw(const struct tensorflow_op *o);
/* Input k with channels second, and back, of 3 to 5 axes, where they stand last. */
struct value *tensorflow_to_nchw(struct tensorflow_op *o, int k);
struct value *tensorflow_from_nchw(struct tensorflow_op *o, struct value *v, int rank);
/* Strides, dilations (the attribute of that name) and padding of the node that makes v; returns v (read_conv.c). */
struct value *tensorflow_window(struct tensorflow_op *o, struct value *v, int rank, const char *dilations);
/* The constant of input k with its axes permuted, in the graph; a Transpose of what is none. */
struct value *tensorflow_permuted(struct tensorflow_op *o, int k, int rank, const int64_t *perm);

/* The window of each place of x [N, C, H, W], of which the caller says how it moves; and that with rows of pixels of
 * all channels last. */
struct value *tensorflow_windows(struct build *b, struct value *x, int64_t channels, const int64_t size[2]);
struct value *tensorflow_rows_of_windows(struct build *b, struct value *v, int64_t channels, const int64_t size[2]);
/* x [N, C, H, W] resized to `size` by cubic weights as TensorFlow rounds them (read_resize.c); NULL, where ONNX's
 * Resize has the same, or after a failure. `align`: the corners are pixels' middles, `half`: middles lie at halves. */
struct value *tensorflow_resize_cubic(struct build *b, struct value *x, struct value *size, bool align, bool half);

#endif
