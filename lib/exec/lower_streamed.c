/* A product, the depthwise convolution behind it, and the 1x1 behind that, as an inverted residual has them (Sandler et
 * al., "MobileNetV2", 2018): some rows at a time, so that of the wide map between only these are ever in memory, in the
 * level-2 cache. They are made by the kernels that the layers alone would call, so that the results are the same bits.
 */
#include <string.h>

#include "base/cpu.h"
#include "exec/exec_private.h"
#include "exec/lower_depthwise.h"

struct streamed_args {
    struct view in, out, add; /* add.buffer NULL: none */
    ptrdiff_t in_row;         /* elements from what one row of the first product reads to what the next one does */
    const struct gemm_args *expand, *project; /* some rows each; project NULL: none */
    struct depthwise_args depthwise;
    int64_t ring;  /* rows of the wide map that are kept: row y lies at y % ring */
    ptrdiff_t row; /* floats of each */
    ptrdiff_t narrow_row;
};

/* A tile's scratch memory, in this order. */
struct rows {
    float *ring, *narrow;
    struct gemm_memory expand, project;
};

/* Rows [from, to) of the wide map, together those that are so in the ring: of few pixels each, the product is then of
 * fuller tiles. */
static void expand_rows(const struct streamed_args *s, int64_t image, int64_t from, int64_t to, struct rows *r)
{
    const float *in = (const float *)view_data(&s->in) + image * s->in.stride[0];
    for (int64_t y = from, count; y < to; y += count) {
        int64_t at = y % s->ring, room = s->ring - at;
        count = to - y < room ? to - y : room;
        gemm_run_part(s->expand, count, in + y * s->in_row, r->ring + at * s->row, NULL, &r->expand);
    }
}

/* Rows of the result from y on, once the ring holds what they are made of. */
static void finish_rows(const struct streamed_args *s, int64_t image, int64_t y, int count, struct rows *r)
{
    const struct depthwise_args *d = &s->depthwise;
    const float *row[DEPTHWISE_ROWS], *add = NULL;
    float *out = (float *)view_data(&s->out) + image * s->out.stride[0] + y * s->out.stride[2];
    struct kernel_depthwise_f32 k = d->k;
    exec_depthwise_rows(d, y, count, r->ring, s->ring, s->row, row);
    k.row = row;
    k.rows = count;
    k.out = s->project ? r->narrow : out;
    d->kernels->depthwise_f32(&k);
    if (s->add.buffer)
        add = (const float *)view_data(&s->add) + image * s->add.stride[0] + y * s->add.stride[2];
    if (s->project)
        gemm_run_part(s->project, count, r->narrow, out, add, &r->project);
}

/* Units are rows of the result. A tile makes those wide rows once more that the one before made too. */
static void run_streamed(const struct step *step, struct tile tile)
{
    const struct streamed_args *s = step->args;
    const struct depthwise_args *d = &s->depthwise;
    struct rows r = {.ring = tile.scratch};
    r.narrow = r.ring + s->ring * s->row;
    r.expand.scratch = r.narrow + d->together * s->narrow_row;
    r.project.scratch = (char *)r.expand.scratch + gemm_part_scratch(s->expand);
    int64_t made = 0, reach = (d->k.kernel_h - 1) * d->dilation_h + 1;
    for (int64_t i = tile.first, count; i < tile.last; i += count) {
        int64_t image = i / d->out_height, y = i % d->out_height, first = y * d->stride_h - d->pad_top,
                left = d->out_height - y < tile.last - i ? d->out_height - y : tile.last - i;
        count = left < d->together ? left : d->together;
        int64_t end = first + (count - 1) * d->stride_h + reach;
        end = end < d->in_height ? end : d->in_height;
        if (i == tile.first || y == 0)
            made = 0;
        made = made < first ? first : made;
        if (made < end) {
            expand_rows(s, image, made, end, &r);
            made = end;
        }
        finish_rows(s, image, y, (int)count, &r);
    }
}

/* ---- what is a case for it ---- */

struct unit {
    struct node *expand, *depthwise, *project; /* project NULL: none */
    struct conv e, d, p;
    struct view wide, narrow; /* the maps between, without memory */
    int64_t reach, ring;      /* rows of the wide map that one row of the result reads, and that are kept */
    int together;             /* rows of the result */
};

static bool is_conv(const struct node *n)
{
    return n && strcmp(n->op, "Conv") == 0 && (!node_in(n, 2) || plan_is_constant(n, 2));
}

static struct node *producer_of(const struct node *n)
{
    struct node *producer = n->in[0]->producer;
    return producer && producer->graph == n->graph && is_conv(producer) ? producer : NULL;
}

/* The convolution that alone uses n's result, as its pixels; NULL as well before values have places. */
static struct node *user_of(const struct node *n)
{
    const struct value *v = n->out[0];
    if (v->is_output || v->use_count != 1 || v->uses[0].index != 0 || !plan_place(v) || plan_place(v)->concat_parent)
        return NULL;
    struct node *user = v->uses[0].node;
    return user->graph == n->graph && is_conv(user) ? user : NULL;
}

