/* Depthwise convolutions of bytes by vpdpbusd: four taps of 64 channels are interleaved so that a lane of 32 bits has
 * those of one channel. Of a window of 3x3 that slides these are a column of three, which is interleaved once for all
 * outputs that it is a part of, and its weights stay in registers. */
#include "kernel/isa/bytes.h"
#include "kernel/isa/dot.h"
#include "kernel/isa/isa.h"

#define BLOCK 64 /* channels */
#define QUADS 4  /* vectors of sums for them, and taps in a lane */

/* The first channel of a block: the last one overlaps the one before. */
static int block_first(int block, int channels)
{
    int first = block * BLOCK;
    return first + BLOCK <= channels || channels < BLOCK ? first : channels - BLOCK;
}

#define COLUMNS 3 /* of a sliding window */

/* What outputs of a block share. */
struct block {
    const v_i32 *weight; /* QUADS vectors for each column, or four taps; lane i of vector j has channel
                            i / 4 * 16 + j * 4 + i % 4 */
    bool slides;
    bool is_plain;  /* all of u8; else: */
    __mmask64 mask; /* of the channels that are there */
    __m512i turn;   /* makes u8 of s8 */
    v_i32 bias[QUADS];
    v_f32 multiplier[QUADS], shift[QUADS];
    bool shifts;
    struct v_narrowing narrowing;
};

V_FN __m512i load(const struct block *b, const uint8_t *p, bool is_plain)
{
    if (is_plain)
        return _mm512_loadu_si512(p);
    return _mm512_xor_si512(_mm512_maskz_loadu_epi8(b->mask, p), b->turn);
}

/* Channels' bytes of four taps as lanes of four. */
V_FN void interleave(v_i32 *to, __m512i one, __m512i two, __m512i three, __m512i four)
{
    __m512i low = _mm512_unpacklo_epi8(one, two), high = _mm512_unpackhi_epi8(one, two);
    __m512i low_rest = _mm512_unpacklo_epi8(three, four), high_rest = _mm512_unpackhi_epi8(three, four);
    to[0] = (v_i32)_mm512_unpacklo_epi16(low, low_rest);
    to[1] = (v_i32)_mm512_unpackhi_epi16(low, low_rest);
    to[2] = (v_i32)_mm512_unpacklo_epi16(high, high_rest);
    to[3] = (v_i32)_mm512_unpackhi_epi16(high, high_rest);
}

/* Three rows, and none. */
V_FN void interleave_column(v_i32 *to, const struct block *b, const uint8_t *p, ptrdiff_t two, ptrdiff_t three)
{
    interleave(to, load(b, p, b->is_plain), load(b, p + two, b->is_plain), load(b, p + three, b->is_plain),
               _mm512_setzero_si512());
}

/* As v_round_bytes() does it, in the order of the sums. */
V_FN void store_block(const struct block *b, uint8_t *out, const v_i32 *acc)
{
    const struct v_narrowing *n = &b->narrowing;
    v_f32 x[QUADS];
    __m512i q[QUADS], zero = (__m512i)n->zero;
    V_UNROLL(4)
    for (int j = 0; j < QUADS; j++)
        x[j] = v_mul(v_from_i32(acc[j]), b->multiplier[j]);
    if (b->shifts) {
        V_UNROLL(4)
        for (int j = 0; j < QUADS; j++)
            x[j] = v_min(n->high, v_add(x[j], b->shift[j]));
    }
    V_UNROLL(4)
    for (int j = 0; j < QUADS; j++)
        q[j] = _mm512_cvtps_epi32(x[j]);
    __m512i one = _mm512_packs_epi32(q[0], q[1]), two = _mm512_packs_epi32(q[2], q[3]);
    if (n->shifts) {
        one = _mm512_adds_epi16(one, zero);
        two = _mm512_adds_epi16(two, zero);
    }
    __m512i bytes = _mm512_packus_epi16(one, two);
    if (n->bounds) {
        bytes = _mm512_max_epu8(bytes, (__m512i)n->low);
        bytes = _mm512_xor_si512(_mm512_min_epu8(bytes, (__m512i)n->most), (__m512i)n->turn);
    }
    _mm512_mask_storeu_epi8(out, b->mask, bytes);
}

