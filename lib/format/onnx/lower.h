/* Lowering nodes from OP_OPSET to an older opset. */
#ifndef FORMAT_ONNX_LOWER_H
#define FORMAT_ONNX_LOWER_H

#include "format/onnx/edit.h"

struct onnx_lower_row {
    const char *op;
    const char *attr; /* what the function works on, where it serves several rows */
    /* New nodes before n are of OP_OPSET and are lowered afterwards; n may become another operator. */
    int (*lower)(struct node *n, const struct onnx_lower_row *row, int opset, struct error *err);
    int since; /* for targets below this opset */
    int index;
};

typedef int onnx_lower_function(struct node *n, const struct onnx_lower_row *row, int opset, struct error *err);

/* The form at hand cannot be said in the target's opset. -1. */
int onnx_lower_needs(const struct node *n, int since, const char *what, struct error *err);
/* Whether the operator took its inputs' element types at that opset already; -1 with a message (lower_types.c). */
int onnx_lower_check_types(const struct node *n, int opset, struct error *err);
/* The type of input i as far as known: rank -1, DTYPE_NONE. */
int onnx_lower_rank(const struct node *n, int i);
enum dtype onnx_lower_dtype(const struct node *n, int i);

/* lower_attr.c: attributes that the older form has not, has under another name, or instead of an input */
onnx_lower_function onnx_lower_default, onnx_lower_input_attr, onnx_lower_axis, onnx_lower_axes, onnx_lower_grid_sample,
    onnx_lower_roi_align, onnx_lower_scatter, onnx_lower_dropout, onnx_lower_clip, onnx_lower_slice, onnx_lower_topk,
    onnx_lower_dft, onnx_lower_quantize_type, onnx_lower_quantize_axis, onnx_lower_reduce, onnx_lower_split,
    onnx_lower_pad_axes, onnx_lower_pad, onnx_lower_pad_wrap, onnx_lower_reshape, onnx_lower_same;
/* lower_op.c: operators that are said by older ones */
onnx_lower_function onnx_lower_gelu, onnx_lower_mish, onnx_lower_swish, onnx_lower_mod, onnx_lower_hard_swish,
    onnx_lower_or_equal, onnx_lower_shape, onnx_lower_gemm, onnx_lower_softmax;
/* lower_norm.c */
onnx_lower_function onnx_lower_layer_norm, onnx_lower_rms_norm, onnx_lower_group_norm;
/* lower_resize.c */
onnx_lower_function onnx_lower_resize_symmetric, onnx_lower_resize_axes, onnx_lower_resize_inputs,
    onnx_lower_resize_plain, onnx_lower_upsample, onnx_lower_upsample_scales;

#endif
