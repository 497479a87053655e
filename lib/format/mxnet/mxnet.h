/* Inside lib/format/mxnet: a symbol, NAME-symbol.json, whose nodes name their inputs by number, and the file of its
 * weights, NAME-0000.params (params.c). An operator's name is a row of ops.def; parameters are text, "(3, 3)" or
 * "True" (op.c). Source of the meaning of operators: MXNet's documentation, and its kernels where that is silent. */
#ifndef FORMAT_MXNET_MXNET_H
#define FORMAT_MXNET_MXNET_H

#include "base/lookup.h"
#include "format/rows.h"
#include "format/source.h"
#include "op/build.h"
#include "parse/json.h"

struct mxnet_node {
    const struct json_node *json;
    const char *name, *op;
    struct value **out; /* [wanted], once it is read */
    int wanted;         /* outputs that others take */
    size_t place;       /* inputs of the graph before it */
};

struct mxnet_reader {
    const struct source *source;
    struct build b;
    struct arena arena;
    struct json json;
    struct mxnet_node *nodes;
    size_t node_count;
    int64_t boxes;         /* that MultiBoxPrior has made, in all */
    struct lookup weights; /* a name → struct tensor, owned */
};

/* A node being read. */
struct mxnet_op {
    struct mxnet_reader *r;
    struct build *b;
    struct mxnet_node *node;
    const char *arg;   /* of the row */
    struct value **in; /* [in_count]; NULL until it is asked for */
    int in_count;
};

typedef void mxnet_op_fn(struct mxnet_op *o);

#define FN(read, rows) mxnet_op_fn mxnet_read_##read;
#include "format/mxnet/ops.def"
#undef FN

bool mxnet_is_params(const struct blob *blob);
/* Adds the tensors of a file to the weights. -1 with a message. */
int mxnet_read_params(struct mxnet_reader *r, struct blob *blob, struct error *err);

/* ---- what a node's function sees (op.c) ---- */

/* Input k; a failure where it is missing. A graph input or a weight comes into being when it is first asked for: what
 * only training takes never does. */
struct value *mxnet_in(struct mxnet_op *o, int k);
/* A weight that the node does not name, as files of before version 0.9 have it: "bn" and "_moving_mean". */
struct value *mxnet_hidden(struct mxnet_op *o, const char *suffix);
/* All of them. */
struct value **mxnet_all(struct mxnet_op *o);
/* What an entry of a list of inputs or heads stands for, [node, output, version]; a failure where it is not made yet.
 */
struct value *mxnet_entry(struct mxnet_reader *r, const struct json_node *entry);
/* Output k is v. */
void mxnet_give(struct mxnet_op *o, int k, struct value *v);

/* Parameters; `otherwise` where one is not set, or None. */
const char *mxnet_text(const struct mxnet_op *o, const char *name, const char *otherwise);
bool mxnet_is(const struct mxnet_op *o, const char *name, const char *text);
int64_t mxnet_int(const struct mxnet_op *o, const char *name, int64_t otherwise);
float mxnet_float(const struct mxnet_op *o, const char *name, float otherwise);
bool mxnet_bool(const struct mxnet_op *o, const char *name, bool otherwise);
/* A list, or one number: the count, 0 where it is not set; more than max are a failure. None is MXNET_NONE. */
#define MXNET_NONE INT64_MIN
int mxnet_ints(struct mxnet_op *o, const char *name, int64_t *values, int max);
int mxnet_floats(struct mxnet_op *o, const char *name, float *values, int max);
/* An element type by name or number. */
enum dtype mxnet_dtype(struct mxnet_op *o, const char *name, enum dtype otherwise);
enum dtype mxnet_dtype_of(int64_t number); /* DTYPE_NONE: there is none */

/* x through an activation, "relu"; a failure where it is not known. */
struct value *mxnet_activated(struct mxnet_op *o, struct value *x, const char *name);
/* A row's formula: operands are $0, $1, …, parameters go by their names. */
struct value *mxnet_formula(struct mxnet_op *o, const char *formula);
/* A number of x's type. */
struct value *mxnet_number(struct mxnet_op *o, struct value *x, double number);

#endif
