/* What an operator is: one row of a table for each, with its versions, signature, attributes, shape inference and
 * meaning.
 *
 * Operators are ONNX's, at opset OP_OPSET: readers raise older ones to it. The domain "nn" holds this toolkit's own:
 * operators of other frameworks and the fused forms that passes make. The rows stand in op.def, by family. */
#ifndef OP_OP_H
#define OP_OP_H

#include "graph/graph.h"
#include "graph/item.h"

/* The newest opset of ai.onnx whose meaning the table has. */
#define OP_OPSET 28

struct op_infer;
struct op_eval;

struct op {
    const char *domain, *name;
    const char *versions; /* opsets in which it changed, "1 6 13"; the last is the form used here */
    /* Operands, space-separated: "X:T W:T B:T?" — name, type, then ? optional, * any number, + at least one (last one
     * only). A type is a variable (capital letter first) bound in `types`, or a dtype, or seq(...) or opt(...) of one,
     * or what a variable may stand for ("any,anyseq*"), which binds nothing: each operand for itself. */
    const char *inputs, *outputs;
    /* "T=float I=i32,i64": what each variable may be: dtypes or the groups float (f16 f32 f64 bf16), f8, sint, uint,
     * int (both), num (float and int), cplx, any (all tensor types), anyseq, anyopt. */
    const char *types;
    /* "axis:i=-1 axes:I value:t! mode:s=constant": name, kind (i f s t g y, capital for a list), then =default or ! for
     * required. Lists have no default; that of a string is one of the words in attr.c. */
    const char *attrs;
    /* What else is asked of an operator, as words, for op_trait():
     *     random       equal operands may give other results
     *     heavy        takes much more time than moving its operands
     *     view         row-major elements keep their values and places: only dims change
     *     moves        elements of the result are those of operand 0 (of Concat: all), some or many times
     *     nonnegative  no element of the result is below 0
     *     commutes     the two operands may change places
     * and, as "axes=…", how axes of operands are axes of results. Where axes of the operands of the results' rank
     * change places, those of the results do:
     *     each     numpy broadcasting of all operands
     *     first    of operand 0; the others have none
     *     along    the same, and the attribute `axis` names one
     *     set      the same, and the attribute `axes` names some
     *     tail     of operand 0, where the axes from the attribute `axis` on must stay
     *     rows     of operand 0, where the last axis must stay
     *     lists    of operand 0; other operands have numbers for each axis
     *     reduce   of operand 0; those named by the attribute `axis` or by operand 1 become 1 or go
     *     gather   of operand 0, where `axis` becomes the axes of operand 1
     *     squeeze, unsqueeze, view   as these operators do */
    const char *traits;
    int (*infer)(struct op_infer *c, struct error *err);
    int (*eval)(struct op_eval *c, struct error *err); /* plain C, the oracle; NULL: `expand` */
    /* Puts nodes that mean the same before the node, moves its outputs to them and leaves it without outputs; the
     * caller removes it. An operator that has `eval` too is written so for other runtimes, and evaluated by it. */
    int (*expand)(struct node *n, struct error *err);
};

/* The row of an operator at OP_OPSET; NULL when unknown. */
const struct op *op_find(const char *domain, const char *name);
/* Whether a word stands among the traits of the node's row; false for an unknown operator. */
bool op_trait(const struct node *n, const char *word);
/* All rows, for listings. */
const struct op *op_table(size_t *count);

/* Sets node->def of every node, subgraphs included. Unknown operators are no error. */
void op_resolve(struct graph *g);
/* The unknown operators of a graph, once each, with their number and an example, "caffe.Warp (3: warp1, ...), …", into
 * text; returns how many there are. */
int op_list_unknown(const struct graph *g, char *text, size_t size);
/* Checks a node against its row: number of operands, element types, attributes' kinds, names and required ones. */
int op_check(const struct node *n, struct error *err);

/* ---- attributes, with the table's defaults. The node must be resolved, and the attribute of that kind in its row.
 * ---- */

bool op_has(const struct node *n, const char *name); /* set on the node itself */
int64_t op_int(const struct node *n, const char *name);
float op_float(const struct node *n, const char *name);
const char *op_string(const struct node *n, const char *name); /* NUL-terminated; "" when there is no default */
const int64_t *op_ints(const struct node *n, const char *name, int *count); /* NULL with count 0 when not set */
const float *op_floats(const struct node *n, const char *name, int *count);
const struct tensor *op_tensor(const struct node *n, const char *name);
struct graph *op_graph(const struct node *n, const char *name);

/* ---- shape inference ---- */

struct op_infer {
    struct graph *graph; /* the node's */
    struct node *node;
    struct known *spare; /* [spare_count], what was known of output 0 before: infer_set_known() uses its room again */
    int spare_count;
};

