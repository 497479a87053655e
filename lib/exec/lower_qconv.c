/* nn.QConv and ConvInteger as a product of bytes over channels-last pixels, or, depthwise, channel by channel. The
 * border holds the zero point, so that padding needs no case of its own. */
#include <stdlib.h>
#include <string.h>

#include "exec/copy.h"
#include "exec/lower_qconv.h"

static struct quant_weights weights_of(const struct node *n)
{
    return n->def && node_is(n, "ConvInteger") ? (struct quant_weights){INTEGER_INPUTS, .at = NULL}
                                               : (struct quant_weights){QUANT_INPUTS, .at = NULL};
}

/* Whether x has one zero point, or none. */
static bool has_single_zero(const struct node *n)
{
    return !node_in(n, 2) || tensor_count(n->in[2]->type.rank, n->in[2]->type.dims) == 1;
}

bool exec_qconv_read(const struct node *n, struct conv *c, const int64_t *beyond, int (*border)[2])
{
    struct error ignored;
    const struct quant_weights q = weights_of(n);
    const struct tensor *w = plan_is_constant(n, q.input) ? n->in[q.input]->constant : NULL;
    if (!w || w->count == 0 || w->count > INT32_MAX / 2 ||
        tensor_count(n->in[0]->type.rank, n->in[0]->type.dims) == 0 ||
        !exec_quant_is_param(n, q.zero_input, w->dims[0]) || !has_single_zero(n) ||
        (w->dtype == DTYPE_I16 && op_int(n, "group") == 1))
        return false;
    c->groups = (int)op_int(n, "group");
    c->out = (int)w->dims[0] / c->groups;
    c->in = (int)w->dims[1];
    c->taps = (int)(w->count / w->dims[0] / w->dims[1]);
    return exec_lower_window(n, w->dims + 2, &c->w, &ignored) == 0 && exec_conv_border(n, &c->w, beyond, border);
}

static bool read_conv(const struct node *n, struct conv *c, int (*border)[2])
{
    return exec_qconv_read(n, c, NULL, border);
}

/* Weights of 16 bits: a case for the depthwise kernel alone. */
static bool is_wide(const struct node *n)
{
    return n->in[weights_of(n).input]->type.dtype == DTYPE_I16;
}

/* Whether the zero point of x, and with it what padding holds, is known before a run. */
static bool is_zero_known(const struct node *n)
{
    return !node_in(n, 2) || plan_is_constant(n, 2);
}

static bool border(const struct node *n, int (*border)[2])
{
    struct conv c;
    return is_zero_known(n) && read_conv(n, &c, border);
}

int exec_qconv_weights(struct plan *p, const struct node *n, const struct conv *c, struct quant_weights *w,
                       struct error *err)
{
    int64_t depth = (int64_t)c->in * c->taps, *at = plan_alloc(p, sizeof *at * (size_t)depth, err);
    if (!at)
        return -1;
    for (int64_t i = 0; i < depth; i++)
        at[i] = i % c->in * c->taps + i / c->in;
    *w = weights_of(n);
    w->columns = (int64_t)c->out * c->groups;
    w->depth = w->column_step = depth;
    w->at = at;
    return exec_quant_weights(p, n, w, err);
}

/* ---- as a product ---- */

/* The pixels again for each run of the weights. */
static int repeat_taps(struct plan *p, const struct conv *c, int runs, struct gemm_job *job, struct error *err)
{
    ptrdiff_t *tap = plan_alloc(p, sizeof *tap * (size_t)(job->taps * runs + c->groups), err);
    if (!tap)
        return -1;
    ptrdiff_t *group = tap + job->taps * runs;
    for (int i = 0; i < job->taps * runs; i++)
        tap[i] = job->tap[i % job->taps];
    for (int i = 0; i < c->groups; i++)
        group[i] = job->b_batch[i] * runs;
    job->tap = tap;
    job->taps *= runs;
    job->b_batch = group;
    return 0;
}

