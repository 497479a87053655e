/* Reduce…, ArgMax, ArgMin, CumSum, TopK. */
#include "one.h"

static struct tensor *ints(int n, const double *values)
{
    return one_tensor(DTYPE_I64, 1, &(int64_t){n}, values);
}

static void test_values(void)
{
    static const struct {
        const char *op;
        double want[2];
    } rows[] = {
        {"ReduceSum", {6, 15}},
        {"ReduceMean", {2, 5}},
        {"ReduceMax", {3, 6}},
        {"ReduceMin", {1, 4}},
        {"ReduceProd", {6, 120}},
        {"ReduceL1", {6, 15}},
        {"ReduceSumSquare", {14, 77}},
        {"ReduceL2", {3.7416573867739413, 8.774964387392123}},
        {"ReduceLogSum", {1.791759469228055, 2.70805020110221}},
        {"ReduceLogSumExp", {3.4076059644443806, 6.407605964444381}},
    };
    static const enum dtype dtypes[] = {DTYPE_F32, DTYPE_F64, DTYPE_F16, DTYPE_BF16,
                                        DTYPE_I32, DTYPE_U32, DTYPE_I64, DTYPE_U64};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (size_t d = 0; d < sizeof dtypes / sizeof *dtypes; d++) {
            struct one o;
            struct tensor *rounded = one_tensor(dtypes[d], DIMS(2), rows[i].want);
            double want[2] = {tensor_get_f64(rounded, 0), tensor_get_f64(rounded, 1)};
            tensor_unref(rounded);
            one_start(&o, "", rows[i].op, 1);
            one_in(&o, one_tensor(dtypes[d], DIMS(2, 3), VALUES(1, 2, 3, 4, 5, 6)));
            one_constant(&o, ints(1, VALUES(-1)));
            node_set_int(o.n, "keepdims", 0, &o.err);
            CHECK_MSG(one_gives(&o, 0, dtypes[d], DIMS(2), want), "%s of %s", rows[i].op, dtype_info(dtypes[d])->name);
            one_end(&o);
        }
}

static void test_empty(void)
{
    static const struct {
        const char *op;
        double want;
    } rows[] = {{"ReduceSum", 0},
                {"ReduceMean", NAN},
                {"ReduceMax", -INFINITY},
                {"ReduceMin", INFINITY},
                {"ReduceProd", 1},
                {"ReduceL1", 0},
                {"ReduceSumSquare", 0},
                {"ReduceL2", 0},
                {"ReduceLogSum", -INFINITY},
                {"ReduceLogSumExp", -INFINITY}};
    struct one o;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        one_start(&o, "", rows[i].op, 1);
        one_in(&o, one_tensor(DTYPE_F32, DIMS(2, 0), NULL));
        one_in(&o, ints(1, VALUES(1)));
        CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(2, 1), (double[]){rows[i].want, rows[i].want}));
        one_end(&o);
    }
    one_start(&o, "", "ReduceMax", 1);
    one_in(&o, one_tensor(DTYPE_I8, DIMS(0), NULL));
    CHECK(one_gives(&o, 0, DTYPE_I8, DIMS(1), VALUES(-128)));
    one_end(&o);
    one_start(&o, "", "ReduceMin", 1);
    one_in(&o, one_tensor(DTYPE_U8, DIMS(0), NULL));
    CHECK(one_gives(&o, 0, DTYPE_U8, DIMS(1), VALUES(255)));
    one_end(&o);
}

static void test_special(void)
{
    struct one o;
    one_start(&o, "", "ReduceMax", 1);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(3), VALUES(1, NAN, 2)));
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(1), VALUES(NAN)));
    one_end(&o);
    one_start(&o, "", "ReduceLogSumExp", 1);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(2), VALUES(1000, 1000)));
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(1), VALUES(1000.6931471805599)));
    one_end(&o);
    one_start(&o, "", "ReduceLogSumExp", 1);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(2), VALUES(-INFINITY, -INFINITY)));
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(1), VALUES(-INFINITY)));
    one_end(&o);
    one_start(&o, "", "ReduceSumSquare", 1);
    node_set_int(o.n, "noop_with_empty_axes", 1, &o.err);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(2), VALUES(2, -3)));
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(2), VALUES(4, 9)));
    one_end(&o);
    one_start(&o, "", "ReduceMax", 1);
    one_in(&o, one_tensor(DTYPE_BOOL, DIMS(2, 2), VALUES(0, 0, 0, 1)));
    one_in(&o, ints(1, VALUES(1)));
    CHECK(one_gives(&o, 0, DTYPE_BOOL, DIMS(2, 1), VALUES(0, 1)));
    one_end(&o);
    one_start(&o, "", "ReduceSum", 1); /* 2^24 + 1 eight times is lost in f32 sums */
    one_in(&o, one_tensor(DTYPE_F32, DIMS(3, 1, 3), VALUES(16777216, 1, 1, 1, 1, 1, 1, 1, 1)));
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(1, 1, 1), VALUES(16777224)));
    one_end(&o);
}

