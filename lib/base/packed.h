/* Texts of tables that lie packed in the library, in groups, since tables share most of their words. Of X.text, a C
 * file with one array in the section "packed", the Makefile makes X.inc, which says where in which group it is
 * unpacked: PACKED_GROUP, PACKED_AT, PACKED_SIZE. Of a text in no group X.inc initialises an array of bytes, for
 * packed_read(), and PACKED_SIZE is the size unpacked. */
#ifndef BASE_PACKED_H
#define BASE_PACKED_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Unpacks into `size` bytes; needs no memory but the stack's. False when the bytes are not what they should be. */
bool packed_read(const uint8_t *packed, size_t n, char *text, size_t size);

/* It is unpacked when one of its tables is first asked for. */
struct packed_group {
    const uint8_t *packed;
    size_t packed_size;
    char *text; /* [size] */
    size_t size;
    bool is_read;
};

extern struct packed_group packed_onnx, packed_formats; /* what all models need, or one of ONNX; the other formats' */

/* A table whose rows begin with pointers to texts, which lie packed, a NUL behind each ("\1" stands for a NULL); what
 * follows in a row is that row of another array. It is filled when it is first asked for: pointers in the file take
 * three times as much. */
struct packed_table {
    struct packed_group *group;
    size_t at;  /* in the group's text */
    void *rows; /* [count], of which each has `texts` pointers and then rest_size bytes */
    size_t count, texts;
    const void *rest;
    size_t rest_size;
    atomic_bool filled;
    void (*fill)(struct packed_table *t); /* what is made of the text besides rows, once; may be NULL */
};

/* Defines a table of rows of `type`, with the room for it, behind its X.inc. `rest` is an array. */
#define PACKED_TABLE(name, type, texts, rest)                                                                          \
    static type name##_rows[sizeof(rest) / sizeof(*(rest))];                                                           \
    _Static_assert(sizeof(type) == (texts) * sizeof(char *) + sizeof(*(rest)), "texts, then the rest");                \
    static struct packed_table name = {&PACKED_GROUP, PACKED_AT, name##_rows,     sizeof(rest) / sizeof(*(rest)),      \
                                       texts,         rest,      sizeof(*(rest)), false,                               \
                                       NULL}

/* Defines a table of texts alone, of which the last is followed by an empty one. */
#define PACKED_TEXT(name) static struct packed_table name = {.group = &PACKED_GROUP, .at = PACKED_AT}

/* All texts, one behind another. */
const char *packed_text(struct packed_table *t);
/* Row `index`; NULL behind the last. */
const void *packed_row(struct packed_table *t, size_t index);
/* The first row whose first text is that; NULL: there is none. */
const void *packed_find(struct packed_table *t, const char *name);

#endif
