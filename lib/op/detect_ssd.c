/* DetectionOutput: decodes the boxes of Caffe-SSD, and keeps the best that do not overlap. */
#include "op/detect.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "op/attr.h"
#include "op/box.h"
#include "op/real.h"
#include "op/rows.h"

#define SSD_CLASSES_MAX (1 << 20)

/* ---- attributes and sizes ---- */

static int64_t limit(int64_t k)
{
    return k < 0 ? INT64_MAX : k;
}

int ssd_read(struct ssd *s, const struct node *n, struct error *err)
{
    static const char *const codes[] = {"CORNER", "CENTER_SIZE", "CORNER_SIZE"}, *const rows[] = {"caffe", "ncnn"};
    int code, by_score;
    if (attr_choice(n, "code_type", codes, 3, &code, err) < 0 || attr_choice(n, "rows", rows, 2, &by_score, err) < 0)
        return -1;
    *s = (struct ssd){
        .classes = op_int(n, "num_classes"),
        .background = op_int(n, "background_label_id"),
        .top_k = limit(op_int(n, "top_k")),
        .keep_top_k = limit(op_int(n, "keep_top_k")),
        .confidence = op_float(n, "confidence_threshold"),
        .nms = op_float(n, "nms_threshold"),
        .eta = op_float(n, "eta"),
        .objectness = op_float(n, "objectness_score"),
        .share = op_int(n, "share_location") != 0,
        .encoded = op_int(n, "variance_encoded_in_target") != 0,
        .clip = op_int(n, "clip") != 0,
        .by_score = by_score != 0,
        .code = (enum ssd_code)code,
        .images = -1,
        .priors = -1,
        .prior_sets = -1,
    };
    if (s->classes < 1 || s->classes > SSD_CLASSES_MAX)
        return error_set(err, "attribute num_classes: %lld, want 1 to %d", (long long)s->classes, SSD_CLASSES_MAX);
    if (!(s->eta > 0 && s->eta <= 1))
        return error_set(err, "attribute eta: %g, want more than 0 and at most 1", (double)s->eta);
    if (!(s->nms >= 0))
        return error_set(err, "attribute nms_threshold: %g, want 0 or more", (double)s->nms);
    return 0;
}

/* Dims of a tensor behind the first, multiplied; -1 when not known. */
static int64_t row_size(const struct type *t)
{
    bool known = t->kind == TYPE_TENSOR && t->rank >= 1;
    for (int i = 1; known && i < t->rank; i++)
        known = t->dims[i] >= 0;
    return known ? real_product(t->dims, 1, t->rank) : -1;
}

static int64_t first_dim(const struct type *t)
{
    return t->kind == TYPE_TENSOR && t->rank >= 1 && t->dims[0] >= 0 ? t->dims[0] : -1;
}

static int want_row(const char *name, const struct type *t, int64_t want, struct error *err)
{
    int64_t have = row_size(t);
    if (have >= 0 && want >= 0 && have != want)
        return error_set(err, "input %s has rows of %lld, want %lld", name, (long long)have, (long long)want);
    return 0;
}

int ssd_sizes(struct ssd *s, const struct type *loc, const struct type *conf, const struct type *priors,
              struct error *err)
{
    int64_t each = s->encoded ? 4 : 8, row = row_size(priors), sets = first_dim(priors), locations;
    /* variance_encoded_in_target needs no variances, but they may be there. */
    if (s->encoded && row >= 0 && row_size(loc) >= 0 && row_size(loc) != row * (s->share ? 1 : s->classes))
        each = 8;
    if (row >= 0 && row % each)
        return error_set(err, "input priors has rows of %lld, want a multiple of %lld", (long long)row,
                         (long long)each);
    s->images = first_dim(loc);
    s->priors = row < 0 ? -1 : row / each;
    s->prior_sets = sets;
    if (s->priors > INT64_MAX / 8 / s->classes)
        return error_set(err, "input priors has too many boxes");
    locations = s->priors < 0 ? -1 : s->priors * 4 * (s->share ? 1 : s->classes);
    if (want_row("loc", loc, locations, err) < 0 ||
        want_row("conf", conf, s->priors < 0 ? -1 : s->priors * s->classes, err) < 0)
        return -1;
    if (s->images >= 0 && first_dim(conf) >= 0 && first_dim(conf) != s->images)
        return error_set(err, "inputs loc and conf have %lld and %lld images", (long long)s->images,
                         (long long)first_dim(conf));
    if (s->images >= 0 && sets >= 0 && sets != 1 && sets != s->images)
        return error_set(err, "input priors has %lld sets, want 1 or %lld", (long long)sets, (long long)s->images);
    return 0;
}

