/* Boxes out of what a network says of places and anchors. */
#include <math.h>

#include "format/paddle/paddle.h"
#include "op/detect_build.h"

#define MOST_NUMBERS 256

static struct value *with(struct paddle_node *o, const char *op, struct value *v, double number)
{
    return detect_with(o->b, op, v, number);
}

/* ---- YOLO ---- */

struct yolo {
    int64_t anchors, classes;
    struct value *size;                       /* H and W, i64 [2] */
    struct value *width, *height;             /* of the cells, as f32 [1] */
    struct value *image_width, *image_height; /* f32 [N, 1, 1, 1] */
    struct value *x;                          /* [N, anchors, 5 + classes, H, W] */
    float sizes[MOST_NUMBERS];
};

/* Channels `from` to `to` of every anchor. */
static struct value *part(struct paddle_node *o, const struct yolo *y, int64_t from, int64_t to)
{
    return build_slice(o->b, y->x, 2, from, to);
}

static struct value *one_channel(struct paddle_node *o, const struct yolo *y, int64_t i)
{
    return BUILD(o->b, "Squeeze", part(o, y, i, i + 1), BUILD_LIST(o->b, 2));
}

static struct value *as_f32(struct paddle_node *o, struct value *v)
{
    return build_cast(o->b, v, DTYPE_F32);
}

/* The image's height or width, along the batch. */
static struct value *image_side(struct paddle_node *o, int64_t i)
{
    struct value *v = as_f32(o, build_slice(o->b, paddle_in(o, 1), 1, i, i + 1));
    return build_reshape(o->b, v, 4, (int64_t[]){-1, 1, 1, 1});
}

/* [N, anchors * (5 + classes), H, W]; with iou_aware an overlap for each anchor stands before all. */
static void read_yolo(struct paddle_node *o, struct yolo *y, struct value **overlap)
{
    struct value *x = paddle_in(o, 0), *dims[3];
    int count = paddle_floats(o, "anchors", y->sizes, MOST_NUMBERS);
    *overlap = NULL;
    y->anchors = count / 2;
    y->classes = paddle_int(o, "class_num", 0);
    if (count < 2 || count % 2 || y->classes < 1 || y->classes > 1 << 20)
        build_fail(o->b, "%d sizes of anchors and %lld classes", count, (long long)y->classes);
    y->size = build_shape(o->b, x, 2, 4);
    y->height = as_f32(o, build_slice(o->b, y->size, 0, 0, 1));
    y->width = as_f32(o, build_slice(o->b, y->size, 0, 1, 2));
    y->image_height = image_side(o, 0);
    y->image_width = image_side(o, 1);
    if (paddle_bool(o, "iou_aware", false)) {
        *overlap = BUILD(o->b, "Sigmoid", build_slice(o->b, x, 1, 0, y->anchors));
        x = build_slice(o->b, x, 1, y->anchors, INT64_MAX);
    }
    dims[0] = build_shape(o->b, x, 0, 1);
    dims[1] = BUILD_LIST(o->b, y->anchors, 5 + y->classes);
    dims[2] = y->size;
    y->x = BUILD(o->b, "Reshape", x, paddle_concat(o, 3, dims, 0));
}

/* The numbers 0 to count - 1 along an axis of the cells. */
static struct value *places(struct paddle_node *o, const struct yolo *y, int axis)
{
    struct value *count = build_slice(o->b, y->size, 0, axis, axis + 1);
    struct value *v = as_f32(o, build_range(o->b, BUILD_LIST(o->b, 0), count));
    return axis ? v : build_reshape(o->b, v, 2, (int64_t[]){-1, 1});
}

/* The middle along an axis, in pixels of the image. */
static struct value *middle(struct paddle_node *o, const struct yolo *y, int axis)
{
    double scale = (double)paddle_float(o, "scale_x_y", 1);
    struct value *v = BUILD(o->b, "Sigmoid", one_channel(o, y, axis ? 0 : 1));
    v = scale == 1 ? v : with(o, "Sub", with(o, "Mul", v, scale), 0.5 * (scale - 1));
    v = BUILD(o->b, "Div", BUILD(o->b, "Add", v, places(o, y, axis)), axis ? y->width : y->height);
    return BUILD(o->b, "Mul", v, axis ? y->image_width : y->image_height);
}

