/* Element by element between bytes and floats, in the arithmetic of QuantizeLinear and DequantizeLinear to the bit. */
#include <math.h>

#include "kernel/isa/bytes.h"
#include "kernel/isa/isa.h"
#include "kernel/isa/part.h"

V_FN v_i32 load(const void *p, size_t i, int count)
{
    const uint8_t *at = (const uint8_t *)p + i;
    return count == VL ? v_load_bytes(at, false) : v_load_bytes_n(at, false, count);
}

V_FN void store(void *p, size_t i, int count, v_i32 x)
{
    uint8_t *at = (uint8_t *)p + i;
    if (count == VL)
        v_store_bytes(at, x);
    else
        v_store_bytes_n(at, x, count);
}

/* A scale to divide by. */
struct divisor {
    v_f32 scale, reciprocal;
    bool is_usual; /* neither so large nor so small that a step of quotient() leaves the range of floats */
};

V_FN struct divisor divisor_of(float scale, bool usual_operands)
{
    bool is_usual = V_FUSES && usual_operands && fabsf(scale) > 0x1p-30f && fabsf(scale) < 0x1p30f;
    return (struct divisor){v_set1(scale), v_set1(1 / scale), is_usual};
}

/* x / scale to the bit: by the reciprocal, whose remainder is exact and corrects the last place (Markstein,
 * "Computation of elementary functions on the IBM RISC System/6000", 1990). A division takes longer than the rest. */
V_FN v_f32 quotient(v_f32 x, const struct divisor *d, bool is_usual)
{
    if (!is_usual)
        return v_div(x, d->scale);
    v_f32 q = v_mul(x, d->reciprocal);
    return v_fma(v_fnma(q, d->scale, x), d->reciprocal, q);
}

/* What numbers are divided by, and bounds: beyond `most`, 1024 usual steps, all are bytes' bounds, and no step of
 * quotient() is infinite. */
struct steps {
    struct divisor of;
    v_f32 least, most, low;
};

/* What is no number becomes the least. */
V_FN v_f32 count_steps(const float *in, int count, const struct steps *s, bool is_usual)
{
    v_f32 q = quotient(v_min(s->most, v_max(s->least, part_load(in, count))), &s->of, is_usual);
    return v_select(v_lt(s->low, q), q, s->low);
}

V_FN void quantize_part(size_t i, int count, void *out, const float *in, const struct steps *s,
                        const struct v_rounding *r)
{
    store(out, i, count, v_round_lowest(count_steps(in + i, count, s, s->of.is_usual), r));
}

#define FETCH_AHEAD 1024 /* floats: of rows that follow each other in one of several planes */

/* By a usual scale four vectors are narrowed together. */
void K(quantize_8)(void *out, const float *in, size_t n, float scale, const struct kernel_rounding *rounding)
{
    const struct v_rounding r = v_rounding_of(rounding);
    const struct v_narrowing narrowing = v_narrowing_of(rounding);
    struct steps s = {.of = divisor_of(scale, true), .low = r.low};
    s.most = v_set1(s.of.is_usual ? fabsf(scale) * 1024 : INFINITY);
    s.least = v_sub(v_zero(), s.most);
    uint8_t *to = out;
    for (; s.of.is_usual && n >= 4 * VL; n -= 4 * VL, to += 4 * VL, in += 4 * VL) {
        v_f32 q[4];
        V_UNROLL(4)
        for (int j = 0; j < 4; j++) {
            __builtin_prefetch(in + FETCH_AHEAD + j * VL);
            q[j] = count_steps(in + j * VL, VL, &s, true);
        }
        v_bytes bytes = v_round_bytes(q, &narrowing, false);
        memcpy(to, &bytes, sizeof bytes);
    }
    PART_LOOP_LONG(n, quantize_part, to, in, &s, &r);
}

/* Bytes of either kind as u8: what is s8 becomes so by 128 more, as its zero point does. */
struct reals {
    v_i32 turn;
    v_f32 zero, scale;
};

V_FN struct reals reals_of(const struct kernel_byte *of)
{
    const int turn = of->is_signed ? 0x80 : 0;
    return (struct reals){v_set1_i32(turn), v_set1(of->zero + (float)turn), v_set1(of->scale)};
}

