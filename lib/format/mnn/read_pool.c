/* Pooling and resizing. */
#include <string.h>

#include "format/mnn/handlers.h"

enum { POOL_MAX, POOL_AVERAGE };
enum { COUNT_DEFAULT, COUNT_PADDING, COUNT_INSIDE };

struct pool {
    int64_t kernel[2], stride[2], pads[4]; /* height, width; top, left, bottom, right */
    enum mnn_pad pad;
    bool ceil, average, count_padding;
    int64_t empty[2]; /* windows at the end that lie in the padding alone, whose average is 0 */
};

static void read_pool(struct mnn_op *o, struct pool *p)
{
    const struct mnn_table *t = &o->param;
    int64_t count = mnn_int(t, "countType");
    struct flatbuf_vector pads = mnn_vector(t, "pads");
    p->kernel[0] = mnn_int(t, "kernelY"), p->kernel[1] = mnn_int(t, "kernelX");
    for (int i = 0; i < 2; i++) { /* 0 where the source left it out */
        p->stride[i] = mnn_int(t, i ? "strideX" : "strideY");
        p->stride[i] += p->stride[i] == 0;
    }
    p->pads[0] = p->pads[2] = mnn_int(t, "padY"), p->pads[1] = p->pads[3] = mnn_int(t, "padX");
    for (size_t i = 0; pads.count == 4 && i < 4; i++)
        p->pads[i] = flatbuf_vector_int(pads, i);
    p->pad = (enum mnn_pad)mnn_int(t, "padType");
    p->ceil = p->pad == MNN_PAD_EXPLICIT && mnn_int(t, "ceilModel");
    p->average = mnn_int(t, "type") == POOL_AVERAGE;
    p->count_padding = count == COUNT_PADDING || (count == COUNT_DEFAULT && p->pad == MNN_PAD_EXPLICIT && !pads.count);
    if (p->pad != MNN_PAD_EXPLICIT)
        memset(p->pads, 0, sizeof(p->pads));
    if (p->kernel[0] < 1 || p->kernel[1] < 1 || p->stride[0] < 1 || p->stride[1] < 1)
        build_fail(o->b, "its kernel is %lldx%lld, its strides %lld, %lld", (long long)p->kernel[0],
                   (long long)p->kernel[1], (long long)p->stride[0], (long long)p->stride[1]);
}

/* A kernel longer than the padded image is cut to it. MNN rounds sizes up without ONNX's rule that no window may begin
 * in the padding: a maximum takes the padding that is wanted for that, an average is 0 there. */
static void fit_pool(struct pool *p, const struct type *type)
{
    for (int i = 0; i < 2 && p->pad == MNN_PAD_EXPLICIT && type->rank == 4; i++) {
        int64_t size = type->dims[2 + i], room = size + p->pads[i] + p->pads[i + 2];
        if (size < 0)
            return;
        if (p->kernel[i] > room && room > 0)
            p->kernel[i] = room;
        int64_t rest = (room - p->kernel[i]) % p->stride[i], last = room - p->kernel[i] - rest + p->stride[i];
        if (!p->ceil || rest == 0)
            continue;
        if (p->average)
            p->empty[i] = last >= size + p->pads[i];
        else
            p->pads[i + 2] += p->stride[i] - rest;
    }
    p->ceil = p->ceil && (p->average || type->rank != 4 || p->pad != MNN_PAD_EXPLICIT);
}

static void read_global(struct mnn_op *o)
{
    bool average = mnn_int(&o->param, "type") == POOL_AVERAGE;
    mnn_give_image(o, 0, BUILD(o->b, average ? "GlobalAveragePool" : "GlobalMaxPool", mnn_in_image(o)));
}

