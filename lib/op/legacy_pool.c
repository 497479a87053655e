/* Pools with the rounding and the divisors of Caffe and ncnn, as ONNX's. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "op/attr.h"
#include "op/build.h"
#include "op/real.h"
#include "op/rows.h"
#include "op/window.h"

enum rounding { ROUND_FLOOR, ROUND_CEIL, ROUND_CAFFE, ROUND_FULL };
enum divisor { COUNT_EXCLUDE, COUNT_CLIPPED, COUNT_INCLUDE };

struct pool {
    struct window w;
    enum rounding rounding;
    enum divisor divisor;
    bool max;
};

static int read_pool(struct pool *p, const struct node *n, int rank, struct error *err)
{
    static const char *const roundings[] = {"floor", "ceil", "ceil_caffe", "ceil_full"};
    static const char *const divisors[] = {"exclude", "include_clipped", "include"};
    int rounding, divisor = COUNT_EXCLUDE;
    p->max = strcmp(n->op, "MaxPool") == 0;
    if (attr_choice(n, "rounding", roundings, 4, &rounding, err) < 0 ||
        (!p->max && attr_choice(n, "count", divisors, 3, &divisor, err) < 0))
        return -1;
    p->rounding = (enum rounding)rounding;
    p->divisor = (enum divisor)divisor;
    if (rank < 3 || rank - 2 > WINDOW_MAX)
        return error_set(err, "X has rank %d, want at least 3", rank);
    return window_read(&p->w, n, rank - 2, NULL, err);
}

/* Whether windows that start behind the input and its begin padding are dropped. */
static bool drops(const struct pool *p)
{
    bool padded = false;
    for (int i = 0; i < p->w.rank; i++)
        padded |= p->w.begin[i] > 0 || p->w.end[i] > 0;
    return p->rounding == ROUND_CEIL || (p->rounding == ROUND_CAFFE && padded);
}

/* Whether no input has such windows, or they are dropped: ONNX's ceil_mode then. */
static bool is_ceil_mode(const struct pool *p)
{
    bool same = true;
    for (int i = 0; i < p->w.rank; i++)
        same &= p->w.end[i] + p->w.stride[i] <= p->w.kernel[i];
    return p->rounding != ROUND_FLOOR && (drops(p) || same);
}

/* Output size of axis i for a known input size. */
static int out_dim(const struct pool *p, int i, int64_t in, int64_t *out, struct error *err)
{
    const struct window *w = &p->w;
    if (in > INT64_MAX / 4)
        return error_set(err, "spatial axis %d is too long", i);
    int64_t over = in + w->begin[i] + w->end[i] - w->kernel[i], stride = w->stride[i];
    if (over < 0 && (p->rounding == ROUND_FLOOR || over <= -stride))
        return error_set(err, "the window covers %lld on spatial axis %d, but the padded input has only %lld",
                         (long long)w->kernel[i], i, (long long)(over + w->kernel[i]));
    *out = over < 0 ? 1 : over / stride + (p->rounding != ROUND_FLOOR && over % stride) + 1;
    if (drops(p) && *out > 1 && (*out - 1) * stride >= in + w->begin[i])
        --*out;
    return 0;
}

static int infer_dim(const struct pool *p, struct graph *g, int i, int64_t in, int64_t *out, struct error *err)
{
    struct window w = p->w;
    *out = DIM_UNKNOWN;
    if (in >= 0)
        return out_dim(p, i, in, out, err);
    w.ceil = is_ceil_mode(p);
    return w.ceil || p->rounding == ROUND_FLOOR ? window_infer_dim(g, &w, i, in, out, err) : 0;
}

int infer_legacy_pool(struct op_infer *c, struct error *err)
{
    const struct type *x = real_type(c, 0);
    struct pool p;
    int64_t dims[TENSOR_MAX_RANK];
    if (x->rank < 0)
        return infer_set(c, 0, x->dtype, -1, NULL, err);
    if (read_pool(&p, c->node, x->rank, err) < 0)
        return real_infer_fail(c, err);
    for (int i = 0; i < x->rank; i++) {
        dims[i] = x->dims[i];
        if (i >= 2 && infer_dim(&p, c->graph, i - 2, x->dims[i], &dims[i], err) < 0)
            return real_infer_fail(c, err);
    }
    return infer_set(c, 0, x->dtype, x->rank, dims, err);
}

/* ---- expansion ---- */

static struct value *pool_node(struct build *b, const struct pool *p, struct value *x, const int64_t *pads, bool ceil,
                               bool include)
{
    int n = p->w.rank;
    struct value *y = BUILD(b, p->max ? "MaxPool" : "AveragePool", x);
    y = build_ints(b, build_ints(b, y, "kernel_shape", n, p->w.kernel), "strides", n, p->w.stride);
    if (pads)
        y = build_ints(b, y, "pads", 2 * n, pads);
    if (ceil)
        y = build_int(b, y, "ceil_mode", 1);
    return include ? build_int(b, y, "count_include_pad", 1) : y;
}

static double lowest(enum dtype dtype)
{
    return dtype == DTYPE_F64 ? -DBL_MAX : dtype == DTYPE_F16 ? -65504 : dtype == DTYPE_BF16 ? -0x1.fep127 : -FLT_MAX;
}

