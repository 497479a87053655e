/* Exact products of bytes, for every level of this processor. */
#include "guard.h"

#define MAX_M    32
#define MAX_N    104
#define MAX_TAPS 5
#define MAX_K    300
/* Of a map: pixels between two of its rows. */
#define MAX_BORDER 2

struct problem {
    int m, n, taps, k, b_taps;
    bool is_signed, is_mapped;          /* taps of B are others, by b_tap */
    bool is_small;                      /* for gemm_small, where there is one: not mapped */
    int zero;                           /* not 0: and for that about this element, as u8 */
    int8_t b[MAX_TAPS * MAX_K * MAX_N]; /* [b_taps][k][n] */
    const void *a[MAX_M];
    ptrdiff_t tap[MAX_TAPS];
    int b_tap[MAX_TAPS];
};

static struct guard rows, packed, outputs, words, scratch, more;
static struct problem problem;

/* How operands are drawn: anything, or what makes sums largest. */
enum draw { ANY, LEAST, MOST, OPPOSITE, SMALL, ABOUT, DRAWS };

/* Sums of elements that are 127, or little more, to either side of zero. */
static uint8_t draw_about(int zero, bool is_signed)
{
    static const int8_t small[] = {0, 31, 32, 33, 64, 127, -31, -32, -33, -63, -127, -128};
    int x = zero + (guard_random() % 50 ? small[guard_random() % sizeof small] : (int)(guard_random() % 256) - 128);
    return (uint8_t)((x < 0 ? 0 : x > 255 ? 255 : x) ^ (is_signed ? 0x80 : 0));
}

static uint8_t draw_byte(enum draw draw, bool is_signed)
{
    /* Where sums of 16 bits just fit: four elements that are 256, or little more, with weights of -128. */
    static const uint8_t small[] = {0, 64, 64, 64, 64, 64, 64, 64, 64, 65, 63, 31, 1, 127};
    if (draw == SMALL)
        return (uint8_t)((guard_random() % 100 ? small[guard_random() % sizeof small] : 0xff) ^ (is_signed ? 0x80 : 0));
    if (draw == ANY)
        return (uint8_t)guard_random();
    bool least = draw == LEAST;
    return is_signed ? (least ? 0x80 : 0x7f) : least ? 0 : 0xff;
}

static void make_rows(struct problem *p, enum draw draw)
{
    ptrdiff_t span = 0;
    for (int t = 0; t < p->taps; t++) {
        p->tap[t] = (ptrdiff_t)(guard_random() % 40);
        span = p->tap[t] > span ? p->tap[t] : span;
    }
    if (p->taps > 0)
        p->tap[guard_random() % (unsigned)p->taps] = span;
    span += p->k;
    /* Equally far apart, those of a map with a border, or in another order. */
    const int width = guard_random() % 2 ? MAX_M : 1 + (int)(guard_random() % 8),
              border = 1 + (int)(guard_random() % MAX_BORDER), count = p->m + (p->m - 1) / width * border,
              turn = guard_random() % 3 ? 0 : (int)(guard_random() % (unsigned)p->m);
    uint8_t *all = rows.end - span * count;
    for (ptrdiff_t i = 0; i < span * count; i++)
        all[i] = draw == ABOUT ? draw_about(p->zero, p->is_signed) : draw_byte(draw, p->is_signed);
    for (int i = 0; i < p->m; i++) {
        int at = (i + turn) % p->m;
        p->a[i] = all + (at + at / width * border) * span;
    }
}

