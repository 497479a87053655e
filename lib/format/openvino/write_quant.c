/* Writing quantised networks: a pair of QuantizeLinear and DequantizeLinear is a FakeQuantize; what is stored in few
 * bits is converted, shifted and multiplied, as OpenVINO's own int8 networks have it. */
#include <stdio.h>

#include "format/openvino/write.h"

static const struct tensor *constant(const struct value *v)
{
    return v && !v->is_input ? v->constant : NULL;
}

static bool same(const struct value *a, const struct value *b)
{
    const struct tensor *s = constant(a), *t = constant(b);
    return a == b || (s && t && tensor_equal(s, t));
}

/* The DequantizeLinear undoes the QuantizeLinear, by the same constants. */
static bool undoes(const struct node *dequantize, const struct node *quantize)
{
    return node_is(dequantize, "DequantizeLinear") && same(node_in(dequantize, 1), node_in(quantize, 1)) &&
           same(node_in(dequantize, 2), node_in(quantize, 2)) && constant(node_in(quantize, 1)) &&
           (!node_in(quantize, 2) || constant(node_in(quantize, 2))) &&
           op_int(dequantize, "axis") == op_int(quantize, "axis");
}

/* Nobody wants the levels themselves. */
static bool is_pair(const struct node *quantize)
{
    const struct value *v = quantize->out[0];
    bool all = !v->is_output && v->use_count > 0;
    for (size_t i = 0; i < v->use_count && all; i++)
        all = v->uses[i].node && v->uses[i].index == 0 && undoes(v->uses[i].node, quantize);
    return all;
}

/* The lowest and highest level of a type. */
static bool levels_of(enum dtype dtype, double *low, double *high)
{
    unsigned bits = dtype_info(dtype)->bits;
    bool is_signed = dtype_info(dtype)->class == DTYPE_CLASS_INT;
    if ((!is_signed && dtype_info(dtype)->class != DTYPE_CLASS_UINT) || bits > 16)
        return false;
    *low = is_signed ? -(double)(1 << (bits - 1)) : 0;
    *high = *low + (double)(1 << bits) - 1;
    return true;
}

/* A list along an axis of a tensor of that rank; anything else is a scalar. */
static int spread(const struct tensor *t, int axis, int rank, int64_t *dims)
{
    if (t->count == 1 || rank < 0)
        return 0;
    for (int i = 0; i < rank; i++)
        dims[i] = i == axis ? t->count : 1;
    return rank;
}

static int axis_of(const struct node *n, int rank)
{
    int64_t axis = op_int(n, "axis");
    axis = axis < 0 ? axis + rank : axis;
    return axis >= 0 && axis < rank ? (int)axis : 0;
}

/* Scale and zero point of a QuantizeLinear are constants, numbers or of its axis: no blocks. */
static bool is_carried(const struct node *n)
{
    const struct tensor *scale = constant(node_in(n, 1)), *zero = constant(node_in(n, 2));
    if (!scale || (node_in(n, 2) && !zero) || (zero && zero->count != 1 && zero->count != scale->count))
        return false;
    return scale->count == 1 || (scale->rank == 1 && openvino_rank_of(node_in(n, 0)) > 0);
}

/* What level `level` stands for, with each of the node's scales. */
static struct openvino_place bound(struct openvino_writer *w, const struct node *n, double level, const char *what)
{
    int64_t dims[TENSOR_MAX_RANK];
    const struct tensor *scale = constant(node_in(n, 1)), *zero = constant(node_in(n, 2));
    int rank = openvino_rank_of(node_in(n, 0));
    struct tensor *t = tensor_new(DTYPE_F32, spread(scale, axis_of(n, rank < 0 ? 1 : rank), rank, dims), dims, w->err);
    struct openvino_place p = {-1, 0};
    char name[300];
    for (int64_t i = 0; t && i < t->count; i++) {
        double shift = zero ? tensor_get_f64(zero, zero->count == 1 ? 0 : i) : 0;
        tensor_set_f64(t, i, (level - shift) * tensor_get_f64(scale, i));
    }
    snprintf(name, sizeof(name), "%.280s/%s", w->node->out[0]->name, what);
    w->failed = w->failed || !t;
    if (t)
        p = openvino_tensor_of(w, name, t);
    tensor_unref(t);
    return p;
}

