/* Pooling over channels-last pixels. */
#include <string.h>

#include "exec/lower.h"

struct pool_args {
    struct view x, out;
    const struct kernels *kernels;
    struct window w;
    enum kernel_reduce op;
    bool count_pad; /* the padding counts in an average's divisor */
};

#define POOL_TAPS_MAX 1024

/* The range of taps [*first, *last) of axis i that lie inside the input for output place `at`; *span: taps inside the
 * padded input. */
static void tap_range(const struct window *w, int i, int64_t at, int64_t *first, int64_t *last, int64_t *span)
{
    int64_t from = at * w->stride[i] - w->begin[i];
    *first = from < 0 ? (-from + w->dilation[i] - 1) / w->dilation[i] : 0;
    *last = from < w->in[i] ? (w->in[i] - from + w->dilation[i] - 1) / w->dilation[i] : 0;
    *span = (w->in[i] + w->end[i] - from + w->dilation[i] - 1) / w->dilation[i];
    if (*last > w->kernel[i])
        *last = w->kernel[i];
    if (*span > w->kernel[i])
        *span = w->kernel[i];
}

/* Collects the addresses of the taps inside the image, in order; returns their number and sets *divisor. */
static int collect_taps(const struct pool_args *a, const float *x, const int64_t *at, const float **tap,
                        int64_t *divisor)
{
    int64_t first[VIEW_SPATIAL] = {0}, last[VIEW_SPATIAL] = {1, 1, 1}, span;
    ptrdiff_t step[VIEW_SPATIAL] = {0};
    int n = 0, pad = VIEW_SPATIAL - a->w.rank;
    *divisor = 1;
    for (int i = 0; i < a->w.rank; i++) {
        tap_range(&a->w, i, at[i], &first[pad + i], &last[pad + i], &span);
        step[pad + i] = a->w.dilation[i] * a->x.stride[2 + i];
        x += (at[i] * a->w.stride[i] - a->w.begin[i]) * a->x.stride[2 + i];
        *divisor *= span;
    }
    for (int64_t i = first[0]; i < last[0]; i++)
        for (int64_t j = first[1]; j < last[1]; j++)
            for (int64_t k = first[2]; k < last[2]; k++)
                tap[n++] = x + i * step[0] + j * step[1] + k * step[2];
    if (!a->count_pad)
        *divisor = n;
    return n;
}

/* Whether output `at` of the innermost axis has all its taps inside the image, as far as that axis goes. */
static bool is_inside(const struct window *w, int64_t at)
{
    int last = w->rank - 1;
    int64_t from = at * w->stride[last] - w->begin[last];
    return from >= 0 && from + (w->kernel[last] - 1) * w->dilation[last] < w->in[last];
}

static void run_pool_row(const struct pool_args *a, int64_t row)
{
    const float *tap[POOL_TAPS_MAX];
    int64_t at[VIEW_SPATIAL], rest = row, divisor;
    int last = a->w.rank - 1, n = 0;
    bool inside = false; /* the output before */
    for (int i = last - 1; i >= 0; i--) {
        at[i] = rest % a->w.out[i];
        rest /= a->w.out[i];
    }
    const float *x = (const float *)view_data(&a->x) + rest * a->x.stride[0];
    float *out = (float *)view_data(&a->out) + rest * a->out.stride[0];
    for (int i = 0; i < last; i++)
        out += at[i] * a->out.stride[2 + i];
    for (at[last] = 0; at[last] < a->w.out[last]; at[last]++) {
        bool before = inside;
        inside = is_inside(&a->w, at[last]);
        if (!before || !inside)
            n = collect_taps(a, x, at, tap, &divisor);
        for (int i = 0; i < n && before && inside; i++) /* the same taps, a step on */
            tap[i] += a->w.stride[last] * a->x.stride[2 + last];
        a->kernels->reduce_rows_f32(a->op, out + at[last] * a->out.stride[2 + last], tap, n, (size_t)a->out.dims[1],
                                    1.0f / (float)divisor);
    }
}

static void run_pool(const struct step *s, struct tile tile)
{
    for (int64_t i = tile.first; i < tile.last; i++)
        run_pool_row(s->args, i);
}

/* Every window must hold a pixel, or the kernel would have nothing to reduce. */
static bool windows_hold_pixels(const struct window *w)
{
    int64_t taps = 1;
    for (int i = 0; i < w->rank; i++) {
        int64_t extent = window_extent(w, i), last = (w->out[i] - 1) * w->stride[i] - w->begin[i];
        taps *= w->kernel[i];
        if (w->begin[i] < 0 || w->end[i] < 0 || w->begin[i] >= extent || last >= w->in[i] || taps > POOL_TAPS_MAX)
            return false;
        if (w->dilation[i] > 1 && (w->begin[i] > 0 || w->end[i] > 0)) /* taps may step over the whole image */
            return false;
    }
    return true;
}

static int lower_pool(struct plan *p, struct node *n, enum kernel_reduce op, bool count_pad, struct error *err)
{
    struct pool_args *a = plan_alloc(p, sizeof *a, err);
    if (!a)
        return -1;
    if (!exec_lower_is_f32(n, 0) || n->out_count > 1 || view_count(plan_in(n, 0)) == 0)
        return 1;
    int status = exec_lower_window(n, NULL, &a->w, err);
    if (status != 0)
        return status;
    if (!windows_hold_pixels(&a->w))
        return 1;
    a->kernels = p->kernels;
    a->op = op;
    a->count_pad = count_pad;
    if (plan_in_channels(p, n, 0, NULL, &a->x, err) < 0 || plan_out(p, n, 0, ORDER_CHANNELS, &a->out, err) < 0)
        return -1;
    int64_t rows = a->x.dims[0], work = view_count(&a->out); /* rows: outputs but for the innermost axis */
    for (int i = 0; i < a->w.rank; i++) {
        rows *= i < a->w.rank - 1 ? a->w.out[i] : 1;
        work *= a->w.kernel[i];
    }
    return plan_step(p,
                     &(struct step){.node = n,
                                    .kernel = "pool_f32",
                                    .run = run_pool,
                                    .args = a,
                                    .units = rows,
                                    .tiles = plan_tiles(work, 65536, rows)},
                     err, PLAN_WRITES(&a->out, &a->x));
}

int exec_lower_max_pool(struct plan *p, struct node *n, struct error *err)
{
    return lower_pool(p, n, KERNEL_REDUCE_MAX, false, err);
}

int exec_lower_average_pool(struct plan *p, struct node *n, struct error *err)
{
    return lower_pool(p, n, KERNEL_SUM, op_int(n, "count_include_pad") != 0, err);
}
