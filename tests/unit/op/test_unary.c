/* Elementwise functions of one operand, and activations. */
#include "one.h"

#include "op/fused.h"

static bool gives(const char *op, enum dtype dtype, int rank, const int64_t *dims, const double *x, enum dtype out,
                  const double *y)
{
    struct one o;
    one_start(&o, "", op, 1);
    one_in(&o, one_tensor(dtype, rank, dims, x));
    bool good = one_gives(&o, 0, out, rank, dims, y);
    if (!good)
        printf("  %s\n", op);
    one_end(&o);
    return good;
}

static void test_floats(void)
{
    CHECK(gives("Abs", DTYPE_F32, DIMS(3), VALUES(-1.5, 0, -INFINITY), DTYPE_F32, VALUES(1.5, 0, INFINITY)));
    CHECK(gives("Sign", DTYPE_F64, DIMS(4), VALUES(-3, 0, 2, NAN), DTYPE_F64, VALUES(-1, 0, 1, NAN)));
    CHECK(gives("Round", DTYPE_F32, DIMS(6), VALUES(0.5, 1.5, 2.5, -0.5, -1.5, 2.4), DTYPE_F32,
                VALUES(0, 2, 2, -0.0, -2, 2)));
    CHECK(gives("Floor", DTYPE_F16, DIMS(2), VALUES(-1.5, 1.5), DTYPE_F16, VALUES(-2, 1)));
    CHECK(gives("Ceil", DTYPE_BF16, DIMS(2), VALUES(-1.5, 1.5), DTYPE_BF16, VALUES(-1, 2)));
    CHECK(gives("Sqrt", DTYPE_F32, DIMS(3), VALUES(4, -1, 0), DTYPE_F32, VALUES(2, NAN, 0)));
    CHECK(gives("Log", DTYPE_F32, DIMS(3), VALUES(1, 0, -1), DTYPE_F32, VALUES(0, -INFINITY, NAN)));
    CHECK(gives("Reciprocal", DTYPE_F32, DIMS(2), VALUES(4, 0), DTYPE_F32, VALUES(0.25, INFINITY)));
    CHECK(gives("Erf", DTYPE_F32, DIMS(2), VALUES(1, -100), DTYPE_F32, VALUES(0.8427007929497148, -1)));
    CHECK(gives("Exp", DTYPE_F32, DIMS(3), VALUES(1, 100, -200), DTYPE_F32, VALUES(2.718281828459045, INFINITY, 0)));
    CHECK(gives("Acosh", DTYPE_F32, DIMS(2), VALUES(2, 0.5), DTYPE_F32, VALUES(1.3169578969248166, NAN)));
    CHECK(gives("Neg", DTYPE_F32, DIMS(0), NULL, DTYPE_F32, NULL));
    CHECK(gives("Neg", DTYPE_F32, SCALAR, VALUES(2), DTYPE_F32, VALUES(-2)));
}

/* Longer than one chunk of the loop. */
static void test_long(void)
{
    double x[1500], y[1500];
    for (int i = 0; i < 1500; i++) {
        x[i] = i - 700;
        y[i] = x[i] < 0 ? 0 : x[i];
    }
    CHECK(gives("Relu", DTYPE_F32, DIMS(3, 500), x, DTYPE_F32, y));
}

static void test_integers(void)
{
    CHECK(gives("Abs", DTYPE_I8, DIMS(3), VALUES(-128, -5, 7), DTYPE_I8, VALUES(-128, 5, 7)));
    CHECK(gives("Abs", DTYPE_U64, DIMS(1), VALUES(9223372036854775808.0), DTYPE_U64, VALUES(9223372036854775808.0)));
    CHECK(gives("Sign", DTYPE_U64, DIMS(2), VALUES(9223372036854775808.0, 0), DTYPE_U64, VALUES(1, 0)));
    CHECK(gives("Sign", DTYPE_I16, DIMS(2), VALUES(-9, 3), DTYPE_I16, VALUES(-1, 1)));
    CHECK(gives("Neg", DTYPE_I32, DIMS(2), VALUES(-2147483648.0, 5), DTYPE_I32, VALUES(-2147483648.0, -5)));
    CHECK(gives("BitwiseNot", DTYPE_U8, DIMS(2), VALUES(0, 0x0f), DTYPE_U8, VALUES(255, 0xf0)));
    CHECK(gives("Not", DTYPE_BOOL, DIMS(2), VALUES(0, 1), DTYPE_BOOL, VALUES(1, 0)));
    CHECK(gives("Relu", DTYPE_I32, DIMS(2), VALUES(-2, 3), DTYPE_I32, VALUES(0, 3)));
}

static void test_predicates(void)
{
    const double x[] = {NAN, INFINITY, -INFINITY, 1};
    CHECK(gives("IsNaN", DTYPE_F32, DIMS(4), x, DTYPE_BOOL, VALUES(1, 0, 0, 0)));
    CHECK(gives("IsInf", DTYPE_F16, DIMS(4), x, DTYPE_BOOL, VALUES(0, 1, 1, 0)));
    CHECK(gives("IsNaN", DTYPE_F8E4M3FN, DIMS(2), VALUES(NAN, 1), DTYPE_BOOL, VALUES(1, 0)));
    struct one o;
    one_start(&o, "", "IsInf", 1);
    one_in(&o, one_tensor(DTYPE_F64, DIMS(4), x));
    node_set_int(o.n, "detect_negative", 0, &o.err);
    CHECK(one_gives(&o, 0, DTYPE_BOOL, DIMS(4), VALUES(0, 1, 0, 0)));
    one_end(&o);
}

