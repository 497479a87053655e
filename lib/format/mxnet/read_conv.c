/* Convolutions, pools, norms, sizes. Channels stand second, or last where the layout says so. */
#include <math.h>
#include <string.h>

#include "format/mxnet/mxnet.h"

#define MOST_AXES 3     /* spatial ones */
#define MOST_SIDE 65536 /* elements, as build_set_window() has it */

/* ---- layouts ---- */

static bool is_last(const struct mxnet_op *o)
{
    const char *layout = mxnet_text(o, "layout", "");
    size_t n = strlen(layout);
    return n > 2 && layout[n - 1] == 'C';
}

/* Input 0 with channels second; channels: how many there are, or 0. */
static struct value *image(struct mxnet_op *o, int rank, int64_t channels)
{
    struct value *x = mxnet_in(o, 0);
    bool last = is_last(o);
    build_expect(o->b, x, rank, last ? rank - 1 : 1, channels, DTYPE_NONE);
    int own = build_rank_of(o->b, x);
    if (own != rank)
        build_fail(o->b, "an input of %d axes, want %d", own, rank);
    return last ? build_channels_first(o->b, x, rank) : x;
}

static void give_image(struct mxnet_op *o, struct value *v, int rank)
{
    mxnet_give(o, 0, is_last(o) ? build_channels_last(o->b, v, rank) : v);
}

/* Fills `values` where the parameter is set. */
static void sizes(struct mxnet_op *o, const char *name, int rank, int64_t *values)
{
    int64_t given[MOST_AXES];
    int count = mxnet_ints(o, name, given, MOST_AXES);
    if (count > 0 && count != rank)
        build_fail(o->b, "%s has %d numbers, want %d", name, count, rank);
    for (int i = 0; i < count && !o->b->failed; i++) {
        if (given[i] < 0 || given[i] > MOST_SIDE)
            build_fail(o->b, "%s has a %lld, want 0 to %d", name, (long long)given[i], MOST_SIDE);
        values[i] = given[i];
    }
}

static struct build_window window(struct mxnet_op *o, int rank)
{
    struct build_window w = build_window(rank);
    sizes(o, "kernel", rank, w.kernel);
    sizes(o, "stride", rank, w.stride);
    sizes(o, "dilate", rank, w.dilation);
    sizes(o, "pad", rank, w.pads);
    memcpy(w.pads + rank, w.pads, (size_t)rank * sizeof(*w.pads));
    return w;
}

/* How many spatial axes: the kernel says it. */
static int spatial(struct mxnet_op *o)
{
    int64_t kernel[MOST_AXES];
    int rank = mxnet_ints(o, "kernel", kernel, MOST_AXES);
    if (rank < 1)
        build_fail(o->b, "its kernel is not set");
    return rank < 1 ? 1 : rank;
}

static struct value *optional_bias(struct mxnet_op *o, bool none)
{
    return mxnet_bool(o, "no_bias", none) ? NULL : mxnet_in(o, 2);
}

void mxnet_read_conv(struct mxnet_op *o)
{
    int rank = spatial(o);
    int64_t group = mxnet_int(o, "num_group", 1), channels = 0;
    struct build_window w = window(o, rank);
    struct value *weight = mxnet_in(o, 1);
    if (is_last(o))
        weight = build_channels_first(o->b, weight, rank + 2);
    if (group < 1 || __builtin_mul_overflow(build_dim_of(o->b, weight, 1), group, &channels))
        build_fail(o->b, "num_group is %lld, want 1 or more", (long long)group);
    struct value *x = image(o, rank + 2, channels);
    struct value *v = BUILD(o->b, "Conv", x, weight, optional_bias(o, false));
    build_set_window(o->b, v, &w);
    give_image(o, build_int(o->b, v, "group", group), rank + 2);
}

