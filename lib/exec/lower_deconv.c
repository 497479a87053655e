/* Transposed convolutions of floats and of bytes, as one matrix product for every phase of the result's grid: output
 * place o = stride q + r gets the taps k with (r + pad - k dilation) divisible by the stride, each from input place q +
 * (r + pad - k dilation) / stride. So each phase is a convolution of stride 1 with a part of the kernel. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "exec/lower_conv.h"
#include "exec/lower_quant.h"

#define AXES VIEW_SPATIAL /* fewer are preceded by some of size 1 */

struct phase_axis {
    int taps;
    int64_t tap[64], from[64]; /* the kernel's tap, and the input place it reads for q = 0 */
    int64_t count;             /* places of the result */
};

/* Output's begin padding of axis i, with auto_pad and output_shape resolved: from the sizes on both sides. */
static int64_t pad_begin(const struct node *n, const struct window *w, int i)
{
    int64_t out = n->out[0]->type.dims[2 + i], full = (w->in[i] - 1) * w->stride[i] + window_extent(w, i);
    int count;
    const int64_t *adjust = op_ints(n, "output_padding", &count);
    int64_t total = full + (count > i ? adjust[i] : 0) - out;
    if (w->auto_pad == WINDOW_EXPLICIT && !op_has(n, "output_shape"))
        return w->begin[i];
    if (total < 0)
        return 0; /* places beyond the windows get the bias alone */
    return w->auto_pad == WINDOW_SAME_UPPER ? total / 2 : total - total / 2;
}

static void make_phase(const struct window *w, int i, int64_t pad, int64_t out, int64_t r, struct phase_axis *a)
{
    a->taps = 0;
    a->count = r < out ? (out - r + w->stride[i] - 1) / w->stride[i] : 0;
    for (int64_t k = 0; k < w->kernel[i]; k++) {
        int64_t from = r + pad - k * w->dilation[i];
        if (from % w->stride[i] != 0)
            continue;
        a->tap[a->taps] = k;
        a->from[a->taps++] = from / w->stride[i];
    }
}

/* So many phases of the result's grid are worth a step each. */
#define PHASES_MAX 256

/* nn.QConvTranspose, whose products are of bytes. */
static bool is_quantised(const struct node *n)
{
    return strcmp(n->op, "QConvTranspose") == 0;
}

/* Whether sums of products of bytes, and the bias, fit s32, whatever they are. */
static bool sums_fit(const struct node *n, const struct tensor *w)
{
    const struct tensor *bias = node_in(n, 8) ? n->in[8]->constant : NULL;
    double most = 0;
    bool real = bias && bias->dtype == DTYPE_F32;
    if (node_in(n, 8) && (!bias || (!real && bias->dtype != DTYPE_I32) || bias->rank != 1 || bias->count != w->dims[1]))
        return false;
    for (int64_t i = 0; bias && !real && i < bias->count; i++)
        most = fmax(most, fabs(tensor_get_f64(bias, i)));
    return w->dims[1] > 0 && (double)(w->count / w->dims[1]) * 255 * 255 + most <= INT32_MAX;
}

/* The weights, [in][out][kernel]; NULL: they, or what belongs to them, are no case for kernels. */
static const struct tensor *find_weights(const struct node *n)
{
    bool bytes = is_quantised(n);
    int in = bytes ? 3 : 1;
    if (bytes ? !plan_is_constant(n, in) : !exec_lower_is_f32(n, 0) || !exec_lower_is_weight(n, in))
        return NULL;
    const struct tensor *w = n->in[in]->constant;
    for (int i = 1; bytes && i < 8; i++)
        if (i != in && !(plan_is_constant(n, i) && exec_quant_is_param(n, i, i < in || i > 5 ? 1 : w->dims[1])))
            return NULL;
    if (bytes && !sums_fit(n, w))
        return NULL;
    return w->count > 0 && w->count <= INT32_MAX / 2 && (!bytes || op_int(n, "group") == 1) ? w : NULL;
}

static bool fits(const struct node *n, struct window *w, struct error *err)
{
    const struct tensor *weights = find_weights(n);
    int spatial = n->in[0]->type.rank - 2;
    if (!weights || spatial < 1 || spatial > AXES || tensor_count(n->in[0]->type.rank, n->in[0]->type.dims) == 0 ||
        window_read(w, n, spatial, weights->dims + 2, err) < 0)
        return false;
    int64_t phases = 1;
    for (int i = 0; i < spatial; i++) {
        w->in[i] = n->in[0]->type.dims[2 + i];
        w->out[i] = n->out[0]->type.dims[2 + i];
        if (w->kernel[i] > 64 || w->out[i] < 1 || w->stride[i] > PHASES_MAX)
            return false;
        phases *= w->stride[i];
    }
    return phases <= PHASES_MAX && exec_lower_window_is_near(w);
}

