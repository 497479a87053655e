#include "base/mem.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define ARENA_ALIGN   16u
#define ARENA_FIRST   4096u
#define ARENA_LARGEST (256u * 1024)
#define BLOB_ALIGN    64u

static int too_many(struct error *err, size_t n, size_t size)
{
    return error_set(err, "%zu times %zu bytes are more than a program may hold", n, size);
}

void *mem_calloc(size_t n, size_t size, struct error *err)
{
    size_t total;
    void *p;

    if (!mem_mul(n, size, &total) || total > MEM_MOST) {
        too_many(err, n, size);
        return NULL;
    }
    p = calloc(1, total ? total : 1);
    if (!p)
        error_memory(err);
    return p;
}

int mem_grow(void *array, size_t *cap, size_t want, size_t size, struct error *err)
{
    size_t next, total;
    void *p;

    if (want <= *cap)
        return 0;
    if (!mem_mul(want, size, &total) || total > MEM_MOST)
        return too_many(err, want, size);
    next = *cap + *cap / 2 + 8; /* fits, since *cap items did */
    if (next < want || !mem_mul(next, size, &total) || total > MEM_MOST) {
        next = want;
        total = want * size;
    }
    memcpy(&p, array, sizeof p); /* the caller's pointer has a type of its own */
    p = realloc(p, total ? total : 1);
    if (!p)
        return error_memory(err);
    memcpy(array, &p, sizeof p);
    *cap = next;
    return 0;
}

struct arena_block {
    struct arena_block *before;
    size_t size, used;
    alignas(ARENA_ALIGN) unsigned char data[];
};

void arena_init(struct arena *arena)
{
    arena->last = NULL;
}

void arena_release(struct arena *arena)
{
    struct arena_block *block = arena->last;

    while (block) {
        struct arena_block *before = block->before;

        free(block);
        block = before;
    }
    arena->last = NULL;
}

static struct arena_block *block_new(size_t size, struct error *err)
{
    struct arena_block *block;
    size_t total;

    if (!mem_add(size, sizeof *block, &total)) {
        too_many(err, 1, size);
        return NULL;
    }
    block = mem_calloc(1, total, err);
    if (block)
        block->size = size;
    return block;
}

/* A block with room for `size`: large ones get one of their own, behind the block that is being filled. */
static struct arena_block *block_for(struct arena *arena, size_t size, struct error *err)
{
    struct arena_block *last = arena->last, *block;
    size_t usual = !last ? ARENA_FIRST : last->size < ARENA_LARGEST / 2 ? 2 * last->size : ARENA_LARGEST;
    bool alone = size > usual / 4;

    if (last && size <= last->size - last->used)
        return last;
    block = block_new(alone ? size : usual, err);
    if (!block)
        return NULL;
    if (alone && last) {
        block->before = last->before;
        last->before = block;
    } else {
        block->before = last;
        arena->last = block;
    }
    return block;
}

void *arena_alloc(struct arena *arena, size_t size, struct error *err)
{
    struct arena_block *block;
    size_t padded;
    void *p;

    if (!mem_add(size, (size ? 0 : 1) + ARENA_ALIGN - 1, &padded)) {
        too_many(err, 1, size);
        return NULL;
    }
    padded -= padded % ARENA_ALIGN;
    block = block_for(arena, padded, err);
    if (!block)
        return NULL;
    p = block->data + block->used;
    block->used += padded;
    return p;
}

char *arena_strndup(struct arena *arena, const char *bytes, size_t n, struct error *err)
{
    size_t size;
    char *p;

    if (!mem_add(n, 1, &size)) {
        too_many(err, 1, n);
        return NULL;
    }
    p = arena_alloc(arena, size, err);
    if (p && n)
        memcpy(p, bytes, n);
    return p;
}

char *arena_strdup(struct arena *arena, const char *string, struct error *err)
{
    return arena_strndup(arena, string, strlen(string), err);
}

/* One block for both, since small ones come and go in every round of a loop. calloc() and not aligned_alloc(): large
 * zeroed memory then costs nothing until it is touched. */
struct blob *blob_new(size_t size, struct error *err)
{
    struct blob *blob;
    size_t total;

    if (!mem_add(size, sizeof *blob + BLOB_ALIGN, &total)) {
        too_many(err, 1, size);
        return NULL;
    }
    blob = mem_calloc(1, total, err);
    if (!blob)
        return NULL;
    blob->data = (char *)(blob + 1) + (BLOB_ALIGN - (uintptr_t)(blob + 1) % BLOB_ALIGN) % BLOB_ALIGN;
    blob->size = size;
    blob->refs = 1;
    return blob;
}

static void release_part(struct blob *blob)
{
    blob_unref(blob->owner);
}

struct blob *blob_part(struct blob *whole, size_t offset, size_t size, struct error *err)
{
    struct blob *part;

    if (offset > whole->size || size > whole->size - offset) {
        error_set(err, "bytes %zu to %zu+%zu lie outside of the %zu there are", offset, offset, size, whole->size);
        return NULL;
    }
    part = mem_calloc(1, sizeof *part, err);
    if (!part)
        return NULL;
    /* A part of a part holds the root, so that release never recurses deeper than one level. */
    part->owner = blob_ref(whole->release == release_part ? whole->owner : whole);
    part->data = whole->data ? (char *)whole->data + offset : NULL;
    part->size = size;
    part->refs = 1;
    part->release = release_part;
    return part;
}

const struct blob *blob_whole(const struct blob *blob)
{
    return blob->release == release_part ? blob->owner : blob;
}

void blob_drop_pages(const struct blob *blob, const void *data, size_t size)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    uintptr_t first = ((uintptr_t)data + page - 1) / page * page, last = ((uintptr_t)data + size) / page * page;

    if (blob_whole(blob)->is_file && first < last)
        madvise((void *)first, last - first, MADV_DONTNEED);
}

struct blob *blob_ref(struct blob *blob)
{
    __atomic_fetch_add(&blob->refs, 1, __ATOMIC_RELAXED);
    return blob;
}

void blob_unref(struct blob *blob)
{
    if (!blob || __atomic_sub_fetch(&blob->refs, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    if (blob->release)
        blob->release(blob);
    free(blob);
}
