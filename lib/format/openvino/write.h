/* Inside lib/format/openvino: writing, as IR version 11. Each value of the graph is an output port of a layer; what an
 * operator of ONNX takes as numbers is a constant layer, and what is several layers goes by ports without values. */
#ifndef FORMAT_OPENVINO_WRITE_H
#define FORMAT_OPENVINO_WRITE_H

#include "format/faults.h"
#include "base/text.h"
#include "format/openvino/openvino.h"

/* An output port of a layer. layer -1: none. */
struct openvino_place {
    int layer, port;
};

/* A list of layers being written: the net's, or a body's within. */
struct openvino_list {
    struct graph *graph;
    struct text layers, edges;
    struct openvino_place *places;     /* [graph->value_count], by value->index */
    int layer_count, result_first;     /* its Results are the last of its layers */
    struct openvino_capture *captures; /* [capture_count] what a body takes from graphs around it */
    size_t capture_count, capture_cap;
    size_t scan_first; /* outputs from there on are parts of what is put together: they get an axis; 0: none are */
};

struct openvino_capture {
    struct value *value;
    struct openvino_place parameter;
};

struct openvino_writer {
    struct node *node; /* at hand */
    const struct openvino_row *row;
    int made;    /* layers of the node without a value of their own */
    int outputs; /* how many its layer has, where that is more than the node has */
    bool failed, half;
    struct error *err;
    struct text data, inner; /* of the layer that comes next: its attributes, and elements of its own */
    struct file_out *bin;
    size_t offset;
    struct faults faults; /* what the format cannot carry */
    struct openvino_list list;
};

typedef void openvino_write_fn(struct openvino_writer *w);

struct openvino_row {
    const char *onnx; /* "nn.Reorg" of another domain */
    const char *type; /* of the layer, for functions that serve several; or NULL */
    openvino_write_fn *write;
    int set; /* the operation set that it is of */
};

#define WRITER(onnx, write, type, set) openvino_write_fn openvino_write_##write;
#define LOWER(onnx, formula)
#include "format/openvino/write.def"
#undef WRITER
#undef LOWER

/* The row of a node's operator; NULL: it is not written. */
const struct openvino_row *openvino_row_of(const struct node *n);

/* Notes that the node at hand cannot be carried, and why. */
#define openvino_cannot(w, ...) faults_add(&(w)->faults, (w)->node, __VA_ARGS__)

/* ---- attributes of the next layer ---- */

void openvino_put_int(struct openvino_writer *w, const char *name, int64_t value);
void openvino_put_float(struct openvino_writer *w, const char *name, float value);
void openvino_put_text(struct openvino_writer *w, const char *name, const char *value);
void openvino_put_bool(struct openvino_writer *w, const char *name, bool value);
void openvino_put_ints(struct openvino_writer *w, const char *name, int count, const int64_t *values);

/* ---- layers ---- */

/* A layer without values, "y/Multiply_1", of so many outputs: the first of them. */
struct openvino_place openvino_step(struct openvino_writer *w, const char *type, int set, int outputs, int count,
                                    const struct openvino_place *in);
#define OPENVINO_STEP(w, type, set, ...)                                                                               \
    openvino_step(w, type, set, 1,                                                                                     \
                  (int)(sizeof((struct openvino_place[]){__VA_ARGS__}) / sizeof(struct openvino_place)),               \
                  (struct openvino_place[]){__VA_ARGS__})
/* The layer whose outputs are the node's. */
void openvino_finish(struct openvino_writer *w, const char *type, int set, int count, const struct openvino_place *in);
#define OPENVINO_FINISH(w, type, set, ...)                                                                             \
    openvino_finish(w, type, set,                                                                                      \
                    (int)(sizeof((struct openvino_place[]){__VA_ARGS__}) / sizeof(struct openvino_place)),             \
                    (struct openvino_place[]){__VA_ARGS__})
/* The layer whose only output is output o of the node. */
void openvino_finish_one(struct openvino_writer *w, int o, const char *type, int set, int count,
                         const struct openvino_place *in);
/* Output 0 of the node is what stands there already. */
void openvino_alias(struct openvino_writer *w, struct openvino_place p);

/* Where input i of the node, or a value, lies; constants become layers. */
struct openvino_place openvino_at(struct openvino_writer *w, int i);
struct openvino_place openvino_of(struct openvino_writer *w, struct value *v);

/* The tensor of a constant, or of one that is stored in halves and converted when it is used: *half. NULL: neither. */
const struct tensor *openvino_fixed(const struct value *v, bool *half);

/* Constants that the node needs. */
struct openvino_place openvino_list_of(struct openvino_writer *w, int count, const int64_t *values);
struct openvino_place openvino_number_of(struct openvino_writer *w, enum dtype dtype, double value);
struct openvino_place openvino_tensor_of(struct openvino_writer *w, const char *name, const struct tensor *t);
/* The same of one that is let go of; as halves if it was `half` in the graph. NULL is a failure. */
struct openvino_place openvino_take_tensor(struct openvino_writer *w, const char *name, struct tensor *t, bool half);

/* Numbers that input i is: their count, at most max; -1 when it is no constant, noted as a fault when `needed`. */
int openvino_known(struct openvino_writer *w, int i, int64_t *values, int max, bool needed);
int openvino_rank_of(const struct value *v); /* -1: unknown */
enum dtype openvino_dtype_of(const struct value *v);
/* p with other dims, of which one may be -1. */
struct openvino_place openvino_reshape(struct openvino_writer *w, struct openvino_place p, int rank,
                                       const int64_t *dims);

/* Input i with other dims: a constant of its own where it is one, called "y/what_1". */
struct openvino_place openvino_shaped(struct openvino_writer *w, int i, const char *what, int rank,
                                      const int64_t *dims);

/* ---- bodies and variables (write_control.c) ---- */

/* A root's input that has a first value and is followed by an output, "x" by "x_out": the other of both; or NULL. */
const struct value *openvino_next_of(const struct value *in);
const struct value *openvino_variable_of(const struct value *out);

/* Fills w->list, whose graph is set, with layers; -1 after a failure. openvino_close() lets go of it. */
int openvino_fill(struct openvino_writer *w);
void openvino_close(struct openvino_list *list);

/* Before writing (write_prepare.c): operators become those that have a row, and values get names. */
int openvino_prepare(struct graph *root, struct error *err);
/* Names like "_12" are none: they count what a reader made. */
bool openvino_is_named(const char *name);
void openvino_put_escaped(struct text *t, const char *s);
/* <rt_info> with the properties that say how a network is used, which openvino_read_info() takes again; nothing where
 * it has none of them. */
void openvino_put_info(struct text *t, const struct graph *g);
/* Whether the attention is one that the layer tells. */
bool openvino_takes_attention(const struct node *n);

/* The Reshape takes the axis of groups away from a convolution's weights, which have it in the format (write_conv.c).
 */
bool openvino_is_ungrouping(const struct node *reshape);
/* The Transpose is for a recurrent layer alone, which goes without it in the format (write_rnn.c). */
bool openvino_is_turning(const struct node *transpose);
/* The Transpose takes back what a recurrent layer's outputs are turned by. */
bool openvino_is_turning_back(const struct node *transpose);

#endif
