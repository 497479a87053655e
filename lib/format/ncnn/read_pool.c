/* Pooling and reduction. */
#include <float.h>
#include <string.h>

#include "format/ncnn/read_window.h"

static const struct window_ids pool_ids[WINDOW_AXES] = {{1, -1, 2, 3, 14}, {11, -1, 12, 13, 15}, {21, -1, 22, 23, 16}};

enum { PAD_FULL, PAD_VALID, PAD_UPPER, PAD_LOWER };

static bool is_average(const struct reader *r)
{
    return ncnn_int(r->l, 0, 0) == 1;
}

static struct value *global(struct reader *r, struct value *x)
{
    return BUILD(&r->b, is_average(r) ? "GlobalAveragePool" : "GlobalMaxPool", x);
}

/* Bins of nearly equal size; of -233 the axis as it is. */
static struct value *adaptive(struct reader *r, struct value *x, int axes)
{
    static const int ids[WINDOW_AXES] = {8, 18, 28};
    int64_t size[WINDOW_AXES];
    int width = ncnn_int(r->l, 8, 0);
    bool all_one = true;
    for (int i = 0; i < axes; i++) {
        int64_t n = ncnn_int(r->l, ids[i], width);
        if (n != -233 && (n < 1 || n > 1 << 16))
            build_fail(&r->b, "has an output of %lld", (long long)n);
        all_one &= n == 1;
        size[axes - 1 - i] = n == -233 ? 0 : n;
    }
    if (all_one)
        return global(r, x);
    struct value *v = build_ints(&r->b, BUILD(&r->b, "nn.AdaptivePool", x), "output_size", axes, size);
    return build_string(&r->b, v, "mode", is_average(r) ? "average" : "max");
}

/* What the last window of an axis needs beyond the pads, so that all elements are in one; -1 when the size is not
 * known. */
static int64_t tail(struct reader *r, struct value *x, const struct window *w, int i)
{
    int64_t size = ncnn_size(r, x, i + 1);
    if (size < 0)
        return -1;
    int64_t over = (size + w->pads[i] + w->pads[i + w->axes] - w->kernel[i]) % w->stride[i];
    return over > 0 ? w->stride[i] - over : 0;
}

/* Mode 0, as many windows as cover all, where the sizes are known: the tail becomes part of the pads. */
static bool set_full(struct reader *r, struct value *x, struct window *w)
{
    int64_t more[WINDOW_AXES];
    for (int i = 0; i < w->axes; i++) {
        more[i] = w->stride[i] == 1 ? 0 : tail(r, x, w, i);
        if (more[i] < 0)
            return false;
    }
    for (int i = 0; i < w->axes; i++)
        w->pads[i + w->axes] += more[i];
    return true;
}

/* Where sizes are not known, ONNX's ceil_mode does the same unless a window can lie in pads alone, or an average counts
 * these. */
static bool is_ceil_mode(const struct window *w, bool counts)
{
    for (int i = 0; i < w->axes; i++)
        if (w->pads[i + w->axes] + w->stride[i] > w->kernel[i])
            return false;
    return !counts;
}

/* A pad as wide as the window is not a pool's business. */
static bool too_wide(const struct window *w)
{
    for (int i = 0; i < 2 * w->axes; i++)
        if (w->pads[i] >= w->kernel[i % w->axes])
            return true;
    return false;
}

static struct value *open_full_pool(struct reader *r, struct value *x, const struct window *w, bool counts)
{
    struct build *b = &r->b;
    bool average = is_average(r);
    if (is_ceil_mode(w, counts))
        return build_int(b, ncnn_window_set(r, BUILD(b, average ? "AveragePool" : "MaxPool", x), w), "ceil_mode", 1);
    struct value *v = ncnn_window_set(r, BUILD(b, average ? "nn.AveragePool" : "nn.MaxPool", x), w);
    build_string(b, v, "rounding", "ceil_full");
    return average && counts ? build_string(b, v, "count", "include") : v;
}

static struct value *pool(struct reader *r, struct value *x, struct window *w, bool counts)
{
    struct build *b = &r->b;
    bool average = is_average(r);
    if (too_wide(w) && (counts || !average)) {
        x = ncnn_window_pad(r, x, w, w->pads, average ? 0 : -FLT_MAX);
        memset(w->pads, 0, sizeof(w->pads));
    }
    struct value *v = ncnn_window_set(r, BUILD(b, average ? "AveragePool" : "MaxPool", x), w);
    return average && counts ? build_int(b, v, "count_include_pad", 1) : v;
}

