/* Elementwise layers, products and reductions. */
#include <string.h>

#include "format/openvino/openvino.h"

/* All inputs as they are. */
static struct value *as_is(struct openvino_read *l, const char *onnx)
{
    for (int k = 0; k < l->layer->in_count; k++)
        openvino_in(l, k);
    return l->b->failed ? NULL : build_node(l->b, onnx, l->layer->in_count, l->in);
}

void openvino_read_plain(struct openvino_read *l)
{
    l->out[0] = as_is(l, l->kind->onnx);
}

void openvino_read_convert(struct openvino_read *l)
{
    l->out[0] = openvino_as(l, openvino_in(l, 0), "destination_type", "f32");
}

/* ---- two operands ---- */

/* The older rule of broadcasting: the second operand's axes stand from `axis` of the first on. */
static struct value *second(struct openvino_read *l)
{
    static const char *const rules[] = {"numpy", "none", "pdpd", NULL};
    int64_t dims[TENSOR_MAX_RANK], axis = openvino_int(l, "axis", -1);
    if (openvino_word(l, "auto_broadcast", "numpy", rules) != 2)
        return openvino_in(l, 1);
    int rank = openvino_rank(l, 0), more = openvino_rank(l, 1);
    if (axis == -1)
        axis = 0; /* files do not say it */
    if (axis < 0 || axis + more > rank)
        build_fail(l->b, "its axis is %lld for inputs of rank %d and %d", (long long)axis, rank, more);
    for (int i = 0; i < rank && !l->b->failed; i++)
        dims[i] = i < axis || i >= axis + more ? 1 : openvino_dim(l, 1, i - (int)axis);
    return openvino_reshaped(l, 1, rank, dims);
}

void openvino_read_binary(struct openvino_read *l)
{
    l->out[0] = BUILD(l->b, l->kind->onnx, openvino_in(l, 0), second(l));
}

/* Of truth values these are ONNX's logical operators, "And" for "BitwiseAnd". */
void openvino_read_bitwise(struct openvino_read *l)
{
    const char *onnx = l->kind->onnx + (openvino_dtype(l, 0) == DTYPE_BOOL ? strlen("Bitwise") : 0);
    l->out[0] = BUILD(l->b, onnx, openvino_in(l, 0), l->layer->in_count > 1 ? second(l) : NULL);
}

void openvino_read_not_equal(struct openvino_read *l)
{
    l->out[0] = BUILD(l->b, "Not", BUILD(l->b, "Equal", openvino_in(l, 0), second(l)));
}

void openvino_read_squared_difference(struct openvino_read *l)
{
    struct value *v = BUILD(l->b, "Sub", openvino_in(l, 0), second(l));
    l->out[0] = BUILD(l->b, "Mul", v, v);
}

static bool is_float(struct openvino_read *l)
{
    enum dtype_class class = dtype_info(openvino_dtype(l, 0))->class;
    return class == DTYPE_CLASS_FLOAT || class == DTYPE_CLASS_NONE;
}

/* The remainder has the sign of the divisor. */
static struct value *floor_mod(struct openvino_read *l, struct value *x, struct value *y)
{
    if (!is_float(l))
        return BUILD(l->b, "Mod", x, y);
    struct value *times = BUILD(l->b, "Floor", BUILD(l->b, "Div", x, y));
    return BUILD(l->b, "Sub", x, BUILD(l->b, "Mul", times, y));
}

void openvino_read_floor_mod(struct openvino_read *l)
{
    l->out[0] = floor_mod(l, openvino_in(l, 0), second(l));
}

void openvino_read_mod(struct openvino_read *l)
{
    l->out[0] = BUILD(l->b, "Mod/fmod=1", openvino_in(l, 0), second(l));
}

/* Whole numbers are rounded down, as Python does, not towards 0. */
void openvino_read_divide(struct openvino_read *l)
{
    struct value *x = openvino_in(l, 0), *y = second(l);
    if (!is_float(l) && openvino_bool(l, "m_pythondiv", true))
        x = BUILD(l->b, "Sub", x, floor_mod(l, x, y));
    l->out[0] = BUILD(l->b, "Div", x, y);
}

