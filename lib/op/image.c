/* RoiAlign: bins of regions, each the mean or maximum of bilinear samples. (He et al. 2017, Mask R-CNN.) */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "op/real.h"
#include "op/rows.h"

struct roi_align {
    bool maximum, half_pixel;
    int64_t bins[2], size[2], sampling; /* y, x; sampling 0: one sample for each pixel */
    double scale;
};

static int read_roi_align(struct roi_align *r, const struct node *n, struct error *err)
{
    const char *mode = op_string(n, "mode"), *transform = op_string(n, "coordinate_transformation_mode");
    r->maximum = !strcmp(mode, "max");
    r->half_pixel = !strcmp(transform, "half_pixel");
    r->bins[0] = op_int(n, "output_height");
    r->bins[1] = op_int(n, "output_width");
    r->sampling = op_int(n, "sampling_ratio");
    r->scale = op_float(n, "spatial_scale");
    if (!r->maximum && strcmp(mode, "avg"))
        return error_set(err, "attribute mode: '%.40s', want avg or max", mode);
    if (!r->half_pixel && strcmp(transform, "output_half_pixel"))
        return error_set(err, "attribute coordinate_transformation_mode: '%.40s', want half_pixel or output_half_pixel",
                         transform);
    for (int i = 0; i < 2; i++)
        if (r->bins[i] < 1 || r->bins[i] > INT32_MAX)
            return error_set(err, "attribute %s: %lld, want at least 1", i ? "output_width" : "output_height",
                             (long long)r->bins[i]);
    if (r->sampling < 0 || r->sampling > 4096)
        return error_set(err, "attribute sampling_ratio: %lld, want 0 to 4096", (long long)r->sampling);
    return 0;
}

/* The two pixels between which a place of an axis lies, and the weight of the second; false: outside, which counts as
 * 0. */
static bool locate(double x, int64_t size, int64_t *at, double *weight)
{
    if (!(x >= -1 && x <= (double)size))
        return false;
    x = x > 0 ? x : 0;
    at[0] = (int64_t)x;
    if (at[0] >= size - 1) {
        at[0] = at[1] = size - 1;
        *weight = 0;
    } else {
        at[1] = at[0] + 1;
        *weight = x - (double)at[0];
    }
    return true;
}

/* The four weighted pixels around a place: their sum, or the largest of them. */
static double sample(const struct roi_align *r, const double *plane, double y, double x)
{
    int64_t ys[2], xs[2];
    double wy, wx;
    if (!locate(y, r->size[0], ys, &wy) || !locate(x, r->size[1], xs, &wx))
        return 0;
    double a = (1 - wy) * (1 - wx) * plane[ys[0] * r->size[1] + xs[0]],
           b = (1 - wy) * wx * plane[ys[0] * r->size[1] + xs[1]];
    double c = wy * (1 - wx) * plane[ys[1] * r->size[1] + xs[0]], d = wy * wx * plane[ys[1] * r->size[1] + xs[1]];
    return r->maximum ? fmax(fmax(a, b), fmax(c, d)) : a + b + c + d;
}

/* A region's axes: start, size of a bin, samples in a bin. */
struct region {
    double start[2], bin[2];
    int64_t samples[2];
};

static double pool_bin(const struct roi_align *r, const struct region *g, const double *plane, int64_t by, int64_t bx)
{
    double result = 0, count = (double)(g->samples[0] * g->samples[1]);
    for (int64_t i = 0; i < g->samples[0]; i++)
        for (int64_t j = 0; j < g->samples[1]; j++) {
            double y = g->start[0] + g->bin[0] * ((double)by + ((double)i + 0.5) / (double)g->samples[0]);
            double x = g->start[1] + g->bin[1] * ((double)bx + ((double)j + 0.5) / (double)g->samples[1]);
            double value = sample(r, plane, y, x);
            if (!r->maximum)
                result += value;
            else if ((i == 0 && j == 0) || value > result)
                result = value;
        }
    return r->maximum || count < 1 ? result : result / count;
}

