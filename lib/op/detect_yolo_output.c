/* YoloDetectionOutput and Yolov3DetectionOutput of ncnn: decoding, and suppression without regard to classes. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "op/box.h"
#include "op/detect_build.h"
#include "op/real.h"
#include "op/rows.h"

#define YOLO_CLASSES_MAX (1 << 20)
#define YOLO_BOXES_MAX   (1 << 12)

struct yolo {
    const float *anchors, *scales;
    const int64_t *mask;
    int anchor_count, mask_count, scale_count;
    int64_t classes, boxes;
    float confidence, nms;
    bool softmax; /* version 2 */
};

static int check_anchors(const struct yolo *y, int inputs, struct error *err)
{
    int64_t used = y->boxes * inputs;
    for (int64_t i = 0; i < used; i++) {
        int64_t at = y->mask_count ? (i < y->mask_count ? y->mask[i] : -1) : i;
        if (at < 0 || at >= y->anchor_count)
            return error_set(err, "attribute %s: box %lld has no anchor, of which there are %d",
                             y->mask_count ? "mask" : "anchors", (long long)i, y->anchor_count);
    }
    if (y->scale_count && y->scale_count != inputs)
        return error_set(err, "attribute anchors_scale: %d values for %d inputs", y->scale_count, inputs);
    for (int i = 0; i < y->scale_count; i++)
        if (!(y->scales[i] > 0 && y->scales[i] < 1e6f))
            return error_set(err, "attribute anchors_scale: %g, want a positive number", (double)y->scales[i]);
    return 0;
}

static int read_yolo(struct yolo *y, const struct node *n, struct error *err)
{
    int numbers;
    *y = (struct yolo){.classes = op_int(n, "classes"),
                       .boxes = op_int(n, "boxes"),
                       .confidence = op_float(n, "confidence_threshold"),
                       .nms = op_float(n, "nms_threshold"),
                       .softmax = strcmp(n->op, "YoloDetectionOutput") == 0};
    y->anchors = op_floats(n, "anchors", &numbers);
    y->anchor_count = numbers / 2;
    if (!y->softmax) {
        y->mask = op_ints(n, "mask", &y->mask_count);
        y->scales = op_floats(n, "anchors_scale", &y->scale_count);
    }
    if (y->classes < 1 || y->classes > YOLO_CLASSES_MAX || y->boxes < 1 || y->boxes > YOLO_BOXES_MAX)
        return error_set(err, "attributes classes and boxes: %lld and %lld, want at least 1 and at most %d and %d",
                         (long long)y->classes, (long long)y->boxes, YOLO_CLASSES_MAX, YOLO_BOXES_MAX);
    if (!(y->nms >= 0))
        return error_set(err, "attribute nms_threshold: %g, want 0 or more", (double)y->nms);
    return check_anchors(y, n->in_count, err);
}

static int check_input(const struct yolo *y, int i, int rank, const int64_t *dims, struct error *err)
{
    if (rank != 4 || (dims[0] >= 0 && dims[0] != 1))
        return error_set(err, "input %d has rank %d, want one image, [1, C, H, W]", i, rank);
    if (dims[1] >= 0 && dims[1] != y->boxes * (5 + y->classes))
        return error_set(err, "input %d has %lld channels, want %lld boxes of 5 + %lld", i, (long long)dims[1],
                         (long long)y->boxes, (long long)y->classes);
    return 0;
}

int infer_yolo_detection_output(struct op_infer *c, struct error *err)
{
    struct yolo y;
    if (read_yolo(&y, c->node, err) < 0)
        return real_infer_fail(c, err);
    for (int i = 0; i < c->node->in_count; i++) {
        const struct type *x = real_type(c, i);
        if (x->rank >= 0 && check_input(&y, i, x->rank, x->dims, err) < 0)
            return real_infer_fail(c, err);
    }
    return infer_set(c, 0, DTYPE_F32, 2, (int64_t[]){DIM_UNKNOWN, 6}, err);
}

/* Width and height of the anchor of box `at` of an input, as parts of the image. */
static void anchor_of(const struct yolo *y, int input, int64_t at, int64_t height, int64_t width, float *size)
{
    int64_t i = at + input * y->boxes, anchor = y->mask_count ? y->mask[i] : i;
    float scale = y->scale_count ? y->scales[input] : 1;
    size[0] = y->anchors[2 * anchor] / truncf(scale * (float)width);
    size[1] = y->anchors[2 * anchor + 1] / truncf(scale * (float)height);
}

/* ---- evaluation ---- */