/* Half of the size along an axis: anchors are in pixels of the network's input. */
static struct value *half_size(struct paddle_node *o, const struct yolo *y, int axis)
{
    double stride = (double)paddle_int(o, "downsample_ratio", 32);
    float sizes[MOST_NUMBERS / 2];
    for (int64_t i = 0; i < y->anchors; i++)
        sizes[i] = y->sizes[2 * i + (axis ? 0 : 1)] / 2;
    struct value *anchors = build_reshape(o->b, build_f32s(o->b, (int)y->anchors, sizes), 3, (int64_t[]){-1, 1, 1});
    struct value *v = BUILD(o->b, "Mul", BUILD(o->b, "Exp", one_channel(o, y, axis ? 2 : 3)), anchors);
    v = BUILD(o->b, "Div", v, with(o, "Mul", axis ? y->width : y->height, stride));
    return BUILD(o->b, "Mul", v, axis ? y->image_width : y->image_height);
}

static struct value *clipped(struct paddle_node *o, const struct yolo *y, struct value *v, int axis, bool end)
{
    if (!paddle_bool(o, "clip_bbox", true))
        return v;
    struct value *last = with(o, "Sub", axis ? y->image_width : y->image_height, 1);
    return end ? BUILD(o->b, "Min", v, last) : with(o, "Max", v, 0);
}

static struct value *confidence(struct paddle_node *o, const struct yolo *y, struct value *overlap)
{
    struct value *v = BUILD(o->b, "Sigmoid", one_channel(o, y, 4));
    double factor = (double)paddle_float(o, "iou_aware_factor", 0.5f);
    if (!overlap)
        return v;
    return BUILD(o->b, "Mul", with(o, "Pow", v, 1 - factor), with(o, "Pow", overlap, factor));
}

/* Boxes by anchor, then cell; all zeros where the confidence is too low. */
void paddle_read_yolo_box(struct paddle_node *o)
{
    struct yolo y;
    struct value *overlap, *corners[4], *dims[3];
    read_yolo(o, &y, &overlap);
    if (o->b->failed)
        return;
    struct value *sure = confidence(o, &y, overlap);
    struct value *counts =
        as_f32(o, BUILD(o->b, "Not", with(o, "Less", sure, (double)paddle_float(o, "conf_thresh", 0))));
    for (int axis = 0; axis < 2; axis++) { /* x, then y */
        struct value *at = middle(o, &y, !axis), *half = half_size(o, &y, !axis);
        corners[axis] = clipped(o, &y, BUILD(o->b, "Sub", at, half), !axis, false);
        corners[2 + axis] = clipped(o, &y, BUILD(o->b, "Add", at, half), !axis, true);
    }
    for (int i = 0; i < 4; i++)
        corners[i] = build_unsqueeze(o->b, BUILD(o->b, "Mul", corners[i], counts), -1);
    dims[0] = build_shape(o->b, y.x, 0, 1);
    dims[1] = BUILD_LIST(o->b, -1);
    dims[2] = BUILD_LIST(o->b, 4);
    paddle_give(o, 0, BUILD(o->b, "Reshape", paddle_concat(o, 4, corners, -1), paddle_concat(o, 3, dims, 0)));
    struct value *scores = BUILD(o->b, "Sigmoid", part(o, &y, 5, 5 + y.classes));
    scores = BUILD(o->b, "Mul", scores, build_unsqueeze(o->b, BUILD(o->b, "Mul", sure, counts), 2));
    scores = build_transpose(o->b, scores, 5, (int64_t[]){0, 1, 3, 4, 2});
    dims[2] = BUILD_LIST(o->b, y.classes);
    paddle_give(o, 1, BUILD(o->b, "Reshape", scores, paddle_concat(o, 3, dims, 0)));
}

/* ---- SSD ---- */

