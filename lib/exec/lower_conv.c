/* Convolutions: as matrix products over channels-last pixels, and depthwise ones by a kernel of their own. */
#include <string.h>

#include "exec/lower.h"

static bool is_conv(const struct node *n)
{
    return strcmp(n->op, "Conv") == 0 && (strcmp(n->domain, "") == 0 || strcmp(n->domain, "nn") == 0);
}

#define DEPTHWISE_KERNEL_MAX 64 /* rows */

static bool is_depthwise(const struct node *n, const struct window *w)
{
    const int64_t *x = n->in[0]->type.dims, *weights = n->in[1]->constant->dims;
    return op_int(n, "group") == x[1] && weights[0] == x[1] && w->rank <= 2 &&
           (w->rank == 1 || w->kernel[0] <= DEPTHWISE_KERNEL_MAX);
}

/* Cases that the kernels take: f32, weights at hand, something to sum, sizes that fit. 1: it is none. */
static int find_window(const struct node *n, struct window *w, struct error *err)
{
    if (!exec_lower_is_f32(n, 0) || !exec_lower_is_weight(n, 1))
        return 1;
    const struct tensor *weights = n->in[1]->constant;
    if (weights->count == 0 || tensor_count(n->in[0]->type.rank, n->in[0]->type.dims) == 0 ||
        weights->dims[0] > INT32_MAX / 2 || weights->count / weights->dims[0] > INT32_MAX / 2)
        return 1;
    return exec_lower_window(n, weights->dims + 2, w, err);
}

/* The border that the product reads; false when it is too wide. */
static bool gemm_border(const struct node *n, const struct window *w, int (*border)[2])
{
    int64_t reach[VIEW_SPATIAL][2];
    for (int i = 0; i < w->rank; i++) {
        reach[i][0] = w->begin[i];
        reach[i][1] = (w->out[i] - 1) * w->stride[i] + window_extent(w, i) - w->begin[i] - w->in[i];
    }
    return exec_lower_border(&n->in[0]->type, (const int64_t(*)[2])reach, border);
}

bool exec_lower_conv_border(const struct node *n, int (*border)[2])
{
    struct window w;
    struct error ignored;
    if (strcmp(n->op, "ConvTranspose") == 0)
        return exec_lower_deconv_border(n, border);
    return is_conv(n) && find_window(n, &w, &ignored) == 0 && !is_depthwise(n, &w) && gemm_border(n, &w, border);
}

/* ---- by matrix products ---- */

struct pack_args {
    const float *w;
    int groups, out, in, taps; /* out, in: channels of a group */
};

static size_t pack_floats(const struct kernels *k, const struct pack_args *a)
{
    return kernel_gemm_packed(k, (size_t)a->in * (size_t)a->taps, (size_t)a->out);
}

static int pack_weights(float *packed, const void *args, const struct kernels *k, struct error *err)
{
    const struct pack_args *a = args;
    (void)err;
    for (int g = 0; g < a->groups; g++)
        k->gemm_pack_f32(packed + (size_t)g * pack_floats(k, a), a->w + (ptrdiff_t)g * a->out * a->in * a->taps,
                         a->taps, 1, a->in, a->taps, a->out, (ptrdiff_t)a->in * a->taps);
    return 0;
}

/* The taps' offsets from a pixel's first; a run of the innermost axis is one tap where its pixels lie side by side. */
static int fill_taps(struct plan *p, const struct window *w, const struct view *x, int64_t channels,
                     struct gemm_job *job, struct error *err)
{
    int last = w->rank - 1;
    bool run = w->dilation[last] == 1 && x->stride[1 + w->rank] == channels && x->dims[1] == channels;
    int64_t taps = 1, inner = run ? w->kernel[last] : 1, dims[VIEW_SPATIAL];
    for (int i = 0; i < w->rank; i++)
        taps *= dims[i] = i == last && run ? 1 : w->kernel[i];
    ptrdiff_t *tap = plan_alloc(p, sizeof *tap * (size_t)taps, err);
    if (!tap)
        return -1;
    for (int64_t t = 0; t < taps; t++) {
        int64_t rest = t;
        for (int i = last; i >= 0; i--) {
            tap[t] += rest % dims[i] * w->dilation[i] * x->stride[2 + i];
            rest /= dims[i];
        }
    }
    job->tap = tap;
    job->taps = (int)taps;
    job->k = (int)(channels * inner);
    return 0;
}

