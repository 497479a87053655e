/* Tables of 256 bytes: 16 shuffles, each for the bytes whose upper half is one of 16. */
#include "kernel/isa/bytes.h"
#include "kernel/isa/isa.h"

/* From so many bytes on, those that do not fill a vector go through memory. */
#define REST_LEAST 12

#if defined(ISA_avx512)

#define STEP 64

static void look_up(uint8_t *out, const uint8_t *in, const uint8_t *table, uint8_t turn)
{
    __m512i x = _mm512_xor_si512(_mm512_loadu_si512(in), _mm512_set1_epi8((char)turn)), y = _mm512_setzero_si512();
    __m512i upper = _mm512_and_si512(x, _mm512_set1_epi8((char)0xf0));
    __m512i lower = _mm512_and_si512(x, _mm512_set1_epi8(15));
    V_NO_UNROLL
    for (int i = 0; i < 256; i += 16) {
        __m512i row = _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)(const void *)(table + i)));
        y = _mm512_mask_shuffle_epi8(y, _mm512_testn_epi8_mask(upper, upper), row, lower);
        upper = _mm512_sub_epi8(upper, _mm512_set1_epi8(16));
    }
    _mm512_storeu_si512(out, y);
}

#elif defined(ISA_avx2)

#define STEP 32

typedef uint8_t row_16 __attribute__((vector_size(16)));

/* What each row of a half of the table differs by from the one before. */
static void list_differences(uint8_t *to, const uint8_t *table)
{
    for (int i = 0; i < 256; i += 16) {
        row_16 row, before = {0};
        memcpy(&row, table + i, sizeof row);
        if (i % 128)
            memcpy(&before, table + i - 16, sizeof before);
        row ^= before;
        memcpy(to + i, &row, sizeof row);
    }
}

/* An index with its highest bit set gives 0, others what their lower halves say: a byte meets all rows of its half of
 * the table up to its own, whose differences add up to that. Bytes of the other half are negative, and stay so. */
static void look_up(uint8_t *out, const uint8_t *in, const uint8_t *table, uint8_t turn)
{
    const __m256i other = _mm256_set1_epi8((char)0x80);
    __m256i x = _mm256_loadu_si256((const __m256i *)(const void *)in), y = _mm256_setzero_si256();
    x = _mm256_xor_si256(x, _mm256_set1_epi8((char)turn));
    V_UNROLL(2)
    for (int half = 0; half < 2; half++) {
        __m256i at = half ? _mm256_xor_si256(x, other) : x;
        V_UNROLL(8)
        for (int i = 8 * half; i < 8 * half + 8; i++) {
            __m256i row = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)(table + 16 * i)));
            y = _mm256_xor_si256(y, _mm256_shuffle_epi8(row, at));
            at = _mm256_subs_epi8(at, _mm256_set1_epi8(16));
        }
    }
    _mm256_storeu_si256((__m256i *)(void *)out, y);
}

/* Bytes become the upper halves of words. */
V_FN void line_part(uint8_t *out, const uint8_t *in, const struct kernel_line *line)
{
    const __m256i turn = _mm256_set1_epi8((char)line->in_turn), factor = _mm256_set1_epi16((short)line->factor),
                  plus = _mm256_set1_epi16((short)line->plus), minus = _mm256_set1_epi16((short)line->minus);
    __m256i x = _mm256_loadu_si256((const __m256i *)(const void *)in) ^ turn, zero = _mm256_setzero_si256();
    __m256i half[2] = {_mm256_unpacklo_epi8(zero, x), _mm256_unpackhi_epi8(zero, x)};
    V_UNROLL(2)
    for (int i = 0; i < 2; i++) {
        half[i] = _mm256_adds_epu16(_mm256_mulhi_epu16(half[i], factor), plus);
        half[i] = _mm256_srli_epi16(_mm256_subs_epu16(half[i], minus), 8);
    }
    x = _mm256_packus_epi16(half[0], half[1]) ^ _mm256_set1_epi8((char)line->out_turn);
    _mm256_storeu_si256((__m256i *)(void *)out, x);
}

void line_8_avx2(void *out, const void *in, size_t n, const struct kernel_line *of)
{
    const struct kernel_line line = *of;
    uint8_t *to = out, rest[STEP] = {0};
    const uint8_t *from = in;
    for (; n >= STEP; n -= STEP, to += STEP, from += STEP)
        line_part(to, from, &line);
    if (n == 0)
        return;
    memcpy(rest, from, n);
    line_part(rest, rest, &line);
    memcpy(to, rest, n);
}

#endif

void K(table_8)(void *out, const void *in, size_t n, const uint8_t *table, uint8_t turn)
{
    const uint8_t *from = in;
    uint8_t *to = out;
    size_t i = 0;
#ifdef STEP
#if defined(ISA_avx2)
    uint8_t rows[256];
    if (n >= REST_LEAST)
        list_differences(rows, table);
#else
    const uint8_t *rows = table;
#endif
    for (; n - i >= STEP; i += STEP)
        look_up(to + i, from + i, rows, turn);
    if (n - i >= REST_LEAST) {
        uint8_t rest[STEP] = {0};
        memcpy(rest, from + i, n - i);
        look_up(rest, rest, rows, turn);
        memcpy(to + i, rest, n - i);
        i = n;
    }
#endif
    for (; i < n; i++)
        to[i] = table[from[i] ^ turn];
}

#if defined(ISA_avx512)

/* By AVX-512 VBMI, in two halves of 128 bytes. Their vectors are no array: that would pass memory. A load waits for the
 * store before where their vectors overlap, masked or not: rows of a part of the channels are done in half vectors. */
__attribute__((target("avx512vbmi"))) void table_8_vbmi(void *out, const void *in, size_t n, const uint8_t *table,
                                                        uint8_t turn)
{
    const __m512i one = _mm512_loadu_si512(table), two = _mm512_loadu_si512(table + 64),
                  three = _mm512_loadu_si512(table + 128), four = _mm512_loadu_si512(table + 192);
    const bool is_short = n <= 32;
    for (size_t i = 0; i < n; i += 64) {
        __mmask64 here = n - i < 64 ? ((__mmask64)1 << (n - i)) - 1 : ~(__mmask64)0;
        __m512i x = is_short ? _mm512_castsi256_si512(_mm256_maskz_loadu_epi8((__mmask32)here, in))
                             : _mm512_maskz_loadu_epi8(here, (const uint8_t *)in + i);
        x = _mm512_xor_si512(x, _mm512_set1_epi8((char)turn));
        __m512i low = _mm512_permutex2var_epi8(one, x, two);
        __m512i high = _mm512_permutex2var_epi8(three, x, four);
        low = _mm512_mask_blend_epi8(_mm512_movepi8_mask(x), low, high);
        if (is_short)
            _mm256_mask_storeu_epi8(out, (__mmask32)here, _mm512_castsi512_si256(low));
        else
            _mm512_mask_storeu_epi8((uint8_t *)out + i, here, low);
    }
}

#endif
