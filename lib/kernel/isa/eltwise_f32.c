/* Element by element: one loop per function, chosen outside the loop. */
#include "kernel/isa/epilogue.h"
#include "kernel/isa/part.h"
#include "kernel/isa/vec_pow.h"

/* ---- one argument ---- */

/* Rows of n floats, those of `out` from `at` on; those of `in` are in_step apart. */
struct unary {
    void *const *out;
    ptrdiff_t at;
    const float *in;
    ptrdiff_t in_step;
    int rows;
    size_t n;
    const struct kernel_act *act;
};

/* One loop, not one a row: behind a product a row is a vector or two, before which the constants of the function would
 * be loaded anew. */
V_FN void unary_loop(enum kernel_act_kind kind, const struct unary *u)
{
    v_f32 a = v_set1(u->act->a), b = v_set1(u->act->b);
    const float *in = u->in;
    void *const *out = u->out, *const *end = out + (u->n ? u->rows : 0);
    for (size_t i = 0; out < end;) { /* one body for the last part too: there are many functions */
        int count = u->n - i < VL ? (int)(u->n - i) : VL;
        part_store((float *)*out + u->at + i, v_unary(part_load(in + i, count), kind, a, b), count);
        i += VL;
        if (i >= u->n) {
            i = 0;
            in += u->in_step;
            out++;
        }
    }
}

