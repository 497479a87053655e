/* Which boxes stay, as nodes: suppression by class, decay instead of it, proposals of anchors, and parts of a map. One
 * image at a time, as detectors are exported. */
#include <float.h>

#include "op/detect_build.h"

/* As many as `most`, or fewer where there are fewer: [1]. */
static struct value *at_most(struct build *b, struct value *count, int64_t most)
{
    return BUILD(b, "Min", count, BUILD_LIST(b, most));
}

/* Where sizes count whole pixels a box is one larger at its end. */
static struct value *sized(struct build *b, struct value *boxes, const struct detect_rule *r)
{
    static const float one[] = {0, 0, 1, 1};
    return r->normalized ? boxes : BUILD(b, "Add", boxes, build_f32s(b, 4, one));
}

/* Rows [n, 3] of `kept` without those of the class of background. */
static struct value *foreground(struct build *b, struct value *kept, const struct detect_rule *r)
{
    if (r->background < 0)
        return kept;
    struct value *is = BUILD(b, "Equal", detect_column(b, kept, 1), build_number(b, DTYPE_I64, (double)r->background));
    return BUILD(b, "Compress/axis=0", kept, BUILD(b, "Not", is));
}

/* Scores [1, C, M] without those that are not among the best of their class: these become -1. */
static struct value *best_scores(struct build *b, struct value *scores, int64_t most)
{
    int64_t boxes = build_dim_of(b, scores, 2);
    if (most < 0 || (boxes >= 0 && boxes <= most))
        return scores;
    struct value *in[] = {scores, at_most(b, build_shape(b, scores, 2, 3), most)};
    return build_formula(b, "$0 $0 $1 TopK:2 [-1] ReduceMin:2 Less:2 =-1 $0 Where:3", 2, in);
}

struct value *detect_multiclass(struct build *b, struct value *boxes, struct value *scores, const struct detect_rule *r,
                                struct value **of)
{
    struct value *kept =
        detect_nms(b, sized(b, boxes, r), best_scores(b, scores, r->best), INT64_MAX, r->overlap, r->score, false);
    kept = foreground(b, kept, r);
    *of = BUILD(b, "GatherND", scores, kept);
    if (r->keep < 0)
        return kept;
    /* those among the best, in the order that they had */
    struct value *in[] = {kept, *of, at_most(b, build_shape(b, *of, 0, 1), r->keep)};
    kept = build_formula(b, "$0 $1 $2 TopK:2 .1 $2 TopK:2/largest=0 Gather:2", 3, in);
    *of = BUILD(b, "GatherND", scores, kept);
    return kept;
}

/* ---- decay ---- */

/* Overlaps of boxes [C, K, 4] with those before them: [C, K, K], 0 elsewhere. */
static struct value *overlaps(struct build *b, struct value *boxes)
{
    return build_formula(
        b,
        "$0 [0] [2] [2] Slice:4 >l $0 [2] [4] [2] Slice:4 >h h l Sub:2 [-1] ReduceProd:2/keepdims=0 >a "
        "h [2] Unsqueeze:2 h [1] Unsqueeze:2 Min:2 l [2] Unsqueeze:2 l [1] Unsqueeze:2 Max:2 Sub:2 Relu "
        "[-1] ReduceProd:2/keepdims=0 >i i a [2] Unsqueeze:2 a [1] Unsqueeze:2 Add:2 i Sub:2 =1e-30 "
        "Max:2 Div:2 #_=-1 Trilu:2/upper=0",
        1, &boxes);
}

/* What each box's score is multiplied with: the least of what those before it say, at most 1.
 * Source: Wang et al., SOLOv2: Dynamic and Fast Instance Segmentation, 2020. */
static struct value *decays(struct build *b, struct value *iou, const struct detect_rule *r)
{
    struct value *in[] = {iou, build_number(b, DTYPE_F32, r->sigma)};
    return build_formula(b,
                         r->gaussian
                             ? "$0 [-1] ReduceMax:2 Transpose/perm=0,2,1 >m m m Mul:2 $0 $0 Mul:2 Sub:2 $1 Mul:2 "
                               "Exp =1 Min:2 [-1] ReduceMin:2/keepdims=0"
                             : "$0 [-1] ReduceMax:2 Transpose/perm=0,2,1 >m =1 $0 Sub:2 =1 m Sub:2 =1e-10 Add:2 Div:2 "
                               "=1 Min:2 [-1] ReduceMin:2/keepdims=0",
                         2, in);
}

struct value *detect_matrix(struct build *b, struct value *boxes, struct value *scores, const struct detect_rule *r,
                            struct value **of)
{
    struct value *count = build_shape(b, scores, 2, 3);
    struct value *flat = BUILD(b, "Squeeze", scores, BUILD_LIST(b, 0));
    struct value *best = BUILD(b, "TopK", flat, r->best < 0 ? count : at_most(b, count, r->best));
    struct value *places = build_output(b, best, 1);
    boxes = detect_gather(b, BUILD(b, "Squeeze", sized(b, boxes, r), BUILD_LIST(b, 0)), places, 0);
    struct value *decayed = BUILD(b, "Mul", best, decays(b, overlaps(b, boxes), r));
    struct value *fine =
        BUILD(b, "And", detect_with(b, "Greater", best, r->score), detect_with(b, "Greater", decayed, r->post));
    struct value *at = build_transpose(b, BUILD(b, "NonZero", build_unsqueeze(b, fine, 0)), 2, (int64_t[]){1, 0});
    at = foreground(b, at, r);
    struct value *order =
        detect_best(b, BUILD(b, "GatherND", decayed, build_slice(b, at, 1, 1, 3)), r->keep < 0 ? INT64_MAX : r->keep);
    struct value *in[] = {detect_gather(b, at, order, 0), places, decayed};
    *of = build_formula(b, "$2 $0 [1] [3] [1] Slice:4 GatherND:2", 3, in);
    return build_formula(
        b, "$0 [0] [2] [1] Slice:4 $1 $0 [1] [3] [1] Slice:4 GatherND:2 [1] Unsqueeze:2 Concat:2/axis=1", 3, in);
}

