/* Pools. */
#include "one.h"

static struct one o;

static const double count9[] = {1, 2, 3, 4, 5, 6, 7, 8, 9};

static void ints(const char *name, int n, const int64_t *values)
{
    node_set_ints(o.n, name, values, (size_t)n, &o.err);
}

/* A pool of 1x1x3x3 = 1…9 with kernel 2x2. */
static void start(const char *op, enum dtype dtype, int outputs)
{
    one_start(&o, "", op, outputs);
    one_in(&o, one_tensor(dtype, DIMS(1, 1, 3, 3), count9));
    ints("kernel_shape", DIMS(2, 2));
}

static void test_max(void)
{
    const enum dtype dtypes[] = {DTYPE_F32, DTYPE_F64, DTYPE_F16, DTYPE_BF16, DTYPE_I8, DTYPE_U8};
    for (int i = 0; i < 6; i++) {
        start("MaxPool", dtypes[i], 1);
        CHECK(one_gives(&o, 0, dtypes[i], DIMS(1, 1, 2, 2), VALUES(5, 6, 8, 9)));
        one_end(&o);
    }
    start("MaxPool", DTYPE_F32, 1);
    ints("strides", DIMS(2, 2));
    node_set_int(o.n, "ceil_mode", 1, &o.err);
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(1, 1, 2, 2), VALUES(5, 6, 8, 9)));
    one_end(&o);
    start("MaxPool", DTYPE_F32, 1);
    ints("dilations", DIMS(2, 2));
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(1, 1, 1, 1), VALUES(9)));
    one_end(&o);
}

static void test_max_of_negatives_and_nan(void)
{
    one_start(&o, "", "MaxPool", 1);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(1, 1, 4), VALUES(-3, -2, NAN, -7)));
    ints("kernel_shape", DIMS(2));
    ints("pads", DIMS(1, 1));
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(1, 1, 5), VALUES(-3, -2, NAN, NAN, -7)));
    one_end(&o);
}

static void test_indices(void)
{
    start("MaxPool", DTYPE_F32, 2);
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(1, 1, 2, 2), VALUES(5, 6, 8, 9)));
    CHECK(one_gives(&o, 1, DTYPE_I64, DIMS(1, 1, 2, 2), VALUES(4, 5, 7, 8)));
    one_end(&o);
    start("MaxPool", DTYPE_F32, 2);
    node_set_int(o.n, "storage_order", 1, &o.err);
    CHECK(one_gives(&o, 1, DTYPE_I64, DIMS(1, 1, 2, 2), VALUES(4, 7, 5, 8)));
    one_end(&o);
    start("MaxPool", DTYPE_F32, 2);
    node_set_int(o.n, "storage_order", 2, &o.err);
    CHECK(one_fails(&o, "attribute storage_order: 2"));
    one_end(&o);
}

static void test_average(void)
{
    start("AveragePool", DTYPE_F32, 1);
    ints("pads", DIMS(1, 1, 0, 0));
    ints("strides", DIMS(2, 2));
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(1, 1, 2, 2), VALUES(1, 2.5, 5.5, 7)));
    one_end(&o);
    start("AveragePool", DTYPE_F32, 1);
    ints("pads", DIMS(1, 1, 0, 0));
    ints("strides", DIMS(2, 2));
    node_set_int(o.n, "count_include_pad", 1, &o.err);
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(1, 1, 2, 2), VALUES(0.25, 1.25, 2.75, 7)));
    one_end(&o);
    start("AveragePool", DTYPE_F64, 1); /* what ceil_mode adds is no padding that counts */
    ints("strides", DIMS(2, 2));
    node_set_int(o.n, "ceil_mode", 1, &o.err);
    node_set_int(o.n, "count_include_pad", 1, &o.err);
    CHECK(one_gives(&o, 0, DTYPE_F64, DIMS(1, 1, 2, 2), VALUES(3, 4.5, 7.5, 9)));
    one_end(&o);
}

static void test_lp(void)
{
    start("LpPool", DTYPE_F64, 1);
    CHECK(one_gives(&o, 0, DTYPE_F64, DIMS(1, 1, 2, 2), VALUES(sqrt(46), sqrt(74), sqrt(154), sqrt(206))));
    one_end(&o);
    start("LpPool", DTYPE_F64, 1);
    node_set_int(o.n, "p", 3, &o.err);
    ints("strides", DIMS(3, 3));
    CHECK(one_gives(&o, 0, DTYPE_F64, DIMS(1, 1, 1, 1), VALUES(cbrt(1 + 8 + 64 + 125))));
    one_end(&o);
    start("LpPool", DTYPE_F64, 1);
    node_set_int(o.n, "p", 0, &o.err);
    CHECK(one_fails(&o, "attribute p: 0"));
    one_end(&o);
}

static void test_global(void)
{
    static const char *const ops[] = {"GlobalMaxPool", "GlobalAveragePool", "GlobalLpPool"};
    const double want[][2] = {{3, 6}, {2, 3}, {sqrt(14), sqrt(45)}};
    for (int i = 0; i < 3; i++) {
        one_start(&o, "", ops[i], 1);
        one_in(&o, one_tensor(DTYPE_F32, DIMS(1, 2, 3), VALUES(1, 2, 3, 6, 3, 0)));
        CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(1, 2, 1), want[i]));
        one_end(&o);
    }
}

