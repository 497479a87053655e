/* Gather…, Scatter…, TensorScatter, OneHot, NonZero, Unique. */
#include "one.h"

static void test_gather(void)
{
    struct one o;
    one_start(&o, "", "Gather", 1);
    node_set_int(o.n, "axis", -1, &o.err);
    one_in(&o, one_tensor(DTYPE_I4, DIMS(2, 3), VALUES(1, 2, 3, -4, -5, -6)));
    one_in(&o, one_tensor(DTYPE_I32, DIMS(1, 2), VALUES(-1, 0)));
    CHECK(one_gives(&o, 0, DTYPE_I4, DIMS(2, 1, 2), VALUES(3, 1, -6, -4)));
    one_end(&o);
    static const double bad[] = {3, -4, 1e18};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        one_start(&o, "", "Gather", 1);
        one_in(&o, one_tensor(DTYPE_F32, DIMS(3, 0), NULL));
        one_in(&o, one_tensor(DTYPE_I64, SCALAR, &bad[i]));
        CHECK(one_fails(&o, "input indices: element 0 is"));
        one_end(&o);
    }
    one_start(&o, "", "Gather", 1);
    one_in(&o, one_tensor(DTYPE_F32, SCALAR, VALUES(1)));
    one_in(&o, one_tensor(DTYPE_I64, SCALAR, VALUES(0)));
    CHECK(one_fails(&o, "axis"));
    CHECK(one_eval(&o) && strstr(o.err.text, "axis"));
    one_end(&o);
    one_start(&o, "", "Gather", 1);
    int64_t n = one_symbol(&o, "N"), k = one_symbol(&o, "K");
    node_set_int(o.n, "axis", 1, &o.err);
    one_typed(&o, DTYPE_F32, DIMS(n, 5, 7));
    one_typed(&o, DTYPE_I64, DIMS(k, 2));
    CHECK(one_infer(&o) == 0);
    CHECK_STR(one_type(&o, 0), "f32 NxKx2x7");
    one_end(&o);
}

static void test_gather_elements(void)
{
    struct one o;
    one_start(&o, "", "GatherElements", 1);
    node_set_int(o.n, "axis", 1, &o.err);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(2, 2), VALUES(1, 2, 3, 4)));
    one_in(&o, one_tensor(DTYPE_I64, DIMS(2, 3), VALUES(0, 0, -1, 1, 0, 0)));
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(2, 3), VALUES(1, 1, 2, 4, 3, 3)));
    one_end(&o);
    one_start(&o, "", "GatherElements", 1);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(2, 2), NULL));
    one_in(&o, one_tensor(DTYPE_I64, DIMS(1, 3), NULL));
    CHECK(one_fails(&o, "dim 1 is 3, that of input data 2"));
    one_end(&o);
    one_start(&o, "", "GatherElements", 1);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(2, 2), NULL));
    one_in(&o, one_tensor(DTYPE_I64, DIMS(1), NULL));
    CHECK(one_fails(&o, "input indices has 1 dims, input data 2"));
    CHECK(one_eval(&o) && strstr(o.err.text, "input indices has 1 dims"));
    one_end(&o);
}

