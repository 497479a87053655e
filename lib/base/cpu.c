#define _GNU_SOURCE /* sched_getaffinity */
#include "base/cpu.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"

#if defined(__x86_64__)

#include <cpuid.h>
#include <sys/syscall.h>

enum { LEAF1_C, LEAF7_B, LEAF7_C, LEAF7_D, LEAF71_A, WORDS };

/* A feature: the bits of CPUID it needs, and the parts of the state (XCR0) that the system must save for it. */
struct x86_feature {
    uint32_t feature, word, bits, state;
};

#define STATE_YMM 0x6u
#define STATE_ZMM 0xe6u
#define STATE_AMX 0x60000u

static const struct x86_feature x86_features[] = {
    {CPU_PCLMUL, LEAF1_C, 1u << 1 | 1u << 19, 0},
    {CPU_AVX2, LEAF1_C, 1u << 12 | 1u << 27 | 1u << 28 | 1u << 29, STATE_YMM}, /* FMA, OSXSAVE, AVX, F16C */
    {CPU_AVX2, LEAF7_B, 1u << 5 | 1u << 8, STATE_YMM},                         /* AVX2, BMI2 */
    {CPU_AVX512, LEAF7_B, 1u << 16 | 1u << 17 | 1u << 28 | 1u << 30 | 1u << 31, STATE_ZMM},
    {CPU_VNNI512, LEAF7_C, 1u << 11, STATE_ZMM},
    {CPU_VBMI, LEAF7_C, 1u << 1, STATE_ZMM},
    {CPU_AVXVNNI, LEAF71_A, 1u << 4, STATE_YMM},
    {CPU_BF16, LEAF71_A, 1u << 5, STATE_ZMM},
    {CPU_FP16, LEAF7_D, 1u << 23, STATE_ZMM},
    {CPU_AMX_INT8, LEAF7_D, 1u << 24 | 1u << 25, STATE_AMX},
    {CPU_AMX_BF16, LEAF7_D, 1u << 24 | 1u << 22, STATE_AMX},
};

static void read_cpuid(uint32_t words[WORDS])
{
    uint32_t a, b, c, d;

    memset(words, 0, WORDS * sizeof *words);
    if (__get_cpuid(1, &a, &b, &c, &d))
        words[LEAF1_C] = c;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d))
        return;
    words[LEAF7_B] = b;
    words[LEAF7_C] = c;
    words[LEAF7_D] = d;
    if (a >= 1 && __get_cpuid_count(7, 1, &a, &b, &c, &d))
        words[LEAF71_A] = a;
}

static uint32_t saved_state(void)
{
    uint32_t low, high;

    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}

/* Linux keeps the tile registers off until a process asks for them (arch_prctl, ARCH_REQ_XCOMP_PERM, XTILEDATA). */
static bool amx_granted(void)
{
    return syscall(SYS_arch_prctl, 0x1023, 18) == 0;
}

static bool is_amd(void)
{
    uint32_t a, b = 0, c, d;

    return __get_cpuid(0, &a, &b, &c, &d) && b == 0x68747541; /* "Auth" of AuthenticAMD */
}

static uint32_t find_features(void)
{
    const uint32_t amx = CPU_AMX_INT8 | CPU_AMX_BF16, over_avx512 = CPU_VNNI512 | CPU_VBMI | CPU_BF16 | CPU_FP16 | amx,
                   over_avx2 = CPU_AVX512 | CPU_AVXVNNI | over_avx512;
    uint32_t words[WORDS], state, found = 0, lacking = 0;

    read_cpuid(words);
    state = words[LEAF1_C] & 1u << 27 ? saved_state() : 0;
    for (size_t i = 0; i < sizeof x86_features / sizeof *x86_features; i++) {
        const struct x86_feature *f = &x86_features[i];
        bool has = (words[f->word] & f->bits) == f->bits && (state & f->state) == f->state;

        *(has ? &found : &lacking) |= f->feature;
    }
    found &= ~lacking;
    if (!(found & CPU_AVX2))
        found &= ~over_avx2;
    if (!(found & CPU_AVX512))
        found &= ~over_avx512;
    if ((found & amx) && !amx_granted())
        found &= ~amx;
    if ((found & CPU_BF16) && is_amd())
        found |= CPU_BF16_DOUBLE;
    return found;
}

