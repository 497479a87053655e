/* Operators of detectors, of one picture: boxes are rows [1, n, …]. Source: src/operator/contrib of MXNet. */
#include <math.h>
#include <string.h>

#include "format/mxnet/mxnet.h"

/* ---- priors ---- */

#define MOST_SIZES 32
#define MOST_CELLS (1 << 20)

struct priors {
    float sizes[MOST_SIZES], ratios[MOST_SIZES], steps[2], offsets[2];
    int size_count, ratio_count;
    int64_t height, width;
};

/* Corners of the boxes of one cell. */
static float *put_cell(float *to, const struct priors *p, int64_t y, int64_t x)
{
    float cy = ((float)y + p->offsets[0]) * p->steps[0], cx = ((float)x + p->offsets[1]) * p->steps[1];
    for (int i = 0; i < p->size_count + p->ratio_count - 1; i++, to += 4) {
        float size = p->sizes[i < p->size_count ? i : 0];
        float ratio = sqrtf(p->ratios[i < p->size_count ? 0 : i - p->size_count + 1]);
        float w = size * (float)p->height / (float)p->width * ratio / 2, h = size / ratio / 2;
        to[0] = cx - w;
        to[1] = cy - h;
        to[2] = cx + w;
        to[3] = cy + h;
    }
    return to;
}

void mxnet_read_multi_box_prior(struct mxnet_op *o)
{
    struct priors p = {.sizes = {1}, .ratios = {1}, .steps = {-1, -1}, .offsets = {0.5f, 0.5f}};
    struct value *x = mxnet_in(o, 0);
    int sizes = mxnet_floats(o, "sizes", p.sizes, MOST_SIZES), ratios = mxnet_floats(o, "ratios", p.ratios, MOST_SIZES);
    p.size_count = sizes ? sizes : 1;
    p.ratio_count = ratios ? ratios : 1;
    mxnet_floats(o, "steps", p.steps, 2);
    mxnet_floats(o, "offsets", p.offsets, 2);
    p.height = build_dim_of(o->b, x, 2);
    p.width = build_dim_of(o->b, x, 3);
    if (p.height < 1 || p.width < 1 || p.height > MOST_CELLS / p.width)
        build_fail(o->b, "the sizes of its input must be known, and at most %d cells: give the network's input a shape",
                   MOST_CELLS);
    if (o->b->failed)
        return;
    if (p.steps[0] <= 0 || p.steps[1] <= 0) {
        p.steps[0] = 1 / (float)p.height;
        p.steps[1] = 1 / (float)p.width;
    }
    int64_t dims[] = {1, p.height * p.width * (p.size_count + p.ratio_count - 1), 4};
    struct tensor *t = tensor_new(DTYPE_F32, 3, dims, o->b->err);
    float *to = t ? t->data : NULL;
    for (int64_t i = 0; t && i < p.height * p.width; i++)
        to = put_cell(to, &p, i / p.width, i % p.width);
    struct value *v = build_constant(o->b, o->node->name, t);
    if (mxnet_bool(o, "clip", false))
        v = BUILD(o->b, "Clip", v, build_number(o->b, DTYPE_F32, 0), build_number(o->b, DTYPE_F32, 1));
    mxnet_give(o, 0, v);
}

/* ---- suppression ---- */

/* Boxes by falling score. */
struct boxes {
    struct value *corners, *score, *id; /* [1, n, 4]; [n]; [n] of i64, or NULL: one class for all */
    bool is_centre;
    float overlap, threshold;
    int64_t top;
};

static struct value *one_of(struct mxnet_op *o, struct value *v, double number)
{
    return build_number(o->b, build_dtype_of(o->b, v), number);
}

