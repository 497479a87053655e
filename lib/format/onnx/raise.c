#include "format/onnx/raise.h"

#include <string.h>

#include "format/onnx/onnx.h"

#define ANY_OPSET 1000 /* of operators that have been superseded */

/* By opset, oldest first: a node goes through all rows that apply, in this order. */
static const struct onnx_raise_row rows[] = {
    {"", "Pad", 2, onnx_raise_rename, "paddings pads", 0},
    {"", "LpPool", 2, onnx_raise_float_to_int, "p", 0},
    {"", "GlobalLpPool", 2, onnx_raise_float_to_int, "p", 0},
    {"ai.onnx.ml", "LabelEncoder", 2, onnx_raise_label_encoder, NULL, 0},
    {"", "Concat", 4, onnx_raise_default_int, "axis", 1},
    {"", "Reshape", 5, onnx_raise_attr_input, "shape", 1},
    {"", "Cast", 6, onnx_raise_cast, NULL, 0},
    {"", "Tile", 6, onnx_raise_tile, NULL, 0},
    {"", "Selu", 6, onnx_raise_selu, NULL, 0},
    {"", "Add", 7, onnx_raise_broadcast, NULL, 0},
    {"", "Sub", 7, onnx_raise_broadcast, NULL, 0},
    {"", "Mul", 7, onnx_raise_broadcast, NULL, 0},
    {"", "Div", 7, onnx_raise_broadcast, NULL, 0},
    {"", "Pow", 7, onnx_raise_broadcast, NULL, 0},
    {"", "And", 7, onnx_raise_broadcast, NULL, 0},
    {"", "Or", 7, onnx_raise_broadcast, NULL, 0},
    {"", "Xor", 7, onnx_raise_broadcast, NULL, 0},
    {"", "Equal", 7, onnx_raise_broadcast, NULL, 0},
    {"", "Greater", 7, onnx_raise_broadcast, NULL, 0},
    {"", "Less", 7, onnx_raise_broadcast, NULL, 0},
    {"", "PRelu", 7, onnx_raise_prelu, NULL, 0},
    {"", "Gemm", 7, onnx_raise_drop, "broadcast", 0},
    {"", "BatchNormalization", 7, onnx_raise_drop, "is_test", 0},
    {"", "Dropout", 7, onnx_raise_drop, "is_test", 0},
    {"", "RNN", 7, onnx_raise_drop, "output_sequence", 0},
    {"", "LSTM", 7, onnx_raise_drop, "output_sequence", 0},
    {"", "GRU", 7, onnx_raise_drop, "output_sequence", 0},
    {"", "Upsample", 7, onnx_raise_upsample_sides, NULL, 0},
    {"", "BatchNormalization", 9, onnx_raise_batch_norm_spatial, NULL, 0},
    {"", "Upsample", 9, onnx_raise_upsample_scales, NULL, 0},
    {"", "Slice", 10, onnx_raise_slice, NULL, 0},
    {"", "Dropout", 10, onnx_raise_first_output, NULL, 0},
    {"", "TopK", 10, onnx_raise_topk, NULL, 0},
    {"", "Upsample", ANY_OPSET, onnx_raise_upsample, NULL, 0},
    {"", "Resize", 11, onnx_raise_resize, NULL, 0},
    {"", "Clip", 11, onnx_raise_clip, NULL, 0},
    {"", "Pad", 11, onnx_raise_pad, NULL, 0},
    {"", "Scatter", ANY_OPSET, onnx_raise_scatter, NULL, 0},
    {"", "Dropout", 12, onnx_raise_dropout, NULL, 0},
    {"", "Softmax", 13, onnx_raise_softmax, NULL, 0},
    {"", "LogSoftmax", 13, onnx_raise_softmax, NULL, 0},
    {"", "Hardmax", 13, onnx_raise_softmax, NULL, 0},
    {"", "Squeeze", 13, onnx_raise_attr_input, "axes", 1},
    {"", "Unsqueeze", 13, onnx_raise_attr_input, "axes", 1},
    {"", "ReduceSum", 13, onnx_raise_attr_input, "axes", 1},
    {"", "Split", 13, onnx_raise_attr_input, "split", 1},
    {"", "BatchNormalization", 14, onnx_raise_first_output, NULL, 0},
    {"", "RoiAlign", 16, onnx_raise_roi_align, NULL, 0},
    {"", "ReduceL1", 18, onnx_raise_attr_input, "axes", 1},
    {"", "ReduceL2", 18, onnx_raise_attr_input, "axes", 1},
    {"", "ReduceLogSum", 18, onnx_raise_attr_input, "axes", 1},
    {"", "ReduceLogSumExp", 18, onnx_raise_attr_input, "axes", 1},
    {"", "ReduceMax", 18, onnx_raise_attr_input, "axes", 1},
    {"", "ReduceMean", 18, onnx_raise_attr_input, "axes", 1},
    {"", "ReduceMin", 18, onnx_raise_attr_input, "axes", 1},
    {"", "ReduceProd", 18, onnx_raise_attr_input, "axes", 1},
    {"", "ReduceSumSquare", 18, onnx_raise_attr_input, "axes", 1},
    {"", "Split", 18, onnx_raise_split, NULL, 0},
    {"com.microsoft", "GridSample", ANY_OPSET, onnx_raise_domain, NULL, 0},
    {"", "GridSample", 20, onnx_raise_grid_sample, NULL, 0},
    {"", "DFT", 20, onnx_raise_dft, NULL, 0},
    {"", "GroupNormalization", 21, onnx_raise_group_norm, NULL, 0},
    /* Operators of others that are formulas of ONNX's. */
#define FORMULA(domain, op, formula) {domain, op, ANY_OPSET, onnx_raise_formula, formula, 0},
#include "format/onnx/formulas.def"
#undef FORMULA
    {"com.microsoft", "GatherBlockQuantized", ANY_OPSET, onnx_raise_gather_blocks, NULL, 0},
    {"com.microsoft", "CropAndResize", ANY_OPSET, onnx_raise_crop, NULL, 0},
    {"TRT", "EfficientNMS_TRT", ANY_OPSET, onnx_raise_efficient_nms, NULL, 0},
    {"", "EfficientNMS_TRT", ANY_OPSET, onnx_raise_efficient_nms, NULL, 0},
    /* Of opset 27: how the sum of a half-precision range is kept. */
    {"", "Range", ANY_OPSET, onnx_raise_drop, "stash_type", 0},
};

