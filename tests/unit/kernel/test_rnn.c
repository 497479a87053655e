/* Steps of LSTM and GRU on every level. */
#include "guard.h"

#define MAX_N 130

static struct guard in_guard, peephole_guard, h_guard, c_guard;
static float want_h[MAX_N], want_c[MAX_N];

static void check_lstm(const struct kernels *k, size_t n, bool with_peephole, float clip)
{
    float *gates = guard_floats(in_guard, 4 * n);
    float *peephole = with_peephole ? guard_floats(peephole_guard, 3 * n) : NULL;
    size_t size = n * sizeof(float);
    float *h = guard_out(h_guard, size, 0), *c = guard_out(c_guard, size, 4);
    guard_fill(gates, 4 * n, 6);
    guard_fill(c, n, 3);
    if (peephole)
        guard_fill(peephole, 3 * n, 1);
    memcpy(want_c, c, size);
    k->lstm_cell_f32(h, c, gates, peephole, clip, n);
    CHECK_MSG(guard_intact(h_guard, h, size) && guard_intact(c_guard, c, size), "%s n %zu writes elsewhere", k->isa, n);
    kernel_reference()->lstm_cell_f32(want_h, want_c, gates, peephole, clip, n);
    CHECK_CLOSE(h, want_h, n, 2e-6, 1, "%s n %zu h", k->isa, n);
    CHECK_CLOSE(c, want_c, n, 2e-6, 1, "%s n %zu c", k->isa, n);
}

static void lstm(void)
{
    int next = 0;
    for (const struct kernels *k; (k = guard_level(&next));)
        for (size_t n = 1; n <= MAX_N; n += n < 40 ? 1 : 15) {
            check_lstm(k, n, false, 0);
            check_lstm(k, n, true, 0);
            check_lstm(k, n, true, 1.5f);
        }
}

/* Gates in ONNX's order, by their effect; NaN comes through. */
static void lstm_by_hand(void)
{
    int next = 0;
    for (const struct kernels *k; (k = guard_level(&next));) {
        float h, c = 2;
        /* Keep the cell, open the output. */
        k->lstm_cell_f32(&h, &c, (const float[]){-100, 100, 100, 100}, NULL, 0, 1);
        CHECK(guard_close(c, 2, 1e-6, 0) && guard_close(h, tanh(2), 1e-6, 0));
        /* Take the new cell, shut the output. */
        k->lstm_cell_f32(&h, &c, (const float[]){100, -100, -100, 0.5f}, NULL, 0, 1);
        CHECK(guard_close(c, tanh(0.5), 1e-6, 0) && fabsf(h) < 1e-30f);
        k->lstm_cell_f32(&h, &c, (const float[]){NAN, 0, 0, 0}, NULL, 1, 1);
        CHECK(isnan(c) && isnan(h));
    }
}

static void gru(void)
{
    int next = 0;
    for (const struct kernels *k; (k = guard_level(&next));)
        for (size_t n = 1; n <= MAX_N; n += n < 40 ? 1 : 15) {
            size_t size = n * sizeof(float);
            float *zr = guard_floats(in_guard, 4 * n), *hx = zr + 2 * n, *hr = zr + 3 * n;
            float *h = guard_floats(c_guard, n);
            float *out = guard_out(h_guard, size, n % 4 * 4);
            guard_fill(zr, 4 * n, 6);
            guard_fill(h, n, 1);
            k->gru_cell_f32(out, h, zr, hx, hr, n);
            CHECK_MSG(guard_intact(h_guard, out, size), "%s n %zu writes elsewhere", k->isa, n);
            kernel_reference()->gru_cell_f32(want_h, h, zr, hx, hr, n);
            CHECK_CLOSE(out, want_h, n, 2e-6, 1, "%s n %zu", k->isa, n);
            k->gru_cell_f32(h, h, zr, hx, hr, n);
            CHECK_MSG(memcmp(h, out, size) == 0, "%s n %zu in place", k->isa, n);
        }
}

int main(void)
{
    in_guard = guard_new(4 * MAX_N * sizeof(float));
    peephole_guard = guard_new(3 * MAX_N * sizeof(float));
    h_guard = guard_new(MAX_N * sizeof(float) + 64);
    c_guard = guard_new(MAX_N * sizeof(float) + 64);
    RUN(lstm);
    RUN(lstm_by_hand);
    RUN(gru);
    return TEST_END();
}
