/* DetectionOutput as ONNX's operators: its boxes, NonMaxSuppression for each class, and the best of what is left. */
#include "op/detect.h"

#include <float.h>
#include <math.h>

#include "op/detect_build.h"
#include "op/rows.h"

/* One image: boxes as low and high corners, f32 [.., priors, 2] each. */
struct corners {
    struct value *low, *high;
};

static struct corners halves(struct build *b, struct value *v, int64_t axis)
{
    return (struct corners){build_slice(b, v, axis, 0, 2), build_slice(b, v, axis, 2, 4)};
}

/* What `decode` of detect_ssd.c does, for all boxes of an image. */
static struct corners decode(struct build *b, const struct ssd *s, struct corners prior, struct corners variance,
                             struct corners by)
{
    struct value *size = s->code == SSD_CORNER ? NULL : BUILD(b, "Sub", prior.high, prior.low);
    if (!s->encoded)
        by = (struct corners){BUILD(b, "Mul", by.low, variance.low), BUILD(b, "Mul", by.high, variance.high)};
    if (s->code == SSD_CENTER_SIZE) {
        struct value *middle = detect_with(b, "Mul", BUILD(b, "Add", prior.low, prior.high), 0.5);
        struct value *at = BUILD(b, "Add", BUILD(b, "Mul", by.low, size), middle);
        struct value *half = detect_with(b, "Mul", BUILD(b, "Mul", BUILD(b, "Exp", by.high), size), 0.5);
        return (struct corners){BUILD(b, "Sub", at, half), BUILD(b, "Add", at, half)};
    }
    if (size)
        by = (struct corners){BUILD(b, "Mul", by.low, size), BUILD(b, "Mul", by.high, size)};
    return (struct corners){BUILD(b, "Add", prior.low, by.low), BUILD(b, "Add", prior.high, by.high)};
}

/* Rows of one image of v, which is [images, …] however deep, as [dims]. */
static struct value *image_of(struct build *b, struct value *v, int64_t image, int rank, const int64_t *dims)
{
    int64_t rows[] = {0, -1};
    struct value *flat = build_reshape(b, v, 2, rows);
    return build_reshape(b, build_slice(b, flat, 0, image, image + 1), rank, dims);
}

/* Boxes f32 [location sets, priors, 4]. */
static struct value *boxes_of(struct build *b, const struct ssd *s, int64_t image)
{
    struct node *n = b->node;
    int64_t sets = s->share ? 1 : s->classes, all[] = {-1, s->priors, 4}, each[] = {s->priors, sets, 4},
            turn[] = {1, 0, 2}, one[] = {s->priors, 4};
    struct value *given = image_of(b, n->in[2], s->prior_sets == 1 ? 0 : image, 3, all), *first = BUILD_LIST(b, 0);
    struct corners prior = halves(b, detect_gather(b, given, first, 0), 2), variance = {NULL, NULL};
    if (!s->encoded)
        variance = halves(b, detect_gather(b, given, BUILD_LIST(b, 1), 0), 2);
    if (node_in(n, 4))
        prior = decode(b, s, prior, variance, halves(b, image_of(b, n->in[4], image, 2, one), 1));
    struct value *loc = build_transpose(b, image_of(b, n->in[0], image, 3, each), 3, turn);
    struct corners c = decode(b, s, prior, variance, halves(b, loc, 2));
    struct value *boxes = DETECT_JOIN(b, 2, c.low, c.high);
    return s->clip ? BUILD(b, "Clip", boxes, build_number(b, DTYPE_F32, 0), build_number(b, DTYPE_F32, 1)) : boxes;
}

/* The same for NonMaxSuppression, which takes corners in any order: what is inside out has no area. */
static struct value *unturned(struct build *b, struct value *boxes)
{
    struct corners c = halves(b, boxes, 2);
    return DETECT_JOIN(b, 2, c.low, BUILD(b, "Max", c.low, c.high));
}

/* Scores f32 [labels, priors]. */
static struct value *scores_of(struct build *b, const struct ssd *s, struct value *labels, int64_t image)
{
    struct node *n = b->node;
    int64_t each[] = {s->priors, s->classes}, turn[] = {1, 0}, pair[] = {s->priors, 2}, row[] = {1, s->priors};
    struct value *conf = build_transpose(b, image_of(b, n->in[1], image, 2, each), 2, turn);
    struct value *scores = detect_gather(b, conf, labels, 0);
    if (!node_in(n, 3))
        return scores;
    struct value *object = build_slice(b, image_of(b, n->in[3], image, 2, pair), 1, 1, 2);
    struct value *empty = detect_with(b, "Less", build_reshape(b, object, 2, row), s->objectness);
    return BUILD(b, "Where", empty, build_number(b, DTYPE_F32, 0), scores);
}

/* Only the top_k of each label stay candidates: the others get the lowest score. */
static struct value *best_scores(struct build *b, const struct ssd *s, struct value *scores, int64_t labels)
{
    struct value *lowest = build_number(b, DTYPE_F32, -FLT_MAX);
    scores = BUILD(b, "Where", detect_with(b, "Greater", scores, s->confidence), scores, lowest);
    struct value *top = BUILD(b, "TopK/axis=1", scores, BUILD_LIST(b, s->top_k));
    struct value *none = BUILD(b, "Expand", lowest, BUILD_LIST(b, labels, s->priors));
    return BUILD(b, "ScatterElements/axis=1", none, build_output(b, top, 1), top);
}

