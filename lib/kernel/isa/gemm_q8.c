/* The product of up to GEMM_MR rows of bytes with packed panels of s8, in sums of s32 that are exact. Rows are read
 * where they lie, if the level can: a run's last step then ends where the run does, and overlaps the one before, whose
 * elements meet weights of 0. Else rows are gathered first, once a tile: all taps in a row, rounded up to DOT_KR. There
 * is an instance for some numbers of rows; where there are fewer, the last one is summed again and again. */
#include "kernel/isa/dot.h"
#include "kernel/isa/octets_q8.h"
#include "kernel/isa/sums_q8.h"

/* ---- rows ---- */

static ptrdiff_t run_length(const struct kernel_gemm *g, int kr)
{
    return (ptrdiff_t)(g->k + kr - 1) / kr * kr;
}

V_FN dot_element widened(uint8_t byte, bool is_signed)
{
    int32_t x = is_signed ? (int8_t)byte : byte;
    return (dot_element)(x + DOT_OFFSET(is_signed));
}

#if defined(ISA_avx2) && !DOT_DIRECT
#define WIDEN 16 /* elements at once, at most */

/* 16, 8 or 4 elements. */
V_FN void widen(dot_element *to, const uint8_t *from, bool is_signed, int n)
{
    if (n == WIDEN) {
        __m128i x = _mm_loadu_si128((const __m128i *)(const void *)from);
        _mm256_storeu_si256((__m256i *)(void *)to, is_signed ? _mm256_cvtepi8_epi16(x) : _mm256_cvtepu8_epi16(x));
    } else {
        __m128i x = n == WIDEN / 2 ? _mm_loadl_epi64((const __m128i *)(const void *)from) : _mm_loadu_si32(from);
        x = is_signed ? _mm_cvtepi8_epi16(x) : _mm_cvtepu8_epi16(x);
        memcpy(to, &x, (size_t)n * sizeof *to);
    }
}

/* In pairs that are loaded as they were stored: so many at once that what is left of them at the end, at least once, is
 * done with elements before it, again, and the last of an odd number together with the 0 behind it. */
V_FN void gather_run(dot_element *restrict to, const uint8_t *restrict from, int k, bool is_signed, int many)
{
    const int pairs = k / 2 * 2;
    if (many > 1) {
        for (int i = 0; i < pairs - many; i += many)
            widen(to + i, from + i, is_signed, many);
        widen(to + pairs - many, from + pairs - many, is_signed, many);
    } else {
        for (int i = 0; i < pairs; i++)
            to[i] = widened(from[i], is_signed);
    }
    if (pairs < k)
        memcpy(to + pairs, (dot_element[2]){widened(from[pairs], is_signed)}, 2 * sizeof *to);
}
#else
#define WIDEN 1

V_FN void gather_run(dot_element *restrict to, const uint8_t *restrict from, int k, bool is_signed, int many)
{
    int i = 0;
    (void)many;
    for (; i < k; i++)
        to[i] = widened(from[i], is_signed);
    for (; i % DOT_KR; i++)
        to[i] = 0;
}
#endif

V_FN bool is_direct(const struct kernel_gemm *g)
{
    return DOT_DIRECT && g->k >= DOT_KR;
}

/* A tile's rows, as many as its instance has: the last one again and again where there are fewer, so that its results
 * are stored again. */
struct rows {
    const void *const *a; /* dot_element, or bytes that lie as they are summed */
    void *const *c;
    bool turns;
    v_i32 turn;
    const struct octets *octets; /* what they are instead of `a`, if they are */
};

/* Where rows are put that are not the call's own. */
struct row_room {
    const void *a[GEMM_MR];
    void *c[GEMM_MR];
};

V_FN void gather_all(struct row_room *room, const struct kernel_gemm *g, bool is_signed, int many)
{
    dot_element *to = g->scratch;
    const ptrdiff_t *end = g->tap + g->taps, run = run_length(g, DOT_KR);
    for (int i = 0; i < g->m; i++) {
        const uint8_t *from = g->a[i];
        room->a[i] = to;
        for (const ptrdiff_t *tap = g->tap; tap < end; tap++, to += run)
            gather_run(to, from + *tap, g->k, is_signed, many);
    }
}

