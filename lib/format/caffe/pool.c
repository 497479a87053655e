/* Pools: over windows, pyramids and regions. */
#include <string.h>

#include "format/caffe/caffe.h"

static const char *const methods[] = {"MAX", "AVE", "STOCHASTIC"};

/* A parameter of one axis, or of both. */
static void read_pair(struct caffe_read *l, const char *const names[3], int64_t otherwise, int64_t low, int64_t *pair)
{
    int64_t both = caffe_int(l, names[0], otherwise);
    for (int i = 0; i < 2; i++) {
        pair[i] = caffe_int(l, names[1 + i], both);
        if (pair[i] < low || pair[i] > INT32_MAX)
            build_fail(l->b, "%s is %lld, want %lld or more", names[0], (long long)pair[i], (long long)low);
    }
}

static void read_pool(struct caffe_read *l, struct build_pool *p)
{
    static const char *const rounds[] = {"CEIL", "FLOOR"};
    int method = protobuf_enum(l->param, "pool", methods, 2, 0);
    read_pair(l, (const char *[]){"stride", "stride_h", "stride_w"}, 1, 1, p->window.stride);
    read_pair(l, (const char *[]){"pad", "pad_h", "pad_w"}, 0, 0, p->window.pads);
    memcpy(p->window.pads + 2, p->window.pads, 2 * sizeof(*p->window.pads));
    p->average = method == 1;
    bool ceil = protobuf_enum(l->param, "round_mode", rounds, 2, 0) == 0 && caffe_int(l, "ceil_mode", 1) != 0;
    p->rounding = ceil ? BUILD_CEIL_CAFFE : BUILD_FLOOR;
    if (method < 0)
        build_fail(l->b, "it pools by a method that is not read, want MAX or AVE");
    if (caffe_rank(l, 0) != 4)
        build_fail(l->b, "its bottom has %d axes, want 4", caffe_rank(l, 0));
}

void caffe_read_pooling(struct caffe_read *l)
{
    struct build_pool p = {.window = build_window(2), .counts_pads = caffe_int(l, "avg_include_pad", 1) != 0};
    read_pool(l, &p);
    if (l->b->failed)
        return;
    if (caffe_int(l, "global_pooling", 0)) {
        l->out[0] = BUILD(l->b, p.average ? "GlobalAveragePool" : "GlobalMaxPool", l->in[0]);
        return;
    }
    read_pair(l, (const char *[]){"kernel_size", "kernel_h", "kernel_w"}, 0, 1, p.window.kernel);
    l->out[0] = build_window_pool(l->b, l->in[0], &p);
    /* Where the maxima were, for an Upsample. */
    if (l->out_count > 1 && !l->b->failed && node_is(l->out[0]->producer, "MaxPool"))
        l->out[1] = build_output(l->b, l->out[0], 1);
}

/* A pyramid: at level i the bottom is pooled to 2^i x 2^i and flattened. Source: spp_layer.cpp. */
void caffe_read_spp(struct caffe_read *l)
{
    int height = (int)caffe_int_in(l, "pyramid_height", 0, 1, 16);
    struct value *levels[16] = {NULL};
    for (int level = 0; level < height && !l->b->failed; level++) {
        struct build_pool p = {.window = build_window(2), .rounding = BUILD_CEIL_CAFFE, .counts_pads = true};
        p.average = protobuf_enum(l->param, "pool", methods, 2, 0) == 1;
        for (int i = 0; i < 2; i++) {
            int64_t in = caffe_dim(l, 0, 2 + i), bins = INT64_C(1) << level;
            p.window.kernel[i] = p.window.stride[i] = (in + bins - 1) / bins;
            p.window.pads[i] = p.window.pads[2 + i] = (p.window.kernel[i] * bins - in + 1) / 2;
        }
        if (!l->b->failed && p.window.kernel[0] > 0 && p.window.kernel[1] > 0)
            levels[level] = BUILD(l->b, "Flatten/axis=1", build_window_pool(l->b, l->in[0], &p));
    }
    if (!l->b->failed)
        l->out[0] = build_int(l->b, build_node(l->b, "Concat", height, levels), "axis", 1);
}

void caffe_read_roi_pooling(struct caffe_read *l)
{
    int64_t pooled[2] = {caffe_int_in(l, "pooled_h", 0, 1, 65535), caffe_int_in(l, "pooled_w", 0, 1, 65535)};
    caffe_rank(l, 1);
    struct value *v = l->b->failed ? NULL : BUILD(l->b, "MaxRoiPool", l->in[0], l->in[1]);
    build_ints(l->b, v, "pooled_shape", 2, pooled);
    l->out[0] = build_float(l->b, v, "spatial_scale", caffe_float(l, "spatial_scale", 1));
}

void caffe_read_psroi_pooling(struct caffe_read *l)
{
    int64_t group = caffe_int_in(l, "group_size", 0, 1, 65535);
    caffe_rank(l, 1);
    struct value *v = l->b->failed ? NULL : BUILD(l->b, "nn.PSRoiPool", l->in[0], l->in[1]);
    build_int(l->b, v, "output_dim", caffe_int_in(l, "output_dim", 0, 1, INT32_MAX));
    build_ints(l->b, v, "pooled_shape", 2, (int64_t[]){group, group});
    l->out[0] = build_float(l->b, v, "spatial_scale", caffe_float(l, "spatial_scale", 1));
}