V_FN v_f32 real_of(v_i32 x, const struct reals *of)
{
    return v_mul(v_sub(v_from_i32(x ^ of->turn), of->zero), of->scale);
}

V_FN void dequantize_part(size_t i, int count, float *out, const void *in, const struct reals *of)
{
    part_store(out + i, real_of(load(in, i, count), of), count);
}

void K(dequantize_8)(float *out, const void *in, size_t n, const struct kernel_byte *of)
{
    const struct reals reals = reals_of(of);
    PART_LOOP_LONG(n, dequantize_part, out, in, &reals);
}

/* ---- two operands ---- */

V_FN v_f32 operand(const void *p, size_t i, int count, int step, const struct reals *of)
{
    return real_of(step == 0 ? v_set1_i32(*(const uint8_t *)p) : load(p, i, count), of);
}

V_FN void binary_part(size_t i, int count, const struct kernel_binary_q8 *b, const struct reals *of,
                      const struct divisor *d, const struct v_rounding *r)
{
    v_f32 x = operand(b->a, i, count, b->a_step, &of[0]), y = operand(b->b, i, count, b->b_step, &of[1]);
    store(b->out, i, count, v_round_lowest(quotient(b->multiplies ? v_mul(x, y) : v_add(x, y), d, d->is_usual), r));
}

void K(binary_q8)(const struct kernel_binary_q8 *of)
{
    const struct kernel_binary_q8 b = *of;
    const struct v_rounding r = v_rounding_of(&b.rounding);
    const struct divisor a_of = divisor_of(b.a_of.scale, true), b_of = divisor_of(b.b_of.scale, a_of.is_usual),
                         d = divisor_of(b.scale, b_of.is_usual);
    const struct reals reals[2] = {reals_of(&b.a_of), reals_of(&b.b_of)};
    PART_LOOP_LONG(b.n, binary_part, &b, reals, &d, &r);
}

#if V_FUSES
V_FN v_f32 turned(const uint8_t *p, v_i32 turn)
{
    return v_from_i32(v_load_bytes(p, false) ^ turn);
}

V_FN void store_pairs(uint8_t *const *out, size_t at, const v_f32 *x, const struct v_narrowing *narrowing)
{
    v_bytes bytes = v_round_bytes(x, narrowing, true);
    v_store_some(out[0] + at, bytes, 0, 2, 2 * VL);
    v_store_some(out[1] + at, bytes, 2, 2, 2 * VL);
}

/* Two rows at a time, of two vectors each; the last one again where it is alone. */
void K(sum_rows_q8)(const struct kernel_sum_q8 *s, const struct kernel_rows_q8 *r, size_t n)
{
    const struct v_narrowing narrowing = v_narrowing_of(&s->rounding);
    const v_f32 one = v_set1(s->a_factor), two = v_set1(s->b_factor), shift = v_set1(s->shift);
    const v_i32 turn = v_set1_i32(s->turn);
    for (int i = 0; i < r->rows; i += 2) {
        int next = i + 1 < r->rows ? i + 1 : i;
        const uint8_t *a[] = {r->a[i], r->a[next]}, *b[] = {r->b[i], r->b[next]};
        uint8_t *out[] = {r->out[i], r->out[next]};
        for (size_t at = 0; at < n; at += 2 * VL) {
            v_f32 q[4];
            V_UNROLL(4)
            for (size_t j = 0; j < 4; j++) {
                size_t place = at + j % 2 * VL;
                q[j] = v_fma(turned(a[j / 2] + place, turn), one, v_fma(turned(b[j / 2] + place, turn), two, shift));
            }
            store_pairs(out, at, q, &narrowing);
        }
    }
}

/* So here, where the last vectors of a row may begin among those before. */
void K(lines_q8)(const struct kernel_lines_q8 *l)
{
    const struct v_narrowing narrowing = v_narrowing_of(&l->rounding);
    const v_i32 turn = v_set1_i32(l->turn);
    for (size_t i = 0; i < l->rows; i += 2) {
        ptrdiff_t row = (ptrdiff_t)i, next = row + (i + 1 < l->rows);
        const uint8_t *in[] = {l->in + row * l->in_step, l->in + next * l->in_step};
        uint8_t *out[] = {l->out + row * l->out_step, l->out + next * l->out_step};
        for (size_t first = 0; first < l->n; first += 2 * VL) {
            size_t at = first + 2 * VL < l->n ? first : l->n - 2 * VL;
            v_f32 q[4];
            V_UNROLL(4)
            for (size_t j = 0; j < 4; j++) {
                size_t place = at + j % 2 * VL;
                q[j] = v_fma(turned(in[j / 2] + place, turn), v_load(l->factor + place), v_load(l->shift + place));
            }
            store_pairs(out, at, q, &narrowing);
        }
    }
}
#endif

