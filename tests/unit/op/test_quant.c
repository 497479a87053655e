/* QuantizeLinear, DequantizeLinear, DynamicQuantizeLinear, QLinearConv. */
#include <math.h>

#include "one.h"

static void test_quantize(void)
{
    static const struct {
        enum dtype dtype;
        double want[6];
    } rows[] = {
        {DTYPE_U8, {10, 12, 10, 0, 255, 0}},
        {DTYPE_I8, {10, 12, 10, -90, 127, -128}},
        {DTYPE_U16, {10, 12, 10, 0, 1010, 0}},
        {DTYPE_I16, {10, 12, 10, -90, 1010, -990}},
    };
    struct one o;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        one_start(&o, "", "QuantizeLinear", 1); /* ties to even: 0.5 to 0, 1.5 to 2 */
        one_in(&o, one_tensor(DTYPE_F32, DIMS(6), VALUES(1, 3, -1, -200, 2000, -2000)));
        one_in(&o, one_tensor(DTYPE_F32, SCALAR, VALUES(2)));
        one_in(&o, one_tensor(rows[i].dtype, SCALAR, VALUES(10)));
        CHECK_MSG(one_gives(&o, 0, rows[i].dtype, DIMS(6), rows[i].want), "%s", dtype_info(rows[i].dtype)->name);
        one_end(&o);
    }
    one_start(&o, "", "QuantizeLinear", 1);
    node_set_int(o.n, "output_dtype", DTYPE_I4, &o.err);
    one_in(&o, one_tensor(DTYPE_F16, DIMS(3), VALUES(1, -100, 100)));
    one_in(&o, one_tensor(DTYPE_F16, SCALAR, VALUES(0.5)));
    CHECK(one_gives(&o, 0, DTYPE_I4, DIMS(3), VALUES(2, -8, 7)));
    one_end(&o);
    one_start(&o, "", "QuantizeLinear", 1);
    node_set_int(o.n, "saturate", 0, &o.err);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(3), VALUES(1, -2000, 1.0625)));
    one_in(&o, one_tensor(DTYPE_F32, SCALAR, VALUES(1)));
    one_in(&o, one_tensor(DTYPE_F8E4M3FN, SCALAR, VALUES(0)));
    CHECK(one_gives(&o, 0, DTYPE_F8E4M3FN, DIMS(3), VALUES(1, NAN, 1)));
    one_end(&o);
    one_start(&o, "", "QuantizeLinear", 1); /* 2049 is 2048 in f16 */
    node_set_int(o.n, "precision", DTYPE_F16, &o.err);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(1), VALUES(2049)));
    one_in(&o, one_tensor(DTYPE_F32, SCALAR, VALUES(16)));
    CHECK(one_gives(&o, 0, DTYPE_U8, DIMS(1), VALUES(128)));
    one_end(&o);
}

/* All of the range, ties, what lies far outside and is no number, in every type: as in double precision. */
static void test_quantize_many(void)
{
    static const enum dtype dtypes[] = {DTYPE_U8, DTYPE_I8, DTYPE_U16, DTYPE_I16};
    static const double lows[] = {0, -128, 0, -32768}, highs[] = {255, 127, 65535, 32767};
    static const double odd[] = {INFINITY, -INFINITY, NAN, 3e38, -3e38, 0, -0.0, 1e-40};
    for (size_t k = 0; k < sizeof dtypes / sizeof *dtypes; k++)
        for (int spread = 0; spread < 2; spread++) {
            double x[4000], want[4000], zero[2] = {lows[k], 7}, scale[2] = {0.5, 0.0123};
            for (int i = 0; i < 4000; i++) {
                int c = spread ? i / 1000 % 2 : 0;
                x[i] = i < 8 ? odd[i] : (float)((i % 1000 - 500) * (i % 3 ? 0.25 : 40.17) * (k > 1 ? 200 : 1));
                float quotient = (float)x[i] / (float)scale[c];
                double q = nearbyint((double)quotient) + zero[c];
                want[i] = q >= highs[k] ? highs[k] : q > lows[k] ? q : lows[k];
            }
            struct one o;
            one_start(&o, "", "QuantizeLinear", 1);
            one_in(&o, one_tensor(DTYPE_F32, DIMS(2, 2, 1000), x));
            one_in(&o, one_tensor(DTYPE_F32, spread, (const int64_t[]){2}, scale));
            one_in(&o, one_tensor(dtypes[k], spread, (const int64_t[]){2}, zero));
            CHECK_MSG(one_gives(&o, 0, dtypes[k], DIMS(2, 2, 1000), want), "%s", dtype_info(dtypes[k])->name);
            one_end(&o);
        }
}

