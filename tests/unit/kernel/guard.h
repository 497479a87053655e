/* What the kernels' tests share: buffers that show accesses beyond their ends, the levels that run here, numbers. */
#ifndef TESTS_KERNEL_GUARD_H
#define TESTS_KERNEL_GUARD_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../test.h"
#include "base/cpu.h"
#include "kernel/kernel.h"

#define GUARD_FN static inline __attribute__((unused))

/* What a test has in plain C that the processor need not have; then only levels that need it are tested. */
#ifndef GUARD_TWIN
#define GUARD_TWIN 0u
#endif

GUARD_FN bool guard_runs(const struct kernels *k)
{
    return ((cpu_features() | GUARD_TWIN) & k->needs) == k->needs && (k->needs & GUARD_TWIN) == GUARD_TWIN;
}

/* The next level that runs here; start with *i = 0; NULL behind the last. */
GUARD_FN const struct kernels *guard_level(int *i)
{
    const struct kernels *const *levels = kernel_levels();
    while (levels[*i] && !guard_runs(levels[*i]))
        ++*i;
    return levels[*i] ? levels[(*i)++] : NULL;
}

/* Names the levels that guard_level() passes over. */
GUARD_FN void guard_say_lacking(void)
{
    const struct kernels *const *levels = kernel_levels();
    for (int i = 0; levels[i]; i++)
        if (!guard_runs(levels[i]) && !(GUARD_TWIN & ~levels[i]->needs))
            printf("skipped: %s, which this processor does not have\n", levels[i]->isa);
}

/* Memory that ends at a page which may not be touched. */
struct guard {
    unsigned char *start, *end;
};

GUARD_FN struct guard guard_new(size_t size)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), whole = (size + 2 * page - 1) / page * page;
    unsigned char *p = mmap(NULL, whole + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED || mprotect(p + whole, page, PROT_NONE)) {
        perror("mmap");
        exit(1);
    }
    return (struct guard){p, p + whole};
}

/* The last n floats, left as they are. */
GUARD_FN float *guard_floats(struct guard g, size_t n)
{
    return (float *)(void *)g.end - n;
}

/* n bytes with `behind` bytes after them; all but these are given a pattern, which guard_intact() looks for. */
GUARD_FN void *guard_out(struct guard g, size_t n, size_t behind)
{
    memset(g.start, 0xa5, (size_t)(g.end - g.start));
    return g.end - behind - n;
}

GUARD_FN bool guard_intact(struct guard g, const void *out, size_t n)
{
    const unsigned char *first = out;
    for (const unsigned char *p = g.start; p < g.end; p++)
        if ((p < first || p >= first + n) && *p != 0xa5)
            return false;
    return true;
}

/* Lets a call multiply by these panels, for the first time; memory: where there is room for what it makes of them. */
GUARD_FN void guard_panels(struct kernel_gemm *g, const struct kernel_product *p, const void *panels,
                           struct guard memory)
{
    const size_t count = ((size_t)g->n + (size_t)p->nr - 1) / (size_t)p->nr;
    g->b = p->widened
               ? guard_out(memory,
                           count * kernel_product_widened(p, (size_t)(g->b_tap ? g->b_taps : g->taps), (size_t)g->k), 0)
               : panels;
    g->panels = panels;
    g->fresh = p->widened > 0;
}

GUARD_FN uint32_t guard_random(void)
{
    static uint64_t state = 1;
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state >> 32);
}

/* Between -size and size. */
GUARD_FN float guard_random_float(float size)
{
    return ((float)(guard_random() >> 8) / 0x1p23f - 1) * size;
}

GUARD_FN void guard_fill(float *p, size_t n, float size)
{
    for (size_t i = 0; i < n; i++)
        p[i] = guard_random_float(size);
}

/* NaN like NaN, infinity like infinity, and else to within `tolerance` of the larger of |want| and `scale`. */
GUARD_FN bool guard_close(double got, double want, double tolerance, double scale)
{
    if (isnan(want) || isnan(got))
        return isnan(want) && isnan(got);
    if (isinf(want) || isinf(got))
        return got == want;
    return fabs(got - want) <= tolerance * fmax(fabs(want), scale);
}

/* The first of n floats that is not close; n when all are. */
GUARD_FN size_t guard_differs(const float *got, const float *want, size_t n, double tolerance, double scale)
{
    size_t i = 0;
    while (i < n && guard_close(got[i], want[i], tolerance, scale))
        i++;
    return i;
}

#define CHECK_CLOSE(got, want, n, tolerance, scale, ...)                                                               \
    do {                                                                                                               \
        size_t bad_ = guard_differs(got, want, n, tolerance, scale);                                                   \
        if (bad_ < (n)) {                                                                                              \
            printf("%s:%d: element %zu: got %.9g, want %.9g: ", __FILE__, __LINE__, bad_, (double)(got)[bad_],         \
                   (double)(want)[bad_]);                                                                              \
            printf(__VA_ARGS__);                                                                                       \
            printf("\n");                                                                                              \
            test_failures++;                                                                                           \
        }                                                                                                              \
    } while (0)

#endif
