/* Arithmetic, logic and bits on two operands, and the folds over any number. */
#include "op/binary.h"

#include <math.h>
#include <string.h>

#include "op/util.h"

#define BINARY(name, field, expression)                                                                                \
    static union cell name(const union cell *x, const void *arg)                                                       \
    {                                                                                                                  \
        (void)arg;                                                                                                     \
        return (union cell){.field = (expression)};                                                                    \
    }

int infer_arithmetic(struct op_infer *c, struct error *err)
{
    return op_infer_broadcast(c, 0, infer_dtype(c, 0), 0, c->node->in_count, err);
}

cell_fn *binary_find(const struct op_eval *c, const struct binary *table, size_t count, enum dtype dtype,
                     struct error *err)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(table[i].op, c->node->op) != 0)
            continue;
        cell_fn *f = op_is_float(dtype)    ? table[i].real
                     : op_is_uint(dtype)   ? table[i].uint
                     : dtype == DTYPE_BOOL ? table[i].boolean
                                           : table[i].sint;
        if (f)
            return f;
    }
    eval_error(c, err, "input 0 is %s, for which %s has no meaning", dtype_info(dtype)->name, c->node->op);
    return NULL;
}

/* Integer division truncates; by zero it gives 0, as numpy does; the most negative number by -1 wraps. */
static int64_t divide_sint(int64_t a, int64_t b)
{
    return b == 0 ? 0 : b == -1 ? (int64_t) - (uint64_t)a : a / b;
}

BINARY(add_real, r, x[0].r + x[1].r)
BINARY(sub_real, r, x[0].r - x[1].r)
BINARY(mul_real, r, x[0].r *x[1].r)
BINARY(div_real, r, x[0].r / x[1].r)
BINARY(add_int, u, x[0].u + x[1].u)
BINARY(sub_int, u, x[0].u - x[1].u)
BINARY(mul_int, u, x[0].u *x[1].u)
BINARY(div_sint, i, divide_sint(x[0].i, x[1].i))
BINARY(div_uint, u, x[1].u ? x[0].u / x[1].u : 0)
BINARY(and_bits, u, x[0].u &x[1].u)
BINARY(or_bits, u, x[0].u | x[1].u)
BINARY(xor_bits, u, x[0].u ^ x[1].u)
BINARY(and_bool, i, x[0].i &&x[1].i)
BINARY(or_bool, i, x[0].i || x[1].i)
BINARY(xor_bool, i, !x[0].i != !x[1].i)

static const struct binary arithmetic[] = {
    {"Add", add_real, add_int, add_int, NULL},
    {"Sub", sub_real, sub_int, sub_int, NULL},
    {"Mul", mul_real, mul_int, mul_int, NULL},
    {"Div", div_real, div_sint, div_uint, NULL},
    {"BitwiseAnd", NULL, and_bits, and_bits, NULL},
    {"BitwiseOr", NULL, or_bits, or_bits, NULL},
    {"BitwiseXor", NULL, xor_bits, xor_bits, NULL},
    {"And", NULL, NULL, NULL, and_bool},
    {"Or", NULL, NULL, NULL, or_bool},
    {"Xor", NULL, NULL, NULL, xor_bool},
};

int eval_arithmetic(struct op_eval *c, struct error *err)
{
    enum dtype dtype = eval_in(c, 0)->dtype;
    cell_fn *f = binary_find(c, arithmetic, sizeof(arithmetic) / sizeof(arithmetic[0]), dtype, err);
    return f ? elementwise(c, 0, 2, dtype, f, NULL, err) : -1;
}

/* ---- Mod ---- */

/* Sign of the divisor, as Python's %. */
static int64_t modulo(int64_t a, int64_t b)
{
    int64_t r = b == 0 || b == -1 ? 0 : a % b;
    return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}

/* The same for reals; a remainder of 0 has the divisor's sign too. */
static double modulo_real(double a, double b)
{
    double r = fmod(a, b);
    return r == 0 ? copysign(r, b) : (r < 0) != (b < 0) ? r + b : r;
}

BINARY(mod_real, r, modulo_real(x[0].r, x[1].r))
BINARY(fmod_real, r, fmod(x[0].r, x[1].r))
BINARY(mod_sint, i, modulo(x[0].i, x[1].i))
BINARY(fmod_sint, i, x[1].i == 0 || x[1].i == -1 ? 0 : x[0].i % x[1].i)
BINARY(mod_uint, u, x[1].u ? x[0].u % x[1].u : 0)

int eval_mod(struct op_eval *c, struct error *err)
{
    enum dtype dtype = eval_in(c, 0)->dtype;
    int64_t fmod_set = op_int(c->node, "fmod");
    if (fmod_set != 0 && fmod_set != 1)
        return eval_error(c, err, "attribute fmod: %lld, want 0 or 1", (long long)fmod_set);
    cell_fn *f = op_is_float(dtype)  ? (fmod_set ? fmod_real : mod_real)
                 : op_is_uint(dtype) ? mod_uint
                 : fmod_set          ? fmod_sint
                                     : mod_sint;
    return elementwise(c, 0, 2, dtype, f, NULL, err);
}

/* ---- Pow ---- */

/* By squaring, wrapping. */
static uint64_t power(uint64_t base, uint64_t exponent)
{
    uint64_t result = 1;
    for (; exponent; exponent >>= 1) {
        if (exponent & 1)
            result *= base;
        base *= base;
    }
    return result;
}

