/* Writing MNN: a net of NCHW tensors, as mnnconvert makes it of ONNX. */
#ifndef FORMAT_MNN_WRITE_H
#define FORMAT_MNN_WRITE_H

#include "format/faults.h"
#include "base/lookup.h"
#include "base/text.h"
#include "format/mnn/read.h"
#include "format/target.h"
#include "parse/flatbuf_write.h"

/* Where a value lies in the file: as it is, and, for images, packed as NC4HW4. -1: not yet. */
struct mnn_place {
    int plain, packed;
};

/* What is written of one graph: the net's, or a subgraph's. */
struct mnn_level {
    struct graph *graph;
    struct mnn_place *places; /* [graph->value_count], by value->index */
    uint32_t *ops, *names;    /* references */
    size_t op_count, op_cap, name_count, name_cap;
    struct lookup op_names;  /* so far: they are to be unique */
    struct value **captured; /* [capture_count] values of graphs around, which are inputs here */
    int *captured_as;        /* [capture_count], tensors */
    size_t capture_count, capture_cap, capture_as_cap;
};

struct mnn_writer {
    struct node *node; /* at hand */
    const char *name;  /* what its operator is called */
    uint32_t param;    /* of the operator at hand */
    int param_number;
    struct error *err;
    const struct mnn_schema *schema; /* of the table being written */
    bool half, int8;                 /* what was asked for weights */
    struct faults faults;            /* what the format cannot carry, all of it */
    struct mnn_level at;
    uint32_t *subgraphs; /* references */
    size_t subgraph_count, subgraph_cap;
    struct flatbuf_out out;
};

/* A row of writers.def: an ONNX operator and who writes it. */
struct mnn_row {
    const char *onnx, *types; /* types of elements: see format/lower.h */
    void (*write)(struct mnn_writer *w, struct node *n);
    int type;   /* OpType, for writers that serve several */
    int detail; /* operation, mode, …; as the writer understands it */
};

const struct mnn_row *mnn_row_of(const struct node *n);

/* Notes that the node at hand cannot be carried, and why. */
#define mnn_cannot(w, ...) faults_add(&(w)->faults, (w)->node, __VA_ARGS__)

/* ---- tables ---- */

/* A table of the schema: begin, fields by name, end. Vectors are written before. */
void mnn_begin(struct mnn_writer *w, const char *table);
void mnn_put_int(struct mnn_writer *w, const char *field, int64_t value);
void mnn_put_float(struct mnn_writer *w, const char *field, float value);
void mnn_put_ref(struct mnn_writer *w, const char *field, uint32_t ref);
uint32_t mnn_end(struct mnn_writer *w);
/* Ends the table as the parameters of the operator at hand. */
void mnn_end_param(struct mnn_writer *w);
uint32_t mnn_put_ints(struct mnn_writer *w, const int64_t *values, size_t count);

/* ---- tensors ---- */

/* The tensor of a value: a constant becomes an operator of its own, a packed image is unpacked. -1 for NULL. */
int mnn_plain(struct mnn_writer *w, struct value *v);
/* The same packed, for operators on images. */
int mnn_packed(struct mnn_writer *w, struct value *v);
bool mnn_is_packed(const struct mnn_writer *w, const struct value *v);
/* A constant of the operator at hand: named after it. */
int mnn_const_ints(struct mnn_writer *w, const char *what, const int64_t *values, int count, bool scalar);
int mnn_const_float(struct mnn_writer *w, const char *what, float value);
int mnn_const_tensor(struct mnn_writer *w, const char *what, struct tensor *t); /* takes over t; NULL fails */
/* A tensor between two operators that are written for one node. */
int mnn_between(struct mnn_writer *w, const char *what);
const struct mnn_row *mnn_row(const struct mnn_writer *w); /* of the node at hand */

/* An input of a graph, with the operator that MNN has for it; -1 with a message. */
int mnn_write_graph_input(struct mnn_writer *w, struct value *v);
/* A value whose name is written, but made up, so that another reading would make up another, is called `of`/`i`. */
void mnn_settle_name(struct mnn_writer *w, struct value *v, const char *of, int i);

/* ---- graphs ---- */

int mnn_level_open(struct mnn_level *level, struct graph *g, struct error *err);
void mnn_level_close(struct mnn_level *level);
/* All nodes of the graph at hand. */
void mnn_write_nodes(struct mnn_writer *w);
void mnn_keep_subgraph(struct mnn_writer *w, uint32_t ref);

/* ---- operators ---- */

/* An operator with the parameters that were ended last; part: NULL, or what tells several of one node apart. */
void mnn_emit(struct mnn_writer *w, int type, const char *part, int in_count, const int *in, int out_count,
              const int *out);
/* Output i of the node at hand, plain or packed. */
int mnn_result(struct mnn_writer *w, int i, bool packed);
/* One operator for the node at hand, all of whose inputs and outputs are plain. */
void mnn_emit_plain(struct mnn_writer *w, int type);
/* The same with one input and output, packed where the input is. */
void mnn_emit_same(struct mnn_writer *w, int type);
/* One of several operators for the node at hand, called "NAME/part"; its only result, a tensor of that name. The last
 * of them is the node's own, by mnn_emit(). */
int mnn_step(struct mnn_writer *w, int type, const char *part, int in_count, const int *in);
/* A tensor between as packed, or plain; part: the one of its operator. */
int mnn_pack_step(struct mnn_writer *w, const char *part, int tensor);
int mnn_unpack_step(struct mnn_writer *w, const char *part, int tensor);
/* Parameters of the operators that several writers use. */
void mnn_param_int(struct mnn_writer *w, const char *table, const char *field, int64_t value);
void mnn_param_ints(struct mnn_writer *w, const char *table, const char *field, const int64_t *values, int count);
void mnn_param_binary(struct mnn_writer *w, int operation);
void mnn_param_unary(struct mnn_writer *w, int operation);
void mnn_param_clip(struct mnn_writer *w, double low, double high);

/* An input that is constant, as numbers: the count, or -1 (noted as a fault when `needed`). */
int mnn_input_ints(struct mnn_writer *w, int i, int64_t *values, int max, bool needed);
int mnn_rank_of(const struct value *v); /* -1: unknown */

/* Weights and bias of a convolution: the fields weight or quanParameter, and bias. write_weight.c */
struct mnn_weight {
    uint32_t weight, quan, bias;
};
/* false when they are no constants. transposed: [in][out / group]. */
bool mnn_put_weights(struct mnn_writer *w, struct value *weight, struct value *bias, int64_t outputs, bool transposed,
                     struct mnn_weight *made);
/* What a few nodes of one output make of constants alone counts as a constant: it is evaluated when it is written. NULL
 * otherwise, without a fault; for tensor_unref(). mnn_floats_of(): as f32. */
bool mnn_is_fixed(const struct value *v);
struct tensor *mnn_fixed(struct mnn_writer *w, struct value *v);
struct tensor *mnn_floats_of(struct mnn_writer *w, struct value *v);

#endif
