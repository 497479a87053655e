/* Masks at the size of the photo: a label for each pixel, or the pixels of one object. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "task/detect.h"
#include "task/sample.h"

#define MAX_LABELS 256

/* ---- masks of queries (Cheng et al. 2021, MaskFormer) ---- */

#define MAX_QUERY_SUMS  ((size_t)1 << 34)
#define SIGMOID         8                 /* sums that take as long as one */
#define MAX_QUERY_CELLS ((size_t)1 << 26) /* of the rows that are kept */

/* An output [1, n, labels + 1], the last being none, and planes of n masks: which they are. */
static bool find_queries(const struct task_query *q, struct task_rows *classes, struct task_planes *masks)
{
    struct error ignored;
    for (size_t i = 0; i < q->count; i++)
        for (size_t k = 0; k < q->count; k++)
            if (q->outputs[i].rank == 3 && q->outputs[k].rank == 4 &&
                task_matrix(&q->outputs[i], classes, &ignored) == 0 &&
                task_planes(&q->outputs[k], false, masks, &ignored) == 0 && classes->columns > 1 && classes->rows > 1 &&
                classes->rows == masks->channels)
                return true;
    return false;
}

/* The planes of labels that queries make, of which two rows are kept, one below the other: the sum over all queries of
 * the softmax of their labels times the sigmoid of their masks, which are blended to the planes' size before. */
struct query_planes {
    struct task_planes masks;
    struct task_sampling at;     /* cells of the planes in those of the masks */
    size_t queries, labels, top; /* top: the upper row; no row yet: far from all */
    float *shares;               /* of each query, its labels' */
    float *rows;                 /* [labels][2][width] */
    float *inside, *line;
};

static void set_shares(struct query_planes *p, const struct task_rows *classes)
{
    for (size_t q = 0; q < p->queries; q++) {
        const float *v = task_cell(classes, q, 0), top = v[task_argmax(v, classes->columns, 1)];
        double sum = 0;
        for (size_t l = 0; l <= p->labels; l++)
            sum += exp((double)v[l] - top);
        for (size_t l = 0; l < p->labels; l++)
            p->shares[q * p->labels + l] = (float)(exp((double)v[l] - top) / sum);
    }
}

/* Row y of all labels into the upper or lower of the two. */
static void fill_query_row(struct query_planes *p, size_t y, size_t lower)
{
    size_t n = (size_t)p->at.width;
    task_sample_row(&p->at, &p->masks, (int)y, 0, p->at.width, p->line, p->inside);
    for (size_t i = 0; i < p->queries * n; i++)
        p->inside[i] = task_sigmoid(p->inside[i]);
    for (size_t l = 0; l < p->labels; l++)
        task_weigh_lines(p->rows + (2 * l + lower) * n, p->inside, n, p->shares + l, p->labels, p->queries);
}

/* The two rows that row y of the photo is blended from; rows come from the top to the bottom. */
static void move_queries(struct query_planes *p, struct task_sampling *s, int y)
{
    float at = (float)y * s->scale_y + s->offset_y, last = (float)(p->at.height - 1);
    size_t n = (size_t)p->at.width, top = at > 0 ? (size_t)(at < last ? at : last) : 0;
    if (top != p->top) {
        for (size_t l = 0; top == p->top + 1 && l < p->labels; l++)
            memcpy(p->rows + 2 * l * n, p->rows + (2 * l + 1) * n, n * sizeof *p->rows);
        if (top != p->top + 1)
            fill_query_row(p, top, 0);
        fill_query_row(p, top + 1 < (size_t)p->at.height ? top + 1 : top, 1);
        p->top = top;
    }
    s->offset_y -= (float)top;
}

/* ---- a label for each pixel ---- */

static uint8_t as_label(float v)
{
    return v > 0 && v < MAX_LABELS ? (uint8_t)v : 0;
}

/* What a row of pixels is told from: a line of cells for each label, and the labels of these cells. */
struct mask_lines {
    float *lines;
    int32_t *label;
};

/* The label between two cells, of which the second has this share. */
static uint8_t label_between(const struct task_planes *p, const float *line, float second)
{
    float best = -INFINITY;
    size_t label = 0;
    for (size_t c = 0; c < p->channels; c++, line += p->width) {
        float v = line[0] + (line[1] - line[0]) * second;
        if (v > best)
            best = v, label = c;
    }
    return (uint8_t)label;
}

/* What two cells agree in, all between them does: blending keeps order. */
static void label_row(const struct task_sampling *s, const struct task_planes *p, const struct mask_lines *m,
                      float least, uint8_t *out)
{
    for (int x = 0; x < s->width; x++) {
        float second;
        size_t i = task_blend((float)x * s->scale_x + s->offset_x, p->width, &second);
        const float *at = m->lines + i;
        if (p->channels == 1)
            out[x] = (second > 0 ? at[0] + (at[1] - at[0]) * second : at[0]) > least;
        else if (second > 0 && m->label[i] != m->label[i + 1])
            out[x] = label_between(p, at, second);
        else
            out[x] = (uint8_t)m->label[i];
    }
}

