/* 3x3 convolutions of bytes and of stride 1 by Winograd's F(4x4) in whole numbers (kernel/winograd.h): a quarter of the
 * products, of s16 and exact, so that the bits are those of the plain product. A block of tiles goes through all in
 * memory of its thread: transformed, multiplied with one panel of filters after another, and back.
 *
 * The filters' transforms take eight times the memory of their bytes; where there is no room for them each block makes
 * them anew, some input channels' at a time. Where sums might be too large the plain product is taken. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cpu.h"
#include "exec/exec_private.h"
#include "exec/lower_qconv.h"
#include "kernel/winograd.h"

#define SIZE     4
#define ELEMENTS (WINOGRAD_TILE * WINOGRAD_TILE)
#define GAP      32 /* so that the planes of a tile's elements do not all begin in the same set of a cache */

struct winograd_args {
    const struct kernel_winograd_q8 *k;
    struct view x, out;
    struct kernel_epilogue to;
    const void *weights; /* [panels][ELEMENTS][in / 2][nr][2] s16 if transformed, else [panels][9][in / 2][nr][2] s8 */
    bool is_signed, is_transformed;
    int in, channels; /* of the input, of the result */
    int depth;        /* of the input, rounded up to what a product takes at a time: filters are 0 there */
    int64_t width, height, rows, columns;
    int64_t tiles, blocks, most; /* most: tiles of the largest block */
    int panels, spans;           /* a span of panels is a thread's share of a block's channels */
    int part;                    /* input channels whose filters are there together */
    ptrdiff_t plane, panel;      /* s16 of a transformed tile's element, numbers of a panel's tap */
};

/* ---- a run ---- */

static const uint8_t *tile_at(const struct winograd_args *w, const struct view *v, int64_t index)
{
    int64_t image = w->rows * w->columns, at = index % image;
    return (const uint8_t *)view_data(v) + index / image * v->stride[0] + at / w->columns * SIZE * v->stride[2] +
           at % w->columns * SIZE * v->stride[3];
}

static void transform(const struct winograd_args *w, int64_t first, int64_t last, int16_t *to)
{
    struct kernel_winograd_input_q8 k = {.channels = w->in,
                                         .is_signed = w->is_signed,
                                         .row = w->x.stride[2],
                                         .pixel = w->x.stride[3],
                                         .plane = w->plane};
    for (int64_t i = first; i < last; i++) {
        k.x = tile_at(w, &w->x, i);
        k.out = to + (i - first) * w->depth;
        w->k->input(&k);
    }
}

/* A block's products with a panel of filters. */
struct products {
    struct kernel_gemm g;
    const void *a[KERNEL_GEMM_MR_MAX];
    void *c[KERNEL_GEMM_MR_MAX];
    /* The first `large` calls are of `least` tiles each, of which `more` have one more, the others of few. */
    int calls, large, least, more;
};

/* From so many steps on calls of few tiles save more than is lost where calls differ. */
#define FEW_DEPTH 128

static void begin_products(const struct winograd_args *w, int tiles, struct products *p)
{
    int mr = w->k->mr, few = w->k->few, calls = (tiles + mr - 1) / mr;
    int small = few && w->depth >= FEW_DEPTH ? (calls * mr - tiles) / (mr - few) : 0;
    p->calls = p->large = calls;
    if (small < calls) {
        p->large -= small;
        tiles -= small * few;
    }
    p->least = tiles / p->large;
    p->more = tiles % p->large;
    p->g = (struct kernel_gemm){.a = p->a, .c = p->c, .n = w->k->nr};
    if (w->is_transformed)
        p->g.fetch_bytes = (size_t)w->panel * sizeof(int16_t) / (size_t)p->calls;
}

/* sums[tile][nr] of an element and its filters, or what these add; the next ones are brought in. */
static void multiply(const struct winograd_args *w, struct products *p, const int16_t *v, int32_t *sums)
{
    struct kernel_gemm *g = &p->g;
    g->fetch = w->is_transformed ? (const int16_t *)g->b + w->panel : NULL;
    for (int i = 0; i < p->calls; i++) {
        g->m = i < p->large ? p->least + (i < p->more) : w->k->few;
        for (int j = 0; j < g->m; j++, v += w->depth, sums += g->n) {
            p->a[j] = v;
            p->c[j] = sums;
        }
        w->k->multiply(g);
        g->fetch = g->fetch ? (const char *)g->fetch + g->fetch_bytes : NULL;
    }
}

