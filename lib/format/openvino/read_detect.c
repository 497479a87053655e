/* Detection: regions, boxes, pools of regions. */
#include <string.h>

#include "format/openvino/openvino.h"
#include "op/detect_build.h"

#define MOST_BINS 65536 /* of a region along an axis */

/* Centre and objectness through the logistic function, classes through it or a softmax; nothing is placed yet. */
void openvino_read_region_yolo(struct openvino_read *l)
{
    int64_t mask[64], num = openvino_int(l, "num", 1), coords = openvino_int(l, "coords", 4);
    int64_t classes = openvino_int(l, "classes", 1), height = openvino_dim(l, 0, 2), width = openvino_dim(l, 0, 3);
    bool softmax = openvino_bool(l, "do_softmax", true);
    int masked = openvino_ints(l, "mask", mask, 64);
    int64_t regions = softmax || masked < 0 ? num : masked;
    if (openvino_rank(l, 0) != 4 || coords < 2 || classes < 1 || regions < 1 || coords > 1024 || classes > (1 << 20))
        build_fail(l->b, "want an input of 4 axes, 2 coordinates or more and a class");
    struct value *x = build_reshape(l->b, openvino_in(l, 0), 5,
                                    (int64_t[]){0, regions, coords + 1 + classes, height < 0 ? -1 : height, width});
    struct value *split = BUILD(l->b, "Split", x, BUILD_LIST(l->b, 2, coords - 2, 1, classes)), *part[4];
    build_int(l->b, split, "axis", 2);
    for (int i = 0; i < 4; i++)
        part[i] = build_output(l->b, split, i);
    part[0] = BUILD(l->b, "Sigmoid", part[0]);
    part[2] = BUILD(l->b, "Sigmoid", part[2]);
    part[3] = softmax ? BUILD(l->b, "Softmax/axis=2", part[3]) : BUILD(l->b, "Sigmoid", part[3]);
    struct value *v = build_int(l->b, build_node(l->b, "Concat", 4, part), "axis", 2);
    v = build_reshape(l->b, v, 4, (int64_t[]){0, -1, height < 0 ? 1 : height, width});
    if (height < 0 || width < 0)
        build_fail(l->b, "the size of its input must be known");
    l->out[0] = softmax ? BUILD(l->b, "Flatten/axis=1", v) : v;
}

/* Rows end where OpenVINO writes one of image -1. */
void openvino_read_detection_output(struct openvino_read *l)
{
    static const char *const codes[] = {"caffe.PriorBoxParameter.CORNER", "caffe.PriorBoxParameter.CENTER_SIZE", NULL};
    int code = openvino_word(l, "code_type", codes[0], codes);
    int64_t keep = -1, classes = openvino_int(l, "num_classes", -1);
    if (classes < 0 && openvino_dim(l, 2, 2) > 0)
        classes = openvino_dim(l, 1, 1) / (openvino_dim(l, 2, 2) / 4);
    openvino_ints(l, "keep_top_k", &keep, 1);
    for (int k = 0; k < 3; k++)
        openvino_in(l, k);
    if (openvino_bool(l, "decrease_label_id", false))
        build_fail(l->b, "labels that count from the background (decrease_label_id) are not read");
    if (!openvino_bool(l, "normalized", false) || classes < 1)
        build_fail(l->b, "want normalised boxes, and a known number of classes");
    struct value *v =
        l->b->failed ? NULL
                     : build_node(l->b, "nn.DetectionOutput", l->layer->in_count < 5 ? l->layer->in_count : 5, l->in);
    build_int(l->b, v, "num_classes", classes);
    build_int(l->b, v, "share_location", openvino_bool(l, "share_location", true));
    build_int(l->b, v, "background_label_id", openvino_int(l, "background_label_id", 0));
    build_string(l->b, v, "code_type", code ? "CENTER_SIZE" : "CORNER");
    build_int(l->b, v, "variance_encoded_in_target", openvino_bool(l, "variance_encoded_in_target", false));
    build_float(l->b, v, "confidence_threshold", openvino_float(l, "confidence_threshold", 0));
    build_float(l->b, v, "nms_threshold", openvino_float(l, "nms_threshold", 0.3f));
    build_int(l->b, v, "top_k", openvino_int(l, "top_k", -1));
    build_int(l->b, v, "keep_top_k", keep);
    build_int(l->b, v, "clip", openvino_bool(l, "clip_before_nms", false));
    if (l->layer->in_count > 3)
        build_float(l->b, v, "objectness_score", openvino_float(l, "objectness_score", 0));
    if (openvino_bool(l, "clip_after_nms", false))
        v = build_formula(l->b, "$0 [0] [3] [3] Slice:4 $0 [3] [7] [3] Slice:4 =0 =1 Clip:3 Concat:2/axis=3", 1, &v);
    l->out[0] = v;
}

