#include "base/packed.h"

#include <stdalign.h>
#include <zlib.h>

struct room {
    size_t used;
    alignas(max_align_t) unsigned char bytes[1 << 14]; /* zlib takes half of it */
};

static void *take(void *opaque, unsigned count, unsigned size)
{
    struct room *room = opaque;
    size_t from = room->used, n = (size_t)count * size;
    if (n > sizeof room->bytes - from)
        return NULL;
    room->used += (n + alignof(max_align_t) - 1) / alignof(max_align_t) * alignof(max_align_t);
    return room->bytes + from;
}

static void give_back(void *opaque, void *p)
{
    (void)opaque, (void)p;
}

bool packed_read(const uint8_t *packed, size_t n, char *text, size_t size)
{
    struct room room = {.used = 0};
    z_stream z = {.zalloc = take, .zfree = give_back, .opaque = &room};
    if (inflateInit2(&z, -MAX_WBITS) != Z_OK)
        return false;
    z.next_in = (uint8_t *)(uintptr_t)packed;
    z.avail_in = (unsigned)n;
    z.next_out = (uint8_t *)text;
    z.avail_out = (unsigned)size;
    return inflate(&z, Z_FINISH) == Z_STREAM_END && z.avail_out == 0;
}