static bool is_depthwise(const struct kernels *k, const struct node *n, struct conv *c)
{
    return n && !node_in(n, 3) && exec_depthwise_fits(k, n, c) && c->in == c->out && c->groups > 1 && c->w.rank == 2;
}

/* A product of windows, whose input, unlike its result, may have a border. Winograd's products are of other shapes. */
static bool is_expand(const struct node *n, struct conv *c)
{
    int border[VIEW_SPATIAL][2];
    return n && !node_in(n, 3) && exec_conv_read(n, c) && c->groups == 1 && c->w.rank == 2 &&
           (c->taps == 1 || c->w.stride[0] > 1) && exec_conv_border(n, &c->w, NULL, border);
}

/* A product of single pixels; a residual must have its place when the unit's first node is lowered. */
static bool is_project(const struct node *n, const struct node *expand, struct conv *c)
{
    if (!n || !exec_conv_read(n, c) || c->groups != 1 || c->taps != 1 || c->w.rank != 2 ||
        (node_in(n, 3) && node_in(n, 3) != expand->in[0]))
        return false;
    for (int i = 0; i < 2; i++)
        if (c->w.stride[i] != 1 || c->w.begin[i] || c->w.end[i])
            return false;
    return true;
}

/* Pixels are whole vectors, and not pages, apart. */
#define PITCH     16
#define HALF_PAGE 512 /* floats */

static void describe_map(struct view *v, const struct value *value)
{
    memset(v, 0, sizeof *v);
    v->dtype = DTYPE_F32;
    v->rank = value->type.rank;
    memcpy(v->dims, value->type.dims, sizeof v->dims);
    v->stride[1] = 1;
    v->stride[3] = (v->dims[1] + PITCH - 1) / PITCH * PITCH;
    v->stride[3] += v->stride[3] % HALF_PAGE == 0 ? PITCH : 0;
    v->stride[2] = v->stride[3] * v->dims[3];
}

static size_t scratch_floats(const struct unit *u)
{
    return (size_t)(u->ring * u->wide.stride[2] + (u->project ? u->together * u->narrow.stride[2] : 0));
}

/* Rows that go together, at most: those of the wide map are in the level-2 cache for all that they serve, but come to
 * the level-1 cache anew for others. */
#define TOGETHER 4

/* With the weights that each of the rows meets. */
static bool fits_cache(const struct unit *u)
{
    double l2 = (double)cpu_l2_bytes(), rows = (double)scratch_floats(u) * sizeof(float),
           weights = (double)u->e.in * u->e.taps * u->e.out + (u->project ? (double)u->p.in * u->p.out : 0);
    return rows < l2 / 2 && rows + weights * sizeof(float) < l2;
}

/* As many as the cache holds. */
static void choose_rows(struct unit *u)
{
    const struct window *w = &u->d.w;
    u->reach = (w->kernel[0] - 1) * w->dilation[0] + 1;
    u->together = w->dilation[0] > 1 || w->stride[0] > DEPTHWISE_STRIDE ? 1 : TOGETHER;
    for (;; u->together /= 2) {
        u->ring = u->reach + (u->together - 1) * w->stride[0];
        u->ring = u->ring < w->in[0] ? u->ring : w->in[0];
        if (u->together == 1 || fits_cache(u))
            return;
    }
}

static double image_bytes(const struct view *map)
{
    return (double)map->dims[1] * (double)map->dims[2] * (double)map->dims[3] * sizeof(float);
}

/* It gains where the maps before and behind the depthwise convolution are half as large again as the level-2 cache, and
 * their rows fit there: of smaller ones little comes from beyond it, and larger products are made of fuller tiles. */
static bool pays(const struct unit *u)
{
    return image_bytes(&u->wide) + image_bytes(&u->narrow) > 1.5 * (double)cpu_l2_bytes() && fits_cache(u);
}

/* The unit that n is part of. A 1x1 between two depthwise convolutions belongs to the second. */
static bool find_unit(const struct kernels *k, struct node *n, struct unit *u)
{
    struct conv ignored;
    struct node *near[] = {n, user_of(n), producer_of(n)};
    int i = 0;
    while (i < 3 && !is_depthwise(k, near[i], &u->d))
        i++;
    u->depthwise = i < 3 ? near[i] : NULL;
    u->expand = u->depthwise ? producer_of(u->depthwise) : NULL;
    if (!is_expand(u->expand, &u->e) || user_of(u->expand) != u->depthwise)
        return false;
    u->project = user_of(u->depthwise);
    if (!is_project(u->project, u->expand, &u->p) || is_depthwise(k, user_of(u->project), &ignored))
        u->project = NULL;
    describe_map(&u->wide, u->expand->out[0]);
    describe_map(&u->narrow, u->depthwise->out[0]);
    choose_rows(u);
    return pays(u) && (n == u->expand || n == u->depthwise || n == u->project);
}

static double streamed_cost(const struct kernels *k, const struct node *n)
{
    struct unit u;
    return is_conv(n) && find_unit(k, (struct node *)n, &u) ? 0 : -1;
}

