/* Losses and optimisers. */
#include "one.h"

static void start_nll(struct one *o, const char *reduction)
{
    one_start(o, "", "NegativeLogLikelihoodLoss", 1);
    node_set_string(o->n, "reduction", reduction, strlen(reduction), &o->err);
    one_in(o, one_tensor(DTYPE_F32, DIMS(2, 3), VALUES(1, 2, 3, 4, 5, 6)));
}

static void test_nll(void)
{
    struct one o;
    start_nll(&o, "none");
    one_in(&o, one_tensor(DTYPE_I32, DIMS(2), VALUES(2, 0)));
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(2), VALUES(-3, -4)));
    one_end(&o);
    start_nll(&o, "sum");
    one_in(&o, one_tensor(DTYPE_I64, DIMS(2), VALUES(2, 0)));
    CHECK(one_gives(&o, 0, DTYPE_F32, SCALAR, VALUES(-7)));
    one_end(&o);
    start_nll(&o, "mean");
    one_in(&o, one_tensor(DTYPE_I64, DIMS(2), VALUES(2, 0)));
    one_in(&o, one_tensor(DTYPE_F32, DIMS(3), VALUES(1, 2, 3)));
    CHECK(one_gives(&o, 0, DTYPE_F32, SCALAR, VALUES(-13.0 / 4)));
    one_end(&o);
    start_nll(&o, "mean");
    node_set_int(o.n, "ignore_index", -5, &o.err);
    one_in(&o, one_tensor(DTYPE_I64, DIMS(2), VALUES(-5, 1)));
    CHECK(one_gives(&o, 0, DTYPE_F32, SCALAR, VALUES(-5)));
    one_end(&o);
}

static void test_nll_errors(void)
{
    static const struct {
        const char *reduction;
        int64_t n;
        double target[3];
        const char *words;
    } rows[] = {{"max", 2, {0, 0}, "attribute reduction is 'max'"},
                {"sum", 2, {0, 3}, "element 1 is 3, want 0 to 2"},
                {"sum", 2, {-1, 0}, "element 0 is -1, want 0 to 2"},
                {"none", 3, {0, 0, 0}, "dim 0 is 3, want 2"}};
    struct one o;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        start_nll(&o, rows[i].reduction);
        one_in(&o, one_tensor(DTYPE_I64, DIMS(rows[i].n), rows[i].target));
        CHECK_MSG(one_fails(&o, rows[i].words), "row %zu", i);
        CHECK_MSG(one_eval(&o) && strstr(o.err.text, rows[i].words), "row %zu: %s", i, o.err.text);
        one_end(&o);
    }
    start_nll(&o, "sum");
    one_in(&o, one_tensor(DTYPE_I64, DIMS(2), NULL));
    one_in(&o, one_tensor(DTYPE_F32, DIMS(2), NULL));
    CHECK(one_fails(&o, "input weight: dim 0 is 2, want 3"));
    one_end(&o);
}

static void test_softmax(void)
{
    struct one o;
    one_start(&o, "", "SoftmaxCrossEntropyLoss", 2);
    one_in(&o, one_tensor(DTYPE_F64, DIMS(1, 2, 2), VALUES(1000, 0, 1000, 1)));
    one_in(&o, one_tensor(DTYPE_I64, DIMS(1, 2), VALUES(0, 1)));
    const double log_prob[4] = {-M_LN2, -1.3132616875182228, -M_LN2, -0.31326168751822286};
    CHECK(one_gives(&o, 1, DTYPE_F64, DIMS(1, 2, 2), log_prob));
    CHECK(one_gives(&o, 0, DTYPE_F64, SCALAR, VALUES((M_LN2 + 0.31326168751822286) / 2)));
    one_end(&o);
}

