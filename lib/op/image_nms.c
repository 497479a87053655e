/* NonMaxSuppression: of each class the boxes with the highest scores that do not overlap a better one too much. */
#include <stdlib.h>

#include "op/box.h"
#include "op/real.h"
#include "op/rows.h"

struct nms {
    bool centered, has_threshold; /* boxes are x, y, width, height; scores must exceed score_threshold */
    int64_t most;
    float iou_threshold, score_threshold;
};

static void order(float a, float b, float *low, float *high)
{
    *low = a < b ? a : b;
    *high = a < b ? b : a;
}

static struct box corners_of(const struct nms *s, const float *box)
{
    struct box c;
    if (s->centered) {
        float half_width = box[2] / 2, half_height = box[3] / 2;
        return (struct box){box[0] - half_width, box[1] - half_height, box[0] + half_width, box[1] + half_height};
    }
    order(box[0], box[2], &c.y1, &c.y2);
    order(box[1], box[3], &c.x1, &c.x2);
    return c;
}

/* Candidates of one class; NaN never is one when there is a threshold, and last when there is none. */
static int64_t collect(const struct nms *s, const float *scores, int64_t n, struct box_candidate *to)
{
    if (s->has_threshold)
        return box_collect(scores, n, 1, s->score_threshold, false, to);
    for (int64_t i = 0; i < n; i++)
        to[i] = (struct box_candidate){scores[i] == scores[i] ? scores[i] : -__builtin_inff(), i, 0};
    box_sort(to, n);
    return n;
}

/* The chosen (image, class, box) triples so far. */
struct triples {
    int64_t *values;
    size_t count, cap; /* in numbers */
};

/* What one image needs. */
struct workspace {
    struct box *boxes;          /* [n] */
    struct box_candidate *list; /* [n] */
};

static int run_class(const struct nms *s, const struct workspace *work, const struct tensor *scores, int64_t image,
                     int64_t class, struct triples *out, struct error *err)
{
    int64_t n = scores->dims[2];
    int64_t count = collect(s, (const float *)scores->data + (image * scores->dims[1] + class) * n, n, work->list);
    count = box_suppress(work->boxes, work->list, count, s->most, s->iou_threshold, 1);
    if (mem_grow(&out->values, &out->cap, out->count + 3 * (size_t)count, sizeof *out->values, err) < 0)
        return -1;
    for (int64_t i = 0; i < count; i++) {
        out->values[out->count++] = image;
        out->values[out->count++] = class;
        out->values[out->count++] = work->list[i].box;
    }
    return 0;
}

static int run_image(const struct nms *s, const struct workspace *work, const struct tensor *boxes,
                     const struct tensor *scores, int64_t image, struct triples *out, struct error *err)
{
    int64_t n = boxes->dims[1];
    for (int64_t i = 0; i < n; i++)
        work->boxes[i] = corners_of(s, (const float *)boxes->data + (image * n + i) * 4);
    for (int64_t class = 0; class < scores->dims[1]; class++)
        if (run_class(s, work, scores, image, class, out, err) < 0)
            return -1;
    return 0;
}

static int give_triples(struct op_eval *c, const struct triples *t, struct error *err)
{
    struct tensor *y = eval_out(c, 0, DTYPE_I64, 2, (int64_t[]){(int64_t)t->count / 3, 3}, err);
    for (int64_t i = 0; y && i < y->count; i++)
        ((int64_t *)y->data)[i] = t->values[i];
    return y ? 0 : -1;
}

/* A tensor of one float; absent or empty leaves *value. */
static int read_threshold(const struct op_eval *c, int i, const char *name, float *value, struct error *err)
{
    const struct tensor *t = eval_in(c, i);
    if (t && t->count > 1)
        return eval_error(c, err, "input %s has %lld elements, want 1", name, (long long)t->count);
    if (t && t->count == 1)
        *value = (float)tensor_get_f64(t, 0);
    return 0;
}

static int read_nms(const struct op_eval *c, struct nms *s, struct error *err)
{
    int64_t centered = op_int(c->node, "center_point_box");
    const struct tensor *threshold = eval_in(c, 4), *most = eval_in(c, 2);
    *s = (struct nms){.centered = centered == 1, .has_threshold = threshold && threshold->count > 0};
    if (centered != 0 && centered != 1)
        return eval_error(c, err, "attribute center_point_box: %lld, want 0 or 1", (long long)centered);
    if (most && most->count > 1)
        return eval_error(c, err, "input max_output_boxes_per_class has %lld elements, want 1", (long long)most->count);
    s->most = most && most->count ? tensor_get_i64(most, 0) : 0;
    if (read_threshold(c, 3, "iou_threshold", &s->iou_threshold, err) < 0)
        return -1;
    return read_threshold(c, 4, "score_threshold", &s->score_threshold, err);
}

int eval_non_max_suppression(struct op_eval *c, struct error *err)
{
    const struct tensor *boxes = eval_in(c, 0), *scores = eval_in(c, 1);
    struct triples out = {0};
    struct nms s;
    if (real_want_rank(c, 0, "boxes", 3, err) < 0 || real_want_rank(c, 1, "scores", 3, err) < 0 ||
        real_want_dims(c, 0, "boxes", 3, (int64_t[]){boxes->dims[0], boxes->dims[1], 4}, err) < 0 ||
        real_want_dims(c, 1, "scores", 3, (int64_t[]){boxes->dims[0], scores->dims[1], boxes->dims[1]}, err) < 0 ||
        read_nms(c, &s, err) < 0)
        return -1;
    size_t n = (size_t)boxes->dims[1];
    struct workspace work = {mem_calloc(n, sizeof *work.boxes, err), NULL};
    work.list = work.boxes ? mem_calloc(n, sizeof *work.list, err) : NULL;
    int result = work.list ? 0 : -1;
    for (int64_t i = 0; !result && s.most > 0 && scores->count > 0 && i < boxes->dims[0]; i++)
        result = run_image(&s, &work, boxes, scores, i, &out, err);
    if (!result)
        result = give_triples(c, &out, err);
    free(work.list);
    free(work.boxes);
    free(out.values);
    return result;
}

int infer_non_max_suppression(struct op_infer *c, struct error *err)
{
    const struct type *boxes = real_type(c, 0), *scores = real_type(c, 1);
    if ((boxes->rank >= 0 && boxes->rank != 3) || (scores->rank >= 0 && scores->rank != 3))
        return infer_error(c, err, "input boxes has rank %d and scores rank %d, want 3", boxes->rank, scores->rank);
    if (boxes->rank == 3 && boxes->dims[2] >= 0 && boxes->dims[2] != 4)
        return infer_error(c, err, "input boxes has rows of %lld, want 4", (long long)boxes->dims[2]);
    return infer_set(c, 0, DTYPE_I64, 2, (int64_t[]){DIM_UNKNOWN, 3}, err);
}
