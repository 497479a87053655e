/* Detection: which boxes stay, and the operators of two-stage detectors. One image at a time. */
#include "format/openvino/openvino.h"
#include "op/detect_build.h"

static struct value *as_column(struct openvino_read *l, struct value *v)
{
    return build_reshape(l->b, v, 2, (int64_t[]){-1, 1});
}

static void want_one_image(struct openvino_read *l, int k)
{
    if (openvino_dim(l, k, 0) > 1)
        build_fail(l->b, "it is read of one image alone");
}

static struct value *count_of(struct openvino_read *l, struct value *rows, const char *attribute, const char *otherwise)
{
    return openvino_as(l, build_shape(l->b, rows, 0, 1), attribute, otherwise);
}

static struct value *take(struct openvino_read *l, struct value *v, struct value *places)
{
    return detect_gather(l->b, v, places, 0);
}

/* ---- suppression by class, or decay ---- */

void openvino_read_multiclass_nms(struct openvino_read *l)
{
    /* decay is by score whatever is said, as in OpenVINO's own engine */
    static const char *const sorts[] = {"classid", "score", "none", NULL}, *const decays[] = {"gaussian", "linear",
                                                                                              NULL};
    bool matrix = *l->kind->onnx;
    int sort = openvino_word(l, "sort_result_type", "none", sorts);
    const struct detect_rule rule = {.normalized = openvino_bool(l, "normalized", true),
                                     .gaussian = openvino_word(l, "decay_function", "linear", decays) == 0,
                                     .sigma = openvino_float(l, "gaussian_sigma", 2),
                                     .best = openvino_int(l, "nms_top_k", -1),
                                     .keep = openvino_int(l, "keep_top_k", -1),
                                     .background = openvino_int(l, "background_class", -1),
                                     .overlap = openvino_float(l, "iou_threshold", 0),
                                     .score = openvino_float(l, "score_threshold", 0),
                                     .post = openvino_float(l, "post_threshold", 0)};
    struct value *boxes = openvino_in(l, 0), *scores = openvino_in(l, 1), *of = NULL;
    want_one_image(l, 0);
    if (openvino_float(l, "nms_eta", 1) < 1 || openvino_has(l, 2))
        build_fail(l->b, "a threshold that falls from box to box, or boxes of several images, are not read");
    struct value *kept = (matrix ? detect_matrix : detect_multiclass)(l->b, boxes, scores, &rule, &of);
    if (!matrix && sort) { /* by score instead of class and score */
        struct value *order = detect_best(l->b, of, INT64_MAX);
        kept = take(l, kept, order);
        of = take(l, of, order);
    }
    struct value *place = detect_column(l->b, kept, 2);
    struct value *label = build_cast(l->b, detect_column(l->b, kept, 1), DTYPE_F32);
    l->out[0] = DETECT_JOIN(l->b, 1, as_column(l, label), as_column(l, of),
                            take(l, BUILD(l->b, "Squeeze", boxes, BUILD_LIST(l->b, 0)), place));
    if (l->layer->out_count > 1)
        l->out[1] = openvino_as(l, as_column(l, place), "output_type", "i64");
    if (l->layer->out_count > 2)
        l->out[2] = count_of(l, kept, "output_type", "i64");
}

/* ---- proposals ---- */

/* Width, height, width, height of an image of which the input tells height and width first. */
static struct value *image_size(struct openvino_read *l, int k)
{
    struct value *list = build_reshape(l->b, openvino_in(l, k), 1, (int64_t[]){-1});
    return take(l, list, BUILD_LIST(l->b, 1, 0, 1, 0));
}

/* What stands as [A * n, H, W] as rows of n by cell and anchor. */
static struct value *by_cell(struct openvino_read *l, int k, int64_t n)
{
    struct value *in[] = {openvino_in(l, k), NULL};
    struct value *shape = build_shape(l->b, in[0], openvino_rank(l, k) - 2, openvino_rank(l, k));
    in[1] = BUILD(l->b, "Concat/axis=0", BUILD_LIST(l->b, -1, n), shape);
    return build_reshape(l->b, build_formula(l->b, "$0 $1 Reshape:2 Transpose/perm=2,3,0,1", 2, in), 2,
                         (int64_t[]){-1, n});
}