/* What a run's length decides is decided once. */
V_FN void gather_rows(struct row_room *room, const struct kernel_gemm *g, bool is_signed)
{
    if (WIDEN > 1 && g->k >= WIDEN)
        gather_all(room, g, is_signed, WIDEN);
    else if (WIDEN > 1 && g->k >= WIDEN / 2)
        gather_all(room, g, is_signed, WIDEN / 2);
    else if (WIDEN > 1 && g->k >= WIDEN / 4)
        gather_all(room, g, is_signed, WIDEN / 4);
    else
        gather_all(room, g, is_signed, 1);
}

V_FN struct rows find_rows(const struct kernel_gemm *g, int m, struct row_room *room, bool is_signed)
{
    bool direct = is_direct(g);
    struct rows r = {direct ? g->a : room->a, g->c, direct && is_signed, v_set1_i32((int)0x80808080), NULL};
    if (!direct && is_signed)
        gather_rows(room, g, true);
    else if (!direct)
        gather_rows(room, g, false);
    if (m == g->m)
        return r;
    for (int i = 0; i < m; i++) {
        int from = i < g->m ? i : g->m - 1;
        room->a[i] = r.a[from];
        room->c[i] = g->c[from];
    }
    r.a = room->a;
    r.c = room->c;
    return r;
}

/* ---- sums ---- */

#ifdef DOT_PAIRS

/* acc[i + h][v] += products of rows i and i + 1 with half h of the columns of vector v: `steps` steps. */
V_FN void add_steps(v_i32 *acc, const void *const *row, v_i32 turn, bool turns, ptrdiff_t at, const int8_t *b, int m,
                    int vectors, int steps)
{
    const int half = VL / 2 * DOT_KR;
    (void)turn, (void)turns;
    V_UNROLL(8)
    for (int j = 0; j < steps; j++, at += DOT_KR) {
        v_i32 bv[4];
        V_UNROLL(4)
        for (int v = 0; v < 2 * vectors; v++)
            bv[v] = dot_columns(b + (j * 2 * vectors + v) * half);
        __builtin_prefetch(b + j * 2 * vectors * half + GEMM_AHEAD);
        V_UNROLL(32)
        for (int i = 0; i < m; i += 2) {
            v_i32 a = dot_rows((const dot_element *)row[i] + at, (const dot_element *)row[i + 1] + at);
            V_UNROLL(4)
            for (int v = 0; v < 2 * vectors; v++)
                dot_to(&acc[(i + v % 2) * vectors + v / 2], a, bv[v]);
        }
    }
}

V_FN void turn_sums(v_i32 *acc, int m, int vectors)
{
    V_UNROLL(16)
    for (int i = 0; i < m; i += 2) {
        V_UNROLL(2)
        for (int v = 0; v < vectors; v++)
            dot_turn(&acc[i * vectors + v], &acc[(i + 1) * vectors + v]);
    }
}

#else

/* acc[i][v] += products of the rows' elements from `at` on: `steps` steps. */
V_FN void add_steps(v_i32 *acc, const void *const *row, v_i32 turn, bool turns, ptrdiff_t at, const int8_t *b, int m,
                    int vectors, int steps)
{
    V_UNROLL(8)
    for (int j = 0; j < steps; j++) {
        v_i32 bv[2];
        V_UNROLL(2)
        for (int v = 0; v < vectors; v++) {
            int at_b = (j * vectors + v) * VL * DOT_KR;
            bv[v] = dot_columns(b + at_b);
            if (at_b % 64 == 0)
                __builtin_prefetch(b + at_b + (m <= GEMM_FAR_ROWS ? GEMM_FAR : GEMM_AHEAD));
        }
        V_UNROLL(32)
        for (int i = 0; i < m; i++) {
            v_i32 a = dot_row((const dot_element *)row[i] + at + j * DOT_KR, turn, turns);
            if (vectors == 2)
                dot_to_both(&acc[i * 2], a, bv);
            else
                dot_to(&acc[i], a, bv[0]);
        }
    }
}

V_FN void turn_sums(v_i32 *acc, int m, int vectors)
{
    (void)acc, (void)m, (void)vectors;
}

#endif

/* Steps that are done at a time. Where the rows' elements are not widened, one loop is as fast as an unrolled one. */
#define STEPS (DOT_DIRECT ? 1 : GEMM_UNROLL)

