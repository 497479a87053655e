/* The graph: values, nodes, attributes, subgraphs, symbolic dimensions.
 *
 * Everything but tensors lives in the root graph's arena and dies with it; pointers stay valid until then. Operators
 * are named, not interpreted, here: what they mean is lib/op's business. Functions that allocate fail with NULL or
 * -1 and a message. */
#ifndef GRAPH_GRAPH_H
#define GRAPH_GRAPH_H

#include "graph/tensor.h"

struct node;
struct graph;
struct op;

/* ---- types ---- */

/* A dimension is its size when >= 0, DIM_UNKNOWN, or another negative number: a symbol of the root graph. Two dims with
 * the same symbol are equal at run time. */
#define DIM_UNKNOWN INT64_MIN

enum type_kind { TYPE_UNKNOWN, TYPE_TENSOR, TYPE_SEQUENCE, TYPE_OPTIONAL };

struct type {
    enum type_kind kind;
    enum dtype dtype; /* of a tensor; DTYPE_NONE when unknown */
    int rank;         /* of a tensor; -1 when unknown */
    int64_t dims[TENSOR_MAX_RANK];
    struct type *element; /* of a sequence or optional; may be NULL: unknown */
};

/* What is known of the elements of an integer tensor that holds shape arithmetic. */
enum known_kind { KNOWN_NOT, KNOWN_NUMBER, KNOWN_DIM };
struct known {
    enum known_kind kind;
    int64_t value; /* a number, or a symbolic dim (< 0) */
};

/* ---- values ---- */

struct use {
    struct node *node;
    int index; /* which input of it */
};

struct value {
    struct graph *graph;
    const char *name; /* unique in its graph, not empty */
    struct type type;
    struct tensor *constant; /* its data, when it is a constant; owned */
    struct known *known;     /* [known_count] when part of the elements are known, all where rank > 1; else NULL */
    int known_count;
    struct node *producer; /* NULL for graph inputs and constants */
    int producer_index;    /* which output of it */
    struct use *uses;      /* inputs of nodes, also in subgraphs; graph outputs are not in here */
    size_t use_count, use_cap;
    bool is_input, is_output; /* of its graph */
    size_t index;             /* in graph->values */
    void *scratch;            /* for the function at work; means nothing between calls */
};

/* ---- attributes ---- */

enum attr_kind {
    ATTR_INT,
    ATTR_FLOAT,
    ATTR_STRING,
    ATTR_TENSOR,
    ATTR_GRAPH,
    ATTR_INTS,
    ATTR_FLOATS,
    ATTR_STRINGS,
    ATTR_TYPE
};

struct attr {
    const char *name;
    enum attr_kind kind;
    size_t n; /* elements of a list; 1 otherwise */
    union {
        int64_t i;
        float f;
        struct str s;
        struct tensor *tensor; /* owned */
        struct graph *graph;
        int64_t *ints;
        float *floats;
        struct str *strings;
        struct type *type;
    };
    struct attr *next;
};

/* ---- nodes ---- */

struct node {
    struct graph *graph;
    const char *name;   /* may be "" */
    const char *domain; /* "" is ONNX's own, "nn" this toolkit's */
    const char *op;
    const struct op *def; /* lib/op's row; NULL until op_resolve(), and for an unknown operator */
    int since;            /* for an unknown operator: the opset it was read with; else 0 */
    struct value **in;    /* NULL entries: absent; changed by the functions below alone */
    size_t *use_at;       /* where input i stands in in[i]->uses */
    int in_count, in_cap;
    struct value **out; /* NULL entries: not wanted */
    int out_count, out_cap;
    struct attr *attrs; /* in the order they were set */
    struct node *prev, *next;
    void *scratch;
};

/* ---- graphs ---- */

struct property {
    const char *key;
    struct str value;
    struct property *next;
};

struct graph {
    struct graph *parent, *root; /* parent: NULL for the root; root: itself for the root */
    struct node *holder;         /* of a subgraph: the node it is an attribute of; NULL while there is none */
    const char *name;
    struct arena arena;        /* the root's is used by all */
    struct node *first, *last; /* in execution order */
    size_t node_count;
    struct value **values; /* all of this graph, constants included, in order of creation; removed ones are NULL */
    size_t value_count, value_cap;
    struct value **inputs, **outputs;
    size_t input_count, input_cap, output_count, output_cap;
    struct graph_names *names;     /* hash table name → value */
    struct property *properties;   /* of the root: recipe, task, labels, producer, … in the order they were set */
    struct graph_symbols *symbols; /* of the root */
    struct graph *next_owned;      /* the root's list of its subgraphs, detached ones too */
    struct graph *owned;
    size_t computed, computed_most; /* of the root: bytes of constants that passes computed, and may in all; 0: not yet
                                       known. A clone has them too */
    void *scratch;                  /* as a value's */
    bool large_stay; /* of the root: passes leave large weights as the file has them, rather than copy them */
};

