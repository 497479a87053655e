/* Matrix products. */
#include "one.h"

static struct one o;

static void start(const char *op, enum dtype dtype, int a_rank, const int64_t *a, int b_rank, const int64_t *b)
{
    static const double ramp[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
    one_start(&o, "", op, 1);
    one_in(&o, one_tensor(dtype, a_rank, a, ramp));
    one_in(&o, one_tensor(dtype, b_rank, b, ramp));
}

static void test_types(void)
{
    const enum dtype dtypes[] = {DTYPE_F32, DTYPE_F64, DTYPE_F16, DTYPE_BF16,
                                 DTYPE_I32, DTYPE_I64, DTYPE_U32, DTYPE_U64};
    for (int i = 0; i < 8; i++) {
        start("MatMul", dtypes[i], DIMS(2, 3), DIMS(3, 2));
        CHECK(one_gives(&o, 0, dtypes[i], DIMS(2, 2), VALUES(22, 28, 49, 64)));
        one_end(&o);
        start("Gemm", dtypes[i], DIMS(2, 3), DIMS(3, 2));
        one_in(&o, one_tensor(dtypes[i], DIMS(2, 1), VALUES(1, 2)));
        CHECK(one_gives(&o, 0, dtypes[i], DIMS(2, 2), VALUES(23, 29, 51, 66)));
        one_end(&o);
    }
}

static void test_shapes(void)
{
    start("MatMul", DTYPE_F32, DIMS(3), DIMS(3));
    CHECK(one_gives(&o, 0, DTYPE_F32, SCALAR, VALUES(14)));
    one_end(&o);
    start("MatMul", DTYPE_F32, DIMS(2), DIMS(2, 2, 1));
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(2, 1), VALUES(5, 11)));
    one_end(&o);
    start("MatMul", DTYPE_F32, DIMS(2, 1, 2), DIMS(2));
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(2, 1), VALUES(5, 11)));
    one_end(&o);
    start("MatMul", DTYPE_I64, DIMS(2, 1, 1, 2), DIMS(3, 2, 1));
    CHECK(one_gives(&o, 0, DTYPE_I64, DIMS(2, 3, 1, 1), VALUES(5, 11, 17, 11, 25, 39)));
    one_end(&o);
    start("MatMul", DTYPE_F32, DIMS(2, 0), DIMS(0, 1));
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(2, 1), VALUES(0, 0)));
    one_end(&o);
    start("MatMul", DTYPE_F32, DIMS(2, 3), DIMS(2, 3));
    CHECK(one_fails(&o, "A has 3 columns, but B has 2 rows"));
    CHECK(one_eval(&o) < 0 && strstr(o.err.text, "A has 3 columns"));
    one_end(&o);
    start("MatMul", DTYPE_F32, DIMS(2, 1, 1), DIMS(3, 1, 1));
    CHECK(one_fails(&o, "do not broadcast"));
    one_end(&o);
    start("MatMul", DTYPE_F32, SCALAR, DIMS(1));
    CHECK(one_fails(&o, "input A is a scalar"));
    one_end(&o);
}