/* A run of k elements of the rows from `at` on, with the panel's from b on. */
V_FN void add_run(v_i32 *acc, const struct rows *rows, bool turns, ptrdiff_t at, const int8_t *b, ptrdiff_t k,
                  struct fetch *f, int m, int vectors)
{
    const ptrdiff_t end = at + k, step = vectors * VL * DOT_KR;
    for (; STEPS > 1 && end - at >= STEPS * DOT_KR; at += STEPS * DOT_KR, b += STEPS * step) {
        fetch_next(f, 4);
        add_steps(acc, rows->a, rows->turn, turns, at, b, m, vectors, STEPS);
    }
    V_NO_UNROLL
    for (; at < end; at += DOT_KR, b += step) {
        if (STEPS == 1)
            fetch_next(f, 1);
        add_steps(acc, rows->a, rows->turn, turns, end - at < DOT_KR ? end - DOT_KR : at, b, m, vectors, 1);
    }
}

V_FN void sum_panel(v_i32 *acc, const struct kernel_gemm *g, const struct rows *rows, const int8_t *panel,
                    struct fetch *f, int m, int vectors)
{
    bool direct = is_direct(g), whole = !direct && !g->b_tap;
    ptrdiff_t length = run_length(g, DOT_KR), run = direct ? g->k : whole ? length * g->taps : length;
    for (int t = 0; t < (whole ? 1 : g->taps); t++) {
        ptrdiff_t at = direct ? g->tap[t] : t * length;
        const int8_t *b = panel + (g->b_tap ? g->b_tap[t] : t) * length * vectors * VL;
        if (DOT_DIRECT && rows->turns)
            add_run(acc, rows, true, at, b, run, f, m, vectors);
        else
            add_run(acc, rows, false, at, b, run, f, m, vectors);
    }
}

/* ---- results ---- */

/* Integers add up alike in any order, so that sums may begin at their bias. */
V_FN void begin_at_bias(v_i32 *acc, const int32_t *bias, int m, int vectors, int last)
{
    v_i32 b[2] = {v_set1_i32(0), v_set1_i32(0)};
    if (bias && vectors == 2)
        b[0] = v_load_i32(bias);
    if (bias)
        b[vectors - 1] = v_as_i32(v_load_n((const float *)(const void *)bias + (vectors - 1) * VL, last));
    V_UNROLL(32)
    for (int i = 0; i < m * vectors; i++)
        acc[i] = b[i % vectors];
}

/* Whether sums become bytes in registers where the last vector is not full, and are stored from there as they are. */
#if defined(ISA_avx512)
#define PARTS_DIRECT 1
#else
#define PARTS_DIRECT 0
#endif

/* Tiles that have code of their own for biases of rows. */
#define IS_LARGE(m, vectors) (PARTS_DIRECT && (m) >= GEMM_MR - 1 && (vectors) == 2)
/* And for shifts. */
#if defined(ISA_avx2) && DOT_KR == 2
#define SHIFTS(m, vectors) ((m) == GEMM_MR && (vectors) == 2)
#else
#define SHIFTS(m, vectors) 0
#endif

/* To bytes. */
V_FN void finish_bytes(const v_i32 *acc, void *const *c, int column, const struct kernel_epilogue *to,
                       const struct v_narrowing *n, int m, int vectors, int last, bool shifts)
{
    v_f32 factor[4];
    load_factors(factor, to, column, vectors, PARTS_DIRECT ? last : VL);
    V_UNROLL(16)
    for (int i = 0; i < m; i += 4 / vectors)
        finish_four(acc, c, column, factor, n, i, m, vectors, PARTS_DIRECT ? last : VL, shifts);
}

/* As they are. */
V_FN void finish_sums(const v_i32 *acc, void *const *c, int column, int m, int vectors, int last)
{
    V_UNROLL(16)
    for (int i = 0; i < m; i++) {
        float *to = (float *)c[i] + column;
        if (vectors == 2)
            v_store(to, v_as_f32(acc[2 * i]));
        v_store_n(to + (vectors - 1) * VL, v_as_f32(acc[i * vectors + vectors - 1]), last);
    }
}

