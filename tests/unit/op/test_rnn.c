/* RNN, LSTM and GRU, against numbers of an independent implementation of the standard's formulas. */
#include "one.h"

static struct one o;

static const double x[] = {0.5, -1, 0.25, 1, 2, -0.5}; /* 3 steps of 2 numbers */
static const double w[] = {0.27, -0.46, -0.92, -0.97, 0.63, 0.83,  0.21, 0.46,
                           0.09, 0.87,  0.63,  -0.99, 0.71, -0.93, 0.46, -0.65};
static const double r[] = {0.73, 0.08,  -0.4, -0.15, -0.94, -0.75, 0.34, 0.29,
                           0.23, -0.23, 0.99, 0.96,  0.37,  0.3,   0.38, -0.22};
static const double b[] = {-0.73, 0.44, 0.05, -0.38, -0.03, 0.78, 0.87, -0.28, 0.14, -0.36, 0.19, -0.32};
static const double lstm[] = {0.188008845, 0.170961633, 0.0967416018, 0.0451360196, 0.421241522, 0.12588349};
static const double gru[] = {-0.2409437, 0.323793858, 0.333301723, -0.431194782, 0.202346951, 0.675982952};
static const double gru_linear[] = {-0.210664824, 0.326434106, 0.343524307, -0.0208678395, 0.237589702, 0.77648139};
static const double rnn_reverse[] = {0.487380922, 0.56244278, 0.00973995496, -0.868633986, 0.646929502, -0.875228345};

/* Two hidden numbers, one sequence; `gates` of the rows of w and r. */
static void start(const char *op, int64_t gates, int outputs)
{
    one_start(&o, "", op, outputs);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(3, 1, 2), x));
    one_in(&o, one_tensor(DTYPE_F32, DIMS(1, 2 * gates, 2), w));
    one_in(&o, one_tensor(DTYPE_F32, DIMS(1, 2 * gates, 2), r));
    node_set_int(o.n, "hidden_size", 2, &o.err);
}

static bool close_to(int i, const double *want, int n)
{
    bool same = one_run(&o) == 0 && o.out[i]->tensor->count == n;
    for (int k = 0; same && k < n; k++)
        same = fabs(tensor_get_f64(o.out[i]->tensor, k) - want[k]) < 1e-6;
    if (!same)
        printf("  %s\n", o.err.text);
    return same;
}

static void test_lstm(void)
{
    start("LSTM", 4, 3);
    CHECK(close_to(0, lstm, 6));
    CHECK(close_to(1, lstm + 4, 2));
    CHECK(close_to(2, VALUES(0.735203683, 0.22923854), 2));
    CHECK_STR(one_type(&o, 0), "f32 3x1x1x2");
    CHECK_STR(one_type(&o, 2), "f32 1x1x2");
    one_end(&o);
}

static void test_gru(void)
{
    start("GRU", 3, 2);
    CHECK(close_to(0, gru, 6));
    one_end(&o);
    start("GRU", 3, 2);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(1, 12), b));
    node_set_int(o.n, "linear_before_reset", 1, &o.err);
    CHECK(close_to(0, gru_linear, 6));
    CHECK(close_to(1, gru_linear + 4, 2));
    one_end(&o);
}

static void test_reverse(void)
{
    start("RNN", 1, 2);
    node_set_string(o.n, "direction", "reverse", 7, &o.err);
    CHECK(close_to(0, rnn_reverse, 6));
    CHECK(close_to(1, rnn_reverse, 2));
    one_end(&o);
}

/* Both directions of a GRU at once, batch first, twice the same sequence of which the second ends a step earlier. */
static void test_layout_and_lengths(void)
{
    double two[12], ww[24], rr[24];
    for (int i = 0; i < 12; i++) {
        two[i] = x[i % 6];
        ww[i] = ww[12 + i] = w[i];
        rr[i] = rr[12 + i] = r[i];
    }
    one_start(&o, "", "GRU", 2);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(2, 3, 2), two));
    one_in(&o, one_tensor(DTYPE_F32, DIMS(2, 6, 2), ww));
    one_in(&o, one_tensor(DTYPE_F32, DIMS(2, 6, 2), rr));
    one_in(&o, NULL);
    one_in(&o, one_tensor(DTYPE_I32, DIMS(2), VALUES(3, 2)));
    node_set_string(o.n, "direction", "bidirectional", 13, &o.err);
    node_set_int(o.n, "layout", 1, &o.err);
    CHECK(one_run(&o) == 0);
    CHECK_STR(one_type(&o, 0), "f32 2x3x2x2");
    CHECK_STR(one_type(&o, 1), "f32 2x2x2");
    for (int step = 0; o.out[0] && step < 3; step++)
        for (int i = 0; i < 2; i++) {
            double first = tensor_get_f64(o.out[0]->tensor, step * 4 + i);
            double second = tensor_get_f64(o.out[0]->tensor, 12 + step * 4 + i);
            CHECK(fabs(first - gru[2 * step + i]) < 1e-6);
            CHECK(step < 2 ? second == first : second == 0);
            if (step == 2) /* backwards, the last step is the first */
                CHECK(tensor_get_f64(o.out[0]->tensor, 12 + 8 + 2 + i) == 0);
        }
    CHECK(o.out[1] &&
          fabs(tensor_get_f64(o.out[1]->tensor, 4) - gru[2]) < 1e-6); /* the state after its own last step */
    one_end(&o);
}

