#include "base/packed.h"

#include <pthread.h>
#include <stdalign.h>
#include <string.h>
#include <zlib.h>

struct room {
    size_t used;
    alignas(max_align_t) unsigned char bytes[1 << 16]; /* zlib takes an eighth of it; zlib-ng its window, too */
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

/* ---- groups ---- */

#define GROUP(name)                                                                                                    \
    static char name##_text[PACKED_SIZE];                                                                              \
    struct packed_group packed_##name = {name, sizeof name, name##_text, PACKED_SIZE, false};

static const uint8_t onnx[] = {
#include "base/packed_onnx.inc"
};
GROUP(onnx)

#undef PACKED_SIZE
static const uint8_t formats[] = {
#include "base/packed_formats.inc"
};
GROUP(formats)

static void read_group(struct packed_group *g)
{
    if (!g->is_read && !packed_read(g->packed, g->packed_size, g->text, g->size))
        memset(g->text, 0, g->size);
    g->is_read = true;
}

/* ---- tables ---- */

static size_t row_size(const struct packed_table *t)
{
    return t->texts * sizeof(char *) + t->rest_size;
}

static void fill(struct packed_table *t)
{
    const char *at = t->group->text + t->at;
    read_group(t->group);
    for (size_t i = 0; i < t->count; i++) {
        char *row = (char *)t->rows + i * row_size(t);
        for (size_t k = 0; k < t->texts; k++, row += sizeof at, at += strlen(at) + 1) {
            const char *text = strcmp(at, "\1") == 0 ? NULL : at;
            memcpy(row, &text, sizeof text);
        }
        memcpy(row, (const char *)t->rest + i * t->rest_size, t->rest_size);
    }
    if (t->fill)
        t->fill(t);
}

const void *packed_row(struct packed_table *t, size_t index)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    if (!atomic_load_explicit(&t->filled, memory_order_acquire)) {
        pthread_mutex_lock(&lock);
        if (!t->filled)
            fill(t);
        atomic_store_explicit(&t->filled, true, memory_order_release);
        pthread_mutex_unlock(&lock);
    }
    return index < t->count ? (const char *)t->rows + index * row_size(t) : NULL;
}

const char *packed_text(struct packed_table *t)
{
    packed_row(t, 0);
    return t->group->text + t->at;
}

const void *packed_find(struct packed_table *t, const char *name)
{
    const char *const *row;
    for (size_t i = 0; (row = packed_row(t, i)); i++)
        if (strcmp(*row, name) == 0)
            return row;
    return NULL;
}
