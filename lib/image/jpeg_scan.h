/* Scans of JPEG, in place of stb_image's, behind whose code this is included: a window of 64 bits, and tables that give
 * a code, its run of zeros and its value at once. ITU-T T.81, annex F; for progressive ones see jpeg_progressive.h. */
#ifndef IMAGE_JPEG_SCAN_H
#define IMAGE_JPEG_SCAN_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef STBI_INCLUDE_STB_IMAGE_H /* whose types these are */

/* ---- what is wanted ---- */

#define MOST_BLOCKS (IMAGE_MAX_SIDE / 8 + 8) /* of a side, with those that fill up a group of several components' */

struct image_source {
    stbi__context file;
    stbi__jpeg jpeg;
    const int *place[2]; /* columns and rows that are wanted; NULL: all */
    int count[2];
    bool wanted[4][2][MOST_BLOCKS]; /* of each component, by columns and rows of blocks */
    bool scanned, made;             /* all samples, all rows */
    int row;                        /* that the first row of the picture holds; -1: none yet */
};

static struct image_source *source_of(stbi__jpeg *j)
{
    return (struct image_source *)((char *)j - offsetof(struct image_source, jpeg));
}

/* How many pixels a sample of a component stands for along an axis. */
static int pixels_per_sample(const stbi__jpeg *j, int k, int axis)
{
    return axis ? j->img_v_max / j->img_comp[k].v : j->img_h_max / j->img_comp[k].h;
}

/* The blocks that have samples of the places, or samples beside these, where they are interpolated. */
static void mark_wanted(struct image_source *s, int k, int axis)
{
    int shrink = pixels_per_sample(&s->jpeg, k, axis), beside = shrink > 1;
    memset(s->wanted[k][axis], !s->place[axis], MOST_BLOCKS);
    for (int i = 0; i < s->count[axis]; i++)
        for (int d = -beside; d <= beside; d++)
            s->wanted[k][axis][(s->place[axis][i] / shrink + d) / 8] = true;
}

static bool is_wanted(const struct image_source *s, int k, size_t column, size_t row)
{
    return s->wanted[k][0][column] && s->wanted[k][1][row];
}

/* ---- bits ---- */

struct window {
    const uint8_t *at, *end;
    uint64_t bits; /* the next one highest */
    int count;     /* of bits that are valid; those behind them are right, or 0 */
    int zeros;     /* bits among them that the file does not have */
    int marker;    /* that was met; STBI__MARKER_none: none yet */
};

/* The next byte; 0 once a marker or the end was met. */
static int window_byte(struct window *w)
{
    if (w->marker != STBI__MARKER_none || w->at == w->end) {
        w->zeros += 8;
        return 0;
    }
    int byte = *w->at++, second = byte;
    if (byte != 0xff)
        return byte;
    while (second == 0xff && w->at < w->end)
        second = *w->at++; /* fill bytes */
    if (second == 0)
        return byte;
    w->marker = second == 0xff ? STBI__MARKER_none : second;
    w->zeros += 8;
    return 0;
}

/* By value, as in all that is seldom called: a window whose address is nowhere else stays in registers. */
__attribute__((noinline)) static struct window window_with_bytes(struct window w)
{
    for (; w.count <= 56; w.count += 8)
        w.bits |= (uint64_t)window_byte(&w) << (56 - w.count);
    return w;
}

/* At least 57 bits. */
static inline void window_fill(struct window *w)
{
    if (w->marker == STBI__MARKER_none && w->end - w->at >= 8) {
        uint64_t v, low = 0x0101010101010101u;
        memcpy(&v, w->at, sizeof v);
        if (((~v - low) & v & low << 7) == 0) { /* no byte is 0xff */
            w->bits |= __builtin_bswap64(v) >> w->count;
            w->at += (63 - w->count) >> 3;
            w->count |= 56;
            return;
        }
    }
    *w = window_with_bytes(*w);
}

static inline void window_drop(struct window *w, int n)
{
    w->bits <<= n;
    w->count -= n;
}

static inline bool window_bit(struct window *w)
{
    if (w->count < 1)
        window_fill(w);
    bool bit = w->bits >> 63;
    window_drop(w, 1);
    return bit;
}

