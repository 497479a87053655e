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

/* Where unit i of a gate stands, of so many gates. */
static ptrdiff_t place(const struct kernel_rnn_f32 *r, int gates, int gate, size_t i)
{
    return ((ptrdiff_t)i / r->step * gates + gate) * r->step + (ptrdiff_t)i % r->step;
}

static double both(const struct kernel_rnn_f32 *r, ptrdiff_t at)
{
    return (double)r->in[at] + r->gates[at];
}

static double lstm_gate(const struct kernel_rnn_f32 *r, int gate, size_t i, double c)
{
    double peephole = r->peephole && gate < 3 ? r->peephole[place(r, 3, gate, i)] : 0;
    return clipped(r, both(r, place(r, 4, gate, i)) + (peephole != 0 ? peephole * c : 0));
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
    return sigmoid(clipped(r, both(r, place(r, 3, 1, i))));
}

void gru_cell_f32_ref(const struct kernel_rnn_f32 *r)
{
    for (size_t i = 0; i < r->n; i++) {
        ptrdiff_t at = place(r, 3, 2, i);
        double z = sigmoid(clipped(r, both(r, place(r, 3, 0, i))));
        double x = r->in[at] + (r->is_reset ? 1 : reset_gate(r, i)) * r->gates[at];
        r->h[i] = (float)((1 - z) * tanh(clipped(r, x)) + z * r->last[i]);
    }
}

void gru_reset_f32_ref(const struct kernel_rnn_f32 *r)
{
    for (size_t i = 0; i < r->n; i++)
        r->h[i] = (float)(reset_gate(r, i) * r->last[i]);
}
