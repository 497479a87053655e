/* Conv and ConvInteger: a matrix product per image and group, whose right side is read out of the image tap by tap. */
#include "op/conv.h"

#include <stdlib.h>

#include "op/real.h"
#include "op/rows.h"

/* ---- the shared convolution ---- */

static int check_channels(struct conv *conv, const struct node *n, const struct tensor *bias, struct error *err)
{
    const struct tensor *x = conv->x, *w = conv->w;
    int64_t group = op_int(n, "group");
    if (group < 1)
        return error_set(err, "attribute group: %lld, want at least 1", (long long)group);
    if (x->dims[1] % group || w->dims[1] != x->dims[1] / group)
        return error_set(err, "X has %lld channels, but W takes %lld for each of %lld groups", (long long)x->dims[1],
                         (long long)w->dims[1], (long long)group);
    if (w->dims[0] % group)
        return error_set(err, "W makes %lld channels, which %lld groups cannot share evenly", (long long)w->dims[0],
                         (long long)group);
    if (bias && (bias->rank != 1 || bias->dims[0] != w->dims[0]))
        return error_set(err, "B has %lld elements in rank %d, want %lld in rank 1", (long long)bias->count, bias->rank,
                         (long long)w->dims[0]);
    conv->groups = group;
    return 0;
}

static int init(struct conv *conv, const struct node *n, const struct tensor *bias, struct error *err)
{
    const struct tensor *x = conv->x, *w = conv->w;
    if (x->rank < 3)
        return error_set(err, "X has rank %d, want at least 3", x->rank);
    if (w->rank != x->rank)
        return error_set(err, "W has rank %d, but X rank %d", w->rank, x->rank);
    if (check_channels(conv, n, bias, err) < 0 || window_read(&conv->window, n, x->rank - 2, w->dims + 2, err) < 0 ||
        window_resolve(&conv->window, x->dims + 2, err) < 0)
        return -1;
    conv->rank = x->rank;
    conv->dims[0] = conv->batch = x->dims[0];
    conv->dims[1] = conv->out_channels = w->dims[0];
    conv->in_channels = x->dims[1];
    for (int i = 2; i < x->rank; i++)
        conv->dims[i] = conv->window.out[i - 2];
    conv->in_size = tensor_count(x->rank - 2, x->dims + 2);
    conv->out_size = tensor_count(x->rank - 2, conv->dims + 2);
    conv->taps = tensor_count(x->rank - 2, w->dims + 2);
    if (tensor_count(conv->rank, conv->dims) < 0)
        return error_set(err, "the output is too large");
    return 0;
}

int conv_init(struct conv *conv, const struct op_eval *c, const struct tensor *x, const struct tensor *w,
              const struct tensor *bias, struct error *err)
{
    *conv = (struct conv){.x = x, .w = w};
    return init(conv, c->node, bias, err) < 0 ? real_eval_fail(c, err) : 0;
}

static void load_weights(const struct gemm *g, int64_t row, int64_t depth, int m, int k, double *a)
{
    const struct conv_part *part = g->user;
    int64_t first = part->group * g->m + row;
    for (int i = 0; i < m; i++) {
        real_read(part->conv->w, (first + i) * g->k + depth, k, a + i * k);
        for (int j = 0; part->conv->w_zero && j < k; j++)
            a[i * k + j] -= part->conv->w_zero[first + i];
    }
}

void conv_tap(const struct window *w, int64_t tap, int64_t *at)
{
    for (int i = w->rank - 1; i >= 0; i--) {
        at[i] = tap % w->kernel[i];
        tap /= w->kernel[i];
    }
}

/* Places [column, column + n) of one tap of one plane. */
static void load_tap(const struct window *w, const double *plane, const int64_t *tap, int64_t column, int n, double *b)
{
    int last = w->rank - 1;
    int64_t at[WINDOW_MAX], rest = column;
    for (int i = last; i >= 0; i--) {
        at[i] = rest % w->out[i];
        rest /= w->out[i];
    }
    for (int j = 0; j < n;) {
        int64_t base = 0, run = w->out[last] - at[last];
        bool inside = true;
        for (int i = 0; i < last; i++) {
            int64_t x = at[i] * w->stride[i] - w->begin[i] + tap[i] * w->dilation[i];
            inside = inside && x >= 0 && x < w->in[i];
            base = inside ? base * w->in[i] + x : 0;
        }
        run = run < n - j ? run : n - j;
        int64_t x = at[last] * w->stride[last] - w->begin[last] + tap[last] * w->dilation[last];
        for (int64_t end = j + run; j < end; j++, x += w->stride[last])
            b[j] = inside && x >= 0 && x < w->in[last] ? plane[base * w->in[last] + x] : 0;
        at[last] = w->out[last] - 1;
        window_next(w->rank, w->out, at);
    }
}

