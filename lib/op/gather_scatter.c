/* Operators that store elements by index. */
#include <math.h>
#include <string.h>

#include "op/axes.h"
#include "op/gather.h"
#include "op/real.h"
#include "op/rows.h"
#include "op/util.h"

enum reduction { REDUCE_NONE, REDUCE_ADD, REDUCE_MUL, REDUCE_MAX, REDUCE_MIN, REDUCTIONS };

static int reduction_of(const struct op_eval *c, enum dtype dtype, enum reduction *reduction, struct error *err)
{
    static const char *const names[REDUCTIONS] = {"none", "add", "mul", "max", "min"};
    const char *name = op_string(c->node, "reduction");
    int i = 0;
    while (i < REDUCTIONS && strcmp(name, names[i]))
        i++;
    if (i == REDUCTIONS)
        return eval_error(c, err, "attribute reduction is '%.40s', want none, add, mul, max or min", name);
    enum dtype_class class = dtype_info(dtype)->class;
    if (i != REDUCE_NONE && (class == DTYPE_CLASS_STRING || class == DTYPE_CLASS_COMPLEX))
        return eval_error(c, err, "attribute reduction is '%s', elements are %s", name, dtype_info(dtype)->name);
    *reduction = (enum reduction)i;
    return 0;
}

static double combine_real(enum reduction reduction, double a, double b)
{
    switch (reduction) {
    case REDUCE_ADD: return a + b;
    case REDUCE_MUL: return a * b;
    case REDUCE_MAX: return isnan(a) || a > b ? a : b;
    case REDUCE_MIN: return isnan(a) || a < b ? a : b;
    default: return b;
    }
}

static int64_t combine_int(enum reduction reduction, bool is_unsigned, int64_t a, int64_t b)
{
    bool less = is_unsigned ? (uint64_t)a < (uint64_t)b : a < b;
    switch (reduction) {
    case REDUCE_ADD: return (int64_t)((uint64_t)a + (uint64_t)b);
    case REDUCE_MUL: return (int64_t)((uint64_t)a * (uint64_t)b);
    case REDUCE_MAX: return less ? b : a;
    case REDUCE_MIN: return less ? a : b;
    default: return b;
    }
}

/* to[to_at + i] = to[to_at + i] (reduction) from[from_at + i], i < n */
static void combine(enum reduction reduction, struct tensor *to, int64_t to_at, const struct tensor *from,
                    int64_t from_at, int64_t n)
{
    if (reduction == REDUCE_NONE) {
        op_move(to, to_at, 1, from, from_at, 1, n);
        return;
    }
    bool real = op_is_float(to->dtype);
    for (int64_t i = 0; i < n; i++) {
        double x[2], y;
        int64_t a, b;
        if (real) {
            real_read(to, to_at + i, 1, &x[0]);
            real_read(from, from_at + i, 1, &x[1]);
            y = combine_real(reduction, x[0], x[1]);
            real_write(to, to_at + i, 1, &y);
        } else {
            op_load_ints(to, to_at + i, 1, &a);
            op_load_ints(from, from_at + i, 1, &b);
            a = combine_int(reduction, op_is_uint(to->dtype), a, b);
            op_store_ints(to, to_at + i, 1, &a);
        }
    }
}

/* Output 0 with the data of input 0. */
static struct tensor *copy_out(struct op_eval *c, struct error *err)
{
    const struct tensor *t = eval_in(c, 0);
    struct tensor *out = eval_out(c, 0, t->dtype, t->rank, t->dims, err);
    if (out)
        op_move(out, 0, 1, t, 0, 1, t->count);
    return out;
}

/* ---- ScatterElements ---- */

/* Whether input i of known rank has these dims, as far as numbers tell. */
static int infer_want_dims(const struct op_infer *c, int i, const char *what, int rank, const int64_t *dims,
                           struct error *err)
{
    const struct type *type = axes_ranked(c, i);
    int64_t ignored;
    if (type && type->rank != rank)
        return infer_error(c, err, "input %s has rank %d, want %d", what, type->rank, rank);
    for (int d = 0; type && d < rank; d++)
        if (axes_same_dim(type->dims[d], dims[d], &ignored))
            return infer_error(c, err, "input %s: dim %d is %lld, want %lld", what, d, (long long)type->dims[d],
                               (long long)dims[d]);
    return 0;
}

int infer_scatter(struct op_infer *c, struct error *err)
{
    const struct type *data, *indices;
    if (gather_elements_infer(c, &data, &indices, err))
        return -1;
    if (indices && infer_want_dims(c, 2, "updates", indices->rank, indices->dims, err))
        return -1;
    return real_infer_same(c, 0, 0, err);
}

static int scatter(struct op_eval *c, enum reduction reduction, struct error *err)
{
    const struct tensor *t = eval_in(c, 0), *indices = eval_in(c, 1), *updates = eval_in(c, 2);
    int64_t at;
    int axis;
    if (gather_elements_check(c, &axis, err) || real_want_dims(c, 2, "updates", indices->rank, indices->dims, err))
        return -1;
    struct tensor *out = copy_out(c, err);
    if (!out)
        return -1;
    struct op_walk w;
    int64_t along = gather_elements_walk(c, axis, &w);
    while (op_walk(&w))
        for (int64_t i = 0; i < w.run; i++) {
            if (gather_index(c, indices, w.done + i, t->dims[axis], &at, err))
                return -1;
            combine(reduction, out, w.at[0] + i * w.run_step[0] + at * along, updates, w.done + i, 1);
        }
    return 0;
}

