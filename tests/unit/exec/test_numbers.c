/* Whole numbers, truth values, comparisons, casts and the best of an axis, against the reference. */
#include "exec_test.h"

static struct value *cast(struct value *x, enum dtype to)
{
    struct node *n = NODE("Cast", x);
    node_set_int(n, "to", to, &error);
    return n->out[0];
}

/* Numbers of a few units, many of them zero, channels last; and some that broadcast to them. */
static void operands(enum dtype dtype, struct value **x, struct value **y)
{
    struct value *c = NODE("Conv", input("x", DIMS(2, 5, 6, 7)), weight(DIMS(5, 5, 1, 1)))->out[0];
    *x = cast(NODE("Mul", c, weight(DIMS(1, 1, 1, 7)))->out[0], DTYPE_F32);
    *x = cast(NODE("Round", NODE("Mul", *x, *x)->out[0])->out[0], dtype);
    *y = cast(NODE("Round", input("y", DIMS(5, 1, 7)))->out[0], dtype);
}

static void test_arithmetic(void)
{
    static const char *const ops[] = {"Add", "Sub", "Mul", "Div", "Max", "Min", "Mod"};
    static const enum dtype dtypes[] = {DTYPE_I32, DTYPE_I64};
    for (int i = 0; i < 14; i++) {
        struct value *x, *y;
        begin();
        operands(dtypes[i % 2], &x, &y);
        output(NODE(ops[i / 2], x, y)->out[0]);
        output(NODE(ops[i / 2], y, x)->out[0]);
        output(NODE("Neg", NODE("Abs", y)->out[0])->out[0]);
        if (strcmp(ops[i / 2], "Mod") == 0) {
            struct node *n = NODE("Mod", x, y);
            node_set_int(n, "fmod", 1, &error);
            output(n->out[0]);
        }
        check();
    }
}

static void test_comparisons(void)
{
    static const char *const ops[] = {"Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual"};
    static const enum dtype dtypes[] = {DTYPE_F32, DTYPE_I32, DTYPE_I64};
    for (int i = 0; i < 15; i++) {
        struct value *x, *y;
        begin();
        operands(dtypes[i % 3], &x, &y);
        struct value *one = NODE(ops[i / 3], x, y)->out[0], *other = NODE("Less", y, x)->out[0];
        output(one);
        output(NODE("Where", one, x, y)->out[0]);
        output(NODE("Where", NODE("Not", one)->out[0], one, other)->out[0]);
        output(NODE("And", one, other)->out[0]);
        output(NODE("Or", one, other)->out[0]);
        output(NODE("Xor", one, NODE("Equal", one, other)->out[0])->out[0]);
        check();
    }
}

static void test_casts(void)
{
    static const enum dtype dtypes[] = {DTYPE_F32, DTYPE_I32, DTYPE_I64, DTYPE_U8, DTYPE_I8, DTYPE_BOOL};
    for (int i = 0; i < 6; i++) {
        begin();
        struct value *x = input("x", DIMS(3, 41)), *large = weight(DIMS(1));
        tensor_set_f64(large->constant, 0, 1e20);
        struct value *from = cast(x, dtypes[i]), *wide = cast(NODE("Mul", x, large)->out[0], dtypes[i]);
        for (int j = 0; j < 6; j++)
            output(cast(from, dtypes[j]));
        output(cast(wide, DTYPE_I64));
        check();
    }
}

/* What is rounded to halves stays so, though they are computed with in single precision. */
static void test_roundings(void)
{
    for (int i = 0; i < 2; i++) {
        begin();
        struct value *x = input("x", DIMS(3, 41)), *half = cast(x, i ? DTYPE_F16 : DTYPE_BF16);
        output(cast(half, DTYPE_F32));
        output(cast(NODE("Transpose", NODE("Neg", half)->out[0])->out[0], DTYPE_F32));
        output(cast(cast(NODE("Transpose", x)->out[0], i ? DTYPE_F16 : DTYPE_BF16), DTYPE_F32));
        check();
    }
}

static void test_best(void)
{
    for (int axis = -4; axis < 4; axis++) {
        begin();
        struct value *x, *y;
        operands(DTYPE_F32, &x, &y);
        for (int i = 0; i < 4; i++) {
            struct node *n = NODE(i & 1 ? "ArgMax" : "ArgMin", x);
            node_set_int(n, "axis", axis, &error);
            node_set_int(n, "keepdims", i >> 1, &error);
            node_set_int(n, "select_last_index", axis & 1, &error);
            output(n->out[0]);
        }
        output(y);
        check();
    }
}

int main(void)
{
    RUN(test_arithmetic);
    RUN(test_comparisons);
    RUN(test_casts);
    RUN(test_roundings);
    RUN(test_best);
    return TEST_END();
}
