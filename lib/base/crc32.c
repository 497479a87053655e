/* CRC-32 by folding with carry-less products: Gopal et al., Fast CRC Computation for Generic Polynomials Using
 * PCLMULQDQ Instruction (2009). The constants are x^n modulo the polynomial, bits reflected, as given there. */
#include <stdatomic.h>
#include <zlib.h>

#include "base/cpu.h"
#include "base/hash.h"

#if defined(__x86_64__)

#include <immintrin.h>

/* By four bits. The state is the CRC inverted. */
static uint32_t step_all(uint32_t state, const uint8_t *p, size_t size)
{
    static const uint32_t step[16] = {0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4,
                                      0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
                                      0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c};
    for (size_t i = 0; i < size; i++) {
        state ^= p[i];
        state = state >> 4 ^ step[state & 15];
        state = state >> 4 ^ step[state & 15];
    }
    return state;
}

/* What zlib calls where data is in gzip's form. It is here so that zlib's own stays out, whose tables take 12 KB; weak,
 * for a program that has all of zlib. */
__attribute__((weak)) uLong crc32(uLong crc, const Bytef *data, uInt size)
{
    return data ? ~step_all(~(uint32_t)crc, data, size) : 0;
}

#define TARGET __attribute__((target("pclmul,sse4.1")))

/* x moved on by as many bits as the constants stand for, and what stands there. */
TARGET static inline __m128i fold(__m128i x, __m128i by, __m128i next)
{
    return _mm_xor_si128(_mm_xor_si128(_mm_clmulepi64_si128(x, by, 0x00), _mm_clmulepi64_si128(x, by, 0x11)), next);
}

TARGET static inline __m128i load(const uint8_t *p)
{
    return _mm_loadu_si128((const __m128i *)p);
}

/* 128 bits to the 32 that are left of them. */
TARGET static uint32_t reduce(__m128i x)
{
    const __m128i by_128 = _mm_set_epi64x(0x0ccaa009e, 0x1751997d0), by_64 = _mm_set_epi64x(0, 0x163cd6124),
                  barrett = _mm_set_epi64x(0x1f7011641, 0x1db710641), low = _mm_setr_epi32(-1, 0, -1, 0);
    x = _mm_xor_si128(_mm_srli_si128(x, 8), _mm_clmulepi64_si128(x, by_128, 0x10));
    x = _mm_xor_si128(_mm_srli_si128(x, 4), _mm_clmulepi64_si128(_mm_and_si128(x, low), by_64, 0x00));
    __m128i q = _mm_clmulepi64_si128(_mm_and_si128(x, low), barrett, 0x10);
    q = _mm_clmulepi64_si128(_mm_and_si128(q, low), barrett, 0x00);
    return (uint32_t)_mm_extract_epi32(_mm_xor_si128(x, q), 1);
}

/* size: a multiple of 16, at least 64. */
TARGET static uint32_t fold_all(uint32_t state, const uint8_t *p, size_t size)
{
    const __m128i by_512 = _mm_set_epi64x(0x1c6e41596, 0x154442bd4), by_128 = _mm_set_epi64x(0x0ccaa009e, 0x1751997d0);
    __m128i x[4];
    for (int i = 0; i < 4; i++)
        x[i] = load(p + 16 * i);
    x[0] = _mm_xor_si128(x[0], _mm_cvtsi32_si128((int)state));
    for (p += 64, size -= 64; size >= 64; p += 64, size -= 64)
        for (int i = 0; i < 4; i++)
            x[i] = fold(x[i], by_512, load(p + 16 * i));
    for (int i = 1; i < 4; i++)
        x[0] = fold(x[0], by_128, x[i]);
    for (; size > 0; p += 16, size -= 16)
        x[0] = fold(x[0], by_128, load(p));
    return reduce(x[0]);
}

static bool can_fold(void)
{
    static atomic_int known; /* 1 more than the answer */
    if (!known)
        known = 1 + !!(cpu_features() & CPU_PCLMUL);
    return known == 2;
}

uint32_t hash_crc32(const void *data, size_t size)
{
    size_t folded = size >= 64 && can_fold() ? size - size % 16 : 0;
    uint32_t state = UINT32_MAX;
    if (folded)
        state = fold_all(state, data, folded);
    return size > folded ? ~step_all(state, (const uint8_t *)data + folded, size - folded) : ~state;
}

#else

uint32_t hash_crc32(const void *data, size_t size)
{
    return size ? (uint32_t)crc32_z(0, data, size) : 0;
}

#endif