/* Only the first node reads a window, and of others the border is none. */
static bool streamed_border(const struct node *n, int (*border)[2])
{
    struct conv c;
    return is_expand(n, &c) && exec_conv_border(n, &c.w, NULL, border);
}

/* ---- lowering ---- */

/* Up to so many rows of the product; *from: where the first one reads. */
static const struct gemm_args *rows_product(struct plan *p, struct node *n, const struct conv *c, int64_t rows,
                                            const struct conv_ports *ports, const struct view *x, struct view *from,
                                            struct error *err)
{
    struct gemm_job job;
    struct conv_part row = {.count = {rows, c->w.out[1]}, .taps = {c->w.kernel[0], c->w.kernel[1]}};
    if (exec_conv_job(p, n, c, ports, x, &row, &job, err) < 0)
        return NULL;
    *from = job.a;
    job.dims[GEMM_AXES - 3] = 1; /* image */
    return gemm_part(p, &job, x->dims[0] * c->w.out[0] * c->w.out[1], err);
}

static int fill_stages(struct plan *p, const struct unit *u, const struct view *x, struct conv_ports *last,
                       struct streamed_args *s, struct error *err)
{
    bool failed = false;
    struct view none;
    struct conv_ports wide = {.out = u->wide, .bias = plan_constant_f32(p, u->expand, 2, &failed, err)},
                      narrow = {.out = u->narrow, .bias = plan_constant_f32(p, u->depthwise, 2, &failed, err)};
    s->depthwise.x = u->wide;
    s->depthwise.out = u->project ? u->narrow : last->out;
    if (failed || !(s->expand = rows_product(p, u->expand, &u->e, u->ring, &wide, x, &s->in, err)) ||
        exec_depthwise_describe(p, u->depthwise, &u->d, &narrow, &s->depthwise, err) < 0)
        return -1;
    if (u->project && !(s->project = rows_product(p, u->project, &u->p, u->together, last, &u->narrow, &none, err)))
        return -1;
    s->out = last->out;
    s->add = last->add;
    s->in_row = x->stride[2] * u->e.w.stride[0];
    s->ring = u->ring;
    s->depthwise.together = u->together;
    s->row = u->wide.stride[2];
    s->narrow_row = u->project ? u->narrow.stride[2] : 0;
    return 0;
}

/* Bytes; both maps' rows are whole cache lines. */
static size_t scratch_of(const struct streamed_args *s)
{
    return (size_t)(s->ring * s->row + s->depthwise.together * s->narrow_row) * sizeof(float) +
           gemm_part_scratch(s->expand) + (s->project ? gemm_part_scratch(s->project) : 0);
}

static double count_macs(const struct unit *u)
{
    double narrow = (double)view_count(&u->narrow);
    return (double)view_count(&u->wide) * u->e.in * u->e.taps + narrow * u->d.in * u->d.taps +
           (u->project ? narrow * u->p.out : 0);
}

/* Rows that a thread makes for each that it makes once more, because another needs it too. With fewer it would lose
 * what is gained. */
#define ROWS_A_REPEATED 8

static bool is_cut_well(const struct plan *p, const struct unit *u, int64_t images)
{
    int64_t again = u->reach - u->d.w.stride[0];
    return plan_threads(p) == 1 ||
           images * u->d.w.out[0] / plan_threads(p) * u->d.w.stride[0] >= ROWS_A_REPEATED * again;
}

static int streamed_lower(struct plan *p, struct node *n, struct error *err)
{
    struct streamed_args *s = plan_alloc(p, sizeof *s, err);
    int border[VIEW_SPATIAL][2];
    struct conv_ports ports;
    struct view x;
    struct unit u;
    if (!s)
        return -1;
    if (!find_unit(p->kernels, n, &u) || !streamed_border(u.expand, border))
        return 1;
    if (n != u.expand || !is_cut_well(p, &u, n->out[0]->type.dims[0]))
        return (n == u.depthwise ? &exec_way_depthwise : &exec_way_conv_gemm)->lower(p, n, err);
    struct node *last = u.project ? u.project : u.depthwise;
    if (plan_in_channels(p, n, 0, border, &x, err) < 0 || exec_conv_ports(p, last, &ports, err) < 0 ||
        fill_stages(p, &u, &x, &ports, s, err) < 0)
        return -1;
    plan_place(u.expand->out[0])->is_inside = true;
    plan_place(u.depthwise->out[0])->is_inside = u.project;
    const struct kernel_product *weights = p->kernels->gemm_weights;
    return plan_step(p,
                     &(struct step){.node = last,
                                    .kernel = "streamed_f32",
                                    .run = run_streamed,
                                    .args = s,
                                    .units = x.dims[0] * u.d.w.out[0],
                                    .tiles = plan_threads(p),
                                    .scratch = scratch_of(s),
                                    .leave = weights ? weights->leave : NULL,
                                    .macs = count_macs(&u)},
                     err, PLAN_WRITES(&s->out, &x, &s->add));
}

const struct exec_way exec_way_streamed = {.cost = streamed_cost, .border = streamed_border, .lower = streamed_lower};
