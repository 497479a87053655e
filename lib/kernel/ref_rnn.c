/* The oracle's recurrent cells, and their product. */
#include <math.h>

#include "kernel/ref.h"

void gemv_f32_ref(float *c, const float *a, int k, const float *b, ptrdiff_t b_step, int n, const float *bias)
{
    for (int j = 0; j < n; j++) {
        double sum = 0;
        for (int i = 0; i < k; i++)
            sum += (double)a[i] * b[i * b_step + j];
        c[j] = (float)(sum + (bias ? bias[j] : 0));
    }
}

static double clipped(const struct kernel_rnn_f32 *r, double x)
{
    return r->clip > 0 && !isnan(x) ? fmax(-r->clip, fmin(r->clip, x)) : x;
}

static double in_at(const struct kernel_rnn_f32 *r, int gate, size_t i)
{
    return r->in[gate * r->step + (ptrdiff_t)i];
}

static double gate_at(const struct kernel_rnn_f32 *r, int gate, size_t i)
{
    return r->gates[gate * r->step + (ptrdiff_t)i];
}

static double lstm_gate(const struct kernel_rnn_f32 *r, int gate, size_t i, double c)
{
    double peephole = r->peephole && gate < 3 ? r->peephole[gate * r->step + (ptrdiff_t)i] : 0;
    return clipped(r, in_at(r, gate, i) + gate_at(r, gate, i) + (peephole != 0 ? peephole * c : 0));
}

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

void lstm_cell_f32_ref(const struct kernel_rnn_f32 *r)
{
    for (size_t i = 0; i < r->n; i++) {
        double c = r->c[i], input = sigmoid(lstm_gate(r, 0, i, c)), forget = sigmoid(lstm_gate(r, 2, i, c));
        c = forget * c + input * tanh(lstm_gate(r, 3, i, c));
        r->h[i] = (float)(sigmoid(lstm_gate(r, 1, i, c)) * tanh(c));
        r->c[i] = (float)c;
    }
}

static double reset_gate(const struct kernel_rnn_f32 *r, size_t i)
{
    return sigmoid(clipped(r, in_at(r, 1, i) + gate_at(r, 1, i)));
}

void gru_cell_f32_ref(const struct kernel_rnn_f32 *r)
{
    for (size_t i = 0; i < r->n; i++) {
        double z = sigmoid(clipped(r, in_at(r, 0, i) + gate_at(r, 0, i)));
        double x = in_at(r, 2, i) + (r->is_reset ? 1 : reset_gate(r, i)) * gate_at(r, 2, i);
        r->h[i] = (float)((1 - z) * tanh(clipped(r, x)) + z * r->last[i]);
    }
}

void gru_reset_f32_ref(const struct kernel_rnn_f32 *r)
{
    for (size_t i = 0; i < r->n; i++)
        r->h[i] = (float)(reset_gate(r, i) * r->last[i]);
}