int eval_scatter(struct op_eval *c, struct error *err)
{
    return scatter(c, REDUCE_NONE, err);
}

int eval_scatter_elements(struct op_eval *c, struct error *err)
{
    enum reduction reduction;
    if (reduction_of(c, eval_in(c, 0)->dtype, &reduction, err))
        return -1;
    return scatter(c, reduction, err);
}

/* ---- ScatterND ---- */

/* The dims that the updates must have: those of the indices but the last, then those of data behind the indexed ones.
 * Their number, or -1 with a message. out[2 * TENSOR_MAX_RANK]. */
static int scatter_nd_dims(int rank, const int64_t *data, int q, const int64_t *indices, int64_t *out,
                           struct error *err)
{
    int64_t depth = q ? indices[q - 1] : 0;
    if (depth < 1 || depth > rank)
        return error_set(err, "input indices: the last dim is %lld, want 1 to %d", (long long)depth, rank);
    int tail = rank - (int)depth;
    memcpy(out, indices, (size_t)(q - 1) * sizeof *out);
    memcpy(out + q - 1, data + depth, (size_t)tail * sizeof *out);
    return q - 1 + tail;
}

int infer_scatter_nd(struct op_infer *c, struct error *err)
{
    const struct type *data = axes_ranked(c, 0), *indices = axes_ranked(c, 1);
    int64_t dims[2 * TENSOR_MAX_RANK];
    if (data && indices && (indices->rank == 0 || indices->dims[indices->rank - 1] >= 0)) {
        int rank = scatter_nd_dims(data->rank, data->dims, indices->rank, indices->dims, dims, err);
        if (rank < 0)
            return real_infer_fail(c, err);
        if (infer_want_dims(c, 2, "updates", rank, dims, err))
            return -1;
    }
    return real_infer_same(c, 0, 0, err);
}

int eval_scatter_nd(struct op_eval *c, struct error *err)
{
    const struct tensor *t = eval_in(c, 0), *indices = eval_in(c, 1), *updates = eval_in(c, 2);
    int64_t steps[TENSOR_MAX_RANK], dims[2 * TENSOR_MAX_RANK];
    enum reduction reduction;
    if (reduction_of(c, t->dtype, &reduction, err))
        return -1;
    int rank = scatter_nd_dims(t->rank, t->dims, indices->rank, indices->dims, dims, err);
    if (rank < 0)
        return real_eval_fail(c, err);
    if (real_want_dims(c, 2, "updates", rank, dims, err))
        return -1;
    struct tensor *out = copy_out(c, err);
    if (!out)
        return -1;
    op_steps(t->rank, t->dims, steps);
    int64_t depth = indices->dims[indices->rank - 1], inner = real_product(t->dims, (int)depth, t->rank);
    for (int64_t i = 0; i < indices->count / depth; i++) {
        int64_t at = 0;
        if (gather_offset(c, t, indices, 0, steps, i, &at, err))
            return -1;
        combine(reduction, out, at, updates, i * inner, inner);
    }
    return 0;
}

/* ---- TensorScatter ---- */

static int tensor_scatter_check(struct op_eval *c, int *axis, bool *circular, struct error *err)
{
    const struct tensor *cache = eval_in(c, 0), *update = eval_in(c, 1), *write = eval_in(c, 2);
    const char *mode = op_string(c->node, "mode");
    *circular = strcmp(mode, "circular") == 0;
    if (!*circular && strcmp(mode, "linear"))
        return eval_error(c, err, "attribute mode is '%.40s', want linear or circular", mode);
    if (eval_axis(c, "axis", op_int(c->node, "axis"), cache->rank, axis, err))
        return -1;
    if (*axis == 0)
        return eval_error(c, err, "attribute axis is the batch axis");
    if (real_want_rank(c, 1, "update", cache->rank, err))
        return -1;
    for (int i = 0; i < cache->rank; i++)
        if (i == *axis ? update->dims[i] > cache->dims[i] : update->dims[i] != cache->dims[i])
            return eval_error(c, err, "input update: dim %d is %lld, that of input past_cache %lld", i,
                              (long long)update->dims[i], (long long)cache->dims[i]);
    if (write && (write->rank != 1 || write->count != cache->dims[0]))
        return eval_error(c, err, "input write_indices has %lld entries, want %lld", (long long)write->count,
                          (long long)cache->dims[0]);
    return 0;
}

int eval_tensor_scatter(struct op_eval *c, struct error *err)
{
    const struct tensor *cache = eval_in(c, 0), *update = eval_in(c, 1), *write = eval_in(c, 2);
    bool circular;
    int axis;
    if (tensor_scatter_check(c, &axis, &circular, err))
        return -1;
    struct tensor *out = copy_out(c, err);
    if (!out)
        return -1;
    int64_t inner = real_product(cache->dims, axis + 1, cache->rank), prefixes = real_product(cache->dims, 0, axis);
    int64_t size = cache->dims[axis], n = update->dims[axis];
    for (int64_t p = 0; n && p < prefixes; p++) {
        int64_t batch = p / (prefixes / cache->dims[0]), start = write ? ((const int64_t *)write->data)[batch] : 0;
        if (start < 0 || (!circular && start > size - n))
            return eval_error(c, err, "input write_indices: entry %lld is %lld, want 0 to %lld", (long long)batch,
                              (long long)start, (long long)(size - n));
        for (int64_t i = 0; i < n; i++)
            op_move(out, (p * size + (start % size + i) % size) * inner, 1, update, (p * n + i) * inner, 1, inner);
    }
    return 0;
}
