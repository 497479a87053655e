/* Operators whose channels stand second, or, with order "NHWC", last. */
#include <string.h>

#include "format/caffe2/caffe2.h"

/* ---- order ---- */

bool caffe2_is_nhwc(struct netdef_op *o)
{
    return strcmp(netdef_text(o, "order", strncmp(o->type, "Int8", 4) == 0 ? "NHWC" : "NCHW"), "NHWC") == 0;
}

struct value *caffe2_image(struct netdef_op *o, int k, int rank, int64_t channels)
{
    bool last = caffe2_is_nhwc(o);
    build_expect(o->b, netdef_in(o, k), rank, last ? rank - 1 : 1, channels, DTYPE_NONE);
    if (netdef_rank(o, k) != rank)
        build_fail(o->b, "input %d has %d axes, want %d", k, netdef_rank(o, k), rank);
    return last ? build_channels_first(o->b, netdef_in(o, k), rank) : netdef_in(o, k);
}

void caffe2_give_image(struct netdef_op *o, struct value *v, int rank)
{
    netdef_give(o, 0, caffe2_is_nhwc(o) ? build_channels_last(o->b, v, rank) : v);
}

/* The same for what works on each channel alone: of any rank. */
static struct value *any_image(struct netdef_op *o, int64_t channels)
{
    build_expect(o->b, netdef_in(o, 0), 4, caffe2_is_nhwc(o) ? 3 : 1, channels, DTYPE_NONE);
    int rank = netdef_rank(o, 0);
    return caffe2_is_nhwc(o) && rank > 2 ? build_channels_first(o->b, netdef_in(o, 0), rank) : netdef_in(o, 0);
}

static void give_any(struct netdef_op *o, struct value *v)
{
    int rank = netdef_rank(o, 0);
    netdef_give(o, 0, caffe2_is_nhwc(o) && rank > 2 ? build_channels_last(o->b, v, rank) : v);
}

/* ---- windows ---- */

enum legacy_pad { PAD_GIVEN, PAD_VALID, PAD_SAME, PAD_CAFFE };

/* Pads: one for all sides, one for each, or the names of the four. */
static void read_pads(struct netdef_op *o, struct build_window *w)
{
    static const char *const sides[] = {"pad_t", "pad_l", "pad_b", "pad_r"};
    int count = netdef_ints(o, "pads", w->pads, 2 * w->rank);
    if (count >= 0 && count != 2 * w->rank)
        build_fail(o->b, "pads has %d numbers, want %d", count, 2 * w->rank);
    for (int i = 0; i < 2 * w->rank && count < 0; i++)
        w->pads[i] = netdef_int(o, "pad", 0);
    for (int i = 0; i < 4 && w->rank == 2 && count < 0; i++)
        w->pads[i] = netdef_int(o, sides[i], w->pads[i]);
}

static struct build_window read_window(struct netdef_op *o, int rank)
{
    static const char *const kernel[] = {"kernel_h", "kernel_w", "kernel_d"};
    static const char *const stride[] = {"stride_h", "stride_w", "stride_d"};
    static const char *const dilation[] = {"dilation_h", "dilation_w", "dilation_d"};
    struct build_window w = build_window(rank);
    netdef_sizes(o, "kernel", kernel, rank, w.kernel);
    netdef_sizes(o, "stride", stride, rank, w.stride);
    netdef_sizes(o, "dilation", dilation, rank, w.dilation);
    if (netdef_int(o, "legacy_pad", PAD_GIVEN) != PAD_VALID)
        read_pads(o, &w);
    return w;
}

static int filter_rank(struct netdef_op *o)
{
    int rank = netdef_rank(o, 1);
    if (!o->b->failed && (rank < 3 || rank > 5))
        build_fail(o->b, "a filter of %d axes, want 3 to 5", rank);
    return o->b->failed ? 3 : rank;
}