/* Asked once, as below: in a virtual machine the host answers. */
uint32_t cpu_features(void)
{
    static _Atomic uint32_t known; /* the lowest bit: whether it is */

    if (!known)
        known = find_features() << 1 | 1;
    return known >> 1;
}

bool cpu_halves_512(void)
{
    static atomic_int known; /* 1 more than the answer */
    uint32_t a = 0, b, c, d;

    if (!known) {
        bool amd = is_amd() && __get_cpuid(1, &a, &b, &c, &d);
        known = 1 + (amd && (a >> 8 & 0xf) + (a >> 20 & 0xff) == 0x19);
    }
    return known == 2;
}

#elif defined(__aarch64__)

#include <sys/auxv.h>

#define HWCAP_HAS_ASIMD   (1ul << 1)
#define HWCAP_HAS_FPHP    (1ul << 9)
#define HWCAP_HAS_ASIMDHP (1ul << 10)
#define HWCAP_HAS_ASIMDDP (1ul << 20)
#define HWCAP2_HAS_I8MM   (1ul << 13)

uint32_t cpu_features(void)
{
    const unsigned long half = HWCAP_HAS_FPHP | HWCAP_HAS_ASIMDHP;
    unsigned long cap = getauxval(AT_HWCAP), cap2 = getauxval(AT_HWCAP2);
    uint32_t found = 0;

    found |= cap & HWCAP_HAS_ASIMD ? CPU_NEON : 0;
    found |= cap & HWCAP_HAS_ASIMDDP ? CPU_DOTPROD : 0;
    found |= (cap & half) == half ? CPU_FP16 : 0;
    found |= cap2 & HWCAP2_HAS_I8MM ? CPU_I8MM : 0;
    return found;
}

bool cpu_halves_512(void)
{
    return false;
}

#else

uint32_t cpu_features(void)
{
    return 0;
}

bool cpu_halves_512(void)
{
    return false;
}

#endif

/* The first line of a small file, without its end; false when there is none. */
static bool read_line(const char *path, char *line, size_t size)
{
    FILE *f = fopen(path, "re");
    bool got = f && fgets(line, (int)size, f);

    if (f)
        fclose(f);
    if (got)
        line[strcspn(line, "\n")] = '\0';
    return got;
}

/* Where the limits of the two kinds of control groups stand: quota and period in one file, or in two. */
struct quota_place {
    const char *root, *quota, *period; /* period NULL: in the quota's file */
};

static const struct quota_place place_v2[] = {
    {"/sys/fs/cgroup", "cpu.max", NULL},
    {"/sys/fs/cgroup/unified", "cpu.max", NULL},
};
static const struct quota_place place_v1[] = {
    {"/sys/fs/cgroup/cpu", "cpu.cfs_quota_us", "cpu.cfs_period_us"},
    {"/sys/fs/cgroup/cpu,cpuacct", "cpu.cfs_quota_us", "cpu.cfs_period_us"},
};

/* Processors' worth of time that one group's files allow, rounded up; INT32_MAX without a limit. */
static int quota_of(const struct quota_place *place, const char *group)
{
    char path[4400], line[128];
    long long quota = 0, period = 0;
    int fields;

    snprintf(path, sizeof path, "%s%s/%s", place->root, group, place->quota);
    if (!read_line(path, line, sizeof line))
        return INT32_MAX;
    fields = sscanf(line, "%lld %lld", &quota, &period); /* "max 100000" has no field */
    if (place->period) {
        snprintf(path, sizeof path, "%s%s/%s", place->root, group, place->period);
        if (!read_line(path, line, sizeof line))
            return INT32_MAX;
        fields += sscanf(line, "%lld", &period);
    }
    if (fields < 2 || quota <= 0 || period <= 0 || quota / period >= INT32_MAX - 1)
        return INT32_MAX;
    return (int)(quota / period + (quota % period != 0));
}

