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

/* `offset` is the mean that the result must not feel. */
static void check_layer_norm(const struct kernels *k, size_t n, int given, float offset)
{
    float *in = guard_floats(in_guard, n), *scale = guard_floats(scale_guard, 2 * n), *shift = scale + n;
    float *out = guard_out(out_guard, n * sizeof(float), n % 4 * 4);
    bool mean = given & 4;
    guard_fill(in, n, 2);
    for (size_t i = 0; i < n; i++)
        in[i] += offset;
    guard_fill(scale, 2 * n, 1);
    scale = given & 1 ? scale : NULL;
    shift = given & 2 ? shift : NULL;
    k->layer_norm_f32(out, in, scale, shift, n, 1e-5f, mean);
    CHECK_MSG(guard_intact(out_guard, out, n * sizeof(float)), "%s n %zu writes elsewhere", k->isa, n);
    kernel_reference()->layer_norm_f32(want, in, scale, shift, n, 1e-5f, mean);
    CHECK_CLOSE(out, want, n, 3e-6, 1, "%s n %zu given %d offset %g", k->isa, n, given, offset);
    k->layer_norm_f32(in, in, scale, shift, n, 1e-5f, mean);
    CHECK_MSG(memcmp(in, out, n * sizeof(float)) == 0, "%s n %zu in place", k->isa, n);
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
            k->layer_norm_f32(out, in, NULL, NULL, n, 1e-5f, mean);
            kernel_reference()->layer_norm_f32(want, in, NULL, NULL, n, 1e-5f, mean);
            CHECK_CLOSE(out, want, (size_t)n, 1e-6, 1, "%s mean %d", k->isa, mean);
            for (int i = 0; i < n; i++) {
                guard_fill(in, n, 1);
                in[i] = i % 2 ? NAN : INFINITY;
                k->layer_norm_f32(out, in, NULL, NULL, n, 1e-5f, mean);
                kernel_reference()->layer_norm_f32(want, in, NULL, NULL, n, 1e-5f, mean);
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
        k->layer_norm_f32(end, end, end, end, 0, 1e-5f, true);
        k->layer_norm_f32(end, end, end, end, 0, 1e-5f, false);
    }
}

int main(void)
{
    in_guard = guard_new(MAX_N * sizeof(float));
    scale_guard = guard_new(2 * MAX_N * sizeof(float));
    out_guard = guard_new(MAX_N * sizeof(float) + 64);
    RUN(softmax);
    RUN(softmax_special);
    RUN(layer_norm);
    RUN(layer_norm_special);
    RUN(empty);
    return TEST_END();
}
