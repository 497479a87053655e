/* Bounded reading of FlexBuffers (the schemaless form of FlatBuffers): the numbers of a map at the root. */
#ifndef PARSE_FLEXBUF_H
#define PARSE_FLEXBUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct flexbuf {
    const uint8_t *data;
    size_t size;
    size_t values, keys;  /* where the map's elements and its keys begin */
    int width, key_width; /* bytes of an element of either */
    size_t count;         /* 0 for what is no map, or malformed */
};

void flexbuf_init(struct flexbuf *f, const void *data, size_t size);

/* The name of element i; NULL when it is malformed. It is NUL-terminated inside the buffer. */
const char *flexbuf_key(const struct flexbuf *f, size_t i);

/* Element i as a number: integers, floats and booleans. False for anything else. */
bool flexbuf_number(const struct flexbuf *f, size_t i, double *value, bool *is_float);

/* The number of that name; `otherwise` when there is none. */
double flexbuf_find(const struct flexbuf *f, const char *key, double otherwise);

#endif
