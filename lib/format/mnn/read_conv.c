/* Convolutions, their transposes, inner products. */
#include <string.h>

#include "format/mnn/handlers.h"

#define WIDEST (1 << 16) /* of pads */

/* What a Convolution2DCommon says, completed by what is known of the input. */
struct window {
    int64_t kernel[2], stride[2], dilation[2], pads[4]; /* height, width; top, left, bottom, right */
    int64_t group, out, in;                             /* channels */
    int axes;                                           /* 2, or 1: of signals, which have a height only */
    enum mnn_pad pad;
    struct mnn_table common;
};

static void read_window(struct mnn_op *o, struct window *w)
{
    const struct mnn_table *c = &w->common;
    w->kernel[0] = mnn_int(c, "kernelY"), w->kernel[1] = mnn_int(c, "kernelX");
    w->stride[0] = mnn_int(c, "strideY"), w->stride[1] = mnn_int(c, "strideX");
    w->dilation[0] = mnn_int(c, "dilateY"), w->dilation[1] = mnn_int(c, "dilateX");
    w->pads[0] = w->pads[2] = mnn_int(c, "padY"), w->pads[1] = w->pads[3] = mnn_int(c, "padX");
    w->out = mnn_int(c, "outputCount"), w->in = mnn_int(c, "inputCount"), w->group = mnn_int(c, "group");
    w->pad = (enum mnn_pad)mnn_int(c, "padMode");
    struct flatbuf_vector pads = mnn_vector(c, "pads");
    for (size_t i = 0; pads.count >= 4 && i < 4; i++)
        w->pads[i] = flatbuf_vector_int(pads, i);
    for (int i = 0; i < 4; i++)
        if (w->pads[i] < 0 || w->pads[i] > WIDEST)
            build_fail(o->b, "a pad of %lld: want 0 to %d", (long long)w->pads[i], WIDEST);
    if (w->out < 0 || w->in < 0 || w->kernel[0] < 1 || w->kernel[1] < 1)
        build_fail(o->b, "its kernel is %lldx%lld, of %lld channels", (long long)w->kernel[0], (long long)w->kernel[1],
                   (long long)w->out);
}

/* Channels of the image x: as inferred, else as the file says; depthwise files may leave `group` at 1. */
static void read_channels(struct mnn_op *o, struct window *w, struct value *x, bool depthwise)
{
    const struct type *type = x ? build_type(o->b, x) : NULL;
    w->axes = type && type->rank == 3 ? 1 : 2;
    if (type && type->rank >= 2 && type->dims[1] > 0)
        w->in = type->dims[1];
    else if (w->in == 0 && depthwise)
        w->in = w->out;
    w->group = depthwise ? w->in : w->group;
    if (!o->b->failed && (w->group < 1 || w->in < 1 || w->in % w->group || w->out % w->group))
        build_fail(o->b, "%lld to %lld channels in %lld groups", (long long)w->in, (long long)w->out,
                   (long long)w->group);
}

/* The attributes that Conv and ConvTranspose share. */
static struct value *set_window(struct mnn_op *o, const struct window *w, struct value *v)
{
    struct build *b = o->b;
    const int64_t none[4] = {0}, signal[2] = {w->pads[0], w->pads[2]};
    build_ints(b, v, "kernel_shape", w->axes, w->kernel);
    build_ints(b, v, "strides", w->axes, w->stride);
    build_ints(b, v, "dilations", w->axes, w->dilation);
    build_int(b, v, "group", w->group);
    if (w->pad == MNN_PAD_SAME)
        return build_string(b, v, "auto_pad", "SAME_UPPER");
    return build_ints(b, v, "pads", 2 * w->axes, w->pad == MNN_PAD_VALID ? none : w->axes == 1 ? signal : w->pads);
}

static struct value *read_weight(struct mnn_op *o, const struct window *w, bool transposed)
{
    const int64_t dims[4] = {transposed ? w->in : w->out, (transposed ? w->out : w->in) / w->group, w->kernel[0],
                             w->kernel[1]};
    if (!mnn_has_in(o, 1))
        return mnn_weights(o, &o->param, 2 + (w->kernel[1] == 1 ? w->axes : 2), dims);
    struct value *given = mnn_in_float(o, 1);
    const struct type *type = given ? build_type(o->b, given) : NULL;
    bool other = type && type->rank >= 0 && type->rank != 2 + w->axes;
    return other ? build_reshape(o->b, given, 2 + w->axes, dims) : given;
}

static struct value *read_bias(struct mnn_op *o, const struct window *w)
{
    if (mnn_has_in(o, 2))
        return mnn_int_vector(o, mnn_in_float(o, 2));
    return mnn_has_in(o, 1) && !mnn_has(&o->param, "bias") ? NULL : mnn_bias(o, &o->param, w->out);
}

/* ---- of a rank that is not known ---- */

