/* Activations and normalisations written as arithmetic. */
#include "lab.h"

/* The expression of x [2, 3, 4] becomes these operators, and stays equal. */
static void becomes(const char *expression, const char *ops)
{
    struct lab lab;
    lab_start(&lab);
    lab_input(&lab, 'x', DIMS(2, 3, 4));
    lab_output(&lab, "y", expression);
    bool same = lab_same(&lab, "recognise-activations,recognise-layer-norm,dead-code");
    CHECK_MSG(same && strcmp(lab_ops(&lab), ops) == 0, "%s became %s, want %s", expression, lab_ops(&lab), ops);
    CHECK_STR(lab.g->outputs[0]->name, "y");
    lab_end(&lab);
}

/* x [2, 6, 3, 4] in groups. */
static void becomes_grouped(const char *expression, const char *ops)
{
    struct lab lab;
    lab_start(&lab);
    lab.tolerance = 1e-5;
    lab_input(&lab, 'x', DIMS(2, 6, 3, 4));
    lab_constant(&lab, 'w', DIMS(6, 1, 1));
    lab_constant(&lab, 'v', DIMS(1, 6, 1, 1));
    lab_constant(&lab, 'u', DIMS(6, 3, 1));
    lab.low = lab.high = 1;
    lab_constant(&lab, 'o', DIMS(3));
    lab.low = lab.high = 0;
    lab_constant(&lab, 'z', DIMS(3));
    lab_output(&lab, "y", expression);
    bool same = lab_same(&lab, "recognise-group-norm,dead-code");
    CHECK_MSG(same && strcmp(lab_ops(&lab), ops) == 0, "%s became %s, want %s", expression, lab_ops(&lab), ops);
    lab_end(&lab);
}

static void group_norm(void)
{
#define GROUPED(x, s, t) "Reshape(InstanceNormalization[epsilon=0.01f](Reshape(" x ",#i0;3;-1)," s "," t "),#i2;6;3;4)"
    static const char left[] = "Reshape InstanceNormalization Reshape Mul Add";
    becomes_grouped("Add(Mul(" GROUPED("x", "o", "z") ",w),v)", "GroupNormalization");
    becomes_grouped("Add(v,Mul(w," GROUPED("x", "o", "z") "))", "GroupNormalization");
    becomes_grouped("Add(Mul(" GROUPED("x", "z", "z") ",w),v)", left);
    becomes_grouped("Add(Mul(" GROUPED("x", "o", "o") ",w),v)", left);
    becomes_grouped("Add(Mul(" GROUPED("x", "o", "z") ",u),v)", left);
}

static void clamps(void)
{
    becomes("Clip(x,#0)", "Relu");
    becomes("Max(x,#0)", "Relu");
    becomes("Max(#0,x)", "Relu");
    becomes("Relu(Relu(Relu(x)))", "Relu");
    becomes("Min(Max(x,#-1),#2)", "Clip");
    becomes("Max(Min(#2,x),#-1)", "Clip");
    becomes("Min(Max(x,#2),#-1)", "Max Min"); /* crossed bounds */
    becomes("Clip(Relu(x),#0,#3)", "Clip");
    becomes("Relu(Clip(x,#-1,#3))", "Clip Relu");
    becomes("Max(x,Mul(x,#0.1))", "LeakyRelu");
    becomes("Max(x,Mul(x,#1.5))", "Mul Max");
    becomes("Clip(x,#-1,#1)", "Clip");
}

static void hard(void)
{
    becomes("Div(Mul(x,Clip(Add(x,#3),#0,#6)),#6)", "HardSwish");
    becomes("Mul(Mul(Clip(Add(#3,x),#0,#6),x),#0.16666667)", "HardSwish");
    becomes("Mul(x,Div(Clip(Add(x,#3),#0,#6),#6))", "HardSwish");
    becomes("Mul(Div(x,#6),Min(Relu(Add(x,#3)),#6))", "HardSwish");
    becomes("Mul(HardSigmoid[alpha=0.16666667f](x),x)", "HardSwish");
    becomes("HardSwish(ThresholdedRelu[alpha=-3f](x))", "HardSwish");
    becomes("Mul(HardSigmoid[alpha=0.2f](x),x)", "HardSigmoid Mul");
    becomes("Mul(x,Clip(Add(Div(x,#6),#0.5),#0,#1))", "HardSwish");
    becomes("Div(Clip(Add(x,#3),#0,#6),#6)", "HardSigmoid");
    becomes("Clip(Add(Mul(x,#0.2),#0.5),#0,#1)", "HardSigmoid");
    becomes("Div(Mul(x,Clip(Add(x,#3),#0,#5)),#6)", "Add Clip Mul Div");
    becomes("Div(Mul(x,Clip(Add(x,#2),#0,#6)),#6)", "Add Clip Mul Div");
}

