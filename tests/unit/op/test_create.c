/* Constants, ranges, fillings, random tensors, casts. */
#include "one.h"

static void test_constant(void)
{
    struct one o;
    one_start(&o, "", "Constant", 1);
    node_set_floats(o.n, "value_floats", (float[]){1, 2.5f}, 2, &o.err);
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(2), VALUES(1, 2.5)));
    one_end(&o);
    one_start(&o, "", "Constant", 1);
    node_set_int(o.n, "value_int", -3, &o.err);
    CHECK(one_gives(&o, 0, DTYPE_I64, SCALAR, VALUES(-3)));
    one_end(&o);
    one_start(&o, "", "Constant", 1);
    node_set_strings(o.n, "value_strings", (struct str[]){{"ab", 2}, {"", 0}}, 2, &o.err);
    CHECK(one_run(&o) == 0 && o.out[0]->tensor->dtype == DTYPE_STRING &&
          ((struct str *)o.out[0]->tensor->data)[0].size == 2);
    one_end(&o);
    one_start(&o, "", "Constant", 1);
    CHECK(one_fails(&o, "exactly one of the attributes"));
    one_end(&o);
    one_start(&o, "", "Constant", 1);
    node_set_int(o.n, "value_int", 1, &o.err);
    node_set_float(o.n, "value_float", 1, &o.err);
    CHECK(one_infer(&o) != 0 && one_eval(&o) != 0 && strstr(o.err.text, "exactly one"));
    one_end(&o);
}

static void constant_of_shape(struct one *o, struct tensor *shape, struct tensor *value)
{
    one_start(o, "", "ConstantOfShape", 1);
    one_in(o, shape);
    if (value)
        node_set_tensor(o->n, "value", value, &o->err);
}

static void test_constant_of_shape(void)
{
    struct one o;
    constant_of_shape(&o, one_tensor(DTYPE_I64, DIMS(2), VALUES(2, 2)), one_tensor(DTYPE_I8, DIMS(1), VALUES(-7)));
    CHECK(one_gives(&o, 0, DTYPE_I8, DIMS(2, 2), VALUES(-7, -7, -7, -7)));
    one_end(&o);
    constant_of_shape(&o, one_tensor(DTYPE_I64, DIMS(0), NULL), NULL);
    CHECK(one_gives(&o, 0, DTYPE_F32, SCALAR, VALUES(0)));
    one_end(&o);
    constant_of_shape(&o, one_tensor(DTYPE_I64, DIMS(1), VALUES(5)), one_tensor(DTYPE_I4, DIMS(1), VALUES(-3)));
    CHECK(one_gives(&o, 0, DTYPE_I4, DIMS(5), VALUES(-3, -3, -3, -3, -3)));
    one_end(&o);
    constant_of_shape(&o, one_tensor(DTYPE_I64, DIMS(1), VALUES(-5)), NULL);
    CHECK(one_fails(&o, "input[0]: -5, want at least 0"));
    one_end(&o);
    constant_of_shape(&o, one_tensor(DTYPE_I64, DIMS(2), VALUES(0x1p40, 0x1p40)), NULL);
    CHECK(one_fails(&o, "no possible size"));
    one_end(&o);
    constant_of_shape(&o, one_tensor(DTYPE_I64, DIMS(1), VALUES(0x1p30)), NULL);
    CHECK(one_fails(&o, "beyond the limit"));
    one_end(&o);
    constant_of_shape(&o, one_tensor(DTYPE_I64, DIMS(13), NULL), NULL);
    CHECK(one_fails(&o, "13 elements"));
    one_end(&o);
    constant_of_shape(&o, one_tensor(DTYPE_I64, DIMS(1), VALUES(1)), one_tensor(DTYPE_I8, DIMS(2), NULL));
    CHECK(one_fails(&o, "attribute value has 2 elements, want 1"));
    one_end(&o);
}

