/* Activations that were written as arithmetic. */
#include "base/packed.h"
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

static int (*const fits[])(struct match *m, struct error *err) = {
#define RULE(pattern, result, fits) fits,
#include "pass/activations.def"
#undef RULE
};

#include "pass/activations.inc"
PACKED_TABLE(rules, struct rule, 2, fits);

int pass_activations(struct graph *g, struct error *err)
{
    return rules_run(g, packed_row(&rules, 0), rules.count, err);
}
