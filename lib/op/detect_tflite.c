/* DetectionPostProcess of TensorFlow Lite: boxes relative to anchors, and suppression of two kinds. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "op/box.h"
#include "op/detect_build.h"
#include "op/real.h"
#include "op/rows.h"

#define POST_MAX      (1 << 20)
#define POST_ROWS_MAX (1 << 24)

struct post {
    int64_t most, labels, each, classes; /* labels: of one box in the fast kind; each: boxes of a class in the other */
    float score, overlap, scale[4];      /* scale: y, x, height, width */
    bool regular;
    int64_t boxes, columns; /* columns: of scores, one more than classes when the first is background; -1: not known */
};

/* ---- attributes and sizes ---- */

static int read_post(struct post *p, const struct node *n, struct error *err)
{
    static const char *const names[] = {"y_scale", "x_scale", "h_scale", "w_scale"};
    *p = (struct post){.most = op_int(n, "max_detections"),
                       .labels = op_int(n, "max_classes_per_detection"),
                       .each = op_int(n, "detections_per_class"),
                       .classes = op_int(n, "num_classes"),
                       .score = op_float(n, "nms_score_threshold"),
                       .overlap = op_float(n, "nms_iou_threshold"),
                       .regular = op_int(n, "use_regular_nms") != 0};
    const int64_t counts[] = {p->most, p->labels, p->each, p->classes};
    for (int i = 0; i < 4; i++) {
        p->scale[i] = op_float(n, names[i]);
        if (counts[i] < 1 || counts[i] > POST_MAX)
            return error_set(err, "a number of detections or classes is %lld, want 1 to %d", (long long)counts[i],
                             POST_MAX);
        if (!(fabsf(p->scale[i]) > 0 && fabsf(p->scale[i]) < INFINITY))
            return error_set(err, "attribute %s: %g, want a number other than 0", names[i], (double)p->scale[i]);
    }
    if (p->most * p->labels > POST_ROWS_MAX)
        return error_set(err, "attributes max_detections and max_classes_per_detection: %lld and %lld are too many",
                         (long long)p->most, (long long)p->labels);
    if (!(p->overlap > 0 && p->overlap <= 1))
        return error_set(err, "attribute nms_iou_threshold: %g, want more than 0 and at most 1", (double)p->overlap);
    if (isnan(p->score))
        return error_set(err, "attribute nms_score_threshold is no number");
    return 0;
}

/* Dim i, known to be one of [low, high] where it is known. */
static int want_dim(const char *name, const struct type *t, int rank, int i, int64_t low, int64_t high,
                    struct error *err)
{
    if (t->rank < 0)
        return 0;
    if (t->rank != rank)
        return error_set(err, "input %s has rank %d, want %d", name, t->rank, rank);
    if (t->dims[i] >= 0 && (t->dims[i] < low || t->dims[i] > high))
        return error_set(err, "input %s: dim %d is %lld, want %lld", name, i, (long long)t->dims[i], (long long)low);
    return 0;
}

static int read_sizes(struct post *p, const struct type *boxes, const struct type *scores, const struct type *anchors,
                      struct error *err)
{
    p->boxes = boxes->rank == 3 && boxes->dims[1] >= 0 ? boxes->dims[1] : -1;
    p->columns = scores->rank == 3 && scores->dims[2] >= 0 ? scores->dims[2] : -1;
    int64_t low = p->boxes < 0 ? 0 : p->boxes, high = p->boxes < 0 ? INT64_MAX : p->boxes;
    if (want_dim("boxes", boxes, 3, 0, 1, 1, err) < 0 || want_dim("boxes", boxes, 3, 2, 4, INT64_MAX, err) < 0 ||
        want_dim("scores", scores, 3, 0, 1, 1, err) < 0 || want_dim("scores", scores, 3, 1, low, high, err) < 0 ||
        want_dim("scores", scores, 3, 2, p->classes, p->classes + 1, err) < 0 ||
        want_dim("anchors", anchors, 2, 0, low, high, err) < 0)
        return -1;
    return want_dim("anchors", anchors, 2, 1, 4, 4, err);
}

/* Rows of the results. */
static int64_t row_count(const struct post *p)
{
    return p->most * p->labels;
}

