/* Outputs that are pictures: of depth, of more pixels, of another style. */
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "task/sample.h"

struct range {
    float low, high;
};

/* Of one channel, the least and the greatest value; of colours 0 to 1, or to 255 where a value is beyond 2. */
static struct range find_range(const struct task_output *o, const struct task_planes *p)
{
    struct range r = {INFINITY, -INFINITY};
    for (size_t i = 0; i < p->channels * p->width * p->height; i++)
        if (isfinite(p->values[i])) {
            r.low = fminf(r.low, p->values[i]);
            r.high = fmaxf(r.high, p->values[i]);
        }
    if (o->whole || (p->channels == 3 && r.high > 2))
        return (struct range){0, 255};
    return p->channels == 3 ? (struct range){0, 1} : r;
}

static uint8_t sample(float v, struct range r)
{
    float part = (v - r.low) / (r.high - r.low) * 255;
    return part > 0 ? part < 255 ? (uint8_t)lrintf(part) : 255 : 0; /* nan: 0 */
}

static int fill(const struct task_planes *p, const struct task_sampling *s, struct range r, bool bgr, struct image *out,
                struct error *err)
{
    size_t width = (size_t)out->width, n;
    float *line = mem_calloc(p->width, sizeof *line, err), *row = NULL;
    if (line && mem_mul(width, p->channels, &n))
        row = mem_calloc(n, sizeof *row, err);
    for (int y = 0; row && y < out->height; y++) {
        task_sample_row(s, p, y, 0, out->width, line, row);
        uint8_t *to = out->data + (size_t)y * width * p->channels;
        for (size_t c = 0; c < p->channels; c++)
            for (size_t x = 0; x < width; x++)
                to[x * p->channels + (bgr ? p->channels - 1 - c : c)] = sample(row[c * width + x], r);
    }
    int status = row ? 0 : -1;
    free(line);
    free(row);
    return status;
}

/* Cell by cell, without what was laid around the photo. */
static struct task_sampling unpadded(const struct task_sampling *s, const struct task_planes *p)
{
    float x = rintf(s->offset_x + 0.5f - s->scale_x / 2), y = rintf(s->offset_y + 0.5f - s->scale_y / 2);
    float width = rintf((float)s->width * s->scale_x), height = rintf((float)s->height * s->scale_y);
    bool whole = x < 0 || y < 0 || width < 1 || height < 1 || x + width > (float)p->width ||
                 y + height > (float)p->height; /* some of it was cropped */
    return whole ? (struct task_sampling){(int)p->width, (int)p->height, 1, 1, 0, 0}
                 : (struct task_sampling){(int)width, (int)height, 1, 1, x, y};
}

/* Cells a pixel, where the first and last cells' middles are those of the first and last pixels. */
static float corners_scale(size_t cells, int pixels)
{
    return pixels > 1 ? (float)(cells - 1) / (float)(pixels - 1) : 0;
}

int task_paint(const struct task_query *q, struct task_answers *out, struct error *err)
{
    const struct task_numbers *said = &q->task->option[TASK_RANGE];
    struct task_planes p;
    if (task_planes(q->outputs, q->channels_last, &p, err) < 0)
        return error_prefix(err, "task picture");
    if (p.channels != 1 && p.channels != 3 && task_planes(q->outputs, !q->channels_last, &p, err) < 0)
        return error_prefix(err, "task picture");
    if (p.channels != 1 && p.channels != 3)
        return error_set(err, "task picture: %zu channels: want 1 or 3", p.channels);
    struct task_sampling s = task_sampling(q, &p);
    int size = task_word(q->task, TASK_SIZE);
    if (size == 0)
        s = unpadded(&s, &p);
    if (size == 2)
        s = (struct task_sampling){
            s.width, s.height, corners_scale(p.width, s.width), corners_scale(p.height, s.height), 0, 0};
    struct range r = said->count == 2 ? (struct range){said->at[0], said->at[1]} : find_range(q->outputs, &p);
    if (!(r.high > r.low))
        r.high = r.low + 1;
    if (image_init(&out->picture, s.width, s.height, (int)p.channels, err) < 0)
        return -1;
    return fill(&p, &s, r, task_word(q->task, TASK_COLOUR) == 1, &out->picture, err);
}