/* Rows by score, over all classes and images, unless that is not wanted. */
static struct value *by_score(struct openvino_read *l, struct value *rows)
{
    struct value *score = BUILD(l->b, "GatherND", openvino_in(l, 1), rows);
    struct value *order = build_output(l->b, BUILD(l->b, "TopK", score, BUILD(l->b, "Shape", score)), 1);
    return BUILD(l->b, "Gather", rows, order);
}

static struct value *scalar(struct openvino_read *l, int k)
{
    return openvino_has(l, k) ? openvino_scalar(l->b, l->in[k]) : NULL;
}

void openvino_read_nms(struct openvino_read *l)
{
    static const char *const codes[] = {"corner", "center", NULL};
    float sigma = 0;
    int code = openvino_word(l, "box_encoding", "corner", codes);
    struct value *most = openvino_has(l, 2) ? openvino_list(l, 2) : NULL;
    struct value *rows =
        BUILD(l->b, "NonMaxSuppression", openvino_in(l, 0), openvino_in(l, 1), most, scalar(l, 3), scalar(l, 4));
    if (openvino_has(l, 5) && (!openvino_in_float(l, 5, &sigma) || sigma != 0))
        build_fail(l->b, "soft suppression is not read");
    if (code)
        build_int(l->b, rows, "center_point_box", 1);
    if (openvino_bool(l, "sort_result_descending", true))
        rows = by_score(l, rows);
    l->out[0] = openvino_as(l, rows, "output_type", "i64");
    if (l->layer->out_count > 1) {
        struct value *score = build_unsqueeze(l->b, BUILD(l->b, "GatherND", openvino_in(l, 1), rows), 1);
        struct value *where = build_cast(l->b, build_slice(l->b, rows, 1, 0, 2), DTYPE_F32);
        l->out[1] = BUILD(l->b, "Concat/axis=1", where, score);
    }
    if (l->layer->out_count > 2)
        l->out[2] = openvino_as(l, build_shape(l->b, rows, 0, 1), "output_type", "i64");
}

void openvino_read_psroi_pool(struct openvino_read *l)
{
    static const char *const modes[] = {"average", NULL};
    struct value *v = BUILD(l->b, "nn.PSRoiPool", openvino_in(l, 0), openvino_in(l, 1));
    openvino_word(l, "mode", "average", modes);
    build_int(l->b, v, "output_dim", openvino_int(l, "output_dim", 1));
    build_int(l->b, v, "group_size", openvino_int(l, "group_size", 1));
    l->out[0] = build_float(l->b, v, "spatial_scale", openvino_float(l, "spatial_scale", 1));
}

static void check_bins(struct openvino_read *l, int64_t height, int64_t width)
{
    if (height < 1 || width < 1 || height > MOST_BINS || width > MOST_BINS)
        build_fail(l->b, "it makes %lld x %lld bins of a region", (long long)height, (long long)width);
}

/* Of the samples of a bin the mean, or, as a pool of a grid of these, the largest, at least 0: ONNX's maximum is of
 * something else. */
