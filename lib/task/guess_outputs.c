/* A task that nobody names, from the outputs of a photo: their shapes beside the input's size, and where their numbers
 * lie. What could as well be two things is left alone. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "task/detect.h"

/* ---- numbers ---- */

/* Whether all numbers of some columns lie in low..high; nan does not. */
static bool lie_in(const struct task_rows *m, size_t first, size_t count, float low, float high)
{
    for (size_t r = 0; r < m->rows; r++)
        for (size_t i = first; i < first + count; i++) {
            float v = *task_cell(m, r, i);
            if (!(v >= low && v <= high))
                return false;
        }
    return true;
}

static bool are_scores(const struct task_rows *m, size_t first, size_t count)
{
    return lie_in(m, first, count, -1e-6f, 1 + 1e-3f);
}

static bool are_whole(const struct task_rows *m, size_t column)
{
    for (size_t r = 0; r < m->rows; r++)
        if (*task_cell(m, r, column) != floorf(*task_cell(m, r, column)))
            return false;
    return lie_in(m, column, 1, -1, 65535);
}

/* Whether n numbers, each `step` behind the one before, are shares of a whole. */
static bool are_shares(const float *v, size_t n, size_t step)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        if (!(v[i * step] >= 0))
            return false;
        sum += v[i * step];
    }
    return fabs(sum - 1) <= 0.01;
}

/* ---- shapes ---- */

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

static bool matrix(const struct task_output *o, struct task_rows *m)
{
    struct error ignored;
    return o->rank >= 2 && !o->whole && task_matrix(o, m, &ignored) == 0 && m->rows && m->columns;
}

/* Channels of the first output that is planes of at least two cells a side; 0: there is none. */
static size_t planes_of(const struct task_query *q, const struct task_output *but, struct task_planes *p)
{
    struct error ignored;
    for (size_t i = 0; i < q->count; i++)
        if (&q->outputs[i] != but && q->outputs[i].rank >= 3 &&
            task_planes(&q->outputs[i], q->channels_last, p, &ignored) == 0 && p->height > 1 && p->width > 1)
            return p->channels;
    return 0;
}

/* ---- detectors ---- */

static bool say(char *out, const char *task)
{
    strcpy(out, task);
    return true;
}

