/* Convolutions as matrix products over channels-last pixels, and what all ways to do them share. */
#include "exec/lower_conv.h"

#include <stdlib.h>
#include <string.h>

#include "exec/round.h"

bool exec_conv_read(const struct node *n, struct conv *c)
{
    struct error ignored;
    if (!exec_lower_is_f32(n, 0) || !exec_lower_is_weight(n, 1))
        return false;
    const struct tensor *w = n->in[1]->constant;
    if (w->count == 0 || tensor_count(n->in[0]->type.rank, n->in[0]->type.dims) == 0 || w->dims[0] > INT32_MAX / 2 ||
        w->count / w->dims[0] > INT32_MAX / 2)
        return false;
    c->groups = (int)op_int(n, "group");
    c->out = (int)w->dims[0] / c->groups;
    c->in = (int)w->dims[1];
    c->together = 1;
    c->in_f32 = false;
    c->taps = (int)(w->count / w->dims[0] / w->dims[1]);
    return plan_activation(n, &c->act) && exec_lower_window(n, w->dims + 2, &c->w, &ignored) == 0;
}

bool exec_conv_border(const struct node *n, const struct window *w, const int64_t *beyond, int (*border)[2])
{
    int64_t reach[VIEW_SPATIAL][2];
    for (int i = 0; i < w->rank; i++) {
        reach[i][0] = w->begin[i];
        reach[i][1] = (w->out[i] - 1) * w->stride[i] + window_extent(w, i) - w->begin[i] - w->in[i];
        reach[i][1] += beyond ? beyond[i] : 0;
    }
    return exec_lower_border(&n->in[0]->type, (const int64_t(*)[2])reach, border);
}

int exec_conv_ports(struct plan *p, struct node *n, struct conv_ports *ports, struct error *err)
{
    struct gemm_job job = {.to = {.bias = NULL}};
    memset(ports, 0, sizeof *ports);
    if (exec_lower_bias(p, n, 2, &job, err) < 0)
        return -1;
    ports->bias = job.to.bias;
    ports->bias_view = job.bias_view;
    if (!node_in(n, 3))
        return plan_out(p, n, 0, ORDER_CHANNELS, &ports->out, err);
    ports->add_last = op_int(n, "residual_last") != 0;
    if (plan_in_channels(p, n, 3, NULL, &ports->add, err) < 0)
        return -1;
    return plan_out_over(p, n, 0, 3, ORDER_CHANNELS, &ports->out, err);
}

int exec_conv_repeat(struct plan *p, const void **bias, int n, int times, struct error *err)
{
    const float *once = *bias;
    float *all = once ? plan_alloc(p, sizeof *all * (size_t)n * (size_t)times, err) : NULL;
    for (int i = 0; all && i < n * times; i++)
        all[i] = once[i % n];
    *bias = all;
    return once && !all ? -1 : 0;
}

/* A core does two vectors of multiply-adds a cycle, of which good kernels reach nine tenths, and waits for weights from
 * beyond its caches at about eight bytes a cycle, prefetching taken into account. */
double exec_conv_cycles(const struct kernels *k, double macs, double weight_bytes)
{
    return macs / (2 * k->vector) / 0.9 + weight_bytes / 8;
}

/* ---- as matrix products ---- */

/* Pixels of an image's result. */
static size_t pixels_of(const struct conv *c)
{
    double pixels = 1;
    for (int i = 0; i < c->w.rank; i++)
        pixels *= (double)c->w.out[i];
    return pixels < INT32_MAX ? (size_t)pixels : INT32_MAX;
}

/* Panels of taps that are rounded up each are not those of a run of taps, as one. */
static const struct kernel_product *product_of(const struct kernels *k, const struct conv *c)
{
    const struct kernel_product *weights =
        kernel_gemm_weights(k, pixels_of(c), (size_t)c->in * (size_t)c->taps, (size_t)c->out);
    bool is_whole = weights && (c->in % weights->kr == 0 || c->taps == 1);
    return is_whole && !c->in_f32 ? weights : kernel_gemm_f32(k, (size_t)c->out);
}

/* Bytes of a group's packed weights. */
static size_t pack_size(const struct kernels *k, const struct conv *c)
{
    return kernel_product_packed(product_of(k, c), 1, (size_t)c->in * (size_t)c->taps, (size_t)c->out);
}

static int panels_of(const struct kernels *k, const struct conv *c)
{
    int nr = product_of(k, c)->nr;
    return (c->out + nr - 1) / nr;
}

