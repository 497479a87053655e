/* Elementwise operators, products, reductions. */
#include <math.h>
#include <string.h>

#include "format/tensorflow/tensorflow.h"

void tensorflow_read_unary(struct tensorflow_op *o)
{
    tensorflow_give(o, 0, BUILD(o->b, o->kind->onnx, tensorflow_in(o, 0)));
}

static struct value *term(void *data, const char *name, bool want)
{
    struct tensorflow_op *o = data;
    int k = *name - '0';
    return want || k < o->in_count ? tensorflow_in(o, k) : NULL;
}

static int parameter(void *data, const char *name, double *numbers, int max)
{
    const struct protobuf *a = tensorflow_attr(((struct tensorflow_op *)data)->node->message, name);
    if (!a || max < 1)
        return -1;
    *numbers = protobuf_find(a, "type") ? (double)tensorflow_dtype(protobuf_int(a, "type", 0))
               : protobuf_find(a, "f")  ? protobuf_float(a, "f", 0)
                                        : (double)protobuf_int(a, protobuf_find(a, "b") ? "b" : "i", 0);
    return 1;
}

void tensorflow_formula(struct tensorflow_op *o, const char *text)
{
    struct value *out[8];
    const struct build_terms t = {
        .op = o, .in = term, .numbers = parameter, .call = torch_formula_call, .kept = &o->scope->r->formulas};
    int count = build_formulas(o->b, text, &t, out, 8);
    for (int i = 0; i < count; i++)
        tensorflow_give(o, i, out[i]);
}

void tensorflow_read_formula(struct tensorflow_op *o)
{
    tensorflow_formula(o, o->kind->onnx);
}

/* All inputs as they are. */
void tensorflow_read_many(struct tensorflow_op *o)
{
    tensorflow_in(o, 0);
    struct value *v = o->b->failed ? NULL : build_node(o->b, o->kind->onnx, o->in_count, o->in);
    tensorflow_give(o, 0, strcmp(o->kind->onnx, "Concat") == 0 ? build_int(o->b, v, "axis", 0) : v);
}

void tensorflow_read_binary(struct tensorflow_op *o)
{
    tensorflow_give(o, 0, BUILD(o->b, o->kind->onnx, tensorflow_in(o, 0), tensorflow_in(o, 1)));
}

static bool is_float(struct tensorflow_op *o)
{
    return dtype_info(tensorflow_dtype_of(o, 0))->class == DTYPE_CLASS_FLOAT;
}

static struct value *number(struct tensorflow_op *o, double value)
{
    enum dtype dtype = tensorflow_dtype_of(o, 0);
    return build_number(o->b, dtype == DTYPE_NONE ? DTYPE_F32 : dtype, value);
}

void tensorflow_read_floor_div(struct tensorflow_op *o)
{
    struct value *x = tensorflow_in(o, 0), *y = tensorflow_in(o, 1);
    if (is_float(o))
        tensorflow_give(o, 0, BUILD(o->b, "Floor", BUILD(o->b, "Div", x, y)));
    else
        tensorflow_give(o, 0, BUILD(o->b, "Div", BUILD(o->b, "Sub", x, BUILD(o->b, "Mod", x, y)), y));
}

/* The remainder has the sign of the divisor. */
void tensorflow_read_floor_mod(struct tensorflow_op *o)
{
    struct value *x = tensorflow_in(o, 0), *y = tensorflow_in(o, 1);
    if (!is_float(o)) {
        tensorflow_give(o, 0, BUILD(o->b, "Mod", x, y));
        return;
    }
    struct value *times = BUILD(o->b, "Floor", BUILD(o->b, "Div", x, y));
    tensorflow_give(o, 0, BUILD(o->b, "Sub", x, BUILD(o->b, "Mul", times, y)));
}

/* Along the channels, which are the last axis or the second. */
static struct value *with_bias(struct tensorflow_op *o, struct value *x, int k, int rank)
{
    int64_t dims[TENSOR_MAX_RANK];
    struct value *bias = tensorflow_in(o, k);
    if (!tensorflow_is_nchw(o) || rank < 3)
        return BUILD(o->b, "Add", x, bias);
    for (int i = 0; i < rank - 1; i++)
        dims[i] = i == 0 ? -1 : 1;
    return BUILD(o->b, "Add", x, build_reshape(o->b, bias, rank - 1, dims));
}

void tensorflow_read_bias_add(struct tensorflow_op *o)
{
    tensorflow_give(o, 0, with_bias(o, tensorflow_in(o, 0), 1, tensorflow_rank(o, 0)));
}

/* ---- products ---- */

static struct value *gemm(struct tensorflow_op *o)
{
    bool a = tensorflow_bool(o, "transpose_a", false), b = tensorflow_bool(o, "transpose_b", false);
    struct value *x = tensorflow_in(o, 0), *y = tensorflow_in(o, 1);
    build_expect(o->b, x, 2, 1, tensorflow_dim(o, 1, b ? 1 : 0), DTYPE_NONE);
    if (!a && !b)
        return BUILD(o->b, "MatMul", x, y);
    struct value *v = BUILD(o->b, "Gemm", x, y);
    if (a)
        build_int(o->b, v, "transA", 1);
    return b ? build_int(o->b, v, "transB", 1) : v;
}

