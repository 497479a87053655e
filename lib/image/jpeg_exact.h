/* The parts of JPEG decoding that the standard leaves to the decoder, as libjpeg and libjpeg-turbo do them by default,
 * to the bit: what networks were trained on, and what ONNX's ImageDecoder asks for. They take the place of stb_image's
 * own (see stb.c, which also makes overflow harmless), whose names and parameters they have. */
#ifndef IMAGE_JPEG_EXACT_H
#define IMAGE_JPEG_EXACT_H

#include <stdint.h>

static inline uint8_t clamp_sample(int x)
{
    return (uint8_t)(x < 0 ? 0 : x > 255 ? 255 : x);
}

/* ---- chroma at half resolution, doubled by interpolation: 3/4 of the nearer sample, 1/4 of the farther ---- */

/* Rows of one or two samples are repeated instead. */
#define FEWEST_SAMPLES 3

static uint8_t *repeat_samples(uint8_t *out, const uint8_t *near, int w)
{
    for (int i = 0; i < w; i++)
        out[2 * i] = out[2 * i + 1] = near[i];
    return out;
}

/* Along rows. near is the row; far and hs are not needed. 1/2 is rounded down and up in turn. */
static uint8_t *stbi__resample_row_h_2(uint8_t *out, uint8_t *near, uint8_t *far, int w, int hs)
{
    (void)far, (void)hs;
    if (w < FEWEST_SAMPLES)
        return repeat_samples(out, near, w);
    for (int i = 0; i < w; i++) {
        out[2 * i] = (uint8_t)((3 * near[i] + near[i > 0 ? i - 1 : 0] + 1) >> 2);
        out[2 * i + 1] = (uint8_t)((3 * near[i] + near[i < w - 1 ? i + 1 : i] + 2) >> 2);
    }
    return out;
}

/* Along both axes: 1/16 of sums over two rows and two columns. */
static uint8_t *stbi__resample_row_hv_2(uint8_t *out, uint8_t *near, uint8_t *far, int w, int hs)
{
    int now = 3 * near[0] + far[0], last = now;
    (void)hs;
    if (w < FEWEST_SAMPLES)
        return repeat_samples(out, near, w);
    for (int i = 0; i < w; i++) {
        int next = i < w - 1 ? 3 * near[i + 1] + far[i + 1] : now;
        out[2 * i] = (uint8_t)((3 * now + last + 8) >> 4);
        out[2 * i + 1] = (uint8_t)((3 * now + next + 7) >> 4);
        last = now;
        now = next;
    }
    return out;
}

/* ---- colour: ITU-R BT.601 as JFIF has it, in 16 fractional bits ---- */

#define COLOUR_FIX(x) ((int)((x)*65536 + 0.5))

/* Pixels of `step` bytes; a fourth is opaque. */
static void stbi__YCbCr_to_RGB_row(uint8_t *out, const uint8_t *y, const uint8_t *cb, const uint8_t *cr, int count,
                                   int step)
{
    const int half = 1 << 15;
    for (int i = 0; i < count; i++, out += step) {
        int blue = cb[i] - 128, red = cr[i] - 128;
        out[0] = clamp_sample(y[i] + ((COLOUR_FIX(1.40200) * red + half) >> 16));
        out[1] = clamp_sample(y[i] + ((half - COLOUR_FIX(0.34414) * blue - COLOUR_FIX(0.71414) * red) >> 16));
        out[2] = clamp_sample(y[i] + ((COLOUR_FIX(1.77200) * blue + half) >> 16));
        if (step == 4)
            out[3] = 255;
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

/* Columns first, with 2 fractional bits kept, then rows; the sum of both passes is 8 times the samples. */
static void stbi__idct_block(uint8_t *out, int out_stride, short data[64])
{
    int columns[64], in[64], sums[8];
    for (int i = 0; i < 64; i++)
        in[i] = data[i];
    for (int x = 0; x < 8; x++) {
        dct_1d(in + x, 8, sums);
        for (int y = 0; y < 8; y++)
            columns[8 * y + x] = (sums[y] + (1 << 10)) >> 11;
    }
    for (int y = 0; y < 8; y++) {
        dct_1d(columns + 8 * y, 1, sums);
        for (int x = 0; x < 8; x++)
            out[y * out_stride + x] = clamp_sample(((sums[x] + (1 << 17)) >> 18) + 128);
    }
}

#endif
