/* Detection: boxes, and which of them stay. One image at a time, as detectors are exported. */
#include "format/paddle/paddle.h"
#include "op/detect_build.h"

/* Column i of the last axis, which stays. */
static struct value *column(struct paddle_node *o, struct value *v, int64_t i)
{
    return build_slice(o->b, v, -1, i, i + 1);
}

/* ---- suppression ---- */

/* As many as `most`, or fewer where there are fewer: [1]. */
static struct value *at_most(struct paddle_node *o, struct value *count, int64_t most)
{
    return BUILD(o->b, "Min", count, BUILD_LIST(o->b, most));
}

/* Where sizes count whole pixels a box is one larger at its end. */
static struct value *sized(struct paddle_node *o, struct value *boxes)
{
    static const float one[] = {0, 0, 1, 1};
    return paddle_bool(o, "normalized", true) ? boxes : BUILD(o->b, "Add", boxes, build_f32s(o->b, 4, one));
}

/* Scores [1, C, M] without those that are not among the best of their class: these become -1. */
static struct value *best_scores(struct paddle_node *o, struct value *scores, int64_t most)
{
    int64_t boxes = paddle_dim(o, scores, 2);
    if (most < 0 || (boxes >= 0 && boxes <= most))
        return scores;
    struct value *k = at_most(o, build_shape(o->b, scores, 2, 3), most);
    struct value *least = BUILD(o->b, "ReduceMin", BUILD(o->b, "TopK", scores, k), BUILD_LIST(o->b, -1));
    return BUILD(o->b, "Where", BUILD(o->b, "Less", scores, least), build_number(o->b, DTYPE_F32, -1), scores);
}

/* Rows [n, 3] of `kept` without those of the class of background. */
static struct value *foreground(struct paddle_node *o, struct value *kept)
{
    int64_t background = paddle_int(o, "background_label", 0);
    if (background < 0)
        return kept;
    struct value *is =
        BUILD(o->b, "Equal", detect_column(o->b, kept, 1), build_number(o->b, DTYPE_I64, (double)background));
    return build_int(o->b, BUILD(o->b, "Compress", kept, BUILD(o->b, "Not", is)), "axis", 0);
}

/* Of rows in order those whose score is among the `most` best, in the order that they had. */
static struct value *best_rows(struct paddle_node *o, struct value *rows, struct value *scores, int64_t most)
{
    if (most < 0)
        return rows;
    struct value *k = at_most(o, build_shape(o->b, scores, 0, 1), most);
    struct value *places = build_output(o->b, BUILD(o->b, "TopK", scores, k), 1);
    struct value *sorted = build_int(o->b, BUILD(o->b, "TopK", places, k), "largest", 0);
    return detect_gather(o->b, rows, sorted, 0);
}

/* [1, C, M] as a list, the place of class c and box m in it. */
static struct value *flat_places(struct paddle_node *o, struct value *scores, struct value *kept)
{
    struct value *boxes = build_shape(o->b, scores, 2, 3);
    return BUILD(o->b, "Add", BUILD(o->b, "Mul", detect_column(o->b, kept, 1), boxes), detect_column(o->b, kept, 2));
}

static struct value *as_column(struct paddle_node *o, struct value *v)
{
    return build_reshape(o->b, v, 2, (int64_t[]){-1, 1});
}

/* Rows of label, score and box; the box's place; and how many there are. */
static void give_rows(struct paddle_node *o, struct value *classes, struct value *scores, struct value *boxes,
                      struct value *places)
{
    struct value *rows = DETECT_JOIN(o->b, 1, as_column(o, build_cast(o->b, classes, DTYPE_F32)), as_column(o, scores),
                                     detect_gather(o->b, boxes, places, 0));
    paddle_give(o, 0, rows);
    paddle_give(o, 1, build_cast(o->b, as_column(o, places), DTYPE_I32));
    paddle_give(o, 2, build_cast(o->b, build_shape(o->b, rows, 0, 1), DTYPE_I32));
}

/* The input of one image: of more the reshape fails when it is run. */
static struct value *one_image(struct paddle_node *o, int k)
{
    struct value *v = paddle_in(o, k);
    if (paddle_rank(o, v) != 3 || paddle_dim(o, v, 0) > 1)
        build_fail(o->b, "boxes and scores must be of one image, with three axes");
    return build_reshape(o->b, v, 3, (int64_t[]){1, 0, 0});
}

void paddle_read_nms(struct paddle_node *o)
{
    struct value *boxes = one_image(o, 0), *scores = one_image(o, 1);
    float eta = paddle_float(o, "nms_eta", 1);
    if (eta < 1)
        build_fail(o->b, "a threshold that falls from box to box (nms_eta %g) is not read", (double)eta);
    struct value *best = best_scores(o, scores, paddle_int(o, "nms_top_k", -1));
    struct value *kept = detect_nms(o->b, sized(o, boxes), best, INT64_MAX, paddle_float(o, "nms_threshold", 0.3f),
                                    paddle_float(o, "score_threshold", 0), false);
    kept = foreground(o, kept);
    struct value *list = build_reshape(o->b, scores, 1, (int64_t[]){-1});
    struct value *of = detect_gather(o->b, list, flat_places(o, scores, kept), 0);
    kept = best_rows(o, kept, of, paddle_int(o, "keep_top_k", -1));
    give_rows(o, detect_column(o->b, kept, 1), detect_gather(o->b, list, flat_places(o, scores, kept), 0),
              BUILD(o->b, "Squeeze", boxes, BUILD_LIST(o->b, 0)), detect_column(o->b, kept, 2));
}