void openvino_read_generate_proposals(struct openvino_read *l)
{
    bool single = *l->kind->onnx; /* the detectron operator, of whole pixels and a fixed number of rows */
    int64_t most = openvino_int(l, "post_nms_count", 1000);
    struct detect_rule rule = {.normalized = !single && openvino_bool(l, "normalized", true),
                               .best = openvino_int(l, "pre_nms_count", -1),
                               .keep = most,
                               .overlap = openvino_float(l, "nms_threshold", 0.7f),
                               .post = openvino_float(l, "min_size", 0)};
    struct value *of = NULL;
    if (!single)
        want_one_image(l, 2);
    if (most < 1 || most > 1 << 20)
        build_fail(l->b, "it makes %lld proposals", (long long)most);
    struct value *boxes = build_reshape(l->b, openvino_in(l, 1), 2, (int64_t[]){-1, 4});
    boxes = detect_decode(l->b, boxes, by_cell(l, 2, 4), image_size(l, 0), rule.normalized ? 0 : 1);
    struct value *all = build_reshape(l->b, by_cell(l, 3, 1), 1, (int64_t[]){-1});
    struct value *kept = detect_proposals(l->b, boxes, all, &rule, &of);
    struct value *rows = take(l, boxes, kept);
    l->out[0] = single ? detect_fill(l->b, rows, most, 4) : rows;
    l->out[1] = single ? build_reshape(l->b, detect_fill(l->b, as_column(l, of), most, 1), 1, (int64_t[]){-1}) : of;
    if (!single && l->layer->out_count > 2)
        l->out[2] = count_of(l, rows, "roi_num_type", "i64");
}

/* Anchors around the middle of each cell of input 1; the image is input 2. */
void openvino_read_prior_grid(struct openvino_read *l)
{
    static const char *const steps[] = {"stride_x", "stride_y"};
    struct value *axis[2], *in[4] = {openvino_in(l, 0)};
    for (int i = 0; i < 2; i++) { /* x, then y */
        float step = openvino_float(l, steps[i], 0);
        in[1] = build_shape(l->b, openvino_in(l, 1), 3 - i, 4 - i);
        in[2] = build_shape(l->b, openvino_in(l, 2), 3 - i, 4 - i);
        in[3] = build_number(l->b, DTYPE_F32, step);
        if (step <= 0)
            in[3] = build_formula(l->b, "$2 Cast/to=1 $1 Cast/to=1 Div:2", 3, in);
        axis[i] = build_formula(l->b, "$3 >s #_=0 $1 Squeeze #_=1 Range:3 Cast/to=1 =0.5 Add:2 s Mul:2", 4, in);
    }
    in[1] = axis[0];
    in[2] = axis[1];
    struct value *v = build_formula(l->b,
                                    "$1 [1,-1,1,1] Reshape:2 >x $2 [-1,1,1,1] Reshape:2 >y x y =0 Mul:2 Add:2 >a y x "
                                    "=0 Mul:2 Add:2 >b a b a b Concat:4/axis=3 $0 Add:2",
                                    3, in); /* [H, W, n, 4] */
    l->out[0] = openvino_bool(l, "flatten", true) ? build_reshape(l->b, v, 2, (int64_t[]){-1, 4}) : v;
}

void openvino_read_top_rois(struct openvino_read *l)
{
    l->out[0] = take(l, openvino_in(l, 0), detect_best(l->b, openvino_in(l, 1), openvino_int(l, "max_rois", 0)));
}

/* Each region is pooled from the level of the pyramid that suits its size, and here from the others too. */
void openvino_read_roi_features(struct openvino_read *l)
{
    int64_t scales[16], size = openvino_int(l, "output_size", 1);
    int levels = openvino_ints(l, "pyramid_scales", scales, 16);
    struct value *rois = openvino_in(l, 0), *pooled = NULL;
    struct value *level = build_formula(l->b,
                                        "$0 [2] [4] [1] Slice:4 $0 [0] [2] [1] Slice:4 Sub:2 [1] ReduceProd:2 Sqrt "
                                        "=224 Div:2 =1e-6 Add:2 Log =1.442695041 Mul:2 =2 Add:2 [2,3] Unsqueeze:2",
                                        1, &rois);
    struct value *image = build_formula(l->b, "[0] $0 Shape/start=0/end=1 Expand:2", 1, &rois);
    if (levels != l->layer->in_count - 1)
        build_fail(l->b, "%d scales of %d levels", levels, l->layer->in_count - 1);
    for (int i = 0; i < levels && !l->b->failed; i++) {
        struct value *v = BUILD(l->b, "RoiAlign", openvino_in(l, 1 + i), rois, image);
        build_int(l->b, build_int(l->b, v, "output_height", size), "output_width", size);
        build_int(l->b, v, "sampling_ratio", openvino_int(l, "sampling_ratio", 0));
        build_float(l->b, v, "spatial_scale", 1 / (float)scales[i]);
        build_string(l->b, v, "coordinate_transformation_mode",
                     openvino_bool(l, "aligned", false) ? "half_pixel" : "output_half_pixel");
        pooled = i ? BUILD(l->b, "Where", detect_with(l->b, "GreaterOrEqual", level, i), v, pooled) : v;
    }
    l->out[0] = pooled;
    if (l->layer->out_count > 1)
        l->out[1] = rois;
}

