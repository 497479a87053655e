/* Kernels on bytes beside products, for every level of this processor, against the oracle: the same bytes, and nothing
 * touched beyond the operands. */
#include "guard.h"

#define MAX_CHANNELS 150
#define MAX_TAPS     130
#define MAX_WIDTH    11
#define MAX_ROWS     3
#define MAX_N        150
#define STRIPS       40

static struct guard inputs, others, factors, outputs;

static int random_to(int most)
{
    return 1 + (int)(guard_random() % (unsigned)most);
}

/* The last n bytes before the forbidden page, any. */
static uint8_t *random_bytes(struct guard g, size_t n)
{
    uint8_t *p = g.end - n;
    for (size_t i = 0; i < n; i++)
        p[i] = (uint8_t)guard_random();
    return p;
}

static struct kernel_rounding random_rounding(void)
{
    int zero = (int)(guard_random() % 256);
    return (struct kernel_rounding){(float)-zero, (float)(255 - zero), zero};
}

/* ---- depthwise ---- */

static void check_depthwise(const struct kernels *k, bool wide, int channels, int taps, int width)
{
    const struct kernel_depthwise *kernel = wide ? k->depthwise_q16 : k->depthwise_q8;
    static int16_t w[MAX_CHANNELS * MAX_TAPS];
    static int16_t packed[(MAX_CHANNELS + 64) * (MAX_TAPS + 3)];
    static int32_t bias[MAX_CHANNELS];
    static float multiplier[MAX_CHANNELS], shift[MAX_CHANNELS];
    static int32_t want[MAX_ROWS * MAX_WIDTH * MAX_CHANNELS];
    const enum kernel_type type = guard_random() % 3 ? KERNEL_U8 : KERNEL_S32;
    const ptrdiff_t size = (ptrdiff_t)kernel_type_size(type);
    ptrdiff_t tap[MAX_TAPS], last = 0;
    const struct kernels *ref = kernel_reference();
    const bool slides = taps == 9 && guard_random() % 2;
    for (int t = 0; t < taps; t++) {
        tap[t] = slides && t % 3 ? tap[t - 1] + channels : (ptrdiff_t)(guard_random() % 50);
        last = tap[t] > last ? tap[t] : last;
    }
    int rows = random_to(MAX_ROWS);
    ptrdiff_t x_step = random_to(3) * channels, x_row = width * x_step + (ptrdiff_t)(guard_random() % 20);
    size_t span = (size_t)(last + (rows - 1) * x_row + (width - 1) * x_step + channels),
           n = (size_t)(rows * width * channels * size);
    for (int i = 0; i < channels * taps; i++)
        w[i] = wide ? (int16_t)guard_random() : (int8_t)guard_random();
    for (int i = 0; i < channels; i++) {
        bias[i] = (int32_t)(guard_random() % 20000) - 10000;
        multiplier[i] = guard_random_float(wide ? 4e-5f : 0.01f);
        shift[i] = guard_random_float(20);
    }
    struct kernel_depthwise_q8 d = {.x = random_bytes(inputs, span),
                                    .tap = tap,
                                    .taps = taps,
                                    .x_step = x_step,
                                    .out_step = channels * size,
                                    .x_row = x_row,
                                    .out_row = width * channels * size,
                                    .rows = rows,
                                    .width = width,
                                    .channels = channels,
                                    .is_signed = guard_random() % 2,
                                    .weight = w,
                                    .to = {.bias = bias, .multiplier = multiplier, .rounding = random_rounding()},
                                    .out = (uint8_t *)want};
    d.to.c = type;
    d.to.shift = guard_random() % 2 ? shift : NULL;
    ref->depthwise_q8->run(&d);
    CHECK(kernel_depthwise_q8_packed(kernel, (size_t)channels, (size_t)taps) <= sizeof packed);
    kernel->pack(packed, w, channels, taps);
    d.weight = packed;
    d.out = guard_out(outputs, n, type == KERNEL_U8 ? guard_random() % 3 : 0);
    kernel->run(&d);
    CHECK_MSG(memcmp(d.out, want, n) == 0, "%s: %d channels, %d taps, width %d", k->isa, channels, taps, width);
    CHECK_MSG(guard_intact(outputs, d.out, n), "%s: written beyond", k->isa);
}

static void depthwise(void)
{
    const struct kernels *k;
    for (int l = 0; (k = guard_level(&l));)
        for (int channels = 1; channels <= MAX_CHANNELS; channels++)
            for (int round = 0; round < 4; round++)
                check_depthwise(k, round == 3, channels, round ? random_to(MAX_TAPS) : 9, random_to(MAX_WIDTH));
}

