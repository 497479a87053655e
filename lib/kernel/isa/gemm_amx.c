/* The product of rows of bytes with packed panels of s8, in sums of s32 that are exact, by AMX: up to two tiles of rows
 * by two of columns at a time. The panels are those of AVX-512 VNNI, whose kernel few rows of u8 are left to.
 *
 * A tile of rows is read where it lies, if its rows are equally far apart and their runs are long enough, else from
 * blocks of 64 bytes of 16 rows, which are gathered once a call. The second tile ends with the last row, and so shares
 * some with the first one: sums of these come out twice, and alike. What is left of a run behind its last whole block
 * is always gathered, with zeros before it, so that it meets the last 64 rows of a panel and nothing is read behind
 * that. */
#include "kernel/isa/amx.h"
#include "kernel/isa/sums_q8.h"

#define BLOCK (AMX_ROWS * AMX_BYTES)
/* Elements that a panel has side by side. */
#define QUAD 4
/* Up to so many rows the tiles' rows would stay empty, mostly. */
#define FEW_ROWS 4

extern const struct kernel_product gemm_u8_avx512vnni, gemm_s8_avx512vnni;

/* ---- rows ---- */

/* How a call goes over its rows and panels. */
struct walk {
    bool is_signed;
    bool whole; /* all runs in a row are one: else each has blocks of its own */
    int runs;
    ptrdiff_t length;  /* of a run, in whole quads */
    ptrdiff_t blocks;  /* of its elements those that are whole blocks, and may be read where they lie */
    ptrdiff_t columns; /* elements of a panel's column */
};

/* 16 rows, or all of fewer. */
struct rows {
    const uint8_t *a;    /* the first one's elements, or NULL: all are gathered */
    ptrdiff_t step;      /* to the next row */
    const uint8_t *room; /* what was gathered, block by block */
};

static ptrdiff_t quads(int k)
{
    return (ptrdiff_t)(k + QUAD - 1) / QUAD * QUAD;
}

static struct walk plan(const struct kernel_gemm *g, bool is_signed)
{
    bool whole = !g->b_tap && g->taps > 1 && g->k % AMX_BYTES != 0;
    return (struct walk){.is_signed = is_signed,
                         .whole = whole,
                         .runs = whole ? 1 : g->taps,
                         .length = quads(g->k) * (whole ? g->taps : 1),
                         .blocks = g->k / AMX_BYTES * AMX_BYTES,
                         .columns = quads(g->k) * (g->b_tap ? g->b_taps : g->taps)};
}

/* Up to 64 bytes; behind them zeros, up to a whole quad. */
static void copy_part(uint8_t *to, const uint8_t *from, ptrdiff_t n)
{
    if (n == AMX_BYTES) {
        _mm512_storeu_si512(to, _mm512_loadu_si512(from));
        return;
    }
    __m512i x = _mm512_maskz_loadu_epi8(((__mmask64)1 << n) - 1, from);
    _mm512_mask_storeu_epi8(to, ((__mmask64)1 << quads((int)n)) - 1, x);
}

/* A row's elements from `from` on, of `taps` runs in a row, into its place in blocks. As in the panels, the last quad
 * of a run of k elements that no quads fit overlaps the one before. */
static void gather_row(uint8_t *to, const uint8_t *a, const ptrdiff_t *tap, int taps, int k, ptrdiff_t from)
{
    const ptrdiff_t run = quads(k), length = run * taps, last = length / AMX_BYTES * AMX_BYTES, whole = k / QUAD * QUAD;
    const ptrdiff_t shift = last > 0 && last < length ? last + AMX_BYTES - length : 0;
    if (shift)
        _mm512_storeu_si512(to + (last - from) * AMX_ROWS, _mm512_setzero_si512());
    for (int t = 0; t < taps; t++)
        for (ptrdiff_t i = from; i < k;) {
            ptrdiff_t at = t * run + i, in_block = at % AMX_BYTES, n = whole - i, skip = 0;
            if (n == 0) {
                n = k < QUAD ? k : QUAD;
                skip = n - (k - whole);
            } else if (n > AMX_BYTES - in_block) {
                n = AMX_BYTES - in_block;
            }
            copy_part(to + (at - in_block - from) * AMX_ROWS + in_block + (at >= last ? shift : 0),
                      a + tap[t] + i - skip, n);
            i += n;
        }
}

/* How far apart `count` rows are; 0 when not equally far. */
static ptrdiff_t step_of(const void *const *a, int count)
{
    ptrdiff_t step = count > 1 ? (const uint8_t *)a[1] - (const uint8_t *)a[0] : AMX_BYTES;
    for (int i = 2; i < count; i++)
        if ((const uint8_t *)a[i] - (const uint8_t *)a[i - 1] != step)
            return 0;
    return step;
}