/* The pixels beyond the input that the phases read. */
static bool find_border(const struct node *n, const struct window *w, int (*border)[2])
{
    int64_t reach[VIEW_SPATIAL][2] = {{0}};
    for (int i = 0; i < w->rank; i++)
        for (int64_t r = 0; r < w->stride[i] && r < w->out[i]; r++) {
            struct phase_axis a;
            make_phase(w, i, pad_begin(n, w, i), w->out[i], r, &a);
            for (int t = 0; t < a.taps; t++) {
                int64_t before = -a.from[t], behind = a.from[t] + a.count - w->in[i];
                reach[i][0] = before > reach[i][0] ? before : reach[i][0];
                reach[i][1] = behind > reach[i][1] ? behind : reach[i][1];
            }
        }
    return exec_lower_border(&n->in[0]->type, (const int64_t (*)[2])reach, border);
}

static bool deconv_border(const struct node *n, int (*border)[2])
{
    struct window w;
    struct error ignored;
    return fits(n, &w, &ignored) && find_border(n, &w, border);
}

static double deconv_cost(const struct kernels *k, const struct node *n)
{
    int border[VIEW_SPATIAL][2];
    (void)k;
    return deconv_border(n, border) ? 0 : -1;
}

/* ---- weights ---- */

/* Channels are those of a group. */
struct phase_weights {
    int64_t in, out, kernel[AXES];
    int64_t together; /* phases of a row that are columns of one product */
    struct phase_axis axis[AXES];
};

static int taps_of(const struct phase_axis *axis)
{
    return axis[0].taps * axis[1].taps * axis[2].taps;
}

/* Which of a kernel plane's taps is tap i of the phase. */
static int64_t plane_tap(const int64_t *kernel, const struct phase_axis *axis, int64_t i)
{
    int64_t tap = 0, step = 1;
    for (int j = AXES - 1; j >= 0; j--) {
        tap += axis[j].tap[i % axis[j].taps] * step;
        step *= kernel[j];
        i /= axis[j].taps;
    }
    return tap;
}

/* [taps of the phase][in] rows of [together][out], from weights [in][out][kernel]; a unit is a group. */
static int pack_phase(void *packed, const void *weights, const void *args, int64_t first, int64_t last,
                      const struct kernels *k)
{
    struct error ignored;
    const struct phase_weights *a = args;
    int64_t taps = taps_of(a->axis), columns = a->together * a->out, depth = taps * a->in,
            plane = a->kernel[0] * a->kernel[1] * a->kernel[2];
    const struct kernel_product *product = kernel_gemm_f32(k, (size_t)columns);
    size_t size = kernel_product_packed(product, 1, (size_t)depth, (size_t)columns);
    float *rows = mem_calloc((size_t)depth, sizeof *rows * (size_t)columns, &ignored);
    for (int64_t group = first; rows && group < last; group++) {
        const float *w = (const float *)weights + group * a->in * a->out * plane;
        float *to = rows;
        for (int64_t i = 0; i < depth; i++) {
            int64_t tap = plane_tap(a->kernel, a->axis, i / a->in);
            for (int64_t j = 0; j < columns; j++)
                *to++ = w[(i % a->in * a->out + j % a->out) * plane + tap + j / a->out];
        }
        product->pack((char *)packed + (size_t)group * size, rows, 1, 0, (int)depth, columns, (int)columns, 1);
    }
    free(rows);
    return rows ? 0 : -1;
}

/* ---- phases ---- */

struct deconv {
    struct window w;     /* of AXES axes */
    struct view x, out;  /* rank 2 + AXES */
    int groups;
    int64_t together;    /* phases of a row that one product makes: all, or 1 */
    struct gemm_job job; /* what all phases share */
};

static int phase_taps(struct plan *p, const struct deconv *d, const struct phase_axis *axis, struct gemm_job *job,
                      struct error *err)
{
    const int64_t dims[AXES] = {axis[0].taps, axis[1].taps, axis[2].taps};
    int64_t at[AXES] = {0};
    job->taps = taps_of(axis);
    ptrdiff_t *tap = plan_alloc(p, sizeof *tap * (size_t)(job->taps + 1), err); /* there may be none */
    if (!tap)
        return -1;
    for (int t = 0; t < job->taps; t++, window_next(AXES, dims, at))
        for (int i = 0; i < AXES; i++)
            tap[t] += axis[i].from[at[i]] * d->x.stride[2 + i];
    job->tap = tap;
    job->k = (int)d->x.dims[1] / d->groups;
    return 0;
}

/* The kernel's taps that the phase has, as bits. */
static int64_t tap_set(const struct phase_axis *a)
{
    uint64_t set = 0;
    for (int i = 0; i < a->taps; i++)
        set |= UINT64_C(1) << a->tap[i];
    return (int64_t)set;
}

