#include "base/hash.h"

#include <math.h>
#include <string.h>

uint64_t hash_bytes(const void *data, size_t size)
{
    const uint8_t *p = data;
    uint64_t hash = 0xcbf29ce484222325u;

    for (size_t i = 0; i < size; i++)
        hash = (hash ^ p[i]) * 0x100000001b3u;
    return hash;
}

/* A product with an odd number and a shift inwards: each undoes only with the same word, so that equal states mean
 * equal words. */
static inline uint64_t mix(uint64_t state, uint64_t word)
{
    state = (state ^ word) * 0x9fb21c651e98df25u;
    return state ^ state >> 32;
}

/* Words side by side, so that their chains of products overlap. */
#define LANES 8

static void mix_block(uint64_t *lane, const char *block)
{
    for (int i = 0; i < LANES; i++) {
        uint64_t word;
        memcpy(&word, block + i * 8, 8);
        lane[i] = mix(lane[i], word);
    }
}

struct hash_content hash_content(const void *data, size_t size)
{
    const char *p = data;
    uint64_t lane[LANES];
    struct hash_content hash = {size, size, ~size};

    for (int i = 0; i < LANES; i++)
        lane[i] = (uint64_t)i;
    size_t i = 0;
    for (; size - i >= LANES * 8; i += LANES * 8)
        mix_block(lane, p + i);
    if (i < size) {
        char last[LANES * 8] = {0};
        memcpy(last, p + i, size - i);
        mix_block(lane, last);
    }
    for (int k = 0; k < LANES; k++) {
        hash.low = mix(hash.low, lane[k]);
        hash.high = mix(hash.high, (lane[k] << 29 | lane[k] >> 35) + (uint64_t)k);
    }
    return hash;
}

/* Steele, Lea, Flood: Fast splittable pseudorandom number generators (2014), with Vigna's constants. */
uint64_t hash_random(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

double hash_uniform(uint64_t *state)
{
    return (double)(hash_random(state) >> 11) * 0x1p-53;
}

/* Only the cosine of a pair is used: the state stays one number, and a sequence can be restarted anywhere. */
double hash_normal(uint64_t *state)
{
    double radius = sqrt(-2 * log(1 - hash_uniform(state)));

    return radius * cos(6.283185307179586 * hash_uniform(state));
}