/* How many boxes a place has for each size: 1, the largest, and one for each other ratio. */
static int ratio_count(struct paddle_node *o, float *ratios)
{
    float given[MOST_NUMBERS];
    int n = paddle_floats(o, "aspect_ratios", given, MOST_NUMBERS), count = 1;
    bool flip = paddle_bool(o, "flip", false);
    ratios[0] = 1;
    for (int i = 0; i < n; i++) {
        bool met = false;
        for (int k = 0; k < count; k++)
            met = met || fabsf(given[i] - ratios[k]) < 1e-6f;
        for (int k = 0; k < (met ? 0 : flip ? 2 : 1) && count < MOST_NUMBERS; k++)
            ratios[count++] = k ? 1 / given[i] : given[i];
    }
    return count;
}

/* Boxes [H, W, priors, 4] in the file's order: the largest is the last of each size, unless it says otherwise. */
static struct value *reordered(struct paddle_node *o, struct value *v, int sizes, int each)
{
    int64_t order[MOST_NUMBERS * 2];
    if (sizes * each > (int)(sizeof(order) / sizeof(*order)))
        build_fail(o->b, "%d priors for each place", sizes * each);
    for (int i = 0; i < sizes * each && !o->b->failed; i++) {
        int at = i % each, from = at == 0 ? 0 : at == each - 1 ? 1 : at + 1;
        order[i] = i - at + from;
    }
    return BUILD(o->b, "Gather/axis=3", v, o->b->failed ? NULL : build_list(o->b, sizes * each, order));
}

void paddle_read_prior_box(struct paddle_node *o)
{
    static const struct {
        const char *from, *to;
    } lists[] = {{"min_sizes", "min_sizes"},
                 {"max_sizes", "max_sizes"},
                 {"aspect_ratios", "aspect_ratios"},
                 {"variances", "variances"}};
    float values[MOST_NUMBERS], ratios[MOST_NUMBERS + 2],
        steps[] = {paddle_float(o, "step_h", 0), paddle_float(o, "step_w", 0)};
    int counts[4];
    struct value *x = paddle_in(o, 0), *v = BUILD(o->b, "nn.PriorBox", x, paddle_in(o, 1));
    for (int i = 0; i < 4; i++) {
        counts[i] = paddle_floats(o, lists[i].from, values, MOST_NUMBERS);
        if (counts[i] > 0)
            build_floats(o->b, v, lists[i].to, counts[i], values);
    }
    build_int(o->b, v, "flip", paddle_bool(o, "flip", false));
    build_int(o->b, v, "clip", paddle_bool(o, "clip", false));
    build_float(o->b, v, "offset", paddle_float(o, "offset", 0.5f));
    if (steps[0] > 0 && steps[1] > 0)
        build_floats(o->b, v, "step", 2, steps);
    int max = counts[1] > 0, each = ratio_count(o, ratios) + max;
    if (counts[0] < 1 || (max && counts[1] != counts[0])) {
        build_fail(o->b, "%d smallest sizes and %d largest", counts[0], counts[1]);
        return;
    }
    struct value *dims[] = {BUILD_LIST(o->b, 2), build_shape(o->b, x, 2, 4), BUILD_LIST(o->b, counts[0] * each, 4)};
    v = BUILD(o->b, "Reshape", v, paddle_concat(o, 3, dims, 0));
    if (max && each > 2 && !paddle_bool(o, "min_max_aspect_ratios_order", false))
        v = reordered(o, v, counts[0], each);
    for (int i = 0; i < 2; i++)
        paddle_give(o, i, BUILD(o->b, "Squeeze", build_slice(o->b, v, 0, i, i + 1), BUILD_LIST(o->b, 0)));
}