/* To a negative power only 1 and -1 give anything but 0. */
static int64_t power_sint(int64_t base, int64_t exponent)
{
    if (exponent >= 0)
        return (int64_t)power((uint64_t)base, (uint64_t)exponent);
    return base == 1 || (base == -1 && exponent % 2 == 0) ? 1 : base == -1 ? -1 : 0;
}

static int64_t truncate(double x)
{
    return x >= 0x1p63 ? INT64_MAX : x > -0x1p63 ? (int64_t)x : INT64_MIN;
}

BINARY(pow_real, r, pow(x[0].r, x[1].r))
BINARY(pow_real_sint, r, pow(x[0].r, (double)x[1].i))
BINARY(pow_real_uint, r, pow(x[0].r, (double)x[1].u))
BINARY(pow_sint, i, power_sint(x[0].i, x[1].i))
BINARY(pow_sint_uint, u, power(x[0].u, x[1].u))
BINARY(pow_sint_real, i, truncate(pow((double)x[0].i, x[1].r)))

int eval_pow(struct op_eval *c, struct error *err)
{
    enum dtype dtype = eval_in(c, 0)->dtype, exponent = eval_in(c, 1)->dtype;
    bool real = op_is_float(exponent), uint = op_is_uint(exponent);
    cell_fn *f = op_is_float(dtype) ? (real   ? pow_real
                                       : uint ? pow_real_uint
                                              : pow_real_sint)
                                    : (real   ? pow_sint_real
                                       : uint ? pow_sint_uint
                                              : pow_sint);
    return elementwise(c, 0, 2, dtype, f, NULL, err);
}

/* ---- BitShift ---- */

BINARY(shift_left, u, x[1].u < 64 ? x[0].u << x[1].u : 0)
BINARY(shift_right, u, x[1].u < 64 ? x[0].u >> x[1].u : 0)
/* A shift below 0, or of all bits, leaves the sign alone. */
BINARY(shift_right_sint, i, x[0].i >> (x[1].u < 64 ? x[1].u : 63))

int eval_bit_shift(struct op_eval *c, struct error *err)
{
    const char *direction = op_string(c->node, "direction");
    bool left = strcmp(direction, "LEFT") == 0;
    if (!left && strcmp(direction, "RIGHT") != 0)
        return eval_error(c, err, "attribute direction: '%.40s', want LEFT or RIGHT", direction);
    enum dtype dtype = eval_in(c, 0)->dtype;
    cell_fn *f = left ? shift_left : op_is_uint(dtype) ? shift_right : shift_right_sint;
    return elementwise(c, 0, 2, dtype, f, NULL, err);
}

/* ---- any number of operands ---- */

/* A NaN of either operand wins. */
BINARY(max_real, r, isnan(x[0].r) || x[0].r > x[1].r ? x[0].r : x[1].r)
BINARY(min_real, r, isnan(x[0].r) || x[0].r < x[1].r ? x[0].r : x[1].r)
BINARY(max_sint, i, x[0].i > x[1].i ? x[0].i : x[1].i)
BINARY(min_sint, i, x[0].i < x[1].i ? x[0].i : x[1].i)
BINARY(max_uint, u, x[0].u > x[1].u ? x[0].u : x[1].u)
BINARY(min_uint, u, x[0].u < x[1].u ? x[0].u : x[1].u)

static const struct binary variadic[] = {
    {"Sum", add_real, NULL, NULL, NULL},
    {"Mean", add_real, NULL, NULL, NULL},
    {"Max", max_real, max_sint, max_uint, NULL},
    {"Min", min_real, min_sint, min_uint, NULL},
};

static union cell divide_by(const union cell *x, const void *arg)
{
    return (union cell){.r = x->r / *(const int *)arg};
}

int eval_variadic(struct op_eval *c, struct error *err)
{
    cell_fn *f = binary_find(c, variadic, sizeof(variadic) / sizeof(variadic[0]), eval_in(c, 0)->dtype, err);
    if (!f)
        return -1;
    return elementwise_fold(c, f, strcmp(c->node->op, "Mean") == 0 ? divide_by : NULL, &c->in_count, err);
}

/* ---- Clip ---- */

struct bounds {
    cell_fn *max, *min;
    bool has_low, has_high;
    union cell low, high;
};

static union cell clip(const union cell *x, const void *arg)
{
    const struct bounds *b = arg;
    union cell y = x[0];
    if (b->has_low)
        y = b->max((union cell[]){y, b->low}, NULL);
    return b->has_high ? b->min((union cell[]){y, b->high}, NULL) : y;
}

static int load_bound(const struct op_eval *c, int i, const char *name, bool *has, union cell *bound, struct error *err)
{
    const struct tensor *t = eval_in(c, i);
    *has = t != NULL;
    if (!t)
        return 0;
    if (t->count != 1 || t->rank > 1)
        return eval_error(c, err, "input %s has rank %d and %lld elements, want a scalar", name, t->rank,
                          (long long)t->count);
    if (op_is_float(t->dtype))
        bound->r = tensor_get_f64(t, 0);
    else
        op_load_ints(t, 0, 1, &bound->i);
    return 0;
}

int eval_clip(struct op_eval *c, struct error *err)
{
    enum dtype dtype = eval_in(c, 0)->dtype;
    struct bounds b = {.max = op_is_float(dtype)  ? max_real
                              : op_is_uint(dtype) ? max_uint
                                                  : max_sint,
                       .min = op_is_float(dtype)  ? min_real
                              : op_is_uint(dtype) ? min_uint
                                                  : min_sint};
    if (load_bound(c, 1, "min", &b.has_low, &b.low, err) || load_bound(c, 2, "max", &b.has_high, &b.high, err))
        return -1;
    return elementwise(c, 0, 1, dtype, clip, &b, err);
}