static void test_granularity(void)
{
    struct one o;
    one_start(&o, "", "QuantizeLinear", 1);
    node_set_int(o.n, "axis", -1, &o.err);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(2, 2), VALUES(1, 2, 3, 4)));
    one_in(&o, one_tensor(DTYPE_F32, DIMS(2), VALUES(1, 0.5)));
    one_in(&o, one_tensor(DTYPE_I8, DIMS(2), VALUES(0, 1)));
    CHECK(one_gives(&o, 0, DTYPE_I8, DIMS(2, 2), VALUES(1, 5, 3, 9)));
    one_end(&o);
    one_start(&o, "", "DequantizeLinear", 1); /* blocks of 2 along 3 elements: the last is shorter */
    node_set_int(o.n, "block_size", 2, &o.err);
    one_in(&o, one_tensor(DTYPE_I4, DIMS(2, 3), VALUES(1, 2, 3, -4, -5, -6)));
    one_in(&o, one_tensor(DTYPE_F32, DIMS(2, 2), VALUES(1, 2, 3, 4)));
    one_in(&o, one_tensor(DTYPE_I4, DIMS(2, 2), VALUES(0, 1, 0, -1)));
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(2, 3), VALUES(1, 2, 4, -12, -15, -20)));
    one_end(&o);
    one_start(&o, "", "DequantizeLinear", 1);
    node_set_int(o.n, "output_dtype", DTYPE_BF16, &o.err);
    one_in(&o, one_tensor(DTYPE_F4E2M1, DIMS(2), VALUES(6, -0.5)));
    one_in(&o, one_tensor(DTYPE_F8E8M0, SCALAR, VALUES(4)));
    CHECK(one_gives(&o, 0, DTYPE_BF16, DIMS(2), VALUES(24, -2)));
    one_end(&o);
}

static void test_errors(void)
{
    static const struct {
        int rank;
        int64_t scale[2], axis, block, dtype;
        const char *words;
    } rows[] = {
        {1, {3}, 1, 0, 0, "the scale is no scalar"},
        {1, {2}, 2, 0, 0, "attribute axis is 2"},
        {2, {2, 3}, 1, 0, 0, "the scale is no scalar"},
        {2, {2, 2}, 1, 3, 0, "dim 1 of the scale is 2, want 1"},
        {1, {2}, 1, 2, 0, "the scale has 1 dims, want 2"},
        {0, {0}, 1, -1, 0, "attribute block_size is -1"},
        {0, {0}, 1, 0, DTYPE_F32, "attribute output_dtype is 1"},
        {0, {0}, 1, 0, -7, "attribute output_dtype is -7"},
        {0, {0}, 1, 0, DTYPE_I8, "attribute output_dtype is i8, the zero point u8"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct one o;
        one_start(&o, "", "QuantizeLinear", 1);
        node_set_int(o.n, "axis", rows[i].axis, &o.err);
        node_set_int(o.n, "block_size", rows[i].block, &o.err);
        node_set_int(o.n, "output_dtype", rows[i].dtype, &o.err);
        one_in(&o, one_tensor(DTYPE_F32, DIMS(2, 2), NULL));
        one_in(&o, one_tensor(DTYPE_F32, rows[i].rank, rows[i].scale, NULL));
        one_in(&o, one_tensor(DTYPE_U8, rows[i].rank, rows[i].scale, NULL));
        CHECK_MSG(one_fails(&o, rows[i].words), "row %zu", i);
        CHECK_MSG(one_eval(&o) && strstr(o.err.text, rows[i].words), "row %zu: %s", i, o.err.text);
        one_end(&o);
    }
    struct one o;
    one_start(&o, "", "DequantizeLinear", 1);
    one_in(&o, one_tensor(DTYPE_U8, DIMS(2, 2), NULL));
    one_in(&o, one_tensor(DTYPE_F32, DIMS(2), NULL));
    one_in(&o, one_tensor(DTYPE_U8, DIMS(3), NULL));
    CHECK(one_fails(&o, "zero point"));
    one_end(&o);
}

static void test_dynamic(void)
{
    struct one o;
    one_start(&o, "", "DynamicQuantizeLinear", 3);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(3), VALUES(-1, 0, 4.1)));
    CHECK(one_gives(&o, 0, DTYPE_U8, DIMS(3), VALUES(0, 50, 255)));
    CHECK(one_gives(&o, 1, DTYPE_F32, SCALAR, VALUES(0.02)));
    CHECK(one_gives(&o, 2, DTYPE_U8, SCALAR, VALUES(50)));
    one_end(&o);
    one_start(&o, "", "DynamicQuantizeLinear", 3);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(2), NULL));
    CHECK(one_gives(&o, 0, DTYPE_U8, DIMS(2), VALUES(0, 0)));
    one_end(&o);
}