/* n bits of 1 to 15 as a signed value: of those that begin with 0, the negative ones. */
static inline int window_value(struct window *w, int n)
{
    int v = (int)(w->bits >> (64 - n));
    window_drop(w, n);
    return v < 1 << (n - 1) ? v - (1 << n) + 1 : v;
}

/* ---- codes ---- */

#define LOOK 10 /* bits */

#define ENDS_BLOCK 64
#define MORE       32 /* added to a run */

/* What a code comes to. */
struct code {
    int16_t value;  /* or, with MORE, how many bits of it follow */
    uint8_t run;    /* zeros before the value; ENDS_BLOCK and more end the block */
    uint8_t length; /* of the code, with the value when that is known; 0: longer than LOOK bits */
};

/* A symbol of a code of `length` bits. "Sixteen zeros" is one of them behind fifteen. A mean of more than 15 bits is as
 * if there were no such code. */
static struct code code_of(int symbol, int length, bool dc)
{
    int run = dc ? 0 : symbol >> 4, more = dc ? symbol : symbol & 15;
    if (dc && symbol > 15)
        return (struct code){0};
    if (!more && !dc && symbol != 0xf0)
        run += ENDS_BLOCK;
    return (struct code){(int16_t)more, (uint8_t)(run + (more ? MORE : 0)), (uint8_t)length};
}

static void fill_codes(struct code codes[1 << LOOK], const stbi__huffman *h, bool dc)
{
    memset(codes, 0, sizeof *codes << LOOK);
    for (int i = 0; h->size[i]; i++) {
        int size = h->size[i], free_bits = LOOK - size;
        if (free_bits < 0)
            continue;
        for (int k = 0; k < 1 << free_bits; k++) {
            struct code c = code_of(h->values[i], size, dc);
            if (c.run & MORE && c.value <= free_bits) {
                struct window w = {.bits = (uint64_t)k << (64 - free_bits)};
                c.length += c.value;
                c.value = (int16_t)window_value(&w, c.value);
                c.run -= MORE;
            }
            codes[h->code[i] << free_bits | k] = c;
        }
    }
}

/* A code longer than LOOK bits; length 0: there is none such. */
static struct code find_code(uint64_t bits, const stbi__huffman *h, bool dc)
{
    unsigned next = (unsigned)(bits >> 48);
    int length = LOOK + 1;
    while (length < 17 && next >= h->maxcode[length])
        length++;
    int at = length < 17 ? (int)(next >> (16 - length)) + h->delta[length] : -1;
    return at < 0 || at > 255 ? (struct code){0} : code_of(h->values[at], length, dc);
}

/* ---- blocks ---- */

struct scan;

/* Reads one block of component n. */
typedef int scan_block_fn(struct scan *s, int n, short data[64]);

struct scan {
    stbi__jpeg *j;
    struct window w;
    scan_block_fn *block; /* of progressive ones: into the coefficients that are kept */
    struct code dc[4][1 << LOOK], ac[4][1 << LOOK];
};

/* The code at hand, dropped; length 0: there is none. */
static inline struct code next_code(struct window *w, const struct code *codes, const stbi__huffman *h, bool dc)
{
    struct code c = codes[w->bits >> (64 - LOOK)];
    if (!c.length)
        c = find_code(w->bits, h, dc);
    window_drop(w, c.length);
    if (c.run & MORE) {
        c.value = (int16_t)window_value(w, c.value);
        c.run -= MORE;
    }
    return c;
}

/* Field by field: a copy as a whole goes through memory, and waits for it. */
static inline void keep_window(struct scan *s, const struct window *w)
{
    s->w.at = w->at;
    s->w.bits = w->bits;
    s->w.count = w->count;
    s->w.zeros = w->zeros;
    s->w.marker = w->marker;
}

