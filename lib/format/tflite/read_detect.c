/* Suppression of boxes, and the custom operator that detectors end with. */
#include "format/tflite/operators.h"
#include "format/tflite/schema.h"
#include "parse/flexbuf.h"

static struct value *vector(struct tflite_op *o, struct value *v, int64_t count)
{
    return build_reshape(o->b, v, 1, &count);
}

/* Inputs: boxes [n, 4], scores [n], how many at most, overlap, least score; V5 also the sigma of soft suppression,
 * which ONNX does not have. Results are padded with zeros: indices, V5 also scores, and how many there are. */
void tflite_read_nms(struct tflite_op *o)
{
    struct build *b = o->b;
    bool has_sigma = tflite_has(o, 5);
    struct tflite_tensor *t = tflite_input(o, 5);
    const struct tensor *sigma = has_sigma && t ? tflite_tensor_data(o->g, t) : NULL;
    if (has_sigma && (!sigma || sigma->count != 1 || tensor_get_f64(sigma, 0) != 0)) {
        tflite_read_opaque(o);
        return;
    }
    struct value *scores = tflite_real(o, 1), *most = tflite_i64(o, 2);
    struct value *found = BUILD(b, "NonMaxSuppression", build_unsqueeze(b, tflite_real(o, 0), 0),
                                BUILD(b, "Unsqueeze", scores, BUILD_LIST(b, 0, 1)), most,
                                vector(o, tflite_real(o, 3), 1), vector(o, tflite_real(o, 4), 1));
    struct value *at = BUILD(b, "Squeeze", build_slice(b, found, 1, 2, 3), BUILD_LIST(b, 1));
    struct value *count = build_shape(b, at, 0, 1);
    struct value *pads[] = {BUILD_LIST(b, 0), BUILD(b, "Sub", most, count)};
    struct value *behind = build_int(b, build_node(b, "Concat", 2, pads), "axis", 0);
    int next = 0;
    tflite_give_raw(o, next++, build_cast(b, BUILD(b, "Pad", at, behind), DTYPE_I32));
    if (has_sigma)
        tflite_give(o, next++, BUILD(b, "Pad", BUILD(b, "Gather", scores, at), behind));
    tflite_give_raw(o, next, build_cast(b, tflite_scalar(b, count), DTYPE_I32));
}

/* Options are a map of numbers, which the attributes are named after. */
void tflite_read_detection(struct tflite_op *o)
{
    static const char *const floats[] = {"y_scale",          "x_scale", "h_scale", "w_scale", "nms_score_threshold",
                                         "nms_iou_threshold"};
    static const char *const ints[] = {"max_detections", "max_classes_per_detection", "detections_per_class",
                                       "num_classes", "use_regular_nms"};
    struct flatbuf_vector bytes = flatbuf_vector(o->table, OPERATOR_CUSTOM, 1);
    struct flexbuf map;
    flexbuf_init(&map, bytes.data, bytes.count);
    struct value *v = BUILD(o->b, "nn.DetectionPostProcess", tflite_real(o, 0), tflite_real(o, 1), tflite_real(o, 2));
    for (size_t i = 0; i < sizeof floats / sizeof *floats; i++)
        v = build_float(o->b, v, floats[i], (float)flexbuf_find(&map, floats[i], 0));
    for (size_t i = 0; i < sizeof ints / sizeof *ints; i++) {
        double number = flexbuf_find(&map, ints[i], 0);
        v = build_int(o->b, v, ints[i], number >= 0 && number <= INT32_MAX ? (int64_t)number : -1);
    }
    for (int i = 3; i >= 0 && !o->b->failed; i--)
        build_output(o->b, v, i);
    for (int i = 0; i < 4 && !o->b->failed; i++)
        tflite_give(o, i, build_output(o->b, v, i));
}
