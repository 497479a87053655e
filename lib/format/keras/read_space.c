/* Pools, borders and sizes of pictures. */
#include <string.h>

#include "format/keras/keras.h"
#include "format/tensorflow/tensorflow.h"

#define MOST_AXES 3

/* Input 0 and the number of its spatial axes, which the class ends with: "MaxPooling2D"; operations take any. */
static int spatial(struct keras_call *l)
{
    const char *digit = strpbrk(l->class, "123");
    int n = digit ? *digit - '0' : keras_rank(l, keras_in(l, 0)) - 2;
    if (n < 1 || n > MOST_AXES)
        build_fail(l->b, "an input of %d spatial axes, want 1 to %d", n, MOST_AXES);
    n = l->b->failed ? 1 : n;
    build_expect(l->b, keras_in(l, 0), n + 2, 0, 0, DTYPE_NONE);
    if (keras_rank(l, keras_in(l, 0)) != n + 2)
        build_fail(l->b, "an input of %d axes, want %d", keras_rank(l, keras_in(l, 0)), n + 2);
    return n;
}

static int first_axis(struct keras_call *l)
{
    return keras_is_nchw(l) ? 2 : 1;
}

void keras_read_pool(struct keras_call *l)
{
    int n = spatial(l);
    int64_t sizes[MOST_AXES], strides[MOST_AXES];
    keras_ints(l, "pool_size", n, 2, sizes);
    keras_ints(l, "strides", n, 0, strides);
    struct value *v = BUILD(l->b, l->kind->onnx, keras_to_nchw(l, keras_in(l, 0), n + 2));
    for (int i = 0; i < n; i++)
        strides[i] = strides[i] ? strides[i] : sizes[i];
    build_ints(l->b, v, "kernel_shape", n, sizes);
    build_ints(l->b, v, "strides", n, strides);
    if (strcmp(keras_text(l, "padding", "valid"), "same") == 0)
        build_string(l->b, v, "auto_pad", "SAME_UPPER");
    keras_give(l, keras_from_nchw(l, v, n + 2));
}

void keras_read_adaptive_pool(struct keras_call *l)
{
    int n = spatial(l);
    int64_t sizes[MOST_AXES];
    keras_ints(l, "output_size", n, 1, sizes);
    struct value *v = BUILD(l->b, "nn.AdaptivePool", keras_to_nchw(l, keras_in(l, 0), n + 2));
    build_ints(l->b, v, "output_size", n, sizes);
    if (l->kind->onnx)
        build_string(l->b, v, "mode", l->kind->onnx);
    keras_give(l, keras_from_nchw(l, v, n + 2));
}

/* The mean of the steps that count. */
static struct value *masked_mean(struct keras_call *l, struct value *mask)
{
    struct value *count = build_unsqueeze(l->b, build_cast(l->b, mask, DTYPE_F32), 2);
    struct value *axis = BUILD_LIST(l->b, 1);
    struct value *sum = BUILD(l->b, "ReduceSum", BUILD(l->b, "Mul", keras_in(l, 0), count), axis);
    sum = BUILD(l->b, "Div", sum, BUILD(l->b, "ReduceSum", count, axis));
    return keras_bool(l, "keepdims", false) ? sum : BUILD(l->b, "Squeeze", sum, axis);
}

void keras_read_global_pool(struct keras_call *l)
{
    int n = spatial(l), first = first_axis(l);
    struct value *mask = keras_mask_of(l->r, l->in_count ? l->in[0] : NULL);
    if (mask && n == 1 && strcmp(l->kind->onnx, "ReduceMean") == 0) {
        keras_give(l, masked_mean(l, mask));
        return;
    }
    struct value *axes = build_list(l->b, n, (int64_t[]){first, first + 1, first + 2});
    struct value *v = BUILD(l->b, l->kind->onnx, keras_in(l, 0), axes);
    keras_give(l, build_int(l->b, v, "keepdims", keras_bool(l, "keepdims", false)));
}