static void make_problem(struct problem *p, int m, int n, int taps, int k, enum draw draw)
{
    p->m = m;
    p->n = n;
    p->taps = taps;
    p->k = k;
    p->is_signed = guard_random() % 2;
    p->is_mapped = guard_random() % 4 == 0;
    p->is_small = draw >= SMALL || guard_random() % 4 == 0;
    p->zero = draw != SMALL && (draw == ABOUT || guard_random() % 2) ? 1 + (int)(guard_random() % 255) : 0;
    if (p->is_small)
        p->is_mapped = false;
    p->b_taps = p->is_mapped && taps < MAX_TAPS ? taps + 1 : taps;
    for (int t = 0; t < taps; t++)
        p->b_tap[t] = p->is_mapped ? (t + 1) % p->b_taps : t;
    for (int i = 0; i < p->b_taps * k * n; i++)
        p->b[i] = (int8_t)draw_byte(draw == ABOUT                       ? (i % 9 ? MOST : LEAST)
                                    : draw == OPPOSITE || draw == SMALL ? LEAST
                                                                        : draw,
                                    true);
    make_rows(p, draw);
}

/* The sum without what the kernel adds to A. */
static int32_t naive(const struct problem *p, int i, int j)
{
    int32_t sum = 0;
    for (int t = 0; t < p->taps; t++)
        for (int l = 0; l < p->k; l++) {
            uint8_t x = ((const uint8_t *)p->a[i])[p->tap[t] + l];
            sum += (p->is_signed ? (int8_t)x : x) * p->b[(p->b_tap[t] * p->k + l) * p->n + j];
        }
    return sum;
}

/* Biases that take off what the kernel adds, and something beside. */
static void make_bias(const struct problem *p, int offset, int32_t *bias, int32_t *own)
{
    for (int j = 0; j < p->n; j++) {
        uint32_t sum = 0;
        for (int i = 0; i < p->taps * p->k; i++)
            sum += (uint32_t)(offset * p->b[(p->b_tap[i / p->k] * p->k + i % p->k) * p->n + j]);
        own[j] = (int32_t)(guard_random() % 20000) - 10000;
        bias[j] = (int32_t)((uint32_t)own[j] - sum);
    }
}

/* Sums of bytes that are rounded so, by operations that are exact, as check_sums() of test_bytes.c has. */
static struct kernel_sum_q8 make_sum(const struct kernel_rounding *r)
{
    return (struct kernel_sum_q8){.turn = (int)r->low + r->zero < 0 ? 0x80 : 0,
                                  .a_factor = (float)(guard_random() % 400) / 64,
                                  .b_factor = (float)(guard_random() % 400) / -64,
                                  .shift = (float)(guard_random() % 9999) / 64,
                                  .rounding = {-3, 250, 3}};
}

/* The byte that the sum makes of a product's. */
static uint8_t summed(const struct kernel_gemm *g, int i, int j, uint8_t byte)
{
    const struct kernel_sum_q8 *s = g->to.sum;
    uint8_t a = byte ^ s->turn, b = ((const uint8_t *)g->to.add[i])[j] ^ s->turn;
    float real = s->a_factor * (float)a + (s->b_factor * (float)b + s->shift);
    return (uint8_t)((int)fminf(fmaxf(nearbyintf(real), s->rounding.low), s->rounding.high) + s->rounding.zero);
}

static void check_element(const struct kernels *k, const struct problem *p, const struct kernel_gemm *g, int i, int j,
                          int32_t sum)
{
    const struct kernel_rounding *r = &g->to.rounding;
    if (g->to.c == KERNEL_S32) {
        int32_t got = ((const int32_t *)g->c[i])[j];
        CHECK_MSG(got == sum, "%s m %d n %d taps %d k %d signed %d: c[%d][%d] %d, want %d", k->isa, p->m, p->n, p->taps,
                  p->k, p->is_signed, i, j, got, sum);
        return;
    }
    float real = (float)sum * g->to.multiplier[j];
    if (g->to.shift)
        real += g->to.shift[j];
    if (g->to.c == KERNEL_F32) {
        CHECK_MSG(((const float *)g->c[i])[j] == fminf(fmaxf(real, r->low), r->high), "%s: c[%d][%d] of floats", k->isa,
                  i, j);
        return;
    }
    float q = fminf(fmaxf(nearbyintf(real), r->low), r->high);
    uint8_t made = (uint8_t)((int)q + r->zero), want = g->to.sum ? summed(g, i, j, made) : made,
            got = ((const uint8_t *)g->c[i])[j];
    CHECK_MSG(got == want, "%s m %d n %d taps %d k %d: c[%d][%d] %d, want %d of %g", k->isa, p->m, p->n, p->taps, p->k,
              i, j, got, want, (double)real);
}

