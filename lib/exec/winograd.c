/* 3x3 convolutions of stride 1 by Winograd's F(4x4) and F(2x2) (kernel/winograd.h): tiles of pixels are transformed,
 * each of the tile's elements is a matrix product of tiles and channels with its own weights, and the sums are
 * transformed back. Of volumes the tiles of planes one behind the other are a stack: each plane is transformed once,
 * and the product sums over the taps along the first axis.
 *
 * Where there are many tiles, a block of them goes through all this at a time, in memory of its thread that fits the
 * cache. Where there are few, all are transformed by a step of its own, and a strip of output channels is what
 * threads share then: else each block would bring in all weights anew, and few threads would have work.
 *
 * Groups share nothing but the step: each is a convolution of its own, of channels that lie between others'.
 *
 * Transformed filters are up to four times as large as the weights. Those of deep layers, with few tiles and most of a
 * network's weights, are transformed in each run, part by part in the cache: that takes no more time than to bring them
 * in from memory. */
#include "exec/winograd.h"

#include <stdlib.h>

#include "exec/gemm_cut.h"

struct place_of_stack {
    int64_t image, plane, y, x; /* of its first output */
};

static struct place_of_stack find_stack(const struct winograd_args *w, int64_t index)
{
    int64_t area = w->rows * w->columns, at = index % area, layer = index / area;
    return (struct place_of_stack){layer / w->layers, layer % w->layers * w->deep, at / w->columns * w->size,
                                   at % w->columns * w->size};
}

/* By address: a copy of what was just stored would wait until the stores of the tile before are in the cache. */
static float *stack_data(const struct winograd_args *w, const struct view *v, const struct place_of_stack *at)
{
    return (float *)view_data(v) + at->image * v->stride[0] + at->plane * v->stride[2] +
           at->y * v->stride[w->row_axis] + at->x * v->stride[w->row_axis + 1];
}

/* Input channels [first, first + count), for which filters are transformed together. */
struct part {
    int first, count;
};

static struct part part_at(const struct winograd_args *w, int index)
{
    int first = (int)plan_tile_first(w->in, w->parts, index);
    return (struct part){first, (int)plan_tile_first(w->in, w->parts, index + 1) - first};
}

/* Where the planes of a part of `tiles` transformed tiles are: a part's lie side by side. */
static ptrdiff_t part_floats(const struct winograd_args *w, int64_t tiles, int index)
{
    return w->elements * (tiles * part_at(w, index).first + index * WINOGRAD_GAP);
}

/* Stacks [first, last) of the `all` that are to be at v, which begins with stack `begin`; of so many groups, whose
 * channels lie side by side: a tile's pixels are met once. */
static void transform(const struct winograd_args *w, int64_t first, int64_t last, int64_t all, int64_t begin,
                      int groups, float *v)
{
    struct kernel_winograd_input_f32 k = {.size = w->size};
    k.row = w->x.stride[w->row_axis];
    k.pixel = w->x.stride[w->row_axis + 1];
    for (int i = 0; i < w->parts; i++) {
        struct part part = part_at(w, i);
        float *out = v + part_floats(w, all * w->span, i) + (first - begin) * w->span * part.count;
        k.channels = part.count;
        k.plane = winograd_plane(all * w->span, part.count);
        for (int64_t j = first; j < last; j++, out += w->span * part.count) {
            struct place_of_stack at = find_stack(w, j);
            const float *x = stack_data(w, &w->x, &at) + part.first;
            for (int g = 0; g < groups; g++, x += w->in) {
                k.x = x;
                k.out = out + (size_t)g * w->v_floats;
                for (int p = 0; p < w->span; p++, k.x += w->in_plane, k.out += part.count)
                    w->kernels->winograd_input_f32(&k);
            }
        }
    }
}

/* A block's calls of the product each fetch a piece of a large map, some tiles' width of a row: in turns of the rows
 * that are new to the next block, and of those where this block's results will be. */
struct pieces {
    int64_t next, first, count; /* stacks of the next block and of this one */
    int call;
};