static struct rows find_rows(const struct kernel_gemm *g, const struct walk *w, int first, uint8_t *room)
{
    const int count = g->m < AMX_ROWS ? g->m : AMX_ROWS;
    const ptrdiff_t step = w->whole || g->k < AMX_BYTES ? 0 : step_of(g->a + first, count);
    const ptrdiff_t from = step ? w->blocks : 0;
    const ptrdiff_t blocks = (w->length - from + AMX_BYTES - 1) / AMX_BYTES;
    struct rows rows = {step ? g->a[first] : NULL, step, room};
    for (int r = 0; blocks && r < w->runs; r++, room += blocks * BLOCK)
        for (int i = 0; i < count; i++)
            gather_row(room + i * AMX_BYTES, g->a[first + i], g->tap + r, w->whole ? g->taps : 1, g->k, from);
    return rows;
}

/* ---- sums ---- */

/* A block of each tile of rows times the panel's rows at b. */
#define BLOCKS(product)                                                                                                \
    do {                                                                                                               \
        const ptrdiff_t b_step = (ptrdiff_t)vectors * VL * QUAD;                                                       \
        AMX_LOAD(4, a[0], step[0]);                                                                                    \
        AMX_LOAD(6, b, b_step);                                                                                        \
        AMX_MULTIPLY(product, 0, 4, 6);                                                                                \
        if (vectors == 2) {                                                                                            \
            AMX_LOAD(7, b + VL * QUAD, b_step);                                                                        \
            AMX_MULTIPLY(product, 1, 4, 7);                                                                            \
        }                                                                                                              \
        if (tiles == 2) {                                                                                              \
            AMX_LOAD(5, a[1], step[1]);                                                                                \
            AMX_MULTIPLY(product, 2, 5, 6);                                                                            \
        }                                                                                                              \
        if (tiles == 2 && vectors == 2)                                                                                \
            AMX_MULTIPLY(product, 3, 5, 7);                                                                            \
    } while (0)

V_FN void add_block(const uint8_t *const *a, const ptrdiff_t *step, const int8_t *b, int tiles, int vectors,
                    bool is_signed)
{
    if (is_signed)
        BLOCKS(tdpbssd);
    else
        BLOCKS(tdpbusd);
}

/* A run's blocks, where they lie or were gathered; what is left behind them was gathered. */
V_FN void add_run(struct rows *rows, ptrdiff_t tap, const int8_t *b, const struct walk *w, struct fetch *f, int tiles,
                  int vectors)
{
    const ptrdiff_t row = (ptrdiff_t)vectors * VL, last = w->length - AMX_BYTES;
    const uint8_t *a[2];
    ptrdiff_t step[2], next[2];
#pragma GCC unroll 2
    for (int i = 0; i < tiles; i++) {
        a[i] = rows[i].a ? rows[i].a + tap : rows[i].room;
        step[i] = rows[i].a ? rows[i].step : AMX_BYTES;
        next[i] = rows[i].a ? AMX_BYTES : BLOCK;
    }
#pragma GCC unroll 1
    for (ptrdiff_t at = 0; at < w->length; at += AMX_BYTES) {
        bool partly = at > last;
#pragma GCC unroll 2
        for (int i = 0; i < tiles; i++)
            if (at >= w->blocks && rows[i].a) {
                a[i] = rows[i].room;
                step[i] = AMX_BYTES;
                next[i] = BLOCK;
            }
        fetch_next(f, 4);
        add_block(a, step, b + (partly && at ? last : at) * row, tiles, vectors, w->is_signed);
#pragma GCC unroll 2
        for (int i = 0; i < tiles; i++)
            a[i] += next[i];
    }
#pragma GCC unroll 2
    for (int i = 0; i < tiles; i++)
        rows[i].room = next[i] == BLOCK ? a[i] : rows[i].room;
}

V_FN void sum_panel(const struct kernel_gemm *g, const struct walk *w, const struct rows *all, const int8_t *panel,
                    struct fetch *f, int tiles, int vectors)
{
    struct rows rows[2] = {all[0], all[1]};
    for (int r = 0; r < w->runs; r++)
        add_run(rows, g->tap[r], panel + (g->b_tap ? g->b_tap[r] : r) * w->length * vectors * VL, w, f, tiles, vectors);
}

/* ---- panels ---- */

/* Every row's sums begin at the bias. */
V_FN void begin_at_bias(const int32_t *bias, int tiles, int vectors, int last)
{
    v_i32 b[2] = {v_set1_i32(0), v_set1_i32(0)};
    if (bias && vectors == 2)
        b[0] = v_load_i32(bias);
    if (bias)
        b[vectors - 1] = v_as_i32(v_load_n((const float *)(const void *)bias + (vectors - 1) * VL, last));
    AMX_LOAD(0, &b[0], 0);
    if (vectors == 2)
        AMX_LOAD(1, &b[1], 0);
    if (tiles == 2) {
        AMX_LOAD(2, &b[0], 0);
        if (vectors == 2)
            AMX_LOAD(3, &b[1], 0);
    }
}