struct found {
    struct box *boxes;
    struct box_candidate *list;
    size_t count, box_cap, list_cap;
};

static float logistic(float x)
{
    return 1 / (1 + expf(-x));
}

/* The best class of a cell, whose numbers lie `step` apart, and the confidence in it. */
static float confidence(const struct yolo *y, const float *x, int64_t step, int64_t *label)
{
    float best = -FLT_MAX, sum = 0;
    *label = 0;
    for (int64_t k = 0; k < y->classes; k++)
        if (x[(5 + k) * step] > best) {
            best = x[(5 + k) * step];
            *label = k;
        }
    if (!y->softmax) /* not the product of two logistic functions: this is what ncnn computes */
        return 1 / (1 + expf(-x[4 * step]) * (1 + expf(-best)));
    for (int64_t k = 0; k < y->classes; k++)
        sum += expf(x[(5 + k) * step] - best);
    return logistic(x[4 * step]) / sum;
}

static int add_cell(const struct yolo *y, struct found *f, const float *x, int64_t cell, int64_t height, int64_t width,
                    const float *anchor, struct error *err)
{
    int64_t step = height * width, label;
    float score = confidence(y, x, step, &label);
    if (!(score >= y->confidence))
        return 0;
    if (mem_grow(&f->boxes, &f->box_cap, f->count + 1, sizeof *f->boxes, err) < 0 ||
        mem_grow(&f->list, &f->list_cap, f->count + 1, sizeof *f->list, err) < 0)
        return -1;
    float center_x = ((float)(cell % width) + logistic(x[0])) / (float)width,
          half_width = expf(x[2 * step]) * anchor[0] / 2;
    float center_y = ((float)(cell / width) + logistic(x[step])) / (float)height,
          half_height = expf(x[3 * step]) * anchor[1] / 2;
    f->boxes[f->count] =
        (struct box){center_x - half_width, center_y - half_height, center_x + half_width, center_y + half_height};
    f->list[f->count] = (struct box_candidate){score, (int64_t)f->count, label};
    f->count++;
    return 0;
}

static int add_input(const struct op_eval *c, const struct yolo *y, struct found *f, int input, struct error *err)
{
    const struct tensor *x = eval_in(c, input);
    if (check_input(y, input, x->rank, x->dims, err) < 0)
        return real_eval_fail(c, err);
    int64_t height = x->dims[2], width = x->dims[3], cells = height * width;
    for (int64_t i = 0; x->count && i < y->boxes; i++) {
        float anchor[2];
        const float *from = (const float *)x->data + i * (5 + y->classes) * cells;
        anchor_of(y, input, i, height, width, anchor);
        for (int64_t cell = 0; cell < cells; cell++)
            if (add_cell(y, f, from + cell, cell, height, width, anchor, err) < 0)
                return -1;
    }
    return 0;
}

static int give_rows(struct op_eval *c, const struct yolo *y, struct found *f, struct error *err)
{
    box_sort(f->list, (int64_t)f->count);
    int64_t n = box_suppress(f->boxes, f->list, (int64_t)f->count, INT64_MAX, y->nms, 1);
    struct tensor *t = eval_out(c, 0, DTYPE_F32, 2, (int64_t[]){n, 6}, err);
    for (int64_t i = 0; t && i < n; i++) {
        const struct box *b = &f->boxes[f->list[i].box];
        const float row[] = {(float)(f->list[i].label + 1), f->list[i].score, b->x1, b->y1, b->x2, b->y2};
        memcpy((float *)t->data + 6 * i, row, sizeof row);
    }
    return t ? 0 : -1;
}

int eval_yolo_detection_output(struct op_eval *c, struct error *err)
{
    struct yolo y;
    struct found f = {0};
    if (read_yolo(&y, c->node, err) < 0)
        return real_eval_fail(c, err);
    int result = 0;
    for (int i = 0; result == 0 && i < c->in_count; i++)
        result = add_input(c, &y, &f, i, err);
    if (result == 0)
        result = give_rows(c, &y, &f, err);
    free(f.list);
    free(f.boxes);
    return result;
}

/* ---- expansion ---- */

