/* Elements by index: Gather, GatherElements, GatherND, ScatterElements and ScatterND, on dense tensors. Some indices
 * together tell where one run of neighbouring elements lies. */
#include <string.h>

#include "exec/lower.h"

typedef void combine_fn(float *to, const float *from, int64_t n);

struct index_args {
    struct view data, indices, moved; /* moved: the result of a gathering, or the updates */
    struct plan *plan;
    int64_t runs, run; /* how many, and of how many elements */
    int per_run;       /* indices of a run, and what each counts */
    int64_t dim[TENSOR_MAX_RANK], step[TENSOR_MAX_RANK];
    int rank; /* of the space of runs, and what its axes count */
    int64_t space[TENSOR_MAX_RANK], space_step[TENSOR_MAX_RANK];
    combine_fn *combine; /* of a scattering, NULL: the last one stays */
    struct view out;     /* of a scattering */
};

/* A run's position in their space. */
struct walk {
    int64_t index, at[TENSOR_MAX_RANK];
    int64_t offset; /* what the position counts, in elements of data */
};

static void walk_begin(const struct index_args *a, int64_t index, struct walk *w)
{
    w->index = index;
    w->offset = 0;
    for (int k = a->rank - 1; k >= 0; k--) {
        w->at[k] = index % a->space[k];
        w->offset += w->at[k] * a->space_step[k];
        index /= a->space[k];
    }
}

static void walk_next(const struct index_args *a, struct walk *w)
{
    w->index++;
    for (int k = a->rank - 1; k >= 0; k--) {
        w->offset += a->space_step[k];
        if (++w->at[k] < a->space[k])
            return;
        w->offset -= a->space[k] * a->space_step[k];
        w->at[k] = 0;
    }
}

/* Where the run lies, in elements of data; -1: an index is out of range. */
static int64_t find_run(const struct step *s, const struct index_args *a, const struct walk *w)
{
    int64_t at = w->offset;
    for (int k = 0; k < a->per_run; k++) {
        int64_t index = view_index(&a->indices, w->index * a->per_run + k);
        index += index < 0 ? a->dim[k] : 0;
        if (index < 0 || index >= a->dim[k]) {
            plan_fail(a->plan, s->node, "index %lld is outside of %lld elements", (long long)index,
                      (long long)a->dim[k]);
            return -1;
        }
        at += index * a->step[k];
    }
    return at;
}

static void move(char *to, const char *from, size_t bytes)
{
    if (bytes == sizeof(float))
        memcpy(to, from, sizeof(float));
    else
        memcpy(to, from, bytes);
}

static void run_gather(const struct step *s, struct tile tile)
{
    const struct index_args *a = s->args;
    const char *data = view_data(&a->data);
    size_t element = view_element(&a->data), bytes = (size_t)a->run * element;
    char *to = (char *)view_data(&a->moved) + (size_t)tile.first * bytes;
    struct walk w;
    walk_begin(a, tile.first, &w);
    for (int64_t at; w.index < tile.last && (at = find_run(s, a, &w)) >= 0; to += bytes, walk_next(a, &w))
        move(to, data + (size_t)at * element, bytes);
}

/* By one thread, in order: runs may meet. */
static void run_scatter(const struct step *s, struct tile tile)
{
    const struct index_args *a = s->args;
    size_t element = view_element(&a->data), bytes = (size_t)a->run * element;
    const char *from = view_data(&a->moved);
    char *out = view_data(&a->out);
    struct walk w;
    (void)tile;
    walk_begin(a, 0, &w);
    for (int64_t at; w.index < a->runs && (at = find_run(s, a, &w)) >= 0; from += bytes, walk_next(a, &w)) {
        char *to = out + (size_t)at * element;
        if (a->combine)
            a->combine((float *)(void *)to, (const float *)(const void *)from, a->run);
        else
            move(to, from, bytes);
    }
}

/* ---- how runs are found ---- */

static void dense_steps(const struct type *t, int64_t *steps)
{
    int64_t step = 1;
    for (int i = t->rank - 1; i >= 0; i--) {
        steps[i] = step;
        step *= t->dims[i];
    }
}

