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
    int64_t blocks; /* of pixels */
    int groups;     /* of panels */
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

/* The addresses of `count` pixels from `first` on. */
static void find_pixels(const struct gemm_job *j, const struct bases *b, int64_t first, int count, struct pixel_tile *t)
{
    int64_t at[GEMM_AXES];
    for (int i = GEMM_AXES - 1; i >= 0; i--) {
        at[i] = first % j->dims[i];
        first /= j->dims[i];
    }
    for (int p = 0; p < count; p++) {
        ptrdiff_t a = 0, c = 0, add = 0;
        for (int i = 0; i < GEMM_AXES; i++) {
            a += at[i] * j->a_stride[i];
            c += at[i] * j->c_stride[i];
            add += at[i] * j->add_stride[i];
        }
        t->a[p] = b->a + a;
        t->c[p] = b->c + c;
        t->add[p] = b->add ? b->add + add : NULL;
        for (int i = GEMM_AXES - 1; i >= 0 && ++at[i] == j->dims[i]; i--)
            at[i] = 0;
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

/* Pixels [from, to), cut evenly into tiles (16 are 8 and 8, not 14 and 2), against panels [first, last). */
static void run_block(const struct gemm_args *g, const struct bases *b, int64_t from, int64_t to, int first, int last)
{
    struct pixel_tile t;
    int64_t tiles = (to - from + g->kernels->gemm_mr - 1) / g->kernels->gemm_mr;
    for (int64_t i = 0; i < tiles; i++) {
        int64_t begin = from + plan_tile_first(to - from, tiles, i),
                end = from + plan_tile_first(to - from, tiles, i + 1);
        find_pixels(&g->job, b, begin, (int)(end - begin), &t);
        run_panels(g, b, &t, (int)(end - begin), first, last, (size_t)(begin / g->kernels->gemm_mr) * g->fetch_bytes);
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
    int64_t from = plan_tile_first(g->pixels, g->blocks, block), to = plan_tile_first(g->pixels, g->blocks, block + 1);
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
    int64_t most = (g->pixels + g->kernels->gemm_mr - 1) / g->kernels->gemm_mr;
    double macs = (double)g->pixels * j->n * j->taps * j->k;
    g->resident = panel_bytes * (size_t)g->panels <= cache;
    g->groups = g->resident ? 1 : g->panels;
    g->blocks = plan_tiles((int64_t)(macs / g->groups), GEMM_GRAIN, most);
    int64_t work = (int64_t)(macs / (double)(g->blocks * g->groups));
    if (g->blocks == most && work > GEMM_GRAIN) { /* few pixels: share the panels */
        int64_t groups = g->groups * (work / GEMM_GRAIN + 1);
        g->groups = (int)(groups > g->panels ? g->panels : groups);
    }
    if (!g->resident && most > 1)
        g->fetch_bytes = (panel_bytes / (size_t)most + GEMM_FETCH - 1) / GEMM_FETCH * GEMM_FETCH;
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
