/* Products of 16-bit floats, and of f32 as three of them, and their packing, against sums in double of rounded numbers.
 */
#include "base/half.h"
#include "chain.h"

#define MAX_M    32
#define MAX_N    104
#define MAX_TAPS 4
#define MAX_K    150 /* some stretches of f16's sums */

static struct guard rows, halves, packed, widened, outputs, scratch;

struct problem {
    int m, n, taps, k;
    const int *b_tap; /* or NULL */
    int b_taps;
    struct kernel_act act;
    int addend; /* 0: none, 1: before the activation, 2: after it */
    bool has_bias, by_columns;
    bool is_whole;        /* all numbers are small whole ones, so that sums are exact */
    float a_size, b_size; /* magnitudes; 0: 1 */
};

static float b[MAX_TAPS * MAX_K * MAX_N], bias[MAX_N], add[MAX_M][MAX_N];
static ptrdiff_t tap[MAX_TAPS];
static const void *a[MAX_M], *half_rows[MAX_M], *add_rows[MAX_M];
static void *c[MAX_M];

/* Rounded as by the product, which brings f16 to its range by powers of two. */
static double rounded(const struct kernel_product *product, float x, float size)
{
    if (product->b == KERNEL_F32)
        return (double)x;
    if (product->b == KERNEL_BF16)
        return (double)half_bf16_to_f32(half_f32_to_bf16(x));
    int e = ilogbf(size);
    return ldexp((double)half_f16_to_f32(half_f32_to_f16(ldexpf(x, -e))), e);
}

static float size_of(float size)
{
    return size > 0 ? size : 1;
}

static void fill(float *p, size_t n, const struct problem *of, float size)
{
    guard_fill(p, n, of->is_whole ? 4 : size_of(size));
    for (size_t i = 0; of->is_whole && i < n; i++)
        p[i] = rintf(p[i]);
}

/* Where the element of tap t of B's and row l lies. */
static ptrdiff_t place(const struct problem *p, int t, int l, int j)
{
    return p->by_columns ? ((ptrdiff_t)j * p->k + l) * p->b_taps + t : ((ptrdiff_t)t * p->k + l) * p->n + j;
}

static void check_element(const struct kernels *k, const struct kernel_product *product, const struct problem *p, int i,
                          int j)
{
    const float a_size = size_of(p->a_size), b_size = size_of(p->b_size);
    double sum = 0, size = 1e-30;
    for (int t = 0; t < p->taps; t++)
        for (int l = 0; l < p->k; l++) {
            double x = rounded(product, ((const float *)a[i])[tap[t] + l], a_size) *
                       rounded(product, b[place(p, p->b_tap ? p->b_tap[t] : t, l, j)], b_size);
            sum += x;
            size += fabs(x);
        }
    sum += p->has_bias ? (double)bias[j] : 0;
    sum += p->addend == 1 ? (double)add[i][j] : 0;
    float want = chain_act(k, (float)sum, p->act) + (p->addend == 2 ? add[i][j] : 0), got = ((const float *)c[i])[j];
    bool is_exact = p->is_whole && (p->act.kind == KERNEL_NONE || p->act.kind == KERNEL_RELU);
    double part = is_exact ? 0 : product->b == KERNEL_F16 ? 1e-3 : 1e-6; /* the twin rounds at each product */
    CHECK_MSG(fabs((double)(got - want)) <= part * (size + 4 * (double)a_size * (double)b_size),
              "m %d n %d taps %d k %d act %d: c[%d][%d] %g, want %g", p->m, p->n, p->taps, p->k, (int)p->act.kind, i, j,
              (double)got, (double)want);
}

/* Rows lie in any order, with the last element of the last one at the end of what may be read. */
static void place_rows(const struct problem *p)
{
    ptrdiff_t span = (ptrdiff_t)p->taps * p->k;
    float *all = guard_floats(rows, (size_t)(span * p->m));
    fill(all, (size_t)(span * p->m), p, p->a_size);
    for (int t = 0; t < p->taps; t++)
        tap[t] = (ptrdiff_t)(p->taps - 1 - t) * p->k;
    int turn = (int)(guard_random() % (unsigned)p->m);
    for (int i = 0; i < p->m; i++)
        a[i] = all + (i + turn) % p->m * span;
}

/* The same rows rounded: those of each half of them equally far apart, and the last one at the end too. */
static void place_halves(const struct problem *p)
{
    ptrdiff_t span = (ptrdiff_t)p->taps * p->k, step = span + 32 * (ptrdiff_t)(guard_random() % 2),
              between = p->m > 16 && p->m % 2 == 0 ? 32 * (ptrdiff_t)(guard_random() % 3) : 0;
    uint16_t *first = (uint16_t *)(void *)halves.end - ((p->m - 1) * step + between + span);
    for (int i = 0; i < p->m; i++) {
        uint16_t *row = first + i * step + (i >= p->m / 2 ? between : 0);
        for (ptrdiff_t j = 0; j < span; j++)
            row[j] = half_f32_to_bf16(((const float *)a[i])[j]);
        half_rows[i] = row;
    }
}

