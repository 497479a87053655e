/* Rounding of rows and weights to 16-bit floats, and what becomes of the sums. */
#include <string.h>

#include "kernel/isa/epilogue.h"

#if defined(ISA_avx512)

#include "kernel/isa/gemm_half.h"

/* ---- rounding ---- */

#define NEAREST (_MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)

V_FN __m512i round_two(v_f32 first, v_f32 second, bool f16)
{
    __m512i both;
    if (f16)
        return _mm512_inserti64x4(_mm512_castsi256_si512(_mm512_cvtps_ph(first, NEAREST)),
                                  _mm512_cvtps_ph(second, NEAREST), 1);
    __asm__("vcvtne2ps2bf16 %2, %1, %0" : "=v"(both) : "v"(second), "v"(first));
    return both;
}

/* Magnitudes of less than 2^ROWS_POWER and up to 2^COLUMNS_POWER: their products' sums stay below f16's 65504. Rows
 * whose largest is between 2^ROWS_LEAST and that are left as they are. */
#define ROWS_POWER    7
#define ROWS_LEAST    (-3)
#define COLUMNS_POWER 2

/* The largest magnitudes so far, as bits, which are in the order of the numbers: a NaN is the largest. */
V_FN __m512i larger(__m512i most, v_f32 x)
{
    return _mm512_max_epi32(most, _mm512_and_si512((__m512i)x, _mm512_set1_epi32(INT32_MAX)));
}

/* The power of two that brings magnitudes of up to `most`'s to less than 2^power; *back: its exponent, negated. That of
 * the smallest numbers would not be a number of f32. */
V_FN v_f32 scale_of(__m512i most, int power, v_f32 *back)
{
    __m512i e = _mm512_srli_epi32(most, 23);
    e = _mm512_min_epi32(_mm512_max_epi32(e, _mm512_set1_epi32(20)), _mm512_set1_epi32(254));
    e = _mm512_sub_epi32(_mm512_set1_epi32(127 + 126 + power), e);
    *back = (v_f32)_mm512_cvtepi32_ps(_mm512_sub_epi32(_mm512_set1_epi32(127), e));
    return (v_f32)_mm512_slli_epi32(e, 23);
}

/* The first `count` of 32 elements, from position p of a run in a row on: parts of two blocks. */
V_APART void put(const struct half_rows *rows, uint16_t *run, ptrdiff_t p, v_i32 x, int count)
{
    const int in_block = (int)(p % HALF_BLOCK), first = HALF_BLOCK - in_block;
    const uint32_t all = count < HALF_BLOCK ? (1u << count) - 1 : ~0u, low = in_block ? (1u << first) - 1 : ~0u;
    const ptrdiff_t block = p / HALF_BLOCK;
    uint16_t *to = run + block * rows->block;
    _mm512_mask_storeu_epi16(to + in_block + (block == rows->last ? rows->shift : 0), all & low, (__m512i)x);
    if (all & ~low)
        _mm512_mask_storeu_epi16(to + rows->block - first + (block + 1 == rows->last ? rows->shift : 0), all & ~low,
                                 (__m512i)x);
}

V_FN __m512i round_scaled(__m512i *most, v_f32 first, v_f32 second, v_f32 scale, bool f16)
{
    if (f16) {
        *most = larger(larger(*most, first), second);
        first *= scale;
        second *= scale;
    }
    return round_two(first, second, f16);
}

/* k elements, rounded up to `length`, from position p of a run in a row on. Blocks that are all theirs are written as
 * such: for few columns the rounding takes as long as the product. */
