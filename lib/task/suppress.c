/* Non-maximum suppression. */
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "task/detect.h"
#include "task/geometry.h"

#define MAX_CANDIDATES ((size_t)100000)  /* of the decoded boxes, the best go into the suppression, */
#define MAX_PAIRS      ((size_t)1 << 25) /* and as many of them as this holds against those that may be kept; */
#define MAX_TURNED     ((size_t)1 << 22) /* of turned ones near each other, whose overlap costs more, only these */

/* Equal scores, of which networks of bytes have many, in the order of the rows, as stable sorts leave them. */
static int by_score(const void *a, const void *b)
{
    const struct task_box *x = a, *y = b;
    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    return x->extra < y->extra ? -1 : x->extra > y->extra;
}

static double area(double x0, double y0, double x1, double y1)
{
    return x1 > x0 && y1 > y0 ? (x1 - x0) * (y1 - y0) : 0;
}

static double overlap(const struct task_box *a, const struct task_box *b)
{
    double both = area(fmax(a->x0, b->x0), fmax(a->y0, b->y0), fmin(a->x1, b->x1), fmin(a->y1, b->y1));
    double either = area(a->x0, a->y0, a->x1, a->y1) + area(b->x0, b->y0, b->x1, b->y1) - both;
    return either > 0 ? both / either : 0;
}

/* The covariance of a turned box's points, from two of its sides. */
struct spread {
    double xx, yy, xy;
};

static struct spread spread_of(const struct task_candidates *c, const struct task_box *b)
{
    const float *p = c->extra + b->extra;
    double wx = p[3] - p[0], wy = p[4] - p[1], hx = p[9] - p[0], hy = p[10] - p[1];
    return (struct spread){(wx * wx + hx * hx) / 12, (wy * wy + hy * hy) / 12, (wx * wy + hx * hy) / 12};
}

struct suppression {
    const struct task *task;
    struct task_candidates *c;
    size_t most;
    double iou;
    bool across;     /* labels */
    double reach;    /* turned boxes farther apart than this overlap less than `iou` */
    size_t compared; /* so many turned boxes that are not */
};

/* Of turned boxes as normal distributions: 1 less the Hellinger distance (Llerena et al. 2021, ProbIoU). */
static double overlap_turned(struct suppression *of, const struct task_box *a, const struct task_box *b)
{
    const struct task_candidates *c = of->c;
    struct spread p = spread_of(c, a), q = spread_of(c, b), s = {p.xx + q.xx, p.yy + q.yy, p.xy + q.xy};
    double x = (a->x0 + a->x1 - b->x0 - b->x1) / 2, y = (a->y0 + a->y1 - b->y0 - b->y1) / 2, least = 1e-7;
    if (x * x + y * y > of->reach * (s.xx + s.yy))
        return 0;
    of->compared++;
    double all = fmax(s.xx * s.yy - s.xy * s.xy, 0),
           both = fmax(p.xx * p.yy - p.xy * p.xy, 0) * fmax(q.xx * q.yy - q.xy * q.xy, 0);
    double far = (s.xx * y * y + s.yy * x * x - 2 * s.xy * x * y) / (all + least) / 4;
    far += log(all / (4 * sqrt(both) + least) + least) / 2;
    return 1 - sqrt(1 - exp(-fmin(fmax(far, least), 100)) + least);
}

/* The part of a convex polygon of n corners, 8 at most, on the left of the line from a to b; how many it has. */
static size_t cut(const struct geometry_point *p, size_t n, struct geometry_point a, struct geometry_point b,
                  struct geometry_point *out)
{
    size_t m = 0;
    for (size_t i = 0; i < n; i++) {
        struct geometry_point from = p[i], to = p[(i + 1) % n];
        double u = (b.x - a.x) * (from.y - a.y) - (b.y - a.y) * (from.x - a.x),
               v = (b.x - a.x) * (to.y - a.y) - (b.y - a.y) * (to.x - a.x);
        if (u >= 0 && m < 8)
            out[m++] = from;
        if ((u < 0) != (v < 0) && m < 8)
            out[m++] =
                (struct geometry_point){from.x + (to.x - from.x) * u / (u - v), from.y + (to.y - from.y) * u / (u - v)};
    }
    return m;
}

