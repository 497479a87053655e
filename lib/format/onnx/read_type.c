/* Types of values. */
#include <stdio.h>
#include <string.h>

#include "format/onnx/onnx.h"

/* Names that exporters write for "anything", which therefore do not say that two sizes are equal. */
static bool is_no_name(const char *name)
{
    static const char *const none[] = {"", "?", "-1", "None", "none", "unk", "unknown"};
    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
        if (strcmp(name, none[i]) == 0)
            return true;
    return false;
}

/* The symbol of a size that an input leaves open. */
static int64_t open_dim(struct onnx_reader *r, const char *input, int axis, struct error *err)
{
    char name[80];
    if (!input)
        return DIM_UNKNOWN;
    snprintf(name, sizeof(name), "%.60s_%d", input, axis);
    return graph_symbol(r->root, name, err);
}

/* Whether an input has the name before `axis` too: exporters write "batch" for all sizes that are open, and runtimes do
 * not hold them to it. */
static bool is_repeated(const struct onnx_shape *shape, int axis)
{
    for (int i = 0; i < axis; i++)
        if (shape->dim[i]->dim_param && strcmp(shape->dim[i]->dim_param, shape->dim[axis]->dim_param) == 0)
            return true;
    return false;
}

static int read_dim(struct onnx_reader *r, const struct onnx_shape *shape, const char *input, int axis, int64_t *dim,
                    struct error *err)
{
    const struct onnx_dimension *p = shape->dim[axis];
    if (!p->dim_param || is_no_name(p->dim_param))
        *dim = p->has_dim_value && p->dim_value > 0 ? p->dim_value : open_dim(r, input, axis, err);
    else if (input && is_repeated(shape, axis))
        *dim = open_dim(r, p->dim_param, axis, err);
    else
        *dim = graph_symbol(r->root, p->dim_param, err);
    return *dim == 0 ? -1 : 0;
}

static int read_tensor_type(struct onnx_reader *r, const struct onnx_tensor_type *p, const char *input,
                            struct type *type, struct error *err)
{
    type->kind = TYPE_TENSOR;
    if (p->elem_type < 0 || p->elem_type >= DTYPE_COUNT)
        return error_set(err, "element type %lld is unknown, want 1 to %d", (long long)p->elem_type, DTYPE_COUNT - 1);
    type->dtype = (enum dtype)p->elem_type;
    if (!p->shape)
        return 0;
    if (p->shape->n_dim > TENSOR_MAX_RANK)
        return error_set(err, "a type of rank %zu, want at most %d", p->shape->n_dim, TENSOR_MAX_RANK);
    type->rank = (int)p->shape->n_dim;
    for (int i = 0; i < type->rank; i++)
        if (read_dim(r, p->shape, input, i, &type->dims[i], err) != 0)
            return -1;
    return 0;
}

static int read_type(struct onnx_reader *r, const struct onnx_type *p, const char *input, struct type *type, int depth,
                     struct error *err)
{
    *type = (struct type){.kind = TYPE_UNKNOWN, .rank = -1};
    if (!p)
        return 0;
    if (p->tensor_type)
        return read_tensor_type(r, p->tensor_type, input, type, err);
    const struct onnx_element *element = p->sequence_type ? p->sequence_type : p->optional_type;
    if (!element) /* a map, a sparse tensor, or nothing */
        return 0;
    if (depth >= GRAPH_MAX_DEPTH)
        return error_set(err, "a type nested more than %d deep", GRAPH_MAX_DEPTH);
    type->kind = p->sequence_type ? TYPE_SEQUENCE : TYPE_OPTIONAL;
    if (!element->elem_type)
        return 0;
    type->element = arena_alloc(&r->root->arena, sizeof(*type->element), err);
    return type->element ? read_type(r, element->elem_type, NULL, type->element, depth + 1, err) : -1;
}

int onnx_read_type(struct onnx_reader *r, const struct onnx_type *p, const char *input, struct type *type,
                   struct error *err)
{
    return read_type(r, p, input, type, 0, err);
}
