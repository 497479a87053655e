/* Recurrent layers. */
#include <string.h>

#include "format/mnn/writers.h"

/* Weights of any number of directions; the two biases are added. */
void mnn_write_lstm(struct mnn_writer *w, struct node *n)
{
    const char *direction = op_string(n, "direction");
    struct tensor *b = node_in(n, 3) ? mnn_floats_of(w, n->in[3]) : NULL;
    int64_t hidden = n->in[2]->type.rank == 3 ? n->in[2]->type.dims[2] : -1, size = 4 * hidden;
    int64_t directions = strcmp(direction, "bidirectional") == 0 ? 2 : 1, dims[2] = {directions, size};
    bool plain = hidden > 0 && strcmp(direction, "reverse") != 0 && !op_int(n, "layout") && !node_in(n, 4) &&
                 !node_in(n, 7) && !op_has(n, "clip") && !op_has(n, "activations") && !op_int(n, "input_forget") &&
                 (!node_in(n, 3) || (b && b->count == 2 * directions * size));
    struct tensor *sum = plain ? tensor_new(DTYPE_F32, 2, dims, w->err) : NULL;
    for (int64_t d = 0; sum && b && d < directions; d++)
        for (int64_t i = 0; i < size; i++)
            ((float *)sum->data)[d * size + i] =
                ((float *)b->data)[2 * d * size + i] + ((float *)b->data)[(2 * d + 1) * size + i];
    tensor_unref(b);
    if (!sum) {
        mnn_cannot(w, "backwards, or with peepholes, lengths, other activations, or biases that are not constant");
        return;
    }
    int in[6] = {mnn_plain(w, n->in[0]), mnn_plain(w, n->in[1]), mnn_plain(w, n->in[2]),
                 mnn_const_tensor(w, "bias", sum)},
        out[3],
        count = node_in(n, 6)   ? 6
                : node_in(n, 5) ? 5
                                : 4;
    in[4] = mnn_plain(w, node_in(n, 5));
    in[5] = mnn_plain(w, node_in(n, 6));
    for (int i = 0; i < 3; i++)
        out[i] = mnn_result(w, i, false);
    mnn_param_int(w, "LSTM", "outputCount", hidden);
    mnn_emit(w, 38, NULL, count, in, 3, out);
}

/* ---- GRU ---- */

/* Rows first … first + count of [3 * units][size] of direction d, transposed, into columns of [size][count]. */
static void turn(const struct tensor *t, int64_t d, int64_t first, int64_t count, int64_t size, float *to)
{
    int64_t rows = t->dims[1];
    const float *from = (const float *)t->data + (d * rows + first) * size;
    for (int64_t i = 0; i < count; i++)
        for (int64_t j = 0; j < size; j++)
            to[j * count + i] = from[i * size + j];
}

/* Gates or candidate, over input and state together: [inputs + units][count]. */
static struct tensor *both(struct mnn_writer *w, const struct tensor *x, const struct tensor *r, int64_t d,
                           int64_t first, int64_t count)
{
    int64_t inputs = x->dims[2], units = r->dims[2];
    struct tensor *t = tensor_new(DTYPE_F32, 2, (int64_t[]){inputs + units, count}, w->err);
    if (t)
        turn(x, d, first, count, inputs, t->data);
    if (t)
        turn(r, d, first, count, units, (float *)t->data + inputs * count);
    return t;
}

static struct tensor *bias_part(struct mnn_writer *w, const struct tensor *b, int64_t offset, int64_t count)
{
    struct tensor *t = tensor_new(DTYPE_F32, 1, &count, w->err);
    if (t && b)
        memcpy(t->data, (const float *)b->data + offset, (size_t)count * sizeof(float));
    return t;
}

static void put_direction(struct mnn_writer *w, const struct tensor *x, const struct tensor *r, const struct tensor *b,
                          int64_t d, int *in)
{
    static const char *const names[2][5] = {
        {"gate", "gate_bias", "candidate", "candidate_bias", "state_bias"},
        {"back_gate", "back_gate_bias", "back_candidate", "back_candidate_bias", "back_state_bias"}};
    int64_t units = r->dims[2], at = d * 6 * units;
    in[0] = mnn_const_tensor(w, names[d][0], both(w, x, r, d, 0, 2 * units));
    in[1] = mnn_const_tensor(w, names[d][1], bias_part(w, b, at, 2 * units));
    in[2] = mnn_const_tensor(w, names[d][2], both(w, x, r, d, 2 * units, units));
    in[3] = mnn_const_tensor(w, names[d][3], bias_part(w, b, at + 2 * units, units));
    in[4] = mnn_const_tensor(w, names[d][4], bias_part(w, b, at + 3 * units, 3 * units));
}

void mnn_write_gru(struct mnn_writer *w, struct node *n)
{
    struct tensor *x = mnn_floats_of(w, n->in[1]), *r = mnn_floats_of(w, n->in[2]),
                  *b = mnn_floats_of(w, node_in(n, 3));
    const char *direction = op_string(n, "direction");
    int64_t directions = strcmp(direction, "bidirectional") == 0 ? 2 : 1;
    bool plain = x && r && x->rank == 3 && r->rank == 3 && x->dims[0] == directions && r->dims[0] == directions &&
                 strcmp(direction, "reverse") != 0 && !op_int(n, "layout") && !node_in(n, 4) && !op_has(n, "clip") &&
                 (directions == 1 || !node_out(n, 1)) && !op_has(n, "activations") && x->dims[1] == r->dims[1] &&
                 r->dims[1] == 3 * r->dims[2] &&
                 (!node_in(n, 3) || (b && b->count == directions * 2 * r->dims[1]));
    int in[12] = {mnn_plain(w, n->in[0])}, count = directions == 2 ? 11 : 6, out[2];
    for (int64_t d = 0; plain && d < directions; d++)
        put_direction(w, x, r, b, d, in + 1 + 5 * d);
    if (plain && node_in(n, 5))
        in[count++] = mnn_plain(w, n->in[5]);
    if (!plain)
        mnn_cannot(w, "backwards, with lengths, the last states of both directions, other activations, or weights "
                      "that are not constant");
    for (int i = 0; plain && i < 2; i++)
        out[i] = mnn_result(w, i, false);
    if (plain) {
        mnn_begin(w, "RNNParam");
        mnn_put_int(w, "numUnits", r->dims[2]);
        mnn_put_int(w, "isBidirectionalRNN", directions == 2);
        mnn_put_int(w, "linearBeforeReset", op_int(n, "linear_before_reset"));
        mnn_put_int(w, "keepAllOutputs", 1);
        mnn_end_param(w);
        mnn_emit(w, 105, NULL, count, in, 2, out);
    }
    tensor_unref(x);
    tensor_unref(r);
    tensor_unref(b);
}