static void run_problem(const struct kernels *k, const struct kernel_product *product, const struct problem *p)
{
    size_t bytes = kernel_product_packed(product, (size_t)p->b_taps, (size_t)p->k, (size_t)p->n);
    fill(b, (size_t)(p->b_taps * p->k * p->n), p, p->b_size);
    fill(bias, (size_t)p->n, p, 1);
    fill(add[0], MAX_M * MAX_N, p, 1);
    place_rows(p);
    place_halves(p);
    void *panels = guard_out(packed, bytes, 0);
    float *out = guard_out(outputs, sizeof(float) * (size_t)(p->m * p->n), 0);
    for (int i = 0; i < p->m; i++) {
        c[i] = out + i * p->n;
        add_rows[i] = add[i];
    }
    if (p->by_columns)
        product->pack(panels, b, p->b_taps, 1, p->k, p->b_taps, p->n, (ptrdiff_t)p->b_taps * p->k);
    else
        product->pack(panels, b, p->b_taps, (ptrdiff_t)p->k * p->n, p->k, p->n, p->n, 1);
    CHECK(guard_intact(packed, panels, bytes));
    struct kernel_gemm g = {.tap = tap, .taps = p->taps, .k = p->k, .c = c, .m = p->m, .n = p->n};
    g.a = product->a == KERNEL_BF16 ? half_rows : a;
    g.b_tap = p->b_tap;
    g.b_taps = p->b_taps;
    guard_panels(&g, product, panels, widened);
    g.to.act = p->act;
    g.to.bias = p->has_bias ? bias : NULL;
    g.to.add = p->addend ? add_rows : NULL;
    g.to.add_last = p->addend == 2;
    size_t need = kernel_product_scratch(product, (size_t)p->m, (size_t)p->taps, (size_t)p->k);
    g.scratch = scratch.end - (need + 63) / 64 * 64;
    product->run(&g);
    CHECK(guard_intact(outputs, out, sizeof(float) * (size_t)(p->m * p->n)));
    for (int i = 0; i < p->m; i++)
        for (int j = 0; j < p->n; j++)
            check_element(k, product, p, i, j);
}

static int random_to(int most)
{
    return 1 + (int)(guard_random() % (unsigned)most);
}

/* A depth near `most` that the product takes. */
static int depth_of(const struct kernel_product *product, int most)
{
    return product->a != KERNEL_BF16 ? most : most < 32 ? 32 : most / 32 * 32;
}

static void all_sizes(const struct kernels *k, const struct kernel_product *product)
{
    static const struct kernel_act acts[] = {{KERNEL_NONE, 0, 0}, {KERNEL_RELU, 0, 0}, {KERNEL_CLIP, -0.5f, 0.25f},
                                             {KERNEL_SILU, 1, 0}, {KERNEL_GELU, 0, 0}, {KERNEL_HARD_SWISH, 0, 0}};
    /* Each number of rows has code of its own, but for tiles: there the ends of a tile say all. */
    for (int m = 1; m <= product->mr; m += product->mr > 16 && m % 16 > 2 && m % 16 < 13 ? 4 : 1)
        for (int n = 1; n <= product->nr; n += n < 4 || n > 30 || (n > 14 && n < 18) ? 1 : 4) {
            int before = (int)(guard_random() % 3) * product->nr, taps = random_to(MAX_TAPS);
            run_problem(k, product,
                        &(struct problem){.m = m,
                                          .n = before + n,
                                          .taps = taps,
                                          .b_taps = taps,
                                          .k = depth_of(product, random_to(MAX_K)),
                                          .act = acts[guard_random() % 6],
                                          .addend = (int)(guard_random() % 3),
                                          .has_bias = guard_random() % 2,
                                          .by_columns = guard_random() % 2,
                                          .is_whole = guard_random() % 2});
        }
}