static void test_activations(void)
{
    const double x[] = {-2, -0.3, 0, 0.7, 3};
#define X DTYPE_F32, DIMS(5), x, DTYPE_F32
    CHECK(gives("LeakyRelu", X, VALUES(-0.02, -0.003, 0, 0.7, 3)));
    CHECK(gives("Elu", X, VALUES(-0.864664733, -0.259181768, 0, 0.7, 3)));
    CHECK(gives("Selu", X, VALUES(-1.52016647, -0.455667332, 0, 0.735490703, 3.15210307)));
    CHECK(gives("ThresholdedRelu", X, VALUES(0, 0, 0, 0, 3)));
    CHECK(gives("HardSigmoid", X, VALUES(0.1, 0.44, 0.5, 0.64, 1)));
    CHECK(gives("HardSwish", X, VALUES(-1.0 / 3, -0.135, 0, 0.431666676, 3)));
    CHECK(gives("Softplus", X, VALUES(0.126928011, 0.554355244, 0.693147181, 1.10318605, 3.04858735)));
    CHECK(gives("Softsign", X, VALUES(-2.0 / 3, -0.230769241, 0, 0.411764699, 0.75)));
    CHECK(gives("Swish", X, VALUES(-0.238405844, -0.127667249, 0, 0.467731431, 2.85772238)));
    CHECK(gives("Gelu", X, VALUES(-0.045500264, -0.114626577, 0, 0.530625394, 2.99595031)));
    CHECK(gives("Mish", X, VALUES(-0.252501483, -0.151133182, 0, 0.561148366, 2.986535)));
    CHECK(gives("Shrink", X, VALUES(-2, 0, 0, 0.7, 3)));
    CHECK(gives("Sigmoid", DTYPE_F32, DIMS(3), VALUES(-200, 0, 200), DTYPE_F32, VALUES(0, 0.5, 1)));
#undef X
    CHECK(gives("Relu", DTYPE_F32, DIMS(2), VALUES(NAN, -INFINITY), DTYPE_F32, VALUES(NAN, 0)));
    CHECK(gives("HardSwish", DTYPE_F32, DIMS(1), VALUES(NAN), DTYPE_F32, VALUES(NAN)));
}

static void test_gelu_word(void)
{
    struct one o;
    one_start(&o, "", "Gelu", 1);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(2), VALUES(0.7, -2)));
    node_set_string(o.n, "approximate", "tanh", 4, &o.err);
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(2), VALUES(0.530570123, -0.0454023059)));
    one_end(&o);
    one_start(&o, "", "Gelu", 1);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(1), VALUES(0.7)));
    node_set_string(o.n, "approximate", "sinh", 4, &o.err);
    CHECK(one_fails(&o, "attribute approximate: 'sinh', want none or tanh"));
    one_end(&o);
}

static void test_prelu(void)
{
    struct one o;
    one_start(&o, "", "PRelu", 1);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(2, 2), VALUES(-1, -2, 3, -4)));
    one_in(&o, one_tensor(DTYPE_F32, DIMS(2, 1), VALUES(0.5, 0.25)));
    CHECK(one_gives(&o, 0, DTYPE_F32, DIMS(2, 2), VALUES(-0.5, -1, 3, -1)));
    one_end(&o);
    one_start(&o, "", "PRelu", 1);
    one_in(&o, one_tensor(DTYPE_F32, DIMS(1, 2), VALUES(-1, -2)));
    one_in(&o, one_tensor(DTYPE_F32, DIMS(2, 1), VALUES(0.5, 0.25)));
    CHECK(one_fails(&o, "slope cannot be broadcast to X"));
    one_end(&o);
}

/* Every activation of the table is an operator, whose attributes the parameters reach. */
static void test_activation_table(void)
{
    size_t count;
    const struct fused_activation *all = fused_activations(&count);
    for (size_t i = 0; i < count; i++) {
        struct one o;
        float alpha = 0, beta = 0;
        one_start(&o, "", "Identity", 0);
        struct value *x = one_in(&o, one_tensor(DTYPE_F32, DIMS(3), VALUES(-2, 0.25, 1.5)));
        struct node *n = fused_activation_node(&all[i], 0.5f, 1.5f, x, o.n, &o.err);
        CHECK_MSG(n && n->def, "%s", all[i].name);
        graph_add_output(o.g, node_new_output(n, NULL, &o.err), &o.err);
        CHECK_MSG(fused_activation_of(n, &alpha, &beta) == &all[i], "%s", all[i].name);
        bool clip = strcmp(all[i].name, "Clip") == 0;
        CHECK_MSG(alpha == (all[i].alpha || clip ? 0.5f : 0) && beta == (all[i].beta || clip ? 1.5f : 0), "%s",
                  all[i].name);
        graph_remove_node(o.n);
        o.n = n;
        const double y[] = {all[i].apply(-2, 0.5, 1.5), all[i].apply(0.25, 0.5, 1.5), all[i].apply(1.5, 0.5, 1.5)};
        CHECK_MSG(one_gives(&o, 0, DTYPE_F32, DIMS(3), y), "%s", all[i].name);
        one_end(&o);
    }
}

int main(void)
{
    RUN(test_floats);
    RUN(test_long);
    RUN(test_integers);
    RUN(test_predicates);
    RUN(test_activations);
    RUN(test_gelu_word);
    RUN(test_prelu);
    RUN(test_activation_table);
    return TEST_END();
}
