/* Types and tensors as messages. */
#include <string.h>

#include "format/onnx/write.h"

void *onnx_make_list(struct onnx_writer *w, size_t n)
{
    return arena_alloc(&w->arena, n * sizeof(void *), w->err);
}

Onnx__StringStringEntryProto *onnx_make_entry(struct onnx_writer *w, const char *key, const char *bytes, size_t size)
{
    Onnx__StringStringEntryProto *p = arena_alloc(&w->arena, sizeof(*p), w->err);
    if (!p)
        return NULL;
    onnx__string_string_entry_proto__init(p);
    p->key = onnx_string(key);
    p->has_value = 1;
    p->value = (ProtobufCBinaryData){size, (uint8_t *)onnx_string(bytes)};
    return p;
}

/* ---- types ---- */

static Onnx__TensorShapeProto__Dimension *make_dim(struct onnx_writer *w, int64_t dim)
{
    Onnx__TensorShapeProto__Dimension *p = arena_alloc(&w->arena, sizeof(*p), w->err);
    if (!p)
        return NULL;
    onnx__tensor_shape_proto__dimension__init(p);
    p->has_dim_value = dim >= 0;
    p->dim_value = dim >= 0 ? dim : 0;
    if (dim < 0 && dim != DIM_UNKNOWN)
        p->dim_param = onnx_string(graph_symbol_name(w->root, dim));
    return p;
}

static Onnx__TensorShapeProto *make_shape(struct onnx_writer *w, const struct type *type)
{
    Onnx__TensorShapeProto *p = arena_alloc(&w->arena, sizeof(*p), w->err);
    if (!p)
        return NULL;
    onnx__tensor_shape_proto__init(p);
    p->dim = onnx_make_list(w, (size_t)type->rank);
    for (; p->dim && p->n_dim < (size_t)type->rank; p->n_dim++)
        if (!(p->dim[p->n_dim] = make_dim(w, type->dims[p->n_dim])))
            return NULL;
    return p->dim ? p : NULL;
}

static Onnx__TypeProto__Tensor *make_tensor_type(struct onnx_writer *w, const struct type *type)
{
    Onnx__TypeProto__Tensor *p = arena_alloc(&w->arena, sizeof(*p), w->err);
    if (!p)
        return NULL;
    onnx__type_proto__tensor__init(p);
    p->has_elem_type = 1;
    p->elem_type = (int32_t)type->dtype;
    if (type->rank >= 0 && !(p->shape = make_shape(w, type)))
        return NULL;
    return p;
}

static Onnx__TypeProto__Element *make_element(struct onnx_writer *w, const struct type *element)
{
    Onnx__TypeProto__Element *p = arena_alloc(&w->arena, sizeof(*p), w->err);
    if (!p)
        return NULL;
    onnx__type_proto__element__init(p);
    p->elem_type = element ? onnx_make_type(w, element) : NULL;
    return element && !p->elem_type ? NULL : p;
}

/* As deep as a type is, which graph_check() bounds. */
Onnx__TypeProto *onnx_make_type(struct onnx_writer *w, const struct type *type)
{
    Onnx__TypeProto *p = arena_alloc(&w->arena, sizeof(*p), w->err);
    bool made = true;
    if (!p)
        return NULL;
    onnx__type_proto__init(p);
    if (type->kind == TYPE_TENSOR)
        made = (p->tensor_type = make_tensor_type(w, type)) != NULL;
    else if (type->kind == TYPE_SEQUENCE)
        made = (p->sequence_type = make_element(w, type->element)) != NULL;
    else if (type->kind == TYPE_OPTIONAL)
        made = (p->optional_type = make_element(w, type->element)) != NULL;
    return made ? p : NULL;
}

/* ---- tensors ---- */

static int set_strings(struct onnx_writer *w, Onnx__TensorProto *p, const struct tensor *t)
{
    const struct str *strings = t->data;
    p->string_data = arena_alloc(&w->arena, (size_t)t->count * sizeof(*p->string_data), w->err);
    for (; p->string_data && p->n_string_data < (size_t)t->count; p->n_string_data++)
        p->string_data[p->n_string_data] = (ProtobufCBinaryData){
            strings[p->n_string_data].size, (uint8_t *)onnx_string(strings[p->n_string_data].data)};
    return p->string_data ? 0 : -1;
}

Onnx__TensorProto *onnx_make_tensor(struct onnx_writer *w, const struct tensor *t, const char *name)
{
    Onnx__TensorProto *p = arena_alloc(&w->arena, sizeof(*p), w->err);
    if (!p)
        return NULL;
    onnx__tensor_proto__init(p);
    p->name = onnx_string(name);
    p->has_data_type = 1;
    p->data_type = (int32_t)t->dtype;
    p->n_dims = (size_t)t->rank;
    p->dims = (int64_t *)t->dims;
    if (t->dtype == DTYPE_STRING)
        return set_strings(w, p, t) == 0 ? p : NULL;
    p->has_raw_data = 1;
    p->raw_data = (ProtobufCBinaryData){t->size, t->data};
    return p;
}
