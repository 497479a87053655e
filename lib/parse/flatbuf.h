/* Bounded reading of FlatBuffers (the wire layout of flatbuffers.dev's "Internals" page): tables, vectors, strings.
 *
 * Every offset is checked against the bytes there are. The first fault is remembered, and from then on everything is
 * absent, so that a reader may check once, by flatbuf_check(), after many reads. Offsets may lead anywhere, also in
 * circles; who follows them in a loop is stopped by the limit of tables.
 *
 * Slots are numbered from 0, as the fields of a schema are. An absent table has no slots, an absent vector no
 * elements. */
#ifndef PARSE_FLATBUF_H
#define PARSE_FLATBUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct flatbuf {
    const uint8_t *data;
    size_t size;
    size_t tables;     /* that may still be visited; the same one counts each time */
    const char *fault; /* NULL while nothing is wrong */
    size_t where;      /* the byte at which it was seen */
};

/* Both of 16 bytes, which go in two registers wherever they are passed. */
struct flatbuf_table {
    struct flatbuf *file; /* NULL: absent */
    uint32_t at, vtable;
};

struct flatbuf_vector {
    const uint8_t *data; /* [count * width], of any alignment; NULL: absent */
    uint32_t count, width;
};

/* The bytes must outlive what is read from them. */
void flatbuf_init(struct flatbuf *f, const void *data, size_t size, size_t tables);

/* The table to which the first four bytes lead. */
struct flatbuf_table flatbuf_root(struct flatbuf *f);

/* 0, or -1 with a message where anything read so far was malformed. */
int flatbuf_check(const struct flatbuf *f, struct error *err);
/* Makes it malformed, for a rule of the schema; what was wrong before stays. `fault` is not copied. */
void flatbuf_fail(struct flatbuf *f, size_t where, const char *fault);

bool flatbuf_has(struct flatbuf_table t, int slot);
/* Scalars of `width` bytes (1, 2, 4, 8), and a float of 4; `otherwise` where absent. */
int64_t flatbuf_int(struct flatbuf_table t, int slot, int width, int64_t otherwise);
uint64_t flatbuf_uint(struct flatbuf_table t, int slot, int width, uint64_t otherwise);
float flatbuf_float(struct flatbuf_table t, int slot, float otherwise);

struct flatbuf_table flatbuf_table(struct flatbuf_table t, int slot);
/* Elements of `width` bytes; those of a vector of tables or strings, which are offsets, are of 4. */
struct flatbuf_vector flatbuf_vector(struct flatbuf_table t, int slot, size_t width);
/* Its bytes, without the NUL behind them, which is not relied on. */
struct flatbuf_vector flatbuf_string(struct flatbuf_table t, int slot);

/* Element i; beyond the end: 0 or absent. Tables and strings lie in the file. */
int64_t flatbuf_vector_int(struct flatbuf_vector v, size_t i);
float flatbuf_vector_float(struct flatbuf_vector v, size_t i);
struct flatbuf_table flatbuf_vector_table(struct flatbuf *f, struct flatbuf_vector v, size_t i);
struct flatbuf_vector flatbuf_vector_string(struct flatbuf *f, struct flatbuf_vector v, size_t i);

#endif
