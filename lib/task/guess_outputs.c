/* A task that nobody names, from the outputs of a photo: their shapes beside the input's size, and where their numbers
 * lie. What could as well be two things is left alone. */
#include "task/guess.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- what is asked of outputs ---- */

bool guess_lie_in(const struct task_rows *m, size_t first, size_t count, float low, float high)
{
    for (size_t r = 0; r < m->rows; r++)
        for (size_t i = first; i < first + count; i++) {
            float v = *task_cell(m, r, i);
            if (!(v >= low && v <= high))
                return false;
        }
    return true;
}

bool guess_matrix(const struct task_output *o, struct task_rows *m)
{
    struct error ignored;
    return o->rank >= 2 && !o->whole && task_matrix(o, m, &ignored) == 0 && m->rows && m->columns;
}

size_t guess_planes(const struct task_query *q, const struct task_output *but, struct task_planes *p)
{
    struct error ignored;
    for (size_t i = 0; i < q->count; i++)
        if (&q->outputs[i] != but && q->outputs[i].rank >= 3 &&
            task_planes(&q->outputs[i], q->channels_last, p, &ignored) == 0 && p->height > 1 && p->width > 1)
            return p->channels;
    return 0;
}

bool guess_say(char *out, const char *task)
{
    strcpy(out, task);
    return true;
}

/* ---- points ---- */

/* All numbers in one row, as MediaPipe's networks have them. */
static bool is_row_of(const struct task_output *o, size_t count)
{
    return task_elements(o) == count && o->rank > 1 && (size_t)o->dims[o->rank - 1] == count;
}

static bool guess_points(const struct task_query *q, char *out)
{
    static const struct {
        size_t count;
        const char *task;
    } known[] = {{63, "points,order=xyz"},
                 {213, "points,order=xyz"},
                 {1404, "points,order=xyz"},
                 {1434, "points,order=xyz"}};
    const struct task_output *o = q->outputs;
    while (task_elements(o) < 4 && o + 1 < q->outputs + q->count)
        o++; /* a score of all may stand before */
    size_t all = task_elements(o), last = o->rank > 2 ? (size_t)o->dims[2] : 0;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (q->count > 1 && is_row_of(o, known[i].count))
            return guess_say(out, known[i].task);
    if (q->count == 2 && is_row_of(o, 18) && task_elements(q->outputs) + task_elements(q->outputs + 1) == 19)
        return guess_say(out, "points,order=xy"); /* Objectron's boxes in space, and a score */
    for (size_t i = 0; i < q->count && q->count > 1; i++)
        if (is_row_of(&q->outputs[i], 195))
            return guess_say(out, "points,points=39,order=xyzvp");
    if (q->count == 1 && all == 51 && o->dims[o->rank - 1] == 3)
        return guess_say(out, "points,order=yxv"); /* MoveNet */
    return q->count == 1 && last == 56 && o->dims[1] == 6 && o->rank == 3 &&
           guess_say(out, "points,points=17,order=yxv");
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
    return p->channels > 2 && !task_are_shares(p->values, p->channels, p->step);
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
    size_t labels = q->labels->count, channels = guess_planes(q, NULL, &p);
    if (q->outputs->rank == 5)
        return guess_say(out, "detect=yolov5-head");
    return channels && (labels ? channels == 64 + labels : channels == 144) && guess_say(out, "detect=yolov8-head");
}

/* Maps of centres with cells of four pixels, and what is told at each cell. */
static bool guess_centres(const struct task_query *q, char *out)
{
    struct task_planes p;
    struct error ignored;
    size_t one = 0, two = 0, five = 0, ten = 0;
    for (size_t i = 0; i < q->count; i++) {
        if (q->outputs[i].rank != 4 || task_planes(&q->outputs[i], q->channels_last, &p, &ignored) < 0 ||
            p.width * 4 != (size_t)q->width || p.height * 4 != (size_t)q->height)
            return false;
        one += p.channels == 1, two += p.channels == 2, five += p.channels == 5, ten += p.channels == 10;
    }
    if (q->count == 2 && one && five)
        return guess_say(out, "polygons=east");
    if (q->count == 4 && one == 1 && two == 2 && ten)
        return guess_say(out, "detect=centerface");
    return q->count == 3 && two == 2 && guess_say(out, "detect=centernet");
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
           guess_say(out, "points=openpose");
}