/* Centre, size, and scores of labels, or a score with points or an angle behind. */
static bool guess_turned_yolo(const struct task_query *q, const struct task_rows *m, char *out)
{
    struct task_planes p;
    size_t masks = q->count > 1 ? planes_of(q, q->outputs, &p) : 0, left = m->columns - 5;
    size_t scores = masks + 4 < m->columns ? m->columns - 4 - masks : m->columns - 4;
    if (are_scores(m, 4, scores))
        return say(out, "detect=yolov8");
    if (are_scores(m, 4, scores - 1) && lie_in(m, m->columns - 1, 1, -3.2f, 3.2f))
        return say(out, "polygons=obb");
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

/* A row for each cell, or three. */
static bool guess_yolo(const struct task_query *q, char *out)
{
    struct task_rows m;
    if (!matrix(q->outputs, &m))
        return false;
    if (m.rows >= 5 && has_cells(q, m.columns, 1)) {
        m = task_turned(&m);
        return guess_turned_yolo(q, &m, out);
    }
    struct task_planes p;
    size_t masks = q->count > 1 ? planes_of(q, q->outputs, &p) : 0, scores = m.columns - 4;
    bool one = has_cells(q, m.rows, 1);
    if (m.columns > masks + 5)
        scores -= masks;
    if (m.columns < 5 || (!one && !has_cells(q, m.rows, 3)))
        return false;
    if (one && m.columns > 32 && each_of(q, m.rows, 8, 64) == 1 && are_scores(&m, 0, m.columns - 32))
        return say(out, "detect=nanodet,columns=classes-box,strides=8:16:32:64,centre=0");
    if (!are_scores(&m, 4, scores))
        return false;
    if (one && !lie_in(&m, 2, 2, 0, INFINITY))
        return m.columns > 5 && say(out, "detect=yolox");
    return say(out, one && (m.columns == 84 || m.columns == 5) ? "detect=yolov8" : "detect=yolov5");
}

/* Behind corners, score and label. */
static bool guess_behind(const struct task_query *q, const struct task_rows *m, char *out)
{
    struct task_planes p;
    size_t left = m->columns - 6;
    if (!are_scores(m, 4, 1) || !are_whole(m, 5))
        return false;
    if (left == 1)
        return lie_in(m, 6, 1, -3.2f, 3.2f) && say(out, "polygons=obb");
    if (left == 0 || (q->count > 1 && planes_of(q, q->outputs, &p) == left))
        return say(out, "detect=yolov10");
    return left % 3 == 0 && are_scores(m, 8, 1) && sprintf(out, "detect=yolov10,points=%zu", left / 3) > 0;
}

/* Rows that end with a label and its score, or begin with them: nothing is to be suppressed. */
static bool guess_ended(const struct task_query *q, char *out)
{
    struct task_rows m;
    if (!matrix(q->outputs, &m) || m.rows > 1000 || m.columns < 6)
        return false;
    bool image = m.columns == 7 && are_whole(&m, 0);
    size_t first = image ? 1 : 0;
    if (m.columns < 8 && are_whole(&m, first) && are_scores(&m, first + 1, 1)) {
        bool part = lie_in(&m, first + 2, 4, -1, 2);
        return part == image && say(out, part ? "detect=ssd" : "detect=ssd,unit=pixel,nms=none");
    }
    if (!image)
        return guess_behind(q, &m, out);
    bool whole = are_whole(&m, 5) && are_scores(&m, 6, 1), ends = are_scores(&m, 5, 1) && are_whole(&m, 6);
    return (whole || ends) && say(out, "detect=yolov10");
}

/* ---- an output of boxes, and others beside it ---- */

/* The number of the output whose rows are `columns` wide; -1: none. With rows not 0, so many of them. */
static ptrdiff_t output_of(const struct task_query *q, size_t columns, size_t rows, struct task_rows *m)
{
    for (size_t i = 0; i < q->count; i++)
        if (!q->outputs[i].whole && matrix(&q->outputs[i], m) && m->columns == columns && (!rows || m->rows == rows))
            return (ptrdiff_t)i;
    return -1;
}

/* Scores of the n boxes, as rows of labels. */
static bool find_scores(const struct task_query *q, ptrdiff_t boxes, size_t n, struct task_rows *m)
{
    for (size_t i = 0; i < q->count; i++) {
        if ((ptrdiff_t)i == boxes || q->outputs[i].whole || !matrix(&q->outputs[i], m))
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
    return say(out, last > 1 && 2 * none > scores->rows ? "detect=detr" : "detect=rtdetr");
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
                 {192, 2304, 16, "detect=blazeface,strides=4,each=1"},
                 {192, 2016, 18, "detect=blazeface,points=7"},
                 {224, 2254, 12, "detect=blazeface,points=4,strides=8:16:32,each=2:2:6"}};
    struct task_rows m;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (q->width == known[i].side && output_of(q, known[i].columns, known[i].rows, &m) >= 0)
            return say(out, known[i].task);
    return false;
}

/* The four outputs of TensorFlow Lite, or lists of boxes, labels and scores. */
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
        return say(out, "detect=tflite");
    return labels == 1 && scores == 1 && say(out, "detect=lists");
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
    ptrdiff_t boxes = output_of(q, 4, 0, &box);
    if (boxes < 0 || q->count < 2)
        return false;
    size_t n = box.rows;
    bool whole = has_cells(q, n, 1), part = lie_in(&box, 0, 4, -1, 2);
    if (guess_lists(q, boxes, n, out))
        return true;
    if (!find_scores(q, boxes, n, &scores))
        return false;
    if (has_cells(q, n, 2) && scores.columns == 2 && output_of(q, 10, n, &points) >= 0)
        return say(out, "detect=retinaface");
    if (n == 2 * grid_cells(q, 8) && q->count == 9 && output_of(q, 10, n, &points) >= 0)
        return say(out, "detect=scrfd");
    if (whole && q->count == 2 && !part && are_scores(&scores, 0, scores.columns))
        return say(out, "detect=boxes");
    if (n > 1000 && q->count == 2 && scores.columns == 2 && part && are_corners(&box))
        return say(out, "detect=ultraface");
    if ((n == 4420 || n == 17640) && q->count == 2 && scores.columns == 2)
        return say(out, "detect=ultraface-head");
    return n <= 1000 && lie_in(&box, 0, 4, 0, 1) && guess_queries(&scores, out);
}

/* ---- points ---- */

static bool guess_points(const struct task_query *q, char *out)
{
    static const struct {
        size_t count;
        int rank;
        const char *task;
    } known[] = {{63, 2, "points,order=xyz"},
                 {1404, 4, "points,order=xyz"},
                 {1434, 4, "points,order=xyz"},
                 {195, 2, "points,points=39,order=xyzvp"}};
    size_t all = task_elements(q->outputs), last = q->outputs->rank > 2 ? (size_t)q->outputs->dims[2] : 0;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (q->count > 1 && all == known[i].count && q->outputs->rank == known[i].rank)
            return say(out, known[i].task);
    if (q->count == 1 && all == 51 && q->outputs->dims[q->outputs->rank - 1] == 3)
        return say(out, "points,order=yxv"); /* MoveNet */
    return q->count == 1 && last == 56 && q->outputs->dims[1] == 6 && q->outputs->rank == 3 &&
           say(out, "points,points=17,order=yxv");
}

/* ---- maps ---- */

/* Whether of a plane few cells stand out of what is near 0: a heat map. */
static bool is_sparse(const struct task_planes *p, size_t channel)
{
    const float *v = p->values + channel * p->step;
    size_t n = p->width * p->height, high = 0;
    float top = v[task_argmax(v, n, p->next) * p->next];
    for (size_t i = 0; i < n; i++) {
        if (!(v[i * p->next] >= -0.5f * top))
            return false;
        high += fabsf(v[i * p->next]) > 0.2f * top;
    }
    return top > 0 && top < 2 && high <= n / 5;
}

