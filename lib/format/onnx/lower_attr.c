/* Attributes and inputs that the older form has not, or has differently. */
#include <float.h>
#include <stdio.h>
#include <string.h>

#include "format/onnx/lower.h"
#include "op/window.h"

/* ---- attributes that came later ---- */

static bool all_ones(const struct attr *a)
{
    for (size_t i = 0; i < a->n; i++)
        if (a->ints[i] != 1)
            return false;
    return true;
}

/* The attribute goes, and must have had its default: what the older form means. */
int onnx_lower_default(struct node *n, const struct onnx_lower_row *row, int opset, struct error *err)
{
    const struct attr *a = node_attr(n, row->attr);
    char text[80];
    (void)opset;
    if (!a)
        return 0;
    struct attr set = *a; /* its content stays in the arena */
    node_remove_attr(n, row->attr);
    if (set.kind == ATTR_INT    ? set.i == op_int(n, row->attr)
        : set.kind == ATTR_INTS ? all_ones(&set)
                                : set.kind == ATTR_STRING && strcmp(set.s.data, op_string(n, row->attr)) == 0)
        return 0;
    snprintf(text, sizeof(text), "attribute %s as it is", row->attr);
    return onnx_lower_needs(n, row->since, text, err);
}

int onnx_lower_input_attr(struct node *n, const struct onnx_lower_row *row, int opset, struct error *err)
{
    (void)opset;
    return onnx_edit_input_to_attr(n, row->index, row->attr, row->since, err);
}

/* ---- axes from the end, which came with opset 11 ---- */

int onnx_lower_axis(struct node *n, const struct onnx_lower_row *row, int opset, struct error *err)
{
    int64_t axis = op_int(n, "axis");
    int rank = onnx_lower_rank(n, 0);
    (void)row;
    (void)opset;
    if (axis >= 0)
        return 0;
    if (rank < 0)
        return onnx_lower_needs(n, 11, "a negative axis of an input of unknown rank", err);
    return node_set_int(n, "axis", axis + rank, err);
}

/* row->index: whether the axes are those of the output, which has as many more. */
int onnx_lower_axes(struct node *n, const struct onnx_lower_row *row, int opset, struct error *err)
{
    const struct attr *a = node_attr(n, "axes");
    int rank = onnx_lower_rank(n, 0);
    int64_t axes[TENSOR_MAX_RANK];
    bool negative = false;
    (void)opset;
    if (!a || a->kind != ATTR_INTS || a->n > TENSOR_MAX_RANK)
        return 0;
    for (size_t i = 0; i < a->n; i++) {
        axes[i] = a->ints[i] < 0 ? a->ints[i] + rank + (row->index ? (int)a->n : 0) : a->ints[i];
        negative |= a->ints[i] < 0;
    }
    if (negative && rank < 0)
        return onnx_lower_needs(n, 11, "a negative axis of an input of unknown rank", err);
    return negative ? node_set_ints(n, "axes", axes, a->n, err) : 0;
}

/* ---- one operator each ---- */

int onnx_lower_grid_sample(struct node *n, const struct onnx_lower_row *row, int opset, struct error *err)
{
    (void)opset;
    if (onnx_lower_rank(n, 0) >= 0 && onnx_lower_rank(n, 0) != 4)
        return onnx_lower_needs(n, row->since, "an input that is not of rank 4", err);
    if (onnx_edit_attr_is(n, "mode", "cubic"))
        return node_set_string(n, "mode", "bicubic", 7, err);
    if (onnx_edit_attr_is(n, "mode", "linear"))
        return node_set_string(n, "mode", "bilinear", 8, err);
    return 0;
}

int onnx_lower_roi_align(struct node *n, const struct onnx_lower_row *row, int opset, struct error *err)
{
    (void)opset;
    if (!onnx_edit_attr_is(n, "coordinate_transformation_mode", "output_half_pixel"))
        return onnx_lower_needs(n, row->since, "coordinate_transformation_mode half_pixel", err);
    node_remove_attr(n, "coordinate_transformation_mode");
    return 0;
}

int onnx_lower_scatter(struct node *n, const struct onnx_lower_row *row, int opset, struct error *err)
{
    (void)row;
    (void)opset;
    return node_set_op(n, "", "Scatter", err);
}

/* Input i, a constant number or absent: false when it is computed. */
static bool constant_number(const struct node *n, int i, double *number)
{
    const struct tensor *t = onnx_edit_constant(n, i);
    if (!node_in(n, i))
        return true;
    if (!t || t->count != 1 || t->dtype == DTYPE_STRING)
        return false;
    *number = tensor_get_f64(t, 0);
    return true;
}

int onnx_lower_dropout(struct node *n, const struct onnx_lower_row *row, int opset, struct error *err)
{
    double ratio = 0.5, training = 0;
    (void)opset;
    if (!constant_number(n, 1, &ratio) || !constant_number(n, 2, &training) || training != 0)
        return onnx_lower_needs(n, row->since, "a computed ratio, or training,", err);
    node_truncate_inputs(n, 1);
    node_remove_attr(n, "seed");
    return node_set_float(n, "ratio", (float)ratio, err);
}

