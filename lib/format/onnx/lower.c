#include "format/onnx/lower.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "format/onnx/onnx.h"

/* Newest first: a node goes through all rows that apply, in this order. */
static const struct onnx_lower_row rows[] = {
    {"Conv", INT_MAX, onnx_lower_same, NULL, 0},
    {"MaxPool", INT_MAX, onnx_lower_same, NULL, 0},
    {"Cast", 24, onnx_lower_default, "round_mode", 0},
    {"CastLike", 24, onnx_lower_default, "round_mode", 0},
    {"Swish", 24, onnx_lower_swish, NULL, 0},
    {"QuantizeLinear", 23, onnx_lower_default, "precision", 0},
    {"DequantizeLinear", 23, onnx_lower_default, "output_dtype", 0},
    {"RMSNormalization", 23, onnx_lower_rms_norm, NULL, 0},
    {"GroupNormalization", 21, onnx_lower_group_norm, NULL, 0},
    {"QuantizeLinear", 21, onnx_lower_quantize_type, NULL, 0},
    {"QuantizeLinear", 21, onnx_lower_default, "block_size", 0},
    {"DequantizeLinear", 21, onnx_lower_default, "block_size", 0},
    {"GridSample", 20, onnx_lower_grid_sample, NULL, 0},
    {"DFT", 20, onnx_lower_dft, NULL, 0},
    {"Gelu", 20, onnx_lower_gelu, NULL, 0},
    {"AveragePool", 19, onnx_lower_default, "dilations", 0},
    {"Cast", 19, onnx_lower_default, "saturate", 0},
    {"CastLike", 19, onnx_lower_default, "saturate", 0},
    {"QuantizeLinear", 19, onnx_lower_default, "saturate", 0},
    {"Pad", 19, onnx_lower_pad_wrap, NULL, 0},
    {"Resize", 19, onnx_lower_resize_symmetric, NULL, 0},
    {"Mish", 18, onnx_lower_mish, NULL, 0},
    {"LpPool", 18, onnx_lower_default, "ceil_mode", 0},
    {"LpPool", 18, onnx_lower_default, "dilations", 0},
    {"Pad", 18, onnx_lower_pad_axes, NULL, 0},
    {"ReduceL1", 18, onnx_lower_reduce, NULL, 0},
    {"ReduceL2", 18, onnx_lower_reduce, NULL, 0},
    {"ReduceLogSum", 18, onnx_lower_reduce, NULL, 0},
    {"ReduceLogSumExp", 18, onnx_lower_reduce, NULL, 0},
    {"ReduceMax", 18, onnx_lower_reduce, NULL, 0},
    {"ReduceMean", 18, onnx_lower_reduce, NULL, 0},
    {"ReduceMin", 18, onnx_lower_reduce, NULL, 0},
    {"ReduceProd", 18, onnx_lower_reduce, NULL, 0},
    {"ReduceSumSquare", 18, onnx_lower_reduce, NULL, 0},
    {"Resize", 18, onnx_lower_resize_axes, NULL, 0},
    {"Split", 18, onnx_lower_split, NULL, 0},
    {"LayerNormalization", 17, onnx_lower_layer_norm, NULL, 0},
    {"RoiAlign", 16, onnx_lower_roi_align, NULL, 0},
    {"ScatterElements", 16, onnx_lower_default, "reduction", 0},
    {"ScatterND", 16, onnx_lower_default, "reduction", 0},
    {"Shape", 15, onnx_lower_shape, NULL, 0},
    {"BatchNormalization", 14, onnx_lower_default, "training_mode", 0},
    {"GRU", 14, onnx_lower_default, "layout", 0},
    {"HardSwish", 14, onnx_lower_hard_swish, NULL, 0},
    {"LSTM", 14, onnx_lower_default, "layout", 0},
    {"RNN", 14, onnx_lower_default, "layout", 0},
    {"Reshape", 14, onnx_lower_reshape, NULL, 0},
    {"DequantizeLinear", 13, onnx_lower_quantize_axis, NULL, 0},
    {"Hardmax", 13, onnx_lower_softmax, NULL, 0},
    {"LogSoftmax", 13, onnx_lower_softmax, NULL, 0},
    {"QuantizeLinear", 13, onnx_lower_quantize_axis, NULL, 0},
    {"ReduceSum", 13, onnx_lower_reduce, NULL, 0},
    {"Resize", 13, onnx_lower_resize_inputs, NULL, 0},
    {"Softmax", 13, onnx_lower_softmax, NULL, 0},
    {"Split", 13, onnx_lower_input_attr, "split", 1},
    {"Squeeze", 13, onnx_lower_input_attr, "axes", 1},
    {"Unsqueeze", 13, onnx_lower_input_attr, "axes", 1},
    {"ArgMax", 12, onnx_lower_default, "select_last_index", 0},
    {"ArgMin", 12, onnx_lower_default, "select_last_index", 0},
    {"Dropout", 12, onnx_lower_dropout, NULL, 0},
    {"GatherND", 12, onnx_lower_default, "batch_dims", 0},
    {"GreaterOrEqual", 12, onnx_lower_or_equal, "Greater", 0},
    {"LessOrEqual", 12, onnx_lower_or_equal, "Less", 0},
    {"ArgMax", 11, onnx_lower_axis, NULL, 0},
    {"ArgMin", 11, onnx_lower_axis, NULL, 0},
    {"Clip", 11, onnx_lower_clip, NULL, 0},
    {"Concat", 11, onnx_lower_axis, NULL, 0},
    {"DepthToSpace", 11, onnx_lower_default, "mode", 0},
    {"Flatten", 11, onnx_lower_axis, NULL, 0},
    {"Gather", 11, onnx_lower_axis, NULL, 0},
    {"Gemm", 11, onnx_lower_gemm, NULL, 0},
    {"Pad", 11, onnx_lower_pad, NULL, 0},
    {"ReduceL1", 11, onnx_lower_axes, NULL, 0},
    {"ReduceL2", 11, onnx_lower_axes, NULL, 0},
    {"ReduceLogSum", 11, onnx_lower_axes, NULL, 0},
    {"ReduceLogSumExp", 11, onnx_lower_axes, NULL, 0},
    {"ReduceMax", 11, onnx_lower_axes, NULL, 0},
    {"ReduceMean", 11, onnx_lower_axes, NULL, 0},
    {"ReduceMin", 11, onnx_lower_axes, NULL, 0},
    {"ReduceProd", 11, onnx_lower_axes, NULL, 0},
    {"ReduceSum", 11, onnx_lower_axes, NULL, 0},
    {"ReduceSumSquare", 11, onnx_lower_axes, NULL, 0},
    {"Resize", 11, onnx_lower_resize_plain, NULL, 0},
    {"ScatterElements", 11, onnx_lower_scatter, NULL, 0},
    {"Split", 11, onnx_lower_axis, NULL, 0},
    {"Squeeze", 11, onnx_lower_axes, NULL, 0},
    {"TopK", 11, onnx_lower_default, "largest", 0},
    {"TopK", 11, onnx_lower_default, "sorted", 0},
    {"TopK", 11, onnx_lower_axis, NULL, 0},
    {"Unsqueeze", 11, onnx_lower_axes, NULL, 1},
    {"AveragePool", 10, onnx_lower_default, "ceil_mode", 0},
    {"MaxPool", 10, onnx_lower_default, "ceil_mode", 0},
    {"MaxPool", 10, onnx_lower_default, "dilations", 0},
    {"Resize", 10, onnx_lower_upsample, NULL, 0},
    {"Slice", 10, onnx_lower_slice, NULL, 0},
    {"TopK", 10, onnx_lower_topk, NULL, 0},
    {"Upsample", 9, onnx_lower_upsample_scales, NULL, 0},
};