static void test_gather_nd(void)
{
    struct one o;
    one_start(&o, "", "GatherND", 1);
    node_set_int(o.n, "batch_dims", 1, &o.err);
    one_in(&o, one_tensor(DTYPE_I32, DIMS(2, 2, 2), VALUES(0, 1, 2, 3, 4, 5, 6, 7)));
    one_in(&o, one_tensor(DTYPE_I64, DIMS(2, 1), VALUES(1, -2)));
    CHECK(one_gives(&o, 0, DTYPE_I32, DIMS(2, 2), VALUES(2, 3, 4, 5)));
    one_end(&o);
    static const struct {
        int64_t batch, depth;
        const char *words;
    } rows[] = {{2, 1, "attribute batch_dims is 2"},
                {-1, 1, "attribute batch_dims is -1"},
                {0, 4, "last dim is 4, want 1 to 3"},
                {0, 0, "last dim is 0"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        one_start(&o, "", "GatherND", 1);
        node_set_int(o.n, "batch_dims", rows[i].batch, &o.err);
        one_in(&o, one_tensor(DTYPE_I32, DIMS(2, 2, 2), NULL));
        one_in(&o, one_tensor(DTYPE_I64, DIMS(2, rows[i].depth), NULL));
        CHECK(one_fails(&o, rows[i].words));
        CHECK(one_eval(&o) && strstr(o.err.text, rows[i].words));
        one_end(&o);
    }
}

static void check_scatter(const char *reduction, enum dtype dtype, const double *want)
{
    struct one o;
    one_start(&o, "", "ScatterElements", 1);
    node_set_string(o.n, "reduction", reduction, strlen(reduction), &o.err);
    one_in(&o, one_tensor(dtype, DIMS(3), VALUES(2, 3, 4)));
    one_in(&o, one_tensor(DTYPE_I64, DIMS(3), VALUES(1, -2, 0)));
    one_in(&o, one_tensor(dtype, DIMS(3), VALUES(5, 1, 7)));
    CHECK_MSG(one_gives(&o, 0, dtype, DIMS(3), want), "%s %s", reduction, dtype_info(dtype)->name);
    one_end(&o);
}

static void test_scatter(void)
{
    static const enum dtype dtypes[] = {DTYPE_F32, DTYPE_F16, DTYPE_U8, DTYPE_I64, DTYPE_U64, DTYPE_F64};
    for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; i++) {
        check_scatter("none", dtypes[i], VALUES(7, 1, 4));
        check_scatter("add", dtypes[i], VALUES(9, 9, 4));
        check_scatter("mul", dtypes[i], VALUES(14, 15, 4));
        check_scatter("max", dtypes[i], VALUES(7, 5, 4));
        check_scatter("min", dtypes[i], VALUES(2, 1, 4));
    }
    struct one o;
    one_start(&o, "", "ScatterElements", 1);
    node_set_string(o.n, "reduction", "sum", 3, &o.err);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(1), NULL));
    one_in(&o, one_tensor(DTYPE_I64, DIMS(1), NULL));
    one_in(&o, one_tensor(DTYPE_F32, DIMS(1), NULL));
    CHECK(one_fails(&o, "attribute reduction is 'sum'"));
    one_end(&o);
    one_start(&o, "", "ScatterElements", 1);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(2), NULL));
    one_in(&o, one_tensor(DTYPE_I64, DIMS(2), NULL));
    one_in(&o, one_tensor(DTYPE_F32, DIMS(1), NULL));
    CHECK(one_fails(&o, "updates"));
    one_end(&o);
}

static void test_scatter_nd(void)
{
    struct one o;
    one_start(&o, "", "ScatterND", 1);
    node_set_string(o.n, "reduction", "add", 3, &o.err);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(2, 2), VALUES(1, 2, 3, 4)));
    one_in(&o, one_tensor(DTYPE_I64, DIMS(2, 1), VALUES(1, -1)));
    one_in(&o, one_tensor(DTYPE_F32, DIMS(2, 2), VALUES(10, 20, 30, 40)));
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(2, 2), VALUES(1, 2, 43, 64)));
    one_end(&o);
    one_start(&o, "", "ScatterND", 1);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(2, 2), NULL));
    one_in(&o, one_tensor(DTYPE_I64, DIMS(2, 3), NULL));
    one_in(&o, one_tensor(DTYPE_F32, DIMS(2), NULL));
    CHECK(one_fails(&o, "last dim is 3, want 1 to 2"));
    one_end(&o);
}

