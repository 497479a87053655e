/* ConvTranspose: every input place adds a window into the output. In struct window `in` is therefore the output, `out`
 * the places of the windows, which are the input's. */
#include <stdlib.h>
#include <string.h>

#include "op/conv.h"
#include "op/quant.h"
#include "op/real.h"
#include "op/rows.h"

/* ---- sizes of ConvTranspose ---- */

/* What one axis of the output would be without padding; DIM_UNKNOWN where that cannot be known. */
static int64_t full_dim(struct graph *g, const struct window *w, int i, int64_t in, int64_t extra)
{
    if (in == DIM_UNKNOWN || w->kernel[i] < 0)
        return DIM_UNKNOWN;
    int64_t more = window_extent(w, i) + extra - w->stride[i];
    if (in >= 0) {
        int64_t size;
        return __builtin_mul_overflow(in, w->stride[i], &size) || __builtin_add_overflow(size, more, &size) ? INT64_MAX
                                                                                                            : size;
    }
    int64_t size = graph_dim_mul(g, in, w->stride[i]);
    return more >= 0 ? graph_dim_add(g, size, more) : graph_dim_sub(g, size, -more);
}

/* Splits what is too much into padding before and behind. */
static void split_padding(struct window *w, int i, int64_t total)
{
    if (total < 0)
        total = 0; /* places beyond the windows get the bias alone */
    int64_t half = total / 2;
    w->begin[i] = w->auto_pad == WINDOW_SAME_UPPER ? half : total - half;
    w->end[i] = total - w->begin[i];
}

/* The output dim of axis i, where wanted < 0 is not set; sets the padding when the sizes are numbers. */
static int output_dim(struct graph *g, struct window *w, int i, int64_t in, int64_t extra, int64_t wanted, int64_t *out,
                      struct error *err)
{
    int64_t full = full_dim(g, w, i, in, extra), padding = w->begin[i] + w->end[i];
    if (full > (int64_t)1 << 60)
        return error_set(err, "attribute strides: %lld makes spatial axis %d too long", (long long)w->stride[i], i);
    bool same = w->auto_pad == WINDOW_SAME_UPPER || w->auto_pad == WINDOW_SAME_LOWER;
    if (wanted >= 0 || same) {
        *out = wanted >= 0 ? wanted : in == DIM_UNKNOWN ? in : graph_dim_mul(g, in, w->stride[i]);
        if (in >= 0 && *out >= 0 && w->kernel[i] >= 0)
            split_padding(w, i, full - *out);
        return 0;
    }
    *out = full >= 0 ? full - padding : full == DIM_UNKNOWN ? full : graph_dim_sub(g, full, padding);
    if (full >= 0 && *out < 0)
        return error_set(err, "attribute pads: %lld on spatial axis %d leaves nothing of %lld", (long long)padding, i,
                         (long long)full);
    return 0;
}

/* Reads output_padding and output_shape into extra and wanted (-1: not set). */
static int read_output_attrs(const struct node *n, const struct window *w, int64_t *extra, int64_t *wanted,
                             struct error *err)
{
    int extra_count, wanted_count;
    const int64_t *extras = op_ints(n, "output_padding", &extra_count),
                  *shape = op_ints(n, "output_shape", &wanted_count);
    if (extra_count && extra_count != w->rank)
        return error_set(err, "attribute output_padding: %d values, want %d", extra_count, w->rank);
    if (wanted_count && wanted_count != w->rank)
        return error_set(err, "attribute output_shape: %d values, want %d", wanted_count, w->rank);
    for (int i = 0; i < w->rank; i++) {
        extra[i] = extra_count ? extras[i] : 0;
        wanted[i] = wanted_count ? shape[i] : -1;
        if (extra[i] < 0 || extra[i] > (int64_t)1 << 40)
            return error_set(err, "attribute output_padding: %lld, want at least 0", (long long)extra[i]);
        if (wanted_count && (wanted[i] < 0 || wanted[i] > (int64_t)1 << 40))
            return error_set(err, "attribute output_shape: %lld, want at least 0", (long long)wanted[i]);
    }
    return 0;
}

/* Spatial output dims from the spatial dims of X and W, which may be symbols; window->begin and end are set where they
 * are numbers. */
static int transpose_dims(const struct node *n, struct window *w, int rank, const int64_t *in, const int64_t *kernel,
                          int64_t *out, struct error *err)
{
    int64_t extra[WINDOW_MAX], wanted[WINDOW_MAX];
    if (window_read(w, n, rank, kernel, err) < 0 || read_output_attrs(n, w, extra, wanted, err) < 0)
        return -1;
    for (int i = 0; i < rank; i++)
        if (output_dim(n->graph, w, i, in ? in[i] : DIM_UNKNOWN, extra[i], wanted[i], &out[i], err) < 0)
            return -1;
    return 0;
}

