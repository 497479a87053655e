/* Element by element kernels: ends, in place, special values, and that cutting a range changes no bit. */
#include "guard.h"

#define MAX_N 1100 /* more than a block of the kernels, which is 1024 */

static const float special[] = {0,      -0.0f,  NAN,   INFINITY,   -INFINITY,   1e-40f, -1e-40f, 3e38f,
                                -3e38f, 1,      -1,    0.5f,       -0.5f,       1.5f,   2.5f,    -2.5f,
                                88.7f,  -87.3f, 1e-7f, 8388609.0f, -8388607.5f, 1e9f,   2,       3};
#define SPECIALS (sizeof(special) / sizeof(*special))

static struct guard in_guard, b_guard, out_guard;
static float want[MAX_N];

/* Some parameters under which every activation is itself. */
static struct kernel_act act_of(enum kernel_act_kind kind)
{
    struct kernel_act act = {kind, 0.75f, 0.5f};
    if (kind == KERNEL_CLIP)
        act = (struct kernel_act){kind, -0.5f, 1.5f};
    return act;
}

static const size_t sizes[] = {1,  2,  3,  4,  5,  7,  8,  9,  11, 15,   16,   17,
                               23, 24, 25, 31, 32, 33, 63, 64, 67, 1023, 1025, MAX_N};
#define SIZES (sizeof(sizes) / sizeof(*sizes))

/* Tiny results may become zero, and infinities and NaN may not change places. */
static bool is_close(float got, float expected, float size)
{
    return guard_close(got, expected, 1e-6, fmax(fabsf(size), 1e-30)) || (fabsf(expected) < 1e-35f && got == 0);
}

static void check_unary(const struct kernels *k, enum kernel_act_kind kind, size_t n, size_t behind)
{
    struct kernel_act act = act_of(kind);
    float *in = guard_floats(in_guard, n), *out = guard_out(out_guard, n * sizeof(float), behind);
    guard_fill(in, n, 20);
    k->unary_f32(out, in, n, act);
    CHECK_MSG(guard_intact(out_guard, out, n * sizeof(float)), "%s kind %d n %zu writes elsewhere", k->isa, kind, n);
    kernel_reference()->unary_f32(want, in, n, act);
    CHECK_CLOSE(out, want, n, 1e-6, 20, "%s kind %d n %zu", k->isa, kind, n);
    k->unary_f32(in, in, n, act);
    CHECK_MSG(memcmp(in, out, n * sizeof(float)) == 0, "%s kind %d n %zu in place", k->isa, kind, n);
}

static void unary(void)
{
    int next = 0;
    for (const struct kernels *k; (k = guard_level(&next));)
        for (int kind = 0; kind < KERNEL_ACT_KINDS; kind++)
            for (size_t i = 0; i < SIZES; i++)
                check_unary(k, kind, sizes[i], i % 5 * 4);
}

static void unary_special(void)
{
    int next = 0;
    float out[SPECIALS];
    for (const struct kernels *k; (k = guard_level(&next));)
        for (int kind = 0; kind < KERNEL_ACT_KINDS; kind++) {
            k->unary_f32(out, special, SPECIALS, act_of(kind));
            kernel_reference()->unary_f32(want, special, SPECIALS, act_of(kind));
            for (size_t i = 0; i < SPECIALS; i++)
                CHECK_MSG(is_close(out[i], want[i], special[i]), "%s kind %d of %g: got %g, want %g", k->isa, kind,
                          special[i], out[i], want[i]);
        }
}

/* A range of every kind, cut anywhere. */
static void cuts(void)
{
    int next = 0;
    enum { n = 67 };
    float in[n], whole[n], cut[n];
    for (const struct kernels *k; (k = guard_level(&next));)
        for (int kind = 0; kind < KERNEL_ACT_KINDS; kind++) {
            guard_fill(in, n, 9);
            in[5] = NAN;
            in[6] = 1e6f;
            k->unary_f32(whole, in, n, act_of(kind));
            for (size_t at = 0; at <= n; at++) {
                k->unary_f32(cut, in, at, act_of(kind));
                k->unary_f32(cut + at, in + at, n - at, act_of(kind));
                CHECK_MSG(memcmp(cut, whole, sizeof(whole)) == 0, "%s kind %d cut at %zu", k->isa, kind, at);
            }
        }
}

static void binary_operands(float *a, float *b, size_t n, enum kernel_binary op)
{
    guard_fill(a, n, 4);
    guard_fill(b, n, 4);
    for (size_t i = 0; op == KERNEL_POW && i < n; i++) {
        if (i % 3)
            a[i] = fabsf(a[i]);
        else
            b[i] = rintf(b[i]);
    }
}

