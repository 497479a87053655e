#include "format/onnx/wire.h"

#include <string.h>

#include "parse/protobuf.h"

static const struct onnx_field *find_field(const struct onnx_message *m, uint64_t number)
{
    for (size_t i = 0; i < m->count; i++)
        if (m->fields[i].number == number)
            return &m->fields[i];
    return NULL;
}

/* ---- reading ---- */

struct scan {
    const uint8_t *base; /* of the file */
    size_t fields, messages, bytes;
    struct arena *arena;
    struct error *err;
};

/* Zeroed bytes of the arena. */
static void *take(struct scan *s, size_t size)
{
    if (size >= WIRE_MAX_BYTES - s->bytes) {
        error_set(s->err, "its messages take more than %zu MiB besides the weights", WIRE_MAX_BYTES >> 20);
        return NULL;
    }
    s->bytes += (size + 15) / 16 * 16; /* as the arena does */
    return arena_alloc(s->arena, size, s->err);
}

/* What is read of a field once, or for each element of a list. */
static enum onnx_kind element_kind(const struct onnx_field *field)
{
    return field->kind == ONNX_RAW ? ONNX_SPAN : field->kind % ONNX_INTS;
}

/* Elements of tensors may be of any wire type, and the numbers of a list packed. */
static bool wire_fits(enum onnx_kind kind, int wire)
{
    if (kind == ONNX_RAW || kind == ONNX_SPANS)
        return kind == ONNX_SPANS || wire == PROTOBUF_WIRE_BYTES;
    bool packs = kind == ONNX_INTS || kind == ONNX_FLOATS;
    return wire == onnx_wire_elements[kind % ONNX_INTS].wire || (packs && wire == PROTOBUF_WIRE_BYTES);
}

/* Room for one more in a list, whose capacity is the power of two from its count on. */
static void *append(struct scan *s, struct onnx_list *list, size_t size)
{
    if ((list->count & (list->count - 1)) == 0) {
        void *items = take(s, (list->count ? 2 * list->count : 1) * size);
        if (!items)
            return NULL;
        if (list->count)
            memcpy(items, list->items, list->count * size);
        list->items = items;
    }
    return (char *)list->items + list->count++ * size;
}

static int read_message(struct scan *s, int index, void *message, const struct protobuf_field *f, int depth);

static int read_link(struct scan *s, const struct onnx_field *field, void **link, const struct protobuf_field *f,
                     int depth)
{
    if (depth >= WIRE_MAX_DEPTH)
        return error_set(s->err, "messages nested more than %d deep", WIRE_MAX_DEPTH);
    if (++s->messages > WIRE_MAX_MESSAGES)
        return error_set(s->err, "more than %d messages", WIRE_MAX_MESSAGES);
    if (!*link) /* else one more piece of it, which is merged */
        *link = take(s, onnx_messages[field->message].size);
    return *link ? read_message(s, field->message, *link, f, depth + 1) : -1;
}

static int read_text(struct scan *s, char **text, const struct protobuf_field *f)
{
    *text = take(s, f->size + 1);
    if (*text)
        memcpy(*text, f->data, f->size);
    return *text ? 0 : -1;
}

/* Stores a number, which b gives, or the whole of another field. */
static int read_element(struct scan *s, const struct onnx_message *m, const struct onnx_field *field, void *to,
                        const struct protobuf_field *f, struct bytes *b, int depth)
{
    uint32_t bits;
    switch (element_kind(field)) {
    case ONNX_INT:
        *(int64_t *)to = (int64_t)bytes_varint(b);
        break;
    case ONNX_FLOAT:
        bits = bytes_u32(b);
        memcpy(to, &bits, sizeof(bits));
        break;
    case ONNX_BYTES:
        *(struct str *)to = (struct str){(const char *)f->data, f->size};
        break;
    case ONNX_TEXT:
        if (memchr(f->data, 0, f->size))
            return error_set(s->err, "field %d of a %s, a name, has a NUL in it", field->number, m->title);
        return read_text(s, to, f);
    case ONNX_ONE:
        return read_link(s, field, to, f, depth);
    default: /* ONNX_SPAN */
        *(struct onnx_span *)to = (struct onnx_span){field->number, (size_t)(f->data - s->base), f->size};
    }
    return b->bad ? error_set(s->err, "field %d of a %s is damaged", field->number, m->title) : 0;
}

static int read_list(struct scan *s, const struct onnx_message *m, const struct onnx_field *field,
                     struct onnx_list *list, const struct protobuf_field *f, int depth)
{
    struct bytes b = bytes_of(f->data, f->size);
    size_t size = onnx_wire_elements[element_kind(field)].size;
    bool packed = (field->kind == ONNX_INTS || field->kind == ONNX_FLOATS) && f->wire == PROTOBUF_WIRE_BYTES;
    if (packed && f->size == 0)
        return 0;
    do {
        void *to = append(s, list, size);
        if (!to || read_element(s, m, field, to, f, &b, depth) != 0)
            return -1;
    } while (packed && bytes_left(&b) > 0);
    return 0;
}

static int read_field(struct scan *s, const struct onnx_message *m, const struct onnx_field *field, void *message,
                      const struct protobuf_field *f, int depth)
{
    struct bytes b = bytes_of(f->data, f->size);
    char *to = (char *)message + field->at;
    if (!wire_fits(field->kind, f->wire))
        return error_set(s->err, "field %d of a %s has wire type %d", field->number, m->title, f->wire);
    if (field->kind == ONNX_RAW)
        return read_list(s, m, field, (struct onnx_list *)&((struct onnx_tensor *)message)->spans, f, depth);
    if (onnx_is_list(field->kind))
        return read_list(s, m, field, (struct onnx_list *)to, f, depth);
    if (field->kind <= ONNX_BYTES)
        *(bool *)(to + onnx_wire_elements[field->kind].size) = true;
    return read_element(s, m, field, to, f, &b, depth);
}

static int read_message(struct scan *s, int index, void *message, const struct protobuf_field *whole, int depth)
{
    const struct onnx_message *m = &onnx_messages[index];
    struct bytes b = bytes_of(whole->data, whole->size);
    struct protobuf_field f;
    while (bytes_left(&b) > 0) {
        const uint8_t *at = b.at;
        if (!protobuf_take(&b, &f))
            return error_set(s->err, "the file is damaged or cut off in a %s at byte %zu", m->title,
                             (size_t)(at - s->base));
        const struct onnx_field *field = find_field(m, f.number);
        if (++s->fields > WIRE_MAX_FIELDS)
            return error_set(s->err, "more than %d fields", WIRE_MAX_FIELDS);
        if (!field)
            continue;
        if (read_field(s, m, field, message, &f, depth) != 0)
            return -1;
    }
    return 0;
}

struct onnx_model *onnx_wire_read(const void *data, size_t size, struct arena *arena, struct error *err)
{
    struct scan s = {.base = data, .arena = arena, .err = err};
    struct protobuf_field whole = {.data = data, .size = size};
    struct onnx_model *model = arena_alloc(arena, sizeof(*model), err);
    return model && read_message(&s, ONNX_MESSAGE_model, model, &whole, 0) == 0 ? model : NULL;
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
