/* Which output of a detector is which: by name, else by shape. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "task/dense.h"

enum role { BOXES, SCORES, POINTS, OBJECT, ROLES, NOTHING };

/* What one output holds. */
struct part {
    struct task_rows rows;
    size_t width, height; /* of its grid; 0: rows alone */
};

struct parts {
    struct part at[ROLES][DENSE_MAX_LEVELS];
    size_t count[ROLES];
};

/* ---- shapes ---- */

/* Whether a grid of this size may be one of the input: both sides have the same stride. */
static bool is_grid(const struct task_query *q, size_t width, size_t height)
{
    if (width < 1 || height < 1)
        return false;
    double stride = round((double)q->width / (double)width);
    return stride >= 1 && ceil(q->width / stride) == (double)width && ceil(q->height / stride) == (double)height;
}

/* Three dims as cells of a grid, each with `each` rows of columns. */
static bool grid_part(const struct task_query *q, const struct task_output *o, const size_t *d, size_t each,
                      struct part *out)
{
    bool last = q->channels_last, first_fits = is_grid(q, d[2], d[1]), last_fits = is_grid(q, d[1], d[0]);
    if (first_fits != last_fits)
        last = last_fits;
    size_t channels = last ? d[2] : d[0], height = last ? d[0] : d[1], width = last ? d[1] : d[2],
           columns = channels / each;
    if (columns < 1 || channels % each || !width || !height)
        return false;
    size_t plane = last ? 1 : width * height;
    *out = (struct part){
        {o->values, width * height * each, columns, each, last ? channels : 1, columns * plane, plane}, width, height};
    return true;
}

/* [anchors, height, width, columns], or [height, width, anchors, columns] */
static void anchor_part(const struct task_query *q, const struct task_output *o, const size_t *d, struct part *out)
{
    size_t plane = d[1] * d[2];
    if (is_grid(q, d[1], d[0]) && !is_grid(q, d[2], d[1]))
        *out = (struct part){{o->values, d[0] * plane, d[3], d[2], d[2] * d[3], d[3], 1}, d[1], d[0]};
    else
        *out = (struct part){{o->values, d[0] * plane, d[3], d[0], d[3], plane * d[3], 1}, d[2], d[1]};
}

/* The output as rows; flat ones as they stand. */
static bool as_part(const struct task_query *q, const struct task_output *o, size_t each, struct part *out)
{
    size_t d[4];
    if (!task_last_dims(o, 4, d) || task_elements(o) == 0)
        return false;
    if (d[0] > 1) {
        anchor_part(q, o, d, out);
        return true;
    }
    if (d[1] > 1 && d[2] > 1)
        return grid_part(q, o, d + 1, each, out);
    *out = (struct part){{o->values, d[1] * d[2], d[3], 1, d[3], 0, 1}, 0, 0}; /* one of the two is 1 */
    return true;
}

/* ---- roles ---- */

static enum role role_of_name(const struct task_output *o)
{
    static const char *const words[] = {[BOXES] = "box bbox loc reg dis delta",
                                        [SCORES] = "score conf cls class prob logit heat",
                                        [POINTS] = "landm ldm lmk kps kpt point",
                                        [OBJECT] = "obj iou"};
    static const enum role order[] = {POINTS, BOXES, SCORES, OBJECT};
    for (int i = 0; i < ROLES; i++)
        if (task_is_named(o, words[order[i]]))
            return order[i];
    return NOTHING;
}

/* Whether a part has so many columns; a flat one may be turned for that. */
static bool with_columns(struct part *p, size_t columns, bool turn)
{
    if (p->rows.columns == columns)
        return true;
    if (!turn || p->width || p->rows.rows != columns)
        return false;
    p->rows = task_turned(&p->rows);
    return true;
}

/* How many numbers of points there are beside a box: none, or those that the option says. */
static size_t point_columns(const struct dense *d)
{
    size_t points = (size_t)task_number(d->task, TASK_POINTS);
    return points * task_point_size(d->task, 2 * points, points);
}