static int emit(struct plan *p, struct node *n, const struct conv *c, const struct quant_weights *w,
                const struct view *x, struct gemm_job *job, struct error *err)
{
    struct conv_part whole = {.first = {0}};
    memcpy(whole.count, c->w.out, sizeof whole.count);
    memcpy(whole.taps, c->w.kernel, sizeof whole.taps);
    if (exec_conv_geometry(p, c, x, &whole, job, err) < 0 || repeat_taps(p, c, w->runs, job, err) < 0)
        return -1;
    job->bias_at = job->c_batch;
    job->packed = exec_quant_packed(p, n, "conv_q8", w, job->product, c->groups, job->taps, job->k, err);
    const int kr = job->product->kr;
    if (job->k < 4 && !x->buffer->external && !job->product->about)
        job->beyond = (job->k + kr - 1) / kr * kr - job->k;
    return job->packed ? gemm_emit(p, n, job->product->name, job, err) : -1;
}

int exec_qconv_ports(struct plan *p, struct node *n, struct node *last, int (*wanted)[2], struct view *x,
                     struct view *out, struct error *err)
{
    if (plan_in_filled(p, n, 0, wanted, exec_quant_fill(n), x, err) < 0)
        return -1;
    return plan_out(p, last, 0, ORDER_CHANNELS, out, err);
}

/* Elements of x that lie side by side for an output. */
static int64_t run_of(const struct conv *c)
{
    int last = c->w.rank - 1;
    return c->groups == 1 && c->w.dilation[last] == 1 ? c->in * c->w.kernel[last] : c->in;
}

static int gemm_lower(struct plan *p, struct node *n, struct error *err)
{
    struct conv c;
    struct view x;
    struct quant_weights w;
    int wanted[VIEW_SPATIAL][2];
    if (!read_conv(n, &c, wanted) || is_wide(n) || !plan_is_constant(n, 1) || !plan_is_constant(n, 2))
        return 1;
    struct gemm_job job = {.product = exec_quant_product_of(p->kernels, n, run_of(&c), (int64_t)c.in * c.taps, c.out),
                           .n = c.out};
    int status = exec_qconv_weights(p, n, &c, &w, err);
    if (status == 0)
        status = exec_quant_epilogue(p, n, &w, exec_quant_offset(n, job.product), &job.to, err);
    if (status == 0)
        status = exec_qconv_ports(p, n, exec_quant_join_sum(p, n, 1, &job), wanted, &x, &job.c, err);
    if (status != 0)
        return status;
    job.a = x;
    return emit(p, n, &c, &w, &x, &job, err);
}

static double gemm_cost(const struct kernels *k, const struct node *n)
{
    struct conv c;
    int wanted[VIEW_SPATIAL][2];
    (void)k;
    return read_conv(n, &c, wanted) && !is_wide(n) && plan_is_constant(n, 1) && plan_is_constant(n, 2) ? 1 : -1;
}

const struct exec_way exec_way_q_conv = {gemm_cost, border, gemm_lower, exec_quant_fill};

/* ---- ConvInteger ---- */

/* A copy of x whose border holds the zero point, which a step before has found. */
static int copy_input(struct plan *p, struct node *n, int (*wanted)[2], struct view *x, struct error *err)
{
    bool padded = false;
    for (int i = 0; i < VIEW_SPATIAL; i++)
        padded |= wanted[i][0] || wanted[i][1];
    if (!padded)
        return plan_in_channels(p, n, 0, NULL, x, err);
    if (plan_copy(p, n, plan_in(n, 0), ORDER_CHANNELS, wanted, x, err) < 0)
        return -1;
    return copy_fill_border_with(p, x, plan_in(n, 2), err);
}

static int load_input(struct plan *p, struct node *n, int (*wanted)[2], struct view *x, struct error *err)
{
    return is_zero_known(n) ? plan_in_filled(p, n, 0, wanted, exec_quant_fill(n), x, err)
                            : copy_input(p, n, wanted, x, err);
}

static int integer_lower(struct plan *p, struct node *n, struct error *err)
{
    struct conv c;
    struct quant_weights w;
    int wanted[VIEW_SPATIAL][2];
    struct gemm_job job = {.product = exec_quant_product(p->kernels, n), .to = {.c = KERNEL_S32}};
    if (!read_conv(n, &c, wanted))
        return 1;
    int status = exec_qconv_weights(p, n, &c, &w, err);
    if (status != 0)
        return status;
    job.n = c.out;
    struct node *result = exec_quant_join_numbers(p, n, 1, w.columns, &job, err);
    if (!result || exec_quant_sums(p, n, &w, job.product->a_offset, 1, &job.bias_view, err) < 0 ||
        load_input(p, n, wanted, &job.a, err) < 0 || plan_out(p, result, 0, ORDER_CHANNELS, &job.c, err) < 0)
        return -1;
    struct view x = job.a;
    return emit(p, n, &c, &w, &x, &job, err);
}

