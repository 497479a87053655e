/* Products of a few rows with weights in fewer bits, and such weights widened. A weight is widened to the float that
 * DequantizeLinear or Cast gives, and a sum is gemm_f32's chain of fma, so that both ways give the same bits. */
#include "kernel/isa/bytes.h"
#include "kernel/isa/epilogue.h"
#include "kernel/isa/isa.h"

#define COLUMNS (2 * VL)
#define AHEAD   1024 /* bytes that are fetched ahead */

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
    v_f32 scale[2], zero[2];
};

V_FN const uint8_t *read_block(struct block *b, const struct kernel_narrow *w, const uint8_t *at)
{
    const float *floats = (const float *)(const void *)at;
    for (int v = 0; v < 2; v++) {
        b->scale[v] = v_load(floats + v * VL);
        b->zero[v] = w->has_zeros ? v_load(floats + COLUMNS + v * VL) : v_set1(w->zero);
    }
    return at + (w->has_zeros ? 2 : 1) * COLUMNS * sizeof(float);
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
    return v_mul(v_sub(v_from_i32(q), b->zero[v]), b->scale[v]);
}

/* Calls BODY(row of the panel, its block, index) for each of k rows, and leaves `at` behind the panel. */
#define EACH_ROW(w, type, k, at, BODY)                                                                                 \
    do {                                                                                                               \
        for (int i_ = 0, end_; i_ < (k); i_ = end_) {                                                                  \
            struct block block_ = {{v_zero(), v_zero()}, {v_zero(), v_zero()}};                                        \
            end_ = (k)-i_ < (w)->block ? (k) : i_ + (w)->block;                                                        \
            if (has_scales(type))                                                                                      \
                (at) = read_block(&block_, w, at);                                                                     \
            for (int r_ = i_; r_ < end_; r_++, (at) += row_bytes(type))                                                \
                BODY(at, &block_, r_);                                                                                 \
        }                                                                                                              \
    } while (0)

/* ---- a panel of floats ---- */

V_FN const uint8_t *widen_panel(float *to, const struct kernel_narrow *w, const uint8_t *at, int k, int vectors,
                                enum kernel_type type)
{
#define STORE(row, block, index)                                                                                       \
    for (int v_ = 0; v_ < vectors; v_++)                                                                               \
    v_store(to + ((ptrdiff_t)(index)*vectors + v_) * VL, weights(row, block, type, v_))
    EACH_ROW(w, type, k, at, STORE);
    return at;
}

/* ---- a few rows ---- */

V_FN const uint8_t *sum_panel(v_f32 *sums, const struct kernel_gemm *g, const struct kernel_narrow *w,
                              const uint8_t *at, int m, enum kernel_type type)
{
    const float *a[KERNEL_NARROW_ROWS];
    v_f32 acc[2 * KERNEL_NARROW_ROWS]; /* whose address stays here, so that they are registers */
#pragma GCC unroll 8
    for (int i = 0; i < 2 * m; i++)
        acc[i] = v_zero();
    for (int i = 0; i < m; i++)
        a[i] = (const float *)g->a[i < g->m ? i : g->m - 1] + g->tap[0];
#define ADD(row, block, index)                                                                                         \
    do {                                                                                                               \
        v_f32 w0_ = weights(row, block, type, 0), w1_ = weights(row, block, type, 1);                                  \
        __builtin_prefetch((row) + AHEAD);                                                                             \
        for (int j_ = 0; j_ < m; j_++) {                                                                               \
            v_fma_to(&acc[2 * j_], v_set1(a[j_][index]), w0_);                                                         \
            v_fma_to(&acc[2 * j_ + 1], v_set1(a[j_][index]), w1_);                                                     \
        }                                                                                                              \
    } while (0)
    EACH_ROW(w, type, g->k, at, ADD);
#pragma GCC unroll 8
    for (int i = 0; i < 2 * m; i++)
        sums[i] = acc[i];
    return at;
}

