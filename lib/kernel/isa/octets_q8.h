/* Rows and sums of gemm_q8.c's products for small elements, on AVX2 without VNNI. vpmaddubsw multiplies twice as many
 * bytes as vpmaddwd does words, but adds pairs of products in 16 bits, where they may saturate. They cannot where the
 * elements that meet in a sum are 256 together, since 256 * -128 is the least that fits, whatever the weights are. What
 * follows a ReLU is mostly so. What is spread about its zero point is so less that, where B, with 128 more to each
 * weight, takes the side that has no signs: positive elements that meet are 127 together at most, and negative ones
 * -127. Each tile's rows are sorted first, by what is true of all of them:
 *
 *   small    octets of which four elements may be summed in 16 bits: 5 operations on a vector of columns
 *   medium   quads of which two may be: 3, so 6 for an octet
 *   large    quads that are multiplied as words: 4, and B has to be widened
 */
#ifndef KERNEL_ISA_OCTETS_Q8_H
#define KERNEL_ISA_OCTETS_Q8_H

#include "kernel/isa/dot.h"
#include "kernel/isa/tile.h"

#ifdef DOT_OCTETS

#define OCTETS_KR 4
#define QUAD      OCTETS_KR
#define OCTET     (2 * QUAD)
#define SMALL_MAX 256 /* of the elements that are summed in 16 bits */
#define SIDE_MAX  127 /* of those of either sign */
#define BLOCK     32  /* elements that are looked at together */
#define BEYOND    4   /* entries that may be written behind a list */

/* Bytes of each element, its word, and its share of the lists, which leaves at least 3 bytes of each column for what
 * is behind them. */
#define OCTETS_SCRATCH .scratch = 4, .scratch_rows = GEMM_MR, .scratch_k = BLOCK

/* GEMM_MR rows: the last one again and again where there are fewer, so that its results are stored again. All taps are
 * in a row. */
struct octets {
    uint8_t *bytes; /* [GEMM_MR][length] */
    int16_t *words; /* [GEMM_MR][length], of large quads: the even elements, then the odd ones */
    ptrdiff_t length;
    uint32_t *small, *medium, *large, *small_end, *medium_end, *large_end; /* where each begins in a row */
    int zero;               /* what is taken off elements, of u8; 0: nothing, and B is s8 */
    int32_t begin[GEMM_MR]; /* what a row's sums begin at, beside biases: what the 128 that weights have more make */
};

/* ---- rows ---- */

V_FN void copy_block(uint8_t *to, const uint8_t *from)
{
    _mm256_storeu_si256((__m256i *)(void *)to, _mm256_loadu_si256((const __m256i *)(const void *)from));
}

/* What is left of a run is copied with elements before it, again. */
V_FN void copy_run(uint8_t *restrict to, const uint8_t *restrict from, int k)
{
    if (k >= BLOCK) {
        for (int i = 0; i < k - BLOCK; i += BLOCK)
            copy_block(to + i, from + i);
        copy_block(to + k - BLOCK, from + k - BLOCK);
    } else if (k >= 16) {
        memcpy(to, from, 16);
        memcpy(to + k - 16, from + k - 16, 16);
    } else if (k >= 8) {
        memcpy(to, from, 8);
        memcpy(to + k - 8, from + k - 8, 8);
    } else {
        for (int i = 0; i < k; i++)
            to[i] = from[i];
    }
}

/* `turn`: 0, or 0x80, which makes u8 of s8. Elements that are not there become `zero`. */
V_FN void copy_row(uint8_t *to, ptrdiff_t length, const struct kernel_gemm *g, const uint8_t *from, ptrdiff_t run,
                   int turn, int zero)
{
    const __m256i none = _mm256_set1_epi8((char)(turn ^ zero)), turns = _mm256_set1_epi8((char)turn);
    memcpy(to + length - BLOCK, &none, BLOCK);
    for (int t = 0; t < g->taps; t++) {
        memcpy(to + (t + 1) * run - QUAD, &none, QUAD);
        copy_run(to + t * run, from + g->tap[t], g->k);
    }
    for (ptrdiff_t i = 0; turn && i < length; i += BLOCK)
        *(__m256i *)(void *)(to + i) ^= turns;
}

/* What four elements of an octet, and two of a quad, are together at most in some row. */
struct most {
    __m256i octets, quads;
};