static double integer_cost(const struct kernels *k, const struct node *n)
{
    struct conv c;
    int wanted[VIEW_SPATIAL][2];
    (void)k;
    return read_conv(n, &c, wanted) ? 1 : -1;
}

const struct exec_way exec_way_conv_integer = {integer_cost, border, integer_lower, exec_quant_fill};

/* ---- depthwise ---- */

struct depthwise_args {
    struct view x, out, bias; /* bias.buffer NULL: it is known before */
    struct kernel_depthwise_q8 k;
    const struct kernel_depthwise *kernel;
    const struct kernels *kernels;
    struct byte_table table; /* what the bytes become, if there is one */
    int64_t height;
};

/* Outputs that are done with a block of channels before the next, since a block has to be prepared: rows that stay in
 * the cache. */
#define ROWS_OUTPUTS 256

/* What the kernel has made goes through the table. */
static void look_up(const struct depthwise_args *d, const struct kernel_depthwise_q8 *k)
{
    const int64_t n = k->channels, dense = k->out_step == n ? k->width * n : n;
    for (int64_t y = 0; y < k->rows; y++)
        for (int64_t x = 0; x < k->width * n; x += dense) {
            uint8_t *at = k->out + y * k->out_row + x / n * k->out_step;
            byte_table_run(&d->table, d->kernels, at, at, (size_t)dense);
        }
}

static void run_depthwise(const struct step *s, struct tile tile)
{
    const struct depthwise_args *d = s->args;
    struct kernel_depthwise_q8 k = d->k;
    ptrdiff_t size = (ptrdiff_t)view_element(&d->out);
    k.to.bias = d->bias.buffer ? view_data(&d->bias) : k.to.bias;
    for (int64_t i = tile.first; i < tile.last; i += k.rows) {
        int64_t image = i / d->height, y = i % d->height, rest = tile.last - i, rows = ROWS_OUTPUTS / k.width + 1;
        rest = rest < d->height - y ? rest : d->height - y;
        k.rows = (int)(rest < rows ? rest : rows);
        k.x = (const uint8_t *)view_data(&d->x) + image * d->x.stride[0] + y * k.x_row;
        k.out = (uint8_t *)view_data(&d->out) + image * d->out.stride[0] * size + y * k.out_row;
        d->kernel->run(&k);
        if (d->table.bytes)
            look_up(d, &k);
    }
}

struct pixels_args {
    struct quant_weights w;
    const struct kernel_depthwise *kernel;
    int pixels;
};

static int pack_depthwise(void *packed, const void *stored, const void *args, int64_t first, int64_t last,
                          const struct kernels *k)
{
    const struct pixels_args *a = args;
    int64_t taps = a->w.depth * a->w.runs, once = a->w.columns * taps;
    int16_t *all = mem_calloc((size_t)a->pixels, (size_t)once * sizeof *all, NULL);
    int8_t *bytes = all && !a->w.is_wide ? mem_calloc((size_t)once, 1, NULL) : NULL;
    bool ready = all && (bytes || a->w.is_wide);
    (void)first, (void)last, (void)k;
    if (bytes)
        exec_quant_take(&a->w, stored, 0, a->w.columns, bytes);
    for (int64_t i = 0; ready && i < a->pixels * once; i++)
        all[i] = bytes ? bytes[i % once] : ((const int16_t *)stored)[i % once];
    if (ready)
        a->kernel->pack(packed, all, (int)a->w.columns * a->pixels, (int)taps);
    free(bytes);
    free(all);
    return ready ? 0 : -1;
}

/* Pixels that are done as one of so many times the channels, where they lie side by side and their windows do too: as
 * many as fill the kernel's blocks best. */