static void load_image(const struct gemm *g, int64_t depth, int64_t column, int k, int n, double *b)
{
    const struct conv_part *part = g->user;
    const struct conv *conv = part->conv;
    for (int p = 0; p < k; p++) {
        int64_t channel = (depth + p) / conv->taps, tap[WINDOW_MAX];
        conv_tap(&conv->window, (depth + p) % conv->taps, tap);
        load_tap(&conv->window, part->planes + channel * conv->in_size, tap, column, n, b + p * GEMM_N);
    }
}

static void store_sums(const struct gemm *g, int64_t row, int64_t column, int m, int n, const double *c)
{
    const struct conv_part *part = g->user;
    double sums[GEMM_N];
    for (int i = 0; i < m; i++) {
        for (int j = 0; j < n; j++)
            sums[j] = c[i * GEMM_N + j];
        part->conv->store(part->conv, part->image, part->group * g->m + row + i, column, n, sums);
    }
}

int conv_run(const struct conv *conv, struct error *err)
{
    if (conv->out_size == 0 || conv->batch == 0 || conv->out_channels == 0)
        return 0;
    int64_t channels = conv->in_channels / conv->groups, count = channels * conv->in_size;
    double *planes = real_new(channels, conv->in_size, err);
    if (!planes)
        return -1;
    int result = 0;
    for (int64_t part = 0; !result && part < conv->batch * conv->groups; part++) {
        struct conv_part p = {conv, part / conv->groups, part % conv->groups, planes};
        struct gemm g = {.m = conv->out_channels / conv->groups,
                         .n = conv->out_size,
                         .k = channels * conv->taps,
                         .load_a = load_weights,
                         .load_b = conv->load ? conv->load : load_image,
                         .store = store_sums,
                         .user = &p};
        real_read(conv->x, part * count, count, planes);
        for (int64_t i = 0; conv->x_zero != 0 && i < count; i++)
            planes[i] -= conv->x_zero;
        result = gemm_run(&g, err);
    }
    free(planes);
    return result;
}

/* ---- inference ---- */

static int infer_window(struct op_infer *c, const struct type *x, const struct type *w, int rank, int64_t *dims,
                        struct error *err)
{
    struct window window;
    if (window_read(&window, c->node, rank - 2, w && w->rank >= 0 ? w->dims + 2 : NULL, err) < 0)
        return -1;
    for (int i = 2; i < rank; i++) {
        int64_t in = x && x->rank >= 0 ? x->dims[i] : DIM_UNKNOWN;
        if (window_infer_dim(c->graph, &window, i - 2, in, &dims[i], err) < 0)
            return -1;
    }
    return 0;
}

static int infer_channels(struct op_infer *c, const struct type *x, const struct type *w, struct error *err)
{
    int64_t group = op_int(c->node, "group"), have = x->dims[1], want = w->dims[1];
    if (group < 1)
        return error_set(err, "attribute group: %lld, want at least 1", (long long)group);
    if (have >= 0 && want >= 0 && (have % group || have / group != want))
        return error_set(err, "X has %lld channels, but W takes %lld for each of %lld groups", (long long)have,
                         (long long)want, (long long)group);
    if (w->dims[0] >= 0 && w->dims[0] % group)
        return error_set(err, "W makes %lld channels, which %lld groups cannot share evenly", (long long)w->dims[0],
                         (long long)group);
    return 0;
}

int conv_infer(struct op_infer *c, int xi, int wi, enum dtype dtype, struct error *err)
{
    const struct type *x = real_type(c, xi), *w = real_type(c, wi);
    bool x_known = x && x->rank >= 0, w_known = w && w->rank >= 0;
    int rank = x_known ? x->rank : w_known ? w->rank : -1;
    if (rank < 0)
        return infer_set(c, 0, dtype, -1, NULL, err);
    if (rank < 3)
        return infer_error(c, err, "X has rank %d, want at least 3", rank);
    if (x_known && w_known && x->rank != w->rank)
        return infer_error(c, err, "W has rank %d, but X rank %d", w->rank, x->rank);
    int64_t dims[TENSOR_MAX_RANK];
    dims[0] = x_known ? x->dims[0] : DIM_UNKNOWN;
    dims[1] = w_known ? w->dims[0] : DIM_UNKNOWN;
    if ((x_known && w_known && infer_channels(c, x, w, err) < 0) || infer_window(c, x, w, rank, dims, err) < 0)
        return real_infer_fail(c, err);
    return infer_set(c, 0, dtype, rank, dims, err);
}

