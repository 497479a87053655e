/* What the kernels reach on this processor: GMAC/s and the share of the peak, a line a level, kernel and shape. No
 * test: it is for who changes a kernel. `kernels LEVEL` for one level. Times are a thread's own, the best of many, so
 * that a busy machine disturbs little. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cpu.h"
#include "base/mem.h"
#include "kernel/kernel.h"

#define ROUNDS 40
#define COLD   ((size_t)64 << 20) /* bytes of weights that are taken in turn, so that each is out of the caches */

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Aligned as the library's arrays are. */
static float *floats(size_t n)
{
    float *p = aligned_alloc(64, (n * sizeof *p + 63) / 64 * 64);
    if (!p) {
        perror("aligned_alloc");
        exit(1);
    }
    for (size_t i = 0; i < n; i++)
        p[i] = (float)(i % 17) / 16;
    return p;
}

typedef void body_fn(void *args, int round);

/* Multiply-adds per nanosecond of the best of ROUNDS, each of about a millisecond at 50 GMAC/s. */
static double best_rate(body_fn *body, void *args, double macs)
{
    double best = 0;
    int repeat = (int)(5e7 / macs) + 1, count = 0;
    for (int i = 0; i < ROUNDS; i++) {
        double start = now();
        for (int j = 0; j < repeat; j++)
            body(args, count++);
        double rate = macs * repeat / (now() - start) * 1e-9;
        best = rate > best ? rate : best;
    }
    return best;
}

/* ---- products ---- */

struct product {
    const struct kernel_product *of;
    int m, depth, n, copies;
    char *a, *b, *c;
    size_t b_bytes;
    void *scratch;
    struct kernel_epilogue to;
};

static void multiply(void *args, int round)
{
    const struct product *p = args;
    const void *a[KERNEL_GEMM_MR_MAX];
    void *c[KERNEL_GEMM_MR_MAX];
    const ptrdiff_t tap = 0;
    int tiles = (p->m + p->of->mr - 1) / p->of->mr;
    struct kernel_gemm g = {
        .a = a, .tap = &tap, .taps = 1, .k = p->depth, .c = c, .n = p->n, .to = p->to, .scratch = p->scratch};
    g.b = p->b + (size_t)(round % p->copies) * p->b_bytes;
    size_t a_row = (size_t)p->depth * kernel_type_size(p->of->a), c_row = (size_t)p->n * kernel_type_size(p->to.c);
    for (int i = 0, row = 0; i < tiles; i++) {
        for (g.m = 0; row < (int)((int64_t)p->m * (i + 1) / tiles); row++, g.m++) {
            a[g.m] = p->a + (size_t)row * a_row;
            c[g.m] = p->c + (size_t)row * c_row;
        }
        p->of->run(&g);
    }
}

static double time_product(const struct kernel_product *of, int m, int depth, int n, const struct kernel_epilogue *to,
                           bool cold)
{
    struct product p = {.of = of, .m = m, .depth = depth, .n = n, .copies = 1, .to = *to};
    p.b_bytes = kernel_product_packed(of, 1, (size_t)depth, (size_t)n);
    if (cold)
        p.copies = (int)(COLD / p.b_bytes) + 1;
    p.a = (char *)floats((size_t)m * (size_t)depth);
    p.b = (char *)floats(p.b_bytes * (size_t)p.copies / sizeof(float) + 1);
    p.c = (char *)floats((size_t)m * (size_t)n);
    p.scratch = floats(kernel_product_scratch(of, (size_t)of->mr, 1, (size_t)depth) / sizeof(float) + 1);
    p.to.multiplier = floats((size_t)n);
    double rate = best_rate(multiply, &p, (double)m * depth * n);
    free(p.a);
    free(p.b);
    free(p.c);
    free(p.scratch);
    free((void *)p.to.multiplier);
    return rate;
}

static const struct kernel_epilogue to_floats = {.act = {KERNEL_RELU, 0, 0}, .c = KERNEL_F32},
                                    to_bytes = {.c = KERNEL_U8, .rounding = {0, 255, 0}};

/* The peak: one tile whose operands stay in the first-level cache. */
static double peak_of(const struct kernels *k, const struct kernel_product *of, const struct kernel_epilogue *to)
{
    double peak = time_product(of, of->mr, 256, of->nr, to, false);
    printf("%s\t%s\tone tile, in cache\t%.1f\t100\n", k->isa, of->name, peak);
    return peak;
}