static void fetch_piece(const struct winograd_args *w, struct pieces *p, struct kernel_gemm *g)
{
    int row = p->call % w->size, turn = p->call / w->size, at = turn / 2 * w->together;
    bool is_result = turn % 2;
    const struct view *v = is_result ? &w->ports.out : &w->x;
    int64_t from = (is_result ? p->first : p->next) + at;
    p->call++;
    g->fetch_bytes = 0;
    if (at >= p->count || from >= w->stacks)
        return;
    struct place_of_stack place = find_stack(w, from);
    g->fetch = stack_data(w, v, &place) + (is_result ? row : row + 2) * v->stride[w->row_axis];
    g->fetch_bytes = (size_t)(w->together * w->size * v->stride[w->row_axis + 1]) * sizeof(float);
}

/* Where transformed tiles are, one behind the other, and their sums. */
struct walk {
    const float *v;
    float *sums;
    int plane; /* of its stack */
};

/* The call's rows: of even ones the first, and how far they are apart. */
static void find_rows(const struct winograd_args *w, struct walk *at, struct kernel_gemm *g, const void **a, void **c)
{
    ptrdiff_t step = (ptrdiff_t)w->plane_step * g->k, stack = (ptrdiff_t)w->span * g->k;
    g->even = w->product->even && w->deep == 1 && g->m % w->product->mr == 0;
    g->a_step = stack * (ptrdiff_t)sizeof *at->v;
    g->c_step = g->add_step = g->n * (ptrdiff_t)sizeof *at->sums;
    a[0] = at->v;
    c[0] = at->sums;
    at->v += g->even ? g->m * stack : 0;
    at->sums += g->even ? (ptrdiff_t)g->m * g->n : 0;
    for (int i = 0; i < g->m && !g->even; i++, at->sums += g->n) {
        a[i] = at->v;
        c[i] = at->sums;
        at->v += step;
        if (++at->plane == w->deep) { /* the stack's last */
            at->plane = 0;
            at->v += stack - w->deep * step;
        }
    }
}

/* sums[tile][n] = v[tile] b for one element of the tiles, or that is added to what is there; g tells b, its taps and
 * depth, and what is to be brought in meanwhile, or else pieces do (NULL: they don't). */
static void multiply(const struct winograd_args *w, struct kernel_gemm *g, const float *v, int64_t tiles, bool adds,
                     float *sums, struct pieces *pieces)
{
    const void *a[KERNEL_GEMM_MR_MAX];
    void *c[KERNEL_GEMM_MR_MAX];
    struct walk at = {v, sums, 0};
    const size_t bytes = g->fetch_bytes / (size_t)tiles;
    g->a = a;
    g->c = c;
    g->to.add = adds ? (const void *const *)c : NULL;
    for (int64_t left = tiles; left > 0; left -= g->m) {
        g->m = gemm_next_rows(w->product, left, w->deep == 1);
        g->fetch_bytes = bytes * (size_t)g->m;
        find_rows(w, &at, g, a, c);
        if (pieces)
            fetch_piece(w, pieces, g);
        w->product->run(g);
        g->fetch = (const char *)g->fetch + g->fetch_bytes;
    }
}

/* The sums of stacks [first, last) for the n output channels from `channel` on, to the result. */
static void transform_back(const struct winograd_args *w, int64_t first, int64_t last, int channel, int n,
                           const float *sums, ptrdiff_t plane)
{
    const struct conv_ports *p = &w->ports;
    const float *bias = p->bias_view.buffer ? view_data(&p->bias_view) : p->bias;
    struct kernel_winograd_output_f32 k = {
        .size = w->size, .channels = n, .plane = plane, .act = w->act, .add_last = p->add_last};
    k.bias = bias ? bias + channel : NULL;
    k.out_row = p->out.stride[w->row_axis];
    k.out_pixel = p->out.stride[w->row_axis + 1];
    k.add_row = p->add.stride[w->row_axis];
    k.add_pixel = p->add.stride[w->row_axis + 1];
    k.sums = sums;
    for (int64_t i = first; i < last; i++) {
        struct place_of_stack at = find_stack(w, i);
        k.height = (int)(w->height - at.y < w->size ? w->height - at.y : w->size);
        k.width = (int)(w->width - at.x < w->size ? w->width - at.x : w->size);
        k.out = stack_data(w, &p->out, &at) + channel;
        if (p->add.buffer)
            k.add = stack_data(w, &p->add, &at) + channel;
        for (int j = 0; j < w->deep; j++, k.sums += n, k.out += p->out.stride[2]) {
            w->kernels->winograd_output_f32(&k);
            k.add += k.add ? p->add.stride[2] : 0;
        }
    }
}

