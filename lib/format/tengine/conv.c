/* Convolutions, pools, norms, sizes: on [N, C, H, W]. */
#include <string.h>

#include "format/tengine/tengine.h"

/* ---- windows ---- */

/* What follows a convolution: -1 nothing, else Relu, or one that is cut at this number too; 1 cuts on both sides. */
static struct value *activated(struct tengine_op *o, struct value *v, int32_t activation)
{
    if (activation < 0)
        return v;
    if (activation == 0)
        return BUILD(o->b, "Relu", v);
    struct value *low = build_number(o->b, DTYPE_F32, activation == 1 ? -1 : 0);
    return BUILD(o->b, "Clip", v, low, build_number(o->b, DTYPE_F32, activation));
}

/* channels: those of input 0, where it is known; or 0. */
static void want_image(struct tengine_op *o, int64_t channels)
{
    build_expect(o->b, tengine_in(o, 0), 4, 1, channels, DTYPE_NONE);
    if (tengine_rank(o, 0) != 4)
        build_fail(o->b, "an input of %d axes, want 4", tengine_rank(o, 0));
}

/* Pairs of parameters, height first. Pads of -1: by the rule SAME. */
static bool read_pads(struct tengine_op *o, struct build_window *w, const uint32_t words[4])
{
    bool same = false;
    for (int i = 0; i < 4; i++) {
        w->pads[i] = tengine_int(o, words[i]);
        same = same || w->pads[i] < 0;
    }
    if (same)
        memset(w->pads, 0, sizeof(w->pads));
    return same;
}

static void read_pair(struct tengine_op *o, uint32_t word, int64_t *pair)
{
    pair[0] = tengine_int(o, word);
    pair[1] = tengine_int(o, word + 1);
}

void tengine_read_conv(struct tengine_op *o)
{
    struct build_window w = build_window(2);
    read_pair(o, 0, w.kernel);
    read_pair(o, 2, w.stride);
    read_pair(o, 4, w.dilation);
    bool same = read_pads(o, &w, (const uint32_t[]){10, 11, 12, 13});
    int64_t in = tengine_dim(o, 1, 1), channels = 0;
    if (in < 1 || __builtin_mul_overflow(in, tengine_int(o, 8), &channels))
        channels = 0;
    want_image(o, channels);
    struct value *v = BUILD(o->b, "Conv", tengine_in(o, 0), tengine_in(o, 1), tengine_bias(o, 2));
    build_set_window(o->b, v, &w);
    if (same)
        build_string(o->b, v, "auto_pad", "SAME_UPPER");
    build_int(o->b, v, "group", tengine_int(o, 8));
    tengine_give(o, 0, activated(o, v, tengine_int(o, 9)));
}

/* Weights are ONNX's, [in, out / group, h, w]. */
void tengine_read_deconv(struct tengine_op *o)
{
    struct build_window w = build_window(2);
    int64_t more[2] = {tengine_int(o, 13), tengine_int(o, 14)};
    read_pair(o, 1, w.kernel);
    read_pair(o, 3, w.stride);
    read_pair(o, 9, w.dilation);
    bool same = read_pads(o, &w, (const uint32_t[]){6, 5, 8, 7});
    want_image(o, tengine_dim(o, 1, 0));
    struct value *v = BUILD(o->b, "ConvTranspose", tengine_in(o, 0), tengine_in(o, 1), tengine_bias(o, 2));
    build_set_window(o->b, v, &w);
    if (same)
        build_string(o->b, v, "auto_pad", "SAME_UPPER");
    if (more[0] || more[1])
        build_ints(o->b, v, "output_padding", 2, more);
    build_int(o->b, v, "group", tengine_int(o, 11));
    tengine_give(o, 0, activated(o, v, tengine_int(o, 12)));
}

/* Weights [out, in], or [in, out] where the first axis is not the number of outputs. */
void tengine_read_fully_connected(struct tengine_op *o)
{
    bool transposed = tengine_dim(o, 1, 0) == tengine_int(o, 0);
    struct value *x = tengine_in(o, 0), *w = tengine_in(o, 1);
    if (tengine_rank(o, 0) != 2)
        x = BUILD(o->b, "Flatten/axis=1", x);
    if (tengine_rank(o, 1) != 2)
        w = BUILD(o->b, "Flatten/axis=1", w);
    tengine_give(o, 0, build_int(o->b, BUILD(o->b, "Gemm", x, w, tengine_bias(o, 2)), "transB", transposed));
}

