/* Operators on [N, C, H, W], however the net has its axes: convolutions, pools, norms, sizes. */
#include <string.h>

#include "format/mace/mace.h"
#include "op/build_filled.h"

/* ---- layout ---- */

struct value *mace_image(struct netdef_op *o, int k)
{
    build_expect(o->b, netdef_in(o, k), 4, mace_of(o)->format == MACE_NCHW ? 1 : 3, 0, DTYPE_NONE);
    if (netdef_rank(o, k) != 4)
        build_fail(o->b, "input %d has %d axes, want 4", k, netdef_rank(o, k));
    return mace_of(o)->format == MACE_NCHW ? netdef_in(o, k) : build_channels_first(o->b, netdef_in(o, k), 4);
}

void mace_give_image(struct netdef_op *o, struct value *v)
{
    netdef_give(o, 0, mace_of(o)->format == MACE_NCHW ? v : build_channels_last(o->b, v, 4));
}

static int64_t image_dim(struct netdef_op *o, int k, int axis)
{
    static const int last[] = {0, 3, 1, 2};
    return netdef_dim(o, k, mace_of(o)->format == MACE_NCHW ? axis : last[axis]);
}

/* ---- windows ---- */

enum padding { PADDING_VALID, PADDING_SAME, PADDING_FULL };

static void pair(struct netdef_op *o, const char *name, int64_t *values)
{
    int count = netdef_ints(o, name, values, 2);
    if (count > 0 && count != 2)
        build_fail(o->b, "%s has %d numbers, want 2", name, count);
}

/* Pads are given as the sum of both sides, or by a rule: true for the rule SAME. */
static bool read_pads(struct netdef_op *o, struct build_window *w)
{
    int64_t sums[2] = {0}, rule = netdef_int(o, "padding", PADDING_VALID);
    bool given = netdef_ints(o, "padding_values", NULL, 0) > 0;
    pair(o, "padding_values", sums);
    for (int i = 0; i < 2; i++) {
        w->pads[i] = given ? sums[i] / 2 : 0;
        w->pads[2 + i] = given ? sums[i] - sums[i] / 2 : 0;
        if (!given && rule == PADDING_FULL) {
            if (__builtin_mul_overflow(w->kernel[i] > 0 ? w->kernel[i] - 1 : 0, w->dilation[i], &w->pads[i]))
                build_fail(o->b, "a window of %lld by %lld", (long long)w->kernel[i], (long long)w->dilation[i]);
            w->pads[2 + i] = w->pads[i];
        }
    }
    return !given && rule == PADDING_SAME;
}

static struct value *set_window(struct netdef_op *o, struct value *v, struct build_window *w)
{
    bool same = read_pads(o, w);
    build_set_window(o->b, v, w);
    return same ? build_string(o->b, v, "auto_pad", "SAME_UPPER") : v;
}

/* The window of the filter, whose dims after moving are [x, y, h, w]. */
static struct build_window read_window(struct netdef_op *o, struct value *filter)
{
    struct build_window w = build_window(2);
    const struct type *type = filter ? build_type(o->b, filter) : NULL;
    pair(o, "strides", w.stride);
    pair(o, "dilations", w.dilation);
    for (int i = 0; i < 2 && type; i++)
        w.kernel[i] = type->rank == 4 ? type->dims[2 + i] : 0;
    return w;
}

/* The filter with its axes in this order; otherwise: of a net with bytes. */
static struct value *moved_filter(struct netdef_op *o, const int64_t *perm, const int64_t *otherwise)
{
    if (netdef_rank(o, 1) != 4)
        build_fail(o->b, "a filter of %d axes, want 4", netdef_rank(o, 1));
    const int64_t *order = mace_of(o)->is_ohwi ? otherwise : perm;
    return order && !o->b->failed ? build_permuted(o->b, netdef_in(o, 1), 4, order) : netdef_in(o, 1);
}

static struct value *optional(struct netdef_op *o, int k)
{
    return k < o->in_count ? o->in[k] : NULL;
}

static void give_convolved(struct netdef_op *o, struct value *v)
{
    mace_give_image(o, mace_activated(o, v));
}

/* ---- convolutions ---- */

void mace_read_conv(struct netdef_op *o)
{
    struct value *x = mace_image(o, 0), *filter = moved_filter(o, NULL, (int64_t[]){0, 3, 1, 2});
    struct build_window w = read_window(o, filter);
    struct value *v = set_window(o, BUILD(o->b, "Conv", x, filter, optional(o, 2)), &w);
    int64_t channels = image_dim(o, 0, 1), in = o->b->failed ? 1 : filter->type.dims[1];
    if (channels > 0 && in > 0 && channels != in)
        build_int(o->b, v, "group", channels / in);
    give_convolved(o, v);
}