/* Rows f32 [M, 6] of label, score and box of what is kept of one image. */
static struct value *kept_rows(struct build *b, const struct ssd *s, struct value *labels, int64_t count, int64_t image)
{
    struct value *boxes = boxes_of(b, s, image), *scores = scores_of(b, s, labels, image), *nms;
    int64_t whole[] = {1, count, s->priors}, sets[] = {count, 1, s->priors},
            most = s->top_k < s->priors ? s->top_k : s->priors;
    struct value *wanted = s->top_k > 0 && s->top_k < s->priors ? best_scores(b, s, scores, count) : scores;
    if (!s->share)
        boxes = detect_gather(b, boxes, labels, 0);
    nms = detect_nms(b, unturned(b, boxes), build_reshape(b, wanted, 3, s->share ? whole : sets), most, s->nms,
                     s->confidence, false);
    struct value *label = detect_column(b, nms, s->share ? 1 : 0),
                 *pairs = detect_gather(b, nms, BUILD_LIST(b, s->share ? 1 : 0, 2), 1);
    struct value *score = BUILD(b, "GatherND", scores, pairs);
    struct value *box = BUILD(b, "GatherND", boxes, s->share ? detect_gather(b, nms, BUILD_LIST(b, 0, 2), 1) : pairs);
    struct value *number = build_cast(b, detect_gather(b, labels, label, 0), DTYPE_F32);
    struct value *rows = DETECT_JOIN(b, 1, build_unsqueeze(b, number, 1), build_unsqueeze(b, score, 1), box);
    if (s->keep_top_k == INT64_MAX && !s->by_score)
        return rows;
    struct value *best = detect_best(b, score, s->keep_top_k);
    if (!s->by_score) { /* back in the order of the labels */
        struct value *places = BUILD(b, "TopK/axis=0", best, build_shape(b, best, 0, 1));
        build_output(b, places, 1); /* the operator always has both */
        best = build_int(b, places, "largest", 0);
    }
    return detect_gather(b, rows, best, 0);
}

/* The image's number before each row. */
static struct value *with_image(struct build *b, struct value *rows, int64_t image)
{
    struct value *shape = DETECT_JOIN(b, 0, build_shape(b, rows, 0, 1), BUILD_LIST(b, 1));
    return DETECT_JOIN(b, 1, BUILD(b, "Expand", build_number(b, DTYPE_F32, (double)image), shape), rows);
}

/* Caffe's answer when there are no rows at all: one of -1 for each image. */
static struct value *or_none(struct build *b, const struct ssd *s, struct value *rows)
{
    struct tensor *t = b->failed ? NULL : tensor_new(DTYPE_F32, 2, (int64_t[]){s->images, 7}, b->err);
    for (int64_t i = 0; t && i < t->count; i++)
        tensor_set_f64(t, i, i % 7 ? -1 : (double)(i / 7));
    struct value *none = b->failed ? NULL : build_constant(b, NULL, t), *zero = BUILD_LIST(b, 0);
    struct value *count = build_shape(b, rows, 0, 1);
    struct value *more =
        BUILD(b, "Mul", build_cast(b, BUILD(b, "Equal", count, zero), DTYPE_I64), BUILD_LIST(b, s->images));
    return BUILD(b, "Slice", DETECT_JOIN(b, 0, rows, none), zero, BUILD(b, "Add", count, more), zero);
}

/* The labels that are no background, i64. */
static struct value *label_list(struct build *b, const struct ssd *s, int64_t *count)
{
    struct tensor *t = NULL;
    *count = s->classes - (s->background >= 0 && s->background < s->classes);
    if (!b->failed)
        t = tensor_new(DTYPE_I64, 1, count, b->err);
    for (int64_t i = 0; t && i < *count; i++)
        tensor_set_i64(t, i, i + (*count < s->classes && i >= s->background));
    return b->failed ? NULL : build_constant(b, NULL, t);
}

/* Each image adds some forty nodes. */
#define SSD_IMAGES_MAX 64

static void check_limits(struct build *b, const struct ssd *s)
{
    if (s->images < 1 || s->priors < 1)
        build_fail(b, "the number of images and of priors must be known, and not 0");
    else if (s->images > SSD_IMAGES_MAX)
        build_fail(b, "%lld images are more than the %d that can be written as ONNX's operators", (long long)s->images,
                   SSD_IMAGES_MAX);
    else if (s->eta < 1 && s->nms > 0.5f)
        build_fail(b, "NonMaxSuppression has no threshold that changes (eta %g)", (double)s->eta);
}

int expand_detection_output(struct node *n, struct error *err)
{
    struct build b = {.node = n, .err = err};
    struct value *all = NULL;
    struct ssd s;
    int64_t count;
    if (ssd_read(&s, n, err) || ssd_sizes(&s, &n->in[0]->type, &n->in[1]->type, &n->in[2]->type, err))
        return -1;
    check_limits(&b, &s);
    struct value *labels = label_list(&b, &s, &count);
    for (int64_t image = 0; !b.failed && image < s.images; image++) {
        struct value *rows = kept_rows(&b, &s, labels, count, image);
        rows = s.by_score ? rows : with_image(&b, rows, image);
        all = all ? DETECT_JOIN(&b, 0, all, rows) : rows;
    }
    if (!s.by_score)
        all = BUILD(&b, "Unsqueeze", or_none(&b, &s, all), BUILD_LIST(&b, 0, 1));
    build_give(&b, 0, all);
    return build_end(&b);
}
