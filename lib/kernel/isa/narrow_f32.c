/* Products of rows with weights in fewer bits, and such weights widened. A weight is widened to the float that
 * DequantizeLinear or Cast gives, and a sum is gemm_f32's chain of fma, so that both ways give the same bits. */
#include "kernel/isa/bytes.h"
#include "kernel/isa/epilogue.h"
#include "kernel/isa/isa.h"

#define COLUMNS (2 * VL)
#define AHEAD   8192 /* bytes that are fetched ahead; 2048 leave half of what memory can send unused */

#define CHUNK 32 /* rows that are unpacked together, a multiple of 4 */

/* What rows are that are multiplied: whole numbers of a byte, such less their zero points, or halves. OFFSETS do for
 * BYTES but where one row is multiplied, since widening is most of the work then. */
enum form { BYTES, OFFSETS, F16, BF16 };

#define ROW_BYTES (V_SMALL ? OFFSETS : BYTES)

V_FN int row_bytes(enum form form)
{
    return form == BYTES || form == OFFSETS ? COLUMNS : COLUMNS * 2;
}

/* What stands before a block's rows. */
V_FN size_t head_bytes(const struct kernel_narrow *w, enum form form)
{
    size_t zeros = !w->has_zeros ? 0 : w->type == KERNEL_U4 ? 2 : sizeof(int32_t);
    return form == BYTES || form == OFFSETS ? COLUMNS * (sizeof(float) + zeros) : 0;
}

/* What a block's weights have in common: each column's own. */
struct block {
    v_f32 scale[2];
    v_i32 zero[2];
};

V_FN void read_block(struct block *b, const struct kernel_narrow *w, const uint8_t *head, enum form form)
{
    const float *scales = (const float *)(const void *)head;
    const int32_t *zeros = (const int32_t *)(const void *)(scales + COLUMNS);
    V_UNROLL(2)
    for (int v = 0; v < 2; v++) {
        b->scale[v] = v_load(scales + v * VL);
        if (form == OFFSETS)
            b->zero[v] = w->type == KERNEL_U4 ? (v_i32){0}
                         : w->has_zeros       ? v_load_i32(zeros + v * VL)
                                              : v_set1_i32(w->zero);
    }
}

/* Rows of U4 as bytes, less their zero points; up to three more than there are. A vector holds two rows of bytes. */
static void unpack(uint8_t *to, const struct kernel_narrow *w, const uint8_t *head, const uint8_t *at, int rows)
{
    const int32_t *from = (const int32_t *)(const void *)at, *zeros = (const int32_t *)(const void *)head + COLUMNS;
    const v_i32 low = v_set1_i32(0x0f0f0f0f);
    const v_bytes zero =
        (v_bytes)(w->has_zeros ? v_load_i32(zeros) : v_set1_i32((int32_t)((uint32_t)w->zero * 0x01010101u)));
    int32_t *out = (int32_t *)(void *)to;
    for (int i = 0; i < rows; i += 4, from += VL, out += 2 * VL) {
        v_i32 x = v_load_i32(from);
        __builtin_prefetch((const char *)from + AHEAD);
        v_store_i32(out, (v_i32)((v_bytes)v_and_i32(x, low) - zero));
        v_store_i32(out + VL, (v_i32)((v_bytes)v_and_i32(v_shr_i32(x, 4), low) - zero));
    }
}

/* Vector v of a row of weights. */
V_FN v_f32 weights(const uint8_t *row, const struct block *b, enum form form, int v)
{
    const uint16_t *halves = (const uint16_t *)(const void *)row + v * VL;
    if (form == F16)
        return v_from_f16(halves);
    if (form == BF16)
        return v_from_bf16(halves);
    v_i32 q = v_load_bytes(row + v * VL, true);
    return v_mul(v_from_i32(form == OFFSETS ? v_sub_i32(q, b->zero[v]) : q), b->scale[v]);
}

/* Calls BODY(row of the first panel, bytes from there to the second's, blocks, index, bytes from what is multiplied to
 * what to fetch) for each of k rows of `count` panels, one or two, the second of which lies `panel` bytes behind. */
