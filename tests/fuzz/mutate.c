/* Broken files: cut short, and changed in one to four places. */
#include <string.h>

#include "fuzz.h"

/* xorshift64*: Vigna, "An experimental exploration of Marsaglia's xorshift generators, scrambled", 2016. */
static uint64_t next(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(2685821657736338717);
}

static size_t below(uint64_t *state, size_t n)
{
    return n ? (size_t)(next(state) >> 16) % n : 0;
}

static void flip_bit(struct bytes *b, size_t at, uint64_t *state)
{
    b->data[at] ^= (unsigned char)(1u << below(state, 8));
}

static void set_byte(struct bytes *b, size_t at, uint64_t *state)
{
    b->data[at] = (unsigned char)next(state);
}

/* Lengths and sizes at the edges of their types. */
static void set_extreme(struct bytes *b, size_t at, uint64_t *state)
{
    static const uint64_t extreme[] = {0,          1,          0x7f,       0x80,       0xff,
                                       0x7fffffff, 0x80000000, 0xffffffff, UINT64_MAX, UINT64_MAX >> 1};
    uint64_t value = extreme[below(state, sizeof extreme / sizeof *extreme)];
    size_t n = below(state, 2) ? 4 : 8;

    memcpy(b->data + at, &value, n < b->size - at ? n : b->size - at);
}

static void copy_block(struct bytes *b, size_t at, uint64_t *state)
{
    size_t from = below(state, b->size), n = 1 + below(state, 64), far = from > at ? from : at;

    memmove(b->data + at, b->data + from, n < b->size - far ? n : b->size - far);
}

static void delete_block(struct bytes *b, size_t at, uint64_t *state)
{
    size_t n = 1 + below(state, 32);

    if (n > b->size - at)
        n = b->size - at;
    memmove(b->data + at, b->data + at + n, b->size - at - n);
    b->size -= n;
}

/* At most 16 bytes longer. */
static void repeat_block(struct bytes *b, size_t at, uint64_t *state)
{
    size_t n = 1 + below(state, 16);

    if (n > b->size - at)
        n = b->size - at;
    memmove(b->data + at + n, b->data + at, b->size - at);
    b->size += n;
}

/* Another digit: in a text header this changes sizes and names while the line stays well-formed. */
static void change_digit(struct bytes *b, size_t at, uint64_t *state)
{
    for (size_t i = 0; i < b->size; i++) {
        unsigned char *c = &b->data[(at + i) % b->size];

        if (*c >= '0' && *c <= '9') {
            *c = (unsigned char)('0' + below(state, 10));
            return;
        }
    }
}

static void mutate(struct bytes *b, uint64_t *state)
{
    static void (*const kinds[])(struct bytes *, size_t, uint64_t *) = {
        flip_bit, flip_bit, set_byte, set_extreme, copy_block, delete_block, repeat_block, change_digit,
    };

    for (size_t n = 1 + below(state, 4); n > 0 && b->size; n--)
        kinds[below(state, sizeof kinds / sizeof *kinds)](b, below(state, b->size), state);
}

void variant_make(const struct variants *v, size_t index, struct bytes *out)
{
    uint64_t state = (v->seed + index + 1) * UINT64_C(0x9e3779b97f4a7c15);

    out->size = v->original.size;
    if (index < v->truncations)
        out->size = (size_t)((double)v->original.size * (double)(index + 1) / (double)v->truncations);
    memcpy(out->data, v->original.data, out->size);
    if (index >= v->truncations)
        mutate(out, &state);
}
