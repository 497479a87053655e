/* Elementwise operators: activations and other functions of one operand, arithmetic of two, scale and shift along
 * channels. */
#include <string.h>

#include "exec/eltwise.h"
#include "exec/lower_quant.h"

/* Elements below which a tile is not worth sharing. */
#define ELTWISE_GRAIN 16384

/* The kernels step by 0 or 1 along the innermost axis, and write by 1. */
static bool steps_fit(const struct eltwise_args *e)
{
    int inner = e->nest.rank - 1;
    if (e->nest.dims[inner] == 1)
        return true;
    if (e->nest.stride[OUT][inner] != 1)
        return false;
    for (int k = A; k < e->operands; k++)
        if (e->nest.stride[k][inner] != 1 && (e->nest.stride[k][inner] != 0 || e->operands == 2))
            return false;
    return true;
}

static void make_nest(struct eltwise_args *e)
{
    const struct view *views[3] = {&e->view[OUT], &e->view[A], &e->view[B]};
    nest_make(&e->nest, views, e->operands);
    if (e->nest.dims[e->nest.rank - 1] == 1)
        for (int k = 0; k < e->operands; k++)
            e->nest.stride[k][e->nest.rank - 1] = k != OUT && e->operands == 3 ? 0 : 1;
    int64_t n = e->nest.dims[e->nest.rank - 1];
    e->pieces = nest_outer(&e->nest) < 8 ? plan_tiles(n, ELTWISE_GRAIN, n) : 1;
}

/* Places the result over operand `lead`, in whatever layout that has, when nothing else needs it and all operands then
 * step alike; else in `order`, in which any operand can be laid out too. */
static int place_result(struct plan *p, struct node *n, int lead, enum order order, struct eltwise_args *e,
                        struct error *err)
{
    e->view[OUT] = *plan_in(n, lead);
    if (plan_may_overwrite(n, 0, lead)) {
        make_nest(e);
        if (steps_fit(e))
            return plan_alias(p, n, 0, &e->view[OUT], err);
    }
    if (plan_out_over(p, n, 0, lead, order, &e->view[OUT], err) < 0)
        return -1;
    make_nest(e);
    return 0;
}

/* ---- chains ---- */

/* Links of a chain at most: each is compared with all before it. */
#define CHAIN_LINKS 16

/* Whether view i of a and view j of b are apart, only read, or of the same elements in the same order: then no piece of
 * one function needs more of the other than the same piece. */
static bool is_piecewise(const struct eltwise_args *a, int i, const struct eltwise_args *b, int j)
{
    if (a->view[i].buffer != b->view[j].buffer || (i != OUT && j != OUT))
        return true;
    return a->view[i].offset == b->view[j].offset &&
           memcmp(a->nest.stride[i], b->nest.stride[j], sizeof *a->nest.stride[i] * (size_t)a->nest.rank) == 0;
}

static bool may_follow(const struct eltwise_args *head, const struct eltwise_args *e)
{
    if (head->nest.rank != e->nest.rank || head->pieces != e->pieces ||
        memcmp(head->nest.dims, e->nest.dims, sizeof *e->nest.dims * (size_t)e->nest.rank) != 0)
        return false;
    bool uses = false;
    for (const struct eltwise_args *link = head; link; link = link->next)
        for (int i = 0; i < link->operands; i++)
            for (int j = 0; j < e->operands; j++) {
                if (!is_piecewise(link, i, e, j))
                    return false;
                uses |= i == OUT && j != OUT && link->view[i].buffer == e->view[j].buffer;
            }
    return uses;
}

/* Lets the step before do e too, if that is what e's operands come from: large values then pass the memory once. 1, 0
 * when it may not, -1. */
static int join_chain(struct plan *p, struct eltwise_args *e, struct error *err)
{
    struct step *last = p->step_count > 0 ? &p->steps[p->step_count - 1] : NULL;
    if (!last || last->run != exec_eltwise_run || !may_follow(last->args, e))
        return 0;
    struct eltwise_args *tail = last->args;
    int links = 1;
    for (; tail->next; tail = tail->next)
        links++;
    if (links == CHAIN_LINKS)
        return 0;
    tail->next = e;
    last->kernel = "chain_f32";
    return plan_step_more(p, err, PLAN_WRITES(&e->view[OUT], &e->view[A], &e->view[B])) < 0 ? -1 : 1;
}

