/* Products of f32 as sums of bfloat16's against gemm_f32: how exact they are, what is not finite, and how a call is
 * cut. */
#include "guard.h"

#define MAX_M 32
#define MAX_N 45
#define MAX_K 2000

static struct guard widened;
static float x[MAX_M * MAX_K], w[MAX_K * MAX_N], got[MAX_M * MAX_N], want[MAX_M * MAX_N];

static void run(const struct kernel_product *p, int first, int m, int n, int k, float *out)
{
    const ptrdiff_t none = 0;
    const void *a[MAX_M];
    void *c[MAX_M], *packed = aligned_alloc(64, kernel_product_packed(p, 1, (size_t)k, (size_t)n) / 64 * 64 + 64),
                    *scratch = aligned_alloc(64, kernel_product_scratch(p, (size_t)m, 1, (size_t)k) / 64 * 64 + 64);
    struct kernel_gemm g = {.tap = &none, .taps = 1, .k = k, .n = n, .a = a, .c = c, .scratch = scratch};
    p->pack(packed, w, 1, 0, k, n, n, 1);
    guard_panels(&g, p, packed, widened);
    for (int i = 0; i < m; i += g.m, g.fresh = false) {
        g.m = m - i < p->mr ? m - i : p->mr;
        for (int j = 0; j < g.m; j++) {
            a[j] = x + (ptrdiff_t)(first + i + j) * k;
            c[j] = out + (ptrdiff_t)(first + i + j) * n;
        }
        p->run(&g);
    }
    if (p->leave)
        p->leave();
    free(packed);
    free(scratch);
}

/* The largest error in parts of the sum of the products' magnitudes. */
static double worst(const float *out, int m, int n, int k)
{
    double most = 0;
    for (int i = 0; i < m; i++)
        for (int j = 0; j < n; j++) {
            double sum = 0, size = 0x1p-125;
            for (int l = 0; l < k; l++) {
                double product = (double)x[i * k + l] * (double)w[l * n + j];
                sum += product;
                size += fabs(product);
            }
            most = fmax(most, fabs(sum - (double)out[i * n + j]) / size);
        }
    return most;
}

/* Magnitudes between 1 and `size`, and the other way round where it is below 1. */
static void fill(float *p, int n, double size, bool positive)
{
    for (int i = 0; i < n; i++) {
        double power = (double)guard_random() / 0x1p32;
        p[i] = (float)(((double)guard_random_float(0.5f) + (positive ? 1.0 : 0)) * pow(size, power));
    }
}

/* Errors are at most twice those of gemm_f32, but for what products of parts leave out, below 2^-23 of each. */
static void exact(const struct kernels *k)
{
    static const int depths[] = {1, 2, 3, 15, 16, 17, 31, 32, 33, 64, 100, 577, MAX_K};
    static const double sizes[][2] = {{1, 1}, {1e4, 1e4}, {1e-4, 1e3}, {1e30, 1e-30}, {1e-30, 1e30}, {1e18, 1e18}};
    for (size_t d = 0; d < sizeof depths / sizeof *depths; d++)
        for (size_t s = 0; s < 2 * sizeof sizes / sizeof *sizes; s++) {
            int depth = depths[d], m = 1 + (int)(guard_random() % MAX_M), n = 1 + (int)(guard_random() % MAX_N);
            fill(x, m * depth, sizes[s / 2][0], s % 2);
            fill(w, n * depth, sizes[s / 2][1], s % 2);
            for (int i = 0; s % 2 == 0 && i + 1 < depth; i += 2) /* what cancels */
                for (int j = 0; j < n; j++)
                    w[(i + 1) * n + j] = -w[i * n + j] * (1 + guard_random_float(1e-3f));
            run(k->gemm_f32, 0, m, n, depth, want);
            run(k->gemm_split, 0, m, n, depth, got);
            double error = worst(got, m, n, depth), plain = worst(want, m, n, depth);
            CHECK_MSG(error <= 2 * plain + 0x1p-23, "m %d n %d k %d sizes %g %g: %g, gemm_f32 %g", m, n, depth,
                      sizes[s / 2][0], sizes[s / 2][1], error, plain);
        }
}

/* What is not finite, or would be as parts, gives what it gives in gemm_f32. */
static void not_finite(const struct kernels *k)
{
    static const float odd[] = {INFINITY, -INFINITY, NAN, 3.4e38f, -3.4e38f, 3.39e38f, 1e38f};
    const int m = MAX_M, n = MAX_N, depth = 70;
    uint32_t quiet = 0x7f800001; /* a NaN whose upper half is infinity's */
    float low;
    memcpy(&low, &quiet, sizeof low);
    for (int kind = 0; kind < 16; kind++) {
        float value = kind / 2 < 7 ? odd[kind / 2] : low;
        guard_fill(x, (size_t)(m * depth), 1);
        guard_fill(w, (size_t)(n * depth), 1);
        for (int i = 0; i < 5; i++)
            if (kind % 2)
                x[guard_random() % (unsigned)(m * depth)] = value;
            else
                w[guard_random() % (unsigned)(n * depth)] = value;
        run(k->gemm_f32, 0, m, n, depth, want);
        run(k->gemm_split, 0, m, n, depth, got);
        for (int i = 0; i < m * n; i++)
            CHECK_MSG(isfinite(want[i])
                          ? isfinite(got[i]) != 0
                          : memcmp(&got[i], &want[i], sizeof *got) == 0 || (isnan(got[i]) && isnan(want[i])),
                      "%g in %s, element %d: %g, want %g", (double)value, kind % 2 ? "x" : "w", i, (double)got[i],
                      (double)want[i]);
    }
}

/* The same bits for any number of rows in a call. */
static void cuts(const struct kernels *k)
{
    const int n = MAX_N, depth = 100;
    guard_fill(x, (size_t)(MAX_M * depth), 1);
    guard_fill(w, (size_t)(n * depth), 1);
    x[5] = INFINITY;
    run(k->gemm_split, 0, MAX_M, n, depth, want);
    for (int m = 1; m < MAX_M; m++) {
        memset(got, 0, sizeof got);
        run(k->gemm_split, 0, m, n, depth, got);
        run(k->gemm_split, m, MAX_M - m, n, depth, got);
        CHECK_MSG(memcmp(got, want, sizeof *got * (size_t)(MAX_M * n)) == 0, "%d rows and the others", m);
    }
}

/* Where it is chosen: not for few rows, nor for runs that would be filled up with many zeros. */
static void choice(const struct kernels *k)
{
    CHECK(kernel_gemm_split(k, 512, 1, 1024, 1024) == k->gemm_split);
    CHECK(kernel_gemm_split(k, 512, 9, 48, 64) == k->gemm_split);
    CHECK(!kernel_gemm_split(k, 16, 1, 1024, 1024));
    CHECK(!kernel_gemm_split(k, 512, 9, 40, 64));
    CHECK(!kernel_gemm_split(k, 512, 1, 1024, 16));
}

static void every_level(void)
{
    const struct kernels *k;
    for (int l = 0; (k = guard_level(&l));)
        if (k->gemm_split) {
            exact(k);
            not_finite(k);
            cuts(k);
            choice(k);
        }
}

int main(void)
{
    widened = guard_new((size_t)6 * (MAX_K + 32) * 64);
    guard_say_lacking();
    RUN(every_level);
    return TEST_END();
}
