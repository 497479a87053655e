/* Softmax and layer normalisation of every level. */
#include "guard.h"

#define MAX_N 18710

static struct guard in_guard, out_guard, scale_guard;
static float want[MAX_N];

static const size_t sizes[] = {1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 49, 64, 65, 197, 1000, MAX_N};
#define SIZES (sizeof(sizes) / sizeof(*sizes))

static void check_softmax(const struct kernels *k, size_t n, float size, bool logarithm)
{
    float *in = guard_floats(in_guard, n), *out = guard_out(out_guard, n * sizeof(float), n % 4 * 4);
    guard_fill(in, n, size);
    k->softmax_f32(out, in, n, logarithm);
    CHECK_MSG(guard_intact(out_guard, out, n * sizeof(float)), "%s n %zu writes elsewhere", k->isa, n);
    kernel_reference()->softmax_f32(want, in, n, logarithm);
    CHECK_CLOSE(out, want, n, 4e-6, logarithm ? size : 1e-30, "%s n %zu logarithm %d", k->isa, n, logarithm);
    k->softmax_f32(in, in, n, logarithm);
    CHECK_MSG(memcmp(in, out, n * sizeof(float)) == 0, "%s n %zu in place", k->isa, n);
}

static void softmax(void)
{
    int next = 0;
    for (const struct kernels *k; (k = guard_level(&next));)
        for (size_t i = 0; i < 2 * SIZES; i++) {
            check_softmax(k, sizes[i / 2], 5, i % 2);
            check_softmax(k, sizes[i / 2], 30, i % 2);
        }
}

/* Masked attention has rows with -inf; a row of nothing else, +inf or NaN is NaN all over. */
static void softmax_special(void)
{
    static const float values[] = {-INFINITY, INFINITY, NAN, 3e38f, -3e38f};
    int next = 0;
    enum { n = 37 };
    float in[n], out[n];
    for (const struct kernels *k; (k = guard_level(&next));)
        for (int v = 0; v < 5; v++)
            for (int from = 0; from < n; from++)
                for (int logarithm = 0; logarithm < 2; logarithm++) {
                    guard_fill(in, n, 1);
                    for (int i = from; i < (v % 2 ? from + 1 : n); i++)
                        in[i] = values[v];
                    k->softmax_f32(out, in, n, logarithm);
                    kernel_reference()->softmax_f32(want, in, n, logarithm);
                    CHECK_CLOSE(out, want, (size_t)n, 4e-6, logarithm, "%s %g from %d", k->isa, values[v], from);
                }
}

#define ROWS_MOST 19
#define GAP       3

static struct kernel_norm_f32 one_row(float *out, const float *in, size_t n, bool mean)
{
    return (struct kernel_norm_f32){.out = out, .in = in, .rows = 1, .n = n, .epsilon = 1e-5f, .mean = mean};
}

/* `offset` is the mean that the result must not feel. Rows are GAP apart, which is not written. */
static void check_layer_norm(const struct kernels *k, size_t n, int given, float offset)
{
    size_t rows = n > 200 ? 1 + n % 2 : 1 + n % ROWS_MOST, all = rows * (n + GAP) - GAP;
    float *in = guard_floats(in_guard, all), *scale = guard_floats(scale_guard, 2 * n), *shift = scale + n;
    float *out = guard_out(out_guard, all * sizeof(float), n % 4 * 4);
    struct kernel_norm_f32 d = one_row(out, in, n, given & 4);
    d.rows = (int64_t)rows;
    d.in_step = d.out_step = (ptrdiff_t)n + GAP;
    guard_fill(in, all, 2);
    for (size_t i = 0; i < all; i++)
        in[i] += offset;
    guard_fill(scale, 2 * n, 1);
    d.scale = given & 1 ? scale : NULL;
    d.shift = given & 2 ? shift : NULL;
    k->layer_norm_f32(&d);
    CHECK_MSG(guard_intact(out_guard, out, all * sizeof(float)), "%s n %zu writes elsewhere", k->isa, n);
    d.out = in;
    for (size_t i = 0; i < rows; i++, d.in += d.in_step) {
        float *row = out + (ptrdiff_t)i * d.out_step;
        struct kernel_norm_f32 one = d;
        one.rows = 1;
        one.out = want;
        kernel_reference()->layer_norm_f32(&one);
        CHECK_CLOSE(row, want, n, 3e-6, 1, "%s n %zu given %d offset %g", k->isa, n, given, offset);
        for (int j = 0; i + 1 < rows && j < GAP; j++)
            CHECK_MSG(((unsigned char *)(row + n + j))[0] == 0xa5, "%s n %zu writes between rows", k->isa, n);
    }
    d.in = in;
    k->layer_norm_f32(&d);
    for (size_t i = 0; i < rows; i++)
        CHECK_MSG(memcmp(in + i * (n + GAP), out + i * (n + GAP), n * sizeof(float)) == 0, "%s n %zu in place", k->isa,
                  n);
}

static void layer_norm(void)
{
    int next = 0;
    for (const struct kernels *k; (k = guard_level(&next));)
        for (size_t i = 0; i < SIZES; i++)
            for (int given = 0; given < 8; given++) {
                check_layer_norm(k, sizes[i], given, 0);
                check_layer_norm(k, sizes[i], given, 1000);
            }
}

/* Equal elements have variance zero, and NaN spreads. */
static void layer_norm_special(void)
{
    int next = 0;
    enum { n = 41 };
    float in[n], out[n];
    for (const struct kernels *k; (k = guard_level(&next));)
        for (int mean = 0; mean < 2; mean++) {
            for (int i = 0; i < n; i++)
                in[i] = 0.1f;
            struct kernel_norm_f32 d = one_row(out, in, n, mean), ref = one_row(want, in, n, mean);
            k->layer_norm_f32(&d);
            kernel_reference()->layer_norm_f32(&ref);
            CHECK_CLOSE(out, want, (size_t)n, 1e-6, 1, "%s mean %d", k->isa, mean);
            for (int i = 0; i < n; i++) {
                guard_fill(in, n, 1);
                in[i] = i % 2 ? NAN : INFINITY;
                k->layer_norm_f32(&d);
                kernel_reference()->layer_norm_f32(&ref);
                CHECK_CLOSE(out, want, (size_t)n, 1e-6, 1, "%s mean %d of %g", k->isa, mean, in[i]);
            }
        }
}

static void empty(void)
{
    int next = 0;
    float *end = guard_floats(in_guard, 0);
    for (const struct kernels *k; (k = guard_level(&next));) {
        k->softmax_f32(end, end, 0, false);
        k->softmax_f32(end, end, 0, true);
        for (int mean = 0; mean < 2; mean++) {
            struct kernel_norm_f32 d = one_row(end, end, 0, mean);
            d.scale = d.shift = end;
            k->layer_norm_f32(&d);
        }
    }
}

int main(void)
{
    in_guard = guard_new((2 * MAX_N + GAP) * sizeof(float));
    scale_guard = guard_new(2 * MAX_N * sizeof(float));
    out_guard = guard_new((2 * MAX_N + GAP) * sizeof(float) + 64);
    RUN(softmax);
    RUN(softmax_special);
    RUN(layer_norm);
    RUN(layer_norm_special);
    RUN(empty);
    return TEST_END();
}