int infer_detection_post_process(struct op_infer *c, struct error *err)
{
    struct post p;
    if (read_post(&p, c->node, err) < 0 || read_sizes(&p, real_type(c, 0), real_type(c, 1), real_type(c, 2), err) < 0)
        return real_infer_fail(c, err);
    const int64_t dims[] = {1, row_count(&p), 4}, one = 1;
    if (infer_set(c, 0, DTYPE_F32, 3, dims, err) < 0 || infer_set(c, 1, DTYPE_F32, 2, dims, err) < 0 ||
        infer_set(c, 2, DTYPE_F32, 2, dims, err) < 0)
        return -1;
    return infer_set(c, 3, DTYPE_F32, 1, &one, err);
}

/* ---- evaluation ---- */

struct work {
    const struct post *p;
    const float *scores; /* those of the first class of the first box */
    struct box *boxes;
    float *best;                /* [boxes], the largest score of each */
    struct box_candidate *list; /* [boxes], then [classes] */
    struct box_candidate *kept;
    size_t count, cap;
};

/* In double precision, as the original. */
static struct box decode(const struct post *p, const float *box, const float *anchor)
{
    double at[2], half[2];
    for (int i = 0; i < 2; i++) {
        at[i] = (float)((double)box[i] / p->scale[i] * anchor[2 + i] + anchor[i]);
        half[i] = (float)(0.5 * exp((double)box[2 + i] / p->scale[2 + i]) * anchor[2 + i]);
    }
    return (struct box){(float)(at[1] - half[1]), (float)(at[0] - half[0]), (float)(at[1] + half[1]),
                        (float)(at[0] + half[0])};
}

static int keep(struct work *w, const struct box_candidate *list, int64_t n, int64_t label, struct error *err)
{
    if (mem_grow(&w->kept, &w->cap, w->count + (size_t)n, sizeof *w->kept, err) < 0)
        return -1;
    for (int64_t i = 0; i < n; i++) {
        w->kept[w->count] = list[i];
        w->kept[w->count++].label = label;
    }
    return 0;
}

/* Each class by itself, and the best of all classes; of equal scores the lower class first. */
static int run_regular(struct work *w, struct error *err)
{
    const struct post *p = w->p;
    for (int64_t class = 0; class < p->classes; class ++) {
        int64_t n = box_collect(w->scores + class, p->boxes, p->columns, p->score, true, w->list);
        n = box_suppress(w->boxes, w->list, n, p->each, p->overlap, 1);
        if (keep(w, w->list, n, class, err) < 0)
            return -1;
    }
    struct box_candidate *order = mem_calloc(w->count, 2 * sizeof *order, err), *sorted;
    if (!order)
        return -1;
    sorted = order + w->count;
    for (size_t i = 0; i < w->count; i++)
        order[i] = (struct box_candidate){w->kept[i].score, (int64_t)i, 0};
    box_sort(order, (int64_t)w->count);
    for (size_t i = 0; i < w->count; i++)
        sorted[i] = w->kept[order[i].box];
    if (w->count)
        memcpy(w->kept, sorted, w->count * sizeof *sorted);
    free(order);
    return 0;
}

/* By the best class of each box alone. */
static int run_fast(struct work *w, struct error *err)
{
    const struct post *p = w->p;
    for (int64_t i = 0; i < p->boxes; i++) {
        const float *scores = w->scores + i * p->columns;
        w->best[i] = scores[0];
        for (int64_t class = 1; class < p->classes; class ++)
            if (scores[class] > w->best[i])
                w->best[i] = scores[class];
    }
    int64_t n = box_collect(w->best, p->boxes, 1, p->score, true, w->list);
    n = box_suppress(w->boxes, w->list, n, p->most, p->overlap, 1);
    return keep(w, w->list, n, 0, err);
}

/* Rows at..at+labels-1 are the best classes of a box. */
static void put_classes(struct work *w, int64_t box, int64_t at, float *classes, float *scores)
{
    const struct post *p = w->p;
    for (int64_t class = 0; class < p->classes; class ++) {
        float score = w->scores[box * p->columns + class];
        w->list[class] = (struct box_candidate){isnan(score) ? -INFINITY : score, class, 0};
    }
    box_sort(w->list, p->classes);
    for (int64_t i = 0; i < p->labels && i < p->classes; i++) {
        classes[at + i] = (float)w->list[i].box;
        scores[at + i] = w->scores[box * p->columns + w->list[i].box];
    }
}

