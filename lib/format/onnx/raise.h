/* Raising nodes of older opsets to OP_OPSET, as the standard's history of each operator says. */
#ifndef FORMAT_ONNX_RAISE_H
#define FORMAT_ONNX_RAISE_H

#include "format/onnx/edit.h"

/* The graph at work. Nodes before the one at hand are raised and resolved, so that types can be inferred up to it. */
struct onnx_raising {
    struct graph *graph;
    struct node *inferred;            /* the last node whose outputs' types were inferred; NULL: none */
    const struct onnx_raising *outer; /* of the graph around, which stands at the node that holds this one */
};

struct onnx_raise_row {
    const char *domain, *op;
    const char *attr; /* what the function works on, where it serves several rows */
    /* *n may become another node that takes its place; new nodes before it are of OP_OPSET. */
    int (*raise)(struct onnx_raising *c, struct node **n, const struct onnx_raise_row *row, struct error *err);
    int below; /* for nodes of an older opset than this */
    int index;
};

typedef int onnx_raise_function(struct onnx_raising *c, struct node **n, const struct onnx_raise_row *row,
                                struct error *err);

/* Input i's rank and dtype, inferred when the file does not say; -1, and DTYPE_NONE when they cannot be told. */
int onnx_raise_rank(struct onnx_raising *c, struct node *n, int i);
enum dtype onnx_raise_dtype(struct onnx_raising *c, struct node *n, int i);

/* Ends the writing of n as what b made: its first outputs are out[count], and the node before becomes the last of those
 * that stand in its place. */
int onnx_raise_replaced(struct node **n, struct build *b, int count, struct value *const *out);

/* raise_attr.c: attributes alone */
onnx_raise_function onnx_raise_drop, onnx_raise_rename, onnx_raise_attr_input, onnx_raise_default_int,
    onnx_raise_float_to_int, onnx_raise_cast, onnx_raise_selu, onnx_raise_grid_sample, onnx_raise_roi_align,
    onnx_raise_split, onnx_raise_label_encoder, onnx_raise_scatter;
/* raise_input.c: attributes that became inputs */
onnx_raise_function onnx_raise_slice, onnx_raise_topk, onnx_raise_clip, onnx_raise_pad, onnx_raise_dropout,
    onnx_raise_dft, onnx_raise_tile;
/* raise_shape.c: broadcasting and axes */
onnx_raise_function onnx_raise_broadcast, onnx_raise_prelu, onnx_raise_softmax;
/* raise_norm.c */
onnx_raise_function onnx_raise_batch_norm_spatial, onnx_raise_first_output, onnx_raise_group_norm;
/* raise_resize.c */
onnx_raise_function onnx_raise_upsample_sides, onnx_raise_upsample_scales, onnx_raise_upsample, onnx_raise_resize;
/* raise_formula.c: operators of other domains, and what is said by others */
onnx_raise_function onnx_raise_domain, onnx_raise_formula, onnx_raise_crop, onnx_raise_efficient_nms,
    onnx_raise_gather_blocks, onnx_raise_standard, onnx_raise_causal_conv, onnx_raise_space_to_depth;
/* raise_ml.c, raise_tree.c: linear models, trees and what prepares their features */
onnx_raise_function onnx_raise_linear_regressor, onnx_raise_linear_classifier, onnx_raise_normalizer,
    onnx_raise_feature_vectorizer, onnx_raise_tree_regressor, onnx_raise_tree_classifier, onnx_raise_imputer,
    onnx_raise_one_hot_encoder, onnx_raise_svm_classifier, onnx_raise_svm_regressor, onnx_raise_zip_map,
    onnx_raise_scaler;

#endif
