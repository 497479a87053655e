/* Checked sizes, arenas and shared blobs of bytes. */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* *result = a * b (or a + b); false, with *result untouched, when that does not fit. */
static inline bool mem_mul(size_t a, size_t b, size_t *result)
{
    return !__builtin_mul_overflow(a, b, result);
}

static inline bool mem_add(size_t a, size_t b, size_t *result)
{
    return !__builtin_add_overflow(a, b, result);
}

/* The most that is ever asked of malloc() at once: more is a fault or an attack, and is refused with a message. */
#define MEM_MOST (SIZE_MAX / 2 < UINT64_C(1) << 39 ? SIZE_MAX / 2 : (size_t)(UINT64_C(1) << 39))

/* n * size zeroed bytes, to be given to free(); NULL with a message when there are none. n = 0 gives a pointer too. */
void *mem_calloc(size_t n, size_t size, struct error *err);

/* Makes *array (of elements of `size` bytes) hold at least `want` elements, growing geometrically; *cap is its present
 * capacity. Returns 0, or -1 with the array as it was. */
int mem_grow(void *array, size_t *cap, size_t want, size_t size, struct error *err);

/* An arena: allocations that live and die together. */
struct arena {
    struct arena_block *last;
};

void arena_init(struct arena *arena);
void arena_release(struct arena *arena);

/* Zeroed, 16-byte aligned. NULL with a message when memory is short. */
void *arena_alloc(struct arena *arena, size_t size, struct error *err);

/* A copy of n bytes, with a NUL behind them. */
char *arena_strndup(struct arena *arena, const char *bytes, size_t n, struct error *err);
char *arena_strdup(struct arena *arena, const char *string, struct error *err);

/* Bytes shared by reference count: from malloc or of a mapped file. The count is atomic. */
struct blob {
    void *data;
    size_t size;
    int refs;
    void (*release)(struct blob *blob); /* frees data, not the struct; NULL when there is nothing to free */
    void *owner;                        /* for release() */
    bool is_file;                       /* mapped, and not to be written: its pages can be read again */
};

/* Zeroed bytes, 64-byte aligned. */
struct blob *blob_new(size_t size, struct error *err);

/* Part of another blob, which it keeps alive; not inside of it: NULL with a message. */
struct blob *blob_part(struct blob *whole, size_t offset, size_t size, struct error *err);
struct blob *blob_ref(struct blob *blob);
void blob_unref(struct blob *blob); /* NULL is allowed */

/* What a part is of; itself when it is none. */
const struct blob *blob_whole(const struct blob *blob);

/* Takes a mapped file's pages that lie wholly in these bytes of the blob out of the process's memory: a later access
 * finds them in the system's cache of the file, or reads them again. Does nothing for other blobs. */
void blob_drop_pages(const struct blob *blob, const void *data, size_t size);

#endif
