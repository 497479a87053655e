/* 3x3 convolutions of stride 1 by Winograd's F(4x4) and F(2x2) (kernel/winograd.h): tiles of pixels are transformed,
 * each of the tile's elements is a matrix product of tiles and channels with its own weights, and the sums are
 * transformed back.
 *
 * Where there are many tiles, a block of them goes through all this at a time, in memory of its thread that fits the
 * cache. Where there are few, all are transformed by a step of its own, and a panel of output channels is what
 * threads share then: else each block would bring in all weights anew, and few threads would have work. The filters
 * are transformed in each run then, part by part in the cache: that costs less than to bring in four times as many
 * weights from memory, where they do not take the room either. */
#include <string.h>

#include <stdlib.h>

#include "exec/lower_conv.h"
#include "kernel/winograd.h"

struct winograd_args {
    const struct kernels *kernels;
    const struct kernel_product *product;
    struct view x;
    struct conv_ports ports;
    struct kernel_act act;
    const float *weights; /* many tiles: [groups][elements of a tile][packed matrix]; few: [panels][9 taps][channels] */
    int size, elements;   /* outputs of a tile along an axis; (size + 2)² */
    int in, out;          /* channels */
    int group, groups;    /* output channels of a group, a multiple of the product's nr, but the last */
    int parts;            /* of the input channels, for which filters are transformed together */
    int64_t rows, columns, tiles;
    int64_t height, width;        /* of the result */
    int64_t blocks;               /* of tiles */
    int64_t most;                 /* tiles of the largest */
    struct view v;                /* all transformed tiles, when a step of its own makes them */
    size_t v_floats, sums_floats; /* of a block */
    size_t filter_floats;         /* of a part of a panel's transformed filters */
};

/* So that the planes of a tile's elements do not all begin in the same set of a cache. */
#define PLANE_GAP 16

static ptrdiff_t plane_floats(int64_t tiles, int channels)
{
    return (ptrdiff_t)tiles * channels + PLANE_GAP;
}

struct place_of_tile {
    int64_t image, y, x; /* of its first output */
};

static struct place_of_tile find_tile(const struct winograd_args *w, int64_t index)
{
    int64_t image = w->rows * w->columns, at = index % image;
    return (struct place_of_tile){index / image, at / w->columns * w->size, at % w->columns * w->size};
}

/* Tiles [first, last) to v, where the planes are `plane` floats apart. */
static void transform(const struct winograd_args *w, int64_t first, int64_t last, float *v, ptrdiff_t plane)
{
    struct kernel_winograd_input_f32 k = {.size = w->size, .channels = w->in, .plane = plane};
    k.row = w->x.stride[2];
    k.pixel = w->x.stride[3];
    for (int64_t i = first; i < last; i++) {
        struct place_of_tile at = find_tile(w, i);
        k.x = (const float *)view_data(&w->x) + at.image * w->x.stride[0] + at.y * k.row + at.x * k.pixel;
        k.out = v + (i - first) * w->in;
        w->kernels->winograd_input_f32(&k);
    }
}

/* sums[tile][n] = v[tile] b for one element of the tiles, or that is added to what is there; g tells b, its depth, and
 * what is to be brought in meanwhile. */
static void multiply(const struct winograd_args *w, struct kernel_gemm g, const float *v, int64_t tiles, bool adds,
                     float *sums)
{
    static const ptrdiff_t no_tap[1] = {0};
    const void *a[KERNEL_GEMM_MR_MAX];
    void *c[KERNEL_GEMM_MR_MAX];
    int64_t count = (tiles + w->product->mr - 1) / w->product->mr;
    g.a = a;
    g.c = c;
    g.tap = no_tap;
    g.taps = 1;
    g.to.add = adds ? (const void *const *)c : NULL;
    g.fetch_bytes /= (size_t)count;
    for (int64_t i = 0, row = 0; i < count; i++) {
        for (g.m = 0; row < plan_tile_first(tiles, count, i + 1); row++, g.m++) {
            a[g.m] = v + row * w->in;
            c[g.m] = sums + row * g.n;
        }
        w->product->run(&g);
        g.fetch = (const char *)g.fetch + g.fetch_bytes;
    }
}