static bool are_heat_maps(const struct task_planes *p)
{
    for (size_t c = 0; c < p->channels; c++)
        if (!is_sparse(p, c))
            return false;
    return p->channels > 2 && !are_shares(p->values, p->channels, p->step);
}

/* Grids of a detector, each half as large as the one before. */
static bool are_grids(const struct task_query *q)
{
    const struct task_output *o = q->outputs;
    for (size_t i = 0; i < 2; i++)
        if (q->count < 3 || o[i].rank < 4 || o[i].rank != o[i + 1].rank ||
            (task_elements(&o[i]) != 4 * task_elements(&o[i + 1]) &&
             task_elements(&o[i + 1]) != 4 * task_elements(&o[i])))
            return false;
    return true;
}

static bool guess_grids(const struct task_query *q, char *out)
{
    struct task_planes p;
    size_t labels = q->labels->count, channels = planes_of(q, NULL, &p);
    if (q->outputs->rank == 5)
        return say(out, "detect=yolov5-head");
    return channels && (labels ? channels == 64 + labels : channels == 144) && say(out, "detect=yolov8-head");
}

/* Joints and limbs of people. */
static bool guess_parts(const struct task_query *q, char *out)
{
    struct task_planes p;
    struct error ignored;
    size_t joints = 0, limbs = 0, width = 0;
    for (size_t i = 0; i < q->count; i++) {
        if (q->outputs[i].rank < 4 || task_planes(&q->outputs[i], q->channels_last, &p, &ignored) < 0)
            return false;
        joints += p.channels == 19 || p.channels == 26;
        limbs += p.channels == 38 || p.channels == 52;
        if (q->count == 1 && (p.channels == 57 || p.channels == 78))
            joints = limbs = 1;
        width = p.width;
    }
    return joints && joints == limbs && width * 8 >= (size_t)q->width && width * 2 <= (size_t)q->width &&
           say(out, "points=openpose");
}

static bool guess_maps(const struct task_query *q, char *out)
{
    struct task_planes p;
    const struct task_output *o = q->outputs;
    if (are_grids(q))
        return guess_grids(q, out);
    size_t channels = q->count == 1 || o->rank == 4 ? planes_of(q, NULL, &p) : 0, width = (size_t)q->width,
           height = (size_t)q->height;
    if (o->rank == 4 && o->dims[3] == 2 && !q->channels_last && (size_t)o->dims[1] * 2 == height)
        return say(out, "polygons=craft");
    if (!channels || o->rank < 3 || p.width * height != p.height * width)
        return false;
    if (o->rank == 3 && o->whole)
        return say(out, "mask");
    if (channels == 1 && p.width > width)
        return say(out, "picture");
    if (channels == 1)
        return say(out, task_are_scores(p.values, p.width * p.height) ? "mask" : "picture,size=photo");
    if (channels > 6 && p.width * 16 == width && are_shares(p.values + 5 * p.step, channels - 5, p.step))
        return say(out, "detect=fastestdet");
    bool shares = are_shares(p.values, channels, p.step), heat = are_heat_maps(&p);
    if (channels == 3 && p.width > width && !shares && q->count == 1)
        return say(out, "picture");
    if (heat)
        return q->count == 1 && say(out, "points=heatmap");
    bool alike = q->count == 1 || task_elements(&o[1]) == task_elements(o); /* or an auxiliary one */
    return channels <= 256 && p.width * 32 >= width && alike && !(channels <= 4 && !shares && p.width == width) &&
           say(out, "mask");
}

/* ---- a row of numbers ---- */

static bool guess_row(const struct task_query *q, char *out)
{
    const struct task_output *o = q->outputs;
    size_t n = task_elements(o), wide = o->rank > 1 ? (size_t)o->dims[1] : n;
    double squares = 0;
    if (q->count != 1 || o->rank > 4 || n != wide || n < 2 || o->whole)
        return false;
    for (size_t i = 0; i < n; i++)
        squares += (double)o->values[i] * (double)o->values[i];
    if (q->labels->count == n || o->end != TASK_END_UNKNOWN || are_shares(o->values, n, 1) || n == 1000 || n == 1001)
        return say(out, "classify");
    if (n >= 64 && fabs(squares - 1) < 1e-3)
        return say(out, "embedding");
    return n != 136 && n != 196 && n != 212 && n % 64 && say(out, "classify");
}

static bool guess_text(const struct task_query *q, char *out)
{
    struct task_rows m;
    size_t labels = q->labels->count;
    return labels > 1 && q->count == 1 && matrix(q->outputs, &m) && m.rows > 1 &&
           (m.columns == labels + 1 || m.columns == labels + 2) && say(out, "ctc");
}

bool task_guess_outputs(const struct task_query *q, char out[TASK_GUESS])
{
    static bool (*const guesses[])(const struct task_query *, char *) = {guess_text,  guess_blaze, guess_points,
                                                                         guess_apart, guess_yolo,  guess_ended,
                                                                         guess_row,   guess_parts, guess_maps};
    for (size_t i = 0; i < sizeof guesses / sizeof *guesses && q->width > 0 && q->height > 0; i++)
        if (guesses[i](q, out))
            return true;
    return false;
}
