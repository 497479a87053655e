/* Softmax and layer normalisation of one row between bytes. What is summed are whole numbers: sums are exact. */
#include <math.h>

#include "kernel/isa/bytes.h"
#include "kernel/isa/isa.h"

enum {
    BLOCK = sizeof(v_bytes),
    TOGETHER = 32, /* rows: what is found of each is waited for longer than it takes to find it of the next */
};

/* Block by block; the last one ends with the row. */
#define FOR_BLOCKS(at, n) for (size_t i_ = 0, at; (at = i_ + BLOCK < (n) ? i_ : (n)-BLOCK), i_ < (n); i_ += BLOCK)

V_FN v_bytes load_turned(const uint8_t *p, uint8_t turn)
{
    v_bytes x;
    memcpy(&x, p, sizeof x);
    return x ^ turn;
}

/* ---- softmax ---- */

V_FN v_bytes larger(v_bytes a, v_bytes b)
{
#if defined(ISA_avx512)
    return (v_bytes)_mm512_max_epu8((__m512i)a, (__m512i)b);
#elif defined(ISA_avx2)
    return (v_bytes)_mm256_max_epu8((__m256i)a, (__m256i)b);
#else
    v_bytes is_larger = (v_bytes)(a > b);
    return (a & is_larger) | (b & ~is_larger);
#endif
}

V_FN int largest_lane(v_bytes x)
{
#if defined(ISA_avx512) || defined(ISA_avx2)
#if defined(ISA_avx512)
    __m256i half = _mm256_max_epu8(_mm512_castsi512_si256((__m512i)x), _mm512_extracti64x4_epi64((__m512i)x, 1));
#else
    __m256i half = (__m256i)x;
#endif
    __m128i rest = ~_mm_max_epu8(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));
    rest = _mm_minpos_epu16(_mm_min_epu8(rest, _mm_srli_epi16(rest, 8)));
    return UINT8_MAX - _mm_extract_epi16(rest, 0);
#else
    int largest = 0;
    for (int i = 0; i < BLOCK; i++)
        largest = x[i] > largest ? x[i] : largest;
    return largest;
#endif
}

V_FN int largest_byte(const uint8_t *in, size_t n, uint8_t turn)
{
    v_bytes most = {0};
    FOR_BLOCKS(at, n)
    {
        most = larger(most, load_turned(in + at, turn));
    }
    return largest_lane(most);
}

/* What becomes of each byte of a row whose weights have this sum. */
V_FN void list_bytes(uint8_t *table, const uint32_t *weight, uint64_t sum, const struct kernel_softmax_q8 *s)
{
    const struct v_narrowing narrowing = v_narrowing_of(&s->rounding);
    const v_f32 factor = v_set1((float)(1 / ((double)sum * (double)s->scale)));
    for (int i = 0; i < 256; i += BLOCK) {
        v_f32 q[4];
        V_UNROLL(4)
        for (int j = 0; j < 4; j++)
            q[j] = v_mul(v_from_i32(v_load_i32((const int32_t *)weight + i + j * VL)), factor);
        v_bytes bytes = v_round_bytes(q, &narrowing, false);
        memcpy(table + i, &bytes, sizeof bytes);
    }
}

/* Up to TOGETHER rows: their largest bytes, then their sums, then what becomes of them. */
#define SOFTMAX(name, attribute, sum_of_row, table_8)                                                                  \
    attribute static void name(const struct kernel_strips_q8 *r, size_t first, int rows,                               \
                               const struct kernel_softmax_q8 *s)                                                      \
    {                                                                                                                  \
        const uint8_t *in = r->in + (ptrdiff_t)first * r->in_step;                                                     \
        uint8_t *out = r->out + (ptrdiff_t)first * r->out_step, table[256];                                            \
        int skip[TOGETHER];                                                                                            \
        uint64_t sum[TOGETHER];                                                                                        \
        for (int i = 0; i < rows; i++)                                                                                 \
            skip[i] = 255 - largest_byte(in + i * r->in_step, r->n, s->turn);                                          \
        for (int i = 0; i < rows; i++)                                                                                 \
            sum[i] = sum_of_row(in + i * r->in_step, r->n, s, skip[i]);                                                \
        for (int i = 0; i < rows; i++) {                                                                               \
            list_bytes(table, s->weight + skip[i], sum[i], s);                                                         \
            table_8(out + i * r->out_step, in + i * r->in_step, r->n, table, s->turn);                                 \
        }                                                                                                              \
    }

#if defined(ISA_avx512)
#define VBMI __attribute__((target("avx512vbmi")))

