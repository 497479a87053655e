/* Lists of axes, checked. */
#include "op/axes.h"

#include <string.h>

#include "op/real.h"

int axes_one(const char *name, int64_t axis, int rank, int *result, struct error *err)
{
    if (axis < -rank || axis >= rank)
        return error_set(err, "%s is %lld, want %d to %d", name, (long long)axis, -rank, rank - 1);
    *result = (int)(axis < 0 ? axis + rank : axis);
    return 0;
}

int axes_list(const char *name, const int64_t *axes, int n, int rank, int *result, struct error *err)
{
    bool seen[TENSOR_MAX_RANK] = {false};
    for (int i = 0; i < n; i++) {
        if (axes[i] < -rank || axes[i] >= rank)
            return error_set(err, "%s[%d] is %lld, want -%d to %d", name, i, (long long)axes[i], rank, rank - 1);
        int axis = (int)(axes[i] < 0 ? axes[i] + rank : axes[i]);
        if (seen[axis])
            return error_set(err, "%s names axis %d twice", name, axis);
        seen[axis] = true;
        result[i] = axis;
    }
    return 0;
}

int axes_infer(const struct op_infer *c, int i, const char *name, int rank, int *axes, int *count, bool *known,
               struct error *err)
{
    int64_t values[TENSOR_MAX_RANK];
    const struct type *type = infer_type(c, i);
    *count = -1;
    *known = !type;
    if (!type)
        return 0;
    if (type->kind == TYPE_TENSOR && type->rank == 1 && type->dims[0] > rank)
        return infer_error(c, err, "input %s has %lld entries for %d axes", name, (long long)type->dims[0], rank);
    int n = infer_ints(c, i, values, TENSOR_MAX_RANK);
    if (n < 0)
        return 0;
    *known = true;
    if (n > 0)
        *count = n;
    if (axes_list(name, values, n, rank, axes, err))
        return real_infer_fail(c, err);
    return 0;
}

int axes_eval(const struct op_eval *c, int i, const char *name, int rank, int *axes, int *count, struct error *err)
{
    int64_t values[TENSOR_MAX_RANK];
    int n = eval_ints(c, i, values, TENSOR_MAX_RANK, err);
    if (n < 0)
        return -1;
    *count = n > 0 ? n : -1;
    if (axes_list(name, values, n, rank, axes, err))
        return real_eval_fail(c, err);
    return 0;
}

int axes_scalar(const struct op_eval *c, int i, const char *name, int64_t otherwise, int64_t *value, struct error *err)
{
    const struct tensor *t = eval_in(c, i);
    *value = otherwise;
    if (!t)
        return 0;
    if (t->count != 1)
        return eval_error(c, err, "input %s has %lld elements, want one", name, (long long)t->count);
    *value = tensor_get_i64(t, 0);
    return 0;
}

int axes_scalar_infer(const struct op_infer *c, int i, const char *name, int64_t otherwise, int64_t *value, bool *known,
                      struct error *err)
{
    const struct type *type = infer_type(c, i);
    *value = otherwise;
    *known = !type;
    if (!type)
        return 0;
    int64_t count = type->kind == TYPE_TENSOR && type->rank >= 0 ? tensor_count(type->rank, type->dims) : -1;
    if (count >= 0 && count != 1)
        return infer_error(c, err, "input %s has %lld elements, want one", name, (long long)count);
    const struct tensor *t = infer_constant(c, i);
    if (t) {
        *value = tensor_get_i64(t, 0);
        *known = t->count == 1;
    } else {
        *known = infer_ints(c, i, value, 1) == 1;
    }
    return 0;
}

const struct type *axes_ranked(const struct op_infer *c, int i)
{
    const struct type *type = infer_type(c, i);
    return type && type->kind == TYPE_TENSOR && type->rank >= 0 ? type : NULL;
}

int axes_infer_fewer(struct op_infer *c, struct error *err)
{
    const struct type *in = axes_ranked(c, 0);
    int64_t out[TENSOR_MAX_RANK] = {DIM_UNKNOWN};
    int axis, rank = 1;
    if (op_has(c->node, "axis")) {
        rank = in ? in->rank : -1;
        if (in && infer_axis(c, "axis", op_int(c->node, "axis"), rank, &axis, err))
            return -1;
        if (in) {
            memcpy(out, in->dims, sizeof out);
            out[axis] = DIM_UNKNOWN;
        }
    }
    return infer_set(c, 0, infer_dtype(c, 0), rank, out, err);
}

int axes_same_dim(int64_t a, int64_t b, int64_t *result)
{
    if (a >= 0 && b >= 0 && a != b)
        return -1;
    *result = a >= 0 || b == DIM_UNKNOWN ? a : b;
    return 0;
}