void openvino_read_roi_align(struct openvino_read *l)
{
    static const char *const modes[] = {"avg", "max", NULL}, *const places[] = {"asymmetric", "half_pixel_for_nn",
                                                                                "half_pixel", NULL};
    int place = openvino_word(l, "aligned_mode", "asymmetric", places), max = openvino_word(l, "mode", "avg", modes);
    int64_t samples = openvino_int(l, "sampling_ratio", 0), each = max ? samples : 1;
    int64_t height = openvino_int(l, "pooled_h", 1), width = openvino_int(l, "pooled_w", 1);
    struct value *rois = openvino_in(l, 1);
    if (place == 2)
        rois = detect_with(l->b, "Add", rois, 0.5);
    if (each < 1 || each > 64)
        build_fail(l->b, "a maximum of a number of samples that differs from region to region is not read");
    check_bins(l, height, width);
    if (l->b->failed)
        return;
    struct value *v = BUILD(l->b, "RoiAlign", openvino_in(l, 0), rois, openvino_i64(l, 2));
    build_int(l->b, v, "output_height", height * each);
    build_int(l->b, v, "output_width", width * each);
    build_int(l->b, v, "sampling_ratio", max ? 1 : samples);
    build_float(l->b, v, "spatial_scale", openvino_float(l, "spatial_scale", 1));
    build_string(l->b, v, "coordinate_transformation_mode", place ? "half_pixel" : "output_half_pixel");
    if (max) {
        v = BUILD(l->b, "MaxPool", v);
        build_ints(l->b, build_ints(l->b, v, "kernel_shape", 2, (int64_t[]){each, each}), "strides", 2,
                   (int64_t[]){each, each});
    }
    l->out[0] = max ? BUILD(l->b, "Relu", v) : v;
}

void openvino_read_roi_pool(struct openvino_read *l)
{
    static const char *const methods[] = {"max", "bilinear", NULL};
    int64_t shape[2] = {openvino_int(l, "pooled_h", 1), openvino_int(l, "pooled_w", 1)};
    openvino_ints(l, "output_size", shape, 2);
    check_bins(l, shape[0], shape[1]);
    if (l->b->failed)
        return;
    if (openvino_word(l, "method", "max", methods) == 1) { /* corners as parts of the map */
        struct value *rois = openvino_in(l, 1);
        struct value *boxes = detect_gather(l->b, rois, BUILD_LIST(l->b, 2, 1, 4, 3), 1);
        struct value *image =
            build_cast(l->b, detect_gather(l->b, rois, build_number(l->b, DTYPE_I64, 0), 1), DTYPE_I64);
        l->out[0] = detect_crop(l->b, openvino_in(l, 0), boxes, image, shape, 0);
        return;
    }
    struct value *v = BUILD(l->b, "MaxRoiPool", openvino_in(l, 0), openvino_in(l, 1));
    build_ints(l->b, v, "pooled_shape", 2, shape);
    l->out[0] = build_float(l->b, v, "spatial_scale", openvino_float(l, "spatial_scale", 1));
}

/* ---- boxes of places: the sizes of the cells and of the image are inputs ---- */

#define MOST_SIZES 256

static int floats(struct openvino_read *l, const char *name, float *values)
{
    double numbers[MOST_SIZES];
    int count = openvino_numbers(l, name, numbers, MOST_SIZES);
    for (int i = 0; i < count; i++)
        values[i] = (float)numbers[i];
    return count;
}

/* Something of that height and width. */
static struct value *sized(struct openvino_read *l, int k)
{
    struct value *size = openvino_list(l, k);
    return build_formula(l->b, "[1,1] $0 Concat:2/axis=0 ConstantOfShape", 1, &size);
}

