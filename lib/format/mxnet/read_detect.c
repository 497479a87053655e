/* Operators of detectors, of one picture: boxes are rows [1, n, …]. Source: src/operator/contrib of MXNet. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "format/mxnet/mxnet.h"

/* ---- priors ---- */

#define MOST_SIZES 32
#define MOST_BOXES (1 << 22) /* of all layers */

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
    int64_t each = p.size_count + p.ratio_count - 1;
    if (p.height < 1 || p.width < 1 || p.height > (MOST_BOXES - o->r->boxes) / each / p.width)
        build_fail(o->b,
                   "the sizes of its input must be known, for at most %d boxes in all: give the network's input a "
                   "shape",
                   MOST_BOXES);
    if (o->b->failed)
        return;
    o->r->boxes += p.height * p.width * each;
    if (p.steps[0] <= 0 || p.steps[1] <= 0) {
        p.steps[0] = 1 / (float)p.height;
        p.steps[1] = 1 / (float)p.width;
    }
    int64_t dims[] = {1, p.height * p.width * each, 4};
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

/* Rows are t (scores [N, n]), b (boxes [N, n, 4]) and k (classes, i64 [N, n]), by falling score; w: which are left, 0
 * or
 * 1. Classes do not suppress each other: each has scores of its own, [N, classes, n]. */
#define ORDER   "s s Shape/start=1 TopK:2/axis=1 .1 >o "
#define ORDERED "o [2] Unsqueeze:2 GatherND:2/batch_dims=1 "
#define SCORES  "t [1] Unsqueeze:2 >m "
#define BY_CLASS                                                                                                       \
    "k #_=0 Max:2 >c c c ReduceMax/keepdims=0 #_=1 Add:2 [0,1] Cast/to=1 OneHot:3/axis=1 Cast/to=9 m =-3e38 Where:3 "  \
    ">m "
#define KEPT                                                                                                           \
    "[0] [3] [1] [2] Slice:5 >a #_=0 t Shape Expand:2 a "                                                              \
    "#_=1 a Shape/start=0/end=1 Expand:2 ScatterND:3 >w "
#define BELOW_TOP(top) "#_=0 t Shape/start=1 Squeeze #_=1 Range:3 @" top " Less:2 t =-3e38 Where:3 >t "

#define MOST_TEXT 2000

/* data [N, n, width]: what is left stands first, by score, and rows of -1 behind. */
void mxnet_read_box_nms(struct mxnet_op *o)
{
    char text[MOST_TEXT];
    const char *format = mxnet_text(o, "in_format", "corner");
    bool has_id = mxnet_int(o, "id_index", -1) >= 0, centre = strcmp(format, "center") == 0;
    bool background = has_id && mxnet_int(o, "background_id", -1) >= 0;
    if (build_rank_of(o->b, mxnet_in(o, 0)) != 3)
        build_fail(o->b, "its input must be rows of each picture, [N, n, width]");
    if (strcmp(mxnet_text(o, "out_format", "corner"), format) != 0)
        build_fail(o->b, "its out_format is another than its in_format, which is not read");
    snprintf(text, sizeof(text),
             "$0 >x @score_index=1 >i @coord_start=2 >j @id_index=0 >d %s"
             "x i i [1] Add:2 [2] Slice:4 [2] Squeeze:2 >s " ORDER "x " ORDERED ">r "
             "r j j [4] Add:2 [2] Slice:4 >b r i i [1] Add:2 [2] Slice:4 [2] Squeeze:2 >t "
             "%s" SCORES "%s"
             "b m #_=2147483647 %%overlap_thresh=0.5 %%valid_thresh=0 NonMaxSuppression:5/center_point_box=%d " KEPT
             "w w Shape/start=1 TopK:2/axis=1 >z z .1 >o z Cast/to=9 [2] Unsqueeze:2 r " ORDERED "=-1 Where:3",
             background ? "x d d [1] Add:2 [2] Slice:4 %background_id Equal:2 =-3e38 x Where:3 >x " : "",
             mxnet_int(o, "topk", -1) > 0 ? BELOW_TOP("topk") : "",
             has_id && !mxnet_bool(o, "force_suppress", false)
                 ? "r d d [1] Add:2 [2] Slice:4 [2] Squeeze:2 Cast/to=7 >k " BY_CLASS
                 : "",
             centre);
    mxnet_give(o, 0, mxnet_formula(o, text));
}