static void check_binary(const struct kernels *k, enum kernel_binary op, int steps, enum kernel_act_kind kind, size_t n)
{
    struct kernel_act act = act_of(kind);
    int a_step = steps & 1, b_step = steps >> 1;
    float *a = guard_floats(in_guard, a_step ? n : 1), *b = guard_floats(b_guard, b_step ? n : 1);
    float *out = guard_out(out_guard, n * sizeof(float), n % 7 * 4), tolerance = op == KERNEL_POW ? 1e-5f : 1e-6f;
    binary_operands(a, b, a_step && b_step ? n : 1, op);
    guard_fill(a_step ? a : b, a_step || b_step ? n : 1, 4);
    k->binary_f32(op, out, a, a_step, b, b_step, n, act);
    CHECK_MSG(guard_intact(out_guard, out, n * sizeof(float)), "%s op %d n %zu writes elsewhere", k->isa, op, n);
    kernel_reference()->binary_f32(op, want, a, a_step, b, b_step, n, act);
    CHECK_CLOSE(out, want, n, tolerance, 4, "%s op %d steps %d act %d n %zu", k->isa, op, steps, kind, n);
    if (a_step || n == 1) {
        k->binary_f32(op, a, a, a_step, b, b_step, n, act);
        CHECK_MSG(memcmp(a, out, n * sizeof(float)) == 0, "%s op %d n %zu in place of a", k->isa, op, n);
    } else if (b_step) {
        k->binary_f32(op, b, a, a_step, b, b_step, n, act);
        CHECK_MSG(memcmp(b, out, n * sizeof(float)) == 0, "%s op %d n %zu in place of b", k->isa, op, n);
    }
}

static void binary(void)
{
    static const enum kernel_act_kind kinds[] = {KERNEL_NONE, KERNEL_RELU, KERNEL_SILU};
    int next = 0;
    for (const struct kernels *k; (k = guard_level(&next));)
        for (int op = 0; op < KERNEL_BINARIES; op++)
            for (int steps = 0; steps < 4; steps++)
                for (size_t i = 0; i < SIZES; i++)
                    check_binary(k, op, steps, kinds[(i + (size_t)steps) % 3], sizes[i]);
}

/* Every pair of special values; division is exact, powers follow C. */
static void binary_special(void)
{
    int next = 0;
    float out[SPECIALS];
    for (const struct kernels *k; (k = guard_level(&next));)
        for (int op = 0; op < KERNEL_BINARIES; op++)
            for (size_t j = 0; j < 2 * SPECIALS; j++) {
                float same[SPECIALS], b = special[j / 2];
                int step = j % 2; /* as a constant, and as as many elements */
                for (size_t i = 0; i < SPECIALS; i++)
                    same[i] = b;
                k->binary_f32(op, out, special, 1, step ? same : &b, step, SPECIALS, (struct kernel_act){0});
                kernel_reference()->binary_f32(op, want, special, 1, &b, 0, SPECIALS, (struct kernel_act){0});
                for (size_t i = 0; i < SPECIALS; i++)
                    CHECK_MSG(guard_close(out[i], want[i], op == KERNEL_POW ? 1e-6 : 0, 0x1p-149),
                              "%s op %d of %g, %g: got %g, want %g", k->isa, op, special[i], b, out[i], want[i]);
            }
}

/* A constant operand that lies in the output. */
static void overwritten_constant(void)
{
    int next = 0;
    float a[MAX_N], b[MAX_N];
    for (const struct kernels *k; (k = guard_level(&next));) {
        guard_fill(a, MAX_N, 3);
        guard_fill(b, MAX_N, 3);
        kernel_reference()->binary_f32(KERNEL_SUB, want, a, 0, b, 1, MAX_N, (struct kernel_act){0});
        k->binary_f32(KERNEL_SUB, a, a, 0, b, 1, MAX_N, (struct kernel_act){0});
        CHECK_CLOSE(a, want, (size_t)MAX_N, 0, 0, "%s", k->isa);
    }
}

static void power_accuracy(void)
{
    int next = 0;
    enum { n = 1000 };
    float a[n], b[n], out[n];
    for (const struct kernels *k; (k = guard_level(&next));)
        for (int round = 0; round < 20; round++) {
            for (int i = 0; i < n; i++) {
                a[i] = expf(guard_random_float(round * 4));
                b[i] = guard_random_float(round == 0 ? 1e8f : 80 / (float)round);
            }
            k->binary_f32(KERNEL_POW, out, a, 1, b, 1, n, (struct kernel_act){0});
            for (int i = 0; i < n; i++)
                CHECK_MSG(guard_close(out[i], (float)pow(a[i], b[i]), 1.3e-7, 0x1p-126),
                          "%s %.9g ^ %.9g: got %.9g, want %.9g", k->isa, a[i], b[i], out[i], pow(a[i], b[i]));
        }
}