/* One optimiser on two tensors of one element each: R = 0.5, T = t. `states` lists X1 X2 G1 G2 … */
static void check_training(const char *op, const char *mode, int64_t t, int states, const double *in, int outputs,
                           const double *want)
{
    struct one o;
    one_start(&o, "ai.onnx.preview.training", op, outputs);
    if (mode) {
        node_set_string(o.n, "mode", mode, strlen(mode), &o.err);
        node_set_float(o.n, "alpha", 0.5f, &o.err);
        node_set_float(o.n, "beta", 0.25f, &o.err);
        node_set_float(o.n, "norm_coefficient", 0, &o.err);
    } else {
        node_set_float(o.n, "epsilon", 0, &o.err);
    }
    one_in(&o, one_tensor(DTYPE_F64, SCALAR, VALUES(0.5)));
    one_in(&o, tensor_scalar_i64(t, &o.err));
    for (int i = 0; i < states; i++)
        one_in(&o, one_tensor(DTYPE_F64, DIMS(1), &in[i]));
    for (int i = 0; i < outputs; i++)
        CHECK_MSG(one_gives(&o, i, DTYPE_F64, DIMS(1), &want[i]), "%s output %d", op, i);
    one_end(&o);
}

static void test_training(void)
{
    check_training("Adagrad", NULL, 3, 6, VALUES(1, 2, 3, 4, 16, 0), 4, VALUES(1 - 0.5 * 3 / 5, 1.5, 25, 16));
    check_training("Momentum", "standard", 1, 6, VALUES(1, 2, 4, 8, 2, 0), 4, VALUES(0, 1, 2, 2));
    check_training("Momentum", "standard", 0, 3, VALUES(1, 4, 2), 2, VALUES(1 - 0.5 * 5, 5));
    check_training("Momentum", "nesterov", 1, 3, VALUES(1, 4, 2), 2, VALUES(1 - 0.5 * (4 + 0.5 * 2), 2));
    struct one o;
    one_start(&o, "ai.onnx.preview.training", "Adagrad", 3);
    one_in(&o, one_tensor(DTYPE_F32, SCALAR, NULL));
    one_in(&o, tensor_scalar_i64(0, &o.err));
    for (int i = 0; i < 4; i++)
        one_in(&o, one_tensor(DTYPE_F32, DIMS(1), NULL));
    CHECK(one_fails(&o, "6 inputs and 3 outputs"));
    CHECK(one_eval(&o) && strstr(o.err.text, "6 inputs and 3 outputs"));
    one_end(&o);
    one_start(&o, "ai.onnx.preview.training", "Adagrad", 2);
    one_in(&o, one_tensor(DTYPE_F32, SCALAR, NULL));
    one_in(&o, tensor_scalar_i64(0, &o.err));
    for (int i = 0; i < 3; i++)
        one_in(&o, one_tensor(DTYPE_F32, DIMS(i + 1), NULL));
    CHECK(one_fails(&o, "dim 0 is 2, want 1"));
    one_end(&o);
}

/* Adam's first step is R * sqrt(1 - beta) / (1 - alpha) * (1 - alpha) g / (sqrt(1 - beta) |g|) = R. */
static void test_adam(void)
{
    struct one o;
    one_start(&o, "ai.onnx.preview.training", "Adam", 3);
    node_set_float(o.n, "epsilon", 0, &o.err);
    one_in(&o, one_tensor(DTYPE_F64, SCALAR, VALUES(0.5)));
    one_in(&o, tensor_scalar_i64(1, &o.err));
    one_in(&o, one_tensor(DTYPE_F64, DIMS(1), VALUES(1)));
    one_in(&o, one_tensor(DTYPE_F64, DIMS(1), VALUES(-7)));
    one_in(&o, one_tensor(DTYPE_F64, DIMS(1), VALUES(0)));
    one_in(&o, one_tensor(DTYPE_F64, DIMS(1), VALUES(0)));
    CHECK(one_gives(&o, 0, DTYPE_F64, DIMS(1), VALUES(1.5)));
    one_end(&o);
}

int main(void)
{
    RUN(test_nll);
    RUN(test_nll_errors);
    RUN(test_softmax);
    RUN(test_training);
    RUN(test_adam);
    return TEST_END();
}