static void range(struct one *o, enum dtype dtype, double start, double limit, double delta)
{
    const double v[] = {start, limit, delta};
    one_start(o, "", "Range", 1);
    for (int i = 0; i < 3; i++)
        one_in(o, one_tensor(dtype, SCALAR, &v[i]));
}

static void test_range(void)
{
    struct one o;
    range(&o, DTYPE_I32, 10, 4, -4);
    CHECK(one_gives(&o, 0, DTYPE_I32, DIMS(2), VALUES(10, 6)));
    one_end(&o);
    range(&o, DTYPE_F32, 1, 2.1, 0.5);
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(3), VALUES(1, 1.5, 2)));
    one_end(&o);
    range(&o, DTYPE_I64, 3, 3, 1);
    CHECK(one_gives(&o, 0, DTYPE_I64, DIMS(0), NULL));
    one_end(&o);
    range(&o, DTYPE_I64, 0, 5, 0);
    CHECK(one_fails(&o, "delta is 0"));
    one_end(&o);
    range(&o, DTYPE_I64, -0x1p62, 0x1p62, 1);
    CHECK(one_fails(&o, "output 0 would be"));
    one_end(&o);
    range(&o, DTYPE_F64, 0, INFINITY, 1);
    CHECK(one_fails(&o, "has no count"));
    one_end(&o);
    range(&o, DTYPE_F64, 0, 1e300, 1e-300);
    CHECK(one_fails(&o, "output 0 would be"));
    one_end(&o);
}

static void test_eye_like(void)
{
    static const int64_t k[] = {1, -1, INT64_MAX, INT64_MIN};
    static const double want[][6] = {{0, 1, 0, 0, 0, 1}, {0, 0, 0, 1, 0, 0}, {0}, {0}};
    struct one o;
    for (int i = 0; i < 4; i++) {
        one_start(&o, "", "EyeLike", 1);
        one_in(&o, one_tensor(DTYPE_I32, DIMS(2, 3), NULL));
        node_set_int(o.n, "k", k[i], &o.err);
        node_set_int(o.n, "dtype", DTYPE_F16, &o.err);
        CHECK(one_gives(&o, 0, DTYPE_F16, DIMS(2, 3), want[i]));
        one_end(&o);
    }
    one_start(&o, "", "EyeLike", 1);
    one_in(&o, one_tensor(DTYPE_I32, DIMS(2), NULL));
    CHECK(one_fails(&o, "rank 1, want 2"));
    one_end(&o);
    one_start(&o, "", "EyeLike", 1);
    one_in(&o, one_tensor(DTYPE_I32, DIMS(2, 2), NULL));
    node_set_int(o.n, "dtype", DTYPE_STRING, &o.err);
    CHECK(one_fails(&o, "attribute dtype: 8"));
    CHECK(one_eval(&o) != 0 && strstr(o.err.text, "attribute dtype: 8"));
    one_end(&o);
}

static void random_like(struct one *o, const char *op, float seed)
{
    one_start(o, "", op, 1);
    one_in(o, one_tensor(DTYPE_F32, DIMS(2000), NULL));
    if (seed != 0)
        node_set_float(o->n, "seed", seed, &o->err);
}

static void moments(const struct tensor *t, double *mean, double *variance)
{
    double sum = 0, squares = 0;
    for (int64_t i = 0; i < t->count; i++) {
        double x = tensor_get_f64(t, i);
        sum += x;
        squares += x * x;
    }
    *mean = sum / (double)t->count;
    *variance = squares / (double)t->count - *mean * *mean;
}

