/* Functions of element by element, as operators ("torch.abs") and in expressions ("add(@0,abs(@1))"). */
#include <math.h>
#include <string.h>

#include "base/packed.h"
#include "format/pnnx/read.h"

static bool is_float(struct reader *r, struct value *v)
{
    return dtype_info(build_known_dtype(&r->b, v))->class == DTYPE_CLASS_FLOAT;
}

/* A function's nodes; op is what its row says. */
typedef struct value *(*make_fn)(struct reader *r, const char *op, struct value *x, struct value *y);

static struct value *plain(struct reader *r, const char *op, struct value *x, struct value *y)
{
    if (y)
        build_promote(&r->b, &x, &y);
    bool truths = y && build_known_dtype(&r->b, x) == DTYPE_BOOL && build_known_dtype(&r->b, y) == DTYPE_BOOL;
    if (truths && (strcmp(op, "Mul") == 0 || strcmp(op, "Add") == 0))
        op = *op == 'M' ? "And" : "Or";
    return BUILD(&r->b, op, x, y);
}

/* A float also of integers. */
static struct value *of_floats(struct reader *r, const char *op, struct value *x, struct value *y)
{
    if (!is_float(r, x))
        x = build_cast(&r->b, x, DTYPE_F32);
    return plain(r, op, x, y);
}

static struct value *of_bools(struct reader *r, const char *op, struct value *x, struct value *y)
{
    x = build_cast(&r->b, x, DTYPE_BOOL);
    return BUILD(&r->b, op, x, y ? build_cast(&r->b, y, DTYPE_BOOL) : NULL);
}

/* Of bits, but of truth values the logical one: "BitwiseAnd" and "And". */
static struct value *of_bits(struct reader *r, const char *op, struct value *x, struct value *y)
{
    return build_known_dtype(&r->b, x) == DTYPE_BOOL ? of_bools(r, op + strlen("Bitwise"), x, y) : plain(r, op, x, y);
}

static struct value *same(struct reader *r, const char *op, struct value *x, struct value *y)
{
    (void)r, (void)op, (void)y;
    return x;
}

static struct value *to_int(struct reader *r, const char *op, struct value *x, struct value *y)
{
    (void)op, (void)y;
    return build_cast(&r->b, x, DTYPE_I64);
}

static struct value *to_float(struct reader *r, const char *op, struct value *x, struct value *y)
{
    (void)op, (void)y;
    return build_cast(&r->b, x, DTYPE_F32);
}

static struct value *square(struct reader *r, const char *op, struct value *x, struct value *y)
{
    (void)y;
    return BUILD(&r->b, op, x, x);
}

static struct value *zero_of(struct reader *r, const char *op, struct value *x, struct value *y)
{
    (void)y;
    return pnnx_by(r, op, x, 0);
}

static struct value *rsqrt(struct reader *r, const char *op, struct value *x, struct value *y)
{
    return BUILD(&r->b, "Reciprocal", of_floats(r, op, x, y));
}

/* Towards zero. */
static struct value *trunc_of(struct reader *r, const char *op, struct value *x, struct value *y)
{
    (void)y;
    struct value *size = BUILD(&r->b, op, BUILD(&r->b, "Abs", x));
    return is_float(r, x) ? BUILD(&r->b, "Mul", BUILD(&r->b, "Sign", x), size) : x;
}

static struct value *log_of_base(struct reader *r, struct value *x, double base)
{
    return pnnx_by(r, "Mul", of_floats(r, "Log", x, NULL), 1 / log(base));
}

static struct value *log10_of(struct reader *r, const char *op, struct value *x, struct value *y)
{
    (void)op, (void)y;
    return log_of_base(r, x, 10);
}

static struct value *log2_of(struct reader *r, const char *op, struct value *x, struct value *y)
{
    (void)op, (void)y;
    return log_of_base(r, x, 2);
}

static struct value *log1p_of(struct reader *r, const char *op, struct value *x, struct value *y)
{
    (void)y;
    return BUILD(&r->b, op, pnnx_by(r, "Add", x, 1));
}

static struct value *expm1_of(struct reader *r, const char *op, struct value *x, struct value *y)
{
    (void)y;
    return pnnx_by(r, "Sub", BUILD(&r->b, op, x), 1);
}

static struct value *not_equal(struct reader *r, const char *op, struct value *x, struct value *y)
{
    return BUILD(&r->b, "Not", plain(r, op, x, y));
}

/* The remainder has the sign of the divisor. */
static struct value *remainder_of(struct reader *r, const char *op, struct value *x, struct value *y)
{
    build_promote(&r->b, &x, &y);
    if (!is_float(r, x))
        return BUILD(&r->b, op, x, y);
    struct value *whole = BUILD(&r->b, "Floor", BUILD(&r->b, "Div", x, y));
    return BUILD(&r->b, "Sub", x, BUILD(&r->b, "Mul", whole, y));
}

static struct value *fmod_of(struct reader *r, const char *op, struct value *x, struct value *y)
{
    return build_int(&r->b, plain(r, op, x, y), "fmod", 1);
}

static struct value *floor_divide(struct reader *r, const char *op, struct value *x, struct value *y)
{
    build_promote(&r->b, &x, &y);
    if (is_float(r, x))
        return BUILD(&r->b, "Floor", BUILD(&r->b, op, x, y));
    return BUILD(&r->b, op, BUILD(&r->b, "Sub", x, BUILD(&r->b, "Mod", x, y)), y);
}

/* log(e^x + e^y) = max + log(1 + e^(min - max)), where equal ones, which may be infinite, are 0 apart. */
static struct value *log_add_exp(struct reader *r, const char *op, struct value *x, struct value *y)
{
    struct value *max = plain(r, "Max", x, y), *min = plain(r, "Min", x, y);
    enum dtype dtype = build_known_dtype(&r->b, max);
    struct value *zero = build_number(&r->b, dtype == DTYPE_NONE ? DTYPE_F32 : dtype, 0);
    struct value *apart = BUILD(&r->b, "Where", BUILD(&r->b, "Equal", min, max), zero, BUILD(&r->b, "Sub", min, max));
    struct value *sum = pnnx_by(r, "Add", BUILD(&r->b, "Exp", apart), 1);
    return BUILD(&r->b, "Add", max, BUILD(&r->b, op, sum));
}

static struct value *atan2_of(struct reader *r, const char *op, struct value *x, struct value *y)
{
    (void)op;
    return build_formula(&r->b, BUILD_ATAN2, 2, (struct value *[]){x, y});
}

static const struct {
    make_fn make;
    size_t count;
} rest[] = {
#define FUNCTION(name, count, op, make) {make, count},
#include "format/pnnx/functions.def"
#undef FUNCTION
};

struct function {
    const char *name, *op; /* "torch.abs" */
    make_fn make;
    size_t count;
};

#include "format/pnnx/functions.inc"
PACKED_TABLE(functions, struct function, 2, rest);

const char *pnnx_function_at(size_t index)
{
    const struct function *f = packed_row(&functions, index);
    return f ? f->name : NULL;
}

struct value *pnnx_function(struct reader *r, const char *name, int count, struct value **in)
{
    const struct function *f;
    for (size_t i = 0; (f = packed_row(&functions, i)); i++)
        if (f->count == (size_t)count && strcmp(f->name + strlen("torch."), name) == 0)
            return f->make(r, f->op, in[0], count > 1 ? in[1] : NULL);
    return NULL;
}
