/* Steps of LSTM and GRU, and the product of one row, on every level. */
#include "guard.h"

#define MAX_N 130
#define GAP   3  /* floats between two gates */
#define BLOCK 16 /* units whose gates stand together, where that is not all of them */

static struct guard in_guard, gates_guard, peephole_guard, last_guard, h_guard, c_guard;
static float want_h[MAX_N], want_c[MAX_N];

/* Floats that n units take up, with gates `step` apart. */
static size_t room_of(size_t n, size_t gates, size_t step)
{
    return ((n - 1) / step + 1) * (gates - 1) * step + n;
}

/* The gates' last floats stand up to the guard. */
static struct kernel_rnn_f32 random_units(size_t n, size_t gates, size_t step)
{
    size_t floats = room_of(n, gates, step);
    float *in = guard_floats(in_guard, floats), *own = guard_floats(gates_guard, floats);
    guard_fill(in, floats, 3);
    guard_fill(own, floats, 3);
    return (struct kernel_rnn_f32){.in = in, .gates = own, .step = (ptrdiff_t)step, .n = n};
}

static void check_lstm(const struct kernels *k, size_t n, size_t step, bool with_peephole, float clip)
{
    size_t size = n * sizeof(float), peepholes = room_of(n, 3, step);
    struct kernel_rnn_f32 r = random_units(n, 4, step), want;
    float *peephole = guard_floats(peephole_guard, peepholes);
    r.h = guard_out(h_guard, size, 0);
    r.c = guard_out(c_guard, size, 4);
    r.clip = clip;
    guard_fill(peephole, peepholes, 1);
    r.peephole = with_peephole ? peephole : NULL;
    guard_fill(r.c, n, 3);
    memcpy(want_c, r.c, size);
    want = r;
    want.h = want_h;
    want.c = want_c;
    k->lstm_cell_f32(&r);
    CHECK_MSG(guard_intact(h_guard, r.h, size) && guard_intact(c_guard, r.c, size), "%s n %zu writes elsewhere", k->isa,
              n);
    kernel_reference()->lstm_cell_f32(&want);
    CHECK_CLOSE(r.h, want_h, n, 2e-6, 1, "%s n %zu h", k->isa, n);
    CHECK_CLOSE(r.c, want_c, n, 2e-6, 1, "%s n %zu c", k->isa, n);
}

static void lstm(void)
{
    int next = 0;
    for (const struct kernels *k; (k = guard_level(&next));)
        for (size_t n = 1; n <= MAX_N; n += n < 40 ? 1 : 15) {
            check_lstm(k, n, n + GAP, false, 0);
            check_lstm(k, n, n + GAP, true, 0);
            check_lstm(k, n, BLOCK, true, 1.5f);
        }
}

/* Quantised networks give the same bits wherever multiply-adds are fused, those with recurrent layers too. */
static void lstm_same_bits(void)
{
    enum { N = 61 };
    struct kernel_rnn_f32 r = random_units(N, 4, N + GAP);
    int next = 0, levels = 0;
    for (const struct kernels *k; (k = guard_level(&next));) {
        if (strcmp(k->isa, "generic") == 0)
            continue;
        r.h = guard_out(h_guard, N * sizeof(float), 0);
        r.c = guard_out(c_guard, N * sizeof(float), 4);
        for (int i = 0; i < N; i++)
            r.c[i] = (float)i / N - 0.5f;
        k->lstm_cell_f32(&r);
        if (levels++ == 0) {
            memcpy(want_h, r.h, N * sizeof(float));
            memcpy(want_c, r.c, N * sizeof(float));
        }
        CHECK_MSG(memcmp(r.h, want_h, N * sizeof(float)) == 0 && memcmp(r.c, want_c, N * sizeof(float)) == 0, "%s",
                  k->isa);
    }
}

