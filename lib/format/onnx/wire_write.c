/* Writing messages: fields in the order of their numbers, lists of numbers not packed, as proto2 has them. */
#include "format/onnx/wire.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* Counts the bytes, and writes them where there is a file. */
struct sink {
    struct file_out *out; /* or NULL */
    size_t size, used;
    int result;
    struct error *err;
    uint8_t *bytes; /* [BUFFER] */
};

#define BUFFER (1 << 16)

static void flush(struct sink *s)
{
    if (s->result == 0)
        s->result = file_write(s->out, s->bytes, s->used, s->err);
    s->used = 0;
}

static void put(struct sink *s, const void *data, size_t size)
{
    s->size += size;
    if (!s->out || size == 0)
        return;
    if (size > BUFFER - s->used)
        flush(s);
    if (size > BUFFER) {
        if (s->result == 0)
            s->result = file_write(s->out, data, size, s->err);
        return;
    }
    memcpy(s->bytes + s->used, data, size);
    s->used += size;
}

static void put_varint(struct sink *s, uint64_t value)
{
    uint8_t bytes[10];
    size_t n = 0;
    for (; value >= 0x80; value >>= 7)
        bytes[n++] = (uint8_t)(value | 0x80);
    bytes[n++] = (uint8_t)value;
    put(s, bytes, n);
}

static void put_message(struct sink *s, int index, const void *message);

static void put_bytes(struct sink *s, const void *data, size_t size)
{
    put_varint(s, size);
    put(s, data, size);
}

/* A message's length stands before it. Where bytes are only counted, it is not gone through again: that would double
 * the work with every level of nesting. */
static void put_link(struct sink *s, int index, const void *message)
{
    struct sink count = {0};
    put_message(&count, index, message);
    put_varint(s, count.size);
    if (s->out)
        put_message(s, index, message);
    else
        s->size += count.size;
}

/* What a field that is there is, or an element of a list. */
static void put_element(struct sink *s, const struct onnx_field *field, enum onnx_kind kind, const void *from)
{
    const struct str *bytes = from;
    const char *text = kind == ONNX_TEXT ? *(char *const *)from : NULL;
    put_varint(s, (uint64_t)field->number << 3 | onnx_wire_elements[kind].wire);
    switch (kind) {
    case ONNX_INT:
        put_varint(s, *(const uint64_t *)from);
        break;
    case ONNX_FLOAT:
        put(s, from, sizeof(float));
        break;
    case ONNX_BYTES:
        put_bytes(s, bytes->data, bytes->size);
        break;
    case ONNX_TEXT:
        put_bytes(s, text, strlen(text));
        break;
    default:
        put_link(s, field->message, *(void *const *)from);
    }
}

static bool is_there(enum onnx_kind kind, const char *from)
{
    return kind <= ONNX_BYTES ? *(const bool *)(from + onnx_wire_elements[kind].size) : *(void *const *)from != NULL;
}

static void put_message(struct sink *s, int index, const void *message)
{
    const struct onnx_message *m = &onnx_messages[index];
    for (const struct onnx_field *field = m->fields; field < m->fields + m->count; field++) {
        const char *from = (const char *)message + field->at;
        const struct onnx_list *list = (const struct onnx_list *)from;
        enum onnx_kind kind = field->kind == ONNX_RAW ? ONNX_BYTES : field->kind % ONNX_INTS;
        if (!onnx_is_list(field->kind) && is_there(kind, from))
            put_element(s, field, kind, from);
        for (size_t i = 0; onnx_is_list(field->kind) && field->kind != ONNX_SPANS && i < list->count; i++)
            put_element(s, field, kind, (const char *)list->items + i * onnx_wire_elements[kind].size);
    }
}

size_t onnx_wire_size(const struct onnx_model *model)
{
    struct sink s = {0};
    put_message(&s, ONNX_MESSAGE_model, model);
    return s.size;
}

int onnx_wire_write(const struct onnx_model *model, struct file_out *out, struct error *err)
{
    struct sink s = {.out = out, .bytes = mem_calloc(1, BUFFER, err), .err = err};
    if (!s.bytes)
        return -1;
    put_message(&s, ONNX_MESSAGE_model, model);
    flush(&s);
    free(s.bytes);
    return s.result;
}
