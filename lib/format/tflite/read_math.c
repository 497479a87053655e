/* Elementwise operators, comparisons, reductions. */
#include <math.h>

#include "format/tflite/operators.h"
#include "format/tflite/schema.h"

/* ---- of one tensor ---- */

void tflite_read_unary(struct tflite_op *o)
{
    tflite_give(o, 0, BUILD(o->b, o->row->onnx, tflite_in(o, 0)));
}

/* What is always its activation: Relu, Relu6, … */
void tflite_read_clip(struct tflite_op *o)
{
    double low = o->row->onnx[0] == '-' ? -1 : 0;
    struct value *x = tflite_in(o, 0);
    tflite_give(o, 0,
                BUILD(o->b, "Clip", x, build_number(o->b, DTYPE_F32, low),
                      build_number(o->b, DTYPE_F32, o->row->onnx[1] - '0')));
}

/* Whether a result is a form of a constant, which is made when somebody asks for it. */
static bool is_decoded(struct tflite_op *o)
{
    struct tflite_tensor *in = tflite_input(o, 0), *out = tflite_output(o, 0);
    if (!in || !out || out->raw || out->decoded >= 0 || tflite_tensor_data(o->g, out))
        return false;
    if (in->decoded < 0 && (in->variable || !tflite_tensor_data(o->g, in)))
        return false;
    out->decoded = in->decoded >= 0 ? in->decoded : (int)(in - o->g->tensors);
    return true;
}

/* DENSIFY, whose input is dense already here. */
void tflite_read_identity(struct tflite_op *o)
{
    if (!is_decoded(o))
        tflite_give(o, 0, BUILD(o->b, "Identity", tflite_in(o, 0)));
}

/* Half floats and integers with a scale become floats. */
void tflite_read_dequantize(struct tflite_op *o)
{
    if (is_decoded(o))
        return;
    struct value *x = tflite_real(o, 0);
    const struct type *type = tflite_type(o->b, x);
    tflite_give(o, 0, type && type->dtype != DTYPE_F32 ? build_cast(o->b, x, DTYPE_F32) : x);
}

/* Also from one scale to another: the result is quantised by its tensor's. */
void tflite_read_quantize(struct tflite_op *o)
{
    tflite_give(o, 0, tflite_real(o, 0));
}

/* Of complex numbers the real parts are taken. */
void tflite_read_cast(struct tflite_op *o)
{
    struct tflite_tensor *in = tflite_input(o, 0), *out = tflite_output(o, 0);
    struct type from, type;
    if (!in || !out || tflite_tensor_type(o->g, in, &from) < 0 || tflite_tensor_type(o->g, out, &type) < 0)
        return;
    struct value *x = tflite_raw(o, 0);
    if (from.dtype == DTYPE_C64 && type.dtype != DTYPE_C64)
        x = build_int(o->b, BUILD(o->b, "Gather", x, build_number(o->b, DTYPE_I64, 0)), "axis", -1);
    tflite_give_raw(o, 0, build_cast(o->b, x, type.dtype));
}

void tflite_read_square(struct tflite_op *o)
{
    struct value *x = tflite_real(o, 0);
    tflite_give(o, 0, BUILD(o->b, "Mul", x, x));
}

void tflite_read_rsqrt(struct tflite_op *o)
{
    tflite_give(o, 0, BUILD(o->b, "Reciprocal", BUILD(o->b, "Sqrt", tflite_real(o, 0))));
}

void tflite_read_leaky_relu(struct tflite_op *o)
{
    struct value *y = BUILD(o->b, "LeakyRelu", tflite_real(o, 0));
    tflite_give(o, 0, build_float(o->b, y, "alpha", flatbuf_float(o->options, 0, 0)));
}

void tflite_read_gelu(struct tflite_op *o)
{
    struct value *y = BUILD(o->b, "Gelu", tflite_real(o, 0));
    bool is_approximate = flatbuf_int(o->options, 0, 1, 0) != 0;
    tflite_give(o, 0, is_approximate ? build_string(o->b, y, "approximate", "tanh") : y);
}

/* Over the last axis. */
void tflite_read_softmax(struct tflite_op *o)
{
    struct value *x = tflite_real(o, 0);
    float beta = flatbuf_float(o->options, 0, 0);
    if (beta != 1 && o->row->onnx[0] == 'S')
        x = BUILD(o->b, "Mul", x, build_number(o->b, DTYPE_F32, beta));
    tflite_give(o, 0, build_int(o->b, BUILD(o->b, o->row->onnx, x), "axis", -1));
}