static enum role role_of_shape(const struct dense *d, struct part *p, enum role named, bool turn)
{
    size_t points = point_columns(d);
    if (named == OBJECT)
        return with_columns(p, 1, turn) ? OBJECT : NOTHING;
    if (named != SCORES && named != POINTS &&
        (with_columns(p, d->box_columns, turn) || (points && with_columns(p, d->box_columns + points, turn))))
        return BOXES;
    if (named != SCORES && named != BOXES && points && with_columns(p, points, turn))
        return POINTS;
    return named == BOXES || named == POINTS ? NOTHING : SCORES;
}

static int add_part(struct parts *all, enum role role, const struct part *p, struct error *err)
{
    if (all->count[role] == DENSE_MAX_LEVELS)
        return error_set(err, "more than %d grids", DENSE_MAX_LEVELS);
    all->at[role][all->count[role]++] = *p;
    return 0;
}

static int finer_first(const void *a, const void *b)
{
    const struct part *x = a, *y = b;
    return (x->rows.rows < y->rows.rows) - (x->rows.rows > y->rows.rows);
}

/* Boxes to a cell of a grid of which only the finest is known: one, unless option each says more. */
static size_t first_each(const struct dense *d)
{
    size_t each = dense_each(d, 0);
    return each ? each : 1;
}

/* ---- boxes, scores and points that are outputs of their own ---- */

/* Scores lie beside boxes: as many rows. */
static int match_rows(struct dense *d, struct parts *all, enum role role, struct error *err)
{
    static const char *const what[] = {[SCORES] = "scores", [POINTS] = "points", [OBJECT] = "objectness"};
    if (all->count[role] != all->count[BOXES])
        return error_set(err, "%zu outputs of boxes and %zu of %s: want as many", all->count[BOXES], all->count[role],
                         what[role]);
    for (size_t i = 0; i < d->levels; i++) {
        struct part *p = &all->at[role][i];
        size_t want = all->at[BOXES][i].rows.rows;
        if (p->rows.rows != want && !(p->width == 0 && p->rows.columns == want))
            return error_set(err, "%zu boxes and %zu of %s: want as many", want, p->rows.rows, what[role]);
        if (p->rows.rows != want)
            p->rows = task_turned(&p->rows);
    }
    return 0;
}

/* Where some outputs are called scores, others that are neither boxes nor points are none: hidden states, for instance.
 */
static int sort_out(const struct dense *d, bool turn, struct parts *all, struct error *err)
{
    const struct task_query *q = d->c->q;
    bool named = false;
    *all = (struct parts){0};
    for (size_t i = 0; i < q->count; i++)
        named |= role_of_name(&q->outputs[i]) == SCORES;
    for (size_t i = 0; i < q->count; i++) {
        struct part p;
        if (q->outputs[i].whole || !as_part(q, &q->outputs[i], first_each(d), &p))
            continue;
        enum role said = role_of_name(&q->outputs[i]), role = role_of_shape(d, &p, said, turn);
        if (role == SCORES && said == NOTHING && named)
            continue;
        if (role != NOTHING && add_part(all, role, &p, err) < 0)
            return -1;
    }
    return 0;
}

/* Of more scores than boxes those of one column go, where others have more: sums over the classes, for which some
 * exporters have an output. */
static void drop_sums(struct parts *all)
{
    size_t widest = 0, kept = 0;
    for (size_t i = 0; i < all->count[SCORES]; i++)
        widest = all->at[SCORES][i].rows.columns > widest ? all->at[SCORES][i].rows.columns : widest;
    for (size_t i = 0; all->count[SCORES] > all->count[BOXES] && i < all->count[SCORES]; i++)
        if (all->at[SCORES][i].rows.columns > 1 || widest == 1)
            all->at[SCORES][kept++] = all->at[SCORES][i];
    if (kept)
        all->count[SCORES] = kept;
}