static int check_transpose_channels(int64_t group, int64_t channels, int64_t w_channels, struct error *err)
{
    if (group < 1)
        return error_set(err, "attribute group: %lld, want at least 1", (long long)group);
    if (channels >= 0 && w_channels >= 0 && channels != w_channels)
        return error_set(err, "X has %lld channels, but W takes %lld", (long long)channels, (long long)w_channels);
    if (channels >= 0 && channels % group)
        return error_set(err, "X has %lld channels, which %lld groups cannot share evenly", (long long)channels,
                         (long long)group);
    return 0;
}

int conv_transpose_infer(struct op_infer *c, int x_input, int w_input, enum dtype dtype, struct error *err)
{
    const struct type *x = real_type(c, x_input), *wt = real_type(c, w_input);
    bool x_known = x && x->rank >= 0, w_known = wt && wt->rank >= 0;
    int rank = x_known ? x->rank : w_known ? wt->rank : -1;
    if (rank < 0)
        return infer_set(c, 0, dtype, -1, NULL, err);
    if (rank < 3)
        return infer_error(c, err, "X has rank %d, want at least 3", rank);
    if (x_known && w_known && x->rank != wt->rank)
        return infer_error(c, err, "W has rank %d, but X rank %d", wt->rank, x->rank);
    int64_t dims[TENSOR_MAX_RANK], group = op_int(c->node, "group");
    struct window w;
    if (check_transpose_channels(group, x_known ? x->dims[1] : -1, w_known ? wt->dims[0] : -1, err) < 0 ||
        transpose_dims(c->node, &w, rank - 2, x_known ? x->dims + 2 : NULL, w_known ? wt->dims + 2 : NULL, dims + 2,
                       err) < 0)
        return real_infer_fail(c, err);
    dims[0] = x_known ? x->dims[0] : DIM_UNKNOWN;
    dims[1] = w_known ? graph_dim_mul(c->graph, wt->dims[1], group) : DIM_UNKNOWN;
    return infer_set(c, 0, dtype, rank, dims, err);
}

int infer_conv_transpose(struct op_infer *c, struct error *err)
{
    if (conv_transpose_infer(c, 0, 1, infer_dtype(c, 0), err) < 0)
        return -1;
    const struct value *y = node_out(c->node, 0);
    return infer_want_channels(c, 2, y && y->type.rank > 1 ? y->type.dims[1] : DIM_UNKNOWN, err);
}

/* ---- ConvTranspose ---- */

struct transpose {
    struct window window;                            /* in: Y's spatial dims, out: X's */
    int64_t channels, outputs, taps, x_size, y_size; /* channels and outputs of one group */
    const double *x, *w;                             /* of this image and group */
    double *y;                                       /* [outputs][y_size] */
    const struct op_eval *quantised;                 /* nn.QConvTranspose, whose sums are rounded; else NULL */
};

static void load_x(const struct gemm *g, int64_t depth, int64_t column, int k, int n, double *b)
{
    const struct transpose *t = g->user;
    for (int p = 0; p < k; p++)
        memcpy(b + p * GEMM_N, t->x + (depth + p) * t->x_size + column, (size_t)n * sizeof(double));
}

static void load_w(const struct gemm *g, int64_t row, int64_t depth, int m, int k, double *a)
{
    const struct transpose *t = g->user;
    for (int i = 0; i < m; i++)
        for (int p = 0; p < k; p++)
            a[i * k + p] = t->w[(depth + p) * g->m + row + i];
}

static void place_of(int64_t number, int rank, const int64_t *dims, int64_t *at)
{
    for (int i = rank - 1; i >= 0; i--) {
        at[i] = number % dims[i];
        number /= dims[i];
    }
}

static void scatter(const struct gemm *g, int64_t row, int64_t column, int m, int n, const double *c)
{
    const struct transpose *t = g->user;
    const struct window *w = &t->window;
    for (int i = 0; i < m; i++) {
        double *y = t->y + (row + i) / t->taps * t->y_size;
        int64_t tap[WINDOW_MAX], at[WINDOW_MAX];
        conv_tap(w, (row + i) % t->taps, tap);
        place_of(column, w->rank, w->out, at);
        for (int j = 0; j < n; j++) {
            int64_t offset = window_offset(w, at, tap);
            if (offset >= 0)
                y[offset] += c[i * GEMM_N + j];
            window_next(w->rank, w->out, at);
        }
    }
}

/* Every group has the same scales. */
static void requantise(struct transpose *t, int64_t group, enum dtype dtype)
{
    for (int64_t i = 0; i < t->outputs * t->y_size; i++) {
        int64_t channel = i / t->y_size;
        const struct quant_column column = quant_column(t->quantised, channel, group * t->outputs + channel);
        t->y[i] = quant_requantize(dtype, t->y[i], &column);
    }
}