static void test_random(void)
{
    struct one a, b;
    double mean, variance;
    random_like(&a, "RandomNormalLike", 3);
    node_set_float(a.n, "mean", 5, &a.err);
    node_set_float(a.n, "scale", 2, &a.err);
    CHECK(one_run(&a) == 0);
    moments(a.out[0]->tensor, &mean, &variance);
    CHECK_MSG(fabs(mean - 5) < 0.2 && fabs(variance - 4) < 0.5, "%g %g", mean, variance);
    one_end(&a);
    random_like(&a, "RandomUniformLike", 0);
    node_set_float(a.n, "low", -1, &a.err);
    CHECK(one_run(&a) == 0);
    moments(a.out[0]->tensor, &mean, &variance);
    CHECK_MSG(fabs(mean) < 0.06 && fabs(variance - 1 / 3.0) < 0.03, "%g %g", mean, variance);
    one_end(&a);
    random_like(&a, "RandomUniformLike", 4);
    random_like(&b, "RandomUniformLike", 4);
    CHECK(one_run(&a) == 0 && one_run(&b) == 0 && tensor_equal(a.out[0]->tensor, b.out[0]->tensor));
    one_end(&a);
    one_end(&b);
    one_start(&a, "", "RandomNormalLike", 1); /* without a dtype it is the input's */
    one_in(&a, one_tensor(DTYPE_I64, DIMS(2), NULL));
    CHECK(one_fails(&a, "its output would be i64"));
    one_end(&a);
    random_like(&a, "Bernoulli", 1);
    for (int i = 0; i < 2000; i++)
        tensor_set_f64(a.in[0]->tensor, i, 0.25);
    CHECK(one_run(&a) == 0);
    moments(a.out[0]->tensor, &mean, &variance);
    CHECK_MSG(fabs(mean - 0.25) < 0.04, "%g", mean);
    one_end(&a);
}

static void test_multinomial(void)
{
    struct one o;
    double mean, variance;
    one_start(&o, "", "Multinomial", 1);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(1, 3), VALUES(-INFINITY, 1000, 1001.0986)));
    node_set_int(o.n, "sample_size", 2000, &o.err);
    CHECK(one_run(&o) == 0 && o.out[0]->tensor->dtype == DTYPE_I32);
    moments(o.out[0]->tensor, &mean, &variance);
    CHECK_MSG(fabs(mean - 1.75) < 0.04, "%g", mean);
    one_end(&o);
    one_start(&o, "", "Multinomial", 1);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(1, 3), NULL));
    node_set_int(o.n, "sample_size", -1, &o.err);
    CHECK(one_fails(&o, "sample_size: -1"));
    one_end(&o);
}

static void test_random_errors(void)
{
    struct one o;
    one_start(&o, "", "RandomNormal", 1);
    node_set_ints(o.n, "shape", (int64_t[]){2, -1}, 2, &o.err);
    CHECK(one_fails(&o, "attribute shape: -1"));
    CHECK(one_eval(&o) != 0);
    one_end(&o);
    one_start(&o, "", "RandomNormal", 1);
    node_set_ints(o.n, "shape", (int64_t[]){2}, 1, &o.err);
    node_set_int(o.n, "dtype", DTYPE_I32, &o.err);
    CHECK(one_fails(&o, "want a floating-point type"));
    CHECK(one_eval(&o) != 0);
    one_end(&o);
    one_start(&o, "", "RandomNormal", 1);
    int64_t many[13] = {0};
    node_set_ints(o.n, "shape", many, 13, &o.err);
    CHECK(one_fails(&o, "rank 13"));
    CHECK(one_eval(&o) != 0 && strstr(o.err.text, "rank 13"));
    one_end(&o);
}

static void cast(struct one *o, struct tensor *x, int64_t to)
{
    one_start(o, "", "Cast", 1);
    one_in(o, x);
    node_set_int(o->n, "to", to, &o->err);
}