/* ---- proposals ---- */

struct value *detect_decode(struct build *b, struct value *anchors, struct value *deltas, struct value *size,
                            float pixel)
{
    struct value *in[] = {anchors, deltas, size, build_number(b, DTYPE_F32, pixel)};
    return build_formula(
        b,
        "$0 [2] [4] [-1] Slice:4 $0 [0] [2] [-1] Slice:4 Sub:2 $3 Add:2 >w $0 [0] [2] [-1] Slice:4 w =0.5 "
        "Mul:2 Add:2 $1 [0] [2] [-1] Slice:4 w Mul:2 Add:2 >c $1 [2] [4] [-1] Slice:4 =4.1351666 Min:2 "
        "Exp w Mul:2 =0.5 Mul:2 >h c h Sub:2 c h Add:2 $3 Sub:2 Concat:2/axis=-1 =0 Max:2 $2 $3 Sub:2 "
        "Min:2",
        4, in);
}

struct value *detect_proposals(struct build *b, struct value *boxes, struct value *scores, const struct detect_rule *r,
                               struct value **of)
{
    struct value *order = detect_best(b, scores, r->best < 0 ? INT64_MAX : r->best);
    boxes = sized(b, detect_gather(b, boxes, order, 0), r);
    struct value *in[] = {boxes, detect_gather(b, scores, order, 0), build_number(b, DTYPE_F32, r->post),
                          build_number(b, DTYPE_F32, -FLT_MAX)};
    struct value *fine = build_formula(b,
                                       "$0 [2] [4] [1] Slice:4 $0 [0] [2] [1] Slice:4 Sub:2 $2 GreaterOrEqual:2 "
                                       "Cast/to=6 [1] ReduceMin:2/keepdims=0 Cast/to=9 $1 $3 Where:3",
                                       4, in);
    struct value *kept = detect_nms(b, build_unsqueeze(b, boxes, 0), build_reshape(b, fine, 3, (int64_t[]){1, 1, -1}),
                                    r->keep < 0 ? INT64_MAX : r->keep, r->overlap, -FLT_MAX, false);
    struct value *at = detect_column(b, kept, 2);
    *of = detect_gather(b, in[1], at, 0);
    return detect_gather(b, order, at, 0);
}

/* ---- parts of a map ---- */

struct value *detect_crop(struct build *b, struct value *x, struct value *boxes, struct value *index,
                          const int64_t *size, double outside)
{
    struct value *inside = NULL, *corner[4];
    for (int axis = 0; axis < 2; axis++) { /* y, then x */
        struct value *last = detect_with(b, "Sub", build_cast(b, build_shape(b, x, 2 + axis, 3 + axis), DTYPE_F32), 1);
        struct value *from = BUILD(b, "Mul", build_slice(b, boxes, 1, axis, axis + 1), last),
                     *to = BUILD(b, "Mul", build_slice(b, boxes, 1, 2 + axis, 3 + axis), last);
        struct value *step = BUILD(b, "Sub", to, from);
        if (size[axis] == 1) /* the middle */
            from = detect_with(b, "Mul", BUILD(b, "Add", from, to), 0.5);
        step = detect_with(b, "Mul", step, size[axis] == 1 ? 0 : 1 / (double)(size[axis] - 1));
        struct value *first = BUILD(b, "Sub", detect_with(b, "Add", from, 0.5), detect_with(b, "Mul", step, 0.5));
        corner[1 - axis] = first;
        corner[3 - axis] = BUILD(b, "Add", first, detect_with(b, "Mul", step, (double)size[axis]));
        struct value *places = build_range(b, BUILD_LIST(b, 0), BUILD_LIST(b, size[axis]));
        places = BUILD(b, "Add", from, BUILD(b, "Mul", step, build_cast(b, places, DTYPE_F32))); /* [n, size] */
        places = BUILD(b, "And", detect_with(b, "GreaterOrEqual", places, 0), BUILD(b, "LessOrEqual", places, last));
        places = build_reshape(b, places, 4, (int64_t[]){-1, 1, axis ? 1 : size[0], axis ? size[1] : 1});
        inside = axis ? BUILD(b, "And", inside, places) : places;
    }
    struct value *rois = build_int(b, build_node(b, "Concat", 4, corner), "axis", 1);
    struct value *v = BUILD(b, "RoiAlign", build_cast(b, x, DTYPE_F32), rois, index);
    build_int(b, v, "output_height", size[0]);
    build_int(b, v, "output_width", size[1]);
    build_int(b, v, "sampling_ratio", 1);
    return BUILD(b, "Where", inside, v, build_number(b, DTYPE_F32, outside));
}