/* A unit is a panel of a group. */
static int pack_weights(void *packed, const void *weights, const void *args, int64_t first, int64_t last,
                        const struct kernels *k)
{
    const struct conv *c = args;
    const struct kernel_product *product = product_of(k, c);
    int panels = panels_of(k, c), nr = product->nr;
    ptrdiff_t row = (ptrdiff_t)c->in * c->taps; /* of an output channel */
    for (int64_t i = first; i < last; i++) {
        int64_t group = i / panels, channel = i % panels * nr;
        int n = c->out - channel < nr ? (int)(c->out - channel) : nr;
        char *to = (char *)packed + (size_t)group * pack_size(k, c) +
                   kernel_product_packed(product, (size_t)c->taps, (size_t)c->in, (size_t)channel);
        product->pack(to, (const float *)weights + (group * c->out + channel) * row, c->taps, 1, c->in, c->taps, n,
                      row);
    }
    return 0;
}

/* The same of pixels together: rows of taps are wider by the other pixels', which are 0. */
static int pack_together(void *packed, const void *weights, const void *args, int64_t first, int64_t last,
                         const struct kernels *k)
{
    const struct conv *c = args;
    struct error ignored;
    int64_t wide = c->w.kernel[c->w.rank - 1], row = wide - c->together + 1,
            rows = (int64_t)c->out / c->together * c->in * (c->taps / wide);
    float *all = mem_calloc((size_t)(rows * c->together), (size_t)wide * sizeof *all, &ignored);
    for (int64_t i = 0; all && i < rows * c->together; i++)
        memcpy(all + i * wide + i / rows, (const float *)weights + i % rows * row, (size_t)row * sizeof *all);
    int status = all ? pack_weights(packed, all, c, first, last, k) : -1;
    free(all);
    return status;
}

/* The taps' offsets from the part's first one; a run of the innermost axis is one tap where its pixels lie side by
 * side.
 */
static int fill_taps(struct plan *p, const struct conv *c, const struct conv_part *part, const struct view *x,
                     struct gemm_job *job, struct error *err)
{
    const struct window *w = &c->w;
    int last = w->rank - 1;
    bool run = w->dilation[last] == 1 && part->taps[last] == w->kernel[last] && x->stride[1 + w->rank] == c->in &&
               x->dims[1] == c->in;
    int64_t taps = 1, inner = run ? w->kernel[last] : 1, dims[VIEW_SPATIAL];
    for (int i = 0; i < w->rank; i++)
        taps *= dims[i] = i == last && run ? 1 : part->taps[i];
    ptrdiff_t *tap = plan_alloc(p, sizeof *tap * (size_t)(taps + 1), err); /* there may be none */
    int *b_tap = plan_alloc(p, sizeof *b_tap * (size_t)(taps + 1), err);
    if (!tap || !b_tap)
        return -1;
    for (int64_t t = 0; t < taps; t++) {
        int64_t rest = t, step = 1;
        for (int i = last; i >= 0; i--) {
            int64_t at = rest % dims[i];
            tap[t] += at * w->dilation[i] * x->stride[2 + i];
            b_tap[t] += (int)((part->tap[i] + at) * step);
            step *= i == last && run ? 1 : w->kernel[i];
            rest /= dims[i];
        }
    }
    job->tap = tap;
    job->taps = (int)taps;
    job->k = (int)(c->in * inner);
    job->b_taps = c->taps / (int)inner;
    job->b_tap = job->taps == job->b_taps ? NULL : b_tap;
    return 0;
}

static void fill_pixels(const struct conv *c, const struct conv_part *part, const struct view *x, struct gemm_job *job)
{
    const struct window *w = &c->w;
    int at = GEMM_AXES - 1 - w->rank;
    for (int i = 0; i < GEMM_AXES; i++)
        job->dims[i] = 1;
    job->dims[at] = x->dims[0];
    job->a_stride[at] = x->stride[0];
    job->c_stride[at] = job->c.stride[0];
    job->add_stride[at] = job->add.stride[0];
    for (int i = 0; i < w->rank; i++) {
        job->dims[at + 1 + i] = part->count[i];
        job->a_stride[at + 1 + i] = x->stride[2 + i] * w->stride[i];
        job->c_stride[at + 1 + i] = job->c.stride[2 + i];
        job->add_stride[at + 1 + i] = job->add.stride[2 + i];
        job->a.offset +=
            (part->first[i] * w->stride[i] + part->tap[i] * w->dilation[i] - w->begin[i]) * x->stride[2 + i];
        job->c.offset += part->first[i] * job->c.stride[2 + i];
        job->add.offset += part->first[i] * job->add.stride[2 + i];
    }
}

