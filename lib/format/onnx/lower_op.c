/* Younger operators said by older ones. */
#include <math.h>
#include <string.h>

#include "format/onnx/lower.h"

/* A scalar of input 0's type, which must be known. */
static struct value *number_like(struct node *n, double value, struct error *err)
{
    enum dtype dtype = onnx_lower_dtype(n, 0);
    if (dtype == DTYPE_NONE) {
        onnx_edit_error(n, err, "its element type is unknown, so that it cannot be said in an older opset");
        return NULL;
    }
    return onnx_edit_number(n, dtype, value, err);
}

/* op(v, a number); NULL stays NULL. */
static struct value *with_number(struct node *n, const char *op, struct value *v, double number, struct error *err)
{
    struct value *c = v ? number_like(n, number, err) : NULL;
    return c ? EDIT_OP(n, op, err, v, c) : NULL;
}

/* x / 2 * (1 + erf(x / sqrt 2)), or with tanh(sqrt(2 / pi) * (x + 0.044715 * x^3)) for erf. */
int onnx_lower_gelu(struct node *n, const struct onnx_lower_row *row, int opset, struct error *err)
{
    struct value *x = n->in[0], *inner;
    bool tanh_form = onnx_edit_attr_is(n, "approximate", "tanh");
    (void)row;
    (void)opset;
    if (tanh_form) {
        struct value *square = EDIT_OP(n, "Mul", err, x, x);
        struct value *scaled = with_number(n, "Mul", square, 0.044715, err);
        struct value *plus = with_number(n, "Add", scaled, 1, err);
        struct value *cubic = plus ? EDIT_OP(n, "Mul", err, plus, x) : NULL;
        inner = with_number(n, "Mul", cubic, sqrt(2 / M_PI), err);
    } else
        inner = with_number(n, "Mul", x, M_SQRT1_2, err);
    struct value *curve = inner ? EDIT_OP(n, tanh_form ? "Tanh" : "Erf", err, inner) : NULL;
    struct value *plus = with_number(n, "Add", curve, 1, err);
    struct value *half = with_number(n, "Mul", x, 0.5, err);
    return plus && half ? EDIT_BECOME(n, "Mul", err, half, plus) : -1;
}

int onnx_lower_mish(struct node *n, const struct onnx_lower_row *row, int opset, struct error *err)
{
    struct value *soft = EDIT_OP(n, "Softplus", err, n->in[0]);
    struct value *curve = soft ? EDIT_OP(n, "Tanh", err, soft) : NULL;
    (void)row;
    (void)opset;
    return curve ? EDIT_BECOME(n, "Mul", err, n->in[0], curve) : -1;
}

int onnx_lower_swish(struct node *n, const struct onnx_lower_row *row, int opset, struct error *err)
{
    double alpha = onnx_edit_get_float(n, "alpha", 1);
    struct value *scaled = alpha == 1 ? n->in[0] : with_number(n, "Mul", n->in[0], alpha, err);
    struct value *gate = scaled ? EDIT_OP(n, "Sigmoid", err, scaled) : NULL;
    (void)row;
    (void)opset;
    return gate ? EDIT_BECOME(n, "Mul", err, n->in[0], gate) : -1;
}

int onnx_lower_hard_swish(struct node *n, const struct onnx_lower_row *row, int opset, struct error *err)
{
    struct value *gate = EDIT_OP(n, "HardSigmoid", err, n->in[0]);
    (void)row;
    (void)opset;
    if (!gate || node_set_float(gate->producer, "alpha", 1.0f / 6, err) != 0 ||
        node_set_float(gate->producer, "beta", 0.5f, err) != 0)
        return -1;
    return EDIT_BECOME(n, "Mul", err, n->in[0], gate);
}

int onnx_lower_or_equal(struct node *n, const struct onnx_lower_row *row, int opset, struct error *err)
{
    struct value *strict = EDIT_OP(n, row->attr, err, n->in[0], n->in[1]);
    struct value *equal = strict ? EDIT_OP(n, "Equal", err, n->in[0], n->in[1]) : NULL;
    (void)opset;
    return equal ? EDIT_BECOME(n, "Or", err, strict, equal) : -1;
}

/* A part of the shape is a slice of the whole. */
int onnx_lower_shape(struct node *n, const struct onnx_lower_row *row, int opset, struct error *err)
{
    int64_t start = onnx_edit_get_int(n, "start", 0), end = onnx_edit_get_int(n, "end", INT64_MAX);
    (void)row;
    (void)opset;
    node_remove_attr(n, "start");
    node_remove_attr(n, "end");
    if (start == 0 && end == INT64_MAX)
        return 0;
    struct value *shape = EDIT_OP(n, "Shape", err, n->in[0]);
    struct value *from = onnx_edit_ints(n, 1, &start, err), *to = onnx_edit_ints(n, 1, &end, err);
    struct value *axis = onnx_edit_ints(n, 1, &(int64_t){0}, err);
    return shape && from && to && axis ? EDIT_BECOME(n, "Slice", err, shape, from, to, axis) : -1;
}

int onnx_lower_gemm(struct node *n, const struct onnx_lower_row *row, int opset, struct error *err)
{
    (void)row;
    (void)opset;
    if (node_in(n, 2))
        return 0;
    struct value *zero = number_like(n, 0, err);
    return zero ? onnx_edit_set_input(n, 2, zero, err) : -1;
}

/* ---- Softmax and its like, which saw all axes from `axis` on as one ---- */

static int transposed_softmax(struct node *n, int axis, int rank, struct error *err)
{
    int64_t perm[TENSOR_MAX_RANK];
    for (int i = 0; i < rank; i++)
        perm[i] = i;
    perm[axis] = rank - 1; /* its own inverse */
    perm[rank - 1] = axis;
    struct value *turned = EDIT_OP(n, "Transpose", err, n->in[0]);
    if (!turned || node_set_ints(turned->producer, "perm", perm, (size_t)rank, err) != 0 ||
        node_set_input(n, 0, turned, err) != 0 || node_set_int(n, "axis", rank - 1, err) != 0)
        return -1;
    struct value *y = onnx_edit_split(n, err);
    if (!y)
        return -1;
    y->producer->since = 7; /* as old as it needs to be */
    if (EDIT_BECOME(n, "Transpose", err, y) != 0)
        return -1;
    return node_set_ints(n, "perm", perm, (size_t)rank, err);
}

int onnx_lower_softmax(struct node *n, const struct onnx_lower_row *row, int opset, struct error *err)
{
    int64_t axis = op_int(n, "axis");
    int rank = onnx_lower_rank(n, 0);
    if (rank < 0)
        return axis == -1 && opset >= 11 ? node_set_int(n, "axis", -1, err)
                                         : onnx_lower_needs(n, row->since, "an input of unknown rank", err);
    if (axis < 0)
        axis += rank;
    if (axis < 0 || axis >= rank)
        return onnx_edit_error(n, err, "attribute axis is %lld, want -%d to %d", (long long)axis, rank, rank - 1);
    bool last = true;
    for (int64_t i = axis + 1; i < rank; i++)
        last &= n->in[0]->type.dims[i] == 1;
    return last ? node_set_int(n, "axis", axis, err) : transposed_softmax(n, (int)axis, rank, err);
}