/* One index for each element; the other axes are where the index stands. */
static void find_elements(const struct node *n, struct index_args *a)
{
    const struct type *t = &n->in[0]->type, *indices = &n->in[1]->type;
    int axis = exec_lower_axis(op_int(n, "axis"), t->rank);
    dense_steps(t, a->space_step);
    a->rank = t->rank;
    memcpy(a->space, indices->dims, sizeof a->space);
    a->per_run = 1;
    a->dim[0] = t->dims[axis];
    a->step[0] = a->space_step[axis];
    a->space_step[axis] = 0;
    a->run = 1;
}

/* The last axis of the indices is a place in the axes of data behind the first `batch`. */
static void find_slices(const struct node *n, int batch, struct index_args *a)
{
    const struct type *t = &n->in[0]->type, *indices = &n->in[1]->type;
    int64_t steps[TENSOR_MAX_RANK];
    dense_steps(t, steps);
    a->rank = indices->rank - 1;
    for (int i = 0; i < a->rank; i++) {
        a->space[i] = indices->dims[i];
        a->space_step[i] = i < batch ? steps[i] : 0;
    }
    a->per_run = (int)indices->dims[indices->rank - 1];
    a->run = tensor_count(t->rank - batch - a->per_run, t->dims + batch + a->per_run);
    for (int k = 0; k < a->per_run; k++) {
        a->dim[k] = t->dims[batch + k];
        a->step[k] = steps[batch + k];
    }
}

static bool is_by_element(const struct node *n)
{
    return node_is(n, "GatherElements") || node_is(n, "ScatterElements");
}

/* Whether the indices stand within the axes of data. Inference leaves that to evaluation. */
static bool stands_inside(const struct type *t, const struct type *indices, int axis)
{
    bool inside = indices->rank == t->rank;
    for (int i = 0; inside && i < t->rank; i++)
        inside = i == axis || indices->dims[i] <= t->dims[i];
    return inside;
}

/* Numbers of whole bytes, which some index points to. */
static bool fits(const struct node *n)
{
    const struct type *t = &n->in[0]->type, *indices = &n->in[1]->type;
    bool counts = indices->dtype == DTYPE_I64 || indices->dtype == DTYPE_I32;
    return counts && t->rank > 0 && indices->rank > 0 && t->dtype != DTYPE_STRING && dtype_info(t->dtype)->bits >= 8 &&
           tensor_count(t->rank, t->dims) > 0 && tensor_count(indices->rank, indices->dims) > 0 &&
           (!is_by_element(n) || stands_inside(t, indices, exec_lower_axis(op_int(n, "axis"), t->rank)));
}

static struct index_args *load(struct plan *p, struct node *n, struct error *err)
{
    struct index_args *a = plan_alloc(p, sizeof *a, err);
    if (!a || plan_in_dense(p, n, 0, ORDER_ROWS, &a->data, err) < 0 ||
        plan_in_dense(p, n, 1, ORDER_ROWS, &a->indices, err) < 0)
        return NULL;
    a->plan = p;
    if (is_by_element(n))
        find_elements(n, a);
    else
        find_slices(n, node_is(n, "GatherND") ? (int)op_int(n, "batch_dims") : 0, a);
    a->runs = tensor_count(a->rank, a->space);
    return a;
}

int exec_lower_gather_runs(struct plan *p, struct node *n, struct error *err)
{
    if (!fits(n))
        return 1;
    struct index_args *a = load(p, n, err);
    if (!a || plan_out_dense(p, n, 0, &a->moved, err) < 0)
        return -1;
    return plan_step(p,
                     &(struct step){.node = n,
                                    .kernel = "gather",
                                    .run = run_gather,
                                    .args = a,
                                    .units = a->runs,
                                    .tiles = plan_tiles(a->runs * (a->run + 8), 32768, a->runs)},
                     err, PLAN_WRITES(&a->moved, &a->data, &a->indices));
}

/* ---- gathering along one axis ---- */

struct rows_args {
    struct view data, indices, out;
    struct plan *plan;
    int64_t axis_dim, index_count;
    size_t inner; /* bytes */
};

static void run_rows(const struct step *s, struct tile tile)
{
    const struct rows_args *g = s->args;
    const char *data = view_data(&g->data);
    char *to = (char *)view_data(&g->out) + (size_t)tile.first * g->inner;
    for (int64_t i = tile.first; i < tile.last; i++, to += g->inner) {
        int64_t index = view_index(&g->indices, i % g->index_count);
        index += index < 0 ? g->axis_dim : 0;
        if (index < 0 || index >= g->axis_dim) {
            plan_fail(g->plan, s->node, "index %lld is outside of %lld elements", (long long)index,
                      (long long)g->axis_dim);
            return;
        }
        move(to, data + (size_t)(i / g->index_count * g->axis_dim + index) * g->inner, g->inner);
    }
}

