/* Attributes of nodes. */
#include <string.h>

#include "format/onnx/onnx.h"

/* AttributeProto.AttributeType */
enum {
    FLOAT = 1,
    INT,
    STRING,
    TENSOR,
    GRAPH,
    FLOATS,
    INTS,
    STRINGS,
    TENSORS,
    GRAPHS,
    SPARSE_TENSOR,
    SPARSE_TENSORS,
    TYPE_PROTO,
    TYPE_PROTOS
};

/* Files of the first two IR versions do not state the type. */
static int64_t type_of(const struct onnx_attribute *a)
{
    if (a->has_type && a->type != 0)
        return a->type;
    return a->has_f           ? FLOAT
           : a->has_i         ? INT
           : a->has_s         ? STRING
           : a->t             ? TENSOR
           : a->g             ? GRAPH
           : a->n_floats      ? FLOATS
           : a->n_strings     ? STRINGS
           : a->tp            ? TYPE_PROTO
           : a->sparse_tensor ? SPARSE_TENSOR
                              : INTS;
}

const struct onnx_attribute *onnx_attr_given(struct onnx_scope *s, const struct onnx_attribute *a,
                                             struct onnx_scope **from)
{
    const char *wanted = onnx_text(a->ref_attr_name);
    *from = s;
    if (!*wanted || !s->call)
        return a;
    for (size_t i = 0; i < s->call->given_count; i++)
        if (strcmp(s->call->given[i].name, wanted) == 0) {
            *from = s->call->given[i].scope;
            return s->call->given[i].attribute;
        }
    const struct onnx_function *f = s->call->function;
    for (size_t i = 0; i < f->n_attribute_proto; i++)
        if (strcmp(onnx_text(f->attribute_proto[i]->name), wanted) == 0)
            return f->attribute_proto[i];
    return NULL;
}

static int set_graph(struct onnx_scope *s, struct node *n, const char *name, const struct onnx_graph *p,
                     struct error *err)
{
    if (!p)
        return error_set(err, "no graph in it");
    struct graph *sub = graph_new_subgraph(n->graph, err);
    if (!sub || node_set_graph(n, name, sub, err) != 0)
        return -1;
    struct onnx_scope inner = {.reader = s->reader,
                               .parent = s,
                               .graph = sub,
                               .call = s->call,
                               .opsets = s->opsets,
                               .opset_count = s->opset_count};
    int result = onnx_read_graph(&inner, p, err);
    lookup_release(&inner.names);
    return result;
}

static int set_type(struct onnx_scope *s, struct node *n, const char *name, const struct onnx_type *p,
                    struct error *err)
{
    struct type type;
    return onnx_read_type(s->reader, p, NULL, &type, err) == 0 ? node_set_type(n, name, &type, err) : -1;
}

static int set_tensor(struct onnx_scope *s, struct node *n, const char *name, const struct onnx_attribute *a,
                      bool is_sparse, struct error *err)
{
    struct tensor *t;
    if (is_sparse ? !a->sparse_tensor : !a->t)
        return error_set(err, "no tensor in it");
    t = is_sparse ? onnx_read_sparse(s->reader, a->sparse_tensor, err) : onnx_read_tensor(s->reader, a->t, err);
    return t ? node_set_tensor(n, name, t, err) : -1;
}

static int set_attr(struct onnx_scope *s, struct node *n, const char *name, const struct onnx_attribute *a,
                    struct error *err)
{
    switch (type_of(a)) {
    case FLOAT:
        return node_set_float(n, name, a->f, err);
    case INT:
        return node_set_int(n, name, a->i, err);
    case STRING:
        return node_set_string(n, name, a->has_s ? a->s.data : "", a->s.size, err);
    case TENSOR:
    case SPARSE_TENSOR:
        return set_tensor(s, n, name, a, type_of(a) == SPARSE_TENSOR, err);
    case GRAPH:
        return set_graph(s, n, name, a->g, err);
    case FLOATS:
        return node_set_floats(n, name, a->floats, a->n_floats, err);
    case INTS:
        return node_set_ints(n, name, a->ints, a->n_ints, err);
    case STRINGS:
        return node_set_strings(n, name, a->strings, a->n_strings, err);
    case TYPE_PROTO:
        return set_type(s, n, name, a->tp, err);
    default:
        return error_set(err, "its type %lld is not known here: a list of tensors, graphs or types",
                         (long long)type_of(a));
    }
}

int onnx_read_attr(struct onnx_scope *s, struct node *n, const struct onnx_attribute *a, struct error *err)
{
    struct onnx_scope *from;
    const struct onnx_attribute *content = onnx_attr_given(s, a, &from);
    const char *name = onnx_text(a->name);
    if (!*name)
        return error_set(err, "an attribute without a name");
    if (!content)
        return 0;
    if (node_attr(n, name))
        return error_set(err, "attribute %.100s is there twice", name);
    if (set_attr(from, n, name, content, err) == 0)
        return 0;
    /* What is wrong inside of a subgraph names its own node. */
    return type_of(content) == GRAPH ? -1 : error_prefix(err, "attribute %.100s", name);
}

/* ---- Constant ---- */

static struct tensor *of_floats(const float *values, size_t n, int rank, struct error *err)
{
    int64_t dims[1] = {(int64_t)n};
    struct tensor *t = tensor_new(DTYPE_F32, rank, dims, err);
    if (t && n)
        memcpy(t->data, values, n * sizeof(float));
    return t;
}

static struct tensor *constant_of(struct onnx_scope *s, const char *name, const struct onnx_attribute *a,
                                  struct error *err)
{
    if (strcmp(name, "value") == 0 && a->t)
        return onnx_read_tensor(s->reader, a->t, err);
    if (strcmp(name, "sparse_value") == 0 && a->sparse_tensor)
        return onnx_read_sparse(s->reader, a->sparse_tensor, err);
    if (strcmp(name, "value_float") == 0)
        return tensor_scalar_f32(a->f, err);
    if (strcmp(name, "value_floats") == 0)
        return of_floats(a->floats, a->n_floats, 1, err);
    if (strcmp(name, "value_int") == 0)
        return tensor_scalar_i64(a->i, err);
    if (strcmp(name, "value_ints") == 0)
        return tensor_ints((int64_t)a->n_ints, a->ints, err);
    if (strcmp(name, "value_string") == 0)
        return tensor_of_strings(0, NULL, &a->s, err);
    if (strcmp(name, "value_strings") == 0)
        return tensor_of_strings(1, &(int64_t){(int64_t)a->n_strings}, a->strings, err);
    error_set(err, "attribute %.100s is unknown, or holds no tensor", name);
    return NULL;
}

struct tensor *onnx_read_constant(struct onnx_scope *s, const struct onnx_node *p, struct error *err)
{
    struct onnx_scope *from;
    for (size_t i = 0; i < p->n_attribute; i++) {
        const struct onnx_attribute *a = onnx_attr_given(s, p->attribute[i], &from);
        if (a)
            return constant_of(from, onnx_text(p->attribute[i]->name), a, err);
    }
    error_set(err, "attribute value is missing");
    return NULL;
}
