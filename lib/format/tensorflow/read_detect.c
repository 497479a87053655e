/* Boxes y1 x1 y2 x2: which of them stay, and what lies within them. */
#include <string.h>

#include "format/tensorflow/tensorflow.h"
#include "op/detect_build.h"

/* ---- suppression ---- */

static float number_in(struct tensorflow_op *o, int k, float otherwise)
{
    const struct tensor *t = k < o->in_count && tensorflow_in(o, k) ? o->in[k]->constant : NULL;
    bool is_number = t && t->count == 1 && t->dtype != DTYPE_STRING;
    if (k < o->in_count && !is_number)
        build_fail(o->b, "input %d must be a constant number", k);
    return is_number ? (float)tensor_get_f64(t, 0) : otherwise;
}

/* v and zeros behind it, `count` elements. */
static struct value *filled_up(struct build *b, struct value *v, struct value *count)
{
    struct value *more = BUILD(b, "Sub", count, BUILD(b, "Shape", v));
    return BUILD(b, "Pad", v, BUILD(b, "Concat/axis=0", BUILD_LIST(b, 0), more));
}

/* Of all boxes $0 with box $1 of them: by exp($3 · IoU²) of its own less the scores $2 become, and that box's own is
 * out. */
#define FADED                                                                                                          \
    "$0 [0,1] Gather:2/axis=-1 >a $0 [2,3] Gather:2/axis=-1 >c a c Min:2 >p a c Max:2 >q p $1 Gather:2/axis=0 >r q "   \
    "$1 "                                                                                                              \
    "Gather:2/axis=0 >s q s Min:2 p r Max:2 Sub:2 =0 Max:2 [-1] ReduceProd:2/keepdims=0 >i q p Sub:2 [-1] "            \
    "ReduceProd:2/keepdims=0 s r Sub:2 [-1] ReduceProd:2/keepdims=0 Add:2 i Sub:2 >u u =0 Greater:2 i u Div:2 =0 "     \
    "Where:3 >o #_=0 $2 Shape Squeeze #_=1 Range:3 $1 Equal:2 =-3e38 $2 o o Mul:2 $3 Mul:2 Exp Mul:2 Where:3"

/* The best box after the other, as many as its scores reach the bound: their numbers; *scores: what was left of them. A
 * Loop. Source: Bodla et al., "Soft-NMS" (2017), with Gaussian weights. */
static struct value *fade(struct tensorflow_op *o, struct value *most, double sigma, struct value **scores)
{
    struct build *b = o->b;
    struct value *boxes = tensorflow_in(o, 0), *given = tensorflow_in(o, 1);
    struct value *bound = build_number(b, DTYPE_F32, (double)number_in(o, 4, 0));
    struct value *scale = build_number(b, DTYPE_F32, -0.5 / sigma);
    const char *more = "$0 [0] ReduceMax:2/keepdims=0 $1 Greater:2";
    struct value *in[] = {build_reshape(b, most, 0, NULL), build_formula(b, more, 2, (struct value *[]){given, bound}),
                          given};
    struct build outer = build_enter(b, NULL);
    struct value *left = NULL;
    if (!b->failed) {
        build_input(b, NULL, DTYPE_I64, 0, NULL);
        build_input(b, NULL, DTYPE_BOOL, 0, NULL);
        left = build_input(b, NULL, DTYPE_F32, 1, (int64_t[]){DIM_UNKNOWN});
    }
    struct value *best = BUILD(b, "ArgMax/axis=0", left), *of = BUILD(b, "Gather", left, best);
    struct value *faded = build_formula(b, FADED, 4, (struct value *[]){boxes, best, left, scale});
    struct value *made[] = {build_formula(b, more, 2, (struct value *[]){faded, bound}), faded, best, of};
    for (int i = 0; i < 4 && !b->failed; i++)
        build_body_output(b, made[i]);
    struct graph *body = build_leave(b, outer);
    struct value *v = build_node(b, "Loop", 3, in);
    build_check(b, v && node_set_graph(v->producer, "body", body, b->err) == 0);
    struct value *numbers = build_output(b, v, 1);
    *scores = build_reshape(b, build_output(b, v, 2), 1, (int64_t[]){-1});
    return build_reshape(b, numbers, 1, (int64_t[]){-1});
}

/* Boxes [n, 4] and scores [n]. The row tells the outputs: 1 places, 2 how many, 3 scores. */
void tensorflow_read_nms(struct tensorflow_op *o)
{
    struct build *b = o->b;
    struct value *scores = tensorflow_in(o, 1), *most = tensorflow_i64_list(o, 2);
    double sigma = (double)number_in(o, 5, 0);
    struct value *at, *of;
    if (sigma > 0) {
        at = fade(o, most, sigma, &of);
    } else {
        at = BUILD(b, "NonMaxSuppression", build_unsqueeze(b, tensorflow_in(o, 0), 0),
                   BUILD(b, "Unsqueeze", scores, BUILD_LIST(b, 0, 1)), most,
                   o->in_count > 3 ? tensorflow_in(o, 3)
                                   : build_number(b, DTYPE_F32, (double)tensorflow_float(o, "iou_threshold", 0.5F)),
                   o->in_count > 4 ? tensorflow_in(o, 4) : NULL);
        at = detect_column(b, at, 2);
        of = BUILD(b, "Gather", scores, at);
    }
    struct value *count = BUILD(b, "Squeeze", BUILD(b, "Shape", at));
    bool fills = tensorflow_bool(o, "pad_to_max_output_size", false);
    struct value *out[] = {build_cast(b, fills ? filled_up(b, at, most) : at, DTYPE_I32),
                           build_cast(b, count, DTYPE_I32), fills ? filled_up(b, of, most) : of};
    for (int i = 0; o->kind->onnx[i]; i++)
        tensorflow_give(o, i, out[o->kind->onnx[i] - '1']);
}