static void test_conv(void)
{
    struct one o;
    one_start(&o, "", "QLinearConv", 1);
    node_set_ints(o.n, "pads", (int64_t[]){0, 1, 0, 0}, 4, &o.err);
    one_in(&o, one_tensor(DTYPE_U8, DIMS(1, 1, 1, 3), VALUES(130, 128, 126)));
    one_in(&o, one_tensor(DTYPE_F32, SCALAR, VALUES(0.5)));
    one_in(&o, one_tensor(DTYPE_U8, SCALAR, VALUES(128)));
    one_in(&o, one_tensor(DTYPE_I8, DIMS(2, 1, 1, 2), VALUES(1, 3, 10, -10)));
    one_in(&o, one_tensor(DTYPE_F32, DIMS(2), VALUES(1, 2)));
    one_in(&o, one_tensor(DTYPE_I8, DIMS(2), VALUES(0, 0)));
    one_in(&o, one_tensor(DTYPE_F32, SCALAR, VALUES(1)));
    one_in(&o, one_tensor(DTYPE_I8, SCALAR, VALUES(5)));
    CHECK(one_gives(&o, 0, DTYPE_I8, DIMS(1, 2, 1, 3), VALUES(8, 6, 2, -15, 25, 25)));
    one_end(&o);
    one_start(&o, "", "QLinearConv", 1);
    one_in(&o, one_tensor(DTYPE_U8, DIMS(1, 1, 1, 3), NULL));
    one_in(&o, one_tensor(DTYPE_F32, DIMS(2), NULL));
    one_in(&o, one_tensor(DTYPE_U8, SCALAR, NULL));
    one_in(&o, one_tensor(DTYPE_I8, DIMS(2, 1, 1, 2), NULL));
    one_in(&o, one_tensor(DTYPE_F32, SCALAR, NULL));
    one_in(&o, one_tensor(DTYPE_I8, SCALAR, NULL));
    one_in(&o, one_tensor(DTYPE_F32, SCALAR, NULL));
    one_in(&o, one_tensor(DTYPE_I8, SCALAR, NULL));
    CHECK(one_fails(&o, "input 1 has 2 elements, want 1"));
    one_end(&o);
}

static void test_histogram(void)
{
    struct one o;
    one_start(&o, "nn", "Histogram", 2); /* not finite: not counted; the end belongs to the last */
    node_set_int(o.n, "bins", 4, &o.err);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(2, 4), VALUES(-1, 0, 0.4, 0.5, 2, INFINITY, NAN, -0.1)));
    CHECK(one_gives(&o, 0, DTYPE_I32, DIMS(8), VALUES(0, 0, 1, 1, 2, 1, 0, 1)));
    CHECK(one_gives(&o, 1, DTYPE_F32, DIMS(3), VALUES(0.5, -1, 2)));
    one_end(&o);
    one_start(&o, "nn", "Histogram", 2);
    node_set_int(o.n, "bins", 0, &o.err);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(1), VALUES(1)));
    CHECK(one_fails(&o, "bins is 0"));
    one_end(&o);
    one_start(&o, "nn", "Histogram", 2);
    node_set_int(o.n, "bins", 1, &o.err);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(0), NULL));
    CHECK(one_gives(&o, 0, DTYPE_I32, DIMS(2), VALUES(0, 0)));
    one_end(&o);
}

int main(void)
{
    RUN(test_histogram);
    RUN(test_quantize);
    RUN(test_quantize_many);
    RUN(test_granularity);
    RUN(test_errors);
    RUN(test_dynamic);
    RUN(test_conv);
    return TEST_END();
}
