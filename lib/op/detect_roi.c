/* PSRoiPool of R-FCN: means over the parts of a region, each part from channels of its own. */
#include <math.h>
#include <stdlib.h>

#include "op/detect_build.h"
#include "op/real.h"
#include "op/rows.h"

#define ROI_POOLED_MAX (1 << 10)

struct psroi {
    int64_t outputs, pooled[2]; /* height, width */
    float scale;
};

static int read_psroi(struct psroi *p, const struct node *n, const struct type *x, const struct type *rois,
                      struct error *err)
{
    int count;
    const int64_t *shape = op_ints(n, "pooled_shape", &count), group = op_int(n, "group_size");
    *p = (struct psroi){.outputs = op_int(n, "output_dim"), .scale = op_float(n, "spatial_scale")};
    if (count != 0 && count != 2)
        return error_set(err, "attribute pooled_shape: %d values, want height and width", count);
    for (int i = 0; i < 2; i++) {
        p->pooled[i] = count ? shape[i] : group;
        if (p->pooled[i] < 1 || p->pooled[i] > ROI_POOLED_MAX)
            return error_set(err, "attribute %s: %lld, want 1 to %d", count ? "pooled_shape" : "group_size",
                             (long long)p->pooled[i], ROI_POOLED_MAX);
    }
    if (p->outputs < 1 || p->outputs > INT32_MAX)
        return error_set(err, "attribute output_dim: %lld, want at least 1", (long long)p->outputs);
    if (!(p->scale > 0 && p->scale < INFINITY))
        return error_set(err, "attribute spatial_scale: %g, want a positive number", (double)p->scale);
    int64_t channels = p->outputs * p->pooled[0] * p->pooled[1];
    if (x->rank >= 0 && (x->rank != 4 || (x->dims[1] >= 0 && x->dims[1] != channels)))
        return error_set(err, "input X: want [N, %lld, H, W]", (long long)channels);
    if (rois->rank >= 0 && (rois->rank != 2 || (rois->dims[1] >= 0 && rois->dims[1] != 5)))
        return error_set(err, "input rois: want rows of image, x1, y1, x2, y2");
    return 0;
}

int infer_psroi_pool(struct op_infer *c, struct error *err)
{
    const struct type *rois = real_type(c, 1);
    struct psroi p;
    if (read_psroi(&p, c->node, real_type(c, 0), rois, err) < 0)
        return real_infer_fail(c, err);
    const int64_t dims[] = {rois->rank == 2 ? rois->dims[0] : DIM_UNKNOWN, p.outputs, p.pooled[0], p.pooled[1]};
    return infer_set(c, 0, DTYPE_F32, 4, dims, err);
}

/* First and last + 1 cell of part `at` of an axis of `size` cells; low and high are the region's ends. */
static void part(float low, float high, int64_t at, int64_t parts, int64_t size, int64_t *from, int64_t *to)
{
    float length = fmaxf(high - low, 0.1f) / (float)parts;
    float start = floorf(low + (float)at * length), end = ceilf(low + (float)(at + 1) * length);
    *from = (int64_t)fminf(fmaxf(start, 0), (float)size);
    *to = (int64_t)fminf(fmaxf(end, 0), (float)size);
}

static float mean(const float *plane, int64_t width, const int64_t *y, const int64_t *x)
{
    double sum = 0;
    for (int64_t i = y[0]; i < y[1]; i++)
        for (int64_t k = x[0]; k < x[1]; k++)
            sum += plane[i * width + k];
    return y[1] > y[0] && x[1] > x[0] ? (float)(sum / (double)((y[1] - y[0]) * (x[1] - x[0]))) : 0;
}

static void pool_region(const struct psroi *p, const struct tensor *x, const float *image, const float *roi, float *to)
{
    int64_t height = x->dims[2], width = x->dims[3], plane = height * width;
    float low[] = {roundf(roi[2]) * p->scale, roundf(roi[1]) * p->scale};
    float high[] = {roundf(roi[4] + 1) * p->scale, roundf(roi[3] + 1) * p->scale};
    for (int64_t i = 0; i < p->outputs * p->pooled[0] * p->pooled[1]; i++) {
        int64_t rows[2], columns[2], at = i % (p->pooled[0] * p->pooled[1]);
        part(low[0], high[0], at / p->pooled[1], p->pooled[0], height, &rows[0], &rows[1]);
        part(low[1], high[1], at % p->pooled[1], p->pooled[1], width, &columns[0], &columns[1]);
        to[i] = mean(image + i * plane, width, rows, columns);
    }
}