int infer_detection_output(struct op_infer *c, struct error *err)
{
    struct ssd s;
    if (ssd_read(&s, c->node, err) < 0 || ssd_sizes(&s, real_type(c, 0), real_type(c, 1), real_type(c, 2), err) < 0)
        return real_infer_fail(c, err);
    if (s.by_score)
        return infer_set(c, 0, DTYPE_F32, 2, (int64_t[]){DIM_UNKNOWN, 6}, err);
    return infer_set(c, 0, DTYPE_F32, 4, (int64_t[]){1, 1, DIM_UNKNOWN, 7}, err);
}

/* ---- boxes ---- */

static struct box decode(const struct ssd *s, const float *prior, const float *variance, const float *loc)
{
    float by[4], width = prior[2] - prior[0], height = prior[3] - prior[1];
    struct box b;
    for (int i = 0; i < 4; i++)
        by[i] = s->encoded ? loc[i] : variance[i] * loc[i];
    if (s->code == SSD_CENTER_SIZE) {
        float x = by[0] * width + (prior[0] + prior[2]) / 2, half_width = expf(by[2]) * width / 2;
        float y = by[1] * height + (prior[1] + prior[3]) / 2, half_height = expf(by[3]) * height / 2;
        b = (struct box){x - half_width, y - half_height, x + half_width, y + half_height};
    } else {
        float x = s->code == SSD_CORNER ? 1 : width, y = s->code == SSD_CORNER ? 1 : height;
        b = (struct box){prior[0] + by[0] * x, prior[1] + by[1] * y, prior[2] + by[2] * x, prior[3] + by[3] * y};
    }
    return b;
}

static struct box clipped(const struct box *b)
{
    return (struct box){fminf(fmaxf(b->x1, 0), 1), fminf(fmaxf(b->y1, 0), 1), fminf(fmaxf(b->x2, 0), 1),
                        fminf(fmaxf(b->y2, 0), 1)};
}

/* What has been kept of one image so far, and room to work in. */
struct found {
    const struct ssd *s;
    struct box *boxes;          /* [location sets][priors] */
    float *scores;              /* [priors], of one class */
    struct box_candidate *list; /* [priors] */
    struct box_candidate *kept; /* by label, then score */
    size_t count, cap;          /* of kept */
    float *rows;                /* of all images */
    size_t row_count, row_cap;  /* in numbers */
};

/* RefineDet: the priors are first moved by the coarse prediction of arm_loc. */
static void decode_all(struct found *f, const float *priors, const float *loc, const float *arm_loc)
{
    const struct ssd *s = f->s;
    int64_t sets = s->share ? 1 : s->classes;
    const float *variances = priors + s->priors * 4;
    for (int64_t i = 0; i < s->priors; i++) {
        struct box prior;
        const float *variance = s->encoded ? NULL : variances + 4 * i;
        memcpy(&prior, priors + 4 * i, sizeof prior);
        if (arm_loc)
            prior = decode(s, &prior.x1, variance, arm_loc + 4 * i);
        for (int64_t k = 0; k < sets; k++) {
            struct box b = decode(s, &prior.x1, variance, loc + 4 * (i * sets + k));
            f->boxes[k * s->priors + i] = s->clip ? clipped(&b) : b;
        }
    }
}

/* ---- one image ---- */

/* A prior that arm_conf takes for background is background, surely. */
static void read_scores(const struct found *f, const float *conf, const float *arm_conf, int64_t class)
{
    const struct ssd *s = f->s;
    for (int64_t i = 0; i < s->priors; i++) {
        bool empty = arm_conf && arm_conf[2 * i + 1] < s->objectness;
        f->scores[i] = empty ? (class == s->background ? 1 : 0) : conf[i * s->classes + class];
    }
}

static int add_class(struct found *f, int64_t class, struct error *err)
{
    const struct ssd *s = f->s;
    const struct box *boxes = f->boxes + (s->share ? 0 : class * s->priors);
    int64_t n = box_collect(f->scores, s->priors, 1, s->confidence, false, f->list);
    n = box_suppress(boxes, f->list, n < s->top_k ? n : s->top_k, s->priors, s->nms, s->eta);
    if (mem_grow(&f->kept, &f->cap, f->count + (size_t)n, sizeof *f->kept, err) < 0)
        return -1;
    for (int64_t i = 0; i < n; i++) {
        f->list[i].label = class;
        f->kept[f->count++] = f->list[i];
    }
    return 0;
}

/* Orders the places of what is kept by score; room for them is the caller's. */
static void rank(const struct found *f, struct box_candidate *order)
{
    for (size_t i = 0; i < f->count; i++)
        order[i] = (struct box_candidate){f->kept[i].score, (int64_t)i, 0};
    box_sort(order, (int64_t)f->count);
}

static int by_place(const void *a, const void *b)
{
    int64_t x = ((const struct box_candidate *)a)->box, y = ((const struct box_candidate *)b)->box;
    return x < y ? -1 : x > y;
}