/* activations consume alpha and beta in turn; the clip bounds what they see. */
static void test_activations(void)
{
    one_start(&o, "", "RNN", 1);
    one_in(&o, one_tensor(DTYPE_F64, DIMS(1, 1, 1), VALUES(3)));
    one_in(&o, one_tensor(DTYPE_F64, DIMS(2, 1, 1), VALUES(1, -1)));
    one_in(&o, one_tensor(DTYPE_F64, DIMS(2, 1, 1), NULL));
    node_set_string(o.n, "direction", "bidirectional", 13, &o.err);
    node_set_strings(o.n, "activations", (struct str[]){{"affine", 6}, {"LeakyRelu", 9}}, 2, &o.err);
    node_set_floats(o.n, "activation_alpha", (float[]){2, 0.5f}, 2, &o.err);
    node_set_floats(o.n, "activation_beta", (float[]){10}, 1, &o.err);
    node_set_float(o.n, "clip", 2, &o.err);
    CHECK(one_gives(&o, 0, DTYPE_F64, DIMS(1, 2, 1, 1), VALUES(14, -1)));
    one_end(&o);
}

/* Peepholes, coupled gates, initial states: one step by hand. */
static void test_lstm_options(void)
{
    one_start(&o, "", "LSTM", 3);
    one_in(&o, one_tensor(DTYPE_F64, DIMS(1, 1, 1), VALUES(1)));
    one_in(&o, one_tensor(DTYPE_F64, DIMS(1, 4, 1), VALUES(1, 2, 3, 4)));
    one_in(&o, one_tensor(DTYPE_F64, DIMS(1, 4, 1), VALUES(1, 1, 1, 1)));
    one_in(&o, NULL);
    one_in(&o, NULL);
    one_in(&o, one_tensor(DTYPE_F64, DIMS(1, 1, 1), VALUES(0.5)));
    one_in(&o, one_tensor(DTYPE_F64, DIMS(1, 1, 1), VALUES(20)));
    one_in(&o, one_tensor(DTYPE_F64, DIMS(1, 3), VALUES(0.01, 0.02, 0.03)));
    node_set_int(o.n, "input_forget", 1, &o.err);
    node_set_float(o.n, "clip", 3.5f, &o.err); /* bounds the gates alone */
    double in = 1 / (1 + exp(-(1.5 + 0.01 * 20))), cell = (1 - in) * 20 + in * tanh(3.5);
    double out = 1 / (1 + exp(-(2.5 + 0.02 * cell)));
    CHECK(one_gives(&o, 2, DTYPE_F64, DIMS(1, 1, 1), VALUES(cell)));
    CHECK(one_gives(&o, 1, DTYPE_F64, DIMS(1, 1, 1), VALUES(out * tanh(cell))));
    one_end(&o);
}

static void test_errors(void)
{
    start("LSTM", 3, 1);
    CHECK(one_fails(&o, "input W: dim 1 is 6, want 8"));
    one_end(&o);
    start("GRU", 3, 1);
    node_set_int(o.n, "hidden_size", 3, &o.err);
    CHECK(one_fails(&o, "attribute hidden_size: 3"));
    one_end(&o);
    start("GRU", 3, 1);
    node_set_string(o.n, "direction", "sideways", 8, &o.err);
    CHECK(one_fails(&o, "attribute direction: 'sideways'"));
    one_end(&o);
    start("GRU", 3, 1);
    node_set_strings(o.n, "activations", (struct str[]){{"Tanh", 4}}, 1, &o.err);
    CHECK(one_fails(&o, "attribute activations: 1 values, want 2"));
    one_end(&o);
    start("GRU", 3, 1);
    node_set_strings(o.n, "activations", (struct str[]){{"Tanh", 4}, {"Tan", 3}}, 2, &o.err);
    CHECK(one_fails(&o, "attribute activations: 'Tan' is not known"));
    one_end(&o);
    start("RNN", 1, 1);
    one_in(&o, NULL);
    one_in(&o, one_tensor(DTYPE_I32, DIMS(1), VALUES(4)));
    CHECK(one_fails(&o, "input sequence_lens holds 4, want 0 to 3"));
    one_end(&o);
}

static void test_inference(void)
{
    one_start(&o, "", "LSTM", 3);
    one_typed(&o, DTYPE_F32, DIMS(one_symbol(&o, "T"), one_symbol(&o, "N"), 10));
    one_typed(&o, DTYPE_F32, DIMS(2, 128, 10));
    one_typed(&o, DTYPE_F32, DIMS(2, 128, DIM_UNKNOWN));
    node_set_int(o.n, "hidden_size", 32, &o.err);
    node_set_string(o.n, "direction", "bidirectional", 13, &o.err);
    CHECK(one_infer(&o) == 0);
    CHECK_STR(one_type(&o, 0), "f32 Tx2xNx32");
    CHECK_STR(one_type(&o, 2), "f32 2xNx32");
    one_end(&o);
    one_start(&o, "", "GRU", 1); /* kernels read as many rows as there are gates */
    one_typed(&o, DTYPE_F32, DIMS(3, one_symbol(&o, "N"), 10));
    one_typed(&o, DTYPE_F32, DIMS(1, 96, 10));
    one_typed(&o, DTYPE_F32, DIMS(1, 48, 32));
    CHECK(one_infer(&o) < 0 && strstr(o.err.text, "input R: dim 1 is 48, want 96"));
    one_end(&o);
}

int main(void)
{
    RUN(test_lstm);
    RUN(test_gru);
    RUN(test_reverse);
    RUN(test_layout_and_lengths);
    RUN(test_activations);
    RUN(test_lstm_options);
    RUN(test_errors);
    RUN(test_inference);
    return TEST_END();
}
