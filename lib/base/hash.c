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

#define SAMPLES      64
#define SAMPLE_BYTES 64

uint64_t hash_sample(const void *data, size_t size)
{
    const char *p = data;
    uint64_t hash = size;

    if (size <= (size_t)SAMPLES * SAMPLE_BYTES)
        return hash_bytes(data, size);
    for (size_t i = 0; i < SAMPLES; i++) {
        size_t at = i < SAMPLES - 1 ? size / SAMPLES * i : size - SAMPLE_BYTES;
        hash ^= hash_bytes(p + at, SAMPLE_BYTES);
        hash = hash_random(&hash);
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
