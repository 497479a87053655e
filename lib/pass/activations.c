/* Activations that were written as arithmetic. */
#include "op/util.h"
#include "pass/match.h"

/* These are rules for real numbers. */
static int is_real(struct match *m, struct error *err)
{
    (void)err;
    return pass_is_float(m->root->out[0]);
}

/* Bounds of Clip are scalars, and in order. */
static int is_range(struct match *m, struct error *err)
{
    double low, high;
    (void)err;
    const struct value *a = *match_at(m, 'a'), *b = *match_at(m, 'b');
    return a->constant->rank == 0 && b->constant->rank == 0 && pass_scalar(a, &low) && pass_scalar(b, &high) &&
           low <= high;
}

static int is_not_negative(struct match *m, struct error *err)
{
    double a;
    (void)err;
    return pass_scalar(*match_at(m, 'a'), &a) && a >= 0;
}

static int is_slope(struct match *m, struct error *err)
{
    double a;
    (void)err;
    return is_real(m, err) && pass_scalar(*match_at(m, 'a'), &a) && a >= 0 && a <= 1;
}

/* Parts of the patterns below; e is an expression. */
#define HALF(e) "{Mul(" e ",#0.5)|Div(" e ",#2)}"
#define SIXTH(e) "{Div(" e ",#6)|Mul(" e ",#0.166666667)}"
#define CLIP(e, high) "{Clip(" e ",#0," high ")|Min(Relu(" e ")," high ")|Relu(Min(" e "," high "))}"
#define RELU6_3(e) CLIP("Add(" e ",#3)", "#6")
#define SIXTH_HARD "HardSigmoid[alpha=0.166666667,beta=0.5]"
#define ERF_1(x)                                                                                                       \
    "{Add(Erf({Div(" x ",#1.41421356)|Mul(" x ",#0.70710678)}),#1)|"                                                   \
    "Sub(#1,Erf({Mul(Neg(" x "),#0.70710678)|Mul(" x ",#-0.70710678)}))}"
#define CUBE(x) "{Pow(" x ",#3)|Mul(" x ",{Mul(" x "," x ")|Pow(" x ",#2)})}"
#define SQUARE(x) "{Mul(" x "," x ")|Pow(" x ",#2)}"
#define GELU_SUM(x)                                                                                                    \
    "{Add(" x ",Mul(" CUBE(x) ",#0.044715))|Mul(" x ",Add(Mul(" SQUARE(x) ",#0.044715),#1))|"                          \
    "Add(" x ",Mul(" SQUARE(x) ",Mul(" x ",#0.044715)))}"
#define TANH_1(x)                                                                                                      \
    "Add(Tanh({Mul(" GELU_SUM(x) ",#0.79788456)|Mul(Mul(" x ",#0.79788456),Add(Mul(" SQUARE(x) ",#0.044715),#1))}),#1)"

/* y = x/2 · e, however it is put together. */
#define HALF_TIMES(x, e) "{" HALF("Mul(" x "," e ")") "|Mul(" HALF(x) "," e ")|Mul(" x "," HALF(e) ")}"

static const struct rule rules[] = {
    /* clamping */
    {"Clip(x)", "x", NULL},
    {"Clip(x,#-inf)", "x", NULL},
    {"Clip(x,#-inf,#inf)", "x", NULL},
    {"Clip(x,#0)", "Relu(x)", is_real},
    {"Clip(x,#0,#inf)", "Relu(x)", is_real},
    {"Clip(x,#0,#3.40282347e+38)", "Relu(x)", is_real},
    {"Max(x,#0)", "Relu(x)", is_real},
    {"Min(Max(x,%a),%b)", "Clip(x,%a,%b)", is_range},
    {"Max(Min(x,%b),%a)", "Clip(x,%a,%b)", is_range},
    {"Min(Relu(x),%a)", "Clip(x,#0,%a)", is_not_negative},
    {"Relu(Relu(x))", "Relu(x)", NULL},
    {"Relu(Sigmoid(x))", "Sigmoid(x)", NULL},
    {"Relu(Clip(x,%a,%b))", "Clip(x,%a,%b)", is_not_negative},
    {"Clip(Relu(x),#0,%a)", "Clip(x,#0,%a)", is_not_negative},
    {"Max(x,Mul(x,%a))", "LeakyRelu[alpha=%a](x)", is_slope},
    /* hard ones */
    {SIXTH("Mul(x," RELU6_3("x") ")"), "HardSwish(x)", is_real},
    {"Mul(" SIXTH("x") "," RELU6_3("x") ")", "HardSwish(x)", is_real},
    {SIXTH(RELU6_3("x")), "HardSigmoid[alpha=0.166666667,beta=0.5](x)", is_real},
    {CLIP(SIXTH("Add(x,#3)"), "#1"), "HardSigmoid[alpha=0.166666667,beta=0.5](x)", is_real},
    {CLIP("Add(Mul(x,%a),%b)", "#1"), "HardSigmoid[alpha=%a,beta=%b](x)", is_real},
    {CLIP("Add(Div(x,#6),#0.5)", "#1"), "HardSigmoid[alpha=0.166666667,beta=0.5](x)", is_real},
    {"Mul(x," SIXTH_HARD "(x))", "HardSwish(x)", is_real},
    {"HardSwish(ThresholdedRelu[alpha=-3](x))", "HardSwish(x)", is_real}, /* of coremltools */
    /* smooth ones */
    {"Div(#1,Add(Exp(Neg(x)),#1))", "Sigmoid(x)", is_real},
    {"Reciprocal(Add(Exp(Neg(x)),#1))", "Sigmoid(x)", is_real},
    {"Div(x,Add(Exp(Neg(x)),#1))", "Swish(x)", is_real},
    {"Mul(x,Sigmoid(x))", "Swish(x)", is_real},
    {"Mul(x,Sigmoid(Mul(x,%a)))", "Swish[alpha=%a](x)", is_real},
    {"Log(Add(Exp(x),#1))", "Softplus(x)", is_real},
    {"Mul(x,Tanh(Softplus(x)))", "Mish(x)", is_real},
    {"Div(x,Add(Abs(x),#1))", "Softsign(x)", is_real},
    {HALF_TIMES("x", ERF_1("x")), "Gelu(x)", is_real},
    {"Mul(x,Add(" HALF("Erf({Div(x,#1.41421356)|Mul(x,#0.70710678)})") ",#0.5))", "Gelu(x)", is_real},
    {HALF_TIMES("x", TANH_1("x")), "Gelu[approximate=tanh](x)", is_real},
};

int pass_activations(struct graph *g, struct error *err)
{
    return rules_run(g, rules, sizeof(rules) / sizeof(rules[0]), err);
}