/* ---- rows ---- */

/* The mean of row[k][x * step + i] and so on, for output x. To s8 `turn` adds 128, which the bias takes off. */
V_FN void mean_part(size_t i, int count, const struct kernel_reduce_q8 *d, int x, const struct v_rounding *r, int turn)
{
    v_i32 sum = v_set1_i32(d->bias - turn * d->rows);
    for (int k = 0; k < d->rows; k++)
        sum = v_add_i32(sum, load((const uint8_t *)d->row[k] + x * d->step, i, count) ^ turn);
    store((uint8_t *)d->out + x * d->out_step, i, count,
          v_round_lowest(v_mul(v_from_i32(sum), v_set1(d->multiplier)), r));
}

/* Rows whose bytes' sums fit 16 bits. */
#define ROWS_16 256

typedef uint16_t v_words __attribute__((vector_size(VL * 4)));

/* Of four vectors of bytes together: in words, those at even places and those at odd ones, then in lanes. */
static void mean_block(const struct kernel_reduce_q8 *d, ptrdiff_t at, uint8_t *out, const struct v_rounding *r,
                       uint8_t turn)
{
    v_i32 sum[4];
    v_bytes all = {0};
    V_UNROLL(4)
    for (int j = 0; j < 4; j++)
        sum[j] = v_set1_i32(d->bias - turn * d->rows);
    for (int k = 0, end; k < d->rows;) {
        v_words even = {0}, odd = {0};
        for (end = d->rows - k < ROWS_16 ? d->rows : k + ROWS_16; k < end; k++) {
            v_bytes x;
            memcpy(&x, (const uint8_t *)d->row[k] + at, sizeof x);
            x ^= turn;
            even += (v_words)x & 0xff;
            odd += (v_words)x >> 8;
        }
        sum[0] = v_add_i32(sum[0], (v_i32)even & 0xffff);
        sum[1] = v_add_i32(sum[1], (v_i32)odd & 0xffff);
        sum[2] = v_add_i32(sum[2], (v_i32)((v_u32)even >> 16));
        sum[3] = v_add_i32(sum[3], (v_i32)((v_u32)odd >> 16));
    }
    V_UNROLL(4)
    for (int j = 0; j < 4; j++) {
        v_i32 byte = v_round_lowest(v_mul(v_from_i32(sum[j]), v_set1(d->multiplier)), r) & 0xff;
        all |= (v_bytes)v_shl_i32(byte, 8 * j);
    }
    memcpy(out, &all, sizeof all);
}

/* The last block ends with the channels. */
static void mean_rows(const struct kernel_reduce_q8 *d, uint8_t turn)
{
    const struct v_rounding r = v_rounding_of(&d->rounding);
    const size_t block = sizeof(v_bytes), n = d->channels;
    for (int x = 0; x < d->width; x++) {
        ptrdiff_t at = x * d->step;
        uint8_t *out = (uint8_t *)d->out + x * d->out_step;
        for (size_t i = 0; !V_SMALL && i < n && n >= block; i += block) {
            size_t first = i < n - block ? i : n - block;
            mean_block(d, at + (ptrdiff_t)first, out + first, &r, turn);
        }
        if (V_SMALL || n < block)
            PART_LOOP_LONG(n, mean_part, d, x, &r, turn);
    }
}

typedef uint8_t bytes_16 __attribute__((vector_size(16)));
typedef uint8_t bytes_8 __attribute__((vector_size(8)));