/* Row y, whose planes are at `s` or, of queries, two rows of theirs. */
static void paint_row(const struct task_sampling *s, const struct task_planes *p, struct query_planes *queries,
                      const struct mask_lines *m, int y, float least, uint8_t *out)
{
    struct task_planes two = *p;
    struct task_sampling from = *s;
    if (queries) {
        move_queries(queries, &from, y);
        two.height = 2;
    }
    task_sample_lines(&from, &two, y, m->lines);
    if (p->channels > 1)
        task_label_lines(m->lines, p->channels, p->width, m->label);
    label_row(s, p, m, least, out);
}

/* The label is the channel of the largest score, blended between cells; of one channel, 1 where it is above option
 * score. Labels that the network gives itself are those of the nearest cell. */
static int paint_mask(const struct task_query *q, const struct task_planes *p, struct query_planes *queries,
                      struct image *mask, struct error *err)
{
    struct task_sampling s = task_sampling(q, p);
    float least = task_number(q->task, TASK_SCORE);
    bool whole = !queries && q->outputs->whole;
    if (whole && q->by_corner) { /* what rounding takes off a corner is added */
        s.offset_x += 1e-4f - 0.5f * s.scale_x;
        s.offset_y += 1e-4f - 0.5f * s.scale_y;
    }
    if (p->channels == 1 && !queries && !whole && !task_are_scores(p->values, p->channels * p->width * p->height))
        least = logf(least / (1 - least));
    struct mask_lines m = {.lines = mem_calloc(p->channels * p->width + TASK_MORE, sizeof *m.lines, err)};
    m.label = m.lines ? mem_calloc(p->width + TASK_MORE, sizeof *m.label, err) : NULL;
    for (int y = 0; m.label && y < s.height; y++) {
        uint8_t *out = mask->data + (size_t)y * (size_t)s.width;
        if (!whole)
            paint_row(&s, p, queries, &m, y, least, out);
        for (int x = 0; x < s.width; x++) {
            if (whole)
                out[x] = as_label(p->values[task_nearest(&s, p, x, y) * p->next]);
            if (!task_sampled(&s, p, x, y))
                out[x] = 0;
        }
    }
    int status = m.label ? 0 : -1;
    free(m.lines);
    free(m.label);
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

static int mask_of_planes(const struct task_query *q, const struct task_planes *p, struct query_planes *queries,
                          struct task_answers *out, struct error *err)
{
    if (p->channels > MAX_LABELS)
        return error_set(err, "task mask: %zu channels: want at most %d", p->channels, MAX_LABELS);
    struct task_sampling s = task_sampling(q, p);
    if (image_init(&out->picture, s.width, s.height, 1, err) < 0 || paint_mask(q, p, queries, &out->picture, err) < 0)
        return -1;
    return add_shares(q, out, err);
}

static int mask_of_queries(const struct task_query *q, const struct task_rows *classes, const struct task_planes *masks,
                           struct task_answers *out, struct error *err)
{
    bool enlarge = task_word(q->task, TASK_ENLARGE) == 0 && q->width > 0 && q->height > 0;
    size_t width = enlarge ? (size_t)q->width : masks->width, height = enlarge ? (size_t)q->height : masks->height;
    struct query_planes p = {
        .masks = *masks, .queries = classes->rows, .labels = classes->columns - 1, .top = SIZE_MAX - 1};
    size_t cells = width * height, shares, kept;
    if (p.queries > MAX_QUERY_SUMS / cells / (p.labels + SIGMOID) || 2 * p.labels + p.queries > MAX_QUERY_CELLS / width)
        return error_set(err, "task mask: %zu labels and %zu masks of %zux%zu: want fewer", p.labels, p.queries, width,
                         height);
    float scale_x = (float)masks->width / (float)width, scale_y = (float)masks->height / (float)height;
    p.at =
        (struct task_sampling){(int)width, (int)height, scale_x, scale_y, 0.5f * scale_x - 0.5f, 0.5f * scale_y - 0.5f};
    shares = p.queries * p.labels;
    kept = (2 * p.labels + p.queries) * width;
    float *all = mem_calloc(shares + kept + masks->width, sizeof *all, err);
    struct task_planes planes = {all, p.labels, height, width, 2 * width, 1};
    int status = -1;
    if (all) {
        p.rows = all;
        p.inside = all + 2 * p.labels * width;
        p.line = all + kept;
        p.shares = p.line + masks->width;
        set_shares(&p, classes);
        status = mask_of_planes(q, &planes, &p, out, err);
    }
    free(all);
    return status;
}

int task_mask(const struct task_query *q, struct task_answers *out, struct error *err)
{
    const struct task_output *o = q->outputs;
    struct task_planes p;
    struct task_rows classes;
    if (find_queries(q, &classes, &p))
        return mask_of_queries(q, &classes, &p, out, err);
    if (task_planes(o, q->channels_last, &p, err) < 0)
        return error_prefix(err, "task mask");
    if (o->whole && p.channels > 1)
        return error_set(err, "task mask: %zu channels of whole numbers: want one, the labels", p.channels);
    return mask_of_planes(q, &p, NULL, out, err);
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
        for (size_t y = c->top; y < c->bottom; y++) {
            const float *from = p->values + k * p->step + y * p->width * p->next;
            for (size_t x = c->left; x < c->right; x++)
                to[y * p->width + x] += coefficients[k] * from[x * p->next];
        }
}

#define MOST_ENLARGED ((size_t)1 << 24) /* cells */

/* How many times larger prototypes of a quarter of the input must be for the padding to be whole cells of them. */
static size_t enlargement(const struct task_query *q, const struct task_planes *p, const struct task_sampling *s)
{
    double gain = fmin((double)q->width / s->width, (double)q->height / s->height);
    long padding = (q->width - lrint(s->width * gain)) | (q->height - lrint(s->height * gain));
    bool quarter = 4 * p->width == (size_t)q->width && 4 * p->height == (size_t)q->height;
    long odd = padding | padding / 2;
    return !quarter || 16 * p->width * p->height > MOST_ENLARGED || odd % 4 == 0 ? 1 : odd % 2 ? 4 : 2;
}

/* Cuts a side down to `left` cells, which then are `photo` pixels. */
static void cut_side(float n, int left, float padding, int photo, float *scale, float *offset, float *cut)
{
    *scale = (float)left / (float)photo;
    *offset = 0.5f * *scale - 0.5f;
    *cut = padding > 0 ? floorf((n - (float)left) / 2) : 0;
}

/* Unless undo=height: the prototypes, with undo=sides enlarged, without the padding of a letterbox, which are the whole
 * photo, blended within its own borders (Ultralytics' process_mask_native()). `out` samples them from the prototypes.
 */
static bool cut_padding(const struct task_candidates *c, const struct task_planes *p, struct task_sampling *s,
                        struct task_sampling *out)
{
    const struct recipe_map *m = c->q->map;
    int undo = task_word(c->task, TASK_UNDO);
    if (!m || undo == TASK_UNDO_HEIGHT)
        return false;
    float n = undo == TASK_UNDO_SIDES ? (float)enlargement(c->q, p, s) : 1;
    float columns = n * (float)p->width, rows = n * (float)p->height, left, top;
    double gain = fmin((double)columns / s->width, (double)rows / s->height);
    int width = (int)lrint(s->width * gain), height = (int)lrint(s->height * gain);
    float apart = fabsf(s->scale_x * (float)s->width - (float)width / n) +
                  fabsf(s->scale_y * (float)s->height - (float)height / n);
    if (width < 1 || height < 1 || apart > 1.5f)
        return false;
    cut_side(columns, width, m->offset_x, s->width, &s->scale_x, &s->offset_x, &left);
    cut_side(rows, height, m->offset_y, s->height, &s->scale_y, &s->offset_y, &top);
    *out = (struct task_sampling){width, height, 1 / n, 1 / n, (left + 0.5f) / n - 0.5f, (top + 0.5f) / n - 0.5f};
    return true;
}

static int clamp(float v, int high)
{
    return v > 0 ? v < (float)high ? (int)ceilf(v) : high : 0;
}

/* Boxes and prototypes are the network's word: what they ask for together is bounded. */
#define MAX_MASK_PIXELS ((size_t)IMAGE_MAX_PIXELS * 2)
#define MAX_MASK_SUMS   ((size_t)1 << 32)

/* For a mask of width x height; `rows` are blended from a line of all cells beside each other. */
static int spend(struct task_candidates *c, size_t width, size_t height, size_t rows, const struct cells *cells,
                 const struct task_planes *p, struct error *err)
{
    c->mask_pixels += width * height;
    c->mask_sums += (cells->right - cells->left) * (cells->bottom - cells->top) * p->channels + rows * p->width;
    if (c->mask_pixels <= MAX_MASK_PIXELS && c->mask_sums <= MAX_MASK_SUMS)
        return 0;
    return error_set(err, "task: masks of more than %zu pixels: want fewer or smaller boxes", MAX_MASK_PIXELS);
}

/* One of the masks that boxes bring along: over the input when it is as large; else over the box, and false. Without a
 * photo it is wanted at the input's pixels. */
static bool own_mask(const struct task_candidates *c, const struct task_box *box, const struct task_answer *a,
                     struct task_planes *p, struct task_sampling *s)
{
    float width = fmaxf(a->x1 - a->x0, 1), height = fmaxf(a->y1 - a->y0, 1);
    p->values += c->coefficients ? (size_t)c->extra[box->extra] * p->step : 0;
    p->channels = 1;
    if (!c->q->map)
        s->width = c->q->width, s->height = c->q->height;
    if (p->width == (size_t)c->q->width && p->height == (size_t)c->q->height)
        return true;
    s->scale_x = (float)p->width / width, s->scale_y = (float)p->height / height;
    s->offset_x = (0.5f - a->x0) * s->scale_x - 0.5f, s->offset_y = (0.5f - a->y0) * s->scale_y - 0.5f;
    return false;
}

/* How much of the cells at the border a pixel beyond their centres is made of, when outside there is nothing (as
 * detectron2 and mmdetection have it). */
static float border_share(float at, size_t n)
{
    return fmaxf(fminf(fminf(1 + at, (float)n - at), 1), 0);
}

/* Enlarges what was combined; the result lies behind it. */
static const float *cut_out(const struct task_planes *p, const struct task_sampling *part, const struct cells *c,
                            float *logits, float *line)
{
    struct task_planes from = {logits, 1, p->height, p->width, p->width * p->height, 1};
    float *to = logits + p->width * p->height;
    for (size_t y = c->top; y < c->bottom; y++)
        task_sample_row(part, &from, (int)y, (int)c->left, (int)c->right, line, to + y * (size_t)part->width + c->left);
    return to;
}

int task_instance_mask(struct task_candidates *c, const struct task_box *box, struct task_answer *a, struct error *err)
{
    struct task_planes p = c->masks;
    if (c->prototypes && task_planes(c->prototypes, c->q->channels_last, &p, err) < 0)
        return -1;
    if (c->prototypes && p.channels != c->coefficients)
        return error_set(err, "task: %zu coefficients for %zu prototypes: want as many", c->coefficients, p.channels);
    struct task_sampling s = task_sampling(c->q, &p), part;
    bool is_cut = c->prototypes && cut_padding(c, &p, &s, &part);
    bool of_box = !c->prototypes && !own_mask(c, box, a, &p, &s);
    struct task_planes sums = {NULL, 1, p.height, p.width, p.width * p.height, 1};
    if (is_cut)
        sums.width = (size_t)part.width, sums.height = (size_t)part.height;
    float more = c->prototypes ? 0 : 1; /* their edges were rounded otherwise */
    int x0 = clamp(a->x0 - more, s.width), y0 = clamp(a->y0 - more, s.height);
    int x1 = clamp(fmaxf(a->x0, a->x1) + more, s.width), y1 = clamp(fmaxf(a->y0, a->y1) + more, s.height);
    if (!c->coefficients) /* what belongs to key points reaches beyond them */
        x0 = y0 = 0, x1 = s.width, y1 = s.height;
    size_t width = (size_t)(x1 - x0), height = (size_t)(y1 - y0), cells_of_all = p.width * p.height;
    struct cells cells = cells_under(&s, &sums, x0, y0, x1, y1), under = cells;
    if (is_cut)
        under = cells_under(&part, &p, (int)cells.left, (int)cells.top, (int)cells.right, (int)cells.bottom);
    if (spend(c, width, height, height + (is_cut ? cells.bottom - cells.top : 0), &under, &p, err) < 0)
        return -1;
    size_t enlarged = is_cut ? sums.width * sums.height : 0, longest = p.width > sums.width ? p.width : sums.width;
    float *logits = mem_calloc(cells_of_all + enlarged + longest + width, sizeof *logits, err);
    if (!logits || !(a->mask = mem_calloc(width * height, 1, err))) {
        free(logits);
        return -1;
    }
    float one = 1, *line = logits + cells_of_all + enlarged, *row = line + longest;
    combine(&p, &under, c->prototypes ? c->extra + box->extra : &one, logits);
    sums.values = logits;
    if (is_cut)
        sums.values = cut_out(&p, &part, &cells, logits, line);
    float least = !c->prototypes && task_are_scores(p.values, cells_of_all) ? 0.5f : 0;
    a->place = (struct image_rect){x0, y0, (int)width, (int)height};
    for (int y = y0; width && y < y1; y++) {
        task_sample_row(&s, &sums, y, x0, x1, line, row);
        float share = of_box ? border_share((float)y * s.scale_y + s.offset_y, p.height) : 1;
        for (size_t i = 0; i < width; i++) {
            float x = (float)(x0 + (int)i) * s.scale_x + s.offset_x;
            a->mask[(size_t)(y - y0) * width + i] =
                (of_box ? row[i] * share * border_share(x, p.width) : row[i]) > least;
        }
    }
    free(logits);
    return 0;
}
