/* Operators of torchvision.ops. */
#include "format/pnnx/read.h"

/* Boxes [K, 5], the image's number first. aligned: coordinates of pixels' centres. */
struct value *pnnx_roi_align(struct reader *r)
{
    struct build *b = &r->b;
    int64_t size[2] = {0};
    struct value *x = pnnx_at(r, 0), *rois = pnnx_at(r, 1);
    pnnx_window(r, "output_size", 2, 1, size);
    struct value *image = BUILD(b, "Squeeze", build_slice(b, rois, 1, 0, 1), BUILD_LIST(b, 1));
    struct value *boxes = build_slice(b, rois, 1, 1, 5);
    struct value *v = BUILD(b, "RoiAlign", x, boxes, build_cast(b, image, DTYPE_I64));
    int64_t ratio = pnnx_int(r, "sampling_ratio", -1);
    build_int(b, v, "output_height", size[0]);
    build_int(b, v, "output_width", size[1]);
    build_int(b, v, "sampling_ratio", ratio < 0 ? 0 : ratio);
    build_float(b, v, "spatial_scale", (float)pnnx_float(r, "spatial_scale", 1));
    return build_string(b, v, "coordinate_transformation_mode",
                        pnnx_bool(r, "aligned", false) ? "half_pixel" : "output_half_pixel");
}

/* The numbers of the boxes that are kept, of boxes [N, 4] and scores [N]. */
struct value *pnnx_nms(struct reader *r)
{
    struct build *b = &r->b;
    struct value *boxes = pnnx_at(r, 0), *scores = pnnx_at(r, 1);
    struct value *most = BUILD(b, "Reshape", build_shape(b, boxes, 0, 1), BUILD_LIST(b, 1));
    struct value *threshold = build_number(b, DTYPE_F32, pnnx_float(r, "iou_threshold", 0.5));
    struct value *all = build_unsqueeze(b, boxes, 0), *rows = BUILD(b, "Unsqueeze", scores, BUILD_LIST(b, 0, 1));
    struct value *v = BUILD(b, "NonMaxSuppression", all, rows, most, threshold);
    return BUILD(b, "Squeeze", build_slice(b, v, 1, 2, 3), BUILD_LIST(b, 1));
}
