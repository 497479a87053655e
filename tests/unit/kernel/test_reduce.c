/* Reductions and blends of every level. */
#include "guard.h"

#define MAX_ROWS  30
#define MAX_C     300
#define MAX_WIDTH 4

static struct guard in_guard, out_guard, row_guard[MAX_ROWS];
static float want[MAX_WIDTH * (MAX_C + 2)];

static const size_t channels[] = {1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 64, 65, 127, 129, 130, 257, MAX_C};
#define CHANNELS (sizeof(channels) / sizeof(*channels))

/* Products stay in range. */
static float size_for(enum kernel_reduce op)
{
    return op == KERNEL_PROD ? 1.5f : 4;
}

/* Of results side by side; what lies between them stays as it is. */
static void check_rows(const struct kernels *k, enum kernel_reduce op, int rows, size_t n)
{
    const void *row[MAX_ROWS];
    int width = 1 + rows % MAX_WIDTH;
    size_t step = n - n / 3, apart = n + 2, all = (size_t)(width - 1) * apart + n;
    for (int r = 0; r < rows; r++) {
        float *p = guard_floats(row_guard[r], (size_t)(width - 1) * step + n);
        guard_fill(p, (size_t)(width - 1) * step + n, size_for(op));
        row[r] = p;
    }
    float *out = guard_out(out_guard, all * sizeof(float), n % 4 * 4);
    struct kernel_reduce_f32 d = {.op = op,
                                  .rows = rows,
                                  .width = width,
                                  .row = row,
                                  .step = (ptrdiff_t)step,
                                  .out_step = (ptrdiff_t)apart,
                                  .channels = n,
                                  .scale = 1 / (float)rows,
                                  .out = want};
    memcpy(want, out, all * sizeof(float));
    kernel_reference()->reduce_rows_f32(&d);
    d.out = out;
    k->reduce_rows_f32(&d);
    CHECK_MSG(guard_intact(out_guard, out, all * sizeof(float)), "%s op %d channels %zu writes elsewhere", k->isa, op,
              n);
    CHECK_CLOSE(out, want, all, 3e-6, op == KERNEL_PROD ? 0 : 1, "%s op %d rows %d channels %zu", k->isa, op, rows, n);
    for (float *gap = out + n; gap < out + all; gap += apart)
        CHECK_MSG(memcmp(gap, want + (gap - out), 2 * sizeof *gap) == 0, "%s op %d channels %zu writes between", k->isa,
                  op, n);
}

static void rows(void)
{
    static const int counts[] = {1, 2, 4, 9, 25, MAX_ROWS};
    int next = 0;
    for (const struct kernels *k; (k = guard_level(&next));)
        for (int op = 0; op < KERNEL_REDUCES; op++)
            for (size_t c = 0; c < CHANNELS; c++)
                for (size_t r = 0; r < sizeof(counts) / sizeof(*counts); r++)
                    check_rows(k, op, counts[r], channels[c]);
}

/* In two parts, of which the second goes on. The step is larger than the row, or negative. */
static void check_columns(const struct kernels *k, enum kernel_reduce op, size_t n, ptrdiff_t step)
{
    enum { height = 13, first = 5 };
    size_t span = (height - 1) * (size_t)labs(step) + n;
    float *in = guard_floats(in_guard, span), whole[MAX_C];
    guard_fill(in, span, size_for(op));
    if (step < 0)
        in += (height - 1) * -step;
    float *out = guard_out(out_guard, n * sizeof(float), n % 4 * 4);
    k->reduce_columns_f32(op, out, in, step, height, n, false);
    CHECK_MSG(guard_intact(out_guard, out, n * sizeof(float)), "%s op %d channels %zu writes elsewhere", k->isa, op, n);
    kernel_reference()->reduce_columns_f32(op, want, in, step, height, n, false);
    CHECK_CLOSE(out, want, n, 3e-6, op == KERNEL_PROD ? 0 : 1, "%s op %d channels %zu", k->isa, op, n);
    memcpy(whole, out, n * sizeof(float));
    k->reduce_columns_f32(op, out, in, step, first, n, false);
    k->reduce_columns_f32(op, out, in + first * step, step, height - first, n, true);
    CHECK_CLOSE(out, whole, n, 1e-6, op == KERNEL_PROD ? 0 : 4, "%s op %d channels %zu in two parts", k->isa, op, n);
}

static void columns(void)
{
    int next = 0;
    for (const struct kernels *k; (k = guard_level(&next));)
        for (int op = 0; op < KERNEL_REDUCES; op++)
            for (size_t c = 0; c < CHANNELS; c++) {
                check_columns(k, op, channels[c], (ptrdiff_t)channels[c]);
                check_columns(k, op, channels[c], (ptrdiff_t)channels[c] + 3);
                check_columns(k, op, channels[c], -(ptrdiff_t)channels[c]);
            }
}