void tensorflow_read_matmul(struct tensorflow_op *o)
{
    tensorflow_give(o, 0, gemm(o));
}

static struct value *turned(struct tensorflow_op *o, int k, bool turn)
{
    int64_t perm[TENSOR_MAX_RANK];
    int rank = turn ? tensorflow_rank(o, k) : 0;
    for (int i = 0; i < rank; i++)
        perm[i] = i < rank - 2 ? i : 2 * rank - 3 - i;
    return rank > 1 ? build_transpose(o->b, tensorflow_in(o, k), rank, perm) : tensorflow_in(o, k);
}

void tensorflow_read_batch_matmul(struct tensorflow_op *o)
{
    struct value *x = turned(o, 0, tensorflow_bool(o, "adj_x", false)),
                 *y = turned(o, 1, tensorflow_bool(o, "adj_y", false));
    tensorflow_give(o, 0, BUILD(o->b, "MatMul", x, y));
}

void tensorflow_read_einsum(struct tensorflow_op *o)
{
    tensorflow_in(o, 0);
    struct value *v = o->b->failed ? NULL : build_node(o->b, "Einsum", o->in_count, o->in);
    tensorflow_give(o, 0, build_string(o->b, v, "equation", tensorflow_text(o, "equation", "")));
}

/* What grappler, or TensorFlow.js, put behind a product: a bias, then an activation. */
static struct value *fused(struct tensorflow_op *o, struct value *v, int rank)
{
    const struct protobuf *list = protobuf_message(tensorflow_attr(o->node->message, "fused_ops"), "list");
    for (const struct protobuf *p = protobuf_first(list, "s"); p && !o->b->failed; p = protobuf_more(p)) {
        const char *name = tensorflow_span(o->scope->r, p, "");
        if (strcmp(name, "BiasAdd") == 0)
            v = with_bias(o, v, 2, rank);
        else if (strcmp(name, "Relu") == 0 || strcmp(name, "Elu") == 0 || strcmp(name, "Sigmoid") == 0 ||
                 strcmp(name, "Tanh") == 0)
            v = BUILD(o->b, name, v);
        else if (strcmp(name, "Relu6") == 0)
            v = BUILD(o->b, "Clip", v, number(o, 0), number(o, 6));
        else if (strcmp(name, "Prelu") == 0)
            v = BUILD(o->b, "PRelu", v, tensorflow_in(o, 3));
        else if (strcmp(name, "LeakyRelu") == 0)
            v = build_float(o->b, BUILD(o->b, "LeakyRelu", v), "alpha", tensorflow_float(o, "leakyrelu_alpha", 0.2f));
        else
            build_fail(o->b, "fused with %.60s, which is not read", name);
    }
    return v;
}

void tensorflow_read_fused_matmul(struct tensorflow_op *o)
{
    tensorflow_give(o, 0, fused(o, gemm(o), 2));
}

void tensorflow_read_fused_conv(struct tensorflow_op *o)
{
    (o->kind->onnx ? tensorflow_read_depthwise : tensorflow_read_conv)(o);
    struct value *v = o->b->failed ? NULL : o->node->out[0];
    tensorflow_give(o, 0, fused(o, v, tensorflow_rank(o, 0)));
}

/* ---- reductions ---- */

static struct value *reduce(struct tensorflow_op *o, struct value *x)
{
    struct value *v = BUILD(o->b, o->kind->onnx, x, tensorflow_i64_list(o, 1));
    int64_t axes[TENSOR_MAX_RANK];
    if (tensorflow_ints(o, 1, axes, TENSOR_MAX_RANK) == 0)
        v = build_int(o->b, v, "noop_with_empty_axes", 1);
    return tensorflow_bool(o, "keep_dims", false) ? v : build_int(o->b, v, "keepdims", 0);
}

void tensorflow_read_reduce(struct tensorflow_op *o)
{
    tensorflow_give(o, 0, reduce(o, tensorflow_in(o, 0)));
}

void tensorflow_read_reduce_logical(struct tensorflow_op *o)
{
    tensorflow_give(o, 0, build_cast(o->b, reduce(o, build_cast(o->b, tensorflow_in(o, 0), DTYPE_U8)), DTYPE_BOOL));
}

void tensorflow_read_cum_sum(struct tensorflow_op *o)
{
    struct value *v = BUILD(o->b, "CumSum", tensorflow_in(o, 0), tensorflow_i64(o, 1));
    build_int(o->b, v, "exclusive", tensorflow_bool(o, "exclusive", false));
    tensorflow_give(o, 0, build_int(o->b, v, "reverse", tensorflow_bool(o, "reverse", false)));
}

