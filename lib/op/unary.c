/* Elementwise functions of one operand without parameters. */
#include <math.h>
#include <string.h>

#include "op/elementwise.h"
#include "op/real.h"
#include "op/util.h"

int infer_predicate(struct op_infer *c, struct error *err)
{
    const struct type *type = infer_type(c, 0);
    return infer_set(c, 0, DTYPE_BOOL, type && type->kind == TYPE_TENSOR ? type->rank : -1, type ? type->dims : NULL,
                     err);
}

static double sign_real(double x)
{
    return isnan(x) ? x : (x > 0) - (x < 0);
}

static double reciprocal(double x)
{
    return 1 / x;
}

static int64_t abs_int(int64_t x)
{
    return x < 0 ? (int64_t) - (uint64_t)x : x;
}

static int64_t neg_int(int64_t x)
{
    return (int64_t) - (uint64_t)x;
}

static int64_t sign_int(int64_t x)
{
    return (x > 0) - (x < 0);
}

static int64_t not_bool(int64_t x)
{
    return !x;
}

static int64_t not_bits(int64_t x)
{
    return ~x;
}

static double neg_real(double x)
{
    return -x;
}

/* One function for floats, one for integers. */
static const struct unary {
    const char *op;
    double (*real)(double x);
    int64_t (*integer)(int64_t x);
    bool keeps_unsigned; /* of unsigned integers the result is the operand itself */
} functions[] = {
    {"Abs", fabs, abs_int, true},
    {"Neg", neg_real, neg_int, false},
    {"Sign", sign_real, sign_int, false},
    {"Floor", floor, NULL, false},
    {"Ceil", ceil, NULL, false},
    {"Round", nearbyint, NULL, false}, /* half to even, the default mode */
    {"Reciprocal", reciprocal, NULL, false},
    {"Sqrt", sqrt, NULL, false},
    {"Exp", exp, NULL, false},
    {"Log", log, NULL, false},
    {"Sin", sin, NULL, false},
    {"Cos", cos, NULL, false},
    {"Tan", tan, NULL, false},
    {"Asin", asin, NULL, false},
    {"Acos", acos, NULL, false},
    {"Atan", atan, NULL, false},
    {"Sinh", sinh, NULL, false},
    {"Cosh", cosh, NULL, false},
    {"Asinh", asinh, NULL, false},
    {"Acosh", acosh, NULL, false},
    {"Atanh", atanh, NULL, false},
    {"Erf", erf, NULL, false},
    {"Not", NULL, not_bool, false},
    {"BitwiseNot", NULL, not_bits, false},
};

static union cell apply_real(const union cell *x, const void *arg)
{
    const struct unary *f = arg;
    return (union cell){.r = f->real(x->r)};
}

static union cell apply_integer(const union cell *x, const void *arg)
{
    const struct unary *f = arg;
    return (union cell){.i = f->integer(x->i)};
}

static union cell is_nan(const union cell *x, const void *arg)
{
    (void)arg;
    return (union cell){.i = isnan(x->r)};
}

static union cell keep(const union cell *x, const void *arg)
{
    (void)arg;
    return *x;
}

static union cell sign_unsigned(const union cell *x, const void *arg)
{
    (void)arg;
    return (union cell){.i = x->u != 0};
}

int eval_unary(struct op_eval *c, struct error *err)
{
    enum dtype dtype = eval_in(c, 0)->dtype;
    if (strcmp(c->node->op, "IsNaN") == 0)
        return elementwise(c, 0, 1, DTYPE_BOOL, is_nan, NULL, err);
    for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
        const struct unary *f = &functions[i];
        if (strcmp(c->node->op, f->op) != 0)
            continue;
        if (op_is_float(dtype) && f->real)
            return elementwise(c, 0, 1, dtype, apply_real, f, err);
        if (!op_is_float(dtype) && f->integer) {
            bool sign = f->integer == sign_int && op_is_uint(dtype);
            cell_fn *g = f->keeps_unsigned && op_is_uint(dtype) ? keep : sign ? sign_unsigned : apply_integer;
            return elementwise(c, 0, 1, dtype, g, f, err);
        }
    }
    return eval_error(c, err, "input 0 is %s, for which %s has no meaning", dtype_info(dtype)->name, c->node->op);
}

struct detect {
    bool negative, positive;
};

static union cell is_inf(const union cell *x, const void *arg)
{
    const struct detect *detect = arg;
    return (union cell){.i = isinf(x->r) && (x->r < 0 ? detect->negative : detect->positive)};
}

int eval_is_inf(struct op_eval *c, struct error *err)
{
    struct detect detect = {op_int(c->node, "detect_negative") != 0, op_int(c->node, "detect_positive") != 0};
    return elementwise(c, 0, 1, DTYPE_BOOL, is_inf, &detect, err);
}