/* The least quota of a group and those it lies in, up to the root. */
static int least_quota(const struct quota_place *place, char *group)
{
    int least = INT32_MAX;

    for (;;) {
        char *slash = strrchr(group, '/');
        int quota = quota_of(place, group);

        least = quota < least ? quota : least;
        if (!slash)
            return least;
        *slash = '\0';
    }
}

/* The quota that one line of /proc/self/cgroup, "number:controllers:/group", leads to. */
static int quota_of_line(char *line)
{
    char *list = strchr(line, ':'), *group = list ? strchr(list + 1, ':') : NULL;
    const struct quota_place *place;
    int least = INT32_MAX;

    if (!group)
        return least;
    *group++ = '\0';
    list++;
    if (*list != '\0' && !text_has_word(list, "cpu"))
        return least;
    place = *list == '\0' ? place_v2 : place_v1;
    for (int i = 0; i < 2; i++) {
        char copy[4096];
        int quota;

        snprintf(copy, sizeof copy, "%s", group);
        quota = least_quota(&place[i], copy);
        least = quota < least ? quota : least;
    }
    return least;
}

static int quota_count(void)
{
    FILE *f = fopen("/proc/self/cgroup", "re");
    char line[4096];
    int least = INT32_MAX;

    while (f && fgets(line, sizeof line, f)) {
        int quota;

        line[strcspn(line, "\n")] = '\0';
        quota = quota_of_line(line);
        least = quota < least ? quota : least;
    }
    if (f)
        fclose(f);
    return least;
}

/* The kernel refuses a mask shorter than its own, so that larger ones are tried. */
static int affinity_count(void)
{
    for (size_t bits = 1024; bits <= 1u << 20; bits *= 2) {
        cpu_set_t *set = CPU_ALLOC(bits);
        int count = 0;

        if (set && sched_getaffinity(0, CPU_ALLOC_SIZE(bits), set) == 0)
            count = CPU_COUNT_S(CPU_ALLOC_SIZE(bits), set);
        CPU_FREE(set);
        if (count > 0)
            return count;
    }
    return (int)sysconf(_SC_NPROCESSORS_ONLN);
}

int cpu_count(void)
{
    int allowed = affinity_count(), quota = quota_count(), count = quota < allowed ? quota : allowed;

    return count > 1 ? count : 1;
}

/* Cache number `index` of the first processor, if it holds data at level 2. */
static long sysfs_l2(int index)
{
    const char *folder = "/sys/devices/system/cpu/cpu0/cache/index";
    char path[128], line[64];
    long size;
    char unit = 'B';

    snprintf(path, sizeof path, "%s%d/level", folder, index);
    if (!read_line(path, line, sizeof line) || strcmp(line, "2") != 0)
        return 0;
    snprintf(path, sizeof path, "%s%d/type", folder, index);
    if (!read_line(path, line, sizeof line) || strcmp(line, "Instruction") == 0)
        return 0;
    snprintf(path, sizeof path, "%s%d/size", folder, index);
    if (!read_line(path, line, sizeof line) || sscanf(line, "%ld%c", &size, &unit) < 1)
        return 0;
    return size <= 0 || size > 1 << 20 ? 0 : unit == 'K' ? size << 10 : unit == 'M' ? size << 20 : size;
}

static long find_l2(void)
{
    long size = 0;

    for (int i = 0; i < 8 && size == 0; i++)
        size = sysfs_l2(i);
#ifdef _SC_LEVEL2_CACHE_SIZE
    if (size <= 0)
        size = sysconf(_SC_LEVEL2_CACHE_SIZE);
#endif
    return size > 0 ? size : 1 << 20;
}

long cpu_l2_bytes(void)
{
    static atomic_long known;
    long size = atomic_load_explicit(&known, memory_order_relaxed);

    if (size == 0)
        atomic_store_explicit(&known, size = find_l2(), memory_order_relaxed);
    return size;
}
