/* AffineGrid and CenterCropPad. */
#include <string.h>

#include "op/axes.h"
#include "op/real.h"
#include "op/rows.h"
#include "op/util.h"

/* ---- AffineGrid ---- */

/* Coordinate i of `size` in [-1, 1]: of corners, or of the middles of that many cells. */
static double grid_coordinate(int64_t i, int64_t size, bool align_corners)
{
    if (align_corners)
        return size > 1 ? 2 * (double)i / (double)(size - 1) - 1 : 0;
    return (2 * (double)i + 1) / (double)size - 1;
}

int eval_affine_grid(struct op_eval *c, struct error *err)
{
    const struct tensor *theta = eval_in(c, 0);
    int64_t size[5], dims[5], at[5] = {0};
    int rank = eval_ints(c, 1, size, 5, err), axes = rank - 2;
    bool align = op_int(c->node, "align_corners") != 0;
    if (rank < 0)
        return -1;
    if (rank != 4 && rank != 5)
        return eval_error(c, err, "input size has %d elements, want 4 or 5", rank);
    if (real_want_dims(c, 0, "theta", 3, (int64_t[]){size[0], axes, axes + 1}, err) < 0)
        return -1;
    dims[0] = size[0];
    memcpy(dims + 1, size + 2, (size_t)axes * sizeof(int64_t));
    dims[rank - 1] = axes;
    struct tensor *y = eval_out(c, 0, theta->dtype, rank, dims, err);
    for (int64_t o = 0; y && o < y->count; o++) {
        int64_t row = (at[0] * axes + at[rank - 1]) * (axes + 1);
        double sum = tensor_get_f64(theta, row + axes);
        for (int k = 0; k < axes; k++) /* x, the last axis, comes first */
            sum += tensor_get_f64(theta, row + k) * grid_coordinate(at[axes - k], dims[axes - k], align);
        real_write(y, o, 1, &sum);
        for (int i = rank - 1; i >= 0 && ++at[i] == dims[i]; i--)
            at[i] = 0;
    }
    return y ? 0 : -1;
}

int infer_affine_grid(struct op_infer *c, struct error *err)
{
    const struct type *theta = real_type(c, 0), *list = real_type(c, 1);
    int64_t size[5], dims[5];
    int64_t count = list->rank == 1 ? list->dims[0] : DIM_UNKNOWN;
    int rank = infer_dims(c, 1, size, 5);
    if (rank >= 0)
        count = rank;
    if (count < 0)
        return infer_set(c, 0, theta->dtype, -1, NULL, err);
    if (count != 4 && count != 5)
        return infer_error(c, err, "input size has %lld elements, want 4 or 5", (long long)count);
    for (int i = 0; i < count && rank < 0; i++)
        size[i] = DIM_UNKNOWN;
    dims[0] = size[0] == DIM_UNKNOWN && theta->rank == 3 ? theta->dims[0] : size[0];
    memcpy(dims + 1, size + 2, (size_t)(count - 2) * sizeof(int64_t));
    dims[count - 1] = count - 2;
    return infer_set(c, 0, theta->dtype, (int)count, dims, err);
}

/* ---- CenterCropPad ---- */

/* Axes of the node, and their number; all when not given. */
static int crop_axes(const struct node *n, int rank, int *axes, struct error *err)
{
    int count;
    const int64_t *given = op_ints(n, "axes", &count);
    if (!op_has(n, "axes")) {
        for (int i = 0; i < rank; i++)
            axes[i] = i;
        return rank;
    }
    if (count > rank)
        return error_set(err, "attribute axes: %d values for rank %d", count, rank);
    return axes_list("attribute axes", given, count, rank, axes, err) < 0 ? -1 : count;
}

/* Copies the part that input and output share: both centred, the odd element cropped or padded at the end. */
static void crop_pad(const struct tensor *x, struct tensor *y)
{
    int64_t box[TENSOR_MAX_RANK], x_steps[TENSOR_MAX_RANK], y_steps[TENSOR_MAX_RANK], x_base = 0, y_base = 0;
    op_steps(x->rank, x->dims, x_steps);
    op_steps(y->rank, y->dims, y_steps);
    for (int i = 0; i < x->rank; i++) {
        int64_t less = x->dims[i] - y->dims[i];
        box[i] = less > 0 ? y->dims[i] : x->dims[i];
        x_base += less > 0 ? less / 2 * x_steps[i] : 0;
        y_base += less < 0 ? -less / 2 * y_steps[i] : 0;
    }
    struct op_walk w;
    op_walk_init(&w, x->rank, box, 2, (const int64_t *const[]){x_steps, y_steps});
    while (op_walk(&w))
        op_move(y, y_base + w.at[1], w.run_step[1], x, x_base + w.at[0], w.run_step[0], w.run);
}

int eval_center_crop_pad(struct op_eval *c, struct error *err)
{
    const struct tensor *x = eval_in(c, 0);
    int64_t dims[TENSOR_MAX_RANK], wanted[TENSOR_MAX_RANK];
    int axes[TENSOR_MAX_RANK], count = crop_axes(c->node, x->rank, axes, err);
    if (count < 0)
        return real_eval_fail(c, err);
    int given = eval_ints(c, 1, wanted, TENSOR_MAX_RANK, err);
    if (given < 0)
        return -1;
    if (given != count)
        return eval_error(c, err, "input shape has %d elements, want %d", given, count);
    memcpy(dims, x->dims, sizeof dims);
    for (int i = 0; i < count; i++)
        dims[axes[i]] = wanted[i];
    struct tensor *y = eval_out(c, 0, x->dtype, x->rank, dims, err);
    if (y && y->count > 0 && x->count > 0)
        crop_pad(x, y);
    return y ? 0 : -1;
}

int infer_center_crop_pad(struct op_infer *c, struct error *err)
{
    const struct type *x = real_type(c, 0);
    int64_t dims[TENSOR_MAX_RANK], wanted[TENSOR_MAX_RANK];
    int axes[TENSOR_MAX_RANK];
    if (x->rank < 0)
        return infer_set(c, 0, x->dtype, -1, NULL, err);
    int count = crop_axes(c->node, x->rank, axes, err), given = infer_dims(c, 1, wanted, TENSOR_MAX_RANK);
    if (count < 0)
        return real_infer_fail(c, err);
    if (given >= 0 && given != count)
        return infer_error(c, err, "input shape has %d elements, want %d", given, count);
    memcpy(dims, x->dims, sizeof dims);
    for (int i = 0; i < count; i++)
        dims[axes[i]] = given < 0 ? DIM_UNKNOWN : wanted[i];
    return infer_set(c, 0, x->dtype, x->rank, dims, err);
}