static void check_scale_shift(const struct kernels *k, int given, struct kernel_act act, size_t n, size_t rows)
{
    size_t step = n + (given == 0), count = rows * step - (given == 0);
    float *in = guard_floats(in_guard, count), *scale = guard_floats(b_guard, 2 * n), *shift = scale + n;
    float *out = guard_out(out_guard, count * sizeof(float), n % 3 * 4);
    guard_fill(in, count, 3);
    guard_fill(scale, 2 * n, 3);
    memcpy(out, in, count * sizeof(float)); /* what lies between rows */
    memcpy(want, in, count * sizeof(float));
    struct kernel_scale_f32 s = {.out = out,
                                 .in = in,
                                 .out_step = (ptrdiff_t)step,
                                 .in_step = (ptrdiff_t)step,
                                 .rows = rows,
                                 .n = n,
                                 .scale = given & 1 ? scale : NULL,
                                 .shift = given & 2 ? shift : NULL,
                                 .below = given & 4,
                                 .act = act};
    k->scale_shift_f32(&s);
    CHECK_MSG(guard_intact(out_guard, out, count * sizeof(float)), "%s n %zu writes elsewhere", k->isa, n);
    s.out = want;
    kernel_reference()->scale_shift_f32(&s);
    CHECK_CLOSE(out, want, count, 1e-6, 10, "%s given %d act %d n %zu", k->isa, given, act.kind, n);
    s.out = in;
    k->scale_shift_f32(&s);
    CHECK_MSG(memcmp(in, out, count * sizeof(float)) == 0, "%s n %zu in place", k->isa, n);
}

static void scale_shift(void)
{
    int next = 0;
    for (const struct kernels *k; (k = guard_level(&next));)
        for (int given = 0; given < 4; given++)
            for (size_t i = 0; i < SIZES; i++) {
                size_t rows = sizes[i] < 100 ? 3 : 1;
                check_scale_shift(k, given, (struct kernel_act){KERNEL_NONE, 0, 0}, sizes[i], rows);
                check_scale_shift(k, given, (struct kernel_act){KERNEL_CLIP, -1, 2}, sizes[i], rows);
                check_scale_shift(k, given, (struct kernel_act){KERNEL_HARD_SWISH, 0, 0}, sizes[i], rows);
                check_scale_shift(k, 5, (struct kernel_act){given ? KERNEL_NONE : KERNEL_CLIP, -1, 2}, sizes[i], rows);
            }
}

static void scale_rows(void)
{
    int next = 0;
    for (const struct kernels *k; (k = guard_level(&next));)
        for (size_t n = 1; n < 50; n++) {
            float *in = guard_floats(in_guard, 5 * n), *scale = guard_floats(b_guard, 9);
            float *out = guard_out(out_guard, 5 * n * sizeof(float), 0);
            guard_fill(in, 5 * n, 3);
            guard_fill(scale, 9, 3);
            k->scale_rows_f32(out, in, scale, 2, 5, n);
            CHECK_MSG(guard_intact(out_guard, out, 5 * n * sizeof(float)), "%s n %zu writes elsewhere", k->isa, n);
            kernel_reference()->scale_rows_f32(want, in, scale, 2, 5, n);
            CHECK_MSG(memcmp(out, want, 5 * n * sizeof(float)) == 0, "%s n %zu", k->isa, n);
        }
}

/* No elements at all: nothing is touched. */
static void empty(void)
{
    int next = 0;
    for (const struct kernels *k; (k = guard_level(&next));) {
        float *end = guard_floats(in_guard, 0);
        k->unary_f32(end, end, 0, act_of(KERNEL_GELU));
        k->binary_f32(KERNEL_POW, end, end, 0, end, 0, 0, act_of(KERNEL_GELU));
        k->scale_shift_f32(&(struct kernel_scale_f32){.out = end, .in = end, .rows = 2, .act = act_of(KERNEL_GELU)});
    }
}

int main(void)
{
    in_guard = guard_new(MAX_N * sizeof(float));
    b_guard = guard_new(2 * MAX_N * sizeof(float));
    out_guard = guard_new(MAX_N * sizeof(float) + 64);
    RUN(unary);
    RUN(unary_special);
    RUN(cuts);
    RUN(binary);
    RUN(binary_special);
    RUN(overwritten_constant);
    RUN(power_accuracy);
    RUN(scale_shift);
    RUN(scale_rows);
    RUN(empty);
    return TEST_END();
}
