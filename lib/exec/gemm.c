/* The matrix product under convolutions, transposed convolutions and matmuls, cut into tiles.
 *
 * Weights that fit well into the level-2 cache stay there: a tile of pixels meets all panels of B, then the next tile
 * comes, which was fetched meanwhile where maps are large. Larger ones are met in groups of panels that fit: each group
 * by all tiles of pixels, of which each fetches its share of the next group meanwhile. */
#include <string.h>

#include "base/cpu.h"
#include "exec/exec_private.h"
#include "exec/gemm.h"
#include "exec/gemm_cut.h"

struct gemm_args {
    struct gemm_job job;
    ptrdiff_t a_size, c_size; /* bytes of an element */
    struct gemm_cut cut;
    int64_t blocks; /* of tiles */
    int groups;     /* of panels, nearly even */
    int panels;
    size_t panel;   /* bytes of a full one */
    size_t scratch; /* bytes that a block needs */
    const struct kernels *kernels;
    bool widens;      /* narrow panels, or those that the product reads otherwise, a group at a time, into: */
    size_t widened;   /* bytes of scratch memory, before the product's own */
    int64_t fetchers; /* tiles that share the fetching of the next group; 0: none do */
    bool far;         /* the panels stay in the level-2 cache, but pixels do not fit there: they are fetched */
    bool woven;       /* so do those of all batches, whose pixels lie side by side: a row meets them all */
    bool even;        /* calls may have rows without pointers, */
    bool together;    /* and whole tiles of a row of the map together */
    int64_t width;    /* pixels of a row, before rows that follow each other became one */
    int rows;         /* of a far map that are new to each row of results, and fetched one ahead; 1: a tile ahead */
};

struct pixel_tile {
    const void *a[KERNEL_GEMM_MR_MAX], *add[KERNEL_GEMM_MR_MAX];
    void *c[KERNEL_GEMM_MR_MAX];
};

struct bases {
    const char *a, *add, *packed;
    char *c;
    const char *bias;
    const int32_t *row_bias;
    const float *multiplier, *shift;
    int batch;
};

/* Bytes of an element of a bias. */
#define BIAS_SIZE 4

static struct bases bases_of(const struct gemm_args *g, int batch)
{
    const struct gemm_job *j = &g->job;
    ptrdiff_t column = (ptrdiff_t)batch * j->bias_batch;
    struct bases b = {
        .a = (const char *)view_data(&j->a) + (j->a_batch ? j->a_batch[batch] * g->a_size : 0),
        .c = (char *)view_data(&j->c) + (j->c_batch ? j->c_batch[batch] * g->c_size : 0),
        .packed = (const char *)(j->packed ? j->packed : view_data(&j->packed_view)),
        .bias = j->to.bias ? (const char *)j->to.bias + column * BIAS_SIZE
                : j->bias_view.buffer
                    ? (char *)view_data(&j->bias_view) + (j->bias_at ? j->bias_at[batch] * BIAS_SIZE : 0)
                    : NULL,
        .row_bias = j->row_bias_view.buffer ? (int32_t *)view_data(&j->row_bias_view) + batch * g->cut.pixels : NULL,
        .multiplier = j->multiplier_view.buffer ? (float *)view_data(&j->multiplier_view) + column
                      : j->to.multiplier        ? j->to.multiplier + column
                                                : NULL,
        .shift = j->to.shift ? j->to.shift + column : NULL,
        .batch = batch,
    };
    b.packed += j->b_batch ? j->b_batch[batch] : 0;
    if (j->add.buffer)
        b.add = (const char *)view_data(&j->add) + (j->add_batch ? j->add_batch[batch] * g->c_size : 0);
    return b;
}

/* A position in the index space of pixels, and its offsets. */
struct pixel {
    int64_t at[GEMM_AXES];
    ptrdiff_t a, c, add;
};

static void pixel_offsets(const struct gemm_job *j, struct pixel *p)
{
    p->a = p->c = p->add = 0;
    for (int i = 0; i < GEMM_AXES; i++) {
        p->a += p->at[i] * j->a_stride[i];
        p->c += p->at[i] * j->c_stride[i];
        p->add += p->at[i] * j->add_stride[i];
    }
}

