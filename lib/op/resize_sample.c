/* Resampling. Interpolation is separable: one axis after the other, each output place a weighted sum of taps. Nearest
 * copies elements, of any type. The weights are Keys' cubic convolution (IEEE ASSP 29(6), 1981) or the hat function,
 * stretched when antialiasing. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "op/real.h"
#include "op/resize.h"
#include "op/util.h"

/* Where output place y of an axis lies in the input. */
static double source(const struct resize *r, int axis, int64_t y)
{
    double scale = r->scale[axis], in = (double)r->in[axis], out = (double)r->out[axis], wide = scale * in;
    switch (r->coordinates) {
    case ALIGN_CORNERS:
        return out == 1 ? 0 : (double)y * (in - 1) / (out - 1);
    case ASYMMETRIC:
        return (double)y / scale;
    case PYTORCH_HALF_PIXEL:
        return r->out[axis] <= 1 ? 0 : ((double)y + 0.5) / scale - 0.5;
    case HALF_PIXEL_SYMMETRIC:
        return in / 2 * (1 - out / wide) + ((double)y + 0.5) / scale - 0.5;
    case TF_CROP_AND_RESIZE:
        if (r->out[axis] <= 1)
            return (r->start[axis] + r->end[axis]) * (in - 1) / 2;
        return r->start[axis] * (in - 1) + (double)y * (r->end[axis] - r->start[axis]) * (in - 1) / (out - 1);
    default:
        return ((double)y + 0.5) / scale - 0.5;
    }
}

/* Whether a crop's place lies outside of the input. */
static bool is_outside(const struct resize *r, int axis, double x)
{
    return r->coordinates == TF_CROP_AND_RESIZE && !(x >= 0 && x <= (double)(r->in[axis] - 1));
}

static double weight(const struct resize *r, double x)
{
    double a = r->cubic;
    x = fabs(x);
    if (r->method == LINEAR)
        return x < 1 ? 1 - x : 0;
    if (x <= 1)
        return ((a + 2) * x - (a + 3)) * x * x + 1;
    return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0;
}

/* Taps that resize_taps() looks through at the most. */
#define RESIZE_TAPS_MAX 64

/* Taps of one axis at a time: `count` weights, for input places first + i, clamped to the input. */
struct taps {
    int64_t count, first;
    double *weights;
};

static int64_t taps_of(const struct resize *r, int axis)
{
    double reach = r->method == CUBIC ? 2 : 1, scale = r->antialias ? fmin(r->scale[axis], 1) : 1;
    return 2 - 2 * (int64_t)(floor(-reach / scale) + 1);
}

static void make_taps(const struct resize *r, int axis, double x, struct taps *t)
{
    double base = floor(x), scale = r->antialias ? fmin(r->scale[axis], 1) : 1, sum = 0;
    if (base == x)
        base -= 1; /* the ratio is in (0, 1]: the left of two equally near windows */
    int64_t offset = 1 - t->count / 2;
    t->first = (int64_t)base + offset;
    for (int64_t i = 0; i < t->count; i++) {
        int64_t at = t->first + i;
        bool left_out = r->exclude_outside && (at < 0 || at >= r->in[axis]);
        t->weights[i] = left_out ? 0 : weight(r, ((double)(offset + i) - (x - base)) * scale);
        sum += t->weights[i];
    }
    for (int64_t i = 0; i < t->count && sum != 0 && (r->antialias || r->exclude_outside); i++)
        t->weights[i] /= sum;
}

static int64_t clamp(int64_t at, int64_t size)
{
    return at < 0 ? 0 : at >= size ? size - 1 : at;
}

/* from: outer x in x inner, to: outer x out x inner. */
static void resize_axis(const struct resize *r, int axis, const double *from, double *to, int64_t outer, int64_t inner,
                        struct taps *t)
{
    int64_t in = r->in[axis], out = r->out[axis];
    for (int64_t y = 0; y < out; y++) {
        double x = source(r, axis, y);
        bool outside = is_outside(r, axis, x);
        if (!outside)
            make_taps(r, axis, x, t);
        for (int64_t o = 0; o < outer; o++) {
            double *row = to + (o * out + y) * inner;
            for (int64_t i = 0; i < inner; i++)
                row[i] = outside ? r->outside : 0;
            for (int64_t k = 0; !outside && k < t->count; k++) {
                const double *line = from + (o * in + clamp(t->first + k, in)) * inner;
                for (int64_t i = 0; i < inner && t->weights[k] != 0; i++)
                    row[i] += t->weights[k] * line[i];
            }
        }
    }
}

static bool is_identity(const struct resize *r, int axis)
{
    return r->scale[axis] == 1 && r->in[axis] == r->out[axis] &&
           (r->coordinates != TF_CROP_AND_RESIZE || (r->start[axis] == 0 && r->end[axis] == 1));
}

