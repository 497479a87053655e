/* The product of rows of bytes with packed panels of s8, in sums of s32 that are exact, by AMX: two tiles, of half of
 * the rows each, by up to two of columns at a time. The panels are those of AVX-512 VNNI, whose kernel few rows of u8
 * are left to, where runs are whole quads.
 *
 * A tile of rows is read where it lies, if its rows are equally far apart, but for some of a map's border between them,
 * else from where they were gathered once a call. That rows straddle cache lines, or lie within each other, is hidden
 * behind the products. Of an odd number of rows both tiles have the middle one: its sums come out twice, alike.
 *
 * To make bytes of sums takes as long as to add up 128 products, and is hidden behind none of them. It is done a panel
 * late, but for a narrow last one, so that it waits for no tile: some rows after each block of the next panel. The
 * second tile's sums are stored late as well, when the next ones of the first are under way, since a tile is stored
 * when all of its products are there. */
#include "kernel/isa/amx.h"
#include "kernel/isa/sums_q8.h"

/* Elements that a panel has side by side. */
#define QUAD 4
/* Up to so many rows the tiles' rows would stay empty, mostly. */
#define FEW_ROWS 4

extern const struct kernel_product gemm_u8_avx512vnni, gemm_s8_avx512vnni;
void sum_rows_q8_avx512(const struct kernel_sum_q8 *s, const struct kernel_rows_q8 *r, size_t n);

/* ---- rows ---- */

/* How a call goes over its rows and panels. */
struct walk {
    bool is_signed;
    bool direct; /* rows are read where they lie */
    int rows;    /* of a tile */
    int runs;
    int depth;         /* of a block: elements of a row that are multiplied at a time */
    ptrdiff_t length;  /* of a run, in whole quads; its last block may overlap the one before */
    ptrdiff_t run;     /* from a gathered run to the next */
    ptrdiff_t columns; /* elements of a panel's column */
    const uint8_t *a[2];
    ptrdiff_t step[2]; /* from a row to the next */
};

static int quads(int k)
{
    return (k + QUAD - 1) / QUAD * QUAD;
}

static ptrdiff_t blocks(ptrdiff_t length)
{
    return (length + AMX_BYTES - 1) / AMX_BYTES;
}

/* How far apart `count` rows are that a tile reads as *all of them, with those between the rows of a map, which are its
 * border. 0 when that is not possible. */
static ptrdiff_t step_of(const void *const *a, int count, int *all)
{
    const uint8_t *const *at = (const uint8_t *const *)a;
    const ptrdiff_t step = count > 1 ? at[1] - at[0] : AMX_BYTES, span = at[count - 1] - at[0];
    bool fits = step > 0 && span < AMX_ROWS * step;
    *all = fits ? (int)(span / step) + 1 : 0;
    for (int i = 1; fits && i < count; i++)
        fits = at[i] - at[i - 1] == step || (at[i] > at[i - 1] && (at[i] - at[i - 1]) % step == 0);
    return fits ? step : 0;
}

#define PAGE 4096

/* Whether a row's runs may be read up to a whole quad: what is beyond lies between two rows, or, behind the last one,
 * must at least be of the same page. */
static bool may_fill(const struct kernel_gemm *g, const void *row)
{
    bool fits = true;
    for (int t = 0; t < g->taps; t++) {
        uintptr_t at = (uintptr_t)row + (uintptr_t)g->tap[t];
        fits &= (at + (uintptr_t)g->k - 1) / PAGE == (at + (uintptr_t)quads(g->k) - 1) / PAGE;
    }
    return fits;
}

/* Blocks as deep as can be of which k elements are a multiple; or 0: they would be shallow. */
static int even_depth(int k)
{
    int count = (k + AMX_BYTES - 1) / AMX_BYTES;
    while (k % (count * QUAD) != 0 && k / count > AMX_BYTES / 2)
        count++;
    return k % (count * QUAD) == 0 ? k / count : 0;
}

static bool find_direct(const struct kernel_gemm *g, struct walk *w)
{
    const void *const *second = g->a + g->m - w->rows;
    int all[2];
    w->length = quads(g->k);
    w->depth = even_depth((int)w->length);
    w->runs = g->taps;
    w->a[0] = g->a[0];
    w->a[1] = second[0];
    w->step[0] = step_of(g->a, w->rows, &all[0]);
    w->step[1] = step_of(second, w->rows, &all[1]);
    bool fits = all[0] == all[1] && (all[0] == w->rows || !g->to.row_bias) && may_fill(g, g->a[w->rows - 1]) &&
                may_fill(g, second[w->rows - 1]);
    if (!w->depth || !w->step[0] || !w->step[1] || !fits)
        return false;
    w->rows = all[0];
    return true;
}