/* Boxes of x, y, width and height relative to priors, as corners. */
void paddle_read_box_coder(struct paddle_node *o)
{
    float given[4];
    struct value *target = paddle_in(o, 2), *prior = paddle_in(o, 0), *variance = paddle_optional(o, 1), *column[4];
    bool exact = paddle_bool(o, "box_normalized", true);
    int64_t axis = paddle_int(o, "axis", 0);
    if (!paddle_is(o, "code_type", "decode_center_size"))
        build_fail(o->b, "code_type '%.30s', want decode_center_size", paddle_text(o, "code_type", ""));
    prior = build_unsqueeze(o->b, prior, axis);
    if (variance)
        target = BUILD(o->b, "Mul", target, build_unsqueeze(o->b, variance, axis));
    else if (paddle_floats(o, "variance", given, 4) == 4)
        target = BUILD(o->b, "Mul", target, build_f32s(o->b, 4, given));
    for (int i = 0; i < 2; i++) {
        struct value *low = build_slice(o->b, prior, -1, i, i + 1), *high = build_slice(o->b, prior, -1, 2 + i, 3 + i);
        struct value *size = BUILD(o->b, "Sub", high, low);
        size = exact ? size : with(o, "Add", size, 1);
        struct value *at = BUILD(o->b, "Add", low, with(o, "Mul", size, 0.5));
        at = BUILD(o->b, "Add", BUILD(o->b, "Mul", build_slice(o->b, target, -1, i, i + 1), size), at);
        struct value *half = BUILD(o->b, "Exp", build_slice(o->b, target, -1, 2 + i, 3 + i));
        half = with(o, "Mul", BUILD(o->b, "Mul", half, size), 0.5);
        column[i] = BUILD(o->b, "Sub", at, half);
        column[2 + i] = BUILD(o->b, "Add", at, half);
        column[2 + i] = exact ? column[2 + i] : with(o, "Sub", column[2 + i], 1);
    }
    paddle_give(o, 0, paddle_concat(o, 4, column, -1));
}

/* ---- regions ---- */

/* Which image each region is of, from how many each image has. */
static struct value *images_of(struct paddle_node *o, struct value *rois)
{
    struct value *zero = BUILD_LIST(o->b, 0), *count = build_shape(o->b, rois, 0, 1);
    if (!paddle_has(o, 2))
        return BUILD(o->b, "Expand", zero, count);
    struct value *ends =
        BUILD(o->b, "CumSum", paddle_as(o, paddle_in(o, 2), DTYPE_I64), build_number(o->b, DTYPE_I64, 0));
    struct value *at = build_reshape(o->b, build_range(o->b, zero, count), 2, (int64_t[]){-1, 1});
    struct value *behind = build_cast(o->b, BUILD(o->b, "GreaterOrEqual", at, ends), DTYPE_I64);
    return BUILD(o->b, "ReduceSum/keepdims=0", behind, BUILD_LIST(o->b, 1));
}

void paddle_read_roi_align(struct paddle_node *o)
{
    struct value *rois = paddle_in(o, 1);
    struct value *v = BUILD(o->b, "RoiAlign", paddle_in(o, 0), rois, images_of(o, rois));
    int64_t ratio = paddle_int(o, "sampling_ratio", -1);
    build_int(o->b, v, "output_height", paddle_int(o, "pooled_height", 1));
    build_int(o->b, v, "output_width", paddle_int(o, "pooled_width", 1));
    build_int(o->b, v, "sampling_ratio", ratio > 0 ? ratio : 0);
    build_float(o->b, v, "spatial_scale", paddle_float(o, "spatial_scale", 1));
    paddle_give(o, 0,
                build_string(o->b, v, "coordinate_transformation_mode",
                             paddle_bool(o, "aligned", true) ? "half_pixel" : "output_half_pixel"));
}

void paddle_read_roi_pool(struct paddle_node *o)
{
    struct value *rois = paddle_in(o, 1);
    struct value *images = build_cast(o->b, build_unsqueeze(o->b, images_of(o, rois), 1), DTYPE_F32);
    struct value *v = BUILD(o->b, "MaxRoiPool", paddle_in(o, 0), BUILD(o->b, "Concat/axis=1", images, rois));
    int64_t shape[2] = {paddle_int(o, "pooled_height", 1), paddle_int(o, "pooled_width", 1)};
    build_ints(o->b, v, "pooled_shape", 2, shape);
    paddle_give(o, 0, build_float(o->b, v, "spatial_scale", paddle_float(o, "spatial_scale", 1)));
}
