/* People from maps of their joints and of the limbs between them (Cao et al. 2017, part affinity fields; grouped as
 * Osokin 2018 does, Lightweight OpenPose). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "task/detect.h"

#define UP        4   /* joints are sought on maps enlarged so many times */
#define APART     6   /* and do not lie nearer to each other there */
#define MOST      256 /* joints of a kind, limbs of a kind, people */
#define SAMPLES   10  /* along a limb */
#define ALONG     0.05f
#define MOST_SIZE ((size_t)1 << 26) /* enlarged, all kinds together */
#define JOINTS    25

/* From one joint to another; field: the first of the two channels of its direction. */
struct limb {
    unsigned char from, to, field;
};

static const struct limb limbs_of_18[] = {{1, 2, 12},  {1, 5, 20},   {2, 3, 14},  {3, 4, 16},  {5, 6, 22},
                                          {6, 7, 24},  {1, 8, 0},    {8, 9, 2},   {9, 10, 4},  {1, 11, 6},
                                          {11, 12, 8}, {12, 13, 10}, {1, 0, 28},  {0, 14, 30}, {14, 16, 34},
                                          {0, 15, 32}, {15, 17, 36}, {2, 16, 18}, {5, 17, 26}};

static const struct limb limbs_of_25[] = {
    {1, 8, 0},    {1, 2, 14},   {1, 5, 22},   {2, 3, 16},   {3, 4, 18},   {5, 6, 24},   {6, 7, 26},
    {8, 9, 6},    {9, 10, 2},   {10, 11, 4},  {8, 12, 8},   {12, 13, 10}, {13, 14, 12}, {1, 0, 30},
    {0, 15, 32},  {15, 17, 36}, {0, 16, 34},  {16, 18, 38}, {2, 17, 20},  {5, 18, 28},  {14, 19, 40},
    {19, 20, 42}, {14, 21, 44}, {11, 22, 46}, {22, 23, 48}, {11, 24, 50}};

/* `extra`: of the limbs these two only add to people that are known, and make none. */
static const struct body {
    size_t joints, limbs, extra;
    const struct limb *limb;
} bodies[] = {{18, 19, 17, limbs_of_18}, {25, 26, 18, limbs_of_25}};

struct joint {
    float x, y, score; /* in cells of the enlarged maps */
};

struct link {
    size_t from, to; /* joints of their kinds */
    float score;
};

struct person {
    int joint[JOINTS]; /* of that kind; -1: not found */
    float sum;
    size_t count;
};

struct people {
    const struct body *body;
    struct task_planes joints, fields;
    struct joint (*joint)[MOST]; /* of each kind */
    size_t joint_count[JOINTS];
    struct link *link;
    struct person *person;
    size_t count;
    float least;
};

/* ---- maps ---- */

/* Both kinds of maps: two outputs, the last of each where a network has several stages; or one behind the other. */
static int find_maps(const struct task_query *q, struct people *s, struct error *err)
{
    struct task_planes p;
    struct error ignored;
    for (size_t i = 0; i < q->count; i++)
        for (size_t k = 0; k < sizeof bodies / sizeof *bodies; k++) {
            size_t n = bodies[k].joints, fields = 2 * bodies[k].limbs;
            if (task_planes(&q->outputs[i], q->channels_last, &p, &ignored) < 0)
                continue;
            bool both = p.channels == n + 1 + fields;
            if (both || p.channels == n || p.channels == n + 1)
                s->joints = p, s->body = &bodies[k];
            if (both)
                p.values += (n + 1) * p.step, p.channels = fields;
            if (p.channels == fields)
                s->fields = p;
        }
    if (!s->body || s->fields.channels != 2 * s->body->limbs)
        return error_set(err, "task: want maps of joints, 19 or 26 channels, and of limbs, 38 or 52");
    if (s->joints.width != s->fields.width || s->joints.height != s->fields.height)
        return error_set(err, "task: maps of %zux%zu and limbs of %zux%zu: want as many cells", s->joints.width,
                         s->joints.height, s->fields.width, s->fields.height);
    if (s->joints.width * s->joints.height > MOST_SIZE / (UP * UP * s->body->joints))
        return error_set(err, "task: maps of %zux%zu: want smaller ones", s->joints.width, s->joints.height);
    return 0;
}

