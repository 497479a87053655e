/* Proposal of Faster R-CNN: the regions that a grid of anchors takes for objects. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "op/attr.h"
#include "op/box.h"
#include "op/detect_build.h"
#include "op/real.h"
#include "op/rows.h"

#define PROPOSAL_ANCHORS_MAX (1 << 10)
#define PROPOSAL_BOXES_MAX   ((int64_t)1 << 24)

struct proposal {
    const float *ratios, *scales;
    int ratio_count, scale_count;
    int64_t stride, base, before, after; /* before, after: boxes kept, INT64_MAX for all */
    float overlap, least;
    bool ncnn;
    int64_t height, width; /* of the grid; below 0: not known */
};

static const float default_ratios[] = {0.5f, 1, 2}, default_scales[] = {8, 16, 32};

static int64_t anchor_count(const struct proposal *p)
{
    return (int64_t)p->ratio_count * p->scale_count;
}

static int read_anchors(struct proposal *p, const struct node *n, struct error *err)
{
    p->ratios = op_floats(n, "ratios", &p->ratio_count);
    p->scales = op_floats(n, "scales", &p->scale_count);
    if (p->ratio_count == 0) {
        p->ratios = default_ratios;
        p->ratio_count = 3;
    }
    if (p->scale_count == 0) {
        p->scales = default_scales;
        p->scale_count = 3;
    }
    if (anchor_count(p) > PROPOSAL_ANCHORS_MAX)
        return error_set(err, "attributes ratios and scales: %d and %d values are too many", p->ratio_count,
                         p->scale_count);
    for (int i = 0; i < p->ratio_count; i++)
        if (!(p->ratios[i] > 0 && p->ratios[i] < 1e6f))
            return error_set(err, "attribute ratios: %g, want a positive number", (double)p->ratios[i]);
    for (int i = 0; i < p->scale_count; i++)
        if (!(p->scales[i] > 0 && p->scales[i] < 1e6f))
            return error_set(err, "attribute scales: %g, want a positive number", (double)p->scales[i]);
    return 0;
}

static int read_proposal(struct proposal *p, const struct node *n, struct error *err)
{
    static const char *const rows[] = {"caffe", "ncnn"};
    int ncnn;
    if (attr_choice(n, "rows", rows, 2, &ncnn, err) < 0)
        return -1;
    *p = (struct proposal){.stride = op_int(n, "feat_stride"),
                           .base = op_int(n, "base_size"),
                           .before = op_int(n, "pre_nms_topn"),
                           .after = op_int(n, "post_nms_topn"),
                           .overlap = op_float(n, "nms_threshold"),
                           .least = op_float(n, "min_size"),
                           .ncnn = ncnn != 0};
    p->before = p->before > 0 ? p->before : INT64_MAX;
    p->after = p->after > 0 ? p->after : INT64_MAX;
    if (p->stride < 1 || p->stride > 1 << 20 || p->base < 1 || p->base > 1 << 20)
        return error_set(err, "attributes feat_stride and base_size: %lld and %lld, want at least 1",
                         (long long)p->stride, (long long)p->base);
    if (!(p->overlap >= 0))
        return error_set(err, "attribute nms_threshold: %g, want 0 or more", (double)p->overlap);
    return read_anchors(p, n, err);
}

static int want_map(const struct type *t, const char *name, int64_t channels, struct error *err)
{
    if (t->rank >= 0 &&
        (t->rank != 4 || (t->dims[0] >= 0 && t->dims[0] != 1) || (t->dims[1] >= 0 && t->dims[1] != channels)))
        return error_set(err, "input %s: want one image, [1, %lld, H, W]", name, (long long)channels);
    return 0;
}