/* All elements of a block with panel j's filters. */
static void multiply_panel(const struct winograd_args *w, struct products *p, const int16_t *v, int64_t j,
                           int32_t *sums, ptrdiff_t plane, int16_t *filters)
{
    for (int first = 0; first < w->depth; first += w->part) {
        int k = w->depth - first < w->part ? w->depth - first : w->part;
        ptrdiff_t size = (ptrdiff_t)k * w->k->nr, step = w->is_transformed ? size : size + GAP;
        const int16_t *b = filters;
        if (w->is_transformed)
            b = (const int16_t *)w->weights + j * ELEMENTS * w->panel;
        else
            w->k->filter(filters, step, (const int8_t *)w->weights + j * 9 * w->panel + first * w->k->nr, w->panel,
                         size);
        p->g.k = k;
        p->g.to.add = first > 0 ? p->a : NULL;
        for (int e = 0; e < ELEMENTS; e++) {
            p->g.b = b + e * step;
            multiply(w, p, v + e * w->plane + first, sums + e * plane);
        }
    }
}

static void transform_back(const struct winograd_args *w, int64_t first, int64_t last, int channel, const int32_t *sums,
                           ptrdiff_t plane)
{
    int rest = w->channels - channel;
    struct kernel_winograd_output_q8 k = {.channels = rest < w->k->nr ? rest : w->k->nr,
                                          .plane = plane,
                                          .to = w->to,
                                          .out_row = w->out.stride[2],
                                          .out_pixel = w->out.stride[3]};
    k.to.bias = (const int32_t *)w->to.bias + channel;
    k.to.multiplier = w->to.multiplier + channel;
    k.to.shift = w->to.shift ? w->to.shift + channel : NULL;
    for (int64_t i = first; i < last; i++) {
        int64_t at = i % (w->rows * w->columns), y = w->height - at / w->columns * SIZE,
                x = w->width - at % w->columns * SIZE;
        k.height = (int)(y < SIZE ? y : SIZE);
        k.width = (int)(x < SIZE ? x : SIZE);
        k.sums = sums + (i - first) * w->k->nr;
        k.out = (uint8_t *)tile_at(w, &w->out, i) + channel;
        w->k->output(&k);
    }
}

/* A unit is a block, or a span of it. */
static void run_winograd(const struct step *s, struct tile tile)
{
    const struct winograd_args *w = s->args;
    int16_t *v = tile.scratch;
    int32_t *sums = (int32_t *)(void *)(v + ELEMENTS * w->plane);
    ptrdiff_t plane = w->most * w->k->nr + GAP;
    int16_t *filters = (int16_t *)(void *)(sums + ELEMENTS * plane);
    for (int64_t i = tile.first; i < tile.last; i++) {
        int64_t block = i / w->spans, first = plan_tile_first(w->tiles, w->blocks, block),
                last = plan_tile_first(w->tiles, w->blocks, block + 1);
        struct products products;
        begin_products(w, (int)(last - first), &products);
        transform(w, first, last, v);
        int64_t end = plan_tile_first(w->panels, w->spans, i % w->spans + 1);
        for (int64_t j = plan_tile_first(w->panels, w->spans, i % w->spans); j < end; j++) {
            multiply_panel(w, &products, v, j, sums, plane, filters);
            transform_back(w, first, last, (int)j * w->k->nr, sums, plane);
        }
    }
}

/* ---- weights ---- */

struct filters_args {
    struct quant_weights w;
    const struct kernel_winograd_q8 *k;
    int in;
    ptrdiff_t panel;
    bool is_transformed;
};

/* Panel j's [9][in / 2][nr][2]. */
static void pack_panel(const struct filters_args *a, const void *stored, int64_t j, int8_t *column, int8_t *to)
{
    int nr = a->k->nr;
    memset(to, 0, 9 * (size_t)a->panel);
    for (int64_t i = 0; i < nr; i++) {
        if (j * nr + i < a->w.columns)
            exec_quant_take(&a->w, stored, j * nr + i, j * nr + i + 1, column);
        else
            memset(column, 0, (size_t)a->w.depth);
        for (int64_t d = 0; d < a->w.depth; d++)
            to[d / a->in * a->panel + d % a->in / 2 * 2 * nr + i * 2 + d % a->in % 2] = column[d];
    }
}

/* A unit is a panel. */
static int pack_filters(void *packed, const void *stored, const void *args, int64_t first, int64_t last,
                        const struct kernels *k)
{
    const struct filters_args *a = args;
    int8_t *column = malloc((size_t)a->w.depth + 9 * (size_t)a->panel);
    (void)k;
    for (int64_t j = first; column && j < last; j++) {
        int8_t *taps = a->is_transformed ? column + a->w.depth : (int8_t *)packed + j * 9 * a->panel;
        pack_panel(a, stored, j, column, taps);
        if (a->is_transformed)
            a->k->filter((int16_t *)packed + j * ELEMENTS * a->panel, a->panel, taps, a->panel, a->panel);
    }
    free(column);
    return column ? 0 : -1;
}