V_FN void gather_tap(const struct half_rows *rows, uint16_t *run, ptrdiff_t p, const float *a, int k, int length,
                     __m512i *most, v_f32 scale, bool f16)
{
    int at = 0;
    if (p % HALF_BLOCK == 0)
        for (uint16_t *to = run + p / HALF_BLOCK * rows->block; at + 2 * VL <= k; at += 2 * VL, to += rows->block)
            _mm512_storeu_si512(to, round_scaled(most, v_load(a + at), v_load(a + at + VL), scale, f16));
    V_NO_UNROLL
    for (; at < length; at += 2 * VL) {
        const int left = k - at < 0 ? 0 : k - at;
        v_f32 first = v_load_n(a + at, left < VL ? left : VL),
              second = left > VL ? v_load_n(a + at + VL, left < 2 * VL ? left - VL : VL) : v_zero();
        put(rows, run, p + at, (v_i32)round_scaled(most, first, second, scale, f16),
            length - at < 2 * VL ? length - at : 2 * VL);
    }
}

/* Returns the largest magnitudes of f16's. */
V_FN __m512i gather_row(const struct half_rows *rows, uint16_t *row, const struct kernel_gemm *g, const float *a,
                        int kr, v_f32 scale)
{
    const int length = (g->k + kr - 1) / kr * kr;
    const ptrdiff_t run = half_blocks(rows->length) * rows->block;
    __m512i most = _mm512_setzero_si512();
    for (int r = 0; rows->shift && r < rows->runs; r++)
        _mm512_storeu_si512(row + r * run + rows->last * rows->block, most);
    for (int t = 0; t < g->taps; t++)
        gather_tap(rows, rows->runs > 1 ? row + t * run : row, rows->runs > 1 ? 0 : (ptrdiff_t)t * length,
                   a + g->tap[t], g->k, length, &most, scale, kr == 1);
    return most;
}

V_APART void gather_bf16(const struct half_rows *rows, uint16_t *row, const struct kernel_gemm *g, const float *a)
{
    gather_row(rows, row, g, a, 2, v_zero());
}

V_APART __m512i gather_scaled(const struct half_rows *rows, uint16_t *row, const struct kernel_gemm *g, const float *a,
                              v_f32 scale)
{
    return gather_row(rows, row, g, a, 1, scale);
}

void gemm_half_round(void *to, const float *from, size_t n)
{
    uint16_t *halves = to;
    for (; n > 0; from += 2 * VL, halves += 2 * VL) {
        const int left = n < 2 * VL ? (int)n : 2 * VL;
        v_f32 first = v_load_n(from, left < VL ? left : VL), second = v_load_n(from + VL, left > VL ? left - VL : 0);
        _mm512_mask_storeu_epi16(halves, left < 2 * VL ? (1u << left) - 1 : ~0u, round_two(first, second, false));
        n -= (size_t)left;
    }
}

static __m512i power_bits(int power)
{
    return _mm512_set1_epi32((127 + power) << 23);
}

/* Returns the power of two that a row's sums are multiplied by. */
static float gather_f16(const struct half_rows *rows, uint16_t *row, const struct kernel_gemm *g, const float *a)
{
    v_f32 back;
    __m512i most = gather_scaled(rows, row, g, a, v_set1(1));
    if (_mm512_cmplt_epi32_mask(most, power_bits(ROWS_POWER)) == 0xffff &&
        _mm512_cmpge_epi32_mask(most, power_bits(ROWS_LEAST)))
        return 0;
    v_f32 scale = scale_of(_mm512_set1_epi32(_mm512_reduce_max_epi32(most)), ROWS_POWER, &back);
    gather_scaled(rows, row, g, a, scale);
    return back[0];
}

static void gather(const struct kernel_product *p, const struct kernel_gemm *g, const struct half_rows *rows,
                   float *back)
{
    for (int i = 0; i < g->m; i++) {
        uint16_t *row = rows->at + i * rows->row;
        if (p->b == KERNEL_F16)
            back[i] = gather_f16(rows, row, g, g->a[i]);
        else
            gather_bf16(rows, row, g, g->a[i]);
    }
}

/* ---- results ---- */