static enum dtype stored_type(const struct node *quantize)
{
    const struct value *zero = node_in(quantize, 2);
    return zero ? openvino_dtype_of(zero) : openvino_dtype_of(quantize->out[0]);
}

/* The node at hand, a DequantizeLinear, and the QuantizeLinear before it. */
static void fake(struct openvino_writer *w, const struct node *quantize)
{
    double low, high;
    if (!is_carried(quantize) || !levels_of(stored_type(quantize), &low, &high)) {
        openvino_cannot(w, "scales of blocks, or levels of type %s", dtype_info(stored_type(quantize))->name);
        return;
    }
    struct openvino_place x = openvino_of(w, node_in(quantize, 0));
    struct openvino_place from = bound(w, quantize, low, "low"), to = bound(w, quantize, high, "high");
    openvino_put_int(w, "levels", (int64_t)(high - low) + 1);
    openvino_put_text(w, "auto_broadcast", "numpy");
    OPENVINO_FINISH(w, "FakeQuantize", 1, x, from, to, from, to);
}

void openvino_write_quantize(struct openvino_writer *w)
{
    double low = 0, high = 0;
    enum dtype dtype = stored_type(w->node);
    const char *type = openvino_type_name(dtype);
    if (is_pair(w->node))
        return;
    if (!is_carried(w->node) || !type || !levels_of(dtype, &low, &high)) {
        openvino_cannot(w, "a scale or zero point that is no constant or of blocks, or its type");
        return;
    }
    struct openvino_place x = openvino_at(w, 0);
    struct openvino_place from = bound(w, w->node, low, "low"), to = bound(w, w->node, high, "high");
    struct openvino_place first = openvino_number_of(w, DTYPE_F32, low), last = openvino_number_of(w, DTYPE_F32, high);
    openvino_put_int(w, "levels", (int64_t)(high - low) + 1);
    openvino_put_text(w, "auto_broadcast", "numpy");
    x = OPENVINO_STEP(w, "FakeQuantize", 1, x, from, to, first, last);
    openvino_put_text(w, "destination_type", type);
    OPENVINO_FINISH(w, "Convert", 1, x);
}

/* Input i of a DequantizeLinear, a scalar or along the axis of its data. */
static struct openvino_place along(struct openvino_writer *w, int i)
{
    int64_t dims[TENSOR_MAX_RANK];
    const struct value *v = node_in(w->node, i);
    int rank = openvino_rank_of(node_in(w->node, 0)), own = openvino_rank_of(v);
    if (own == 0 || (own == 1 && rank == 1))
        return openvino_at(w, i);
    if (own != 1 || rank < 0 || op_int(w->node, "block_size"))
        openvino_cannot(w, "scales of blocks, or a rank that is not known");
    for (int k = 0; k < rank; k++)
        dims[k] = k == axis_of(w->node, rank) ? -1 : 1;
    return openvino_shaped(w, i, "along", rank < 0 ? 0 : rank, dims);
}

static struct openvino_place as_float(struct openvino_writer *w, struct openvino_place p)
{
    openvino_put_text(w, "destination_type", "f32");
    return OPENVINO_STEP(w, "Convert", 1, p);
}

static bool is_zero(const struct value *v)
{
    const struct tensor *t = constant(v);
    for (int64_t i = 0; t && i < t->count; i++)
        if (tensor_get_i64(t, i) != 0)
            return false;
    return !v || t;
}

void openvino_write_dequantize(struct openvino_writer *w)
{
    const struct node *before = node_in(w->node, 0)->producer;
    if (before && node_is(before, "QuantizeLinear") && is_pair(before)) {
        fake(w, before);
        return;
    }
    struct openvino_place v = as_float(w, openvino_at(w, 0));
    if (!is_zero(node_in(w->node, 2)))
        v = OPENVINO_STEP(w, "Subtract", 1, v, as_float(w, along(w, 2)));
    OPENVINO_FINISH(w, "Multiply", 1, v, along(w, 1));
}