static size_t transformed_bytes(const struct winograd_args *w)
{
    return (size_t)(ELEMENTS * w->panel * w->panels) * sizeof(int16_t);
}

static int fill_weights(struct plan *p, const struct node *n, const struct quant_weights *q, struct winograd_args *w,
                        struct error *err)
{
    struct filters_args a = {*q, w->k, w->in, w->panel, w->is_transformed};
    size_t bytes = transformed_bytes(w);
    w->weights = plan_packed(p, n, q->input,
                             &(struct packing){.name = "winograd_q8",
                                               .params = {q->columns, q->depth, exec_quant_key(n, q), a.is_transformed},
                                               .bytes = a.is_transformed ? bytes : bytes / 8,
                                               .growth = a.is_transformed ? bytes - bytes / 8 : 0,
                                               .units = w->panels,
                                               .pack = pack_filters,
                                               .args = &a,
                                               .args_size = sizeof a,
                                               .as_stored = true},
                             err);
    return w->weights ? 0 : -1;
}

/* ---- lowering ---- */

/* Tiles that go together: a block of so many s16 leaves room in the level-2 cache for filters; a larger one is better
 * where each makes them. */
#define BLOCK_S16   (1 << 17)
#define BLOCK_TILES 28
/* Filters that are made together. */
#define PART_FILTERS 4096
/* Work in products below which a block is not shared. */
#define GRAIN 1000000

static bool fits(const struct node *n, struct conv *c, int (*border)[2])
{
    int64_t beyond[2] = {0};
    if (!exec_qconv_read(n, c, NULL, border) || !node_in(n, 6) || !plan_is_constant(n, 1) || !plan_is_constant(n, 2) ||
        c->w.rank != 2 || c->groups != 1)
        return false;
    for (int i = 0; i < 2; i++) {
        if (c->w.kernel[i] != 3 || c->w.stride[i] != 1 || c->w.dilation[i] != 1)
            return false;
        beyond[i] = (c->w.out[i] + SIZE - 1) / SIZE * SIZE - c->w.out[i];
    }
    return exec_qconv_read(n, c, beyond, border);
}

/* Cycles of a tile's transforms, of two vectors of s16 or one of s32, and of a call of the product, beside its steps,
 * as measured: where vectors of 512 bits are added two in a cycle or go through in halves, and where four are (Zen 5).
 */
struct cycles {
    int input, output, call;
};
static const struct cycles cycles[] = {{230, 300, 190}, {150, 140, 60}};
/* Of the filters of two vectors. */
#define FILTER_CYCLES 200
/* Bytes of filters that come from beyond the level-2 cache in a cycle, where that is slow. */
#define FILTER_BYTES 8

static int tiles_together(const struct kernel_winograd_q8 *k, int in, bool is_transformed)
{
    int more = is_transformed ? 1 : 2, together = more * BLOCK_S16 / ELEMENTS / in, most = more * BLOCK_TILES;
    return together < k->mr ? k->mr : together > most ? most : together;
}

/* Products of vectors in a cycle: of VNNI nearly two where these go through the processor whole, which transforms
 * gain nothing by. */
static double products_a_cycle(const struct kernels *k)
{
    return k->gemm_u8->kr == 4 && !cpu_halves_512() ? 1.75 : 1;
}

static const struct cycles *cycles_of(const struct kernels *k)
{
    return &cycles[k->gemm_u8->kr == 4 && cpu_features() & CPU_BF16_DOUBLE && !cpu_halves_512()];
}

/* Its time over the plain product's. */
static double share_of_time(const struct kernels *k, const struct node *n, const struct conv *c, bool is_transformed)
{
    const struct cycles *t = cycles_of(k);
    double images = (double)n->in[0]->type.dims[0], pixels = images * (double)c->w.out[0] * (double)c->w.out[1],
           tiles = images * (double)((c->w.out[0] + SIZE - 1) / SIZE) * (double)((c->w.out[1] + SIZE - 1) / SIZE),
           filters = (double)c->in * c->out, vector = k->winograd_q8->nr / 2, lanes = vector * products_a_cycle(k);
    double plain = pixels * 9 * filters / (lanes * k->gemm_u8->kr) + 9 * filters / FILTER_BYTES,
           calls = ceil(tiles / k->winograd_q8->mr) * ELEMENTS * ceil(c->out / (2 * vector)),
           own = tiles *
                     (ELEMENTS * filters / (lanes * 2) + c->in / vector / 2 * t->input + c->out / vector * t->output) +
                 calls * t->call;
    if (is_transformed)
        return (own + ELEMENTS * 2 * filters / FILTER_BYTES) / plain;
    double blocks = ceil(tiles / tiles_together(k->winograd_q8, c->in, false));
    return (own + blocks * filters / vector / 2 * FILTER_CYCLES) / plain;
}

