/* Reductions, and pooling over whole images: down columns where what is kept is contiguous, else along rows. */
#include <string.h>

#include "exec/lower.h"

/* What the kernels sum, and what is done with the result. */
struct reduction {
    const char *name;
    enum kernel_reduce op;
    enum kernel_act_kind after;
    bool is_mean; /* divided by the count */
};

struct reduce_args {
    struct view x, out;
    const struct kernels *kernels;
    enum kernel_reduce op;
    struct kernel_act after;
    size_t n; /* rows: elements that make one */
    /* columns: */
    struct nest kept;      /* out, then x; the innermost axis is the columns */
    struct nest reduced;   /* of x */
    int64_t chunk, chunks; /* columns at once, and how often */
};

static void finish(const struct reduce_args *a, float *out, size_t n)
{
    if (a->after.kind != KERNEL_NONE)
        a->kernels->unary_f32(out, out, n, a->after);
}

/* ---- down columns ---- */

/* Work of a piece, in elements of x. */
#define REDUCE_GRAIN 32768
/* Columns that a piece has at least: a cache line, four times. */
#define REDUCE_COLUMNS 64
/* With fewer columns than this, a copy that makes the reduced axes contiguous pays. */
#define REDUCE_FEW 8

static void reduce_columns(const struct reduce_args *a, int64_t piece)
{
    int inner = a->reduced.rank - 1;
    int64_t first = piece % a->chunks * a->chunk, left = a->kept.dims[a->kept.rank - 1] - first;
    size_t columns = (size_t)(left < a->chunk ? left : a->chunk);
    ptrdiff_t at[2], offset;
    nest_at(&a->kept, 2, piece / a->chunks, at);
    float *out = (float *)view_data(&a->out) + at[0] + first;
    const float *x = (const float *)view_data(&a->x) + at[1] + first;
    for (int64_t i = 0; i < nest_outer(&a->reduced); i++) {
        nest_at(&a->reduced, 1, i, &offset);
        a->kernels->reduce_columns_f32(a->op, out, x + offset, a->reduced.stride[0][inner],
                                       (size_t)a->reduced.dims[inner], columns, i > 0);
    }
    finish(a, out, columns);
}

static void run_columns(const struct step *s, struct tile tile)
{
    for (int64_t i = tile.first; i < tile.last; i++)
        reduce_columns(s->args, i);
}

/* x as the result sees it, and as one element of the result does. */
static void split_axes(const struct view *x, const bool *reduced, int rank, struct view *kept, struct view *rest)
{
    *kept = *rest = *x;
    kept->rank = rank;
    for (int i = 0, to = 0; i < x->rank; i++) {
        if (!reduced[i])
            rest->dims[i] = 1;
        if (rank == x->rank || !reduced[i]) {
            kept->dims[to] = reduced[i] ? 1 : x->dims[i];
            kept->stride[to++] = x->stride[i];
        }
    }
}

static bool has_columns(struct nest *nest, const struct view *out, const struct view *kept)
{
    nest_make(nest, (const struct view *const[]){out, kept}, 2);
    int inner = nest->rank - 1;
    return nest->stride[0][inner] == 1 && nest->stride[1][inner] == 1 && nest->dims[inner] >= REDUCE_FEW;
}

static int emit_columns(struct plan *p, struct node *n, struct reduce_args *a, struct error *err)
{
    int64_t count = 1, columns = a->kept.dims[a->kept.rank - 1];
    for (int i = 0; i < a->reduced.rank; i++)
        count *= a->reduced.dims[i];
    a->chunk = REDUCE_COLUMNS;
    if (count < REDUCE_GRAIN / REDUCE_COLUMNS)
        a->chunk = REDUCE_GRAIN / count / REDUCE_COLUMNS * REDUCE_COLUMNS;
    a->chunks = (columns + a->chunk - 1) / a->chunk;
    int64_t pieces = nest_outer(&a->kept) * a->chunks;
    return plan_step(p,
                     &(struct step){.node = n,
                                    .kernel = "reduce_columns_f32",
                                    .run = run_columns,
                                    .args = a,
                                    .units = pieces,
                                    .tiles = plan_tiles(view_count(&a->x), REDUCE_GRAIN, pieces)},
                     err, PLAN_WRITES(&a->out, &a->x));
}

/* 1 where the columns are not contiguous. */
static int lower_columns(struct plan *p, struct node *n, const bool *reduced, struct reduce_args *a, struct error *err)
{
    struct view kept, rest, dense;
    split_axes(&a->x, reduced, n->out[0]->type.rank, &kept, &rest);
    nest_make(&a->reduced, (const struct view *const[]){&rest}, 1);
    enum order order = view_order(&kept);
    dense = kept;
    view_dense(&dense, order);
    if (!has_columns(&a->kept, &dense, &kept))
        return 1;
    if (plan_out(p, n, 0, order, &a->out, err) < 0)
        return -1;
    nest_make(&a->kept, (const struct view *const[]){&a->out, &kept}, 2); /* there may be gaps in it */
    return emit_columns(p, n, a, err);
}

/* ---- along rows ---- */

static void run_rows(const struct step *s, struct tile tile)
{
    const struct reduce_args *a = s->args;
    const float *x = view_data(&a->x);
    float *out = view_data(&a->out);
    for (int64_t i = tile.first; i < tile.last; i++)
        out[i] = a->kernels->reduce_f32(a->op, x + i * a->x.stride[0], a->n);
    finish(a, out + tile.first, (size_t)(tile.last - tile.first));
}