/* target_shape: what comes out, whatever the pads; of an odd number of elements to cut off one more goes in front. */
void mxnet_read_deconv(struct mxnet_op *o)
{
    int rank = spatial(o);
    int64_t more[MOST_AXES] = {0}, want[MOST_AXES] = {0}, in[MOST_AXES];
    struct build_window w = window(o, rank);
    struct value *weight = mxnet_in(o, 1);
    if (is_last(o))
        build_fail(o->b, "its layout is %.20s, want channels second", mxnet_text(o, "layout", ""));
    struct value *x = image(o, rank + 2, build_dim_of(o->b, weight, 0));
    sizes(o, "adj", rank, more);
    sizes(o, "target_shape", rank, want);
    for (int i = 0; i < rank; i++)
        in[i] = build_dim_of(o->b, x, 2 + i);
    if (want[0] > 0) {
        struct build_window fit = w;
        for (int i = 0; i < rank; i++)
            fit.kernel[i] = (w.kernel[i] - 1) * w.dilation[i] + 1;
        build_fit_deconv(o->b, &fit, in, want, true, more);
        for (int i = 0; i < rank; i++) {
            w.pads[i] = fit.pads[rank + i];
            w.pads[rank + i] = fit.pads[i];
        }
    }
    struct value *v = BUILD(o->b, "ConvTranspose", x, weight, optional_bias(o, true));
    build_set_window(o->b, v, &w);
    build_int(o->b, v, "group", mxnet_int(o, "num_group", 1));
    mxnet_give(o, 0, build_ints(o->b, v, "output_padding", rank, more));
}

/* ---- pools ---- */

static void global_pool(struct mxnet_op *o, const char *type, struct value *x, int rank)
{
    bool sum = strcmp(type, "sum") == 0, lp = strcmp(type, "lp") == 0;
    struct value *v;
    if (sum)
        v = BUILD(o->b, "ReduceSum", x, build_list(o->b, rank - 2, (int64_t[]){2, 3, 4}));
    else
        v = BUILD(o->b, lp ? "GlobalLpPool" : *type == 'm' ? "GlobalMaxPool" : "GlobalAveragePool", x);
    give_image(o, lp ? build_int(o->b, v, "p", mxnet_int(o, "p_value", 2)) : v, rank);
}

/* Convention full rounds up, and keeps all windows; same is for one axis, without pads. */
void mxnet_read_pool(struct mxnet_op *o)
{
    const char *type = mxnet_text(o, "pool_type", "max"), *rule = mxnet_text(o, "pooling_convention", "valid");
    struct value *in = mxnet_in(o, 0);
    bool global = mxnet_bool(o, "global_pool", false), sum = strcmp(type, "sum") == 0;
    int known = in && build_type(o->b, in)->rank > 2 ? in->type.rank - 2 : 2, rank = global ? known : spatial(o);
    struct value *x = image(o, rank + 2, 0);
    if (strcmp(type, "lp") != 0 && strcmp(type, "max") != 0 && strcmp(type, "avg") != 0 && !sum)
        build_fail(o->b, "its pool_type is '%.20s', want max, avg, sum or lp", type);
    if (global) {
        global_pool(o, type, x, rank + 2);
        return;
    }
    struct build_pool p = {.window = window(o, rank), .average = *type == 'a' || sum};
    p.counts_pads = sum || mxnet_bool(o, "count_include_pad", true);
    p.rounding = strcmp(rule, "valid") == 0 ? BUILD_FLOOR : BUILD_CEIL_FULL;
    if (strcmp(rule, "same") == 0)
        p.window.pads[rank] = p.window.kernel[0] > p.window.stride[0] ? p.window.kernel[0] - p.window.stride[0] : 0;
    if (*type == 'l') {
        struct value *v = build_set_window(o->b, BUILD(o->b, "LpPool", x), &p.window);
        give_image(o, build_int(o->b, v, "p", mxnet_int(o, "p_value", 2)), rank + 2);
        return;
    }
    double area = 1;
    for (int i = 0; i < rank; i++)
        area *= (double)p.window.kernel[i];
    struct value *v = build_window_pool(o->b, x, &p);
    give_image(o, sum ? BUILD(o->b, "Mul", v, mxnet_number(o, x, area)) : v, rank + 2);
}

void mxnet_read_adaptive_pool(struct mxnet_op *o)
{
    int64_t size[2] = {1, 1};
    int count = mxnet_ints(o, "output_size", size, 2);
    size[1] = count == 1 ? size[0] : size[1];
    struct value *v = BUILD(o->b, "nn.AdaptivePool", image(o, 4, 0));
    mxnet_give(o, 0, build_ints(o->b, v, "output_size", 2, size));
}

/* ---- norms ---- */

