/* Detectors, by what their outputs look like. */
#include <math.h>
#include <stdio.h>

#include "task/guess.h"

static bool are_scores(const struct task_rows *m, size_t first, size_t count)
{
    return guess_lie_in(m, first, count, -1e-6f, 1 + 1e-3f);
}

/* ---- grids ---- */

static size_t grid_cells(const struct task_query *q, size_t stride)
{
    return (((size_t)q->width + stride - 1) / stride) * (((size_t)q->height + stride - 1) / stride);
}

/* Boxes to a cell of the grids from one stride to another, each twice as coarse as the one before; 0: not so many. */
static size_t each_of(const struct task_query *q, size_t rows, size_t first, size_t last)
{
    size_t cells = 0;
    for (size_t stride = first; stride <= last; stride *= 2)
        cells += grid_cells(q, stride);
    return cells && rows % cells == 0 ? rows / cells : 0;
}

static bool has_cells(const struct task_query *q, size_t rows, size_t each)
{
    static const size_t strides[][2] = {{8, 32}, {8, 64}, {4, 32}, {8, 128}, {16, 32}, {4, 16}};
    for (size_t i = 0; i < sizeof strides / sizeof *strides; i++)
        if (each_of(q, rows, strides[i][0], strides[i][1]) == each)
            return true;
    return false;
}

/* ---- all in one row ---- */

/* Centre, size, and scores of labels, or a score with points or an angle behind. */
static bool guess_turned_yolo(const struct task_query *q, const struct task_rows *m, char *out)
{
    struct task_planes p;
    size_t masks = q->count > 1 ? guess_planes(q, q->outputs, &p) : 0, left = m->columns - 5;
    size_t scores = masks + 4 < m->columns ? m->columns - 4 - masks : m->columns - 4;
    if (are_scores(m, 4, scores))
        return guess_say(out, "detect=yolov8");
    if (scores > 1 && are_scores(m, 4, scores - 1) && guess_lie_in(m, m->columns - 1, 1, -3.2f, 3.2f))
        return guess_say(out, "polygons=obb");
    if (!left || (left % 3 && left % 2) || !are_scores(m, 4, 1))
        return false;
    bool seen = left % 3 == 0;
    for (size_t i = 7; seen && i < m->columns; i += 3)
        seen = are_scores(m, i, 1);
    if (!seen && left % 2)
        return false;
    sprintf(out, "detect=yolov8,points=%zu,order=%s", left / (seen ? 3 : 2), seen ? "xyv" : "xy");
    return true;
}

/* One plane of a picture like the photo. */
static bool is_in_proportion(const struct task_query *q, const struct task_rows *m)
{
    return m->rows * (size_t)q->width == m->columns * (size_t)q->height;
}

/* A row for each cell, or three. */
static bool guess_yolo(const struct task_query *q, char *out)
{
    struct task_rows m;
    if (!guess_matrix(q->outputs, &m) || is_in_proportion(q, &m))
        return false;
    if (m.rows >= 5 && has_cells(q, m.columns, 1)) {
        m = task_turned(&m);
        return guess_turned_yolo(q, &m, out);
    }
    struct task_planes p;
    size_t masks = q->count > 1 ? guess_planes(q, q->outputs, &p) : 0, scores = m.columns - 4;
    bool one = has_cells(q, m.rows, 1);
    if (m.columns > masks + 5)
        scores -= masks;
    if (m.columns < 5 || (!one && !has_cells(q, m.rows, 3)))
        return false;
    if (one && m.columns > 32 && each_of(q, m.rows, 8, 64) == 1 && are_scores(&m, 0, m.columns - 32))
        return guess_say(out, "detect=nanodet,columns=classes-box,strides=8:16:32:64,centre=0");
    if (!are_scores(&m, 4, scores))
        return false;
    if (one && !guess_lie_in(&m, 2, 2, 0, INFINITY))
        return m.columns > 5 && guess_say(out, "detect=yolox");
    return guess_say(out, one && (m.columns == 84 || m.columns == 5) ? "detect=yolov8" : "detect=yolov5");
}