void mnn_read_pooling(struct mnn_op *o)
{
    struct pool p = {0};
    if (mnn_int(&o->param, "isGlobal")) {
        read_global(o);
        return;
    }
    struct value *x = mnn_in_image(o);
    const struct type *type = x ? build_type(o->b, x) : NULL;
    read_pool(o, &p);
    if (o->b->failed)
        return;
    fit_pool(&p, type);
    int axes = type->rank == 3 ? 1 : 2; /* signals have a height only */
    const int64_t signal[2] = {p.pads[0], p.pads[2]};
    struct value *y = BUILD(o->b, p.average ? "AveragePool" : "MaxPool", x);
    build_ints(o->b, y, "kernel_shape", axes, p.kernel);
    build_ints(o->b, y, "strides", axes, p.stride);
    if (p.pad == MNN_PAD_SAME)
        build_string(o->b, y, "auto_pad", "SAME_UPPER");
    else
        build_ints(o->b, y, "pads", 2 * axes, axes == 1 ? signal : p.pads);
    if (p.ceil)
        build_int(o->b, y, "ceil_mode", 1);
    if (p.average && p.count_padding)
        build_int(o->b, y, "count_include_pad", 1);
    if (p.empty[0] || p.empty[1])
        y = BUILD(o->b, "Pad", y, BUILD_LIST(o->b, 0, 0, 0, 0, 0, 0, p.empty[0], p.empty[1]));
    mnn_give_image(o, 0, y);
}

/* Also of images, where it is global. */
void mnn_read_pooling3d(struct mnn_op *o)
{
    int64_t kernel[3], stride[3], pads[6] = {0}, pad = mnn_int(&o->param, "padType");
    bool average = mnn_int(&o->param, "type") == POOL_AVERAGE;
    if (mnn_int(&o->param, "isGlobal")) {
        read_global(o);
        return;
    }
    if (mnn_ints(o, &o->param, "kernels", kernel, 3) != 3 || mnn_ints(o, &o->param, "strides", stride, 3) != 3)
        build_fail(o->b, "its kernel is not of three dimensions");
    if (pad == MNN_PAD_EXPLICIT && mnn_ints(o, &o->param, "pads", pads, 6) == 3)
        memcpy(pads + 3, pads, 3 * sizeof(*pads));
    struct value *y = BUILD(o->b, average ? "AveragePool" : "MaxPool", mnn_in_image(o));
    build_ints(o->b, y, "kernel_shape", 3, kernel);
    build_ints(o->b, y, "strides", 3, stride);
    if (pad == MNN_PAD_SAME)
        build_string(o->b, y, "auto_pad", "SAME_UPPER");
    else
        build_ints(o->b, y, "pads", 6, pads);
    mnn_give_image(o, 0, y);
}

/* ---- resizing ---- */

/* By Interp.ctm; the first is what two older flags mean. */
static const char *const coordinates[] = {"asymmetric",         "align_corners", "half_pixel",
                                          "pytorch_half_pixel", "asymmetric",    "tf_half_pixel_for_nn"};
/* By Interp.resizeType. */
static const struct {
    const char *mode, *nearest;
} methods[] = {
    {"nearest", "floor"}, {"nearest", "floor"}, {"linear", NULL}, {"cubic", NULL}, {"nearest", "round_prefer_floor"}};

#define COUNT(array) ((int64_t)(sizeof(array) / sizeof(*(array))))

static const char *find_coordinates(const struct mnn_table *t)
{
    int64_t ctm = mnn_int(t, "ctm");
    if (ctm == 0 && mnn_int(t, "halfPixelCenters") && mnn_int(t, "resizeType") != 1)
        return "half_pixel";
    if (ctm == 0 && mnn_int(t, "alignCorners"))
        return "align_corners";
    return ctm >= 0 && ctm < COUNT(coordinates) ? coordinates[ctm] : NULL;
}

static struct value *set_resize(struct mnn_op *o, struct value *y)
{
    int64_t type = mnn_int(&o->param, "resizeType");
    const char *mode = find_coordinates(&o->param);
    if (!mode || type < 0 || type >= COUNT(methods)) {
        build_fail(o->b, "resizing of type %lld, coordinates %lld", (long long)type,
                   (long long)mnn_int(&o->param, "ctm"));
        return NULL;
    }
    build_string(o->b, y, "mode", methods[type].mode);
    build_string(o->b, y, "coordinate_transformation_mode", mode);
    if (methods[type].nearest)
        build_string(o->b, y, "nearest_mode", methods[type].nearest);
    return y;
}