/* Which ones are left, bool [n]. Classes do not suppress each other: each has scores of its own, [1, classes, n]. */
static struct value *kept(struct mxnet_op *o, const struct boxes *s)
{
    struct build *b = o->b;
    struct value *score = build_reshape(b, s->score, 3, (int64_t[]){1, 1, -1});
    if (s->id) {
        struct value *id = BUILD(b, "Max", s->id, build_number(b, DTYPE_I64, 0)), *most = BUILD(b, "ReduceMax", id);
        build_int(b, most, "keepdims", 0);
        struct value *depth = BUILD(b, "Add", most, build_number(b, DTYPE_I64, 1));
        struct value *mask = BUILD(b, "OneHot", id, depth, build_f32s(b, 2, (float[]){0, 1}));
        mask = build_unsqueeze(b, build_cast(b, build_int(b, mask, "axis", 0), DTYPE_BOOL), 0);
        score = BUILD(b, "Where", mask, score, one_of(o, score, -3e38));
    }
    struct value *count = build_number(b, DTYPE_I64, s->top > 0 ? (double)s->top : 2147483647.0);
    struct value *v = BUILD(b, "NonMaxSuppression", s->corners, score, count, build_number(b, DTYPE_F32, s->overlap),
                            build_number(b, DTYPE_F32, s->threshold));
    build_int(b, v, "center_point_box", s->is_centre);
    struct value *at = build_reshape(b, build_slice(b, v, 1, 2, 3), 1, (int64_t[]){-1});
    struct value *none = BUILD(b, "Expand", build_number(b, DTYPE_I64, 0), BUILD(b, "Shape", s->score));
    struct value *one = BUILD(b, "Expand", build_number(b, DTYPE_I64, 1), BUILD(b, "Shape", at));
    return build_cast(b, BUILD(b, "ScatterElements", none, at, one), DTYPE_BOOL);
}

static struct value *flat(struct mxnet_op *o, struct value *v)
{
    return build_reshape(o->b, v, 1, (int64_t[]){-1});
}

/* A column of rows [1, n, width] as [n]. */
static struct value *column(struct mxnet_op *o, struct value *rows, int64_t at)
{
    return flat(o, build_slice(o->b, rows, 2, at, at + 1));
}

/* All rows, [1, n, …] or [n], by falling score. */
static struct value *order_of(struct mxnet_op *o, struct value *score)
{
    return build_output(o->b, BUILD(o->b, "TopK", score, BUILD(o->b, "Shape", score)), 1);
}

static struct value *ordered(struct mxnet_op *o, struct value *v, int axis, struct value *order)
{
    return build_int(o->b, BUILD(o->b, "Gather", v, order), "axis", axis);
}

/* data [1, n, width]: what is left stands first, by score, and rows of -1 behind. */
void mxnet_read_box_nms(struct mxnet_op *o)
{
    struct build *b = o->b;
    struct value *x = mxnet_in(o, 0);
    int64_t id_at = mxnet_int(o, "id_index", -1), at = mxnet_int(o, "coord_start", 2),
            score_at = mxnet_int(o, "score_index", 1), background = mxnet_int(o, "background_id", -1);
    const char *format = mxnet_text(o, "in_format", "corner");
    struct boxes s = {.is_centre = strcmp(format, "center") == 0,
                      .overlap = mxnet_float(o, "overlap_thresh", 0.5f),
                      .threshold = mxnet_float(o, "valid_thresh", 0)};
    int64_t top = mxnet_int(o, "topk", -1);
    if (build_rank_of(b, x) != 3 || build_dim_of(b, x, 0) > 1)
        build_fail(b, "its input must be rows of one picture, [1, n, width]");
    if (strcmp(mxnet_text(o, "out_format", "corner"), format) != 0)
        build_fail(b, "its out_format is another than its in_format, which is not read");
    if (background >= 0 && id_at >= 0)
        x = BUILD(b, "Where",
                  BUILD(b, "Equal", build_slice(b, x, 2, id_at, id_at + 1), one_of(o, x, (double)background)),
                  one_of(o, x, -3e38), x);
    struct value *rows = ordered(o, x, 1, order_of(o, column(o, x, score_at)));
    if (top > 0)
        rows = build_slice(b, rows, 1, 0, top);
    s.corners = build_slice(b, rows, 2, at, at + 4);
    s.score = column(o, rows, score_at);
    if (id_at >= 0 && !mxnet_bool(o, "force_suppress", false))
        s.id = build_cast(b, column(o, rows, id_at), DTYPE_I64);
    struct value *left = BUILD(b, "Compress", rows, kept(o, &s));
    build_int(b, left, "axis", 1);
    struct value *shape = BUILD(b, "Shape", mxnet_in(o, 0));
    struct value *rest = BUILD(b, "Sub", shape, BUILD(b, "Mul", BUILD(b, "Shape", left), BUILD_LIST(b, 0, 1, 0)));
    struct value *v = BUILD(b, "Concat", left, BUILD(b, "Expand", one_of(o, x, -1), rest));
    mxnet_give(o, 0, BUILD(b, "Reshape", build_int(b, v, "axis", 1), shape));
}

