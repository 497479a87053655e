/* Recurrent layers, one step a run. Their states are inputs that need not be given, zero then, and outputs.
 * Source: rnn_layer.c, crnn_layer.c, gru_layer.c and lstm_layer.c. */
#include <stdio.h>
#include <string.h>

#include "format/darknet/darknet.h"
#include "op/build_filled.h"

#define MOST_OUTPUTS (1 << 24)

static struct darknet_state *add_state(struct darknet_read *l, const char *what)
{
    struct darknet_reader *r = l->reader;
    struct darknet_state *state = l->b->failed ? NULL : arena_alloc(r->arena, sizeof(*state), l->b->err);
    build_check(l->b, state != NULL);
    if (!state)
        return NULL;
    snprintf(state->name, sizeof(state->name), "%.40s_%d/%s", l->section->type, l->index, what);
    if (r->last_state)
        r->last_state->next = state;
    else
        r->first_state = state;
    r->last_state = state;
    return state;
}

/* The state before the run. */
static struct value *begin_state_of(struct darknet_read *l, struct darknet_state *state, int rank, const int64_t *dims)
{
    struct value *v = l->b->failed ? NULL : build_input(l->b, state->name, DTYPE_F32, rank, dims);
    struct tensor *zero = build_zeros(l->b, DTYPE_F32, rank, dims);
    build_check(l->b, zero && graph_make_constant(v, zero, l->b->err) == 0);
    return l->b->failed ? NULL : v;
}

static struct value *begin_state(struct darknet_read *l, struct darknet_state *state, int64_t size)
{
    return begin_state_of(l, state, 2, (int64_t[]){1, size});
}

static struct value *end_state(struct darknet_state *state, struct value *v)
{
    if (state)
        state->now = v;
    return v;
}

static struct value *sum(struct darknet_read *l, struct value *a, struct value *b)
{
    return l->b->failed ? NULL : BUILD(l->b, "Add", a, b);
}

static struct value *product(struct darknet_read *l, struct value *a, struct value *b)
{
    return l->b->failed ? NULL : BUILD(l->b, "Mul", a, b);
}

/* The state becomes what comes in and itself, each connected; the result is that connected. */
void darknet_read_rnn(struct darknet_read *l)
{
    static const char *const own[] = {NULL, "logistic", "loggy"};
    int64_t inputs, hidden = darknet_in(l, "hidden", 1, 1, MOST_OUTPUTS);
    int64_t outputs = darknet_in(l, "output", 1, 1, MOST_OUTPUTS), log = darknet_in(l, "logistic", 0, 0, 2);
    struct darknet_state *state = add_state(l, "h");
    struct value *x = darknet_flat(l, &inputs), *h = begin_state(l, state, hidden);
    struct value *new = darknet_activate(l, darknet_connect(l, x, inputs, hidden, "input"), "logistic");
    struct value *self = darknet_connect(l, h, hidden, hidden, "self");
    self = own[log] ? darknet_activate_by(l, self, own[log]) : darknet_activate(l, self, "logistic");
    new = sum(l, new, self);
    if (darknet_int(l->section, "shortcut", 0))
        new = sum(l, new, h);
    end_state(state, new);
    l->out = darknet_activate(l, darknet_connect(l, new, hidden, outputs, "output"), "logistic");
}

/* The same with convolutions. */
void darknet_read_crnn(struct darknet_read *l)
{
    struct darknet_map in = darknet_map_of(l, &l->in);
    int64_t hidden = darknet_in(l, "hidden", 1, 1, MOST_OUTPUTS), outputs = darknet_in(l, "output", 1, 1, MOST_OUTPUTS);
    struct darknet_state *state = add_state(l, "h");
    struct value *h = begin_state_of(l, state, 4, (int64_t[]){1, hidden, in.height, in.width});
    struct value *new = darknet_convolve(l, l->in, in.channels, hidden, 3, "input");
    new = darknet_activate(l, new, "logistic");
    new = sum(l, new, darknet_activate(l, darknet_convolve(l, h, hidden, hidden, 3, "self"), "logistic"));
    if (darknet_int(l->section, "shortcut", 0))
        new = sum(l, new, h);
    end_state(state, new);
    l->out = darknet_activate(l, darknet_convolve(l, new, hidden, outputs, 3, "output"), "logistic");
}

/* z * h + (1 - z) * new, which is new + z * (h - new). */
void darknet_read_gru(struct darknet_read *l)
{
    static const char *const from_x[] = {"input_z", "input_r", "input_h"};
    int64_t inputs, outputs = darknet_in(l, "output", 1, 1, MOST_OUTPUTS);
    struct darknet_state *state = add_state(l, "h");
    struct value *x = darknet_flat(l, &inputs), *h = begin_state(l, state, outputs), *in[3];
    for (int i = 0; i < 3; i++)
        in[i] = darknet_connect(l, x, inputs, outputs, from_x[i]);
    struct value *z = sum(l, in[0], darknet_connect(l, h, outputs, outputs, "state_z"));
    struct value *r = sum(l, in[1], darknet_connect(l, h, outputs, outputs, "state_r"));
    z = darknet_activate_by(l, z, "logistic");
    r = darknet_activate_by(l, r, "logistic");
    struct value *new = sum(l, in[2], darknet_connect(l, product(l, r, h), outputs, outputs, "state_h"));
    new = darknet_activate_by(l, new, darknet_int(l->section, "tanh", 0) ? "tanh" : "logistic");
    struct value *apart = l->b->failed ? NULL : BUILD(l->b, "Sub", h, new);
    l->out = end_state(state, sum(l, new, product(l, z, apart)));
}

/* Gates f, i, g and o. */
void darknet_read_lstm(struct darknet_read *l)
{
    static const char *const from_h[] = {"wf", "wi", "wg", "wo"}, *const from_x[] = {"uf", "ui", "ug", "uo"};
    int64_t inputs, outputs = darknet_in(l, "output", 1, 1, MOST_OUTPUTS);
    struct darknet_state *hidden = add_state(l, "h"), *cell = add_state(l, "c");
    struct value *x = darknet_flat(l, &inputs), *gate[4];
    struct value *h = begin_state(l, hidden, outputs), *c = begin_state(l, cell, outputs);
    for (int i = 0; i < 4; i++)
        gate[i] = darknet_connect(l, h, outputs, outputs, from_h[i]);
    for (int i = 0; i < 4; i++) {
        gate[i] = sum(l, gate[i], darknet_connect(l, x, inputs, outputs, from_x[i]));
        gate[i] = darknet_activate_by(l, gate[i], i == 2 ? "tanh" : "logistic");
    }
    c = end_state(cell, sum(l, product(l, gate[0], c), product(l, gate[1], gate[2])));
    l->out = end_state(hidden, product(l, gate[3], darknet_activate_by(l, c, "tanh")));
}
