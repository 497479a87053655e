/* Operators that fetch elements by index. Their counterparts that store are in gather_scatter.c, Unique in
 * gather_unique.c. */
#include <stdlib.h>
#include <string.h>

#include "op/axes.h"
#include "op/gather.h"
#include "op/real.h"
#include "op/rows.h"
#include "op/util.h"

int gather_index(const struct op_eval *c, const struct tensor *indices, int64_t i, int64_t size, int64_t *index,
                 struct error *err)
{
    int64_t value = indices->dtype == DTYPE_I32 ? ((const int32_t *)indices->data)[i]
                                                : ((const int64_t *)indices->data)[i];
    if (value < -size || value >= size)
        return eval_error(c, err, "input indices: element %lld is %lld, want %lld to %lld", (long long)i,
                          (long long)value, (long long)-size, (long long)size - 1);
    *index = value < 0 ? value + size : value;
    return 0;
}

/* ---- Gather ---- */

int infer_gather(struct op_infer *c, struct error *err)
{
    const struct type *data = axes_ranked(c, 0), *indices = axes_ranked(c, 1);
    int64_t out[TENSOR_MAX_RANK];
    int axis, rank = -1;
    if (data && infer_axis(c, "axis", op_int(c->node, "axis"), data->rank, &axis, err))
        return -1;
    if (data && indices) {
        rank = data->rank - 1 + indices->rank;
        if (rank > TENSOR_MAX_RANK)
            return infer_error(c, err, "the output would have %d dims", rank);
        memcpy(out, data->dims, (size_t)axis * sizeof *out);
        memcpy(out + axis, indices->dims, (size_t)indices->rank * sizeof *out);
        memcpy(out + axis + indices->rank, data->dims + axis + 1, (size_t)(data->rank - axis - 1) * sizeof *out);
    }
    return infer_set(c, 0, infer_dtype(c, 0), rank, out, err);
}

int eval_gather(struct op_eval *c, struct error *err)
{
    const struct tensor *t = eval_in(c, 0), *indices = eval_in(c, 1);
    int64_t dims[TENSOR_MAX_RANK];
    int axis, rank = t->rank - 1 + indices->rank;
    if (eval_axis(c, "axis", op_int(c->node, "axis"), t->rank, &axis, err))
        return -1;
    if (rank > TENSOR_MAX_RANK)
        return eval_error(c, err, "the output would have %d dims", rank);
    memcpy(dims, t->dims, (size_t)axis * sizeof *dims);
    memcpy(dims + axis, indices->dims, (size_t)indices->rank * sizeof *dims);
    memcpy(dims + axis + indices->rank, t->dims + axis + 1, (size_t)(t->rank - axis - 1) * sizeof *dims);
    struct tensor *out = eval_out(c, 0, t->dtype, rank, dims, err);
    if (!out)
        return -1;
    int64_t outer = real_product(t->dims, 0, axis), inner = real_product(t->dims, axis + 1, t->rank),
            size = t->dims[axis];
    for (int64_t i = 0; i < indices->count; i++) {
        int64_t at;
        if (gather_index(c, indices, i, size, &at, err))
            return -1;
        for (int64_t o = 0; out->count && o < outer; o++)
            op_move(out, (o * indices->count + i) * inner, 1, t, (o * size + at) * inner, 1, inner);
    }
    return 0;
}

/* ---- GatherElements ---- */

int gather_elements_infer(struct op_infer *c, const struct type **data, const struct type **indices, struct error *err)
{
    int axis;
    *data = axes_ranked(c, 0);
    *indices = axes_ranked(c, 1);
    if (*data && infer_axis(c, "axis", op_int(c->node, "axis"), (*data)->rank, &axis, err))
        return -1;
    if (*data && *indices && (*data)->rank != (*indices)->rank)
        return infer_error(c, err, "input indices has %d dims, input data %d", (*indices)->rank, (*data)->rank);
    return 0;
}

int infer_gather_elements(struct op_infer *c, struct error *err)
{
    const struct type *data, *indices;
    if (gather_elements_infer(c, &data, &indices, err))
        return -1;
    return infer_set(c, 0, infer_dtype(c, 0), indices ? indices->rank : -1, indices ? indices->dims : NULL, err);
}

int gather_elements_check(const struct op_eval *c, int *axis, struct error *err)
{
    const struct tensor *t = eval_in(c, 0), *indices = eval_in(c, 1);
    if (eval_axis(c, "axis", op_int(c->node, "axis"), t->rank, axis, err))
        return -1;
    if (indices->rank != t->rank)
        return eval_error(c, err, "input indices has %d dims, input data %d", indices->rank, t->rank);
    for (int i = 0; i < t->rank; i++)
        if (i != *axis && indices->dims[i] > t->dims[i])
            return eval_error(c, err, "input indices: dim %d is %lld, that of input data %lld", i,
                              (long long)indices->dims[i], (long long)t->dims[i]);
    return 0;
}

