/* Detection: prior boxes, and boxes from what a network says of them. */
#include <stdlib.h>
#include <string.h>

#include "format/ncnn/read.h"

/* A list parameter as an attribute; nothing when it is empty. */
static void set_floats(struct reader *r, struct value *v, const char *name, int id)
{
    size_t n = ncnn_count(r->l, id);
    float *list = n ? mem_calloc(n, sizeof(*list), r->b.err) : NULL;
    build_check(&r->b, !n || list);
    for (size_t i = 0; list && i < n; i++)
        list[i] = ncnn_float_at(r->l, id, i);
    if (list)
        build_floats(&r->b, v, name, (int)n, list);
    free(list);
}

/* Parameters id (of the width) and id + 1 (of the height), unless -233, which the operator calls 0. */
static float pair_part(struct reader *r, int id)
{
    float n = ncnn_float(r->l, id, -233);
    return n == -233 ? 0 : n;
}

struct value *ncnn_prior_box(struct reader *r)
{
    struct build *b = &r->b;
    bool image = r->l->in_count > 1;
    int width = ncnn_int(r->l, 9, 0), height = ncnn_int(r->l, 10, 0);
    if (!image && width == -233 && height == -233)
        return ncnn_opaque(r); /* MXNet's form */
    struct value *v = BUILD(b, "nn.PriorBox", ncnn_in(r, 0), image ? ncnn_in(r, 1) : NULL);
    set_floats(r, v, "min_sizes", 0);
    set_floats(r, v, "max_sizes", 1);
    set_floats(r, v, "aspect_ratios", 2);
    build_floats(b, v, "variances", 4,
                 (float[]){ncnn_float(r->l, 3, 0.1f), ncnn_float(r->l, 4, 0.1f), ncnn_float(r->l, 5, 0.2f),
                           ncnn_float(r->l, 6, 0.2f)});
    build_int(b, v, "flip", ncnn_int(r->l, 7, 1) != 0);
    build_int(b, v, "clip", ncnn_int(r->l, 8, 0) != 0);
    build_int(b, v, "unique", 0);
    build_ints(b, v, "image_size", 2, (int64_t[]){height == -233 ? 0 : height, width == -233 ? 0 : width});
    build_floats(b, v, "step", 2, (float[]){pair_part(r, 12), pair_part(r, 11)});
    build_float(b, v, "offset", ncnn_float(r->l, 13, 0));
    build_int(b, v, "step_ceil", ncnn_int(r->l, 14, 0) != 0);
    return build_int(b, v, "center_less_one", ncnn_int(r->l, 15, 0) != 0);
}

struct value *ncnn_detection_output(struct reader *r)
{
    struct build *b = &r->b;
    int classes = ncnn_int(r->l, 0, 0);
    if (classes == -233)
        return ncnn_opaque(r); /* MXNet's form */
    struct value *v = BUILD(b, "nn.DetectionOutput", ncnn_in(r, 0), ncnn_in(r, 1), ncnn_in(r, 2));
    build_int(b, v, "num_classes", classes);
    build_string(b, v, "code_type", "CENTER_SIZE");
    build_string(b, v, "rows", "ncnn");
    build_float(b, v, "nms_threshold", ncnn_float(r->l, 1, 0.05f));
    build_int(b, v, "top_k", ncnn_int(r->l, 2, 300));
    build_int(b, v, "keep_top_k", ncnn_int(r->l, 3, 100));
    build_float(b, v, "confidence_threshold", ncnn_float(r->l, 4, 0.5f));
    return build_unsqueeze(b, v, 0);
}

/* Which anchor each box has: whole numbers that the file has as floats. */
static void set_mask(struct reader *r, struct value *v, int id)
{
    size_t n = ncnn_count(r->l, id);
    int64_t *list = n ? mem_calloc(n, sizeof(*list), r->b.err) : NULL;
    build_check(&r->b, !n || list);
    for (size_t i = 0; list && i < n; i++) {
        float anchor = ncnn_float_at(r->l, id, i);
        list[i] = anchor >= 0 && anchor < (1 << 20) ? (int64_t)anchor : -1;
    }
    if (list)
        build_ints(&r->b, v, "mask", (int)n, list);
    free(list);
}

/* YoloDetectionOutput, and of version 3, which takes several grids. */
struct value *ncnn_yolo_output(struct reader *r)
{
    struct build *b = &r->b;
    bool third = strcmp(r->l->type, "Yolov3DetectionOutput") == 0;
    int count = third ? r->l->in_count : 1;
    struct value **in = mem_calloc((size_t)count, sizeof(*in), b->err);
    build_check(b, in);
    for (int i = 0; in && i < count; i++)
        in[i] = ncnn_in(r, i);
    struct value *v =
        b->failed ? NULL : build_node(b, third ? "nn.Yolov3DetectionOutput" : "nn.YoloDetectionOutput", count, in);
    free(in);
    build_int(b, v, "classes", ncnn_int(r->l, 0, 20));
    build_int(b, v, "boxes", ncnn_int(r->l, 1, 5));
    build_float(b, v, "confidence_threshold", ncnn_float(r->l, 2, 0.01f));
    build_float(b, v, "nms_threshold", ncnn_float(r->l, 3, 0.45f));
    set_floats(r, v, "anchors", 4);
    if (third) {
        set_mask(r, v, 5);
        set_floats(r, v, "anchors_scale", 6);
    }
    return build_unsqueeze(b, v, 0);
}