/* Numbers whose products, or themselves, are beyond f16's range. */
static void all_ranges(const struct kernels *k, const struct kernel_product *product)
{
    static const float sizes[][2] = {{7e4f, 300}, {1e-6f, 1e-5f}, {1e30f, 1e-25f}, {1e-30f, 1e35f}, {2e37f, 0.01f}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (int m = 1; m <= product->mr; m += 3)
            run_problem(k, product,
                        &(struct problem){.m = m,
                                          .n = product->nr - 1,
                                          .taps = 2,
                                          .b_taps = 2,
                                          .k = depth_of(product, MAX_K),
                                          .a_size = sizes[i][0],
                                          .b_size = sizes[i][1]});
}

/* What is no number in a row stays so, and in this row alone. */
static void no_numbers(const struct kernel_product *product)
{
    enum { K = 40 };
    float x[2][K], out[2][1];
    const void *const from[2] = {x[0], x[1]};
    void *const to[2] = {out[0], out[1]};
    const ptrdiff_t none = 0;
    for (int kind = 0; kind < 2; kind++) {
        void *panels = guard_out(packed, kernel_product_packed(product, 1, K, 1), 0);
        guard_fill(x[0], K, 1);
        guard_fill(x[1], K, 1);
        guard_fill(b, K, 1);
        x[0][7] = kind ? NAN : INFINITY;
        product->pack(panels, b, 1, 0, K, 1, 1, 1);
        struct kernel_gemm g = {.a = from, .tap = &none, .taps = 1, .k = K, .c = to, .m = 2, .n = 1};
        guard_panels(&g, product, panels, widened);
        g.scratch = scratch.end - (kernel_product_scratch(product, 2, 1, K) + 63) / 64 * 64;
        product->run(&g);
        CHECK(kind ? isnan(out[0][0]) : isinf(out[0][0]) != 0);
        CHECK(isfinite(out[1][0]));
    }
}

/* Large elements of a row meet zeros of a column and the other way round: what both are scaled by is beyond f32, their
 * product is not. */
static void far_apart(const struct kernel_product *product)
{
    static const float x[][2] = {{0x1p100f, 0}, {0x1p70f, 0x1p60f}, {-0x1p-110f, 0}, {0, 0}},
                       w[][2] = {{0, 0x1p100f}, {0, 0x1p66f}, {0x1p127f, 0x1p126f}, {0x1p127f, 1}};
    const void *from[4];
    void *to[4];
    float out[4][4];
    const ptrdiff_t none = 0;
    for (int i = 0; i < 4; i++) {
        from[i] = x[i];
        to[i] = out[i];
    }
    void *panels = guard_out(packed, kernel_product_packed(product, 1, 2, 4), 0);
    product->pack(panels, w, 1, 0, 2, 1, 4, 2);
    struct kernel_gemm g = {.a = from, .tap = &none, .taps = 1, .k = 2, .c = to, .m = 4, .n = 4};
    guard_panels(&g, product, panels, widened);
    g.scratch = scratch.end - (kernel_product_scratch(product, 4, 1, 2) + 63) / 64 * 64;
    product->run(&g);
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 4; j++) {
            float want = (float)((double)x[i][0] * (double)w[j][0] + (double)x[i][1] * (double)w[j][1]);
            CHECK_MSG(out[i][j] == want, "row %d, column %d: %g, want %g", i, j, (double)out[i][j], (double)want);
        }
}

/* Panels of more taps than are summed, in an order of their own, or none. */
static void some_taps(const struct kernels *k, const struct kernel_product *product)
{
    static const int which[] = {3, 1};
    for (int depth = 1; depth <= MAX_K; depth += 9)
        for (int taps = 0; taps <= 2; taps++)
            run_problem(k, product,
                        &(struct problem){.m = product->mr - taps,
                                          .n = product->nr + 1,
                                          .taps = taps,
                                          .k = depth_of(product, depth),
                                          .b_tap = which,
                                          .b_taps = 4,
                                          .is_whole = depth % 2});
}

/* What rounds rows beforehand does it as the product would. */
static void rounding(const struct kernel_product *product)
{
    enum { MOST = 70 };
    float x[MOST];
    CHECK(product->round_k == 32);
    for (size_t n = 0; n <= MOST; n++) {
        uint16_t *to = guard_out(outputs, sizeof *to * n, 0);
        guard_fill(x, MOST, 1);
        product->round(to, memcpy((float *)(void *)rows.end - n, x, sizeof *x * n), n);
        CHECK(guard_intact(outputs, to, sizeof *to * n));
        for (size_t i = 0; i < n; i++)
            CHECK(to[i] == half_f32_to_bf16(x[i]));
    }
}

static void every_level(void)
{
    const struct kernels *k;
    for (int l = 0; (k = guard_level(&l));) {
        const struct kernel_product *products[] = {kernel_gemm_16(k, KERNEL_F16), kernel_gemm_16(k, KERNEL_BF16),
                                                   k->gemm_split};
        for (int i = 0; i < 3; i++) {
            const struct kernel_product *product = products[i];
            if (!product)
                continue;
            all_sizes(k, product);
            some_taps(k, product);
            all_ranges(k, product);
            no_numbers(product);
            far_apart(product);
            if (product->rounded) {
                all_sizes(k, product->rounded);
                some_taps(k, product->rounded);
                all_ranges(k, product->rounded);
                rounding(product);
            }
        }
    }
}

int main(void)
{
    rows = guard_new(sizeof(float) * MAX_M * MAX_TAPS * MAX_K);
    halves = guard_new(sizeof(uint16_t) * MAX_M * (MAX_TAPS * MAX_K + 64));
    packed = guard_new(sizeof(float) * MAX_TAPS * (MAX_K + 32) * 128);
    widened = guard_new(3 * sizeof(uint16_t) * MAX_TAPS * (MAX_K + 32) * 128);
    outputs = guard_new(sizeof(float) * MAX_M * MAX_N);
    scratch = guard_new(3 * sizeof(uint16_t) * MAX_M * MAX_TAPS * (MAX_K + 32) + 64);
    guard_say_lacking();
    RUN(every_level);
    return TEST_END();
}