/* A constant f32 [1, 2, cells] of the grid's columns and rows, or [boxes, 2, 1] of the anchors. */
static struct value *table(struct build *b, const struct yolo *y, int input, int64_t height, int64_t width, bool grid)
{
    int64_t cells = grid ? height * width : 1, rows = grid ? 1 : y->boxes;
    struct tensor *t = b->failed ? NULL : tensor_new(DTYPE_F32, 3, (int64_t[]){rows, 2, cells}, b->err);
    float *to = t ? t->data : NULL;
    for (int64_t i = 0; t && i < rows; i++) {
        float size[2];
        anchor_of(y, input, i, height, width, size);
        for (int64_t k = 0; k < 2 * cells; k++)
            *to++ = !grid ? size[k] : (float)(k < cells ? k % width : (k - cells) / width);
    }
    return b->failed ? NULL : build_constant(b, NULL, t);
}

/* Logistic function of objectness times that of the class as ncnn has it, or probability of the class. */
static struct value *confidences(struct build *b, const struct yolo *y, struct value *object, struct value *classes)
{
    struct value *axis = BUILD_LIST(b, 1);
    if (y->softmax)
        return BUILD(b, "Mul", BUILD(b, "Sigmoid", object),
                     BUILD(b, "ReduceMax", BUILD(b, "Softmax/axis=1", classes), axis));
    struct value *best = BUILD(b, "Exp", BUILD(b, "Neg", BUILD(b, "ReduceMax", classes, axis)));
    struct value *none = BUILD(b, "Mul", BUILD(b, "Exp", BUILD(b, "Neg", object)), detect_with(b, "Add", best, 1));
    return BUILD(b, "Reciprocal", detect_with(b, "Add", none, 1));
}

/* Rows f32 [boxes * cells, 6] of class, confidence and box. */
static struct value *input_rows(struct build *b, const struct yolo *y, int input)
{
    int64_t height = build_dim(b, input, 2), width = build_dim(b, input, 3), row = 5 + y->classes, turn[] = {0, 2, 1};
    if (!b->failed && (height < 1 || width < 1 || height > 1 << 14 || width > 1 << 14))
        build_fail(b, "input %d is %lld x %lld, want up to %d", input, (long long)height, (long long)width, 1 << 14);
    struct value *x = build_reshape(b, b->node->in[input], 3, (int64_t[]){y->boxes, row, height * width});
    struct value *classes = build_slice(b, x, 1, 5, row);
    struct tensor *grid = b->failed ? NULL : tensor_new(DTYPE_F32, 3, (int64_t[]){1, 2, 1}, b->err);
    for (int i = 0; grid && i < 2; i++)
        tensor_set_f64(grid, i, (double)(i ? height : width));
    struct value *size = b->failed ? NULL : build_constant(b, NULL, grid);
    struct value *at =
        BUILD(b, "Add", BUILD(b, "Sigmoid", build_slice(b, x, 1, 0, 2)), table(b, y, input, height, width, true));
    at = BUILD(b, "Div", at, size);
    struct value *extent =
        BUILD(b, "Mul", BUILD(b, "Exp", build_slice(b, x, 1, 2, 4)), table(b, y, input, height, width, false));
    struct value *half = detect_with(b, "Mul", extent, 0.5);
    struct value *label = build_cast(b, BUILD(b, "ArgMax/axis=1", classes), DTYPE_F32);
    struct value *all = DETECT_JOIN(b, 1, label, confidences(b, y, build_slice(b, x, 1, 4, 5), classes),
                                    BUILD(b, "Sub", at, half), BUILD(b, "Add", at, half));
    return build_reshape(b, build_transpose(b, all, 3, turn), 2, (int64_t[]){-1, 6});
}

int expand_yolo_detection_output(struct node *n, struct error *err)
{
    struct build b = {.node = n, .err = err};
    struct yolo y;
    struct value *rows = NULL;
    if (read_yolo(&y, n, err) < 0)
        return -1;
    for (int i = 0; i < n->in_count && !b.failed; i++) {
        struct value *more = input_rows(&b, &y, i);
        rows = rows ? DETECT_JOIN(&b, 0, rows, more) : more;
    }
    struct value *boxes = build_unsqueeze(&b, build_slice(&b, rows, 1, 2, 6), 0);
    struct value *scores = build_reshape(&b, build_slice(&b, rows, 1, 1, 2), 3, (int64_t[]){1, 1, -1});
    struct value *kept = detect_nms(&b, boxes, scores, INT64_MAX, y.nms, y.confidence, true);
    struct value *found = detect_gather(&b, rows, detect_column(&b, kept, 2), 0);
    struct value *label = detect_with(&b, "Add", build_slice(&b, found, 1, 0, 1), 1);
    build_give(&b, 0, DETECT_JOIN(&b, 1, label, build_slice(&b, found, 1, 1, 6)));
    return build_end(&b);
}