/* All other sums, through memory: one copy for all tiles. */
V_APART void finish_any(v_i32 *sums, const struct kernel_gemm *g, const struct rows *rows, int column,
                        const struct v_narrowing *n, int m, int vectors, int last)
{
    add_to_rows(sums, g, m, vectors);
    if (g->to.c == KERNEL_U8)
        finish_stored(sums, rows->c, column, &g->to, n, m, vectors, last);
    else
        finish_words((const int32_t *)(const void *)sums, g, column, vectors * VL, (vectors - 1) * VL + last);
}

/* ---- tiles ---- */

/* The panels of columns `column` to `end`, which b points to. */
V_FN void do_panels(const struct kernel_gemm *g, const struct rows *rows, const int8_t *b, int column, int end, int m,
                    int vectors, int kr)
{
    struct fetch fetch = fetch_begin(g, column);
    const struct v_narrowing narrowing = v_narrowing_of(&g->to.rounding);
    const int32_t *bias = g->to.bias;
    ptrdiff_t depth = (g->b_tap ? g->b_taps : g->taps) * run_length(g, kr);
    for (; column < end; column += vectors * VL, b += depth * vectors * VL) {
        int left = end - column - (vectors - 1) * VL, last = left < VL ? left : VL;
        v_i32 acc[GEMM_MR * 2];
        begin_at_bias(acc, bias ? bias + column : NULL, m, vectors, last);
        turn_sums(acc, m, vectors);
#ifdef DOT_OCTETS
        if (kr == OCTETS_KR)
            octets_sum(acc, rows->octets, b, &fetch, m, vectors);
        else
#endif
            sum_panel(acc, g, rows, b, &fetch, m, vectors);
        turn_sums(acc, m, vectors);
        const int32_t *row_bias = g->to.row_bias;
        bool adds = IS_LARGE(m, vectors) && m == g->m;
        if (g->to.c == KERNEL_U8 && (PARTS_DIRECT || last == VL) && (SHIFTS(m, vectors) || !g->to.shift) &&
            (adds || !row_bias)) {
            if (adds && row_bias) {
                V_UNROLL(32)
                for (int i = 0; i < m * vectors; i++)
                    acc[i] = v_add_i32(acc[i], v_set1_i32(row_bias[i / vectors]));
            }
            if (SHIFTS(m, vectors) && g->to.shift)
                finish_bytes(acc, rows->c, column, &g->to, &narrowing, m, vectors, last, true);
            else
                finish_bytes(acc, rows->c, column, &g->to, &narrowing, m, vectors, last, false);
            continue;
        }
        if (PARTS_DIRECT && g->to.c == KERNEL_S32 && !row_bias) {
            finish_sums(acc, rows->c, column, m, vectors, last);
            continue;
        }
        v_i32 sums[GEMM_MR * 2];
        V_UNROLL(32)
        for (int i = 0; i < m * vectors; i++)
            sums[i] = acc[i];
        finish_any(sums, g, rows, column, &narrowing, m, vectors, last);
    }
}

typedef void panels_fn(const struct kernel_gemm *g, const struct rows *row, const int8_t *b, int column, int end);

#define TILE(m, vectors) TILE_OF(gemm_##m##x##vectors, m, vectors, DOT_KR)
#define TILE_OF(name, m, vectors, kr)                                                                                  \
    static void name(const struct kernel_gemm *g, const struct rows *row, const int8_t *b, int column, int end)        \
    {                                                                                                                  \
        do_panels(g, row, b, column, end, m, vectors, kr);                                                             \
    }
#define TILES(m)      TILE(m, 1) TILE(m, 2)
#define WIDE_TILE(m)  TILE(m, 2)
#define ENTRY(m)      {m, {gemm_##m##x1, gemm_##m##x2}},
#define WIDE_ENTRY(m) {m, {NULL, gemm_##m##x2}},

/* WIDE: of two vectors alone; panels of one vector are then met by the largest smaller tile, twice. */
#if GEMM_MR == 14
#define EACH(X, WIDE) X(1) X(4) X(8) X(14)
#elif GEMM_MR == 8 && defined(DOT_PAIRS)
#define EACH(X, WIDE) X(2) X(4) X(8)
#elif GEMM_MR == 8
#define EACH(X, WIDE) X(1) X(2) X(4) X(8)
#elif GEMM_MR == 6
#define EACH(X, WIDE) X(1) X(4) X(6)
#else
#define EACH(X, WIDE) X(1) X(4)
#endif

