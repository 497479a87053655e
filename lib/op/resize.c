/* Resize and Upsample: reading attributes and inputs into a plan, and shape inference. */
#include "op/resize.h"

#include <math.h>
#include <string.h>

#include "op/axes.h"
#include "op/real.h"
#include "op/rows.h"

/* ---- attributes ---- */

/* The place of a string attribute's value among `names`, which the last, NULL, ends; -1 with a message. */
static int read_choice(const struct node *n, const char *attr, const char *const *names, struct error *err)
{
    const char *value = op_string(n, attr);
    for (int i = 0; names[i]; i++)
        if (!strcmp(value, names[i]))
            return i;
    return error_set(err, "attribute %s: '%.40s' is not known", attr, value);
}

static const char *const method_names[] = {"nearest", "linear", "cubic", NULL};

static int read_modes(struct resize *r, const struct node *n, struct error *err)
{
    static const char *const coordinates[] = {
        "half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners", "asymmetric", "tf_crop_and_resize",
        NULL};
    static const char *const roundings[] = {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil", NULL};
    static const char *const policies[] = {"stretch", "not_larger", "not_smaller", NULL};
    int method = read_choice(n, "mode", method_names, err), coordinate, rounding, policy;
    if (method < 0 || (coordinate = read_choice(n, "coordinate_transformation_mode", coordinates, err)) < 0 ||
        (rounding = read_choice(n, "nearest_mode", roundings, err)) < 0 ||
        (policy = read_choice(n, "keep_aspect_ratio_policy", policies, err)) < 0)
        return -1;
    r->method = (enum resize_method)method;
    r->coordinates = (enum resize_coordinates)coordinate;
    r->rounding = (enum resize_rounding)rounding;
    r->policy = (enum resize_policy)policy;
    r->antialias = op_int(n, "antialias") != 0 && method != NEAREST;
    r->exclude_outside = op_int(n, "exclude_outside") != 0;
    r->cubic = op_float(n, "cubic_coeff_a");
    r->outside = op_float(n, "extrapolation_value");
    return 0;
}

static int read_axes(struct resize *r, const struct node *n, int rank, struct error *err)
{
    int count;
    const int64_t *axes = op_ints(n, "axes", &count);
    r->rank = rank;
    r->axis_count = count ? count : rank;
    for (int i = 0; i < rank && !count; i++)
        r->axes[i] = i;
    if (count > rank)
        return error_set(err, "attribute axes: %d values for rank %d", count, rank);
    return count ? axes_list("attribute axes", axes, count, rank, r->axes, err) : 0;
}

/* ---- sizes ---- */

/* The output size for one axis and scale; in float, as shape inference everywhere has it. */
static int scaled_size(const struct resize *r, int axis, double scale, int64_t *out, struct error *err)
{
    if (!(scale > 0) || isinf(scale))
        return error_set(err, "input scales: %g, want a number above 0", scale);
    double size = floorf((float)r->in[axis] * (float)scale);
    if (r->coordinates == TF_CROP_AND_RESIZE)
        size = floor((double)r->in[axis] * (r->end[axis] - r->start[axis]) * scale);
    if (!(size >= 0 && size < 0x1p40))
        return error_set(err, "input scales: %g makes %lld elements on axis %d into %g", scale, (long long)r->in[axis],
                         axis, size);
    *out = (int64_t)size;
    return 0;
}

/* Wanted sizes, one for each of the axes: as they are, or by one common scale. */
static int apply_sizes(struct resize *r, const int64_t *sizes, struct error *err)
{
    double common = 0;
    for (int i = 0; i < r->axis_count; i++) {
        int axis = r->axes[i];
        if (sizes[i] < 0 || (r->in[axis] == 0 && sizes[i] > 0))
            return error_set(err, "input sizes: %lld for axis %d, which has %lld", (long long)sizes[i], axis,
                             (long long)r->in[axis]);
        double scale = r->in[axis] ? (double)sizes[i] / (double)r->in[axis] : 1;
        r->scale[axis] = scale;
        r->out[axis] = sizes[i];
        if (i == 0 || (r->policy == NOT_LARGER ? scale < common : scale > common))
            common = scale;
    }
    for (int i = 0; i < r->axis_count && r->policy != STRETCH; i++) {
        int axis = r->axes[i];
        double size = floor(common * (double)r->in[axis] + 0.5);
        if (!(size < 0x1p40))
            return error_set(err, "input sizes: axis %d would get %g elements", axis, size);
        r->scale[axis] = common;
        r->out[axis] = (int64_t)size;
    }
    return 0;
}

static int apply_scales(struct resize *r, const struct tensor *scales, struct error *err)
{
    if (scales->rank != 1 || scales->dims[0] != r->axis_count)
        return error_set(err, "input scales has %lld elements, want %d", (long long)scales->count, r->axis_count);
    for (int i = 0; i < r->axis_count; i++) {
        int axis = r->axes[i];
        r->scale[axis] = tensor_get_f64(scales, i);
        if (scaled_size(r, axis, r->scale[axis], &r->out[axis], err) < 0)
            return -1;
        if (r->in[axis] == 0 && r->out[axis] > 0)
            return error_set(err, "axis %d is empty and cannot be made larger", axis);
        if (r->antialias && r->out[axis] > 0 && r->scale[axis] * ((double)r->in[axis] + 1) < 0.5)
            return error_set(err, "input scales: %g is too small for %lld elements", r->scale[axis],
                             (long long)r->in[axis]);
    }
    return 0;
}

static int apply_roi(struct resize *r, const struct tensor *roi, struct error *err)
{
    if (r->coordinates != TF_CROP_AND_RESIZE)
        return 0;
    if (!roi || roi->rank != 1 || roi->dims[0] != 2 * r->axis_count)
        return error_set(err, "input roi has %lld elements, want %d", roi ? (long long)roi->count : 0,
                         2 * r->axis_count);
    for (int i = 0; i < r->axis_count; i++) {
        r->start[r->axes[i]] = tensor_get_f64(roi, i);
        r->end[r->axes[i]] = tensor_get_f64(roi, r->axis_count + i);
    }
    return 0;
}

static void start_plan(struct resize *r, int rank, const int64_t *dims)
{
    for (int i = 0; i < rank; i++) {
        r->in[i] = r->out[i] = dims[i];
        r->scale[i] = r->end[i] = 1;
        r->start[i] = 0;
    }
}

/* ---- the operators ---- */

static int run_resize(struct op_eval *c, const struct resize *r, struct error *err)
{
    const struct tensor *x = eval_in(c, 0);
    struct tensor *y = eval_out(c, 0, x->dtype, r->rank, r->out, err);
    if (!y || y->count == 0)
        return y ? 0 : -1;
    if (r->method == NEAREST)
        return resize_nearest(r, x, y, err);
    enum dtype_class class = dtype_info(x->dtype)->class;
    if (class == DTYPE_CLASS_STRING || class == DTYPE_CLASS_COMPLEX)
        return eval_error(c, err, "attribute mode: elements of type %s have only nearest", dtype_info(x->dtype)->name);
    return resize_interpolate(r, x, y, err);
}

/* An input that is there and not empty. */
static const struct tensor *filled(const struct op_eval *c, int i)
{
    const struct tensor *t = eval_in(c, i);
    return t && t->count > 0 ? t : NULL;
}

int resize_plan(struct resize *r, const struct node *n, int rank, const int64_t *dims, const struct tensor *roi,
                const struct tensor *scales, const struct tensor *sizes, struct error *err)
{
    int64_t wanted[TENSOR_MAX_RANK];
    if (read_modes(r, n, err) < 0 || read_axes(r, n, rank, err) < 0)
        return -1;
    start_plan(r, rank, dims);
    if (apply_roi(r, roi, err) < 0)
        return -1;
    if (rank > 0 && !scales == !sizes)
        return error_set(err, "one of the inputs scales and sizes is wanted, %s",
                         scales ? "not both" : "both are absent");
    if (scales)
        return apply_scales(r, scales, err);
    if (sizes && (sizes->rank != 1 || sizes->dims[0] != r->axis_count))
        return error_set(err, "input sizes has %lld elements, want %d", (long long)sizes->count, r->axis_count);
    for (int i = 0; sizes && i < r->axis_count; i++)
        wanted[i] = tensor_get_i64(sizes, i);
    return sizes ? apply_sizes(r, wanted, err) : 0;
}

int eval_resize(struct op_eval *c, struct error *err)
{
    struct resize r = {0};
    const struct tensor *x = eval_in(c, 0);
    if (resize_plan(&r, c->node, x->rank, x->dims, filled(c, 1), filled(c, 2), filled(c, 3), err) < 0)
        return real_eval_fail(c, err);
    return run_resize(c, &r, err);
}

/* The form before Resize: places are y / scale, nearest rounds down. */
static int plan_upsample(struct resize *r, const struct node *n, struct error *err)
{
    const char *mode = op_string(n, "mode");
    int method = !strcmp(mode, "bilinear") ? LINEAR : read_choice(n, "mode", method_names, err);
    if (method < 0)
        return -1;
    r->method = (enum resize_method)method;
    r->coordinates = ASYMMETRIC;
    r->rounding = ROUND_FLOOR;
    r->cubic = -0.75;
    return 0;
}

int eval_upsample(struct op_eval *c, struct error *err)
{
    const struct tensor *x = eval_in(c, 0);
    struct resize r = {.rank = x->rank, .axis_count = x->rank};
    for (int i = 0; i < x->rank; i++)
        r.axes[i] = i;
    start_plan(&r, x->rank, x->dims);
    if (plan_upsample(&r, c->node, err) < 0 || apply_scales(&r, eval_in(c, 1), err) < 0)
        return real_eval_fail(c, err);
    return run_resize(c, &r, err);
}

/* ---- inference ---- */

/* A symbolic dim times a scale, where that is a whole number or one over one. */
static int64_t scaled_symbol(struct graph *g, int64_t dim, double scale)
{
    double inverse = round(1 / scale);
    if (scale >= 1 && scale == floor(scale) && scale < 0x1p31)
        return graph_dim_mul(g, dim, (int64_t)scale);
    if (inverse >= 1 && inverse < 0x1p31 && inverse * scale == 1)
        return graph_dim_div(g, dim, (int64_t)inverse);
    return DIM_UNKNOWN;
}

static int infer_scales(struct op_infer *c, struct resize *r, const struct tensor *scales, struct error *err)
{
    if (scales->rank != 1 || scales->dims[0] != r->axis_count)
        return error_set(err, "input scales has %lld elements, want %d", (long long)scales->count, r->axis_count);
    for (int i = 0; i < r->axis_count; i++) {
        int axis = r->axes[i];
        double scale = tensor_get_f64(scales, i);
        if (r->in[axis] < 0 && scale > 0)
            r->out[axis] =
                r->coordinates == TF_CROP_AND_RESIZE ? DIM_UNKNOWN : scaled_symbol(c->graph, r->in[axis], scale);
        else if (scaled_size(r, axis, scale, &r->out[axis], err) < 0)
            return -1;
    }
    return 0;
}

static int infer_sizes(const struct op_infer *c, struct resize *r, struct error *err)
{
    int64_t sizes[TENSOR_MAX_RANK];
    int count = infer_dims(c, 3, sizes, TENSOR_MAX_RANK);
    bool numeric = count >= 0;
    if (count >= 0 && count != r->axis_count)
        return error_set(err, "input sizes has %d elements, want %d", count, r->axis_count);
    for (int i = 0; i < r->axis_count; i++) {
        r->out[r->axes[i]] = count < 0 || r->policy != STRETCH ? DIM_UNKNOWN : sizes[i];
        numeric = numeric && sizes[i] >= 0 && r->in[r->axes[i]] >= 0;
    }
    return numeric ? apply_sizes(r, sizes, err) : 0;
}

/* Whether an input is surely there with elements. */
static bool surely_filled(const struct op_infer *c, int i)
{
    const struct type *t = infer_type(c, i);
    return t && !(t->rank == 1 && t->dims[0] == 0);
}

static int infer_plan(struct op_infer *c, struct resize *r, struct error *err)
{
    const struct tensor *scales = infer_constant(c, 2), *roi = infer_constant(c, 1);
    if (read_modes(r, c->node, err) < 0 || read_axes(r, c->node, r->rank, err) < 0)
        return -1;
    bool crop_known = r->coordinates != TF_CROP_AND_RESIZE || roi;
    if (crop_known && apply_roi(r, roi, err) < 0)
        return -1;
    if (surely_filled(c, 3) && real_type(c, 3)->rank == 1)
        return infer_sizes(c, r, err);
    if (scales && scales->count > 0 && crop_known)
        return infer_scales(c, r, scales, err);
    for (int i = 0; i < r->axis_count; i++)
        r->out[r->axes[i]] = DIM_UNKNOWN;
    return 0;
}

int infer_resize(struct op_infer *c, struct error *err)
{
    const struct type *x = real_type(c, 0);
    struct resize r = {.rank = x->rank};
    if (x->rank < 0)
        return infer_set(c, 0, x->dtype, -1, NULL, err);
    start_plan(&r, x->rank, x->dims);
    if (infer_plan(c, &r, err) < 0)
        return real_infer_fail(c, err);
    return infer_set(c, 0, x->dtype, x->rank, r.out, err);
}

int infer_upsample(struct op_infer *c, struct error *err)
{
    const struct type *x = real_type(c, 0);
    const struct tensor *scales = infer_constant(c, 1);
    struct resize r = {.rank = x->rank, .axis_count = x->rank};
    if (x->rank < 0)
        return infer_set(c, 0, x->dtype, -1, NULL, err);
    start_plan(&r, x->rank, x->dims);
    for (int i = 0; i < x->rank; i++) {
        r.axes[i] = i;
        if (!scales)
            r.out[i] = DIM_UNKNOWN;
    }
    if (plan_upsample(&r, c->node, err) < 0 || (scales && infer_scales(c, &r, scales, err) < 0))
        return real_infer_fail(c, err);
    return infer_set(c, 0, x->dtype, x->rank, r.out, err);
}
