/* Normalisations said by older operators. */
#include <string.h>

#include "format/onnx/lower.h"

/* The axes from `axis` to the last, as an operand; counted from the end when the rank is not known. */
static struct value *axes_from(struct node *n, int64_t axis, struct error *err)
{
    int64_t axes[TENSOR_MAX_RANK];
    int rank = onnx_lower_rank(n, 0), count = 0;
    if (rank >= 0 && axis >= -rank && axis < 0)
        axis += rank;
    int64_t end = axis < 0 ? 0 : rank;
    if (axis >= end || end - axis > TENSOR_MAX_RANK) {
        onnx_edit_error(n, err, "attribute axis is %lld for an input of rank %d", (long long)axis, rank);
        return NULL;
    }
    for (; axis < end; axis++)
        axes[count++] = axis;
    return onnx_edit_ints(n, count, axes, err);
}

/* v / sqrt(mean(v * v) + epsilon) */
static struct value *unit_deviation(struct node *n, struct value *v, struct value *axes, struct error *err)
{
    struct value *square = EDIT_OP(n, "Mul", err, v, v);
    struct value *variance = square ? EDIT_OP(n, "ReduceMean", err, square, axes) : NULL;
    struct value *epsilon = onnx_edit_number(n, onnx_lower_dtype(n, 0), op_float(n, "epsilon"), err);
    struct value *sum = variance && epsilon ? EDIT_OP(n, "Add", err, variance, epsilon) : NULL;
    struct value *deviation = sum ? EDIT_OP(n, "Sqrt", err, sum) : NULL;
    return deviation ? EDIT_OP(n, "Div", err, v, deviation) : NULL;
}

static int check_type(const struct node *n, struct error *err)
{
    if (onnx_lower_dtype(n, 0) == DTYPE_NONE)
        return onnx_edit_error(n, err, "its element type is unknown, so that it cannot be said in an older opset");
    return 0;
}

int onnx_lower_layer_norm(struct node *n, const struct onnx_lower_row *row, int opset, struct error *err)
{
    (void)row;
    (void)opset;
    if (check_type(n, err) != 0)
        return -1;
    struct value *axes = axes_from(n, op_int(n, "axis"), err), *bias = node_in(n, 2), *scale = n->in[1];
    struct value *mean = axes ? EDIT_OP(n, "ReduceMean", err, n->in[0], axes) : NULL;
    struct value *centred = mean ? EDIT_OP(n, "Sub", err, n->in[0], mean) : NULL;
    struct value *normal = centred ? unit_deviation(n, centred, axes, err) : NULL;
    if (!normal)
        return -1;
    if (!bias)
        return EDIT_BECOME(n, "Mul", err, normal, scale);
    struct value *scaled = EDIT_OP(n, "Mul", err, normal, scale);
    return scaled ? EDIT_BECOME(n, "Add", err, scaled, bias) : -1;
}

int onnx_lower_rms_norm(struct node *n, const struct onnx_lower_row *row, int opset, struct error *err)
{
    (void)row;
    (void)opset;
    struct value *axes = check_type(n, err) == 0 ? axes_from(n, op_int(n, "axis"), err) : NULL;
    struct value *normal = axes ? unit_deviation(n, n->in[0], axes, err) : NULL;
    return normal ? EDIT_BECOME(n, "Mul", err, normal, n->in[1]) : -1;
}

/* Groups are the channels of an InstanceNormalization of [N, groups, the rest]; scale and bias follow, on [N, C, the
 * rest]. */
int onnx_lower_group_norm(struct node *n, const struct onnx_lower_row *row, int opset, struct error *err)
{
    int64_t groups = op_int(n, "num_groups"), as_groups[] = {0, groups, -1}, one = 1;
    (void)row;
    (void)opset;
    if (check_type(n, err) != 0)
        return -1;
    if (groups < 1 || groups > 1 << 20)
        return onnx_edit_error(n, err, "attribute num_groups is %lld", (long long)groups);
    struct tensor *ones = tensor_new(onnx_lower_dtype(n, 0), 1, &groups, err);
    struct tensor *zeros = ones ? tensor_new(onnx_lower_dtype(n, 0), 1, &groups, err) : NULL;
    for (int64_t i = 0; zeros && i < groups; i++)
        tensor_set_f64(ones, i, 1);
    struct value *unit = ones ? graph_add_constant(n->graph, NULL, ones, err) : NULL;
    struct value *zero = zeros ? graph_add_constant(n->graph, NULL, zeros, err) : NULL;
    struct value *shape = EDIT_OP(n, "Shape", err, n->in[0]), *grouped = onnx_edit_ints(n, 3, as_groups, err);
    struct value *channels = onnx_edit_ints(n, 1, &(int64_t){-1}, err), *column = onnx_edit_ints(n, 1, &one, err);
    struct value *whole = onnx_edit_ints(n, 2, (int64_t[]){0, 0}, err);
    if (!unit || !zero || !shape || !grouped || !channels || !column || !whole)
        return -1;
    struct value *x = EDIT_OP(n, "Reshape", err, n->in[0], grouped);
    struct value *normal = x ? EDIT_OP(n, "InstanceNormalization", err, x, unit, zero) : NULL;
    if (!normal || node_set_float(normal->producer, "epsilon", op_float(n, "epsilon"), err) != 0)
        return -1;
    struct value *back = EDIT_OP(n, "Reshape", err, normal, shape);
    /* [N, C, rest] for scale and bias as columns [C, 1], whatever the rank. */
    struct value *flat_shape = EDIT_OP(n, "Concat", err, whole, channels);
    if (!back || !flat_shape || node_set_int(flat_shape->producer, "axis", 0, err) != 0)
        return -1;
    struct value *flat = EDIT_OP(n, "Reshape", err, back, flat_shape);
    struct value *scale = flat ? EDIT_OP(n, "Unsqueeze", err, n->in[1], column) : NULL;
    struct value *bias = scale ? EDIT_OP(n, "Unsqueeze", err, n->in[2], column) : NULL;
    struct value *scaled = bias ? EDIT_OP(n, "Mul", err, flat, scale) : NULL;
    struct value *sum = scaled ? EDIT_OP(n, "Add", err, scaled, bias) : NULL;
    return sum ? EDIT_BECOME(n, "Reshape", err, sum, shape) : -1;
}
