/* Products of rows with weights in fewer bits, and such weights widened. A weight is widened to the float that
 * DequantizeLinear or Cast gives, and a sum is gemm_f32's chain of fma, so that both ways give the same bits. */
#include "kernel/isa/bytes.h"
#include "kernel/isa/epilogue.h"
#include "kernel/isa/isa.h"

#define COLUMNS (2 * VL)
#define AHEAD   8192 /* bytes that are fetched ahead; 2048 leave half of what memory can send unused */

/* Bytes of a row of a panel. */
V_FN int row_bytes(enum kernel_type type)
{
    return type == KERNEL_U4 ? COLUMNS / 2 : type == KERNEL_S8 ? COLUMNS : COLUMNS * 2;
}

V_FN bool has_scales(enum kernel_type type)
{
    return type == KERNEL_U4 || type == KERNEL_S8;
}

/* What a block's weights have in common: each column's own. */
struct block {
    v_f32 scale[2];
    v_i32 zero[2];
};

V_FN void read_block(struct block *b, const struct kernel_narrow *w, const uint8_t *at)
{
    const float *floats = (const float *)(const void *)at;
    V_UNROLL(2)
    for (int v = 0; v < 2; v++) {
        b->scale[v] = v_load(floats + v * VL);
        b->zero[v] =
            w->has_zeros ? v_load_i32((const int32_t *)(const void *)floats + COLUMNS + v * VL) : v_set1_i32(w->zero);
    }
}

/* Vector v of a row of weights. Halves of a byte are those of columns that lie a vector apart. */
V_FN v_f32 weights(const uint8_t *row, const struct block *b, enum kernel_type type, int v)
{
    const uint16_t *halves = (const uint16_t *)(const void *)row + v * VL;
    v_i32 q;
    if (type == KERNEL_F16)
        return v_from_f16(halves);
    if (type == KERNEL_BF16)
        return v_from_bf16(halves);
    if (type == KERNEL_S8)
        q = v_load_bytes(row + v * VL, true);
    else
        q = v ? v_shr_i32(v_load_bytes(row, false), 4) : v_and_i32(v_load_bytes(row, false), v_set1_i32(15));
    return v_mul(v_from_i32(v_sub_i32(q, b->zero[v])), b->scale[v]);
}

/* Calls BODY(row of the first panel, its block, index) for each of k rows of `count` panels, one or two, the second of
 * which lies `panel` bytes behind. */
#define EACH_ROW(w, type, k, at, count, panel, BODY)                                                                   \
    do {                                                                                                               \
        const uint8_t *at_ = (at);                                                                                     \
        for (int i_ = 0, end_; i_ < (k); i_ = end_) {                                                                  \
            struct block block_[2] = {{.scale = {v_zero(), v_zero()}}};                                                \
            end_ = (k)-i_ < (w)->block ? (k) : i_ + (w)->block;                                                        \
            if (has_scales(type))                                                                                      \
                _Pragma("GCC unroll 2") for (int p_ = 0; p_ < (count); p_++)                                           \
                    read_block(&block_[p_], w, at_ + p_ * (panel));                                                    \
            at_ += has_scales(type) ? ((w)->has_zeros ? 2 : 1) * COLUMNS * sizeof(float) : 0;                          \
            for (int r_ = i_; r_ < end_; r_++, at_ += row_bytes(type))                                                 \
                BODY(at_, block_, r_);                                                                                 \
        }                                                                                                              \
    } while (0)

/* ---- a panel of floats ---- */

V_FN void widen_panel(float *to, const struct kernel_narrow *w, const uint8_t *at, int k, int vectors,
                      enum kernel_type type)
{
#define STORE(row, block, index)                                                                                       \
    for (int v_ = 0; v_ < vectors; v_++)                                                                               \
    v_store(to + ((ptrdiff_t)(index)*vectors + v_) * VL, weights(row, block, type, v_))
    EACH_ROW(w, type, k, at, 1, 0, STORE);
}

/* ---- rows ---- */

