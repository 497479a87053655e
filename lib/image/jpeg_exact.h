/* The parts of JPEG decoding that the standard leaves to the decoder, as libjpeg and libjpeg-turbo do them by default,
 * to the bit: what networks were trained on, and what ONNX's ImageDecoder asks for. They take the place of stb_image's
 * own (see stb.c, which also makes overflow harmless), whose names and parameters they have. */
#ifndef IMAGE_JPEG_EXACT_H
#define IMAGE_JPEG_EXACT_H

#include <stdint.h>
#include <string.h>

static inline uint8_t clamp_sample(int x)
{
    return (uint8_t)(x < 0 ? 0 : x > 255 ? 255 : x);
}

#include "image/jpeg_avx2.h"

/* ---- chroma at half resolution, doubled by interpolation: 3/4 of the nearer sample, 1/4 of the farther ---- */

/* Rows of one or two samples are repeated instead. */
#define FEWEST_SAMPLES 3

static uint8_t *repeat_samples(uint8_t *out, const uint8_t *near, int w)
{
    for (int i = 0; i < w; i++)
        out[2 * i] = out[2 * i + 1] = near[i];
    return out;
}

/* Sums of two columns become pairs of samples: 3/4 and 1/4 of what `sum` holds from -1 to n, rounded by `bits` and the
 * halves up or down in turn. */
#define RUN 256
static void put_pairs(uint8_t *out, const uint16_t *sum, int n, int bits, int even, int odd)
{
    int i = 0;
#ifdef IMAGE_AVX2
    if (image_has_avx2())
        i = pairs_avx2(out, sum, n, bits, even, odd);
#endif
    for (; i < n; i++) {
        int near = 3 * sum[i];
        out[2 * i] = (uint8_t)((near + sum[i - 1] + even) >> bits);
        out[2 * i + 1] = (uint8_t)((near + sum[i + 1] + odd) >> bits);
    }
}

/* Samples of `w` columns doubled along the row, in runs that overlap by a column on either side; with `far` also
 * weighted between the two rows. */
static uint8_t *double_row(uint8_t *out, const uint8_t *near, const uint8_t *far, int w)
{
    if (w < FEWEST_SAMPLES)
        return repeat_samples(out, near, w);
    for (int x = 0; x < w; x += RUN) {
        uint16_t sum[RUN + 2];
        int n = w - x < RUN ? w - x : RUN, from = x > 0, to = n + (x + n < w), i = -from;
#ifdef IMAGE_AVX2
        if (image_has_avx2())
            i = sums_avx2(sum + 1, near + x, far ? far + x : NULL, i, to);
#endif
        for (; i < to; i++)
            sum[i + 1] = (uint16_t)(far ? 3 * near[x + i] + far[x + i] : near[x + i]);
        sum[0] = from ? sum[0] : sum[1];
        sum[n + 1] = to > n ? sum[n + 1] : sum[n];
        put_pairs(out + 2 * x, sum + 1, n, far ? 4 : 2, far ? 8 : 1, far ? 7 : 2);
    }
    return out;
}

/* Along rows. near is the row; far and hs are not needed. 1/2 is rounded down and up in turn. */
static uint8_t *stbi__resample_row_h_2(uint8_t *out, uint8_t *near, uint8_t *far, int w, int hs)
{
    (void)far, (void)hs;
    return double_row(out, near, NULL, w);
}

/* Along both axes: 1/16 of sums over two rows and two columns. */
static uint8_t *stbi__resample_row_hv_2(uint8_t *out, uint8_t *near, uint8_t *far, int w, int hs)
{
    (void)hs;
    return double_row(out, near, far, w);
}

/* Along columns. 1/2 is rounded down where the farther row is above, and up where it is below. */
static uint8_t *stbi__resample_row_v_2(uint8_t *out, uint8_t *near, uint8_t *far, int w, int hs)
{
    int half = far < near ? 1 : 2;
    (void)hs;
    for (int i = 0; i < w; i++)
        out[i] = (uint8_t)((3 * near[i] + far[i] + half) >> 2);
    return out;
}

