/* Recurrent layers. Their second bottom says for each step and sequence whether the state goes on (1) or begins anew
 * (0); no operator of ONNX has that, so that each is a Scan over the steps. Source: recurrent_layer.cpp,
 * lstm_layer.cpp and rnn_layer.cpp. */
#include "format/caffe/caffe.h"
#include "op/build_filled.h"

#define MOST_STATES 2

/* What is being built: the layer, and the body of its Scan. */
struct recurrent {
    struct caffe_read *l;
    struct build body;
    int states;                       /* 2 for LSTM: hidden and cell */
    int64_t outputs;                  /* size of a state */
    int64_t gates;                    /* rows of the weights for a state */
    bool is_static;                   /* there is a bottom that is the same at each step */
    bool exposed;                     /* states are bottoms and tops */
    struct value *state[MOST_STATES]; /* of the body, as they came in, then as they go out */
    struct value *x, *go_on;          /* of the body: the step's input to the gates, and its second bottom */
};

/* Blob i, [rows, columns], as the right side of a product. */
static struct value *right_side(struct caffe_read *l, int i, const char *what, int64_t rows, int64_t columns)
{
    return BUILD(l->b, "Transpose/perm=1,0", caffe_weight(l, i, what, 2, (int64_t[]){rows, columns}));
}

/* What the gates get from the bottoms, for all steps: [T, N, gates]. */
static struct value *from_bottoms(struct recurrent *r)
{
    struct caffe_read *l = r->l;
    struct value *x = caffe_rank(l, 0) > 3 ? build_reshape(l->b, l->in[0], 3, (int64_t[]){0, 0, -1}) : l->in[0];
    struct value *weight = right_side(l, 0, "weight_x", r->gates, -1);
    struct value *bias = caffe_weight(l, 1, "bias", 1, &r->gates);
    struct value *sum = l->b->failed ? NULL : build_add(l->b, BUILD(l->b, "MatMul", x, weight), bias);
    if (!r->is_static || l->b->failed)
        return sum;
    struct value *fixed = BUILD(l->b, "Flatten/axis=1", l->in[2]);
    return build_add(l->b, sum, BUILD(l->b, "MatMul", fixed, right_side(l, 2, "weight_static", r->gates, -1)));
}

/* ---- the body ---- */

static void begin_body(struct recurrent *r, struct graph *graph, int64_t batch)
{
    static const char *const names[MOST_STATES] = {"h", "c"};
    r->body = (struct build){.graph = graph, .err = r->l->b->err, .failed = r->l->b->failed};
    for (int i = 0; i < r->states; i++)
        r->state[i] = build_input(&r->body, names[i], DTYPE_F32, 2, (int64_t[]){batch, r->outputs});
    r->x = build_input(&r->body, "x", DTYPE_F32, 2, (int64_t[]){batch, r->gates});
    r->go_on = build_reshape(&r->body, build_input(&r->body, "go_on", DTYPE_F32, 1, &batch), 2, (int64_t[]){-1, 1});
    for (int i = 0; i < r->states; i++)
        r->state[i] = r->body.failed ? NULL : BUILD(&r->body, "Mul", r->state[i], r->go_on);
}

/* Gates i, f, o and g of an LSTM. */
static void lstm_cell(struct recurrent *r, struct value *weight_h)
{
    struct build *b = &r->body;
    struct value *gates = BUILD(b, "Add", r->x, BUILD(b, "MatMul", r->state[0], weight_h)), *gate[4] = {NULL};
    struct value *parts =
        BUILD(b, "Split/axis=1", gates, BUILD_LIST(b, r->outputs, r->outputs, r->outputs, r->outputs));
    for (int i = 0; i < 4 && !b->failed; i++)
        gate[i] = build_output(b, parts, i);
    for (int i = 0; i < 4 && !b->failed; i++)
        gate[i] = BUILD(b, i == 3 ? "Tanh" : "Sigmoid", gate[i]);
    struct value *cell = BUILD(b, "Add", BUILD(b, "Mul", gate[1], r->state[1]), BUILD(b, "Mul", gate[0], gate[3]));
    struct value *hidden = BUILD(b, "Mul", gate[2], BUILD(b, "Tanh", cell));
    r->state[0] = hidden;
    r->state[1] = cell;
}

static void rnn_cell(struct recurrent *r, struct value *weight_h)
{
    struct build *b = &r->body;
    r->state[0] = BUILD(b, "Tanh", BUILD(b, "Add", r->x, BUILD(b, "MatMul", r->state[0], weight_h)));
}

static void end_body(struct recurrent *r)
{
    for (int i = 0; i < r->states; i++)
        build_graph_output(&r->body, r->state[i], NULL);
    struct value *y = r->body.failed ? NULL : BUILD(&r->body, "Identity", r->state[0]);
    build_graph_output(&r->body, y, NULL);
    build_infer(&r->body);
    build_check(r->l->b, !r->body.failed);
}