/* A kernel of 2^40 over padding of 2^40 must cost no more than the input's size. */
static void test_enormous_window(void)
{
    one_start(&o, "", "MaxPool", 1);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(1, 1, 3), VALUES(1, 3, 2)));
    ints("kernel_shape", DIMS(1ll << 40));
    ints("pads", DIMS((1ll << 40) - 2, 1));
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(1, 1, 3), VALUES(3, 3, 3)));
    one_end(&o);
}

static void test_errors(void)
{
    start("MaxPool", DTYPE_F32, 1);
    ints("kernel_shape", DIMS(2));
    CHECK(one_fails(&o, "attribute kernel_shape: 1 values, want 2"));
    one_end(&o);
    start("AveragePool", DTYPE_F32, 1);
    ints("kernel_shape", DIMS(4, 1));
    CHECK(one_fails(&o, "window covers 4 on spatial axis 0, but the padded input has only 3"));
    one_end(&o);
    start("MaxPool", DTYPE_I32, 1);
    CHECK(one_fails(&o, "i32"));
    one_end(&o);
}

static void test_inference(void)
{
    one_start(&o, "", "MaxPool", 2);
    one_typed(&o, DTYPE_F32, DIMS(one_symbol(&o, "N"), 4, one_symbol(&o, "H"), 9));
    ints("kernel_shape", DIMS(2, 2));
    ints("strides", DIMS(2, 2));
    CHECK(one_infer(&o) == 0);
    CHECK_STR(one_type(&o, 0), "f32 Nx4xH/2x4");
    CHECK_STR(one_type(&o, 1), "i64 Nx4xH/2x4");
    one_end(&o);
    one_start(&o, "", "GlobalAveragePool", 1);
    one_typed(&o, DTYPE_F16, DIMS(one_symbol(&o, "N"), 4, DIM_UNKNOWN, 9));
    CHECK(one_infer(&o) == 0);
    CHECK_STR(one_type(&o, 0), "f16 Nx4x1x1");
    one_end(&o);
}

static void start_unpool(const double *indices)
{
    one_start(&o, "", "MaxUnpool", 1);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(1, 1, 2, 2), VALUES(1, 2, 3, 4)));
    one_in(&o, one_tensor(DTYPE_I64, DIMS(1, 1, 2, 2), indices));
    ints("kernel_shape", DIMS(2, 2));
    ints("strides", DIMS(2, 2));
}

static void test_unpool(void)
{
    start_unpool(VALUES(5, 7, 13, 15));
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(1, 1, 4, 4), VALUES(0, 0, 0, 0, 0, 1, 0, 2, 0, 0, 0, 0, 0, 3, 0, 4)));
    one_end(&o);
    start_unpool(VALUES(5, 7, 13, 15));
    one_in(&o, one_tensor(DTYPE_I64, DIMS(4), VALUES(1, 1, 4, 5)));
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(1, 1, 4, 5),
                    VALUES(0, 0, 0, 0, 0, 0, 1, 0, 2, 0, 0, 0, 0, 0, 0, 0, 3, 0, 4, 0)));
    one_end(&o);
    one_start(&o, "", "MaxUnpool", 1);
    one_typed(&o, DTYPE_F32, DIMS(1, 3, 2, 2));
    one_typed(&o, DTYPE_I64, DIMS(1, 3, 2, 2));
    one_typed(&o, DTYPE_I64, DIMS(4));
    ints("kernel_shape", DIMS(2, 2));
    CHECK(one_infer(&o) == 0);
    CHECK_STR(one_type(&o, 0), "f32 ?x?x?x?");
    one_end(&o);
    start_unpool(VALUES(5, 7, 13, 16));
    CHECK(one_fails(&o, "input I holds 16, want 0 to 15"));
    one_end(&o);
    start_unpool(VALUES(5, 7, 13, -1));
    CHECK(one_fails(&o, "input I holds -1"));
    one_end(&o);
    start_unpool(VALUES(5, 7, 13, 15));
    one_in(&o, one_tensor(DTYPE_I64, DIMS(4), VALUES(1, 1, 3, 5)));
    CHECK(one_fails(&o, "output_shape: 3 on axis 2"));
    one_end(&o);
}

static void start_roi(double image)
{
    one_start(&o, "", "MaxRoiPool", 1);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(1, 1, 3, 3), count9));
    one_in(&o, one_tensor(DTYPE_F32, DIMS(2, 5), VALUES(0, 0, 0, 2, 2, image, 4, 4, 9, 9)));
    ints("pooled_shape", DIMS(1, 3));
}

static void test_roi(void)
{
    start_roi(0);
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(2, 1, 1, 3), VALUES(7, 8, 9, 0, 0, 0)));
    one_end(&o);
    start_roi(1);
    CHECK(one_fails(&o, "input rois names image 1"));
    one_end(&o);
    start_roi(NAN);
    CHECK(one_fails(&o, "input rois names image"));
    one_end(&o);
}

int main(void)
{
    RUN(test_max);
    RUN(test_max_of_negatives_and_nan);
    RUN(test_indices);
    RUN(test_average);
    RUN(test_lp);
    RUN(test_global);
    RUN(test_enormous_window);
    RUN(test_errors);
    RUN(test_inference);
    RUN(test_unpool);
    RUN(test_roi);
    return TEST_END();
}