/* Axes 2, …: height and width, or with depth first. */
static struct value *set_axes(struct mnn_op *o, struct value *y, int count)
{
    return build_ints(o->b, y, "axes", count, (int64_t[]){2, 3, 4});
}

/* The sizes of axes first … last - 1 of x times factors. By these places are told, not by the factors. */
static struct value *scaled(struct mnn_op *o, struct value *x, int first, int last, struct value *factors)
{
    struct value *in[2] = {build_shape(o->b, x, first, last), factors};
    return build_formula(o->b, "$0 Cast/to=1 $1 Mul:2 Cast/to=7", 2, in);
}

/* Then both tell the same places. */
static bool are_whole(int count, const float *scale)
{
    for (int i = 0; i < count; i++)
        if (scale[i] < 1 || scale[i] > 1 << 15 || scale[i] != (float)(int)scale[i])
            return false;
    return true;
}

/* The sizes that the operator itself states, as numbers or as factors of the input's. */
static struct value *resize_stated(struct mnn_op *o, struct value *x, const struct type *type)
{
    static const char *const sizes[3] = {"outputDepth", "outputHeight", "outputWidth"};
    static const char *const factors[3] = {"depthScale", "heightScale", "widthScale"};
    int count = type->rank == 5 ? 3 : 2, first = 3 - count;
    int64_t size[3];
    float scale[3];
    bool known = true, stated = true;
    for (int i = 0; i < count; i++) {
        size[i] = mnn_int(&o->param, sizes[first + i]);
        scale[i] = mnn_float(&o->param, factors[first + i]);
        stated = stated && size[i] != 0;
        known = known && type->rank == count + 2 && type->dims[2 + i] >= 0;
    }
    for (int i = 0; i < count && known && !stated; i++)
        size[i] = (int64_t)((float)type->dims[2 + i] * scale[i]);
    if (stated || known)
        return set_axes(o, BUILD(o->b, "Resize", x, NULL, NULL, build_list(o->b, count, size)), count);
    struct value *factor = build_f32s(o->b, count, scale);
    if (are_whole(count, scale))
        return set_axes(o, BUILD(o->b, "Resize", x, NULL, factor, NULL), count);
    return set_axes(o, BUILD(o->b, "Resize", x, NULL, NULL, scaled(o, x, 2, 2 + count, factor)), count);
}

/* Sizes or factors as an input: of all axes, or of height and width. */
static struct value *resize_asked(struct mnn_op *o, struct value *x, int rank)
{
    struct value *asked = mnn_in(o, 1);
    const struct type *type = asked ? build_type(o->b, asked) : NULL;
    if (o->b->failed)
        return NULL;
    bool whole = type->rank == 1 && type->dims[0] == rank, integer = mnn_is_int(o, asked);
    if (whole && integer)
        return BUILD(o->b, "Resize", x, NULL, NULL, asked);
    const char *mode = find_coordinates(&o->param);
    if (whole && mode && strcmp(mode, "align_corners") == 0)
        return BUILD(o->b, "Resize", x, NULL, NULL, scaled(o, x, 0, rank, asked));
    if (whole)
        return BUILD(o->b, "Resize", x, NULL, asked);
    if (!integer)
        asked = build_cast(o->b, asked, DTYPE_I64);
    return set_axes(o, BUILD(o->b, "Resize", x, NULL, NULL, asked), 2);
}

void mnn_read_interp(struct mnn_op *o)
{
    struct value *x = mnn_in_image(o);
    const struct type *type = x ? build_type(o->b, x) : NULL;
    if (!type)
        return;
    struct value *y = mnn_has_in(o, 1) ? resize_asked(o, x, type->rank) : resize_stated(o, x, type);
    mnn_give_image(o, 0, set_resize(o, y));
}

void mnn_read_resize(struct mnn_op *o)
{
    float scale[2] = {mnn_float(&o->param, "yScale"), mnn_float(&o->param, "xScale")};
    struct value *y = BUILD(o->b, "Resize/mode=linear/coordinate_transformation_mode=asymmetric", mnn_in_image(o), NULL,
                            build_f32s(o->b, 2, scale), NULL);
    mnn_give_image(o, 0, set_axes(o, y, 2));
}