static int pixels_together(const struct depthwise_args *d, const struct kernel_depthwise *kernel)
{
    int best = 1, channels = d->k.channels, block = kernel->channels;
    bool slides = kernel->slides && kernel_depthwise_slides(&d->k);
    if (d->k.x_step != channels || d->k.out_step != channels * (ptrdiff_t)view_element(&d->out))
        return 1;
    double least = 0;
    for (int i = 1; i <= 8 && channels * i <= 10 * block; i++) {
        double work = (double)((channels * i + block - 1) / block) / i * (i > 1 && slides ? 1.5 : 1);
        if (d->k.width % i == 0 && (i == 1 || work < least)) {
            best = i;
            least = work;
        }
    }
    return best;
}

/* What there is for each channel, as often as there are pixels together. */
static int repeat(struct plan *p, const void **words, int channels, int pixels, struct error *err)
{
    size_t bytes = sizeof(int32_t) * (size_t)channels;
    char *to = *words ? plan_alloc(p, bytes * (size_t)pixels, err) : NULL;
    for (int i = 0; to && i < pixels; i++)
        memcpy(to + (size_t)i * bytes, *words, bytes);
    if (*words && !to)
        return -1;
    *words = to;
    return 0;
}

static int join_pixels(struct plan *p, struct depthwise_args *d, int pixels, struct error *err)
{
    struct kernel_epilogue *to = &d->k.to;
    const void *words[] = {to->bias, to->multiplier, to->shift};
    for (int i = 0; i < 3; i++)
        if (repeat(p, &words[i], d->k.channels, pixels, err) < 0)
            return -1;
    to->bias = words[0];
    to->multiplier = words[1];
    to->shift = words[2];
    d->k.channels *= pixels;
    d->k.width /= pixels;
    d->k.x_step *= pixels;
    d->k.out_step *= pixels;
    return 0;
}

static int fill_depthwise(struct plan *p, const struct node *n, const struct conv *c, int runs,
                          struct depthwise_args *d, struct error *err)
{
    const struct window *w = &c->w;
    int last = w->rank - 1;
    ptrdiff_t size = (ptrdiff_t)view_element(&d->out);
    ptrdiff_t *tap = plan_alloc(p, sizeof *tap * (size_t)(c->taps * runs), err);
    if (!tap || (c->out > 1 && exec_repeat_channels(p, n, c->out, &d->x, err) < 0))
        return -1;
    for (int t = 0; t < c->taps * runs; t++) {
        int64_t rest = t % c->taps;
        for (int i = last; i >= 0; i--) {
            tap[t] += (rest % w->kernel[i] * w->dilation[i] - w->begin[i]) * d->x.stride[2 + i];
            rest /= w->kernel[i];
        }
    }
    d->height = w->rank == 2 ? w->out[0] : 1;
    d->k.x_row = w->rank == 2 ? d->x.stride[2] * w->stride[0] : 0;
    d->k.out_row = w->rank == 2 ? d->out.stride[2] * size : 0;
    d->k.tap = tap;
    d->k.taps = c->taps * runs;
    d->k.width = (int)w->out[last];
    d->k.channels = c->groups * c->out;
    d->k.x_step = d->x.stride[2 + last] * w->stride[last];
    d->k.out_step = d->out.stride[2 + last] * size;
    return 0;
}

static bool is_depthwise(const struct kernels *k, const struct node *n, struct conv *c, int (*wanted)[2])
{
    return read_conv(n, c, wanted) && c->in == 1 && (c->out == 1 || (c->groups > 1 && c->out <= KERNEL_PLANES_MAX)) &&
           c->w.rank <= 2 && c->taps <= k->depthwise_q8->taps_max / QUANT_RUNS_MAX;
}

static bool is_depthwise_to_bytes(const struct kernels *k, const struct node *n, struct conv *c, int (*wanted)[2])
{
    return plan_is_constant(n, 1) && plan_is_constant(n, 2) && node_in(n, 6) && is_depthwise(k, n, c, wanted);
}

/* What the kernel adds to elements of x. */
static int depthwise_offset(const struct depthwise_args *d)
{
    return d->k.is_signed ? KERNEL_DEPTHWISE_OFFSET : 0;
}