static int pack_floats(struct plan *p, struct node *n, const struct deconv *d, const struct phase_axis *axis,
                       struct gemm_job *job, struct error *err)
{
    const int64_t *kernel = d->w.kernel;
    struct phase_weights a = {job->k,      d->out.dims[1] / d->groups,  {kernel[0], kernel[1], kernel[2]},
                              d->together, {axis[0], axis[1], axis[2]}};
    size_t size = kernel_product_packed(job->product, 1, (size_t)(job->taps * a.in), (size_t)job->n);
    if (exec_conv_groups(p, job, d->groups, size, err) < 0)
        return -1;
    if (job->taps == 0) {
        job->packed = job->tap; /* is not read: what no tap reaches has its bias alone */
        return 0;
    }
    job->packed =
        plan_packed(p, n, 1,
                    &(struct packing){.name = d->together > 1 ? "phases" : "phase",
                                      .params = {a.in, a.out, kernel[0], kernel[1], kernel[2], tap_set(&axis[0]),
                                                 tap_set(&axis[1]), tap_set(&axis[2])},
                                      .bytes = size * (size_t)d->groups,
                                      .units = d->groups,
                                      .pack = pack_phase,
                                      .args = &a,
                                      .args_size = sizeof a},
                    err);
    return job->packed ? 0 : -1;
}

/* Weights and epilogue of bytes. 1: some scale is no number. */
static int load_bytes(struct plan *p, struct node *n, const struct deconv *d, const struct phase_axis *axis,
                      struct quant_weights *w, struct gemm_job *job, struct error *err)
{
    int64_t out = d->out.dims[1], in = d->x.dims[1], depth = taps_of(axis) * in,
            plane = d->w.kernel[0] * d->w.kernel[1] * d->w.kernel[2], step = d->together > 1 ? 1 : plane;
    int64_t *at = plan_alloc(p, sizeof *at * (size_t)(depth + 1), err);
    if (!at)
        return -1;
    for (int64_t i = 0; i < depth; i++)
        at[i] = i % in * out * plane + plane_tap(d->w.kernel, axis, i / in);
    *w = (struct quant_weights){QUANT_INPUTS, .columns = job->n, .depth = depth, .column_step = step, .at = at};
    w->bias_input = INT32_MAX; /* sums_fit() has seen it: there is one for each channel, not for each column */
    int status = exec_quant_weights(p, n, w, err);
    return status == 0 ? exec_quant_epilogue(p, n, w, job->product->a_offset, &job->to, err) : status;
}

static int pack_bytes(struct plan *p, struct node *n, const struct deconv *d, const struct phase_axis *axis,
                      struct gemm_job *job, struct error *err)
{
    struct quant_weights w;
    int status = load_bytes(p, n, d, axis, &w, job, err);
    if (status != 0)
        return status < 0 ? -1 : error_set(err, "weights that are not as they were");
    ptrdiff_t *tap = plan_alloc(p, sizeof *tap * (size_t)(job->taps * w.runs + 1), err);
    if (!tap)
        return -1;
    for (int i = 0; i < job->taps * w.runs; i++)
        tap[i] = job->tap[i % job->taps];
    job->tap = tap;
    job->taps *= w.runs;
    job->packed = job->taps == 0 ? (const void *)tap
                                 : exec_quant_packed(p, n, "phase_q8", &w, job->product, 1, job->taps, job->k, err);
    return job->packed ? 0 : -1;
}

static int emit_phase(struct plan *p, struct node *n, const struct deconv *d, const struct phase_axis *axis,
                      const int64_t *r, struct error *err)
{
    struct gemm_job job = d->job;
    job.dims[0] = d->x.dims[0];
    job.a_stride[0] = d->x.stride[0];
    job.c_stride[0] = d->out.stride[0];
    for (int i = 0; i < AXES; i++) {
        job.dims[1 + i] = axis[i].count;
        job.a_stride[1 + i] = d->x.stride[2 + i];
        job.c_stride[1 + i] = d->out.stride[2 + i] * d->w.stride[i];
        job.c.offset += r[i] * d->out.stride[2 + i];
    }
    if (phase_taps(p, d, axis, &job, err) < 0 ||
        (is_quantised(n) ? pack_bytes : pack_floats)(p, n, d, axis, &job, err) < 0)
        return -1;
    return gemm_emit(p, n, d->together > 1 && !is_quantised(n) ? "joined_f32" : job.product->name, &job, err);
}