static void fill_pixels(const struct window *w, const struct view *x, struct gemm_job *job)
{
    int at = GEMM_AXES - 1 - w->rank;
    for (int i = 0; i < GEMM_AXES; i++)
        job->dims[i] = 1;
    job->dims[at] = x->dims[0];
    job->a_stride[at] = x->stride[0];
    job->c_stride[at] = job->c.stride[0];
    job->add_stride[at] = job->add.stride[0];
    for (int i = 0; i < w->rank; i++) {
        job->dims[at + 1 + i] = w->out[i];
        job->a_stride[at + 1 + i] = x->stride[2 + i] * w->stride[i];
        job->c_stride[at + 1 + i] = job->c.stride[2 + i];
        job->add_stride[at + 1 + i] = job->add.stride[2 + i];
        job->a.offset -= w->begin[i] * x->stride[2 + i];
    }
}

/* Groups are batches of the product. */
static int fill_groups(struct plan *p, const struct pack_args *a, struct gemm_job *job, struct error *err)
{
    ptrdiff_t *offsets = plan_alloc(p, sizeof *offsets * (size_t)a->groups * 3, err);
    if (!offsets)
        return -1;
    ptrdiff_t *in = offsets, *out = in + a->groups, *packed = out + a->groups;
    for (int g = 0; g < a->groups; g++) {
        in[g] = (ptrdiff_t)g * a->in;
        out[g] = (ptrdiff_t)g * a->out;
        packed[g] = (ptrdiff_t)g * (ptrdiff_t)pack_floats(p->kernels, a);
    }
    job->batches = a->groups;
    job->a_batch = in;
    job->c_batch = job->add_batch = out;
    job->b_batch = packed;
    job->bias_batch = a->out;
    return 0;
}

static int fill_weights(struct plan *p, struct node *n, const struct pack_args *a, struct gemm_job *job,
                        struct error *err)
{
    size_t floats;
    if (!mem_mul(pack_floats(p->kernels, a), (size_t)a->groups, &floats))
        floats = 0;
    job->packed = plan_packed(p, n->in[1]->constant, "conv", PACK_PARAMS(a->groups, a->out, a->in, a->taps), floats,
                              pack_weights, a, err);
    return job->packed ? 0 : -1;
}

/* The residual (input 3 of nn.Conv) and the result, which may lie over it: each element is read right before it is
 * written. */
static int fill_result(struct plan *p, struct node *n, struct gemm_job *job, struct error *err)
{
    if (!node_in(n, 3))
        return plan_out(p, n, 0, ORDER_CHANNELS, &job->c, err);
    job->add_last = op_int(n, "residual_last") != 0;
    if (plan_in_channels(p, n, 3, NULL, &job->add, err) < 0)
        return -1;
    return plan_out_over(p, n, 0, 3, ORDER_CHANNELS, &job->c, err);
}

static int exec_lower_by_gemm(struct plan *p, struct node *n, const struct window *w, const struct pack_args *a,
                              struct kernel_act act, struct error *err)
{
    struct gemm_job job = {.act = act, .n = a->out};
    int border[VIEW_SPATIAL][2];
    if (!gemm_border(n, w, border))
        return 1;
    if (plan_in_channels(p, n, 0, border, &job.a, err) < 0 || exec_lower_bias(p, n, 2, &job, err) < 0 ||
        fill_result(p, n, &job, err) < 0)
        return -1;
    struct view x = job.a;
    fill_pixels(w, &x, &job);
    if (fill_taps(p, w, &x, a->in, &job, err) < 0 || fill_groups(p, a, &job, err) < 0 ||
        fill_weights(p, n, a, &job, err) < 0)
        return -1;
    return gemm_emit(p, n, "gemm_f32", &job, err);
}

/* ---- depthwise ---- */

struct depthwise_args {
    struct view x, out, add; /* add.buffer NULL: none */
    struct view bias_view;
    const struct kernels *kernels;
    struct kernel_depthwise_f32 k;
    int64_t in_height, out_height, stride_h, dilation_h, pad_top;
    ptrdiff_t x_row, out_row, add_row;
};

static void run_depthwise_row(const struct depthwise_args *d, int64_t image, int64_t y)
{
    const float *rows[DEPTHWISE_KERNEL_MAX];
    struct kernel_depthwise_f32 k = d->k;
    const float *x = (const float *)view_data(&d->x) + image * d->x.stride[0];
    for (int i = 0; i < k.kernel_h; i++) {
        int64_t from = y * d->stride_h - d->pad_top + i * d->dilation_h;
        rows[i] = from >= 0 && from < d->in_height ? x + from * d->x_row : NULL;
    }
    k.row = rows;
    k.out = (float *)view_data(&d->out) + image * d->out.stride[0] + y * d->out_row;
    if (d->add.buffer)
        k.add = (const float *)view_data(&d->add) + image * d->add.stride[0] + y * d->add_row;
    if (d->bias_view.buffer)
        k.bias = view_data(&d->bias_view);
    d->kernels->depthwise_f32(&k);
}

