/* The matrix product under convolutions, transposed convolutions and matmuls, cut into tiles.
 *
 * Weights that fit well into the level-2 cache stay there: a tile of pixels meets all panels of B, then the next tile
 * comes. Larger ones are met panel by panel, each by all pixels, while the next panel is being fetched. */
#include <string.h>

#include "base/cpu.h"
#include "exec/plan.h"

#define GEMM_MR_MAX 32

struct gemm_args {
    struct gemm_job job;
    const struct kernels *kernels;
    int64_t pixels;
    int64_t tiles;  /* of `rows` pixels each; the last may have fewer */
    int64_t blocks; /* of tiles */
    int rows;
    int groups; /* of panels */
    int panels;
    size_t panel_floats; /* of a full one */
    bool resident;       /* all panels fit the cache */
    size_t fetch_bytes;  /* of the next panel, by each tile of pixels */
};

struct pixel_tile {
    const float *a[GEMM_MR_MAX], *add[GEMM_MR_MAX];
    float *c[GEMM_MR_MAX];
};

struct bases {
    const float *a, *add, *packed, *bias;
    float *c;
};

static struct bases bases_of(const struct gemm_job *j, int batch)
{
    struct bases b = {
        .a = (const float *)view_data(&j->a) + (j->a_batch ? j->a_batch[batch] : 0),
        .c = (float *)view_data(&j->c) + (j->c_batch ? j->c_batch[batch] : 0),
        .packed =
            (j->packed ? j->packed : (const float *)view_data(&j->packed_view)) + (j->b_batch ? j->b_batch[batch] : 0),
        .bias = j->bias               ? j->bias + (ptrdiff_t)batch * j->bias_batch
                : j->bias_view.buffer ? view_data(&j->bias_view)
                                      : NULL,
    };
    if (j->add.buffer)
        b.add = (const float *)view_data(&j->add) + (j->add_batch ? j->add_batch[batch] : 0);
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

/* To the next pixel: a step along the innermost axis, mostly. */
static void pixel_next(const struct gemm_job *j, struct pixel *p)
{
    int i = GEMM_AXES - 1;
    if (++p->at[i] < j->dims[i]) {
        p->a += j->a_stride[i];
        p->c += j->c_stride[i];
        p->add += j->add_stride[i];
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

/* The addresses of `count` pixels from *p on, which moves behind them. */
static void find_pixels(const struct gemm_job *j, const struct bases *b, struct pixel *p, int count,
                        struct pixel_tile *t)
{
    for (int i = 0; i < count; i++, pixel_next(j, p)) {
        t->a[i] = b->a + p->a;
        t->c[i] = b->c + p->c;
        t->add[i] = b->add ? b->add + p->add : NULL;
    }
}

static void run_panels(const struct gemm_args *g, const struct bases *b, struct pixel_tile *t, int m, int first,
                       int last, size_t fetch)
{
    const struct gemm_job *j = &g->job;
    int nr = g->kernels->gemm_nr;
    struct kernel_gemm_f32 k = {.a = t->a,
                                .tap = j->tap,
                                .taps = j->taps,
                                .k = j->k,
                                .add_last = j->add_last,
                                .c = t->c,
                                .m = m,
                                .act = j->act};
    k.add = b->add ? t->add : NULL;
    for (int i = 0; i < m; i++) {
        t->c[i] += first * nr;
        if (b->add)
            t->add[i] += first * nr;
    }
    for (int panel = first; panel < last; panel++) {
        k.b = b->packed + (size_t)panel * g->panel_floats;
        k.bias = b->bias ? b->bias + panel * nr : NULL;
        k.n = j->n - panel * nr < nr ? j->n - panel * nr : nr;
        if (panel + 1 < g->panels && fetch + g->fetch_bytes <= g->panel_floats * sizeof(float)) {
            k.fetch = (const char *)(k.b + g->panel_floats) + fetch;
            k.fetch_bytes = g->fetch_bytes;
        }
        g->kernels->gemm_f32(&k);
        for (int i = 0; i < m; i++) {
            t->c[i] += nr;
            if (b->add)
                t->add[i] += nr;
        }
    }
}

/* Tiles [from, to) of pixels against panels [first, last). */
static void run_block(const struct gemm_args *g, const struct bases *b, int64_t from, int64_t to, int first, int last)
{
    struct pixel_tile t;
    struct pixel p;
    find_pixel(&g->job, from * g->rows, &p);
    for (int64_t i = from; i < to; i++) {
        int64_t left = g->pixels - i * g->rows;
        int m = (int)(left < g->rows ? left : g->rows);
        find_pixels(&g->job, b, &p, m, &t);
        run_panels(g, b, &t, m, first, last, (size_t)i * g->fetch_bytes);
    }
}

static void run_gemm(const struct step *s, int64_t tile, int thread)
{
    const struct gemm_args *g = s->args;
    (void)thread;
    int64_t block = tile % g->blocks, rest = tile / g->blocks;
    int group = (int)(rest % g->groups), batch = (int)(rest / g->groups);
    struct bases b = bases_of(&g->job, batch);
    int first = (int)plan_tile_first(g->panels, g->groups, group),
        last = (int)plan_tile_first(g->panels, g->groups, group + 1);
    int64_t from = plan_tile_first(g->tiles, g->blocks, block), to = plan_tile_first(g->tiles, g->blocks, block + 1);
    if (g->resident)
        run_block(g, &b, from, to, first, last);
    else
        for (int panel = first; panel < last; panel++)
            run_block(g, &b, from, to, panel, panel + 1);
}

/* Work in MACs below which a tile is not worth the trouble of sharing. */
#define GEMM_GRAIN 1000000

/* A prefetch covers two cache lines. */
#define GEMM_FETCH 128

static void choose_tiles(struct gemm_args *g)
{
    const struct gemm_job *j = &g->job;
    size_t panel_bytes = g->panel_floats * sizeof(float), cache = (size_t)cpu_l2_bytes() / 2;
    g->tiles = (g->pixels + g->kernels->gemm_mr - 1) / g->kernels->gemm_mr;
    g->rows = (int)((g->pixels + g->tiles - 1) / g->tiles); /* evenly: 16 are 8 and 8, not 14 and 2 */
    double macs = (double)g->pixels * j->n * j->taps * j->k;
    g->resident = panel_bytes * (size_t)g->panels <= cache;
    g->groups = g->resident ? 1 : g->panels;
    g->blocks = plan_tiles((int64_t)(macs / g->groups), GEMM_GRAIN, g->tiles);
    int64_t work = (int64_t)(macs / (double)(g->blocks * g->groups));
    if (g->blocks == g->tiles && work > GEMM_GRAIN) { /* few pixels: share the panels */
        int64_t groups = g->groups * (work / GEMM_GRAIN + 1);
        g->groups = (int)(groups > g->panels ? g->panels : groups);
    }
    if (!g->resident && g->tiles > 1)
        g->fetch_bytes = (panel_bytes / (size_t)g->tiles + GEMM_FETCH - 1) / GEMM_FETCH * GEMM_FETCH;
}

int gemm_emit(struct plan *p, const struct node *n, const char *kernel, const struct gemm_job *job, struct error *err)
{
    struct gemm_args *g = plan_alloc(p, sizeof *g, err);
    if (!g)
        return -1;
    *g = (struct gemm_args){.job = *job, .kernels = p->kernels, .pixels = 1};
    for (int i = 0; i < GEMM_AXES; i++)
        g->pixels *= job->dims[i];
    if (g->pixels == 0 || job->n == 0 || job->batches == 0)
        return 0;
    int nr = p->kernels->gemm_nr;
    g->panels = (job->n + nr - 1) / nr;
    g->panel_floats = (size_t)job->taps * (size_t)job->k * (size_t)nr;
    choose_tiles(g);
    struct step *s = plan_step(p, n, kernel, run_gemm, g, g->blocks * g->groups * job->batches, err,
                               PLAN_VIEWS(&job->a, &job->c, &job->add, &job->packed_view, &job->bias_view));
    if (!s)
        return -1;
    s->macs = (double)g->pixels * job->n * job->taps * job->k * job->batches;
    return 0;
}
