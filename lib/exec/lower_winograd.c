/* 3x3 convolutions of stride 1 by Winograd's minimal filtering: what it costs, and how the work is cut. */
#include "base/cpu.h"
#include "exec/exec_private.h"
#include "exec/winograd.h"

/* ---- weights ---- */

/* Bytes of a group's transformed filters; 0: they fit no size_t. */
static size_t transformed_bytes(const struct winograd_args *w)
{
    size_t bytes = kernel_product_packed(w->product, (size_t)w->taps, (size_t)w->in, (size_t)w->out);
    return mem_mul(bytes, (size_t)w->elements, &bytes) ? bytes : 0;
}

static int fill_weights(struct plan *p, struct node *n, struct winograd_args *w, const struct conv *c,
                        struct error *err)
{
    size_t of_group = transformed_bytes(w), bytes;
    if (!mem_mul(of_group, (size_t)w->groups, &bytes))
        bytes = 0;
    w->group_floats = of_group / sizeof(float) / (size_t)w->elements * (size_t)(w->is_transformed ? w->elements : 9);
    w->weights = !w->is_transformed
                     ? exec_conv_weights(p, n, c, err)
                     : plan_packed(p, n, 1,
                                   &(struct packing){.name = "winograd",
                                                     .params = {w->size, w->in, w->out, w->strip, w->taps},
                                                     .bytes = bytes,
                                                     .growth = bytes / (size_t)w->elements * (size_t)(w->elements - 9),
                                                     .units = w->groups * w->strips,
                                                     .pack = winograd_pack,
                                                     .args = w,
                                                     .args_size = sizeof *w},
                                   err);
    return w->weights ? 0 : -1;
}

/* ---- cost ---- */

#define CHANNELS_LEAST 8

static bool fits(const struct node *n, int size, struct conv *c, int (*border)[2])
{
    if (!exec_conv_read(n, c) || c->w.rank < 2 || c->in < CHANNELS_LEAST ||
        c->out < CHANNELS_LEAST || c->taps > 9 * WINOGRAD_TAPS)
        return false;
    c->in_f32 = true;
    int64_t beyond[VIEW_SPATIAL] = {0};
    for (int i = c->w.rank - 2; i < c->w.rank; i++) {
        if (c->w.kernel[i] != 3 || c->w.stride[i] != 1 || c->w.dilation[i] != 1)
            return false;
        beyond[i] = (c->w.out[i] + size - 1) / size * size - c->w.out[i];
    }
    return exec_conv_border(n, &c->w, beyond, border);
}

/* Cycles to transform a tile's vector of channels, in or out, and a vector of filters, as measured. */
static double transform_cycles(int size)
{
    return size == 2 ? 50 : 144;
}

static double filter_cycles(int size)
{
    return size == 2 ? 95 : 190;
}

/* Tiles that go together through a thread's memory. */
#define BLOCK_TILES 24

static int block_tiles(const struct kernel_product *p)
{
    return (BLOCK_TILES + p->mr - 1) / p->mr * p->mr;
}

static bool is_many(const struct kernel_product *p, int64_t tiles)
{
    return tiles >= 4 * block_tiles(p);
}

/* Output planes that go together through a thread's memory. */
#define DEEP_MOST 16

/* Stacks have as many planes each, of a volume whose number of planes allows it. */
static void cut_planes(struct winograd_args *w, const struct conv *c)
{
    bool is_volume = c->w.rank > 2;
    int64_t planes = is_volume ? c->w.out[0] : 1;
    w->taps = c->taps / 9;
    w->tap_step = is_volume ? (int)c->w.dilation[0] : 1;
    w->plane_step = is_volume ? (int)c->w.stride[0] : 1;
    w->deep = planes < DEEP_MOST ? (int)planes : DEEP_MOST;
    while (planes % w->deep)
        w->deep--;
    w->span = (w->deep - 1) * w->plane_step + (w->taps - 1) * w->tap_step + 1;
    w->layers = planes / w->deep;
}

static double winograd_cost(const struct kernels *k, const struct node *n, int size)
{
    int border[VIEW_SPATIAL][2];
    struct conv c;
    struct winograd_args w = {0};
    if (!fits(n, size, &c, border))
        return -1;
    cut_planes(&w, &c);
    const struct kernel_product *product = kernel_gemm_f32(k, (size_t)c.out);
    double tiles = (double)n->in[0]->type.dims[0] * (double)w.layers * w.deep, elements = (size + 2) * (size + 2);
    for (int i = c.w.rank - 2; i < c.w.rank; i++)
        tiles *= (double)((c.w.out[i] + size - 1) / size);
    double floats = exec_conv_packed(k, &c) / 9, cycles = tiles * c.groups * transform_cycles(size);
    bool many = is_many(product, (int64_t)tiles);
    cycles *= (c.in + k->vector - 1) / k->vector * ((double)w.span / w.deep) + (c.out + k->vector - 1) / k->vector;
    if (!many)
        cycles += floats / k->vector * filter_cycles(size);
    return exec_conv_cycles(k, tiles * floats * elements, floats * (many ? elements : 9) * sizeof(float)) + cycles;
}

