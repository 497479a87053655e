#include "format/onnx/wire.h"

#include <stdlib.h>
#include <string.h>

#include "parse/protobuf.h"

/* ---- what may be in which message ---- */

enum field_kind {
    FIELD_VARINT,
    FIELD_FIXED32,
    FIELD_NAME, /* a string for people: no NUL in it, so that C can hold it */
    FIELD_BYTES,
    FIELD_MESSAGE,
    FIELD_SPAN, /* elements of a tensor, of any wire type */
};

struct message_spec;

struct field_spec {
    int number;
    enum field_kind kind;
    bool repeated;
    const struct message_spec *message;
};

struct message_spec {
    const char *name;
    const struct field_spec *fields;
    size_t count;
};

#define MESSAGE(variable, title, ...)                                                                                  \
    static const struct field_spec variable##_fields[] = {__VA_ARGS__};                                                \
    static const struct message_spec variable##_message = {title, variable##_fields,                                   \
                                                           sizeof variable##_fields / sizeof *variable##_fields}

static const struct message_spec graph_message, type_message;

MESSAGE(entry, "StringStringEntryProto", {1, FIELD_NAME, false, NULL}, {2, FIELD_BYTES, false, NULL});
MESSAGE(opset, "OperatorSetIdProto", {1, FIELD_NAME, false, NULL}, {2, FIELD_VARINT, false, NULL});
MESSAGE(tensor, "TensorProto", {1, FIELD_VARINT, true, NULL}, {2, FIELD_VARINT, false, NULL},
        {4, FIELD_SPAN, true, NULL}, {5, FIELD_SPAN, true, NULL}, {6, FIELD_BYTES, true, NULL},
        {7, FIELD_SPAN, true, NULL}, {8, FIELD_NAME, false, NULL}, {9, FIELD_SPAN, false, NULL},
        {10, FIELD_SPAN, true, NULL}, {11, FIELD_SPAN, true, NULL}, {13, FIELD_MESSAGE, true, &entry_message},
        {14, FIELD_VARINT, false, NULL});
MESSAGE(sparse, "SparseTensorProto", {1, FIELD_MESSAGE, false, &tensor_message},
        {2, FIELD_MESSAGE, false, &tensor_message}, {3, FIELD_VARINT, true, NULL});
MESSAGE(dimension, "TensorShapeProto.Dimension", {1, FIELD_VARINT, false, NULL}, {2, FIELD_NAME, false, NULL});
MESSAGE(shape, "TensorShapeProto", {1, FIELD_MESSAGE, true, &dimension_message});
MESSAGE(tensor_type, "TypeProto.Tensor", {1, FIELD_VARINT, false, NULL}, {2, FIELD_MESSAGE, false, &shape_message});
MESSAGE(element, "TypeProto.Sequence", {1, FIELD_MESSAGE, false, &type_message});
MESSAGE(type, "TypeProto", {1, FIELD_MESSAGE, false, &tensor_type_message}, {4, FIELD_MESSAGE, false, &element_message},
        {9, FIELD_MESSAGE, false, &element_message});
MESSAGE(value, "ValueInfoProto", {1, FIELD_NAME, false, NULL}, {2, FIELD_MESSAGE, false, &type_message});
MESSAGE(attribute, "AttributeProto", {1, FIELD_NAME, false, NULL}, {2, FIELD_FIXED32, false, NULL},
        {3, FIELD_VARINT, false, NULL}, {4, FIELD_BYTES, false, NULL}, {5, FIELD_MESSAGE, false, &tensor_message},
        {6, FIELD_MESSAGE, false, &graph_message}, {7, FIELD_FIXED32, true, NULL}, {8, FIELD_VARINT, true, NULL},
        {9, FIELD_BYTES, true, NULL}, {14, FIELD_MESSAGE, false, &type_message}, {20, FIELD_VARINT, false, NULL},
        {21, FIELD_NAME, false, NULL}, {22, FIELD_MESSAGE, false, &sparse_message});
MESSAGE(node, "NodeProto", {1, FIELD_NAME, true, NULL}, {2, FIELD_NAME, true, NULL}, {3, FIELD_NAME, false, NULL},
        {4, FIELD_NAME, false, NULL}, {5, FIELD_MESSAGE, true, &attribute_message}, {7, FIELD_NAME, false, NULL},
        {8, FIELD_NAME, false, NULL});
MESSAGE(annotation, "TensorAnnotation", {1, FIELD_NAME, false, NULL}, {2, FIELD_MESSAGE, true, &entry_message});
MESSAGE(graph, "GraphProto", {1, FIELD_MESSAGE, true, &node_message}, {2, FIELD_NAME, false, NULL},
        {5, FIELD_MESSAGE, true, &tensor_message}, {11, FIELD_MESSAGE, true, &value_message},
        {12, FIELD_MESSAGE, true, &value_message}, {13, FIELD_MESSAGE, true, &value_message},
        {14, FIELD_MESSAGE, true, &annotation_message}, {15, FIELD_MESSAGE, true, &sparse_message});