V_FN __m256i fours(__m256i pairs)
{
    return _mm256_add_epi16(pairs, _mm256_shuffle_epi32(pairs, 0xb1));
}

V_FN struct most most_of_block(const uint8_t *block, ptrdiff_t length)
{
    struct most most = {_mm256_setzero_si256(), _mm256_setzero_si256()};
    V_UNROLL(6)
    for (int i = 0; i < GEMM_MR; i++) {
        __m256i x = *(const __m256i *)(const void *)(block + i * length);
        __m256i sums = _mm256_maddubs_epi16(x, _mm256_set1_epi8(1));
        most.quads = _mm256_max_epi16(most.quads, sums);
        most.octets = _mm256_max_epi16(most.octets, fours(sums));
    }
    return most;
}

/* The same of what elements are more than zero, and less, which is taken off them. sum[GEMM_MR] gets the rows', in
 * parts. */
V_FN struct most most_about_zero(uint8_t *block, ptrdiff_t length, int taken, __m256i *sum)
{
    struct most most = {_mm256_setzero_si256(), _mm256_setzero_si256()};
    const __m256i zero = _mm256_set1_epi8((char)taken), ones = _mm256_set1_epi8(1);
    V_NO_UNROLL
    for (int i = 0; i < GEMM_MR; i++, block += length) {
        __m256i *p = (__m256i *)(void *)block, x = *p, more = _mm256_maddubs_epi16(_mm256_subs_epu8(x, zero), ones),
                less = _mm256_maddubs_epi16(_mm256_subs_epu8(zero, x), ones);
        *p = _mm256_sub_epi8(x, zero);
        most.quads = _mm256_max_epi16(most.quads, _mm256_max_epi16(more, less));
        most.octets = _mm256_max_epi16(most.octets, _mm256_max_epi16(fours(more), fours(less)));
        sum[i] = _mm256_add_epi32(sum[i], _mm256_madd_epi16(_mm256_sub_epi16(more, less), _mm256_set1_epi16(1)));
    }
    return most;
}

/* A bit for each quad of which no sum is above `limit`. */
V_FN unsigned small_quads(__m256i sums, int limit)
{
    __m256i above = _mm256_cmpgt_epi16(sums, _mm256_set1_epi16((short)limit));
    return (unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(_mm256_cmpeq_epi32(above, _mm256_setzero_si256())));
}

/* A block of each row, of what zero was taken off. */
V_FN void widen_block(const struct octets *r, ptrdiff_t at)
{
    const __m256i zero = _mm256_set1_epi8((char)r->zero), words = _mm256_set1_epi16((short)r->zero);
    for (int i = 0; i < GEMM_MR; i++, at += r->length) {
        __m256i x = *(const __m256i *)(const void *)(r->bytes + at);
        x = _mm256_add_epi8(x, zero);
        __m256i even = _mm256_sub_epi16(_mm256_and_si256(x, _mm256_set1_epi16(0xff)), words),
                odd = _mm256_sub_epi16(_mm256_srli_epi16(x, 8), words);
        __m256i one = _mm256_unpacklo_epi32(even, odd), two = _mm256_unpackhi_epi32(even, odd);
        __m256i *to = (__m256i *)(void *)(r->words + at);
        _mm256_storeu_si256(to, _mm256_permute2x128_si256(one, two, 0x20));
        _mm256_storeu_si256(to + 1, _mm256_permute2x128_si256(one, two, 0x31));
    }
}

/* The bits that are set in each number of four bits, in order. What is behind them is not counted. */
static const uint8_t set_bits[16][4] = {{0},       {0},       {1},       {0, 1},    {2},       {0, 2},
                                        {1, 2},    {0, 1, 2}, {3},       {0, 3},    {1, 3},    {0, 1, 3},
                                        {2, 3},    {0, 2, 3}, {1, 2, 3}, {0, 1, 2, 3}};

/* Lists those of four neighbours, each of so many elements, whose bits are set. Branches would depend on the data. */
V_FN uint32_t *put(uint32_t *end, ptrdiff_t first, unsigned which, int size)
{
    int32_t bits;
    memcpy(&bits, set_bits[which], sizeof bits);
    __m128i at = _mm_mullo_epi16(_mm_cvtepu8_epi32(_mm_cvtsi32_si128(bits)), _mm_set1_epi32(size));
    _mm_storeu_si128((__m128i *)(void *)end, _mm_add_epi32(at, _mm_set1_epi32((int)first)));
    return end + __builtin_popcount(which);
}

