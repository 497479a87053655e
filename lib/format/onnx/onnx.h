/* Inside lib/format/onnx: what the reader's files share. */
#ifndef FORMAT_ONNX_ONNX_H
#define FORMAT_ONNX_ONNX_H

#include "base/lookup.h"
#include "format/format.h"
#include "format/onnx/wire.h"
#include "op/op.h"

/* Nodes that may come out of a file's functions; calls within calls multiply. */
#define ONNX_MAX_INLINED 500000
#define ONNX_MAX_CALLS   100 /* functions within functions */
/* Bytes of sparse tensors made dense, in one file. */
#define ONNX_MAX_DENSE ((size_t)256 << 20)

/* ---- the reader ---- */

struct onnx_external {
    const char *location;
    struct blob *blob;
};

struct onnx_reader {
    const struct source *source;
    const struct onnx_model *model;
    struct graph *root;
    struct lookup functions; /* "domain:name:overload" → struct onnx_function */
    struct onnx_external *externals;
    size_t external_count, external_cap;
    size_t inlined;     /* nodes made from functions so far */
    size_t dense;       /* bytes of sparse tensors made dense so far */
    struct arena arena; /* for what lives as long as the reader */
};

/* An attribute given to a function, with the names that a subgraph in it sees. */
struct onnx_given {
    const char *name;
    const struct onnx_attribute *attribute;
    struct onnx_scope *scope;
};

/* Where names mean something: a graph of the file, or one call of a function. */
struct onnx_scope {
    struct onnx_reader *reader;
    struct onnx_scope *parent;    /* whose names are seen too; NULL for the root, and for a function */
    struct graph *graph;          /* where values and nodes go */
    struct lookup names;          /* → struct value */
    const struct onnx_call *call; /* of the function that this is within; NULL: none */
    struct onnx_opset_id **opsets;
    size_t opset_count;
};

/* One call of a function. */
struct onnx_call {
    const struct onnx_function *function;
    const struct onnx_call *outer; /* the call that this one is made in */
    struct onnx_given *given;
    size_t given_count;
    struct lookup outputs; /* the function's outputs → the values of the caller that they are */
};

/* The opset of a domain in a scope; 0 when the file does not say. */
int onnx_opset(const struct onnx_scope *s, const char *domain);
/* "ai.onnx" is "". Never NULL. */
const char *onnx_domain(const char *domain);
/* A string of the file that may be absent. */
static inline const char *onnx_text(const char *s)
{
    return s ? s : "";
}

/* ---- parts ---- */

/* Nodes into a scope (read_node.c). */
int onnx_read_nodes(struct onnx_scope *s, struct onnx_node *const *nodes, size_t count, struct error *err);
/* The value of a name in a scope or those around it; NULL. */
struct value *onnx_find(const struct onnx_scope *s, const char *name);
/* The name for a new value of a scope: in a function, NULL when it is taken. */
const char *onnx_free_name(const struct onnx_scope *s, const char *name);
/* A graph of the file into s->graph (read_graph.c). */
int onnx_read_graph(struct onnx_scope *s, const struct onnx_graph *p, struct error *err);

/* An attribute as the node has it, or the one given to the function where it refers to that; *from is whose names a
 * subgraph in it sees. NULL when it refers to one that was not given (read_attr.c). */
const struct onnx_attribute *onnx_attr_given(struct onnx_scope *s, const struct onnx_attribute *a,
                                             struct onnx_scope **from);
/* Sets an attribute of a node. */
int onnx_read_attr(struct onnx_scope *s, struct node *n, const struct onnx_attribute *a, struct error *err);
/* The tensor that a Constant node is; NULL with a message. */
struct tensor *onnx_read_constant(struct onnx_scope *s, const struct onnx_node *p, struct error *err);

/* Builds what a call of a function is (functions.c). */
int onnx_list_functions(struct onnx_reader *r, struct error *err);
const struct onnx_function *onnx_function_of(const struct onnx_reader *r, const struct onnx_node *p, struct error *err);
/* Whether the name is that of an optional input of the function around, which the call left out. */
bool onnx_is_absent(const struct onnx_scope *s, const char *name);
int onnx_inline(struct onnx_scope *s, const struct onnx_node *p, const struct onnx_function *f, struct error *err);

/* A type, in the root's arena (read_type.c). `input`: the name of the graph input whose type it is, so that sizes left
 * open become symbols of that name; else NULL. */
int onnx_read_type(struct onnx_reader *r, const struct onnx_type *p, const char *input, struct type *type,
                   struct error *err);

/* Tensors (read_tensor.c, read_external.c). NULL with a message. */
struct tensor *onnx_read_tensor(struct onnx_reader *r, const struct onnx_tensor *p, struct error *err);
struct tensor *onnx_read_sparse(struct onnx_reader *r, const struct onnx_sparse_tensor *p, struct error *err);
struct tensor *onnx_read_external(struct onnx_reader *r, const struct onnx_tensor *p, enum dtype dtype, int rank,
                                  const int64_t *dims, struct error *err);

/* Raises nodes of opsets up to OP_OPSET, or of the one that each says in `since`, to OP_OPSET; resolves and checks them
 * (raise.c). */
int onnx_raise(struct graph *root, struct error *err);

/* ---- writing ---- */

/* As format->write; beyond `limit` bytes the weights go to a second file (write.c). */
int onnx_write(const struct graph *g, struct target *target, size_t limit, struct error *err);
/* Lowers a graph from OP_OPSET to an older opset (lower.c). Decomposes the domain "nn" first. */
int onnx_lower(struct graph *root, int opset, struct error *err);
#define ONNX_DEFAULT_OPSET 17
#define ONNX_OLDEST_TARGET 7

#endif