/* The first n of 64 bytes. */
static __mmask64 first_bytes(ptrdiff_t n)
{
    return n < AMX_BYTES ? ((__mmask64)1 << n) - 1 : ~(__mmask64)0;
}

/* A run of k elements, and zeros up to a whole quad. */
V_FN void gather_run(uint8_t *to, const uint8_t *from, int k)
{
    for (; k > 0; k -= AMX_BYTES, to += AMX_BYTES, from += AMX_BYTES)
        _mm512_mask_storeu_epi8(to, first_bytes(quads(k)), _mm512_maskz_loadu_epi8(first_bytes(k), from));
}

/* Moves what is left of a row behind its last whole block to the end of a block, behind zeros. */
static void move_rest(uint8_t *row, ptrdiff_t length, int depth)
{
    ptrdiff_t at = length / depth * depth, rest = length - at;
    if (rest == 0)
        return;
    __m512i x = _mm512_maskz_loadu_epi8(first_bytes(depth) & ~first_bytes(depth - rest), row + length - depth);
    _mm512_storeu_si512(row + at, x);
}

static void gather(const struct kernel_gemm *g, struct walk *w)
{
    const int taps = g->b_tap ? 1 : g->taps, run = quads(g->k);
    uint8_t *room = g->scratch;
    w->length = (ptrdiff_t)run * taps;
    w->runs = g->b_tap ? g->taps : 1;
    w->depth = w->length < AMX_BYTES ? (int)w->length : AMX_BYTES;
    w->run = blocks(w->length) * AMX_BYTES;
    w->step[0] = w->step[1] = w->run * w->runs;
    for (int i = 0; i < g->m; i++)
        for (int t = 0; t < g->taps; t++)
            gather_run(room + i * w->step[0] + t / taps * w->run + t % taps * run, (const uint8_t *)g->a[i] + g->tap[t],
                       g->k);
    for (ptrdiff_t i = 0; w->depth == AMX_BYTES && i < (ptrdiff_t)g->m * w->runs; i++)
        move_rest(room + i * w->run, w->length, AMX_BYTES);
    w->a[0] = room;
    w->a[1] = room + (g->m - w->rows) * w->step[0];
}

static struct walk plan(const struct kernel_gemm *g, bool is_signed)
{
    struct walk w = {.is_signed = is_signed,
                     .rows = (g->m + 1) / 2,
                     .columns = (ptrdiff_t)quads(g->k) * (g->b_tap ? g->b_taps : g->taps)};
    w.direct = find_direct(g, &w);
    if (!w.direct)
        gather(g, &w);
    return w;
}

struct places {
    void *c[2 * AMX_ROWS];
    const void *add[2 * AMX_ROWS];
};

/* The call with places in C for all rows that the tiles have: what is between two of A's gets that of the next one,
 * whose result comes later. */
static struct kernel_gemm spread(const struct kernel_gemm *g, const struct walk *w, struct places *p)
{
    struct kernel_gemm all = *g;
    const int half = (g->m + 1) / 2;
    if (w->rows == half)
        return all;
    all.m = 2 * w->rows - g->m % 2;
    all.c = p->c;
    all.to.add = g->to.add ? p->add : NULL;
    for (int t = 0; t < 2; t++) {
        const int first = t * (g->m - half), to = t * (all.m - w->rows);
        for (int i = first, n = 0; i < first + half; i++)
            for (; w->a[t] + n * w->step[t] <= (const uint8_t *)g->a[i]; n++) {
                p->c[to + n] = g->c[i];
                p->add[to + n] = g->to.add ? g->to.add[i] : NULL;
            }
    }
    return all;
}

/* ---- results ---- */

/* The panel before, of which rows from `row` on are still to be made bytes. */
struct late {
    const v_i32 *sums;
    int row, m; /* row = m: there is none, or nothing left to do */
    int column, last;
    v_f32 factor[4];
};

/* Whether it is done late: bytes of rows enough for four vectors, and nothing to add to sums. */
static bool is_late(const struct kernel_gemm *g)
{
    return g->to.c == KERNEL_U8 && !g->to.shift && !g->to.row_bias && g->m > FEW_ROWS;
}

/* A sum of bytes, and the number that a byte of the product stands for before: between bounds, rounded by the first
 * constant (v_round_lowest()), and moved by the second. */
struct summing {
    v_f32 low, high, round, back, one, two, shift;
    v_i32 turn;
};