/* The view as [rows, n], the kept axes being the rows; false where strides do not allow it or a row is not contiguous.
 */
static bool as_rows(const struct view *x, const bool *reduced, struct view *moved, struct view *rows)
{
    int64_t perm[TENSOR_MAX_RANK], dims[2] = {1, 1};
    int at = 0;
    for (int pass = 0; pass < 2; pass++)
        for (int i = 0; i < x->rank; i++)
            if (reduced[i] == (pass == 1)) {
                perm[at++] = i;
                dims[pass] *= x->dims[i];
            }
    view_permute(x, perm, moved);
    return view_reshape(moved, 2, dims, rows) && (dims[1] == 1 || rows->stride[1] == 1);
}

static int lower_rows(struct plan *p, struct node *n, struct reduce_args *a, struct error *err)
{
    a->n = (size_t)a->x.dims[1];
    if (plan_out_dense(p, n, 0, &a->out, err) < 0)
        return -1;
    return plan_step(p,
                     &(struct step){.node = n,
                                    .kernel = "reduce_f32",
                                    .run = run_rows,
                                    .args = a,
                                    .units = a->x.dims[0],
                                    .tiles = plan_tiles(view_count(&a->x), 8192, a->x.dims[0])},
                     err, PLAN_WRITES(&a->out, &a->x));
}

static int lower_reduction(struct plan *p, struct node *n, const struct reduction *r, const bool *reduced,
                           struct error *err)
{
    struct reduce_args *a = plan_alloc(p, sizeof *a, err);
    struct view moved, rows;
    int64_t count = 1;
    if (!a)
        return -1;
    *a = (struct reduce_args){.x = *plan_in(n, 0), .kernels = p->kernels, .op = r->op};
    for (int i = 0; i < a->x.rank; i++)
        count *= reduced[i] ? a->x.dims[i] : 1;
    a->after =
        r->is_mean ? (struct kernel_act){KERNEL_AFFINE, 1.0f / (float)count, 0} : (struct kernel_act){r->after, 0, 0};
    bool in_rows = as_rows(&a->x, reduced, &moved, &rows);
    int status = in_rows ? 1 : lower_columns(p, n, reduced, a, err);
    if (status <= 0)
        return status;
    if (!in_rows) {
        if (plan_copy(p, n, &moved, ORDER_ROWS, NULL, &moved, err) < 0)
            return -1;
        view_reshape(&moved, 2, (const int64_t[]){view_count(&moved) / count, count}, &rows);
    }
    a->x = rows;
    return lower_rows(p, n, a, err);
}

/* ---- the operators ---- */

static const struct reduction reductions[] = {
    {"ReduceSum", KERNEL_SUM, KERNEL_NONE, false},
    {"ReduceMean", KERNEL_SUM, KERNEL_NONE, true},
    {"ReduceMax", KERNEL_REDUCE_MAX, KERNEL_NONE, false},
    {"ReduceMin", KERNEL_REDUCE_MIN, KERNEL_NONE, false},
    {"ReduceProd", KERNEL_PROD, KERNEL_NONE, false},
    {"ReduceL1", KERNEL_SUM_ABS, KERNEL_NONE, false},
    {"ReduceL2", KERNEL_SUM_SQUARE, KERNEL_SQRT, false},
    {"ReduceSumSquare", KERNEL_SUM_SQUARE, KERNEL_NONE, false},
    {"ReduceLogSum", KERNEL_SUM, KERNEL_LOG, false},
    {"GlobalAveragePool", KERNEL_SUM, KERNEL_NONE, true},
    {"GlobalMaxPool", KERNEL_REDUCE_MAX, KERNEL_NONE, false},
};

static const struct reduction *find_reduction(const char *name)
{
    for (size_t i = 0; i != sizeof reductions / sizeof *reductions; i++)
        if (strcmp(reductions[i].name, name) == 0)
            return &reductions[i];
    return NULL;
}

bool exec_lower_reduced_axes(const struct node *n, bool *reduced)
{
    int rank = n->in[0]->type.rank;
    bool given = node_in(n, 1) && n->in[1]->type.dims[0] != 0;
    if (given && !n->in[1]->constant)
        return false;
    if (!given && op_int(n, "noop_with_empty_axes"))
        return false;
    for (int i = 0; i < rank; i++)
        reduced[i] = !given;
    for (int64_t i = 0; given && i < n->in[1]->constant->count; i++)
        reduced[exec_lower_axis(tensor_get_i64(n->in[1]->constant, i), rank)] = true;
    return true;
}

int exec_lower_reduce(struct plan *p, struct node *n, struct error *err)
{
    const struct reduction *r = find_reduction(n->op);
    bool reduced[TENSOR_MAX_RANK];
    if (!r || !exec_lower_is_f32(n, 0) || view_count(plan_in(n, 0)) == 0 || !exec_lower_reduced_axes(n, reduced))
        return 1;
    return lower_reduction(p, n, r, reduced, err);
}

int exec_lower_global_pool(struct plan *p, struct node *n, struct error *err)
{
    bool reduced[TENSOR_MAX_RANK];
    if (!exec_lower_is_f32(n, 0) || n->in[0]->type.rank < 3 || view_count(plan_in(n, 0)) == 0)
        return 1;
    for (int i = 0; i < n->in[0]->type.rank; i++)
        reduced[i] = i >= 2;
    return lower_reduction(p, n, find_reduction(n->op), reduced, err);
}
