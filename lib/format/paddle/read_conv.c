/* Convolutions and pools. */
#include <string.h>

#include "format/paddle/paddle.h"

#define MOST_AXES 3

/* A number for each spatial axis; one alone is for all. */
static void spatial(struct paddle_node *o, const char *names, int axes, int64_t otherwise, int64_t *values)
{
    int count = paddle_list(o, names, values, MOST_AXES);
    for (int i = count == 1 ? 1 : 0; i < axes && count < axes; i++)
        values[i] = count == 1 ? values[0] : otherwise;
}

static bool is_small(int64_t number)
{
    return number >= 0 && number <= 1024;
}

/* A transposed convolution pads as a convolution of the same input would: its output is not of the input's size. */
static void set_same_of_transposed(struct paddle_node *o, struct value *v, int axes)
{
    int64_t stride[MOST_AXES], pads[2 * MOST_AXES] = {0};
    spatial(o, "strides", axes, 1, stride);
    for (int i = 0; i < axes && !o->b->failed; i++) {
        int64_t in = paddle_dim(o, paddle_in(o, 0), 2 + i), kernel = paddle_dim(o, paddle_in(o, 1), 2 + i), all;
        if (in < 1 || kernel < 1 || in > INT32_MAX || kernel > INT32_MAX || !is_small(stride[i]) || !stride[i]) {
            build_fail(o->b, "padded by SAME, it wants an input of known sizes");
            break;
        }
        all = (in - 1) / stride[i] * stride[i] + kernel - in;
        pads[i] = all > 0 ? all / 2 : 0;
        pads[axes + i] = all > 0 ? all - all / 2 : 0;
    }
    build_ints(o->b, v, "pads", 2 * axes, pads);
}

/* Pads as ONNX has them, from one for each axis, or two: begin and end of the first axis, then of the next; of a list
 * for all axes those of the batch and the channels are 0. */
static void set_pads(struct paddle_node *o, struct value *v, int axes)
{
    int64_t given[2 * TENSOR_MAX_RANK] = {0}, pads[2 * MOST_AXES];
    const char *algorithm = paddle_text(o, "padding_algorithm", "EXPLICIT");
    int count = paddle_list(o, "paddings", given, 2 * TENSOR_MAX_RANK);
    if (strcmp(algorithm, "SAME") == 0) {
        if (v && v->producer && node_is(v->producer, "ConvTranspose"))
            set_same_of_transposed(o, v, axes);
        else
            build_string(o->b, v, "auto_pad", "SAME_UPPER");
        return;
    }
    if (strcmp(algorithm, "VALID") == 0 || count < 0)
        count = 0;
    int skip = count == 2 * axes + 4 ? 4 : 0;
    if (count && count != 1 && count != axes && count - skip != 2 * axes)
        build_fail(o->b, "%d pads of %d axes", count, axes);
    for (int i = 0; i < axes; i++) {
        bool both = count == axes || count == 1;
        pads[i] = count == 0 ? 0 : both ? given[count == 1 ? 0 : i] : given[skip + 2 * i];
        pads[axes + i] = count == 0 ? 0 : both ? pads[i] : given[skip + 2 * i + 1];
    }
    build_ints(o->b, v, "pads", 2 * axes, pads);
}

/* The number of spatial axes, from the filter. */
static int filter_axes(struct paddle_node *o, int k)
{
    int axes = paddle_rank(o, paddle_in(o, k)) - 2;
    if (axes < 1 || axes > MOST_AXES)
        build_fail(o->b, "a filter of %d spatial axes", axes);
    return o->b->failed ? 1 : axes;
}

static void set_window(struct paddle_node *o, struct value *v, int axes)
{
    int64_t values[MOST_AXES];
    spatial(o, "strides", axes, 1, values);
    build_ints(o->b, v, "strides", axes, values);
    spatial(o, "dilations", axes, 1, values);
    if (!paddle_is(o, "padding_algorithm", "SAME")) /* which takes no dilations (UpdatePaddingAndDilation) */
        build_ints(o->b, v, "dilations", axes, values);
    set_pads(o, v, axes);
    if (paddle_int(o, "groups", 1) != 1)
        build_int(o->b, v, "group", paddle_int(o, "groups", 1));
}

