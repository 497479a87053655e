/* Depthwise convolutions of bytes, by weights of up to 16 bits: two taps at a time, as pairs of 16 bits, in sums of s32
 * that are exact. What is s8 becomes u8 by 128 more, which who packs takes off the bias. The last block of channels
 * overlaps the one before where channels are no multiple of a block. */
#include "kernel/isa/bytes.h"
#include "kernel/isa/isa.h"

/* Vectors of channels in a block, if there are as many channels: bytes are cheap to pair within halves of 128 bits
 * alone, so that a vector has four channels of each half of a block of 32. */
#if defined(ISA_avx2)
#define WIDE 4
#else
#define WIDE 1
#endif
#define PIXELS 8 /* times vectors: sums at a time, which share the loads of weights */

static int vectors_of(int channels)
{
    return channels >= WIDE * VL ? WIDE : 1;
}

static int block_first(int block, int channels, int lanes)
{
    int first = block * lanes;
    return first + lanes <= channels || channels < lanes ? first : channels - lanes;
}

/* The channel, of a block's, that is lane i of a vector. */
static int channel_of(int vector, int i, int vectors)
{
    return vectors == 1 ? i : i / 4 * 16 + vector * 4 + i % 4;
}

/* Words of a vector's channels; 0 from NULL. */
V_FN v_f32 load_words(const void *from, int channel, int vector, int count, int vectors)
{
    const float *p = (const float *)from + channel;
    if (!from)
        return v_zero();
#if WIDE > 1
    if (vectors == WIDE)
        return (v_f32)_mm256_loadu2_m128(p + 16 + vector * 4, p + vector * 4);
#endif
    (void)vector, (void)vectors;
    return v_load_n(p, count);
}

V_FN v_i32 load_bytes(const uint8_t *p, int count)
{
    return count == VL ? v_load_bytes(p, false) : v_load_bytes_n(p, false, count);
}

/* Two taps of a block's channels side by side: as pairs of 16 bits, or of bytes, which pair_of() widens. */
V_FN void load_pairs(v_i32 *pairs, const uint8_t *one, const uint8_t *two, int count, int vectors, bool is_signed)
{
#if WIDE > 1
    if (vectors == WIDE) {
        const __m256i turn = _mm256_set1_epi8((char)0x80);
        __m256i a = _mm256_loadu_si256((const __m256i *)one), b = _mm256_loadu_si256((const __m256i *)two);
        if (is_signed) {
            a = _mm256_xor_si256(a, turn);
            b = _mm256_xor_si256(b, turn);
        }
        pairs[0] = (v_i32)_mm256_unpacklo_epi8(a, b);
        pairs[1] = (v_i32)_mm256_unpackhi_epi8(a, b);
        return;
    }
#endif
    (void)vectors;
    pairs[0] = v_or_i32(load_bytes(one, count), v_shl_i32(load_bytes(two, count), 16));
    if (is_signed)
        pairs[0] = v_xor_i32(pairs[0], v_set1_i32(0x800080));
}

V_FN v_i32 pair_of(const v_i32 *pairs, int vector, int vectors)
{
#if WIDE > 1
    const __m256i zero = _mm256_setzero_si256();
    if (vectors == WIDE)
        return (v_i32)(vector % 2 ? _mm256_unpackhi_epi8((__m256i)pairs[vector / 2], zero)
                                  : _mm256_unpacklo_epi8((__m256i)pairs[vector / 2], zero));
#endif
    (void)vectors;
    return pairs[vector];
}

/* What the outputs of a block of `count` channels share. */
struct block {
    const int32_t *weight;
    int channel, count;
    v_i32 bias[WIDE];
    v_f32 multiplier[WIDE], shift[WIDE];
    struct v_rounding rounding;
    struct v_narrowing narrowing;
};

V_FN void store(const struct kernel_depthwise_q8 *d, const struct block *b, uint8_t *out, const v_i32 *acc,
                int count, int vectors)
{
    v_f32 x[WIDE];
    V_UNROLL(4)
    for (int v = 0; v < vectors; v++)
        x[v] = v_add(v_mul(v_from_i32(acc[v]), b->multiplier[v]), b->shift[v]);
#if WIDE > 1
    if (vectors == WIDE && d->to.c == KERNEL_U8) {
        v_bytes bytes = v_round_lanes(x, &b->narrowing, false);
        memcpy(out, &bytes, sizeof bytes);
        return;
    }
    if (vectors == WIDE) {
        V_UNROLL(4)
        for (int v = 0; v < vectors; v++)
            _mm256_storeu2_m128i((__m128i *)(void *)out + 4 + v, (__m128i *)(void *)out + v, (__m256i)acc[v]);
        return;
    }
#endif
    if (d->to.c == KERNEL_S32)
        v_store_n((float *)(void *)out, v_as_f32(acc[0]), count);
    else if (count == VL)
        v_store_bytes(out, v_round_lowest(x[0], &b->rounding));
    else
        v_store_bytes_n(out, v_round_lowest(x[0], &b->rounding), count);
}