V_FN uint32_t *put_quads(uint32_t *end, ptrdiff_t first, unsigned which)
{
    return put(put(end, first, which & 15, QUAD), first + 4 * QUAD, which >> 4, QUAD);
}

/* Every other bit of eight. */
V_FN unsigned even_bits(unsigned bits)
{
    bits &= 0x55;
    bits = (bits | bits >> 1) & 0x33;
    return (bits | bits >> 2) & 15;
}

/* Lists those of a block, of which the rows have so many elements. */
V_FN void sort_block(struct octets *r, ptrdiff_t at, ptrdiff_t elements, __m256i *sum)
{
    struct most most =
        r->zero ? most_about_zero(r->bytes + at, r->length, r->zero, sum) : most_of_block(r->bytes + at, r->length);
    int limit = r->zero ? SIDE_MAX : SMALL_MAX, quads = elements < BLOCK ? (int)elements / QUAD : BLOCK / QUAD;
    unsigned all = (1u << quads) - 1, octets = (1u << quads / 2 * 2) - 1,
             small = small_quads(most.octets, limit) & octets, rest = all & ~small,
             large = rest & ~small_quads(most.quads, limit);
    r->small_end = put(r->small_end, at, even_bits(small), OCTET);
    r->medium_end = put_quads(r->medium_end, at, rest & ~large);
    if (large) {
        widen_block(r, at);
        r->large_end = put_quads(r->large_end, at, large);
    }
}

V_FN int32_t sum_of_parts(__m256i parts)
{
    __m128i four = _mm_add_epi32(_mm256_castsi256_si128(parts), _mm256_extracti128_si256(parts, 1)),
            two = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0x4e));
    return _mm_extract_epi32(two, 0) + _mm_extract_epi32(two, 1);
}

/* The rows of a call, with taps of `run` elements; c[GEMM_MR]: their results. */
V_FN void octets_find(struct octets *to, const struct kernel_gemm *g, ptrdiff_t run, int turn, int zero, void **c)
{
    __m256i sum[GEMM_MR] = {{0}};
    const int m = GEMM_MR;
    ptrdiff_t all = run * g->taps, length = (all + BLOCK - 1) / BLOCK * BLOCK;
    uint8_t *bytes = g->scratch;
    int16_t *words = (int16_t *)(void *)(bytes + m * length);
    uint32_t *small = (uint32_t *)(void *)(words + m * length), *medium = small + length / OCTET + BEYOND,
             *large = medium + length / QUAD + BEYOND;
    struct octets r = {bytes, words, length, small, medium, large, small, medium, large, zero, {0}};
    for (int i = 0; i < m; i++) {
        int from = i < g->m ? i : g->m - 1;
        c[i] = g->c[from];
        copy_row(bytes + i * length, length, g, g->a[from], run, turn, zero);
    }
    for (ptrdiff_t at = 0; at < all; at += BLOCK)
        sort_block(&r, at, all - at, sum);
    *to = r;
    for (int i = 0; zero && i < m; i++)
        to->begin[i] = -128 * sum_of_parts(sum[i]);
}

/* ---- sums ---- */

V_FN v_i32 four_bytes(const void *p)
{
    int32_t x;
    memcpy(&x, p, sizeof x);
    return v_set1_i32(x);
}

V_FN __m256i quad_columns(const int8_t *b, int vector)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)(b + vector * VL * QUAD));
}

/* acc[i][v] += an octet of row i by the columns' two quads. Products come first, as in v_madd_pairs_both(). `about`:
 * zero, so that B is u8. */
