/* Depthwise convolutions, and those of narrow groups: some rows of the result are a call of the kernel, which handles
 * edges itself. Where a channel has several results it is there as often: a product would have so few columns. */
#include <string.h>

#include "exec/lower_depthwise.h"

void exec_depthwise_rows(const struct depthwise_args *d, int64_t y, int count, const float *first, int64_t ring,
                         ptrdiff_t step, const float **row)
{
    int rows = (count - 1) * (int)d->stride_h + d->k.kernel_h;
    for (int i = 0; i < rows; i++) {
        int64_t from = y * d->stride_h - d->pad_top + i * d->dilation_h;
        row[i] = from >= 0 && from < d->in_height ? first + from % ring * step : NULL;
    }
}

static void run_rows(const struct depthwise_args *d, int64_t image, int64_t y, int count)
{
    const float *row[DEPTHWISE_ROWS];
    struct kernel_depthwise_f32 k = d->k;
    exec_depthwise_rows(d, y, count, (const float *)view_data(&d->x) + image * d->x.stride[0], d->in_height, d->x_row,
                        row);
    k.row = row;
    k.rows = count;
    k.out = (float *)view_data(&d->out) + image * d->out.stride[0] + y * k.out_row;
    if (d->add.buffer)
        k.add = (const float *)view_data(&d->add) + image * d->add.stride[0] + y * k.add_row;
    if (d->bias_view.buffer)
        k.bias = view_data(&d->bias_view);
    d->kernels->depthwise_f32(&k);
}

static void run_depthwise(const struct step *s, struct tile tile)
{
    const struct depthwise_args *d = s->args;
    for (int64_t i = tile.first, count; i < tile.last; i += count) {
        int64_t y = i % d->out_height, left = d->out_height - y < tile.last - i ? d->out_height - y : tile.last - i;
        count = left < d->together ? left : d->together;
        run_rows(d, i / d->out_height, y, (int)count);
    }
}

static int pack_depthwise(void *packed, const void *weights, const void *args, int64_t first, int64_t last,
                          const struct kernels *k)
{
    const struct conv *c = args;
    (void)first, (void)last; /* one unit */
    k->depthwise_pack_f32(packed, weights, (ptrdiff_t)c->taps * c->in, c->groups * c->out, c->in, c->taps * c->in);
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
    d->k.out_row = rows ? d->out.stride[2] : 0;
    d->k.add_row = rows ? d->add.stride[2] : 0;
    d->k.row_step = (int)d->stride_h;
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

/* ---- lowering ---- */

#define REPEATS_MOST 8

static bool is_repeated(const struct conv *c)
{
    return c->in == 1 && c->groups > 1 && c->out > 1 && c->out <= REPEATS_MOST;
}

/* One pixel wide: a row that stands upright. */
static bool is_column(const struct window *w)
{
    return w->rank == 2 && w->kernel[1] == 1 && w->in[1] == 1 && w->out[1] == 1 && w->begin[1] == 0;
}

bool exec_depthwise_fits(const struct kernels *k, const struct node *n, struct conv *c)
{
    if (!exec_conv_read(n, c) || (c->in != c->out && !is_repeated(c)))
        return false;
    if (c->in == 1 && is_column(&c->w))
        c->w.rank = 1;
    if (c->w.rank > 2 || (c->w.rank == 2 && c->w.kernel[0] > DEPTHWISE_KERNEL_MAX))
        return false;
    int last = c->w.rank - 1;
    return c->in == 1 || kernel_depthwise_groups(k, c->in, (int64_t)c->groups * c->in, c->w.kernel[last],
                                                 c->w.stride[last], c->w.dilation[last]);
}

/* It never loses against products of so few columns. */
static double depthwise_cost(const struct kernels *k, const struct node *n)
{
    struct conv c;
    return exec_depthwise_fits(k, n, &c) ? 0 : -1;
}

static int fill_weights(struct plan *p, struct node *n, const struct conv *c, struct depthwise_args *d,
                        struct error *err)
{
    size_t floats =
        kernel_depthwise_packed(p->kernels, (size_t)(c->groups * c->out), (size_t)c->in, (size_t)(c->taps * c->in));
    d->k.weight = plan_packed(p, n, 1,
                              &(struct packing){.name = "depthwise",
                                                .params = {c->groups, c->in, c->taps},
                                                .bytes = floats * sizeof(float),
                                                .units = 1,
                                                .pack = pack_depthwise,
                                                .args = c,
                                                .args_size = sizeof *c},
                              err);
    return d->k.weight ? 0 : -1;
}

/* Pixels so far apart, in bytes, share lines of the level-1 cache: of several rows too many would be needed at once,
 * where a vector is a part of a line. */
#define PAGE_HALF 2048

static int count_together(const struct depthwise_args *d)
{
    bool is_far = d->k.in_step * (ptrdiff_t)sizeof(float) % PAGE_HALF == 0 && d->kernels->vector < 16;
    return d->dilation_h > 1 || d->stride_h > DEPTHWISE_STRIDE || is_far ? 1 : DEPTHWISE_TOGETHER;
}

int exec_depthwise_describe(struct plan *p, struct node *n, const struct conv *c, const struct conv_ports *ports,
                            struct depthwise_args *d, struct error *err)
{
    d->bias_view = ports->bias_view;
    d->kernels = p->kernels;
    describe_rows(d, &c->w);
    d->k.channels = c->groups * c->out;
    d->k.group = c->in;
    d->k.bias = ports->bias;
    d->k.add_last = ports->add_last;
    d->k.act = c->act;
    d->together = count_together(d);
    return fill_weights(p, n, c, d, err);
}

static int depthwise_lower(struct plan *p, struct node *n, struct error *err)
{
    struct depthwise_args *d = plan_alloc(p, sizeof *d, err);
    struct conv_ports ports;
    struct conv c;
    if (!exec_depthwise_fits(p->kernels, n, &c))
        return 1;
    if (!d || plan_in_channels(p, n, 0, NULL, &d->x, err) < 0)
        return -1;
    if (is_repeated(&c) && exec_repeat_channels(p, n, c.out, &d->x, err) < 0)
        return -1;
    if (exec_conv_ports(p, n, &ports, err) < 0)
        return -1;
    d->out = ports.out;
    d->add = ports.add;
    if (exec_depthwise_describe(p, n, &c, &ports, d, err) < 0)
        return -1;
    int64_t units = d->x.dims[0] * d->out_height;
    double macs = (double)view_count(&d->out) * c.taps * c.in;
    return plan_step(p,
                     &(struct step){.node = n,
                                    .kernel = "depthwise_f32",
                                    .run = run_depthwise,
                                    .args = d,
                                    .units = units,
                                    .tiles = plan_tiles(macs, 150000, 1 + units / (d->together > 1 ? 4 : 1)),
                                    .macs = macs},
                     err, PLAN_WRITES(&d->out, &d->x, &d->add, &d->bias_view));
}

const struct exec_way exec_way_depthwise = {.cost = depthwise_cost, .border = NULL, .lower = depthwise_lower};