/* fix_gamma: the scale is 1, whatever its weights are. */
void mxnet_read_batch_norm(struct mxnet_op *o)
{
    struct value *x = mxnet_in(o, 0), *gamma = mxnet_in(o, 1);
    struct value *mean = o->in_count > 3 ? mxnet_in(o, 3) : mxnet_hidden(o, "_moving_mean"),
                 *variance = o->in_count > 3 ? mxnet_in(o, 4) : mxnet_hidden(o, "_moving_var");
    int64_t channels = build_dim_of(o->b, mean, 0), axis = mxnet_int(o, "axis", 1);
    build_expect(o->b, x, 4, axis == 1 ? 1 : 3, channels, DTYPE_NONE);
    int rank = build_rank_of(o->b, x);
    axis = build_axis(o->b, axis, rank);
    bool last = rank > 2 && axis == rank - 1;
    if (axis != 1 && !last)
        build_fail(o->b, "its axis is %d of %d, want 1 or the last", (int)axis, rank);
    if (mxnet_bool(o, "fix_gamma", true) && channels > 0)
        gamma = BUILD(o->b, "Expand", mxnet_number(o, gamma, 1), BUILD_LIST(o->b, channels));
    struct value *v = BUILD(o->b, "BatchNormalization", last ? build_channels_first(o->b, x, rank) : x, gamma,
                            mxnet_in(o, 2), mean, variance);
    v = build_float(o->b, v, "epsilon", mxnet_float(o, "eps", 1e-3f));
    mxnet_give(o, 0, last ? build_channels_last(o->b, v, rank) : v);
}

void mxnet_read_layer_norm(struct mxnet_op *o)
{
    struct value *x = mxnet_in(o, 0);
    int64_t axis = mxnet_int(o, "axis", -1);
    if (axis != -1 && axis != build_rank_of(o->b, x) - 1)
        build_fail(o->b, "its axis is %lld, want the last", (long long)axis);
    struct value *v = BUILD(o->b, "LayerNormalization/axis=-1", x, mxnet_in(o, 1), mxnet_in(o, 2));
    mxnet_give(o, 0, build_float(o->b, v, "epsilon", mxnet_float(o, "eps", 1e-5f)));
}

void mxnet_read_instance_norm(struct mxnet_op *o)
{
    struct value *x = mxnet_in(o, 0);
    build_expect(o->b, x, 4, 1, build_dim_of(o->b, mxnet_in(o, 1), 0), DTYPE_NONE);
    struct value *v = BUILD(o->b, "InstanceNormalization", x, mxnet_in(o, 1), mxnet_in(o, 2));
    mxnet_give(o, 0, build_float(o->b, v, "epsilon", mxnet_float(o, "eps", 1e-3f)));
}

