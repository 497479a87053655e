/* Convolutions. */
#include "one.h"

static struct one o;

static const double count9[] = {1, 2, 3, 4, 5, 6, 7, 8, 9};

static void ints(const char *name, int n, const int64_t *values)
{
    node_set_ints(o.n, name, values, (size_t)n, &o.err);
}

/* Conv of X 1x1x3x3 = 1…9 with W 1x1x2x2 = 1, 2, 3, 4. */
static void start_conv(enum dtype dtype)
{
    one_start(&o, "", "Conv", 1);
    one_in(&o, one_tensor(dtype, DIMS(1, 1, 3, 3), count9));
    one_in(&o, one_tensor(dtype, DIMS(1, 1, 2, 2), VALUES(1, 2, 3, 4)));
}

static void test_conv_types(void)
{
    const enum dtype dtypes[] = {DTYPE_F32, DTYPE_F64, DTYPE_F16, DTYPE_BF16};
    for (int i = 0; i < 4; i++) {
        start_conv(dtypes[i]);
        CHECK(one_gives(&o, 0, dtypes[i], DIMS(1, 1, 2, 2), VALUES(37, 47, 67, 77)));
        one_end(&o);
    }
}

static void test_conv_padding(void)
{
    start_conv(DTYPE_F32);
    ints("pads", DIMS(1, 0, 0, 1));
    ints("strides", DIMS(2, 2));
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(1, 1, 2, 2), VALUES(11, 9, 67, 33)));
    one_end(&o);
    start_conv(DTYPE_F32);
    node_set_string(o.n, "auto_pad", "SAME_UPPER", 10, &o.err);
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(1, 1, 3, 3), VALUES(37, 47, 21, 67, 77, 33, 23, 26, 9)));
    one_end(&o);
    start_conv(DTYPE_F32);
    node_set_string(o.n, "auto_pad", "SAME_LOWER", 10, &o.err);
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(1, 1, 3, 3), VALUES(4, 11, 18, 18, 37, 47, 36, 67, 77)));
    one_end(&o);
    start_conv(DTYPE_F32);
    ints("dilations", DIMS(2, 2));
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(1, 1, 1, 1), VALUES(1 + 2 * 3 + 3 * 7 + 4 * 9)));
    one_end(&o);
}

/* Two groups, a bias, one spatial axis; more places than one tile is wide. */
static void test_conv_groups(void)
{
    one_start(&o, "", "Conv", 1);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(1, 2, 3), VALUES(1, 2, 3, 4, 5, 6)));
    one_in(&o, one_tensor(DTYPE_F32, DIMS(2, 1, 1), VALUES(10, 100)));
    one_in(&o, one_tensor(DTYPE_F32, DIMS(2), VALUES(0.5, -1)));
    node_set_int(o.n, "group", 2, &o.err);
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(1, 2, 3), VALUES(10.5, 20.5, 30.5, 399, 499, 599)));
    one_end(&o);
    double wide[300], want[299];
    for (int i = 0; i < 300; i++)
        wide[i] = i * i;
    for (int i = 0; i < 299; i++)
        want[i] = wide[i + 1] - wide[i];
    one_start(&o, "", "Conv", 1);
    one_in(&o, one_tensor(DTYPE_F64, DIMS(1, 1, 300), wide));
    one_in(&o, one_tensor(DTYPE_F64, DIMS(1, 1, 2), VALUES(-1, 1)));
    CHECK(one_gives(&o, 0, DTYPE_F64, DIMS(1, 1, 299), want));
    one_end(&o);
}

static void test_conv_nan_stays_local(void)
{
    one_start(&o, "", "Conv", 1);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(1, 1, 4), VALUES(1, NAN, 3, 4)));
    one_in(&o, one_tensor(DTYPE_F32, DIMS(1, 1, 1), VALUES(2)));
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(1, 1, 4), VALUES(2, NAN, 6, 8)));
    one_end(&o);
}

static void fails_conv(int rank, const int64_t *w, const char *attr, int n, const int64_t *values, const char *words)
{
    one_start(&o, "", "Conv", 1);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(1, 2, 3, 3), NULL));
    one_in(&o, one_tensor(DTYPE_F32, rank, w, NULL));
    if (attr)
        ints(attr, n, values);
    CHECK(one_fails(&o, words));
    one_infer(&o); /* whatever inference found, evaluation finds it too */
    o.err.text[0] = '\0';
    CHECK(one_eval(&o) < 0 && strstr(o.err.text, words));
    one_end(&o);
}

