/* LSTM, GRU and RNN against the reference: sizes, directions, layouts, lengths, and states that threads share. */
#include "exec_test.h"

#define INPUTS 11

static int64_t directions, steps, batch, hidden;
static bool batch_first;

static struct value *state(const char *name)
{
    return batch_first ? input(name, DIMS(batch, directions, hidden)) : input(name, DIMS(directions, batch, hidden));
}

/* A node over X with weights, biases and an initial state; lengths may be NULL. */
static struct node *recurrent(const char *op, int64_t gates, struct value *lengths, const char *direction)
{
    directions = strcmp(direction, "bidirectional") == 0 ? 2 : 1;
    struct value *x = batch_first ? input("x", DIMS(batch, steps, INPUTS)) : input("x", DIMS(steps, batch, INPUTS));
    struct node *n =
        NODE(op, x, weight(DIMS(directions, gates * hidden, INPUTS)), weight(DIMS(directions, gates * hidden, hidden)),
             weight(DIMS(directions, 2 * gates * hidden)), lengths, state("h"));
    node_set_int(n, "hidden_size", hidden, &error);
    node_set_int(n, "layout", batch_first, &error);
    node_set_string(n, "direction", direction, strlen(direction), &error);
    return n;
}

static void outputs(struct node *n, int count)
{
    output(n->out[0]);
    for (int i = 1; i < count; i++)
        output(node_new_output(n, NULL, &error));
    check();
}

static struct value *some_lengths(void)
{
    struct tensor *t = tensor_new(DTYPE_I32, 1, &batch, &error);
    for (int64_t i = 0; i < batch; i++)
        tensor_set_f64(t, i, (double)(i % (steps + 1)));
    return graph_add_constant(graph, NULL, t, &error);
}

static void set_names(struct node *n, int count)
{
    static const struct str names[] = {{"Sigmoid", 7}, {"Tanh", 4}, {"Tanh", 4}};
    node_set_strings(n, "activations", names, (size_t)count, &error);
}

static void lstm(const char *direction, int variant)
{
    begin();
    struct node *n = recurrent("LSTM", 4, variant & 1 ? some_lengths() : NULL, direction);
    node_add_input(n, state("c"), &error);
    if (variant & 2)
        node_add_input(n, weight(DIMS(directions, 3 * hidden)), &error);
    if (variant & 1)
        node_set_float(n, "clip", 0.5f, &error);
    if (variant & 2 && directions == 1)
        set_names(n, 3);
    outputs(n, 3);
}

/* Weights of bytes, inputs first, with a scale and a zero point for all outputs or for each. */
static void add_bytes(struct value **w, struct value **scale, struct value **zero, enum dtype type, bool each,
                      int64_t columns)
{
    const int64_t rows = 4 * hidden, dims[] = {directions, columns, rows};
    const int64_t count[] = {directions, rows};
    struct tensor *q = random_tensor(type, 3, dims, 1), *z = random_tensor(type, 1 + each, count, 1),
                  *s = random_tensor(DTYPE_F32, 1 + each, count, 1);
    for (int64_t i = 0; i < q->count; i++)
        tensor_set_f64(q, i, (double)((i * 37 + i / 11) % 256 - (type == DTYPE_I8 ? 128 : 0)));
    for (int64_t i = 0; i < z->count; i++) {
        tensor_set_f64(z, i, (double)(i % 5 + (type == DTYPE_I8 ? -2 : 126)));
        tensor_set_f64(s, i, 0.001 + 0.0001 * (double)(i % 7));
    }
    *w = graph_add_constant(graph, NULL, q, &error);
    *zero = graph_add_constant(graph, NULL, z, &error);
    *scale = graph_add_constant(graph, NULL, s, &error);
}

static void quantized_lstm(const char *direction, int variant)
{
    begin();
    directions = strcmp(direction, "bidirectional") == 0 ? 2 : 1;
    enum dtype type = variant & 1 ? DTYPE_I8 : DTYPE_U8;
    struct value *w, *r, *scale[2], *zero[2], *x = input("x", DIMS(steps, batch, INPUTS));
    add_bytes(&w, &scale[0], &zero[0], type, variant & 2, INPUTS);
    add_bytes(&r, &scale[1], &zero[1], type, variant & 2, hidden);
    bool given = variant & 1;
    struct value *h = given ? input("h", DIMS(directions, batch, hidden)) : NULL,
                 *c = given ? input("c", DIMS(directions, batch, hidden)) : NULL;
    struct value *lengths = given ? some_lengths() : NULL, *bias = weight(DIMS(directions, 8 * hidden));
    struct value *in[] = {x, w, r, bias, lengths, h, c, NULL, scale[0], zero[0], scale[1], zero[1], &none};
    struct node *n = node("com.microsoft", "DynamicQuantizeLSTM", in);
    node_set_int(n, "hidden_size", hidden, &error);
    node_set_string(n, "direction", direction, strlen(direction), &error);
    kernel_wanted = "lstm_q8";
    outputs(n, 3);
}

