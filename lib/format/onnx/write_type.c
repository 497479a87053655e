/* Types and tensors as messages. */
#include <string.h>

#include "format/onnx/write.h"

void *onnx_make_list(struct onnx_writer *w, size_t n)
{
    return arena_alloc(&w->arena, n * sizeof(void *), w->err);
}

struct onnx_entry *onnx_make_entry(struct onnx_writer *w, const char *key, const char *bytes, size_t size)
{
    struct onnx_entry *p = arena_alloc(&w->arena, sizeof(*p), w->err);
    if (!p)
        return NULL;
    p->key = key;
    p->has_value = 1;
    p->value = (struct str){bytes, size};
    return p;
}

/* ---- types ---- */

static struct onnx_dimension *make_dim(struct onnx_writer *w, int64_t dim)
{
    struct onnx_dimension *p = arena_alloc(&w->arena, sizeof(*p), w->err);
    if (!p)
        return NULL;
    p->has_dim_value = dim >= 0;
    p->dim_value = dim >= 0 ? dim : 0;
    if (dim < 0 && dim != DIM_UNKNOWN)
        p->dim_param = graph_symbol_name(w->root, dim);
    return p;
}

static struct onnx_shape *make_shape(struct onnx_writer *w, const struct type *type)
{
    struct onnx_shape *p = arena_alloc(&w->arena, sizeof(*p), w->err);
    if (!p)
        return NULL;
    p->dim = onnx_make_list(w, (size_t)type->rank);
    for (; p->dim && p->n_dim < (size_t)type->rank; p->n_dim++)
        if (!(p->dim[p->n_dim] = make_dim(w, type->dims[p->n_dim])))
            return NULL;
    return p->dim ? p : NULL;
}

static struct onnx_tensor_type *make_tensor_type(struct onnx_writer *w, const struct type *type)
{
    struct onnx_tensor_type *p = arena_alloc(&w->arena, sizeof(*p), w->err);
    if (!p)
        return NULL;
    p->has_elem_type = 1;
    p->elem_type = type->dtype;
    if (type->rank >= 0 && !(p->shape = make_shape(w, type)))
        return NULL;
    return p;
}

static struct onnx_element *make_element(struct onnx_writer *w, const struct type *element)
{
    struct onnx_element *p = arena_alloc(&w->arena, sizeof(*p), w->err);
    if (!p)
        return NULL;
    p->elem_type = element ? onnx_make_type(w, element) : NULL;
    return element && !p->elem_type ? NULL : p;
}

/* As deep as a type is, which graph_check() bounds. */
struct onnx_type *onnx_make_type(struct onnx_writer *w, const struct type *type)
{
    struct onnx_type *p = arena_alloc(&w->arena, sizeof(*p), w->err);
    bool made = true;
    if (!p)
        return NULL;
    if (type->kind == TYPE_TENSOR)
        made = (p->tensor_type = make_tensor_type(w, type)) != NULL;
    else if (type->kind == TYPE_SEQUENCE)
        made = (p->sequence_type = make_element(w, type->element)) != NULL;
    else if (type->kind == TYPE_OPTIONAL)
        made = (p->optional_type = make_element(w, type->element)) != NULL;
    return made ? p : NULL;
}

/* ---- tensors ---- */

struct onnx_tensor *onnx_make_tensor(struct onnx_writer *w, const struct tensor *t, const char *name)
{
    struct onnx_tensor *p = arena_alloc(&w->arena, sizeof(*p), w->err);
    if (!p)
        return NULL;
    p->name = name;
    p->has_data_type = 1;
    p->data_type = t->dtype;
    p->n_dims = (size_t)t->rank;
    p->dims = (int64_t *)t->dims;
    p->has_raw_data = t->dtype != DTYPE_STRING;
    if (p->has_raw_data)
        p->raw_data = (struct str){t->data, t->size};
    else {
        p->string_data = t->data;
        p->n_string_data = (size_t)t->count;
    }
    return p;
}