static int read_maps(struct proposal *p, const struct type *scores, const struct type *deltas, const struct type *info,
                     struct error *err)
{
    if (want_map(scores, "scores", 2 * anchor_count(p), err) < 0 ||
        want_map(deltas, "deltas", 4 * anchor_count(p), err) < 0)
        return -1;
    p->height = scores->rank == 4 ? scores->dims[2] : -1;
    p->width = scores->rank == 4 ? scores->dims[3] : -1;
    for (int i = 2; i < 4; i++)
        if (scores->rank == 4 && deltas->rank == 4 && scores->dims[i] >= 0 && deltas->dims[i] >= 0 &&
            scores->dims[i] != deltas->dims[i])
            return error_set(err, "inputs scores and deltas have grids of other sizes");
    if (p->height > 0 && p->width > 0 && p->height > PROPOSAL_BOXES_MAX / p->width / anchor_count(p))
        return error_set(err, "%lld x %lld cells are too many", (long long)p->height, (long long)p->width);
    int64_t numbers = info->rank < 0 ? -1 : tensor_count(info->rank, info->dims);
    if (numbers >= 0 && numbers < 3)
        return error_set(err, "input im_info has %lld numbers, want height, width and scale", (long long)numbers);
    return 0;
}

int infer_proposal(struct op_infer *c, struct error *err)
{
    struct proposal p;
    if (read_proposal(&p, c->node, err) < 0 ||
        read_maps(&p, real_type(c, 0), real_type(c, 1), real_type(c, 2), err) < 0)
        return real_infer_fail(c, err);
    if (infer_set(c, 0, DTYPE_F32, 2, (int64_t[]){DIM_UNKNOWN, p.ncnn ? 4 : 5}, err) < 0)
        return -1;
    return infer_set(c, 1, DTYPE_F32, 1, (int64_t[]){DIM_UNKNOWN}, err);
}

/* Left, top, width and height of an anchor around cell 0. */
static void anchor_of(const struct proposal *p, int64_t at, float *anchor)
{
    float ratio = p->ratios[at / p->scale_count], scale = p->scales[at % p->scale_count];
    float width = roundf((float)p->base / sqrtf(ratio)), height = roundf(width * ratio);
    anchor[2] = width * scale;
    anchor[3] = height * scale;
    anchor[0] = ((float)p->base - anchor[2]) / 2;
    anchor[1] = ((float)p->base - anchor[3]) / 2;
}

/* ---- evaluation ---- */

/* Box `at` of a cell; deltas lie `step` apart. */
static struct box decode(const struct proposal *p, const float *anchor, const float *deltas, int64_t cell,
                         const float *info)
{
    int64_t step = p->height * p->width;
    float edge[4];
    for (int i = 0; i < 2; i++) {
        float first = anchor[i] + (float)((i ? cell / p->width : cell % p->width) * p->stride);
        float center = first + anchor[2 + i] / 2 + deltas[i * step] * anchor[2 + i];
        float half = expf(deltas[(2 + i) * step]) * anchor[2 + i] / 2, most = info[1 - i] - 1;
        edge[i] = fmaxf(fminf(center - half, most), 0);
        edge[2 + i] = fmaxf(fminf(center + half, most), 0);
    }
    return (struct box){edge[0], edge[1], edge[2], edge[3]};
}

struct proposals {
    struct box *boxes,
        *areas; /* areas: what overlaps; Caffe counts whole pixels, and a box of equal ends is one wide */
    struct box_candidate *list;
    int64_t count;
};

/* All boxes that are large enough; NaN is never. */
static void collect(const struct op_eval *c, const struct proposal *p, struct proposals *all)
{
    const float *info = eval_in(c, 2)->data, *scores = eval_in(c, 0)->data, *deltas = eval_in(c, 1)->data;
    int64_t cells = p->height * p->width, anchors = anchor_count(p);
    float least = p->least * info[2];
    for (int64_t a = 0; a < anchors; a++) {
        float anchor[4];
        anchor_of(p, a, anchor);
        for (int64_t cell = 0; cell < cells; cell++) {
            struct box b = decode(p, anchor, deltas + 4 * a * cells + cell, cell, info);
            float score = scores[(anchors + a) * cells + cell];
            if (!(b.x2 - b.x1 + 1 >= least && b.y2 - b.y1 + 1 >= least && score > -FLT_MAX))
                continue;
            all->boxes[all->count] = b;
            b.x2 += p->ncnn ? 0 : 1;
            b.y2 += p->ncnn ? 0 : 1;
            all->areas[all->count] = b;
            all->list[all->count] = (struct box_candidate){score, all->count, 0};
            all->count++;
        }
    }
}