/* ---- element by element ---- */

static void check_output(const struct kernels *k, const char *what, size_t n, const void *got, const void *want)
{
    CHECK_MSG(memcmp(got, want, n) == 0, "%s: %s, %zu bytes", k->isa, what, n);
    CHECK_MSG(guard_intact(outputs, got, n), "%s: %s wrote beyond", k->isa, what);
}

static void check_quantize(const struct kernels *k, size_t n)
{
    static const float scales[] = {0.1f, 0.0173f, -0.03f, 1e-12f, 3e11f, 0, 1e-42f};
    static const float odd[] = {NAN, INFINITY, -INFINITY, -0.0f, 0.05f, 0.15f, 1e30f};
    uint8_t want[MAX_N];
    float real[MAX_N], *in = guard_floats(inputs, n), scale = scales[guard_random() % 7];
    struct kernel_rounding r = random_rounding();
    struct kernel_byte of = {guard_random() % 2, (float)(guard_random() % 200), 0.02f};
    for (size_t i = 0; i < n; i++)
        in[i] = guard_random() % 8 ? guard_random_float(200 * scale) : odd[guard_random() % 7];
    kernel_reference()->quantize_8(want, in, n, scale, &r);
    uint8_t *out = guard_out(outputs, n, 0);
    k->quantize_8(out, in, n, scale, &r);
    check_output(k, "quantize", n, out, want);
    const uint8_t *bytes = random_bytes(inputs, n);
    kernel_reference()->dequantize_8(real, bytes, n, &of);
    float *numbers = guard_out(outputs, n * sizeof(float), 0);
    k->dequantize_8(numbers, bytes, n, &of);
    check_output(k, "dequantize", n * sizeof(float), numbers, real);
}

static void check_binary(const struct kernels *k, size_t n)
{
    uint8_t want[MAX_N];
    struct kernel_binary_q8 b = {.multiplies = guard_random() % 2,
                                 .a = random_bytes(inputs, n),
                                 .b = random_bytes(others, n),
                                 .a_step = 1,
                                 .b_step = guard_random() % 2,
                                 .a_of = {guard_random() % 2, 7, 0.03f},
                                 .b_of = {guard_random() % 2, -3, 0.05f},
                                 .scale = 0.07f,
                                 .rounding = random_rounding(),
                                 .out = want,
                                 .n = n};
    kernel_reference()->binary_q8(&b);
    b.out = guard_out(outputs, n, 0);
    k->binary_q8(&b);
    check_output(k, "binary", n, b.out, want);
}

/* Sums in place of their first operand, of factors with which both operations of one are exact: ties are met, too. */
static void check_sums(const struct kernels *k, size_t n)
{
    enum { ROWS = 5 };
    uint8_t want[ROWS][MAX_N];
    void *out[ROWS];
    const void *a[ROWS], *b[ROWS];
    const struct kernel_sum_q8 s = {guard_random() % 2 ? 0x80 : 0, (float)random_to(400) / 64,
                                    (float)random_to(400) / -64, (float)random_to(9999) / 64, random_rounding()};
    n = n / (2 * (size_t)k->vector) * 2 * (size_t)k->vector;
    if (!k->sum_rows_q8 || n == 0)
        return;
    struct kernel_rows_q8 rows = {out, a, b, random_to(ROWS)};
    uint8_t *all = random_bytes(inputs, ROWS * n), *more = random_bytes(others, ROWS * n);
    for (int i = 0; i < ROWS; i++) {
        a[i] = all + (size_t)i * n;
        b[i] = more + (size_t)i * n;
        out[i] = want[i];
    }
    kernel_reference()->sum_rows_q8(&s, &rows, n);
    uint8_t *got = guard_out(outputs, (size_t)rows.rows * n, 0);
    for (int i = 0; i < rows.rows; i++) {
        a[i] = out[i] = memcpy(got + (size_t)i * n, a[i], n);
    }
    k->sum_rows_q8(&s, &rows, n);
    for (int i = 0; i < rows.rows; i++)
        CHECK_MSG(memcmp(out[i], want[i], n) == 0, "%s: row %d of %d sums, %zu bytes", k->isa, i, rows.rows, n);
    CHECK_MSG(guard_intact(outputs, got, (size_t)rows.rows * n), "%s: sums wrote beyond", k->isa);
}