/* How much of each side of each axis: a number for all, a number an axis, or pairs. */
static void sides(struct keras_call *l, const char *name, int n, int64_t otherwise, int64_t *before, int64_t *behind)
{
    const struct json *j = &l->r->json;
    const struct json_node *list = keras_member(l, name), *e = list ? json_first(j, list) : NULL;
    int64_t pair[2];
    for (int i = 0; i < n && !l->b->failed; i++) {
        pair[0] = pair[1] = otherwise;
        if (list && list->kind != JSON_ARRAY) {
            pair[0] = pair[1] = keras_number(l, list, name);
        } else if (list && n == 1) {
            if (keras_list_of(l, list, name, pair, 2) == 1)
                pair[1] = pair[0];
        } else if (list) {
            if (!e)
                build_fail(l->b, "its %s has too few numbers", name);
            else if (keras_list_of(l, e, name, pair, 2) == 1)
                pair[1] = pair[0];
            e = e ? json_next(j, e) : NULL;
        }
        before[i] = pair[0];
        behind[i] = pair[1];
        if (pair[0] < 0 || pair[1] < 0 || pair[0] > INT32_MAX || pair[1] > INT32_MAX)
            build_fail(l->b, "its %s has a number out of range", name);
    }
}

void keras_read_padding(struct keras_call *l)
{
    int n = spatial(l), first = first_axis(l);
    int64_t before[MOST_AXES], behind[MOST_AXES], pads[2 * (MOST_AXES + 2)] = {0};
    sides(l, "padding", n, 1, before, behind);
    for (int i = 0; i < n && !l->b->failed; i++) {
        pads[first + i] = before[i];
        pads[n + 2 + first + i] = behind[i];
    }
    keras_give(l, BUILD(l->b, "Pad", keras_in(l, 0), build_list(l->b, 2 * (n + 2), pads)));
}

void keras_read_cropping(struct keras_call *l)
{
    int n = spatial(l), first = first_axis(l);
    int64_t before[MOST_AXES], behind[MOST_AXES];
    sides(l, "cropping", n, n == 1 ? 1 : 0, before, behind);
    struct value *v = keras_in(l, 0);
    for (int i = 0; i < n && !l->b->failed; i++)
        if (before[i] || behind[i])
            v = build_slice(l->b, v, first + i, before[i], behind[i] ? -behind[i] : INT64_MAX);
    keras_give(l, v);
}

/* ---- sizes ---- */

/* The size of x [N, C, H, W] times whole factors; or (scales NULL) the one given. */
static struct value *size_of(struct keras_call *l, struct value *x, const float *scales, const int64_t *sizes)
{
    struct value *in[] = {x, NULL};
    if (!scales)
        return build_list(l->b, 2, sizes);
    in[1] = BUILD_LIST(l->b, (int64_t)scales[0], (int64_t)scales[1]);
    return build_formula(l->b, "$0 Shape [2] [4] Slice:3 $1 Mul:2", 2, in);
}

/* x of n spatial axes by factors or (scales NULL) to sizes; pixels' middles correspond, as TensorFlow 2 has it. */
static struct value *resize(struct keras_call *l, int n, const char *mode, bool antialias, const float *scales,
                            const int64_t *sizes)
{
    static const char *const modes[][2] = {{"nearest", "nearest"}, {"bilinear", "linear"}, {"bicubic", "cubic"}};
    const char *onnx = NULL;
    float all[MOST_AXES + 2] = {1, 1};
    for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++)
        if (strcmp(modes[i][0], mode) == 0)
            onnx = modes[i][1];
    if (!onnx) {
        build_fail(l->b, "its interpolation is \"%.30s\", want nearest, bilinear or bicubic", mode);
        return NULL;
    }
    for (int i = 0; i < n && scales; i++)
        all[2 + i] = scales[i];
    bool cubic = strcmp(onnx, "cubic") == 0, spread = antialias && onnx[0] != 'n';
    struct value *x = keras_to_nchw(l, keras_in(l, 0), n + 2), *v;
    v = cubic && !spread ? tensorflow_resize_cubic(l->b, x, size_of(l, x, scales, sizes), false, true) : NULL;
    if (v)
        return keras_from_nchw(l, v, n + 2);
    if (scales)
        v = BUILD(l->b, "Resize", x, NULL, build_f32s(l->b, n + 2, all));
    else
        v = build_ints(l->b, BUILD(l->b, "Resize", x, NULL, NULL, build_list(l->b, n, sizes)), "axes", n,
                       (int64_t[]){2, 3, 4});
    build_string(l->b, v, "mode", onnx);
    if (strcmp(onnx, "nearest") == 0) {
        build_string(l->b, v, "coordinate_transformation_mode", scales ? "asymmetric" : "half_pixel");
        build_string(l->b, v, "nearest_mode", scales ? "floor" : "round_prefer_ceil");
    }
    if (cubic)
        build_float(l->b, v, "cubic_coeff_a", -0.5f);
    if (cubic || spread)
        build_int(l->b, v, "exclude_outside", 1);
    if (spread)
        build_int(l->b, v, "antialias", 1);
    return keras_from_nchw(l, v, n + 2);
}