#define EACH_ROW(w, form, nibbles, k, at, count, panel, BODY)                                                          \
    do {                                                                                                               \
        const uint8_t *at_ = (at);                                                                                     \
        const bool packed_ = (nibbles) && (w)->type == KERNEL_U4;                                                      \
        uint8_t bytes_[2][CHUNK * COLUMNS];                                                                            \
        for (int i_ = 0, end_; i_ < (k); i_ = end_) {                                                                  \
            struct block block_[2] = {{.scale = {v_zero(), v_zero()}}};                                                \
            const uint8_t *head_ = at_;                                                                                \
            end_ = (k)-i_ < (w)->block ? (k) : i_ + (w)->block;                                                        \
            if (head_bytes(w, form))                                                                                   \
                _Pragma("GCC unroll 2") for (int p_ = 0; p_ < (count); p_++)                                           \
                    read_block(&block_[p_], w, head_ + p_ * (panel), form);                                            \
            at_ += head_bytes(w, form);                                                                                \
            for (int from_ = i_, to_; from_ < end_; from_ = to_) {                                                     \
                const uint8_t *row_ = at_;                                                                             \
                to_ = packed_ && end_ - from_ > CHUNK ? from_ + CHUNK : end_;                                          \
                at_ += packed_ ? (to_ - from_ + 3) / 4 * 2 * COLUMNS : (to_ - from_) * (ptrdiff_t)row_bytes(form);     \
                for (int p_ = 0; packed_ && p_ < (count); p_++)                                                        \
                    unpack(bytes_[p_], w, head_ + p_ * (panel), row_ + p_ * (panel), to_ - from_);                     \
                row_ = packed_ ? bytes_[0] : row_;                                                                     \
                for (int r_ = from_; r_ < to_; r_++, row_ += row_bytes(form))                                          \
                    BODY(row_, packed_ ? sizeof(*bytes_) : (panel), block_, r_, packed_ ? 0 : AHEAD);                  \
            }                                                                                                          \
        }                                                                                                              \
    } while (0)

/* ---- a panel of floats ---- */

V_FN void widen_panel(float *to, const struct kernel_narrow *w, const uint8_t *at, int k, int vectors, enum form form)
{
#define STORE(row, panel, block, index, ahead)                                                                         \
    _Pragma("GCC unroll 2") for (int v_ = 0; v_ < 2; v_++) if (v_ < vectors)                                           \
        v_store(to + ((ptrdiff_t)(index)*vectors + v_) * VL, weights(row, block, form, v_))
    EACH_ROW(w, form, form == OFFSETS, k, at, 1, 0, STORE);
}

/* ---- rows ---- */

/* sums[row][panel][vector]. Loops over vectors are unrolled: else what they are indexed by keeps weights in memory. */
V_FN void sum_panels(v_f32 *sums, const struct kernel_gemm *g, const struct kernel_narrow *w, const uint8_t *at,
                     size_t panel, int m, int panels, enum form form)
{
    const float *a[KERNEL_NARROW_ROWS];
    v_f32 acc[2 * KERNEL_NARROW_ROWS]; /* whose address stays here, so that they are registers */
    const int vectors = 2 * panels;
    V_UNROLL(32)
    for (int i = 0; i < m * vectors; i++)
        acc[i] = v_zero();
    for (int i = 0; i < m; i++)
        a[i] = (const float *)g->a[i < g->m ? i : g->m - 1] + g->tap[0];
#define ADD(row, panel, block, index, ahead)                                                                           \
    do {                                                                                                               \
        v_f32 w_[4];                                                                                                   \
        _Pragma("GCC unroll 4") for (int v_ = 0; v_ < vectors; v_++) w_[v_] =                                          \
            weights((row) + v_ / 2 * (panel), &(block)[v_ / 2], form, v_ % 2);                                         \
        _Pragma("GCC unroll 2") for (int p_ = 0; p_ < panels; p_++)                                                    \
            __builtin_prefetch((row) + p_ * (panel) + (ahead));                                                        \
        _Pragma("GCC unroll 32") for (int j_ = 0; j_ < m * vectors; j_++)                                              \
            v_fma_to(&acc[j_], v_set1(a[j_ / vectors][index]), w_[j_ % vectors]);                                      \
    } while (0)
    EACH_ROW(w, form, form == (m == 1 ? ROW_BYTES : OFFSETS), g->k, at, panels, panel, ADD);
    V_UNROLL(32)
    for (int i = 0; i < m * vectors; i++)
        sums[i] = acc[i];
}