/* Boxes of locs [1, 4 n] against anchors [1, n, 4], as [1, n, 4] of corners. */
static struct value *decoded(struct mxnet_op *o, struct value *locs, struct value *anchors)
{
    float variances[4] = {0.1f, 0.1f, 0.2f, 0.2f};
    mxnet_floats(o, "variances", variances, 4);
    struct value *p = build_reshape(o->b, locs, 3, (int64_t[]){1, -1, 4});
    p = BUILD(o->b, "Mul", p, build_f32s(o->b, 4, variances));
    struct value *in[] = {build_slice(o->b, p, 2, 0, 2), build_slice(o->b, p, 2, 2, 4),
                          build_slice(o->b, anchors, 2, 0, 2), build_slice(o->b, anchors, 2, 2, 4)};
    struct value *size = build_formula(o->b, "$3 $2 Sub:2", 4, in);
    struct value *both[] = {in[0], in[1], build_formula(o->b, "$2 $3 Add:2 =0.5 Mul:2", 4, in), size};
    struct value *centre = build_formula(o->b, "$0 $3 Mul:2 $2 Add:2", 4, both);
    struct value *half = build_formula(o->b, "$1 Exp $3 Mul:2 =0.5 Mul:2", 4, both);
    struct value *v = BUILD(o->b, "Concat", BUILD(o->b, "Sub", centre, half), BUILD(o->b, "Add", centre, half));
    build_int(o->b, v, "axis", 2);
    return mxnet_bool(o, "clip", true) ? build_formula(o->b, "$0 =0 Max:2 =1 Min:2", 1, &v) : v;
}

/* Scores [1, classes, n], the first of background: rows of class, score and corners by score, whose class is -1 where
 * they are suppressed; those below the threshold are all -1. */
void mxnet_read_multi_box_detection(struct mxnet_op *o)
{
    struct build *b = o->b;
    struct boxes s = {.overlap = mxnet_float(o, "nms_threshold", 0.5f), .threshold = -0.5f};
    struct value *all = build_slice(b, mxnet_in(o, 0), 1, 1, INT64_MAX), *none = build_number(b, DTYPE_F32, -1);
    if (build_dim_of(b, mxnet_in(o, 0), 0) > 1 || mxnet_int(o, "background_id", 0) != 0)
        build_fail(b, "it is of several pictures, or of another background than 0, which is not read");
    struct value *best = BUILD(b, "ReduceMax", all, BUILD_LIST(b, 1)), *id = BUILD(b, "ArgMax", all);
    best = flat(o, best);
    id = flat(o, build_int(b, id, "axis", 1));
    struct value *valid =
        BUILD(b, "GreaterOrEqual", best, build_number(b, DTYPE_F32, mxnet_float(o, "threshold", 0.01f)));
    struct value *score = BUILD(b, "Where", valid, best, none), *order = order_of(o, score);
    struct value *top = mxnet_int(o, "nms_topk", -1) > 0 ? BUILD_LIST(b, mxnet_int(o, "nms_topk", -1)) : NULL;
    s.corners = ordered(o, decoded(o, mxnet_in(o, 1), mxnet_in(o, 2)), 1, order);
    s.score = ordered(o, score, 0, order);
    id = ordered(o, id, 0, order);
    s.id = mxnet_bool(o, "force_suppress", false) ? NULL : id;
    valid = BUILD(b, "Greater", s.score, build_number(b, DTYPE_F32, -1));
    if (top) /* those behind lose their class, and suppress nothing */
        s.score = BUILD(b, "Where", BUILD(b, "Less", build_range(b, BUILD_LIST(b, 0), BUILD(b, "Shape", id)), top),
                        s.score, none);
    struct value *class = BUILD(b, "Where", kept(o, &s), build_cast(b, id, DTYPE_F32), none);
    struct value *parts[] = {build_unsqueeze(b, class, 1), build_unsqueeze(b, ordered(o, score, 0, order), 1),
                             BUILD(b, "Squeeze", s.corners, BUILD_LIST(b, 0))};
    struct value *rows = b->failed ? NULL : build_int(b, build_node(b, "Concat", 3, parts), "axis", 1);
    mxnet_give(o, 0, build_unsqueeze(b, BUILD(b, "Where", build_unsqueeze(b, valid, 1), rows, none), 0));
}