/* Whether the input may be a signal as well as an image. */
static bool is_open(struct mnn_op *o, const struct window *w, struct value *x)
{
    const struct type *type = x && w->kernel[1] == 1 ? build_type(o->b, x) : NULL;
    return type && type->kind == TYPE_TENSOR && type->rank < 0;
}

/* The shape of x with a width of 1 where it has none: of four numbers, so that what is written has a rank. */
static struct value *as_image(struct mnn_op *o, struct value *x)
{
    struct build *b = o->b;
    struct value *longer = BUILD(b, "Concat", BUILD(b, "Shape", x), BUILD_LIST(b, 1));
    struct value *shape = build_slice(b, build_int(b, longer, "axis", 0), 0, 0, 4);
    return BUILD(b, "Reshape", x, build_reshape(b, shape, 1, (int64_t[]){4}));
}

/* An image with as many axes as x. */
static struct value *with_axes_of(struct mnn_op *o, struct value *y, struct value *x)
{
    struct build *b = o->b;
    struct value *rank = build_reshape(b, BUILD(b, "Size", BUILD(b, "Shape", x)), 1, (int64_t[]){1});
    struct value *shape = BUILD(b, "Slice", BUILD(b, "Shape", y), BUILD_LIST(b, 0), rank, BUILD_LIST(b, 0));
    return BUILD(b, "Reshape", y, shape);
}

static void read_convolution(struct mnn_op *o, bool depthwise)
{
    struct window w = {.common = mnn_sub(&o->param, "common")};
    struct value *x = mnn_in_image(o);
    read_window(o, &w);
    read_channels(o, &w, x, depthwise);
    if (o->b->failed)
        return;
    bool open = is_open(o, &w, x);
    struct value *weight = read_weight(o, &w, false), *image = open ? as_image(o, x) : x;
    struct value *y = set_window(o, &w, BUILD(o->b, "Conv", image, weight, read_bias(o, &w)));
    mnn_give_image(o, 0, mnn_activate(o, &w.common, open ? with_axes_of(o, y, x) : y));
}

void mnn_read_convolution(struct mnn_op *o)
{
    read_convolution(o, false);
}

void mnn_read_depthwise(struct mnn_op *o)
{
    read_convolution(o, true);
}

/* ---- of integers ---- */

/* With scales beside the weights the integers have no meaning of their own; else it is a convolution as others. */
static void read_convolution_int8(struct mnn_op *o, bool depthwise)
{
    struct mnn_table quan = mnn_sub(&o->param, "symmetricQuan");
    struct window w = {.common = mnn_sub(&o->param, "common")};
    if (!mnn_vector(&quan, "scale").count || !mnn_vector(&quan, "bias").count) {
        read_convolution(o, depthwise);
        return;
    }
    struct value *x = mnn_int8_image(o, mnn_int(&quan, "zeroPoint"));
    read_window(o, &w);
    read_channels(o, &w, x, depthwise);
    if (o->b->failed)
        return;
    const int64_t dims[4] = {w.out, w.in / w.group, w.kernel[0], w.kernel[1]};
    struct value *weight = mnn_int8_weight(o, &quan, 4, dims), *bias = mnn_int8_bias(o, &quan, w.out);
    struct value *y = set_window(o, &w, BUILD(o->b, "Conv", x, weight, bias));
    mnn_give_image(o, 0, mnn_int8_result(o, &quan, mnn_activate(o, &w.common, y)));
}

void mnn_read_convolution_int8(struct mnn_op *o)
{
    read_convolution_int8(o, false);
}

void mnn_read_depthwise_int8(struct mnn_op *o)
{
    read_convolution_int8(o, true);
}

/* ---- transposed ---- */

/* TensorFlow gives the size of the output, [N, H, W, C], as the last input. */
static struct value *set_output_size(struct mnn_op *o, const struct window *w, struct value *v)
{
    struct flatbuf_vector more = mnn_vector(&w->common, "outPads");
    int64_t size[4];
    if (mnn_int(&w->common, "hasOutputShape")) {
        if (mnn_in_ints(o, o->in.count - 1, size, 4) == 4)
            return build_ints(o->b, v, "output_shape", w->axes, size + 1);
        build_fail(o->b, "the size of its output must be known");
    }
    if (more.count >= 2 && w->pad != MNN_PAD_SAME)
        build_ints(o->b, v, "output_padding", w->axes,
                   (int64_t[]){flatbuf_vector_int(more, 0), flatbuf_vector_int(more, 1)});
    return v;
}

/* SAME where the kernel is shorter than the stride: the output is longer than what the kernels cover. */
static void fill_short(struct window *w, int64_t *padding)
{
    for (int i = 0; i < 2; i++)
        padding[i] = w->stride[i] > w->kernel[i] ? w->stride[i] - w->kernel[i] : 0;
    if (padding[0] || padding[1])
        w->pad = MNN_PAD_EXPLICIT;
    for (int i = 0; i < 2 && w->pad == MNN_PAD_EXPLICIT; i++) {
        int64_t total = w->kernel[i] > w->stride[i] ? w->kernel[i] - w->stride[i] : 0;
        w->pads[i] = total / 2;
        w->pads[i + 2] = total - total / 2;
    }
}