/* The four cells that one of the enlarged map is made of, and their weights. */
static void taps(size_t at, size_t n, size_t *cell, float *w)
{
    float v = ((float)at + 0.5f) / UP - 0.5f, first = floorf(v);
    image_weigh_cubic(v - first, w);
    for (int i = 0; i < 4; i++) {
        ptrdiff_t c = (ptrdiff_t)first + i - 1, last = (ptrdiff_t)n - 1;
        cell[i] = (size_t)(c < 0 ? 0 : c > last ? last : c);
    }
}

static float enlarged(const struct task_planes *p, size_t channel, size_t x, size_t y)
{
    size_t cx[4], cy[4];
    float wx[4], wy[4], sum = 0;
    taps(x, p->width, cx, wx);
    taps(y, p->height, cy, wy);
    for (int j = 0; j < 4; j++)
        for (int i = 0; i < 4; i++)
            sum += wy[j] * wx[i] * p->values[channel * p->step + (cy[j] * p->width + cx[i]) * p->next];
    return sum;
}

/* ---- joints ---- */

static void add_joint(struct people *s, size_t kind, struct joint at)
{
    size_t *n = &s->joint_count[kind];
    for (size_t i = 0; i < *n && *n < MOST; i++)
        if (hypotf(s->joint[kind][i].x - at.x, s->joint[kind][i].y - at.y) < APART)
            return;
    if (*n < MOST)
        s->joint[kind][(*n)++] = at;
}

/* From left to right; a joint is above its four neighbours, and none lies nearer to one before it. */
static void find_joints(struct people *s, size_t kind, float *map)
{
    size_t w = s->joints.width * UP, h = s->joints.height * UP;
    for (size_t y = 0; y < h; y++)
        for (size_t x = 0; x < w; x++) {
            float v = enlarged(&s->joints, kind, x, y);
            map[y * w + x] = v >= s->least ? v : 0;
        }
    for (size_t x = 0; x < w; x++)
        for (size_t y = 0; y < h; y++) {
            const float *v = map + y * w + x;
            if (*v > 0 && !(x > 0 && v[-1] >= *v) && !(x + 1 < w && v[1] >= *v) && !(y > 0 && v[-(ptrdiff_t)w] >= *v) &&
                !(y + 1 < h && v[w] >= *v))
                add_joint(s, kind, (struct joint){(float)x, (float)y, *v});
        }
}

/* ---- limbs ---- */

/* The mean of how far the field points along the line from a to b, where it does; 0 unless it does nearly all along. */
static float limb_score(const struct people *s, size_t field, const struct joint *a, const struct joint *b)
{
    float dx = b->x - a->x, dy = b->y - a->y, length = hypotf(dx, dy) + 1e-6f, sum = 0;
    int along = 0;
    for (int i = 0; i < SAMPLES; i++) {
        float t = (float)i / (SAMPLES - 1);
        size_t x = (size_t)rintf(a->x + dx * t), y = (size_t)rintf(a->y + dy * t);
        float v = (enlarged(&s->fields, field, x, y) * dx + enlarged(&s->fields, field + 1, x, y) * dy) / length;
        if (v > ALONG)
            sum += v, along++;
    }
    return along > SAMPLES * 8 / 10 ? sum / (float)along : 0;
}

static int better_link(const void *a, const void *b)
{
    const struct link *x = a, *y = b;
    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    return x->to != y->to ? (x->to > y->to) - (x->to < y->to) : (x->from > y->from) - (x->from < y->from);
}

/* The best limbs of which no two share a joint. */
static size_t find_links(struct people *s, const struct limb *l)
{
    bool from[MOST] = {false}, to[MOST] = {false};
    size_t n = 0, kept = 0;
    for (size_t a = 0; a < s->joint_count[l->from]; a++)
        for (size_t b = 0; b < s->joint_count[l->to]; b++) {
            float score = limb_score(s, l->field, &s->joint[l->from][a], &s->joint[l->to][b]);
            if (score > 0)
                s->link[n++] = (struct link){a, b, score};
        }
    qsort(s->link, n, sizeof *s->link, better_link);
    for (size_t i = 0; i < n; i++) {
        struct link one = s->link[i];
        if (from[one.from] || to[one.to])
            continue;
        from[one.from] = to[one.to] = true;
        s->link[kept++] = one;
    }
    return kept;
}

/* ---- people ---- */

