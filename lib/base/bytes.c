#include "base/bytes.h"

struct bytes bytes_of(const void *data, size_t size)
{
    return (struct bytes){.at = data, .left = size};
}

size_t bytes_left(const struct bytes *b)
{
    return b->bad ? 0 : (size_t)b->left;
}

/* Shared by NULL buffers too: zero bytes of nothing are not an error, but need a pointer that is not NULL. */
static const uint8_t nothing[1];

const uint8_t *bytes_take(struct bytes *b, size_t n)
{
    const uint8_t *p = b->at;

    if (b->bad || n > bytes_left(b)) {
        b->bad = true;
        return NULL;
    }
    if (n)
        b->at += n;
    b->left -= n;
    return p ? p : nothing;
}

static uint64_t little_endian(struct bytes *b, unsigned n)
{
    const uint8_t *p = bytes_take(b, n);
    uint64_t value = 0;

    for (unsigned i = 0; p && i < n; i++)
        value |= (uint64_t)p[i] << (8 * i);
    return value;
}

uint8_t bytes_u8(struct bytes *b)
{
    return (uint8_t)little_endian(b, 1);
}

uint16_t bytes_u16(struct bytes *b)
{
    return (uint16_t)little_endian(b, 2);
}

uint32_t bytes_u32(struct bytes *b)
{
    return (uint32_t)little_endian(b, 4);
}

uint64_t bytes_u64(struct bytes *b)
{
    return little_endian(b, 8);
}

uint64_t bytes_varint(struct bytes *b)
{
    uint64_t value = 0;

    for (unsigned shift = 0; shift < 70; shift += 7) {
        const uint8_t *p = bytes_take(b, 1);

        if (!p)
            return 0;
        if (shift == 63 && *p > 1)
            break; /* an eleventh byte, or bits beyond the 64th */
        value |= (uint64_t)(*p & 0x7f) << shift;
        if (!(*p & 0x80))
            return value;
    }
    b->bad = true;
    return 0;
}