int onnx_lower_clip(struct node *n, const struct onnx_lower_row *row, int opset, struct error *err)
{
    double min = -FLT_MAX, max = FLT_MAX;
    (void)opset;
    if (!constant_number(n, 1, &min) || !constant_number(n, 2, &max))
        return onnx_lower_needs(n, row->since, "a computed bound", err);
    node_truncate_inputs(n, 1);
    if (min > -FLT_MAX && node_set_float(n, "min", (float)min, err) != 0)
        return -1;
    return max < FLT_MAX ? node_set_float(n, "max", (float)max, err) : 0;
}

int onnx_lower_slice(struct node *n, const struct onnx_lower_row *row, int opset, struct error *err)
{
    static const char *const names[] = {"starts", "ends", "axes"};
    int64_t steps[TENSOR_MAX_RANK];
    int count = node_in(n, 4) ? onnx_edit_constant_ints(n, 4, steps, TENSOR_MAX_RANK) : 0;
    (void)opset;
    for (int i = 0; i < count; i++)
        if (steps[i] != 1)
            count = -1;
    if (count < 0)
        return onnx_lower_needs(n, row->since, "a step other than 1", err);
    node_truncate_inputs(n, 4);
    for (int i = 3; i >= 1; i--)
        if (onnx_edit_input_to_attr(n, i, names[i - 1], row->since, err) != 0)
            return -1;
    node_truncate_inputs(n, 1);
    return onnx_lower_axes(n, &(struct onnx_lower_row){.index = 0}, opset, err);
}

int onnx_lower_topk(struct node *n, const struct onnx_lower_row *row, int opset, struct error *err)
{
    int64_t k;
    (void)opset;
    if (onnx_edit_constant_ints(n, 1, &k, 1) != 1)
        return onnx_lower_needs(n, row->since, "a computed K", err);
    node_truncate_inputs(n, 1);
    return node_set_int(n, "k", k, err);
}

int onnx_lower_dft(struct node *n, const struct onnx_lower_row *row, int opset, struct error *err)
{
    int64_t axis = -2;
    (void)opset;
    if (node_in(n, 2) && onnx_edit_constant_ints(n, 2, &axis, 1) != 1)
        return onnx_lower_needs(n, row->since, "a computed axis", err);
    node_truncate_inputs(n, 2);
    return node_set_int(n, "axis", axis, err);
}

int onnx_lower_reshape(struct node *n, const struct onnx_lower_row *row, int opset, struct error *err)
{
    const struct tensor *shape = onnx_edit_constant(n, 1);
    bool zero = !shape;
    for (int64_t i = 0; shape && i < shape->count; i++)
        zero |= tensor_get_i64(shape, i) == 0;
    if (!zero)
        node_remove_attr(n, "allowzero"); /* says nothing */
    return onnx_lower_default(n, &(struct onnx_lower_row){.attr = "allowzero", .since = row->since}, opset, err);
}

/* ---- quantisation ---- */

/* The element type of the result, where it was not that of a zero point, becomes that of one. */
int onnx_lower_quantize_type(struct node *n, const struct onnx_lower_row *row, int opset, struct error *err)
{
    int64_t dtype = onnx_edit_get_int(n, "output_dtype", 0);
    const struct tensor *scale = onnx_edit_constant(n, 1);
    (void)opset;
    node_remove_attr(n, "output_dtype");
    if (dtype == 0 || node_in(n, 2))
        return 0;
    if (!scale)
        return onnx_lower_needs(n, row->since, "output_dtype with a computed scale", err);
    struct tensor *zero = tensor_new((enum dtype)dtype, scale->rank, scale->dims, err);
    struct value *v = zero ? graph_add_constant(n->graph, NULL, zero, err) : NULL;
    return v ? onnx_edit_set_input(n, 2, v, err) : -1;
}

int onnx_lower_quantize_axis(struct node *n, const struct onnx_lower_row *row, int opset, struct error *err)
{
    const struct value *scale = node_in(n, 1);
    (void)opset;
    if (!scale || scale->type.kind != TYPE_TENSOR || scale->type.rank < 0 ||
        (scale->type.rank > 0 && scale->type.dims[0] != 1))
        return onnx_lower_needs(n, row->since, "a scale for each channel", err);
    node_remove_attr(n, "axis");
    return 0;
}

/* ---- Reduce*, Split, Pad ---- */

int onnx_lower_reduce(struct node *n, const struct onnx_lower_row *row, int opset, struct error *err)
{
    const struct tensor *axes = onnx_edit_constant(n, 1);
    bool none = !node_in(n, 1) || (axes && axes->count == 0);
    bool noop = onnx_edit_get_int(n, "noop_with_empty_axes", 0) != 0;
    (void)opset;
    if (noop && node_in(n, 1) && !axes)
        return onnx_lower_needs(n, row->since, "noop_with_empty_axes with computed axes", err);
    node_remove_attr(n, "noop_with_empty_axes");
    if (noop && none)
        return BUILD_BECOME((&(struct build){.node = n, .err = err}), "Identity", n->in[0]);
    if (none) {
        node_truncate_inputs(n, 1);
        return 0;
    }
    return onnx_edit_input_to_attr(n, 1, "axes", row->since, err);
}

