/* The suite's data files. A TensorProto is read by the ONNX reader itself, as the only constant of a model that is made
 * round it, so that there is one reader of tensors. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/file.h"
#include "base/text.h"
#include "conformance.h"
#include "format/format.h"
#include "format/onnx/wire.h"

/* ---- a tensor ---- */

static void put_varint(struct text *t, uint64_t value)
{
    char byte;
    for (; value >= 128; value >>= 7) {
        byte = (char)(value | 128);
        text_add(t, &byte, 1);
    }
    byte = (char)value;
    text_add(t, &byte, 1);
}

static void put_bytes(struct text *t, unsigned field, const void *data, size_t size)
{
    put_varint(t, field << 3 | 2);
    put_varint(t, size);
    text_add(t, data, size);
}

/* ModelProto { ir_version, opset_import { version }, graph { initializer, output { name } } }. A second name in the
 * tensor replaces the first. */
static void put_model(struct text *model, struct bytes tensor)
{
    static const char head[] = {1 << 3, 10, 8 << 3 | 2, 2, 2 << 3, 25};
    struct text constant, graph;
    text_init(&constant);
    text_init(&graph);
    text_add(&constant, (const char *)tensor.at, bytes_left(&tensor));
    put_bytes(&constant, 8, "t", 1);
    put_bytes(&graph, 5, constant.data, constant.size);
    put_bytes(&graph, 12, "\n\1t", 3);
    text_add(model, head, sizeof(head));
    put_bytes(model, 7, graph.data, graph.size);
    text_release(&constant);
    text_release(&graph);
}

static struct item *read_tensor(struct bytes b, struct error *err)
{
    struct text model;
    text_init(&model);
    put_model(&model, b);
    struct source source = {.blob = blob_new(model.size, err)};
    struct graph *g = NULL;
    if (source.blob) {
        memcpy(source.blob->data, model.data, model.size);
        g = format_by_name("onnx")->read(&source, err);
    }
    text_release(&model);
    struct item *item = g ? item_of_tensor(tensor_ref(g->outputs[0]->constant), err) : NULL;
    graph_free(g);
    blob_unref(source.blob);
    return item;
}

/* ---- sequences and optionals ---- */

/* The next field of a message that is bytes; false at the end. Others are passed over. */
static bool next_bytes(struct bytes *b, unsigned *field, struct bytes *value)
{
    while (bytes_left(b) > 0) {
        uint64_t tag = bytes_varint(b);
        if ((tag & 7) == 0) {
            bytes_varint(b);
            continue;
        }
        uint64_t size = (tag & 7) == 2 ? bytes_varint(b) : SIZE_MAX;
        const uint8_t *data = size <= bytes_left(b) ? bytes_take(b, (size_t)size) : NULL;
        if (!data && size > 0)
            return false;
        *field = (unsigned)(tag >> 3);
        *value = bytes_of(data, (size_t)size);
        return true;
    }
    return false;
}

static struct item *read_sequence(struct bytes b, struct error *err)
{
    struct item *at[1000], *sequence = NULL;
    size_t n = 0;
    unsigned field;
    struct bytes part;
    bool good = true;
    while (good && next_bytes(&b, &field, &part)) {
        if (field != 3 && field != 5) /* tensor_values, sequence_values */
            continue;
        at[n] = n < 999 ? field == 3 ? read_tensor(part, err) : read_sequence(part, err) : NULL;
        good = at[n] != NULL;
        n += good;
    }
    if (good)
        sequence = item_sequence(n > 0 ? at[0]->dtype : DTYPE_NONE, at, n, err);
    while (n > 0)
        item_unref(at[--n]);
    return sequence;
}

static struct item *read_optional(struct bytes b, struct error *err)
{
    unsigned field;
    struct bytes part;
    while (next_bytes(&b, &field, &part)) {
        if (field != 3 && field != 5) /* tensor_value, sequence_value */
            continue;
        struct item *some = field == 3 ? read_tensor(part, err) : read_sequence(part, err);
        struct item *optional = some ? item_optional(some, some->dtype, err) : NULL;
        item_unref(some);
        return optional;
    }
    return item_optional(NULL, DTYPE_NONE, err);
}

struct item *proto_read(const char *path, const struct type *type, struct error *err)
{
    struct blob *blob = file_read(path, err);
    if (!blob)
        return NULL;
    struct bytes b = bytes_of(blob->data, blob->size);
    struct item *item = type->kind == TYPE_SEQUENCE   ? read_sequence(b, err)
                        : type->kind == TYPE_OPTIONAL ? read_optional(b, err)
                                                      : read_tensor(b, err);
    blob_unref(blob);
    if (!item)
        error_prefix(err, "%s", path);
    return item;
}

/* ---- models ---- */

void proto_operator(const char *path, char *op, size_t size)
{
    struct blob *blob = file_read(path, NULL);
    struct arena arena;
    arena_init(&arena);
    struct onnx_model *model = blob ? onnx_wire_read(blob->data, blob->size, &arena, NULL) : NULL;
    snprintf(op, size, "?");
    if (model && model->graph && model->graph->n_node > 0) {
        const struct onnx_node *n = model->graph->node[model->graph->n_node - 1];
        const char *domain = n->domain && strcmp(n->domain, "ai.onnx") != 0 ? n->domain : "";
        snprintf(op, size, "%s%s%s", domain, *domain ? "." : "", n->op_type ? n->op_type : "?");
    }
    arena_release(&arena);
    blob_unref(blob);
}