static void products(const struct kernels *k, const struct kernel_product *of, const struct kernel_epilogue *to,
                     double peak)
{
    static const int shapes[][3] = {{3136, 64, 256}, {784, 512, 128}, {196, 256, 1024}, {49, 2048, 512},
                                    {12544, 32, 16}, {3136, 24, 144}, {196, 2304, 256}, {1, 1024, 1024}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (int cold = 0; cold < 2; cold++) {
            const int *s = shapes[i];
            double rate = time_product(of, s[0], s[1], s[2], to, cold);
            printf("%s\t%s%s\t%dx%dx%d\t%.1f\t%.0f\n", k->isa, of->name, cold ? ", cold" : "", s[0], s[1], s[2], rate,
                   100 * rate / peak);
        }
}

static void activations(const struct kernels *k, double peak)
{
    static const struct {
        const char *name;
        struct kernel_act act;
    } acts[] = {{"none", {KERNEL_NONE, 0, 0}},
                {"LeakyRelu", {KERNEL_LEAKY_RELU, 0.1f, 0}},
                {"HardSwish", {KERNEL_HARD_SWISH, 0, 0}},
                {"Swish", {KERNEL_SILU, 1, 0}},
                {"Gelu", {KERNEL_GELU, 0, 0}}};
    for (size_t i = 0; i < sizeof acts / sizeof *acts; i++) {
        const struct kernel_epilogue to = {.act = acts[i].act, .c = KERNEL_F32};
        double rate = time_product(k->gemm_f32, 56, 64, 64, &to, false);
        printf("%s\tgemm_f32, %s\t56x64x64\t%.1f\t%.0f\n", k->isa, acts[i].name, rate, 100 * rate / peak);
    }
}

/* ---- depthwise ---- */

static void rows(void *args, int round)
{
    const struct kernel_depthwise_f32 *d = ((void **)args)[1];
    (void)round;
    ((const struct kernels *)((void **)args)[0])->depthwise_f32(d);
}

/* Of the result, as executors ask for them together; and those that they are made of, at most. */
#define ROWS      4
#define ROWS_MOST 16

static void depthwise(const struct kernels *k, double peak)
{
    static const int shapes[][4] = {/* width, channels, kernel, stride */ {112, 32, 3, 1},
                                    {56, 144, 3, 1},
                                    {56, 144, 3, 2},
                                    {14, 576, 3, 1},
                                    {28, 240, 5, 1}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        const int *s = shapes[i];
        size_t row_floats = (size_t)s[0] * (size_t)s[1];
        float *x = floats(row_floats * ROWS_MOST), *out = floats(row_floats * ROWS),
              *w = floats(kernel_depthwise_packed(k, (size_t)s[1], 1, (size_t)(s[2] * s[2])));
        const float *row[ROWS_MOST];
        for (int r = 0; r < s[2] + (ROWS - 1) * s[3]; r++)
            row[r] = x + (size_t)r * row_floats;
        struct kernel_depthwise_f32 d = {.row = row,
                                         .rows = ROWS,
                                         .row_step = s[3],
                                         .in_step = s[1],
                                         .out_step = s[1],
                                         .in_width = s[0],
                                         .channels = s[1],
                                         .kernel_h = s[2],
                                         .kernel_w = s[2],
                                         .stride = s[3],
                                         .dilation = 1,
                                         .pad_left = s[2] / 2,
                                         .weight = w,
                                         .out = out};
        d.width = s[0] / s[3];
        d.out_row = (ptrdiff_t)d.width * s[1];
        double rate = best_rate(rows, (void *[]){(void *)k, &d}, (double)ROWS * d.width * s[1] * s[2] * s[2]);
        printf("%s\tdepthwise_f32\t%dx%d k%d s%d\t%.1f\t%.0f\n", k->isa, s[0], s[1], s[2], s[3], rate,
               100 * rate / peak);
        free(x);
        free(out);
        free(w);
    }
}

int main(int argc, char **argv)
{
    printf("level\tkernel\tshape\tGMAC/s\t%% of peak\n");
    for (const struct kernels *const *k = kernel_levels(); *k; k++) {
        if (((*k)->needs & ~cpu_features()) != 0 || (argc > 1 && strcmp(argv[1], (*k)->isa) != 0))
            continue;
        double peak = peak_of(*k, (*k)->gemm_f32, &to_floats);
        products(*k, (*k)->gemm_f32, &to_floats, peak);
        activations(*k, peak);
        depthwise(*k, peak);
        const struct kernel_product *halves = kernel_gemm_16(*k, KERNEL_BF16);
        if (halves)
            products(*k, halves, &to_floats, peak_of(*k, halves, &to_floats));
        products(*k, (*k)->gemm_u8, &to_bytes, peak_of(*k, (*k)->gemm_u8, &to_bytes));
    }
    return 0;
}