static int emit(struct plan *p, struct node *n, const char *kernel, struct eltwise_args *e, struct error *err)
{
    int64_t count = view_count(&e->view[OUT]), pieces = nest_outer(&e->nest) * e->pieces;
    int joined = count > 0 ? join_chain(p, e, err) : 1;
    if (joined != 0)
        return joined < 0 ? -1 : 0;
    return plan_step(p,
                     &(struct step){.node = n,
                                    .kernel = kernel,
                                    .run = exec_eltwise_run,
                                    .args = e,
                                    .units = pieces,
                                    .tiles = plan_tiles(count, ELTWISE_GRAIN, pieces)},
                     err, PLAN_WRITES(&e->view[OUT], &e->view[A], &e->view[B]));
}

int exec_lower_unary(struct plan *p, struct node *n, struct error *err)
{
    struct kernel_act act;
    if (!exec_lower_is_f32(n, 0))
        return exec_lower_numbers(p, n, err);
    if (!plan_unary(n, &act))
        return 1;
    struct eltwise_args *e = plan_alloc(p, sizeof *e, err);
    if (!e)
        return -1;
    *e = (struct eltwise_args){.operands = 2, .kernels = p->kernels, .act = act};
    enum order order = view_order(plan_in(n, 0));
    e->view[A] = *plan_in(n, 0);
    if (place_result(p, n, 0, order, e, err) < 0)
        return -1;
    if (!steps_fit(e)) {
        if (plan_in_dense(p, n, 0, order, &e->view[A], err) < 0)
            return -1;
        make_nest(e);
    }
    return emit(p, n, "unary_f32", e, err);
}

/* ---- two operands ---- */

static const struct {
    const char *name;
    enum kernel_binary op;
} binaries[] = {
    {"Add", KERNEL_ADD}, {"Sub", KERNEL_SUB}, {"Mul", KERNEL_MUL}, {"Div", KERNEL_DIV},
    {"Max", KERNEL_MAX}, {"Min", KERNEL_MIN}, {"Pow", KERNEL_POW}, {"PRelu", KERNEL_PRELU},
};

static bool find_binary(const char *name, enum kernel_binary *op)
{
    for (size_t i = 0; i != sizeof binaries / sizeof *binaries; i++)
        if (strcmp(binaries[i].name, name) == 0) {
            *op = binaries[i].op;
            return true;
        }
    return false;
}

static bool same_dims(const struct type *a, const struct type *b)
{
    return a->rank == b->rank && memcmp(a->dims, b->dims, sizeof(int64_t) * (size_t)a->rank) == 0;
}

/* The operand whose layout the result takes: one of the result's shape, not a constant if there is a choice. */
static int leader(const struct node *n)
{
    for (int i = 0; i < 2; i++)
        if (same_dims(&n->in[i]->type, &n->out[0]->type) && !n->in[i]->constant)
            return i;
    return same_dims(&n->in[0]->type, &n->out[0]->type) ? 0 : 1;
}

/* Operand i broadcast to the result's dims, laid out in `order` when its own layout does not serve. */
static int load_operand(struct plan *p, struct node *n, int i, bool dense, enum order order, struct view *view,
                        struct error *err)
{
    const struct type *out = &n->out[0]->type;
    struct view own = *plan_in(n, i);
    if (dense && same_dims(&n->in[i]->type, out) && plan_in_dense(p, n, i, order, &own, err) < 0)
        return -1;
    if (dense && !same_dims(&n->in[i]->type, out)) {
        view_broadcast(&own, out->rank, out->dims, view);
        return plan_copy(p, n, view, order, NULL, view, err);
    }
    view_broadcast(&own, out->rank, out->dims, view);
    return 0;
}

