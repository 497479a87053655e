/* Quantised operators of onnxruntime, as the real ones between DequantizeLinear and QuantizeLinear. */
#include <string.h>

#include "op/axes.h"
#include "op/build.h"
#include "op/conv.h"
#include "op/move.h"
#include "op/quant.h"
#include "op/real.h"
#include "op/util.h"
#include "op/rows.h"

/* "QLinearAdd" is made of "Add". */
static const char *real_operator(const struct node *n)
{
    return n->op + strlen("QLinear");
}

/* ---- operands ---- */

/* ---- one operand ---- */

static bool is_channels_last(const struct node *n)
{
    return op_int(n, "channels_last") != 0;
}

int expand_qlinear_unary(struct node *n, struct error *err)
{
    struct build b = {.node = n, .err = err};
    int rank = is_channels_last(n) ? build_rank(&b, 0) : 0;
    struct value *x = quant_build_real(&b, 0, 1, 2, 0);
    if (rank)
        x = build_channels_first(&b, x, rank);
    struct value *y = build_attrs(&b, BUILD(&b, real_operator(n), x));
    if (rank)
        y = build_channels_last(&b, y, rank);
    quant_build_give(&b, y, 3, 4, 0);
    return build_end(&b);
}

/* Before opset 13 Softmax ran over all axes from `axis` on. */
int expand_qlinear_softmax(struct node *n, struct error *err)
{
    struct build b = {.node = n, .err = err};
    struct value *x = quant_build_real(&b, 0, 1, 2, 0), *shape = NULL;
    bool flat = op_int(n, "opset") < 13;
    if (flat) {
        shape = BUILD(&b, "Shape", x);
        x = build_int(&b, BUILD(&b, "Flatten", x), "axis", op_int(n, "axis"));
    }
    struct value *y = build_int(&b, BUILD(&b, "Softmax", x), "axis", flat ? -1 : op_int(n, "axis"));
    quant_build_give(&b, flat ? BUILD(&b, "Reshape", y, shape) : y, 3, 4, 0);
    return build_end(&b);
}

int expand_qlinear_reduce_mean(struct node *n, struct error *err)
{
    struct build b = {.node = n, .err = err};
    int count;
    const int64_t *axes = op_ints(n, "axes", &count);
    struct value *x = quant_build_real(&b, 0, 1, 2, 0);
    struct value *y = BUILD(&b, "ReduceMean", x, count ? build_list(&b, count, axes) : NULL);
    quant_build_give(&b, build_int(&b, y, "keepdims", op_int(n, "keepdims")), 3, 4, 0);
    return build_end(&b);
}

int infer_qlinear_reduce_mean(struct op_infer *c, struct error *err)
{
    const struct type *x = axes_ranked(c, 0);
    int axes[TENSOR_MAX_RANK], count, rank = 0;
    const int64_t *list = op_ints(c->node, "axes", &count);
    int64_t dims[TENSOR_MAX_RANK];
    bool reduced[TENSOR_MAX_RANK] = {false};
    if (!x)
        return infer_set(c, 0, infer_dtype(c, 0), -1, NULL, err);
    if (count > x->rank || axes_list("attribute axes", list, count, x->rank, axes, err))
        return count > x->rank ? infer_error(c, err, "attribute axes: %d axes, X has %d", count, x->rank)
                               : real_infer_fail(c, err);
    for (int i = 0; i < count; i++)
        reduced[axes[i]] = true;
    for (int i = 0; i < x->rank; i++)
        if (count && !reduced[i])
            dims[rank++] = x->dims[i];
        else if (op_int(c->node, "keepdims"))
            dims[rank++] = 1;
    return infer_set(c, 0, x->dtype, rank, dims, err);
}

/* Sliding windows where channels come last: the sizes of the spatial axes are left to the expansion. */
static int infer_channels_last(struct op_infer *c, enum dtype dtype, int64_t channels, struct error *err)
{
    const struct type *x = axes_ranked(c, 0);
    int64_t dims[TENSOR_MAX_RANK];
    if (x && x->rank < 3)
        return infer_error(c, err, "X has rank %d, want at least 3", x->rank);
    for (int i = 0; x && i < x->rank; i++)
        dims[i] = i == 0 ? x->dims[0] : i == x->rank - 1 ? channels : DIM_UNKNOWN;
    return infer_set(c, 0, dtype, x ? x->rank : -1, dims, err);
}

static int64_t last_dim(const struct type *type)
{
    return type && type->rank > 0 ? type->dims[type->rank - 1] : DIM_UNKNOWN;
}

int infer_qlinear_average_pool(struct op_infer *c, struct error *err)
{
    return is_channels_last(c->node) ? infer_channels_last(c, infer_dtype(c, 0), last_dim(axes_ranked(c, 0)), err)
                                     : infer_pool(c, err);
}

int infer_qlinear_global_average_pool(struct op_infer *c, struct error *err)
{
    const struct type *x = axes_ranked(c, 0);
    int64_t dims[TENSOR_MAX_RANK];
    if (!is_channels_last(c->node) || !x)
        return infer_global_pool(c, err);
    for (int i = 0; i < x->rank; i++)
        dims[i] = i == 0 || i == x->rank - 1 ? x->dims[i] : 1;
    return infer_set(c, 0, x->dtype, x->rank, dims, err);
}