static void test_tensor_scatter(void)
{
    struct one o;
    one_start(&o, "", "TensorScatter", 1);
    node_set_string(o.n, "mode", "circular", 8, &o.err);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(1, 3, 1), VALUES(1, 2, 3)));
    one_in(&o, one_tensor(DTYPE_F32, DIMS(1, 2, 1), VALUES(8, 9)));
    one_in(&o, one_tensor(DTYPE_I64, DIMS(1), VALUES(5)));
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(1, 3, 1), VALUES(9, 2, 8)));
    one_end(&o);
    one_start(&o, "", "TensorScatter", 1);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(1, 3, 1), NULL));
    one_in(&o, one_tensor(DTYPE_F32, DIMS(1, 2, 1), NULL));
    one_in(&o, one_tensor(DTYPE_I64, DIMS(1), VALUES(2)));
    CHECK(one_fails(&o, "entry 0 is 2, want 0 to 1"));
    one_end(&o);
}

static void test_one_hot(void)
{
    struct one o;
    one_start(&o, "", "OneHot", 1);
    node_set_int(o.n, "axis", 0, &o.err);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(3), VALUES(1, -1, 7)));
    one_constant(&o, one_tensor(DTYPE_F32, DIMS(1), VALUES(3)));
    one_in(&o, one_tensor(DTYPE_I8, DIMS(2), VALUES(5, 6)));
    CHECK(one_gives(&o, 0, DTYPE_I8, DIMS(3, 3), VALUES(5, 5, 5, 6, 5, 5, 5, 6, 5)));
    CHECK_STR(one_type(&o, 0), "i8 3x3");
    one_end(&o);
    one_start(&o, "", "OneHot", 1);
    one_in(&o, one_tensor(DTYPE_I64, DIMS(1), NULL));
    one_in(&o, one_tensor(DTYPE_I64, SCALAR, VALUES(-1)));
    one_in(&o, one_tensor(DTYPE_I8, DIMS(2), NULL));
    CHECK(one_fails(&o, "input depth is -1"));
    one_end(&o);
}

static void test_non_zero(void)
{
    struct one o;
    one_start(&o, "", "NonZero", 1);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(2, 2), VALUES(-0.0, 1, NAN, 0)));
    CHECK(one_gives(&o, 0, DTYPE_I64, DIMS(2, 2), VALUES(0, 1, 1, 0)));
    one_end(&o);
    one_start(&o, "", "NonZero", 1);
    one_in(&o, one_tensor(DTYPE_I64, SCALAR, VALUES(4)));
    CHECK(one_gives(&o, 0, DTYPE_I64, DIMS(0, 1), NULL));
    one_end(&o);
}

static void test_unique(void)
{
    struct one o;
    one_start(&o, "", "Unique", 4);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(6), VALUES(2, NAN, 1, 2, NAN, 1)));
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(3), VALUES(1, 2, NAN)));
    CHECK(one_gives(&o, 1, DTYPE_I64, DIMS(3), VALUES(2, 0, 1)));
    CHECK(one_gives(&o, 2, DTYPE_I64, DIMS(6), VALUES(1, 2, 0, 1, 2, 0)));
    CHECK(one_gives(&o, 3, DTYPE_I64, DIMS(3), VALUES(2, 2, 2)));
    one_end(&o);
    one_start(&o, "", "Unique", 3);
    node_set_int(o.n, "sorted", 0, &o.err);
    node_set_int(o.n, "axis", 1, &o.err);
    one_in(&o, one_tensor(DTYPE_I8, DIMS(2, 3), VALUES(3, 1, 3, 4, 1, 4)));
    CHECK(one_gives(&o, 0, DTYPE_I8, DIMS(2, 2), VALUES(3, 1, 4, 1)));
    CHECK(one_gives(&o, 1, DTYPE_I64, DIMS(2), VALUES(0, 1)));
    CHECK(one_gives(&o, 2, DTYPE_I64, DIMS(3), VALUES(0, 1, 0)));
    one_end(&o);
}

int main(void)
{
    RUN(test_gather);
    RUN(test_gather_elements);
    RUN(test_gather_nd);
    RUN(test_scatter);
    RUN(test_scatter_nd);
    RUN(test_tensor_scatter);
    RUN(test_one_hot);
    RUN(test_non_zero);
    RUN(test_unique);
    return TEST_END();
}
