/* Detection: boxes, and which of them stay. One image at a time, as detectors are exported. */
#include "format/paddle/paddle.h"
#include "op/detect_build.h"

/* ---- suppression ---- */

static struct detect_rule rule_of(struct paddle_node *o)
{
    return (struct detect_rule){.normalized = paddle_bool(o, "normalized", true),
                                .gaussian = paddle_bool(o, "use_gaussian", false),
                                .sigma = paddle_float(o, "gaussian_sigma", 2),
                                .best = paddle_int(o, "nms_top_k", -1),
                                .keep = paddle_int(o, "keep_top_k", -1),
                                .background = paddle_int(o, "background_label", 0),
                                .overlap = paddle_float(o, "nms_threshold", 0.3f),
                                .score = paddle_float(o, "score_threshold", 0),
                                .post = paddle_float(o, "post_threshold", 0)};
}

static struct value *as_column(struct paddle_node *o, struct value *v)
{
    return build_reshape(o->b, v, 2, (int64_t[]){-1, 1});
}

/* Rows of label, score and box; the box's place; and how many there are. */
static void give_rows(struct paddle_node *o, struct value *boxes, struct value *kept, struct value *scores)
{
    struct value *places = detect_column(o->b, kept, 2),
                 *classes = build_cast(o->b, detect_column(o->b, kept, 1), DTYPE_F32);
    boxes = BUILD(o->b, "Squeeze", boxes, BUILD_LIST(o->b, 0));
    struct value *rows =
        DETECT_JOIN(o->b, 1, as_column(o, classes), as_column(o, scores), detect_gather(o->b, boxes, places, 0));
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
    struct value *boxes = one_image(o, 0), *scores = one_image(o, 1), *of = NULL;
    const struct detect_rule rule = rule_of(o);
    float eta = paddle_float(o, "nms_eta", 1);
    if (eta < 1)
        build_fail(o->b, "a threshold that falls from box to box (nms_eta %g) is not read", (double)eta);
    struct value *kept = detect_multiclass(o->b, boxes, scores, &rule, &of);
    give_rows(o, boxes, kept, of);
}

void paddle_read_matrix_nms(struct paddle_node *o)
{
    struct value *boxes = one_image(o, 0), *scores = one_image(o, 1), *of = NULL;
    const struct detect_rule rule = rule_of(o);
    struct value *kept = detect_matrix(o->b, boxes, scores, &rule, &of);
    give_rows(o, boxes, kept, of);
}

/* ---- two stages ---- */

/* Of one image: scores [1, A, H, W], deltas [1, 4 A, H, W], its height and width, anchors and variances [H, W, A, 4].
 */
void paddle_read_generate_proposals(struct paddle_node *o)
{
    struct build *b = o->b;
    struct value *in[] = {paddle_in(o, 0), paddle_in(o, 1), paddle_in(o, 2), paddle_in(o, 3), paddle_optional(o, 4)};
    struct value *of = NULL;
    const float least = paddle_float(o, "min_size", 0.1f);
    const struct detect_rule rule = {.normalized = !paddle_bool(o, "pixel_offset", true),
                                     .best = paddle_int(o, "pre_nms_topN|pre_nms_top_n", 6000),
                                     .keep = paddle_int(o, "post_nms_topN|post_nms_top_n", 1000),
                                     .overlap = paddle_float(o, "nms_thresh", 0.5f),
                                     .post = least > 1 ? least : 1};
    if (paddle_dim(o, in[0], 0) > 1 || paddle_float(o, "eta", 1) < 1)
        build_fail(b, "want one image, and a threshold that does not fall from box to box");
    in[0] = build_formula(b, "$0 Transpose/perm=0,2,3,1 [-1] Reshape:2", 1, in);
    in[1] = build_formula(
        b, "$1 [-1,4] $1 Shape/start=2 Concat:2/axis=0 Reshape:2 Transpose/perm=2,3,0,1 [-1,4] Reshape:2", 2, in);
    if (in[4])
        in[1] = build_formula(b, "$1 $4 [-1,4] Reshape:2 Mul:2", 5, in);
    in[2] = build_formula(b, "$2 [-1] Reshape:2 [1,0,1,0] Gather:2", 3, in);
    struct value *boxes =
        detect_decode(b, build_reshape(b, in[3], 2, (int64_t[]){-1, 4}), in[1], in[2], rule.normalized ? 0 : 1);
    struct value *kept = detect_proposals(b, boxes, in[0], &rule, &of);
    paddle_give(o, 0, detect_gather(b, boxes, kept, 0));
    paddle_give(o, 1, as_column(o, of));
    paddle_give(o, 2, build_cast(b, build_shape(b, kept, 0, 1), DTYPE_I32));
}

