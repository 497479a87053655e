/* Attributes and sizes of sliding windows. */
#include "op/window.h"

#include <string.h>

#include "op/attr.h"

/* Keeps all sums of sizes, strides and windows far from the end of int64. */
#define EXTENT_MAX ((int64_t)1 << 50)

static bool row_has(const struct node *n, const char *name)
{
    struct attr_spec spec;
    return attr_spec_find(n->def, name, &spec);
}

/* A list of `count` ints in [low, high], or `fill` in each place when not set. */
static int read_list(const struct node *n, const char *name, int count, int64_t fill, int64_t low, int64_t *to,
                     struct error *err)
{
    const int64_t high = (int64_t)1 << 40;
    int given = 0;
    const int64_t *values = row_has(n, name) ? op_ints(n, name, &given) : NULL;
    if (given && given != count)
        return error_set(err, "attribute %s: %d values, want %d", name, given, count);
    for (int i = 0; i < count; i++) {
        to[i] = given ? values[i] : fill;
        if (to[i] < low || to[i] > high)
            return error_set(err, "attribute %s: %lld, want at least %lld", name, (long long)to[i], (long long)low);
    }
    return 0;
}

static int read_auto_pad(struct window *w, const struct node *n, struct error *err)
{
    static const char *const names[] = {"NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"};
    const char *name = row_has(n, "auto_pad") ? op_string(n, "auto_pad") : "NOTSET";
    for (int i = 0; i < 4; i++)
        if (!strcmp(name, names[i])) {
            w->auto_pad = (enum window_auto)i;
            return 0;
        }
    return error_set(err, "attribute auto_pad: '%.40s', want NOTSET, SAME_UPPER, SAME_LOWER or VALID", name);
}

static int read_kernel(struct window *w, const struct node *n, const int64_t *kernel, struct error *err)
{
    bool given = row_has(n, "kernel_shape") && op_has(n, "kernel_shape");
    if (given && read_list(n, "kernel_shape", w->rank, 1, 1, w->kernel, err) < 0)
        return -1;
    for (int i = 0; i < w->rank; i++) {
        int64_t have = kernel && kernel[i] >= 0 ? kernel[i] : -1;
        if (given && have >= 0 && have != w->kernel[i])
            return error_set(err, "attribute kernel_shape: %lld on axis %d, but the weights have %lld",
                             (long long)w->kernel[i], i, (long long)have);
        if (!given)
            w->kernel[i] = have;
        if (w->kernel[i] == 0)
            return error_set(err, "the kernel is empty on axis %d", i);
    }
    return 0;
}

int window_read(struct window *w, const struct node *n, int rank, const int64_t *kernel, struct error *err)
{
    memset(w, 0, sizeof *w);
    if (rank < 0 || rank > WINDOW_MAX)
        return error_set(err, "%d spatial axes, want 1 to %d", rank, WINDOW_MAX);
    w->rank = rank;
    w->ceil = row_has(n, "ceil_mode") && op_int(n, "ceil_mode") != 0;
    int64_t pads[2 * WINDOW_MAX];
    if (read_auto_pad(w, n, err) < 0 || read_kernel(w, n, kernel, err) < 0 ||
        read_list(n, "strides", rank, 1, 1, w->stride, err) < 0 ||
        read_list(n, "dilations", rank, 1, 1, w->dilation, err) < 0 ||
        read_list(n, "pads", 2 * rank, 0, 0, pads, err) < 0)
        return -1;
    for (int i = 0; i < rank; i++)
        if (window_extent(w, i) > EXTENT_MAX)
            return error_set(err, "attribute dilations: %lld spreads the window too far", (long long)w->dilation[i]);
    for (int i = 0; i < rank && w->auto_pad == WINDOW_EXPLICIT; i++) {
        w->begin[i] = pads[i];
        w->end[i] = pads[rank + i];
    }
    return 0;
}

int window_rank(const struct node *n)
{
    static const struct {
        const char *name;
        int per_axis;
    } lists[] = {{"kernel_shape", 1}, {"strides", 1}, {"dilations", 1}, {"pads", 2}};
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        int count = 0;
        if (row_has(n, lists[i].name) && op_ints(n, lists[i].name, &count) && count > 0)
            return count / lists[i].per_axis;
    }
    return -1;
}

