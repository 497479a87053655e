/* Landmarks that lie where a map is largest, each of which tells where its neighbours are, too (Jin et al. 2021,
 * Pixel-in-Pixel Net). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "task/detect.h"

#define MOST_TOLD 8192 /* landmarks and neighbours: finding these takes the square of that */
#define REPEATED  11   /* how often a list of neighbours is repeated at most, to be as long as the longest */

enum { MAP, X, Y, NEAR_X, NEAR_Y, PLANES };

struct pips {
    const struct task_query *q;
    struct task_planes plane[PLANES]; /* all of as many cells */
    size_t points, each, longest;     /* neighbours of a landmark; longest: of how many one is a neighbour */
    double (*mean)[2];                /* the mean face, which tells which they are; NULL: not known */
    uint32_t *near;                   /* [points][each] */
};

static int find_planes(const struct task_query *q, struct pips *p, struct error *err)
{
    for (int i = 0; i < PLANES; i++) {
        size_t of = i < NEAR_X ? MAP : NEAR_X;
        if ((size_t)i >= q->count || task_planes(&q->outputs[i], q->channels_last, &p->plane[i], err) < 0 ||
            p->plane[i].width != p->plane[MAP].width || p->plane[i].height != p->plane[MAP].height ||
            (i != NEAR_X && p->plane[i].channels != p->plane[of].channels))
            return error_set(err, "task: want five outputs, [1, points, height, width] of scores, x and y, and "
                                  "[1, points * neighbours, height, width] of x and y");
    }
    p->points = p->plane[MAP].channels;
    p->each = p->points ? p->plane[NEAR_X].channels / p->points : 0;
    if (!p->points || p->plane[NEAR_X].channels % p->points || p->each >= p->points ||
        p->points * (p->each + 1) > MOST_TOLD)
        return error_set(err, "task: %zu points and %zu of neighbours: want as many of each, at most %d in all",
                         p->points, p->plane[NEAR_X].channels, MOST_TOLD);
    return 0;
}

/* Labels are the mean face: x and y of all points, between blanks. */
static int read_mean(struct pips *p, struct error *err)
{
    const struct task_labels *labels = p->q->labels;
    size_t n = 0;
    if (!labels->count || !(p->mean = mem_calloc(p->points, sizeof *p->mean, err)))
        return labels->count ? -1 : 0;
    for (size_t i = 0; i < labels->count; i++)
        for (const char *at = labels->names[i]; *at;) {
            size_t size = strcspn(at, " \t");
            if (size && (n == 2 * p->points || !text_to_f64(at, size, &p->mean[n / 2][n % 2])))
                return error_set(err, "task: labels: want the mean face, two numbers for each of %zu points",
                                 p->points);
            n += size > 0;
            at += size + (at[size] != 0);
        }
    return n == 2 * p->points ? 0 : error_set(err, "task: labels: %zu numbers for %zu points", n, p->points);
}

static double distance(const struct pips *p, size_t a, size_t b)
{
    double x = p->mean[a][0] - p->mean[b][0], y = p->mean[a][1] - p->mean[b][1];
    return x * x + y * y;
}

/* The nearest ones, by selection, the landmark itself left out. */
static void find_neighbours(struct pips *p, size_t point)
{
    uint32_t *near = p->near + point * p->each;
    for (size_t k = 0; k < p->each; k++) {
        size_t best = p->points;
        for (size_t i = 0; i < p->points; i++) {
            bool taken = i == point;
            for (size_t j = 0; j < k && !taken; j++)
                taken = near[j] == i;
            if (!taken && (best == p->points || distance(p, point, i) < distance(p, point, best)))
                best = i;
        }
        near[k] = (uint32_t)best;
    }
}

static size_t count_told(const struct pips *p, size_t point)
{
    size_t told = 0;
    for (size_t i = 0; i < p->points * p->each; i++)
        told += p->near[i] == point;
    return told;
}

static int find_all_neighbours(struct pips *p, struct error *err)
{
    if (read_mean(p, err) < 0)
        return -1;
    if (!p->mean || !(p->near = mem_calloc(p->points * p->each, sizeof *p->near, err)))
        return p->mean ? -1 : 0;
    for (size_t i = 0; i < p->points; i++)
        find_neighbours(p, i);
    for (size_t i = 0; i < p->points; i++) {
        size_t told = count_told(p, i);
        p->longest = told > p->longest ? told : p->longest;
    }
    return 0;
}

static size_t peak_of(const struct task_planes *map, size_t point)
{
    return task_argmax(map->values + point * map->step, map->width * map->height, map->next);
}

/* Adds, `times` times, the place that channel `at` of two planes tells of, in the cell where landmark `point` is. */
static void add_place(const struct pips *p, size_t point, int x, size_t at, double times, double sum[2])
{
    const struct task_planes *map = &p->plane[MAP];
    size_t cell = peak_of(map, point);
    for (int i = 0; i < 2; i++) {
        const struct task_planes *offset = &p->plane[x + i];
        size_t whole = i ? cell / map->width : cell % map->width;
        sum[i] += times * ((double)whole + offset->values[at * offset->step + cell * offset->next]);
    }
}

/* The mean of what it says and what others say of it. Authors' lists of these are repeated until they are as long as
 * the longest, so that some count more often. */
static struct task_point pip_point(const void *arg, size_t point)
{
    const struct pips *p = arg;
    const struct task_planes *map = &p->plane[MAP];
    size_t told = p->near ? count_told(p, point) : 0, nth = 0;
    size_t length = p->longest < REPEATED * told ? p->longest : REPEATED * told;
    double sum[2] = {0, 0};
    add_place(p, point, X, point, 1, sum);
    for (size_t i = 0; nth < told; i++)
        if (p->near[i] == point) {
            add_place(p, i / p->each, NEAR_X, i, (double)((length - nth + told - 1) / told), sum);
            nth++;
        }
    double x = sum[0] / (double)(1 + length), y = sum[1] / (double)(1 + length);
    return (struct task_point){(float)(x * p->q->width / (double)map->width),
                               (float)(y * p->q->height / (double)map->height),
                               map->values[point * map->step + peak_of(map, point) * map->next]};
}

int task_decode_pipnet(struct task_candidates *c, struct error *err)
{
    struct pips p = {.q = c->q};
    int status = find_planes(c->q, &p, err);
    if (status == 0)
        status = find_all_neighbours(&p, err);
    if (status == 0)
        status = task_points(c, NAN, p.points, pip_point, &p, err);
    free(p.mean);
    free(p.near);
    return status;
}