/* sums[row][panel][vector]. Loops over vectors are unrolled: else what they are indexed by keeps weights in memory. */
V_FN void sum_panels(v_f32 *sums, const struct kernel_gemm *g, const struct kernel_narrow *w, const uint8_t *at,
                     size_t panel, int m, int panels, enum kernel_type type)
{
    const float *a[KERNEL_NARROW_ROWS];
    v_f32 acc[2 * KERNEL_NARROW_ROWS]; /* whose address stays here, so that they are registers */
    const int vectors = 2 * panels;
    V_UNROLL(32)
    for (int i = 0; i < m * vectors; i++)
        acc[i] = v_zero();
    for (int i = 0; i < m; i++)
        a[i] = (const float *)g->a[i < g->m ? i : g->m - 1] + g->tap[0];
#define ADD(row, block, index)                                                                                         \
    do {                                                                                                               \
        v_f32 w_[4];                                                                                                   \
        _Pragma("GCC unroll 4") for (int v_ = 0; v_ < vectors; v_++) w_[v_] =                                          \
            weights((row) + v_ / 2 * panel, &(block)[v_ / 2], type, v_ % 2);                                           \
        _Pragma("GCC unroll 2") for (int p_ = 0; p_ < panels; p_++) __builtin_prefetch((row) + p_ * panel + AHEAD);    \
        _Pragma("GCC unroll 32") for (int j_ = 0; j_ < m * vectors; j_++)                                              \
            v_fma_to(&acc[j_], v_set1(a[j_ / vectors][index]), w_[j_ % vectors]);                                      \
    } while (0)
    EACH_ROW(w, type, g->k, at, panels, panel, ADD);
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
V_FN void run_rows(const struct kernel_gemm *g, const struct kernel_narrow *w, int m, enum kernel_type type)
{
    const uint8_t *at = g->b;
    const size_t panel = kernel_narrow_bytes(w, (size_t)g->k, COLUMNS);
    const int panels = !V_SMALL && m == 1 ? 2 : 1;
    v_f32 sums[2 * KERNEL_NARROW_ROWS];
    for (int column = 0; column < g->n; column += panels * COLUMNS, at += (size_t)panels * panel) {
        bool more = panels > 1 && g->n - column > COLUMNS;
        sum_panels(sums, g, w, at, more ? panel : 0, m, panels, type);
        finish(sums, 2 * panels, g, column);
        if (more)
            finish(sums + 2, 2 * panels, g, column + COLUMNS);
    }
}

/* ---- by type ---- */

#define EACH_TYPE(X) X(KERNEL_S8) X(KERNEL_U4) X(KERNEL_F16) X(KERNEL_BF16)

typedef void rows_fn(const struct kernel_gemm *g, const struct kernel_narrow *w);

/* Where there are fewer rows, the last one is summed again. */
#define FUNCTIONS(type)                                                                                                \
    static void row_##type(const struct kernel_gemm *g, const struct kernel_narrow *w)                                 \
    {                                                                                                                  \
        run_rows(g, w, 1, type);                                                                                       \
    }                                                                                                                  \
    static void rows_##type(const struct kernel_gemm *g, const struct kernel_narrow *w)                                \
    {                                                                                                                  \
        run_rows(g, w, KERNEL_NARROW_ROWS, type);                                                                      \
    }                                                                                                                  \
    static void widen_##type(float *to, const struct kernel_narrow *w, const uint8_t *at, int k, int vectors)          \
    {                                                                                                                  \
        widen_panel(to, w, at, k, vectors, type);                                                                      \
    }
#define ENTRY(type) [type] = {row_##type, rows_##type, widen_##type},

EACH_TYPE(FUNCTIONS)

static const struct {
    rows_fn *row, *rows;
    void (*widen)(float *to, const struct kernel_narrow *w, const uint8_t *at, int k, int vectors);
} types[] = {EACH_TYPE(ENTRY)};

void K(gemm_narrow_f32)(const struct kernel_gemm *g, const struct kernel_narrow *w)
{
    (g->m == 1 ? types[w->type].row : types[w->type].rows)(g, w);
}

void K(widen_narrow_f32)(float *to, const void *panels, const struct kernel_narrow *w, int k, int n)
{
    const uint8_t *at = panels;
    const size_t panel = kernel_narrow_bytes(w, (size_t)k, COLUMNS);
    for (int column = 0; column < n; column += COLUMNS, at += panel) {
        int vectors = n - column > VL ? 2 : 1;
        types[w->type].widen(to, w, at, k, vectors);
        to += (ptrdiff_t)k * vectors * VL;
    }
}