/* So many pixels on, at most to the end of the innermost axis, and then to the next place of the axis outside of it. */
static void pixel_next(const struct gemm_job *j, struct pixel *p, int count)
{
    int i = GEMM_AXES - 1;
    p->at[i] += count;
    if (p->at[i] < j->dims[i]) {
        p->a += count * j->a_stride[i];
        p->c += count * j->c_stride[i];
        p->add += count * j->add_stride[i];
        return;
    }
    for (; i >= 0 && p->at[i] >= j->dims[i]; i--) {
        p->at[i] = 0;
        if (i > 0)
            p->at[i - 1]++;
    }
    pixel_offsets(j, p);
}

static void find_pixel(const struct gemm_job *j, int64_t index, struct pixel *p)
{
    for (int i = GEMM_AXES - 1; i >= 0; i--) {
        p->at[i] = index % j->dims[i];
        index /= j->dims[i];
    }
    pixel_offsets(j, p);
}

/* The addresses of the call's pixels from *p on, which moves behind them: of `even` ones those of the first. */
static void find_pixels(const struct gemm_args *g, const struct bases *b, struct pixel *p, struct kernel_gemm *k,
                        struct pixel_tile *t)
{
    const struct gemm_job *j = &g->job;
    const ptrdiff_t a = k->a_step, c = k->c_step, add = k->add_step;
    for (int first = 0, run; first < k->m; first += run, pixel_next(j, p, run)) {
        int64_t row = j->dims[GEMM_AXES - 1] - p->at[GEMM_AXES - 1];
        run = row < k->m - first ? (int)row : k->m - first;
        k->even = g->even && run >= j->product->mr;
        const char *from = b->a + p->a * g->a_size, *more = b->add ? b->add + p->add * g->c_size : NULL;
        char *to = b->c + p->c * g->c_size;
        const int end = k->even ? 1 : first + run;
        for (int i = first; i < end; i++, from += a, to += c) {
            t->a[i] = from;
            t->c[i] = to;
        }
        for (int i = first; b->add && i < end; i++, more += add)
            t->add[i] = more;
    }
}

/* Panels [first, last) are a group, and `next` the end of the one behind it. */
struct group {
    int first, last, next;
};

/* Panels that are met once come in fours, which a row meets side by side. Behind the last group: the end. */
static int group_first(const struct gemm_args *g, int index)
{
    int unit = g->cut.tiles == 1 && !g->widens && g->groups <= g->panels / 4 ? 4 : 1;
    int first = (int)plan_tile_first((g->panels + unit - 1) / unit, g->groups, index) * unit;
    return first < g->panels ? first : g->panels;
}

static struct group group_at(const struct gemm_args *g, int index)
{
    return (struct group){group_first(g, index), group_first(g, index + 1), group_first(g, index + 2)};
}

#define GEMM_FETCH 256 /* what a step fetches (kernel/isa/fetch.h) */

/* The next tile's pixels: of a convolution those of the last tap, for what lies above them was read before. */
static void fetch_pixels(const struct gemm_args *g, const char *a, const struct pixel *next, struct kernel_gemm *k)
{
    const struct gemm_job *j = &g->job;
    ptrdiff_t step = j->a_stride[GEMM_AXES - 1];
    k->fetch = a + (next->a + j->tap[j->taps - 1]) * g->a_size;
    k->fetch_bytes = step <= 0 || step > 2 * (ptrdiff_t)j->k ? 0 : (size_t)(k->m * step * g->a_size);
}

/* So many elements of what the next row of results reads in row `tap` of its taps, from `back` elements before the
 * place of the tile at `a` on. */
static void fetch_below(const struct gemm_args *g, const char *a, int tap, ptrdiff_t back, ptrdiff_t elements,
                        struct kernel_gemm *k)
{
    const struct gemm_job *j = &g->job;
    k->fetch = a + (j->a_stride[GEMM_AXES - 2] + j->tap[tap] - back) * g->a_size;
    k->fetch_bytes = (size_t)(elements * g->a_size);
}