static int emit_depthwise(struct plan *p, struct node *n, const struct conv *c, const struct quant_weights *w,
                          struct depthwise_args *d, struct error *err)
{
    struct pixels_args a = {*w, d->kernel, pixels_together(d, d->kernel)};
    if (d->k.to.c == KERNEL_S32 && exec_quant_sums(p, n, w, depthwise_offset(d), a.pixels, &d->bias, err) < 0)
        return -1;
    if (a.pixels > 1 && join_pixels(p, d, a.pixels, err) < 0)
        return -1;
    d->k.weight = plan_packed(
        p, n, w->input,
        &(struct packing){.name = w->is_wide ? "depthwise_q16" : "depthwise_q8",
                          .params = {d->k.channels, c->taps, exec_quant_key(n, w)},
                          .bytes = kernel_depthwise_q8_packed(d->kernel, (size_t)d->k.channels, (size_t)d->k.taps),
                          .units = 1,
                          .pack = pack_depthwise,
                          .args = &a,
                          .args_size = sizeof a,
                          .as_stored = true},
        err);
    double macs = (double)view_count(&d->out) * d->k.taps;
    int64_t rows = d->x.dims[0] * d->height;
    return d->k.weight ? plan_step(p,
                                   &(struct step){.node = n,
                                                  .kernel = "depthwise_q8",
                                                  .run = run_depthwise,
                                                  .args = d,
                                                  .units = rows,
                                                  .tiles = plan_tiles(macs, 150000, rows),
                                                  .macs = macs},
                                   err, PLAN_WRITES(&d->out, &d->x, &d->bias))
                       : -1;
}

static struct depthwise_args *new_depthwise(struct plan *p, const struct node *n, struct error *err)
{
    struct depthwise_args *d = plan_alloc(p, sizeof *d, err);
    if (d) {
        d->kernel = is_wide(n) ? p->kernels->depthwise_q16 : p->kernels->depthwise_q8;
        d->kernels = p->kernels;
        d->k.is_signed = n->in[0]->type.dtype == DTYPE_I8;
    }
    return d;
}

static int depthwise_lower(struct plan *p, struct node *n, struct error *err)
{
    struct depthwise_args *d = new_depthwise(p, n, err);
    struct conv c;
    struct quant_weights w;
    int wanted[VIEW_SPATIAL][2];
    if (!d || !is_depthwise_to_bytes(p->kernels, n, &c, wanted))
        return d ? 1 : -1;
    int status = exec_qconv_weights(p, n, &c, &w, err);
    if (status == 0)
        status = exec_quant_epilogue(p, n, &w, depthwise_offset(d), &d->k.to, err);
    if (status == 0)
        status = exec_qconv_ports(p, n, exec_quant_join_table(n, &d->table), wanted, &d->x, &d->out, err);
    if (status == 0)
        status = fill_depthwise(p, n, &c, w.runs, d, err);
    if (status == 0)
        status = emit_depthwise(p, n, &c, &w, d, err);
    return status;
}

static double depthwise_cost(const struct kernels *k, const struct node *n)
{
    struct conv c;
    int wanted[VIEW_SPATIAL][2];
    return is_depthwise_to_bytes(k, n, &c, wanted) ? 0 : -1;
}

const struct exec_way exec_way_q_depthwise = {depthwise_cost, border, depthwise_lower, exec_quant_fill};

static int integer_depthwise_lower(struct plan *p, struct node *n, struct error *err)
{
    struct depthwise_args *d = new_depthwise(p, n, err);
    struct conv c;
    struct quant_weights w;
    int wanted[VIEW_SPATIAL][2];
    if (!d || !is_depthwise(p->kernels, n, &c, wanted))
        return d ? 1 : -1;
    d->k.to.c = KERNEL_S32;
    int status = exec_qconv_weights(p, n, &c, &w, err);
    if (status != 0)
        return status;
    if (load_input(p, n, wanted, &d->x, err) < 0 || plan_out(p, n, 0, ORDER_CHANNELS, &d->out, err) < 0 ||
        fill_depthwise(p, n, &c, w.runs, d, err) < 0)
        return -1;
    return emit_depthwise(p, n, &c, &w, d, err);
}

static double integer_depthwise_cost(const struct kernels *k, const struct node *n)
{
    struct conv c;
    int wanted[VIEW_SPATIAL][2];
    return is_depthwise(k, n, &c, wanted) ? 0 : -1;
}

const struct exec_way exec_way_integer_depthwise = {integer_depthwise_cost, border, integer_depthwise_lower,
                                                    exec_quant_fill};
