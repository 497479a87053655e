/* Normalisations said by older operators. */
#include <string.h>

#include "format/onnx/lower.h"

/* The axes from `axis` to the last, as an operand; counted from the end when the rank is not known. */
static struct value *axes_from(struct build *b, int64_t axis)
{
    int64_t axes[TENSOR_MAX_RANK];
    int rank = onnx_lower_rank(b->node, 0), count = 0;
    if (rank >= 0 && axis >= -rank && axis < 0)
        axis += rank;
    int64_t end = axis < 0 ? 0 : rank;
    if (axis >= end || end - axis > TENSOR_MAX_RANK) {
        onnx_edit_error(b->node, b->err, "attribute axis is %lld for an input of rank %d", (long long)axis, rank);
        build_check(b, false);
        return NULL;
    }
    for (; axis < end; axis++)
        axes[count++] = axis;
    return build_list(b, count, axes);
}

/* v / sqrt(mean(v * v) + epsilon) */
static struct value *unit_deviation(struct build *b, struct value *v, struct value *axes)
{
    struct value *variance = BUILD(b, "ReduceMean", BUILD(b, "Mul", v, v), axes);
    struct value *epsilon = build_number(b, onnx_lower_dtype(b->node, 0), op_float(b->node, "epsilon"));
    return BUILD(b, "Div", v, BUILD(b, "Sqrt", BUILD(b, "Add", variance, epsilon)));
}

static int check_type(const struct node *n, struct error *err)
{
    if (onnx_lower_dtype(n, 0) == DTYPE_NONE)
        return onnx_edit_error(n, err, "its element type is unknown, so that it cannot be said in an older opset");
    return 0;
}

int onnx_lower_layer_norm(struct node *n, const struct onnx_lower_row *row, int opset, struct error *err)
{
    struct build b = {.node = n, .err = err};
    (void)row;
    (void)opset;
    if (check_type(n, err) != 0)
        return -1;
    struct value *axes = axes_from(&b, op_int(n, "axis")), *bias = node_in(n, 2), *scale = n->in[1];
    struct value *centred = BUILD(&b, "Sub", n->in[0], BUILD(&b, "ReduceMean", n->in[0], axes));
    struct value *normal = unit_deviation(&b, centred, axes);
    if (!bias)
        return BUILD_BECOME(&b, "Mul", normal, scale);
    return BUILD_BECOME(&b, "Add", BUILD(&b, "Mul", normal, scale), bias);
}

int onnx_lower_rms_norm(struct node *n, const struct onnx_lower_row *row, int opset, struct error *err)
{
    struct build b = {.node = n, .err = err};
    (void)row;
    (void)opset;
    if (check_type(n, err) != 0)
        return -1;
    struct value *normal = unit_deviation(&b, n->in[0], axes_from(&b, op_int(n, "axis")));
    return BUILD_BECOME(&b, "Mul", normal, n->in[1]);
}

/* A vector of `count` times the same number, of input 0's type. */
static struct value *repeated(struct build *b, int64_t count, double number)
{
    struct tensor *t = b->failed ? NULL : tensor_new(onnx_lower_dtype(b->node, 0), 1, &count, b->err);
    for (int64_t i = 0; t && i < count; i++)
        tensor_set_f64(t, i, number);
    return build_constant(b, NULL, t);
}

/* Groups are the channels of an InstanceNormalization of [N, groups, the rest]; scale and bias follow, on [N, C, the
 * rest], as columns [C, 1], whatever the rank. */
int onnx_lower_group_norm(struct node *n, const struct onnx_lower_row *row, int opset, struct error *err)
{
    struct build b = {.node = n, .err = err};
    int64_t groups = op_int(n, "num_groups");
    (void)row;
    (void)opset;
    if (check_type(n, err) != 0)
        return -1;
    if (groups < 1 || groups > 1 << 20)
        return onnx_edit_error(n, err, "attribute num_groups is %lld", (long long)groups);
    struct value *shape = BUILD(&b, "Shape", n->in[0]);
    struct value *x = build_reshape(&b, n->in[0], 3, (int64_t[]){0, groups, -1});
    struct value *normal = BUILD(&b, "InstanceNormalization", x, repeated(&b, groups, 1), repeated(&b, groups, 0));
    struct value *back = BUILD(&b, "Reshape", build_float(&b, normal, "epsilon", op_float(n, "epsilon")), shape);
    struct value *flat = build_reshape(&b, back, 3, (int64_t[]){0, 0, -1});
    struct value *scaled = BUILD(&b, "Mul", flat, build_unsqueeze(&b, n->in[1], 1));
    struct value *sum = BUILD(&b, "Add", scaled, build_unsqueeze(&b, n->in[2], 1));
    return BUILD_BECOME(&b, "Reshape", sum, shape);
}
