/* Large memory: alignment, zeroes, what it may be given. */
#include "base/pages.h"

#include <stdint.h>
#include <string.h>

#include "../../test.h"
#include "base/mem.h"

static struct error error;

static void test_sizes(void)
{
    static const size_t sizes[] = {0, 1, 63, 64, 4097, (2 << 20) - 1, 2 << 20, (2 << 20) + 1, (5 << 20) + 4095};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        unsigned char *p = pages_new(sizes[i], &error);
        CHECK_MSG(p && (uintptr_t)p % 64 == 0, "%zu bytes at %p", sizes[i], (void *)p);
        size_t dirty = 0;
        for (size_t k = 0; k < sizes[i]; k++)
            dirty += p[k] != 0;
        CHECK_MSG(dirty == 0, "%zu bytes: %zu are not zero", sizes[i], dirty);
        memset(p, 0xff, sizes[i]);
        pages_free(p, sizes[i]);
    }
    pages_free(NULL, 2 << 20);
}

static void test_too_large(void)
{
    CHECK(pages_new(SIZE_MAX, &error) == NULL);
    CHECK(pages_new(MEM_MOST + 1, &error) == NULL);
}

int main(void)
{
    RUN(test_sizes);
    RUN(test_too_large);
    return TEST_END();
}