/* Corners are x1, y1, x2, y2. */
static int make_region(const struct op_eval *c, const struct roi_align *r, const double *corners, struct region *g,
                       struct error *err)
{
    for (int i = 0; i < 2; i++) {
        double shift = r->half_pixel ? 0.5 : 0;
        double start = corners[1 - i] * r->scale - shift, length = corners[3 - i] * r->scale - shift - start;
        if (!r->half_pixel && !(length > 1))
            length = 1;
        g->start[i] = start;
        g->bin[i] = length / (double)r->bins[i];
        double samples = r->sampling ? (double)r->sampling : ceil(g->bin[i]);
        if (!(fabs(samples) <= 4096))
            return eval_error(c, err, "input rois: a region's bin of %g pixels is too large", g->bin[i]);
        g->samples[i] = samples > 0 ? (int64_t)samples : 0;
    }
    return 0;
}

static void align_region(const struct roi_align *r, const struct region *g, const struct tensor *x, int64_t image,
                         double *plane, struct tensor *y, int64_t at)
{
    int64_t size = r->size[0] * r->size[1];
    for (int64_t channel = 0; channel < x->dims[1]; channel++) {
        real_read(x, (image * x->dims[1] + channel) * size, size, plane);
        for (int64_t by = 0; by < r->bins[0]; by++)
            for (int64_t bx = 0; bx < r->bins[1]; bx++, at++) {
                double value = pool_bin(r, g, plane, by, bx);
                real_write(y, at, 1, &value);
            }
    }
}

static int align_all(struct op_eval *c, const struct roi_align *r, struct tensor *y, double *plane, struct error *err)
{
    const struct tensor *x = eval_in(c, 0), *rois = eval_in(c, 1), *images = eval_in(c, 2);
    for (int64_t i = 0; i < rois->dims[0]; i++) {
        int64_t image = tensor_get_i64(images, i);
        double corners[4];
        struct region g;
        if (image < 0 || image >= x->dims[0])
            return eval_error(c, err, "input batch_indices holds %lld, want 0 to %lld", (long long)image,
                              (long long)x->dims[0] - 1);
        real_read(rois, 4 * i, 4, corners);
        if (make_region(c, r, corners, &g, err) < 0)
            return -1;
        align_region(r, &g, x, image, plane, y, i * x->dims[1] * r->bins[0] * r->bins[1]);
    }
    return 0;
}

int eval_roi_align(struct op_eval *c, struct error *err)
{
    const struct tensor *x = eval_in(c, 0), *rois = eval_in(c, 1);
    struct roi_align r;
    if (read_roi_align(&r, c->node, err) < 0)
        return real_eval_fail(c, err);
    if (real_want_rank(c, 0, "X", 4, err) < 0 || real_want_rank(c, 1, "rois", 2, err) < 0 ||
        real_want_dims(c, 1, "rois", 2, (int64_t[]){rois->dims[0], 4}, err) < 0 ||
        real_want_dims(c, 2, "batch_indices", 1, rois->dims, err) < 0)
        return -1;
    for (int i = 0; i < 2; i++)
        if ((r.size[i] = x->dims[i + 2]) == 0)
            return eval_error(c, err, "input X is empty");
    int64_t dims[4] = {rois->dims[0], x->dims[1], r.bins[0], r.bins[1]};
    struct tensor *y = eval_out(c, 0, x->dtype, 4, dims, err);
    double *plane = y ? real_new(r.size[0], r.size[1], err) : NULL;
    int result = plane ? align_all(c, &r, y, plane, err) : -1;
    free(plane);
    return result;
}

int infer_roi_align(struct op_infer *c, struct error *err)
{
    const struct type *x = real_type(c, 0), *rois = real_type(c, 1), *images = infer_type(c, 2);
    struct roi_align r;
    if (read_roi_align(&r, c->node, err) < 0)
        return real_infer_fail(c, err);
    if ((x->rank >= 0 && x->rank != 4) || (rois->rank >= 0 && rois->rank != 2))
        return infer_error(c, err, "input X has rank %d and rois rank %d, want 4 and 2", x->rank, rois->rank);
    int64_t dims[4] = {DIM_UNKNOWN, x->rank == 4 ? x->dims[1] : DIM_UNKNOWN, r.bins[0], r.bins[1]};
    if (images && images->rank == 1)
        dims[0] = images->dims[0];
    if (rois->rank == 2 && dims[0] < 0)
        dims[0] = rois->dims[0];
    return infer_set(c, 0, x->dtype, 4, dims, err);
}
