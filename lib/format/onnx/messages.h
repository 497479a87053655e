/* The messages of messages.def as structs, and the table of their fields, by which they are read and written. */
#ifndef FORMAT_ONNX_MESSAGES_H
#define FORMAT_ONNX_MESSAGES_H

#include "graph/tensor.h"

/* Where elements of a tensor lie in the file. */
struct onnx_span {
    unsigned field;
    size_t offset, size;
};

/* The table relies on counts that follow their lists, and has_NAME that follows its value. */
/* clang-format off */
#define MEMBER_INT(name)     int64_t name; bool has_##name;
#define MEMBER_FLOAT(name)   float name; bool has_##name;
#define MEMBER_BYTES(name)   struct str name; bool has_##name;
#define MEMBER_TEXT(name)    const char *name;
#define MEMBER_INTS(name)    int64_t *name; size_t n_##name;
#define MEMBER_FLOATS(name)  float *name; size_t n_##name;
#define MEMBER_STRINGS(name) struct str *name; size_t n_##name;
#define MEMBER_TEXTS(name)   const char **name; size_t n_##name;
#define MEMBER_RAW(name)     MEMBER_BYTES(name) struct onnx_span *spans; size_t n_spans;
#define MEMBER_SPANS(name)
#define MEMBER_ONE(name, other)  struct onnx_##other *name;
#define MEMBER_MANY(name, other) struct onnx_##other **name; size_t n_##name;

#define MESSAGE(message, title)                 struct onnx_##message {
#define FIELD(message, number, kind, name)      MEMBER_##kind(name)
#define LINK(message, number, kind, name, other) MEMBER_##kind(name, other)
#define END()                                   };
#include "format/onnx/messages.def"
/* clang-format on */

enum onnx_message_index {
#define MESSAGE(message, title) ONNX_MESSAGE_##message,
#define FIELD(message, number, kind, name)
#define LINK(message, number, kind, name, other)
#define END()
#include "format/onnx/messages.def"
};

enum onnx_kind {
    ONNX_INT,
    ONNX_FLOAT,
    ONNX_BYTES, /* up to here with has_NAME */
    ONNX_TEXT,
    ONNX_ONE,
    ONNX_SPAN, /* an element of ONNX_SPANS alone */
    ONNX_INTS, /* lists of each of these */
    ONNX_FLOATS,
    ONNX_STRINGS,
    ONNX_TEXTS,
    ONNX_MANY,
    ONNX_SPANS,
    ONNX_RAW
};

struct onnx_field {
    uint8_t number, kind, message; /* enum onnx_kind; enum onnx_message_index of a link */
    uint16_t at;                   /* offset in the struct */
};

struct onnx_message {
    const char *title;
    const struct onnx_field *fields;
    uint16_t count, size; /* fields; bytes of the struct */
};

extern const struct onnx_message onnx_messages[];

/* How what is not a list stands on the wire (enum protobuf_wire), and its bytes in the struct. */
struct onnx_wire_element {
    uint8_t wire, size;
};

extern const struct onnx_wire_element onnx_wire_elements[];

static inline bool onnx_is_list(enum onnx_kind kind)
{
    return kind >= ONNX_INTS && kind <= ONNX_SPANS;
}

/* What a list begins with. */
struct onnx_list {
    void *items;
    size_t count;
};

#endif