static void test_axes(void)
{
    static const struct {
        int n;
        double axes[2];
        const char *words;
    } rows[] = {{1, {2}, "axes[0] is 2, want -2 to 1"}, {2, {0, -2}, "axes names axis 0 twice"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (int constant = 0; constant < 2; constant++) {
            struct one o;
            one_start(&o, "", "ReduceSum", 1);
            one_in(&o, one_tensor(DTYPE_F32, DIMS(2, 3), NULL));
            struct tensor *axes = ints(rows[i].n, rows[i].axes);
            if (constant)
                one_constant(&o, axes);
            else
                one_in(&o, axes);
            CHECK(one_fails(&o, rows[i].words));
            one_end(&o);
        }
    struct one o;
    one_start(&o, "", "ReduceMean", 1);
    one_typed(&o, DTYPE_F32, DIMS(one_symbol(&o, "N"), 8, one_symbol(&o, "H"), 7));
    one_constant(&o, ints(2, VALUES(-1, -2)));
    CHECK(one_infer(&o) == 0);
    CHECK_STR(one_type(&o, 0), "f32 Nx8x1x1");
    one_end(&o);
    one_start(&o, "", "ReduceMean", 1);
    node_set_int(o.n, "keepdims", 0, &o.err);
    one_typed(&o, DTYPE_F32, DIMS(2, 8, 7));
    one_typed(&o, DTYPE_I64, DIMS(2));
    CHECK(one_infer(&o) == 0 && node_out(o.n, 0)->type.rank == 1 && node_out(o.n, 0)->type.dims[0] == DIM_UNKNOWN);
    one_end(&o);
}

static void check_arg(const char *op, bool last, const double *want)
{
    struct one o;
    one_start(&o, "", op, 1);
    node_set_int(o.n, "axis", -1, &o.err);
    node_set_int(o.n, "keepdims", 0, &o.err);
    node_set_int(o.n, "select_last_index", last, &o.err);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(2, 4), VALUES(1, 3, 3, 1, 2, NAN, 9, NAN)));
    CHECK_MSG(one_gives(&o, 0, DTYPE_I64, DIMS(2), want), "%s", op);
    one_end(&o);
}

static void test_arg(void)
{
    check_arg("ArgMax", false, VALUES(1, 1));
    check_arg("ArgMax", true, VALUES(2, 3));
    check_arg("ArgMin", false, VALUES(0, 1));
    check_arg("ArgMin", true, VALUES(3, 3));
    struct one o;
    one_start(&o, "", "ArgMax", 1);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(0, 2), NULL));
    CHECK(one_fails(&o, "axis 0 of input data is empty"));
    one_end(&o);
    one_start(&o, "", "ArgMax", 1);
    one_in(&o, one_tensor(DTYPE_U64, DIMS(3), NULL));
    ((uint64_t *)o.in[0]->tensor->data)[2] = UINT64_MAX;
    CHECK(one_gives(&o, 0, DTYPE_I64, DIMS(1), VALUES(2)));
    one_end(&o);
}

static void check_running(const char *op, bool exclusive, bool reverse, enum dtype dtype, const double *want)
{
    struct one o;
    one_start(&o, "", op, 1);
    node_set_int(o.n, "exclusive", exclusive, &o.err);
    node_set_int(o.n, "reverse", reverse, &o.err);
    one_in(&o, one_tensor(dtype, DIMS(3, 1), VALUES(1, 2, 3)));
    one_in(&o, one_tensor(DTYPE_I32, SCALAR, VALUES(-2)));
    CHECK(one_gives(&o, 0, dtype, DIMS(3, 1), want));
    one_end(&o);
}

