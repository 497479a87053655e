/* Layer normalisation, and that to length 1. */
#include <float.h>
#include <math.h>

#include "exec/lower_quant.h"

struct row_args {
    struct view x, out;
    struct nest nest; /* rows: out, then x */
    struct quant_rows bytes;
    const struct kernels *kernels;
    struct kernel_norm_f32 norm;
    struct view scale_view, shift_view;
    const struct kernel_norm_q8 *between; /* rows that are bytes on both sides; or NULL */
};

static void run_rows(const struct step *s, struct tile tile)
{
    const struct row_args *a = s->args;
    const bool is_bytes = a->bytes.reads || a->bytes.writes;
    struct kernel_norm_f32 k = a->norm;
    ptrdiff_t offset[2];
    k.scale = a->scale_view.buffer ? view_data(&a->scale_view) : k.scale;
    k.shift = a->shift_view.buffer ? view_data(&a->shift_view) : k.shift;
    k.out_step = nest_step(&a->nest, 0);
    k.in_step = nest_step(&a->nest, 1);
    for (int64_t i = tile.first; i < tile.last; i += k.rows) {
        nest_at(&a->nest, 2, i, offset);
        k.rows = is_bytes ? 1 : nest_run(&a->nest, i, tile.last);
        k.in = quant_row(&a->bytes, a->kernels, &a->x, offset[1], k.n, tile.scratch);
        k.out = quant_room(&a->bytes, &a->out, offset[0], tile.scratch);
        a->kernels->layer_norm_f32(&k);
        if (is_bytes)
            quant_store(&a->bytes, a->kernels, &a->out, offset[0], k.out, k.n);
    }
}

static void run_bytes(const struct step *s, struct tile tile)
{
    const struct row_args *a = s->args;
    struct kernel_strips_q8 rows;
    for (int64_t i = tile.first; i < tile.last;) {
        i += exec_quant_strips(&a->nest, &a->out, &a->x, i, tile.last, a->norm.n, &rows);
        a->kernels->norm_q8(&rows, a->between);
    }
}

/* Rows are the loop nest over all axes before `axis` and behind it; those from axis to axis + count are inside the row.
 */
static void make_nest(struct row_args *a, int axis, int count)
{
    struct view out = a->out, x = a->x;
    a->norm.n = 1;
    for (int i = axis; i < axis + count; i++) {
        a->norm.n *= (size_t)x.dims[i];
        out.dims[i] = x.dims[i] = 1;
    }
    nest_make(&a->nest, (const struct view *const[]){&out, &x}, 2);
    a->nest.dims[a->nest.rank] = 1; /* the innermost axis is the row's */
    a->nest.stride[0][a->nest.rank] = a->nest.stride[1][a->nest.rank] = 0;
    a->nest.rank++;
}

static int emit_rows(struct plan *p, struct node *n, struct row_args *a, struct error *err)
{
    int64_t rows = nest_outer(&a->nest);
    return plan_step(p,
                     &(struct step){.node = n,
                                    .kernel = a->between ? "norm_q8" : "layer_norm_f32",
                                    .run = a->between ? run_bytes : run_rows,
                                    .args = a,
                                    .units = rows,
                                    .tiles = plan_tiles(rows * (int64_t)a->norm.n, 8192, rows),
                                    .scratch = quant_scratch(&a->bytes, a->norm.n)},
                     err, PLAN_WRITES(&a->out, &a->x, &a->scale_view, &a->shift_view));
}

/* Scale or shift (input i) of n floats: constant, or laid out by a step. */
static int norm_factor(struct plan *p, struct node *n, int i, size_t count, const float **constant, struct view *view,
                       struct error *err)
{
    bool failed = false;
    if (!node_in(n, i))
        return 0;
    if ((size_t)tensor_count(n->in[i]->type.rank, n->in[i]->type.dims) != count)
        return 1;
    *constant = plan_constant_f32(p, n, i, &failed, err);
    if (failed || *constant)
        return failed ? -1 : 0;
    return exec_lower_is_f32(n, i) ? plan_in_dense(p, n, i, ORDER_ROWS, view, err) : 1;
}