/* What is not worth the trouble. */
#define SHARE_MOST 0.9

static double cost(const struct kernels *k, const struct node *n)
{
    struct conv c;
    int border[VIEW_SPATIAL][2];
    return k->winograd_q8 && fits(n, &c, border) && c.in >= k->winograd_q8->least &&
                   (share_of_time(k, n, &c, true) < SHARE_MOST || share_of_time(k, n, &c, false) < SHARE_MOST)
               ? 0.5
               : -1;
}

static void describe(struct winograd_args *w, const struct conv *c)
{
    w->in = c->in;
    w->channels = c->out;
    w->height = c->w.out[0];
    w->width = c->w.out[1];
    w->rows = (w->height + SIZE - 1) / SIZE;
    w->columns = (w->width + SIZE - 1) / SIZE;
    w->panels = (c->out + w->k->nr - 1) / w->k->nr;
    w->depth = (c->in + 7) / 8 * 8;
    w->panel = (ptrdiff_t)w->depth * w->k->nr;
}

/* Blocks of tiles; few of them are shared by channels too, but no more than threads need: each share transforms the
 * block's tiles again. */
static void cut(const struct plan *p, struct winograd_args *w)
{
    int64_t together = tiles_together(w->k, w->in, w->is_transformed);
    w->part = w->is_transformed ? w->depth : PART_FILTERS / w->k->nr;
    w->tiles = w->x.dims[0] * w->rows * w->columns;
    w->blocks = (w->tiles + together - 1) / together;
    w->most = (w->tiles + w->blocks - 1) / w->blocks;
    w->plane = w->most * w->depth + GAP;
    double products = (double)w->most * ELEMENTS * w->in * w->channels;
    int threads = plan_threads(p), most = (w->panels + 1) / 2;
    if (threads == 1 || w->blocks >= 4 || products <= GRAIN)
        w->spans = 1;
    else
        w->spans = most < 2 * threads ? most : 2 * threads;
}

static int emit(struct plan *p, struct node *n, struct winograd_args *w, struct error *err)
{
    size_t sums = (size_t)(w->most * w->k->nr + GAP) * sizeof(int32_t), v = (size_t)w->plane * sizeof(int16_t),
           filters = w->is_transformed ? 0 : (PART_FILTERS + GAP) * sizeof(int16_t);
    return plan_step(p,
                     &(struct step){.node = n,
                                    .kernel = "winograd_4_q8",
                                    .run = run_winograd,
                                    .args = w,
                                    .units = w->blocks * w->spans,
                                    .scratch = ELEMENTS * (v + sums + filters),
                                    .macs = (double)view_count(&w->out) * w->in * 9},
                     err, PLAN_WRITES(&w->out, &w->x));
}

static int lower(struct plan *p, struct node *n, struct error *err)
{
    struct conv c;
    struct quant_weights q;
    int wanted[VIEW_SPATIAL][2];
    struct winograd_args *w = plan_alloc(p, sizeof *w, err);
    if (!w || !fits(n, &c, wanted))
        return w ? 1 : -1;
    w->k = p->kernels->winograd_q8;
    w->is_signed = n->in[0]->type.dtype == DTYPE_I8;
    describe(w, &c);
    int status = exec_qconv_weights(p, n, &c, &q, err);
    if (status != 0)
        return status;
    w->is_transformed =
        packing_has_room(p, transformed_bytes(w)) && share_of_time(p->kernels, n, &c, true) < SHARE_MOST;
    if (q.runs > 1 || q.most >= WINOGRAD_Q8_LIMIT ||
        (!w->is_transformed && share_of_time(p->kernels, n, &c, false) >= SHARE_MOST))
        return exec_way_q_conv.lower(p, n, err);
    status = exec_quant_epilogue(p, n, &q, 0, &w->to, err);
    if (status == 0)
        status = exec_qconv_ports(p, n, n, wanted, &w->x, &w->out, err);
    if (status != 0)
        return status;
    cut(p, w);
    for (int i = 0; i < 2; i++)
        w->x.offset -= c.w.begin[i] * w->x.stride[2 + i];
    return fill_weights(p, n, &q, w, err) < 0 ? -1 : emit(p, n, w, err);
}

static bool border(const struct node *n, int (*border)[2])
{
    struct conv c;
    return fits(n, &c, border);
}

const struct exec_way exec_way_q_winograd = {cost, border, lower, exec_quant_fill};