/* ---- colour: ITU-R BT.601 as JFIF has it, in 16 fractional bits ---- */

#define COLOUR_FIX(x) ((int)((x)*65536 + 0.5))

/* Pixels of 3 bytes, as all callers here ask for. */
static void stbi__YCbCr_to_RGB_row(uint8_t *out, const uint8_t *y, const uint8_t *cb, const uint8_t *cr, int count,
                                   int step)
{
    const int half = 1 << 15;
    int i = 0;
#ifdef IMAGE_AVX2
    if (image_has_avx2())
        i = colours_avx2(out, y, cb, cr, count);
#endif
    for (out += (size_t)i * step; i < count; i++, out += step) {
        int blue = cb[i] - 128, red = cr[i] - 128;
        out[0] = clamp_sample(y[i] + ((COLOUR_FIX(1.40200) * red + half) >> 16));
        out[1] = clamp_sample(y[i] + ((half - COLOUR_FIX(0.34414) * blue - COLOUR_FIX(0.71414) * red) >> 16));
        out[2] = clamp_sample(y[i] + ((COLOUR_FIX(1.77200) * blue + half) >> 16));
    }
}

/* ---- the inverse DCT: Loeffler, Ligtenberg, Moschytz 1989, in 13 fractional bits ---- */

#define DCT_FIX(x) ((int)((x)*8192 + 0.5))

/* Eight coefficients, `step` apart, to eight sums of 13 more fractional bits. */
static inline void dct_1d(const int *in, int step, int *out)
{
    int a = in[2 * step], b = in[6 * step], z = (a + b) * DCT_FIX(0.541196100);
    int even[4] = {0, 0, z - b * DCT_FIX(1.847759065), z + a * DCT_FIX(0.765366865)};
    even[0] = (in[0] + in[4 * step]) * 8192;
    even[1] = (in[0] - in[4 * step]) * 8192;
    const int base[4] = {even[0] + even[3], even[1] + even[2], even[1] - even[2], even[0] - even[3]};

    int p = in[7 * step], q = in[5 * step], r = in[3 * step], s = in[step];
    int z5 = (p + r + q + s) * DCT_FIX(1.175875602);
    int ps = (p + s) * DCT_FIX(0.899976223), qr = (q + r) * DCT_FIX(2.562915447);
    int pr = z5 - (p + r) * DCT_FIX(1.961570560), qs = z5 - (q + s) * DCT_FIX(0.390180644);
    const int odd[4] = {s * DCT_FIX(1.501321110) - ps + qs, r * DCT_FIX(3.072711026) - qr + pr,
                        q * DCT_FIX(2.053119869) - qr + qs, p * DCT_FIX(0.298631336) - ps + pr};
    for (int i = 0; i < 4; i++) {
        out[i] = base[i] + odd[i];
        out[7 - i] = base[i] - odd[i];
    }
}

static inline int clamp_16(int x)
{
    return x < INT16_MIN ? INT16_MIN : x > INT16_MAX ? INT16_MAX : x;
}

/* Columns first, with 2 fractional bits kept, then rows; the sum of both passes is 8 times the samples. Between them
 * damaged coefficients saturate, as they do in vectors of libjpeg-turbo. */
static void stbi__idct_block(uint8_t *out, int out_stride, short data[64])
{
    int columns[64], in[64], sums[8];
#ifdef IMAGE_AVX2
    if (image_has_avx2()) {
        idct_avx2(out, out_stride, data);
        return;
    }
#endif
    for (int i = 0; i < 64; i++)
        in[i] = data[i];
    for (int x = 0; x < 8; x++) {
        dct_1d(in + x, 8, sums);
        for (int y = 0; y < 8; y++)
            columns[8 * y + x] = clamp_16((sums[y] + (1 << 10)) >> 11);
    }
    for (int y = 0; y < 8; y++) {
        dct_1d(columns + 8 * y, 1, sums);
        for (int x = 0; x < 8; x++)
            out[y * out_stride + x] = clamp_sample(((sums[x] + (1 << 17)) >> 18) + 128);
    }
}

#endif
