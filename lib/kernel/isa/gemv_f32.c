/* One row times a matrix that lies in rows: eight sums of vectors side by side, which hide an addition's latency. */
#include "kernel/isa/isa.h"
#include "kernel/isa/vec.h"

/* Vectors of columns at once. */
#define GEMV_VECTORS (V_SMALL ? 1 : 8)

struct gemv {
    const float *a, *b, *bias;
    ptrdiff_t step;
    int k;
    float *c;
};

/* `vectors` of columns from column j on; the last of them has `last` lanes. Where vectors are long, rows come in the
 * order 2, 3, 0, 1, 6, …: with the same step from one load to the next, the processor fetches lines ahead that are
 * there already, which takes up to a third of what the level-2 cache sends (Zen 5). */
V_FN void gemv_columns(const struct gemv *g, int j, int vectors, int last)
{
    v_f32 sum[GEMV_VECTORS];
    V_UNROLL(8)
    for (int v = 0; v < vectors; v++)
        sum[v] = v_zero();
    for (int i = 0; i < g->k; i++) {
        int row = VL > 4 && (i | 3) < g->k ? i ^ 2 : i;
        const float *b = g->b + j + row * g->step;
        v_f32 x = v_set1(g->a[row]);
        V_UNROLL(8)
        for (int v = 0; v < vectors; v++)
            sum[v] = v_fma(x, v == vectors - 1 && last < VL ? v_load_n(b + v * VL, last) : v_load(b + v * VL), sum[v]);
    }
    V_UNROLL(8)
    for (int v = 0; v < vectors; v++) {
        int n = v == vectors - 1 ? last : VL;
        if (g->bias)
            sum[v] = v_add(sum[v], v_load_n(g->bias + j + v * VL, n));
        v_store_n(g->c + j + v * VL, sum[v], n);
    }
}

#if V_SMALL
#define EACH_COUNT(X) X(1)
#else
#define EACH_COUNT(X) X(1) X(2) X(3) X(4) X(6) X(8) /* a GRU has three gates, an LSTM four */
#endif

#define COLUMNS(n)                                                                                                     \
    static void columns_##n(const struct gemv *g, int j)                                                               \
    {                                                                                                                  \
        gemv_columns(g, j, n, VL);                                                                                     \
    }
EACH_COUNT(COLUMNS)

#define ENTRY(n) {n, columns_##n},
static const struct {
    int vectors;
    void (*run)(const struct gemv *g, int j);
} blocks[] = {EACH_COUNT(ENTRY)};

/* The last block begins where it ends with the row: some columns are summed twice, to the same. */
void K(gemv_f32)(float *c, const float *a, int k, const float *b, ptrdiff_t b_step, int n, const float *bias)
{
    struct gemv g = {a, b, bias, b_step, k, c};
    size_t block = 0;
    while (block + 1 < sizeof(blocks) / sizeof(*blocks) && blocks[block + 1].vectors * VL <= n)
        block++;
    int columns = blocks[block].vectors * VL;
    if (n < columns)
        gemv_columns(&g, 0, 1, n);
    else
        for (int j = 0; j < n; j += columns)
            blocks[block].run(&g, n - j < columns ? n - columns : j);
}