/* ---- lowering ---- */

/* Channels that are summed together: all of a narrow convolution, so that a block's tiles are met once. */
#define NARROW         128
#define STRIP_CHANNELS 32
/* Of a panel's filters that are transformed together: the elements' matrices leave room in the level-2 cache. */
#define PART_FLOATS 4096

/* Level-2 caches that maps fill which are fetched, and products of channels that take long enough; channels up to which
 * blocks of large maps are smaller, and those of others larger (measured). */
#define FAR_CACHES   4
#define FAR_WORK     4096
#define FAR_CHANNELS 128
#define FEW_CHANNELS 80

/* Fewer tiles do not gain from filters that are transformed already. */
#define TRANSFORMED_LEAST 20

/* Whether blocks of tiles each bring in all filters: where there are many, or several, and the filters stay near. */
static bool goes_by_blocks(const struct winograd_args *w)
{
    return is_many(w->product, w->tiles) ||
           (w->is_transformed && w->tiles >= 2 * block_tiles(w->product) &&
            transformed_bytes(w) <= (size_t)cpu_l2_bytes());
}

/* Whether maps do not stay in the caches, and a block's products take long enough to fetch them. */
static bool is_far(const struct winograd_args *w)
{
    ptrdiff_t row = w->x.stride[w->row_axis] + w->ports.out.stride[w->row_axis];
    return w->deep * w->span == 1 && (int64_t)w->in * w->out >= FAR_WORK &&
           (double)row * (double)w->height * sizeof(float) > FAR_CACHES * (double)cpu_l2_bytes();
}

/* Tiles of a block: fewer leave room for a large map's pieces, more of few channels meet the filters together. Of
 * planes' taps all weights come in. */
static int64_t tiles_together(const struct winograd_args *w)
{
    int tiles = block_tiles(w->product);
    if (w->taps > 1)
        return 2 * tiles;
    if (is_far(w) && w->in <= FAR_CHANNELS)
        return tiles / 2;
    return w->in <= FEW_CHANNELS && !is_far(w) ? tiles * 3 / 2 : tiles;
}

/* Cuts the work. Many: every block is a tile of one step; else all are one block, and a step before transforms it. */
static void cut(struct winograd_args *w, const struct plan *p)
{
    int nr = w->product->nr, depth = PART_FLOATS / nr;
    int64_t together = tiles_together(w);
    int64_t blocks = plan_even_tiles(p, (w->tiles + together - 1) / together, w->stacks);
    size_t growth = transformed_bytes(w) / 4 * 3;
    w->is_transformed = is_many(w->product, w->tiles) ||
                        (w->tiles >= TRANSFORMED_LEAST && packing_has_room(p, (size_t)w->groups * growth));
    w->many = goes_by_blocks(w);
    int strip = !w->is_transformed ? nr : w->many && w->out <= NARROW ? w->out : STRIP_CHANNELS;
    w->strip = (strip + nr - 1) / nr * nr;
    w->strips = (w->out + w->strip - 1) / w->strip;
    w->blocks = !w->many ? 1 : blocks < w->stacks ? blocks : w->stacks;
    w->most = (w->stacks + w->blocks - 1) / w->blocks;
    /* A thread alone has nothing to share evenly: its blocks are whole tiles of the product. */
    if (w->blocks > 1 && w->deep == 1 && plan_threads(p) == 1)
        w->most = (w->most + w->product->mr - 1) / w->product->mr * w->product->mr;
    w->blocks = (w->stacks + w->most - 1) / w->most;
    w->parts = w->is_transformed ? 1 : (w->in + depth - 1) / depth;
}

/* The width of the pieces that a block's calls fetch of a large map. */
static int fetched_together(const struct winograd_args *w)
{
    int64_t calls = w->elements * (w->product->even ? 1 : (w->most + w->product->mr - 1) / w->product->mr);
    return w->many && is_far(w) ? (int)((2 * w->size * w->most + calls - 1) / calls) : 0;
}

static void size_block(struct winograd_args *w)
{
    int n = w->out < w->strip ? w->out : w->strip;
    w->v_floats = (size_t)w->elements * (size_t)(w->most * w->span * w->in + w->parts * WINOGRAD_GAP);
    w->sums_floats = (size_t)w->elements * (size_t)winograd_plane(w->most * w->deep, n);
    w->filter_floats = w->is_transformed ? 0 : (size_t)w->elements * (PART_FLOATS + WINOGRAD_GAP);
}

