/* Recurrent operators. Their states are tensors that keep their value from run to run. */
#include <string.h>

#include "format/tflite/operators.h"
#include "format/tflite/schema.h"

enum lstm_slots { LSTM_ACT, LSTM_CELL_CLIP, LSTM_PROJECTION_CLIP, LSTM_KERNEL, SEQUENCE_TIME_MAJOR = 3 };
enum bidirectional_slots { BIDIRECTIONAL_MERGE = 3, BIDIRECTIONAL_TIME_MAJOR };
enum rnn_slots { RNN_TIME_MAJOR, RNN_ACT, RNN_MERGE };

/* The converter of Keras writes this clip for networks that have none. */
#define KERAS_CELL_CLIP 10

enum gate { INPUT, FORGET, CELL, OUTPUT, GATES };

/* The numbers of an LSTM's inputs; the gates stand in the order of enum gate, but for peepholes, where there is no
 * CELL. */
struct lstm_inputs {
    int weight, recurrent, peephole, bias, projection, projection_bias, hidden, cell, norm;
};

static const char *const rnn_acts[] = {"Affine", "Relu", NULL, NULL, "Tanh"};

/* An activation as ONNX's recurrent operators name it. */
static const char *act_name(struct tflite_op *o, int64_t act)
{
    const char *name = act >= 0 && act <= ACT_TANH ? rnn_acts[act] : NULL;
    if (!name)
        tflite_fail(o, "activation %lld: want none, Relu or Tanh", (long long)act);
    return name;
}

static struct value *set_activations(struct tflite_op *o, struct value *v, int count, const char *const *names)
{
    struct str list[3];
    bool is_default = true;
    for (int i = 0; i < count && !o->b->failed; i++) {
        list[i] = (struct str){names[i], strlen(names[i])};
        is_default = is_default && strcmp(names[i], count == 3 && i == 0 ? "Sigmoid" : "Tanh") == 0;
    }
    if (!o->b->failed && !is_default)
        build_check(o->b, node_set_strings(v->producer, "activations", list, (size_t)count, o->b->err) == 0);
    return v;
}

static struct value *concat(struct tflite_op *o, int count, struct value *const *in, int64_t axis)
{
    return build_int(o->b, build_node(o->b, "Concat", count, in), "axis", axis);
}

/* The input in time's order, [steps, batch, in]. */
static struct value *by_time(struct tflite_op *o, struct value *x, bool is_time_major)
{
    return is_time_major ? x : BUILD(o->b, "Transpose/perm=1,0,2", x);
}

static struct value *result_by_time(struct tflite_op *o, struct value *y, bool is_time_major)
{
    return by_time(o, BUILD(o->b, "Squeeze", y, BUILD_LIST(o->b, 1)), is_time_major);
}

static struct value *state(struct tflite_op *o, int k)
{
    return build_unsqueeze(o->b, tflite_real(o, k), 0);
}

static void keep_state(struct tflite_op *o, int k, struct value *y, int output)
{
    struct value *v = o->b->failed ? NULL : build_output(o->b, y, output);
    tflite_write_state(o, k, BUILD(o->b, "Squeeze", v, BUILD_LIST(o->b, 0)));
}

/* ---- LSTM by ONNX's operator ---- */

/* Without an input gate it is 1 - the forget gate: the logistic function of the negative of what that is one of. */
static struct value *gate_part(struct tflite_op *o, int first, enum gate gate, bool has_input_gate)
{
    if (gate == INPUT && !has_input_gate)
        return BUILD(o->b, "Neg", tflite_real(o, first + FORGET));
    return tflite_real(o, first + (int)gate);
}

/* The gates' parts one below the other in ONNX's order, with an axis for the direction before. */
static struct value *gates(struct tflite_op *o, int first, bool has_input_gate)
{
    static const enum gate order[] = {INPUT, OUTPUT, FORGET, CELL};
    struct value *parts[GATES];
    for (int i = 0; i < GATES; i++)
        parts[i] = gate_part(o, first, order[i], has_input_gate);
    return build_unsqueeze(o->b, concat(o, GATES, parts, 0), 0);
}

/* ONNX has a bias for the input and one for the state. */
static struct value *lstm_bias(struct tflite_op *o, int first, bool has_input_gate)
{
    struct value *bias = gates(o, first, has_input_gate);
    struct value *parts[] = {bias, BUILD(o->b, "Sub", bias, bias)};
    return concat(o, 2, parts, 1);
}

static struct value *lstm_peephole(struct tflite_op *o, int first, bool has_input_gate)
{
    if (!tflite_has(o, first + 1))
        return NULL;
    struct value *forget = tflite_real(o, first + 1);
    struct value *parts[] = {has_input_gate ? tflite_real(o, first) : BUILD(o->b, "Neg", forget),
                             tflite_real(o, first + 2), forget};
    return build_unsqueeze(o->b, concat(o, 3, parts, 0), 0);
}

