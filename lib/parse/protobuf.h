/* Protocol Buffers without generated code: the fields of the wire form, and a message as a tree, read by a table of its
 * fields. The text form (parse/prototxt.h) gives the same tree, so that one mapping serves both.
 * Source: the encoding page of the Protocol Buffers documentation. */
#ifndef PARSE_PROTOBUF_H
#define PARSE_PROTOBUF_H

#include "base/bytes.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/packed.h"

/* ---- fields of the wire form ---- */

enum protobuf_wire {
    PROTOBUF_WIRE_VARINT = 0,
    PROTOBUF_WIRE_FIXED64 = 1,
    PROTOBUF_WIRE_BYTES = 2,
    PROTOBUF_WIRE_FIXED32 = 5
};

struct protobuf_field {
    uint64_t number;
    enum protobuf_wire wire;
    const uint8_t *data; /* its bytes, without tag and length */
    size_t size;
};

/* The next field of a message; false when the bytes are no field. */
bool protobuf_take(struct bytes *b, struct protobuf_field *f);

/* ---- tables: what may be in which message ---- */

enum protobuf_kind {
    PROTOBUF_INT,    /* a varint: every integer type but sint, bool, enum */
    PROTOBUF_FLOAT,  /* float */
    PROTOBUF_DOUBLE, /* double; in the tree a PROTOBUF_FLOAT */
    PROTOBUF_STRING, /* text without NUL */
    PROTOBUF_MESSAGE,
    PROTOBUF_SPAN8,  /* bytes, which stay in the file */
    PROTOBUF_SPAN32, /* many floats, likewise */
    PROTOBUF_SPAN64, /* many doubles, likewise */
    PROTOBUF_WORD    /* in trees of text only: true, false, a name of an enum */
};

struct protobuf_type;

struct protobuf_row {
    int number;
    enum protobuf_kind kind;
    const char *name;
    const struct protobuf_type *type; /* of a PROTOBUF_MESSAGE; NULL: its fields are left out */
};

struct protobuf_type {
    const char *name;
    const struct protobuf_row *rows;
    size_t count;
};

/* A format's messages, packed: "NAME FIELD=NUMBER… FIELD=NUMBER…\n" each, in a file as base/packed.h says. A letter
 * behind the number is the kind: i f d s for one integer, float, double or text, or for lists of them, b F D for a span
 * of bytes, floats or doubles; ':' comes before the name of a message that stands there or above, or before none. */
struct protobuf_schema {
    struct packed_table table;
    struct protobuf_type *types; /* the last is followed by one without a name */
    struct protobuf_row *rows;
};

/* Defines a schema, with more than the room for it: a message takes seven bytes at least, a field five. */
#define PROTOBUF_SCHEMA(schema)                                                                                        \
    static struct protobuf_type schema##_types[PACKED_SIZE / 7];                                                       \
    static struct protobuf_row schema##_rows[PACKED_SIZE / 5];                                                         \
    static struct protobuf_schema schema = {                                                                           \
        {.group = &PACKED_GROUP, .at = PACKED_AT, .fill = protobuf_schema_fill}, schema##_types, schema##_rows}

/* Fills types and rows from the table's text, which is cut up for it: for PROTOBUF_SCHEMA(). */
void protobuf_schema_fill(struct packed_table *table);
/* A message by its name; NULL. */
const struct protobuf_type *protobuf_type(struct protobuf_schema *schema, const char *name);

/* ---- trees ---- */

/* Elements i of a span lie at data + i * step, count of them, in little-endian order. */
struct protobuf_span {
    const uint8_t *data;
    size_t count;
    unsigned width, step; /* bytes of an element, and from one to the next */
};

struct protobuf {
    const char *name; /* the field's; "" for the whole */
    enum protobuf_kind kind;
    int line;              /* of the text; 0 in the binary form */
    struct protobuf *next; /* of the same message, in the order of the file */
    union {
        int64_t i;
        double f;
        struct {
            const char *text; /* NUL-terminated */
            size_t size;
        };
        struct {
            struct protobuf *first, *last;
        };
        struct protobuf_span span;
    };
};

#define PROTOBUF_MAX_DEPTH  100 /* messages within messages; what other readers take */
#define PROTOBUF_MAX_FIELDS (16 << 20)
#define PROTOBUF_MAX_NODES  (2 << 20)

/* A message as a tree, in the arena; fields that are not in the table, or of another wire type, are left out. The bytes
 * must outlive the tree, which points into them where a field is a span. NULL with a message. */
struct protobuf *protobuf_read(const void *data, size_t size, const struct protobuf_type *type, struct arena *arena,
                               struct error *err);

/* The row of a field; NULL. `type` may be NULL. */
const struct protobuf_row *protobuf_row(const struct protobuf_type *type, const char *name);

/* A new node at the end of a message. NULL with a message beyond PROTOBUF_MAX_NODES; *nodes counts them. */
struct protobuf *protobuf_add(struct protobuf *message, const char *name, enum protobuf_kind kind, struct arena *arena,
                              size_t *nodes, struct error *err);

/* ---- looking things up; a message that is NULL, as one left out is, holds nothing ---- */

/* The first field of that name, and the next one of the same name: for repeated fields. NULL: none. */
const struct protobuf *protobuf_first(const struct protobuf *message, const char *name);
const struct protobuf *protobuf_more(const struct protobuf *field);
size_t protobuf_count(const struct protobuf *message, const char *name);

/* The field of that name, the last when there are several; NULL: none. */
const struct protobuf *protobuf_find(const struct protobuf *message, const char *name);
/* The same when it is a message. */
const struct protobuf *protobuf_message(const struct protobuf *message, const char *name);

/* Values, `otherwise` when there is none of that kind. Words true and false are 1 and 0; text is that of strings and
 * words. */
int64_t protobuf_int(const struct protobuf *message, const char *name, int64_t otherwise);
double protobuf_float(const struct protobuf *message, const char *name, double otherwise);
const char *protobuf_text(const struct protobuf *message, const char *name, const char *otherwise);
/* An enum: the place of its word in words[count], or its number; -1 for a word that is not among them. */
int protobuf_enum(const struct protobuf *message, const char *name, const char *const *words, int count, int otherwise);

/* The value of one field. */
int64_t protobuf_as_int(const struct protobuf *field, int64_t otherwise);
double protobuf_as_float(const struct protobuf *field, double otherwise);
const char *protobuf_as_text(const struct protobuf *field, const char *otherwise);

#endif