void paddle_read_conv(struct paddle_node *o)
{
    int axes = filter_axes(o, 1);
    struct value *x = paddle_in(o, 0);
    if (!o->b->failed)
        build_expect(o->b, x, axes + 2, 1, 0, DTYPE_NONE);
    struct value *v = BUILD(o->b, "Conv", x, paddle_in(o, 1), paddle_optional(o, 2));
    set_window(o, v, axes);
    paddle_give(o, 0, paddle_activate(o, v, paddle_text(o, "fuse_activation", "")));
}

/* The output is as large as asked for: what is missing is added at the end, more[]. Whether anything is stated. */
static bool missing_size(struct paddle_node *o, int axes, int64_t *more)
{
    int64_t want[MOST_AXES], stride[MOST_AXES], dilation[MOST_AXES], pad[2 * MOST_AXES] = {0};
    int count = paddle_list(o, "output_padding", more, MOST_AXES),
        pads = paddle_list(o, "paddings", pad, 2 * MOST_AXES);
    int size = paddle_ints(o, "output_size", 2, -1, want, MOST_AXES, NULL);
    spatial(o, "strides", axes, 1, stride);
    spatial(o, "dilations", axes, 1, dilation);
    for (int i = 0; size == axes && i < axes && !o->b->failed; i++) {
        int64_t in = paddle_dim(o, paddle_in(o, 0), 2 + i), kernel = paddle_dim(o, paddle_in(o, 1), 2 + i);
        int64_t before = pads == axes ? pad[i] : pads == 2 * axes ? pad[2 * i] : 0;
        int64_t behind = pads == 2 * axes ? pad[2 * i + 1] : before, least;
        if (in < 1 || kernel < 1 || in > INT32_MAX || kernel > INT32_MAX || !is_small(stride[i]) ||
            !is_small(dilation[i]) || !is_small(before) || !is_small(behind) || want[i] < 1 || want[i] > INT32_MAX) {
            build_fail(o->b, "with an output size the sizes of its input must be known");
            break;
        }
        least = (in - 1) * stride[i] - before - behind + dilation[i] * (kernel - 1) + 1;
        more[i] = want[i] - least;
        if (more[i] < 0 || more[i] >= stride[i])
            build_fail(o->b, "an output of %lld, which is not from %lld on and %lld further", (long long)want[i],
                       (long long)least, (long long)stride[i]);
    }
    return count == axes || size == axes;
}

void paddle_read_deconv(struct paddle_node *o)
{
    int axes = filter_axes(o, 1);
    int64_t more[MOST_AXES] = {0};
    bool stated = missing_size(o, axes, more); /* may make nodes: before the one that it is for */
    struct value *v = BUILD(o->b, "ConvTranspose", paddle_in(o, 0), paddle_in(o, 1), paddle_optional(o, 3));
    set_window(o, v, axes);
    if (stated)
        build_ints(o->b, v, "output_padding", axes, more);
    paddle_give(o, 0, paddle_activate(o, v, paddle_text(o, "fuse_activation", "")));
}

/* Offsets stand as ONNX has them: y, then x, of each tap. */
void paddle_read_deformable(struct paddle_node *o)
{
    int64_t group = paddle_int(o, "deformable_groups", 1);
    struct value *v =
        BUILD(o->b, "DeformConv", paddle_in(o, 0), paddle_in(o, 2), paddle_in(o, 1), NULL, paddle_optional(o, 3));
    set_window(o, v, filter_axes(o, 2));
    paddle_give(o, 0, group == 1 ? v : build_int(o->b, v, "offset_group", group));
}

/* ---- pools ---- */