struct value *ncnn_pooling(struct reader *r)
{
    struct window w;
    struct value *x = ncnn_in(r, 0);
    int mode = ncnn_int(r->l, 5, PAD_FULL), dims = ncnn_dims(r, x);
    if (ncnn_int(r->l, 4, 0))
        return build_reshape(&r->b, global(r, x), 2, (int64_t[]){0, -1});
    if (ncnn_int(r->l, 7, 0))
        return adaptive(r, x, dims - 1);
    ncnn_window_read(r, &w, pool_ids);
    if (dims != w.axes + 1)
        build_fail(&r->b, "wants a blob of %d axes, not of %d", w.axes + 1, dims);
    if (r->b.failed)
        return NULL;
    /* With SAME modes ncnn divides by the whole window also where it does not count pads: these are not the file's. */
    bool counts = is_average(r) && (ncnn_int(r->l, 6, 0) || mode == PAD_UPPER || mode == PAD_LOWER);
    if (mode == PAD_UPPER || mode == PAD_LOWER) {
        w.same = mode == PAD_UPPER ? "SAME_UPPER" : "SAME_LOWER";
        memset(w.pads, 0, sizeof(w.pads));
    } else if (mode == PAD_FULL && !set_full(r, x, &w)) {
        return open_full_pool(r, x, &w, counts);
    }
    return pool(r, x, &w, counts);
}

/* The mean of each channel, and behind these the deviations. */
struct value *ncnn_statistics_pooling(struct reader *r)
{
    struct build *b = &r->b;
    struct value *x = ncnn_in(r, 0), *mean = BUILD(b, "GlobalAveragePool", x);
    struct value *flat = build_reshape(b, mean, 2, (int64_t[]){0, -1});
    if (!ncnn_int(r->l, 0, 0))
        return flat;
    struct value *off = BUILD(b, "Sub", x, mean);
    struct value *deviation = BUILD(b, "Sqrt", BUILD(b, "GlobalAveragePool", BUILD(b, "Mul", off, off)));
    deviation = build_reshape(b, deviation, 2, (int64_t[]){0, -1});
    return BUILD(b, "Concat/axis=1", flat, deviation);
}

/* One level of a pyramid: n x n windows over the map with zeros around it. */
static struct value *pyramid_level(struct reader *r, struct value *x, int64_t n)
{
    struct window w = {.axes = 2};
    for (int i = 0; i < 2; i++) {
        int64_t size = ncnn_size(r, x, i + 1);
        if (size < 1)
            build_fail(&r->b, "wants to know the size of its map");
        w.kernel[i] = w.stride[i] = (size + n - 1) / n;
        w.dilation[i] = 1;
        w.pads[i] = w.pads[i + 2] = (w.kernel[i] * n - size + 1) / 2;
    }
    if (r->b.failed)
        return NULL;
    struct value *padded = w.pads[0] || w.pads[1] ? ncnn_window_pad(r, x, &w, w.pads, 0) : x;
    memset(w.pads, 0, sizeof(w.pads));
    return ncnn_window_set(r, BUILD(&r->b, is_average(r) ? "AveragePool" : "MaxPool", padded), &w);
}

/* Pools of 1, 4, 16, … windows, each flattened, one behind the other. */
struct value *ncnn_spp(struct reader *r)
{
    struct build *b = &r->b;
    struct value *in[8], *x = ncnn_in(r, 0);
    int levels = ncnn_int(r->l, 1, 1);
    if (ncnn_dims(r, x) != 3 || levels < 1 || levels > 8)
        build_fail(b, "has %d levels, or a blob that is not of three axes", levels);
    for (int i = 0; i < levels && !b->failed; i++)
        in[i] = build_reshape(b, pyramid_level(r, x, 1 << i), 2, (int64_t[]){0, -1});
    return b->failed ? NULL : build_int(b, build_node(b, "Concat", levels, in), "axis", 1);
}

/* ---- Reduction ---- */

static const char *const reductions[] = {
    "ReduceSum",  "ReduceL1", "ReduceSumSquare", "ReduceMean",   "ReduceMax",       "ReduceMin",
    "ReduceProd", "ReduceL1", "ReduceL2",        "ReduceLogSum", "ReduceLogSumExp",
};

/* A blob has at least one axis: what would be a single number keeps one of 1. */
struct value *ncnn_reduction(struct reader *r)
{
    struct build *b = &r->b;
    int64_t axes[TENSOR_MAX_RANK];
    struct value *x = ncnn_in(r, 0);
    int dims = ncnn_dims(r, x), type = ncnn_int(r->l, 0, 0), n = (int)ncnn_count(r->l, 3);
    bool keeps = ncnn_int(r->l, 4, 0) != 0;
    if (type < 0 || type >= (int)(sizeof(reductions) / sizeof(reductions[0])) || n > 4)
        build_fail(b, "has the unknown type %d, or %d axes", type, n);
    if (b->failed)
        return NULL;
    if (ncnn_int(r->l, 1, 1) || !n) {
        for (n = 0; n < dims; n++)
            axes[n] = n + 1;
    } else {
        for (int i = 0; i < n; i++)
            axes[i] = ncnn_axis(r, x, ncnn_int_at(r->l, 3, (size_t)i));
    }
    bool scalar = n == dims && !keeps;
    struct value *v = BUILD(b, reductions[type], x, build_list(b, n, axes));
    build_int(b, v, "keepdims", keeps);
    if (scalar)
        v = build_reshape(b, v, 2, (int64_t[]){0, 1});
    float factor = ncnn_float(r->l, 2, 1);
    return factor == 1 ? v : ncnn_by(r, "Mul", v, factor);
}