/* Of quadrilaterals whose corners go round clockwise, as they are. */
static double overlap_quads(struct suppression *of, const struct task_box *a, const struct task_box *b)
{
    struct geometry_point p[4], q[4], part[2][8];
    size_t n = 4;
    if (overlap(a, b) <= 0)
        return 0;
    of->compared++;
    for (int i = 0; i < 4; i++) {
        const float *at = of->c->extra + a->extra + 3 * i, *bt = of->c->extra + b->extra + 3 * i;
        p[i] = part[0][i] = (struct geometry_point){at[0], at[1]};
        q[i] = (struct geometry_point){bt[0], bt[1]};
    }
    for (int i = 0; i < 4; i++)
        n = cut(part[i % 2], n, q[i], q[(i + 1) % 4], part[(i + 1) % 2]);
    double both = geometry_area(part[0], n), either = geometry_area(p, 4) + geometry_area(q, 4) - both;
    return either > 0 ? both / either : 0;
}

static bool is_rival(const struct suppression *s, const struct task_box *a, const struct task_box *b)
{
    return s->across || a->label == b->label;
}

/* Whether there may be more comparisons; else the boxes that are left, the worst, are dropped. */
static bool has_time(const struct suppression *s)
{
    return s->compared <= MAX_TURNED;
}

static double overlap_of(struct suppression *s, const struct task_box *a, const struct task_box *b)
{
    return s->task->id == TASK_ID_POLYGONS_OBB    ? overlap_turned(s, a, b)
           : s->task->id == TASK_ID_POLYGONS_EAST ? overlap_quads(s, a, b)
                                                  : overlap(a, b);
}

/* Greedy, best first, against the boxes already kept. */
static int suppress_hard(struct suppression *s, struct error *err)
{
    struct task_box *box = s->c->box;
    size_t kept = 0;
    (void)err;
    for (size_t i = 0; i < s->c->count && kept < s->most && has_time(s); i++) {
        size_t j = 0;
        while (j < kept && !(is_rival(s, &box[j], &box[i]) && overlap_of(s, &box[j], &box[i]) > s->iou))
            j++;
        if (j == kept)
            box[kept++] = box[i];
    }
    s->c->count = kept;
    return 0;
}

static void exchange(struct task_box *a, struct task_box *b)
{
    struct task_box t = *a;
    *a = *b;
    *b = t;
}

/* Soft-NMS (Bodla et al. 2017), Gaussian with sigma 0.5: the best of what is left lowers the others' scores. */
static int suppress_soft(struct suppression *s, struct error *err)
{
    struct task_box *box = s->c->box;
    float least = task_number(s->task, TASK_SCORE);
    size_t kept = 0, n = s->c->count;
    (void)err;
    for (; kept < n && kept < s->most && has_time(s); kept++) {
        size_t best = kept;
        for (size_t i = kept + 1; i < n; i++)
            best = by_score(&box[i], &box[best]) < 0 ? i : best;
        exchange(&box[kept], &box[best]);
        if (!(box[kept].score >= least))
            break;
        for (size_t i = kept + 1; i < n; i++)
            if (is_rival(s, &box[kept], &box[i])) {
                double both = overlap_of(s, &box[kept], &box[i]);
                box[i].score *= (float)exp(-2 * both * both);
            }
    }
    s->c->count = kept;
    return 0;
}

static void add_weighted(struct task_candidates *c, struct task_box *sum, const struct task_box *b, float *extra)
{
    float w = b->score;
    sum->x0 += w * b->x0, sum->y0 += w * b->y0, sum->x1 += w * b->x1, sum->y1 += w * b->y1;
    for (size_t i = 0; i < 3 * c->points; i++)
        extra[i] += w * c->extra[b->extra + i];
    sum->score += w;
}

