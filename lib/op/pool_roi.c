/* MaxUnpool and MaxRoiPool. */
#include <math.h>
#include <stdlib.h>

#include "op/real.h"
#include "op/rows.h"
#include "op/window.h"

/* ---- MaxUnpool ---- */

/* The size that a pool with this window came from: (in - 1) * stride + kernel - padding. */
static int unpooled_dim(struct graph *g, const struct window *w, int i, int64_t in, int64_t *out, struct error *err)
{
    int64_t more = w->kernel[i] - w->stride[i] - w->begin[i] - w->end[i];
    *out = DIM_UNKNOWN;
    if (in < 0) {
        int64_t size = graph_dim_mul(g, in, w->stride[i]);
        *out = more >= 0 ? graph_dim_add(g, size, more) : graph_dim_sub(g, size, -more);
        return 0;
    }
    if (__builtin_mul_overflow(in, w->stride[i], out) || __builtin_add_overflow(*out, more, out) || *out < 0)
        return error_set(err, "spatial axis %d cannot be unpooled: %lld places with stride %lld", i, (long long)in,
                         (long long)w->stride[i]);
    return 0;
}

static int unpooled_dims(const struct node *n, int rank, const int64_t *in, int64_t *out, struct error *err)
{
    struct window w;
    if (rank < 3)
        return error_set(err, "X has rank %d, want at least 3", rank);
    if (window_read(&w, n, rank - 2, NULL, err) < 0)
        return -1;
    out[0] = in[0];
    out[1] = in[1];
    for (int i = 2; i < rank; i++)
        if (unpooled_dim(n->graph, &w, i - 2, in[i], &out[i], err) < 0)
            return -1;
    return 0;
}

/* Moves place `at` of a tensor with dims `inner` to where it is in one with dims `outer`. */
static int64_t place_in(int rank, const int64_t *inner, const int64_t *outer, int64_t at)
{
    int64_t result = 0, step = 1;
    for (int i = rank - 1; i >= 0; i--) {
        result += at % inner[i] * step;
        at /= inner[i];
        step *= outer[i];
    }
    return result;
}

/* Indices count in the shape that follows from the attributes; a larger output_shape gets zeros behind it. */
int eval_max_unpool(struct op_eval *c, struct error *err)
{
    const struct tensor *x = eval_in(c, 0), *index = eval_in(c, 1);
    int64_t inner[TENSOR_MAX_RANK], dims[TENSOR_MAX_RANK];
    if (unpooled_dims(c->node, x->rank, x->dims, inner, err) < 0)
        return real_eval_fail(c, err);
    if (real_want_dims(c, 1, "I", x->rank, x->dims, err) < 0)
        return -1;
    int given = eval_ints(c, 2, dims, TENSOR_MAX_RANK, err);
    if (given < 0)
        return -1;
    if (given > 0 && given != x->rank)
        return eval_error(c, err, "input output_shape has %d elements, want %d", given, x->rank);
    for (int i = 0; i < x->rank; i++) {
        dims[i] = given > 0 ? dims[i] : inner[i];
        if (dims[i] < inner[i])
            return eval_error(c, err, "input output_shape: %lld on axis %d, want at least %lld", (long long)dims[i], i,
                              (long long)inner[i]);
    }
    int64_t count = tensor_count(x->rank, inner);
    struct tensor *y = count < 0 ? NULL : eval_out(c, 0, x->dtype, x->rank, dims, err);
    if (!y)
        return count < 0 ? eval_error(c, err, "the output is too large") : -1;
    for (int64_t i = 0; i < x->count; i++) {
        int64_t at = tensor_get_i64(index, i);
        double value;
        if (at < 0 || at >= count)
            return eval_error(c, err, "input I holds %lld, want 0 to %lld", (long long)at, (long long)count - 1);
        real_read(x, i, 1, &value);
        real_write(y, place_in(x->rank, inner, dims, at), 1, &value);
    }
    return 0;
}

int infer_max_unpool(struct op_infer *c, struct error *err)
{
    const struct type *x = real_type(c, 0);
    int64_t dims[TENSOR_MAX_RANK];
    int given = infer_type(c, 2) ? infer_dims(c, 2, dims, TENSOR_MAX_RANK) : 0;
    for (int i = 0; i < x->rank && given < 0; i++)
        dims[i] = DIM_UNKNOWN;
    if (given < 0)
        return infer_set(c, 0, x->dtype, x->rank, x->rank < 0 ? NULL : dims, err);
    if (given > 0 && x->rank >= 0 && given != x->rank)
        return infer_error(c, err, "input output_shape has %d elements, want %d", given, x->rank);
    if (given > 0)
        return infer_set(c, 0, x->dtype, given, dims, err);
    if (x->rank < 0)
        return infer_set(c, 0, x->dtype, -1, NULL, err);
    if (unpooled_dims(c->node, x->rank, x->dims, dims, err) < 0)
        return real_infer_fail(c, err);
    return infer_set(c, 0, x->dtype, x->rank, dims, err);
}

/* ---- MaxRoiPool ---- */