V_FN void store_sums(v_i32 *sums, int m, int tiles, int vectors)
{
    const ptrdiff_t step = (ptrdiff_t)vectors * (ptrdiff_t)sizeof *sums;
    AMX_STORE(0, sums, step);
    if (vectors == 2)
        AMX_STORE(1, sums + 1, step);
    if (tiles == 2) {
        sums += (m - AMX_ROWS) * vectors;
        AMX_STORE(2, sums, step);
        if (vectors == 2)
            AMX_STORE(3, sums + 1, step);
    }
}

/* The panels of columns `column` to `end`, which b points to. */
V_FN void do_panels(const struct kernel_gemm *g, const struct walk *w, const struct rows *rows, const int8_t *b,
                    int column, int end, int tiles, int vectors)
{
    struct fetch fetch = fetch_begin(g, column);
    const struct v_narrowing narrowing = v_narrowing_of(&g->to.rounding);
    const int32_t *bias = g->to.bias;
    v_i32 sums[2 * AMX_ROWS * 2];
    for (; column < end; column += vectors * VL, b += w->columns * vectors * VL) {
        int left = end - column - (vectors - 1) * VL, last = left < VL ? left : VL;
        begin_at_bias(bias ? bias + column : NULL, tiles, vectors, last);
        sum_panel(g, w, rows, b, &fetch, tiles, vectors);
        store_sums(sums, g->m, tiles, vectors);
        add_to_rows(sums, g, g->m, vectors);
        if (g->to.c == KERNEL_U8)
            finish_stored(sums, g->c, column, &g->to, &narrowing, g->m, vectors, last);
        else
            finish_words((const int32_t *)(const void *)sums, g, column, vectors * VL, (vectors - 1) * VL + last);
    }
}

#define PANELS(tiles)                                                                                                  \
    static void panels_##tiles(const struct kernel_gemm *g, const struct walk *w, const struct rows *rows)             \
    {                                                                                                                  \
        const int wide = gemm_wide_columns(g->n);                                                                      \
        do_panels(g, w, rows, g->b, 0, wide, tiles, 2);                                                                \
        do_panels(g, w, rows, (const int8_t *)g->b + w->columns * wide, wide, g->n, tiles, 1);                         \
    }
PANELS(1)
PANELS(2)

static void run(const struct kernel_gemm *g, bool is_signed)
{
    const struct walk w = plan(g, is_signed);
    struct rows rows[2] = {find_rows(g, &w, 0, g->scratch), {NULL, 0, NULL}};
    if (g->m > AMX_ROWS) {
        ptrdiff_t room = (quads(g->k) + AMX_BYTES - 1) / AMX_BYTES * BLOCK * g->taps;
        rows[1] = find_rows(g, &w, g->m - AMX_ROWS, (uint8_t *)g->scratch + room);
    }
    bool is_short = w.length > 0 && w.length < AMX_BYTES;
    amx_shape(g->m < AMX_ROWS ? g->m : AMX_ROWS, is_short ? (int)w.length : AMX_BYTES);
    (g->m > AMX_ROWS ? panels_2 : panels_1)(g, &w, rows);
}

static void run_u8(const struct kernel_gemm *g)
{
    if (g->m <= FEW_ROWS)
        gemm_u8_avx512vnni.run(g);
    else
        run(g, false);
}

static void run_s8(const struct kernel_gemm *g)
{
    run(g, true);
}

static void leave(void)
{
    amx_leave();
}

static void pack(void *panels, const void *b, int taps, ptrdiff_t tap_step, int k, ptrdiff_t k_step, int n,
                 ptrdiff_t n_step)
{
    gemm_u8_avx512vnni.pack(panels, b, taps, tap_step, k, k_step, n, n_step);
}

#define PRODUCT(type, function, vnni)                                                                                  \
    {                                                                                                                  \
        .name = "gemm_q8", .a = type, .b = KERNEL_S8, .mr = 2 * AMX_ROWS, .nr = 2 * VL, .vector = VL, .kr = QUAD,      \
        .other = &(vnni), .other_run = AMX_BYTES, .scratch = 1, .scratch_rows = AMX_ROWS, .scratch_k = AMX_BYTES,      \
        .run = function, .leave = leave, .pack = pack                                                                  \
    }

const struct kernel_product gemm_u8_amx = PRODUCT(KERNEL_U8, run_u8, gemm_u8_avx512vnni);
const struct kernel_product gemm_s8_amx = PRODUCT(KERNEL_S8, run_s8, gemm_s8_avx512vnni);
