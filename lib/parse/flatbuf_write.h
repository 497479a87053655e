/* Writing FlatBuffers back to front: what is referred to comes first, and the root last. Vtables of equal content are
 * written once.
 *
 * A reference is the distance of a thing from the buffer's end, and is what functions return; 0 stands for an absent
 * one. After a failure all functions do nothing and return 0; flatbuf_finish() tells. */
#ifndef PARSE_FLATBUF_WRITE_H
#define PARSE_FLATBUF_WRITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* Slots that a table may have. */
#define FLATBUF_SLOTS 64

struct flatbuf_out {
    uint8_t *data; /* [cap], of which the last `size` bytes are written */
    size_t cap, size;
    uint32_t *vtables; /* [vtable_count], references */
    size_t vtable_count, vtable_cap;
    size_t table;                  /* the size before the table being written */
    uint32_t slots[FLATBUF_SLOTS]; /* references of its fields */
    int slot_count;
    struct error *err;
    bool failed;
};

void flatbuf_out_init(struct flatbuf_out *o, struct error *err);
void flatbuf_out_release(struct flatbuf_out *o);

/* count elements of `width` bytes; the first starts on a multiple of `align` (a power of two) of the file. */
uint32_t flatbuf_put_vector(struct flatbuf_out *o, const void *data, size_t count, size_t width, size_t align);
uint32_t flatbuf_put_i32s(struct flatbuf_out *o, const int32_t *values, size_t count);
uint32_t flatbuf_put_string(struct flatbuf_out *o, const char *text);
/* A vector of tables or strings. */
uint32_t flatbuf_put_refs(struct flatbuf_out *o, const uint32_t *refs, size_t count);

/* A table: begin, its fields in any order, end. Nothing else may be written between. A field that has its default is
 * left out. */
void flatbuf_begin(struct flatbuf_out *o);
void flatbuf_add_int(struct flatbuf_out *o, int slot, int width, int64_t value, int64_t otherwise);
void flatbuf_add_float(struct flatbuf_out *o, int slot, float value, float otherwise);
void flatbuf_add_ref(struct flatbuf_out *o, int slot, uint32_t ref);
uint32_t flatbuf_end(struct flatbuf_out *o);

/* The whole: root and identifier (four characters, or NULL) before all. The bytes, which belong to o, or NULL. */
const uint8_t *flatbuf_finish(struct flatbuf_out *o, uint32_t root, const char *identifier, size_t *size);

#endif
