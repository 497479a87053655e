/* Texts of tables that lie packed in the library: of X.text, a C file with one array in the section "packed", the
 * Makefile makes X.inc, which an array of bytes is initialised by and which defines PACKED_SIZE, the size unpacked. */
#ifndef BASE_PACKED_H
#define BASE_PACKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Unpacks into `size` bytes; needs no memory but the stack's. False when the bytes are not what they should be. */
bool packed_read(const uint8_t *packed, size_t n, char *text, size_t size);

#endif
