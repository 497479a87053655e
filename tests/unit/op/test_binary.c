/* Arithmetic, logic, comparison, choice. */
#include "one.h"

struct side {
    enum dtype dtype;
    int rank;
    const int64_t *dims;
    const double *values;
};

static void start(struct one *o, const char *op, struct side a, struct side b)
{
    one_start(o, "", op, 1);
    one_in(o, one_tensor(a.dtype, a.rank, a.dims, a.values));
    one_in(o, one_tensor(b.dtype, b.rank, b.dims, b.values));
}

/* The result is of the first side's dims. */
static bool gives(const char *op, struct side a, struct side b, enum dtype out, const double *values)
{
    struct one o;
    start(&o, op, a, b);
    bool good = one_gives(&o, 0, out, a.rank, a.dims, values);
    if (!good)
        printf("  %s\n", op);
    one_end(&o);
    return good;
}

static struct side side(enum dtype dtype, int rank, const int64_t *dims, const double *values)
{
    return (struct side){dtype, rank, dims, values};
}

static void test_floats(void)
{
    struct side a = side(DTYPE_F32, DIMS(3), VALUES(1, -2, 6)), b = side(DTYPE_F32, DIMS(3), VALUES(4, 0, -4));
    CHECK(gives("Add", a, b, DTYPE_F32, VALUES(5, -2, 2)));
    CHECK(gives("Sub", a, b, DTYPE_F32, VALUES(-3, -2, 10)));
    CHECK(gives("Mul", a, b, DTYPE_F32, VALUES(4, 0, -24)));
    CHECK(gives("Div", a, b, DTYPE_F32, VALUES(0.25, -INFINITY, -1.5)));
    CHECK(gives("Less", a, b, DTYPE_BOOL, VALUES(1, 1, 0)));
    CHECK(gives("GreaterOrEqual", a, a, DTYPE_BOOL, VALUES(1, 1, 1)));
    CHECK(gives("Add", side(DTYPE_F16, DIMS(1), VALUES(60000)), side(DTYPE_F16, DIMS(1), VALUES(60000)), DTYPE_F16,
                VALUES(INFINITY)));
    struct side nan = side(DTYPE_F32, DIMS(2), VALUES(NAN, 1)), one = side(DTYPE_F32, DIMS(2), VALUES(1, NAN));
    CHECK(gives("Max", nan, one, DTYPE_F32, VALUES(NAN, NAN)));
    CHECK(gives("Min", nan, one, DTYPE_F32, VALUES(NAN, NAN)));
    CHECK(gives("Equal", nan, nan, DTYPE_BOOL, VALUES(0, 1)));
}

static void test_integers(void)
{
    struct side a = side(DTYPE_I32, DIMS(5), VALUES(7, -7, 7, -2147483648.0, 5)),
                b = side(DTYPE_I32, DIMS(5), VALUES(2, 2, -2, -1, 0));
    CHECK(gives("Div", a, b, DTYPE_I32, VALUES(3, -3, -3, -2147483648.0, 0)));
    CHECK(gives("Mod", a, b, DTYPE_I32, VALUES(1, 1, -1, 0, 0)));
    CHECK(gives("Add", side(DTYPE_U8, DIMS(2), VALUES(250, 1)), side(DTYPE_U8, DIMS(2), VALUES(10, 1)), DTYPE_U8,
                VALUES(4, 2)));
    CHECK(gives("Sub", side(DTYPE_U8, DIMS(1), VALUES(1)), side(DTYPE_U8, DIMS(1), VALUES(2)), DTYPE_U8, VALUES(255)));
    struct side big = side(DTYPE_U64, DIMS(2), VALUES(0x1p63, 5)), small = side(DTYPE_U64, DIMS(2), VALUES(3, 7));
    CHECK(gives("Greater", big, small, DTYPE_BOOL, VALUES(1, 0)));
    CHECK(gives("Max", big, small, DTYPE_U64, VALUES(0x1p63, 7)));
    CHECK(gives("Div", big, side(DTYPE_U64, DIMS(2), VALUES(2, 0)), DTYPE_U64, VALUES(0x1p62, 0)));
    CHECK(gives("BitwiseXor", side(DTYPE_I8, DIMS(1), VALUES(-1)), side(DTYPE_I8, DIMS(1), VALUES(15)), DTYPE_I8,
                VALUES(-16)));
}

static void test_mod(void)
{
    struct one o;
    start(&o, "Mod", side(DTYPE_I32, DIMS(2), VALUES(-7, 7)), side(DTYPE_I32, DIMS(2), VALUES(3, -3)));
    node_set_int(o.n, "fmod", 1, &o.err);
    CHECK(one_gives(&o, 0, DTYPE_I32, DIMS(2), VALUES(-1, 1)));
    one_end(&o);
    start(&o, "Mod", side(DTYPE_F32, DIMS(2), VALUES(-7.5, 7)), side(DTYPE_F32, DIMS(2), VALUES(2, 0)));
    node_set_int(o.n, "fmod", 1, &o.err);
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(2), VALUES(-1.5, NAN)));
    one_end(&o);
    start(&o, "Mod", side(DTYPE_F32, DIMS(6), VALUES(-7.5, 7.5, -7.5, 3, 1, -1)),
          side(DTYPE_F32, DIMS(6), VALUES(2, -2, -2, 0, INFINITY, INFINITY)));
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(6), VALUES(0.5, -0.5, -1.5, NAN, 1, INFINITY)));
    one_end(&o);
}