static void test_conv_errors(void)
{
    fails_conv(DIMS(1, 2, 2, 2), "pads", DIMS(1, 1), "attribute pads: 2 values, want 4");
    fails_conv(DIMS(1, 2, 2, 2), "pads", DIMS(1, 1, -1, 1), "attribute pads: -1");
    fails_conv(DIMS(1, 2, 2, 2), "strides", DIMS(0, 1), "attribute strides: 0");
    fails_conv(DIMS(1, 2, 2, 2), "dilations", DIMS(1), "attribute dilations: 1 values, want 2");
    fails_conv(DIMS(1, 2, 2, 2), "dilations", DIMS(INT64_MAX, 1), "attribute dilations");
    fails_conv(DIMS(1, 2, 2, 2), "dilations", DIMS(1ll << 40, 1), "window covers");
    fails_conv(DIMS(1, 2, 2, 2), "kernel_shape", DIMS(2, 3), "attribute kernel_shape: 3 on axis 1");
    fails_conv(DIMS(1, 2, 4, 4), NULL, 0, NULL, "window covers 4");
    fails_conv(DIMS(1, 3, 2, 2), NULL, 0, NULL, "X has 2 channels");
    fails_conv(DIMS(1, 2, 2), NULL, 0, NULL, "W has rank 3");
    fails_conv(DIMS(1, 2, 0, 2), NULL, 0, NULL, "kernel is empty");
    start_conv(DTYPE_F32);
    node_set_int(o.n, "group", 0, &o.err);
    CHECK(one_fails(&o, "attribute group: 0"));
    one_end(&o);
    start_conv(DTYPE_F32);
    node_set_string(o.n, "auto_pad", "SAME", 4, &o.err);
    CHECK(one_fails(&o, "attribute auto_pad: 'SAME'"));
    one_end(&o);
    start_conv(DTYPE_F32);
    ints("pads", DIMS(1ll << 40, 1ll << 40, 1ll << 40, 1ll << 40));
    CHECK(one_fails(&o, "output is too large"));
    one_end(&o);
    start_conv(DTYPE_F32);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(2), NULL));
    CHECK(one_fails(&o, "input 2 has 2 elements, want 1"));
    one_end(&o);
}

static void test_conv_inference(void)
{
    one_start(&o, "", "Conv", 1);
    int64_t h = one_symbol(&o, "H"), n = one_symbol(&o, "N");
    one_typed(&o, DTYPE_F32, DIMS(n, 3, h, DIM_UNKNOWN));
    one_typed(&o, DTYPE_F32, DIMS(8, 3, 3, 3));
    ints("pads", DIMS(1, 1, 1, 1));
    CHECK(one_infer(&o) == 0);
    CHECK_STR(one_type(&o, 0), "f32 Nx8xHx?");
    one_end(&o);
    one_start(&o, "", "Conv", 1); /* only the weights are known */
    one_typed(&o, DTYPE_F32, -1, NULL);
    one_typed(&o, DTYPE_F32, DIMS(8, 3, 3));
    CHECK(one_infer(&o) == 0);
    CHECK_STR(one_type(&o, 0), "f32 ?x8x?");
    one_end(&o);
}

/* Sizes of weights that are not known, and strides whose products would overflow. */
static void test_transpose_extremes(void)
{
    one_start(&o, "", "ConvTranspose", 1);
    one_typed(&o, DTYPE_F32, DIMS(1, 4, 5));
    one_typed(&o, DTYPE_F32, DIMS(4, one_symbol(&o, "M"), DIM_UNKNOWN));
    CHECK(one_infer(&o) == 0);
    CHECK_STR(one_type(&o, 0), "f32 1xMx?");
    one_end(&o);
    one_start(&o, "", "ConvTranspose", 1);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(1, 1, 1 << 21), NULL));
    one_in(&o, one_tensor(DTYPE_F32, DIMS(1, 1, 1), NULL));
    ints("strides", DIMS(1ll << 40));
    ints("output_shape", DIMS(1));
    CHECK(one_fails(&o, "attribute strides: 1099511627776 makes spatial axis 0 too long"));
    one_end(&o);
}