/* Rows along the last axis may be bytes outside of the step. */
static int place_rows(struct plan *p, struct node *n, int axis, struct row_args *a, struct error *err)
{
    struct node *last = exec_quant_write_rows(n, axis, &a->bytes);
    if (!exec_quant_read_rows(p, n, axis, &a->x, &a->bytes) && plan_in_contiguous(p, n, 0, axis, &a->x, err) < 0)
        return -1;
    return last != n ? plan_out(p, last, 0, ORDER_ROWS, &a->out, err)
                     : plan_out_over(p, n, 0, 0, ORDER_ROWS, &a->out, err);
}

static int layer_norm(struct plan *p, struct node *n, bool mean, struct error *err)
{
    int rank = n->in[0]->type.rank, axis = rank > 0 ? exec_lower_axis(op_int(n, "axis"), rank) : 0;
    if (!exec_lower_is_f32(n, 0) || rank == 0 || n->out_count > 1 || view_count(plan_in(n, 0)) == 0)
        return 1;
    struct row_args *a = plan_alloc(p, sizeof *a, err);
    if (!a)
        return -1;
    *a = (struct row_args){.kernels = p->kernels, .norm = {.mean = mean, .epsilon = op_float(n, "epsilon")}};
    size_t count = 1;
    for (int i = axis; i < rank; i++)
        count *= (size_t)n->in[0]->type.dims[i];
    int status = norm_factor(p, n, 1, count, &a->norm.scale, &a->scale_view, err);
    if (status == 0 && mean)
        status = norm_factor(p, n, 2, count, &a->norm.shift, &a->shift_view, err);
    if (status != 0)
        return status;
    if (axis == rank - 1)
        status = place_rows(p, n, axis, a, err);
    else if ((status = plan_in_dense(p, n, 0, ORDER_ROWS, &a->x, err)) == 0)
        status = plan_out_dense(p, n, 0, &a->out, err);
    if (status < 0)
        return -1;
    make_nest(a, axis, rank - axis);
    if (!a->scale_view.buffer && !a->shift_view.buffer && exec_quant_norm(p, &a->bytes, &a->norm, &a->between, err) < 0)
        return -1;
    return emit_rows(p, n, a, err);
}

int exec_lower_layer_norm(struct plan *p, struct node *n, struct error *err)
{
    return layer_norm(p, n, true, err);
}

int exec_lower_rms_norm(struct plan *p, struct node *n, struct error *err)
{
    return layer_norm(p, n, false, err);
}

/* x over the root of its squares' sum is x over the root of their mean, times 1 / sqrt(count). Zeros stay. */
int exec_lower_lp_norm(struct plan *p, struct node *n, struct error *err)
{
    const int rank = n->in[0]->type.rank, axis = rank > 0 ? exec_lower_axis(op_int(n, "axis"), rank) : 0;
    if (op_int(n, "p") != 2 || !exec_lower_is_f32(n, 0) || (axis != 1 && axis != rank - 1) ||
        view_count(plan_in(n, 0)) == 0)
        return 1;
    const int64_t count = n->in[0]->type.dims[axis];
    struct row_args *a = plan_alloc(p, sizeof *a, err);
    float *scale = a ? plan_alloc(p, (size_t)count * sizeof *scale, err) : NULL;
    if (!scale)
        return -1;
    *a = (struct row_args){.kernels = p->kernels, .norm = {.scale = scale, .epsilon = FLT_MIN}};
    for (int64_t i = 0; i < count; i++)
        scale[i] = 1 / sqrtf((float)count);
    if (plan_in_contiguous(p, n, 0, axis, &a->x, err) < 0 ||
        plan_out_over(p, n, 0, 0, axis == rank - 1 ? ORDER_ROWS : ORDER_CHANNELS, &a->out, err) < 0)
        return -1;
    make_nest(a, axis, 1);
    return emit_rows(p, n, a, err);
}