V_FN struct summing summing_of(const struct kernel_epilogue *to)
{
    const struct kernel_rounding *r = &to->rounding;
    const struct kernel_sum_q8 *s = to->sum;
    const float round = 12582912.0f;
    return (struct summing){v_set1(r->low),      v_set1(r->high),
                            v_set1(round),       v_set1(round - (float)(r->zero + (s->turn ? 128 : 0))),
                            v_set1(s->a_factor), v_set1(s->b_factor),
                            v_set1(s->shift),    v_set1_i32(s->turn)};
}

/* Rows that are summed at once, no more than a late panel has at least: chains enough to hide how long an operation
 * takes. */
#define SUM_ROWS 4

/* Rows of two vectors, as K(sum_rows_q8) after finish_four(). Few operations at a time are done for all of them, since
 * the processor does not look far enough ahead to begin later chains early. */
V_FN void finish_sums(const struct late *l, void *const *c, const void *const *add, const struct summing *s,
                      const struct v_narrowing *n, int row)
{
    v_f32 x[2 * SUM_ROWS], b[2 * SUM_ROWS];
    V_UNROLL(8)
    for (int j = 0; j < 2 * SUM_ROWS; j++)
        x[j] = v_mul(v_from_i32(l->sums[row * 2 + j]), l->factor[j % 2]);
    V_UNROLL(8)
    for (int j = 0; j < 2 * SUM_ROWS; j++)
        b[j] = v_from_i32(v_load_bytes((const uint8_t *)add[row + j / 2] + l->column + j % 2 * VL, false) ^ s->turn);
    V_UNROLL(8)
    for (int j = 0; j < 2 * SUM_ROWS; j++) {
        x[j] = v_min(s->high, v_max(s->low, x[j]));
        b[j] = v_fma(b[j], s->two, s->shift);
    }
    V_UNROLL(8)
    for (int j = 0; j < 2 * SUM_ROWS; j++)
        x[j] = v_sub(v_add(x[j], s->round), s->back);
    V_UNROLL(8)
    for (int j = 0; j < 2 * SUM_ROWS; j++)
        x[j] = v_fma(x[j], s->one, b[j]);
    V_UNROLL(2)
    for (int i = 0; i < SUM_ROWS; i += 2) {
        v_bytes bytes = v_round_bytes(x + 2 * i, n, true);
        v_store_some((uint8_t *)c[row + i] + l->column, bytes, 0, 2, 2 * VL);
        v_store_some((uint8_t *)c[row + i + 1] + l->column, bytes, 2, 2, 2 * VL);
    }
}

V_APART void finish_late_sums(struct late *late, const struct kernel_gemm *g, const struct v_narrowing *n, int end)
{
    const struct late l = *late;
    const struct v_narrowing narrowing = *n;
    const struct summing s = summing_of(&g->to);
    void *const *c = g->c;
    const void *const *add = g->to.add;
    int row = l.row;
    for (; row < end; row += SUM_ROWS)
        finish_sums(&l, c, add, &s, &narrowing, row + SUM_ROWS <= l.m ? row : l.m - SUM_ROWS);
    late->row = row;
}

/* So many rows more, of two vectors. The last ones of all may be some of those before again. Copies stay in registers:
 * bytes that are stored might change anything else. */
V_APART void finish_late(struct late *late, const struct kernel_gemm *g, const struct v_narrowing *n, int rows)
{
    const struct late l = *late;
    const struct v_narrowing narrowing = *n;
    void *const *c = g->c;
    const int end = l.row + rows < l.m ? l.row + rows : l.m;
    int row = l.row;
    if (g->to.sum) {
        finish_late_sums(late, g, n, end);
        return;
    }
    for (; row < end; row += 2) {
        int at = row + 2 <= l.m ? row : l.m - 2;
        finish_four(l.sums, c, l.column, l.factor, &narrowing, at, at + 2, 2, l.last, false);
    }
    late->row = row;
}

/* All at once. */
V_APART void finish_now(v_i32 *sums, const struct kernel_gemm *g, int column, const struct v_narrowing *n, int vectors,
                        int last)
{
    add_to_rows(sums, g, g->m, vectors);
    if (g->to.c == KERNEL_U8)
        finish_stored(sums, g->c, column, &g->to, n, g->m, vectors, last);
    else
        finish_words((const int32_t *)(const void *)sums, g, column, vectors * VL, (vectors - 1) * VL + last);
}

/* ---- sums ---- */