/* Boxes [N, n, 1 or classes, 4] and scores [N, n, classes]: the best of all classes of each image. */
void tensorflow_read_combined_nms(struct tensorflow_op *o)
{
    struct build *b = o->b;
    int64_t each = 0, total = 0, n = tensorflow_dim(o, 0, 1), own = tensorflow_dim(o, 0, 2),
            classes = tensorflow_dim(o, 1, 2);
    tensorflow_want_ints(o, 2, &each, 1);
    tensorflow_want_ints(o, 3, &total, 1);
    if (n < 1 || classes < 1 || each < 1 || total < 1 || n > 1 << 24 || classes > 1 << 16 || each > 1 << 24 ||
        total > 1 << 24 || (own != 1 && own != classes))
        build_fail(b, "want known numbers of boxes, classes and results");
    if (b->failed)
        return;
    if (tensorflow_bool(o, "pad_per_class", false) && each * classes < total)
        total = each * classes;
    struct value *scores = build_transpose(b, tensorflow_in(o, 1), 3, (int64_t[]){0, 2, 1}); /* [N, classes, n] */
    struct value *boxes = build_transpose(b, tensorflow_in(o, 0), 4, (int64_t[]){0, 2, 1, 3});
    boxes = build_reshape(b, boxes, 3, (int64_t[]){-1, n, 4}); /* [N * own, n, 4] */
    struct value *flat = build_reshape(b, scores, 1, (int64_t[]){-1});
    struct value *kept = detect_nms(b, boxes, build_reshape(b, scores, 3, (int64_t[]){-1, own == 1 ? classes : 1, n}),
                                    each, number_in(o, 4, 0.5f), number_in(o, 5, 0), false);
    /* the place of each that stays in [N, classes, n]; all others have the score -1 */
    struct value *list = detect_column(b, kept, 0);
    list = own == 1 ? BUILD(b, "Add", BUILD(b, "Mul", list, build_number(b, DTYPE_I64, (double)classes)),
                            detect_column(b, kept, 1))
                    : list;
    list = BUILD(b, "Add", BUILD(b, "Mul", list, build_number(b, DTYPE_I64, (double)n)), detect_column(b, kept, 2));
    struct value *none = BUILD(b, "Expand", build_number(b, DTYPE_F32, -1), BUILD(b, "Shape", flat));
    flat = BUILD(b, "ScatterND", none, build_unsqueeze(b, list, 1), BUILD(b, "Gather", flat, list));
    flat = build_reshape(b, flat, 2, (int64_t[]){-1, classes * n});
    if (total > classes * n)
        flat = BUILD(b, "Pad", flat, BUILD_LIST(b, 0, 0, 0, total - classes * n), build_number(b, DTYPE_F32, -1));
    struct value *best = BUILD(b, "TopK", flat, BUILD_LIST(b, total));
    struct value *at = BUILD(b, "Min", build_output(b, best, 1), build_number(b, DTYPE_I64, (double)(classes * n - 1)));
    struct value *size = build_number(b, DTYPE_I64, (double)n), *fine = detect_with(b, "Greater", best, -1);
    struct value *class = BUILD(b, "Div", at, size), *counts = build_cast(b, fine, DTYPE_F32);
    boxes = build_reshape(b, boxes, 3, (int64_t[]){-1, own * n, 4});
    boxes = build_gather(b, boxes, 3, own == 1 ? BUILD(b, "Mod", at, size) : at, 2, 1, 1);
    if (tensorflow_bool(o, "clip_boxes", true))
        boxes = BUILD(b, "Clip", boxes, build_number(b, DTYPE_F32, 0), build_number(b, DTYPE_F32, 1));
    tensorflow_give(o, 0, BUILD(b, "Mul", boxes, build_unsqueeze(b, counts, 2)));
    tensorflow_give(o, 1, BUILD(b, "Mul", best, counts));
    tensorflow_give(o, 2, BUILD(b, "Mul", build_cast(b, class, DTYPE_F32), counts));
    struct value *sum = BUILD(b, "ReduceSum", build_cast(b, fine, DTYPE_I32), BUILD_LIST(b, 1));
    tensorflow_give(o, 3, build_int(b, sum, "keepdims", 0));
}

/* ---- parts of images ---- */

/* Pixels of x at evenly spaced places from one corner of a box to the other. A RoiAlign of one sample for each place
 * takes them from the middle of its cells: each box grows by half a cell, and by the half that it takes off. What lies
 * outside the image has a number of its own. */
void tensorflow_read_crop_and_resize(struct tensorflow_op *o)
{
    struct build *b = o->b;
    int64_t size[2] = {1, 1};
    tensorflow_expect(o, 0, 4, 0);
    if (strcmp(tensorflow_text(o, "method", "bilinear"), "bilinear") != 0)
        build_fail(b, "the nearest pixels of a part are not read");
    if (tensorflow_want_ints(o, 3, size, 2) != 2 || size[0] < 1 || size[1] < 1 || size[0] > 1 << 15 ||
        size[1] > 1 << 15)
        build_fail(b, "the size of the parts must be known");
    struct value *v = detect_crop(b, tensorflow_to_nchw(o, 0), tensorflow_in(o, 1), tensorflow_i64(o, 2), size,
                                  (double)tensorflow_float(o, "extrapolation_value", 0));
    tensorflow_give(o, 0, tensorflow_from_nchw(o, v, 4));
}
