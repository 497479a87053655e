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

/* Boxes [n, 4] and scores [n]. The row tells the outputs: 1 places, 2 how many, 3 scores. */
void tensorflow_read_nms(struct tensorflow_op *o)
{
    struct build *b = o->b;
    struct value *scores = tensorflow_in(o, 1), *most = tensorflow_i64_list(o, 2);
    if (o->in_count > 5 && number_in(o, 5, 0) != 0)
        build_fail(b, "soft suppression is not read");
    struct value *v = BUILD(b, "NonMaxSuppression", build_unsqueeze(b, tensorflow_in(o, 0), 0),
                            BUILD(b, "Unsqueeze", scores, BUILD_LIST(b, 0, 1)), most, tensorflow_in(o, 3),
                            o->in_count > 4 ? tensorflow_in(o, 4) : NULL);
    struct value *at = detect_column(b, v, 2), *count = BUILD(b, "Squeeze", BUILD(b, "Shape", at));
    struct value *of = BUILD(b, "Gather", scores, at);
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