static void test_pow(void)
{
    CHECK(gives("Pow", side(DTYPE_F32, DIMS(3), VALUES(2, -2, 4)), side(DTYPE_I64, DIMS(3), VALUES(3, 3, -1)),
                DTYPE_F32, VALUES(8, -8, 0.25)));
    CHECK(gives("Pow", side(DTYPE_I32, DIMS(4), VALUES(3, -1, 2, 0)), side(DTYPE_I32, DIMS(4), VALUES(4, -3, -1, 0)),
                DTYPE_I32, VALUES(81, -1, 0, 1)));
    CHECK(gives("Pow", side(DTYPE_I64, DIMS(2), VALUES(9, 2)), side(DTYPE_F32, DIMS(2), VALUES(0.5, -1)), DTYPE_I64,
                VALUES(3, 0)));
    CHECK(gives("Pow", side(DTYPE_F32, DIMS(1), VALUES(-8)), side(DTYPE_F32, DIMS(1), VALUES(0.5)), DTYPE_F32,
                VALUES(NAN)));
}

static void test_shift(void)
{
    struct one o;
    start(&o, "BitShift", side(DTYPE_U8, DIMS(3), VALUES(1, 200, 3)), side(DTYPE_U8, DIMS(3), VALUES(3, 1, 100)));
    node_set_string(o.n, "direction", "LEFT", 4, &o.err);
    CHECK(one_gives(&o, 0, DTYPE_U8, DIMS(3), VALUES(8, 144, 0)));
    one_end(&o);
    start(&o, "BitShift", side(DTYPE_I8, DIMS(5), VALUES(-100, 100, -1, 5, -5)),
          side(DTYPE_I8, DIMS(5), VALUES(2, 2, 8, -1, -1)));
    node_set_string(o.n, "direction", "RIGHT", 5, &o.err);
    CHECK(one_gives(&o, 0, DTYPE_I8, DIMS(5), VALUES(-25, 25, -1, 0, -1)));
    one_end(&o);
    start(&o, "BitShift", side(DTYPE_I8, DIMS(3), VALUES(-100, 1, 5)), side(DTYPE_I8, DIMS(3), VALUES(1, 7, -1)));
    node_set_string(o.n, "direction", "LEFT", 4, &o.err);
    CHECK(one_gives(&o, 0, DTYPE_I8, DIMS(3), VALUES(56, -128, 0)));
    one_end(&o);
    start(&o, "BitShift", side(DTYPE_U64, DIMS(1), VALUES(1)), side(DTYPE_U64, DIMS(1), VALUES(3)));
    node_set_string(o.n, "direction", "UP", 2, &o.err);
    CHECK(one_fails(&o, "attribute direction: 'UP'"));
    one_end(&o);
}

static void test_broadcast(void)
{
    struct one o;
    start(&o, "Add", side(DTYPE_I32, DIMS(2, 1, 3), VALUES(1, 2, 3, 4, 5, 6)),
          side(DTYPE_I32, DIMS(2, 1), VALUES(10, 20)));
    CHECK(one_gives(&o, 0, DTYPE_I32, DIMS(2, 2, 3), VALUES(11, 12, 13, 21, 22, 23, 14, 15, 16, 24, 25, 26)));
    one_end(&o);
    start(&o, "Mul", side(DTYPE_F32, SCALAR, VALUES(3)), side(DTYPE_F32, DIMS(0, 2), NULL));
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(0, 2), NULL));
    one_end(&o);
    start(&o, "Mul", side(DTYPE_F32, DIMS(2, 3), NULL), side(DTYPE_F32, DIMS(2), NULL));
    CHECK(one_infer(&o) != 0 &&
          strstr(o.err.text, "node 'it' (Mul): inputs 0 (f32 2x3) and 1 (f32 2) cannot be broadcast together"));
    CHECK(one_eval(&o) != 0 && strstr(o.err.text, "inputs 0 (2x3) and 1 (2) cannot be broadcast together"));
    one_end(&o);
}

static void test_variadic(void)
{
    static const char *const ops[] = {"Sum", "Mean", "Max", "Min"};
    static const double want[][4] = {
        {13, 23, 15, 25}, {13 / 3.0, 23 / 3.0, 5, 25 / 3.0}, {10, 20, 10, 20}, {1, 1, 2, 2}};
    struct one o;
    for (int i = 0; i < 4; i++) {
        one_start(&o, "", ops[i], 1);
        one_in(&o, one_tensor(DTYPE_F32, DIMS(2), VALUES(10, 20)));
        one_in(&o, one_tensor(DTYPE_F32, DIMS(2, 1), VALUES(1, 3)));
        one_in(&o, one_tensor(DTYPE_F32, DIMS(1, 1), VALUES(2)));
        CHECK_MSG(one_gives(&o, 0, DTYPE_F32, DIMS(2, 2), want[i]), "%s", ops[i]);
        one_end(&o);
    }
    one_start(&o, "", "Max", 1);
    one_in(&o, one_tensor(DTYPE_I8, DIMS(2), VALUES(-3, 4)));
    CHECK(one_gives(&o, 0, DTYPE_I8, DIMS(2), VALUES(-3, 4)));
    one_end(&o);
}

