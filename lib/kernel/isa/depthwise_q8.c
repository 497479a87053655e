/* Depthwise convolutions of bytes: two taps at a time, as pairs of 16 bits, in sums of s32 that are exact. What is s8
 * becomes u8 by 128 more, which who packs takes off the bias. The last block of channels overlaps the one before where
 * channels are no multiple of a vector. */
#include "kernel/isa/bytes.h"
#include "kernel/isa/isa.h"

/* Outputs at a time, which share the loads of weights. */
#define PIXELS 4

static int block_first(int block, int channels)
{
    int first = block * VL;
    return first + VL <= channels || channels < VL ? first : channels - VL;
}

V_FN v_i32 load(const uint8_t *p, int count)
{
    return count == VL ? v_load_bytes(p, false) : v_load_bytes_n(p, false, count);
}

V_FN void store(const struct kernel_epilogue *to, uint8_t *out, v_i32 q, int count)
{
    if (to->c == KERNEL_S32)
        v_store_n((float *)(void *)out, v_as_f32(q), count);
    else if (count == VL)
        v_store_bytes(out, q);
    else
        v_store_bytes_n(out, q, count);
}

/* Outputs x to x + pixels of the block of `count` channels from `channel` on. */
V_FN void sum_pixels(const struct kernel_depthwise_q8 *d, const int32_t *weight, int x, int channel, int count,
                     int pixels, bool is_signed)
{
    const struct v_rounding rounding = v_rounding_of(&d->to.rounding);
    v_i32 acc[PIXELS], bias = v_as_i32(v_load_n((const float *)d->to.bias + channel, count));
    const bool rounds = d->to.c == KERNEL_U8;
    v_f32 multiplier = rounds ? v_load_n(d->to.multiplier + channel, count) : v_zero();
    v_f32 shift = d->to.shift ? v_load_n(d->to.shift + channel, count) : v_zero();
    const uint8_t *from = d->x + x * d->x_step + channel;
    uint8_t *out = d->out + x * d->out_step + channel * (rounds ? 1 : 4);
#pragma GCC unroll 4
    for (int i = 0; i < pixels; i++)
        acc[i] = bias;
    for (int t = 0; t < d->taps; t += 2, weight += VL) {
        v_i32 w = v_load_i32(weight);
        ptrdiff_t one = d->tap[t], two = d->tap[t + 1 < d->taps ? t + 1 : t];
#pragma GCC unroll 4
        for (int i = 0; i < pixels; i++) {
            const uint8_t *at = from + i * d->x_step;
            v_i32 pair = v_or_i32(load(at + one, count), v_shl_i32(load(at + two, count), 16));
            v_madd_pairs(&acc[i], is_signed ? v_xor_i32(pair, v_set1_i32(0x800080)) : pair, w);
        }
    }
#pragma GCC unroll 4
    for (int i = 0; i < pixels; i++) {
        v_i32 q = acc[i];
        if (rounds)
            q = v_round_lowest(v_add(v_mul(v_from_i32(q), multiplier), shift), &rounding);
        store(&d->to, out + i * d->out_step, q, count);
    }
}

V_FN void do_block(const struct kernel_depthwise_q8 *d, const int32_t *weight, int channel, int count, bool is_signed)
{
    int x = 0;
    for (; !V_SMALL && x + PIXELS <= d->width; x += PIXELS)
        sum_pixels(d, weight, x, channel, count, PIXELS, is_signed);
    for (; x < d->width; x++)
        sum_pixels(d, weight, x, channel, count, 1, is_signed);
}

static void run_row(const struct kernel_depthwise_q8 *d)
{
    ptrdiff_t block = (ptrdiff_t)(d->taps + 1) / 2 * VL;
    const int32_t *weight = d->weight;
    for (int b = 0; b * VL < d->channels; b++, weight += block) {
        int channel = block_first(b, d->channels);
        if (d->channels < VL)
            do_block(d, weight, 0, d->channels, d->is_signed);
        else if (d->is_signed)
            do_block(d, weight, channel, VL, true);
        else
            do_block(d, weight, channel, VL, false);
    }
}

static void run(const struct kernel_depthwise_q8 *d)
{
    struct kernel_depthwise_q8 row = *d;
    for (int y = 0; y < d->rows; y++, row.x += d->x_row, row.out += d->out_row)
        run_row(&row);
}

static void pack(void *packed, const int8_t *w, int channels, int taps)
{
    int16_t *to = packed;
    for (int b = 0; b * VL < channels; b++)
        for (int t = 0; t < taps; t += 2)
            for (int i = 0; i < VL; i++) {
                int c = block_first(b, channels) + i;
                *to++ = c < channels ? w[c * taps + t] : 0;
                *to++ = c < channels && t + 1 < taps ? w[c * taps + t + 1] : 0;
            }
}

const struct kernel_depthwise K(depthwise_q8) = {
    .channels = VL, .group = 2, .bytes = 2, .taps_max = INT32_MAX, .run = run, .pack = pack};