int exec_conv_groups(struct plan *p, struct gemm_job *job, int groups, size_t packed, struct error *err)
{
    ptrdiff_t *offsets = plan_alloc(p, sizeof *offsets * (size_t)groups * 3, err);
    if (!offsets)
        return -1;
    ptrdiff_t *in = offsets, *out = in + groups, *weights = out + groups;
    for (int g = 0; g < groups; g++) {
        in[g] = (ptrdiff_t)g * job->k;
        out[g] = (ptrdiff_t)g * job->n;
        weights[g] = g * (ptrdiff_t)packed;
    }
    job->batches = groups;
    job->a_batch = in;
    job->c_batch = job->add_batch = out;
    job->b_batch = weights;
    job->bias_batch = job->n;
    return 0;
}

static int fill_groups(struct plan *p, const struct conv *c, struct gemm_job *job, struct error *err)
{
    size_t size = kernel_product_packed(job->product, (size_t)job->b_taps, (size_t)job->k, (size_t)c->out);
    return exec_conv_groups(p, job, c->groups, size, err);
}

const void *exec_conv_weights(struct plan *p, struct node *n, const struct conv *c, struct error *err)
{
    size_t bytes;
    if (!mem_mul(pack_size(p->kernels, c), (size_t)c->groups, &bytes))
        bytes = 0;
    return plan_packed(
        p, n, 1,
        &(struct packing){.name = "conv",
                          .params = {c->groups, c->out, c->in, c->taps, product_of(p->kernels, c)->b, c->together},
                          .bytes = bytes,
                          .units = c->groups * panels_of(p->kernels, c),
                          .pack = c->together > 1 ? pack_together : pack_weights,
                          .args = c,
                          .args_size = sizeof *c},
        err);
}

/* Weights that were multiplied by factors, of each image: images are batches. */
static int fill_scaled(struct plan *p, const struct conv *c, const struct view *x, struct gemm_job *job,
                       struct error *err)
{
    int64_t images = x->dims[0];
    ptrdiff_t *offsets = plan_alloc(p, sizeof *offsets * (size_t)images * 4, err);
    if (!offsets)
        return -1;
    ptrdiff_t *in = offsets, *out = in + images, *add = out + images, *packed = add + images;
    for (int64_t i = 0; i < images; i++) {
        in[i] = i * x->stride[0];
        out[i] = i * job->c.stride[0];
        add[i] = i * job->add.stride[0];
        packed[i] = i * (ptrdiff_t)pack_size(p->kernels, c);
    }
    job->dims[GEMM_AXES - 1 - c->w.rank] = 1;
    job->batches = (int)images;
    job->a_batch = in;
    job->c_batch = out;
    job->add_batch = add;
    job->b_batch = packed;
    return 0;
}

static bool gemm_border(const struct node *n, int (*border)[2])
{
    struct conv c;
    return exec_conv_read(n, &c) && exec_conv_border(n, &c.w, NULL, border);
}

double exec_conv_packed(const struct kernels *k, const struct conv *c)
{
    /* Of f16 as many as of f32: Winograd's method stays ahead of it where it is ahead of f32 (measured). */
    enum kernel_type type = product_of(k, c)->b;
    size_t size = type == KERNEL_BF16 ? sizeof(float) : kernel_type_size(type);
    return (double)pack_size(k, c) / (double)size * c->groups;
}

int exec_conv_geometry(struct plan *p, const struct conv *c, const struct view *x, const struct conv_part *part,
                       struct gemm_job *job, struct error *err)
{
    fill_pixels(c, part, x, job);
    return fill_taps(p, c, part, x, job, err) < 0 || fill_groups(p, c, job, err) < 0 ? -1 : 0;
}

int exec_conv_job(struct plan *p, struct node *n, const struct conv *of, const struct conv_ports *ports,
                  const struct view *x, const struct conv_part *part, struct gemm_job *job, struct error *err)
{
    struct conv copy = *of, *c = &copy;
    bool scaled = plan_place(n->in[0])->weights.buffer != NULL;
    c->in_f32 = of->in_f32 || scaled; /* weights that a step before scales are floats */
    const struct kernel_product *product = product_of(p->kernels, c);
    *job = (struct gemm_job){.product = x->dtype == DTYPE_F32 ? product : product->rounded,
                             .to = {.bias = ports->bias, .add_last = ports->add_last, .act = c->act},
                             .a = *x,
                             .c = ports->out,
                             .add = ports->add,
                             .bias_view = ports->bias_view,
                             .n = c->out};
    fill_pixels(c, part, x, job);
    job->packed_view = plan_place(n->in[0])->weights;
    if (fill_taps(p, c, part, x, job, err) < 0 ||
        (scaled ? fill_scaled(p, c, x, job, err) : fill_groups(p, c, job, err)) < 0 ||
        (!scaled && !(job->packed = exec_conv_weights(p, n, c, err))))
        return -1;
    return 0;
}

