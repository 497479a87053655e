/* GridSample in any number of dimensions. (Jaderberg et al. 2015.) */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "op/real.h"
#include "op/rows.h"
#include "op/util.h"

/* ---- GridSample ---- */

enum method { NEAREST, LINEAR, CUBIC };
enum padding { ZEROS, BORDER, REFLECTION };

enum { SPATIAL_MAX = TENSOR_MAX_RANK - 2, TAPS_MAX = 4 };

struct sampler {
    enum method method;
    enum padding padding;
    bool align_corners;
    int rank; /* spatial */
    int64_t dims[SPATIAL_MAX];
};

/* Where one place of the grid lies on each axis: the input places of its taps (-1: a zero) and their weights. */
struct place {
    int taps;
    int64_t at[SPATIAL_MAX][TAPS_MAX];
    double weights[SPATIAL_MAX][TAPS_MAX];
};

/* Folds x back and forth between low and high until it lies within. */
static double reflect(double x, double low, double high)
{
    double range = high - low, over = x < low ? low - x : x - high;
    if (range <= 0 || !isfinite(x))
        return low > 0 ? low : 0;
    if (x >= low && x <= high)
        return x;
    double rest = fmod(over, range);
    bool even = fmod(floor(over / range), 2) == 0;
    return (x < low) == even ? low + rest : high - rest;
}

/* A normalised coordinate in pixels of axis i, brought inside as the padding asks, and never further out than taps can
 * tell. */
static double pixel_of(const struct sampler *s, int i, double n)
{
    double size = (double)s->dims[i];
    double x = s->align_corners ? (n + 1) / 2 * (size - 1) : ((n + 1) * size - 1) / 2;
    double low = s->align_corners ? 0 : -0.5, high = s->align_corners ? size - 1 : size - 0.5;
    if (s->method == NEAREST)
        x = nearbyint(x);
    if (!(x >= low && x <= high)) {
        if (s->padding == BORDER && s->method != CUBIC) /* whose taps are brought inside one by one */
            x = x > size - 1 ? size - 1 : x > 0 ? x : 0;
        else if (s->padding == REFLECTION)
            x = reflect(x, low, high);
    }
    return x > size + 3 ? size + 3 : x > -4 ? x : -4;
}

/* The input place for tap `at` of axis i; -1 for a zero. */
static int64_t tap_place(const struct sampler *s, int i, int64_t at)
{
    int64_t size = s->dims[i];
    if (at >= 0 && at < size)
        return at;
    if (s->padding == ZEROS)
        return -1;
    if (s->padding == REFLECTION) {
        double low = s->align_corners ? 0 : -0.5, high = s->align_corners ? (double)size - 1 : (double)size - 0.5;
        at = (int64_t)reflect((double)at, low, high);
    }
    return at < 0 ? 0 : at >= size ? size - 1 : at;
}

/* Keys' cubic convolution with a = -0.75, for the four taps around a place x in [0, 1). */
static void cubic_weights(double x, double *weights)
{
    const double a = -0.75;
    for (int i = 0; i < 4; i++) {
        double d = fabs(x + 1 - i);
        weights[i] = d <= 1 ? ((a + 2) * d - (a + 3)) * d * d + 1 : ((a * d - 5 * a) * d + 8 * a) * d - 4 * a;
    }
}

static void find_place(const struct sampler *s, const double *normal, struct place *p)
{
    p->taps = s->method == NEAREST ? 1 : s->method == LINEAR ? 2 : 4;
    for (int i = 0; i < s->rank; i++) {
        double x = pixel_of(s, i, normal[s->rank - 1 - i]), base = floor(x); /* the grid has the last axis first */
        int64_t first = (int64_t)base - (s->method == CUBIC);
        for (int k = 0; k < p->taps; k++)
            p->at[i][k] = tap_place(s, i, first + k);
        p->weights[i][0] = s->method == NEAREST ? 1 : 1 - (x - base);
        p->weights[i][1] = x - base;
        if (s->method == CUBIC)
            cubic_weights(x - base, p->weights[i]);
    }
}

/* The weighted sum over all combinations of taps from axis i on. */
static double weigh(const struct sampler *s, const struct place *p, const double *plane, int i, int64_t offset)
{
    double sum = 0;
    if (i == s->rank)
        return plane[offset];
    for (int k = 0; k < p->taps; k++)
        if (p->at[i][k] >= 0 && p->weights[i][k] != 0)
            sum += p->weights[i][k] * weigh(s, p, plane, i + 1, offset * s->dims[i] + p->at[i][k]);
    return sum;
}

/* The one input place of the nearest method; -1 for a zero. */
static int64_t only_place(const struct sampler *s, const struct place *p)
{
    int64_t offset = 0;
    for (int i = 0; i < s->rank; i++) {
        if (p->at[i][0] < 0)
            return -1;
        offset = offset * s->dims[i] + p->at[i][0];
    }
    return offset;
}