/* ---- pools ---- */

/* Flavors: 0 rounds down, 1 as Caffe, 2 has the sum of both pads in one; 16 more, or any but 0: pads count. */
void tengine_read_pooling(struct tengine_op *o)
{
    struct build_pool p = {.window = build_window(2), .average = tengine_int(o, 0) == 1};
    int32_t flavor = tengine_int(o, 6);
    want_image(o, 0);
    if (tengine_int(o, 5)) {
        tengine_give(o, 0, BUILD(o->b, p.average ? "GlobalAveragePool" : "GlobalMaxPool", tengine_in(o, 0)));
        return;
    }
    read_pair(o, 1, p.window.kernel);
    read_pair(o, 3, p.window.stride);
    p.same = read_pads(o, &p.window, (const uint32_t[]){7, 8, 7, 8});
    p.counts_pads = flavor != 0;
    p.rounding = (flavor & 15) == 1 ? BUILD_CEIL_CAFFE : BUILD_FLOOR;
    for (int i = 0; i < 2 && (flavor & 15) == 2; i++) {
        p.window.pads[2 + i] = p.window.pads[i] - p.window.pads[i] / 2;
        p.window.pads[i] /= 2;
    }
    tengine_give(o, 0, build_window_pool(o->b, tengine_in(o, 0), &p));
}

static void pool_regions(struct tengine_op *o, struct value *v, int64_t height, int64_t width)
{
    build_ints(o->b, v, "pooled_shape", 2, (int64_t[]){height, width});
    tengine_give(o, 0, build_float(o->b, v, "spatial_scale", tengine_float(o, 2)));
}

void tengine_read_roi_pooling(struct tengine_op *o)
{
    struct value *v = BUILD(o->b, "MaxRoiPool", tengine_in(o, 0), tengine_in(o, 1));
    pool_regions(o, v, tengine_int(o, 0), tengine_int(o, 1));
}

void tengine_read_psroi_pooling(struct tengine_op *o)
{
    struct value *v = BUILD(o->b, "nn.PSRoiPool", tengine_in(o, 0), tengine_in(o, 1));
    build_int(o->b, v, "output_dim", tengine_int(o, 3));
    pool_regions(o, v, tengine_int(o, 1), tengine_int(o, 0));
}

/* ---- norms ---- */

static struct value *scaled(struct tengine_op *o, struct value *v, float by)
{
    return by == 1 ? v : BUILD(o->b, "Mul", v, build_number(o->b, DTYPE_F32, by));
}

static struct value *equal(struct tengine_op *o, float number)
{
    int64_t channels = tengine_dim(o, 0, 1);
    struct value *one = build_number(o->b, DTYPE_F32, number);
    if (channels < 1)
        build_fail(o->b, "its channels must be known");
    return BUILD(o->b, "Expand", one, BUILD_LIST(o->b, channels));
}

/* Caffe's has mean and variance alone; both are sums, of which the first parameter is the weight. */
void tengine_read_batch_norm(struct tengine_op *o)
{
    float weight = tengine_float(o, 0), factor = weight == 0 ? 0 : 1 / weight;
    bool alone = tengine_int(o, 2) != 0;
    struct value *mean = scaled(o, tengine_in(o, alone ? 1 : 3), factor);
    struct value *variance = scaled(o, tengine_in(o, alone ? 2 : 4), factor);
    struct value *scale = alone ? equal(o, 1) : tengine_in(o, 1), *shift = alone ? equal(o, 0) : tengine_in(o, 2);
    struct value *v = BUILD(o->b, "BatchNormalization", tengine_in(o, 0), scale, shift, mean, variance);
    tengine_give(o, 0, build_float(o->b, v, "epsilon", tengine_float(o, 1)));
}

void tengine_read_instance_norm(struct tengine_op *o)
{
    struct value *v = BUILD(o->b, "InstanceNormalization", tengine_in(o, 0), tengine_in(o, 1), tengine_in(o, 2));
    tengine_give(o, 0, build_float(o->b, v, "epsilon", tengine_float(o, 0)));
}

void tengine_read_layer_norm(struct tengine_op *o)
{
    struct value *v = BUILD(o->b, "LayerNormalization", tengine_in(o, 0), tengine_in(o, 1), tengine_optional(o, 2));
    tengine_give(o, 0, build_float(o->b, v, "epsilon", tengine_float(o, 0)));
}