/* What `count` tiles from tile `index` on, whose first pixel is at `a` and whose successor's is *next, fetch of a large
 * map. Batches that are woven share the taps. Tiles share the rows that are new to the next one, of which several at a
 * time, nearly a row of results, fetch all. */
static void fetch_map(const struct gemm_args *g, const struct bases *b, int64_t index, int64_t count, const char *a,
                      const struct pixel *next, struct kernel_gemm *k)
{
    int last = g->job.taps - 1, part = (int)(index % g->rows);
    ptrdiff_t tile = k->m * g->job.a_stride[GEMM_AXES - 1];
    if (g->woven)
        fetch_below(g, a, last - b->batch * g->job.taps / g->job.batches, 0, tile, k);
    else if (g->rows > 1 && count > 1)
        fetch_below(g, a, last - g->rows + 1, 0, g->job.a_stride[GEMM_AXES - 2], k);
    else if (g->rows > 1)
        fetch_below(g, a, last - part, part * tile, g->rows * tile, k);
    else
        fetch_pixels(g, b->a, next, k);
}

/* What is to come behind a group: the next one, and behind the last what the next step begins with. */
static struct weights find_ahead(const struct gemm_args *g, const struct bases *b, const struct group *group,
                                 const struct weights *behind)
{
    if (group->next == group->last && b->batch == g->job.batches - 1 && behind)
        return *behind;
    return (struct weights){b->packed + g->panel * (size_t)group->last, g->panel * (size_t)(group->next - group->last)};
}

/* The share of `count` tiles from tile `index` on in fetching it. */
static void share_fetch(const struct gemm_args *g, const struct weights *ahead, int64_t index, int64_t count,
                        struct kernel_gemm *k)
{
    size_t bytes = ahead->bytes;
    if (!g->fetchers || bytes == 0)
        return;
    size_t share = (bytes / (size_t)g->fetchers + GEMM_FETCH - 1) / GEMM_FETCH * GEMM_FETCH,
           from = share * (size_t)(index % g->fetchers);
    k->fetch = (const char *)ahead->at + from;
    share *= (size_t)count;
    k->fetch_bytes = from >= bytes ? 0 : from + share > bytes ? bytes - from : share;
}

/* A call for the columns of a group, but for its rows. */
static struct kernel_gemm describe(const struct gemm_args *g, const struct bases *b, const struct group *group,
                                   struct pixel_tile *t, void *scratch)
{
    const struct gemm_job *j = &g->job;
    int column = group->first * j->product->nr, end = group->last * j->product->nr;
    struct kernel_gemm k = {.a = t->a,
                            .tap = j->tap,
                            .taps = j->taps,
                            .k = j->k + j->beyond,
                            .b = b->packed + (size_t)group->first * g->panel,
                            .b_tap = j->b_tap,
                            .b_taps = j->b_taps,
                            .c = t->c,
                            .n = (end < j->n ? end : j->n) - column,
                            .a_step = j->a_stride[GEMM_AXES - 1] * g->a_size,
                            .c_step = j->c_stride[GEMM_AXES - 1] * g->c_size,
                            .add_step = j->add_stride[GEMM_AXES - 1] * g->c_size,
                            .to = j->to,
                            .scratch = scratch};
    k.to.bias = b->bias ? b->bias + (ptrdiff_t)column * BIAS_SIZE : NULL;
    k.to.multiplier = b->multiplier ? b->multiplier + column : NULL;
    k.to.shift = b->shift ? b->shift + column : NULL;
    k.to.add = b->add ? t->add : NULL;
    k.to.sum = j->sums && j->product->sums ? &j->sum : NULL;
    return k;
}

/* The panels of calls that begin, in scratch memory. */
static void widen(const struct gemm_args *g, struct kernel_gemm *k, struct gemm_memory *m)
{
    void *to = m->scratch;
    k->panels = k->b;
    k->fresh = k->panels != m->kept;
    k->b = to;
    k->scratch = (char *)to + g->widened;
    m->kept = k->panels;
    if (g->job.narrow && k->fresh)
        g->kernels->widen_narrow_f32(to, k->panels, g->job.narrow, k->k, k->n);
}