static void run_depthwise(const struct step *s, int64_t tile, int thread)
{
    const struct depthwise_args *d = s->args;
    int64_t rows = d->x.dims[0] * d->out_height;
    (void)thread;
    for (int64_t i = plan_tile_first(rows, s->tiles, tile); i < plan_tile_first(rows, s->tiles, tile + 1); i++)
        run_depthwise_row(d, i / d->out_height, i % d->out_height);
}

static int pack_depthwise(float *packed, const void *args, const struct kernels *k, struct error *err)
{
    const struct pack_args *a = args;
    (void)err;
    k->depthwise_pack_f32(packed, a->w, a->taps, a->groups, a->taps);
    return 0;
}

static void describe_rows(struct depthwise_args *d, const struct window *w)
{
    int last = w->rank - 1, rows = w->rank == 2;
    d->in_height = rows ? w->in[0] : 1;
    d->out_height = rows ? w->out[0] : 1;
    d->stride_h = rows ? w->stride[0] : 1;
    d->dilation_h = rows ? w->dilation[0] : 1;
    d->pad_top = rows ? w->begin[0] : 0;
    d->x_row = rows ? d->x.stride[2] : 0;
    d->out_row = rows ? d->out.stride[2] : 0;
    d->add_row = rows ? d->add.stride[2] : 0;
    d->k.kernel_h = rows ? (int)w->kernel[0] : 1;
    d->k.kernel_w = (int)w->kernel[last];
    d->k.stride = (int)w->stride[last];
    d->k.dilation = (int)w->dilation[last];
    d->k.pad_left = (int)w->begin[last];
    d->k.in_width = (int)w->in[last];
    d->k.width = (int)w->out[last];
    d->k.in_step = d->x.stride[2 + last];
    d->k.out_step = d->out.stride[2 + last];
    d->k.add_step = d->add.stride[2 + last];
}

static int exec_lower_depthwise(struct plan *p, struct node *n, const struct window *w, const struct pack_args *a,
                                struct kernel_act act, struct error *err)
{
    struct depthwise_args *d = plan_alloc(p, sizeof *d, err);
    struct gemm_job ports = {0};
    if (!d)
        return -1;
    if (plan_in_channels(p, n, 0, NULL, &d->x, err) < 0 || exec_lower_bias(p, n, 2, &ports, err) < 0 ||
        fill_result(p, n, &ports, err) < 0)
        return -1;
    d->out = ports.c;
    d->add = ports.add;
    d->bias_view = ports.bias_view;
    d->kernels = p->kernels;
    describe_rows(d, w);
    d->k.channels = a->groups;
    d->k.bias = ports.bias;
    d->k.add_last = ports.add_last;
    d->k.act = act;
    d->k.weight =
        plan_packed(p, n->in[1]->constant, "depthwise", PACK_PARAMS(a->groups, a->taps),
                    kernel_depthwise_packed(p->kernels, (size_t)a->groups, (size_t)a->taps), pack_depthwise, a, err);
    if (!d->k.weight)
        return -1;
    int64_t rows = d->x.dims[0] * d->out_height;
    double macs = (double)view_count(&d->out) * a->taps;
    struct step *s = plan_step(p, n, "depthwise_f32", run_depthwise, d, plan_tiles((int64_t)macs, 300000, rows), err,
                               PLAN_VIEWS(&d->x, &d->out, &d->add, &d->bias_view));
    if (s)
        s->macs = macs;
    return s ? 0 : -1;
}

int exec_lower_conv(struct plan *p, struct node *n, struct error *err)
{
    struct window w;
    struct kernel_act act;
    bool failed = false;
    int status = find_window(n, &w, err);
    if (status != 0 || !plan_activation(n, &act))
        return status < 0 ? -1 : 1;
    const int64_t *dims = n->in[1]->constant->dims;
    int64_t groups = op_int(n, "group"), taps = n->in[1]->constant->count / dims[0] / dims[1];
    struct pack_args a = {plan_constant_f32(p, n, 1, &failed, err), (int)groups, (int)(dims[0] / groups), (int)dims[1],
                          (int)taps};
    if (failed)
        return -1;
    if (is_depthwise(n, &w))
        return exec_lower_depthwise(p, n, &w, &a, act, err);
    return exec_lower_by_gemm(p, n, &w, &a, act, err);
}