int onnx_lower_rank(const struct node *n, int i)
{
    const struct value *v = node_in(n, i);
    return v && v->type.kind == TYPE_TENSOR ? v->type.rank : -1;
}

enum dtype onnx_lower_dtype(const struct node *n, int i)
{
    const struct value *v = node_in(n, i);
    return v && v->type.kind == TYPE_TENSOR ? v->type.dtype : DTYPE_NONE;
}

int onnx_lower_needs(const struct node *n, int since, const char *what, struct error *err)
{
    return onnx_edit_error(n, err, "%s needs opset %d", what, since);
}

/* ---- the domain "nn" ---- */

static int decompose(struct node *n, struct error *err)
{
    struct error why;
    if (!n->def || !n->def->expand)
        return onnx_edit_error(n, err, "this operator of the toolkit's own has no meaning in ONNX");
    if (n->def->expand(n, &why) != 0)
        return onnx_edit_error(n, err, "%s", why.text);
    graph_remove_node(n);
    return 0;
}

static int decompose_all(struct graph *root, struct error *err)
{
    for (struct graph *g = root; g; g = graph_next(root, g))
        for (struct node *n = g->first, *next; n; n = next) {
            next = n->next;
            if (strcmp(n->domain, "nn") == 0 && decompose(n, err) != 0)
                return -1;
        }
    return 0;
}

/* ---- ONNX's own ---- */

static int first_version(const struct node *n)
{
    return atoi(n->def->versions);
}

/* A node that is done says so in `since`, which only unknown operators use otherwise. */
static int lower_node(struct node *n, int opset, struct error *err)
{
    if (onnx_lower_check_types(n, opset, err) != 0)
        return -1;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (opset < rows[i].since && strcmp(n->op, rows[i].op) == 0 && rows[i].lower(n, &rows[i], opset, err) != 0)
            return -1;
    n->def = op_find(n->domain, n->op);
    n->since = opset;
    if (n->def && first_version(n) > opset)
        return onnx_edit_error(n, err, "this operator needs opset %d, and %d is to be written", first_version(n),
                               opset);
    return 0;
}

/* Outputs that an older form has not, or of another type, and nobody uses, go first. */
static struct node *without_extras(struct node *n, int opset, struct error *err)
{
    bool extra = (node_is(n, "LayerNormalization") && opset < 17) || (node_is(n, "Dropout") && opset < 10);
    return extra && n->out_count > 1 ? onnx_edit_drop_outputs(n, 1, err) : n;
}

static int lower_new(struct graph *root, int opset, bool *any, struct error *err)
{
    struct error ignored;
    *any = false;
    op_infer_graph(root, &ignored); /* what it cannot tell, the rows ask for when they need it */
    for (struct graph *g = root; g; g = graph_next(root, g))
        for (struct node *n = g->first, *next; n; n = next) {
            next = n->next;
            if (*n->domain || n->since || !n->def)
                continue;
            *any = true;
            if (!(n = without_extras(n, opset, err)) || lower_node(n, opset, err) != 0)
                return -1;
        }
    return 0;
}

int onnx_lower(struct graph *root, int opset, struct error *err)
{
    bool any = true;
    if (decompose_all(root, err) != 0)
        return -1;
    while (any)
        if (lower_new(root, opset, &any, err) != 0)
            return -1;
    return 0;
}