struct value *keras_resize(struct keras_call *l, const char *mode, bool antialias, const int64_t sizes[2])
{
    return resize(l, 2, mode, antialias, NULL, sizes);
}

void keras_read_up_sampling(struct keras_call *l)
{
    int n = spatial(l);
    int64_t sizes[MOST_AXES];
    float scales[MOST_AXES];
    keras_ints(l, "size", n, 2, sizes);
    for (int i = 0; i < n; i++)
        scales[i] = (float)sizes[i];
    keras_give(l, resize(l, n, keras_text(l, "interpolation", "nearest"), false, scales, NULL));
}

/* The input cut, or filled up on both sides, to the proportion of these sizes, where that is asked for. */
static struct value *in_proportion(struct keras_call *l, const int64_t sizes[2])
{
    struct build *b = l->b;
    struct value *x = keras_in(l, 0), *v = x;
    bool cuts = l->kind->onnx || keras_bool(l, "crop_to_aspect_ratio", false),
         fills = keras_bool(l, "pad_to_aspect_ratio", false);
    int first = first_axis(l);
    for (int i = 0; i < 2 && (cuts || fills) && !b->failed; i++) {
        int64_t have = keras_dim(l, x, first + i), other = keras_dim(l, x, first + 1 - i);
        if (have < 1 || other < 1 || have > 1 << 24 || other > 1 << 24 || sizes[0] < 1 || sizes[1] < 1 ||
            sizes[i] > 1 << 24) {
            build_fail(b, "to keep the proportion the size of its input must be known");
            return NULL;
        }
        int64_t fit = (int64_t)((float)(other * sizes[i]) / (float)sizes[1 - i]), more = (fit - have) / 2;
        fit = fit < 1 ? 1 : fit;
        if (cuts && fit < have)
            v = build_slice(b, v, first + i, (have - fit) / 2, (have - fit) / 2 + fit);
        else if (!cuts && more > 0 && more < 1 << 24)
            v = BUILD(b, "Pad", v, BUILD_LIST(b, more, more),
                      build_number(b, build_dtype_of(b, v), (double)keras_float(l, "fill_value", 0)),
                      BUILD_LIST(b, first + i));
    }
    return v;
}

/* And RandomCrop, of which Keras 3, whose types are objects, leaves the input as it is. */
void keras_read_resizing(struct keras_call *l)
{
    const struct json_node *dtype = keras_member(l, "dtype");
    if (l->kind->onnx && dtype && dtype->kind == JSON_OBJECT) {
        keras_give(l, keras_in(l, 0));
        return;
    }
    int64_t sizes[2] = {keras_int(l, "height", 0), keras_int(l, "width", 0)};
    spatial(l);
    struct value *shaped = in_proportion(l, sizes), **given = l->in;
    l->in = &shaped;
    struct value *v =
        keras_resize(l, keras_text(l, "interpolation", "bilinear"), keras_bool(l, "antialias", false), sizes);
    l->in = given;
    keras_give(l, v);
    keras_note_prepared(l);
}

void keras_read_center_crop(struct keras_call *l)
{
    int64_t sizes[2] = {keras_int(l, "height", 0), keras_int(l, "width", 0)};
    spatial(l);
    struct value *v = keras_in(l, 0);
    for (int i = 0; i < 2 && !l->b->failed; i++) {
        int64_t have = keras_dim(l, keras_in(l, 0), first_axis(l) + i), from = (have - sizes[i]) / 2;
        if (have < sizes[i])
            build_fail(l->b, "the size of its input must be known, and not be smaller than the crop");
        v = build_slice(l->b, v, first_axis(l) + i, from, from + sizes[i]);
    }
    keras_give(l, v);
}