int infer_nhwc_max_pool(struct op_infer *c, struct error *err)
{
    return infer_channels_last(c, infer_dtype(c, 0), last_dim(axes_ranked(c, 0)), err);
}

int expand_nhwc_max_pool(struct node *n, struct error *err)
{
    struct build b = {.node = n, .err = err};
    int rank = build_rank(&b, 0);
    struct value *x = build_channels_first(&b, n->in[0], rank);
    build_give(&b, 0, build_channels_last(&b, build_attrs(&b, BUILD(&b, "MaxPool", x)), rank));
    return build_end(&b);
}

int infer_microsoft_qlinear_conv(struct op_infer *c, struct error *err)
{
    const struct type *w = axes_ranked(c, 3);
    return is_channels_last(c->node)
               ? infer_channels_last(c, infer_dtype(c, 7), w && w->rank > 0 ? w->dims[0] : DIM_UNKNOWN, err)
               : conv_infer(c, 0, 3, infer_dtype(c, 7), err);
}

int expand_qlinear_conv(struct node *n, struct error *err)
{
    struct build b = {.node = n, .err = err};
    struct value *in[9] = {NULL};
    int rank = is_channels_last(n) ? build_rank(&b, 0) : 0;
    for (int i = 0; i < 9; i++)
        in[i] = node_in(n, i);
    if (rank)
        in[0] = build_channels_first(&b, in[0], rank);
    struct value *y = build_attrs(&b, build_node(&b, "QLinearConv", 9, in));
    build_give(&b, 0, rank ? build_channels_last(&b, y, rank) : y);
    return build_end(&b);
}

/* QuantizeLinear and DequantizeLinear: ONNX's, under the other domain's name. */
int expand_same_name(struct node *n, struct error *err)
{
    struct build b = {.node = n, .err = err};
    build_give(&b, 0, build_attrs(&b, build_node(&b, n->op, n->in_count, n->in)));
    return build_end(&b);
}

/* ---- several operands ---- */

static int broadcast_inputs(struct op_infer *c, int count, const int *inputs, struct error *err)
{
    int64_t dims[TENSOR_MAX_RANK];
    int rank = 0;
    for (int i = 0; i < count; i++) {
        const struct type *x = axes_ranked(c, inputs[i]);
        if (!x)
            return infer_set(c, 0, infer_dtype(c, inputs[count - 1]), -1, NULL, err);
        if (op_broadcast(dims, &rank, x->dims, x->rank))
            return infer_error(c, err, "inputs %d and %d cannot be broadcast together", inputs[0], inputs[i]);
    }
    return infer_set(c, 0, infer_dtype(c, inputs[count - 1]), rank, dims, err);
}

int infer_qlinear_binary(struct op_infer *c, struct error *err)
{
    return broadcast_inputs(c, 2, (int[]){0, 3}, err);
}

int infer_qlinear_where(struct op_infer *c, struct error *err)
{
    return broadcast_inputs(c, 3, (int[]){0, 1, 4}, err);
}

int expand_qlinear_binary(struct node *n, struct error *err)
{
    struct build b = {.node = n, .err = err};
    struct value *left = quant_build_real(&b, 0, 1, 2, 0), *right = quant_build_real(&b, 3, 4, 5, 0);
    quant_build_give(&b, BUILD(&b, real_operator(n), left, right), 6, 7, 0);
    return build_end(&b);
}

int expand_qlinear_where(struct node *n, struct error *err)
{
    struct build b = {.node = n, .err = err};
    struct value *x = quant_build_real(&b, 1, 2, 3, 0), *y = quant_build_real(&b, 4, 5, 6, 0);
    quant_build_give(&b, BUILD(&b, "Where", n->in[0], x, y), 7, 8, 1);
    return build_end(&b);
}

/* Inputs after the output's scale and zero point come in threes. */
#define CONCAT_MAX 256

static int concat_operands(const struct node *n)
{
    int count = (n->in_count - 2) / 3;
    return (n->in_count - 2) % 3 == 0 && count >= 1 && count <= CONCAT_MAX ? count : -1;
}

int infer_qlinear_concat(struct op_infer *c, struct error *err)
{
    if (concat_operands(c->node) < 0)
        return infer_error(c, err, "%d inputs, want two and up to %d times three", c->node->in_count, CONCAT_MAX);
    return concat_infer(c, 2, 3, err);
}

int expand_qlinear_concat(struct node *n, struct error *err)
{
    struct build b = {.node = n, .err = err};
    struct value *in[CONCAT_MAX];
    int count = concat_operands(n);
    if (count < 0)
        build_fail(&b, "%d inputs, want two and up to %d times three", n->in_count, CONCAT_MAX);
    for (int i = 0; i < count; i++)
        in[i] = quant_build_real(&b, 2 + 3 * i, 3 + 3 * i, 4 + 3 * i, 0);
    struct value *y = b.failed ? NULL : build_node(&b, "Concat", count, in);
    quant_build_give(&b, build_int(&b, y, "axis", op_int(n, "axis")), 0, 1, 1);
    return build_end(&b);
}