static void smooth(void)
{
    becomes("Mul(x,Sigmoid(x))", "Swish");
    becomes("Mul(Sigmoid(x),x)", "Swish");
    becomes("Mul(x,Sigmoid(Mul(x,#1.702)))", "Swish");
    becomes("Div(x,Add(#1,Exp(Neg(x))))", "Swish");
    becomes("Mul(x,Reciprocal(Add(Exp(Neg(x)),#1)))", "Swish");
    becomes("Mul(x,Tanh(Log(Add(Exp(x),#1))))", "Mish");
    becomes("Div(x,Add(Abs(x),#1))", "Softsign");
}

static void gelu(void)
{
    static const char *const inner[] = {"Div(x,#1.4142135)", "Mul(x,#0.70710677)", "Mul(#0.70710677,x)"};
    static const char *const outer[] = {
        "Mul(Mul(x,#0.5),Add(Erf(%s),#1))", "Mul(Mul(x,Add(Erf(%s),#1)),#0.5)",   "Mul(x,Mul(#0.5,Add(#1,Erf(%s))))",
        "Div(Mul(x,Add(Erf(%s),#1)),#2)",   "Mul(Add(Mul(Erf(%s),#0.5),#0.5),x)", "Mul(Div(Add(Erf(%s),#1),#2),x)",
    };
    char text[200];
    for (size_t i = 0; i < sizeof(inner) / sizeof(inner[0]); i++)
        for (size_t o = 0; o < sizeof(outer) / sizeof(outer[0]); o++) {
            snprintf(text, sizeof(text), outer[o], inner[i]);
            becomes(text, "Gelu");
        }
    becomes("Mul(Mul(x,#0.5),Sub(#1,Erf(Mul(Neg(x),#0.70710678))))", "Gelu");
    becomes("Mul(Mul(x,#0.5),Sub(#1,Erf(Mul(x,#-0.70710678))))", "Gelu");
    becomes("Mul(Mul(x,#0.5),Add(Erf(Div(x,#1.5)),#1))", "Mul Div Erf Add Mul");
}

static void gelu_tanh(void)
{
    static const char *const sums[] = {
        "Mul(Add(x,Mul(Pow(x,#3),#0.044715)),#0.7978846)",
        "Mul(#0.7978846,Add(Mul(#0.044715,Mul(Mul(x,x),x)),x))",
        "Mul(Mul(x,#0.7978846),Add(#1,Mul(Mul(x,x),#0.044715)))",
    };
    char text[300];
    for (size_t i = 0; i < sizeof(sums) / sizeof(sums[0]); i++) {
        snprintf(text, sizeof(text), "Mul(Mul(#0.5,x),Add(#1,Tanh(%s)))", sums[i]);
        becomes(text, "Gelu");
        snprintf(text, sizeof(text), "Mul(x,Mul(Add(Tanh(%s),#1),#0.5))", sums[i]);
        becomes(text, "Gelu");
    }
}

/* Another use of what lies between, or a constant that widens x, or integers: nothing is to be done. */
static void left_alone(void)
{
    struct lab lab;
    lab_start(&lab);
    lab_input(&lab, 'x', DIMS(2, 3, 4));
    lab_let(&lab, 's', "Sigmoid(x)");
    lab_output(&lab, "y", "Mul(x,s)");
    lab_output(&lab, "z", "Neg(s)");
    CHECK(lab_same(&lab, "recognise-activations"));
    CHECK_STR(lab_ops(&lab), "Sigmoid Mul Neg");
    lab_end(&lab);

    lab_start(&lab);
    lab_input(&lab, 'x', DIMS(3));
    lab_tensor(&lab, 'c', tensor_new(DTYPE_F32, DIMS(2, 1), &lab.err));
    lab_output(&lab, "y", "Max(x,c)");
    CHECK(lab_same(&lab, "recognise-activations"));
    CHECK_STR(lab_ops(&lab), "Max");
    lab_end(&lab);

    lab_start(&lab);
    lab.dtype = DTYPE_I32;
    lab_input(&lab, 'x', DIMS(5));
    lab_output(&lab, "y", "Div(Mul(x,Clip(Add(x,#3),#0,#6)),#6)");
    CHECK(lab_same(&lab, "recognise-activations"));
    CHECK_STR(lab_ops(&lab), "Add Clip Mul Div");
    lab_end(&lab);
}