static bool guess_maps(const struct task_query *q, char *out)
{
    struct task_planes p;
    const struct task_output *o = q->outputs;
    if (are_grids(q))
        return guess_grids(q, out);
    size_t channels = q->count == 1 || o->rank == 4 ? guess_planes(q, NULL, &p) : 0, width = (size_t)q->width,
           height = (size_t)q->height;
    if (o->rank == 4 && o->dims[3] == 2 && !q->channels_last && (size_t)o->dims[1] * 2 == height)
        return guess_say(out, "polygons=craft");
    if (o->rank == 4 && o->dims[1] == 1 && (size_t)o->dims[3] > width &&
        (size_t)o->dims[2] * width == (size_t)o->dims[3] * height)
        return guess_say(out, "picture"); /* also where the input has its channels last */
    if (!channels || p.values != o->values || o->rank < 3 || p.width * height != p.height * width)
        return false; /* what is painted is the first output */
    if (o->rank == 3 && o->whole)
        return guess_say(out, "mask");
    if (channels == 1 && p.width > width)
        return guess_say(out, "picture");
    if (channels == 1)
        return guess_say(out, !task_are_scores(p.values, p.width * p.height) ? "picture,size=photo"
                              : task_are_lines(&p)                           ? "polygons=db"
                                                                             : "mask");
    if (channels > 6 && p.width * 16 == width && task_are_shares(p.values + 5 * p.step, channels - 5, p.step))
        return guess_say(out, "detect=fastestdet");
    bool shares = task_are_shares(p.values, channels, p.step), heat = are_heat_maps(&p);
    if (channels == 3 && p.width > width && !shares && q->count == 1)
        return guess_say(out, "picture");
    if (heat)
        return q->count == 1 && guess_say(out, "points=heatmap");
    bool alike = q->count == 1 || task_elements(&o[1]) == task_elements(o); /* or an auxiliary one */
    /* Cells of 32 pixels are features, or a detector's as YOLOv2's. */
    return channels <= 256 && p.width * 16 >= width && alike && !(channels <= 4 && !shares && p.width == width) &&
           guess_say(out, "mask");
}

/* ---- a row of numbers ---- */

static bool guess_row(const struct task_query *q, char *out)
{
    const struct task_output *o = q->outputs;
    size_t n = task_elements(o), wide = o->rank > 1 ? (size_t)o->dims[1] : n;
    double squares = 0, most = 0;
    if (q->count != 1 || o->rank > 4 || n != wide || n < 2 || o->whole)
        return false;
    for (size_t i = 0; i < n; i++) {
        squares += (double)o->values[i] * (double)o->values[i];
        most = fmax(most, fabs((double)o->values[i]));
    }
    if (q->labels->count == n || o->end > TASK_END_LINEAR || task_are_shares(o->values, n, 1) || n == 1000 ||
        n == 1001)
        return guess_say(out, "classify");
    if (n >= 64 && fabs(squares - 1) < 1e-3)
        return guess_say(out, "embedding");
    /* Fewer are angles, an age; all within 1 may be points; a classifier is sure of something. */
    return n > 4 && most > 1 && n != 136 && n != 196 && n != 212 && n % 64 && guess_say(out, "classify");
}

static bool guess_text(const struct task_query *q, char *out)
{
    struct task_rows m;
    size_t labels = q->labels->count;
    return labels > 1 && q->count == 1 && guess_matrix(q->outputs, &m) && m.rows > 1 &&
           (m.columns == labels + 1 || m.columns == labels + 2) && guess_say(out, "ctc");
}

bool task_guess_outputs(const struct task_query *q, char out[TASK_GUESS])
{
    static bool (*const guesses[])(const struct task_query *, char *) = {
        guess_text, guess_points, guess_boxes, guess_row, guess_parts, guess_centres, guess_maps};
    for (size_t i = 0; i < sizeof guesses / sizeof *guesses && q->width > 0 && q->height > 0; i++)
        if (guesses[i](q, out))
            return true;
    return false;
}