/* How the channels are cut does not change a bit. */
static void cuts(void)
{
    enum { n = 150, height = 7 };
    static float in[height][n];
    int next = 0;
    guard_fill(in[0], height * n, 1);
    for (const struct kernels *k; (k = guard_level(&next));)
        for (int op = 0; op < KERNEL_REDUCES; op++)
            for (size_t at = 1; at < n; at += 7) {
                float whole[n], cut[n];
                k->reduce_columns_f32(op, whole, in[0], n, height, n, false);
                k->reduce_columns_f32(op, cut, in[0], n, height, at, false);
                k->reduce_columns_f32(op, cut + at, in[0] + at, n, height, n - at, false);
                CHECK_MSG(memcmp(cut, whole, sizeof(whole)) == 0, "%s op %d cut at %zu", k->isa, op, at);
            }
}

static void runs(void)
{
    int next = 0;
    for (const struct kernels *k; (k = guard_level(&next));)
        for (int op = 0; op < KERNEL_REDUCES; op++)
            for (size_t n = 0; n < 150; n++) {
                float *in = guard_floats(in_guard, n);
                guard_fill(in, n, 1);
                for (size_t i = 0; op == KERNEL_PROD && i < n; i++)
                    in[i] += in[i] < 0 ? -0.5f : 0.5f;
                float got = k->reduce_f32(op, in, n), expected = kernel_reference()->reduce_f32(op, in, n);
                CHECK_MSG(guard_close(got, expected, 1e-5, op == KERNEL_PROD ? 0 : 1),
                          "%s op %d n %zu: got %g, want %g", k->isa, op, n, got, expected);
            }
}

/* The mean of an image of one value, of which a single chain of additions would keep three digits. */
static void long_sums(void)
{
    enum { n = 1 << 17, width = 4 };
    float *in = malloc(n * width * sizeof *in), sum[width];
    int next = 0;
    for (int i = 0; i < n * width; i++)
        in[i] = 0.1f;
    for (const struct kernels *k; (k = guard_level(&next));) {
        float along = k->reduce_f32(KERNEL_SUM, in, n * width) / (n * width);
        CHECK_MSG(guard_close(along, 0.1f, 2e-5, 0), "%s: along a run %.9g", k->isa, (double)along);
        k->reduce_columns_f32(KERNEL_SUM, sum, in, width, n, width, false);
        CHECK_MSG(guard_close(sum[3] / n, 0.1f, 2e-5, 0), "%s: down the rows %.9g", k->isa, (double)(sum[3] / n));
    }
    free(in);
}

/* NaN anywhere gives NaN; infinities do what the operation says. */
static void special(void)
{
    static const float values[] = {NAN, INFINITY, -INFINITY};
    enum { n = 70 };
    int next = 0;
    float in[n];
    for (const struct kernels *k; (k = guard_level(&next));)
        for (int op = 0; op < KERNEL_REDUCES; op++)
            for (int i = 0; i < n; i++)
                for (int v = 0; v < 3; v++) {
                    guard_fill(in, n, 1);
                    in[i] = values[v];
                    CHECK(guard_close(k->reduce_f32(op, in, n), kernel_reference()->reduce_f32(op, in, n), 1e-5, 1));
                    float got, expected;
                    k->reduce_columns_f32(op, &got, in, 1, n, 1, false);
                    kernel_reference()->reduce_columns_f32(op, &expected, in, 1, n, 1, false);
                    CHECK_MSG(guard_close(got, expected, 1e-5, 1), "%s op %d of %g at %d: got %g", k->isa, op,
                              values[v], i, got);
                }
}

static void check_blend(const struct kernels *k, int count, size_t n)
{
    const float *row[MAX_ROWS];
    float weight[MAX_ROWS];
    for (int r = 0; r < count; r++) {
        float *p = guard_floats(row_guard[r], n);
        guard_fill(p, n, 1);
        row[r] = p;
    }
    guard_fill(weight, (size_t)count, 1);
    float *out = guard_out(out_guard, n * sizeof(float), n % 4 * 4);
    k->blend_f32(out, row, weight, count, n);
    CHECK_MSG(guard_intact(out_guard, out, n * sizeof(float)), "%s channels %zu writes elsewhere", k->isa, n);
    kernel_reference()->blend_f32(want, row, weight, count, n);
    CHECK_MSG(memcmp(out, want, n * sizeof *out) == 0, "%s rows %d channels %zu: other bits", k->isa, count, n);
}

static void blend(void)
{
    int next = 0;
    for (const struct kernels *k; (k = guard_level(&next));)
        for (size_t n = 1; n < 140; n++) {
            check_blend(k, 4, n);
            check_blend(k, 1 + (int)n % 5, n);
        }
}

int main(void)
{
    in_guard = guard_new(20 * MAX_C * sizeof(float));
    out_guard = guard_new(sizeof want + 64);
    for (int r = 0; r < MAX_ROWS; r++)
        row_guard[r] = guard_new(sizeof want);
    RUN(rows);
    RUN(columns);
    RUN(cuts);
    RUN(runs);
    RUN(long_sums);
    RUN(special);
    RUN(blend);
    return TEST_END();
}