/* All axes in turn; *data is replaced. */
static int resize_axes(const struct resize *r, double **data, struct error *err)
{
    int64_t dims[TENSOR_MAX_RANK];
    memcpy(dims, r->in, sizeof dims);
    for (int axis = 0; axis < r->rank; axis++) {
        if (is_identity(r, axis))
            continue;
        int64_t outer = real_product(dims, 0, axis), inner = real_product(dims, axis + 1, r->rank);
        struct taps t = {.count = taps_of(r, axis)};
        int64_t size;
        if (__builtin_mul_overflow(outer * inner, r->out[axis], &size))
            return error_set(err, "the output is too large");
        double *next = real_new(size, 1, err);
        t.weights = next ? real_new(t.count, 1, err) : NULL;
        if (t.weights)
            resize_axis(r, axis, *data, next, outer, inner, &t);
        bool ok = t.weights != NULL;
        free(t.weights);
        free(ok ? *data : next);
        if (!ok)
            return -1;
        *data = next;
        dims[axis] = r->out[axis];
    }
    return 0;
}

int resize_interpolate(const struct resize *r, const struct tensor *x, struct tensor *y, struct error *err)
{
    double *data = real_load(x, err);
    if (!data)
        return -1;
    int result = resize_axes(r, &data, err);
    for (int64_t i = 0; !result && i < y->count; i++)
        data[i] = real_saturate(y->dtype, data[i]);
    if (!result)
        real_write(y, 0, y->count, data);
    free(data);
    return result;
}

/* ---- nearest ---- */

/* Places are rounded to floats, which is what runtimes compute with: 3 / 0.6f is 5 there, not just below. */
static int64_t nearest(const struct resize *r, int axis, int64_t y)
{
    double x = (float)source(r, axis, y);
    if (is_outside(r, axis, x))
        return -1;
    switch (r->rounding) {
    case ROUND_PREFER_FLOOR:
        x = ceil(x - 0.5);
        break;
    case ROUND_PREFER_CEIL:
        x = floor(x + 0.5);
        break;
    case ROUND_FLOOR:
        x = floor(x);
        break;
    default:
        x = ceil(x);
    }
    return clamp((int64_t)x, r->in[axis]);
}

/* Copies the lines of the last axis, whose sources are `last`; the other axes' stand in `table` from `first` on. */
static void copy_nearest(const struct resize *r, const struct tensor *x, struct tensor *y, const int64_t *table,
                         const int64_t *first)
{
    int64_t index[TENSOR_MAX_RANK] = {0}, in_steps[TENSOR_MAX_RANK];
    op_steps(r->rank, r->in, in_steps);
    for (int64_t at = 0; at < y->count; at++) {
        int64_t from = 0;
        bool outside = false;
        for (int i = 0; i < r->rank; i++) {
            int64_t place = table[first[i] + index[i]];
            outside |= place < 0;
            from += place * in_steps[i];
        }
        if (!outside)
            op_move(y, at, 1, x, from, 1, 1);
        else if (y->dtype != DTYPE_STRING)
            tensor_set_f64(y, at, r->outside);
        for (int i = r->rank - 1; i >= 0 && ++index[i] == r->out[i]; i--)
            index[i] = 0;
    }
}

int resize_nearest(const struct resize *r, const struct tensor *x, struct tensor *y, struct error *err)
{
    int64_t first[TENSOR_MAX_RANK], count = 0;
    for (int i = 0; i < r->rank; i++) {
        first[i] = count;
        count += r->out[i];
    }
    int64_t *table = mem_calloc((size_t)count, sizeof(int64_t), err);
    if (!table)
        return -1;
    for (int i = 0; i < r->rank; i++)
        for (int64_t k = 0; k < r->out[i]; k++)
            table[first[i] + k] = is_identity(r, i) ? k : nearest(r, i, k);
    copy_nearest(r, x, y, table, first);
    free(table);
    return 0;
}

/* ---- one place at a time ---- */

int resize_taps(const struct resize *r, int axis, int64_t y, int64_t *index, double *weight, int max)
{
    double weights[RESIZE_TAPS_MAX];
    struct taps t = {.count = r->method == NEAREST ? 1 : taps_of(r, axis), .weights = weights};
    if (r->method == NEAREST || is_identity(r, axis)) {
        index[0] = r->method == NEAREST ? nearest(r, axis, y) : y;
        weight[0] = 1;
        return index[0] < 0 ? -1 : 1;
    }
    double x = source(r, axis, y);
    if (is_outside(r, axis, x) || t.count > RESIZE_TAPS_MAX)
        return -1;
    make_taps(r, axis, x, &t);
    int n = 0;
    for (int64_t i = 0; i < t.count; i++) {
        int64_t at = clamp(t.first + i, r->in[axis]);
        if (weights[i] == 0)
            continue;
        if (n > 0 && index[n - 1] == at) { /* the edge, again */
            weight[n - 1] += weights[i];
            continue;
        }
        if (n == max)
            return -1;
        index[n] = at;
        weight[n++] = weights[i];
    }
    return n;
}
