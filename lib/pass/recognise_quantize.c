/* QuantizeLinear and DequantizeLinear that were written as arithmetic, by formats whose layers cannot say it. Equal to
 * the bit but for nan. */
#include <math.h>

#include "op/util.h"
#include "pass/match.h"

/* Whether what divides before multiplies after: f32, like the result. */
static bool is_one_scale(struct match *m)
{
    double before, after;
    return m->root->out[0]->type.dtype == DTYPE_F32 && (*match_at(m, 's'))->constant->rank == 0 &&
           pass_scalar(*match_at(m, 's'), &before) && pass_scalar(*match_at(m, 't'), &after) && before == after &&
           before > 0;
}

/* Captures as q the zero point of the type whose integers are [least, least + 255]. */
static int take_zero_point(struct match *m, double least, double zero, struct error *err)
{
    struct value **q = match_at(m, 'q');
    if (!is_one_scale(m) || (least != 0 && least != -128) || zero != rint(zero) || zero < least || zero > least + 255)
        return 0;
    *q = pass_add_scalar(m->root->graph, least == 0 ? DTYPE_U8 : DTYPE_I8, zero, err);
    return *q ? 1 : -1;
}

/* The lower bound, when the upper one is 255 above it. */
static bool has_byte_range(struct match *m, double *low)
{
    double high;
    return pass_scalar(*match_at(m, 'l'), low) && pass_scalar(*match_at(m, 'h'), &high) && high - *low == 255;
}

/* Bounds around 0 are moved by the zero point, unless they are those of s8. */
static int is_centred(struct match *m, struct error *err)
{
    double low;
    if (!has_byte_range(m, &low))
        return 0;
    return low == -128 ? take_zero_point(m, low, 0, err) : take_zero_point(m, 0, -low, err);
}

static int is_moved(struct match *m, struct error *err)
{
    double low, zero, back;
    if (!has_byte_range(m, &low) || !pass_scalar(*match_at(m, 'z'), &zero) || !pass_scalar(*match_at(m, 'w'), &back) ||
        zero != back)
        return 0;
    return take_zero_point(m, low, zero, err);
}

#define QUANTISED "DequantizeLinear(QuantizeLinear(x,%s,%q),%s,%q)"

static const struct rule rules[] = {
    {"Mul(Sub(Clip(Add(Round(Div(x,%s)),%z),%l,%h),%w),%t)", QUANTISED, is_moved},
    {"Mul(Clip(Round(Div(x,%s)),%l,%h),%t)", QUANTISED, is_centred},
    {"Mul(Round(Clip(Div(x,%s),%l,%h)),%t)", QUANTISED, is_centred},
};

int pass_recognise_quantize(struct graph *g, struct error *err)
{
    return rules_run(g, rules, sizeof(rules) / sizeof(rules[0]), err);
}
