/* Younger operators said by older ones. */
#include <math.h>
#include <string.h>

#include "format/onnx/lower.h"
#include "op/util.h"

/* A scalar of input 0's type, which must be known. */
static struct value *number_like(struct build *b, double value)
{
    enum dtype dtype = onnx_lower_dtype(b->node, 0);
    if (dtype != DTYPE_NONE)
        return build_number(b, dtype, value);
    onnx_edit_error(b->node, b->err, "its element type is unknown, so that it cannot be said in an older opset");
    build_check(b, false);
    return NULL;
}

/* op(v, a number) */
static struct value *with_number(struct build *b, const char *op, struct value *v, double number)
{
    return BUILD(b, op, v, number_like(b, number));
}

/* x / 2 * (1 + erf(x / sqrt 2)), or with tanh(sqrt(2 / pi) * (x + 0.044715 * x^3)) for erf. */
int onnx_lower_gelu(struct node *n, const struct onnx_lower_row *row, int opset, struct error *err)
{
    struct build b = {.node = n, .err = err};
    struct value *x = n->in[0], *inner;
    bool tanh_form = onnx_edit_attr_is(n, "approximate", "tanh");
    (void)row;
    (void)opset;
    if (tanh_form) {
        struct value *scaled = with_number(&b, "Mul", BUILD(&b, "Mul", x, x), 0.044715);
        struct value *cubic = BUILD(&b, "Mul", with_number(&b, "Add", scaled, 1), x);
        inner = with_number(&b, "Mul", cubic, sqrt(2 / M_PI));
    } else
        inner = with_number(&b, "Mul", x, M_SQRT1_2);
    struct value *plus = with_number(&b, "Add", BUILD(&b, tanh_form ? "Tanh" : "Erf", inner), 1);
    return BUILD_BECOME(&b, "Mul", with_number(&b, "Mul", x, 0.5), plus);
}

int onnx_lower_mish(struct node *n, const struct onnx_lower_row *row, int opset, struct error *err)
{
    struct build b = {.node = n, .err = err};
    (void)row;
    (void)opset;
    return BUILD_BECOME(&b, "Mul", n->in[0], BUILD(&b, "Tanh", BUILD(&b, "Softplus", n->in[0])));
}

int onnx_lower_swish(struct node *n, const struct onnx_lower_row *row, int opset, struct error *err)
{
    struct build b = {.node = n, .err = err};
    double alpha = onnx_edit_get_float(n, "alpha", 1);
    struct value *scaled = alpha == 1 ? n->in[0] : with_number(&b, "Mul", n->in[0], alpha);
    (void)row;
    (void)opset;
    return BUILD_BECOME(&b, "Mul", n->in[0], BUILD(&b, "Sigmoid", scaled));
}

/* Of reals by a floor: a - floor(a / b) * b. */
int onnx_lower_mod(struct node *n, const struct onnx_lower_row *row, int opset, struct error *err)
{
    struct build b = {.node = n, .err = err};
    (void)row;
    (void)opset;
    if (!op_is_float(onnx_lower_dtype(n, 0)) || onnx_edit_get_int(n, "fmod", 0) != 0)
        return 0;
    struct value *whole = BUILD(&b, "Floor", BUILD(&b, "Div", n->in[0], n->in[1]));
    return BUILD_BECOME(&b, "Sub", n->in[0], BUILD(&b, "Mul", whole, n->in[1]));
}

int onnx_lower_hard_swish(struct node *n, const struct onnx_lower_row *row, int opset, struct error *err)
{
    struct build b = {.node = n, .err = err};
    struct value *gate = build_float(&b, BUILD(&b, "HardSigmoid", n->in[0]), "alpha", 1.0f / 6);
    (void)row;
    (void)opset;
    return BUILD_BECOME(&b, "Mul", n->in[0], build_float(&b, gate, "beta", 0.5f));
}

int onnx_lower_or_equal(struct node *n, const struct onnx_lower_row *row, int opset, struct error *err)
{
    struct build b = {.node = n, .err = err};
    struct value *strict = BUILD(&b, row->attr, n->in[0], n->in[1]);
    (void)opset;
    return BUILD_BECOME(&b, "Or", strict, BUILD(&b, "Equal", n->in[0], n->in[1]));
}

/* A part of the shape is a slice of the whole. */
int onnx_lower_shape(struct node *n, const struct onnx_lower_row *row, int opset, struct error *err)
{
    struct build b = {.node = n, .err = err};
    int64_t start = onnx_edit_get_int(n, "start", 0), end = onnx_edit_get_int(n, "end", INT64_MAX);
    (void)row;
    (void)opset;
    node_remove_attr(n, "start");
    node_remove_attr(n, "end");
    if (start == 0 && end == INT64_MAX)
        return 0;
    struct value *shape = BUILD(&b, "Shape", n->in[0]);
    return BUILD_BECOME(&b, "Slice", shape, BUILD_LIST(&b, start), BUILD_LIST(&b, end), BUILD_LIST(&b, 0));
}

int onnx_lower_gemm(struct node *n, const struct onnx_lower_row *row, int opset, struct error *err)
{
    struct build b = {.node = n, .err = err};
    (void)row;
    (void)opset;
    if (node_in(n, 2))
        return 0;
    struct value *zero = number_like(&b, 0);
    return zero ? onnx_edit_set_input(n, 2, zero, err) : -1;
}

/* ---- Softmax and its like, which saw all axes from `axis` on as one ---- */

static int transposed_softmax(struct node *n, int axis, int rank, struct error *err)
{
    struct build b = {.node = n, .err = err};
    int64_t perm[TENSOR_MAX_RANK];
    for (int i = 0; i < rank; i++)
        perm[i] = i;
    perm[axis] = rank - 1; /* its own inverse */
    perm[rank - 1] = axis;
    struct value *turned = build_transpose(&b, n->in[0], rank, perm);
    if (!turned || node_set_input(n, 0, turned, err) != 0 || node_set_int(n, "axis", rank - 1, err) != 0)
        return -1;
    struct value *y = onnx_edit_split(n, err);
    if (!y)
        return -1;
    y->producer->since = 7; /* as old as it needs to be */
    if (BUILD_BECOME(&b, "Transpose", y) != 0)
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