static void run_problem(const struct kernels *k, const struct problem *p)
{
    static const enum kernel_type types[] = {KERNEL_U8, KERNEL_U8, KERNEL_S32, KERNEL_F32};
    static const struct kernel_rounding roundings[] = {
        {-7, 248, 7}, {0, 255, 0}, {-3, 100, 3}, {0, 60, -128}, {-128, 127, 0}};
    const struct kernel_product *product = p->is_signed ? k->gemm_s8 : k->gemm_u8;
    if (p->is_small && k->gemm_small)
        product = k->gemm_small + p->is_signed + 2 * (p->zero > 0 && (p->n - 1) % k->gemm_small->nr >= k->vector);
    size_t taps = (size_t)p->taps, depth = (size_t)p->k,
           bytes = kernel_product_packed(product, (size_t)p->b_taps, depth, (size_t)p->n),
           rest = kernel_product_scratch(product, (size_t)p->m, taps, depth);
    int32_t bias[MAX_N], own[MAX_N], row_bias[MAX_M], *bias_end = (int32_t *)(void *)words.end - p->n;
    float *multiplier = (float *)(void *)words.start, *shift = multiplier + p->n;
    void *c[MAX_M];
    struct kernel_gemm g = {.a = p->a, .tap = p->tap, .taps = p->taps, .k = p->k, .c = c, .m = p->m, .n = p->n};
    g.b_tap = p->is_mapped ? p->b_tap : NULL;
    g.b_taps = p->b_taps;
    g.to.a_zero = p->zero - (p->is_signed ? 128 : 0);
    make_bias(p, product->about ? -g.to.a_zero : product->a_offset, bias, own);
    memcpy(bias_end, bias, sizeof *bias * (size_t)p->n);
    for (int i = 0; i < p->m; i++)
        row_bias[i] = (int32_t)(guard_random() % 20000) - 10000;
    for (int j = 0; j < p->n; j++)
        multiplier[j] = guard_random_float(0.01f);
    for (int j = 0; j < p->n; j++)
        shift[j] = guard_random_float(30);
    int8_t *b = (int8_t *)packed.end - bytes;
    product->pack(b, p->b, p->b_taps, (ptrdiff_t)p->k * p->n, p->k, p->n, p->n, 1);
    g.b = b;
    g.scratch = scratch.end - (rest + 63) / 64 * 64;
    g.to.bias = bias_end;
    g.to.row_bias = guard_random() % 2 ? row_bias : NULL;
    g.to.multiplier = multiplier;
    g.to.shift = guard_random() % 2 ? shift : NULL;
    g.to.c = types[guard_random() % 4];
    g.to.rounding = roundings[guard_random() % 5];
    const struct kernel_sum_q8 sum = make_sum(&g.to.rounding);
    const void *add[MAX_M];
    uint8_t *others = more.end - p->m * p->n;
    for (int i = 0; i < p->m * p->n; i++)
        others[i] = (uint8_t)guard_random();
    for (int i = 0; i < p->m; i++)
        add[i] = others + (p->m - 1 - i) * p->n;
    if (product->sums && g.to.c == KERNEL_U8 && p->n % (2 * k->vector) == 0 && guard_random() % 2) {
        g.to.sum = &sum;
        g.to.add = add;
    }
    size_t size = kernel_type_size(g.to.c), row = (size_t)p->n * size + 8;
    unsigned char *out = guard_out(outputs, row * (size_t)p->m, 0);
    for (int i = 0; i < p->m; i++)
        c[i] = out + (size_t)i * row;
    product->run(&g);
    if (product->leave)
        product->leave();
    CHECK_MSG(guard_intact(outputs, out, row * (size_t)p->m), "%s: written before C", k->isa);
    for (int i = 0; i < p->m; i++) {
        for (int j = 0; j < p->n; j++)
            check_element(k, p, &g, i, j, naive(p, i, j) + own[j] + (g.to.row_bias ? row_bias[i] : 0));
        for (size_t j = row - 8; j < row; j++)
            CHECK_MSG(out[(size_t)i * row + j] == 0xa5, "%s n %d: written behind row %d", k->isa, p->n, i);
    }
}