/* Filters are [out, in / group, h, w], transposed [in, out / group, h, w]; the second axis stands where channels do. */
void caffe2_read_conv(struct netdef_op *o)
{
    int rank = filter_rank(o);
    bool last = caffe2_is_nhwc(o), transposed = strcmp(o->kind->onnx, "ConvTranspose") == 0;
    int64_t group = netdef_int(o, "group", 1), channels = 0;
    int64_t in = netdef_dim(o, 1, transposed ? 0 : (last ? rank - 1 : 1));
    int64_t adjust[3] = {0};
    if (group < 1 || (!transposed && __builtin_mul_overflow(in, group, &channels)))
        build_fail(o->b, "group is %lld, want 1 or more", (long long)group);
    struct build_window w = read_window(o, rank - 2);
    struct value *x = caffe2_image(o, 0, rank, transposed ? in : channels), *filter = netdef_in(o, 1);
    if (last)
        filter = build_channels_first(o->b, filter, rank);
    struct value *v = BUILD(o->b, o->kind->onnx, x, filter, o->in_count > 2 ? o->in[2] : NULL);
    build_set_window(o->b, v, &w);
    if (netdef_int(o, "legacy_pad", PAD_GIVEN) == PAD_SAME)
        build_string(o->b, v, "auto_pad", "SAME_UPPER");
    if (transposed) {
        netdef_sizes(o, "adj", (const char *[]){"adj_h", "adj_w", "adj_d"}, rank - 2, adjust);
        build_ints(o->b, v, "output_padding", rank - 2, adjust);
    }
    caffe2_give_image(o, build_int(o->b, v, "group", group), rank);
}

void caffe2_read_pool(struct netdef_op *o)
{
    bool average = strcmp(o->kind->onnx, "AveragePool") == 0;
    int64_t legacy = netdef_int(o, "legacy_pad", PAD_GIVEN);
    struct value *x = caffe2_image(o, 0, 4, 0);
    struct build_pool p = {.average = average, .same = legacy == PAD_SAME};
    p.rounding = legacy == PAD_CAFFE ? BUILD_CEIL_CAFFE : BUILD_FLOOR;
    p.counts_pads = netdef_int(o, "count_include_pad", 0) != 0;
    if (netdef_int(o, "global_pooling", 0)) {
        caffe2_give_image(o, BUILD(o->b, average ? "GlobalAveragePool" : "GlobalMaxPool", x), 4);
        return;
    }
    p.window = read_window(o, 2);
    caffe2_give_image(o, build_window_pool(o->b, x, &p), 4);
}

/* ---- norms ---- */

void caffe2_read_batch_norm(struct netdef_op *o)
{
    struct value *x = any_image(o, netdef_dim(o, 1, 0));
    struct value *v =
        BUILD(o->b, "BatchNormalization", x, netdef_in(o, 1), netdef_in(o, 2), netdef_in(o, 3), netdef_in(o, 4));
    give_any(o, build_float(o->b, v, "epsilon", netdef_float(o, "epsilon", 1e-5f)));
}

void caffe2_read_instance_norm(struct netdef_op *o)
{
    struct value *x = any_image(o, netdef_dim(o, 1, 0));
    struct value *v = BUILD(o->b, "InstanceNormalization", x, netdef_in(o, 1), netdef_in(o, 2));
    give_any(o, build_float(o->b, v, "epsilon", netdef_float(o, "epsilon", 1e-5f)));
}

void caffe2_read_group_norm(struct netdef_op *o)
{
    struct value *x = any_image(o, netdef_dim(o, 1, 0));
    struct value *v = BUILD(o->b, "GroupNormalization", x, netdef_in(o, 1), netdef_in(o, 2));
    build_int(o->b, v, "num_groups", netdef_int(o, "group", 32));
    give_any(o, build_float(o->b, v, "epsilon", netdef_float(o, "epsilon", 1e-5f)));
}

/* A list of one number for each channel as [C, 1, 1]. */
static struct value *by_channel(struct netdef_op *o, int k)
{
    int64_t dims[TENSOR_MAX_RANK] = {-1};
    int rank = netdef_rank(o, 0);
    for (int i = 1; i < rank - 1; i++)
        dims[i] = 1;
    return rank < 3 || netdef_dim(o, k, 0) == 1 ? netdef_in(o, k)
                                                : build_reshape(o->b, netdef_in(o, k), rank - 1, dims);
}

void caffe2_read_affine_channel(struct netdef_op *o)
{
    struct value *x = any_image(o, netdef_dim(o, 1, 0));
    give_any(o, BUILD(o->b, "Add", BUILD(o->b, "Mul", x, by_channel(o, 1)), by_channel(o, 2)));
}