/* Scores [N, classes, n], the first of background, places [N, 4 n] and anchors [1, n, 4]: rows of class, score and
 * corners by score, whose class is -1 where they are suppressed; those below the threshold are all -1. */
void mxnet_read_multi_box_detection(struct mxnet_op *o)
{
    char text[MOST_TEXT];
    if (mxnet_int(o, "background_id", 0) != 0 || mxnet_float(o, "nms_threshold", 0.5f) <= 0)
        build_fail(o->b, "its background is another than 0, or it leaves all boxes, which is not read");
    snprintf(text, sizeof(text),
             "$0 [1] [max] [1] Slice:4 >p p [1] ReduceMax:2/keepdims=0 >v p ArgMax/axis=1/keepdims=0 >k "
             "v %%threshold=0.01 GreaterOrEqual:2 v =-1 Where:3 >v v >s " ORDER "v o GatherElements:2/axis=1 >v "
             "k o GatherElements:2/axis=1 >k $1 [0,-1,4] Reshape:2 %%variances=0.1,0.1,0.2,0.2 Mul:2 >q "
             "$2 [0] [2] [2] Slice:4 >l $2 [2] [4] [2] Slice:4 >h h l Sub:2 >z "
             "q [0] [2] [2] Slice:4 z Mul:2 l h Add:2 =0.5 Mul:2 Add:2 >c "
             "q [2] [4] [2] Slice:4 Exp z Mul:2 =0.5 Mul:2 >f c f Sub:2 c f Add:2 Concat:2/axis=2 %s" ORDERED
             ">b v >t %s" SCORES "%s"
             "b m #_=2147483647 %%nms_threshold=0.5 =-0.5 NonMaxSuppression:5 " KEPT
             "v =-1 Greater:2 [2] Unsqueeze:2 w Cast/to=9 k Cast/to=1 =-1 Where:3 [2] Unsqueeze:2 "
             "v [2] Unsqueeze:2 b Concat:3/axis=2 =-1 Where:3",
             mxnet_bool(o, "clip", true) ? "=0 Max:2 =1 Min:2 " : "",
             mxnet_int(o, "nms_topk", -1) > 0 ? BELOW_TOP("nms_topk") : "",
             mxnet_bool(o, "force_suppress", false) ? "" : BY_CLASS);
    mxnet_give(o, 0, mxnet_formula(o, text));
}

/* x [1, n, 4] against anchors: corners. */
void mxnet_read_box_decode(struct mxnet_op *o)
{
    char text[MOST_TEXT];
    bool clips = mxnet_float(o, "clip", -1) > 0, corner = mxnet_is(o, "format", "corner");
    snprintf(text, sizeof(text),
             "$0 >x %%std0=1 [1] Reshape:2 %%std1=1 [1] Reshape:2 %%std2=1 [1] Reshape:2 %%std3=1 [1] Reshape:2 "
             "Concat:4/axis=0 >s x s Mul:2 >q $1 [0] [2] [-1] Slice:4 >l $1 [2] [4] [-1] Slice:4 >z %s"
             "q [0] [2] [-1] Slice:4 z Mul:2 l Add:2 >c q [2] [4] [-1] Slice:4 %sExp z Mul:2 =0.5 Mul:2 >f "
             "c f Sub:2 c f Add:2 Concat:2/axis=-1",
             corner ? "z l Sub:2 >z l z =0.5 Mul:2 Add:2 >l " : "", clips ? "%clip Min:2 " : "");
    mxnet_give(o, 0, mxnet_formula(o, text));
}