static int read_pooled_shape(const struct node *n, double *scale, int64_t *size, struct error *err)
{
    int count;
    const int64_t *shape = op_ints(n, "pooled_shape", &count);
    *scale = op_float(n, "spatial_scale");
    if (count != 2)
        return error_set(err, "attribute pooled_shape: %d values, want 2", count);
    for (int i = 0; i < 2; i++) {
        if (shape[i] < 1 || shape[i] > INT32_MAX)
            return error_set(err, "attribute pooled_shape: %lld, want at least 1", (long long)shape[i]);
        size[i] = shape[i];
    }
    return 0;
}

/* The pixels [*first, *end) that bin `bin` of `bins` covers on an axis of `size`, of a region from `start` to `stop`.
 */
static void bin_range(double start, double stop, int64_t bin, int64_t bins, int64_t size, int64_t *first, int64_t *end)
{
    double length = fmax(stop - start + 1, 1) / (double)bins;
    double low = fmin(fmax(start + floor((double)bin * length), 0), (double)size);
    double high = fmin(fmax(start + ceil((double)(bin + 1) * length), 0), (double)size);
    *first = (int64_t)low;
    *end = (int64_t)high;
}

/* The largest value of one bin in a plane; an empty bin gives 0. box: x1, y1, x2, y2 in whole pixels. */
static double pool_bin(const double *plane, const int64_t *in, const double *box, const int64_t *size, int64_t by,
                       int64_t bx)
{
    int64_t y0, y1, x0, x1;
    bin_range(box[1], box[3], by, size[0], in[0], &y0, &y1);
    bin_range(box[0], box[2], bx, size[1], in[1], &x0, &x1);
    double best = y0 < y1 && x0 < x1 ? plane[y0 * in[1] + x0] : 0;
    for (int64_t y = y0; y < y1; y++)
        for (int64_t x = x0; x < x1; x++)
            if (plane[y * in[1] + x] > best || isnan(plane[y * in[1] + x]))
                best = plane[y * in[1] + x];
    return best;
}

static void pool_region(const struct tensor *x, const double *box, int64_t image, const int64_t *size, double *plane,
                        struct tensor *y, int64_t at)
{
    int64_t count = x->dims[2] * x->dims[3];
    for (int64_t channel = 0; channel < x->dims[1]; channel++) {
        real_read(x, (image * x->dims[1] + channel) * count, count, plane);
        for (int64_t by = 0; by < size[0]; by++)
            for (int64_t bx = 0; bx < size[1]; bx++, at++) {
                double value = pool_bin(plane, x->dims + 2, box, size, by, bx);
                real_write(y, at, 1, &value);
            }
    }
}

int eval_max_roi_pool(struct op_eval *c, struct error *err)
{
    const struct tensor *x = eval_in(c, 0), *rois = eval_in(c, 1);
    int64_t size[2];
    double scale;
    if (real_want_rank(c, 0, "X", 4, err) < 0 || real_want_rank(c, 1, "rois", 2, err) < 0)
        return -1;
    if (read_pooled_shape(c->node, &scale, size, err) < 0)
        return real_eval_fail(c, err);
    if (rois->dims[1] != 5)
        return eval_error(c, err, "input rois has rows of %lld, want 5", (long long)rois->dims[1]);
    int64_t dims[4] = {rois->dims[0], x->dims[1], size[0], size[1]};
    struct tensor *y = eval_out(c, 0, x->dtype, 4, dims, err);
    double *plane = y ? real_new(x->dims[2], x->dims[3], err) : NULL;
    int result = plane ? 0 : -1;
    for (int64_t i = 0; !result && i < dims[0]; i++) {
        double roi[5], box[4];
        real_read(rois, 5 * i, 5, roi);
        for (int k = 0; k < 4; k++)
            box[k] = round(roi[k + 1] * scale);
        if (!(roi[0] >= 0 && roi[0] < (double)x->dims[0]))
            result = eval_error(c, err, "input rois names image %g, want 0 to %lld", roi[0], (long long)x->dims[0] - 1);
        else
            pool_region(x, box, (int64_t)roi[0], size, plane, y, i * dims[1] * size[0] * size[1]);
    }
    free(plane);
    return result;
}

int infer_max_roi_pool(struct op_infer *c, struct error *err)
{
    const struct type *x = real_type(c, 0), *rois = real_type(c, 1);
    int64_t dims[4] = {DIM_UNKNOWN, DIM_UNKNOWN, 0, 0};
    double scale;
    if (read_pooled_shape(c->node, &scale, dims + 2, err) < 0)
        return real_infer_fail(c, err);
    if (rois->rank >= 0 && rois->rank != 2)
        return infer_error(c, err, "input rois has rank %d, want 2", rois->rank);
    if (x->rank >= 0 && x->rank != 4)
        return infer_error(c, err, "input X has rank %d, want 4", x->rank);
    dims[0] = rois->rank == 2 ? rois->dims[0] : DIM_UNKNOWN;
    dims[1] = x->rank == 4 ? x->dims[1] : DIM_UNKNOWN;
    return infer_set(c, 0, x->dtype, 4, dims, err);
}