static void put_row(struct found *f, int64_t image, const struct box_candidate *c)
{
    const struct box *b = &f->boxes[(f->s->share ? 0 : c->label * f->s->priors) + c->box];
    const float row[] = {(float)image, (float)c->label, c->score, b->x1, b->y1, b->x2, b->y2};
    int skip = f->s->by_score ? 1 : 0;
    memcpy(f->rows + f->row_count, row + skip, sizeof row - (size_t)skip * sizeof *row);
    f->row_count += (size_t)(7 - skip);
}

/* The keep_top_k best of all labels, in the order wanted. */
static int put_image(struct found *f, int64_t image, struct error *err)
{
    struct box_candidate *order = mem_calloc(f->count, sizeof *order, err);
    size_t n = (int64_t)f->count < f->s->keep_top_k ? f->count : (size_t)f->s->keep_top_k;
    if (!order || mem_grow(&f->rows, &f->row_cap, f->row_count + 7 * n, sizeof *f->rows, err) < 0) {
        free(order);
        return -1;
    }
    rank(f, order);
    if (!f->s->by_score)
        qsort(order, n, sizeof *order, by_place);
    for (size_t i = 0; i < n; i++)
        put_row(f, image, &f->kept[order[i].box]);
    free(order);
    return 0;
}

static const float *image_data(const struct op_eval *c, int input, int64_t image)
{
    const struct tensor *t = eval_in(c, input);
    return t ? (const float *)t->data + (t->dims[0] == 1 ? 0 : image * (t->count / t->dims[0])) : NULL;
}

static int run_image(const struct op_eval *c, struct found *f, int64_t image, struct error *err)
{
    const struct ssd *s = f->s;
    const float *conf = image_data(c, 1, image), *arm_conf = image_data(c, 3, image);
    decode_all(f, image_data(c, 2, image), image_data(c, 0, image), image_data(c, 4, image));
    f->count = 0;
    for (int64_t class = 0; class < s->classes; class++) {
        if (class == s->background)
            continue;
        read_scores(f, conf, arm_conf, class);
        if (add_class(f, class, err) < 0)
            return -1;
    }
    return put_image(f, image, err);
}

/* ---- all images ---- */

static int give_rows(struct op_eval *c, const struct found *f, struct error *err)
{
    int64_t each = f->s->by_score ? 6 : 7, n = (int64_t)f->row_count / each, none = 0;
    if (n == 0 && !f->s->by_score)
        none = f->s->images;
    const int64_t dims[] = {1, 1, n + none, each};
    struct tensor *t =
        f->s->by_score ? eval_out(c, 0, DTYPE_F32, 2, dims + 2, err) : eval_out(c, 0, DTYPE_F32, 4, dims, err);
    if (!t)
        return -1;
    float *to = t->data;
    if (n)
        memcpy(to, f->rows, f->row_count * sizeof *to);
    for (int64_t i = 0; i < none * each; i++)
        to[i] = i % each ? -1 : (float)(i / each);
    return 0;
}

static int check_arm(const struct op_eval *c, const struct ssd *s, int input, const char *name, int64_t each,
                     struct error *err)
{
    const struct tensor *t = eval_in(c, input);
    if (t && (t->rank < 1 || t->dims[0] != s->images || t->count != s->images * s->priors * each))
        return eval_error(c, err, "input %s has %lld elements, want %lld for each of %lld images", name,
                          (long long)t->count, (long long)(s->priors * each), (long long)s->images);
    return 0;
}

static int read_all(struct op_eval *c, struct ssd *s, struct error *err)
{
    struct type types[3];
    for (int i = 0; i < 3; i++) {
        types[i] = real_type_of(eval_in(c, i));
        if (types[i].rank < 1)
            return eval_error(c, err, "input %d is a scalar, want a row for each image", i);
    }
    if (ssd_read(s, c->node, err) < 0 || ssd_sizes(s, &types[0], &types[1], &types[2], err) < 0)
        return real_eval_fail(c, err);
    if (check_arm(c, s, 3, "arm_conf", 2, err) < 0)
        return -1;
    return check_arm(c, s, 4, "arm_loc", 4, err);
}

int eval_detection_output(struct op_eval *c, struct error *err)
{
    struct ssd s;
    struct found f = {.s = &s};
    if (read_all(c, &s, err) < 0)
        return -1;
    size_t n = (size_t)s.priors;
    f.boxes = mem_calloc(n * (size_t)(s.share ? 1 : s.classes), sizeof *f.boxes, err);
    f.scores = f.boxes ? mem_calloc(n, sizeof *f.scores, err) : NULL;
    f.list = f.scores ? mem_calloc(n, sizeof *f.list, err) : NULL;
    int result = f.list ? 0 : -1;
    for (int64_t i = 0; result == 0 && i < s.images; i++)
        result = run_image(c, &f, i, err);
    if (result == 0)
        result = give_rows(c, &f, err);
    free(f.rows);
    free(f.kept);
    free(f.list);
    free(f.scores);
    free(f.boxes);
    return result;
}