/* Floats of a packed matrix of so many columns. */
static size_t matrix_floats(const struct winograd_args *w, int n)
{
    return kernel_product_packed(w->product, (size_t)w->taps, (size_t)w->in, (size_t)n) / sizeof(float);
}

/* What one of the convolution's groups is on its own. */
static struct winograd_args group_of(const struct winograd_args *all, int64_t index)
{
    struct winograd_args w = *all;
    ptrdiff_t out = index * w.out;
    w.x.offset += index * w.in;
    w.v.offset += index * (ptrdiff_t)(w.v_floats * sizeof(float));
    w.weights += (size_t)index * w.group_floats;
    w.ports.out.offset += out;
    w.ports.add.offset += out;
    w.ports.bias_view.offset += out;
    w.ports.bias = w.ports.bias ? (const float *)w.ports.bias + out : NULL;
    return w;
}

/* Stacks [first, last), transformed at v, and a strip of output channels. */
static void run_strip(const struct winograd_args *w, int64_t first, int64_t last, int strip, const float *v,
                      float *sums, struct pieces *pieces)
{
    int channel = strip * w->strip, n = w->out - channel < w->strip ? w->out - channel : w->strip;
    int64_t tiles = (last - first) * w->deep;
    ptrdiff_t v_plane = winograd_plane((last - first) * w->span, w->in), plane = winograd_plane(tiles, n);
    size_t matrix = matrix_floats(w, n);
    ptrdiff_t tap[WINOGRAD_TAPS];
    struct kernel_gemm g = {.tap = tap, .taps = w->taps, .k = w->in, .n = n};
    const float *b = w->weights + (size_t)w->elements * (size_t)(w->taps * w->in) * (size_t)channel;
    for (int i = 0; i < w->taps; i++)
        tap[i] = i * w->tap_step * w->in;
    for (int i = 0; i < w->elements; i++, b += matrix) {
        g.b = b;
        g.fetch = b + matrix;
        g.fetch_bytes = matrix * sizeof(float);
        multiply(w, &g, v + i * v_plane, tiles, false, sums + i * plane, pieces);
    }
    transform_back(w, first, last, channel, n, sums, plane);
}