/* Weights as bytes, in three planes, each of which four vectors hold. */
VBMI static inline uint64_t add_up_vbmi(const uint8_t *in, size_t n, const struct kernel_softmax_q8 *s, int skip)
{
    const uint8_t *plane = s->plane + skip;
    __m512i part[3][4], sum[3];
    V_UNROLL(3)
    for (int j = 0; j < 3; j++) {
        sum[j] = _mm512_setzero_si512();
        V_UNROLL(4)
        for (int i = 0; i < 4; i++)
            part[j][i] = _mm512_loadu_si512(plane + j * KERNEL_SOFTMAX_WEIGHTS + i * 64);
    }
    for (size_t i = 0; i < n; i += 64) {
        __mmask64 here = n - i < 64 ? ((__mmask64)1 << (n - i)) - 1 : ~(__mmask64)0;
        __m512i x = _mm512_maskz_loadu_epi8(here, in + i);
        x = _mm512_xor_si512(x, _mm512_set1_epi8((char)s->turn));
        __mmask64 upper = _mm512_movepi8_mask(x);
        V_UNROLL(3)
        for (int j = 0; j < 3; j++) {
            __m512i w = _mm512_maskz_permutex2var_epi8(here, part[j][0], x, part[j][1]);
            w = _mm512_mask_mov_epi8(w, upper & here, _mm512_permutex2var_epi8(part[j][2], x, part[j][3]));
            sum[j] = _mm512_add_epi64(sum[j], _mm512_sad_epu8(w, _mm512_setzero_si512()));
        }
    }
    sum[0] = _mm512_add_epi64(sum[0], _mm512_slli_epi64(sum[1], 8));
    return (uint64_t)_mm512_reduce_add_epi64(_mm512_add_epi64(sum[0], _mm512_slli_epi64(sum[2], 16)));
}

SOFTMAX(softmax_rows_vbmi, VBMI, add_up_vbmi, table_8_vbmi)

void softmax_q8_vbmi(const struct kernel_strips_q8 *r, const struct kernel_softmax_q8 *s)
{
    for (size_t i = 0; i < r->rows; i += TOGETHER)
        softmax_rows_vbmi(r, i, r->rows - i < TOGETHER ? (int)(r->rows - i) : TOGETHER, s);
}

#elif V_FUSES

SOFTMAX(softmax_rows, , kernel_softmax_sum, K(table_8))

void K(softmax_q8)(const struct kernel_strips_q8 *r, const struct kernel_softmax_q8 *s)
{
    for (size_t i = 0; i < r->rows; i += TOGETHER)
        softmax_rows(r, i, r->rows - i < TOGETHER ? (int)(r->rows - i) : TOGETHER, s);
}

#endif

#if V_FUSES && !defined(ISA_avx512)

/* ---- layer normalisation ---- */

typedef uint16_t v_words __attribute__((vector_size(VL * 4)));

struct sums {
    v_i32 sum, square;
};

V_FN void add_block(struct sums *s, v_bytes x)
{
    v_words even = (v_words)x & 0xff, odd = (v_words)x >> 8;
    v_madd_pairs(&s->sum, (v_i32)(even + odd), v_set1_i32(0x10001));
    v_madd_pairs(&s->square, (v_i32)even, (v_i32)even);
    v_madd_pairs(&s->square, (v_i32)odd, (v_i32)odd);
}

V_FN int64_t add_lanes(v_i32 x)
{
    int32_t lane[VL];
    int64_t sum = 0;
    memcpy(lane, &x, sizeof lane);
    for (int i = 0; i < VL; i++)
        sum += lane[i];
    return sum;
}

/* Factor and shift of a row: what is normalised is factor x + shift. */
V_FN void find_line(float *line, const uint8_t *in, size_t count, const struct kernel_norm_q8 *l)
{
    struct sums s = {{0}, {0}};
    size_t i = 0;
    for (; count - i >= BLOCK; i += BLOCK)
        add_block(&s, load_turned(in + i, l->turn));
    if (i < count) {
        uint8_t rest[BLOCK];
        memset(rest, l->turn, sizeof rest);
        memcpy(rest, in + i, count - i);
        add_block(&s, load_turned(rest, l->turn));
    }
    const double n = (double)count, sum = (double)add_lanes(s.sum), square = (double)add_lanes(s.square);
    const double centre = l->mean ? sum / n : (double)l->zero;
    const double spread =
        l->mean ? (n * square - sum * sum) / (n * n) : (square - 2 * centre * sum) / n + centre * centre;
    const double factor = 1 / sqrt(spread + l->epsilon);
    line[0] = (float)factor;
    line[1] = (float)(-centre * factor);
}

V_FN void norm_row(uint8_t *out, const uint8_t *in, size_t n, const float *line, const struct kernel_norm_q8 *l)
{
    const struct v_narrowing narrowing = v_narrowing_of(&l->rounding);
    const v_f32 factor = v_set1(line[0]), shift = v_set1(line[1]);
    const v_i32 turn = v_set1_i32(l->turn);
    FOR_BLOCKS(at, n)
    {
        v_f32 q[4];
        V_UNROLL(4)
        for (size_t j = 0; j < 4; j++) {
            size_t place = at + j * VL;
            v_f32 x = v_from_i32(v_load_bytes(in + place, false) ^ turn);
            q[j] = v_fma(v_fma(x, factor, shift), v_load(l->factor + place), v_load(l->shift + place));
        }
        v_bytes bytes = v_round_bytes(q, &narrowing, false);
        memcpy(out + at, &bytes, sizeof bytes);
    }
}

void K(norm_q8)(const struct kernel_strips_q8 *of, const struct kernel_norm_q8 *norm)
{
    const struct kernel_strips_q8 r = *of;
    const struct kernel_norm_q8 l = *norm;
    float line[TOGETHER][2];
    for (size_t first = 0, last; first < r.rows; first = last) {
        last = r.rows - first < TOGETHER ? r.rows : first + TOGETHER;
        for (size_t i = first; i < last; i++)
            find_line(line[i - first], r.in + (ptrdiff_t)i * r.in_step, r.n, &l);
        for (size_t i = first; i < last; i++)
            norm_row(r.out + (ptrdiff_t)i * r.out_step, r.in + (ptrdiff_t)i * r.in_step, r.n, line[i - first], &l);
    }
}

#endif