V_FN void add_small(v_i32 *acc, const uint8_t *const *row, ptrdiff_t at, const int8_t *b, __m256i ones, int m,
                    int vectors, bool about)
{
    const __m256i q0 = quad_columns(b, 0), q1 = quad_columns(b, 1);
    V_UNROLL(4)
    for (int i = 0; i < m; i++) {
        v_i32 x = four_bytes(row[i] + at), y = four_bytes(row[i] + at + QUAD), one, two;
        if (vectors == 2 && about)
            __asm__("vpmaddubsw %2, %6, %4\n\tvpmaddubsw %2, %7, %2\n\t"
                    "vpmaddubsw %3, %8, %5\n\tvpmaddubsw %3, %9, %3\n\t"
                    "vpaddw %5, %4, %4\n\tvpaddw %3, %2, %2\n\t"
                    "vpmaddwd %10, %4, %4\n\tvpmaddwd %10, %2, %2\n\t"
                    "vpaddd %4, %0, %0\n\tvpaddd %2, %1, %1"
                    : "+x"(acc[2 * i]), "+x"(acc[2 * i + 1]), "+x"(x), "+x"(y), "=&x"(one), "=&x"(two)
                    : "x"(q0), "x"(q1), "x"(quad_columns(b, 2)), "x"(quad_columns(b, 3)), "x"(ones));
        else if (vectors == 2)
            __asm__("vpmaddubsw %6, %2, %4\n\tvpmaddubsw %7, %2, %2\n\t"
                    "vpmaddubsw %8, %3, %5\n\tvpmaddubsw %9, %3, %3\n\t"
                    "vpaddw %5, %4, %4\n\tvpaddw %3, %2, %2\n\t"
                    "vpmaddwd %10, %4, %4\n\tvpmaddwd %10, %2, %2\n\t"
                    "vpaddd %4, %0, %0\n\tvpaddd %2, %1, %1"
                    : "+x"(acc[2 * i]), "+x"(acc[2 * i + 1]), "+x"(x), "+x"(y), "=&x"(one), "=&x"(two)
                    : "x"(q0), "x"(q1), "x"(quad_columns(b, 2)), "m"(*(const int8_t(*)[VL * QUAD])(b + 3 * VL * QUAD)),
                      "x"(ones));
        else
            __asm__("vpmaddubsw %3, %1, %1\n\tvpmaddubsw %4, %2, %2\n\tvpaddw %1, %2, %2\n\t"
                    "vpmaddwd %5, %2, %2\n\tvpaddd %2, %0, %0"
                    : "+x"(acc[i]), "+x"(x), "+x"(y)
                    : "x"(q0), "x"(q1), "x"(ones));
    }
}

/* The same of a quad. */
V_FN void add_medium(v_i32 *acc, const uint8_t *const *row, ptrdiff_t at, const int8_t *b, __m256i ones, int m,
                     int vectors, bool about)
{
    const __m256i q0 = quad_columns(b, 0);
    V_UNROLL(4)
    for (int i = 0; i < m; i++) {
        v_i32 x = four_bytes(row[i] + at), one;
        if (vectors == 2 && about)
            __asm__("vpmaddubsw %2, %4, %3\n\tvpmaddubsw %2, %5, %2\n\tvpmaddwd %6, %3, %3\n\t"
                    "vpmaddwd %6, %2, %2\n\tvpaddd %3, %0, %0\n\tvpaddd %2, %1, %1"
                    : "+x"(acc[2 * i]), "+x"(acc[2 * i + 1]), "+x"(x), "=&x"(one)
                    : "x"(q0), "x"(quad_columns(b, 1)), "x"(ones));
        else if (vectors == 2)
            __asm__("vpmaddubsw %4, %2, %3\n\tvpmaddubsw %5, %2, %2\n\tvpmaddwd %6, %3, %3\n\t"
                    "vpmaddwd %6, %2, %2\n\tvpaddd %3, %0, %0\n\tvpaddd %2, %1, %1"
                    : "+x"(acc[2 * i]), "+x"(acc[2 * i + 1]), "+x"(x), "=&x"(one)
                    : "x"(q0), "x"(quad_columns(b, 1)), "x"(ones));
        else
            __asm__("vpmaddubsw %2, %1, %1\n\tvpmaddwd %3, %1, %1\n\tvpaddd %1, %0, %0"
                    : "+x"(acc[i]), "+x"(x)
                    : "x"(q0), "x"(ones));
    }
}