static int gather_rows(struct plan *p, struct node *n, int axis, struct error *err)
{
    struct rows_args *g = plan_alloc(p, sizeof *g, err);
    if (!g)
        return -1;
    *g = (struct rows_args){.plan = p};
    if (plan_in_dense(p, n, 0, ORDER_ROWS, &g->data, err) < 0 ||
        plan_in_dense(p, n, 1, ORDER_ROWS, &g->indices, err) < 0 || plan_out_dense(p, n, 0, &g->out, err) < 0)
        return -1;
    g->axis_dim = g->data.dims[axis];
    g->index_count = view_count(&g->indices);
    g->inner = view_element(&g->data);
    for (int i = axis + 1; i < g->data.rank; i++)
        g->inner *= (size_t)g->data.dims[i];
    int64_t all = tensor_count(axis, g->data.dims) * g->index_count;
    if (all == 0)
        return 0;
    return plan_step(p,
                     &(struct step){.node = n,
                                    .kernel = "gather",
                                    .run = run_rows,
                                    .args = g,
                                    .units = all,
                                    .tiles = plan_tiles(view_count(&g->out), 32768, all)},
                     err, PLAN_WRITES(&g->out, &g->data, &g->indices));
}

int exec_lower_gather(struct plan *p, struct node *n, struct error *err)
{
    int rank = n->in[0]->type.rank, axis = exec_lower_axis(op_int(n, "axis"), rank);
    if (!plan_is_constant(n, 1) || n->in[1]->type.rank != 0)
        return gather_rows(p, n, axis, err);
    struct view view = *plan_in(n, 0);
    int64_t index = tensor_get_i64(n->in[1]->constant, 0);
    index += index < 0 ? view.dims[axis] : 0;
    if (index < 0 || index >= view.dims[axis])
        return 1;
    view.offset += index * view.stride[axis];
    view.rank--;
    for (int i = axis; i < view.rank; i++) {
        view.dims[i] = view.dims[i + 1];
        view.stride[i] = view.stride[i + 1];
    }
    memset(view.border, 0, sizeof view.border);
    return plan_alias(p, n, 0, &view, err);
}

/* ---- scattering ---- */

static void combine_add(float *to, const float *from, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        to[i] += from[i];
}

static void combine_mul(float *to, const float *from, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        to[i] *= from[i];
}

static const struct {
    const char *name;
    combine_fn *combine;
} combines[] = {{"none", NULL}, {"add", combine_add}, {"mul", combine_mul}};

/* False when the kernels lack it. */
static bool find_combine(const struct node *n, combine_fn **combine)
{
    for (size_t i = 0; i < sizeof combines / sizeof *combines; i++)
        if (strcmp(op_string(n, "reduction"), combines[i].name) == 0) {
            *combine = combines[i].combine;
            return !*combine || exec_lower_is_f32(n, 0);
        }
    return false;
}

/* The result over the data, or on a copy of it. */
static int place_out(struct plan *p, struct node *n, struct index_args *a, struct error *err)
{
    if (plan_may_overwrite(n, 0, 0) && view_is_dense(plan_in(n, 0), ORDER_ROWS)) {
        a->out = *plan_in(n, 0);
        return plan_alias(p, n, 0, &a->out, err);
    }
    return plan_out_dense(p, n, 0, &a->out, err) < 0 ? -1 : plan_copy_into(p, n, &a->data, &a->out, err);
}

int exec_lower_scatter_runs(struct plan *p, struct node *n, struct error *err)
{
    combine_fn *combine;
    if (!fits(n) || !find_combine(n, &combine))
        return 1;
    struct index_args *a = load(p, n, err);
    if (!a || plan_in_dense(p, n, 2, ORDER_ROWS, &a->moved, err) < 0)
        return -1;
    if (view_count(&a->moved) != a->runs * a->run)
        return 1;
    if (place_out(p, n, a, err) < 0)
        return -1;
    a->combine = combine;
    return plan_step(p, &(struct step){.node = n, .kernel = "scatter", .run = run_scatter, .args = a, .units = 1}, err,
                     PLAN_VIEWS(&a->out, &a->moved, &a->indices));
}