/* Rows of n bytes through the table, together those that follow each other. */
static void look_up(const struct gemm_args *g, const struct pixel_tile *t, int rows, size_t n)
{
    for (int first = 0, row = 1; row <= rows; row++) {
        if (row < rows && t->c[row] == (char *)t->c[row - 1] + n)
            continue;
        byte_table_run(&g->job.table, g->kernels, t->c[first], t->c[first], n * (size_t)(row - first));
        first = row;
    }
}

/* With so many, what a call costs does not show; and what the next one needs is fetched in time. */
#define GEMM_TOGETHER 8

/* Behind the last of the tiles from `tile` on that are one call: whole ones within a row of the map, where the product
 * takes these together. *p is where they begin. */
static int64_t call_end(const struct gemm_args *g, const struct gemm_cut *cut, const struct pixel *p, int64_t tile,
                        int64_t to)
{
    if (!g->together)
        return tile + 1;
    int64_t whole = (cut->whole < to ? cut->whole : to) - tile,
            count = (g->job.dims[GEMM_AXES - 1] - p->at[GEMM_AXES - 1]) / g->job.product->mr;
    count = count < whole ? count : whole;
    count = count < GEMM_TOGETHER ? count : GEMM_TOGETHER;
    return tile + (count > 1 ? count : 1);
}

/* Tiles [from, to) of pixels against a group of panels. behind NULL: nothing. */
static void run_block(const struct gemm_args *g, const struct bases *b, const struct gemm_cut *cut, int64_t from,
                      int64_t to, const struct group *group, const struct weights *behind, struct gemm_memory *memory)
{
    const int mr = g->job.product->mr;
    const struct weights ahead = find_ahead(g, b, group, behind);
    ptrdiff_t column = (ptrdiff_t)group->first * g->job.product->nr * g->c_size;
    struct bases at = *b;
    struct pixel_tile t;
    struct pixel p;
    struct kernel_gemm k = describe(g, b, group, &t, memory->scratch);
    at.c += column;
    at.add = b->add ? b->add + column : NULL;
    int64_t first = gemm_tile_first(cut, mr, from);
    find_pixel(&g->job, first, &p);
    if (g->widens)
        widen(g, &k, memory);
    for (int64_t i = from, end; i < to; i = end) {
        end = call_end(g, cut, &p, i, to);
        int64_t next = gemm_tile_first(cut, mr, end);
        k.m = (int)(next - first);
        k.to.row_bias = b->row_bias ? b->row_bias + first : NULL;
        first = next;
        find_pixels(g, &at, &p, &k, &t);
        if (g->far)
            fetch_map(g, b, i, end - i, t.a[0], &p, &k);
        else
            share_fetch(g, &ahead, i, end - i, &k);
        if (g->job.narrow && !g->widens)
            g->kernels->gemm_narrow_f32(&k, g->job.narrow);
        else
            g->job.product->run(&k);
        k.fresh = false;
        if (g->job.sums && !k.to.sum)
            g->kernels->sum_rows_q8(&g->job.sum, &(struct kernel_rows_q8){t.c, (const void *const *)t.c, t.add, k.m},
                                    (size_t)k.n);
        if (g->job.table.bytes)
            look_up(g, &t, k.m, (size_t)k.n);
    }
}

static void run_gemm(const struct step *s, struct tile tile)
{
    const struct gemm_args *g = s->args;
    struct gemm_memory memory = {tile.scratch, *tile.kept};
    for (int64_t i = tile.first; i < tile.last; i++) {
        int64_t rest = i / g->blocks, batches = g->job.batches, block = g->woven ? i / batches : i % g->blocks;
        struct group group = group_at(g, (int)(rest % g->groups));
        struct bases b = bases_of(g, (int)(g->woven ? i % batches : rest / g->groups));
        run_block(g, &b, &g->cut, plan_tile_first(g->cut.tiles, g->blocks, block),
                  plan_tile_first(g->cut.tiles, g->blocks, block + 1), &group, &s->ahead, &memory);
    }
    *tile.kept = memory.kept;
}

