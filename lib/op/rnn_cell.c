/* Activation functions and cells of RNN, LSTM and GRU. */
#include "op/rnn.h"

#include <math.h>
#include <string.h>
#include <strings.h>

/* ---- activation functions ---- */

static double relu(double x, double a, double b)
{
    (void)a, (void)b;
    return x > 0 ? x : 0;
}

static double tangent(double x, double a, double b)
{
    (void)a, (void)b;
    return tanh(x);
}

static double sigmoid(double x, double a, double b)
{
    (void)a, (void)b;
    return 1 / (1 + exp(-x));
}

static double affine(double x, double a, double b)
{
    return a * x + b;
}

static double leaky_relu(double x, double a, double b)
{
    (void)b;
    return x >= 0 ? x : a * x;
}

static double thresholded_relu(double x, double a, double b)
{
    (void)b;
    return x >= a ? x : 0;
}

static double scaled_tanh(double x, double a, double b)
{
    return a * tanh(b * x);
}

static double hard_sigmoid(double x, double a, double b)
{
    return fmin(fmax(a * x + b, 0), 1);
}

static double elu(double x, double a, double b)
{
    (void)b;
    return x >= 0 ? x : a * expm1(x);
}

static double softsign(double x, double a, double b)
{
    (void)a, (void)b;
    return x / (1 + fabs(x));
}

static double softplus(double x, double a, double b)
{
    (void)a, (void)b;
    return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x));
}

/* `uses`: how many of alpha and beta it consumes from the lists. */
static const struct function {
    const char *name;
    double (*fn)(double x, double alpha, double beta);
    int uses;
    double alpha, beta;
} functions[] = {
    {"Relu", relu, 0, 0, 0},
    {"Tanh", tangent, 0, 0, 0},
    {"Sigmoid", sigmoid, 0, 0, 0},
    {"Affine", affine, 2, 1, 0},
    {"LeakyRelu", leaky_relu, 1, 0.01, 0},
    {"ThresholdedRelu", thresholded_relu, 1, 1, 0},
    {"ScaledTanh", scaled_tanh, 2, 1, 1},
    {"HardSigmoid", hard_sigmoid, 2, 0.2, 0.5},
    {"Elu", elu, 1, 1, 0},
    {"Softsign", softsign, 0, 0, 0},
    {"Softplus", softplus, 0, 0, 0},
};

static const struct function *find_function(const char *name, size_t size)
{
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++)
        if (strlen(functions[i].name) == size && !strncasecmp(functions[i].name, name, size))
            return &functions[i];
    return NULL;
}

/* The usual functions: f is the sigmoid but for the plain RNN, all others tanh. */
static const char *usual(const struct rnn *r, int i)
{
    return r->functions > 1 && i % r->functions == 0 ? "Sigmoid" : "Tanh";
}

int rnn_read_activations(const struct rnn *r, const struct node *n, struct rnn_activation *to, struct error *err)
{
    const struct attr *names = node_attr(n, "activations");
    int alphas, betas, next_alpha = 0, next_beta = 0, count = r->directions * r->functions;
    const float *alpha = op_floats(n, "activation_alpha", &alphas), *beta = op_floats(n, "activation_beta", &betas);
    double clip = op_has(n, "clip") ? op_float(n, "clip") : INFINITY;
    if (names && names->kind == ATTR_STRINGS && names->n != (size_t)count)
        return error_set(err, "attribute activations: %zu values, want %d", names->n, count);
    if (!(clip >= 0))
        return error_set(err, "attribute clip: %g, want at least 0", clip);
    for (int i = 0; i < count; i++) {
        bool given = names && names->kind == ATTR_STRINGS;
        const char *name = given ? names->strings[i].data : usual(r, i);
        size_t size = given ? names->strings[i].size : strlen(name);
        const struct function *f = find_function(name, size);
        if (!f)
            return error_set(err, "attribute activations: '%.*s' is not known", size < 40 ? (int)size : 40, name);
        bool of_cell = i % r->functions == 2; /* an LSTM's last function sees the cell, which engines do not clip */
        to[i] = (struct rnn_activation){f->fn, f->alpha, f->beta, clip > 0 && !of_cell ? clip : INFINITY};
        if (f->uses > 0 && next_alpha < alphas)
            to[i].alpha = alpha[next_alpha++];
        if (f->uses > 1 && next_beta < betas)
            to[i].beta = beta[next_beta++];
    }
    return 0;
}

double rnn_activate(const struct rnn_activation *a, double x)
{
    if (x > a->clip)
        x = a->clip;
    else if (x < -a->clip)
        x = -a->clip;
    return a->fn(x, a->alpha, a->beta);
}

/* ---- cells ---- */

void rnn_cell_plain(const struct rnn *r, const double *x, const double *h, double *state, double *memory)
{
    (void)memory;
    for (int64_t i = 0; i < r->hidden; i++)
        state[i] = rnn_activate(&r->f[0], x[i] + h[i]);
}

/* Gates in the order z (update), r (reset), h. */
void rnn_gru_reset(const struct rnn *r, const double *x, const double *h, const double *state, double *product)
{
    for (int64_t i = r->hidden; i < 2 * r->hidden; i++)
        *product++ = rnn_activate(&r->f[0], x[i] + h[i]) * state[i - r->hidden];
}

void rnn_cell_gru(const struct rnn *r, const double *x, const double *h, double *state, double *memory)
{
    int64_t n = r->hidden;
    (void)memory;
    for (int64_t i = 0; i < n; i++) {
        double update = rnn_activate(&r->f[0], x[i] + h[i]);
        double reset = r->linear_before_reset ? rnn_activate(&r->f[0], x[n + i] + h[n + i]) : 1;
        double fresh = rnn_activate(&r->f[1], x[2 * n + i] + reset * h[2 * n + i]);
        state[i] = (1 - update) * fresh + update * state[i];
    }
}

/* Gates in the order i (input), o (output), f (forget), c (cell); peepholes i, o, f. */
void rnn_cell_lstm(const struct rnn *r, const double *x, const double *h, double *state, double *memory)
{
    int64_t n = r->hidden;
    const double *p = r->peepholes;
    for (int64_t i = 0; i < n; i++) {
        double in = rnn_activate(&r->f[0], x[i] + h[i] + (p ? p[i] * memory[i] : 0));
        double forget = r->input_forget
                            ? 1 - in
                            : rnn_activate(&r->f[0], x[2 * n + i] + h[2 * n + i] + (p ? p[2 * n + i] * memory[i] : 0));
        memory[i] = forget * memory[i] + in * rnn_activate(&r->f[1], x[3 * n + i] + h[3 * n + i]);
        double out = rnn_activate(&r->f[0], x[n + i] + h[n + i] + (p ? p[n + i] * memory[i] : 0));
        state[i] = out * rnn_activate(&r->f[2], memory[i]);
    }
}