static int find_apart(struct dense *d, struct error *err)
{
    struct parts all;
    size_t points = point_columns(d);
    if (sort_out(d, false, &all, err) < 0 || (!all.count[BOXES] && sort_out(d, true, &all, err) < 0))
        return -1;
    drop_sums(&all);
    if (!all.count[SCORES]) { /* objectness alone is the score of the only label */
        memcpy(all.at[SCORES], all.at[OBJECT], sizeof all.at[SCORES]);
        all.count[SCORES] = all.count[OBJECT];
        all.count[OBJECT] = 0;
    }
    d->levels = all.count[BOXES];
    if (!d->levels || !all.count[SCORES])
        return error_set(err, "no output of boxes, %zu numbers each, or none of scores", d->box_columns);
    for (int role = 0; role < ROLES; role++)
        qsort(all.at[role], all.count[role], sizeof *all.at[role], finer_first);
    for (int role = SCORES; role < ROLES; role++)
        if ((role == SCORES || all.count[role]) && match_rows(d, &all, (enum role)role, err) < 0)
            return -1;
    for (size_t i = 0; i < d->levels; i++) {
        const struct part *boxes = &all.at[BOXES][i];
        struct dense_level *l = &d->level[i];
        *l = (struct dense_level){.boxes = task_columns(&boxes->rows, 0, d->box_columns),
                                  .scores = all.at[SCORES][i].rows,
                                  .width = boxes->width,
                                  .height = boxes->height};
        if (all.count[OBJECT])
            l->object = all.at[OBJECT][i].rows;
        if (all.count[POINTS])
            l->points = all.at[POINTS][i].rows;
        else if (boxes->rows.columns > d->box_columns)
            l->points = task_columns(&boxes->rows, d->box_columns, points);
    }
    return 0;
}

/* ---- all in one row ---- */

/* Prototypes of masks: an output of planes, fewer than there are columns. */
static size_t find_prototypes(const struct dense *d, const struct task_output *rows, size_t columns,
                              const struct task_output **out)
{
    const struct task_query *q = d->c->q;
    struct task_planes p;
    struct error ignored;
    for (size_t i = 0; i < q->count; i++)
        if (&q->outputs[i] != rows && q->outputs[i].rank >= 3 &&
            task_planes(&q->outputs[i], q->channels_last, &p, &ignored) == 0 && p.channels > 1 && p.height > 1 &&
            p.channels + d->box_columns < columns) {
            *out = &q->outputs[i];
            return p.channels;
        }
    return 0;
}

/* What stands behind the classes of a row: numbers of points, or coefficients. */
static size_t trailing(struct dense *d, const struct task_output *o, size_t columns, size_t before)
{
    size_t points = (size_t)task_number(d->task, TASK_POINTS), labels = d->c->q->labels->count;
    size_t left = columns > before + labels ? columns - before - labels : 0;
    if (points)
        return points * task_point_size(d->task, labels ? left : 0, points);
    return dense_has_grid(d) ? 0 : find_prototypes(d, o, columns, &d->c->prototypes);
}

static const struct layout {
    int box, object; /* where these begin; box behind the classes: -1; object -1: none */
    bool points;     /* stand before the classes, not behind them */
} layouts[] = {
    [TASK_COLUMNS_BOX_CLASSES] = {0, -1, false},
    [TASK_COLUMNS_BOX_OBJECT_CLASSES] = {0, 1, false},
    [TASK_COLUMNS_OBJECT_BOX_CLASSES] = {1, 0, false},
    [TASK_COLUMNS_CLASSES_BOX] = {-1, -1, false},
    [TASK_COLUMNS_BOX_OBJECT_POINTS_CLASSES] = {0, 1, true},
};

static int cut_row(struct dense *d, const struct part *p, const struct task_output *o, struct dense_level *l,
                   struct error *err)
{
    const struct layout *y = &layouts[task_word(d->task, TASK_COLUMNS)];
    size_t all = p->rows.columns, object = y->object >= 0, before = d->box_columns + object,
           behind = trailing(d, o, all, before);
    if (all <= before + behind)
        return error_set(err, "%zu values for a box: want %zu and one for each label", all, before + behind);
    size_t classes = all - before - behind, first = y->box < 0 ? 0 : before + (y->points ? behind : 0);
    size_t box = y->box < 0 ? classes : y->object == 0 ? 1 : 0;
    *l = (struct dense_level){.boxes = task_columns(&p->rows, box, d->box_columns),
                              .scores = task_columns(&p->rows, first, classes),
                              .width = p->width,
                              .height = p->height};
    if (object)
        l->object = task_columns(&p->rows, y->object == 0 ? 0 : d->box_columns, 1);
    if (behind && d->c->prototypes)
        l->coefficients = task_columns(&p->rows, all - behind, behind);
    else if (behind)
        l->points = task_columns(&p->rows, y->points ? before : all - behind, behind);
    return 0;
}

