/* Winograd's F(4x4, 3x3) of bytes in whole numbers (kernel/winograd.h): lanes are channels, the products those of pairs
 * of s16. Sums are modulo 2^32, as is all that becomes of them up to the division, which is exact. */
#include <string.h>

#include "kernel/isa/isa.h"
#include "kernel/isa/sums_q8.h"
#include "kernel/winograd.h"

#define TILE    WINOGRAD_TILE
#define OUTPUTS (WINOGRAD_TILE - 2)
#define PAIRED  (2 * VL) /* lanes of s16 */

/* ---- input ---- */

V_FN v_pairs widen(const uint8_t *p, bool is_signed)
{
#if defined(ISA_avx512)
    __m256i x = _mm256_loadu_si256((const __m256i *)(const void *)p);
    return (v_pairs)(is_signed ? _mm512_cvtepi8_epi16(x) : _mm512_cvtepu8_epi16(x));
#else
    __m128i x = _mm_loadu_si128((const __m128i *)(const void *)p);
    return (v_pairs)(is_signed ? _mm256_cvtepi8_epi16(x) : _mm256_cvtepu8_epi16(x));
#endif
}

/* f = x (x² - 1) (x² - 4) */
V_FN void input_line(v_pairs *o, const v_pairs *d)
{
    v_pairs even = d[4] - (d[2] << 2), odd = d[3] - (d[1] << 2);
    o[1] = even + odd;
    o[2] = even - odd;
    even = d[4] - d[2];
    odd = d[3] - d[1] + (d[3] - d[1]);
    o[3] = even + odd;
    o[4] = even - odd;
    o[0] = ((d[0] - d[2]) << 2) + even;
    o[5] = d[5] - d[3] - (odd << 1);
}

/* Columns first, which are many more than there are registers: loops cost nothing. */
V_FN void input_columns(v_pairs (*lines)[TILE], const struct kernel_winograd_input_q8 *w, int c, bool is_signed)
{
    const uint8_t *from = w->x + c;
    V_NO_UNROLL
    for (int x = 0; x < TILE; x++, from += w->pixel) {
        v_pairs d[TILE], o[TILE];
        V_UNROLL(6)
        for (int y = 0; y < TILE; y++)
            d[y] = widen(from + y * w->row, is_signed);
        input_line(o, d);
        V_UNROLL(6)
        for (int y = 0; y < TILE; y++)
            lines[y][x] = o[y];
    }
}

static void input_lanes(const struct kernel_winograd_input_q8 *w, int c)
{
    v_pairs lines[TILE][TILE], o[TILE];
    int16_t *to = w->out + c;
    if (w->is_signed)
        input_columns(lines, w, c, true);
    else
        input_columns(lines, w, c, false);
    V_NO_UNROLL
    for (int y = 0; y < TILE; y++) {
        input_line(o, lines[y]);
        V_UNROLL(6)
        for (int x = 0; x < TILE; x++, to += w->plane)
            memcpy(to, &o[x], sizeof o[x]);
    }
}

/* The last lanes end with the channels, and do some again. */
static void input(const struct kernel_winograd_input_q8 *w)
{
    for (int c = 0; c < w->channels; c += PAIRED)
        input_lanes(w, c + PAIRED <= w->channels ? c : w->channels - PAIRED);
}

/* ---- filters ---- */

/* 24 (1, p, p²) / f'(p), but half of it at infinity. */
V_FN void filter_line(v_pairs *o, v_pairs a, v_pairs b, v_pairs c)
{
    v_pairs even = -((a + c) << 2), odd = b << 2;
    o[0] = (a << 2) + (a << 1);
    o[1] = even - odd;
    o[2] = even + odd;
    even = a + (c << 2);
    odd = b << 1;
    o[3] = even + odd;
    o[4] = even - odd;
    o[5] = (c << 3) + (c << 2);
}

static void filter(int16_t *out, ptrdiff_t plane, const int8_t *w, ptrdiff_t tap, ptrdiff_t n)
{
    for (ptrdiff_t i = 0; i < n; i += PAIRED) {
        v_pairs columns[3][TILE], o[TILE];
        V_UNROLL(3)
        for (int x = 0; x < 3; x++) {
            v_pairs g[3];
            V_UNROLL(3)
            for (int y = 0; y < 3; y++)
                g[y] = widen((const uint8_t *)w + (3 * y + x) * tap + i, true);
            filter_line(columns[x], g[0], g[1], g[2]);
        }
        V_UNROLL(6)
        for (int y = 0; y < TILE; y++) {
            filter_line(o, columns[0][y], columns[1][y], columns[2][y]);
            V_UNROLL(6)
            for (int x = 0; x < TILE; x++)
                memcpy(out + (y * TILE + x) * plane + i, &o[x], sizeof o[x]);
        }
    }
}

/* ---- products ---- */

V_FN void add_products(v_i32 *acc, v_i32 a, const v_i32 *b)
{
#if defined(ISA_avx512vnni)
    __asm__("vpdpwssd %2, %1, %0" : "+v"(acc[0]) : "v"(a), "v"(b[0]));
    __asm__("vpdpwssd %2, %1, %0" : "+v"(acc[1]) : "v"(a), "v"(b[1]));
#else
    v_madd_pairs_both(acc, a, b);
#endif
}