/* Bounds are all that is done in registers. */
void gemm_half_finish(float *sum, const struct kernel_gemm *g, const struct half_rows *rows, const float *column_back,
                      int column)
{
    const struct kernel_epilogue *to = &g->to;
    const struct kernel_act act = to->act;
    const bool here = epilogue_is_clip(act) && !(to->add && to->add_last && act.kind != KERNEL_NONE);
    const v_f32 low = v_set1(act.kind == KERNEL_RELU   ? 0
                             : act.kind == KERNEL_CLIP ? act.a
                                                       : -INFINITY),
                high = v_set1(act.kind == KERNEL_CLIP ? act.b : INFINITY);
    v_f32 bias[2], back[2];
    int lanes[2];
    float *at = sum;
    for (int v = 0; v < 2; v++) {
        int left = g->n - column - v * VL;
        lanes[v] = left < 0 ? 0 : left < VL ? left : VL;
        bias[v] = to->bias ? v_load_n((const float *)to->bias + column + v * VL, lanes[v]) : v_zero();
        back[v] = rows->back ? v_load(column_back + v * VL) : v_zero();
    }
    for (int i = 0; i < g->m; i++) {
        V_UNROLL(2)
        for (int v = 0; v < 2; v++, at += VL) {
            v_f32 x = v_load(at);
            if (rows->back)
                x = (v_f32)_mm512_scalef_ps((__m512)x, (__m512)v_add(back[v], v_set1(rows->back[i])));
            x = v_add(x, bias[v]);
            if (!here) {
                v_store(at, x);
                continue;
            }
            if (to->add)
                x = v_add(x, v_load_n((const float *)to->add[i] + column + v * VL, lanes[v]));
            v_store_n((float *)g->c[i] + column + v * VL, v_clip(x, low, high), lanes[v]);
        }
    }
    if (!here)
        K(epilogue_rows)(sum, g->m, 2 * VL, lanes[0] + lanes[1], g->c, column, to);
}

/* ---- a call ---- */

/* An activation that is more than bounds goes over whole rows, but where a residual comes after it. */
void gemm_half_run(const struct kernel_product *p, const struct kernel_gemm *given, const struct half_tile *tiles)
{
    struct kernel_gemm g = *given;
    float back[KERNEL_GEMM_MR_MAX];
    const bool later = !epilogue_is_clip(g.to.act) && !(g.to.add && g.to.add_last), placed = p->a == KERNEL_BF16,
               apart = (g.b_tap || placed) && g.taps != 1;
    const ptrdiff_t run = (g.k + p->kr - 1) / p->kr * p->kr;
    struct half_rows rows = {.at = placed ? NULL : g.scratch,
                             .runs = apart ? g.taps : 1,
                             .length = apart ? run : run * g.taps,
                             .back = p->b == KERNEL_F16 ? back : NULL};
    int size = 0;
    rows.block = p->leave ? HALF_BLOCK : (ptrdiff_t)HALF_BLOCK * p->scratch_rows;
    rows.row = p->leave ? half_blocks(rows.length) * HALF_BLOCK * rows.runs : HALF_BLOCK;
    rows.last = rows.length / HALF_BLOCK;
    if (p->leave && rows.last > 0 && rows.length % HALF_BLOCK)
        rows.shift = HALF_BLOCK - (int)(rows.length % HALF_BLOCK);
    if (later)
        g.to.act.kind = KERNEL_NONE;
    if (!placed && !p->widened)
        gather(p, &g, &rows, back);
    while (tiles[size].rows < g.m)
        size++;
    tiles[size].panels(&g, &rows);
    for (int i = 0; later && i < g.m; i++)
        K(unary_f32)(g.c[i], g.c[i], (size_t)g.n, given->to.act);
}

/* ---- packing ---- */

#define COLUMNS (2 * VL)