/* Rows with gaps between, whose last vectors overlap those before. */
static void check_lines(const struct kernels *k, size_t n)
{
    enum { ROWS = 5 };
    uint8_t want[ROWS * (MAX_N + 3)];
    float *factor = guard_floats(factors, n), *shift = guard_floats(others, n);
    if (!k->lines_q8 || n < 2 * (size_t)k->vector)
        return;
    for (size_t i = 0; i < n; i++) {
        factor[i] = ((float)random_to(400) - 200) / 64;
        shift[i] = ((float)random_to(9999) - 5000) / 64;
    }
    size_t step = n + guard_random() % 4, rows = (size_t)random_to(ROWS), size = (rows - 1) * step + n;
    struct kernel_lines_q8 l = {.in = random_bytes(inputs, size),
                                .out = memset(want, 0, sizeof want),
                                .in_step = (ptrdiff_t)step,
                                .out_step = (ptrdiff_t)step,
                                .rows = rows,
                                .n = n,
                                .turn = guard_random() % 2 ? 0x80 : 0,
                                .factor = factor,
                                .shift = shift,
                                .rounding = random_rounding()};
    kernel_reference()->lines_q8(&l);
    l.out = memset(guard_out(outputs, size, 0), 0, size);
    k->lines_q8(&l);
    check_output(k, "lines", size, l.out, want);
}

static void check_table(const struct kernels *k, size_t n)
{
    uint8_t want[MAX_N], table[256], turn = guard_random() % 2 ? 0x80 : 0;
    for (int i = 0; i < 256; i++)
        table[i] = (uint8_t)guard_random();
    const uint8_t *in = random_bytes(inputs, n);
    kernel_reference()->table_8(want, in, n, table, turn);
    uint8_t *out = guard_out(outputs, n, 0);
    k->table_8(out, in, n, table, turn);
    check_output(k, "table", n, out, want);
}

/* Also where both sums saturate. */
static void check_line(const struct kernels *k, size_t n)
{
    uint8_t want[MAX_N];
    const uint16_t factor = (uint16_t)guard_random(), plus = (uint16_t)guard_random(), minus = (uint16_t)guard_random();
    const struct kernel_line line = {guard_random() % 4 ? factor : 65535, guard_random() % 2 ? plus : 0,
                                     guard_random() % 2 ? minus : 0, guard_random() % 2 ? 0x80 : 0,
                                     guard_random() % 2 ? 0x80 : 0};
    const uint8_t *in = random_bytes(inputs, n);
    if (!k->line_8)
        return;
    kernel_reference()->line_8(want, in, n, &line);
    uint8_t *out = guard_out(outputs, n, 0);
    k->line_8(out, in, n, &line);
    check_output(k, "line", n, out, want);
}

static void check_interleave(const struct kernels *k, size_t n)
{
    uint8_t want[MAX_N * KERNEL_PLANES_MAX];
    size_t planes = 2 + guard_random() % (KERNEL_PLANES_MAX - 1), step = n + guard_random() % 5;
    const uint8_t *in = random_bytes(inputs, step * (planes - 1) + n);
    kernel_reference()->interleave_8(want, in, (ptrdiff_t)step, planes, n);
    uint8_t *out = guard_out(outputs, n * planes, 0);
    k->interleave_8(out, in, (ptrdiff_t)step, planes, n);
    check_output(k, "interleave", n * planes, out, want);
}

/* Rows with gaps between; what is between rows of `out` is 0. */
static struct kernel_strips_q8 random_strips(size_t n, uint8_t *out)
{
    size_t step = n + guard_random() % 4, rows = (size_t)random_to(guard_random() % 8 ? 3 : STRIPS);
    return (struct kernel_strips_q8){.out = memset(out, 0, (rows - 1) * step + n),
                                     .in = random_bytes(inputs, (rows - 1) * step + n),
                                     .out_step = (ptrdiff_t)step,
                                     .in_step = (ptrdiff_t)step,
                                     .rows = rows,
                                     .n = n};
}

static size_t strips_size(const struct kernel_strips_q8 *r)
{
    return (r->rows - 1) * (size_t)r->in_step + r->n;
}