/* Work in MACs below which a tile is not worth the trouble of sharing. */
#define GEMM_GRAIN 1000000

/* Bytes of a full panel as it is packed, */
static size_t packed_panel(const struct gemm_job *j)
{
    const struct kernel_product *p = j->product;
    return j->narrow ? kernel_narrow_bytes(j->narrow, (size_t)j->k, (size_t)p->nr)
                     : kernel_product_packed(p, (size_t)(j->b_tap ? j->b_taps : j->taps), (size_t)j->k, (size_t)p->nr);
}

/* and as the product's kernel reads it. */
static size_t kernel_panel(const struct gemm_job *j)
{
    const struct kernel_product *p = j->product;
    size_t taps = (size_t)(j->b_tap ? j->b_taps : j->taps);
    return p->widened ? kernel_product_widened(p, taps, (size_t)j->k)
                      : kernel_product_packed(p, taps, (size_t)j->k, (size_t)p->nr);
}

/* The panels' groups: all of them are one when they leave half of the level-2 cache to the pixels, or are met once, as
 * kernels take several side by side; else each takes about a third, since the next one comes in meanwhile. */
static int count_groups(const struct gemm_args *g)
{
    double panel = (double)kernel_panel(&g->job), cache = (double)cpu_l2_bytes();
    if (panel * g->panels <= cache / 2 || (g->cut.tiles == 1 && !g->widens))
        return 1;
    int together = panel < cache / 3 ? (int)(cache / 3 / panel) : 1;
    return (g->panels + together - 1) / together;
}

/* Batches that are groups of a convolution: one after the other, each would get all of a large map from beyond the
 * level-2 cache, a piece of each pixel. */
static bool is_woven(const struct gemm_args *g, int64_t rows)
{
    const struct gemm_job *j = &g->job;
    return j->batches > 1 && j->a_batch && j->a_batch[1] == j->k && rows > 1 && rows <= g->cut.tiles &&
           (double)g->panel * g->panels * j->batches <= (double)cpu_l2_bytes() / 2;
}

/* How a far map is fetched. */
static void choose_fetching(struct gemm_args *g)
{
    const struct gemm_job *j = &g->job;
    int64_t rows = g->cut.pixels / j->dims[GEMM_AXES - 1];
    ptrdiff_t below = j->a_stride[GEMM_AXES - 2], pitch = j->taps > 1 ? j->tap[j->taps - 1] - j->tap[j->taps - 2] : 0,
              fresh = pitch > 0 ? below / pitch : 1;
    if (!g->far || (double)below * (double)g->a_size > (double)cpu_l2_bytes() / 2)
        return;
    g->woven = !g->widens && is_woven(g, rows);
    if (g->woven)
        g->blocks = rows;
    else if (fresh > 1 && fresh <= j->taps && j->a_stride[GEMM_AXES - 1] <= 2 * (ptrdiff_t)j->k)
        g->rows = (int)fresh;
}

/* Units that a thread should have, so that all are through at about the same time: where each prepares something anew,
 * and at most. */
#define GEMM_SHARES      4
#define GEMM_SHARES_MOST 16

/* Blocks of tiles, for one group of panels. A thread alone has no use for more than one. */
static int64_t count_blocks(const struct gemm_args *g, const struct plan *p, double macs)
{
    int64_t threads = plan_threads(p), most = threads > 1 ? threads * GEMM_SHARES_MOST : 1;
    most = most < g->cut.tiles ? most : g->cut.tiles;
    return plan_even_tiles(p, plan_tiles(macs / g->groups, GEMM_GRAIN, most), most);
}

/* Few pixels: threads share the panels; where a call prepares its rows, in no more parts than they need, for each part
 * does that again. */
