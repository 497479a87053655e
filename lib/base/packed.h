/* Texts of tables that lie packed in the library: of X.text, a C file with one array in the section "packed", the
 * Makefile makes X.inc, which an array of bytes is initialised by and which defines PACKED_SIZE, the size unpacked. */
#ifndef BASE_PACKED_H
#define BASE_PACKED_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Unpacks into `size` bytes; needs no memory but the stack's. False when the bytes are not what they should be. */
bool packed_read(const uint8_t *packed, size_t n, char *text, size_t size);

/* A table whose rows begin with pointers to texts, which lie packed, a NUL behind each ("\1" stands for a NULL); what
 * follows in a row is that row of another array. It is filled when it is first asked for: pointers in the file take
 * three times as much. */
struct packed_table {
    const uint8_t *packed;
    size_t packed_size;
    char *text; /* [text_size] */
    size_t text_size;
    void *rows; /* [count], of which each has `texts` pointers and then rest_size bytes */
    size_t count, texts;
    const void *rest;
    size_t rest_size;
    atomic_bool filled;
    void (*fill)(struct packed_table *t); /* what is made of the text besides rows, once; may be NULL */
};

/* Defines a table of rows of `type`, with the room for it. `packed` and `rest` are arrays. */
#define PACKED_TABLE(name, type, packed, texts, rest)                                                                  \
    static char name##_text[PACKED_SIZE];                                                                              \
    static type name##_rows[sizeof(rest) / sizeof(*(rest))];                                                           \
    _Static_assert(sizeof(type) == (texts) * sizeof(char *) + sizeof(*(rest)), "texts, then the rest");                \
    static struct packed_table name = {                                                                                \
        packed, sizeof(packed), name##_text,     PACKED_SIZE, name##_rows, sizeof(rest) / sizeof(*(rest)),             \
        texts,  rest,           sizeof(*(rest)), false, NULL}

/* Defines a table of texts alone, of which the last is followed by an empty one. */
#define PACKED_TEXT(name, packed)                                                                                      \
    static char name##_text[PACKED_SIZE];                                                                              \
    static struct packed_table name = {packed, sizeof(packed), name##_text, PACKED_SIZE, NULL, 0, 0, NULL,             \
                                       0,      false,          NULL}

/* All texts, one behind another. */
const char *packed_text(struct packed_table *t);
/* Row `index`; NULL behind the last. */
const void *packed_row(struct packed_table *t, size_t index);
/* The first row whose first text is that; NULL: there is none. */
const void *packed_find(struct packed_table *t, const char *name);

#endif
