/* Nets as Caffe2 and MACE have them: a list of operators in their order, which name the blobs that they take and give,
 * with arguments of one form. Each format has a table of operators, which names the function that adds ONNX's nodes;
 * one that is not there is kept as it is, "caffe2.Warp". */
#ifndef FORMAT_NETDEF_NETDEF_H
#define FORMAT_NETDEF_NETDEF_H

#include "base/lookup.h"
#include "base/packed.h"
#include "op/build.h"
#include "parse/protobuf.h"

/* A message by its name: one of proto.text. */
const struct protobuf_type *netdef_message(const char *name);

struct netdef_op;
typedef void netdef_fn(struct netdef_op *o);

struct netdef_kind {
    const char *type;
    const char *onnx; /* for functions that serve several; or NULL */
    netdef_fn *read;
};

struct netdef_reader {
    struct build b;
    struct arena arena;
    const char *domain;         /* of operators that are not known */
    struct packed_table *kinds; /* of struct netdef_kind */
    struct blob *file;          /* that large tensors lie in */
    struct lookup blobs;        /* a name → struct netdef_blob */
    struct netdef_blob *first, *last;
    void (*after)(struct netdef_op *o); /* for outputs of what was read; or NULL */
    bool computes;                      /* what operators give from here on is no weight, but may be a result */
};

/* What a name stands for at this point: operators that work in place give it a new value. */
struct netdef_blob {
    const char *name;
    struct value *value;
    bool is_used;   /* since the value was given */
    bool is_result; /* given by an operator of the net that computes */
    struct netdef_blob *next;
};

/* An operator being read. */
struct netdef_op {
    struct netdef_reader *r;
    struct build *b;
    const struct protobuf *message; /* fields input, output, name, type, arg */
    const char *type;
    const struct netdef_kind *kind;
    struct value **in; /* [in_count] */
    int in_count;
    struct value **out; /* [out_count], to be set; those left NULL are as if they were not there */
    int out_count;
};

const struct netdef_kind *netdef_find(const struct netdef_reader *r, const char *type);
/* From here on the name, which must stay, stands for this value. */
void netdef_set(struct netdef_reader *r, const char *name, struct value *value);
struct value *netdef_get(struct netdef_reader *r, const char *name); /* NULL: there is none */
/* Reads an operator by `read`; NULL: keeps it as it is. Failures are those of the build, with its name before them. */
void netdef_read(struct netdef_reader *r, const struct protobuf *message, const struct netdef_kind *kind);
void netdef_keep(struct netdef_op *o);
/* Inputs of the graph for what operators take before any gives it, in the order in which the net lists them. */
void netdef_add_inputs(struct netdef_reader *r, const struct protobuf *net, const char *list);
/* The outputs of that name, or, without one, what no operator takes. */
void netdef_add_output(struct netdef_reader *r, const char *name);
void netdef_add_unused(struct netdef_reader *r);
void netdef_release(struct netdef_reader *r);

/* ---- what an operator's function sees (op.c) ---- */

/* The argument of that name; NULL: not set. */
const struct protobuf *netdef_arg(const struct netdef_op *o, const char *name);
bool netdef_has(const struct netdef_op *o, const char *name);
int64_t netdef_int(const struct netdef_op *o, const char *name, int64_t otherwise);
float netdef_float(const struct netdef_op *o, const char *name, float otherwise);
const char *netdef_text(struct netdef_op *o, const char *name, const char *otherwise);
/* The integers of a list: their count, of which at most max are stored; -1: not set. */
int netdef_ints(const struct netdef_op *o, const char *name, int64_t *values, int max);
int netdef_floats(const struct netdef_op *o, const char *name, float *values, int max);
/* The same of an argument that was found already, or NULL. */
int netdef_arg_ints(const struct protobuf *arg, int64_t *values, int max);
int netdef_arg_floats(const struct protobuf *arg, float *values, int max);
const char *netdef_arg_text(struct netdef_op *o, const struct protobuf *arg, const char *otherwise);
/* The argument "name", or, in lists, "names", for each of `rank` axes; that of one axis is called after it. */
void netdef_sizes(struct netdef_op *o, const char *name, const char *const *of_axis, int rank, int64_t *values);

/* Input k; a failure where it is missing. */
struct value *netdef_in(struct netdef_op *o, int k);
/* Its rank: a failure, and 0, when unknown; a dim: -1. */
int netdef_rank(struct netdef_op *o, int k);
int64_t netdef_dim(struct netdef_op *o, int k, int axis);
/* Input k with its last two axes exchanged where the argument of that name says so. */
struct value *netdef_transposed(struct netdef_op *o, int k, const char *name);
/* Output k is v. */
void netdef_give(struct netdef_op *o, int k, struct value *v);

/* Whether a field is an operator by its form: texts 1 to 4, the last its type, and messages, of number `arg`. */
bool netdef_is_operator(const struct protobuf_field *whole, unsigned arg);

#endif