static struct value *adaptive(struct paddle_node *o, struct value *x, bool max, int axes, const int64_t *kernel)
{
    bool global = true;
    for (int i = 0; i < axes; i++)
        global = global && kernel[i] == 1;
    if (global)
        return BUILD(o->b, max ? "GlobalMaxPool" : "GlobalAveragePool", x);
    struct value *v = build_ints(o->b, BUILD(o->b, "nn.AdaptivePool", x), "output_size", axes, kernel);
    return max ? build_string(o->b, v, "mode", "max") : v;
}

/* With ceil_mode no window is left out, also one that begins behind the input. */
/* With pads by name the size of the result is rounded up anyway. */
static bool rounds_up(struct paddle_node *o)
{
    return paddle_bool(o, "ceil_mode", false) && !paddle_is(o, "padding_algorithm", "SAME");
}

static struct value *windowed(struct paddle_node *o, struct value *x, bool max, int axes, const int64_t *kernel)
{
    int64_t strides[MOST_AXES];
    bool ceil = rounds_up(o), exclusive = paddle_bool(o, "exclusive", true);
    struct value *v = BUILD(o->b, ceil ? max ? "nn.MaxPool" : "nn.AveragePool" : max ? "MaxPool" : "AveragePool", x);
    build_ints(o->b, v, "kernel_shape", axes, kernel);
    spatial(o, "strides", axes, 1, strides);
    build_ints(o->b, v, "strides", axes, strides);
    set_pads(o, v, axes);
    if (ceil)
        build_string(o->b, v, "rounding", "ceil_full");
    if (!max && !exclusive)
        v = ceil ? build_string(o->b, v, "count", "include_clipped") : build_int(o->b, v, "count_include_pad", 1);
    return v;
}

/* Behind the largest stand their places in the map, where these are asked for. */
static void give_windowed(struct paddle_node *o, struct value *x, bool max, int axes, const int64_t *kernel)
{
    struct value *v = windowed(o, x, max, axes, kernel), *pair[] = {NULL, x};
    if (o->kind->arg) {
        pair[0] = build_output(o->b, v, 1);
        paddle_give(o, 1, build_formula(o->b, "$0 $1 Shape/start=2 ReduceProd/keepdims=0 Mod:2 Cast/to=6", 2, pair));
    }
    paddle_give(o, 0, v);
}

#define WINDOW                                                                                                         \
    "/kernel_size[]@ksize|kernel_size/stride[]@strides/padding[]@paddings/dilation=1/ceil_mode@ceil_mode=0 Cast/to=6"

void paddle_read_pool(struct paddle_node *o)
{
    int64_t kernel[MOST_AXES];
    struct value *x = paddle_in(o, 0);
    int axes = paddle_rank(o, x) - 2;
    bool max = o->kind->arg || paddle_is(o, "pooling_type", "max");
    if (axes < 1 || axes > MOST_AXES) {
        build_fail(o->b, "an input of %d spatial axes", axes);
        return;
    }
    bool global = paddle_bool(o, "global_pooling", false), adapts = paddle_bool(o, "adaptive", false);
    if (o->kind->arg && !global && !adapts && rounds_up(o)) {
        paddle_formula(o, axes == 2 ? "$0 &max_pool2d_with_indices" WINDOW : "$0 &max_pool3d_with_indices" WINDOW);
        return;
    }
    int count = global ? axes : paddle_want_ints(o, "ksize|kernel_size", 1, -1, kernel, MOST_AXES);
    for (int i = 1; count == 1 && i < axes; i++)
        kernel[i] = kernel[0];
    if (count != axes && count != 1)
        build_fail(o->b, "a kernel of %d axes, want %d", count, axes);
    if (global)
        paddle_give(o, 0, BUILD(o->b, max ? "GlobalMaxPool" : "GlobalAveragePool", x));
    else if (adapts)
        paddle_give(o, 0, adaptive(o, x, max, axes, kernel));
    else
        give_windowed(o, x, max, axes, kernel);
}