/* Behind corners, score and label. */
static bool guess_behind(const struct task_query *q, const struct task_rows *m, char *out)
{
    struct task_planes p;
    size_t left = m->columns - 6;
    if (!are_scores(m, 4, 1) || !task_are_whole(m, 5))
        return false;
    if (left == 1)
        return guess_lie_in(m, 6, 1, -3.2f, 3.2f) && guess_say(out, "polygons=obb");
    if (left == 0 || (q->count > 1 && guess_planes(q, q->outputs, &p) == left))
        return guess_say(out, "detect=yolov10");
    return left % 3 == 0 && are_scores(m, 8, 1) && sprintf(out, "detect=yolov10,points=%zu", left / 3) > 0;
}

/* A picture in the input's proportions, a classifier's scores, or a reader's of text: rows, but not of boxes. */
static bool is_no_list(const struct task_query *q, const struct task_rows *m)
{
    size_t shares = 0;
    while (shares < m->rows && task_are_shares(task_cell(m, shares, 0), m->columns, m->step))
        shares++;
    bool one = m->rows == 1 && (m->columns > 7 || (q->outputs->rank == 2 && are_scores(m, 0, m->columns)));
    return one || shares == m->rows || is_in_proportion(q, m);
}

/* Rows that end with a label and its score, or begin with them: nothing is to be suppressed. */
static bool guess_ended(const struct task_query *q, char *out)
{
    struct task_rows m;
    if (!guess_matrix(q->outputs, &m) || m.rows > 1000 || m.columns < 6 || is_no_list(q, &m))
        return false;
    bool image = m.columns == 7 && task_are_whole(&m, 0);
    size_t first = image ? 1 : 0;
    if (m.columns < 8 && task_are_whole(&m, first) && are_scores(&m, first + 1, 1)) {
        bool part = guess_lie_in(&m, first + 2, 4, -1, 2);
        return part == image && guess_say(out, part ? "detect=ssd" : "detect=ssd,unit=pixel,nms=none");
    }
    if (m.rows >= 100 && m.columns > 6 && guess_lie_in(&m, 0, 4, 0, 1) && are_scores(&m, 4, m.columns - 4) &&
        q->count == 1)
        return guess_say(out, "detect=yolov8,nms=none"); /* RT-DETR of Ultralytics */
    if (!image)
        return guess_behind(q, &m, out);
    bool whole = task_are_whole(&m, 5) && are_scores(&m, 6, 1), ends = are_scores(&m, 5, 1) && task_are_whole(&m, 6);
    return (whole || ends) && guess_say(out, "detect=yolov10");
}

/* ---- an output of boxes, and others beside it ---- */

/* The number of the output whose rows are `columns` wide; -1: none. With rows not 0, so many of them. */
static ptrdiff_t output_of(const struct task_query *q, size_t columns, size_t rows, struct task_rows *m)
{
    for (size_t i = 0; i < q->count; i++)
        if (guess_matrix(&q->outputs[i], m) && m->columns == columns && (!rows || m->rows == rows))
            return (ptrdiff_t)i;
    return -1;
}

/* Boxes; where others are four wide too, their name tells. */
static ptrdiff_t boxes_of(const struct task_query *q, struct task_rows *m)
{
    for (size_t i = 0; i < q->count; i++)
        if (task_is_named(&q->outputs[i], "box") && guess_matrix(&q->outputs[i], m) && m->columns == 4)
            return (ptrdiff_t)i;
    return output_of(q, 4, 0, m);
}

/* Scores of the n boxes, as rows of labels. */
static bool find_scores(const struct task_query *q, ptrdiff_t boxes, size_t n, struct task_rows *m)
{
    for (size_t i = 0; i < q->count; i++) {
        if ((ptrdiff_t)i == boxes || !guess_matrix(&q->outputs[i], m))
            continue;
        if (m->rows != n && m->columns == n)
            *m = task_turned(m);
        if (m->rows == n && m->columns != 10)
            return true;
    }
    return false;
}

/* Sets of queries: with a label for nothing, which is that of most; else a sigmoid for each. */
static bool guess_queries(const struct task_rows *scores, char *out)
{
    size_t none = 0, last = scores->columns - 1;
    for (size_t r = 0; r < scores->rows; r++)
        none += task_argmax(task_cell(scores, r, 0), last + 1, scores->step) == last;
    return guess_say(out, last > 1 && 2 * none > scores->rows ? "detect=detr" : "detect=rtdetr");
}

