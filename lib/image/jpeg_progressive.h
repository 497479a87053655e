/* Scans of progressive JPEG, in place of stb_image's: a part of the coefficients, or one more bit of each. ITU-T T.81,
 * annex G. Coefficients lie in the order of the file until the last scan, so that those of a scan lie side by side. */
#ifndef IMAGE_JPEG_PROGRESSIVE_H
#define IMAGE_JPEG_PROGRESSIVE_H

#include <stdint.h>
#include <string.h>

#include "image/vector.h"

#ifdef STBI_INCLUDE_STB_IMAGE_H /* whose types these are */

static int first_dc(struct scan *s, int n, short data[64])
{
    stbi__jpeg *j = s->j;
    int table = j->img_comp[n].hd;
    window_fill(&s->w);
    struct code c = next_code(&s->w, s->dc[table], &j->huff_dc[table], true);
    j->img_comp[n].dc_pred += c.value;
    data[0] = (short)(j->img_comp[n].dc_pred * (1 << j->succ_low));
    return c.length ? 0 : -1;
}

static int refine_dc(struct scan *s, int n, short data[64])
{
    (void)n;
    if (window_bit(&s->w))
        data[0] = (short)(data[0] + (1 << s->j->succ_low));
    return 0;
}

/* The next code of coefficients; of one that ends this block and others, *blocks is how many these are. */
static inline struct code next_ac(struct window *w, const struct code *codes, const stbi__huffman *h, int *blocks)
{
    if (w->count < 32)
        window_fill(w);
    struct code c = next_code(w, codes, h, false);
    if (c.run >= ENDS_BLOCK) {
        int bits = c.run - ENDS_BLOCK;
        *blocks = (1 << bits) + (bits ? (int)(w->bits >> (64 - bits)) : 0);
        window_drop(w, bits);
    }
    return c;
}

static int first_ac(struct scan *s, int n, short data[64])
{
    stbi__jpeg *j = s->j;
    const int table = j->img_comp[n].ha, end = j->spec_end, low = j->succ_low;
    int blocks = j->eob_run;
    struct window w = s->w;
    bool bad = false;
    for (int k = j->spec_start; k <= end && !blocks && !bad; k++) {
        struct code c = next_ac(&w, s->ac[table], &j->huff_ac[table], &blocks);
        bad = !c.length;
        k += c.run;
        if (k < 64)
            data[k] = (short)(c.value * (1 << low));
    }
    j->eob_run = blocks - (blocks > 0);
    keep_window(s, &w);
    return bad ? -1 : 0;
}

/* Bit k: whether coefficient k is not 0. */
static inline uint64_t nonzeros(const short data[64])
{
    uint64_t mask = 0;
#if defined(__x86_64__)
    for (int k = 0; k < 64; k += 16) {
        const __m128i *at = (const __m128i *)(data + k);
        __m128i bytes = _mm_packs_epi16(_mm_loadu_si128(at), _mm_loadu_si128(at + 1)); /* 0 of 0 alone */
        mask |= (uint64_t)_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_setzero_si128())) << k;
    }
    return ~mask;
#else
    for (int k = 0; k < 64; k++)
        mask |= (uint64_t)(data[k] != 0) << k;
    return mask;
#endif
}

/* One more bit of the coefficients in `mask`. */
static inline void refine_bits(struct window *w, short data[64], uint64_t mask, int low)
{
    for (; mask; mask &= mask - 1) {
        short *at = &data[__builtin_ctzll(mask)];
        int more = window_bit(w) & ~(*at >> low);
        *at = (short)(*at + ((*at >> 15) | 1) * (more << low));
    }
}

static int refine_ac(struct scan *s, int n, short data[64])
{
    stbi__jpeg *j = s->j;
    const int table = j->img_comp[n].ha, low = j->succ_low;
    int blocks = j->eob_run;
    struct window w = s->w;
    const uint64_t seen = nonzeros(data);
    uint64_t todo = ~0ull >> (63 - j->spec_end) & ~0ull << j->spec_start;
    bool bad = false;
    while (todo && !bad) {
        struct code c = {.length = 1};
        if (!blocks)
            c = next_ac(&w, s->ac[table], &j->huff_ac[table], &blocks);
        bad = !c.length || c.value > 1 || c.value < -1;
        uint64_t zeros = blocks ? 0 : todo & ~seen;
        for (int i = 0; i < c.run && zeros; i++)
            zeros &= zeros - 1;
        uint64_t place = zeros & -zeros, before = place - 1; /* all when there is no such place */
        refine_bits(&w, data, todo & seen & before, low);
        if (place)
            data[__builtin_ctzll(place)] = (short)(c.value * (1 << low));
        todo &= ~(before | place);
    }
    j->eob_run = blocks - (blocks > 0);
    keep_window(s, &w);
    return bad ? -1 : 0;
}

/* What the scan's blocks are read by; NULL: it mixes what a scan may not. */
static scan_block_fn *progressive_block(const stbi__jpeg *j)
{
    static scan_block_fn *const blocks[2][2] = {{first_dc, refine_dc}, {first_ac, refine_ac}};
    bool ac = j->spec_start > 0, bad = ac ? j->scan_n > 1 : j->spec_end > 0;
    return bad ? NULL : blocks[ac][j->succ_high > 0];
}

/* As stb_image's function, after the last scan: coefficients to samples. */
static void jpeg_finish(void *jpeg)
{
    stbi__jpeg *j = jpeg;
    for (int n = 0; n < j->s->img_n; n++) {
        const stbi__uint16 *factors = j->dequant[j->img_comp[n].tq];
        int columns = (j->img_comp[n].x + 7) >> 3, rows = (j->img_comp[n].y + 7) >> 3, stride = j->img_comp[n].w2;
        for (int y = 0; y < rows; y++)
            for (int x = 0; x < columns; x++) {
                if (!is_wanted(source_of(j), n, (size_t)x, (size_t)y))
                    continue;
                const short *in = j->img_comp[n].coeff + 64 * ((size_t)x + (size_t)y * (size_t)j->img_comp[n].coeff_w);
                STBI_SIMD_ALIGN(short, data[64]);
                memset(data, 0, sizeof data);
                for (uint64_t mask = nonzeros(in); mask; mask &= mask - 1) {
                    int k = __builtin_ctzll(mask), at = stbi__jpeg_dezigzag[k];
                    data[at] = (short)(in[k] * factors[at]);
                }
                j->idct_block_kernel(j->img_comp[n].data + 8 * ((size_t)y * (size_t)stride + (size_t)x), stride, data);
            }
    }
}

#endif
#endif