/* Across channels; its k and bias have no part in it. */
void tengine_read_lrn(struct tengine_op *o)
{
    if (tengine_int(o, 3) != 0)
        build_fail(o->b, "its norm_region is %d, want 0, across channels", tengine_int(o, 3));
    struct value *v = build_int(o->b, BUILD(o->b, "LRN", tengine_in(o, 0)), "size", tengine_int(o, 0));
    build_float(o->b, v, "alpha", tengine_float(o, 1));
    tengine_give(o, 0, build_float(o->b, v, "beta", tengine_float(o, 2)));
}

void tengine_read_normalize(struct tengine_op *o)
{
    struct value *v = BUILD(o->b, "nn.Normalize", tengine_in(o, 0), tengine_in(o, 1));
    build_int(o->b, v, "across_spatial", tengine_int(o, 0) != 0);
    tengine_give(o, 0, build_float(o->b, v, "epsilon", 0));
}

void tengine_read_prelu(struct tengine_op *o)
{
    tengine_give(o, 0, BUILD(o->b, "PRelu", tengine_in(o, 0), tengine_by_channel(o, 1)));
}

void tengine_read_scale(struct tengine_op *o)
{
    struct value *v = BUILD(o->b, "Mul", tengine_in(o, 0), tengine_by_channel(o, 1));
    tengine_give(o, 0, build_add(o->b, v, o->in.count > 2 ? tengine_by_channel(o, 2) : NULL));
}

void tengine_read_bias(struct tengine_op *o)
{
    tengine_give(o, 0, BUILD(o->b, "Add", tengine_in(o, 0), tengine_by_channel(o, 1)));
}

/* ---- places ---- */

void tengine_read_reorg(struct tengine_op *o)
{
    struct value *v = BUILD(o->b, "nn.Reorg", tengine_in(o, 0));
    tengine_give(o, 0, build_int(o->b, v, "stride", tengine_int(o, 0)));
}

void tengine_read_shuffle(struct tengine_op *o)
{
    struct value *v = BUILD(o->b, "nn.ShuffleChannel", tengine_in(o, 0));
    tengine_give(o, 0, build_int(o->b, v, "group", tengine_int(o, 0)));
}

void tengine_read_blocks(struct tengine_op *o)
{
    struct value *v = BUILD(o->b, o->kind->onnx, tengine_in(o, 0));
    tengine_give(o, 0, build_int(o->b, v, "blocksize", tengine_int(o, 0)));
}

/* By factors, or, where these are 0, to a size. */
static void resize(struct tengine_op *o, const float scales[2], const int64_t sizes[2], const char *mode,
                   const char *rule)
{
    bool scaled_by = scales[0] > 0 && scales[1] > 0;
    want_image(o, 0);
    struct value *by = scaled_by ? build_f32s(o->b, 2, scales) : NULL,
                 *to = scaled_by ? NULL : build_list(o->b, 2, sizes);
    struct value *v = BUILD(o->b, "Resize/axes=2,3", tengine_in(o, 0), NULL, by, to);
    build_string(o->b, v, "mode", mode);
    build_string(o->b, v, "coordinate_transformation_mode", rule);
    if (strcmp(mode, "nearest") == 0)
        build_string(o->b, v, "nearest_mode", "floor");
    tengine_give(o, 0, v);
}

void tengine_read_upsample(struct tengine_op *o)
{
    resize(o, (float[]){tengine_float(o, 0), tengine_float(o, 0)}, (int64_t[]){0, 0}, "nearest", "asymmetric");
}

void tengine_read_resize(struct tengine_op *o)
{
    resize(o, (float[]){tengine_float(o, 1), tengine_float(o, 0)}, (int64_t[]){0, 0}, "linear", "half_pixel");
}

/* 1 nearest, 2 linear, 3 cubic, 4 linear with corners in place. */
void tengine_read_interp(struct tengine_op *o)
{
    static const char *const modes[] = {"nearest", "linear", "cubic", "linear"};
    static const char *const rules[] = {"asymmetric", "half_pixel", "half_pixel", "align_corners"};
    int32_t type = tengine_int(o, 0);
    if (type < 1 || type > 4) {
        build_fail(o->b, "its resize_type is %d, want 1 to 4", type);
        return;
    }
    resize(o, (float[]){tengine_float(o, 2), tengine_float(o, 1)}, (int64_t[]){tengine_int(o, 4), tengine_int(o, 3)},
           modes[type - 1], rules[type - 1]);
}
