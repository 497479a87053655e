/* Elementwise operators on whole numbers and truth values, comparisons, Where, Cast: everything that masks, positions
 * and labels go through. Plain loops by type; sums wrap as the reference's do. */
#include <string.h>

#include "base/half.h"
#include "exec/lower.h"
#include "graph/element.h"

/* Elements below which a tile is not worth sharing. */
#define NUMBERS_GRAIN 16384

#define OPERANDS_MAX 3

/* n elements along one axis. */
struct run {
    char *out;
    const char *in[OPERANDS_MAX];
    ptrdiff_t out_step, step[OPERANDS_MAX]; /* in elements */
    int64_t n;
    const struct kernels *kernels;
};

typedef void run_fn(const struct run *r);

/* ---- loops ---- */

/* A name for a loop over operands x, y, z of these types; contiguous ones, which compilers turn into vectors, apart. */
#define EACH(expression, sx, sy, sz, so)                                                                               \
    for (int64_t i = 0; i < r->n; i++) {                                                                               \
        x = a[i * (sx)];                                                                                               \
        y = b[i * (sy)];                                                                                               \
        z = c[i * (sz)];                                                                                               \
        (void)y, (void)z;                                                                                              \
        o[i * (so)] = (expression);                                                                                    \
    }
#define FUNCTION(name, out_type, x_type, type, operands, expression)                                                   \
    static void name(const struct run *r)                                                                              \
    {                                                                                                                  \
        out_type *o = (void *)r->out;                                                                                  \
        const x_type *a = (const void *)r->in[0];                                                                      \
        const type *b = (const void *)r->in[operands > 1], *c = (const void *)r->in[operands > 2 ? 2 : 0];             \
        ptrdiff_t sy = operands > 1 ? r->step[1] : 0, sz = operands > 2 ? r->step[2] : 0;                              \
        x_type x;                                                                                                      \
        type y, z;                                                                                                     \
        if (r->out_step == 1 && r->step[0] == 1 && (operands < 2 || sy == 1) && (operands < 3 || sz == 1))             \
            EACH(expression, 1, operands > 1, operands > 2, 1)                                                         \
        else                                                                                                           \
            EACH(expression, r->step[0], sy, sz, r->out_step)                                                          \
    }

#define UNARY(name, out_type, type, expression)  FUNCTION(name, out_type, type, type, 1, expression)
#define BINARY(name, out_type, type, expression) FUNCTION(name, out_type, type, type, 2, expression)