int64_t window_extent(const struct window *w, int i)
{
    int64_t extent;
    if (__builtin_mul_overflow(w->kernel[i] - 1, w->dilation[i], &extent) || extent == INT64_MAX)
        return INT64_MAX;
    return extent + 1;
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a >= 0 ? a / b : -((-a + b - 1) / b);
}

/* The output size for a numeric input size. */
static int numeric_dim(const struct window *w, int i, int64_t in, int64_t *out, struct error *err)
{
    int64_t extent = window_extent(w, i), stride = w->stride[i];
    if (in > INT64_MAX / 4)
        return error_set(err, "spatial axis %d is too long", i);
    if (w->auto_pad == WINDOW_SAME_UPPER || w->auto_pad == WINDOW_SAME_LOWER) {
        *out = (in + stride - 1) / stride;
        return 0;
    }
    int64_t padded = in + w->begin[i] + w->end[i];
    if (padded < extent && in > 0 && !w->ceil)
        return error_set(err, "the window covers %lld on spatial axis %d, but the padded input has only %lld",
                         (long long)extent, i, (long long)padded);
    bool up = w->ceil && w->auto_pad == WINDOW_EXPLICIT;
    *out = floor_div(padded - extent + (up ? stride - 1 : 0), stride) + 1;
    if (up && *out > 0 && (*out - 1) * stride >= in + w->begin[i])
        --*out; /* the last window must start inside the input or its left padding */
    if (*out < 0 || (*out == 0 && in > 0))
        return error_set(err, "the window covers %lld on spatial axis %d, but the padded input has only %lld",
                         (long long)extent, i, (long long)padded);
    return 0;
}

static void set_same_padding(struct window *w, int i)
{
    int64_t total = (w->out[i] - 1) * w->stride[i] + window_extent(w, i) - w->in[i];
    if (total < 0)
        total = 0;
    int64_t small = total / 2;
    w->begin[i] = w->auto_pad == WINDOW_SAME_UPPER ? small : total - small;
    w->end[i] = total - w->begin[i];
}

int window_resolve(struct window *w, const int64_t *in, struct error *err)
{
    for (int i = 0; i < w->rank; i++) {
        w->in[i] = in[i];
        if (numeric_dim(w, i, in[i], &w->out[i], err) < 0)
            return -1;
        if (w->auto_pad == WINDOW_SAME_UPPER || w->auto_pad == WINDOW_SAME_LOWER)
            set_same_padding(w, i);
    }
    return 0;
}

int window_infer_dim(struct graph *g, const struct window *w, int i, int64_t in, int64_t *out, struct error *err)
{
    int64_t stride = w->stride[i];
    *out = DIM_UNKNOWN;
    if (w->kernel[i] < 0 && w->auto_pad != WINDOW_SAME_UPPER && w->auto_pad != WINDOW_SAME_LOWER)
        return 0;
    if (in >= 0)
        return numeric_dim(w, i, in, out, err);
    if (in == DIM_UNKNOWN)
        return 0;
    if (w->auto_pad == WINDOW_SAME_UPPER || w->auto_pad == WINDOW_SAME_LOWER) {
        *out = graph_dim_div(g, graph_dim_add(g, in, stride - 1), stride);
        return 0;
    }
    int64_t more = w->begin[i] + w->end[i] - window_extent(w, i);
    if (w->ceil && w->auto_pad == WINDOW_EXPLICIT && stride > 1) {
        if (w->end[i] + stride > window_extent(w, i))
            return 0; /* whether the last window starts in the padding depends on the size */
        more += stride - 1;
    }
    int64_t sum = more >= 0 ? graph_dim_add(g, in, more) : graph_dim_sub(g, in, -more);
    *out = graph_dim_add(g, graph_dim_div(g, sum, stride), 1);
    return 0;
}

bool window_next(int rank, const int64_t *dims, int64_t *at)
{
    for (int i = rank - 1; i >= 0; i--) {
        if (++at[i] < dims[i])
            return true;
        at[i] = 0;
    }
    return false;
}

int64_t window_offset(const struct window *w, const int64_t *at, const int64_t *tap)
{
    int64_t offset = 0;
    for (int i = 0; i < w->rank; i++) {
        int64_t x = at[i] * w->stride[i] - w->begin[i] + tap[i] * w->dilation[i];
        if (x < 0 || x >= w->in[i])
            return -1;
        offset = offset * w->in[i] + x;
    }
    return offset;
}