int exec_lower_binary(struct plan *p, struct node *n, struct error *err)
{
    enum kernel_binary op;
    struct kernel_act act;
    if (!exec_lower_is_f32(n, 0))
        return exec_lower_numbers(p, n, err);
    if (n->in_count != 2 || !find_binary(n->op, &op) || !exec_lower_is_f32(n, 1) ||
        n->out[0]->type.dtype != DTYPE_F32 || !plan_activation(n, &act))
        return 1;
    struct eltwise_args *e = plan_alloc(p, sizeof *e, err);
    if (!e)
        return -1;
    *e = (struct eltwise_args){.operands = 3, .kernels = p->kernels, .op = op, .act = act};
    int lead = leader(n);
    enum order order = view_order(plan_in(n, lead));
    if (load_operand(p, n, 0, false, order, &e->view[A], err) < 0 ||
        load_operand(p, n, 1, false, order, &e->view[B], err) < 0)
        return -1;
    if (place_result(p, n, lead, order, e, err) < 0)
        return -1;
    for (int k = A; k <= B && !steps_fit(e); k++) {
        if (load_operand(p, n, k - A, true, order, &e->view[k], err) < 0)
            return -1;
        make_nest(e);
    }
    return emit(p, n, "binary_f32", e, err);
}

/* ---- scale and shift along axis 1 ---- */

struct scale_args {
    struct view x, out;
    const float *scale, *shift;
    struct quant_rows bytes;
    bool below;       /* PRelu's slopes: the scale is for what is below zero */
    struct nest nest; /* its innermost axis is the channels */
    const struct kernels *kernels;
    struct kernel_act act;
};

static struct kernel_scale_f32 row_of(const struct scale_args *a)
{
    return (struct kernel_scale_f32){
        .rows = 1, .n = (size_t)a->out.dims[1], .scale = a->scale, .shift = a->shift, .below = a->below, .act = a->act};
}

/* Rows that follow each other without a gap are one for what widens and rounds bytes, up to so many elements. */
#define SCALE_CHUNK 1024

static int64_t chunk_rows(const struct scale_args *a)
{
    const int64_t n = a->out.dims[1];
    const bool dense = nest_step(&a->nest, 0) == n && nest_step(&a->nest, 1) == n;
    return dense && n < SCALE_CHUNK ? SCALE_CHUNK / n : 1;
}

static void run_scale(const struct step *s, struct tile tile)
{
    const struct scale_args *a = s->args;
    const int64_t most = a->bytes.reads || a->bytes.writes ? chunk_rows(a) : INT64_MAX;
    struct kernel_scale_f32 row = row_of(a);
    row.out_step = nest_step(&a->nest, 0);
    row.in_step = nest_step(&a->nest, 1);
    for (int64_t i = tile.first, rows; i < tile.last; i += rows) {
        ptrdiff_t at[2];
        rows = nest_run(&a->nest, i, tile.last);
        rows = rows < most ? rows : most;
        nest_at(&a->nest, 2, i, at);
        row.rows = (size_t)rows;
        row.in = quant_row(&a->bytes, a->kernels, &a->x, at[1], row.n * row.rows, tile.scratch);
        row.out = quant_room(&a->bytes, &a->out, at[0], tile.scratch);
        a->kernels->scale_shift_f32(&row);
        quant_store(&a->bytes, a->kernels, &a->out, at[0], row.out, row.n * row.rows);
    }
}

