/* Pooling over channels-last pixels, of f32 or bytes. */
#include <string.h>

#include "exec/lower_quant.h"

struct pool_args {
    struct view x, out;
    const struct kernels *kernels;
    struct window w;
    enum kernel_reduce op;
    bool count_pad;            /* the padding counts in an average's divisor */
    bool bytes;                /* then: */
    struct kernel_reduce_q8 q; /* what all outputs share */
    struct kernel_byte x_of, out_of;
};

#define POOL_TAPS_MAX 1024
#define POOL_TILE     65536 /* taps that a tile is worth */

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
static int collect_taps(const struct pool_args *a, const char *x, const int64_t *at, const void **tap, int64_t *divisor)
{
    int64_t first[VIEW_SPATIAL] = {0}, last[VIEW_SPATIAL] = {1, 1, 1}, span;
    ptrdiff_t step[VIEW_SPATIAL] = {0}, size = (ptrdiff_t)view_element(&a->x);
    int n = 0, pad = VIEW_SPATIAL - a->w.rank;
    *divisor = 1;
    for (int i = 0; i < a->w.rank; i++) {
        tap_range(&a->w, i, at[i], &first[pad + i], &last[pad + i], &span);
        step[pad + i] = a->w.dilation[i] * a->x.stride[2 + i] * size;
        x += (at[i] * a->w.stride[i] - a->w.begin[i]) * a->x.stride[2 + i] * size;
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

/* How many outputs from place `at` of the innermost axis on, 1 or more, have their taps at the same distances: those
 * that have them all inside the image, as far as that axis goes. */
static int64_t alike(const struct window *w, int64_t at)
{
    int last = w->rank - 1;
    int64_t from = at * w->stride[last] - w->begin[last],
            room = w->in[last] - 1 - (w->kernel[last] - 1) * w->dilation[last] - from,
            count = from < 0 || room < 0 ? 1 : room / w->stride[last] + 1;
    return count < w->out[last] - at ? count : w->out[last] - at;
}

/* `width` outputs of `channels` side by side; the first one has these n taps, each other one those a stride on. */
static void reduce_taps(const struct pool_args *a, void *out, const void **tap, int n, int64_t divisor, int64_t width)
{
    const int last = 2 + a->w.rank - 1;
    const ptrdiff_t step = a->w.stride[last - 2] * a->x.stride[last];
    size_t channels = (size_t)a->out.dims[1];
    struct kernel_reduce_q8 q = a->q;
    if (!a->bytes) {
        a->kernels->reduce_rows_f32(&(struct kernel_reduce_f32){.op = a->op,
                                                                .rows = n,
                                                                .width = (int)width,
                                                                .row = tap,
                                                                .step = step,
                                                                .out_step = a->out.stride[last],
                                                                .channels = channels,
                                                                .scale = 1.0f / (float)divisor,
                                                                .out = out});
        return;
    }
    q.row = tap;
    q.rows = n;
    q.width = (int)width;
    q.step = step;
    q.out_step = a->out.stride[last];
    q.channels = channels;
    q.out = out;
    q.bias = -n * (int32_t)a->x_of.zero;
    q.multiplier = a->x_of.scale / (a->out_of.scale * (float)divisor);
    a->kernels->reduce_rows_q8(&q);
}

static void run_pool_row(const struct pool_args *a, int64_t row)
{
    const void *tap[POOL_TAPS_MAX];
    ptrdiff_t size = (ptrdiff_t)view_element(&a->x);
    int64_t at[VIEW_SPATIAL], rest = row, divisor, width;
    int last = a->w.rank - 1;
    for (int i = last - 1; i >= 0; i--) {
        at[i] = rest % a->w.out[i];
        rest /= a->w.out[i];
    }
    const char *x = (const char *)view_data(&a->x) + rest * a->x.stride[0] * size;
    char *out = (char *)view_data(&a->out) + rest * a->out.stride[0] * size;
    for (int i = 0; i < last; i++)
        out += at[i] * a->out.stride[2 + i] * size;
    for (at[last] = 0; at[last] < a->w.out[last]; at[last] += width) {
        int n = collect_taps(a, x, at, tap, &divisor);
        width = alike(&a->w, at[last]);
        reduce_taps(a, out + at[last] * a->out.stride[2 + last] * size, tap, n, divisor, width);
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

/* The largest byte, or the mean of nn.QAveragePool. */
static bool fits_bytes(const struct node *n, struct pool_args *a, enum kernel_reduce op)
{
    a->q.is_signed = n->in[0]->type.dtype == DTYPE_I8;
    a->q.mean = op == KERNEL_SUM;
    if (!a->q.mean)
        return n->in[0]->type.dtype == DTYPE_I8 || n->in[0]->type.dtype == DTYPE_U8;
    if (!exec_quant_byte(n, n->in[0], 1, &a->x_of) || !exec_quant_byte(n, n->out[0], 3, &a->out_of))
        return false;
    a->q.rounding = exec_quant_bounds(&a->out_of);
    return true;
}

static void swap(void *a, void *b, size_t size)
{
    char kept[sizeof(int64_t)];
    memcpy(kept, a, size);
    memcpy(a, b, size);
    memcpy(b, kept, size);
}

/* Turns a map of one column into a row, whose outputs are done together. */
static void turn(struct pool_args *a)
{
    struct window *w = &a->w;
    struct view *views[] = {&a->x, &a->out};
    int64_t *of[] = {w->kernel, w->stride, w->dilation, w->begin, w->end, w->in, w->out};
    for (size_t i = 0; i < sizeof(of) / sizeof(*of); i++)
        swap(&of[i][w->rank - 2], &of[i][w->rank - 1], sizeof(**of));
    for (int i = 0; i < 2; i++) {
        swap(&views[i]->dims[w->rank], &views[i]->dims[w->rank + 1], sizeof(*views[i]->dims));
        swap(&views[i]->stride[w->rank], &views[i]->stride[w->rank + 1], sizeof(*views[i]->stride));
    }
}

static int lower_pool(struct plan *p, struct node *n, enum kernel_reduce op, bool count_pad, struct error *err)
{
    struct pool_args *a = plan_alloc(p, sizeof *a, err);
    if (!a)
        return -1;
    a->bytes = view_element(plan_in(n, 0)) == 1;
    if ((a->bytes ? !fits_bytes(n, a, op) : !exec_lower_is_f32(n, 0)) || n->out_count > 1 ||
        view_count(plan_in(n, 0)) == 0)
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
    for (int i = 0; i < a->w.rank; i++)
        work *= a->w.kernel[i];
    if (a->bytes && a->w.rank > 1 && a->w.out[a->w.rank - 1] == 1 && work < POOL_TILE)
        turn(a);
    for (int i = 0; i < a->w.rank - 1; i++)
        rows *= a->w.out[i];
    return plan_step(p,
                     &(struct step){.node = n,
                                    .kernel = a->bytes ? "pool_q8" : "pool_f32",
                                    .run = run_pool,
                                    .args = a,
                                    .units = rows,
                                    .tiles = plan_tiles(work, POOL_TILE, rows)},
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

int exec_lower_q_average_pool(struct plan *p, struct node *n, struct error *err)
{
    return exec_lower_average_pool(p, n, err);
}

/* ---- the mean of all pixels ---- */

struct mean_args {
    struct view x, out;
    struct nest nest; /* of an image's pixels */
    struct kernel_reduce_q8 q;
    int64_t pieces, block; /* of an image's channels, and how many of them each has, but for the last */
    const struct kernels *kernels;
};

static void run_mean(const struct step *s, struct tile tile)
{
    const struct mean_args *a = s->args;
    const void **row = tile.scratch;
    struct kernel_reduce_q8 q = a->q;
    q.row = row;
    for (int64_t i = tile.first, next; i < tile.last; i = next) {
        int64_t image = i / a->pieces, first = i % a->pieces * a->block;
        next = (image + 1) * a->pieces < tile.last ? (image + 1) * a->pieces : tile.last;
        int64_t end = next % a->pieces == 0 ? a->x.dims[1] : first + (next - i) * a->block;
        const uint8_t *x = (const uint8_t *)view_data(&a->x) + image * a->x.stride[0] + first;
        ptrdiff_t offset[1];
        for (int64_t k = 0, last; k < q.rows;) {
            nest_at(&a->nest, 1, k, offset);
            for (last = k + nest_run(&a->nest, k, q.rows); k < last; k++, offset[0] += nest_step(&a->nest, 0))
                row[k] = x + offset[0];
        }
        q.channels = (size_t)(end - first);
        q.out = (uint8_t *)view_data(&a->out) + image * a->out.stride[0] + first;
        a->kernels->reduce_rows_q8(&q);
    }
}

static bool is_spatial(const bool *reduced, int rank)
{
    bool is = rank > 2;
    for (int i = 0; i < rank; i++)
        is = is && reduced[i] == (i >= 2);
    return is;
}

/* The input as an image: its channels are the results, its pixels what each is the mean of. */
static int as_image(struct plan *p, struct node *n, const bool *reduced, int64_t pixels, struct view *image,
                    struct error *err)
{
    int64_t perm[TENSOR_MAX_RANK], dims[2] = {pixels, view_count(plan_in(n, 0)) / pixels};
    int at = 0, rank = n->in[0]->type.rank;
    for (int pass = 0; pass < 2; pass++)
        for (int i = 0; i < rank; i++)
            if (reduced[i] == (pass == 0))
                perm[at++] = i;
    struct view moved, rows;
    view_permute(plan_in(n, 0), perm, &moved);
    if (!view_reshape(&moved, 2, dims, &rows) || rows.stride[1] != 1) {
        if (plan_copy(p, n, &moved, ORDER_ROWS, NULL, &moved, err) < 0)
            return -1;
        view_reshape(&moved, 2, dims, &rows);
    }
    *image = rows;
    image->rank = 3;
    memcpy(image->dims, (const int64_t[]){1, dims[1], dims[0]}, sizeof(int64_t[3]));
    memcpy(image->stride, (const ptrdiff_t[]){0, 1, rows.stride[0]}, sizeof(ptrdiff_t[3]));
    return 0;
}

int exec_lower_q_reduce_mean(struct plan *p, struct node *n, struct error *err)
{
    struct mean_args *a = plan_alloc(p, sizeof *a, err);
    struct kernel_byte x_of, out_of;
    bool reduced[TENSOR_MAX_RANK];
    if (!a || !exec_lower_reduced_axes(n, reduced) || !exec_quant_byte(n, n->in[0], 2, &x_of) ||
        !exec_quant_byte(n, n->out[0], 4, &out_of))
        return a ? 1 : -1;
    int64_t pixels = 1, count = view_count(plan_in(n, 0));
    for (int i = 0; i < n->in[0]->type.rank; i++)
        pixels *= reduced[i] ? n->in[0]->type.dims[i] : 1;
    if (pixels > INT32_MAX / 512 || count == 0)
        return 1;
    if (is_spatial(reduced, n->in[0]->type.rank)
            ? plan_in_channels(p, n, 0, NULL, &a->x, err) < 0 || plan_out(p, n, 0, ORDER_CHANNELS, &a->out, err) < 0
            : as_image(p, n, reduced, pixels, &a->x, err) < 0 || plan_out_dense(p, n, 0, &a->out, err) < 0)
        return -1;
    struct view image = a->x;
    image.dims[0] = image.dims[1] = 1;
    nest_make(&a->nest, (const struct view *const[]){&image}, 1);
    /* nest_at() leaves the innermost axis out. */
    a->nest.dims[a->nest.rank++] = 1;
    a->kernels = p->kernels;
    a->block = 4 * p->kernels->vector;
    a->pieces = a->x.dims[1] < a->block ? 1 : a->x.dims[1] / a->block;
    a->q = (struct kernel_reduce_q8){.rows = (int)pixels,
                                     .width = 1,
                                     .is_signed = x_of.is_signed,
                                     .mean = true,
                                     .bias = -(int32_t)pixels * (int32_t)x_of.zero,
                                     .multiplier = x_of.scale / (out_of.scale * (float)pixels),
                                     .rounding = exec_quant_bounds(&out_of)};
    return plan_step(p,
                     &(struct step){.node = n,
                                    .kernel = "mean_q8",
                                    .run = run_mean,
                                    .args = a,
                                    .units = a->x.dims[0] * a->pieces,
                                    .tiles = plan_tiles((double)count, 16384, a->x.dims[0] * a->pieces),
                                    .scratch = sizeof(void *) * (size_t)pixels},
                     err, PLAN_WRITES(&a->out, &a->x));
}
