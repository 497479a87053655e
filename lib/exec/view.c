#include "exec/view.h"

#include <stdlib.h>
#include <string.h>

size_t view_element(const struct view *v)
{
    return dtype_info(v->dtype)->bits / 8;
}

int64_t view_count(const struct view *v)
{
    int64_t count = 1;
    for (int i = 0; i < v->rank; i++)
        count *= v->dims[i];
    return count;
}

/* The axes from outermost to innermost. */
static void order_axes(int rank, enum order order, int *axis)
{
    for (int i = 0; i < rank; i++)
        axis[i] = i;
    if (order == ORDER_CHANNELS && rank >= 3) {
        for (int i = 1; i < rank - 1; i++)
            axis[i] = i + 1;
        axis[rank - 1] = 1;
    }
}

void view_dense(struct view *v, enum order order)
{
    int axis[TENSOR_MAX_RANK];
    order_axes(v->rank, order, axis);
    ptrdiff_t stride = 1;
    for (int i = v->rank - 1; i >= 0; i--) {
        v->stride[axis[i]] = stride;
        stride *= v->dims[axis[i]];
    }
}

bool view_is_dense(const struct view *v, enum order order)
{
    struct view dense = *v;
    view_dense(&dense, order);
    for (int i = 0; i < v->rank; i++)
        if (v->dims[i] != 1 && v->stride[i] != dense.stride[i])
            return view_count(v) == 0;
    return true;
}

bool view_is_channels(const struct view *v)
{
    return v->rank >= 2 && (v->dims[1] == 1 || v->stride[1] == 1);
}

enum order view_order(const struct view *v)
{
    if (v->rank < 3 || v->dims[1] == 1)
        return ORDER_ROWS;
    for (int i = 2; i < v->rank; i++)
        if (v->dims[i] != 1 && labs(v->stride[i]) < labs(v->stride[1]))
            return ORDER_ROWS;
    return view_is_dense(v, ORDER_ROWS) ? ORDER_ROWS : ORDER_CHANNELS;
}

void view_permute(const struct view *v, const int64_t *perm, struct view *result)
{
    struct view r = *v;
    for (int i = 0; i < v->rank; i++) {
        r.dims[i] = v->dims[perm[i]];
        r.stride[i] = v->stride[perm[i]];
    }
    memset(r.border, 0, sizeof r.border);
    *result = r;
}

void view_broadcast(const struct view *v, int rank, const int64_t *dims, struct view *result)
{
    struct view r = *v;
    r.rank = rank;
    for (int i = 0; i < rank; i++) {
        int from = i - (rank - v->rank);
        r.dims[i] = dims[i];
        r.stride[i] = from >= 0 && v->dims[from] != 1 ? v->stride[from] : 0;
    }
    memset(r.border, 0, sizeof r.border);
    *result = r;
}

/* Drops axes of size 1 and merges each axis into its inner neighbour where strides allow; returns the rank. */
static int merge_axes(const struct view *v, int64_t *dims, ptrdiff_t *stride)
{
    int n = 0;
    for (int i = 0; i < v->rank; i++) {
        if (v->dims[i] == 1)
            continue;
        if (n > 0 && stride[n - 1] == v->stride[i] * v->dims[i]) {
            dims[n - 1] *= v->dims[i];
            stride[n - 1] = v->stride[i];
        } else {
            dims[n] = v->dims[i];
            stride[n++] = v->stride[i];
        }
    }
    return n;
}

bool view_reshape(const struct view *v, int rank, const int64_t *dims, struct view *result)
{
    int64_t have[TENSOR_MAX_RANK];
    ptrdiff_t stride[TENSOR_MAX_RANK];
    struct view r = *v;
    int n = merge_axes(v, have, stride), m = n - 1;
    int64_t left = n ? have[n - 1] : 1;
    ptrdiff_t step = n ? stride[n - 1] : 1;
    r.rank = rank;
    memset(r.border, 0, sizeof r.border);
    if (view_count(v) == 0) {
        memcpy(r.dims, dims, sizeof(int64_t) * (size_t)rank);
        view_dense(&r, ORDER_ROWS);
        *result = r;
        return true;
    }
    for (int i = rank - 1; i >= 0; i--) { /* cut the new axes off the old ones, innermost first */
        r.dims[i] = dims[i];
        r.stride[i] = step;
        if (dims[i] == 1)
            continue;
        if (left == 1 && m > 0) {
            m--;
            left = have[m];
            step = stride[m];
            r.stride[i] = step;
        }
        if (left % dims[i] != 0)
            return false;
        left /= dims[i];
        step *= dims[i];
    }
    *result = r;
    return true;
}

