/* Recurrent layers. */
#include <string.h>

#include "format/ncnn/write.h"

/* A kind of cell: of ncnn's gate g, which of ONNX's; rows of ncnn's bias. */
struct cell {
    const char *layer;
    int gates, biases;
    int order[4];
};

static const struct cell rnn_cell = {"RNN", 1, 1, {0}};
static const struct cell lstm_cell = {"LSTM", 4, 4, {0, 2, 1, 3}}; /* i o f g to i f o g */
static const struct cell gru_cell = {"GRU", 3, 4, {1, 0, 2}};      /* z r h to r u n */

static const struct tensor *reordered(struct writer *w, const struct cell *c, const struct tensor *t)
{
    struct tensor *to = tensor_new(DTYPE_F32, t->rank, t->dims, w->err);
    int64_t blocks = t->dims[0] * c->gates;
    size_t run = to ? to->size / (size_t)blocks : 0;
    for (int64_t i = 0; to && i < blocks; i++) {
        int64_t from = i / c->gates * c->gates + c->order[i % c->gates];
        memcpy((char *)to->data + (size_t)i * run, (const char *)t->data + (size_t)from * run, run);
    }
    return ncnn_keep(w, to);
}

/* ONNX's two biases are added, but a GRU's third gate keeps its second in a row of its own. */
static const struct tensor *bias_of(struct writer *w, const struct cell *c, const struct tensor *b, int64_t directions,
                                    int64_t hidden)
{
    struct tensor *to = tensor_new(DTYPE_F32, 3, (int64_t[]){directions, c->biases, hidden}, w->err);
    for (int64_t d = 0; to && b && d < directions; d++)
        for (int g = 0; g < c->gates; g++)
            for (int64_t i = 0; i < hidden; i++) {
                const float *from = (const float *)b->data + d * 2 * c->gates * hidden + c->order[g] * hidden + i;
                float *at = (float *)to->data + (d * c->biases + g) * hidden + i, second = from[c->gates * hidden];
                bool apart = c->biases > c->gates && g == c->gates - 1;
                at[0] = apart ? from[0] : from[0] + second;
                if (apart)
                    at[hidden] = second;
            }
    return ncnn_keep(w, to);
}

/* Whether the node does what ncnn's layer does. */
static bool is_plain(struct writer *w, const struct cell *c)
{
    const struct node *n = w->n;
    bool lengths = node_in(n, 4) != NULL, peepholes = c == &lstm_cell && node_in(n, 7);
    bool other = op_has(n, "activations") || op_has(n, "clip") || (c == &lstm_cell && op_int(n, "input_forget"));
    bool reset = c == &gru_cell && !op_int(n, "linear_before_reset");
    return !lengths && !peepholes && !other && !reset && !op_int(n, "layout");
}

/* A state [D, 1, H] as a blob [D, H]. */
static const char *state(struct writer *w, const struct value *v, int64_t directions, int64_t hidden)
{
    struct blob_shape s = {.n = 2, .dims = {directions, hidden}};
    return ncnn_blob_as(w, v, &s);
}

static int collect(struct writer *w, const struct cell *c, int64_t directions, int64_t hidden, const char **in)
{
    const struct value *x = w->n->in[0], *h = node_in(w->n, 5), *state_c = c == &lstm_cell ? node_in(w->n, 6) : NULL;
    struct blob_shape rows = {.n = 2, .dims = {x->type.dims[0] < 0 ? -1 : x->type.dims[0], x->type.dims[2]}};
    int n = 0;
    in[n++] = ncnn_blob_as(w, x, &rows);
    if (h)
        in[n++] = state(w, h, directions, hidden);
    if (state_c)
        in[n++] = state(w, state_c, directions, hidden);
    if (c == &lstm_cell && n == 2)
        ncnn_miss(w, "with one of its two states");
    return n;
}

static bool is_wanted(const struct node *n, int o)
{
    return node_out(n, o) && value_is_used(n->out[o]);
}

/* The results: rows [T, D * H], of which the graph's [T, D, 1, H] is a view, and the last states, all or none: a blob
 * that nothing takes is an output of the network. */
static void put_layer(struct writer *w, const struct cell *c, int64_t directions, int64_t hidden)
{
    const struct value *y = node_out(w->n, 0);
    const char *in[3] = {NULL}, *out[3] = {NULL}, *name = y ? y->name : w->n->name;
    int n = collect(w, c, directions, hidden, in), states = c == &lstm_cell ? 2 : 1, outs = 1;
    bool wants = is_wanted(w->n, 1) || (states == 2 && is_wanted(w->n, 2));
    int64_t steps = w->n->in[0]->type.dims[0];
    struct blob_shape rows = {.n = 2, .dims = {steps < 0 ? -1 : steps, directions * hidden}};
    if (y)
        ncnn_set_batch(w, y, 2);
    out[0] = y ? ncnn_result_as(w, y, &rows) : ncnn_fresh(w, name);
    for (int i = 0; wants && i < states; i++) {
        const struct value *v = node_out(w->n, i + 1);
        if (v)
            ncnn_set_batch(w, v, 1);
        else
            ncnn_miss(w, "with one of its two states as a result");
        out[outs++] = v ? ncnn_result(w, v) : ncnn_fresh(w, name);
    }
    if (y && y->is_output)
        ncnn_miss(w, "whose rows by direction are a result of the network");
    ncnn_layer_of(w, c->layer, n, in, outs, out);
}

static void write_cell(struct writer *w, const struct cell *c)
{
    const struct tensor *x = ncnn_constant_of(w, w->n->in[1]), *h = ncnn_constant_of(w, w->n->in[2]);
    const struct tensor *b = ncnn_constant_of(w, node_in(w->n, 3));
    const char *direction = op_string(w->n, "direction");
    if (!x || !h || (node_in(w->n, 3) && !b) || !is_plain(w, c) || w->n->in[0]->type.rank != 3 ||
        w->n->in[0]->type.dims[1] != 1) {
        ncnn_miss(w, "with weights that are no constants, or of a form that it has not");
        return;
    }
    int64_t directions = x->dims[0], hidden = h->dims[2];
    put_layer(w, c, directions, hidden);
    if (w->failed)
        return;
    ncnn_put_int(w, 0, hidden);
    ncnn_put_int(w, 1, x->count);
    ncnn_put_int(w, 2, directions == 2 ? 2 : strcmp(direction, "reverse") == 0);
    ncnn_put_record(w, reordered(w, c, x), true);
    ncnn_put_record(w, bias_of(w, c, b, directions, hidden), true);
    ncnn_put_record(w, reordered(w, c, h), true);
}

void ncnn_write_rnn(struct writer *w)
{
    write_cell(w, &rnn_cell);
}

void ncnn_write_lstm(struct writer *w)
{
    write_cell(w, &lstm_cell);
}

void ncnn_write_gru(struct writer *w)
{
    write_cell(w, &gru_cell);
}
