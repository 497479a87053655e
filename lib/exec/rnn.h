/* The recurrence of LSTM, GRU and RNN, with the default activations, as it runs: lower_rnn.c fills it.
 *
 * The hidden units are cut into blocks. All gates of a block's units stand side by side, so that a block is one
 * product; the cells of all blocks that a thread does come behind. Blocks of one time step do not depend on each
 * other. */
#ifndef EXEC_RNN_H
#define EXEC_RNN_H

#include "exec/plan.h"

enum { RNN_Y, RNN_Y_H, RNN_Y_C, RNN_OUTPUTS };

/* Gates [first, first + gates) that one product with the state gives. A GRU that resets before its last product has two
 * such parts, one behind the other, all others one. */
struct rnn_part {
    int first, gates;
    const float *r[2]; /* of each direction: [blocks] matrices [hidden][gates * width], packed when batch > 1 */
};
#define RNN_PARTS 2

/* A product of bytes that a run finds the scale of, with weights [depth][outputs]. */
struct rnn_bytes {
    const struct kernel_product *product; /* NULL: it is one of floats */
    const void *packed;
    int runs; /* of the weights, which meet the same bytes */
    int64_t outputs;
    const float *scale;                  /* [outputs] of the weights */
    const int32_t *sum;                  /* [outputs] of them */
    struct view bytes, multiplier, bias; /* [rows][depth], [outputs], [outputs] */
};

/* Floats from one to the next. */
struct rnn_steps {
    ptrdiff_t time, direction, batch;
};

struct rnn {
    struct plan *plan;
    bool lstm;
    int64_t time, batch, input, hidden;
    int directions, gates; /* 4, 3 or 1 */
    int64_t blocks, width; /* units of a block; the last has fewer */
    bool reverse;          /* of the first direction */
    float clip;
    struct kernel_act act; /* of an RNN */
    struct rnn_part part[RNN_PARTS];
    int parts;
    /* Of each direction, in blocks; NULL: none. */
    const float *in_bias[2], *state_bias[2], *peephole[2]; /* [blocks][gates (peephole: 3)][width] */
    const float *zeros;                                    /* [hidden] */
    struct rnn_bytes state_bytes[2];                       /* the states', with one block that has all units */
    struct view rounded; /* [directions][batch][hidden]: the state as it is multiplied; buffer NULL: as it is */
    struct view lengths, first_h, first_c; /* buffer NULL: none */
    struct view in;                        /* [directions][time][batch][blocks][gates][width]: W x + biases */
    struct view h, c;             /* [2][directions][batch][hidden]: of even and odd time steps; c without the first */
    struct view reset;            /* [directions][batch][hidden]: the state behind the reset gate */
    struct view gate;             /* [directions][batch][blocks][gates][width] */
    struct view out[RNN_OUTPUTS]; /* buffer NULL: not wanted */
    struct rnn_steps y, state;    /* of Y; of the other outputs, first_h and first_c */
};

/* Numbers as DynamicQuantizeLinear keeps them. */
void rnn_round(const struct kernels *k, float *to, const float *from, int64_t n);

/* n numbers as bytes, and what makes numbers of their products; from NULL: zeros. */
void rnn_quantize(const struct kernels *k, const struct rnn_bytes *b, const float *from, int64_t n);
/* So many taps of a product, all at the same place. */
#define RNN_RUNS_MAX 3
extern const ptrdiff_t rnn_no_tap[RNN_RUNS_MAX];

/* A step that runs a direction as a unit of work, or in rounds, a round for each direction, time step and part, a block
 * as a unit. */
step_run rnn_run_directions, rnn_run_rounds;

#endif
