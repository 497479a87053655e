/* Layers that change a map's size, without weights. */
#include "format/darknet/darknet.h"

/* "padding" is what both sides together get; the front gets the smaller half. */
static void pool(struct darknet_read *l, const char *op)
{
    struct darknet_map in = darknet_map_of(l, &l->in);
    int64_t stride = darknet_in(l, "stride", 1, 1, 65535), size = darknet_in(l, "size", stride, 1, 65535);
    int64_t strides[2] = {darknet_in(l, "stride_y", stride, 1, 65535), darknet_in(l, "stride_x", stride, 1, 65535)};
    int64_t pad = darknet_in(l, "padding", size - 1, 0, 65535), front = pad / 2, back = pad - front;
    if (!l->b->failed && (in.height + pad < size || in.width + pad < size || back >= size))
        build_fail(l->b, "its window of %lld does not fit an input of %lldx%lld with padding=%lld", (long long)size,
                   (long long)in.width, (long long)in.height, (long long)pad);
    struct value *v = l->b->failed ? NULL : BUILD(l->b, op, l->in);
    build_ints(l->b, v, "kernel_shape", 2, (int64_t[]){size, size});
    build_ints(l->b, v, "strides", 2, strides);
    l->out = build_ints(l->b, v, "pads", 4, (int64_t[]){front, front, back, back});
}

/* The best of each out_channels-th channel. */
static void pool_channels(struct darknet_read *l)
{
    struct darknet_map in = darknet_map_of(l, &l->in);
    int64_t outputs = darknet_in(l, "out_channels", 1, 1, INT32_MAX);
    if (!l->b->failed && in.channels % outputs)
        build_fail(l->b, "%lld channels are no multiple of out_channels=%lld", (long long)in.channels,
                   (long long)outputs);
    if (l->b->failed)
        return;
    struct value *v =
        build_reshape(l->b, l->in, 5, (int64_t[]){0, in.channels / outputs, outputs, in.height, in.width});
    v = BUILD(l->b, "ReduceMax", v, BUILD_LIST(l->b, 1));
    l->out = build_int(l->b, v, "keepdims", 0);
}

void darknet_read_maxpool(struct darknet_read *l)
{
    if (darknet_int(l->section, "antialiasing", 0))
        build_fail(l->b, "antialiasing is not read, want 0");
    if (darknet_int(l->section, "maxpool_depth", 0))
        pool_channels(l);
    else
        pool(l, "MaxPool");
}

void darknet_read_local_avgpool(struct darknet_read *l)
{
    pool(l, "AveragePool");
}

void darknet_read_avgpool(struct darknet_read *l)
{
    darknet_map_of(l, &l->in);
    l->out = l->b->failed ? NULL : BUILD(l->b, "GlobalAveragePool", l->in);
}

void darknet_read_upsample(struct darknet_read *l)
{
    struct darknet_map in = darknet_map_of(l, &l->in);
    int64_t stride = darknet_in(l, "stride", 2, 1, 65535);
    float scale = darknet_float(l->section, "scale", 1);
    struct value *sizes = BUILD_LIST(l->b, 1, in.channels, in.height * stride, in.width * stride);
    struct value *v = l->b->failed ? NULL : BUILD(l->b, "Resize", l->in, NULL, NULL, sizes);
    build_string(l->b, v, "coordinate_transformation_mode", "asymmetric");
    l->out = build_string(l->b, v, "nearest_mode", "floor");
    if (scale != 1 && !l->b->failed)
        l->out = BUILD(l->b, "Mul", l->out, build_number(l->b, DTYPE_F32, scale));
}

/* Whose memory is taken for that of another shape: not what its name says, but what nets were trained with. */
void darknet_read_reorg(struct darknet_read *l)
{
    darknet_map_of(l, &l->in);
    if (darknet_int(l->section, "reverse", 0) || darknet_int(l->section, "flatten", 0) ||
        darknet_int(l->section, "extra", 0))
        build_fail(l->b, "reverse, flatten and extra are not read, want 0");
    struct value *v = l->b->failed ? NULL : BUILD(l->b, "nn.Reorg", l->in);
    l->out = build_int(l->b, v, "stride", darknet_in(l, "stride", 1, 1, 65535));
}

void darknet_read_reorg3d(struct darknet_read *l)
{
    darknet_map_of(l, &l->in);
    bool reverse = darknet_int(l->section, "reverse", 0) != 0;
    struct value *v = l->b->failed ? NULL : BUILD(l->b, reverse ? "DepthToSpace" : "SpaceToDepth", l->in);
    l->out = build_int(l->b, v, "blocksize", darknet_in(l, "stride", 1, 1, 65535));
}

/* The middle; numbers from 0 to 1 become -1 to 1. */
void darknet_read_crop(struct darknet_read *l)
{
    struct darknet_map in = darknet_map_of(l, &l->in);
    int64_t height = darknet_in(l, "crop_height", 1, 1, INT32_MAX),
            width = darknet_in(l, "crop_width", 1, 1, INT32_MAX);
    int64_t top = (in.height - height) / 2, left = (in.width - width) / 2;
    if (!l->b->failed && (height > in.height || width > in.width))
        build_fail(l->b, "%lldx%lld cannot be cut out of %lldx%lld", (long long)width, (long long)height,
                   (long long)in.width, (long long)in.height);
    struct value *v = l->b->failed ? NULL
                                   : BUILD(l->b, "Slice", l->in, BUILD_LIST(l->b, top, left),
                                           BUILD_LIST(l->b, top + height, left + width), BUILD_LIST(l->b, 2, 3));
    if (!l->b->failed && !darknet_int(l->section, "noadjust", 0))
        v = BUILD(l->b, "Sub", BUILD(l->b, "Mul", v, build_number(l->b, DTYPE_F32, 2)),
                  build_number(l->b, DTYPE_F32, 1));
    l->out = v;
}
