/* CRC-32 by folding with carry-less products: Gopal et al., Fast CRC Computation for Generic Polynomials Using
 * PCLMULQDQ Instruction (2009). The constants are x^n modulo the polynomial, bits reflected, as given there. */
#include <stdatomic.h>
#include <zlib.h>

#include "base/cpu.h"
#include "base/hash.h"

#if defined(__x86_64__)

#include <immintrin.h>

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

/* size: a multiple of 16, at least 64. The state is the CRC inverted. */
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
    size_t folded = size - size % 16;
    uint32_t crc = 0;
    if (size == 0)
        return 0;
    if (folded >= 64 && can_fold())
        crc = ~fold_all(~crc, data, folded);
    else
        folded = 0;
    return (uint32_t)crc32_z(crc, (const uint8_t *)data + folded, size - folded);
}

#else

uint32_t hash_crc32(const void *data, size_t size)
{
    return size ? (uint32_t)crc32_z(0, data, size) : 0;
}

#endif