int64_t gather_elements_walk(const struct op_eval *c, int axis, struct op_walk *w)
{
    const struct tensor *t = eval_in(c, 0), *indices = eval_in(c, 1);
    int64_t steps[TENSOR_MAX_RANK];
    op_steps(t->rank, t->dims, steps);
    int64_t along = steps[axis];
    steps[axis] = 0;
    op_walk_init(w, indices->rank, indices->dims, 1, (const int64_t *const[]){steps});
    return along;
}

int eval_gather_elements(struct op_eval *c, struct error *err)
{
    const struct tensor *t = eval_in(c, 0), *indices = eval_in(c, 1);
    int64_t at;
    int axis;
    if (gather_elements_check(c, &axis, err))
        return -1;
    struct tensor *out = eval_out(c, 0, t->dtype, indices->rank, indices->dims, err);
    if (!out)
        return -1;
    struct op_walk w;
    int64_t along = gather_elements_walk(c, axis, &w);
    while (op_walk(&w))
        for (int64_t i = 0; i < w.run; i++) {
            if (gather_index(c, indices, w.done + i, t->dims[axis], &at, err))
                return -1;
            op_move(out, w.done + i, 1, t, w.at[0] + i * w.run_step[0] + at * along, 1, 1);
        }
    return 0;
}

/* ---- GatherND ---- */

/* The dims of the output: those of the indices but the last, then those of data behind the indexed ones. The rank, or
 * -1 with a message. */
static int gather_nd_dims(int rank, const int64_t *data, int q, const int64_t *indices, int64_t batch, int64_t *out,
                          struct error *err)
{
    if (rank < 1 || q < 1)
        return error_set(err, "inputs data and indices have %d and %d dims, want at least 1", rank, q);
    if (batch < 0 || batch >= rank || batch >= q)
        return error_set(err, "attribute batch_dims is %lld, want 0 to %d", (long long)batch,
                         (rank < q ? rank : q) - 1);
    for (int i = 0; i < batch; i++)
        if (data[i] >= 0 && indices[i] >= 0 && data[i] != indices[i])
            return error_set(err, "inputs data and indices differ in batch dim %d", i);
    int64_t depth = indices[q - 1], tail = rank - batch - depth;
    if (depth < 1 || tail < 0)
        return error_set(err, "input indices: the last dim is %lld, want 1 to %d", (long long)depth, rank - (int)batch);
    if (q - 1 + tail > TENSOR_MAX_RANK)
        return error_set(err, "the output would have %d dims", q - 1 + (int)tail);
    memcpy(out, indices, (size_t)(q - 1) * sizeof *out);
    memcpy(out + q - 1, data + rank - tail, (size_t)tail * sizeof *out);
    return q - 1 + (int)tail;
}

int infer_gather_nd(struct op_infer *c, struct error *err)
{
    const struct type *data = axes_ranked(c, 0), *indices = axes_ranked(c, 1);
    int64_t out[TENSOR_MAX_RANK];
    int rank = -1;
    if (data && indices && (indices->rank < 1 || indices->dims[indices->rank - 1] >= 0)) {
        rank = gather_nd_dims(data->rank, data->dims, indices->rank, indices->dims, op_int(c->node, "batch_dims"), out,
                              err);
        if (rank < 0)
            return real_infer_fail(c, err);
    }
    return infer_set(c, 0, infer_dtype(c, 0), rank, out, err);
}

/* The element of data (behind `batch` axes) that index vector i names. */
int gather_offset(const struct op_eval *c, const struct tensor *t, const struct tensor *indices, int batch,
                  const int64_t *steps, int64_t i, int64_t *offset, struct error *err)
{
    int64_t depth = indices->dims[indices->rank - 1], at = 0;
    for (int64_t k = 0; k < depth; k++) {
        if (gather_index(c, indices, i * depth + k, t->dims[batch + k], &at, err))
            return -1;
        *offset += at * steps[batch + k];
    }
    return 0;
}

int eval_gather_nd(struct op_eval *c, struct error *err)
{
    const struct tensor *t = eval_in(c, 0), *indices = eval_in(c, 1);
    int64_t dims[TENSOR_MAX_RANK], steps[TENSOR_MAX_RANK];
    int batch = (int)op_int(c->node, "batch_dims");
    int rank = gather_nd_dims(t->rank, t->dims, indices->rank, indices->dims, op_int(c->node, "batch_dims"), dims, err);
    if (rank < 0)
        return real_eval_fail(c, err);
    struct tensor *out = eval_out(c, 0, t->dtype, rank, dims, err);
    if (!out)
        return -1;
    op_steps(t->rank, t->dims, steps);
    int64_t depth = indices->dims[indices->rank - 1], count = indices->count / depth;
    int64_t batches = real_product(t->dims, 0, batch), per_batch = batches ? count / batches : 0;
    int64_t inner = real_product(t->dims, batch + (int)depth, t->rank), whole = real_product(t->dims, batch, t->rank);
    for (int64_t i = 0; i < count; i++) {
        int64_t from = i / per_batch * whole;
        if (gather_offset(c, t, indices, batch, steps, i, &from, err))
            return -1;
        op_move(out, i * inner, 1, t, from, 1, inner);
    }
    return 0;
}