/* All images and groups; x, w, sums are the operands and the room for one group's output, as doubles. */
static int run_transpose(struct transpose *t, struct tensor *y, int64_t batch, int64_t groups, const double *x,
                         const double *w, const double *bias, double *sums, struct error *err)
{
    int64_t size = t->outputs * t->y_size;
    struct gemm g = {.m = t->outputs * t->taps,
                     .n = t->x_size,
                     .k = t->channels,
                     .load_a = load_w,
                     .load_b = load_x,
                     .store = scatter,
                     .user = t};
    for (int64_t part = 0; part < batch * groups; part++) {
        int64_t group = part % groups;
        t->x = x + part * t->channels * t->x_size;
        t->w = w + group * t->channels * g.m;
        t->y = sums;
        for (int64_t i = 0; i < size; i++)
            sums[i] = t->quantised ? 0 : bias[group * t->outputs + i / t->y_size];
        if (gemm_run(&g, err) < 0)
            return -1;
        if (t->quantised)
            requantise(t, group, y->dtype);
        real_write(y, part * size, size, sums);
    }
    return 0;
}

static int init_transpose(struct transpose *t, const struct node *n, const struct tensor *x, const struct tensor *w,
                          const struct tensor *bias, int64_t *dims, struct error *err)
{
    int64_t group = op_int(n, "group");
    if (x->rank < 3 || w->rank != x->rank)
        return error_set(err, "X has rank %d and W rank %d, want the same, at least 3", x->rank, w->rank);
    if (check_transpose_channels(group, x->dims[1], w->dims[0], err) < 0 ||
        transpose_dims(n, &t->window, x->rank - 2, x->dims + 2, w->dims + 2, dims + 2, err) < 0)
        return -1;
    dims[0] = x->dims[0];
    if (__builtin_mul_overflow(w->dims[1], group, &dims[1]) || tensor_count(x->rank, dims) < 0)
        return error_set(err, "the output is too large");
    if (bias && (bias->rank != 1 || bias->dims[0] != dims[1]))
        return error_set(err, "B has %lld elements in rank %d, want %lld in rank 1", (long long)bias->count, bias->rank,
                         (long long)dims[1]);
    for (int i = 0; i < t->window.rank; i++) {
        t->window.in[i] = dims[i + 2];
        t->window.out[i] = x->dims[i + 2];
    }
    t->channels = x->dims[1] / group;
    t->outputs = w->dims[1];
    t->taps = tensor_count(x->rank - 2, w->dims + 2);
    t->x_size = tensor_count(x->rank - 2, x->dims + 2);
    t->y_size = tensor_count(x->rank - 2, dims + 2);
    return 0;
}

/* Elements less their zero point, one for each of `channels` runs of `run`, again and again. */
static double *load_shifted(const struct transpose *t, const struct tensor *x, int zero, int64_t channels, int64_t run,
                            struct error *err)
{
    double *values = real_load(x, err);
    for (int64_t i = 0; values && t->quantised && i < x->count; i++)
        values[i] -= quant_param(t->quantised, zero, i / run % channels);
    return values;
}

/* Output 0, of type `dtype`, from the operands at these inputs. */
static int give_transpose(struct op_eval *c, struct transpose *t, int x_input, int w_input, int bias_input,
                          enum dtype dtype, struct error *err)
{
    const struct tensor *x = eval_in(c, x_input), *w = eval_in(c, w_input), *bias = eval_in(c, bias_input);
    int64_t dims[TENSOR_MAX_RANK];
    if (init_transpose(t, c->node, x, w, bias, dims, err) < 0)
        return real_eval_fail(c, err);
    if (t->quantised &&
        (quant_check(c, 1, 2, 1, err) || quant_check(c, 4, 5, t->outputs, err) || quant_check(c, 6, 7, 1, err)))
        return -1;
    struct tensor *y = eval_out(c, 0, dtype, x->rank, dims, err);
    if (y && y->count == 0)
        return 0;
    double *xs = y ? load_shifted(t, x, 2, 1, x->count, err) : NULL;
    double *ws = xs ? load_shifted(t, w, 5, t->outputs, t->taps, err) : NULL;
    double *bs = ws ? real_load_or(bias, dims[1], 0, err) : NULL;
    double *sums = bs ? real_new(t->outputs, t->y_size, err) : NULL;
    int result = sums ? run_transpose(t, y, dims[0], op_int(c->node, "group"), xs, ws, bs, sums, err) : -1;
    free(xs);
    free(ws);
    free(bs);
    free(sums);
    return result;
}

int eval_conv_transpose(struct op_eval *c, struct error *err)
{
    struct transpose t = {.quantised = NULL};
    return give_transpose(c, &t, 0, 1, 2, eval_in(c, 0)->dtype, err);
}

int conv_transpose_requantized(struct op_eval *c, struct error *err)
{
    struct transpose t = {.quantised = c};
    return give_transpose(c, &t, 0, 3, 8, quant_result(c), err);
}