/* A slope of one axis goes along the channels. */
void openvino_read_prelu(struct openvino_read *l)
{
    int64_t dims[TENSOR_MAX_RANK], count = openvino_dim(l, 1, 0);
    int rank = openvino_rank(l, 0) - 1;
    struct value *slope = openvino_in(l, 1);
    if (openvino_rank(l, 1) == 1 && rank > 1 && count > 1) {
        for (int i = 0; i < rank; i++)
            dims[i] = i ? 1 : count;
        slope = openvino_reshaped(l, 1, rank, dims);
    }
    const struct type *x = build_type(l->b, openvino_in(l, 0)), *given = build_type(l->b, slope);
    if (x && given && x->dtype != given->dtype) /* slopes stay f32 in files of halves */
        slope = build_cast(l->b, slope, x->dtype);
    l->out[0] = BUILD(l->b, "PRelu", openvino_in(l, 0), slope);
}

/* ---- products ---- */

static struct value *turned(struct openvino_read *l, int k, bool turn)
{
    int64_t perm[TENSOR_MAX_RANK];
    int rank = openvino_rank(l, k);
    for (int i = 0; i < rank; i++)
        perm[i] = i < rank - 2 ? i : 2 * rank - 3 - i;
    return turn && rank > 1 ? build_transpose(l->b, openvino_in(l, k), rank, perm) : openvino_in(l, k);
}

void openvino_read_matmul(struct openvino_read *l)
{
    bool a = openvino_bool(l, "transpose_a", false), b = openvino_bool(l, "transpose_b", false);
    if (!(a || b) || openvino_rank(l, 0) != 2 || openvino_rank(l, 1) != 2) {
        l->out[0] = BUILD(l->b, "MatMul", turned(l, 0, a), turned(l, 1, b));
        return;
    }
    struct value *v = BUILD(l->b, "Gemm", openvino_in(l, 0), openvino_in(l, 1));
    if (a)
        build_int(l->b, v, "transA", 1);
    l->out[0] = b ? build_int(l->b, v, "transB", 1) : v;
}

void openvino_read_einsum(struct openvino_read *l)
{
    l->out[0] = build_string(l->b, as_is(l, "Einsum"), "equation", openvino_text(l, "equation", ""));
}

/* Heads of one head have no axis of them. */
static struct value *with_heads(struct openvino_read *l, int k, int rank)
{
    struct value *v = openvino_has(l, k) ? l->in[k] : NULL;
    return v && rank == 3 && openvino_rank(l, k) == 3 ? build_unsqueeze(l->b, v, 1) : v;
}

/* No mask counts where it is causal, nor a single number: it stands for none, or is added to all scores. */
void openvino_read_attention(struct openvino_read *l)
{
    int rank = openvino_rank(l, 0);
    float scale = 1;
    bool constant = openvino_in_float(l, 4, &scale), causal = openvino_bool(l, "causal", false);
    struct value *q = with_heads(l, 0, rank), *mask = with_heads(l, 3, rank);
    if (mask && (causal || openvino_rank(l, 3) == 0))
        mask = NULL;
    if ((rank != 4 && rank != 3) || openvino_has(l, 5))
        build_fail(l->b, "attention is read of 3 or 4 axes, without a sink");
    if (openvino_has(l, 4) && !constant)
        q = BUILD(l->b, "Mul", q, l->in[4]);
    struct value *v = BUILD(l->b, "Attention", q, with_heads(l, 1, rank), with_heads(l, 2, rank), mask);
    if (openvino_has(l, 4))
        build_float(l->b, v, "scale", scale);
    build_int(l->b, v, "is_causal", causal);
    l->out[0] = rank == 3 ? BUILD(l->b, "Squeeze", v, BUILD_LIST(l->b, 1)) : v;
}

/* ---- reductions ---- */

static struct value *reduce(struct openvino_read *l, struct value *x)
{
    struct value *v = BUILD(l->b, l->kind->onnx, x, openvino_axes(l));
    return openvino_bool(l, "keep_dims", false) ? v : build_int(l->b, v, "keepdims", 0);
}

void openvino_read_reduce(struct openvino_read *l)
{
    l->out[0] = reduce(l, openvino_in(l, 0));
}

void openvino_read_reduce_logical(struct openvino_read *l)
{
    l->out[0] = build_cast(l->b, reduce(l, build_cast(l->b, openvino_in(l, 0), DTYPE_U8)), DTYPE_BOOL);
}

void openvino_read_cum_sum(struct openvino_read *l)
{
    struct value *axis = openvino_has(l, 1) ? openvino_i64(l, 1) : build_number(l->b, DTYPE_I64, 0);
    l->out[0] = BUILD(l->b, "CumSum", openvino_in(l, 0), axis);
    build_int(l->b, l->out[0], "exclusive", openvino_bool(l, "exclusive", false));
    build_int(l->b, l->out[0], "reverse", openvino_bool(l, "reverse", false));
}
