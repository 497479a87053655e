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
    uint32_t data;                     /* its bytes in the FlatBuffer; 0: not a constant */
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
    uint32_t options, inputs, outputs;
};

struct tflite_writer {
    struct graph *g; /* a copy, expanded */
    struct flatbuf_out out;
    struct error *err;
    struct text faults;
    int fault_count;
    bool failed, half;
    struct tflite_out *tensors;
    size_t tensor_count, tensor_cap;
    struct tflite_form *forms; /* by the index of a value */
    struct tflite_call *calls;
    size_t call_count, call_cap;
};

struct tflite_writes {
    const char *op; /* ONNX's */
    void (*write)(struct tflite_writer *w, struct node *n, const struct tflite_writes *row);
    int code, act; /* the slot of the fused activation; -1: there is none */
};

/* What a node's result becomes: the value at the end of what the same operator does. */
struct tflite_end {
    struct value *v;
    bool is_last; /* the operator gives its form with channels last */
    int act;
    const struct node *quantize; /* the QuantizeLinear that v comes from; or NULL */
};

/* ---- write_tensor.c ---- */

/* A new tensor, its number; 0 after a failure. */
int tflite_new_tensor(struct tflite_writer *w, const char *name, enum dtype dtype, int rank, const int64_t *dims);
void tflite_set_scale(struct tflite_writer *w, int tensor, const struct node *qdq, int axis);
/* A constant of these numbers, and one of 32-bit integers. */
int tflite_put_constant(struct tflite_writer *w, const char *name, const struct tensor *t);
int tflite_put_ints(struct tflite_writer *w, int count, const int64_t *values);
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
void tflite_cannot(struct tflite_writer *w, const struct node *n, const char *why);
/* Follows what n gives first through Transposes, an activation (when can_act) and QuantizeLinear (when is_stored),
 * which become part of its operator. */
struct tflite_end tflite_follow(struct node *n, bool is_last, bool can_act, bool is_stored);
/* Whether n can compute on stored numbers, all that it takes being so: the QuantizeLinear that its result comes to, or
 * NULL. */
const struct node *tflite_on_stored(const struct tflite_writer *w, struct node *n, bool can_act);
/* The tensor of an end. */
int tflite_give_end(struct tflite_writer *w, const struct tflite_end *end);
void tflite_call(struct tflite_writer *w, int code, uint32_t options, int in_count, const int *in, int out_count,
                 const int *out);
/* A table of options with one or two small numbers; slot -1: none. */
uint32_t tflite_option(struct tflite_writer *w, int slot, int width, int64_t value, int act_slot, int act);

const struct tflite_writes *tflite_writes_of(const struct node *n);
int tflite_write(const struct graph *g, struct target *target, struct error *err);

#endif
