/* Deflate (RFC 1951) in zlib's wrapping (RFC 1950), for pictures that are written: zlib's own is ten times larger. */
#ifndef IMAGE_DEFLATE_H
#define IMAGE_DEFLATE_H

#include <stddef.h>
#include <stdint.h>

struct deflate;

/* NULL when memory is short. `give` gets the compressed bytes, a piece at a time. */
struct deflate *deflate_new(void (*give)(void *arg, const uint8_t *bytes, size_t n), void *arg);
void deflate_add(struct deflate *d, const uint8_t *bytes, size_t n);
/* Hands over what is left, and frees. */
void deflate_end(struct deflate *d);

#endif