static void test_empty_batch(void)
{
    one_start(&o, "", "Conv", 1);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(0, 1, 3), NULL));
    one_in(&o, one_tensor(DTYPE_F32, DIMS(1, 1, 2), NULL));
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(0, 1, 2), NULL));
    one_end(&o);
}

static void test_conv_integer(void)
{
    one_start(&o, "", "ConvInteger", 1);
    one_in(&o, one_tensor(DTYPE_U8, DIMS(1, 1, 3), VALUES(2, 3, 255)));
    one_in(&o, one_tensor(DTYPE_I8, DIMS(2, 1, 2), VALUES(1, 2, -3, 4)));
    one_in(&o, one_tensor(DTYPE_U8, SCALAR, VALUES(1)));
    one_in(&o, one_tensor(DTYPE_I8, DIMS(2), VALUES(0, 1)));
    ints("pads", DIMS(1, 0)); /* padding is the zero point */
    CHECK(one_gives(&o, 0, DTYPE_I32, DIMS(1, 2, 3), VALUES(2, 5, 510, 3, 2, 754)));
    one_end(&o);
    one_start(&o, "", "ConvInteger", 1);
    one_in(&o, one_tensor(DTYPE_U8, DIMS(1, 1, 3), NULL));
    one_in(&o, one_tensor(DTYPE_I8, DIMS(2, 1, 2), NULL));
    one_in(&o, one_tensor(DTYPE_U8, DIMS(2), NULL));
    CHECK(one_fails(&o, "x_zero_point has 2 elements"));
    one_end(&o);
}

static void start_transpose(void)
{
    one_start(&o, "", "ConvTranspose", 1);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(1, 1, 2, 2), VALUES(1, 2, 3, 4)));
    one_in(&o, one_tensor(DTYPE_F32, DIMS(1, 1, 2, 2), VALUES(1, 10, 100, 1000)));
}

static void test_conv_transpose(void)
{
    start_transpose();
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(1, 1, 3, 3), VALUES(1, 12, 20, 103, 1234, 2040, 300, 3400, 4000)));
    one_end(&o);
    start_transpose();
    ints("pads", DIMS(1, 0, 0, 1));
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(1, 1, 2, 2), VALUES(103, 1234, 300, 3400)));
    one_end(&o);
    start_transpose(); /* places no window reaches hold the bias */
    one_in(&o, one_tensor(DTYPE_F32, DIMS(1), VALUES(0.5)));
    ints("strides", DIMS(3, 1));
    ints("output_padding", DIMS(1, 0));
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(1, 1, 6, 3),
                    VALUES(1.5, 12.5, 20.5, 100.5, 1200.5, 2000.5, .5, .5, .5, 3.5, 34.5, 40.5, 300.5, 3400.5, 4000.5,
                           .5, .5, .5)));
    one_end(&o);
    start_transpose();
    node_set_string(o.n, "auto_pad", "SAME_UPPER", 10, &o.err);
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(1, 1, 2, 2), VALUES(1, 12, 103, 1234)));
    one_end(&o);
    start_transpose();
    ints("output_shape", DIMS(2, 4)); /* cuts at the front, fills at the end */
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(1, 1, 2, 4), VALUES(103, 1234, 2040, 0, 300, 3400, 4000, 0)));
    one_end(&o);
}

static void test_conv_transpose_groups(void)
{
    one_start(&o, "", "ConvTranspose", 1);
    one_in(&o, one_tensor(DTYPE_F64, DIMS(1, 2, 2), VALUES(1, 2, 3, 4)));
    one_in(&o, one_tensor(DTYPE_F64, DIMS(2, 2, 1), VALUES(1, 10, 100, 1000)));
    node_set_int(o.n, "group", 2, &o.err);
    CHECK(one_gives(&o, 0, DTYPE_F64, DIMS(1, 4, 2), VALUES(1, 2, 10, 20, 300, 400, 3000, 4000)));
    one_end(&o);
    start_transpose();
    ints("output_shape", DIMS(3));
    CHECK(one_fails(&o, "attribute output_shape: 1 values, want 2"));
    one_end(&o);
    start_transpose();
    ints("pads", DIMS(2, 2, 2, 2));
    CHECK(one_fails(&o, "attribute pads: 4 on spatial axis 0 leaves nothing of 3"));
    one_end(&o);
    one_start(&o, "", "ConvTranspose", 1);
    one_typed(&o, DTYPE_F32, DIMS(1, 4, one_symbol(&o, "H"), 5));
    one_typed(&o, DTYPE_F32, DIMS(4, 3, 2, 2));
    ints("strides", DIMS(2, 2));
    CHECK(one_infer(&o) == 0);
    CHECK_STR(one_type(&o, 0), "f32 1x3x2*Hx10");
    one_end(&o);
}