/* Sizes of equal parts need not be said; others must be. */
int onnx_lower_split(struct node *n, const struct onnx_lower_row *row, int opset, struct error *err)
{
    int64_t parts = onnx_edit_get_int(n, "num_outputs", 0), axis = op_int(n, "axis"), sizes[256];
    int rank = onnx_lower_rank(n, 0);
    (void)opset;
    node_remove_attr(n, "num_outputs");
    if (node_in(n, 1) || parts < 1 || rank < 0 || axis < -rank || axis >= rank)
        return 0;
    int64_t size = n->in[0]->type.dims[axis < 0 ? axis + rank : axis], part = (size + parts - 1) / parts;
    if (size < 0 || size % parts == 0)
        return 0;
    if (parts > 256 || part * (parts - 1) > size)
        return onnx_lower_needs(n, row->since, "so many unequal parts", err);
    for (int64_t i = 0; i < parts; i++)
        sizes[i] = i < parts - 1 ? part : size - part * (parts - 1);
    struct value *v = build_list(&(struct build){.node = n, .err = err}, parts, sizes);
    return v ? onnx_edit_set_input(n, 1, v, err) : -1;
}

int onnx_lower_pad_wrap(struct node *n, const struct onnx_lower_row *row, int opset, struct error *err)
{
    (void)opset;
    return onnx_edit_attr_is(n, "mode", "wrap") ? onnx_lower_needs(n, row->since, "mode wrap", err) : 0;
}

int onnx_lower_pad_axes(struct node *n, const struct onnx_lower_row *row, int opset, struct error *err)
{
    int64_t axes[TENSOR_MAX_RANK], pads[2 * TENSOR_MAX_RANK], all[2 * TENSOR_MAX_RANK] = {0};
    int rank = onnx_lower_rank(n, 0);
    (void)opset;
    if (!node_in(n, 3))
        return 0;
    int count = onnx_edit_constant_ints(n, 3, axes, TENSOR_MAX_RANK);
    if (rank < 0 || count < 0 || onnx_edit_constant_ints(n, 1, pads, 2 * TENSOR_MAX_RANK) != 2 * count)
        return onnx_lower_needs(n, row->since, "computed axes or pads, or an unknown rank,", err);
    for (int i = 0; i < count; i++) {
        int64_t axis = axes[i] < 0 ? axes[i] + rank : axes[i];
        if (axis < 0 || axis >= rank)
            return onnx_edit_error(n, err, "axis %lld, want -%d to %d", (long long)axes[i], rank, rank - 1);
        all[axis] = pads[i];
        all[axis + rank] = pads[i + count];
    }
    struct value *v = build_list(&(struct build){.node = n, .err = err}, 2 * rank, all);
    if (!v || node_set_input(n, 1, v, err) != 0)
        return -1;
    node_truncate_inputs(n, node_in(n, 2) ? 3 : 2);
    return 0;
}

int onnx_lower_pad(struct node *n, const struct onnx_lower_row *row, int opset, struct error *err)
{
    double value = 0;
    (void)opset;
    if (!constant_number(n, 2, &value))
        return onnx_lower_needs(n, row->since, "a computed constant_value", err);
    node_truncate_inputs(n, 2);
    if (value != 0 && node_set_float(n, "value", (float)value, err) != 0)
        return -1;
    return onnx_edit_input_to_attr(n, 1, "pads", row->since, err);
}

/* onnxruntime does not pad by itself where taps stand apart: pads in numbers, as far as sizes or a stride of 1 tell. */
int onnx_lower_same(struct node *n, const struct onnx_lower_row *row, int opset, struct error *err)
{
    struct window w;
    int64_t in[WINDOW_MAX], pads[2 * WINDOW_MAX];
    bool is_dilated = false;
    int rank = onnx_lower_rank(n, 0) - 2;
    const struct value *weights = node_in(n, 1);
    (void)row;
    (void)opset;
    if (rank < 1 || (weights && onnx_lower_rank(n, 1) != rank + 2) ||
        window_read(&w, n, rank, weights ? weights->type.dims + 2 : NULL, NULL) < 0 ||
        (w.auto_pad != WINDOW_SAME_UPPER && w.auto_pad != WINDOW_SAME_LOWER))
        return 0;
    for (int i = 0; i < rank; i++) {
        int64_t size = n->in[0]->type.dims[i + 2];
        if (w.kernel[i] < 1 || (size < 1 && w.stride[i] != 1))
            return 0;
        in[i] = size < 1 ? 1 : size;
        is_dilated |= w.dilation[i] != 1;
    }
    if (!is_dilated || window_resolve(&w, in, NULL) < 0)
        return 0;
    memcpy(pads, w.begin, sizeof *pads * (size_t)rank);
    memcpy(pads + rank, w.end, sizeof *pads * (size_t)rank);
    node_remove_attr(n, "auto_pad");
    return node_set_ints(n, "pads", pads, (size_t)rank * 2, err);
}