static void test_running(void)
{
    static const enum dtype dtypes[] = {DTYPE_F32, DTYPE_I32, DTYPE_U64};
    for (int d = 0; d < 3; d++) {
        check_running("CumSum", false, false, dtypes[d], VALUES(1, 3, 6));
        check_running("CumSum", true, false, dtypes[d], VALUES(0, 1, 3));
        check_running("CumSum", false, true, dtypes[d], VALUES(6, 5, 3));
        check_running("CumSum", true, true, dtypes[d], VALUES(5, 3, 0));
        check_running("CumProd", false, false, dtypes[d], VALUES(1, 2, 6));
        check_running("CumProd", true, false, dtypes[d], VALUES(1, 1, 2));
        check_running("CumProd", false, true, dtypes[d], VALUES(6, 6, 3));
        check_running("CumProd", true, true, dtypes[d], VALUES(6, 3, 1));
    }
    struct one o;
    one_start(&o, "", "CumSum", 1);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(2), VALUES(INFINITY, 1)));
    one_in(&o, one_tensor(DTYPE_I32, SCALAR, VALUES(0)));
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(2), VALUES(INFINITY, INFINITY)));
    one_end(&o);
    one_start(&o, "", "CumSum", 1);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(2), NULL));
    one_in(&o, one_tensor(DTYPE_I32, SCALAR, VALUES(1)));
    CHECK(one_fails(&o, "input axis is 1, want -1 to 0"));
    one_end(&o);
}

static void test_topk(void)
{
    struct one o;
    one_start(&o, "", "TopK", 2);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(2, 4), VALUES(1, 4, 4, 2, NAN, 0, -1, 5)));
    one_constant(&o, ints(1, VALUES(3)));
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(2, 3), VALUES(4, 4, 2, NAN, 5, 0)));
    CHECK(one_gives(&o, 1, DTYPE_I64, DIMS(2, 3), VALUES(1, 2, 3, 0, 3, 1)));
    CHECK_STR(one_type(&o, 0), "f32 2x3");
    one_end(&o);
    one_start(&o, "", "TopK", 2);
    node_set_int(o.n, "largest", 0, &o.err);
    node_set_int(o.n, "axis", 0, &o.err);
    one_in(&o, one_tensor(DTYPE_I8, DIMS(3, 2), VALUES(3, 3, 1, 5, 1, 4)));
    one_in(&o, ints(1, VALUES(2)));
    CHECK(one_gives(&o, 0, DTYPE_I8, DIMS(2, 2), VALUES(1, 3, 1, 4)));
    CHECK(one_gives(&o, 1, DTYPE_I64, DIMS(2, 2), VALUES(1, 0, 2, 2)));
    one_end(&o);
    static const double bad[] = {5, -1};
    for (int i = 0; i < 4; i++) {
        one_start(&o, "", "TopK", 2);
        one_in(&o, one_tensor(DTYPE_F32, DIMS(4), NULL));
        if (i < 2)
            one_constant(&o, ints(1, &bad[i]));
        else
            one_in(&o, ints(1, &bad[i - 2]));
        CHECK(one_fails(&o, "input K is"));
        one_end(&o);
    }
}

/* Against a plain sort, with many equals. */
static void test_topk_many(void)
{
    enum { N = 200 };
    struct one o;
    double values[N];
    for (int i = 0; i < N; i++)
        values[i] = i * 7919 % 31;
    for (int k = 0; k <= N; k += 25) {
        one_start(&o, "", "TopK", 2);
        one_in(&o, one_tensor(DTYPE_F64, DIMS(N), values));
        one_in(&o, ints(1, (double[]){k}));
        CHECK(one_run(&o) == 0);
        const double *got = o.out[0]->tensor->data;
        const int64_t *at = o.out[1]->tensor->data;
        for (int i = 0; i < k; i++) {
            CHECK(values[at[i]] == got[i]);
            CHECK(i == 0 || got[i - 1] > got[i] || (got[i - 1] == got[i] && at[i - 1] < at[i]));
        }
        int better = 0;
        for (int i = 0; k && i < N; i++)
            better += values[i] > got[k - 1];
        CHECK(better < k || k == 0);
        one_end(&o);
    }
}

int main(void)
{
    RUN(test_values);
    RUN(test_empty);
    RUN(test_special);
    RUN(test_axes);
    RUN(test_arg);
    RUN(test_running);
    RUN(test_topk);
    RUN(test_topk_many);
    return TEST_END();
}