/* Flat rows as their kind usually has them, unless labels or sizes say that they are turned. */
static void turn_rows(const struct dense *d, struct part *p)
{
    int columns = task_word(d->task, TASK_COLUMNS);
    size_t labels = d->c->q->labels->count, want = d->box_columns + (layouts[columns].object >= 0) + labels;
    size_t rows = p->rows.rows, wide = p->rows.columns;
    bool turned = columns == TASK_COLUMNS_BOX_CLASSES ? wide >= rows : wide / 8 > rows;
    if (labels && (rows == want) != (wide == want))
        turned = rows == want;
    if (!p->width && turned)
        p->rows = task_turned(&p->rows);
}

/* Boxes to a cell: as many as anchors, where there are any. */
static size_t anchors_of_level(const struct dense *d, size_t levels)
{
    const struct task_numbers *a = &d->task->option[TASK_ANCHORS];
    size_t pairs = (size_t)a->count / 2;
    return pairs && levels ? pairs / levels ? pairs / levels : 1 : first_each(d);
}

/* Outputs of grids among them all: other outputs may stand beside. */
static size_t count_grids(const struct task_query *q)
{
    size_t n = 0, d[5];
    for (size_t i = 0; i < q->count; i++)
        n += task_last_dims(&q->outputs[i], 5, d) && (d[1] > 1 || d[2] > 1) && d[3] > 1 && d[4] > 0;
    return n;
}

static int by_rows(const void *a, const void *b)
{
    const struct dense_level *x = a, *y = b;
    return (x->boxes.rows < y->boxes.rows) - (x->boxes.rows > y->boxes.rows);
}

/* The first output that fits, and the others with as many columns. */
static int find_joined(struct dense *d, struct error *err)
{
    const struct task_query *q = d->c->q;
    size_t columns = 0, each = anchors_of_level(d, count_grids(q));
    bool flat = false;
    for (size_t i = 0; i < q->count; i++) {
        struct part p;
        if (&q->outputs[i] == d->c->prototypes || !as_part(q, &q->outputs[i], each, &p))
            continue;
        turn_rows(d, &p);
        if (p.width && !dense_has_grid(d))
            continue;
        if (d->levels && (p.rows.columns != columns || flat != (p.width == 0)))
            continue;
        if (d->levels == DENSE_MAX_LEVELS)
            return error_set(err, "more than %d grids", DENSE_MAX_LEVELS);
        if (cut_row(d, &p, &q->outputs[i], &d->level[d->levels], err) < 0) {
            if (i + 1 < q->count)
                continue;
            return d->levels ? 0 : -1;
        }
        d->levels++;
        columns = p.rows.columns;
        flat = p.width == 0;
    }
    if (!d->levels)
        return error_set(err, "no output is rows of boxes, or a grid of them");
    qsort(d->level, d->levels, sizeof *d->level, by_rows);
    return 0;
}

int dense_find(struct dense *d, struct error *err)
{
    bool apart = d->task->option[TASK_COLUMNS].count == 0 || task_word(d->task, TASK_COLUMNS) == TASK_COLUMNS_APART;
    d->bins = d->task->option[TASK_BINS].count ? (size_t)task_number(d->task, TASK_BINS) : 1;
    d->box_columns = 4 * d->bins;
    if ((apart ? find_apart(d, err) : find_joined(d, err)) < 0)
        return -1;
    d->classes = d->level[0].scores.columns;
    for (size_t i = 0; i < d->levels; i++)
        if (d->level[i].scores.columns != d->classes)
            return error_set(err, "%zu classes in one grid and %zu in another", d->classes, d->level[i].scores.columns);
    return dense_grids(d, err);
}