#define COMPARISONS(type)                                                                                              \
    BINARY(equal_##type, bool, type, x == y)                                                                           \
    BINARY(less_##type, bool, type, x < y)                                                                             \
    BINARY(less_equal_##type, bool, type, x <= y)

/* Division truncates, by zero it gives 0; the remainder has the divisor's sign, with fmod the dividend's. */
#define ARITHMETIC(type)                                                                                               \
    BINARY(add_##type, type, u##type, (type)(x + y))                                                                   \
    BINARY(sub_##type, type, u##type, (type)(x - y))                                                                   \
    BINARY(mul_##type, type, u##type, (type)(x * y))                                                                   \
    BINARY(div_##type, type, type, y == 0 ? 0 : y == -1 ? (type)(0 - (u##type)x) : x / y)                              \
    BINARY(fmod_##type, type, type, y == 0 || y == -1 ? 0 : x % y)                                                     \
    BINARY(mod_##type, type, type, y == 0 || y == -1 ? 0 : x % y + (x % y != 0 && (x % y < 0) != (y < 0) ? y : 0))     \
    BINARY(max_##type, type, type, x > y ? x : y)                                                                      \
    BINARY(min_##type, type, type, x < y ? x : y)                                                                      \
    UNARY(neg_##type, type, u##type, (type)(0 - x))                                                                    \
    UNARY(abs_##type, type, type, x < 0 ? (type)(0 - (u##type)x) : x)

COMPARISONS(float)
COMPARISONS(int32_t)
COMPARISONS(int64_t)
ARITHMETIC(int32_t)
ARITHMETIC(int64_t)
BINARY(equal_bool, bool, uint8_t, !x == !y)
BINARY(and_bool, bool, uint8_t, x &&y)
BINARY(or_bool, bool, uint8_t, x || y)
BINARY(xor_bool, bool, uint8_t, !x != !y)
UNARY(not_bool, bool, uint8_t, !x)
FUNCTION(where_1, uint8_t, uint8_t, uint8_t, 3, x ? y : z)
FUNCTION(where_4, uint32_t, uint8_t, uint32_t, 3, x ? y : z)
FUNCTION(where_8, uint64_t, uint8_t, uint64_t, 3, x ? y : z)

/* Every pair of these types: floats are truncated and wrap. Bytes with a sign have the bits of those without. */
#define CASTS_TO(name, type, whole)                                                                                    \
    UNARY(name##_i32, int32_t, type, (int32_t)(uint32_t)(whole))                                                       \
    UNARY(name##_i64, int64_t, type, (whole))                                                                          \
    UNARY(name##_u8, uint8_t, type, (uint8_t)(whole))                                                                  \
    UNARY(name##_bool, bool, type, x != 0)
CASTS_TO(float, float, element_wrap(x))
CASTS_TO(i32, int32_t, (int64_t)x)
CASTS_TO(i64, int64_t, x)
CASTS_TO(u8, uint8_t, (int64_t)x)
CASTS_TO(i8, int8_t, (int64_t)x)
CASTS_TO(bool, uint8_t, (int64_t)(x != 0))
UNARY(float_float, float, float, x)
UNARY(i32_each_float, float, int32_t, (float)x)
UNARY(i64_float, float, int64_t, (float)x)
UNARY(u8_float, float, uint8_t, (float)x)
UNARY(i8_float, float, int8_t, (float)x)
UNARY(bool_float, float, uint8_t, (float)x)
UNARY(i16_float, float, int16_t, (float)x)
UNARY(u16_float, float, uint16_t, (float)x)
UNARY(float_i16, uint16_t, float, (uint16_t)element_wrap(x))
UNARY(float_bf16, uint16_t, float, half_f32_to_bf16(x))

/* By the kernel of that name, a run at once or each element. */
#define HALVES(name, out_type, type, kernel)                                                                           \
    static void name(const struct run *r)                                                                              \
    {                                                                                                                  \
        int64_t n = r->out_step == 1 && r->step[0] == 1 ? r->n : 1;                                                    \
        for (int64_t i = 0; i < r->n; i += n)                                                                          \
            r->kernels->kernel((out_type *)(void *)r->out + i * r->out_step,                                           \
                               (const type *)(const void *)r->in[0] + i * r->step[0], (size_t)n);                      \
    }
HALVES(f16_float, float, uint16_t, f16_to_f32)
HALVES(bf16_float, float, uint16_t, bf16_to_f32)
HALVES(float_f16, uint16_t, float, f32_to_f16)

/* What MatMulInteger leaves, four at a time. */
static void i32_float(const struct run *r)
{
    typedef int32_t words __attribute__((vector_size(16)));
    typedef float floats __attribute__((vector_size(16)));
    struct run rest = *r;
    for (; r->out_step == 1 && r->step[0] == 1 && rest.n >= 4; rest.n -= 4) {
        words x;
        memcpy(&x, rest.in[0], sizeof x);
        floats y = __builtin_convertvector(x, floats);
        memcpy(rest.out, &y, sizeof y);
        rest.in[0] += sizeof x;
        rest.out += sizeof y;
    }
    i32_each_float(&rest);
}

/* ---- finding one ---- */

#define ROW(op, inputs, in, out, fn)                                                                                   \
    {                                                                                                                  \
        op, inputs, in, out, false, fn                                                                                 \
    }
#define SWAPPED(op, in, out, fn)                                                                                       \
    {                                                                                                                  \
        op, 2, in, out, true, fn                                                                                       \
    }
#define COMPARISON_ROWS(dtype, type)                                                                                   \
    ROW("Equal", 2, dtype, DTYPE_BOOL, equal_##type), ROW("Less", 2, dtype, DTYPE_BOOL, less_##type),                  \
        ROW("LessOrEqual", 2, dtype, DTYPE_BOOL, less_equal_##type),                                                   \
        SWAPPED("Greater", dtype, DTYPE_BOOL, less_##type),                                                            \
        SWAPPED("GreaterOrEqual", dtype, DTYPE_BOOL, less_equal_##type)
#define ARITHMETIC_ROWS(dtype, type)                                                                                   \
    ROW("Add", 2, dtype, dtype, add_##type), ROW("Sub", 2, dtype, dtype, sub_##type),                                  \
        ROW("Mul", 2, dtype, dtype, mul_##type), ROW("Div", 2, dtype, dtype, div_##type),                              \
        ROW("Mod", 2, dtype, dtype, mod_##type), ROW("fmod", 2, dtype, dtype, fmod_##type),                            \
        ROW("Max", 2, dtype, dtype, max_##type), ROW("Min", 2, dtype, dtype, min_##type),                              \
        ROW("Neg", 1, dtype, dtype, neg_##type), ROW("Abs", 1, dtype, dtype, abs_##type)
#define CAST_ROWS(dtype, name)                                                                                         \
    ROW("Cast", 1, dtype, DTYPE_F32, name##_float), ROW("Cast", 1, dtype, DTYPE_I32, name##_i32),                      \
        ROW("Cast", 1, dtype, DTYPE_I64, name##_i64), ROW("Cast", 1, dtype, DTYPE_U8, name##_u8),                      \
        ROW("Cast", 1, dtype, DTYPE_I8, name##_u8), ROW("Cast", 1, dtype, DTYPE_BOOL, name##_bool)

/* By the operator and the types of its first input and of its result. */
static const struct row {
    const char *op;
    uint8_t inputs, in, out; /* the types are of enum dtype */
    bool is_swapped;         /* the function takes the second operand first */
    run_fn *fn;
} rows[] = {
    COMPARISON_ROWS(DTYPE_F32, float),
    COMPARISON_ROWS(DTYPE_I32, int32_t),
    COMPARISON_ROWS(DTYPE_I64, int64_t),
    ARITHMETIC_ROWS(DTYPE_I32, int32_t),
    ARITHMETIC_ROWS(DTYPE_I64, int64_t),
    ROW("Equal", 2, DTYPE_BOOL, DTYPE_BOOL, equal_bool),
    ROW("And", 2, DTYPE_BOOL, DTYPE_BOOL, and_bool),
    ROW("Or", 2, DTYPE_BOOL, DTYPE_BOOL, or_bool),
    ROW("Xor", 2, DTYPE_BOOL, DTYPE_BOOL, xor_bool),
    ROW("Not", 1, DTYPE_BOOL, DTYPE_BOOL, not_bool),
    CAST_ROWS(DTYPE_F32, float),
    CAST_ROWS(DTYPE_I32, i32),
    CAST_ROWS(DTYPE_I64, i64),
    CAST_ROWS(DTYPE_U8, u8),
    CAST_ROWS(DTYPE_I8, i8),
    CAST_ROWS(DTYPE_BOOL, bool),
    ROW("Cast", 1, DTYPE_I16, DTYPE_F32, i16_float),
    ROW("Cast", 1, DTYPE_U16, DTYPE_F32, u16_float),
    ROW("Cast", 1, DTYPE_F32, DTYPE_I16, float_i16),
    ROW("Cast", 1, DTYPE_F32, DTYPE_U16, float_i16),
    ROW("Cast", 1, DTYPE_F16, DTYPE_F32, f16_float),
    ROW("Cast", 1, DTYPE_BF16, DTYPE_F32, bf16_float),
    ROW("Cast", 1, DTYPE_F32, DTYPE_F16, float_f16),
    ROW("Cast", 1, DTYPE_F32, DTYPE_BF16, float_bf16),
};

static run_fn *find_where(enum dtype dtype)
{
    int bits = dtype_info(dtype)->bits;
    return dtype == DTYPE_STRING ? NULL : bits == 8 ? where_1 : bits == 32 ? where_4 : bits == 64 ? where_8 : NULL;
}

static run_fn *find(const struct node *n, bool *is_swapped)
{
    enum dtype in = n->in[0]->type.dtype, out = n->out[0]->type.dtype;
    const char *op = node_is(n, "Mod") && op_int(n, "fmod") != 0 ? "fmod" : n->op;
    if (node_is(n, "Where"))
        return n->in_count == OPERANDS_MAX ? find_where(out) : NULL;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].in == in && rows[i].out == out && rows[i].inputs == n->in_count && strcmp(rows[i].op, op) == 0) {
            *is_swapped = rows[i].is_swapped;
            return rows[i].fn;
        }
    return NULL;
}

/* ---- lowering ---- */

struct numbers_args {
    run_fn *fn;
    const struct kernels *kernels;
    int views;                          /* the result and the operands */
    struct view view[1 + OPERANDS_MAX]; /* the result first */
    struct nest nest;
    int64_t pieces; /* that the innermost axis is cut into */
};

static void run_numbers(const struct step *s, struct tile tile)
{
    const struct numbers_args *e = s->args;
    int inner = e->nest.rank - 1;
    for (int64_t i = tile.first; i < tile.last; i++) {
        ptrdiff_t offset[NEST_MAX];
        int64_t first = plan_tile_first(e->nest.dims[inner], e->pieces, i % e->pieces);
        struct run r = {.n = plan_tile_first(e->nest.dims[inner], e->pieces, i % e->pieces + 1) - first,
                        .kernels = e->kernels};
        nest_at(&e->nest, e->views, i / e->pieces, offset);
        for (int k = 0; k < e->views; k++) {
            ptrdiff_t step = e->nest.stride[k][inner];
            char *at =
                (char *)view_data(&e->view[k]) + (offset[k] + first * step) * (ptrdiff_t)view_element(&e->view[k]);
            if (k == 0) {
                r.out = at;
                r.out_step = step;
            } else {
                r.in[k - 1] = at;
                r.step[k - 1] = step;
            }
        }
        e->fn(&r);
    }
}

int exec_lower_numbers(struct plan *p, struct node *n, struct error *err)
{
    const struct type *out = &n->out[0]->type;
    bool is_swapped = false;
    if (n->in_count < 1 || n->in_count > OPERANDS_MAX)
        return 1;
    for (int i = 0; i < n->in_count; i++)
        if (!node_in(n, i) || !plan_place(n->in[i])->placed)
            return 1;
    struct numbers_args *e = plan_alloc(p, sizeof *e, err);
    if (!e)
        return -1;
    *e = (struct numbers_args){.fn = find(n, &is_swapped), .kernels = p->kernels, .views = 1 + n->in_count};
    if (!e->fn)
        return 1;
    if (plan_out(p, n, 0, exec_lower_order(n), &e->view[0], err) < 0)
        return -1;
    const struct view *views[1 + OPERANDS_MAX] = {&e->view[0]};
    for (int i = 0; i < n->in_count; i++) {
        view_broadcast(plan_in(n, is_swapped ? 1 - i : i), out->rank, out->dims, &e->view[1 + i]);
        views[1 + i] = &e->view[1 + i];
    }
    int64_t count = view_count(&e->view[0]);
    if (count == 0)
        return 0;
    nest_make(&e->nest, views, e->views);
    int64_t outer = nest_outer(&e->nest), inner = e->nest.dims[e->nest.rank - 1];
    e->pieces = outer < 8 ? plan_tiles(inner, NUMBERS_GRAIN, inner) : 1;
    return plan_step(p,
                     &(struct step){.node = n,
                                    .kernel = "numbers",
                                    .run = run_numbers,
                                    .args = e,
                                    .units = outer * e->pieces,
                                    .tiles = plan_tiles(count, NUMBERS_GRAIN, outer * e->pieces)},
                     err, views, e->views, STEP_WRITES_FIRST);
}