/* Image `image`: x its planes as doubles (unless nearest), places x channels into y. */
static void sample_image(const struct sampler *s, const struct tensor *x, const double *planes,
                         const struct tensor *grid, int64_t image, struct tensor *y)
{
    int64_t channels = x->dims[1], in_size = tensor_count(s->rank, s->dims);
    int64_t places = grid->dims[0] ? grid->count / grid->dims[0] / s->rank : 0;
    for (int64_t at = 0; at < places; at++) {
        double normal[SPATIAL_MAX];
        struct place p;
        real_read(grid, (image * places + at) * s->rank, s->rank, normal);
        find_place(s, normal, &p);
        int64_t only = s->method == NEAREST ? only_place(s, &p) : -1;
        for (int64_t c = 0; c < channels; c++) {
            int64_t plane = image * channels + c, to = plane * places + at;
            if (only >= 0)
                op_move(y, to, 1, x, plane * in_size + only, 1, 1);
            if (s->method == NEAREST)
                continue;
            double value = real_saturate(y->dtype, weigh(s, &p, planes + c * in_size, 0, 0));
            real_write(y, to, 1, &value);
        }
    }
}

static int run_sampler(const struct sampler *s, const struct tensor *x, const struct tensor *grid, struct tensor *y,
                       struct error *err)
{
    int64_t size = real_product(x->dims, 1, x->rank);
    double *planes = s->method == NEAREST ? NULL : real_new(size, 1, err);
    if (s->method != NEAREST && !planes)
        return -1;
    for (int64_t image = 0; image < x->dims[0]; image++) {
        if (planes)
            real_read(x, image * size, size, planes);
        sample_image(s, x, planes, grid, image, y);
    }
    free(planes);
    return 0;
}

static int read_sampler(struct sampler *s, const struct node *n, struct error *err)
{
    static const char *const methods[] = {"nearest", "linear", "cubic"}, *const paddings[] = {"zeros", "border",
                                                                                              "reflection"};
    const char *mode = op_string(n, "mode"), *padding = op_string(n, "padding_mode");
    int m = 0, p = 0;
    while (m < 3 && strcmp(mode, methods[m]))
        m++;
    while (p < 3 && strcmp(padding, paddings[p]))
        p++;
    if (m == 3)
        return error_set(err, "attribute mode: '%.40s', want nearest, linear or cubic", mode);
    if (p == 3)
        return error_set(err, "attribute padding_mode: '%.40s', want zeros, border or reflection", padding);
    s->method = (enum method)m;
    s->padding = (enum padding)p;
    s->align_corners = op_int(n, "align_corners") != 0;
    return 0;
}

static int check_grid(const struct sampler *s, const struct tensor *x, const struct tensor *grid, struct error *err)
{
    enum dtype_class class = dtype_info(x->dtype)->class;
    if (x->rank < 3 || grid->rank != x->rank)
        return error_set(err, "X has rank %d and grid rank %d, want the same, at least 3", x->rank, grid->rank);
    if (grid->dims[0] != x->dims[0])
        return error_set(err, "grid is for %lld images, but X has %lld", (long long)grid->dims[0],
                         (long long)x->dims[0]);
    if (grid->dims[grid->rank - 1] != x->rank - 2)
        return error_set(err, "grid has %lld coordinates, want %d", (long long)grid->dims[grid->rank - 1], x->rank - 2);
    if (s->method != NEAREST && (class == DTYPE_CLASS_STRING || class == DTYPE_CLASS_COMPLEX))
        return error_set(err, "attribute mode: elements of type %s have only nearest", dtype_info(x->dtype)->name);
    for (int i = 2; i < x->rank; i++)
        if (x->dims[i] == 0 && grid->count > 0)
            return error_set(err, "X is empty");
    return 0;
}

int eval_grid_sample(struct op_eval *c, struct error *err)
{
    const struct tensor *x = eval_in(c, 0), *grid = eval_in(c, 1);
    struct sampler s;
    if (read_sampler(&s, c->node, err) < 0 || check_grid(&s, x, grid, err) < 0)
        return real_eval_fail(c, err);
    s.rank = x->rank - 2;
    int64_t dims[TENSOR_MAX_RANK] = {x->dims[0], x->dims[1]};
    for (int i = 0; i < s.rank; i++) {
        s.dims[i] = x->dims[i + 2];
        dims[i + 2] = grid->dims[i + 1];
    }
    struct tensor *y = eval_out(c, 0, x->dtype, x->rank, dims, err);
    if (y && y->count == 0)
        return 0;
    return y ? run_sampler(&s, x, grid, y, err) : -1;
}

int infer_grid_sample(struct op_infer *c, struct error *err)
{
    const struct type *x = real_type(c, 0), *grid = real_type(c, 1);
    int rank = x->rank >= 0 ? x->rank : grid->rank;
    struct sampler s;
    if (read_sampler(&s, c->node, err) < 0)
        return real_infer_fail(c, err);
    if (x->rank >= 0 && grid->rank >= 0 && x->rank != grid->rank)
        return infer_error(c, err, "X has rank %d and grid rank %d, want the same", x->rank, grid->rank);
    if (rank >= 0 && rank < 3)
        return infer_error(c, err, "X has rank %d, want at least 3", rank);
    if (grid->rank >= 0 && grid->dims[rank - 1] >= 0 && grid->dims[rank - 1] != rank - 2)
        return infer_error(c, err, "grid has %lld coordinates, want %d", (long long)grid->dims[rank - 1], rank - 2);
    int64_t dims[TENSOR_MAX_RANK];
    for (int i = 0; i < rank; i++)
        dims[i] = i >= 2 ? (grid->rank < 0 ? DIM_UNKNOWN : grid->dims[i - 1]) : x->rank < 0 ? DIM_UNKNOWN : x->dims[i];
    if (rank >= 0 && dims[0] == DIM_UNKNOWN && grid->rank >= 0)
        dims[0] = grid->dims[0];
    return infer_set(c, 0, x->dtype, rank, rank < 0 ? NULL : dims, err);
}
