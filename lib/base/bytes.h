/* Bounded reading of untrusted bytes. A failed read sets `bad`, returns zero and stays failed, so that a parser may
 * check once for several reads. */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Of 16 bytes, so that it goes in two registers. */
struct bytes {
    const uint8_t *at;
    uint64_t left : 63; /* bytes from there on */
    bool bad : 1;
};
_Static_assert(sizeof(void *) < 8 || sizeof(struct bytes) == 16, "two registers");

struct bytes bytes_of(const void *data, size_t size);

/* 0 after a failure. */
size_t bytes_left(const struct bytes *b);

/* The next n bytes, or NULL when there are fewer. */
const uint8_t *bytes_take(struct bytes *b, size_t n);

uint8_t bytes_u8(struct bytes *b);
uint16_t bytes_u16(struct bytes *b); /* little-endian, as all of these */
uint32_t bytes_u32(struct bytes *b);
uint64_t bytes_u64(struct bytes *b);

/* A base-128 varint of at most ten bytes, as in Protocol Buffers; one of more than 64 bits fails. */
uint64_t bytes_varint(struct bytes *b);

#endif
