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