static void begin_person(struct people *s, const struct limb *l, const struct link *k)
{
    if (s->count == MOST)
        return;
    struct person *p = &s->person[s->count++];
    memset(p->joint, -1, sizeof p->joint);
    p->joint[l->from] = (int)k->from, p->joint[l->to] = (int)k->to;
    p->count = 2;
    p->sum = s->joint[l->from][k->from].score + s->joint[l->to][k->to].score + k->score;
}

static void add_link(struct people *s, const struct limb *l, const struct link *k)
{
    bool known = false;
    for (size_t i = 0; i < s->count; i++) {
        struct person *p = &s->person[i];
        if (p->joint[l->from] != (int)k->from)
            continue;
        known = true;
        p->joint[l->to] = (int)k->to;
        p->sum += s->joint[l->to][k->to].score + k->score;
        p->count++;
    }
    if (!known)
        begin_person(s, l, k);
}

/* Of the limbs from shoulders to ears: what one end of them lacks. */
static void complete(struct people *s, const struct limb *l, const struct link *k)
{
    for (size_t i = 0; i < s->count; i++) {
        int *from = &s->person[i].joint[l->from], *to = &s->person[i].joint[l->to];
        if (*from == (int)k->from && *to < 0)
            *to = (int)k->to;
        else if (*to == (int)k->to && *from < 0)
            *from = (int)k->from;
    }
}

static void group(struct people *s)
{
    for (size_t i = 0; i < s->body->limbs; i++) {
        const struct limb *l = &s->body->limb[i];
        size_t n = find_links(s, l);
        bool extra = i == s->body->extra || i == s->body->extra + 1;
        for (size_t k = 0; k < n; k++)
            (extra ? complete : add_link)(s, l, &s->link[k]);
    }
}

/* Those of three joints or more, whose score is their mean; joints that were not found are no numbers. */
static int give_person(struct task_candidates *c, const struct people *s, const struct person *p, struct error *err)
{
    float step_x = (float)c->q->width / (float)(s->joints.width * UP), *extra;
    float step_y = (float)c->q->height / (float)(s->joints.height * UP), sum = 0, found = 0;
    struct task_box box = {0, 0, INFINITY, INFINITY, -INFINITY, -INFINITY, 0};
    struct task_point all[JOINTS];
    if (p->count < 3 || p->sum < 0.2f * (float)p->count)
        return 0;
    for (size_t i = 0; i < s->body->joints; i++) {
        const struct joint *j = p->joint[i] < 0 ? NULL : &s->joint[i][p->joint[i]];
        all[i] = j ? (struct task_point){j->x * step_x, j->y * step_y, j->score} : (struct task_point){NAN, NAN, 0};
        box.x0 = fminf(box.x0, all[i].x), box.y0 = fminf(box.y0, all[i].y);
        box.x1 = fmaxf(box.x1, all[i].x), box.y1 = fmaxf(box.y1, all[i].y);
        sum += all[i].score, found += j != NULL;
    }
    box.score = sum / found;
    if (task_candidate(c, box, &extra, err) < 0)
        return -1;
    for (size_t i = 0; extra && i < s->body->joints; i++)
        extra[3 * i] = all[i].x, extra[3 * i + 1] = all[i].y, extra[3 * i + 2] = all[i].score;
    return 0;
}

int task_decode_parts(struct task_candidates *c, struct error *err)
{
    struct people s = {.least = task_number(c->task, TASK_LEVEL)};
    if (find_maps(c->q, &s, err) < 0)
        return -1;
    c->points = s.body->joints;
    float *map = mem_calloc(s.joints.width * s.joints.height * UP * UP, sizeof *map, err);
    s.joint = mem_calloc(s.body->joints, sizeof *s.joint, err);
    s.link = mem_calloc((size_t)MOST * MOST, sizeof *s.link, err);
    s.person = mem_calloc(MOST, sizeof *s.person, err);
    int status = map && s.joint && s.link && s.person ? 0 : -1;
    for (size_t kind = 0; status == 0 && kind < s.body->joints; kind++)
        find_joints(&s, kind, map);
    if (status == 0)
        group(&s);
    for (size_t i = 0; status == 0 && i < s.count; i++)
        status = give_person(c, &s, &s.person[i], err);
    free(map);
    free(s.joint);
    free(s.link);
    free(s.person);
    return status;
}
