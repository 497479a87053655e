/* The choice of a level, and the sizes of packed weights. */
#include "guard.h"

static void levels(void)
{
    const struct kernels *const *all = kernel_levels();
    int count = 0;
    while (all[count])
        count++;
    CHECK(count >= 1);
    CHECK_STR(all[count - 1]->isa, "generic");
    CHECK(all[count - 1]->needs == 0);
    for (int i = 0; i < count; i++)
        CHECK(all[i]->gemm_f32->nr == 2 * all[i]->vector && all[i]->gemm_f32->mr >= 1);
}

/* A table without a hole: all members from gemm_f32 on are products and functions. */
static void complete(void)
{
    const struct kernels *const *all = kernel_levels();
    for (int i = 0; all[i]; i++) {
        size_t first = offsetof(struct kernels, gemm_f32);
        for (size_t at = first; at + sizeof(void *) <= sizeof **all; at += sizeof(void *)) {
            void *entry;
            memcpy(&entry, (const char *)all[i] + at, sizeof entry);
            CHECK_MSG(entry, "%s: entry %zu", all[i]->isa, (at - first) / sizeof(void *));
        }
    }
}

static void select_level(void)
{
    struct error err = {""};
    int i = 0;
    const struct kernels *best = guard_level(&i);
    CHECK(kernel_select(NULL, &err) == best);
    CHECK(kernel_select("", &err) == best);
    CHECK(kernel_select(best->isa, &err) == best);
    const struct kernels *generic = kernel_select("generic", &err);
    CHECK(generic && strcmp(generic->isa, "generic") == 0);
    CHECK_STR(err.text, "");
}

static void unknown_level(void)
{
    struct error err = {""};
    CHECK(!kernel_select("avx1024", &err));
    CHECK_MSG(strstr(err.text, "avx1024") && strstr(err.text, "generic"), "%s", err.text);
    char name[5000];
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    CHECK(!kernel_select(name, &err));
    CHECK(strstr(err.text, "generic"));
    const struct kernels *const *all = kernel_levels();
    for (int i = 0; all[i]; i++) {
        bool usable = (cpu_features() & all[i]->needs) == all[i]->needs;
        CHECK((kernel_select(all[i]->isa, &err) == all[i]) == usable);
    }
}

static void packed_sizes(void)
{
    const struct kernels *k = kernel_select("generic", NULL);
    CHECK(kernel_gemm_packed(k, 10, 0) == 0);
    CHECK(kernel_gemm_packed(k, 10, 1) == 10 * 4);
    CHECK(kernel_gemm_packed(k, 10, 4) == 10 * 4);
    CHECK(kernel_gemm_packed(k, 10, 5) == 10 * 8);
    CHECK(kernel_gemm_packed(k, 10, 9) == 10 * 12);
    CHECK(kernel_gemm_packed(k, SIZE_MAX / 4, 2) == 0);
    CHECK(kernel_gemm_packed(k, 1, SIZE_MAX) == 0);
    CHECK(kernel_gemm_packed(k, SIZE_MAX / 16 + 1, 1) == 0);
    CHECK(kernel_gemm_packed(k, SIZE_MAX / 16, 8) == 0);
    CHECK(kernel_depthwise_packed(k, 5, 1, 9) == 8 * 9);
    CHECK(kernel_depthwise_packed(k, 4, 1, 9) == 4 * 9);
    CHECK(kernel_depthwise_packed(k, SIZE_MAX, 1, 1) == 0);
    CHECK(kernel_depthwise_packed(k, SIZE_MAX / 64, 1, 49) == 0);
}

int main(void)
{
    RUN(levels);
    RUN(complete);
    RUN(select_level);
    RUN(unknown_level);
    RUN(packed_sizes);
    return TEST_END();
}
