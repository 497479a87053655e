/* 3x3 convolutions of stride 1 by Winograd's F(4x4) and F(2x2) (kernel/winograd.h): tiles of pixels are transformed,
 * each of the tile's elements is a matrix product of tiles and channels with its own weights, and the sums are
 * transformed back.
 *
 * Where there are many tiles, a block of them goes through all this at a time, in memory of its thread that fits the
 * cache. Where there are few, all are transformed by a step of its own, and a group of output channels is what
 * threads share then: else each block would bring in all weights anew, and few threads would have work. */
#include <string.h>

#include "exec/lower_conv.h"
#include "kernel/winograd.h"

struct winograd_args {
    const struct kernels *kernels;
    struct view x;
    struct conv_ports ports;
    struct kernel_act act;
    const float *weights; /* [groups][elements of a tile][packed matrix] */
    int size, elements;   /* outputs of a tile along an axis; (size + 2)² */
    int in, out;          /* channels */
    int group, groups;    /* output channels of a group, a multiple of gemm_nr, but the last */
    int64_t rows, columns, tiles;
    int64_t height, width;        /* of the result */
    int64_t blocks;               /* of tiles */
    int64_t most;                 /* tiles of the largest */
    struct view v;                /* all transformed tiles, when a step of its own makes them */
    size_t v_floats, sums_floats; /* of a block */
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

/* sums[tile][n] = v[tile] b for one element of the tiles; meanwhile what lies behind b is brought in. */
static void multiply(const struct winograd_args *w, const float *v, int64_t tiles, const float *b, size_t b_floats,
                     int n, float *sums)
{
    static const ptrdiff_t no_tap[1] = {0};
    const void *a[KERNEL_GEMM_MR_MAX];
    void *c[KERNEL_GEMM_MR_MAX];
    struct kernel_gemm k = {.a = a, .tap = no_tap, .taps = 1, .k = w->in, .b = b, .c = c, .n = n};
    int64_t count = (tiles + w->kernels->gemm_f32->mr - 1) / w->kernels->gemm_f32->mr;
    size_t share = b_floats * sizeof(float) / (size_t)count;
    for (int64_t i = 0, row = 0; i < count; i++) {
        for (k.m = 0; row < plan_tile_first(tiles, count, i + 1); row++, k.m++) {
            a[k.m] = v + row * w->in;
            c[k.m] = sums + row * n;
        }
        k.fetch = (const char *)(b + b_floats) + (size_t)i * share;
        k.fetch_bytes = share;
        w->kernels->gemm_f32->run(&k);
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

/* Tiles [first, last), transformed at v, and a group of output channels. */
static void run_group(const struct winograd_args *w, int64_t first, int64_t last, int group, const float *v,
                      float *sums)
{
    int channel = group * w->group, n = w->out - channel < w->group ? w->out - channel : w->group;
    ptrdiff_t v_plane = plane_floats(last - first, w->in), plane = plane_floats(last - first, n);
    size_t matrix = kernel_gemm_packed(w->kernels, (size_t)w->in, (size_t)n);
    const float *b = w->weights + (size_t)w->elements * (size_t)w->in * (size_t)channel;
    for (int i = 0; i < w->elements; i++)
        multiply(w, v + i * v_plane, last - first, b + (size_t)i * matrix, matrix, n, sums + i * plane);
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

static void run_transform(const struct step *s, struct tile tile)
{
    const struct winograd_args *w = s->args;
    transform(w, tile.first, tile.last, (float *)view_data(&w->v) + tile.first * w->in, plane_floats(w->tiles, w->in));
}

static void run_groups(const struct step *s, struct tile tile)
{
    const struct winograd_args *w = s->args;
    for (int64_t i = tile.first; i < tile.last; i++)
        run_group(w, 0, w->tiles, (int)i, view_data(&w->v), tile.scratch);
}

/* ---- weights ---- */

/* A unit is a group. */
static int pack_weights(void *packed, const void *weights, const void *args, int64_t first, int64_t last,
                        const struct kernels *k)
{
    const struct winograd_args *w = args;
    for (int64_t i = first; i < last; i++) {
        int channel = (int)i * w->group, n = w->out - channel < w->group ? w->out - channel : w->group;
        size_t before = kernel_gemm_packed(k, (size_t)w->in, (size_t)channel);
        k->winograd_pack_f32(
            (float *)packed + (size_t)w->elements * before, kernel_gemm_packed(k, (size_t)w->in, (size_t)n), w->size,
            (const float *)weights + (ptrdiff_t)channel * w->in * 9, (ptrdiff_t)w->in * 9, 9, w->in, n);
    }
    return 0;
}

static int fill_weights(struct plan *p, struct node *n, struct winograd_args *w, struct error *err)
{
    size_t bytes = kernel_product_packed(p->kernels->gemm_f32, 1, (size_t)w->in, (size_t)w->out);
    if (!mem_mul(bytes, (size_t)w->elements, &bytes))
        bytes = 0;
    w->weights = plan_packed(p, n, 1,
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

/* Cycles to transform a tile's vector of channels, in or out, as measured. */
static double transform_cycles(int size)
{
    return size == 2 ? 50 : 144;
}

static double winograd_cost(const struct kernels *k, const struct node *n, int size)
{
    int border[VIEW_SPATIAL][2];
    struct conv c;
    if (!fits(n, size, &c, border))
        return -1;
    double tiles = (double)n->in[0]->type.dims[0], elements = (size + 2) * (size + 2);
    for (int i = 0; i < 2; i++)
        tiles *= (double)((c.w.out[i] + size - 1) / size);
    double floats = (double)kernel_gemm_packed(k, (size_t)c.in, (size_t)c.out) * elements;
    double vectors = (double)((c.in + k->vector - 1) / k->vector + (c.out + k->vector - 1) / k->vector);
    return exec_conv_cycles(k, tiles * floats, floats * sizeof(float)) + tiles * vectors * transform_cycles(size);
}

/* Tiles that go together through a thread's memory. */
#define BLOCK_TILES 24
/* Channels that are summed together: all of a narrow convolution, so that a block's tiles are met once. */
#define NARROW         128
#define GROUP_CHANNELS 32

/* True: every block is a tile of one step; false: all are one block, and a step before transforms it. */
static bool cut(struct winograd_args *w)
{
    int mr = w->kernels->gemm_f32->mr, nr = w->kernels->gemm_f32->nr, together = (BLOCK_TILES + mr - 1) / mr * mr;
    bool many = w->tiles >= 4 * together;
    int group = many && w->out <= NARROW ? w->out : GROUP_CHANNELS;
    w->group = (group + nr - 1) / nr * nr;
    w->groups = (w->out + w->group - 1) / w->group;
    w->blocks = many ? w->tiles / together : 1;
    w->most = (w->tiles + w->blocks - 1) / w->blocks;
    return many;
}

static void size_block(struct winograd_args *w)
{
    int n = w->out < w->group ? w->out : w->group;
    w->v_floats = (size_t)w->elements * (size_t)plane_floats(w->most, w->in);
    w->sums_floats = (size_t)w->elements * (size_t)plane_floats(w->most, n);
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
    return plan_step(p,
                     &(struct step){.node = n,
                                    .kernel = w->size == 2 ? "winograd_2_f32" : "winograd_4_f32",
                                    .run = many ? run_blocks : run_groups,
                                    .args = w,
                                    .units = many ? w->blocks : w->groups,
                                    .scratch = ((many ? w->v_floats : 0) + w->sums_floats) * sizeof(float),
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
    *w = (struct winograd_args){.kernels = p->kernels, .size = size, .elements = (size + 2) * (size + 2)};
    if (plan_in_channels(p, n, 0, border, &w->x, err) < 0 || exec_conv_ports(p, n, &w->ports, err) < 0)
        return -1;
    describe(w, &c);
    bool many = cut(w);
    if (fill_weights(p, n, w, err) < 0)
        return -1;
    size_block(w);
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
