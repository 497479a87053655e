/* Normalisations and the softmax family. */
#include "one.h"

static struct one o;

static void start(const char *op, int outputs)
{
    one_start(&o, "", op, outputs);
}

static void test_batch(void)
{
    const enum dtype dtypes[] = {DTYPE_F32, DTYPE_F64, DTYPE_F16, DTYPE_BF16};
    for (int i = 0; i < 4; i++) {
        start("BatchNormalization", 1);
        one_in(&o, one_tensor(dtypes[i], DIMS(1, 2, 2), VALUES(1, 2, 3, 4)));
        one_in(&o, one_tensor(DTYPE_F32, DIMS(2), VALUES(2, 3)));
        one_in(&o, one_tensor(DTYPE_F32, DIMS(2), VALUES(10, 20)));
        one_in(&o, one_tensor(DTYPE_F32, DIMS(2), VALUES(1, 4)));
        one_in(&o, one_tensor(DTYPE_F32, DIMS(2), VALUES(3, 8)));
        node_set_float(o.n, "epsilon", 1, &o.err);
        CHECK(one_gives(&o, 0, dtypes[i], DIMS(1, 2, 2), VALUES(10, 11, 19, 20)));
        one_end(&o);
    }
}

static void test_batch_training(void)
{
    start("BatchNormalization", 3);
    one_in(&o, one_tensor(DTYPE_F64, DIMS(2, 1, 2), VALUES(1, 3, 5, 7)));
    for (int i = 0; i < 4; i++)
        one_in(&o, one_tensor(DTYPE_F32, DIMS(1), &(double){(double[]){1, 0, 10, 20}[i]}));
    node_set_int(o.n, "training_mode", 1, &o.err);
    node_set_float(o.n, "momentum", 0.5f, &o.err);
    node_set_float(o.n, "epsilon", 4, &o.err);
    CHECK(one_gives(&o, 0, DTYPE_F64, DIMS(2, 1, 2), VALUES(-1, -1.0 / 3, 1.0 / 3, 1)));
    CHECK(one_gives(&o, 1, DTYPE_F32, DIMS(1), VALUES(7)));
    CHECK(one_gives(&o, 2, DTYPE_F32, DIMS(1), VALUES(12.5)));
    one_end(&o);
    start("BatchNormalization", 1);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(1, 2, 2), NULL));
    for (int i = 0; i < 4; i++)
        one_in(&o, one_tensor(DTYPE_F32, DIMS(i == 2 ? 3 : 2), NULL));
    CHECK(one_fails(&o, "has 3 elements, want 2"));
    CHECK(one_eval(&o) < 0 && strstr(o.err.text, "input input_mean: dim 0 is 3, want 2"));
    one_end(&o);
}

/* Four channels in two groups, of which each has its own scale; as single channels all of it is 0 but the bias. */
static void test_groups(void)
{
    for (int instance = 0; instance < 2; instance++) {
        start(instance ? "InstanceNormalization" : "GroupNormalization", 1);
        one_in(&o, one_tensor(DTYPE_F64, DIMS(1, 4, 1), VALUES(0, 2, 5, 9)));
        one_in(&o, one_tensor(DTYPE_F64, DIMS(4), VALUES(1, 2, 3, 4)));
        one_in(&o, one_tensor(DTYPE_F64, DIMS(4), VALUES(0, 1, 0, 1)));
        node_set_float(o.n, "epsilon", 0, &o.err);
        if (instance)
            node_set_float(o.n, "epsilon", 1, &o.err);
        else
            node_set_int(o.n, "num_groups", 2, &o.err);
        CHECK(one_gives(&o, 0, DTYPE_F64, DIMS(1, 4, 1), instance ? VALUES(0, 1, 0, 1) : VALUES(-1, 3, -3, 5)));
        one_end(&o);
    }
    start("GroupNormalization", 1);
    for (int i = 0; i < 3; i++)
        one_in(&o, i ? one_tensor(DTYPE_F32, DIMS(4), NULL) : one_tensor(DTYPE_F32, DIMS(1, 4, 1), NULL));
    node_set_int(o.n, "num_groups", 3, &o.err);
    CHECK(one_fails(&o, "attribute num_groups: 3"));
    one_end(&o);
    start("InstanceNormalization", 1);
    for (int i = 0; i < 3; i++)
        one_in(&o, i ? one_tensor(DTYPE_F32, DIMS(i), NULL) : one_tensor(DTYPE_F32, DIMS(1, 2, 4), NULL));
    CHECK(one_fails(&o, "input 1 has 1 elements, want 2, one for each channel"));
    one_end(&o);
}