/* The sums as they are: each vector of 16 has a part of all four. */
V_APART void store_sums(int32_t *out, const v_i32 *acc, __mmask64 mask)
{
    const __m512i *x = (const __m512i *)acc;
    __m512i low[2], high[2];
    for (int i = 0; i < 2; i++) {
        low[i] = _mm512_shuffle_i32x4(x[2 * i], x[2 * i + 1], 0x44);
        high[i] = _mm512_shuffle_i32x4(x[2 * i], x[2 * i + 1], 0xee);
    }
    _mm512_mask_storeu_epi32(out, (__mmask16)mask, _mm512_shuffle_i32x4(low[0], low[1], 0x88));
    _mm512_mask_storeu_epi32(out + VL, (__mmask16)(mask >> 16), _mm512_shuffle_i32x4(low[0], low[1], 0xdd));
    _mm512_mask_storeu_epi32(out + 2 * VL, (__mmask16)(mask >> 32), _mm512_shuffle_i32x4(high[0], high[1], 0x88));
    _mm512_mask_storeu_epi32(out + 3 * VL, (__mmask16)(mask >> 48), _mm512_shuffle_i32x4(high[0], high[1], 0xdd));
}

#define PIXELS 4 /* their products hide how long each takes, and share the weights' loads */

/* Adds the taps of pixels to their sums. */
V_FN void add_taps(v_i32 (*acc)[QUADS], const struct block *b, const uint8_t *const *p, const ptrdiff_t *tap, int taps,
                   bool is_plain)
{
    for (int t = 0; t < taps; t += 4) {
        const v_i32 *weight = b->weight + t;
        V_UNROLL(4)
        for (int i = 0; i < PIXELS; i++) {
            v_i32 x[QUADS];
            interleave(x, load(b, p[i] + tap[t], is_plain), load(b, p[i] + tap[t + 1], is_plain),
                       load(b, p[i] + tap[t + 2], is_plain), load(b, p[i] + tap[t + 3], is_plain));
            V_UNROLL(4)
            for (int j = 0; j < QUADS; j++)
                dot_to(&acc[i][j], x[j], weight[j]);
        }
    }
}

/* An output that is to be done, and how many there are from it on. */
struct place {
    const uint8_t *x;
    uint8_t *out;
    int column, left;
};

/* To the next one; stays at the last. */
V_FN void step(struct place *at, const struct kernel_depthwise_q8 *d)
{
    if (at->left == 1)
        return;
    at->left--;
    at->x += d->x_step;
    at->out += d->out_step;
    if (++at->column < d->width)
        return;
    at->column = 0;
    at->x += d->x_row - d->width * d->x_step;
    at->out += d->out_row - d->width * d->out_step;
}

/* The next outputs, at channel `first`; `tap` is rounded up to four. */
V_FN void do_pixels(const struct kernel_depthwise_q8 *d, const struct block *b, const ptrdiff_t *tap, int first,
                    struct place *at)
{
    v_i32 acc[PIXELS][QUADS];
    const uint8_t *p[PIXELS];
    uint8_t *out[PIXELS];
    V_UNROLL(4)
    for (int i = 0; i < PIXELS; i++, step(at, d)) {
        p[i] = at->x + first;
        out[i] = at->out;
        V_UNROLL(4)
        for (int j = 0; j < QUADS; j++)
            acc[i][j] = b->bias[j];
    }
    if (b->is_plain)
        add_taps(acc, b, p, tap, d->taps, true);
    else
        add_taps(acc, b, p, tap, d->taps, false);
    if (d->to.c == KERNEL_U8) {
        V_UNROLL(4)
        for (int i = 0; i < PIXELS; i++)
            store_block(b, out[i] + first, acc[i]);
        return;
    }
    v_i32 sums[PIXELS][QUADS]; /* whose address may be taken: that of acc would keep it in memory */
    V_UNROLL(16)
    for (int i = 0; i < PIXELS * QUADS; i++)
        sums[i / QUADS][i % QUADS] = acc[i / QUADS][i % QUADS];
    V_NO_UNROLL
    for (int i = 0; i < PIXELS; i++)
        store_sums((int32_t *)(void *)out[i] + first, sums[i], b->mask);
}