#if defined(ISA_avx512)
#define LARGER_v_bytes(a, b) (v_bytes) _mm512_max_epu8((__m512i)(a), (__m512i)(b))
#elif defined(ISA_avx2)
#define LARGER_v_bytes(a, b) (v_bytes) _mm256_max_epu8((__m256i)(a), (__m256i)(b))
#else
#define LARGER_v_bytes  LARGER_bytes_8
#define LARGER_bytes_16 LARGER_bytes_8
#endif
#if defined(ISA_avx2) || defined(ISA_avx512)
#define LARGER_bytes_16(a, b) (bytes_16) _mm_max_epu8((__m128i)(a), (__m128i)(b))
#endif
#define LARGER_bytes_8(a, b) (((a) & (__typeof__(a))((a) > (b))) | ((b) & (__typeof__(a))((a) <= (b))))
#define LARGER_uint8_t(a, b) ((a) > (b) ? (a) : (b))

/* The largest of the rows' bytes from i on, as many as `type` holds, for all outputs: so many of them at a time share
 * the loads of the rows' addresses. A byte's order is that of u8 once the sign of s8 is turned. */
#define LARGEST(name, type, places)                                                                                    \
    V_FN void name(const struct kernel_reduce_q8 *d, ptrdiff_t at, uint8_t *out, uint8_t turn)                         \
    {                                                                                                                  \
        const void *const *row = d->row, *const *end = row + d->rows;                                                  \
        type most[places], x;                                                                                          \
        _Pragma("GCC unroll 4") for (int j = 0; j < (places); j++) most[j] = (type){0};                                \
        for (; row < end; row++) {                                                                                     \
            const uint8_t *from = (const uint8_t *)*row + at;                                                          \
            _Pragma("GCC unroll 4") for (int j = 0; j < (places); j++)                                                 \
            {                                                                                                          \
                memcpy(&x, from + j * d->step, sizeof x);                                                              \
                x ^= turn;                                                                                             \
                most[j] = LARGER_##type(most[j], x);                                                                   \
            }                                                                                                          \
        }                                                                                                              \
        _Pragma("GCC unroll 4") for (int j = 0; j < (places); j++)                                                     \
        {                                                                                                              \
            x = most[j] ^ turn;                                                                                        \
            memcpy(out + j * d->out_step, &x, sizeof x);                                                               \
        }                                                                                                              \
    }
#define LARGEST_OF_ALL(type, together)                                                                                 \
    LARGEST(one_##type, type, 1)                                                                                       \
    LARGEST(some_##type, type, together)                                                                               \
    static void largest_##type(const struct kernel_reduce_q8 *of, size_t i, uint8_t turn)                              \
    {                                                                                                                  \
        const struct kernel_reduce_q8 d = *of;                                                                         \
        ptrdiff_t at = (ptrdiff_t)i;                                                                                   \
        uint8_t *out = (uint8_t *)d.out + i;                                                                           \
        int left = d.width;                                                                                            \
        for (; (together) > 1 && left >= (together); left -= (together)) {                                             \
            some_##type(&d, at, out, turn);                                                                            \
            at += (together)*d.step;                                                                                   \
            out += (together)*d.out_step;                                                                              \
        }                                                                                                              \
        for (; left > 0; left--, at += d.step, out += d.out_step)                                                      \
            one_##type(&d, at, out, turn);                                                                             \
    }
LARGEST_OF_ALL(v_bytes, V_SMALL ? 1 : 4)
LARGEST_OF_ALL(bytes_16, 1)
LARGEST_OF_ALL(bytes_8, 1)
LARGEST_OF_ALL(uint8_t, 1)

/* In the largest vectors that the rows fill; the last one ends with them, and may do some bytes again. */
static void max_rows(const struct kernel_reduce_q8 *d, uint8_t turn)
{
    static const struct {
        size_t bytes;
        void (*run)(const struct kernel_reduce_q8 *d, size_t i, uint8_t turn);
    } sizes[] = {
        {sizeof(v_bytes), largest_v_bytes}, {16, largest_bytes_16}, {8, largest_bytes_8}, {1, largest_uint8_t}};
    size_t n = d->channels;
    int size = 0;
    while (sizes[size].bytes > n)
        size++;
    for (size_t i = 0, step = sizes[size].bytes; i < n; i += step)
        sizes[size].run(d, i < n - step ? i : n - step, turn);
}

void K(reduce_rows_q8)(const struct kernel_reduce_q8 *d)
{
    (d->mean ? mean_rows : max_rows)(d, d->is_signed ? 0x80 : 0);
}
