#define _GNU_SOURCE /* sched_setaffinity */
#include "base/cpu.h"

#include <sched.h>
#include <stdbool.h>
#include <stdio.h>

#include "../../test.h"

#if defined(__x86_64__) && defined(__GNUC__)
/* The compiler's run time library asks the processor on its own. */
static void test_features(void)
{
    uint32_t f = cpu_features();
    bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2");
    bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                  __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
                  __builtin_cpu_supports("avx512vl");

    CHECK(!!(f & CPU_AVX2) == avx2);
    CHECK(!!(f & CPU_AVX512) == avx512);
    CHECK(!!(f & CPU_VNNI512) == (avx512 && __builtin_cpu_supports("avx512vnni")));
    CHECK(!!(f & CPU_VBMI) == (avx512 && __builtin_cpu_supports("avx512vbmi")));
    CHECK(!!(f & CPU_BF16) == (avx512 && __builtin_cpu_supports("avx512bf16")));
    CHECK(!!(f & CPU_PCLMUL) == (__builtin_cpu_supports("pclmul") && __builtin_cpu_supports("sse4.1")));
    CHECK(!!(f & CPU_BF16_DOUBLE) == ((f & CPU_BF16) && __builtin_cpu_is("amd")));
    CHECK(!(f & CPU_FP16) || avx512);
    CHECK(!(f & (CPU_NEON | CPU_DOTPROD | CPU_I8MM)));
    if (f & CPU_AMX_INT8) /* the tile registers may be used: without permission this would be a SIGILL */
        __asm__ volatile(".byte 0xc4, 0xe2, 0x78, 0x49, 0xc0"); /* tilerelease */
}
#elif defined(__aarch64__)
static void test_features(void)
{
    CHECK(cpu_features() & CPU_NEON);
    CHECK(!(cpu_features() & (CPU_AVX2 | CPU_AVX512 | CPU_AMX_INT8)));
}
#else
static void test_features(void)
{
    CHECK(cpu_features() == 0);
}
#endif

static void test_features_steady(void)
{
    CHECK(cpu_features() == cpu_features());
}

static void test_count(void)
{
    int before = cpu_count(), first = 0;
    cpu_set_t all, one;

    CHECK(before >= 1);
    if (sched_getaffinity(0, sizeof all, &all) < 0)
        return;
    CHECK(before <= CPU_COUNT(&all));
    while (!CPU_ISSET(first, &all))
        first++;
    CPU_ZERO(&one);
    CPU_SET(first, &one);
    if (sched_setaffinity(0, sizeof one, &one) < 0)
        return;
    CHECK(cpu_count() == 1);
    sched_setaffinity(0, sizeof all, &all);
    CHECK(cpu_count() == before);
}

static void test_l2(void)
{
    CHECK(cpu_l2_bytes() >= 64 << 10 && cpu_l2_bytes() <= 256 << 20);
}

int main(void)
{
    RUN(test_features);
    RUN(test_features_steady);
    RUN(test_count);
    RUN(test_l2);
    printf("features 0x%x, %d processors, L2 %ld KiB\n", cpu_features(), cpu_count(), cpu_l2_bytes() >> 10);
    return TEST_END();
}
