/* nn.QConv, nn.QMatMul, nn.QAdd, nn.QMul: exact sums, one rounding, bounds. */
#include "one.h"

static void scalar(struct one *o, enum dtype dtype, double number)
{
    one_in(o, one_tensor(dtype, SCALAR, VALUES(number)));
}

/* Operands with their scale and zero point. */
static void pair(struct one *o, struct tensor *t, enum dtype dtype, double scale, double zero)
{
    one_in(o, t);
    scalar(o, DTYPE_F32, scale);
    scalar(o, dtype, zero);
}

static void test_matmul(void)
{
    struct one o;
    one_start(&o, "nn", "QMatMul", 1); /* 3 * 255 * -128, where 16 bits would saturate */
    pair(&o, one_tensor(DTYPE_U8, DIMS(1, 3), VALUES(255, 255, 255)), DTYPE_U8, 1, 0);
    pair(&o, one_tensor(DTYPE_I8, DIMS(3, 2), VALUES(-128, 127, -128, 127, -128, -128)), DTYPE_I8, 1, 0);
    scalar(&o, DTYPE_F32, 1024);
    scalar(&o, DTYPE_I8, 10);
    CHECK(one_gives(&o, 0, DTYPE_I8, DIMS(1, 2), VALUES(-86, 41)));
    one_end(&o);

    one_start(&o, "nn", "QMatMul", 1); /* a scale for each column, a bias, ties to even, Relu */
    node_set_string(o.n, "activation", "Relu", 4, &o.err);
    pair(&o, one_tensor(DTYPE_U8, DIMS(2, 1), VALUES(131, 125)), DTYPE_U8, 0.5, 128);
    one_in(&o, one_tensor(DTYPE_I8, DIMS(1, 3), VALUES(1, 1, 1)));
    one_in(&o, one_tensor(DTYPE_F32, DIMS(3), VALUES(1, 2, 4)));
    one_in(&o, one_tensor(DTYPE_I8, DIMS(3), VALUES(0, 0, 0)));
    scalar(&o, DTYPE_F32, 1);
    scalar(&o, DTYPE_U8, 100);
    one_in(&o, one_tensor(DTYPE_I32, DIMS(3), VALUES(0, 10, 2)));
    CHECK(one_gives(&o, 0, DTYPE_U8, DIMS(2, 3), VALUES(102, 113, 110, 100, 107, 100)));
    one_end(&o);

    one_start(&o, "nn", "QMatMul", 1);
    node_set_string(o.n, "activation", "Tanh", 4, &o.err);
    pair(&o, one_tensor(DTYPE_U8, DIMS(1, 1), VALUES(1)), DTYPE_U8, 1, 0);
    pair(&o, one_tensor(DTYPE_I8, DIMS(1, 1), VALUES(1)), DTYPE_I8, 1, 0);
    scalar(&o, DTYPE_F32, 1);
    scalar(&o, DTYPE_I8, 0);
    CHECK(one_fails(&o, "'Tanh', want Relu or Clip"));
    one_end(&o);
}

static void test_conv(void)
{
    struct one o;
    one_start(&o, "nn", "QConv", 1); /* padding is the zero point; bounds within the type's */
    node_set_string(o.n, "activation", "Clip", 4, &o.err);
    node_set_float(o.n, "activation_alpha", 1, &o.err);
    node_set_float(o.n, "activation_beta", 4, &o.err);
    node_set_ints(o.n, "pads", (int64_t[]){1, 1}, 2, &o.err);
    pair(&o, one_tensor(DTYPE_U8, DIMS(1, 1, 3), VALUES(138, 118, 130)), DTYPE_U8, 1, 128);
    pair(&o, one_tensor(DTYPE_I8, DIMS(1, 1, 3), VALUES(1, 1, 1)), DTYPE_I8, 0.5, 0);
    scalar(&o, DTYPE_F32, 0.25);
    scalar(&o, DTYPE_I8, 3);
    one_in(&o, one_tensor(DTYPE_I32, DIMS(1), VALUES(8)));
    CHECK(one_gives(&o, 0, DTYPE_I8, DIMS(1, 1, 3), VALUES(19, 19, 7)));
    one_end(&o);
}

static void test_binary(void)
{
    struct one o;
    one_start(&o, "nn", "QAdd", 1);
    pair(&o, one_tensor(DTYPE_U8, DIMS(2, 2), VALUES(0, 255, 128, 10)), DTYPE_U8, 0.5, 128);
    pair(&o, one_tensor(DTYPE_I8, DIMS(2), VALUES(-128, 127)), DTYPE_I8, 1, 0);
    scalar(&o, DTYPE_F32, 2);
    scalar(&o, DTYPE_I8, 0);
    CHECK(one_gives(&o, 0, DTYPE_I8, DIMS(2, 2), VALUES(-96, 95, -64, 34)));
    one_end(&o);
    one_start(&o, "nn", "QMul", 1);
    node_set_string(o.n, "activation", "Relu", 4, &o.err);
    pair(&o, one_tensor(DTYPE_U8, DIMS(3), VALUES(0, 255, 129)), DTYPE_U8, 0.5, 128);
    pair(&o, one_tensor(DTYPE_I8, SCALAR, VALUES(2)), DTYPE_I8, 1, 0);
    scalar(&o, DTYPE_F32, 1);
    scalar(&o, DTYPE_U8, 7);
    CHECK(one_gives(&o, 0, DTYPE_U8, DIMS(3), VALUES(7, 134, 8)));
    one_end(&o);
}

