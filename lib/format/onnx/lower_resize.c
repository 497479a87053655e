/* Resize, whose inputs and attributes changed most often, and the Upsample before it. */
#include <string.h>

#include "format/onnx/lower.h"

int onnx_lower_resize_symmetric(struct node *n, const struct onnx_lower_row *row, int opset, struct error *err)
{
    (void)opset;
    if (onnx_edit_attr_is(n, "coordinate_transformation_mode", "half_pixel_symmetric"))
        return onnx_lower_needs(n, row->since, "coordinate_transformation_mode half_pixel_symmetric", err);
    return 0;
}

/* The whole of scales or sizes from those of some axes; the others stay as they are. */
static struct value *whole_scales(struct node *n, const struct attr *axes, int rank, struct error *err)
{
    float all[TENSOR_MAX_RANK];
    const struct tensor *t = onnx_edit_constant(n, 2);
    if (!t || t->dtype != DTYPE_F32 || (size_t)t->count != axes->n)
        return NULL;
    for (int i = 0; i < rank; i++)
        all[i] = 1;
    for (size_t i = 0; i < axes->n; i++)
        all[axes->ints[i] < 0 ? axes->ints[i] + rank : axes->ints[i]] = (float)tensor_get_f64(t, (int64_t)i);
    return build_f32s(&(struct build){.node = n, .err = err}, rank, all);
}

static struct value *whole_sizes(struct node *n, const struct attr *axes, int rank, struct error *err)
{
    int64_t all[TENSOR_MAX_RANK], some[TENSOR_MAX_RANK];
    if (onnx_edit_constant_ints(n, 3, some, TENSOR_MAX_RANK) != (int)axes->n)
        return NULL;
    memcpy(all, n->in[0]->type.dims, sizeof(all[0]) * (size_t)rank);
    for (size_t i = 0; i < axes->n; i++)
        all[axes->ints[i] < 0 ? axes->ints[i] + rank : axes->ints[i]] = some[i];
    for (int i = 0; i < rank; i++)
        if (all[i] < 0)
            return NULL;
    return build_list(&(struct build){.node = n, .err = err}, rank, all);
}

int onnx_lower_resize_axes(struct node *n, const struct onnx_lower_row *row, int opset, struct error *err)
{
    const struct attr *axes = node_attr(n, "axes");
    int rank = onnx_lower_rank(n, 0), which = node_in(n, 3) ? 3 : 2;
    struct onnx_lower_row plain = {.since = row->since, .attr = "antialias"};
    if (onnx_lower_default(n, &plain, opset, err) != 0)
        return -1;
    plain.attr = "keep_aspect_ratio_policy";
    if (onnx_lower_default(n, &plain, opset, err) != 0)
        return -1;
    if (!axes)
        return 0;
    bool fits = axes->kind == ATTR_INTS && rank >= 0 && axes->n <= (size_t)rank &&
                !onnx_edit_attr_is(n, "coordinate_transformation_mode", "tf_crop_and_resize");
    for (size_t i = 0; fits && i < axes->n; i++)
        fits = axes->ints[i] >= -rank && axes->ints[i] < rank;
    struct value *v = !fits ? NULL : which == 3 ? whole_sizes(n, axes, rank, err) : whole_scales(n, axes, rank, err);
    if (!v)
        return onnx_lower_needs(n, row->since, "attribute axes as it is", err);
    node_remove_attr(n, "axes");
    return node_set_input(n, which, v, err);
}

/* Absent inputs are said by empty ones. */
int onnx_lower_resize_inputs(struct node *n, const struct onnx_lower_row *row, int opset, struct error *err)
{
    (void)row;
    if (opset < 11)
        return 0;
    for (int i = 1; i <= 2; i++) {
        if (node_in(n, i))
            continue;
        struct value *empty = build_f32s(&(struct build){.node = n, .err = err}, 0, NULL);
        if (!empty || onnx_edit_set_input(n, i, empty, err) != 0)
            return -1;
    }
    return 0;
}

/* Scales as an input of their own, from sizes where those were given. */
static struct value *scales_of(struct node *n, struct error *err)
{
    float scales[TENSOR_MAX_RANK];
    int64_t sizes[TENSOR_MAX_RANK];
    int rank = onnx_lower_rank(n, 0);
    if (!node_in(n, 3))
        return node_in(n, 2);
    if (rank < 0 || onnx_edit_constant_ints(n, 3, sizes, TENSOR_MAX_RANK) != rank)
        return NULL;
    for (int i = 0; i < rank; i++) {
        int64_t dim = n->in[0]->type.dims[i];
        if (dim <= 0)
            return NULL;
        scales[i] = (float)((double)sizes[i] / (double)dim);
    }
    return build_f32s(&(struct build){.node = n, .err = err}, rank, scales);
}

/* The geometry of opset 10: output x reads input floor(x / scale), or between that and the next. */
int onnx_lower_resize_plain(struct node *n, const struct onnx_lower_row *row, int opset, struct error *err)
{
    bool linear = onnx_edit_attr_is(n, "mode", "linear");
    struct value *scales = scales_of(n, err);
    (void)opset;
    if (!scales || !onnx_edit_attr_is(n, "coordinate_transformation_mode", "asymmetric") ||
        (!linear && !onnx_edit_attr_is(n, "nearest_mode", "floor")) || onnx_edit_attr_is(n, "mode", "cubic") ||
        onnx_edit_get_int(n, "exclude_outside", 0) != 0)
        return onnx_lower_needs(n, row->since, "other than asymmetric, floor or linear resizing by known scales", err);
    if (BUILD_BECOME((&(struct build){.node = n, .err = err}), "Resize", n->in[0], scales) != 0)
        return -1;
    return node_set_string(n, "mode", linear ? "linear" : "nearest", linear ? 6 : 7, err);
}

int onnx_lower_upsample(struct node *n, const struct onnx_lower_row *row, int opset, struct error *err)
{
    bool linear = onnx_edit_attr_is(n, "mode", "linear");
    const struct tensor *t = onnx_edit_constant(n, 1);
    (void)opset;
    for (int64_t i = 0; t && i < t->count; i++)
        if (!(tensor_get_f64(t, i) >= 1))
            return onnx_lower_needs(n, row->since, "a scale below 1", err);
    if (BUILD_BECOME((&(struct build){.node = n, .err = err}), "Upsample", n->in[0], n->in[1]) != 0)
        return -1;
    return node_set_string(n, "mode", linear ? "linear" : "nearest", linear ? 6 : 7, err);
}

int onnx_lower_upsample_scales(struct node *n, const struct onnx_lower_row *row, int opset, struct error *err)
{
    const struct tensor *t = onnx_edit_constant(n, 1);
    float scales[TENSOR_MAX_RANK];
    (void)opset;
    if (!t || t->dtype != DTYPE_F32 || t->count > TENSOR_MAX_RANK)
        return onnx_lower_needs(n, row->since, "scales that are computed", err);
    for (int64_t i = 0; i < t->count; i++)
        scales[i] = (float)tensor_get_f64(t, i);
    node_truncate_inputs(n, 1);
    return node_set_floats(n, "scales", scales, (size_t)t->count, err);
}
