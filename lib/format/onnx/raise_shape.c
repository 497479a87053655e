/* Rules of broadcasting and of axes that changed. */
#include <string.h>

#include "format/onnx/raise.h"

/* Input i gets `count` axes of size 1 behind its own. */
static int append_axes(struct node *n, int i, int rank, int count, struct error *err)
{
    const struct tensor *t = onnx_edit_constant(n, i);
    struct value *v;
    int64_t dims[TENSOR_MAX_RANK];
    if (rank + count > TENSOR_MAX_RANK)
        return onnx_edit_error(n, err, "rank %d is too large", rank + count);
    for (int k = 0; k < count; k++)
        dims[k] = rank + k;
    if (t) {
        memcpy(dims, t->dims, sizeof(t->dims[0]) * (size_t)rank);
        for (int k = 0; k < count; k++)
            dims[rank + k] = 1;
        struct tensor *reshaped = tensor_reshaped(t, rank + count, dims, err);
        v = reshaped ? graph_add_constant(n->graph, NULL, reshaped, err) : NULL;
    } else {
        struct build b = {.node = n, .err = err};
        v = BUILD(&b, "Unsqueeze", n->in[i], build_list(&b, count, dims));
    }
    return v ? node_set_input(n, i, v, err) : -1;
}

/* B's first axis stood at A's `axis`, or its last at A's last. */
int onnx_raise_broadcast(struct onnx_raising *c, struct node **n, const struct onnx_raise_row *row, struct error *err)
{
    int64_t axis = onnx_edit_get_int(*n, "axis", -1);
    bool broadcast = onnx_edit_get_int(*n, "broadcast", 0) != 0;
    (void)row;
    node_remove_attr(*n, "axis");
    node_remove_attr(*n, "broadcast");
    if (!broadcast || axis < 0 || !node_in(*n, 1))
        return 0;
    int a = onnx_raise_rank(c, *n, 0), b = onnx_raise_rank(c, *n, 1);
    if (a < 0 || b < 0)
        return onnx_edit_error(*n, err, "broadcasting at axis %lld wants inputs of known rank", (long long)axis);
    if (axis + b > a)
        return onnx_edit_error(*n, err, "attribute axis is %lld, want at most %d", (long long)axis, a - b);
    int more = a - b - (int)axis;
    return b == 0 || more == 0 ? 0 : append_axes(*n, 1, b, more, err);
}

/* A slope of one axis was for axis 1. */
int onnx_raise_prelu(struct onnx_raising *c, struct node **n, const struct onnx_raise_row *row, struct error *err)
{
    (void)row;
    if (onnx_raise_rank(c, *n, 1) != 1 || (*n)->in[1]->type.dims[0] == 1)
        return 0;
    int rank = onnx_raise_rank(c, *n, 0);
    if (rank < 0)
        return onnx_edit_error(*n, err, "a slope for each channel wants an input of known rank");
    return rank <= 2 ? 0 : append_axes(*n, 1, 1, rank - 2, err);
}

/* ---- Softmax and its like, which saw all axes from `axis` on as one ---- */

/* The one axis from `axis` on that is not known to have size 1, when there is only one; the last when there is none. */
static int single_axis(const struct type *type, int axis)
{
    int found = -1;
    for (int i = axis; i < type->rank; i++) {
        if (type->dims[i] == 1)
            continue;
        if (found >= 0)
            return -1;
        found = i;
    }
    return found < 0 ? type->rank - 1 : found;
}

/* The shape of a value as an operand: numbers when they are known. */
static struct value *shape_of(struct build *b, struct value *v)
{
    bool known = v->type.kind == TYPE_TENSOR && v->type.rank >= 0;
    for (int i = 0; known && i < v->type.rank; i++)
        known = v->type.dims[i] > 0;
    return known ? build_list(b, v->type.rank, v->type.dims) : BUILD(b, "Shape", v);
}

int onnx_raise_softmax(struct onnx_raising *c, struct node **n, const struct onnx_raise_row *row, struct error *err)
{
    int rank = onnx_raise_rank(c, *n, 0);
    int64_t axis = onnx_edit_get_int(*n, "axis", 1);
    (void)row;
    if (!node_in(*n, 0))
        return 0;
    if (rank >= 0 && (axis < -rank || axis > rank))
        return onnx_edit_error(*n, err, "attribute axis is %lld, want -%d to %d", (long long)axis, rank, rank);
    if (rank >= 0 && axis < 0)
        axis += rank;
    int single = rank > 0 && axis < rank ? single_axis(&(*n)->in[0]->type, (int)axis) : -1;
    if (single >= 0)
        return node_set_int(*n, "axis", single, err);
    struct build b = {.node = *n, .err = err};
    struct value *x = (*n)->in[0], *flat = build_int(&b, BUILD(&b, "Flatten", x), "axis", axis);
    if (!flat || node_set_input(*n, 0, flat, err) != 0 || node_set_int(*n, "axis", -1, err) != 0)
        return -1;
    struct value *y = onnx_edit_split(*n, err), *shape = y ? shape_of(&b, x) : NULL;
    if (!shape)
        return -1;
    y->producer->def = op_find("", y->producer->op);
    y->producer->since = 0;
    return BUILD_BECOME(&b, "Reshape", y, shape);
}