static void finish(const v_f32 *acc, const struct kernel_gemm *g, int column)
{
    const struct kernel_epilogue *to = &g->to;
    int n = g->n - column < COLUMNS ? g->n - column : COLUMNS, first = n < VL ? n : VL;
    float sum[KERNEL_NARROW_ROWS * COLUMNS], *c[KERNEL_NARROW_ROWS];
    const float *add[KERNEL_NARROW_ROWS];
    v_f32 bias[2] = {v_zero(), v_zero()};
    if (to->bias)
        bias[0] = v_load_n((const float *)to->bias + column, first);
    if (to->bias && n > VL)
        bias[1] = v_load_n((const float *)to->bias + column + VL, n - VL);
    for (int i = 0; i < g->m; i++) {
        for (int v = 0; v < 2; v++)
            v_store(sum + i * COLUMNS + v * VL, to->bias ? v_add(acc[2 * i + v], bias[v]) : acc[2 * i + v]);
        c[i] = (float *)g->c[i] + column;
        add[i] = to->add ? (const float *)to->add[i] + column : NULL;
    }
    K(epilogue_rows)(sum, g->m, COLUMNS, n, to->add ? add : NULL, to->add_last, c, to->act);
}

V_FN void run_rows(const struct kernel_gemm *g, const struct kernel_narrow *w, int m, enum kernel_type type)
{
    const uint8_t *at = g->b;
    for (int column = 0; column < g->n; column += COLUMNS) {
        v_f32 sums[2 * KERNEL_NARROW_ROWS];
        at = sum_panel(sums, g, w, at, m, type);
        finish(sums, g, column);
    }
}

/* ---- by type ---- */

#define EACH_TYPE(X) X(KERNEL_S8) X(KERNEL_U4) X(KERNEL_F16) X(KERNEL_BF16)

#define FUNCTIONS(type)                                                                                                \
    static void one_##type(const struct kernel_gemm *g, const struct kernel_narrow *w)                                 \
    {                                                                                                                  \
        run_rows(g, w, 1, type);                                                                                       \
    }                                                                                                                  \
    static void two_##type(const struct kernel_gemm *g, const struct kernel_narrow *w)                                 \
    {                                                                                                                  \
        run_rows(g, w, 2, type);                                                                                       \
    }                                                                                                                  \
    static void four_##type(const struct kernel_gemm *g, const struct kernel_narrow *w)                                \
    {                                                                                                                  \
        run_rows(g, w, 4, type);                                                                                       \
    }                                                                                                                  \
    static const uint8_t *widen_##type(float *to, const struct kernel_narrow *w, const uint8_t *at, int k,             \
                                       int vectors)                                                                    \
    {                                                                                                                  \
        return widen_panel(to, w, at, k, vectors, type);                                                               \
    }
#define ENTRY(type) [type] = {{one_##type, two_##type, four_##type}, widen_##type},

EACH_TYPE(FUNCTIONS)

static const struct {
    void (*rows[3])(const struct kernel_gemm *g, const struct kernel_narrow *w);
    const uint8_t *(*widen)(float *to, const struct kernel_narrow *w, const uint8_t *at, int k, int vectors);
} types[] = {EACH_TYPE(ENTRY)};

void K(gemm_narrow_f32)(const struct kernel_gemm *g, const struct kernel_narrow *w)
{
    types[w->type].rows[g->m == 1 ? 0 : g->m == 2 ? 1 : 2](g, w);
}

void K(widen_narrow_f32)(float *to, const void *panels, const struct kernel_narrow *w, int k, int n)
{
    const uint8_t *at = panels;
    for (int column = 0; column < n; column += COLUMNS) {
        int vectors = n - column > VL ? 2 : 1;
        at = types[w->type].widen(to, w, at, k, vectors);
        to += (ptrdiff_t)k * vectors * VL;
    }
}
