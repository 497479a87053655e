/* Checksums and seeded random numbers. */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

/* FNV-1a, for tables. */
uint64_t hash_bytes(const void *data, size_t size);

/* Of pieces from all over the data, so that it takes no time: contents that it takes for equal have to be compared. */
uint64_t hash_sample(const void *data, size_t size);

/* CRC-32 (zlib's). */
uint32_t hash_crc32(const void *data, size_t size);

/* splitmix64: the next number of the sequence in *state. */
uint64_t hash_random(uint64_t *state);

/* Uniform in [0, 1), and standard normal (Box-Muller). */
double hash_uniform(uint64_t *state);
double hash_normal(uint64_t *state);

#endif