/* Two rows of a panel as one step's. */
static void pack_two(uint16_t *to, const float *two)
{
    for (int j = 0; j < COLUMNS; j += VL) {
        uint16_t halves[2 * VL];
        _mm512_storeu_si512(halves, round_two(v_load(two + j), v_load(two + COLUMNS + j), false));
        V_NO_UNROLL
        for (int i = 0; i < VL; i++) {
            to[(j + i) * 2] = halves[i];
            to[(j + i) * 2 + 1] = halves[VL + i];
        }
    }
}

struct panel {
    const float *from;
    int taps, k, left;
    ptrdiff_t tap_step, k_step, n_step;
};

enum { PACK_ROWS = 32 };

/* Rows of a panel, so many at a time as fit a small array, through gemm_f32's, which may be of one vector; zeros behind
 * them. */
static void load_rows(float *rows, const struct panel *p, int tap, int first, int count)
{
    K(gemm_f32).pack(rows, p->from + tap * p->tap_step + first * p->k_step, 1, 0, count, p->k_step, p->left, p->n_step);
    for (int i = count - 1; i >= 0 && p->left <= VL; i--) {
        v_f32 one = v_load(rows + i * VL);
        v_store(rows + i * COLUMNS, one);
        v_store(rows + i * COLUMNS + VL, v_zero());
    }
    memset(rows + count * COLUMNS, 0, sizeof(float) * (size_t)(COLUMNS * (PACK_ROWS + 1 - count)));
}

/* What brings each column to f16's range; what brings it back is the panel's head. */
static void scale_columns(float *head, const struct panel *p, v_f32 *scale)
{
    float rows[(PACK_ROWS + 1) * COLUMNS];
    __m512i most[2] = {_mm512_setzero_si512(), _mm512_setzero_si512()};
    v_f32 back[2];
    for (int t = 0; t < p->taps; t++)
        for (int i = 0; i < p->k; i += PACK_ROWS) {
            int some = p->k - i < PACK_ROWS ? p->k - i : PACK_ROWS;
            load_rows(rows, p, t, i, some);
            for (int r = 0; r < some; r++)
                for (int v = 0; v < 2; v++)
                    most[v] = larger(most[v], v_load(rows + r * COLUMNS + v * VL));
        }
    for (int v = 0; v < 2; v++) {
        scale[v] = scale_of(most[v], COLUMNS_POWER, &back[v]);
        v_store(head + v * VL, back[v]);
    }
}

static uint16_t *pack_panel(const struct kernel_product *of, uint16_t *packed, const struct panel *p)
{
    float rows[(PACK_ROWS + 1) * COLUMNS];
    v_f32 scale[2] = {v_zero(), v_zero()};
    if (of->b == KERNEL_F16) {
        scale_columns((float *)(void *)packed, p, scale);
        packed += of->nr * 2;
    }
    for (int t = 0; t < p->taps; t++)
        for (int i = 0; i < p->k; i += PACK_ROWS) {
            int some = p->k - i < PACK_ROWS ? p->k - i : PACK_ROWS;
            load_rows(rows, p, t, i, some);
            for (int r = 0; r < some; r += of->kr, packed += of->kr * COLUMNS) {
                const float *row = rows + r * COLUMNS;
                if (of->b == KERNEL_F16)
                    _mm512_storeu_si512(packed, round_two(v_load(row) * scale[0], v_load(row + VL) * scale[1], true));
                else
                    pack_two(packed, row);
            }
        }
    return packed;
}

void gemm_half_pack(const struct kernel_product *of, void *panels, const void *matrix, int taps, ptrdiff_t tap_step,
                    int k, ptrdiff_t k_step, int n, ptrdiff_t n_step)
{
    uint16_t *packed = panels;
    for (int j = 0; j < n; j += 2 * VL)
        packed = pack_panel(of, packed,
                            &(struct panel){.from = (const float *)matrix + j * n_step,
                                            .taps = taps,
                                            .k = k,
                                            .left = n - j < 2 * VL ? n - j : 2 * VL,
                                            .tap_step = tap_step,
                                            .k_step = k_step,
                                            .n_step = n_step});
}

#endif
