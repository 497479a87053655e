/* Masks at the size of the photo: a label for each pixel, or the pixels of one object. */
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "task/detect.h"
#include "task/sample.h"

#define MAX_LABELS 256

/* ---- a label for each pixel ---- */

static uint8_t as_label(float v)
{
    return v > 0 && v < MAX_LABELS ? (uint8_t)v : 0;
}

static void label_row(const struct task_planes *p, const float *row, float least, size_t n, uint8_t *out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = p->channels == 1 ? row[i] > least : (uint8_t)task_argmax(row + i, p->channels, n);
}

/* The label is the channel of the largest score, blended between cells; of one channel, 1 where it is above option
 * score. Labels that the network gives itself are those of the nearest cell. */
static int paint_mask(const struct task_query *q, const struct task_planes *p, struct image *mask, struct error *err)
{
    struct task_sampling s = task_sampling(q, p);
    size_t width = (size_t)s.width, n;
    float *line = mem_calloc(p->width, sizeof *line, err), *row = NULL;
    float least = task_number(q->task, TASK_SCORE);
    if (p->channels == 1 && !q->outputs->whole && !task_are_scores(p->values, p->channels * p->width * p->height))
        least = logf(least / (1 - least));
    if (line && mem_mul(width, p->channels, &n))
        row = mem_calloc(n, sizeof *row, err);
    for (int y = 0; row && y < s.height; y++) {
        uint8_t *out = mask->data + (size_t)y * width;
        if (!q->outputs->whole) {
            task_sample_row(&s, p, y, 0, s.width, line, row);
            label_row(p, row, least, width, out);
        }
        for (int x = 0; x < s.width; x++) {
            if (q->outputs->whole)
                out[x] = as_label(p->values[task_nearest(&s, p, x, y) * p->next]);
            if (!task_sampled(&s, p, x, y))
                out[x] = 0;
        }
    }
    int status = row ? 0 : -1;
    free(line);
    free(row);
    return status;
}

static int larger_share(const void *a, const void *b)
{
    const struct task_answer *x = a, *y = b;
    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    return (x->label > y->label) - (x->label < y->label);
}

static int add_shares(const struct task_query *q, struct task_answers *out, struct error *err)
{
    size_t pixels[MAX_LABELS] = {0}, n = (size_t)out->picture.width * (size_t)out->picture.height;
    for (size_t i = 0; i < n; i++)
        pixels[out->picture.data[i]]++;
    for (size_t i = 0; i < MAX_LABELS; i++)
        if (pixels[i] &&
            task_answers_add(out, (struct task_answer){.label = i, .score = (float)pixels[i] / (float)n}, err) < 0)
            return -1;
    qsort(out->at, out->count, sizeof *out->at, larger_share);
    if (q->most && out->count > q->most)
        out->count = q->most;
    return 0;
}

int task_mask(const struct task_query *q, struct task_answers *out, struct error *err)
{
    const struct task_output *o = q->outputs;
    struct task_planes p;
    if (task_planes(o, q->channels_last, &p, err) < 0)
        return error_prefix(err, "task mask");
    if (o->whole && p.channels > 1)
        return error_set(err, "task mask: %zu channels of whole numbers: want one, the labels", p.channels);
    if (p.channels > MAX_LABELS)
        return error_set(err, "task mask: %zu channels: want at most %d", p.channels, MAX_LABELS);
    struct task_sampling s = task_sampling(q, &p);
    if (image_init(&out->picture, s.width, s.height, 1, err) < 0 || paint_mask(q, &p, &out->picture, err) < 0)
        return -1;
    return add_shares(q, out, err);
}

/* ---- the pixels of one object ---- */

/* Cells of the planes, from the first to before the end. */
struct cells {
    size_t left, right, top, bottom;
};

static size_t cell_before(float at, size_t n)
{
    return at > 1 ? at < (float)n ? (size_t)at - 1 : n - 1 : 0; /* nan: 0 */
}

