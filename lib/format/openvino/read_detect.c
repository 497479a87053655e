/* Detection: regions, boxes, pools of regions. */
#include <string.h>

#include "format/openvino/openvino.h"

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
    part[3] = softmax ? build_int(l->b, BUILD(l->b, "Softmax", part[3]), "axis", 2) : BUILD(l->b, "Sigmoid", part[3]);
    struct value *v = build_int(l->b, build_node(l->b, "Concat", 4, part), "axis", 2);
    v = build_reshape(l->b, v, 4, (int64_t[]){0, -1, height < 0 ? 1 : height, width});
    if (height < 0 || width < 0)
        build_fail(l->b, "the size of its input must be known");
    l->out[0] = softmax ? build_int(l->b, BUILD(l->b, "Flatten", v), "axis", 1) : v;
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
    if (!openvino_bool(l, "normalized", false) || openvino_bool(l, "clip_after_nms", false) || classes < 1)
        build_fail(l->b, "want normalised boxes that are not clipped behind, and a known number of classes");
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
    if (!openvino_has(l, k))
        return NULL;
    return openvino_rank(l, k) == 0 ? l->in[k] : BUILD(l->b, "Squeeze", l->in[k]);
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
        l->out[1] = build_int(l->b, BUILD(l->b, "Concat", where, score), "axis", 1);
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

void openvino_read_roi_align(struct openvino_read *l)
{
    static const char *const modes[] = {"avg", "max", NULL}, *const places[] = {"asymmetric", "half_pixel", NULL};
    int place = openvino_word(l, "aligned_mode", "asymmetric", places), mode = openvino_word(l, "mode", "avg", modes);
    struct value *v = BUILD(l->b, "RoiAlign", openvino_in(l, 0), openvino_in(l, 1), openvino_i64(l, 2));
    build_int(l->b, v, "output_height", openvino_int(l, "pooled_h", 1));
    build_int(l->b, v, "output_width", openvino_int(l, "pooled_w", 1));
    build_int(l->b, v, "sampling_ratio", openvino_int(l, "sampling_ratio", 0));
    build_float(l->b, v, "spatial_scale", openvino_float(l, "spatial_scale", 1));
    build_string(l->b, v, "mode", modes[mode]);
    l->out[0] = build_string(l->b, v, "coordinate_transformation_mode", place ? "half_pixel" : "output_half_pixel");
}

void openvino_read_roi_pool(struct openvino_read *l)
{
    static const char *const methods[] = {"max", NULL};
    int64_t shape[2] = {openvino_int(l, "pooled_h", 1), openvino_int(l, "pooled_w", 1)};
    struct value *v = BUILD(l->b, "MaxRoiPool", openvino_in(l, 0), openvino_in(l, 1));
    openvino_word(l, "method", "max", methods);
    openvino_ints(l, "output_size", shape, 2);
    build_ints(l->b, v, "pooled_shape", 2, shape);
    l->out[0] = build_float(l->b, v, "spatial_scale", openvino_float(l, "spatial_scale", 1));
}