#define UNARY_LOOP(kind)                                                                                               \
    static void unary_##kind(const struct unary *u)                                                                    \
    {                                                                                                                  \
        unary_loop(KERNEL_##kind, u);                                                                                  \
    }
KERNEL_UNARY_LIST(UNARY_LOOP)

#define UNARY_ENTRY(kind) [KERNEL_##kind] = unary_##kind,
static void (*const unary_loops[KERNEL_ACT_KINDS])(const struct unary *u) = {KERNEL_UNARY_LIST(UNARY_ENTRY)};

void K(unary_f32)(float *out, const float *in, size_t n, struct kernel_act act)
{
    unary_loops[act.kind](&(struct unary){&(void *){out}, 0, in, 0, 1, n, &act});
}

void K(unary_rows)(void *const *out, ptrdiff_t at, const float *in, ptrdiff_t in_step, int rows, size_t n,
                   const struct kernel_act *act)
{
    unary_loops[act->kind](&(struct unary){out, at, in, in_step, rows, n, act});
}

/* The activation behind another function goes over what that has just left in the first-level cache. */
#define BLOCK 1024

static void activate(float *out, size_t n, struct kernel_act act)
{
    if (act.kind != KERNEL_NONE)
        K(unary_f32)(out, out, n, act);
}

/* ---- two arguments ---- */

/* Long, and slow enough for a call. */
V_APART v_f32 power(v_f32 a, v_f32 b)
{
    return v_pow(a, b);
}

#define BINARY_LIST(X) X(ADD) X(SUB) X(MUL) X(DIV) X(MAX) X(MIN) X(POW) X(PRELU)

V_FN v_f32 binary(enum kernel_binary op, v_f32 a, v_f32 b)
{
    switch (op) {
    case KERNEL_ADD:
        return v_add(a, b);
    case KERNEL_SUB:
        return v_sub(a, b);
    case KERNEL_MUL:
        return v_mul(a, b);
    case KERNEL_DIV:
        return v_div(a, b);
    case KERNEL_MAX:
        return v_max_nan(a, b);
    case KERNEL_MIN:
        return v_min_nan(a, b);
    case KERNEL_POW:
        return power(a, b);
    default:
        return v_select(v_le(v_zero(), a), a, v_mul(a, b));
    }
}

/* An operand that does not move is a vector full of it: what it would save to keep it in a register is not worth three
 * loops of every operation. `step` is 0 or 1. */
struct operand {
    const float *at;
    size_t step;
};

V_FN void binary_body(size_t i, int count, enum kernel_binary op, float *out, struct operand a, struct operand b)
{
    v_f32 x = part_load(a.at + i * a.step, count), y = part_load(b.at + i * b.step, count);
    part_store(out + i, binary(op, x, y), count);
}

#define BINARY_LOOP(op)                                                                                                \
    static void binary_##op(float *out, struct operand a, struct operand b, size_t n)                                  \
    {                                                                                                                  \
        PART_LOOP(n, binary_body, KERNEL_##op, out, a, b);                                                             \
    }
BINARY_LIST(BINARY_LOOP)

#define BINARY_ENTRY(op) [KERNEL_##op] = binary_##op,
static void (*const binary_loops[KERNEL_BINARIES])(float *out, struct operand a, struct operand b,
                                                   size_t n) = {BINARY_LIST(BINARY_ENTRY)};

/* Powers that are nearly all of those in use, and quick. */
enum quick_power { CUBE, SQUARE, SQRT, RECIPROCAL_SQRT };

/* pow() differs from a square root at -0 and -inf. */
V_FN v_f32 power_half(v_f32 x)
{
    return v_select(v_eq(x, v_set1(-INFINITY)), v_set1(INFINITY), v_sqrt(v_add(x, v_zero())));
}

V_FN void power_body(size_t i, int count, enum quick_power power, float *out, const float *in)
{
    v_f32 x = part_load(in + i, count), y;
    if (power == CUBE)
        y = v_mul(v_mul(x, x), x);
    else if (power == SQUARE)
        y = v_mul(x, x);
    else if (power == SQRT)
        y = power_half(x);
    else
        y = v_div(v_set1(1), power_half(x));
    part_store(out + i, y, count);
}

/* False when b is none of them. */
static bool quick_power(float *out, const float *a, float b, size_t n)
{
    if (b == 3)
        PART_LOOP_LONG(n, power_body, CUBE, out, a);
    else if (b == 2)
        PART_LOOP_LONG(n, power_body, SQUARE, out, a);
    else if (b == 0.5f)
        PART_LOOP_LONG(n, power_body, SQRT, out, a);
    else if (b == -0.5f)
        PART_LOOP_LONG(n, power_body, RECIPROCAL_SQRT, out, a);
    else
        return false;
    return true;
}

/* `full` takes a constant, which may lie where the result goes. */
V_FN struct operand operand(const float *at, int step, float full[VL])
{
    if (step)
        return (struct operand){at, 1};
    v_store(full, v_set1(*at));
    return (struct operand){full, 0};
}

void K(binary_f32)(enum kernel_binary op, float *out, const float *a, int a_step, const float *b, int b_step, size_t n,
                   struct kernel_act act)
{
    float a_full[VL], b_full[VL];
    if (!n)
        return;
    struct operand x = operand(a, a_step, a_full), y = operand(b, b_step, b_full);
    bool maybe_quick = op == KERNEL_POW && a_step && !b_step;
    for (size_t i = 0, m; i < n; i += m) {
        m = n - i < BLOCK ? n - i : BLOCK;
        if (!maybe_quick || !quick_power(out + i, x.at, *b_full, m))
            binary_loops[op](out + i, x, y, m);
        activate(out + i, m, act);
        x.at += m * x.step;
        y.at += m * y.step;
    }
}

/* ---- in scale ---- */

V_FN void scale_row_body(size_t i, int count, float *out, const float *in, v_f32 scale)
{
    part_store(out + i, v_mul(part_load(in + i, count), scale), count);
}

void K(scale_rows_f32)(float *out, const float *in, const float *scale, ptrdiff_t scale_step, size_t rows,
                       size_t columns)
{
    for (size_t i = 0; i < rows; i++, out += columns, in += columns) {
        v_f32 factor = v_set1(scale[(ptrdiff_t)i * scale_step]);
        PART_LOOP(columns, scale_row_body, out, in, factor);
    }
}

/* ---- in scale + shift ---- */

/* Vectors of columns whose factors are registers while the rows pass. */
#define SCALE_VECTORS 4

/* From column c on, `vectors` of columns, of which the last has `last` lanes. */
V_FN void scale_columns(const struct kernel_scale_f32 *s, size_t c, int vectors, int last, struct kernel_act clip,
                        bool below)
{
    v_f32 scale[SCALE_VECTORS], shift[SCALE_VECTORS], a = v_set1(clip.a), b = v_set1(clip.b);
    const float *in = s->in + c;
    float *out = s->out + c;
    V_UNROLL(4)
    for (int v = 0; v < vectors; v++) {
        int count = v == vectors - 1 ? last : VL;
        scale[v] = s->scale ? part_load(s->scale + c + v * VL, count) : v_set1(1);
        shift[v] = s->shift ? part_load(s->shift + c + v * VL, count) : v_set1(-0.0f);
    }
    for (size_t r = 0; r < s->rows; r++, in += s->in_step, out += s->out_step) {
        V_UNROLL(4)
        for (int v = 0; v < vectors; v++) {
            int count = v == vectors - 1 ? last : VL;
            v_f32 x = part_load(in + v * VL, count);
            x = below ? v_select(v_le(v_zero(), x), x, v_mul(x, scale[v])) : v_fma(x, scale[v], shift[v]);
            part_store(out + v * VL, v_clip(x, a, b), count);
        }
    }
}

V_FN void scale_all(const struct kernel_scale_f32 *s, struct kernel_act clip, bool below)
{
    size_t c = 0;
    for (; !V_SMALL && s->n - c >= SCALE_VECTORS * VL; c += SCALE_VECTORS * VL)
        scale_columns(s, c, SCALE_VECTORS, VL, clip, below);
    for (; c < s->n; c += VL)
        scale_columns(s, c, 1, s->n - c < VL ? (int)(s->n - c) : VL, clip, below);
}

void K(scale_shift_f32)(const struct kernel_scale_f32 *s)
{
    /* ReLU, and nothing, as the bounds that they are: one loop for all three. */
    struct kernel_act clip = {KERNEL_CLIP, -INFINITY, INFINITY};
    bool within = !s->below && (s->act.kind == KERNEL_RELU || s->act.kind == KERNEL_CLIP);
    if (within)
        clip = s->act.kind == KERNEL_CLIP ? s->act : (struct kernel_act){KERNEL_CLIP, 0, INFINITY};
    if (s->below)
        scale_all(s, clip, true);
    else
        scale_all(s, clip, false);
    if (within || s->act.kind == KERNEL_NONE)
        return;
    for (size_t r = 0; r < s->rows; r++)
        K(unary_f32)(s->out + (ptrdiff_t)r * s->out_step, s->out + (ptrdiff_t)r * s->out_step, s->n, s->act);
}
