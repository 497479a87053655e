/* What this processor can do, and which level of it is in use. */
#ifndef BASE_CPU_H
#define BASE_CPU_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

enum cpu_feature {
    CPU_AVX2 = 1 << 0,    /* with FMA, F16C and BMI2, which every AVX2 machine of note has */
    CPU_AVX512 = 1 << 1,  /* F, BW, CD, DQ, VL */
    CPU_VNNI512 = 1 << 2, /* AVX-512 VNNI */
    CPU_AVXVNNI = 1 << 3,
    CPU_AMX_INT8 = 1 << 4,
    CPU_AMX_BF16 = 1 << 5,
    CPU_NEON = 1 << 6,
    CPU_DOTPROD = 1 << 7,
    CPU_I8MM = 1 << 8,
    CPU_FP16 = 1 << 9,    /* arithmetic on halves: of NEON, or AVX512-FP16 */
    CPU_VBMI = 1 << 10,   /* AVX-512 VBMI */
    CPU_PCLMUL = 1 << 11, /* PCLMULQDQ, with SSE4.1 */
    CPU_BF16 = 1 << 12,   /* AVX512-BF16 */
    /* With it dot products of pairs issue at the rate of f32's multiply-adds, so that they multiply twice as much:
     * AMD's, by measurement on Zen 4. Intel's (Emerald Rapids, measured) issue at a quarter of it, and are half as fast
     * as f32. */
    CPU_BF16_DOUBLE = 1 << 13,
};

/* Features that both the processor and the operating system offer. */
uint32_t cpu_features(void);

/* Whether vectors of 512 bits go through the processor in halves, as on Zen 4: then they multiply no faster than those
 * of 256 bits, and a product of few columns is better off with the narrower ones, which it fills. */
bool cpu_halves_512(void);

/* Processors that the affinity mask and the cgroup's CPU quota allow this process, at least 1. */
int cpu_count(void);

/* A size in bytes of the level-2 cache of one core; 1 MiB when it cannot be told. */
long cpu_l2_bytes(void);

#endif