/* x / sqrt(sum of squares + eps), over all axes but the first, the second, or those behind. */
void mxnet_read_l2_norm(struct mxnet_op *o)
{
    static const int64_t axes[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
    const char *mode = mxnet_text(o, "mode", "instance");
    struct value *x = mxnet_in(o, 0);
    int first = strcmp(mode, "spatial") == 0, rank = strcmp(mode, "channel") == 0 ? 2 : build_rank_of(o->b, x);
    if (rank - 1 - first < 1)
        build_fail(o->b, "an input of %d axes, want more", rank);
    struct value *over = o->b->failed ? NULL : build_list(o->b, rank - 1 - first, axes + first);
    struct value *in[] = {BUILD(o->b, "ReduceSumSquare", x, over), mxnet_number(o, x, mxnet_float(o, "eps", 1e-10f)),
                          x};
    mxnet_give(o, 0, build_formula(o->b, "$2 $0 $1 Add:2 Sqrt Div:2", 3, in));
}

void mxnet_read_lrn(struct mxnet_op *o)
{
    struct value *v = build_int(o->b, BUILD(o->b, "LRN", image(o, 4, 0)), "size", mxnet_int(o, "nsize", 5));
    build_float(o->b, v, "alpha", mxnet_float(o, "alpha", 1e-4f));
    build_float(o->b, v, "beta", mxnet_float(o, "beta", 0.75f));
    mxnet_give(o, 0, build_float(o->b, v, "bias", mxnet_float(o, "knorm", 2)));
}

/* ---- sizes ---- */

static struct value *resized(struct mxnet_op *o, struct value *x, const float *scales, const int64_t *size,
                             const char *mode, const char *rule)
{
    struct value *by = scales ? build_f32s(o->b, 2, scales) : NULL, *to = scales ? NULL : build_list(o->b, 2, size);
    struct value *v = BUILD(o->b, "Resize/axes=2,3", x, NULL, by, to);
    build_string(o->b, v, "mode", mode);
    build_string(o->b, v, "coordinate_transformation_mode", rule);
    return strcmp(mode, "nearest") == 0 ? build_string(o->b, v, "nearest_mode", "floor") : v;
}

/* Nearest, of several inputs: each to the size of the first one's result, joined. Bilinear: by the weights given. */
void mxnet_read_upsample(struct mxnet_op *o)
{
    int64_t scale = mxnet_int(o, "scale", 1), pad = scale / 2;
    struct value *x = image(o, 4, 0);
    if (scale < 1 || scale > 1024)
        build_fail(o->b, "its scale is %lld, want 1 to 1024", (long long)scale);
    if (mxnet_is(o, "sample_type", "nearest")) {
        if (o->in_count > 1)
            build_fail(o->b, "it joins %d inputs, want one", o->in_count);
        mxnet_give(o, 0, resized(o, x, (float[]){(float)scale, (float)scale}, NULL, "nearest", "asymmetric"));
        return;
    }
    struct build_window w = build_window(2);
    for (int i = 0; i < 2; i++) {
        w.kernel[i] = 2 * scale - scale % 2;
        w.stride[i] = scale;
        w.pads[i] = w.pads[2 + i] = pad;
    }
    struct value *v = BUILD(o->b, "ConvTranspose", x, mxnet_in(o, 1));
    build_set_window(o->b, v, &w);
    mxnet_give(o, 0, build_int(o->b, v, "group", build_dim_of(o->b, mxnet_in(o, 1), 0)));
}

void mxnet_read_bilinear_resize(struct mxnet_op *o)
{
    int64_t size[2] = {mxnet_int(o, "height", 1), mxnet_int(o, "width", 1)};
    float scales[2] = {mxnet_float(o, "scale_height", 0), mxnet_float(o, "scale_width", 0)};
    struct value *x = image(o, 4, 0);
    const char *mode = mxnet_text(o, "mode", "size"),
               *rule = mxnet_bool(o, "align_corners", true) ? "align_corners" : "half_pixel";
    for (int i = 0; i < 2; i++) {
        int64_t in = build_dim_of(o->b, x, 2 + i);
        double scaled = (double)scales[i] * (double)in;
        if (scales[i] > 0 && (in <= 0 || scaled > INT32_MAX))
            build_fail(o->b, "the size of its input must be known, and its result's at most %d", INT32_MAX);
        else if (scales[i] > 0)
            size[i] = (int64_t)scaled;
    }
    if (strcmp(mode, "size") != 0 && !(strcmp(mode, "simple") == 0))
        build_fail(o->b, "its mode is '%.20s', want size", mode);
    mxnet_give(o, 0, resized(o, x, NULL, size, "linear", rule));
}

/* ---- regions ---- */

void mxnet_read_roi_pool(struct mxnet_op *o)
{
    int64_t size[2] = {1, 1};
    mxnet_ints(o, "pooled_size", size, 2);
    struct value *v = BUILD(o->b, "MaxRoiPool", image(o, 4, 0), mxnet_in(o, 1));
    build_ints(o->b, v, "pooled_shape", 2, size);
    mxnet_give(o, 0, build_float(o->b, v, "spatial_scale", mxnet_float(o, "spatial_scale", 1)));
}

void mxnet_read_roi_align(struct mxnet_op *o)
{
    int64_t size[2] = {1, 1}, ratio = mxnet_int(o, "sample_ratio", -1);
    mxnet_ints(o, "pooled_size", size, 2);
    if (mxnet_bool(o, "position_sensitive", false))
        build_fail(o->b, "position_sensitive is not read");
    build_expect(o->b, mxnet_in(o, 1), 2, 1, 5, DTYPE_NONE);
    struct value *rois = mxnet_in(o, 1), *batch = build_slice(o->b, rois, 1, 0, 1);
    batch = build_cast(o->b, build_reshape(o->b, batch, 1, (int64_t[]){-1}), DTYPE_I64);
    struct value *v = BUILD(o->b, "RoiAlign", image(o, 4, 0), build_slice(o->b, rois, 1, 1, 5), batch);
    build_float(o->b, v, "spatial_scale", mxnet_float(o, "spatial_scale", 1));
    build_int(o->b, v, "output_height", size[0]);
    build_int(o->b, v, "output_width", size[1]);
    build_int(o->b, v, "sampling_ratio", ratio < 0 ? 0 : ratio);
    mxnet_give(o, 0,
               build_string(o->b, v, "coordinate_transformation_mode",
                            mxnet_bool(o, "aligned", false) ? "half_pixel" : "output_half_pixel"));
}