static int give_proposals(struct op_eval *c, const struct proposal *p, struct proposals *all, struct error *err)
{
    box_sort(all->list, all->count);
    int64_t n =
        box_suppress(all->areas, all->list, all->count < p->before ? all->count : p->before, p->after, p->overlap, 1);
    int64_t each = p->ncnn ? 4 : 5;
    struct tensor *rois = eval_out(c, 0, DTYPE_F32, 2, (int64_t[]){n, each}, err);
    struct tensor *scores = rois ? eval_out(c, 1, DTYPE_F32, 1, &n, err) : NULL;
    for (int64_t i = 0; scores && i < n; i++) {
        const struct box *b = &all->boxes[all->list[i].box];
        const float row[] = {0, b->x1, b->y1, b->x2, b->y2};
        memcpy((float *)rois->data + each * i, row + 5 - each, (size_t)each * sizeof(float));
        ((float *)scores->data)[i] = all->list[i].score;
    }
    return scores ? 0 : -1;
}

int eval_proposal(struct op_eval *c, struct error *err)
{
    struct type types[3];
    struct proposal p;
    struct proposals all = {0};
    for (int i = 0; i < 3; i++)
        types[i] = real_type_of(eval_in(c, i));
    if (read_proposal(&p, c->node, err) < 0 || read_maps(&p, &types[0], &types[1], &types[2], err) < 0)
        return real_eval_fail(c, err);
    size_t n = (size_t)(p.height * p.width * anchor_count(&p));
    all.boxes = mem_calloc(n, sizeof *all.boxes, err);
    all.areas = all.boxes ? mem_calloc(n, sizeof *all.areas, err) : NULL;
    all.list = all.areas ? mem_calloc(n, sizeof *all.list, err) : NULL;
    int result = all.list ? 0 : -1;
    if (result == 0) {
        collect(c, &p, &all);
        result = give_proposals(c, &p, &all, err);
    }
    free(all.list);
    free(all.areas);
    free(all.boxes);
    return result;
}

/* ---- expansion ---- */

/* Of all anchors of all cells, f32 [anchors, 2, cells]: the left and top ends, or (f32 [anchors, 2, 1]) the sizes. */
static struct value *anchors(struct build *b, const struct proposal *p, bool sizes)
{
    int64_t cells = sizes ? 1 : p->height * p->width;
    struct tensor *t = b->failed ? NULL : tensor_new(DTYPE_F32, 3, (int64_t[]){anchor_count(p), 2, cells}, b->err);
    float *to = t ? t->data : NULL;
    for (int64_t a = 0; t && a < anchor_count(p); a++) {
        float anchor[4];
        anchor_of(p, a, anchor);
        for (int64_t i = 0; i < 2 * cells; i++) {
            int64_t cell = i % cells;
            *to++ = sizes ? anchor[2 + i]
                          : anchor[i / cells] + (float)((i / cells ? cell / p->width : cell % p->width) * p->stride);
        }
    }
    return b->failed ? NULL : build_constant(b, NULL, t);
}

/* A number of im_info, f32 [1]; or width and height, f32 [2, 1]. */
static struct value *image_size(struct build *b)
{
    struct value *info = build_reshape(b, b->node->in[2], 1, (int64_t[]){-1});
    return build_reshape(b, detect_gather(b, info, BUILD_LIST(b, 1, 0), 0), 2, (int64_t[]){2, 1});
}