static int random_to(int most)
{
    return 1 + (int)(guard_random() % (unsigned)most);
}

static enum draw any_or_small(void)
{
    static const enum draw draws[] = {ANY, ANY, SMALL, ABOUT};
    return draws[guard_random() % 4];
}

static void every_tile(void)
{
    const struct kernels *k;
    for (int l = 0; (k = guard_level(&l));)
        for (int m = 1; m <= k->gemm_u8->mr; m++)
            for (int n = 1; n <= k->gemm_u8->nr; n++) {
                int before = (int)(guard_random() % 3) * k->gemm_u8->nr;
                make_problem(&problem, m, before + n, random_to(3), random_to(40), any_or_small());
                run_problem(k, &problem);
            }
}

static void every_depth(void)
{
    const struct kernels *k;
    for (int l = 0; (k = guard_level(&l));)
        for (int taps = 1; taps <= MAX_TAPS; taps += 2)
            for (int depth = 1; depth <= 70; depth++) {
                make_problem(&problem, random_to(k->gemm_u8->mr), random_to(k->gemm_u8->nr), taps, depth,
                             any_or_small());
                run_problem(k, &problem);
            }
}

/* Parts of a transposed convolution that no tap reaches: biases alone. */
static void no_taps(void)
{
    const struct kernels *k;
    for (int l = 0; (k = guard_level(&l));)
        for (int m = 1; m <= k->gemm_u8->mr; m++) {
            make_problem(&problem, m, random_to(2 * k->gemm_u8->nr), 0, random_to(70), ANY);
            run_problem(k, &problem);
        }
}

/* Rows of many blocks, whole or up to 3 elements short of it, or of any length. */
static void deep(void)
{
    const struct kernels *k;
    for (int l = 0; (k = guard_level(&l));)
        for (int round = 0; round < 100; round++) {
            int lacking = (int)(guard_random() % 4),
                depth = guard_random() % 2 ? 64 * random_to(MAX_K / 64) - lacking : random_to(MAX_K);
            make_problem(&problem, random_to(k->gemm_u8->mr), random_to(2 * k->gemm_u8->nr), random_to(MAX_TAPS), depth,
                         any_or_small());
            run_problem(k, &problem);
        }
}

/* What saturates in 16 bits. */
static void extremes(void)
{
    const struct kernels *k;
    for (int l = 0; (k = guard_level(&l));)
        for (int draw = LEAST; draw < DRAWS; draw++)
            for (int round = 0; round < 8; round++) {
                make_problem(&problem, k->gemm_u8->mr, k->gemm_u8->nr + 1, 2, MAX_K - round, (enum draw)draw);
                run_problem(k, &problem);
            }
}

/* The oracle's own packing and offset. */
static void oracle(void)
{
    const struct kernels *ref = kernel_reference();
    for (int round = 0; round < 200; round++) {
        make_problem(&problem, random_to(ref->gemm_u8->mr), random_to(20), random_to(3), random_to(20), ANY);
        run_problem(ref, &problem);
    }
}

int main(void)
{
    guard_say_lacking();
    rows = guard_new(MAX_M * (1 + MAX_BORDER) * (MAX_K + 40));
    packed = guard_new(MAX_TAPS * (MAX_K + 8) * (MAX_N + 64));
    outputs = guard_new(MAX_M * (MAX_N * 4 + 8));
    words = guard_new(MAX_N * 12);
    more = guard_new(MAX_M * MAX_N);
    scratch = guard_new(MAX_M * MAX_TAPS * (MAX_K + 64) * 2 + 64);
    RUN(every_tile);
    RUN(every_depth);
    RUN(no_taps);
    RUN(deep);
    RUN(extremes);
    RUN(oracle);
    return TEST_END();
}