/* Every size around those of the tiles, against sums of which the formula is known. */
static void test_tiles(void)
{
    const int64_t sizes[] = {1, 3, 64, 65, 129, 257};
    for (int k = 0; k < 6; k++)
        for (int j = 0; j < 6; j += 5)
            for (int t = 0; t < 4; t++) {
                int64_t depth = sizes[k], m = sizes[j], n = sizes[5 - j];
                int64_t a[2] = {t & 1 ? depth : m, t & 1 ? m : depth}, b[2] = {t & 2 ? n : depth, t & 2 ? depth : n};
                one_start(&o, "", "Gemm", 1);
                struct tensor *ta = one_tensor(DTYPE_F64, 2, a, NULL), *tb = one_tensor(DTYPE_F64, 2, b, NULL);
                for (int64_t i = 0; i < m; i++) /* A(i, p) = i + p, B(p, j) = p - 2j */
                    for (int64_t p = 0; p < depth; p++)
                        tensor_set_f64(ta, t & 1 ? p * m + i : i * depth + p, (double)(i + p));
                for (int64_t p = 0; p < depth; p++)
                    for (int64_t i = 0; i < n; i++)
                        tensor_set_f64(tb, t & 2 ? i * depth + p : p * n + i, (double)(p - 2 * i));
                one_in(&o, ta);
                one_in(&o, tb);
                node_set_int(o.n, "transA", t & 1, &o.err);
                node_set_int(o.n, "transB", t >> 1, &o.err);
                CHECK(one_run(&o) == 0);
                double s1 = (double)(depth * (depth - 1)) / 2, s2 = s1 * (double)(2 * depth - 1) / 3;
                int bad = 0;
                for (int64_t i = 0; o.out[0] && i < m * n; i++) {
                    double row = (double)(i / n), column = (double)(i % n);
                    double want = s2 + (row - 2 * column) * s1 - 2 * row * column * (double)depth;
                    bad += tensor_get_f64(o.out[0]->tensor, i) != want;
                }
                CHECK_MSG(bad == 0, "%d of %lldx%lldx%lld", bad, (long long)m, (long long)n, (long long)depth);
                one_end(&o);
            }
}

static void test_gemm(void)
{
    start("Gemm", DTYPE_F32, DIMS(2, 1), DIMS(1, 2));
    one_in(&o, one_tensor(DTYPE_F32, DIMS(2), VALUES(10, 20)));
    node_set_float(o.n, "alpha", 2, &o.err);
    node_set_float(o.n, "beta", 0.5f, &o.err);
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(2, 2), VALUES(7, 14, 9, 18)));
    one_end(&o);
    start("Gemm", DTYPE_I32, DIMS(1, 1), DIMS(1, 1));
    node_set_float(o.n, "alpha", 2.5f, &o.err);
    CHECK(one_gives(&o, 0, DTYPE_I32, DIMS(1, 1), VALUES(2)));
    one_end(&o);
    start("Gemm", DTYPE_F32, DIMS(2, 1), DIMS(1, 2));
    one_in(&o, one_tensor(DTYPE_F32, DIMS(3), NULL));
    CHECK(one_fails(&o, "input C"));
    CHECK(one_eval(&o) < 0 && strstr(o.err.text, "input C does not broadcast to 2x2"));
    one_end(&o);
    start("Gemm", DTYPE_F32, DIMS(2), DIMS(2, 1));
    CHECK(one_fails(&o, "input A has rank 1, want 2"));
    one_end(&o);
}

/* Products and sums of integers wrap, exactly. */
static void test_wrapping(void)
{
    one_start(&o, "", "MatMul", 1);
    struct tensor *a = one_tensor(DTYPE_I64, DIMS(1, 2), NULL), *b = one_tensor(DTYPE_I64, DIMS(2, 1), NULL);
    ((int64_t *)a->data)[0] = INT64_MAX;
    ((int64_t *)a->data)[1] = 3;
    ((int64_t *)b->data)[0] = 2;
    ((int64_t *)b->data)[1] = 7;
    one_in(&o, a);
    one_in(&o, b);
    CHECK(one_run(&o) == 0 && tensor_get_i64(o.out[0]->tensor, 0) == 19);
    one_end(&o);
}

static void test_integer(void)
{
    one_start(&o, "", "MatMulInteger", 1);
    one_in(&o, one_tensor(DTYPE_U8, DIMS(2, 2), VALUES(1, 2, 3, 255)));
    one_in(&o, one_tensor(DTYPE_I8, DIMS(2, 2), VALUES(1, -128, 2, 4)));
    one_in(&o, one_tensor(DTYPE_U8, DIMS(2), VALUES(1, 3)));  /* of each row */
    one_in(&o, one_tensor(DTYPE_I8, DIMS(2), VALUES(0, -1))); /* of each column */
    CHECK(one_gives(&o, 0, DTYPE_I32, DIMS(2, 2), VALUES(2, 5, 504, 1260)));
    one_end(&o);
    one_start(&o, "", "MatMulInteger", 1);
    one_in(&o, one_tensor(DTYPE_U8, DIMS(2, 2), NULL));
    one_in(&o, one_tensor(DTYPE_I8, DIMS(2, 2), NULL));
    one_in(&o, one_tensor(DTYPE_U8, DIMS(3), NULL));
    CHECK(one_fails(&o, "zero point (3 elements) does not fit"));
    one_end(&o);
}

