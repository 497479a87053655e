/* PriorBox of Caffe-SSD: the boxes that detections are told relative to. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "op/build.h"
#include "op/detect.h"
#include "op/real.h"
#include "op/rows.h"

#define PRIOR_LIST_MAX 1024                /* sizes or ratios */
#define PRIOR_MAX      ((int64_t)16 << 20) /* numbers in the result */

struct prior {
    const float *min, *max, *given, *variances;
    int min_count, max_count, given_count, variance_count;
    float *ratios; /* of all boxes behind the squares; to be freed */
    int ratio_count;
    float offset;
    bool clip, step_ceil, center_less_one;
    float step[2];                /* height, width; 0: from the sizes */
    int64_t image[2], feature[2]; /* height, width; below 0: not known */
};

static bool is_new_ratio(const float *ratios, int count, float ratio)
{
    if (fabsf(ratio - 1) < 1e-6f)
        return false;
    for (int i = 0; i < count; i++)
        if (fabsf(ratio - ratios[i]) < 1e-6f)
            return false;
    return true;
}

int detect_prior_ratios(const struct node *n, float *to)
{
    int given, count = 0;
    const float *ratios = op_floats(n, "aspect_ratios", &given);
    bool unique = op_int(n, "unique"), flip = op_int(n, "flip");
    for (int i = 0; i < given; i++) {
        if (unique && !is_new_ratio(to, count, ratios[i]))
            continue;
        to[count++] = ratios[i];
        if (flip)
            to[count++] = 1 / ratios[i];
    }
    return count;
}

static int check_positive(const char *name, int count, const float *values, struct error *err)
{
    if (count > PRIOR_LIST_MAX)
        return error_set(err, "attribute %s: %d values, want at most %d", name, count, PRIOR_LIST_MAX);
    for (int i = 0; i < count; i++)
        if (!(values[i] > 0 && values[i] < INFINITY))
            return error_set(err, "attribute %s: %g, want a positive number", name, (double)values[i]);
    return 0;
}

static int read_lists(struct prior *p, const struct node *n, struct error *err)
{
    p->min = op_floats(n, "min_sizes", &p->min_count);
    p->max = op_floats(n, "max_sizes", &p->max_count);
    p->given = op_floats(n, "aspect_ratios", &p->given_count);
    p->variances = op_floats(n, "variances", &p->variance_count);
    if (check_positive("min_sizes", p->min_count, p->min, err) < 0 ||
        check_positive("max_sizes", p->max_count, p->max, err) < 0 ||
        check_positive("aspect_ratios", p->given_count, p->given, err) < 0)
        return -1;
    if (p->min_count == 0)
        return error_set(err, "attribute min_sizes is empty");
    if (p->max_count && p->max_count != p->min_count)
        return error_set(err, "attribute max_sizes: %d values, want none or %d", p->max_count, p->min_count);
    if (p->variance_count > 1 && p->variance_count != 4)
        return error_set(err, "attribute variances: %d values, want none, 1 or 4", p->variance_count);
    p->ratios = mem_calloc(2 * (size_t)p->given_count, sizeof *p->ratios, err);
    p->ratio_count = p->ratios ? detect_prior_ratios(n, p->ratios) : 0;
    return p->ratios ? 0 : -1;
}

/* Height and width: those of an attribute where set, else the last two dims of an input. */
static int read_size(const struct node *n, int input, const int64_t *given, int count, int64_t *size, struct error *err)
{
    const struct value *v = node_in(n, input);
    const struct type *type = v && v->type.kind == TYPE_TENSOR && v->type.rank >= 0 ? &v->type : NULL;
    if (count != 0 && count != 2)
        return error_set(err, "attribute image_size: %d values, want height and width", count);
    if (type && type->rank != 4)
        return error_set(err, "input %s has rank %d, want 4", input ? "image" : "feature", type->rank);
    for (int i = 0; i < 2; i++) {
        bool set = count && given[i] != 0;
        size[i] = set ? given[i] : type ? type->dims[2 + i] : -1;
        if (set && (given[i] < 0 || given[i] > INT32_MAX))
            return error_set(err, "attribute image_size: %lld, want a positive number", (long long)given[i]);
        if (!set && !v)
            return error_set(err, "neither attribute image_size nor input image is there");
    }
    return 0;
}

static int read_step(struct prior *p, const struct node *n, struct error *err)
{
    int count;
    const float *step = op_floats(n, "step", &count);
    if (count != 0 && count != 2)
        return error_set(err, "attribute step: %d values, want height and width", count);
    for (int i = 0; i < count; i++) {
        if (!(step[i] >= 0 && step[i] < INFINITY))
            return error_set(err, "attribute step: %g, want a positive number", (double)step[i]);
        p->step[i] = step[i];
    }
    return 0;
}