void openvino_read_prior_box(struct openvino_read *l)
{
    static const char *const lists[][2] = {{"min_size", "min_sizes"},
                                           {"max_size", "max_sizes"},
                                           {"aspect_ratio", "aspect_ratios"},
                                           {"variance", "variances"}};
    float values[MOST_SIZES], step = openvino_float(l, "step", 0);
    int counts[4];
    struct value *v = BUILD(l->b, "nn.PriorBox", sized(l, 0), sized(l, 1));
    for (int i = 0; i < 4; i++) {
        counts[i] = floats(l, lists[i][0], values);
        if (counts[i] > 0)
            build_floats(l->b, v, lists[i][1], counts[i], values);
    }
    if (!openvino_bool(l, "scale_all_sizes", true) || floats(l, "fixed_size", values) > 0 ||
        floats(l, "density", values) > 0)
        build_fail(l->b, "boxes of fixed sizes, or of sizes that are not scaled, are not read");
    if (counts[1] > 0 && counts[2] > 0 && !openvino_bool(l, "min_max_aspect_ratios_order", true))
        build_fail(l->b, "the largest box behind those of other ratios is not read");
    build_int(l->b, v, "flip", openvino_bool(l, "flip", false));
    build_int(l->b, v, "clip", openvino_bool(l, "clip", false));
    build_float(l->b, v, "offset", openvino_float(l, "offset", 0));
    if (step > 0)
        build_floats(l->b, v, "step", 2, (float[]){step, step});
    l->out[0] = BUILD(l->b, "Squeeze", v, BUILD_LIST(l->b, 0));
}

/* Boxes of given widths and heights around each cell, as parts of the image; then their variances. */
void openvino_read_prior_box_clustered(struct openvino_read *l)
{
    struct build *b = l->b;
    float sizes[2][MOST_SIZES], variance[MOST_SIZES],
        step = openvino_float(l, "step", 0),
        steps[2] = {openvino_float(l, "step_w", 0), openvino_float(l, "step_h", 0)};
    int count = floats(l, "width", sizes[0]), variances = floats(l, "variance", variance);
    struct value *corner[4];
    if (count < 1 || floats(l, "height", sizes[1]) != count || (variances > 1 && variances != 4))
        build_fail(b, "%d widths and another number of heights, or %d variances", count, variances);
    for (int i = variances < 1 ? 0 : variances; i < 4; i++)
        variance[i] = variances < 1 ? 0.1f : variance[0];
    struct value *cells = openvino_list(l, 0), *image = openvino_list(l, 1);
    for (int axis = 0; axis < 2 && !b->failed; axis++) { /* x, then y */
        float each = steps[axis] > 0 ? steps[axis] : step;
        for (int i = 0; i < count; i++)
            sizes[axis][i] /= 2;
        struct value *in[] = {build_slice(b, cells, 0, 1 - axis, 2 - axis),
                              build_slice(b, image, 0, 1 - axis, 2 - axis),
                              build_f32s(b, count, sizes[axis]),
                              build_number(b, DTYPE_F32, (double)openvino_float(l, "offset", 0)),
                              build_number(b, DTYPE_F32, (double)each),
                              axis ? BUILD_LIST(b, -1, 1, 1) : BUILD_LIST(b, -1, 1)};
        struct value *length = build_formula(b, each > 0 ? "$4" : "$1 Cast/to=1 $0 Cast/to=1 Div:2", 6, in);
        in[4] = length;
        in[3] = build_formula(b, "#_=0 $0 Squeeze #_=1 Range:3 Cast/to=1 $3 Add:2 $4 Mul:2 $5 Reshape:2", 6, in);
        corner[axis] = build_formula(b, "$3 $2 Sub:2 $1 Cast/to=1 Div:2", 6, in);
        corner[2 + axis] = build_formula(b, "$3 $2 Add:2 $1 Cast/to=1 Div:2", 6, in);
    }
    struct value *shape = BUILD(b, "Concat/axis=0", cells, BUILD_LIST(b, count));
    for (int i = 0; i < 4 && !b->failed; i++)
        corner[i] = build_unsqueeze(b, BUILD(b, "Expand", corner[i], shape), -1);
    struct value *v = b->failed ? NULL : build_int(b, build_node(b, "Concat", 4, corner), "axis", -1);
    if (openvino_bool(l, "clip", true))
        v = BUILD(b, "Clip", v, build_number(b, DTYPE_F32, 0), build_number(b, DTYPE_F32, 1));
    struct value *both[] = {v, build_f32s(b, 4, variance)};
    l->out[0] = build_formula(b, "$0 [1,-1] Reshape:2 $1 $0 Shape Expand:2 [1,-1] Reshape:2 Concat:2/axis=0", 2, both);
}