/* Weights that fall from the largest byte's on, to 0 at once or hardly. */
static void check_softmax(const struct kernels *k, size_t n)
{
    static uint32_t weight[KERNEL_SOFTMAX_WEIGHTS];
    static uint8_t planes[3][KERNEL_SOFTMAX_WEIGHTS], want[STRIPS * (MAX_N + 3)];
    const double step = (double)random_to(1000) / (guard_random() % 2 ? 10000 : 100);
    if (n < 64 || !k->softmax_q8)
        return;
    for (int i = 0; i < 256; i++) {
        weight[i] = (uint32_t)(exp((i - 255) * step) * 0xffffff);
        for (int j = 0; j < 3; j++)
            planes[j][i] = (uint8_t)(weight[i] >> 8 * j);
    }
    const struct kernel_softmax_q8 s = {weight, planes[0], guard_random() % 2 ? 0x80 : 0,
                                        (float)random_to(999) / (guard_random() % 4 ? 256e3f : 1e6f),
                                        random_rounding()};
    struct kernel_strips_q8 r = random_strips(n, want);
    size_t size = strips_size(&r);
    uint8_t *in = inputs.end - size, most = (uint8_t)random_to(255);
    for (size_t i = 0; i < size; i++)
        in[i] = (uint8_t)(in[i] % most) ^ s.turn;
    kernel_reference()->softmax_q8(&r, &s);
    r.out = memset(guard_out(outputs, size, 0), 0, size);
    k->softmax_q8(&r, &s);
    check_output(k, "softmax", size, r.out, want);
}

static void check_norm(const struct kernels *k, size_t n)
{
    static uint8_t want[STRIPS * (MAX_N + 3)];
    float *factor = guard_floats(factors, n), *shift = guard_floats(others, n);
    if (n < 64 || !k->softmax_q8)
        return;
    guard_fill(factor, n, 60);
    guard_fill(shift, n, 60);
    const struct kernel_norm_q8 l = {.turn = guard_random() % 2 ? 0x80 : 0,
                                     .mean = guard_random() % 2,
                                     .zero = (float)(guard_random() % 256),
                                     .epsilon = guard_random_float(1) + 1.0,
                                     .factor = factor,
                                     .shift = shift,
                                     .rounding = random_rounding()};
    struct kernel_strips_q8 r = random_strips(n, want);
    size_t size = strips_size(&r);
    uint8_t *in = inputs.end - size, one = (uint8_t)n;
    for (size_t i = 0; i < n && guard_random() % 64; i++)
        in[i] = one;
    kernel_reference()->norm_q8(&r, &l);
    r.out = memset(guard_out(outputs, size, 0), 0, size);
    k->norm_q8(&r, &l);
    check_output(k, "normalisation", size, r.out, want);
}

/* Also of so many rows that their sums do not fit 16 bits. */
static void check_reduce(const struct kernels *k, size_t n)
{
    enum { DISTINCT = 9, MANY = 600 };
    uint8_t want[MAX_N * 4];
    const void *row[MANY];
    int rows = random_to(guard_random() % 8 ? DISTINCT : MANY), width = random_to(3);
    size_t step = n + guard_random() % 3, out_step = n + guard_random() % 2, size = (size_t)(width - 1) * out_step + n;
    uint8_t *all = random_bytes(inputs, (size_t)(DISTINCT + width - 2) * step + n);
    memset(want, 0, sizeof want);
    for (int i = 0; i < rows; i++)
        row[i] = all + (size_t)(i % DISTINCT) * step;
    struct kernel_reduce_q8 d = {.row = row,
                                 .rows = rows,
                                 .width = width,
                                 .step = (ptrdiff_t)step,
                                 .out_step = (ptrdiff_t)out_step,
                                 .channels = n,
                                 .is_signed = guard_random() % 2,
                                 .mean = guard_random() % 2,
                                 .bias = -1000,
                                 .multiplier = rows > DISTINCT ? 0.0023f : 0.13f,
                                 .rounding = random_rounding(),
                                 .out = want};
    kernel_reference()->reduce_rows_q8(&d);
    d.out = guard_out(outputs, size, 0);
    memset(d.out, 0, size);
    k->reduce_rows_q8(&d);
    check_output(k, d.mean ? "mean" : "largest", size, d.out, want);
}

static void elements(void)
{
    const struct kernels *k;
    for (int l = 0; (k = guard_level(&l));)
        for (size_t n = 1; n <= MAX_N; n++)
            for (int round = 0; round < 4; round++) {
                check_quantize(k, n);
                check_binary(k, n);
                check_sums(k, n);
                check_lines(k, n);
                check_reduce(k, n);
                check_table(k, n);
                check_line(k, n);
                check_softmax(k, n);
                check_norm(k, n);
                check_interleave(k, n);
            }
}

int main(void)
{
    inputs = guard_new(MAX_N * STRIPS + 4096);
    others = guard_new(MAX_N * 5);
    factors = guard_new(MAX_N * sizeof(float));
    outputs = guard_new(MAX_N * STRIPS * sizeof(int32_t));
    RUN(depthwise);
    RUN(elements);
    return TEST_END();
}