/* The best of all levels' proposals, of one image. */
void paddle_read_collect_proposals(struct paddle_node *o)
{
    struct value **rois, **scores;
    int count = paddle_all(o, 0, &rois), score_count = paddle_all(o, 1, &scores);
    int64_t most = paddle_int(o, "post_nms_topN|post_nms_topn", INT32_MAX);
    if (count < 1 || count != score_count)
        build_fail(o->b, "%d levels of boxes and %d of scores", count, score_count);
    struct value *all = paddle_concat(o, count, rois, 0);
    struct value *flat = build_reshape(o->b, paddle_concat(o, count, scores, 0), 1, (int64_t[]){-1});
    all = detect_gather(o->b, all, detect_best(o->b, flat, most), 0);
    paddle_give(o, 0, all);
    paddle_give(o, 1, build_cast(o->b, build_shape(o->b, all, 0, 1), DTYPE_I32));
}

/* Each region goes to the level that suits its size; then where each one is in these, put together. */
void paddle_read_distribute_proposals(struct paddle_node *o)
{
    struct build *b = o->b;
    struct value *rois = paddle_in(o, 0), *places[16], *parts[16], *counts[16];
    int64_t low = paddle_int(o, "min_level", 2), high = paddle_int(o, "max_level", 5);
    int64_t levels = low >= 0 && low <= high && high < 64 ? high - low + 1 : 0;
    float pixel = paddle_bool(o, "pixel_offset", true) ? 1 : 0;
    struct value *in[] = {rois,
                          build_number(b, DTYPE_F32, pixel),
                          build_number(b, DTYPE_F32, (double)paddle_int(o, "refer_scale", 224)),
                          build_number(b, DTYPE_F32, (double)paddle_int(o, "refer_level", 4)),
                          build_number(b, DTYPE_F32, (double)low),
                          build_number(b, DTYPE_F32, (double)high)};
    if (levels < 1 || levels > 16 || paddle_out_count(o, 0) > levels)
        build_fail(b, "levels from %lld to %lld", (long long)low, (long long)high);
    struct value *level = build_formula(b,
                                        "$0 [2] [4] [1] Slice:4 $0 [0] [2] [1] Slice:4 Sub:2 $1 Add:2 [1] ReduceProd:2/"
                                        "keepdims=0 Sqrt $2 Div:2 =1e-8 Add:2 Log =1.442695041 Mul:2 $3 Add:2 Floor "
                                        "$4 Max:2 $5 Min:2",
                                        6, in);
    for (int64_t i = 0; i < levels && !b->failed; i++) {
        struct value *is = detect_with(b, "Equal", level, (double)(low + i));
        places[i] = build_reshape(b, BUILD(b, "NonZero", is), 1, (int64_t[]){-1});
        parts[i] = detect_gather(b, rois, places[i], 0);
        counts[i] = build_cast(b, build_shape(b, places[i], 0, 1), DTYPE_I32);
    }
    if (b->failed)
        return;
    struct value *all = paddle_concat(o, (int)levels, places, 0);
    struct value *order =
        build_output(b, build_int(b, BUILD(b, "TopK", all, build_shape(b, all, 0, 1)), "largest", 0), 1);
    paddle_give_all(o, 0, (int)levels, parts);
    if (o->r->is_pir) {
        paddle_give_all(o, 1, (int)levels, counts);
        paddle_give(o, 2, build_cast(b, as_column(o, order), DTYPE_I32));
    } else {
        paddle_give(o, 1, build_cast(b, as_column(o, order), DTYPE_I32));
        paddle_give_all(o, 2, (int)levels, counts);
    }
}