static void share_panels(struct gemm_args *g, double macs, int threads)
{
    double work = macs / (double)(g->blocks * g->groups), groups = g->groups * (work / GEMM_GRAIN + 1);
    int64_t most = g->panels, shares = threads > 1 ? (int64_t)threads * GEMM_SHARES : 1;
    if ((g->widens ? g->blocks > 1 : g->blocks < g->cut.tiles) || work <= GEMM_GRAIN)
        return;
    if (g->job.product->scratch && shares / g->blocks < most)
        most = shares / g->blocks;
    if (most > g->groups)
        g->groups = groups > (double)most ? (int)most : (int)groups;
}

static void choose_tiles(struct gemm_args *g, const struct plan *p)
{
    const struct gemm_job *j = &g->job;
    double macs = (double)g->cut.pixels * j->n * j->taps * j->k;
    g->cut = gemm_cut_pixels(j, g->cut.pixels);
    g->groups = count_groups(g);
    g->blocks = count_blocks(g, p, macs);
    share_panels(g, macs, plan_threads(p));
    if (g->cut.tiles > 1) /* each thread has a cache of its own to fill */
        g->fetchers = (g->cut.tiles + plan_threads(p) - 1) / plan_threads(p);
    double pixel = (double)j->a_stride[GEMM_AXES - 1] * (double)g->a_size + (double)j->n * (double)g->c_size;
    g->far = g->groups == 1 && j->taps > 0 && pixel * (double)g->cut.pixels > (double)cpu_l2_bytes();
    choose_fetching(g);
}

void gemm_set_rows(struct gemm_job *job, const struct view *a, const struct view *out)
{
    for (int i = 0; i < GEMM_AXES; i++)
        job->dims[i] = 1;
    job->dims[GEMM_AXES - 1] = a->dims[a->rank - 2];
    job->a_stride[GEMM_AXES - 1] = a->stride[a->rank - 2];
    job->c_stride[GEMM_AXES - 1] = out->stride[out->rank - 2];
}

bool gemm_set_pixels(struct gemm_job *job)
{
    const struct view *a = &job->a;
    int axes = a->rank - 1, surplus = axes - GEMM_AXES, at = surplus < 0 ? -surplus : 0, ones = 0;
    for (int i = 0; i < axes; i++)
        ones += a->dims[i] == 1;
    if (surplus > ones)
        return false;
    for (int i = 0; i < at; i++)
        job->dims[i] = 1;
    for (int i = 0; i < axes; i++) {
        if (surplus > 0 && a->dims[i] == 1) {
            surplus--;
            continue;
        }
        job->dims[at] = a->dims[i];
        job->a_stride[at] = a->stride[i];
        job->c_stride[at] = job->c.stride[i];
        job->add_stride[at++] = job->add.stride[i];
    }
    job->batches = 1;
    return true;
}

/* For the panels of the largest group, and the rows of a tile. */
static void measure_scratch(struct gemm_args *g)
{
    const struct gemm_job *j = &g->job;
    size_t rows = g->cut.pixels < j->product->mr ? (size_t)g->cut.pixels : (size_t)j->product->mr;
    size_t bytes = kernel_product_scratch(j->product, rows, (size_t)j->taps, (size_t)j->k), all;
    g->widened = g->widens ? kernel_panel(j) * (size_t)((g->panels + g->groups - 1) / g->groups) : 0;
    g->scratch = mem_add(g->widened, bytes, &all) && mem_add(all, 63, &all) ? all - all % 64 : SIZE_MAX;
}

static int64_t count_pixels(const struct gemm_job *j)
{
    int64_t pixels = 1;
    for (int i = 0; i < GEMM_AXES; i++)
        pixels *= j->dims[i];
    return pixels;
}

/* Makes one axis of those whose pixels follow each other in A, C and what is added alike: tiles are even then. */
static void join_axes(struct gemm_job *j)
{
    const int inner = GEMM_AXES - 1;
    for (int i = inner - 1; i >= 0 && j->batches == 1; i--) {
        const ptrdiff_t width = j->dims[inner];
        if (j->dims[i] > 1 &&
            (j->a_stride[i] != width * j->a_stride[inner] || j->c_stride[i] != width * j->c_stride[inner] ||
             j->add_stride[i] != width * j->add_stride[inner]))
            return;
        j->dims[inner] *= j->dims[i];
        j->dims[i] = 1;
    }
}