/* `best` becomes the mean of itself and those of n others that overlap it, which are taken out; how many are left. */
static size_t merge(struct suppression *s, struct task_box *best, struct task_box *others, size_t n, float *extra)
{
    struct task_candidates *c = s->c;
    struct task_box sum = {0};
    size_t left = 0, points = 3 * c->points;
    for (size_t i = 0; i < points; i++)
        extra[i] = 0;
    add_weighted(c, &sum, best, extra);
    for (size_t i = 0; i < n; i++)
        if (is_rival(s, best, &others[i]) && overlap_of(s, best, &others[i]) > s->iou)
            add_weighted(c, &sum, &others[i], extra);
        else
            others[left++] = others[i];
    if (sum.score > 0) {
        best->x0 = sum.x0 / sum.score, best->y0 = sum.y0 / sum.score;
        best->x1 = sum.x1 / sum.score, best->y1 = sum.y1 / sum.score;
        for (size_t i = 0; i < points; i++)
            c->extra[best->extra + i] = extra[i] / sum.score;
    }
    return left;
}

/* As MediaPipe's: the best box becomes the mean of those that overlap it, weighted by their scores; its score stays. */
static int suppress_weighted(struct suppression *s, struct error *err)
{
    struct task_box *box = s->c->box;
    size_t kept = 0, n = s->c->count;
    float *extra = mem_calloc(3 * s->c->points + 1, sizeof *extra, err);
    for (; extra && kept < n && kept < s->most && has_time(s); kept++)
        n = kept + 1 + merge(s, &box[kept], &box[kept + 1], n - kept - 1, extra);
    free(extra);
    s->c->count = kept;
    return extra ? 0 : -1;
}

static int suppress_none(struct suppression *s, struct error *err)
{
    (void)err;
    s->c->count = s->c->count < s->most ? s->c->count : s->most;
    return 0;
}

/* Against all that are better, kept or not (Bolya et al. 2019, YOLACT's Fast NMS). */
static int suppress_fast(struct suppression *s, struct error *err)
{
    struct task_box *box = s->c->box;
    size_t kept = 0;
    for (size_t i = 0; i < s->c->count; i++) {
        size_t j = 0;
        if (!has_time(s)) {
            s->c->count = i;
            break;
        }
        while (j < i && !(is_rival(s, &box[j], &box[i]) && overlap_of(s, &box[j], &box[i]) > s->iou))
            j++;
        box[i].score = j < i ? -1 : box[i].score;
    }
    for (size_t i = 0; i < s->c->count; i++)
        if (box[i].score >= 0)
            box[kept++] = box[i];
    s->c->count = kept;
    return suppress_none(s, err);
}

int task_suppress(struct task_candidates *c, struct error *err)
{
    static int (*const ways[])(struct suppression *, struct error *) = {
        [TASK_NMS_HARD] = suppress_hard, [TASK_NMS_SOFT] = suppress_soft, [TASK_NMS_WEIGHTED] = suppress_weighted,
        [TASK_NMS_NONE] = suppress_none, [TASK_NMS_FAST] = suppress_fast,
    };
    struct suppression s = {.task = c->task,
                            .c = c,
                            .most = (size_t)task_number(c->task, TASK_MOST),
                            .iou = task_number(c->task, TASK_IOU),
                            .across = task_word(c->task, TASK_BY) == 1};
    if (c->count)
        qsort(c->box, c->count, sizeof *c->box, by_score);
    int way = task_word(c->task, TASK_NMS);
    double far = way == TASK_NMS_SOFT ? 0 : 1 - (1 - s.iou) * (1 - s.iou);
    s.reach = -4 * log(far);
    c->count = c->count < MAX_CANDIDATES ? c->count : MAX_CANDIDATES;
    while (way != TASK_NMS_NONE &&
           c->count * (way == TASK_NMS_FAST || s.most > c->count ? c->count : s.most) > MAX_PAIRS)
        c->count -= c->count / 8;
    return ways[way](&s, err);
}