/* By the length of the last axis, which counts as at least 1e-6. */
void tflite_read_l2_normalize(struct tflite_op *o)
{
    struct value *x = tflite_real(o, 0);
    struct value *length = BUILD(o->b, "ReduceL2", x, BUILD_LIST(o->b, -1));
    tflite_give(o, 0, BUILD(o->b, "Div", x, BUILD(o->b, "Max", length, build_number(o->b, DTYPE_F32, 1e-6))));
}

enum fake_quant_slots { FAKE_MIN, FAKE_MAX, FAKE_BITS, FAKE_NARROW };

/* The range is moved so that 0 is a step of it. */
void tflite_read_fake_quant(struct tflite_op *o)
{
    double low = (double)flatbuf_float(o->options, FAKE_MIN, 0), high = (double)flatbuf_float(o->options, FAKE_MAX, 0);
    int64_t bits = flatbuf_int(o->options, FAKE_BITS, 4, 8), least = flatbuf_int(o->options, FAKE_NARROW, 1, 0) != 0;
    if (!(low < high) || !isfinite(low) || !isfinite(high) || bits < 2 || bits > 16) {
        tflite_fail(o, "%lld bits from %g to %g", (long long)bits, low, high);
        return;
    }
    double most = (double)((INT64_C(1) << bits) - 1), scale = (high - low) / (most - (double)least);
    double zero = fmin(fmax(round((double)least - low / scale), (double)least), most);
    struct value *step = build_number(o->b, DTYPE_F32, scale), *base = build_number(o->b, DTYPE_F32, zero);
    struct value *q = BUILD(o->b, "Add", BUILD(o->b, "Div", tflite_real(o, 0), step), base);
    q = BUILD(o->b, "Clip", BUILD(o->b, "Floor", BUILD(o->b, "Add", q, build_number(o->b, DTYPE_F32, 0.5))),
              build_number(o->b, DTYPE_F32, (double)least), build_number(o->b, DTYPE_F32, most));
    tflite_give(o, 0, BUILD(o->b, "Mul", BUILD(o->b, "Sub", q, base), step));
}

/* ---- of two ---- */

void tflite_read_binary(struct tflite_op *o)
{
    tflite_give(o, 0, BUILD(o->b, o->row->onnx, tflite_in(o, 0), tflite_in(o, 1)));
}

static struct value *term(void *op, const char *name, bool want)
{
    (void)want; /* what the nodes need is checked with them */
    return tflite_in(op, *name - '0');
}

void tflite_read_formula(struct tflite_op *o)
{
    const struct build_terms t = {.op = o, .in = term};
    struct value *v = NULL;
    build_formulas(o->b, o->row->onnx, &t, &v, 1);
    tflite_give(o, 0, v);
}

static bool is_float(struct tflite_op *o, struct value *v)
{
    const struct type *type = tflite_type(o->b, v);
    return type && dtype_info(type->dtype)->class == DTYPE_CLASS_FLOAT;
}

static struct value *floor_mod(struct tflite_op *o, struct value *x, struct value *y)
{
    struct value *r = BUILD(o->b, "Mod", x, y), *zero;
    if (!is_float(o, x))
        return r; /* has the divisor's sign, as wanted */
    r = build_int(o->b, r, "fmod", 1);
    zero = build_number(o->b, DTYPE_F32, 0);
    struct value *differs = BUILD(o->b, "Xor", BUILD(o->b, "Less", r, zero), BUILD(o->b, "Less", y, zero));
    differs = BUILD(o->b, "And", differs, BUILD(o->b, "Not", BUILD(o->b, "Equal", r, zero)));
    return BUILD(o->b, "Where", differs, BUILD(o->b, "Add", r, y), r);
}

void tflite_read_floor_mod(struct tflite_op *o)
{
    tflite_give(o, 0, floor_mod(o, tflite_real(o, 0), tflite_real(o, 1)));
}

/* Division of integers cuts towards 0 in ONNX: without the remainder it is exact. */
void tflite_read_floor_div(struct tflite_op *o)
{
    struct value *x = tflite_real(o, 0), *y = tflite_real(o, 1);
    if (is_float(o, x))
        tflite_give(o, 0, BUILD(o->b, "Floor", BUILD(o->b, "Div", x, y)));
    else
        tflite_give(o, 0, BUILD(o->b, "Div", BUILD(o->b, "Sub", x, floor_mod(o, x, y)), y));
}

