/* Normalisation over the last axis that was written as arithmetic. */
#include "op/util.h"
#include "pass/match.h"

/* Whether a value holds the one axis that is the last of x. */
static bool is_last_axis(const struct value *axes, const struct value *x)
{
    int64_t axis;
    const struct type *t = pass_type(x);
    return t && t->rank > 0 && pass_ints(axes, &axis, 1) == 1 && (axis == -1 || axis == t->rank - 1);
}

/* Makes a scale or shift have just the last axis; 0 when it varies along another one or widens x. */
static int flatten(struct match *m, char letter, struct error *err)
{
    struct value **v = match_at(m, letter);
    const struct tensor *t = pass_constant(*v);
    const struct type *x = pass_type(*match_at(m, 'x'));
    int64_t n = x->dims[x->rank - 1];
    if (!t || t->rank < 1 || t->rank > x->rank || n < 1 || t->count != n || t->dims[t->rank - 1] != n)
        return 0;
    if (t->rank > 1)
        *v = pass_add_constant(m->root->graph, tensor_reshaped(t, 1, &n, err), err);
    return *v ? 1 : -1;
}

static int parts_fit(struct match *m, struct error *err)
{
    struct value *x = *match_at(m, 'x'), *b = *match_at(m, 'b');
    if (!pass_is_float(x) || !is_last_axis(*match_at(m, 'a'), x) || (b && !is_last_axis(b, x)))
        return 0;
    int scale = flatten(m, 's', err);
    return scale > 0 && *match_at(m, 't') ? flatten(m, 't', err) : scale;
}

#define MEAN          "ReduceMean[keepdims=1](x,$a)"
#define CENTRED       "Sub(x," MEAN ")"
#define SQUARE(e)     "{Pow(" e ",#2)|Mul(" e "," e ")}"
#define ROOT(e, axes) "Sqrt(Add(ReduceMean[keepdims=1](" SQUARE(e) "," axes "),%e))"
#define OVER(e, r)    "{Div(" e "," r ")|Mul(" e ",Reciprocal(" r "))|Mul(" e ",Div(#1," r "))}"

/* As TensorFlow has it: x times a factor, and what the mean leaves of the shift. */
#define FACTOR "Mul(Reciprocal(" ROOT(CENTRED, "$b") "),$s)"

static const struct rule rules[] = {
    {"Add(Mul(x," FACTOR "),{Add(Mul(Neg(" MEAN ")," FACTOR "),$t)|Sub($t,Mul(" MEAN "," FACTOR "))})",
     "LayerNormalization[axis=-1,epsilon=%e](x,$s,$t)", parts_fit},
    {"Add(Mul(" OVER(CENTRED, ROOT(CENTRED, "$b")) ",$s),$t)", "LayerNormalization[axis=-1,epsilon=%e](x,$s,$t)",
     parts_fit},
    {"Mul(" OVER(CENTRED, ROOT(CENTRED, "$b")) ",$s)", "LayerNormalization[axis=-1,epsilon=%e](x,$s)", parts_fit},
    {"Mul(" OVER("x", ROOT("x", "$a")) ",$s)", "RMSNormalization[axis=-1,epsilon=%e](x,$s)", parts_fit},
};

int pass_layer_norm(struct graph *g, struct error *err)
{
    return rules_run(g, rules, sizeof(rules) / sizeof(rules[0]), err);
}