static int emit_scale(struct plan *p, struct node *n, const struct scale_args *given, struct error *err)
{
    struct scale_args *a = plan_alloc(p, sizeof *a, err);
    if (!a)
        return -1;
    *a = *given;
    a->kernels = p->kernels;
    struct node *last = exec_quant_write_rows(n, 1, &a->bytes);
    bool reads = exec_quant_read_rows(p, n, 1, &a->x, &a->bytes);
    if ((!reads && plan_in_channels(p, n, 0, NULL, &a->x, err) < 0) ||
        (last != n ? plan_out(p, last, 0, ORDER_CHANNELS, &a->out, err)
                   : plan_out_over(p, n, 0, 0, ORDER_CHANNELS, &a->out, err)) < 0)
        return -1;
    nest_pixels(&a->nest, &a->out, &a->x);
    int64_t count = view_count(&a->out), pixels = nest_outer(&a->nest);
    if (count == 0)
        return 0;
    const struct kernel_scale_f32 row = row_of(a);
    int lines = reads && last != n ? exec_quant_scale(p, n, &a->out, &a->x, &a->bytes, &row, err) : 1;
    if (lines <= 0)
        return lines;
    return plan_step(p,
                     &(struct step){.node = n,
                                    .kernel = "scale_shift_f32",
                                    .run = run_scale,
                                    .args = a,
                                    .units = pixels,
                                    .tiles = plan_tiles(count, ELTWISE_GRAIN, pixels),
                                    .scratch = quant_scratch(&a->bytes, (size_t)(a->out.dims[1] * chunk_rows(a)))},
                     err, PLAN_WRITES(&a->out, &a->x));
}

int exec_lower_scale_shift(struct plan *p, struct node *n, struct error *err)
{
    struct kernel_act act;
    bool failed = false;
    if (!exec_lower_is_f32(n, 0) || n->in[0]->type.rank < 2 || !plan_activation(n, &act))
        return 1;
    const float *scale = plan_constant_f32(p, n, 1, &failed, err), *shift = plan_constant_f32(p, n, 2, &failed, err);
    if (failed)
        return -1;
    if ((node_in(n, 1) && !scale) || (node_in(n, 2) && !shift))
        return 1;
    return emit_scale(p, n, &(struct scale_args){.scale = scale, .shift = shift, .act = act}, err);
}

/* Whether it has an element for each of x's channels, and is broadcast along the other axes. */
static bool is_per_channel(const struct type *slope, const struct type *x)
{
    int channels = slope->rank - x->rank + 1; /* axis 1, counted from the last */
    if (channels < 0 || channels >= slope->rank || slope->dims[channels] != x->dims[1])
        return false;
    for (int i = 0; i < slope->rank; i++)
        if (i != channels && slope->dims[i] != 1)
            return false;
    return true;
}

int exec_lower_prelu(struct plan *p, struct node *n, struct error *err)
{
    struct kernel_act act;
    bool failed = false;
    if (n->in_count != 2 || !exec_lower_is_f32(n, 0) || !is_per_channel(&n->in[1]->type, &n->in[0]->type) ||
        view_order(plan_in(n, 0)) != ORDER_CHANNELS || !plan_activation(n, &act))
        return exec_lower_binary(p, n, err);
    const float *slope = plan_constant_f32(p, n, 1, &failed, err);
    if (failed)
        return -1;
    if (!slope)
        return exec_lower_binary(p, n, err);
    return emit_scale(p, n, &(struct scale_args){.scale = slope, .below = true, .act = act}, err);
}

/* Inference-time BatchNormalization that could not be folded: the same with scale / sqrt(var + epsilon). */
int exec_lower_batch_norm(struct plan *p, struct node *n, struct error *err)
{
    const float *in[5] = {NULL};
    bool failed = false;
    if (!exec_lower_is_f32(n, 0) || n->in[0]->type.rank < 2 || n->out_count != 1 || op_int(n, "training_mode"))
        return 1;
    for (int i = 1; i < 5; i++)
        if (!(in[i] = plan_constant_f32(p, n, i, &failed, err)))
            return failed ? -1 : 1;
    int64_t channels = n->in[0]->type.dims[1];
    float *scale = plan_alloc(p, sizeof *scale * (size_t)channels * 2, err), *shift = scale + channels;
    if (!scale)
        return -1;
    for (int64_t c = 0; c < channels; c++) {
        double factor = in[1][c] / __builtin_sqrt((double)in[4][c] + op_float(n, "epsilon"));
        scale[c] = (float)factor;
        shift[c] = (float)(in[2][c] - in[3][c] * factor);
    }
    return emit_scale(p, n, &(struct scale_args){.scale = scale, .shift = shift}, err);
}