static void start_layer(int64_t axis, int rank, const int64_t *scale)
{
    start("LayerNormalization", 3);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(2, 2), VALUES(1, 3, 5, 9)));
    one_in(&o, one_tensor(DTYPE_F32, rank, scale, VALUES(1, 2, 3, 4)));
    node_set_int(o.n, "axis", axis, &o.err);
    node_set_float(o.n, "epsilon", 0, &o.err);
}

static void test_layer(void)
{
    start_layer(-1, DIMS(2));
    one_in(&o, one_tensor(DTYPE_F32, DIMS(1), VALUES(10)));
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(2, 2), VALUES(9, 12, 9, 12)));
    CHECK(one_gives(&o, 1, DTYPE_F32, DIMS(2, 1), VALUES(2, 7)));
    CHECK(one_gives(&o, 2, DTYPE_F32, DIMS(2, 1), VALUES(1, 0.5)));
    one_end(&o);
    start_layer(0, DIMS(2, 1));
    CHECK(one_gives(&o, 1, DTYPE_F32, DIMS(1, 1), VALUES(4.5)));
    one_end(&o);
    start_layer(0, DIMS(3));
    CHECK(one_fails(&o, "input Scale does not broadcast to X"));
    one_end(&o);
    start_layer(2, DIMS(2));
    CHECK(one_fails(&o, "axis: 2"));
    one_end(&o);
    start_layer(-1, DIMS(2));
    node_set_int(o.n, "stash_type", 10, &o.err);
    CHECK(one_fails(&o, "attribute stash_type: 10"));
    one_end(&o);
}

/* The mean of a row far from 0 must not drown its variance. */
static void test_layer_offset(void)
{
    start("LayerNormalization", 1);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(1, 2), VALUES(1000001, 1000003)));
    one_in(&o, one_tensor(DTYPE_F32, DIMS(2), VALUES(1, 1)));
    node_set_float(o.n, "epsilon", 0, &o.err);
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(1, 2), VALUES(-1, 1)));
    one_end(&o);
}

static void test_rms(void)
{
    start("RMSNormalization", 1);
    one_in(&o, one_tensor(DTYPE_F16, DIMS(1, 2), VALUES(3, 4)));
    one_in(&o, one_tensor(DTYPE_F32, DIMS(2), VALUES(1, 2)));
    node_set_float(o.n, "epsilon", 0, &o.err);
    double rms = sqrt(12.5);
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(1, 2), VALUES(3 / rms, 8 / rms)));
    one_end(&o);
}

static void test_lrn(void)
{
    start("LRN", 1);
    one_in(&o, one_tensor(DTYPE_F64, DIMS(1, 4, 1, 1), VALUES(1, 2, 3, 4)));
    node_set_int(o.n, "size", 3, &o.err);
    node_set_float(o.n, "alpha", 3, &o.err);
    node_set_float(o.n, "beta", 1, &o.err);
    CHECK(one_gives(&o, 0, DTYPE_F64, DIMS(1, 4, 1, 1), VALUES(1.0 / 6, 2.0 / 15, 0.1, 4.0 / 26)));
    one_end(&o);
    start("LRN", 1); /* an even size reaches further behind */
    one_in(&o, one_tensor(DTYPE_F64, DIMS(1, 3), VALUES(1, 2, 3)));
    node_set_int(o.n, "size", 2, &o.err);
    node_set_float(o.n, "alpha", 2, &o.err);
    node_set_float(o.n, "beta", 1, &o.err);
    CHECK(one_gives(&o, 0, DTYPE_F64, DIMS(1, 3), VALUES(1.0 / 6, 2.0 / 14, 0.3)));
    one_end(&o);
    start("LRN", 1);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(1, 3), NULL));
    node_set_int(o.n, "size", 0, &o.err);
    CHECK(one_fails(&o, "attribute size: 0"));
    one_end(&o);
}

