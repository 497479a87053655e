/* Bounded reading of FlexBuffers (the schemaless form of FlatBuffers), the numbers of a map at the root, and writing
 * of such a map. */
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

/* What a number of a map is called, and whether it is a float. */
struct flexbuf_field {
    const char *key;
    bool is_float;
};

/* A map of numbers of four bytes; the keys must stand in their order. Returns the bytes that it took of to[size], 0
 * when they are too few. */
size_t flexbuf_put_map(const struct flexbuf_field *fields, const double *numbers, size_t count, uint8_t *to,
                       size_t size);

#endif