static void describe(struct winograd_args *w, const struct conv *c)
{
    w->groups = c->groups;
    w->in = c->in;
    w->out = c->out;
    w->act = c->act;
    w->row_axis = c->w.rank;
    w->height = c->w.out[c->w.rank - 2];
    w->width = c->w.out[c->w.rank - 1];
    w->rows = (w->height + w->size - 1) / w->size;
    w->columns = (w->width + w->size - 1) / w->size;
    cut_planes(w, c);
    w->stacks = w->x.dims[0] * w->layers * w->rows * w->columns;
    w->tiles = w->stacks * w->deep;
    for (int i = 0; i < c->w.rank; i++)
        w->x.offset -= c->w.begin[i] * w->x.stride[2 + i];
    w->in_plane = w->x.stride[2];
    w->x.stride[2] *= w->plane_step;
}

static int emit_transform(struct plan *p, const struct node *n, struct winograd_args *w, struct error *err)
{
    int64_t work = w->stacks * w->groups * w->span * w->in * w->elements;
    if (plan_scratch(p, (size_t)w->groups * w->v_floats * sizeof(float), &w->v, err) < 0)
        return -1;
    return plan_step(p,
                     &(struct step){.node = n,
                                    .kernel = "winograd_input_f32",
                                    .run = winograd_run_transform,
                                    .args = w,
                                    .units = w->stacks,
                                    .tiles = plan_tiles(work, 32768, w->stacks)},
                     err, PLAN_WRITES(&w->v, &w->x));
}

/* Of the filters those that the step before may fetch: few enough to be there still when the tiles are transformed. */
static size_t near_bytes(const struct winograd_args *w)
{
    size_t bytes = w->group_floats * sizeof(float);
    return bytes <= (size_t)cpu_l2_bytes() / 4 ? bytes : 0;
}

static int emit(struct plan *p, const struct node *n, struct winograd_args *w, struct error *err)
{
    struct conv_ports *o = &w->ports;
    size_t beside = w->many ? w->v_floats : w->filter_floats;
    if (!w->many && emit_transform(p, n, w, err) < 0)
        return -1;
    return plan_step(p,
                     &(struct step){.node = n,
                                    .kernel = w->size == 2 ? "winograd_2_f32" : "winograd_4_f32",
                                    .run = w->many             ? winograd_run_blocks
                                           : w->is_transformed ? winograd_run_strips
                                                               : winograd_run_panels,
                                    .args = w,
                                    .units = w->groups * (w->many ? w->blocks : w->strips),
                                    .scratch = (beside + w->sums_floats) * sizeof(float),
                                    .weights = {w->weights, near_bytes(w)},
                                    .macs = (double)view_count(&o->out) * w->in * w->taps * 9},
                     err, PLAN_WRITES(&o->out, &w->x, &w->v, &o->add, &o->bias_view));
}

static int winograd_lower(struct plan *p, struct node *n, int size, struct error *err)
{
    int border[VIEW_SPATIAL][2];
    struct conv c;
    if (!fits(n, size, &c, border))
        return 1;
    struct winograd_args *w = plan_alloc(p, sizeof *w, err);
    if (!w)
        return -1;
    *w = (struct winograd_args){.kernels = p->kernels,
                                .product = kernel_gemm_f32(p->kernels, (size_t)c.out),
                                .size = size,
                                .elements = (size + 2) * (size + 2)};
    if (plan_in_channels(p, n, 0, border, &w->x, err) < 0 || exec_conv_ports(p, n, &w->ports, err) < 0)
        return -1;
    describe(w, &c);
    cut(w, p);
    if (fill_weights(p, n, w, &c, err) < 0)
        return -1;
    size_block(w);
    w->together = fetched_together(w);
    return emit(p, n, w, err);
}

/* ---- the two sizes ---- */

static double cost_2(const struct kernels *k, const struct node *n)
{
    return winograd_cost(k, n, 2);
}

static double cost_4(const struct kernels *k, const struct node *n)
{
    return winograd_cost(k, n, 4);
}

static bool border_2(const struct node *n, int (*border)[2])
{
    struct conv c;
    return fits(n, 2, &c, border);
}

static bool border_4(const struct node *n, int (*border)[2])
{
    struct conv c;
    return fits(n, 4, &c, border);
}

static int lower_2(struct plan *p, struct node *n, struct error *err)
{
    return winograd_lower(p, n, 2, err);
}

static int lower_4(struct plan *p, struct node *n, struct error *err)
{
    return winograd_lower(p, n, 4, err);
}

const struct exec_way exec_way_winograd_2 = {.cost = cost_2, .border = border_2, .lower = lower_2},
                      exec_way_winograd_4 = {.cost = cost_4, .border = border_4, .lower = lower_4};