void tflite_read_atan2(struct tflite_op *o)
{
    tflite_give(o, 0, build_formula(o->b, BUILD_ATAN2, 2, (struct value *[]){tflite_real(o, 0), tflite_real(o, 1)}));
}

/* ---- of several ---- */

#define TERMS_MOST 4096 /* a node each */

void tflite_read_add_n(struct tflite_op *o)
{
    struct value *sum = tflite_real(o, 0);
    if (o->inputs.count > TERMS_MOST)
        tflite_fail(o, "a sum of %u tensors: want at most %d", o->inputs.count, TERMS_MOST);
    for (int i = 1; i < (int)o->inputs.count && !o->b->failed; i++)
        sum = BUILD(o->b, "Add", sum, tflite_real(o, i));
    tflite_give(o, 0, sum);
}

/* A condition of one axis chooses rows. */
void tflite_read_select(struct tflite_op *o)
{
    int64_t dims[TENSOR_MAX_RANK];
    struct value *which = tflite_raw(o, 0);
    int rank = tflite_want_rank(o, 1);
    if (tflite_want_rank(o, 0) == 1 && rank > 1 && o->row->onnx[0] == 'r') {
        for (int i = 0; i < rank; i++)
            dims[i] = i == 0 ? -1 : 1;
        which = build_reshape(o->b, which, rank, dims);
    }
    tflite_give(o, 0, BUILD(o->b, "Where", which, tflite_in(o, 1), tflite_in(o, 2)));
}

/* ---- along axes ---- */

void tflite_read_reduce(struct tflite_op *o)
{
    int64_t axes[TENSOR_MAX_RANK];
    bool keep = flatbuf_int(o->options, 0, 1, 0) != 0;
    struct value *y = BUILD(o->b, o->row->onnx, tflite_real(o, 0), tflite_i64(o, 1));
    if (tflite_ints(o, 1, axes, TENSOR_MAX_RANK) == 0)
        y = build_int(o->b, y, "noop_with_empty_axes", 1);
    tflite_give(o, 0, keep ? y : build_int(o->b, y, "keepdims", 0));
}

/* The type of output k as the file states it. */
static enum dtype wanted(struct tflite_op *o, int k)
{
    struct type type = {.dtype = DTYPE_NONE};
    struct tflite_tensor *t = tflite_output(o, k);
    if (t)
        tflite_tensor_type(o->g, t, &type);
    return type.dtype;
}

static struct value *as_wanted(struct tflite_op *o, int k, struct value *i64)
{
    enum dtype dtype = wanted(o, k);
    return dtype == DTYPE_I64 ? i64 : build_cast(o->b, i64, dtype);
}

void tflite_read_arg(struct tflite_op *o)
{
    int64_t axis = 0;
    if (tflite_want_ints(o, 1, &axis, 1) != 1)
        return;
    struct value *y = build_int(o->b, BUILD(o->b, o->row->onnx, tflite_real(o, 0)), "axis", axis);
    tflite_give_raw(o, 0, as_wanted(o, 0, build_int(o->b, y, "keepdims", 0)));
}

void tflite_read_top_k(struct tflite_op *o)
{
    struct value *y = BUILD(o->b, "TopK", tflite_real(o, 0), tflite_i64(o, 1));
    struct value *where = o->b->failed ? NULL : build_output(o->b, y, 1);
    tflite_give(o, 0, y);
    tflite_give_raw(o, 1, as_wanted(o, 1, where));
}

void tflite_read_cumsum(struct tflite_op *o)
{
    struct value *axis = tflite_scalar(o->b, tflite_raw(o, 1));
    struct value *y = BUILD(o->b, "CumSum", tflite_real(o, 0), axis);
    y = build_int(o->b, y, "exclusive", flatbuf_int(o->options, 0, 1, 0) != 0);
    tflite_give(o, 0, build_int(o->b, y, "reverse", flatbuf_int(o->options, 1, 1, 0) != 0));
}

/* ---- shapes as numbers ---- */

void tflite_read_shape(struct tflite_op *o)
{
    tflite_give_raw(o, 0, as_wanted(o, 0, BUILD(o->b, "Shape", tflite_raw(o, 0))));
}

void tflite_read_rank(struct tflite_op *o)
{
    tflite_give_raw(o, 0, build_number(o->b, wanted(o, 0), tflite_want_rank(o, 0)));
}

void tflite_read_range(struct tflite_op *o)
{
    tflite_give(o, 0, BUILD(o->b, "Range", tflite_raw(o, 0), tflite_raw(o, 1), tflite_raw(o, 2)));
}