/* A panel's sums, of which those of the next row are `step` vectors behind. */
static void finish(const v_f32 *acc, int step, const struct kernel_gemm *g, int column)
{
    const struct kernel_epilogue *to = &g->to;
    int n = g->n - column < COLUMNS ? g->n - column : COLUMNS, first = n < VL ? n : VL;
    float sum[KERNEL_NARROW_ROWS * COLUMNS];
    v_f32 bias[2] = {v_zero(), v_zero()};
    if (to->bias)
        bias[0] = v_load_n((const float *)to->bias + column, first);
    if (to->bias && n > VL)
        bias[1] = v_load_n((const float *)to->bias + column + VL, n - VL);
    for (int i = 0; i < g->m; i++)
        for (int v = 0; v < 2; v++)
            v_store(sum + i * COLUMNS + v * VL, to->bias ? v_add(acc[step * i + v], bias[v]) : acc[step * i + v]);
    K(epilogue_rows)(sum, g->m, COLUMNS, n, g->c, column, to);
}

/* One row takes two panels at a time: as many sums as hide the latency of an addition. A last one alone is both. */
V_FN void run_rows(const struct kernel_gemm *g, const struct kernel_narrow *w, int m, enum form form)
{
    const uint8_t *at = g->b;
    const size_t panel = kernel_narrow_bytes(w, (size_t)g->k, COLUMNS);
    const int panels = !V_SMALL && m == 1 ? 2 : 1;
    v_f32 sums[2 * KERNEL_NARROW_ROWS];
    for (int column = 0; column < g->n; column += panels * COLUMNS, at += (size_t)panels * panel) {
        bool more = panels > 1 && g->n - column > COLUMNS;
        sum_panels(sums, g, w, at, more ? panel : 0, m, panels, form);
        finish(sums, 2 * panels, g, column);
        if (more)
            finish(sums + 2, 2 * panels, g, column + COLUMNS);
    }
}

/* ---- by form ---- */

/* All forms, and those of one row. */
#define EACH_FORM(X) X(OFFSETS) X(F16) X(BF16)
#if V_SMALL
#define EACH_ROW_FORM EACH_FORM
#else
#define EACH_ROW_FORM(X) EACH_FORM(X) X(BYTES)
#endif

#define ROW(form)                                                                                                      \
    static void row_##form(const struct kernel_gemm *g, const struct kernel_narrow *w)                                 \
    {                                                                                                                  \
        run_rows(g, w, 1, form);                                                                                       \
    }
/* Where there are fewer rows, the last one is summed again. */
#define ROWS(form)                                                                                                     \
    static void rows_##form(const struct kernel_gemm *g, const struct kernel_narrow *w)                                \
    {                                                                                                                  \
        run_rows(g, w, KERNEL_NARROW_ROWS, form);                                                                      \
    }                                                                                                                  \
    static void widen_##form(float *to, const struct kernel_narrow *w, const uint8_t *at, int k, int vectors)          \
    {                                                                                                                  \
        widen_panel(to, w, at, k, vectors, form);                                                                      \
    }
#define ROW_ENTRY(form)   [form] = row_##form,
#define ROWS_ENTRY(form)  [form] = rows_##form,
#define WIDEN_ENTRY(form) [form] = widen_##form,

EACH_ROW_FORM(ROW)
EACH_FORM(ROWS)

typedef void rows_fn(const struct kernel_gemm *g, const struct kernel_narrow *w);
typedef void widen_fn(float *to, const struct kernel_narrow *w, const uint8_t *at, int k, int vectors);
static rows_fn *const one_row[] = {EACH_ROW_FORM(ROW_ENTRY)}, *const some_rows[] = {EACH_FORM(ROWS_ENTRY)};
static widen_fn *const widen_from[] = {EACH_FORM(WIDEN_ENTRY)};

static enum form form_of(const struct kernel_narrow *w, bool is_row)
{
    bool offsets = !is_row || (w->type == KERNEL_S8 && (w->has_zeros || w->zero != 0));
    return w->type == KERNEL_F16 ? F16 : w->type == KERNEL_BF16 ? BF16 : offsets ? OFFSETS : ROW_BYTES;
}

void K(gemm_narrow_f32)(const struct kernel_gemm *g, const struct kernel_narrow *w)
{
    (g->m == 1 ? one_row[form_of(w, true)] : some_rows[form_of(w, false)])(g, w);
}

void K(widen_narrow_f32)(float *to, const void *panels, const struct kernel_narrow *w, int k, int n)
{
    const uint8_t *at = panels;
    const size_t panel = kernel_narrow_bytes(w, (size_t)k, COLUMNS);
    for (int column = 0; column < n; column += COLUMNS, at += panel) {
        int vectors = n - column > VL ? 2 : 1;
        widen_from[form_of(w, false)](to, w, at, k, vectors);
        to += (ptrdiff_t)k * vectors * VL;
    }
}