static int give_rows(struct op_eval *c, struct work *w, struct error *err)
{
    const struct post *p = w->p;
    const int64_t dims[] = {1, row_count(p), 4}, one = 1;
    int64_t each = p->regular ? 1 : p->labels, filled = each < p->classes || p->regular ? each : p->classes;
    struct tensor *boxes = eval_out(c, 0, DTYPE_F32, 3, dims, err);
    struct tensor *classes = boxes ? eval_out(c, 1, DTYPE_F32, 2, dims, err) : NULL;
    struct tensor *scores = classes ? eval_out(c, 2, DTYPE_F32, 2, dims, err) : NULL;
    struct tensor *count = scores ? eval_out(c, 3, DTYPE_F32, 1, &one, err) : NULL;
    if (!count)
        return -1;
    int64_t n = (int64_t)w->count < p->most ? (int64_t)w->count : p->most;
    for (int64_t i = 0; i < n; i++) {
        const struct box *b = &w->boxes[w->kept[i].box];
        for (int64_t k = i * each; k < i * each + filled; k++)
            memcpy((float *)boxes->data + 4 * k, (float[]){b->y1, b->x1, b->y2, b->x2}, 4 * sizeof(float));
        if (!p->regular) {
            put_classes(w, w->kept[i].box, i * each, classes->data, scores->data);
            continue;
        }
        ((float *)classes->data)[i] = (float)w->kept[i].label;
        ((float *)scores->data)[i] = w->kept[i].score;
    }
    *(float *)count->data = (float)n;
    return 0;
}

static int run_post(struct op_eval *c, struct work *w, struct error *err)
{
    const struct tensor *boxes = eval_in(c, 0);
    for (int64_t i = 0; i < w->p->boxes; i++)
        w->boxes[i] =
            decode(w->p, (const float *)boxes->data + i * boxes->dims[2], (const float *)eval_in(c, 2)->data + 4 * i);
    if ((w->p->regular ? run_regular : run_fast)(w, err) < 0)
        return -1;
    return give_rows(c, w, err);
}

int eval_detection_post_process(struct op_eval *c, struct error *err)
{
    struct type types[3];
    struct post p;
    struct work w = {.p = &p};
    for (int i = 0; i < 3; i++)
        types[i] = real_type_of(eval_in(c, i));
    if (read_post(&p, c->node, err) < 0 || read_sizes(&p, &types[0], &types[1], &types[2], err) < 0)
        return real_eval_fail(c, err);
    size_t n = (size_t)p.boxes, most = n > (size_t)p.classes ? n : (size_t)p.classes;
    w.scores = (const float *)eval_in(c, 1)->data + (p.columns - p.classes);
    w.boxes = mem_calloc(n, sizeof *w.boxes, err);
    w.best = w.boxes ? mem_calloc(n, sizeof *w.best, err) : NULL;
    w.list = w.best ? mem_calloc(most, sizeof *w.list, err) : NULL;
    int result = w.list ? run_post(c, &w, err) : -1;
    free(w.kept);
    free(w.list);
    free(w.best);
    free(w.boxes);
    return result;
}

/* ---- expansion ---- */

static struct value *pair(struct build *b, float first, float second)
{
    return build_f32s(b, 2, (float[]){first, second});
}

/* Boxes f32 [1, boxes, 4], y1 x1 y2 x2. */
static struct value *boxes_of(struct build *b, const struct post *p)
{
    struct value *box = b->node->in[0], *anchor = b->node->in[2];
    struct value *at = build_slice(b, anchor, 1, 0, 2), *size = build_slice(b, anchor, 1, 2, 4);
    struct value *by = BUILD(b, "Div", build_slice(b, box, 2, 0, 2), pair(b, p->scale[0], p->scale[1]));
    struct value *grow = BUILD(b, "Div", build_slice(b, box, 2, 2, 4), pair(b, p->scale[2], p->scale[3]));
    struct value *center = BUILD(b, "Add", BUILD(b, "Mul", by, size), at);
    struct value *half = BUILD(b, "Mul", detect_with(b, "Mul", BUILD(b, "Exp", grow), 0.5), size);
    return DETECT_JOIN(b, 2, BUILD(b, "Sub", center, half), BUILD(b, "Add", center, half));
}