static void test_qlinear(void)
{
    const double a[2][4] = {{200, 100, 0, 10}, {100, 50, -100, 10}};
    for (int s = 0; s < 2; s++) { /* unsigned, signed: results saturate */
        enum dtype dtype = s ? DTYPE_I8 : DTYPE_U8;
        one_start(&o, "", "QLinearMatMul", 1);
        one_in(&o, one_tensor(dtype, DIMS(2, 2), a[s]));
        one_in(&o, one_tensor(DTYPE_F32, SCALAR, VALUES(0.5)));
        one_in(&o, one_tensor(dtype, SCALAR, VALUES(10)));
        one_in(&o, one_tensor(DTYPE_I8, DIMS(2, 1), VALUES(3, 1)));
        one_in(&o, one_tensor(DTYPE_F32, SCALAR, VALUES(2)));
        one_in(&o, one_tensor(DTYPE_I8, SCALAR, VALUES(1)));
        one_in(&o, one_tensor(DTYPE_F32, SCALAR, VALUES(1)));
        one_in(&o, one_tensor(dtype, SCALAR, VALUES(5)));
        CHECK(one_gives(&o, 0, dtype, DIMS(2, 1), s ? VALUES(127, -128) : VALUES(255, 0)));
        one_end(&o);
    }
    one_start(&o, "", "QLinearMatMul", 1); /* ties to even, before the zero point */
    one_in(&o, one_tensor(DTYPE_U8, DIMS(3, 1), VALUES(1, 3, 5)));
    one_in(&o, one_tensor(DTYPE_F16, SCALAR, VALUES(1)));
    one_in(&o, one_tensor(DTYPE_U8, SCALAR, VALUES(0)));
    one_in(&o, one_tensor(DTYPE_U8, DIMS(1, 1), VALUES(1)));
    one_in(&o, one_tensor(DTYPE_F16, SCALAR, VALUES(1)));
    one_in(&o, one_tensor(DTYPE_U8, SCALAR, VALUES(0)));
    one_in(&o, one_tensor(DTYPE_F16, SCALAR, VALUES(2)));
    one_in(&o, one_tensor(DTYPE_U8, SCALAR, VALUES(1)));
    CHECK(one_gives(&o, 0, DTYPE_U8, DIMS(3, 1), VALUES(1, 3, 3)));
    one_end(&o);
}

static void start_einsum(const char *equation, int a_rank, const int64_t *a, int b_rank, const int64_t *b)
{
    start("Einsum", DTYPE_F32, a_rank, a, b_rank, b);
    node_set_string(o.n, "equation", equation, strlen(equation), &o.err);
}

static void test_einsum(void)
{
    start_einsum("ij,jk->ik", DIMS(2, 3), DIMS(3, 2));
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(2, 2), VALUES(22, 28, 49, 64)));
    one_end(&o);
    start_einsum(" ij , jk ", DIMS(2, 3), DIMS(3, 2));
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(2, 2), VALUES(22, 28, 49, 64)));
    one_end(&o);
    start_einsum("...i,i->...", DIMS(2, 3), DIMS(3));
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(2), VALUES(14, 32)));
    one_end(&o);
    start_einsum("...ij,...jk", DIMS(2, 1, 2), DIMS(2, 1));
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(2, 1, 1), VALUES(5, 11)));
    one_end(&o);
    start_einsum("ii,k->k", DIMS(2, 2), DIMS(2)); /* a trace */
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(2), VALUES(5, 10)));
    one_end(&o);
    start_einsum("ii,i->i", DIMS(2, 2), DIMS(2)); /* a diagonal */
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(2), VALUES(1, 8)));
    one_end(&o);
    start_einsum("ba,b", DIMS(2, 2), DIMS(2)); /* implicit: alphabetical */
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(2), VALUES(7, 10)));
    one_end(&o);
}

