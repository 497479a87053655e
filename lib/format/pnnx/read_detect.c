/* Operators of torchvision.ops. */
#include "format/pnnx/read.h"

/* What is not a module has its parameters by their place only: "arg_2". */
static const char *key(const struct reader *r, const char *name, const char *by_place)
{
    return pnnx_param(r->op, by_place) ? by_place : name;
}

/* Boxes [K, 5], the image's number first. aligned: coordinates of pixels' centres. */
struct value *pnnx_roi_align(struct reader *r)
{
    struct build *b = &r->b;
    int64_t size[2] = {0};
    struct value *x = pnnx_at(r, 0), *rois = pnnx_at(r, 1);
    pnnx_window(r, "output_size", 2, 1, size);
    size[0] = pnnx_int(r, "arg_3", size[0]);
    size[1] = pnnx_int(r, "arg_4", size[1]);
    struct value *image = BUILD(b, "Squeeze", build_slice(b, rois, 1, 0, 1), BUILD_LIST(b, 1));
    struct value *boxes = build_slice(b, rois, 1, 1, 5);
    struct value *v = BUILD(b, "RoiAlign", x, boxes, build_cast(b, image, DTYPE_I64));
    int64_t ratio = pnnx_int(r, key(r, "sampling_ratio", "arg_5"), -1);
    build_int(b, v, "output_height", size[0]);
    build_int(b, v, "output_width", size[1]);
    build_int(b, v, "sampling_ratio", ratio < 0 ? 0 : ratio);
    build_float(b, v, "spatial_scale", (float)pnnx_float(r, key(r, "spatial_scale", "arg_2"), 1));
    return build_string(b, v, "coordinate_transformation_mode",
                        pnnx_bool(r, key(r, "aligned", "arg_6"), false) ? "half_pixel" : "output_half_pixel");
}

/* The numbers of the boxes that are kept, of boxes [N, 4] and scores [N]. */
struct value *pnnx_nms(struct reader *r)
{
    struct build *b = &r->b;
    struct value *boxes = pnnx_at(r, 0), *scores = pnnx_at(r, 1);
    struct value *most = BUILD(b, "Reshape", build_shape(b, boxes, 0, 1), BUILD_LIST(b, 1));
    struct value *threshold = build_number(b, DTYPE_F32, pnnx_float(r, key(r, "iou_threshold", "arg_2"), 0.5));
    struct value *all = build_unsqueeze(b, boxes, 0), *rows = BUILD(b, "Unsqueeze", scores, BUILD_LIST(b, 0, 1));
    struct value *v = BUILD(b, "NonMaxSuppression", all, rows, most, threshold);
    return BUILD(b, "Squeeze", build_slice(b, v, 1, 2, 3), BUILD_LIST(b, 1));
}