/* The sums of tiles [first, last) for the n output channels from `channel` on, to the result. */
static void transform_back(const struct winograd_args *w, int64_t first, int64_t last, int channel, int n,
                           const float *sums, ptrdiff_t plane)
{
    const struct conv_ports *p = &w->ports;
    const float *bias = p->bias_view.buffer ? view_data(&p->bias_view) : p->bias;
    struct kernel_winograd_output_f32 k = {
        .size = w->size, .channels = n, .plane = plane, .act = w->act, .add_last = p->add_last};
    k.bias = bias ? bias + channel : NULL;
    k.out_row = p->out.stride[2];
    k.out_pixel = p->out.stride[3];
    k.add_row = p->add.stride[2];
    k.add_pixel = p->add.stride[3];
    for (int64_t i = first; i < last; i++) {
        struct place_of_tile at = find_tile(w, i);
        k.height = (int)(w->height - at.y < w->size ? w->height - at.y : w->size);
        k.width = (int)(w->width - at.x < w->size ? w->width - at.x : w->size);
        k.sums = sums + (i - first) * n;
        k.out =
            (float *)view_data(&p->out) + at.image * p->out.stride[0] + at.y * k.out_row + at.x * k.out_pixel + channel;
        if (p->add.buffer)
            k.add = (const float *)view_data(&p->add) + at.image * p->add.stride[0] + at.y * k.add_row +
                    at.x * k.add_pixel + channel;
        w->kernels->winograd_output_f32(&k);
    }
}

/* Floats of a packed matrix of so many columns. */
static size_t matrix_floats(const struct winograd_args *w, int n)
{
    return kernel_product_packed(w->product, 1, (size_t)w->in, (size_t)n) / sizeof(float);
}

/* Tiles [first, last), transformed at v, and a group of output channels. */
static void run_group(const struct winograd_args *w, int64_t first, int64_t last, int group, const float *v,
                      float *sums)
{
    int channel = group * w->group, n = w->out - channel < w->group ? w->out - channel : w->group;
    ptrdiff_t v_plane = plane_floats(last - first, w->in), plane = plane_floats(last - first, n);
    size_t matrix = matrix_floats(w, n);
    struct kernel_gemm g = {.k = w->in, .n = n, .fetch_bytes = matrix * sizeof(float)};
    const float *b = w->weights + (size_t)w->elements * (size_t)w->in * (size_t)channel;
    for (int i = 0; i < w->elements; i++, b += matrix) {
        g.b = b;
        g.fetch = b + matrix;
        multiply(w, g, v + i * v_plane, last - first, false, sums + i * plane);
    }
    transform_back(w, first, last, channel, n, sums, plane);
}

static void run_blocks(const struct step *s, struct tile tile)
{
    const struct winograd_args *w = s->args;
    float *v = tile.scratch, *sums = v + w->v_floats;
    for (int64_t i = tile.first; i < tile.last; i++) {
        int64_t first = plan_tile_first(w->tiles, w->blocks, i), last = plan_tile_first(w->tiles, w->blocks, i + 1);
        transform(w, first, last, v, plane_floats(last - first, w->in));
        for (int g = 0; g < w->groups; g++)
            run_group(w, first, last, g, v, sums);
    }
}

/* Some filters' taps: nine times `floats`, `tap` floats apart. */
struct taps {
    const float *at;
    size_t tap, floats;
};

/* The share of element i in bringing in these. */
static void share_fetch(const struct winograd_args *w, const struct taps *next, int i, struct kernel_gemm *g)
{
    int shares = w->elements / 9, tap = i / shares;
    size_t share = next->floats / (size_t)shares;
    g->fetch = next->at + (size_t)tap * next->tap + (size_t)(i % shares) * share;
    g->fetch_bytes = tap < 9 ? share * sizeof(float) : 0;
}

/* All tiles and the n output channels whose filters t are, of k input channels from `first` on. */
static void run_part(const struct winograd_args *w, const struct taps *t, const struct taps *next, int first, int k,
                     int n, float *sums, float *filters)
{
    size_t plane = t->floats + PLANE_GAP;
    const float *v = (const float *)view_data(&w->v) + first;
    struct kernel_gemm g = {.k = k, .n = n};
    w->kernels->winograd_filter_f32(filters, plane, w->size, t->at, t->tap, t->floats);
    for (int i = 0; i < w->elements; i++) {
        g.b = filters + (size_t)i * plane;
        share_fetch(w, next, i, &g);
        multiply(w, g, v + i * plane_floats(w->tiles, w->in), w->tiles, first > 0,
                 sums + i * plane_floats(w->tiles, n));
    }
}

