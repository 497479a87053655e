/* Detection: priors, their decoding, suppression. */
#include <string.h>

#include "format/mnn/handlers.h"
#include "op/detect_build.h"

static void set_floats(struct mnn_op *o, struct value *y, const char *attr, const char *field)
{
    struct flatbuf_vector v = mnn_vector(&o->param, field);
    float numbers[256];
    size_t count = v.count < 256 ? v.count : 256;
    for (size_t i = 0; i < count; i++)
        numbers[i] = flatbuf_vector_float(v, i);
    if (count)
        build_floats(o->b, y, attr, (int)count, numbers);
}

void mnn_read_prior_box(struct mnn_op *o)
{
    const struct mnn_table *t = &o->param;
    struct value *y = BUILD(o->b, "nn.PriorBox", mnn_in_image(o), mnn_has_in(o, 1) ? mnn_in_any(o, 1) : NULL);
    const int64_t size[2] = {mnn_int(t, "imageHeight"), mnn_int(t, "imageWidth")};
    const float step[2] = {(float)mnn_int(t, "stepHeight"), (float)mnn_int(t, "stepWidth")};
    set_floats(o, y, "min_sizes", "minSizes");
    set_floats(o, y, "max_sizes", "maxSizes");
    set_floats(o, y, "aspect_ratios", "aspectRatios");
    set_floats(o, y, "variances", "variances");
    build_int(o->b, y, "flip", mnn_int(t, "flip"));
    build_int(o->b, y, "clip", mnn_int(t, "clip"));
    build_ints(o->b, y, "image_size", 2, size);
    build_floats(o->b, y, "step", 2, step);
    build_float(o->b, y, "offset", mnn_float(t, "offset"));
    mnn_give_as(o, 0, build_unsqueeze(o->b, y, 3), MNN_NC4HW4);
}

/* Rows of label, score and box, by score; [1, 1, n, 6]. */
void mnn_read_detection_output(struct mnn_op *o)
{
    static const char *const codes[] = {"CORNER", "CORNER", "CENTER_SIZE", "CORNER_SIZE"};
    const struct mnn_table *t = &o->param;
    int64_t code = mnn_int(t, "codeType");
    struct value *in[5] = {0};
    for (size_t i = 0; i < 5 && i < o->in.count; i++)
        in[i] = mnn_in(o, i);
    struct value *y = build_node(o->b, "nn.DetectionOutput", 5, in);
    build_int(o->b, y, "num_classes", mnn_int(t, "classCount"));
    build_int(o->b, y, "share_location", mnn_int(t, "shareLocation"));
    build_int(o->b, y, "background_label_id", mnn_int(t, "backgroundLable"));
    build_string(o->b, y, "code_type", codes[code >= 1 && code <= 3 ? code : 2]);
    build_int(o->b, y, "variance_encoded_in_target", mnn_int(t, "varianceEncodedTarget"));
    build_float(o->b, y, "confidence_threshold", mnn_float(t, "confidenceThreshold"));
    build_float(o->b, y, "nms_threshold", mnn_float(t, "nmsThresholdold"));
    build_int(o->b, y, "top_k", mnn_int(t, "nmsTopK"));
    build_int(o->b, y, "keep_top_k", mnn_int(t, "keepTopK"));
    build_float(o->b, y, "objectness_score", mnn_float(t, "objectnessScore"));
    build_string(o->b, y, "rows", "ncnn");
    mnn_give_as(o, 0, BUILD(o->b, "Unsqueeze", y, BUILD_LIST(o->b, 0, 1)), MNN_NC4HW4);
}

/* ---- parts of an image ---- */

/* Its dims are those of NHWC whatever its layout is said to be. */
void mnn_read_crop_and_resize(struct mnn_op *o)
{
    struct build *b = o->b;
    int64_t size[2] = {1, 1};
    if (mnn_int(&o->param, "method") != 0)
        build_fail(b, "the nearest pixels of a part are not read");
    if (mnn_in_ints(o, 3, size, 2) != 2 || size[0] < 1 || size[1] < 1 || size[0] > 1 << 15 || size[1] > 1 << 15)
        build_fail(b, "the size of the parts must be known");
    struct value *x = mnn_channels_first(b, mnn_in(o, 0));
    struct value *y = detect_crop(b, x, mnn_in(o, 1), mnn_in(o, 2), size, mnn_float(&o->param, "extrapolationValue"));
    mnn_give(o, 0, mnn_channels_last(b, y));
}

/* Regions [n, 5] of batch and corners, or [n, 4], with the batches as one more input. */
void mnn_read_roi(struct mnn_op *o)
{
    struct build *b = o->b;
    const struct mnn_table *t = &o->param;
    const int64_t size[2] = {mnn_int(t, "pooledHeight"), mnn_int(t, "pooledWidth")};
    bool align = strcmp(o->kind->onnx, "RoiAlign") == 0, apart = mnn_has_in(o, 2);
    if (align && mnn_int(t, "poolType") == 0) { /* the largest of samples, where ONNX has that of their parts */
        mnn_read_opaque(o);
        return;
    }
    struct value *x = mnn_in_image(o), *y;
    struct value *rois = build_reshape(b, mnn_in_float(o, 1), 2, (int64_t[]){-1, apart ? 4 : 5});
    if (size[0] < 1 || size[1] < 1 || (apart && !align))
        build_fail(b, "regions of %lldx%lld", (long long)size[0], (long long)size[1]);
    if (align) {
        struct value *batch =
            apart ? mnn_int_vector(o, mnn_in(o, 2)) : mnn_int_vector(o, build_slice(b, rois, 1, 0, 1));
        y = BUILD(b, "RoiAlign", x, apart ? rois : build_slice(b, rois, 1, 1, 5), build_cast(b, batch, DTYPE_I64));
        build_string(b, y, "coordinate_transformation_mode",
                     mnn_int(t, "aligned") ? "half_pixel" : "output_half_pixel");
        build_int(b, y, "sampling_ratio", mnn_int(t, "samplingRatio") > 0 ? mnn_int(t, "samplingRatio") : 0);
        build_int(b, y, "output_height", size[0]);
        build_int(b, y, "output_width", size[1]);
    } else {
        y = build_ints(b, BUILD(b, "MaxRoiPool", x, rois), "pooled_shape", 2, size);
    }
    mnn_give_image(o, 0, build_float(b, y, "spatial_scale", mnn_float(t, "spatialScale")));
}

/* ---- suppression ---- */

static struct value *float_vector(struct mnn_op *o, size_t i)
{
    return mnn_has_in(o, i) ? mnn_int_vector(o, mnn_in_float(o, i)) : NULL;
}

/* Boxes [n, 4], scores [n]; indexes of those kept. */
void mnn_read_suppression(struct mnn_op *o)
{
    struct value *boxes = mnn_in(o, 0), *most = mnn_int_vector(o, mnn_in(o, 2));
    struct value *scores = BUILD(o->b, "Unsqueeze", mnn_in(o, 1), BUILD_LIST(o->b, 0, 1));
    struct value *chosen = BUILD(o->b, "NonMaxSuppression", build_unsqueeze(o->b, boxes, 0), scores, most,
                                 float_vector(o, 3), float_vector(o, 4));
    mnn_give_as(o, 0, BUILD(o->b, "Gather/axis=1", chosen, build_number(o->b, DTYPE_I64, 2)), MNN_NCHW);
}
