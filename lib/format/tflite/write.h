/* What the parts of the TFLite writer share.
 *
 * A value of rank 4 may stand in the file in two forms: as it is, and with channels last, which is how spatial
 * operators take and give it. One form is made of the other by a TRANSPOSE when somebody asks for it, so that none is
 * left where all neighbours agree. A Transpose between the two is then no operator, but another name.
 *
 * Q/DQ pairs are the types of tensors: what a node gives to a QuantizeLinear alone has its scale, when all that the
 * node takes comes from DequantizeLinear. */
#ifndef FORMAT_TFLITE_WRITE_H
#define FORMAT_TFLITE_WRITE_H

#include "format/faults.h"
#include "base/text.h"
#include "format/target.h"
#include "graph/graph.h"
#include "parse/flatbuf_write.h"

/* A tensor of the file. */
struct tflite_out {
    const char *name;
    enum dtype dtype;
    int rank;
    int64_t dims[TENSOR_MAX_RANK];     /* < 0: open */
    struct tensor *constant;           /* its data, until they are written; owned */
    int twin;                          /* an earlier tensor of the same data, 1 + its number; or 0 */
    uint32_t buffer;                   /* of its data, once they are written */
    bool is_variable;                  /* keeps its value from run to run */
    bool is_port;                      /* an input or output of the subgraph */
    const struct tensor *scale, *zero; /* of a quantised one; the graph's */
    int axis;
};

/* How a value stands in the file. */
struct tflite_form {
    int plain, last;            /* tensors; 0: none yet, else 1 + the number */
    const struct value *stored; /* the integers that it was dequantised of; or NULL */
    bool is_turned;             /* its form with channels last is stored's plain one */
    const struct value *flat;   /* of [N, C * H * W]: the value of four axes whose form with channels last was flattened
                                 * instead, so that weights behind it are to be permuted; or NULL */
};

struct tflite_call {
    int code;
    const char *custom_name; /* of a custom operator; or NULL */
    uint32_t options, custom;
    int in_count, out_count;
    int *in, *out; /* in the arena of the graph */
};

/* A subgraph being written. */
struct tflite_scope {
    struct graph *g; /* a copy, expanded */
    struct tflite_out *tensors;
    size_t tensor_count, tensor_cap;
    struct tflite_form *forms; /* by the index of a value */
    struct tflite_call *calls;
    size_t call_count, call_cap;
};

/* An operator code in use. */
struct tflite_code {
    int code;
    char custom[200]; /* the name of a custom operator; or "" */
};

/* A list of references. */
struct tflite_refs {
    uint32_t *refs;
    size_t count, cap;
};

/* An input of the whole that keeps its value: its default is the first one, and an output the next run's. */
struct tflite_state {
    struct value *in, *out;
    int handle;        /* the tensor of its variable */
    struct node *node; /* the LSTM whose operand it is; or NULL */
    int operand;
};

struct tflite_writer {
    struct error *err;
    bool failed, half;
    struct faults faults;
    struct tflite_scope at;
    struct tflite_code *codes;
    size_t code_count, code_cap;
    struct tflite_refs buffers, graphs; /* of the file; the first graph is written last */
    uint32_t signature;                 /* of the first graph */
    struct tflite_state *states;
    size_t state_count, state_cap;
    struct flatbuf_out out;
};

/* Which scales of stored operands and results the kernel of an operator takes. */
enum tflite_stored {
    STORED_NO,   /* it computes on floats alone */
    STORED_ANY,  /* any */
    STORED_SAME, /* one and the same */
    STORED_OWN,  /* any to that of the function's range */
    STORED_IN    /* it takes stored numbers, and gives what are none */
};

struct tflite_writes {
    const char *op;    /* ONNX's, or one of another domain, "nn.DetectionPostProcess" */
    const char *types; /* of elements, see format/lower.h */
    void (*write)(struct tflite_writer *w, struct node *n, const struct tflite_writes *row);
    int16_t code;
    int8_t act;     /* the slot of the fused activation; -1: there is none */
    uint8_t stored; /* enum tflite_stored */
};

/* What a node's result becomes: the value at the end of what the same operator does. */
struct tflite_end {
    struct value *v;
    const char *name; /* of the last of what was followed that the file named; NULL: v's */
    bool is_last;     /* the operator gives its form with channels last */
    int act;
    const struct node *quantize; /* the QuantizeLinear that v comes from; or NULL */
};

/* ---- write_tensor.c ---- */

/* A new tensor, its number; 0 after a failure. */
int tflite_new_tensor(struct tflite_writer *w, const char *name, enum dtype dtype, int rank, const int64_t *dims);
void tflite_set_scale(struct tflite_writer *w, int tensor, const struct node *qdq, int axis);
/* The scale of another tensor; a new tensor of the type and scale of another. */
void tflite_copy_scale(struct tflite_writer *w, int to, int from);
int tflite_like_tensor(struct tflite_writer *w, int from);
/* A constant of these numbers, and one of 32-bit integers. */
int tflite_put_constant(struct tflite_writer *w, const char *name, const struct tensor *t);
int tflite_put_ints(struct tflite_writer *w, int count, const int64_t *values);
/* A list and a scalar of another number type. */
int tflite_put_list(struct tflite_writer *w, enum dtype dtype, int count, const int64_t *values);
int tflite_put_scalar(struct tflite_writer *w, enum dtype dtype, int64_t number);
/* A value as floats (or what it is): as it is, or with channels last. */
int tflite_take(struct tflite_writer *w, const struct value *v, bool is_last);
/* The same in stored form, for a value that tflite_is_stored(). */
int tflite_take_stored(struct tflite_writer *w, const struct value *v, bool is_last);
bool tflite_is_stored(const struct tflite_writer *w, const struct value *v);
/* Weights [units, C * H * W] for a value that is `flat`. */
int tflite_take_flat_weights(struct tflite_writer *w, const struct value *v, const struct value *flat, bool is_stored);
/* A constant, permuted; in stored form, or as floats. */
int tflite_take_weights(struct tflite_writer *w, const struct value *v, const int64_t *perm, bool is_stored);
bool tflite_is_constant(const struct value *v); /* also a dequantised one */
/* Whether the form with channels last is there, or costs nothing. */
bool tflite_prefers_last(const struct tflite_writer *w, const struct value *v);