/* x with these pads before and behind its spatial axes. */
static struct value *padded(struct build *b, const struct pool *p, struct value *x, const int64_t *pads)
{
    int n = p->w.rank, rank = n + 2;
    int64_t all[2 * TENSOR_MAX_RANK] = {0};
    for (int i = 0; i < n; i++) {
        all[2 + i] = pads[i];
        all[rank + 2 + i] = pads[n + i];
    }
    enum dtype dtype = build_dtype(b, 0);
    x = BUILD(b, "Pad", x, build_list(b, 2 * rank, all), build_number(b, dtype, p->max ? lowest(dtype) : 0));
    /* onnxruntime (1.31) makes zeros the pool's own, and then refuses pads that are not smaller than the window. */
    bool wide = false;
    for (int i = 0; i < 2 * n; i++)
        wide = wide || pads[i] >= p->w.kernel[i % n];
    return wide && !p->max ? BUILD(b, "Sum", x) : x;
}

/* How many taps of the window at place `at` an average divides by. */
static double taps(const struct pool *p, int i, int64_t at, int64_t in)
{
    const struct window *w = &p->w;
    int64_t from = at * w->stride[i] - w->begin[i], to = from + w->kernel[i];
    int64_t low = p->divisor == COUNT_EXCLUDE ? 0 : -w->begin[i];
    int64_t high = p->divisor == COUNT_EXCLUDE ? in : in + w->end[i];
    if (p->divisor == COUNT_INCLUDE)
        return (double)w->kernel[i];
    from = from < low ? low : from;
    to = to > high ? high : to;
    return to > from ? (double)(to - from) : 0;
}

#define FACTORS_MAX ((int64_t)1 << 22)

/* [1, 1, out…]: the window's taps over those that count. */
static struct value *factors(struct build *b, const struct pool *p, const int64_t *in, const int64_t *out)
{
    int n = p->w.rank;
    int64_t dims[TENSOR_MAX_RANK] = {1, 1}, at[TENSOR_MAX_RANK] = {0};
    memcpy(dims + 2, out, (size_t)n * sizeof *out);
    int64_t count = tensor_count(n, out);
    if (count < 0 || count > FACTORS_MAX)
        build_fail(b, "the pool has too many windows");
    struct tensor *t = b->failed ? NULL : tensor_new(build_dtype(b, 0), n + 2, dims, b->err);
    for (int64_t k = 0; t && k < t->count; k++, window_next(n, out, at)) {
        double factor = 1;
        for (int i = 0; i < n; i++)
            factor *= (double)p->w.kernel[i] / taps(p, i, at[i], in[i]);
        tensor_set_f64(t, k, factor);
    }
    return b->failed ? NULL : build_constant(b, NULL, t);
}

/* The pool for known sizes: pads so that no window reaches beyond them. */
static struct value *sized_pool(struct build *b, const struct pool *p, struct value *x, const int64_t *in)
{
    int n = p->w.rank;
    int64_t pads[2 * WINDOW_MAX], out[WINDOW_MAX];
    bool small = true, counted = p->divisor != COUNT_CLIPPED;
    for (int i = 0; i < n; i++) {
        build_check(b, out_dim(p, i, in[i], &out[i], b->err) == 0);
        if (b->failed)
            return NULL;
        int64_t end = (out[i] - 1) * p->w.stride[i] + p->w.kernel[i] - in[i] - p->w.begin[i];
        pads[i] = p->w.begin[i];
        pads[n + i] = end > 0 ? end : 0;
        small &= pads[i] < p->w.kernel[i] && pads[n + i] < p->w.kernel[i];
    }
    if (small && (p->max || counted))
        return pool_node(b, p, x, pads, false, p->divisor == COUNT_INCLUDE);
    struct value *y = pool_node(b, p, padded(b, p, x, pads), NULL, false, false);
    return p->max || p->divisor == COUNT_INCLUDE ? y : BUILD(b, "Mul", y, factors(b, p, in, out));
}

static struct value *build_pool(struct build *b, const struct pool *p, struct value *x)
{
    int n = p->w.rank;
    int64_t pads[2 * WINDOW_MAX], in[WINDOW_MAX];
    bool plain = p->rounding == ROUND_FLOOR || is_ceil_mode(p);
    for (int i = 0; i < n; i++) {
        pads[i] = p->w.begin[i];
        pads[n + i] = p->w.end[i];
        plain &= pads[i] < p->w.kernel[i] && pads[n + i] < p->w.kernel[i];
    }
    if (plain && (p->rounding == ROUND_FLOOR || p->divisor != COUNT_INCLUDE))
        return pool_node(b, p, x, pads, p->rounding != ROUND_FLOOR, p->divisor != COUNT_EXCLUDE);
    for (int i = 0; i < n; i++)
        in[i] = build_dim(b, 0, 2 + i);
    return b->failed ? NULL : sized_pool(b, p, x, in);
}

int expand_legacy_pool(struct node *n, struct error *err)
{
    struct build b = {.node = n, .err = err};
    struct pool p;
    int rank = build_rank(&b, 0);
    if (b.failed || read_pool(&p, n, rank, err) < 0)
        return -1;
    build_give(&b, 0, build_pool(&b, &p, n->in[0]));
    return build_end(&b);
}