MESSAGE(function, "FunctionProto", {1, FIELD_NAME, false, NULL}, {4, FIELD_NAME, true, NULL},
        {5, FIELD_NAME, true, NULL}, {6, FIELD_NAME, true, NULL}, {7, FIELD_MESSAGE, true, &node_message},
        {9, FIELD_MESSAGE, true, &opset_message}, {10, FIELD_NAME, false, NULL},
        {11, FIELD_MESSAGE, true, &attribute_message}, {13, FIELD_NAME, false, NULL});
MESSAGE(model, "ModelProto", {1, FIELD_VARINT, false, NULL}, {2, FIELD_NAME, false, NULL}, {3, FIELD_NAME, false, NULL},
        {7, FIELD_MESSAGE, false, &graph_message}, {8, FIELD_MESSAGE, true, &opset_message},
        {14, FIELD_MESSAGE, true, &entry_message}, {25, FIELD_MESSAGE, true, &function_message});

#define MOST_FIELDS 16
#define SPAN_FIELD  100 /* TensorProto.span */
/* A message that may occur once may come in pieces, which are to be merged; each piece costs the sum of those before.
 */
#define MOST_PIECES 16

static size_t find_field(const struct message_spec *m, uint64_t number)
{
    size_t i = 0;
    while (i < m->count && (uint64_t)m->fields[i].number != number)
        i++;
    return i;
}

/* ---- the scan ---- */

static bool wire_fits(const struct field_spec *spec, int wire)
{
    switch (spec->kind) {
    case FIELD_VARINT:
        return wire == PROTOBUF_WIRE_VARINT || (spec->repeated && wire == PROTOBUF_WIRE_BYTES);
    case FIELD_FIXED32:
        return wire == PROTOBUF_WIRE_FIXED32 || (spec->repeated && wire == PROTOBUF_WIRE_BYTES);
    case FIELD_SPAN:
        return spec->repeated || wire == PROTOBUF_WIRE_BYTES;
    default:
        return wire == PROTOBUF_WIRE_BYTES;
    }
}

struct scan {
    const uint8_t *base; /* of the file */
    uint8_t *out;        /* the skeleton */
    size_t size, cap;
    size_t fields, messages;
    struct error *err;
};

static int put(struct scan *s, const void *data, size_t size)
{
    if (mem_grow(&s->out, &s->cap, s->size + size, 1, s->err) != 0)
        return -1;
    if (size)
        memcpy(s->out + s->size, data, size);
    s->size += size;
    return 0;
}

static size_t encode_varint(uint8_t *to, uint64_t value)
{
    size_t n = 0;
    for (; value >= 0x80; value >>= 7)
        to[n++] = (uint8_t)(value | 0x80);
    to[n++] = (uint8_t)value;
    return n;
}

static int put_varint(struct scan *s, uint64_t value)
{
    uint8_t bytes[10];
    return put(s, bytes, encode_varint(bytes, value));
}

static int put_tag(struct scan *s, int number, int wire)
{
    return put_varint(s, (uint64_t)number << 3 | (uint64_t)wire);
}

static int put_span(struct scan *s, const struct protobuf_field *f)
{
    uint64_t triple[3] = {f->number, (uint64_t)(f->data - s->base), f->size};
    for (int i = 0; i < 3; i++)
        if (put_tag(s, SPAN_FIELD, PROTOBUF_WIRE_VARINT) != 0 || put_varint(s, triple[i]) != 0)
            return -1;
    return 0;
}

static int put_plain(struct scan *s, const struct protobuf_field *f)
{
    if (put_tag(s, (int)f->number, f->wire) != 0 || (f->wire == PROTOBUF_WIRE_BYTES && put_varint(s, f->size) != 0))
        return -1;
    return put(s, f->data, f->size);
}

static int scan_message(struct scan *s, const struct message_spec *m, const uint8_t *data, size_t size, int depth);

/* The length is not known before the message is: it gets the five bytes that the largest skeleton needs. */
static int put_message(struct scan *s, const struct field_spec *spec, const struct protobuf_field *f, int depth)
{
    static const uint8_t length[5];
    if (depth >= WIRE_MAX_DEPTH)
        return error_set(s->err, "messages nested more than %d deep", WIRE_MAX_DEPTH);
    if (++s->messages > WIRE_MAX_MESSAGES)
        return error_set(s->err, "more than %d messages", WIRE_MAX_MESSAGES);
    if (put_tag(s, spec->number, PROTOBUF_WIRE_BYTES) != 0 || put(s, length, sizeof length) != 0)
        return -1;
    size_t start = s->size;
    if (scan_message(s, spec->message, f->data, f->size, depth + 1) != 0)
        return -1;
    size_t inside = s->size - start;
    if (inside > INT32_MAX)
        return error_set(s->err, "a %s of more than 2 GiB besides its weights", spec->message->name);
    for (int i = 0; i < 5; i++, inside >>= 7)
        s->out[start - 5 + (size_t)i] = (uint8_t)((inside & 0x7f) | (i < 4 ? 0x80 : 0));
    return 0;
}