/* The coefficients of a block of component n, in their natural order. */
static int scan_block(struct scan *s, int n, short data[64])
{
    stbi__jpeg *j = s->j;
    struct window w = s->w;
    int ac = j->img_comp[n].ha, dc = j->img_comp[n].hd;
    const stbi__uint16 *factors = j->dequant[j->img_comp[n].tq];
    for (int i = 0; i < 64; i += 8)
        memset(data + i, 0, 8 * sizeof *data); /* all at once it would be a slow loop of the processor's own */
    window_fill(&w);
    struct code c = next_code(&w, s->dc[dc], &j->huff_dc[dc], true);
    bool bad = !c.length;
    j->img_comp[n].dc_pred += c.value;
    data[0] = (short)(j->img_comp[n].dc_pred * factors[0]);
    for (int k = 1; k < 64 && !bad; k++) {
        if (w.count < 32)
            window_fill(&w);
        c = next_code(&w, s->ac[ac], &j->huff_ac[ac], false);
        bad = !c.length;
        k += c.run;
        if (k > 63)
            break;
        int at = stbi__jpeg_dezigzag[k];
        data[at] = (short)(c.value * factors[at]);
    }
    keep_window(s, &w);
    return bad || w.count < w.zeros ? -1 : 0;
}

#include "image/jpeg_progressive.h"

static int scan_component(struct scan *s, int n, int column, int row, int across, int down)
{
    stbi__jpeg *j = s->j;
    STBI_SIMD_ALIGN(short, data[64]);
    for (int y = 0; y < down; y++)
        for (int x = 0; x < across; x++) {
            size_t at_row = (size_t)(row * down + y), at = (size_t)(column * across + x);
            short *kept = j->img_comp[n].coeff;
            if (kept)
                kept += 64 * (at + at_row * (size_t)j->img_comp[n].coeff_w);
            if (kept ? s->block(s, n, kept) : scan_block(s, n, data))
                return -1;
            if (!kept && is_wanted(source_of(j), n, at, at_row))
                j->idct_block_kernel(j->img_comp[n].data + 8 * (at + at_row * (size_t)j->img_comp[n].w2),
                                     j->img_comp[n].w2, data);
        }
    return 0;
}

/* Behind the blocks of an interval: false when no interval follows. */
static bool scan_restart(struct scan *s)
{
    while (s->w.marker == STBI__MARKER_none && s->w.at < s->w.end)
        window_byte(&s->w);
    if (!STBI__RESTART(s->w.marker))
        return false;
    s->w = (struct window){s->w.at, s->w.end, 0, 0, 0, STBI__MARKER_none};
    stbi__jpeg_reset(s->j);
    return true;
}

/* One component alone is cut into blocks; several are interleaved. */
static int scan_all(struct scan *s)
{
    stbi__jpeg *j = s->j;
    bool alone = j->scan_n == 1;
    int first = j->order[0];
    int columns = alone ? (j->img_comp[first].x + 7) >> 3 : j->img_mcu_x;
    int rows = alone ? (j->img_comp[first].y + 7) >> 3 : j->img_mcu_y;
    for (int row = 0; row < rows; row++)
        for (int column = 0; column < columns; column++) {
            for (int k = 0; k < j->scan_n; k++) {
                int n = j->order[k];
                if (scan_component(s, n, column, row, alone ? 1 : j->img_comp[n].h, alone ? 1 : j->img_comp[n].v))
                    return 0;
            }
            if (--j->todo <= 0 && !scan_restart(s))
                return 1;
        }
    return 1;
}

/* As stb_image's function: 1, or 0 when the data are damaged. */
static int jpeg_scan(void *jpeg)
{
    stbi__jpeg *j = jpeg;
    scan_block_fn *block = j->progressive ? progressive_block(j) : scan_block;
    struct scan *s = block ? stbi__malloc(sizeof *s) : NULL;
    if (!s)
        return 0;
    stbi__jpeg_reset(j);
    for (int k = 0; k < 2 * j->s->img_n; k++)
        mark_wanted(source_of(j), k / 2, k % 2);
    s->j = j;
    s->block = block;
    s->w = (struct window){j->s->img_buffer, j->s->img_buffer_end, 0, 0, 0, STBI__MARKER_none};
    for (int k = 0; k < j->scan_n; k++) {
        int dc = j->img_comp[j->order[k]].hd, ac = j->img_comp[j->order[k]].ha;
        fill_codes(s->dc[dc], &j->huff_dc[dc], true);
        fill_codes(s->ac[ac], &j->huff_ac[ac], false);
    }
    int done = scan_all(s);
    j->s->img_buffer = (stbi_uc *)s->w.at;
    j->marker = (unsigned char)s->w.marker;
    STBI_FREE(s);
    return done;
}

#endif
#endif