static void run_panel(const struct winograd_args *w, int panel, float *sums, float *filters)
{
    int channel = panel * w->product->nr, n = w->out - channel < w->product->nr ? w->out - channel : w->product->nr;
    size_t columns = matrix_floats(w, n) / (size_t)w->in;
    struct taps t = {.at = w->weights + (size_t)9 * (size_t)w->in * (size_t)channel, .tap = columns * (size_t)w->in};
    const float *behind = t.at + 9 * t.tap;
    for (int i = 0; i < w->parts; i++) {
        int64_t first = plan_tile_first(w->in, w->parts, i), last = plan_tile_first(w->in, w->parts, i + 1);
        t.floats = (size_t)(last - first) * columns;
        struct taps next = {i + 1 < w->parts ? t.at + t.floats : behind, t.tap, t.floats};
        run_part(w, &t, &next, (int)first, (int)(last - first), n, sums, filters);
        t.at = next.at;
    }
    transform_back(w, 0, w->tiles, channel, n, sums, plane_floats(w->tiles, n));
}

static void run_transform(const struct step *s, struct tile tile)
{
    const struct winograd_args *w = s->args;
    transform(w, tile.first, tile.last, (float *)view_data(&w->v) + tile.first * w->in, plane_floats(w->tiles, w->in));
}

static void run_panels(const struct step *s, struct tile tile)
{
    const struct winograd_args *w = s->args;
    for (int64_t i = tile.first; i < tile.last; i++)
        run_panel(w, (int)i, tile.scratch, (float *)tile.scratch + w->sums_floats);
}

/* ---- weights ---- */

/* The filters of n output channels to panels of each element at `to`; their taps are packed first. */
static void pack_group(const struct winograd_args *w, const float *from, int n, float *taps, float *to)
{
    size_t matrix = matrix_floats(w, n);
    int nr = w->product->nr;
    ptrdiff_t filters = (ptrdiff_t)w->in * 9;
    for (int j = 0; j < n; j += nr) {
        int some = n - j < nr ? n - j : nr;
        size_t panel = matrix_floats(w, some);
        w->product->pack(taps, from + j * filters, 9, 1, w->in, 9, some, filters);
        w->kernels->winograd_filter_f32(to + (ptrdiff_t)j * w->in, matrix, w->size, taps, panel, panel);
    }
}

/* A unit is a group. */
static int pack_weights(void *packed, const void *weights, const void *args, int64_t first, int64_t last,
                        const struct kernels *k)
{
    const struct winograd_args *w = args;
    float *taps = malloc(9 * matrix_floats(w, w->product->nr) * sizeof *taps);
    (void)k;
    for (int64_t i = first; taps && i < last; i++) {
        ptrdiff_t channel = i * w->group;
        int n = w->out - channel < w->group ? (int)(w->out - channel) : w->group;
        pack_group(w, (const float *)weights + channel * w->in * 9, n, taps,
                   (float *)packed + (ptrdiff_t)w->elements * w->in * channel);
    }
    free(taps);
    return taps ? 0 : -1;
}

static int fill_weights(struct plan *p, struct node *n, struct winograd_args *w, const struct conv *c, bool many,
                        struct error *err)
{
    size_t bytes = kernel_product_packed(w->product, 1, (size_t)w->in, (size_t)w->out);
    if (!mem_mul(bytes, (size_t)w->elements, &bytes))
        bytes = 0;
    w->weights = !many ? exec_conv_weights(p, n, c, err)
                       : plan_packed(p, n, 1,
                                     &(struct packing){.name = "winograd",
                                                       .params = {w->size, w->in, w->out, w->group},
                                                       .bytes = bytes,
                                                       .units = w->groups,
                                                       .pack = pack_weights,
                                                       .args = w,
                                                       .args_size = sizeof *w},
                                     err);
    return w->weights ? 0 : -1;
}

/* ---- lowering ---- */

#define CHANNELS_LEAST 8