void caffe2_read_prelu(struct netdef_op *o)
{
    struct value *x = any_image(o, netdef_dim(o, 1, 0) == 1 ? 0 : netdef_dim(o, 1, 0));
    give_any(o, BUILD(o->b, "PRelu", x, by_channel(o, 1)));
}

void caffe2_read_lrn(struct netdef_op *o)
{
    struct value *v = build_int(o->b, BUILD(o->b, "LRN", any_image(o, 0)), "size", netdef_int(o, "size", 0));
    build_float(o->b, v, "alpha", netdef_float(o, "alpha", 0));
    build_float(o->b, v, "beta", netdef_float(o, "beta", 0));
    give_any(o, build_float(o->b, v, "bias", netdef_float(o, "bias", 1)));
}

/* ---- places ---- */

void caffe2_read_channel_shuffle(struct netdef_op *o)
{
    struct value *v = BUILD(o->b, "nn.ShuffleChannel", caffe2_image(o, 0, 4, 0));
    caffe2_give_image(o, build_int(o->b, v, "group", netdef_int(o, "group", 1)), 4);
}

/* Nearest takes the pixel at or before x / scale; bilinear lets corners be corners. */
void caffe2_read_resize(struct netdef_op *o)
{
    bool nearest = strcmp(o->kind->onnx, "nearest") == 0;
    float both = netdef_float(o, "scale", (float)netdef_int(o, "scale", 2));
    bool old = strcmp(o->type, "UpsampleNearest") == 0;
    float scales[4] = {1, 1, old ? both : netdef_float(o, "height_scale", 1),
                       old ? both : netdef_float(o, "width_scale", 1)};
    struct value *x = caffe2_image(o, 0, 4, 0);
    struct value *v = BUILD(o->b, "Resize", x, NULL, build_f32s(o->b, 4, scales));
    build_string(o->b, v, "mode", o->kind->onnx);
    build_string(o->b, v, "coordinate_transformation_mode", nearest ? "asymmetric" : "align_corners");
    if (nearest)
        build_string(o->b, v, "nearest_mode", "floor");
    caffe2_give_image(o, v, 4);
}

void caffe2_read_pad_image(struct netdef_op *o)
{
    struct build_window w = build_window(2);
    const char *mode = netdef_text(o, "mode", "constant");
    read_pads(o, &w);
    struct value *x = caffe2_image(o, 0, 4, 0), *pads = build_list(o->b, 4, w.pads);
    struct value *v =
        BUILD(o->b, "Pad", x, pads, build_number(o->b, DTYPE_F32, netdef_float(o, "value", 0)), BUILD_LIST(o->b, 2, 3));
    caffe2_give_image(o, build_string(o->b, v, "mode", mode), 4);
}

/* Regions [n, 5] of image and corners, or [n, 4] of the first image. */
void caffe2_read_roi_align(struct netdef_op *o)
{
    build_expect(o->b, netdef_in(o, 1), 2, 1, 5, DTYPE_NONE);
    bool has_batch = netdef_dim(o, 1, 1) != 4;
    struct value *x = caffe2_image(o, 0, 4, 0), *rois = netdef_in(o, 1), *batch, *boxes = rois;
    if (has_batch) {
        batch = build_reshape(o->b, build_slice(o->b, rois, 1, 0, 1), 1, (int64_t[]){-1});
        batch = build_cast(o->b, batch, DTYPE_I64);
        boxes = build_slice(o->b, rois, 1, 1, 5);
    } else {
        batch = BUILD(o->b, "Expand", build_number(o->b, DTYPE_I64, 0), build_shape(o->b, rois, 0, 1));
    }
    struct value *v = BUILD(o->b, "RoiAlign", x, boxes, batch);
    build_float(o->b, v, "spatial_scale", netdef_float(o, "spatial_scale", 1));
    build_int(o->b, v, "output_height", netdef_int(o, "pooled_h", 1));
    build_int(o->b, v, "output_width", netdef_int(o, "pooled_w", 1));
    build_int(o->b, v, "sampling_ratio",
              netdef_int(o, "sampling_ratio", -1) < 0 ? 0 : netdef_int(o, "sampling_ratio", 0));
    build_string(o->b, v, "coordinate_transformation_mode",
                 netdef_int(o, "aligned", 0) ? "half_pixel" : "output_half_pixel");
    caffe2_give_image(o, v, 4);
}