/* A filter [times, channels, h, w], or, on bytes, [h, w, channels, times]. */
void mace_read_depthwise(struct netdef_op *o)
{
    struct value *x = mace_image(o, 0), *filter = moved_filter(o, (int64_t[]){1, 0, 2, 3}, (int64_t[]){2, 3, 0, 1});
    struct build_window w = read_window(o, filter);
    const struct type *type = filter ? build_type(o->b, filter) : NULL;
    int64_t channels = type ? type->dims[0] : 1, out = 0;
    if (type && (channels < 1 || type->dims[1] < 1 || __builtin_mul_overflow(channels, type->dims[1], &out)))
        build_fail(o->b, "its filter must have a known size");
    if (!o->b->failed)
        filter = build_reshaped(o->b, filter, 4, (int64_t[]){out, 1, w.kernel[0], w.kernel[1]});
    struct value *v = set_window(o, BUILD(o->b, "Conv", x, filter, optional(o, 2)), &w);
    give_convolved(o, build_int(o->b, v, "group", channels));
}

/* TensorFlow's have the size of the result as third input, in front of the bias. */
void mace_read_deconv(struct netdef_op *o)
{
    struct value *x = mace_image(o, 0), *filter = moved_filter(o, (int64_t[]){1, 0, 2, 3}, (int64_t[]){3, 0, 1, 2});
    struct build_window w = read_window(o, filter);
    int64_t size[4], in[2] = {image_dim(o, 0, 2), image_dim(o, 0, 3)}, more[2] = {0}, sums[2] = {0};
    bool sized =
        netdef_int(o, "framework_type", 0) == 0 && o->in_count > 2 && build_known(o->b, o->in[2], size, 4, NULL) == 4;
    struct value *v = BUILD(o->b, "ConvTranspose", x, filter, optional(o, sized ? 3 : 2));
    pair(o, "padding_values", sums);
    if (sized)
        build_fit_deconv(o->b, &w, in, size + 1, netdef_int(o, "padding", PADDING_VALID) == PADDING_SAME, more);
    for (int i = 0; i < 2 && !sized; i++) {
        w.pads[i] = sums[i] / 2;
        w.pads[2 + i] = sums[i] - sums[i] / 2;
    }
    build_set_window(o->b, v, &w);
    if (more[0] || more[1])
        build_ints(o->b, v, "output_padding", 2, more);
    build_int(o->b, v, "group", o->kind->onnx ? image_dim(o, 0, 1) : netdef_int(o, "group", 1));
    give_convolved(o, v);
}

/* x [N, C, H, W] times weights [out, C, H, W]: [N, out, 1, 1]. */
void mace_read_fully_connected(struct netdef_op *o)
{
    struct value *x = mace_image(o, 0), *w = moved_filter(o, NULL, (int64_t[]){0, 3, 1, 2});
    int64_t out = netdef_dim(o, 1, 0), in = 1;
    for (int i = 1; i < 4; i++)
        if (netdef_dim(o, 1, i) < 1 || __builtin_mul_overflow(in, netdef_dim(o, 1, i), &in))
            build_fail(o->b, "its weights must have a known size");
    w = o->b->failed ? NULL : build_reshaped(o->b, w, 2, (int64_t[]){out, in});
    x = BUILD(o->b, "Flatten/axis=1", x);
    struct value *v = BUILD(o->b, "Gemm/transB=1", x, w, optional(o, 2));
    give_convolved(o, build_reshape(o->b, v, 4, (int64_t[]){0, out, 1, 1}));
}

/* ---- pools ---- */

/* Sizes are rounded up unless the operator says otherwise, where its pads are numbers. */
void mace_read_pooling(struct netdef_op *o)
{
    struct value *x = mace_image(o, 0);
    struct build_pool p = {.window = build_window(2), .average = netdef_int(o, "pooling_type", 1) == 1};
    bool given = netdef_ints(o, "padding_values", NULL, 0) > 0;
    if (netdef_int(o, "global_pooling", 0)) {
        mace_give_image(o, BUILD(o->b, p.average ? "GlobalAveragePool" : "GlobalMaxPool", x));
        return;
    }
    pair(o, "kernels", p.window.kernel);
    pair(o, "strides", p.window.stride);
    pair(o, "dilations", p.window.dilation);
    p.same = read_pads(o, &p.window);
    p.rounding = given && netdef_int(o, "round_mode", 1) == 1 ? BUILD_CEIL_FULL : BUILD_FLOOR;
    mace_give_image(o, build_window_pool(o->b, x, &p));
}

/* ---- norms ---- */

static struct value *by_channel(struct netdef_op *o, int k)
{
    return build_reshaped(o->b, netdef_in(o, k), 3, (int64_t[]){netdef_dim(o, k, 0), 1, 1});
}

/* Scale and offset, or with mean and variance. */
void mace_read_batch_norm(struct netdef_op *o)
{
    struct value *x = mace_image(o, 0), *v;
    if (o->in_count == 5) {
        v = BUILD(o->b, "BatchNormalization", x, netdef_in(o, 1), netdef_in(o, 2), netdef_in(o, 3), netdef_in(o, 4));
        build_float(o->b, v, "epsilon", netdef_float(o, "epsilon", 1e-4f));
    } else {
        v = BUILD(o->b, "Add", BUILD(o->b, "Mul", x, by_channel(o, 1)), by_channel(o, 2));
    }
    give_convolved(o, v);
}