/* Gates in ONNX's order, by their effect; NaN comes through. */
static void lstm_by_hand(void)
{
    static const float zeros[4];
    int next = 0;
    for (const struct kernels *k; (k = guard_level(&next));) {
        float h, c = 2;
        struct kernel_rnn_f32 r = {.gates = zeros, .step = 1, .n = 1, .h = &h, .c = &c};
        /* Keep the cell, open the output. */
        r.in = (const float[]){-100, 100, 100, 100};
        k->lstm_cell_f32(&r);
        CHECK(guard_close(c, 2, 1e-6, 0) && guard_close(h, tanh(2), 1e-6, 0));
        /* Take the new cell, shut the output. */
        r.in = (const float[]){100, -100, -100, 0.5f};
        k->lstm_cell_f32(&r);
        CHECK(guard_close(c, tanh(0.5), 1e-6, 0) && fabsf(h) < 1e-30f);
        r.in = (const float[]){NAN, 0, 0, 0};
        r.clip = 1;
        k->lstm_cell_f32(&r);
        CHECK(isnan(c) && isnan(h));
    }
}

typedef void cell_fn(const struct kernel_rnn_f32 *r);

static void check_gru(const char *isa, cell_fn *cell, cell_fn *reference, size_t n, bool is_reset, float clip)
{
    size_t size = n * sizeof(float);
    struct kernel_rnn_f32 r = random_units(n, 3, is_reset ? BLOCK : n + GAP), want;
    float *last = guard_floats(last_guard, n);
    guard_fill(last, n, 1);
    r.last = last;
    r.is_reset = is_reset;
    r.clip = clip;
    r.h = guard_out(h_guard, size, n % 4 * 4);
    want = r;
    want.h = want_h;
    cell(&r);
    CHECK_MSG(guard_intact(h_guard, r.h, size), "%s n %zu writes elsewhere", isa, n);
    reference(&want);
    CHECK_CLOSE(r.h, want_h, n, 2e-6, 1, "%s n %zu", isa, n);
    memcpy(want_h, r.h, size);
    r.h = last;
    cell(&r);
    CHECK_MSG(memcmp(r.h, want_h, size) == 0, "%s n %zu in place", isa, n);
}

static void gru(void)
{
    const struct kernels *ref = kernel_reference();
    int next = 0;
    for (const struct kernels *k; (k = guard_level(&next));)
        for (size_t n = 1; n <= MAX_N; n += n < 40 ? 1 : 15)
            for (int i = 0; i < 4; i++) {
                check_gru(k->isa, k->gru_cell_f32, ref->gru_cell_f32, n, i & 1, i & 2 ? 1.5f : 0);
                check_gru(k->isa, k->gru_reset_f32, ref->gru_reset_f32, n, i & 1, i & 2 ? 1.5f : 0);
            }
}

static void check_gemv(const struct kernels *k, int depth, int n, bool with_bias)
{
    ptrdiff_t step = n + GAP;
    size_t size = (size_t)n * sizeof(float), floats = (size_t)((depth - 1) * step + n);
    float *b = guard_floats(in_guard, floats), *a = guard_floats(gates_guard, (size_t)depth);
    float *bias = with_bias ? guard_floats(peephole_guard, (size_t)n) : NULL, *c = guard_out(h_guard, size, 4);
    guard_fill(b, floats, 1);
    guard_fill(a, (size_t)depth, 1);
    if (bias)
        guard_fill(bias, (size_t)n, 1);
    k->gemv_f32(c, a, depth, b, step, n, bias);
    CHECK_MSG(guard_intact(h_guard, c, size), "%s %dx%d writes elsewhere", k->isa, depth, n);
    kernel_reference()->gemv_f32(want_h, a, depth, b, step, n, bias);
    CHECK_CLOSE(c, want_h, (size_t)n, 2e-6, 1, "%s %dx%d", k->isa, depth, n);
}

static void gemv(void)
{
    int next = 0;
    for (const struct kernels *k; (k = guard_level(&next));)
        for (int n = 1; n <= MAX_N; n += n < 40 ? 1 : 15)
            for (int i = 0; i < 2; i++) {
                check_gemv(k, 1, n, i);
                check_gemv(k, 37, n, i);
            }
}

int main(void)
{
    size_t room = 40 * (MAX_N + GAP) * sizeof(float);
    in_guard = guard_new(room);
    gates_guard = guard_new(room);
    peephole_guard = guard_new(room);
    last_guard = guard_new(MAX_N * sizeof(float));
    h_guard = guard_new(MAX_N * sizeof(float) + 64);
    c_guard = guard_new(MAX_N * sizeof(float) + 64);
    RUN(lstm);
    RUN(lstm_same_bits);
    RUN(lstm_by_hand);
    RUN(gru);
    RUN(gemv);
    return TEST_END();
}