/* ---- matrices ---- */

int64_t view_matrices(const struct view *v)
{
    int64_t count = 1;
    for (int i = 0; i < v->rank - 2; i++)
        count *= v->dims[i];
    return count;
}

ptrdiff_t view_matrix(const struct view *v, const struct view *out, int64_t index)
{
    ptrdiff_t offset = 0;
    for (int i = out->rank - 3; i >= 0; i--) {
        int from = i - (out->rank - v->rank);
        if (from >= 0 && v->dims[from] != 1)
            offset += index % out->dims[i] * v->stride[from];
        index /= out->dims[i];
    }
    return offset;
}

int64_t view_matrix_index(const struct view *v, const struct view *out, int64_t index)
{
    struct view dense = *v;
    ptrdiff_t step = 1;
    for (int i = v->rank - 3; i >= 0; i--) {
        dense.stride[i] = step;
        step *= v->dims[i];
    }
    return view_matrix(&dense, out, index);
}

/* ---- loop nests ---- */

static bool is_mergeable(const struct nest *nest, int count, int outer, int64_t inner_dim,
                         const ptrdiff_t *inner_stride)
{
    for (int k = 0; k < count; k++)
        if (nest->stride[k][outer] != inner_stride[k] * inner_dim)
            return false;
    return true;
}

static void add_axis(struct nest *nest, const struct view *const *views, int count, int axis)
{
    ptrdiff_t stride[NEST_MAX];
    int64_t dim = views[0]->dims[axis];
    for (int k = 0; k < count; k++)
        stride[k] = views[k]->stride[axis];
    int at = nest->rank;
    if (at > 0 && is_mergeable(nest, count, at - 1, dim, stride)) {
        at--;
        nest->dims[at] *= dim;
    } else {
        nest->dims[at] = dim;
        nest->rank++;
    }
    for (int k = 0; k < count; k++)
        nest->stride[k][at] = stride[k];
}

void nest_make(struct nest *nest, const struct view *const *views, int count)
{
    const struct view *v = views[0];
    int axes[TENSOR_MAX_RANK], n = 0;
    memset(nest, 0, sizeof *nest);
    for (int i = 0; i < v->rank; i++) { /* insertion sort, large strides first; stable */
        if (v->dims[i] == 1)
            continue;
        int j = n++;
        for (; j > 0 && labs(v->stride[axes[j - 1]]) < labs(v->stride[i]); j--)
            axes[j] = axes[j - 1];
        axes[j] = i;
    }
    for (int i = 0; i < n; i++)
        add_axis(nest, views, count, axes[i]);
    if (nest->rank == 0) {
        nest->rank = 1;
        nest->dims[0] = 1;
    }
}

void nest_pixels(struct nest *nest, const struct view *out, const struct view *in)
{
    struct view o = *out, i = *in;
    o.dims[1] = i.dims[1] = 1;
    nest_make(nest, (const struct view *const[]){&o, &i}, 2);
    int inner = nest->rank++;
    nest->dims[inner] = out->dims[1];
    nest->stride[0][inner] = nest->stride[1][inner] = 1;
}

int64_t nest_outer(const struct nest *nest)
{
    int64_t n = 1;
    for (int i = 0; i < nest->rank - 1; i++)
        n *= nest->dims[i];
    return n;
}

int64_t nest_run(const struct nest *nest, int64_t index, int64_t last)
{
    int64_t dim = nest->rank > 1 ? nest->dims[nest->rank - 2] : 1, left = dim - index % dim;
    return left < last - index ? left : last - index;
}

void nest_at(const struct nest *nest, int count, int64_t index, ptrdiff_t *offset)
{
    for (int k = 0; k < count; k++)
        offset[k] = 0;
    for (int i = nest->rank - 2; i >= 0; i--) {
        int64_t at = index % nest->dims[i];
        index /= nest->dims[i];
        for (int k = 0; k < count; k++)
            offset[k] += at * nest->stride[k][i];
    }
}