/* Boxes of classes from regions, suppressed class by class; rows of zeros behind. */
void openvino_read_detectron_output(struct openvino_read *l)
{
    double weights[4] = {1, 1, 1, 1};
    int64_t classes = openvino_int(l, "num_classes", 1), most = openvino_int(l, "max_detections_per_image", 100);
    openvino_numbers(l, "deltas_weights", weights, 4);
    if (openvino_bool(l, "class_agnostic_box_regression", false) || most < 1 || most > 1 << 20)
        build_fail(l->b, "boxes that do not differ by class are not read");
    struct value *by =
        build_f32s(l->b, 4, (float[]){(float)weights[0], (float)weights[1], (float)weights[2], (float)weights[3]});
    struct value *deltas = build_reshape(l->b, openvino_in(l, 1), 3, (int64_t[]){-1, classes, 4});
    struct value *boxes = detect_decode(l->b, build_unsqueeze(l->b, openvino_in(l, 0), 1),
                                        BUILD(l->b, "Div", deltas, by), image_size(l, 3), 1);
    boxes = build_transpose(l->b, boxes, 3, (int64_t[]){1, 0, 2});
    struct value *scores = build_unsqueeze(l->b, build_transpose(l->b, openvino_in(l, 2), 2, (int64_t[]){1, 0}), 1);
    struct value *kept =
        detect_nms(l->b, boxes, scores, openvino_int(l, "post_nms_count", 2000),
                   openvino_float(l, "nms_threshold", 0.5f), openvino_float(l, "score_threshold", 0.05f), false);
    struct value *in[] = {kept, scores, boxes}, *rows[3];
    in[0] = build_formula(l->b, "$0 $0 [0] [1] [1] Slice:4 [-1] Reshape:2 #_=0 Greater:2 Compress:2/axis=0", 1, in);
    in[1] = build_formula(l->b, "$1 $0 GatherND:2", 2, in);
    struct value *order = detect_best(l->b, in[1], most);
    in[0] = take(l, in[0], order);
    rows[0] = build_formula(l->b, "$2 $0 [0,2] Gather:2/axis=1 GatherND:2", 3, in);
    rows[1] = build_formula(l->b, "$0 [0] [1] [1] Slice:4 Cast/to=1", 1, in);
    rows[2] = as_column(l, take(l, in[1], order));
    for (int o = 0; o < 3 && o < l->layer->out_count; o++) {
        struct value *v = detect_fill(l->b, rows[o], most, o ? 1 : 4);
        l->out[o] = o ? build_reshape(l->b, v, 1, (int64_t[]){-1}) : v;
    }
    if (l->layer->out_count > 1)
        l->out[1] = build_cast(l->b, l->out[1], DTYPE_I32);
}

/* As Caffe's, of one image; rows of image -1 behind, once. */
void openvino_read_proposal(struct openvino_read *l)
{
    double list[64];
    float values[64];
    int64_t most = openvino_int(l, "post_nms_topn", 300);
    struct value *v = BUILD(l->b, "nn.Proposal", openvino_in(l, 0), openvino_in(l, 1), openvino_in(l, 2));
    for (int k = 0; k < 2; k++) {
        int count = openvino_numbers(l, k ? "scale" : "ratio", list, 64);
        for (int i = 0; i < count; i++)
            values[i] = (float)list[i];
        build_floats(l->b, v, k ? "scales" : "ratios", count < 0 ? 0 : count, values);
    }
    if (*openvino_text(l, "framework", "") || !openvino_bool(l, "clip_before_nms", true) || most < 1 ||
        most > 1 << 20 || openvino_float(l, "box_size_scale", 1) != 1 ||
        openvino_float(l, "box_coordinate_scale", 1) != 1)
        build_fail(l->b, "only proposals of Caffe's kind are read");
    want_one_image(l, 0);
    build_int(l->b, v, "feat_stride", openvino_int(l, "feat_stride", 16));
    build_int(l->b, v, "base_size", openvino_int(l, "base_size", 16));
    build_int(l->b, v, "pre_nms_topn", openvino_int(l, "pre_nms_topn", 6000));
    build_int(l->b, v, "post_nms_topn", most);
    build_float(l->b, v, "nms_threshold", openvino_float(l, "nms_thresh", 0.7f));
    build_float(l->b, v, "min_size", openvino_float(l, "min_size", 16));
    struct value *scores = as_column(l, build_output(l->b, v, 1));
    if (openvino_bool(l, "normalize", false)) {
        struct value *in[] = {v, image_size(l, 2)};
        v = build_formula(l->b, "$0 =1 [1] Reshape:2 $1 Concat:2/axis=0 Div:2", 2, in);
    }
    l->out[0] = detect_fill(l->b, v, most, 5);
    if (l->layer->out_count > 1)
        l->out[1] = build_reshape(l->b, detect_fill(l->b, scores, most, 1), 1, (int64_t[]){-1});
}
