/* Depthwise convolutions, and those of narrow groups: a row of the result is a call of the kernel, which handles edges
 * itself. Where a channel has several results it is there as often: a product would have so few columns. */
#include <string.h>

#include "exec/lower_depthwise.h"

/* Channels of a row from c on. */
static void run_depthwise_row(const struct depthwise_args *d, int64_t image, int64_t y, int c)
{
    const float *rows[DEPTHWISE_KERNEL_MAX];
    struct kernel_depthwise_f32 k = d->k;
    const float *x = (const float *)view_data(&d->x) + image * d->x.stride[0] + c;
    for (int i = 0; i < k.kernel_h; i++) {
        int64_t from = y * d->stride_h - d->pad_top + i * d->dilation_h;
        rows[i] = from >= 0 && from < d->in_height ? x + from * d->x_row : NULL;
    }
    k.row = rows;
    k.out = (float *)view_data(&d->out) + image * d->out.stride[0] + y * d->out_row + c;
    if (d->add.buffer)
        k.add = (const float *)view_data(&d->add) + image * d->add.stride[0] + y * d->add_row + c;
    if (d->bias_view.buffer)
        k.bias = view_data(&d->bias_view);
    if (k.bias)
        k.bias += c;
    k.weight += (ptrdiff_t)c * k.kernel_h * k.kernel_w;
    k.channels -= c;
    if (k.channels - d->chunk >= d->kernels->vector)
        k.channels = d->chunk;
    d->kernels->depthwise_f32(&k);
}

/* The function over all pixels that lie side by side at once: it takes half as long with many vectors as with a few. */
static void activate_row(const struct depthwise_args *d, int64_t image, int64_t y)
{
    float *out = (float *)view_data(&d->out) + image * d->out.stride[0] + y * d->out_row;
    int together = d->k.out_step == d->k.channels ? d->k.width : 1;
    for (int x = 0; x < d->k.width; x += together, out += d->k.out_step)
        d->kernels->unary_f32(out, out, (size_t)d->k.channels * (size_t)together, d->act);
}

/* Some channels of all rows, which then are in a cache, before the next ones. */
static void run_depthwise(const struct step *s, struct tile tile)
{
    const struct depthwise_args *d = s->args;
    for (int c = 0; c < d->chunks; c++)
        for (int64_t i = tile.first; i < tile.last; i++)
            run_depthwise_row(d, i / d->out_height, i % d->out_height, c * d->chunk);
    for (int64_t i = tile.first; d->act.kind != KERNEL_NONE && i < tile.last; i++)
        activate_row(d, i / d->out_height, i % d->out_height);
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

/* ---- lowering ---- */

#define REPEATS_MOST 8

static bool is_repeated(const struct conv *c)
{
    return c->in == 1 && c->groups > 1 && c->out > 1 && c->out <= REPEATS_MOST;
}

bool exec_depthwise_fits(const struct kernels *k, const struct node *n, struct conv *c)
{
    if (!exec_conv_read(n, c) || (c->in != c->out && !is_repeated(c)) || c->w.rank > 2 ||
        (c->w.rank == 2 && c->w.kernel[0] > DEPTHWISE_KERNEL_MAX))
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
    return fill_weights(p, n, c, d, err);
}

/* Bytes of the level-1 cache that a kernel's rows may take. */
#define CHUNK_BYTES 32768
/* The fewest channels that pay; of kernels of so many rows, which would be read as often otherwise. */
#define CHUNK_WIDE   112
#define CHUNK_LEAST  32
#define CHUNK_KERNEL 7

/* Rows that do not stay in the level-1 cache until the kernel has met them all are done some channels at a time; a
 * costly function follows when rows are whole. */
static void choose_chunk(struct depthwise_args *d)
{
    int vector = d->kernels->vector, channels = d->k.channels, kind = d->k.act.kind;
    bool is_clip = kind == KERNEL_NONE || kind == KERNEL_RELU || kind == KERNEL_CLIP;
    double channel = (double)d->k.kernel_h * d->k.in_width * sizeof(float);
    d->chunk = channels;
    d->chunks = 1;
    if ((!is_clip && d->add.buffer) || d->k.group > 1 || d->k.kernel_h == 1 || channels < vector ||
        channel * channels <= CHUNK_BYTES)
        return;
    int most = (int)(CHUNK_BYTES / channel);
    if (d->k.kernel_h < CHUNK_KERNEL && most < CHUNK_WIDE)
        return;
    int chunks = (channels - 1) / (most > CHUNK_LEAST ? most : CHUNK_LEAST) + 1;
    d->chunk = (channels / chunks + vector - 1) / vector * vector;
    d->chunks = (channels - vector) / d->chunk + 1;
    if (!is_clip) {
        d->act = d->k.act;
        d->k.act.kind = KERNEL_NONE;
    }
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
    choose_chunk(d); /* of which a tile has several rows, to meet what is in the cache again */
    int64_t units = d->x.dims[0] * d->out_height, most = d->chunks > 1 ? 1 + units / (2 * d->k.kernel_h) : units;
    double macs = (double)view_count(&d->out) * c.taps * c.in;
    return plan_step(p,
                     &(struct step){.node = n,
                                    .kernel = "depthwise_f32",
                                    .run = run_depthwise,
                                    .args = d,
                                    .units = units,
                                    .tiles = plan_tiles(macs, 150000, most),
                                    .macs = macs},
                     err, PLAN_WRITES(&d->out, &d->x, &d->add, &d->bias_view));
}

const struct exec_way exec_way_depthwise = {.cost = depthwise_cost, .border = NULL, .lower = depthwise_lower};