/* ---- decay instead of suppression ---- */

static struct value *area(struct paddle_node *o, struct value *boxes)
{
    struct value *w = BUILD(o->b, "Sub", column(o, boxes, 2), column(o, boxes, 0)),
                 *h = BUILD(o->b, "Sub", column(o, boxes, 3), column(o, boxes, 1));
    return BUILD(o->b, "Mul", w, h);
}

static struct value *extent(struct paddle_node *o, struct value *a, struct value *b, int64_t axis)
{
    struct value *high = BUILD(o->b, "Min", column(o, a, 2 + axis), column(o, b, 2 + axis)),
                 *low = BUILD(o->b, "Max", column(o, a, axis), column(o, b, axis));
    return BUILD(o->b, "Relu", BUILD(o->b, "Sub", high, low));
}

/* Overlaps of boxes [C, K, 4] with those before them: [C, K, K], 0 elsewhere. */
static struct value *overlaps(struct paddle_node *o, struct value *boxes)
{
    struct value *a = build_unsqueeze(o->b, boxes, 2), *b = build_unsqueeze(o->b, boxes, 1);
    struct value *both = BUILD(o->b, "Mul", extent(o, a, b, 0), extent(o, a, b, 1));
    struct value *sum = BUILD(o->b, "Sub", BUILD(o->b, "Add", area(o, a), area(o, b)), both);
    struct value *ratio =
        BUILD(o->b, "Squeeze", BUILD(o->b, "Div", both, paddle_with(o, "Max", sum, 1e-30)), BUILD_LIST(o->b, -1));
    struct value *v = BUILD(o->b, "Trilu", ratio, build_number(o->b, DTYPE_I64, -1));
    return build_int(o->b, v, "upper", 0);
}

/* What each box's score is multiplied with: the least of what those before it say, at most 1. */
static struct value *decays(struct paddle_node *o, struct value *iou)
{
    struct value *most = BUILD(o->b, "ReduceMax", iou, BUILD_LIST(o->b, -1)), *v;
    most = build_transpose(o->b, most, 3, (int64_t[]){0, 2, 1});
    if (paddle_bool(o, "use_gaussian", false)) {
        struct value *more = BUILD(o->b, "Sub", BUILD(o->b, "Mul", most, most), BUILD(o->b, "Mul", iou, iou));
        v = BUILD(o->b, "Exp", paddle_with(o, "Mul", more, (double)paddle_float(o, "gaussian_sigma", 2)));
    } else {
        struct value *one = build_number(o->b, DTYPE_F32, 1);
        v = BUILD(o->b, "Div", BUILD(o->b, "Sub", one, iou), BUILD(o->b, "Sub", one, most));
    }
    return BUILD(o->b, "ReduceMin", paddle_with(o, "Min", v, 1), BUILD_LIST(o->b, -1));
}

/* Source: Wang et al., SOLOv2: Dynamic and Fast Instance Segmentation, 2020. */
void paddle_read_matrix_nms(struct paddle_node *o)
{
    struct value *boxes = BUILD(o->b, "Squeeze", one_image(o, 0), BUILD_LIST(o->b, 0)),
                 *scores = BUILD(o->b, "Squeeze", one_image(o, 1), BUILD_LIST(o->b, 0));
    int64_t most = paddle_int(o, "nms_top_k", -1), keep = paddle_int(o, "keep_top_k", -1);
    struct value *count = build_shape(o->b, scores, 1, 2);
    struct value *best = BUILD(o->b, "TopK", scores, most < 0 ? count : at_most(o, count, most));
    struct value *places = build_output(o->b, best, 1);
    struct value *decay = decays(o, overlaps(o, sized(o, detect_gather(o->b, boxes, places, 0))));
    struct value *decayed = BUILD(o->b, "Mul", best, BUILD(o->b, "Squeeze", decay, BUILD_LIST(o->b, -1)));
    struct value *fine =
        BUILD(o->b, "And", BUILD(o->b, "Greater", best, paddle_scalar(o, "score_threshold", -1, DTYPE_F32, 0)),
              BUILD(o->b, "Greater", decayed, paddle_scalar(o, "post_threshold", -1, DTYPE_F32, 0)));
    struct value *at = BUILD(o->b, "NonZero", build_unsqueeze(o->b, fine, 0));
    at = foreground(o, build_transpose(o->b, at, 2, (int64_t[]){1, 0}));
    struct value *in = BUILD(o->b, "GatherND", decayed, build_slice(o->b, at, 1, 1, 3));
    struct value *order = detect_best(o->b, in, keep < 0 ? INT64_MAX : keep);
    at = detect_gather(o->b, at, order, 0);
    give_rows(o, detect_column(o->b, at, 1), detect_gather(o->b, in, order, 0), boxes,
              BUILD(o->b, "GatherND", places, build_slice(o->b, at, 1, 1, 3)));
}
