/* Operators that MediaPipe adds. Their options are a C struct as it lies in memory, of numbers of 32 bits. */
#include "base/bytes.h"
#include "format/tflite/operators.h"
#include "format/tflite/schema.h"

enum field { PADDING, STRIDE_W, STRIDE_H, WINDOW_W, WINDOW_H, ACTIVATION, MOST_FIELDS };
enum { STRUCT_SAME = 1, STRUCT_VALID = 2 };

/* The first `count` numbers; false when there are fewer, or they cannot be meant. */
static bool read_fields(struct tflite_op *o, int count, int64_t *fields)
{
    struct flatbuf_vector custom = flatbuf_vector(o->table, OPERATOR_CUSTOM, 1);
    struct bytes in = bytes_of(custom.data, custom.count);
    for (int i = 0; i < count; i++)
        fields[i] = (int32_t)bytes_u32(&in);
    for (int i = STRIDE_W; i < count && i < ACTIVATION; i++)
        in.bad = in.bad || fields[i] < 1 || fields[i] > 1 << 20;
    return !in.bad && (fields[PADDING] == STRUCT_SAME || fields[PADDING] == STRUCT_VALID) &&
           (count <= ACTIVATION || fields[ACTIVATION] == 0);
}

/* The output is as large as the input times the stride (SAME), or as all taps reach (VALID). */
void tflite_read_transpose_bias(struct tflite_op *o)
{
    static const int64_t perm[] = {3, 0, 1, 2}; /* OHWI to IOHW */
    int64_t f[MOST_FIELDS], filter[TENSOR_MAX_RANK], pads[4] = {0}, more[2] = {0};
    if (!read_fields(o, STRIDE_H + 1, f) || tflite_dims(o, 1, filter) != 4 || filter[1] < 1 || filter[2] < 1) {
        tflite_read_opaque(o);
        return;
    }
    int64_t stride[] = {f[STRIDE_H], f[STRIDE_W]};
    for (int i = 0; i < 2 && f[PADDING] == STRUCT_SAME; i++) {
        int64_t total = filter[i + 1] - stride[i];
        pads[i] = total > 0 ? total / 2 : 0;
        pads[i + 2] = total > 0 ? total - pads[i] : 0;
        more[i] = total < 0 ? -total : 0;
    }
    struct value *x = tflite_to_nchw(o->b, tflite_real(o, 0), 4);
    struct value *bias = tflite_has(o, 2) ? tflite_real(o, 2) : NULL;
    struct value *y = BUILD(o->b, "ConvTranspose", x, tflite_weights(o, 1, 4, perm), bias);
    y = build_ints(o->b, build_ints(o->b, y, "strides", 2, stride), "pads", 4, pads);
    y = more[0] || more[1] ? build_ints(o->b, y, "output_padding", 2, more) : y;
    tflite_give(o, 0, tflite_to_nhwc(o->b, y, 4));
}

/* Windows that lie side by side and cover an input of rank 4; where they stand in `f`. Only of those do the places in
 * a window, which the format stores, tell as much as the places in the image, which ONNX does. */
static bool read_windows(struct tflite_op *o, int64_t *f)
{
    int64_t dims[TENSOR_MAX_RANK];
    return read_fields(o, MOST_FIELDS, f) && tflite_dims(o, 0, dims) == 4 && f[STRIDE_W] == f[WINDOW_W] &&
           f[STRIDE_H] == f[WINDOW_H] && dims[1] > 0 && dims[2] > 0;
}

static struct value *set_windows(struct tflite_op *o, struct value *v, const int64_t *f)
{
    int64_t window[] = {f[WINDOW_H], f[WINDOW_W]};
    return build_ints(o->b, build_ints(o->b, v, "kernel_shape", 2, window), "strides", 2, window);
}

void tflite_read_pool_places(struct tflite_op *o)
{
    int64_t f[MOST_FIELDS], dims[TENSOR_MAX_RANK];
    if (!read_windows(o, f) || tflite_dims(o, 0, dims) != 4 || dims[1] % f[WINDOW_H] || dims[2] % f[WINDOW_W]) {
        tflite_read_opaque(o);
        return;
    }
    struct value *v = BUILD(o->b, "MaxPool", tflite_to_nchw(o->b, tflite_real(o, 0), 4));
    v = set_windows(o, v, f);
    struct value *places = build_output(o->b, v, 1);
    tflite_give(o, 0, tflite_to_nhwc(o->b, v, 4));
    tflite_give_raw(o, 1, tflite_to_nhwc(o->b, places, 4));
}

void tflite_read_unpool(struct tflite_op *o)
{
    int64_t f[MOST_FIELDS];
    struct value *places = tflite_raw(o, 1);
    const struct type *type = tflite_type(o->b, places);
    if (!read_windows(o, f) || !type || type->dtype != DTYPE_I64) {
        tflite_read_opaque(o);
        return;
    }
    struct value *x = tflite_to_nchw(o->b, tflite_real(o, 0), 4);
    struct value *v = BUILD(o->b, "MaxUnpool", x, tflite_to_nchw(o->b, places, 4));
    tflite_give(o, 0, tflite_to_nhwc(o->b, set_windows(o, v, f), 4));
}