static void test_lp_and_mvn(void)
{
    for (int p = 1; p <= 2; p++) {
        start("LpNormalization", 1);
        one_in(&o, one_tensor(DTYPE_F32, DIMS(2, 2), VALUES(3, 1, -4, 0)));
        node_set_int(o.n, "axis", 0, &o.err);
        node_set_int(o.n, "p", p, &o.err);
        CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(2, 2),
                        p == 1 ? VALUES(3 / 7.0, 1, -4 / 7.0, 0) : VALUES(0.6, 1, -0.8, 0)));
        one_end(&o);
    }
    start("LpNormalization", 1);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(2), NULL));
    node_set_int(o.n, "p", 3, &o.err);
    CHECK(one_fails(&o, "attribute p: 3"));
    one_end(&o);
    start("MeanVarianceNormalization", 1);
    one_in(&o, one_tensor(DTYPE_F64, DIMS(1, 1, 2, 2), VALUES(1, 2, 3, 4)));
    CHECK(one_gives(&o, 0, DTYPE_F64, DIMS(1, 1, 2, 2),
                    VALUES(-1.5 / sqrt(1.25), -.5 / sqrt(1.25), .5 / sqrt(1.25), 1.5 / sqrt(1.25))));
    one_end(&o);
    start("MeanVarianceNormalization", 1);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(1, 2), NULL));
    CHECK(one_fails(&o, "attribute axes[1] is 2"));
    one_end(&o);
}

static void test_softmax(void)
{
    double e = exp(-1), s = 1 + e;
    static const char *const ops[] = {"Softmax", "LogSoftmax", "Hardmax"};
    const double want[][4] = {{e / s, e / s, 1 / s, 1 / s}, {log(e / s), log(e / s), -log(s), -log(s)}, {0, 0, 1, 1}};
    for (int i = 0; i < 3; i++) {
        start(ops[i], 1);
        one_in(&o, one_tensor(DTYPE_F32, DIMS(2, 2), VALUES(1000, -5, 1001, -4)));
        node_set_int(o.n, "axis", 0, &o.err);
        CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(2, 2), want[i]));
        one_end(&o);
        start(ops[i], 1);
        one_in(&o, one_tensor(DTYPE_F32, DIMS(2, 2), NULL));
        node_set_int(o.n, "axis", -3, &o.err);
        CHECK(one_fails(&o, "axis: -3"));
        one_end(&o);
    }
    start("Softmax", 1); /* nothing but -inf has no softmax */
    one_in(&o, one_tensor(DTYPE_F32, DIMS(2, 2), VALUES(-INFINITY, -INFINITY, -INFINITY, 0)));
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(2, 2), VALUES(NAN, NAN, 0, 1)));
    one_end(&o);
    start("Hardmax", 1); /* the first of equals */
    one_in(&o, one_tensor(DTYPE_F32, DIMS(3), VALUES(1, 2, 2)));
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(3), VALUES(0, 1, 0)));
    one_end(&o);
}

/* Sizes whose product fits nothing, beside a 0. */
static void test_empty(void)
{
    static const char *const ops[] = {"Softmax", "MeanVarianceNormalization", "LpNormalization"};
    for (int i = 0; i < 3; i++) {
        start(ops[i], 1);
        one_in(&o, one_tensor(DTYPE_F32, DIMS(1ll << 30, 0, 1ll << 30, 1ll << 30), NULL));
        one_run(&o);
        one_end(&o);
    }
}

static void test_inference(void)
{
    start("LayerNormalization", 3);
    one_typed(&o, DTYPE_F16, DIMS(one_symbol(&o, "N"), 7, 8));
    one_typed(&o, DTYPE_F16, DIMS(8));
    CHECK(one_infer(&o) == 0);
    CHECK_STR(one_type(&o, 0), "f16 Nx7x8");
    CHECK_STR(one_type(&o, 1), "f32 Nx7x1");
    one_end(&o);
}

int main(void)
{
    RUN(test_batch);
    RUN(test_batch_training);
    RUN(test_groups);
    RUN(test_layer);
    RUN(test_layer_offset);
    RUN(test_rms);
    RUN(test_lrn);
    RUN(test_lp_and_mvn);
    RUN(test_softmax);
    RUN(test_empty);
    RUN(test_inference);
    return TEST_END();
}