/* So many rows leave a tile as full as even ones would, or fuller. */
#if GEMM_MR == 14
#define GEMM_FEW 8
#elif defined(DOT_OCTETS)
#define GEMM_FEW 4
#else
#define GEMM_FEW 0
#endif

EACH(TILES, WIDE_TILE)

struct tile {
    int rows;
    panels_fn *panels[2]; /* of one vector, of two */
};

static const struct tile tiles[] = {EACH(ENTRY, WIDE_ENTRY)};

/* The last panel, of one vector, from `column` on: by the first rows, and by the last, which are partly the same. */
static void run_last(const struct kernel_gemm *g, const struct rows *rows, const struct tile *t, const int8_t *b,
                     int column)
{
    if (t->panels[0]) {
        t->panels[0](g, rows, b, column, g->n);
        return;
    }
    while (!t->panels[0])
        t--;
    struct kernel_gemm part = *g;
    part.m = t->rows;
    t->panels[0](&part, rows, b, column, g->n);
    int rest = g->m - part.m;
    part.c += rest;
    part.to.row_bias += part.to.row_bias ? rest : 0;
    part.fetch_bytes = 0;
    t->panels[0](&part, &(struct rows){rows->a + rest, rows->c + rest, rows->turns, rows->turn, NULL}, b, column, g->n);
}

static void run_tile(const struct kernel_gemm *g, const struct rows *rows, const struct tile *t, int kr)
{
    int wide = gemm_wide_columns(g->n);
    ptrdiff_t depth = (g->b_tap ? g->b_taps : g->taps) * run_length(g, kr);
    if (wide > 0)
        t->panels[1](g, rows, g->b, 0, wide);
    if (wide < g->n)
        run_last(g, rows, t, (const int8_t *)g->b + depth * wide, wide);
}

static void run(const struct kernel_gemm *g, bool is_signed)
{
    struct row_room room;
    const struct tile *t = tiles;
    while (t->rows < g->m)
        t++;
    struct rows rows = find_rows(g, t->rows, &room, is_signed);
    run_tile(g, &rows, t, DOT_KR);
}

static void run_u8(const struct kernel_gemm *g)
{
    run(g, false);
}

static void run_s8(const struct kernel_gemm *g)
{
    run(g, true);
}

/* ---- packing ---- */

/* pack_step() of columns that lie anyhow. */
static __attribute__((cold, noinline)) int8_t *pack_any(int8_t *packed, const int8_t *b, int at, int first, int k,
                                                        ptrdiff_t k_step, int n, ptrdiff_t n_step, int columns, int kr)
{
    for (int j = 0; j < columns; j++)
        for (int i = at; i < at + kr; i++)
            *packed++ = i >= first && i < k && j < n ? b[i * k_step + j * n_step] : 0;
    return packed;
}

/* kr elements of each column from `at` on; those before `first`, beyond k or n are zero. */
V_FN int8_t *pack_step(int8_t *packed, const int8_t *b, int at, int first, int k, ptrdiff_t k_step, int n,
                       ptrdiff_t n_step, int columns, int kr)
{
    if (k_step == 1 && at == first && at + kr <= k) { /* columns that lie in a row each */
        for (int j = 0; j < n; j++, packed += kr)
            memcpy(packed, b + at + j * n_step, (size_t)kr);
        memset(packed, 0, (size_t)(columns - n) * (size_t)kr);
        return packed + (columns - n) * kr;
    }
    if (n_step == 1 && at == first && at + kr <= k) { /* rows that lie in a row each */
        for (int j = 0; j < n; j++) {
            V_UNROLL(8)
            for (int i = 0; i < kr; i++)
                packed[j * kr + i] = b[(at + i) * k_step + j];
        }
        memset(packed + n * kr, 0, (size_t)(columns - n) * (size_t)kr);
        return packed + columns * kr;
    }
    return pack_any(packed, b, at, first, k, k_step, n, n_step, columns, kr);
}

V_FN void pack_steps(void *panels, const void *matrix, int taps, ptrdiff_t tap_step, int k, ptrdiff_t k_step, int n,
                     ptrdiff_t n_step, int kr)
{
    int8_t *packed = panels;
    const int8_t *b = matrix;
    for (int j = 0; j < n; j += 2 * VL) {
        int left = n - j < 2 * VL ? n - j : 2 * VL, columns = left > VL ? 2 * VL : VL;
        for (int t = 0; t < taps; t++)
            for (int i = 0; i < k; i += kr) {
                bool overlaps = DOT_DIRECT && k >= kr && i > k - kr;
                packed = pack_step(packed, b + t * tap_step + j * n_step, overlaps ? k - kr : i, i, k, k_step, left,
                                   n_step, columns, kr);
            }
    }
}