#define STORE(one, two, to)                                                                                            \
    do {                                                                                                               \
        AMX_STORE(one, to, vectors *(ptrdiff_t)sizeof(v_i32));                                                         \
        if (vectors == 2)                                                                                              \
            AMX_STORE(two, (to) + 1, vectors * (ptrdiff_t)sizeof(v_i32));                                              \
    } while (0)

/* Every row's sums begin at the bias. */
#define BEGIN(one, two, bias)                                                                                          \
    do {                                                                                                               \
        AMX_LOAD(one, bias, 0);                                                                                        \
        if (vectors == 2)                                                                                              \
            AMX_LOAD(two, (bias) + VL, 0);                                                                             \
    } while (0)

#define MULTIPLY(one, two, a)                                                                                          \
    do {                                                                                                               \
        if (is_signed)                                                                                                 \
            AMX_MULTIPLY(tdpbssd, one, a, 6);                                                                          \
        else                                                                                                           \
            AMX_MULTIPLY(tdpbusd, one, a, 6);                                                                          \
        if (vectors == 2 && is_signed)                                                                                 \
            AMX_MULTIPLY(tdpbssd, two, a, 7);                                                                          \
        else if (vectors == 2)                                                                                         \
            AMX_MULTIPLY(tdpbusd, two, a, 7);                                                                          \
    } while (0)

/* A panel: its biases, and where the second tile of the one before stores its sums, or NULL. */
struct panel {
    const int8_t *b;
    const int32_t *bias;
    v_i32 *store;
};

/* A block of each tile of rows times the panel's rows at b. `first`: of the panel. */
V_FN void add_block(const struct walk *w, const struct panel *p, ptrdiff_t a, const int8_t *b, bool first,
                    int vectors)
{
    const bool is_signed = w->is_signed;
    AMX_LOAD(4, w->a[0] + a, w->step[0]);
    AMX_LOAD(6, b, vectors *VL *QUAD);
    if (vectors == 2)
        AMX_LOAD(7, b + VL * QUAD, vectors *VL *QUAD);
    if (first)
        BEGIN(0, 1, p->bias);
    MULTIPLY(0, 1, 4);
    if (first && p->store)
        STORE(2, 3, p->store);
    AMX_LOAD(5, w->a[1] + a, w->step[1]);
    if (first)
        BEGIN(2, 3, p->bias);
    MULTIPLY(2, 3, 5);
}

/* All products of a panel. After each block so many rows of the panel before are finished. */
V_FN void sum_panel(const struct kernel_gemm *g, const struct walk *w, const struct panel *p, struct fetch *f,
                    struct late *late, const struct v_narrowing *n, int rows, int vectors)
{
    const ptrdiff_t last = w->length - w->depth;
    for (int r = 0; r < w->runs; r++) {
        ptrdiff_t a = w->direct ? g->tap[r] : r * w->run;
        const int8_t *b = p->b + (g->b_tap ? g->b_tap[r] : r) * w->length * vectors * VL;
        V_NO_UNROLL
        for (ptrdiff_t at = 0; at < w->length; at += w->depth) {
            fetch_next_share(f);
            add_block(w, p, a + at, b + (at < last ? at : last) * vectors * VL, r + at == 0, vectors);
            if (vectors == 2 && late->row < late->m)
                finish_late(late, g, n, rows);
        }
    }
    if (vectors == 2 && late->row < late->m)
        finish_late(late, g, n, late->m);
}

/* ---- panels ---- */

/* The bias of a panel's columns; of fewer than whole vectors, or of none, in `room`. */
V_FN const int32_t *bias_at(const struct kernel_gemm *g, int column, int32_t *room, int vectors, int last)
{
    const int32_t *bias = g->to.bias;
    if (bias && last == VL)
        return bias + column;
    v_i32 *to = (v_i32 *)(void *)room;
    to[0] = bias && vectors == 2 ? v_load_i32(bias + column) : v_set1_i32(0);
    to[vectors - 1] = bias ? v_as_i32(v_load_n((const float *)(const void *)bias + column + (vectors - 1) * VL, last))
                           : v_set1_i32(0);
    return room;
}