/* NULL on error. A product of nothing has no pixels. */
static struct gemm_args *make_args(struct plan *p, const struct gemm_job *job, struct error *err)
{
    struct gemm_args *g = plan_alloc(p, sizeof *g, err);
    if (!g)
        return NULL;
    const struct kernel_product *product = job->product;
    *g = (struct gemm_args){.job = *job,
                            .a_size = (ptrdiff_t)kernel_type_size(product->a),
                            .c_size = (ptrdiff_t)kernel_type_size(job->to.c),
                            .cut.pixels = job->n && job->batches ? count_pixels(job) : 0,
                            .width = job->dims[GEMM_AXES - 1],
                            .even = product->even && !job->to.add_last,
                            .together = product->even && !job->to.add_last && kernel_act_is_quick(job->to.act),
                            .rows = 1,
                            .kernels = p->kernels};
    join_axes(&g->job);
    g->panels = (job->n + product->nr - 1) / product->nr;
    g->panel = packed_panel(job);
    g->widens = job->narrow ? g->cut.pixels > KERNEL_NARROW_ROWS : product->widened > 0;
    if (g->cut.pixels == 0)
        return g;
    choose_tiles(g, p);
    measure_scratch(g);
    return g;
}

/* The job's product, or what is faster by the same panels for so many pixels. */
static const struct kernel_product *fastest(const struct kernels *k, const struct gemm_job *j, int64_t pixels)
{
    const struct kernel_product *split =
        j->product == k->gemm_f32 && !j->narrow
            ? kernel_gemm_split(k, (size_t)pixels, (size_t)j->taps, (size_t)j->k, (size_t)j->n)
            : NULL;
    return split ? split : j->product;
}

struct gemm_args *gemm_part(struct plan *p, const struct gemm_job *given, int64_t pixels, struct error *err)
{
    struct gemm_job job = *given;
    job.product = fastest(p->kernels, &job, pixels);
    struct gemm_args *g = make_args(p, &job, err);
    if (g && g->cut.pixels > 0) {
        g->fetchers = 0;
        g->far = false;
        g->groups = 1; /* a call meets all panels */
        measure_scratch(g);
    }
    return g;
}

size_t gemm_part_scratch(const struct gemm_args *g)
{
    return g->scratch;
}

void gemm_run_part(const struct gemm_args *g, int64_t rows, const void *a, void *c, const void *add,
                   struct gemm_memory *memory)
{
    const struct gemm_job *j = &g->job;
    struct bases b = {.a = a, .add = add, .packed = j->packed, .c = c, .bias = j->to.bias};
    struct group all = {0, g->panels, g->panels};
    struct gemm_cut cut = gemm_cut_pixels(j, rows * g->width);
    run_block(g, &b, &cut, 0, cut.tiles, &all, NULL, memory);
}

int gemm_emit(struct plan *p, const struct node *n, const char *kernel, const struct gemm_job *given, struct error *err)
{
    struct gemm_job copy = *given, *job = &copy;
    job->product = fastest(p->kernels, job, count_pixels(job));
    if (kernel == given->product->name)
        kernel = job->product->name;
    struct gemm_args *g = make_args(p, job, err);
    if (!g)
        return -1;
    if (g->cut.pixels == 0)
        return 0;
    return plan_step(p,
                     &(struct step){.node = n,
                                    .kernel = kernel,
                                    .run = run_gemm,
                                    .args = g,
                                    .units = g->blocks * g->groups * job->batches,
                                    .scratch = g->scratch,
                                    .leave = job->product->leave,
                                    .weights = {job->packed, g->panel * (size_t)g->panels},
                                    .macs = (double)g->cut.pixels * job->n * job->taps * job->k * job->batches},
                     err,
                     PLAN_WRITES(&job->c, &job->a, &job->add, &job->packed_view, &job->bias_view, &job->row_bias_view,
                                 &job->multiplier_view));
}