/* Constants of other dtypes and shapes that say the same. */
static void constants_in_disguise(void)
{
    struct lab lab;
    lab_start(&lab);
    lab.dtype = DTYPE_F16;
    lab.tolerance = 2e-3;
    lab_input(&lab, 'x', DIMS(2, 3));
    lab_output(&lab, "y", "Div(Mul(x,Clip(Add(x,#3),#0,#6)),#6)");
    CHECK(lab_same(&lab, "recognise-activations"));
    CHECK_STR(lab_ops(&lab), "HardSwish");
    lab_end(&lab);

    lab_start(&lab);
    struct tensor *t = tensor_new(DTYPE_F32, DIMS(1, 3), &lab.err);
    lab_input(&lab, 'x', DIMS(2, 3));
    for (int i = 0; i < 3; i++)
        tensor_set_f64(t, i, 3);
    lab_tensor(&lab, 'c', t);
    lab_output(&lab, "y", "Div(Mul(x,Clip(Add(x,c),#0,#6)),#6)");
    CHECK(lab_same(&lab, "recognise-activations"));
    CHECK_STR(lab_ops(&lab), "HardSwish");
    lab_end(&lab);
}

/* Layer normalisation of x [2, 3, 4] by scale s and shift t. */
static void normalises(const char *expression, const char *ops, int scale_rank)
{
    static const int64_t dims[3] = {1, 1, 4};
    struct lab lab;
    lab_start(&lab);
    lab_input(&lab, 'x', DIMS(2, 3, 4));
    lab_constant(&lab, 's', scale_rank, dims + 3 - scale_rank);
    lab_constant(&lab, 't', scale_rank, dims + 3 - scale_rank);
    lab_output(&lab, "y", expression);
    lab.tolerance = 1e-5;
    bool same = lab_same(&lab, "common-subexpressions,recognise-layer-norm,dead-code");
    CHECK_MSG(same && strcmp(lab_ops(&lab), ops) == 0, "%s became %s, want %s", expression, lab_ops(&lab), ops);
    lab_end(&lab);
}

#define CENTRED "Sub(x,ReduceMean(x,#i-1))"
#define FACTOR  "Mul(s,Reciprocal(Sqrt(Add(ReduceMean(Mul(" CENTRED "," CENTRED "),#i-1),#0.001))))"
static void layer_norm(void)
{
    normalises("Add(Mul(Div(" CENTRED ",Sqrt(Add(ReduceMean(Pow(" CENTRED ",#2),#i2),#0.001))),s),t)",
               "LayerNormalization", 1);
    normalises("Add(t,Mul(s,Div(" CENTRED ",Sqrt(Add(#0.001,ReduceMean(Mul(" CENTRED "," CENTRED "),#i-1))))))",
               "LayerNormalization", 3);
    normalises("Mul(Mul(" CENTRED ",Reciprocal(Sqrt(Add(ReduceMean(Pow(" CENTRED ",#2),#i2),#0.001)))),s)",
               "LayerNormalization", 1);
    normalises("Add(Mul(x," FACTOR "),Add(Mul(Neg(ReduceMean(x,#i-1))," FACTOR "),t))", "LayerNormalization", 1);
    normalises("Add(Mul(x," FACTOR "),Sub(t,Mul(ReduceMean(x,#i-1)," FACTOR ")))", "LayerNormalization", 3);
    normalises("Mul(s,Mul(x,Reciprocal(Sqrt(Add(ReduceMean(Pow(x,#2),#i-1),#0.001)))))", "RMSNormalization", 1);
    normalises("Mul(Div(x,Sqrt(Add(ReduceMean(Mul(x,x),#i2),#0.001))),s)", "RMSNormalization", 2);
    /* over another axis */
    normalises("Mul(Div(x,Sqrt(Add(ReduceMean(Mul(x,x),#i1),#0.001))),s)", "Mul ReduceMean Add Sqrt Div Mul", 1);
}

int main(void)
{
    RUN(clamps);
    RUN(group_norm);
    RUN(hard);
    RUN(smooth);
    RUN(gelu);
    RUN(gelu_tanh);
    RUN(left_alone);
    RUN(constants_in_disguise);
    RUN(layer_norm);
    return TEST_END();
}