/* One direction over [steps, batch, in]; gives [steps, 1, batch, units]. */
static struct value *lstm(struct tflite_op *o, struct value *x, const struct lstm_inputs *in, bool is_reverse)
{
    bool has_input_gate = tflite_has(o, in->weight);
    int64_t dims[TENSOR_MAX_RANK];
    const char *act = act_name(o, flatbuf_int(o->options, LSTM_ACT, 1, 0));
    if (tflite_dims(o, in->recurrent + FORGET, dims) != 2 || dims[0] < 1)
        tflite_fail(o, "the recurrent weights must be a matrix");
    struct value *w = gates(o, in->weight, has_input_gate), *r = gates(o, in->recurrent, has_input_gate);
    struct value *y = BUILD(o->b, "LSTM", x, w, r, lstm_bias(o, in->bias, has_input_gate), NULL, state(o, in->hidden),
                            state(o, in->cell), lstm_peephole(o, in->peephole, has_input_gate));
    y = build_int(o->b, y, "hidden_size", dims[0]);
    y = set_activations(o, y, 3, (const char *[]){"Sigmoid", act, act});
    if (is_reverse)
        y = build_string(o->b, y, "direction", "reverse");
    keep_state(o, in->hidden, y, 1);
    keep_state(o, in->cell, y, 2);
    return y;
}

static bool is_plain_lstm(struct tflite_op *o, const struct lstm_inputs *in)
{
    float clip = flatbuf_float(o->options, LSTM_CELL_CLIP, 0);
    return (clip == 0 || clip == KERAS_CELL_CLIP) && !tflite_has(o, in->projection) &&
           !tflite_has(o, in->norm + FORGET);
}

/* ---- one step, by elementwise operators ---- */

/* x of [batch, in] times weights of [units, in]. */
static struct value *product(struct tflite_op *o, struct value *x, int k)
{
    return BUILD(o->b, "Gemm/transB=1", x, tflite_real(o, k));
}

static struct value *clipped(struct tflite_op *o, struct value *v, float clip)
{
    if (!(clip > 0))
        return v;
    return BUILD(o->b, "Clip", v, build_number(o->b, DTYPE_F32, -(double)clip),
                 build_number(o->b, DTYPE_F32, (double)clip));
}

/* (x - mean) / deviation, over the units. */
static struct value *normalised(struct tflite_op *o, struct value *v, int weight)
{
    return BUILD(o->b, "LayerNormalization/epsilon=1e-8", v, tflite_real(o, weight));
}

/* What a gate's activation is of; `cell` for the peephole, or NULL. */
static struct value *gate_sum(struct tflite_op *o, const struct lstm_inputs *in, enum gate gate, struct value *x,
                              struct value *h, struct value *cell)
{
    int peephole = in->peephole + (gate == OUTPUT ? 2 : (int)gate), norm = in->norm + (int)gate;
    struct value *v =
        BUILD(o->b, "Add", product(o, x, in->weight + (int)gate), product(o, h, in->recurrent + (int)gate));
    if (cell && gate != CELL && tflite_has(o, peephole))
        v = BUILD(o->b, "Add", v, BUILD(o->b, "Mul", cell, tflite_real(o, peephole)));
    if (tflite_has(o, norm))
        v = normalised(o, v, norm);
    return tflite_has(o, in->bias + (int)gate) ? BUILD(o->b, "Add", v, tflite_real(o, in->bias + (int)gate)) : v;
}

static struct value *lstm_step(struct tflite_op *o, const struct lstm_inputs *in, struct value *x)
{
    struct build *b = o->b;
    int64_t act = flatbuf_int(o->options, LSTM_ACT, 1, 0);
    struct value *h = tflite_real(o, in->hidden), *c = tflite_real(o, in->cell);
    struct value *forget = BUILD(b, "Sigmoid", gate_sum(o, in, FORGET, x, h, c));
    struct value *input = tflite_has(o, in->weight) ? BUILD(b, "Sigmoid", gate_sum(o, in, INPUT, x, h, c))
                                                    : BUILD(b, "Sub", build_number(b, DTYPE_F32, 1), forget);
    struct value *candidate = tflite_activate(b, gate_sum(o, in, CELL, x, h, NULL), act);
    c = BUILD(b, "Add", BUILD(b, "Mul", forget, c), BUILD(b, "Mul", input, candidate));
    c = clipped(o, c, flatbuf_float(o->options, LSTM_CELL_CLIP, 0));
    struct value *output = BUILD(b, "Sigmoid", gate_sum(o, in, OUTPUT, x, h, c));
    h = BUILD(b, "Mul", output, tflite_activate(b, c, act));
    if (tflite_has(o, in->projection)) {
        h = product(o, h, in->projection);
        h = tflite_has(o, in->projection_bias) ? BUILD(b, "Add", h, tflite_real(o, in->projection_bias)) : h;
        h = clipped(o, h, flatbuf_float(o->options, LSTM_PROJECTION_CLIP, 0));
    }
    tflite_write_state(o, in->hidden, h);
    tflite_write_state(o, in->cell, c);
    return h;
}