static void test_cast(void)
{
    struct one o;
    cast(&o, one_tensor(DTYPE_F32, DIMS(3), VALUES(-1.7, 2.9, 0)), DTYPE_I32);
    CHECK(one_gives(&o, 0, DTYPE_I32, DIMS(3), VALUES(-1, 2, 0)));
    one_end(&o);
    cast(&o, one_tensor(DTYPE_I16, DIMS(2), VALUES(200, 0)), DTYPE_I8);
    CHECK(one_gives(&o, 0, DTYPE_I8, DIMS(2), VALUES(-56, 0)));
    one_end(&o);
    cast(&o, one_tensor(DTYPE_F32, DIMS(3), VALUES(0.2, -0.0, NAN)), DTYPE_BOOL);
    CHECK(one_gives(&o, 0, DTYPE_BOOL, DIMS(3), VALUES(1, 0, 1)));
    one_end(&o);
    cast(&o, one_strings(DIMS(3), (const char *const[]){"3.5", "-INF", "NaN"}), DTYPE_F32);
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(3), VALUES(3.5, -INFINITY, NAN)));
    one_end(&o);
    cast(&o, one_strings(DIMS(1), (const char *const[]){"no number"}), DTYPE_F32);
    CHECK(one_fails(&o, "node 'it' (Cast): "));
    one_end(&o);
    cast(&o, one_tensor(DTYPE_F32, DIMS(2), VALUES(NAN, 3)), DTYPE_F4E2M1);
    CHECK(one_gives(&o, 0, DTYPE_F4E2M1, DIMS(2), VALUES(0, 3)));
    one_end(&o);
    cast(&o, one_tensor(DTYPE_F32, DIMS(1), VALUES(1)), DTYPE_C64);
    CHECK(one_fails(&o, "attribute to: 14 is no type to cast to"));
    CHECK(one_eval(&o) != 0);
    one_end(&o);
    cast(&o, one_tensor(DTYPE_F32, DIMS(1), VALUES(1)), 4294967297);
    CHECK(one_fails(&o, "attribute to: 4294967297"));
    one_end(&o);
    cast(&o, one_tensor(DTYPE_BOOL, DIMS(300000), NULL), DTYPE_F64);
    CHECK(one_fails(&o, "beyond the limit"));
    one_end(&o);
}

static void test_cast_like(void)
{
    struct one o;
    one_start(&o, "", "CastLike", 1);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(2), VALUES(1000, -1000)));
    one_in(&o, one_tensor(DTYPE_F8E4M3FN, DIMS(1), NULL));
    CHECK(one_gives(&o, 0, DTYPE_F8E4M3FN, DIMS(2), VALUES(448, -448)));
    one_end(&o);
    one_start(&o, "", "CastLike", 1);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(2), VALUES(1000, -1000)));
    one_in(&o, one_tensor(DTYPE_F8E5M2, DIMS(1), NULL));
    node_set_string(o.n, "round_mode", "sideways", 8, &o.err);
    CHECK(one_fails(&o, "attribute round_mode: 'sideways'"));
    one_end(&o);
}

static void test_bit_cast(void)
{
    struct one o;
    one_start(&o, "", "BitCast", 1);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(3), VALUES(1, -2, 0)));
    node_set_int(o.n, "to", DTYPE_I32, &o.err);
    CHECK(one_gives(&o, 0, DTYPE_I32, DIMS(3), VALUES(0x3f800000, -0x40000000, 0)));
    one_end(&o);
    one_start(&o, "", "BitCast", 1);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(1), VALUES(1)));
    node_set_int(o.n, "to", DTYPE_I64, &o.err);
    CHECK(one_fails(&o, "attribute to: i64 has 64 bits, and the input's f32 has 32"));
    one_end(&o);
    one_start(&o, "", "BitCast", 1);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(1), VALUES(1)));
    node_set_int(o.n, "to", DTYPE_STRING, &o.err);
    CHECK(one_fails(&o, "attribute to: 8 is no type of numbers"));
    one_end(&o);
}

int main(void)
{
    RUN(test_constant);
    RUN(test_constant_of_shape);
    RUN(test_range);
    RUN(test_eye_like);
    RUN(test_random);
    RUN(test_multinomial);
    RUN(test_random_errors);
    RUN(test_cast);
    RUN(test_cast_like);
    RUN(test_bit_cast);
    return TEST_END();
}