/* ---- the layer ---- */

/* State i before the first step: a bottom [1, N, outputs], or zero. */
static struct value *first_state(struct recurrent *r, int i, int64_t batch)
{
    struct caffe_read *l = r->l;
    int64_t dims[2] = {batch, r->outputs};
    int bottom = l->in_count - r->states + i;
    if (r->exposed)
        return build_reshape(l->b, l->in[bottom], 2, dims);
    return build_filled(l->b, 2, dims, 0);
}

/* The Scan; its outputs are the last states, then the hidden state of each step. */
static struct value *scan(struct recurrent *r, void (*cell)(struct recurrent *, struct value *))
{
    struct caffe_read *l = r->l;
    int64_t batch = caffe_dim(l, 0, 1);
    struct value *in[MOST_STATES + 2] = {NULL}, *x = from_bottoms(r);
    struct value *weight_h = right_side(l, 2 + r->is_static, "weight_h", r->gates, r->outputs);
    for (int i = 0; i < r->states; i++)
        in[i] = first_state(r, i, batch);
    in[r->states] = x;
    in[r->states + 1] = l->b->failed ? NULL : l->in[1];
    struct graph *body = l->b->failed ? NULL : graph_new_subgraph(l->b->graph, l->b->err);
    build_check(l->b, body != NULL);
    if (l->b->failed)
        return NULL;
    build_infer(l->b);
    begin_body(r, body, batch);
    cell(r, weight_h);
    end_body(r);
    struct value *v = build_node(l->b, "Scan", r->states + 2, in);
    build_int(l->b, v, "num_scan_inputs", 2);
    build_check(l->b, !l->b->failed && node_set_graph(v->producer, "body", body, l->b->err) == 0);
    build_output(l->b, v, r->states);
    return v;
}

static bool prepare(struct recurrent *r, struct caffe_read *l, int states, int gates)
{
    r->l = l;
    r->states = states;
    r->outputs = caffe_int_in(l, "num_output", 0, 1, 1 << 24);
    r->gates = gates * r->outputs;
    r->exposed = caffe_int(l, "expose_hidden", 0) != 0;
    int given = l->in_count - (r->exposed ? states : 0);
    r->is_static = given == 3;
    if (caffe_rank(l, 0) < 3 || caffe_rank(l, 1) != 2 || given < 2 || given > 3)
        build_fail(l->b, "want bottoms [T, N, …] and [T, N], then perhaps a static one and states");
    return !l->b->failed;
}

static void give_states(struct recurrent *r, struct value *v)
{
    struct caffe_read *l = r->l;
    for (int i = 0; i < r->states && r->exposed && i + 1 < l->out_count && !l->b->failed; i++)
        l->out[1 + i] = build_unsqueeze(l->b, build_output(l->b, v, i), 0);
}

void caffe_read_lstm(struct caffe_read *l)
{
    struct recurrent r = {0};
    if (!prepare(&r, l, 2, 4))
        return;
    struct value *v = scan(&r, lstm_cell);
    l->out[0] = build_output(l->b, v, 2);
    give_states(&r, v);
}

void caffe_read_rnn(struct caffe_read *l)
{
    struct recurrent r = {0};
    if (!prepare(&r, l, 1, 1))
        return;
    struct value *v = scan(&r, rnn_cell), *hidden = build_output(l->b, v, 1);
    struct value *weight = right_side(l, 3 + r.is_static, "weight_o", r.outputs, r.outputs);
    struct value *bias = caffe_weight(l, 4 + r.is_static, "bias_o", 1, &r.outputs);
    if (!l->b->failed)
        l->out[0] = BUILD(l->b, "Tanh", build_add(l->b, BUILD(l->b, "MatMul", hidden, weight), bias));
    give_states(&r, v);
}

#define MOST_STEPS (1 << 20)

/* A second bottom where every sequence is of all steps: 0 at the first, 1 at the others. */
void caffe_read_continuation(struct caffe_read *l)
{
    int64_t steps = caffe_int_in(l, "time_step", 0, 1, MOST_STEPS);
    int64_t batch = caffe_int_in(l, "batch_size", l->in_count ? caffe_dim(l, 0, 0) : 1, 1, MOST_STEPS);
    if (!l->b->failed && steps > MOST_STEPS / batch)
        build_fail(l->b, "%lld steps of %lld sequences, want at most %d in all", (long long)steps, (long long)batch,
                   MOST_STEPS);
    struct tensor *t = build_zeros(l->b, DTYPE_F32, 2, (int64_t[]){steps, batch});
    for (int64_t i = batch; t && i < steps * batch; i++)
        ((float *)t->data)[i] = 1;
    l->out[0] = build_constant(l->b, NULL, t);
}
