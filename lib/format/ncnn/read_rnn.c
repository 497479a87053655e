/* Recurrent layers over the rows of a blob [1, T, I]. */
#include <string.h>

#include "format/ncnn/read.h"

/* A kind of cell: its gates as ncnn has them in ONNX's order, and rows of its bias. */
struct cell {
    const char *op;
    int gates, biases;
    int order[4]; /* of ONNX's gate g: which of ncnn's */
};

static const struct cell rnn_cell = {"RNN", 1, 1, {0}};
static const struct cell lstm_cell = {"LSTM", 4, 4, {0, 2, 1, 3}}; /* i f o g to i o f g */
static const struct cell gru_cell = {"GRU", 3, 4, {1, 0, 2}};      /* r u n to z r h */

struct rnn {
    const struct cell *cell;
    int64_t directions, hidden, outputs, inputs;
};

/* Gates of `rows` × `width` elements in ONNX's order; t is [directions][gates * rows][width]. */
static struct tensor *reordered(struct reader *r, const struct rnn *n, struct tensor *t)
{
    struct tensor *to = t ? tensor_new(t->dtype, t->rank, t->dims, r->b.err) : NULL;
    build_check(&r->b, to != NULL);
    int gates = n->cell->gates;
    size_t run = to ? to->size / (size_t)(n->directions * gates) : 0;
    for (int64_t i = 0; to && i < n->directions * gates; i++) {
        int64_t from = i / gates * gates + n->cell->order[i % gates];
        memcpy((char *)to->data + (size_t)i * run, (const char *)t->data + (size_t)from * run, run);
    }
    tensor_unref(t);
    return to;
}

/* ncnn adds one bias to each gate; ONNX has two, of which the second is zero. But a GRU's third gate has two of its own
 * (rows 2 and 3), the second inside the product with the reset gate. */
static struct tensor *bias_of(struct reader *r, const struct rnn *n)
{
    int gates = n->cell->gates;
    int64_t rows = n->cell->biases, h = n->hidden;
    struct tensor *t = ncnn_weight_tensor(r, 3, (int64_t[]){n->directions, rows, h});
    struct tensor *to = t ? tensor_new(DTYPE_F32, 2, (int64_t[]){n->directions, 2 * gates * h}, r->b.err) : NULL;
    build_check(&r->b, to != NULL);
    for (int64_t d = 0; to && d < n->directions; d++)
        for (int g = 0; g < gates; g++)
            for (int64_t i = 0; i < h; i++) {
                int64_t at = d * 2 * gates * h + g * h + i;
                ((float *)to->data)[at] = (float)tensor_get_f64(t, (d * rows + n->cell->order[g]) * h + i);
                if (rows > gates && g == gates - 1)
                    ((float *)to->data)[at + gates * h] = (float)tensor_get_f64(t, (d * rows + gates) * h + i);
            }
    tensor_unref(t);
    return to;
}

/* A weight of 8 bits: the record of its scales comes behind all weights. */
static struct value *weight_of(struct reader *r, const struct rnn *n, const char *name, int64_t width)
{
    int64_t dims[] = {n->directions, n->cell->gates * n->hidden, width};
    struct tensor *t = ncnn_weight_tensor(r, 3, dims);
    return t ? ncnn_constant(r, name, reordered(r, n, t)) : NULL;
}

/* [1, D, H], a blob of two axes, as ONNX wants it: [D, 1, H]; and back. */
static struct value *state(struct reader *r, struct value *v)
{
    return BUILD(&r->b, "Transpose/perm=1,0,2", v);
}

/* Input i of the layer as one; a blob may have other axes (pnnx keeps PyTorch's [D, 1, H]), of which ncnn takes the
 * elements as they lie. */
static struct value *state_in(struct reader *r, int i, int64_t directions, int64_t width)
{
    struct value *v = i < (int)r->l->in_count ? ncnn_in(r, i) : NULL;
    if (!v || ncnn_dims(r, v) == 2)
        return v ? state(r, v) : NULL;
    return build_reshape(&r->b, v, 3, (int64_t[]){directions, 1, width});
}

static bool read_sizes(struct reader *r, struct rnn *n, const struct cell *cell)
{
    int direction = ncnn_int(r->l, 2, 0);
    *n = (struct rnn){.cell = cell, .directions = direction == 2 ? 2 : 1, .outputs = ncnn_int(r->l, 0, 0)};
    n->hidden = cell == &lstm_cell ? ncnn_int(r->l, 3, (int)n->outputs) : n->outputs;
    int64_t rows = n->directions * n->hidden * cell->gates, size = ncnn_int(r->l, 1, 0);
    if (direction < 0 || direction > 2 || n->hidden < 1 || n->outputs < 1 || size < 1 || size % rows)
        build_fail(&r->b, "has %lld weights for %lld outputs, direction %d", (long long)size, (long long)n->outputs,
                   direction);
    else
        n->inputs = size / rows;
    if (ncnn_int(r->l, 8, 0))
        build_fail(&r->b, "has weights of 8 bits, which a recurrent layer is not read with");
    return !r->b.failed;
}

/* The result [T, D, 1, H] as a blob [1, T, D * H]. */
static struct value *rows_of(struct reader *r, const struct rnn *n, struct value *y)
{
    struct value *v = BUILD(&r->b, "Transpose/perm=2,0,1,3", y);
    return build_reshape(&r->b, v, 3, (int64_t[]){0, 0, n->directions * n->outputs});
}

static struct value *recurrent(struct reader *r, const struct cell *cell)
{
    static const char *const directions[] = {"forward", "reverse", "bidirectional"};
    struct build *b = &r->b;
    struct rnn n;
    if (!read_sizes(r, &n, cell))
        return NULL;
    struct value *x = BUILD(b, "Transpose/perm=1,0,2", ncnn_in(r, 0));
    struct value *w = weight_of(r, &n, "weight_xc", n.inputs);
    struct tensor *bias = bias_of(r, &n);
    struct value *bias_value = bias ? ncnn_constant(r, "bias", bias) : NULL;
    struct value *rec = weight_of(r, &n, "weight_hc", n.outputs);
    if (n.outputs != n.hidden)
        build_fail(b, "projects its %lld channels to %lld, which ONNX cannot say", (long long)n.hidden,
                   (long long)n.outputs);
    struct value *h = state_in(r, 1, n.directions, n.outputs);
    struct value *c = cell == &lstm_cell ? state_in(r, 2, n.directions, n.hidden) : NULL;
    struct value *y = BUILD(b, cell->op, x, w, rec, bias_value, NULL, h, c);
    build_string(b, y, "direction", directions[ncnn_int(r->l, 2, 0)]);
    build_int(b, y, "hidden_size", n.hidden);
    if (cell == &gru_cell)
        build_int(b, y, "linear_before_reset", 1);
    int states = cell == &lstm_cell ? 2 : 1;
    struct value *last[2] = {NULL};
    for (int o = 0; o < states && r->l->out_count > 1; o++)
        last[o] = build_output(b, y, o + 1);
    for (int o = 0; o < states && r->l->out_count > 1 + o; o++)
        ncnn_give(r, o + 1, state(r, last[o]));
    return rows_of(r, &n, y);
}

struct value *ncnn_rnn(struct reader *r)
{
    return recurrent(r, &rnn_cell);
}

struct value *ncnn_lstm(struct reader *r)
{
    return recurrent(r, &lstm_cell);
}

struct value *ncnn_gru(struct reader *r)
{
    return recurrent(r, &gru_cell);
}