int eval_psroi_pool(struct op_eval *c, struct error *err)
{
    const struct tensor *x = eval_in(c, 0), *rois = eval_in(c, 1);
    struct type types[] = {real_type_of(x), real_type_of(rois)};
    struct psroi p;
    if (read_psroi(&p, c->node, &types[0], &types[1], err) < 0)
        return real_eval_fail(c, err);
    const int64_t dims[] = {rois->dims[0], p.outputs, p.pooled[0], p.pooled[1]};
    struct tensor *y = eval_out(c, 0, DTYPE_F32, 4, dims, err);
    for (int64_t i = 0; y && i < rois->dims[0]; i++) {
        const float *roi = (const float *)rois->data + 5 * i;
        if (!(roi[0] >= 0 && roi[0] < (float)x->dims[0]))
            return eval_error(c, err, "input rois names image %g of %lld", (double)roi[0], (long long)x->dims[0]);
        const float *image = (const float *)x->data + (int64_t)roi[0] * (x->count / x->dims[0]);
        pool_region(&p, x, image, roi, (float *)y->data + i * (y->count / rois->dims[0]));
    }
    return y ? 0 : -1;
}

/* ---- expansion: which cells of an axis belong to which part, times those of the other axis ---- */

static struct value *clip_to(struct build *b, struct value *v, double high)
{
    return BUILD(b, "Clip", v, build_number(b, DTYPE_F32, 0), build_number(b, DTYPE_F32, high));
}

/* 0, 1, … count - 1 as f32 [1, count] or [1, 1, count]. */
static struct value *steps(struct build *b, int64_t count, int rank)
{
    struct tensor *t =
        b->failed ? NULL
                  : tensor_new(DTYPE_F32, rank, rank == 2 ? (int64_t[]){1, count} : (int64_t[]){1, 1, count}, b->err);
    for (int64_t i = 0; t && i < count; i++)
        ((float *)t->data)[i] = (float)i;
    return b->failed ? NULL : build_constant(b, NULL, t);
}

/* Rounds half away from zero, unlike Round. */
static struct value *round_away(struct build *b, struct value *v)
{
    struct value *up = BUILD(b, "Floor", detect_with(b, "Add", BUILD(b, "Abs", v), 0.5));
    return BUILD(b, "Mul", up, BUILD(b, "Sign", v));
}

/* f32 [rois, parts, cells] of 0 and 1. */
static struct value *members(struct build *b, const struct psroi *p, int axis, int64_t cells)
{
    struct value *rois = b->node->in[1];
    struct value *first = build_slice(b, rois, 1, 2 - axis, 3 - axis),
                 *last = build_slice(b, rois, 1, 4 - axis, 5 - axis);
    struct value *low = detect_with(b, "Mul", round_away(b, first), p->scale);
    struct value *high = detect_with(b, "Mul", round_away(b, detect_with(b, "Add", last, 1)), p->scale);
    struct value *length =
        detect_with(b, "Div", detect_with(b, "Max", BUILD(b, "Sub", high, low), 0.1f), (double)p->pooled[axis]);
    struct value *at = steps(b, p->pooled[axis], 2);
    struct value *from = BUILD(b, "Floor", BUILD(b, "Add", low, BUILD(b, "Mul", at, length)));
    struct value *to = BUILD(b, "Ceil", BUILD(b, "Add", low, BUILD(b, "Mul", detect_with(b, "Add", at, 1), length)));
    from = build_unsqueeze(b, clip_to(b, from, (double)cells), 2);
    to = build_unsqueeze(b, clip_to(b, to, (double)cells), 2);
    struct value *cell = steps(b, cells, 3);
    struct value *inside = BUILD(b, "And", BUILD(b, "GreaterOrEqual", cell, from), BUILD(b, "Less", cell, to));
    return build_cast(b, inside, DTYPE_F32);
}

int expand_psroi_pool(struct node *n, struct error *err)
{
    struct build b = {.node = n, .err = err};
    struct psroi p;
    int64_t images = build_dim(&b, 0, 0), height = build_dim(&b, 0, 2), width = build_dim(&b, 0, 3);
    if (b.failed || read_psroi(&p, n, &n->in[0]->type, &n->in[1]->type, err) < 0)
        return -1;
    if (images != 1 || height < 1 || width < 1)
        build_fail(&b, "only one image, not empty, can be written as ONNX's operators, not %lld", (long long)images);
    const int64_t split[] = {p.outputs, p.pooled[0], p.pooled[1], height, width};
    struct value *rows = members(&b, &p, 0, height), *columns = members(&b, &p, 1, width);
    struct value *sum = BUILD(&b, "Einsum", rows, build_reshape(&b, n->in[0], 5, split), columns);
    sum = build_string(&b, sum, "equation", "nph,dpqhw,nqw->ndpq");
    struct value *area = build_string(&b, BUILD(&b, "Einsum", rows, columns), "equation", "nph,nqw->npq");
    area = build_unsqueeze(&b, detect_with(&b, "Max", area, 1), 1);
    build_give(&b, 0, BUILD(&b, "Div", sum, area));
    return build_end(&b);
}