/* All rows; apart, since slide() needs all registers too. */
static __attribute__((noinline)) void do_rows(const struct kernel_depthwise_q8 *d, const struct block *block,
                                              const ptrdiff_t *tap, int first)
{
    const struct block b = *block;
    const int outputs = d->rows * d->width;
    struct place at = {d->x, d->out, 0, outputs};
    for (int i = 0; i < outputs; i += PIXELS)
        do_pixels(d, &b, tap, first, &at);
}

/* A row: each column is the last of one output's window, and then the middle and the first one of the next two's. Those
 * that are there to fill up the last round are the last column again. */
V_FN void slide(const struct kernel_depthwise_q8 *d, const struct block *b, int first)
{
    const uint8_t *p = d->x + d->tap[0] + first;
    const ptrdiff_t two = d->tap[COLUMNS] - d->tap[0], three = d->tap[2 * COLUMNS] - d->tap[0];
    const int columns = d->width + COLUMNS - 1;
    v_i32 acc[COLUMNS][QUADS], weight[COLUMNS][QUADS];
    V_UNROLL(3)
    for (int k = 0; k < COLUMNS; k++) {
        V_UNROLL(4)
        for (int j = 0; j < QUADS; j++) {
            acc[k][j] = b->bias[j];
            weight[k][j] = b->weight[k * QUADS + j];
        }
    }
    for (int c = 0; c < columns; c += COLUMNS) {
        V_UNROLL(3)
        for (int i = 0; i < COLUMNS; i++) {
            const uint8_t *at = p + (c + i < columns ? c + i : columns - 1) * d->x_step;
            v_i32 column[QUADS];
            interleave_column(column, b, at, two, three);
            V_UNROLL(4)
            for (int j = 0; j < QUADS; j++) {
                acc[i][j] = b->bias[j];
                V_UNROLL(3)
                for (int k = 0; k < COLUMNS; k++)
                    dot_to(&acc[(i + COLUMNS - k) % COLUMNS][j], column[j], weight[k][j]);
            }
            int x = c + i - (COLUMNS - 1);
            if (x >= 0 && x < d->width)
                store_block(b, d->out + x * d->out_step + first, acc[(i + 1) % COLUMNS]);
        }
    }
}

/* The same by two pixels: a column is the last of one output's window and the first of the next one's, the one behind
 * it that one's second. What this is in the last turn is not wanted, so that nothing beyond the window is read. */
V_FN void slide_by_two(const struct kernel_depthwise_q8 *d, const struct block *b, int first)
{
    const uint8_t *p = d->x + d->tap[0] + first;
    const ptrdiff_t pixel = d->tap[1] - d->tap[0], two = d->tap[COLUMNS] - d->tap[0],
                    three = d->tap[2 * COLUMNS] - d->tap[0];
    v_i32 acc[QUADS], weight[COLUMNS][QUADS];
    V_UNROLL(12)
    for (int i = 0; i < COLUMNS * QUADS; i++)
        weight[i / QUADS][i % QUADS] = b->weight[i];
    V_UNROLL(4)
    for (int j = 0; j < QUADS; j++)
        acc[j] = b->bias[j];
    V_NO_UNROLL
    for (int x = 0; x <= d->width; x++, p += d->x_step) {
        v_i32 column[2][QUADS];
        interleave_column(column[0], b, p, two, three);
        interleave_column(column[1], b, x < d->width ? p + pixel : p, two, three);
        V_UNROLL(4)
        for (int j = 0; j < QUADS; j++)
            dot_to(&acc[j], column[0][j], weight[2][j]);
        if (x > 0)
            store_block(b, d->out + (x - 1) * d->out_step + first, acc);
        V_UNROLL(4)
        for (int j = 0; j < QUADS; j++) {
            acc[j] = b->bias[j];
            dot_to(&acc[j], column[0][j], weight[0][j]);
            dot_to(&acc[j], column[1][j], weight[1][j]);
        }
    }
}

/* All rows; apart, since a row needs all registers. */
static __attribute__((noinline)) void slide_rows(const struct kernel_depthwise_q8 *d, const struct block *block,
                                                 int first)
{
    const struct block b = *block;
    struct kernel_depthwise_q8 row = *d;
    for (int y = 0; y < d->rows; y++, row.x += d->x_row, row.out += d->out_row)
        if (d->x_step == d->tap[1] - d->tap[0])
            slide(&row, &b, first);
        else
            slide_by_two(&row, &b, first);
}