/* Outputs x to x + pixels of a block. */
V_FN void sum_pixels(const struct kernel_depthwise_q8 *d, const struct block *b, int x, int count, int vectors,
                     int pixels)
{
    v_i32 acc[PIXELS];
    const int32_t *weight = b->weight;
    const uint8_t *from = d->x + x * d->x_step + b->channel;
    uint8_t *out = d->out + x * d->out_step + b->channel * (d->to.c == KERNEL_U8 ? 1 : 4);
    V_UNROLL(8)
    for (int i = 0; i < pixels * vectors; i++)
        acc[i] = b->bias[i % vectors];
    for (int t = 0; t < d->taps; t += 2, weight += vectors * VL) {
        ptrdiff_t one = d->tap[t], two = d->tap[t + 1 < d->taps ? t + 1 : t];
        v_i32 pairs[4][2];
        V_UNROLL(4)
        for (int i = 0; i < pixels; i++)
            load_pairs(pairs[i], from + i * d->x_step + one, from + i * d->x_step + two, count, vectors, d->is_signed);
        V_UNROLL(4)
        for (int v = 0; v < vectors; v++) {
            v_i32 w = v_load_i32(weight + v * VL);
            V_UNROLL(4)
            for (int i = 0; i < pixels; i++)
                v_madd_pairs(&acc[i * vectors + v], pair_of(pairs[i], v, vectors), w);
        }
    }
    V_UNROLL(4)
    for (int i = 0; i < pixels; i++) {
        v_i32 sums[WIDE];
        V_UNROLL(4)
        for (int v = 0; v < vectors; v++)
            sums[v] = acc[i * vectors + v];
        store(d, b, out + i * d->out_step, sums, count, vectors);
    }
}

V_FN void do_block(const struct kernel_depthwise_q8 *d, struct block *b, int vectors)
{
    const int many = vectors == 1 ? 4 : 2;
    int x = 0;
    V_UNROLL(4)
    for (int v = 0; v < vectors; v++) {
        b->bias[v] = v_as_i32(load_words(d->to.bias, b->channel, v, b->count, vectors));
        b->multiplier[v] = load_words(d->to.multiplier, b->channel, v, b->count, vectors);
        b->shift[v] = load_words(d->to.shift, b->channel, v, b->count, vectors);
    }
    for (; !V_SMALL && b->count >= VL && x + many <= d->width; x += many)
        sum_pixels(d, b, x, VL, vectors, many);
    for (; x < d->width; x++)
        sum_pixels(d, b, x, vectors == 1 ? b->count : VL, vectors, 1);
}

static void run_row(const struct kernel_depthwise_q8 *d)
{
    int vectors = vectors_of(d->channels), lanes = vectors * VL;
    struct block b = {.weight = d->weight,
                      .count = d->channels < lanes ? d->channels : lanes,
                      .rounding = v_rounding_of(&d->to.rounding),
                      .narrowing = v_narrowing_of(&d->to.rounding)};
    for (int i = 0; i * lanes < d->channels; i++, b.weight += (ptrdiff_t)(d->taps + 1) / 2 * lanes) {
        b.channel = block_first(i, d->channels, lanes);
        if (vectors == 1)
            do_block(d, &b, 1);
        else
            do_block(d, &b, WIDE);
    }
}

static void run(const struct kernel_depthwise_q8 *d)
{
    struct kernel_depthwise_q8 row = *d;
    for (int y = 0; y < d->rows; y++, row.x += d->x_row, row.out += d->out_row)
        run_row(&row);
}

static void pack(void *packed, const int16_t *w, int channels, int taps)
{
    int16_t *to = packed;
    int vectors = vectors_of(channels), lanes = vectors * VL;
    for (int b = 0; b * lanes < channels; b++)
        for (int t = 0; t < taps; t += 2)
            for (int i = 0; i < lanes; i++) {
                int c = block_first(b, channels, lanes) + channel_of(i / VL, i % VL, vectors);
                *to++ = c < channels ? w[c * taps + t] : 0;
                *to++ = c < channels && t + 1 < taps ? w[c * taps + t + 1] : 0;
            }
}

const struct kernel_depthwise K(depthwise_q8) = {
    .channels = WIDE * VL, .group = 2, .bytes = 2, .taps_max = INT32_MAX, .run = run, .pack = pack};