static int put_field(struct scan *s, const struct message_spec *m, const struct field_spec *spec,
                     const struct protobuf_field *f, int depth)
{
    if (!wire_fits(spec, f->wire))
        return error_set(s->err, "field %d of a %s has wire type %d", spec->number, m->name, f->wire);
    if (spec->kind == FIELD_MESSAGE)
        return put_message(s, spec, f, depth);
    if (spec->kind == FIELD_SPAN)
        return put_span(s, f);
    if (spec->kind == FIELD_NAME && memchr(f->data, 0, f->size))
        return error_set(s->err, "field %d of a %s, a name, has a NUL in it", spec->number, m->name);
    return put_plain(s, f);
}

static int scan_message(struct scan *s, const struct message_spec *m, const uint8_t *data, size_t size, int depth)
{
    struct bytes b = bytes_of(data, size);
    struct protobuf_field f;
    unsigned char pieces[MOST_FIELDS] = {0};
    while (bytes_left(&b) > 0) {
        const uint8_t *at = b.at;
        if (!protobuf_take(&b, &f))
            return error_set(s->err, "the file is damaged or cut off in a %s at byte %zu", m->name,
                             (size_t)(at - s->base));
        size_t i = find_field(m, f.number);
        if (++s->fields > WIRE_MAX_FIELDS)
            return error_set(s->err, "more than %d fields", WIRE_MAX_FIELDS);
        if (i == m->count)
            continue;
        if (m->fields[i].kind == FIELD_MESSAGE && !m->fields[i].repeated && ++pieces[i] > MOST_PIECES)
            return error_set(s->err, "field %d of a %s is there more than %d times", m->fields[i].number, m->name,
                             MOST_PIECES);
        if (put_field(s, m, &m->fields[i], &f, depth) != 0)
            return -1;
    }
    return 0;
}

Onnx__ModelProto *onnx_wire_unpack(const void *data, size_t size, struct error *err)
{
    struct scan s = {.base = data, .err = err};
    Onnx__ModelProto *model = NULL;
    if (scan_message(&s, &model_message, data, size, 0) == 0) {
        model = onnx__model_proto__unpack(NULL, s.size, s.out);
        if (!model)
            error_set(err, "the file is damaged, or memory is short");
    }
    free(s.out);
    return model;
}

void onnx_wire_free(Onnx__ModelProto *model)
{
    if (model)
        onnx__model_proto__free_unpacked(model, NULL);
}

/* ---- recognising ---- */

/* Whether the field may be in a message whose fields of these numbers, and no others, are varints or byte strings. */
static bool field_allowed(const struct protobuf_field *f, uint32_t varints, uint32_t strings)
{
    if (f->number >= 32 || (f->wire != PROTOBUF_WIRE_VARINT && f->wire != PROTOBUF_WIRE_BYTES))
        return false;
    return ((f->wire == PROTOBUF_WIRE_VARINT ? varints : strings) >> f->number & 1) != 0;
}

#define BIT(n)        (UINT32_C(1) << (n))
#define MODEL_VARINTS (BIT(1) | BIT(5))
#define MODEL_STRINGS (BIT(2) | BIT(3) | BIT(4) | BIT(6) | BIT(7) | BIT(8) | BIT(14) | BIT(20) | BIT(25) | BIT(26))
#define GRAPH_STRINGS (BIT(1) | BIT(2) | BIT(5) | BIT(10) | BIT(11) | BIT(12) | BIT(13) | BIT(14) | BIT(15) | BIT(16))

static bool is_graph(const uint8_t *data, size_t size)
{
    struct bytes b = bytes_of(data, size);
    struct protobuf_field f;
    for (int i = 0; i < 8 && bytes_left(&b) > 0; i++)
        if (!protobuf_take(&b, &f) || !field_allowed(&f, 0, GRAPH_STRINGS))
            return false;
    return size > 0;
}

int onnx_wire_is_model(const void *data, size_t size)
{
    struct bytes b = bytes_of(data, size);
    struct protobuf_field f;
    bool graph = false;
    for (int i = 0; i < 4096 && bytes_left(&b) > 0; i++) {
        if (!protobuf_take(&b, &f) || !field_allowed(&f, MODEL_VARINTS, MODEL_STRINGS))
            return 0;
        if (f.number == 7 && !is_graph(f.data, f.size))
            return 0;
        graph |= f.number == 7;
    }
    return graph;
}