/* ---- write.c ---- */

/* A node that cannot be carried; all are told at the end. */
#define tflite_cannot(w, n, ...) faults_add(&(w)->faults, n, __VA_ARGS__)
/* Follows what n gives first through Transposes, an activation (when can_act) and QuantizeLinear (when is_stored),
 * which become part of its operator. */
struct tflite_end tflite_follow(struct node *n, bool is_last, bool can_act, bool is_stored);
/* The QuantizeLinear that n's result comes to, as tflite_follow() would; NULL. */
const struct node *tflite_quantize_behind(const struct node *n, bool can_act);
/* Whether all that n computes on is there in stored form. */
bool tflite_takes_stored(const struct tflite_writer *w, const struct node *n);
/* The tensor of an end. */
int tflite_give_end(struct tflite_writer *w, const struct tflite_end *end);
/* A tensor of v's type, in its form with channels last or as it is. */
int tflite_new_like(struct tflite_writer *w, const struct value *v, bool is_last);
/* The tensor of output o, which becomes its plain form; one of its own where nobody wants it. */
int tflite_give_plain(struct tflite_writer *w, const struct node *n, int o);
/* Writes g, a root of its own, as a subgraph. Returns its number, -1 after a failure. */
int tflite_write_subgraph(struct tflite_writer *w, struct graph *g, const char *name);

/* ---- write_file.c ---- */

/* A call of a builtin operator; a number 0 among the tensors is an absent one. */
void tflite_call(struct tflite_writer *w, int code, uint32_t options, int in_count, const int *in, int out_count,
                 const int *out);
/* The same of one that has a name and bytes as options. */
void tflite_call_custom(struct tflite_writer *w, const char *name, const void *options, size_t size, int in_count,
                        const int *in, int out_count, const int *out);
/* A table of options with one or two small numbers; slot -1: none. */
uint32_t tflite_option(struct tflite_writer *w, int slot, int width, int64_t value, int act_slot, int act);
/* Whether a name is one that only the graph gave, "_12", which would be another after reading. */
bool tflite_is_fresh(const char *name);
/* The number of a dtype in the file; -1: it has none. */
int tflite_type_of(enum dtype dtype);
/* A buffer's number. */
uint32_t tflite_put_buffer(struct tflite_writer *w, const void *data, size_t size);
/* The table of the subgraph at w->at, of what its outputs need. *signature, if not NULL: that of its inputs and outputs
 * by their names, by which runtimes can call it. */
uint32_t tflite_put_graph(struct tflite_writer *w, const char *name, uint32_t *signature);
/* The whole, when all subgraphs are in w->graphs. */
uint32_t tflite_put_model(struct tflite_writer *w, uint32_t metadata);
void tflite_close_scope(struct tflite_scope *scope);
void tflite_add_ref(struct tflite_writer *w, struct tflite_refs *list, uint32_t ref);

/* ---- write_lower.c ---- */

/* Writes nodes as others, until all that are left have a row or cannot be carried. */
int tflite_lower(struct graph *g, struct error *err);

/* ---- write_state.c ---- */

/* Inputs that have a default are listed with the outputs that follow them, "x" with "x_out". Those of an LSTM become
 * its own; inputs with a default that no output follows become constants. */
void tflite_find_states(struct tflite_writer *w, struct graph *g);
/* Variables: before all nodes, and behind them. */
void tflite_open_states(struct tflite_writer *w);
void tflite_close_states(struct tflite_writer *w);

/* ---- write_rnn.c, lower_rnn.c ---- */

/* The value of what is computed of constants alone; NULL where it is not. The caller unrefs. */
struct tensor *tflite_evaluate(const struct value *v, struct error *err);
/* Whether TFLite has an operator for all that this LSTM does. */
bool tflite_can_fuse_lstm(const struct node *n);
/* Whether it is one whose states are kept: [2] get inputs and outputs. */
bool tflite_has_states(const struct node *n, struct tflite_state *states);
/* Writes a recurrent operator step by step; one that stays is left as it is. */
int tflite_lower_rnn(struct node *n, struct error *err);

/* ---- write_metadata.c ---- */

/* The list of metadata, with recipe and labels; 0: none. */
uint32_t tflite_put_metadata(struct tflite_writer *w, const struct graph *g);
/* The archive of labels behind a model of `size` bytes. */
int tflite_write_labels(const struct graph *g, struct file_out *file, size_t size, struct error *err);

const struct tflite_writes *tflite_writes_of(const struct node *n);
int tflite_write(const struct graph *g, struct target *target, struct error *err);

#endif