int exec_conv_emit(struct plan *p, struct node *n, const char *kernel, const struct conv *c,
                   const struct conv_ports *ports, const struct view *x, const struct conv_part *part,
                   struct error *err)
{
    struct gemm_job job;
    return exec_conv_job(p, n, c, ports, x, part, &job, err) < 0 ? -1 : gemm_emit(p, n, kernel, &job, err);
}

/* ---- pixels together ---- */

/* Vectors of sums for a pixel and one of its rows of taps. */
static double sums_of(const struct kernels *k, const struct conv *c, int together)
{
    int columns = together * c->out, vector = kernel_gemm_f32(k, (size_t)c->out)->vector;
    return (double)((columns + vector - 1) / vector) * (double)(c->w.kernel[c->w.rank - 1] + together - 1) / together;
}

/* What it must win; and the sums of a column for which it is done: wider weights take up to eight times the memory. */
#define TOGETHER_MOST  16
#define TOGETHER_GAIN  1.15
#define TOGETHER_DEPTH 32768

/* Where channels fill no vector, pixels of a row do: they are those of one pixel of a wider kernel. */
static struct conv join_pixels(const struct kernels *k, const struct conv *c)
{
    struct conv wide = *c;
    int last = c->w.rank - 1;
    if (c->groups > 1 || c->w.stride[last] > 1 || c->w.dilation[last] > 1 || c->out > 4 * k->vector ||
        c->in > TOGETHER_DEPTH / c->taps)
        return wide;
    for (int i = 2; i <= TOGETHER_MOST && i <= c->w.out[last]; i++)
        if (sums_of(k, c, i) * TOGETHER_GAIN < sums_of(k, c, 1) && sums_of(k, c, i) < sums_of(k, c, wide.together))
            wide.together = i;
    wide.out *= wide.together;
    wide.w.kernel[last] += wide.together - 1;
    wide.taps = (int)(c->taps / c->w.kernel[last] * wide.w.kernel[last]);
    wide.w.stride[last] *= wide.together;
    wide.w.out[last] /= wide.together;
    return wide;
}

/* The view's pixels as those of `wide`; false if they do not lie side by side. */
static bool join_view(const struct conv *wide, struct view *v)
{
    ptrdiff_t *step = &v->stride[1 + wide->w.rank];
    bool fits = *step * wide->together == wide->out || !v->buffer;
    *step *= wide->together;
    return fits;
}

/* ---- rounded before ---- */

enum rounding { ROUND_NOTHING, ROUND_MAP, ROUND_ROWS };

/* Weights beyond which they are met in groups, each by all pixels, where maps are small; rows of taps, in bytes, that
 * still stay in a cache; the least width of maps whose rows gemm.c cuts into tiles. */
#define ROUND_WEIGHTS ((size_t)256 << 10)
#define ROUND_BYTES   (1 << 20)
#define ROUND_WIDTH   12

/* What is read more often than once is rounded before. Where rows of a map fill no tile, or there are more axes, a tile
 * takes rows of taps: those are equally far apart. */
static enum rounding rounding_of(const struct kernels *k, const struct node *n, const struct conv *c)
{
    const struct kernel_product *product = product_of(k, c);
    const int last = c->w.rank - 1;
    double bytes = sizeof(uint16_t) * (double)n->in[0]->type.dims[0] * c->in * c->taps;
    if (!product->rounded || c->in % product->round_k != 0 || (c->taps == 1 && pack_size(k, c) <= ROUND_WEIGHTS))
        return ROUND_NOTHING;
    if (c->taps > 1 && last < 2 && n->in[0]->type.dims[0] == 1 && c->w.out[last] >= ROUND_WIDTH)
        return ROUND_MAP;
    for (int i = 0; i <= last; i++)
        bytes *= (double)c->w.out[i];
    return c->groups == 1 && bytes <= ROUND_BYTES ? ROUND_ROWS : ROUND_NOTHING;
}