/* Words 4 j to 4 j + 3 of each 16 of the 64 at p. */
V_FN __m512 words_of(const void *p, int j)
{
    const __m128i *at = (const __m128i *)p + j;
    __m512i x = _mm512_castsi128_si512(_mm_loadu_si128(at));
    x = _mm512_inserti32x4(x, _mm_loadu_si128(at + 4), 1);
    x = _mm512_inserti32x4(x, _mm_loadu_si128(at + 8), 2);
    return _mm512_castsi512_ps(_mm512_inserti32x4(x, _mm_loadu_si128(at + 12), 3));
}

/* Words of a block's channels in the order of the sums; from NULL: zeros. */
static void load_words(v_i32 *to, const void *from, int first, int count)
{
    int32_t words[BLOCK] = {0};
    if (from)
        memcpy(words, (const int32_t *)from + first, sizeof *words * (size_t)count);
    for (int j = 0; j < QUADS; j++)
        to[j] = v_as_i32(words_of(words, j));
}

static void load_floats(v_f32 *to, const float *from, int first, int count)
{
    v_i32 words[QUADS];
    load_words(words, from, first, count);
    for (int j = 0; j < QUADS; j++)
        to[j] = v_as_f32(words[j]);
}

static void describe(struct block *b, const struct kernel_depthwise_q8 *d, int first, int count)
{
    b->mask = count == BLOCK ? ~(__mmask64)0 : ((__mmask64)1 << count) - 1;
    b->turn = _mm512_set1_epi8(d->is_signed ? (char)0x80 : 0);
    b->is_plain = count == BLOCK && !d->is_signed;
    b->shifts = d->to.shift;
    b->narrowing = v_narrowing_of(&d->to.rounding);
    load_words(b->bias, d->to.bias, first, count);
    load_floats(b->multiplier, d->to.multiplier, first, count);
    load_floats(b->shift, d->to.shift, first, count);
}

/* From [taps][BLOCK] s8. */
static void spread_weights(v_i32 *to, const int8_t *from, int taps, bool slides)
{
    const int step = slides ? COLUMNS : 1, count = slides ? COLUMNS : QUADS; /* of taps that are in a lane */
    for (int t = 0; t < (slides ? COLUMNS : taps); t += slides ? 1 : QUADS, to += QUADS) {
        __m512i w[QUADS] = {0};
        for (int i = 0; i < count && t + i * step < taps; i++)
            w[i] = _mm512_loadu_si512(from + (t + i * step) * BLOCK);
        interleave(to, w[0], w[1], w[2], w[3]);
    }
}

#define TAPS_MAX 508 /* of 13x13, in up to three runs */

static void run(const struct kernel_depthwise_q8 *d)
{
    ptrdiff_t tap[TAPS_MAX];
    v_i32 weight[TAPS_MAX];
    for (int t = 0; t < TAPS_MAX && t < d->taps + QUADS - 1; t++) /* those beyond meet weights of 0 */
        tap[t] = d->tap[t < d->taps ? t : d->taps - 1];
    for (int i = 0; i * BLOCK < d->channels; i++) {
        struct block b = {.weight = weight, .slides = kernel_depthwise_slides(d) && d->to.c == KERNEL_U8};
        int first = block_first(i, d->channels);
        describe(&b, d, first, d->channels < BLOCK ? d->channels : BLOCK);
        spread_weights(weight, (const int8_t *)d->weight + (ptrdiff_t)i * d->taps * BLOCK, d->taps, b.slides);
        if (b.slides)
            slide_rows(d, &b, first);
        else
            do_rows(d, &b, tap, first);
    }
}

static void pack(void *packed, const int16_t *w, int channels, int taps)
{
    int8_t *to = packed;
    for (int b = 0; b * BLOCK < channels; b++)
        for (int t = 0; t < taps; t++)
            for (int i = 0; i < BLOCK; i++) {
                int c = block_first(b, channels) + i;
                *to++ = c < channels ? (int8_t)w[c * taps + t] : 0;
            }
}

const struct kernel_depthwise K(depthwise_q8) = {
    .channels = BLOCK, .group = 1, .bytes = 1, .slides = true, .taps_max = TAPS_MAX, .run = run, .pack = pack};