static void test_einsum_errors(void)
{
    static const struct {
        const char *equation, *words;
    } wrong[] = {
        {"ij->ij", "fewer terms"},
        {"ij,jk,kl->il", "more terms"},
        {"ij,jk->iz", "an axis that no input has"},
        {"ij,jk->ii", "an axis twice"},
        {"ijk,jk->i", "more axes than the input's 2"},
        {"i,jk->i", "names 1 axes, but the input has 2"},
        {"ij,ij->i", "an axis is"},
        {"i1,jk->i", "neither a letter"},
        {"ij,jk->i->k", "behind the output"},
        {"......,jk->k", "neither a letter"},
        {"", "names 0 axes"},
        {"ij,jk-", "more terms"},
        {"ij,jk->i.", "neither a letter"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        start_einsum(wrong[i].equation, DIMS(2, 3), DIMS(3, 2));
        CHECK_MSG(one_fails(&o, wrong[i].words), "%s", wrong[i].equation);
        o.err.text[0] = '\0';
        CHECK_MSG(one_eval(&o) < 0 && strstr(o.err.text, wrong[i].words), "%s", wrong[i].equation);
        one_end(&o);
    }
    one_start(&o, "", "Einsum", 1); /* a small file must not ask for ages */
    for (int i = 0; i < 4; i++)
        one_in(&o, one_tensor(DTYPE_U8, DIMS(100000), NULL));
    node_set_string(o.n, "equation", "a,b,c,d->", 9, &o.err);
    CHECK(one_fails(&o, "products are too many"));
    one_end(&o);
}

static void test_det(void)
{
    one_start(&o, "", "Det", 1);
    one_in(&o, one_tensor(DTYPE_F64, DIMS(3, 2, 2), VALUES(1, 2, 3, 4, 0, 1, 1, 0, 1, 2, 2, 4)));
    CHECK(one_gives(&o, 0, DTYPE_F64, DIMS(3), VALUES(-2, -1, 0)));
    one_end(&o);
    one_start(&o, "", "Det", 1);
    one_in(&o, one_tensor(DTYPE_F64, DIMS(2, 3), NULL));
    CHECK(one_fails(&o, "no square matrix"));
    one_end(&o);
}

static void test_inference(void)
{
    one_start(&o, "", "MatMul", 1);
    int64_t n = one_symbol(&o, "N"), s = one_symbol(&o, "S");
    one_typed(&o, DTYPE_F32, DIMS(n, 12, s, 64));
    one_typed(&o, DTYPE_F32, DIMS(1, 12, 64, s));
    CHECK(one_infer(&o) == 0);
    CHECK_STR(one_type(&o, 0), "f32 Nx12xSxS");
    one_end(&o);
    one_start(&o, "", "Gemm", 1);
    one_typed(&o, DTYPE_F32, DIMS(one_symbol(&o, "N"), 8));
    one_typed(&o, DTYPE_F32, DIMS(10, 8));
    node_set_int(o.n, "transB", 1, &o.err);
    CHECK(one_infer(&o) == 0);
    CHECK_STR(one_type(&o, 0), "f32 Nx10");
    one_end(&o);
    one_start(&o, "", "Einsum", 1);
    n = one_symbol(&o, "N");
    one_typed(&o, DTYPE_F32, DIMS(n, 8));
    one_typed(&o, DTYPE_F32, DIMS(8, one_symbol(&o, "K")));
    node_set_string(o.n, "equation", "ij,jk", 5, &o.err);
    CHECK(one_infer(&o) == 0);
    CHECK_STR(one_type(&o, 0), "f32 NxK");
    one_end(&o);
}

int main(void)
{
    RUN(test_types);
    RUN(test_shapes);
    RUN(test_tiles);
    RUN(test_gemm);
    RUN(test_wrapping);
    RUN(test_integer);
    RUN(test_qlinear);
    RUN(test_einsum);
    RUN(test_einsum_errors);
    RUN(test_det);
    RUN(test_inference);
    return TEST_END();
}