V_FN v_i32 pair(const int16_t *p)
{
    int32_t x;
    memcpy(&x, p, sizeof x);
    return v_set1_i32(x);
}

/* `rows` rows of a tile from `first` on: with the last one again and again where there are fewer. */
V_FN void multiply_rows(const struct kernel_gemm *g, int rows)
{
    const int16_t *a[GEMM_MR];
    struct fetch fetch = fetch_begin(g, 0);
    v_i32 acc[GEMM_MR * 2];
    for (int i = 0; i < rows; i++)
        a[i] = g->a[i < g->m ? i : g->m - 1];
    V_UNROLL(16)
    for (int i = 0; i < rows; i++) {
        const int32_t *c = g->c[i < g->m ? i : g->m - 1];
        acc[2 * i] = g->to.add ? v_load_i32(c) : v_set1_i32(0);
        acc[2 * i + 1] = g->to.add ? v_load_i32(c + VL) : v_set1_i32(0);
    }
    const int16_t *b = g->b;
    for (int k = 0; k < g->k; k += 8) {
        fetch_next(&fetch, 4);
        V_UNROLL(2)
        for (int j = k; j < k + 8; j += 2, b += 4 * VL) {
            const v_i32 columns[2] = {v_load_i32((const int32_t *)(const void *)b),
                                      v_load_i32((const int32_t *)(const void *)(b + 2 * VL))};
            V_UNROLL(16)
            for (int i = 0; i < rows; i++)
                add_products(&acc[2 * i], pair(a[i] + j), columns);
        }
    }
    V_UNROLL(16)
    for (int i = 0; i < rows; i++) {
        int32_t *c = g->c[i < g->m ? i : g->m - 1];
        v_store_i32(c, acc[2 * i]);
        v_store_i32(c + VL, acc[2 * i + 1]);
    }
}

static void multiply(const struct kernel_gemm *g)
{
#if GEMM_MR == 14
    if (g->m <= 4)
        multiply_rows(g, 4);
    else if (g->m <= 8)
        multiply_rows(g, 8);
    else if (g->m <= 12)
        multiply_rows(g, 12);
    else
        multiply_rows(g, 14);
#else
    if (g->m <= 4)
        multiply_rows(g, 4);
    else
        multiply_rows(g, GEMM_MR);
#endif
}

/* ---- output ---- */

/* Row i: the points to the power of i; infinity counts in the last, twice as half of it is in the filters. */
V_FN void output_line(v_u32 *o, const v_u32 *m)
{
    v_u32 sum = m[1] + m[2], less = m[1] - m[2], sum_2 = m[3] + m[4], less_2 = m[3] - m[4];
    o[0] = m[0] + sum + sum_2;
    o[1] = less + (less_2 << 1);
    o[2] = sum + (sum_2 << 2);
    o[3] = less + (less_2 << 3) + (m[5] << 1);
}

V_FN void output_lanes(const struct kernel_winograd_output_q8 *w, int c, int lanes, const struct v_narrowing *n)
{
    v_u32 rows[OUTPUTS][TILE];
    v_i32 sums[OUTPUTS * OUTPUTS];
    void *out[OUTPUTS * OUTPUTS];
    int count = 0;
    v_i32 bias = v_as_i32(v_load_n((const float *)w->to.bias + c, lanes));
    V_UNROLL(6)
    for (int x = 0; x < TILE; x++) {
        v_u32 m[TILE], o[OUTPUTS];
        V_UNROLL(6)
        for (int y = 0; y < TILE; y++)
            m[y] = (v_u32)v_load_i32(w->sums + (y * TILE + x) * w->plane + c);
        output_line(o, m);
        V_UNROLL(4)
        for (int y = 0; y < OUTPUTS; y++)
            rows[y][x] = o[y];
    }
    uint8_t *row = w->out;
    for (int y = 0; y < w->height; y++, row += w->out_row, count += w->width) {
        v_u32 o[OUTPUTS];
        output_line(o, rows[y]);
        /* All of a row, so that its loop is unrolled: what is not wanted is overwritten by the next. */
        V_UNROLL(4)
        for (int x = 0; x < OUTPUTS; x++) {
            sums[count + x] = v_add_i32(v_sar_i32((v_i32)(o[x] * WINOGRAD_Q8_INVERSE), WINOGRAD_Q8_SHIFT), bias);
            out[count + x] = x < w->width ? row + x * w->out_pixel : row;
        }
    }
    finish_stored(sums, out, c, &w->to, n, count, 1, lanes);
}

static void output(const struct kernel_winograd_output_q8 *w)
{
    const struct v_narrowing n = v_narrowing_of(&w->to.rounding);
    for (int c = 0; c < w->channels; c += VL)
        output_lanes(w, c, w->channels - c < VL ? w->channels - c : VL, &n);
}

/* Five rows take as long as six. */
#define GEMM_FEW (GEMM_MR == 6 ? 4 : 0)

const struct kernel_winograd_q8 K(winograd_q8) = {GEMM_MR, GEMM_FEW, 2 * VL, PAIRED, input, filter, multiply, output};