/* Subgraphs nest at most this deep, the root being 0; so do the elements of types. */
#define GRAPH_MAX_DEPTH 64

struct graph *graph_new(struct error *err);
struct graph *graph_new_subgraph(struct graph *parent, struct error *err);
void graph_free(struct graph *root); /* NULL is allowed */
/* As a reader ends: root if it is good, else NULL, and root, which may be NULL, is freed. */
struct graph *graph_if(bool good, struct graph *root);

/* A deep copy of a root graph; tensors are shared. */
struct graph *graph_clone(const struct graph *root, struct error *err);

/* Walks a graph and its subgraphs, a graph before those in its nodes, in order of nodes:
 *     for (s = g; s; s = graph_next(g, s)) …
 * The whole walk is linear. NULL at the end. */
struct graph *graph_next(const struct graph *top, const struct graph *g);
/* The node of `g` itself that is or holds (by subgraphs) n; NULL when n lies elsewhere. */
struct node *graph_holder_in(const struct graph *g, const struct node *n);

/* A copy of a subgraph as a root of its own. Values of enclosing graphs that it uses become inputs behind its own
 * (constants are copied): *captured, for free(), lists them in that order. */
struct graph *graph_extract(const struct graph *subgraph, struct value ***captured, size_t *count, struct error *err);

/* Values. A new value's name must be new in its graph; NULL or "" makes a fresh one, which no graph of the root has.
 * The constant's reference is taken over, also on failure. */
struct value *graph_add_value(struct graph *g, const char *name, struct error *err);
struct value *graph_add_constant(struct graph *g, const char *name, struct tensor *constant, struct error *err);
int graph_add_input(struct graph *g, struct value *v, struct error *err);
int graph_add_output(struct graph *g, struct value *v, struct error *err);
/* Looks in g, then in its parents; NULL when there is none. */
struct value *graph_find_value(const struct graph *g, const char *name);
/* In g alone. */
struct value *graph_find_local(const struct graph *g, const char *name);
/* A name that no graph of the root has: `stem` and a number. */
const char *graph_fresh_name(struct graph *g, const char *stem, struct error *err);
/* Gives a value another name, which must be new. */
int graph_rename_value(struct value *v, const char *name, struct error *err);
/* Exchanges from's name for a fresh one and gives its old one to `to`, of the same graph. */
int graph_hand_over_name(struct value *from, struct value *to, struct error *err);
/* Takes a value out of the graph's inputs or outputs, every place of it; it stays a value. Linear in their number. */
void graph_remove_input(struct value *v);
void graph_remove_output(struct value *v);
/* The value must have no producer and no uses, and be no input or output; nothing is done otherwise. */
void graph_remove_value(struct value *v);
/* Makes a value a constant (its producer, if any, loses that output) with the tensor's type; takes over the reference,
 * also on failure. */
int graph_make_constant(struct value *v, struct tensor *constant, struct error *err);
/* Every use of `from`, and its places among graph outputs, become `to`'s. When `from` is a graph output and `to` is
 * not yet one, `to` takes over its name (and `from` gets a fresh one), so that outputs keep theirs. Fails, with
 * nothing changed, when `to` cannot be seen where `from` is used, and when an output's name would go to a graph
 * input or a value of another graph. */
int graph_replace_value(struct value *from, struct value *to, struct error *err);

/* Lets go of all constants, in subgraphs too, that are no inputs or outputs of the graph: for one of which only names
 * and types are asked from now on. */
void graph_drop_constants(struct graph *root);

/* A copy of a type, elements of sequences and optionals included, in g's arena. */
int graph_copy_type(struct graph *g, struct type *to, const struct type *from, struct error *err);
/* Sets what is known of a value's elements; count 0: nothing. The list is copied. */
int value_set_known(struct value *v, int count, const struct known *known, struct error *err);

/* Nodes. Appended, or before another node when `before` is not NULL. */
struct node *graph_add_node(struct graph *g, const char *domain, const char *op, struct node *before,
                            struct error *err);
int node_add_input(struct node *n, struct value *v, struct error *err);            /* v may be NULL */
int node_set_input(struct node *n, int index, struct value *v, struct error *err); /* index <= in_count */
void node_truncate_inputs(struct node *n, int count);
int node_add_output(struct node *n, struct value *v, struct error *err); /* v has no producer yet; may be NULL */
/* Adds a new value as the next output: named `name`, or, when that is taken, `name` with a number; fresh when NULL or
 * "". */
struct value *node_new_output(struct node *n, const char *name, struct error *err);
/* def becomes NULL; op is not empty. */
int node_set_op(struct node *n, const char *domain, const char *op, struct error *err);
int node_set_name(struct node *n, const char *name, struct error *err);
/* Gives output `index` of `from` to `to` as its next output. */
int node_move_output(struct node *from, int index, struct node *to, struct error *err);
/* Takes the node out; its outputs, which must have no uses left and be no graph outputs, go too, unless already moved.
 * What its subgraphs hold goes as well. */