static int read_prior(struct prior *p, const struct node *n, struct error *err)
{
    int count;
    const int64_t *image = op_ints(n, "image_size", &count);
    memset(p, 0, sizeof *p);
    p->offset = op_float(n, "offset");
    p->clip = op_int(n, "clip") != 0;
    p->step_ceil = op_int(n, "step_ceil") != 0;
    p->center_less_one = op_int(n, "center_less_one") != 0;
    if (read_size(n, 0, NULL, 0, p->feature, err) < 0 || read_size(n, 1, image, count, p->image, err) < 0 ||
        read_step(p, n, err) < 0)
        return -1;
    return read_lists(p, n, err);
}

/* Boxes of one cell. */
static int64_t prior_count(const struct prior *p)
{
    return (int64_t)p->min_count * (1 + (p->max_count > 0) + p->ratio_count);
}

int infer_prior_box(struct op_infer *c, struct error *err)
{
    struct prior p;
    int64_t dims[] = {1, 2, DIM_UNKNOWN};
    int result = read_prior(&p, c->node, err);
    if (result == 0) {
        int64_t cells = graph_dim_mul(c->graph, p.feature[0], p.feature[1]);
        dims[2] = graph_dim_mul(c->graph, cells, 4 * prior_count(&p));
    }
    free(p.ratios);
    return result < 0 ? real_infer_fail(c, err) : infer_set(c, 0, DTYPE_F32, 3, dims, err);
}

/* ---- the boxes ---- */

static float *put_box(const struct prior *p, const float *center, float width, float height, float *to)
{
    const float half[] = {width / 2, height / 2}, image[] = {(float)p->image[1], (float)p->image[0]};
    for (int i = 0; i < 4; i++) {
        float at = (center[i % 2] + (i < 2 ? -half[i % 2] : half[i % 2])) / image[i % 2];
        to[i] = !p->clip ? at : at < 0 ? 0 : at > 1 ? 1 : at;
    }
    return to + 4;
}

static float *put_cell(const struct prior *p, const float *center, float *to)
{
    for (int i = 0; i < p->min_count; i++) {
        to = put_box(p, center, p->min[i], p->min[i], to);
        float mean = p->max_count ? sqrtf(p->min[i] * p->max[i]) : 0;
        if (p->max_count)
            to = put_box(p, center, mean, mean, to);
        for (int k = 0; k < p->ratio_count; k++) {
            float root = sqrtf(p->ratios[k]);
            to = put_box(p, center, p->min[i] * root, p->min[i] / root, to);
        }
    }
    return to;
}

static void put_boxes(const struct prior *p, float *to)
{
    float step[2], first[2];
    for (int i = 0; i < 2; i++) {
        float ratio = (float)p->image[i] / (float)p->feature[i];
        step[i] = p->step[i] > 0 ? p->step[i] : p->step_ceil ? ceilf(ratio) : ratio;
        first[i] = p->center_less_one ? p->offset * (step[i] - 1) : p->offset * step[i];
    }
    for (int64_t y = 0; y < p->feature[0]; y++)
        for (int64_t x = 0; x < p->feature[1]; x++)
            to = put_cell(p, (float[]){first[1] + (float)x * step[1], first[0] + (float)y * step[0]}, to);
}

static struct tensor *prior_tensor(const struct prior *p, struct error *err)
{
    int64_t each = 4 * prior_count(p), cells, n;
    if (__builtin_mul_overflow(p->feature[0], p->feature[1], &cells) || __builtin_mul_overflow(cells, each, &n) ||
        n > PRIOR_MAX) {
        error_set(err, "PriorBox: %lldx%lld cells of %lld boxes are too many", (long long)p->feature[0],
                  (long long)p->feature[1], (long long)each / 4);
        return NULL;
    }
    struct tensor *t = tensor_new(DTYPE_F32, 3, (int64_t[]){1, 2, n}, err);
    if (!t)
        return NULL;
    put_boxes(p, t->data);
    for (int64_t i = 0; i < n; i++)
        ((float *)t->data)[n + i] = p->variance_count == 0 ? 0.1f : p->variances[i % p->variance_count];
    return t;
}

/* Nothing but the sizes counts, so that what replaces the node is a constant. */
int expand_prior_box(struct node *n, struct error *err)
{
    struct build b = {.node = n, .err = err};
    struct prior p;
    struct tensor *t = NULL;
    int result = read_prior(&p, n, err);
    bool known = result == 0 && p.feature[0] >= 0 && p.feature[1] >= 0 && p.image[0] >= 0 && p.image[1] >= 0;
    if (result == 0 && !known)
        error_set(err, "PriorBox: the heights and widths of its inputs must be known");
    if (known)
        t = prior_tensor(&p, err);
    free(p.ratios);
    build_check(&b, t != NULL);
    build_give(&b, 0, BUILD(&b, "Identity", t ? build_constant(&b, NULL, t) : NULL));
    return build_end(&b);
}