/* ---- regions ---- */

/* These layers take the first region alone, of a blob of four numbers each: corners of both ends. */
static struct value *first_box(struct reader *r)
{
    struct value *boxes = ncnn_in(r, 1);
    if (ncnn_dims(r, boxes) == 1 && ncnn_size(r, boxes, 0) == 4)
        return boxes;
    struct value *rows = build_reshape(&r->b, boxes, 2, (int64_t[]){-1, 4});
    return build_slice(&r->b, rows, 0, 0, 1);
}

/* The same with the number of the image before it, as operators of several images have it. */
static struct value *first_region(struct reader *r)
{
    return BUILD(&r->b, "Pad", first_box(r), BUILD_LIST(&r->b, 0, 1, 0, 0));
}

/* Width and height of the result, parameters 0 and 1. */
static void pooled_size(struct reader *r, int64_t *height, int64_t *width)
{
    *width = ncnn_int(r->l, 0, 0);
    *height = ncnn_int(r->l, 1, 0);
    if (*width < 1 || *height < 1 || *width > 4096 || *height > 4096)
        build_fail(&r->b, "has a result of %lld x %lld", (long long)*width, (long long)*height);
}

struct value *ncnn_roi_pooling(struct reader *r)
{
    struct build *b = &r->b;
    int64_t size[2];
    pooled_size(r, &size[0], &size[1]);
    struct value *v = BUILD(b, "MaxRoiPool", ncnn_in(r, 0), first_region(r));
    build_ints(b, v, "pooled_shape", 2, size);
    return build_float(b, v, "spatial_scale", ncnn_float(r->l, 2, 1));
}

/* Version 1 is the operator as it is. Version 0 cuts each bin at the image's border instead of the points outside of
 * it: the same for regions inside of the image, which proposals are. */
struct value *ncnn_roi_align(struct reader *r)
{
    struct build *b = &r->b;
    int64_t height, width;
    pooled_size(r, &height, &width);
    struct value *v = BUILD(b, "RoiAlign", ncnn_in(r, 0), first_box(r), BUILD_LIST(b, 0));
    build_int(b, v, "output_height", height);
    build_int(b, v, "output_width", width);
    build_int(b, v, "sampling_ratio", ncnn_int(r->l, 3, 0) > 0 ? ncnn_int(r->l, 3, 0) : 0);
    build_float(b, v, "spatial_scale", ncnn_float(r->l, 2, 1));
    return build_string(b, v, "coordinate_transformation_mode",
                        ncnn_int(r->l, 4, 0) ? "half_pixel" : "output_half_pixel");
}

struct value *ncnn_psroi_pool(struct reader *r)
{
    struct build *b = &r->b;
    struct value *v = BUILD(b, "nn.PSRoiPool", ncnn_in(r, 0), first_region(r));
    build_ints(b, v, "pooled_shape", 2, (int64_t[]){ncnn_int(r->l, 1, 7), ncnn_int(r->l, 0, 7)});
    build_int(b, v, "output_dim", ncnn_int(r->l, 3, 0));
    return build_float(b, v, "spatial_scale", ncnn_float(r->l, 2, 0.0625f));
}

/* Regions [n, 1, 4], and their scores [n, 1, 1]. */
struct value *ncnn_proposal(struct reader *r)
{
    struct build *b = &r->b;
    struct value *v = BUILD(b, "nn.Proposal", ncnn_in(r, 0), ncnn_in(r, 1), ncnn_in(r, 2));
    build_string(b, v, "rows", "ncnn");
    build_int(b, v, "feat_stride", ncnn_int(r->l, 0, 16));
    build_int(b, v, "base_size", ncnn_int(r->l, 1, 16));
    build_int(b, v, "pre_nms_topn", ncnn_int(r->l, 2, 6000));
    build_int(b, v, "post_nms_topn", ncnn_int(r->l, 3, 300));
    build_float(b, v, "nms_threshold", ncnn_float(r->l, 4, 0.7f));
    build_float(b, v, "min_size", (float)ncnn_int(r->l, 5, 16));
    if (r->l->out_count > 1)
        ncnn_give(r, 1, BUILD(b, "Unsqueeze", build_output(b, v, 1), BUILD_LIST(b, 0, 2, 3)));
    return BUILD(b, "Unsqueeze", v, BUILD_LIST(b, 0, 2));
}