static void test_clip(void)
{
    struct one o;
    one_start(&o, "", "Clip", 1);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(4), VALUES(-5, 0.5, 9, NAN)));
    one_in(&o, one_tensor(DTYPE_F32, SCALAR, VALUES(-1)));
    one_in(&o, one_tensor(DTYPE_F32, SCALAR, VALUES(1)));
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(4), VALUES(-1, 0.5, 1, NAN)));
    one_end(&o);
    one_start(&o, "", "Clip", 1);
    one_in(&o, one_tensor(DTYPE_U8, DIMS(2), VALUES(200, 3)));
    one_in(&o, NULL);
    one_in(&o, one_tensor(DTYPE_U8, SCALAR, VALUES(100)));
    CHECK(one_gives(&o, 0, DTYPE_U8, DIMS(2), VALUES(100, 3)));
    one_end(&o);
    one_start(&o, "", "Clip", 1); /* min > max: max */
    one_in(&o, one_tensor(DTYPE_I64, DIMS(2), VALUES(200, 3)));
    one_in(&o, one_tensor(DTYPE_I64, SCALAR, VALUES(50)));
    one_in(&o, one_tensor(DTYPE_I64, SCALAR, VALUES(10)));
    CHECK(one_gives(&o, 0, DTYPE_I64, DIMS(2), VALUES(10, 10)));
    one_end(&o);
    one_start(&o, "", "Clip", 1);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(1), VALUES(1)));
    one_in(&o, one_tensor(DTYPE_F32, DIMS(2), VALUES(1, 2)));
    CHECK(one_fails(&o, "input min has rank 1 and 2 elements, want a scalar"));
    one_end(&o);
}

static void test_where(void)
{
    struct one o;
    one_start(&o, "", "Where", 1);
    one_in(&o, one_tensor(DTYPE_BOOL, DIMS(2, 1), VALUES(1, 0)));
    one_in(&o, one_tensor(DTYPE_I16, DIMS(3), VALUES(1, 2, 3)));
    one_in(&o, one_tensor(DTYPE_I16, SCALAR, VALUES(-1)));
    CHECK(one_gives(&o, 0, DTYPE_I16, DIMS(2, 3), VALUES(1, 2, 3, -1, -1, -1)));
    one_end(&o);
    one_start(&o, "", "Where", 1);
    one_in(&o, one_tensor(DTYPE_BOOL, DIMS(3), VALUES(1, 0, 1)));
    one_in(&o, one_strings(DIMS(3), (const char *const[]){"a", "bb", ""}));
    one_in(&o, one_strings(DIMS(1), (const char *const[]){"zzz"}));
    CHECK(one_run(&o) == 0);
    if (!o.result) {
        /* The result's bytes are its own. */
        for (int i = 1; i < 3; i++) {
            item_unref(o.in[i]);
            o.in[i] = NULL;
        }
        const struct str *s = o.out[0]->tensor->data;
        CHECK(s[0].size == 1 && s[0].data[0] == 'a' && s[1].size == 3 && memcmp(s[1].data, "zzz", 3) == 0 &&
              s[2].size == 0);
    }
    one_end(&o);
}

static void test_equal_strings(void)
{
    struct one o;
    one_start(&o, "", "Equal", 1);
    one_in(&o, one_strings(DIMS(2, 1), (const char *const[]){"x", ""}));
    one_in(&o, one_strings(DIMS(2), (const char *const[]){"x", ""}));
    CHECK(one_gives(&o, 0, DTYPE_BOOL, DIMS(2, 2), VALUES(1, 0, 0, 1)));
    one_end(&o);
}

static void test_logic(void)
{
    struct side a = side(DTYPE_BOOL, DIMS(4), VALUES(0, 0, 1, 1)), b = side(DTYPE_BOOL, DIMS(4), VALUES(0, 1, 0, 1));
    CHECK(gives("And", a, b, DTYPE_BOOL, VALUES(0, 0, 0, 1)));
    CHECK(gives("Or", a, b, DTYPE_BOOL, VALUES(0, 1, 1, 1)));
    CHECK(gives("Xor", a, b, DTYPE_BOOL, VALUES(0, 1, 1, 0)));
    CHECK(gives("Equal", a, b, DTYPE_BOOL, VALUES(1, 0, 0, 1)));
}

int main(void)
{
    RUN(test_floats);
    RUN(test_integers);
    RUN(test_mod);
    RUN(test_pow);
    RUN(test_shift);
    RUN(test_broadcast);
    RUN(test_variadic);
    RUN(test_clip);
    RUN(test_where);
    RUN(test_equal_strings);
    RUN(test_logic);
    return TEST_END();
}
