/* gemm_bf16 and its packing, against sums in double of numbers rounded to bfloat16. */
#include "base/half.h"
#include "chain.h"

#define MAX_M    14
#define MAX_N    104
#define MAX_TAPS 4
#define MAX_K    75

static struct guard rows, packed, outputs, scratch;

struct problem {
    int m, n, taps, k;
    const int *b_tap; /* or NULL */
    int b_taps;
    struct kernel_act act;
    int addend; /* 0: none, 1: before the activation, 2: after it */
    bool has_bias, by_columns;
};

static float b[MAX_TAPS * MAX_K * MAX_N], bias[MAX_N], add[MAX_M][MAX_N];
static ptrdiff_t tap[MAX_TAPS];
static const void *a[MAX_M], *add_rows[MAX_M];
static void *c[MAX_M];

static double rounded(float x)
{
    return (double)half_bf16_to_f32(half_f32_to_bf16(x));
}

/* Where the element of tap t of B's and row l lies. */
static ptrdiff_t place(const struct problem *p, int t, int l, int j)
{
    return p->by_columns ? ((ptrdiff_t)j * p->k + l) * p->b_taps + t : ((ptrdiff_t)t * p->k + l) * p->n + j;
}

static void check_element(const struct kernels *k, const struct problem *p, int i, int j)
{
    double sum = 0, size = 1e-30;
    for (int t = 0; t < p->taps; t++)
        for (int l = 0; l < p->k; l++) {
            double x =
                rounded(((const float *)a[i])[tap[t] + l]) * rounded(b[place(p, p->b_tap ? p->b_tap[t] : t, l, j)]);
            sum += x;
            size += fabs(x);
        }
    sum += p->has_bias ? (double)bias[j] : 0;
    sum += p->addend == 1 ? (double)add[i][j] : 0;
    float want = chain_act(k, (float)sum, p->act) + (p->addend == 2 ? add[i][j] : 0), got = ((const float *)c[i])[j];
    CHECK_MSG(fabs((double)(got - want)) <= 1e-6 * (size + 4), "m %d n %d taps %d k %d act %d: c[%d][%d] %g, want %g",
              p->m, p->n, p->taps, p->k, (int)p->act.kind, i, j, (double)got, (double)want);
}

/* Rows lie in any order, with the last element of the last one at the end of what may be read. */
static void place_rows(const struct problem *p)
{
    ptrdiff_t span = (ptrdiff_t)p->taps * p->k;
    float *all = guard_floats(rows, (size_t)(span * p->m));
    guard_fill(all, (size_t)(span * p->m), 1);
    for (int t = 0; t < p->taps; t++)
        tap[t] = (ptrdiff_t)(p->taps - 1 - t) * p->k;
    int turn = (int)(guard_random() % (unsigned)p->m);
    for (int i = 0; i < p->m; i++)
        a[i] = all + (i + turn) % p->m * span;
}

static void run_problem(const struct kernels *k, const struct kernel_product *product, const struct problem *p)
{
    size_t bytes = kernel_product_packed(product, (size_t)p->b_taps, (size_t)p->k, (size_t)p->n);
    guard_fill(b, (size_t)(p->b_taps * p->k * p->n), 1);
    guard_fill(bias, (size_t)p->n, 1);
    guard_fill(add[0], MAX_M * MAX_N, 1);
    place_rows(p);
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
    struct kernel_gemm g = {.a = a, .tap = tap, .taps = p->taps, .k = p->k, .b = panels, .c = c, .m = p->m, .n = p->n};
    g.b_tap = p->b_tap;
    g.b_taps = p->b_taps;
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
            check_element(k, p, i, j);
}

static int random_to(int most)
{
    return 1 + (int)(guard_random() % (unsigned)most);
}

static void all_sizes(const struct kernels *k, const struct kernel_product *product)
{
    static const struct kernel_act acts[] = {{KERNEL_NONE, 0, 0}, {KERNEL_RELU, 0, 0}, {KERNEL_CLIP, -0.5f, 0.25f},
                                             {KERNEL_SILU, 1, 0}, {KERNEL_GELU, 0, 0}, {KERNEL_HARD_SWISH, 0, 0}};
    for (int m = 1; m <= product->mr; m++)
        for (int n = 1; n <= product->nr; n += n < 4 || n > 30 || (n > 14 && n < 18) ? 1 : 4) {
            int before = (int)(guard_random() % 3) * product->nr, taps = random_to(MAX_TAPS);
            run_problem(k, product,
                        &(struct problem){.m = m,
                                          .n = before + n,
                                          .taps = taps,
                                          .b_taps = taps,
                                          .k = random_to(MAX_K),
                                          .act = acts[guard_random() % 6],
                                          .addend = (int)(guard_random() % 3),
                                          .has_bias = guard_random() % 2,
                                          .by_columns = guard_random() % 2});
        }
}

/* Panels of more taps than are summed, in an order of their own. */
static void some_taps(const struct kernels *k, const struct kernel_product *product)
{
    static const int which[] = {3, 1};
    for (int depth = 1; depth <= MAX_K; depth += 9)
        run_problem(k, product,
                    &(struct problem){
                        .m = product->mr, .n = product->nr + 1, .taps = 2, .k = depth, .b_tap = which, .b_taps = 4});
}

static void every_level(void)
{
    const struct kernels *k;
    for (int l = 0; (k = guard_level(&l));) {
        const struct kernel_product *product = kernel_gemm_bf16(k);
        if (!product)
            continue;
        all_sizes(k, product);
        some_taps(k, product);
    }
}

int main(void)
{
    rows = guard_new(sizeof(float) * MAX_M * MAX_TAPS * MAX_K);
    packed = guard_new(sizeof(uint16_t) * MAX_TAPS * (MAX_K + 1) * 128);
    outputs = guard_new(sizeof(float) * MAX_M * MAX_N);
    scratch = guard_new(sizeof(uint16_t) * MAX_M * MAX_TAPS * (MAX_K + 1) + 64);
    guard_say_lacking();
    RUN(every_level);
    return TEST_END();
}