/* The job reads rows that are rounded before. */
static int round_rows(struct plan *p, struct node *n, struct gemm_job *job, struct error *err)
{
    struct view rows;
    if (round_pixels(p, n, job, &rows, err) < 0)
        return -1;
    job->product = job->product->rounded;
    job->a = rows;
    job->k *= job->taps;
    job->taps = job->b_taps = 1;
    job->tap = plan_alloc(p, sizeof *job->tap, err);
    job->a_stride[GEMM_AXES - 1] = rows.stride[0];
    for (int i = GEMM_AXES - 1; i > 0; i--)
        job->a_stride[i - 1] = job->a_stride[i] * job->dims[i];
    return job->tap ? 0 : -1;
}

/* Pixels of rows from `first` on. */
static int emit_rest(struct plan *p, struct node *n, const struct conv *c, const struct conv_ports *ports,
                     const struct view *x, int64_t first, struct error *err)
{
    struct conv_part part = {.first = {0}};
    int last = c->w.rank - 1;
    memcpy(part.count, c->w.out, sizeof part.count);
    memcpy(part.taps, c->w.kernel, sizeof part.taps);
    part.first[last] = first;
    part.count[last] -= first;
    struct gemm_job job;
    struct view map = *x;
    bool rounds = c->together == 1 && first == 0 && !plan_place(n->in[0])->weights.buffer;
    enum rounding rounding = rounds ? rounding_of(p->kernels, n, c) : ROUND_NOTHING;
    if ((rounding == ROUND_MAP && round_map(p, n, product_of(p->kernels, c), &map, err) < 0) ||
        exec_conv_job(p, n, c, ports, &map, &part, &job, err) < 0 ||
        (rounding == ROUND_ROWS && round_rows(p, n, &job, err) < 0))
        return -1;
    return gemm_emit(p, n, c->together > 1 ? "joined_f32" : job.product->name, &job, err);
}

/* Returns the pixels of a row that are done so, or -1. */
static int64_t emit_together(struct plan *p, struct node *n, const struct conv *c, const struct conv_ports *ports,
                             const struct view *x, struct error *err)
{
    struct conv wide = join_pixels(p->kernels, c);
    struct conv_ports joined = *ports;
    if (wide.together == 1 || ports->bias_view.buffer || !join_view(&wide, &joined.out) ||
        !join_view(&wide, &joined.add))
        return 0;
    if (exec_conv_repeat(p, &joined.bias, c->out, wide.together, err) < 0 ||
        emit_rest(p, n, &wide, &joined, x, 0, err) < 0)
        return -1;
    p->steps[p->step_count - 1].macs *= (double)c->taps / wide.taps; /* products with 0 do no work */
    return wide.w.out[wide.w.rank - 1] * wide.together;
}

/* ---- as a whole ---- */

/* Tiles multiply so much faster than vectors do, where rows need not be gathered for them. Windows with holes may be
 * cut into parts (lower_dilated.c), whose rows are gathered; these were not measured. */
#define ROUND_SPEED 4

static double gemm_cost(const struct kernels *k, const struct node *n)
{
    int border[VIEW_SPATIAL][2];
    struct conv c;
    if (!exec_conv_read(n, &c) || !exec_conv_border(n, &c.w, NULL, border))
        return -1;
    c = join_pixels(k, &c);
    double pixels = (double)n->in[0]->type.dims[0], floats = exec_conv_packed(k, &c);
    for (int i = 0; i < c.w.rank; i++)
        pixels *= (double)c.w.out[i];
    bool is_fast = c.together == 1 && rounding_of(k, n, &c) != ROUND_NOTHING;
    for (int i = 0; i < c.w.rank; i++)
        is_fast = is_fast && c.w.dilation[i] == 1;
    return exec_conv_cycles(k, pixels * floats / (is_fast ? ROUND_SPEED : 1), floats * sizeof(float));
}

static int gemm_lower(struct plan *p, struct node *n, struct error *err)
{
    struct conv c;
    struct view x;
    struct conv_ports ports;
    int border[VIEW_SPATIAL][2];
    if (!exec_conv_read(n, &c) || !exec_conv_border(n, &c.w, NULL, border))
        return 1;
    if (plan_in_channels(p, n, 0, border, &x, err) < 0 || exec_conv_ports(p, n, &ports, err) < 0)
        return -1;
    int64_t done = emit_together(p, n, &c, &ports, &x, err);
    return done < 0 ? -1 : done < c.w.out[c.w.rank - 1] ? emit_rest(p, n, &c, &ports, &x, done, err) : 0;
}

const struct exec_way exec_way_conv_gemm = {.cost = gemm_cost, .border = gemm_border, .lower = gemm_lower};
