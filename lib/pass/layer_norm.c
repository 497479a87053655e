/* Normalisation over the last axis that was written as arithmetic. */
#include "base/packed.h"
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

static int (*const fits[])(struct match *m, struct error *err) = {
#define RULE(pattern, result, fits) fits,
#include "pass/layer_norm.def"
#undef RULE
};

#include "pass/layer_norm.inc"
PACKED_TABLE(rules, struct rule, 2, fits);

int pass_layer_norm(struct graph *g, struct error *err)
{
    return rules_run(g, packed_row(&rules, 0), rules.count, err);
}