static void test_deform_conv(void)
{
    double half[32];
    for (int i = 0; i < 32; i++)
        half[i] = 0.5;
    one_start(&o, "", "DeformConv", 1);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(1, 1, 3, 3), VALUES(0, 1, 2, 3, 4, 5, 6, 7, 8)));
    one_in(&o, one_tensor(DTYPE_F32, DIMS(1, 1, 2, 2), VALUES(1, 1, 1, 1)));
    one_in(&o, one_tensor(DTYPE_F32, DIMS(1, 8, 2, 2), half));
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(1, 1, 2, 2), VALUES(16, 14, 18, 15)));
    one_end(&o);
    one_start(&o, "", "DeformConv", 1);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(1, 1, 3, 3), NULL));
    one_in(&o, one_tensor(DTYPE_F32, DIMS(1, 1, 2, 2), NULL));
    one_in(&o, one_tensor(DTYPE_F32, DIMS(1, 7, 2, 2), NULL));
    CHECK(one_fails(&o, "input offset: dim 1 is 7, want 8"));
    one_end(&o);
    one_start(&o, "", "DeformConv", 1); /* an offset that is no number reads nothing */
    one_in(&o, one_tensor(DTYPE_F32, DIMS(1, 1, 2), VALUES(1, 2)));
    one_in(&o, one_tensor(DTYPE_F32, DIMS(1, 1, 1), VALUES(1)));
    one_in(&o, one_tensor(DTYPE_F32, DIMS(1, 1, 2), VALUES(NAN, 1e30)));
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(1, 1, 2), VALUES(0, 0)));
    one_end(&o);
}

static void start_col2im(enum dtype dtype, int64_t rows, int64_t block)
{
    static const double ramp[] = {1, 2, 3, 4, 5, 6};
    one_start(&o, "", "Col2Im", 1);
    one_in(&o, one_tensor(dtype, DIMS(1, rows, 3), ramp));
    one_in(&o, one_tensor(DTYPE_I64, DIMS(1), VALUES(4)));
    one_in(&o, one_tensor(DTYPE_I64, DIMS(1), &(double){(double)block}));
}

static void test_col2im(void)
{
    const enum dtype dtypes[] = {DTYPE_F32, DTYPE_I64, DTYPE_U8, DTYPE_F16};
    for (int i = 0; i < 4; i++) {
        start_col2im(dtypes[i], 2, 2);
        CHECK(one_gives(&o, 0, dtypes[i], DIMS(1, 1, 4), VALUES(1, 6, 8, 6)));
        one_end(&o);
    }
    start_col2im(DTYPE_F32, 2, 3);
    CHECK(one_fails(&o, "input has 2 rows, want a multiple"));
    one_end(&o);
    start_col2im(DTYPE_F32, 2, 1);
    CHECK(one_fails(&o, "input has 3 columns, but there are 4 places"));
    one_end(&o);
    start_col2im(DTYPE_F32, 2, 0);
    CHECK(one_fails(&o, "block_shape holds 0"));
    one_end(&o);
}

int main(void)
{
    RUN(test_conv_types);
    RUN(test_conv_padding);
    RUN(test_conv_groups);
    RUN(test_conv_nan_stays_local);
    RUN(test_conv_errors);
    RUN(test_conv_inference);
    RUN(test_transpose_extremes);
    RUN(test_empty_batch);
    RUN(test_conv_integer);
    RUN(test_conv_transpose);
    RUN(test_conv_transpose_groups);
    RUN(test_deform_conv);
    RUN(test_col2im);
    return TEST_END();
}