/* Step by step: for what ONNX's operator cannot say. The steps must be known. */
static struct value *lstm_unrolled(struct tflite_op *o, struct value *x, const struct lstm_inputs *in)
{
    const struct type *type = tflite_type(o->b, x);
    int64_t steps = type && type->rank == 3 ? type->dims[0] : -1;
    struct value *all[TFLITE_STEPS_MOST];
    if (steps < 1 || steps > TFLITE_STEPS_MOST) {
        tflite_fail(o, "%lld steps of an LSTM with projection, normalisation or clip: want 1 to %d", (long long)steps,
                    TFLITE_STEPS_MOST);
        return NULL;
    }
    for (int i = 0; i < (int)steps && !o->b->failed; i++) {
        struct value *now = BUILD(o->b, "Squeeze", build_slice(o->b, x, 0, i, i + 1), BUILD_LIST(o->b, 0));
        all[i] = build_unsqueeze(o->b, lstm_step(o, in, now), 0);
    }
    return o->b->failed ? NULL : concat(o, (int)steps, all, 0);
}

/* The kernel of five inputs, x, h, weights, bias and c, whose one matrix has the gates in an order of its own. */
static void read_basic_lstm(struct tflite_op *o)
{
    struct build *b = o->b;
    struct value *parts[] = {tflite_real(o, 0), tflite_real(o, 1)};
    struct value *v = BUILD(b, "Gemm/transB=1", concat(o, 2, parts, 1), tflite_real(o, 2), tflite_real(o, 3));
    v = BUILD(b, "Split/axis=1/num_outputs=4", v);
    struct value *gate[4];
    for (int i = 3; i >= 0; i--)
        gate[i] = b->failed ? NULL : build_output(b, v, i);
    struct value *fresh = BUILD(b, "Mul", BUILD(b, "Sigmoid", gate[0]), BUILD(b, "Tanh", gate[1]));
    struct value *c = BUILD(b, "Add", fresh, BUILD(b, "Mul", BUILD(b, "Sigmoid", gate[2]), tflite_real(o, 4)));
    tflite_give(o, 0, BUILD(b, "Mul", BUILD(b, "Sigmoid", gate[3]), BUILD(b, "Tanh", c)));
    tflite_give(o, 1, c);
}

/* ---- the operators ---- */

/* A step, or, of rank 3, a sequence. */
void tflite_read_lstm(struct tflite_op *o)
{
    static const struct lstm_inputs in = {1, 5, 9, 12, 16, 17, 18, 19, 20};
    bool is_sequence = o->row->onnx != NULL;
    bool is_time_major = flatbuf_int(o->options, SEQUENCE_TIME_MAJOR, 1, 0) != 0;
    if (!is_sequence && flatbuf_int(o->options, LSTM_KERNEL, 1, 0) == 1) {
        read_basic_lstm(o);
    } else if (!is_sequence) {
        tflite_give(o, 0, lstm_step(o, &in, tflite_real(o, 0)));
    } else if (is_plain_lstm(o, &in)) {
        struct value *x = by_time(o, tflite_real(o, 0), is_time_major);
        tflite_give(o, 0, result_by_time(o, lstm(o, x, &in, false), is_time_major));
    } else {
        struct value *x = by_time(o, tflite_real(o, 0), is_time_major);
        tflite_give(o, 0, by_time(o, lstm_unrolled(o, x, &in), is_time_major));
    }
}

/* Both directions, as two results or one behind the other in one. */
static void give_both(struct tflite_op *o, struct value *forward, struct value *backward, bool is_merged)
{
    struct value *parts[] = {forward, backward};
    tflite_give(o, 0, is_merged ? concat(o, 2, parts, 2) : forward);
    if (!is_merged)
        tflite_give(o, 1, backward);
}

void tflite_read_bidirectional_lstm(struct tflite_op *o)
{
    static const struct lstm_inputs in[] = {{1, 5, 9, 12, 16, 17, 35, 36, 48}, {18, 22, 26, 29, 33, 34, 37, 38, 48}};
    bool is_time_major = flatbuf_int(o->options, BIDIRECTIONAL_TIME_MAJOR, 1, 1) != 0;
    struct value *y[2], *x = by_time(o, tflite_real(o, 0), is_time_major);
    if (tflite_has(o, 39) || !is_plain_lstm(o, &in[0]) || !is_plain_lstm(o, &in[1])) {
        tflite_read_opaque(o);
        return;
    }
    for (int i = 0; i < 2; i++)
        y[i] = result_by_time(o, lstm(o, x, &in[i], i == 1), is_time_major);
    give_both(o, y[0], y[1], flatbuf_int(o->options, BIDIRECTIONAL_MERGE, 1, 0) != 0);
}