void graph_remove_node(struct node *n);
bool node_is_dead(const struct node *n); /* nobody uses what it gives */
/* Takes dead nodes out of g, though not of its subgraphs, and those that only they used. */
void graph_sweep(struct graph *g);
void graph_sweep_constants(struct graph *g); /* those that nobody uses */
/* Moves a node before another one of the same graph; NULL: to the end. */
void graph_move_node(struct node *n, struct node *before);

static inline struct value *node_in(const struct node *n, int i)
{
    return i < n->in_count ? n->in[i] : NULL;
}

static inline struct value *node_out(const struct node *n, int i)
{
    return i < n->out_count ? n->out[i] : NULL;
}

bool node_is(const struct node *n, const char *op); /* of the domain "" */
/* Whether a node takes it, or it is a graph output. */
static inline bool value_is_used(const struct value *v)
{
    return v->use_count || v->is_output;
}

/* Whether inference knows all elements of a scalar or vector of whole numbers; and these, as a tensor. */
bool value_is_known(const struct value *v);
struct tensor *value_known(const struct value *v, struct error *err);

/* Attributes. Setting replaces; lists and strings are copied; a tensor's reference is taken over, also on failure. */
const struct attr *node_attr(const struct node *n, const char *name); /* NULL when not set */
int node_set_int(struct node *n, const char *name, int64_t value, struct error *err);
int node_set_float(struct node *n, const char *name, float value, struct error *err);
int node_set_string(struct node *n, const char *name, const char *bytes, size_t size, struct error *err);
int node_set_tensor(struct node *n, const char *name, struct tensor *tensor, struct error *err);
int node_set_graph(struct node *n, const char *name, struct graph *subgraph, struct error *err);
int node_set_ints(struct node *n, const char *name, const int64_t *values, size_t count, struct error *err);
int node_set_floats(struct node *n, const char *name, const float *values, size_t count, struct error *err);
int node_set_strings(struct node *n, const char *name, const struct str *values, size_t count, struct error *err);
int node_set_type(struct node *n, const char *name, const struct type *type, struct error *err);
void node_remove_attr(struct node *n, const char *name);
/* Copies all attributes of `from` (subgraphs are not copied: they are moved; then both nodes must be of one graph). */
int node_take_attrs(struct node *to, struct node *from, struct error *err);

/* Properties of the root. */
const struct str *graph_property(const struct graph *g, const char *key); /* NULL when not set */
int graph_set_property(struct graph *g, const char *key, const char *bytes, size_t size, struct error *err);

/* Symbols. graph_symbol() gives the dim (< 0) of a name, the same for the same name; DIM_UNKNOWN for "" and "?"; 0
 * with a message when memory is short. */
int64_t graph_symbol(struct graph *g, const char *name, struct error *err);
const char *graph_symbol_name(const struct graph *g, int64_t dim); /* "?" for DIM_UNKNOWN */
/* Arithmetic on dims (numbers >= 0, symbols): numbers give numbers, symbols a symbol named by the expression
 * ("(H+2)/2"), equal expressions the same one: sums are brought to a normal form, factors cancel, floor(floor(x/a)/b) =
 * floor(x/(a*b)). What is not known gives DIM_UNKNOWN, as do negative numbers, overflow and expressions of more than 64
 * characters. Division floors and wants b > 0; symbols are taken to be. */
int64_t graph_dim_add(struct graph *g, int64_t a, int64_t b);
int64_t graph_dim_sub(struct graph *g, int64_t a, int64_t b);
int64_t graph_dim_mul(struct graph *g, int64_t a, int64_t b);
int64_t graph_dim_div(struct graph *g, int64_t a, int64_t b);
/* Replaces a symbol by a size in every type and known value of the root graph and its subgraphs; expressions that
 * mention it follow. */
int graph_bind_symbol(struct graph *g, int64_t symbol, int64_t size, struct error *err);
/* The same in one go for all symbols that are sizes of inputs, but for expressions: to what a function says of an axis
 * of inputs[input], unless that is negative. A symbol gets the size of its first place. */
typedef int64_t graph_size_fn(const void *arg, const struct graph *g, size_t input, int axis);
int graph_bind_inputs(struct graph *g, graph_size_fn *size, const void *arg, struct error *err);

/* Puts nodes (of subgraphs too) into an order in which producers come first, keeping the present one where it serves.
 * Fails on a cycle. */
int graph_sort(struct graph *g, struct error *err);
/* Checks every link and rule above; a message names the first fault. For tests and after reading. */
int graph_check(const struct graph *g, struct error *err);

/* "conv1", or "node 12 (Conv)" when it has no name: for messages. The text lives in buffer. */
const char *node_label(const struct node *n, char *buffer, size_t size);
/* "f32 1x3xHxW": for messages and listings. */
const char *type_text(const struct graph *g, const struct type *type, char *buffer, size_t size);

#endif