static int emit_phases(struct plan *p, struct node *n, struct deconv *d, const int64_t *pad, struct error *err)
{
    const struct window *w = &d->w;
    int64_t r[AXES] = {0}, phases[AXES];
    for (int i = 0; i < AXES; i++)
        phases[i] = w->stride[i] < w->out[i] ? w->stride[i] : w->out[i];
    phases[AXES - 1] /= d->together;
    do {
        struct phase_axis axis[AXES];
        for (int i = 0; i < AXES; i++)
            make_phase(w, i, pad[i], w->out[i], r[i], &axis[i]);
        if (emit_phase(p, n, d, axis, r, err) < 0)
            return -1;
    } while (window_next(AXES, phases, r));
    return 0;
}

/* Moves what stands for the axes to the end of AXES places, behind `first`. */
static void move_axes(int64_t *at, int missing, int64_t first)
{
    for (int i = AXES - 1; i >= 0; i--)
        at[i] = i < missing ? first : at[i - missing];
}

static void move_view(struct view *v, int missing)
{
    move_axes(v->dims + 2, missing, 1);
    for (int i = AXES - 1; i >= missing; i--)
        v->stride[2 + i] = v->stride[2 + i - missing];
    v->rank += missing;
}

static void make_axes(struct deconv *d, int64_t *pad)
{
    struct window *w = &d->w;
    int missing = AXES - w->rank;
    int64_t *const sizes[] = {w->kernel, w->stride, w->dilation, w->in, w->out};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        move_axes(sizes[i], missing, 1);
    move_axes(pad, missing, 0);
    move_view(&d->x, missing);
    move_view(&d->out, missing);
}

/* Where phases of a row have equally many taps, they read the same pixels and write side by side: they are columns of
 * one product, which fills more lanes. Columns of bytes are equally far from each other in the weights, as those of a
 * single channel are. */
static int join_phases(struct plan *p, struct deconv *d, bool bytes, const int64_t *pad, struct error *err)
{
    const struct window *w = &d->w;
    const int last = AXES - 1;
    int64_t out = d->out.dims[1], step = w->stride[last];
    if (w->kernel[last] % step != 0 || w->dilation[last] != 1 || pad[last] % step != 0 || w->out[last] % step != 0 ||
        d->out.stride[2 + last] != out || d->job.bias_view.buffer || d->groups > 1 || out * step > INT32_MAX ||
        (bytes && out > 1))
        return 0;
    d->together = step;
    d->job.n = (int)(out * step);
    return bytes ? 0 : exec_conv_repeat(p, &d->job.to.bias, (int)out, (int)step, err);
}

static int start_floats(struct plan *p, struct node *n, struct deconv *d, int (*border)[2], struct error *err)
{
    if (!plan_activation(n, &d->job.to.act))
        return 1;
    if (plan_in_channels(p, n, 0, border, &d->x, err) < 0)
        return -1;
    return exec_lower_bias(p, n, 2, &d->job, err);
}

/* Phases find their epilogues themselves: here it is seen whether there are any. */
static int start_bytes(struct plan *p, struct node *n, struct deconv *d, int (*border)[2], struct error *err)
{
    struct quant_weights w = {QUANT_INPUTS, .columns = n->in[3]->constant->dims[1]};
    int32_t *sum = plan_alloc(p, sizeof *sum * (size_t)w.columns, err);
    w.sum = sum;
    int status = sum ? exec_quant_epilogue(p, n, &w, 0, &d->job.to, err) : -1;
    return status == 0 ? plan_in_filled(p, n, 0, border, exec_quant_fill(n), &d->x, err) : status;
}

static int deconv_lower(struct plan *p, struct node *n, struct error *err)
{
    struct deconv d = {.groups = (int)op_int(n, "group"), .together = 1};
    struct error ignored;
    int border[VIEW_SPATIAL][2];
    int64_t pad[AXES] = {0};
    bool bytes = is_quantised(n);
    if (!fits(n, &d.w, &ignored) || !find_border(n, &d.w, border))
        return 1;
    for (int i = 0; i < d.w.rank; i++)
        pad[i] = pad_begin(n, &d.w, i);
    int status = (bytes ? start_bytes : start_floats)(p, n, &d, border, err);
    if (status != 0)
        return status;
    if (plan_out(p, n, 0, ORDER_CHANNELS, &d.out, err) < 0)
        return -1;
    make_axes(&d, pad);
    d.job.a = d.x;
    d.job.c = d.out;
    d.job.batches = 1;
    d.job.n = (int)d.out.dims[1] / d.groups;
    if (join_phases(p, &d, bytes, pad, err) < 0)
        return -1;
    d.job.product = bytes ? exec_quant_product(p->kernels, n) : kernel_gemm_f32(p->kernels, (size_t)d.job.n);
    return emit_phases(p, n, &d, pad, err);
}

const struct exec_way exec_way_deconv = {.cost = deconv_cost, .border = deconv_border, .lower = deconv_lower};
const struct exec_way exec_way_q_deconv = {deconv_cost, deconv_border, deconv_lower, exec_quant_fill};