/* Inputs `first` on: weights, recurrent weights, bias, state. */
static struct value *rnn(struct tflite_op *o, struct value *x, int first, bool is_reverse)
{
    int64_t dims[TENSOR_MAX_RANK];
    const char *act = act_name(o, flatbuf_int(o->options, RNN_ACT, 1, 0));
    if (tflite_dims(o, first + 1, dims) != 2 || dims[0] < 1)
        tflite_fail(o, "the recurrent weights must be a matrix");
    struct value *bias = tflite_real(o, first + 2), *parts[] = {bias, BUILD(o->b, "Sub", bias, bias)};
    struct value *y = BUILD(o->b, "RNN", x, build_unsqueeze(o->b, tflite_real(o, first), 0),
                            build_unsqueeze(o->b, tflite_real(o, first + 1), 0),
                            build_unsqueeze(o->b, concat(o, 2, parts, 0), 0), NULL, state(o, first + 3));
    y = build_int(o->b, y, "hidden_size", dims[0]);
    y = set_activations(o, y, 1, &act);
    if (is_reverse)
        y = build_string(o->b, y, "direction", "reverse");
    keep_state(o, first + 3, y, 1);
    return y;
}

void tflite_read_sequence_rnn(struct tflite_op *o)
{
    bool is_time_major = flatbuf_int(o->options, RNN_TIME_MAJOR, 1, 0) != 0;
    struct value *x = by_time(o, tflite_real(o, 0), is_time_major);
    tflite_give(o, 0, result_by_time(o, rnn(o, x, 1, false), is_time_major));
}

void tflite_read_bidirectional_rnn(struct tflite_op *o)
{
    bool is_time_major = flatbuf_int(o->options, RNN_TIME_MAJOR, 1, 0) != 0;
    struct value *y[2], *x = by_time(o, tflite_real(o, 0), is_time_major);
    if (tflite_has(o, 9)) {
        tflite_read_opaque(o);
        return;
    }
    for (int i = 0; i < 2; i++)
        y[i] = result_by_time(o, rnn(o, x, i ? 5 : 1, i == 1), is_time_major);
    give_both(o, y[0], y[1], flatbuf_int(o->options, RNN_MERGE, 1, 0) != 0);
}

/* A step. */
void tflite_read_rnn(struct tflite_op *o)
{
    struct value *sum = BUILD(o->b, "Add", product(o, tflite_real(o, 0), 1), product(o, tflite_real(o, 4), 2));
    struct value *h =
        tflite_activate(o->b, BUILD(o->b, "Add", sum, tflite_real(o, 3)), flatbuf_int(o->options, 0, 1, 0));
    tflite_write_state(o, 4, h);
    tflite_give(o, 0, h);
}

/* x [batch, in] through a filter over features, then one over time, whose memory of the former's results is the state
 * [batch, filters * memory]; each unit sums up `rank` filters. */
void tflite_read_svdf(struct tflite_op *o)
{
    struct build *b = o->b;
    int64_t time[TENSOR_MAX_RANK], rank = flatbuf_int(o->options, 0, 4, 0);
    if (tflite_dims(o, 2, time) != 2 || time[0] < 1 || time[1] < 1 || rank < 1 || time[0] % rank != 0) {
        tflite_fail(o, "filters over time must be a matrix of a multiple of %lld rows", (long long)rank);
        return;
    }
    struct value *fresh = build_unsqueeze(b, product(o, tflite_real(o, 0), 1), 2);
    struct value *memory = build_reshape(b, tflite_real(o, 4), 3, (int64_t[]){-1, time[0], time[1]});
    struct value *parts[] = {build_slice(b, memory, 2, 1, time[1]), fresh};
    memory = concat(o, 2, parts, 2);
    tflite_write_state(o, 4, build_reshape(b, memory, 2, (int64_t[]){-1, time[0] * time[1]}));
    struct value *y = BUILD(b, "ReduceSum", BUILD(b, "Mul", memory, tflite_real(o, 2)), BUILD_LIST(b, 2));
    y = build_reshape(b, build_int(b, y, "keepdims", 0), 3, (int64_t[]){-1, time[0] / rank, rank});
    y = BUILD(b, "ReduceSum/keepdims=0", y, BUILD_LIST(b, 2));
    tflite_give(o, 0, tflite_has(o, 3) ? BUILD(b, "Add", y, tflite_real(o, 3)) : y);
}