static void read_transposed(struct mnn_op *o, bool depthwise)
{
    struct window w = {.common = mnn_sub(&o->param, "common")};
    struct value *x = mnn_in_image(o);
    bool sized = mnn_int(&w.common, "hasOutputShape") != 0;
    int64_t padding[2] = {0};
    read_window(o, &w);
    read_channels(o, &w, x, depthwise);
    if (o->b->failed)
        return;
    if (sized)
        o->in.count -= o->in.count > 1 ? 1 : 0;
    struct value *weight = read_weight(o, &w, true), *bias = read_bias(o, &w);
    o->in = mnn_vector(&o->table, "inputIndexes");
    if (w.pad == MNN_PAD_SAME && !sized)
        fill_short(&w, padding);
    struct value *y = set_window(o, &w, BUILD(o->b, "ConvTranspose", x, weight, bias));
    y = set_output_size(o, &w, y);
    if (padding[0] || padding[1])
        build_ints(o->b, y, "output_padding", w.axes, padding);
    mnn_give_image(o, 0, mnn_activate(o, &w.common, y));
}

void mnn_read_deconvolution(struct mnn_op *o)
{
    read_transposed(o, false);
}

void mnn_read_deconvolution_depthwise(struct mnn_op *o)
{
    read_transposed(o, true);
}

/* ---- three dimensions ---- */

void mnn_read_convolution3d(struct mnn_op *o)
{
    struct mnn_table common = mnn_sub(&o->param, "common");
    struct value *x = mnn_in_image(o);
    int64_t dims[5], pads[6], stride[3], dilation[3], out = mnn_int(&common, "outputCount");
    int64_t group = mnn_int(&common, "group");
    bool transposed = strcmp(o->kind->name, "ConvTranspose3D") == 0;
    const struct type *type = x ? build_type(o->b, x) : NULL;
    int64_t in = type && type->rank == 5 && type->dims[1] > 0 ? type->dims[1] : mnn_int(&common, "inputCount");
    if (mnn_ints(o, &common, "kernels", dims + 2, 3) != 3 || mnn_ints(o, &common, "strides", stride, 3) != 3 ||
        mnn_ints(o, &common, "dilates", dilation, 3) != 3)
        build_fail(o->b, "its kernel is not of three dimensions");
    int padded = mnn_ints(o, &common, "pads", pads, 6);
    if (padded == 3)
        memcpy(pads + 3, pads, 3 * sizeof(*pads));
    if (!o->b->failed && (group < 1 || in < 1 || in % group || out % group || (padded != 3 && padded != 6)))
        build_fail(o->b, "%lld to %lld channels in %lld groups, %d pads", (long long)in, (long long)out,
                   (long long)group, padded);
    if (o->b->failed)
        return;
    dims[0] = transposed ? in : out;
    dims[1] = (transposed ? out : in) / group;
    struct value *y = BUILD(o->b, o->kind->onnx, x, mnn_weights(o, &o->param, 5, dims), mnn_bias(o, &o->param, out));
    build_ints(o->b, y, "kernel_shape", 3, dims + 2);
    build_ints(o->b, y, "strides", 3, stride);
    build_ints(o->b, y, "dilations", 3, dilation);
    build_int(o->b, y, "group", group);
    if (mnn_int(&common, "padMode") == MNN_PAD_SAME)
        build_string(o->b, y, "auto_pad", "SAME_UPPER");
    else
        build_ints(o->b, y, "pads", 6, pads);
    mnn_give_image(o, 0, mnn_activate(o, &common, y));
}

/* ---- inner product ---- */

void mnn_read_inner_product(struct mnn_op *o)
{
    struct value *x = mnn_in_float(o, 0);
    const struct type *type = x ? build_type(o->b, x) : NULL;
    int64_t out = mnn_int(&o->param, "outputCount"), in = 1;
    bool transposed = mnn_int(&o->param, "transpose") != 0;
    if (o->b->failed)
        return;
    int64_t axis = mnn_int(&o->param, "axis");
    axis = type->rank == 2 || axis < 1 ? 1 : axis;
    for (int i = (int)axis; i < type->rank; i++)
        if (type->dims[i] <= 0 || __builtin_mul_overflow(in, type->dims[i], &in))
            in = 0;
    if (in == 0 && out > 0)
        in = mnn_int(&o->param, "weightSize") / out;
    if (type->rank > 2)
        x = build_int(o->b, BUILD(o->b, "Flatten", x), "axis", axis);
    struct value *weight = mnn_weights(o, &o->param, 2, transposed ? (int64_t[]){in, out} : (int64_t[]){out, in});
    struct value *y = BUILD(o->b, "Gemm", x, weight, mnn_bias(o, &o->param, out));
    mnn_give(o, 0, build_int(o->b, y, "transB", !transposed));
}