static void test_real_output(void)
{
    struct one o;
    one_start(&o, "nn", "QMatMul", 1); /* without y_scale: numbers */
    node_set_string(o.n, "activation", "Relu", 4, &o.err);
    pair(&o, one_tensor(DTYPE_U8, DIMS(1, 2), VALUES(130, 120)), DTYPE_U8, 0.5, 128);
    pair(&o, one_tensor(DTYPE_I8, DIMS(2, 2), VALUES(3, 1, 1, 2)), DTYPE_I8, 0.25, 0);
    one_item(&o, NULL);
    one_item(&o, NULL);
    one_in(&o, one_tensor(DTYPE_I32, DIMS(2), VALUES(10, 1)));
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(1, 2), VALUES(1, 0)));
    one_end(&o);
    one_start(&o, "nn", "QConv", 1);
    pair(&o, one_tensor(DTYPE_U8, DIMS(1, 1, 2), VALUES(1, 2)), DTYPE_U8, 1, 0);
    pair(&o, one_tensor(DTYPE_I8, DIMS(1, 1, 1), VALUES(1)), DTYPE_I8, 1, 0);
    scalar(&o, DTYPE_F32, 1);
    CHECK(one_fails(&o, "want both or none"));
    one_end(&o);
}

static void test_conv_transpose(void)
{
    struct one o;
    one_start(&o, "nn", "QConvTranspose", 1); /* two groups; scales of the channels of one */
    node_set_int(o.n, "group", 2, &o.err);
    node_set_ints(o.n, "strides", (int64_t[]){2}, 1, &o.err);
    pair(&o, one_tensor(DTYPE_U8, DIMS(1, 2, 2), VALUES(11, 12, 10, 13)), DTYPE_U8, 1, 10);
    one_in(&o, one_tensor(DTYPE_I8, DIMS(2, 1, 3), VALUES(1, 2, 3, -1, 2, 4)));
    scalar(&o, DTYPE_F32, 0.5);
    scalar(&o, DTYPE_I8, 1);
    scalar(&o, DTYPE_F32, 0.5);
    scalar(&o, DTYPE_I8, -1);
    one_in(&o, one_tensor(DTYPE_I32, DIMS(2), VALUES(100, -1)));
    CHECK(one_gives(&o, 0, DTYPE_I8, DIMS(1, 2, 5), VALUES(99, 100, 101, 101, 103, -2, -2, -8, 1, 7)));
    one_end(&o);
}

static void test_averages(void)
{
    struct one o;
    one_start(&o, "nn", "QAveragePool", 1); /* padding does not count; ties to even */
    node_set_ints(o.n, "kernel_shape", (int64_t[]){2}, 1, &o.err);
    node_set_ints(o.n, "pads", (int64_t[]){1, 0}, 2, &o.err);
    pair(&o, one_tensor(DTYPE_U8, DIMS(1, 1, 4), VALUES(10, 13, 14, 255)), DTYPE_U8, 1, 10);
    scalar(&o, DTYPE_F32, 1);
    scalar(&o, DTYPE_U8, 3);
    CHECK(one_gives(&o, 0, DTYPE_U8, DIMS(1, 1, 4), VALUES(3, 5, 7, 127)));
    one_end(&o);
    one_start(&o, "nn", "QReduceMean", 1);
    node_set_int(o.n, "keepdims", 0, &o.err);
    one_in(&o, one_tensor(DTYPE_I8, DIMS(2, 3), VALUES(-128, -128, -128, 1, 2, 4)));
    one_in(&o, one_tensor(DTYPE_I64, DIMS(1), VALUES(-1)));
    scalar(&o, DTYPE_F32, 1);
    scalar(&o, DTYPE_I8, 1);
    scalar(&o, DTYPE_F32, 0.5);
    scalar(&o, DTYPE_I8, 2);
    CHECK(one_gives(&o, 0, DTYPE_I8, DIMS(2), VALUES(-128, 5)));
    one_end(&o);
}

static void test_table(void)
{
    struct one o;
    double table[256];
    for (int i = 0; i < 256; i++)
        table[i] = i * 0.5;
    one_start(&o, "nn", "QTable", 1);
    one_in(&o, one_tensor(DTYPE_I8, DIMS(1, 3), VALUES(-128, 0, 127)));
    one_in(&o, one_tensor(DTYPE_F32, DIMS(256), table));
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(1, 3), VALUES(0, 64, 127.5)));
    one_end(&o);
    one_start(&o, "nn", "QTable", 1);
    one_in(&o, one_tensor(DTYPE_U8, DIMS(2), VALUES(255, 3)));
    one_in(&o, one_tensor(DTYPE_F32, DIMS(256), table));
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(2), VALUES(127.5, 1.5)));
    one_end(&o);
    one_start(&o, "nn", "QTable", 1);
    one_in(&o, one_tensor(DTYPE_U8, DIMS(2), VALUES(255, 3)));
    one_in(&o, one_tensor(DTYPE_F32, DIMS(255), table));
    CHECK(one_fails(&o, "no list of 256"));
    one_end(&o);
}

int main(void)
{
    RUN(test_real_output);
    RUN(test_conv_transpose);
    RUN(test_averages);
    RUN(test_table);
    RUN(test_matmul);
    RUN(test_conv);
    RUN(test_binary);
    return TEST_END();
}