static void pack(void *panels, const void *matrix, int taps, ptrdiff_t tap_step, int k, ptrdiff_t k_step, int n,
                 ptrdiff_t n_step)
{
    pack_steps(panels, matrix, taps, tap_step, k, k_step, n, n_step, DOT_KR);
}

#define PRODUCT(type, depth, offset, run_function, pack_function, ...)                                                 \
    {                                                                                                                  \
        .name = "gemm_q8", .a = type, .b = KERNEL_S8, .mr = GEMM_MR, .nr = 2 * VL, .vector = VL, .kr = depth,          \
        .a_offset = offset, .run = run_function, .pack = pack_function, __VA_ARGS__                                    \
    }
#define STEPPED(type, sign, run_function)                                                                              \
    PRODUCT(type, DOT_KR, DOT_OFFSET(sign), run_function, pack, .scratch = sizeof(dot_element), .few = GEMM_FEW)

const struct kernel_product K(gemm_u8) = STEPPED(KERNEL_U8, false, run_u8);
const struct kernel_product K(gemm_s8) = STEPPED(KERNEL_S8, true, run_s8);

#ifdef DOT_OCTETS

/* ---- rows of small elements ---- */

TILE_OF(small_6x1, 6, 1, OCTETS_KR)
TILE_OF(small_6x2, 6, 2, OCTETS_KR)

static void run_small(const struct kernel_gemm *g, int turn, int zero)
{
    static const struct tile small_tile = {6, {small_6x1, small_6x2}};
    void *c[GEMM_MR];
    struct octets octets;
    struct rows rows; /* of which the rest is not used */
    octets_find(&octets, g, run_length(g, OCTETS_KR), turn, zero, c);
    rows.a = NULL;
    rows.c = c;
    rows.octets = &octets;
    run_tile(g, &rows, &small_tile, OCTETS_KR);
}

static void run_small_u8(const struct kernel_gemm *g)
{
    run_small(g, 0, 0);
}

static void run_small_s8(const struct kernel_gemm *g)
{
    run_small(g, 0x80, 0);
}

static void run_about_u8(const struct kernel_gemm *g)
{
    run_small(g, 0, g->to.a_zero);
}

static void run_about_s8(const struct kernel_gemm *g)
{
    run_small(g, 0x80, g->to.a_zero + 128);
}

static void pack_quads(void *panels, const void *matrix, int taps, ptrdiff_t tap_step, int k, ptrdiff_t k_step, int n,
                       ptrdiff_t n_step)
{
    pack_steps(panels, matrix, taps, tap_step, k, k_step, n, n_step, OCTETS_KR);
}

/* With 128 more to each. */
static void pack_unsigned(void *panels, const void *matrix, int taps, ptrdiff_t tap_step, int k, ptrdiff_t k_step,
                          int n, ptrdiff_t n_step)
{
    uint8_t *packed = panels;
    pack_quads(panels, matrix, taps, tap_step, k, k_step, n, n_step);
    ptrdiff_t rows = (ptrdiff_t)taps * ((k + OCTETS_KR - 1) / OCTETS_KR * OCTETS_KR), columns = (n + VL - 1) / VL * VL;
    for (ptrdiff_t i = 0; i < rows * columns; i++)
        packed[i] ^= 0x80;
}

const struct kernel_product K(gemm_small)[] = {
    PRODUCT(KERNEL_U8, OCTETS_KR, 0, run_small_u8, pack_quads, OCTETS_SCRATCH),
    PRODUCT(KERNEL_S8, OCTETS_KR, 128, run_small_s8, pack_quads, OCTETS_SCRATCH),
    PRODUCT(KERNEL_U8, OCTETS_KR, 0, run_about_u8, pack_unsigned, OCTETS_SCRATCH, .about = true),
    PRODUCT(KERNEL_S8, OCTETS_KR, 0, run_about_s8, pack_unsigned, OCTETS_SCRATCH, .about = true),
};

#endif