/* ---- inference, for the few rows that need it ---- */

/* What cannot be inferred is left unknown: whoever needs it says so, and what is wrong is found after reading. */
static void infer_to(struct onnx_raising *c, const struct node *n)
{
    struct error ignored;
    struct node *at = c->inferred ? c->inferred->next : c->graph->first;
    for (; at && at != n; at = at->next) {
        if (at->def)
            op_infer_node(at, &ignored);
        c->inferred = at;
    }
}

static const struct type *type_of(struct onnx_raising *c, struct node *n, int i)
{
    struct value *v = node_in(n, i);
    if (v && (v->type.kind != TYPE_TENSOR || v->type.rank < 0 || v->type.dtype == DTYPE_NONE))
        for (const struct onnx_raising *at = c; at; at = at->outer)
            if (at->graph == v->graph)
                infer_to((struct onnx_raising *)at, graph_holder_in(v->graph, n));
    return v && v->type.kind == TYPE_TENSOR ? &v->type : NULL;
}

int onnx_raise_rank(struct onnx_raising *c, struct node *n, int i)
{
    const struct type *type = type_of(c, n, i);
    return type ? type->rank : -1;
}

enum dtype onnx_raise_dtype(struct onnx_raising *c, struct node *n, int i)
{
    const struct type *type = type_of(c, n, i);
    return type ? type->dtype : DTYPE_NONE;
}

/* ---- nodes ---- */

static int raise_node(struct onnx_raising *c, struct node **n, struct error *err)
{
    int since = (*n)->since;
    if (since < 6 && !*(*n)->domain)
        node_remove_attr(*n, "consumed_inputs");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (since < rows[i].below && strcmp((*n)->op, rows[i].op) == 0 && strcmp((*n)->domain, rows[i].domain) == 0 &&
            rows[i].raise(c, n, &rows[i], err) != 0)
            return -1;
    (*n)->def = op_find((*n)->domain, (*n)->op);
    if ((*n)->def)
        (*n)->since = 0;
    return 0;
}

static int raise_graph(struct graph *g, const struct onnx_raising *outer, struct error *err)
{
    struct onnx_raising c = {g, NULL, outer};
    for (struct node *n = g->first, *next; n; n = next) {
        next = n->next;
        for (const struct attr *a = n->attrs; a; a = a->next)
            if (a->kind == ATTR_GRAPH && raise_graph(a->graph, &c, err) != 0)
                return -1;
        if (raise_node(&c, &n, err) != 0)
            return -1;
    }
    return 0;
}

int onnx_raise(struct graph *root, struct error *err)
{
    if (raise_graph(root, NULL, err) != 0)
        return -1;
    for (struct graph *g = root; g; g = graph_next(root, g))
        for (struct node *n = g->first; n; n = n->next)
            if (op_check(n, err) != 0)
                return -1;
    return 0;
}