/* ---- OneHot ---- */

int infer_one_hot(struct op_infer *c, struct error *err)
{
    const struct type *indices = axes_ranked(c, 0);
    int64_t out[TENSOR_MAX_RANK], depth;
    int axis, rank = -1;
    bool known;
    if (axes_scalar_infer(c, 1, "depth", 0, &depth, &known, err))
        return -1;
    if (known && depth < 0)
        return infer_error(c, err, "input depth is %lld", (long long)depth);
    if (indices) {
        rank = indices->rank + 1;
        if (rank > TENSOR_MAX_RANK)
            return infer_error(c, err, "the output would have %d dims", rank);
        if (infer_axis(c, "axis", op_int(c->node, "axis"), rank, &axis, err))
            return -1;
        for (int i = 0; i < rank; i++)
            out[i] = i == axis ? known ? depth : DIM_UNKNOWN : indices->dims[i - (i > axis)];
    }
    return infer_set(c, 0, infer_dtype(c, 2), rank, out, err);
}

int eval_one_hot(struct op_eval *c, struct error *err)
{
    const struct tensor *indices = eval_in(c, 0), *values = eval_in(c, 2);
    int64_t dims[TENSOR_MAX_RANK], depth;
    int axis, rank = indices->rank + 1;
    if (axes_scalar(c, 1, "depth", 0, &depth, err))
        return -1;
    if (depth < 0 || values->count != 2 || rank > TENSOR_MAX_RANK)
        return eval_error(c, err,
                          "input depth is %lld, input values has %lld elements (want 2), the output would have %d dims",
                          (long long)depth, (long long)values->count, rank);
    if (eval_axis(c, "axis", op_int(c->node, "axis"), rank, &axis, err))
        return -1;
    for (int i = 0; i < rank; i++)
        dims[i] = i == axis ? depth : indices->dims[i - (i > axis)];
    struct tensor *out = eval_out(c, 0, values->dtype, rank, dims, err);
    if (!out)
        return -1;
    op_move(out, 0, 1, values, 0, 0, out->count);
    int64_t inner = real_product(dims, axis + 1, rank);
    for (int64_t i = 0; i < indices->count; i++) {
        int64_t at = tensor_get_i64(indices, i);
        if (at >= -depth && at < depth)
            op_move(out, (i / inner * depth + at + (at < 0 ? depth : 0)) * inner + i % inner, 1, values, 1, 1, 1);
    }
    return 0;
}

/* ---- NonZero ---- */

int infer_non_zero(struct op_infer *c, struct error *err)
{
    int rank = infer_rank(c, 0);
    int64_t out[2] = {rank < 0 ? DIM_UNKNOWN : rank, DIM_UNKNOWN};
    return infer_set(c, 0, DTYPE_I64, 2, out, err);
}

/* Not zero, false or empty; -0 is zero, NaN is not. */
static bool is_set(const struct tensor *t, int64_t i)
{
    if (t->dtype == DTYPE_STRING)
        return ((const struct str *)t->data)[i].size > 0;
    if (t->dtype == DTYPE_C64)
        return ((const float *)t->data)[2 * i] != 0 || ((const float *)t->data)[2 * i + 1] != 0;
    if (t->dtype == DTYPE_C128)
        return ((const double *)t->data)[2 * i] != 0 || ((const double *)t->data)[2 * i + 1] != 0;
    return tensor_get_f64(t, i) != 0;
}

int eval_non_zero(struct op_eval *c, struct error *err)
{
    const struct tensor *t = eval_in(c, 0);
    int64_t dims[2] = {t->rank, 0}, at = 0;
    for (int64_t i = 0; i < t->count; i++)
        dims[1] += is_set(t, i);
    struct tensor *out = eval_out(c, 0, DTYPE_I64, 2, dims, err);
    if (!out)
        return -1;
    int64_t *to = out->data;
    for (int64_t i = 0; i < t->count && t->rank; i++) {
        if (!is_set(t, i))
            continue;
        int64_t left = i;
        for (int d = t->rank - 1; d >= 0; d--) {
            to[d * dims[1] + at] = left % t->dims[d];
            left /= t->dims[d];
        }
        at++;
    }
    return 0;
}