/* The same of a quad as words. */
V_FN void add_large(v_i32 *acc, const int16_t *a, ptrdiff_t row, const int8_t *b, int m, int vectors, bool about)
{
    __builtin_prefetch(b + GEMM_AHEAD);
    V_UNROLL(2)
    for (int odd = 0; odd < 2; odd++) {
        v_i32 bv[2];
        /* Loads again, rather than keeps; and rows by two addresses, rather than six. */
        const int16_t *half[2] = {a + 2 * odd, a + 2 * odd + (m / 2) * row};
        __asm__("" : "+r"(b), "+r"(half[0]), "+r"(half[1]));
        V_UNROLL(2)
        for (int v = 0; v < vectors; v++) {
            __m256i x = odd ? quad_columns(b, v) : _mm256_slli_epi16(quad_columns(b, v), 8);
            bv[v] = (v_i32)(about ? _mm256_srli_epi16(x, 8) : _mm256_srai_epi16(x, 8));
        }
        V_UNROLL(8)
        for (int i = 0; i < m; i++) {
            v_i32 x = four_bytes(i < m / 2 ? half[0] + i * row : half[1] + (i - m / 2) * row);
            if (vectors == 2)
                v_madd_pairs_both(&acc[i * 2], x, bv);
            else
                v_madd_pairs(&acc[i], x, bv[0]);
        }
    }
}

/* Where a quad's columns are, in two operations. The multipliers are what limits these loops while a thread has its
 * core for itself; where it shares it, as virtual ones do with strangers, operations of any kind and loads do. */
V_FN const int8_t *columns_of(const int8_t *panel, ptrdiff_t at, ptrdiff_t columns)
{
    ptrdiff_t half = at * (columns / 2);
    __asm__("" : "+r"(half));
    return panel + 2 * half;
}

/* acc[i][v] += some of the rows by a panel's columns, bytes. */
V_FN void add_bytes(v_i32 *acc, const struct octets *r, int first, const int8_t *panel, struct fetch *f, int m,
                    int vectors, bool about)
{
    const ptrdiff_t columns = vectors * VL;
    const bool is_new = first == 0; /* the columns: those of later rows find them in the level-1 cache */
    const uint8_t *row[GEMM_MR];
    __m256i ones = _mm256_set1_epi16(1);
    __asm__("" : "+x"(ones)); /* not loaded each time */
    V_UNROLL(4)
    for (int i = 0; i < m; i++) {
        row[i] = r->bytes + (first + i) * r->length;
        __asm__("" : "+r"(row[i]));
    }
    for (const uint32_t *at = r->small; at < r->small_end; at++) {
        const int8_t *b = columns_of(panel, *at, columns);
        fetch_next(f, 2);
        if (is_new) {
            __builtin_prefetch(b + GEMM_AHEAD);
            __builtin_prefetch(b + GEMM_AHEAD + 64);
        }
        add_small(acc, row, *at, b, ones, m, vectors, about);
    }
    for (const uint32_t *at = r->medium; at < r->medium_end; at++) {
        const int8_t *b = columns_of(panel, *at, columns);
        fetch_next(f, 1);
        if (is_new)
            __builtin_prefetch(b + GEMM_AHEAD);
        add_medium(acc, row, *at, b, ones, m, vectors, about);
    }
}

/* acc[i][v] += the rows by a panel's columns: bytes by half of the rows at a time, since registers are few. */
V_FN void add_rows(v_i32 *acc, const struct octets *r, const int8_t *panel, struct fetch *f, int m, int vectors,
                   bool about)
{
    const ptrdiff_t columns = vectors * VL;
    const int some = m / 2;
    V_UNROLL(2)
    for (int i = 0; i < m; i += some)
        add_bytes(acc + i * vectors, r, i, panel, f, some, vectors, about);
    for (const uint32_t *at = r->large; at < r->large_end; at++) {
        fetch_next(f, 2);
        add_large(acc, r->words + *at, r->length, panel + *at * columns, m, vectors, about);
    }
}

V_FN void octets_sum(v_i32 *acc, const struct octets *r, const int8_t *panel, struct fetch *f, int m, int vectors)
{
    /* As likely as not: both have loops that begin where the processor likes it. */
    if (vectors == 1 || __builtin_expect_with_probability(!r->zero, true, 0.5)) {
        add_rows(acc, r, panel, f, m, vectors, false);
        return;
    }
    V_UNROLL(16)
    for (int i = 0; i < m * vectors; i++)
        acc[i] = v_add_i32(acc[i], v_set1_i32(r->begin[i / vectors]));
    add_rows(acc, r, panel, f, m, vectors, true);
}

#endif

#endif