int infer_conv(struct op_infer *c, struct error *err)
{
    const struct type *w = real_type(c, 1);
    if (infer_want_channels(c, 2, w->rank > 0 ? w->dims[0] : DIM_UNKNOWN, err) < 0)
        return -1;
    return conv_infer(c, 0, 1, infer_dtype(c, 0), err);
}

int infer_conv_integer(struct op_infer *c, struct error *err)
{
    return conv_infer(c, 0, 1, DTYPE_I32, err);
}

/* ---- Conv ---- */

struct conv_output {
    struct tensor *y;
    const struct tensor *bias;
};

static void store_output(const struct conv *conv, int64_t image, int64_t channel, int64_t first, int count,
                         double *sums)
{
    const struct conv_output *out = conv->user;
    double bias = out->bias ? tensor_get_f64(out->bias, channel) : 0;
    for (int j = 0; out->bias && j < count; j++)
        sums[j] += bias;
    real_write(out->y, (image * conv->out_channels + channel) * conv->out_size + first, count, sums);
}

int conv_give(struct op_eval *c, const struct conv *conv, const struct tensor *bias, struct error *err)
{
    struct conv_output out = {eval_out(c, 0, conv->x->dtype, conv->rank, conv->dims, err), bias};
    struct conv run = *conv;
    run.store = store_output;
    run.user = &out;
    return out.y ? conv_run(&run, err) : -1;
}

int eval_conv(struct op_eval *c, struct error *err)
{
    struct conv conv;
    if (conv_init(&conv, c, eval_in(c, 0), eval_in(c, 1), eval_in(c, 2), err) < 0)
        return -1;
    return conv_give(c, &conv, eval_in(c, 2), err);
}

/* ---- ConvInteger ---- */

/* Sums are exact; they wrap at 32 bits as an accumulator of that width does. */
static void store_wrapped(const struct conv *conv, int64_t image, int64_t channel, int64_t first, int count,
                          double *sums)
{
    const struct conv_output *out = conv->user;
    int32_t *to = (int32_t *)out->y->data + (image * conv->out_channels + channel) * conv->out_size + first;
    for (int j = 0; j < count; j++)
        to[j] = (int32_t)(uint32_t)(int64_t)sums[j];
}

static int run_integer(struct op_eval *c, const struct conv *conv, const struct tensor *w_zero, struct error *err)
{
    double *zeros = real_new(conv->out_channels, 1, err);
    struct conv_output out = {.y = zeros ? eval_out(c, 0, DTYPE_I32, conv->rank, conv->dims, err) : NULL};
    int result = -1;
    if (out.y) {
        struct conv run = *conv;
        for (int64_t i = 0; w_zero && i < conv->out_channels; i++)
            zeros[i] = tensor_get_f64(w_zero, w_zero->count == 1 ? 0 : i);
        run.w_zero = zeros;
        run.store = store_wrapped;
        run.user = &out;
        result = conv_run(&run, err);
    }
    free(zeros);
    return result;
}

int eval_conv_integer(struct op_eval *c, struct error *err)
{
    struct conv conv;
    const struct tensor *x_zero = eval_in(c, 2), *w_zero = eval_in(c, 3);
    if (conv_init(&conv, c, eval_in(c, 0), eval_in(c, 1), NULL, err) < 0)
        return -1;
    if (x_zero && x_zero->count != 1)
        return eval_error(c, err, "input x_zero_point has %lld elements, want 1", (long long)x_zero->count);
    if (w_zero && w_zero->count != 1 && (w_zero->rank != 1 || w_zero->dims[0] != conv.out_channels))
        return eval_error(c, err, "input w_zero_point has %lld elements, want 1 or %lld", (long long)w_zero->count,
                          (long long)conv.out_channels);
    conv.x_zero = x_zero ? tensor_get_f64(x_zero, 0) : 0;
    return run_integer(c, &conv, w_zero, err);
}