/* The results before zeros are added: rows of box, class and score, and how many detections they are, i64 [1]. */
struct rows {
    struct value *box, *class, *score, *count;
};

static void give_filled(struct build *b, const struct post *p, struct rows r)
{
    struct value *count = build_cast(b, r.count, DTYPE_F32);
    int64_t n = row_count(p), dims[] = {1, n, 4};
    struct value *box = build_reshape(b, detect_fill(b, r.box, n, 4), 3, dims);
    struct value *class = build_reshape(b, detect_fill(b, r.class, n, 1), 2, dims);
    struct value *score = build_reshape(b, detect_fill(b, r.score, n, 1), 2, dims);
    build_give(b, 0, box);
    build_give(b, 1, class);
    build_give(b, 2, score);
    build_give(b, 3, count);
}

static struct rows regular_rows(struct build *b, const struct post *p, struct value *boxes, struct value *scores)
{
    struct value *table = build_transpose(b, scores, 2, (int64_t[]){1, 0});
    struct value *kept = detect_nms(b, boxes, build_unsqueeze(b, table, 0), p->each, p->overlap, p->score, true);
    struct value *score = BUILD(b, "GatherND", table, detect_gather(b, kept, BUILD_LIST(b, 1, 2), 1));
    struct value *best = detect_best(b, score, p->most), *chosen = detect_gather(b, kept, best, 0);
    return (struct rows){
        .box = BUILD(b, "GatherND", boxes, detect_gather(b, chosen, BUILD_LIST(b, 0, 2), 1)),
        .class = build_cast(b, build_slice(b, chosen, 1, 1, 2), DTYPE_F32),
        .score = build_unsqueeze(b, detect_gather(b, score, best, 0), 1),
        .count = build_shape(b, best, 0, 1),
    };
}

/* v [M, columns * row], columns of zeros behind it up to p->labels, as rows [M * labels, row]. */
static struct value *label_rows(struct build *b, const struct post *p, struct value *v, int64_t columns, int64_t row)
{
    if (columns < p->labels)
        v = BUILD(b, "Pad", v, BUILD_LIST(b, 0, 0, 0, row * (p->labels - columns)));
    return build_reshape(b, v, 2, (int64_t[]){-1, row});
}

static struct rows fast_rows(struct build *b, const struct post *p, struct value *boxes, struct value *scores)
{
    int64_t columns = p->labels < p->classes ? p->labels : p->classes;
    struct value *top = BUILD(b, "TopK/axis=1", scores, BUILD_LIST(b, columns));
    struct value *classes = build_cast(b, build_output(b, top, 1), DTYPE_F32);
    struct value *best = build_reshape(b, build_slice(b, top, 1, 0, 1), 3, (int64_t[]){1, 1, -1});
    struct value *kept = detect_nms(b, boxes, best, p->most, p->overlap, p->score, true),
                 *at = detect_column(b, kept, 2);
    struct value *box = BUILD(b, "GatherND", boxes, detect_gather(b, kept, BUILD_LIST(b, 0, 2), 1));
    return (struct rows){
        .box = label_rows(b, p, BUILD(b, "Tile", box, BUILD_LIST(b, 1, columns)), columns, 4),
        .class = label_rows(b, p, detect_gather(b, classes, at, 0), columns, 1),
        .score = label_rows(b, p, detect_gather(b, top, at, 0), columns, 1),
        .count = build_shape(b, at, 0, 1),
    };
}

int expand_detection_post_process(struct node *n, struct error *err)
{
    struct build b = {.node = n, .err = err};
    struct post p;
    if (read_post(&p, n, err) < 0 || read_sizes(&p, &n->in[0]->type, &n->in[1]->type, &n->in[2]->type, err) < 0)
        return -1;
    if (p.boxes < 1 || p.columns < 1)
        build_fail(&b, "the number of boxes and of classes must be known, and not 0");
    struct value *boxes = boxes_of(&b, &p);
    struct value *scores = build_reshape(&b, n->in[1], 2, (int64_t[]){p.boxes, p.columns});
    if (p.columns > p.classes)
        scores = build_slice(&b, scores, 1, 1, p.columns);
    give_filled(&b, &p, (p.regular ? regular_rows : fast_rows)(&b, &p, boxes, scores));
    return build_end(&b);
}