static void gru(const char *direction, int variant)
{
    begin();
    struct node *n = recurrent("GRU", 3, variant & 1 ? some_lengths() : NULL, direction);
    node_set_int(n, "linear_before_reset", variant >> 1 & 1, &error);
    if (variant & 1)
        node_set_float(n, "clip", 0.5f, &error);
    if (variant & 2 && directions == 1)
        set_names(n, 2);
    outputs(n, 2);
}

static void rnn(const char *direction, int variant)
{
    static const struct str names[][2] = {{{"Relu", 4}, {"Relu", 4}}, {{"Affine", 6}, {"Affine", 6}}};
    begin();
    struct node *n = recurrent("RNN", 1, variant & 1 ? some_lengths() : NULL, direction);
    if (variant & 2)
        node_set_strings(n, "activations", names[variant & 1], (size_t)directions, &error);
    kernel_wanted = "rnn_f32";
    outputs(n, 2);
}

static void all_variants(void)
{
    static const char *const names[] = {"forward", "reverse", "bidirectional"};
    for (int i = 0; i < 12; i++) {
        batch_first = i & 1;
        lstm(names[i % 3], i / 3);
        gru(names[i % 3], i / 3);
        rnn(names[i % 3], i / 3);
        quantized_lstm(names[i % 3], i / 3);
    }
}

/* Few units in one block or two; one sequence and several. */
static void test_small(void)
{
    steps = 5;
    hidden = 19;
    for (batch = 1; batch <= 3; batch += 2)
        all_variants();
}

/* Enough that threads share every time step, in blocks whose last one is not whole. */
static void test_shared(void)
{
    steps = 3;
    hidden = 107;
    for (batch = 1; batch <= 3; batch += 2)
        all_variants();
}

/* Rows that do not fit one tile of the product, and no initial state. */
static void test_batch(void)
{
    begin();
    struct value *x = input("x", DIMS(4, 33, INPUTS));
    struct node *n = NODE("GRU", x, weight(DIMS(1, 3 * 40, INPUTS)), weight(DIMS(1, 3 * 40, 40)));
    node_set_int(n, "hidden_size", 40, &error);
    outputs(n, 2);
}

/* Lengths that only the run brings may be wrong. */
static void test_wrong_lengths(void)
{
    steps = 3;
    batch = 2;
    hidden = 8;
    batch_first = false;
    begin();
    struct value *lengths = graph_add_value(graph, "lengths", &error);
    lengths->type = (struct type){.kind = TYPE_TENSOR, .dtype = DTYPE_I32, .rank = 1, .dims = {batch}};
    graph_add_input(graph, lengths, &error);
    struct node *n = recurrent("LSTM", 4, lengths, "forward");
    output(n->out[0]);
    op_resolve(graph);
    CHECK_MSG(op_infer_graph(graph, &error) == 0, "%s", error.text);
    struct item *in[8], *out[1] = {NULL};
    for (size_t i = 0; i < graph->input_count; i++)
        in[i] = item_of_tensor(
            random_tensor(graph->inputs[i]->type.dtype, graph->inputs[i]->type.rank, graph->inputs[i]->type.dims, 1),
            &error);
    tensor_set_f64(in[0]->tensor, 0, 1);
    tensor_set_f64(in[0]->tensor, 1, 4);
    CHECK(run_exec(kernel_select(NULL, &error), 2, in, out) < 0 && strstr(error.text, "sequence_lens holds 4"));
    for (size_t i = 0; i < graph->input_count; i++)
        item_unref(in[i]);
    graph_free(graph);
}

/* Scales that are neither one for a direction nor one for each output are not read. */
static void test_wrong_scales(void)
{
    directions = 1;
    hidden = 8;
    begin();
    struct value *w, *r, *scale[2], *zero[2], *x = input("x", DIMS(3, 2, INPUTS));
    add_bytes(&w, &scale[0], &zero[0], DTYPE_U8, true, INPUTS);
    add_bytes(&r, &scale[1], &zero[1], DTYPE_U8, true, hidden);
    scale[1] = weight(DIMS(3));
    struct node *n =
        node("com.microsoft", "DynamicQuantizeLSTM",
             (struct value *[]){x, w, r, NULL, NULL, NULL, NULL, NULL, scale[0], zero[0], scale[1], zero[1], &none});
    node_set_int(n, "hidden_size", hidden, &error);
    output(n->out[0]);
    check_refused("input 10 has 3 elements, want 1 or 32");
}

int main(void)
{
    RUN(test_small);
    RUN(test_shared);
    RUN(test_batch);
    RUN(test_wrong_lengths);
    RUN(test_wrong_scales);
    return TEST_END();
}