/* Boxes f32 [boxes, 4], cut to the image, and in *small whether each is too small, [boxes]. */
static struct value *decoded(struct build *b, const struct proposal *p, struct value **small)
{
    int64_t count = anchor_count(p), cells = p->height * p->width, turn[] = {0, 2, 1};
    struct value *deltas = build_reshape(b, b->node->in[1], 3, (int64_t[]){count, 4, cells});
    struct value *size = anchors(b, p, true), *half_size = detect_with(b, "Mul", size, 0.5);
    struct value *center = BUILD(b, "Add", anchors(b, p, false), half_size);
    center = BUILD(b, "Add", center, BUILD(b, "Mul", build_slice(b, deltas, 1, 0, 2), size));
    struct value *half = BUILD(b, "Mul", BUILD(b, "Exp", build_slice(b, deltas, 1, 2, 4)), half_size);
    struct value *most = detect_with(b, "Sub", image_size(b), 1);
    struct value *low = detect_with(b, "Max", BUILD(b, "Min", BUILD(b, "Sub", center, half), most), 0);
    struct value *high = detect_with(b, "Max", BUILD(b, "Min", BUILD(b, "Add", center, half), most), 0);
    struct value *info = build_reshape(b, b->node->in[2], 1, (int64_t[]){-1});
    struct value *least = detect_with(b, "Mul", build_slice(b, info, 0, 2, 3), p->least);
    struct value *extent = detect_with(b, "Add", BUILD(b, "Sub", high, low), 1);
    struct value *shortest = BUILD(b, "ReduceMin", extent, BUILD_LIST(b, 1));
    *small = build_reshape(b, BUILD(b, "Less", shortest, least), 1, (int64_t[]){-1});
    return build_reshape(b, build_transpose(b, DETECT_JOIN(b, 1, low, high), 3, turn), 2, (int64_t[]){-1, 4});
}

/* Candidates in the order of their scores, the too small ones last, with the lowest of all. */
static void best_first(struct build *b, const struct proposal *p, struct value **boxes, struct value **scores)
{
    int64_t count = anchor_count(p), all = count * p->height * p->width;
    struct value *small, *box = decoded(b, p, &small);
    struct value *score = build_reshape(b, build_slice(b, b->node->in[0], 1, count, 2 * count), 1, (int64_t[]){-1});
    score = BUILD(b, "Where", small, build_number(b, DTYPE_F32, -FLT_MAX), score);
    struct value *top = BUILD(b, "TopK/axis=0", score, BUILD_LIST(b, p->before < all ? p->before : all));
    *boxes = detect_gather(b, box, build_output(b, top, 1), 0);
    *scores = top;
}

int expand_proposal(struct node *n, struct error *err)
{
    struct build b = {.node = n, .err = err};
    struct proposal p;
    struct value *boxes, *scores;
    if (read_proposal(&p, n, err) < 0 || read_maps(&p, &n->in[0]->type, &n->in[1]->type, &n->in[2]->type, err) < 0)
        return -1;
    if (p.height < 1 || p.width < 1)
        build_fail(&b, "the height and width of scores must be known, and not 0");
    best_first(&b, &p, &boxes, &scores);
    struct value *areas = boxes;
    if (!p.ncnn)
        areas = BUILD(&b, "Add", boxes, build_f32s(&b, 4, (float[]){0, 0, 1, 1}));
    struct value *kept =
        detect_nms(&b, build_unsqueeze(&b, areas, 0), build_reshape(&b, scores, 3, (int64_t[]){1, 1, -1}), p.after,
                   p.overlap, -FLT_MAX, false);
    struct value *at = detect_column(&b, kept, 2), *rois = detect_gather(&b, boxes, at, 0);
    if (!p.ncnn)
        rois = BUILD(&b, "Pad", rois, BUILD_LIST(&b, 0, 1, 0, 0));
    struct value *of = detect_gather(&b, scores, at, 0);
    build_give(&b, 0, rois);
    build_give(&b, 1, of);
    return build_end(&b);
}