void winograd_run_blocks(const struct step *s, struct tile tile)
{
    const struct winograd_args *all = s->args;
    float *v = tile.scratch, *sums = v + all->v_floats;
    for (int64_t i = tile.first; i < tile.last; i++) {
        struct winograd_args w = group_of(all, i / all->blocks);
        int64_t first = i % w.blocks * w.most, last = w.stacks - first < w.most ? w.stacks : first + w.most;
        transform(&w, first, last, last - first, first, 1, v);
        struct pieces pieces = {last, first, last - first, 0};
        for (int j = 0; j < w.strips; j++)
            run_strip(&w, first, last, j, v, sums, w.together > 0 && j == w.strips - 1 ? &pieces : NULL);
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

/* All tiles and the n output channels whose filters t are, of a part of the input channels of a plane's tap. */
static void run_part(const struct winograd_args *w, const struct taps *t, const struct taps *next, int index, int n,
                     float *sums, float *filters)
{
    int at = index % w->parts, count = part_at(w, at).count;
    size_t plane = t->floats + WINOGRAD_GAP;
    const int64_t all = w->stacks * w->span;
    const float *v = (const float *)view_data(&w->v) + part_floats(w, all, at);
    const ptrdiff_t tap[1] = {index / w->parts * w->tap_step * count};
    struct kernel_gemm g = {.tap = tap, .taps = 1, .k = count, .n = n};
    w->kernels->winograd_filter_f32(filters, plane, w->size, t->at, t->tap, t->floats);
    for (int i = 0; i < w->elements; i++) {
        g.b = filters + (size_t)i * plane;
        share_fetch(w, next, i, &g);
        multiply(w, &g, v + i * winograd_plane(all, count), w->tiles, index > 0, sums + i * winograd_plane(w->tiles, n),
                 NULL);
    }
}

/* behind: what is fetched at the end, or NULL: the next panel. */
static void run_panel(const struct winograd_args *w, int panel, const struct weights *behind, float *sums,
                      float *filters)
{
    int channel = panel * w->product->nr, n = w->out - channel < w->product->nr ? w->out - channel : w->product->nr;
    size_t tap = matrix_floats(w, n) / (size_t)w->taps, columns = tap / (size_t)w->in;
    struct taps t = {.at = w->weights + (size_t)9 * (size_t)(w->taps * w->in) * (size_t)channel, .tap = tap};
    for (int i = 0; i < w->taps * w->parts; i++) {
        t.floats = (size_t)part_at(w, i % w->parts).count * columns;
        struct taps next = {t.at + t.floats, tap, t.floats};
        if ((i + 1) % w->parts == 0) /* behind the nine of a plane's tap */
            next.at += 8 * tap;
        if (behind && i == w->taps * w->parts - 1)
            next = (struct taps){behind->at, behind->bytes / sizeof(float) / 9, behind->bytes / sizeof(float) / 9};
        run_part(w, &t, &next, i, n, sums, filters);
        t.at = next.at;
    }
    transform_back(w, 0, w->stacks, channel, n, sums, winograd_plane(w->tiles, n));
}

void winograd_run_transform(const struct step *s, struct tile tile)
{
    const struct winograd_args *w = s->args;
    transform(w, tile.first, tile.last, w->stacks, 0, w->groups, view_data(&w->v));
}

void winograd_run_strips(const struct step *s, struct tile tile)
{
    const struct winograd_args *all = s->args;
    for (int64_t i = tile.first; i < tile.last; i++) {
        struct winograd_args w = group_of(all, i / all->strips);
        run_strip(&w, 0, w.stacks, (int)(i % w.strips), view_data(&w.v), tile.scratch, NULL);
    }
}

void winograd_run_panels(const struct step *s, struct tile tile)
{
    const struct winograd_args *all = s->args;
    for (int64_t i = tile.first; i < tile.last; i++) {
        struct winograd_args w = group_of(all, i / all->strips);
        run_panel(&w, (int)(i % w.strips), i == s->units - 1 ? &s->ahead : NULL, tile.scratch,
                  (float *)tile.scratch + w.sums_floats);
    }
}

/* ---- weights ---- */

/* The filters of n output channels to panels of each element at `to`; their taps are packed first. */
static void pack_strip(const struct winograd_args *w, const float *from, int n, float *taps, float *to)
{
    size_t matrix = matrix_floats(w, n);
    int nr = w->product->nr;
    int all = 9 * w->taps;
    ptrdiff_t filters = (ptrdiff_t)w->in * all;
    for (int j = 0; j < n; j += nr, to += (ptrdiff_t)nr * w->in * w->taps) {
        int some = n - j < nr ? n - j : nr;
        size_t tap = matrix_floats(w, some) / (size_t)w->taps;
        w->product->pack(taps, from + j * filters, all, 1, w->in, all, some, filters);
        for (size_t i = 0; i < (size_t)w->taps; i++)
            w->kernels->winograd_filter_f32(to + i * tap, matrix, w->size, taps + 9 * i * tap, tap, tap);
    }
}

/* A unit is a strip of a group. */
int winograd_pack(void *packed, const void *weights, const void *args, int64_t first, int64_t last,
                  const struct kernels *k)
{
    const struct winograd_args *w = args;
    float *taps = malloc(9 * matrix_floats(w, w->product->nr) * sizeof *taps);
    (void)k;
    for (int64_t i = first; taps && i < last; i++) {
        ptrdiff_t group = i / w->strips, channel = i % w->strips * w->strip, row = (ptrdiff_t)w->taps * w->in;
        int n = w->out - channel < w->strip ? (int)(w->out - channel) : w->strip;
        pack_strip(w, (const float *)weights + (group * w->out + channel) * row * 9, n, taps,
                   (float *)packed + (size_t)group * w->group_floats + w->elements * channel * row);
    }
    free(taps);
    return taps ? 0 : -1;
}