/* The panels of columns `column` to `end`, which b points to. */
V_FN void do_panels(const struct kernel_gemm *g, const struct walk *w, const int8_t *b, int column, int end,
                    int vectors)
{
    struct fetch fetch = fetch_begin(g, column);
    const bool waits = vectors == 2 && is_late(g);
    const struct v_narrowing narrowing = v_narrowing_of(waits && g->to.sum ? &g->to.sum->rounding : &g->to.rounding);
    const ptrdiff_t count = (w->length + w->depth - 1) / w->depth * w->runs;
    const int rows = (int)((g->m + 2 * count - 1) / (2 * count) * 2);
    fetch_spread(&fetch, (end - column + vectors * VL - 1) / (vectors * VL) * count);
    v_i32 sums[2 * AMX_ROWS * 2], room[2], *second = sums + (g->m - w->rows) * vectors;
    struct late late = {.sums = sums};
    struct panel p = {.b = b};
    for (; column < end; column += vectors * VL, p.b += w->columns * vectors * VL) {
        int left = end - column - (vectors - 1) * VL, last = left < VL ? left : VL;
        p.bias = bias_at(g, column, (int32_t *)(void *)room, vectors, last);
        sum_panel(g, w, &p, &fetch, &late, &narrowing, rows, vectors);
        STORE(0, 1, sums);
        if (waits) {
            late = (struct late){.sums = sums, .m = g->m, .column = column, .last = last};
            load_factors(late.factor, &g->to, column, vectors, last);
            p.store = second;
            continue;
        }
        STORE(2, 3, second);
        finish_now(sums, g, column, &narrowing, vectors, last);
    }
    if (!p.store)
        return;
    STORE(2, 3, p.store);
    finish_late(&late, g, &narrowing, late.m);
}

/* Where nothing is summed. */
static void store_biases(const struct kernel_gemm *g)
{
    struct kernel_gemm row = *g;
    row.m = 1;
    for (int i = 0; i < g->m; i++, row.a++, row.c++) {
        row.to.row_bias = g->to.row_bias ? g->to.row_bias + i : NULL;
        gemm_u8_avx512vnni.run(&row);
    }
}

static void multiply(const struct kernel_gemm *g, bool is_signed)
{
    if (g->k == 0 || g->taps == 0) {
        store_biases(g);
        return;
    }
    const struct walk w = plan(g, is_signed);
    struct places places;
    const struct kernel_gemm all = spread(g, &w, &places);
    const int wide = gemm_wide_columns(g->n);
    amx_shape(w.rows, w.depth);
    if (wide > 0)
        do_panels(&all, &w, g->b, 0, wide, 2);
    if (wide < g->n)
        do_panels(&all, &w, (const int8_t *)g->b + w.columns * wide, wide, g->n, 1);
}

static void run(const struct kernel_gemm *g, bool is_signed)
{
    if (!is_signed && g->m <= FEW_ROWS && g->k % QUAD == 0)
        gemm_u8_avx512vnni.run(g);
    else
        multiply(g, is_signed);
    if (g->to.sum && !is_late(g))
        sum_rows_q8_avx512(g->to.sum, &(struct kernel_rows_q8){g->c, (const void *const *)g->c, g->to.add, g->m},
                           (size_t)g->n);
}

static void run_u8(const struct kernel_gemm *g)
{
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

/* As for VNNI, but that a last quad has nothing of the one before: rows go on behind the run there. */
static void pack(void *panels, const void *b, int taps, ptrdiff_t tap_step, int k, ptrdiff_t k_step, int n,
                 ptrdiff_t n_step)
{
    const int whole = k / QUAD * QUAD, rest = k - whole, taps_together = rest ? 1 : taps;
    int8_t *to = panels;
    for (int j = 0; j < n; j += 2 * VL)
        for (int t = 0; t < taps; t += taps_together) {
            const int8_t *from = (const int8_t *)b + t * tap_step + j * n_step;
            const int left = n - j, columns = left < 2 * VL ? left : 2 * VL, room = left > VL ? 2 * VL : VL;
            gemm_u8_avx512vnni.pack(to, from, taps_together, tap_step, whole, k_step, columns, n_step);
            to += whole * room * taps_together;
            gemm_u8_avx512vnni.pack(to, from + whole * k_step, 1, 0, rest, k_step, columns, n_step);
            to += rest ? QUAD * room : 0;
        }
}

#define PRODUCT(type, function, vnni)                                                                                  \
    {                                                                                                                  \
        .name = "gemm_q8", .a = type, .b = KERNEL_S8, .mr = 2 * AMX_ROWS, .nr = 2 * VL, .vector = VL, .kr = QUAD,      \
        .other = &(vnni), .other_run = 12, .together = AMX_ROWS, .sums = true, .scratch = 1,                           \
        .scratch_rows = AMX_ROWS, .scratch_k = AMX_BYTES, .run = function, .leave = leave, .pack = pack                \
    }

const struct kernel_product gemm_u8_amx = PRODUCT(KERNEL_U8, run_u8, gemm_u8_avx512vnni);
const struct kernel_product gemm_s8_amx = PRODUCT(KERNEL_S8, run_s8, gemm_s8_avx512vnni);
