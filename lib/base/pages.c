#define _GNU_SOURCE /* MAP_ANONYMOUS, madvise */
#include "base/pages.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/mem.h"

#define ALIGN 64u
#define HUGE  ((size_t)2 << 20)

/* From this on, pages of their own. AddressSanitizer sees what goes beyond the end of malloc()'s memory alone. */
#if defined(__SANITIZE_ADDRESS__)
#define LARGE SIZE_MAX
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define LARGE SIZE_MAX
#endif
#endif
#ifndef LARGE
#define LARGE ((size_t)128 << 10)
#endif

static void *new_small(size_t size, struct error *err)
{
    size_t whole = (size + (size ? 0 : 1) + ALIGN - 1) / ALIGN * ALIGN;
    void *p = size > MEM_MOST ? NULL : aligned_alloc(ALIGN, whole);
    if (p)
        memset(p, 0, whole);
    else
        error_memory(err);
    return p;
}

/* Of 2 MiB and more, stands where huge pages can: room for the alignment is mapped too, and given back at both ends. */
void *pages_new(size_t size, struct error *err)
{
    if (size < LARGE)
        return new_small(size, err);
    size_t room = size < HUGE ? 0 : HUGE;
    char *p = size > MEM_MOST
                  ? MAP_FAILED
                  : mmap(NULL, size + room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED) {
        error_memory(err);
        return NULL;
    }
    size_t page = (size_t)sysconf(_SC_PAGESIZE), before = room ? (HUGE - (uintptr_t)p % HUGE) % HUGE : 0;
    size_t kept = (size + page - 1) / page * page;
    if (before > 0)
        munmap(p, before);
    p += before;
    if (size + room - before > kept)
        munmap(p + kept, size + room - before - kept);
    return p;
}

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25 /* since Linux 6.1 */
#endif

/* When the kernel does not do it now, it may do it some day. */
size_t pages_make_huge(void *p, size_t size)
{
    if (size < HUGE || LARGE == SIZE_MAX)
        return size;
    if (madvise(p, HUGE, MADV_COLLAPSE) == 0)
        return HUGE;
    madvise(p, size / HUGE * HUGE, MADV_HUGEPAGE);
    return size;
}

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* since Linux 5.14 */
#endif

#define POPULATE_LEAST ((size_t)128 << 10)

void pages_populate(void *p, size_t size)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    uintptr_t first = ((uintptr_t)p + page - 1) / page * page, last = ((uintptr_t)p + size) / page * page;
    if (size >= POPULATE_LEAST)
        madvise((void *)first, last - first, MADV_POPULATE_WRITE);
}

void pages_prefer_huge(void *p, size_t size)
{
    uintptr_t first = ((uintptr_t)p + HUGE - 1) / HUGE * HUGE, end = ((uintptr_t)p + size) / HUGE * HUGE;
    if (first < end)
        madvise((void *)first, end - first, MADV_HUGEPAGE);
}

void pages_free(void *p, size_t size)
{
    if (size < LARGE)
        free(p);
    else if (p)
        munmap(p, size);
}

bool pages_watched(void)
{
    return LARGE == SIZE_MAX;
}
