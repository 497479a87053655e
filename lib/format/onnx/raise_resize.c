/* Upsample and the first Resize: output x reads input floor(x / scale), or between that and the next. */
#include <string.h>

#include "format/onnx/raise.h"

int onnx_raise_upsample_sides(struct onnx_raising *c, struct node **n, const struct onnx_raise_row *row,
                              struct error *err)
{
    float scales[4] = {1, 1, onnx_edit_get_float(*n, "height_scale", 1), onnx_edit_get_float(*n, "width_scale", 1)};
    (void)c;
    (void)row;
    if (!node_attr(*n, "height_scale"))
        return 0;
    node_remove_attr(*n, "height_scale");
    node_remove_attr(*n, "width_scale");
    return node_set_floats(*n, "scales", scales, 4, err);
}

int onnx_raise_upsample_scales(struct onnx_raising *c, struct node **n, const struct onnx_raise_row *row,
                               struct error *err)
{
    const struct attr *a = node_attr(*n, "scales");
    (void)c;
    (void)row;
    if (!a || a->kind != ATTR_FLOATS)
        return node_in(*n, 1) ? 0 : onnx_edit_error(*n, err, "attribute scales is missing, or no list of floats");
    struct value *scales = build_f32s(&(struct build){.node = *n, .err = err}, (int)a->n, a->floats);
    if (!scales || onnx_edit_set_input(*n, 1, scales, err) != 0)
        return -1;
    node_remove_attr(*n, "scales");
    return 0;
}

static int set_geometry(struct node *n, bool linear, struct error *err)
{
    if (node_set_string(n, "mode", linear ? "linear" : "nearest", linear ? 6 : 7, err) != 0 ||
        node_set_string(n, "coordinate_transformation_mode", "asymmetric", 10, err) != 0)
        return -1;
    return linear ? 0 : node_set_string(n, "nearest_mode", "floor", 5, err);
}

int onnx_raise_upsample(struct onnx_raising *c, struct node **n, const struct onnx_raise_row *row, struct error *err)
{
    bool linear = onnx_edit_attr_is(*n, "mode", "linear") || onnx_edit_attr_is(*n, "mode", "bilinear");
    (void)c;
    (void)row;
    if ((*n)->in_count != 2)
        return onnx_edit_error(*n, err, "%d inputs, want X and scales", (*n)->in_count);
    if (node_attr(*n, "mode") && !linear && !onnx_edit_attr_is(*n, "mode", "nearest"))
        return onnx_edit_error(*n, err, "attribute mode is unknown, want nearest or linear");
    (*n)->since = 11;
    if (BUILD_BECOME((&(struct build){.node = *n, .err = err}), "Resize", (*n)->in[0], NULL, (*n)->in[1]) != 0)
        return -1;
    return set_geometry(*n, linear, err);
}

int onnx_raise_resize(struct onnx_raising *c, struct node **n, const struct onnx_raise_row *row, struct error *err)
{
    (void)c;
    (void)row;
    if ((*n)->since >= 11) /* it was an Upsample */
        return 0;
    if ((*n)->in_count != 2)
        return onnx_edit_error(*n, err, "%d inputs, want X and scales", (*n)->in_count);
    struct value *scales = (*n)->in[1];
    if (node_set_input(*n, 1, NULL, err) != 0 || onnx_edit_set_input(*n, 2, scales, err) != 0)
        return -1;
    return set_geometry(*n, onnx_edit_attr_is(*n, "mode", "linear"), err);
}