static bool fits(const struct node *n, int size, struct conv *c, int (*border)[2])
{
    if (!exec_conv_read(n, c) || c->w.rank != 2 || c->groups != 1 || c->in < CHANNELS_LEAST || c->out < CHANNELS_LEAST)
        return false;
    int64_t beyond[2];
    for (int i = 0; i < 2; i++) {
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
    return size == 2 ? 40 : 80;
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

static double winograd_cost(const struct kernels *k, const struct node *n, int size)
{
    int border[VIEW_SPATIAL][2];
    struct conv c;
    if (!fits(n, size, &c, border))
        return -1;
    const struct kernel_product *product = kernel_gemm_f32(k, (size_t)c.out);
    double tiles = (double)n->in[0]->type.dims[0], elements = (size + 2) * (size + 2);
    for (int i = 0; i < 2; i++)
        tiles *= (double)((c.w.out[i] + size - 1) / size);
    double floats = exec_conv_packed(k, &c) / 9, cycles = tiles * transform_cycles(size);
    bool many = is_many(product, (int64_t)tiles);
    cycles *= (double)((c.in + k->vector - 1) / k->vector + (c.out + k->vector - 1) / k->vector);
    if (!many)
        cycles += floats / k->vector * filter_cycles(size);
    return exec_conv_cycles(k, tiles * floats * elements, floats * (many ? elements : 9) * sizeof(float)) + cycles;
}

/* Channels that are summed together: all of a narrow convolution, so that a block's tiles are met once. */
#define NARROW         128
#define GROUP_CHANNELS 32
/* Of a panel's filters that are transformed together: the elements' matrices leave room in the level-2 cache. */
#define PART_FLOATS 2048

/* True: every block is a tile of one step; false: all are one block, and a step before transforms it. */
static bool cut(struct winograd_args *w)
{
    int nr = w->product->nr, together = block_tiles(w->product), depth = PART_FLOATS / nr;
    bool many = is_many(w->product, w->tiles);
    int group = !many ? nr : w->out <= NARROW ? w->out : GROUP_CHANNELS;
    w->group = (group + nr - 1) / nr * nr;
    w->groups = (w->out + w->group - 1) / w->group;
    w->blocks = many ? w->tiles / together : 1;
    w->most = (w->tiles + w->blocks - 1) / w->blocks;
    w->parts = (w->in + depth - 1) / depth;
    return many;
}

static void size_block(struct winograd_args *w, bool many)
{
    int n = w->out < w->group ? w->out : w->group;
    w->v_floats = (size_t)w->elements * (size_t)plane_floats(w->most, w->in);
    w->sums_floats = (size_t)w->elements * (size_t)plane_floats(w->most, n);
    w->filter_floats = many ? 0 : (size_t)w->elements * (PART_FLOATS + PLANE_GAP);
}

static void describe(struct winograd_args *w, const struct conv *c)
{
    w->in = c->in;
    w->out = c->out;
    w->act = c->act;
    w->height = c->w.out[0];
    w->width = c->w.out[1];
    w->rows = (w->height + w->size - 1) / w->size;
    w->columns = (w->width + w->size - 1) / w->size;
    w->tiles = w->x.dims[0] * w->rows * w->columns;
    for (int i = 0; i < 2; i++)
        w->x.offset -= c->w.begin[i] * w->x.stride[2 + i];
}

static int emit_transform(struct plan *p, const struct node *n, struct winograd_args *w, struct error *err)
{
    if (plan_scratch(p, w->v_floats * sizeof(float), &w->v, err) < 0)
        return -1;
    return plan_step(p,
                     &(struct step){.node = n,
                                    .kernel = "winograd_input_f32",
                                    .run = run_transform,
                                    .args = w,
                                    .units = w->tiles,
                                    .tiles = plan_tiles(w->tiles * w->in * w->elements, 32768, w->tiles)},
                     err, PLAN_WRITES(&w->v, &w->x));
}

static int emit(struct plan *p, const struct node *n, struct winograd_args *w, bool many, struct error *err)
{
    struct conv_ports *o = &w->ports;
    if (!many && emit_transform(p, n, w, err) < 0)
        return -1;
    return plan_step(
        p,
        &(struct step){.node = n,
                       .kernel = w->size == 2 ? "winograd_2_f32" : "winograd_4_f32",
                       .run = many ? run_blocks : run_panels,
                       .args = w,
                       .units = many ? w->blocks : w->groups,
                       .scratch = ((many ? w->v_floats : w->filter_floats) + w->sums_floats) * sizeof(float),
                       .macs = (double)view_count(&o->out) * w->in * 9},
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
    bool many = cut(w);
    if (fill_weights(p, n, w, &c, many, err) < 0)
        return -1;
    size_block(w, many);
    return emit(p, n, w, many, err);
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
