/* Inside lib/format/nn: the reader. Messages name no line: nn_read() puts the number of the line before them. */
#ifndef FORMAT_NN_READ_H
#define FORMAT_NN_READ_H

#include <stddef.h>

#include "base/text.h"
#include "format/nn/syntax.h"
#include "graph/graph.h"

/* Bytes of the header, which has no NUL. */
struct nn_span {
    const char *at;
    size_t n;
};

struct nn_reader {
    struct blob *blob;
    struct graph *root;
    struct nn_span rest; /* of the header, */
    struct nn_span line; /* and of the present line */
    size_t number;       /* of that line, from 1 */
    size_t start, used;  /* of the data section: where it begins in the blob, how much of it is taken */
    size_t data;         /* its size */
    struct text key, bytes; /* for nn_name(), nn_unescape() */
    struct text kept;       /* lines that begin with "x-" */
};

struct graph *nn_read_blob(struct blob *blob, struct error *err);

/* ---- words (read_text.c) ---- */

bool nn_is(struct nn_span s, const char *text);
bool nn_begins(struct nn_span s, const char *text);
/* The number of bytes before the first `c`; s.n when there is none. */
size_t nn_find(struct nn_span s, char c);
static inline struct nn_span nn_skip(struct nn_span s, size_t n)
{
    return (struct nn_span){s.at + n, s.n - n};
}

/* Takes the next word, of at least one byte, off the line; false at its end. */
bool nn_word(struct nn_span *line, struct nn_span *word);
/* As a message shows a word: cut short. Use with "%.*s". */
int nn_shown(struct nn_span s);

/* A word without its escapes, in `buffer`, valid until that is used again; it may hold NULs. */
int nn_unescape(struct nn_span word, struct text *buffer, struct str *result, struct error *err);
/* The same for a name: "-" is "", NUL is refused. NULL: failed. */
const char *nn_name(struct nn_span word, struct text *buffer, struct error *err);
/* Undoes the escapes of a quoted string. */
int nn_unquote(struct nn_span quoted, struct text *buffer, struct str *result, struct error *err);
/* The first of a list of items; the list becomes the rest. Quoted strings may hold the separator. */
bool nn_item(struct nn_span *list, char separator, struct nn_span *item);
int nn_i64(struct nn_span s, int64_t *value, struct error *err);
int nn_float(struct nn_span s, float *value, struct error *err);
/* Any dtype that nn_float_of() knows; the element's bits. */
int nn_float_element(struct nn_span s, enum dtype dtype, uint64_t *bits, struct error *err);

/* ---- types and tensors (read_type.c, read_tensor.c) ---- */

int nn_read_type(struct nn_reader *r, struct nn_span dtype, struct nn_span shape, struct type *type,
                 struct error *err);
/* "f32 2x2 = 1 2 3 4" or "f32 64 bytes=256 crc=0123abcd": the rest of the line. */
struct tensor *nn_read_constant(struct nn_reader *r, struct error *err);
/* "f32:2x2[1,2,3,4]", "f32:64[bytes=256,crc=0123abcd]" */
struct tensor *nn_read_literal(struct nn_reader *r, struct nn_span word, struct error *err);

/* ---- nodes (read_node.c) ---- */

int nn_read_node(struct nn_reader *r, struct graph *g, struct error *err);

/* Declarations up to the end of the header, or to the line "end ATTRIBUTE" when that is not NULL (read_graph.c). */
int nn_read_body(struct nn_reader *r, struct graph *g, const char *attribute, struct error *err);
/* The next line, without the blanks before it; false behind the last one (read.c). */
bool nn_next_line(struct nn_reader *r);

#endif