/* The type of input i; NULL when absent. kind may be TYPE_UNKNOWN, rank -1. */
const struct type *infer_type(const struct op_infer *c, int i);
enum dtype infer_dtype(const struct op_infer *c, int i);
int infer_rank(const struct op_infer *c, int i); /* -1: unknown or absent */
/* Input i's data when constant, else NULL. */
const struct tensor *infer_constant(const struct op_infer *c, int i);
/* Input i, an integer tensor of rank 0 or 1, all of whose elements are known numbers: their count, at most max; -1 when
 * not known. */
int infer_ints(const struct op_infer *c, int i, int64_t *values, int max);
/* Input i as dims: numbers, symbols, DIM_UNKNOWN. The count, or -1 when even that is not known. */
int infer_dims(const struct op_infer *c, int i, int64_t *dims, int max);
/* Sets the type of output o (nothing when it is not wanted). rank -1: unknown; dims NULL: none of them known. What was
 * known before and still agrees is kept, so a symbol's name from the file survives where inference finds no better. */
int infer_set(struct op_infer *c, int o, enum dtype dtype, int rank, const int64_t *dims, struct error *err);
int infer_set_type(struct op_infer *c, int o, const struct type *type, struct error *err);
int infer_set_known(struct op_infer *c, int o, int count, const struct known *known, struct error *err);
/* "node 'conv1' (Conv): …" -1. */
int infer_error(const struct op_infer *c, struct error *err, const char *format, ...) BASE_PRINTF(3, 4);
/* An input is absent, or has one axis, of `count` elements, one for each channel; count or type may not be known. */
int infer_want_channels(struct op_infer *c, int input, int64_t count, struct error *err);
/* axis in [-rank, rank) to [0, rank); an error that names the attribute otherwise. */
int infer_axis(const struct op_infer *c, const char *attr, int64_t axis, int rank, int *result, struct error *err);
/* Runs `infer` of every node of a graph in order, its subgraphs' when their If, Loop or Scan is reached. Stops at the
 * first error. */
int op_infer_graph(struct graph *g, struct error *err);
int op_infer_node(struct node *n, struct error *err);

/* ---- evaluation ---- */

/* Nodes of subgraphs that one run of a graph evaluates, all loops and branches together: a Loop may say that it never
 * ends. A subgraph counts as OP_BODY_NODES at least, since to enter it takes as long as some nodes do. */
#define OP_MAX_BODY_NODES (INT64_C(1) << 24)
#define OP_BODY_NODES     128

struct op_eval {
    const struct node *node;
    struct item *const *in; /* NULL: absent */
    int in_count;
    struct item **out; /* to be set; [op_out_count(node)] */
    int out_count;
    size_t memory;   /* bytes that one output may take */
    uint64_t *seed;  /* for random operators */
    int64_t *body_nodes; /* of subgraphs, that are left to the whole run; NULL: as many as there may be */
    /* Runs a subgraph of the node: in[graph->input_count] → out[graph->output_count], new references. Set by who
     * executes. */
    int (*run_graph)(struct op_eval *c, const struct graph *g, struct item *const *in, struct item **out,
                     struct error *err);
    void *user;
};

/* The node's outputs, or those of its row when these are more: what evaluation gives. */
int op_out_count(const struct node *n);

const struct tensor *eval_in(const struct op_eval *c, int i); /* NULL: absent */
bool eval_wants(const struct op_eval *c, int o);
/* A new tensor as output o, zeroed, to be filled. Fails beyond c->memory. */
struct tensor *eval_out(struct op_eval *c, int o, enum dtype dtype, int rank, const int64_t *dims, struct error *err);
/* Makes t output o; takes over the reference; t NULL (an error already set) gives -1. */
int eval_give(struct op_eval *c, int o, struct tensor *t, struct error *err);
int eval_give_item(struct op_eval *c, int o, struct item *item, struct error *err);
/* All of input i as int64 (any integer dtype), at most max; the count, or -1 with a message. Absent: 0. */
int eval_ints(const struct op_eval *c, int i, int64_t *values, int max, struct error *err);
int eval_error(const struct op_eval *c, struct error *err, const char *format, ...) BASE_PRINTF(3, 4);
int eval_axis(const struct op_eval *c, const char *attr, int64_t axis, int rank, int *result, struct error *err);

/* Evaluates one node: checks the operands' kinds and types against the row, then `eval`, or `expand` by way of a graph
 * of its own. */
int op_eval_node(struct op_eval *c, struct error *err);

/* The same before the graph runs, in[n->in_count] being constants (NULL: absent) and out[out_count] NULLs: fails where
 * a result, or all that were computed in the graph so far, would be far larger than what the graph holds. */
int op_compute(const struct node *n, struct item *const *in, struct item **out, int out_count, struct error *err);

/* The reference interpreter: evaluates a graph node by node. in[input_count] (a NULL takes the constant of that input,
 * if it is one), out[output_count] gets new references. `memory` limits each tensor, and their sum at any time to four
 * times that. */
int op_run(const struct graph *g, struct item *const *in, struct item **out, size_t memory, uint64_t seed,
           struct error *err);

#endif