/* Anchors of BlazeFace and its kin, 128 pixels a side and more. */
static bool guess_blaze(const struct task_query *q, char *out)
{
    static const struct {
        int side;
        size_t rows, columns;
        const char *task;
    } known[] = {{128, 896, 16, "detect=blazeface"},
                 {256, 896, 16, "detect=blazeface,strides=16:32"},
                 {128, 512, 16, "detect=blazeface"}, /* each grid by itself */
                 {256, 512, 16, "detect=blazeface,strides=16:32"},
                 {192, 2304, 16, "detect=blazeface,strides=4,each=1"},
                 {192, 2016, 18, "detect=blazeface,points=7"},
                 {224, 2254, 12, "detect=blazeface,points=4,strides=8:16:32,each=2:2:6"}};
    struct task_rows m;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (q->width == known[i].side && output_of(q, known[i].columns, known[i].rows, &m) >= 0)
            return guess_say(out, known[i].task);
    return false;
}

/* The four outputs of TensorFlow Lite, the seven or eight of TensorFlow's detectors without their names, among them
 * perhaps the anchors' numbers, or lists of boxes, labels and scores. */
static bool guess_lists(const struct task_query *q, ptrdiff_t boxes, size_t n, char *out)
{
    size_t scores = 0, labels = 0, one = 0;
    for (size_t i = 0; i < q->count; i++) {
        size_t count = (ptrdiff_t)i == boxes || q->outputs[i].rank > 2 ? 0 : task_elements(&q->outputs[i]);
        labels += count == n && q->outputs[i].whole;
        scores += count == n && !q->outputs[i].whole;
        one += count == 1;
    }
    if (q->count == 4 && scores == 2 && one)
        return guess_say(out, "detect=tflite");
    if (scores >= 2 && scores + 5 == q->count && one == 1)
        return guess_say(out, "detect=lists,form=yx");
    return labels == 1 && scores == 1 && guess_say(out, "detect=lists");
}

/* Whether most rows have their corners in order. */
static bool are_corners(const struct task_rows *m)
{
    size_t good = 0;
    for (size_t r = 0; r < m->rows; r++)
        good += *task_cell(m, r, 0) <= *task_cell(m, r, 2) && *task_cell(m, r, 1) <= *task_cell(m, r, 3);
    return 4 * good > 3 * m->rows;
}

static bool guess_apart(const struct task_query *q, char *out)
{
    struct task_rows box, scores, points;
    ptrdiff_t boxes = boxes_of(q, &box);
    for (size_t bins = 8; bins <= 11 && (q->count == 6 || q->count == 8); bins += 3) /* those of -m and -g */
        if (output_of(q, 4 * bins, grid_cells(q, 8), &scores) >= 0)
            return sprintf(out, "detect=nanodet%s%s", q->count == 6 ? "" : ",strides=8:16:32:64",
                           bins == 8 ? "" : ",bins=11") > 0;
    if (boxes < 0 || q->count < 2)
        return false;
    size_t n = box.rows;
    bool whole = has_cells(q, n, 1), part = guess_lie_in(&box, 0, 4, -1, 2);
    if (guess_lists(q, boxes, n, out))
        return true;
    if (!find_scores(q, boxes, n, &scores))
        return false;
    if (has_cells(q, n, 2) && scores.columns == 2 && output_of(q, 10, n, &points) >= 0)
        return guess_say(out, "detect=retinaface");
    if (n == 2 * grid_cells(q, 8) && q->count == 6 && scores.columns == 1)
        return guess_say(out, "detect=scrfd,points=0");
    if (n == 2 * grid_cells(q, 8) && q->count == 9 && output_of(q, 10, n, &points) >= 0)
        return guess_say(out, "detect=scrfd");
    if (whole && q->count == 2 && !part && are_scores(&scores, 0, scores.columns))
        return guess_say(out, "detect=boxes");
    if (n > 1000 && q->count == 2 && scores.columns == 2 && part && are_corners(&box))
        return guess_say(out, "detect=ultraface");
    if ((n == 4420 || n == 17640) && q->count == 2 && scores.columns == 2)
        return guess_say(out, "detect=ultraface-head");
    return n > 1 && n <= 1000 && guess_lie_in(&box, 0, 4, 0, 1) && guess_queries(&scores, out);
}

bool guess_boxes(const struct task_query *q, char *out)
{
    return guess_blaze(q, out) || guess_apart(q, out) || guess_yolo(q, out) || guess_ended(q, out);
}