void tensorflow_read_arg_extreme(struct tensorflow_op *o)
{
    int64_t axis = 0;
    enum dtype dtype = tensorflow_type(o, "output_type", DTYPE_I64);
    if (o->in_count > 1 && tensorflow_want_ints(o, 1, &axis, 1) != 1)
        build_fail(o->b, "the axis must be one number");
    struct value *v = build_int(o->b, BUILD(o->b, o->kind->onnx, tensorflow_in(o, 0)), "axis", axis);
    v = build_int(o->b, v, "keepdims", 0);
    tensorflow_give(o, 0, dtype == DTYPE_I64 ? v : build_cast(o->b, v, dtype));
}

void tensorflow_read_top_k(struct tensorflow_op *o)
{
    struct value *v = BUILD(o->b, "TopK", tensorflow_in(o, 0), tensorflow_i64_list(o, 1));
    struct value *places = build_output(o->b, v, 1);
    tensorflow_give(o, 0, v);
    tensorflow_give(o, 1, build_cast(o->b, places, DTYPE_I32));
}

/* ---- quantisation in training ---- */

/* The range is moved a little, so that 0 is one of its levels. Source: Nudge() of fake_quant_ops_functor.h. */
static bool nudge(float *low, float *high, int bits, bool narrow, float *scale, int64_t *zero)
{
    float first = narrow ? 1 : 0, last = (float)((1 << bits) - 1);
    *scale = (*high - *low) / (last - first);
    *zero = 0;
    if (!(*scale > 0) || !isfinite(*scale))
        return false;
    float from = first - *low / *scale;
    *zero = from < first ? (int64_t)first : from > last ? (int64_t)last : (int64_t)roundf(from);
    return true;
}

/* The bounds of input 1 and 2, or of the attributes, one for all or one a channel: the constants that QuantizeLinear
 * takes, and the bounds of what it rounds. */
static void levels(struct tensorflow_op *o, int64_t bits, bool narrow, struct value *out[4])
{
    const struct tensor *given[2] = {NULL, NULL};
    for (int i = 0; i < 2 && o->in_count > 2 && !o->b->failed; i++)
        given[i] = tensorflow_in(o, 1 + i) ? o->in[1 + i]->constant : NULL;
    bool known = o->in_count < 3 || (given[0] && given[1] && given[0]->count == given[1]->count &&
                                     given[0]->dtype == DTYPE_F32 && given[1]->dtype == DTYPE_F32);
    if (!known || bits < 2 || bits > 16)
        build_fail(o->b, "want a range that is constant, and 2 to 16 bits");
    int64_t count = given[0] && known ? given[0]->count : 1;
    struct tensor *t[4];
    for (int i = 0; i < 4; i++)
        t[i] = o->b->failed ? NULL
                            : tensor_new(i != 1     ? DTYPE_F32
                                         : bits > 8 ? DTYPE_U16
                                                    : DTYPE_U8,
                                         count != 1, &count, o->b->err);
    for (int64_t i = 0; i < count && t[0] && t[1] && t[2] && t[3] && !o->b->failed; i++) {
        float low = given[0] ? (float)tensor_get_f64(given[0], i) : tensorflow_float(o, "min", -6),
              high = given[1] ? (float)tensor_get_f64(given[1], i) : tensorflow_float(o, "max", 6), scale;
        int64_t zero;
        if (!nudge(&low, &high, (int)bits, narrow, &scale, &zero))
            build_fail(o->b, "levels from %g to %g are not read", (double)low, (double)high);
        tensor_set_f64(t[0], i, (double)scale);
        tensor_set_i64(t[1], i, zero);
        tensor_set_f64(t[2], i, (double)(scale * (float)(narrow - zero)));
        tensor_set_f64(t[3], i, (double)(scale * (float)((1 << bits) - 1 - zero)));
    }
    for (int i = 0; i < 4; i++)
        out[i] = build_constant(o->b, NULL, t[i]);
}

void tensorflow_read_fake_quant(struct tensorflow_op *o)
{
    struct build *b = o->b;
    struct value *v = tensorflow_in(o, 0), *l[4];
    int64_t bits = tensorflow_int(o, "num_bits", 8);
    bool narrow = tensorflow_bool(o, "narrow_range", false);
    levels(o, bits, narrow, l);
    if (narrow || (bits != 8 && bits != 16)) /* what the element type does not bound */
        v = BUILD(b, "Min", BUILD(b, "Max", v, l[2]), l[3]);
    v = build_int(b, BUILD(b, "QuantizeLinear", v, l[0], l[1]), "axis", -1);
    tensorflow_give(o, 0, build_int(b, BUILD(b, "DequantizeLinear", v, l[0], l[1]), "axis", -1));
}

/* Rounded and taken back at once; the range may be the values' own. */
void tensorflow_read_rounded(struct tensorflow_op *o)
{
    const char *mode = tensorflow_text(o, "round_mode", "HALF_TO_EVEN");
    if (tensorflow_int(o, "axis", -1) != -1 || strcmp(mode, "HALF_TO_EVEN") != 0)
        build_fail(o->b, "of ranges for all values halves are rounded to even ones, no others are read");
    tensorflow_read_formula(o);
}