void mace_read_bias_add(struct netdef_op *o)
{
    if (netdef_rank(o, 0) == 4)
        mace_give_image(o, BUILD(o->b, "Add", mace_image(o, 0), by_channel(o, 1)));
    else
        netdef_give(o, 0, BUILD(o->b, "Add", netdef_in(o, 0), netdef_in(o, 1)));
}

#define MOST_CHANNELS (1 << 20) /* for which numbers are made */

/* `number` for each channel. */
static struct value *equal(struct netdef_op *o, float number)
{
    int64_t channels = image_dim(o, 0, 1);
    if (channels < 1 || channels > MOST_CHANNELS)
        build_fail(o->b, "it has %lld channels, want 1 to %d, and known ones", (long long)channels, MOST_CHANNELS);
    return build_filled(o->b, 1, &channels, number);
}

void mace_read_instance_norm(struct netdef_op *o)
{
    struct value *x = mace_image(o, 0);
    bool affine = netdef_int(o, "affine", 0) != 0;
    struct value *scale = affine ? netdef_in(o, 1) : equal(o, 1), *offset = affine ? netdef_in(o, 2) : equal(o, 0);
    struct value *v = BUILD(o->b, "InstanceNormalization", x, scale, offset);
    give_convolved(o, build_float(o->b, v, "epsilon", netdef_float(o, "epsilon", 1e-4f)));
}

void mace_read_group_norm(struct netdef_op *o)
{
    struct value *v = BUILD(o->b, "GroupNormalization", mace_image(o, 0), equal(o, 1), equal(o, 0));
    build_int(o->b, v, "num_groups", netdef_int(o, "group_num", 32));
    mace_give_image(o, build_float(o->b, v, "epsilon", netdef_float(o, "epsilon", 1e-5f)));
}

/* ONNX divides alpha by the size of the window. */
void mace_read_lrn(struct netdef_op *o)
{
    int64_t radius = netdef_int(o, "depth_radius", 5);
    if (radius < 0 || radius > 65535)
        build_fail(o->b, "depth_radius is %lld", (long long)radius);
    int64_t size = o->b->failed ? 1 : 2 * radius + 1;
    struct value *v = build_int(o->b, BUILD(o->b, "LRN", mace_image(o, 0)), "size", size);
    build_float(o->b, v, "alpha", netdef_float(o, "alpha", 1) * (float)size);
    build_float(o->b, v, "beta", netdef_float(o, "beta", 0.5f));
    mace_give_image(o, build_float(o->b, v, "bias", netdef_float(o, "bias", 1)));
}

/* ---- places ---- */

void mace_read_channel_shuffle(struct netdef_op *o)
{
    struct value *v = BUILD(o->b, "nn.ShuffleChannel", mace_image(o, 0));
    mace_give_image(o, build_int(o->b, v, "group", netdef_int(o, "group", 1)));
}

void mace_read_depth_to_space(struct netdef_op *o)
{
    struct value *v = BUILD(o->b, o->kind->onnx, mace_image(o, 0));
    mace_give_image(o, build_int(o->b, v, "blocksize", netdef_int(o, "block_size", 1)));
}

/* To a size, given or an input, or by factors. */
void mace_read_resize(struct netdef_op *o)
{
    static const char *const rules[] = {"asymmetric", "half_pixel", "pytorch_half_pixel", "asymmetric"};
    int64_t size[2] = {0}, rule = netdef_int(o, "coordinate_transformation_mode", 0);
    float height = netdef_float(o, "height_scale", 0), width = netdef_float(o, "width_scale", 0);
    bool align = netdef_int(o, "align_corners", 0) != 0, nearest = strcmp(o->kind->onnx, "nearest") == 0;
    struct value *x = mace_image(o, 0), *scales = NULL, *sizes = NULL;
    int count = netdef_ints(o, "size", size, 2);
    if (rule < 0 || rule > 3)
        build_fail(o->b, "coordinate_transformation_mode is %lld, want 0 to 3", (long long)rule);
    if (netdef_int(o, "half_pixel_centers", 0))
        rule = 1;
    if (height > 0)
        scales = build_f32s(o->b, 2, (float[]){height, width});
    else if (count == 2 && size[0] > 0)
        sizes = build_list(o->b, 2, size);
    else
        sizes = build_cast(o->b, netdef_in(o, 1), DTYPE_I64);
    struct value *v = BUILD(o->b, "Resize/axes=2,3", x, NULL, scales, sizes);
    build_string(o->b, v, "mode", o->kind->onnx);
    build_string(o->b, v, "coordinate_transformation_mode", align ? "align_corners" : rules[o->b->failed ? 0 : rule]);
    if (nearest)
        build_string(o->b, v, "nearest_mode", align || rule == 1 ? "round_prefer_ceil" : "floor");
    mace_give_image(o, v);
}