/* Those that the pixels of a rectangle are blended from. */
static struct cells cells_under(const struct task_sampling *s, const struct task_planes *p, int x0, int y0, int x1,
                                int y1)
{
    struct cells c = {cell_before((float)x0 * s->scale_x + s->offset_x, p->width),
                      cell_before((float)x1 * s->scale_x + s->offset_x, p->width) + 4,
                      cell_before((float)y0 * s->scale_y + s->offset_y, p->height),
                      cell_before((float)y1 * s->scale_y + s->offset_y, p->height) + 4};
    c.right = c.right < p->width ? c.right : p->width;
    c.bottom = c.bottom < p->height ? c.bottom : p->height;
    return c;
}

/* Coefficients times prototypes (Bolya et al. 2019, YOLACT). */
static void combine(const struct task_planes *p, const struct cells *c, const float *coefficients, float *to)
{
    for (size_t k = 0; k < p->channels; k++)
        for (size_t y = c->top; y < c->bottom; y++)
            for (size_t i = y * p->width + c->left; i < y * p->width + c->right; i++)
                to[i] += coefficients[k] * p->values[k * p->step + i * p->next];
}

static int clamp(float v, int high)
{
    return v > 0 ? v < (float)high ? (int)ceilf(v) : high : 0;
}

/* Boxes and prototypes are the network's word: what they ask for together is bounded. */
#define MAX_MASK_PIXELS ((size_t)IMAGE_MAX_PIXELS * 2)
#define MAX_MASK_SUMS   ((size_t)1 << 32)

static int spend(struct task_candidates *c, size_t pixels, const struct cells *cells, size_t channels,
                 struct error *err)
{
    c->mask_pixels += pixels;
    c->mask_sums += (cells->right - cells->left) * (cells->bottom - cells->top) * channels;
    if (c->mask_pixels <= MAX_MASK_PIXELS && c->mask_sums <= MAX_MASK_SUMS)
        return 0;
    return error_set(err, "task: masks of more than %zu pixels: want fewer or smaller boxes", MAX_MASK_PIXELS);
}

int task_instance_mask(struct task_candidates *c, const struct task_box *box, struct task_answer *a, struct error *err)
{
    struct task_planes p;
    if (task_planes(c->prototypes, c->q->channels_last, &p, err) < 0)
        return -1;
    struct task_sampling s = task_sampling(c->q, &p);
    int x0 = clamp(a->x0, s.width), y0 = clamp(a->y0, s.height);
    int x1 = clamp(fmaxf(a->x0, a->x1), s.width), y1 = clamp(fmaxf(a->y0, a->y1), s.height);
    size_t width = (size_t)(x1 - x0), height = (size_t)(y1 - y0);
    if (p.channels != c->coefficients)
        return error_set(err, "task: %zu coefficients for %zu prototypes: want as many", c->coefficients, p.channels);
    struct cells cells = cells_under(&s, &p, x0, y0, x1, y1);
    if (spend(c, width * height, &cells, p.channels, err) < 0)
        return -1;
    float *logits = mem_calloc(p.width * p.height + p.width + width, sizeof *logits, err);
    if (!logits || !(a->mask = mem_calloc(width * height, 1, err))) {
        free(logits);
        return -1;
    }
    combine(&p, &cells, c->extra + box->extra, logits);
    struct task_planes sums = {logits, 1, p.height, p.width, p.width * p.height, 1};
    float *line = logits + p.width * p.height, *row = line + p.width;
    a->place = (struct image_rect){x0, y0, (int)width, (int)height};
    for (int y = y0; width && y < y1; y++) {
        task_sample_row(&s, &sums, y, x0, x1, line, row);
        for (size_t i = 0; i < width; i++)
            a->mask[(size_t)(y - y0) * width + i] = row[i] > 0;
    }
    free(logits);
    return 0;
}
