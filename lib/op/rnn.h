/* The parts of the recurrent operators: what is common (rnn.c) and the cells (rnn_cell.c). */
#ifndef OP_RNN_H
#define OP_RNN_H

#include "op/op.h"

/* An activation function with its parameters, and the bound on its argument (infinite: none). */
struct rnn_activation {
    double (*fn)(double x, double alpha, double beta);
    double alpha, beta, clip;
};

struct rnn;

/* One step of one sequence: x and h are its gates' arguments from the input and from the state before; state and memory
 * [hidden] are updated. */
typedef void rnn_cell_fn(const struct rnn *r, const double *x, const double *h, double *state, double *memory);

struct rnn {
    int gates, functions; /* 1 1, 3 2 (GRU), 4 3 (LSTM) */
    rnn_cell_fn *cell;
    bool batch_first, linear_before_reset, input_forget;
    bool quantized; /* weights are 8-bit integers, inputs first; what they are multiplied by is rounded to 8 bits too */
    int directions;
    bool reverse; /* of the only direction */
    int64_t steps, batch, inputs, hidden;
    const struct rnn_activation *f; /* of the direction at work, [functions] */
    const double *peepholes;        /* of the direction at work: [3 * hidden] for i, o, f, or NULL */
};

/* The activations of all directions, [directions * functions], from the node's attributes; plain message. */
int rnn_read_activations(const struct rnn *r, const struct node *n, struct rnn_activation *to, struct error *err);
double rnn_activate(const struct rnn_activation *a, double x);

rnn_cell_fn rnn_cell_plain, rnn_cell_gru, rnn_cell_lstm;
/* The reset gate of a GRU times the state, which its last product wants. */
void rnn_gru_reset(const struct rnn *r, const double *x, const double *h, const double *state, double *product);

#endif
